/*
 * pgsql_kit.h - a PostgreSQL of its own for the tests of the pgsql: driver
 *
 *	struct pkit k;
 *	pkit_start(&k, "fsync=off", NULL);	or skip and leave
 *	k.uri		pgsql:///sessions?socket=/tmp/...&create=1
 *	pkit_sql(&k, "DROP TABLE x");
 *	pkit_end(&k);
 *
 * A cluster in a folder, on a Unix socket there, with users boss and shop:
 * shop is whom the driver is, and owns the database.
 */
#ifndef PGSQL_KIT_H
#define PGSQL_KIT_H

#include <libpq-fe.h>

#include "kit.h"
#include "server.h"

extern const struct sstate_driver sstate_driver_v1_pgsql;

struct pkit {
	struct server s;
	char uri[200]; /* sync as fsync says */
	char port[8]; /* "": 5432, which names a socket */
	char opts[12][64];
	char *argv[40];
	int argc, durable;
};

/* As boss; to be closed. */
__attribute__((unused)) static PGconn *
pkit_conn(const struct pkit *k, const char *user, const char *db)
{
	const char *key[] = { "host", "user", "dbname", "port", NULL };
	const char *value[] = { k->s.dir, user, db, k->port, NULL };

	return PQconnectdbParams(key, value, 0);
}

/* As boss: the first value of the last answer, or "!" and the error. */
__attribute__((unused)) static const char *
pkit_sql_in(const struct pkit *k, const char *db, const char *sql)
{
	static char out[1024];
	PGconn *c = pkit_conn(k, "boss", db);
	PGresult *res = PQexec(c, sql);

	out[0] = '\0';
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0)
		(void)snprintf(out, sizeof(out), "%s", PQgetvalue(res, 0, 0));
	else if (PQresultStatus(res) != PGRES_COMMAND_OK &&
	    PQresultStatus(res) != PGRES_TUPLES_OK)
		(void)snprintf(out, sizeof(out), "!%s", PQerrorMessage(c));
	if (out[0] == '!')
		printf("# %s: %s\n", sql, out);
	PQclear(res);
	PQfinish(c);
	return out;
}

__attribute__((unused)) static const char *
pkit_sql(const struct pkit *k, const char *sql)
{
	return pkit_sql_in(k, "sessions", sql);
}

static int
pkit_is_up(void *arg)
{
	PGconn *c = pkit_conn((struct pkit *)arg, "boss", "postgres");
	int up = PQstatus(c) == CONNECTION_OK;

	PQfinish(c);
	return up;
}

/*
 * Again, with what it was started with.  After a SIGKILL the processes that
 * served the clients may be there for a moment yet, and it does not start then.
 */
__attribute__((unused)) static int
pkit_again(struct pkit *k)
{
	const struct timespec nap = { 0, 200000000 };
	int i, r = -1;

	/* One that runs and does not answer is left: pid tells. */
	for (i = 0; i < 50 && r != 0 && k->s.pid == 0; i++) {
		if (i > 0)
			(void)nanosleep(&nap, NULL);
		r = server_start(&k->s, k->argv, pkit_is_up, k);
	}
	return r;
}

static void
pkit_arg(struct pkit *k, const char *a)
{
	k->argv[k->argc++] = (char *)(uintptr_t)a;
	k->argv[k->argc] = NULL;
}

static void
pkit_init(struct pkit *k)
{
	static const char *const args[] = { "-D", "data", "-U", "boss", "-A",
		"trust", "-N", "-E", "UTF8", "--no-locale", "--no-instructions",
		"--wal-segsize=1", NULL };
	char initdb[PATH_MAX];
	size_t i;

	NEED(server_find(initdb, sizeof(initdb), "initdb") == 0, "initdb");
	pkit_arg(k, initdb);
	for (i = 0; args[i] != NULL; i++)
		pkit_arg(k, args[i]);
	NEED(server_run(&k->s, k->argv) == 0, "a cluster");
	k->argc = 0;
}

/* Settings "name=value", up to NULL.  Leaves the test if there is none. */
__attribute__((unused)) static void
pkit_start(struct pkit *k, ...)
{
	const char *a;
	va_list ap;
	int i = 0;

	memset(k, 0, sizeof(*k));
	if (server_room(&k->s, "postgres") != 0) {
		tap_skip("postgres is not installed");
		exit(tap_done());
	}
	pkit_init(k);
	k->durable = 1;
	pkit_arg(k, "postgres");
	pkit_arg(k, "-D");
	pkit_arg(k, "data");
	pkit_arg(k, "-k");
	pkit_arg(k, k->s.dir);
	pkit_arg(k, "-c");
	pkit_arg(k, "listen_addresses=");
	pkit_arg(k, "-c");
	pkit_arg(k, "shared_buffers=16MB");
	va_start(ap, k);
	while ((a = va_arg(ap, const char *)) != NULL && i < 12) {
		(void)snprintf(k->opts[i], sizeof(k->opts[i]), "%s", a);
		k->durable = k->durable && strcmp(a, "fsync=off") != 0;
		pkit_arg(k, "-c");
		pkit_arg(k, k->opts[i++]);
	}
	va_end(ap);
	NEED(pkit_again(k) == 0, "postgres runs");
	(void)pkit_sql_in(k, "postgres", "CREATE USER shop");
	NEED(pkit_sql_in(k, "postgres",
		 "CREATE DATABASE sessions OWNER shop")[0] != '!',
	    "a database");
	(void)snprintf(k->uri, sizeof(k->uri),
	    "pgsql://shop@/sessions?socket=%s&create=1&sync=%s", k->s.dir,
	    k->durable ? "on" : "off");
}

__attribute__((unused)) static void
pkit_end(struct pkit *k)
{
	/* Its children share memory that it alone removes. */
	server_stop(&k->s, SIGQUIT);
	server_end(&k->s);
}

#endif
