/*
 * fcgi_set_test.c - two threads and one connection, played by one thread
 *
 * What the other thread does in between is done within a system call of this
 * one: so each order of things comes, and not once in a million times.
 *
 * link: -Wl,--wrap=recv,--wrap=sendmsg,--wrap=epoll_wait
 */
#include "../cgi/fcgi_client.h"
#include "../tap.h"

#include <sys/epoll.h>

#include <securestate.h>

#include "base/arena.h"
#include "cgi/fcgi.h"
#include "cgi/fcgi_set.h"
#include "cgi/wire.h"

ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
int __real_epoll_wait(int ep, struct epoll_event *e, int n, int ms);
int __wrap_epoll_wait(int ep, struct epoll_event *e, int n, int ms);

static struct sstate *env;
static struct fcgi *f;
static int listening, fd; /* the web server's side of a connection */
static struct fc_buf keep, shut; /* a request each way; the second is open */

/* What happens after the n-th recv() or sendmsg() of the library from now. */
static struct {
	unsigned after_recv, after_send;
	const char *p; /* comes from the web server, */
	size_t n;
	int hangs_up; /* ... which then ends, */
	unsigned claimed; /* ... and the other thread has met so many events */
} meanwhile;

/* The other thread is told; it finds that the connection is held. */
static void
other_thread(void)
{
	struct epoll_event e;

	if (meanwhile.n > 0)
		(void)fc_push(fd, meanwhile.p, meanwhile.n);
	if (meanwhile.hangs_up) {
		(void)close(fd);
		fd = -1;
	}
	while (__real_epoll_wait(f->poll, &e, 1, 0) == 1) {
		if (e.data.u64 >= f->nslots)
			abort();
		if (set_claim(f, (unsigned)e.data.u64, e.events) == NULL)
			meanwhile.claimed++;
	}
}

ssize_t
__wrap_recv(int s, void *p, size_t n, int flags)
{
	ssize_t got = __real_recv(s, p, n, flags);
	const int e = errno;

	if ((flags & MSG_DONTWAIT) != 0 && meanwhile.after_recv > 0 &&
	    --meanwhile.after_recv == 0)
		other_thread();
	errno = e;
	return got;
}

ssize_t
__wrap_sendmsg(int s, const struct msghdr *m, int flags)
{
	ssize_t got = __real_sendmsg(s, m, flags);

	if (meanwhile.after_send > 0 && --meanwhile.after_send == 0)
		other_thread();
	return got;
}

int
__wrap_epoll_wait(int ep, struct epoll_event *e, int n, int ms)
{
	int got = __real_epoll_wait(ep, e, n, ms < 0 ? FC_WAIT_MS : ms);

	/* What was lost does not come. */
	if (got == 0)
		errno = ETIMEDOUT;
	return got > 0 ? got : -1;
}

static void
expect(const char *p, size_t n, int hangs_up)
{
	memset(&meanwhile, 0, sizeof(meanwhile));
	meanwhile.p = p;
	meanwhile.n = n;
	meanwhile.hangs_up = hangs_up;
}

/* The next request: its connection, or NULL. */
static struct conn *
take(void)
{
	struct wire w;

	if (fcgi_next(&w, f, NULL) != 0)
		return NULL;
	arena_free(w.a);
	return w.conn;
}

static int
answered(void)
{
	static struct fc_answer a;
	int good = fc_answer(&a, fd);

	fc_drop(&a.out);
	return good;
}

/* A connection that was answered once, and waits. */
static void
set_up(void)
{
	static const char *const none[] = { NULL };
	struct sstate_error err;
	struct conn *c;

	listening = fc_listen();
	if (fcgi_new(&f, env, listening, none, &err) != 0)
		abort();
	fd = fc_dial(listening);
	(void)fc_push(fd, keep.p, keep.n);
	if ((c = take()) == NULL)
		abort();
	fcgi_release(c);
	T(answered() && atomic_load(&f->slot[0].state) == SLOT_WAITS,
	    "a connection is kept, and waits");
}

static void
tear_down(void)
{
	fcgi_free(f);
	(void)close(listening);
	if (fd >= 0)
		(void)close(fd);
}

/* ---- What the other thread met ---------------------------------------- */

static void
rest_of_a_request(void)
{
	struct conn *c;

	set_up();
	expect(keep.p + 40, keep.n - 40, 0);
	meanwhile.after_recv = 1;
	(void)fc_push(fd, keep.p, 40);
	c = take();
	T(c != NULL && meanwhile.claimed == 1,
	    "the rest comes as the first half was read, and another thread "
	    "is told: it is read");
	if (c != NULL)
		fcgi_release(c);
	T(answered(), "... and answered");
	tear_down();
}

static void
next_request(void)
{
	struct conn *c;

	set_up();
	(void)fc_push(fd, keep.p, keep.n);
	c = take();
	expect(keep.p, keep.n, 0);
	meanwhile.after_send = 1;
	fcgi_release(c);
	T(answered() && meanwhile.claimed == 1 &&
		atomic_load(&f->slot[0].state) == SLOT_READY,
	    "the next request comes as the answer leaves: it is ready");
	T((c = take()) != NULL, "... and is taken");
	fcgi_release(c);
	T(answered(), "... and answered");
	tear_down();
}

static void
end_of_what_lingers(void)
{
	struct conn *c;

	set_up();
	(void)fc_push(fd, shut.p, shut.n);
	c = take();
	expect("\1\5\0", 3, 1);
	/* The first is the last look at its body. */
	meanwhile.after_recv = 2;
	fcgi_release(c);
	T(meanwhile.claimed > 0 && atomic_load(&f->slot[0].state) == SLOT_FREE,
	    "one that lingers ends as it is read: it is closed");
	tear_down();
}

static void
of_one_that_is_gone(void)
{
	struct epoll_event e;
	struct wire w;

	set_up();
	(void)close(fd);
	fd = -1;
	T(__real_epoll_wait(f->poll, &e, 1, FC_WAIT_MS) == 1 && e.data.u64 == 0,
	    "another thread is told of a connection's end, and is slow");
	fcgi_stop(f);
	T(fcgi_next(&w, f, NULL) == SSTATE_DONE &&
		atomic_load(&f->slot[0].state) == SLOT_FREE,
	    "meanwhile it is closed");
	T(set_claim(f, 0, e.events) == NULL &&
		atomic_load(&f->slot[0].state) == SLOT_FREE,
	    "an event of a connection that is gone does no harm");
	tear_down();
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	static const char *const get[] = { "REQUEST_METHOD=GET",
		"QUERY_STRING=a=1&b=2", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	o.stores = stores;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
	fc_request(&keep, 1, FC_KEEP, get, NULL, 0);
	fc_request(&shut, 1, FC_CLOSE, get, NULL, 0);
	shut.n -= 8;
	rest_of_a_request();
	next_request();
	end_of_what_lingers();
	of_one_that_is_gone();
	fc_drop(&keep);
	fc_drop(&shut);
	sstate_close(env);
	return tap_done();
}
