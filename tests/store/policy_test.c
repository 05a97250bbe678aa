/*
 * policy_test.c - what a URI asks of every store, whichever driver it has
 *
 * Starch's traps of the design, where they belong to a store: 0 passes no
 * cap, a softened failure is still counted, what is disabled is silent and
 * nothing else is.
 */
/* label: thread */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "store/store.h"

#include "fault_driver.h"
#include "file_kit.h"
#include "tap.h"

extern const struct sstate_driver sstate_driver_v1_memory;

#define NOW INT64_C(1700000000)
#define LIVE INT64_C(4102444800)

static int64_t the_clock = NOW;

static int64_t
clock_now(void *arg)
{
	(void)arg;
	return the_clock;
}

static atomic_uint metrics_busy;

static void
metric(void *arg, const struct sstate_metric *m)
{
	(void)arg;
	if (m->code == SSTATE_EBUSY)
		atomic_fetch_add(&metrics_busy, 1);
}

static int
open_uri(struct store **out, const char *uri,
    const struct sstate_driver *const *drivers, void *handle,
    struct sstate_error *err)
{
	const char *uris[] = { uri, NULL };
	void *handles[] = { handle, NULL };
	struct store_options o;

	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.handles = handle != NULL ? handles : NULL;
	o.drivers = drivers;
	o.ns = "test";
	o.now = clock_now;
	o.metric = metric;
	return store_open(out, &o, err);
}

static struct store *
opened(const char *uri, struct fault *f)
{
	struct sstate_error err = { 0, 0, "" };
	struct store *st;

	if (f != NULL)
		fault_init(f, &sstate_driver_v1_memory, 0);
	NEED(open_uri(&st, uri, f != NULL ? f->drivers : NULL, f, &err) == 0,
	    "%s opens: %s", uri, err.text);
	return st;
}

static struct sstate_record
record(uint64_t rev, int64_t expires, int tag)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = "body";
	r.body.len = 4;
	r.expires = expires;
	r.rev = rev;
	memset(r.tag, tag, sizeof(r.tag));
	return r;
}

static struct sstate_key
key(unsigned n)
{
	struct sstate_key k;
	uint64_t h = n;
	size_t i;

	for (i = 0; i < sizeof(k.id); i++) {
		h = (h + 1) * UINT64_C(6364136223846793005) + n;
		k.id[i] = (unsigned char)(h >> 56);
	}
	k.ns = "test";
	return k;
}

static int
take(void *arg, const struct sstate_record *rec)
{
	if (arg != NULL)
		*(struct sstate_record *)arg = *rec;
	return 0;
}

static int
refuse(void *arg, const struct sstate_record *rec)
{
	(void)rec;
	return *(int *)arg;
}

static int
listed(void *arg, const struct sstate_key *k, const struct sstate_record *rec)
{
	(void)k;
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

static int
make(struct store *st, unsigned n, int tag, struct sstate_error *err)
{
	struct sstate_record r = record(1, LIVE, tag);
	struct sstate_key k = key(n);

	return store_create(st, NULL, &k, &r, err);
}

static int
look(struct store *st, unsigned n, struct sstate_error *err)
{
	struct sstate_key k = key(n);

	return store_get(st, NULL, &k, take, NULL, err);
}

/* ---- Parameters ------------------------------------------------------- */

static void
test_bad(void)
{
	static const char *const bad[] = { "max_expires=0", "max_expires=-1",
		"max_expires=1h", "max_expires=9999999999", "errors=soft",
		"errors=", "throttle=3", "throttle=3/", "throttle=/3",
		"throttle=0/3", "throttle=3/0", "throttle=3/4x",
		"throttle=-3/4", "throttle=1000001/1", "throttle=1/86401",
		"throttle=99999999999999999999/1", "readonly=yes", "readonly=2",
		"disable=", "disable=all", "disable=set,", "disable=set;get",
		"disable=SET", "max_records=0", "max_records=many", "reap=2",
		"max_expires=5&max_expires=6" };
	static const char *const good[] = { "max_expires=1",
		"max_expires=2147483647", "errors=fail", "errors=log",
		"throttle=1/1", "throttle=1000000/86400", "readonly=0",
		"readonly=1", "disable=set,get,remove", "disable=remove",
		"max_records=1", "reap=0",
		"errors=log&throttle=3/60&max_expires=60&max_entries=9" };
	struct sstate_error err;
	struct store *st;
	char uri[200];
	size_t i;
	int r;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		(void)snprintf(uri, sizeof(uri), "memory:?%s", bad[i]);
		r = open_uri(&st, uri, NULL, NULL, &err);
		T((r == SSTATE_EINVAL || r == SSTATE_EPARSE) && st == NULL &&
			err.code == r && strncmp(err.text, "memory: ", 8) == 0,
		    "%s does not open: %s", uri, err.text);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(uri, sizeof(uri), "memory:?%s", good[i]);
		r = open_uri(&st, uri, NULL, NULL, &err);
		T(r == 0, "%s opens", uri);
		store_close(st);
	}
}

/* Also where several threads make contexts later: each is asked anew. */
static void
test_raw(void)
{
	const char *uris[] = { "memory:?readonly=1", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_record r = record(1, LIVE, 0);
	struct sstate_key k = key(1);
	struct sstate_error err;
	struct sstate_store *s;
	void *ctx;

	o.stores = uris;
	NEED(sstate_store_open(&s, &o, &err) == 0, "a raw store, read-only");
	T(sstate_store_driver(s, &ctx)->create(ctx, &k, &r, &err) ==
		SSTATE_EBUSY,
	    "is read-only: %s", err.text);
	sstate_store_close(s);
	uris[0] = "memory:?readonly=x";
	T(sstate_store_open(&s, &o, &err) == SSTATE_EINVAL && s == NULL,
	    "or does not open: %s", err.text);
	uris[0] = "memory:?reap=0";
	NEED(sstate_store_open(&s, &o, &err) == 0, "reap=0 asks for nothing");
	T(sstate_store_driver(s, &ctx)->get == sstate_driver_v1_memory.get,
	    "so the driver's own table is there");
	sstate_store_close(s);
}

/* ---- Cap -------------------------------------------------------------- */

static void
test_cap(void)
{
	static const struct {
		int64_t given, kept;
	} is[] = { { LIVE, NOW + 60 }, { 0, NOW + 60 }, { NOW + 61, NOW + 60 },
		{ NOW + 60, NOW + 60 }, { NOW + 59, NOW + 59 }, { 1, 1 } };
	struct store *st = opened("memory:?max_expires=60", NULL);
	struct sstate_record r, got;
	struct sstate_key k;
	unsigned i;

	for (i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		k = key(i);
		r = record(1, is[i].given, 0);
		T(store_create(st, NULL, &k, &r, NULL) == 0 &&
			store_get(st, NULL, &k, take, &got, NULL) == 0 &&
			got.expires == is[i].kept && r.expires == is[i].given,
		    "max_expires: %lld is kept as %lld", (long long)is[i].given,
		    (long long)got.expires);
		the_clock = NOW + 5;
		r.rev = 2;
		T(store_replace(st, NULL, &k, 1, &r, NULL) == 0 &&
			store_get(st, NULL, &k, take, &got, NULL) == 0 &&
			got.expires ==
			    (is[i].given != 0 && is[i].given < NOW + 65
				    ? is[i].given
				    : NOW + 65),
		    "and counts anew from a later write: %lld",
		    (long long)got.expires);
		the_clock = NOW;
	}
	store_close(st);
}

/* ---- Throttle --------------------------------------------------------- */

static void
until_over(uint64_t began, unsigned seconds)
{
	while (clock_mono_us() - began < seconds * UINT64_C(1000000))
		clock_nap_us(10000);
}

static void
test_throttle(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct fault f;
	struct store *st = opened("fault:?throttle=3/1", &f);
	uint64_t began;
	unsigned i, busy;
	int said = SSTATE_EAUTH, r = 0;
	struct sstate_key k = key(1);

	(void)make(st, 1, 0, NULL);
	fault_arm(&f, 1, FAULT_GET, FAULT_REFUSE, SSTATE_ESTORE);
	f.times = 2;
	T(look(st, 1, NULL) == SSTATE_ESTORE &&
		look(st, 1, NULL) == SSTATE_ESTORE && look(st, 1, NULL) == 0,
	    "two failures, and it is asked on");
	fault_arm(&f, 1, FAULT_ANY, FAULT_REFUSE, SSTATE_ESTORE);
	f.times = 2;
	T(look(st, 1, NULL) == SSTATE_ESTORE &&
		look(st, 1, NULL) == SSTATE_ESTORE && f.fired == 2 &&
		look(st, 1, NULL) == 0,
	    "a success in between begins the row anew");
	fault_arm(&f, 1, FAULT_WRITE, FAULT_REFUSE, SSTATE_EBUSY);
	f.times = 5;
	for (i = 0; i < 5; i++)
		(void)make(st, 9, 0, NULL);
	for (i = 0; i < 5; i++)
		r |= store_get(st, NULL, &k, refuse, &said, NULL) != said;
	for (i = 0; i < 5; i++)
		r |= look(st, 2, NULL) != SSTATE_ENOTFOUND;
	T(r == 0 && look(st, 1, NULL) == 0,
	    "a full store, a record that does not open, nothing there: these "
	    "are no failures");

	fault_arm(&f, 1, FAULT_ANY, FAULT_REFUSE, SSTATE_ESTORE);
	f.times = 100;
	for (i = 0; i < 3; i++)
		(void)look(st, 1, NULL);
	began = clock_mono_us();
	f.total = 0;
	atomic_store(&metrics_busy, 0);
	T(look(st, 1, &err) == SSTATE_EBUSY &&
		make(st, 3, 0, NULL) == SSTATE_EBUSY && f.total == 0,
	    "after three in a row it is EBUSY at once: %s", err.text);
	T(atomic_load(&metrics_busy) == 2, "which the metrics see");
	T(strstr(err.text, "fault: get: left alone") == err.text,
	    "and the text says so");
	until_over(began, 1);
	T(look(st, 1, NULL) == SSTATE_ESTORE && f.total == 1 &&
		look(st, 1, NULL) == SSTATE_EBUSY && f.total == 1,
	    "a second later it is tried once, and left alone again");
	began = clock_mono_us();
	fault_arm(&f, 0, 0, 0, 0);
	until_over(began, 1);
	for (i = 0, busy = 0; i < 10; i++)
		busy += look(st, 1, NULL) != 0;
	T(busy == 0, "one that succeeds ends it");
	store_close(st);
}

/* ---- One try, of many threads ------------------------------------------ */

static atomic_uint tries, refused;
static atomic_int sick;

static int
sick_get(void *ctx, const struct sstate_key *k, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	(void)ctx;
	(void)k;
	(void)found;
	(void)arg;
	atomic_fetch_add(&tries, 1);
	clock_nap_us(20000);
	return atomic_load(&sick) ? sstate_fail(err, SSTATE_ESTORE, 0, "sick")
				  : SSTATE_ENOTFOUND;
}

static void *
trying(void *arg)
{
	unsigned i;

	for (i = 0; i < 50; i++)
		if (look(arg, i, NULL) == SSTATE_EBUSY)
			atomic_fetch_add(&refused, 1);
	return NULL;
}

static void
test_one_try(void)
{
	struct sstate_driver d = sstate_driver_v1_memory;
	const struct sstate_driver *list[] = { &d, NULL };
	pthread_t t[4];
	struct store *st;
	uint64_t began;
	unsigned i;

	d.scheme = "sick";
	d.get = sick_get;
	NEED(open_uri(&st, "sick:?throttle=1/1", list, NULL, NULL) == 0,
	    "sick opens");
	atomic_store(&sick, 1);
	(void)look(st, 1, NULL);
	began = clock_mono_us();
	until_over(began, 1);
	atomic_store(&tries, 0);
	for (i = 0; i < 4; i++)
		NEED(pthread_create(&t[i], NULL, trying, st) == 0, "a thread");
	for (i = 0; i < 4; i++)
		(void)pthread_join(t[i], NULL);
	T(atomic_load(&tries) == 1 && atomic_load(&refused) == 199,
	    "of 200 calls of four threads one tries (%u), 199 are EBUSY (%u)",
	    atomic_load(&tries), atomic_load(&refused));
	store_close(st);
}

/* ---- Read-only, disabled ---------------------------------------------- */

static void
test_readonly(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_record r = record(2, LIVE, 0);
	struct store *raw = opened("memory:ro", NULL);
	struct sstate_key k = key(1);
	struct fault f;
	struct store *st = opened("fault:ro?readonly=1", &f);
	uint64_t n = 9;
	unsigned seen = 0;
	int64_t latest = 0;

	(void)make(raw, 1, 0, NULL);
	T(make(st, 2, 0, &err) == SSTATE_EBUSY, "no create: %s", err.text);
	T(store_replace(st, NULL, &k, 1, &r, &err) == SSTATE_EBUSY &&
		store_remove(st, NULL, &k, 1, &err) == SSTATE_EBUSY &&
		store_remove(st, NULL, &k, SSTATE_ANY_REV, &err) ==
		    SSTATE_EBUSY &&
		store_reap(&n, st, "test", LIVE, 0, &err) == SSTATE_EBUSY &&
		n == 0,
	    "no replace, remove, reap");
	T(store_latest(&latest, st, 7, NULL) == 0 && latest == 7,
	    "its clock stays as it is");
	T(f.total == 0, "the driver heard of none of it");
	T(look(st, 1, NULL) == 0 &&
		store_each(st, "test", NULL, listed, &seen, NULL) == 0 &&
		seen == 1,
	    "reads and lists go on");
	store_close(st);
	store_close(raw);
}

static void
test_disable(void)
{
	struct store *raw = opened("memory:off", NULL);
	struct sstate_record r = record(2, LIVE, 0);
	struct sstate_key k = key(1);
	struct fault f;
	struct store *st = opened("fault:off?disable=set", &f);
	uint64_t n = 9;
	unsigned seen = 0;

	(void)make(raw, 1, 0, NULL);
	T(make(st, 2, 0, NULL) == 0 &&
		store_replace(st, NULL, &k, 1, &r, NULL) == 0 && f.total == 0 &&
		look(raw, 2, NULL) == SSTATE_ENOTFOUND,
	    "disable=set: create and replace do nothing, and all is well");
	T(look(st, 1, NULL) == 0 && f.total == 1, "reads go on");
	store_close(st);

	st = opened("fault:off?disable=get", &f);
	T(look(st, 1, NULL) == SSTATE_ENOTFOUND &&
		store_get_far(st, NULL, &k, take, NULL, NULL) ==
		    SSTATE_ENOTFOUND &&
		store_each(st, "test", NULL, listed, &seen, NULL) == 0 &&
		seen == 0 && f.total == 0,
	    "disable=get: there is nothing");
	T(make(st, 3, 0, NULL) == 0 && look(raw, 3, NULL) == 0, "writes go on");
	store_close(st);

	st = opened("fault:off?disable=remove,get", &f);
	T(store_remove(st, NULL, &k, SSTATE_ANY_REV, NULL) == 0 &&
		store_reap(&n, st, "test", LIVE + 1, 0, NULL) == 0 && n == 0 &&
		f.total == 0 && look(raw, 1, NULL) == 0,
	    "disable=remove: nothing goes");
	T(look(st, 1, NULL) == SSTATE_ENOTFOUND, "two at once");
	store_close(st);
	store_close(raw);
}

/* ---- How many (R-103) ------------------------------------------------- */

static void
test_records(void)
{
	struct store *st = opened("memory:?max_records=20", NULL);
	struct sstate_error err = { 0, 0, "" };
	struct sstate_key k = key(0);
	uint64_t began = clock_mono_us(), n = 0;
	unsigned i, bad = 0;
	int r;

	for (i = 0; i < 20; i++)
		bad += make(st, i, 0, NULL) != 0;
	T(bad == 0, "twenty are no more than twenty");
	T(make(st, 20, 0, &err) == SSTATE_EBUSY,
	    "R-103 the next one of nobody's is EBUSY: %s", err.text);
	T(make(st, 21, 7, NULL) == 0 && make(st, 22, 7, NULL) == 0 &&
		make(st, 23, 7, NULL) == 0,
	    "R-103 who is logged in has a tenth, and one, more");
	T(make(st, 24, 7, NULL) == SSTATE_EBUSY &&
		make(st, 25, 0, NULL) == SSTATE_EBUSY,
	    "R-103 and no more");
	T(store_count(&n, st, "test", NULL) == 0 && n == 23, "it has 23");
	for (i = 0; i < 10; i++) {
		k = key(i);
		(void)store_remove(st, NULL, &k, SSTATE_ANY_REV, NULL);
	}
	do
		r = make(st, 30, 0, NULL);
	while (
	    r == SSTATE_EBUSY && clock_mono_us() - began < UINT64_C(20000000));
	T(r == 0, "R-103 what has gone is seen within seconds");
	store_close(st);
}

static void
test_file_count(void)
{
	char dir[KIT_DIR], uri[KIT_DIR + 64];
	struct store *st;
	uint64_t n = 9;
	unsigned i, bad = 0;

	kit_tmp_fast(dir, sizeof(dir));
	(void)snprintf(uri, sizeof(uri), "file:%s/c?sync=none&max_records=50",
	    dir);
	st = opened(uri, NULL);
	T(store_count(&n, st, "test", NULL) == 0 && n == 0, "file: none yet");
	for (i = 0; i < 50; i++)
		bad += make(st, i, 0, NULL) != 0;
	T(bad == 0 && store_count(&n, st, "test", NULL) == 0 && n == 50,
	    "file: few are counted each (%u)", (unsigned)n);
	T(make(st, 50, 0, NULL) == SSTATE_EBUSY && make(st, 51, 7, NULL) == 0,
	    "R-103 file: over max_records");
	store_close(st);
	(void)snprintf(uri, sizeof(uri), "file:%s/c?sync=none", dir);
	st = opened(uri, NULL);
	for (i = 100; i < 6049; i++)
		bad += make(st, i, 0, NULL) != 0;
	T(bad == 0 && store_count(&n, st, "test", NULL) == 0 && n > 4800 &&
		n < 7200,
	    "file: 6000 are about that, by a sample (%u)", (unsigned)n);
	store_close(st);
	kit_rm(dir);
}

int
main(void)
{
	test_bad();
	test_raw();
	test_cap();
	test_throttle();
	test_one_try();
	test_readonly();
	test_disable();
	test_records();
	test_file_count();
	return tap_done();
}
