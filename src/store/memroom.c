/*
 * memroom.c - limits of a `memory:` table, and who makes room when it is full
 *
 * Invariant: entries and bytes never count less than what is held, and only
 * exceed the limits while a reservation is being taken back.
 */
#include "store/memroom.h"

#include <string.h>

void
memroom_release(struct memtab *t, uint64_t entries, uint64_t bytes)
{
	/* Two threads that take nothing need not share a cache line. */
	if (entries != 0)
		atomic_fetch_sub(&t->entries, entries);
	if (bytes != 0)
		atomic_fetch_sub(&t->bytes, bytes);
}

bool
memroom_reserve(struct memtab *t, uint64_t entries, uint64_t bytes)
{
	uint64_t e = atomic_fetch_add(&t->entries, entries) + entries;
	uint64_t b = atomic_fetch_add(&t->bytes, bytes) + bytes;

	if (e <= t->max_entries && b <= t->max_bytes)
		return true;
	memroom_release(t, entries, bytes);
	return false;
}

void
memroom_drop(struct memtab *t, struct mem_shard *s, uint32_t slot)
{
	uint64_t bytes = mem_at(s, slot)->len + (uint64_t)MEM_RECORD_BYTES;

	mem_delete(s, slot);
	memroom_release(t, 1, bytes);
}

/* Of two candidates the lesser goes first: see memtab.h. */
struct candidate {
	int rank; /* 0 expired, 1 without a tag, 2 with one; 3: none */
	uint64_t due;
	uint32_t slot;
};

static void
consider(struct candidate *best, const struct memtab *t,
    const struct mem_shard *s, uint32_t lane, uint32_t spare)
{
	struct candidate c;
	const struct mem_entry *e;

	if ((c.slot = mem_first(s, lane, spare)) == MEM_NIL)
		return;
	e = mem_at(s, c.slot);
	c.due = e->expires > 0 ? (uint64_t)e->expires : UINT64_MAX;
	c.rank = (e->flags & MEM_TAGGED) != 0 ? 2 : 1;
	if (e->expires > 0 && e->expires <= atomic_load(&t->seen))
		c.rank = 0;
	if (c.rank < best->rank || (c.rank == best->rank && c.due < best->due))
		*best = c;
}

static void
candidate(struct candidate *best, const struct memtab *t,
    const struct mem_shard *s, const unsigned char *spare)
{
	uint32_t lane, but = mem_find(s, spare);

	best->rank = 3;
	best->due = UINT64_MAX;
	best->slot = MEM_NIL;
	for (lane = 0; lane < s->nlanes; lane++)
		consider(best, t, s, lane, but);
}

bool
memroom_evict(struct memtab *t, bool tagged, const unsigned char *spare)
{
	struct candidate c, best = { 3, UINT64_MAX, MEM_NIL };
	int i, from = 0;

	for (i = 0; i < MEMTAB_SHARDS; i++) {
		(void)pthread_mutex_lock(&t->shard[i].lock);
		candidate(&c, t, &t->shard[i], spare);
		(void)pthread_mutex_unlock(&t->shard[i].lock);
		if (c.rank < best.rank ||
		    (c.rank == best.rank && c.due < best.due)) {
			best = c;
			from = i;
		}
	}
	if (best.rank > (tagged ? 2 : 1))
		return false;
	/* Another thread may have been here: take what is first now. */
	(void)pthread_mutex_lock(&t->shard[from].lock);
	candidate(&c, t, &t->shard[from], spare);
	if (c.rank <= (tagged ? 2 : 1))
		memroom_drop(t, &t->shard[from], c.slot);
	(void)pthread_mutex_unlock(&t->shard[from].lock);
	return true;
}
