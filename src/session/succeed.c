/*
 * succeed.c - a new id for a session: log-in, rotation
 *
 * Invariant: the new record is in the store before the old one becomes a
 * stub, and the client learns the new id only when the stub stands; so of
 * two ids that a client can hold never both open, and no kill loses the
 * session (R-24, ARCHITECTURE "New ids").
 */
#include "session/succeed.h"

#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "session/attempts.h"
#include "session/change.h"
#include "session/fetch.h"
#include "session/write.h"
#include "store/store.h"

enum { ASK_AGAIN = 3 };

static int
draw(struct sstate_session *s, struct sstate_error *err)
{
	int r;

	if ((r = env_issuer(&s->succ.key, s->env, err)) != 0)
		return r;
	s->succ.created = 0;
	return token_new(&s->succ.tok, s->succ.key, s->env->ns, s->env->cls,
	    err);
}

int
succession_want(struct sstate_session *s, int kind, struct sstate_error *err)
{
	int r;

	if (!s->exists)
		return 0; /* its id is not drawn, or nobody's yet */
	if (kind > s->succ.wanted && s->succ.nstubs > 0)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "the rotation before was not answered: reload first");
	if (s->succ.wanted == 0 && (r = draw(s, err)) != 0)
		return r;
	if (kind > s->succ.wanted)
		s->succ.wanted = kind;
	return 0;
}

int
succession_due(const struct sstate_session *s)
{
	return s->env->rotate > 0 && s->env->cls == CLS_COOKIE && !s->frozen &&
	    !s->tell && s->clock - s->base->id_since >= s->env->rotate;
}

/* The record under the new id, made or made again. */
static int
put_new(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	int login = s->succ.wanted == SUCC_LOGIN;
	struct seal_head head;
	struct sealed out;
	struct rec *rec;
	uint64_t rev;
	int r;

	if ((rec = arena_get(at->a, sizeof(*rec))) == NULL ||
	    rec_copy(rec, s->work) != 0)
		return err_plain(err, SSTATE_ENOMEM, "commit");
	rec->fresh = 1;
	rec->id_since = s->clock;
	if (login)
		rec->ncommit = 0; /* no commit of before follows to here */
	write_times(s, &head, login ? NULL : &s->head, rec, rec->id_since);
	rev = s->succ.created ? s->succ.head.revision : s->head.revision;
	if (revision_counter(rev) < revision_counter(s->head.revision))
		rev = s->head.revision;
	if ((r = write_seal(s, &out, at->a, &s->succ.tok, s->succ.key, &head,
		 rev, rec, err)) != 0)
		return r;
	if (!s->succ.created)
		r = store_create(s->env->store, &s->slot, &out.key, &out.rec,
		    err);
	else
		r = store_replace(s->env->store, &s->slot, &out.key,
		    s->succ.head.revision, &out.rec, err);
	if (r == 0) {
		s->succ.created = 1;
		s->succ.head = head;
		s->succ.rec = rec;
		s->succ.nops = s->ops.n;
		s->succ.expiry_set = s->expiry_set;
		s->succ.expiry = s->expiry;
	}
	return r;
}

static void
remove_new(struct sstate_session *s)
{
	struct sstate_key key;

	if (!s->succ.created)
		return;
	/* Its id is known to nobody: where this fails, it expires. */
	write_key(s, &key, &s->succ.tok);
	(void)store_remove(s->env->store, &s->slot, &key, s->succ.head.revision,
	    NULL);
	s->succ.created = 0;
}

static int
put_stub(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	int64_t now = s->clock, end;
	struct seal_head head;
	struct sealed out;
	struct rec *stub;
	int r;

	if ((stub = arena_get(at->a, sizeof(*stub))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "commit");
	end = now + s->env->grace;
	if (s->succ.wanted == SUCC_LOGIN) {
		/* empty: what the old id's holder could open tells nothing */
		rec_init(stub, at->a);
		stub->kind = REC_ENDED;
	} else {
		if (rec_copy(stub, s->work) != 0)
			return err_plain(err, SSTATE_ENOMEM, "commit");
		stub->kind = REC_MOVED;
		stub->grace_until = end;
		token_bytes(stub->succ, &s->succ.tok);
		end += s->env->idle; /* REUSE is seen for so long */
	}
	head = s->head;
	head.flags = 0;
	head.written = now > s->head.written ? now : s->head.written;
	head.idle_deadline = end < head.abs_expiry ? end : head.abs_expiry;
	if ((r = write_seal(s, &out, at->a, &s->tok, s->key, &head,
		 s->head.revision, stub, err)) != 0)
		return r;
	r = store_replace(s->env->store, &s->slot, &out.key, s->head.revision,
	    &out.rec, err);
	if (r == SSTATE_ESTORE || r == SSTATE_ESYS)
		s->succ.stub[s->succ.nstubs++ % STUBS_KEPT] = head.revision;
	return r;
}

static int
fail_gone(struct sstate_session *s, struct sstate_error *err)
{
	remove_new(s);
	s->succ.wanted = 0;
	return session_gone(s, err);
}

/*
 * The stub stands: from here on the session is under the new id.  What was
 * changed since its record was written, between two commits, is still to be
 * written.
 */
static int
done(struct sstate_session *s)
{
	struct rec *rec = s->succ.rec;
	size_t nops = s->succ.nops;
	int rest = s->expiry_set &&
	    (!s->succ.expiry_set || s->succ.expiry != s->expiry);

	token_wipe(&s->tok);
	s->tok = s->succ.tok;
	s->key = s->succ.key;
	s->head = s->succ.head;
	s->text[0] = '\0';
	memset(&s->succ, 0, sizeof(s->succ));
	s->tell = 1;
	s->base = rec;
	if (s->ops.n > nops) {
		s->work->fresh = rec->fresh;
		s->work->id_since = rec->id_since;
		s->work->ncommit = rec->ncommit;
		rest = 1;
	} else
		s->work = rec;
	if (!rest) {
		attempts_settle(s);
		return 0;
	}
	s->ops.n -= nops;
	if (s->ops.n > 0)
		memmove(s->ops.v, s->ops.v + nops,
		    s->ops.n * sizeof(s->ops.v[0]));
	s->wrote = 1;
	return 0;
}

/*
 * Replay failed: nothing of ours may stay, and the id is not used again.
 * But where a stub may yet turn up, its successor must be there.
 */
static int
give_up(struct sstate_session *s, int r)
{
	if (s->succ.nstubs > 0)
		return r;
	remove_new(s);
	if (s->rendered)
		return session_fail(s, r, "commit: %s", sstate_strerror(r));
	if (draw(s, NULL) != 0)
		return session_fail(s, SSTATE_ESYS, "commit: no new id");
	return r;
}

/*
 * Another rotation was faster: its successor is the session.  A plain one
 * commits there and is content; a log-in takes it for the old record, and so
 * does one whose new id is in a page already (I7).
 */
static int
other_won(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct view *v;
	int r;

	r = attempts_read(at, &v, &s->tok, s->key, 1, err);
	if (fetch_is_none(r))
		return fail_gone(s, err);
	if (r != 0)
		return r;
	s->succ.nstubs = 0; /* none of ours stands, or ever will */
	if ((r = attempts_rebase(at, v, err)) != 0)
		return give_up(s, r);
	if (s->succ.wanted == SUCC_LOGIN ||
	    (s->rendered && s->env->cls == CLS_PAGE))
		return SSTATE_DONE; /* once more, from there */
	remove_new(s);
	memset(&s->succ, 0, sizeof(s->succ));
	s->tell = 1;
	return 0;
}

/* Is it the stub that we wrote, in this commit or in one before it? */
static int
our_stub(const struct sstate_session *s, const struct view *v)
{
	uint8_t succ[TOKEN_BYTES];
	unsigned i;
	int same;

	for (i = 0; i < s->succ.nstubs && i < STUBS_KEPT; i++)
		if (s->succ.stub[i] == v->head.revision)
			return 1;
	if (v->rec.kind != REC_MOVED)
		return 0;
	token_bytes(succ, &s->succ.tok);
	same = memcmp(succ, v->rec.succ, sizeof(succ)) == 0;
	wipe(succ, sizeof(succ));
	return same;
}

/*
 * The old record is not what it was, or we were not told: what is it now?
 * SSTATE_DONE: not superseded, once more from there.
 */
static int
look_again(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct view *v;
	int r, kind;

	r = attempts_read(at, &v, &s->tok, s->key, 0, err);
	if (r == SSTATE_ENOTFOUND || r == SSTATE_EEXPIRED || r == SSTATE_EAUTH)
		return fail_gone(s, err);
	if (r != 0)
		return r;
	kind = v->rec.kind;
	if (our_stub(s, v)) { /* a lost answer */
		attempts_drop(at);
		return done(s);
	}
	if (kind == REC_LIVE && v->head.revision == s->head.revision) {
		attempts_drop(at); /* a lost request, or a late one */
		return SSTATE_DONE;
	}
	if (kind == REC_LIVE) {
		s->succ.nstubs = 0;
		if ((r = attempts_rebase(at, v, err)) != 0)
			return give_up(s, r);
		return SSTATE_DONE;
	}
	attempts_drop(at);
	return kind == REC_MOVED ? other_won(at, err) : fail_gone(s, err);
}

/*
 * The new record was not written, or not answered.  It is known to us alone,
 * or to those whom a late stub of ours leads there: so look.
 */
static int
new_failed(struct attempts *at, int r, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct view *v;
	int code;

	/* a create is never sent again under that key */
	if ((r != SSTATE_ESTORE && r != SSTATE_ECONFLICT) || !s->succ.created)
		return give_up(s, r == SSTATE_EEXIST ? SSTATE_ESTORE : r);
	if (s->succ.nstubs > 0 && (code = look_again(at, err)) != SSTATE_DONE)
		return code;
	if (!s->succ.created)
		return SSTATE_DONE;
	if (attempts_read(at, &v, &s->succ.tok, s->succ.key, 0, err) != 0)
		return r == SSTATE_ECONFLICT ? SSTATE_ESTORE : r;
	s->succ.head = v->head;
	attempts_drop(at);
	return SSTATE_DONE; /* write it again, from what is there */
}

static int
steps(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	unsigned asked = 0;
	int r;

	/* A commit before this one was not told whether it had succeeded. */
	if (s->succ.nstubs > 0 && (r = look_again(at, err)) != SSTATE_DONE)
		return r;
	for (;;) {
		if ((r = put_new(at, err)) != 0) {
			if ((r = new_failed(at, r, err)) != SSTATE_DONE)
				return r;
			if (++asked > ASK_AGAIN)
				return SSTATE_ESTORE;
			continue;
		}
		if ((r = put_stub(at, err)) == 0)
			return done(s);
		if (r == SSTATE_ENOTFOUND)
			return fail_gone(s, err);
		if (r != SSTATE_ECONFLICT && r != SSTATE_ESTORE)
			return r;
		if (r == SSTATE_ESTORE && ++asked > ASK_AGAIN)
			return r;
		if ((r = look_again(at, err)) != SSTATE_DONE)
			return r;
		if (attempts_next(at) != 0)
			return sstate_fail(err, SSTATE_EBUSY, 0,
			    "commit: every race was lost");
	}
}

int
succession_run(struct sstate_session *s, struct sstate_error *err)
{
	struct attempts at;
	int r;

	attempts_begin(&at, s);
	r = attempts_end(&at, steps(&at, err));
	if (r == 0 && s->exists && s->succ.wanted == 0 &&
	    (s->ops.n > 0 || s->expiry_set))
		return SSTATE_DONE;
	return r;
}

static int
change_id(struct sstate_session *s, const char *what)
{
	int r;

	if ((r = session_open_for_change(s)) != 0)
		return r;
	if (s->soft) /* new rights are not pretended */
		return session_fail(s, SSTATE_ESTORE,
		    "%s: the store failed before", what);
	if ((s->how & SSTATE_NO_STORE) != 0)
		return session_fail(s, SSTATE_EINVAL,
		    "%s: SSTATE_NO_STORE keeps nothing", what);
	if (s->linked)
		return session_fail(s, SSTATE_EINVAL,
		    "%s: it must come before the first link or field", what);
	return 0;
}

int
sstate_login(struct sstate_session *s, const char *user)
{
	struct op op = { .kind = OP_LOGIN };
	struct sstate_error err;
	uint8_t *psk;
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = change_id(s, "login")) != 0)
		return r;
	if (user == NULL || *user == '\0')
		return session_fail(s, SSTATE_EINVAL, "login: no user");
	if (strlen(user) > LIMIT_USER_BYTES)
		return session_fail(s, SSTATE_ETOOBIG,
		    "login: a user over %u bytes", LIMIT_USER_BYTES);
	err_clear(&err);
	if ((psk = arena_get(s->a, PSK_BYTES)) == NULL ||
	    (op.name = arena_str(s->a, user)) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "login: out of memory");
	if ((r = rand_bytes(psk, PSK_BYTES, &err)) != 0)
		return session_fail(s, r, "login: %s", err.text);
	op.by = env_now(s->env);
	op.bytes = psk;
	if ((r = change_do(s, &op)) != 0)
		return r;
	s->psk_ready = 1;
	if ((r = succession_want(s, SUCC_LOGIN, &err)) != 0)
		return session_fail(s, r, "login: %s", err.text);
	return 0;
}

int
sstate_rotate(struct sstate_session *s)
{
	struct sstate_error err;
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = change_id(s, "rotate")) != 0)
		return r;
	err_clear(&err);
	if ((r = succession_want(s, SUCC_ROTATE, &err)) != 0)
		return session_fail(s, r, "rotate: %s", err.text);
	return 0;
}
