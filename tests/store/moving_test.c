/*
 * moving_test.c - a migration: a new store before one that is read-only
 */
/* label: thread */
#include <pthread.h>
#include <stdatomic.h>

#include "layers_kit.h"

static struct lk k;

static void
test_open(void)
{
	static const char *const bad[][2] = {
		{ "fault:?max_expires=60", "max_expires" },
		{ "fault:?readonly=1", "last store" },
		{ "memory:", "forget" },
	};
	const char *uris[] = { NULL, "memory:f?readonly=1", NULL };
	struct sstate_error err;
	size_t i;

	memset(&k, 0, sizeof(k));
	fault_init(&k.near, &sstate_driver_v1_memory, SSTATE_CAP_DURABLE);
	k.drivers[0] = &k.near.table;
	for (i = 0; i < 3; i++) {
		uris[0] = bad[i][0];
		k.handles[0] = i < 2 ? &k.near : NULL;
		T(lk_store(&k, uris, 1, &err) == NULL &&
			strstr(err.text, bad[i][1]) != NULL,
		    "%s takes over nothing: %s", uris[0], err.text);
	}
	lk_open(&k, "", "?readonly=1");
	T((store_caps(k.st) & SSTATE_CAP_LINEAR) == 0 &&
		(store_caps(k.st) & SSTATE_CAP_REMOTE) != 0 &&
		!store_policy(k.st)->readonly,
	    "the two are layers, and are written");
	lk_close(&k);
}

static void
test_moves(void)
{
	unsigned long writes;

	lk_open(&k, "", "?readonly=1");
	(void)lk_create(k.raw_far, 1, 7);
	T(lk_get(k.st, 1) == 7 && lk_asked(&k, "ng fg") &&
		lk_get(k.raw_near, 1) == SSTATE_ENOTFOUND,
	    "what the new store lacks is read from the old one");
	T(lk_replace(k.st, 1, 6, 8) == SSTATE_ECONFLICT &&
		lk_replace(k.st, 1, 8, 9) == SSTATE_ECONFLICT &&
		lk_get(k.raw_near, 1) == SSTATE_ENOTFOUND,
	    "R-33 another revision: ECONFLICT");
	T(lk_replace(k.st, 1, 7, 8) == 0 && lk_get(k.raw_near, 1) == 8 &&
		lk_get(k.raw_far, 1) == 7 && lk_get(k.st, 1) == 8,
	    "the first change moves it");
	T(lk_replace(k.st, 1, 7, 8) == SSTATE_ECONFLICT &&
		lk_replace(k.st, 1, 8, 9) == 0 && lk_get(k.st, 1) == 9,
	    "R-33 and from then on the new store decides");
	T(lk_get_far(k.st, 1) == 9, "also for who asks past all copies");
	T(lk_replace(k.st, 2, 7, 8) == SSTATE_ENOTFOUND,
	    "what is nowhere stays so");
	T(lk_create(k.st, 2, 1) == 0 && lk_get(k.raw_near, 2) == 1 &&
		lk_create(k.st, 2, 1) == SSTATE_EEXIST,
	    "a new one is made in the new store");
	(void)lk_create(k.raw_far, 3, 7);
	T(lk_create(k.st, 3, 1) == SSTATE_EEXIST,
	    "a key of the old store is taken");
	writes = k.far.creates + k.far.replaces + k.far.removes + k.far.reaps;
	T(writes == 0, "the old store was never written");
	lk_close(&k);
}

static void
test_ends(void)
{
	struct sstate_record rec = lk_rec("body", 7);
	struct sstate_key key = lk_key(1);
	uint64_t removed;
	struct lk_got g;

	lk_open(&k, "", "?readonly=1");
	rec.expires = LK_NOW + 500;
	(void)store_create(k.raw_far, NULL, &key, &rec, NULL);
	T(lk_remove(k.st, 1, 6) == SSTATE_ECONFLICT && lk_get(k.st, 1) == 7,
	    "R-33 an end expecting another revision");
	T(lk_remove(k.st, 1, 7) == 0 && lk_get(k.st, 1) == SSTATE_ENOTFOUND &&
		lk_get_far(k.st, 1) == SSTATE_ENOTFOUND &&
		lk_get(k.raw_far, 1) == 7,
	    "R-26 what the old store still has is ended");
	T(lk_replace(k.st, 1, 7, 8) == SSTATE_ENOTFOUND &&
		lk_create(k.st, 1, 8) == SSTATE_EEXIST &&
		lk_get(k.st, 1) == SSTATE_ENOTFOUND,
	    "R-26 and stays so");
	T(lk_remove(k.st, 1, 7) == 0 && lk_remove(k.st, 1, SSTATE_ANY_REV) == 0,
	    "nothing to remove is no error");
	memset(&g, 0, sizeof(g));
	T(store_get(k.raw_near, NULL, &key, lk_found, &g, NULL) == 0 &&
		g.rec.expires == LK_NOW + 500 && g.rec.body.len < 64,
	    "by a mark, which lives as long as what it hides");
	(void)lk_create(k.raw_far, 2, 7);
	(void)lk_replace(k.st, 2, 7, 8);
	T(lk_remove(k.st, 2, 7) == SSTATE_ECONFLICT &&
		lk_remove(k.st, 2, 8) == 0 &&
		lk_get(k.st, 2) == SSTATE_ENOTFOUND,
	    "R-26 one that has moved does not show through");
	(void)lk_create(k.st, 3, 1);
	T(lk_remove(k.st, 3, SSTATE_ANY_REV) == 0 &&
		lk_get(k.raw_near, 3) == SSTATE_ENOTFOUND,
	    "one that was never there leaves no mark");
	T(store_reap(&removed, k.st, "test", LK_NOW + 600, 0, NULL) == 0 &&
		removed == 1 && lk_get(k.raw_far, 1) == 7,
	    "the new store is reaped, marks too, the old one is not");
	lk_close(&k);
}

struct list {
	unsigned n, sum;
};

static int
collect(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct list *l = arg;

	(void)rec;
	l->n++;
	l->sum += 1u << key->id[0];
	return 0;
}

static void
test_each(void)
{
	struct list l = { 0, 0 };
	uint64_t about;

	lk_open(&k, "", "?readonly=1");
	(void)lk_create(k.raw_far, 1, 7); /* stays */
	(void)lk_create(k.raw_far, 2, 7); /* moves */
	(void)lk_create(k.raw_far, 3, 7); /* ends */
	(void)lk_replace(k.st, 2, 7, 8);
	(void)lk_remove(k.st, 3, 7);
	(void)lk_create(k.st, 4, 1);
	T(store_each(k.st, "test", NULL, collect, &l, NULL) == 0 && l.n == 3 &&
		l.sum == (1u << 2 | 1u << 3 | 1u << 5),
	    "R-27 each lists what is in either, once, and nothing that ended");
	T(store_count(&about, k.st, "test", NULL) == SSTATE_ENOTSUP,
	    "the tests' fault store cannot count");
	lk_close(&k);
}

/* ---- Threads ---------------------------------------------------------- */

enum { KEYS = 400, THREADS = 4 };

static atomic_uint removed_n, replaced_n, odd;

static void *
duel(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg, n;
	int r;

	for (n = 0; n < KEYS; n++) {
		if (me % 2 == 0) {
			r = lk_remove(k.st, n % 250, SSTATE_ANY_REV);
			if (r == 0)
				atomic_fetch_add(&removed_n, 1);
			else
				atomic_fetch_add(&odd, 1);
		} else {
			r = lk_replace(k.st, n % 250, 7, 8);
			if (r == 0)
				atomic_fetch_add(&replaced_n, 1);
			else if (r != SSTATE_ENOTFOUND && r != SSTATE_ECONFLICT)
				atomic_fetch_add(&odd, 1);
		}
	}
	return NULL;
}

static void
test_threads(void)
{
	const char *uris[] = { "toy:mn", "memory:mf?readonly=1", NULL };
	struct sstate_driver toy = sstate_driver_v1_memory;
	pthread_t t[THREADS];
	struct store *far;
	unsigned n, back = 0, i;

	memset(&k, 0, sizeof(k));
	k.clock = LK_NOW;
	toy.scheme = "toy";
	toy.caps |= SSTATE_CAP_DURABLE;
	k.drivers[0] = &toy;
	far = lk_raw(&k, "memory:mf");
	k.st = lk_store(&k, uris, 1, NULL);
	NEED(k.st != NULL && far != NULL, "a migration");
	for (n = 0; n < 250; n++)
		(void)lk_create(far, n, 7);
	for (i = 0; i < THREADS; i++)
		NEED(pthread_create(&t[i], NULL, duel, (void *)(uintptr_t)i) ==
			0,
		    "a thread");
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
	for (n = 0; n < 250; n++)
		back += lk_get(k.st, n) != SSTATE_ENOTFOUND;
	T(back == 0 && atomic_load(&odd) == 0 &&
		atomic_load(&removed_n) == 2 * KEYS,
	    "R-26 ends against moves: %u are back (%u moved in between)", back,
	    atomic_load(&replaced_n));
	store_close(k.st);
	store_close(far);
}

int
main(void)
{
	test_open();
	test_moves();
	test_ends();
	test_each();
	test_threads();
	return tap_done();
}
