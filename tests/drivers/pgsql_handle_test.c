/*
 * pgsql_handle_test.c - a connection that the program made, and forks
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_pgsql;
static struct pkit k;

static int
create(struct sstate_store *s, uint64_t n, struct sstate_error *err)
{
	struct sstate_key key = conform_key("app", n);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	void *ctx;

	memset(err, 0, sizeof(*err));
	(void)sstate_store_driver(s, &ctx);
	return d->create(ctx, &key, &rec, err);
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

/*
 * A child that abandons, or dies, says nothing on the parent's connection:
 * a good-bye would end the server's process.
 */
static void
forked(void)
{
	struct sstate_error err;
	struct sstate_store *s;
	int i, st, before;
	void *ctx;
	pid_t pid;

	NEED((s = drv_store(d, k.uri, "app", NULL, &err)) != NULL,
	    "a store: %s", err.text);
	NEED(create(s, 1, &err) == 0, "in use");
	before = peer();
	(void)sstate_store_driver(s, &ctx);
	for (i = 0; i < 3; i++) {
		(void)fflush(stdout);
		if ((pid = fork()) == 0) {
			d->abandon(ctx);
			_exit(0);
		}
		st = -1;
		T(waitpid(pid, &st, 0) == pid && st == 0, "a child abandons");
		T(create(s, 2 + (uint64_t)i, &err) == 0 && peer() == before &&
			before > 0,
		    "the parent talks to the same process (%d)", before);
	}
	sstate_store_close(s);
	for (i = 0; i < 500 && peer() != 0; i++) {
		const struct timespec nap = { 0, 10000000 };

		(void)nanosleep(&nap, NULL);
	}
	T(peer() == 0, "a close says good-bye");
}

/* Closed while nobody used it: the next write is none the worse. */
static void
idle(void)
{
	struct sstate_error err;
	struct sstate_store *s;
	unsigned i, bad = 0;

	NEED((s = drv_store(d, k.uri, "app", NULL, &err)) != NULL,
	    "a store: %s", err.text);
	for (i = 0; i < 10; i++) {
		(void)pkit_sql(&k,
		    "SELECT pg_terminate_backend(pid, 5000)"
		    " FROM pg_stat_activity WHERE usename ="
		    " 'shop'");
		bad += create(s, 100 + i, &err) != 0;
	}
	T(bad == 0, "a write after the server hung up: %u failed, %s", bad,
	    err.text);
	sstate_store_close(s);
}

int
main(void)
{
	pkit_start(&k, "fsync=off", NULL);
	lent();
	late();
	forked();
	idle();
	pkit_end(&k);
	return tap_done();
}
