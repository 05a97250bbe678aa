/*
 * fcgi_accept.c - new connections of a FastCGI socket, and those overdue
 *
 * Invariant: whatever is short, nothing spins and nothing that was accepted
 * is dropped for it: new ones wait in the backlog, and the timer asks again.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cgi/fcgi_set.h"
#include "session/env.h"

enum { TRIES = 8 };

/* ---- New connections -------------------------------------------------- */

/* Close the connection that was idle longest; 0: there is none to close. */
static int
evict(struct fcgi *f)
{
	struct fcgi_slot *s, *old;
	struct conn *c;
	unsigned i, tries;

	for (tries = 0; tries < TRIES; tries++) {
		old = NULL;
		for (i = 0; i < f->nslots; i++) {
			s = &f->slot[i];
			if (atomic_load(&s->state) == SLOT_WAITS &&
			    atomic_load(&s->deadline) == 0 &&
			    (old == NULL ||
				atomic_load(&s->since) <
				    atomic_load(&old->since)))
				old = s;
		}
		if (old == NULL)
			return 0;
		if ((c = slot_take(f, old)) == NULL)
			continue;
		if (!conn_is_partial(c) && set_leave(c))
			return 1;
		set_ready(c);
	}
	return 0;
}

/* Accept nothing for a while: the backlog keeps them. */
static void
pause_accepting(struct fcgi *f, int e, const char *why)
{
	int not = PAUSE_NOT;

	if (!atomic_compare_exchange_strong(&f->paused, &not, PAUSE_BEGINS))
		return;
	env_say(f->env, SSTATE_LOG_WARN,
	    e == ENOMEM ? SSTATE_ENOMEM : SSTATE_ESYS,
	    "fcgi: %s: nothing is accepted for now", why);
	(void)epoll_ctl(f->poll, EPOLL_CTL_DEL, f->fd, NULL);
	atomic_store(&f->paused, PAUSE_ON);
	set_arm(f);
}

static void
resume_accepting(struct fcgi *f)
{
	int on = PAUSE_ON;

	if (!atomic_compare_exchange_strong(&f->paused, &on, PAUSE_ENDS))
		return;
	atomic_store(&f->paused, set_listen(f) == 0 ? PAUSE_NOT : PAUSE_ON);
}

static int
is_shortage(int e)
{
	return e == EMFILE || e == ENFILE || e == ENOBUFS || e == ENOMEM;
}

/* What accept() says of one connection, or of the network: go on. */
static int
is_passing(int e)
{
	static const int passing[] = { EAGAIN, EINTR, ECONNABORTED, EPROTO,
		EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH,
		ENOPROTOOPT, EOPNOTSUPP, ENONET, ETIMEDOUT };
	size_t i;

	for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (e == passing[i])
			return 1;
	return 0;
}

static int
accept_one(int *fd, struct fcgi *f)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	memset(&sa, 0, sizeof(sa));
	*fd = accept4(f->fd, (struct sockaddr *)(void *)&sa, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (*fd < 0)
		return errno;
	if (f->addrs != NULL && !addrs_has(f->addrs, &sa)) {
		(void)close(*fd);
		*fd = -1;
		env_say(f->env, SSTATE_LOG_WARN, SSTATE_EAUTH,
		    "fcgi: refused: not in FCGI_WEB_SERVER_ADDRS");
		return ECONNABORTED;
	}
	return 0;
}

int
set_accept(struct conn **out, struct fcgi *f, struct sstate_error *err)
{
	struct fcgi_slot *s;
	struct conn *c;
	int e, fd;

	*out = NULL;
	if ((s = slot_find(f)) == NULL && evict(f))
		s = slot_find(f);
	if (s == NULL) {
		pause_accepting(f, 0, "all connections are busy");
		return 0;
	}
	if ((c = hook_alloc(f->hook, sizeof(*c))) == NULL) {
		slot_give(f, s);
		pause_accepting(f, ENOMEM, "out of memory");
		return 0;
	}
	if ((e = accept_one(&fd, f)) != 0 && is_shortage(e) && evict(f))
		e = accept_one(&fd, f);
	if (e != 0) {
		hook_free(f->hook, c, sizeof(*c));
		slot_give(f, s);
		if (is_shortage(e))
			pause_accepting(f, e, "no descriptor or memory");
		else if (!is_passing(e))
			return sstate_fail(err, SSTATE_ESYS, e, "fcgi: accept");
		return 0;
	}
	conn_init(c, fd, f->nslots);
	c->fresh = clock_mono_us() + LIMIT_FRESH_SECONDS * 1000000ull;
	c->set = f;
	c->slot = s;
	c->state = &s->state;
	c->maybe = 1;
	s->c = c;
	*out = c;
	return 0;
}

/* ---- Time ------------------------------------------------------------- */

void
set_woken(struct fcgi *f)
{
	eventfd_t n;

	/* Once stopped it stays, so that all wake. */
	if (atomic_load(&f->stopped) == 0)
		(void)eventfd_read(atomic_load(&f->wake), &n);
}

/* Close what is overdue; is there more that waits for a time? */
static int
sweep(struct fcgi *f)
{
	uint64_t now = clock_mono_us(), when;
	struct fcgi_slot *s;
	struct conn *c;
	int waiting = atomic_load(&f->paused) != PAUSE_NOT;
	unsigned i;

	for (i = 0; i < f->nslots; i++) {
		s = &f->slot[i];
		when = atomic_load(&s->deadline);
		if (when == 0 || atomic_load(&s->state) != SLOT_WAITS)
			continue;
		if (when > now || (c = slot_take(f, s)) == NULL) {
			waiting = 1;
			continue;
		}
		/* It may be another by now. */
		if (c->deadline == 0 || c->deadline > now)
			set_ready(c);
		else {
			if (!c->linger)
				env_say(f->env, SSTATE_LOG_WARN, SSTATE_EBUSY,
				    "request: its variables came too slowly");
			set_close(c);
		}
	}
	return waiting;
}

void
set_tick(struct fcgi *f)
{
	uint64_t n;

	if (read(f->timer, &n, sizeof(n)) < 0)
		return; /* another thread's */
	resume_accepting(f);
	atomic_store(&f->timing, 0);
	/* Whoever parks from here on arms it himself. */
	if (sweep(f))
		set_arm(f);
}
