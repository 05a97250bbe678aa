/*
 * policy.h - what a URI asks of every store, whichever driver it has
 *
 *	?max_expires=S		no record is kept for longer, nor for ever
 *	?errors=fail|log	log: for session/ to soften
 *	?throttle=N/S		after N failures in a row left alone for S
 *	?readonly=1		writes are EBUSY: nothing was written
 *	?disable=set,get,remove	these do nothing, and say that all is well
 *	?max_records=N		no more records than about so many
 *	?reap=0			not in passing: only by sstate_reap()
 *
 * The order is fixed: metrics, errors, throttle, the driver's own time-out,
 * cap, driver.  So what is throttled is measured and softened, and a failure
 * is counted before anything softens it.
 */
#ifndef STORE_POLICY_H
#define STORE_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <securestate/store.h>

/* The calls; policy_name() is how metrics and texts call them. */
enum policy_call {
	CALL_GET,
	CALL_CREATE,
	CALL_REPLACE,
	CALL_REMOVE,
	CALL_REAP,
	CALL_EACH,
	CALL_LATEST,
	CALL_COUNT
};

enum { POLICY_SKIP = 1 }; /* disabled: done, without the driver */

struct policy {
	int64_t max_expires; /* seconds; 0: no cap */
	uint64_t max_records; /* 0: no limit */
	bool soft; /* errors=log */
	bool readonly;
	bool reaps; /* in passing */
	unsigned disabled; /* bit 1 << CALL_* */
	uint32_t failures; /* of throttle=; 0: never */
	uint64_t pause_us;

	/* What was seen; any thread. */
	_Atomic uint32_t failed; /* in a row */
	_Atomic uint64_t until_us; /* left alone until then; 0: not at all */
	_Atomic uint64_t about; /* records, when they were counted last ... */
	_Atomic uint64_t counted_us; /* ... then; 0: never */
};

const char *policy_name(enum policy_call call);
/* Reads, and so asks for, the parameters above. */
int policy_take(struct policy *p, struct sstate_conf *c,
    struct sstate_error *err);
/* Anything but reap=0, which is nobody's but an environment's? */
bool policy_asks(const struct policy *p);
/*
 * 0: go on.  POLICY_SKIP: it is done.  SSTATE_EBUSY: it was not, and will
 * not be; name is the store's.
 */
int policy_gate(struct policy *p, enum policy_call call, const char *name,
    struct sstate_error *err);
/* The driver's outcome, for the throttle; its callback's own code is 0. */
void policy_note(struct policy *p, enum policy_call call, int r);
/* rec, or copy with the sooner expiry. */
const struct sstate_record *policy_cap(const struct policy *p,
    struct sstate_record *copy, const struct sstate_record *rec, int64_t now);
/* Is it time to count the records again?  For one thread, now and then. */
bool policy_counts(struct policy *p);
void policy_counted(struct policy *p, uint64_t about);
/* One more record: SSTATE_EBUSY if it is one too many. */
int policy_room(struct policy *p, const struct sstate_record *rec,
    const char *name, struct sstate_error *err);

#endif
