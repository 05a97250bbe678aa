/*
 * seal_fuzzer.c - sealed records: what opens is what was sealed, whole
 *
 * Input: an octet; if it is even, a sealed record; else header, salt, where
 * to damage the record, and a payload.
 */
#include <securestate.h>

#include "base/bytes.h"
#include "crypto/seal.h"
#include "fuzz_ring.h"

static const struct sstate_val no_bind = { "", 0 };

static void
session(struct token *t)
{
	memset(t, 0, sizeof(*t));
	t->suite = SUITE_1;
	t->kid = 1;
	t->cls = 1;
	fz_hex(t->sid, sizeof(t->sid), SID);
	/* The locator of tests/vectors/token.txt. */
	fz_hex(t->loc, sizeof(t->loc),
	    "ee2b68591cc6793dd0818741497b603ed0f48b1e0e64ea10bcca282c7f6e7498");
}

static int
open_body(struct seal_head *h, uint8_t **out, size_t *len, const uint8_t *body,
    size_t n)
{
	struct token t;
	size_t i, room = n > SEAL_OVER ? n - SEAL_OVER : 0;
	int r;

	session(&t);
	*out = fz_alloc(room);
	memset(*out, 0x5a, room);
	r = seal_open(*out, len, h, &fz_ring()->key[0], NS, &t, no_bind, body,
	    n);
	MUST(r == 0 || (r == SSTATE_EAUTH && *len == 0));
	MUST(r != 0 || *len < room);
	/* What failed after decryption is gone. */
	for (i = 0; r != 0 && i < room; i++)
		MUST((*out)[i] == 0 || (*out)[i] == 0x5a);
	return r;
}

/* One form: sealed again with the same salt, it is the same octets. */
static void
raw(const struct fz_in *in)
{
	struct seal_head h, peek;
	struct seal_random rnd;
	struct token t;
	uint8_t *p, *again;
	size_t n;
	int r = seal_peek(&peek, in->p, in->n);

	MUST(r == 0 || r == SSTATE_EPARSE);
	MUST(r == 0 || (peek.revision == 0 && peek.abs_expiry == 0));
	if (open_body(&h, &p, &n, in->p, in->n) == 0) {
		MUST(r == 0 && memcmp(&h, &peek, sizeof(h)) == 0);
		MUST(seal_size(n) == in->n);
		session(&t);
		memset(&rnd, 0, sizeof(rnd));
		memcpy(rnd.salt, in->p + SEAL_HEAD, sizeof(rnd.salt));
		again = fz_alloc(in->n);
		MUST(seal_make(again, &fz_ring()->key[0], NS, &t, no_bind, &h,
			 &rnd, p, n, NULL) == 0);
		MUST(memcmp(again, in->p, in->n) == 0);
		free(again);
	}
	free(p);
}

static void
made(struct fz_in *in)
{
	struct seal_head h, back;
	struct seal_random rnd;
	struct token t;
	uint8_t num[48], *body, *p;
	size_t at, n, size = seal_size(in->n);
	int r;

	session(&t);
	memset(&h, 0, sizeof(h));
	fz_fill(num, in, sizeof(num));
	h.flags = (uint16_t)(num[0] | num[1] << 8);
	h.created = (int64_t)get64(num + 2);
	h.written = (int64_t)get64(num + 10);
	h.abs_expiry = (int64_t)get64(num + 18);
	h.idle_deadline = (int64_t)get64(num + 26);
	h.revision = get64(num + 34);
	fz_fill(h.usertag, in, sizeof(h.usertag));
	fz_fill(&rnd, in, sizeof(rnd));
	at = fz_byte(in);
	at = at << 8 | fz_byte(in);
	size = seal_size(in->n);
	body = fz_alloc(size);
	r = seal_make(body, &fz_ring()->key[0], NS, &t, no_bind, &h, &rnd,
	    in->p, in->n, NULL);
	MUST(r == 0 || r == SSTATE_EINVAL);
	if (r == 0) {
		MUST(open_body(&back, &p, &n, body, size) == 0);
		MUST(n == in->n && (n == 0 || memcmp(p, in->p, n) == 0));
		MUST(back.created == h.created && back.flags == h.flags &&
		    back.revision == h.revision);
		free(p);
		body[at % size] ^= (uint8_t)(1 << (num[47] & 7));
		MUST(open_body(&back, &p, &n, body, size) != 0);
		free(p);
		body[at % size] ^= (uint8_t)(1 << (num[47] & 7));
		MUST(open_body(&back, &p, &n, body, at % size) != 0);
		free(p);
	}
	free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };

	if ((fz_byte(&in) & 1) == 0) {
		if (in.n > 0)
			raw(&in);
	} else
		made(&in);
	return 0;
}
