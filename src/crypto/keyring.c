/*
 * keyring.c - the ring in memory: filled once, then read-only
 *
 * Invariant: a ring that is handed out holds derived keys only, one entry a
 * kid; which key opens something is its kid's alone, never a trial.
 */
#include "crypto/keyring.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/rand.h"
#include "base/wipe.h"
#include "crypto/ring.h"
#include "crypto/walled.h"

int
crypto_init(struct sstate_error *err)
{
	if (sodium_init() < 0)
		return sstate_fail(err, SSTATE_ESYS, 0,
		    "libsodium does not start");
	return 0;
}

static size_t
bytes_of(uint32_t room)
{
	return offsetof(struct keyring, key) + room * sizeof(struct ringkey);
}

struct keyring *
ring_new(uint32_t room, const struct hook *h)
{
	bool nested;
	struct keyring *kr = walled_new(&nested, bytes_of(room), h);

	if (kr != NULL) {
		kr->room = room;
		kr->nested = nested;
	}
	return kr;
}

int
ring_seal(struct keyring *kr, struct sstate_error *err)
{
	int e = walled_seal(kr, bytes_of(kr->room));

	if (e != 0)
		return sstate_fail(err, SSTATE_ESYS, e, "key ring: mprotect");
	return 0;
}

/*
 * Is it a random secret?  Whoever typed one, took it from a manual or a
 * test vector, or lost it to zeros is caught; of random ones not one in
 * 10^13 is.  Every secret that this project publishes is a sequence.
 */
static int
random_looking(const uint8_t *s)
{
	uint8_t seen[256] = { 0 };
	unsigned i, text = 1, steps = 1, again = 1, distinct = 0;

	for (i = 0; i < SECRET_BYTES; i++) {
		if (s[i] < 0x20 || s[i] > 0x7e)
			text = 0;
		if (i > 1 &&
		    (uint8_t)(s[i] - s[i - 1]) != (uint8_t)(s[1] - s[0]))
			steps = 0;
		if (i >= 16 && s[i] != s[i - 16])
			again = 0;
		if (!seen[s[i]])
			distinct++;
		seen[s[i]] = 1;
	}
	wipe(seen, sizeof(seen));
	return !text && !steps && !again && distinct >= 12;
}

int
ring_add(struct keyring *kr, const struct ringkey *head,
    const uint8_t secret[SECRET_BYTES], const char **what)
{
	struct ringkey *k;
	uint32_t i;

	*what = NULL;
	if (head->kid == 0 || kr->slot[head->kid] != 0)
		*what = "this kid is there already";
	else if (kr->count == kr->room)
		*what = "too many entries";
	else if (!random_looking(secret))
		*what = "the secret is not random";
	if (*what != NULL)
		return SSTATE_EPARSE;
	k = &kr->key[kr->count];
	*k = *head;
	derive_keys(k, secret);
	for (i = 0; i < kr->count; i++)
		if (sodium_memcmp(kr->key[i].tok, k->tok, sizeof(k->tok)) ==
		    0) {
			sodium_memzero(k, sizeof(*k));
			*what = "the secret is another entry's";
			return SSTATE_EPARSE;
		}
	kr->slot[k->kid] = (uint8_t)++kr->count;
	return 0;
}

int
keyring_ephemeral(struct keyring **out, int64_t max_lifetime, int64_t now,
    struct sstate_error *err)
{
	const struct ringkey head = { .kid = 1,
		.suite = SUITE_1,
		.not_before = now };
	uint8_t secret[SECRET_BYTES];
	struct keyring *kr = NULL;
	const char *what;
	int r;

	*out = NULL;
	if (max_lifetime < 1 || max_lifetime > LIMIT_COOKIE_AGE)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "key ring: max_lifetime is out of range");
	if ((r = rand_bytes(secret, sizeof(secret), err)) != 0)
		goto out;
	if ((kr = ring_new(1, NULL)) == NULL) {
		r = sstate_fail(err, SSTATE_ENOMEM, 0, "key ring: no memory");
		goto out;
	}
	kr->max_lifetime = max_lifetime;
	if ((r = ring_add(kr, &head, secret, &what)) != 0) {
		r = sstate_fail(err, SSTATE_ESYS, 0, "key ring: %s", what);
		goto out;
	}
	if ((r = ring_seal(kr, err)) != 0)
		goto out;
	*out = kr;
	kr = NULL; /* now the caller's */
out:
	wipe(secret, sizeof(secret));
	keyring_free(kr);
	return r;
}

void
keyring_free(struct keyring *kr)
{
	if (kr != NULL)
		walled_free(kr, bytes_of(kr->room), kr->nested);
}

int
keyring_same(const struct keyring *a, const struct keyring *b)
{
	uint32_t i;

	if (a->count != b->count || a->max_lifetime != b->max_lifetime ||
	    memcmp(a->slot, b->slot, sizeof(a->slot)) != 0)
		return 0;
	for (i = 0; i < a->count; i++) {
		const struct ringkey *x = &a->key[i], *y = &b->key[i];

		if (x->not_before != y->not_before ||
		    x->retire_at != y->retire_at ||
		    x->min_created != y->min_created ||
		    sodium_memcmp(x->tok, y->tok, sizeof(x->tok)) != 0)
			return 0;
	}
	return 1;
}

int64_t
keyring_max_lifetime(const struct keyring *kr)
{
	return kr->max_lifetime;
}

size_t
keyring_count(const struct keyring *kr)
{
	return kr->count;
}

const struct ringkey *
keyring_at(const struct keyring *kr, size_t i)
{
	return i < kr->count ? &kr->key[i] : NULL;
}

int
keyring_knows(const struct keyring *kr, uint8_t kid)
{
	return kr->slot[kid] != 0;
}

static int
retired(const struct ringkey *k, int64_t now)
{
	return k->retire_at != 0 && now >= k->retire_at;
}

const struct ringkey *
keyring_find(const struct keyring *kr, uint8_t kid, int64_t now)
{
	uint8_t slot = kr->slot[kid];

	if (slot == 0 || slot == RING_MARK || retired(&kr->key[slot - 1], now))
		return NULL;
	return &kr->key[slot - 1];
}

const struct ringkey *
keyring_issuer(const struct keyring *kr, int64_t now)
{
	const struct ringkey *best = NULL, *k;
	uint32_t i;

	for (i = 0; i < kr->count; i++) {
		k = &kr->key[i];
		if (k->not_before > now || retired(k, now))
			continue;
		/* Of two with one time the later line. */
		if (best == NULL || k->not_before >= best->not_before)
			best = k;
	}
	return best;
}
