/*
 * page.c - sealed page state
 *
 * Invariant: as a record's: scope, schema, namespace and the session's psk
 * go into the key, cm commits to it, and nothing is parsed before both cm
 * and the tag hold.
 */
#include "crypto/page.h"

#include <sodium.h>
#include <string.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/bytes.h"
#include "base/codec.h"
#include "base/limits.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "crypto/drawn.h"
#include "crypto/pad.h"
#include "crypto/prf.h"

enum {
	AT_SALT = 3,
	SALT_BYTES = 24,
	AT_CM = AT_SALT + SALT_BYTES, /* and so much is the AAD */
	CM_BYTES = 32,
	AT_CT = AT_CM + CM_BYTES,
	MAC_BYTES = 16,
	PAGE_OVER = AT_CT + MAC_BYTES,
	/* the plaintext */
	AT_ISSUED = 0,
	AT_EXPIRES = 8,
	AT_REVISION = 16,
	AT_JTI = 24,
	AT_MAP = AT_JTI + JTI_BYTES,
	RAW_MAX = LIMIT_PAGE_FORM_BYTES / 4 * 3
};

_Static_assert((int)SALT_BYTES == (int)PAGE_SALT &&
	SALT_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    "the salt is the nonce");

static void
derive(uint8_t okm[64], const struct ringkey *key, const struct page_scope *sc,
    const uint8_t *raw)
{
	uint8_t schema[4];
	const struct prf_part parts[] = {
		{ sc->ns, strlen(sc->ns) },
		{ sc->psk, PSK_BYTES },
		{ sc->scope, strlen(sc->scope) },
		{ schema, sizeof(schema) },
		{ raw, AT_CM },
	};

	put32(schema, sc->schema);
	prf(okm, 64, key->pag, "pag", parts, 5);
}

size_t
page_text_len(size_t n)
{
	size_t padded;

	if (n > SIZE_MAX / 4 || (padded = pad_page(AT_MAP + n)) == 0)
		return SIZE_MAX / 2; /* beyond every limit */
	return B64_LEN(PAGE_OVER + padded);
}

int
page_seal_with(char *out, const struct ringkey *key,
    const struct page_scope *sc, const struct page_head *h,
    const uint8_t salt[PAGE_SALT], const void *map, size_t n,
    struct sstate_error *err)
{
	uint8_t raw[RAW_MAX], okm[64], *ct = raw + AT_CT;
	size_t padded;

	out[0] = '\0';
	if (h->kind != PAGE_PLAIN && h->kind != PAGE_ONCE)
		return sstate_fail(err, SSTATE_EINVAL, 0, "page: unknown kind");
	if (n > RAW_MAX || page_text_len(n) > LIMIT_PAGE_FORM_BYTES)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "page: %zu bytes do not fit in a page: store them", n);
	padded = pad_page(AT_MAP + n);
	raw[0] = key->suite;
	raw[1] = key->kid;
	raw[2] = h->kind;
	memcpy(raw + AT_SALT, salt, SALT_BYTES);
	derive(okm, key, sc, raw);
	memcpy(raw + AT_CM, okm + 32, CM_BYTES);
	put64(ct + AT_ISSUED, (uint64_t)h->issued);
	put64(ct + AT_EXPIRES, (uint64_t)h->expires);
	put64(ct + AT_REVISION, h->revision);
	memcpy(ct + AT_JTI, h->jti, JTI_BYTES);
	if (n > 0)
		memcpy(ct + AT_MAP, map, n);
	pad_put(ct, AT_MAP + n, padded);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(ct,
	    ct + padded, NULL, ct, padded, raw, AT_CM, NULL, salt, okm);
	wipe(okm, sizeof(okm));
	b64_encode(out, raw, PAGE_OVER + padded);
	return 0;
}

int
page_seal(char *out, const struct ringkey *key, const struct page_scope *sc,
    struct page_head *h, const void *map, size_t n, struct sstate_error *err)
{
	uint8_t rnd[PAGE_SALT + JTI_BYTES];
	int r;

	out[0] = '\0';
	if ((r = rand_bytes(rnd, sizeof(rnd), err)) != 0)
		return r;
	memcpy(h->jti, rnd + PAGE_SALT, JTI_BYTES);
	return page_seal_with(out, key, sc, h, rnd, map, n, err);
}

int
page_kid(const char *text, size_t len)
{
	uint8_t head[3];

	if (len <= B64_LEN(PAGE_OVER) || len > LIMIT_PAGE_FORM_BYTES ||
	    b64_decode(head, sizeof(head), text, 4) != 3 ||
	    head[0] != SUITE_1 ||
	    (head[2] != PAGE_PLAIN && head[2] != PAGE_ONCE))
		return -1;
	return head[1];
}

/* The plaintext at p, nc bytes: head out, map moved to the front. */
static int
split(uint8_t *map, size_t *n, struct page_head *h, const uint8_t *p, size_t nc)
{
	size_t len;

	if (pad_strip(&len, p, nc, pad_page) != 0 || len < AT_MAP)
		return SSTATE_EAUTH;
	h->issued = (int64_t)get64(p + AT_ISSUED);
	h->expires = (int64_t)get64(p + AT_EXPIRES);
	h->revision = get64(p + AT_REVISION);
	memcpy(h->jti, p + AT_JTI, JTI_BYTES);
	*n = len - AT_MAP;
	memmove(map, p + AT_MAP, *n);
	return 0;
}

int
page_open(uint8_t *map, size_t *n, struct page_head *h,
    const struct ringkey *key, const struct page_scope *sc, const char *text,
    size_t len)
{
	uint8_t okm[64], *ct = map + AT_CT;
	size_t nc;
	int got, r = SSTATE_EAUTH;

	*n = 0;
	memset(h, 0, sizeof(*h));
	if (page_kid(text, len) != key->kid || key->suite != SUITE_1)
		return SSTATE_EAUTH;
	/* Decoded, opened and handed out in one place: the caller's. */
	if ((got = b64_decode(map, len, text, len)) <= PAGE_OVER) {
		wipe(map, len);
		return SSTATE_EAUTH;
	}
	nc = (size_t)got - PAGE_OVER;
	derive(okm, key, sc, map);
	if (sodium_memcmp(okm + 32, map + AT_CM, CM_BYTES) == 0 &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt_detached(ct, NULL, ct,
		nc, ct + nc, map, AT_CM, map + AT_SALT, okm) == 0) {
		h->kind = map[2];
		r = split(map, n, h, ct, nc);
	}
	wipe(okm, sizeof(okm));
	wipe(map + *n, len - *n);
	if (r != 0)
		memset(h, 0, sizeof(*h));
	return r;
}
