/*
 * page.h - sealed page state (PROTOCOL.page)
 *
 * Authenticated before any byte is parsed; every failure is SSTATE_EAUTH
 * and takes the same way.
 */
#ifndef CRYPTO_PAGE_H
#define CRYPTO_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/keyring.h"

enum { PAGE_PLAIN = 1, PAGE_ONCE = 2, JTI_BYTES = 16, PSK_BYTES = 32 };

/* What a page is bound to besides its key. */
struct page_scope {
	const char *ns;
	const uint8_t *psk; /* PSK_BYTES, the session's */
	const char *scope;
	uint32_t schema;
};

struct page_head {
	uint8_t kind;
	int64_t issued, expires; /* seconds, epoch */
	uint64_t revision; /* that was read when it was made */
	uint8_t jti[JTI_BYTES];
};

/* Characters of the token text for a map of n bytes, without a NUL. */
size_t page_text_len(size_t n);
/* out has page_text_len(n) + 1 bytes; jti and salt are drawn here. */
int page_seal(char *out, const struct ringkey *key, const struct page_scope *sc,
    struct page_head *h, const void *map, size_t n, struct sstate_error *err);
/* The kid of a token text, unauthenticated; -1 if it is none of ours. */
int page_kid(const char *text, size_t len);
/*
 * map has len bytes or more; *n is the map's length.  SSTATE_EAUTH for all
 * failures.  Expiry is the caller's to check.
 */
int page_open(uint8_t *map, size_t *n, struct page_head *h,
    const struct ringkey *key, const struct page_scope *sc, const char *text,
    size_t len);

#endif
