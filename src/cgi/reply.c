/*
 * reply.c - the program's side of an answer: commit first, then send
 *
 * Invariant: no page leaves without its commit (I7); where that fails, all
 * that leaves is a page that tells its status, and the log has why.
 */
#include <string.h>

#include "base/err.h"
#include "cgi/request.h"
#include "session/env.h"

static void
report(struct sstate_req *req, int code, const struct sstate_error *err)
{
	struct sstate_error plain = { 0, 0, "" };
	int level = SSTATE_LOG_WARN;

	if (req->logged == code)
		return;
	req->logged = code;
	if (err->code != code) {
		(void)err_plain(&plain, code, "request");
		err = &plain;
	}
	if (sstate_status(code) >= 500)
		level = SSTATE_LOG_ERROR;
	env_log(req->env, level, err);
}

static void
take_header(void *arg, const char *name, const char *value)
{
	answer_session_header(arg, name, value);
}

/*
 * Commit, once; where that fails the answer is its page.  A program's own
 * failure (a header that cannot be sent) commits nothing and is a 500: its
 * code tells nothing of what the client sent.
 */
static int
settle(struct sstate_req *req)
{
	struct answer *w = &req->answer;
	int own = w->kept, r = own, status = own == SSTATE_ENOMEM ? 503 : 500;

	if (req->settled)
		return r;
	req->settled = 1;
	if (own != 0)
		report(req, r, &w->err);
	else if ((r = req->given_up) == 0 && req->s != NULL)
		r = sstate_commit(req->s);
	if (r != 0 && own == 0) {
		report(req, r, sstate_failure(req->s));
		w->kept = r;
		w->err = *sstate_failure(req->s);
		status = sstate_status(r);
	}
	/* A page of the program's own, for this very reason, may stay. */
	if (r != 0 && (!w->page || (own == 0 && w->status != status)))
		answer_page(w, status);
	if (req->s != NULL) {
		sstate_headers(req->s, take_header, w);
		session_freeze(req->s);
	}
	return r;
}

int
req_flush(void *arg)
{
	struct sstate_req *req = arg;
	int first = !req->answer.sent, r, sent;

	r = settle(req);
	/* Of a failed answer its page leaves, and that once. */
	if (r != 0 && !first)
		return r;
	sent = answer_send(&req->answer, r != 0);
	return r != 0 ? r : sent;
}

int
sstate_req_flush(struct sstate_req *req)
{
	if (req == NULL)
		return SSTATE_EINVAL;
	return req_flush(req);
}

int
sstate_req_end(struct sstate_req *req)
{
	struct answer *w;
	int r;

	if (req == NULL)
		return 0;
	w = &req->answer;
	if (!w->sent) {
		(void)settle(req);
		if (answer_send(w, 1) != 0 && !w->sent)
			answer_without_memory(&req->wire, 503);
	} else if (w->kept == 0)
		(void)answer_send(w, 1);
	if ((r = w->kept) != 0)
		report(req, r, &w->err);
	req_free(req);
	return r;
}

int
sstate_req_session(struct sstate_session **out, struct sstate_req *req,
    const struct sstate_how *how, struct sstate_error *err)
{
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "session: no out");
	*out = NULL;
	if (req == NULL || (req->s == NULL && req->settled))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "session: begun after the answer");
	if (req->s == NULL) {
		r = sstate_begin(&req->s, req->env, how, &req->web,
		    &req->begin);
		if (r != 0) {
			if (err != NULL)
				*err = req->begin;
			return r;
		}
	}
	*out = req->s;
	return 0;
}

/* ---- What the program writes ------------------------------------------ */

int
sstate_req_status(struct sstate_req *req, int http)
{
	return req == NULL ? SSTATE_EINVAL : answer_status(&req->answer, http);
}

int
sstate_req_header(struct sstate_req *req, const char *name, const char *value)
{
	if (req == NULL)
		return SSTATE_EINVAL;
	return answer_header(&req->answer, name, value);
}

int
sstate_req_html(struct sstate_req *req, const char *fmt, ...)
{
	va_list ap;
	int r;

	if (req == NULL)
		return SSTATE_EINVAL;
	va_start(ap, fmt);
	r = answer_format(&req->answer, fmt, ap);
	va_end(ap);
	return r;
}

int
sstate_req_write(struct sstate_req *req, const void *raw, size_t len)
{
	if (req == NULL)
		return SSTATE_EINVAL;
	if (raw == NULL && len > 0)
		return answer_fail(&req->answer, SSTATE_EINVAL,
		    "nothing to write");
	return answer_put(&req->answer, len > 0 ? raw : "", len);
}

int
sstate_req_puts(struct sstate_req *req, const char *raw)
{
	/* NULL: a link or field that failed; the session has kept why. */
	return sstate_req_write(req, raw, raw != NULL ? strlen(raw) : 0);
}

int
sstate_req_redirect(struct sstate_req *req, const char *to)
{
	if (req == NULL)
		return SSTATE_EINVAL;
	return answer_redirect(&req->answer, to);
}

int
sstate_req_error(struct sstate_req *req, int what)
{
	struct answer *w;
	int status = what;

	if (req == NULL)
		return SSTATE_EINVAL;
	w = &req->answer;
	if (w->sent)
		return answer_fail(w, SSTATE_EINVAL,
		    "an error page after the flush");
	if (what < 0) {
		status = sstate_status(what);
		if (req->s != NULL && sstate_failure(req->s)->code == what)
			req->given_up = what;
		report(req, what,
		    req->given_up != 0 ? sstate_failure(req->s) : &req->begin);
	}
	if (status < 400 || status > 599)
		status = 500;
	answer_page(w, status);
	return 0;
}
