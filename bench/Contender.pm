# Contender.pm - a process that is asked "VERB N" and answers with numbers
package Contender;

use strict;
use warnings;
use IPC::Open2;

my %alive;

# how: name, start => sub returning command and environment, n, k, not, check
sub new {
	my ($class, $how) = @_;
	my ($cmd, $env) = $how->{start}->();
	my $c = bless { %$how }, $class;

	local @ENV{keys %{ $env // {} }} = values %{ $env // {} };
	$c->{pid} = open2($c->{from}, $c->{to}, @$cmd);
	$alive{$c->{pid}} = 1;
	$c->{to}->autoflush(1);
	return $c;
}

sub ask {
	my ($c, $verb, $n) = @_;

	print { $c->{to} } "$verb $n\n";
	my $line = readline $c->{from};
	die "\n$c->{name} ended at: $verb $n\n"
	    unless defined $line and $line =~ /^\d+( \d+)*$/;
	return split ' ', $line;
}

sub end {
	my ($c) = @_;

	print { $c->{to} } "quit\n";
	close $c->{to};
	close $c->{from};
	waitpid $c->{pid}, 0;
	delete $alive{$c->{pid}};
}

# What a run that was stopped has left: ours, by their ids.
sub stop {
	my @pid = keys %alive;

	kill 'KILL', @pid;
	waitpid $_, 0 for @pid;
	%alive = ();
}

1;
