/*
 * memtab.c - all records of one `memory:` store, for any number of threads
 *
 * Invariant: one thread holds one shard's lock at a time (but around fork),
 * and none while a callback runs.  A record and its count change together.
 */
#include "store/memtab.h"

#include <string.h>

#include "base/err.h"
#include "base/hint.h"
#include "base/limits.h"
#include "store/memroom.h"

/* ---- Make and free ---------------------------------------------------- */

APART int
memtab_new(struct memtab **out, const struct hook *h, uint64_t max_entries,
    uint64_t max_bytes, struct sstate_error *err)
{
	struct memtab *t;
	int i, r;

	*out = NULL;
	if ((t = hook_alloc(h, sizeof(*t))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "memory");
	memset(t, 0, sizeof(*t));
	t->hook = *h;
	t->max_entries = max_entries;
	t->max_bytes = max_bytes;
	if (pthread_mutex_init(&t->naming, NULL) != 0) {
		hook_free(h, t, sizeof(*t));
		return err_plain(err, SSTATE_ENOMEM, "memory");
	}
	for (i = 0, r = 0; i < MEMTAB_SHARDS && r == 0; i++)
		r = mem_shard_init(&t->shard[i], &t->hook);
	if (r != 0) {
		memtab_free(t);
		return err_plain(err, r, "memory");
	}
	*out = t;
	return 0;
}

APART void
memtab_free(struct memtab *t)
{
	struct hook h;
	unsigned i, n;
	char *name;

	if (t == NULL)
		return;
	h = t->hook;
	for (i = 0; i < MEMTAB_SHARDS; i++)
		mem_shard_free(&t->shard[i]);
	n = atomic_load(&t->nspaces);
	for (i = 0; i < n; i++) {
		name = atomic_load(&t->space[i]);
		hook_free(&h, name, strlen(name) + 1);
	}
	(void)pthread_mutex_destroy(&t->naming);
	hook_free(&h, t, sizeof(*t));
}

APART void
memtab_lock(struct memtab *t)
{
	int i;

	(void)pthread_mutex_lock(&t->naming);
	for (i = 0; i < MEMTAB_SHARDS; i++)
		(void)pthread_mutex_lock(&t->shard[i].lock);
}

APART void
memtab_unlock(struct memtab *t)
{
	int i;

	for (i = MEMTAB_SHARDS; i-- > 0;)
		(void)pthread_mutex_unlock(&t->shard[i].lock);
	(void)pthread_mutex_unlock(&t->naming);
}

/* ---- Namespaces and shards -------------------------------------------- */

unsigned
memtab_space(struct memtab *t, const char *ns)
{
	unsigned i, n = atomic_load(&t->nspaces);

	for (i = 0; i < n; i++)
		if (strcmp(atomic_load(&t->space[i]), ns) == 0)
			return i;
	return MEMTAB_SPACES;
}

static APART int
space_need(uint16_t *out, struct memtab *t, const char *ns,
    struct sstate_error *err)
{
	unsigned i;
	size_t size;
	char *p;
	int r = 0;

	*out = 0;
	if ((i = memtab_space(t, ns)) == MEMTAB_SPACES) {
		(void)pthread_mutex_lock(&t->naming);
		i = memtab_space(t, ns);
		size = strlen(ns) + 1;
		if (i < MEMTAB_SPACES) {
			;
		} else if (atomic_load(&t->nspaces) == MEMTAB_SPACES) {
			r = sstate_fail(err, SSTATE_EBUSY, 0,
			    "memory: over %d namespaces", MEMTAB_SPACES);
		} else if ((p = hook_alloc(&t->hook, size)) == NULL) {
			r = err_plain(err, SSTATE_ENOMEM, "memory");
		} else {
			memcpy(p, ns, size);
			i = atomic_load(&t->nspaces);
			atomic_store(&t->space[i], p);
			atomic_store(&t->nspaces, i + 1);
		}
		(void)pthread_mutex_unlock(&t->naming);
	}
	*out = (uint16_t)i;
	return r;
}

struct mem_shard *
memtab_shard(struct memtab *t, const unsigned char *id)
{
	struct mem_shard *s;

	s = &t->shard[mem_hash(id, SSTATE_ID_BYTES) % MEMTAB_SHARDS];
	(void)pthread_mutex_lock(&s->lock);
	return s;
}

static void
shard_unlock(struct mem_shard *s)
{
	(void)pthread_mutex_unlock(&s->lock);
}

static APART int
full(const struct memtab *t, const char *op, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "memory: %s: full (max_entries=%llu, max_bytes=%llu)", op,
	    (unsigned long long)t->max_entries,
	    (unsigned long long)t->max_bytes);
}

static int
fits(const struct memtab *t, const char *op, const struct sstate_record *rec,
    struct sstate_error *err)
{
	if (rec->body.len <= LIMIT_RECORD_BYTES &&
	    rec->body.len + MEM_RECORD_BYTES <= t->max_bytes)
		return 0;
	return sstate_fail(err, SSTATE_ETOOBIG, 0,
	    "memory: %s: %zu bytes are too many", op, rec->body.len);
}

/* ---- One record ------------------------------------------------------- */

int
memtab_copy_out(struct memtab_copy *c, struct sstate_record *rec,
    const struct mem_entry *e)
{
	size_t cap;
	char *p;

	mem_view(rec, e);
	if (rec->body.len > c->cap) {
		cap = (rec->body.len + 4095) & ~(size_t)4095;
		if ((p = hook_alloc(&c->hook, cap)) == NULL)
			return SSTATE_ENOMEM;
		hook_free(&c->hook, c->p, c->cap);
		c->p = p;
		c->cap = cap;
	}
	memcpy(c->p, rec->body.ptr, rec->body.len);
	rec->body.ptr = c->p;
	return 0;
}

int
memtab_get(struct memtab *t, struct memtab_copy *c,
    const struct sstate_key *key, sstate_found_fn *found, void *arg,
    struct sstate_error *err)
{
	struct sstate_record rec;
	struct mem_shard *s = memtab_shard(t, key->id);
	uint32_t slot = mem_find(s, key->id);
	int r = SSTATE_ENOTFOUND;

	if (slot != MEM_NIL)
		r = memtab_copy_out(c, &rec, mem_at(s, slot));
	shard_unlock(s);
	if (r == 0)
		return found(arg, &rec);
	return r == SSTATE_ENOTFOUND ? r : err_plain(err, r, "memory: get");
}

static bool
holds(struct memtab *t, const struct sstate_key *key)
{
	struct mem_shard *s = memtab_shard(t, key->id);
	bool there = mem_find(s, key->id) != MEM_NIL;

	shard_unlock(s);
	return there;
}

int
memtab_create(struct memtab *t, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	uint64_t bytes = rec->body.len + (uint64_t)MEM_RECORD_BYTES;
	bool tagged = mem_is_tagged(rec);
	struct mem_shard *s;
	uint16_t ns;
	char *block;
	int r;

	if ((r = fits(t, "create", rec, err)) != 0 ||
	    (r = space_need(&ns, t, key->ns, err)) != 0)
		return r;
	if ((block = mem_block(&t->hook, rec)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "memory: create");
	while (r == 0 && !memroom_reserve(t, 1, bytes))
		if (holds(t, key))
			r = SSTATE_EEXIST;
		else if (!memroom_evict(t, tagged, key->id))
			r = full(t, "create", err);
	if (r == 0) {
		s = memtab_shard(t, key->id);
		if (mem_find(s, key->id) != MEM_NIL)
			r = SSTATE_EEXIST;
		else if ((r = mem_insert(s, key->id, ns, rec, block)) == 0)
			block = NULL; /* now the shard's */
		else
			(void)err_plain(err, r, "memory: create");
		shard_unlock(s);
		if (r != 0)
			memroom_release(t, 1, bytes);
	}
	mem_block_free(&t->hook, block, rec->body.len, tagged);
	return r;
}

/* EBUSY is "no room yet": nothing was changed. */
static int
change(struct memtab *t, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec)
{
	struct mem_shard *s = memtab_shard(t, key->id);
	uint32_t slot = mem_find(s, key->id);
	uint64_t more = 0, less = 0;
	int r = 0;

	if (slot == MEM_NIL) {
		r = SSTATE_ENOTFOUND;
	} else if (mem_at(s, slot)->rev != expected) {
		r = SSTATE_ECONFLICT;
	} else {
		if (rec->body.len > mem_at(s, slot)->len)
			more = rec->body.len - mem_at(s, slot)->len;
		else
			less = mem_at(s, slot)->len - rec->body.len;
		if (more > 0 && !memroom_reserve(t, 0, more))
			r = SSTATE_EBUSY;
		else if ((r = mem_change(s, slot, rec)) == 0)
			memroom_release(t, 0, less);
		else
			memroom_release(t, 0, more);
	}
	shard_unlock(s);
	return r;
}

int
memtab_replace(struct memtab *t, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec,
    struct sstate_error *err)
{
	int r;

	if ((r = fits(t, "replace", rec, err)) != 0)
		return r;
	while ((r = change(t, key, expected, rec)) == SSTATE_EBUSY)
		if (!memroom_evict(t, mem_is_tagged(rec), key->id))
			return full(t, "replace", err);
	return r == SSTATE_ENOMEM ? err_plain(err, r, "memory: replace") : r;
}

int
memtab_remove(struct memtab *t, const struct sstate_key *key, uint64_t expected)
{
	struct mem_shard *s = memtab_shard(t, key->id);
	uint32_t slot = mem_find(s, key->id);
	int r = 0;

	if (slot != MEM_NIL && expected != SSTATE_ANY_REV &&
	    mem_at(s, slot)->rev != expected)
		r = SSTATE_ECONFLICT;
	else if (slot != MEM_NIL)
		memroom_drop(t, s, slot);
	shard_unlock(s);
	return r;
}

int64_t
memtab_latest(struct memtab *t, int64_t now)
{
	int64_t seen = atomic_load(&t->seen);

	while (
	    seen < now && !atomic_compare_exchange_weak(&t->seen, &seen, now))
		;
	return seen < now ? now : seen;
}
