/*
 * mysql_kill_test.c - MariaDB killed, stopped, restarted, that hangs up, in
 * the middle of a run
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "count.h"

static struct mkit k;

/* With a flush at each commit: what was answered is there after a SIGKILL. */
static void
killed(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 3 && good; i++) {
		good = count_more(c, 20);
		server_kill(&k.s);
		count_nap(20 * i);
		good = good && mkit_again(&k) == 0;
	}
	T(good && count_more(c, 20),
	    "killed and started three times: the same programs go on");
}

/* As an administrator does it. */
static void
restarted(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 2 && good; i++) {
		good = count_more(c, 20);
		server_stop(&k.s, SIGTERM);
		good = good && mkit_again(&k) == 0;
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
		server_pause(&k.s);
		count_nap(900);
		server_resume(&k.s);
	}
	T(good && count_more(c, 20), "stopped past the time-out, they go on");
}

/* Nobody notices that; no error is allowed at all. */
static void
unnoticed(const char *uri)
{
	struct count c = { .driver = &sstate_driver_v1_mysql, .uri = uri };
	int i, n = 0;

	count_start(&c);
	count_stop(&c);
	count_check(&c, "as it is");
	for (i = 0; i < 20; i++) {
		(void)mkit_sql(&k, "KILL USER shop");
		/* It is closed a moment later. */
		while (atoi(mkit_sql(&k,
			   "SELECT count(*) FROM"
			   " information_schema.processlist"
			   " WHERE user = 'shop'")) > 0)
			count_nap(2);
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
	struct count c = { .driver = &sstate_driver_v1_mysql };
	char uri[240];

	mkit_start(&k, NULL);
	(void)snprintf(uri, sizeof(uri), "%s&timeout_ms=500", k.uri);
	c.uri = uri;
	unnoticed(k.uri);
	count_start(&c);
	killed(&c);
	restarted(&c);
	paused(&c);
	count_stop(&c);
	count_check(&c, "killed, restarted, stopped");
	T(atomic_load(&c.b->unknown) > 0 &&
		atomic_load(&c.b->longest_ms) < 20000,
	    "and none hung: %llu ms at most", atomic_load(&c.b->longest_ms));
	count_end(&c);
	mkit_end(&k);
	return tap_done();
}
