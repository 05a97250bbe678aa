#!/usr/bin/perl
# pages_test.pl - the manual says what the headers say
#
# Every exported symbol has a page, installed under its name; prototypes,
# constants, members, limits and HTTP statuses are those of the sources.
use strict;
use warnings;
use File::Temp qw(tempdir);

my $top = $ENV{SOURCE_DIR} // '.';
my $build = $ENV{BUILD_DIR} // "$top/build/dev";
my ($tests, $failed) = (0, 0);

# One line of TAP; what is wrong follows as comments.
sub told {
	my ($text, @why) = @_;
	$tests++;
	$failed ||= @why > 0;
	print @why ? 'not ok' : 'ok', " $tests - $text\n";
	print "#   $_\n" for @why;
}

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!\n";
	local $/;
	return scalar <$fh>;
}

sub squeeze {
	my ($text) = @_;
	$text =~ s/\s+/ /g;
	$text =~ s/^ | $//g;
	return $text;
}

# ---- What the sources say ----------------------------------------------

my @headers = ("$top/include/securestate.h",
    glob("$top/include/securestate/*.h"));
my $header = join "\n", map { slurp($_) } @headers;
my %constant = map { $_ => 1 } $header =~ /\b(SSTATE_[A-Z0-9_]+)\b/g;
$header =~ s{/\*.*?\*/}{}gs;
my (%macro, %proto, %inline, %members);
$macro{$1} = split /,/, $2 while $header =~ /^#define (SSTATE_\w+)\(([^)]*)\)/gm;
(my $plain = $header) =~ s/^#(?:.*\\\n)*.*\n//gm;
while ($plain =~ /\bSSTATE_API\s+([^;{}]*?)\b(sstate_\w+)\s*\(([^;]*)\)[^();]*(?:SSTATE_PRINTF\([^)]*\))?[^();]*;/g) {
	my ($type, $name, $args) = ($1, $2, $3);
	$args =~ s/\)\s*SSTATE_PRINTF\(.*//s;
	$proto{$name} = join ', ', squeeze($type), map { squeeze($_) }
	    split /,/, $args;
}
# A header that is a program's part defines what it declares.
while ($plain =~ /\bstatic ([\w ]+)\n(sstate_\w+)\(([^)]*)\)\n\{/g) {
	$inline{$2} = 1;
	$proto{$2} = join ', ', $1, map { squeeze($_) } split /,/, $3;
}
for my $struct (qw(options how web cgi_options driver info file kv)) {
	my ($body) = $plain =~ /^struct sstate_$struct \{(.*?)^\};/ms;
	for my $line (split /;/, $body // '') {
		my @names = $line =~ /\(\*(\w+)\)/;
		@names = $line =~ /\b(\w+)\s*(?:\[\w+\]\s*)?(?:,|$)/g
		    if !@names and squeeze($line) ne '';
		push @{ $members{$struct} }, @names;
	}
}

my %limit;
for (split /\n/, slurp("$top/src/base/limits.h")) {
	next unless /^#define (LIMIT_\w+) (.*?)(?:\s*\/\*.*)?$/;
	my ($name, $sum) = ($1, $2);
	$sum =~ s/(\d)[ul]+/$1/g;
	$limit{$name} = eval $sum if $sum =~ /^[\d\s()*<]+$/;
}

# ---- What the pages say ------------------------------------------------

my (%page, %names, %text, %fn, %ft);	# by "name.section"
for my $path (glob("$top/man/*.[1-8]")) {
	my ($file) = $path =~ m{([^/]+)$};
	my ($section) = $file =~ /([1-8])$/;
	my $in = '';
	my $type = '';
	$text{$file} = slurp($path);
	for (split /\n/, $text{$file}) {
		$in = $1 if /^\.Sh (.*)/;
		if ($in eq 'NAME' and /^\.Nm (\S+)/) {
			push @{ $names{$file} }, $1;
			push @{ $page{"$1.$section"} }, $file;
		}
		next unless $in eq 'SYNOPSIS';
		$type = $1 if /^\.Ft (.*)/;
		if (/^\.Fn (\w+)(.*)/) {
			my ($name, $rest) = ($1, $2);
			my @args = $rest =~ /"([^"]*)"/g;
			$fn{$file}{$name} = [@args];
			$ft{$name} = join ', ', $type, @args ? @args : 'void';
			$type = '';
		}
	}
}
told('there are pages', keys %text ? () : 'none');

my @symbols = slurp("$top/src/libsecurestate.map") =~ /^\s+(sstate_\w+);/gm;
my %symbol = map { $_ => 1 } @symbols;
told('the map names symbols', @symbols > 50 ? () : 'too few');
told('each exported symbol has one manual page',
    map { "$_: " . join ' ', 'pages', @{ $page{"$_.3"} // [] } }
    grep { @{ $page{"$_.3"} // [] } != 1 } @symbols);
told('each sstate_ page is of an exported symbol',
    grep { !$symbol{$_} and !$inline{$_} }
    map { /^(sstate_\w+)\.3$/ ? $1 : () } keys %page);
told('a page has its own name first', grep {
	my ($first) = @{ $names{$_} // [''] };
	!/^\Q$first\E\.[1-8]$/;
} sort keys %text);

my @bad;
for my $file (sort keys %text) {
	my %named = map { $_ => 1 } grep { /^sstate_|^SSTATE_/ }
	    @{ $names{$file} };
	my %shown = map { $_ => 1 } keys %{ $fn{$file} // {} };
	push @bad, "$file: $_: in NAME, not in SYNOPSIS"
	    for grep { !$shown{$_} } sort keys %named;
	push @bad, "$file: $_: in SYNOPSIS, not in NAME"
	    for grep { !$named{$_} } sort keys %shown;
}
told('NAME and SYNOPSIS name the same', @bad);

@bad = ();
for my $file (sort keys %fn) {
	for my $name (sort keys %{ $fn{$file} }) {
		if (defined $macro{$name}) {
			push @bad, "$file: $name: arguments"
			    if @{ $fn{$file}{$name} } != $macro{$name};
		} elsif (($proto{$name} // '') ne $ft{$name}) {
			push @bad, "$file: $ft{$name}; header: "
			    . ($proto{$name} // 'nothing');
		}
	}
}
told('each prototype is the header\'s, argument by argument', @bad);

@bad = ();
for my $file (sort keys %text) {
	my @to = $text{$file} =~ /^\.(?:\w\w )*Xr (\S+ [1-8])/gm;
	push @bad, map { "$file: $_" } grep {
		/^(?:sstate|securestate)/ and !$page{ s/ /./r };
	} @to;
	push @bad, map { "$file: $_: leads to itself" }
	    grep { $text{$file} =~ /^\.Xr \Q$_\E [1-8]/m }
	    map { s/\.[1-8]$//r } $file;
}
told('each page of ours that is referred to is there', @bad);

@bad = ();
for my $file (sort keys %text) {
	for my $word ($text{$file} =~ /\b(SSTATE_[A-Z0-9_]+)\b/g) {
		push @bad, "$file: $word" if !$constant{$word} and
		    $text{$file} !~ /^\.Dt \Q$word\E /m and
		    $text{$file} !~ /\b\Q$word\E\*/;
	}
}
told('each constant that a page names is a header\'s', @bad);

@bad = ();
for my $file (sort keys %text) {
	push @bad, map { "$file: $_" } grep { $header !~ /\b\Q$_\E\b/ }
	    $text{$file} =~ /\b(sstate_[a-z_]+)\b(?!\*)/g;
}
told('each function or structure that a page names is a header\'s', @bad);

# Only what says that a constant is there: _INIT and _API are no answers.
my $all = join "\n", values %text;
told('each constant of the headers is on a page', grep {
	$all !~ /\b$_\b/ and !/^SSTATE_(?:API|MUST|PRINTF|H|CGI_H|KV_H|STORE_H)$/ and
	    !/^SSTATE_(?:VERSION_|DRIVER_EXTERN|CAP_|CONF_|REC_)/ and
	    !/^SSTATE_(?:ID|TAG)_BYTES$|_$/
} sort keys %constant);

my %where = (options => 'sstate_open.3', how => 'sstate_begin.3',
    web => 'sstate_begin.3', cgi_options => 'sstate_cgi_open.3',
    driver => 'securestate-store.3', info => 'sstate_login.3',
    file => 'sstate_cgi_open.3', kv => 'sstate_kv_get.3');
for my $struct (sort keys %where) {
	my @lines = $text{ $where{$struct} } =~ /^\.(?:It )?Fa (.*)/gm;
	my %named = map { $_ => 1 } map { split /[ ,]+/ } @lines;
	told("each member of struct sstate_$struct is on $where{$struct}",
	    @{ $members{$struct} // [] } > 2 ? () : 'no members found',
	    grep { !$named{$_} and !/^(?:size|arg|pad)$/ }
	    @{ $members{$struct} // [] });
}

my ($codes) = $header =~ /enum \{\s*(SSTATE_OK.*?)\}/s;
my %code = ($codes // '') =~ /(SSTATE_\w+) = (-?\d+)/g;
my %status = slurp("$top/src/base/err.c") =~ /\[-(SSTATE_\w+)\] = \{ (\d+)/g;
my %shown = $text{'sstate_strerror.3'} =~ /^\.It Dv (SSTATE_\w+) Ta (\d+)/gm;
told('each code is on sstate_strerror.3 with its HTTP status',
    keys %code > 10 ? () : 'no codes found',
    map { "$_: page " . ($shown{$_} // 'none') . ', source '
	. ($status{$_} // 'none') }
    grep { ($shown{$_} // '') ne ($status{$_} // 'none') } sort keys %code);

# ---- Limits and defaults, where a document tells them ------------------

my @told = (
	['sstate_open.3', qw(IDLE IDLE_PAGE LIFETIME ROTATE GRACE PAGE_LIFE
	    SESSION_BYTES SESSION_VALUES)],
	['sstate_begin.3', qw(PARAMS NAME_BYTES VALUE_BYTES QUERY_BYTES
	    BIND_BYTES METHOD_BYTES PATH_BYTES COOKIES
	    COOKIE_HEADER_BYTES)],
	['sstate_cgi_open.3', qw(BODY_BYTES UPLOAD_BYTES REPLY_BYTES PARAMS
	    NAME_BYTES VALUE_BYTES PARTS PART_HEAD_BYTES BODY_SECONDS
	    FILE_MEMORY_BYTES QUERY_BYTES PATH_BYTES HEADER_BYTES COOKIES
	    COOKIE_HEADER_BYTES)],
	['sstate_link.3', qw(PAGE_FORM_BYTES PAGE_URL_BYTES ONCE)],
	['sstate_login.3', qw(USER_BYTES ROTATE)],
	['sstate_str.3', qw(NAME_BYTES)],
	['sstate_kv_get.3', qw(KV_NAME_BYTES)],
	['sstate_commit.3', qw(COMMIT_TRIES)],
	['sstate_req_html.3', qw(HEADER_BYTES)],
	['securestate-timeouts.7', qw(IDLE IDLE_PAGE LIFETIME ROTATE GRACE
	    PAGE_LIFE FUTURE)],
	['securestate-deploy.7', qw(FUTURE)],
	['securestate-keys.7', qw(LIFETIME)],
	['securestate-formats.5', qw(LIFETIME COOKIE_AGE)],
	['securestate-file.7', qw(RECORD_BYTES)],
	['securestate-store.3', qw(RECORD_BYTES)],
	['SECURITY.md', qw(IDLE IDLE_PAGE LIFETIME)],
	['ARCHITECTURE.md', qw(COMMIT_TRIES COMMIT_IDS COMMIT_SECONDS)],
);
for (@told) {
	my ($file, @limits) = @$_;
	my $said = $text{$file} // slurp("$top/$file");
	@bad = ();
	for my $name (@limits) {
		my $n = $limit{"LIMIT_$name"};
		push(@bad, "LIMIT_$name is no more"), next unless defined $n;
		my $also = $n % (1 << 20) == 0 ? ($n >> 20) . ' MiB' :
		    $n % 1024 == 0 ? ($n >> 10) . ' KiB' : $n;
		push @bad, "LIMIT_$name is $n"
		    unless $said =~ /(?<![\d.])(?:$n|$also)(?!\d)/;
	}
	told("$file tells the limits of base/limits.h", @bad);
}

# ---- What a guide tells of the sources ---------------------------------

# R-80: number, key and label of each derivation, and libsodium's functions.
my $crypto = join '', map { slurp($_) } glob("$top/src/crypto/*.c");
my (%key, %label);
$key{$2} = $1 while $crypto =~ /\{ (\d+), offsetof\(struct ringkey, (\w+)\)/g;
while ($crypto =~ /\bprf\([\w>-]+, [^,]+, (?:key->)?(\w+), "(\w+)"/g) {
	$label{$1} .= $2;
}
my @made = $crypto =~ /\bprf\((?!uint8_t)[\w>-]+, /g;
# The one of box.c has them from those who make a box.
pop @made;
while ($crypto =~ /\.key = (?:at->)?key->(\w+),\s+\.label = "(\w+)"/g) {
	$label{$1} .= $2;
	push @made, $1;
}
my $guide = $text{'securestate-keys.7'} // '';
my %row = map { $_ => 1 }
    $guide =~ /^\.It (\S+ Ta \S+ Ta \S+) Ta /gm;
my %is = map {
	join(' Ta ', $key{$_} // '\\-', $_, $label{$_} // '\\-') => 1
} keys %key, keys %label;
told('R-80 securestate-keys.7 has the keys and labels of crypto/',
    keys %key == 8 && @made == keys %label ? () : 'sources not understood',
    (map { "page alone: $_" } grep { !$is{$_} } sort keys %row),
    map { "source alone: $_" } grep { !$row{$_} } sort keys %is);
my %uses = map { $_ => 1 } $crypto =~
    /\b(crypto_(?:aead|auth|box|generichash|hash|kdf|onetimeauth|pwhash|secretbox
    |secretstream|shorthash|sign|stream|scalarmult)\w*?)
    (?=_(?:init|update|final|en|de|state|[A-Z])|\()/gx;
my %says = map { $_ => 1 } $guide =~ /^\.It Li (crypto_\w+) Ta/gm;
told('R-80 securestate-keys.7 has the algorithms of crypto/',
    keys %uses ? () : 'none found',
    (map { "page alone: $_" } grep { !$uses{$_} } sort keys %says),
    map { "source alone: $_" } grep { !$says{$_} } sort keys %uses);

my $sources = join '', map { slurp($_) } glob("$top/src/*/*.c");
my %word = map { $_ => 1 } $sources =~ /"([A-Z]{4,}): /g;
my %watch = map { $_ => 1 }
    ($text{'securestate-deploy.7'} // '') =~ /^\.It Li ([A-Z]+)$/gm;
told('securestate-deploy.7 has the words with which log lines begin',
    keys %word ? () : 'none found',
    (map { "page alone: $_" } grep { !$word{$_} } sort keys %watch),
    map { "source alone: $_" } grep { !$watch{$_} } sort keys %word);

my @preset = ($text{'securestate-timeouts.7'} // '') =~
    /^\.It aal[123] Ta (\d+ Ta \d+ Ta \d+)$/gm;
my @coded = ($text{'securestate-timeouts.7'} // '') =~
    /^\t\t\{ (\d+, \d+, \d+) \},$/gm;
told('R-22 the presets of securestate-timeouts.7 are those of its example',
    @preset == 3 ? () : 'not three', grep {
	($preset[$_] // '') ne (($coded[$_] // '') =~ s/, / Ta /gr)
    } 0 .. 2);

# ---- Installed ---------------------------------------------------------

if (-e "$build/cmake_install.cmake") {
	my $dir = tempdir(CLEANUP => 1);
	my $out = `cmake --install '$build' --prefix '$dir/usr' 2>&1`;
	my ($man) = grep { -d } "$dir/usr/share/man", "$dir/usr/man";
	@bad = $man ? () : split /\n/, $out;
	for my $name ($man ? sort keys %page : ()) {
		my ($section) = $name =~ /([1-8])$/;
		my $path = "$man/man$section/$name";
		my $is = -e $path ? slurp($path) : '';
		$is = -e "$man/$1" ? slurp("$man/$1") : ''
		    if $is =~ /^\.so (\S+)\n$/;
		push @bad, $name if $is ne $text{ $page{$name}[0] };
	}
	told('each name leads to its page once installed', @bad);
} else {
	$tests++;
	print "ok $tests # SKIP no build folder to install from\n";
}

print "1..$tests\n";
exit !!$failed;
