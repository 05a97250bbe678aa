/*
 * csrf.h - CSRF tokens: bound to session and action, other text each time
 *
 * PROTOCOL.page gives the form.
 */
#ifndef CRYPTO_CSRF_H
#define CRYPTO_CSRF_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/keyring.h"

enum { CSRF_TEXT = 56 };

struct csrf_head {
	int64_t issued; /* seconds, epoch; the lower 32 bits in a token */
	uint64_t revision; /* the lower 16 bits are cut: PROTOCOL.page */
};

int csrf_make(char out[CSRF_TEXT + 1], const struct ringkey *key,
    const char *ns, const uint8_t *psk, const char *action,
    const struct csrf_head *h, struct sstate_error *err);
/* 0 or SSTATE_EAUTH; expiry and revision are the caller's to judge. */
int csrf_open(struct csrf_head *h, const struct ringkey *key, const char *ns,
    const uint8_t *psk, const char *action, const char *text, size_t len);
/* The revision that it names, which nothing proves; 0: it is malformed. */
uint64_t csrf_peek(const char *text, size_t len);

#endif
