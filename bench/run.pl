#!/usr/bin/perl
# run.pl - measure contenders, turn by turn, and print table and goals
#
# usage: bench/run.pl TOP BUILD [MUSL]		scripts/bench calls it
#
# Contenders are processes that answer "VERB N" with nanoseconds (speak.h).
# In each round all of a section start anew with new data sets; then they
# take turns in short slices, so that a ratio compares neighbours in time.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Spec;
use lib dirname(abs_path(__FILE__));
use Contender;
use Count;
use Report;
use Stores;
use Web;

my ($top, $build, $musl) = @ARGV;
die "usage: bench/run.pl TOP BUILD [MUSL]\n" unless defined $build;
my $bin = "$build/cmake/bench";
my $full = $ENV{FULL};
my $stores = $ENV{STORES} // 'yes';
my $rest = $stores =~ /^(?:yes|no)\z/;	# not the stores alone
my $rounds = $ENV{ROUNDS} || 5;
my $peers = "$top/bench/peers";
# Removing a file may take a millisecond where freed blocks are discarded.
my %live = (tmpfs => 10_000, disk => $full ? 10_000 : 1000);
my $began = time;
my %place = (	# medium => folder
	tmpfs => '/dev/shm',
	disk => $ENV{BENCH_DISK} // $build,
);
my ($done, $todo) = (0, (!$rest ? 0 : 8 * $rounds + 10) +
    ($stores eq 'no' ? 0 : 6 * ($rounds + 7)));
my @work;
my $report = Report->new;

$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { exit 1 };
$SIG{PIPE} = 'IGNORE';
my $owner = $$;
END {
	my $code = $?;
	if ($$ == $owner) {
		Contender::stop();
		Web::stop();
		Stores::stop_all();
		remove_tree(@work) if @work;
	}
	$? = $code;
}

sub progress {
	my ($what) = @_;
	$done++ if $done < $todo;
	return unless -t STDERR;
	my $n = int 30 * $done / $todo;
	printf STDERR "\r[%s%s] %4d s %-34.34s", '#' x $n, '.' x (30 - $n),
	    time - $began, $what;
	print STDERR "\r", ' ' x 76, "\r" if $what eq '';
}

sub have {
	my ($what, $peer, @test) = @_;
	open my $null, '>', '/dev/null' or die;
	my $pid = fork;
	if (!$pid) {
		open STDOUT, '>&', $null;
		open STDERR, '>&', $null;
		exec { $test[0] } @test or exit 127;
	}
	waitpid $pid, 0;
	return 1 if $? == 0;
	$report->note("$peer is left out: no $what");
	return 0;
}

my %has = (
	php => have('php', 'PHP (files)', qw(php -r), 'exit(0);'),
	phpcgi => have('php-cgi', 'php-cgi', qw(php-cgi -v)),
	perl => have('CGI::Session', 'CGI::Session',
	    qw(perl -MCGI::Session -e 1)),
	express => have('express-session', 'express-session',
	    'test', '-d', "$peers/express/node_modules/express-session"),
	strace => have('strace that may trace', 'counting of system calls',
	    qw(strace -o /dev/null true)),
	lighttpd => have('lighttpd', 'P12, a web server',
	    qw(lighttpd -v)),
	wrk => have('wrk', 'P12, a web server', 'sh', '-c',
	    'command -v wrk'),
	valgrind => have('valgrind', 'counting of instructions',
	    qw(valgrind --version)),
);
$report->note('static musl programs are left out: see above')
    unless $musl;

# A folder of our own on each medium.
for my $m (sort keys %place) {
	my $dir = "$place{$m}/sstate-bench-$$";
	if (!-d $place{$m} or !mkdir $dir, 0700) {
		$report->note("$m is left out: cannot write in $place{$m}");
		delete $place{$m};
		next;
	}
	push @work, $dir;
	$place{$m} = $dir;
}
if ($place{tmpfs} and Report::fs($place{tmpfs}) ne 'tmpfs') {
	$report->note('tmpfs is left out: /dev/shm is none');
	delete $place{tmpfs};
}
my @media = grep { $place{$_} } qw(tmpfs disk);

# ---- Contenders ---------------------------------------------------------

my $serial = 0;

sub fresh {
	my ($medium) = @_;
	my $dir = sprintf '%s/%d', $place{$medium}, $serial++;
	mkdir $dir, 0700 or die "$dir: $!\n";
	return $dir;
}

sub ring {
	return $work[0] . '/ring';
}

sub ours {
	my ($medium, $sync, @mode) = @_;
	return { name => 'securestate', start => sub {
		my $uri = $sync eq 'memory' ? 'memory:' :
		    'file:' . fresh($medium) . "?sync=$sync";
		return ["$bin/bench_ours", $uri, ring(), @mode];
	} };
}

sub bare {
	my ($medium, $mode) = @_;
	return { name => $mode eq 'raw' ? 'pwrite + fdatasync' :
	    $mode eq 'crypto' ? 'crypto-only loop' : 'protocol floor',
	    start => sub {
		return ["$bin/bench_floor", $mode,
		    $mode eq 'crypto' ? () : fresh($medium)];
	} };
}

sub peer {
	my ($name, $medium, $n, $k, @cmd) = @_;
	return { name => $name, n => $n, k => $k, start => sub {
		return [@cmd, $medium ? fresh($medium) : ()];
	} };
}

# All rounds of one section; k: how many of a verb in one slice.
sub section {
	my ($title, $n, $slices, $verbs, @who) = @_;
	for my $round (1 .. $rounds) {
		progress($title);
		my @c = map { Contender->new($_) } @who;
		for my $c (@c) {
			my $many = $c->{n} // $n;
			my ($ns, $more) = $c->ask('make', $many);
			$report->time($title, $c->{name}, 'create',
			    $ns / $many) if $ns > 0;
			$report->count($title, $c->{name}, 'memory',
			    $more / $many) if $title eq 'memory:' and $more > 0;
		}
		for my $slice (1 .. $slices) {
			for my $verb (sort keys %$verbs) {
				turn($title, $verb, $verbs->{$verb},
				    $slice % 2 ? @c : reverse @c);
			}
		}
		finish($title, @c);
	}
}

sub turn {
	my ($title, $verb, $many, @c) = @_;
	for my $c (@c) {
		next if $c->{not}{$verb};
		my $k = $many;
		$k = int($k * $c->{k}) || 1 if $c->{k};
		my ($cpu) = $c->{cpu} ? $c->ask('cpu', 0) : ();
		my ($ns) = $c->ask($verb, $k);
		$ns /= 2 if $verb eq 'cycle2';
		$report->time($title, $c->{name}, $verb, $ns / $k);
		$report->time($title, $c->{name}, "$verb: cpu",
		    (($c->ask('cpu', 0))[0] - $cpu) / $k) if $c->{cpu};
	}
}

sub finish {
	my ($title, @c) = @_;
	for my $c (@c) {
		if ($title and ($c->{ends} or $c->{name} eq 'securestate')) {
			my ($ns) = $c->ask('end', 200);
			$report->time($title, $c->{name}, 'end', $ns / 200);
		}
		if ($c->{check}) {
			my ($is, $want) = $c->ask('check', 1);
			die "$title: $c->{name} did not do its work\n"
			    if $is != $want;
		}
		$c->end;
	}
	remove_tree(grep { m{/\d+\z} } map { glob "$_/*" } @work);
}

sub files {
	for my $m (@media) {
		my @who = (ours($m, 'none'), bare($m, 'none'));
		# Renames and truncations wait for a disk: fewer of them.
		push @who, peer('PHP files', $m, undef,
		    $m eq 'disk' ? 0.1 : 0, 'php', "$peers/session.php")
		    if $has{php};
		push @who, peer('CGI::Session', $m, 500, 0.1, 'perl',
		    "$peers/session.pl") if $has{perl};
		$_->{not}{readclose} = 1 for grep { $_->{name} !~ /^PHP/ } @who;
		section("file: $m", $live{$m}, 20,
		    { read => 200, cycle => 200, readclose => 200 }, @who);
	}
	if ($place{disk}) {
		my $raw = bare('disk', 'raw');
		$raw->{not}{read} = 1;
		section('file: disk, sync=data', 250, 20,
		    { cycle => 20 }, ours('disk', 'data'),
		    bare('disk', 'data'), $raw);
	}
}

sub memory {
	my @who = (ours('tmpfs', 'memory'), bare('tmpfs', 'crypto'));
	push @who, peer('express-session', undef, 1000, 0.25, 'node',
	    "$peers/express/session.mjs") if $has{express};
	$_->{not}{cycle2} = 1 for grep { $_->{name} =~ /^express/ } @who;
	section('memory:', 10000, 20,
	    { read => 400, cycle => 400, cycle2 => 400 }, @who);
}

# ---- CGI ----------------------------------------------------------------

sub program {
	my ($name, $medium, $k, $env, @cmd) = @_;
	return { name => $name, n => 64, k => $k, check => $k != 1 ||
	    $name !~ /^trivial/, start => sub {
		my $dir = fresh($medium);
		return ["$bin/bench_life", @cmd], { %$env,
		    BENCH_DIR => $dir, SECURESTATE_KEYRING => ring(),
		    SECURESTATE_STORES => "file:$dir?sync=none" };
	} };
}

sub lives {
	for my $m (@media) {
		my @who;
		for my $how ('', '_static') {
			my $as = $how ? 'static glibc' : 'dynamic';
			next unless -x "$bin/bench_cgi_session$how";
			push @who, program("securestate, $as", $m, 1, {},
			    "$bin/bench_cgi_session$how"),
			    program("trivial, $as", $m, 1, {},
			    "$bin/bench_cgi_trivial$how");
		}
		push @who, program('securestate, static musl', $m, 1, {},
		    "$musl/cgi_session_musl"),
		    program('protocol, static musl', $m, 1, {},
		    "$musl/cgi_bare_musl"),
		    program('trivial, static musl', $m, 1, {},
		    "$musl/cgi_trivial_musl") if $musl;
		push @who, program('php-cgi files', $m, 0.25,
		    { SCRIPT_FILENAME => "$peers/cgi.php",
		    REDIRECT_STATUS => 200 }, path('php-cgi')) if $has{phpcgi};
		push @who, program('CGI::Session', $m, 0.1, {},
		    path('perl'), "$peers/cgi.pl") if $has{perl};
		section("CGI life, $m", 64, 5, { life => 20 }, @who);
	}
}

sub path {
	my ($name) = @_;
	for my $dir (File::Spec->path) {
		return "$dir/$name" if -x "$dir/$name";
	}
	die "no $name\n";
}

# ---- Behind a web server ------------------------------------------------

sub behind {
	my $dir = fresh($media[0]);
	my %env = (BENCH_DIR => $dir, SECURESTATE_KEYRING => ring(),
	    SECURESTATE_STORES => "file:$dir/states?sync=none");
	mkdir "$dir/states", 0700 or die "$dir: $!\n";
	my @who = (
		{ name => 'FastCGI, session', fcgi => "$bin/bench_cgi_session" },
		{ name => 'FastCGI, hello', fcgi => "$bin/bench_fcgi_hello" });
	push @who, { name => 'php FastCGI', php => "$peers/cgi.php",
	    by => path('php-cgi') } if $has{phpcgi};
	push @who, { name => 'CGI, session', cgi => "$musl/cgi_session_musl" },
	    { name => 'CGI, hello', cgi => "$musl/cgi_trivial_musl" } if $musl;
	my $web = Web->new($dir, \%env, @who);
	for my $round (1 .. $rounds) {
		progress('behind lighttpd');
		for my $c ($round % 2 ? @who : reverse @who) {
			$report->time('behind lighttpd', $c->{name}, 'request',
			    1e9 / $web->rate($c));
		}
	}
	$web->end;
	remove_tree($dir);
}

# ---- Several requests at once, reaping, growth --------------------------

sub parallel {
	my $m = $media[0];
	my @who = (ours($m, 'none'));
	push @who, peer('PHP files', $m, 10, 0, 'php', "$peers/session.php")
	    if $has{php};
	my @c = map { Contender->new($_) } @who;
	$_->ask('make', 10) for @c;
	progress('parallel requests');
	for my $round (1 .. $rounds) {
		for my $c (@c) {
			for my $n (1, 4) {
				my ($ns) = $c->ask('parallel', $n);
				$report->time('parallel', $c->{name},
				    "$n at once", $ns);
			}
		}
	}
	my (undef, $all) = $c[0]->ask('parallel', 1);
	$report->goal('P9', 'no parallel change is lost', $all,
	    '==', 5 * $rounds + 1, 'counted');
	finish('', @c);
}

# What a reaper costs among n live sessions, on one medium.
sub reap {
	my ($m, $n) = @_;
	my $title = "reap: $m, $n live";
	my $many = 1000;
	for my $round (1 .. ($n > 10000 ? 1 : $rounds)) {
		progress($title);
		my $c = Contender->new(ours($m, 'none', 'clock'));
		my $f = Contender->new(bare($m, 'none'));
		$c->ask('make', $n);
		$f->ask('make', 10000 + $many);
		for (1 .. 3) {
			$c->ask('brief', $many);
			$c->ask('later', 600);
			my ($ns, $got, $worst) = $c->ask('reap', 100);
			die "reaped $got of $many\n" if $got != $many;
			$report->time($title, 'securestate', 'per expired',
			    $ns / $many);
			$report->time($title, 'securestate', 'longest call',
			    $worst);
			($ns) = $f->ask('unlink', $many / 5);
			$report->time($title, 'bare unlink', 'per expired',
			    $ns / $many * 5);
			($ns) = $c->ask('idle', 50);
			$report->time($title, 'securestate', 'nothing to do',
			    $ns / 50);
		}
		finish('', grep { $_->{name} = ''; 1 } $c, $f);
	}
}

sub growth {
	my ($m) = $media[0];
	my @n = (10_000, $full ? 1_000_000 : 100_000);
	my @c = map { Contender->new(ours($m, 'none')) } @n;
	for my $i (0, 1) {
		progress("growth: $n[$i] sessions");
		$c[$i]{name} = "$n[$i] sessions";
		$c[$i]->ask('make', $n[$i]);
		$c[$i]->ask('read', 1000);
	}
	for my $slice (1 .. 40) {
		turn('growth', 'read', 200, @c);
		turn('growth', 'open', 5, @c);
	}
	finish('', @c);
}

sub many_in_memory {
	my $c = Contender->new(ours('tmpfs', 'memory'));
	progress('memory: 10^6 sessions');
	my ($ns, $bytes) = $c->ask('make', 1_000_000);
	$c->{name} = '';
	finish('', $c);
	$report->goal('P5', 'memory: bytes per session at 10^6', $bytes / 1e6,
	    '<=', Count::SEALED + 128, 'counted');
	$report->note(sprintf 'memory: 10^7 sessions would be %.1f GB',
	    $bytes * 10 / 1e9);
}

# ---- All of it ----------------------------------------------------------

sub counts {
	my $count = Count->new($report, $work[0]);
	for my $m (@media) {
		for my $sync ($m eq 'disk' ? ('none', 'data') : 'none') {
			progress("counting: $m, sync=$sync");
			my $what = "file: $m, sync=$sync";
			$count->calls($what, $sync, sub {
				ours($m, $sync)->{start}->() }) if $has{strace};
		}
	}
	progress('counting: allocations');
	$count->heap(Contender->new(ours($media[0], 'none', 'count')));
	return unless $has{valgrind};
	my $m = $media[0];
	for (["file: $m", ours($m, 'none'), bare($m, 'none')],
	    ['memory:', ours($m, 'memory'), bare($m, 'crypto')]) {
		my ($what, @who) = @$_;
		progress("counting: instructions, $what");
		$count->instructions($what, $_->{name}, $_->{start}) for @who;
	}
}

sub stores {
	Stores->new(report => $report, bin => $bin, work => $work[0],
	    drivers => "$build/cmake/drivers", ring => ring(), full => $full,
	    names => { map { $_ => 1 } $stores =~ /^(?:yes|only)\z/ ? () :
	    split /[\s,]+/, $stores },
	    crypto => bare($media[0], 'crypto'),
	    has => \%has, media => \@media, section => \&section,
	    turn => \&turn, finish => \&finish, fresh => \&fresh,
	    progress => \&progress)->run;
}

$report->place($_, $place{$_}) for @media;
$report->note("sessions on disk: $live{disk}, not 10^4 as elsewhere; FULL=1")
    if $live{disk} != $live{tmpfs};
Contender->new(ours($media[0], 'none'))->end;	# makes the key ring
stores() if $stores ne 'no';
if ($rest) {
	files();
	memory();
	lives();
	behind() if $has{lighttpd} and $has{wrk};
	parallel();
	reap($_, 10000) for grep { $_ eq 'tmpfs' or $full } @media;
	reap('tmpfs', 1_000_000) if $full and $place{tmpfs};
	growth();
	many_in_memory() if $full;
	counts();
	Count::sizes($report, "$build/cmake", $musl);
}
progress('');
$report->judge(\@media, $full) if $rest;
$report->write($build, $top, $began, $rounds);
system 'perl', "$top/bench/plot.pl", "$build/results.tsv",
    "$build/results.svg";
