/*
 * shot.h - one request through securestate/cgi.h, in this process
 *
 *	static struct shot s;
 *	shot_begin(&s);
 *	shot_var(&s, "REQUEST_METHOD=POST");
 *	shot_body(&s, "a=1", 3);		with CONTENT_LENGTH
 *	shot_fire(&s, env, program, NULL);
 *	T(s.status == 200 && shot_has(&s, "..."), "...");
 *
 * Body and answer are files of memory, so nothing is left behind.  What the
 * library logs comes into s.log.
 *
 * Where SHOT_FCGI is defined the same goes by FastCGI, a web server's side
 * being played by a thread: fcgi_*_test.c are other tests, by that way.
 */
#ifndef SHOT_H
#define SHOT_H

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <securestate/cgi.h>

#include "../tap.h"

#ifdef SHOT_FCGI
#include <pthread.h>

#include "fcgi_client.h"
/* Blocks that are no request's: the program's, its socket's. */
enum { SHOT_OWN_BLOCKS = 4 };
#else
enum { SHOT_OWN_BLOCKS = 1 };
#endif

#define FORM_TYPE "CONTENT_TYPE=application/x-www-form-urlencoded"
#define JAR_MAX 512

enum { SHOT_VARS = 64, SHOT_DIR = 200 };

struct shot {
	char *own[SHOT_VARS + 1];
	size_t n;
	int in; /* -1: none */
	struct sstate_cgi_options opts;
	void (*inside)(int on); /* told when the library runs, and when not */

	int accepted, ended; /* what accept and end returned */
	int status; /* of the answer; 0: there is none */
	char *out; /* all of it */
	size_t outlen;
	const char *page; /* its body */
	size_t pagelen;
};

typedef void shot_fn(struct sstate_req *req, void *arg);

/* What was logged last, and how often. */
static char shot_log[256];
static unsigned shot_logged;

__attribute__((unused)) static void
shot_take_log(void *arg, int level, const struct sstate_error *what)
{
	/* Of several threads, where it is FastCGI. */
	static atomic_flag busy = ATOMIC_FLAG_INIT;

	(void)arg;
	(void)level;
	while (atomic_flag_test_and_set(&busy))
		;
	(void)snprintf(shot_log, sizeof(shot_log), "%s", what->text);
	shot_logged++;
	atomic_flag_clear(&busy);
}

/* An environment in memory; flags as struct sstate_options has them. */
__attribute__((unused)) static struct sstate *
shot_env(uint32_t flags)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err;
	struct sstate *env;

	o.flags = flags;
	o.stores = stores;
	o.log = shot_take_log;
	if (sstate_open(&env, &o, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return env;
}

/* A folder of one's own below $TMPDIR. */
__attribute__((unused)) static void
shot_dir(char dir[SHOT_DIR])
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(dir, SHOT_DIR, "%s/shotXXXXXX",
	    tmp != NULL && strlen(tmp) < SHOT_DIR - 12 ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL) {
		printf("Bail out! no temporary folder\n");
		exit(1);
	}
}

__attribute__((unused)) static void
shot_end(struct shot *s)
{
	while (s->n > 0)
		free(s->own[--s->n]);
	if (s->in > 0)
		(void)close(s->in);
	free(s->out);
	s->out = NULL;
	s->in = -1;
}

/* Forgets the shot before it. */
__attribute__((unused)) static void
shot_begin(struct shot *s)
{
	static const struct sstate_cgi_options none = SSTATE_CGI_INIT;

	if (s->opts.size != 0)
		shot_end(s);
	memset(s, 0, sizeof(*s));
	s->opts = none;
	s->in = -1;
	shot_log[0] = '\0';
	shot_logged = 0;
}

__attribute__((unused)) static void
shot_var(struct shot *s, const char *var)
{
	if (s->n == SHOT_VARS || (s->own[s->n++] = strdup(var)) == NULL)
		abort();
	s->own[s->n] = NULL;
}

__attribute__((unused)) static void
shot_write(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t have;

	for (; n > 0; at += have, n -= (size_t)have)
		if ((have = write(fd, at, n)) <= 0)
			abort();
}

/* A body, and no CONTENT_LENGTH. */
__attribute__((unused)) static void
shot_bare_body(struct shot *s, const void *p, size_t n)
{
	if ((s->in = memfd_create("in", MFD_CLOEXEC)) < 0)
		abort();
	shot_write(s->in, p, n);
	(void)lseek(s->in, 0, SEEK_SET);
}

__attribute__((unused)) static void
shot_body(struct shot *s, const void *p, size_t n)
{
	char var[64];

	(void)snprintf(var, sizeof(var), "CONTENT_LENGTH=%zu", n);
	shot_var(s, var);
	shot_bare_body(s, p, n);
}

__attribute__((unused)) static void
shot_collect(struct shot *s, int fd)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *gap;

	s->outlen = (size_t)len;
	if ((s->out = calloc(1, s->outlen + 1)) == NULL ||
	    pread(fd, s->out, s->outlen, 0) != len)
		abort();
	if (strncmp(s->out, "Status: ", 8) == 0)
		s->status = (int)strtol(s->out + 8, NULL, 10);
	if ((gap = strstr(s->out, "\r\n\r\n")) != NULL) {
		s->page = gap + 4;
		s->pagelen = s->outlen - (size_t)(s->page - s->out);
	}
}

#ifdef SHOT_FCGI

struct shot_server {
	struct shot *s;
	struct sstate_cgi *cgi;
	int listening, out;
};

/* The web server: sends all, takes the answer, then ends the program. */
static void *
shot_serve(void *arg)
{
	static unsigned n; /* of shots, which come one after another */
	static struct fc_answer a;
	struct shot_server *v = arg;
	struct fc_buf q = { NULL, 0, 0 }, params = { NULL, 0, 0 };
	char chunk[5000];
	ssize_t have;
	size_t i;
	int fd = fc_dial(v->listening);

	n++;
	for (i = 0; i < v->s->n; i++)
		fc_var(&params, v->s->own[i]);
	fc_begin(&q, n, FC_RESPONDER, n % 2 ? FC_KEEP : FC_CLOSE);
	fc_pieces(&q, FC_PARAMS, n, params.p, params.n, 1 + n * 37 % 300);
	fc_record(&q, FC_PARAMS, n, NULL, 0, 0);
	(void)fc_push(fd, q.p, q.n);
	while (v->s->in >= 0 &&
	    (have = read(v->s->in, chunk, sizeof(chunk))) > 0) {
		q.n = 0;
		fc_record(&q, FC_STDIN, n, chunk, (size_t)have, n % 256);
		(void)fc_push(fd, q.p, q.n);
	}
	q.n = 0;
	fc_record(&q, FC_STDIN, n, NULL, 0, 0);
	(void)fc_push(fd, q.p, q.n);
	if (fc_answer(&a, fd))
		shot_write(v->out, a.out.p, a.out.n);
	(void)close(fd);
	sstate_cgi_stop(v->cgi);
	fc_drop(&q);
	fc_drop(&params);
	fc_drop(&a.out);
	return NULL;
}

static void
shot_cycle(struct shot *s, struct shot_server *v, shot_fn *fn, void *arg)
{
	struct sstate_error err;
	struct sstate_req *req;
	pthread_t t;

	v->s = s;
	if (pthread_create(&t, NULL, shot_serve, v) != 0)
		abort();
	s->accepted = sstate_cgi_accept(&req, v->cgi, &err);
	if (s->accepted == 0) {
		if (fn != NULL)
			fn(req, arg);
		s->ended = sstate_req_end(req);
		/* What is left of the body is dropped meanwhile. */
		if (sstate_cgi_accept(&req, v->cgi, &err) != SSTATE_DONE)
			abort();
	}
	(void)pthread_join(t, NULL);
}

__attribute__((unused)) static void
shot_fire(struct shot *s, struct sstate *env, shot_fn *fn, void *arg)
{
	static const char *const none[] = { NULL };
	struct sstate_error err = { 0, 0, "" };
	struct shot_server v;

	v.out = memfd_create("out", MFD_CLOEXEC);
	v.listening = s->opts.fd = fc_listen();
	s->opts.vars = none;
	s->ended = 0;
	if (v.out < 0 || sstate_cgi_open(&v.cgi, env, &s->opts, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	if (s->inside != NULL)
		s->inside(1);
	shot_cycle(s, &v, fn, arg);
	if (s->inside != NULL)
		s->inside(0);
	sstate_cgi_close(v.cgi);
	shot_collect(s, v.out);
	(void)close(v.out);
	(void)close(v.listening);
}

#else

__attribute__((unused)) static void
shot_fire(struct shot *s, struct sstate *env, shot_fn *fn, void *arg)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	int out = memfd_create("out", MFD_CLOEXEC), zero;

	zero = s->in < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	s->opts.vars = (const char *const *)s->own;
	s->opts.in = s->in < 0 ? zero : s->in;
	s->opts.out = out;
	if (out < 0 || sstate_cgi_open(&cgi, env, &s->opts, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	if (s->inside != NULL)
		s->inside(1);
	s->accepted = sstate_cgi_accept(&req, cgi, &err);
	s->ended = 0;
	if (s->accepted == 0) {
		if (fn != NULL)
			fn(req, arg);
		s->ended = sstate_req_end(req);
	}
	if (s->inside != NULL)
		s->inside(0);
	sstate_cgi_close(cgi);
	shot_collect(s, out);
	(void)close(out);
	if (zero >= 0)
		(void)close(zero);
}

#endif

/* Of its body so much was read, and no more?  By FastCGI a server sends all. */
__attribute__((unused)) static int
shot_was_read(const struct shot *s, off_t n)
{
#ifdef SHOT_FCGI
	(void)s;
	(void)n;
	return 1;
#else
	return lseek(s->in, 0, SEEK_CUR) == n;
#endif
}

/* Is the text in the answer's head, or its body? */
__attribute__((unused)) static int
shot_head_has(const struct shot *s, const char *text)
{
	const char *at = s->page != NULL ? strstr(s->out, text) : NULL;

	return at != NULL && at < s->page;
}

__attribute__((unused)) static int
shot_page_is(const struct shot *s, const char *text)
{
	return s->page != NULL && strcmp(s->page, text) == 0;
}

/* Our cookie that the answer set, as a HTTP_COOKIE variable; "" if none. */
__attribute__((unused)) static const char *
shot_cookie(const struct shot *s, char jar[JAR_MAX])
{
	const char *at = strstr(s->out, "\r\nSet-Cookie: __Host-sstate=");

	jar[0] = '\0';
	if (at != NULL) {
		at += strlen("\r\nSet-Cookie: ");
		(void)snprintf(jar, JAR_MAX, "HTTP_COOKIE=%.*s",
		    (int)strcspn(at, ";\r"), at);
	}
	return jar;
}

/* ---- A program that shows what it was given --------------------------- */

__attribute__((unused)) static void
shot_show(struct sstate_req *req, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < 200; i++)
		if ((unsigned char)p[i] > 0x20 && (unsigned char)p[i] < 0x7f)
			sstate_req_write(req, p + i, 1);
		else
			sstate_req_html(req, "\\%02x", (unsigned char)p[i]);
	if (n > 200)
		sstate_req_html(req, "...%zu", n);
}

__attribute__((unused)) static void
shot_show_memory(struct sstate_req *req, struct sstate_session *s, int mem)
{
	const char *name = NULL;
	struct sstate_val v;
	size_t i;

	while ((name = sstate_next(s, mem, name)) != NULL)
		for (i = 0; sstate_get(&v, s, mem, name, i) == 0; i++) {
			shot_show(req, name, strlen(name));
			sstate_req_puts(req, "=");
			shot_show(req, v.ptr, v.len);
			sstate_req_puts(req, "|");
		}
}

/* "sent# query# files# body#": every name=value, every file of field f. */
__attribute__((unused)) static void
shot_echo(struct sstate_req *req, void *arg)
{
	const struct sstate_file *f;
	struct sstate_session *s;
	struct sstate_val body;
	size_t i;
	int r;

	(void)arg;
	if ((r = sstate_req_session(&s, req, NULL, NULL)) != 0) {
		sstate_req_error(req, r);
		return;
	}
	shot_show_memory(req, s, SSTATE_SENT);
	sstate_req_puts(req, "#");
	shot_show_memory(req, s, SSTATE_QUERY);
	sstate_req_puts(req, "#");
	for (i = 0; (f = sstate_req_file(req, "f", i)) != NULL; i++) {
		shot_show(req, f->filename, strlen(f->filename));
		sstate_req_html(req, "(%s)", f->type);
		shot_show(req, f->data.ptr, f->data.len);
		sstate_req_puts(req,
		    f->data.ptr[f->data.len] == '\0' ? "|" : "!");
	}
	sstate_req_puts(req, "#");
	if (sstate_req_body(&body, req) == 0)
		shot_show(req, body.ptr, body.len);
}

#endif
