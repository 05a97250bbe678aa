/*
 * store_test.c - what is around every driver: opening, checks, texts, metrics
 *
 * The drivers here break their contract on purpose; pool_test.c has threads
 * and forks.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/load.h"
#include "store/store.h"

#include "fault_driver.h"
#include "tap.h"

extern const struct sstate_driver sstate_driver_v1_memory;

#define LIVE INT64_C(4102444800)

static int
open_one(struct store **out, const char *uri,
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
	return store_open(out, &o, err);
}

static struct sstate_record
record(const char *body, uint64_t rev)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = body;
	r.body.len = strlen(body);
	r.expires = LIVE;
	r.rev = rev;
	return r;
}

static struct sstate_key
key(unsigned char n)
{
	struct sstate_key k;

	memset(k.id, n, sizeof(k.id));
	k.ns = "test";
	return k;
}

static int
nothing(void *arg, const struct sstate_record *rec)
{
	if (arg != NULL)
		*(size_t *)arg += rec->body.len;
	return 0;
}

/* ---- Opening ---------------------------------------------------------- */

static void
test_uris(void)
{
	static const struct {
		const char *uri;
		int code;
		const char *says;
	} bad[] = {
		{ "nosuch:x", SSTATE_ENOTSUP,
		    "nosuch; known are file, memory" },
		{ "", SSTATE_EPARSE, "scheme" },
		{ "memory", SSTATE_EPARSE, "scheme" },
		{ "../memory:", SSTATE_EPARSE, "scheme" },
		{ "memory:?max_entires=5", SSTATE_EINVAL, "max_entires" },
		{ "memory:?max_entries=0", SSTATE_EINVAL, "max_entries" },
		{ "memory:?max_entries=many", SSTATE_EINVAL, "max_entries" },
		{ "memory:?max_bytes=1", SSTATE_EINVAL, "max_bytes" },
		{ "memory://host/name", SSTATE_EINVAL, "host" },
		{ "memory:?timeout_ms=5", SSTATE_EINVAL, "timeout_ms" },
	};
	static const char *const none[] = { NULL };
	struct sstate_error err;
	struct store_options o;
	struct store *st;
	size_t i;
	int r;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&err, 0, sizeof(err));
		r = open_one(&st, bad[i].uri, NULL, NULL, &err);
		T(r == bad[i].code && st == NULL && err.code == r &&
			strstr(err.text, bad[i].says) != NULL,
		    "\"%s\" does not open: %s", bad[i].uri, err.text);
		T(open_one(&st, bad[i].uri, NULL, NULL, NULL) == r,
		    "nor without an error sink");
	}
	memset(&o, 0, sizeof(o));
	o.uris = none;
	T(store_open(&st, &o, &err) == SSTATE_EINVAL, "none");
	o.uris = NULL;
	T(store_open(&st, &o, &err) == SSTATE_EINVAL, "not even a list");
	T(open_one(&st, "memory:", NULL, &st, &err) == SSTATE_EINVAL &&
		strstr(err.text, "handle") != NULL,
	    "a handle: %s", err.text);
	store_close(NULL);
}

static void
test_tables(void)
{
	static const char *const schemes[] = { NULL, "", "Toy", "1toy", "to-y",
		"to/y", "a2345678901234567" };
	const struct sstate_driver *list[3] = { NULL, NULL, NULL };
	struct sstate_driver d = sstate_driver_v1_memory, ours;
	struct sstate_error err = { 0, 0, "" };
	struct store *st;
	size_t i;

	list[0] = &d;
	list[1] = &sstate_driver_v1_memory;
	d.scheme = "toy";
	T(open_one(&st, "toy:x", list, NULL, &err) == 0 &&
		strcmp(store_name(st), "toy") == 0,
	    "a driver that was given");
	store_close(st);
	T(open_one(&st, "other:x", list, NULL, &err) == SSTATE_ENOTSUP &&
		strstr(err.text, "toy, memory") != NULL,
	    "known: %s", err.text);
	d.abi = SSTATE_DRIVER_ABI + 1;
	T(open_one(&st, "toy:x", list, NULL, &err) == SSTATE_EVERSION,
	    "another ABI: %s", err.text);
	d.scheme = (const char *)8; /* must not be looked at */
	T(open_one(&st, "memory:", list, NULL, &err) == SSTATE_EVERSION,
	    "its scheme is not even read");
	d = sstate_driver_v1_memory;
	d.size = offsetof(struct sstate_driver, count) - 1;
	T(open_one(&st, "memory:", list, NULL, &err) == SSTATE_EVERSION,
	    "a shorter table: %s", err.text);
	d.size++;
	d.count = (int (*)(uint64_t *, void *, const char *,
	    struct sstate_error *))8; /* must not be looked at */
	T(open_one(&st, "memory:", list, NULL, &err) == 0 &&
		!store_can(st, CALL_COUNT),
	    "one of before count");
	store_close(st);
	T(open_one(&st, "memory:?max_records=5", list, NULL, &err) ==
		SSTATE_ENOTSUP,
	    "which takes no max_records: %s", err.text);
	d = sstate_driver_v1_memory;
	d.size += 8;
	T(open_one(&st, "memory:", list, NULL, &err) == 0, "a longer one");
	store_close(st);
	d.size = sizeof(d);
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		d.scheme = schemes[i];
		T(open_one(&st, "memory:", list, NULL, &err) == SSTATE_EINVAL,
		    "scheme \"%s\" is refused",
		    schemes[i] != NULL ? schemes[i] : "(null)");
	}
	ours = sstate_driver_v1_memory;
	for (i = 0; i < 6; i++) {
		d = ours;
		switch (i) {
		case 0:
			d.open = NULL;
			break;
		case 1:
			d.close = NULL;
			break;
		case 2:
			d.get = NULL;
			break;
		case 3:
			d.create = NULL;
			break;
		case 4:
			d.replace = NULL;
			break;
		default:
			d.remove = NULL;
		}
		T(load_check(&d, &err) == SSTATE_EINVAL, "without it: %s",
		    err.text);
	}
	d = ours;
	d.caps |= SSTATE_CAP_DURABLE; /* to tell it from the built-in one */
	T(open_one(&st, "memory:", list, NULL, &err) == 0 &&
		(store_caps(st) & SSTATE_CAP_DURABLE) != 0,
	    "what the program gave comes before what is built in");
	store_close(st);
}

/* ---- Writes that must not reach a driver ------------------------------ */

static void
test_writes(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_record rec[9];
	struct sstate_key k = key(1);
	struct fault f;
	struct store *st;
	size_t i;
	int slot = -1, want;

	fault_init(&f, &sstate_driver_v1_memory, 0);
	NEED(open_one(&st, "fault:", f.drivers, &f, &err) == 0, "fault: %s",
	    err.text);
	for (i = 0; i < 9; i++)
		rec[i] = record("body", 1);
	rec[0].body.len = 0;
	rec[1].body.ptr = NULL;
	rec[2].rev = 0;
	rec[3].rev = SSTATE_ANY_REV;
	rec[4].expires = -1;
	rec[5].flags = 2;
	rec[6].pad = 1;
	rec[7].body.len = LIMIT_RECORD_BYTES + 1;
	rec[8].body.len = SIZE_MAX;
	for (i = 0; i < 9; i++) {
		want = i < 7 ? SSTATE_EINVAL : SSTATE_ETOOBIG;
		T(store_create(st, &slot, &k, &rec[i], &err) == want &&
			store_replace(st, &slot, &k, 1, &rec[i], &err) == want,
		    "R-98 no proper record: %s", err.text);
	}
	rec[0] = record("body", 2);
	T(store_replace(st, &slot, &k, SSTATE_ANY_REV, &rec[0], &err) ==
		    SSTATE_EINVAL &&
		store_replace(st, &slot, &k, 0, &rec[0], &err) == SSTATE_EINVAL,
	    "R-26 no replace without a revision: %s", err.text);
	T(f.total == 0, "and the driver heard of none of it");
	T(store_create(st, &slot, &k, &rec[0], &err) == 0 && f.creates == 1,
	    "a proper one goes through");
	T(store_create(st, &slot, &k, &rec[0], &err) == SSTATE_EEXIST &&
		err.code == 0,
	    "EEXIST is plain");
	T(store_replace(st, &slot, &k, 7, &rec[0], &err) == SSTATE_ECONFLICT &&
		err.code == 0,
	    "ECONFLICT is plain");
	k = key(2);
	T(store_get(st, &slot, &k, nothing, NULL, &err) == SSTATE_ENOTFOUND &&
		err.code == 0,
	    "ENOTFOUND is plain");
	store_close(st);
}

/* ---- Drivers that lie ------------------------------------------------- */

static struct {
	struct sstate_record rec;
	int code, found, text;
} lie;

static int
liar_get(void *ctx, const struct sstate_key *k, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	int r;

	(void)ctx;
	(void)k;
	if (lie.text)
		return sstate_fail(err, lie.code, 0, "liar: no luck");
	if (lie.found && (r = found(arg, &lie.rec)) != 0)
		return r;
	return lie.code;
}

static int
liar_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct sstate_key k = key(3);

	(void)ctx;
	(void)ns;
	(void)tag;
	(void)err;
	return lie.found ? fn(arg, &k, &lie.rec) : lie.code;
}

static int
shown(void *arg, const struct sstate_key *k, const struct sstate_record *rec)
{
	(void)k;
	++*(unsigned *)arg;
	return (int)rec->body.len;
}

static void
test_liars(void)
{
	static const int odd[] = { 1, 5, -19, -1000, INT32_MIN };
	struct sstate_driver d = sstate_driver_v1_memory;
	const struct sstate_driver *list[] = { &d, NULL };
	struct sstate_error err = { 0, 0, "" };
	struct sstate_key k = key(1);
	struct store *st;
	unsigned n = 0;
	size_t i, seen = 0;
	int slot = -1;

	d.scheme = "liar";
	d.get = liar_get;
	d.each = liar_each;
	NEED(open_one(&st, "liar:", list, NULL, &err) == 0, "liar opens");
	T(store_get(st, &slot, &k, nothing, &seen, &err) == SSTATE_ESTORE &&
		strstr(err.text, "liar: get") != NULL,
	    "R-99 neither a record nor a reason: %s", err.text);
	lie.found = 1;
	for (i = 0; i < 6; i++) {
		lie.rec = record("body", 1);
		switch (i) {
		case 0:
			lie.rec.body.ptr = NULL;
			break;
		case 1:
			lie.rec.body.len = 0;
			break;
		case 2:
			lie.rec.body.len = LIMIT_RECORD_BYTES + 1;
			break;
		case 3:
			lie.rec.rev = 0;
			break;
		case 4:
			lie.rec.rev = UINT64_MAX;
			break;
		default:
			lie.rec.expires = -5;
		}
		memset(&err, 0, sizeof(err));
		T(store_get(st, &slot, &k, nothing, &seen, &err) ==
			    SSTATE_ESTORE &&
			seen == 0 && err.code != 0,
		    "R-98 a damaged record is not shown: %s", err.text);
		T(store_each(st, "test", NULL, shown, &n, &err) ==
			    SSTATE_ESTORE &&
			n == 0,
		    "nor listed: %s", err.text);
	}
	lie.found = 0;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		lie.code = odd[i];
		T(store_get(st, &slot, &k, nothing, &seen, &err) ==
			    SSTATE_ESTORE &&
			strstr(err.text, "liar: get: ") == err.text,
		    "a code that is none (%d): %s", odd[i], err.text);
		T(store_each(st, "test", NULL, shown, &n, &err) ==
			SSTATE_ESTORE,
		    "also from each");
	}
	lie.code = SSTATE_EBUSY;
	err.code = SSTATE_EBUSY; /* a leftover is no text of now */
	T(store_get(st, &slot, &k, nothing, &seen, &err) == SSTATE_EBUSY &&
		strstr(err.text, "liar: get: ") == err.text,
	    "a code without a text gets one: %s", err.text);
	lie.text = 1;
	T(store_get(st, &slot, &k, nothing, &seen, &err) == SSTATE_EBUSY &&
		strcmp(err.text, "liar: get: no luck") == 0,
	    "a driver's text stays, and names the operation: %s", err.text);
	lie.text = 0;
	lie.found = 1;
	lie.rec = record("body", 1);
	lie.code = 0;
	T(store_each(st, "test", NULL, shown, &n, &err) == 4 && n == 1,
	    "a callback's own code passes");
	store_close(st);
}

static void
test_slots(void)
{
	struct sstate_driver d = sstate_driver_v1_memory;
	const struct sstate_driver *list[] = { &d, NULL };
	struct sstate_error err = { 0, 0, "" };
	uint64_t removed = 9;
	int64_t seen = 0;
	struct store *st;

	d.scheme = "bare";
	d.reap = NULL;
	d.each = NULL;
	d.latest = NULL;
	NEED(open_one(&st, "bare:", list, NULL, &err) == 0, "bare opens");
	T(store_reap(&removed, st, "test", 5, 0, &err) == SSTATE_ENOTSUP &&
		removed == 0,
	    "no reap: %s", err.text);
	T(store_each(st, "test", NULL, shown, NULL, &err) == SSTATE_ENOTSUP,
	    "no each: %s", err.text);
	T(store_latest(&seen, st, 123, &err) == 0 && seen == 123,
	    "no latest: it is now");
	d.caps |= SSTATE_CAP_EXPIRE;
	T(store_reap(&removed, st, "test", 5, 0, &err) == 0 && removed == 0,
	    "what forgets by itself needs no reap");
	store_close(st);
}

/* ---- Metrics ---------------------------------------------------------- */

static struct {
	char line[16][80];
	unsigned n;
} told;

static void
metric(void *arg, const struct sstate_metric *m)
{
	(void)arg;
	if (told.n < 16)
		(void)snprintf(told.line[told.n++], sizeof(told.line[0]),
		    "%s %s %d %zu", m->store, m->operation, m->code, m->bytes);
}

static void
test_metrics(void)
{
	static const char *const want[] = { "memory create 0 5",
		"memory create -18 5", "memory get 0 5", "memory get -3 0",
		"memory replace 0 8", "memory replace -7 8",
		"memory remove -7 0", "memory each 8 8", "memory latest 0 0",
		"memory reap 0 0", "memory remove 0 0" };
	const char *uris[] = { "memory:", NULL };
	struct sstate_key k = key(1), other = key(2);
	struct sstate_record a = record("first", 1), b = record("replaced", 2);
	struct store_options o;
	struct store *st;
	uint64_t removed;
	int64_t seen;
	unsigned i, n = 0;
	int slot = -1;

	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.metric = metric;
	NEED(store_open(&st, &o, NULL) == 0, "with a metric hook");
	(void)store_create(st, &slot, &k, &a, NULL);
	(void)store_create(st, &slot, &k, &a, NULL);
	(void)store_get(st, &slot, &k, nothing, NULL, NULL);
	(void)store_get(st, &slot, &other, nothing, NULL, NULL);
	(void)store_replace(st, &slot, &k, 1, &b, NULL);
	(void)store_replace(st, &slot, &k, 1, &b, NULL);
	(void)store_remove(st, &slot, &k, 1, NULL);
	(void)store_each(st, "test", NULL, shown, &n, NULL);
	(void)store_latest(&seen, st, 5, NULL);
	(void)store_reap(&removed, st, "test", 5, 0, NULL);
	(void)store_remove(st, &slot, &k, SSTATE_ANY_REV, NULL);
	store_close(st);
	T(told.n == 11, "each call is told once (%u)", told.n);
	for (i = 0; i < 11; i++)
		T(strcmp(told.line[i], want[i]) == 0, "metric: %s",
		    told.line[i]);
}

/* ---- The tests' own fault driver -------------------------------------- */

static void
test_fault(void)
{
	static const int kinds[] = { FAULT_CREATE, FAULT_REPLACE, FAULT_GET,
		FAULT_REMOVE };
	struct sstate_record a = record("one", 1), b = record("two", 2);
	struct sstate_error err = { 0, 0, "" };
	struct sstate_key k = key(1);
	struct store *st, *raw;
	struct fault f;
	size_t i, seen = 0;
	int slot = -1, rslot = -1;

	fault_init(&f, &sstate_driver_v1_memory, SSTATE_CAP_REMOTE);
	NEED(open_one(&st, "fault:shared", f.drivers, &f, &err) == 0 &&
		open_one(&raw, "memory:shared", NULL, NULL, &err) == 0,
	    "fault: before memory:, and a look behind it");
	T((store_caps(st) & SSTATE_CAP_REMOTE) != 0, "it says it is remote");

	fault_arm(&f, 1, FAULT_WRITE, FAULT_LOSE_REQUEST, SSTATE_ESTORE);
	T(store_create(st, &slot, &k, &a, &err) == SSTATE_ESTORE &&
		store_get(raw, &rslot, &k, nothing, NULL, NULL) ==
		    SSTATE_ENOTFOUND,
	    "a lost request was not done: %s", err.text);
	fault_arm(&f, 1, FAULT_WRITE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
	T(store_create(st, &slot, &k, &a, &err) == SSTATE_ESTORE &&
		store_get(raw, &rslot, &k, nothing, NULL, NULL) == 0,
	    "a lost answer was: %s", err.text);
	fault_arm(&f, 2, FAULT_REPLACE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
	T(store_replace(st, &slot, &k, 9, &b, &err) == SSTATE_ECONFLICT &&
		f.fired == 0,
	    "the first is let through");
	T(store_replace(st, &slot, &k, 1, &b, &err) == SSTATE_ESTORE &&
		f.fired == 1,
	    "the second fails");
	T(store_replace(st, &slot, &k, 1, &b, &err) == SSTATE_ECONFLICT,
	    "the third finds what it did");
	for (i = 0; i < 4; i++) {
		fault_arm(&f, 1, kinds[i], FAULT_REFUSE, SSTATE_EBUSY);
		f.times = 2;
		T(store_get(st, &slot, &k, nothing, &seen, &err) ==
			(kinds[i] == FAULT_GET ? SSTATE_EBUSY : 0),
		    "get");
		T(store_create(st, &slot, &k, &a, &err) ==
			(kinds[i] == FAULT_CREATE ? SSTATE_EBUSY
						  : SSTATE_EEXIST),
		    "create");
		T(store_remove(st, &slot, &k, 9, &err) ==
			(kinds[i] == FAULT_REMOVE ? SSTATE_EBUSY
						  : SSTATE_ECONFLICT),
		    "remove");
		T(f.fired == (kinds[i] != FAULT_REPLACE), "only that kind");
	}
	T(f.gets == 4 && f.creates == 6 && f.replaces == 3 && f.removes == 4 &&
		f.total == 17,
	    "calls are counted by kind (%lu)", f.total);
	store_close(st);
	store_close(raw);
}

/* ---- Nothing tells a key or a body ------------------------------------ */

static int
tells(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

static void
test_silent(void)
{
	static const int codes[] = { SSTATE_ENOMEM, SSTATE_EINVAL,
		SSTATE_ETOOBIG, SSTATE_ESTORE, SSTATE_EBUSY, SSTATE_ESYS,
		SSTATE_EUNSAFE, SSTATE_ENOTSUP };
	struct sstate_record rec = record("BODYBODYBODY", 2);
	struct sstate_error err[4];
	struct sstate_key k = key('K');
	struct fault f;
	struct store *st;
	size_t i, j;
	int slot = -1, wrong = 0, named = 0;

	fault_init(&f, &sstate_driver_v1_memory, 0);
	NEED(open_one(&st, "fault:", f.drivers, &f, NULL) == 0, "fault opens");
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		memset(err, 0, sizeof(err));
		fault_arm(&f, 1, FAULT_ANY, FAULT_REFUSE, codes[i]);
		f.times = 4;
		(void)store_get(st, &slot, &k, nothing, NULL, &err[0]);
		(void)store_create(st, &slot, &k, &rec, &err[1]);
		(void)store_replace(st, &slot, &k, 1, &rec, &err[2]);
		(void)store_remove(st, &slot, &k, 1, &err[3]);
		for (j = 0; j < 4; j++) {
			wrong += tells(err[j].text, "KKKK") ||
			    tells(err[j].text, "4b4b") ||
			    tells(err[j].text, "S0tL") ||
			    tells(err[j].text, "BODY");
			named += err[j].code == codes[i] &&
			    strncmp(err[j].text, "fault: ", 7) == 0 &&
			    strstr(err[j].text,
				((const char *const[]){ "get", "create",
				    "replace", "remove" })[j]) != NULL;
		}
	}
	T(wrong == 0, "R-10 R-100 no text tells a key or a body");
	T(named == 32, "each names store and operation (%d)", named);
	store_close(st);
}

/* ---- Memory runs out -------------------------------------------------- */

static long left;
static unsigned held;

static void *
stingy(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	(void)arg;
	(void)oldsz;
	if (newsz == 0) {
		held--;
		free(ptr);
		return NULL;
	}
	if (left-- <= 0)
		return NULL;
	held += ptr == NULL;
	return realloc(ptr, newsz);
}

static int
life(struct sstate_error *err)
{
	const char *uris[] = { "memory:", NULL };
	struct sstate_record a = record("one", 1), b = record("another", 2);
	struct sstate_key k = key(1);
	struct store_options o;
	struct store *st;
	uint64_t removed;
	unsigned n = 0;
	int slot = -1, r;

	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.ns = "test";
	o.hook.fn = stingy;
	if ((r = store_open(&st, &o, err)) != 0)
		return r;
	memset(a.tag, 1, sizeof(a.tag));
	(void)((r = store_create(st, &slot, &k, &a, err)) != 0 ||
	    (r = store_get(st, &slot, &k, nothing, NULL, err)) != 0 ||
	    (r = store_replace(st, &slot, &k, 1, &b, err)) != 0 ||
	    ((r = store_each(st, "test", NULL, shown, &n, err)) != 7) ||
	    (r = store_reap(&removed, st, "test", LIVE + 1, 0, err)) != 0);
	store_close(st);
	return r;
}

static void
test_memory(void)
{
	struct sstate_error err;
	unsigned n, wrong = 0;
	int r = -1;

	for (n = 0; n < 500 && r != 0; n++) {
		memset(&err, 0, sizeof(err));
		left = (long)n;
		r = life(&err);
		if ((r != 0 && (r != SSTATE_ENOMEM || err.code != r)) ||
		    held != 0) {
			printf("# allocation %u: %d, %u held: %s\n", n, r, held,
			    err.text);
			wrong++;
			held = 0;
		}
	}
	T(r == 0 && n > 20, "the %u-th allocation fails until all is well", n);
	T(wrong == 0, "each time ENOMEM, and nothing is leaked");
}

int
main(void)
{
	test_uris();
	test_tables();
	test_writes();
	test_liars();
	test_slots();
	test_metrics();
	test_fault();
	test_silent();
	test_memory();
	return tap_done();
}
