/*
 * values.c - names and values: the verbs, over five memories
 *
 * Invariant: what changes the store goes through change_do(), which keeps
 * the operation for a replay; what is only of this request never does.
 */
#include "session/state.h"

#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "session/change.h"
#include "session/mindset.h"

static int
reserved(const struct sstate *env, const char *name)
{
	return strcmp(name, env->id_param) == 0 ||
	    strcmp(name, env->page_param) == 0 ||
	    strcmp(name, env->csrf_param) == 0;
}

/* The memory as a table; NULL for none.  MERGED is made when first asked. */
static const struct table *
table_of(const struct sstate_session *cs, int mem)
{
	struct sstate_session *s = (struct sstate_session *)(uintptr_t)cs;

	switch (mem) {
	case SSTATE_SENT:
		return &s->sent;
	case SSTATE_QUERY:
		return &s->query;
	case SSTATE_STORED:
		return &s->work->vals;
	case SSTATE_PAGE:
		return &s->page;
	case SSTATE_MERGED:
		return mindset_merge(s) == 0 ? &s->merged : NULL;
	default:
		return NULL;
	}
}

static const struct entry *
lookup(const struct sstate_session *s, int mem, const char *name)
{
	const struct table *t;
	const struct entry *e;

	if (s == NULL || name == NULL || (t = table_of(s, mem)) == NULL)
		return NULL;
	if ((e = table_find(t, name)) == NULL && mem == SSTATE_PAGE)
		return lookup(s, SSTATE_MERGED, name); /* K10 */
	return e;
}

int
sstate_get(struct sstate_val *out, const struct sstate_session *s, int mem,
    const char *name, size_t i)
{
	const struct entry *e;

	if (out == NULL)
		return SSTATE_EINVAL;
	out->ptr = NULL;
	out->len = 0;
	if (s == NULL || name == NULL || mem < SSTATE_SENT || mem > SSTATE_PAGE)
		return SSTATE_EINVAL;
	if ((e = lookup(s, mem, name)) == NULL || i >= e->n)
		return SSTATE_ENOTFOUND;
	*out = e->vals[i];
	return 0;
}

const char *
sstate_str(const struct sstate_session *s, int mem, const char *name)
{
	const struct entry *e = lookup(s, mem, name);

	if (e == NULL || e->n == 0 ||
	    (e->vals[0].len > 0 &&
		memchr(e->vals[0].ptr, '\0', e->vals[0].len) != NULL))
		return NULL;
	return e->vals[0].ptr;
}

int64_t
sstate_int(const struct sstate_session *s, int mem, const char *name,
    int64_t min, int64_t max, int64_t dflt)
{
	const struct entry *e = lookup(s, mem, name);
	int64_t v;

	if (e == NULL || e->n == 0 ||
	    number_parse(&v, e->vals[0].ptr, e->vals[0].len) != 0 || v < min ||
	    v > max)
		return dflt;
	return v;
}

const char *
sstate_next(const struct sstate_session *s, int mem, const char *name)
{
	const struct table *t;

	if (s == NULL || (t = table_of(s, mem)) == NULL)
		return NULL;
	return table_next(t, name);
}

/* A copy of the values in the session's arena, a NUL after each. */
static struct sstate_val *
copy_values(struct sstate_session *s, const struct sstate_val *v, size_t n)
{
	struct sstate_val *out;
	size_t i;

	if (n > s->env->max_values ||
	    (out = arena_get(s->a, n * sizeof(*out))) == NULL)
		return NULL;
	for (i = 0; i < n; i++) {
		out[i].len = v[i].len;
		if ((out[i].ptr = arena_dup(s->a, v[i].ptr, v[i].len)) == NULL)
			return NULL;
	}
	return out;
}

static int
check_name(struct sstate_session *s, int mem, const char *name,
    const char *what)
{
	int r;

	if ((r = session_open_for_change(s)) != 0)
		return r;
	if (name == NULL)
		return session_fail(s, SSTATE_EINVAL, "%s: no name", what);
	if (mem != SSTATE_MERGED && mem != SSTATE_STORED && mem != SSTATE_PAGE)
		return session_fail(s, SSTATE_EINVAL,
		    "%s: not a memory that can be changed", what);
	if (reserved(s->env, name))
		return session_fail(s, SSTATE_EINVAL,
		    "%s: the name is one that the library carries", what);
	if (strlen(name) > LIMIT_NAME_BYTES)
		return session_fail(s, SSTATE_ETOOBIG,
		    "%s: a name over %u bytes", what, LIMIT_NAME_BYTES);
	return mem == SSTATE_STORED && mindset_can_wait(s) ? 0
							   : mindset_merge(s);
}

static int
set_stored(struct sstate_session *s, const char *name,
    const struct sstate_val *v, size_t n)
{
	struct op op = { .kind = OP_SET, .name = name, .vals = v, .n = n };
	int r;

	if ((s->how & SSTATE_NO_STORE) != 0 && !s->soft)
		return session_fail(s, SSTATE_EINVAL,
		    "set: SSTATE_NO_STORE keeps nothing");
	if ((r = change_do(s, &op)) != 0 || !s->merged_ready)
		return r;
	return table_set(&s->merged, name, v, n);
}

int
sstate_set(struct sstate_session *s, int mem, const char *name,
    const struct sstate_val *values, size_t n)
{
	struct sstate_val *v;
	size_t i;
	char *copy;
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if (n == 0) /* B07 */
		return sstate_del(s, mem, name);
	if ((r = check_name(s, mem, name, "set")) != 0)
		return r;
	if (values == NULL)
		return session_fail(s, SSTATE_EINVAL, "set: no values");
	for (i = 0; i < n; i++)
		if (values[i].ptr == NULL && values[i].len > 0)
			return session_fail(s, SSTATE_EINVAL,
			    "set: a value without bytes");
		else if (values[i].len > s->env->max_bytes)
			return session_fail(s, SSTATE_ETOOBIG,
			    "set: a value over %zu bytes", s->env->max_bytes);
	if (n > s->env->max_values)
		return session_fail(s, SSTATE_ETOOBIG, "set: over %zu values",
		    s->env->max_values);
	if ((v = copy_values(s, values, n)) == NULL ||
	    (copy = arena_str(s->a, name)) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "set: out of memory");
	if (mem == SSTATE_STORED)
		r = set_stored(s, copy, v, n);
	else
		r = table_set(mem == SSTATE_PAGE ? &s->page : &s->merged, copy,
		    v, n);
	return r == 0 ? 0 : session_fail(s, r, "set: %s", sstate_strerror(r));
}

int
sstate_setstr(struct sstate_session *s, int mem, const char *name,
    const char *value)
{
	struct sstate_val v;

	if (s == NULL)
		return SSTATE_EINVAL;
	if (value == NULL)
		return session_fail(s, SSTATE_EINVAL, "setstr: no value");
	v.ptr = value;
	v.len = strlen(value);
	return sstate_set(s, mem, name, &v, 1);
}

int
sstate_setint(struct sstate_session *s, int mem, const char *name,
    int64_t value)
{
	char text[NUMBER_ROOM];

	(void)decimal(text, value);
	return sstate_setstr(s, mem, name, text);
}

static int
del_stored(struct sstate_session *s, const char *name)
{
	struct op op = { .kind = OP_DEL };
	int r;

	/* What was sent shows no longer, either. */
	if (s->sent.n > 0 && (r = mindset_merge(s)) != 0)
		return r;
	table_del(&s->merged, name);
	/* An unknown name is ignored: no record is written for it (K06). */
	if (table_find(&s->work->vals, name) == NULL &&
	    table_find(&s->base->vals, name) == NULL)
		return 0;
	if ((op.name = arena_str(s->a, name)) == NULL)
		return SSTATE_ENOMEM;
	return change_do(s, &op);
}

int
sstate_del(struct sstate_session *s, int mem, const char *name)
{
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = check_name(s, mem, name, "del")) != 0)
		return r;
	if (mem == SSTATE_STORED)
		r = del_stored(s, name);
	else
		table_del(mem == SSTATE_PAGE ? &s->page : &s->merged, name);
	return r == 0 ? 0 : session_fail(s, r, "del: %s", sstate_strerror(r));
}

int
sstate_clear(struct sstate_session *s)
{
	struct op op = { .kind = OP_CLEAR };
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = session_open_for_change(s)) != 0 ||
	    (r = mindset_merge(s)) != 0)
		return r;
	table_clear(&s->merged);
	table_clear(&s->page);
	if (s->work->vals.live == 0 && s->base->vals.live == 0)
		return 0;
	return change_do(s, &op);
}

int
sstate_incr(int64_t *out, struct sstate_session *s, const char *name,
    int64_t by)
{
	struct op op = { .kind = OP_INCR, .by = by };
	const struct entry *e;
	int r;

	if (out != NULL)
		*out = 0;
	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = check_name(s, SSTATE_STORED, name, "incr")) != 0)
		return r;
	if ((s->how & SSTATE_NO_STORE) != 0 && !s->soft)
		return session_fail(s, SSTATE_EINVAL,
		    "incr: SSTATE_NO_STORE keeps nothing");
	if ((op.name = arena_str(s->a, name)) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "incr: out of memory");
	if ((r = change_do(s, &op)) != 0)
		return r;
	if ((e = table_find(&s->work->vals, name)) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "incr: lost");
	if (s->merged_ready &&
	    (r = table_set(&s->merged, op.name, e->vals, e->n)) != 0)
		return session_fail(s, r, "incr: %s", sstate_strerror(r));
	if (out != NULL)
		(void)number_parse(out, e->vals[0].ptr, e->vals[0].len);
	return 0;
}

/* K05: the name is in memory from now on, with what it has now. */
int
sstate_remember(struct sstate_session *s, const char *name)
{
	const struct entry *e, *stored;
	const char *copy;
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = check_name(s, SSTATE_STORED, name, "remember")) != 0)
		return r;
	if ((r = mindset_merge(s)) != 0)
		return r;
	if ((copy = arena_str(s->a, name)) == NULL ||
	    table_set(&s->forgotten, copy, NULL, 0) != 0)
		return session_fail(s, SSTATE_ENOMEM,
		    "remember: out of memory");
	stored = table_find(&s->work->vals, name);
	if ((e = table_find(&s->merged, name)) == NULL) {
		if (stored == NULL)
			return 0;
		r = table_set(&s->merged, copy, stored->vals, stored->n);
		return r == 0
		    ? 0
		    : session_fail(s, r, "remember: %s", sstate_strerror(r));
	}
	if (change_same(stored, e->vals, e->n))
		return 0; /* only read: the replay has nothing to do */
	r = set_stored(s, copy, e->vals, e->n);
	return r == 0 ? 0
		      : session_fail(s, r, "remember: %s", sstate_strerror(r));
}
