#!/usr/bin/perl
# structs_test.pl - where each member of each public struct lies, and stays
#
# structs.txt is the promise: a member is only ever appended, and lies beyond
# what was the size before, so that a caller's size tells which members it
# knows.  An end that is padding would let a later member hide in it.
use strict;
use warnings;
use File::Temp qw(tempdir);

my $top = $ENV{SOURCE_DIR} || '.';
my $cc = $ENV{CC} || 'cc';
my $list = "$top/tests/abi/structs.txt";
my $dir = tempdir(CLEANUP => 1);
my ($n, $bad) = (0, 0);

sub told {
	my ($good, $text, @why) = @_;

	$n++;
	$bad++ if !$good;
	print $good ? '' : 'not ', "ok $n - $text\n", map { "#   $_\n" } @why;
}

# The structs of structs.txt, in order: [name, kind, [member, o64, o32]...],
# where a member "=" stands for the end of a release.
my (@structs, %known);
open my $fh, '<', $list or die "$list: $!\n";
while (<$fh>) {
	next if /^#|^\s*$/;
	if (/^(grows|fixed) (sstate_\w+)$/) {
		push @structs, $known{$2} = { name => $2, grows => $1 eq 'grows',
		    rows => [] };
	} elsif (/^\t(\w+|=) (\d+) (\d+)$/ and @structs) {
		push @{$structs[-1]{rows}}, [$1, $2, $3];
	} else {
		die "$list:$.: not an entry\n";
	}
}

# The members of each struct, as the headers have them.
my %header;
for my $path (glob "$top/include/securestate.h $top/include/securestate/*.h") {
	open my $in, '<', $path or die "$path: $!\n";
	my $text = do { local $/; <$in> };
	$text =~ s{/\*.*?\*/}{}gs;
	while ($text =~ /^struct (sstate_\w+) \{(.*?)^\};/gms) {
		my ($name, $body) = ($1, $2);
		for my $d (split /;/, $body) {
			next if $d !~ /\S/;
			if ($d =~ /\(\*(\w+)\)/) {
				push @{$header{$name}}, $1;
				next;
			}
			for my $part (split /,/, $d) {
				$part =~ /(\w+)\s*(?:\[[^]]*\])?\s*$/ or
				    die "$path: $name: $part\n";
				push @{$header{$name}}, $1;
			}
		}
	}
}
for my $name (sort keys %header) {
	my $there = join ' ', @{$header{$name}};
	my $want = $known{$name} ? join ' ', grep { $_ ne '=' }
	    map { $_->[0] } @{$known{$name}{rows}} : '';
	told($there eq $want, "$name has the members that were promised",
	    $there eq $want ? () : ("header: $there", "promise: $want"));
}
told(!grep({ !$header{$_} } keys %known), 'no struct has gone');

# A file of assertions for one column; what the compiler says against it.
sub compiled {
	my ($column, @flags) = @_;
	my $c = "$dir/x$column.c";

	open my $out, '>', $c or die "$c: $!\n";
	print $out "#include <securestate.h>\n#include <securestate/cgi.h>\n",
	    "#include <securestate/kv.h>\n#include <securestate/store.h>\n";
	for my $s (@structs) {
		my ($type, $last, $floor) = ("struct $s->{name}", undef, 0);
		for my $r (@{$s->{rows}}) {
			my ($member, $at) = ($r->[0], $r->[$column]);
			if ($member ne '=') {
				print $out "_Static_assert(__builtin_offsetof(",
				    "$type, $member) == $at && $at >= $floor, ",
				    "\"$type.$member\");\n";
				$last = $member;
				next;
			}
			print $out "_Static_assert(__builtin_offsetof($type, ",
			    "$last) + sizeof((($type *)0)->$last) == $at, ",
			    "\"$type ends in padding\");\n" if $s->{grows};
			$floor = $at;
		}
		print $out "_Static_assert(sizeof($type) == $floor, ",
		    "\"the size of $type\");\n";
	}
	close $out or die "$c: $!\n";
	my $said = `$cc @flags -std=c11 -I'$top/include' -fsyntax-only '$c' 2>&1`;
	return $? == 0 ? () : grep { /error/ } split /\n/, $said;
}

my $wide = `echo __SIZEOF_POINTER__ | $cc -E -P -` == 8;
my @why = compiled($wide ? 1 : 2);
told(!@why, 'every member lies where it did, and none ends in padding', @why);

# The other width needs headers of the compiler's own only.
if (!$wide or system("echo 'int x;' | $cc -m32 -ffreestanding -S -x c " .
    "-o '$dir/x.s' - 2>/dev/null") != 0) {
	$n++;
	print "ok $n # SKIP no 32 bits here\n";
} else {
	@why = compiled(2, qw(-m32 -ffreestanding));
	told(!@why, 'nor does it with 32 bits', @why);
}
for my $s (grep { $_->{grows} } @structs) {
	told($s->{rows}[-1][0] eq '=', "$s->{name} ends with a release");
}
print "1..$n\n";
exit !!$bad;
