/*
 * codec.c - bytes as text: lower-case hex, base64url without padding
 *
 * Invariant: no branch and no table index depends on the bytes or on the
 * text, but for the refusal of a bad one: tokens and keys pass here.
 */
#include "base/codec.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* All ones where lo <= c <= hi, else 0; all below 256. */
static unsigned
within(unsigned c, unsigned lo, unsigned hi)
{
	return (((lo - 1 - c) & (c - hi - 1)) >> 31) * UINT_MAX;
}

static char
hex_char(unsigned v)
{
	return (char)('0' + v + (within(v, 10, 15) & ('a' - '0' - 10)));
}

/* 0..15, or beyond 255. */
static unsigned
hex_value(unsigned c)
{
	unsigned digit = within(c, '0', '9'), alpha = within(c, 'a', 'f');

	return (digit & (c - '0')) | (alpha & (c - 'a' + 10)) |
	    (~(digit | alpha) & 0x100);
}

static char
b64_char(unsigned v)
{
	return (char)((within(v, 0, 25) & ('A' + v)) |
	    (within(v, 26, 51) & ('a' + v - 26)) |
	    (within(v, 52, 61) & ('0' + v - 52)) | (within(v, 62, 62) & '-') |
	    (within(v, 63, 63) & '_'));
}

/* 0..63, or beyond 255. */
static unsigned
b64_value(unsigned c)
{
	unsigned upper = within(c, 'A', 'Z'), lower = within(c, 'a', 'z');
	unsigned digit = within(c, '0', '9'), dash = within(c, '-', '-');
	unsigned line = within(c, '_', '_');

	return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) |
	    (digit & (c - '0' + 52)) | (dash & 62) | (line & 63) |
	    (~(upper | lower | digit | dash | line) & 0x100);
}

void
hex_encode(char *out, const void *p, size_t n)
{
	const unsigned char *in = p;
	size_t i;

	for (i = 0; i < n; i++) {
		*out++ = hex_char(in[i] >> 4);
		*out++ = hex_char(in[i] & 15u);
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
	unsigned acc = 0, bits = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		acc = (acc << 8 | in[i]) & 0xffff;
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = b64_char(acc >> (bits - 6) & 63);
	}
	if (bits > 0)
		*out++ = b64_char(acc << (6 - bits) & 63);
	*out = '\0';
}

int
b64_decode(void *out, size_t cap, const char *text, size_t len)
{
	const unsigned char *in = (const unsigned char *)text;
	unsigned char *p = out;
	unsigned acc = 0, bits = 0, v, bad = 0;
	size_t i, n;

	n = len / 4 * 3 + len % 4 * 3 / 4;
	/* One character more than a multiple of four stands for no byte. */
	if (len % 4 == 1 || n > cap || n > INT_MAX)
		return -1;
	for (i = 0; i < len; i++) {
		v = b64_value(in[i]);
		bad |= v & 0x100;
		acc = (acc << 6 | (v & 63)) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*p++ = (unsigned char)(acc >> bits);
		}
	}
	/* spare bits are zero, or two texts would mean the same. */
	bad |= acc & ((1u << bits) - 1);
	return bad != 0 ? -1 : (int)n;
}
