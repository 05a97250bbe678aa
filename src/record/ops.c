/*
 * ops.c - what a request did to a record, kept so that it can be done again
 *
 * Invariant: values come from operations alone, never from what a request
 * has read; so a replay brings back no name that it only saw.
 */
#include "record/ops.h"

#include <string.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/decimal.h"

enum { OPS_FIRST = 4 };

void
ops_init(struct ops *o, struct arena *a)
{
	o->a = a;
	o->v = NULL;
	o->n = o->cap = 0;
}

int
ops_push(struct ops *o, const struct op *op)
{
	size_t cap = o->cap > 0 ? o->cap * 2 : OPS_FIRST;
	struct op *v;

	if (o->n == o->cap) {
		v = arena_grow(o->a, o->v, o->cap * sizeof(*v),
		    cap * sizeof(*v));
		if (v == NULL)
			return SSTATE_ENOMEM;
		o->v = v;
		o->cap = cap;
	}
	o->v[o->n++] = *op;
	return 0;
}

int
number_parse(int64_t *out, const char *p, size_t n)
{
	uint64_t v = 0, max = INT64_MAX;
	size_t i = 0;
	int neg;

	*out = 0;
	neg = n > 0 && p[0] == '-';
	if (neg) {
		i++;
		max++;
	}
	if (i == n || (p[i] == '0' && n > 1)) /* "-0", "007" */
		return SSTATE_EPARSE;
	for (; i < n; i++) {
		unsigned d = (unsigned)(unsigned char)p[i] - '0';

		if (d > 9 || v > (max - d) / 10)
			return SSTATE_EPARSE;
		v = v * 10 + d;
	}
	/* INT64_MIN has no positive twin. */
	*out = !neg || v == 0 ? (int64_t)v : -(int64_t)(v - 1) - 1;
	return 0;
}

static int
apply_set(struct rec *r, const struct op *op)
{
	if (op->kind == OP_SET_ABSENT && table_find(&r->vals, op->name) != NULL)
		return 0;
	return table_set(&r->vals, op->name, op->vals, op->n);
}

/* An absent name and an empty list hold nothing: they begin at 0. */
static int
apply_incr(struct rec *r, const struct op *op)
{
	const struct entry *e = table_find(&r->vals, op->name);
	unsigned char counts = e == NULL || e->counts;
	struct sstate_val *val;
	int64_t now = 0;
	char text[NUMBER_ROOM];
	size_t n;
	int rc;

	if (e != NULL && e->n > 0 &&
	    (e->n > 1 ||
		number_parse(&now, e->vals[0].ptr, e->vals[0].len) != 0))
		return SSTATE_ECONFLICT;
	if (__builtin_add_overflow(now, op->by, &now))
		return SSTATE_ECONFLICT;
	n = decimal(text, now);
	if ((val = arena_get(r->vals.a, sizeof(*val))) == NULL ||
	    (val->ptr = arena_dup(r->vals.a, text, n)) == NULL)
		return SSTATE_ENOMEM;
	val->len = n;
	if ((rc = table_set(&r->vals, op->name, val, 1)) != 0)
		return rc;
	e = table_find(&r->vals, op->name);
	r->vals.e[e - r->vals.e].counts = counts;
	return 0;
}

static void
apply_login(struct rec *r, const struct op *op)
{
	r->user = op->name;
	r->login = op->by;
	if (op->bytes != NULL)
		memcpy(r->psk, op->bytes, sizeof(r->psk));
}

int
op_apply(struct rec *r, const struct op *op)
{
	switch (op->kind) {
	case OP_SET:
	case OP_SET_ABSENT:
		return apply_set(r, op);
	case OP_DEL:
		table_del(&r->vals, op->name);
		return 0;
	case OP_CLEAR:
		table_clear(&r->vals);
		return 0;
	case OP_INCR:
		return apply_incr(r, op);
	case OP_ONCE:
		return rec_once_take(r, op->bytes, op->by);
	case OP_LOGIN:
		apply_login(r, op);
		return 0;
	case OP_USED:
		r->fresh = 0;
		return 0;
	default:
		return SSTATE_EINVAL;
	}
}

static int
same_values(const struct entry *a, const struct entry *b)
{
	size_t i;

	if (a->n != b->n)
		return 0;
	for (i = 0; i < a->n; i++)
		if (a->vals[i].len != b->vals[i].len ||
		    (a->vals[i].len > 0 &&
			memcmp(a->vals[i].ptr, b->vals[i].ptr,
			    a->vals[i].len) != 0))
			return 0;
	return 1;
}

/*
 * Did others set or delete name?  adding: ours is an INCR, which does not
 * mind what others added.  A name made by adding alone says so; of one that
 * was set, a new number is taken for a set.
 */
static int
was_changed(const struct rec *now, const struct rec *was, const char *name,
    int adding)
{
	const struct entry *a = table_find(&was->vals, name);
	const struct entry *b = table_find(&now->vals, name);

	if (a == NULL || b == NULL)
		return !(a == b || (adding && a == NULL && b->counts));
	if (a->counts != b->counts)
		return 1;
	return !(adding && a->counts) && !same_values(a, b);
}

static int
any_changed(const struct rec *now, const struct rec *was)
{
	uint32_t i;

	if (now->vals.live != was->vals.live)
		return 1;
	for (i = 0; i < now->vals.n; i++)
		if (now->vals.e[i].present &&
		    was_changed(now, was, now->vals.e[i].name, 0))
			return 1;
	return 0;
}

/* A SET_ABSENT gives way to what is there, so it conflicts with nothing. */
static int
conflicts(const struct rec *now, const struct rec *was, const struct op *op)
{
	switch (op->kind) {
	case OP_SET:
	case OP_DEL:
		return was_changed(now, was, op->name, 0);
	case OP_INCR:
		return was_changed(now, was, op->name, 1);
	case OP_CLEAR:
		return any_changed(now, was);
	default:
		return 0;
	}
}

int
ops_replay(struct rec *now, const struct rec *was, const struct ops *o,
    int strict)
{
	size_t i;
	int rc;

	for (i = 0; strict && i < o->n; i++)
		if (conflicts(now, was, &o->v[i]))
			return SSTATE_ECONFLICT;
	for (i = 0; i < o->n; i++)
		if ((rc = op_apply(now, &o->v[i])) != 0)
			return rc;
	return 0;
}
