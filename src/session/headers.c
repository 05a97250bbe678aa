/*
 * headers.c - what the answer must have: Set-Cookie, caching, Referer
 *
 * Invariant: a token goes out only with its record (I7), in Set-Cookie alone
 * once, with attributes that no request can weaken.
 */
#include "session/state.h"

#include <string.h>

#include "base/decimal.h"

static void
attributes(struct buf *b, const struct sstate *env)
{
	buf_str(b, "; Path=");
	buf_str(b, env->cookie_path);
	if (env->cookie_domain != NULL) {
		buf_str(b, "; Domain=");
		buf_str(b, env->cookie_domain);
	}
	if ((env->flags & SSTATE_PLAIN_HTTP) == 0)
		buf_str(b, "; Secure");
	buf_str(b, "; HttpOnly; SameSite=");
	buf_str(b,
	    (env->flags & SSTATE_SAMESITE_STRICT) != 0	   ? "Strict"
		: (env->flags & SSTATE_SAMESITE_NONE) != 0 ? "None"
							   : "Lax");
}

static void
cookie(struct sstate_session *s, const char *value, int64_t max_age,
    sstate_header_fn *fn, void *arg)
{
	const struct sstate *env = s->env;
	char number[DECIMAL_ROOM];
	struct buf b;

	buf_init(&b, s->a, 256,
	    LIMIT_SET_COOKIE_BYTES + 3 * LIMIT_COOKIE_ATTR_BYTES);
	buf_str(&b, env->cookie);
	buf_byte(&b, '=');
	buf_str(&b, value);
	if (max_age == 0)
		buf_str(&b, "; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
	if (max_age >= 0) {
		(void)decimal(number, max_age);
		buf_str(&b, "; Max-Age=");
		buf_str(&b, number);
	}
	attributes(&b, env);
	if (buf_cstr(&b) != NULL)
		fn(arg, "Set-Cookie", buf_cstr(&b));
}

static void
cookie_headers(struct sstate_session *s, sstate_header_fn *fn, void *arg)
{
	int64_t age = s->env->cookie_max_age > 0 ? s->env->cookie_max_age : -1;

	fn(arg, "Vary", "Cookie");
	/* Whatever failed after the log-out: that session is no more. */
	if (s->ended && !s->exists && s->cookie_came) {
		cookie(s, "", 0, fn, arg);
		return;
	}
	if (s->gone || s->fail.code != 0 || s->last.code != 0)
		return; /* no token leaves without its record */
	if (s->exists && (s->tell || (age > 0 && s->wrote)))
		cookie(s, session_text(s), age, fn, arg);
}

void
sstate_headers(struct sstate_session *s, sstate_header_fn *fn, void *arg)
{
	if (s == NULL || fn == NULL || (s->how & SSTATE_NO_STORE) != 0)
		return;
	fn(arg, "Cache-Control", "no-store");
	if (s->env->cls == CLS_COOKIE)
		cookie_headers(s, fn, arg);
	if (s->env->cls == CLS_PAGE)
		fn(arg, "Referrer-Policy", "no-referrer");
	if (s->ended && (s->env->flags & SSTATE_CLEAR_SITE_DATA) != 0)
		fn(arg, "Clear-Site-Data",
		    s->exists ? "\"cache\", \"storage\""
			      : "\"cache\", \"cookies\", \"storage\"");
}
