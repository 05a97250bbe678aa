#!/usr/bin/perl
# cgi.pl - one request through CGI::Session, as a CGI program
use strict;
use warnings;
use CGI;
use CGI::Session;

my $q = CGI->new;
my $s = CGI::Session->new('driver:File', $q,
    { Directory => $ENV{BENCH_DIR} }) or die CGI::Session->errstr;
if ($q->param('make')) {
	$s->param("p$_", $_ . 'abcdefgh' x 6) for 0 .. 9;
	$s->param('p5', 0);
	print $s->header;
} else {
	$s->param('p5', $s->param('p5') + 1);
	print $s->header, '<!DOCTYPE html><title>bench</title><p>visits=',
	    $s->param('p5'), ' ', CGI::escapeHTML($s->param('p2')), "\n";
}
