/*
 * raw.c - one context of a store without an environment
 *
 * For the command, for test kits and for those who write a driver.  One URI
 * that asks for nothing of policy.h is that driver's own table and context;
 * else the table leads through a whole store.
 *
 * Invariant: what nobody asked for fails the open here as well, and what a
 * URI asks of any store (readonly=1) is done here as well.
 */
#include <string.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/whole.h"
#include "store/conf.h"
#include "store/load.h"
#include "store/store.h"

struct sstate_store {
	const struct sstate_driver *d;
	void *ctx;
	struct hook hook;
	struct sstate_driver table; /* of a whole store, or unused */
	int slot;
	struct store *st;
	int64_t (*now)(void *arg);
	void *arg;
};

/* ---- A whole store as a table ----------------------------------------- */

static int
whole_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	(void)conf;
	*ctx = NULL;
	return sstate_fail(err, SSTATE_ENOTSUP, 0,
	    "store: open it by sstate_store_open()");
}

static void
whole_close(void *ctx)
{
	struct sstate_store *s = ctx;
	struct hook h = s->hook;

	store_close(s->st);
	hook_free(&h, s, sizeof(*s));
}

static int
whole_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_get(s->st, &s->slot, key, found, arg, err);
}

static int
ignore(void *arg, const struct sstate_record *rec)
{
	(void)arg;
	(void)rec;
	return 0;
}

static int
whole_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_create(s->st, &s->slot, key, rec, err);
}

/* Nothing has such a revision: is it there at all? */
static int
no_revision(struct sstate_store *s, const struct sstate_key *key,
    struct sstate_error *err)
{
	int r = store_get_far(s->st, &s->slot, key, ignore, NULL, err);

	return r == 0 ? SSTATE_ECONFLICT : r;
}

static int
whole_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	if (expected == 0 || expected == SSTATE_ANY_REV)
		return no_revision(s, key, err);
	return store_replace(s->st, &s->slot, key, expected, rec, err);
}

static int
whole_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_remove(s->st, &s->slot, key, expected, err);
}

static int
whole_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_reap(removed, s->st, ns, before, limit, err);
}

static int
whole_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_each(s->st, ns, tag, fn, arg, err);
}

static int
whole_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_latest(seen, s->st, now, err);
}

static int
whole_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	struct sstate_store *s = ctx;

	return store_count(about, s->st, ns, err);
}

static void
whole_table(struct sstate_driver *t, const struct store *st)
{
	memset(t, 0, sizeof(*t));
	t->size = sizeof(*t);
	t->abi = SSTATE_DRIVER_ABI;
	t->caps = store_caps(st);
	t->scheme = store_name(st);
	t->open = whole_open;
	t->close = whole_close;
	t->get = whole_get;
	t->create = whole_create;
	t->replace = whole_replace;
	t->remove = whole_remove;
	t->abandon = whole_close; /* pools know that they were forked */
	if (store_can(st, CALL_REAP))
		t->reap = whole_reap;
	if (store_can(st, CALL_EACH))
		t->each = whole_each;
	if (store_can(st, CALL_LATEST))
		t->latest = whole_latest;
	if (store_can(st, CALL_COUNT))
		t->count = whole_count;
}

static int64_t
clock_of(void *arg)
{
	const struct sstate_store *s = arg;

	return s->now(s->arg);
}

static int
open_whole(struct sstate_store *s, const struct sstate_options *o,
    const char *ns, struct sstate_error *err)
{
	struct store_options so = { 0 };
	int r;

	so.uris = o->stores;
	so.handles = o->handles;
	so.drivers = o->drivers;
	so.ns = ns;
	so.flags = o->flags;
	so.hook = s->hook;
	s->now = o->now;
	s->arg = so.arg = o->arg;
	if (o->now != NULL)
		so.now = clock_of;
	so.now_arg = s;
	so.log = o->log;
	so.metric = o->metric;
	if ((r = store_open(&s->st, &so, err)) != 0)
		return r;
	whole_table(&s->table, s->st);
	s->d = &s->table;
	s->ctx = s;
	return 0;
}

/* ---- One driver ------------------------------------------------------- */

/* SSTATE_DONE: its URI asks for more than the driver does. */
static int
open_one(struct sstate_store *s, const struct sstate_options *o, const char *ns,
    struct sstate_error *err)
{
	void *handle = o->handles != NULL ? o->handles[0] : NULL;
	struct policy asked;
	struct sstate_conf *c;
	int r;

	if ((r = conf_parse(&c, o->stores[0], handle, o->flags, ns, &s->hook,
		 err)) != 0)
		return r;
	if ((r = policy_take(&asked, c, err)) != 0)
		goto out;
	if (policy_asks(&asked)) {
		r = SSTATE_DONE;
		goto out;
	}
	if ((r = load_driver(&s->d, conf_scheme(c), o->drivers, o->flags,
		 err)) != 0)
		goto out;
	if ((r = s->d->open(&s->ctx, c, err)) != 0) {
		s->ctx = NULL;
		goto out;
	}
	if ((r = conf_unused(c, err)) != 0) {
		s->d->close(s->ctx);
		s->ctx = NULL;
	}
out:
	conf_free(c);
	return r;
}

int
sstate_store_open(struct sstate_store **out, const struct sstate_options *o,
    struct sstate_error *err)
{
	struct sstate_options all = SSTATE_OPTIONS_INIT;
	struct sstate_store *s;
	const char *ns;
	struct hook h;
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no out");
	*out = NULL;
	if (o == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no options");
	if ((r = whole_copy(&all, sizeof(all), o, "options", err)) != 0)
		return r;
	if (all.stores == NULL || all.stores[0] == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no URI");
	h.fn = all.alloc;
	h.arg = all.arg;
	if ((s = hook_alloc(&h, sizeof(*s))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "store");
	memset(s, 0, sizeof(*s));
	s->hook = h;
	s->slot = -1;
	ns = all.ns != NULL ? all.ns : "app";
	if (all.stores[1] != NULL ||
	    (r = open_one(s, &all, ns, err)) == SSTATE_DONE)
		r = open_whole(s, &all, ns, err);
	if (r != 0) {
		hook_free(&h, s, sizeof(*s));
		return r;
	}
	*out = s;
	return 0;
}

const struct sstate_driver *
sstate_store_driver(struct sstate_store *s, void **ctx)
{
	*ctx = s->ctx;
	return s->d;
}

void
sstate_store_close(struct sstate_store *s)
{
	struct hook h;

	if (s == NULL)
		return;
	h = s->hook;
	if (s->st != NULL) {
		whole_close(s);
		return;
	}
	s->d->close(s->ctx);
	hook_free(&h, s, sizeof(*s));
}
