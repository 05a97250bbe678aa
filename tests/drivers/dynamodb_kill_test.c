/*
 * dynamodb_kill_test.c - a DynamoDB that is killed, stopped, started again,
 * that hangs up, in the middle of a run
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

#include "count.h"

static struct dkit k;

static void
killed(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 2 && good; i++) {
		good = count_more(c, 15);
		server_kill(&k.s);
		count_nap(20 * i);
		good = good && dkit_again(&k) == 0;
	}
	T(good && count_more(c, 15),
	    "killed and started twice: the same programs go on");
}

static void
paused(struct count *c)
{
	int i, good = 1;

	for (i = 0; i < 2 && good; i++) {
		good = count_more(c, 15);
		server_pause(&k.s);
		count_nap(1500);
		server_resume(&k.s);
	}
	T(good && count_more(c, 15), "stopped past the time-out, they go on");
}

/* Down is EBUSY, from the first connect on. */
static void
down(void)
{
	struct sstate_error err;
	void *ctx = dkit_open(k.uri, &err);
	char uri[240];
	int64_t began;
	int good;

	NEED(ctx != NULL, "%s", err.text);
	good = dkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == 0;
	server_kill(&k.s);
	T(good && dkit_read(ctx, 1, &err) == SSTATE_EBUSY &&
		dkit_make(ctx, 2, CONFORM_LIVE, 0, &err) == SSTATE_EBUSY &&
		dkit_replace(ctx, 1, 1, CONFORM_LIVE, 1, &err) ==
		    SSTATE_EBUSY &&
		dkit_remove(ctx, 1, 1, &err) == SSTATE_EBUSY,
	    "R-99 down: %s", err.text);
	(void)snprintf(uri, sizeof(uri), "%s&create=1", k.uri);
	began = count_ms();
	T(dkit_open(uri, &err) == NULL && err.code == SSTATE_EBUSY &&
		count_ms() - began < 30000,
	    "R-99 nor is a table waited for: %s", err.text);
	NEED(dkit_again(&k) == 0, "started again");
	T(dkit_read(ctx, 1, &err) == 0 && dkit_remove(ctx, 1, 1, &err) == 0,
	    "and back, with all that it had %s", err.text);
	dkit_close(ctx);
}

int
main(void)
{
	struct count c = { .driver = &sstate_driver_v1_dynamodb };
	char uri[240];

	dkit_start(&k, 1);
	(void)snprintf(uri, sizeof(uri), "%s&timeout_ms=1000", k.uri);
	c.uri = uri;
	down();
	count_start(&c);
	killed(&c);
	paused(&c);
	count_stop(&c);
	count_check(&c, "killed, stopped");
	T(atomic_load(&c.b->busy) + atomic_load(&c.b->unknown) > 0 &&
		atomic_load(&c.b->longest_ms) < 40000,
	    "and none hung: %llu ms at most", atomic_load(&c.b->longest_ms));
	count_end(&c);
	dkit_end(&k);
	return tap_done();
}
