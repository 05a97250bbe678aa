/*
 * fcgi_set.h - who owns which connection of a FastCGI socket
 *
 * A slot is free, or its connection waits in the poll set for an event, or
 * is ready to be read without one, or is held by one thread.  Slots never
 * move, so that an event of a connection that is gone does no harm.
 */
#ifndef CGI_FCGI_SET_H
#define CGI_FCGI_SET_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guard.h"
#include "cgi/fcgi_conn.h"

/* CONN_STIRRED and CONN_HUNG beside SLOT_HELD: an event came meanwhile. */
enum { SLOT_FREE = 0, SLOT_HELD = 1, SLOT_WAITS = 4, SLOT_READY = 8 };

struct fcgi_slot {
	atomic_uint state;
	struct conn *c; /* the holder's */
	_Atomic uint64_t deadline; /* of one that waits; 0: none */
	_Atomic uint64_t since; /* when it began to wait; clock_mono_us */
};

struct fcgi {
	struct sstate *env;
	const struct hook *hook;
	int fd; /* that listens */
	struct fcgi_addrs *addrs; /* who may connect; NULL: all */
	struct guard guard; /* what follows is of one process */
	int poll, timer;
	atomic_int wake;
	atomic_int stopped;
	atomic_int paused; /* nothing is accepted: PAUSE_* */
	atomic_int timing; /* the timer runs */
	atomic_int nready;
	atomic_uint hint; /* where a slot may be free */
	unsigned nslots;
	struct fcgi_slot *slot;
};

/* Of .paused: who changes it is in between. */
enum { PAUSE_NOT, PAUSE_BEGINS, PAUSE_ON, PAUSE_ENDS };

/* What an event is about, when it is no slot's number. */
enum { SET_LISTEN = 1 << 30, SET_WAKE, SET_TIMER };

int set_init(struct fcgi *f, struct sstate_error *err);
void set_free(struct fcgi *f);
/* After a fork: let go what was inherited, and begin anew. */
int set_in_this_process(struct fcgi *f, struct sstate_error *err);

/*
 * The one whose event this is; NULL if another thread has it, or nobody.
 * events: as epoll_wait() has them.
 */
struct conn *set_claim(struct fcgi *f, unsigned i, uint32_t events);
/* Any that waits for no event; NULL: there is none. */
struct conn *set_claim_ready(struct fcgi *f);
/* Let go: 1; or 0, and it is still held, for something came meanwhile. */
int set_park(struct conn *c);
/* Let go, for whoever comes first. */
void set_ready(struct conn *c);
void set_close(struct conn *c);
/*
 * Nothing of a request lies here: close it, unless something comes at the
 * last moment.  1: closed.
 */
int set_leave(struct conn *c);

/* A free one, held from here on, or NULL; and back. */
struct fcgi_slot *slot_find(struct fcgi *f);
void slot_give(struct fcgi *f, struct fcgi_slot *s);
/* The connection of one that waits or is ready, held; or NULL. */
struct conn *slot_take(struct fcgi *f, struct fcgi_slot *s);
/* Wait for new connections, too. */
int set_listen(struct fcgi *f);
/* The timer runs while anything waits for a time. */
void set_arm(struct fcgi *f);

/* fcgi_accept.c */
/* Accept one: NULL if there is none; SSTATE_ESYS if there never will be. */
int set_accept(struct conn **out, struct fcgi *f, struct sstate_error *err);
/* What a thread does that the timer has woken, or set_wake(). */
void set_tick(struct fcgi *f);
void set_woken(struct fcgi *f);
void set_wake(struct fcgi *f);

/* fcgi_addrs.c: FCGI_WEB_SERVER_ADDRS; *out is NULL where it is not set. */
struct sockaddr_storage;
int addrs_new(struct fcgi_addrs **out, const struct hook *h, const char *list,
    struct sstate_error *err);
void addrs_free(struct fcgi_addrs *a, const struct hook *h);
int addrs_has(const struct fcgi_addrs *a, const struct sockaddr_storage *sa);

#endif
