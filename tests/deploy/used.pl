#!/usr/bin/perl
# used.pl - names of the system calls in traces of strace -f
# usage: used.pl run|all FILE...	run: after a process has set its filter
use strict;
use warnings;

my $phase = shift // 'all';
my %used;
for my $path (@ARGV) {
	my %set;
	open my $fh, '<', $path or die "$path: $!\n";
	while (<$fh>) {
		my ($pid, $name) = /^(\d+) +(\w+)\(/ or next;
		$used{$name} = 1 if $phase eq 'all' or $set{$pid};
		$set{$pid} = 1 if /prctl\(PR_SET_SECCOMP/;
	}
}
print map { "$_\n" } sort keys %used;
