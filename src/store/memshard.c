/*
 * memshard.c - one shard of `memory:`: records by key, by tag, by expiry
 *
 * Invariant: a used entry is in the chain of its key, in one bucket, and in
 * the chain of its tag if it has one; what can fail comes before the first
 * link is changed.  No bucket is empty.
 */
#include "store/memshard.h"

#include <stdlib.h>
#include <string.h>

#include "base/hint.h"
#include "store/memtime.h"

enum {
	CHUNK = 32, /* entries that are allocated together */
	KEY_LOAD = 1,
	TAG_LOAD = 3 /* entries of an index per head */
};

static void *
regrow(const struct hook *h, void *p, size_t old, size_t new)
{
	if (h->fn != NULL)
		return h->fn(h->arg, p, old, new);
	return realloc(p, new);
}

/* ---- Chains ----------------------------------------------------------- */

/* Linear hashing: heads beyond n are still with the one a power below. */
static uint32_t
head_of(const struct mem_index *x, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 8) & x->mask;

	return i < x->n ? i : i & x->mask >> 1;
}

struct mem_entry *
mem_at(const struct mem_shard *s, uint32_t slot)
{
	return s->chunk[slot / CHUNK] + slot % CHUNK;
}

static const unsigned char *
tag_of(const struct mem_entry *e)
{
	return (const unsigned char *)e->block;
}

static void
key_link(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);
	uint32_t h = head_of(&s->keys, mem_hash(e->id, sizeof(e->id)));

	e->next = s->keys.head[h];
	s->keys.head[h] = slot;
}

static void
key_unlink(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);
	uint32_t h = head_of(&s->keys, mem_hash(e->id, sizeof(e->id)));
	uint32_t *at = &s->keys.head[h];

	while (*at != slot)
		at = &mem_at(s, *at)->next;
	*at = e->next;
}

static void
tag_link(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);
	uint32_t h = head_of(&s->tags, mem_hash(tag_of(e), SSTATE_TAG_BYTES));

	e->gprev = MEM_NIL;
	e->gnext = s->tags.head[h];
	if (e->gnext != MEM_NIL)
		mem_at(s, e->gnext)->gprev = slot;
	s->tags.head[h] = slot;
}

static void
tag_unlink(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);

	if (e->gnext != MEM_NIL)
		mem_at(s, e->gnext)->gprev = e->gprev;
	if (e->gprev != MEM_NIL)
		mem_at(s, e->gprev)->gnext = e->gnext;
	else
		s->tags.head[head_of(&s->tags,
		    mem_hash(tag_of(e), SSTATE_TAG_BYTES))] = e->gnext;
}

/*
 * Room for one more head; without memory the chains get longer, that is
 * all.  Returns the head to be divided, or MEM_NIL.
 */
static APART uint32_t
index_grow(struct mem_shard *s, struct mem_index *x, uint32_t load)
{
	uint32_t *p, cap;

	if (x->count / load < x->n || x->n >= UINT32_MAX / 4)
		return MEM_NIL;
	if (x->n == x->cap) {
		cap = x->cap + x->cap / 8 + 16;
		if ((p = regrow(s->hook, x->head, x->cap * sizeof(*p),
			 cap * sizeof(*p))) == NULL)
			return MEM_NIL;
		x->head = p;
		x->cap = cap;
	}
	if (x->n > x->mask)
		x->mask = x->mask * 2 + 1;
	x->head[x->n] = MEM_NIL;
	return x->n++ & x->mask >> 1;
}

static void
keys_grow(struct mem_shard *s)
{
	uint32_t from = index_grow(s, &s->keys, KEY_LOAD), slot, next;

	if (from == MEM_NIL)
		return;
	slot = s->keys.head[from];
	s->keys.head[from] = MEM_NIL;
	for (; slot != MEM_NIL; slot = next) {
		next = mem_at(s, slot)->next;
		key_link(s, slot);
	}
}

static void
tags_grow(struct mem_shard *s)
{
	uint32_t from = index_grow(s, &s->tags, TAG_LOAD), slot, next;

	if (from == MEM_NIL)
		return;
	slot = s->tags.head[from];
	s->tags.head[from] = MEM_NIL;
	for (; slot != MEM_NIL; slot = next) {
		next = mem_at(s, slot)->gnext;
		tag_link(s, slot);
	}
}

uint32_t
mem_find(const struct mem_shard *s, const unsigned char *id)
{
	uint32_t slot;

	slot = s->keys.head[head_of(&s->keys, mem_hash(id, SSTATE_ID_BYTES))];
	while (slot != MEM_NIL &&
	    memcmp(mem_at(s, slot)->id, id, SSTATE_ID_BYTES) != 0)
		slot = mem_at(s, slot)->next;
	return slot;
}

static uint32_t
same_tag(const struct mem_shard *s, uint32_t slot, const unsigned char *tag)
{
	while (slot != MEM_NIL &&
	    memcmp(tag_of(mem_at(s, slot)), tag, SSTATE_TAG_BYTES) != 0)
		slot = mem_at(s, slot)->gnext;
	return slot;
}

uint32_t
mem_tag_first(const struct mem_shard *s, const unsigned char *tag)
{
	return same_tag(s,
	    s->tags.head[head_of(&s->tags, mem_hash(tag, SSTATE_TAG_BYTES))],
	    tag);
}

uint32_t
mem_tag_next(const struct mem_shard *s, uint32_t slot, const unsigned char *tag)
{
	return same_tag(s, mem_at(s, slot)->gnext, tag);
}

/* ---- Blocks ----------------------------------------------------------- */

/* As large as malloc makes it anyway, so that a small change fits. */
static size_t
block_size(size_t len, bool tagged)
{
	size_t n = len + (tagged ? SSTATE_TAG_BYTES : 0);

	return ((n + 8 + 15) & ~(size_t)15) - 8;
}

bool
mem_is_tagged(const struct sstate_record *rec)
{
	static const unsigned char nobody[SSTATE_TAG_BYTES];

	return memcmp(rec->tag, nobody, sizeof(nobody)) != 0;
}

static void
block_fill(char *p, const struct sstate_record *rec)
{
	if (mem_is_tagged(rec)) {
		memcpy(p, rec->tag, SSTATE_TAG_BYTES);
		p += SSTATE_TAG_BYTES;
	}
	memcpy(p, rec->body.ptr, rec->body.len);
}

char *
mem_block(const struct hook *h, const struct sstate_record *rec)
{
	char *p;

	if ((p = hook_alloc(h,
		 block_size(rec->body.len, mem_is_tagged(rec)))) != NULL)
		block_fill(p, rec);
	return p;
}

void
mem_block_free(const struct hook *h, char *block, size_t len, bool tagged)
{
	hook_free(h, block, block_size(len, tagged));
}

/* ---- Entries ---------------------------------------------------------- */

static APART int
chunk_new(struct mem_shard *s)
{
	struct mem_entry **v, *e;
	uint32_t i, n = s->nchunks;

	if (n >= MEM_NIL / CHUNK - 1 ||
	    (e = hook_alloc(s->hook, CHUNK * sizeof(*e))) == NULL)
		return SSTATE_ENOMEM;
	if ((n & (n - 1)) == 0) {
		if ((v = regrow(s->hook, s->chunk, n * sizeof(*v),
			 (n == 0 ? 1 : 2 * (size_t)n) * sizeof(*v))) == NULL) {
			hook_free(s->hook, e, CHUNK * sizeof(*e));
			return SSTATE_ENOMEM;
		}
		s->chunk = v;
	}
	memset(e, 0, CHUNK * sizeof(*e));
	for (i = CHUNK; i-- > 0; s->free = n * CHUNK + i)
		e[i].next = s->free;
	s->chunk[n] = e;
	s->nchunks++;
	s->nslots = s->nchunks * CHUNK;
	return 0;
}

static void
set_meta(struct mem_entry *e, const struct sstate_record *rec)
{
	e->rev = rec->rev;
	e->len = (uint32_t)rec->body.len;
	e->flags = (uint16_t)(MEM_USED | (e->flags & MEM_EXACT) |
	    (mem_is_tagged(rec) ? MEM_TAGGED : 0) |
	    ((rec->flags & SSTATE_REC_VERIFY) != 0 ? MEM_VERIFY : 0));
}

int
mem_insert(struct mem_shard *s, const unsigned char *id, uint16_t ns,
    const struct sstate_record *rec, char *block)
{
	struct mem_entry *e;
	uint32_t slot;
	int r;

	if ((s->free == MEM_NIL && (r = chunk_new(s)) != 0) ||
	    (r = memtime_room(s, ns * 2u + 1, 1)) != 0)
		return r;
	slot = s->free;
	e = mem_at(s, slot);
	s->free = e->next;
	memcpy(e->id, id, sizeof(e->id));
	e->block = block;
	e->expires = rec->expires;
	e->ns = ns;
	e->flags = 0;
	set_meta(e, rec);
	memtime_link(s, slot);
	s->keys.count++;
	keys_grow(s);
	key_link(s, slot);
	if ((e->flags & MEM_TAGGED) != 0) {
		s->tags.count++;
		tags_grow(s);
		tag_link(s, slot);
	}
	return 0;
}

int
mem_change(struct mem_shard *s, uint32_t slot, const struct sstate_record *rec)
{
	struct mem_entry *e = mem_at(s, slot);
	bool was = (e->flags & MEM_TAGGED) != 0, is = mem_is_tagged(rec);
	size_t old = block_size(e->len, was);
	bool other = was != is ||
	    (is && memcmp(tag_of(e), rec->tag, SSTATE_TAG_BYTES) != 0);
	bool move = was != is || !memtime_same(e, rec->expires);
	char *block = e->block;
	int r;

	if (move && (r = memtime_room(s, e->ns * 2u + 1, 1)) != 0)
		return r;
	if (old != block_size(rec->body.len, is) &&
	    (block = hook_alloc(s->hook, block_size(rec->body.len, is))) ==
		NULL)
		return SSTATE_ENOMEM;
	if (move)
		memtime_unlink(s, slot);
	if (was && other) {
		tag_unlink(s, slot);
		s->tags.count--;
	}
	if (block != e->block)
		hook_free(s->hook, e->block, old);
	block_fill(block, rec);
	e->block = block;
	e->expires = rec->expires;
	set_meta(e, rec);
	if (is && other) {
		s->tags.count++;
		tags_grow(s);
		tag_link(s, slot);
	}
	if (move)
		memtime_link(s, slot);
	return 0;
}

void
mem_delete(struct mem_shard *s, uint32_t slot)
{
	struct mem_entry *e = mem_at(s, slot);
	bool tagged = (e->flags & MEM_TAGGED) != 0;

	memtime_unlink(s, slot);
	key_unlink(s, slot);
	s->keys.count--;
	if (tagged) {
		tag_unlink(s, slot);
		s->tags.count--;
	}
	mem_block_free(s->hook, e->block, e->len, tagged);
	e->block = NULL;
	e->flags = 0;
	e->next = s->free;
	s->free = slot;
}

void
mem_view(struct sstate_record *rec, const struct mem_entry *e)
{
	memset(rec, 0, sizeof(*rec));
	rec->body.ptr = e->block;
	rec->body.len = e->len;
	rec->expires = e->expires;
	rec->rev = e->rev;
	if ((e->flags & MEM_TAGGED) != 0) {
		memcpy(rec->tag, e->block, SSTATE_TAG_BYTES);
		rec->body.ptr += SSTATE_TAG_BYTES;
	}
	rec->flags = (e->flags & MEM_VERIFY) != 0 ? SSTATE_REC_VERIFY : 0;
}

/* ---- The shard -------------------------------------------------------- */

APART int
mem_shard_init(struct mem_shard *s, const struct hook *h)
{
	memset(s, 0, sizeof(*s));
	s->hook = h;
	s->free = MEM_NIL;
	s->keys.cap = s->tags.cap = 4;
	s->keys.n = s->tags.n = 1;
	s->keys.head = hook_alloc(h, 4 * sizeof(uint32_t));
	s->tags.head = hook_alloc(h, 4 * sizeof(uint32_t));
	if (s->keys.head != NULL && s->tags.head != NULL &&
	    pthread_mutex_init(&s->lock, NULL) == 0) {
		s->keys.head[0] = s->tags.head[0] = MEM_NIL;
		return 0;
	}
	hook_free(h, s->keys.head, 4 * sizeof(uint32_t));
	hook_free(h, s->tags.head, 4 * sizeof(uint32_t));
	s->keys.head = s->tags.head = NULL;
	return SSTATE_ENOMEM;
}

APART void
mem_shard_free(struct mem_shard *s)
{
	const struct hook *h = s->hook;
	struct mem_entry *e;
	uint32_t i, cap = 1;

	if (s->keys.head == NULL)
		return;
	for (i = 0; i < s->nslots; i++) {
		e = mem_at(s, i);
		if ((e->flags & MEM_USED) != 0)
			mem_block_free(h, e->block, e->len,
			    (e->flags & MEM_TAGGED) != 0);
	}
	for (i = 0; i < s->nchunks; i++)
		hook_free(h, s->chunk[i], CHUNK * sizeof(*e));
	while (cap < s->nchunks)
		cap *= 2;
	hook_free(h, s->chunk, cap * sizeof(*s->chunk));
	memtime_free(s);
	hook_free(h, s->keys.head, s->keys.cap * sizeof(uint32_t));
	hook_free(h, s->tags.head, s->tags.cap * sizeof(uint32_t));
	s->keys.head = s->tags.head = NULL;
	(void)pthread_mutex_destroy(&s->lock);
}
