/*
 * pgsql_handle_test.c - a connection that the program made, and forks
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

#include "sql_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_pgsql;
static struct pkit k;

static int
create(struct sstate_store *s, uint64_t n, struct sstate_error *err)
{
	void *ctx;

	(void)sstate_store_driver(s, &ctx);
	return sql_create(d, ctx, "app", n, err);
}

/* The program's own use of its connection. */
static const char *
ask(PGconn *c, const char *sql)
{
	static char out[200];
	PGresult *res = PQexec(c, sql);

	(void)snprintf(out, sizeof(out), "%s",
	    PQresultStatus(res) == PGRES_TUPLES_OK ? PQgetvalue(res, 0, 0)
						   : PQerrorMessage(c));
	PQclear(res);
	return out;
}

static struct sstate_store *
over(PGconn *c, const char *u, struct sstate_error *err)
{
	memset(err, 0, sizeof(*err));
	return drv_store(d, u, "app", c, err);
}

static void
lent(void)
{
	static const char settings[] =
	    "SELECT md5(string_agg(name || setting, ',' ORDER BY name))"
	    " FROM pg_settings WHERE name <> 'application_name'";
	PGconn *c = pkit_conn(&k, "shop", "sessions");
	struct sstate_error err;
	struct sstate_store *s, *s2;
	char was[64];
	void *ctx;
	int i, r = 0;

	(void)snprintf(was, sizeof(was), "%s", ask(c, settings));
	s = over(c, "pgsql:?table=mine", &err);
	T(s == NULL && err.code == SSTATE_ESTORE, "no tables: %s", err.text);
	NEED((s = over(c, "pgsql:?table=mine&create=1", &err)) != NULL,
	    "a store over it: %s", err.text);
	for (i = 0; i < 5; i++)
		r |= create(s, (uint64_t)i, &err);
	T(r == 0 && create(s, 1, &err) == SSTATE_EEXIST, "it works %s",
	    err.text);
	NEED((s2 = over(c, "pgsql:?table=mine", &err)) != NULL,
	    "a second one over the same: %s", err.text);
	T(create(s2, 1, &err) == SSTATE_EEXIST, "works, too");
	sstate_store_close(s2);
	T(strcmp(ask(c, "SELECT count(*) FROM mine_record"), "5") == 0,
	    "the program may use it between two calls");
	T(strcmp(ask(c, "SELECT count(*) FROM pg_prepared_statements"), "0") ==
		0,
	    "nothing of ours is left there");
	T(strcmp(ask(c, settings), was) == 0 && !PQisnonblocking(c),
	    "its settings are as they were");
	(void)ask(c, "BEGIN");
	T(create(s, 10, &err) == SSTATE_EINVAL, "R-33 in a transaction: %s",
	    err.text);
	(void)ask(c, "ROLLBACK");
	T(PQenterPipelineMode(c) == 1 && create(s, 10, &err) == SSTATE_EINVAL &&
		PQexitPipelineMode(c) == 1,
	    "in a pipeline: %s", err.text);
	T(create(s, 10, &err) == 0, "and after it %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	(void)PQsetnonblocking(c, 1);
	T(create(s, 11, &err) == 0 && PQisnonblocking(c),
	    "one that does not block still does not");
	T(over(c, "pgsql:///sessions?table=mine", &err) == NULL &&
		err.code == SSTATE_EINVAL,
	    "a handle and a place: %s", err.text);
	(void)pkit_sql(&k,
	    "SELECT pg_terminate_backend(pid, 5000) FROM"
	    " pg_stat_activity WHERE usename = 'shop'");
	r = create(s, 12, &err);
	T(r == SSTATE_EBUSY, "closed by the server: %d %s", r, err.text);
	T(create(s, 12, &err) == SSTATE_EBUSY,
	    "and it is the program that connects again: %s", err.text);
	sstate_store_close(s);
	PQreset(c);
	s = over(c, "pgsql:?table=mine", &err);
	T(s != NULL && create(s, 12, &err) == 0,
	    "which it may: it was not closed with the store");
	sstate_store_close(s);
	T(strcmp(ask(c, "SELECT 7"), "7") == 0, "nor is it now");
	PQfinish(c);
}

/* No answer in time: then it is in use, until that answer came. */
static void
late(void)
{
	PGconn *c = pkit_conn(&k, "shop", "sessions");
	PGconn *boss = pkit_conn(&k, "boss", "sessions");
	struct sstate_error err;
	struct sstate_store *s;
	int i, r;

	NEED((s = over(c, "pgsql:?table=mine&timeout_ms=200", &err)) != NULL,
	    "a store: %s", err.text);
	(void)ask(boss, "BEGIN; LOCK TABLE mine_record");
	r = create(s, 20, &err);
	T(r == SSTATE_ESTORE, "no answer in time: %d %s", r, err.text);
	T(create(s, 21, &err) == SSTATE_EBUSY &&
		strstr(err.text, "in use") != NULL,
	    "then it is in use: %s", err.text);
	(void)ask(boss, "COMMIT");
	for (i = 0; i < 500 && (r = create(s, 21, &err)) == SSTATE_EBUSY; i++) {
		const struct timespec nap = { 0, 10000000 };

		(void)nanosleep(&nap, NULL);
	}
	T(r == 0, "and when the answer came it goes on: %d %s", r, err.text);
	T(create(s, 20, &err) == SSTATE_EEXIST, "the write had happened");
	sstate_store_close(s);
	PQfinish(boss);
	PQfinish(c);
}

/* The server process that the driver talks to. */
static int
peer(void)
{
	return atoi(pkit_sql(&k,
	    "SELECT coalesce(max(pid), 0) FROM"
	    " pg_stat_activity WHERE usename = 'shop'"));
}

static void
hang_up(void)
{
	(void)pkit_sql(&k,
	    "SELECT pg_terminate_backend(pid, 5000)"
	    " FROM pg_stat_activity WHERE usename ="
	    " 'shop'");
}

int
main(void)
{
	pkit_start(&k, "fsync=off", NULL);
	lent();
	late();
	sql_forked(d, k.uri, peer);
	sql_idle(d, k.uri, hang_up);
	pkit_end(&k);
	return tap_done();
}
