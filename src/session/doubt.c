/*
 * doubt.c - writes that were not answered: did they happen?
 *
 * Invariant: an operation is dropped only where a record shows that it was
 * written, and done again only where none can have been.
 */
#include "session/doubt.h"

#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "store/store.h"

int
doubt_remote(const struct sstate_session *s)
{
	return (store_caps(s->env->store) & SSTATE_CAP_REMOTE) != 0;
}

/* What a commit would write now, but for its id. */
static struct doubt
now(const struct sstate_session *s)
{
	struct doubt d = { 0, 0, s->ops.n, s->expiry_set, s->expiry };

	return d;
}

int
doubt_id(struct sstate_session *s, struct sstate_error *err)
{
	struct doubt d = now(s), *t = &s->trying;
	int r;

	if (t->id != 0 && t->nops == d.nops && t->expiry_set == d.expiry_set &&
	    t->expiry == d.expiry)
		return 0;
	while (d.id == 0)
		if ((r = rand_bytes(&d.id, sizeof(d.id), err)) != 0)
			return r;
	*t = d;
	return 0;
}

static int
unknown(struct sstate_session *s, struct sstate_error *err)
{
	static const char text[] =
	    "commit: it cannot be told any more whether it was written";

	(void)sstate_fail(err, SSTATE_ESTORE, 0, "%s", text);
	return session_fail(s, SSTATE_ESTORE, "%s", text);
}

int
doubt_note(struct sstate_session *s, uint64_t rev, struct sstate_error *err)
{
	struct doubt d = doubt_remote(s) ? s->trying : now(s);
	unsigned i;

	d.rev = rev;
	if (s->ndoubts == 0)
		s->undecided_from = revision_counter(rev);
	for (i = 0; i < s->ndoubts; i++)
		if (s->doubt[i].id == d.id)
			break;
	if (i == DOUBTS)
		return unknown(s, err);
	s->doubt[i] = d;
	if (i == s->ndoubts)
		s->ndoubts++;
	return 0;
}

/* Which of them shows; -1: none.  *lost: what others wrote may hide one. */
static int
find(const struct sstate_session *s, const struct view *v, int *lost)
{
	uint64_t have = revision_counter(v->head.revision);
	unsigned i;

	*lost = 0;
	if (!doubt_remote(s)) {
		if (v->head.revision == s->doubt[0].rev)
			return 0;
		/*
		 * Of one revision there is one successor: another one at
		 * our counter means that ours was refused.
		 */
		*lost = have > revision_counter(s->doubt[0].rev);
		return -1;
	}
	for (i = s->ndoubts; i > 0; i--)
		if (rec_commit_known(&v->rec, s->doubt[i - 1].id))
			return (int)i - 1;
	*lost = have >= s->undecided_from + LIMIT_COMMIT_IDS;
	return -1;
}

int
doubt_settle(struct sstate_session *s, const struct view *v, int *ours,
    int *alone, struct sstate_error *err)
{
	struct doubt d;
	int i, lost;

	*ours = *alone = 0;
	if (s->ndoubts == 0)
		return 0;
	if ((i = find(s, v, &lost)) < 0) {
		if (lost)
			return unknown(s, err);
		if (!doubt_remote(s))
			doubt_clear(s); /* nothing is under way any more */
		return 0;
	}
	d = s->doubt[i];
	s->ops.n -= d.nops;
	if (s->ops.n > 0)
		memmove(s->ops.v, s->ops.v + d.nops,
		    s->ops.n * sizeof(s->ops.v[0]));
	if (d.expiry_set && d.expiry == s->expiry)
		s->expiry_set = 0;
	/* A local write that failed may not be durable: once more. */
	s->rewrite = !doubt_remote(s);
	doubt_clear(s);
	*ours = 1;
	*alone = v->head.revision == d.rev;
	return 0;
}
