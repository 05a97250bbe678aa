/*
 * sqlite_reap.c - what expired, the clock, and how many there are
 *
 * Invariant: what is removed had expired in the transaction that removes it
 * nobody waits for the reaper longer than for a slice of its work.
 */
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

/* ---- Reaping ---------------------------------------------------------- */

/* Is there any?  Whoever finds nothing takes no lock. */
static int
any_due(int *is, struct sqlite_ctx *c, const char *ns, int64_t before,
    struct sstate_error *err)
{
	sqlite3_stmt *s;
	int rc, r;

	*is = 0;
	if ((r = sqlite_db_sql(&s, c, SQL_ANY_DUE, "reap", err)) != 0)
		return r;
	rc = sqlite3_bind_text(s, 1, ns, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, before);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	*is = rc == SQLITE_ROW;
	(void)sqlite3_reset(s);
	(void)sqlite3_clear_bindings(s);
	return *is || rc == SQLITE_DONE ? 0
					: sqlite_db_fail(c, rc, "reap", err);
}

/* The next few that are due, the longest first. */
static int
list_due(struct due *list, int *n, struct sqlite_ctx *c, const char *ns,
    int64_t before, int max, struct sstate_error *err)
{
	sqlite3_stmt *s;
	const void *id;
	int i = 0, rc, r;

	*n = 0;
	if ((r = sqlite_db_sql(&s, c, SQL_DUE, "reap", err)) != 0)
		return r;
	rc = sqlite3_bind_text(s, 1, ns, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(s, 2, before);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 3, max);
	while (rc == SQLITE_OK && i < max &&
	    (rc = sqlite3_step(s)) == SQLITE_ROW) {
		rc = SQLITE_OK;
		id = sqlite3_column_blob(s, 0);
		if (id == NULL ||
		    sqlite3_column_bytes(s, 0) != SSTATE_ID_BYTES) {
			r = sqlite_damaged("reap", err);
			break;
		}
		memcpy(list[i].id, id, SSTATE_ID_BYTES);
		list[i++].expires = sqlite3_column_int64(s, 1);
	}
	*n = i;
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
		rc = sqlite3_bind_int64(s, 2, sqlite_due(d->expires));
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
			r = sqlite_delete(c, list[i].id, "reap", err);
			++*gone;
		}
	}
	return r == 0 ? sqlite_db_run(c, SQL_COMMIT, "reap", err) : r;
}

int
sqlite_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	int n, gone, max, r;

	*removed = 0;
	if (before == INT64_MAX)
		before--; /* that is "never" */
	if ((r = sqlite_enter(c, "reap", err)) != 0)
		return r;
	r = any_due(&n, c, ns, before, err);
	while (r == 0 && n > 0 && *removed < limit) {
		max =
		    limit - *removed < SLICE ? (int)(limit - *removed) : SLICE;
		r = reap_slice(&n, &gone, c, ns, before, max, err);
		if (r == 0)
			*removed += (uint64_t)gone;
	}
	return sqlite_depart(c, NULL, r);
}

/* ---- The clock -------------------------------------------------------- */

int
sqlite_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	sqlite3_stmt *s;
	int rc, r;

	*seen = now;
	if ((r = sqlite_enter(c, "latest", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_LATEST, "latest", err)) != 0)
		return sqlite_depart(c, NULL, r);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*seen = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	if (rc != SQLITE_ROW)
		return sqlite_depart(c, NULL,
		    rc == SQLITE_DONE ? sqlite_damaged("latest", err)
				      : sqlite_db_fail(c, rc, "latest", err));
	if (*seen > now - LATEST_STEP) {
		*seen = *seen > now ? *seen : now;
		return sqlite_depart(c, NULL, 0);
	}
	*seen = now;
	if ((r = sqlite_db_sql(&s, c, SQL_SET_LATEST, "latest", err)) != 0)
		return sqlite_depart(c, NULL, r);
	rc = sqlite3_bind_int64(s, 1, now);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc != SQLITE_DONE)
		r = sqlite_db_fail(c, rc, "latest", err);
	return sqlite_depart(c, s, r);
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

int
sqlite_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	struct sqlite_ctx *c = ctx;
	sqlite3_stmt *s;
	int rc, r;

	(void)ns;
	*about = 0;
	if ((r = sqlite_enter(c, "count", err)) != 0)
		return r;
	if ((r = sqlite_db_sql(&s, c, SQL_SAMPLE, "count", err)) != 0)
		return sqlite_depart(c, NULL, r);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		if (sqlite3_column_bytes(s, 0) == SSTATE_ID_BYTES)
			*about = estimate(sqlite3_column_blob(s, 0));
		else
			r = sqlite_damaged("count", err);
		return sqlite_depart(c, s, r);
	}
	(void)sqlite3_reset(s);
	if (rc != SQLITE_DONE)
		return sqlite_depart(c, NULL,
		    sqlite_db_fail(c, rc, "count", err));
	/* So few that each can be looked at. */
	if ((r = sqlite_db_sql(&s, c, SQL_FEW, "count", err)) != 0)
		return sqlite_depart(c, NULL, r);
	if ((rc = sqlite3_step(s)) == SQLITE_ROW)
		*about = (uint64_t)sqlite3_column_int64(s, 0);
	else
		r = sqlite_db_fail(c, rc, "count", err);
	return sqlite_depart(c, s, r);
}
