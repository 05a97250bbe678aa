/*
 * fcgi_wire.c - a FastCGI request's body in, its answer out
 *
 * Invariant: only whole records leave, and FCGI_END_REQUEST last, once; of an
 * aborted request nothing else does.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cgi/fcgi_conn.h"
#include "cgi/wire.h"

enum {
	RECORD = 65528, /* octets; a multiple of eight needs no padding */
	RECORDS = 20, /* at a time */
	VECS = RECORDS * 4,
	/* An abort may cross the answer anyhow: younger ones are let be. */
	LOOK_US = 10000
};

/* ---- The body --------------------------------------------------------- */

static int
lost(struct conn *c, struct sstate_error *err)
{
	if (c->aborted)
		return sstate_fail(err, SSTATE_ESYS, ECANCELED,
		    "request: aborted by the web server");
	c->eof = c->gone = 1;
	return sstate_fail(err, SSTATE_ESYS, ECONNRESET,
	    "request: the web server went away");
}

/* Straight to where it is wanted; what follows it comes into the buffer. */
static size_t
receive(struct conn *c, void *p, size_t n)
{
	struct iovec v[2];
	struct msghdr m;
	ssize_t have;

	assert(c->at == c->end);
	conn_clean(c);
	v[0].iov_base = p;
	v[0].iov_len = n < c->left ? n : c->left;
	v[1].iov_base = c->in;
	v[1].iov_len = sizeof(c->in);
	memset(&m, 0, sizeof(m));
	m.msg_iov = v;
	m.msg_iovlen = 2;
	conn_calm(c);
	do
		have = recvmsg(c->fd, &m, MSG_DONTWAIT);
	while (have < 0 && errno == EINTR);
	n = v[0].iov_len;
	conn_was_read(c, have, n + sizeof(c->in));
	if (have <= 0)
		return 0;
	if ((size_t)have < n)
		n = (size_t)have;
	c->left -= n;
	c->end = c->high = (size_t)have - n;
	return n;
}

/* More of it into p, or into the buffer: 0, or what became of it. */
static int
more(size_t *got, struct conn *c, void *p, size_t n, uint64_t deadline,
    struct sstate_error *err)
{
	size_t before = c->end - c->at;

	if (c->left > 0 && c->use == CONN_STDIN)
		*got = receive(c, p, n);
	else
		conn_fill(c);
	if (*got > 0 || c->end - c->at > before)
		return 0;
	if (c->eof)
		return lost(c, err);
	if (conn_await(c, deadline) != 0)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "request: the body came too slowly");
	return 0;
}

int
conn_body(size_t *got, struct conn *c, void *p, size_t n, uint64_t deadline,
    struct sstate_error *err)
{
	int r;

	*got = 0;
	if (c->aborted || c->gone)
		return lost(c, err);
	while (c->phase != CONN_WHOLE) {
		switch (conn_step(c, CONN_READ, NULL)) {
		case CONN_DATA:
			*got = c->end - c->at;
			if (*got > c->left)
				*got = c->left;
			if (*got > n)
				*got = n;
			memcpy(p, c->in + c->at, *got);
			c->at += *got;
			c->left -= *got;
			return 0;
		case CONN_MORE:
			r = more(got, c, p, n, deadline, err);
			if (r != 0 || *got > 0)
				return r;
			break;
		case CONN_END:
			return SSTATE_DONE;
		default:
			return lost(c, err);
		}
	}
	return SSTATE_DONE;
}

/* ---- The answer ------------------------------------------------------- */

struct batch {
	struct iovec v[VECS];
	size_t n, records;
	unsigned char heads[RECORDS][FCGI_HEAD];
	unsigned char tail[3 * FCGI_HEAD];
};

/* Whether the request was aborted; its body is not wanted any more. */
static void
look(struct conn *c)
{
	if (c->end - c->at == sizeof(c->in) || c->eof || c->broken)
		return;
	conn_fill(c);
	if (conn_step(c, CONN_HOLD, NULL) == CONN_BROKEN)
		c->broken = 1;
}

/*
 * Until octets are taken.  What comes meanwhile is looked at: whoever waits
 * for us to read would wait for ever, as we do for him.
 */
static int
await_room(struct conn *c, uint64_t deadline)
{
	struct pollfd p = { c->fd, POLLOUT, 0 };
	uint64_t now = clock_mono_us();
	int r;

	if (now >= deadline)
		return ETIMEDOUT;
	if (!c->eof && !c->broken && c->end - c->at < sizeof(c->in))
		p.events |= POLLIN;
	r = poll(&p, 1, (int)((deadline - now) / 1000 + 1));
	if (r > 0 && (p.revents & POLLIN) != 0)
		look(c);
	return 0;
}

static int
write_out(struct conn *c, struct batch *b)
{
	uint64_t deadline = 0;
	struct iovec *v = b->v;
	struct msghdr m;
	ssize_t have;
	size_t n = b->n;
	int e = 0;

	memset(&m, 0, sizeof(m));
	while (e == 0 && n > 0) {
		m.msg_iov = v;
		m.msg_iovlen = n;
		have = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (have >= 0) {
			wire_advance(&v, &n, (size_t)have);
			deadline = 0;
		} else if (errno == EAGAIN) {
			if (deadline == 0)
				deadline = clock_mono_us() +
				    LIMIT_SEND_SECONDS * 1000000ull;
			e = await_room(c, deadline);
		} else if (errno != EINTR)
			e = errno;
	}
	b->n = b->records = 0;
	if (e != 0)
		c->gone = 1;
	return e;
}

static void
add(struct batch *b, const void *p, size_t n)
{
	/* sendmsg() only reads it; its type knows no const. */
	union {
		const void *in;
		void *out;
	} u;

	u.in = p;
	b->v[b->n].iov_base = u.out;
	b->v[b->n++].iov_len = n;
}

/* One more record, of up to n octets of v, of which at are used. */
static size_t
record(struct conn *c, struct batch *b, const struct iovec **v, size_t *at,
    size_t n)
{
	unsigned char *head = b->heads[b->records++];
	size_t left, some;

	n = n < RECORD ? n : RECORD;
	add(b, head, FCGI_HEAD);
	/* Each record has its head and few pieces: there is room for four. */
	for (left = n; left > 0 && b->n < b->records * 4; left -= some) {
		while (*at == (*v)->iov_len) {
			++*v;
			*at = 0;
		}
		some = (*v)->iov_len - *at;
		if (some > left)
			some = left;
		add(b, (const char *)(*v)->iov_base + *at, some);
		*at += some;
	}
	fcgi_head_put(head, FCGI_STDOUT, c->id, n - left);
	return n - left;
}

static void
end(struct conn *c, struct batch *b, int said)
{
	size_t n = 0;

	if (said) {
		fcgi_head_put(b->tail, FCGI_STDOUT, c->id, 0);
		n = FCGI_HEAD;
	}
	fcgi_end_put(b->tail + n, c->id, FCGI_REQUEST_COMPLETE);
	add(b, b->tail, n + (size_t)2 * FCGI_HEAD);
	c->ended = 1;
}

static int
not_sent(const struct conn *c, int e, struct sstate_error *err)
{
	if (c->aborted)
		return sstate_fail(err, SSTATE_ESYS, ECANCELED,
		    "answer: the request was aborted");
	return sstate_fail(err, SSTATE_ESYS, e != 0 ? e : ECONNRESET,
	    "answer: write");
}

int
conn_send(struct conn *c, const struct iovec *v, size_t n, int last,
    struct sstate_error *err)
{
	size_t total = 0, at = 0, i;
	struct batch b;
	int e = 0;

	b.n = b.records = 0;
	for (i = 0; i < n; i++)
		total += v[i].iov_len;
	if (!c->aborted && !c->gone &&
	    (conn_is_stirred(c) || clock_mono_us() - c->since >= LOOK_US))
		look(c);
	while (total > 0 && !c->aborted && !c->gone) {
		total -= record(c, &b, &v, &at, total);
		/* One place more: the end's. */
		if (total > 0 && b.records == RECORDS - 1)
			e = write_out(c, &b);
	}
	if (last && !c->ended && !c->gone)
		end(c, &b, !c->aborted);
	if (b.n > 0)
		e = write_out(c, &b);
	return c->aborted || c->gone ? not_sent(c, e, err) : 0;
}
