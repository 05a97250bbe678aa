/*
 * request.c - one request: what came, checked before the program sees it
 *
 * Invariant: a request that is handed out was read whole and is within all
 * limits; none of its octets was changed on the way.
 */
#include "cgi/request.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/cookies.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/nocase.h"
#include "base/urlencoded.h"
#include "base/wipe.h"
#include "session/env.h"

enum { CHUNK = 16384, ROOM = 12288, ROOM_BODY = 262144 };

/* What kind of body, and how long. */
enum { NONE, FORM, PARTS, RAW };

struct body {
	int kind;
	int known; /* its length, that is */
	size_t len;
	struct slice boundary;
};

/* ---- Content-Length --------------------------------------------------- */

/* Digits alone (E1): no sign, blank, list, nor what no length can be. */
static int
number(size_t *out, const char *s)
{
	size_t n = 0, digits;

	*out = 0;
	digits = strspn(s, "0123456789");
	if (digits == 0 || digits > 18 || s[digits] != '\0')
		return SSTATE_EPARSE;
	for (; *s != '\0'; s++) {
		if (n > (SIZE_MAX / 2 - 9) / 10)
			return SSTATE_EPARSE;
		n = n * 10 + (size_t)(*s - '0');
	}
	*out = n;
	return 0;
}

static int
content_length(struct body *b, const struct wire *w, struct sstate_error *err)
{
	const char *s = wire_var(w, "CONTENT_LENGTH");

	if (s == NULL)
		return 0;
	b->known = 1;
	if (*s != '\0' && number(&b->len, s) != 0)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "request: CONTENT_LENGTH is no length");
	return 0;
}

struct sstate_req *
req_new(struct sstate *env, const struct wire *w, const struct req_limits *lim)
{
	struct body b = { NONE, 0, 0, { NULL, 0 } };
	struct sstate_req *req;
	struct arena *a;
	const char *method;

	/* One block for all of a usual request, its answer too (P4). */
	(void)content_length(&b, w, NULL);
	if (b.len > ROOM_BODY || b.len > lim->body + lim->upload)
		b.len = 0;
	a = w->a != NULL ? w->a : arena_new(env_secret(env), ROOM + b.len);
	if (a == NULL)
		return NULL;
	if ((req = arena_zero(a, sizeof(*req))) == NULL) {
		arena_free(a);
		return NULL;
	}
	req->env = env;
	req->a = a;
	req->wire = *w;
	req->lim = lim;
	method = wire_var(w, "REQUEST_METHOD");
	req->method = method != NULL ? method : "GET";
	upload_init(&req->upload, a, lim->upload, lim->params, 0, NULL);
	answer_init(&req->answer, a, &req->wire,
	    strcmp(req->method, "HEAD") == 0, lim->reply);
	req->answer.full = req_flush;
	req->answer.arg = req;
	return req;
}

void
req_free(struct sstate_req *req)
{
	struct wire w = req->wire;

	sstate_free(req->s);
	upload_free(&req->upload);
	arena_free(req->a);
	wire_done(&w);
}

/* ---- What came beside the body ---------------------------------------- */

static int
too_big(struct sstate_error *err, const char *what)
{
	return sstate_fail(err, SSTATE_ETOOBIG, 0,
	    "request: %s is over its limit", what);
}

static int
is_over(const char *s, size_t max)
{
	return s != NULL && strnlen(s, max + 1) > max;
}

/* Bounded each, before anything looks into them (E7, E9, E12). */
static int
check_sizes(const struct wire *w, struct sstate_error *err)
{
	static const struct {
		const char *name;
		size_t max;
	} vars[] = {
		{ "QUERY_STRING", LIMIT_QUERY_BYTES },
		{ "SCRIPT_NAME", LIMIT_PATH_BYTES },
		{ "PATH_INFO", LIMIT_PATH_BYTES },
		{ "CONTENT_TYPE", LIMIT_HEADER_BYTES },
		{ "REMOTE_ADDR", LIMIT_HEADER_BYTES },
		{ "REMOTE_USER", LIMIT_HEADER_BYTES },
	};
	size_t i;

	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		if (is_over(wire_var(w, vars[i].name), vars[i].max))
			return too_big(err, vars[i].name);
	for (i = 0; w->vars[i] != NULL; i++)
		if (strncmp(w->vars[i], "HTTP_", 5) == 0 &&
		    strncmp(w->vars[i], "HTTP_COOKIE=", 12) != 0 &&
		    is_over(w->vars[i], LIMIT_HEADER_BYTES))
			return too_big(err, "a header");
	return 0;
}

static int
check_cookies(const struct sstate_req *req, struct sstate_error *err)
{
	struct sstate_val all[LIMIT_COOKIES];
	size_t n;

	/* C5: no name is asked for, all are counted. */
	if (req->lim->cookies &&
	    cookies_find(wire_var(&req->wire, "HTTP_COOKIE"), "=", all,
		LIMIT_COOKIES, &n) != 0) {
		(void)too_big(err, "the Cookie header");
		return 400;
	}
	return 0;
}

/* The shape alone: the session decodes it, with the same limits. */
static int
check_form(struct sstate_req *req, const char *p, size_t n, size_t *count,
    const char *what, struct sstate_error *err)
{
	struct form_limits lim = { req->lim->params, LIMIT_NAME_BYTES,
		LIMIT_VALUE_BYTES };
	int r;

	r = urlencoded_parse(p, n, req->lim->semicolon, &lim, count, NULL, NULL,
	    NULL);
	return r == 0 ? 0 : err_plain(err, r, what);
}

static int
read_line(struct sstate_req *req, size_t *count, struct sstate_error *err)
{
	const char *query = wire_var(&req->wire, "QUERY_STRING");
	int r;

	if (!is_token(req->method) || strlen(req->method) > LIMIT_METHOD_BYTES)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "request: REQUEST_METHOD is no method");
	if ((r = check_sizes(&req->wire, err)) != 0 ||
	    (r = check_cookies(req, err)) != 0)
		return r;
	if (query != NULL &&
	    (r = check_form(req, query, strlen(query), count, "request: query",
		 err)) != 0)
		return r;
	req->web.query = query;
	req->web.path = wire_var(&req->wire, "SCRIPT_NAME");
	return 0;
}

/* ---- Which body ------------------------------------------------------- */

static int
unsupported(struct sstate_error *err, int status, const char *what)
{
	(void)sstate_fail(err, SSTATE_EPARSE, 0, "request: %s", what);
	return status;
}

/* E3: a body may come without its length, from a server that passes it on. */
static int
transfer(struct body *b, const struct wire *w, struct sstate_error *err)
{
	const char *te = wire_var(w, "HTTP_TRANSFER_ENCODING");
	const char *type = wire_var(w, "CONTENT_TYPE");
	int chunked = te != NULL && nocase_same(te, "chunked");

	if (te != NULL && *te != '\0' && !chunked)
		return unsupported(err, 501, "transfer coding not known");
	if (!b->known && !chunked && (type == NULL || *type == '\0'))
		b->known = 1; /* of length 0: RFC 3875 4.1.2 */
	return 0;
}

static int
is_encoded(const struct wire *w)
{
	const char *s = wire_var(w, "HTTP_CONTENT_ENCODING");

	return s != NULL && *s != '\0' && !nocase_same(s, "identity");
}

/* One media type, all of it understood, or 415 (E6, U10, M12). */
static int
content_type(struct body *b, const struct wire *w, struct sstate_error *err)
{
	const char *s = wire_var(w, "CONTENT_TYPE");
	struct slice in, word;
	int r;

	b->kind = RAW;
	if (s == NULL || *s == '\0')
		return 0;
	in.p = s;
	in.n = strlen(s);
	if (field_word(&word, &in) != 0 || memchr(word.p, '/', word.n) == NULL)
		return unsupported(err, 415, "CONTENT_TYPE is no media type");
	if (slice_is(&word, "multipart/form-data")) {
		b->kind = PARTS;
		r = multipart_boundary(&b->boundary, &in);
		if (r == SSTATE_EPARSE)
			return sstate_fail(err, r, 0,
			    "request: no boundary, or more than one");
	} else if (word.n >= 10 && nocase_is(word.p, "multipart/", 10))
		r = SSTATE_ENOTSUP;
	else if (slice_is(&word, "application/x-www-form-urlencoded")) {
		b->kind = FORM;
		r = media_params(&in, 1);
	} else
		r = media_params(&in, 0);
	if (r == 0 && b->kind != RAW && is_encoded(w))
		r = SSTATE_ENOTSUP;
	if (r != 0)
		return unsupported(err, 415, "content type not taken");
	return 0;
}

/* ---- Reading it ------------------------------------------------------- */

struct reader {
	struct sstate_req *req;
	const struct body *b;
	uint64_t deadline;
	size_t total;
	struct sstate_error *err;
};

/*
 * The next octets, never beyond the length (E2).  SSTATE_DONE at the end,
 * where a short body is an error.
 */
static int
next(struct reader *rd, size_t *got, char *p, size_t n)
{
	int r;

	*got = 0;
	if (rd->b->known && n > rd->b->len - rd->total)
		n = rd->b->len - rd->total;
	if (n == 0)
		return SSTATE_DONE;
	r = wire_read(got, &rd->req->wire, p, n, rd->deadline, rd->err);
	rd->total += *got;
	if (r == SSTATE_EBUSY)
		return 408;
	if (r == SSTATE_DONE && rd->b->known)
		return sstate_fail(rd->err, SSTATE_EPARSE, 0,
		    "request: the body is shorter than its length");
	return r;
}

static int
read_known(struct reader *rd, struct sstate_val *out)
{
	size_t got;
	char *p;
	int r;

	if ((p = arena_get(rd->req->a, rd->b->len + 1)) == NULL)
		return err_plain(rd->err, SSTATE_ENOMEM, "request: body");
	while ((r = next(rd, &got, p + rd->total, rd->b->len)) == 0)
		;
	if (r != SSTATE_DONE)
		return r;
	p[rd->total] = '\0';
	out->ptr = p;
	out->len = rd->total;
	return 0;
}

static int
read_unknown(struct reader *rd, struct sstate_val *out)
{
	char chunk[CHUNK];
	struct buf b;
	size_t got;
	int r = 0;

	buf_init(&b, rd->req->a, CHUNK, rd->req->lim->body);
	while (b.bad == 0 && (r = next(rd, &got, chunk, sizeof(chunk))) == 0)
		buf_put(&b, chunk, got);
	wipe(chunk, sizeof(chunk));
	if (b.bad == SSTATE_ETOOBIG)
		return too_big(rd->err, "the body");
	if (b.bad != 0)
		return err_plain(rd->err, b.bad, "request: body");
	if (r != SSTATE_DONE)
		return r;
	out->ptr = buf_cstr(&b);
	out->len = b.len;
	return 0;
}

static int
read_parts(struct reader *rd, size_t count)
{
	struct sstate_req *req = rd->req;
	struct multipart m;
	char chunk[CHUNK];
	size_t got;
	int r;

	upload_init(&req->upload, req->a, req->lim->upload, req->lim->params,
	    count, rd->err);
	multipart_init(&m, &rd->b->boundary, &upload_sink, &req->upload);
	while ((r = next(rd, &got, chunk, sizeof(chunk))) == 0 &&
	    (r = multipart_feed(&m, chunk, got)) == 0)
		/* All that is no file is the body that max_body bounds. */
		if (rd->total - req->upload.file_bytes > req->lim->body) {
			r = too_big(rd->err, "the body");
			break;
		}
	if (r == SSTATE_DONE)
		r = multipart_end(&m);
	wipe(chunk, sizeof(chunk));
	wipe(&m, sizeof(m));
	req->web.params = req->upload.params;
	req->web.nparams = req->upload.nparams;
	return r < 0 ? err_plain(rd->err, r, "request: multipart") : r;
}

static int
read_body(struct sstate_req *req, const struct body *b, size_t count,
    uint64_t deadline, struct sstate_error *err)
{
	struct reader rd = { req, b, deadline, 0, err };
	struct sstate_val all = { NULL, 0 };
	size_t max = req->lim->body;
	int r;

	if (b->kind == PARTS)
		max += req->lim->upload;
	if (b->known && b->len > max)
		return too_big(err, "the body");
	if (b->kind == PARTS)
		return read_parts(&rd, count);
	if (b->known && b->len == 0)
		return 0;
	r = b->known ? read_known(&rd, &all) : read_unknown(&rd, &all);
	if (r != 0)
		return r;
	if (b->kind == FORM) {
		req->web.form = all;
		return check_form(req, all.ptr, all.len, &count,
		    "request: form", err);
	}
	if (all.len > 0)
		req->raw = all;
	return 0;
}

/* Cookie -> HTTP_COOKIE, for sstate_begin(). */
static const char *
header(void *arg, const char *name)
{
	struct sstate_req *req = arg;
	char var[64] = "HTTP_";
	size_t i, n = strlen(name);

	if (n > sizeof(var) - 6)
		return NULL;
	for (i = 0; i < n; i++) {
		char c = name[i];

		if (c == '-')
			c = '_';
		else if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		var[5 + i] = c;
	}
	var[5 + n] = '\0';
	return sstate_req_var(req, var);
}

int
req_read(struct sstate_req *req, uint64_t within_us, struct sstate_error *err)
{
	struct body b = { NONE, 0, 0, { NULL, 0 } };
	struct sstate_web web = SSTATE_WEB_INIT;
	size_t count = 0;
	int r;

	req->web = web;
	req->web.method = req->method;
	req->web.header = header;
	req->web.arg = req;
	if ((r = read_line(req, &count, err)) != 0 ||
	    (r = content_length(&b, &req->wire, err)) != 0)
		return r;
	/* A body that came with these means nothing (E7). */
	if (strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0)
		return 0;
	if ((r = transfer(&b, &req->wire, err)) != 0 ||
	    (r = content_type(&b, &req->wire, err)) != 0)
		return r;
	return read_body(req, &b, count, clock_mono_us() + within_us, err);
}

void
req_refuse(struct sstate_req *req, int what, const struct sstate_error *err)
{
	int status = what > 0 ? what : sstate_status(what);

	env_log(req->env, status >= 500 ? SSTATE_LOG_ERROR : SSTATE_LOG_WARN,
	    err);
	answer_page(&req->answer, status);
	if (answer_send(&req->answer, 1) != 0 && !req->answer.sent)
		answer_without_memory(&req->wire, status);
}

/* ---- What the program reads ------------------------------------------- */

const char *
sstate_req_var(const struct sstate_req *req, const char *name)
{
	/* E5: a client's Proxy header is no proxy. */
	if (req == NULL || name == NULL || strchr(name, '=') != NULL ||
	    strcmp(name, "HTTP_PROXY") == 0)
		return NULL;
	if (strcmp(name, "REQUEST_METHOD") == 0)
		return req->method;
	return wire_var(&req->wire, name);
}

int
sstate_req_body(struct sstate_val *out, const struct sstate_req *req)
{
	if (out == NULL)
		return SSTATE_EINVAL;
	out->ptr = NULL;
	out->len = 0;
	if (req == NULL)
		return SSTATE_EINVAL;
	if (req->raw.ptr == NULL)
		return SSTATE_ENOTFOUND;
	*out = req->raw;
	return 0;
}

const struct sstate_file *
sstate_req_file(const struct sstate_req *req, const char *field, size_t i)
{
	if (req == NULL || field == NULL)
		return NULL;
	return upload_find(&req->upload, field, i);
}
