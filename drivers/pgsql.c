/*
 * pgsql.c - the `pgsql:` store: a table of PostgreSQL
 *
 *	pgsql://[user[:password]@]host[:port]/database?timeout_ms=5000
 *	    &table=securestate&sync=on|off&max_bytes=16777216&create=0
 *	    &socket=/dir&sslmode=verify-full&sslrootcert=FILE&insecure=0
 *
 * Invariant: every change is one statement that compares and changes, and
 * each is a transaction of its own (R-26, R-33); values are bound, never
 * written into SQL (R-96).
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "pgsql.h"

enum {
	SLICE = 100, /* records that one statement of the reaper looks at */
	PAGE = 256, /* records of one page of a listing */
	PAGE_BYTES = 4 << 20, /* a page ends with the record that makes it so */
	LATEST_STEP = 30 /* seconds: the ratchet is written no more often */
};

/* When the reaper must look, at the latest. */
static int64_t
due_of(int64_t expires)
{
	return expires == 0 ? INT64_MAX : expires;
}

/* ---- Rows ------------------------------------------------------------- */

static int
damaged(const char *op, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ESTORE, 0, "pgsql: %s: a damaged record",
	    op);
}

/* A bigint column; -1: it is none. */
static int
number(uint64_t *out, const PGresult *res, int i, int col)
{
	*out = 0;
	if (PQgetisnull(res, i, col) || PQgetlength(res, i, col) != 8)
		return -1;
	*out = driver_get64((const unsigned char *)PQgetvalue(res, i, col));
	return 0;
}

/* Row i as a record; the body is the result's own memory. */
static int
row(struct sstate_record *rec, const PGresult *res, int i, const char *op,
    struct sstate_error *err)
{
	uint64_t expires;

	memset(rec, 0, sizeof(*rec));
	if (PQnfields(res) < 4 || number(&rec->rev, res, i, 0) != 0 ||
	    number(&expires, res, i, 1) != 0 || expires > INT64_MAX ||
	    PQgetlength(res, i, 3) < 1 ||
	    (!PQgetisnull(res, i, 2) &&
		PQgetlength(res, i, 2) != SSTATE_TAG_BYTES))
		return damaged(op, err);
	if (!PQgetisnull(res, i, 2))
		memcpy(rec->tag, PQgetvalue(res, i, 2), SSTATE_TAG_BYTES);
	rec->expires = (int64_t)expires;
	rec->body.ptr = PQgetvalue(res, i, 3);
	rec->body.len = (size_t)PQgetlength(res, i, 3);
	return 0;
}

/* The same of a listing, whose rows end with their key. */
static int
row_of(struct sstate_record *rec, struct sstate_key *key, const PGresult *res,
    int i, const char *op, struct sstate_error *err)
{
	if (PQnfields(res) != 5 || PQgetlength(res, i, 4) != SSTATE_ID_BYTES)
		return damaged(op, err);
	memcpy(key->id, PQgetvalue(res, i, 4), SSTATE_ID_BYTES);
	return row(rec, res, i, op, err);
}

/* How many rows a statement changed. */
static int
changed(const PGresult *res)
{
	return strcmp(PQcmdTuples((PGresult *)(uintptr_t)res), "1") == 0;
}

/* ---- Reading ---------------------------------------------------------- */

static int
pgsql_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct sstate_record rec;
	struct pgs_args a;
	PGresult *res;
	int r;

	a.n = 0;
	pgs_add_blob(&a, key->id, SSTATE_ID_BYTES);
	if ((r = pgs_run(&res, ctx, PGS_GET, &a, 1, "get", err)) != 0)
		return r;
	if (PQntuples(res) == 0)
		r = SSTATE_ENOTFOUND;
	else if ((r = row(&rec, res, 0, "get", err)) == 0)
		r = found(arg, &rec);
	PQclear(res);
	return r;
}

/* One page: the records after key, which becomes the last of them. */
static int
page(int *n, size_t *bytes, struct pgs *c, struct sstate_key *key,
    const unsigned char *tag, sstate_each_fn *fn, void *arg,
    struct sstate_error *err)
{
	unsigned char after[SSTATE_ID_BYTES];
	struct sstate_record rec;
	struct pgs_args a;
	PGresult *res;
	int i, r;

	*n = 0;
	*bytes = 0;
	memcpy(after, key->id, sizeof(after));
	a.n = 0;
	pgs_add_text(&a, key->ns);
	pgs_add_blob(&a, after, sizeof(after));
	pgs_add_int(&a, PAGE_BYTES);
	pgs_add_int(&a, PAGE);
	if (tag != NULL)
		pgs_add_blob(&a, tag, SSTATE_TAG_BYTES);
	if ((r = pgs_run(&res, c, tag != NULL ? PGS_TAGGED : PGS_EACH, &a, 1,
		 "each", err)) != 0)
		return r;
	*n = PQntuples(res);
	for (i = 0; i < *n && r == 0; i++) {
		if ((r = row_of(&rec, key, res, i, "each", err)) == 0) {
			*bytes += rec.body.len;
			r = fn(arg, key, &rec);
		}
	}
	PQclear(res);
	return r;
}

/*
 * By key, which no record changes: whatever others write meanwhile, what was
 * there all the time is seen, once.
 */
static int
pgsql_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct sstate_key key;
	size_t bytes;
	int n, r;

	memset(&key, 0, sizeof(key));
	key.ns = ns;
	do
		r = page(&n, &bytes, ctx, &key, tag, fn, arg, err);
	while (r == 0 && (n == PAGE || bytes >= PAGE_BYTES));
	return r;
}

/* ---- Writing ---------------------------------------------------------- */

static int
check_size(const struct pgs *c, const struct sstate_record *rec, const char *op,
    struct sstate_error *err)
{
	if (rec->body.len <= c->conf.max_bytes)
		return 0;
	return sstate_fail(err, SSTATE_ETOOBIG, 0,
	    "pgsql: %s: %zu bytes, over %zu", op, rec->body.len,
	    c->conf.max_bytes);
}

/* $3 to $7 of what writes a record. */
static void
add_record(struct pgs_args *a, const struct sstate_record *rec)
{
	pgs_add_int(a, due_of(rec->expires));
	pgs_add_int(a, rec->expires);
	pgs_add_int(a, (int64_t)rec->rev);
	pgs_add_blob(a, driver_has_tag(rec->tag) ? rec->tag : NULL,
	    SSTATE_TAG_BYTES);
	pgs_add_blob(a, rec->body.ptr, rec->body.len);
}

static int
pgsql_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct pgs_args a;
	PGresult *res;
	int r;

	if ((r = check_size(ctx, rec, "create", err)) != 0)
		return r;
	a.n = 0;
	pgs_add_blob(&a, key->id, SSTATE_ID_BYTES);
	pgs_add_text(&a, key->ns);
	add_record(&a, rec);
	if ((r = pgs_run(&res, ctx, PGS_CREATE, &a, 0, "create", err)) != 0)
		return r;
	if (!changed(res))
		r = SSTATE_EEXIST;
	PQclear(res);
	return r;
}

/*
 * Nothing was changed: because there is nothing, or of another revision?
 * If that cannot be told, it is known at least that nothing was written.
 */
static int
why_not(struct pgs *c, const struct sstate_key *key, int none, const char *op,
    struct sstate_error *err)
{
	struct pgs_args a;
	PGresult *res;
	int r;

	a.n = 0;
	pgs_add_blob(&a, key->id, SSTATE_ID_BYTES);
	if (pgs_run(&res, c, PGS_IS, &a, 1, op, NULL) != 0)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "pgsql: %s: not written, and no answer why", op);
	r = PQntuples(res) == 0 ? none : SSTATE_ECONFLICT;
	PQclear(res);
	return r;
}

static int
pgsql_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct pgs_args a;
	PGresult *res;
	int done, r;

	if ((r = check_size(ctx, rec, "replace", err)) != 0)
		return r;
	a.n = 0;
	pgs_add_blob(&a, key->id, SSTATE_ID_BYTES);
	pgs_add_int(&a, (int64_t)expected);
	add_record(&a, rec);
	if ((r = pgs_run(&res, ctx, PGS_REPLACE, &a, 0, "replace", err)) != 0)
		return r;
	done = changed(res);
	PQclear(res);
	return done ? 0 : why_not(ctx, key, SSTATE_ENOTFOUND, "replace", err);
}

static int
pgsql_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	const int any = expected == SSTATE_ANY_REV;
	struct pgs_args a;
	PGresult *res;
	int done, r;

	a.n = 0;
	pgs_add_blob(&a, key->id, SSTATE_ID_BYTES);
	if (!any)
		pgs_add_int(&a, (int64_t)expected);
	if ((r = pgs_run(&res, ctx, any ? PGS_REMOVE_ANY : PGS_REMOVE, &a, 0,
		 "remove", err)) != 0)
		return r;
	done = any || changed(res);
	PQclear(res);
	return done ? 0 : why_not(ctx, key, 0, "remove", err);
}

/* ---- Reaping ---------------------------------------------------------- */

/* Whoever finds nothing locks nothing, and plans no change. */
static int
is_due(int *yes, struct pgs *c, const char *ns, int64_t before,
    struct sstate_error *err)
{
	struct pgs_args a;
	PGresult *res;
	int r;

	*yes = 0;
	a.n = 0;
	pgs_add_text(&a, ns);
	pgs_add_int(&a, before);
	if ((r = pgs_run(&res, c, PGS_DUE, &a, 1, "reap", err)) != 0)
		return r;
	*yes = PQntuples(res) > 0;
	PQclear(res);
	return 0;
}

/* *n are looked at, and *gone of them removed. */
static int
reap_slice(uint64_t *n, uint64_t *gone, struct pgs *c, const char *ns,
    int64_t before, uint64_t max, struct sstate_error *err)
{
	struct pgs_args a;
	PGresult *res;
	int r;

	*n = *gone = 0;
	a.n = 0;
	pgs_add_text(&a, ns);
	pgs_add_int(&a, before);
	pgs_add_int(&a, (int64_t)max);
	if ((r = pgs_run(&res, c, PGS_REAP, &a, 0, "reap", err)) != 0)
		return r;
	if (PQntuples(res) != 1 || number(n, res, 0, 0) != 0 ||
	    number(gone, res, 0, 1) != 0)
		r = damaged("reap", err);
	PQclear(res);
	return r;
}

static int
pgsql_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	uint64_t n, gone, max;
	int r, due;

	*removed = 0;
	if (before == INT64_MAX)
		before--; /* that is "never" */
	if ((r = is_due(&due, ctx, ns, before, err)) != 0 || !due)
		return r;
	while (r == 0 && *removed < limit) {
		max = limit - *removed < SLICE ? limit - *removed : SLICE;
		r = reap_slice(&n, &gone, ctx, ns, before, max, err);
		*removed += gone;
		if (n < max)
			break;
	}
	return r;
}

/* ---- The clock -------------------------------------------------------- */

static int
pgsql_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct pgs_args a;
	PGresult *res;
	uint64_t is;
	int r;

	*seen = now;
	a.n = 0;
	if ((r = pgs_run(&res, ctx, PGS_LATEST, &a, 1, "latest", err)) != 0)
		return r;
	if (PQntuples(res) != 1 || number(&is, res, 0, 0) != 0 ||
	    is > INT64_MAX)
		r = damaged("latest", err);
	PQclear(res);
	if (r != 0)
		return r;
	if ((int64_t)is > now - LATEST_STEP) {
		*seen = (int64_t)is > now ? (int64_t)is : now;
		return 0;
	}
	/* The same however often it is done. */
	pgs_add_int(&a, now);
	r = pgs_run(&res, ctx, PGS_SET_LATEST, &a, 1, "latest", err);
	PQclear(res);
	return r;
}

/* ---- How many --------------------------------------------------------- */

/* Of all namespaces: what PostgreSQL counts by itself. */
static int
pgsql_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	char name[PGS_TEXT_BYTES];
	struct pgs_args a;
	PGresult *res;
	int r;

	(void)ns;
	*about = 0;
	pgs_text(name, ctx, "@R");
	a.n = 0;
	pgs_add_text(&a, name);
	if ((r = pgs_run(&res, ctx, PGS_ABOUT, &a, 1, "count", err)) != 0)
		return r;
	if (PQntuples(res) != 1)
		r = pgs_says("42P01", "count", err);
	else if (number(about, res, 0, 0) != 0)
		r = damaged("count", err);
	PQclear(res);
	return r;
}

/* ---- Contexts --------------------------------------------------------- */

/* In a child: not a word to the peer, whose talk is with the parent. */
static void
pgsql_abandon(void *ctx)
{
	struct pgs *c = ctx;

	pgs_drop(c);
	pgs_conf_free(c);
	free(c);
}

static void
pgsql_close(void *ctx)
{
	struct pgs *c = ctx;

	if (c->conn != NULL && !c->borrowed)
		PQfinish(c->conn);
	c->conn = NULL;
	pgsql_abandon(c);
}

static int
pgsql_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	int64_t until;
	struct pgs *c;
	int r;

	*ctx = NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "pgsql: open");
	c->conn = sstate_conf_handle(conf);
	c->borrowed = c->conn != NULL;
	if ((r = pgs_conf_read(c, conf, err)) == 0) {
		until = pgs_now_ms() + c->conf.timeout_ms;
		r = pgs_up(c, until, "open", err);
		if (r == 0 && c->borrowed)
			r = pgs_greet(c, until, "open", err);
		pgs_hand_back(c);
	}
	if (r != 0)
		pgsql_abandon(c);
	else
		*ctx = c;
	return r;
}

SSTATE_DRIVER(pgsql) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_DURABLE | SSTATE_CAP_TAG | SSTATE_CAP_HANDLE |
	    SSTATE_CAP_LINEAR | SSTATE_CAP_REMOTE,
	.scheme = "pgsql",
	.open = pgsql_open,
	.close = pgsql_close,
	.get = pgsql_get,
	.create = pgsql_create,
	.replace = pgsql_replace,
	.remove = pgsql_remove,
	.reap = pgsql_reap,
	.each = pgsql_each,
	.abandon = pgsql_abandon,
	.latest = pgsql_latest,
	.count = pgsql_count,
};
