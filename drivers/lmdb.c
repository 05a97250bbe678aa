/*
 * lmdb.c - the `lmdb:` store: a memory-mapped file, read without locks or
 * system calls, or an environment of the program's
 *
 *	lmdb:/path/file.mdb?sync=none|data|full&timeout_ms=10000
 *	    &max_bytes=16777216&map_bytes=17179869184
 *
 *	record	id: rev(8) expires(8) due(8) tag(16) body
 *	due	length of ns(1) ns due(8) id: nothing
 *	tag	length of ns(1) ns tag(16) id: nothing
 *	meta	schema: number(8); latest: seconds(8)
 *
 * Numbers are big-endian.  due is no later than the expiry: a renewal leaves
 * it, and so the index, alone, and the reaper moves it on.
 *
 * Invariant: record and indexes change in one transaction, after the
 * revision was compared in it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "lmdb_env.h"

enum {
	HEAD = 8 + 8 + 8 + SSTATE_TAG_BYTES,
	NS_BYTES = 32,
	ENTRY = 1 + NS_BYTES + SSTATE_TAG_BYTES + SSTATE_ID_BYTES,
	SLICE = 64, /* records that one transaction of the reaper looks at */
	LATEST_STEP = 30 /* seconds: the ratchet is written no more often */
};

struct head {
	uint64_t rev, due;
	int64_t expires;
	unsigned char tag[SSTATE_TAG_BYTES];
};

/* A key of an index. */
struct entry {
	unsigned char p[ENTRY];
	size_t n;
};

/* ---- Bytes ------------------------------------------------------------ */

static uint64_t
due_of(int64_t expires)
{
	return expires > 0 ? (uint64_t)expires : INT64_MAX;
}

/* The namespace, the same for all entries of it. */
static int
entry_ns(struct entry *e, const char *ns, const char *what,
    struct sstate_error *err)
{
	size_t n = strnlen(ns, NS_BYTES + 1);

	e->n = 0;
	if (n == 0 || n > NS_BYTES)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "lmdb: %s: a namespace has 1 to %d bytes", what, NS_BYTES);
	e->p[0] = (unsigned char)n;
	memcpy(e->p + 1, ns, n);
	e->n = 1 + n;
	return 0;
}

static void
entry_add(struct entry *e, const void *p, size_t n)
{
	memcpy(e->p + e->n, p, n);
	e->n += n;
}

static struct entry
due_entry(const struct entry *ns, uint64_t due, const unsigned char *id)
{
	unsigned char n[8];
	struct entry e = *ns;

	driver_put64(n, due);
	entry_add(&e, n, sizeof(n));
	entry_add(&e, id, SSTATE_ID_BYTES);
	return e;
}

static struct entry
tag_entry(const struct entry *ns, const unsigned char *tag,
    const unsigned char *id)
{
	struct entry e = *ns;

	entry_add(&e, tag, SSTATE_TAG_BYTES);
	entry_add(&e, id, SSTATE_ID_BYTES);
	return e;
}

static int
head_get(struct head *h, const MDB_val *v, const char *what,
    struct sstate_error *err)
{
	const unsigned char *p = v->mv_data;

	if (v->mv_size <= HEAD)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: %s: a damaged record", what);
	h->rev = driver_get64(p);
	h->expires = (int64_t)driver_get64(p + 8);
	h->due = driver_get64(p + 16);
	memcpy(h->tag, p + 24, SSTATE_TAG_BYTES);
	return 0;
}

static int
as_record(struct sstate_record *rec, const MDB_val *v, const char *what,
    struct sstate_error *err)
{
	struct head h;
	int r;

	memset(rec, 0, sizeof(*rec));
	if ((r = head_get(&h, v, what, err)) != 0)
		return r;
	rec->rev = h.rev;
	rec->expires = h.expires;
	memcpy(rec->tag, h.tag, sizeof(rec->tag));
	rec->body.ptr = (const char *)v->mv_data + HEAD;
	rec->body.len = v->mv_size - HEAD;
	return 0;
}

/* ---- Reading ---------------------------------------------------------- */

static int
lmdb_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	MDB_val k = lmdb_val(key->id, SSTATE_ID_BYTES), v;
	struct sstate_record rec;
	MDB_txn *t;
	int rc, r;

	if ((r = lmdb_read(&t, c, "get", err)) != 0)
		return r;
	rc = mdb_get(t, c->e->dbi[LMDB_RECORD], &k, &v);
	if (rc == MDB_NOTFOUND)
		r = SSTATE_ENOTFOUND;
	else if (rc != 0)
		r = lmdb_fail(rc, "get", err);
	else if ((r = as_record(&rec, &v, "get", err)) == 0)
		r = found(arg, &rec);
	lmdb_read_end(c);
	return r;
}

/* The record behind an entry of an index; a wrong entry names none. */
static int
each_one(struct lmdb_ctx *c, MDB_txn *t, const MDB_val *entry, size_t at,
    const char *ns, const unsigned char *tag, sstate_each_fn *fn, void *arg,
    struct sstate_error *err)
{
	struct sstate_record rec;
	struct sstate_key key;
	MDB_val k, v;
	int rc, r;

	if (entry->mv_size != at + SSTATE_ID_BYTES)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: each: a damaged index");
	key.ns = ns;
	memcpy(key.id, (const unsigned char *)entry->mv_data + at,
	    SSTATE_ID_BYTES);
	k = lmdb_val(key.id, SSTATE_ID_BYTES);
	rc = mdb_get(t, c->e->dbi[LMDB_RECORD], &k, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return lmdb_fail(rc, "each", err);
	if ((r = as_record(&rec, &v, "each", err)) != 0)
		return r;
	if (tag != NULL && memcmp(tag, rec.tag, sizeof(rec.tag)) != 0)
		return 0;
	return fn(arg, &key, &rec);
}

static int
lmdb_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	const int which = tag != NULL ? LMDB_TAG : LMDB_DUE;
	size_t at;
	struct entry from;
	MDB_cursor *cur;
	MDB_val k, v;
	MDB_txn *t;
	int rc, r;

	if ((r = entry_ns(&from, ns, "each", err)) != 0 ||
	    (r = lmdb_read(&t, c, "each", err)) != 0)
		return r;
	at = from.n + (tag != NULL ? SSTATE_TAG_BYTES : 8);
	if (tag != NULL)
		entry_add(&from, tag, SSTATE_TAG_BYTES);
	if ((rc = mdb_cursor_open(t, c->e->dbi[which], &cur)) != 0) {
		lmdb_read_end(c);
		return lmdb_fail(rc, "each", err);
	}
	k = lmdb_val(from.p, from.n);
	rc = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
	while (rc == 0 && r == 0 && k.mv_size >= from.n &&
	    memcmp(k.mv_data, from.p, from.n) == 0) {
		r = each_one(c, t, &k, at, ns, tag, fn, arg, err);
		if (r == 0)
			rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		r = lmdb_fail(rc, "each", err);
	mdb_cursor_close(cur);
	lmdb_read_end(c);
	return r;
}

/* ---- Writing ---------------------------------------------------------- */

static int
check_size(const struct lmdb_ctx *c, const struct sstate_record *rec,
    const char *what, struct sstate_error *err)
{
	if (rec->body.len <= c->max_bytes)
		return 0;
	return sstate_fail(err, SSTATE_ETOOBIG, 0,
	    "lmdb: %s: %zu bytes, over %zu", what, rec->body.len, c->max_bytes);
}

/* The record itself; MDB_KEYEXIST under MDB_NOOVERWRITE. */
static int
put_record(const struct lmdb_ctx *c, MDB_txn *t, const unsigned char *id,
    const struct sstate_record *rec, uint64_t due, unsigned flags)
{
	MDB_val k = lmdb_val(id, SSTATE_ID_BYTES);
	MDB_val v = lmdb_val(NULL, HEAD + rec->body.len);
	unsigned char *p;
	int rc;

	rc = mdb_put(t, c->e->dbi[LMDB_RECORD], &k, &v, MDB_RESERVE | flags);
	if (rc != 0)
		return rc;
	p = v.mv_data;
	driver_put64(p, rec->rev);
	driver_put64(p + 8, (uint64_t)rec->expires);
	driver_put64(p + 16, due);
	memcpy(p + 24, rec->tag, SSTATE_TAG_BYTES);
	memcpy(p + HEAD, rec->body.ptr, rec->body.len);
	return 0;
}

static int
put_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct entry *e)
{
	MDB_val k = lmdb_val(e->p, e->n), v = lmdb_val("", 0);

	return mdb_put(t, c->e->dbi[which], &k, &v, 0);
}

static int
del_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct entry *e)
{
	MDB_val k = lmdb_val(e->p, e->n);
	int rc = mdb_del(t, c->e->dbi[which], &k, NULL);

	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
lmdb_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	uint64_t due = due_of(rec->expires);
	struct entry ns, e;
	MDB_txn *t;
	int rc, r;

	if ((r = check_size(c, rec, "create", err)) != 0 ||
	    (r = entry_ns(&ns, key->ns, "create", err)) != 0 ||
	    (r = lmdb_write(&t, c, "create", err)) != 0)
		return r;
	rc = put_record(c, t, key->id, rec, due, MDB_NOOVERWRITE);
	if (rc == 0) {
		e = due_entry(&ns, due, key->id);
		rc = put_entry(c, t, LMDB_DUE, &e);
	}
	if (rc == 0 && driver_has_tag(rec->tag)) {
		e = tag_entry(&ns, rec->tag, key->id);
		rc = put_entry(c, t, LMDB_TAG, &e);
	}
	if (rc == MDB_KEYEXIST)
		r = SSTATE_EEXIST;
	else if (rc != 0)
		r = lmdb_fail(rc, "create", err);
	return lmdb_write_end(c, t, r, "create", err);
}

/* What stands, in a write transaction; ENOTFOUND. */
static int
stands(struct head *h, const struct lmdb_ctx *c, MDB_txn *t,
    const unsigned char *id, const char *what, struct sstate_error *err)
{
	MDB_val k = lmdb_val(id, SSTATE_ID_BYTES), v;
	int rc = mdb_get(t, c->e->dbi[LMDB_RECORD], &k, &v);

	if (rc == MDB_NOTFOUND)
		return SSTATE_ENOTFOUND;
	return rc != 0 ? lmdb_fail(rc, what, err) : head_get(h, &v, what, err);
}

/* From one place in an index to another; nowhere is NULL. */
static int
move_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct entry *from, const struct entry *to)
{
	int rc = from != NULL ? del_entry(c, t, which, from) : 0;

	return rc == 0 && to != NULL ? put_entry(c, t, which, to) : rc;
}

static int
move_tag(const struct lmdb_ctx *c, MDB_txn *t, const struct entry *ns,
    const unsigned char *id, const unsigned char *was, const unsigned char *is)
{
	struct entry from = tag_entry(ns, was, id), to = tag_entry(ns, is, id);

	return move_entry(c, t, LMDB_TAG, driver_has_tag(was) ? &from : NULL,
	    driver_has_tag(is) ? &to : NULL);
}

static int
move_due(const struct lmdb_ctx *c, MDB_txn *t, const struct entry *ns,
    const unsigned char *id, uint64_t was, uint64_t is)
{
	struct entry from = due_entry(ns, was, id), to = due_entry(ns, is, id);

	return move_entry(c, t, LMDB_DUE, &from, &to);
}

static int
lmdb_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	uint64_t due = due_of(rec->expires);
	struct entry ns;
	struct head h;
	MDB_txn *t;
	int rc = 0, r;

	if ((r = check_size(c, rec, "replace", err)) != 0 ||
	    (r = entry_ns(&ns, key->ns, "replace", err)) != 0 ||
	    (r = lmdb_write(&t, c, "replace", err)) != 0)
		return r;
	r = stands(&h, c, t, key->id, "replace", err);
	if (r == 0 && h.rev != expected)
		r = SSTATE_ECONFLICT;
	if (r == 0) {
		if (due < h.due)
			rc = move_due(c, t, &ns, key->id, h.due, due);
		else
			due = h.due;
		if (rc == 0 && memcmp(h.tag, rec->tag, sizeof(h.tag)) != 0)
			rc = move_tag(c, t, &ns, key->id, h.tag, rec->tag);
		if (rc == 0)
			rc = put_record(c, t, key->id, rec, due, 0);
		if (rc != 0)
			r = lmdb_fail(rc, "replace", err);
	}
	return lmdb_write_end(c, t, r, "replace", err);
}

/* The record and its entries. */
static int
del_record(const struct lmdb_ctx *c, MDB_txn *t, const struct entry *ns,
    const unsigned char *id, const struct head *h)
{
	MDB_val k = lmdb_val(id, SSTATE_ID_BYTES);
	struct entry e = due_entry(ns, h->due, id);
	int rc;

	if ((rc = mdb_del(t, c->e->dbi[LMDB_RECORD], &k, NULL)) != 0 ||
	    (rc = del_entry(c, t, LMDB_DUE, &e)) != 0 ||
	    !driver_has_tag(h->tag))
		return rc;
	e = tag_entry(ns, h->tag, id);
	return del_entry(c, t, LMDB_TAG, &e);
}

static int
lmdb_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	struct entry ns;
	struct head h;
	MDB_txn *t;
	int rc, r;

	if ((r = entry_ns(&ns, key->ns, "remove", err)) != 0 ||
	    (r = lmdb_write(&t, c, "remove", err)) != 0)
		return r;
	r = stands(&h, c, t, key->id, "remove", err);
	if (r == 0 && expected != SSTATE_ANY_REV && h.rev != expected)
		r = SSTATE_ECONFLICT;
	if (r == 0 && (rc = del_record(c, t, &ns, key->id, &h)) != 0)
		r = lmdb_fail(rc, "remove", err);
	r = lmdb_write_end(c, t, r, "remove", err);
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

/* ---- Reaping ---------------------------------------------------------- */

struct due {
	uint64_t due;
	unsigned char id[SSTATE_ID_BYTES];
};

/* The next few that are due, the longest first. */
static int
list_due(struct due *list, int *n, const struct lmdb_ctx *c, MDB_txn *t,
    const struct entry *ns, uint64_t before, int max, struct sstate_error *err)
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
    const struct entry *ns, const struct due *d, uint64_t before,
    struct sstate_error *err)
{
	struct entry e = due_entry(ns, d->due, d->id);
	MDB_val k = lmdb_val(d->id, SSTATE_ID_BYTES), v;
	unsigned char *p;
	struct head h;
	uint64_t due;
	int rc, r;

	r = stands(&h, c, t, d->id, "reap", err);
	/* An entry of nothing, or of what is due elsewhere. */
	if (r == SSTATE_ENOTFOUND || (r == 0 && h.due != d->due)) {
		rc = del_entry(c, t, LMDB_DUE, &e);
		return rc != 0 ? lmdb_fail(rc, "reap", err) : 0;
	}
	if (r != 0)
		return r;
	if ((due = due_of(h.expires)) <= before) {
		++*gone;
		rc = del_record(c, t, ns, d->id, &h);
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
		rc = move_due(c, t, ns, d->id, d->due, due);
	return rc != 0 ? lmdb_fail(rc, "reap", err) : 0;
}

/* One transaction: *n are looked at and *gone of them removed. */
static int
reap_slice(int *n, int *gone, struct lmdb_ctx *c, const struct entry *ns,
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

static int
lmdb_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	struct entry space;
	struct due first;
	uint64_t until;
	MDB_txn *t;
	int n, gone, max, dead, r;

	*removed = 0;
	if (before < 0)
		return 0;
	/* The last one is "never". */
	until = before == INT64_MAX ? INT64_MAX - 1 : (uint64_t)before;
	if ((r = entry_ns(&space, ns, "reap", err)) != 0 ||
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

static int
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
static int
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

/* ---- Open and close --------------------------------------------------- */

static int
lmdb_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct lmdb_ctx *c;
	int r = lmdb_ctx_open(&c, conf, err);

	*ctx = c;
	return r;
}

static void
lmdb_close(void *ctx)
{
	lmdb_ctx_close(ctx);
}

SSTATE_DRIVER(lmdb) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_DURABLE | SSTATE_CAP_TAG | SSTATE_CAP_LINEAR |
	    SSTATE_CAP_HANDLE,
	.scheme = "lmdb",
	.open = lmdb_open,
	.close = lmdb_close,
	.get = lmdb_get,
	.create = lmdb_create,
	.replace = lmdb_replace,
	.remove = lmdb_remove,
	.reap = lmdb_reap,
	.each = lmdb_each,
	.abandon = lmdb_close,
	.latest = lmdb_latest,
	.count = lmdb_count,
};
