/*
 * passing.c - what expired is removed in passing, a little at a time
 *
 * Invariant: a request that has nothing to reap pays a comparison, no system
 * call; no answer waits for a slice, and no failure of one is the program's.
 */
#include "session/passing.h"

#include "base/clock.h"
#include "base/err.h"
#include "session/env.h"
#include "store/store.h"

enum {
	EVERY = 60, /* seconds */
	AGAIN = 1, /* seconds, while there is more */
	LATER = 3600, /* seconds after its end a record may go */
	SLICE = 64, /* records */
	ODDS = 16 /* of a short life: one in so many */
};

#define NEVER INT64_MAX

/* 1 if there may be more. */
static int
slice(struct sstate *env, int64_t now)
{
	struct sstate_error err;
	uint64_t n = 0;
	int r;

	err_clear(&err);
	r = store_reap(&n, env->store, env->ns, now - LATER, SLICE, &err);
	if (r != 0 && r != SSTATE_EBUSY)
		env_log(env, SSTATE_LOG_WARN, &err);
	return r == 0 && n >= SLICE;
}

void
passing_begin(struct sstate *env, int64_t now)
{
	const struct policy *p = store_policy(env->store);
	int can = p->reaps && !p->readonly &&
	    store_can(env->store, CALL_REAP) &&
	    (store_caps(env->store) & SSTATE_CAP_EXPIRE) == 0 &&
	    (env->flags & SSTATE_NO_CREATE) == 0;

	atomic_init(&env->reap_at, can ? now + EVERY : NEVER);
	atomic_init(&env->dirty, 0);
}

void
passing_wrote(struct sstate *env, int64_t now)
{
	int64_t at = atomic_load(&env->reap_at);

	if (now < at) {
		if (atomic_load(&env->dirty) == 0)
			atomic_store(&env->dirty, 1);
		return;
	}
	/* One thread does it. */
	if (!atomic_compare_exchange_strong(&env->reap_at, &at, now + EVERY))
		return;
	atomic_store(&env->dirty, 0);
	if (slice(env, now))
		atomic_store(&env->reap_at, now + AGAIN);
}

void
passing_end(struct sstate *env)
{
	if (env->store == NULL || atomic_load(&env->dirty) == 0 ||
	    atomic_load(&env->reap_at) == NEVER ||
	    clock_mono_us() % ODDS != 0)
		return;
	(void)slice(env, env_now(env));
}
