/*
 * pgsql_kill_test.c - PostgreSQL killed, stopped, restarted, that hangs up,
 * in the middle of a run
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

#include "count.h"

static struct pkit k;

/* The postmaster, and then all that it made: none of them answers. */
static void
all(int sig)
{
	char path[64];
	FILE *f;
	int pid;

	server_signal(&k.s, sig);
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)k.s.pid, (int)k.s.pid);
	if ((f = fopen(path, "r")) == NULL)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		(void)kill(pid, sig);
	(void)fclose(f);
}

/* With fsync: what was answered is there after a SIGKILL of all of it. */
static void
killed(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 3 && good; i++) {
		good = count_more(c, 20);
		server_signal(&k.s, SIGSTOP);
		all(SIGKILL);
		server_kill(&k.s);
		count_nap(20 * i);
		good = good && pkit_again(&k) == 0;
	}
	T(good && count_more(c, 20),
	    "killed and started three times: the same programs go on");
}

/* One server process dies: PostgreSQL throws all others out, and recovers. */
static void
crashed(struct count *c)
{
	int i, pid, good = 1;

	for (i = 0; i < 2 && good; i++) {
		good = count_more(c, 20);
		pid = atoi(pkit_sql(&k,
		    "SELECT pid FROM pg_stat_activity WHERE usename = 'shop'"
		    " LIMIT 1"));
		good = good && pid > 0 && kill(pid, SIGKILL) == 0;
	}
	T(good && count_more(c, 20), "one process killed, twice: they go on");
}

/*
 * What the role or the database says of synchronous_commit does not count.
 * With a WAL writer that sleeps for 10 s, a kill shows who waited.
 */
static void
power(void)
{
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 1);
	struct sstate_key key[2] = { conform_key("app", 1),
		conform_key("app", 2) };
	struct conform c = { .driver = &sstate_driver_v1_pgsql };
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s[2];
	char uri[240];
	void *ctx;
	int i, r = 0;

	(void)pkit_sql(&k, "ALTER ROLE shop SET synchronous_commit = off");
	(void)snprintf(uri, sizeof(uri), "%.*s=off",
	    (int)(strrchr(k.uri, '=') - k.uri), k.uri);
	for (i = 0; i < 2; i++) {
		s[i] = drv_store(c.driver, i == 0 ? k.uri : uri, "app", NULL,
		    &err);
		NEED(s[i] != NULL, "%s", err.text);
	}
	/* Nothing is written between them, or after. */
	for (i = 0; i < 2; i++) {
		(void)sstate_store_driver(s[i], &ctx);
		r |= c.driver->create(ctx, &key[i], &rec, &err);
	}
	server_signal(&k.s, SIGSTOP);
	all(SIGKILL);
	server_kill(&k.s);
	T(r == 0 && pkit_again(&k) == 0, "one record each, then SIGKILL");
	(void)sstate_store_driver(s[0], &ctx);
	T(conform_is(&c, ctx, &key[0], &rec), "sync=on: it is there");
	T(conform_gone(&c, ctx, &key[1]),
	    "sync=off: it need not be, and is "
	    "not");
	for (i = 0; i < 2; i++)
		sstate_store_close(s[i]);
}

/* As an administrator does it. */
static void
restarted(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 2 && good; i++) {
		good = count_more(c, 20);
		server_stop(&k.s, SIGINT);
		good = good && pkit_again(&k) == 0;
	}
	T(good && count_more(c, 20), "restarted twice: they go on");
}

/* A server that stands still answers nobody: a code in time, then all goes. */
static void
paused(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 2 && good; i++) {
		good = count_more(c, 20);
		all(SIGSTOP);
		count_nap(900);
		all(SIGCONT);
	}
	T(good && count_more(c, 20), "stopped past the time-out, they go on");
}

/* Nobody notices that; no error is allowed at all. */
static void
unnoticed(const char *uri)
{
	struct count c = { .driver = &sstate_driver_v1_pgsql, .uri = uri };
	int i, n = 0;

	count_start(&c);
	count_stop(&c);
	count_check(&c, "as it is");
	for (i = 0; i < 20; i++) {
		(void)pkit_sql(&k,
		    "SELECT count(pg_terminate_backend(pid, 5000))"
		    " FROM pg_stat_activity WHERE usename = 'shop'");
		if (i % 2 == 0)
			count_add(&c);
		else
			n += kit_int(c.env, c.token, "n") < 0;
	}
	T(n == 0 && atomic_load(&c.b->busy) == 0 &&
		atomic_load(&c.b->unknown) == 0,
	    "a connection that was closed while idle cost no user an error");
	count_check(&c, "hung up while idle");
	count_end(&c);
}

int
main(void)
{
	struct count c = { .driver = &sstate_driver_v1_pgsql };
	char uri[240];

	pkit_start(&k, "fsync=on", "wal_writer_delay=10s", NULL);
	(void)snprintf(uri, sizeof(uri), "%s&timeout_ms=500", k.uri);
	c.uri = uri;
	unnoticed(k.uri);
	power();
	count_start(&c);
	killed(&c);
	crashed(&c);
	restarted(&c);
	paused(&c);
	count_stop(&c);
	count_check(&c, "killed, crashed, restarted, stopped");
	T(atomic_load(&c.b->unknown) > 0 &&
		atomic_load(&c.b->longest_ms) < 20000,
	    "and none hung: %llu ms at most", atomic_load(&c.b->longest_ms));
	count_end(&c);
	pkit_end(&k);
	return tap_done();
}
