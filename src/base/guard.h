/*
 * guard.h - has this process been forked since?  Without a system call
 *
 * One word lies in a page that the kernel gives to a child as zeros
 * (MADV_WIPEONFORK, Linux 4.14); where there is no such thing the word is
 * the process id, and each look costs a getpid().
 */
#ifndef BASE_GUARD_H
#define BASE_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook;
struct sstate_error;

struct guard {
	_Atomic uint32_t *word; /* in page, or own */
	_Atomic uint32_t own;
	void *page; /* NULL: the kernel has no such thing */
	bool nested; /* it goes with its nest */
};

int guard_init(struct guard *g, const struct hook *h, struct sstate_error *err);
void guard_free(struct guard *g);
enum { GUARD_SAME = 1 }; /* in a page */

/* The same without such a page. */
bool guard_same_id(const struct guard *g);

/* Is this the process that called guard_init() or the last guard_done()? */
static inline bool
guard_same(const struct guard *g)
{
	if (g->page == NULL)
		return guard_same_id(g);
	return atomic_load_explicit(g->word, memory_order_acquire) ==
	    GUARD_SAME;
}

/*
 * In a child: true for the one thread that shall take over what was
 * inherited and then call guard_done(); the others wait until it has, and
 * get false.
 */
bool guard_take(struct guard *g);
void guard_done(struct guard *g);

#endif
