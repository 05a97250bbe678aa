/*
 * pool_test.c - contexts: one thread each, one more on demand, none after
 * a fork
 *
 * The driver here is `memory:` with counters and a door: a get can be made
 * to wait inside found() until the test opens it.
 */
/* label: thread */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/nest.h"
#include "store/store.h"

#include "tap.h"

extern const struct sstate_driver sstate_driver_v1_memory;

#define LIVE INT64_C(4102444800)
#define INNER sstate_driver_v1_memory

struct toy {
	void *inner;
	atomic_int inside; /* more than one: two threads in one context */
};

static atomic_int opens, closes, abandons, crowded, gets_inside;
static atomic_int refuse_open;
static void *_Atomic last_ctx;

static int
toy_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct toy *t;
	int r;

	*ctx = NULL;
	if (atomic_load(&refuse_open))
		return sstate_fail(err, SSTATE_ESTORE, 0, "toy: no more");
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return SSTATE_ENOMEM;
	if ((r = INNER.open(&t->inner, conf, err)) != 0) {
		free(t);
		return r;
	}
	atomic_fetch_add(&opens, 1);
	*ctx = t;
	return 0;
}

static void
toy_close(void *ctx)
{
	struct toy *t = ctx;

	INNER.close(t->inner);
	atomic_fetch_add(&closes, 1);
	free(t);
}

static void
toy_abandon(void *ctx)
{
	struct toy *t = ctx;

	INNER.abandon(t->inner);
	atomic_fetch_add(&abandons, 1);
	free(t);
}

static int
toy_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct toy *t = ctx;
	int r;

	if (atomic_fetch_add(&t->inside, 1) != 0)
		atomic_store(&crowded, 1);
	atomic_store(&last_ctx, ctx);
	atomic_fetch_add(&gets_inside, 1);
	r = INNER.get(t->inner, key, found, arg, err);
	atomic_fetch_sub(&gets_inside, 1);
	atomic_fetch_sub(&t->inside, 1);
	return r;
}

static int
toy_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	return INNER.create(((struct toy *)ctx)->inner, key, rec, err);
}

static int
toy_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct toy *t = ctx;
	int r;

	if (atomic_fetch_add(&t->inside, 1) != 0)
		atomic_store(&crowded, 1);
	r = INNER.replace(t->inner, key, expected, rec, err);
	atomic_fetch_sub(&t->inside, 1);
	return r;
}

static int
toy_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	return INNER.remove(((struct toy *)ctx)->inner, key, expected, err);
}

static struct sstate_driver toy = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_LINEAR | SSTATE_CAP_HANDLE,
	.scheme = "toy",
	.open = toy_open,
	.close = toy_close,
	.get = toy_get,
	.create = toy_create,
	.replace = toy_replace,
	.remove = toy_remove,
	.abandon = toy_abandon,
};
static const struct sstate_driver *const toys[] = { &toy, NULL };

static struct store *
open_toy(void *handle)
{
	static const char *const uris[] = { "toy:", NULL };
	void *const handles[] = { handle, NULL };
	struct sstate_error err = { 0, 0, "" };
	struct store_options o;
	struct store *st;

	atomic_store(&opens, 0);
	atomic_store(&closes, 0);
	atomic_store(&abandons, 0);
	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.handles = handle != NULL ? handles : NULL;
	o.drivers = toys;
	o.ns = "test";
	NEED(store_open(&st, &o, &err) == 0, "toy opens: %s", err.text);
	return st;
}

static struct sstate_key
key(unsigned char n)
{
	struct sstate_key k;

	memset(k.id, n, sizeof(k.id));
	k.ns = "test";
	return k;
}

static struct sstate_record
record(const void *body, size_t len, uint64_t rev)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = body;
	r.body.len = len;
	r.expires = LIVE;
	r.rev = rev;
	return r;
}

static int
ok(void *arg, const struct sstate_record *rec)
{
	(void)arg;
	(void)rec;
	return 0;
}

static void
seed(struct store *st, unsigned char n)
{
	struct sstate_key k = key(n);
	struct sstate_record rec = record("seed", 4, 1);
	int slot = -1;

	NEED(store_create(st, &slot, &k, &rec, NULL) == 0, "a record");
}

/* ---- One thread ------------------------------------------------------- */

struct nest {
	struct store *st;
	int depth, slots[4], r;
	void *ctx[4];
	struct sstate_error err;
};

static int
nested(void *arg, const struct sstate_record *rec)
{
	struct nest *n = arg;
	struct sstate_key k = key(1);
	int d = n->depth;

	(void)rec;
	n->ctx[d] = atomic_load(&last_ctx);
	if (d == 3)
		return 0;
	n->depth++;
	n->slots[d + 1] = -1;
	n->r = store_get(n->st, &n->slots[d + 1], &k, nested, n, &n->err);
	return n->r;
}

static void
test_nested(void)
{
	struct store *st = open_toy(NULL);
	struct sstate_key k = key(1);
	struct nest n;
	void *again;
	int slot = -1, i, hint;

	T(atomic_load(&opens) == 1, "open opens one context");
	seed(st, 1);
	for (i = 0; i < 100; i++)
		(void)store_get(st, &slot, &k, ok, NULL, NULL);
	T(atomic_load(&opens) == 1, "a thread alone needs no other");
	memset(&n, 0, sizeof(n));
	n.st = st;
	n.slots[0] = -1;
	T(store_get(st, &n.slots[0], &k, nested, &n, &n.err) == 0 &&
		n.depth == 3,
	    "a callback may call the store: %s", n.err.text);
	T(atomic_load(&opens) == 4, "each depth has a context of its own (%d)",
	    atomic_load(&opens));
	for (i = 0; i < 4; i++) {
		hint = n.slots[i];
		(void)store_get(st, &hint, &k, ok, NULL, NULL);
		again = atomic_load(&last_ctx);
		T(again == n.ctx[i] && hint == n.slots[i],
		    "P4 the slot leads back to the same context (%d)", hint);
	}
	hint = 100000;
	T(store_get(st, &hint, &k, ok, NULL, NULL) == 0 && hint < 4,
	    "a slot that is none is no harm");
	atomic_store(&refuse_open, 1);
	memset(&n, 0, sizeof(n));
	n.st = st;
	n.slots[0] = -1;
	T(store_get(st, &n.slots[0], &k, nested, &n, &n.err) == 0,
	    "idle contexts serve when no other opens");
	atomic_store(&refuse_open, 0);
	store_close(st);
	T(atomic_load(&closes) == 4, "close closes all");
}

static void
test_handle_nested(void)
{
	int thing;
	struct store *st = open_toy(&thing);
	struct sstate_key k = key(1);
	struct nest n;

	seed(st, 1);
	memset(&n, 0, sizeof(n));
	n.st = st;
	n.slots[0] = -1;
	T(store_get(st, &n.slots[0], &k, nested, &n, &n.err) == SSTATE_EBUSY &&
		strstr(n.err.text, "callback") != NULL,
	    "R-34 a handle's callback does not wait for itself: %s",
	    n.err.text);
	T(store_get(st, &n.slots[0], &k, ok, NULL, NULL) == 0 &&
		atomic_load(&opens) == 1,
	    "and the one context is free again");
	store_close(st);
}

static void
test_grow_fails(void)
{
	struct store *st = open_toy(NULL);
	struct sstate_key k = key(1);
	struct nest n;

	seed(st, 1);
	atomic_store(&refuse_open, 1);
	memset(&n, 0, sizeof(n));
	n.st = st;
	n.slots[0] = -1;
	T(store_get(st, &n.slots[0], &k, nested, &n, &n.err) == SSTATE_ESTORE &&
		strstr(n.err.text, "toy: no more") != NULL,
	    "a context that does not open is an error: %s", n.err.text);
	atomic_store(&refuse_open, 0);
	n.depth = 0;
	T(store_get(st, &n.slots[0], &k, nested, &n, &n.err) == 0,
	    "and is opened by who needs it next");
	store_close(st);
	T(atomic_load(&closes) == atomic_load(&opens), "all are closed");
}

/* ---- Threads ---------------------------------------------------------- */

enum { THREADS = 12, ADDS = 400 };

struct crowd {
	struct store *st;
	atomic_int in, wait_for, failed, conflicts;
	atomic_uint tries;
};

/* Nobody leaves found() before all are in: so all hold a context. */
static int
gather(void *arg, const struct sstate_record *rec)
{
	struct crowd *c = arg;

	(void)rec;
	atomic_fetch_add(&c->in, 1);
	while (atomic_load(&c->in) < atomic_load(&c->wait_for))
		(void)sched_yield();
	return 0;
}

static void *
gatherer(void *arg)
{
	struct crowd *c = arg;
	struct sstate_key k = key(1);
	int slot = -1;

	if (store_get(c->st, &slot, &k, gather, c, NULL) != 0)
		atomic_fetch_add(&c->failed, 1);
	return NULL;
}

static void
run(struct crowd *c, unsigned n, void *(*fn)(void *))
{
	pthread_t t[THREADS];
	unsigned i;

	for (i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, fn, c) != 0)
			abort();
	for (i = 0; i < n; i++)
		(void)pthread_join(t[i], NULL);
}

struct number {
	uint64_t value, rev;
};

static int
read_number(void *arg, const struct sstate_record *rec)
{
	struct number *n = arg;

	if (rec->body.len != sizeof(n->value))
		return SSTATE_EPARSE;
	memcpy(&n->value, rec->body.ptr, sizeof(n->value));
	n->rev = rec->rev;
	return 0;
}

static void *
adder(void *arg)
{
	struct crowd *c = arg;
	struct sstate_key k = key(2);
	struct sstate_record rec;
	struct number n;
	int slot = -1, i, r;

	for (i = 0; i < ADDS;) {
		if (store_get(c->st, &slot, &k, read_number, &n, NULL) != 0) {
			atomic_fetch_add(&c->failed, 1);
			break;
		}
		n.value++;
		rec = record(&n.value, sizeof(n.value), n.rev + 1);
		r = store_replace(c->st, &slot, &k, n.rev, &rec, NULL);
		if (r == 0) {
			i++;
		} else if (r != SSTATE_ECONFLICT) {
			atomic_fetch_add(&c->failed, 1);
			break;
		}
	}
	return NULL;
}

static void
add_all(struct store *st, const char *what)
{
	uint64_t zero = 0;
	struct sstate_key k = key(2);
	struct sstate_record rec = record(&zero, sizeof(zero), 1);
	struct number n = { 0, 0 };
	struct crowd c;
	int slot = -1;

	memset(&c, 0, sizeof(c));
	c.st = st;
	NEED(store_create(st, &slot, &k, &rec, NULL) == 0, "a number");
	run(&c, 4, adder);
	(void)store_get(st, &slot, &k, read_number, &n, NULL);
	T(atomic_load(&c.failed) == 0 && n.value == 4 * ADDS &&
		n.rev == n.value + 1,
	    "R-33 four threads add, none lost: %s", what);
	T(atomic_load(&crowded) == 0, "one context, one thread: %s", what);
}

static void
test_threads(void)
{
	struct store *st = open_toy(NULL);
	struct crowd c;

	seed(st, 1);
	memset(&c, 0, sizeof(c));
	c.st = st;
	atomic_store(&c.wait_for, THREADS);
	run(&c, THREADS, gatherer);
	T(atomic_load(&c.failed) == 0 && atomic_load(&opens) == THREADS,
	    "%d threads at once have %d contexts", THREADS,
	    atomic_load(&opens));
	add_all(st, "pool");
	T(atomic_load(&opens) == THREADS, "and need no more later");
	store_close(st);
	T(atomic_load(&closes) == THREADS, "all are closed");
}

static void
test_handle_threads(void)
{
	int thing;
	struct store *st = open_toy(&thing);

	add_all(st, "handle");
	T(atomic_load(&opens) == 1,
	    "R-34 a handle stays one context: others "
	    "wait");
	store_close(st);
}

/* ---- Forks ------------------------------------------------------------ */

static int
child_says(int (*fn)(struct store *), struct store *st)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(fn(st));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int
child_uses(struct store *st)
{
	struct sstate_key k = key(1);
	int slot = 2, had = atomic_load(&opens);

	if (store_get(st, &slot, &k, ok, NULL, NULL) != 0)
		return 1;
	if (atomic_load(&abandons) != had)
		return 2;
	if (atomic_load(&opens) != had + 1)
		return 3;
	if (store_get(st, &slot, &k, ok, NULL, NULL) != 0 ||
	    atomic_load(&opens) != had + 1)
		return 4;
	store_close(st);
	return atomic_load(&closes) == 1 ? 0 : 5;
}

static int
child_closes(struct store *st)
{
	store_close(st);
	return atomic_load(&closes) == 0 &&
		atomic_load(&abandons) == atomic_load(&opens)
	    ? 0
	    : 1;
}

static int
grandchild(struct store *st)
{
	struct sstate_key k = key(1);
	int slot = -1;

	if (store_get(st, &slot, &k, ok, NULL, NULL) != 0)
		return 1;
	atomic_store(&abandons, 0);
	atomic_store(&closes, 0);
	atomic_store(&opens, 1);
	return child_says(child_uses, st);
}

static int
refused(struct store *st)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_key k = key(1);
	struct sstate_record rec = record("x", 1, 2);
	int slot = -1;

	if (store_get(st, &slot, &k, ok, NULL, &err) != SSTATE_ENOTSUP ||
	    strstr(err.text, "fork") == NULL)
		return 1;
	if (store_replace(st, &slot, &k, 1, &rec, &err) != SSTATE_ENOTSUP)
		return 2;
	store_close(st);
	return atomic_load(&closes) == 0 && atomic_load(&abandons) == 0 ? 0 : 3;
}

static int
fork_within(void *arg, const struct sstate_record *rec)
{
	(void)rec;
	return child_says(child_uses, arg) == 2 ? 0 : 1;
}

static void
test_forks(void)
{
	struct store *st = open_toy(NULL);
	struct sstate_key k = key(1);
	struct nest n;
	int slot = -1, thing;

	seed(st, 1);
	memset(&n, 0, sizeof(n));
	n.st = st;
	n.slots[0] = -1;
	(void)store_get(st, &n.slots[0], &k, nested, &n, &n.err);
	T(child_says(child_uses, st) == 0,
	    "a child abandons what it inherited and opens anew");
	T(atomic_load(&abandons) == 0 && atomic_load(&closes) == 0 &&
		store_get(st, &slot, &k, ok, NULL, NULL) == 0 &&
		atomic_load(&opens) == 4,
	    "the parent goes on with its own");
	T(child_says(child_closes, st) == 0,
	    "a child that only closes says nothing to the peer");
	T(child_says(grandchild, st) == 0, "a child's child does the same");
	T(store_get(st, &slot, &k, fork_within, st, NULL) == 0,
	    "a fork in a callback leaves the context that is in use alone");
	store_close(st);

	st = open_toy(&thing);
	seed(st, 1);
	T(child_says(refused, st) == 0, "a handle is refused after a fork");
	T(store_get(st, &slot, &k, ok, NULL, NULL) == 0, "not in the parent");
	store_close(st);

	toy.abandon = NULL;
	st = open_toy(NULL);
	seed(st, 1);
	T(child_says(refused, st) == 0,
	    "a driver without abandon is refused after a fork");
	store_close(st);
	toy.abandon = toy_abandon;
}

/* Forks while other threads are in the pool, in the driver, in its locks. */
static atomic_int stop;

static void *
churn(void *arg)
{
	struct crowd *c = arg;
	struct sstate_key k = key(1);
	int slot = -1;

	while (!atomic_load(&stop)) {
		if (store_get(c->st, &slot, &k, ok, NULL, NULL) != 0)
			atomic_fetch_add(&c->failed, 1);
		slot = -1;
	}
	return NULL;
}

static int
child_reads(struct store *st)
{
	struct sstate_key k = key(1), other = key(9);
	struct sstate_record rec = record("child", 5, 1);
	int slot = -1;

	(void)alarm(60); /* a deadlock is a failure, not a hang */
	return store_get(st, &slot, &k, ok, NULL, NULL) != 0 ||
	    store_create(st, &slot, &other, &rec, NULL) != 0 ||
	    store_get(st, &slot, &other, ok, NULL, NULL) != 0;
}

static void
test_fork_in_crowd(void)
{
	struct store *st = open_toy(NULL);
	struct crowd c;
	pthread_t t[3];
	int i, wrong = 0;

	seed(st, 1);
	memset(&c, 0, sizeof(c));
	c.st = st;
	for (i = 0; i < 3; i++)
		if (pthread_create(&t[i], NULL, churn, &c) != 0)
			abort();
	for (i = 0; i < 40; i++)
		wrong += child_says(child_reads, st) != 0;
	atomic_store(&stop, 1);
	for (i = 0; i < 3; i++)
		(void)pthread_join(t[i], NULL);
	T(wrong == 0 && atomic_load(&c.failed) == 0,
	    "R-34 forks amid threads: no child hangs, none fails (%d)", wrong);
	store_close(st);
}

/* ---- The word that tells a child -------------------------------------- */

static struct guard word;

static int
word_says(struct store *st)
{
	(void)st;
	if (guard_same(&word))
		return 1;
	if (!guard_take(&word))
		return 2;
	guard_done(&word);
	return guard_same(&word) && !guard_take(&word) ? 0 : 3;
}

static void
guard_of(const struct hook *h, const char *where)
{
	NEED(guard_init(&word, h, NULL) == 0, "a guard %s", where);
	T(word.page != NULL, "with a page of its own");
	T(guard_same(&word) && !guard_take(&word), "this process is the same");
	T(child_says(word_says, NULL) == 0, "a child is another, until taken");
	T(guard_same(&word), "the parent hears nothing of that");
	guard_free(&word);
}

static void
test_guard(void)
{
	struct hook plain = { NULL, NULL }, nest = { NULL, NULL };

	nest_open(&nest);
	guard_of(&plain, "by itself");
	guard_of(&nest, "in a nest");
	T(nest_pages(&nest, 4) == NULL && nest_pages(&nest, 3) != NULL,
	    "which has a page less then");
	guard_of(&nest, "in a nest without pages");
	nest_close(&nest);
	/* A kernel without such pages. */
	word.page = NULL;
	word.word = &word.own;
	atomic_store(word.word, (uint32_t)getpid());
	T(guard_same(&word) && child_says(word_says, NULL) == 0 &&
		guard_same(&word),
	    "by process id it is the same");
}

int
main(void)
{
	test_guard();
	test_nested();
	test_handle_nested();
	test_grow_fails();
	test_threads();
	test_handle_threads();
	test_forks();
	test_fork_in_crowd();
	return tap_done();
}
