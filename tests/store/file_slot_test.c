/*
 * file_slot_test.c - file: which slot counts, what is no slot at all
 */
#include "file_kit.h"

#include "base/rand.h"
#include "store/file_slot.h"

enum { SLOT = 1024, FILE_LEN = 2 * SLOT };

static unsigned char img[FILE_LEN];

static void
put(int slot, uint64_t seq, const char *body)
{
	struct sstate_record rec = kit_rec(100 + seq, body, strlen(body), 5);

	fslot_fill(img + slot * SLOT, seq, rec.rev, &rec);
}

static void
sums(void)
{
	static const unsigned char zeros[4096];
	static unsigned char a[200];
	unsigned bad = 0, i, bit;
	uint64_t whole, seen[200];

	for (i = 0; i <= sizeof(zeros); i++)
		bad += fslot_sum(zeros, i) == 0;
	T(bad == 0, "the checksum of zeros is not 0, at any length");
	NEED(rand_bytes(a, sizeof(a), NULL) == 0, "random bytes");
	whole = fslot_sum(a, sizeof(a));
	for (i = 0, bad = 0; i < sizeof(a); i++)
		for (bit = 1; bit < 256; bit <<= 1) {
			a[i] ^= (unsigned char)bit;
			bad += fslot_sum(a, sizeof(a)) == whole;
			a[i] ^= (unsigned char)bit;
		}
	T(bad == 0, "each of %zu flipped bits shows", 8 * sizeof(a));
	for (i = 0, bad = 0; i < 200; i++) {
		seen[i] = fslot_sum(a, i);
		for (bit = 0; bit < i; bit++)
			bad += seen[bit] == seen[i];
	}
	T(bad == 0, "R-98 each shorter text has another checksum");
	bad = fslot_sum("0123456789abcdef0123456789abcdef", 32) ==
	    fslot_sum("89abcdef012345670123456789abcdef", 32);
	T(bad == 0, "words that change places show");
}

static void
sizes(void)
{
	size_t n, bad = 0;

	for (n = 1; n < 100000; n += 97)
		bad += fslot_size(n) < FSLOT_HEAD + n ||
		    fslot_size(n) % 512 != 0 ||
		    fslot_of_file(2 * fslot_size(n)) != fslot_size(n);
	T(bad == 0, "a slot has room, and shares no sector");
	T(fslot_size(SIZE_MAX) == 0 && fslot_size((16u << 20) + 1) == 0 &&
		fslot_size(16u << 20) != 0,
	    "R-90 16 MiB, not one byte more");
	T(fslot_of_file(0) == 0 && fslot_of_file(1024) == 0 &&
		fslot_of_file(2047) == 0 && fslot_of_file(2049) == 0 &&
		fslot_of_file(2048 + 512) == 0,
	    "other sizes are no record's");
	T(FSLOT_HEAD + 1 <= 128,
	    "P10 a commit writes its body and no more "
	    "than 128 bytes");
}

/* What lies in the slots, and what is read. */
static void
choices(void)
{
	static const struct {
		uint64_t a, b; /* sequence; 0: blank */
		int torn; /* 1: the first, 2: the second, 3: both */
		int at, sure;
		const char *why;
	} t[] = {
		{ 1, 0, 0, 0, 1, "a new file" },
		{ 1, 2, 0, 1, 1, "the second write" },
		{ 3, 2, 0, 0, 1, "the third" },
		{ 3, 4, 0, 1, 1, "the fourth" },
		{ 3, 0, 0, 0, 0, "blank, but it cannot be: look again" },
		{ 0, 2, 0, 1, 0, "the first is blank: look again" },
		{ 5, 2, 0, 0, 0, "a write between them: look again" },
		{ 3, 8, 0, 1, 0, "many between them: look again" },
		{ 3, 4, 2, 0, 0, "the newer is torn" },
		{ 5, 4, 1, 1, 0, "the newer is torn, other slot" },
		{ 1, 2, 2, 0, 0, "torn over blank: look again" },
		{ 3, 4, 3, -1, 0, "both are torn" },
		{ 0, 0, 0, -1, 0, "R-98 all zeros" },
		{ 2, 0, 0, -1, 0, "a sequence in the wrong slot" },
		{ 0, 1, 0, -1, 0, "another one" },
	};
	struct fslot s;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		memset(img, 0, sizeof(img));
		if (t[i].a != 0)
			put(0, t[i].a, "first body");
		if (t[i].b != 0)
			put(1, t[i].b, "second body");
		if (t[i].torn & 1)
			img[FSLOT_HEAD + 3] ^= 1;
		if (t[i].torn & 2)
			img[SLOT + FSLOT_HEAD + 3] ^= 1;
		fslot_choose(&s, img, sizeof(img));
		T(s.at == t[i].at && (s.at < 0 || s.sure == t[i].sure) &&
			(s.at < 0 || s.seq == (s.at ? t[i].b : t[i].a)),
		    "slots %llu, %llu: %s", (unsigned long long)t[i].a,
		    (unsigned long long)t[i].b, t[i].why);
	}
}

/* no change of any byte of a lone slot's head or body passes. */
static void
flips(void)
{
	struct sstate_record rec = kit_rec(77, "a body of some length", 21, 9);
	struct fslot s, was;
	unsigned i, bad = 0, wrong = 0;

	memset(img, 0, sizeof(img));
	fslot_fill(img, 1, 77, &rec);
	fslot_choose(&was, img, sizeof(img));
	for (i = 0; i < FSLOT_HEAD + 21; i++) {
		img[i] ^= 0x20;
		fslot_choose(&s, img, sizeof(img));
		if (i >= 4 && i < 8)
			wrong += s.at != 0;
		else
			bad += s.at == 0;
		img[i] ^= 0x20;
	}
	T(was.at == 0 && bad == 0, "R-98 each byte of a slot is checked");
	T(wrong == 0, "but for the mark, which changes after the write");
	for (i = 2046, bad = 0; i > 0; i -= 2)
		if (fslot_of_file(i) != 0) {
			fslot_choose(&s, img, i);
			bad += s.at >= 0;
		}
	fslot_choose(&s, img, 0);
	T(bad == 0 && s.at < 0, "R-98 a shorter file is damaged");
}

static void
ended(void)
{
	struct fslot s;

	memset(img, 0, sizeof(img));
	put(0, 1, "body");
	fslot_fill(img + SLOT, 2, 102, NULL);
	fslot_choose(&s, img, sizeof(img));
	T(s.at == 1 && s.ended && s.rec.body.len == 0, "an ended slot counts");
	img[SLOT + 8] ^= 1;
	fslot_choose(&s, img, sizeof(img));
	T(s.at == 0 && !s.ended, "a torn one does not");
	img[SLOT + 8] ^= 1;
	img[SLOT + 47] = 0; /* no flag, no body */
	fslot_choose(&s, img, sizeof(img));
	T(s.at == 0, "an empty body alone is no end");
}

/* Read once more under the lock: only what may have changed is looked at. */
static void
still(void)
{
	struct fslot s, was;

	memset(img, 0, sizeof(img));
	put(0, 3, "the third");
	put(1, 2, "the second");
	fslot_choose(&was, img, sizeof(img));
	s = was;
	img[FSLOT_SYNCED] = 1;
	T(fslot_still(&s, img, sizeof(img)) && s.at == 0 && s.seq == 3 &&
		s.synced && !was.synced,
	    "nothing was written: the slot still counts, its mark is seen");
	put(1, 4, "the fourth");
	s = was;
	T(!fslot_still(&s, img, sizeof(img)), "one more write is noticed");
	img[SLOT + FSLOT_HEAD] ^= 1;
	T(!fslot_still(&s, img, sizeof(img)), "and so is one that was torn");
	put(0, 5, "the fifth");
	T(!fslot_still(&s, img, sizeof(img)), "and two of them");
	put(0, 3, "another third");
	memset(img + SLOT, 0, SLOT);
	T(!fslot_still(&s, img, sizeof(img)), "and another slot in its place");
	s.at = -1;
	T(!fslot_still(&s, img, sizeof(img)), "none is never still there");
}

static void
wrecks(void)
{
	memset(img, 0, sizeof(img));
	T(fslot_wreck(img, sizeof(img)) && fslot_wreck(NULL, 0),
	    "zeros are what a power cut leaves");
	put(0, 1, "body");
	T(!fslot_wreck(img, sizeof(img)), "a whole slot is no wreck");
	img[70] ^= 1;
	img[66] ^= 1;
	T(fslot_wreck(img, sizeof(img)), "a torn one is");
	img[3] = '2';
	T(!fslot_wreck(img, sizeof(img)),
	    "another format is not ours to remove");
}

int
main(void)
{
	sums();
	sizes();
	choices();
	flips();
	ended();
	still();
	wrecks();
	return tap_done();
}
