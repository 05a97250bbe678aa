/*
 * pool.c - a driver's contexts, one for each thread that is calling now
 *
 * Invariant: a slot belongs to the thread that turned its busy from 0 to 1,
 * and only that thread looks at its context.  Slots never move and are never
 * freed before the pool is, so taking one needs no lock, and a child finds
 * them whole at whatever moment another thread's fork came.
 */
#include "store/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/guard.h"
#include "base/hint.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "store/conf.h"
#include "store/policy.h"

enum {
	FIRST = 8, /* slots of chunk 0; each next one has twice */
	CHUNKS = 14, /* 8 * (2^14 - 1) slots: more than threads */
	SLOTS = FIRST * ((1 << CHUNKS) - 1),
	WAIT_SECONDS = 10, /* for the one context of a handle */
};

struct slot {
	atomic_int busy;
	_Atomic pthread_t owner; /* of a handle's context, while busy */
	void *ctx; /* NULL: to be opened by who takes it */
	char apart[104]; /* two threads' slots, two cache lines */
};

struct pool {
	struct guard guard;
	const struct sstate_driver *driver;
	char *uri; /* may hold a password: wiped */
	char *ns;
	void *handle;
	struct layers *layers;
	uint32_t flags;
	struct hook hook;
	unsigned char id[CONF_STORE_BYTES];
	bool single; /* a handle: one context, and none after a fork */
	_Atomic bool lost; /* forked, and cannot go on */
	_Atomic(struct slot *) chunk[CHUNKS];
	atomic_int nslots;
	pthread_mutex_t lock; /* growing; waiting for the single one */
	pthread_cond_t idle;
	atomic_int waiting;
};

static size_t
chunk_bytes(int k)
{
	return ((size_t)FIRST << k) * sizeof(struct slot);
}

/* Slot i is *in of the chunk that is returned. */
static int
chunk_of(int *in, int i)
{
	int k = 0, n = FIRST;

	while (i >= n) {
		i -= n;
		n *= 2;
		k++;
	}
	*in = i;
	return k;
}

static struct slot *
slot_at(const struct pool *p, int i)
{
	int in, k = chunk_of(&in, i);

	return atomic_load(&p->chunk[k]) + in;
}

/* c: what is of every store was asked for. */
static APART int
ctx_of(void **ctx, struct pool *p, struct sstate_conf *c,
    struct sstate_error *err)
{
	const struct sstate_driver *d = p->driver;
	int r;

	*ctx = NULL;
	conf_set_store(c, p->id);
	conf_set_layers(c, p->layers);
	if ((r = d->open(ctx, c, err)) != 0) {
		*ctx = NULL;
		r = r > 0 ? SSTATE_ESTORE : r;
		(void)err_plain(err, r, d->scheme);
	} else if (*ctx == NULL) {
		r = sstate_fail(err, SSTATE_ESTORE, 0,
		    "%s: open gave no context", d->scheme);
	} else if ((r = conf_unused(c, err)) != 0) {
		d->close(*ctx);
		*ctx = NULL;
	}
	return r;
}

static int
ctx_open(void **ctx, struct pool *p, struct sstate_error *err)
{
	struct policy ignored; /* by drivers: store.c has it */
	struct sstate_conf *c;
	int r;

	*ctx = NULL;
	if ((r = conf_parse(&c, p->uri, p->handle, p->flags, p->ns, &p->hook,
		 err)) != 0)
		return r;
	if ((r = policy_take(&ignored, c, err)) == 0)
		r = ctx_of(ctx, p, c, err);
	conf_free(c);
	return r;
}

static APART int
locks_init(struct pool *p, struct sstate_error *err)
{
	pthread_condattr_t attr;
	int e;

	if ((e = pthread_condattr_init(&attr)) != 0)
		return sstate_fail(err, SSTATE_ESYS, e, "store: locks");
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if ((e = pthread_mutex_init(&p->lock, NULL)) == 0 &&
	    (e = pthread_cond_init(&p->idle, &attr)) != 0)
		(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_condattr_destroy(&attr);
	if (e != 0)
		return sstate_fail(err, SSTATE_ESYS, e, "store: locks");
	return 0;
}

static int
chunk_need(struct pool *p, int i)
{
	struct slot *s;
	int in, k = chunk_of(&in, i);

	if (atomic_load(&p->chunk[k]) != NULL)
		return 0;
	if ((s = hook_alloc(&p->hook, chunk_bytes(k))) == NULL)
		return SSTATE_ENOMEM;
	memset(s, 0, chunk_bytes(k));
	atomic_store(&p->chunk[k], s);
	return 0;
}

static void
slot_hold(struct pool *p, struct slot *s)
{
	if (p->single)
		atomic_store(&s->owner, pthread_self());
}

static bool
slot_try(struct pool *p, struct slot *s)
{
	int idle = 0;

	if (atomic_load_explicit(&s->busy, memory_order_relaxed) != 0 ||
	    !atomic_compare_exchange_strong(&s->busy, &idle, 1))
		return false;
	slot_hold(p, s);
	return true;
}

/* A new slot, busy from the start. */
static APART int
grow(int *slot, struct pool *p, struct sstate_error *err)
{
	struct slot *s;
	int i, r = 0;

	(void)pthread_mutex_lock(&p->lock);
	i = atomic_load(&p->nslots);
	if (i >= SLOTS)
		r = SSTATE_EBUSY;
	else if ((r = chunk_need(p, i)) == 0) {
		s = slot_at(p, i);
		atomic_store(&s->busy, 1);
		slot_hold(p, s);
		atomic_store(&p->nslots, i + 1);
	}
	(void)pthread_mutex_unlock(&p->lock);
	*slot = i;
	return r == 0 ? 0 : err_plain(err, r, p->driver->scheme);
}

/* Bounded, and never on oneself: a callback that calls its store. */
static APART int
wait_single(struct pool *p, struct slot *s, struct sstate_error *err)
{
	const char *name = p->driver->scheme;
	struct timespec until;
	int e = 0;

	if (atomic_load(&s->busy) != 0 &&
	    pthread_equal(atomic_load(&s->owner), pthread_self()))
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: called from a callback of its only context", name);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_SECONDS;
	(void)pthread_mutex_lock(&p->lock);
	/* Count first, look after: pool_give() does it the other way round. */
	atomic_fetch_add(&p->waiting, 1);
	while (!slot_try(p, s) && e == 0)
		e = pthread_cond_timedwait(&p->idle, &p->lock, &until);
	atomic_fetch_sub(&p->waiting, 1);
	(void)pthread_mutex_unlock(&p->lock);
	if (e == 0)
		return 0;
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "%s: its only context was busy for %d seconds", name, WAIT_SECONDS);
}

/*
 * In a child: what was idle is abandoned; what another thread was using at
 * that moment is half-way through something and is left where it lies.
 */
static APART void
take_over(struct pool *p)
{
	struct slot *s;
	int i, n = atomic_load(&p->nslots);

	for (i = 0; i < n; i++) {
		s = slot_at(p, i);
		if (atomic_load(&s->busy) == 0 && s->ctx != NULL &&
		    p->driver->abandon != NULL && !p->single)
			p->driver->abandon(s->ctx);
		s->ctx = NULL;
		atomic_store(&s->busy, 0);
	}
	atomic_store(&p->waiting, 0);
	/* The old ones may be locked for ever by a thread that is not here. */
	if (locks_init(p, NULL) != 0 || p->single || p->driver->abandon == NULL)
		atomic_store(&p->lost, true);
}

static int
check_fork(struct pool *p, struct sstate_error *err)
{
	if (!guard_same(&p->guard) && guard_take(&p->guard)) {
		take_over(p);
		guard_done(&p->guard);
	}
	if (!atomic_load_explicit(&p->lost, memory_order_relaxed))
		return 0;
	return sstate_fail(err, SSTATE_ENOTSUP, 0,
	    p->single ? "%s: a ready-made handle is of no use after a fork"
		      : "%s: this driver cannot go on after a fork",
	    p->driver->scheme);
}

static int
find_slot(int *slot, struct pool *p, struct sstate_error *err)
{
	int i, n = atomic_load(&p->nslots);

	if (*slot >= 0 && *slot < n && slot_try(p, slot_at(p, *slot)))
		return 0;
	for (i = 0; i < n; i++)
		if (slot_try(p, slot_at(p, i))) {
			*slot = i;
			return 0;
		}
	if (!p->single)
		return grow(slot, p, err);
	*slot = 0;
	return wait_single(p, slot_at(p, 0), err);
}

int
pool_take(void **ctx, int *slot, struct pool *p, struct sstate_error *err)
{
	struct slot *s;
	int r;

	*ctx = NULL;
	if ((r = check_fork(p, err)) != 0 || (r = find_slot(slot, p, err)) != 0)
		return r;
	s = slot_at(p, *slot);
	if (s->ctx == NULL && (r = ctx_open(&s->ctx, p, err)) != 0) {
		pool_give(p, *slot);
		return r;
	}
	*ctx = s->ctx;
	return 0;
}

void
pool_give(struct pool *p, int slot)
{
	/* A callback forked, and this is the child: take_over() comes. */
	if (!guard_same(&p->guard))
		return;
	if (!p->single) { /* nobody waits */
		atomic_store_explicit(&slot_at(p, slot)->busy, 0,
		    memory_order_release);
		return;
	}
	/* Before: whoever takes it next is the owner only a moment later. */
	if (p->single)
		atomic_store(&slot_at(p, slot)->owner, (pthread_t)0);
	atomic_store(&slot_at(p, slot)->busy, 0);
	if (atomic_load(&p->waiting) > 0) {
		(void)pthread_mutex_lock(&p->lock);
		(void)pthread_cond_signal(&p->idle);
		(void)pthread_mutex_unlock(&p->lock);
	}
}

static char *
copy(const struct hook *h, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = hook_alloc(h, n);

	return p != NULL ? memcpy(p, s, n) : NULL;
}

/* All but contexts and locks. */
static APART void
pool_free(struct pool *p)
{
	struct hook h = p->hook;
	size_t n;
	int k;

	for (k = 0; k < CHUNKS; k++)
		hook_free(&h, atomic_load(&p->chunk[k]), chunk_bytes(k));
	if (p->uri != NULL) {
		n = strlen(p->uri) + 1;
		wipe(p->uri, n);
		hook_free(&h, p->uri, n);
	}
	if (p->ns != NULL)
		hook_free(&h, p->ns, strlen(p->ns) + 1);
	guard_free(&p->guard);
	hook_free(&h, p, sizeof(*p));
}

static APART int
pool_new(struct pool **out, const struct pool_options *o,
    struct sstate_error *err)
{
	struct pool *p;
	int r;

	*out = NULL;
	if ((p = hook_alloc(&o->hook, sizeof(*p))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, o->driver->scheme);
	memset(p, 0, sizeof(*p));
	p->driver = o->driver;
	p->handle = o->handle;
	p->layers = o->layers;
	p->single = o->handle != NULL;
	p->flags = o->flags;
	p->hook = o->hook;
	if ((p->uri = copy(&p->hook, o->uri)) == NULL ||
	    (o->ns != NULL && (p->ns = copy(&p->hook, o->ns)) == NULL)) {
		pool_free(p);
		return err_plain(err, SSTATE_ENOMEM, o->driver->scheme);
	}
	if ((r = rand_bytes(p->id, sizeof(p->id), err)) != 0 ||
	    (r = guard_init(&p->guard, &p->hook, err)) != 0 ||
	    (r = locks_init(p, err)) != 0) {
		pool_free(p);
		return r;
	}
	*out = p;
	return 0;
}

APART int
pool_open(struct pool **out, const struct pool_options *o,
    struct sstate_error *err)
{
	struct pool *p;
	void *ctx;
	int r, slot = -1;

	*out = NULL;
	if ((r = pool_new(&p, o, err)) != 0)
		return r;
	if ((r = grow(&slot, p, err)) == 0)
		r = o->conf != NULL ? ctx_of(&ctx, p, o->conf, err)
				    : ctx_open(&ctx, p, err);
	if (r == 0) {
		slot_at(p, slot)->ctx = ctx;
		pool_give(p, slot);
		*out = p;
		return 0;
	}
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->idle);
	pool_free(p);
	return r;
}

APART void
pool_close(struct pool *p)
{
	struct slot *s;
	int i, n;

	if (p == NULL)
		return;
	(void)check_fork(p, NULL);
	n = atomic_load(&p->nslots);
	for (i = 0; i < n; i++) {
		s = slot_at(p, i);
		if (s->ctx != NULL)
			p->driver->close(s->ctx);
	}
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->idle);
	pool_free(p);
}
