/*
 * fcgi_set.c - who owns which connection of a FastCGI socket
 *
 * Invariant: whoever turned a slot's state to SLOT_HELD is the only one that
 * looks at its connection, until he lets go by set_park(), set_ready() or
 * set_close().  An event that meets a held slot leaves its mark there, and
 * he cannot park it before he has read again: so no edge is lost.
 */
#include "cgi/fcgi_set.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/wipe.h"
#include "session/env.h"

enum { TICK_MS = 200, FEWEST = 8 };

/* ---- The poll set ----------------------------------------------------- */

static int
watch(struct fcgi *f, int fd, uint32_t events, unsigned what)
{
	struct epoll_event e;

	memset(&e, 0, sizeof(e));
	e.events = events;
	e.data.u64 = what;
	return epoll_ctl(f->poll, EPOLL_CTL_ADD, fd, &e);
}

int
set_listen(struct fcgi *f)
{
	/* One process, of those that share it, for one connection. */
	return watch(f, f->fd, EPOLLIN | EPOLLEXCLUSIVE, SET_LISTEN);
}

void
set_wake(struct fcgi *f)
{
	/* A signal handler's way, too.  Were it full they would be awake. */
	(void)eventfd_write(atomic_load(&f->wake), 1);
}

void
set_arm(struct fcgi *f)
{
	struct itimerspec t;

	if (atomic_exchange(&f->timing, 1) != 0)
		return;
	memset(&t, 0, sizeof(t));
	t.it_value.tv_nsec = TICK_MS * 1000000L;
	(void)timerfd_settime(f->timer, 0, &t, NULL);
}

static void
close_all(struct fcgi *f)
{
	if (f->poll >= 0)
		(void)close(f->poll);
	if (f->timer >= 0)
		(void)close(f->timer);
	if (atomic_load(&f->wake) >= 0)
		(void)close(atomic_load(&f->wake));
	f->poll = f->timer = -1;
	atomic_store(&f->wake, -1);
}

static int
open_all(struct fcgi *f, struct sstate_error *err)
{
	f->poll = epoll_create1(EPOLL_CLOEXEC);
	f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	atomic_store(&f->wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	atomic_store(&f->paused, PAUSE_NOT);
	atomic_store(&f->timing, 0);
	atomic_store(&f->nready, 0);
	if (f->poll < 0 || f->timer < 0 || atomic_load(&f->wake) < 0 ||
	    watch(f, atomic_load(&f->wake), EPOLLIN, SET_WAKE) != 0 ||
	    watch(f, f->timer, EPOLLIN, SET_TIMER) != 0 || set_listen(f) != 0) {
		(void)sstate_fail(err, SSTATE_ESYS, errno, "fcgi: poll set");
		close_all(f);
		return SSTATE_ESYS;
	}
	return 0;
}

/* ---- Slots ------------------------------------------------------------ */

int
set_init(struct fcgi *f, struct sstate_error *err)
{
	struct rlimit lim;
	unsigned i;
	int r;

	f->poll = f->timer = -1;
	atomic_init(&f->wake, -1);
	f->nslots = LIMIT_CONNS;
	/* Stores and uploads need descriptors, too. */
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur / 2 < f->nslots)
		f->nslots = (unsigned)lim.rlim_cur / 2;
	if (f->nslots < FEWEST)
		f->nslots = FEWEST;
	if ((f->slot = hook_alloc(f->hook, f->nslots * sizeof(*f->slot))) ==
	    NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "fcgi: slots");
	for (i = 0; i < f->nslots; i++) {
		f->slot[i].c = NULL;
		atomic_init(&f->slot[i].state, SLOT_FREE);
		atomic_init(&f->slot[i].deadline, 0);
		atomic_init(&f->slot[i].since, 0);
	}
	if ((r = guard_init(&f->guard, f->hook, err)) != 0 ||
	    (r = open_all(f, err)) != 0) {
		guard_free(&f->guard);
		hook_free(f->hook, f->slot, f->nslots * sizeof(*f->slot));
	}
	return r;
}

static void
free_conn(struct fcgi *f, struct conn *c)
{
	int fd = c->fd;

	conn_forget(c);
	c->at = c->end;
	conn_clean(c);
	wipe(c->small, sizeof(c->small));
	c->fd = -1;
	(void)close(fd);
	hook_free(f->hook, c, sizeof(*c));
}

void
set_free(struct fcgi *f)
{
	unsigned i;

	for (i = 0; i < f->nslots; i++)
		if (f->slot[i].c != NULL)
			free_conn(f, f->slot[i].c);
	close_all(f);
	guard_free(&f->guard);
	hook_free(f->hook, f->slot, f->nslots * sizeof(*f->slot));
}

/*
 * A child's copies of its parent's connections would keep them open.  What
 * another thread of the parent held may be half changed: of that only the
 * descriptor is closed, and its memory is left.
 */
static void
disown(struct fcgi *f)
{
	struct fcgi_slot *s;
	unsigned i, state;

	for (i = 0; i < f->nslots; i++) {
		s = &f->slot[i];
		state = atomic_load(&s->state);
		if (s->c != NULL &&
		    (state == SLOT_WAITS || state == SLOT_READY))
			free_conn(f, s->c);
		else if (s->c != NULL && s->c->fd >= 0)
			(void)close(s->c->fd);
		s->c = NULL;
		atomic_store(&s->deadline, 0);
		atomic_store(&s->state, SLOT_FREE);
	}
}

int
set_in_this_process(struct fcgi *f, struct sstate_error *err)
{
	if (!guard_same(&f->guard) && guard_take(&f->guard)) {
		disown(f);
		close_all(f);
		(void)open_all(f, err);
		guard_done(&f->guard);
	}
	if (f->poll < 0)
		return sstate_fail(err, SSTATE_ESYS, 0, "fcgi: no poll set");
	return 0;
}

struct fcgi_slot *
slot_find(struct fcgi *f)
{
	unsigned from = atomic_load(&f->hint), i, state;
	struct fcgi_slot *s;

	for (i = 0; i < f->nslots; i++) {
		s = &f->slot[(from + i) % f->nslots];
		state = SLOT_FREE;
		if (atomic_load(&s->state) == SLOT_FREE &&
		    atomic_compare_exchange_strong(&s->state, &state,
			SLOT_HELD))
			return s;
	}
	return NULL;
}

void
slot_give(struct fcgi *f, struct fcgi_slot *s)
{
	s->c = NULL;
	atomic_store(&s->deadline, 0);
	atomic_store(&f->hint, (unsigned)(s - f->slot));
	atomic_store(&s->state, SLOT_FREE);
}

struct conn *
slot_take(struct fcgi *f, struct fcgi_slot *s)
{
	unsigned state = atomic_load(&s->state);

	while (state == SLOT_WAITS || state == SLOT_READY)
		if (atomic_compare_exchange_weak(&s->state, &state,
			SLOT_HELD)) {
			if (state == SLOT_READY)
				(void)atomic_fetch_sub(&f->nready, 1);
			s->c->maybe = 1;
			return s->c;
		}
	return NULL;
}

struct conn *
set_claim(struct fcgi *f, unsigned i, uint32_t events)
{
	int hung = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	struct fcgi_slot *s;
	struct conn *c;
	unsigned state;

	assert(i < f->nslots);
	s = &f->slot[i];
	for (;;) {
		if ((c = slot_take(f, s)) != NULL) {
			c->hung |= hung;
			return c;
		}
		state = atomic_load(&s->state);
		if ((state & SLOT_HELD) == 0) {
			if (state == SLOT_FREE)
				return NULL;
		} else if (atomic_compare_exchange_weak(&s->state, &state,
			       state | CONN_STIRRED | (hung ? CONN_HUNG : 0u)))
			return NULL;
	}
}

struct conn *
set_claim_ready(struct fcgi *f)
{
	struct conn *c = NULL;
	unsigned i;

	for (i = 0; i < f->nslots && atomic_load(&f->nready) > 0; i++)
		if (atomic_load(&f->slot[i].state) == SLOT_READY &&
		    (c = slot_take(f, &f->slot[i])) != NULL)
			break;
	if (c != NULL && atomic_load(&f->nready) > 0)
		set_wake(f);
	return c;
}

int
set_park(struct conn *c)
{
	struct fcgi *f = c->set;
	struct fcgi_slot *s = c->slot;
	unsigned held = SLOT_HELD;
	uint64_t now = clock_mono_us();
	int timed;

	if (c->deadline == 0 && conn_is_partial(c))
		c->deadline = now + LIMIT_VARS_SECONDS * 1000000ull;
	if (!conn_is_partial(c) && !c->linger) {
		c->deadline = 0;
		conn_clean(c);
	}
	timed = c->deadline != 0;
	if (!c->added) {
		if (watch(f, c->fd, EPOLLIN | EPOLLRDHUP | EPOLLET,
			(unsigned)(s - f->slot)) != 0) {
			env_say(f->env, SSTATE_LOG_ERROR, SSTATE_ESYS,
			    "fcgi: a connection cannot be waited for");
			set_close(c);
			return 1;
		}
		c->added = 1;
	}
	atomic_store(&s->deadline, c->deadline);
	atomic_store(&s->since, now);
	if (!atomic_compare_exchange_strong(&s->state, &held, SLOT_WAITS)) {
		conn_calm(c);
		(void)atomic_fetch_and(&s->state, ~(unsigned)CONN_HUNG);
		c->maybe = 1;
		return 0;
	}
	/* c may be another thread's now, or gone. */
	if (timed)
		set_arm(f);
	return 1;
}

void
set_ready(struct conn *c)
{
	struct fcgi *f = c->set;

	atomic_store(&c->slot->deadline, 0);
	(void)atomic_fetch_add(&f->nready, 1);
	atomic_store(&c->slot->state, SLOT_READY);
	set_wake(f);
}

void
set_close(struct conn *c)
{
	struct fcgi *f = c->set;
	struct fcgi_slot *s = c->slot;

	/* A child may have the descriptor, too, and then it would stay. */
	if (c->added)
		(void)epoll_ctl(f->poll, EPOLL_CTL_DEL, c->fd, NULL);
	free_conn(f, c);
	slot_give(f, s);
}

int
set_leave(struct conn *c)
{
	int i;

	for (i = 0; i < 2; i++) {
		conn_fill(c);
		if (c->end > c->at)
			return 0;
		/*
		 * From here on a peer on a Unix socket knows that what it
		 * sends is not read; what it sent before that still is.
		 */
		if (!c->eof)
			(void)shutdown(c->fd, SHUT_RD);
	}
	set_close(c);
	return 1;
}
