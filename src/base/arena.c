/*
 * arena.c - memory of one session or request, wiped and freed in one pass
 *
 * Invariant: every byte between a block's start and its mark may be secret,
 * and none beyond the mark was ever written.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

struct block {
	struct block *next; /* older */
	size_t size; /* of the whole block, this head included */
	size_t mark; /* first byte that was not handed out */
};

struct arena {
	struct hook hook;
	struct block *top;
	size_t used;
};

enum { ALIGN = 16, BLOCK_MAX = 1 << 20 };

static size_t
round_up(size_t n)
{
	return (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
}

void *
hook_alloc(const struct hook *h, size_t n)
{
	if (h->fn != NULL)
		return h->fn(h->arg, NULL, 0, n);
	return malloc(n);
}

void
hook_free(const struct hook *h, void *p, size_t n)
{
	if (p == NULL)
		return;
	if (h->fn != NULL)
		(void)h->fn(h->arg, p, n, 0);
	else
		free(p);
}

static struct block *
block_new(const struct hook *h, size_t want)
{
	struct block *b;

	if (want > SIZE_MAX / 2)
		return NULL;
	if ((b = hook_alloc(h, want)) == NULL)
		return NULL;
	b->next = NULL;
	b->size = want;
	b->mark = round_up(sizeof(*b));
	return b;
}

struct arena *
arena_new(const struct hook *h, size_t first)
{
	static const struct hook plain = { NULL, NULL };
	struct block *b;
	struct arena *a;

	if (h == NULL)
		h = &plain;
	if (first > SIZE_MAX / 4)
		return NULL;
	if ((b = block_new(h,
		 round_up(sizeof(*b)) + round_up(sizeof(*a)) +
		     round_up(first))) == NULL)
		return NULL;
	a = (struct arena *)(void *)((char *)b + b->mark);
	b->mark += round_up(sizeof(*a));
	a->hook = *h;
	a->top = b;
	a->used = 0;
	return a;
}

void
arena_free(struct arena *a)
{
	struct block *b, *next;
	struct hook h;

	if (a == NULL)
		return;
	h = a->hook;
	for (b = a->top; b != NULL; b = next) {
		size_t size = b->size, mark = b->mark;

		next = b->next;
		wipe(b, mark);
		hook_free(&h, b, size);
	}
}

void *
arena_get(struct arena *a, size_t n)
{
	struct block *b = a->top;
	size_t want;
	char *p;

	if (n > SIZE_MAX / 4)
		return NULL;
	want = round_up(n == 0 ? 1 : n);
	if (b->size - b->mark < want) {
		size_t size = b->size < BLOCK_MAX / 2 ? b->size * 2 : BLOCK_MAX;

		if (size < want + round_up(sizeof(*b)))
			size = want + round_up(sizeof(*b));
		if ((b = block_new(&a->hook, size)) == NULL)
			return NULL;
		b->next = a->top;
		a->top = b;
	}
	p = (char *)b + b->mark;
	b->mark += want;
	a->used += want;
	return p;
}

void *
arena_zero(struct arena *a, size_t n)
{
	void *p = arena_get(a, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

char *
arena_dup(struct arena *a, const void *src, size_t n)
{
	char *p;

	if (n == SIZE_MAX || (p = arena_get(a, n + 1)) == NULL)
		return NULL;
	if (n > 0)
		memcpy(p, src, n);
	p[n] = '\0';
	return p;
}

char *
arena_str(struct arena *a, const char *s)
{
	return arena_dup(a, s, strlen(s));
}

void *
arena_grow(struct arena *a, void *p, size_t oldsz, size_t newsz)
{
	struct block *b = a->top;
	size_t had = round_up(oldsz == 0 ? 1 : oldsz);
	void *fresh;

	if (newsz > SIZE_MAX / 4)
		return NULL;
	if (p != NULL && (char *)p + had == (char *)b + b->mark &&
	    newsz >= oldsz && b->size - b->mark >= round_up(newsz) - had) {
		b->mark += round_up(newsz) - had;
		a->used += round_up(newsz) - had;
		return p;
	}
	if ((fresh = arena_get(a, newsz)) == NULL)
		return NULL;
	if (p != NULL)
		memcpy(fresh, p, oldsz < newsz ? oldsz : newsz);
	return fresh;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
