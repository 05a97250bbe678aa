# Report.pm - what was measured: medians, minima, ratios, goals
package Report;

use strict;
use warnings;
use List::Util qw(min);

sub new {
	return bless { time => {}, order => [], counts => [], goals => [],
	    notes => [], places => [] }, shift;
}

sub note {
	my ($r, $text) = @_;
	push @{ $r->{notes} }, $text;
}

# Nanoseconds of one slice, per request.
sub time {
	my ($r, $title, $who, $verb, $ns) = @_;
	my $at = $r->{time}{$title}{$verb} //= {};

	push @{ $r->{order} }, [$title, $verb, $who] unless $at->{$who};
	push @{ $at->{$who} }, $ns;
}

sub count {
	my ($r, $title, $who, $what, $n) = @_;
	my $old = (grep { $_->[0] eq $title and $_->[1] eq $who and
	    $_->[2] eq $what } @{ $r->{counts} })[0];

	push @{ $r->{counts} }, $old = [$title, $who, $what] unless $old;
	$old->[3] = $n;
}

sub goal {
	my ($r, $p, $text, $is, $op, $want, $how) = @_;
	my $good = !defined $is ? undef :
	    $op eq '<=' ? $is <= $want : $op eq '>=' ? $is >= $want :
	    $is == $want;

	push @{ $r->{goals} }, [$p, $text, $is, $op, $want, $good, $how];
}

sub median {
	my @v = sort { $a <=> $b } @_;
	return undef unless @v;
	return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

# Of neighbours: the median of slice by slice, where both have as many.
sub ratio {
	my ($r, $title, $verb, $one, $other) = @_;
	my $a = $r->{time}{$title}{$verb}{$one};
	my $b = $r->{time}{$title}{$verb}{$other};

	return undef unless $a and $b;
	return median(@$a) / median(@$b) if @$a != @$b;
	return median(map { $a->[$_] / $b->[$_] } 0 .. $#$a);
}

sub mid {
	my ($r, $title, $verb, $who) = @_;
	return median(@{ $r->{time}{$title}{$verb}{$who} // [] });
}

# ---- The goals -----------------------------------------------------------

sub against {
	my ($r, $p, $text, $title, $verb, $one, $other, $op, $want) = @_;
	my $is = $r->ratio($title, $verb, $one, $other);

	$r->goal($p, $text, $is, $op, $want, "$one / $other");
}

sub judge {
	my ($r, $media, $full) = @_;
	my $ours = 'securestate';

	$r->judge_lives;
	$r->judge_web;
	for (['P2', 'tmpfs: cycle', 'cycle', 'protocol floor', 1.15],
	    ['P2', 'tmpfs: cycle, against PHP', 'cycle', 'PHP files', 1],
	    ['P2', 'tmpfs: read', 'read', 'protocol floor', 1.2],
	    ['P2', 'tmpfs: read, against PHP', 'read', 'PHP files', 0.85]) {
		my ($p, $text, $verb, $other, $want) = @$_;
		$r->against($p, $text, 'file: tmpfs', $verb, $ours, $other,
		    '<=', $want);
	}
	$r->against('P3', 'disk, sync=none: cycle, times faster',
	    'file: disk', 'cycle', 'PHP files', $ours, '>=', 10);
	$r->against('P3', 'disk, sync=data: cycle',
	    'file: disk, sync=data', 'cycle', $ours, 'pwrite + fdatasync',
	    '<=', 1.1);
	$r->against('P5', 'memory: cycle', 'memory:', 'cycle', $ours,
	    'crypto-only loop', '<=', 1.4);
	$r->judge_threads;
	my ($bytes) = map { $_->[3] } grep { $_->[0] eq 'memory:' and
	    $_->[1] eq $ours and $_->[2] eq 'memory' } @{ $r->{counts} };
	$r->goal('P5', 'memory: bytes per session at 10^4', $bytes, '<=',
	    Count::SEALED() + 128, 'counted');
	$r->judge_reaping($media, $full);
	my ($few, $many) = (10_000, $full ? 1_000_000 : 100_000);
	$r->against('P8', "read at $many sessions" . ($full ? '' :
	    ' (10^6: FULL=1)'), 'growth', 'read', "$many sessions",
	    "$few sessions", '<=', 3);
	$r->against('P8', "open at $many sessions", 'growth', 'open',
	    "$many sessions", "$few sessions", '<=', 1.25);
	my $one = $r->mid('parallel', '1 at once', $ours);
	my $four = $r->mid('parallel', '4 at once', $ours);
	$r->goal('P9', 'four parallel requests of 200 ms', $four / $one,
	    '<=', 1.05, 'four / one') if $one;
}

sub judge_lives {
	my ($r) = @_;
	my $musl = 'securestate, static musl';

	$r->against('P1', 'life, tmpfs, static musl', 'CGI life, tmpfs',
	    'life', $musl, 'trivial, static musl', '<=', 1.8);
	$r->against('P1', 'life, disk, static musl', 'CGI life, disk',
	    'life', $musl, 'protocol, static musl', '<=', 1.2);
	for my $as ('dynamic', 'static glibc') {
		$r->against('P1', "life, tmpfs, $as", 'CGI life, tmpfs',
		    'life', "securestate, $as", "trivial, $as", '<=', 1.25);
	}
	for (['tmpfs', 85], ['disk', 50]) {
		$r->against('P1', "life, $_->[0], times faster than php-cgi",
		    "CGI life, $_->[0]", 'life', 'php-cgi files', $musl, '>=',
		    $_->[1]);
	}
}

# Requests a second, as the times of one another.
sub judge_web {
	my ($r) = @_;
	my $t = 'behind lighttpd';

	for (['FastCGI with session, times php with sessions', 'php FastCGI',
	    'FastCGI, session', 2],
	    ['FastCGI with session, times hello', 'FastCGI, hello',
	    'FastCGI, session', 0.7],
	    ['CGI with session, times hello, musl', 'CGI, hello',
	    'CGI, session', 0.75]) {
		$r->against('P12', $_->[0], $t, 'request', $_->[1], $_->[2],
		    '>=', $_->[3]);
	}
}

# cycle2 is the time per cycle while two threads are at it.
sub judge_threads {
	my ($r) = @_;

	for my $who ('securestate', 'crypto-only loop') {
		my $one = $r->{time}{'memory:'}{cycle}{$who} // next;
		my $two = $r->{time}{'memory:'}{cycle2}{$who} // next;
		my $is = median(map { $one->[$_] / $two->[$_] } 0 .. $#$one);
		if ($who eq 'securestate') {
			$r->goal('P5', 'memory: two threads, times one', $is,
			    '>=', 1.7, 'same run');
		} else {
			$r->note(sprintf 'two threads of the crypto-only '
			    . 'loop, which share nothing, do %.2f times one',
			    $is);
		}
	}
}

sub judge_reaping {
	my ($r, $media, $full) = @_;
	my $us = 'securestate';

	for my $m (@$media) {
		my $t = "reap: $m, 10000 live";
		my $idle = $r->mid($t, 'nothing to do', $us);
		my $worst = $r->mid($t, 'longest call', $us);
		next unless defined $idle;
		$r->goal('P7', "$m: nothing to do, us", $idle / 1e3, '<=', 5,
		    '10^4 live');
		$r->against('P7', "$m: per expired", $t, 'per expired', $us,
		    'bare unlink', '<=', 2);
		$r->goal('P7', "$m: longest call for 100, ms", $worst / 1e6,
		    '<=', 5, 'median of rounds');
	}
	my ($t, $old) = map { "reap: tmpfs, $_ live" } 1_000_000, 10_000;
	if (!$full or !$r->{time}{$t}) {
		$r->note('P7 at 10^6 live is not measured: FULL=1');
		return;
	}
	my $idle = $r->mid($t, 'nothing to do', $us);
	$r->goal('P7', 'tmpfs: nothing to do, us', $idle / 1e3, '<=', 5,
	    '10^6 live');
	$r->goal('P7', 'tmpfs: per expired, 10^6 / 10^4',
	    $r->mid($t, 'per expired', $us) /
	    $r->mid($old, 'per expired', $us), '<=', 2, 'live');
}

# ---- Where it ran --------------------------------------------------------

sub first_line {
	my (@cmd) = @_;
	my $pid = open(my $fh, '-|') // return 'unknown';
	if (!$pid) {
		open STDERR, '>', '/dev/null';
		exec { $cmd[0] } @cmd or exit 127;
	}
	my $line = <$fh> // 'none';
	my @rest = <$fh>;
	close $fh;
	chomp $line;
	return $line;
}

# The type of the file system that a folder lies on, by its longest mount.
sub fs {
	my ($dir) = @_;
	my ($best, $type) = (-1, 'unknown');
	local $_;

	open my $fh, '<', '/proc/self/mounts' or return $type;
	while (<$fh>) {
		my (undef, $at, $kind) = split ' ';
		my $below = $at eq '/' ? '/' : "$at/";
		($best, $type) = (length $at, $kind)
		    if length $at > $best and index("$dir/", $below) == 0;
	}
	return $type;
}

sub place {
	my ($r, $medium, $dir) = @_;
	push @{ $r->{places} }, "$medium: " . fs($dir);
}

sub load {
	open my $fh, '<', '/proc/loadavg' or return 'unknown';
	my $line = <$fh>;
	return join ' ', (split ' ', $line)[0 .. 2];
}

sub machine {
	my ($r, $began, $rounds) = @_;
	my @cpu = glob '/sys/devices/system/cpu/cpu[0-9]*';

	return (
		"kernel    " . first_line(qw(uname -sr)) . ', ' . @cpu .
		    ' processors',
		"files     " . join(', ', @{ $r->{places} }),
		"libc      " . first_line(qw(getconf GNU_LIBC_VERSION)) .
		    '; ' . first_line(qw(pkg-config --modversion libsodium)) .
		    ' libsodium',
		"compiler  " . first_line(qw(cc --version)),
		"peers     " . join('; ', first_line(qw(php --version)),
		    "perl $^V", 'node ' . first_line(qw(node --version))),
		"run       $rounds rounds, " . (CORE::time() - $began) .
		    ' s, load at the end ' . load(),
	);
}

# ---- Out -----------------------------------------------------------------

sub number {
	my ($n) = @_;
	return '-' unless defined $n;
	return $n == int $n && abs $n >= 1 ? sprintf '%d', $n :
	    abs $n >= 100 ? sprintf '%.0f', $n :
	    abs $n >= 10 ? sprintf '%.1f', $n : sprintf '%.2f', $n;
}

sub table {
	my ($r) = @_;
	my @out = sprintf '%-24s %-13s %-25s %10s %10s', 'section', 'verb',
	    'contender', 'median us', 'min us';

	for (@{ $r->{order} }) {
		my ($title, $verb, $who) = @$_;
		my @v = @{ $r->{time}{$title}{$verb}{$who} };
		push @out, sprintf '%-24s %-13s %-25s %10s %10s', $title,
		    $verb, $who, map { number($_ / 1e3) } median(@v), min(@v);
	}
	push @out, '', sprintf '%-24s %-25s %-22s %12s', 'counted',
	    'contender', 'what', 'number';
	push @out, map { sprintf '%-24s %-25s %-22s %12s', @$_[0 .. 2],
	    number($_->[3]) } @{ $r->{counts} };
	return @out;
}

sub goals {
	my ($r) = @_;
	my @out;

	for (sort { substr($a->[0], 1) <=> substr($b->[0], 1) }
	    @{ $r->{goals} }) {
		my ($p, $text, $is, $op, $want, $good, $how) = @$_;
		push @out, sprintf '%-4s %-11s %10s %s %-7s %-45s %s', $p,
		    !defined $good ? 'not run' : $good ? 'reached' :
		    'NOT REACHED', number($is), $op, number($want), $text,
		    $how;
	}
	return @out;
}

sub write {
	my ($r, $build, $top, $began, $rounds) = @_;
	my @text = ('securestate, make bench', '',
	    $r->machine($began, $rounds), '',
	    'Times are of neighbours in time on a shared machine: only ratios',
	    'within one run carry over.', '', $r->table, '', 'goals',
	    $r->goals, '', map { "note: $_" } @{ $r->{notes} });

	print map { "$_\n" } @text;
	open my $fh, '>', "$build/results.txt" or die "$build: $!\n";
	print $fh map { "$_\n" } @text;
	close $fh or die "$build: $!\n";
	open $fh, '>', "$build/results.tsv" or die "$build: $!\n";
	print $fh "kind\tsection\tcontender\twhat\tvalue\tmin\n";
	for (@{ $r->{order} }) {
		my ($title, $verb, $who) = @$_;
		my @v = @{ $r->{time}{$title}{$verb}{$who} };
		printf $fh "ns\t%s\t%s\t%s\t%.0f\t%.0f\n", $title, $who, $verb,
		    median(@v), min(@v);
	}
	printf $fh "count\t%s\t%s\t%s\t%s\t\n", @$_ for @{ $r->{counts} };
	printf $fh "goal\t%s\t%s\t%s %s\t%s\t\n", $_->[0], $_->[1], $_->[3],
	    $_->[4], $_->[2] // '' for @{ $r->{goals} };
	close $fh or die "$build: $!\n";
}

1;
