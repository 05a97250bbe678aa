/*
 * memshard.h - one shard of `memory:`: records by key, by tag, by expiry
 *
 * No function here locks: whoever calls holds the shard's lock.  Records
 * have numbers, not addresses, so a link costs four bytes (P5: a record and
 * all that leads to it is its body and at most 128 bytes).
 */
#ifndef STORE_MEMSHARD_H
#define STORE_MEMSHARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/bytes.h"

#define MEM_NIL UINT32_MAX

enum {
	MEM_USED = 1,
	MEM_TAGGED = 2, /* the block begins with the tag */
	MEM_VERIFY = 4,
	MEM_EXACT = 8, /* in the bucket of its second */
	MEM_RECORD_BYTES = 128 /* what a record counts beside its body */
};

/* Packed: 84 bytes, where alignment would make it 88 (P5). */
struct __attribute__((packed, aligned(4))) mem_entry {
	unsigned char id[SSTATE_ID_BYTES];
	char *block; /* [tag] body */
	int64_t expires;
	uint64_t rev;
	uint32_t len; /* of the body */
	uint32_t next; /* same hash, or next free one */
	uint32_t tprev, tnext; /* same bucket */
	uint32_t gprev, gnext; /* same hash of the tag */
	uint16_t ns;
	uint16_t flags;
};

/* Heads of chains; grows by one head at a time, so no insertion stalls. */
struct mem_index {
	uint32_t *head;
	uint32_t n, cap, mask; /* mask: 2^k - 1, the least that has n */
	uint32_t count;
};

/* Records that expire together: key is the second, twice, + 1 if exact. */
struct mem_bucket {
	uint64_t key;
	uint32_t head, tail;
};

/* Buckets of one namespace, with or without a tag; sorted by key. */
struct mem_lane {
	struct mem_bucket *b;
	uint32_t first, n, cap;
};

struct mem_shard {
	pthread_mutex_t lock;
	const struct hook *hook;
	struct mem_entry **chunk;
	uint32_t nchunks, nslots, free;
	struct mem_index keys, tags;
	struct mem_lane *lane; /* 2 * namespace + tagged */
	uint32_t nlanes;
	char apart[64];
};

int mem_shard_init(struct mem_shard *s, const struct hook *h);
void mem_shard_free(struct mem_shard *s);

/* Multiplications side by side; the upper halves are mixed well. */
static inline uint64_t
mem_hash(const unsigned char *p, size_t n)
{
	uint64_t h = 0, k = UINT64_C(0x9e3779b97f4a7c15), w;
	size_t i;

	/* Uniform by contract; a test's keys need not be. */
	for (i = 0; i + 8 <= n; i += 8) {
		w = get64(p + i) * k;
		h += w ^ w >> 32;
		k += UINT64_C(0xd1342543de82ef94);
	}
	h *= UINT64_C(0x9e3779b97f4a7c15);
	h ^= h >> 32;
	return h;
}

struct mem_entry *mem_at(const struct mem_shard *s, uint32_t slot);
/* MEM_NIL if it is not there. */
uint32_t mem_find(const struct mem_shard *s, const unsigned char *id);
/* The first of a tag's chain, and on; MEM_NIL at the end. */
uint32_t mem_tag_first(const struct mem_shard *s, const unsigned char *tag);
uint32_t mem_tag_next(const struct mem_shard *s, uint32_t slot,
    const unsigned char *tag);

/* A block for this record, filled; NULL when there is no memory. */
char *mem_block(const struct hook *h, const struct sstate_record *rec);
void mem_block_free(const struct hook *h, char *block, size_t len, bool tagged);
bool mem_is_tagged(const struct sstate_record *rec);

/* The block becomes the shard's; 0 or ENOMEM, and then nothing changed. */
int mem_insert(struct mem_shard *s, const unsigned char *id, uint16_t ns,
    const struct sstate_record *rec, char *block);
int mem_change(struct mem_shard *s, uint32_t slot,
    const struct sstate_record *rec);
void mem_delete(struct mem_shard *s, uint32_t slot);

/* rec points into the block. */
void mem_view(struct sstate_record *rec, const struct mem_entry *e);

/*
 * The slot of a lane that expires first, if it has expired at `when`, else
 * MEM_NIL.  It looks at no more than *work records that are not due, counts
 * them down and returns MEM_NIL at 0: ask again.  ENOMEM is MEM_NIL too.
 */
uint32_t mem_due(struct mem_shard *s, uint32_t lane, int64_t when,
    uint32_t *work);
/*
 * The first of a lane that is not the slot `but` (or MEM_NIL), to within a
 * minute; MEM_NIL if there is none.
 */
uint32_t mem_first(const struct mem_shard *s, uint32_t lane, uint32_t but);

#endif
