/*
 * cgi_bare.c - a CGI program that does the protocol and nothing else
 *
 * No library, no checks: the floor of cgi_session.c.  BENCH_DIR is where its
 * files are; a cookie is a number, from which the id is made.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto.h"

static int
answer(uint64_t n, unsigned long long id)
{
	char page[256];
	int len;

	len = snprintf(page, sizeof(page),
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Set-Cookie: bare=%llu\r\n\r\n"
	    "<!DOCTYPE html><title>bench</title><p>visits=%llu\n",
	    id, (unsigned long long)n);
	return write(1, page, (size_t)len) != (ssize_t)len;
}

static int
make(int dir, struct proto *p)
{
	unsigned long long id = (unsigned long long)getpid();
	struct proto_id who;

	(void)proto_dirs(dir);
	proto_issue(&who, id);
	return proto_token(p, &who) != 0 || proto_create(dir, p) != 0 ||
	    answer(0, id) != 0;
}

int
main(void)
{
	const char *cookie = getenv("HTTP_COOKIE"),
		   *place = getenv("BENCH_DIR");
	static struct proto p;
	struct proto_id who;
	uint64_t n;
	int dir;

	if (place == NULL ||
	    (dir = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 1;
	if (cookie == NULL || strncmp(cookie, "bare=", 5) != 0)
		return make(dir, &p);
	proto_issue(&who, strtoull(cookie + 5, NULL, 10));
	if (proto_token(&p, &who) != 0 || proto_read(dir, &p) != 0)
		return 1;
	memcpy(&n, p.plain + 300, sizeof(n));
	if (proto_write(dir, &p, 0, n + 1) != 0)
		return 1;
	return answer(n + 1, 0);
}
