/*
 * sqlite.c - the `sqlite:` store: one SQLite file, shared by all processes of
 * a host, or a connection of the program's
 *
 *	sqlite:/path/file.db?sync=none|data|full&timeout_ms=10000
 *	    &max_bytes=16777216
 *
 * Invariant: every change is one statement or one transaction that takes the
 * write lock first, so that the revision that was compared is the one that
 * is replaced; SQL has bound parameters only.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "sqlite_db.h"

enum {
	SLICE = 64, /* records that one transaction of the reaper looks at */
	LATEST_STEP = 30 /* seconds: the ratchet is written no more often */
};

struct due {
	unsigned char id[SSTATE_ID_BYTES];
	int64_t expires;
};

/* SQLite's integers have a sign, our revisions the same 64 bits. */
static int64_t
as_signed(uint64_t v)
{
	int64_t s;

	memcpy(&s, &v, sizeof(s));
	return s;
}

/* When the reaper must look, at the latest. */
static int64_t
due_of(int64_t expires)
{
	return expires == 0 ? INT64_MAX : expires;
}

/* ---- Each slot's begin and end ---------------------------------------- */

static int
enter(struct sqlite_ctx *c, const char *what, struct sstate_error *err)
{
	if (c->db == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "sqlite: %s: opened before a fork", what);
	if (c->borrowed && sqlite3_get_autocommit(c->db) == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "sqlite: %s: the program has a transaction open on its "
		    "handle",
		    what);
	atomic_store(&c->busy, 1);
	return 0;
}

/* Whatever went wrong, no statement and no transaction stays open. */
static int
depart(struct sqlite_ctx *c, sqlite3_stmt *s, int r)
{
	if (s != NULL) {
		(void)sqlite3_reset(s);
		(void)sqlite3_clear_bindings(s);
	}
	if (sqlite3_get_autocommit(c->db) == 0)
		(void)sqlite_db_run(c, SQL_ROLLBACK, "rollback", NULL);
	atomic_store(&c->busy, 0);
	return r;
}

/* ---- Reading ---------------------------------------------------------- */

static int
damaged(const char *what, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "sqlite: %s: a damaged record", what);
}

/* The row as a record; body and key are SQLite's own memory. */
static int
row(struct sstate_record *rec, struct sstate_key *key, sqlite3_stmt *s,
    const char *what, struct sstate_error *err)
{
	const void *id = sqlite3_column_blob(s, 0);
	const void *tag = sqlite3_column_blob(s, 3);
	const void *body = sqlite3_column_blob(s, 4);
	int n = sqlite3_column_bytes(s, 4);

	memset(rec, 0, sizeof(*rec));
	if (id == NULL || sqlite3_column_bytes(s, 0) != SSTATE_ID_BYTES ||
	    sqlite3_column_type(s, 4) != SQLITE_BLOB || body == NULL || n < 1)
		return damaged(what, err);
	if (tag != NULL && sqlite3_column_bytes(s, 3) != SSTATE_TAG_BYTES)
		return damaged(what, err);
	if (tag != NULL)
		memcpy(rec->tag, tag, SSTATE_TAG_BYTES);
	memcpy(key->id, id, SSTATE_ID_BYTES);
	rec->rev = (uint64_t)sqlite3_column_int64(s, 1);
	rec->expires = sqlite3_column_int64(s, 2);
	rec->body.ptr = body;
	rec->body.len = (size_t)n;
	return 0;
}

static int
sqlite_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	struct sstate_record rec;
	struct sstate_key same;
	sqlite3_stmt *s;
	int rc, r;

	if ((r = enter(c, "get", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_GET, "get", err)) != 0)
		return depart(c, NULL, r);
	rc = sqlite3_bind_blob(s, 1, key->id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		r = SSTATE_ENOTFOUND;
	else if (rc != SQLITE_ROW)
		r = sqlite_db_fail(c, rc, "get", err);
	else if ((r = row(&rec, &same, s, "get", err)) == 0)
		r = found(arg, &rec);
	return depart(c, s, r);
}

static int
sqlite_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	struct sstate_record rec;
	struct sstate_key key;
	sqlite3_stmt *s;
	int rc, r;

	if ((r = enter(c, "each", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, tag != NULL ? SQL_TAGGED : SQL_EACH,
		 "each", err)) != 0)
		return depart(c, NULL, r);
	key.ns = ns;
	rc = sqlite3_bind_text(s, 1, ns, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && tag != NULL)
		rc = sqlite3_bind_blob(s, 2, tag, SSTATE_TAG_BYTES,
		    SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = SQLITE_ROW;
	while (r == 0 && rc == SQLITE_ROW) {
		if ((rc = sqlite3_step(s)) != SQLITE_ROW)
			break;
		if ((r = row(&rec, &key, s, "each", err)) == 0)
			r = fn(arg, &key, &rec);
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = sqlite_db_fail(c, rc, "each", err);
	return depart(c, s, r);
}

/* ---- Writing ---------------------------------------------------------- */

static int
check_size(const struct sqlite_ctx *c, const struct sstate_record *rec,
    const char *what, struct sstate_error *err)
{
	if (rec->body.len <= c->max_bytes)
		return 0;
	return sstate_fail(err, SSTATE_ETOOBIG, 0,
	    "sqlite: %s: %zu bytes, over %zu", what, rec->body.len,
	    c->max_bytes);
}

/* ?1 and ?3 to ?7 of what writes a record; ?2 is the caller's. */
static int
bind(sqlite3_stmt *s, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	int rc;

	rc = sqlite3_bind_blob(s, 1, key->id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 3, due_of(rec->expires));
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 4, rec->expires);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 5, as_signed(rec->rev));
	if (rc == SQLITE_OK)
		rc = driver_has_tag(rec->tag)
		    ? sqlite3_bind_blob(s, 6, rec->tag, SSTATE_TAG_BYTES,
			  SQLITE_STATIC)
		    : sqlite3_bind_null(s, 6);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob64(s, 7, rec->body.ptr, rec->body.len,
		    SQLITE_STATIC);
	return rc;
}

static int
sqlite_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	sqlite3_stmt *s;
	int rc, r;

	if ((r = check_size(c, rec, "create", err)) != 0 ||
	    (r = enter(c, "create", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_CREATE, "create", err)) != 0)
		return depart(c, NULL, r);
	rc = bind(s, key, rec);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 2, key->ns, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc != SQLITE_DONE)
		r = sqlite_db_fail(c, rc, "create", err);
	else if (sqlite3_changes(c->db) == 0)
		r = SSTATE_EEXIST;
	return depart(c, s, r);
}

/* An UPDATE of the one record; *done tells whether it was the expected. */
static int
update(int *done, struct sqlite_ctx *c, enum sqlite_sql which,
    const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	sqlite3_stmt *s;
	int rc, r;

	*done = 0;
	if ((r = sqlite_db_sql(&s, c, which, "replace", err)) != 0)
		return r;
	rc = bind(s, key, rec);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, as_signed(expected));
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	*done = rc == SQLITE_DONE && sqlite3_changes(c->db) == 1;
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE ? 0 : sqlite_db_fail(c, rc, "replace", err);
}

/* The revision that stands, in a transaction; ENOTFOUND. */
static int
stands(uint64_t *rev, struct sqlite_ctx *c, const struct sstate_key *key,
    const char *what, struct sstate_error *err)
{
	sqlite3_stmt *s;
	int rc, r;

	*rev = 0;
	if ((r = sqlite_db_sql(&s, c, SQL_REV, what, err)) != 0)
		return r;
	rc = sqlite3_bind_blob(s, 1, key->id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		*rev = (uint64_t)sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	if (rc == SQLITE_DONE)
		return SSTATE_ENOTFOUND;
	return rc == SQLITE_ROW ? 0 : sqlite_db_fail(c, rc, what, err);
}

static int
sqlite_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	uint64_t rev;
	int done, r;

	if ((r = check_size(c, rec, "replace", err)) != 0 ||
	    (r = enter(c, "replace", err)) != 0)
		return r;
	/* Nearly always: same user, and the reaper need not look sooner. */
	r = update(&done, c, SQL_REPLACE, key, expected, rec, err);
	if (r != 0 || done)
		return depart(c, NULL, r);
	if ((r = sqlite_db_run(c, SQL_BEGIN, "replace", err)) == 0 &&
	    (r = stands(&rev, c, key, "replace", err)) == 0) {
		if (rev != expected)
			r = SSTATE_ECONFLICT;
		else if ((r = update(&done, c, SQL_REWRITE, key, expected, rec,
			      err)) == 0)
			r = done ? sqlite_db_run(c, SQL_COMMIT, "replace", err)
				 : damaged("replace", err);
	}
	return depart(c, NULL, r);
}

static int
delete_one(struct sqlite_ctx *c, const unsigned char *id, const char *what,
    struct sstate_error *err)
{
	sqlite3_stmt *s;
	int rc, r;

	if ((r = sqlite_db_sql(&s, c, SQL_REMOVE, what, err)) != 0)
		return r;
	rc = sqlite3_bind_blob(s, 1, id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE ? 0 : sqlite_db_fail(c, rc, what, err);
}

static int
sqlite_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	uint64_t rev;
	int r;

	if ((r = enter(c, "remove", err)) != 0)
		return r;
	if (expected == SSTATE_ANY_REV)
		return depart(c, NULL, delete_one(c, key->id, "remove", err));
	if ((r = sqlite_db_run(c, SQL_BEGIN, "remove", err)) == 0)
		r = stands(&rev, c, key, "remove", err);
	if (r == SSTATE_ENOTFOUND)
		r = 0;
	else if (r == 0 && rev != expected)
		r = SSTATE_ECONFLICT;
	else if (r == 0 && (r = delete_one(c, key->id, "remove", err)) == 0)
		r = sqlite_db_run(c, SQL_COMMIT, "remove", err);
	return depart(c, NULL, r);
}

/* ---- Reaping ---------------------------------------------------------- */

/* The next few that are due, the longest first. */
static int
list_due(struct due *list, int *n, struct sqlite_ctx *c, const char *ns,
    int64_t before, int max, struct sstate_error *err)
{
	sqlite3_stmt *s;
	const void *id;
	int rc, r;

	*n = 0;
	if ((r = sqlite_db_sql(&s, c, SQL_DUE, "reap", err)) != 0)
		return r;
	rc = sqlite3_bind_text(s, 1, ns, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, before);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 3, max);
	while (rc == SQLITE_OK && *n < max &&
	    (rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		id = sqlite3_column_blob(s, 0);
		if (id == NULL ||
		    sqlite3_column_bytes(s, 0) != SSTATE_ID_BYTES) {
			r = damaged("reap", err);
			break;
		}
		memcpy(list[*n].id, id, SSTATE_ID_BYTES);
		list[*n].expires = sqlite3_column_int64(s, 1);
		++*n;
	}
	if (r == 0 && rc != SQLITE_OK && rc != SQLITE_DONE)
		r = sqlite_db_fail(c, rc, "reap", err);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return r;
}

/* It was renewed: the reaper looks again when it is due. */
static int
move_on(struct sqlite_ctx *c, const struct due *d, struct sstate_error *err)
{
	sqlite3_stmt *s;
	int rc, r;

	if ((r = sqlite_db_sql(&s, c, SQL_MOVE, "reap", err)) != 0)
		return r;
	rc = sqlite3_bind_blob(s, 1, d->id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, due_of(d->expires));
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return rc == SQLITE_DONE ? 0 : sqlite_db_fail(c, rc, "reap", err);
}

/* One transaction: *n are looked at and *gone of them removed. */
static int
reap_slice(int *n, int *gone, struct sqlite_ctx *c, const char *ns,
    int64_t before, int max, struct sstate_error *err)
{
	struct due list[SLICE];
	int i, r;

	*n = *gone = 0;
	if ((r = sqlite_db_run(c, SQL_BEGIN, "reap", err)) != 0 ||
	    (r = list_due(list, n, c, ns, before, max, err)) != 0)
		return r;
	for (i = 0; i < *n && r == 0; i++) {
		if (list[i].expires == 0 || list[i].expires > before) {
			r = move_on(c, &list[i], err);
		} else {
			r = delete_one(c, list[i].id, "reap", err);
			++*gone;
		}
	}
	return r == 0 ? sqlite_db_run(c, SQL_COMMIT, "reap", err) : r;
}

static int
sqlite_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	struct due first;
	int n, gone, max, r;

	*removed = 0;
	if (before == INT64_MAX)
		before--; /* that is "never" */
	if ((r = enter(c, "reap", err)) != 0)
		return r;
	/* Whoever finds nothing takes no lock. */
	r = list_due(&first, &n, c, ns, before, 1, err);
	while (r == 0 && n > 0 && *removed < limit) {
		max =
		    limit - *removed < SLICE ? (int)(limit - *removed) : SLICE;
		r = reap_slice(&n, &gone, c, ns, before, max, err);
		if (r == 0)
			*removed += (uint64_t)gone;
	}
	return depart(c, NULL, r);
}

/* ---- The clock -------------------------------------------------------- */

static int
sqlite_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	sqlite3_stmt *s;
	int rc, r;

	*seen = now;
	if ((r = enter(c, "latest", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_LATEST, "latest", err)) != 0)
		return depart(c, NULL, r);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*seen = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	if (rc != SQLITE_ROW)
		return depart(c, NULL,
		    rc == SQLITE_DONE ? damaged("latest", err)
				      : sqlite_db_fail(c, rc, "latest", err));
	if (*seen > now - LATEST_STEP) {
		*seen = *seen > now ? *seen : now;
		return depart(c, NULL, 0);
	}
	*seen = now;
	if ((r = sqlite_db_sql(&s, c, SQL_SET_LATEST, "latest", err)) != 0)
		return depart(c, NULL, r);
	rc = sqlite3_bind_int64(s, 1, now);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc != SQLITE_DONE)
		r = sqlite_db_fail(c, rc, "latest", err);
	return depart(c, s, r);
}

/* ---- How many --------------------------------------------------------- */

/*
 * Keys are uniform: where the 512th smallest lies tells how many there are,
 * in all namespaces, without a look at each and without a counter that every
 * new session would have to write.
 */
static uint64_t
estimate(const unsigned char *key)
{
	const double all = 18446744073709551616.0; /* 2^64 */
	double n =
	    (SQLITE_SAMPLE - 1) * all / ((double)driver_get64(key) + 1.0);

	return n < 1e18 ? (uint64_t)n : (uint64_t)1e18;
}

static int
sqlite_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	sqlite3_stmt *s;
	int rc, r;

	(void)ns;
	*about = 0;
	if ((r = enter(c, "count", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_SAMPLE, "count", err)) != 0)
		return depart(c, NULL, r);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		if (sqlite3_column_bytes(s, 0) == SSTATE_ID_BYTES)
			*about = estimate(sqlite3_column_blob(s, 0));
		else
			r = damaged("count", err);
		return depart(c, s, r);
	}
	(void)sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		return depart(c, NULL, sqlite_db_fail(c, rc, "count", err));
	/* So few that each can be looked at. */
	if ((r = sqlite_db_sql(&s, c, SQL_FEW, "count", err)) != 0)
		return depart(c, NULL, r);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*about = (uint64_t)sqlite3_column_int64(s, 0);
	else
		r = sqlite_db_fail(c, rc, "count", err);
	return depart(c, s, r);
}

/* ---- Open and close --------------------------------------------------- */

static int
sqlite_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct sqlite_ctx *c;
	int r = sqlite_db_open(&c, conf, err);

	*ctx = c;
	return r;
}

static void
sqlite_close(void *ctx)
{
	sqlite_db_close(ctx);
}

SSTATE_DRIVER(sqlite) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_DURABLE | SSTATE_CAP_TAG | SSTATE_CAP_LINEAR |
	    SSTATE_CAP_HANDLE,
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.get = sqlite_get,
	.create = sqlite_create,
	.replace = sqlite_replace,
	.remove = sqlite_remove,
	.reap = sqlite_reap,
	.each = sqlite_each,
	.abandon = sqlite_close,
	.latest = sqlite_latest,
	.count = sqlite_count,
};
