/*
 * ring_fuzzer.c - key ring files: taken whole or not, and errors tell no word
 *
 * Input: the file's text.
 */
#include <securestate.h>

#include "base/limits.h"
#include "fuzz_ring.h"

static void
consistent(const struct keyring *kr)
{
	size_t i, k, n = keyring_count(kr);
	const struct ringkey *key;

	MUST(n >= 1 && n <= LIMIT_RING_KEYS);
	MUST(keyring_max_lifetime(kr) >= 1 &&
	    keyring_max_lifetime(kr) <= LIMIT_COOKIE_AGE);
	for (i = 0; i < n; i++) {
		key = keyring_at(kr, i);
		MUST(key->kid != 0 && key->suite == SUITE_1);
		MUST(strlen(key->fingerprint) == 16);
		MUST(key->not_before >= 0 && key->retire_at >= 0 &&
		    key->min_created >= 0);
		MUST(keyring_knows(kr, key->kid));
		MUST(keyring_find(kr, key->kid, NOW) ==
		    (key->retire_at != 0 && key->retire_at <= NOW ? NULL
								  : key));
		for (k = 0; k < i; k++)
			MUST(keyring_at(kr, k)->kid != key->kid &&
			    memcmp(keyring_at(kr, k)->tok, key->tok, 32) != 0);
	}
	key = keyring_issuer(kr, NOW);
	MUST(key == NULL ||
	    (key->not_before <= NOW && keyring_find(kr, key->kid, NOW) == key));
}

/* No long word of the file is in the text: it could be a secret. */
static void
discreet(const struct sstate_error *err, const struct fz_in *in)
{
	size_t i, from = 0;

	MUST(err->code == SSTATE_EPARSE && strlen(err->text) < 150);
	for (i = 0; i <= in->n; i++)
		if (i == in->n || in->p[i] <= ' ') {
			MUST(i - from < 20 ||
			    !fz_has(err->text, strlen(err->text), in->p + from,
				i - from));
			from = i + 1;
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sstate_error err = { 0, 0, "" };
	struct fz_in in = { data, size };
	struct fz_buf b = { NULL, 0, 0 };
	struct keyring *kr, *again;
	int r;

	(void)fz_ring();
	if (size > LIMIT_RING_BYTES ||
	    (kr = ring_new(LIMIT_RING_KEYS, NULL)) == NULL)
		return 0;
	fz_put(&b, data, size);
	fz_put(&b, "", 1); /* never NULL */
	b.n--;
	if ((r = ring_parse(kr, b.p, b.n, "FILE", &err)) != 0) {
		MUST(r == SSTATE_EPARSE);
		discreet(&err, &in);
	} else if ((again = ring_new(LIMIT_RING_KEYS, NULL)) != NULL) {
		consistent(kr);
		/* cut before its last line feed it is no ring. */
		MUST((b.n > 1 && b.p[b.n - 2] == '\n') ||
		    ring_parse(again, b.p, b.n - 1, "FILE", NULL) != 0);
		keyring_free(again);
		fz_puts(&b, "# a comment\n \t\n");
		MUST((again = ring_new(LIMIT_RING_KEYS, NULL)) != NULL &&
		    ring_parse(again, b.p, b.n, "FILE", NULL) == 0);
		MUST(keyring_same(kr, again));
		keyring_free(again);
	}
	keyring_free(kr);
	fz_drop(&b);
	return 0;
}
