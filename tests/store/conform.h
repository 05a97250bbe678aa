/*
 * conform.h - what every store must do, as one TAP suite
 *
 *	struct conform c = { .driver = &sstate_driver_v1_x, .uri = "x:...",
 *	    .open = how_to_open, .scale = 1 };
 *	conform_all(&c);
 *	return tap_done();
 *
 * The store must be empty and nobody else's.  Only <securestate/store.h> is
 * used, so a stranger's driver can be tested by it as well.  .scale divides
 * the counts of the races; .threads makes their workers threads instead of
 * processes (a store that lives in one process).
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <securestate/store.h>

#include "tap.h"

struct conform {
	const struct sstate_driver *driver;
	const char *uri;
	int (*open)(void **ctx, const struct conform *c,
	    struct sstate_error *err);
	unsigned scale; /* divides 10^5 increments, 10^4 races; 1 at least */
	int threads; /* workers are threads: nothing outlives a process */
	int forks; /* with threads: but a child shares what is stored */
	size_t max_bytes; /* its longest body; 0: 16 MiB */
};

#define CONFORM_NS "conform"
#define CONFORM_LIVE INT64_C(4102444800) /* 2100: alive in every test */

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
	good = conform_get(&s, c, ctx, key) == 0 && s.calls == 1 &&
	    s.rec.body.len == want->body.len && s.rec.rev == want->rev &&
	    s.rec.expires == want->expires &&
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

static void *
conform_open(const struct conform *c)
{
	struct sstate_error err = { 0, 0, "" };
	void *ctx;
	int r;

	if ((r = c->open(&ctx, c, &err)) != 0) {
		printf("# open: %d: %s\n", r, err.text);
		return NULL;
	}
	return ctx;
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
struct conform_board {
	atomic_uint arrived[2], bad, done, stop;
	atomic_ullong acked;
};

struct conform_work {
	const struct conform *c;
	struct conform_board *board;
	void (*fn)(struct conform_work *w, void *ctx);
	unsigned me, n;
};

static struct conform_board *
conform_board(void)
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
	if (atomic_fetch_add(&w->board->bad, 1) == 0) {
		printf("# worker %u: %s: %d: %s\n", w->me, what, r,
		    err != NULL ? err->text : "");
		(void)fflush(stdout);
	}
}

static void *
conform_run(void *arg)
{
	struct conform_work *w = (struct conform_work *)arg;
	void *ctx = conform_open(w->c);

	if (ctx == NULL) {
		atomic_fetch_add(&w->board->bad, 1);
		return NULL;
	}
	w->fn(w, ctx);
	w->c->driver->close(ctx);
	return NULL;
}

/* n workers, each with a context of its own; true if none complained. */
static int
conform_crowd(const struct conform *c, unsigned n,
    void (*fn)(struct conform_work *w, void *ctx))
{
	struct conform_board *b = conform_board();
	struct conform_work w[CONFORM_WORKERS];
	pthread_t t[CONFORM_WORKERS];
	pid_t pid[CONFORM_WORKERS];
	unsigned i;
	int good, status;

	for (i = 0; i < n; i++) {
		w[i] = (struct conform_work){ c, b, fn, i, n };
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
			atomic_fetch_add(&b->bad, 1);
	good = atomic_load(&b->bad) == 0;
	(void)munmap(b, sizeof(*b));
	return good;
}

/* All workers come here before one goes on; round counts from 1. */
static void
conform_meet(struct conform_work *w, unsigned round)
{
	atomic_fetch_add(&w->board->arrived[0], 1);
	while (atomic_load(&w->board->arrived[0]) < w->n * round)
		(void)sched_yield();
}

/* ---- One record ------------------------------------------------------- */

static void
conform_nothing(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 2);

	T(conform_gone(c, ctx, &k), "get of nothing is ENOTFOUND, found waits");
	T(c->driver->replace(ctx, &k, 1, &rec, NULL) == SSTATE_ENOTFOUND,
	    "R-26 replace of nothing is ENOTFOUND: there is no upsert");
	T(c->driver->replace(ctx, &k, SSTATE_ANY_REV, &rec, NULL) ==
		SSTATE_ENOTFOUND,
	    "R-26 nor with any revision");
	T(c->driver->remove(ctx, &k, 1, NULL) == 0 &&
		c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0,
	    "nothing to remove is no error");
	T(conform_gone(c, ctx, &k), "and none of these made a record");
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
	T(c->driver->create(ctx, &k, &rec, NULL) == 0 &&
		conform_is(c, ctx, &k, &rec),
	    "a body with every byte comes back");
	for (i = 0; i < 256; i++) {
		one = (char)i;
		rec = conform_rec(&one, 1, CONFORM_LIVE, i + 2);
		if (c->driver->replace(ctx, &k, i + 1, &rec, NULL) != 0 ||
		    !conform_is(c, ctx, &k, &rec))
			wrong++;
	}
	T(wrong == 0, "each byte alone, %u wrong", wrong);
	T(c->driver->remove(ctx, &k, 257, NULL) == 0 &&
		conform_gone(c, ctx, &k),
	    "removed by its revision");
}

/* stored whole or refused, at the sizes where columns end. */
static void
conform_sizes(const struct conform *c, void *ctx)
{
	size_t max = c->max_bytes != 0 ? c->max_bytes : (size_t)16 << 20;
	const size_t size[] = { 1, 254, 255, 256, 257, 4095, 4096, 4097, 65534,
		65535, 65536, 65537, 131072, 1, max, 3, max + 1 };
	struct sstate_key k = conform_key(CONFORM_NS, 3), k2;
	struct sstate_record rec, had;
	struct sstate_error err = { 0, 0, "" };
	char *p = (char *)malloc(max + 1), *q = (char *)malloc(max + 1);
	uint64_t rev = 0;
	size_t i;
	int r;

	NEED(p != NULL && q != NULL, "memory for the longest body");
	memset(&had, 0, sizeof(had));
	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		k2 = conform_key(CONFORM_NS, 300 + i);
		conform_fill(p, size[i], size[i]);
		rec = conform_rec(p, size[i], CONFORM_LIVE, rev + 1);
		r = rev == 0 ? c->driver->create(ctx, &k, &rec, &err)
			     : c->driver->replace(ctx, &k, rev, &rec, &err);
		if (r == 0) {
			rev++;
			T(conform_is(c, ctx, &k, &rec),
			    "R-98 %zu bytes replace others, whole", size[i]);
			memcpy(q, p, size[i]);
			had = rec;
			had.body.ptr = q;
		} else {
			T(size[i] > max && r == SSTATE_ETOOBIG &&
				conform_is(c, ctx, &k, &had),
			    "R-98 %zu bytes are ETOOBIG (%d), the old stands",
			    size[i], r);
		}
		rec.rev = 1;
		r = c->driver->create(ctx, &k2, &rec, &err);
		T(r == 0 ? conform_is(c, ctx, &k2, &rec)
			 : (size[i] > max && r == SSTATE_ETOOBIG &&
			       conform_gone(c, ctx, &k2)),
		    "R-98 %zu bytes are created whole, or refused (%d)",
		    size[i], r);
		(void)c->driver->remove(ctx, &k2, 1, NULL);
	}
	T(c->driver->remove(ctx, &k, rev, NULL) == 0, "and removed");
	free(p);
	free(q);
}

static void
conform_create(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 4);
	struct sstate_record a = conform_rec("first", 5, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("second", 6, CONFORM_LIVE, 1);

	T(c->driver->create(ctx, &k, &a, NULL) == 0, "create");
	T(c->driver->create(ctx, &k, &b, NULL) == SSTATE_EEXIST &&
		conform_is(c, ctx, &k, &a),
	    "R-26 create twice is EEXIST");
	T(c->driver->create(ctx, &k, &a, NULL) == SSTATE_EEXIST,
	    "R-26 with the same body, too");
	T(c->driver->remove(ctx, &k, 1, NULL) == 0, "removed");
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

	T(c->driver->create(ctx, &k, &a, NULL) == 0, "create at revision 5");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		r = c->driver->replace(ctx, &k, wrong[i], &b, NULL);
		T(r == SSTATE_ECONFLICT && conform_is(c, ctx, &k, &a),
		    "R-33 replace expecting %llu: ECONFLICT (%d), unchanged",
		    (unsigned long long)wrong[i], r);
	}
	T(c->driver->replace(ctx, &k, 5, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "R-33 replace expecting 5");
	T(c->driver->replace(ctx, &k, 5, &a, NULL) == SSTATE_ECONFLICT &&
		conform_is(c, ctx, &k, &b),
	    "R-33 and not a second time");
	b.rev = UINT64_C(0x123456789abcdef0);
	T(c->driver->replace(ctx, &k, 6, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "a revision keeps its 64 bits");
	T(c->driver->remove(ctx, &k, b.rev, NULL) == 0, "removed");
}

static void
conform_remove(const struct conform *c, void *ctx)
{
	static const uint64_t wrong[] = { 0, 4, 6, UINT64_MAX - 1 };
	struct sstate_key k = conform_key(CONFORM_NS, 6);
	struct sstate_record a = conform_rec("stands", 6, CONFORM_LIVE, 5);
	struct sstate_record b = conform_rec("again", 5, CONFORM_LIVE, 9);
	size_t i;

	T(c->driver->create(ctx, &k, &a, NULL) == 0, "create at revision 5");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		T(c->driver->remove(ctx, &k, wrong[i], NULL) ==
			    SSTATE_ECONFLICT &&
			conform_is(c, ctx, &k, &a),
		    "R-33 remove expecting %llu: ECONFLICT, unchanged",
		    (unsigned long long)wrong[i]);
	T(c->driver->remove(ctx, &k, 5, NULL) == 0 && conform_gone(c, ctx, &k),
	    "remove expecting 5");
	T(c->driver->replace(ctx, &k, 5, &b, NULL) == SSTATE_ENOTFOUND &&
		conform_gone(c, ctx, &k),
	    "R-26 replace after it: ENOTFOUND");
	T(c->driver->create(ctx, &k, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "the key can be created again");
	T(c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0 &&
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

	T(c->driver->create(ctx, &k, &rec, NULL) == 0, "create");
	for (i = 0; i < sizeof(when) / sizeof(when[0]); i++) {
		if ((c->driver->caps & SSTATE_CAP_EXPIRE) != 0 && when[i] > 0 &&
		    when[i] < CONFORM_LIVE)
			continue; /* it forgets by itself */
		rec.expires = when[i];
		rec.rev++;
		T(c->driver->replace(ctx, &k, rec.rev - 1, &rec, NULL) == 0 &&
			conform_is(c, ctx, &k, &rec),
		    "expires %lld comes back to the second, reaped or not",
		    (long long)when[i]);
	}
	T(c->driver->remove(ctx, &k, rec.rev, NULL) == 0, "removed");
}

static void
conform_passes(const struct conform *c, void *ctx)
{
	static const int said[] = { 7, SSTATE_EAUTH, SSTATE_ENOTFOUND };
	struct sstate_key k = conform_key(CONFORM_NS, 8);
	struct sstate_record rec = conform_rec("v", 1, CONFORM_LIVE, 1);
	struct conform_seen s;
	size_t i;

	T(c->driver->create(ctx, &k, &rec, NULL) == 0, "create");
	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		memset(&s, 0, sizeof(s));
		s.ret = said[i];
		T(c->driver->get(ctx, &k, conform_found, &s, NULL) == said[i] &&
			s.calls == 1,
		    "get returns what found returned (%d), called once",
		    said[i]);
		free(s.body);
	}
	T(c->driver->remove(ctx, &k, 1, NULL) == 0, "removed");
}

static void
conform_contexts(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 9);
	struct sstate_record a = conform_rec("one", 3, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("two", 3, CONFORM_LIVE, 2);
	void *other = conform_open(c);

	NEED(other != NULL, "a second context opens");
	T(c->driver->create(ctx, &k, &a, NULL) == 0 &&
		conform_is(c, other, &k, &a),
	    "I1 one writes, the other reads");
	T(c->driver->replace(other, &k, 1, &b, NULL) == 0 &&
		conform_is(c, ctx, &k, &b),
	    "I1 and back");
	T(c->driver->replace(ctx, &k, 1, &a, NULL) == SSTATE_ECONFLICT,
	    "R-33 what one has read is stale now");
	T(c->driver->remove(ctx, &k, 2, NULL) == 0 &&
		conform_gone(c, other, &k),
	    "I1 what one removes the other misses");
	c->driver->close(other);
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
	    (l->tag != NULL && memcmp(l->tag, rec->tag, SSTATE_TAG_BYTES)))
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
		tap_skip("each: no such slot: sessions cannot be listed");
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
			T(0, "create number %u", i);
	}
	memset(&l, 0, sizeof(l));
	memcpy(l.want, k, 12 * sizeof(k[0]));
	l.n = 12;
	T(conform_lists(c, ctx, ns1, &l), "each lists a namespace, each once");
	memcpy(l.want, k + 12, 5 * sizeof(k[0]));
	l.n = 5;
	T(conform_lists(c, ctx, ns2, &l), "and another, same session ids");
	l.tag = his;
	T(conform_lists(c, ctx, ns2, &l), "and a tag of the other");
	memcpy(l.want, k, 4 * sizeof(k[0]));
	l.n = 4;
	T(conform_lists(c, ctx, ns1, &l), "each lists a tag's records");
	memcpy(l.want, k + 4, 3 * sizeof(k[0]));
	l.n = 3;
	l.tag = hers;
	T(conform_lists(c, ctx, ns1, &l), "and another's");
	l.n = 0;
	T(conform_lists(c, ctx, ns2, &l), "who has none has none");
	l.tag = NULL;
	T(conform_lists(c, ctx, "conf.b", &l), "an empty namespace is empty");
	memcpy(l.want, k, 12 * sizeof(k[0]));
	l.n = 12;
	l.stop_after = 3;
	l.ret = 5;
	T(c->driver->each(ctx, ns1,
	      (memset(l.seen, 0, sizeof(l.seen)), l.calls = 0, NULL),
	      conform_each, &l, NULL) == 5 &&
		l.calls == 3,
	    "each stops at the first non-zero and returns it");
	l.stop_after = 0;

	/* A log-in, a change of user, a log-out. */
	rec.rev = 2;
	memcpy(rec.tag, his, sizeof(rec.tag));
	T(c->driver->replace(ctx, &k[8], 1, &rec, NULL) == 0 &&
		c->driver->replace(ctx, &k[4], 1, &rec, NULL) == 0 &&
		c->driver->remove(ctx, &k[0], 1, NULL) == 0,
	    "tags change");
	memset(rec.tag, 0, sizeof(rec.tag));
	T(c->driver->replace(ctx, &k[1], 1, &rec, NULL) == 0, "one is dropped");
	memcpy(l.want, k + 2, 2 * sizeof(k[0]));
	l.want[2] = k[8];
	l.want[3] = k[4];
	l.n = 4;
	l.tag = his;
	T(conform_lists(c, ctx, ns1, &l), "each follows the tags");
	memcpy(l.want, k + 5, 2 * sizeof(k[0]));
	l.n = 2;
	l.tag = hers;
	T(conform_lists(c, ctx, ns1, &l), "also away from the old one");
	for (i = 0; i < 17; i++)
		(void)c->driver->remove(ctx, &k[i], SSTATE_ANY_REV, NULL);
	l.n = 0;
	l.tag = NULL;
	T(conform_lists(c, ctx, ns1, &l) && conform_lists(c, ctx, ns2, &l),
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
		tap_skip("reap: this store forgets by itself, or never");
		return;
	}
	for (i = 0; i < 80; i++) {
		k = conform_key(ns1, 1000 + i);
		rec.expires = when[i % 8];
		if (c->driver->create(ctx, &k, &rec, NULL) != 0)
			wrong++;
	}
	rec.expires = 500;
	T(wrong == 0 && c->driver->create(ctx, &foreign, &rec, NULL) == 0,
	    "80 records, and one elsewhere");
	T(c->driver->reap(&removed, ctx, ns1, 100, 1000, NULL) == 0 &&
		removed == 0,
	    "R-32 reap before anything is due removes nothing");
	r = c->driver->reap(&removed, ctx, ns1, 1000, 7, NULL);
	T(r == 0 && removed == 7, "reap keeps its limit (%llu)",
	    (unsigned long long)removed);
	r = c->driver->reap(&removed, ctx, ns1, 1000, 1000, NULL);
	T(r == 0 && removed == 33, "and takes the rest then (%llu)",
	    (unsigned long long)removed);
	for (i = 0, wrong = 0; i < 80; i++) {
		k = conform_key(ns1, 1000 + i);
		rec.expires = when[i % 8];
		if (i % 8 < 4 ? !conform_gone(c, ctx, &k)
			      : !conform_is(c, ctx, &k, &rec))
			wrong++;
	}
	T(wrong == 0,
	    "R-32 at 1000, what expires at 999 went, 1001 and 0 "
	    "stay, %u wrong",
	    wrong);
	rec.expires = 500;
	T(conform_is(c, ctx, &foreign, &rec), "R-32 nor is a foreign one gone");
	T(c->driver->reap(&removed, ctx, ns1, 1000, 1000, NULL) == 0 &&
		removed == 0,
	    "nothing is left to reap");

	/* Moved away from, and into, the time that is due. */
	k = conform_key(ns1, 1004);
	rec.expires = CONFORM_LIVE;
	rec.rev = 2;
	T(c->driver->replace(ctx, &k, 1, &rec, NULL) == 0, "one lives on");
	k = conform_key(ns1, 1006);
	rec.expires = 1000;
	T(c->driver->replace(ctx, &k, 1, &rec, NULL) == 0, "one dies sooner");
	r = c->driver->reap(&removed, ctx, ns1, 6000, 1000, NULL);
	T(r == 0 && removed == 20,
	    "R-32 reap by the expiry of now: 20 are due (%llu)",
	    (unsigned long long)removed);
	for (i = 0; i < 80; i++) {
		k = conform_key(ns1, 1000 + i);
		(void)c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL);
	}
	T(c->driver->reap(&removed, ctx, ns2, 501, 1000, NULL) == 0 &&
		removed == 1 && conform_gone(c, ctx, &foreign),
	    "the other namespace is reaped by its name");
}

static void
conform_latest(const struct conform *c, void *ctx)
{
	void *other;
	int64_t seen = 0;

	if (c->driver->latest == NULL) {
		tap_skip("latest: no such slot: R-23 holds in a process only");
		return;
	}
	NEED((other = conform_open(c)) != NULL, "a second context opens");
	/* Minutes apart: a driver need not write at each second. */
	T(c->driver->latest(&seen, ctx, 1700001000, NULL) == 0 &&
		seen == 1700001000,
	    "R-23 the latest time is the first one");
	T(c->driver->latest(&seen, other, 1700000000, NULL) == 0 &&
		seen >= 1700001000 - 60,
	    "R-23 a clock that is behind hears so");
	T(c->driver->latest(&seen, other, 1700003000, NULL) == 0 &&
		c->driver->latest(&seen, ctx, 1700002000, NULL) == 0 &&
		seen >= 1700003000 - 60,
	    "R-23 from whoever was latest");
	c->driver->close(other);
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
	T(c->driver->create(ctx, &k, &rec, NULL) == 0, "create a counter");
	T(conform_crowd(c, CONFORM_WORKERS, conform_count),
	    "R-34 %d workers add to it until each is through", CONFORM_WORKERS);
	if (conform_get(&s, c, ctx, &k) == 0)
		memcpy(&v, s.body, sizeof(v));
	T(v == n && s.rec.rev == n + 1u, "R-33 %u increments, none lost (%llu)",
	    n, (unsigned long long)v);
	free(s.body);
	T(c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0, "removed");
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
		if (atomic_load(&w->board->bad) != 0)
			atomic_store(&w->board->stop, 1);
		conform_meet(w, ++meet);
		if (atomic_load(&w->board->stop) != 0)
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
	T(conform_crowd(c, 2, conform_duel),
	    "R-26 remove against replace, %u races: never back",
	    conform_scaled(c, 10000));
	if (c->driver->reap != NULL &&
	    (c->driver->caps & SSTATE_CAP_EXPIRE) == 0)
		T(conform_crowd(c, 2, conform_renew),
		    "R-32 reap against renewal, %u races: no live one goes",
		    conform_scaled(c, 1000));
	else
		tap_skip("reap against renewal: this store is not reaped");
}

/* ---- Processes -------------------------------------------------------- */

static void
conform_forked(const struct conform *c, void *ctx)
{
	struct sstate_key k = conform_key(CONFORM_NS, 30);
	struct sstate_record a = conform_rec("before", 6, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("child", 5, CONFORM_LIVE, 2);
	struct sstate_record p = conform_rec("parent", 6, CONFORM_LIVE, 3);
	void *mine;
	pid_t pid;
	int status = -1, good;

	if (c->driver->abandon == NULL) {
		tap_skip("abandon: no such slot: not of use after a fork");
		return;
	}
	T(c->driver->create(ctx, &k, &a, NULL) == 0, "create before a fork");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		c->driver->abandon(ctx);
		mine = conform_open(c);
		good = mine != NULL && conform_is(c, mine, &k, &a) &&
		    c->driver->replace(mine, &k, 1, &b, NULL) == 0 &&
		    conform_is(c, mine, &k, &b);
		if (mine != NULL)
			c->driver->close(mine);
		_exit(good ? 0 : 1);
	}
	T(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a child abandons, opens anew, reads and writes");
	if (c->threads && !c->forks) {
		T(conform_is(c, ctx, &k, &a), "the parent keeps its own");
		T(c->driver->replace(ctx, &k, 1, &p, NULL) == 0, "and writes");
	} else {
		T(conform_is(c, ctx, &k, &b), "the parent sees what it wrote");
		T(c->driver->replace(ctx, &k, 2, &p, NULL) == 0, "and writes");
	}
	T(conform_is(c, ctx, &k, &p) &&
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
	void *ctx = conform_open(c);
	int r, first = 1;

	memset(&s, 0, sizeof(s));
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
		atomic_store(&b->acked, rev);
	}
	_exit(1);
}

static int
conform_kill_once(const struct conform *c, void *ctx, struct conform_board *b,
    unsigned round)
{
	struct sstate_key k = conform_key(CONFORM_NS, 31);
	uint64_t from = atomic_load(&b->acked), acked;
	struct conform_seen s;
	char body[8192];
	unsigned spin;
	int status, good;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		conform_writer(c, b, from);
	while (atomic_load(&b->acked) < from + 3 + round % 5 &&
	    waitpid(pid, &status, WNOHANG) == 0)
		(void)sched_yield();
	for (spin = 0; spin < conform_mix(round) % 20000; spin++)
		atomic_fetch_add(&b->done, 1);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	acked = atomic_load(&b->acked);
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
	atomic_store(&b->acked, s.rec.rev);
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
		tap_skip("kill -9: this store dies with its process");
		return;
	}
	b = conform_board();
	conform_fill(body, conform_kill_size(1), 1);
	rec = conform_rec(body, conform_kill_size(1), CONFORM_LIVE, 1);
	T(c->driver->create(ctx, &k, &rec, NULL) == 0, "create");
	atomic_store(&b->acked, 1);
	for (i = 0; i < rounds && wrong == 0; i++)
		wrong += !conform_kill_once(c, ctx, b, i);
	T(wrong == 0,
	    "I1 kill -9 during a write, %u times: what was "
	    "answered is there, whole",
	    i);
	T(c->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == 0 &&
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
	void *ctx;
	unsigned i;

	for (i = 0; i < n; i++) {
		if ((ctx = conform_open(c)) == NULL)
			return 0;
		if (i % 50 == 0 &&
		    (c->driver->create(ctx, &k, &rec, NULL) ||
			!conform_is(c, ctx, &k, &rec) ||
			c->driver->remove(ctx, &k, 1, NULL) != 0))
			return 0;
		c->driver->close(ctx);
	}
	return 1;
}

static void
conform_leaks(const struct conform *c)
{
	size_t bytes, after;
	unsigned fds;

	T(conform_open_close(c, 60), "opened and closed 60 times");
	fds = conform_fds();
	bytes = mallinfo2().uordblks;
	T(conform_open_close(c, 1000), "and 1000 times");
	after = mallinfo2().uordblks;
	T(conform_fds() == fds, "1,000 opens leak no descriptor");
	T(after <= bytes + 4096, "1,000 opens leak no memory (%zu, %zu)", bytes,
	    after);
}

/* ---- All -------------------------------------------------------------- */

static void
conform_missing(const struct conform *c)
{
	const struct sstate_driver *d = c->driver;

	if (d->reap == NULL && (d->caps & SSTATE_CAP_EXPIRE) == 0)
		printf("# no reap: what expired stays until it is removed\n");
	if (d->each == NULL)
		printf("# no each: no listing, no log-out everywhere\n");
	if (d->abandon == NULL)
		printf("# no abandon: not after a fork\n");
	if (d->latest == NULL)
		printf("# no latest: a clock that goes back may go unseen\n");
}

__attribute__((unused)) static void
conform_all(const struct conform *c)
{
	static void (*const cases[])(const struct conform *,
	    void *) = { conform_nothing, conform_bodies, conform_sizes,
		conform_create, conform_replace, conform_remove,
		conform_expires, conform_passes, conform_contexts,
		conform_listing, conform_reap, conform_latest, conform_races,
		conform_forked, conform_killed };
	void *ctx;
	size_t i;

	NEED((ctx = conform_open(c)) != NULL, "%s: opens", c->driver->scheme);
	conform_missing(c);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cases[i](c, ctx);
	conform_leaks(c);
	c->driver->close(ctx);
}

#endif
