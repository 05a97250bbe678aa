/*
 * vault.c - memory that core files leave out: where arenas get theirs
 *
 * Invariant: a unit is handed out to one at a time, and only after the kernel
 * has been told to keep its pages out of a core file.  No lock is used: after
 * a fork another thread's lock may stay locked for ever.
 */
#include "base/vault.h"

#include <stdlib.h>
#include <sys/mman.h>

/* asan and memcheck see into malloc's blocks, not into a mapping of ours. */
#ifdef SSTATE_HEAP
enum { HEAP = 1 };
#else
enum { HEAP = 0 };
#endif

enum { CHUNK_BYTES = VAULT_UNITS * VAULT_UNIT_BYTES };

/*
 * A kernel that does not know the advice gives memory as good as malloc's:
 * a core file is not what a request fails for.
 */
static void *
map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, n, MADV_DONTDUMP);
	return p;
}

/* Made by whoever needs it first. */
static char *
chunk_need(struct vault_chunk *c)
{
	char *p = atomic_load_explicit(&c->at, memory_order_acquire);
	char *none = NULL;

	if (p != NULL || (p = map(CHUNK_BYTES)) == NULL)
		return p;
	if (!atomic_compare_exchange_strong(&c->at, &none, p)) {
		(void)munmap(p, CHUNK_BYTES);
		p = none; /* another thread was faster */
	}
	return p;
}

/* n units in a row; the lowest, whose pages were touched before. */
static int
take(_Atomic uint64_t *taken, unsigned n)
{
	uint64_t old = atomic_load(taken), run, bits;
	unsigned i;

	do {
		run = ~old;
		for (i = 1; i < n; i++)
			run &= ~old >> i;
		if (run == 0)
			return -1;
		for (i = 0; (run >> i & 1) == 0; i++)
			;
		bits = ((UINT64_C(1) << n) - 1) << i;
	} while (!atomic_compare_exchange_weak(taken, &old, old | bits));
	return (int)i;
}

static unsigned
units(size_t n)
{
	return (unsigned)((n + VAULT_UNIT_BYTES - 1) / VAULT_UNIT_BYTES);
}

/* More than half a chunk is a mapping of its own, as malloc does it. */
static int
is_large(size_t n)
{
	return n > CHUNK_BYTES / 2;
}

/*
 * Where a thread looks first: its stack tells threads apart.  One that comes
 * again finds the memory that its own processor has in its cache, and threads
 * do not wait for each other's masks.
 */
static unsigned
lane(void)
{
	uint64_t x = (uint64_t)(uintptr_t)&x >> 18;

	return (unsigned)(x * UINT64_C(0x9e3779b97f4a7c15) >> 61);
}

static void *
give(struct vault *v, size_t n)
{
	struct vault_chunk *c;
	unsigned i, first = lane();
	char *p;
	int at;

	for (i = 0; i < VAULT_CHUNKS && !is_large(n); i++) {
		c = &v->chunk[(first + i) % VAULT_CHUNKS];
		if ((p = chunk_need(c)) == NULL)
			return NULL;
		if ((at = take(&c->taken, units(n))) >= 0)
			return p + (size_t)at * VAULT_UNIT_BYTES;
	}
	return map(n);
}

static void
back(struct vault *v, void *block, size_t n)
{
	uintptr_t p = (uintptr_t)block, base;
	uint64_t bits;
	int i;

	for (i = 0; i < VAULT_CHUNKS; i++) {
		base = (uintptr_t)atomic_load(&v->chunk[i].at);
		if (base == 0 || p < base || p - base >= CHUNK_BYTES)
			continue;
		bits = (UINT64_C(1) << units(n)) - 1;
		(void)atomic_fetch_and(&v->chunk[i].taken,
		    ~(bits << (p - base) / VAULT_UNIT_BYTES));
		return;
	}
	(void)munmap(block, n);
}

void
vault_init(struct vault *v)
{
	int i;

	for (i = 0; i < VAULT_CHUNKS; i++) {
		atomic_init(&v->chunk[i].at, NULL);
		atomic_init(&v->chunk[i].taken, 0);
	}
}

void
vault_free(struct vault *v)
{
	char *p;
	int i;

	for (i = 0; i < VAULT_CHUNKS; i++)
		if ((p = atomic_load(&v->chunk[i].at)) != NULL)
			(void)munmap(p, CHUNK_BYTES);
	vault_init(v);
}

void *
vault_hook(void *arg, void *p, size_t oldsz, size_t newsz)
{
	if (newsz > 0)
		return HEAP ? malloc(newsz) : give(arg, newsz);
	if (HEAP)
		free(p);
	else
		back(arg, p, oldsz);
	return NULL;
}
