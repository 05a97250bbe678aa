/*
 * redis_server_test.c - URIs, and what lies in the server under which name
 *
 * driver: redis
 */
#include "redis_kit.h"

#include "../../drivers/redis.h"

static const struct sstate_driver *const d = &sstate_driver_v1_redis;

static const char *
with(const struct rkit *k, const char *more)
{
	static char uri[512];

	(void)snprintf(uri, sizeof(uri), "%s%s", k->uri, more);
	return uri;
}

/* ---- The URI ---------------------------------------------------------- */

static void
uris(void)
{
	static const char *const bad[] = { "redis:", "redis:relative",
		"redis://127.0.0.1/x", "redis://127.0.0.1/-1",
		"redis://127.0.0.1/1?db=2", "redis://127.0.0.1/1?cluster=1",
		"redis://127.0.0.1?db=", "redis://ann@127.0.0.1",
		"redis://127.0.0.1?prefix=a%20b", "redis://127.0.0.1?prefix=*",
		"redis://127.0.0.1?prefix=%0d%0aSET",
		"redis://127.0.0.1?wait=-1", "redis://127.0.0.1?timeout_ms=0",

		"redis://127.0.0.1?max_bytes=16777217",
		"redis://127.0.0.1?hosts=127.0.0.1:1", "redis:?sentinel=m",
		"redis:?sentinel=m&cluster=1&hosts=127.0.0.1:1",
		"redis:?cluster=1&hosts=127.0.0.1:0",
		"redis:?cluster=1&hosts=127.0.0.1:99999",
		"redis:?cluster=1&hosts=127.0.0.1:1,,127.0.0.1:2",
		"redis:?cluster=1&hosts=127.0.0.1:x",
		"redis:?cluster=1&hosts=/s" };
	struct sstate_error err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T(rkit_open(bad[i], &err) == NULL && err.code == SSTATE_EINVAL,
		    "%s: %s", bad[i], err.text);
	T(rkit_refused("redis://192.0.2.1", SSTATE_EUNSAFE, "without TLS") &&
		rkit_refused("redis:?sentinel=m&hosts=127.0.0.1:1,192.0.2.1:2",
		    SSTATE_EUNSAFE, "without TLS") &&
		rkit_refused("redis://127.0.0.1.example.com", SSTATE_EUNSAFE,
		    "without TLS"),
	    "R-81 another host without TLS is refused");
	T(rkit_refused("redis:/nonexistent/socket", SSTATE_EBUSY,
	      "cannot connect") &&
		rkit_refused("redis://127.0.0.1:1", SSTATE_EBUSY,
		    "cannot connect"),
	    "nobody there is EBUSY: nothing was written");
}

/* What a sentinel or a cluster names is held to the same. */
static void
far(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct rds r;
	struct rds_link l;

	memset(&r, 0, sizeof(r));
	memset(&l, 0, sizeof(l));
	r.conf.scheme = "redis";
	r.conf.timeout_ms = 100;
	(void)snprintf(l.addr.host, sizeof(l.addr.host), "192.0.2.1");
	l.addr.port = 6379;
	T(rds_link_up(&l, &r, "get", 0, &err) == SSTATE_EUNSAFE && l.c == NULL,
	    "R-81 also for what a sentinel or a cluster names: %s", err.text);
}

static void
tls(void)
{
	extern const struct sstate_driver sstate_driver_v1_rediss;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s = drv_store(&sstate_driver_v1_rediss,
	    "rediss://127.0.0.1", "app", NULL, &err);

	T(s == NULL && err.code == SSTATE_ENOTSUP,
	    "R-81 rediss: is known, and refused: %s", err.text);
	sstate_store_close(s);
}

/* ---- Records under the hand ------------------------------------------- */

static const char *
name_of(unsigned n)
{
	struct sstate_key key = conform_key(CONFORM_NS, n);

	return rkit_name(&key);
}

/* The server's own deadline is never before ours. */
static void
deadlines(const struct rkit *k, void *ctx)
{
	static const int64_t when[] = { CONFORM_LIVE, CONFORM_LIVE + 7,
		253402300799, INT64_C(9007199254740993), INT64_MAX / 1000 + 5,
		INT64_MAX };
	struct sstate_error err;
	long long ms;
	size_t i;

	for (i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		NEED(rkit_make(ctx, 1, when[i], 3, &err) == 0, "%s", err.text);
		ms = rkit_int(k, "PEXPIRETIME %s", name_of(1));
		T(when[i] < INT64_MAX / 1000 - 1 ? ms == (when[i] + 1) * 1000
						 : ms > INT64_MAX - 2000,
		    "R-23 expires %lld: the server forgets at %lld ms",
		    (long long)when[i], ms);
		(void)rkit_remove(ctx, 1);
	}
	NEED(rkit_make(ctx, 1, 0, 3, &err) == 0, "%s", err.text);
	ms = rkit_int(k, "TTL %s", name_of(1));
	T(ms > 399 * 86400 && ms <= 400 * 86400, "expires 0: 400 days (%lld s)",
	    ms);
	(void)rkit_remove(ctx, 1);
	T(rkit_make(ctx, 1, 1000, 3, &err) == 0 &&
		rkit_read(ctx, 1, &err) == SSTATE_ENOTFOUND,
	    "what has expired when it is written is forgotten at once");
	T(rkit_int(k, "EXISTS %s", name_of(1)) == 0, "by the server");
}

/* A user's set: entries go with records, and with time. */
static void
litter(const struct rkit *k, void *ctx)
{
	struct sstate_error err;
	char user[RDS_KEY_BYTES], hex[33] = "";
	unsigned char tag[SSTATE_TAG_BYTES];
	unsigned i, bad = 0;

	conform_tag(tag, 9);
	for (i = 0; i < sizeof(tag); i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", tag[i]);
	(void)snprintf(user, sizeof(user), "sstate:u:%s:%s", CONFORM_NS, hex);
	for (i = 0; i < 50; i++)
		bad += rkit_make(ctx, 100 + i, CONFORM_LIVE + i, 9, &err) != 0;
	T(bad == 0 && rkit_int(k, "ZCARD %s", user) == 50 &&
		rkit_int(k, "PEXPIRETIME %s", user) ==
		    (CONFORM_LIVE + 49 + 300) * 1000,
	    "R-27 a user's set is over when his last record is");
	for (i = 0; i < 20; i++)
		bad += rkit_remove(ctx, 100 + i) != 0;
	T(bad == 0 && rkit_int(k, "ZCARD %s", user) == 30,
	    "an entry goes with its record");
	/* As if 25 had expired and the server had forgotten them. */
	for (i = 20; i < 45; i++) {
		freeReplyObject(rkit_say(k, "DEL %s", name_of(100 + i)));
		freeReplyObject(rkit_say(k, "ZADD %s 1000 %s", user,
		    strrchr(name_of(100 + i), ':') + 1));
	}
	T(rkit_make(ctx, 200, CONFORM_LIVE, 9, &err) == 0 &&
		rkit_int(k, "ZCARD %s", user) == 6,
	    "those that expired go with the user's next session");
	for (i = 45; i < 50; i++)
		bad += rkit_remove(ctx, 100 + i) != 0;
	T(rkit_remove(ctx, 200) == 0 && rkit_int(k, "EXISTS %s", user) == 0,
	    "and with the last one the set");
}

/* Users' sets and other people's keys are none. */
static void
counted(const struct rkit *k, void *ctx)
{
	struct sstate_error err = { 0, 0, "" };
	unsigned i, seen = 0;
	uint64_t n = 99;
	int r;

	T(d->count(&n, ctx, CONFORM_NS, &err) == 0 && n == 0,
	    "R-103 none at first %s", err.text);
	for (i = 0; i < 600; i++)
		(void)rkit_make(ctx, 1000 + i, CONFORM_LIVE, 1 + i / 2, &err);
	for (i = 0; i < 300; i++)
		freeReplyObject(rkit_say(k, "SET other:%u x", i));
	r = d->count(&n, ctx, CONFORM_NS, &err);
	/* Four deviations: one run of 10,000 is beyond. */
	T(r == 0 && n > 390 && n < 810,
	    "R-103 of 600 records among 1200 keys about %llu are counted",
	    (unsigned long long)n);
	freeReplyObject(rkit_say(k, "CLIENT KILL TYPE normal"));
	T(d->count(&n, ctx, CONFORM_NS, &err) == 0,
	    "also on a connection that was closed %s", err.text);
	freeReplyObject(rkit_say(k, "CLIENT KILL TYPE normal"));
	T(d->each(ctx, CONFORM_NS, NULL, rkit_count, &seen, &err) == 0 &&
		seen == 600,
	    "and so are they listed, each once (%u) %s", seen, err.text);
	freeReplyObject(rkit_say(k, "FLUSHDB"));
}

/* what was not written whole by us is no record. */
static void
damaged(const struct rkit *k, void *ctx)
{
	static const char *const what[] = { "x", "sst1", "sst1....12345678" };
	struct sstate_record rec = conform_rec("b", 1, CONFORM_LIVE, 2);
	struct sstate_key key = conform_key(CONFORM_NS, 5);
	struct sstate_error err;
	size_t i;

	for (i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		freeReplyObject(rkit_say(k, "SET %s %s", name_of(5), what[i]));
		T(rkit_read(ctx, 5, &err) == SSTATE_ESTORE, "R-98 \"%s\": %s",
		    what[i], err.text);
	}
	T(d->replace(ctx, &key, 1, &rec, &err) != 0 &&
		rkit_make(ctx, 5, CONFORM_LIVE, 0, &err) == SSTATE_EEXIST,
	    "R-98 it is not overwritten");
	T(rkit_remove(ctx, 5) == 0 &&
		rkit_make(ctx, 5, CONFORM_LIVE, 0, &err) == 0,
	    "but removed");
	freeReplyObject(rkit_say(k, "APPEND %s x", name_of(5)));
	T(rkit_read(ctx, 5, &err) == SSTATE_ESTORE, "R-98 a byte more: %s",
	    err.text);
	(void)rkit_remove(ctx, 5);
	freeReplyObject(rkit_say(k, "RPUSH %s x", name_of(5)));
	T(rkit_read(ctx, 5, &err) == SSTATE_ESTORE &&
		strstr(err.text, "something else") != NULL,
	    "another type: %s", err.text);
	T(rkit_remove(ctx, 5) == SSTATE_ESTORE, "is not removed");
	freeReplyObject(rkit_say(k, "DEL %s", name_of(5)));
}

static void
records(void)
{
	struct sstate_error err;
	struct rkit k;
	void *ctx;

	rkit_start(&k, NULL);
	NEED((ctx = rkit_open(k.uri, &err)) != NULL, "it opens %s", err.text);
	deadlines(&k, ctx);
	counted(&k, ctx);
	litter(&k, ctx);
	damaged(&k, ctx);
	rkit_close(ctx);
	T((ctx = rkit_open(with(&k, "?db=3&prefix={a}b."), &err)) != NULL &&
		rkit_make(ctx, 1, CONFORM_LIVE, 0, &err) == 0 &&
		rkit_int(&k, "DBSIZE") == 0,
	    "another database");
	rkit_close(ctx);
	T((ctx = rkit_open(with(&k, "?max_bytes=3"), &err)) != NULL &&
		rkit_make(ctx, 1, CONFORM_LIVE, 0, &err) == SSTATE_ETOOBIG,
	    "max_bytes: %s", err.text);
	rkit_close(ctx);
	rkit_end(&k);
}

int
main(void)
{
	uris();
	far();
	tls();
	records();
	return tap_done();
}
