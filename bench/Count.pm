# Count.pm - what repeats exactly: system calls, bytes, allocations, sizes
#
# Instructions per request are a difference: a run with some requests, less a
# run with none.
package Count;

use strict;
use warnings;

use constant SEALED => 904;	# the unit of work: 768 padded, 136 of seal

sub new {
	my ($class, $report, $dir) = @_;
	return bless { report => $report, dir => $dir }, $class;
}

# Run a contender under a tool, with these lines as its input.
sub under {
	my ($self, $tool, $start, @lines) = @_;
	my ($cmd) = $start->();
	my $in = "$self->{dir}/input";

	open my $fh, '>', $in or die "$in: $!\n";
	print $fh map { "$_\n" } @lines;
	close $fh or die;
	my $pid = fork;
	if (!$pid) {
		open STDIN, '<', $in;
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', "$self->{dir}/stderr";
		exec @$tool, @$cmd or exit 127;
	}
	waitpid $pid, 0;
	die "@$tool failed: $self->{dir}/stderr\n" if $? != 0;
}

# System calls by name, and bytes written, for the last line: what comes
# between the last two answers.
sub trace {
	my ($self, $start, @lines) = @_;
	my $out = "$self->{dir}/strace";
	my (%n, $last);
	local $_;

	$self->under(['strace', '-f', '-o', $out], $start, @lines);
	open my $fh, '<', $out or die "$out: $!\n";
	while (<$fh>) {
		next unless /^\d+\s+(\w+)\((\w*).*=\s+(-?\d+)/;
		if ($1 eq 'write' and $2 eq '1') {
			$last = { %n };
			%n = (bytes => 0);
			next;
		}
		$n{$1}++;
		$n{bytes} += $3 if $1 eq 'pwrite64' and $3 > 0;
	}
	delete $last->{read};	# of the lines
	return $last;
}

sub calls {
	my ($self, $what, $sync, $start) = @_;
	my $r = $self->{report};
	my %max = (read => 4, cycle => $sync eq 'none' ? 9 : 11, forged => 0);

	for my $verb (qw(read cycle forged)) {
		# One before them leaves open what the first closes.
		my $n = $self->trace($start, 'make 40', "$verb 1",
		    "$verb 100");
		my $bytes = delete($n->{bytes}) / 100;
		my ($sum, @text) = (0);
		for my $call (sort keys %$n) {
			$sum += $n->{$call} / 100;
			push @text, $n->{$call} == 100 ? $call :
			    sprintf '%s %.2f', $call, $n->{$call} / 100;
		}
		$r->count($what, 'securestate', "$verb: system calls", $sum);
		$r->note("$what: $verb: @text") if @text;
		$r->goal('P4', "$what: system calls of a $verb", $sum, '<=',
		    $max{$verb}, 'counted');
		$r->goal('P10', "$what: bytes written by a $verb", $bytes,
		    '<=', $verb eq 'cycle' ? SEALED + 128 : 0, 'counted');
	}
}

sub heap {
	my ($self, $c) = @_;

	$c->ask('make', 100);
	for my $verb (qw(read cycle)) {
		$c->ask($verb, 100);
		my (undef, $n) = $c->ask($verb, 100);
		$self->{report}->goal('P4', "heap allocations of a $verb",
		    $n / 100, '<=', 3, 'counted');
	}
	$c->end;
}

sub instructions {
	my ($self, $what, $who, $start) = @_;
	my $out = "$self->{dir}/callgrind";

	for my $verb (qw(read cycle)) {
		my @n;
		for my $many (0, 200) {
			$self->under(['valgrind', '--tool=callgrind',
			    "--callgrind-out-file=$out"], $start, 'make 100',
			    "$verb 20", "$verb $many");
			open my $fh, '<', "$self->{dir}/stderr" or die;
			my ($got) = map { /Collected : (\d+)/ } <$fh>;
			push @n, $got;
		}
		$self->{report}->count($what, $who, "$verb: instructions",
		    ($n[1] - $n[0]) / 200);
	}
}

# Bytes of program, in sections that are loaded and never written.
sub text_of {
	my ($path) = @_;
	open my $fh, '-|', 'size', $path or return;
	my @line = <$fh>;
	close $fh or return;
	my ($text) = $line[1] =~ /^\s*(\d+)/;
	return $text;
}

sub sizes {
	my ($r, $dir, $musl) = @_;
	my ($so) = glob "$dir/libsecurestate.so.*.*";
	my $text = defined $so ? text_of($so) : undef;

	$r->goal('P11', 'text of the stripped core, bytes', $text, '<=',
	    150 * 1024, 'counted') if defined $text;
	$r->goal('P11', 'static musl CGI program, bytes',
	    -s "$musl/cgi_session_musl", '<=', 400 * 1024, 'counted')
	    if $musl;
}

1;
