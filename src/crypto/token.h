/*
 * token.h - the client's token and the store's locator (PROTOCOL.token)
 *
 * The id is in struct token, at the client, and nowhere else (I3).
 */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/keyring.h"

enum { TOKEN_BYTES = 45, TOKEN_TEXT = 60, SID_BYTES = 32, LOC_BYTES = 32 };

enum { CLS_COOKIE = 1, CLS_PAGE = 2, CLS_OWN = 3 };

struct token {
	uint8_t suite, kid, cls;
	uint8_t sid[SID_BYTES];
	uint8_t chk[10];
	uint8_t loc[LOC_BYTES];
};

/* A fresh id under key; SSTATE_ESYS if the kernel has no random bytes. */
int token_new(struct token *out, const struct ringkey *key, const char *ns,
    uint8_t cls, struct sstate_error *err);
void token_text(char out[TOKEN_TEXT + 1], const struct token *t);
void token_bytes(uint8_t out[TOKEN_BYTES], const struct token *t);

/*
 * Decode and check in constant time, without I/O.  0; SSTATE_EAUTH for
 * anything that is not ours, of another carrier, namespace or suite, of a
 * retired kid; SSTATE_ENOTFOUND if only the kid is unknown (the caller may
 * look at the ring file once more).  *key is the one that holds.
 */
int token_parse(struct token *out, const struct ringkey **key,
    const struct keyring *kr, const char *ns, uint8_t cls, const char *text,
    size_t len, int64_t now);
/* The same for the 45 bytes, as a stub keeps them. */
int token_from_bytes(struct token *out, const struct ringkey **key,
    const struct keyring *kr, const char *ns, uint8_t cls,
    const uint8_t bytes[TOKEN_BYTES], int64_t now);
void token_wipe(struct token *t);

/* 16 bytes that stand for a user; zeros for NULL (nobody). */
void user_tag(uint8_t out[16], const struct ringkey *key, const char *ns,
    const char *user);
/* 12 hex characters for a log line, keyed; opens nothing. */
void log_name(char out[13], const struct ringkey *key, const char *ns,
    const struct token *t);

#endif
