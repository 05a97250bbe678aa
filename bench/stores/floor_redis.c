/*
 * floor_redis.c - Redis, bare: GET and SET by hiredis
 */
#include <hiredis.h>
#include <stdio.h>
#include <string.h>

#include "floor.h"

static redisContext *c;
static char name[64 + BARE_KEY];
static size_t prefix;

void
bare_open(const char *place, const char *set)
{
	c = redisConnectUnix(place);
	if (c == NULL || c->err != 0)
		bare_die("open", c != NULL ? c->errstr : "memory");
	(void)snprintf(name, 64, "%s:", set);
	prefix = strlen(name);
}

static redisReply *
ask(const char *verb, const unsigned char *key, const unsigned char *body)
{
	const char *word[3] = { verb, name, (const char *)body };
	const size_t len[3] = { strlen(verb), prefix + BARE_KEY, BARE_BODY };
	redisReply *re;

	memcpy(name + prefix, key, BARE_KEY);
	re = redisCommandArgv(c, body != NULL ? 3 : 2, word, len);
	if (re == NULL || re->type == REDIS_REPLY_ERROR)
		bare_die(verb, re != NULL ? re->str : c->errstr);
	return re;
}

void
bare_create(const unsigned char *key, const unsigned char *body)
{
	freeReplyObject(ask("SET", key, body));
}

void
bare_get(unsigned char *body, const unsigned char *key)
{
	redisReply *re = ask("GET", key, NULL);

	bare_take(body, re->str, re->len);
	freeReplyObject(re);
}

void
bare_put(const unsigned char *key, const unsigned char *body)
{
	freeReplyObject(ask("SET", key, body));
}

void
bare_delete(const unsigned char *key)
{
	redisReply *re = ask("DEL", key, NULL);

	if (re->integer != 1)
		bare_die("delete", "nothing there");
	freeReplyObject(re);
}
