/*
 * redis_refusal_test.c - what a redis server refuses, and what is made of it
 *
 * driver: redis
 *
 * EBUSY where it is certain that nothing was written, ESTORE elsewhere; one
 * line that an operator can act on, with nothing secret in it.
 */
#include "redis_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_redis;

static int
says(const struct sstate_error *err, int r, int code, const char *words)
{
	if (r == code && err->code == code && strstr(err->text, words) != NULL)
		return 1;
	printf("# %d: %d %s\n", r, err->code, err->text);
	return 0;
}

/* The rights that securestate-redis(7) asks for, and no more. */
static void
passwords(void)
{
	static const char *const acl[] = { "reset", "on", ">s3cr:t/%",
		"~sstate:*", "+info", "+get", "+zrange", "+scan", "+eval",
		"+evalsha", "+exists", "+getrange", "+set", "+del", "+pexpire",
		"+pexpireat", "+pttl", "+zadd", "+zrem", "+zscore",
		"+zremrangebyscore", "+time", "+wait", "+dbsize",
		"+randomkey" };
	struct sstate_error err;
	char uri[300], set[512] = "ACL SETUSER ann";
	unsigned n = 0;
	uint64_t about;
	struct rkit k;
	size_t i;
	void *ctx;

	rkit_start(&k, NULL);
	for (i = 0; i < sizeof(acl) / sizeof(acl[0]); i++) {
		strncat(set, " ", sizeof(set) - strlen(set) - 1);
		strncat(set, acl[i], sizeof(set) - strlen(set) - 1);
	}
	/* redis' own formats know %s: the text is an argument list. */
	NEED(rkit_words(&k, set) == 1 &&
		rkit_words(&k,
		    "ACL SETUSER bob reset on >bob ~other:* +@all") == 1 &&
		rkit_words(&k, "ACL SETUSER default off") == 1,
	    "users");
	T(rkit_refused(k.uri, SSTATE_ESTORE, "password"),
	    "no password: refused");
	(void)snprintf(uri, sizeof(uri), "redis://ann:wr0ng-one@%s", k.sock);
	T(rkit_refused(uri, SSTATE_ESTORE, "wrong user or password"),
	    "a wrong password: refused");
	(void)rkit_open(uri, &err);
	T(strstr(err.text, "wr0ng") == NULL && strstr(err.text, "ann") == NULL,
	    "R-100 it is in no text: %s", err.text);
	(void)snprintf(uri, sizeof(uri), "redis://ann:s3cr:t%%2f%%25@%s",
	    k.sock);
	NEED((ctx = rkit_open(uri, &err)) != NULL, "the right one: %s",
	    err.text);
	T(rkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == 0 &&
		rkit_read(ctx, 1, &err) == 0 && rkit_remove(ctx, 1) == 0 &&
		rkit_make(ctx, 1, 0, 2, &err) == 0 &&
		d->latest(&(int64_t){ 0 }, ctx, 1700000000, &err) == 0,
	    "the documented rights are enough to write: %s", err.text);
	T(d->each(ctx, CONFORM_NS, NULL, rkit_count, &n, &err) == 0 && n == 1,
	    "and to list: %s", err.text);
	T(d->count(&about, ctx, CONFORM_NS, &err) == 0, "and to count: %s",
	    err.text);
	rkit_close(ctx);
	(void)snprintf(uri, sizeof(uri), "redis://bob:bob@%s", k.sock);
	NEED((ctx = rkit_open(uri, &err)) != NULL, "bob %s", err.text);
	T(says(&err, rkit_read(ctx, 1, &err), SSTATE_ESTORE, "ACL") &&
		says(&err, rkit_make(ctx, 2, CONFORM_LIVE, 0, &err),
		    SSTATE_ESTORE, "ACL"),
	    "a user without the rights: %s", err.text);
	rkit_close(ctx);
	rkit_end(&k);
}

static void
eviction(void)
{
	struct sstate_error err;
	char uri[160];
	struct rkit k;
	void *ctx;

	rkit_start(&k, "--maxmemory-policy", "allkeys-lru", NULL);
	T(rkit_refused(k.uri, SSTATE_EUNSAFE, "maxmemory-policy"),
	    "a server that may evict is refused");
	(void)snprintf(uri, sizeof(uri), "%s?allow_eviction=1", k.uri);
	ctx = rkit_open(uri, &err);
	T(ctx != NULL, "unless the URI accepts it");
	rkit_close(ctx);
	rkit_end(&k);
}

/* maxmemory: new ones are refused, whole; ending one still works. */
static void
memory_full(const struct rkit *k, void *ctx)
{
	struct sstate_record rec = conform_rec("new", 3, CONFORM_LIVE, 2);
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct sstate_error err;

	NEED(rkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == 0 &&
		rkit_make(ctx, 2, CONFORM_LIVE, 1, &err) == 0,
	    "two records");
	NEED(rkit_words(k, "CONFIG SET maxmemory 1000000") == 1, "maxmemory");
	T(says(&err, rkit_make(ctx, 3, CONFORM_LIVE, 1, &err), SSTATE_EBUSY,
	      "maxmemory"),
	    "R-103 memory is full: %s", err.text);
	memset(&err, 0, sizeof(err));
	T(says(&err, d->replace(ctx, &key, 1, &rec, &err), SSTATE_EBUSY,
	      "maxmemory"),
	    "R-103 nor is one replaced, also by one of other rights");
	T(rkit_read(ctx, 1, &err) == 0 && rkit_remove(ctx, 2) == 0 &&
		rkit_read(ctx, 2, &err) == SSTATE_ENOTFOUND,
	    "R-25 reading and ending go on");
	NEED(rkit_words(k, "CONFIG SET maxmemory 0") == 1, "and back");
	T(rkit_read(ctx, 3, &err) == SSTATE_ENOTFOUND &&
		d->replace(ctx, &key, 1, &rec, &err) == 0 &&
		rkit_make(ctx, 3, CONFORM_LIVE, 1, &err) == 0,
	    "nothing had been written; now it is");
	(void)rkit_remove(ctx, 1);
	(void)rkit_remove(ctx, 3);
}

static void
replica(const struct rkit *k, void *ctx)
{
	struct sstate_error err;

	NEED(rkit_make(ctx, 1, CONFORM_LIVE, 0, &err) == 0 &&
		rkit_words(k, "REPLICAOF 127.0.0.1 1") == 1,
	    "a replica of nobody");
	T(says(&err, rkit_make(ctx, 2, CONFORM_LIVE, 0, &err), SSTATE_EBUSY,
	      "replica"),
	    "a replica takes no writes: %s", err.text);
	NEED(rkit_words(k, "CONFIG SET replica-serve-stale-data no") == 1, "-");
	T(says(&err, rkit_read(ctx, 1, &err), SSTATE_EBUSY, "lost its master"),
	    "nor answers, if it is told so: %s", err.text);
	NEED(rkit_words(k, "REPLICAOF NO ONE") == 1, "a master");
	NEED(rkit_words(k, "CONFIG SET min-replicas-to-write 1") == 1, "-");
	T(says(&err, rkit_make(ctx, 2, CONFORM_LIVE, 0, &err), SSTATE_EBUSY,
	      "too few replicas"),
	    "min-replicas-to-write: %s", err.text);
	NEED(rkit_words(k, "CONFIG SET min-replicas-to-write 0") == 1, "-");
	T(rkit_make(ctx, 2, CONFORM_LIVE, 0, &err) == 0, "and then it does");
	(void)rkit_remove(ctx, 1);
	(void)rkit_remove(ctx, 2);
}

/* A disk that cannot be written to. */
static void
no_disk(const struct rkit *k, void *ctx)
{
	const struct timespec nap = { 0, 20000000 };
	struct sstate_error err;
	int i, r = 0;

	if (chmod(k->s.dir, 0555) != 0)
		abort();
	NEED(rkit_words(k, "CONFIG SET save 3600 1") == 1, "save points");
	(void)rkit_words(k, "BGSAVE");
	for (i = 0; i < 500 && r == 0; i++) {
		r = rkit_make(ctx, 400 + (unsigned)i, CONFORM_LIVE, 0, &err);
		(void)nanosleep(&nap, NULL);
	}
	T(says(&err, r, SSTATE_EBUSY, "cannot save"),
	    "a server that cannot save takes no writes: %s", err.text);
	(void)chmod(k->s.dir, 0755);
	NEED(rkit_words(k, "CONFIG SET save ") == 1, "no save points");
	T(rkit_make(ctx, 10, CONFORM_LIVE, 0, &err) == 0, "and then it does");
	(void)rkit_remove(ctx, 10);
}

/* A script of somebody else that does not end. */
static void
busy(const struct rkit *k, void *ctx)
{
	const struct timespec nap = { 0, 20000000 };
	struct sstate_error err;
	redisContext *c = redisConnectUnix(k->sock);
	void *re;
	int i, r = 0;

	NEED(c != NULL && c->err == 0 &&
		rkit_words(k, "CONFIG SET busy-reply-threshold 20") == 1,
	    "a client of one's own");
	(void)redisAppendCommand(c, "EVAL %s 0", "while true do end");
	for (i = 0; i == 0;)
		(void)redisBufferWrite(c, &i);
	for (i = 0; i < 500; i++) {
		r = rkit_read(ctx, 1, &err);
		if (r != SSTATE_ENOTFOUND)
			break;
		(void)nanosleep(&nap, NULL);
	}
	T(says(&err, r, SSTATE_EBUSY, "busy"),
	    "a script keeps it from working: %s", err.text);
	(void)rkit_words(k, "SCRIPT KILL");
	if (redisGetReply(c, &re) == REDIS_OK)
		freeReplyObject(re);
	redisFree(c);
	T(rkit_read(ctx, 1, &err) == SSTATE_ENOTFOUND, "and then not any more");
}

/* WAIT: written here alone is not what was asked for. */
static void
waiting(const struct rkit *k)
{
	struct sstate_record rec = conform_rec("new", 3, CONFORM_LIVE, 2);
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	char uri[160];
	void *ctx, *other;

	(void)snprintf(uri, sizeof(uri), "%s?wait=1&timeout_ms=200", k->uri);
	NEED((ctx = rkit_open(uri, &err)) != NULL &&
		(other = rkit_open(k->uri, &err)) != NULL,
	    "wait=1 %s", err.text);
	T(says(&err, rkit_make(ctx, 1, CONFORM_LIVE, 0, &err), SSTATE_ESTORE,
	      "1 replicas"),
	    "wait=1 without a replica: %s", err.text);
	T(rkit_read(other, 1, &err) == 0, "it was written");
	T(says(&err, rkit_read(ctx, 1, &err), SSTATE_ESTORE, "1 replicas"),
	    "but who waits does not hear that it was: %s", err.text);
	T(rkit_make(ctx, 1, CONFORM_LIVE, 0, &err) == SSTATE_EEXIST &&
		d->replace(ctx, &key, 7, &rec, &err) == SSTATE_ECONFLICT,
	    "an answer that wrote nothing stays what it is");
	rkit_close(ctx);
	rkit_close(other);
}

/* While a server reads its file it answers, but not us. */
static void
loading(struct rkit *k)
{
	struct sstate_error err;
	void *ctx = NULL;
	int i;

	NEED((ctx = rkit_open(k->uri, &err)) != NULL, "%s", err.text);
	for (i = 0; i < 200; i++)
		(void)rkit_make(ctx, 300 + (unsigned)i, CONFORM_LIVE, 0, &err);
	NEED(rkit_words(k, "SAVE") == 1, "saved");
	server_kill(&k->s);
	rkit_arg(k, "--key-load-delay");
	rkit_arg(k, "20000");
	rkit_arg(k, "--loading-process-events-interval-bytes");
	rkit_arg(k, "1024");
	NEED(server_start(&k->s, k->argv, rkit_answers, k) == 0, "again");
	T(says(&err, rkit_read(ctx, 300, &err), SSTATE_EBUSY, "loading"),
	    "a server that loads its data: %s", err.text);
	T(says(&err, rkit_make(ctx, 1, CONFORM_LIVE, 0, &err), SSTATE_EBUSY,
	      "loading"),
	    "nor is it written to");
	rkit_close(ctx);
}

int
main(void)
{
	struct sstate_error err;
	struct rkit k;
	void *ctx;

	passwords();
	eviction();
	rkit_start(&k, NULL);
	NEED((ctx = rkit_open(k.uri, &err)) != NULL, "it opens %s", err.text);
	memory_full(&k, ctx);
	replica(&k, ctx);
	no_disk(&k, ctx);
	busy(&k, ctx);
	waiting(&k);
	rkit_close(ctx);
	loading(&k);
	rkit_end(&k);
	return tap_done();
}
