/*
 * memscan.c - reaping and listing of a `memory:` table
 *
 * Invariant: a shard is locked for a slice at most; what expired is looked
 * at, never what lives (but once, when its minute has come).
 */
#include "store/memtab.h"

#include <string.h>

#include "base/err.h"
#include "store/memroom.h"

enum { SLICE = 128 }; /* records under one lock */

/* looked at and removed under one lock, so never a live one. */
static void
reap_lane(uint64_t *removed, struct memtab *t, struct mem_shard *s,
    uint32_t lane, int64_t before, uint64_t limit)
{
	uint32_t slot, work;

	do { /* a slice: others get at the shard between two */
		work = SLICE;
		(void)pthread_mutex_lock(&s->lock);
		while (*removed < limit && work > 0 &&
		    (slot = mem_due(s, lane, before, &work)) != MEM_NIL) {
			memroom_drop(t, s, slot);
			++*removed;
			work--;
		}
		(void)pthread_mutex_unlock(&s->lock);
	} while (work == 0 && *removed < limit);
}

int
memtab_reap(uint64_t *removed, struct memtab *t, const char *ns, int64_t before,
    uint64_t limit)
{
	unsigned space = memtab_space(t, ns);
	int i;

	*removed = 0;
	if (space == MEMTAB_SPACES)
		return 0;
	if (limit == 0)
		limit = UINT64_MAX;
	for (i = 0; i < MEMTAB_SHARDS * 2 && *removed < limit; i++)
		reap_lane(removed, t, &t->shard[i / 2],
		    space * 2 + (unsigned)i % 2, before, limit);
	return 0;
}

/* Keys that were in a shard at one moment. */
struct ids {
	struct hook hook;
	unsigned char (*id)[SSTATE_ID_BYTES];
	size_t n, cap;
};

static int
ids_add(struct ids *v, const unsigned char *id)
{
	size_t cap = v->cap == 0 ? 64 : v->cap * 2;
	void *p;

	if (v->n == v->cap) {
		if ((p = hook_alloc(&v->hook, cap * sizeof(*v->id))) == NULL)
			return SSTATE_ENOMEM;
		if (v->n > 0)
			memcpy(p, v->id, v->n * sizeof(*v->id));
		hook_free(&v->hook, v->id, v->cap * sizeof(*v->id));
		v->id = p;
		v->cap = cap;
	}
	memcpy(v->id[v->n++], id, sizeof(*v->id));
	return 0;
}

/*
 * The next keys to look at: all of a tag, or those of some slots.  A record
 * keeps its slot while it lives, so one that is there all the time is seen
 * exactly once.  *at: MEM_NIL when this shard is through.
 */
static int
ids_next(struct ids *v, struct mem_shard *s, unsigned space,
    const unsigned char *tag, uint32_t *at)
{
	const struct mem_entry *e;
	uint32_t slot, end;
	int r = 0;

	v->n = 0;
	(void)pthread_mutex_lock(&s->lock);
	if (tag != NULL) {
		for (slot = mem_tag_first(s, tag); slot != MEM_NIL && r == 0;
		     slot = mem_tag_next(s, slot, tag))
			if (mem_at(s, slot)->ns == space)
				r = ids_add(v, mem_at(s, slot)->id);
		*at = MEM_NIL;
	} else {
		end = s->nslots - *at > SLICE ? *at + SLICE : s->nslots;
		for (slot = *at; slot < end && r == 0; slot++) {
			e = mem_at(s, slot);
			if ((e->flags & MEM_USED) != 0 && e->ns == space)
				r = ids_add(v, e->id);
		}
		*at = end == s->nslots ? MEM_NIL : end;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

/* What became of it meanwhile is told, or nothing if it is gone. */
static int
show(struct memtab *t, struct memtab_copy *c, const struct sstate_key *key,
    unsigned space, const unsigned char *tag, sstate_each_fn *fn, void *arg,
    struct sstate_error *err)
{
	struct sstate_record rec;
	struct mem_shard *s = memtab_shard(t, key->id);
	uint32_t slot = mem_find(s, key->id);
	int r = SSTATE_ENOTFOUND;

	if (slot != MEM_NIL && mem_at(s, slot)->ns == space) {
		r = memtab_copy_out(c, &rec, mem_at(s, slot));
		if (r == 0 && tag != NULL &&
		    memcmp(rec.tag, tag, sizeof(rec.tag)) != 0)
			r = SSTATE_ENOTFOUND;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (r == SSTATE_ENOTFOUND)
		return 0;
	return r == 0 ? fn(arg, key, &rec) : err_plain(err, r, "memory: each");
}

int
memtab_each(struct memtab *t, struct memtab_copy *c, const char *ns,
    const unsigned char *tag, sstate_each_fn *fn, void *arg,
    struct sstate_error *err)
{
	unsigned space = memtab_space(t, ns);
	struct ids v = { t->hook, NULL, 0, 0 };
	struct sstate_key key;
	uint32_t at;
	size_t k;
	int i, r = 0;

	if (space == MEMTAB_SPACES)
		return 0;
	key.ns = ns;
	for (i = 0; i < MEMTAB_SHARDS && r == 0; i++)
		for (at = 0; at != MEM_NIL && r == 0;) {
			if ((r = ids_next(&v, &t->shard[i], space, tag, &at)) !=
			    0)
				(void)err_plain(err, r, "memory: each");
			for (k = 0; k < v.n && r == 0; k++) {
				memcpy(key.id, v.id[k], sizeof(key.id));
				r = show(t, c, &key, space, tag, fn, arg, err);
			}
		}
	hook_free(&v.hook, v.id, v.cap * sizeof(*v.id));
	return r;
}
