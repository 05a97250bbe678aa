/*
 * succeed.c - a new id for a session: log-in, rotation
 *
 * Invariant: the new record is in the store before the old one becomes a
 * stub, and the client learns the new id only when the stub stands; so of
 * two ids that a client can hold never both open, and no kill loses the
 * session (R-24, ARCHITECTURE "New ids").
 */
#include "session/session.h"

#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "store/store.h"

enum { ASK_AGAIN = 3 };

static int
draw(struct sstate_session *s, struct sstate_error *err)
{
	const struct keyring *ring;
	int r;

	if ((r = env_ring(&ring, s->env, err)) != 0)
		return r;
	if ((s->succ.key = keyring_issuer(ring, env_now(s->env))) == NULL)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "keyring: no key issues now");
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
	    !s->tell && env_now(s->env) - s->base->id_since >= s->env->rotate;
}

/* The record under the new id, made or made again. */
static int
put_new(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	const struct seal_head *was =
	    s->succ.wanted == SUCC_LOGIN ? NULL : &s->head;
	struct seal_head head;
	struct sealed out;
	struct rec *r2;
	uint64_t rev;
	int r;

	if ((r2 = arena_get(at->a, sizeof(*r2))) == NULL ||
	    rec_copy(r2, s->work) != 0)
		return err_plain(err, SSTATE_ENOMEM, "commit");
	r2->fresh = 1;
	r2->id_since = env_now(s->env);
	r2->ncommit = 0;
	write_times(s, &head, was, r2, env_now(s->env));
	rev = s->succ.created ? s->succ.head.revision : s->head.revision;
	if (revision_counter(rev) < revision_counter(s->head.revision))
		rev = s->head.revision;
	if ((r = write_seal(s, &out, at->a, &s->succ.tok, s->succ.key, &head,
		 rev, r2, err)) != 0)
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
		s->work = r2;
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
put_stub(struct attempts *at, struct seal_head *head, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	int64_t now = env_now(s->env), end;
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
	*head = s->head;
	head->flags = 0;
	head->written = now > s->head.written ? now : s->head.written;
	head->idle_deadline = end < head->abs_expiry ? end : head->abs_expiry;
	if ((r = write_seal(s, &out, at->a, &s->tok, s->key, head,
		 s->head.revision, stub, err)) != 0)
		return r;
	return store_replace(s->env->store, &s->slot, &out.key,
	    s->head.revision, &out.rec, err);
}

static int
fail_gone(struct sstate_session *s, struct sstate_error *err)
{
	remove_new(s);
	s->succ.wanted = 0;
	return session_gone(s, err);
}

/* The stub stands: from here on the session is under the new id. */
static int
done(struct sstate_session *s)
{
	token_wipe(&s->tok);
	s->tok = s->succ.tok;
	s->key = s->succ.key;
	s->head = s->succ.head;
	token_text(s->text, &s->tok);
	memset(&s->succ, 0, sizeof(s->succ));
	s->tell = 1;
	commit_settle(s);
	return 0;
}

/* Replay failed: nothing of ours may stay, and the id is not used again. */
static int
give_up(struct sstate_session *s, int r, struct sstate_error *err)
{
	remove_new(s);
	if (s->rendered)
		return session_fail(s, r, "commit: %s", sstate_strerror(r));
	if (draw(s, NULL) != 0)
		return session_fail(s, SSTATE_ESYS, "commit: no new id");
	(void)err;
	return r;
}

/*
 * Another rotation was faster: its successor is the session.  A plain one
 * commits there and is content; a log-in takes it for the old record.
 */
static int
other_won(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct arena *a;
	struct view v;
	int r;

	memset(&v, 0, sizeof(v));
	v.tok = s->tok;
	v.key = s->key;
	if ((r = attempts_read(at, &v, &a, 1, err)) == SSTATE_ESTORE ||
	    r == SSTATE_EBUSY || r == SSTATE_ENOMEM)
		return r;
	if (r != 0)
		return fail_gone(s, err);
	if ((r = attempts_rebase(at, &v, a, err)) != 0)
		return give_up(s, r, err);
	if (s->succ.wanted == SUCC_LOGIN)
		return SSTATE_ECONFLICT; /* once more, from there */
	remove_new(s);
	memset(&s->succ, 0, sizeof(s->succ));
	s->tell = 1;
	return 0;
}

/* The old record is not what it was: what is it now? */
static int
look_again(struct attempts *at, uint64_t mine, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct arena *a;
	struct view v;
	int r, kind;

	memset(&v, 0, sizeof(v));
	v.tok = s->tok;
	v.key = s->key;
	r = attempts_read(at, &v, &a, 0, err);
	if (r == SSTATE_ENOTFOUND || r == SSTATE_EEXPIRED || r == SSTATE_EAUTH)
		return fail_gone(s, err);
	if (r != 0)
		return r;
	kind = v.rec.kind;
	if (v.head.revision == mine) { /* a lost answer: it is our stub */
		arena_free(a);
		return done(s);
	}
	if (kind == REC_LIVE) {
		if (v.head.revision == s->head.revision) {
			arena_free(a); /* a lost request */
			return SSTATE_ECONFLICT;
		}
		if ((r = attempts_rebase(at, &v, a, err)) != 0)
			return give_up(s, r, err);
		return SSTATE_ECONFLICT;
	}
	arena_free(a);
	return kind == REC_MOVED ? other_won(at, err) : fail_gone(s, err);
}

/* The new record was not answered: it is known to us alone, so look. */
static int
new_unanswered(struct attempts *at, int r, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct arena *a;
	struct view v;

	/* a create is never sent again under that key */
	if (r != SSTATE_ESTORE || !s->succ.created)
		return give_up(s, r == SSTATE_EEXIST ? SSTATE_ESTORE : r, err);
	memset(&v, 0, sizeof(v));
	v.tok = s->succ.tok;
	v.key = s->succ.key;
	if (attempts_read(at, &v, &a, 0, err) != 0)
		return r;
	s->succ.head = v.head;
	arena_free(a);
	return SSTATE_ECONFLICT; /* write it again, from what is there */
}

static int
steps(struct attempts *at, struct sstate_error *err)
{
	struct sstate_session *s = at->s;
	struct seal_head stub;
	unsigned asked = 0;
	int r, fresh = s->succ.created;

	for (;;) {
		if (!fresh && (r = put_new(at, err)) != 0) {
			if ((r = new_unanswered(at, r, err)) !=
				SSTATE_ECONFLICT ||
			    ++asked > ASK_AGAIN)
				return r == SSTATE_ECONFLICT ? SSTATE_ESTORE
							     : r;
			continue;
		}
		fresh = 0;
		r = put_stub(at, &stub, err);
		if (r == 0)
			return done(s);
		if (r == SSTATE_ENOTFOUND)
			return fail_gone(s, err);
		if (r != SSTATE_ECONFLICT && r != SSTATE_ESTORE)
			return r;
		if (r == SSTATE_ESTORE && ++asked > ASK_AGAIN)
			return r;
		if ((r = look_again(at, stub.revision, err)) !=
		    SSTATE_ECONFLICT)
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
		return commit_run(s, err); /* another's successor */
	return r;
}

static int
change_id(struct sstate_session *s, const char *what)
{
	int r;

	if ((r = session_open_for_change(s)) != 0)
		return r;
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
	if ((r = values_do(s, &op)) != 0)
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
