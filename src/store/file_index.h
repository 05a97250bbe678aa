/*
 * file_index.h - which records expire when: one append-only file per bucket
 *
 *	n.<ns>/x/<16 hex>		a bucket of 256 seconds
 *	n.<ns>/x/c<16 hex>-<16 hex>	one that a reaper has claimed
 *
 * An entry is 48 bytes: key (32) | expires, bit 63: second look (8) |
 * checksum of both (8).  One that a kill cut short is passed over, byte by
 * byte.  An entry is there before its record first moves into the bucket,
 * or earlier in it; one too many is dropped by the reaper, one too few
 * never happens (but for a power cut: file_scan.h).
 *
 * How: a writer appends under the record's lock, then sees that the bucket's
 * name still leads where it wrote, then writes the record.  A reaper renames
 * the bucket, then reads it, then judges each record under its lock: so it
 * either waits for that writer, or is noticed by it.
 */
#ifndef STORE_FILE_INDEX_H
#define STORE_FILE_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "store/file_dir.h"

struct sstate_error;
struct sstate_key;

enum { FINDEX_ENTRY = 48, FINDEX_SHIFT = 8 };

struct findex {
	/* The bucket that was written last. */
	int fd;
	dev_t dev;
	ino_t ino;
	int64_t bucket;
	char ns[FDIR_NS];
	/* What the reaper saw last: a look at unchanged buckets is short. */
	char seen_ns[FDIR_NS];
	struct timespec changed; /* mtime of x/; 0: do not rely on it */
	int64_t first; /* lowest bucket, INT64_MAX: none */
	int64_t earliest; /* entry in the bucket that was looked at */
	ino_t part_ino;
	off_t part_size;
};

void findex_init(struct findex *x);
void findex_done(struct findex *x);

/* Does a record that expired at was need an entry to expire at expires? */
int findex_needs(int64_t was, int64_t expires);
int findex_add(struct findex *x, struct fdir *d, const struct sstate_key *key,
    int64_t expires, struct sstate_error *err);
/*
 * After a create, which has no lock to hold: has the bucket of the last
 * findex_add() been claimed since?  Then the entry is made again.
 */
int findex_confirm(struct findex *x, struct fdir *d,
    const struct sstate_key *key, int64_t expires, struct sstate_error *err);

/* Removes what expires by before, at most limit (0: all) of them. */
int findex_reap(uint64_t *removed, struct findex *x, struct fdir *d,
    const char *ns, int64_t before, uint64_t limit, struct sstate_error *err);

#endif
