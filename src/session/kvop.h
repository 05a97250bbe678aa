/*
 * kvop.h - one call of securestate/kv.h: the keys, what is under each
 *
 * While several keys are accepted a name has a place under each.  Looked at
 * from the oldest on, the first place without a stub that has a value
 * decides; PROTOCOL.record, "Names while keys change".
 */
#ifndef SESSION_KVOP_H
#define SESSION_KVOP_H

#include <securestate/kv.h>

#include "base/arena.h"
#include "base/limits.h"
#include "crypto/kvseal.h"
#include "session/env.h"
#include "session/naps.h"

struct kv_seen {
	struct kv_place place;
	int there; /* a record, with this head */
	int live; /* its value counts */
	int moved; /* a stub that counts */
	struct kv_head head; /* of damage: the store's revision alone */
	int64_t expires; /* the sooner of header's and store's */
	struct sstate_val value;
};

struct kv_op {
	struct sstate *env;
	struct sstate_val name;
	struct sstate_error *err;
	struct arena *a; /* of one attempt: values, records */
	struct naps naps;
	int64_t now;
	int slot;
	const struct keyring *ring;
	struct kv_seen seen[LIMIT_RING_KEYS]; /* the oldest key first */
	size_t n; /* keys that are accepted */
	size_t issuer; /* which of them issues; n: none does */
	size_t at; /* where the walk ended */
	int found; /* by a value, which is there */
};

int kv_op_begin(struct kv_op *op, struct sstate *env, struct sstate_val name,
    struct sstate_error *err);
/* Wait a little, and forget what was seen; SSTATE_EBUSY once time is over. */
int kv_op_again(struct kv_op *op);
void kv_op_end(struct kv_op *op);

/*
 * Look for the name.  SSTATE_DONE: another key ring is in force, so begin
 * again; SSTATE_EAUTH: what is at op->at was not written by us.
 */
int kv_op_walk(struct kv_op *op);
int kv_op_read(struct kv_op *op, size_t i);
/* The revision that a caller is told, and that a copy goes on with. */
uint64_t kv_op_rev(const struct kv_seen *s);
/*
 * Write in place of what was seen at i, and only of that: EEXIST, ECONFLICT
 * or ENOTFOUND if it is another.  h's revision is set here.
 */
int kv_op_write(struct kv_op *op, size_t i, struct kv_head *h,
    struct sstate_val value);
int kv_op_remove(struct kv_op *op, size_t i, uint64_t rev);
/* Until when a stub must hold. */
int64_t kv_op_stub_end(const struct kv_op *op);

#endif
