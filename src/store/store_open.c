/*
 * store_open.c - a store is opened, closed, and asked what it is
 *
 * Invariant: a URI that its driver does not understand, or that asks for
 * what the driver cannot do, opens nothing.
 */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/conf.h"
#include "store/layered.h"
#include "store/load.h"
#include "store/pool.h"
#include "store/store_own.h"

/* An older table ends before it. */
static bool
can_count(const struct sstate_driver *d)
{
	return d->size >= sizeof(*d) && d->count != NULL;
}

/* The driver that a URI names, and what the URI asks of any of them. */
static int
look_up(struct store *st, struct sstate_conf *c, const struct store_options *o,
    struct sstate_error *err)
{
	int r;

	if ((r = load_driver(&st->d, conf_scheme(c), o->drivers, o->flags,
		 err)) != 0 ||
	    (r = policy_take(&st->policy, c, err)) != 0)
		return r;
	if (sstate_conf_handle(c) != NULL &&
	    (st->d->caps & SSTATE_CAP_HANDLE) == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: this store takes no ready-made handle", st->d->scheme);
	if (st->policy.max_records != 0 && !can_count(st->d))
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: this store cannot count, so it takes no max_records",
		    st->d->scheme);
	return 0;
}

static int
open_pool(struct store *st, const char *uri, struct sstate_conf *conf,
    void *handle, const struct store_options *o, struct sstate_error *err)
{
	struct pool_options po;

	memset(&po, 0, sizeof(po));
	po.driver = st->d;
	po.uri = uri;
	po.conf = conf;
	po.handle = handle;
	po.layers = st->layers;
	po.ns = o->ns;
	po.flags = o->flags;
	po.hook = o->hook;
	return pool_open(&st->pool, &po, err);
}

static int
store_new(struct store **out, const struct store_options *o,
    struct sstate_error *err)
{
	struct store *st;

	*out = NULL;
	if ((st = hook_alloc(&o->hook, sizeof(*st))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "store");
	memset(st, 0, sizeof(*st));
	st->hook = o->hook;
	st->now = o->now;
	st->now_arg = o->now_arg;
	st->arg = o->arg;
	st->metric = o->metric;
	*out = st;
	return 0;
}

static int
open_one(struct store *st, const struct store_options *o,
    struct sstate_error *err)
{
	void *handle = o->handles != NULL ? o->handles[0] : NULL;
	struct sstate_conf *c;
	int r;

	if ((r = conf_parse(&c, o->uris[0], handle, o->flags, o->ns, &o->hook,
		 err)) != 0)
		return r;
	if ((r = look_up(st, c, o, err)) == 0)
		r = open_pool(st, o->uris[0], c, handle, o, err);
	conf_free(c);
	return r;
}

/* The first of the list before all that follow. */
static int
open_layers(struct store *st, const struct store_options *o,
    struct sstate_error *err)
{
	const struct policy *truth;
	int r;

	if ((r = layers_open(&st->layers, o, err)) != 0)
		return r;
	st->d = layers_driver(st->layers);
	/* Each layer has a policy of its own; this is to be asked for. */
	truth = store_policy(layers_truth(st->layers));
	st->policy.max_expires = truth->max_expires;
	st->policy.soft = truth->soft;
	st->policy.reaps = truth->reaps;
	return open_pool(st, "layered:", NULL, NULL, o, err);
}

int
store_open(struct store **out, const struct store_options *o,
    struct sstate_error *err)
{
	struct store *st;
	int r;

	*out = NULL;
	if (o->uris == NULL || o->uris[0] == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no URI");
	if ((r = store_new(&st, o, err)) != 0)
		return r;
	r = o->uris[1] == NULL ? open_one(st, o, err) : open_layers(st, o, err);
	if (r != 0) {
		store_close(st);
		return r;
	}
	*out = st;
	return 0;
}

void
store_close(struct store *st)
{
	struct hook h;

	if (st == NULL)
		return;
	h = st->hook;
	pool_close(st->pool);
	layers_close(st->layers);
	hook_free(&h, st, sizeof(*st));
}

/* ---- What it is ------------------------------------------------------- */

uint32_t
store_caps(const struct store *st)
{
	return st->layers != NULL ? layers_caps(st->layers) : st->d->caps;
}

const char *
store_name(const struct store *st)
{
	return st->d->scheme;
}

const struct policy *
store_policy(const struct store *st)
{
	return &st->policy;
}

bool
store_is_layered(const struct store *st)
{
	return st->layers != NULL;
}

int64_t
store_now(const struct store *st)
{
	return st->now != NULL ? st->now(st->now_arg) : clock_wall();
}

bool
store_can(const struct store *st, enum policy_call call)
{
	if (st->layers != NULL)
		return layers_can(st->layers, call);
	switch (call) {
	case CALL_REAP:
		return st->d->reap != NULL;
	case CALL_EACH:
		return st->d->each != NULL;
	case CALL_LATEST:
		return st->d->latest != NULL;
	case CALL_COUNT:
		return can_count(st->d);
	default:
		return true;
	}
}
