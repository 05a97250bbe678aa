/*
 * memory_test.c - `memory:`: limits, eviction, sharing, copies, threads
 */
/* label: thread */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/conf.h"
#include "store/memshard.h"
#include "store/memtab.h"
#include "store/store.h"

#include "tap.h"

extern const struct sstate_driver sstate_driver_v1_memory;

#define D (&sstate_driver_v1_memory)
#define LIVE INT64_C(4102444800)

static const struct hook plain = { NULL, NULL };

static void *
raw(const char *uri, struct sstate_error *err)
{
	struct sstate_conf *conf;
	void *ctx = NULL;

	if (conf_parse(&conf, uri, NULL, 0, "test", &plain, err) != 0)
		return NULL;
	if (D->open(&ctx, conf, err) != 0)
		ctx = NULL;
	conf_free(conf);
	return ctx;
}

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static struct sstate_key
key(uint64_t n)
{
	struct sstate_key k;
	size_t i;

	for (i = 0; i < sizeof(k.id); i += 8) {
		n = mix(n);
		memcpy(k.id + i, &n, 8);
	}
	k.ns = "test";
	return k;
}

static struct sstate_record
record(const char *body, size_t len, int64_t expires, uint64_t rev, int tag)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = body;
	r.body.len = len;
	r.expires = expires;
	r.rev = rev;
	memset(r.tag, tag, sizeof(r.tag));
	return r;
}

static int
ok(void *arg, const struct sstate_record *rec)
{
	if (arg != NULL)
		*(struct sstate_record *)arg = *rec;
	return 0;
}

static int
there(void *ctx, uint64_t n)
{
	struct sstate_key k = key(n);

	return D->get(ctx, &k, ok, NULL, NULL) == 0;
}

static int
make(void *ctx, uint64_t n, int64_t expires, int tag, size_t len,
    struct sstate_error *err)
{
	static const char zeros[8192];
	struct sstate_key k = key(n);
	struct sstate_record r = record(zeros, len, expires, 1, tag);

	return D->create(ctx, &k, &r, err);
}

/* ---- Full ------------------------------------------------------------- */

static void
test_entries(void)
{
	struct sstate_error err = { 0, 0, "" };
	void *ctx = raw("memory:?max_entries=4", &err);
	int64_t seen;

	NEED(ctx != NULL, "a table of four");
	(void)make(ctx, 1, 50000, 0, 9, NULL);
	(void)make(ctx, 2, 10000, 7, 9, NULL);
	(void)make(ctx, 3, 40000, 0, 9, NULL);
	(void)make(ctx, 4, 60000, 0, 9, NULL);
	T(make(ctx, 4, 60000, 0, 9, NULL) == SSTATE_EEXIST && there(ctx, 1) &&
		there(ctx, 2) && there(ctx, 3),
	    "EEXIST ends nobody");
	T(make(ctx, 5, 70000, 0, 9, NULL) == 0 && !there(ctx, 3) &&
		there(ctx, 1) && there(ctx, 2) && there(ctx, 4) &&
		there(ctx, 5),
	    "R-103 full: the anonymous one that expires next goes");
	(void)D->latest(&seen, ctx, 10000, NULL);
	T(make(ctx, 6, 80000, 0, 9, NULL) == 0 && !there(ctx, 2) &&
		there(ctx, 1),
	    "one that has expired goes first, tag or not");
	T(make(ctx, 7, 20000, 7, 9, NULL) == 0 && !there(ctx, 1) &&
		make(ctx, 8, 90000, 7, 9, NULL) == 0 && !there(ctx, 4) &&
		make(ctx, 9, 30000, 8, 9, NULL) == 0 && !there(ctx, 5) &&
		make(ctx, 10, 0, 8, 9, NULL) == 0 && !there(ctx, 6),
	    "R-103 logged-in ones end anonymous ones");
	T(make(ctx, 11, 99999, 0, 9, &err) == SSTATE_EBUSY &&
		strstr(err.text, "full") != NULL && there(ctx, 7) &&
		there(ctx, 8) && there(ctx, 9) && there(ctx, 10),
	    "R-103 never the other way round: %s", err.text);
	T(make(ctx, 12, 99999, 7, 9, NULL) == 0 && !there(ctx, 7) &&
		make(ctx, 13, 99999, 7, 9, NULL) == 0 && !there(ctx, 9) &&
		make(ctx, 14, 99999, 7, 9, NULL) == 0 && !there(ctx, 8) &&
		there(ctx, 10),
	    "among them, the one that expires next; 0 is last");
	D->close(ctx);
}

static int
resize(void *ctx, uint64_t n, uint64_t rev, size_t len,
    struct sstate_error *err)
{
	static const char ones[8192] = { 1 };
	struct sstate_key k = key(n);
	struct sstate_record r = record(ones, len, LIVE, rev + 1, 0);

	return D->replace(ctx, &k, rev, &r, err);
}

static void
test_bytes(void)
{
	struct sstate_error err = { 0, 0, "" };
	void *ctx = raw("memory:?max_bytes=8192", &err);

	NEED(ctx != NULL, "a table of 8 KiB");
	T(make(ctx, 1, LIVE, 0, 8192 - 128, &err) == 0,
	    "a record counts its bytes and 128: %s", err.text);
	T(make(ctx, 2, LIVE, 0, 8192 - 127, &err) == SSTATE_ETOOBIG &&
		there(ctx, 1),
	    "what cannot fit is ETOOBIG, and ends nobody: %s", err.text);
	T(resize(ctx, 1, 1, 8192 - 127, &err) == SSTATE_ETOOBIG, "nor grows");
	T(resize(ctx, 1, 1, 100, &err) == 0, "it shrinks");
	T(make(ctx, 2, LIVE - 1000, 0, 1000, NULL) == 0 &&
		make(ctx, 3, LIVE + 1000, 0, 1000, NULL) == 0,
	    "there is room now");
	T(resize(ctx, 1, 2, 7000, &err) == 0 && !there(ctx, 2) && there(ctx, 1),
	    "growing ends others: %s", err.text);
	T(!there(ctx, 3), "as many as it needs");
	T(resize(ctx, 1, 2, 50, NULL) == SSTATE_ECONFLICT, "stale is stale");
	T(resize(ctx, 1, 3, 4000, NULL) == 0 &&
		make(ctx, 4, LIVE, 9, 3700, NULL) == 0,
	    "a logged-in one beside");
	T(resize(ctx, 1, 4, 4500, &err) == SSTATE_EBUSY && there(ctx, 1) &&
		there(ctx, 4),
	    "R-103 which growing does not end, nor itself: %s", err.text);
	D->close(ctx);
}

/* ---- Names ------------------------------------------------------------ */

static struct store *
opened(const char *uri)
{
	const char *uris[] = { uri, NULL };
	struct sstate_error err = { 0, 0, "" };
	struct store_options o;
	struct store *st;

	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.ns = "test";
	NEED(store_open(&st, &o, &err) == 0, "%s opens: %s", uri, err.text);
	return st;
}

static int
put(struct store *st, uint64_t n, const char *body)
{
	struct sstate_key k = key(n);
	struct sstate_record r = record(body, strlen(body), LIVE, 1, 0);
	int slot = -1;

	return store_create(st, &slot, &k, &r, NULL);
}

static int
has(struct store *st, uint64_t n)
{
	struct sstate_key k = key(n);
	int slot = -1;

	return store_get(st, &slot, &k, ok, NULL, NULL) == 0;
}

static void
test_names(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct store *a = opened("memory:"), *b = opened("memory:");
	struct store *c = opened("memory:x"), *d = opened("memory:x");
	struct store *e = opened("memory:y");

	T(put(a, 1, "a") == 0 && has(a, 1) && !has(b, 1) && !has(c, 1),
	    "memory: is a store's own");
	T(put(c, 2, "c") == 0 && has(d, 2) && !has(e, 2) && !has(a, 2),
	    "memory:x is shared by its name");
	T(raw("memory:x?max_entries=5", &err) == NULL &&
		err.code == SSTATE_EINVAL,
	    "not with other limits: %s", err.text);
	store_close(c);
	T(has(d, 2), "one closes, the other has it still");
	store_close(d);
	d = opened("memory:x?max_entries=5");
	T(!has(d, 2), "all closed: it is gone, and its limits");
	store_close(a);
	store_close(b);
	store_close(d);
	store_close(e);
}

/* ---- Callbacks -------------------------------------------------------- */

struct purge {
	void *ctx;
	unsigned n, failed;
};

static int
purge(void *arg, const struct sstate_key *k, const struct sstate_record *rec)
{
	struct purge *p = arg;

	p->n++;
	if (D->remove(p->ctx, k, rec->rev, NULL) != 0)
		p->failed++;
	return 0;
}

static void
test_callbacks(void)
{
	void *ctx = raw("memory:cb", NULL), *other = raw("memory:cb", NULL);
	unsigned char tag[SSTATE_TAG_BYTES];
	struct purge p = { other, 0, 0 };
	unsigned i;

	NEED(ctx != NULL && other != NULL, "two contexts");
	for (i = 0; i < 3000; i++)
		(void)make(ctx, i, LIVE, i % 3 == 0 ? 5 : 0, 40, NULL);
	memset(tag, 5, sizeof(tag));
	T(D->each(ctx, "test", tag, purge, &p, NULL) == 0 && p.n == 1000 &&
		p.failed == 0,
	    "no lock is held while a callback removes (%u)", p.n);
	p.n = 0;
	T(D->each(ctx, "test", NULL, purge, &p, NULL) == 0 && p.n == 2000 &&
		p.failed == 0,
	    "nor in a full listing (%u)", p.n);
	p.n = 0;
	T(D->each(ctx, "test", NULL, purge, &p, NULL) == 0 && p.n == 0,
	    "nothing is left");
	D->close(ctx);
	D->close(other);
}

/* A copy goes in, a copy comes out. */
static void
test_copies(void)
{
	void *ctx = raw("memory:cp", NULL), *other = raw("memory:cp", NULL);
	struct sstate_record r, out;
	struct sstate_key k = key(1);
	char body[64];

	memset(body, 'a', sizeof(body));
	r = record(body, sizeof(body), LIVE, 1, 3);
	r.flags = SSTATE_REC_VERIFY;
	NEED(D->create(ctx, &k, &r, NULL) == 0, "a record");
	memset(body, 'b', sizeof(body));
	T(D->get(ctx, &k, ok, &out, NULL) == 0 && out.body.ptr[63] == 'a' &&
		out.flags == SSTATE_REC_VERIFY && out.tag[15] == 3,
	    "what was given is copied, flags and tag too");
	r.rev = 2;
	T(D->replace(other, &k, 1, &r, NULL) == 0 && out.body.ptr[63] == 'a',
	    "what was handed out is another copy");
	r = record(body, 5, LIVE, 3, 0);
	T(D->replace(other, &k, 2, &r, NULL) == 0 &&
		D->get(ctx, &k, ok, &out, NULL) == 0 && out.body.len == 5 &&
		out.flags == 0 && out.tag[0] == 0,
	    "and all of it is replaced");
	D->close(ctx);
	D->close(other);
}

/* ---- Forks ------------------------------------------------------------ */

static int
in_child(struct store *st)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		_exit(!(has(st, 1) && put(st, 2, "child") == 0 && has(st, 2) &&
		    !has(st, 3)));
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
test_forks(void)
{
	struct store *a = opened("memory:"), *b = opened("memory:f");

	(void)put(a, 1, "before");
	(void)put(b, 1, "before");
	T(in_child(a) && in_child(b), "a child has a copy and goes on with it");
	T(has(a, 1) && !has(a, 2) && !has(b, 2),
	    "which is not the parent's any more");
	store_close(a);
	store_close(b);
}

/* ---- Against a naive model -------------------------------------------- */

enum { KEYS = 200, STEPS = 60000 };

struct model {
	int there, tag, space;
	uint64_t rev;
	int64_t expires;
	size_t len;
	unsigned char fill;
};

static struct model model[KEYS];
static const char *const spaces[] = { "one", "two", "three" };

static int
match(void *arg, const struct sstate_record *rec)
{
	const struct model *m = arg;
	size_t i;

	if (!m->there || rec->rev != m->rev || rec->expires != m->expires ||
	    rec->body.len != m->len || rec->tag[0] != m->tag)
		return 1;
	for (i = 0; i < m->len; i++)
		if ((unsigned char)rec->body.ptr[i] != m->fill)
			return 1;
	return 0;
}

struct count {
	unsigned n, wrong;
	int tag, space;
};

static int
listed(void *arg, const struct sstate_key *k, const struct sstate_record *rec)
{
	struct count *c = arg;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		if (memcmp(key(i).id, k->id, sizeof(k->id)) == 0)
			break;
	if (i == KEYS || model[i].space != c->space ||
	    (c->tag >= 0 && model[i].tag != c->tag) ||
	    match(&model[i], rec) != 0)
		c->wrong++;
	c->n++;
	return 0;
}

static int
model_write(void *ctx, uint64_t rnd, unsigned n)
{
	struct model *m = &model[n], was = *m, want = was;
	struct sstate_key k = key(n);
	struct sstate_record r;
	char body[600];
	int code, create = (int)(rnd >> 8 & 3) == 0;

	want.there = 1;
	if (!was.there)
		want.space = (int)(rnd >> 10 & 3) % 3;
	want.tag = (int)(rnd >> 12 & 3);
	want.rev = was.there && !create ? was.rev + 1 : 1;
	want.expires =
	    (rnd >> 14 & 15) == 0 ? 0 : 1 + (int64_t)(rnd >> 18 & 1023);
	want.len = 1 + (rnd >> 30 & 511);
	want.fill = (unsigned char)(rnd >> 40);
	memset(body, want.fill, want.len);
	r = record(body, want.len, want.expires, want.rev, want.tag);
	k.ns = spaces[want.space];
	if (create) {
		code = D->create(ctx, &k, &r, NULL);
		if (code != (was.there ? SSTATE_EEXIST : 0))
			return 1;
	} else {
		code = D->replace(ctx, &k, was.rev, &r, NULL);
		if (code != (was.there ? 0 : SSTATE_ENOTFOUND))
			return 1;
	}
	if (code == 0)
		*m = want;
	return 0;
}

static int
model_reap(void *ctx, uint64_t rnd)
{
	int space = (int)(rnd >> 8) & 1;
	int64_t when = (int64_t)(rnd >> 18 & 1023);
	uint64_t limit = 1 + (rnd >> 30 & 31), removed, due = 0;
	unsigned i;
	struct sstate_key k;

	for (i = 0; i < KEYS; i++)
		due += model[i].there && model[i].space == space &&
		    model[i].expires > 0 && model[i].expires <= when;
	if (D->reap(&removed, ctx, spaces[space], when, limit, NULL) != 0 ||
	    removed != (due < limit ? due : limit))
		return 1;
	for (i = 0; i < KEYS; i++) {
		k = key(i);
		if (model[i].there &&
		    D->get(ctx, &k, ok, NULL, NULL) == SSTATE_ENOTFOUND) {
			if (model[i].space != space || model[i].expires == 0 ||
			    model[i].expires > when)
				return 1;
			model[i].there = 0;
			removed--;
		}
	}
	return removed != 0;
}

static int
model_list(void *ctx, uint64_t rnd)
{
	struct count c = { 0, 0, (int)(rnd >> 8 & 3) - 1,
		(int)(rnd >> 10 & 3) % 3 };
	unsigned char tag[SSTATE_TAG_BYTES];
	unsigned i, want = 0;

	if (c.tag == 0)
		c.tag = 3; /* nobody's cannot be asked for */
	memset(tag, c.tag, sizeof(tag));
	for (i = 0; i < KEYS; i++)
		want += model[i].there && model[i].space == c.space &&
		    (c.tag < 0 || model[i].tag == c.tag);
	return D->each(ctx, spaces[c.space], c.tag < 0 ? NULL : tag, listed, &c,
		   NULL) != 0 ||
	    c.wrong != 0 || c.n != want;
}

static void
test_model(void)
{
	void *ctx = raw("memory:model", NULL);
	struct sstate_key k;
	uint64_t rnd = 42;
	unsigned i, n;
	int wrong = 0;

	for (i = 0; i < STEPS && !wrong; i++) {
		rnd = mix(rnd);
		n = (unsigned)(rnd >> 50) % KEYS;
		k = key(n);
		switch (rnd & 255) {
		case 0:
		case 1:
			wrong = model_reap(ctx, rnd);
			break;
		case 2:
		case 3:
			wrong = model_list(ctx, rnd);
			break;
		default:
			if ((rnd & 7) < 5)
				wrong = model_write(ctx, rnd, n);
			else if ((rnd & 7) == 5) {
				wrong =
				    D->remove(ctx, &k, model[n].rev, NULL) != 0;
				model[n].there = 0;
			} else {
				wrong =
				    D->get(ctx, &k, match, &model[n], NULL) !=
				    (model[n].there ? 0 : SSTATE_ENOTFOUND);
			}
		}
	}
	T(!wrong, "random steps, as a naive model has them (%u, seed 42)", i);
	D->close(ctx);
}

/* ---- Cost ------------------------------------------------------------- */

static size_t held;

static void *
weigh(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	void *p;

	(void)arg;
	(void)oldsz;
	if (ptr != NULL)
		held -= malloc_usable_size(ptr) + sizeof(size_t);
	if (newsz == 0) {
		free(ptr);
		return NULL;
	}
	if ((p = realloc(ptr, newsz)) == NULL)
		abort();
	held += malloc_usable_size(p) + sizeof(size_t);
	return p;
}

static void
test_weight(void)
{
	static const struct hook h = { weigh, NULL };
	static const size_t len[] = { 200, 500, 507, 1024 };
	enum { MANY = 40000 };
	struct sstate_record r;
	struct sstate_key k;
	struct memtab *t;
	char body[1024];
	uint64_t removed;
	unsigned i, j;
	size_t each;

	memset(body, 'w', sizeof(body));
	for (j = 0; j < 8; j++) {
		held = 0;
		NEED(memtab_new(&t, &h, 1000000, 1 << 30, NULL) == 0, "table");
		for (i = 0; i < MANY; i++) {
			k = key(i);
			r = record(body, len[j % 4], LIVE + i % 1800, 1,
			    j < 4 ? 0 : 1 + (int)(i % 200));
			memcpy(r.tag, &i, j < 4 ? 0 : sizeof(i));
			if (memtab_create(t, &k, &r, NULL) != 0)
				abort();
		}
		each = held / MANY - len[j % 4];
#ifdef SSTATE_REPORTS
		printf("# %zu bytes over, under a sanitizer\n", each);
#else
		T(each <= 128, "P5 %zu bytes and %zu, %s a tag", len[j % 4],
		    each, j < 4 ? "without" : "with");
#endif
		T(memtab_reap(&removed, t, "test", LIVE + 1800, 0) == 0 &&
			removed == MANY && atomic_load(&t->entries) == 0 &&
			atomic_load(&t->bytes) == 0,
		    "all are reaped and counted");
		memtab_free(t);
		T(held == 0, "and all is freed");
	}
}

/* What lives is not looked at: mem_due() counts what it looks at in vain. */
static void
test_reap_cost(void)
{
	struct sstate_record r;
	struct mem_shard s;
	struct sstate_key k;
	uint32_t work = 1000, slot;
	unsigned i, due = 0;

	NEED(mem_shard_init(&s, &plain) == 0, "a shard");
	for (i = 0; i < 20000; i++) {
		k = key(i);
		r = record("x", 1, 1000000 + (int64_t)(i % 3600), 1, 0);
		if (mem_insert(&s, k.id, 0, &r, mem_block(&plain, &r)) != 0)
			abort();
	}
	T(mem_due(&s, 0, 999999, &work) == MEM_NIL && work == 1000,
	    "P7 nothing due: nothing is looked at");
	work = 100000;
	while ((slot = mem_due(&s, 0, 1000000 + 9, &work)) != MEM_NIL) {
		due++;
		mem_delete(&s, slot);
	}
	T(due == 60 && work >= 100000 - 64 * 6,
	    "P7 60 due: of 19,940 others those of this minute (%u)",
	    100000 - work);
	i = work;
	while ((slot = mem_due(&s, 0, 1000000 + 19, &work)) != MEM_NIL) {
		due++;
		mem_delete(&s, slot);
	}
	T(due == 120 && work == i, "P7 and those only once");
	T(mem_due(&s, 1, LIVE, &work) == MEM_NIL &&
		mem_due(&s, 77, LIVE, &work) == MEM_NIL,
	    "no such lane, no work");
	mem_shard_free(&s);
}

/* ---- Threads ---------------------------------------------------------- */

enum { THREADS = 4 };

static atomic_int bad;

/* Everything at once, over few keys, in a table that is too small. */
static void *
storm(void *arg)
{
	uint64_t rnd = (uint64_t)(uintptr_t)arg, removed;
	void *ctx = raw("memory:storm?max_entries=150", NULL);
	char body[700];
	struct sstate_record r;
	struct sstate_key k;
	struct count c;
	int i, x;

	if (ctx == NULL) {
		atomic_store(&bad, 1);
		return NULL;
	}
	memset(body, 's', sizeof(body));
	for (i = 0; i < 6000; i++) {
		rnd = mix(rnd);
		k = key(rnd >> 8 & 255);
		r = record(body, 1 + (rnd >> 20 & 511),
		    1 + (int64_t)(rnd >> 30 & 255), 1 + (rnd >> 40 & 3),
		    (int)(rnd >> 44 & 3));
		x = 0;
		switch (rnd & 7) {
		case 0:
		case 1:
			x = D->create(ctx, &k, &r, NULL);
			break;
		case 2:
		case 3:
			x = D->replace(ctx, &k, rnd >> 48 & 3, &r, NULL);
			break;
		case 4:
			x = D->remove(ctx, &k, rnd >> 48 & 3, NULL);
			break;
		case 5:
			if ((rnd >> 16 & 15) == 0)
				x = D->reap(&removed, ctx, "test",
				    (int64_t)(rnd >> 30 & 127), 20, NULL);
			break;
		case 6:
			memset(&c, 0, sizeof(c));
			if ((rnd >> 16 & 15) == 0)
				x = D->each(ctx, "test",
				    (rnd >> 21 & 1) != 0 ? r.tag : NULL, listed,
				    &c, NULL);
			break;
		default:
			x = D->get(ctx, &k, ok, NULL, NULL);
		}
		if (x != 0 && x != SSTATE_EEXIST && x != SSTATE_ENOTFOUND &&
		    x != SSTATE_ECONFLICT && x != SSTATE_EBUSY)
			atomic_store(&bad, x);
	}
	D->close(ctx);
	return NULL;
}

static void
test_storm(void)
{
	void *ctx = raw("memory:storm?max_entries=150", NULL);
	struct purge p = { ctx, 0, 0 };
	pthread_t t[THREADS];
	uint64_t n = 0;
	uintptr_t i;

	memset(model, 0, sizeof(model));
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, storm, (void *)(i + 1)) != 0)
			abort();
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
	T(atomic_load(&bad) == 0, "threads at everything at once (%d)",
	    atomic_load(&bad));
	T(D->each(ctx, "test", NULL, purge, &p, NULL) == 0 && p.failed == 0 &&
		p.n > 0 && p.n <= 150,
	    "never over its limit (%u)", p.n);
	for (i = 0; i < 150; i++)
		n += make(ctx, 5000 + i, LIVE, 0, 10, NULL) == 0;
	for (i = 0; i < 150; i++)
		n += (unsigned)there(ctx, 5000 + i);
	T(n == 300, "and its counts are right: 150 fit again");
	D->close(ctx);
}

int
main(void)
{
	test_entries();
	test_bytes();
	test_names();
	test_callbacks();
	test_copies();
	test_forks();
	test_model();
	test_weight();
	test_reap_cost();
	test_storm();
	return tap_done();
}
