/*
 * nest.c - one mapping for all that a short life asks for
 *
 * Invariant: what lies between the head and the mark is somebody's, or was
 * given back before something above it and is nobody's until the end.
 */
#include "base/nest.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/page.h"

/* Of linux/mman.h, which not every libc's headers come with (5.14). */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum {
	ALIGN = 16,
	NEST_BYTES = 65536,
	USUAL = 40960, /* what a request of ten values touches of it */
	PAGES = 4,
	FEW = 4, /* request and session, and a block more of each */
};

struct nest;

/* What a hook's arg is: from the nest first, then from under. */
struct front {
	struct nest *nest;
	struct hook under;
	_Atomic int left; /* so often, if it is not ALWAYS */
};

#define ALWAYS INT_MAX

struct nest {
	_Atomic size_t mark; /* from the start; nobody's from here on */
	_Atomic size_t pages; /* before it: so many are somebody's */
	struct front first, second; /* nest_open()'s, nest_before()'s */
};

static size_t
round_up(size_t n)
{
	return (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
}

static void *
take(struct nest *n, size_t want)
{
	size_t at = atomic_load_explicit(&n->mark, memory_order_relaxed);

	do {
		if (want > NEST_BYTES - at || round_up(want) > NEST_BYTES - at)
			return NULL;
	} while (
	    !atomic_compare_exchange_weak(&n->mark, &at, at + round_up(want)));
	return (char *)n + at;
}

static bool
is_inside(const struct nest *n, const void *p)
{
	return (uintptr_t)p - (uintptr_t)n < NEST_BYTES;
}

/* The last one makes room; any other leaves a hole. */
static void
give(struct nest *n, void *p, size_t had)
{
	size_t at = (size_t)((char *)p - (char *)n), end = at + round_up(had);

	(void)atomic_compare_exchange_strong(&n->mark, &end, at);
}

static bool
may_take(struct front *f)
{
	int left = atomic_load_explicit(&f->left, memory_order_relaxed);

	return left == ALWAYS ||
	    (left > 0 && atomic_fetch_sub(&f->left, 1) > 0);
}

static void *
obtain(struct front *f, size_t want)
{
	void *p;

	if (may_take(f) && (p = take(f->nest, want)) != NULL)
		return p;
	return hook_alloc(&f->under, want);
}

static void *
again(struct front *f, void *p, size_t had, size_t want)
{
	void *to;

	if (!is_inside(f->nest, p))
		return f->under.fn != NULL
		    ? f->under.fn(f->under.arg, p, had, want)
		    : realloc(p, want);
	if ((to = obtain(f, want)) == NULL)
		return NULL;
	memcpy(to, p, had < want ? had : want);
	give(f->nest, p, had);
	return to;
}

static void *
nest_fn(void *arg, void *p, size_t had, size_t want)
{
	struct front *f = arg;

	if (p == NULL)
		return obtain(f, want);
	if (want != 0)
		return again(f, p, had, want);
	if (is_inside(f->nest, p))
		give(f->nest, p, had);
	else
		hook_free(&f->under, p, had);
	return NULL;
}

static void
put_before(struct front *f, struct nest *n, struct hook *h, int times)
{
	f->nest = n;
	f->under = *h;
	atomic_init(&f->left, times);
	h->fn = nest_fn;
	h->arg = f;
}

static struct nest *
nest_of(const struct hook *h)
{
	return h->fn == nest_fn ? ((struct front *)h->arg)->nest : NULL;
}

void
nest_open(struct hook *h)
{
	const size_t page = page_size(), before = PAGES * page;
	struct nest *n;
	char *p;

	if (h->fn != NULL)
		return;
	p = mmap(NULL, before + NEST_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return;
	n = (struct nest *)(void *)(p + before);
	(void)madvise(p, before + NEST_BYTES, MADV_DONTDUMP);
	/* All at once instead of by a fault each; older kernels refuse. */
	(void)madvise((char *)n - page, page + USUAL, MADV_POPULATE_WRITE);
	atomic_init(&n->mark, round_up(sizeof(*n)));
	atomic_init(&n->pages, 0);
	put_before(&n->first, n, h, ALWAYS);
}

void
nest_before(struct hook *h, const struct hook *nest)
{
	struct nest *n = nest_of(nest);

	if (n != NULL)
		put_before(&n->second, n, h, FEW);
}

void
nest_close(const struct hook *h)
{
	const size_t before = PAGES * page_size();
	struct nest *n = nest_of(h);

	if (n != NULL)
		(void)munmap((char *)n - before, before + NEST_BYTES);
}

void *
nest_pages(const struct hook *h, size_t n)
{
	struct nest *nest = nest_of(h);
	size_t had;

	if (nest == NULL)
		return NULL;
	had = atomic_load(&nest->pages);
	do {
		if (n > PAGES - had)
			return NULL;
	} while (!atomic_compare_exchange_weak(&nest->pages, &had, had + n));
	return (char *)nest - (had + n) * page_size();
}

struct hook
nest_outside(const struct hook *h)
{
	return nest_of(h) != NULL ? ((struct front *)h->arg)->under : *h;
}
