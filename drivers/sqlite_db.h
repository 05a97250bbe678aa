/*
 * sqlite_db.h - one connection: opened, checked, its statements
 */
#ifndef SQLITE_DB_H
#define SQLITE_DB_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

#include <sqlite3.h>

#include <securestate/store.h>

#define SQLITE_RECORD "main.securestate_record"
#define SQLITE_META "main.securestate_meta"

/* What sqlite_count() looks at: an error of one in twenty or so. */
#define SQLITE_SAMPLE 512
#define SQLITE_SAMPLE_LAST "511"

enum sqlite_sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_GET,
	SQL_CREATE,
	SQL_REPLACE,
	SQL_REV,
	SQL_REWRITE,
	SQL_REMOVE,
	SQL_ANY_DUE,
	SQL_DUE,
	SQL_MOVE,
	SQL_EACH,
	SQL_TAGGED,
	SQL_LATEST,
	SQL_SET_LATEST,
	SQL_SAMPLE,
	SQL_FEW,
	SQL_COUNT
};

struct sqlite_ctx {
	struct sqlite_ctx *next; /* on the list of sqlite_db.c */
	unsigned long born; /* forks seen when it was opened */
	atomic_int busy; /* a thread is inside SQLite with it */
	sqlite3 *db; /* NULL: inherited, and closed since */
	int borrowed; /* a handle of the program's */
	int64_t timeout_ms;
	struct timespec since; /* when waiting for a lock began */
	size_t max_bytes;
	sqlite3_stmt *stmt[SQL_COUNT]; /* NULL: not prepared yet */
};

int sqlite_db_open(struct sqlite_ctx **out, struct sstate_conf *conf,
    struct sstate_error *err);
/* An inherited one is closed so that the parent notices nothing. */
void sqlite_db_close(struct sqlite_ctx *c);

/* What SQLite answered, as one of ours; no text of it holds a value. */
int sqlite_db_fail(struct sqlite_ctx *c, int rc, const char *what,
    struct sstate_error *err);
/* The statement, ready to be bound. */
int sqlite_db_sql(sqlite3_stmt **out, struct sqlite_ctx *c,
    enum sqlite_sql which, const char *what, struct sstate_error *err);
/* One that has no parameters and answers nothing. */
int sqlite_db_run(struct sqlite_ctx *c, enum sqlite_sql which, const char *what,
    struct sstate_error *err);

/* On the list of what is open, once what is inherited is closed. */
int sqlite_enlist(struct sqlite_ctx *c, struct sstate_error *err);
/* SQLite's busy handler; also asked where SQLite asks none. */
int sqlite_on_busy(void *ctx, int times);

/* Around each slot: whatever went wrong, nothing stays open. */
int sqlite_enter(struct sqlite_ctx *c, const char *what,
    struct sstate_error *err);
int sqlite_depart(struct sqlite_ctx *c, sqlite3_stmt *s, int r);
int sqlite_damaged(const char *what, struct sstate_error *err);

int sqlite_delete(struct sqlite_ctx *c, const unsigned char *id,
    const char *what, struct sstate_error *err);

int sqlite_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err);
int sqlite_latest(int64_t *seen, void *ctx, int64_t now,
    struct sstate_error *err);
int sqlite_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err);

/* When the reaper must look, at the latest. */
static inline int64_t
sqlite_due(int64_t expires)
{
	return expires == 0 ? INT64_MAX : expires;
}

#endif
