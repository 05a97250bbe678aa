#!/usr/bin/perl
# plot.pl - results.tsv as bars on a logarithmic scale, in one SVG file
#
# usage: bench/plot.pl RESULTS.tsv OUT.svg
use strict;
use warnings;

my ($in, $out) = @ARGV;
my (%group, @order);
my %colour = (ours => '#1b6ca8', floor => '#9aa5b1', peer => '#d08c60');

sub kind {
	my ($who) = @_;
	return 'ours' if $who =~ /^securestate/;
	return $who =~ /floor|loop|trivial|protocol|pwrite|bare/ ? 'floor' :
	    'peer';
}

sub xml {
	my ($s) = @_;
	$s =~ s/&/&amp;/g;
	$s =~ s/</&lt;/g;
	return $s;
}

open my $fh, '<', $in or die "$in: $!\n";
while (<$fh>) {
	chomp;
	my ($what, $section, $who, $verb, $ns) = split /\t/;
	next unless $what eq 'ns' and $ns > 0 and
	    $verb =~ /^(?:read|cycle|life)$/ and $section ne 'growth';
	my $key = "$section: $verb";
	$key =~ s/: : /: /;
	push @order, $key unless $group{$key};
	push @{ $group{$key} }, [$who, $ns / 1e3];
}
die "$in: nothing to plot\n" unless @order;

my ($left, $width, $row, $y) = (230, 480, 16, 30);
my ($low, $high) = (0, 5);	# 1 us to 100 ms
my $scale = $width / ($high - $low);
my @svg;
for my $key (@order) {
	push @svg, sprintf '<text x="8" y="%d" font-weight="bold">%s</text>',
	    $y += 22, xml($key);
	for (@{ $group{$key} }) {
		my ($who, $us) = @$_;
		my $len = (log($us) / log(10) - $low) * $scale;
		$len = $len < 1 ? 1 : $len > $width ? $width : $len;
		$y += $row;
		push @svg, sprintf('<text x="%d" y="%d" text-anchor="end">%s'
		    . '</text>', $left - 6, $y, xml($who)),
		    sprintf('<rect x="%d" y="%d" width="%.1f" height="11" '
		    . 'fill="%s"/>', $left, $y - 9, $len,
		    $colour{kind($who)}),
		    sprintf('<text x="%.1f" y="%d">%s</text>',
		    $left + $len + 4, $y, $us >= 100 ? sprintf('%.0f', $us) :
		    sprintf('%.1f', $us));
	}
}
my $height = $y + 40;
my @grid = map { my $x = $left + ($_ - $low) * $scale;
	(sprintf('<line x1="%d" y1="36" x2="%d" y2="%d" stroke="#e4e7eb"/>',
	    $x, $x, $height - 24),
	    sprintf('<text x="%d" y="%d" text-anchor="middle">%s</text>', $x,
	    $height - 8, 10 ** $_)) } $low .. $high;
open $fh, '>', $out or die "$out: $!\n";
printf $fh '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
    . 'font-family="sans-serif" font-size="12">' . "\n"
    . '<rect width="100%%" height="100%%" fill="#fff"/>' . "\n"
    . '<text x="8" y="20" font-size="14">microseconds, median, logarithmic '
    . '(blue: securestate, grey: floors, brown: peers)</text>' . "\n",
    $left + $width + 70, $height;
print $fh map { "$_\n" } @grid, @svg, '</svg>';
close $fh or die "$out: $!\n";
