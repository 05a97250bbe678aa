/*
 * layered.c - several stores as one: near copies of a far store that decides
 *
 * Invariant: a write is acknowledged only after the far store has it and no
 * near copy of before is believed any more; nothing is ever read from near
 * that was not put there by near.c under a lease.  So what an acknowledged
 * end removed does not come back, whoever reads however slowly.
 */
#include "store/layered.h"

#include <string.h>

#include "base/err.h"
#include "store/conf.h"

/* ---- Open and close --------------------------------------------------- */

/* A near store that writes nothing, or not always, cannot be kept right. */
static int
near_open(struct near *n, const struct store_options *o,
    struct sstate_error *err)
{
	const char *uris[] = { o->uris[0], NULL };
	struct store_options one = *o;
	const struct policy *p;
	int r;

	one.uris = uris;
	if ((r = store_open(&n->store, &one, err)) != 0)
		return r;
	p = store_policy(n->store);
	if (p->readonly || p->disabled != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: readonly and disable belong to the last store",
		    store_name(n->store));
	n->soft = p->soft;
	n->max_expires = p->max_expires != 0 ? p->max_expires
	    : o->near_expires != 0	     ? o->near_expires
					     : NEAR_EXPIRES;
	n->arg = o->arg;
	n->log = o->log;
	return 0;
}

/* What marks an end must last as long as what it hides. */
static int
check_new(const struct store *st, struct sstate_error *err)
{
	if (store_policy(st)->max_expires != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: no max_expires before a store that is read-only",
		    store_name(st));
	if ((store_caps(st) & SSTATE_CAP_DURABLE) == 0)
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: a store that may forget cannot take over another one",
		    store_name(st));
	return 0;
}

/* A cap is inherited by the layers below, but never by the last store. */
static int
far_open(struct layers *l, const struct store_options *o,
    struct sstate_error *err)
{
	struct store_options rest = *o;
	int r;

	rest.uris = o->uris + 1;
	rest.handles = o->handles != NULL ? o->handles + 1 : NULL;
	rest.near_expires = l->near.max_expires;
	if ((r = store_open(&l->far, &rest, err)) != 0)
		return r;
	l->moving = store_policy(l->far)->readonly;
	return l->moving ? check_new(l->near.store, err) : 0;
}

int
layers_open(struct layers **out, const struct store_options *o,
    struct sstate_error *err)
{
	struct layers *l;
	int r;

	*out = NULL;
	if ((l = hook_alloc(&o->hook, sizeof(*l))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "layered");
	memset(l, 0, sizeof(*l));
	l->hook = o->hook;
	if ((r = near_open(&l->near, o, err)) != 0 ||
	    (r = far_open(l, o, err)) != 0) {
		layers_close(l);
		return r;
	}
	*out = l;
	return 0;
}

void
layers_close(struct layers *l)
{
	struct hook h;

	if (l == NULL)
		return;
	h = l->hook;
	store_close(l->near.store);
	store_close(l->far);
	hook_free(&h, l, sizeof(*l));
}

struct store *
layers_truth(const struct layers *l)
{
	return l->moving ? l->near.store : l->far;
}

/* An answer can be lost between two stores, whatever they are. */
uint32_t
layers_caps(const struct layers *l)
{
	uint32_t far = store_caps(layers_truth(l));
	uint32_t caps = far & (SSTATE_CAP_DURABLE | SSTATE_CAP_TAG);

	if (!l->moving)
		caps |= far & store_caps(l->near.store) & SSTATE_CAP_EXPIRE;
	return caps | SSTATE_CAP_REMOTE;
}

bool
layers_can(const struct layers *l, enum policy_call call)
{
	const struct store *truth = layers_truth(l);

	if (call == CALL_REAP && (store_caps(truth) & SSTATE_CAP_EXPIRE) != 0)
		return true;
	if (call == CALL_EACH && l->moving && !store_can(l->far, call))
		return false;
	return store_can(truth, call);
}

/* ---- Contexts --------------------------------------------------------- */

int
layered_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct layers *l = conf_layers(conf);
	struct layered *c;

	*ctx = NULL;
	if (l == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "layered: give several stores instead");
	if ((c = hook_alloc(&l->hook, sizeof(*c))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "layered");
	memset(c, 0, sizeof(*c));
	c->l = l;
	c->near.near = &l->near;
	c->near.hook = l->hook;
	c->near.slot = c->far = -1;
	*ctx = c;
	return 0;
}

/* The stores below look after their own contexts, after a fork as well. */
void
layered_close(void *ctx)
{
	struct layered *c = ctx;
	struct hook h = c->l->hook;

	near_done(&c->near);
	hook_free(&h, c, sizeof(*c));
}

/* ---- Reads ------------------------------------------------------------ */

struct keeping {
	struct near_way *w;
	sstate_found_fn *found;
	void *arg;
};

static int
keep(void *arg, const struct sstate_record *rec)
{
	struct keeping *k = arg;

	near_keep(k->w, rec);
	return k->found(k->arg, rec);
}

static int
layered_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct layered *c = ctx;
	struct keeping k = { &c->near, found, arg };
	int r;

	if (near_look(&r, &c->near, key, found, arg))
		return r;
	r = store_get(c->l->far, &c->far, key, keep, &k, err);
	if (r == 0)
		near_fill(&c->near, key);
	else
		near_drop(&c->near, key);
	return r;
}

/*
 * Past every copy, which is dropped: whoever asks so has seen that one is
 * old, or is about to acknowledge a write that was not answered.
 */
static int
get_far(struct layered *c, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	int r, x;

	r = store_get_far(c->l->far, &c->far, key, found, arg, err);
	/* "Not there" settles an end: it is none while a copy is left. */
	x = near_forget(&c->near, key, "get", err);
	return x != 0 ? x : r;
}

/* ---- Writes: far, then the copy goes, then they are acknowledged ------- */

/*
 * EBUSY and ETOOBIG changed nothing.  ECONFLICT and ENOTFOUND may come of an
 * old copy; after a failure the write may have happened.
 */
static int
wrote(struct layered *c, const struct sstate_key *key, const char *op, int r,
    struct sstate_error *err)
{
	if (r == 0)
		return near_forget(&c->near, key, op, err);
	if (r == SSTATE_ECONFLICT || r == SSTATE_ENOTFOUND ||
	    r == SSTATE_ESTORE || r == SSTATE_ESYS)
		(void)near_forget(&c->near, key, op, NULL);
	return r;
}

static int
layered_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct layered *c = ctx;

	return wrote(c, key, "create",
	    store_create(c->l->far, &c->far, key, rec, err), err);
}

static int
layered_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct layered *c = ctx;

	return wrote(c, key, "replace",
	    store_replace(c->l->far, &c->far, key, expected, rec, err), err);
}

static int
layered_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct layered *c = ctx;

	return wrote(c, key, "remove",
	    store_remove(c->l->far, &c->far, key, expected, err), err);
}

/* ---- All of them ------------------------------------------------------ */

/* Copies that stay are not believed: that near cannot reap is no failure. */
static int
layered_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct layered *c = ctx;
	uint64_t copies;

	(void)store_reap(&copies, c->l->near.store, ns, before, limit, NULL);
	return store_reap(removed, c->l->far, ns, before, limit, err);
}

static int
layered_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct layered *c = ctx;

	return store_each(c->l->far, ns, tag, fn, arg, err);
}

static int
layered_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct layered *c = ctx;

	return store_latest(seen, layers_truth(c->l), now, err);
}

static int
layered_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	struct layered *c = ctx;

	return store_count(about, c->l->far, ns, err);
}

static const struct sstate_driver layered_driver = { .size = sizeof(
							 struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_REMOTE,
	.scheme = "layered",
	.open = layered_open,
	.close = layered_close,
	.get = layered_get,
	.create = layered_create,
	.replace = layered_replace,
	.remove = layered_remove,
	.reap = layered_reap,
	.each = layered_each,
	.abandon = layered_close,
	.latest = layered_latest,
	.count = layered_count };

const struct sstate_driver *
layers_driver(const struct layers *l)
{
	return l->moving ? &moving_driver : &layered_driver;
}

int
layers_get_far(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct layered *c = ctx;

	return c->l->moving ? moving_driver.get(ctx, key, found, arg, err)
			    : get_far(c, key, found, arg, err);
}
