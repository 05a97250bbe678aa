/*
 * request.c - what the client sent: parameters, carried names, the token
 *
 * Invariant: a name that we carry ourselves (token, page state, CSRF token)
 * is never a parameter (B04, U11); nothing here does I/O.
 */
#include "session/request.h"

#include <string.h>

#include "base/cookies.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/hint.h"

/* One place where the carried values of a part of the request come up. */
struct part {
	struct sstate_session *s;
	struct table *params;
	struct sstate_val id[LIMIT_OUR_COOKIES];
	size_t nid;
	struct sstate_val page, csrf;
	int page_came, page_twice;
};

static int
same(struct sstate_val a, struct sstate_val b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int
take(void *arg, const char *name, struct sstate_val value)
{
	struct part *p = arg;
	const struct sstate *env = p->s->env;

	if (strcmp(name, env->id_param) == 0) {
		if (value.len == 0) /* K02 */
			return 0;
		if (p->nid < LIMIT_OUR_COOKIES)
			p->id[p->nid] = value;
		p->nid++;
		return 0;
	}
	if (strcmp(name, env->page_param) == 0) {
		if (p->page_came && !same(p->page, value))
			p->page_twice = 1;
		p->page_came = 1;
		p->page = value;
		return 0;
	}
	if (strcmp(name, env->csrf_param) == 0) {
		if (p->csrf.ptr == NULL)
			p->csrf = value;
		return 0;
	}
	return table_add(p->params, name, &value);
}

static int
take_params(struct part *query, struct part *body, const struct sstate_web *web,
    size_t *count, struct sstate_error *err)
{
	const struct sstate *env = query->s->env;
	const struct sstate_param *p;
	struct sstate_val value;
	size_t i;
	int r;

	if (web->nparams > 0 && web->params == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "begin: nparams without params");
	for (i = 0; i < web->nparams; i++) {
		p = &web->params[i];
		if (p->name == NULL ||
		    (p->from != SSTATE_FROM_QUERY &&
			p->from != SSTATE_FROM_BODY))
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "begin: a param without name or origin");
		if (p->value.ptr == NULL && p->value.len > 0)
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "begin: a param without bytes");
		if (++*count > env->form.params ||
		    strlen(p->name) > env->form.name ||
		    p->value.len > env->form.value)
			return sstate_fail(err, SSTATE_ETOOBIG, 0,
			    "request: too many or too long parameters");
		value = p->value;
		if (value.ptr == NULL)
			value.ptr = ""; /* a NUL follows every value */
		if ((r = take(p->from == SSTATE_FROM_QUERY ? query : body,
			 p->name, value)) != 0)
			return err_plain(err, r, "request");
	}
	return 0;
}

static int
parse(struct part *p, const char *text, size_t n, const char *what,
    size_t *count, struct sstate_error *err)
{
	const struct sstate *env = p->s->env;
	int semicolon = (env->flags & SSTATE_CARRY_PAGE) != 0, r;

	if (n == 0)
		return 0;
	r = urlencoded_parse(text, n, semicolon, &env->form, count, p->s->a,
	    take, p);
	return r == 0 ? 0 : err_plain(err, r, what);
}

static int
read_params(struct sstate_session *s, const struct sstate_web *web,
    struct part *query, struct part *body, struct sstate_error *err)
{
	size_t count = 0, n;
	int r;

	n = web->query != NULL ? strnlen(web->query, LIMIT_QUERY_BYTES + 1) : 0;
	if (n > LIMIT_QUERY_BYTES)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "request: the query is over %u bytes", LIMIT_QUERY_BYTES);
	if (web->form.len > 0 && web->form.ptr == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "begin: form without bytes");
	if ((r = parse(query, web->query, n, "query", &count, err)) != 0)
		return r;
	/* A body that came with GET is no form (E7). */
	if (s->unsafe &&
	    (r = parse(body, web->form.ptr, web->form.len, "form", &count,
		 err)) != 0)
		return r;
	return take_params(query, body, web, &count, err);
}

/*
 * A header's value, kept; NULL if it did not come.  One that is too long, or
 * that there is no memory for, came all the same: it becomes what matches
 * nothing, so that no check is passed by it (R-62, fail closed).
 */
static const char *
header(struct sstate_session *s, const struct sstate_web *web, const char *name,
    size_t max)
{
	static const char nothing[] = "?";
	const char *v, *kept;

	if (web->header == NULL || (v = web->header(web->arg, name)) == NULL)
		return NULL;
	if (strnlen(v, max + 1) > max || (kept = arena_str(s->a, v)) == NULL)
		return nothing;
	return kept;
}

static int
read_cookies(struct sstate_session *s, const struct sstate_web *web,
    struct sstate_error *err)
{
	UNFILLED struct sstate_val v[LIMIT_COOKIES];
	const char *text;
	size_t n, i;
	int r;

	if (web->header == NULL ||
	    (text = web->header(web->arg, "Cookie")) == NULL)
		return 0;
	if ((r = cookies_find(text, s->env->cookie, v, LIMIT_COOKIES, &n)) != 0)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "request: over %u "
		    "cookies, or a Cookie header over %u bytes",
		    LIMIT_COOKIES, LIMIT_COOKIE_HEADER_BYTES);
	s->cookie_came = n > 0;
	s->ncand = n;
	for (i = 0; i < n && i < LIMIT_OUR_COOKIES; i++) {
		s->cand[i].len = v[i].len;
		if ((s->cand[i].ptr = arena_dup(s->a, v[i].ptr, v[i].len)) ==
		    NULL)
			return err_plain(err, SSTATE_ENOMEM, "begin");
	}
	return 0;
}

/* K01: an id in the body beats one in the query. */
static void
candidates_of_page(struct sstate_session *s, const struct part *query,
    const struct part *body)
{
	const struct part *p = body->nid > 0 ? body : query;
	size_t i;

	s->ncand = p->nid;
	for (i = 0; i < p->nid && i < LIMIT_OUR_COOKIES; i++)
		s->cand[i] = p->id[i];
}

static void
carried(struct sstate_session *s, const struct part *query,
    const struct part *body)
{
	const struct part *p = body->page_came ? body : query;

	if (p->page_came) {
		s->page_text = p->page;
		s->page_twice = p->page_twice;
	}
	if (body->csrf.ptr != NULL)
		s->csrf_field = body->csrf;
}

static int
read_method(struct sstate_session *s, const struct sstate_web *web,
    struct sstate_error *err)
{
	const char *m = web->method;

	s->unsafe =
	    m != NULL && strcmp(m, "GET") != 0 && strcmp(m, "HEAD") != 0;
	if (s->unsafe && (!is_token(m) || strlen(m) > 64))
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "request: the method is no token");
	if (web->path != NULL &&
	    strnlen(web->path, LIMIT_PATH_BYTES + 1) > LIMIT_PATH_BYTES)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "request: the path is over %u bytes", LIMIT_PATH_BYTES);
	s->path = web->path;
	if (web->bind.len > LIMIT_BIND_BYTES ||
	    (web->bind.len > 0 && web->bind.ptr == NULL))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "begin: bind is over %u bytes", LIMIT_BIND_BYTES);
	if (web->token.len > 0 && web->token.ptr == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "begin: token without bytes");
	s->bind = web->bind;
	return 0;
}

int
request_read(struct sstate_session *s, const struct sstate_web *web,
    struct sstate_error *err)
{
	struct part query = { .s = s, .params = &s->query }, body = { .s = s };
	struct table sent;
	int r;

	table_init(&sent, s->a);
	body.params = &sent;
	if ((r = read_method(s, web, err)) != 0 ||
	    (r = read_params(s, web, &query, &body, err)) != 0)
		return r;
	s->sent = s->unsafe ? sent : s->query;
	carried(s, &query, &body);
	switch (s->env->cls) {
	case CLS_COOKIE:
		if ((r = read_cookies(s, web, err)) != 0)
			return r;
		break;
	case CLS_PAGE:
		candidates_of_page(s, &query, &body);
		break;
	default:
		if (web->token.len > 0) {
			s->cand[0] = web->token;
			s->ncand = 1;
		}
	}
	if (s->unsafe) { /* what sstate_check() asks for */
		s->host = header(s, web, "Host", LIMIT_NAME_BYTES * 2);
		s->origin = header(s, web, "Origin", LIMIT_NAME_BYTES * 4);
		s->fetch_site = header(s, web, "Sec-Fetch-Site", 64);
		s->csrf_header = header(s, web, "X-CSRF-Token", 256);
	}
	return 0;
}

/* One candidate; an unknown kid may be a key that was added meanwhile. */
static int
check(struct sstate_session *s, struct token *tok, const struct ringkey **key,
    struct sstate_val text, struct sstate_error *err)
{
	const struct keyring *ring;
	int r;

	if ((r = env_ring(&ring, s->env, err)) != 0)
		return r;
	r = token_parse(tok, key, ring, s->env->ns, s->env->cls, text.ptr,
	    text.len, s->now);
	if (r == SSTATE_ENOTFOUND && env_ring_again(s->env, ring, s->now)) {
		if ((r = env_ring(&ring, s->env, err)) != 0)
			return r;
		r = token_parse(tok, key, ring, s->env->ns, s->env->cls,
		    text.ptr, text.len, s->now);
	}
	return r == 0 ? 0 : SSTATE_EAUTH;
}

int
request_token(struct sstate_session *s, struct token *tok,
    const struct ringkey **key, struct sstate_error *err)
{
	const struct ringkey *k;
	struct token t;
	size_t i, valid = 0;
	int r, first = SSTATE_EAUTH;

	if (s->ncand == 0)
		return SSTATE_ENOTFOUND;
	if (s->ncand > LIMIT_OUR_COOKIES) {
		env_say(s->env, SSTATE_LOG_WARN, SSTATE_EAUTH,
		    "TOKENS: %zu "
		    "tokens in one place: none is taken",
		    s->ncand);
		return SSTATE_EAUTH;
	}
	for (i = 0; i < s->ncand; i++) {
		r = check(s, &t, &k, s->cand[i], err);
		if (r == SSTATE_EAUTH)
			continue;
		if (r != 0)
			return r;
		if (valid > 0 &&
		    (t.kid != tok->kid ||
			memcmp(t.sid, tok->sid, sizeof(t.sid)) != 0)) {
			/* never the first, never the last */
			env_say(s->env, SSTATE_LOG_WARN, SSTATE_EAUTH,
			    "TOKENS: two different valid tokens in one place: "
			    "none is taken");
			first = SSTATE_EAUTH;
			valid = 0;
			break;
		}
		*tok = t;
		*key = k;
		valid++;
		first = 0;
	}
	token_wipe(&t);
	if (first != 0)
		token_wipe(tok);
	return first;
}
