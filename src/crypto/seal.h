/*
 * seal.h - records: sealed, committed to their key, opened (PROTOCOL.record)
 *
 * A record opens only for the id, namespace, bind and key under which it
 * was made, and only whole.  Nothing is decoded before
 * the commitment and the AEAD tag hold (I2).
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include <securestate.h>

#include "crypto/token.h"

/* SEAL_BEFORE of SEAL_OVER come before the payload. */
enum { SEAL_HEAD = 64, SEAL_BEFORE = 120, SEAL_OVER = 136, TAG_BYTES = 16 };

/* flags of a header: in clear, authenticated */
enum {
	SEAL_EXPLICIT = 0x0001, /* times were set by the program */
	SEAL_LOGIN = 0x0002, /* somebody is logged in: verify */
	SEAL_STUB = 0x0004, /* superseded by another id */
	SEAL_FLAGS = 0x0007 /* all there are; other bits are refused */
};

/* No time in a header is negative or beyond: sums do not overflow. */
#define SEAL_TIME_MAX ((int64_t)1 << 53)

struct seal_head {
	uint8_t suite, kid;
	uint16_t flags;
	int64_t created, written;
	int64_t abs_expiry, idle_deadline; /* seconds, epoch */
	uint64_t revision;
	uint8_t usertag[TAG_BYTES];
};

/*
 * What one write needs of randomness, drawn with one getrandom(2): the
 * record's salt and the revision's random bits.  Good for ONE seal_make();
 * a retry draws anew.
 */
struct seal_random {
	uint8_t salt[24];
	uint8_t rev[8]; /* the first three are used */
};

/* SSTATE_ESYS if the kernel has no random bytes. */
int seal_draw(struct seal_random *out, struct sstate_error *err);

/*
 * Bytes of the sealed record for a payload of n bytes (padding included);
 * 0 if n is beyond what fits in a size_t.
 */
size_t seal_size(size_t n);
/*
 * out has seal_size(n) bytes; the payload may lie in it, at SEAL_BEFORE, and
 * then is not moved.  rnd is fresh from seal_draw().  Suite and kid
 * of the header are key's, whatever h says.  SSTATE_EINVAL for a time or a
 * flag out of range and for another key than the token's.
 */
int seal_make(uint8_t *out, const struct ringkey *key, const char *ns,
    const struct token *t, struct sstate_val bind, const struct seal_head *h,
    const struct seal_random *rnd, const void *payload, size_t n,
    struct sstate_error *err);
/* Read the header alone, unauthenticated: reaping, listing. EPARSE if none. */
int seal_peek(struct seal_head *out, const void *body, size_t n);
/*
 * out has n - SEAL_OVER bytes or more; *len is the payload's length.
 * SSTATE_EAUTH for every kind of failure (the kid in the header must be
 * key's, the suite too); out is wiped then.
 */
int seal_open(uint8_t *out, size_t *len, struct seal_head *h,
    const struct ringkey *key, const char *ns, const struct token *t,
    struct sstate_val bind, const void *body, size_t n);

/* revision = counter(40 bits) << 24 | 24 random bits (PROTOCOL.record). */
uint64_t revision_counter(uint64_t rev);
/* The next one: counter + 1, fresh random bits; never 0. */
uint64_t revision_next(uint64_t rev, const struct seal_random *rnd);

#endif
