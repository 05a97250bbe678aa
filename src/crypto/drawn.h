/*
 * drawn.h - page state and CSRF tokens from a salt that is handed in
 *
 * The public makers draw it and call these; so the vectors check the code
 * that runs, and the library has no settable source of randomness.
 */
#ifndef CRYPTO_DRAWN_H
#define CRYPTO_DRAWN_H

#include "crypto/csrf.h"
#include "crypto/page.h"

enum { PAGE_SALT = 24, CSRF_SALT = 12 };

int page_seal_with(char *out, const struct ringkey *key,
    const struct page_scope *sc, const struct page_head *h,
    const uint8_t salt[PAGE_SALT], const void *map, size_t n,
    struct sstate_error *err);
int csrf_make_with(char out[CSRF_TEXT + 1], const struct ringkey *key,
    const char *ns, const uint8_t *psk, const char *action,
    const struct csrf_head *h, const uint8_t salt[CSRF_SALT],
    struct sstate_error *err);

#endif
