/*
 * render.c - what a page carries: links, hidden fields, CSRF tokens
 *
 * Invariant: what is handed out is text for its place, and it counts as
 * rendered: the commit makes the record that it needs, or the page is
 * dropped (I7).
 */
#include "session/state.h"

#include <string.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/nocase.h"
#include "crypto/csrf.h"
#include "session/check.h"
#include "session/commit.h"
#include "session/pagestate.h"

enum { LINK_MAX = 65536 };

static int
render_ready(struct sstate_session *s)
{
	struct sstate_error err;
	int r;

	err_clear(&err);
	if ((r = commit_identity(s, &err)) != 0)
		return session_fail(s, r, "render: %s", err.text);
	s->rendered = 1;
	return 0;
}

static int
may_render(struct sstate_session *s)
{
	int r;

	if ((r = session_open_for_change(s)) != 0)
		return r;
	s->linked = 1;
	return 0;
}

/*
 * Does the page carry the id?  Not after a log-out, unless something is
 * stored: that begins another session (B08).
 */
static int
carries_id(const struct sstate_session *s)
{
	return s->env->cls == CLS_PAGE &&
	    ((s->how & SSTATE_NO_STORE) == 0 || s->keeps) && !s->gone &&
	    (!s->ended || s->ops.n > 0 || s->rendered);
}

/* The id for this page, in the arena: that is wiped, a stack is not. */
static const char *
text_now(struct sstate_session *s)
{
	char *text;

	if (s->succ.wanted == 0)
		return session_text(s);
	if ((text = arena_get(s->a, TOKEN_TEXT + 1)) == NULL)
		(void)session_fail(s, SSTATE_ENOMEM, "render: out of memory");
	else
		token_text(text, &s->succ.tok);
	return text;
}

/* http(s) of elsewhere: nothing of ours goes there (R-49). */
static int
is_off_site(const char *to)
{
	size_t i;

	if (!nocase_is(to, "https://", 8) && !nocase_is(to, "http://", 7))
		return 0;
	for (i = 0; to[i] != '\0'; i++)
		if ((unsigned char)to[i] <= 0x20 || to[i] == '\\' ||
		    (unsigned char)to[i] >= 0x7f)
			return 0;
	return 1;
}

static void
add_pair(struct buf *b, const char *name, const char *value, int *any)
{
	buf_byte(b, *any ? '&' : '?');
	*any = 1;
	escape_url(b, name, strlen(name));
	buf_byte(b, '=');
	buf_str(b, value); /* base64url needs no escape */
}

static int
add_carried(struct sstate_session *s, struct buf *b, uint32_t flags, int *any)
{
	const char *page = NULL, *id;
	int r;

	if (carries_id(s) || (flags & SSTATE_WITH_PAGE) != 0) {
		if ((r = render_ready(s)) != 0)
			return r;
	}
	if ((flags & SSTATE_WITH_PAGE) != 0 &&
	    (page = pagestate_text(s, NULL, LIMIT_PAGE_URL_BYTES)) == NULL)
		return s->fail.code;
	if (carries_id(s)) {
		if ((id = text_now(s)) == NULL)
			return s->fail.code;
		add_pair(b, s->env->id_param, id, any);
	}
	if (page != NULL)
		add_pair(b, s->env->page_param, page, any);
	return 0;
}

static int
link_parts(struct sstate_session *s, struct buf *b, uint32_t flags,
    const char *to, const char *query)
{
	const char *fragment = NULL;
	size_t n;
	int any = 0, r;

	if (to == NULL)
		escape_path(b, s->path != NULL ? s->path : "",
		    s->path != NULL ? strlen(s->path) : 0);
	else {
		if (!path_is_local(to))
			return session_fail(s, SSTATE_EINVAL,
			    "link: not a path of this site");
		n = strcspn(to, "#");
		fragment = to + n;
		any = memchr(to, '?', n) != NULL;
		buf_put(b, to, n);
	}
	if (query != NULL && *query != '\0') {
		if (!is_field_value(query) || strpbrk(query, "#\\ \t") != NULL)
			return session_fail(s, SSTATE_EINVAL,
			    "link: the query is not encoded");
		buf_byte(b, any ? '&' : '?');
		any = 1;
		buf_str(b, query);
	}
	if ((r = add_carried(s, b, flags, &any)) != 0)
		return r;
	if (fragment != NULL)
		buf_str(b, fragment);
	return 0;
}

const char *
sstate_link(struct sstate_session *s, uint32_t flags, const char *to,
    const char *query)
{
	const char *text;
	struct buf b;

	if (s == NULL || may_render(s) != 0)
		return NULL;
	if ((flags & ~(uint32_t)SSTATE_WITH_PAGE) != 0) {
		(void)session_fail(s, SSTATE_EINVAL, "link: foreign flag");
		return NULL;
	}
	buf_init(&b, s->a, 256, LINK_MAX);
	if (to != NULL && is_off_site(to)) {
		buf_str(&b, to);
		if (query != NULL && is_field_value(query)) {
			buf_byte(&b, strchr(to, '?') != NULL ? '&' : '?');
			buf_str(&b, query);
		}
	} else if (link_parts(s, &b, flags, to, query) != 0)
		return NULL;
	if ((text = buf_cstr(&b)) == NULL)
		(void)session_fail(s, b.bad, "link: %s",
		    sstate_strerror(b.bad));
	return text;
}

static void
add_field(struct buf *b, const char *name, const char *value)
{
	buf_str(b, "<input type=\"hidden\" name=\"");
	escape_html(b, name, strlen(name));
	buf_str(b, "\" value=\"");
	escape_html(b, value, strlen(value));
	buf_str(b, "\">");
}

/* Made for this session and action; other text each time. */
static const char *
csrf_text(struct sstate_session *s, const char *action)
{
	struct csrf_head h = { env_now(s->env), s->witness };
	struct sstate_error err;
	char *text;
	int r;

	if ((text = arena_get(s->a, CSRF_TEXT + 1)) == NULL) {
		(void)session_fail(s, SSTATE_ENOMEM, "csrf: out of memory");
		return NULL;
	}
	err_clear(&err);
	if ((r = csrf_make(text, s->key, s->env->ns, s->work->psk, action, &h,
		 &err)) != 0) {
		(void)session_fail(s, r, "csrf: %s", err.text);
		return NULL;
	}
	return text;
}

static int
fields(struct sstate_session *s, struct buf *b, uint32_t flags,
    const char *action)
{
	const char *page = NULL, *csrf = NULL, *id;
	uint8_t jti[JTI_BYTES], *once = (flags & SSTATE_ONCE) != 0 ? jti : NULL;
	int r, with = (flags & (SSTATE_WITH_PAGE | SSTATE_ONCE)) != 0;

	if ((carries_id(s) || with || action != NULL) &&
	    (r = render_ready(s)) != 0)
		return r;
	if (with &&
	    (page = pagestate_text(s, once, LIMIT_PAGE_FORM_BYTES)) == NULL)
		return s->fail.code;
	if (action != NULL && once != NULL &&
	    (action = check_action(s->a, action, jti)) == NULL)
		return session_fail(s, SSTATE_ENOMEM, "fields: out of memory");
	if (action != NULL && (csrf = csrf_text(s, action)) == NULL)
		return s->fail.code;
	if (carries_id(s)) {
		if ((id = text_now(s)) == NULL)
			return s->fail.code;
		add_field(b, s->env->id_param, id);
	}
	if (page != NULL)
		add_field(b, s->env->page_param, page);
	if (csrf != NULL)
		add_field(b, s->env->csrf_param, csrf);
	return 0;
}

const char *
sstate_fields(struct sstate_session *s, uint32_t flags, const char *action)
{
	const char *text;
	struct buf b;

	if (s == NULL || may_render(s) != 0)
		return NULL;
	if ((flags & ~(uint32_t)(SSTATE_WITH_PAGE | SSTATE_ONCE)) != 0 ||
	    ((flags & SSTATE_ONCE) != 0 && (s->how & SSTATE_NO_STORE) != 0 &&
		!s->soft)) {
		(void)session_fail(s, SSTATE_EINVAL, "fields: foreign flag");
		return NULL;
	}
	buf_init(&b, s->a, 512, LINK_MAX);
	if (fields(s, &b, flags, action) != 0)
		return NULL;
	if ((text = buf_cstr(&b)) == NULL)
		(void)session_fail(s, b.bad, "fields: %s",
		    sstate_strerror(b.bad));
	return text;
}

const char *
sstate_csrf(struct sstate_session *s, const char *action)
{
	if (s == NULL || may_render(s) != 0)
		return NULL;
	if (action == NULL) {
		(void)session_fail(s, SSTATE_EINVAL, "csrf: no action");
		return NULL;
	}
	return render_ready(s) == 0 ? csrf_text(s, action) : NULL;
}

const char *
sstate_escape(struct sstate_session *s, int where, const char *text)
{
	struct buf b;

	if (s == NULL || text == NULL)
		return NULL;
	if (where != SSTATE_FOR_HTML && where != SSTATE_FOR_URL) {
		(void)session_fail(s, SSTATE_EINVAL, "escape: no such place");
		return NULL;
	}
	buf_init(&b, s->a, strlen(text) + 32, SIZE_MAX / 2);
	if (where == SSTATE_FOR_HTML)
		escape_html(&b, text, strlen(text));
	else
		escape_url(&b, text, strlen(text));
	return buf_cstr(&b);
}

const char *
sstate_token(struct sstate_session *s)
{
	return s != NULL && s->exists && !s->gone ? session_text(s) : NULL;
}
