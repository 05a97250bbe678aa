/*
 * kvseal.c - bytes under a name: their place, sealed, opened
 *
 * Invariant: what opens was sealed under this key, in this namespace, for
 * this name; a stub and a mark of removal have no value.
 */
#include "crypto/kvseal.h"

#include <string.h>

#include <securestate/store.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/wipe.h"
#include "crypto/box.h"
#include "crypto/pad.h"
#include "crypto/prf.h"

enum {
	AT_SUITE = 4,
	AT_KID = 5,
	AT_KIND = 6,
	AT_WRITTEN = 8,
	AT_EXPIRES = 16,
	AT_REVISION = 24,
	AT_FROM = 32
};

_Static_assert(KV_BEFORE == KV_HEAD + BOX_SALT + BOX_CM &&
	KV_OVER == KV_HEAD + BOX_OVER && (int)KV_HEAD <= BOX_HEAD_MAX,
    "layout");

static const char magic[4] = { 'S', 'S', 'K', '1' };

static int
head_ok(const struct kv_head *h)
{
	/* One form: only what is on its way says from where. */
	if (h->kind >= KV_KINDS || h->revision == 0 ||
	    (h->kind == KV_COPY && h->from == 0) ||
	    (h->kind != KV_COPY && h->kind != KV_MOVED && h->from != 0))
		return 0;
	return h->written >= 0 && h->written <= SEAL_TIME_MAX &&
	    h->expires >= 0 && h->expires <= SEAL_TIME_MAX;
}

static int
has_value(const struct kv_head *h)
{
	return h->kind == KV_VALUE || h->kind == KV_COPY;
}

static struct box
box_of(const struct kv_place *at)
{
	return (struct box){ .key = at->key->kvd,
		.label = "kvd",
		.ns = at->ns,
		.nns = strlen(at->ns),
		.who = { { at->name.ptr, at->name.len } },
		.nwho = 1,
		.loc = at->loc,
		.head = KV_HEAD };
}

void
kv_place(struct kv_place *out, const struct ringkey *key, const char *ns,
    struct sstate_val name)
{
	const struct prf_part parts[] = {
		{ ns, strlen(ns) },
		{ name.ptr, name.len },
	};

	out->key = key;
	out->ns = ns;
	out->name = name;
	prf(out->loc, sizeof(out->loc), key->kvl, "kvl", parts, 2);
}

size_t
kv_size(size_t n)
{
	size_t padded = pad_record(n);

	return padded > 0 ? padded + KV_OVER : 0;
}

int
kv_seal(uint8_t *out, const struct kv_place *at, const struct kv_head *h,
    const struct seal_random *rnd, const void *value, size_t n,
    struct sstate_error *err)
{
	struct box b;

	if (kv_size(n) == 0 || strlen(at->ns) > LIMIT_NS_BYTES || !head_ok(h) ||
	    (n > 0 && !has_value(h)))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "kv: header or size does not fit");
	memcpy(out, magic, sizeof(magic));
	out[AT_SUITE] = at->key->suite;
	out[AT_KID] = at->key->kid;
	out[AT_KIND] = (uint8_t)h->kind;
	out[AT_KIND + 1] = 0;
	put64(out + AT_WRITTEN, (uint64_t)h->written);
	put64(out + AT_EXPIRES, (uint64_t)h->expires);
	put64(out + AT_REVISION, h->revision);
	put64(out + AT_FROM, h->from);
	b = box_of(at);
	box_make(&b, out, rnd->salt, value, n);
	return 0;
}

int
kv_peek(struct kv_head *out, const void *body, size_t n)
{
	const uint8_t *p = body;

	memset(out, 0, sizeof(*out));
	if (n < KV_HEAD || memcmp(p, magic, sizeof(magic)) != 0 ||
	    p[AT_SUITE] != SUITE_1) /* */
		return SSTATE_EPARSE;
	out->suite = p[AT_SUITE];
	out->kid = p[AT_KID];
	out->kind = (uint16_t)(p[AT_KIND] | p[AT_KIND + 1] << 8);
	out->written = (int64_t)get64(p + AT_WRITTEN);
	out->expires = (int64_t)get64(p + AT_EXPIRES);
	out->revision = get64(p + AT_REVISION);
	out->from = get64(p + AT_FROM);
	if (!head_ok(out)) {
		memset(out, 0, sizeof(*out));
		return SSTATE_EPARSE;
	}
	return 0;
}

int
kv_open(uint8_t *out, size_t *len, struct kv_head *h, const struct kv_place *at,
    const void *body, size_t n)
{
	size_t nc = n > KV_OVER ? n - KV_OVER : 0;
	struct box b;
	int r = SSTATE_EAUTH;

	*len = 0;
	/* Exactly one key is tried: the place's, and the header names it. */
	if (kv_peek(h, body, n) != 0 || nc == 0 ||
	    strlen(at->ns) > LIMIT_NS_BYTES || h->suite != at->key->suite ||
	    h->kid != at->key->kid)
		goto out;
	b = box_of(at);
	if (box_open(&b, out, len, body, n) == 0 && (*len == 0 || has_value(h)))
		r = 0;
out:
	if (r != 0) {
		wipe(out, nc);
		memset(h, 0, sizeof(*h));
		*len = 0;
	}
	return r;
}
