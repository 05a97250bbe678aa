/*
 * ring_parse.c - the key ring's file, from its text (PROTOCOL.token)
 *
 * Invariant: a text is taken whole or not at all, and no error repeats a
 * word of it: any of them may be a secret in the wrong place.
 */
#include "crypto/ring.h"

#include <string.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/codec.h"
#include "base/wipe.h"

size_t
ring_split(struct ring_field f[RING_FIELDS], const char *p, const char *end)
{
	size_t n = 0;

	for (;;) {
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p == end)
			return n;
		if (n == RING_FIELDS)
			return RING_FIELDS + 1;
		f[n].ptr = p;
		while (p < end && *p != ' ' && *p != '\t')
			p++;
		f[n].len = (size_t)(p - f[n].ptr);
		n++;
	}
}

int64_t
ring_number(const struct ring_field *f, int64_t max)
{
	int64_t v = 0;
	size_t i;

	if (f->len == 0 || f->len > 16 || (f->len > 1 && f->ptr[0] == '0'))
		return -1;
	for (i = 0; i < f->len; i++) {
		if (f->ptr[i] < '0' || f->ptr[i] > '9')
			return -1;
		v = v * 10 + (f->ptr[i] - '0');
	}
	return v <= max ? v : -1;
}

static int
is(const struct ring_field *f, const char *word)
{
	return f->len == strlen(word) && memcmp(f->ptr, word, f->len) == 0;
}

/* kid suite secret not_before retire_at min_created; NULL or what is wrong. */
static const char *
entry(struct keyring *kr, const struct ring_field f[RING_FIELDS])
{
	int64_t kid = ring_number(&f[0], 255), suite = ring_number(&f[1], 255);
	struct ringkey head = { 0 };
	uint8_t secret[SECRET_BYTES];
	const char *what = NULL;

	head.kid = (uint8_t)kid;
	head.suite = (uint8_t)suite;
	head.not_before = ring_number(&f[3], RING_TIME_MAX);
	head.retire_at = ring_number(&f[4], RING_TIME_MAX);
	head.min_created = ring_number(&f[5], RING_TIME_MAX);
	if (kid < 1)
		return "the kid is no number from 1 to 255";
	if (suite != SUITE_1)
		return "unknown suite";
	if (head.not_before < 0 || head.retire_at < 0 || head.min_created < 0)
		return "a time is no number of seconds";
	if (is(&f[2], "-")) {
		/* Crypto-erased: only the kid is remembered, as not free. */
		if (kr->slot[kid] != 0)
			return "this kid is there already";
		kr->slot[kid] = RING_MARK;
		return NULL;
	}
	if (f[2].len != B64_LEN(SECRET_BYTES) ||
	    b64_decode(secret, sizeof(secret), f[2].ptr, f[2].len) !=
		SECRET_BYTES)
		what = "the secret is not 32 bytes in base64url";
	else
		(void)ring_add(kr, &head, secret, &what);
	wipe(secret, sizeof(secret));
	return what;
}

static const char *
line(struct keyring *kr, const char *p, const char *end)
{
	struct ring_field f[RING_FIELDS];
	size_t n = ring_split(f, p, end);

	if (n == 0 || f[0].ptr[0] == '#')
		return NULL;
	if (n == 2 && is(&f[0], "max_lifetime")) {
		if (kr->max_lifetime != 0)
			return "max_lifetime is there already";
		kr->max_lifetime = ring_number(&f[1], LIMIT_COOKIE_AGE);
		return kr->max_lifetime > 0 ? NULL
					    : "max_lifetime is out of range";
	}
	if (kr->max_lifetime == 0)
		return "max_lifetime comes first";
	if (n != RING_FIELDS)
		return "not six words";
	return entry(kr, f);
}

int
ring_parse(struct keyring *kr, const char *text, size_t len, const char *name,
    struct sstate_error *err)
{
	const char *p = text, *end = text + len, *nl, *what = NULL;
	unsigned n = 0;

	while (p < end && what == NULL) {
		n++;
		/* a number that was cut is another number. */
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			what = "the line does not end";
		else
			what = line(kr, p, nl);
		if (nl != NULL)
			p = nl + 1;
	}
	if (what == NULL && kr->count == 0)
		what = "no entry in the file";
	if (what != NULL)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "key ring %s, line %u: %s", name, n, what);
	return 0;
}
