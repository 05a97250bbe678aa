/*
 * kit.h - a driver by itself, as its tests use it: linked in, by its table
 */
#ifndef DRIVERS_KIT_H
#define DRIVERS_KIT_H

#include <stdlib.h>

#include <securestate/conform.h>

#include "store/conf.h"

#include "../tap.h"

/* A context, past all of the library but the URI's parser. */
__attribute__((unused)) static int
drv_open(void **ctx, const struct sstate_driver *d, const char *uri,
    struct sstate_error *err)
{
	struct sstate_conf *conf;
	int r;

	*ctx = NULL;
	if ((r = conf_parse(&conf, uri, NULL, 0, CONFORM_NS, NULL, err)) != 0)
		return r;
	r = d->open(ctx, conf, err);
	if (r == 0 && (r = conf_unused(conf, err)) != 0) {
		d->close(*ctx);
		*ctx = NULL;
	}
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

/* The conformance suite, in this test's TAP. */
__attribute__((unused)) static void
drv_suite(const struct sstate_options *o, unsigned scale, int processes)
{
	struct conform_tap tap = { tap_n, tap_bad, tap_skipped };
	struct conform c = { .opts = o, .tap = &tap, .scale = scale };

	conform_part(&c);
	tap_n = tap.n;
	tap_bad = tap.bad;
	tap_skipped = tap.skipped;
	T(c.threads == !processes, "R-34 its workers were %s",
	    processes ? "processes" : "threads");
}

/* Of one driver that is linked in, for processes. */
__attribute__((unused)) static void
drv_conform(const struct sstate_driver *d, const char *uri, unsigned scale)
{
	const struct sstate_driver *drivers[] = { d, NULL };
	const char *stores[] = { uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	o.stores = stores;
	o.drivers = drivers;
	o.ns = CONFORM_NS;
	o.flags = SSTATE_NO_PLUGINS;
	drv_suite(&o, scale, 1);
}

/* 1 by default; SSTATE_TEST_SCALE raises it (under sanitizers). */
__attribute__((unused)) static unsigned
drv_scale(unsigned least)
{
	const char *s = getenv("SSTATE_TEST_SCALE");
	unsigned long n = s != NULL ? strtoul(s, NULL, 10) : 0;

	return n > least ? (unsigned)n : least;
}

/* ---- A record of the suite's, by its number --------------------------- */

/* tag 0: nobody's */
__attribute__((unused)) static int
drv_make(const struct sstate_driver *d, void *ctx, unsigned n, int64_t expires,
    unsigned tag, struct sstate_error *err)
{
	struct sstate_record rec = conform_rec("body", 4, expires, 1);
	struct sstate_key key = conform_key(CONFORM_NS, n);

	memset(err, 0, sizeof(*err));
	if (tag != 0)
		conform_tag(rec.tag, tag);
	return d->create(ctx, &key, &rec, err);
}

__attribute__((unused)) static int
drv_read(const struct sstate_driver *d, void *ctx, unsigned n,
    struct sstate_error *err)
{
	struct sstate_key key = conform_key(CONFORM_NS, n);
	struct conform_seen s;
	int r;

	memset(err, 0, sizeof(*err));
	memset(&s, 0, sizeof(s));
	r = d->get(ctx, &key, conform_found, &s, err);
	free(s.body);
	return r;
}

/* From revision rev to the one after it. */
__attribute__((unused)) static int
drv_replace(const struct sstate_driver *d, void *ctx, unsigned n, uint64_t rev,
    int64_t expires, unsigned tag, struct sstate_error *err)
{
	struct sstate_record rec = conform_rec("next", 4, expires, rev + 1);
	struct sstate_key key = conform_key(CONFORM_NS, n);

	memset(err, 0, sizeof(*err));
	if (tag != 0)
		conform_tag(rec.tag, tag);
	return d->replace(ctx, &key, rev, &rec, err);
}

__attribute__((unused)) static int
drv_remove(const struct sstate_driver *d, void *ctx, unsigned n, uint64_t rev,
    struct sstate_error *err)
{
	struct sstate_key key = conform_key(CONFORM_NS, n);

	memset(err, 0, sizeof(*err));
	return d->remove(ctx, &key, rev, err);
}

#endif
