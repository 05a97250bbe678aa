/*
 * memcached_kill_test.c - a memcached that is stopped, killed, restarted
 *
 * driver: memcached
 */
#include "memcached_kit.h"

#include "count.h"

static struct mckit k;

/* A server that stands still answers nobody: a code in time, then all goes. */
static void
paused(void)
{
	struct count c = { .driver = &sstate_driver_v1_memcached };
	char uri[200];
	int i, good = 1;

	(void)snprintf(uri, sizeof(uri), "%s?timeout_ms=200", k.uri);
	c.uri = uri;
	count_start(&c);
	for (i = 0; i < 4 && good; i++) {
		good = count_more(&c, 30);
		server_pause(&k.s);
		count_nap(600);
		server_resume(&k.s);
	}
	T(good && count_more(&c, 30), "stopped four times, they go on");
	count_stop(&c);
	count_check(&c, "stopped past the time-out");
	T(atomic_load(&c.b->unknown) > 0 &&
		atomic_load(&c.b->longest_ms) < 20000,
	    "and none hung: %llu ms at most", atomic_load(&c.b->longest_ms));
	count_end(&c);
}

/* Down is EBUSY; back, and empty, is a log-out of all, not an error. */
static void
killed(void)
{
	struct count c = { .driver = &sstate_driver_v1_memcached,
		.uri = k.uri };
	struct sstate_session *s;
	struct sstate_error err;
	char token[KIT_TOKEN + 1];
	void *ctx;
	int i, r, wrong = 0;

	NEED((ctx = mckit_open(k.uri, &err)) != NULL, "%s", err.text);
	count_start(&c);
	count_stop(&c);
	for (i = 0; i < 5; i++) {
		NEED(kit_make(token, c.env, "a", "1", "ann") == 0, "a session");
		wrong += mckit_make(ctx, 1, CONFORM_LIVE, &err) != 0;
		server_kill(&k.s);
		wrong += mckit_read(ctx, 1, &err) != SSTATE_EBUSY ||
		    mckit_make(ctx, 1, CONFORM_LIVE, &err) != SSTATE_EBUSY ||
		    mckit_replace(ctx, 1, &err) != SSTATE_EBUSY ||
		    mckit_remove(ctx, 1, 1, &err) != SSTATE_EBUSY;
		r = kit_begin(&s, c.env, token, SSTATE_MUST_EXIST);
		wrong += r != SSTATE_EBUSY;
		NEED(mckit_again(&k) == 0, "started again");
		wrong += mckit_read(ctx, 1, &err) != SSTATE_ENOTFOUND;
		r = kit_begin(&s, c.env, token, SSTATE_MUST_EXIST);
		wrong += r != SSTATE_ENOTFOUND;
		if (r == 0)
			sstate_free(s);
	}
	T(wrong == 0,
	    "R-99 killed five times: EBUSY while it is down, then nobody's "
	    "session is there (%d wrong)",
	    wrong);
	mckit_close(ctx);
	count_end(&c);
}

/*
 * A server that was restarted counts its changes from 1: what was read from
 * the one before has the same number as what is there now.
 */
static void
counted_anew(void)
{
	struct sstate_record rec = conform_rec("else", 4, CONFORM_LIVE, 7);
	struct sstate_key key = conform_key(CONFORM_NS, 9);
	struct sstate_error err;
	void *ctx, *other;
	int good;

	server_kill(&k.s);
	NEED(mckit_again(&k) == 0, "started again");
	NEED((ctx = mckit_open(k.uri, &err)) != NULL, "%s", err.text);
	good = mckit_make(ctx, 9, CONFORM_LIVE, &err) == 0 &&
	    mckit_read(ctx, 9, &err) == 0;
	server_kill(&k.s);
	NEED(mckit_again(&k) == 0, "started again");
	NEED((other = mckit_open(k.uri, &err)) != NULL, "%s", err.text);
	T(good &&
		sstate_driver_v1_memcached.create(other, &key, &rec, &err) ==
		    0 &&
		mckit_replace(ctx, 9, &err) == SSTATE_ECONFLICT,
	    "R-33 read from one server, changed in the next: ECONFLICT %s",
	    err.text);
	mckit_close(other);
	mckit_close(ctx);
}

int
main(void)
{
	mckit_start(&k, NULL);
	counted_anew();
	paused();
	killed();
	mckit_end(&k);
	return tap_done();
}
