# Stores.pm - each store driver beside its own engine, bare (P6, P7, P8)
#
# A server is the one that the driver's tests start: bench_server_NAME runs
# it until its stdin is closed, on a Unix socket, without waiting for a disk.
package Stores;

use strict;
use warnings;
use List::Util qw(min);
use Count;

# uri: what the set's name is added to; far: trips to a server.
# reaps: it does not forget by itself.
my @all = (
	{ name => 'lmdb', uri => 'lmdb:%s/%s.mdb?sync=none', reaps => 1 },
	{ name => 'sqlite', uri => 'sqlite:%s/%s.db?sync=none', reaps => 1 },
	{ name => 'redis', far => '?prefix=%s:' },
	{ name => 'memcached', far => '?prefix=%s:' },
	{ name => 'pgsql', far => '&table=%s', reaps => 1 },
	{ name => 'mysql', far => '&table=%s', reaps => 1 },
);

my %server;	# pid => what is written to
my $serial = 0;

# how: report, bin, drivers, ring, rounds, full, has, media, and run.pl's
# section, turn, finish, fresh, progress
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
		if (!-e "$s->{drivers}/driver-$name.so") {
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
	pipe my $in, my $to or die "pipe: $!\n";
	my $pid = open(my $from, '-|') // die "fork: $!\n";
	if (!$pid) {
		close $to;
		open STDIN, '<&', $in or exit 127;
		close $in;
		exec "$s->{bin}/bench_server_$e->{name}" or exit 127;
	}
	close $in;
	$server{$pid} = $to;
	$e->{pid} = $pid;
	$e->{from} = $from;
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
	my $to = delete $server{$e->{pid} // return};
	close $to;
	close $e->{from};	# which waits for it
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
	return { name => 'securestate', store => 1, start => sub {
		my $set = 's' . $serial++;
		my $uri = $e->{far} ? $e->{uri} . sprintf $e->{far}, $set :
		    sprintf $e->{uri}, $s->{fresh}->($medium), $set;
		return ["$s->{bin}/bench_ours", $uri, $s->{ring}, @mode];
	} };
}

sub floor {
	my ($s, $e, $medium) = @_;
	return { name => "bare $e->{name}", store => 1, start => sub {
		return ["$s->{bin}/bench_floor_$e->{name}",
		    $e->{place} // $s->{fresh}->($medium), 's' . $serial++];
	} };
}

# ---- What is measured ------------------------------------------------------

sub run {
	my ($s) = @_;

	for my $e ($s->find) {
		$s->{progress}->("$e->{name}: start");
		$s->start($e) or next;
		$s->{section}->("$e->{name}:", 10_000, 20,
		    { read => 100, cycle => 100 },
		    $s->pair($e, $s->{media}[0]));
		$s->growth($e);
		$s->reap($e, $_) for $e->{reaps} ? $s->sizes : ();
		$s->counts($e);
		$s->stop($e);
		$s->judge($e);
	}
	$s->many if $ENV{LIVE};
}

sub sizes {
	my ($s) = @_;
	return (10_000, 100_000, $s->{full} ? 1_000_000 : ());
}

# The few are read beside the many.
sub growth {
	my ($s, $e, @n) = @_;
	my $title = "$e->{name}: growth";
	my @c;

	@n = ($s->sizes)[0, -1] unless @n;
	for my $n (@n) {
		$s->{progress}->("$title: $n sessions");
		my $c = Contender->new($s->ours($e, $s->{media}[-1]));
		$c->{name} = "$n sessions";
		$c->ask('make', $n);
		$c->ask('read', 1000);
		push @c, $c;
	}
	for my $slice (1 .. 20) {
		$s->{turn}->($title, 'read', 200, $slice % 2 ? @c : reverse @c);
	}
	$s->{finish}->('', @c);
	$s->{report}->against('P8', "$e->{name}: read at $n[1] sessions",
	    $title, 'read', "$n[1] sessions", "$n[0] sessions", '<=', 3);
}

# Ten that expired among n that live, again and again.
sub reap {
	my ($s, $e, $n) = @_;
	my $title = "$e->{name}: reap, $n live";
	my ($few, $times) = (10, 20);

	$s->{progress}->($title);
	my ($c, $f) = map { Contender->new($_) }
	    $s->pair($e, $s->{media}[0], 'clock');
	$c->ask('make', $n);
	$f->ask('make', 10_000);
	for (1 .. $times) {
		$c->ask('brief', $few);
		$c->ask('later', 600);
		my ($ns, $got, $worst) = $c->ask('reap', 100);
		die "$title: reaped $got of $few\n" if $got != $few;
		$s->{report}->time($title, 'securestate', 'per expired',
		    $ns / $few);
		$s->{report}->time($title, 'securestate', 'longest call',
		    $worst);
		($ns) = $f->ask('delete', $few);
		$s->{report}->time($title, 'bare delete', 'per expired',
		    $ns / $few);
		$s->{turn}->($title, 'idle', 50, $c);
		$s->{turn}->($title, 'read', 50, $f) if $e->{far};
	}
	$s->{finish}->('', $c, $f);
}

# LIVE=N: so many in lmdb: beside a hundredth of them, on a disk.
sub many {
	my ($s) = @_;
	my ($e) = grep { $_->{name} eq 'lmdb' } $s->find;
	my $n = $ENV{LIVE};

	die "LIVE=$n is no number of sessions\n" if $n !~ /^[1-9]\d{2,8}\z/;
	$e->{uri} .= '&map_bytes=' . ($n * 4096 + (1 << 30));
	$e->{name} = 'lmdb' and $s->growth($e, int $n / 100, $n) if $e;
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
		$r->goal('P6', "$name: $verb, client CPU over $raw, us",
		    ($a - $b) / 1e3, '<=', 3, 'min') if $e->{far};
	}
	$s->judge_reaping($e) if $e->{reaps};
}

sub judge_reaping {
	my ($s, $e) = @_;
	my ($r, $us) = ($s->{report}, 'securestate');
	my @n = ($s->sizes)[0, -1];
	my @title = map { "$e->{name}: reap, $_ live" } @n;

	for my $t (@title) {
		if ($e->{far}) {
			$r->goal('P7', "$t, nothing to do, times a bare read",
			    $s->least($t, 'idle', $us) /
			    $s->least($t, 'read', "bare $e->{name}"), '<=',
			    1.1, 'one trip, min');
		} else {
			$r->goal('P7', "$t, nothing to do, us",
			    $s->least($t, 'idle', $us) / 1e3, '<=', 1, 'min');
		}
		$r->against('P7', "$t, per expired", $t, 'per expired', $us,
		    'bare delete', '<=', 2);
		$r->goal('P7', "$t, longest call, ms",
		    $r->mid($t, 'longest call', $us) / 1e6, '<=', 5,
		    'median of rounds');
	}
	$r->goal('P7', "$e->{name}: per expired, $n[1] / $n[0] live",
	    $r->mid($title[1], 'per expired', $us) /
	    $r->mid($title[0], 'per expired', $us), '<=', 2, 'same run');
}

1;
