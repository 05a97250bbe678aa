/*
 * wire.c - where a request comes from and where its answer goes
 *
 * Of CGI here; FastCGI's are fcgi_wire.c's.
 *
 * Invariant: nothing is read that the caller did not ask for, so that a
 * body never runs into what follows it (E2).
 */
#include "cgi/wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/clock.h"
#include "cgi/fcgi.h"
#include "cgi/fcgi_conn.h"

const char *
wire_var(const struct wire *w, const char *name)
{
	size_t n = strlen(name), i;

	for (i = 0; w->vars[i] != NULL; i++)
		/* Most differ in their first letter. */
		if (w->vars[i][0] == name[0] &&
		    strncmp(w->vars[i], name, n) == 0 && w->vars[i][n] == '=')
			return w->vars[i] + n + 1;
	return NULL;
}

/* Wait until there is something to read. */
static int
await(int fd, uint64_t deadline, struct sstate_error *err)
{
	struct pollfd p = { fd, POLLIN, 0 };
	uint64_t now;
	int r;

	do {
		now = clock_mono_us();
		if (now >= deadline)
			return sstate_fail(err, SSTATE_EBUSY, 0,
			    "request: the body came too slowly");
		r = poll(&p, 1, (int)((deadline - now) / 1000 + 1));
	} while (r == 0 || (r < 0 && errno == EINTR));
	if (r < 0)
		return sstate_fail(err, SSTATE_ESYS, errno, "request: poll");
	return 0;
}

int
wire_read(size_t *got, const struct wire *w, void *p, size_t n,
    uint64_t deadline, struct sstate_error *err)
{
	ssize_t have;
	int r;

	*got = 0;
	if (w->conn != NULL)
		return conn_body(got, w->conn, p, n, deadline, err);
	do {
		if ((r = await(w->in, deadline, err)) != 0)
			return r;
		have = read(w->in, p, n);
	} while (have < 0 && (errno == EINTR || errno == EAGAIN));
	if (have < 0)
		return sstate_fail(err, SSTATE_ESYS, errno,
		    "request: read the body");
	*got = (size_t)have;
	return have == 0 ? SSTATE_DONE : 0;
}

void
wire_advance(struct iovec **v, size_t *n, size_t have)
{
	while (*n > 0 && have >= (*v)->iov_len) {
		have -= (*v)->iov_len;
		++*v;
		--*n;
	}
	if (*n > 0) {
		(*v)->iov_base = (char *)(*v)->iov_base + have;
		(*v)->iov_len -= have;
	}
}

static int
send_all(int fd, struct iovec *v, size_t n)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	ssize_t have;

	wire_advance(&v, &n, 0);
	while (n > 0) {
		have = writev(fd, v, (int)n);
		if (have >= 0)
			wire_advance(&v, &n, (size_t)have);
		else if (errno == EAGAIN)
			(void)poll(&p, 1, -1);
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

/*
 * A client that went away must not kill the program, and the program's own
 * way with SIGPIPE must not change: it is held back around the write, and
 * taken away if none was waiting before.  (On Linux sigprocmask is the
 * thread's own.)
 */
int
wire_send(const struct wire *w, struct iovec *v, size_t n,
    struct sstate_error *err)
{
	static const struct timespec now = { 0, 0 };
	sigset_t pipe_only, before, pending;
	int e, waited;

	if (w->conn != NULL)
		return conn_send(w->conn, v, n, 0, err);
	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &pipe_only, &before) != 0)
		return sstate_fail(err, SSTATE_ESYS, errno,
		    "answer: sigprocmask");
	/* Only what the program holds back can have waited. */
	(void)sigemptyset(&pending);
	if (sigismember(&before, SIGPIPE) == 1)
		(void)sigpending(&pending);
	waited = sigismember(&pending, SIGPIPE) == 1;
	e = send_all(w->out, v, n);
	if (e == EPIPE && !waited)
		while (
		    sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
			;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (e != 0)
		return sstate_fail(err, SSTATE_ESYS, e, "answer: write");
	return 0;
}

int
wire_finish(const struct wire *w, struct iovec *v, size_t n,
    struct sstate_error *err)
{
	if (w->conn != NULL)
		return conn_send(w->conn, v, n, 1, err);
	return n > 0 ? wire_send(w, v, n, err) : 0;
}

void
wire_done(const struct wire *w)
{
	if (w->conn != NULL)
		fcgi_release(w->conn);
}

int
wire_is_lost(const struct wire *w)
{
	return w->conn != NULL && (w->conn->aborted || w->conn->gone);
}
