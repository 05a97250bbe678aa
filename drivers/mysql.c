/*
 * mysql.c - the `mysql:` store: a table of MariaDB or MySQL
 *
 *	mysql://[user[:password]@]host[:port]/database?timeout_ms=5000
 *	    &table=securestate&sync=on|off&max_bytes=N&create=0
 *	    &socket=/path&ca=FILE&insecure=0
 *
 * Invariant: every change is one statement that compares and changes, and
 * each is a transaction of its own (R-26, R-33); values are bound, never
 * written into SQL (R-96).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "mysql_db.h"

enum {
	PAGE = 64, /* records of one page of a listing */
	NS_BYTES = 32,
	LATEST_STEP = 30 /* seconds: the ratchet is written no more often */
};

/* When the reaper must look, at the latest. */
static uint64_t
due_of(int64_t expires)
{
	return (uint64_t)(expires == 0 ? INT64_MAX : expires);
}

static int
damaged(const char *op, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ESTORE, 0, "mysql: %s: a damaged record",
	    op);
}

/* ---- Reading ---------------------------------------------------------- */

/* The row as a record; the body is the context's own memory. */
static int
record(struct sstate_record *rec, const struct mys_row *row)
{
	memset(rec, 0, sizeof(*rec));
	if (row->len[0] != SSTATE_ID_BYTES || row->number[1] > INT64_MAX ||
	    row->null[4] || row->len[4] < 1 || row->len[4] > row->room ||
	    (!row->null[3] && row->len[3] != SSTATE_TAG_BYTES))
		return -1;
	if (!row->null[3])
		memcpy(rec->tag, row->tag, SSTATE_TAG_BYTES);
	rec->rev = row->number[0];
	rec->expires = (int64_t)row->number[1];
	rec->body.ptr = row->body;
	rec->body.len = row->len[4];
	return 0;
}

static int
mys_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct sstate_record rec;
	struct mys *c = ctx;
	struct mys_args a;
	int r;

	a.n = 0;
	mys_add_blob(&a, key->id, SSTATE_ID_BYTES);
	if ((r = mys_select(c, MYS_GET, &a, 1, NULL, NULL, "get", err)) != 0)
		return r;
	if (c->rows == 0)
		return SSTATE_ENOTFOUND;
	return record(&rec, &c->row) == 0 ? found(arg, &rec)
					  : damaged("get", err);
}

struct listing {
	struct sstate_key key; /* of the last one */
	sstate_each_fn *fn;
	void *arg;
	struct sstate_error *err;
};

static int
listed(void *arg, struct mys *c, int i)
{
	struct listing *l = arg;
	struct sstate_record rec;

	(void)i;
	if (record(&rec, &c->row) != 0)
		return damaged("each", l->err);
	memcpy(l->key.id, c->row.id, SSTATE_ID_BYTES);
	return l->fn(l->arg, &l->key, &rec);
}

/*
 * By key, which no record changes: whatever others write meanwhile, what was
 * there all the time is seen, once.
 */
static int
mys_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	unsigned char after[SSTATE_ID_BYTES];
	struct mys *c = ctx;
	struct listing l;
	struct mys_args a;
	int r, goes_on, broken = 0;

	memset(&l, 0, sizeof(l));
	l.key.ns = ns;
	l.fn = fn;
	l.arg = arg;
	l.err = err;
	do {
		memcpy(after, l.key.id, sizeof(after));
		a.n = 0;
		mys_add_blob(&a, ns, strlen(ns));
		if (tag != NULL)
			mys_add_blob(&a, tag, SSTATE_TAG_BYTES);
		mys_add_blob(&a, after, sizeof(after));
		mys_add_int(&a, PAGE);
		r = mys_select(c, tag != NULL ? MYS_TAGGED : MYS_EACH, &a, 0,
		    listed, &l, "each", err);
		/* It goes on from where it broke, once. */
		goes_on = r == MYS_BROKEN && !broken;
		broken = broken || r == MYS_BROKEN;
	} while (goes_on || (r == 0 && c->rows == PAGE));
	return r != MYS_BROKEN ? r
			       : sstate_fail(err, SSTATE_ESTORE, ECONNRESET,
				     "mysql: each: no answer");
}

/* ---- Writing ---------------------------------------------------------- */

/* R-98: nothing is sent that a column or a packet would cut. */
static int
check_size(const struct mys *c, const struct sstate_record *rec, const char *op,
    struct sstate_error *err)
{
	if (rec->body.len <= c->limit)
		return 0;
	return sstate_fail(err, SSTATE_ETOOBIG, 0,
	    "mysql: %s: %zu bytes, over %zu", op, rec->body.len, c->limit);
}

static void
add_record(struct mys_args *a, const struct sstate_record *rec)
{
	mys_add_int(a, due_of(rec->expires));
	mys_add_int(a, (uint64_t)rec->expires);
	mys_add_int(a, rec->rev);
	mys_add_blob(a, driver_has_tag(rec->tag) ? rec->tag : NULL,
	    SSTATE_TAG_BYTES);
	mys_add_blob(a, rec->body.ptr, rec->body.len);
}

static int
mys_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct mys_args a;
	uint64_t rows;
	int r;

	if ((r = check_size(ctx, rec, "create", err)) != 0)
		return r;
	if (strlen(key->ns) > NS_BYTES)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: create: no proper namespace");
	a.n = 0;
	mys_add_blob(&a, key->id, SSTATE_ID_BYTES);
	mys_add_blob(&a, key->ns, strlen(key->ns));
	add_record(&a, rec);
	return mys_change(&rows, ctx, MYS_CREATE, &a, 0, "create", err);
}

/*
 * Nothing was changed: because there is nothing, or of another revision?
 * If that cannot be told, it is known at least that nothing was written.  A
 * program's connection may count what was changed and not what was found:
 * then same is the revision of what was written over itself.
 */
static int
why_not(struct mys *c, const struct sstate_key *key, int none, uint64_t same,
    const char *op, struct sstate_error *err)
{
	struct mys_args a;

	a.n = 0;
	mys_add_blob(&a, key->id, SSTATE_ID_BYTES);
	if (mys_select(c, MYS_REV, &a, 1, NULL, NULL, op, NULL) != 0)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "mysql: %s: not written, and no answer why", op);
	if (c->rows == 0)
		return none;
	return same != 0 && c->row.number[0] == same ? 0 : SSTATE_ECONFLICT;
}

static int
mys_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct mys *c = ctx;
	struct mys_args a;
	uint64_t rows, same;
	int r;

	if ((r = check_size(c, rec, "replace", err)) != 0)
		return r;
	a.n = 0;
	add_record(&a, rec);
	mys_add_blob(&a, key->id, SSTATE_ID_BYTES);
	mys_add_int(&a, expected);
	if ((r = mys_change(&rows, c, MYS_REPLACE, &a, 0, "replace", err)) !=
		0 ||
	    rows > 0)
		return r;
	same = c->borrowed && rec->rev == expected ? expected : 0;
	return why_not(c, key, SSTATE_ENOTFOUND, same, "replace", err);
}

static int
mys_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	const int any = expected == SSTATE_ANY_REV;
	struct mys_args a;
	uint64_t rows;
	int r;

	a.n = 0;
	mys_add_blob(&a, key->id, SSTATE_ID_BYTES);
	if (!any)
		mys_add_int(&a, expected);
	r = mys_change(&rows, ctx, any ? MYS_REMOVE_ANY : MYS_REMOVE, &a, 0,
	    "remove", err);
	if (r != 0 || any || rows > 0)
		return r;
	return why_not(ctx, key, 0, 0, "remove", err);
}

/* ---- Reaping ---------------------------------------------------------- */

struct due {
	unsigned char id[MYS_SLICE][SSTATE_ID_BYTES];
	uint64_t n;
	int64_t before;
	int renewed; /* some of them live on */
	struct sstate_error *err;
};

static int
is_due(void *arg, struct mys *c, int i)
{
	struct due *d = arg;
	int64_t expires = (int64_t)c->row.number[1];

	if (i >= MYS_SLICE || c->row.len[0] != SSTATE_ID_BYTES)
		return damaged("reap", d->err);
	memcpy(d->id[i], c->row.id, SSTATE_ID_BYTES);
	if (expires == 0 || expires > d->before)
		d->renewed = 1;
	return 0;
}

/* One statement over all that are due: it looks again at each. */
static int
sweep(uint64_t *rows, struct mys *c, enum mys_sql which, struct due *d,
    struct sstate_error *err)
{
	struct mys_args a;
	size_t i;

	a.n = 0;
	mys_add_int(&a, (uint64_t)d->before);
	for (i = 0; i < MYS_SLICE; i++)
		mys_add_blob(&a, d->id[i < d->n ? i : 0], SSTATE_ID_BYTES);
	return mys_change(rows, c, which, &a, 0, "reap", err);
}

static int
mys_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	uint64_t gone, moved, max;
	struct mys *c = ctx;
	struct mys_args a;
	struct due d;
	int r = 0;

	*removed = 0;
	d.err = err;
	d.before = before < INT64_MAX ? before : before - 1; /* "never" */
	while (before > 0 && r == 0 && *removed < limit) {
		max =
		    limit - *removed < MYS_SLICE ? limit - *removed : MYS_SLICE;
		d.renewed = 0;
		a.n = 0;
		mys_add_blob(&a, ns, strlen(ns));
		mys_add_int(&a, (uint64_t)d.before);
		mys_add_int(&a, max);
		r = mys_select(c, MYS_DUE, &a, 1, is_due, &d, "reap", err);
		if ((d.n = (uint64_t)c->rows) == 0)
			break;
		if (r == 0 && d.renewed)
			r = sweep(&moved, c, MYS_MOVE, &d, err);
		if (r == 0)
			r = sweep(&gone, c, MYS_REAP, &d, err);
		if (r == 0)
			*removed += gone;
		if (d.n < max)
			break;
	}
	return r;
}

/* ---- The clock, and how many ------------------------------------------ */

static int
mys_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct mys *c = ctx;
	struct mys_args a;
	uint64_t rows;
	int64_t is;
	int r;

	*seen = now;
	a.n = 0;
	if ((r = mys_select(c, MYS_LATEST, &a, 1, NULL, NULL, "latest", err)) !=
	    0)
		return r;
	is = (int64_t)c->row.number[0];
	if (c->rows != 1 || is < 0)
		return damaged("latest", err);
	if (is > now - LATEST_STEP) {
		*seen = is > now ? is : now;
		return 0;
	}
	/* The same however often it is done. */
	mys_add_int(&a, (uint64_t)now);
	mys_add_int(&a, (uint64_t)now);
	return mys_change(&rows, c, MYS_SET_LATEST, &a, 1, "latest", err);
}

/* Of all namespaces: what InnoDB counts by itself. */
static int
mys_count(uint64_t *about, void *ctx, const char *ns, struct sstate_error *err)
{
	char name[MYS_TEXT_BYTES];
	struct mys *c = ctx;
	struct mys_args a;
	int r;

	(void)ns;
	*about = 0;
	mys_text(name, c, "@R");
	a.n = 0;
	/* Without the quotes. */
	mys_add_blob(&a, name + 1, strlen(name) - 2);
	if ((r = mys_select(c, MYS_ABOUT, &a, 1, NULL, NULL, "count", err)) !=
	    0)
		return r;
	if (c->rows != 1)
		return damaged("count", err);
	*about = c->row.number[0];
	return 0;
}

/* ---- Contexts --------------------------------------------------------- */

static void
leave(struct mys *c)
{
	free(c->row.body);
	mys_conf_free(c);
	free(c);
}

/* In a child: not a word to the peer, whose talk is with the parent. */
static void
mys_abandon(void *ctx)
{
	struct mys *c = ctx;
	struct mys_quiet q;

	mys_quiet(&q, c);
	if (!c->borrowed)
		mys_drop(c);
	mys_loud(&q);
	leave(c); /* what is prepared on a program's connection stays */
}

static void
mys_end(void *ctx)
{
	struct mys *c = ctx;
	struct mys_quiet q;

	mys_quiet(&q, c);
	mys_close(c);
	mys_loud(&q);
	leave(c);
}

static int
mys_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct mys_quiet q;
	int64_t until;
	struct mys *c;
	int r;

	*ctx = NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "mysql: open");
	c->my = sstate_conf_handle(conf);
	c->borrowed = c->my != NULL;
	if ((r = mys_conf_read(c, conf, err)) == 0) {
		until = mys_now_ms() + c->conf.timeout_ms;
		mys_quiet(&q, c);
		r = mys_up(c, until, "open", err);
		mys_loud(&q);
		if (r == 0 && c->borrowed)
			r = mys_borrow(c, until, err);
	}
	if (r != 0)
		mys_abandon(c);
	else
		*ctx = c;
	return r;
}

SSTATE_DRIVER(mysql) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_DURABLE | SSTATE_CAP_TAG | SSTATE_CAP_HANDLE |
	    SSTATE_CAP_LINEAR | SSTATE_CAP_REMOTE,
	.scheme = "mysql",
	.open = mys_open,
	.close = mys_end,
	.get = mys_get,
	.create = mys_create,
	.replace = mys_replace,
	.remove = mys_remove,
	.reap = mys_reap,
	.each = mys_each,
	.abandon = mys_abandon,
	.latest = mys_latest,
	.count = mys_count,
};
