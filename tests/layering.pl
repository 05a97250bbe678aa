#!/usr/bin/perl
# layering.pl - no folder of src/ includes one above or beside it
# usage: tests/layering.pl [top]		prints TAP
#
# The rules are tables; tests/house/layering_test.sh breaks each one.
use strict;
use warnings;
use File::Find;

my %may = (	# folder => what its files may include, besides the system
	base    => [qw(base)],
	crypto  => [qw(base crypto)],
	record  => [qw(base record)],
	store   => [qw(base store)],
	session => [qw(base crypto record store session)],
	cgi     => [qw(base session cgi)],
);
my %only = (	# a header of the system => the one folder that may name it
	'sodium'  => 'crypto',
	'dlfcn'   => 'store',
	'pthread' => 'store',
	'threads' => 'store',
	'fcgi'    => 'cgi',
);
my %ours = (	# a public header => folders of src/ that may name it
	'securestate.h'       => [keys %may],
	'securestate/store.h' => [keys %may],
	'securestate/cgi.h'   => [qw(cgi)],
	'securestate/kv.h'    => [qw(session)],
);
my @calls = (	# what a call looks like, whoever included its header
	[qr/\b(?:sodium_\w+|randombytes\w*|crypto_(?:aead|box|core|generichash
	    |hash|kdf|auth|onetimeauth|pwhash|secretbox|stream|verify
	    |shorthash)\w*)\s*\(/x, 'crypto'],
	[qr/\b(?:pthread_\w+|dl(?:m?open|v?sym|close)|thrd_\w+|mtx_\w+)\s*\(/,
	    'store'],
);

my $top = shift // '.';
my ($n, $tests) = (0, 0);
my $failed = 0;

# One line of TAP; what is wrong follows as comments.
sub told {
	my ($text, @bad) = @_;
	$tests++;
	$failed ||= @bad > 0;
	print @bad ? 'not ok' : 'ok', " $tests - $text\n";
	print "#   $_\n" for @bad;
}

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!\n";
	local $/;
	return scalar <$fh>;
}

# C without comments, and without what stands in quotes; lines stay lines.
sub code {
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}
	    {defined $1 ? $1 =~ tr/\n//cdr : '""'}gse;
	return $text;
}

# Call a function with each C file below a folder: path, text.
sub each_file {
	my ($folder, $fn) = @_;
	return unless -d "$top/$folder";
	my @files;
	find({ no_chdir => 1, wanted => sub {
		push @files, $_ if /\.(?:[ch]|cc)\z/;
	} }, "$top/$folder");
	$fn->($_, slurp($_)) for sort @files;
}

# Call a function with each #include of a text: line, quote, name.
sub includes {
	my ($text, $fn) = @_;
	my $line = 0;
	for (split /\n/, $text) {
		$line++;
		next unless /^\s*#\s*include\b\s*(.*)/;
		$n++;
		my ($q, $name) = $1 =~ /^([<"])([^>"]+)[>"]/;
		$fn->($line, $q // '', $name // $1);
	}
}

my (@layers, @system, @public, @called);
each_file('src', sub {
	my ($path, $text) = @_;
	my ($dir) = $path =~ m{\bsrc/([^/]+)/[^/]+\z};
	if (!defined $dir or !$may{$dir}) {
		push @layers, "$path: is in no folder that has a rank";
		return;
	}
	includes($text, sub {
		my ($line, $q, $inc) = @_;
		my $at = "$path:$line: $dir";
		if ($q eq '"') {
			my ($to) = $inc =~ m{^([a-z]+)/[a-z0-9_]+\.h\z};
			push @layers, "$at includes $inc"
			    unless defined $to and grep { $to eq $_ } @{ $may{$dir} };
		} elsif ($q eq '<' and $inc =~ /^securestate/) {
			push @public, "$at includes <$inc>"
			    unless grep { $dir eq $_ } @{ $ours{$inc} // [] };
		} elsif ($q eq '<') {
			my ($lib) = $inc =~ /^([a-z]+)/;
			my $owner = $only{ $lib // '' };
			push @system, "$at includes <$inc>, which is $owner/'s"
			    if defined $owner and $owner ne $dir;
		} else {
			push @layers, "$at hides what it includes: $inc";
		}
	});
	my $line = 0;
	for (split /\n/, code($text)) {
		$line++;
		for my $rule (@calls) {
			my ($looks, $owner) = @$rule;
			push @called, "$path:$line: $dir calls $&, $owner/'s"
			    if $dir ne $owner and /$looks/;
		}
	}
});
told('src/ includes nothing above or beside', @layers);
told('sodium is crypto\'s, dlfcn and pthread are store\'s', @system);
told('src/ includes only public headers it may know', @public);
told('no call of sodium, pthread or dlopen from elsewhere', @called);

my @drivers;
each_file('drivers', sub {
	my ($path, $text) = @_;
	includes($text, sub {
		my ($line, $q, $inc) = @_;
		# what drivers share stands beside them
		push @drivers, "$path:$line: $inc" if $q eq '<'
		    ? $inc =~ /^securestate/ && $inc ne 'securestate/store.h'
		    : $inc =~ m{/} || !-e "$top/drivers/$inc";
	});
});
told('a driver includes only <securestate/store.h> of ours', @drivers);

my @above;
for my $folder (qw(tool perl examples)) {
	each_file($folder, sub {
		my ($path, $text) = @_;
		includes($text, sub {
			my ($line, $q, $inc) = @_;
			push @above, "$path:$line: $inc"
			    if $q ne '<' and
			    (-e "$top/src/$inc" or $inc =~ m{\.\./} or
			    # what examples share stands beside them
			    ($folder eq 'examples' and
			    ($inc =~ m{/} or !-e "$top/examples/$inc")));
		});
	});
}
told('tool, perl and examples know only public headers', @above);

# The version: by hand in VERSION, and where a compiler must see it.
my @version;
my ($version) = slurp("$top/VERSION") =~ /^(\d+\.\d+\.\d+)\n\z/;
if (defined $version) {
	my $header = slurp("$top/include/securestate.h");
	my @parts = map {
		$header =~ /^#define SSTATE_VERSION_$_ (\d+)$/m ? $1 : '?'
	} qw(MAJOR MINOR PATCH);
	my $there = join '.', @parts;
	push @version, "securestate.h says $there, VERSION says $version"
	    if $there ne $version;
	for my $path ("$top/CMakeLists.txt", "$top/Makefile",
	    glob("$top/cmake/*"), glob("$top/scripts/*"), glob("$top/man/*")) {
		push @version, "$path repeats $version"
		    if -f $path and slurp($path) =~ /(?<![\d.])\Q$version\E(?![\d.])/;
	}
} else {
	push @version, 'VERSION is not one line of three numbers';
}
told('VERSION is the only place, and the header agrees', @version);

print "1..$tests\n# $n includes\n";
exit !!$failed;
