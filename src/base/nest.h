/*
 * nest.h - one mapping for all that a short life asks for
 *
 * A CGI program asks for a dozen blocks and ends.  A mapping of its own for
 * each of them, as some allocators have it, costs more than all of its other
 * work; a process that lives on fills its nest and goes on with malloc().
 */
#ifndef BASE_NEST_H
#define BASE_NEST_H

#include "base/arena.h"

/* As in vault.c: what checks memory knows malloc's blocks alone. */
#ifdef SSTATE_HEAP
#define NEST_IS_OF_USE 0
#else
#define NEST_IS_OF_USE 1
#endif

/*
 * From now on h allocates in a nest of its own, in any thread.  Where the
 * program has an allocator, or there is no memory, h stays as it is.
 */
void nest_open(struct hook *h);
/*
 * h allocates in that nest, too, a few times, and then as before: its first
 * blocks are a short life's only ones.  Once a nest, and where there is one.
 */
void nest_before(struct hook *h, const struct hook *nest);
/* Unmaps it; what is in it must have been wiped, and used for the last time. */
void nest_close(const struct hook *h);
/*
 * Whole pages with nothing else in them, zeroed, there until nest_close();
 * NULL if h has no nest, or it has no more of them.
 */
void *nest_pages(const struct hook *h, size_t n);
/* As h was before: for what may be there after nest_close(). */
struct hook nest_outside(const struct hook *h);

#endif
