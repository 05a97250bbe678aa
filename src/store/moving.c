/*
 * moving.c - a migration: a new store before an old one that is read-only
 *
 * What is written goes to the new store; what is not there yet is read from
 * the old one.  Every session that lives is written within its idle time, so
 * after that the old store may be taken away.
 *
 * Invariant: what is in the new store rules, a mark included that says
 * "ended": without it a record that was ended would show through again
 * .  A mark lives as long as what it hides.  It opens nothing, so it
 * is harmless when the new store is used alone.
 */
#include "store/layered.h"

#include <string.h>

#include "base/err.h"
#include "base/rand.h"

enum { MARK_BYTES = 32, RACES = 64 };

/* No sealed record begins like this. */
static const char mark_body[MARK_BYTES] = "securestate: ended\n";

/* What one store has of a key, without its body. */
struct seen {
	bool there, mark;
	uint64_t rev;
	int64_t expires;
	sstate_found_fn *found; /* or NULL */
	void *arg;
};

static bool
is_mark(const struct sstate_record *rec)
{
	return rec->body.len == MARK_BYTES &&
	    memcmp(rec->body.ptr, mark_body, MARK_BYTES) == 0;
}

static int
see(void *arg, const struct sstate_record *rec)
{
	struct seen *s = arg;

	s->there = true;
	s->mark = is_mark(rec);
	s->rev = rec->rev;
	s->expires = rec->expires;
	return s->found != NULL && !s->mark ? s->found(s->arg, rec) : 0;
}

/* 0: see *s; ENOTFOUND is an answer. */
static int
look_new(struct seen *s, struct layered *c, const struct sstate_key *key,
    struct sstate_error *err)
{
	int r;

	s->there = false;
	r = store_get_far(c->l->near.store, &c->near.slot, key, see, s, err);
	return r == SSTATE_ENOTFOUND && !s->there ? 0 : r;
}

static int
look_old(struct seen *s, struct layered *c, const struct sstate_key *key,
    struct sstate_error *err)
{
	int r;

	s->there = false;
	r = store_get(c->l->far, &c->far, key, see, s, err);
	return r == SSTATE_ENOTFOUND && !s->there ? 0 : r;
}

static int
moving_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct layered *c = ctx;
	struct seen s = { .found = found, .arg = arg };
	int r;

	if ((r = look_new(&s, c, key, err)) != 0)
		return r;
	if (s.there)
		return s.mark ? SSTATE_ENOTFOUND : 0;
	if ((r = look_old(&s, c, key, err)) != 0)
		return r;
	return s.there && !s.mark ? 0 : SSTATE_ENOTFOUND;
}

static int
moving_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct layered *c = ctx;
	struct seen s = { .found = NULL };
	int r;

	if ((r = look_old(&s, c, key, err)) != 0)
		return r;
	/* One that was ended stays so: a session's key is not used twice. */
	if (s.there)
		return SSTATE_EEXIST;
	return store_create(c->l->near.store, &c->near.slot, key, rec, err);
}

/* The first change of a record that only the old store has moves it. */
static int
move(struct layered *c, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct seen s = { .found = NULL };
	int r;

	if ((r = look_old(&s, c, key, err)) != 0)
		return r;
	if (!s.there || s.mark)
		return SSTATE_ENOTFOUND;
	if (s.rev != expected)
		return SSTATE_ECONFLICT;
	r = store_create(c->l->near.store, &c->near.slot, key, rec, err);
	return r == SSTATE_EEXIST ? SSTATE_ECONFLICT : r;
}

static int
moving_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct layered *c = ctx;
	struct seen s = { .found = NULL };
	int r;

	r = store_replace(c->l->near.store, &c->near.slot, key, expected, rec,
	    err);
	if (r == SSTATE_ENOTFOUND)
		return move(c, key, expected, rec, err);
	/* Not the revision: of a record, or of a mark? */
	if (r == SSTATE_ECONFLICT && look_new(&s, c, key, err) == 0 &&
	    s.there && s.mark)
		return SSTATE_ENOTFOUND;
	return r;
}

/* In place of was, or where nothing is yet. */
static int
put_mark(struct layered *c, const struct sstate_key *key,
    const struct seen *was, const struct seen *old, struct sstate_error *err)
{
	struct sstate_record m;
	int r;

	memset(&m, 0, sizeof(m));
	m.body.ptr = mark_body;
	m.body.len = MARK_BYTES;
	m.expires = old->expires;
	if ((r = rand_bytes(&m.rev, sizeof(m.rev), err)) != 0)
		return r;
	m.rev = (m.rev | UINT64_C(1) << 63) - 1; /* nobody's revision */
	if (was->there)
		return store_replace(c->l->near.store, &c->near.slot, key,
		    was->rev, &m, err);
	return store_create(c->l->near.store, &c->near.slot, key, &m, err);
}

/* EEXIST, ECONFLICT, ENOTFOUND: it has changed meanwhile. */
static int
remove_once(struct layered *c, const struct sstate_key *key, uint64_t expected,
    bool *settled, struct sstate_error *err)
{
	struct seen was = { .found = NULL }, old = { .found = NULL };
	const struct seen *now;
	int r;

	*settled = true;
	if ((r = look_new(&was, c, key, err)) != 0 ||
	    (r = look_old(&old, c, key, err)) != 0)
		return r;
	now = was.there ? &was : &old;
	if (!now->there || now->mark)
		return 0;
	if (expected != SSTATE_ANY_REV && expected != now->rev)
		return SSTATE_ECONFLICT;
	*settled = false;
	if (old.there)
		return put_mark(c, key, &was, &old, err);
	return store_remove(c->l->near.store, &c->near.slot, key, was.rev, err);
}

static int
moving_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	bool settled;
	int r, n;

	for (n = 0; n < RACES; n++) {
		r = remove_once(ctx, key, expected, &settled, err);
		if (settled ||
		    (r != SSTATE_EEXIST && r != SSTATE_ECONFLICT &&
			r != SSTATE_ENOTFOUND))
			return r;
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "layered: remove: every race was lost");
}

/* ---- All of them ------------------------------------------------------ */

/* The old store is not ours to clean any more. */
static int
moving_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct layered *c = ctx;

	return store_reap(removed, c->l->near.store, ns, before, limit, err);
}

struct listing {
	struct layered *c;
	sstate_each_fn *fn;
	void *arg;
	struct sstate_error *err;
};

static int
each_new(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct listing *l = arg;

	return is_mark(rec) ? 0 : l->fn(l->arg, key, rec);
}

static int
each_old(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct listing *l = arg;
	struct seen s = { .found = NULL };
	int r;

	if ((r = look_new(&s, l->c, key, l->err)) != 0)
		return r;
	return s.there ? 0 : l->fn(l->arg, key, rec);
}

static int
moving_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct listing l = { ctx, fn, arg, err };
	int r;

	/* The old one first: what moves meanwhile is listed, perhaps twice. */
	r = store_each(l.c->l->far, ns, tag, each_old, &l, err);
	if (r != 0)
		return r;
	return store_each(l.c->l->near.store, ns, tag, each_new, &l, err);
}

static int
moving_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct layered *c = ctx;

	return store_latest(seen, c->l->near.store, now, err);
}

static int
moving_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	struct layered *c = ctx;

	return store_count(about, c->l->near.store, ns, err);
}

const struct sstate_driver moving_driver = { .size =
						 sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_REMOTE,
	.scheme = "layered",
	.open = layered_open,
	.close = layered_close,
	.get = moving_get,
	.create = moving_create,
	.replace = moving_replace,
	.remove = moving_remove,
	.reap = moving_reap,
	.each = moving_each,
	.abandon = layered_close,
	.latest = moving_latest,
	.count = moving_count };
