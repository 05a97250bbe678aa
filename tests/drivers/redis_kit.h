/*
 * redis_kit.h - redis servers for the tests of the redis: driver
 *
 *	struct rkit k;
 *	rkit_start(&k, "--appendonly", "yes", NULL);	or skip and leave
 *	k.uri		redis:/tmp/sstate.XXXXXX/s
 *	rkit_end(&k);
 *
 * Each has a folder and a Unix socket of its own, and a port of loopback if
 * it is told to.
 */
#ifndef REDIS_KIT_H
#define REDIS_KIT_H

#include <hiredis.h>

#include "kit.h"
#include "server.h"

extern const struct sstate_driver sstate_driver_v1_redis;

struct rkit {
	struct server s;
	char sock[96], uri[128], port_text[8];
	int port; /* 0: none */
	char *argv[40];
	int argc;
};

static int
rkit_is_up(void *arg)
{
	struct rkit *k = (struct rkit *)arg;
	redisContext *c = redisConnectUnix(k->sock);
	redisReply *re = NULL;
	int up = 0;

	if (c != NULL && c->err == 0)
		re = (redisReply *)redisCommand(c, "PING");
	/* One that wants a password is up, one that loads is not. */
	if (re != NULL)
		up = strncmp(re->str, "LOADING", 7) != 0;
	if (re != NULL)
		freeReplyObject(re);
	if (c != NULL)
		redisFree(c);
	return up;
}

__attribute__((unused)) static void
rkit_arg(struct rkit *k, const char *a)
{
	k->argv[k->argc++] = (char *)(uintptr_t)a;
	k->argv[k->argc] = NULL;
}

/* Again, with what it was started with. */
__attribute__((unused)) static int
rkit_again(struct rkit *k)
{
	return server_start(&k->s, k->argv, rkit_is_up, k);
}

/* A folder and a line of arguments; nothing runs yet. */
__attribute__((unused)) static int
rkit_room(struct rkit *k)
{
	memset(k, 0, sizeof(*k));
	if (server_room(&k->s, "redis-server") != 0)
		return -1;
	(void)snprintf(k->sock, sizeof(k->sock), "%s/s", k->s.dir);
	(void)snprintf(k->uri, sizeof(k->uri), "redis:%s", k->sock);
	rkit_arg(k, "redis-server");
	rkit_arg(k, "--unixsocket");
	rkit_arg(k, k->sock);
	/* The test may be root, the server is nobody. */
	rkit_arg(k, "--unixsocketperm");
	rkit_arg(k, "777");
	rkit_arg(k, "--save");
	rkit_arg(k, "");
	return 0;
}

/* On a port of loopback besides. */
__attribute__((unused)) static void
rkit_port(struct rkit *k, int port)
{
	k->port = port;
	(void)snprintf(k->port_text, sizeof(k->port_text), "%d", port);
	rkit_arg(k, "--bind");
	rkit_arg(k, "127.0.0.1");
	rkit_arg(k, "--port");
	rkit_arg(k, k->port_text);
}

/* Leaves the test if there is no such server. */
__attribute__((unused)) static void
rkit_start(struct rkit *k, ...)
{
	const char *a;
	va_list ap;

	if (rkit_room(k) != 0) {
		tap_skip("redis-server is not installed");
		exit(tap_done());
	}
	rkit_arg(k, "--port");
	rkit_arg(k, "0");
	va_start(ap, k);
	while ((a = va_arg(ap, const char *)) != NULL)
		rkit_arg(k, a);
	va_end(ap);
	NEED(rkit_again(k) == 0, "redis-server runs");
}

__attribute__((unused)) static void
rkit_end(struct rkit *k)
{
	server_end(&k->s);
}

/* By another way than the driver's; free the reply.  NULL: no connection. */
__attribute__((unused, format(printf, 2, 3))) static redisReply *
rkit_say(const struct rkit *k, const char *fmt, ...)
{
	redisContext *c = redisConnectUnix(k->sock);
	redisReply *re = NULL;
	va_list ap;

	if (c != NULL && c->err == 0) {
		va_start(ap, fmt);
		re = (redisReply *)redisvCommand(c, fmt, ap);
		va_end(ap);
	}
	if (c != NULL)
		redisFree(c);
	return re;
}

/* What a command says, as a number: an integer, or the length of a list. */
#define rkit_int(...) rkit_number(rkit_say(__VA_ARGS__))

__attribute__((unused)) static long long
rkit_number(redisReply *re)
{
	long long n = -1;

	if (re == NULL)
		return n;
	if (re->type == REDIS_REPLY_INTEGER)
		n = re->integer;
	else if (re->type == REDIS_REPLY_ARRAY)
		n = (long long)re->elements;
	else if (re->type == REDIS_REPLY_STATUS && strcmp(re->str, "OK") == 0)
		n = 1;
	freeReplyObject(re);
	return n;
}

__attribute__((unused)) static int
rkit_master(const struct rkit *k)
{
	redisReply *re = rkit_say(k, "ROLE");
	int yes = re != NULL && re->type == REDIS_REPLY_ARRAY &&
	    re->elements > 0 && strcmp(re->element[0]->str, "master") == 0;

	freeReplyObject(re);
	return yes;
}

#endif
