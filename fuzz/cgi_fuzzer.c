/*
 * cgi_fuzzer.c - a whole request: environment, body, program, answer
 *
 * Input: an octet of options (1: page carrier, 2: no CONTENT_LENGTH is put
 * beside the body, 4: small limits), lines of NAME=value, an empty line, the
 * body.  In all of these octet 1 stands for the token of a session that is
 * there, 2 for the text of a page of it, 3 for its CSRF token.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <securestate/cgi.h>

#include "base/escape.h"
#include "base/limits.h"
#include "fuzz.h"

enum { VARS = 40, NOW = 1760000000 };

struct run {
	struct sstate *env;
	unsigned options;
	size_t max_params;
	struct fz_buf token, page, csrf;
	char *vars[VARS + 1];
	size_t nvars;
	int in, out, status;
	int seen, ended; /* the program ran; what came of it */
	struct fz_buf stored, answer;
};

static int64_t
now(void *arg)
{
	(void)arg;
	return NOW;
}

/* ---- A session that is there ---- */

static void
prepare(struct run *run)
{
	static const char *const stores[] = { "memory:", NULL };
	static const char *const shortterm[] = { "short", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	const char *link;

	o.stores = stores;
	o.now = now;
	o.flags = run->options & 1 ? SSTATE_CARRY_PAGE : SSTATE_CARRY_COOKIE;
	how.shortterm = shortterm;
	web.path = "/app";
	MUST(sstate_open(&run->env, &o, NULL) == 0);
	MUST(sstate_begin(&s, run->env, &how, &web, NULL) == 0);
	MUST(sstate_setstr(s, SSTATE_STORED, "kept", "k") == 0);
	MUST(sstate_setstr(s, SSTATE_PAGE, "short", "s") == 0);
	fz_puts(&run->csrf, sstate_csrf(s, "/do"));
	link = sstate_link(s, SSTATE_WITH_PAGE, NULL, NULL);
	MUST(link != NULL && (link = strstr(link, ".page=")) != NULL);
	fz_put(&run->page, link + 6, strcspn(link + 6, "&;"));
	MUST(sstate_commit(s) == 0);
	MUST(sstate_token(s) != NULL);
	fz_puts(&run->token, sstate_token(s));
	sstate_free(s);
}

static void
expand(struct fz_buf *out, const struct run *run, const struct fz_in *in)
{
	const struct fz_buf *what[] = { &run->token, &run->page, &run->csrf };
	size_t i;

	for (i = 0; i < in->n; i++)
		if (in->p[i] >= 1 && in->p[i] <= 3)
			fz_put(out, what[in->p[i] - 1]->p,
			    what[in->p[i] - 1]->n);
		else
			fz_put(out, in->p + i, 1);
}

/* ---- The program ---- */

static size_t
walk(struct fz_buf *out, const struct sstate_session *s, int mem, int limited)
{
	const char *name = NULL;
	struct sstate_val v;
	size_t i, n = 0;

	while ((name = sstate_next(s, mem, name)) != NULL) {
		MUST(strlen(name) <= LIMIT_NAME_BYTES);
		/* No name of ours is among the client's. */
		MUST(!limited ||
		    (strcmp(name, ".id") != 0 && strcmp(name, ".page") != 0 &&
			strcmp(name, ".csrf") != 0));
		if (out != NULL)
			fz_put(out, name, strlen(name) + 1);
		for (i = 0; sstate_get(&v, s, mem, name, i) == 0; i++) {
			MUST(v.ptr != NULL && v.ptr[v.len] == '\0');
			MUST(v.len <= LIMIT_VALUE_BYTES);
			n++;
			if (out == NULL)
				continue;
			fz_put(out, &v.len, sizeof(v.len));
			fz_put(out, v.ptr, v.len);
		}
	}
	return n;
}

/* What was sent is stored, so that it may be looked for later. */
static void
keep(struct sstate_session *s)
{
	const char *name = NULL;
	struct sstate_val v[4];
	size_t i, n;

	for (i = 0; i < 8 && (name = sstate_next(s, SSTATE_SENT, name)) != NULL;
	     i++) {
		for (n = 0; n < 4; n++)
			if (sstate_get(&v[n], s, SSTATE_SENT, name, n) != 0)
				break;
		(void)sstate_set(s, SSTATE_STORED, name, v, n);
	}
}

static void
uploads(struct sstate_req *req)
{
	const struct sstate_file *f;
	size_t i;

	for (i = 0; (f = sstate_req_file(req, "f", i)) != NULL; i++) {
		MUST(f->data.ptr != NULL && f->data.ptr[f->data.len] == '\0');
		MUST(f->filename != NULL && f->type != NULL);
		MUST(f->data.len > 0 || f->filename[0] != '\0');
	}
	MUST(i <= LIMIT_PARTS);
}

static void
program(struct run *run, struct sstate_req *req)
{
	static const char *const shortterm[] = { "short", NULL };
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_session *s;
	struct sstate_val body;
	const char *to;
	size_t n;
	int r;

	run->seen = 1;
	how.mindset = run->options & 8 ? SSTATE_UNFORGETFUL : SSTATE_FORGETFUL;
	how.shortterm = shortterm;
	if (sstate_req_session(&s, req, &how, NULL) != 0)
		return;
	n = walk(NULL, s, SSTATE_QUERY, 1);
	MUST(n <= run->max_params);
	n = walk(NULL, s, SSTATE_SENT, 1);
	MUST(n <= run->max_params);
	(void)walk(NULL, s, SSTATE_MERGED, 1);
	(void)walk(NULL, s, SSTATE_PAGE, 0);
	uploads(req);
	if (sstate_req_body(&body, req) == 0)
		MUST(body.len > 0 && body.ptr[body.len] == '\0');
	MUST(sstate_req_var(req, "HTTP_PROXY") == NULL);
	r = sstate_check(s, "/do");
	MUST(r == 0 || r == SSTATE_EAUTH || r == SSTATE_EEXPIRED);
	keep(s);
	(void)walk(&run->stored, s, SSTATE_STORED, 0);
	(void)sstate_req_html(req, "<p title=\"%s\">%s",
	    sstate_req_var(req, "PATH_INFO"), sstate_str(s, SSTATE_SENT, "a"));
	(void)sstate_fields(s, SSTATE_WITH_PAGE, "/do");
	if ((to = sstate_str(s, SSTATE_SENT, "header")) != NULL)
		(void)sstate_req_header(req, "X-Echo", to);
	if ((to = sstate_str(s, SSTATE_SENT, "to")) != NULL)
		(void)sstate_req_redirect(req, to);
}

/* ---- Around it ---- */

static int
memory(const struct fz_buf *b)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || (b->n > 0 && write(fd, b->p, b->n) != (ssize_t)b->n) ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static void
add(struct run *run, const struct fz_buf *b)
{
	struct fz_in in = { (const uint8_t *)b->p, b->n };

	if (run->nvars < VARS)
		run->vars[run->nvars++] = fz_str(&in);
	run->vars[run->nvars] = NULL;
}

static void
take_input(struct run *run, struct fz_in *in)
{
	struct fz_buf b = { NULL, 0, 0 };
	struct fz_in line;
	char length[48];
	int known = 0;

	while (in->n > 0 && (line = fz_line(in)).n > 0) {
		b.n = 0;
		expand(&b, run, &line);
		known |= b.n >= 15 && memcmp(b.p, "CONTENT_LENGTH=", 15) == 0;
		add(run, &b);
	}
	b.n = 0;
	expand(&b, run, in);
	run->in = memory(&b);
	if ((run->options & 2) == 0 && !known) {
		(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
		    b.n);
		b.n = 0;
		fz_puts(&b, length);
		add(run, &b);
	}
	b.n = 0;
	run->out = memory(&b);
	fz_drop(&b);
}

static void
fire(struct run *run)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	struct sstate_req *req;
	struct sstate_cgi *cgi;
	off_t len;
	int r;

	o.vars = (const char *const *)run->vars;
	o.in = run->in;
	o.out = run->out;
	if (run->options & 4) {
		o.max_params = 4;
		o.max_body = 200;
		o.max_upload = 100;
		o.max_reply = 300;
	}
	run->max_params = run->options & 4 ? 4 : LIMIT_PARAMS;
	MUST(sstate_cgi_open(&cgi, run->env, &o, NULL) == 0);
	r = sstate_cgi_accept(&req, cgi, NULL);
	MUST((r == 0) == (req != NULL) && (r == 0 || r == SSTATE_DONE));
	if (r == 0) {
		program(run, req);
		run->ended = sstate_req_end(req);
	}
	sstate_cgi_close(cgi);
	MUST((len = lseek(run->out, 0, SEEK_END)) > 0);
	run->answer.p = fz_alloc((size_t)len + 1);
	MUST(pread(run->out, run->answer.p, (size_t)len, 0) == len);
	run->answer.p[len] = '\0';
	run->answer.n = run->answer.cap = (size_t)len;
}

/* Lines of "token: value", then an empty one; the cookie's value. */
static void
judge(struct run *run, struct fz_buf *cookie)
{
	char *p = run->answer.p, *end, *colon;
	int lines = 0;

	MUST(strncmp(p, "Status: ", 8) == 0);
	run->status = (int)strtol(p + 8, NULL, 10);
	for (;; p = end + 2, lines++) {
		MUST((end = strstr(p, "\r\n")) != NULL);
		if (end == p)
			break;
		*end = '\0';
		MUST((colon = strstr(p, ": ")) != NULL);
		*colon = '\0';
		MUST(is_token(p) && is_field_value(colon + 2));
		MUST(lines == 0 || strcmp(p, "Status") != 0);
		if (strcmp(p, "Location") == 0)
			MUST(path_is_local(colon + 2));
		if (strcmp(p, "Set-Cookie") == 0 &&
		    strncmp(colon + 2, "__Host-sstate=", 14) == 0)
			fz_put(cookie, colon + 2, strcspn(colon + 2, ";"));
	}
	if (run->status != 200 && run->status != 303)
		MUST(run->status == 400 || run->status == 403 ||
		    run->status == 408 || run->status == 409 ||
		    run->status == 410 || run->status == 413 ||
		    run->status == 415 || run->status == 500 ||
		    run->status == 501 || run->status == 503);
	MUST(run->seen || run->status >= 400);
	MUST(run->ended == 0 || run->status >= 400);
}

static const char *
only_cookie(void *arg, const char *name)
{
	return strcmp(name, "Cookie") == 0 ? arg : NULL;
}

/* I7: a token that left has its record, and all that was stored is there. */
static void
look_again(struct run *run, struct fz_buf *cookie)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct fz_buf there = { NULL, 0, 0 };
	struct sstate_session *s;

	fz_put(cookie, "", 1);
	web.path = "/app";
	web.header = only_cookie;
	web.arg = cookie->p;
	if (strcmp(cookie->p, "__Host-sstate=") == 0)
		return;
	how.mindset = run->options & 8 ? SSTATE_UNFORGETFUL : SSTATE_FORGETFUL;
	MUST(sstate_begin(&s, run->env, &how, &web, NULL) == 0);
	MUST((sstate_inspect(s)->flags & SSTATE_IS_NEW) == 0);
	(void)walk(&there, s, SSTATE_STORED, 0);
	MUST(fz_same(&there, &run->stored));
	sstate_free(s);
	fz_drop(&there);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	struct fz_buf cookie = { NULL, 0, 0 };
	struct run run;
	size_t i;

	memset(&run, 0, sizeof(run));
	run.options = fz_byte(&in);
	prepare(&run);
	take_input(&run, &in);
	fire(&run);
	judge(&run, &cookie);
	if (run.status < 400 && cookie.n > 0)
		look_again(&run, &cookie);
	for (i = 0; i < run.nvars; i++)
		free(run.vars[i]);
	(void)close(run.in);
	(void)close(run.out);
	fz_drop(&run.stored);
	fz_drop(&run.answer);
	fz_drop(&run.token);
	fz_drop(&run.page);
	fz_drop(&run.csrf);
	fz_drop(&cookie);
	sstate_close(run.env);
	return 0;
}
