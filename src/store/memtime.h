/*
 * memtime.h - buckets of records that expire together, in one shard
 *
 * A record is filed by the minute, and by the second once its minute has
 * come: a renewal within the minute moves nothing, reaping looks at each
 * record once more than at those that expired, and the first one is known
 * without a search.
 */
#ifndef STORE_MEMTIME_H
#define STORE_MEMTIME_H

#include "store/memshard.h"

/* Make lanes up to `lane` and room for n more buckets in it and the other. */
int memtime_room(struct mem_shard *s, uint32_t lane, uint32_t n);
void memtime_link(struct mem_shard *s, uint32_t slot);
void memtime_unlink(struct mem_shard *s, uint32_t slot);
/* Would it stay in its bucket with that expiry? */
bool memtime_same(const struct mem_entry *e, int64_t expires);
void memtime_free(struct mem_shard *s);

#endif
