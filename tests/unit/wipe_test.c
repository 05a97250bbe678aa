/*
 * wipe_test.c - R-78: what is wiped is overwritten, also by who optimises
 *
 * compile: -O2
 *
 * The memory is looked at after its function has returned: no compiler that
 * reasons about what is read needs to have written there.
 */
#include <stdint.h>

#include "base/wipe.h"
#include "tap.h"

#define AWAY __attribute__((noinline))

#ifdef SSTATE_REPORTS
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { SECRET = 64 };

static volatile uintptr_t where;

AWAY static void
fill(unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = 0xa5;
	where = (uintptr_t)p;
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

AWAY static int
kept(size_t n)
{
	unsigned char secret[SECRET];

	fill(secret, n);
	return 0;
}

AWAY static int
wiped(size_t n)
{
	unsigned char secret[SECRET];

	fill(secret, n);
	wipe(secret, sizeof(secret));
	return 0;
}

/* So many as the caller says: what the compiler does not know. */
AWAY static int
wiped_some(size_t n)
{
	unsigned char secret[SECRET];

	fill(secret, SECRET);
	wipe(secret, n);
	return 0;
}

/* How many octets of the last secret are still there; it calls nothing. */
__attribute__((always_inline)) static inline unsigned
left(void)
{
	const volatile unsigned char *p =
	    (const volatile unsigned char *)(uintptr_t)where;
	unsigned i, n = 0;

	for (i = 0; i < SECRET; i++)
		n += p[i] == 0xa5;
	return n;
}

static void
stack(void)
{
	unsigned n;

	(void)kept(SECRET);
	n = left();
	if (n < SECRET / 2) {
		tap_skip("a stack that does not show what was on it");
		return;
	}
	(void)wiped(SECRET);
	n = left();
	T(n == 0, "R-78 of a known size: %u octets left", n);
	(void)wiped_some(SECRET);
	n = left();
	T(n == 0, "R-78 of a size that is not known: %u", n);
	(void)wiped_some(SECRET / 2);
	n = left();
	T(n == SECRET / 2, "and no more than that: %u left", n);
}

int
main(void)
{
	unsigned char heap[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	if (SANITIZED)
		tap_skip("a sanitizer keeps the stack otherwise");
	else
		stack();
	wipe(heap + 2, 0);
	wipe(NULL, 0);
	T(heap[2] == 3, "nothing is nothing");
	wipe(heap + 2, 3);
	T(heap[1] == 2 && (heap[2] | heap[3] | heap[4]) == 0 && heap[5] == 6,
	    "those octets alone");
	return tap_done();
}
