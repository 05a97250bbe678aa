/* arena_test.c - one arena: aligned, unmoved, wiped, and buf on top of it */
#include "../tap.h"

#include <stdint.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/buf.h"

struct watch {
	int calls, fail_at;
	long open;
	int dirty;
};

/* Memory that looks at what it gets back. */
static void *
watched(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct watch *w = arg;
	unsigned char *p = ptr;
	size_t i;

	if (newsz != 0) {
		if (++w->calls == w->fail_at)
			return NULL;
		w->open++;
		if ((p = malloc(newsz)) != NULL)
			memset(p, 0, newsz);
		return p;
	}
	for (i = 0; i < oldsz; i++)
		if (p[i] == 'S')
			w->dirty++;
	w->open--;
	free(ptr);
	return NULL;
}

static void
wiped(void)
{
	struct watch w = { 0, 0, 0, 0 };
	struct hook h = { watched, &w };
	struct arena *a = arena_new(&h, 100);
	int i;

	NEED(a != NULL, "arena: made");
	for (i = 0; i < 50; i++)
		memset(arena_get(a, 333), 'S', 333);
	T(arena_used(a) >= 50 * 333, "arena: counts what it handed out");
	arena_free(a);
	T(w.open == 0, "arena: gives back every block");
	T(w.dirty == 0, "R-78 arena: every octet that was used is wiped");
	arena_free(NULL);
}

static void
placed(void)
{
	struct arena *a = arena_new(NULL, 1);
	uintptr_t bits = 0;
	char *p, *q, *s;
	int i, kept = 1;

	for (i = 0; i < 200; i++)
		bits |= (uintptr_t)arena_get(a, (size_t)i);
	T(bits % 16 == 0, "arena: aligned for any type, 0 bytes too");
	s = arena_str(a, "stay");
	for (i = 0; i < 1000; i++)
		kept &= arena_zero(a, 1000) != NULL;
	T(kept && strcmp(s, "stay") == 0, "arena: pointers never move");
	p = arena_get(a, 16);
	memcpy(p, "0123456789abcdef", 16);
	q = arena_grow(a, p, 16, 64);
	T(q == p, "arena: the last piece grows in place");
	(void)arena_get(a, 1);
	q = arena_grow(a, p, 64, 4096);
	T(q != p && memcmp(q, "0123456789abcdef", 16) == 0,
	    "arena: another piece grows by a copy");
	T(arena_get(a, SIZE_MAX - 8) == NULL &&
		arena_dup(a, "", SIZE_MAX) == NULL &&
		arena_grow(a, p, 16, SIZE_MAX) == NULL,
	    "arena: sizes near the end of memory are refused");
	p = arena_dup(a, "a\0b", 3);
	T(memcmp(p, "a\0b\0", 4) == 0, "arena: a copy ends with a NUL");
	arena_free(a);
}

static void
failing(void)
{
	struct watch w = { 0, 0, 0, 0 };
	struct hook h = { watched, &w };
	struct arena *a;
	struct buf b;
	int k;

	for (k = 1; k <= 3; k++) {
		w.calls = 0;
		w.fail_at = k;
		if ((a = arena_new(&h, 64)) == NULL)
			continue;
		buf_init(&b, a, 8, 100000);
		while (b.bad == 0)
			buf_put(&b, "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS",
			    39);
		T(b.bad == (k == 3 ? SSTATE_ENOMEM : b.bad) &&
			buf_cstr(&b) == NULL,
		    "buf: allocation %d fails, and it says so at the end", k);
		arena_free(a);
	}
	T(w.open == 0 && w.dirty == 0, "arena: no memory, no leak");
}

static void
bufs(void)
{
	struct arena *a = arena_new(NULL, 0);
	struct buf b;
	int i;

	buf_init(&b, a, 0, 1000);
	for (i = 0; i < 1000; i++)
		buf_byte(&b, 'x');
	T(b.len == 1000 && strlen(buf_cstr(&b)) == 1000,
	    "buf: grows up to its limit");
	buf_str(&b, "");
	T(b.bad == 0, "buf: nothing more is no failure");
	buf_byte(&b, 'y');
	T(b.bad == SSTATE_ETOOBIG, "R-90 buf: and not beyond");
	buf_str(&b, "z");
	T(b.bad == SSTATE_ETOOBIG && b.len == 1000, "buf: a failure stays");
	arena_free(a);
}

int
main(void)
{
	wiped();
	placed();
	failing();
	bufs();
	return tap_done();
}
