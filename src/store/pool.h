/*
 * pool.h - a driver's contexts, one for each thread that is calling now
 *
 * It grows on demand and shrinks at the end.  A ready-made handle is one
 * context: whoever comes second waits, for ten seconds at most.
 */
#ifndef STORE_POOL_H
#define STORE_POOL_H

#include <stdint.h>

#include <securestate/store.h>

#include "base/arena.h"

struct pool;
struct layers;
struct sstate_conf;

struct pool_options {
	const struct sstate_driver *driver;
	const char *uri;
	struct sstate_conf *conf; /* of uri, for the first context, or NULL */
	void *handle;
	struct layers *layers; /* of layered:, for conf_layers() */
	const char *ns;
	uint32_t flags;
	struct hook hook;
};

/* Opens the first context. */
int pool_open(struct pool **out, const struct pool_options *o,
    struct sstate_error *err);
void pool_close(struct pool *p);
/*
 * A context for the calling thread alone, until pool_give().  *slot is which
 * one it was, and one that is tried first; *slot < 0: none was used yet.
 */
int pool_take(void **ctx, int *slot, struct pool *p, struct sstate_error *err);
void pool_give(struct pool *p, int slot);

#endif
