/*
 * near.c - one record's copy in a near store: leases, entries, what is left
 *
 * Invariant: an entry is put there only in place of a lease that was there
 * before the far store was read, and a writer removes leases as well; so no
 * slow reader puts back what was changed or ended since.  An entry's time
 * counts from before that read, so a copy that nobody could remove is
 * believed for max_expires after the change at most.
 */
#include "store/near.h"

#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "store/store.h"

enum {
	HEAD = 32,
	AT_KIND = 4,
	AT_EXPIRES = 8,
	AT_TAG = 16,
	LEASE_SECONDS = 10, /* a killed reader's stands in the way so long */
	PAUSE_US = 5000000, /* after a failure */
	KEPT_BYTES = 65536 /* of a buffer between two fills */
};

static const unsigned char magic[4] = { 'S', 'S', 'N', '1' };

static void
buf_drop(struct near_way *w)
{
	if (w->buf != NULL)
		wipe(w->buf, w->cap);
	hook_free(&w->hook, w->buf, w->cap);
	w->buf = NULL;
	w->cap = w->len = 0;
}

void
near_done(struct near_way *w)
{
	buf_drop(w);
}

/* ---- Left alone ------------------------------------------------------- */

static bool
is_alone(const struct near *n)
{
	uint64_t until = atomic_load(&n->alone_us);

	return until != 0 && clock_mono_us() < until;
}

static void
say(const struct near *n, int level, const char *what,
    const struct sstate_error *why)
{
	struct sstate_error e;

	if (n->log == NULL)
		return;
	(void)sstate_fail(&e, why->code, 0, "layered: %s: %.200s", what,
	    why->text);
	n->log(n->arg, level, &e);
}

/* It failed: the far store is asked for a while.  Said once a pause. */
static void
leave_alone(struct near *n, uint64_t us, const struct sstate_error *why)
{
	uint64_t was = atomic_load(&n->alone_us), now = clock_mono_us();

	while (was < now + us &&
	    !atomic_compare_exchange_weak(&n->alone_us, &was, now + us))
		continue;
	if (was < now)
		say(n, SSTATE_LOG_WARN, "the near store is left alone", why);
}

/* ---- Entries ---------------------------------------------------------- */

static struct sstate_record
entry(unsigned char *head, unsigned char kind, uint64_t rev, int64_t expires)
{
	struct sstate_record e;

	memset(head, 0, HEAD);
	memcpy(head, magic, sizeof(magic));
	head[AT_KIND] = kind;
	memset(&e, 0, sizeof(e));
	e.body.ptr = (const char *)head;
	e.body.len = HEAD;
	e.rev = rev;
	e.expires = expires;
	return e;
}

/* What near_look() found, and what it did with it. */
struct look {
	struct near_way *w;
	int64_t now;
	sstate_found_fn *found;
	void *arg;
	bool hit; /* found was called */
	bool old; /* not believed: a lease may take its place */
	uint64_t rev; /* of what is there */
};

static int
looked(void *arg, const struct sstate_record *e)
{
	struct look *l = arg;
	const unsigned char *p = (const unsigned char *)e->body.ptr;
	struct sstate_record rec;
	int64_t most = l->now + l->w->near->max_expires;
	bool lease;

	l->rev = e->rev;
	l->hit = l->old = false;
	if (e->body.len < HEAD || memcmp(p, magic, sizeof(magic)) != 0 ||
	    (p[AT_KIND] == 'R') != (e->body.len > HEAD)) {
		l->old = true;
		return 0;
	}
	lease = p[AT_KIND] == 'L';
	if (lease)
		most = l->now + LEASE_SECONDS;
	/* Too late in the future is of another cap, or of a wrong clock. */
	if (e->expires <= l->now || e->expires > most) {
		l->old = true;
		return 0;
	}
	if (p[AT_KIND] != 'R')
		return 0; /* to the far store, and nothing is filled in */
	memset(&rec, 0, sizeof(rec));
	rec.body.ptr = (const char *)p + HEAD;
	rec.body.len = e->body.len - HEAD;
	rec.expires = (int64_t)get64(p + AT_EXPIRES);
	rec.rev = e->rev;
	memcpy(rec.tag, p + AT_TAG, sizeof(rec.tag));
	l->hit = true;
	return l->found(l->arg, &rec);
}

/* A lease where there is nothing, or in place of what is not believed. */
static void
lease(struct near_way *w, const struct sstate_key *key, const struct look *l,
    struct sstate_error *err)
{
	struct near *n = w->near;
	struct sstate_record e;
	unsigned char head[HEAD];
	int r;

	if (rand_bytes(&w->lease, sizeof(w->lease), err) != 0)
		return;
	/* No session comes to that counter; nor is it SSTATE_ANY_REV. */
	w->lease = (w->lease | UINT64_C(1) << 63) - 1;
	w->since = l->now;
	e = entry(head, 'L', w->lease, l->now + LEASE_SECONDS);
	r = l->old ? store_replace(n->store, &w->slot, key, l->rev, &e, err)
		   : store_create(n->store, &w->slot, key, &e, err);
	w->leased = r == 0;
	/* EBUSY: it is full, which does not spoil what it has. */
	if (r != 0 && r != SSTATE_EEXIST && r != SSTATE_ENOTFOUND &&
	    r != SSTATE_ECONFLICT && r != SSTATE_EBUSY)
		leave_alone(n, PAUSE_US, err);
}

bool
near_look(int *r, struct near_way *w, const struct sstate_key *key,
    sstate_found_fn *found, void *arg)
{
	struct near *n = w->near;
	struct look l = { .w = w, .found = found, .arg = arg };
	struct sstate_error err;

	w->leased = false;
	w->len = 0;
	if (is_alone(n))
		return false;
	l.now = store_now(n->store);
	err_clear(&err);
	*r = store_get(n->store, &w->slot, key, looked, &l, &err);
	/* A copy that does not open is damaged: the far one may do. */
	if (l.hit && *r != SSTATE_EAUTH)
		return true;
	if (l.hit)
		l.old = true;
	if (*r == SSTATE_ENOTFOUND || l.old)
		lease(w, key, &l, &err);
	else if (*r != 0)
		leave_alone(n, PAUSE_US, &err);
	return false;
}

/* ---- Filling ---------------------------------------------------------- */

void
near_keep(struct near_way *w, const struct sstate_record *rec)
{
	bool note = (rec->flags & SSTATE_REC_VERIFY) != 0;
	size_t len = HEAD + (note ? 0 : rec->body.len);
	int64_t until = w->since + w->near->max_expires;

	w->len = 0;
	if (!w->leased)
		return;
	if (rec->expires != 0 && rec->expires < until)
		until = rec->expires; /* what is left of its life */
	if (until <= w->since)
		return;
	if (len > w->cap) {
		buf_drop(w);
		if ((w->buf = hook_alloc(&w->hook, len)) == NULL)
			return;
		w->cap = len;
	}
	w->entry = entry(w->buf, note ? 'V' : 'R', rec->rev, until);
	put64(w->buf + AT_EXPIRES, (uint64_t)rec->expires);
	memcpy(w->buf + AT_TAG, rec->tag, sizeof(rec->tag));
	if (!note)
		memcpy(w->buf + HEAD, rec->body.ptr, rec->body.len);
	w->entry.body.len = w->len = len;
}

void
near_fill(struct near_way *w, const struct sstate_key *key)
{
	struct near *n = w->near;
	struct sstate_error err;
	int r;

	if (!w->leased)
		return;
	if (w->len == 0) {
		near_drop(w, key);
		return;
	}
	w->leased = false;
	err_clear(&err);
	r = store_replace(n->store, &w->slot, key, w->lease, &w->entry, &err);
	w->len = 0;
	if (w->cap > KEPT_BYTES)
		buf_drop(w);
	/* Gone or another's: a writer came, or it was evicted. */
	if (r == 0 || r == SSTATE_ENOTFOUND || r == SSTATE_ECONFLICT)
		return;
	if (r == SSTATE_ETOOBIG || r == SSTATE_EBUSY) {
		w->leased = true; /* too much for it: no failure */
		near_drop(w, key);
		return;
	}
	leave_alone(n, PAUSE_US, &err);
}

void
near_drop(struct near_way *w, const struct sstate_key *key)
{
	struct near *n = w->near;
	struct sstate_error err;
	int r;

	if (!w->leased)
		return;
	w->leased = false;
	w->len = 0;
	err_clear(&err);
	r = store_remove(n->store, &w->slot, key, w->lease, &err);
	if (r != 0 && r != SSTATE_ECONFLICT && r != SSTATE_ENOTFOUND)
		leave_alone(n, PAUSE_US, &err);
}

/*
 * Also while it is left alone: whoever cannot reach it must not be told
 * that others see the change.
 */
int
near_forget(struct near_way *w, const struct sstate_key *key, const char *op,
    struct sstate_error *err)
{
	struct near *n = w->near;
	struct sstate_error why;
	int r;

	err_clear(&why);
	r = store_remove(n->store, &w->slot, key, SSTATE_ANY_REV, &why);
	if (r == 0 || r == SSTATE_ENOTFOUND)
		return 0;
	/* By then no copy of now is believed by anybody. */
	leave_alone(n, (uint64_t)n->max_expires * 1000000u, &why);
	if (n->soft) {
		say(n, SSTATE_LOG_ERROR, "an old copy may be read", &why);
		return 0;
	}
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "layered: %s: a near copy may be left: %.160s", op, why.text);
}
