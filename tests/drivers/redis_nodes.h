/*
 * redis_nodes.h - a Redis Cluster of three masters, by hand
 *
 *	struct nodes c;
 *	nodes_start(&c);	skip and leave where it cannot be
 *	c.uri			redis://127.0.0.1:PORT?cluster=1&hosts=...
 *	nodes_end(&c);
 *
 * Node i has the i-th third of the slots.  A fourth one waits for its part.
 */
#ifndef REDIS_NODES_H
#define REDIS_NODES_H

#include "redis_kit.h"

#include "../../drivers/redis.h"

enum { NODES = 3, NODES_ALL = 4 };

struct nodes {
	struct rkit k[NODES_ALL];
	char bus[NODES_ALL][8], id[NODES_ALL][48];
	char uri[256];
};

static int
nodes_room(struct rkit *k, char *bus)
{
	if (rkit_room(k) != 0)
		return -1;
	rkit_port(k, server_port());
	/* By default 10000 more than the port: not always a port. */
	(void)snprintf(bus, 8, "%d", server_port());
	rkit_arg(k, "--cluster-enabled");
	rkit_arg(k, "yes");
	rkit_arg(k, "--cluster-port");
	rkit_arg(k, bus);
	rkit_arg(k, "--cluster-node-timeout");
	rkit_arg(k, "2000");
	rkit_arg(k, "--cluster-require-full-coverage");
	rkit_arg(k, "no");
	rkit_arg(k, "--appendonly");
	rkit_arg(k, "yes");
	return rkit_again(k);
}

/* Does a node's CLUSTER INFO have these words? */
__attribute__((unused)) static int
nodes_tell(const struct rkit *k, const char *words)
{
	redisReply *re = rkit_say(k, "CLUSTER INFO");
	int yes = re != NULL && re->type == REDIS_REPLY_STRING &&
	    strstr(re->str, words) != NULL;

	freeReplyObject(re);
	return yes;
}

/* Until all of the first n nodes say so. */
__attribute__((unused)) static int
nodes_wait(const struct nodes *c, int n, const char *words)
{
	const struct timespec nap = { 0, 20000000 };
	int i, tries;

	for (i = 0, tries = 0; i < n && tries < 50 * SERVER_SECONDS; tries++)
		if (nodes_tell(&c->k[i], words))
			i++;
		else
			(void)nanosleep(&nap, NULL);
	return i == n ? 0 : -1;
}

__attribute__((unused)) static void
nodes_start(struct nodes *c)
{
	redisReply *re;
	int i, bad = 0;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < NODES_ALL; i++)
		if (nodes_room(&c->k[i], c->bus[i]) != 0) {
			if (i > 0)
				T(0, "node %d starts", i);
			tap_skip("redis-server is not installed");
			exit(tap_done());
		}
	for (i = 0; i < NODES_ALL; i++) {
		re = rkit_say(&c->k[i], "CLUSTER MYID");
		NEED(re != NULL && re->type == REDIS_REPLY_STRING, "an id");
		(void)snprintf(c->id[i], sizeof(c->id[i]), "%s", re->str);
		freeReplyObject(re);
	}
	for (i = 0; i < NODES; i++) {
		bad += rkit_int(&c->k[i], "CLUSTER ADDSLOTSRANGE %d %d",
			   RDS_SLOTS * i / NODES,
			   RDS_SLOTS * (i + 1) / NODES - 1) != 1;
		bad += rkit_int(&c->k[i], "CLUSTER SET-CONFIG-EPOCH %d",
			   i + 1) != 1;
		if (i > 0)
			bad +=
			    rkit_int(&c->k[0], "CLUSTER MEET 127.0.0.1 %d %s",
				c->k[i].port, c->bus[i]) != 1;
	}
	NEED(bad == 0 && nodes_wait(c, NODES, "cluster_known_nodes:3") == 0 &&
		nodes_wait(c, NODES, "cluster_state:ok") == 0,
	    "a cluster of three");
	(void)snprintf(c->uri, sizeof(c->uri),
	    "redis://127.0.0.1:%d?cluster=1&hosts=127.0.0.1:%d,127.0.0.1:%d",
	    c->k[0].port, c->k[1].port, c->k[2].port);
}

__attribute__((unused)) static void
nodes_end(struct nodes *c)
{
	int i;

	for (i = 0; i < NODES_ALL; i++)
		rkit_end(&c->k[i]);
}

#endif
