/*
 * page_test.c - page state: sealed for session, scope, schema and kind
 */
#include "crypto_help.h"

#include "base/limits.h"
#include "crypto/drawn.h"
#include "crypto/page.h"

static struct ringkey keys[2];
static uint8_t psk[2][PSK_BYTES];

static struct page_scope
scope(void)
{
	return (struct page_scope){ .ns = "app",
		.psk = psk[0],
		.scope = "/cgi-bin/shop",
		.schema = 3 };
}

static struct page_head
fresh(uint8_t kind)
{
	return (struct page_head){ .kind = kind,
		.issued = NOW,
		.expires = NOW + 3600,
		.revision = 5u << 24 | 17 };
}

/* 0 if it opens; a failure that leaves something is no failure but -1000. */
static int
try(const char *text, size_t len, const struct ringkey *k,
    const struct page_scope *sc)
{
	uint8_t *map = malloc(len + 1), left = 0;
	struct page_head h;
	size_t n = 1, i;
	int r;

	memset(map, 0, len + 1);
	memset(&h, 0x55, sizeof(h));
	r = page_open(map, &n, &h, k, sc, text, len);
	for (i = 0; i < len; i++)
		left |= map[i];
	for (i = 0; i < sizeof(h); i++)
		left |= ((uint8_t *)&h)[i];
	if (r != 0 && (left != 0 || n != 0))
		r = -1000;
	free(map);
	return r;
}

static int
opens(const char *text, size_t len)
{
	struct page_scope sc = scope();

	return try(text, len, &keys[0], &sc);
}

static void
round_trips(void)
{
	static const size_t sizes[] = { 0, 1, 23, 24, 87, 88, 150, 151, 152,
		1000, 12000 };
	static char map[12000], text[LIMIT_PAGE_FORM_BYTES + 1];
	static uint8_t back[LIMIT_PAGE_FORM_BYTES];
	struct page_scope sc = scope();
	struct page_head h, got;
	struct sstate_error err;
	size_t i, n;

	for (i = 0; i < sizeof(map); i++)
		map[i] = (char)(i * 7);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		h = fresh(i % 2 ? PAGE_PLAIN : PAGE_ONCE);
		T(page_seal(text, &keys[0], &sc, &h, map, sizes[i], NULL) ==
			    0 &&
			strlen(text) == page_text_len(sizes[i]) &&
			page_kid(text, strlen(text)) == 1 &&
			page_open(back, &n, &got, &keys[0], &sc, text,
			    strlen(text)) == 0 &&
			n == sizes[i] && memcmp(back, map, n) == 0 &&
			got.kind == h.kind && got.issued == NOW &&
			got.expires == NOW + 3600 &&
			got.revision == h.revision &&
			memcmp(got.jti, h.jti, JTI_BYTES) == 0,
		    "R-63 %zu bytes come back, %zu characters", sizes[i],
		    strlen(text));
		T(strspn(text,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(text),
		    "in a safe alphabet");
	}
	h = fresh(PAGE_PLAIN);
	for (n = 0; page_text_len(n) <= LIMIT_PAGE_FORM_BYTES; n++)
		;
	T(n > 12000 && n < 12288 &&
		page_seal(text, &keys[0], &sc, &h, map, n, &err) ==
		    SSTATE_ETOOBIG &&
		text[0] == '\0' &&
		page_seal(text, &keys[0], &sc, &h, map, SIZE_MAX, &err) ==
		    SSTATE_ETOOBIG &&
		page_text_len(SIZE_MAX) > LIMIT_PAGE_FORM_BYTES,
	    "R-90 more than %zu bytes are too many", n - 1);
	h.kind = 3;
	T(page_seal(text, &keys[0], &sc, &h, map, 1, &err) == SSTATE_EINVAL,
	    "there is no third kind");
}

static void
tampered(void)
{
	char text[1024], x[1100], other[1024];
	uint8_t raw[1024], y[1024];
	struct page_scope sc = scope();
	struct page_head h = fresh(PAGE_PLAIN);
	size_t n, m, i;
	int taken = 0, left = 0, r, raws;

	if (page_seal(text, &keys[0], &sc, &h, "a=1", 3, NULL) != 0 ||
	    page_seal(other, &keys[0], &sc, &h, "a=1", 3, NULL) != 0)
		abort();
	n = strlen(text);
	raws = b64_decode(raw, sizeof(raw), text, n);
	NEED(opens(text, n) == 0 && raws > 0, "it opens");
	for (i = 0; i < (size_t)raws * 8; i++) {
		memcpy(y, raw, (size_t)raws);
		y[i / 8] ^= (uint8_t)(1 << i % 8);
		b64_encode(x, y, (size_t)raws);
		r = opens(x, n);
		taken += r == 0;
		left += r != SSTATE_EAUTH;
	}
	T(taken == 0, "R-77 no flip of one of %d bits is accepted", raws * 8);
	T(left == 0, "R-63 every failure is the same, and wipes");
	for (i = 0, taken = 0; i < n * 256; i++) {
		memcpy(x, text, n + 1);
		x[i / 256] = (char)(i % 256);
		taken += x[i / 256] != text[i / 256] && opens(x, n) == 0;
	}
	T(taken == 0, "R-09 no other octet of the text is accepted");
	for (i = 0, taken = 0; i < n; i++)
		taken += opens(text, i) == 0;
	T(taken == 0, "R-77 no truncation is accepted");
	memset(x, 'A', sizeof(x));
	memcpy(x, text, n);
	for (i = 1; i <= 64; i++)
		taken += opens(x, n + i) == 0;
	memset(x + n, '=', 64);
	for (i = 1; i <= 64; i++)
		taken += opens(x, n + i) == 0;
	T(taken == 0, "R-77 no extension is accepted");
	for (m = 1, taken = 0; m < n; m++) {
		memcpy(x, text, m);
		memcpy(x + m, other + m, n - m);
		taken += memcmp(x, text, n) != 0 && memcmp(x, other, n) != 0 &&
		    opens(x, n) == 0;
	}
	T(taken == 0, "R-77 no splice of two pages is accepted");
}

static void
bound(void)
{
	char text[1024], once[1024], x[1024];
	uint8_t raw[1024];
	struct page_scope sc = scope(), o;
	struct page_head h = fresh(PAGE_PLAIN);
	struct ringkey k;
	size_t n;
	int len;

	if (page_seal(text, &keys[0], &sc, &h, "a=1", 3, NULL) != 0)
		abort();
	h.kind = PAGE_ONCE;
	if (page_seal(once, &keys[0], &sc, &h, "a=1", 3, NULL) != 0)
		abort();
	n = strlen(text);
	o = sc;
	o.psk = psk[1];
	T(try(text, n, &keys[0], &o) == SSTATE_EAUTH,
	    "R-63 not in another session, nor after a log-in");
	o = sc;
	o.scope = "/cgi-bin/other";
	T(try(text, n, &keys[0], &o) == SSTATE_EAUTH,
	    "R-66 not at another script");
	o.scope = "";
	T(try(text, n, &keys[0], &o) == SSTATE_EAUTH, "R-66 nor at none");
	o = sc;
	o.ns = "shop";
	T(try(text, n, &keys[0], &o) == SSTATE_EAUTH,
	    "R-66, R-13 not in another namespace");
	o = sc;
	o.schema = 4;
	T(try(text, n, &keys[0], &o) == SSTATE_EAUTH,
	    "R-63 not after a change of schema");
	/* The same octets, parted elsewhere. */
	o = sc;
	o.ns = "ap";
	o.scope = "p/cgi-bin/shop";
	T(try(text, n, &keys[0], &o) == SSTATE_EAUTH,
	    "R-66 nor where the parts run together");
	T(try(text, n, &keys[1], &sc) == SSTATE_EAUTH,
	    "R-75 not under another kid");
	k = keys[0];
	memcpy(k.pag, keys[1].pag, 32);
	T(try(text, n, &k, &sc) == SSTATE_EAUTH,
	    "R-63 not under another key of that kid");
	len = b64_decode(raw, sizeof(raw), once, strlen(once));
	raw[2] = PAGE_PLAIN;
	b64_encode(x, raw, (size_t)len);
	T(opens(x, strlen(x)) == SSTATE_EAUTH,
	    "R-67 a once page is made no plain one");
	raw[2] = 3;
	b64_encode(x, raw, (size_t)len);
	T(opens(x, strlen(x)) == SSTATE_EAUTH && page_kid(x, strlen(x)) == -1,
	    "there is no third kind");
	raw[2] = PAGE_ONCE;
	raw[0] = 2;
	b64_encode(x, raw, (size_t)len);
	k = keys[0];
	k.suite = 2;
	T(try(x, strlen(x), &k, &sc) == SSTATE_EAUTH &&
		page_kid(x, strlen(x)) == -1,
	    "R-64 another suite is refused");
	T(page_kid("", 0) == -1 && page_kid("AQEB", 4) == -1 &&
		page_kid("????", 4) == -1 &&
		page_kid(text, LIMIT_PAGE_FORM_BYTES + 1) == -1,
	    "a text that is too short or too long is none of ours");
}

/* salts and jtis of many; the same map never looks the same. */
static void
many(void)
{
	enum { N = 20000 };
	char text[2][1024];
	struct page_scope sc = scope();
	struct page_head h[2];
	int i, same = 0;

	for (i = 0; i < N; i++) {
		h[i & 1] = fresh(PAGE_PLAIN);
		if (page_seal(text[i & 1], &keys[0], &sc, &h[i & 1], "a=1", 3,
			NULL) != 0)
			abort();
		same += i > 0 &&
		    (memcmp(h[0].jti, h[1].jti, JTI_BYTES) == 0 ||
			memcmp(text[0] + 4, text[1] + 4, 32) == 0 ||
			strcmp(text[0] + 36, text[1] + 36) == 0);
	}
	T(same == 0, "R-61, R-72 the same map is another text each time");
}

int
main(void)
{
	static const uint8_t ramp[64] = { 9, 8, 7, 1, 2, 3 };
	unsigned i;

	NEED(crypto_init(NULL) == 0, "it starts");
	for (i = 0; i < 2; i++) {
		keys[i] = entry_of(ramp + i, i + 1);
		memset(psk[i], (int)i + 1, PSK_BYTES);
	}
	round_trips();
	tampered();
	bound();
	many();
	return tap_done();
}
