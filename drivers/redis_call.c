/*
 * redis_call.c - one command: to which server, and what becomes of failures
 *
 * Invariant: a command goes to a second server, or a second time to one, only
 * if not all of it was written, or the server refused to run it (NOSCRIPT,
 * MOVED, ASK, READONLY), or it is a read.  A write that was sent whole and
 * not answered is SSTATE_ESTORE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis.h"

enum { CMD_KEPT = 64 << 10 }; /* octets of a buffer between two commands */

/* One call on its way. */
struct trip {
	struct rds *r;
	const struct rds_call *call;
	struct rds_link *link;
	int asking; /* by ASK: this once, this server */
	int text; /* the script itself: the server does not know it */
	int again; /* connected anew, or asked for the master again */
	struct sstate_error *err;
};

int
rds_strange(const struct rds *r, const char *op, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ESTORE, 0, "%s: %s: a strange answer",
	    r->conf.scheme, op);
}

struct rds_link *
rds_link_for(struct rds *r, const struct rds_addr *a)
{
	struct rds_link **v, *l = NULL;
	size_t i;

	for (i = 0; i < r->nlinks; i++)
		if (r->link[i]->addr.port == a->port &&
		    strcmp(r->link[i]->addr.host, a->host) == 0)
			return r->link[i];
	/* A place of which nobody spoke any more is taken again. */
	for (i = 0; i < r->nlinks && l == NULL; i++)
		if (r->map != NULL && !r->link[i]->used &&
		    r->link[i]->c == NULL)
			l = r->link[i];
	if (l == NULL) {
		if (r->nlinks >= RDS_NOBODY ||
		    (v = realloc(r->link, (r->nlinks + 1) * sizeof(*v))) ==
			NULL)
			return NULL;
		r->link = v;
		if ((l = calloc(1, sizeof(*l))) == NULL)
			return NULL;
		r->link[r->nlinks++] = l;
	}
	l->addr = *a;
	return l;
}

/* ---- The octets ------------------------------------------------------- */

static void
wait_words(struct rds_cmd *cmd, const struct rds_conf *c)
{
	/* Its answer comes before our own time is over, if a tick late. */
	int slack = c->timeout_ms / 4 > 200 ? c->timeout_ms / 4 : 200;
	char n[16], ms[16];

	(void)snprintf(n, sizeof(n), "%d", c->wait);
	(void)snprintf(ms, sizeof(ms), "%d",
	    c->timeout_ms > slack ? c->timeout_ms - slack : 1);
	rds_begin(cmd, 3);
	rds_str(cmd, "WAIT");
	rds_str(cmd, n);
	rds_str(cmd, ms);
}

static int
write_down(struct trip *t)
{
	const struct rds_call *call = t->call;
	struct rds_cmd *cmd = &t->r->cmd;
	char nkeys[2] = { (char)('0' + call->nkeys), '\0' };
	int i;

	cmd->len = 0;
	if (t->asking) {
		rds_begin(cmd, 1);
		rds_str(cmd, "ASKING");
	}
	rds_begin(cmd, call->nwords + (call->script != NULL ? 3 : 0));
	if (call->script != NULL) {
		rds_str(cmd, t->text ? "EVAL" : "EVALSHA");
		rds_str(cmd, t->text ? call->script->text : call->script->sha);
		rds_str(cmd, nkeys);
	}
	for (i = 0; i < call->nwords; i++)
		rds_put(cmd, &call->word[i]);
	if (call->waits && t->r->conf.wait > 0)
		wait_words(cmd, &t->r->conf);
	if (cmd->bad)
		return sstate_fail(t->err, SSTATE_ENOMEM, 0, "%s: %s",
		    t->r->conf.scheme, call->op);
	return 0;
}

static void
shrink(struct rds_cmd *cmd)
{
	if (cmd->max <= CMD_KEPT && !cmd->bad)
		return;
	free(cmd->p);
	memset(cmd, 0, sizeof(*cmd));
}

/* ---- Which server ----------------------------------------------------- */

/* Up; a cluster's key by the map, a master by the sentinels. */
static int
reach(struct trip *t)
{
	const struct rds_call *call = t->call;
	struct rds *r = t->r;
	int rc;

	if (t->link == NULL)
		t->link = call->link;
	if (t->link == NULL && r->conf.mode == RDS_CLUSTER) {
		if ((rc = rds_map_find(&t->link, r, call->key, call->op,
			 t->err)) != 0)
			return rc;
	} else if (t->link == NULL)
		t->link = r->link[0];
	if (r->conf.mode == RDS_SENTINEL && t->link->c == NULL)
		return rds_master_up(r, call->op, t->err);
	return rds_link_up(t->link, r, call->op, 0, t->err);
}

/* Once: connect anew; another server may have what this one had. */
static int
look_anew(struct trip *t)
{
	struct rds *r = t->r;

	if (t->again++ > 0)
		return 0;
	t->link = NULL;
	t->asking = 0;
	return r->conf.mode != RDS_CLUSTER || t->call->link != NULL ||
	    rds_map_load(r, t->call->op, NULL) == 0;
}

/* ---- There and back --------------------------------------------------- */

/* 0, or a code; *safe: it is certain that no server ran it. */
static int
send_it(struct trip *t, int *safe)
{
	struct rds_link *l = t->link;
	int rc;

	*safe = 1;
	if ((rc = write_down(t)) != 0)
		return rc;
	/*
	 * A server that hung up meanwhile costs a write nothing if it is
	 * noticed before; a read is sent again anyway.
	 */
	if (t->call->reads != RDS_AGAIN && !rds_link_idle(l)) {
		rds_link_drop(l);
		return sstate_fail(t->err, SSTATE_EBUSY, 0,
		    "%s: %s: the server hung up", t->r->conf.scheme,
		    t->call->op);
	}
	if (rds_link_send(l, &t->r->cmd) == 0)
		return 0;
	rc = errno;
	rds_link_drop(l);
	return sstate_fail(t->err, SSTATE_EBUSY, rc, "%s: %s: not sent",
	    t->r->conf.scheme, t->call->op);
}

static int
one_answer(redisReply **out, struct trip *t)
{
	const struct rds_conf *c = &t->r->conf;
	int e;

	if (rds_link_recv(out, t->link, c->timeout_ms) == 0)
		return 0;
	e = errno;
	rds_link_drop(t->link);
	return sstate_fail(t->err, SSTATE_ESTORE, e,
	    t->call->reads ? "%s: %s: no answer"
			   : "%s: %s: no answer, perhaps written",
	    c->scheme, t->call->op);
}

/* What WAIT says counts for a write that happened. */
static int
replicated(struct trip *t, const redisReply *re)
{
	const struct rds_conf *c = &t->r->conf;
	redisReply *wait;
	int r;

	if ((r = one_answer(&wait, t)) != 0)
		return r;
	if (re->type == REDIS_REPLY_INTEGER && re->integer == 1 &&
	    (wait->type != REDIS_REPLY_INTEGER || wait->integer < c->wait))
		r = sstate_fail(t->err, SSTATE_ESTORE, 0,
		    "%s: %s: written, but not by %d replicas in time",
		    c->scheme, t->call->op, c->wait);
	freeReplyObject(wait);
	return r;
}

static int
answers(redisReply **out, struct trip *t)
{
	redisReply *re;
	int r;

	*out = NULL;
	if (t->asking) {
		if ((r = one_answer(&re, t)) != 0)
			return r;
		freeReplyObject(re);
	}
	if ((r = one_answer(&re, t)) != 0)
		return r;
	if (t->call->waits && t->r->conf.wait > 0 &&
	    (r = replicated(t, re)) != 0) {
		freeReplyObject(re);
		return r;
	}
	*out = re;
	return 0;
}

/* Did the server refuse it, and is there somebody else to ask? */
static int
go_on(struct trip *t, const redisReply *re)
{
	struct rds_link *l;

	if (re->type != REDIS_REPLY_ERROR)
		return 0;
	if (t->call->script != NULL && !t->text && rds_is(re, "NOSCRIPT")) {
		t->text = 1;
		return 1;
	}
	if (t->r->conf.mode == RDS_SENTINEL && rds_is(re, "READONLY") &&
	    !t->again) {
		rds_link_drop(t->link);
		return look_anew(t);
	}
	if (t->r->conf.mode != RDS_CLUSTER || t->call->link != NULL ||
	    (l = rds_map_told(t->r, t->link, re)) == NULL)
		return 0;
	t->link = l;
	t->asking = rds_is(re, "ASK");
	t->text = 0;
	return 1;
}

/* Who waited for the time-out does not wait twice for the same server. */
static int
is_passing(const struct trip *t, int r)
{
	return (r == SSTATE_EBUSY || r == SSTATE_ESTORE) &&
	    (t->err->sys != ETIMEDOUT || t->r->conf.mode == RDS_CLUSTER);
}

static int
travel(redisReply **out, struct trip *t)
{
	int hops, r, safe;

	for (hops = 0; hops < RDS_HOPS; hops++) {
		safe = 1;
		if ((r = reach(t)) == 0 && (r = send_it(t, &safe)) == 0) {
			safe = t->call->reads == RDS_AGAIN;
			r = answers(out, t);
		}
		if (r != 0) {
			if (!safe || !is_passing(t, r) || !look_anew(t))
				return r;
			continue;
		}
		if (!go_on(t, *out))
			return 0;
		freeReplyObject(*out);
		*out = NULL;
	}
	return sstate_fail(t->err, SSTATE_EBUSY, 0,
	    "%s: %s: sent from server to server, not written",
	    t->r->conf.scheme, t->call->op);
}

int
rds_call(redisReply **out, struct rds *r, const struct rds_call *call,
    struct sstate_error *err)
{
	struct sstate_error mine = { 0, 0, "" };
	struct trip t;
	int rc;

	memset(&t, 0, sizeof(t));
	t.r = r;
	t.call = call;
	/* What failed at first and then went is nobody's error. */
	t.err = &mine;
	*out = NULL;
	rc = travel(out, &t);
	shrink(&r->cmd);
	if (rc == SSTATE_ESTORE && call->waits && r->conf.wait > 0)
		(void)snprintf(r->owed, sizeof(r->owed), "%s", call->key);
	if (rc == 0 && (*out)->type == REDIS_REPLY_ERROR) {
		rc = rds_refused(&r->conf, call->op, *out, &mine);
		freeReplyObject(*out);
		*out = NULL;
	}
	if (rc != 0 && err != NULL)
		*err = mine;
	return rc;
}
