/*
 * box.h - header, salt, commitment, ciphertext, tag: what a store keeps
 *
 * The one construction of PROTOCOL.record, for records and for kv alike;
 * key, label and what else enters the key keep the two apart.
 */
#ifndef CRYPTO_BOX_H
#define CRYPTO_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/prf.h"

/* What comes before the payload and after it, but for the header. */
enum { BOX_SALT = 24, BOX_CM = 32, BOX_MAC = 16, BOX_HEAD_MAX = 64 };
enum { BOX_OVER = BOX_SALT + BOX_CM + BOX_MAC, BOX_LOC = 32 };

struct box {
	const uint8_t *key; /* PRF_KEY octets */
	const char *label, *ns;
	size_t nns; /* octets of ns, LIMIT_NS_BYTES at most */
	struct prf_part who[2]; /* whose it is: into the key */
	size_t nwho;
	const uint8_t *loc; /* BOX_LOC octets */
	size_t head; /* octets of the header */
};

/*
 * out begins with the header and has room for pad_record(n) octets beyond
 * head + BOX_OVER; the payload may lie where it is sealed.
 */
void box_make(const struct box *b, uint8_t *out, const uint8_t salt[BOX_SALT],
    const void *payload, size_t n);
/*
 * out has room for the padded payload; *len is the payload's length.  0, or
 * -1 for every kind of failure; out is then the caller's to wipe.
 */
int box_open(const struct box *b, uint8_t *out, size_t *len,
    const uint8_t *body, size_t n);

#endif
