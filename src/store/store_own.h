/*
 * store_own.h - what store.c and store_open.c know of a store, and nobody else
 */
#ifndef STORE_STORE_OWN_H
#define STORE_STORE_OWN_H

#include "store/store.h"

struct pool;
struct layers;

struct store {
	struct pool *pool;
	const struct sstate_driver *d;
	struct layers *layers; /* NULL: a store of its own */
	struct policy policy;
	struct hook hook;
	int64_t (*now)(void *arg);
	void *now_arg;
	void *arg;
	void (*metric)(void *arg, const struct sstate_metric *m);
};

#endif
