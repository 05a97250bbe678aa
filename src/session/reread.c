/*
 * reread.c - a session's record, read again
 *
 * Invariant: what was not committed is gone afterwards, and so is the
 * failure that was kept; what was handed out stays where it is.
 */
#include "session/reread.h"

#include <string.h>

#include "base/err.h"
#include "session/doubt.h"
#include "session/fetch.h"

/* No record is there yet: what was drawn for a page stays as it is. */
static int
start_again(struct sstate_session *s)
{
	struct rec *r;

	if ((r = arena_get(s->a, sizeof(*r))) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "reload: out of memory");
	if (!s->has_id) {
		session_blank(s, r);
		return 0;
	}
	rec_init(r, s->a);
	r->mindset = s->mindset;
	memcpy(r->psk, s->work->psk, sizeof(r->psk));
	s->base = s->work = r;
	s->bytes = s->values = 0;
	ops_init(&s->ops, s->a);
	return 0;
}

int
reread_record(struct sstate_session *s)
{
	struct sstate_error err;
	struct view *v;
	int r;

	if (!s->exists)
		return start_again(s);
	err_clear(&err);
	if ((v = arena_zero(s->a, sizeof(*v))) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "reload: out of memory");
	v->tok = s->tok;
	v->key = s->key;
	s->clock = env_now(s->env);
	if ((r = fetch(s, v, s->a, &err)) == 0 && v->rec.mindset != s->mindset)
		r = SSTATE_EMINDSET;
	if (fetch_is_none(r))
		return session_gone(s, NULL);
	if (r != 0)
		return session_fail(s, r, "reload: %s",
		    err.code == r ? err.text : sstate_strerror(r));
	session_adopt(s, v);
	s->witness = s->head.revision;
	return 0;
}
