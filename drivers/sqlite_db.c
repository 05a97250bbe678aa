/*
 * sqlite_db.c - one connection: its statements, its waiting, its end
 *
 * Invariant: no statement and no transaction is left open when a slot
 * returns, and no inherited connection when another one is opened.
 *
 * SQLite keeps books of the locks that a process holds.  A child inherits
 * the books and not the locks: what it opens anew would believe in locks
 * that are not there.  So all connections are on a list, and those from
 * before a fork are closed before another one is opened.
 */
#include "sqlite_db.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "forks.h"

/* these are all, and no value is ever put into a text. */
static const char *const text[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_GET] = "SELECT key, rev, expires, tag, body FROM " SQLITE_RECORD
		    " WHERE key = ?1",
	[SQL_CREATE] = "INSERT INTO " SQLITE_RECORD
		       "(key, ns, due, expires, rev, tag, body)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		       " ON CONFLICT(key) DO NOTHING",
	/* No index knows a column that this one sets. */
	[SQL_REPLACE] =
	    "UPDATE " SQLITE_RECORD " SET expires = ?4, rev = ?5, body = ?7"
	    " WHERE key = ?1 AND rev = ?2 AND tag IS ?6"
	    " AND due <= ?3",
	[SQL_REV] = "SELECT rev FROM " SQLITE_RECORD " WHERE key = ?1",
	[SQL_REWRITE] = "UPDATE " SQLITE_RECORD
			" SET due = min(due, ?3), expires = ?4, rev = ?5,"
			" tag = ?6, body = ?7 WHERE key = ?1 AND rev = ?2",
	[SQL_REMOVE] = "DELETE FROM " SQLITE_RECORD " WHERE key = ?1",
	/* Of the index alone. */
	[SQL_ANY_DUE] = "SELECT 1 FROM " SQLITE_RECORD
			" WHERE ns = ?1 AND due <= ?2 LIMIT 1",
	[SQL_DUE] = "SELECT key, expires FROM " SQLITE_RECORD
		    " WHERE ns = ?1 AND due <= ?2 ORDER BY due LIMIT ?3",
	[SQL_MOVE] = "UPDATE " SQLITE_RECORD " SET due = ?2 WHERE key = ?1",
	[SQL_EACH] = "SELECT key, rev, expires, tag, body FROM " SQLITE_RECORD
		     " WHERE ns = ?1",
	[SQL_TAGGED] = "SELECT key, rev, expires, tag, body FROM " SQLITE_RECORD
		       " WHERE ns = ?1 AND tag = ?2",
	[SQL_LATEST] =
	    "SELECT value FROM " SQLITE_META " WHERE name = 'latest'",
	[SQL_SET_LATEST] = "UPDATE " SQLITE_META " SET value = ?1"
			   " WHERE name = 'latest' AND value < ?1",
	[SQL_SAMPLE] = "SELECT key FROM " SQLITE_RECORD
		       " ORDER BY key LIMIT 1 OFFSET " SQLITE_SAMPLE_LAST,
	[SQL_FEW] = "SELECT count(*) FROM main.securestate_record",
};

static struct sqlite_ctx *all; /* under forks_lock() */

/* ---- Answers ---------------------------------------------------------- */

int
sqlite_db_fail(struct sqlite_ctx *c, int rc, const char *what,
    struct sstate_error *err)
{
	int sys = 0, code = SSTATE_ESTORE;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = SSTATE_EBUSY;
		break;
	case SQLITE_NOMEM:
		code = SSTATE_ENOMEM;
		break;
	case SQLITE_TOOBIG:
		code = SSTATE_ETOOBIG;
		break;
	case SQLITE_FULL:
		sys = ENOSPC;
		break;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		sys = c->db != NULL ? sqlite3_system_errno(c->db) : 0;
		break;
	default:
		break;
	}
	return sstate_fail(err, code, sys, "sqlite: %s: %s", what,
	    sqlite3_errstr(rc & 0xff));
}

int
sqlite_db_sql(sqlite3_stmt **out, struct sqlite_ctx *c, enum sqlite_sql which,
    const char *what, struct sstate_error *err)
{
	int rc;

	if (c->stmt[which] == NULL &&
	    (rc = sqlite3_prepare_v3(c->db, text[which], -1,
		 SQLITE_PREPARE_PERSISTENT, &c->stmt[which], NULL)) !=
		SQLITE_OK) {
		c->stmt[which] = NULL;
		*out = NULL;
		return sqlite_db_fail(c, rc, what, err);
	}
	*out = c->stmt[which];
	return 0;
}

int
sqlite_db_run(struct sqlite_ctx *c, enum sqlite_sql which, const char *what,
    struct sstate_error *err)
{
	sqlite3_stmt *s;
	int rc, r;

	if ((r = sqlite_db_sql(&s, c, which, what, err)) != 0)
		return r;
	rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? 0 : sqlite_db_fail(c, rc, what, err);
}

/* ---- Waiting for a lock ----------------------------------------------- */

static int64_t
waited_ms(const struct sqlite_ctx *c)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - c->since.tv_sec) * INT64_C(1000) +
	    (now.tv_nsec - c->since.tv_nsec) / 1000000;
}

/* SQLite's own sleeps up to 100 ms, where a commit takes a few µs. */
int
sqlite_on_busy(void *arg, int times)
{
	struct sqlite_ctx *c = arg;
	struct timespec nap = { 0, 20000 };

	if (times == 0)
		(void)clock_gettime(CLOCK_MONOTONIC, &c->since);
	else if (waited_ms(c) >= c->timeout_ms)
		return 0;
	if (times < 4) {
		(void)sched_yield();
		return 1;
	}
	nap.tv_nsec <<= times < 10 ? times - 4 : 6;
	(void)nanosleep(&nap, NULL);
	return 1;
}

/* ---- Forks ------------------------------------------------------------ */

static void
statements_end(struct sqlite_ctx *c)
{
	int i;

	for (i = 0; i < SQL_COUNT; i++) {
		(void)sqlite3_finalize(c->stmt[i]);
		c->stmt[i] = NULL;
	}
}

/*
 * In a child: descriptors and books go, and nothing is written, unlinked or
 * unlocked: a lock belongs to the process that took it, and this one took
 * none.
 */
static void
leave(struct sqlite_ctx *c)
{
	if (c->db == NULL || c->borrowed)
		return;
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
	    NULL);
	statements_end(c);
	(void)sqlite3_close_v2(c->db);
	c->db = NULL;
}

/* Put on the list, once what is inherited is gone from SQLite's books. */
int
sqlite_enlist(struct sqlite_ctx *c, struct sstate_error *err)
{
	struct sqlite_ctx *o;
	int r = 0;

	forks_lock();
	c->born = forks_seen();
	for (o = all; o != NULL && r == 0; o = o->next) {
		if (o->born == c->born || o->borrowed)
			continue;
		/* Half-way through something, with locks of its thread's. */
		if (atomic_load(&o->busy) != 0)
			r = sstate_fail(err, SSTATE_ENOTSUP, 0,
			    "sqlite: open: another thread was using SQLite "
			    "when this process was forked");
		else
			leave(o);
	}
	if (r == 0) {
		c->next = all;
		all = c;
	}
	forks_unlock();
	return r;
}

void
sqlite_db_close(struct sqlite_ctx *c)
{
	struct sqlite_ctx **at;
	int inherited;

	forks_lock();
	inherited = c->born != forks_seen();
	if (inherited && atomic_load(&c->busy) != 0) {
		forks_unlock();
		return; /* stays on the list, so that nothing is opened */
	}
	if (inherited)
		leave(c);
	forks_unlock();
	if (!inherited) {
		atomic_store(&c->busy, 1);
		statements_end(c);
		if (!c->borrowed)
			(void)sqlite3_close_v2(c->db);
	}
	forks_lock();
	for (at = &all; *at != NULL && *at != c; at = &(*at)->next)
		;
	if (*at != NULL)
		*at = c->next;
	forks_unlock();
	free(c);
}

/* ---- Each slot's begin and end ---------------------------------------- */

int
sqlite_enter(struct sqlite_ctx *c, const char *what, struct sstate_error *err)
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
int
sqlite_depart(struct sqlite_ctx *c, sqlite3_stmt *s, int r)
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

int
sqlite_damaged(const char *what, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "sqlite: %s: a damaged record", what);
}
