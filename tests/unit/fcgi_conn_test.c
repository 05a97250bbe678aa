/*
 * fcgi_conn_test.c - one FastCGI connection by itself, its other end here
 *
 * The system calls that a connection is read, written and waited for by can
 * be told to fail once, and they are counted.
 *
 * link: -Wl,--wrap=recv,--wrap=recvmsg,--wrap=sendmsg,--wrap=poll
 */
#include "../cgi/fcgi_client.h"
#include "../tap.h"

#include <sys/uio.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cgi/fcgi_conn.h"

/* The next call fails with this; 0: it does not. */
static struct {
	int recv, recvmsg, sendmsg, poll;
	int poll_is_early; /* it says that nothing happened */
	unsigned reads;
	short events; /* what the last poll() was asked for */
} next;

ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
int __real_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);

static int
fails(int *e)
{
	if (*e == 0)
		return 0;
	errno = *e;
	*e = 0;
	return 1;
}

ssize_t
__wrap_recv(int fd, void *p, size_t n, int flags)
{
	next.reads += (flags & MSG_DONTWAIT) != 0; /* not the peer's */
	return fails(&next.recv) ? -1 : __real_recv(fd, p, n, flags);
}

ssize_t
__wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	return fails(&next.recvmsg) ? -1 : __real_recvmsg(fd, m, flags);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return fails(&next.sendmsg) ? -1 : __real_sendmsg(fd, m, flags);
}

int
__wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	next.events = p->events;
	if (next.poll_is_early) {
		next.poll_is_early = 0;
		return 0;
	}
	return fails(&next.poll) ? -1 : __real_poll(p, n, ms);
}

/* ---- A connection and its peer ---------------------------------------- */

static const struct hook hook = { NULL, NULL };
static struct conn c;
static atomic_uint state; /* of the slot that it is not in */
static int peer;
static struct fc_buf q; /* what the peer sends next */
static struct fc_answer a;

static void
dial(void)
{
	int p[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) != 0)
		abort();
	conn_init(&c, p[0], 8);
	c.state = &state;
	peer = p[1];
	memset(&next, 0, sizeof(next));
}

static void
hang_up(void)
{
	conn_forget(&c);
	(void)close(c.fd);
	if (peer >= 0)
		(void)close(peer);
	peer = -1;
	q.n = 0;
}

static void
push(void)
{
	if (!fc_push(peer, q.p, q.n))
		abort();
	q.n = 0;
}

/* Read, and take apart as far as it may go. */
static enum conn_event
step(enum conn_may may)
{
	conn_fill(&c);
	return conn_step(&c, may, &hook);
}

/* A request whose variables are whole, at work. */
static void
at_work(unsigned flags)
{
	fc_begin(&q, 1, FC_RESPONDER, flags);
	fc_stream(&q, FC_PARAMS, 1, "\1\1Ab", 4);
	push();
	NEED(step(CONN_START) == CONN_REQUEST, "a request is at work");
}

static int
answer(const char *text, int last)
{
	struct iovec v;

	v.iov_base = (char *)(uintptr_t)text;
	v.iov_len = strlen(text);
	/* Old enough to be looked after. */
	c.since = 0;
	return conn_send(&c, &v, 1, last, NULL);
}

static int
answered(const char *text)
{
	return fc_answer(&a, peer) && a.protocol == FC_COMPLETE &&
	    a.closed_stdout == 1 && strcmp(a.out.p, text) == 0;
}

static int
body(char *p, size_t n, size_t *got)
{
	return conn_body(got, &c, p, n, clock_mono_us() + 20000000, NULL);
}

/* ---- The peer goes away ----------------------------------------------- */

static void
nobody_takes_it(void)
{
	static const char *const what[] = { "FCGI_GET_VALUES",
		"an unknown role", "an abort" };
	int i;

	for (i = 0; i < 3; i++) {
		dial();
		if (i == 0)
			fc_record(&q, FC_GET_VALUES, 0, NULL, 0, 0);
		else
			fc_begin(&q, 1, i == 1 ? FC_FILTER : FC_RESPONDER,
			    FC_KEEP);
		if (i == 2)
			fc_record(&q, FC_ABORT, 1, NULL, 0, 0);
		push();
		(void)close(peer);
		peer = -1;
		T(step(CONN_START) == CONN_BROKEN && c.gone,
		    "%s, and nobody takes the answer: gone", what[i]);
		hang_up();
	}
}

static void
reset(void)
{
	dial();
	at_work(FC_KEEP);
	T(answer("x", 1) == 0, "an answer that nobody reads");
	(void)close(peer);
	peer = -1;
	conn_fill(&c);
	T(c.eof && c.gone, "a reset is an end, and nothing can be sent");
	hang_up();
}

/* ---- Interrupted ------------------------------------------------------ */

static void
interrupted(void)
{
	static char big[20000], got[20000];
	size_t n, at = 0;

	memset(big, 'b', sizeof(big));
	dial();
	next.recv = EINTR;
	at_work(FC_KEEP);
	T(next.recv == 0 && !c.eof, "recv is interrupted: nothing is lost");
	fc_record(&q, FC_STDIN, 1, big, sizeof(big), 0);
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	push();
	next.recvmsg = EINTR;
	while (body(got + at, sizeof(got) - at, &n) == 0)
		at += n;
	T(next.recvmsg == 0 && at == sizeof(big) && memcmp(big, got, at) == 0,
	    "so is recvmsg: the body is whole");
	next.sendmsg = EINTR;
	T(answer("x", 1) == 0 && next.sendmsg == 0 && answered("x"),
	    "so is sendmsg: the answer is whole");
	next.poll = EINTR;
	fc_record(&q, FC_STDIN, 1, "x", 1, 0);
	push();
	T(conn_await(&c, clock_mono_us() + 20000000) == 0 && next.poll == 0,
	    "so is poll: what came is seen");
	next.poll = ENOMEM;
	T(conn_await(&c, 1) == SSTATE_EBUSY && next.poll == ENOMEM,
	    "over is over, before anything is asked");
	next.poll = 0;
	hang_up();
}

/* ---- The body --------------------------------------------------------- */

/* Records of 12000 octets, wanted in pieces that are smaller and larger. */
static void
bodies(void)
{
	static char big[12000], got[30000];
	static const size_t sizes[] = { 100, 5000, 30000 };
	size_t i, n, at;
	int r;

	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		dial();
		at_work(FC_KEEP);
		fc_record(&q, FC_STDIN, 1, big, sizeof(big), 3);
		/* One of another request, larger than the buffer. */
		fc_record(&q, FC_STDIN, 9, got, 10000, 0);
		fc_record(&q, FC_DATA, 1, got, 500, 0);
		fc_record(&q, FC_STDIN, 1, big, sizeof(big), 0);
		fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
		push();
		for (at = 0;
		     (r = body(got + at,
			  sizes[i] < sizeof(got) - at ? sizes[i]
						      : sizeof(got) - at,
			  &n)) == 0;
		     at += n)
			;
		T(r == SSTATE_DONE && at == 2 * sizeof(big) &&
			memcmp(got, big, sizeof(big)) == 0 &&
			memcmp(got + sizeof(big), big, sizeof(big)) == 0,
		    "E10 a body, by %zu: other records are no part of it",
		    sizes[i]);
		T(body(got, 1, &n) == SSTATE_DONE && n == 0,
		    "E2 after its end there is none");
		hang_up();
	}
}

/* A record's first part was read, its rest comes with what follows it. */
static void
in_two_parts(void)
{
	char first[16], got[16];
	size_t n, m;

	dial();
	at_work(FC_KEEP);
	fc_record(&q, FC_STDIN, 1, "abcdef", 6, 0);
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	if (!fc_push(peer, q.p, 8 + 2) || body(first, 16, &n) != 0)
		abort();
	(void)fc_push(peer, q.p + 10, 1);
	T(n == 2 && memcmp(first, "ab", 2) == 0 && body(got, 16, &m) == 0 &&
		m == 1 && *got == 'c',
	    "less than there was room for");
	(void)fc_push(peer, q.p + 11, q.n - 11);
	T(body(got, 16, &m) == 0 && m == 3 && memcmp(got, "def", 3) == 0 &&
		body(got, 16, &m) == SSTATE_DONE,
	    "the rest, and the end that came behind it");
	hang_up();
}

static void
lost(void)
{
	struct sstate_error err;
	char got[16];
	size_t n;

	dial();
	at_work(FC_KEEP);
	fc_record(&q, FC_ABORT, 1, NULL, 0, 0);
	push();
	T(body(got, 16, &n) == SSTATE_ESYS && n == 0 &&
		conn_body(&n, &c, got, 16, 0, &err) == SSTATE_ESYS &&
		strstr(err.text, "aborted") != NULL,
	    "E10 aborted, and asked again: %s", err.text);
	T(answer("x", 1) == SSTATE_ESYS && fc_answer(&a, peer) &&
		a.out.n == 0 && a.records == 1,
	    "... FCGI_END_REQUEST alone is sent");
	hang_up();
	dial();
	at_work(FC_KEEP);
	(void)close(peer);
	peer = -1;
	T(body(got, 16, &n) == SSTATE_ESYS &&
		conn_body(&n, &c, got, 16, 0, &err) == SSTATE_ESYS &&
		strstr(err.text, "went away") != NULL,
	    "E2 gone, and asked again: %s", err.text);
	hang_up();
}

/* ---- The answer ------------------------------------------------------- */

static void
pieces(void)
{
	static char text[401]; /* more pieces than one batch takes */
	struct iovec v[sizeof(text) - 1];
	size_t i, n = sizeof(text) - 1;

	for (i = 0; i < n; i++) {
		text[i] = (char)('a' + i % 26);
		v[i].iov_base = text + i;
		v[i].iov_len = 1;
	}
	dial();
	at_work(FC_KEEP);
	T(conn_send(&c, v, n, 1, NULL) == 0 && answered(text),
	    "an answer of %zu pieces is whole", n);
	T(conn_send(&c, NULL, 0, 1, NULL) == 0 &&
		recv(peer, &v, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN,
	    "FCGI_END_REQUEST leaves once");
	hang_up();
}

/* While the peer's side is full nothing is read that there is no room for. */
static void
full(void)
{
	static char big[30000];
	char got[16];
	size_t n;

	dial();
	at_work(FC_KEEP);
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	fc_begin(&q, 2, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 2, "\1\1Ab", 4);
	fc_stream(&q, FC_STDIN, 2, big, sizeof(big));
	push();
	T(step(CONN_HOLD) == CONN_NEXT, "the next request has to wait");
	conn_fill(&c);
	n = c.end - c.at;
	conn_fill(&c);
	T(n == sizeof(c.in) && c.end - c.at == n && !c.eof,
	    "a buffer that is full: no octet is lost, and that is no end");
	next.reads = 0;
	next.sendmsg = EAGAIN;
	T(answer("x", 0) == 0 && next.reads == 0 && next.events == POLLOUT,
	    "the answer waits for its own room, and reads nothing");
	T(answer("y", 1) == 0 && answered("xy"), "and is whole");
	conn_forget(&c);
	T(conn_step(&c, CONN_START, &hook) == CONN_REQUEST && c.id == 2,
	    "the next request is there");
	for (n = 1; n > 0;)
		if (body(got, sizeof(got), &n) != 0)
			break;
	T(c.phase == CONN_WHOLE, "with its body");
	hang_up();
}

/* What came while an answer is made: an end, or no FastCGI. */
static void
looks(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		dial();
		at_work(FC_KEEP);
		if (i == 0)
			(void)shutdown(peer, SHUT_WR);
		else
			(void)fc_push(peer, "GET / HTTP/1.0\r\n", 16);
		T(answer("a", 0) == 0 && (i == 0 ? c.eof : c.broken),
		    "%s comes while an answer is made",
		    i == 0 ? "an end" : "nonsense");
		next.reads = 0;
		next.sendmsg = EAGAIN;
		T(answer("b", 0) == 0 && next.reads == 0 &&
			next.events == POLLOUT,
		    "... it is not read again, nor waited for");
		T(answer("c", 1) == 0 && answered("abc"),
		    "... and the answer is whole");
		hang_up();
	}
}

/* A question about the connection has its answer after the request's. */
static void
waits_its_turn(void)
{
	static struct fc_got g;

	dial();
	at_work(FC_KEEP);
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	fc_record(&q, FC_GET_VALUES, 0, NULL, 0, 0);
	push();
	T(answer("a", 0) == 0 && answer("b", 1) == 0 && answered("ab"),
	    "FCGI_GET_VALUES comes while an answer is made, which is whole");
	T(conn_step(&c, CONN_AFTER, NULL) == CONN_MORE && fc_get(&g, peer) &&
		g.type == FC_GET_VALUES_RESULT,
	    "... and is answered then");
	hang_up();
}

/* Another thread was told of it. */
static void
stirred(void)
{
	struct sstate_error err;

	dial();
	at_work(FC_KEEP);
	fc_record(&q, FC_ABORT, 1, NULL, 0, 0);
	push();
	atomic_store(&state, CONN_STIRRED);
	T(conn_send(&c, NULL, 0, 0, &err) == SSTATE_ESYS && c.aborted,
	    "E10 an abort that was seen, though the request is young: %s",
	    err.text);
	atomic_store(&state, 0);
	hang_up();
}

static void
not_sent(void)
{
	struct sstate_error err;
	char x[] = "x";
	struct iovec v = { x, 1 };

	dial();
	at_work(FC_KEEP);
	(void)close(peer);
	peer = -1;
	T(conn_send(&c, &v, 1, 0, &err) == SSTATE_ESYS && c.gone,
	    "E2 gone before the answer: %s", err.text);
	next.sendmsg = ENOMEM;
	T(conn_send(&c, &v, 1, 1, &err) == SSTATE_ESYS &&
		next.sendmsg == ENOMEM,
	    "... nothing more is sent: %s", err.text);
	hang_up();
}

static void
early(void)
{
	dial();
	at_work(FC_KEEP);
	next.sendmsg = EAGAIN;
	next.poll_is_early = 1;
	T(answer("x", 1) == 0 && next.poll_is_early == 0 &&
		next.events == (POLLIN | POLLOUT) && answered("x"),
	    "woken for nothing: the answer is tried again");
	hang_up();
}

int
main(void)
{
	nobody_takes_it();
	reset();
	interrupted();
	bodies();
	in_two_parts();
	lost();
	pieces();
	full();
	looks();
	waits_its_turn();
	stirred();
	not_sent();
	early();
	fc_drop(&q);
	fc_drop(&a.out);
	return tap_done();
}
