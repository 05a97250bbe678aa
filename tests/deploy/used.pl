#!/usr/bin/perl
# used.pl - names of the system calls in traces of strace -f
# usage: used.pl run|all FILE...	run: after a filter was set
#
# A thread that starts after that has the filter from its beginning.
use strict;
use warnings;

my $phase = shift // 'all';
my %used;
for my $path (@ARGV) {
	my (%set, %born);
	open my $fh, '<', $path or die "$path: $!\n";
	my @lines = <$fh>;
	for (@lines) { # what a parent is told may come after a child's calls
		my ($pid) = /^(\d+) / or next;
		delete $set{$pid} if /^\d+ +execve\(/;
		$set{$pid} = 1 if /prctl\(PR_SET_SECCOMP/;
		$born{$1} = 1 if $set{$pid} and /\bclone3?\b.* = (\d+)$/;
	}
	%set = %born;
	for (@lines) {
		my ($pid, $name) = /^(\d+) +(\w+)\(/ or next;
		delete $set{$pid} if $name eq 'execve';
		$used{$name} = 1 if $phase eq 'all' or $set{$pid};
		$set{$pid} = 1 if /prctl\(PR_SET_SECCOMP/;
	}
}
print map { "$_\n" } sort keys %used;
