/*
 * kit.h - a driver by itself, as its tests use it: linked in, by its table
 */
#ifndef DRIVERS_KIT_H
#define DRIVERS_KIT_H

#include <stdlib.h>

#include <securestate/store.h>

#include "store/conf.h"

#include "../store/conform.h"

/* For struct conform. */
__attribute__((unused)) static int
drv_open(void **ctx, const struct conform *c, struct sstate_error *err)
{
	struct sstate_conf *conf;
	int r;

	*ctx = NULL;
	if ((r = conf_parse(&conf, c->uri, NULL, 0, CONFORM_NS, NULL, err)) !=
	    0)
		return r;
	r = c->driver->open(ctx, conf, err);
	if (r == 0)
		r = conf_unused(conf, err);
	conf_free(conf);
	return r;
}

/* A raw store of one driver; NULL and the error's text if it does not open. */
__attribute__((unused)) static struct sstate_store *
drv_store(const struct sstate_driver *d, const char *uri, const char *ns,
    void *handle, struct sstate_error *err)
{
	const struct sstate_driver *drivers[] = { d, NULL };
	const char *stores[] = { uri, NULL };
	void *handles[] = { handle };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_store *s;

	o.stores = stores;
	o.drivers = drivers;
	o.handles = handles;
	o.ns = ns;
	o.flags = SSTATE_NO_PLUGINS;
	return sstate_store_open(&s, &o, err) == 0 ? s : NULL;
}

/* 1 by default; SSTATE_TEST_SCALE raises it (under sanitizers). */
__attribute__((unused)) static unsigned
drv_scale(unsigned least)
{
	const char *s = getenv("SSTATE_TEST_SCALE");
	unsigned long n = s != NULL ? strtoul(s, NULL, 10) : 0;

	return n > least ? (unsigned)n : least;
}

#endif
