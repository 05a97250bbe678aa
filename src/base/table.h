/*
 * table.h - ordered names, each with a list of values
 *
 * Look-up is by a sorted array, never by a hash of what a client chose
 * .  Names and values are not copied: they live in the arena or
 * longer.  Order is that of the first put; a removed name keeps its place,
 * so that a walk may remove what it stands on.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <securestate.h>

struct arena;

struct entry {
	const char *name; /* NUL at its end, none inside */
	const struct sstate_val *vals;
	size_t n;
	size_t cap; /* of vals, if table_add() made it */
	size_t len; /* of name */
	unsigned char present; /* 0: removed, or never set */
	unsigned char counts; /* record/: made by adding alone */
	unsigned char as_read; /* record/: its octets lie round it, unchanged */
};

struct table_key {
	uint64_t head; /* the name's first eight bytes, as a number */
	uint32_t at; /* in e */
};

struct table {
	struct arena *a;
	struct entry *e; /* by order; may move when it grows */
	struct table_key *sorted; /* by name */
	uint32_t n, cap;
	uint32_t live; /* entries that are present */
};

void table_init(struct table *t, struct arena *a);
/* Room for n names in all; without it, it grows by doubling. */
int table_reserve(struct table *t, uint32_t n);
/* The present entry; NULL if there is none.  Valid until the next put. */
const struct entry *table_find(const struct table *t, const char *name);
/* Replace all values, vals as handed in (n 0: an empty list, present). */
int table_set(struct table *t, const char *name, const struct sstate_val *vals,
    size_t n);
/*
 * The entry of a name of len bytes and a NUL, which was never there.  NULL,
 * and *r: SSTATE_EEXIST if it was, SSTATE_EPARSE if there is a NUL in it.
 */
struct entry *table_new(int *r, struct table *t, const char *name, size_t len,
    const struct sstate_val *vals, size_t n);
/* Append one value. */
int table_add(struct table *t, const char *name, const struct sstate_val *val);
void table_del(struct table *t, const char *name);
void table_clear(struct table *t);
/* NULL: the first present name; else the one after name.  NULL at the end. */
const char *table_next(const struct table *t, const char *name);
/* Entries share names and values with those of src. */
int table_copy(struct table *dst, const struct table *src);

#endif
