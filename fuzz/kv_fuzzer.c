/*
 * kv_fuzzer.c - bytes under a name: what opens is what was sealed, whole
 *
 * Input: an octet; if it is even, what a store has under "greeting"; else
 * header, salt, where to damage it, and a value.
 */
#include <securestate.h>

#include "base/bytes.h"
#include "crypto/kvseal.h"
#include "fuzz_ring.h"

static struct kv_place
place(void)
{
	struct sstate_val name = { "greeting", 8 };
	struct kv_place at;

	kv_place(&at, &fz_ring()->key[0], NS, name);
	return at;
}

static int
open_body(struct kv_head *h, uint8_t **out, size_t *len, const uint8_t *body,
    size_t n)
{
	struct kv_place at = place();
	size_t i, room = n > KV_OVER ? n - KV_OVER : 0;
	int r;

	*out = fz_alloc(room);
	memset(*out, 0x5a, room);
	r = kv_open(*out, len, h, &at, body, n);
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
	struct kv_head h, peek;
	struct kv_place at = place();
	struct seal_random rnd;
	uint8_t *p, *again;
	size_t n;
	int r = kv_peek(&peek, in->p, in->n);

	MUST(r == 0 || r == SSTATE_EPARSE);
	MUST(r == 0 || (peek.revision == 0 && peek.expires == 0));
	if (open_body(&h, &p, &n, in->p, in->n) == 0) {
		MUST(r == 0 && memcmp(&h, &peek, sizeof(h)) == 0);
		MUST(kv_size(n) == in->n);
		memset(&rnd, 0, sizeof(rnd));
		memcpy(rnd.salt, in->p + KV_HEAD, sizeof(rnd.salt));
		again = fz_alloc(in->n);
		MUST(kv_seal(again, &at, &h, &rnd, p, n, NULL) == 0);
		MUST(memcmp(again, in->p, in->n) == 0);
		free(again);
	}
	free(p);
}

static void
made(struct fz_in *in)
{
	struct kv_place at = place();
	struct seal_random rnd;
	struct kv_head h, back;
	uint8_t num[36], *body, *p;
	size_t where, n, size;
	int r;

	memset(&h, 0, sizeof(h));
	fz_fill(num, in, sizeof(num));
	h.kind = num[0] & 7;
	h.written = (int64_t)get64(num + 1);
	h.expires = (int64_t)get64(num + 9);
	h.revision = get64(num + 17);
	h.from = (num[0] & 8) != 0 ? get64(num + 25) : 0;
	fz_fill(&rnd, in, sizeof(rnd));
	where = (size_t)num[33] << 8 | num[34];
	size = kv_size(in->n);
	body = fz_alloc(size);
	r = kv_seal(body, &at, &h, &rnd, in->p, in->n, NULL);
	MUST(r == 0 || r == SSTATE_EINVAL);
	if (r == 0) {
		MUST(open_body(&back, &p, &n, body, size) == 0);
		MUST(n == in->n && (n == 0 || memcmp(p, in->p, n) == 0));
		MUST(back.kind == h.kind && back.written == h.written &&
		    back.expires == h.expires && back.from == h.from &&
		    back.revision == h.revision);
		free(p);
		body[where % size] ^= (uint8_t)(1 << (num[35] & 7));
		MUST(open_body(&back, &p, &n, body, size) != 0);
		free(p);
		body[where % size] ^= (uint8_t)(1 << (num[35] & 7));
		MUST(open_body(&back, &p, &n, body, where % size) != 0);
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
