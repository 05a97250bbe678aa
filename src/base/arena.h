/*
 * arena.h - memory of one session or request, wiped and freed in one pass
 *
 * Pointers never move.  What was handed out lives until arena_free(), which
 * wipes every byte that was used.  One arena belongs to one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/* Where memory comes from: opts.alloc, or realloc and free if fn is NULL. */
struct hook {
	void *(*fn)(void *arg, void *ptr, size_t oldsz, size_t newsz);
	void *arg;
};

struct arena;

/* NULL when there is no memory; not zeroed. */
void *hook_alloc(const struct hook *h, size_t n);
/* Frees; wipe first what was secret. */
void hook_free(const struct hook *h, void *p, size_t n);

/* One block of at least first bytes is allocated at once. */
struct arena *arena_new(const struct hook *h, size_t first);
void arena_free(struct arena *a);

/* Aligned for any type, not zeroed; NULL when there is no memory. */
void *arena_get(struct arena *a, size_t n);
void *arena_zero(struct arena *a, size_t n);
/* A copy with one NUL after it, which is not counted. */
char *arena_dup(struct arena *a, const void *p, size_t n);
char *arena_str(struct arena *a, const char *s);
/* Grow p from oldsz to newsz: in place if it came last, else by a copy. */
void *arena_grow(struct arena *a, void *p, size_t oldsz, size_t newsz);
/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

#endif
