/*
 * fcgi.c - FastCGI: from a socket that listens to requests, one after another
 *
 * Invariant: a request whose octets were read is handed out or refused, also
 * once stopped; what was not read yet stays where another process finds it.
 */
#include "cgi/fcgi.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "cgi/fcgi_set.h"
#include "cgi/wire.h"
#include "session/env.h"

/* Reads of one connection before the others have their turn. */
enum { TURNS = 32 };

int
fcgi_is_listening(int fd)
{
	socklen_t len = sizeof(int);
	int yes = 0, type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) != 0 || !yes)
		return 0;
	len = sizeof(type);
	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type == SOCK_STREAM;
}

int
fcgi_new(struct fcgi **out, struct sstate *env, int fd, const char *const *vars,
    struct sstate_error *err)
{
	struct wire w = { vars, -1, -1, NULL, NULL };
	const struct hook *h = env_hook(env);
	struct fcgi *f;
	int r, flags;

	*out = NULL;
	if ((f = hook_alloc(h, sizeof(*f))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "fcgi");
	memset(f, 0, sizeof(*f));
	f->env = env;
	f->hook = h;
	f->fd = fd;
	/* Or whoever comes second to a connection would wait for the next. */
	if ((flags = fcntl(fd, F_GETFL)) < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    (fd > 2 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0))
		r = sstate_fail(err, SSTATE_ESYS, errno, "fcgi: socket");
	else if ((r = addrs_new(&f->addrs, h,
		      wire_var(&w, "FCGI_WEB_SERVER_ADDRS"), err)) == 0 &&
	    (r = set_init(f, err)) != 0)
		addrs_free(f->addrs, h);
	if (r != 0)
		hook_free(h, f, sizeof(*f));
	else
		*out = f;
	return r;
}

void
fcgi_free(struct fcgi *f)
{
	set_free(f);
	addrs_free(f->addrs, f->hook);
	hook_free(f->hook, f, sizeof(*f));
}

void
fcgi_stop(struct fcgi *f)
{
	int e = errno;

	atomic_store(&f->stopped, 1);
	/* A child that has not begun still has its parent's descriptors. */
	if (guard_same(&f->guard))
		set_wake(f);
	errno = e;
}

/* ---- One connection, read as far as it goes --------------------------- */

static void
drop_what_comes(struct conn *c)
{
	int turns;

	for (turns = 0; turns < TURNS; turns++) {
		c->at = c->end;
		conn_fill(c);
		if (c->eof) {
			set_close(c);
			return;
		}
		if (!c->maybe && set_park(c))
			return;
	}
	if (c->deadline <= clock_mono_us())
		set_close(c);
	else
		set_ready(c);
}

/* The answer was sent before all was read: a close would take it back. */
static void
linger(struct conn *c)
{
	c->linger = 1;
	c->deadline = clock_mono_us() + LIMIT_LINGER_SECONDS * 1000000ull;
	c->at = c->end;
	c->left = c->padding = 0;
	conn_clean(c);
	(void)shutdown(c->fd, SHUT_WR);
	drop_what_comes(c);
}

static void
broken(struct conn *c)
{
	if (!c->gone)
		env_say(c->set->env, SSTATE_LOG_WARN, SSTATE_EPARSE,
		    "fcgi: a connection that speaks no FastCGI");
	set_close(c);
}

/*
 * Once stopped: wait for the rest of what has begun.  1: look again.  Who
 * has just connected is about to send, and may not try elsewhere.
 */
static int
finish(struct conn *c)
{
	const int partial = conn_is_partial(c);
	size_t before;

	if (!partial && c->fresh <= clock_mono_us())
		return set_leave(c) ? -1 : 1;
	if (partial && c->deadline == 0)
		c->deadline = clock_mono_us() + LIMIT_VARS_SECONDS * 1000000ull;
	before = c->end - c->at;
	conn_fill(c);
	if (c->end - c->at > before || c->eof ||
	    conn_await(c, partial ? c->deadline : c->fresh) == 0 || !partial)
		return 1;
	set_close(c);
	return -1;
}

/* 1: its request's variables are whole; 0: it is not ours any more. */
static int
advance(struct fcgi *f, struct conn *c, int stopped)
{
	int turns = 0;

	for (;;) {
		switch (conn_step(c, CONN_START, env_secret(f->env))) {
		case CONN_REQUEST:
			return 1;
		case CONN_ABORTED:
			if (!c->keep) {
				linger(c);
				return 0;
			}
			conn_forget(c);
			continue;
		case CONN_MORE:
			break;
		default:
			broken(c);
			return 0;
		}
		if (c->linger) {
			linger(c);
			return 0;
		}
		if (c->eof) {
			set_close(c);
			return 0;
		}
		if (stopped) {
			if (finish(c) < 0)
				return 0;
		} else if (!c->maybe) {
			if (set_park(c))
				return 0;
		} else if (turns++ == TURNS) {
			set_ready(c);
			return 0;
		} else
			conn_fill(c);
	}
}

/* ---- The next request ------------------------------------------------- */

static int
refusal(const struct conn *c, struct sstate_error *err)
{
	if (c->bad == SSTATE_EPARSE)
		return sstate_fail(err, c->bad, 0,
		    "request: a body before the end of its variables");
	return err_plain(err, c->bad, "request: variables");
}

/* Its variables as an environment. */
static int
hand_out(struct wire *w, struct conn *c, struct sstate_error *err)
{
	static const char *const none[] = { NULL };
	int r = c->bad;

	w->vars = none;
	w->in = w->out = -1;
	w->conn = c;
	w->a = c->a;
	c->a = NULL; /* now the request's */
	if (r != 0)
		return refusal(c, err);
	r = fcgi_vars(&w->vars, w->a, (char *)c->params.p, c->params.len, err);
	if (r != 0)
		w->vars = none;
	return r;
}

/* Stopped: whatever has begun, on any connection. */
static int
next_of_rest(struct conn **out, struct fcgi *f)
{
	unsigned i;

	for (i = 0; i < f->nslots; i++) {
		/* A slot that somebody holds gets a mark, which is harmless. */
		if (atomic_load(&f->slot[i].state) < SLOT_WAITS ||
		    (*out = set_claim(f, i, 0)) == NULL)
			continue;
		if ((*out)->linger)
			set_close(*out);
		else if (advance(f, *out, 1))
			return 0;
	}
	return SSTATE_DONE;
}

/*
 * A connection with something to read, NULL for none yet.  One that is ready
 * has its turn by the event of set_wake(), among the others: one that always
 * has more keeps no thread from them.
 */
static int
await(struct conn **out, struct fcgi *f, struct sstate_error *err)
{
	struct epoll_event e;
	int n;

	*out = NULL;
	if ((n = epoll_wait(f->poll, &e, 1, -1)) < 0 && errno != EINTR)
		return sstate_fail(err, SSTATE_ESYS, errno, "fcgi: epoll_wait");
	if (n <= 0)
		return 0;
	switch (e.data.u64) {
	case SET_LISTEN:
		return set_accept(out, f, err);
	case SET_WAKE:
		set_woken(f);
		*out = set_claim_ready(f);
		return 0;
	case SET_TIMER:
		set_tick(f);
		return 0;
	default:
		*out = set_claim(f, (unsigned)e.data.u64, e.events);
		return 0;
	}
}

int
fcgi_next(struct wire *w, struct fcgi *f, struct sstate_error *err)
{
	struct conn *c;
	int r;

	memset(w, 0, sizeof(*w));
	if ((r = set_in_this_process(f, err)) != 0)
		return r;
	for (;;) {
		if (atomic_load(&f->stopped) != 0) {
			if ((r = next_of_rest(&c, f)) != 0)
				return r;
			return hand_out(w, c, err);
		}
		if ((r = await(&c, f, err)) != 0)
			return r;
		if (c == NULL)
			continue;
		if (c->linger)
			drop_what_comes(c);
		else if (advance(f, c, 0))
			return hand_out(w, c, err);
	}
}

/* ---- After a request -------------------------------------------------- */

/* Did all of it come?  One last look, for the end of an empty body. */
static int
came_whole(struct conn *c)
{
	(void)conn_step(c, CONN_HOLD, NULL);
	if (c->phase != CONN_WHOLE && !c->eof) {
		conn_fill(c);
		(void)conn_step(c, CONN_HOLD, NULL);
	}
	return c->phase == CONN_WHOLE || c->eof;
}

void
fcgi_release(struct conn *c)
{
	int turns, whole;

	if (!c->ended)
		(void)conn_send(c, NULL, 0, 1, NULL);
	whole = c->keep || came_whole(c);
	conn_forget(c);
	if (c->broken) {
		broken(c);
		return;
	}
	if (c->gone || (!c->keep && whole)) {
		set_close(c);
		return;
	}
	if (!c->keep) {
		linger(c);
		return;
	}
	for (turns = 0; turns < TURNS; turns++) {
		switch (conn_step(c, CONN_AFTER, NULL)) {
		case CONN_MORE:
			break;
		case CONN_NEXT:
			set_ready(c);
			return;
		default:
			broken(c);
			return;
		}
		if (c->eof) {
			set_close(c);
			return;
		}
		if (c->maybe)
			conn_fill(c);
		else if (set_park(c))
			return;
	}
	set_ready(c);
}
