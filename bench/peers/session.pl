#!/usr/bin/perl
# session.pl - the unit of work through Perl's CGI::Session, in files
#
# usage: session.pl DIR; verbs on stdin as in speak.h.
use strict;
use warnings;
use CGI::Session;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $dir = shift;
my @ids;

sub value {
	my ($x) = @_;
	return substr sprintf('%x', $x) . 'abcdefgh' x 6, 0, 48;
}

sub begin {
	my ($id) = @_;
	my $s = CGI::Session->new('driver:File', $id, { Directory => $dir })
	    or die CGI::Session->errstr;
	return $s;
}

my %verb = (
	make => sub {
		my ($i) = @_;
		my $s = begin(undef);
		$s->param("p$_", value($i * 10 + $_)) for 0 .. 9;
		$s->flush;
		push @ids, $s->id;
	},
	read => sub {
		my $s = begin($ids[rand @ids]);
		defined $s->param('p2') && defined $s->param('p7') or die;
		$s->flush;
	},
	cycle => sub {
		my ($i) = @_;
		my $s = begin($ids[rand @ids]);
		defined $s->param('p2') && defined $s->param('p7') or die;
		$s->param('p5', value($i + int rand 1e6));
		$s->flush;
	},
);

$| = 1;
srand 7;
while (my $line = <STDIN>) {
	my ($what, $n) = split ' ', $line;
	last if $what eq 'quit';
	my $fn = $verb{$what} or die "no verb $what";
	my $t = clock_gettime(CLOCK_MONOTONIC);
	$fn->($_) for 1 .. $n;
	printf "%.0f 0\n", (clock_gettime(CLOCK_MONOTONIC) - $t) * 1e9;
}
