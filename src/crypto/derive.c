/*
 * derive.c - the keys of one ring entry, from its secret
 *
 * Invariant: one purpose, one key.  The numbers are part of the
 * protocol and are never used for something else.  The secret itself keys
 * nothing but crypto_kdf, whose personalised BLAKE2b cannot meet the plain
 * one of prf(), and the fingerprint that tools show.
 */
#include "crypto/derive.h"

#include <sodium.h>
#include <stdlib.h>
#include <stddef.h>

#include "base/codec.h"
#include "crypto/prf.h"

_Static_assert(crypto_kdf_KEYBYTES == SECRET_BYTES, "the secret keys the KDF");

static const struct {
	uint64_t number;
	size_t at;
} purposes[] = {
	{ 1, offsetof(struct ringkey, tok) },
	{ 2, offsetof(struct ringkey, dat) },
	{ 3, offsetof(struct ringkey, pag) },
	{ 4, offsetof(struct ringkey, csr) },
	{ 5, offsetof(struct ringkey, usr) },
	{ 6, offsetof(struct ringkey, log) },
	{ 7, offsetof(struct ringkey, kvl) },
	{ 8, offsetof(struct ringkey, kvd) },
};

void
derive_keys(struct ringkey *k, const uint8_t secret[SECRET_BYTES])
{
	uint8_t fp[8];
	size_t i;

	for (i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
		if (crypto_kdf_derive_from_key((uint8_t *)k + purposes[i].at,
			PRF_KEY, purposes[i].number, "sstate01", secret) != 0)
			abort();
	prf(fp, sizeof(fp), secret, "fp", NULL, 0);
	hex_encode(k->fingerprint, fp, sizeof(fp));
}
