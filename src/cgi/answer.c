/*
 * answer.c - the answer, held until it may leave
 *
 * Invariant: no octet leaves before answer_send(), which runs after the
 * commit; a header that could end its line is an error, never mended.
 */
#include "cgi/answer.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/decimal.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/nocase.h"
#include "cgi/wire.h"

enum { FIRST = 8192, SLICE = 4096 };

struct header {
	const char *name, *value;
	int session; /* the session's own */
	struct header *next;
};

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

static const char *
reason(int status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return status < 300 ? "OK" : status < 400 ? "Redirect" : "Error";
}

void
answer_init(struct answer *w, struct arena *a, const struct wire *wire,
    int head, size_t max)
{
	memset(w, 0, sizeof(*w));
	w->a = a;
	w->wire = wire;
	w->head = head;
	w->max = max;
	w->status = 200;
}

int
answer_fail(struct answer *w, int code, const char *what)
{
	if (w->kept == 0) {
		w->kept = code;
		(void)sstate_fail(&w->err, code, 0, "answer: %s", what);
	}
	return code;
}

/* ---- Status and headers ----------------------------------------------- */

static int
may_change(struct answer *w)
{
	if (w->kept != 0)
		return w->kept;
	if (w->sent)
		return answer_fail(w, SSTATE_EINVAL,
		    "a status or header after the flush");
	return 0;
}

int
answer_status(struct answer *w, int http)
{
	int r;

	if ((r = may_change(w)) != 0)
		return r;
	if (http < 200 || http > 599)
		return answer_fail(w, SSTATE_EINVAL, "no status of an answer");
	w->status = http;
	return 0;
}

static int
listed(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (nocase_same(*names, name))
			return 1;
	return 0;
}

static struct header *
find(const struct answer *w, const char *name)
{
	struct header *h;

	for (h = w->first; h != NULL; h = h->next)
		if (nocase_same(h->name, name))
			return h;
	return NULL;
}

static int
append(struct answer *w, const char *name, const char *value, int session)
{
	struct header *h;

	if ((h = arena_get(w->a, sizeof(*h))) == NULL ||
	    (h->name = arena_str(w->a, name)) == NULL ||
	    (h->value = arena_str(w->a, value)) == NULL)
		return answer_fail(w, SSTATE_ENOMEM, "out of memory");
	h->session = session;
	h->next = NULL;
	if (w->last != NULL)
		w->last->next = h;
	else
		w->first = h;
	w->last = h;
	return 0;
}

static int
sendable(const char *name, const char *value)
{
	return is_token(name) && is_field_value(value) &&
	    strlen(name) + strlen(value) <= LIMIT_HEADER_BYTES;
}

int
answer_header(struct answer *w, const char *name, const char *value)
{
	/* The library's own: two of them would smuggle an answer. */
	static const char *const ours[] = { "Status", "Content-Length",
		"Transfer-Encoding", "Connection", NULL };
	static const char *const many[] = { "Set-Cookie", "Vary", "Link",
		"WWW-Authenticate", NULL };
	struct header *h;
	int r;

	if ((r = may_change(w)) != 0)
		return r;
	if (name == NULL || value == NULL || !sendable(name, value) ||
	    listed(ours, name))
		return answer_fail(w, SSTATE_EINVAL, "no header to send");
	if (!listed(many, name) && (h = find(w, name)) != NULL) {
		if ((value = arena_str(w->a, value)) == NULL)
			return answer_fail(w, SSTATE_ENOMEM, "out of memory");
		h->value = value;
		return 0;
	}
	return append(w, name, value, 0);
}

void
answer_session_header(struct answer *w, const char *name, const char *value)
{
	if (!sendable(name, value))
		(void)answer_fail(w, SSTATE_EINVAL, "no header to send");
	else
		(void)append(w, name, value, 1);
}

/* The length of a cookie's name, in a Set-Cookie. */
static size_t
cookie_name(const char *value)
{
	return strcspn(value, "=;");
}

/* Does a header of the session stand where the program's would? */
static int
is_beaten(const struct answer *w, const struct header *by)
{
	const struct header *h;
	size_t n;

	if (by->session || nocase_same(by->name, "Vary"))
		return 0;
	for (h = w->first; h != NULL; h = h->next) {
		if (!h->session || !nocase_same(h->name, by->name))
			continue;
		if (!nocase_same(h->name, "Set-Cookie"))
			return 1;
		/* one Set-Cookie a name; cookies of others may go. */
		n = cookie_name(h->value);
		if (cookie_name(by->value) == n &&
		    memcmp(h->value, by->value, n) == 0)
			return 1;
	}
	return 0;
}

/* ---- The body --------------------------------------------------------- */

/* Room in the body; 0, or what is kept. */
static int
ready(struct answer *w)
{
	if (w->kept == 0 && !w->page && w->body.p == NULL)
		/* The limit is kept by flushing, not by this buffer. */
		buf_init(&w->body, w->a, FIRST, SIZE_MAX / 8);
	return w->kept;
}

static int
checked(struct answer *w)
{
	if (w->body.bad != 0)
		return answer_fail(w, w->body.bad, "out of memory");
	return w->kept;
}

/* In slices, so that what is held never grows far beyond the limit. */
static int
slices(struct answer *w, const char *p, size_t n,
    void (*fn)(struct buf *, const char *, size_t))
{
	size_t some;
	int r;

	do {
		if ((r = ready(w)) != 0 || w->page)
			return r;
		some = n < SLICE ? n : SLICE;
		if (w->body.len + some > w->max && w->body.len > 0 &&
		    (r = w->full(w->arg)) != 0)
			return r;
		fn(&w->body, p, some);
		if ((r = checked(w)) != 0)
			return r;
		p += some;
		n -= some;
	} while (n > 0);
	return 0;
}

static void
put_raw(struct buf *b, const char *p, size_t n)
{
	buf_put(b, p, n);
}

int
answer_put(struct answer *w, const char *p, size_t n)
{
	return slices(w, p, n, put_raw);
}

int
answer_escaped(struct answer *w, const char *p, size_t n)
{
	return slices(w, p, n, escape_html);
}

void
answer_drop(struct answer *w)
{
	w->first = w->last = NULL;
	w->body.len = 0;
	w->body.bad = 0;
	w->status = 200;
	w->page = 0;
}

/* ---- Pages ------------------------------------------------------------ */

void
answer_page(struct answer *w, int http)
{
	char text[256];

	/* the status, and nothing of why. */
	(void)snprintf(text, sizeof(text),
	    "<!doctype html>\n<html lang=\"en\"><title>%d %s</title>\n"
	    "<h1>%s</h1>\n<p>The request was not carried out.</html>\n",
	    http, reason(http), reason(http));
	answer_drop(w);
	w->status = http;
	if (w->body.p == NULL)
		buf_init(&w->body, w->a, sizeof(text), SIZE_MAX / 8);
	buf_str(&w->body, text);
	(void)append(w, "Cache-Control", "no-store", 0);
	w->page = 1;
}

int
answer_redirect(struct answer *w, const char *to)
{
	int r;

	if ((r = may_change(w)) != 0)
		return r;
	/* What a server makes of a relative Location is its own affair. */
	if (to == NULL || to[0] != '/' || !path_is_local(to))
		return answer_fail(w, SSTATE_EINVAL,
		    "a redirect that leaves this site");
	w->body.len = 0;
	w->page = 0;
	w->status = 303;
	if ((r = answer_header(w, "Location", to)) != 0 ||
	    (r = answer_header(w, "Content-Type",
		 "text/html; charset=utf-8")) != 0)
		return r;
	(void)answer_put(w, "<!doctype html>\n<a href=\"", 25);
	(void)answer_escaped(w, to, strlen(to));
	return answer_put(w, "\">Continue</a>\n", 15);
}

void
answer_without_memory(const struct wire *wire, int http)
{
	char text[128];
	struct iovec v;

	(void)snprintf(text, sizeof(text),
	    "Status: %d %s\r\nContent-Type: text/plain\r\n"
	    "Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n",
	    http, reason(http));
	v.iov_base = text;
	v.iov_len = strlen(text);
	(void)wire_finish(wire, &v, 1, NULL);
}

/* ---- Sending ---------------------------------------------------------- */

static void
head_line(struct buf *b, const char *name, const char *value)
{
	buf_str(b, name);
	buf_str(b, ": ");
	buf_str(b, value);
	buf_str(b, "\r\n");
}

static int
has_no_body(int status)
{
	return status == 204 || status == 304;
}

static int
head_lines(struct buf *b, struct answer *w, int last)
{
	const struct header *h;
	char number[DECIMAL_ROOM];

	buf_init(b, w->a, 512, SIZE_MAX / 8);
	(void)decimal(number, w->status);
	buf_str(b, "Status: ");
	buf_str(b, number);
	buf_byte(b, ' ');
	buf_str(b, reason(w->status));
	buf_str(b, "\r\n");
	if (find(w, "Content-Type") == NULL && !has_no_body(w->status))
		head_line(b, "Content-Type", "text/html; charset=utf-8");
	for (h = w->first; h != NULL; h = h->next)
		if (!is_beaten(w, h))
			head_line(b, h->name, h->value);
	if (last && !has_no_body(w->status)) {
		(void)decimal(number, (int64_t)w->body.len);
		head_line(b, "Content-Length", number);
	}
	buf_str(b, "\r\n");
	return b->bad;
}

int
answer_send(struct answer *w, int last)
{
	struct sstate_error err = { 0, 0, "" };
	struct iovec v[2];
	size_t n = 0;
	struct buf b;
	int r = 0;

	if (!w->sent) {
		if ((r = head_lines(&b, w, last)) != 0)
			return answer_fail(w, r, "out of memory");
		v[n].iov_base = b.p;
		v[n++].iov_len = b.len;
		w->sent = 1;
	}
	if (w->body.len > 0 && !w->head && !has_no_body(w->status)) {
		v[n].iov_base = w->body.p;
		v[n++].iov_len = w->body.len;
	}
	w->body.len = 0;
	if (last)
		r = wire_finish(w->wire, v, n, &err);
	else if (n > 0)
		r = wire_send(w->wire, v, n, &err);
	if (r != 0 && w->kept == 0) {
		w->kept = r;
		w->err = err;
	}
	return r;
}
