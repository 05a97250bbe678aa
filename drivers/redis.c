/*
 * redis.c - the `redis:` store: Redis or Valkey, alone, by Sentinel, Cluster
 *
 *	PREFIX r:NS:HEX		a record: a string, 40 octets and the body
 *	PREFIX u:NS:HEX		a user's: a sorted set of ids, by expiry
 *	PREFIX clock		the latest time that anybody saw
 *
 * A record is "sst1", length of the body (4), revision (8), expiry (8), tag
 * (16), body; numbers are big-endian.  One string, so that reading is one GET
 * and comparing looks at the first octets; a hash of four fields takes nearly
 * twice the memory.
 *
 * Invariant: what is written is written by one of the scripts, which
 * compares first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "redis.h"

enum { HEX = 2 * SSTATE_ID_BYTES };

/* ---- Writes ----------------------------------------------------------- */

/* The words of a write, which live as long as the call. */
struct write {
	struct rds *r;
	struct rds_call call;
	char key[RDS_KEY_BYTES], user[RDS_KEY_BYTES], users[RDS_KEY_BYTES];
	char deadline[24], score[24];
	unsigned char head[RDS_HEAD_BYTES], expected[8];
	struct sstate_error *err;
};

static void
add(struct rds_call *call, const void *p, size_t n)
{
	call->word[call->nwords++] = (struct rds_word){ p, n, NULL, 0 };
}

/* "u:NS:" to which a script adds a tag; a cluster's may not. */
static int
write_begin(struct write *w, struct rds *r, const char *op,
    const struct rds_script *script, const struct sstate_key *key,
    struct sstate_error *err)
{
	int rc;

	memset(&w->call, 0, sizeof(w->call));
	w->r = r;
	w->err = err;
	w->call.op = op;
	w->call.script = script;
	w->call.waits = 1;
	w->call.nkeys = 1;
	w->call.key = w->key;
	if ((rc = rds_key(w->key, r, RDS_RECORD, key->ns, key->id,
		 sizeof(key->id), op, err)) != 0 ||
	    (rc = rds_key(w->users, r, RDS_USER, key->ns, key->id, 0, op,
		 err)) != 0)
		return rc;
	if (r->map != NULL)
		w->users[0] = '\0';
	add(&w->call, w->key, strlen(w->key));
	return 0;
}

/* The digits of the id: the end of its key. */
static void
add_member(struct write *w)
{
	add(&w->call, w->key + strlen(w->key) - HEX, HEX);
}

/* 0, 1, -1, -2 of the script, or a code below them. */
static int
run(long long *said, struct rds *r, const struct rds_call *call,
    struct sstate_error *err)
{
	redisReply *re;
	int rc;

	*said = 0;
	if ((rc = rds_call(&re, r, call, err)) != 0)
		return rc;
	if (re->type != REDIS_REPLY_INTEGER)
		rc = rds_strange(r, call->op, err);
	else
		*said = re->integer;
	freeReplyObject(re);
	return rc;
}

/* A cluster's entry, before the record; in a slot of its own. */
static int
index_first(struct write *w)
{
	struct rds_call call = { .op = w->call.op, .script = &rds_index };
	long long said;

	call.nkeys = 1;
	call.key = w->user;
	call.waits = 1;
	add(&call, w->user, strlen(w->user));
	add(&call, "", 0);
	add(&call, "", 0);
	call.word[call.nwords++] = w->call.word[3]; /* member */
	call.word[call.nwords++] = w->call.word[4]; /* score */
	return run(&said, w->r, &call, w->err);
}

static int
write_end(struct write *w, int none)
{
	static const char damaged[] = "%s: %s: a damaged record";
	long long said;
	int r;

	if ((r = run(&said, w->r, &w->call, w->err)) != 0)
		return r;
	if (said == 1)
		return 0;
	if (said == 0)
		return none;
	if (said == -1)
		return SSTATE_ECONFLICT;
	return sstate_fail(w->err, SSTATE_ESTORE, 0, damaged, w->r->conf.scheme,
	    w->call.op);
}

/* What create and replace have in common: all of it up to the score. */
static int
write_record(struct write *w, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	/* The server's own deadline is never before ours. */
	int64_t end = rec->expires < INT64_MAX / 1000 - 1 ? rec->expires + 1
							  : INT64_MAX / 1000;
	int r, tagged = driver_has_tag(rec->tag);

	if ((r = rds_pack(w->head, w->r, rec, w->call.op, w->err)) != 0)
		return r;
	if (tagged &&
	    (r = rds_key(w->user, w->r, RDS_USER, key->ns, rec->tag,
		 sizeof(rec->tag), w->call.op, w->err)) != 0)
		return r;
	(void)snprintf(w->score, sizeof(w->score), "%lld",
	    (long long)rec->expires);
	(void)snprintf(w->deadline, sizeof(w->deadline), "%lld",
	    rec->expires == 0 ? 0 : (long long)end * 1000);
	if (tagged && w->r->map == NULL) {
		add(&w->call, w->user, strlen(w->user));
		w->call.nkeys = 2;
	}
	w->call.word[w->call.nwords++] = (struct rds_word){ w->head,
		sizeof(w->head), rec->body.ptr, rec->body.len };
	add(&w->call, w->deadline, strlen(w->deadline));
	add_member(w);
	add(&w->call, w->score, strlen(w->score));
	return tagged && w->r->map != NULL ? index_first(w) : 0;
}

static int
redis_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct write w;
	int r;

	if ((r = write_begin(&w, ctx, "create", &rds_create, key, err)) != 0 ||
	    (r = write_record(&w, key, rec)) != 0)
		return r;
	return write_end(&w, SSTATE_EEXIST);
}

static int
redis_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct write w;
	int r;

	if ((r = write_begin(&w, ctx, "replace", &rds_replace, key, err)) !=
		0 ||
	    (r = write_record(&w, key, rec)) != 0)
		return r;
	driver_put64(w.expected, expected);
	add(&w.call, w.expected, sizeof(w.expected));
	add(&w.call, w.users, strlen(w.users));
	return write_end(&w, SSTATE_ENOTFOUND);
}

static int
redis_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct write w;
	int r;

	if ((r = write_begin(&w, ctx, "remove", &rds_remove, key, err)) != 0)
		return r;
	driver_put64(w.expected, expected);
	add(&w.call, w.expected,
	    expected == SSTATE_ANY_REV ? 0 : sizeof(w.expected));
	add(&w.call, w.users, strlen(w.users));
	add_member(&w);
	return write_end(&w, SSTATE_ESTORE);
}

/* ---- Reads ------------------------------------------------------------ */

/*
 * Who asks what became of a write hears of it only when replicas have it:
 * one that a failover will undo must not pass for done.
 */
static int
settle(struct rds *r, const char *key, struct sstate_error *err)
{
	struct rds_call call = { .op = "get", .script = &rds_touch };
	long long said;
	int rc;

	call.nkeys = 1;
	call.key = key;
	call.waits = 1;
	add(&call, key, strlen(key));
	if ((rc = run(&said, r, &call, err)) == 0)
		r->owed[0] = '\0';
	return rc;
}

static int
redis_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct rds_call call = { .op = "get", .reads = RDS_AGAIN };
	struct sstate_record rec;
	struct rds *r = ctx;
	char k[RDS_KEY_BYTES];
	redisReply *re;
	int rc;

	if ((rc = rds_key(k, r, RDS_RECORD, key->ns, key->id, sizeof(key->id),
		 "get", err)) != 0)
		return rc;
	if (r->owed[0] != '\0' && strcmp(r->owed, k) == 0 &&
	    (rc = settle(r, k, err)) != 0)
		return rc;
	call.key = k;
	add(&call, "GET", 3);
	add(&call, k, strlen(k));
	if ((rc = rds_call(&re, r, &call, err)) != 0)
		return rc;
	if (re->type == REDIS_REPLY_NIL)
		rc = SSTATE_ENOTFOUND;
	else if (rds_unpack(&rec, re) != 0)
		rc = sstate_fail(err, SSTATE_ESTORE, 0,
		    "%s: get: a damaged record", r->conf.scheme);
	else
		rc = found(arg, &rec);
	freeReplyObject(re);
	return rc;
}

/* The same however often it is done. */
static int
redis_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct rds_call call = { .op = "latest", .script = &rds_latest };
	struct rds *r = ctx;
	char key[RDS_PREFIX_BYTES + 8], time[24], *end;
	redisReply *re;
	int rc;

	(void)snprintf(key, sizeof(key), "%sclock", r->conf.prefix);
	(void)snprintf(time, sizeof(time), "%lld", (long long)now);
	call.nkeys = 1;
	call.reads = RDS_AGAIN;
	call.key = key;
	add(&call, key, strlen(key));
	add(&call, time, strlen(time));
	if ((rc = rds_call(&re, r, &call, err)) != 0)
		return rc;
	if (re->type != REDIS_REPLY_STRING || re->len == 0)
		rc = rds_strange(r, "latest", err);
	else {
		*seen = strtoll(re->str, &end, 10);
		if (*end != '\0')
			rc = rds_strange(r, "latest", err);
	}
	freeReplyObject(re);
	return rc;
}

/* ---- Contexts --------------------------------------------------------- */

static void
redis_close(void *ctx)
{
	struct rds *r = ctx;
	size_t i;

	for (i = 0; i < r->nlinks; i++) {
		rds_link_drop(r->link[i]);
		free(r->link[i]);
	}
	free(r->link);
	free(r->map);
	free(r->cmd.p);
	rds_conf_free(&r->conf);
	free(r);
}

/* The program's connection must be one that waits for its answers. */
static int
take_handle(struct rds *r, redisContext *c, struct sstate_error *err)
{
	if (c->err != 0 || (c->flags & REDIS_BLOCK) == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: open: the handle is broken or does not block",
		    r->conf.scheme);
	r->link[0]->c = c;
	r->link[0]->fixed = 1;
	return rds_link_greet(r->link[0], r, "open", err);
}

static int
first_link(struct rds *r, void *handle, struct sstate_error *err)
{
	static const struct rds_addr nowhere = { "", 0 };
	int i;

	if (rds_link_for(r,
		r->conf.mode == RDS_SINGLE && handle == NULL
		    ? &r->conf.host[0]
		    : &nowhere) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: open",
		    r->conf.scheme);
	if (handle != NULL)
		return take_handle(r, handle, err);
	if (r->conf.mode == RDS_SENTINEL)
		return rds_master_up(r, "open", err);
	if (r->conf.mode == RDS_SINGLE)
		return rds_link_up(r->link[0], r, "open", 0, err);
	if ((r->map = malloc(RDS_SLOTS * sizeof(*r->map))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: open",
		    r->conf.scheme);
	for (i = 0; i < RDS_SLOTS; i++)
		r->map[i] = RDS_NOBODY;
	return rds_map_load(r, "open", err);
}

static int
redis_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	void *handle = sstate_conf_handle(conf);
	struct rds *r;
	int rc;

	*ctx = NULL;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "redis: open");
	if ((rc = rds_conf_read(&r->conf, conf, "redis", handle, err)) != 0 ||
	    (rc = first_link(r, handle, err)) != 0) {
		redis_close(r);
		return rc;
	}
	*ctx = r;
	return 0;
}

SSTATE_DRIVER(redis) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	/* DURABLE is for the server's configuration to say, not for us. */
	.caps = SSTATE_CAP_REMOTE | SSTATE_CAP_EXPIRE | SSTATE_CAP_TAG |
	    SSTATE_CAP_HANDLE,
	.scheme = "redis",
	.open = redis_open,
	.close = redis_close,
	.get = redis_get,
	.create = redis_create,
	.replace = redis_replace,
	.remove = redis_remove,
	/*
	 * No reap: the server forgets what expired, and users' entries go with
	 * the next log-in or by time.
	 */
	.each = rds_each,
	.abandon = redis_close, /* which says nothing to anybody */
	.latest = redis_latest,
	.count = rds_count,
};

/*
 * The same by TLS, which hiredis has since 1.0 and this driver has not: who
 * asks for it is told so, and not that there is no such scheme.
 */
static int
rediss_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	(void)conf;
	*ctx = NULL;
	return sstate_fail(err, SSTATE_ENOTSUP, 0,
	    "rediss: open: no TLS in this build; use a tunnel on this host");
}

SSTATE_DRIVER(rediss) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_REMOTE | SSTATE_CAP_EXPIRE | SSTATE_CAP_TAG,
	.scheme = "rediss",
	.open = rediss_open,
	.close = redis_close,
	.get = redis_get,
	.create = redis_create,
	.replace = redis_replace,
	.remove = redis_remove,
	.each = rds_each,
	.abandon = redis_close,
	.latest = redis_latest,
	.count = rds_count,
};
