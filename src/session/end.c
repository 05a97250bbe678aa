/*
 * end.c - log-out: the session ends in the store, now
 *
 * Invariant: a success means that no record opens under this session's id,
 * nor under one that it was rotated to.
 */
#include "session/state.h"

#include <string.h>

#include "base/err.h"
#include "session/attempts.h"
#include "session/doubt.h"
#include "session/fetch.h"
#include "session/write.h"
#include "store/store.h"

enum { DEPTH = 32, ASK_AGAIN = 3 };

static int end_record(struct sstate_session *s, const struct token *tok,
    const struct ringkey *key, uint64_t rev, int depth,
    struct sstate_error *err);

/* A stub: its successor ends first, or it could not be found any more. */
static int
end_successor(struct sstate_session *s, const struct view *v, int depth,
    struct sstate_error *err)
{
	const struct ringkey *key;
	struct token next;
	int r;

	if (depth >= DEPTH)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "logout: too many new ids in a row");
	if ((r = fetch_successor(s, &next, &key, v, err)) != 0)
		/* EGONE: under a retired key, it opens nothing */
		return r == SSTATE_EGONE ? 0 : r;
	r = end_record(s, &next, key, 0, depth + 1, err);
	token_wipe(&next);
	return r;
}

/* What is there now?  0: nothing that opens; else *rev is its revision. */
static int
look(struct sstate_session *s, const struct token *tok,
    const struct ringkey *key, uint64_t *rev, int depth,
    struct sstate_error *err)
{
	struct arena *a;
	struct view *v;
	int r;

	*rev = 0;
	if ((a = arena_new(&s->env->secret, 8192)) == NULL ||
	    (v = arena_zero(a, sizeof(*v))) == NULL) {
		arena_free(a);
		return err_plain(err, SSTATE_ENOMEM, "logout");
	}
	v->tok = *tok;
	v->key = key;
	r = fetch_plain(s, v, a, err);
	if (r == 0 && v->rec.kind == REC_MOVED)
		r = end_successor(s, v, depth, err);
	if (r == 0)
		*rev = v->head.revision;
	else if (r == SSTATE_ENOTFOUND || r == SSTATE_EEXPIRED ||
	    r == SSTATE_EAUTH)
		r = 0;
	arena_free(a); /* wipes the ids in v */
	return r;
}

/* rev 0: not known yet. */
static int
end_record(struct sstate_session *s, const struct token *tok,
    const struct ringkey *key, uint64_t rev, int depth,
    struct sstate_error *err)
{
	struct sstate_key k;
	struct attempts at;
	unsigned asked = 0;
	int r;

	write_key(s, &k, tok);
	attempts_begin(&at, s);
	for (;;) {
		if (rev == 0) {
			if ((r = look(s, tok, key, &rev, depth, err)) != 0 ||
			    rev == 0)
				return r;
		}
		r = store_remove(s->env->store, &s->slot, &k, rev, err);
		if (r == 0 || r == SSTATE_ENOTFOUND)
			return 0;
		if (r != SSTATE_ECONFLICT &&
		    (r != SSTATE_ESTORE || ++asked >= ASK_AGAIN))
			return r;
		if (attempts_next(&at) != 0)
			return sstate_fail(err, SSTATE_EBUSY, 0,
			    "logout: every race was lost");
		rev = 0;
	}
}

int
sstate_logout(struct sstate_session *s)
{
	struct sstate_error err;
	struct rec *blank;
	int r = 0;

	if (s == NULL)
		return SSTATE_EINVAL;
	if (s->frozen)
		return session_fail(s, SSTATE_EINVAL,
		    "logout: the answer has left already");
	if (s->soft) /* what could not be read cannot be ended */
		return session_fail(s, SSTATE_ESTORE,
		    "logout: the store failed before");
	if ((blank = arena_get(s->a, sizeof(*blank))) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "logout: out of memory");
	err_clear(&err);
	if (s->exists)
		r = end_record(s, &s->tok, s->key, s->head.revision, 0, &err);
	if (r == 0 && s->succ.created)
		r = end_record(s, &s->succ.tok, s->succ.key,
		    s->succ.head.revision, 0, &err);
	if (r != 0) {
		/* An earlier failure says less than this one. */
		memset(&s->fail, 0, sizeof(s->fail));
		return session_fail(s, r, "logout: %s",
		    err.code == r ? err.text : sstate_strerror(r));
	}
	/* What failed before belonged to the session that is no more. */
	memset(&s->fail, 0, sizeof(s->fail));
	memset(&s->last, 0, sizeof(s->last));
	token_wipe(&s->succ.tok);
	memset(&s->succ, 0, sizeof(s->succ));
	table_init(&s->merged, s->a);
	table_init(&s->page, s->a);
	table_init(&s->forgotten, s->a);
	s->merged_ready = 1; /* empty: what was sent stays in SENT */
	s->ended = 1;
	s->gone = s->tell = s->rendered = 0;
	s->rewrite = s->expiry_set = 0;
	doubt_clear(s);
	s->once = ONCE_NONE;
	session_blank(s, blank);
	return 0;
}
