/*
 * store.h - a store as the session layer sees it: pool, policy, metrics
 *
 * Wraps a driver's table.  Any thread may call; each call takes a context of
 * the pool for its duration, so a driver sees one thread at a time.  After a
 * fork the child's first call abandons what it inherited.  Keys, records and
 * codes are those of <securestate/store.h>.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "store/policy.h"

struct store;

struct store_options {
	const char *const *uris; /* NULL last; several: layered */
	void *const *handles; /* one per URI, or NULL */
	const struct sstate_driver *const *drivers; /* NULL last, or NULL */
	const char *ns;
	uint32_t flags; /* SSTATE_NO_PLUGINS, SSTATE_NO_CREATE */
	struct hook hook;
	int64_t near_expires; /* of near stores that say none; 0: default */
	/* For caps and near copies; NULL: the wall clock. */
	int64_t (*now)(void *now_arg);
	void *now_arg;
	void *arg; /* of the hooks below */
	void (*log)(void *arg, int level, const struct sstate_error *what);
	void (*metric)(void *arg, const struct sstate_metric *m);
};

/*
 * Opens one context at once, so that a bad URI or an unsafe directory fails
 * here.  What it is handed it copies, but for handles and drivers.
 */
int store_open(struct store **out, const struct store_options *o,
    struct sstate_error *err);
void store_close(struct store *st);

uint32_t store_caps(const struct store *st);
/* Scheme of the URI: for texts and metrics. */
const char *store_name(const struct store *st);
/* What its URI asks for; of layers, the far one's. */
const struct policy *store_policy(const struct store *st);
/* Then store_get() may hand out what is no longer so. */
bool store_is_layered(const struct store *st);
/* Has the driver that slot? */
bool store_can(const struct store *st, enum policy_call call);
int64_t store_now(const struct store *st);

/*
 * *slot remembers which context served, so that the next call of the same
 * session gets that one again if it is idle (the file driver keeps the
 * record's descriptor there).  Start with -1.
 */
int store_get(struct store *st, int *slot, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err);
/* From the store that decides; what nearer ones have of it is dropped. */
int store_get_far(struct store *st, int *slot, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err);
int store_create(struct store *st, int *slot, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err);
int store_replace(struct store *st, int *slot, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec,
    struct sstate_error *err);
int store_remove(struct store *st, int *slot, const struct sstate_key *key,
    uint64_t expected, struct sstate_error *err);
/* SSTATE_ENOTSUP with a text where the driver has no such slot. */
int store_reap(uint64_t *removed, struct store *st, const char *ns,
    int64_t before, uint64_t limit, struct sstate_error *err);
int store_each(struct store *st, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err);
/* *seen = now where the driver has no such slot. */
int store_latest(int64_t *seen, struct store *st, int64_t now,
    struct sstate_error *err);
/* About how many; SSTATE_ENOTSUP likewise. */
int store_count(uint64_t *about, struct store *st, const char *ns,
    struct sstate_error *err);

#endif
