/*
 * floor_sqlite.c - SQLite, bare: prepared statements, WAL, no sync
 */
#include <sqlite3.h>
#include <stdio.h>

#include "floor.h"

enum { CREATE, GET, PUT, DELETE, STATEMENTS };

static sqlite3 *db;
static sqlite3_stmt *stmt[STATEMENTS];

void
bare_open(const char *place, const char *set)
{
	static const char *const text[STATEMENTS] = {
		"INSERT INTO bare(key, body) VALUES(?1, ?2)",
		"SELECT body FROM bare WHERE key = ?1",
		"UPDATE bare SET body = ?2 WHERE key = ?1",
		"DELETE FROM bare WHERE key = ?1",
	};
	char path[4096];
	int i, rc;

	(void)snprintf(path, sizeof(path), "%s/%s.db", place, set);
	rc = sqlite3_open_v2(path, &db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
		    "CREATE TABLE bare(key BLOB PRIMARY KEY, body BLOB NOT"
		    " NULL) WITHOUT ROWID",
		    NULL, NULL, NULL);
	for (i = 0; i < STATEMENTS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &stmt[i], NULL);
	if (rc != SQLITE_OK)
		bare_die("open", sqlite3_errmsg(db));
}

/* body: to bind, or to get. */
static void
run(int which, const unsigned char *key, const unsigned char *in,
    unsigned char *out)
{
	sqlite3_stmt *s = stmt[which];
	int rc;

	(void)sqlite3_bind_blob(s, 1, key, BARE_KEY, SQLITE_STATIC);
	if (in != NULL)
		(void)sqlite3_bind_blob(s, 2, in, BARE_BODY, SQLITE_STATIC);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && out != NULL)
		bare_take(out, sqlite3_column_blob(s, 0),
		    (size_t)sqlite3_column_bytes(s, 0));
	else if (rc != SQLITE_DONE || out != NULL || sqlite3_changes(db) != 1)
		bare_die("statement", sqlite3_errmsg(db));
	(void)sqlite3_reset(s);
}

void
bare_create(const unsigned char *key, const unsigned char *body)
{
	run(CREATE, key, body, NULL);
}

void
bare_get(unsigned char *body, const unsigned char *key)
{
	run(GET, key, NULL, body);
}

void
bare_put(const unsigned char *key, const unsigned char *body)
{
	run(PUT, key, body, NULL);
}

void
bare_delete(const unsigned char *key)
{
	run(DELETE, key, NULL, NULL);
}
