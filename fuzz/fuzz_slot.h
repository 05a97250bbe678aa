/*
 * fuzz_slot.h - a record's file out of an input
 *
 * Input: an octet of options, then the file.  Option 1: the two halves of
 * what follows are the slots' beginnings in a file of 2048 octets.  2 and 4:
 * the first, the second slot gets the checksum that it should have.
 */
#ifndef FUZZ_SLOT_H
#define FUZZ_SLOT_H

#include "base/bytes.h"
#include "fuzz.h"
#include "store/file_slot.h"

enum { OFF_SUM = 8, OFF_SEQ = 16, OFF_LEN = 40 };

FZ void
fz_sum(unsigned char *slot, size_t size)
{
	size_t len;

	if (size < FSLOT_HEAD ||
	    (len = get32(slot + OFF_LEN)) > size - FSLOT_HEAD)
		return;
	put64(slot + OFF_SUM,
	    fslot_sum(slot + OFF_SEQ, FSLOT_HEAD - OFF_SEQ + len));
}

/* The image, just so long; *n may be any length. */
FZ unsigned char *
fz_image(size_t *n, struct fz_in in)
{
	unsigned options = fz_byte(&in);
	unsigned char *img;
	size_t slot;

	*n = options & 1 ? 2048 : in.n;
	slot = *n / 2;
	img = fz_alloc(*n);
	if (options & 1) {
		struct fz_in first = fz_take(&in, in.n / 2);

		fz_fill(img, &first, slot);
		fz_fill(img + slot, &in, slot);
	} else if (in.n > 0)
		memcpy(img, in.p, in.n);
	if (options & 2)
		fz_sum(img, slot);
	if (options & 4)
		fz_sum(img + slot, slot);
	return img;
}

#endif
