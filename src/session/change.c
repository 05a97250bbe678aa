/*
 * change.c - the one way into the store
 *
 * Invariant: what changes a record is an operation, applied to work and kept
 * for a replay; work is a copy of base from the first one on.
 */
#include "session/change.h"

#include <string.h>

int
change_same(const struct entry *e, const struct sstate_val *v, size_t n)
{
	size_t i;

	if (e == NULL || e->n != n)
		return 0;
	for (i = 0; i < n; i++)
		if (e->vals[i].len != v[i].len ||
		    (v[i].len > 0 &&
			memcmp(e->vals[i].ptr, v[i].ptr, v[i].len) != 0))
			return 0;
	return 1;
}

/* work becomes a copy of base at the first change. */
static int
own_work(struct sstate_session *s)
{
	struct rec *w;
	int r;

	if (s->work != s->base)
		return 0;
	if ((w = arena_get(s->a, sizeof(*w))) == NULL)
		return SSTATE_ENOMEM;
	if ((r = rec_copy(w, s->base)) != 0)
		return r;
	s->work = w;
	if (s->wrote) /* what was replaced before was only added */
		s->bytes = rec_weight(w, &s->values);
	return 0;
}

static int
within_limits(struct sstate_session *s, const struct op *op)
{
	size_t i;

	/* What the operation may add at most; counted exactly when over. */
	s->bytes += op->name != NULL ? strlen(op->name) + NUMBER_ROOM : 0;
	s->values += op->n + 1;
	for (i = 0; i < op->n; i++)
		s->bytes += op->vals[i].len;
	if (s->bytes <= s->env->max_bytes && s->values <= s->env->max_values)
		return 0;
	s->bytes = rec_weight(s->work, &s->values);
	return s->bytes <= s->env->max_bytes && s->values <= s->env->max_values
	    ? 0
	    : SSTATE_ETOOBIG;
}

int
change_do(struct sstate_session *s, const struct op *op)
{
	int r;

	if ((r = own_work(s)) != 0 || (r = op_apply(s->work, op)) != 0 ||
	    (r = within_limits(s, op)) != 0 || (r = ops_push(&s->ops, op)) != 0)
		return r == SSTATE_ETOOBIG
		    ? session_fail(s, r,
			  "set: the session would be over %zu "
			  "bytes or %zu values",
			  s->env->max_bytes, s->env->max_values)
		    : r == SSTATE_ECONFLICT
		    ? session_fail(s, r,
			  "incr: not a whole number, or too "
			  "large")
		    : session_fail(s, r, "set: %s", sstate_strerror(r));
	return 0;
}
