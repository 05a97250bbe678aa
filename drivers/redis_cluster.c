/*
 * redis_cluster.c - whose a key is, in a Redis Cluster
 *
 * Invariant: the map is a guess that servers correct (MOVED, ASK); a wrong
 * one costs a round trip, and no command is run by a server that has not the
 * key.
 */
#include <stdlib.h>
#include <string.h>

#include "redis.h"

/* CRC-16/XMODEM, as the cluster specification has it. */
static unsigned
crc16(const char *p, size_t n)
{
	unsigned crc = 0;
	int i;

	for (; n > 0; n--, p++) {
		crc ^= (unsigned)(unsigned char)*p << 8;
		for (i = 0; i < 8; i++)
			crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) &
			    0xffff;
	}
	return crc;
}

/* What stands between the first '{' and the next '}' counts, if anything. */
unsigned
rds_slot(const char *key)
{
	const char *open = strchr(key, '{'), *shut;

	if (open != NULL && (shut = strchr(open + 1, '}')) != NULL &&
	    shut > open + 1)
		return crc16(open + 1, (size_t)(shut - open - 1)) % RDS_SLOTS;
	return crc16(key, strlen(key)) % RDS_SLOTS;
}

static int
index_of(const struct rds *r, const struct rds_link *l)
{
	size_t i;

	for (i = 0; i < r->nlinks; i++)
		if (r->link[i] == l)
			return (int)i;
	return RDS_NOBODY;
}

/* An entry of CLUSTER SLOTS: from, to, [host, port, ...], replicas. */
static int
take_range(struct rds *r, const struct rds_link *from, const redisReply *re)
{
	const redisReply *node;
	struct rds_addr a;
	struct rds_link *l;
	long long i;
	int k;

	if (re->type != REDIS_REPLY_ARRAY || re->elements < 3 ||
	    re->element[0]->type != REDIS_REPLY_INTEGER ||
	    re->element[1]->type != REDIS_REPLY_INTEGER ||
	    re->element[0]->integer < 0 || re->element[1]->integer >= RDS_SLOTS)
		return -1;
	node = re->element[2];
	if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 ||
	    node->element[1]->type != REDIS_REPLY_INTEGER ||
	    node->element[1]->integer < 1 || node->element[1]->integer > 65535)
		return -1;
	/* No host: the one that was asked. */
	a = from->addr;
	if (node->element[0]->type == REDIS_REPLY_STRING &&
	    node->element[0]->len > 0 &&
	    strcmp(node->element[0]->str, "?") != 0) {
		memset(&a, 0, sizeof(a));
		if (node->element[0]->len >= sizeof(a.host))
			return -1;
		memcpy(a.host, node->element[0]->str, node->element[0]->len);
	}
	a.port = (int)node->element[1]->integer;
	if ((l = rds_link_for(r, &a)) == NULL)
		return -1;
	l->used = 1;
	k = index_of(r, l);
	for (i = re->element[0]->integer; i <= re->element[1]->integer; i++)
		r->map[i] = (uint16_t)k;
	return 0;
}

static int
take_map(struct rds *r, const struct rds_link *from, const redisReply *re)
{
	size_t i;

	if (re->type != REDIS_REPLY_ARRAY || re->elements == 0)
		return -1;
	for (i = 0; i < RDS_SLOTS; i++)
		r->map[i] = RDS_NOBODY;
	for (i = 0; i < r->nlinks; i++)
		r->link[i]->used = 0;
	for (i = 0; i < re->elements; i++)
		if (take_range(r, from, re->element[i]) != 0)
			return -1;
	for (i = 0; i < r->nlinks; i++)
		if (!r->link[i]->used && r->link[i] != from)
			rds_link_drop(r->link[i]);
	return 0;
}

static int
ask(struct rds *r, struct rds_link *l, const char *op, struct sstate_error *err)
{
	struct rds_cmd cmd = { NULL, 0, 0, 0 };
	redisReply *re = NULL;
	int rc;

	if ((rc = rds_link_up(l, r, op, 0, err)) != 0)
		return rc;
	rds_begin(&cmd, 2);
	rds_str(&cmd, "CLUSTER");
	rds_str(&cmd, "SLOTS");
	if (cmd.bad)
		rc = sstate_fail(err, SSTATE_ENOMEM, 0, "%s: %s",
		    r->conf.scheme, op);
	else if (rds_link_send(l, &cmd) != 0 ||
	    rds_link_recv(&re, l, r->conf.timeout_ms) != 0) {
		rds_link_drop(l);
		rc = sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: %s: no map of the cluster", r->conf.scheme, op);
	} else if (re->type == REDIS_REPLY_ERROR)
		rc = rds_refused(&r->conf, op, re, err);
	else if (take_map(r, l, re) != 0)
		rc = sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: %s: a map of the cluster that makes no sense",
		    r->conf.scheme, op);
	if (rc == 0 && !l->used)
		rds_link_drop(l); /* it has another name in the map */
	freeReplyObject(re);
	free(cmd.p);
	return rc;
}

/* Of whoever is connected first, then of each that is known, then by URI. */
static int
ask_all(struct rds *r, const char *op, struct sstate_error *err)
{
	struct rds_link *l;
	size_t i, n = r->nlinks;
	int rc = SSTATE_EBUSY, up;

	for (up = 1; up >= 0; up--)
		for (i = 0; i < n; i++) {
			l = r->link[i];
			if ((l->c != NULL) == up && (up || l->used) &&
			    (rc = ask(r, l, op, err)) == 0)
				return 0;
		}
	for (i = 0; i < r->conf.nhosts; i++) {
		if ((l = rds_link_for(r, &r->conf.host[i])) == NULL)
			return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: %s",
			    r->conf.scheme, op);
		if ((rc = ask(r, l, op, err)) == 0)
			return 0;
	}
	return rc;
}

int
rds_map_load(struct rds *r, const char *op, struct sstate_error *err)
{
	struct sstate_error mine = { 0, 0, "" };
	int rc = ask_all(r, op, &mine);

	if (rc != 0 && err != NULL)
		*err = mine;
	return rc;
}

int
rds_map_find(struct rds_link **out, struct rds *r, const char *key,
    const char *op, struct sstate_error *err)
{
	unsigned k = r->map[rds_slot(key)];
	int rc;

	*out = NULL;
	if (k == RDS_NOBODY) {
		if ((rc = rds_map_load(r, op, err)) != 0)
			return rc;
		k = r->map[rds_slot(key)];
	}
	if (k == RDS_NOBODY)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: %s: the cluster is down, or this part of it",
		    r->conf.scheme, op);
	*out = r->link[k];
	return 0;
}

struct rds_link *
rds_map_told(struct rds *r, const struct rds_link *from, const redisReply *re)
{
	const char *p = re->str, *end = re->str + re->len;
	int moved = rds_is(re, "MOVED");
	struct rds_link *l;
	struct rds_addr a;
	const char *q;
	int slot;

	if (!moved && !rds_is(re, "ASK"))
		return NULL;
	p += moved ? 6 : 4; /* within: the word and a NUL at least */
	if (p > end)
		return NULL;
	q = memchr(p, ' ', (size_t)(end - p));
	if (q == NULL ||
	    (slot = rds_number(p, (size_t)(q - p), RDS_SLOTS - 1)) < 0 ||
	    rds_host_parse(&a, q + 1, (size_t)(end - q - 1), 0) != 0)
		return NULL;
	/* No host: the one that says it. */
	if (a.host[0] == '\0')
		memcpy(a.host, from->addr.host, sizeof(a.host));
	if (moved) {
		/* Seldom one slot alone. */
		(void)rds_map_load(r, "map", NULL);
	}
	if ((l = rds_link_for(r, &a)) == NULL)
		return NULL;
	if (moved) {
		l->used = 1;
		r->map[slot] = (uint16_t)index_of(r, l);
	}
	return l;
}

int
rds_servers(struct rds *r, const char *op,
    int (*fn)(void *arg, struct rds_link *l), void *arg,
    struct sstate_error *err)
{
	size_t i;
	int rc;

	if (r->map == NULL)
		return fn(arg, r->link[0]);
	if ((rc = rds_map_load(r, op, err)) != 0)
		return rc;
	for (i = 0; i < RDS_SLOTS; i++)
		if (r->map[i] == RDS_NOBODY)
			return sstate_fail(err, SSTATE_EBUSY, 0,
			    "%s: %s: a part of the cluster is down",
			    r->conf.scheme, op);
	for (i = 0; i < r->nlinks && rc == 0; i++)
		if (r->link[i]->used)
			rc = fn(arg, r->link[i]);
	return rc;
}
