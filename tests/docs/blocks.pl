#!/usr/bin/perl
# blocks.pl - the literal blocks of manual pages, as files
#
# usage: blocks.pl FOLDER PAGE...
#
# A block with an #include becomes FOLDER/PAGE.c, the second one PAGE_2.c;
# any other FOLDER/PAGE.SECTION, SECTION being the words of its .Ss or .Sh
# in lower case, joined by _, the second one of a section SECTION_2.
#
# \e is a backslash, \- a minus, \& nothing; a line that troff would take for
# a request, or another escape, is an error.
use strict;
use warnings;

my ($to, @pages) = @ARGV;
for my $page (@pages) {
	open my $fh, '<', $page or die "$page: $!\n";
	my ($name) = $page =~ m{([^/]+)\.[1-8]$};
	my ($in, $text, $section, %n) = (0, '', '');
	$name =~ tr/-/_/;
	while (<$fh>) {
		$section = join '_', split ' ', lc $1 if /^\.S[hs] (.*)/;
		if (/^\.Bd -literal/) {
			($in, $text) = (1, '');
		} elsif (/^\.Ed/) {
			my $c = $text =~ /^#include/m;
			my $as = $c ? $name : "$name.$section";
			$as .= "_$n{$as}" if $n{$as}++ and $n{$as};
			open my $out, '>', "$to/$as" . ($c ? '.c' : '')
			    or die "$to/$as: $!\n";
			print $out $text;
			$in = 0;
		} elsif ($in) {
			die "$page: line $.: a request\n" if /^[.\x27]/;
			die "$page: line $.: an escape\n" if /\\(?![e&-])/;
			s/\\([e&-])/{e => "\\", "&" => "", "-" => "-"}->{$1}/ge;
			$text .= $_;
		}
	}
}
