/*
 * ops.h - what a request did to a record, kept so that it can be done again
 *
 * A commit that lost its race replays these on the newer record
 * (ARCHITECTURE, concurrency).  Replay happens in full or not at all.
 */
#ifndef RECORD_OPS_H
#define RECORD_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "record/record.h"

enum {
	OP_SET = 1,	/* name, all values */
	OP_SET_ABSENT,	/* the same, unless the name is there */
	OP_DEL,
	OP_CLEAR,	/* all values */
	OP_INCR,	/* add by to a whole number */
	OP_ONCE,	/* jti, when: a once page is used */
	OP_LOGIN,	/* name is the user (NULL: nobody), when; new psk */
	OP_USED		/* this id has been used: fresh becomes 0 */
};

struct op {
	int kind;
	const char *name;		/* lives as long as the list's arena */
	const struct sstate_val *vals;
	size_t n;
	int64_t by;			/* OP_INCR; when, of OP_ONCE, OP_LOGIN */
	const uint8_t *bytes;		/* jti, or psk */
};

struct ops {
	struct arena *a;
	struct op *v;
	size_t n, cap;
};

void ops_init(struct ops *o, struct arena *a);
int ops_push(struct ops *o, const struct op *op);

enum { NUMBER_ROOM = 24 }; /* of a whole number as text, with its NUL */

/*
 * A whole number as INCR takes it: [-]digits, no blanks, no leading zeros;
 * else SSTATE_EPARSE, and *out is 0.
 */
int number_parse(int64_t *out, const char *p, size_t n);

/*
 * Apply one to r.  SSTATE_ECONFLICT: INCR of no number, or overflow.
 * SSTATE_EEXIST: ONCE of a page that was used, or is stale.
 */
int op_apply(struct rec *r, const struct op *op);

/*
 * Replay all on now, a copy of the record as it is; was is the record from
 * which the ops started.  strict: SSTATE_ECONFLICT when a name that they
 * set, deleted or cleared was set, deleted or cleared meanwhile (an INCR
 * meets another INCR freely, but not a set); a CLEAR conflicts with any
 * change of values.  Without strict only a failing INCR, SSTATE_ECONFLICT.
 * SSTATE_EEXIST: another request has used a ONCE page.  On failure now is to
 * be thrown away.
 */
int ops_replay(struct rec *now, const struct rec *was, const struct ops *o,
    int strict);

#endif
