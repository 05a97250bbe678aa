/*
 * csrf.c - CSRF tokens: bound to session and action, other text each time
 *
 * Invariant: no octet of a token is believed before its MAC holds; the salt
 * changes all that follows it, so a page repeats no text (BREACH).
 */
#include "crypto/csrf.h"

#include <sodium.h>
#include <string.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "crypto/drawn.h"
#include "crypto/page.h"
#include "crypto/prf.h"

enum {
	AT_ISSUED = CSRF_SALT,
	AT_REVISION = AT_ISSUED + 4,
	REVISION_BYTES = 6,
	AT_MAC = AT_REVISION + REVISION_BYTES,
	MAC_BYTES = 20,
	RAW_BYTES = AT_MAC + MAC_BYTES,
	REVISION_CUT = 16 /* bits: random ones, the counter stays whole */
};

_Static_assert(B64_LEN(RAW_BYTES) == CSRF_TEXT, "no spare bits");

static void
mac(uint8_t out[32], const struct ringkey *key, const char *ns,
    const uint8_t *psk, const char *action, const uint8_t *raw)
{
	const struct prf_part parts[] = {
		{ ns, strlen(ns) },
		{ psk, PSK_BYTES },
		{ action, strlen(action) },
		{ raw, AT_MAC },
	};

	prf(out, 32, key->csr, "csr", parts, 4);
}

int
csrf_make_with(char out[CSRF_TEXT + 1], const struct ringkey *key,
    const char *ns, const uint8_t *psk, const char *action,
    const struct csrf_head *h, const uint8_t salt[CSRF_SALT],
    struct sstate_error *err)
{
	uint8_t raw[RAW_BYTES], full[32], rev[8];

	out[0] = '\0';
	if (h->issued < 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "csrf: the clock is out of range");
	memcpy(raw, salt, CSRF_SALT);
	put32(raw + AT_ISSUED, (uint32_t)h->issued);
	put64(rev, h->revision >> REVISION_CUT);
	memcpy(raw + AT_REVISION, rev, REVISION_BYTES);
	mac(full, key, ns, psk, action, raw);
	memcpy(raw + AT_MAC, full, MAC_BYTES);
	b64_encode(out, raw, sizeof(raw));
	wipe(full, sizeof(full));
	return 0;
}

int
csrf_make(char out[CSRF_TEXT + 1], const struct ringkey *key, const char *ns,
    const uint8_t *psk, const char *action, const struct csrf_head *h,
    struct sstate_error *err)
{
	uint8_t salt[CSRF_SALT];
	int r;

	out[0] = '\0';
	if ((r = rand_bytes(salt, sizeof(salt), err)) != 0)
		return r;
	return csrf_make_with(out, key, ns, psk, action, h, salt, err);
}

/* An empty token is one of another length: CVE-2023-52431. */
static int
decode(uint8_t raw[RAW_BYTES], const char *text, size_t len)
{
	return len == CSRF_TEXT &&
	    b64_decode(raw, RAW_BYTES, text, len) == RAW_BYTES;
}

static uint64_t
revision_of(const uint8_t *raw)
{
	uint8_t rev[8] = { 0 };

	memcpy(rev, raw + AT_REVISION, REVISION_BYTES);
	return get64(rev) << REVISION_CUT;
}

uint64_t
csrf_peek(const char *text, size_t len)
{
	uint8_t raw[RAW_BYTES];

	return decode(raw, text, len) ? revision_of(raw) : 0;
}

int
csrf_open(struct csrf_head *h, const struct ringkey *key, const char *ns,
    const uint8_t *psk, const char *action, const char *text, size_t len)
{
	uint8_t raw[RAW_BYTES], full[32];
	int bad;

	memset(h, 0, sizeof(*h));
	if (!decode(raw, text, len))
		return SSTATE_EAUTH;
	mac(full, key, ns, psk, action, raw);
	bad = sodium_memcmp(full, raw + AT_MAC, MAC_BYTES) != 0;
	wipe(full, sizeof(full));
	if (bad)
		return SSTATE_EAUTH;
	h->issued = get32(raw + AT_ISSUED);
	h->revision = revision_of(raw);
	return 0;
}
