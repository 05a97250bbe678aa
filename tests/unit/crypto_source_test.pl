#!/usr/bin/perl
# crypto_source_test.pl - R-70, R-03: what the source calls, and what not
# usage: crypto_source_test.pl [top]		prints TAP
use strict;
use warnings;
use File::Basename;
use File::Find;

my $top = shift // dirname(__FILE__) . '/../..';
my (%calls, %sodium, @random, @foreign, $files);

# Every libsodium function that this project may call, and for what.
my %may = map { $_ => 1 } qw(
    crypto_aead_xchacha20poly1305_ietf_decrypt_detached
    crypto_aead_xchacha20poly1305_ietf_encrypt_detached
    crypto_generichash crypto_generichash_init crypto_generichash_update
    crypto_generichash_final crypto_kdf_derive_from_key
    sodium_init sodium_memcmp sodium_memzero);

sub source {
	my ($file) = @_;
	open my $fh, '<', $file or die "$file: $!\n";
	local $/;
	my $text = <$fh>;
	$text =~ s{/\*.*?\*/}{ }gs;		# comments
	$text =~ s{"(?:[^"\\\n]|\\.)*"}{""}g;	# strings
	return $text;
}

find({ no_chdir => 1, wanted => sub {
	return unless /\.[ch]\z/;
	my ($file, $text) = ($_, source($_));
	$files++;
	$calls{$1}{$file} = 1
	    while $text =~ /\b((?:crypto|sodium|randombytes)_\w+)\s*\(/g;
	$sodium{$file} = 1 if $text =~ /#\s*include\s*<sodium/;
	push @random, "$file: $1"
	    while $text =~ /\b((?:s?rand|s?random|[a-z]rand48|srand48|rand_r|
		arc4random\w*|uuid_generate\w*|getentropy)\s*\()/gx;
	push @random, "$file: getrandom"
	    if $text =~ /\bgetrandom\s*\(/ and $file !~ m{/base/rand\.c\z};
	push @foreign, "$file: $1"
	    while $text =~ /\b(EVP_\w+|HMAC_\w+|gcry_\w+|MD5\w*|SHA1\w*|
		AES_\w+|RC4\w*|crypt\s*\(|mbedtls_\w+|wc_\w+)/gx;
} }, "$top/src", grep { -d } "$top/drivers");

my ($n, $bad) = (0, 0);
sub ok {
	my ($good, $what, @why) = @_;
	$n++;
	$bad++ unless $good;
	print $good ? 'ok' : 'not ok', " $n - $what\n", map { "#   $_\n" } @why;
}

my @unknown = grep { !$may{$_} and /^(?:crypto_(?:aead|auth|box|core|
    generichash|hash|kdf|kx|onetimeauth|pwhash|scalarmult|secretbox|
    secretstream|shorthash|sign|stream)|sodium_|randombytes_)/x }
    sort keys %calls;
my @outside = grep { !m{/crypto/[^/]+\z} } sort keys %sodium;

ok($files > 20, "there is source to look at: $files files");
ok(!@unknown, 'R-70, R-71 only the functions of libsodium on the list',
    map { ($_, sort keys %{ $calls{$_} }) } @unknown);
ok(!(grep { !$calls{$_} } keys %may), 'and the list has no idle one',
    grep { !$calls{$_} } sort keys %may);
ok(!@outside, 'R-70 <sodium.h> is named in crypto/ alone', @outside);
ok(!@foreign, "R-70 nobody else's cipher, hash or MAC", @foreign);
ok(!@random, 'R-03, R-04 getrandom() in base/rand.c, no other source',
    @random);
print "1..$n\n";
exit !!$bad;
