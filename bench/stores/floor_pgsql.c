/*
 * floor_pgsql.c - PostgreSQL, bare: prepared statements, binary values
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "floor.h"

enum { OID_BYTEA = 17 };

static PGconn *conn;

static void
need(PGresult *res, ExecStatusType is)
{
	if (PQresultStatus(res) != is)
		bare_die("statement", PQerrorMessage(conn));
	PQclear(res);
}

void
bare_open(const char *place, const char *set)
{
	static const char *const texts[][3] = {
		{ "create", "INSERT INTO", "VALUES ($1, $2)" },
		{ "get", "SELECT body FROM", "WHERE key = $1" },
		{ "put", "UPDATE", "SET body = $2 WHERE key = $1" },
		{ "delete", "DELETE FROM", "WHERE key = $1" },
	};
	const char *key[] = { "host", "user", "dbname", NULL };
	const char *value[] = { place, "shop", "sessions", NULL };
	const Oid type[2] = { OID_BYTEA, OID_BYTEA };
	char text[256];
	size_t i;

	conn = PQconnectdbParams(key, value, 0);
	if (PQstatus(conn) != CONNECTION_OK)
		bare_die("open", PQerrorMessage(conn));
	need(PQexec(conn, "SET synchronous_commit = off"), PGRES_COMMAND_OK);
	(void)snprintf(text, sizeof(text),
	    "CREATE TABLE bare_%s (key bytea PRIMARY KEY, body bytea NOT NULL)"
	    " WITH (fillfactor = 70)",
	    set);
	need(PQexec(conn, text), PGRES_COMMAND_OK);
	(void)snprintf(text, sizeof(text),
	    "ALTER TABLE bare_%s ALTER COLUMN body SET STORAGE EXTERNAL", set);
	need(PQexec(conn, text), PGRES_COMMAND_OK);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s bare_%s %s", texts[i][1],
		    set, texts[i][2]);
		need(PQprepare(conn, texts[i][0], text, 0, type),
		    PGRES_COMMAND_OK);
	}
}

static PGresult *
run(const char *which, const unsigned char *key, const unsigned char *body)
{
	const char *value[2] = { (const char *)key, (const char *)body };
	const int len[2] = { BARE_KEY, BARE_BODY }, binary[2] = { 1, 1 };

	return PQexecPrepared(conn, which, body != NULL ? 2 : 1, value, len,
	    binary, 1);
}

static void
change(const char *which, const unsigned char *key, const unsigned char *body)
{
	PGresult *res = run(which, key, body);

	if (strcmp(PQcmdTuples(res), "1") != 0)
		bare_die(which, PQerrorMessage(conn));
	PQclear(res);
}

void
bare_create(const unsigned char *key, const unsigned char *body)
{
	change("create", key, body);
}

void
bare_get(unsigned char *body, const unsigned char *key)
{
	PGresult *res = run("get", key, NULL);

	if (PQntuples(res) != 1)
		bare_die("get", PQerrorMessage(conn));
	bare_take(body, PQgetvalue(res, 0, 0), (size_t)PQgetlength(res, 0, 0));
	PQclear(res);
}

void
bare_put(const unsigned char *key, const unsigned char *body)
{
	change("put", key, body);
}

void
bare_delete(const unsigned char *key)
{
	change("delete", key, NULL);
}
