/*
 * prf.c - B(k, n, ...): keyed BLAKE2b over length-prefixed parts
 *
 * Invariant: what is hashed is lp(label) || lp(part) || ..., lp(x) being x
 * behind its length in 8 bytes; no copy of a part is left on the stack.
 */
#include "crypto/prf.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hint.h"
#include "base/wipe.h"

/* All parts of a request fit, unless bind or scope are unusually long. */
enum { PRF_STACK = 512 };

static uint8_t *
put(uint8_t *p, const void *ptr, size_t len)
{
	put64(p, len);
	if (len > 0)
		memcpy(p + 8, ptr, len);
	return p + 8 + len;
}

static APART int
stream(uint8_t *out, size_t n, const uint8_t *key, const struct prf_part *label,
    const struct prf_part *parts, size_t count)
{
	crypto_generichash_state st;
	const struct prf_part *x;
	uint8_t len[8];
	size_t i;
	int r;

	r = crypto_generichash_init(&st, key, PRF_KEY, n);
	for (i = 0; i <= count && r == 0; i++) {
		x = i == 0 ? label : &parts[i - 1];
		put64(len, x->len);
		r = crypto_generichash_update(&st, len, sizeof(len));
		if (r == 0 && x->len > 0)
			r = crypto_generichash_update(&st, x->ptr, x->len);
	}
	if (r == 0)
		r = crypto_generichash_final(&st, out, n);
	wipe(&st, sizeof(st));
	return r;
}

/* Do all parts fit into max bytes, with their lengths? */
static int
fits(const struct prf_part *parts, size_t count, size_t max)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (max < 8 || parts[i].len > max - 8)
			return 0;
		max -= 8 + parts[i].len;
	}
	return 1;
}

void
prf(uint8_t *out, size_t n, const uint8_t key[PRF_KEY], const char *label,
    const struct prf_part *parts, size_t count)
{
	const struct prf_part lab = { label, strlen(label) };
	UNFILLED uint8_t buf[PRF_STACK];
	uint8_t *p = buf;
	size_t i;
	int r;

	if (!fits(parts, count, sizeof(buf) - 8 - lab.len)) {
		r = stream(out, n, key, &lab, parts, count);
	} else {
		p = put(p, lab.ptr, lab.len);
		for (i = 0; i < count; i++)
			p = put(p, parts[i].ptr, parts[i].len);
		r = crypto_generichash(out, n, buf, (size_t)(p - buf), key,
		    PRF_KEY);
		wipe(buf, (size_t)(p - buf));
	}
	/* Only a length that no caller has makes it fail: never go on. */
	if (r != 0)
		abort();
}
