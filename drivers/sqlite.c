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
#include <string.h>

#include "driver.h"
#include "sqlite_db.h"

/* SQLite's integers have a sign, our revisions the same 64 bits. */
static int64_t
as_signed(uint64_t v)
{
	int64_t s;

	memcpy(&s, &v, sizeof(s));
	return s;
}

/* ---- Reading ---------------------------------------------------------- */

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
		return sqlite_damaged(what, err);
	if (tag != NULL && sqlite3_column_bytes(s, 3) != SSTATE_TAG_BYTES)
		return sqlite_damaged(what, err);
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

	if ((r = sqlite_enter(c, "get", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_GET, "get", err)) != 0)
		return sqlite_depart(c, NULL, r);
	rc = sqlite3_bind_blob(s, 1, key->id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_DONE)
		r = SSTATE_ENOTFOUND;
	else if (rc != SQLITE_ROW)
		r = sqlite_db_fail(c, rc, "get", err);
	else if ((r = row(&rec, &same, s, "get", err)) == 0)
		r = found(arg, &rec);
	return sqlite_depart(c, s, r);
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

	if ((r = sqlite_enter(c, "each", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, tag != NULL ? SQL_TAGGED : SQL_EACH,
		 "each", err)) != 0)
		return sqlite_depart(c, NULL, r);
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
	return sqlite_depart(c, s, r);
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
bind_all(sqlite3_stmt *s, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	int rc;

	rc = sqlite3_bind_blob(s, 1, key->id, SSTATE_ID_BYTES, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 3, sqlite_due(rec->expires));
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
	    (r = sqlite_enter(c, "create", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_CREATE, "create", err)) != 0)
		return sqlite_depart(c, NULL, r);
	rc = bind_all(s, key, rec);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 2, key->ns, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc != SQLITE_DONE)
		r = sqlite_db_fail(c, rc, "create", err);
	else if (sqlite3_changes(c->db) == 0)
		r = SSTATE_EEXIST;
	return sqlite_depart(c, s, r);
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
	rc = bind_all(s, key, rec);
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
	    (r = sqlite_enter(c, "replace", err)) != 0)
		return r;
	/* Nearly always: same user, and the reaper need not look sooner. */
	r = update(&done, c, SQL_REPLACE, key, expected, rec, err);
	if (r != 0 || done)
		return sqlite_depart(c, NULL, r);
	if ((r = sqlite_db_run(c, SQL_BEGIN, "replace", err)) == 0 &&
	    (r = stands(&rev, c, key, "replace", err)) == 0) {
		if (rev != expected)
			r = SSTATE_ECONFLICT;
		else if ((r = update(&done, c, SQL_REWRITE, key, expected, rec,
			      err)) == 0)
			r = done ? sqlite_db_run(c, SQL_COMMIT, "replace", err)
				 : sqlite_damaged("replace", err);
	}
	return sqlite_depart(c, NULL, r);
}

int
sqlite_delete(struct sqlite_ctx *c, const unsigned char *id, const char *what,
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

	if ((r = sqlite_enter(c, "remove", err)) != 0)
		return r;
	if (expected == SSTATE_ANY_REV)
		return sqlite_depart(c, NULL,
		    sqlite_delete(c, key->id, "remove", err));
	if ((r = sqlite_db_run(c, SQL_BEGIN, "remove", err)) == 0)
		r = stands(&rev, c, key, "remove", err);
	if (r == SSTATE_ENOTFOUND)
		r = 0;
	else if (r == 0 && rev != expected)
		r = SSTATE_ECONFLICT;
	else if (r == 0 && (r = sqlite_delete(c, key->id, "remove", err)) == 0)
		r = sqlite_db_run(c, SQL_COMMIT, "remove", err);
	return sqlite_depart(c, NULL, r);
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
