/*
 * redis_handle_test.c - a connection that the program made itself
 *
 * driver: redis
 */
#include "redis_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_redis;

static int
writes(struct sstate_store *s, unsigned n, struct sstate_error *err)
{
	void *ctx;

	(void)sstate_store_driver(s, &ctx);
	return rkit_make(ctx, n, CONFORM_LIVE, 1, err);
}

static int
pings(redisContext *c)
{
	redisReply *re = (redisReply *)redisCommand(c, "PING");
	int good = re != NULL && strcmp(re->str, "PONG") == 0;

	freeReplyObject(re);
	return good;
}

int
main(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	redisContext *c;
	struct rkit k;

	rkit_start(&k, NULL);
	NEED((c = redisConnectUnix(k.sock)) != NULL && c->err == 0,
	    "a connection");
	s = drv_store(d, "redis:?prefix=mine.", "app", c, &err);
	T(s != NULL && writes(s, 1, &err) == 0 &&
		writes(s, 1, &err) == SSTATE_EEXIST,
	    "a store over it %s", err.text);
	T(pings(c), "the program may use it between two calls");
	sstate_store_close(s);
	T(pings(c), "it is not closed with the store");
	T(rkit_int(&k, "EXISTS mine.r:app:x") == 0 &&
		rkit_int(&k, "KEYS mine.r:*") == 1,
	    "its records are there");

	T(drv_store(d, "redis://127.0.0.1", "app", c, &err) == NULL &&
		err.code == SSTATE_EINVAL,
	    "a handle and a place: %s", err.text);
	s = drv_store(d, "redis:", "app", c, &err);
	NEED(s != NULL, "once more %s", err.text);
	freeReplyObject(rkit_say(&k, "CLIENT KILL TYPE normal"));
	T(writes(s, 2, &err) == SSTATE_EBUSY, "closed by the server: %s",
	    err.text);
	T(writes(s, 2, &err) == SSTATE_EBUSY &&
		strstr(err.text, "the program's own") != NULL,
	    "it is not connected anew: %s", err.text);
	T(rkit_int(&k, "KEYS sstate:*") == 0, "nothing was written");
	sstate_store_close(s);
	T(drv_store(d, "redis:", "app", c, &err) == NULL &&
		err.code == SSTATE_EBUSY,
	    "a broken one is refused: %s", err.text);
	redisFree(c);

	NEED((c = redisConnectUnixNonBlock(k.sock)) != NULL, "another");
	T(drv_store(d, "redis:", "app", c, &err) == NULL &&
		err.code == SSTATE_EINVAL,
	    "one that does not block is refused: %s", err.text);
	redisFree(c);
	rkit_end(&k);
	return tap_done();
}
