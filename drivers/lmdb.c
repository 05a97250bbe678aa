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
#include <string.h>

#include "driver.h"
#include "lmdb_index.h"

/* ---- Reading ---------------------------------------------------------- */

static int
as_record(struct sstate_record *rec, const MDB_val *v, const char *what,
    struct sstate_error *err)
{
	struct lmdb_head h;
	int r;

	memset(rec, 0, sizeof(*rec));
	if ((r = lmdb_head_get(&h, v, what, err)) != 0)
		return r;
	rec->rev = h.rev;
	rec->expires = h.expires;
	memcpy(rec->tag, h.tag, sizeof(rec->tag));
	rec->body.ptr = (const char *)v->mv_data + LMDB_HEAD;
	rec->body.len = v->mv_size - LMDB_HEAD;
	return 0;
}

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
	struct lmdb_entry from;
	MDB_cursor *cur;
	MDB_val k, v;
	MDB_txn *t;
	int rc, r;

	if ((r = lmdb_entry_ns(&from, ns, "each", err)) != 0 ||
	    (r = lmdb_read(&t, c, "each", err)) != 0)
		return r;
	at = from.n + (tag != NULL ? SSTATE_TAG_BYTES : 8);
	if (tag != NULL)
		lmdb_entry_add(&from, tag, SSTATE_TAG_BYTES);
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
	MDB_val v = lmdb_val(NULL, LMDB_HEAD + rec->body.len);
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
	memcpy(p + LMDB_HEAD, rec->body.ptr, rec->body.len);
	return 0;
}

static int
lmdb_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	uint64_t due = lmdb_due_of(rec->expires);
	struct lmdb_entry ns, e;
	MDB_txn *t;
	int rc, r;

	if ((r = check_size(c, rec, "create", err)) != 0 ||
	    (r = lmdb_entry_ns(&ns, key->ns, "create", err)) != 0 ||
	    (r = lmdb_write(&t, c, "create", err)) != 0)
		return r;
	rc = put_record(c, t, key->id, rec, due, MDB_NOOVERWRITE);
	if (rc == 0) {
		e = lmdb_due_entry(&ns, due, key->id);
		rc = lmdb_put_entry(c, t, LMDB_DUE, &e);
	}
	if (rc == 0 && driver_has_tag(rec->tag)) {
		e = lmdb_tag_entry(&ns, rec->tag, key->id);
		rc = lmdb_put_entry(c, t, LMDB_TAG, &e);
	}
	if (rc == MDB_KEYEXIST)
		r = SSTATE_EEXIST;
	else if (rc != 0)
		r = lmdb_fail(rc, "create", err);
	return lmdb_write_end(c, t, r, "create", err);
}

static int
lmdb_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	uint64_t due = lmdb_due_of(rec->expires);
	struct lmdb_entry ns;
	struct lmdb_head h;
	MDB_txn *t;
	int rc = 0, r;

	if ((r = check_size(c, rec, "replace", err)) != 0 ||
	    (r = lmdb_entry_ns(&ns, key->ns, "replace", err)) != 0 ||
	    (r = lmdb_write(&t, c, "replace", err)) != 0)
		return r;
	r = lmdb_stands(&h, c, t, key->id, "replace", err);
	if (r == 0 && h.rev != expected)
		r = SSTATE_ECONFLICT;
	if (r == 0) {
		if (due < h.due)
			rc = lmdb_move_due(c, t, &ns, key->id, h.due, due);
		else
			due = h.due;
		if (rc == 0 && memcmp(h.tag, rec->tag, sizeof(h.tag)) != 0)
			rc = lmdb_move_tag(c, t, &ns, key->id, h.tag, rec->tag);
		if (rc == 0)
			rc = put_record(c, t, key->id, rec, due, 0);
		if (rc != 0)
			r = lmdb_fail(rc, "replace", err);
	}
	return lmdb_write_end(c, t, r, "replace", err);
}

static int
lmdb_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct lmdb_ctx *c = ctx;
	struct lmdb_entry ns;
	struct lmdb_head h;
	MDB_txn *t;
	int rc, r;

	if ((r = lmdb_entry_ns(&ns, key->ns, "remove", err)) != 0 ||
	    (r = lmdb_write(&t, c, "remove", err)) != 0)
		return r;
	r = lmdb_stands(&h, c, t, key->id, "remove", err);
	if (r == 0 && expected != SSTATE_ANY_REV && h.rev != expected)
		r = SSTATE_ECONFLICT;
	if (r == 0 && (rc = lmdb_del_record(c, t, &ns, key->id, &h)) != 0)
		r = lmdb_fail(rc, "remove", err);
	r = lmdb_write_end(c, t, r, "remove", err);
	return r == SSTATE_ENOTFOUND ? 0 : r;
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
