/*
 * csrf_test.c - CSRF tokens: for one session and action, never twice alike
 */
#include "crypto_help.h"

#include "crypto/csrf.h"
#include "crypto/page.h"

static struct ringkey keys[2];
static uint8_t psk[2][PSK_BYTES];
static const struct csrf_head head = { .issued = NOW,
	.revision = (uint64_t)0x0102030405 << 24 | 0x060708 };

static int
opens(const char *text, size_t len, const struct ringkey *k, const char *ns,
    const uint8_t *p, const char *action)
{
	struct csrf_head h;
	int r;

	memset(&h, 0x55, sizeof(h));
	r = csrf_open(&h, k, ns, p, action, text, len);
	if (r != 0 && (h.issued != 0 || h.revision != 0))
		r = -1000;
	return r;
}

static int
plain(const char *text, size_t len)
{
	return opens(text, len, &keys[0], "app", psk[0], "/pay");
}

static void
make(char out[CSRF_TEXT + 1])
{
	if (csrf_make(out, &keys[0], "app", psk[0], "/pay", &head, NULL) != 0)
		abort();
}

static void
bound(void)
{
	char t[CSRF_TEXT + 1];
	struct csrf_head h;
	struct ringkey k = keys[0];

	make(t);
	T(strlen(t) == CSRF_TEXT &&
		csrf_open(&h, &keys[0], "app", psk[0], "/pay", t, CSRF_TEXT) ==
		    0 &&
		h.issued == NOW &&
		h.revision == (head.revision & ~(uint64_t)0xffff) &&
		h.revision >> 24 == head.revision >> 24,
	    "R-60 it holds and says when, and the whole counter");
	T(opens(t, CSRF_TEXT, &keys[0], "app", psk[1], "/pay") == SSTATE_EAUTH,
	    "R-60 not in another session, nor after a log-in");
	T(opens(t, CSRF_TEXT, &keys[0], "shop", psk[0], "/pay") == SSTATE_EAUTH,
	    "R-60 not in another namespace");
	T(opens(t, CSRF_TEXT, &keys[0], "app", psk[0], "/delete") ==
		    SSTATE_EAUTH &&
		opens(t, CSRF_TEXT, &keys[0], "app", psk[0], "") ==
		    SSTATE_EAUTH &&
		opens(t, CSRF_TEXT, &keys[0], "app", psk[0], "/pay/") ==
		    SSTATE_EAUTH,
	    "R-60 not for another action");
	memcpy(k.csr, keys[1].csr, 32);
	T(opens(t, CSRF_TEXT, &k, "app", psk[0], "/pay") == SSTATE_EAUTH,
	    "R-60 not under another key");
	T(plain("", 0) == SSTATE_EAUTH && plain(t, 0) == SSTATE_EAUTH,
	    "R-60 an empty one is refused");
	h = head;
	h.issued = -1;
	T(csrf_make(t, &keys[0], "app", psk[0], "/pay", &h, NULL) ==
		    SSTATE_EINVAL &&
		t[0] == '\0',
	    "a clock before 1970 makes none");
	h.issued = ((int64_t)1 << 32) + 5;
	T(csrf_make(t, &keys[0], "app", psk[0], "/pay", &h, NULL) == 0 &&
		csrf_open(&h, &keys[0], "app", psk[0], "/pay", t, CSRF_TEXT) ==
		    0 &&
		h.issued == 5,
	    "after 2106 the lower 32 bits are there, and the MAC holds");
}

static void
tampered(void)
{
	char t[CSRF_TEXT + 1], o[CSRF_TEXT + 1], x[CSRF_TEXT + 8];
	uint8_t raw[42], y[42];
	int i, j, taken = 0, left = 0, r;

	make(t);
	make(o);
	if (b64_decode(raw, sizeof(raw), t, CSRF_TEXT) != 42)
		abort();
	for (i = 0; i < 42 * 8; i++) {
		memcpy(y, raw, sizeof(y));
		y[i / 8] ^= (uint8_t)(1 << i % 8);
		b64_encode(x, y, sizeof(y));
		r = plain(x, CSRF_TEXT);
		taken += r == 0;
		left += r != SSTATE_EAUTH;
	}
	T(taken == 0 && left == 0, "R-77 no flip of one bit is accepted");
	for (i = 0; i < CSRF_TEXT * 256; i++) {
		memcpy(x, t, CSRF_TEXT);
		x[i / 256] = (char)(i % 256);
		taken += x[i / 256] != t[i / 256] && plain(x, CSRF_TEXT) == 0;
	}
	T(taken == 0, "R-09 nor another octet of the text");
	for (i = 0; i < CSRF_TEXT; i++)
		taken += plain(t, (size_t)i) == 0;
	for (j = 0; j < 3; j++) {
		memcpy(x, t, CSRF_TEXT);
		memset(x + CSRF_TEXT, "A= "[j], 8);
		for (i = 1; i < 8; i++)
			taken += plain(x, (size_t)(CSRF_TEXT + i)) == 0;
	}
	T(taken == 0, "R-77 nor a shorter or longer one");
	for (i = 1; i < CSRF_TEXT; i++) {
		memcpy(x, t, (size_t)i);
		memcpy(x + i, o + i, (size_t)(CSRF_TEXT - i));
		taken += memcmp(x, t, CSRF_TEXT) != 0 &&
		    memcmp(x, o, CSRF_TEXT) != 0 && plain(x, CSRF_TEXT) == 0;
	}
	T(taken == 0, "R-77 nor a splice of two");
}

static void
masked(void)
{
	enum { N = 20000 };
	char t[2][CSRF_TEXT + 1];
	int i, same = 0, bad = 0;

	for (i = 0; i < N; i++) {
		make(t[i & 1]);
		bad += plain(t[i & 1], CSRF_TEXT) != 0;
		/* Issue time and revision are no secret and do repeat. */
		same += i > 0 &&
		    (memcmp(t[0], t[1], 16) == 0 ||
			memcmp(t[0] + 30, t[1] + 30, 26) == 0);
	}
	T(bad == 0 && same == 0,
	    "R-61 another text each time, and all of them hold");
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
	T(csrf_peek("", 0) == 0 && csrf_peek("x", 1) == 0,
	    "R-61 what is no token has no revision");
	bound();
	tampered();
	masked();
	return tap_done();
}
