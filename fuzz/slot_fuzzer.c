/*
 * slot_fuzzer.c - a record's file: which slot counts, and what is no slot
 *
 * Input: as fuzz_slot.h has it.
 */
#include "fuzz_slot.h"

/* What counts is whole, and what we would write of it is the same. */
static void
chosen(const struct fslot *s, const unsigned char *img, size_t n)
{
	size_t size = fslot_of_file(n);
	const unsigned char *at = img + (size_t)s->at * size;
	unsigned char *again = fz_alloc(size);

	MUST(size != 0 && (s->at == 0 || s->at == 1));
	MUST(s->seq != 0 && (s->seq - 1) % 2 == (uint64_t)s->at);
	MUST((const unsigned char *)s->rec.body.ptr == at + FSLOT_HEAD &&
	    s->rec.body.len <= size - FSLOT_HEAD);
	MUST((s->rec.body.len == 0) == (s->ended != 0));
	MUST((s->rec.flags & UINT32_C(1) << 31) == 0);
	MUST(fslot_same(s, at));
	MUST(!fslot_wreck(img, n));
	if (!s->ended) {
		memset(again, 0, size);
		fslot_fill(again, s->seq, s->rec.rev, &s->rec);
		/* But for the mark, and the reserved octets beside it. */
		MUST(memcmp(again, at, 4) == 0 &&
		    memcmp(again + 8, at + 8,
			FSLOT_HEAD - 8 + s->rec.body.len) == 0);
	}
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	struct fslot s, other;
	unsigned char *img;
	size_t n;

	img = fz_image(&n, in);
	MUST(fslot_of_file(n) * 2 == n || fslot_of_file(n) == 0);
	fslot_choose(&s, img, n);
	if (s.at >= 0) {
		chosen(&s, img, n);
		/* without its last octet no slot counts. */
		fslot_choose(&other, img, n - 1);
		MUST(other.at == -1);
		/* Torn, it is the other one or none. */
		img[(size_t)s.at * (n / 2) + OFF_SEQ] ^= 2;
		fslot_choose(&other, img, n);
		MUST(other.at != s.at);
	} else
		(void)fslot_wreck(img, n);
	free(img);
	return 0;
}
