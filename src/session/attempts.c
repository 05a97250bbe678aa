/*
 * attempts.c - a commit's attempts: waits, re-reads, replays
 *
 * Invariant: what the session stands on lies in an arena that it keeps; each
 * other arena of a re-read is freed at once.
 */
#include "session/attempts.h"

#include <string.h>

#include "base/err.h"
#include "session/doubt.h"
#include "session/fetch.h"
#include "session/mindset.h"

enum { ANNEX_BLOCK = 8192 };

void
attempts_begin(struct attempts *at, struct sstate_session *s)
{
	memset(at, 0, sizeof(*at));
	at->s = s;
	at->a = s->a;
	at->shown = s->work;
	s->clock = env_now(s->env);
}

int
attempts_next(struct attempts *at)
{
	int r = naps_next(&at->naps);

	if (r == 0 && at->naps.n > 1)
		at->s->clock = env_now(at->s->env);
	return r;
}

int
attempts_read(struct attempts *at, struct view **out, const struct token *tok,
    const struct ringkey *key, int follow, struct sstate_error *err)
{
	struct view *v = NULL;
	struct arena *a;
	int r;

	*out = NULL;
	at->fresh = NULL;
	if ((a = arena_new(&at->s->env->secret, ANNEX_BLOCK)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "commit");
	/* the note by which the session may keep it comes first */
	if ((at->fresh = arena_get(a, sizeof(*at->fresh))) == NULL ||
	    (v = arena_zero(a, sizeof(*v))) == NULL) {
		arena_free(a);
		at->fresh = NULL;
		return err_plain(err, SSTATE_ENOMEM, "commit");
	}
	at->fresh->a = a;
	v->tok = *tok;
	v->key = key;
	at->s->clock = env_now(at->s->env);
	r = follow ? fetch(at->s, v, a, err) : fetch_plain(at->s, v, a, err);
	if (r != 0)
		attempts_drop(at);
	else
		*out = v;
	return r;
}

void
attempts_drop(struct attempts *at)
{
	arena_free(at->fresh->a); /* the note lies in it */
	at->fresh = NULL;
}

/* v replaces what the session stands on; the arena before is dropped. */
static void
stand_on(struct attempts *at, const struct view *v, struct rec *base,
    struct rec *work)
{
	struct sstate_session *s = at->s;

	s->base = base;
	s->work = work;
	s->tok = v->tok;
	s->key = v->key;
	s->head = v->head;
	s->text[0] = '\0';
	if (v->moved)
		s->tell = 1;
	if (at->a != s->a)
		arena_free(at->a);
	at->note = at->fresh;
	at->a = at->note->a;
	at->met++;
}

int
attempts_rebase(struct attempts *at, struct view *v, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct rec *base = &v->rec, *work;
	size_t bytes, values;
	int r, alone, strict = (s->env->flags & SSTATE_STRICT) != 0;

	if (v->rec.mindset != s->mindset) {
		r = SSTATE_EMINDSET;
		goto fail;
	}
	if ((r = doubt_settle(s, v, &at->ours, &alone, err)) != 0)
		goto fail;
	at->own += (unsigned)alone;
	r = SSTATE_ENOMEM;
	if ((work = arena_get(at->fresh->a, sizeof(*work))) == NULL)
		goto fail;
	if ((r = rec_copy(work, base)) != 0 ||
	    /* what we wrote ourselves is no conflict with what remains */
	    (r = ops_replay(work, at->ours ? base : s->base, &s->ops,
		 strict)) != 0)
		goto fail;
	bytes = rec_weight(work, &values);
	if (bytes > s->env->max_bytes || values > s->env->max_values) {
		r = SSTATE_ETOOBIG;
		goto fail;
	}
	s->bytes = bytes;
	s->values = values;
	stand_on(at, v, base, work);
	return 0;
fail:
	attempts_drop(at);
	return err_plain(err, r, "commit");
}

int
attempts_end(struct attempts *at, int r)
{
	struct sstate_session *s = at->s;

	/* Also after a failure: work has the other's values by now. */
	if (at->met > 0)
		mindset_refresh(s, at->shown);
	if (at->met > at->own)
		s->merged_in = 1;
	if (at->note != NULL) {
		at->note->next = s->annexes;
		s->annexes = at->note;
	}
	return r;
}

void
attempts_settle(struct sstate_session *s)
{
	s->base = s->work;
	ops_init(&s->ops, s->a);
	s->expiry_set = s->rewrite = 0;
	doubt_clear(s);
	s->wrote = 1;
	s->exists = 1;
}
