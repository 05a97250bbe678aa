/*
 * floor.c - the unit of work on a bare engine: what a store is measured by
 *
 *	bench_floor_ENGINE PLACE SET
 *
 * read is one get, cycle a get and a put, end a get and a delete.
 */
#include "floor.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../speak.h"

struct bare {
	uint64_t n, seed;
	unsigned char body[BARE_BODY];
};

void
bare_die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

void
bare_take(unsigned char *body, const void *p, size_t n)
{
	if (p == NULL || n != BARE_BODY)
		bare_die("get", "not what was put");
	memcpy(body, p, n);
}

/* Keys are uniform, as locators are. */
static void
key_of(unsigned char key[BARE_KEY], uint64_t i)
{
	uint64_t x = i + 1;
	int k;

	for (k = 0; k < BARE_KEY; k += 8) {
		x += UINT64_C(0x9e3779b97f4a7c15);
		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
		x ^= x >> 31;
		memcpy(key + k, &x, 8);
	}
}

/* Ciphertext does not compress. */
static void
change(struct bare *b, uint64_t x)
{
	size_t i;

	for (i = 0; i + 8 <= BARE_BODY; i += 8) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		memcpy(b->body + i, &x, 8);
	}
}

static void
verb_make(void *arg, uint64_t n)
{
	unsigned char key[BARE_KEY];
	struct bare *b = arg;
	uint64_t t = speak_ns(), i;

	for (i = 0; i < n; i++) {
		key_of(key, b->n + i);
		change(b, i);
		bare_create(key, b->body);
	}
	b->n += n;
	speak_say(speak_ns() - t, 0);
}

/* Not inlined: callgrind is told to look at these alone. */
__attribute__((noinline)) static void
one(struct bare *b, uint64_t i, int put)
{
	unsigned char key[BARE_KEY];
	uint64_t x;

	key_of(key, i);
	bare_get(b->body, key);
	if (!put)
		return;
	memcpy(&x, b->body, sizeof(x));
	x += b->seed;
	memcpy(b->body, &x, sizeof(x));
	bare_put(key, b->body);
}

static void
verb_read(void *arg, uint64_t n)
{
	struct bare *b = arg;
	uint64_t t = speak_ns();

	for (; n > 0; n--)
		one(b, speak_pick(&b->seed, b->n), 0);
	speak_say(speak_ns() - t, 0);
}

static void
verb_cycle(void *arg, uint64_t n)
{
	struct bare *b = arg;
	uint64_t t = speak_ns();

	for (; n > 0; n--)
		one(b, speak_pick(&b->seed, b->n), 1);
	speak_say(speak_ns() - t, 0);
}

static void
drop(struct bare *b, uint64_t n, int get)
{
	unsigned char key[BARE_KEY];
	uint64_t t = speak_ns();

	if (n >= b->n)
		bare_die("delete", "not so many");
	for (; n > 0; n--) {
		key_of(key, --b->n);
		if (get)
			bare_get(b->body, key);
		bare_delete(key);
	}
	speak_say(speak_ns() - t, 0);
}

static void
verb_end(void *arg, uint64_t n)
{
	drop(arg, n, 1);
}

static void
verb_delete(void *arg, uint64_t n)
{
	drop(arg, n, 0);
}

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "make", verb_make },
		{ "read", verb_read },
		{ "cycle", verb_cycle },
		{ "end", verb_end },
		{ "delete", verb_delete },
	};
	static struct bare b;

	if (argc != 3) {
		(void)fputs("usage: bench_floor_ENGINE PLACE SET\n", stderr);
		return 2;
	}
	bare_open(argv[1], argv[2]);
	return speak_loop(verbs, sizeof(verbs) / sizeof(verbs[0]), &b);
}
