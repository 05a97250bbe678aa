/*
 * seal_test.c - a record opens for its id, namespace, bind and key, whole,
 * or not at all
 */
#include "../long.h"
#include "crypto_help.h"

#include "base/bytes.h"
#include "crypto/pad.h"
#include "crypto/prf.h"
#include "crypto/seal.h"

static struct ringkey keys[2];
static struct token ids[2];

static const struct seal_head head = { .flags = SEAL_LOGIN,
	.created = NOW,
	.written = NOW + 5,
	.abs_expiry = NOW + 43200,
	.idle_deadline = NOW + 1800,
	.revision = (1u << 24) + 77,
	.usertag = "0123456789abcde" };

static struct sstate_val
val(const char *s)
{
	return (struct sstate_val){ s, strlen(s) };
}

/* Sealed by keys[0] for ids[0] in "app"; the size. */
static size_t
seal(uint8_t *out, const void *p, size_t n)
{
	struct seal_random rnd;

	if (seal_draw(&rnd, NULL) != 0 ||
	    seal_make(out, &keys[0], "app", &ids[0], NOTHING, &head, &rnd, p, n,
		NULL) != 0)
		abort();
	return seal_size(n);
}

/* 0 if it opens; a failure that leaves something is no failure but -1000. */
static int
try(const uint8_t *body, size_t n, const struct ringkey *k, const char *ns,
    const struct token *t, struct sstate_val bind)
{
	uint8_t *out = malloc(n + 1), left = 0;
	struct seal_head h;
	size_t len = 1, i;
	int r;

	memset(out, 0x55, n + 1);
	memset(&h, 0x55, sizeof(h));
	r = seal_open(out, &len, &h, k, ns, t, bind, body, n);
	for (i = 0; n > SEAL_OVER && i < n - SEAL_OVER; i++)
		left |= out[i];
	for (i = 0; i < sizeof(h); i++)
		left |= ((uint8_t *)&h)[i];
	if (r != 0 && (left != 0 || len != 0))
		r = -1000;
	free(out);
	return r;
}

static int
opens(const uint8_t *body, size_t n)
{
	return try(body, n, &keys[0], "app", &ids[0], NOTHING);
}

static void
round_trips(void)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 254, 255, 256, 511, 512,
		4094, 4095, 4096, 8191, 8192, 65535, 65536, 1000000 };
	uint8_t *in = malloc(1000000), *body = malloc(seal_size(1000000));
	uint8_t *out = malloc(seal_size(1000000));
	struct seal_head h;
	size_t i, j, n, len;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (j = 0; j < sizes[i]; j++)
			in[j] = (uint8_t)(j * 31 + (j >> 8));
		/* what looks like padding is payload all the same. */
		if (sizes[i] > 2)
			memcpy(in + sizes[i] - 2, "\x80", 2);
		n = seal(body, in, sizes[i]);
		T(seal_open(out, &len, &h, &keys[0], "app", &ids[0], NOTHING,
		      body, n) == 0 &&
			len == sizes[i] && memcmp(in, out, len) == 0 &&
			h.suite == SUITE_1 && h.kid == keys[0].kid &&
			h.flags == head.flags && h.created == head.created &&
			h.written == head.written &&
			h.abs_expiry == head.abs_expiry &&
			h.idle_deadline == head.idle_deadline &&
			h.revision == head.revision &&
			memcmp(h.usertag, head.usertag, TAG_BYTES) == 0,
		    "R-71 %zu bytes come back, %zu sealed", sizes[i], n);
		T(sizes[i] < 16 || memmem(body, n, in, 16) == NULL,
		    "R-10 and cannot be seen");
	}
	T(seal_size(SIZE_MAX) == 0 && seal_size(SIZE_MAX / 2) == 0,
	    "a size that does not fit is 0");
	free(in);
	free(body);
	free(out);
}

static void
tampered(void)
{
	uint8_t body[2048], x[2048], other[2048];
	size_t n = seal(body, "some payload", 12), m, i, at;
	int taken = 0, left = 0, r;

	NEED(opens(body, n) == 0, "the record opens");
	for (i = 0; i < n * 8; i++) {
		memcpy(x, body, n);
		x[i / 8] ^= (uint8_t)(1 << i % 8);
		r = opens(x, n);
		taken += r == 0;
		left += r != SSTATE_EAUTH;
	}
	T(taken == 0, "R-77 no flip of one of %zu bits is accepted", n * 8);
	T(left == 0, "every failure is the same, and wipes");
	for (i = 0, taken = 0; i < n; i++)
		taken += opens(body, i) != SSTATE_EAUTH;
	T(taken == 0, "R-77, R-98 no truncation is accepted");
	memcpy(x, body, n);
	for (i = 1, taken = 0; i <= 512; i++) {
		x[n + i - 1] = (uint8_t)(i < 256 ? 0 : i);
		taken += opens(x, n + i) != SSTATE_EAUTH;
	}
	T(taken == 0, "R-77 no extension is accepted");
	/* Two records of one session: every cut, both ways. */
	m = seal(other, "some payload", 12);
	for (at = 1, taken = 0; at < n; at++) {
		memcpy(x, body, at);
		memcpy(x + at, other + at, m - at);
		taken += memcmp(x, body, n) != 0 && memcmp(x, other, n) != 0 &&
		    opens(x, n) == 0;
		memcpy(x, other, at);
		memcpy(x + at, body + at, n - at);
		taken += memcmp(x, body, n) != 0 && memcmp(x, other, n) != 0 &&
		    opens(x, n) == 0;
	}
	T(taken == 0, "R-77 no splice of two records is accepted");
}

static void
bound(void)
{
	uint8_t body[2048];
	struct seal_random rnd;
	size_t n = seal(body, "x", 1);
	struct ringkey k = keys[0];
	struct token t = ids[0];

	T(try(body, n, &keys[0], "app", &ids[1], NOTHING) == SSTATE_EAUTH,
	    "R-77 not for another id");
	memcpy(t.loc, ids[1].loc, LOC_BYTES);
	T(try(body, n, &keys[0], "app", &t, NOTHING) == SSTATE_EAUTH,
	    "not in another place");
	t = ids[0];
	memcpy(t.sid, ids[1].sid, SID_BYTES);
	T(try(body, n, &keys[0], "app", &t, NOTHING) == SSTATE_EAUTH,
	    "A5 not without the id");
	T(try(body, n, &keys[0], "shop", &ids[0], NOTHING) == SSTATE_EAUTH,
	    "R-13 not in another namespace");
	T(try(body, n, &keys[0], "app", &ids[0], val("agent")) == SSTATE_EAUTH,
	    "R-53 not with another bind");
	T(try(body, n, &keys[1], "app", &ids[0], NOTHING) == SSTATE_EAUTH,
	    "R-75 not under another kid");
	memcpy(k.dat, keys[1].dat, 32);
	T(try(body, n, &k, "app", &ids[0], NOTHING) == SSTATE_EAUTH,
	    "A4 not under another key of the same kid");
	k = keys[0];
	k.suite = 2;
	t = ids[0];
	t.suite = 2;
	T(try(body, n, &k, "app", &t, NOTHING) == SSTATE_EAUTH,
	    "R-64 not under another suite");
	body[4] = 2;
	T(try(body, n, &k, "app", &t, NOTHING) == SSTATE_EAUTH,
	    "R-64 nor if the record says so too");
	if (seal_draw(&rnd, NULL) != 0)
		abort();
	T(seal_make(body, &keys[0], "app", &ids[0], val("agent"), &head, &rnd,
	      "x", 1, NULL) == 0 &&
		try(body, n, &keys[0], "app", &ids[0], val("agent")) == 0 &&
		try(body, n, &keys[0], "app", &ids[0], NOTHING) ==
		    SSTATE_EAUTH &&
		try(body, n, &keys[0], "app", &ids[0], val("agen")) ==
		    SSTATE_EAUTH,
	    "R-53 a bound record opens with its bind alone");
}

/* Sealed by hand, with the right key: a plaintext that we never make. */
static void
bad_padding(void)
{
	static const struct {
		const char *what;
		size_t size, mark;
		uint8_t last;
	} cases[] = {
		{ "no mark", 256, 999, 0 },
		{ "another mark", 256, 255, 0x81 },
		{ "a mark one step too early", 512, 255, 0x80 },
		{ "a mark two steps too early", 768, 200, 0x80 },
		{ "half a step", 128, 127, 0x80 },
		{ "one byte", 1, 0, 0x80 },
		{ "the right form", 512, 256, 0x80 },
	};
	uint8_t plain[768];
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(plain, 0, sizeof(plain));
		if (cases[i].mark < sizeof(plain))
			plain[cases[i].mark] = cases[i].last;
		n = 999;
		T((pad_strip(&n, plain, cases[i].size, pad_record) == 0) ==
			    (i == 6) &&
			n == (i == 6 ? 256 : 0),
		    "one padding only: %s", cases[i].what);
	}
	T(pad_strip(&n, plain, 0, pad_record) != 0, "nothing is no padding");
	for (n = 0, i = 0; i < 300000; i += 1 + i / 3000) {
		size_t got, p = pad_record(i);
		uint8_t *buf = calloc(1, p);

		memset(buf, 0xff, i);
		pad_put(buf, i, p);
		n += pad_strip(&got, buf, p, pad_record) != 0 || got != i ||
		    p <= i || (i > 2200 && p - i > i * 12 / 100 + 1) ||
		    p != pad_record(p - 1);
		free(buf);
	}
	T(n == 0, "padding is undone at all sizes and costs 12 %% at most");
}

static void
heads(void)
{
	struct seal_head h = head, got;
	struct seal_random rnd = { .rev = { 0 } };
	struct sstate_error err;
	uint8_t body[2048];
	size_t n = seal(body, "x", 1), i, bad = 0;

	T(seal_peek(&got, body, n) == 0 && got.revision == head.revision &&
		seal_peek(&got, body, SEAL_HEAD) == 0 &&
		seal_peek(&got, body, SEAL_HEAD - 1) == SSTATE_EPARSE,
	    "a header is read without the key");
	memcpy(body, "SSR2", 4);
	T(seal_peek(&got, body, n) == SSTATE_EPARSE && got.created == 0,
	    "R-64 another magic is none of ours");
	memcpy(body, "SSR1", 4);
	body[4] = 0;
	bad += seal_peek(&got, body, n) != SSTATE_EPARSE;
	body[4] = 2;
	bad += seal_peek(&got, body, n) != SSTATE_EPARSE;
	body[4] = 1;
	T(bad == 0, "R-64 another suite is refused");
	for (i = 3; i < 16; i++) {
		put64(body + 8, NOW);
		body[6] = body[7] = 0;
		body[6 + i / 8] = (uint8_t)(1 << i % 8);
		bad += seal_peek(&got, body, n) != SSTATE_EPARSE;
	}
	body[6] = body[7] = 0;
	T(bad == 0, "flags that we do not know are refused");
	for (i = 8; i < 40; i += 8) {
		memset(body + 8, 0, 32);
		bad += seal_peek(&got, body, n) != 0;
		body[i + 7] = 0x80;
		bad += seal_peek(&got, body, n) != SSTATE_EPARSE;
		put64(body + i, (uint64_t)SEAL_TIME_MAX + 1);
		bad += seal_peek(&got, body, n) != SSTATE_EPARSE;
	}
	T(bad == 0, "times that would overflow a sum are refused");
	h.created = -1;
	T(seal_make(body, &keys[0], "app", &ids[0], NOTHING, &h, &rnd, "x", 1,
	      &err) == SSTATE_EINVAL,
	    "and never written");
	h = head;
	h.flags = 0x8000;
	T(seal_make(body, &keys[0], "app", &ids[0], NOTHING, &h, &rnd, "x", 1,
	      &err) == SSTATE_EINVAL &&
		seal_make(body, &keys[1], "app", &ids[0], NOTHING, &head, &rnd,
		    "x", 1, &err) == SSTATE_EINVAL &&
		seal_make(body, &keys[0], "app", &ids[0], NOTHING, &head, &rnd,
		    "x", SIZE_MAX, &err) == SSTATE_EINVAL,
	    "unknown flags, another key, an endless payload: EINVAL");
}

static int
by_salt(const void *a, const void *b)
{
	return memcmp(a, b, 24);
}

static void
salts(void)
{
	const size_t N = 1000000 * (test_long() < 20 ? test_long() : 20);
	uint8_t *all = malloc(N * 24), body[2048];
	struct seal_random rnd;
	size_t i, twice = 0, bad = 0;

	for (i = 0; i < N; i++) {
		bad += seal_draw(&rnd, NULL) != 0 ||
		    seal_make(body, &keys[0], "app", &ids[0], NOTHING, &head,
			&rnd, "x", 1, NULL) != 0;
		memcpy(all + i * 24, body + SEAL_HEAD, 24);
	}
	qsort(all, N, 24, by_salt);
	for (i = 1; i < N; i++)
		twice += memcmp(all + (i - 1) * 24, all + i * 24, 24) == 0;
	T(bad == 0 && twice == 0, "R-72 %zu seals, no salt twice", N);
	free(all);
}

/* The keystream, as zeros sealed show it. */
static void
stream(uint8_t out[255], const struct ringkey *k, const struct token *t,
    const char *ns, const char *bind, const struct seal_head *h,
    const struct seal_random *rnd)
{
	static const uint8_t zeros[255];
	uint8_t body[2048];

	if (seal_make(body, k, ns, t, val(bind), h, rnd, zeros, 255, NULL) != 0)
		abort();
	memcpy(out, body + SEAL_OVER - 16, 255);
}

static void
equal_salts(void)
{
	struct ringkey k = keys[0];
	struct token t = ids[0];
	struct seal_head h = head;
	struct seal_random rnd = { .salt = { 1 } };
	uint8_t s[10][255];
	int i, j, equal = 0;

	memcpy(k.dat, keys[1].dat, 32);
	memcpy(t.sid, ids[1].sid, 32);
	stream(s[0], &keys[0], &ids[0], "app", "", &head, &rnd);
	stream(s[1], &k, &ids[0], "app", "", &head, &rnd);
	stream(s[2], &keys[0], &t, "app", "", &head, &rnd);
	t = ids[0];
	memcpy(t.loc, ids[1].loc, 32);
	stream(s[3], &keys[0], &t, "app", "", &head, &rnd);
	stream(s[4], &keys[0], &ids[0], "shop", "", &head, &rnd);
	stream(s[5], &keys[0], &ids[0], "app", "b", &head, &rnd);
	h.revision++;
	stream(s[6], &keys[0], &ids[0], "app", "", &h, &rnd);
	h = head;
	h.written++;
	stream(s[7], &keys[0], &ids[0], "app", "", &h, &rnd);
	h = head;
	h.usertag[3] ^= 1;
	stream(s[8], &keys[0], &ids[0], "app", "", &h, &rnd);
	rnd.salt[23] = 1;
	stream(s[9], &keys[0], &ids[0], "app", "", &head, &rnd);
	for (i = 0; i < 10; i++)
		for (j = 0; j < i; j++)
			equal += memcmp(s[i], s[j], 16) == 0;
	T(equal == 0,
	    "R-72 a repeated salt meets another keystream when id, "
	    "place, namespace, bind, header or key differ");
	rnd.salt[23] = 0;
	stream(s[1], &keys[0], &ids[0], "app", "", &head, &rnd);
	T(memcmp(s[0], s[1], 255) == 0, "and the same one when none does");
}

/* tests/vectors/commit.txt: forged so that the AEAD opens it for both ids. */
static void
commitment(struct block *b)
{
	struct ringkey k = entry_of(octets(b, "secret"), 1);
	struct keyring *kr = ring_of(&k, 1);
	const struct ringkey *key;
	struct sstate_val body = bytes(b, "body"), pay = bytes(b, "payload");
	struct token t[2];
	uint8_t raw[TOKEN_BYTES], full[64], *out = malloc(body.len);
	struct seal_head h;
	size_t len;
	int i;

	for (i = 0; i < 2; i++) {
		memcpy(raw, "\1\1\1", 3);
		memcpy(raw + 3, octets(b, i == 0 ? "sid" : "sid2"), 32);
		prf(full, 64, k.tok, "tok",
		    (struct prf_part[]){ { "app", 3 }, { raw, 35 } }, 2);
		memcpy(raw + 35, full + 32, 10);
		if (token_from_bytes(&t[i], &key, kr, "app", 1, raw, NOW) != 0)
			abort();
	}
	T(seal_open(out, &len, &h, &k, "app", &t[0], NOTHING, body.ptr,
	      body.len) == 0 &&
		len == pay.len && memcmp(out, pay.ptr, len) == 0,
	    "the forged record opens for the id it commits to");
	T(seal_open(out, &len, &h, &k, "app", &t[1], NOTHING, body.ptr,
	      body.len) == SSTATE_EAUTH,
	    "R-77 and not for the other, whose tag is right too");
	free(out);
	keyring_free(kr);
}

static void
revisions(void)
{
	struct seal_random rnd = { .rev = { 0x11, 0x22, 0x33, 0x44 } };
	struct seal_random none = { .rev = { 0 } };
	uint64_t last = (uint64_t)0xffffffffff << 24 | 5;

	T(revision_next(0, &rnd) == 0x1332211 &&
		revision_next(0x1332211, &none) == (uint64_t)2 << 24 &&
		revision_counter(0x1332211) == 1,
	    "a revision is a counter and 24 random bits");
	T(revision_counter(last) == 0xffffffffff &&
		revision_next(last, &none) != 0,
	    "and never 0");
}

int
main(void)
{
	static const uint8_t ramp[64] = { 9, 8, 7, 1, 2, 3 };
	int i;

	NEED(crypto_init(NULL) == 0, "it starts");
	for (i = 0; i < 2; i++)
		keys[i] = entry_of(ramp + i, (unsigned)i + 1);
	for (i = 0; i < 2; i++)
		if (token_new(&ids[i], &keys[0], "app", CLS_COOKIE, NULL) != 0)
			abort();
	round_trips();
	tampered();
	bound();
	bad_padding();
	heads();
	equal_salts();
	T(each_block("commit.txt", commitment) == 1, "commit.txt is whole");
	revisions();
	salts();
	return tap_done();
}
