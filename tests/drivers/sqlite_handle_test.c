/*
 * sqlite_handle_test.c - `sqlite:` over a connection of the program's own
 *
 * Two tables are put into its database, and nothing else of it is touched.
 */
/* driver: sqlite */
#include <sqlite3.h>

#include "lent.h"

extern const struct sstate_driver sstate_driver_v1_sqlite;

static const struct sstate_driver *const drv = &sstate_driver_v1_sqlite;

static int
run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int64_t
ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return n;
}

static void
slots(sqlite3 *db)
{
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record a = conform_rec("one", 3, 1000, 1);
	struct sstate_record b = conform_rec("two", 3, 2000, 2);
	struct conform c = { .driver = drv };
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	uint64_t gone = 0;
	int64_t seen;
	void *ctx;

	s = drv_store(drv, "sqlite:", CONFORM_NS, db, &err);
	NEED(s != NULL, "a store on a handle: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(drv->create(ctx, &k, &a, &err) == 0 &&
		drv->create(ctx, &k, &a, &err) == SSTATE_EEXIST &&
		drv->replace(ctx, &k, 2, &b, &err) == SSTATE_ECONFLICT &&
		drv->replace(ctx, &k, 1, &b, &err) == 0 &&
		conform_is(&c, ctx, &k, &b),
	    "it creates, compares, replaces");
	T(drv->latest(&seen, ctx, 1700000000, NULL) == 0 &&
		drv->reap(&gone, ctx, CONFORM_NS, 3000, 10, NULL) == 0 &&
		gone == 1 && conform_gone(&c, ctx, &k),
	    "and reaps");

	T(run(db, "BEGIN; INSERT INTO theirs VALUES(2)") == SQLITE_OK,
	    "the program begins a transaction");
	T(drv->create(ctx, &k, &a, &err) == SSTATE_EINVAL &&
		drv->remove(ctx, &k, 1, NULL) == SSTATE_EINVAL,
	    "nothing of ours goes into it: %s", err.text);
	T(sqlite3_get_autocommit(db) == 0 && run(db, "ROLLBACK") == SQLITE_OK &&
		ask(db, "SELECT count(*) FROM theirs") == 1,
	    "it stays the program's to roll back");
	T(drv->create(ctx, &k, &a, &err) == 0, "and then we go on");
	sstate_store_close(s);
	T(ask(db, "SELECT count(*) FROM securestate_record") == 1,
	    "the handle stays open");
}

/* As the program made it: its own marks, its journal, its tables. */
static void
untouched(sqlite3 *db)
{
	T(ask(db, "PRAGMA application_id") == 77 &&
		ask(db, "PRAGMA user_version") == 78,
	    "the database's own numbers are as they were");
	T(ask(db,
	      "SELECT count(*) FROM sqlite_master"
	      " WHERE name NOT LIKE 'securestate!_%' ESCAPE '!'"
	      " AND name NOT LIKE 'sqlite!_%' ESCAPE '!'") == 1,
	    "nothing but our own tables was added");
	T(ask(db, "SELECT journal_mode = 'delete' FROM pragma_journal_mode") ==
		1,
	    "nor is the journal another one");
}

static void
refused(sqlite3 *db)
{
	static const char *const uris[] = { "sqlite:/tmp/x.db",
		"sqlite:?sync=full", "sqlite:?timeout_ms=5" };
	const struct sstate_driver *drivers[] = { drv, NULL };
	const char *stores[] = { "sqlite:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	void *handles[] = { db };
	size_t i;

	for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
		T(drv_store(drv, uris[i], "x", db, &err) == NULL &&
			err.code == SSTATE_EINVAL,
		    "%s with a handle: %s", uris[i], err.text);
	T(run(db,
	      "UPDATE securestate_meta SET value = 2"
	      " WHERE name = 'schema'") == SQLITE_OK &&
		drv_store(drv, "sqlite:", "x", db, &err) == NULL &&
		err.code == SSTATE_EVERSION,
	    "newer tables: %s", err.text);
	(void)run(db,
	    "DROP TABLE securestate_meta;"
	    "DROP TABLE securestate_record");
	o.stores = stores;
	o.drivers = drivers;
	o.handles = handles;
	o.flags = SSTATE_NO_PLUGINS | SSTATE_NO_CREATE;
	T(sstate_store_open(&s, &o, &err) == SSTATE_ESTORE &&
		ask(db, "SELECT count(*) FROM sqlite_master") == 1,
	    "SSTATE_NO_CREATE makes no tables: %s", err.text);
}

int
main(void)
{
	char dir[256], path[300];
	sqlite3 *db;

	kit_folder(dir);
	(void)snprintf(path, sizeof(path), "%s/theirs.db", dir);
	NEED(sqlite3_open(path, &db) == SQLITE_OK &&
		run(db,
		    "PRAGMA application_id = 77; PRAGMA user_version = 78;"
		    "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)") ==
		    SQLITE_OK,
	    "a program's database");
	slots(db);
	untouched(db);
	lent_session(drv, "sqlite:", db, dir);
	refused(db);
	T(sqlite3_close(db) == SQLITE_OK,
	    "no statement of ours is left on the handle");
	NEED(sqlite3_open(":memory:", &db) == SQLITE_OK &&
		run(db,
		    "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)") ==
		    SQLITE_OK,
	    "one in memory");
	slots(db);
	T(sqlite3_close(db) == SQLITE_OK, "closed");
	return tap_done();
}
