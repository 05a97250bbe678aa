/*
 * env.c - the environment: opened, closed, its clock and its keys
 *
 * Invariant: time as sessions see it never goes back while the process
 * lives; a key ring that somebody may be reading is never freed
 * before the environment is closed.
 */
#include "session/env.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hint.h"
#include "base/limits.h"
#include "base/nest.h"
#include "base/rand.h"
#include "base/whole.h"
#include "session/options.h"
#include "session/passing.h"
#include "session/places.h"
#include "store/store.h"

enum { TICK = 60 }; /* seconds between looks at ring and ratchet */

/* For another thread's look; one that a fork left behind never ends. */
enum { WAITS = 4000, WAIT_US = 50 };

struct ring_node {
	struct ring_node *next;
	struct keyring *ring;
};

const struct hook *
env_hook(const struct sstate *env)
{
	return &env->hook;
}

const struct hook *
env_secret(const struct sstate *env)
{
	return &env->secret;
}

uint32_t
env_flags(const struct sstate *env)
{
	return env->flags;
}

void
env_log(const struct sstate *env, int level, const struct sstate_error *what)
{
	if (env->log != NULL)
		env->log(env->arg, level, what);
}

void
env_say(const struct sstate *env, int level, int code, const char *fmt, ...)
{
	struct sstate_error e;
	va_list ap;

	if (env->log == NULL)
		return;
	e.code = code;
	e.sys = 0;
	va_start(ap, fmt);
	(void)vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	err_clean(e.text, sizeof(e.text));
	env->log(env->arg, level, &e);
}

/* Raise *to to v; the value that stands afterwards. */
static int64_t
raise_to(_Atomic int64_t *to, int64_t v)
{
	int64_t was = atomic_load(to);

	while (was < v && !atomic_compare_exchange_weak(to, &was, v))
		continue;
	return was < v ? v : was;
}

/* Said once for each time that the clock goes back by much. */
static int64_t
notice(struct sstate *env, int64_t clock, int64_t now)
{
	if (now - clock <= LIMIT_FUTURE)
		return now;
	if (atomic_exchange(&env->behind, now) + LIMIT_FUTURE < now)
		env_say(env, SSTATE_LOG_WARN, SSTATE_ESYS,
		    "CLOCK: the clock "
		    "went back by %lld seconds; time goes on from where it "
		    "was",
		    (long long)(now - clock));
	return now;
}

int64_t
env_now(struct sstate *env)
{
	int64_t boot, clock;

	if (env->now != NULL) {
		clock = env->now(env->arg);
		return notice(env, clock, raise_to(&env->seen, clock));
	}
	boot = clock_boot();
	clock = clock_wall();
	return notice(env, clock, boot + raise_to(&env->ahead, clock - boot));
}

/* The store's ratchet: what any process of ours has ever seen. */
static void
ratchet(struct sstate *env, int64_t now)
{
	struct sstate_error err;
	int64_t seen = now;

	err_clear(&err);
	if (store_latest(&seen, env->store, now, &err) != 0) {
		env_log(env, SSTATE_LOG_WARN, &err);
		return;
	}
	if (seen <= now)
		return;
	if (seen - now > LIMIT_FUTURE)
		env_say(env, SSTATE_LOG_WARN, SSTATE_ESYS,
		    "CLOCK: the clock "
		    "is %lld seconds behind the store's; time goes on from "
		    "there",
		    (long long)(seen - now));
	if (env->now != NULL)
		(void)raise_to(&env->seen, seen);
	else
		(void)raise_to(&env->ahead, seen - clock_boot());
}

/* Put ring in force; the one before it stays until close. */
static int
adopt(struct sstate *env, struct keyring *ring)
{
	struct ring_node *node;

	if ((node = hook_alloc(&env->hook, sizeof(*node))) == NULL)
		return SSTATE_ENOMEM;
	node->ring = atomic_load(&env->ring);
	node->next = env->old;
	env->old = node;
	atomic_store(&env->ring, ring);
	return 0;
}

/* To be the one that looks at the ring's file; 0: another one is. */
static int
hold(struct sstate *env, int waits)
{
	for (; atomic_exchange(&env->reloading, 1) != 0; waits--) {
		if (waits <= 0)
			return 0;
		clock_nap_us(WAIT_US);
	}
	return 1;
}

/* Its caller holds. */
static void
reload(struct sstate *env)
{
	struct keyring *was, *ring = NULL;
	struct sstate_error err;

	was = atomic_load(&env->ring);
	if (was != NULL && !keyring_stale(was, env->ring_path))
		return;
	err_clear(&err);
	if (keyring_load(&ring, env->ring_path, env->ring_uid, &err) != 0) {
		/* Fail closed for new keys; the known ones stay known. */
		env_log(env, SSTATE_LOG_ERROR, &err);
		goto out;
	}
	if (was != NULL && keyring_max_lifetime(ring) < env->lifetime) {
		env_say(env, SSTATE_LOG_ERROR, SSTATE_EINVAL,
		    "keyring: max_lifetime is below the lifetime in use");
		goto out;
	}
	if (adopt(env, ring) == 0)
		ring = NULL; /* the environment's */
out:
	keyring_free(ring);
}

void
env_tick(struct sstate *env, int64_t now)
{
	int64_t was = atomic_load(&env->looked);

	if (now - was < TICK ||
	    !atomic_compare_exchange_strong(&env->looked, &was, now))
		return;
	ratchet(env, now);
	if (env->ring_path == NULL || !hold(env, 0))
		return;
	reload(env);
	atomic_store(&env->reloading, 0);
}

int
env_ring_again(struct sstate *env, const struct keyring *used, int64_t now)
{
	if (env->ring_path == NULL)
		return 0;
	if (hold(env, WAITS)) {
		if (atomic_load(&env->ring) == used &&
		    atomic_exchange(&env->missed, now) != now)
			reload(env);
		atomic_store(&env->reloading, 0);
	}
	return atomic_load(&env->ring) != used;
}

int
env_ring(const struct keyring **out, struct sstate *env,
    struct sstate_error *err)
{
	if ((*out = atomic_load(&env->ring)) == NULL)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "there is no key ring, and SSTATE_NO_CREATE forbids one");
	return 0;
}

int
env_issuer(const struct ringkey **out, struct sstate *env,
    struct sstate_error *err)
{
	const struct keyring *ring;
	int r;

	*out = NULL;
	if ((r = env_ring(&ring, env, err)) != 0)
		return r;
	if ((*out = keyring_issuer(ring, env_now(env))) == NULL)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "keyring: no key issues now");
	return 0;
}

/*
 * Root looks into somebody's directory: the ring's owner is its owner, and
 * where the ring is elsewhere, the directory's.
 */
APART static uid_t
guest_owner(const struct sstate *env)
{
	UNFILLED char dir[PATH_MAX];
	char *slash;
	struct stat st;

	if (lstat(env->ring_path, &st) == 0)
		return st.st_uid;
	(void)snprintf(dir, sizeof(dir), "%s", env->ring_path);
	if ((slash = strrchr(dir, '/')) == NULL || slash == dir)
		return geteuid();
	*slash = '\0';
	return lstat(dir, &st) == 0 ? st.st_uid : geteuid();
}

static uid_t
ring_owner(const struct sstate *env)
{
	uid_t uid = geteuid();

	return uid == 0 && (env->flags & SSTATE_NO_CREATE) != 0 &&
		env->ring_path != NULL
	    ? guest_owner(env)
	    : uid;
}

static int
open_ring(struct sstate *env, int64_t now, struct sstate_error *err)
{
	int64_t max =
	    env->lifetime > LIMIT_LIFETIME ? env->lifetime : LIMIT_LIFETIME;
	struct keyring *ring = NULL;
	int r;

	env->ring_uid = ring_owner(env);
	if (env->ring_path == NULL)
		r = keyring_ephemeral(&ring, max, now, err);
	else if ((r = keyring_load_in(&ring, &env->hook, env->ring_path,
		      env->ring_uid, err)) == SSTATE_ENOTFOUND) {
		if ((env->flags & SSTATE_NO_CREATE) != 0)
			return 0;
		err_clear(err); /* there was none: no failure */
		r = keyring_create(&ring, env->ring_path, max, now, err);
	}
	if (r != 0)
		return err_plain(err, r, "keyring");
	if (keyring_max_lifetime(ring) < env->lifetime) {
		r = sstate_fail(err, SSTATE_EINVAL, 0,
		    "options: lifetime is "
		    "%lld seconds, the key ring's max_lifetime %lld",
		    (long long)env->lifetime,
		    (long long)keyring_max_lifetime(ring));
		keyring_free(ring);
		return r;
	}
	atomic_store(&env->ring, ring);
	return 0;
}

static int64_t
store_clock(void *arg)
{
	return env_now(arg);
}

static int
open_store(struct sstate *env, const struct sstate_options *o,
    struct sstate_error *err)
{
	struct store_options so = { 0 };
	const char *const *uris;
	int64_t cap;
	int r;

	if ((r = places_find(&uris, &env->ring_path, o, env->a, err)) != 0)
		return r;
	so.uris = uris;
	so.handles = o->handles;
	so.drivers = o->drivers;
	so.ns = env->ns;
	so.flags = env->flags & (SSTATE_NO_PLUGINS | SSTATE_NO_CREATE);
	so.hook = env->hook;
	so.now = store_clock;
	so.now_arg = env;
	so.arg = o->arg;
	so.log = o->log;
	so.metric = o->metric;
	if ((r = store_open(&env->store, &so, err)) != 0)
		return r;
	/* What the store forgets sooner must not promise to be there. */
	cap = store_policy(env->store)->max_expires;
	if (cap != 0 && env->idle > cap)
		env->idle = cap;
	if (cap != 0 && env->renew > env->idle / 10)
		env->renew = env->idle / 10;
	return 0;
}

int
sstate_open(struct sstate **out, const struct sstate_options *o,
    struct sstate_error *err)
{
	static const struct sstate_options none = SSTATE_OPTIONS_INIT;
	struct sstate_options whole;
	struct sstate *env = NULL;
	struct hook hook;
	struct arena *a;
	int64_t now;
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "open: no out");
	*out = NULL;
	err_clear(err);
	if ((r = whole_copy(&whole, sizeof(whole), o != NULL ? o : &none,
		 "options", err)) != 0)
		return r;
	hook.fn = whole.alloc;
	hook.arg = whole.arg;
	if (NEST_IS_OF_USE)
		nest_open(&hook);
	if ((a = arena_new(&hook, 2048)) == NULL ||
	    (env = arena_zero(a, sizeof(*env))) == NULL) {
		arena_free(a);
		nest_close(&hook);
		return err_plain(err, SSTATE_ENOMEM, "open");
	}
	env->a = a;
	env->hook = hook;
	env->secret = hook; /* a program's own allocator serves all */
	vault_init(&env->vault);
	if (whole.alloc == NULL)
		env->secret = (struct hook){ vault_hook, &env->vault };
	nest_before(&env->secret, &hook);
	atomic_init(&env->reloading, 0);
	atomic_init(&env->seen, INT64_MIN);
	atomic_init(&env->ahead, INT64_MIN);
	atomic_init(&env->missed, INT64_MIN);
	atomic_init(&env->behind, INT64_MIN / 2);
	atomic_init(&env->ring, NULL);
	if ((r = crypto_init(err)) != 0 || (r = rand_selftest(err)) != 0 ||
	    (r = options_take(env, &whole, err)) != 0 ||
	    (r = open_store(env, &whole, err)) != 0)
		goto out;
	now = env_now(env);
	atomic_init(&env->looked, now);
	ratchet(env, now);
	now = env_now(env);
	if ((r = open_ring(env, now, err)) != 0)
		goto out;
	passing_begin(env, now);
	*out = env;
	env = NULL;
out:
	sstate_close(env);
	return r;
}

void
sstate_close(struct sstate *env)
{
	struct ring_node *node, *next;
	struct hook hook;

	if (env == NULL)
		return;
	hook = env->hook;
	passing_end(env);
	store_close(env->store);
	keyring_free(atomic_load(&env->ring));
	for (node = env->old; node != NULL; node = next) {
		next = node->next;
		keyring_free(node->ring);
		hook_free(&env->hook, node, sizeof(*node));
	}
	vault_free(&env->vault);
	arena_free(env->a);
	nest_close(&hook);
}
