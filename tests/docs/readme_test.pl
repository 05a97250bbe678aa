#!/usr/bin/perl
# readme_test.pl - what the documents show is what is there
use strict;
use warnings;

my $top = $ENV{SOURCE_DIR} // '.';
my ($tests, $failed) = (0, 0);

sub told {
	my ($good, $text, @why) = @_;
	$tests++;
	$failed ||= !$good;
	print $good ? 'ok' : 'not ok', " $tests - $text\n";
	print "#   $_\n" for $good ? () : @why;
}

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or return;
	local $/;
	return scalar <$fh>;
}

my $readme = slurp("$top/README.md");
if (!defined $readme) {
	print "1..0 # SKIP there is no README.md\n";
	exit 0;
}
my $makefile = slurp("$top/Makefile") // '';
for my $target (qw(demo check)) {
	told($readme =~ /\bmake $target\b/, "README says make $target");
	told($makefile =~ /^$target:/m, "the Makefile can $target");
}

# The one C program of README is an example, which is built and run.
my ($shown) = $readme =~ /^```c\n(.*?)^```$/ms;
my $kept = slurp("$top/examples/readme.c") // '';
$kept =~ s{\A/\*.*?\*/\n+}{}s;
told(defined $shown && $shown eq $kept,
    'the program in README is examples/readme.c');

# A link to a file of ours leads somewhere.
my @dead;
for my $path (glob("$top/*.md")) {
	my $text = slurp($path);
	$text =~ s/^```.*?^```$//gms;
	while ($text =~ /\]\(([^)#\s]+)[^)]*\)/g) {
		my $to = $1;
		push @dead, "$path: $to"
		    if $to !~ /^[a-z]+:/ and !-e "$top/$to";
	}
}
told(!@dead, 'links of the documents lead to files', @dead);

print "1..$tests\n";
exit !!$failed;
