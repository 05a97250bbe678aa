/*
 * mindset.c - which value wins, and what is stored of what was sent
 *
 *		forgetful	unforgetful
 *	memory	to be stored	neither stored nor recalled
 *	both	stored wins	the client's wins
 *
 * K15..K24, B06 and B13 are decided here and nowhere else.
 */
#include "session/mindset.h"

#include <string.h>

#include "session/change.h"

static int
listed(const char *const *list, const char *name)
{
	size_t i;

	if (list == NULL)
		return 0;
	for (i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], name) == 0)
			return 1;
	return 0;
}

int
mindset_is_shortterm(const struct sstate_session *s, const char *name)
{
	return listed(s->shortterm, name);
}

/* In the `memory` option, and (unforgetful) not remembered since. */
int
mindset_in_memory(const struct sstate_session *s, const char *name)
{
	return listed(s->memory, name) &&
	    (s->mindset == SSTATE_FORGETFUL ||
		table_find(&s->forgotten, name) == NULL);
}

static int
store_sent(struct sstate_session *s, const char *name)
{
	const struct entry *e = table_find(&s->sent, name);
	const struct entry *stored = table_find(&s->base->vals, name);
	struct op op = { .kind = OP_SET,
		.name = name,
		.vals = e->vals,
		.n = e->n };

	if (s->mindset == SSTATE_FORGETFUL) {
		/* K15, K17: stored wins, also when it was stored just now */
		if (stored != NULL)
			return 0;
		op.kind = OP_SET_ABSENT;
	} else if (change_same(stored, e->vals, e->n))
		return 0; /* an operation only where they differ */
	return change_do(s, &op);
}

int
mindset_take(struct sstate_session *s)
{
	const char *name;
	size_t i;
	int r;

	if (s->mindset == SSTATE_FORGETFUL) {
		for (i = 0; s->memory != NULL && s->memory[i] != NULL; i++)
			if (table_find(&s->sent, s->memory[i]) != NULL &&
			    (r = store_sent(s, s->memory[i])) != 0)
				return r;
		return 0;
	}
	for (name = table_next(&s->sent, NULL); name != NULL;
	     name = table_next(&s->sent, name)) {
		if (mindset_in_memory(s, name) || /* K22 */
		    mindset_is_shortterm(s, name) || /* B13 */
		    table_find(&s->page, name) != NULL)
			continue;
		if ((r = store_sent(s, name)) != 0)
			return r;
	}
	return 0;
}

/*
 * Does a change of STORED show in MERGED also when that is made later?  Not
 * where what was sent, or the memory option, hides what is stored.
 */
int
mindset_can_wait(const struct sstate_session *s)
{
	return s->mindset == SSTATE_FORGETFUL ||
	    (s->sent.n == 0 && s->memory == NULL);
}

int
mindset_merge(struct sstate_session *s)
{
	const struct table *stored = &s->work->vals;
	const struct entry *e;
	const char *name;
	int r;

	if (s->merged_ready)
		return 0;
	if ((r = table_copy(&s->merged, &s->sent)) != 0)
		goto out;
	for (name = table_next(stored, NULL); name != NULL;
	     name = table_next(stored, name)) {
		if (s->mindset == SSTATE_UNFORGETFUL &&
		    (table_find(&s->sent, name) != NULL || /* K16, K18 */
			mindset_in_memory(s, name))) /* B06 */
			continue;
		e = table_find(stored, name);
		if ((r = table_set(&s->merged, name, e->vals, e->n)) != 0)
			goto out;
	}
	s->merged_ready = 1;
out:
	if (r != 0)
		return session_fail(s, r, "merge: %s", sstate_strerror(r));
	return 0;
}

/* Where MERGED shows what was stored, it shows what is stored now. */
void
mindset_refresh(struct sstate_session *s, const struct rec *old)
{
	const struct table *now = &s->work->vals;
	const struct entry *e, *was, *shown;
	const char *name;

	if (!s->merged_ready)
		return;
	for (name = table_next(&old->vals, NULL); name != NULL;
	     name = table_next(&old->vals, name)) {
		was = table_find(&old->vals, name);
		shown = table_find(&s->merged, name);
		if (shown != NULL && shown->vals == was->vals &&
		    table_find(now, name) == NULL)
			table_del(&s->merged, name);
	}
	for (name = table_next(now, NULL); name != NULL;
	     name = table_next(now, name)) {
		e = table_find(now, name);
		was = table_find(&old->vals, name);
		shown = table_find(&s->merged, name);
		if (was != NULL ? shown != NULL && shown->vals == was->vals
				: shown == NULL &&
			    !(s->mindset == SSTATE_UNFORGETFUL &&
				mindset_in_memory(s, name)))
			(void)table_set(&s->merged, name, e->vals, e->n);
	}
}
