/*
 * layered_race_test.c - near copies under real threads, against a naive model
 *
 * Writers, enders, readers who are slow in every place, and one who evicts
 * from near, all over a few keys.  The model is two numbers a key: the
 * highest revision that was acknowledged, and whether its end was.  A read
 * that began after an acknowledgement never shows less (I1, R-26); when all
 * have stopped, near has nothing old.
 */
/* label: thread */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/store.h"

#include "tap.h"

extern const struct sstate_driver sstate_driver_v1_memory;

enum { KEYS = 6, LIVES = 4, READERS = 3, WRITERS = 3 };

#define LIVE INT64_C(4102444800)

/* A life of a key: created, changed, ended; its next one has another key. */
struct life {
	atomic_uint acked; /* revision */
	atomic_uint ended;
	atomic_uint born; /* by one writer: no key is created twice */
};

static struct life lives[KEYS][1 << 16];
static atomic_uint current[KEYS]; /* life of a key */
static atomic_int stop;
static atomic_ulong reads, stale, back, writes_n, ends_n, odd;
static struct store *st, *near_raw, *far_raw;

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Slow now and then, in all that either store does. */
static void
dawdle(void)
{
	static _Thread_local uint64_t seed;

	if (seed == 0)
		seed = (uint64_t)(uintptr_t)&seed ^ clock_mono_us();
	seed = mix(seed);
	if (seed % 8 == 0)
		clock_nap_us(seed / 8 % 200);
}

static int
slow_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	int r;

	dawdle();
	r = sstate_driver_v1_memory.get(ctx, key, found, arg, err);
	dawdle();
	return r;
}

static int
slow_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int r;

	dawdle();
	r = sstate_driver_v1_memory.create(ctx, key, rec, err);
	dawdle();
	return r;
}

static int
slow_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int r;

	dawdle();
	r = sstate_driver_v1_memory.replace(ctx, key, expected, rec, err);
	dawdle();
	return r;
}

static int
slow_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	int r;

	dawdle();
	r = sstate_driver_v1_memory.remove(ctx, key, expected, err);
	dawdle();
	return r;
}

static struct sstate_key
key_of(unsigned n, unsigned life)
{
	struct sstate_key k;
	uint64_t h = (uint64_t)n << 32 | life;
	size_t i;

	for (i = 0; i < sizeof(k.id); i++) {
		if (i % 8 == 0)
			h = mix(h);
		k.id[i] = (unsigned char)(h >> (8 * (i % 8)));
	}
	k.ns = "test";
	return k;
}

static int
found(void *arg, const struct sstate_record *rec)
{
	*(uint64_t *)arg = rec->rev;
	return 0;
}

static struct sstate_record
record(uint64_t rev)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = "some body";
	r.body.len = 9;
	r.expires = LIVE;
	r.rev = rev;
	return r;
}

static void
raise_to(atomic_uint *to, unsigned v)
{
	unsigned was = atomic_load(to);

	while (was < v && !atomic_compare_exchange_weak(to, &was, v))
		continue;
}

static void *
reader(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg, rev;
	unsigned n, life, acked, ended;
	struct sstate_key k;
	int slot = -1, r;

	while (!atomic_load(&stop)) {
		seed = mix(seed);
		n = (unsigned)(seed % KEYS);
		life = atomic_load(&current[n]);
		/* The last life as well: it must not come back. */
		if (life > 0 && seed / KEYS % 3 == 0)
			life--;
		k = key_of(n, life);
		ended = atomic_load(&lives[n][life].ended);
		acked = atomic_load(&lives[n][life].acked);
		rev = 0;
		r = store_get(st, &slot, &k, found, &rev, NULL);
		atomic_fetch_add(&reads, 1);
		if (r == 0 && ended)
			atomic_fetch_add(&back, 1);
		if (r == 0 && rev < acked)
			atomic_fetch_add(&stale, 1);
		if (r != 0 && r != SSTATE_ENOTFOUND)
			atomic_fetch_add(&odd, 1);
	}
	return NULL;
}

/* A new life for a key that has none, its end, or one revision more. */
static void
act(unsigned n, uint64_t dice, int *slot)
{
	unsigned life = atomic_load(&current[n]);
	struct sstate_key k = key_of(n, life);
	struct sstate_record rec;
	uint64_t rev = 0;
	int r = store_get_far(st, slot, &k, found, &rev, NULL);

	if (r == SSTATE_ENOTFOUND) {
		if (!atomic_load(&lives[n][life].ended) ||
		    life + 2 >= 1 << 16 ||
		    atomic_exchange(&lives[n][life + 1].born, 1))
			return;
		k = key_of(n, life + 1);
		rec = record(1);
		if (store_create(st, slot, &k, &rec, NULL) != 0)
			atomic_fetch_add(&odd, 1);
		raise_to(&lives[n][life + 1].acked, 1);
		raise_to(&current[n], life + 1);
		return;
	}
	if (dice % 16 == 0) {
		r = store_remove(st, slot, &k, rev, NULL);
		if (r == 0) {
			atomic_store(&lives[n][life].ended, 1);
			atomic_fetch_add(&ends_n, 1);
		}
	} else {
		rec = record(rev + 1);
		r = store_replace(st, slot, &k, rev, &rec, NULL);
		if (r == 0) {
			raise_to(&lives[n][life].acked, (unsigned)rev + 1);
			atomic_fetch_add(&writes_n, 1);
		}
	}
	if (r != 0 && r != SSTATE_ECONFLICT && r != SSTATE_ENOTFOUND)
		atomic_fetch_add(&odd, 1);
}

static void *
writer(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg + 1000;
	int slot = -1;

	while (!atomic_load(&stop)) {
		seed = mix(seed);
		act((unsigned)(seed % KEYS), seed / KEYS, &slot);
	}
	return NULL;
}

static void *
evictor(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	struct sstate_key k;
	unsigned n;

	while (!atomic_load(&stop)) {
		seed = mix(seed);
		n = (unsigned)(seed % KEYS);
		k = key_of(n, atomic_load(&current[n]));
		(void)store_remove(near_raw, NULL, &k, SSTATE_ANY_REV, NULL);
		clock_nap_us(seed / KEYS % 300);
	}
	return NULL;
}

static struct store *
opened(const char *const *uris)
{
	static struct sstate_driver slow;
	const struct sstate_driver *list[] = { &slow, NULL };
	struct sstate_error err = { 0, 0, "" };
	struct store_options o;
	struct store *s;

	slow = sstate_driver_v1_memory;
	slow.scheme = "slow";
	slow.get = slow_get;
	slow.create = slow_create;
	slow.replace = slow_replace;
	slow.remove = slow_remove;
	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.drivers = list;
	o.ns = "test";
	NEED(store_open(&s, &o, &err) == 0, "%s opens: %s", uris[0], err.text);
	return s;
}

/* When all have stopped: is what is read what far has? */
static unsigned
differ(void)
{
	uint64_t here, there;
	struct sstate_key k;
	unsigned n, life, bad = 0;
	int r, f;

	for (n = 0; n < KEYS; n++)
		for (life = 0; life <= atomic_load(&current[n]); life++) {
			k = key_of(n, life);
			here = there = 0;
			r = store_get(st, NULL, &k, found, &here, NULL);
			f = store_get(far_raw, NULL, &k, found, &there, NULL);
			bad += r != f || here != there;
		}
	return bad;
}

static void
race(const char *what, const char *const *uris, unsigned ms)
{
	static const char *const near_uri[] = { "memory:race-n", NULL };
	static const char *const far_uri[] = { "memory:race-f", NULL };
	pthread_t t[READERS + WRITERS + 1];
	struct sstate_record rec = record(1);
	struct sstate_key k;
	unsigned i, wrong;

	memset(lives, 0, sizeof(lives));
	memset(current, 0, sizeof(current));
	atomic_store(&stop, 0);
	st = opened(uris);
	near_raw = opened(near_uri);
	far_raw = opened(far_uri);
	for (i = 0; i < KEYS; i++) {
		k = key_of(i, 0);
		NEED(store_create(st, NULL, &k, &rec, NULL) == 0, "key %u", i);
		atomic_store(&lives[i][0].acked, 1);
	}
	for (i = 0; i < READERS + WRITERS + 1; i++)
		NEED(pthread_create(&t[i], NULL,
			 i < READERS		     ? reader
			     : i < READERS + WRITERS ? writer
						     : evictor,
			 (void *)(uintptr_t)(i + 1)) == 0,
		    "a thread");
	clock_nap_us(ms * 1000u);
	atomic_store(&stop, 1);
	for (i = 0; i < READERS + WRITERS + 1; i++)
		(void)pthread_join(t[i], NULL);
	wrong = differ();
	printf("# %s: %lu reads, %lu writes, %lu ends\n", what,
	    atomic_load(&reads), atomic_load(&writes_n), atomic_load(&ends_n));
	T(atomic_load(&reads) > 50 && atomic_load(&writes_n) > 20 &&
		atomic_load(&ends_n) > 2,
	    "%s: they all came to their turn", what);
	T(atomic_load(&stale) == 0,
	    "I1 %s: nothing older than was acknowledged is read (%lu)", what,
	    atomic_load(&stale));
	T(atomic_load(&back) == 0, "R-26 %s: what was ended is not back (%lu)",
	    what, atomic_load(&back));
	T(atomic_load(&odd) == 0, "%s: and nothing failed (%lu)", what,
	    atomic_load(&odd));
	T(wrong == 0, "I1 %s: no old copy stays (%u)", what, wrong);
	store_close(st);
	store_close(near_raw);
	store_close(far_raw);
}

int
main(void)
{
	static const char *const two[] = { "slow:race-n", "slow:race-f", NULL };
	static const char *const three[] = { "slow:race-n", "slow:race-m",
		"slow:race-f", NULL };

	race("near and far", two, 2000);
	race("near, mid and far", three, 1500);
	return tap_done();
}
