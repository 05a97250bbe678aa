/*
 * kvseal.h - bytes under a name: their place, sealed, opened (PROTOCOL.record)
 *
 * Nothing secret is in the name, so ring and store together read it; keys
 * and labels of its own keep it from ever meeting a session.
 */
#ifndef CRYPTO_KVSEAL_H
#define CRYPTO_KVSEAL_H

#include "crypto/seal.h"

/* KV_BEFORE of KV_OVER come before the value. */
enum { KV_HEAD = 40, KV_BEFORE = 96, KV_OVER = 112 };

/* kind of a header */
enum {
	KV_VALUE = 0,
	KV_COPY = 1, /* on its way from an older key: counts under its stub */
	KV_MOVED = 2, /* a stub: look under the next key */
	KV_GONE = 3, /* removed, while a slow copy could still come */
	KV_KINDS
};

struct kv_head {
	uint8_t suite, kid;
	uint16_t kind;
	int64_t written, expires; /* seconds, epoch */
	uint64_t revision;
	uint64_t from; /* COPY: of which revision; MOVED: likewise, or 0 */
};

/* Where a name is, under one key.  The name must live as long. */
struct kv_place {
	const struct ringkey *key;
	const char *ns;
	struct sstate_val name;
	uint8_t loc[LOC_BYTES];
};

void kv_place(struct kv_place *out, const struct ringkey *key, const char *ns,
    struct sstate_val name);
/* Octets for a value of n; 0 if n is beyond what fits in a size_t. */
size_t kv_size(size_t n);
/*
 * out has kv_size(n) octets; the value may lie in it, at KV_BEFORE.  rnd is
 * fresh from seal_draw().  SSTATE_EINVAL for a header out of range.
 */
int kv_seal(uint8_t *out, const struct kv_place *at, const struct kv_head *h,
    const struct seal_random *rnd, const void *value, size_t n,
    struct sstate_error *err);
/* The header alone, unauthenticated; SSTATE_EPARSE if it is none. */
int kv_peek(struct kv_head *out, const void *body, size_t n);
/*
 * out has n - KV_OVER octets or more; *len is the value's length.
 * SSTATE_EAUTH for every kind of failure; out is wiped then.
 */
int kv_open(uint8_t *out, size_t *len, struct kv_head *h,
    const struct kv_place *at, const void *body, size_t n);

#endif
