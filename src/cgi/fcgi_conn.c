/*
 * fcgi_conn.c - one FastCGI connection: its records, taken apart
 *
 * Invariant: whatever comes, in pieces of whatever size, the next octet has
 * one meaning, by .left, .padding and .phase alone; and no more is kept than
 * the buffer, one small record, and a bounded stream of variables (E10).
 */
#include "cgi/fcgi_conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/wipe.h"

enum { ROOM = 16384 }; /* a usual request, its variables and answer too */

void
conn_init(struct conn *c, int fd, unsigned max_conns)
{
	memset(c, 0, offsetof(struct conn, in));
	c->fd = fd;
	c->max_conns = max_conns;
}

/* A record of our own, outside of any answer; whoever does not take it goes. */
static enum conn_event
reply(struct conn *c, const unsigned char *p, size_t n)
{
	if (send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
		return CONN_MORE;
	c->gone = 1;
	return CONN_BROKEN;
}

static enum conn_event
end_other(struct conn *c, unsigned id, unsigned status)
{
	unsigned char p[2 * FCGI_HEAD];

	fcgi_end_put(p, id, status);
	return reply(c, p, sizeof(p));
}

/* ---- A request begins and is whole ------------------------------------ */

static enum conn_event
begin(struct conn *c, const struct hook *h)
{
	unsigned role = (unsigned)c->small[0] << 8 | c->small[1];

	if (c->phase != CONN_IDLE) {
		/* Two of one id: which would a record belong to? */
		if (c->head.id == c->id)
			return CONN_BROKEN;
		return end_other(c, c->head.id, FCGI_CANT_MPX_CONN);
	}
	c->keep = (c->small[2] & FCGI_KEEP_CONN) != 0;
	if (role != FCGI_RESPONDER) {
		if (end_other(c, c->head.id, FCGI_UNKNOWN_ROLE) != CONN_MORE)
			return CONN_BROKEN;
		c->linger = !c->keep;
		return CONN_MORE;
	}
	c->id = c->head.id;
	c->phase = CONN_PARAMS;
	c->bad = 0;
	if ((c->a = arena_new(h, ROOM)) == NULL)
		c->bad = SSTATE_ENOMEM;
	else
		buf_init(&c->params, c->a, 0, LIMIT_VARS_BYTES);
	return CONN_MORE;
}

static enum conn_event
request(struct conn *c, int bad)
{
	if (c->bad == 0)
		c->bad = bad;
	c->phase = CONN_BODY;
	c->since = clock_mono_us();
	return CONN_REQUEST;
}

static enum conn_event
aborted(struct conn *c, enum conn_may may)
{
	c->aborted = 1;
	if (may != CONN_START)
		return CONN_ABORTED;
	/* Nobody has seen it yet. */
	if (end_other(c, c->id, FCGI_REQUEST_COMPLETE) != CONN_MORE)
		return CONN_BROKEN;
	c->ended = 1;
	return CONN_ABORTED;
}

/* ---- Records ---------------------------------------------------------- */

/* A small record is whole. */
static enum conn_event
small(struct conn *c, const struct hook *h)
{
	struct slice asked = { (const char *)c->small, c->nsmall };
	unsigned char p[FCGI_RESULT_MAX];
	size_t n;

	if (c->head.type == FCGI_BEGIN_REQUEST)
		return begin(c, h);
	if ((n = fcgi_result_put(p, asked, c->max_conns)) == 0)
		return CONN_BROKEN;
	return reply(c, p, n);
}

/* One whose id is 0 is about the connection. */
static enum conn_event
management(struct conn *c, const struct fcgi_head *h)
{
	unsigned char p[2 * FCGI_HEAD];

	if (h->type == FCGI_GET_VALUES) {
		c->use = CONN_SMALL_ONE;
		if (h->content > CONN_SMALL)
			return CONN_BROKEN;
		return h->content == 0 ? small(c, NULL) : CONN_MORE;
	}
	fcgi_unknown_put(p, h->type);
	return reply(c, p, sizeof(p));
}

/* A record of the request that is at work; what its content is good for. */
static enum conn_event
own(struct conn *c, const struct fcgi_head *h, enum conn_may may)
{
	switch (h->type) {
	case FCGI_ABORT_REQUEST:
		return aborted(c, may);
	case FCGI_PARAMS:
		/* Of one that is being answered: as if it were over. */
		if (may == CONN_HOLD)
			return CONN_MORE;
		if (c->phase != CONN_PARAMS)
			return CONN_BROKEN;
		if (h->content == 0)
			return request(c, 0);
		c->use = CONN_STREAM;
		return CONN_MORE;
	case FCGI_STDIN:
		if (c->phase == CONN_PARAMS)
			return request(c, SSTATE_EPARSE);
		if (c->phase == CONN_WHOLE)
			return CONN_MORE;
		c->use = may == CONN_READ ? CONN_STDIN : CONN_SKIP;
		if (h->content > 0)
			return CONN_MORE;
		c->phase = CONN_WHOLE;
		return may == CONN_READ ? CONN_END : CONN_MORE;
	default:
		return CONN_MORE;
	}
}

/* Would this record make us say something, or begin something? */
static int
must_wait(const struct fcgi_head *h, enum conn_may may)
{
	if (may == CONN_HOLD)
		return h->id == 0 || h->type == FCGI_BEGIN_REQUEST;
	return may == CONN_AFTER && h->type == FCGI_BEGIN_REQUEST;
}

/* A record begins: its head is in the buffer. */
static enum conn_event
head(struct conn *c, enum conn_may may)
{
	struct fcgi_head h;

	if (fcgi_head_get(&h, c->in + c->at) != 0)
		return CONN_BROKEN;
	if (must_wait(&h, may))
		return CONN_NEXT;
	c->at += FCGI_HEAD;
	c->head = h;
	c->left = h.content;
	c->padding = h.padding;
	c->use = CONN_SKIP;
	c->nsmall = 0;
	if (h.id == 0)
		return management(c, &h);
	if (h.type == FCGI_BEGIN_REQUEST) {
		c->use = CONN_SMALL_ONE;
		return h.content == 8 ? CONN_MORE : CONN_BROKEN;
	}
	/* One of no request: it was ended meanwhile, and may still come. */
	if (c->phase == CONN_IDLE || h.id != c->id)
		return CONN_MORE;
	return own(c, &h, may);
}

/* Content of the record that has begun; n octets of it are there. */
static enum conn_event
content(struct conn *c, enum conn_may may, const struct hook *h, size_t n)
{
	const unsigned char *p = c->in + c->at;

	if (c->use == CONN_STDIN && may == CONN_READ)
		return CONN_DATA;
	c->at += n;
	c->left -= n;
	if (c->use == CONN_SMALL_ONE) {
		memcpy(c->small + c->nsmall, p, n);
		c->nsmall += n;
		return c->left == 0 ? small(c, h) : CONN_MORE;
	}
	if (c->use == CONN_STREAM && c->bad == 0) {
		buf_put(&c->params, p, n);
		if ((c->bad = c->params.bad) != 0)
			/* The rest of them is nobody's. */
			return request(c, 0);
	}
	return CONN_MORE;
}

enum conn_event
conn_step(struct conn *c, enum conn_may may, const struct hook *h)
{
	enum conn_event e;
	size_t n;

	for (;;) {
		n = c->end - c->at;
		if (c->left > 0) {
			if (n == 0)
				return CONN_MORE;
			e = content(c, may, h, n < c->left ? n : c->left);
		} else if (c->padding > 0) {
			if (n == 0)
				return CONN_MORE;
			n = n < c->padding ? n : c->padding;
			c->at += n;
			c->padding -= n;
			e = CONN_MORE;
		} else if (n < FCGI_HEAD)
			return CONN_MORE;
		else
			e = head(c, may);
		if (e != CONN_MORE)
			return e;
		if (c->linger)
			return CONN_MORE;
	}
}

/* ---- Octets ----------------------------------------------------------- */

void
conn_calm(struct conn *c)
{
	/* What stirs from here on is another octet, or the end. */
	if ((atomic_fetch_and(c->state, ~(unsigned)CONN_STIRRED) & CONN_HUNG) !=
	    0)
		c->hung = 1;
}

void
conn_was_read(struct conn *c, ssize_t have, size_t room)
{
	/* Of a stream less than there was room for is all; but for its end. */
	c->maybe = have > 0 && ((size_t)have == room || c->hung);
	if (have > 0)
		c->fresh = 0;
	if (have == 0)
		c->eof = 1;
	else if (have < 0 && errno != EAGAIN)
		c->eof = c->gone = 1;
}

void
conn_fill(struct conn *c)
{
	size_t room;
	ssize_t have;

	if (c->at > 0) {
		memmove(c->in, c->in + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	if ((room = sizeof(c->in) - c->end) == 0)
		return;
	conn_calm(c);
	do
		have = recv(c->fd, c->in + c->end, room, MSG_DONTWAIT);
	while (have < 0 && errno == EINTR);
	conn_was_read(c, have, room);
	if (have > 0)
		c->end += (size_t)have;
	if (c->end > c->high)
		c->high = c->end;
}

int
conn_await(const struct conn *c, uint64_t deadline)
{
	struct pollfd p = { c->fd, POLLIN, 0 };
	uint64_t now;
	int r;

	do {
		now = clock_mono_us();
		if (now >= deadline)
			return SSTATE_EBUSY;
		r = poll(&p, 1, (int)((deadline - now) / 1000 + 1));
	} while (r <= 0);
	return 0;
}

int
conn_is_stirred(const struct conn *c)
{
	return (atomic_load(c->state) & CONN_STIRRED) != 0;
}

void
conn_clean(struct conn *c)
{
	size_t n = c->end - c->at;

	if (c->at > 0)
		memmove(c->in, c->in + c->at, n);
	wipe(c->in + n, c->high - n);
	c->at = 0;
	c->end = c->high = n;
}

void
conn_forget(struct conn *c)
{
	arena_free(c->a);
	c->a = NULL;
	memset(&c->params, 0, sizeof(c->params));
	c->phase = CONN_IDLE;
	c->id = 0;
	c->aborted = c->ended = c->bad = 0;
	c->deadline = 0;
	conn_clean(c);
}

int
conn_is_partial(const struct conn *c)
{
	return c->phase != CONN_IDLE || c->end > c->at || c->left > 0 ||
	    c->padding > 0;
}
