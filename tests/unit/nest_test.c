/* nest_test.c - one mapping for a short life: whole, shared, used again */
#include "../tap.h"

#include <pthread.h>
#include <stdint.h>

#include "base/nest.h"

enum { BLOCKS = 64, ROUNDS = 20000, THREADS = 4 };

static struct hook hook;

static int
is_filled(const unsigned char *p, size_t n, int with)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != (unsigned char)with)
			return 0;
	return 1;
}

/* More than it holds: what does not fit comes from malloc(). */
static void
many(void)
{
	unsigned char *p[BLOCKS], *q;
	size_t bad = 0, odd = 0, i;

	for (i = 0; i < BLOCKS; i++) {
		if ((p[i] = hook_alloc(&hook, 100 * i + 1)) == NULL)
			abort();
		odd += (uintptr_t)p[i] % 16 != 0;
		memset(p[i], (int)i, 100 * i + 1);
	}
	for (i = 0; i < BLOCKS; i++)
		bad += !is_filled(p[i], 100 * i + 1, (int)i);
	T(odd == 0, "every block is aligned for anything");
	T(bad == 0, "no two blocks overlap, in the nest or beside it");
	for (i = BLOCKS; i-- > 1;)
		hook_free(&hook, p[i], 100 * i + 1);
	q = hook_alloc(&hook, 100);
	T(q == p[1], "what is given back last first is there again");
	hook_free(&hook, p[0], 1);
	hook_free(&hook, q, 100);
	T(hook_alloc(&hook, 1) == q, "a hole is nobody's");
	hook_free(&hook, q, 1);
}

static void
regrown(void)
{
	unsigned char *p = hook.fn(hook.arg, NULL, 0, 50);
	size_t n;

	memset(p, 'r', 50);
	for (n = 100; n < 200000; n *= 3) {
		p = hook.fn(hook.arg, p, n == 100 ? 50 : n / 3, n);
		if (p == NULL)
			abort();
		if (!is_filled(p, 50, 'r'))
			break;
	}
	T(n >= 200000, "a block grows out of the nest, and keeps what it has");
	p = hook.fn(hook.arg, p, n / 3, 20);
	T(p != NULL && is_filled(p, 20, 'r'), "and shrinks");
	hook_free(&hook, p, 20);
#if !defined(__SANITIZE_ADDRESS__) /* it ends who asks for that */
	T(hook.fn(hook.arg, NULL, 0, SIZE_MAX) == NULL &&
		hook.fn(hook.arg, NULL, 0, SIZE_MAX - 14) == NULL,
	    "what no memory can hold");
#endif
}

static void *
one_of_many(void *arg)
{
	unsigned char *p[8] = { NULL };
	size_t n[8] = { 0 }, i;
	unsigned seed = (unsigned)(uintptr_t)arg;
	intptr_t bad = 0;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		seed = seed * 1103515245u + 12345u;
		i = seed >> 16 & 7;
		if (p[i] != NULL) {
			bad += !is_filled(p[i], n[i], (int)(uintptr_t)arg);
			hook_free(&hook, p[i], n[i]);
		}
		n[i] = 1 + (seed >> 20 & 1023);
		if ((p[i] = hook_alloc(&hook, n[i])) == NULL)
			abort();
		memset(p[i], (int)(uintptr_t)arg, n[i]);
	}
	for (i = 0; i < 8; i++)
		hook_free(&hook, p[i], n[i]);
	return (void *)bad;
}

static void
threads(void)
{
	pthread_t t[THREADS];
	intptr_t bad = 0;
	void *r;
	uintptr_t i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, one_of_many, (void *)(i + 1)) !=
		    0)
			abort();
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], &r);
		bad += (intptr_t)r;
	}
	T(bad == 0, "of several threads none gets another one's block");
}

static int calls;

static void *own(void *, void *, size_t, size_t);

/* Another allocator, with the nest before it for a while. */
static void
before(void)
{
	struct hook h = { own, &calls }, nest = { NULL, NULL }, out;
	void *p[8], *q;
	int i, was, within = 0;

	calls = 0;
	nest_open(&nest);
	nest_before(&h, &nest);
	for (i = 0; i < 8; i++) {
		was = calls;
		p[i] = hook_alloc(&h, 100);
		if (p[i] == NULL)
			abort();
		memset(p[i], i, 100);
		within += calls == was;
		if (calls == was && within != i + 1)
			within = -100;
	}
	T(within == 4 && calls == 4, "it is asked after four blocks: %d",
	    calls);
	for (i = 8; i-- > 0;)
		hook_free(&h, p[i], 100);
	T(calls == 8, "and gets back what was its own: %d", calls);
	q = hook_alloc(&nest, 100);
	T(q == p[0], "as the nest does");
	hook_free(&nest, q, 100);
	out = nest_outside(&h);
	T(out.fn == own && out.arg == &calls, "outside is it alone");
	nest_close(&nest);
	h.fn = own;
	nest_before(&h, &out);
	T(h.fn == own, "where there is no nest, nothing changes");
	calls = 0;
}

static void *
own(void *arg, void *p, size_t had, size_t want)
{
	(void)arg;
	(void)had;
	calls++;
	if (want != 0)
		return realloc(p, want);
	free(p);
	return NULL;
}

/* A program that brings an allocator is asked for everything. */
static void
theirs(void)
{
	struct hook h = { own, &calls }, out;
	void *p;

	nest_open(&h);
	p = hook_alloc(&h, 10);
	hook_free(&h, p, 10);
	out = nest_outside(&h);
	nest_close(&h);
	T(h.fn == own && h.arg == &calls && calls == 2,
	    "a program's allocator stays in force");
	T(out.fn == own && out.arg == &calls, "and is what is outside");
}

int
main(void)
{
	struct hook out;
	void *p;

	nest_open(&hook);
	NEED(hook.fn != NULL, "a nest");
	many();
	regrown();
	threads();
	before();
	out = nest_outside(&hook);
	p = hook_alloc(&out, 100);
	nest_close(&hook);
	memset(p, 1, 100);
	hook_free(&out, p, 100);
	T(out.fn == NULL, "what is outside lives on");
	theirs();
	return tap_done();
}
