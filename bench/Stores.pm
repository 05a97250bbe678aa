# Stores.pm - each store driver beside its own engine, bare (P6, P7, P8)
#
# A server is the one that the driver's tests start: bench_server_NAME runs
# it until its stdin is closed, on a Unix socket, without waiting for a disk.
package Stores;

use strict;
use warnings;
use IPC::Open2;
use List::Util qw(min);
use Count;

# uri: where a set is, in a folder; far: what is added to a server's URI.
# reaps: it does not forget by itself; lacks: why it is not measured.
my @all = (
	{ name => 'lmdb', uri => 'lmdb:%s/%s.mdb?sync=none', reaps => 1 },
	{ name => 'sqlite', uri => 'sqlite:%s/%s.db?sync=none', reaps => 1 },
	{ name => 'redis', far => '?prefix=%s:' },
	{ name => 'memcached', far => '?prefix=%s:' },
	{ name => 'pgsql', far => '&table=%s', reaps => 1 },
	{ name => 'mysql', far => '&table=%s', reaps => 1 },
	{ name => 'dynamodb', lacks => 'only an emulation is at hand' },
);

my %server;	# pid => what is written to
my $serial = 0;

# how: report, bin, work, drivers, ring, full, has, media, names: those that
# are asked for, or all; crypto: the loop as a contender; and run.pl's section, turn, finish, fresh, progress
sub new {
	my ($class, %how) = @_;
	return bless { %how }, $class;
}

# Those that are there; each that is not is named.
sub find {
	my ($s) = @_;
	my @found;

	for my $e (@all) {
		my $name = $e->{name};
		next if %{ $s->{names} } and !$s->{names}{$name};
		if ($e->{lacks}) {
			$s->{report}->note("$name: is left out: $e->{lacks}");
		} elsif (!-e "$s->{drivers}/driver-$name.so") {
			$s->{report}->note("$name: is left out: no such driver "
			    . 'in this build');
		} elsif (!-x "$s->{bin}/bench_floor_$name") {
			$s->{report}->note("$name: is left out: no floor");
		} else {
			push @found, { %$e };
		}
	}
	return @found;
}

# ---- Servers ---------------------------------------------------------------

# It ignores what interrupts us, and ends when its stdin does.
sub start {
	my ($s, $e) = @_;

	return 1 unless $e->{far};
	# A handle of open() would wait for it while $to is still open.
	my $pid = open2(my $from, my $to, "$s->{bin}/bench_server_$e->{name}");
	$server{$pid} = $to;
	$e->{pid} = $pid;
	local $_;
	while (<$from>) {
		(undef, $e->{uri}, $e->{place}) = split, return 1 if /^up /;
		$s->{report}->note("$e->{name}: is left out: $1")
		    if /# SKIP (.*)/;
		warn $_ if /^not ok/;
	}
	$s->{report}->note("$e->{name}: is left out: its server does not start")
	    unless grep { /^\Q$e->{name}\E: is left out/ }
	    @{ $s->{report}{notes} };
	$s->stop($e);
	return 0;
}

sub stop {
	my ($s, $e) = @_;
	my $pid = delete $e->{pid} // return;

	close delete $server{$pid};
	waitpid $pid, 0;
}

# What a run that was stopped has left.
sub stop_all {
	for my $pid (keys %server) {
		close delete $server{$pid};
		waitpid $pid, 0;
	}
}

# ---- Contenders ------------------------------------------------------------

# Both of one engine, on one medium, each with a data set of its own.
sub pair {
	my ($s, $e, $medium, @mode) = @_;
	return ($s->ours($e, $medium, @mode), $s->floor($e, $medium));
}

sub ours {
	my ($s, $e, $medium, @mode) = @_;
	return { name => 'securestate', cpu => 1, ends => 1, start => sub {
		my $set = 's' . $serial++;
		my $uri = $e->{far} ? $e->{uri} . sprintf $e->{far}, $set :
		    sprintf $e->{uri}, $s->{fresh}->($medium), $set;
		return ["$s->{bin}/bench_ours", $uri, $s->{ring}, @mode];
	} };
}

sub floor {
	my ($s, $e, $medium) = @_;
	return { name => "bare $e->{name}", cpu => 1, ends => 1, start => sub {
		return ["$s->{bin}/bench_floor_$e->{name}",
		    $e->{place} // $s->{fresh}->($medium), 's' . $serial++];
	} };
}

# ---- What is measured ------------------------------------------------------

sub run {
	my ($s) = @_;

	for my $e ($s->find) {
		my $m = $s->{media}[0];
		$s->{progress}->("$e->{name}: start");
		$s->start($e) or next;
		$s->{section}->("$e->{name}:", 10_000, 20,
		    { read => 100, cycle => 100 }, $s->pair($e, $m),
		    { %{ $s->{crypto} }, cpu => 1 });
		$s->live($e, $m, (10_000, 100_000,
		    $s->{full} ? 1_000_000 : ()));
		$s->counts($e);
		$s->stop($e);
		$s->judge($e);
	}
	$s->many if $ENV{LIVE};
}

# The fewest are read beside the most; then something expires in each.
sub live {
	my ($s, $e, $medium, @n) = @_;
	my $title = "$e->{name}: growth";
	my @c;

	for my $n (@n) {
		$s->{progress}->("$title: $n sessions");
		my $c = Contender->new($s->ours($e, $medium, 'clock'));
		$c->{name} = "$n sessions";
		$c->ask('make', $n);
		$c->ask('read', 1000);
		push @c, $c;
	}
	for my $slice (1 .. 20) {
		my @turn = @c[0, -1];
		$s->{turn}->($title, 'read', 200, $slice % 2 ? @turn :
		    reverse @turn);
	}
	$s->{report}->against('P8', "$e->{name}: read at $n[-1] sessions",
	    $title, 'read', "$n[-1] sessions", "$n[0] sessions", '<=', 3);
	if ($e->{reaps}) {
		my $f = Contender->new($s->floor($e, $medium));
		$f->ask('make', 10_000);
		$s->reap($e, $c[$_], $n[$_], $f) for 0 .. $#c;
		$s->judge_reaping($e, @n[0, -1]);
		push @c, $f;
	}
	$s->{finish}->('', @c);
}

# Ten that expired among n that live, again and again.
sub reap {
	my ($s, $e, $c, $n, $f) = @_;
	my ($title, $r) = ("$e->{name}: reap, $n", $s->{report});
	my $few = 10;

	$s->{progress}->($title);
	$c->{name} = 'securestate';
	for (1 .. 20) {
		$c->ask('brief', $few);
		$c->ask('later', 600);
		my ($ns, $got, $worst) = $c->ask('reap', 100);
		die "$title: reaped $got of $few\n" if $got != $few;
		$r->time($title, 'securestate', 'per expired', $ns / $few);
		$r->time($title, 'securestate', 'longest call', $worst);
		($ns) = $f->ask('delete', $few);
		$r->time($title, 'bare delete', 'per expired', $ns / $few);
		$s->{turn}->($title, 'idle', 50, $c);
		$s->{turn}->($title, 'read', 50, $f) if $e->{far};
	}
}

# LIVE=N: so many in lmdb: beside a hundredth of them, on a disk.
sub many {
	my ($s) = @_;
	my ($e) = grep { $_->{name} eq 'lmdb' } $s->find or return;
	my $n = $ENV{LIVE};

	die "LIVE=$n is no number of sessions\n" if $n !~ /^[1-9]\d{2,8}\z/;
	$e->{uri} .= '&map_bytes=' . ($n * 4096 + (1 << 30));
	$s->live($e, $s->{media}[-1], int $n / 100, $n);
}

sub counts {
	my ($s, $e) = @_;
	my $count = Count->new($s->{report}, $s->{work});
	my ($what, $m) = ("$e->{name}:", $s->{media}[0]);

	for my $who ($s->pair($e, $m)) {
		$s->{progress}->("counting: $what");
		for my $verb ($s->{has}{strace} ? qw(read cycle) : ()) {
			my $n = $count->trace($who->{start}, 'make 40',
			    "$verb 40", "$verb 100");
			delete $n->{bytes};
			my $sum = 0;
			$sum += $_ / 100 for values %$n;
			$s->{report}->count($what, $who->{name},
			    "$verb: system calls", $sum);
			$s->{report}->count($what, $who->{name},
			    "$verb: trips", (($n->{sendto} // 0) +
			    ($n->{write} // 0) + ($n->{sendmsg} // 0)) / 100)
			    if $e->{far};
		}
		$count->instructions($what, $who->{name}, $who->{start})
		    if $s->{full} and $s->{has}{valgrind};
	}
}

# ---- The goals -------------------------------------------------------------

sub least {
	my ($s, $title, $verb, $who) = @_;
	return min(@{ $s->{report}{time}{$title}{$verb}{$who} // [] });
}

sub judge {
	my ($s, $e) = @_;
	my ($r, $name, $us) = ($s->{report}, $e->{name}, 'securestate');
	my ($title, $raw) = ("$name:", "bare $name");
	my ($most, $more) = $name eq 'lmdb' ? (1.3, 2500) :
	    $name eq 'sqlite' ? (1.2, 0) : (1.1, 0);

	for my $verb (qw(cycle read)) {
		my ($a, $b) = map { $s->least($title, $verb, $_) } $us, $raw;
		$r->goal('P6', "$name: $verb" . ($more ? ', less 2.5 us' : ''),
		    ($a - $more) / $b, '<=', $most, "$us / $raw, min");
		($a, $b) = map { $s->least($title, "$verb: cpu", $_) } $us,
		    $raw;
		$r->goal('P6', "$name: $verb, client CPU over bare, us",
		    ($a - $b) / 1e3, '<=', 3, 'min') if $e->{far};
	}
	my ($us_r, $raw_r, $us_c, $raw_c, $r_c, $c_c) = map {
	    my $who = $_->[1]; $s->least($title, $_->[0], $who) / 1e3 }
	    ['read', $us], ['read', $raw], ['cycle', $us], ['cycle', $raw],
	    ['read', 'crypto-only loop'], ['cycle', 'crypto-only loop'];
	$r->note(sprintf '%s: over the bare engine, a read takes %.1f us and a '
	    . 'cycle %.1f; the crypto-only loop %.1f and %.1f', $name,
	    $us_r - $raw_r, $us_c - $raw_c, $r_c, $c_c);
}

sub judge_reaping {
	my ($s, $e, @n) = @_;
	my ($r, $us, $name) = ($s->{report}, 'securestate', $e->{name});
	my @title = map { "$name: reap, $_" } @n;

	for my $t (@title) {
		if ($e->{far}) {
			$r->goal('P7', "$t: nothing to do, in bare reads",
			    $s->least($t, 'idle', $us) /
			    $s->least($t, 'read', "bare $name"), '<=', 1.1,
			    'one trip, min');
		} else {
			$r->goal('P7', "$t: nothing to do, us",
			    $s->least($t, 'idle', $us) / 1e3, '<=', 1, 'min');
		}
		$r->against('P7', "$t: per expired", $t, 'per expired', $us,
		    'bare delete', '<=', 2);
		$r->goal('P7', "$t: longest call, ms",
		    $r->mid($t, 'longest call', $us) / 1e6, '<=', 5,
		    'median of rounds');
	}
	$r->goal('P7', "$name: per expired, $n[1] / $n[0]",
	    $s->least($title[1], 'per expired', $us) /
	    $s->least($title[0], 'per expired', $us), '<=', 2, 'min');
}

1;
