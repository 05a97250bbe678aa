/*
 * memtab.h - all records of one `memory:` store, for any number of threads
 *
 * Bounded in records and bytes.  When it is full, the first of these makes
 * room: the record that expired longest ago; that without a tag that expires
 * next; if the new one has a tag, the tagged one that expires next.  (An
 * anonymous newcomer never ends a logged-in session, R-103.)  To within a
 * minute.  With nothing to end, a write is EBUSY, and nothing was written.
 */
#ifndef STORE_MEMTAB_H
#define STORE_MEMTAB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "store/memshard.h"

enum {
	MEMTAB_SHARDS = 16,
	MEMTAB_SPACES = 1024 /* namespaces of one table */
};

struct memtab {
	struct hook hook;
	uint64_t max_entries, max_bytes;
	_Atomic uint64_t entries, bytes;
	_Atomic int64_t seen; /* the latest time that was handed in */
	pthread_mutex_t naming; /* of spaces; they are only added */
	atomic_uint nspaces;
	_Atomic(char *) space[MEMTAB_SPACES];
	struct mem_shard shard[MEMTAB_SHARDS];
};

/* A context's own memory, for copies out of the table. */
struct memtab_copy {
	struct hook hook;
	char *p;
	size_t cap;
};

/* h lives as long as the table does; it is copied. */
int memtab_new(struct memtab **out, const struct hook *h, uint64_t max_entries,
    uint64_t max_bytes, struct sstate_error *err);
void memtab_free(struct memtab *t);

/* As the slots of struct sstate_driver; callbacks get copies, unlocked. */
int memtab_get(struct memtab *t, struct memtab_copy *c,
    const struct sstate_key *key, sstate_found_fn *found, void *arg,
    struct sstate_error *err);
int memtab_create(struct memtab *t, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err);
int memtab_replace(struct memtab *t, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec,
    struct sstate_error *err);
int memtab_remove(struct memtab *t, const struct sstate_key *key,
    uint64_t expected);
int memtab_reap(uint64_t *removed, struct memtab *t, const char *ns,
    int64_t before, uint64_t limit);
int memtab_each(struct memtab *t, struct memtab_copy *c, const char *ns,
    const unsigned char *tag, sstate_each_fn *fn, void *arg,
    struct sstate_error *err);
int64_t memtab_latest(struct memtab *t, int64_t now);

/* A key's shard, locked. */
struct mem_shard *memtab_shard(struct memtab *t, const unsigned char *id);
/* A namespace's number, or MEMTAB_SPACES if nothing was stored in it yet. */
unsigned memtab_space(struct memtab *t, const char *ns);
/* A record's copy; its shard is locked.  0 or ENOMEM. */
int memtab_copy_out(struct memtab_copy *c, struct sstate_record *rec,
    const struct mem_entry *e);

/* Around fork(): all locks, so that a child's copy is whole. */
void memtab_lock(struct memtab *t);
void memtab_unlock(struct memtab *t);

#endif
