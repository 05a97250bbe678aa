/*
 * ops_test.c - operations and their replay, against a model that is naive
 */
#include <inttypes.h>

#include <securestate.h>

#include "base/arena.h"
#include "record/ops.h"
#include "record/record.h"
#include "tap.h"

static uint64_t seed = 42;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static struct sstate_val *
val_of(struct arena *a, const char *s)
{
	struct sstate_val *v = arena_get(a, sizeof(*v));

	v->ptr = arena_str(a, s);
	v->len = strlen(s);
	return v;
}

static void
push(struct ops *o, int kind, const char *name, const char *value, int64_t by)
{
	struct op op = { kind, name, NULL, 0, by, NULL };

	if (value != NULL) {
		op.vals = val_of(o->a, value);
		op.n = 1;
	}
	if (ops_push(o, &op) != 0)
		abort();
}

/*
 * "x=1 y+2 -z * ?w=3": set x, add 2 to y, delete z, clear, set w if absent.
 */
static void
push_text(struct ops *o, const char *text)
{
	char *s = arena_str(o->a, text), *w, *save = NULL, *v;

	for (w = strtok_r(s, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (*w == '*')
			push(o, OP_CLEAR, NULL, NULL, 0);
		else if (*w == '-')
			push(o, OP_DEL, w + 1, NULL, 0);
		else if ((v = strchr(w, '=')) != NULL) {
			*v++ = '\0';
			push(o, *w == '?' ? OP_SET_ABSENT : OP_SET,
			    *w == '?' ? w + 1 : w, v, 0);
		} else if ((v = strchr(w, '+')) != NULL) {
			*v++ = '\0';
			push(o, OP_INCR, w, NULL, strtoll(v, NULL, 10));
		} else
			abort();
	}
}

/* "x=1 y=2#": names and first values in order, # if it counts. */
static const char *
shown(struct arena *a, const struct rec *r)
{
	const struct entry *e;
	const char *name;
	struct buf b;

	buf_init(&b, a, 64, 1 << 16);
	for (name = table_next(&r->vals, NULL); name != NULL;
	     name = table_next(&r->vals, name)) {
		e = table_find(&r->vals, name);
		if (b.len > 0)
			buf_byte(&b, ' ');
		buf_str(&b, name);
		buf_byte(&b, '=');
		if (e->n > 0)
			buf_put(&b, e->vals[0].ptr, e->vals[0].len);
		if (e->counts)
			buf_byte(&b, '#');
	}
	return buf_cstr(&b);
}

/* As a request finds it: what was written, decoded again. */
static void
reread(struct rec *out, struct arena *a, const struct rec *r)
{
	struct buf b;

	buf_init(&b, a, 256, 1 << 20);
	rec_encode(&b, r);
	if (b.bad != 0 || rec_decode(out, a, b.p, b.len) != 0)
		abort();
}

static void
test_number(void)
{
	static const struct {
		const char *s;
		int good;
		int64_t v;
	} c[] = {
		{ "0", 1, 0 },
		{ "1", 1, 1 },
		{ "-1", 1, -1 },
		{ "10", 1, 10 },
		{ "9223372036854775807", 1, INT64_MAX },
		{ "-9223372036854775808", 1, INT64_MIN },
		{ "9223372036854775808", 0, 0 },
		{ "-9223372036854775809", 0, 0 },
		{ "9223372036854775810", 0, 0 },
		{ "99999999999999999999", 0, 0 },
		{ "18446744073709551616", 0, 0 },
		{ "", 0, 0 },
		{ "-", 0, 0 },
		{ "-0", 0, 0 },
		{ "00", 0, 0 },
		{ "01", 0, 0 },
		{ "-01", 0, 0 },
		{ "+1", 0, 0 },
		{ " 1", 0, 0 },
		{ "1 ", 0, 0 },
		{ "1.0", 0, 0 },
		{ "1e3", 0, 0 },
		{ "0x1", 0, 0 },
		{ "--1", 0, 0 },
		{ "1-", 0, 0 },
		{ "a", 0, 0 },
	};
	char text[32];
	int64_t v, w;
	size_t i;
	int n, good = 1;

	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		v = 77;
		T((number_parse(&v, c[i].s, strlen(c[i].s)) == 0) ==
			    c[i].good &&
			v == c[i].v,
		    "a number as INCR takes it: \"%s\"", c[i].s);
	}
	T(number_parse(&v, "1\0", 2) == SSTATE_EPARSE &&
		number_parse(&v, "1\n", 2) == SSTATE_EPARSE &&
		number_parse(&v, "\xb2", 1) == SSTATE_EPARSE,
	    "no NUL, LF or other octet in a number");
	T(number_parse(&v, "123", 2) == 0 && v == 12, "a length, not a NUL");
	for (i = 0; i < 5000 && good; i++) {
		w = (int64_t)(((uint64_t)rnd(1u << 31) << 33 |
				  (uint64_t)rnd(1u << 31) << 2 | rnd(4)) >>
		    rnd(64));
		if (rnd(2))
			w = (int64_t)(0 - (uint64_t)w);
		n = snprintf(text, sizeof(text), "%" PRId64, w);
		good = number_parse(&v, text, (size_t)n) == 0 && v == w;
	}
	T(good, "5000 random numbers");
}

static void
test_incr(void)
{
	static const struct {
		const char *had; /* operations before */
		int64_t by;
		int rc;
		const char *then;
	} c[] = {
		{ "", 1, 0, "n=1#" },
		{ "", 0, 0, "n=0#" },
		{ "", INT64_MIN, 0, "n=-9223372036854775808#" },
		{ "n+1", 1, 0, "n=2#" },
		{ "n=1", 1, 0, "n=2" },
		{ "n=-5", 5, 0, "n=0" },
		{ "n+1 n=1", 1, 0, "n=2" },
		{ "n=1 -n", 1, 0, "n=1#" },
		{ "n=1 *", 3, 0, "n=3#" },
		{ "n=9223372036854775806", 1, 0, "n=9223372036854775807" },
		{ "n=9223372036854775807", 1, SSTATE_ECONFLICT, NULL },
		{ "n=-9223372036854775808", -1, SSTATE_ECONFLICT, NULL },
		{ "n=-9223372036854775808", INT64_MIN, SSTATE_ECONFLICT, NULL },
		{ "n=", 1, SSTATE_ECONFLICT, NULL },
		{ "n=abc", 1, SSTATE_ECONFLICT, NULL },
		{ "n=007", 1, SSTATE_ECONFLICT, NULL },
		{ "n=1.5", 1, SSTATE_ECONFLICT, NULL },
	};
	static const struct sstate_val two[2] = { { "1", 1 }, { "2", 1 } };
	struct arena *a = arena_new(NULL, 1 << 16);
	struct op op = { OP_INCR, "n", NULL, 0, 1, NULL };
	struct ops o;
	struct rec r, was;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		rec_init(&r, a);
		ops_init(&o, a);
		push_text(&o, c[i].had);
		if (ops_replay(&r, &r, &o, 0) != 0)
			abort();
		op.by = c[i].by;
		rc = op_apply(&r, &op);
		T(rc == c[i].rc &&
			(rc != 0 || strcmp(shown(a, &r), c[i].then) == 0),
		    "INCR by %" PRId64 " after \"%s\": %s", c[i].by, c[i].had,
		    shown(a, &r));
	}
	op.by = 1;
	rec_init(&r, a);
	(void)table_set(&r.vals, "n", two, 2);
	T(op_apply(&r, &op) == SSTATE_ECONFLICT, "two values are no number");
	rec_init(&r, a);
	(void)table_set(&r.vals, "n", NULL, 0);
	T(op_apply(&r, &op) == 0 && strcmp(shown(a, &r), "n=1") == 0,
	    "B07 a name that was emptied begins at 0");
	rec_init(&r, a);
	rec_init(&was, a);
	ops_init(&o, a);
	push_text(&o, "x=1 n+1");
	push(&o, OP_SET, "n", "x", 0);
	push_text(&o, "n+1");
	T(ops_replay(&r, &was, &o, 0) == SSTATE_ECONFLICT,
	    "no number in the middle fails the whole");
	op.kind = 99;
	T(op_apply(&r, &op) == SSTATE_EINVAL, "an operation that is none");
	arena_free(a);
}

/*
 * base, then another request's operations, then ours: what is there then,
 * without and with SSTATE_STRICT (NULL: ECONFLICT).
 */
static const struct {
	const char *base, *theirs, *ours, *loose, *strict;
} races[] = {
	/* different names */
	{ "", "x=1", "y=2", "x=1 y=2", "x=1 y=2" },
	{ "x=0 y=0", "x=1", "y=2", "x=1 y=2", "x=1 y=2" },
	{ "x=0 y=0", "-x", "y=2", "y=2", "y=2" },
	{ "x=0 y=0", "x=1", "-y", "x=1", "x=1" },
	{ "x=0 n+1", "n+1", "x=1", "x=1 n=2#", "x=1 n=2#" },
	/* set, set */
	{ "", "x=1", "x=2", "x=2", NULL },
	{ "x=0", "x=1", "x=2", "x=2", NULL },
	{ "x=0", "", "x=2", "x=2", "x=2" },
	/* set, delete */
	{ "x=0", "-x", "x=2", "x=2", NULL },
	{ "x=0", "x=1", "-x", "", NULL },
	{ "x=0", "-x", "-x", "", NULL },
	{ "", "-x", "x=2", "x=2", "x=2" },
	{ "x=0", "-x x=1", "x=2", "x=2", NULL },
	/* clear, any */
	{ "x=0 y=0", "*", "x=2", "x=2", NULL },
	{ "x=0 y=0", "x=1", "*", "", NULL },
	{ "x=0 y=0", "z=1", "*", "", NULL },
	{ "x=0 y=0", "-y", "*", "", NULL },
	{ "x=0 n+1", "n+1", "*", "", NULL },
	{ "x=0 y=0", "*", "*", "", NULL },
	{ "x=0 y=0", "-y z=1", "*", "", NULL },
	{ "x=0 y=0", "", "* z=1", "z=1", "z=1" },
	{ "x=0 y=0", "x=1", "* z=1", "z=1", NULL },
	/* counters */
	{ "", "n+1", "n+2", "n=3#", "n=3#" },
	{ "n+5", "n+1", "n+2", "n=8#", "n=8#" },
	{ "n+5", "n+1 n+1 n+1", "n+2 n+2", "n=12#", "n=12#" },
	{ "n=5", "", "n+2", "n=7", "n=7" },
	{ "n+5", "n=1", "n+2", "n=3", NULL },
	{ "n+5", "n=5", "n+2", "n=7", NULL },
	{ "n+5", "-n", "n+2", "n=2#", NULL },
	{ "n+5", "*", "n+2", "n=2#", NULL },
	{ "", "n=1", "n+2", "n=3", NULL },
	{ "n=5", "n=6", "n+2", "n=8", NULL },
	{ "n=5", "-n n+1", "n+2", "n=3#", NULL },
	{ "n+5", "n+1", "n=2", "n=2", NULL },
	{ "n+5", "n+1", "-n", "", NULL },
	{ "", "n+1", "n=2", "n=2", NULL },
	{ "n+5", "n+1", "n+2 n=9", "n=9", NULL },
	{ "n+5", "n=x", "n+2", NULL, NULL },
	{ "n+5", "n+9223372036854775802", "n+1", NULL, NULL },
	/* set if absent: stored wins, also when it was stored a moment ago */
	{ "", "x=1", "?x=2", "x=1", "x=1" },
	{ "x=0", "x=1", "?x=2", "x=1", "x=1" },
	{ "x=0", "-x", "?x=2", "x=2", "x=2" },
	{ "", "?x=1", "?x=2", "x=1", "x=1" },
	{ "", "?x=1", "x=2", "x=2", NULL },
	{ "", "n+1", "?n=7", "n=1#", "n=1#" },
	{ "", "", "?x=2 ?x=3", "x=2", "x=2" },
	{ "x=0", "", "-x ?x=3", "x=3", "x=3" },
};

static void
test_races(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	struct rec base, theirs, r, *was = &base;
	struct ops b, t, o;
	const char *want;
	size_t i;
	int strict, rc;

	for (i = 0; i < sizeof(races) / sizeof(races[0]); i++) {
		ops_init(&b, a);
		ops_init(&t, a);
		ops_init(&o, a);
		push_text(&b, races[i].base);
		push_text(&t, races[i].theirs);
		push_text(&o, races[i].ours);
		rec_init(&r, a);
		if (ops_replay(&r, &r, &b, 0) != 0)
			abort();
		reread(&base, a, &r);
		if (rec_copy(&r, &base) != 0 || ops_replay(&r, was, &t, 0) != 0)
			abort();
		reread(&theirs, a, &r);
		for (strict = 0; strict < 2; strict++) {
			want = strict ? races[i].strict : races[i].loose;
			if (rec_copy(&r, &theirs) != 0)
				abort();
			rc = ops_replay(&r, was, &o, strict);
			T(want == NULL
				? rc == SSTATE_ECONFLICT
				: (rc == 0 && strcmp(shown(a, &r), want) == 0),
			    "R-33%s \"%s\": \"%s\", then \"%s\": %s",
			    strict ? " STRICT" : "", races[i].base,
			    races[i].theirs, races[i].ours,
			    rc == 0 ? shown(a, &r) : "conflict");
		}
	}
	arena_free(a);
}

static void
test_marks(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	uint8_t jti[16] = "used once, page", psk[32];
	struct op once = { OP_ONCE, NULL, NULL, 0, 500, jti };
	struct op login = { OP_LOGIN, "bob", NULL, 0, 900, psk };
	struct op used = { OP_USED, NULL, NULL, 0, 0, NULL };
	struct rec r, was, now;
	struct ops o;
	unsigned i;
	int rc;

	memset(psk, 0xa5, sizeof(psk));
	rec_init(&r, a);
	r.fresh = 1;
	ops_init(&o, a);
	T(ops_push(&o, &once) == 0 && ops_push(&o, &login) == 0 &&
		ops_push(&o, &used) == 0,
	    "marks are pushed");
	T(ops_replay(&r, &r, &o, 1) == 0 && r.nonce == 1 && r.fresh == 0 &&
		strcmp(r.user, "bob") == 0 && r.login == 900 &&
		memcmp(r.psk, psk, 32) == 0,
	    "a once page, a login with its psk, a used id");
	reread(&now, a, &r);
	T(ops_replay(&now, &now, &o, 0) == SSTATE_EEXIST,
	    "a once page is good once: EEXIST on the newer record");
	login.name = NULL;
	login.bytes = NULL;
	T(op_apply(&r, &login) == 0 && r.user == NULL &&
		memcmp(r.psk, psk, 32) == 0,
	    "nobody, and the psk that was");
	rec_init(&was, a);
	ops_init(&o, a);
	for (i = 0; i < LIMIT_ONCE; i++) {
		uint8_t *j = arena_zero(a, 16);

		j[0] = (uint8_t)i;
		once.bytes = j;
		once.by = 1000 + (int64_t)i;
		if (ops_push(&o, &once) != 0)
			abort();
	}
	NEED(rec_copy(&now, &was) == 0, "copied");
	T(ops_replay(&now, &was, &o, 0) == 0 && now.nonce == LIMIT_ONCE,
	    "%u once pages in one request", LIMIT_ONCE);
	once.by = 1001;
	once.bytes = jti;
	rc = op_apply(&now, &once);
	T(rc == 0 && now.once_floor == 1000, "the floor rises by replay too");
	once.by = 1000;
	T(op_apply(&now, &once) == SSTATE_EEXIST, "and what it holds is stale");
	arena_free(a);
}

/* ---- What a request did not do, a replay does not do (R-33) ---- */

static void
test_no_more_than_done(void)
{
	struct arena *a = arena_new(NULL, 1 << 16);
	struct rec base, now;
	struct ops o;

	rec_init(&base, a);
	ops_init(&o, a);
	push_text(&o, "read=1 mine=1");
	NEED(ops_replay(&base, &base, &o, 0) == 0, "a base");
	rec_init(&now, a); /* another request deleted both */
	ops_init(&o, a);
	push_text(&o, "mine=2");
	T(ops_replay(&now, &base, &o, 0) == 0 &&
		strcmp(shown(a, &now), "mine=2") == 0,
	    "a deleted name that this request only read stays deleted");
	arena_free(a);
}

/* ---- Random requests against a naive model ---- */

enum { NAMES = 5, REQS = 3, MAXOPS = 6, VALS = 3, ROUNDS = 4000 };

static const char *const names[NAMES] = { "", "n", "a\\", "a", "\xff\n" };

/* One name as the model has it: a list of small strings, and a history. */
struct cell {
	int there, n, adds; /* adds: made by adding alone */
	char v[VALS][24];
	unsigned sets; /* sets and deletions that touched it */
};

struct model {
	struct cell c[NAMES];
};

struct request {
	struct ops o;
	struct rec was;
	struct model seen;
	unsigned rev;
};

static int
model_incr(struct cell *c, int64_t by)
{
	long long v = 0, w;
	char back[24], *end;

	if (c->there && c->n > 1)
		return 0;
	if (c->there && c->n == 1) {
		v = strtoll(c->v[0], &end, 10);
		(void)snprintf(back, sizeof(back), "%lld", v);
		if (strcmp(back, c->v[0]) != 0)
			return 0;
	}
	if ((by > 0 && v > INT64_MAX - by) || (by < 0 && v < INT64_MIN - by))
		return 0;
	w = v + by;
	if (!c->there)
		c->adds = 1;
	c->there = 1;
	c->n = 1;
	(void)snprintf(c->v[0], sizeof(c->v[0]), "%lld", w);
	return 1;
}

static void
model_drop(struct cell *c)
{
	c->sets += c->there != 0;
	c->there = c->n = c->adds = 0;
}

static int
model_apply(struct model *m, const struct op *op)
{
	struct cell *c = NULL;
	size_t i;

	for (i = 0; op->name != NULL && i < NAMES; i++)
		if (strcmp(names[i], op->name) == 0)
			c = &m->c[i];
	switch (op->kind) {
	case OP_SET_ABSENT:
		if (c->there)
			return 1;
		/* FALLTHROUGH */
	case OP_SET:
		c->there = 1;
		c->adds = 0;
		c->sets++;
		c->n = (int)op->n;
		for (i = 0; i < op->n; i++)
			(void)snprintf(c->v[i], sizeof(c->v[i]), "%s",
			    op->vals[i].ptr);
		return 1;
	case OP_DEL:
		model_drop(c);
		return 1;
	case OP_CLEAR:
		for (i = 0; i < NAMES; i++)
			model_drop(&m->c[i]);
		return 1;
	default:
		return model_incr(c, op->by);
	}
}

static int
cell_is(const struct cell *c, const struct entry *e)
{
	int i;

	if (e == NULL)
		return !c->there;
	if (!c->there || (size_t)c->n != e->n || c->adds != e->counts)
		return 0;
	for (i = 0; i < c->n; i++)
		if (e->vals[i].len != strlen(c->v[i]) ||
		    memcmp(e->vals[i].ptr, c->v[i], e->vals[i].len) != 0)
			return 0;
	return 1;
}

static int
model_is(const struct model *m, const struct rec *r)
{
	uint32_t live = 0;
	int i;

	for (i = 0; i < NAMES; i++) {
		live += m->c[i].there ? 1 : 0;
		if (!cell_is(&m->c[i], table_find(&r->vals, names[i])))
			return 0;
	}
	return live == r->vals.live;
}

static int
cell_same(const struct cell *a, const struct cell *b)
{
	int i,
	    same = a->there == b->there && a->n == b->n && a->adds == b->adds;

	for (i = 0; same && i < a->n; i++)
		same = strcmp(a->v[i], b->v[i]) == 0;
	return same;
}

/*
 * By history, which the record has not: 1 it must conflict (another value
 * by a set or a deletion), 0 it must not (nobody set or deleted what we
 * touch, nor added to what we set); -1 either: it was set to what it was.
 */
static int
model_conflict(const struct model *now, const struct model *seen,
    const struct op *op)
{
	const struct cell *a, *b;
	int i, any = 0, maybe = 0;

	for (i = 0; i < NAMES; i++) {
		a = &seen->c[i];
		b = &now->c[i];
		if (op->kind != OP_CLEAR && strcmp(names[i], op->name) != 0)
			continue;
		switch (op->kind) {
		case OP_SET_ABSENT:
			break;
		case OP_INCR:
			if (a->sets != b->sets)
				any |= !(a->adds && b->adds) &&
				    !(!a->there && b->adds) && !cell_same(a, b);
			/* A number that was set and then added to. */
			maybe |= a->sets != b->sets ||
			    (a->there && !a->adds && !cell_same(a, b));
			break;
		default:
			any |= !cell_same(a, b);
			maybe |= a->sets != b->sets;
		}
	}
	return any ? 1 : maybe ? -1 : 0;
}

static void
random_op(struct ops *o)
{
	static const char *const some[] = { "", "1", "x", "-7", "08",
		"9223372036854775807" };
	static const int kinds[] = { OP_SET, OP_SET, OP_INCR, OP_INCR, OP_INCR,
		OP_SET_ABSENT, OP_DEL, OP_CLEAR };
	struct op op = { 0, NULL, NULL, 0, 0, NULL };
	struct sstate_val *v;
	size_t i;

	op.kind = kinds[rnd(7 + (rnd(3) == 0))];
	if (op.kind != OP_CLEAR)
		op.name = names[rnd(NAMES)];
	if (op.kind == OP_SET || op.kind == OP_SET_ABSENT) {
		op.n = rnd(VALS + 1);
		v = arena_get(o->a, (op.n + 1) * sizeof(*v));
		for (i = 0; i < op.n; i++)
			v[i] = *val_of(o->a, some[rnd(6)]);
		op.vals = v;
	}
	op.by = rnd(20) == 0 ? INT64_MAX : (int64_t)rnd(9) - 4;
	if (ops_push(o, &op) != 0)
		abort();
}

struct outcome {
	unsigned merged, conflicts, wrong, missed, needless;
};

static void
commit(struct request *q, struct rec *stored, struct model *m, unsigned *rev,
    int strict, struct arena *a, struct outcome *t)
{
	struct model next = *m;
	int must = 0, good = 1, c, rc;
	struct rec now;
	size_t i;

	for (i = 0; strict && i < q->o.n; i++)
		if ((c = model_conflict(m, &q->seen, &q->o.v[i])) != 0)
			must = must == 1 ? 1 : c;
	for (i = 0; i < q->o.n && good; i++)
		good = model_apply(&next, &q->o.v[i]);
	if (rec_copy(&now, stored) != 0)
		abort();
	rc = ops_replay(&now, &q->was, &q->o, strict);
	if (rc != 0) {
		t->conflicts++;
		t->wrong += rc != SSTATE_ECONFLICT;
		t->needless += good && must == 0;
		return;
	}
	t->missed += must == 1 || !good;
	t->merged += q->rev != *rev;
	t->wrong += !model_is(&next, &now);
	++*rev;
	*m = next;
	reread(stored, a, &now);
	t->wrong += !model_is(m, stored);
}

static void
one_round(int strict, struct outcome *t)
{
	struct arena *a = arena_new(NULL, 1 << 15);
	struct request q[REQS];
	struct rec stored, r;
	struct model m;
	unsigned i, k, n, rev = 1, order, reqs = 2 + rnd(REQS - 1);
	struct ops base;

	memset(&m, 0, sizeof(m));
	rec_init(&r, a);
	ops_init(&base, a);
	for (i = rnd(6); i > 0; i--) {
		random_op(&base);
		if (op_apply(&r, &base.v[base.n - 1]) == 0)
			(void)model_apply(&m, &base.v[base.n - 1]);
	}
	reread(&stored, a, &r);
	for (k = 0; k < 4; k++) { /* begin together, commit in any order */
		for (i = 0; i < reqs; i++) {
			if (k > 0 && rnd(3) == 0)
				continue; /* a slow one goes on */
			ops_init(&q[i].o, a);
			q[i].was = stored;
			q[i].seen = m;
			q[i].rev = rev;
			for (n = rnd(MAXOPS); n > 0; n--)
				random_op(&q[i].o);
		}
		order = rnd(reqs);
		for (i = 0; i < reqs; i++)
			if (rnd(5) > 0)
				commit(&q[(i + order) % reqs], &stored, &m,
				    &rev, strict, a, t);
	}
	arena_free(a);
}

static void
test_model(void)
{
	struct outcome t;
	int strict, i;

	for (strict = 0; strict < 2; strict++) {
		memset(&t, 0, sizeof(t));
		for (i = 0; i < ROUNDS; i++)
			one_round(strict, &t);
		T(t.wrong == 0 && t.merged > ROUNDS && t.conflicts > 100,
		    "R-33%s %u merged as the model says, %u refused",
		    strict ? " STRICT" : "", t.merged, t.conflicts);
		T(t.missed == 0, "no conflict is overlooked");
		T(t.needless == 0, "none is invented");
	}
}

int
main(void)
{
	test_number();
	test_incr();
	test_races();
	test_marks();
	test_no_more_than_done();
	test_model();
	return tap_done();
}
