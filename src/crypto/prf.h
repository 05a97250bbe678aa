/*
 * prf.h - B(k, n, ...): keyed BLAKE2b over length-prefixed parts
 *
 * Every hash of PROTOCOL.* is this one.  The label separates purposes and
 * the lengths make the parts unambiguous: ("a", "bc") is not ("ab", "c").
 */
#ifndef CRYPTO_PRF_H
#define CRYPTO_PRF_H

#include <stddef.h>
#include <stdint.h>

enum { PRF_KEY = 32, PRF_MAX = 64 };

struct prf_part {
	const void *ptr;
	size_t len;
};

/* n bytes, at most PRF_MAX, to out.  Cannot fail. */
void prf(uint8_t *out, size_t n, const uint8_t key[PRF_KEY], const char *label,
    const struct prf_part *parts, size_t count);

#endif
