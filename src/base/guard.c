/*
 * guard.c - has this process been forked since?  Without a system call
 *
 * Invariant: the word says "same" only in the process that wrote it.  No
 * lock is used: after a fork another thread's lock may stay locked for ever.
 */
#include "base/guard.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/nest.h"
#include "base/page.h"

#define TAKEN UINT32_MAX

static uint32_t
here(const struct guard *g)
{
	return g->page != NULL ? GUARD_SAME : (uint32_t)getpid();
}

int
guard_init(struct guard *g, const struct hook *h, struct sstate_error *err)
{
	size_t page = page_size();
	void *p;

	g->nested = (p = nest_pages(h, 1)) != NULL;
	if (!g->nested)
		p = mmap(NULL, page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return sstate_fail(err, SSTATE_ENOMEM, errno, "process: mmap");
	g->page = p;
	g->word = p;
	if (madvise(p, page, MADV_WIPEONFORK) != 0) {
		guard_free(g);
		g->word = &g->own;
	}
	atomic_store(g->word, here(g));
	return 0;
}

void
guard_free(struct guard *g)
{
	if (g->page != NULL && !g->nested)
		(void)munmap(g->page, page_size());
	g->page = NULL;
	g->word = NULL;
}

bool
guard_same_id(const struct guard *g)
{
	return atomic_load_explicit(g->word, memory_order_acquire) == here(g);
}

bool
guard_take(struct guard *g)
{
	uint32_t seen;

	for (;;) {
		seen = atomic_load(g->word);
		if (seen == here(g))
			return false;
		if (seen == TAKEN)
			(void)sched_yield();
		else if (atomic_compare_exchange_strong(g->word, &seen, TAKEN))
			return true;
	}
}

void
guard_done(struct guard *g)
{
	atomic_store_explicit(g->word, here(g), memory_order_release);
}
