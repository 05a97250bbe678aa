/*
 * layered.h - several stores as one: near copies of a far store that decides
 *
 *	{ near, far, NULL }		each a URI; near, mid, far nest
 *	{ new, old?readonly=1, NULL }	a migration: new decides (moving.h)
 *
 * A driver whose contexts lead to stores; each of those has a pool, a policy
 * and metrics of its own.
 */
#ifndef STORE_LAYERED_H
#define STORE_LAYERED_H

#include <stdbool.h>

#include "store/near.h"
#include "store/store.h"

struct layers;

/* o names two stores or more. */
int layers_open(struct layers **out, const struct store_options *o,
    struct sstate_error *err);
/* After the last context was closed. */
void layers_close(struct layers *l);

/* For a pool whose conf_layers() is l. */
const struct sstate_driver *layers_driver(const struct layers *l);
uint32_t layers_caps(const struct layers *l);
bool layers_can(const struct layers *l, enum policy_call call);
/* The store that decides what is so. */
struct store *layers_truth(const struct layers *l);
/* store_get_far() of a context. */
int layers_get_far(void *ctx, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err);

/* ---- For moving.c ------------------------------------------------------ */

struct layers {
	struct near near; /* or the new store of a migration */
	struct store *far; /* or the old one */
	bool moving;
	struct hook hook;
};

/* One context: each is one thread's. */
struct layered {
	struct layers *l;
	struct near_way near;
	int far; /* the store's hint */
};

extern const struct sstate_driver moving_driver;
int layered_open(void **ctx, struct sstate_conf *conf,
    struct sstate_error *err);
void layered_close(void *ctx);

#endif
