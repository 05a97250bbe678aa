/*
 * memroom.h - limits of a `memory:` table, and who makes room when it is full
 *
 * The order of eviction is memtab.h's.
 */
#ifndef STORE_MEMROOM_H
#define STORE_MEMROOM_H

#include "store/memtab.h"

/* False, and nothing is reserved, if that would be over a limit. */
bool memroom_reserve(struct memtab *t, uint64_t entries, uint64_t bytes);
void memroom_release(struct memtab *t, uint64_t entries, uint64_t bytes);
/* Delete and release; the shard is locked. */
void memroom_drop(struct memtab *t, struct mem_shard *s, uint32_t slot);
/*
 * End one record for one with or without a tag, but not the one called
 * spare.  False if there is none to end.  No shard is locked.
 */
bool memroom_evict(struct memtab *t, bool tagged, const unsigned char *spare);

#endif
