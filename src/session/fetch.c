/*
 * fetch.c - read a record: store, seal, times, stubs
 *
 * Invariant: what is handed out is authentic, of this token, and within its
 * time (I2, I4, R-20, R-21); the header rules, never what the store says.
 */
#include "session/fetch.h"

#include <string.h>

#include "base/err.h"
#include "session/write.h"
#include "store/store.h"

enum { HOPS = 4 }; /* of stubs in a row; more is no rotation of ours */

struct finding {
	struct sstate_session *s;
	struct view *v;
	struct arena *a;
	struct sstate_error *err;
	int lax; /* a near copy of what must not come from one */
};

static int
damaged(struct finding *f, const char *why)
{
	env_say(f->s->env, SSTATE_LOG_WARN, SSTATE_EAUTH,
	    "RECORD: not authentic: %s", why);
	return sstate_fail(f->err, SSTATE_EAUTH, 0,
	    "%s: a record is not "
	    "authentic",
	    store_name(f->s->env->store));
}

static int
found(void *arg, const struct sstate_record *rec)
{
	struct finding *f = arg;
	struct view *v = f->v;
	struct sstate_session *s = f->s;
	uint8_t *plain;
	size_t len;
	int r;

	if (rec->body.len < SEAL_OVER || rec->body.len > LIMIT_RECORD_BYTES ||
	    seal_peek(&v->head, rec->body.ptr, rec->body.len) != 0)
		return damaged(f, "no header");
	/* What the store says beside the record must be what it says. */
	if (rec->rev != v->head.revision ||
	    memcmp(rec->tag, v->head.usertag, sizeof(rec->tag)) != 0 ||
	    rec->expires > view_deadline(&v->head))
		return damaged(f, "the store's revision, tag or expiry differ");
	/* Sooner than the header's: its cap, max_expires. */
	if (rec->expires != 0 && rec->expires <= s->clock)
		return SSTATE_EEXPIRED;
	f->lax = (v->head.flags & SEAL_LOGIN) != 0 &&
	    (rec->flags & SSTATE_REC_VERIFY) == 0;
	if ((plain = arena_get(f->a, rec->body.len - SEAL_OVER + 1)) == NULL)
		return err_plain(f->err, SSTATE_ENOMEM, "read");
	if (seal_open(plain, &len, &v->head, v->key, s->env->ns, &v->tok,
		s->bind, rec->body.ptr, rec->body.len) != 0)
		return damaged(f, "the seal does not open");
	if ((r = rec_decode(&v->rec, f->a, plain, len)) != 0)
		return r == SSTATE_ENOMEM ? err_plain(f->err, r, "read")
					  : damaged(f, "malformed inside");
	return 0;
}

int
fetch_plain(struct sstate_session *s, struct view *v, struct arena *a,
    struct sstate_error *err)
{
	int64_t now = s->clock;
	struct finding f = { s, v, a, err, 0 };
	struct store *st = s->env->store;
	struct sstate_key key;
	int r = 0, far = s->far;

	write_key(s, &key, &v->tok);
	if (!far)
		r = store_get(st, &s->slot, &key, found, &f, err);
	/* Layers confirm a logged-in one; a copy that lost its mark is not. */
	if (far || (r == 0 && f.lax && store_is_layered(st)))
		r = store_get_far(st, &s->slot, &key, found, &f, err);
	if (r != 0)
		return r;
	if (v->head.written > now + LIMIT_FUTURE) {
		env_say(s->env, SSTATE_LOG_WARN, SSTATE_EAUTH,
		    "CLOCK: a record was written %lld seconds from now",
		    (long long)(v->head.written - now));
		return SSTATE_EAUTH;
	}
	if (view_deadline(&v->head) <= now ||
	    v->head.created < v->key->min_created)
		return SSTATE_EEXPIRED;
	return 0;
}

int
fetch_is_none(int r)
{
	return r == SSTATE_ENOTFOUND || r == SSTATE_EEXPIRED ||
	    r == SSTATE_EAUTH || r == SSTATE_EGONE;
}

int
fetch_successor(struct sstate_session *s, struct token *tok,
    const struct ringkey **key, const struct view *v, struct sstate_error *err)
{
	const struct keyring *ring;
	int r;

	if ((r = env_ring(&ring, s->env, err)) != 0)
		return r;
	r = token_from_bytes(tok, key, ring, s->env->ns, v->tok.cls,
	    v->rec.succ, s->clock);
	return r == 0 ? 0 : SSTATE_EGONE;
}

static int
successor(struct sstate_session *s, struct view *next, const struct view *v,
    struct sstate_error *err)
{
	memset(next, 0, sizeof(*next));
	return fetch_successor(s, &next->tok, &next->key, v, err);
}

/*
 * A rotated id came back after its grace.  If one that came after it was used
 * (it may have been superseded itself since), two hold what one was given.
 */
static void
reused(struct sstate_session *s, const struct view *old, struct view *next,
    struct arena *a)
{
	struct view *chain[HOPS];
	struct sstate_key key;
	char name[13];
	size_t n = 0;
	int used = 0;

	while (n < HOPS && fetch_plain(s, next, a, NULL) == 0) {
		used |= !next->rec.fresh;
		chain[n++] = next;
		if (next->rec.kind != REC_MOVED ||
		    (next = arena_get(a, sizeof(*next))) == NULL ||
		    successor(s, next, chain[n - 1], NULL) != 0)
			break;
	}
	if (!used)
		return;
	log_name(name, old->key, s->env->ns, &old->tok);
	env_say(s->env, SSTATE_LOG_WARN, SSTATE_EGONE,
	    "REUSE: the superseded id %s was used again", name);
	if ((s->env->flags & SSTATE_END_ON_REUSE) == 0)
		return;
	while (n > 0) {
		write_key(s, &key, &chain[--n]->tok);
		(void)store_remove(s->env->store, &s->slot, &key,
		    SSTATE_ANY_REV, NULL);
	}
	write_key(s, &key, &old->tok);
	(void)store_remove(s->env->store, &s->slot, &key, SSTATE_ANY_REV, NULL);
}

int
fetch(struct sstate_session *s, struct view *v, struct arena *a,
    struct sstate_error *err)
{
	struct view *next;
	int r, hop;

	for (hop = 0; hop < HOPS; hop++) {
		if ((r = fetch_plain(s, v, a, err)) != 0)
			return r;
		if (v->rec.kind == REC_LIVE)
			return 0;
		if (v->rec.kind != REC_MOVED)
			return SSTATE_EGONE;
		if ((next = arena_get(a, sizeof(*next))) == NULL)
			return err_plain(err, SSTATE_ENOMEM, "read");
		if ((r = successor(s, next, v, err)) != 0)
			return r;
		if (s->clock >= v->rec.grace_until) {
			reused(s, v, next, a);
			return SSTATE_EGONE;
		}
		*v = *next;
		v->moved = 1;
	}
	return SSTATE_EGONE;
}
