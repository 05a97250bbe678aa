/*
 * show_request.c - what we make of requests, for tests that compare parsers
 *
 * Reads lines, writes one for each.  All words are hex, "-" is none:
 *
 *	query QUERY		-> STATUS p:NAME=VALUE ...
 *	parts TYPE BODY NAME...	-> STATUS p:NAME=VALUE ... f:NAME=FILE=DATA ...
 *	cookie NAME HEADER	-> STATUS c:NAME=VALUE ...
 *
 * STATUS is HTTP's.  Files are asked for by the names that are handed in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <securestate/cgi.h>

#include "base/codec.h"
#include "base/cookies.h"
#include "base/limits.h"

enum { WORDS = 64 };

struct words {
	char *p[WORDS];
	size_t len[WORDS], n;
};

static void
need(int good, const char *what)
{
	if (!good) {
		(void)fprintf(stderr, "show_request: %s\n", what);
		exit(1);
	}
}

/* In place: the text of a word becomes its octets and a NUL. */
static void
split(struct words *w, char *line)
{
	char *at, *save = NULL;
	int n;

	w->n = 0;
	for (at = strtok_r(line, " \n", &save); at != NULL && w->n < WORDS;
	     at = strtok_r(NULL, " \n", &save)) {
		n = (int)strlen(at);
		if (w->n > 0 && strcmp(at, "-") == 0)
			n = 0;
		else if (w->n > 0)
			n = hex_decode(at, strlen(at), at, strlen(at));
		need(n >= 0, "a word is not hex");
		at[n] = '\0';
		w->p[w->n] = at;
		w->len[w->n++] = (size_t)n;
	}
	for (size_t i = w->n; i < WORDS; i++) {
		w->p[i] = line + strlen(line);
		w->len[i] = 0;
	}
}

static void
show(const char *before, const void *p, size_t n)
{
	const unsigned char *at = p;
	size_t i;

	(void)fputs(before, stdout);
	for (i = 0; i < n; i++)
		printf("%02x", at[i]);
}

static void
answer(struct sstate_req *req, const struct words *w)
{
	const struct sstate_file *f;
	struct sstate_session *s;
	const char *name = NULL;
	struct sstate_val v;
	size_t i, k;

	need(sstate_req_session(&s, req, NULL, NULL) == 0, "no session");
	printf("200");
	while ((name = sstate_next(s, SSTATE_SENT, name)) != NULL)
		for (i = 0; sstate_get(&v, s, SSTATE_SENT, name, i) == 0; i++) {
			show(" p:", name, strlen(name));
			show("=", v.ptr, v.len);
		}
	for (k = 3; k < w->n; k++)
		for (i = 0; (f = sstate_req_file(req, w->p[k], i)) != NULL;
		     i++) {
			show(" f:", w->p[k], strlen(w->p[k]));
			show("=", f->filename, strlen(f->filename));
			show("=", f->data.ptr, f->data.len);
		}
}

static int
file_of(const char *p, size_t n)
{
	int fd = memfd_create("show_request", MFD_CLOEXEC);

	need(fd > 0 && write(fd, p, n) == (ssize_t)n &&
		lseek(fd, 0, SEEK_SET) == 0,
	    "no memory");
	return fd;
}

static void
request(struct sstate *env, const struct words *w, char *const *vars,
    const char *body, size_t n)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	struct sstate_req *req;
	struct sstate_cgi *cgi;
	char head[64] = { 0 };

	o.vars = (const char *const *)vars;
	o.in = file_of(body, n);
	o.out = file_of("", 0);
	need(sstate_cgi_open(&cgi, env, &o, NULL) == 0, "cgi_open");
	if (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		answer(req, w);
		(void)sstate_req_end(req);
	} else {
		(void)pread(o.out, head, sizeof(head) - 1, 0);
		printf("%ld", strtol(head + strlen("Status: "), NULL, 10));
	}
	sstate_cgi_close(cgi);
	(void)close(o.in);
	(void)close(o.out);
}

static char *
var(const char *name, const char *value)
{
	char *p;

	need(asprintf(&p, "%s=%s", name, value) > 0, "no memory");
	return p;
}

static void
query(struct sstate *env, const struct words *w)
{
	char *vars[] = { var("QUERY_STRING", w->p[1]), NULL };

	request(env, w, vars, "", 0);
	free(vars[0]);
}

static void
parts(struct sstate *env, const struct words *w)
{
	char length[32], method[] = "REQUEST_METHOD=POST";
	char *vars[] = { method, NULL, NULL, NULL };

	(void)snprintf(length, sizeof(length), "%zu", w->len[2]);
	vars[1] = var("CONTENT_LENGTH", length);
	vars[2] = var("CONTENT_TYPE", w->p[1]);
	request(env, w, vars, w->p[2], w->len[2]);
	free(vars[1]);
	free(vars[2]);
}

static void
cookie(const struct words *w)
{
	struct sstate_val v[LIMIT_OUR_COOKIES];
	size_t i, n;

	if (cookies_find(w->p[2], w->p[1], v, LIMIT_OUR_COOKIES, &n) != 0) {
		printf("400");
		return;
	}
	printf("200");
	for (i = 0; i < n; i++) {
		show(" c:", w->p[1], w->len[1]);
		show("=", v[i].ptr, v[i].len);
	}
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate *env;
	struct words w;
	char *line = NULL;
	size_t cap = 0;

	o.stores = stores;
	need(sstate_open(&env, &o, NULL) == 0, "open");
	while (getline(&line, &cap, stdin) > 0) {
		split(&w, line);
		if (w.n > 0 && strcmp(w.p[0], "query") == 0)
			query(env, &w);
		else if (w.n > 0 && strcmp(w.p[0], "parts") == 0)
			parts(env, &w);
		else
			cookie(&w);
		(void)putchar('\n');
		(void)fflush(stdout);
	}
	free(line);
	sstate_close(env);
	return 0;
}
