/*
 * file_slot.c - a record's file: two slots, of which the newest counts
 *
 * Invariant: what was torn, cut short or never written is no valid slot.
 * One of zeros is not either: it stands for the write before the first.
 */
#include "store/file_slot.h"

#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"

enum {
	SECTOR = 512,
	SLOT_MIN = 1024,
	OFF_SUM = 8,
	OFF_SEQ = 16,
	OFF_REV = 24,
	OFF_EXPIRES = 32,
	OFF_LEN = 40,
	OFF_FLAGS = 44,
	OFF_TAG = 48,
};

static const unsigned char magic[4] = { 'S', 'S', 'F', '1' };
static const unsigned char blank[FSLOT_HEAD];
static const uint32_t ended_flag = UINT32_C(1) << 31;

static uint64_t
turn(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static uint64_t
mix(uint64_t h, uint64_t word)
{
	h += word * UINT64_C(0xc2b2ae3d27d4eb4f);
	return turn(h, 31) * UINT64_C(0x9e3779b185ebca87);
}

/* Four lanes, as xxHash has them: multiplications run side by side. */
uint64_t
fslot_sum(const void *ptr, size_t n)
{
	const unsigned char *p = ptr;
	unsigned char tail[8] = { 0 };
	uint64_t a = UINT64_C(0x243f6a8885a308d3) + n;
	uint64_t b = UINT64_C(0x13198a2e03707344), h;
	uint64_t c = UINT64_C(0xa4093822299f31d0);
	uint64_t d = UINT64_C(0x082efa98ec4e6c89);

	for (; n >= 32; n -= 32, p += 32) {
		a = mix(a, get64(p));
		b = mix(b, get64(p + 8));
		c = mix(c, get64(p + 16));
		d = mix(d, get64(p + 24));
	}
	for (; n >= 8; n -= 8, p += 8)
		a = mix(a, get64(p));
	memcpy(tail, p, n);
	a = mix(a, get64(tail));
	h = turn(a, 1) + turn(b, 7) + turn(c, 12) + turn(d, 18);
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 29) * UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 32;
	return h != 0 ? h : 1;
}

size_t
fslot_size(size_t body)
{
	size_t n;

	if (body > LIMIT_RECORD_BYTES)
		return 0;
	n = FSLOT_HEAD + body + body / 4;
	n = (n + SECTOR - 1) / SECTOR * SECTOR;
	return n < SLOT_MIN ? (size_t)SLOT_MIN : n;
}

size_t
fslot_of_file(size_t file)
{
	return file >= 2 * SLOT_MIN && file % (2 * SECTOR) == 0 ? file / 2 : 0;
}

/* The sequence that slot i's head claims; 0: it is no head of ours. */
static uint64_t
claim(const unsigned char *p, size_t slot, int i)
{
	uint32_t len = get32(p + OFF_LEN), flags = get32(p + OFF_FLAGS);
	uint64_t seq = get64(p + OFF_SEQ);

	if (memcmp(p, magic, sizeof(magic)) != 0 || len > slot - FSLOT_HEAD ||
	    seq == 0 || (seq - 1) % 2 != (uint64_t)i ||
	    (len == 0) != ((flags & ended_flag) != 0))
		return 0;
	return seq;
}

/* 1 if slot i is whole, 0 if it is not. */
static int
valid(struct fslot *out, const unsigned char *p, size_t slot, int i)
{
	uint32_t len = get32(p + OFF_LEN), flags = get32(p + OFF_FLAGS);
	uint64_t seq = claim(p, slot, i), sum = get64(p + OFF_SUM);

	memset(out, 0, sizeof(*out));
	out->at = -1;
	if (seq == 0 ||
	    sum != fslot_sum(p + OFF_SEQ, FSLOT_HEAD - OFF_SEQ + len))
		return 0;
	out->at = i;
	out->synced = p[FSLOT_SYNCED] == 1;
	out->ended = (flags & ended_flag) != 0;
	out->seq = seq;
	out->sum = sum;
	out->rec.rev = get64(p + OFF_REV);
	out->rec.expires = (int64_t)get64(p + OFF_EXPIRES);
	out->rec.flags = flags & ~ended_flag;
	out->rec.body.ptr = (const char *)p + FSLOT_HEAD;
	out->rec.body.len = len;
	memcpy(out->rec.tag, p + OFF_TAG, SSTATE_TAG_BYTES);
	return 1;
}

/*
 * Consecutive heads are the usual state, and then only the newer slot is
 * summed: when the older head was read, the write after the newer one, which
 * goes there, was not complete, so none was acknowledged.
 */
static int
choose_newer(struct fslot *out, const unsigned char *img, size_t slot)
{
	uint64_t a = claim(img, slot, 0), b = claim(img + slot, slot, 1);
	int newer = b > a;

	if (a == 0 || b == 0 || (a + 1 != b && b + 1 != a) ||
	    !valid(out, img + (newer ? slot : 0), slot, newer))
		return 0;
	out->sure = 1;
	return 1;
}

void
fslot_choose(struct fslot *out, const unsigned char *img, size_t file)
{
	size_t slot = fslot_of_file(file);
	struct fslot other;
	int a, b;

	memset(out, 0, sizeof(*out));
	out->at = -1;
	if (slot == 0 || choose_newer(out, img, slot))
		return;
	a = valid(out, img, slot, 0);
	b = valid(&other, img + slot, slot, 1);
	if (b && (!a || other.seq > out->seq))
		*out = other;
	else if (a)
		/* As consecutive: blank is the write before the first. */
		out->sure = out->seq == 1 &&
		    memcmp(img + slot, blank, sizeof(blank)) == 0;
}

int
fslot_still(struct fslot *s, const unsigned char *img, size_t file)
{
	size_t slot = fslot_of_file(file);
	const unsigned char *p;
	int to = 1 - s->at;

	if (s->at < 0)
		return 0;
	p = img + (size_t)s->at * slot;
	if (!fslot_same(s, p) ||
	    claim(img + (size_t)to * slot, slot, to) > s->seq)
		return 0;
	s->synced = p[FSLOT_SYNCED] == 1;
	return 1;
}

int
fslot_same(const struct fslot *s, const unsigned char *head)
{
	return get64(head + OFF_SEQ) == s->seq &&
	    get64(head + OFF_SUM) == s->sum;
}

void
fslot_fill(unsigned char *slot, uint64_t seq, uint64_t rev,
    const struct sstate_record *rec)
{
	size_t len = rec != NULL ? rec->body.len : 0;

	memset(slot, 0, FSLOT_HEAD);
	memcpy(slot, magic, sizeof(magic));
	put64(slot + OFF_SEQ, seq);
	put64(slot + OFF_REV, rev);
	put32(slot + OFF_LEN, (uint32_t)len);
	if (rec != NULL) {
		put64(slot + OFF_EXPIRES, (uint64_t)rec->expires);
		put32(slot + OFF_FLAGS, rec->flags & ~ended_flag);
		memcpy(slot + OFF_TAG, rec->tag, SSTATE_TAG_BYTES);
		memcpy(slot + FSLOT_HEAD, rec->body.ptr, len);
	} else
		put32(slot + OFF_FLAGS, ended_flag);
	put64(slot + OFF_SUM,
	    fslot_sum(slot + OFF_SEQ, FSLOT_HEAD - OFF_SEQ + len));
}

int
fslot_wreck(const unsigned char *img, size_t file)
{
	unsigned char head[FSLOT_HEAD] = { 0 };
	struct fslot s;

	/* Its size may not have been written either, so the first head says. */
	if (file != 0)
		memcpy(head, img, file < sizeof(head) ? file : sizeof(head));
	if (memcmp(head, blank, sizeof(blank)) != 0 &&
	    memcmp(head, magic, sizeof(magic)) != 0)
		return 0;
	fslot_choose(&s, img, file);
	return s.at < 0;
}
