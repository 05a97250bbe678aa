/*
 * floor_memcached.c - memcached, bare: get and set by libmemcached
 */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"

static memcached_st *c;
static char name[64 + 2 * BARE_KEY];
static size_t prefix;

static void
need(memcached_return_t rc, const char *what)
{
	if (rc != MEMCACHED_SUCCESS)
		bare_die(what, memcached_strerror(c, rc));
}

void
bare_open(const char *place, const char *set)
{
	if ((c = memcached_create(NULL)) == NULL)
		bare_die("open", "memory");
	need(memcached_server_add_unix_socket(c, place), "open");
	(void)snprintf(name, 64, "%s:", set);
	prefix = strlen(name);
}

/* The protocol's keys are text. */
static void
name_of(const unsigned char *key)
{
	static const char digits[] = "0123456789abcdef";
	char *p = name + prefix;
	int i;

	for (i = 0; i < BARE_KEY; i++) {
		*p++ = digits[key[i] >> 4];
		*p++ = digits[key[i] & 15];
	}
}

void
bare_create(const unsigned char *key, const unsigned char *body)
{
	name_of(key);
	need(memcached_add(c, name, prefix + 2 * BARE_KEY, (const char *)body,
		 BARE_BODY, 0, 0),
	    "add");
}

void
bare_get(unsigned char *body, const unsigned char *key)
{
	memcached_return_t rc;
	uint32_t flags;
	size_t n;
	char *p;

	name_of(key);
	p = memcached_get(c, name, prefix + 2 * BARE_KEY, &n, &flags, &rc);
	need(rc, "get");
	bare_take(body, p, n);
	free(p);
}

void
bare_put(const unsigned char *key, const unsigned char *body)
{
	name_of(key);
	need(memcached_set(c, name, prefix + 2 * BARE_KEY, (const char *)body,
		 BARE_BODY, 0, 0),
	    "set");
}

void
bare_delete(const unsigned char *key)
{
	name_of(key);
	need(memcached_delete(c, name, prefix + 2 * BARE_KEY, 0), "delete");
}
