/*
 * box.c - header, salt, commitment, ciphertext, tag: what a store keeps
 *
 * Invariant: every octet is checked before one of the payload is looked at.
 * Header, salt and locator go into the key; cm is part of the same hash and
 * commits to all of it (Bellare and Hoang's UtC), because Poly1305 alone
 * lets one ciphertext open under two keys; ct and tag are the AEAD's.
 */
#include "crypto/box.h"

#include <sodium.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hint.h"
#include "base/limits.h"
#include "base/wipe.h"
#include "crypto/pad.h"

enum { AAD_MAX = 8 + LIMIT_NS_BYTES + BOX_LOC + BOX_HEAD_MAX };

_Static_assert(BOX_SALT == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    "the salt is the nonce");
_Static_assert(BOX_MAC == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

/* ek and cm, for the header and salt at body. */
static void
derive(uint8_t okm[64], const struct box *b, const uint8_t *body)
{
	UNFILLED uint8_t last[BOX_SALT + BOX_LOC + BOX_HEAD_MAX];
	UNFILLED struct prf_part parts[4];
	size_t i, n = 0;

	parts[n++] = (struct prf_part){ b->ns, b->nns };
	for (i = 0; i < b->nwho; i++)
		parts[n++] = b->who[i];
	parts[n++] = (struct prf_part){ last, BOX_SALT + BOX_LOC + b->head };
	memcpy(last, body + b->head, BOX_SALT);
	memcpy(last + BOX_SALT, b->loc, BOX_LOC);
	memcpy(last + BOX_SALT + BOX_LOC, body, b->head);
	prf(okm, 64, b->key, b->label, parts, n);
}

/* lp(ns) || loc || hdr; its length. */
static size_t
associate(uint8_t aad[AAD_MAX], const struct box *b, const uint8_t *body)
{
	size_t n = b->nns;

	put64(aad, n);
	memcpy(aad + 8, b->ns, n);
	memcpy(aad + 8 + n, b->loc, BOX_LOC);
	memcpy(aad + 8 + n + BOX_LOC, body, b->head);
	return 8 + n + BOX_LOC + b->head;
}

void
box_make(const struct box *b, uint8_t *out, const uint8_t salt[BOX_SALT],
    const void *payload, size_t n)
{
	UNFILLED uint8_t okm[64], aad[AAD_MAX];
	uint8_t *cm = out + b->head + BOX_SALT, *ct = cm + BOX_CM;
	size_t padded = pad_record(n), na;

	memcpy(out + b->head, salt, BOX_SALT);
	derive(okm, b, out);
	memcpy(cm, okm + 32, BOX_CM);
	if (n > 0 && payload != ct)
		memmove(ct, payload, n);
	pad_put(ct, n, padded);
	na = associate(aad, b, out);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(ct,
	    ct + padded, NULL, ct, padded, aad, na, NULL, salt, okm);
	wipe(okm, sizeof(okm));
}

int
box_open(const struct box *b, uint8_t *out, size_t *len, const uint8_t *body,
    size_t n)
{
	const uint8_t *salt = body + b->head, *cm = salt + BOX_SALT;
	const uint8_t *ct = cm + BOX_CM;
	size_t nc = n - b->head - BOX_OVER, na;
	UNFILLED uint8_t okm[64], aad[AAD_MAX];
	int r = -1;

	*len = 0;
	derive(okm, b, body);
	na = associate(aad, b, body);
	if (sodium_memcmp(okm + 32, cm, BOX_CM) == 0 &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out, NULL, ct,
		nc, ct + nc, aad, na, salt, okm) == 0 &&
	    pad_strip(len, out, nc, pad_record) == 0)
		r = 0;
	wipe(okm, sizeof(okm));
	return r;
}
