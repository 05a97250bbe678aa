/*
 * sqlite_open.c - a file is found, checked, made; its tables, too
 *
 * Invariant: what is open is a file of ours in WAL mode with the durability
 * that was asked for, and its schema is the one that this driver knows; or
 * it is the program's own handle, of which only our two tables are touched.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "local.h"
#include "sqlite_db.h"

enum {
	SCHEMA = 1, /* user_version, and the row in securestate_meta */
	APPLICATION = 0x53535431, /* application_id: "SST1" */
	TIMEOUT_MS = 10000,
	MAX_BYTES = 16 << 20
};

/*
 * due is no later than the expiry: a renewal leaves it, and so the index,
 * alone, and the reaper moves it on.  An expiry of 0 has the latest due.
 */
static const char schema[] =
    "CREATE TABLE " SQLITE_META "(name TEXT PRIMARY KEY NOT NULL,"
    " value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE " SQLITE_RECORD "(key BLOB PRIMARY KEY NOT NULL,"
    " ns TEXT NOT NULL, due INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " rev INTEGER NOT NULL, tag BLOB, body BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX main.securestate_due"
    " ON securestate_record(ns, due);"
    "CREATE INDEX main.securestate_tag"
    " ON securestate_record(ns, tag) WHERE tag IS NOT NULL;"
    "INSERT INTO " SQLITE_META " VALUES('latest', 0), ('schema', 1);";

/* The one number that a text answers; dflt if it answers no row. */
static int
number(int64_t *out, struct sqlite_ctx *c, const char *sql, int64_t dflt,
    struct sstate_error *err)
{
	sqlite3_stmt *s = NULL;
	int rc;

	*out = dflt;
	rc = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE
	    ? 0
	    : sqlite_db_fail(c, rc, "open", err);
}

static int
script(struct sqlite_ctx *c, const char *sql, struct sstate_error *err)
{
	int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_db_fail(c, rc, "open", err);
}

/* ---- Open ------------------------------------------------------------- */

/* The file must be empty, or say that it is ours. */
static int
check_mark(int *fresh, struct sqlite_ctx *c, struct sstate_error *err)
{
	int64_t app, version, tables;
	int r;

	*fresh = 0;
	if ((r = number(&app, c, "PRAGMA main.application_id", 0, err)) != 0 ||
	    (r = number(&version, c, "PRAGMA main.user_version", 0, err)) !=
		0 ||
	    (r = number(&tables, c, "SELECT count(*) FROM main.sqlite_master",
		 0, err)) != 0)
		return r;
	*fresh = app == 0 && version == 0 && tables == 0;
	if (!*fresh && app != APPLICATION)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "sqlite: open: the database is another program's");
	if (version > SCHEMA)
		return sstate_fail(err, SSTATE_EVERSION, 0,
		    "sqlite: open: the file has schema %lld, this driver "
		    "knows %d",
		    (long long)version, SCHEMA);
	return 0;
}

/* The row that counts, in our file or in the program's. */
static int
check_schema(int *missing, struct sqlite_ctx *c, struct sstate_error *err)
{
	int64_t n;
	int r;

	*missing = 0;
	if ((r = number(&n, c,
		 "SELECT count(*) FROM main.sqlite_master"
		 " WHERE type = 'table' AND name = 'securestate_meta'",
		 0, err)) != 0)
		return r;
	if (n == 0) {
		*missing = 1;
		return 0;
	}
	if ((r = number(&n, c,
		 "SELECT value FROM " SQLITE_META " WHERE name = 'schema'", 0,
		 err)) != 0)
		return r;
	if (n == SCHEMA)
		return 0;
	return sstate_fail(err, n > SCHEMA ? SSTATE_EVERSION : SSTATE_ESTORE, 0,
	    "sqlite: open: the tables have schema %lld, this driver knows "
	    "%d",
	    (long long)n, SCHEMA);
}

/* Another process may be making the tables at this moment. */
static int
make_schema(struct sqlite_ctx *c, int create, struct sstate_error *err)
{
	char mark[96];
	int missing, r;

	if ((r = check_schema(&missing, c, err)) != 0 || !missing)
		return r;
	if (!create)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "sqlite: open: no tables are there, and none may be made");
	if ((r = sqlite_db_run(c, SQL_BEGIN, "open", err)) != 0)
		return r;
	if ((r = check_schema(&missing, c, err)) == 0 && missing) {
		r = script(c, schema, err);
		(void)snprintf(mark, sizeof(mark),
		    "PRAGMA main.application_id = %d;"
		    "PRAGMA main.user_version = %d",
		    APPLICATION, SCHEMA);
		if (r == 0 && !c->borrowed)
			r = script(c, mark, err);
	}
	if (r == 0)
		r = sqlite_db_run(c, SQL_COMMIT, "open", err);
	if (r != 0 && sqlite3_get_autocommit(c->db) == 0)
		(void)sqlite_db_run(c, SQL_ROLLBACK, "open", NULL);
	return r;
}

/* The change to WAL, of a file that is new, asks no busy handler. */
static int
set_wal(struct sqlite_ctx *c, struct sstate_error *err)
{
	sqlite3_stmt *s = NULL;
	const unsigned char *mode;
	int rc, times = 0, is_wal = 0;

	do {
		rc = sqlite3_prepare_v2(c->db, "PRAGMA main.journal_mode = WAL",
		    -1, &s, NULL);
		if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
			mode = sqlite3_column_text(s, 0);
			is_wal = mode != NULL &&
			    strcmp((const char *)mode, "wal") == 0;
		}
		(void)sqlite3_finalize(s);
		s = NULL;
	} while ((rc & 0xff) == SQLITE_BUSY && sqlite_on_busy(c, times++));
	if (rc != SQLITE_ROW)
		return sqlite_db_fail(c, rc, "open", err);
	if (!is_wal)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "sqlite: open: no write-ahead log is possible there");
	return 0;
}

static int
set_sync(struct sqlite_ctx *c, int64_t level, struct sstate_error *err)
{
	static const char *const set[] = { "PRAGMA main.synchronous = OFF",
		"PRAGMA main.synchronous = NORMAL",
		"PRAGMA main.synchronous = FULL" };
	int64_t is;
	int r;

	if ((r = script(c, set[level], err)) != 0 ||
	    (r = number(&is, c, "PRAGMA main.synchronous", -1, err)) != 0)
		return r;
	if (is != level)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "sqlite: open: this SQLite keeps another synchronous");
	/* Nothing of ours is put into a folder of other people's files. */
	return script(c, "PRAGMA temp_store = MEMORY", err);
}

static int
open_file(struct sqlite_ctx *c, const struct local *l, int64_t level,
    struct sstate_error *err)
{
	int rc, fresh, r;

	rc = sqlite3_open_v2(l->path, &c->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
		SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW,
	    NULL);
	if (rc != SQLITE_OK)
		return sqlite_db_fail(c, rc, "open", err);
	(void)sqlite3_busy_handler(c->db, sqlite_on_busy, c);
	/* What a stranger's hand wrote into the schema does not run. */
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	if (sqlite3_db_readonly(c->db, "main") != 0)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "sqlite: open: the file cannot be written");
	if ((r = check_mark(&fresh, c, err)) != 0)
		return r;
	if (fresh && !l->create)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "sqlite: open: the file is empty, and no tables may be "
		    "made");
	if ((r = set_wal(c, err)) != 0 || (r = set_sync(c, level, err)) != 0)
		return r;
	return make_schema(c, l->create, err);
}

static int
sync_level(int64_t *out, struct sstate_conf *conf, struct sstate_error *err)
{
	static const char *const names[] = { "none", "data", "full" };
	const char *s = sstate_conf_str(conf, "sync", "full");

	for (*out = 0; *out < 3; ++*out)
		if (strcmp(s, names[*out]) == 0)
			return 0;
	return sstate_fail(err, SSTATE_EINVAL, 0,
	    "sqlite: sync is none of none, data, full");
}

static int
open_by_path(struct sqlite_ctx *c, struct sstate_conf *conf, int create,
    struct sstate_error *err)
{
	static const char *const beside[] = { "-wal", "-shm", "-journal",
		NULL };
	struct local l;
	int64_t level;
	int r;

	memset(&l, 0, sizeof(l));
	l.scheme = "sqlite";
	l.beside = beside;
	l.create = create;
	if ((r = sync_level(&level, conf, err)) != 0 ||
	    (r = sstate_conf_int(&c->timeout_ms, conf, "timeout_ms", TIMEOUT_MS,
		 1, 3600000, err)) != 0 ||
	    (r = local_find(&l, sstate_conf_part(conf, SSTATE_CONF_PATH),
		 err)) != 0)
		return r;
	return open_file(c, &l, level, err);
}

int
sqlite_db_open(struct sqlite_ctx **out, struct sstate_conf *conf,
    struct sstate_error *err)
{
	const int create = (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0;
	struct sqlite_ctx *c;
	int64_t max;
	int r;

	*out = NULL;
	if ((r = sstate_conf_int(&max, conf, "max_bytes", MAX_BYTES, 1,
		 MAX_BYTES, err)) != 0)
		return r;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "sqlite: open");
	c->max_bytes = (size_t)max;
	atomic_init(&c->busy, 1);
	c->db = sstate_conf_handle(conf);
	c->borrowed = c->db != NULL;
	if ((r = sqlite_enlist(c, err)) != 0) {
		free(c);
		return r;
	}
	r = c->borrowed ? make_schema(c, create, err)
			: open_by_path(c, conf, create, err);
	atomic_store(&c->busy, 0);
	if (r != 0)
		sqlite_db_close(c);
	else
		*out = c;
	return r;
}
