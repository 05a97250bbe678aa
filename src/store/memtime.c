/*
 * memtime.c - buckets of records that expire together, in one shard
 *
 * Invariant: within a lane the buckets' keys rise, and each record's bucket
 * follows from its expiry and its MEM_EXACT flag, so a record needs no link
 * to its bucket.  What never expires has the greatest key.
 */
#include "store/memtime.h"

#include <string.h>

enum { MINUTE = 64 }; /* seconds */

#define NEVER UINT64_MAX

static uint64_t
key_for(int64_t expires, bool exact)
{
	if (expires <= 0)
		return NEVER;
	if (exact)
		return (uint64_t)expires << 1 | 1;
	return ((uint64_t)expires & ~(uint64_t)(MINUTE - 1)) << 1;
}

static uint64_t
key_of(const struct mem_entry *e)
{
	return key_for(e->expires, (e->flags & MEM_EXACT) != 0);
}

static struct mem_lane *
lane_of(const struct mem_shard *s, const struct mem_entry *e)
{
	return &s->lane[e->ns * 2u + ((e->flags & MEM_TAGGED) != 0)];
}

/* The first bucket whose key is not below key, counted from l->first. */
static uint32_t
search(const struct mem_lane *l, uint64_t key)
{
	const struct mem_bucket *b = l->b + l->first;
	uint32_t lo = 0, hi = l->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (b[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int
lane_room(struct mem_shard *s, struct mem_lane *l, uint32_t n)
{
	struct mem_bucket *b;
	uint32_t cap;

	if (l->first + l->n + n <= l->cap)
		return 0;
	cap = l->n + l->n / 4 + n + 3;
	if (cap < l->cap && l->n + n <= l->cap)
		cap = l->cap;
	if ((b = hook_alloc(s->hook, cap * sizeof(*b))) == NULL)
		return SSTATE_ENOMEM;
	if (l->n > 0)
		memcpy(b, l->b + l->first, l->n * sizeof(*b));
	hook_free(s->hook, l->b, l->cap * sizeof(*b));
	l->b = b;
	l->cap = cap;
	l->first = 0;
	return 0;
}

int
memtime_room(struct mem_shard *s, uint32_t lane, uint32_t n)
{
	struct mem_lane *v;
	uint32_t want = (lane | 1) + 1;
	int r;

	if (want > s->nlanes) {
		if ((v = hook_alloc(s->hook, want * sizeof(*v))) == NULL)
			return SSTATE_ENOMEM;
		memset(v, 0, want * sizeof(*v));
		if (s->nlanes > 0)
			memcpy(v, s->lane, s->nlanes * sizeof(*v));
		hook_free(s->hook, s->lane, s->nlanes * sizeof(*v));
		s->lane = v;
		s->nlanes = want;
	}
	if ((r = lane_room(s, &s->lane[lane & ~1u], n)) != 0)
		return r;
	return lane_room(s, &s->lane[lane | 1], n);
}

static void
bucket_append(struct mem_shard *s, struct mem_lane *l, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);
	uint64_t key = key_of(e);
	uint32_t i = search(l, key);
	struct mem_bucket *b = l->b + l->first + i;

	e->tnext = MEM_NIL;
	if (i < l->n && b->key == key) {
		e->tprev = b->tail;
		mem_at(s, b->tail)->tnext = slot;
		b->tail = slot;
		return;
	}
	memmove(b + 1, b, (l->n - i) * sizeof(*b));
	l->n++;
	b->key = key;
	b->head = b->tail = slot;
	e->tprev = MEM_NIL;
}

/* memtime_room() has made room. */
void
memtime_link(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);

	e->flags = (uint16_t)(e->flags & ~MEM_EXACT);
	bucket_append(s, lane_of(s, e), slot);
}

void
memtime_unlink(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);
	struct mem_lane *l = lane_of(s, e);
	struct mem_bucket *b;
	uint32_t i;

	if (e->tnext != MEM_NIL)
		mem_at(s, e->tnext)->tprev = e->tprev;
	if (e->tprev != MEM_NIL)
		mem_at(s, e->tprev)->tnext = e->tnext;
	if (e->tprev != MEM_NIL && e->tnext != MEM_NIL)
		return;
	i = search(l, key_of(e));
	b = l->b + l->first + i;
	if (e->tprev == MEM_NIL)
		b->head = e->tnext;
	if (e->tnext == MEM_NIL)
		b->tail = e->tprev;
	if (b->head != MEM_NIL)
		return;
	l->n--;
	if (i == 0)
		l->first++;
	else
		memmove(b, b + 1, (l->n - i) * sizeof(*b));
}

bool
memtime_same(const struct mem_entry *e, int64_t expires)
{
	return key_of(e) == key_for(expires, (e->flags & MEM_EXACT) != 0);
}

void
memtime_free(struct mem_shard *s)
{
	uint32_t i;

	for (i = 0; i < s->nlanes; i++)
		hook_free(s->hook, s->lane[i].b,
		    s->lane[i].cap * sizeof(*s->lane[i].b));
	hook_free(s->hook, s->lane, s->nlanes * sizeof(*s->lane));
	s->lane = NULL;
	s->nlanes = 0;
}

uint32_t
mem_first(const struct mem_shard *s, uint32_t lane, uint32_t but)
{
	const struct mem_bucket *b;
	uint32_t slot;

	if (lane >= s->nlanes || s->lane[lane].n == 0)
		return MEM_NIL;
	b = s->lane[lane].b + s->lane[lane].first;
	slot = b->head;
	if (slot == but && (slot = mem_at(s, slot)->tnext) == MEM_NIL &&
	    s->lane[lane].n > 1)
		slot = b[1].head;
	return slot;
}

uint32_t
mem_due(struct mem_shard *s, uint32_t lane, int64_t when, uint32_t *work)
{
	struct mem_entry *e;
	struct mem_lane *l;
	uint32_t slot;

	while ((slot = mem_first(s, lane, MEM_NIL)) != MEM_NIL && *work > 0) {
		l = &s->lane[lane];
		e = mem_at(s, slot);
		/* A bucket's records expire at its key's second or later. */
		if (when <= 0 || l->b[l->first].key == NEVER ||
		    l->b[l->first].key >> 1 > (uint64_t)when)
			return MEM_NIL;
		if (e->expires <= when)
			return slot;
		/* Its minute has come, its second has not. */
		if (memtime_room(s, lane, 1) != 0)
			return MEM_NIL;
		memtime_unlink(s, slot);
		e->flags |= MEM_EXACT;
		bucket_append(s, &s->lane[lane], slot);
		(*work)--;
	}
	return MEM_NIL;
}
