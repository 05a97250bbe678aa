/*
 * conform.h - what every store must do, as one suite that prints TAP
 *
 *	struct sstate_options o = SSTATE_OPTIONS_INIT;
 *
 *	o.stores = uris;	as for sstate_store_open(): one or several
 *	o.drivers = drivers;	where a driver is not installed
 *	return sstate_conform(&o, 1) != 0;
 *
 * For those who write a store, or trust one: securestate-conform(3).  All of
 * it is here; it stands on <securestate/store.h>, POSIX threads and glibc, so
 * it needs -D_GNU_SOURCE and -pthread.  What it makes is in namespaces of its
 * own and is removed again.  scale divides the counts of the races.
 *
 * Invariant: nothing is asked of a driver that its header does not promise.
 */
#ifndef SECURESTATE_CONFORM_H
#define SECURESTATE_CONFORM_H

#ifndef _GNU_SOURCE
#error "<securestate/conform.h> needs -D_GNU_SOURCE"
#endif

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <securestate/store.h>

/* What was printed so far: a suite may be part of a longer one. */
struct conform_tap {
	unsigned n, bad, skipped;
};

struct conform {
	const struct sstate_options *opts;
	const struct sstate_driver *driver; /* the table behind it */
	struct conform_tap *tap;
	unsigned scale;
	int threads; /* workers are threads: processes do not share it all */
	int forks; /* but a child writes what its parent wrote */
	size_t max_bytes; /* its longest body */
};

#define CONFORM_NS "conform"
#define CONFORM_LIVE INT64_C(4102444800) /* 2100: alive in every test */

/* ---- TAP -------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static int
conform_ok(const struct conform *c, int good, int line, const char *fmt, ...)
{
	va_list ap;

	c->tap->n++;
	printf("%sok %u - ", good ? "" : "not ", c->tap->n);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	if (!good) {
		c->tap->bad++;
		printf("#   failed: conform.h:%d\n", line);
	}
	(void)fflush(stdout);
	return good;
}

static void
conform_skip(const struct conform *c, const char *why)
{
	c->tap->skipped++;
	printf("ok %u # SKIP %s\n", ++c->tap->n, why);
}

#define CONFORM_T(c, cond, ...)                                                \
	conform_ok(c, (cond) ? 1 : 0, __LINE__, __VA_ARGS__)

/* ---- Small helpers ---------------------------------------------------- */

static uint64_t
conform_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Uniform, and other for another namespace, as the core makes them. */
static struct sstate_key
conform_key(const char *ns, uint64_t n)
{
	struct sstate_key k;
	uint64_t h = conform_mix(n);
	size_t i;

	for (i = 0; ns[i] != '\0'; i++)
		h = conform_mix(h ^ (unsigned char)ns[i]);
	for (i = 0; i < sizeof(k.id); i++) {
		if (i % 8 == 0)
			h = conform_mix(h);
		k.id[i] = (unsigned char)(h >> (8 * (i % 8)));
	}
	k.ns = ns;
	return k;
}

static void
conform_tag(unsigned char *tag, uint64_t n)
{
	uint64_t h = 0;
	size_t i;

	for (i = 0; i < SSTATE_TAG_BYTES; i++) {
		if (i % 8 == 0)
			h = conform_mix(n + i);
		tag[i] = (unsigned char)(h >> (8 * (i % 8)));
	}
}

static void
conform_fill(char *p, size_t n, uint64_t seed)
{
	uint64_t h = seed;
	size_t i;

	for (i = 0; i < n; i++) {
		if (i % 8 == 0)
			h = conform_mix(h);
		p[i] = (char)(h >> (8 * (i % 8)));
	}
}

static struct sstate_record
conform_rec(const char *body, size_t len, int64_t expires, uint64_t rev)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = body;
	r.body.len = len;
	r.expires = expires;
	r.rev = rev;
	return r;
}

/* What found was handed, copied. */
struct conform_seen {
	struct sstate_record rec;
	char *body;
	int calls, ret;
};

static int
conform_found(void *arg, const struct sstate_record *rec)
{
	struct conform_seen *s = (struct conform_seen *)arg;

	s->calls++;
	s->rec = *rec;
	free(s->body);
	s->body = (char *)malloc(rec->body.len + 1);
	if (s->body == NULL)
		abort();
	memcpy(s->body, rec->body.ptr, rec->body.len);
	s->rec.body.ptr = s->body;
	return s->ret;
}

static int
conform_get(struct conform_seen *s, const struct conform *c, void *ctx,
    const struct sstate_key *key)
{
	struct sstate_error err = { 0, 0, "" };
	int r;

	free(s->body);
	memset(s, 0, sizeof(*s));
	r = c->driver->get(ctx, key, conform_found, s, &err);
	if (r != 0 && r != SSTATE_ENOTFOUND)
		printf("# get: %d: %s\n", r, err.text);
	return r;
}

/* Is this what is stored there? */
static int
conform_is(const struct conform *c, void *ctx, const struct sstate_key *key,
    const struct sstate_record *want)
{
	struct conform_seen s;
	int good;

	memset(&s, 0, sizeof(s));
	good = conform_get(&s, c, ctx, key) == 0 && want->body.ptr != NULL &&
	    s.calls == 1 && s.rec.body.len == want->body.len &&
	    s.rec.rev == want->rev && s.rec.expires == want->expires &&
	    memcmp(s.body, want->body.ptr, want->body.len) == 0 &&
	    memcmp(s.rec.tag, want->tag, sizeof(want->tag)) == 0;
	free(s.body);
	return good;
}

static int
conform_gone(const struct conform *c, void *ctx, const struct sstate_key *key)
{
	struct conform_seen s;
	int good;

	memset(&s, 0, sizeof(s));
	good = conform_get(&s, c, ctx, key) == SSTATE_ENOTFOUND && s.calls == 0;
	free(s.body);
	return good;
}

static struct sstate_store *
conform_open(const struct conform *c, void **ctx)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	int r;

	*ctx = NULL;
	if ((r = sstate_store_open(&s, c->opts, &err)) != 0) {
		printf("# open: %d: %s\n", r, err.text);
		return NULL;
	}
	(void)sstate_store_driver(s, ctx);
	return s;
}

static unsigned
conform_scaled(const struct conform *c, unsigned n)
{
	n /= c->scale > 1 ? c->scale : 1;
	return n > 0 ? n : 1;
}

/* ---- Workers ---------------------------------------------------------- */

enum { CONFORM_WORKERS = 4 };

/* Shared by all workers, processes too. */
#define CONFORM_INC(p) __atomic_fetch_add(p, 1u, __ATOMIC_SEQ_CST)
#define CONFORM_LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define CONFORM_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

struct conform_board {
	unsigned arrived, bad, done, stop;
	uint64_t acked;
};

struct conform_work {
	const struct conform *c;
	struct conform_board *board;
	void (*fn)(struct conform_work *w, void *ctx);
	unsigned me, n;
};

static struct conform_board *
conform_new_board(void)
{
	void *p = mmap(NULL, sizeof(struct conform_board),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	memset(p, 0, sizeof(struct conform_board));
	return (struct conform_board *)p;
}

static void
conform_bad(struct conform_work *w, const char *what, int r,
    const struct sstate_error *err)
{
	if (CONFORM_INC(&w->board->bad) == 0) {
		printf("# worker %u: %s: %d: %s\n", w->me, what, r,
		    err != NULL ? err->text : "");
		(void)fflush(stdout);
	}
}

static void *
conform_run(void *arg)
{
	struct conform_work *w = (struct conform_work *)arg;
	struct sstate_store *s;
	void *ctx;

	if ((s = conform_open(w->c, &ctx)) == NULL) {
		CONFORM_INC(&w->board->bad);
		return NULL;
	}
	w->fn(w, ctx);
	sstate_store_close(s);
	return NULL;
}

/* n workers, each with a context of its own; true if none complained. */
static int
conform_crowd(const struct conform *c, unsigned n,
    void (*fn)(struct conform_work *w, void *ctx))
{
	struct conform_board *b = conform_new_board();
	struct conform_work w[CONFORM_WORKERS];
	pthread_t t[CONFORM_WORKERS];
	pid_t pid[CONFORM_WORKERS];
	unsigned i;
	int good, status;

	for (i = 0; i < n; i++) {
		w[i].c = c;
		w[i].board = b;
		w[i].fn = fn;
		w[i].me = i;
		w[i].n = n;
		if (c->threads) {
			if (pthread_create(&t[i], NULL, conform_run, &w[i]))
				abort();
			continue;
		}
		(void)fflush(stdout);
		if ((pid[i] = fork()) < 0)
			abort();
		if (pid[i] == 0) {
			(void)conform_run(&w[i]);
			_exit(0);
		}
	}
	for (i = 0; i < n; i++)
		if (c->threads)
			(void)pthread_join(t[i], NULL);
		else if (waitpid(pid[i], &status, 0) != pid[i] || status != 0)
			CONFORM_INC(&b->bad);
	good = CONFORM_LOAD(&b->bad) == 0;
	(void)munmap(b, sizeof(*b));
	return good;
}

/* All workers come here before one goes on; round counts from 1. */
static void
conform_meet(struct conform_work *w, unsigned round)
{
	CONFORM_INC(&w->board->arrived);
	while (CONFORM_LOAD(&w->board->arrived) < w->n * round)
		(void)sched_yield();
}

/* ---- One record ------------------------------------------------------- */

static void
conform_nothing(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 2);

	CONFORM_T(c, conform_gone(c, ctx, &k),
	    "get of nothing is ENOTFOUND, found waits");
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, 1, &rec, NULL) == SSTATE_ENOTFOUND,
	    "R-26 replace of nothing is ENOTFOUND: there is no upsert");
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, SSTATE_ANY_REV, &rec, NULL) ==
		SSTATE_ENOTFOUND,
	    "R-26 nor with any revision");
	CONFORM_T(c,
	    c->driver->remove(ctx, &k, 1, NULL) == 0 &&
		c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0,
	    "nothing to remove is no error");
	CONFORM_T(c, conform_gone(c, ctx, &k),
	    "and none of these made a record");
}

static void
conform_bodies(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 2);
	struct sstate_record rec;
	char all[256], one;
	unsigned i, wrong = 0;

	for (i = 0; i < 256; i++)
		all[i] = (char)i;
	rec = conform_rec(all, sizeof(all), CONFORM_LIVE, 1);
	CONFORM_T(c,
	    c->driver->create(ctx, &k, &rec, NULL) == 0 &&
		conform_is(c, ctx, &k, &rec),
	    "a body with every byte comes back");
	for (i = 0; i < 256; i++) {
		one = (char)i;
		rec = conform_rec(&one, 1, CONFORM_LIVE, i + 2);
		if (c->driver->replace(ctx, &k, i + 1, &rec, NULL) != 0 ||
		    !conform_is(c, ctx, &k, &rec))
			wrong++;
	}
	CONFORM_T(c, wrong == 0, "each byte alone, %u wrong", wrong);
	CONFORM_T(c,
	    c->driver->remove(ctx, &k, 257, NULL) == 0 &&
		conform_gone(c, ctx, &k),
	    "removed by its revision");
}

/* stored whole or refused, at the sizes where columns end. */
static void
conform_sizes(const struct conform *c, void *ctx)
{
	const size_t max = c->max_bytes;
	const size_t size[] = { 1, 254, 255, 256, 257, 4095, 4096, 4097, 65534,
		65535, 65536, 65537, 131072, 1, max, 3, max + 1 };
	struct sstate_key k = conform_key(CONFORM_NS, 3), k2;
	struct sstate_record rec, had;
	struct sstate_error err = { 0, 0, "" };
	char *p = (char *)malloc(max + 1), *q = (char *)malloc(max + 1);
	uint64_t rev = 0;
	size_t i;
	int r;

	if (p == NULL || q == NULL)
		abort();
	memset(&had, 0, sizeof(had));
	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		k2 = conform_key(CONFORM_NS, 300 + i);
		conform_fill(p, size[i], size[i]);
		rec = conform_rec(p, size[i], CONFORM_LIVE, rev + 1);
		r = rev == 0 ? c->driver->create(ctx, &k, &rec, &err)
			     : c->driver->replace(ctx, &k, rev, &rec, &err);
		if (r == 0) {
			rev++;
			CONFORM_T(c, conform_is(c, ctx, &k, &rec),
			    "R-98 %zu bytes replace others, whole", size[i]);
			memcpy(q, p, size[i]);
			had = rec;
			had.body.ptr = q;
		} else {
			CONFORM_T(c,
			    size[i] > max && r == SSTATE_ETOOBIG &&
				conform_is(c, ctx, &k, &had),
			    "R-98 %zu bytes are ETOOBIG (%d), the old stands",
			    size[i], r);
		}
		rec.rev = 1;
		r = c->driver->create(ctx, &k2, &rec, &err);
		CONFORM_T(c,
		    r == 0 ? conform_is(c, ctx, &k2, &rec)
			   : (size[i] > max && r == SSTATE_ETOOBIG &&
				 conform_gone(c, ctx, &k2)),
		    "R-98 %zu bytes are created whole, or refused (%d)",
		    size[i], r);
		(void)c->driver->remove(ctx, &k2, 1, NULL);
	}
	CONFORM_T(c, c->driver->remove(ctx, &k, rev, NULL) == 0, "and removed");
	free(p);
	free(q);
}

static void
conform_create(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 4);
	struct sstate_record a = conform_rec("first", 5, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("second", 6, CONFORM_LIVE, 1);

	CONFORM_T(c, c->driver->create(ctx, &k, &a, NULL) == 0, "create");
	CONFORM_T(c,
	    c->driver->create(ctx, &k, &b, NULL) == SSTATE_EEXIST &&
		conform_is(c, ctx, &k, &a),
	    "R-26 create twice is EEXIST");
	CONFORM_T(c, c->driver->create(ctx, &k, &a, NULL) == SSTATE_EEXIST,
	    "R-26 with the same body, too");
	CONFORM_T(c, c->driver->remove(ctx, &k, 1, NULL) == 0, "removed");
}

static void
conform_replace(const struct conform *c, void *ctx)
{
	static const uint64_t wrong[] = { 0, 1, 4, 6, UINT64_C(1) << 32 | 5,
		UINT64_MAX - 1, SSTATE_ANY_REV };
	struct sstate_key k = conform_key(CONFORM_NS, 5);
	struct sstate_record a = conform_rec("stands", 6, CONFORM_LIVE, 5);
	struct sstate_record b = conform_rec("not", 3, CONFORM_LIVE + 1, 6);
	size_t i;
	int r;

	CONFORM_T(c, c->driver->create(ctx, &k, &a, NULL) == 0,
	    "create at revision 5");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		r = c->driver->replace(ctx, &k, wrong[i], &b, NULL);
		CONFORM_T(c,
		    r == SSTATE_ECONFLICT && conform_is(c, ctx, &k, &a),
		    "R-33 replace expecting %llu: ECONFLICT (%d), unchanged",
		    (unsigned long long)wrong[i], r);
	}
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, 5, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "R-33 replace expecting 5");
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, 5, &a, NULL) == SSTATE_ECONFLICT &&
		conform_is(c, ctx, &k, &b),
	    "R-33 and not a second time");
	b.rev = UINT64_C(0x123456789abcdef0);
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, 6, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "a revision keeps its 64 bits");
	CONFORM_T(c, c->driver->remove(ctx, &k, b.rev, NULL) == 0, "removed");
}

static void
conform_remove(const struct conform *c, void *ctx)
{
	static const uint64_t wrong[] = { 0, 4, 6, UINT64_MAX - 1 };
	struct sstate_key k = conform_key(CONFORM_NS, 6);
	struct sstate_record a = conform_rec("stands", 6, CONFORM_LIVE, 5);
	struct sstate_record b = conform_rec("again", 5, CONFORM_LIVE, 9);
	size_t i;

	CONFORM_T(c, c->driver->create(ctx, &k, &a, NULL) == 0,
	    "create at revision 5");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CONFORM_T(c,
		    c->driver->remove(ctx, &k, wrong[i], NULL) ==
			    SSTATE_ECONFLICT &&
			conform_is(c, ctx, &k, &a),
		    "R-33 remove expecting %llu: ECONFLICT, unchanged",
		    (unsigned long long)wrong[i]);
	CONFORM_T(c,
	    c->driver->remove(ctx, &k, 5, NULL) == 0 &&
		conform_gone(c, ctx, &k),
	    "remove expecting 5");
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, 5, &b, NULL) == SSTATE_ENOTFOUND &&
		conform_gone(c, ctx, &k),
	    "R-26 replace after it: ENOTFOUND");
	CONFORM_T(c,
	    c->driver->create(ctx, &k, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "the key can be created again");
	CONFORM_T(c,
	    c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0 &&
		conform_gone(c, ctx, &k),
	    "remove at any revision");
}

/* The store keeps what it is told; it is the core that looks at a clock. */
static void
conform_expires(const struct conform *c, void *ctx)
{
	static const int64_t when[] = { CONFORM_LIVE, CONFORM_LIVE + 1, 1, 2, 0,
		1000000000, 2147483647, 2147483648, 4294967296, 253402300799 };
	struct sstate_key k = conform_key(CONFORM_NS, 7);
	struct sstate_record rec = conform_rec("t", 1, CONFORM_LIVE, 1);
	size_t i;

	CONFORM_T(c, c->driver->create(ctx, &k, &rec, NULL) == 0, "create");
	for (i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		if ((c->driver->caps & SSTATE_CAP_EXPIRE) != 0 && when[i] > 0 &&
		    when[i] < CONFORM_LIVE)
			continue; /* it forgets by itself */
		rec.expires = when[i];
		rec.rev++;
		CONFORM_T(c,
		    c->driver->replace(ctx, &k, rec.rev - 1, &rec, NULL) == 0 &&
			conform_is(c, ctx, &k, &rec),
		    "expires %lld comes back to the second, reaped or not",
		    (long long)when[i]);
	}
	CONFORM_T(c, c->driver->remove(ctx, &k, rec.rev, NULL) == 0, "removed");
}

static void
conform_passes(const struct conform *c, void *ctx)
{
	static const int said[] = { 7, SSTATE_EAUTH, SSTATE_ENOTFOUND };
	struct sstate_key k = conform_key(CONFORM_NS, 8);
	struct sstate_record rec = conform_rec("v", 1, CONFORM_LIVE, 1);
	struct conform_seen s;
	size_t i;

	CONFORM_T(c, c->driver->create(ctx, &k, &rec, NULL) == 0, "create");
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		memset(&s, 0, sizeof(s));
		s.ret = said[i];
		CONFORM_T(c,
		    c->driver->get(ctx, &k, conform_found, &s, NULL) ==
			    said[i] &&
			s.calls == 1,
		    "get returns what found returned (%d), called once",
		    said[i]);
		free(s.body);
	}
	CONFORM_T(c, c->driver->remove(ctx, &k, 1, NULL) == 0, "removed");
}

static void
conform_contexts(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 9);
	struct sstate_record a = conform_rec("one", 3, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("two", 3, CONFORM_LIVE, 2);
	struct sstate_store *s;
	void *other;

	if (!CONFORM_T(c, (s = conform_open(c, &other)) != NULL,
		"a second context opens"))
		return;
	CONFORM_T(c,
	    c->driver->create(ctx, &k, &a, NULL) == 0 &&
		conform_is(c, other, &k, &a),
	    "I1 one writes, the other reads");
	CONFORM_T(c,
	    c->driver->replace(other, &k, 1, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "I1 and back");
	CONFORM_T(c,
	    c->driver->replace(ctx, &k, 1, &a, NULL) == SSTATE_ECONFLICT,
	    "R-33 what one has read is stale now");
	CONFORM_T(c,
	    c->driver->remove(ctx, &k, 2, NULL) == 0 &&
		conform_gone(c, other, &k),
	    "I1 what one removes the other misses");
	sstate_store_close(s);
}

/* ---- Many records ----------------------------------------------------- */

struct conform_list {
	struct sstate_key want[64];
	unsigned seen[64], n, strange, stop_after, calls;
	const unsigned char *tag;
	int ret;
};

static int
conform_each(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct conform_list *l = (struct conform_list *)arg;
	unsigned i;

	l->calls++;
	for (i = 0; i < l->n; i++)
		if (memcmp(key->id, l->want[i].id, sizeof(key->id)) == 0)
			break;
	if (i == l->n || strcmp(key->ns, l->want[i].ns) != 0 ||
	    rec->body.len != 4 || memcmp(rec->body.ptr, "body", 4) != 0 ||
	    (l->tag != NULL && memcmp(l->tag, rec->tag, SSTATE_TAG_BYTES) != 0))
		l->strange++;
	else
		l->seen[i]++;
	return l->stop_after != 0 && l->calls == l->stop_after ? l->ret : 0;
}

static int
conform_lists(const struct conform *c, void *ctx, const char *ns,
    struct conform_list *l)
{
	struct sstate_error err = { 0, 0, "" };
	unsigned i;
	int r;

	memset(l->seen, 0, sizeof(l->seen));
	l->strange = l->calls = 0;
	r = c->driver->each(ctx, ns, l->tag, conform_each, l, &err);
	if (r != 0)
		printf("# each: %d: %s\n", r, err.text);
	for (i = 0; i < l->n; i++)
		if (l->seen[i] != 1)
			return 0;
	return r == 0 && l->strange == 0;
}

/* 12 of one namespace (4 his, 3 hers), 5 of another with his tag. */
static void
conform_listing(const struct conform *c, void *ctx)
{
	static const char ns1[] = "Conf.A-1", ns2[] = "conf.a-1";
	static struct conform_list l;
	unsigned char his[SSTATE_TAG_BYTES], hers[SSTATE_TAG_BYTES];
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	struct sstate_key k[17];
	unsigned i;

	if (c->driver->each == NULL) {
		conform_skip(c,
		    "each: no such slot: sessions cannot be listed");
		return;
	}
	conform_tag(his, 1);
	conform_tag(hers, 2);
	for (i = 0; i < 17; i++) {
		k[i] = conform_key(i < 12 ? ns1 : ns2, 900 + i % 12);
		memset(rec.tag, 0, sizeof(rec.tag));
		if (i < 4 || i >= 12)
			memcpy(rec.tag, his, sizeof(rec.tag));
		else if (i < 7)
			memcpy(rec.tag, hers, sizeof(rec.tag));
		if (c->driver->create(ctx, &k[i], &rec, NULL) != 0)
			CONFORM_T(c, 0, "create number %u", i);
	}
	memset(&l, 0, sizeof(l));
	memcpy(l.want, k, 12 * sizeof(k[0]));
	l.n = 12;
	CONFORM_T(c, conform_lists(c, ctx, ns1, &l),
	    "each lists a namespace, each once");
	memcpy(l.want, k + 12, 5 * sizeof(k[0]));
	l.n = 5;
	CONFORM_T(c, conform_lists(c, ctx, ns2, &l),
	    "and another, same session ids");
	l.tag = his;
	CONFORM_T(c, conform_lists(c, ctx, ns2, &l), "and a tag of the other");
	memcpy(l.want, k, 4 * sizeof(k[0]));
	l.n = 4;
	CONFORM_T(c, conform_lists(c, ctx, ns1, &l),
	    "each lists a tag's records");
	memcpy(l.want, k + 4, 3 * sizeof(k[0]));
	l.n = 3;
	l.tag = hers;
	CONFORM_T(c, conform_lists(c, ctx, ns1, &l), "and another's");
	l.n = 0;
	CONFORM_T(c, conform_lists(c, ctx, ns2, &l), "who has none has none");
	l.tag = NULL;
	CONFORM_T(c, conform_lists(c, ctx, "conf.b", &l),
	    "an empty namespace is empty");
	memcpy(l.want, k, 12 * sizeof(k[0]));
	l.n = 12;
	memset(l.seen, 0, sizeof(l.seen));
	l.calls = 0;
	l.stop_after = 3;
	l.ret = 5;
	CONFORM_T(c,
	    c->driver->each(ctx, ns1, NULL, conform_each, &l, NULL) == 5 &&
		l.calls == 3,
	    "each stops at the first non-zero and returns it");
	l.stop_after = 0;

	/* A log-in, a change of user, a log-out. */
	rec.rev = 2;
	memcpy(rec.tag, his, sizeof(rec.tag));
	CONFORM_T(c,
	    c->driver->replace(ctx, &k[8], 1, &rec, NULL) == 0 &&
		c->driver->replace(ctx, &k[4], 1, &rec, NULL) == 0 &&
		c->driver->remove(ctx, &k[0], 1, NULL) == 0,
	    "tags change");
	memset(rec.tag, 0, sizeof(rec.tag));
	CONFORM_T(c, c->driver->replace(ctx, &k[1], 1, &rec, NULL) == 0,
	    "one is dropped");
	memcpy(l.want, k + 2, 2 * sizeof(k[0]));
	l.want[2] = k[8];
	l.want[3] = k[4];
	l.n = 4;
	l.tag = his;
	CONFORM_T(c, conform_lists(c, ctx, ns1, &l), "each follows the tags");
	memcpy(l.want, k + 5, 2 * sizeof(k[0]));
	l.n = 2;
	l.tag = hers;
	CONFORM_T(c, conform_lists(c, ctx, ns1, &l),
	    "also away from the old one");
	for (i = 0; i < 17; i++)
		(void)c->driver->remove(ctx, &k[i], SSTATE_ANY_REV, NULL);
	l.n = 0;
	l.tag = NULL;
	CONFORM_T(c,
	    conform_lists(c, ctx, ns1, &l) && conform_lists(c, ctx, ns2, &l),
	    "and all are removed");
}

static void
conform_reap(const struct conform *c, void *ctx)
{
	static const char ns1[] = "reap1", ns2[] = "reap2";
	/* 1000 itself may go or stay: to the core it has expired. */
	static const int64_t when[] = { 500, 998, 998, 999, 1001, 5000,
		CONFORM_LIVE, 0 };
	struct sstate_record rec = conform_rec("r", 1, 0, 1);
	struct sstate_key k, foreign = conform_key(ns2, 1100);
	uint64_t removed = 99;
	unsigned i, wrong = 0;
	int r;

	if (c->driver->reap == NULL ||
	    (c->driver->caps & SSTATE_CAP_EXPIRE) != 0) {
		conform_skip(c, "reap: this store forgets by itself, or never");
		return;
	}
	for (i = 0; i < 80; i++) {
		k = conform_key(ns1, 1000 + i);
		rec.expires = when[i % 8];
		if (c->driver->create(ctx, &k, &rec, NULL) != 0)
			wrong++;
	}
	rec.expires = 500;
	CONFORM_T(c,
	    wrong == 0 && c->driver->create(ctx, &foreign, &rec, NULL) == 0,
	    "80 records, and one elsewhere");
	CONFORM_T(c,
	    c->driver->reap(&removed, ctx, ns1, 100, 1000, NULL) == 0 &&
		removed == 0,
	    "R-32 reap before anything is due removes nothing");
	r = c->driver->reap(&removed, ctx, ns1, 1000, 7, NULL);
	CONFORM_T(c, r == 0 && removed == 7, "reap keeps its limit (%llu)",
	    (unsigned long long)removed);
	r = c->driver->reap(&removed, ctx, ns1, 1000, 1000, NULL);
	CONFORM_T(c, r == 0 && removed == 33, "and takes the rest then (%llu)",
	    (unsigned long long)removed);
	for (i = 0, wrong = 0; i < 80; i++) {
		k = conform_key(ns1, 1000 + i);
		rec.expires = when[i % 8];
		if (i % 8 < 4 ? !conform_gone(c, ctx, &k)
			      : !conform_is(c, ctx, &k, &rec))
			wrong++;
	}
	CONFORM_T(c, wrong == 0,
	    "R-32 at 1000, what expires at 999 went, 1001 and 0 "
	    "stay, %u wrong",
	    wrong);
	rec.expires = 500;
	CONFORM_T(c, conform_is(c, ctx, &foreign, &rec),
	    "R-32 nor is a foreign one gone");
	CONFORM_T(c,
	    c->driver->reap(&removed, ctx, ns1, 1000, 1000, NULL) == 0 &&
		removed == 0,
	    "nothing is left to reap");

	/* Moved away from, and into, the time that is due. */
	k = conform_key(ns1, 1004);
	rec.expires = CONFORM_LIVE;
	rec.rev = 2;
	CONFORM_T(c, c->driver->replace(ctx, &k, 1, &rec, NULL) == 0,
	    "one lives on");
	k = conform_key(ns1, 1006);
	rec.expires = 1000;
	CONFORM_T(c, c->driver->replace(ctx, &k, 1, &rec, NULL) == 0,
	    "one dies sooner");
	r = c->driver->reap(&removed, ctx, ns1, 6000, 1000, NULL);
	CONFORM_T(c, r == 0 && removed == 20,
	    "R-32 reap by the expiry of now: 20 are due (%llu)",
	    (unsigned long long)removed);
	for (i = 0; i < 80; i++) {
		k = conform_key(ns1, 1000 + i);
		(void)c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL);
	}
	CONFORM_T(c,
	    c->driver->reap(&removed, ctx, ns2, 501, 1000, NULL) == 0 &&
		removed == 1 && conform_gone(c, ctx, &foreign),
	    "the other namespace is reaped by its name");
}

/* Of a store in use the clock is not moved on: all times here are past. */
static void
conform_latest(const struct conform *c, void *ctx)
{
	struct sstate_store *s;
	void *other;
	int64_t seen = 0, first;

	if (c->driver->latest == NULL) {
		conform_skip(c,
		    "latest: no such slot: R-23 holds in a process only");
		return;
	}
	if (!CONFORM_T(c, (s = conform_open(c, &other)) != NULL,
		"a second context opens"))
		return;
	/* Minutes apart: a driver need not write at each second. */
	CONFORM_T(c,
	    c->driver->latest(&seen, ctx, 1700001000, NULL) == 0 &&
		seen >= 1700001000,
	    "R-23 the latest time is not before the one handed in");
	first = seen;
	CONFORM_T(c,
	    c->driver->latest(&seen, other, 1700000000, NULL) == 0 &&
		seen >= first - 60,
	    "R-23 a clock that is behind hears so");
	CONFORM_T(c,
	    c->driver->latest(&seen, other, 1700003000, NULL) == 0 &&
		c->driver->latest(&seen, ctx, 1700002000, NULL) == 0 &&
		seen >= 1700003000 - 60 && seen >= first - 60,
	    "R-23 from whoever was latest");
	sstate_store_close(s);
}

/* A store may count a moment later. */
static int
conform_counts(const struct conform *c, void *ctx, const char *ns,
    uint64_t least, uint64_t most)
{
	const struct timespec wait = { 0, 50000000 };
	struct sstate_error err = { 0, 0, "" };
	uint64_t n = 0;
	unsigned i;
	int r;

	for (i = 0; i < 200; i++) {
		if ((r = c->driver->count(&n, ctx, ns, &err)) != 0) {
			printf("# count: %d: %s\n", r, err.text);
			return 0;
		}
		if (n >= least && n <= most)
			return 1;
		(void)nanosleep(&wait, NULL);
	}
	printf("# count: %llu\n", (unsigned long long)n);
	return 0;
}

static void
conform_about(const struct conform *c, void *ctx)
{
	enum { MANY = 300 };
	struct sstate_record rec = conform_rec("n", 1, CONFORM_LIVE, 1);
	struct sstate_key k;
	uint64_t had = 0, off;
	unsigned i, bad = 0;

	if (c->driver->size <= offsetof(struct sstate_driver, count) ||
	    c->driver->count == NULL) {
		conform_skip(c, "count: no such slot: no max_records=");
		return;
	}
	CONFORM_T(c, c->driver->count(&had, ctx, "counted", NULL) == 0,
	    "count: %llu before", (unsigned long long)had);
	for (i = 0; i < MANY; i++) {
		k = conform_key("counted", i);
		bad += c->driver->create(ctx, &k, &rec, NULL) != 0;
	}
	/* A tenth of all, and of what was there, for which it may be off. */
	off = MANY / 10 + had / 5;
	CONFORM_T(c,
	    bad == 0 &&
		conform_counts(c, ctx, "counted", had + MANY - off,
		    had + MANY + off),
	    "count: about %d more", (int)MANY);
	for (i = 0; i < MANY; i++) {
		k = conform_key("counted", i);
		bad += c->driver->remove(ctx, &k, 1, NULL) != 0;
	}
	CONFORM_T(c,
	    bad == 0 &&
		conform_counts(c, ctx, "counted", had > off ? had - off : 0,
		    had + off),
	    "count: and less again");
}

/* ---- Races ------------------------------------------------------------ */

static void
conform_count(struct conform_work *w, void *ctx)
{
	const struct sstate_driver *d = w->c->driver;
	struct sstate_key k = conform_key(CONFORM_NS, 20);
	unsigned n = conform_scaled(w->c, 100000) / w->n, i;
	struct sstate_error err = { 0, 0, "" };
	struct conform_seen s;
	struct sstate_record rec;
	char body[24];
	uint64_t v;
	int r;

	memset(&s, 0, sizeof(s));
	for (i = 0; i < n;) {
		if ((r = conform_get(&s, w->c, ctx, &k)) != 0 ||
		    s.rec.body.len != sizeof(body)) {
			conform_bad(w, "get", r, NULL);
			break;
		}
		memcpy(body, s.body, sizeof(body));
		memcpy(&v, body, sizeof(v));
		v++;
		memcpy(body, &v, sizeof(v));
		rec = conform_rec(body, sizeof(body), CONFORM_LIVE,
		    s.rec.rev + 1);
		r = d->replace(ctx, &k, s.rec.rev, &rec, &err);
		if (r == 0) {
			i++;
		} else if (r != SSTATE_ECONFLICT) {
			conform_bad(w, "replace", r, &err);
			break;
		}
	}
	free(s.body);
}

static void
conform_counter(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 20);
	char body[24] = "";
	struct sstate_record rec =
	    conform_rec(body, sizeof(body), CONFORM_LIVE, 1);
	unsigned n =
	    conform_scaled(c, 100000) / CONFORM_WORKERS * CONFORM_WORKERS;
	struct conform_seen s;
	uint64_t v = 0;

	memset(&s, 0, sizeof(s));
	CONFORM_T(c, c->driver->create(ctx, &k, &rec, NULL) == 0,
	    "create a counter");
	CONFORM_T(c, conform_crowd(c, CONFORM_WORKERS, conform_count),
	    "R-34 %d workers add to it until each is through", CONFORM_WORKERS);
	if (conform_get(&s, c, ctx, &k) == 0)
		memcpy(&v, s.body, sizeof(v));
	CONFORM_T(c, v == n && s.rec.rev == n + 1u,
	    "R-33 %u increments, none lost (%llu)", n, (unsigned long long)v);
	free(s.body);
	CONFORM_T(c, c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0,
	    "removed");
}

/* One removes, one replaces; then both look. */
static void
conform_duel(struct conform_work *w, void *ctx)
{
	const struct sstate_driver *d = w->c->driver;
	unsigned rounds = conform_scaled(w->c, 10000), i, meet = 0;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_record rec;
	struct sstate_key k;
	uint64_t rev;
	int r;

	for (i = 0; i < rounds; i++) {
		k = conform_key(CONFORM_NS, 100000 + i);
		if (w->me == 0) {
			rec = conform_rec("born", 4, CONFORM_LIVE, 1);
			if ((r = d->create(ctx, &k, &rec, &err)) != 0)
				conform_bad(w, "create", r, &err);
		}
		conform_meet(w, ++meet);
		if (w->me == 0) {
			if (i % 3 == 0)
				(void)sched_yield();
			r = d->remove(ctx, &k, SSTATE_ANY_REV, &err);
			if (r != 0)
				conform_bad(w, "remove", r, &err);
		} else {
			for (rev = 1, r = 0; r == 0 && rev < 100; rev++) {
				rec = conform_rec("slow", 4, CONFORM_LIVE,
				    rev + 1);
				r = d->replace(ctx, &k, rev, &rec, &err);
			}
			if (r != SSTATE_ENOTFOUND && r != 0)
				conform_bad(w, "replace", r, &err);
		}
		conform_meet(w, ++meet);
		if (!conform_gone(w->c, ctx, &k))
			conform_bad(w, "it is back", 0, NULL);
		if (CONFORM_LOAD(&w->board->bad) != 0)
			CONFORM_STORE(&w->board->stop, 1);
		conform_meet(w, ++meet);
		if (CONFORM_LOAD(&w->board->stop) != 0)
			break;
	}
}

/* a record that was renewed in time is never reaped. */
static void
conform_renew(struct conform_work *w, void *ctx)
{
	const struct sstate_driver *d = w->c->driver;
	unsigned rounds = conform_scaled(w->c, 1000), i, meet = 0;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_record rec;
	struct sstate_key k;
	uint64_t removed;
	int r;

	for (i = 0; i < rounds; i++) {
		k = conform_key(CONFORM_NS, 200000 + i);
		if (w->me == 0) {
			rec =
			    conform_rec("due", 3, 1000 + (int64_t)(i % 64), 1);
			if ((r = d->create(ctx, &k, &rec, &err)) != 0)
				conform_bad(w, "create", r, &err);
		}
		conform_meet(w, ++meet);
		if (w->me == 0) {
			rec = conform_rec("renewed", 7, CONFORM_LIVE, 2);
			r = d->replace(ctx, &k, 1, &rec, &err);
			if (r == 0 ? !conform_is(w->c, ctx, &k, &rec)
				   : r != SSTATE_ENOTFOUND)
				conform_bad(w, "a live one was reaped", r,
				    &err);
		} else if ((r = d->reap(&removed, ctx, CONFORM_NS, 100000, 100,
				&err)) != 0) {
			conform_bad(w, "reap", r, &err);
		}
		conform_meet(w, ++meet);
		if (w->me == 0) {
			rec = conform_rec("renewed", 7, CONFORM_LIVE, 2);
			if (!conform_is(w->c, ctx, &k, &rec) &&
			    !conform_gone(w->c, ctx, &k))
				conform_bad(w, "neither new nor gone", 0, NULL);
			(void)d->remove(ctx, &k, SSTATE_ANY_REV, NULL);
		}
	}
}

static void
conform_races(const struct conform *c, void *ctx)
{
	conform_counter(c, ctx);
	CONFORM_T(c, conform_crowd(c, 2, conform_duel),
	    "R-26 remove against replace, %u races: never back",
	    conform_scaled(c, 10000));
	if (c->driver->reap != NULL &&
	    (c->driver->caps & SSTATE_CAP_EXPIRE) == 0)
		CONFORM_T(c, conform_crowd(c, 2, conform_renew),
		    "R-32 reap against renewal, %u races: no live one goes",
		    conform_scaled(c, 1000));
	else
		conform_skip(c,
		    "reap against renewal: this store is not reaped");
}

/* ---- Processes -------------------------------------------------------- */

static void
conform_forked(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 30);
	struct sstate_record a = conform_rec("before", 6, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("child", 5, CONFORM_LIVE, 2);
	struct sstate_record p = conform_rec("parent", 6, CONFORM_LIVE, 3);
	struct sstate_store *s;
	void *mine;
	pid_t pid;
	int status = -1, good;

	if (c->driver->abandon == NULL) {
		conform_skip(c,
		    "abandon: no such slot: not of use after a fork");
		return;
	}
	CONFORM_T(c, c->driver->create(ctx, &k, &a, NULL) == 0,
	    "create before a fork");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		c->driver->abandon(ctx);
		s = conform_open(c, &mine);
		good = s != NULL && conform_is(c, mine, &k, &a) &&
		    c->driver->replace(mine, &k, 1, &b, NULL) == 0 &&
		    conform_is(c, mine, &k, &b);
		sstate_store_close(s);
		_exit(good ? 0 : 1);
	}
	CONFORM_T(c, pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a child abandons, opens anew, reads and writes");
	if (c->threads && !c->forks) {
		CONFORM_T(c, conform_is(c, ctx, &k, &a),
		    "the parent keeps its own");
		CONFORM_T(c, c->driver->replace(ctx, &k, 1, &p, NULL) == 0,
		    "and writes");
	} else {
		CONFORM_T(c, conform_is(c, ctx, &k, &b),
		    "the parent sees what it wrote");
		CONFORM_T(c, c->driver->replace(ctx, &k, 2, &p, NULL) == 0,
		    "and writes");
	}
	CONFORM_T(c,
	    conform_is(c, ctx, &k, &p) &&
		c->driver->remove(ctx, &k, 3, NULL) == 0,
	    "and removes");
}

static size_t
conform_kill_size(uint64_t rev)
{
	return 40 + (size_t)(conform_mix(rev) % 6000);
}

/* Write until killed; each write that was answered is on the board. */
static void
conform_writer(const struct conform *c, struct conform_board *b, uint64_t rev)
{
	struct sstate_key k = conform_key(CONFORM_NS, 31);
	struct sstate_record rec;
	struct conform_seen s;
	char body[8192];
	void *ctx;
	int r, first = 1;

	memset(&s, 0, sizeof(s));
	(void)conform_open(c, &ctx);
	while (ctx != NULL) {
		rev++;
		conform_fill(body, conform_kill_size(rev), rev);
		rec = conform_rec(body, conform_kill_size(rev), CONFORM_LIVE,
		    rev);
		r = c->driver->replace(ctx, &k, rev - 1, &rec, NULL);
		/* What the one before was killed in may come to pass late. */
		if (r == SSTATE_ECONFLICT && first &&
		    conform_get(&s, c, ctx, &k) == 0 && s.rec.rev == rev)
			continue;
		if (r != 0)
			break;
		first = 0;
		CONFORM_STORE(&b->acked, rev);
	}
	_exit(1);
}

static int
conform_kill_once(const struct conform *c, void *ctx, struct conform_board *b,
    unsigned round)
{
	struct sstate_key k = conform_key(CONFORM_NS, 31);
	uint64_t from = CONFORM_LOAD(&b->acked), acked;
	struct conform_seen s;
	char body[8192];
	unsigned spin;
	int status, good;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		conform_writer(c, b, from);
	while (CONFORM_LOAD(&b->acked) < from + 3 + round % 5 &&
	    waitpid(pid, &status, WNOHANG) == 0)
		(void)sched_yield();
	for (spin = 0; spin < conform_mix(round) % 20000; spin++)
		CONFORM_INC(&b->done);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	acked = CONFORM_LOAD(&b->acked);
	memset(&s, 0, sizeof(s));
	good = conform_get(&s, c, ctx, &k) == 0 && acked >= from + 3 &&
	    (s.rec.rev == acked || s.rec.rev == acked + 1);
	if (good) {
		conform_fill(body, conform_kill_size(s.rec.rev), s.rec.rev);
		good = s.rec.body.len == conform_kill_size(s.rec.rev) &&
		    memcmp(s.body, body, s.rec.body.len) == 0;
	}
	if (!good)
		printf("# round %u: answered %llu, read %llu\n", round,
		    (unsigned long long)acked, (unsigned long long)s.rec.rev);
	CONFORM_STORE(&b->acked, s.rec.rev);
	free(s.body);
	return good;
}

static void
conform_killed(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 31);
	struct conform_board *b;
	struct sstate_record rec;
	unsigned i, rounds = conform_scaled(c, 40), wrong = 0;
	char body[8192];

	if (c->threads) {
		conform_skip(c, "kill -9: this store dies with its process");
		return;
	}
	b = conform_new_board();
	conform_fill(body, conform_kill_size(1), 1);
	rec = conform_rec(body, conform_kill_size(1), CONFORM_LIVE, 1);
	CONFORM_T(c, c->driver->create(ctx, &k, &rec, NULL) == 0, "create");
	CONFORM_STORE(&b->acked, 1);
	for (i = 0; i < rounds && wrong == 0; i++)
		wrong += !conform_kill_once(c, ctx, b, i);
	CONFORM_T(c, wrong == 0,
	    "I1 kill -9 during a write, %u times: what was "
	    "answered is there, whole",
	    i);
	CONFORM_T(c,
	    c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0 &&
		conform_gone(c, ctx, &k),
	    "and can be removed");
	(void)munmap(b, sizeof(*b));
}

static unsigned
conform_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static int
conform_open_close(const struct conform *c, unsigned n)
{
	struct sstate_key k = conform_key(CONFORM_NS, 32);
	struct sstate_record rec = conform_rec("leak", 4, CONFORM_LIVE, 1);
	struct sstate_store *s;
	void *ctx;
	unsigned i;

	for (i = 0; i < n; i++) {
		if ((s = conform_open(c, &ctx)) == NULL)
			return 0;
		if (i % 50 == 0 &&
		    (c->driver->create(ctx, &k, &rec, NULL) ||
			!conform_is(c, ctx, &k, &rec) ||
			c->driver->remove(ctx, &k, 1, NULL) != 0))
			return 0;
		sstate_store_close(s);
	}
	return 1;
}

/* What an allocator puts aside comes once, a leak (16 bytes) each time. */
static void
conform_leaks(const struct conform *c, void *ctx)
{
	size_t bytes, after = 0;
	unsigned fds, i;

	(void)ctx;
	CONFORM_T(c, conform_open_close(c, 60), "opened and closed 60 times");
	fds = conform_fds();
	for (i = 0; i < 3; i++) {
		bytes = mallinfo2().uordblks;
		if (!CONFORM_T(c, conform_open_close(c, 1000), "1,000 times"))
			return;
		after = mallinfo2().uordblks;
		if (after < bytes + 8192)
			break;
	}
	CONFORM_T(c, conform_fds() == fds, "1,000 opens leak no descriptor");
	CONFORM_T(c, i < 3, "1,000 opens leak no memory (%zu, %zu)", bytes,
	    after);
}

/* ---- Answers that are lost -------------------------------------------- */

/*
 * The store under another scheme, by a driver that forgets to say that each
 * third write was done: what a network does.  Above it sessions count.
 */
struct conform_lossy {
	const struct sstate_options *opts;
	unsigned writes, lost;
};

struct conform_lossy_ctx {
	struct conform_lossy *l;
	const struct sstate_driver *d;
	struct sstate_store *s;
	void *ctx;
};

static int
conform_lossy_open(void **ctx, struct sstate_conf *conf,
    struct sstate_error *err)
{
	struct conform_lossy_ctx *x;
	int r;

	*ctx = NULL;
	if ((x = (struct conform_lossy_ctx *)calloc(1, sizeof(*x))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "lossy: open");
	x->l = (struct conform_lossy *)sstate_conf_handle(conf);
	if ((r = sstate_store_open(&x->s, x->l->opts, err)) != 0) {
		free(x);
		return r;
	}
	x->d = sstate_store_driver(x->s, &x->ctx);
	*ctx = x;
	return 0;
}

static void
conform_lossy_close(void *ctx)
{
	struct conform_lossy_ctx *x = (struct conform_lossy_ctx *)ctx;

	sstate_store_close(x->s);
	free(x);
}

static int
conform_lossy_get(void *ctx, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err)
{
	struct conform_lossy_ctx *x = (struct conform_lossy_ctx *)ctx;

	return x->d->get(x->ctx, key, found, arg, err);
}

static int
conform_lossy_answer(struct conform_lossy_ctx *x, int r,
    struct sstate_error *err)
{
	if (r != 0 || ++x->l->writes % 3 != 0)
		return r;
	x->l->lost++;
	return sstate_fail(err, SSTATE_ESTORE, 0, "lossy: no answer");
}

static int
conform_lossy_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct conform_lossy_ctx *x = (struct conform_lossy_ctx *)ctx;

	return conform_lossy_answer(x, x->d->create(x->ctx, key, rec, err),
	    err);
}

static int
conform_lossy_replace(void *ctx, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec,
    struct sstate_error *err)
{
	struct conform_lossy_ctx *x = (struct conform_lossy_ctx *)ctx;

	return conform_lossy_answer(x,
	    x->d->replace(x->ctx, key, expected, rec, err), err);
}

static int
conform_lossy_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct conform_lossy_ctx *x = (struct conform_lossy_ctx *)ctx;

	return conform_lossy_answer(x, x->d->remove(x->ctx, key, expected, err),
	    err);
}

/* One request: begin by the token, add 1, commit until it is answered. */
static int
conform_visit(struct sstate *env, char *token, size_t size)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	const char *t;
	int r, tries;

	web.token.ptr = token;
	web.token.len = strlen(token);
	how.flags = token[0] != '\0' ? SSTATE_MUST_EXIST : 0;
	if ((r = sstate_begin(&s, env, &how, &web, NULL)) != 0)
		return r;
	(void)sstate_incr(NULL, s, "visits", 1);
	for (tries = 0; tries < 9; tries++)
		if ((r = sstate_commit(s)) != SSTATE_ESTORE)
			break;
	if (r == 0 && (t = sstate_token(s)) != NULL)
		(void)snprintf(token, size, "%s", t);
	sstate_free(s);
	return r;
}

/* How many there were; ended besides.  Negative: an error. */
static int64_t
conform_farewell(struct sstate *env, const char *token)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	int64_t n;
	int r, tries;

	web.token.ptr = token;
	web.token.len = strlen(token);
	how.flags = SSTATE_MUST_EXIST;
	if ((r = sstate_begin(&s, env, &how, &web, NULL)) != 0)
		return r;
	n = sstate_int(s, SSTATE_STORED, "visits", 0, 1000000, -1000);
	for (r = SSTATE_ESTORE, tries = 0; r == SSTATE_ESTORE && tries < 9;
	     tries++)
		r = sstate_logout(s);
	sstate_free(s);
	if (r == 0)
		r = sstate_begin(&s, env, &how, &web, NULL);
	if (r == 0)
		sstate_free(s);
	return r == SSTATE_ENOTFOUND || r == SSTATE_EEXPIRED ||
		r == SSTATE_EGONE
	    ? n
	    : -1;
}

static void
conform_lossy_run(const struct conform *c, const char *ring)
{
	static const char *const uris[] = { "lossy:", NULL };
	const struct sstate_driver lossy = { sizeof(struct sstate_driver),
		SSTATE_DRIVER_ABI,
		c->driver->caps | SSTATE_CAP_REMOTE | SSTATE_CAP_HANDLE,
		"lossy", conform_lossy_open, conform_lossy_close,
		conform_lossy_get, conform_lossy_create, conform_lossy_replace,
		conform_lossy_remove, NULL, NULL, NULL, NULL, NULL };
	const struct sstate_driver *drivers[] = { &lossy, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct conform_lossy l = { c->opts, 0, 0 };
	void *handles[1];
	unsigned i, n = conform_scaled(c, 300), bad = 0;
	char token[128] = "";
	struct sstate *env;
	int64_t got;
	int r;

	n = n < 30 ? 30 : n;
	handles[0] = &l;
	o.stores = uris;
	o.drivers = drivers;
	o.handles = handles;
	o.keyring = ring;
	o.ns = CONFORM_NS;
	o.flags = SSTATE_CARRY_OWN;
	r = sstate_open(&env, &o, &err);
	if (!CONFORM_T(c, r == 0, "sessions over it: %s", err.text))
		return;
	for (i = 0; i < n; i++)
		if ((r = conform_visit(env, token, sizeof(token))) != 0 &&
		    bad++ == 0)
			printf("# visit %u: %d\n", i, r);
	got = conform_farewell(env, token);
	CONFORM_T(c, bad == 0 && got == (int64_t)n && l.lost >= n / 3,
	    "R-34 %u visits, %u answers lost: each counted once (%lld)", n,
	    l.lost, (long long)got);
	sstate_close(env);
}

static void
conform_lost(const struct conform *c, void *ctx)
{
	char dir[] = "/tmp/conform.XXXXXX", ring[sizeof(dir) + 8];

	(void)ctx;
	if (mkdtemp(dir) == NULL) {
		conform_skip(c, "lost answers: no room for a key ring in /tmp");
		return;
	}
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	conform_lossy_run(c, ring);
	(void)unlink(ring);
	(void)rmdir(dir);
}

/* ---- All -------------------------------------------------------------- */

/* Does what a child writes come here? */
static int
conform_from_child(const struct conform *c, void *ctx,
    const struct sstate_key *key, int read)
{
	struct sstate_record a = conform_rec("mine", 4, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("child's", 7, CONFORM_LIVE, 2);
	int status = -1, came;
	void *mine;
	pid_t pid;

	CONFORM_T(c,
	    c->driver->create(ctx, key, &a, NULL) == 0 &&
		(!read || conform_is(c, ctx, key, &a)),
	    "create");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (conform_open(c, &mine) == NULL)
			_exit(1);
		(void)c->driver->replace(mine, key, 1, &b, NULL);
		_exit(0);
	}
	CONFORM_T(c, pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a child opens");
	came = conform_is(c, ctx, key, &b);
	CONFORM_T(c, c->driver->remove(ctx, key, SSTATE_ANY_REV, NULL) == 0,
	    "removed");
	return came;
}

/*
 * A store of one process has threads for workers, and so has one before
 * which each process keeps copies of its own.
 */
static void
conform_sharing(struct conform *c, void *ctx)
{
	struct sstate_key k1 = conform_key(CONFORM_NS, 40);
	struct sstate_key k2 = conform_key(CONFORM_NS, 42);

	c->forks = conform_from_child(c, ctx, &k1, 0);
	c->threads = !conform_from_child(c, ctx, &k2, 1);
	printf("# workers are %s\n",
	    c->threads ? "threads: a process has its own" : "processes");
	CONFORM_T(c, c->forks || (c->driver->caps & SSTATE_CAP_DURABLE) == 0,
	    "what says that it is durable is shared by processes");
}

/* Its longest body: 16 MiB, or what it refuses as ETOOBIG beyond. */
static void
conform_longest(struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 41);
	size_t good = 131072, bad = ((size_t)16 << 20) + 1, n = bad - 1;
	char *p = (char *)calloc(1, bad);
	struct sstate_record rec;
	int r = SSTATE_ETOOBIG;

	if (p == NULL)
		abort();
	for (; bad - good > 1; n = good + (bad - good) / 2) {
		rec = conform_rec(p, n, CONFORM_LIVE, 1);
		r = c->driver->create(ctx, &k, &rec, NULL);
		if (r != 0 && r != SSTATE_ETOOBIG)
			break;
		if (r == 0)
			(void)c->driver->remove(ctx, &k, 1, NULL);
		*(r == 0 ? &good : &bad) = n;
	}
	free(p);
	c->max_bytes = good;
	CONFORM_T(c, r == 0 || r == SSTATE_ETOOBIG,
	    "R-98 bodies of up to %zu bytes (%d)", good, r);
}

static void
conform_missing(const struct conform *c)
{
	const struct sstate_driver *d = c->driver;

	if (d->reap == NULL && (d->caps & SSTATE_CAP_EXPIRE) == 0)
		printf("# no reap: what expired stays until it is removed\n");
	if (d->each == NULL)
		printf("# no each: no listing, no log-out everywhere\n");
	else if ((d->caps & SSTATE_CAP_TAG) == 0)
		printf("# no TAG: to log one user out looks at all records\n");
	if (d->abandon == NULL)
		printf("# no abandon: not after a fork\n");
	if (d->latest == NULL)
		printf("# no latest: a clock that goes back may go unseen\n");
	if (d->size <= offsetof(struct sstate_driver, count) ||
	    d->count == NULL)
		printf("# no count: max_records= is refused\n");
	if ((d->caps & SSTATE_CAP_DURABLE) == 0)
		printf("# not DURABLE: a restart ends all sessions\n");
	if ((d->caps & SSTATE_CAP_LINEAR) == 0)
		printf("# not LINEAR: a failover may lose an answered write\n");
	(void)fflush(stdout);
}

/* As a part of a longer run: no plan is printed. */
__attribute__((unused)) static void
conform_part(struct conform *c)
{
	static void (*const cases[])(const struct conform *,
	    void *) = { conform_nothing, conform_bodies, conform_sizes,
		conform_create, conform_replace, conform_remove,
		conform_expires, conform_passes, conform_contexts,
		conform_listing, conform_reap, conform_latest, conform_about,
		conform_races, conform_forked, conform_killed, conform_lost,
		conform_leaks };
	struct sstate_error err = { 0, 0, "" };
	const struct sstate_driver *d;
	struct sstate_driver table;
	struct sstate_store *s;
	void *ctx;
	size_t i;
	int r;

	r = sstate_store_open(&s, c->opts, &err);
	if (!CONFORM_T(c, r == 0, "the store opens %s", err.text))
		return;
	/* A copy: of layers the table goes with the context, in a child too. */
	d = sstate_store_driver(s, &ctx);
	memset(&table, 0, sizeof(table));
	memcpy(&table, d, d->size < sizeof(table) ? d->size : sizeof(table));
	c->driver = &table;
	conform_missing(c);
	conform_sharing(c, ctx);
	conform_longest(c, ctx);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cases[i](c, ctx);
	sstate_store_close(s);
	c->driver = NULL;
}

/*
 * The suite over the store that the options name, with a plan: the number of
 * failures.  scale divides 100,000 increments and 10,000 races; 0 is 1.
 */
__attribute__((unused)) static unsigned
sstate_conform(const struct sstate_options *o, unsigned scale)
{
	struct conform_tap tap = { 0, 0, 0 };
	struct conform c;

	memset(&c, 0, sizeof(c));
	c.opts = o;
	c.tap = &tap;
	c.scale = scale;
	conform_part(&c);
	printf("1..%u\n# %u passed, %u failed, %u skipped\n", tap.n,
	    tap.n - tap.bad - tap.skipped, tap.bad, tap.skipped);
	(void)fflush(stdout);
	return tap.bad;
}

#endif /* SECURESTATE_CONFORM_H */
