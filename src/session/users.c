/*
 * users.c - sessions without their clients: list, revoke, reap
 *
 * Only what stands in clear beside a sealed record is known here: times,
 * the user's tag, the start of the locator.  Nobody on the server can read
 * a session without its id; anybody with the key ring can end it.
 */
#include "session/users.h"

#include <string.h>

#include "base/codec.h"
#include "base/err.h"
#include "session/fetch.h"
#include "store/store.h"

enum { HANDLE_BYTES = 8, BATCH = 256, PASSES = 1000 };

void
handle_of(char out[20], const uint8_t loc[LOC_BYTES])
{
	hex_encode(out, loc, HANDLE_BYTES);
}

/* A walk over live records, or over one user's under one key. */
struct walk {
	struct sstate *env;
	int64_t now, idle;
	const char *handle; /* NULL: any */
	sstate_info_fn *fn; /* to list, or NULL: to collect */
	void *arg;
	struct sstate_key key[BATCH];
	uint64_t rev[BATCH];
	size_t n;
	int stopped; /* by fn, with this value */
};

static int
is_listed(const struct walk *w, const struct seal_head *h)
{
	if ((h->flags & SEAL_STUB) != 0)
		return 0;
	if (w->idle > 0) /* reaping: idle for longer than that */
		return h->written < w->now - w->idle;
	return view_deadline(h) > w->now;
}

static int
visit(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	struct walk *w = arg;
	struct sstate_info in;
	struct seal_head h;

	if (seal_peek(&h, rec->body.ptr, rec->body.len) != 0 ||
	    !is_listed(w, &h))
		return 0;
	if (w->idle == 0 && rec->expires != 0 && rec->expires <= w->now)
		return 0; /* by its cap, sooner than the header says */
	memset(&in, 0, sizeof(in));
	handle_of(in.handle, key->id);
	if (w->handle != NULL && strcmp(in.handle, w->handle) != 0)
		return 0;
	if (w->fn == NULL) {
		w->key[w->n] = *key;
		w->rev[w->n] = rec->rev;
		return ++w->n < BATCH ? 0 : SSTATE_DONE;
	}
	in.now = w->now;
	in.created = h.created;
	in.written = in.accessed = h.written;
	in.expires = view_deadline(&h);
	in.rev = h.revision;
	in.bytes = rec->body.len;
	return w->stopped = w->fn(w->arg, &in);
}

/* One pass: everybody's records, or one user's under every accepted key. */
static int
pass(struct walk *w, const char *user, struct sstate_error *err)
{
	struct sstate *env = w->env;
	const struct keyring *ring;
	unsigned char tag[TAG_BYTES];
	size_t i;
	int r;

	if (user == NULL)
		return store_each(env->store, env->ns, NULL, visit, w, err);
	if ((r = env_ring(&ring, env, err)) != 0)
		return r;
	for (i = 0; i < keyring_count(ring); i++) {
		const struct ringkey *key = keyring_at(ring, i);

		if (keyring_find(ring, key->kid, w->now) == NULL)
			continue;
		user_tag(tag, key, env->ns, user);
		if ((r = store_each(env->store, env->ns, tag, visit, w, err)) !=
		    0)
			return r;
	}
	return 0;
}

static struct walk *
walk_new(struct sstate *env, struct sstate_error *err)
{
	struct walk *w = hook_alloc(&env->hook, sizeof(*w));

	if (w == NULL) {
		(void)err_plain(err, SSTATE_ENOMEM, "list");
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->env = env;
	w->now = env_now(env);
	env_tick(env, w->now);
	return w;
}

int
sstate_list(struct sstate *env, const char *user, sstate_info_fn *fn, void *arg,
    struct sstate_error *err)
{
	struct walk *w;
	int r;

	err_clear(err);
	if (env == NULL || fn == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "list: no environment or function");
	if ((w = walk_new(env, err)) == NULL)
		return SSTATE_ENOMEM;
	w->fn = fn;
	w->arg = arg;
	r = pass(w, user, err);
	if (w->stopped != 0)
		r = w->stopped;
	hook_free(&env->hook, w, sizeof(*w));
	return r;
}

/* Is it one of what the walk looks for?  *rev is what it is now. */
struct again {
	struct walk *w;
	uint64_t rev;
};

static int
read_again(void *arg, const struct sstate_record *rec)
{
	struct again *a = arg;
	struct seal_head h;

	if (seal_peek(&h, rec->body.ptr, rec->body.len) == 0 &&
	    is_listed(a->w, &h))
		a->rev = rec->rev;
	return 0;
}

/* 1: removed by us; 0: it is not there, or became a stub; else a failure. */
static int
remove_one(struct walk *w, size_t i, struct sstate_error *err)
{
	struct again again = { w, w->rev[i] };
	unsigned asked = 0;
	int r, slot = -1;

	for (;;) {
		r = store_remove(w->env->store, &slot, &w->key[i], again.rev,
		    err);
		if (r == 0)
			return 1;
		if (r == SSTATE_ENOTFOUND)
			return 0;
		if (r != SSTATE_ECONFLICT &&
		    (r != SSTATE_ESTORE || ++asked > 2))
			return r;
		again.rev = 0;
		r = store_get_far(w->env->store, &slot, &w->key[i], read_again,
		    &again, err);
		if (r == SSTATE_ENOTFOUND)
			return asked > 0; /* an answer was lost */
		if (r != 0)
			return r;
		if (again.rev == 0)
			return 0;
	}
}

/* Collect and remove until a whole pass finds nothing more. */
static int
sweep(uint64_t *ended, struct walk *w, const char *user, uint64_t limit,
    struct sstate_error *err)
{
	size_t i;
	int r, n;

	for (n = 0; n < PASSES; n++) {
		w->n = 0;
		r = pass(w, user, err);
		if (r != 0 && r != SSTATE_DONE)
			return r;
		if (w->n == 0)
			return 0;
		for (i = 0; i < w->n; i++) {
			if (limit > 0 && *ended >= limit)
				return 0;
			if ((r = remove_one(w, i, err)) < 0)
				return r;
			*ended += (uint64_t)r;
		}
		if (w->idle > 0 && w->n < BATCH)
			return 0; /* reaping owes no second pass */
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "revoke: sessions come faster than they end");
}

int
sstate_revoke(uint64_t *ended, struct sstate *env, const char *user,
    const char *handle, struct sstate_error *err)
{
	uint64_t n = 0;
	struct walk *w;
	int r;

	if (ended != NULL)
		*ended = 0;
	err_clear(err);
	if (env == NULL || (user == NULL && handle == NULL))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "revoke: neither user nor handle");
	if ((w = walk_new(env, err)) == NULL)
		return SSTATE_ENOMEM;
	w->handle = handle;
	r = sweep(&n, w, user, 0, err);
	if (r == 0 && handle != NULL && n == 0)
		r = sstate_fail(err, SSTATE_ENOTFOUND, 0,
		    "revoke: no session has that handle");
	hook_free(&env->hook, w, sizeof(*w));
	if (ended != NULL)
		*ended = n;
	return r;
}

int
sstate_reap(uint64_t *removed, struct sstate *env, int64_t idle, uint64_t limit,
    struct sstate_error *err)
{
	uint64_t n = 0, more = 0;
	struct walk *w;
	int64_t now;
	int r;

	if (removed != NULL)
		*removed = 0;
	err_clear(err);
	if (env == NULL || idle < 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "reap: no environment, or a negative time");
	now = env_now(env);
	env_tick(env, now);
	r = store_reap(&n, env->store, env->ns, now, limit, err);
	/*
	 * A record says itself when it expires, by the idle limit under which
	 * it was written.  Only a shorter one than ours asks for a look at
	 * each.
	 */
	if (r == 0 && idle > 0 && idle < env->idle &&
	    (limit == 0 || n < limit)) {
		if ((w = walk_new(env, err)) == NULL)
			return SSTATE_ENOMEM;
		w->idle = idle;
		r = sweep(&more, w, NULL, limit == 0 ? 0 : limit - n, err);
		hook_free(&env->hook, w, sizeof(*w));
	}
	if (removed != NULL)
		*removed = n + more;
	return r;
}
