/*
 * commit.c - write a session: compare and swap, replay, undecided writes
 *
 * Invariant: no record is ever written unconditionally, so what was ended
 * stays ended and no other request's change is lost.  A write
 * that was not answered is never taken for one that did not happen
 * (ARCHITECTURE, "Lost answers").
 */
#include "session/commit.h"

#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "session/attempts.h"
#include "session/doubt.h"
#include "session/fetch.h"
#include "session/succeed.h"
#include "session/write.h"
#include "store/store.h"

int
commit_identity(struct sstate_session *s, struct sstate_error *err)
{
	const struct ringkey *key;
	int r;

	if (!s->psk_ready && !s->exists) {
		if ((r = rand_bytes(s->work->psk, sizeof(s->work->psk), err)) !=
		    0)
			return r;
		memcpy(s->base->psk, s->work->psk, sizeof(s->base->psk));
		s->psk_ready = 1;
	}
	if (s->has_id)
		return 0;
	if ((r = env_issuer(&key, s->env, err)) != 0 ||
	    (r = token_new(&s->tok, key, s->env->ns, s->env->cls, err)) != 0)
		return r;
	s->key = key;
	s->text[0] = '\0';
	s->has_id = 1;
	return 0;
}

static int
create(struct sstate_session *s, struct sstate_error *err)
{
	struct seal_head head;
	struct sealed out;
	int64_t now = s->clock;
	int r;

	if ((r = commit_identity(s, err)) != 0)
		return r;
	s->work->id_since = now;
	write_times(s, &head, NULL, s->work, now);
	if ((r = write_seal(s, &out, s->a, &s->tok, s->key, &head, 0, s->work,
		 err)) != 0)
		return r;
	r = store_create(s->env->store, &s->slot, &out.key, &out.rec, err);
	if (r == 0) {
		s->head = head;
		s->tell = 1;
		attempts_settle(s);
		return 0;
	}
	/*
	 * The key is never created twice: without an answer the id is given
	 * up, and what was rendered with it as well.
	 */
	token_wipe(&s->tok);
	s->has_id = 0;
	s->text[0] = '\0';
	if (r == SSTATE_EEXIST)
		r = sstate_fail(err, SSTATE_ESTORE, 0,
		    "%s: a fresh key is there already",
		    store_name(s->env->store));
	if (s->rendered)
		(void)session_fail(s, r, "commit: the new record failed: %s",
		    err->code == r ? err->text : sstate_strerror(r));
	return r;
}

/* The record to write: work, and over a remote store this commit's id. */
static int
to_write(struct sstate_session *s, struct rec **out, struct arena *a,
    struct sstate_error *err)
{
	int r;

	*out = s->work;
	if (!doubt_remote(s))
		return 0;
	if ((r = doubt_id(s, err)) != 0)
		return r;
	if ((*out = arena_get(a, sizeof(**out))) == NULL ||
	    rec_copy(*out, s->work) != 0 ||
	    rec_commit_note(*out, s->trying.id) != 0)
		return err_plain(err, SSTATE_ENOMEM, "commit");
	return 0;
}

static int
attempt(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct seal_head head;
	struct sealed out;
	struct rec *rec;
	int r;

	write_times(s, &head, &s->head, s->work, s->clock);
	if ((r = to_write(s, &rec, at->a, err)) != 0 ||
	    (r = write_seal(s, &out, at->a, &s->tok, s->key, &head,
		 s->head.revision, rec, err)) != 0)
		return r;
	r = store_replace(s->env->store, &s->slot, &out.key, s->head.revision,
	    &out.rec, err);
	if (r == 0) {
		s->head = head;
		if (rec != s->work) {
			/* the ids in it go on with the record */
			s->work->ncommit = rec->ncommit;
			s->work->commit = rec->commit;
		}
		attempts_settle(s);
	} else if (r == SSTATE_ESTORE || r == SSTATE_ESYS)
		(void)doubt_note(s, head.revision, err);
	return r;
}

/* A record that is not there, or not ours to open any more. */
static int
gone(struct sstate_session *s, int r, struct sstate_error *err)
{
	return fetch_is_none(r) ? session_gone(s, err) : r;
}

/*
 * The record is another than the one we stand on.  SSTATE_DONE:
 * operations were replayed and are to be written.  0: all of ours is in it.
 */
static int
meet(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct view *v;
	int r, again;

	if ((r = attempts_read(at, &v, &s->tok, s->key, 1, err)) != 0)
		return gone(s, r, err);
	if ((r = attempts_rebase(at, v, err)) != 0)
		return r;
	if (!at->ours || s->ops.n > 0 || s->expiry_set)
		return SSTATE_DONE;
	again = s->rewrite;
	attempts_settle(s);
	s->rewrite = again;
	return 0;
}

static int
replace(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	int r, changed = s->ops.n > 0 || s->expiry_set;

	while ((r = attempt(at, err)) == SSTATE_ECONFLICT) {
		if (!changed)
			return 0; /* a touch: the other one touched it */
		if (attempts_next(at) != 0)
			return sstate_fail(err, SSTATE_EBUSY, 0,
			    "commit: every race was lost");
		if ((r = meet(at, err)) != SSTATE_DONE)
			return r;
	}
	return r == SSTATE_ENOTFOUND ? gone(s, r, err) : r;
}

/* By itself nothing is written to a store that refuses it. */
static int
is_readonly(const struct sstate_session *s)
{
	return store_policy(s->env->store)->readonly;
}

static int
renewal_due(const struct sstate_session *s)
{
	int64_t after = s->env->renew, spread;

	if ((s->head.flags & SEAL_EXPLICIT) != 0 || is_readonly(s))
		return 0; /* renewal never changes what was set */
	/* the id's own bytes spread the load: no randomness is spent */
	spread = after * s->env->renew_jitter_pct / 100;
	if (spread > 0)
		after -= (int64_t)(s->tok.loc[0] | s->tok.loc[1] << 8) %
		    (spread + 1);
	return s->clock - s->head.written >= after;
}

static int
run(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	int r, eager = (s->how & SSTATE_EAGER) != 0 && !s->ended;

	if (s->ndoubts > 0 && (r = meet(at, err)) != SSTATE_DONE && r != 0)
		return r;
	if (!s->exists) {
		if (s->ops.n == 0 && !s->rendered && !eager)
			return 0; /* */
		return create(s, err);
	}
	if (view_deadline(&s->head) <= s->clock) /* I4 */
		return session_gone(s, err);
	if (s->succ.wanted == 0 && !is_readonly(s) && succession_due(s) &&
	    (r = succession_want(s, SUCC_ROTATE, err)) != 0)
		return r;
	/* SSTATE_DONE: there is more to write, under the new id */
	if (s->succ.wanted != 0 && (r = succession_run(s, err)) != SSTATE_DONE)
		return r;
	if (s->ops.n == 0 && !s->expiry_set && !eager && !s->rewrite &&
	    !renewal_due(s))
		return 0;
	return replace(at, err);
}

int
commit_run(struct sstate_session *s, struct sstate_error *err)
{
	struct attempts at;

	attempts_begin(&at, s);
	return attempts_end(&at, run(&at, err));
}

int
commit_once(struct sstate_session *s, struct sstate_error *err)
{
	struct attempts at;

	attempts_begin(&at, s);
	return attempts_end(&at, replace(&at, err));
}

/* What is written is let go; new rights and what was ended are not. */
static int
soften(struct sstate_session *s, int r)
{
	if (r == 0 || s->ended || s->succ.wanted == SUCC_LOGIN ||
	    !session_soften(s, r, &s->last))
		return r;
	err_clear(&s->last);
	err_clear(&s->fail);
	return 0;
}

int
sstate_commit(struct sstate_session *s)
{
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if (s->fail.code != 0)
		return s->fail.code;
	if ((s->how & SSTATE_NO_STORE) != 0)
		return 0;
	if (s->last.code == 0)
		s->merged_in = 0; /* what a failed one met is still told */
	err_clear(&s->last);
	r = commit_run(s, &s->last);
	if (r != 0 && s->last.code != r)
		(void)err_plain(&s->last, r, "commit");
	return soften(s, r);
}
