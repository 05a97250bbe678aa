/*
 * record.h - what a session's record holds: bytes <-> names and values
 *
 * Pure: no I/O, no clock, no randomness.  PROTOCOL.record gives the form.  A
 * flat map of octet strings, nothing nested, nothing executable.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/table.h"

enum {
	REC_LIVE = 0,
	REC_ENDED = 1,	/* stub: the id was given up, opens nothing */
	REC_MOVED = 2	/* stub: follow succ until grace_until */
};

struct rec_once {
	uint8_t jti[16];
	int64_t issued;
};

struct rec {
	uint8_t kind;		/* REC_* */
	uint8_t mindset;	/* 0 until the first write, SSTATE_*FORGETFUL */
	uint8_t fresh;		/* 1: this id was not used by a client yet */
	uint8_t psk[32];
	int64_t id_since;	/* when this id was issued, seconds, epoch */
	int64_t login;		/* when the user logged in; 0 */
	const char *user;	/* NULL: nobody */
	int64_t grace_until;	/* of REC_MOVED */
	uint8_t succ[45];	/* of REC_MOVED: token bytes */
	int64_t once_floor;	/* once pages issued at or before it are used */
	size_t nonce, ncommit;
	const struct rec_once *once;	/* oldest first, at most LIMIT_ONCE */
	const uint64_t *commit;		/* the same, LIMIT_COMMIT_IDS */
	struct table vals;
	/* No less than rec_weight() was when it was decoded. */
	size_t most_bytes, most_values;
};

/* A live record without values. */
void rec_init(struct rec *r, struct arena *a);
/* Values and marks shared with src, all else copied. */
int rec_copy(struct rec *dst, const struct rec *src);

/*
 * Append the payload.  Only present names with their values, in order.
 * Failures are kept in out->bad.
 */
void rec_encode(struct buf *out, const struct rec *r);
/*
 * Decode strictly: one form for each content, nothing after the end.
 * Names and values are slices of p, which must outlive *out.
 * SSTATE_EPARSE, SSTATE_ETOOBIG, SSTATE_ENOMEM.
 */
int rec_decode(struct rec *out, struct arena *a, const uint8_t *p, size_t n);

/* The map alone, as page state carries it: same form. */
void map_encode(struct buf *out, const struct table *t);
int map_decode(struct table *out, struct arena *a, const uint8_t *p, size_t n);

/* Bytes that count against max_bytes: names and values; *values counts. */
size_t rec_weight(const struct rec *r, size_t *values);

/*
 * Mark a once page as used: 0; SSTATE_EEXIST if it was, or is at the floor;
 * SSTATE_ENOMEM.
 */
int rec_once_take(struct rec *r, const uint8_t jti[16], int64_t issued);
int rec_once_used(const struct rec *r, const uint8_t jti[16], int64_t issued);
/* Note a commit id, forgetting the oldest; 0 or SSTATE_ENOMEM. */
int rec_commit_note(struct rec *r, uint64_t id);
int rec_commit_known(const struct rec *r, uint64_t id);

#endif
