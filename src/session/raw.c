/*
 * raw.c - one context of a store without an environment
 *
 * For the command, for test kits and for those who write a driver.
 * Invariant: what the driver never asked for fails the open here as well.
 */
#include <string.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/err.h"
#include "session/options.h"
#include "store/conf.h"
#include "store/load.h"

struct sstate_store {
	const struct sstate_driver *d;
	void *ctx;
	struct hook hook;
};

static int
open_one(struct sstate_store *s, const struct sstate_options *o, const char *ns,
    struct sstate_error *err)
{
	void *handle = o->handles != NULL ? o->handles[0] : NULL;
	struct sstate_conf *c;
	int r;

	if ((r = conf_parse(&c, o->stores[0], handle, o->flags, ns, &s->hook,
		 err)) != 0)
		return r;
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
	struct hook h;
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no out");
	*out = NULL;
	if (o == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no options");
	if ((r = options_copy(&all, sizeof(all), o, "options", err)) != 0)
		return r;
	if (all.stores == NULL || all.stores[0] == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no URI");
	if (all.stores[1] != NULL)
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "store: several URIs, but a raw store is one");
	h.fn = all.alloc;
	h.arg = all.arg;
	if ((s = hook_alloc(&h, sizeof(*s))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "store");
	memset(s, 0, sizeof(*s));
	s->hook = h;
	if ((r = open_one(s, &all, all.ns != NULL ? all.ns : "app", err)) !=
	    0) {
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
	s->d->close(s->ctx);
	hook_free(&h, s, sizeof(*s));
}
