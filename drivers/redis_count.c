/*
 * redis_count.c - about how many records there are
 *
 * A server knows how many keys it has, not how many of them are records
 * rather than users' sets, so some are drawn.  Records of all namespaces
 * under this prefix count: the draw is worth nothing for a rare one.
 *
 * Invariant: the cost does not depend on how many there are.
 */
#include <string.h>

#include "redis.h"

enum { DRAWN = 128 }; /* off by a tenth of it, if half of them are ours */

struct count {
	struct rds *r;
	char head[RDS_PREFIX_BYTES + 3]; /* of a record's key */
	uint64_t about;
	struct sstate_error *err;
};

/* How many of the draws were records; -1: the server was lost. */
static int
draw(struct count *c, struct rds_link *l)
{
	struct rds_cmd *cmd = &c->r->cmd;
	const size_t n = strlen(c->head);
	redisReply *re;
	int i, ours = 0;

	cmd->len = 0;
	for (i = 0; i < DRAWN; i++) {
		rds_begin(cmd, 1);
		rds_str(cmd, "RANDOMKEY");
	}
	if (cmd->bad || rds_link_send(l, cmd) != 0) {
		rds_link_drop(l);
		return -1;
	}
	for (i = 0; i < DRAWN; i++) {
		if (rds_link_recv(&re, l, c->r->conf.timeout_ms) != 0) {
			rds_link_drop(l);
			return -1;
		}
		ours += re->type == REDIS_REPLY_STRING && re->len > n &&
		    memcmp(re->str, c->head, n) == 0;
		freeReplyObject(re);
	}
	return ours;
}

static int
of_server(void *arg, struct rds_link *l)
{
	static const struct rds_word word = { "DBSIZE", 6, NULL, 0 };
	struct rds_call call = { .op = "count", .reads = RDS_AGAIN };
	struct count *c = arg;
	redisReply *re;
	int ours, r;

	call.link = l;
	call.word[call.nwords++] = word;
	if ((r = rds_call(&re, c->r, &call, c->err)) != 0)
		return r;
	if (re->type != REDIS_REPLY_INTEGER || re->integer < 0)
		r = rds_strange(c->r, "count", c->err);
	else if ((ours = draw(c, l)) < 0)
		r = sstate_fail(c->err, SSTATE_ESTORE, 0,
		    "%s: count: no answer", c->r->conf.scheme);
	else
		c->about += (uint64_t)re->integer * (uint64_t)ours / DRAWN;
	freeReplyObject(re);
	return r;
}

int
rds_count(uint64_t *about, void *ctx, const char *ns, struct sstate_error *err)
{
	struct count c;
	size_t n;
	int r;

	(void)ns;
	memset(&c, 0, sizeof(c));
	c.r = ctx;
	c.err = err;
	n = strlen(c.r->conf.prefix);
	memcpy(c.head, c.r->conf.prefix, n);
	c.head[n] = RDS_RECORD;
	c.head[n + 1] = ':';
	r = rds_servers(c.r, "count", of_server, &c, err);
	*about = c.about;
	return r;
}
