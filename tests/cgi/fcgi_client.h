/*
 * fcgi_client.h - the web server's side of FastCGI, for tests
 *
 *	int l = fc_listen();			a Unix socket without a file
 *	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
 *	fc_param(&p, "REQUEST_METHOD", "GET");
 *	fc_stream(&q, FC_PARAMS, 1, p.p, p.n);	with the empty record
 *	fc_stream(&q, FC_STDIN, 1, NULL, 0);
 *	fd = fc_dial(l); fc_push(fd, q.p, q.n);
 *	fc_answer(&a, fd);			up to FCGI_END_REQUEST
 *
 * Octets as the protocol has them, by code that shares none with src/cgi.
 */
#ifndef FCGI_CLIENT_H
#define FCGI_CLIENT_H

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FC __attribute__((unused)) static

enum {
	FC_BEGIN = 1,
	FC_ABORT,
	FC_END,
	FC_PARAMS,
	FC_STDIN,
	FC_STDOUT,
	FC_STDERR,
	FC_DATA,
	FC_GET_VALUES,
	FC_GET_VALUES_RESULT,
	FC_UNKNOWN_TYPE
};
enum { FC_RESPONDER = 1, FC_AUTHORIZER, FC_FILTER };
enum { FC_CLOSE = 0, FC_KEEP = 1 };
enum { FC_COMPLETE, FC_CANT_MPX, FC_OVERLOADED, FC_UNKNOWN_ROLE };
enum { FC_WAIT_MS = 20000 }; /* then a test has failed */

/* ---- Octets ----------------------------------------------------------- */

struct fc_buf {
	char *p;
	size_t n, cap;
};

FC void
fc_put(struct fc_buf *b, const void *p, size_t n)
{
	if (b->cap - b->n < n) {
		b->cap = (b->cap + n) * 2;
		if ((b->p = realloc(b->p, b->cap)) == NULL)
			abort();
	}
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

FC void
fc_drop(struct fc_buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

FC void
fc_record(struct fc_buf *b, int type, unsigned id, const void *p, size_t n,
    unsigned padding)
{
	unsigned char h[8] = { 1, (unsigned char)type, (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(n >> 8), (unsigned char)n,
		(unsigned char)padding, 0 };
	static const char junk[256] = "padding";

	fc_put(b, h, sizeof(h));
	fc_put(b, p, n);
	fc_put(b, junk, padding);
}

FC void
fc_begin(struct fc_buf *b, unsigned id, unsigned role, unsigned flags)
{
	unsigned char p[8] = { (unsigned char)(role >> 8), (unsigned char)role,
		(unsigned char)flags, 0, 0, 0, 0, 0 };

	fc_record(b, FC_BEGIN, id, p, sizeof(p), 0);
}

/* A stream's octets, in records of at most size, without its end. */
FC void
fc_pieces(struct fc_buf *b, int type, unsigned id, const char *p, size_t n,
    size_t size)
{
	size_t some;

	for (; n > 0; p += some, n -= some) {
		some = n < size ? n : size;
		fc_record(b, type, id, p, some, (unsigned)(-some & 7));
	}
}

FC void
fc_stream(struct fc_buf *b, int type, unsigned id, const void *p, size_t n)
{
	fc_pieces(b, type, id, p, n, 65535);
	fc_record(b, type, id, NULL, 0, 0);
}

FC void
fc_length(struct fc_buf *b, size_t n)
{
	unsigned char p[4] = { (unsigned char)(n >> 24 | 0x80),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	if (n < 128)
		fc_put(b, p + 3, 1);
	else
		fc_put(b, p, 4);
}

FC void
fc_pair(struct fc_buf *b, const char *name, size_t n, const char *value,
    size_t v)
{
	fc_length(b, n);
	fc_length(b, v);
	fc_put(b, name, n);
	fc_put(b, value, v);
}

FC void
fc_param(struct fc_buf *b, const char *name, const char *value)
{
	fc_pair(b, name, strlen(name), value, strlen(value));
}

/* "NAME=value" */
FC void
fc_var(struct fc_buf *b, const char *var)
{
	size_t n = strcspn(var, "=");

	fc_pair(b, var, n, var + n + 1, strlen(var + n + 1));
}

/* A whole request: its variables as strings, NULL last. */
FC void
fc_request(struct fc_buf *b, unsigned id, unsigned flags,
    const char *const *vars, const void *body, size_t n)
{
	struct fc_buf params = { NULL, 0, 0 };

	for (; *vars != NULL; vars++)
		fc_var(&params, *vars);
	fc_begin(b, id, FC_RESPONDER, flags);
	fc_stream(b, FC_PARAMS, id, params.p, params.n);
	fc_stream(b, FC_STDIN, id, body, n);
	fc_drop(&params);
}

/* ---- Sockets ---------------------------------------------------------- */

FC int
fc_listen(void)
{
	struct sockaddr_un sa;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	/* The kernel picks an abstract name: nothing to remove. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa_family_t)) ||
	    listen(fd, 256) != 0)
		abort();
	return fd;
}

FC int
fc_dial(int listening)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd;

	if (getsockname(listening, (struct sockaddr *)&sa, &len) != 0 ||
	    (fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		abort();
	if (connect(fd, (struct sockaddr *)&sa, len) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* All of it; 0 if the other side is gone. */
FC int
fc_push(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t have;

	while (n > 0) {
		have = send(fd, at, n, MSG_NOSIGNAL);
		if (have < 0 && errno == EINTR)
			continue;
		if (have <= 0)
			return 0;
		at += have;
		n -= (size_t)have;
	}
	return 1;
}

/* Exactly n octets: 1; 0 at an end or after FC_WAIT_MS. */
FC int
fc_pull(int fd, void *p, size_t n)
{
	struct pollfd w = { fd, POLLIN, 0 };
	char *at = p;
	ssize_t have;

	while (n > 0) {
		if (poll(&w, 1, FC_WAIT_MS) <= 0)
			return 0;
		have = recv(fd, at, n, 0);
		if (have < 0 && errno == EINTR)
			continue;
		if (have <= 0)
			return 0;
		at += have;
		n -= (size_t)have;
	}
	return 1;
}

/* Is this connection closed by the other side, soon?  What came is dropped. */
FC int
fc_is_closed(int fd)
{
	struct pollfd w = { fd, POLLIN, 0 };
	char some[512];
	ssize_t have;

	while (poll(&w, 1, FC_WAIT_MS) > 0) {
		have = recv(fd, some, sizeof(some), 0);
		if (have == 0 || (have < 0 && errno != EINTR))
			return 1;
	}
	return 0;
}

/* Has the other side taken all that was sent?  Of a Unix socket. */
FC int
fc_is_taken(int fd)
{
	int n = 1;

	return ioctl(fd, TIOCOUTQ, &n) == 0 && n == 0;
}

struct fc_got {
	int type;
	unsigned id;
	size_t n, padding;
	unsigned char p[65536 + 256];
};

/* One record. */
FC int
fc_get(struct fc_got *g, int fd)
{
	unsigned char h[8];

	memset(g, 0, offsetof(struct fc_got, p));
	if (!fc_pull(fd, h, sizeof(h)) || h[0] != 1)
		return 0;
	g->type = h[1];
	g->id = (unsigned)h[2] << 8 | h[3];
	g->n = (size_t)h[4] << 8 | h[5];
	g->padding = h[6];
	if (!fc_pull(fd, g->p, g->n + g->padding))
		return 0;
	g->p[g->n] = '\0';
	return 1;
}

struct fc_answer {
	int ended; /* FCGI_END_REQUEST came */
	unsigned id, app, protocol;
	int closed_stdout; /* by an empty record */
	unsigned records;
	struct fc_buf out; /* and a NUL */
	int status; /* of the Status header; 0: none */
	const char *page;
};

/* Up to the end of a request; 0 if the connection ends before. */
FC int
fc_answer(struct fc_answer *a, int fd)
{
	static _Thread_local struct fc_got g;
	const char *gap;

	free(a->out.p);
	memset(a, 0, sizeof(*a));
	while (!a->ended && fc_get(&g, fd)) {
		a->records++;
		a->id = g.id;
		if (g.type == FC_STDOUT && g.n > 0)
			fc_put(&a->out, g.p, g.n);
		else if (g.type == FC_STDOUT)
			a->closed_stdout++;
		else if (g.type == FC_END && g.n == 8) {
			a->ended = 1;
			a->app = g.p[3];
			a->protocol = g.p[4];
		} else
			break;
	}
	fc_put(&a->out, "", 1);
	a->out.n--;
	if (strncmp(a->out.p, "Status: ", 8) == 0)
		a->status = (int)strtol(a->out.p + 8, NULL, 10);
	gap = strstr(a->out.p, "\r\n\r\n");
	a->page = gap != NULL ? gap + 4 : "";
	return a->ended;
}

#endif
