/*
 * lmdb_reap.c - what expired, the clock, and how many there are
 *
 * Invariant: what is removed had expired in the transaction that removes it
 * nobody waits for the reaper longer than for a slice of its work.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "lmdb_index.h"

enum {
	SLICE = 64, /* records that one transaction of the reaper looks at */
	LATEST_STEP = 30 /* seconds: the ratchet is written no more often */
};

/* ---- Reaping ---------------------------------------------------------- */

struct due {
	uint64_t due;
	unsigned char id[SSTATE_ID_BYTES];
};

/* The next few that are due, the longest first. */
static int
list_due(struct due *list, int *n, const struct lmdb_ctx *c, MDB_txn *t,
    const struct lmdb_entry *ns, uint64_t before, int max,
    struct sstate_error *err)
{
	MDB_val k = lmdb_val(ns->p, ns->n), v;
	const unsigned char *p;
	MDB_cursor *cur;
	int rc;

	*n = 0;
	if ((rc = mdb_cursor_open(t, c->e->dbi[LMDB_DUE], &cur)) != 0)
		return lmdb_fail(rc, "reap", err);
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && *n < max &&
	    k.mv_size == ns->n + 8 + SSTATE_ID_BYTES &&
	    memcmp(k.mv_data, ns->p, ns->n) == 0) {
		p = (const unsigned char *)k.mv_data + ns->n;
		list[*n].due = driver_get64(p);
		if (list[*n].due > before)
			break;
		memcpy(list[*n].id, p + 8, SSTATE_ID_BYTES);
		++*n;
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : lmdb_fail(rc, "reap", err);
}

/* One that is due: it has expired, or was renewed and is due later. */
static int
reap_one(int *gone, const struct lmdb_ctx *c, MDB_txn *t,
    const struct lmdb_entry *ns, const struct due *d, uint64_t before,
    struct sstate_error *err)
{
	struct lmdb_entry e = lmdb_due_entry(ns, d->due, d->id);
	MDB_val k = lmdb_val(d->id, SSTATE_ID_BYTES), v;
	unsigned char *p;
	struct lmdb_head h;
	uint64_t due;
	int rc, r;

	r = lmdb_stands(&h, c, t, d->id, "reap", err);
	/* An entry of nothing, or of what is due elsewhere. */
	if (r == SSTATE_ENOTFOUND || (r == 0 && h.due != d->due)) {
		rc = lmdb_del_entry(c, t, LMDB_DUE, &e);
		return rc != 0 ? lmdb_fail(rc, "reap", err) : 0;
	}
	if (r != 0)
		return r;
	if ((due = lmdb_due_of(h.expires)) <= before) {
		++*gone;
		rc = lmdb_del_record(c, t, ns, d->id, &h);
		return rc != 0 ? lmdb_fail(rc, "reap", err) : 0;
	}
	/* As it is, but for its due. */
	if ((rc = mdb_get(t, c->e->dbi[LMDB_RECORD], &k, &v)) == 0) {
		if ((p = malloc(v.mv_size)) == NULL)
			return lmdb_fail(ENOMEM, "reap", err);
		memcpy(p, v.mv_data, v.mv_size);
		driver_put64(p + 16, due);
		v.mv_data = p;
		rc = mdb_put(t, c->e->dbi[LMDB_RECORD], &k, &v, 0);
		free(p);
	}
	if (rc == 0)
		rc = lmdb_move_due(c, t, ns, d->id, d->due, due);
	return rc != 0 ? lmdb_fail(rc, "reap", err) : 0;
}

/* One transaction: *n are looked at and *gone of them removed. */
static int
reap_slice(int *n, int *gone, struct lmdb_ctx *c, const struct lmdb_entry *ns,
    uint64_t before, int max, struct sstate_error *err)
{
	struct due list[SLICE];
	MDB_txn *t;
	int i, r;

	*n = *gone = 0;
	if ((r = lmdb_write(&t, c, "reap", err)) != 0)
		return r;
	r = list_due(list, n, c, t, ns, before, max, err);
	for (i = 0; i < *n && r == 0; i++)
		r = reap_one(gone, c, t, ns, &list[i], before, err);
	return lmdb_write_end(c, t, r, "reap", err);
}

int
lmdb_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	struct lmdb_entry space;
	struct due first;
	uint64_t until;
	MDB_txn *t;
	int n, gone, max, dead, r;

	*removed = 0;
	if (before < 0)
		return 0;
	/* The last one is "never". */
	until = before == INT64_MAX ? INT64_MAX - 1 : (uint64_t)before;
	if ((r = lmdb_entry_ns(&space, ns, "reap", err)) != 0 ||
	    (r = lmdb_read(&t, c, "reap", err)) != 0)
		return r;
	/* Whoever finds nothing takes no lock. */
	r = list_due(&first, &n, c, t, &space, until, 1, err);
	lmdb_read_end(c);
	/* Who was killed while reading keeps old pages from use. */
	if (r == 0 && n > 0)
		(void)mdb_reader_check(c->e->env, &dead);
	while (r == 0 && n > 0 && *removed < limit) {
		max =
		    limit - *removed < SLICE ? (int)(limit - *removed) : SLICE;
		r = reap_slice(&n, &gone, c, &space, until, max, err);
		if (r == 0)
			*removed += (uint64_t)gone;
	}
	return r;
}

/* ---- The clock -------------------------------------------------------- */

static int
latest_get(int64_t *seen, const struct lmdb_ctx *c, MDB_txn *t,
    struct sstate_error *err)
{
	MDB_val k = lmdb_val("latest", 6), v;
	int rc = mdb_get(t, c->e->dbi[LMDB_META], &k, &v);

	*seen = 0;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return lmdb_fail(rc, "latest", err);
	if (v.mv_size != 8)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: latest: a damaged time");
	*seen = (int64_t)driver_get64(v.mv_data);
	return 0;
}

int
lmdb_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	unsigned char n[8];
	MDB_val k = lmdb_val("latest", 6), v = lmdb_val(n, sizeof(n));
	int64_t was;
	MDB_txn *t;
	int rc, r;

	*seen = now;
	if ((r = lmdb_read(&t, c, "latest", err)) != 0)
		return r;
	r = latest_get(&was, c, t, err);
	lmdb_read_end(c);
	if (r != 0)
		return r;
	if (was > now - LATEST_STEP) {
		*seen = was > now ? was : now;
		return 0;
	}
	if ((r = lmdb_write(&t, c, "latest", err)) != 0)
		return r;
	if ((r = latest_get(&was, c, t, err)) == 0 && was < now) {
		driver_put64(n, (uint64_t)now);
		rc = mdb_put(t, c->e->dbi[LMDB_META], &k, &v, 0);
		if (rc != 0)
			r = lmdb_fail(rc, "latest", err);
	} else if (r == 0) {
		*seen = was;
	}
	return lmdb_write_end(c, t, r, "latest", err);
}

/* Of all namespaces, and exact: LMDB keeps the number. */
int
lmdb_count(uint64_t *about, void *ctx, const char *ns, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	MDB_stat st;
	MDB_txn *t;
	int rc, r;

	(void)ns;
	*about = 0;
	if ((r = lmdb_read(&t, c, "count", err)) != 0)
		return r;
	if ((rc = mdb_stat(t, c->e->dbi[LMDB_RECORD], &st)) != 0)
		r = lmdb_fail(rc, "count", err);
	else
		*about = st.ms_entries;
	lmdb_read_end(c);
	return r;
}
