/*
 * token.c - the client's token and the store's locator
 *
 * Invariant: chk and loc are disjoint parts of one keyed hash over all that
 * the token says, so neither tells the other and no bit of a token is free.
 */
#include "crypto/token.h"

#include <sodium.h>
#include <string.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/codec.h"
#include "base/hint.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "crypto/prf.h"
#include "crypto/ring.h"

enum { HEAD_BYTES = 3 + SID_BYTES, CHK_BYTES = 10 };

_Static_assert(HEAD_BYTES + CHK_BYTES == TOKEN_BYTES, "token layout");
_Static_assert(B64_LEN(TOKEN_BYTES) == TOKEN_TEXT, "no spare bits");

/* T of the protocol: the locator, then the check field. */
static void
fill(struct token *t, uint8_t chk[CHK_BYTES], const struct ringkey *key,
    const char *ns)
{
	UNFILLED uint8_t head[HEAD_BYTES], out[64];
	const struct prf_part parts[] = {
		{ ns, strlen(ns) },
		{ head, sizeof(head) },
	};

	head[0] = t->suite;
	head[1] = t->kid;
	head[2] = t->cls;
	memcpy(head + 3, t->sid, SID_BYTES);
	prf(out, sizeof(out), key->tok, "tok", parts, 2);
	memcpy(t->loc, out, LOC_BYTES);
	memcpy(chk, out + LOC_BYTES, CHK_BYTES);
	wipe(head, sizeof(head));
	wipe(out, sizeof(out));
}

int
token_new(struct token *out, const struct ringkey *key, const char *ns,
    uint8_t cls, struct sstate_error *err)
{
	int r;

	memset(out, 0, sizeof(*out));
	if ((r = rand_bytes(out->sid, SID_BYTES, err)) != 0) {
		token_wipe(out);
		return r;
	}
	out->suite = key->suite;
	out->kid = key->kid;
	out->cls = cls;
	fill(out, out->chk, key, ns);
	return 0;
}

void
token_bytes(uint8_t out[TOKEN_BYTES], const struct token *t)
{
	out[0] = t->suite;
	out[1] = t->kid;
	out[2] = t->cls;
	memcpy(out + 3, t->sid, SID_BYTES);
	memcpy(out + HEAD_BYTES, t->chk, CHK_BYTES);
}

void
token_text(char out[TOKEN_TEXT + 1], const struct token *t)
{
	uint8_t raw[TOKEN_BYTES];

	token_bytes(raw, t);
	b64_encode(out, raw, sizeof(raw));
	wipe(raw, sizeof(raw));
}

int
token_from_bytes(struct token *out, const struct ringkey **key,
    const struct keyring *kr, const char *ns, uint8_t cls,
    const uint8_t bytes[TOKEN_BYTES], int64_t now)
{
	const struct ringkey *k;
	uint8_t chk[CHK_BYTES];
	int bad;

	*key = NULL;
	memset(out, 0, sizeof(*out));
	/* The carrier's class is hashed too: R-48.  R-64: one suite. */
	if (bytes[0] != SUITE_1 || bytes[2] != cls)
		return SSTATE_EAUTH;
	if ((k = keyring_find(kr, bytes[1], now)) == NULL)
		return keyring_knows(kr, bytes[1]) ? SSTATE_EAUTH
						   : SSTATE_ENOTFOUND;
	if (k->suite != bytes[0])
		return SSTATE_EAUTH;
	out->suite = bytes[0];
	out->kid = bytes[1];
	out->cls = bytes[2];
	memcpy(out->sid, bytes + 3, SID_BYTES);
	memcpy(out->chk, bytes + HEAD_BYTES, CHK_BYTES);
	fill(out, chk, k, ns);
	bad = sodium_memcmp(chk, out->chk, CHK_BYTES) != 0;
	/* What a token should have said is no less secret than a token. */
	wipe(chk, sizeof(chk));
	if (bad) {
		token_wipe(out);
		return SSTATE_EAUTH;
	}
	*key = k;
	return 0;
}

int
token_parse(struct token *out, const struct ringkey **key,
    const struct keyring *kr, const char *ns, uint8_t cls, const char *text,
    size_t len, int64_t now)
{
	uint8_t raw[TOKEN_BYTES];
	int r = SSTATE_EAUTH;

	*key = NULL;
	memset(out, 0, sizeof(*out));
	/* The length before all else: compared is what has one length. */
	if (len != TOKEN_TEXT)
		return r;
	if (b64_decode(raw, sizeof(raw), text, len) == TOKEN_BYTES)
		r = token_from_bytes(out, key, kr, ns, cls, raw, now);
	wipe(raw, sizeof(raw));
	return r;
}

void
token_wipe(struct token *t)
{
	if (t != NULL)
		wipe(t, sizeof(*t));
}

void
user_tag(uint8_t out[16], const struct ringkey *key, const char *ns,
    const char *user)
{
	struct prf_part parts[2];

	memset(out, 0, 16);
	if (user == NULL)
		return;
	parts[0] = (struct prf_part){ ns, strlen(ns) };
	parts[1] = (struct prf_part){ user, strlen(user) };
	prf(out, 16, key->usr, "usr", parts, 2);
}

void
log_name(char out[13], const struct ringkey *key, const char *ns,
    const struct token *t)
{
	const struct prf_part parts[] = {
		{ ns, strlen(ns) },
		{ t->loc, LOC_BYTES },
	};
	uint8_t name[16];

	prf(name, sizeof(name), key->log, "log", parts, 2);
	hex_encode(out, name, 6);
}
