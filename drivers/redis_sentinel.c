/*
 * redis_sentinel.c - which server is the master now
 *
 * Invariant: a server is written to only after it said itself, on this very
 * connection, that it is a master (rds_link_up() asks ROLE).
 */
#include <stdlib.h>
#include <string.h>

#include "redis.h"

/* The master by this sentinel; -1: it does not say. */
static int
ask(struct rds_addr *out, struct rds *r, struct rds_link *l, const char *op,
    struct sstate_error *err)
{
	struct rds_cmd cmd = { NULL, 0, 0, 0 };
	redisReply *re = NULL;
	int rc = -1;

	if (rds_link_up(l, r, op, RDS_HELLO_SENTINEL, err) != 0)
		return -1;
	rds_begin(&cmd, 3);
	rds_str(&cmd, "SENTINEL");
	rds_str(&cmd, "get-master-addr-by-name");
	rds_str(&cmd, r->conf.master);
	if (!cmd.bad && rds_link_send(l, &cmd) == 0 &&
	    rds_link_recv(&re, l, r->conf.timeout_ms) == 0 &&
	    re->type == REDIS_REPLY_ARRAY && re->elements == 2 &&
	    re->element[0]->type == REDIS_REPLY_STRING &&
	    re->element[1]->type == REDIS_REPLY_STRING &&
	    re->element[0]->len < sizeof(out->host)) {
		memset(out, 0, sizeof(*out));
		memcpy(out->host, re->element[0]->str, re->element[0]->len);
		out->port =
		    rds_number(re->element[1]->str, re->element[1]->len, 65535);
		rc = out->port > 0 ? 0 : -1;
	}
	freeReplyObject(re);
	free(cmd.p);
	rds_link_drop(l);
	return rc;
}

static int
ask_all(struct rds *r, const char *op, struct sstate_error *err)
{
	struct rds_link *l = r->link[0], sentinel;
	struct rds_addr first;
	size_t i;
	int rc, said = 0;

	for (i = 0; i < r->conf.nhosts; i++) {
		memset(&sentinel, 0, sizeof(sentinel));
		sentinel.addr = r->conf.host[i];
		if (ask(&l->addr, r, &sentinel, op, err) != 0)
			continue;
		said = 1;
		if ((rc = rds_link_up(l, r, op, 0, err)) != 0) {
			if (rc == SSTATE_EBUSY)
				continue;
			return rc;
		}
		/* Who answered is asked first the next time. */
		first = r->conf.host[i];
		memmove(r->conf.host + 1, r->conf.host,
		    i * sizeof(r->conf.host[0]));
		r->conf.host[0] = first;
		return 0;
	}
	if (said)
		return SSTATE_EBUSY; /* and rds_link_up() said why */
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "%s: %s: no sentinel knows the master", r->conf.scheme, op);
}

int
rds_master_up(struct rds *r, const char *op, struct sstate_error *err)
{
	struct sstate_error mine = { 0, 0, "" };
	int rc = ask_all(r, op, &mine);

	if (rc != 0 && err != NULL)
		*err = mine;
	return rc;
}
