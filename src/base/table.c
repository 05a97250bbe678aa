/*
 * table.c - ordered names, each with a list of values
 *
 * Invariant: sorted[] holds each index of e[] once, by the bytes of its
 * name, of which the first eight are beside it; an index never changes, so the order of e[] is that of first puts.
 * A list is written in place only beyond its end, and only by the table
 * that made it (cap > 0): lists may be shared after table_copy().
 */
#include "base/table.h"

#include <endian.h>
#include <string.h>

#include "base/arena.h"

enum { FIRST = 8 };

void
table_init(struct table *t, struct arena *a)
{
	memset(t, 0, sizeof(*t));
	t->a = a;
}

static uint64_t
head_of(size_t *len, const char *name)
{
	uint64_t head = 0;
	unsigned i;

	for (i = 0; i < 8 && name[i] != '\0'; i++)
		head = head << 8 | (unsigned char)name[i];
	*len = i < 8 ? i : 8 + strlen(name + 8);
	return i == 0 ? 0 : head << 8 * (8 - i);
}

static uint64_t
be32_at(const char *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return be32toh(x);
}

/* The same, of a name whose length is known: bytes are taken together. */
static uint64_t
head_of_known(const char *name, size_t len)
{
	uint64_t head;

	if (len >= 8)
		return be32_at(name) << 32 | be32_at(name + 4);
	if (len >= 4)
		return be32_at(name) << 32 |
		    be32_at(name + len - 4) << 8 * (8 - len);
	if (len == 0)
		return 0;
	head = (uint64_t)(unsigned char)name[0] << 56;
	head |= (uint64_t)(unsigned char)name[len / 2] << 8 * (7 - len / 2);
	return head | (uint64_t)(unsigned char)name[len - 1] << 8 * (8 - len);
}

/* Is there a NUL in the name, whose head it is? */
static int
has_nul(uint64_t head, const char *name, size_t len)
{
	const uint64_t low = UINT64_C(0x0101010101010101);
	uint64_t x = len < 8 ? head | UINT64_MAX >> 8 * len : head;

	return ((x - low) & ~x & low << 7) != 0 ||
	    (len > 8 && memchr(name + 8, '\0', len - 8) != NULL);
}

/* name, whose head it is, beside a name in the table: as strcmp() says. */
static int
compare(const struct table *t, const struct table_key *k, uint64_t head,
    const char *name)
{
	if (head != k->head)
		return head < k->head ? -1 : 1;
	if ((head & 0xff) == 0) /* both end in it */
		return 0;
	return strcmp(name + 8, t->e[k->at].name + 8);
}

/* Where name is in sorted[]; or -1 less where it belongs. */
static int64_t
place(const struct table *t, uint64_t head, const char *name)
{
	uint32_t lo = 0, hi = t->n, mid;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		c = compare(t, &t->sorted[mid], head, name);
		if (c == 0)
			return mid;
		if (c > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1 - (int64_t)lo;
}

/* The same, of a name to be put: those that come in order need no search. */
static int64_t
place_new(const struct table *t, uint64_t head, const char *name)
{
	if (t->n == 0 || compare(t, &t->sorted[t->n - 1], head, name) > 0)
		return -1 - (int64_t)t->n;
	return place(t, head, name);
}

static int
resize(struct table *t, uint32_t cap)
{
	struct table_key *sorted;
	struct entry *e;

	if ((e = arena_grow(t->a, t->e, t->cap * sizeof(*e),
		 cap * sizeof(*e))) == NULL)
		return SSTATE_ENOMEM;
	t->e = e;
	if ((sorted = arena_grow(t->a, t->sorted, t->cap * sizeof(*sorted),
		 cap * sizeof(*sorted))) == NULL)
		return SSTATE_ENOMEM;
	t->sorted = sorted;
	t->cap = cap;
	return 0;
}

int
table_reserve(struct table *t, uint32_t n)
{
	if (n > UINT32_MAX / 2)
		return SSTATE_ETOOBIG;
	return n > t->cap ? resize(t, n) : 0;
}

static int
grow(struct table *t)
{
	if (t->n < t->cap)
		return 0;
	if (t->cap > UINT32_MAX / 4)
		return SSTATE_ETOOBIG;
	return resize(t, t->cap == 0 ? FIRST : t->cap * 2);
}

/* A new entry, at that place among the sorted; there is room for it. */
static inline struct entry *
insert(struct table *t, uint32_t at, uint64_t head, const char *name,
    size_t len)
{
	struct table_key *k = &t->sorted[at];
	struct entry *e = &t->e[t->n];

	if (at < t->n)
		memmove(k + 1, k, (t->n - at) * sizeof(*k));
	k->head = head;
	k->at = t->n++;
	memset(e, 0, sizeof(*e));
	e->name = name;
	e->len = len;
	return e;
}

/* The entry of that name, made if need be, and not marked present. */
static int
obtain(struct entry **out, struct table *t, const char *name)
{
	uint64_t head;
	int64_t at;
	size_t len;
	int r;

	*out = NULL;
	head = head_of(&len, name);
	if ((at = place_new(t, head, name)) >= 0)
		*out = &t->e[t->sorted[at].at];
	else if ((r = grow(t)) != 0)
		return r;
	else
		*out = insert(t, (uint32_t)(-1 - at), head, name, len);
	return 0;
}

static void
mark_present(struct table *t, struct entry *e)
{
	if (!e->present)
		t->live++;
	e->present = 1;
	e->counts = 0;
	e->as_read = 0;
}

/* The entry of that name, present or not; NULL if there never was one. */
static struct entry *
known(const struct table *t, const char *name)
{
	int64_t at;
	size_t len;

	if (t->n == 0)
		return NULL;
	at = place(t, head_of(&len, name), name);
	return at >= 0 ? &t->e[t->sorted[at].at] : NULL;
}

const struct entry *
table_find(const struct table *t, const char *name)
{
	const struct entry *e = known(t, name);

	return e != NULL && e->present ? e : NULL;
}

int
table_set(struct table *t, const char *name, const struct sstate_val *vals,
    size_t n)
{
	struct entry *e;
	int r;

	if ((r = obtain(&e, t, name)) != 0)
		return r;
	e->vals = vals;
	e->n = n;
	e->cap = 0;
	mark_present(t, e);
	return 0;
}

struct entry *
table_new(int *r, struct table *t, const char *name, size_t len,
    const struct sstate_val *vals, size_t n)
{
	uint64_t head = head_of_known(name, len);
	struct entry *e;
	int64_t at;

	if (has_nul(head, name, len)) {
		*r = SSTATE_EPARSE;
		return NULL;
	}
	if ((at = place_new(t, head, name)) >= 0) {
		*r = SSTATE_EEXIST;
		return NULL;
	}
	if (t->n == t->cap && (*r = grow(t)) != 0)
		return NULL;
	e = insert(t, (uint32_t)(-1 - at), head, name, len);
	e->vals = vals;
	e->n = n;
	e->present = 1;
	t->live++;
	return e;
}

int
table_add(struct table *t, const char *name, const struct sstate_val *val)
{
	struct sstate_val *list;
	struct entry *e;
	size_t n, cap;
	int r;

	if ((r = obtain(&e, t, name)) != 0)
		return r;
	n = e->present ? e->n : 0;
	cap = e->present ? e->cap : 0;
	if (n < cap)
		/* Ours: arena memory behind a pointer that others read. */
		list = (struct sstate_val *)(uintptr_t)e->vals;
	else {
		if (n > SIZE_MAX / 8 / sizeof(*list))
			return SSTATE_ETOOBIG;
		/* The first value alone is the usual list. */
		cap = n == 0 ? 1 : n * 2;
		if ((list = arena_get(t->a, cap * sizeof(*list))) == NULL)
			return SSTATE_ENOMEM;
		if (n > 0)
			memcpy(list, e->vals, n * sizeof(*list));
	}
	list[n] = *val;
	e->vals = list;
	e->n = n + 1;
	e->cap = cap;
	mark_present(t, e);
	return 0;
}

static void
drop(struct entry *e)
{
	e->vals = NULL;
	e->n = 0;
	e->cap = 0;
	e->present = 0;
	e->counts = 0;
	e->as_read = 0;
}

void
table_del(struct table *t, const char *name)
{
	struct entry *e = known(t, name);

	if (e == NULL || !e->present)
		return;
	drop(e);
	t->live--;
}

void
table_clear(struct table *t)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		drop(&t->e[i]);
	t->live = 0;
}

const char *
table_next(const struct table *t, const char *name)
{
	const struct entry *e;
	uint32_t i = 0;

	if (name != NULL) {
		if ((e = known(t, name)) == NULL)
			return NULL;
		i = (uint32_t)(e - t->e) + 1;
	}
	for (; i < t->n; i++)
		if (t->e[i].present)
			return t->e[i].name;
	return NULL;
}

int
table_copy(struct table *dst, const struct table *src)
{
	struct entry *e = NULL;
	struct table_key *sorted = NULL;
	uint32_t i;

	if (src->n > 0) {
		if ((e = arena_get(dst->a, src->n * sizeof(*e))) == NULL ||
		    (sorted = arena_get(dst->a, src->n * sizeof(*sorted))) ==
			NULL)
			return SSTATE_ENOMEM;
		memcpy(e, src->e, src->n * sizeof(*e));
		memcpy(sorted, src->sorted, src->n * sizeof(*sorted));
		/* What follows the end of a shared list is src's. */
		for (i = 0; i < src->n; i++)
			e[i].cap = 0;
	}
	dst->e = e;
	dst->sorted = sorted;
	dst->n = src->n;
	dst->cap = src->n;
	dst->live = src->live;
	return 0;
}
