/* table_test.c - ordered names against a naive array, at random */
#include "../tap.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/table.h"

enum { NAMES = 40, VALS = 6, STEPS = 40000 };

/* The model: one slot a name, in the order of first puts. */
struct row {
	char name[24];
	int present;
	size_t n;
	uint32_t v[VALS];
};

struct model {
	struct row row[NAMES];
	size_t n;
};

static uint64_t seed = 88172645463325252u;

static uint32_t
rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

static struct row *
model_row(struct model *m, const char *name, int make)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->row[i].name, name) == 0)
			return &m->row[i];
	if (!make)
		return NULL;
	(void)snprintf(m->row[m->n].name, sizeof(m->row[0].name), "%s", name);
	m->row[m->n].present = 0;
	m->row[m->n].n = 0;
	return &m->row[m->n++];
}

static struct sstate_val
value(struct arena *a, uint32_t v)
{
	struct sstate_val val;

	val.len = sizeof(v);
	val.ptr = arena_dup(a, &v, sizeof(v));
	return val;
}

static int
same_row(const struct entry *e, const struct row *r)
{
	uint32_t v;
	size_t i;

	if (e->n != r->n || strcmp(e->name, r->name) != 0 || e->counts != 0)
		return 0;
	for (i = 0; i < e->n; i++) {
		if (e->vals[i].len != sizeof(v))
			return 0;
		memcpy(&v, e->vals[i].ptr, sizeof(v));
		if (v != r->v[i])
			return 0;
	}
	return 1;
}

static int
same(const struct table *t, const struct model *m)
{
	const struct entry *e;
	const char *name = NULL;
	uint32_t live = 0;
	size_t i;

	for (i = 0; i < m->n; i++) {
		e = table_find(t, m->row[i].name);
		if ((e != NULL) != m->row[i].present)
			return 0;
		if (e == NULL)
			continue;
		if (!same_row(e, &m->row[i]))
			return 0;
		live++;
		name = table_next(t, name);
		if (name == NULL || strcmp(name, m->row[i].name) != 0)
			return 0;
	}
	return table_next(t, name) == NULL && t->live == live;
}

/* Lengths about eight, where comparing goes another way, and high bytes. */
static void
any_name(char out[24], uint32_t i)
{
	static const char *const before[] = { "n", "nnnnn", "nnnnnn", "nnnnnnn",
		"nnnnnnnn", "\xff\xff\xff\xff\xff\xff\xff\x80" };

	if (i < 6)
		(void)snprintf(out, 24, "%s", before[i]);
	else
		(void)snprintf(out, 24, "%s%u", before[i % 6], i / 6);
}

static int
step(struct table *t, struct model *m, struct arena *a)
{
	struct sstate_val *vals;
	struct row *r;
	char name[24];
	uint32_t i, n;

	any_name(name, rnd(NAMES));
	switch (rnd(400) == 0 ? 9 : rnd(5)) {
	case 0:
	case 1:
		r = model_row(m, name, 1);
		n = rnd(VALS);
		vals = arena_get(a, (n + 1) * sizeof(*vals));
		for (i = 0; i < n; i++)
			vals[i] = value(a, r->v[i] = rnd(1u << 30));
		r->n = n;
		r->present = 1;
		return table_set(t, arena_str(a, name), vals, n);
	case 2:
	case 3:
		r = model_row(m, name, 1);
		if (!r->present)
			r->n = 0;
		if (r->n == VALS)
			return 0;
		vals = arena_get(a, sizeof(*vals));
		*vals = value(a, r->v[r->n++] = rnd(1u << 30));
		r->present = 1;
		return table_add(t, arena_str(a, name), vals);
	case 9:
		for (i = 0; i < m->n; i++)
			m->row[i].present = 0;
		table_clear(t);
		return 0;
	default:
		if ((r = model_row(m, name, 0)) != NULL)
			r->present = 0;
		table_del(t, name);
		return 0;
	}
}

static void
random_model(void)
{
	struct arena *a = arena_new(NULL, 0);
	struct model m = { 0 }, frozen = { 0 };
	struct table t, copy;
	uint32_t i;
	int good = 1, apart = 1, have = 0;

	table_init(&t, a);
	for (i = 0; i < STEPS && good && apart; i++) {
		good = step(&t, &m, a) == 0 && same(&t, &m);
		if (have)
			apart = same(&copy, &frozen);
		if (i % 500 == 0) {
			table_init(&copy, a);
			good = good && table_copy(&copy, &t) == 0;
			frozen = m;
			have = 1;
		} else if (i % 500 == 250) {
			/* Now the copy changes, and the source must not. */
			good = step(&copy, &frozen, a) == 0 && same(&t, &m);
		}
	}
	T(good, "table: %u random operations as a naive array has them", i);
	T(apart, "table: a copy and its source do not touch each other");
	arena_free(a);
}

static void
orders(void)
{
	static const struct sstate_val x = { "x", 1 };
	struct arena *a = arena_new(NULL, 0);
	const char *name = NULL;
	struct table t;
	char text[8];
	int i, n = 0;

	table_init(&t, a);
	T(table_find(&t, "a") == NULL && table_next(&t, NULL) == NULL,
	    "table: an empty one finds and lists nothing");
	for (i = 9; i >= 0; i--) {
		(void)snprintf(text, sizeof(text), "k%d", i);
		(void)table_set(&t, arena_str(a, text), &x, 1);
	}
	while ((name = table_next(&t, name)) != NULL) {
		table_del(&t, name);
		n++;
	}
	T(n == 10 && t.live == 0, "table: a walk may remove what it stands on");
	(void)table_set(&t, "k3", &x, 1);
	(void)table_set(&t, "k9", &x, 1);
	T(strcmp(table_next(&t, NULL), "k9") == 0,
	    "table: a removed name keeps its place");
	(void)table_set(&t, "", NULL, 0);
	T(table_find(&t, "") != NULL && table_find(&t, "")->n == 0,
	    "B07 table: the empty name and the empty list are present");
	T(table_next(&t, "nobody") == NULL, "table: no walk from a stranger");
	arena_free(a);
}

/* A name of known length: as it is put otherwise, or it says why not. */
static void
fresh_names(void)
{
	static const struct sstate_val x = { "x", 1 };
	static const char bytes[] = "\x01\x01yz\x80\xff\xff";
	struct arena *a = arena_new(NULL, 0);
	struct table t, u;
	struct entry *e;
	char text[24], *name;
	size_t len, i;
	int k, r, want, good = 1, seen[3] = { 0 };

	table_init(&t, a);
	table_init(&u, a);
	for (k = 0; k < 3000 && good; k++) {
		len = rnd(3) == 0 ? rnd(4) : rnd(20);
		for (i = 0; i < len; i++)
			text[i] = bytes[rnd(sizeof(bytes) - 1)];
		if (len > 0 && rnd(6) == 0)
			text[rnd((uint32_t)len)] = '\0';
		name = arena_dup(a, text, len);
		want = memchr(text, '\0', len) != NULL ? SSTATE_EPARSE
		    : table_find(&u, name) != NULL     ? SSTATE_EEXIST
						       : 0;
		r = 0;
		e = table_new(&r, &t, name, len, &x, 1);
		seen[want == 0 ? 0 : want == SSTATE_EPARSE ? 1 : 2]++;
		good = r == want && (e != NULL) == (want == 0);
		if (want == 0)
			good = good && e->name == name && e->len == len &&
			    e->present && e->vals == &x && e->n == 1 &&
			    table_set(&u, name, &x, 1) == 0 &&
			    table_find(&t, name) == e;
		good = good && t.n == u.n && t.live == u.live;
		for (i = 0; i < t.n && good; i++)
			good = t.sorted[i].head == u.sorted[i].head &&
			    t.sorted[i].at == u.sorted[i].at;
	}
	T(good && seen[0] > 99 && seen[1] > 99 && seen[2] > 99,
	    "table: a fresh name of known length; one known, one with a NUL");
	table_del(&t, t.e[0].name);
	T(table_new(&r, &t, t.e[0].name, t.e[0].len, &x, 1) == NULL &&
		r == SSTATE_EEXIST,
	    "table: a removed name is not fresh");
	arena_free(a);
}

static void
counting(void)
{
	static const struct sstate_val x = { "1", 1 };
	struct arena *a = arena_new(NULL, 0);
	struct table t;

	table_init(&t, a);
	(void)table_set(&t, "n", &x, 1);
	t.e[0].counts = 1;
	(void)table_set(&t, "n", &x, 1);
	T(t.e[0].counts == 0, "table: set forgets that a name was a counter");
	t.e[0].counts = 1;
	(void)table_add(&t, "n", &x);
	T(t.e[0].counts == 0, "table: add forgets that a name was a counter");
	t.e[0].as_read = 1;
	(void)table_add(&t, "n", &x);
	T(!t.e[0].as_read, "table: and that it is as it was read");
	arena_free(a);
}

int
main(void)
{
	random_model();
	orders();
	fresh_names();
	counting();
	return tap_done();
}
