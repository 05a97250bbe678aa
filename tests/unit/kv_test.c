/*
 * kv_test.c - what is under a name opens for it, its namespace and key,
 * whole, or not at all
 */
#include "crypto_help.h"

#include "crypto/kvseal.h"

static struct ringkey keys[2];

static const struct kv_head head = { .kind = KV_VALUE,
	.written = NOW,
	.expires = NOW + 43200,
	.revision = ((uint64_t)NOW << 24) + 77 };

static struct sstate_val
val(const char *s)
{
	return (struct sstate_val){ s, strlen(s) };
}

static struct kv_place
place(unsigned key, const char *ns, const char *name)
{
	struct kv_place p;

	kv_place(&p, &keys[key], ns, val(name));
	return p;
}

static int
seal(uint8_t *out, const struct kv_place *at, const struct kv_head *h,
    const void *p, size_t n)
{
	struct seal_random rnd;

	if (seal_draw(&rnd, NULL) != 0)
		abort();
	return kv_seal(out, at, h, &rnd, p, n, NULL);
}

/* 0 if it opens; a failure that leaves something is no failure but -1000. */
static int
try(const uint8_t *body, size_t n, const struct kv_place *at)
{
	uint8_t *out = malloc(n + 1), left = 0;
	struct kv_head h;
	size_t len = 1, i;
	int r;

	if (out == NULL)
		abort();
	memset(out, 0x55, n + 1);
	memset(&h, 0x55, sizeof(h));
	r = kv_open(out, &len, &h, at, body, n);
	for (i = 0; n > KV_OVER && i < n - KV_OVER; i++)
		left |= out[i];
	for (i = 0; i < sizeof(h); i++)
		left |= ((uint8_t *)&h)[i];
	if (r != 0 && (left != 0 || len != 0))
		r = -1000;
	free(out);
	return r;
}

static void
tampered(void)
{
	static uint8_t body[KV_OVER + 512 + 64];
	struct kv_place at = place(0, "app", "name");
	size_t n = kv_size(300), i, bad = 0;
	uint8_t text[300];

	memset(text, 'v', sizeof(text));
	NEED(n == KV_OVER + 512 && seal(body, &at, &head, text, 300) == 0,
	    "a value is sealed");
	NEED(try(body, n, &at) == 0, "and opens");
	for (i = 0; i < n * 8; i++) {
		body[i / 8] ^= (uint8_t)(1 << i % 8);
		bad += try(body, n, &at) != SSTATE_EAUTH;
		body[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	T(bad == 0, "R-71 each of %zu bits counts", n * 8);
	for (i = 0; i < n; i++)
		bad += try(body, i, &at) != SSTATE_EAUTH;
	T(bad == 0, "R-98 each truncation is refused");
	for (i = 1; i <= 64; i++)
		bad += try(body, n + i, &at) != SSTATE_EAUTH;
	memset(body + n, 0x80, 64);
	for (i = 1; i <= 64; i++)
		bad += try(body, n + i, &at) != SSTATE_EAUTH;
	T(bad == 0, "R-98 what follows the end is refused");
	T(try(body, n, &at) == 0, "and it opens still");
}

static void
apart(void)
{
	static uint8_t body[KV_OVER + 256];
	struct kv_place own = place(0, "app", "name"), at[6];
	unsigned i, j, bad = 0, equal = 0;

	at[0] = own;
	at[1] = place(0, "app", "nam");
	at[2] = place(0, "app", "namee");
	at[3] = place(0, "appn", "ame");
	at[4] = place(0, "shop", "name");
	at[5] = place(1, "app", "name");
	NEED(seal(body, &own, &head, "v", 1) == 0, "sealed");
	for (i = 0; i < 6; i++) {
		bad += (try(body, sizeof(body), &at[i]) == 0) != (i == 0);
		for (j = 0; j < i; j++)
			equal += memcmp(at[i].loc, at[j].loc, LOC_BYTES) == 0;
	}
	T(bad == 0 && equal == 0,
	    "R-13 by name, namespace and key: places and keys of their own");
	for (i = 1; i < 6; i++) {
		/* Put where another name is looked for. */
		memcpy(at[i].loc, own.loc, LOC_BYTES);
		bad += try(body, sizeof(body), &at[i]) == 0;
	}
	T(bad == 0,
	    "R-71 nor does it open where it was put instead of another");
}

/* What no caller does is refused all the same. */
static void
refused(void)
{
	static const char longest[] = "123456789012345678901234567890123";
	static uint8_t body[KV_OVER + 256];
	struct kv_place at = place(0, "app", "name"), far = at;
	struct ringkey k = keys[0];

	far.ns = longest;
	NEED(seal(body, &at, &head, "v", 1) == 0, "sealed");
	T(seal(body, &far, &head, "v", 1) == SSTATE_EINVAL &&
		try(body, sizeof(body), &far) == SSTATE_EAUTH,
	    "R-90 a namespace that is too long");
	k.suite = 2;
	far = at;
	far.key = &k;
	T(try(body, sizeof(body), &far) == SSTATE_EAUTH &&
		try(body, sizeof(body), &at) == 0,
	    "R-64 a key of another suite");
}

static void
heads(void)
{
	static uint8_t body[KV_OVER + 256];
	struct kv_place at = place(0, "app", "name");
	struct kv_head h[9];
	unsigned i, bad = 0;

	for (i = 0; i < 9; i++)
		h[i] = head;
	h[0].kind = KV_KINDS;
	h[1].revision = 0;
	h[2].from = 1;
	h[3].kind = KV_COPY;
	h[4].kind = KV_GONE;
	h[4].from = 1;
	h[5].written = -1;
	h[6].expires = SEAL_TIME_MAX + 1;
	h[7].kind = KV_MOVED; /* these two have no value */
	h[8].kind = KV_GONE;
	for (i = 0; i < 9; i++)
		bad += seal(body, &at, &h[i], "v", 1) != SSTATE_EINVAL;
	T(bad == 0, "no other header is made");
	T(seal(body, &at, &h[7], "", 0) == 0 &&
		try(body, sizeof(body), &at) == 0,
	    "a stub is");
	T(kv_size(SIZE_MAX) == 0 &&
		seal(body, &at, &head, "", SIZE_MAX / 2) == SSTATE_EINVAL,
	    "nor one of any length");
	T(kv_size(0) == kv_size(255) && kv_size(256) > kv_size(255),
	    "lengths are hidden in steps of 256");
}

int
main(void)
{
	static const uint8_t ramp[64] = { 9, 8, 7, 1, 2, 3 };

	NEED(crypto_init(NULL) == 0, "it starts");
	keys[0] = entry_of(ramp, 1);
	keys[1] = entry_of(ramp + 1, 2);
	tampered();
	apart();
	refused();
	heads();
	return tap_done();
}
