/*
 * codec.c - bytes as text: lower-case hex, base64url without padding
 *
 * Invariant: no branch and no table index depends on the bytes or on the
 * text, but for the refusal of a bad one: tokens and keys pass here.
 */
#include "base/codec.h"

#include <endian.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

/* All ones where lo <= c <= hi, else 0; all below 256. */
static unsigned
within(unsigned c, unsigned lo, unsigned hi)
{
	return (((lo - 1 - c) & (c - hi - 1)) >> 31) * UINT_MAX;
}

/* 0..15, or beyond 255. */
static unsigned
hex_value(unsigned c)
{
	unsigned digit = within(c, '0', '9'), alpha = within(c, 'a', 'f');

	return (digit & (c - '0')) | (alpha & (c - 'a' + 10)) |
	    (~(digit | alpha) & 0x100);
}

/* ---- Eight characters at once, the first in the highest byte ---------- */

#define EACH(b) (UINT64_C(0x0101010101010101) * (b))
#define HIGH EACH(0x80)

/* 0xff in each byte from lo to hi; all bytes and bounds are below 0x80. */
static uint64_t
span(uint64_t x, unsigned lo, unsigned hi)
{
	uint64_t high =
	    ((x | HIGH) - EACH(lo)) & ~((x | HIGH) - EACH(hi + 1)) & HIGH;

	return (high << 1) - (high >> 7);
}

/* Each byte's sum modulo 128; the bytes of x are below that. */
static uint64_t
plus(uint64_t x, uint64_t y)
{
	return (x + (y & ~HIGH)) & ~HIGH;
}

/* n bytes, at most 8, the first one highest; behind them those of fill. */
static inline uint64_t
load(const unsigned char *p, size_t n, uint64_t fill)
{
	uint64_t x = 0;
	size_t i;

	if (n == 8) {
		memcpy(&x, p, 8);
		return be64toh(x);
	}
	for (i = 0; i < n; i++)
		x = x << 8 | p[i];
	return n == 0 ? fill : x << 8 * (8 - n) | fill >> 8 * n;
}

static inline void
store(void *to, uint64_t x, size_t n)
{
	unsigned char *p = to;
	uint64_t all = htobe64(x);

	if (n == 8) {
		memcpy(p, &all, 8);
		return;
	}
	if (n == 6) {
		memcpy(p, &all, 6);
		return;
	}
	for (; n > 0; n--, x <<= 8)
		*p++ = (unsigned char)(x >> 56);
}

/* Each byte's character; the bytes are below 16. */
static uint64_t
hex_chars(uint64_t v)
{
	return v + EACH('0') + (span(v, 10, 15) & EACH('a' - '0' - 10));
}

/* The same, below 64. */
static uint64_t
b64_chars(uint64_t v)
{
	uint64_t by = EACH('A');

	by = plus(by, span(v, 26, 63) & EACH('a' - 'Z' - 1));
	by = plus(by, span(v, 52, 63) & EACH('0' - 'z' - 1 + 128));
	by = plus(by, span(v, 62, 63) & EACH('-' - '9' - 1 + 128));
	by = plus(by, span(v, 63, 63) & EACH('_' - '-' - 1));
	return plus(v, by);
}

/* Six bits in each byte, out of the 48 highest bits. */
static uint64_t
spread(uint64_t x)
{
	x = (x >> 8 & UINT64_C(0x00ffffff00000000)) |
	    (x >> 16 & UINT64_C(0x0000000000ffffff));
	x = (x << 4 & UINT64_C(0x0fff00000fff0000)) |
	    (x & UINT64_C(0x00000fff00000fff));
	return (x << 2 & UINT64_C(0x3f003f003f003f00)) |
	    (x & UINT64_C(0x003f003f003f003f));
}

/* Sixteen at once, where the machine can; else the compiler takes it apart. */
typedef unsigned char sixteen __attribute__((vector_size(16)));
typedef uint64_t two __attribute__((vector_size(16)));

/* All ones in each byte from lo to hi, else 0. */
#define SPAN(c, lo, hi) ((sixteen)((c) - (lo) <= (unsigned char)((hi) - (lo))))

/*
 * Twice eight characters become the 48 highest bits of each; *bad becomes
 * other than 0 if one of them has no value.
 */
static inline void
b64_gather(uint64_t *bad, two *x)
{
	sixteen c, upper, lower, digit, dash, line, good;
	two v;

	c = (sixteen)*x;
	upper = SPAN(c, 'A', 'Z');
	lower = SPAN(c, 'a', 'z');
	digit = SPAN(c, '0', '9');
	dash = SPAN(c, '-', '-');
	line = SPAN(c, '_', '_');
	good = upper | lower | digit | dash | line;
	v = ~(two)good;
	*bad |= v[0] | v[1];
	v = (two)((upper & (c - 'A')) | (lower & (c - 'a' + 26)) |
	    (digit & (c - '0' + 52)) | (dash & 62) | (line & 63));
	v = (v >> 2 & UINT64_C(0x0fc00fc00fc00fc0)) |
	    (v & UINT64_C(0x003f003f003f003f));
	v = (v >> 4 & UINT64_C(0x00fff00000fff000)) |
	    (v & UINT64_C(0x00000fff00000fff));
	*x = v << 8 >> 40 << 40 | v << 40 >> 24;
}

/* ---- The texts --------------------------------------------------------- */

void
hex_encode(char *out, const void *p, size_t n)
{
	const unsigned char *in = p;
	size_t k;
	uint64_t x;

	for (; n > 0; n -= k, in += k, out += 2 * k) {
		k = n < 4 ? n : 4;
		x = load(in, k, 0) >> 32;
		x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
		x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
		x = (x | x << 4) & EACH(15);
		store(out, hex_chars(x), 2 * k);
	}
	*out = '\0';
}

int
hex_decode(void *out, size_t cap, const char *text, size_t len)
{
	const unsigned char *in = (const unsigned char *)text;
	unsigned char *p = out;
	unsigned hi, lo, bad = 0;
	size_t i;

	if (len % 2 != 0 || len / 2 > cap || len / 2 > INT_MAX)
		return -1;
	for (i = 0; i < len / 2; i++) {
		hi = hex_value(in[2 * i]);
		lo = hex_value(in[2 * i + 1]);
		bad |= (hi | lo) & 0x100;
		p[i] = (unsigned char)(hi << 4 | lo);
	}
	return bad != 0 ? -1 : (int)(len / 2);
}

void
b64_encode(char *out, const void *p, size_t n)
{
	const unsigned char *in = p;
	size_t k, chars;

	for (; n > 0; n -= k, in += k, out += chars) {
		k = n < 6 ? n : 6;
		chars = B64_LEN(k);
		store(out, b64_chars(spread(load(in, k, 0))), chars);
	}
	*out = '\0';
}

int
b64_decode(void *out, size_t cap, const char *text, size_t len)
{
	const unsigned char *in = (const unsigned char *)text;
	unsigned char *p = out;
	uint64_t bad = 0;
	two x;
	size_t n, i, k, half;

	n = len / 4 * 3 + len % 4 * 3 / 4;
	/* One character more than a multiple of four stands for no byte. */
	if (len % 4 == 1 || n > cap || n > INT_MAX)
		return -1;
	for (; len >= 16; len -= 16, in += 16, p += 12) {
		x = (two){ load(in, 8, 0), load(in + 8, 8, 0) };
		b64_gather(&bad, &x);
		store(p, x[0], 6);
		store(p + 6, x[1], 6);
	}
	half = len < 8 ? len : 8;
	x = (two){ load(in, half, EACH('A')),
		load(in + half, len - half, EACH('A')) };
	b64_gather(&bad, &x);
	for (i = 0; i < 2; i++, p += k) {
		k = (i == 0 ? half : len - half) * 3 / 4;
		store(p, x[i], k);
		/* spare bits are zero, or two texts mean the same. */
		bad |= x[i] << 8 * k;
	}
	return bad != 0 ? -1 : (int)n;
}
