/*
 * seal.c - records: sealed, committed to their key, opened
 *
 * Invariant: exactly one key is tried, the token's, and a header that does
 * not name it opens nothing; all else is box.c's.
 */
#include "crypto/seal.h"

#include <string.h>

#include <securestate/store.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "crypto/box.h"
#include "crypto/pad.h"

enum {
	AT_SUITE = 4,
	AT_KID = 5,
	AT_FLAGS = 6,
	AT_CREATED = 8,
	AT_WRITTEN = 16,
	AT_ABS = 24,
	AT_IDLE = 32,
	AT_REVISION = 40,
	AT_USERTAG = 48
};

_Static_assert(SEAL_BEFORE == SEAL_HEAD + BOX_SALT + BOX_CM &&
	SEAL_OVER == SEAL_HEAD + BOX_OVER && (int)LOC_BYTES == BOX_LOC,
    "record layout");

static const char magic[4] = { 'S', 'S', 'R', '1' };

static void
head_put(uint8_t *p, const struct seal_head *h, const struct ringkey *key)
{
	memcpy(p, magic, sizeof(magic));
	p[AT_SUITE] = key->suite;
	p[AT_KID] = key->kid;
	p[AT_FLAGS] = (uint8_t)(h->flags & 0xff);
	p[AT_FLAGS + 1] = (uint8_t)(h->flags >> 8);
	put64(p + AT_CREATED, (uint64_t)h->created);
	put64(p + AT_WRITTEN, (uint64_t)h->written);
	put64(p + AT_ABS, (uint64_t)h->abs_expiry);
	put64(p + AT_IDLE, (uint64_t)h->idle_deadline);
	put64(p + AT_REVISION, h->revision);
	memcpy(p + AT_USERTAG, h->usertag, TAG_BYTES);
}

static int
head_ok(const struct seal_head *h)
{
	const int64_t t[] = { h->created, h->written, h->abs_expiry,
		h->idle_deadline };
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (t[i] < 0 || t[i] > SEAL_TIME_MAX)
			return 0;
	return (h->flags & ~SEAL_FLAGS) == 0;
}

int
seal_peek(struct seal_head *out, const void *body, size_t n)
{
	const uint8_t *p = body;

	memset(out, 0, sizeof(*out));
	/* one magic, one suite; nothing else is guessed at. */
	if (n < SEAL_HEAD || memcmp(p, magic, sizeof(magic)) != 0 ||
	    p[AT_SUITE] != SUITE_1)
		return SSTATE_EPARSE;
	out->suite = p[AT_SUITE];
	out->kid = p[AT_KID];
	out->flags = (uint16_t)(p[AT_FLAGS] | p[AT_FLAGS + 1] << 8);
	out->created = (int64_t)get64(p + AT_CREATED);
	out->written = (int64_t)get64(p + AT_WRITTEN);
	out->abs_expiry = (int64_t)get64(p + AT_ABS);
	out->idle_deadline = (int64_t)get64(p + AT_IDLE);
	out->revision = get64(p + AT_REVISION);
	memcpy(out->usertag, p + AT_USERTAG, TAG_BYTES);
	if (!head_ok(out)) {
		memset(out, 0, sizeof(*out));
		return SSTATE_EPARSE;
	}
	return 0;
}

static struct box
box_of(const struct ringkey *key, const char *ns, size_t nns,
    const struct token *t, struct sstate_val bind)
{
	return (struct box){ .key = key->dat,
		.label = "rec",
		.ns = ns,
		.nns = nns,
		.who = { { t->sid, SID_BYTES }, { bind.ptr, bind.len } },
		.nwho = 2,
		.loc = t->loc,
		.head = SEAL_HEAD };
}

int
seal_draw(struct seal_random *out, struct sstate_error *err)
{
	return rand_bytes(out, sizeof(*out), err);
}

size_t
seal_size(size_t n)
{
	size_t padded = pad_record(n);

	return padded > 0 ? padded + SEAL_OVER : 0;
}

int
seal_make(uint8_t *out, const struct ringkey *key, const char *ns,
    const struct token *t, struct sstate_val bind, const struct seal_head *h,
    const struct seal_random *rnd, const void *payload, size_t n,
    struct sstate_error *err)
{
	size_t nns = strlen(ns);
	struct box b;

	if (pad_record(n) == 0 || nns > LIMIT_NS_BYTES || !head_ok(h) ||
	    t->suite != key->suite || t->kid != key->kid)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "record: header, key or size does not fit");
	head_put(out, h, key);
	b = box_of(key, ns, nns, t, bind);
	box_make(&b, out, rnd->salt, payload, n);
	return 0;
}

int
seal_open(uint8_t *out, size_t *len, struct seal_head *h,
    const struct ringkey *key, const char *ns, const struct token *t,
    struct sstate_val bind, const void *body, size_t n)
{
	size_t nc = n > SEAL_OVER ? n - SEAL_OVER : 0, nns = strlen(ns);
	struct box b;
	int r = SSTATE_EAUTH;

	*len = 0;
	/* Exactly one key is tried: the token's, and the header names it. */
	if (seal_peek(h, body, n) != 0 || nc == 0 || nns > LIMIT_NS_BYTES ||
	    h->suite != key->suite || h->kid != key->kid ||
	    t->suite != key->suite || t->kid != key->kid)
		goto out;
	b = box_of(key, ns, nns, t, bind);
	if (box_open(&b, out, len, body, n) == 0)
		r = 0;
out:
	if (r != 0) {
		wipe(out, nc);
		memset(h, 0, sizeof(*h));
	}
	return r;
}

uint64_t
revision_counter(uint64_t rev)
{
	return rev >> 24;
}

uint64_t
revision_next(uint64_t rev, const struct seal_random *rnd)
{
	uint64_t count = (revision_counter(rev) + 1) & 0xffffffffff;

	/* 2^40 writes to one session do not happen; 0 means "no record". */
	if (count == 0)
		count = 1;
	return count << 24 | (uint64_t)rnd->rev[2] << 16 |
	    (uint64_t)rnd->rev[1] << 8 | rnd->rev[0];
}
