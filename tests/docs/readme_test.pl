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

# What the documents name is there: files, functions, constants, options of the
# build, commands.
my %doc = map { m{([^/]+)$} ? ($1 => slurp($_)) : () } glob("$top/*.md");
my $headers = join '', map { slurp($_) } "$top/include/securestate.h",
    "$top/tests/long.h", "$top/cmake/Options.cmake",
    glob("$top/include/securestate/*.h");
my $presets = slurp("$top/CMakePresets.json") // '';
my @tests = map { glob "$top/tests/*/$_" } '*_test.*', '*.h', '*.pml';
my (@paths, @words, @commands);
for my $file (sort keys %doc) {
	my $text = $doc{$file};
	while ($text =~ m{(?<![\w./])((?:src|tests|include|man|examples|scripts
	    |cmake|base|crypto|record|store|session|cgi|fuzz|bench)
	    /[\w*/.-]*[\w*/])}gx) {
		my ($path, $found) = ($1, 0);
		$found ||= grep { -e } glob "$top/$_$path" for '', 'src/';
		push @paths, "$file: $path" unless $found;
	}
	my @names = $text =~ /\b(SSTATE_[A-Z_]+\b(?!\*)|sstate_[a-z_]+(?=\())/g;
	push @words, map { "$file: $_" }
	    grep { $headers !~ /\b\Q$_\E\b/ } @names;
	push @commands, map { "$file: make $_" }
	    grep { $makefile !~ /^\Q$_\E:/m } $text =~ /`make (\w+)/g;
	push @commands, map { "$file: preset $_" }
	    grep { $presets !~ /"name": "\Q$_\E"/ } $text =~ /--preset (\w+)/g;
	push @commands, map { "$file: ctest -R $_" } grep {
		my $name = $_;
		!grep { m{/tests/\S*$name\S*_test\.} } @tests;
	} $text =~ /ctest .*?-R (\w+)/g;
}
told(!@paths, 'files that the documents name are there', @paths);
told(!@words, 'functions, constants and options that they name are there',
    @words);
told(!@commands, 'commands that they name work', @commands);

# SECURITY.md: "Each promise is held by a test that names its requirement".
my %held = map { $_ => 1 } map { slurp($_) =~ /\b([RF]-\d+)\b/g } @tests;
for (map { slurp($_) =~ /\b([RF])-(\d+)\.\.[RF]-(\d+)/g ? [$1, $2, $3] : () }
    @tests) {
	my ($kind, $from, $to) = @$_;
	$held{ sprintf '%s-%02d', $kind, $_ } = 1 for $from .. $to;
}
my %promised;
while (($doc{'SECURITY.md'} // '') =~
    /\b([RF])-(\d+)(?:\.\.[RF]-(\d+))?\b/g) {
	$promised{ sprintf '%s-%02d', $1, $_ } = 1 for $2 .. $3 // $2;
}
my @bare = grep { !$held{$_} } sort keys %promised;
told(keys %promised > 20 && !@bare,
    'each requirement that SECURITY.md names is named by a test', @bare);

print "1..$tests\n";
exit !!$failed;
