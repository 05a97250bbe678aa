/*
 * commit.c - write a session: compare and swap, replay, undecided writes
 *
 * Invariant: no record is ever written unconditionally, so what was ended
 * stays ended and no other request's change is lost.  A write
 * that was not answered is never taken for one that did not happen
 * (ARCHITECTURE, "Lost answers").
 */
#include "session/session.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rand.h"
#include "store/store.h"

enum { ANNEX_BLOCK = 8192, NAP_MIN_US = 20, NAP_MAX_US = 20000 };

/* ---- Attempts -------------------------------------------------------- */

void
attempts_begin(struct attempts *at, struct sstate_session *s)
{
	memset(at, 0, sizeof(*at));
	at->s = s;
	at->a = s->a;
	at->shown = s->work;
}

int
attempts_next(struct attempts *at)
{
	uint64_t now = clock_mono_us(), span;

	if (at->n++ == 0) {
		at->began_us = now;
		return 0; /* most races are lost once: no nap */
	}
	if (at->n > LIMIT_COMMIT_TRIES &&
	    now - at->began_us > LIMIT_COMMIT_SECONDS * 1000000ull)
		return SSTATE_EBUSY;
	span = (uint64_t)NAP_MIN_US << (at->n < 10 ? at->n : 10);
	if (span > NAP_MAX_US)
		span = NAP_MAX_US;
	/* Jitter: not secret, only different in each process and attempt. */
	clock_nap_us((now * 2654435761u + (uint64_t)getpid() * 40503u) % span);
	return 0;
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
	if ((a = arena_new(&at->s->env->hook, ANNEX_BLOCK)) == NULL)
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
	token_text(s->text, &s->tok);
	if (v->moved)
		s->tell = 1;
	if (at->a != s->a)
		arena_free(at->a);
	at->note = at->fresh;
	at->a = at->note->a;
	at->met++;
}

int
attempts_rebase(struct attempts *at, const struct view *v,
    struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct arena *a = at->fresh->a;
	struct rec *base, *work;
	size_t bytes, values;
	int r, strict = (s->env->flags & SSTATE_STRICT) != 0;

	if (v->rec.mindset != s->mindset) {
		r = SSTATE_EMINDSET;
		goto fail;
	}
	r = SSTATE_ENOMEM;
	if ((base = arena_get(a, sizeof(*base))) == NULL ||
	    (work = arena_get(a, sizeof(*work))) == NULL)
		goto fail;
	*base = v->rec;
	if ((r = rec_copy(work, base)) != 0 ||
	    (r = ops_replay(work, s->base, &s->ops, strict)) != 0)
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

/* ---- What a commit does ---------------------------------------------- */

void
commit_settle(struct sstate_session *s)
{
	s->base = s->work;
	ops_init(&s->ops, s->a);
	s->expiry_set = s->undecided = s->rewrite = 0;
	s->commit_id = 0;
	s->wrote = 1;
	s->exists = 1;
}

int
commit_identity(struct sstate_session *s, struct sstate_error *err)
{
	const struct keyring *ring;
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
	if ((r = env_ring(&ring, s->env, err)) != 0)
		return r;
	if ((key = keyring_issuer(ring, env_now(s->env))) == NULL)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "keyring: no key issues now");
	if ((r = token_new(&s->tok, key, s->env->ns, s->env->cls, err)) != 0)
		return r;
	s->key = key;
	token_text(s->text, &s->tok);
	s->has_id = 1;
	return 0;
}

static int
create(struct sstate_session *s, struct sstate_error *err)
{
	struct seal_head head;
	struct sealed out;
	int64_t now = env_now(s->env);
	int r;

	if ((r = commit_identity(s, err)) != 0)
		return r;
	s->work->id_since = now;
	s->work->mindset = s->mindset;
	write_times(s, &head, NULL, s->work, now);
	if ((r = write_seal(s, &out, s->a, &s->tok, s->key, &head, 0, s->work,
		 err)) != 0)
		return r;
	r = store_create(s->env->store, &s->slot, &out.key, &out.rec, err);
	if (r == 0) {
		s->head = head;
		s->tell = 1;
		commit_settle(s);
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

static int
is_remote(const struct sstate_session *s)
{
	return (store_caps(s->env->store) & SSTATE_CAP_REMOTE) != 0;
}

/* The record to write: work, and over a remote store this commit's id. */
static int
to_write(struct sstate_session *s, struct rec **out, struct arena *a,
    struct sstate_error *err)
{
	int r;

	*out = s->work;
	if (!is_remote(s))
		return 0;
	while (s->commit_id == 0)
		if ((r = rand_bytes(&s->commit_id, sizeof(s->commit_id),
			 err)) != 0)
			return r;
	if ((*out = arena_get(a, sizeof(**out))) == NULL ||
	    rec_copy(*out, s->work) != 0)
		return err_plain(err, SSTATE_ENOMEM, "commit");
	rec_commit_note(*out, s->commit_id);
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

	write_times(s, &head, &s->head, s->work, env_now(s->env));
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
			memcpy(s->work->commit, rec->commit,
			    sizeof(rec->commit));
		}
		commit_settle(s);
	} else if (r == SSTATE_ESTORE || r == SSTATE_ESYS) {
		if (!s->undecided)
			s->undecided_from = revision_counter(head.revision);
		s->undecided = 1;
		s->undecided_rev = head.revision;
	}
	return r;
}

/* A record that is not there, or not ours to open any more. */
static int
gone(struct sstate_session *s, int r, struct sstate_error *err)
{
	if (r != SSTATE_ENOTFOUND && r != SSTATE_EEXPIRED &&
	    r != SSTATE_EAUTH && r != SSTATE_EGONE)
		return r;
	return session_gone(s, err);
}

static int
unknown(struct sstate_session *s, struct sstate_error *err)
{
	return session_fail(s,
	    sstate_fail(err, SSTATE_ESTORE, 0,
		"commit: it cannot be told any more whether it was written"),
	    "commit: it cannot be told any more whether it was written");
}

enum { OURS, NOT_OURS, UNKNOWN };

/* A write was not answered: does what is there now show it? */
static int
judge(const struct sstate_session *s, const struct view *v)
{
	uint64_t have = revision_counter(v->head.revision);

	if (is_remote(s)) {
		if (rec_commit_known(&v->rec, s->commit_id))
			return OURS;
		return have >= s->undecided_from + LIMIT_COMMIT_IDS ? UNKNOWN
								    : NOT_OURS;
	}
	if (v->head.revision == s->undecided_rev)
		return OURS;
	/*
	 * Of one revision there is one successor: another one at our
	 * counter means that ours was refused.
	 */
	return have > revision_counter(s->undecided_rev) ? UNKNOWN : NOT_OURS;
}

/*
 * The record is another than the one we stand on.  SSTATE_DONE: nothing of
 * ours is in it, and the operations were replayed.  0: our write is in it.
 */
static int
meet(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct view *v;
	int r, what = NOT_OURS;

	if ((r = attempts_read(at, &v, &s->tok, s->key, 1, err)) != 0)
		return gone(s, r, err);
	if (s->undecided && (what = judge(s, v)) == UNKNOWN) {
		attempts_drop(at);
		return unknown(s, err);
	}
	if (what == NOT_OURS) {
		if (!is_remote(s))
			s->undecided = 0;
		r = attempts_rebase(at, v, err);
		return r == 0 ? SSTATE_DONE : r;
	}
	ops_init(&s->ops, s->a);
	if (v->head.revision == s->undecided_rev)
		at->own++;
	if ((r = attempts_rebase(at, v, err)) != 0)
		return r;
	commit_settle(s);
	/* A local write that failed may not be durable: once more. */
	s->rewrite = !is_remote(s);
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

static int
renewal_due(const struct sstate_session *s)
{
	int64_t after = s->env->renew, spread;

	if ((s->head.flags & SEAL_EXPLICIT) != 0)
		return 0; /* renewal never changes what was set */
	/* the id's own bytes spread the load: no randomness is spent */
	spread = after * s->env->renew_jitter_pct / 100;
	if (spread > 0)
		after -= (int64_t)(s->tok.loc[0] | s->tok.loc[1] << 8) %
		    (spread + 1);
	return env_now(s->env) - s->head.written >= after;
}

static int
run(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	int r, eager = (s->how & SSTATE_EAGER) != 0 && !s->ended;

	if (s->undecided && (r = meet(at, err)) != SSTATE_DONE && r != 0)
		return r;
	if (!s->exists) {
		if (s->ops.n == 0 && !s->rendered && !eager)
			return 0; /* */
		return create(s, err);
	}
	if (view_deadline(&s->head) <= env_now(s->env)) /* I4 */
		return session_gone(s, err);
	if (s->succ.wanted == 0 && succession_due(s) &&
	    (r = succession_want(s, SUCC_ROTATE, err)) != 0)
		return r;
	if (s->succ.wanted != 0)
		return succession_run(s, err);
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
	return r;
}
