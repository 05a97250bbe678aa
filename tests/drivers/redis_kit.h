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

/* It may be loading. */
__attribute__((unused)) static int
rkit_answers(void *arg)
{
	struct rkit *k = (struct rkit *)arg;
	redisContext *c = redisConnectUnix(k->sock);
	int up = c != NULL && c->err == 0;

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

/* Its words are parted by spaces; a last space is an empty word. */
__attribute__((unused)) static long long
rkit_words(const struct rkit *k, const char *text)
{
	redisContext *c = redisConnectUnix(k->sock);
	char copy[1024], *p = copy;
	const char *argv[64];
	redisReply *re = NULL;
	int argc = 0;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	while (p != NULL && argc < 64)
		argv[argc++] = strsep(&p, " ");
	if (strncmp(text, "CONFIG SET save ", 16) == 0) {
		/* All that follows is one word. */
		argv[3] = text + 16;
		argc = 4;
	}
	if (c != NULL && c->err == 0)
		re = (redisReply *)redisCommandArgv(c, argc, argv, NULL);
	if (re != NULL && re->type == REDIS_REPLY_ERROR)
		printf("# %s: %s\n", argv[0], re->str);
	if (c != NULL)
		redisFree(c);
	return rkit_number(re);
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

/* ---- A context, and records of four octets ----------------------------- */

__attribute__((unused)) static void *
rkit_open(const char *uri, struct sstate_error *err)
{
	void *ctx;

	memset(err, 0, sizeof(*err));
	return drv_open(&ctx, &sstate_driver_v1_redis, uri, err) == 0 ? ctx
								      : NULL;
}

__attribute__((unused)) static void
rkit_close(void *ctx)
{
	if (ctx != NULL)
		sstate_driver_v1_redis.close(ctx);
}

/* Its key in the server; the buffer is used again. */
__attribute__((unused)) static const char *
rkit_name(const struct sstate_key *key)
{
	static char name[200];
	size_t i, n;

	n = (size_t)snprintf(name, sizeof(name), "sstate:r:%s:", key->ns);
	for (i = 0; i < sizeof(key->id); i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "%02x",
		    key->id[i]);
	return name;
}

/* tag 0: nobody's */
__attribute__((unused)) static int
rkit_make(void *ctx, unsigned n, int64_t expires, unsigned tag,
    struct sstate_error *err)
{
	return drv_make(&sstate_driver_v1_redis, ctx, n, expires, tag, err);
}

__attribute__((unused)) static int
rkit_read(void *ctx, unsigned n, struct sstate_error *err)
{
	return drv_read(&sstate_driver_v1_redis, ctx, n, err);
}

__attribute__((unused)) static int
rkit_remove(void *ctx, unsigned n)
{
	struct sstate_error err;

	return drv_remove(&sstate_driver_v1_redis, ctx, n, SSTATE_ANY_REV,
	    &err);
}

/* For each: arg counts. */
__attribute__((unused)) static int
rkit_count(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

/* Does the open fail so? */
__attribute__((unused)) static int
rkit_refused(const char *uri, int code, const char *words)
{
	struct sstate_error err;
	void *ctx = rkit_open(uri, &err);
	int good =
	    ctx == NULL && err.code == code && strstr(err.text, words) != NULL;

	if (!good)
		printf("# %s: %d %s\n", uri, err.code, err.text);
	rkit_close(ctx);
	return good;
}

#endif
