#!/usr/bin/perl
# tally.pl - count the TAP lines in logs of ctest; the exit code is the verdict
#
# usage: scripts/tally.pl BROKEN LOG...
#
# Prints "N passed, N failed" as its last line.  BROKEN is what failed
# besides.  A program that fails without a "not ok" counts as one failure,
# and so does one that leaves tests of its plan out, or has no test at all,
# and each report of a sanitizer in the log's build folder, which is printed.
use strict;
use warnings;

my $failed = shift // 0;
my ($passed, $skipped) = (0, 0);
my @bad;

# One program's part of a log.
sub program {
	my ($where, $lines, $good) = @_;
	my ($ok, $not, $skip, $plan, $why) = (0, 0, 0, undef, '');

	for (@$lines) {
		if (/^not ok\b/) {
			$not++;
			push @bad, "$where: $_";
		} elsif (/^ok\b.*#\s*skip\b/i) {
			$skip++;
		} elsif (/^ok\b/) {
			$ok++;
		} elsif (/^1\.\.(\d+)(.*)/) {
			$plan = $1;
			$skip++ if $plan == 0;
		}
	}
	my $ran = $ok + $not + $skip;
	if (!$good and !$not) {
		$why = 'ended badly';
	} elsif (!defined $plan) {
		$why = 'printed no plan';
	} elsif ($plan and $plan != $ran) {
		$why = "planned $plan, ran $ran";
	}
	if ($why) {
		$not++;
		push @bad, "$where: $why";
	}
	$passed += $ok;
	$failed += $not;
	$skipped += $skip;
}

for my $log (@ARGV) {
	my ($name, @lines);
	my $fh;
	if (!open $fh, '<', $log) {
		# A preset without a test leaves no log; that is no failure.
		print "# no tests: $log\n";
		next;
	}
	my $preset = $log =~ m{build/([^/]+)/} ? $1 : $log;
	while (my $line = <$fh>) {
		chomp $line;
		if ($line =~ m{^\d+/\d+ Testing: (.*)}) {
			$name = $1;
			@lines = ();
		} elsif (defined $name and
		    $line =~ /^Test (Passed|Failed)\./) {
			program("$preset $name", \@lines, $1 eq 'Passed');
			undef $name;
		} elsif (defined $name) {
			push @lines, $line;
		}
	}
	program("$preset $name", \@lines, 0) if defined $name;
	my $folder = $log =~ m{^(.*/)Testing/} ? $1 : next;
	for my $report (glob "${folder}reports/*") {
		open my $text, '<', $report or die "tally: $report: $!\n";
		print "# $report\n", <$text>;
		push @bad, "$preset: a sanitizer's report: $report";
		$failed++;
	}
}

print "$_\n" for @bad;
if ($passed + $failed + $skipped == 0) {
	print "no test ran\n";
	$failed++;
}
print "$passed passed, $failed failed", $skipped ? ", $skipped skipped" : '',
    "\n";
exit !!$failed;
