/*
 * lmdb_index.c - a record's head, and its entries in the two indexes
 *
 * Invariant: all that is done here is within a transaction of the caller's,
 * who ends it as a whole.
 */
#include <string.h>

#include "driver.h"
#include "lmdb_index.h"

/* The namespace, the same for all entries of it. */
int
lmdb_entry_ns(struct lmdb_entry *e, const char *ns, const char *what,
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

void
lmdb_entry_add(struct lmdb_entry *e, const void *p, size_t n)
{
	memcpy(e->p + e->n, p, n);
	e->n += n;
}

struct lmdb_entry
lmdb_due_entry(const struct lmdb_entry *ns, uint64_t due,
    const unsigned char *id)
{
	unsigned char n[8];
	struct lmdb_entry e = *ns;

	driver_put64(n, due);
	lmdb_entry_add(&e, n, sizeof(n));
	lmdb_entry_add(&e, id, SSTATE_ID_BYTES);
	return e;
}

struct lmdb_entry
lmdb_tag_entry(const struct lmdb_entry *ns, const unsigned char *tag,
    const unsigned char *id)
{
	struct lmdb_entry e = *ns;

	lmdb_entry_add(&e, tag, SSTATE_TAG_BYTES);
	lmdb_entry_add(&e, id, SSTATE_ID_BYTES);
	return e;
}

int
lmdb_head_get(struct lmdb_head *h, const MDB_val *v, const char *what,
    struct sstate_error *err)
{
	const unsigned char *p = v->mv_data;

	if (v->mv_size <= LMDB_HEAD)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: %s: a damaged record", what);
	h->rev = driver_get64(p);
	h->expires = (int64_t)driver_get64(p + 8);
	h->due = driver_get64(p + 16);
	memcpy(h->tag, p + 24, SSTATE_TAG_BYTES);
	return 0;
}

int
lmdb_put_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct lmdb_entry *e)
{
	MDB_val k = lmdb_val(e->p, e->n), v = lmdb_val("", 0);

	return mdb_put(t, c->e->dbi[which], &k, &v, 0);
}

int
lmdb_del_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct lmdb_entry *e)
{
	MDB_val k = lmdb_val(e->p, e->n);
	int rc = mdb_del(t, c->e->dbi[which], &k, NULL);

	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* What stands, in a write transaction; ENOTFOUND. */
int
lmdb_stands(struct lmdb_head *h, const struct lmdb_ctx *c, MDB_txn *t,
    const unsigned char *id, const char *what, struct sstate_error *err)
{
	MDB_val k = lmdb_val(id, SSTATE_ID_BYTES), v;
	int rc = mdb_get(t, c->e->dbi[LMDB_RECORD], &k, &v);

	if (rc == MDB_NOTFOUND)
		return SSTATE_ENOTFOUND;
	return rc != 0 ? lmdb_fail(rc, what, err)
		       : lmdb_head_get(h, &v, what, err);
}

/* From one place in an index to another; nowhere is NULL. */
static int
move_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct lmdb_entry *from, const struct lmdb_entry *to)
{
	int rc = from != NULL ? lmdb_del_entry(c, t, which, from) : 0;

	return rc == 0 && to != NULL ? lmdb_put_entry(c, t, which, to) : rc;
}

int
lmdb_move_tag(const struct lmdb_ctx *c, MDB_txn *t, const struct lmdb_entry *ns,
    const unsigned char *id, const unsigned char *was, const unsigned char *is)
{
	struct lmdb_entry from = lmdb_tag_entry(ns, was, id),
			  to = lmdb_tag_entry(ns, is, id);

	return move_entry(c, t, LMDB_TAG, driver_has_tag(was) ? &from : NULL,
	    driver_has_tag(is) ? &to : NULL);
}

int
lmdb_move_due(const struct lmdb_ctx *c, MDB_txn *t, const struct lmdb_entry *ns,
    const unsigned char *id, uint64_t was, uint64_t is)
{
	struct lmdb_entry from = lmdb_due_entry(ns, was, id),
			  to = lmdb_due_entry(ns, is, id);

	return move_entry(c, t, LMDB_DUE, &from, &to);
}

/* The record and its entries. */
int
lmdb_del_record(const struct lmdb_ctx *c, MDB_txn *t,
    const struct lmdb_entry *ns, const unsigned char *id,
    const struct lmdb_head *h)
{
	MDB_val k = lmdb_val(id, SSTATE_ID_BYTES);
	struct lmdb_entry e = lmdb_due_entry(ns, h->due, id);
	int rc;

	if ((rc = mdb_del(t, c->e->dbi[LMDB_RECORD], &k, NULL)) != 0 ||
	    (rc = lmdb_del_entry(c, t, LMDB_DUE, &e)) != 0 ||
	    !driver_has_tag(h->tag))
		return rc;
	e = lmdb_tag_entry(ns, h->tag, id);
	return lmdb_del_entry(c, t, LMDB_TAG, &e);
}
