/*
 * redis_kill_test.c - a server that is killed, paused, restarted, that hangs
 * up or loses its scripts, in the middle of a run
 *
 * driver: redis
 */
#include "redis_kit.h"

#include "count.h"

static struct rkit k;

/*
 * appendfsync always keeps all that was acknowledged.  everysec may put a
 * write off for two seconds while the disk is busy, so a kill of the server
 * alone can lose as much.
 */
static void
killed(const char *fsync, int lossy)
{
	struct count c = { .driver = &sstate_driver_v1_redis, .lossy = lossy };
	int i, good = 1;

	rkit_start(&k, "--appendonly", "yes", "--appendfsync", fsync, NULL);
	c.uri = k.uri;
	count_start(&c);
	if (lossy)
		count_nap(2500); /* the session itself is not to be lost */
	for (i = 0; i < 6 && good; i++) {
		good = count_more(&c, 30);
		server_kill(&k.s);
		count_nap(20 * i);
		good = good && rkit_again(&k) == 0;
	}
	T(good && count_more(&c, 30),
	    "killed and started six times: the same programs go on");
	count_stop(&c);
	count_check(&c, "kill -9, restart");
	count_end(&c);
	rkit_end(&k);
}

/* A server that stands still answers nobody: a code in time, then all goes. */
static void
paused(void)
{
	struct count c = { .driver = &sstate_driver_v1_redis };
	char uri[160];
	int i, good = 1;

	rkit_start(&k, NULL);
	(void)snprintf(uri, sizeof(uri), "%s?timeout_ms=200", k.uri);
	c.uri = uri;
	count_start(&c);
	for (i = 0; i < 4 && good; i++) {
		good = count_more(&c, 30);
		server_pause(&k.s);
		count_nap(700);
		server_resume(&k.s);
	}
	T(good && count_more(&c, 30), "paused four times, they go on");
	count_stop(&c);
	count_check(&c, "paused past the time-out");
	/* A commit may ask several times: each of them in time. */
	T(atomic_load(&c.b->unknown) > 0 &&
		atomic_load(&c.b->longest_ms) < 20000,
	    "and none hung: %llu ms at most", atomic_load(&c.b->longest_ms));
	count_end(&c);
	rkit_end(&k);
}

/* Nobody notices that; no error is allowed at all. */
static void
unnoticed(void)
{
	struct count c = { .driver = &sstate_driver_v1_redis };
	int i, n = 0, good = 1;
	redisReply *re;

	rkit_start(&k, NULL);
	c.uri = k.uri;
	count_start(&c);
	count_stop(&c);
	count_check(&c, "as it is");
	for (i = 0; i < 40 && good; i++) {
		re = i % 3 == 0 ? rkit_say(&k, "SCRIPT FLUSH")
				: rkit_say(&k, "CLIENT KILL TYPE normal");
		good = re != NULL && re->type != REDIS_REPLY_ERROR;
		freeReplyObject(re);
		if (i % 4 < 2)
			count_add(&c);
		else
			n += kit_int(c.env, c.token, "n") < 0;
	}
	T(good && n == 0 && atomic_load(&c.b->busy) == 0 &&
		atomic_load(&c.b->unknown) == 0,
	    "a connection that was closed while idle, or scripts that were "
	    "flushed, cost no user an error");
	count_check(&c, "hung up while idle");
	count_end(&c);
	rkit_end(&k);
}

/*
 * By TCP the first octets to a server that has hung up are sent without an
 * error: it must be noticed before.
 */
static void
by_tcp(void)
{
	struct sstate_error err;
	unsigned i, bad = 0;
	char uri[64];
	void *ctx;

	NEED(rkit_room(&k) == 0, "a folder");
	rkit_port(&k, server_port());
	NEED(rkit_again(&k) == 0, "a server at a port");
	(void)snprintf(uri, sizeof(uri), "redis://127.0.0.1:%d", k.port);
	NEED((ctx = rkit_open(uri, &err)) != NULL, "%s", err.text);
	for (i = 0; i < 20; i++) {
		freeReplyObject(rkit_say(&k, "CLIENT KILL TYPE normal"));
		bad += rkit_make(ctx, i, CONFORM_LIVE, 1, &err) != 0 ||
		    err.code != 0;
		freeReplyObject(rkit_say(&k, "CLIENT KILL TYPE normal"));
		bad += rkit_remove(ctx, i) != 0;
	}
	T(bad == 0, "nor does it by TCP, to a write (%u) %s", bad, err.text);
	rkit_close(ctx);
	rkit_end(&k);
}

int
main(void)
{
	killed("always", 0);
	killed("everysec", 1);
	paused();
	unnoticed();
	by_tcp();
	return tap_done();
}
