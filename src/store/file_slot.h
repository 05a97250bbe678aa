/*
 * file_slot.h - a record's file: two slots, of which the newest counts
 *
 *	off len
 *	0   4   magic "SSF1"
 *	4   1   synced: 1 once fdatasync() has returned for this slot
 *	5   3   0
 *	8   8   checksum of all that follows, never 0
 *	16  8   sequence: 1 in a new file, +1 with each write
 *	24  8   revision, as the core gave it
 *	32  8   expires
 *	40  4   length of the body
 *	44  4   flags: SSTATE_REC_*, or bit 31: ended, no body
 *	48  16  tag
 *	64      body
 *
 * Integers are little-endian.  The file is two slots long, each of a
 * multiple of 512 bytes: a torn sector never holds both.  Sequence s lies in
 * slot (s - 1) % 2, so a write never touches the newest.  No I/O here.
 */
#ifndef STORE_FILE_SLOT_H
#define STORE_FILE_SLOT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <securestate/store.h>

enum { FSLOT_HEAD = 64, FSLOT_SYNCED = 4 };

struct fslot {
	int at; /* 0 or 1; -1: no slot is valid */
	int sure; /* nothing can have been acknowledged since */
	int synced, ended;
	uint64_t seq, sum;
	struct sstate_record rec; /* its body lies in the image */
};

/* Of one slot for such a body, with room to grow; 0: too long. */
size_t fslot_size(size_t body);
/* Size of one slot in a file of that size; 0: no record's file. */
size_t fslot_of_file(size_t file);
/* The newest valid slot of a file's image. */
void fslot_choose(struct fslot *out, const unsigned char *img, size_t file);
/* Is this head still that of the chosen slot? */
int fslot_same(const struct fslot *s, const unsigned char *head);
/*
 * An image that was read once more, into the same place: is the chosen slot,
 * which was found whole, still the newest?  1, and synced is told anew.
 */
int fslot_still(struct fslot *s, const unsigned char *img, size_t file);
/* Head and body to slot; rec NULL: ended, after what was chosen. */
void fslot_fill(unsigned char *slot, uint64_t seq, uint64_t rev,
    const struct sstate_record *rec);
/* After a power cut: is all that is there blank or torn writes of ours? */
int fslot_wreck(const unsigned char *img, size_t file);

/* 64 bits of mixing: finds torn writes, not forgeries (the seal does). */
uint64_t fslot_sum(const void *p, size_t n);

#endif
