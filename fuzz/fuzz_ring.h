/*
 * fuzz_ring.h - keys of the vectors, so that their texts open here as well
 *
 * Kid 1 is the key of tests/vectors/, kid 2 is retired, kid 3 was erased.
 */
#ifndef FUZZ_RING_H
#define FUZZ_RING_H

#include "base/codec.h"
#include "crypto/derive.h"
#include "crypto/ring.h"
#include "fuzz.h"

#define NOW ((int64_t)1760000000)
#define NS "app"

/* The vectors' session: its id, and its secret of pages. */
#define SID "18fc76d5acf955f17931961d5a089fc897ebbbf3c35ae2f71538f7595d9a5c37"
#define PSK "8f6498773b44bbd1050d109703158da285d4b44597a10f82d603494da7194976"

FZ void
fz_hex(uint8_t *out, size_t n, const char *text)
{
	if (hex_decode(out, n, text, strlen(text)) != (int)n)
		abort();
}

/* Made once, and never freed: it is no input's. */
FZ const struct keyring *
fz_ring(void)
{
	static struct keyring *kr;
	uint8_t secret[SECRET_BYTES];
	unsigned i;

	if (kr != NULL)
		return kr;
	if (crypto_init(NULL) != 0 ||
	    (kr = ring_new(LIMIT_RING_KEYS, NULL)) == NULL)
		abort();
	for (i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(secret); k++)
			secret[k] = (uint8_t)(k + i);
		kr->key[i].kid = (uint8_t)(i + 1);
		kr->key[i].suite = SUITE_1;
		derive_keys(&kr->key[i], secret);
		kr->slot[i + 1] = (uint8_t)(i + 1);
	}
	kr->key[1].retire_at = NOW - 1;
	kr->slot[3] = RING_MARK;
	kr->count = 2;
	kr->max_lifetime = 43200;
	return kr;
}

#endif
