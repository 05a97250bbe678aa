/*
 * near.h - one record's copy in a near store: leases, entries, what is left
 *
 *	off len
 *	0   4   magic "SSN1"
 *	4   1   kind: 'L' lease, 'R' record, 'V' a note: ask the far store
 *	5   3   0
 *	8   8   expires of the record, little-endian
 *	16  16  its tag
 *	32      body, of kind 'R'
 *
 * The entry's own revision is the record's, or of a lease a random number;
 * its own expires is when it is not believed any more.  A logged-in
 * session's body never comes to a near store.
 */
#ifndef STORE_NEAR_H
#define STORE_NEAR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <securestate/store.h>

#include "base/arena.h"

struct store;

enum { NEAR_EXPIRES = 60 }; /* default of max_expires, seconds */

/* A near store, for all threads. */
struct near {
	struct store *store;
	int64_t max_expires; /* of a copy, seconds */
	bool soft; /* a copy that cannot be removed is logged */
	_Atomic uint64_t alone_us; /* not asked until then (monotonic) */
	void *arg;
	void (*log)(void *arg, int level, const struct sstate_error *what);
};

/* One context's way to it. */
struct near_way {
	struct near *near;
	struct hook hook;
	int slot; /* the store's hint */
	unsigned char *buf; /* an entry in the making */
	size_t cap, len; /* len 0: nothing to fill in */
	struct sstate_record entry; /* whose body is buf */
	bool leased; /* by near_look(); near_fill() or near_drop() ends it */
	uint64_t lease;
	int64_t since; /* the clock before the far store is asked */
};

void near_done(struct near_way *w);
/*
 * Is it there, and may it be believed?  True: found was called and *r is
 * what get returns.  False: ask the far store; w->leased: and fill.
 */
bool near_look(int *r, struct near_way *w, const struct sstate_key *key,
    sstate_found_fn *found, void *arg);
/* Keep what the far store has, until near_fill(). */
void near_keep(struct near_way *w, const struct sstate_record *rec);
/* End the lease: with what was kept, or without. */
void near_fill(struct near_way *w, const struct sstate_key *key);
void near_drop(struct near_way *w, const struct sstate_key *key);
/*
 * What is there must not be believed any more.  SSTATE_ESTORE: it may be
 * there still; op is for the text.
 */
int near_forget(struct near_way *w, const struct sstate_key *key,
    const char *op, struct sstate_error *err);

#endif
