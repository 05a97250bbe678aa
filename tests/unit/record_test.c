/*
 * record_test.c - payloads: every octet survives, one form, nothing else
 */
#include <securestate.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "record/record.h"
#include "tap.h"

enum { ROOM = 1 << 20 };

static uint64_t seed = 20240229;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

/* A copy that ends where its memory ends, so that a sanitizer sees more. */
static uint8_t *
tight(const void *p, size_t n)
{
	uint8_t *q = malloc(n > 0 ? n : 1);

	if (q == NULL)
		abort();
	if (n > 0)
		memcpy(q, p, n);
	return q;
}

static void
set1(struct rec *r, const char *name, const char *p, size_t n)
{
	struct sstate_val *v = arena_get(r->vals.a, sizeof(*v));

	v->ptr = arena_dup(r->vals.a, p, n);
	v->len = n;
	if (table_set(&r->vals, arena_str(r->vals.a, name), v, 1) != 0)
		abort();
}

static int
same_table(const struct table *a, const struct table *b)
{
	const char *p = NULL, *q = NULL;
	const struct entry *e, *f;
	size_t i;

	if (a->live != b->live)
		return 0;
	for (;;) {
		p = table_next(a, p);
		q = table_next(b, q);
		if (p == NULL || q == NULL)
			return p == q;
		e = table_find(a, p);
		f = table_find(b, q);
		if (strcmp(p, q) != 0 || e->n != f->n || e->counts != f->counts)
			return 0;
		for (i = 0; i < e->n; i++)
			if (e->vals[i].len != f->vals[i].len ||
			    memcmp(e->vals[i].ptr, f->vals[i].ptr,
				e->vals[i].len + 1) != 0)
				return 0;
	}
}

static int
same(const struct rec *a, const struct rec *b)
{
	size_t i;

	if (a->kind != b->kind || a->mindset != b->mindset ||
	    a->fresh != b->fresh || memcmp(a->psk, b->psk, 32) != 0 ||
	    a->id_since != b->id_since || a->login != b->login ||
	    a->grace_until != b->grace_until ||
	    memcmp(a->succ, b->succ, 45) != 0 ||
	    a->once_floor != b->once_floor || a->nonce != b->nonce ||
	    a->ncommit != b->ncommit ||
	    (a->ncommit > 0 &&
		memcmp(a->commit, b->commit, a->ncommit * 8) != 0) ||
	    (a->user == NULL) != (b->user == NULL) ||
	    (a->user != NULL && strcmp(a->user, b->user) != 0))
		return 0;
	for (i = 0; i < a->nonce; i++)
		if (a->once[i].issued != b->once[i].issued ||
		    memcmp(a->once[i].jti, b->once[i].jti, 16) != 0)
			return 0;
	return same_table(&a->vals, &b->vals);
}

/* As it is, and with each name made anew: not copied as it was read. */
static struct buf
encoded(struct arena *a, const struct rec *r)
{
	struct buf b, anew;
	struct rec c;
	uint32_t i;

	buf_init(&b, a, 256, ROOM);
	rec_encode(&b, r);
	if (rec_copy(&c, r) != 0)
		abort();
	for (i = 0; i < c.vals.n; i++)
		c.vals.e[i].as_read = 0;
	buf_init(&anew, a, 256, ROOM);
	rec_encode(&anew, &c);
	if (anew.bad != b.bad ||
	    (b.bad == 0 &&
		(anew.len != b.len || memcmp(anew.p, b.p, b.len) != 0)))
		b.bad = SSTATE_ECONFLICT;
	return b;
}

/* Comes back the same, and is written again octet by octet. */
static int
round_trips(struct arena *a, const struct rec *r)
{
	struct buf b = encoded(a, r), c;
	struct rec back;
	uint8_t *p;
	int good;

	if (b.bad != 0)
		return 0;
	p = tight(b.p, b.len);
	good = rec_decode(&back, a, p, b.len) == 0 && same(r, &back);
	if (good) {
		c = encoded(a, &back);
		good = c.bad == 0 && c.len == b.len &&
		    memcmp(c.p, b.p, b.len) == 0;
	}
	free(p);
	return good;
}

static void
rich(struct rec *r, struct arena *a)
{
	static const struct sstate_val two[2] = { { "red", 3 }, { "", 0 } };
	int i;

	rec_init(r, a);
	r->mindset = SSTATE_UNFORGETFUL;
	r->kind = REC_MOVED;
	r->fresh = 1;
	for (i = 0; i < 32; i++)
		r->psk[i] = (uint8_t)(i * 7);
	r->id_since = 1700000000;
	r->login = 1700000001;
	r->user = "alice";
	r->grace_until = 1700000120;
	memset(r->succ, 0x5a, sizeof(r->succ));
	r->once_floor = 5;
	(void)rec_once_take(r, (const uint8_t *)"0123456789abcdef", 1699990000);
	(void)rec_once_take(r, (const uint8_t *)"0123456789abcdeg", 300);
	(void)rec_commit_note(r, 77);
	(void)rec_commit_note(r, UINT64_MAX);
	set1(r, "name", "value", 5);
	(void)table_set(&r->vals, "color", two, 2);
	(void)table_set(&r->vals, "none", NULL, 0);
	set1(r, "", "a\0b", 3);
	set1(r, "hits", "12", 2);
	r->vals.e[r->vals.n - 1].counts = 1;
}

static void
test_octets(void)
{
	static const char *const odd[] = { "", " ", "\n", "\r\n", "\\", "a\\",
		"a|b", "!x", "a=1;b=2&c", "--x", "%00", "\\n", "\xff\xfe",
		"a\x01", "\x01\x02\x01", "n[]", "__proto__", "\xc3\xa4",
		"\x7f\x80", "a\n", "\na", ".id", "a:1:{s:1:\"b\";}" };
	struct arena *a = arena_new(NULL, 1 << 16);
	char name[300], all[256];
	struct rec r;
	int i, good = 1;

	for (i = 0; i < 256; i++)
		all[i] = (char)i;
	rec_init(&r, a);
	for (i = 1; i < 256; i++) {
		name[0] = (char)i;
		name[1] = '\0';
		set1(&r, name, all + i, 1);
	}
	T(round_trips(a, &r) && r.vals.live == 255,
	    "CVE-2010-3065, B19 each octet but NUL is a name, each a value");
	for (i = 0; i < 255; i++)
		name[i] = (char)(i + 1);
	name[255] = '\0';
	rec_init(&r, a);
	set1(&r, name, all, 256);
	T(round_trips(a, &r), "CVE-2010-3065 all of them in one name");
	rec_init(&r, a);
	for (i = 0; i < (int)(sizeof(odd) / sizeof(odd[0])); i++)
		set1(&r, odd[i], odd[i], strlen(odd[i]));
	T(round_trips(a, &r), "B19, defects 1 and 3: backslash, LF, dashes");
	for (i = 0; i < 2000 && good; i++) {
		size_t k, n = rnd(40), m = rnd(3) ? rnd(80) : 0;

		if (i % 20 == 0)
			rec_init(&r, a);
		for (k = 0; k < n; k++)
			name[k] = (char)(1 + rnd(255));
		name[n] = '\0';
		for (k = 0; k < m; k++)
			all[k] = (char)rnd(256);
		set1(&r, name, all, m);
		good = round_trips(a, &r);
	}
	T(good, "CVE-2010-3065 2000 random names and values");
	memset(name, 'n', 256);
	name[256] = '\0';
	rec_init(&r, a);
	set1(&r, name, "", 0);
	T(round_trips(a, &r), "R-90 a name of 256 octets, an empty value");
	arena_free(a);
}

static void
test_whole(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	const struct entry *e;
	struct rec r, back;
	struct buf b;
	uint8_t *p;
	int kind, inside = 1, m;

	for (kind = REC_LIVE; kind <= REC_MOVED; kind += REC_MOVED)
		for (m = 0; m <= SSTATE_UNFORGETFUL; m++) {
			rich(&r, a);
			r.kind = (uint8_t)kind;
			r.mindset = (uint8_t)m;
			r.fresh = m == 1;
			if (m == 2)
				r.user = NULL;
			if (kind == REC_LIVE) {
				r.grace_until = 0;
				memset(r.succ, 0, sizeof(r.succ));
			}
			T(round_trips(a, &r), "R-97 kind %d, mindset %d", kind,
			    m);
		}
	rich(&r, a);
	b = encoded(a, &r);
	p = tight(b.p, b.len);
	T(rec_decode(&back, a, p, b.len) == 0, "a rich one decodes");
	e = table_find(&back.vals, "name");
	inside = e != NULL && (const uint8_t *)e->name > p &&
	    (const uint8_t *)e->name < p + b.len &&
	    (const uint8_t *)e->vals[0].ptr > p &&
	    (const uint8_t *)e->vals[0].ptr < p + b.len;
	T(inside && strcmp(e->vals[0].ptr, "value") == 0 &&
		strcmp(back.user, "alice") == 0,
	    "names and values are slices of the payload, with a NUL after");
	e = table_find(&back.vals, "");
	T(e != NULL && e->vals[0].len == 3 &&
		memcmp(e->vals[0].ptr, "a\0b", 4) == 0,
	    "B07 an empty name; a NUL in a value");
	e = table_find(&back.vals, "none");
	T(e != NULL && e->n == 0, "B07 a name without values stays");
	free(p);
	rich(&r, a);
	r.kind = REC_ENDED;
	b = encoded(a, &r);
	T(b.bad == 0 && b.len == 2 && memcmp(b.p, "\1\1", 2) == 0,
	    "I4 an ended stub keeps nothing of what it was");
	memset(&back, 0xff, sizeof(back));
	T(rec_decode(&back, a, b.p, b.len) == 0 && back.kind == REC_ENDED &&
		back.user == NULL && back.vals.live == 0 && back.psk[3] == 0,
	    "I4 and opens as one");
	arena_free(a);
}

static void
test_table_forms(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	struct rec r, back, more;
	struct table t;
	struct buf b;

	rec_init(&r, a);
	set1(&r, "z", "1", 1);
	set1(&r, "gone", "2", 1);
	set1(&r, "a", "3", 1);
	table_del(&r.vals, "gone");
	b = encoded(a, &r);
	T(b.bad == 0 && rec_decode(&back, a, b.p, b.len) == 0 &&
		back.vals.n == 2 &&
		strcmp(table_next(&back.vals, NULL), "z") == 0 &&
		strcmp(table_next(&back.vals, "z"), "a") == 0,
	    "order is kept, what was removed is not written");
	T(memmem(b.p, b.len, "gone", 4) == NULL, "R-26 nor its name");
	buf_init(&b, a, 64, ROOM);
	map_encode(&b, &r.vals);
	T(b.bad == 0 && map_decode(&t, a, b.p, b.len) == 0 &&
		same_table(&r.vals, &t),
	    "K09 a map alone, as page state carries it");
	T(map_decode(&t, a, b.p, b.len - 1) == SSTATE_EPARSE && t.live == 0 &&
		t.e == NULL,
	    "R-98 a map cut is nothing");
	rec_init(&r, a);
	set1(&r, "a", "1", 1);
	NEED(rec_copy(&back, &r) == 0, "copied");
	set1(&back, "a", "2", 1);
	set1(&back, "b", "2", 1);
	NEED(rec_commit_note(&r, 5) == 0 && rec_copy(&more, &r) == 0 &&
		rec_commit_note(&more, 7) == 0,
	    "noted");
	T(r.vals.live == 1 && table_find(&r.vals, "a")->vals[0].ptr[0] == '1' &&
		r.ncommit == 1 && r.commit[0] == 5 && more.ncommit == 2,
	    "a copy changes alone");
	arena_free(a);
}

/* One of what a request does to a name, as record/ops.c does it. */
static void
change(struct rec *r, const char *name, uint32_t what)
{
	struct sstate_val *v = arena_get(r->vals.a, 3 * sizeof(*v));
	const struct entry *e;
	char text[300];
	uint32_t i;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < 3; i++) {
		v[i].len = rnd(10) == 0 ? rnd(sizeof(text)) : rnd(6);
		v[i].ptr = arena_dup(r->vals.a, text, v[i].len);
	}
	if (what < 3) {
		if (table_set(&r->vals, name, v, what) != 0)
			abort();
		e = table_find(&r->vals, name);
		if (rnd(4) == 0)
			r->vals.e[e - r->vals.e].counts = 1;
	} else if (what < 5) {
		if (table_add(&r->vals, name, v) != 0)
			abort();
	} else if (what < 7)
		table_del(&r->vals, name);
	else if (what == 7 && rnd(8) == 0)
		table_clear(&r->vals);
}

/* Read, changed, written, read: as by requests one after another. */
static void
test_changes(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	struct rec r, back;
	struct buf b;
	char name[80];
	size_t values;
	int good = 1, i, k;

	rec_init(&r, a);
	for (i = 0; i < 2000 && good; i++) {
		for (k = (int)rnd(5); k > 0; k--) {
			(void)snprintf(name, sizeof(name), "%0*u",
			    rnd(9) == 0 ? 70 : (int)rnd(10) + 1, rnd(12));
			change(&r, arena_str(a, name), rnd(8));
		}
		b = encoded(a, &r);
		good = b.bad == 0 && rec_decode(&back, a, b.p, b.len) == 0 &&
		    same(&r, &back) && rec_copy(&r, &back) == 0 &&
		    rec_weight(&r, &values) <= r.most_bytes &&
		    values <= r.most_values;
	}
	T(good, "R-97 what was read and changed is written as if made anew");
	arena_free(a);
}

/* Whatever it is: refused, or exactly what would be written. */
static int
sound(const uint8_t *p, size_t n)
{
	struct arena *a = arena_new(NULL, 1 << 14);
	struct rec r;
	struct buf b;
	int rc, good;

	rc = rec_decode(&r, a, p, n);
	if (rc != 0) {
		good = (rc == SSTATE_EPARSE || rc == SSTATE_ETOOBIG) &&
		    r.vals.live == 0 && r.user == NULL && r.nonce == 0;
	} else {
		b = encoded(a, &r);
		good = b.bad == 0 && b.len == n && memcmp(b.p, p, n) == 0;
	}
	arena_free(a);
	return good ? (rc == 0 ? 1 : 2) : 0;
}

static void
test_damage(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	unsigned took = 0, bad = 0, whole = 0;
	struct rec r, back;
	struct buf b;
	uint8_t *p;
	size_t i, n;
	int k, c;

	rich(&r, a);
	b = encoded(a, &r);
	for (n = 0; n < b.len; n++) {
		p = tight(b.p, n);
		whole += rec_decode(&back, a, p, n) == 0;
		free(p);
	}
	T(whole == 0, "R-98 cut at each octet of %zu: never a shorter record",
	    b.len);
	p = tight(b.p, b.len + 1);
	p[b.len] = 0;
	T(rec_decode(&back, a, p, b.len + 1) == SSTATE_EPARSE,
	    "R-98 nothing may follow");
	for (i = 0; i < b.len * 8; i++) {
		p[i / 8] ^= (uint8_t)(1u << i % 8);
		c = sound(p, b.len);
		took += c == 1;
		bad += c == 0;
		p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	T(bad == 0 && took > 0,
	    "R-97 each of %zu bits flipped: refused, or the one form of "
	    "another (%u)",
	    b.len * 8, took);
	free(p);
	for (k = 0, bad = took = 0; k < 30000; k++) {
		n = b.len + rnd(3) - 1;
		p = tight(b.p, b.len + 1);
		p[b.len] = (uint8_t)rnd(256);
		for (c = (int)rnd(4); c >= 0; c--)
			p[rnd((uint32_t)n)] =
			    (uint8_t)(rnd(3) ? rnd(256) : rnd(4));
		c = sound(p, n);
		took += c == 1;
		bad += c == 0;
		free(p);
	}
	T(bad == 0 && took > 0, "R-97 30000 times some octets changed (%u)",
	    took);
	for (k = 0, bad = 0; k < 30000; k++) {
		uint8_t junk[64];

		n = rnd(sizeof(junk));
		for (i = 0; i < n; i++)
			junk[i] = (uint8_t)(rnd(2) ? rnd(256) : rnd(3));
		p = tight(junk, n);
		bad += sound(p, n) == 0;
		bad +=
		    map_decode(&back.vals, a, p, n) != 0 && back.vals.live != 0;
		free(p);
	}
	T(bad == 0, "R-97 30000 times junk");
	arena_free(a);
}

static void
test_limits(void)
{
	static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
	struct arena *a = arena_new(NULL, 1 << 16);
	char text[300];
	struct rec r, back;
	struct buf b;
	size_t used, n;

	memset(text, 'u', sizeof(text));
	text[257] = '\0';
	rec_init(&r, a);
	r.user = text;
	T(encoded(a, &r).bad == SSTATE_ETOOBIG, "R-103 a user of 257 octets");
	text[256] = '\0';
	T(round_trips(a, &r), "R-103 one of 256 is fine");
	rec_init(&r, a);
	text[256] = 'u';
	set1(&r, text, "", 0);
	T(encoded(a, &r).bad == SSTATE_ETOOBIG, "R-90 a name of 257 octets");
	rec_init(&r, a);
	r.login = -1;
	T(encoded(a, &r).bad == SSTATE_EINVAL, "R-23 no time before 1970");
	r.login = INT64_MAX;
	T(round_trips(a, &r), "the latest time");
	rec_init(&r, a);
	set1(&r, "a", "0123456789", 10);
	buf_init(&b, a, 8, 40);
	rec_encode(&b, &r);
	T(b.bad == SSTATE_ETOOBIG && b.len <= 40, "a full buffer says so");
	rec_init(&r, a);
	b = encoded(a, &r);
	n = b.len - 2; /* before the map */
	b.len = n;
	buf_put(&b, huge, sizeof(huge) - 1);
	buf_put(&b, huge, sizeof(huge) - 1);
	used = arena_used(a);
	T(rec_decode(&back, a, b.p, b.len) == SSTATE_EPARSE &&
		arena_used(a) - used < 1024,
	    "R-90 2^63 names take no memory");
	T(rec_decode(&back, a, b.p, LIMIT_RECORD_BYTES + 1) == SSTATE_ETOOBIG,
	    "R-90 16 MiB is the most");
	arena_free(a);
}

static void
test_weight(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	size_t values = 99;
	struct rec r;

	rec_init(&r, a);
	T(rec_weight(&r, &values) == 0 && values == 0,
	    "nothing weighs nothing");
	rich(&r, a);
	/* name value color red none "" a.b hits 12 */
	T(rec_weight(&r, &values) == 4 + 5 + 5 + 3 + 4 + 0 + 3 + 4 + 2 &&
		values == 6,
	    "R-90 names and values weigh, an empty list counts as one");
	table_del(&r.vals, "color");
	T(rec_weight(&r, &values) == 22 && values == 4,
	    "what was removed does not");
	arena_free(a);
}

static void
jti_of(uint8_t jti[16], uint32_t k)
{
	memset(jti, 0, 16);
	put32(jti, k * 2654435761u);
	put32(jti + 4, k);
}

static void
test_once(void)
{
	enum { MANY = 400 };
	struct arena *a = arena_new(NULL, 1 << 16);
	int taken[MANY] = { 0 };
	int64_t when[MANY], floor = 0;
	unsigned twice = 0, wrong = 0, fell = 0, form = 0, ok = 0;
	uint8_t jti[16];
	struct rec r;
	uint32_t i, k;
	int rc;

	rec_init(&r, a);
	for (i = 1; i <= LIMIT_ONCE; i++) {
		jti_of(jti, i);
		if (rec_once_take(&r, jti, 1000 + (int64_t)i) != 0)
			wrong++;
	}
	T(wrong == 0 && r.nonce == LIMIT_ONCE && r.once_floor == 0,
	    "the last %u used pages are kept", LIMIT_ONCE);
	jti_of(jti, 7);
	T(rec_once_used(&r, jti, 1007) &&
		rec_once_take(&r, jti, 1007) == SSTATE_EEXIST,
	    "a once page is good once");
	jti_of(jti, 65);
	T(rec_once_take(&r, jti, 1065) == 0 && r.nonce == LIMIT_ONCE &&
		r.once_floor == 1001,
	    "the earliest leaves the list and raises the floor");
	jti_of(jti, 1);
	T(rec_once_take(&r, jti, 1001) == SSTATE_EEXIST,
	    "so that it stays used");
	jti_of(jti, 66);
	T(rec_once_take(&r, jti, 1001) == SSTATE_EEXIST && r.nonce == 64,
	    "at the floor is stale, used or not");
	jti_of(jti, 67);
	T(rec_once_take(&r, jti, 1002) == 0 && r.once_floor == 1002 &&
		rec_once_take(&r, jti, 1002) == SSTATE_EEXIST,
	    "one as early as the earliest is told by the floor alone");
	T(round_trips(a, &r), "and all that is kept round-trips");
	rec_init(&r, a);
	for (k = 0; k < MANY; k++)
		when[k] = 1 + (int64_t)k / 8 + rnd(30);
	for (i = 0; i < 6000; i++) {
		k = rnd(MANY);
		jti_of(jti, k);
		rc = rec_once_take(&r, jti, when[k]);
		twice += rc == 0 && taken[k];
		wrong += rc != 0 && !taken[k] && when[k] > floor;
		ok += rc == 0;
		fell += r.once_floor < floor;
		floor = r.once_floor;
		taken[k] |= rc == 0;
		if (i % 100 == 0)
			form += !round_trips(a, &r);
	}
	T(twice == 0 && ok > LIMIT_ONCE, "never twice, in 6000 random takes");
	T(wrong == 0 && fell == 0 && form == 0,
	    "none is refused but used ones and those at the floor");
	arena_free(a);
}

static void
test_commits(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	struct rec r;
	uint64_t i;

	rec_init(&r, a);
	T(!rec_commit_known(&r, 0), "no commit id is known at first, not 0");
	for (i = 1; i <= LIMIT_COMMIT_IDS; i++)
		(void)rec_commit_note(&r, i << 40);
	T(r.ncommit == 16 && rec_commit_known(&r, 1ull << 40) &&
		rec_commit_known(&r, 16ull << 40),
	    "the last 16 commit ids are known");
	(void)rec_commit_note(&r, 3ull << 40);
	T(r.ncommit == 16 && rec_commit_known(&r, 1ull << 40),
	    "one that is known takes no place");
	(void)rec_commit_note(&r, 17ull << 40);
	T(r.ncommit == 16 && !rec_commit_known(&r, 1ull << 40) &&
		rec_commit_known(&r, 2ull << 40) && r.commit[15] == 17ull << 40,
	    "the 17th pushes out the first");
	T(round_trips(a, &r), "and they round-trip");
	arena_free(a);
}

/* ---- No memory ---- */

struct quota {
	unsigned n;
};

static void *
quota_alloc(void *arg, void *p, size_t oldsz, size_t newsz)
{
	struct quota *q = arg;

	(void)oldsz;
	if (newsz == 0) {
		free(p);
		return NULL;
	}
	return q->n-- == 0 ? (q->n = 0, NULL) : malloc(newsz);
}

static void
test_memory(void)
{
	struct arena *a = arena_new(NULL, 1 << 16), *small;
	struct rec r, back;
	struct buf b;
	struct quota q;
	struct hook h = { quota_alloc, &q };
	unsigned n, i, wrong = 0;
	uint8_t jti[16];
	char name[16];
	int rc = SSTATE_ENOMEM;

	rec_init(&r, a);
	for (i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "name%u", i);
		set1(&r, name, name, 3);
	}
	for (i = 1; i <= LIMIT_COMMIT_IDS; i++) {
		jti_of(jti, i);
		NEED(rec_once_take(&r, jti, i) == 0 &&
			rec_commit_note(&r, i) == 0,
		    "mark %u", i);
	}
	b = encoded(a, &r);
	for (n = 1; n < 100 && rc != 0; n++) {
		q.n = n;
		NEED((small = arena_new(&h, 0)) != NULL, "block %u", n);
		rc = rec_decode(&back, small, b.p, b.len);
		wrong +=
		    rc != 0 && (rc != SSTATE_ENOMEM || back.vals.live != 0);
		wrong += rc == 0 && !same(&r, &back);
		arena_free(small);
	}
	T(rc == 0 && wrong == 0 && n > 2,
	    "the n-th allocation fails: ENOMEM and nothing, or all");
	arena_free(a);
}

/* ---- Vectors ---- */

struct text {
	char p[1 << 16];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + t->n, sizeof(t->p) - t->n, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(t->p) - t->n)
		abort();
	t->n += (size_t)n;
}

static void
add_hex(struct text *t, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t i;

	if (n == 0)
		add(t, "\"\"");
	for (i = 0; i < n; i++)
		add(t, "%02x", b[i]);
}

static void
add_map(struct text *t, const struct table *m)
{
	const struct entry *e;
	const char *name;
	size_t i;

	for (name = table_next(m, NULL); name; name = table_next(m, name)) {
		e = table_find(m, name);
		add(t, "name ");
		add_hex(t, name, strlen(name));
		add(t, e->counts ? " counts\n" : " plain\n");
		for (i = 0; i < e->n; i++) {
			add(t, "value ");
			add_hex(t, e->vals[i].ptr, e->vals[i].len);
			add(t, "\n");
		}
	}
}

static void
add_rec(struct text *t, const struct rec *r)
{
	static const char *const kinds[] = { "live", "ended", "moved" };
	static const char *const minds[] = { "none", "forgetful",
		"unforgetful" };
	uint8_t id[8];
	size_t i;

	add(t, "kind %s\n", kinds[r->kind]);
	if (r->kind == REC_ENDED)
		return;
	add(t, "mindset %s\nfresh %d\npsk ", minds[r->mindset], r->fresh);
	add_hex(t, r->psk, 32);
	add(t, "\nid_since %lld\nlogin %lld\n", (long long)r->id_since,
	    (long long)r->login);
	if (r->user != NULL) {
		add(t, "user ");
		add_hex(t, r->user, strlen(r->user));
		add(t, "\n");
	}
	if (r->kind == REC_MOVED) {
		add(t, "grace_until %lld\nsucc ", (long long)r->grace_until);
		add_hex(t, r->succ, 45);
		add(t, "\n");
	}
	add(t, "floor %lld\n", (long long)r->once_floor);
	for (i = 0; i < r->nonce; i++) {
		add(t, "once ");
		add_hex(t, r->once[i].jti, 16);
		add(t, " %lld\n", (long long)r->once[i].issued);
	}
	for (i = 0; i < r->ncommit; i++) {
		put64(id, r->commit[i]);
		add(t, "commit ");
		add_hex(t, id, 8);
		add(t, "\n");
	}
	add_map(t, &r->vals);
}

static int
nibble(int c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static FILE *
open_vectors(void)
{
	char path[4096];
	const char *cut = strstr(__FILE__, "unit/record_test.c");
	FILE *f = NULL;

	if (cut != NULL) {
		(void)snprintf(path, sizeof(path), "%.*svectors/payload.txt",
		    (int)(cut - __FILE__), __FILE__);
		f = fopen(path, "r");
	}
	return f != NULL ? f : fopen("tests/vectors/payload.txt", "r");
}

static void
check_vector(const char *head, const uint8_t *b, size_t n, const char *want)
{
	static struct text got;
	struct arena *a = arena_new(NULL, 1 << 14);
	int is_map =
	    strncmp(head, "map ", 4) == 0 || strncmp(head, "badmap ", 7) == 0;
	uint8_t *p = tight(b, n);
	struct rec r;
	struct buf out;
	int rc;

	rec_init(&r, a);
	rc = is_map ? map_decode(&r.vals, a, p, n) : rec_decode(&r, a, p, n);
	if (strncmp(head, "bad", 3) == 0) {
		T(rc ==
			(strstr(head, " toobig ") ? SSTATE_ETOOBIG
						  : SSTATE_EPARSE),
		    "R-97 vector: %s", head);
	} else if (T(rc == 0, "R-97 vector: %s", head)) {
		got.n = 0;
		got.p[0] = '\0';
		if (is_map)
			add_map(&got, &r.vals);
		else
			add_rec(&got, &r);
		T(strcmp(got.p, want) == 0, "its content: %s", head);
		buf_init(&out, a, n, ROOM);
		if (is_map)
			map_encode(&out, &r.vals);
		else
			rec_encode(&out, &r);
		T(out.bad == 0 && out.len == n && memcmp(out.p, b, n) == 0,
		    "written again: %s", head);
	}
	free(p);
	arena_free(a);
}

static void
test_vectors(void)
{
	static struct text want;
	static uint8_t b[8192];
	char line[4096], head[4096] = "";
	size_t n = 0, i;
	FILE *f;

	NEED((f = open_vectors()) != NULL, "tests/vectors/payload.txt opens");
	while (fgets(line, sizeof(line), f) != NULL) {
		if (head[0] == '\0') {
			if (line[0] == '#' || line[0] == '\n')
				continue;
			line[strcspn(line, "\n")] = '\0';
			(void)snprintf(head, sizeof(head), "%s", line);
			n = want.n = 0;
			want.p[0] = '\0';
		} else if (strcmp(line, "end\n") == 0) {
			check_vector(head, b, n, want.p);
			head[0] = '\0';
		} else if (strncmp(line, "payload ", 8) == 0) {
			for (i = 8; line[i] != '\n' && line[i] != '"'; i += 2)
				b[n++] = (uint8_t)(nibble(line[i]) << 4 |
				    nibble(line[i + 1]));
		} else
			add(&want, "%s", line);
	}
	(void)fclose(f);
}

int
main(void)
{
	test_octets();
	test_whole();
	test_table_forms();
	test_changes();
	test_damage();
	test_limits();
	test_weight();
	test_once();
	test_commits();
	test_memory();
	test_vectors();
	return tap_done();
}
