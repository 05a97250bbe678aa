#!/usr/bin/perl
# words_test.pl - house rules that a machine can see in every source
#
# Each C file opens with its name and what it does; nothing is left to do;
# nothing ends in blanks.
use strict;
use warnings;
use File::Find;

my $top = $ENV{SOURCE_DIR} // '.';
my (%bad, @files);

# Put together, so that this file does not name them.
my $left = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X', 'HA' . 'CK';

find({ no_chdir => 1, wanted => sub {
	if (-d and m{/(?:build|b|node_modules|corpus|vectors)\z|/\.git\z}) {
		$File::Find::prune = 1;
		return;
	}
	push @files, $_
	    if -f and m{\.(?:[chly]|cc|pl|sh|py|mjs|cmake|md|css|html|[1-8])\z|
	    /(?:Makefile|CMakeLists\.txt|scripts/[a-z]+|PROTOCOL\.[a-z]+)\z}x;
} }, $top);

for my $path (sort @files) {
	open my $fh, '<', $path or die "$path: $!\n";
	my $c = $path =~ /\.(?:[ch]|cc)\z/;
	my ($name) = $path =~ m{([^/]+)\z};
	my $opens = $path =~ m{/examples/readme\.c\z};
	while (my $line = <$fh>) {
		chomp $line;
		my $at = "$path:$.";
		$opens = 1 if $. <= 2 and $line =~ m{^/?[ /]\*?.*\b\Q$name\E - \S};
		push @{ $bad{left} }, $at if $line =~ /\b(?:$left)\b/;
		push @{ $bad{blank} }, $at if $line =~ /[ \t]\z/;
	}
	push @{ $bad{opens} }, $path if $c and !$opens;
}

my $n = 0;
for (['opens', 'a C file opens with its name and what it does'],
    ['left', 'nothing is left to do'],
    ['blank', 'no line ends in blanks']) {
	my ($key, $text) = @$_;
	$n++;
	print $bad{$key} ? 'not ok' : 'ok', " $n - $text\n";
	print "#   $_\n" for @{ $bad{$key} // [] };
}
print "1..$n\n# ", scalar @files, " files\n";
exit !!%bad;
