/*
 * walled.c - pages for keys alone: locked, out of core files, walled in
 *
 * As sodium_malloc(), in half its system calls: each of them is paid for by
 * every CGI program.
 *
 * Invariant: what is in a walled page begins where nothing was written before, and
 * ends at a page that nobody may read.
 */
#include "crypto/walled.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/nest.h"
#include "base/page.h"
#include "base/wipe.h"

enum { ALIGN = 16 };

struct wall {
	size_t page, body; /* one wall, what is between the two */
};

static struct wall
wall_of(size_t n)
{
	const size_t page = page_size();

	return (struct wall){ page, (n + page - 1) / page * page };
}

static char *
body_of(void *p, const struct wall *w)
{
	return (char *)p - (uintptr_t)p % w->page;
}

/* Pages of the nest, with walls made of two of them. */
static char *
in_nest(const struct wall *w, const struct hook *h)
{
	char *p = h != NULL ? nest_pages(h, w->body / w->page + 2) : NULL;

	if (p != NULL &&
	    (mprotect(p, w->page, PROT_NONE) != 0 ||
		mprotect(p + w->page + w->body, w->page, PROT_NONE) != 0))
		return NULL;
	return p;
}

/* A mapping of walls, with room made in the middle. */
static char *
alone(const struct wall *w)
{
	char *p = mmap(NULL, w->body + 2 * w->page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p + w->page, w->body, PROT_READ | PROT_WRITE) == 0)
		return p;
	(void)munmap(p, w->body + 2 * w->page);
	return NULL;
}

void *
walled_new(bool *nested, size_t n, const struct hook *h)
{
	const struct wall w = wall_of(n);
	char *p;

	*nested = false;
	if (n > SIZE_MAX / 2)
		return NULL;
	*nested = (p = in_nest(&w, h)) != NULL;
	if (p == NULL && (p = alone(&w)) == NULL)
		return NULL;
	p += w.page;
	/* All of a nest is out of core files. */
	if (!*nested)
		(void)madvise(p, w.body, MADV_DONTDUMP);
	/* A limit may forbid the lock: then it is one without it. */
	(void)mlock(p, w.body);
	return p + w.body - (n + ALIGN - 1) / ALIGN * ALIGN;
}

int
walled_seal(void *p, size_t n)
{
	const struct wall w = wall_of(n);

	return mprotect(body_of(p, &w), w.body, PROT_READ) != 0 ? errno : 0;
}

void
walled_free(void *p, size_t n, bool nested)
{
	const struct wall w = wall_of(n);
	char *body;

	if (p == NULL)
		return;
	body = body_of(p, &w);
	if (mprotect(body, w.body, PROT_READ | PROT_WRITE) == 0)
		wipe(p, n);
	if (!nested)
		(void)munmap(body - w.page, w.body + 2 * w.page);
}
