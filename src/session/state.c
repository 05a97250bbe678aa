/*
 * state.c - a session's own bookkeeping: failures, what it stands on
 *
 * Invariant: the first failure of what changes a session is kept until a
 * reload or a log-out.
 */
#include "session/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/store.h"

int
session_fail(struct sstate_session *s, int code, const char *fmt, ...)
{
	va_list ap;

	if (s->fail.code != 0)
		return code;
	s->fail.code = code;
	s->fail.sys = 0;
	va_start(ap, fmt);
	(void)vsnprintf(s->fail.text, sizeof(s->fail.text), fmt, ap);
	va_end(ap);
	err_clean(s->fail.text, sizeof(s->fail.text));
	return code;
}

int
session_open_for_change(struct sstate_session *s)
{
	if (s->fail.code != 0)
		return s->fail.code;
	if (s->frozen)
		return session_fail(s, SSTATE_EINVAL,
		    "set: the answer has left already");
	return 0;
}

void
session_freeze(struct sstate_session *s)
{
	if (s != NULL)
		s->frozen = 1;
}

int
session_soften(struct sstate_session *s, int r, const struct sstate_error *err)
{
	if ((r != SSTATE_ESTORE && r != SSTATE_EBUSY && r != SSTATE_ESYS) ||
	    !store_policy(s->env->store)->soft)
		return 0;
	env_log(s->env, SSTATE_LOG_ERROR, err);
	s->soft = 1;
	s->how |= SSTATE_NO_STORE;
	return 1;
}

int
session_gone(struct sstate_session *s, struct sstate_error *err)
{
	static const char text[] = "the session was ended meanwhile";

	s->exists = s->tell = 0;
	s->gone = 1;
	(void)sstate_fail(err, SSTATE_EGONE, 0, "%s", text);
	return session_fail(s, SSTATE_EGONE, "%s", text);
}

void
session_blank(struct sstate_session *s, struct rec *r)
{
	rec_init(r, s->a);
	r->mindset = s->mindset;
	s->base = s->work = r;
	s->bytes = s->values = 0;
	s->exists = s->has_id = s->psk_ready = 0;
	s->witness = 0;
	memset(&s->head, 0, sizeof(s->head));
	token_wipe(&s->tok);
	s->text[0] = '\0';
	ops_init(&s->ops, s->a);
}

void
session_adopt(struct sstate_session *s, struct view *v)
{
	struct rec *r = &v->rec;

	s->base = s->work = r;
	s->bytes = r->most_bytes;
	s->values = r->most_values;
	s->tok = v->tok;
	s->key = v->key;
	s->head = v->head;
	ops_init(&s->ops, s->a);
	s->text[0] = '\0'; /* made when it is asked for */
	s->has_id = s->exists = 1;
	if (v->moved)
		s->tell = 1;
}

int64_t
view_deadline(const struct seal_head *h)
{
	return h->abs_expiry < h->idle_deadline ? h->abs_expiry
						: h->idle_deadline;
}

const char *
session_text(struct sstate_session *s)
{
	if (s->text[0] == '\0')
		token_text(s->text, &s->tok);
	return s->text;
}
