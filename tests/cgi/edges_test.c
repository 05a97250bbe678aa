/*
 * edges_test.c - options that are refused, calls without arguments, formats
 * and system calls at their edge
 *
 * link: -Wl,--wrap=poll,--wrap=read,--wrap=writev,--wrap=sigprocmask
 * link: -Wl,--wrap=write
 */
#include "shot.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum call { NONE, POLL, READ, WRITEV, MASK };

/* The next call of which fails with error; of writev, one octet is taken. */
static enum call failing;
static int error, short_writes;

static struct shot s;
static struct sstate *env;

static int
fails(enum call c)
{
	if (failing != c)
		return 0;
	failing = NONE;
	errno = error;
	return 1;
}

int __real_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);
int
__wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	return fails(POLL) ? -1 : __real_poll(p, n, ms);
}

ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t
__wrap_read(int fd, void *p, size_t n)
{
	return fails(READ) ? -1 : __real_read(fd, p, n);
}

ssize_t __real_writev(int fd, const struct iovec *v, int n);
ssize_t __wrap_writev(int fd, const struct iovec *v, int n);
ssize_t
__wrap_writev(int fd, const struct iovec *v, int n)
{
	struct iovec one = v[0];

	if (fails(WRITEV))
		return -1;
	if (!short_writes)
		return __real_writev(fd, v, n);
	one.iov_len = 1;
	return __real_writev(fd, &one, 1);
}

static int takes_nothing; /* the next write() does */

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (takes_nothing) {
		takes_nothing = 0;
		return 0;
	}
	return __real_write(fd, p, n);
}

int __real_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int
__wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return fails(MASK) ? -1 : __real_sigprocmask(how, set, old);
}

/* ---- Options ---------------------------------------------------------- */

static void
options(void)
{
	static const struct sstate_cgi_options none = SSTATE_CGI_INIT;
	struct sstate_cgi_options o[8];
	static const int want[8] = { SSTATE_EINVAL, SSTATE_EINVAL,
		SSTATE_EINVAL, SSTATE_EINVAL, SSTATE_EINVAL, SSTATE_EINVAL,
		SSTATE_EVERSION, 0 };
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate_error err;
	int i, r;

	for (i = 0; i < 8; i++)
		o[i] = none;
	o[0].flags = 0x80000000u;
	o[1].fd = 3;
	o[2].max_params = 1001;
	o[3].max_body = SIZE_MAX;
	o[4].max_upload = SIZE_MAX;
	o[5].max_reply = SIZE_MAX;
	o[6].size = 1;
	for (i = 0; i < 8; i++) {
		cgi = (struct sstate_cgi *)(uintptr_t)1;
		r = sstate_cgi_open(&cgi, env, &o[i], &err);
		T((i == 6 ? r != 0 : r == want[i]) && (cgi == NULL) == (i < 7),
		    "R-90 options, line %d", i);
		sstate_cgi_close(cgi);
	}
	T(sstate_cgi_open(NULL, env, NULL, &err) == SSTATE_EINVAL &&
		sstate_cgi_open(&cgi, NULL, NULL, &err) == SSTATE_EINVAL &&
		cgi == NULL,
	    "no place for it, or no environment");
	T(sstate_cgi_open(&cgi, env, NULL, &err) == 0, "no options at all");
	T(sstate_cgi_accept(NULL, cgi, &err) == SSTATE_EINVAL &&
		sstate_cgi_accept(&req, NULL, &err) == SSTATE_EINVAL,
	    "accept without arguments");
	sstate_cgi_stop(NULL);
	sstate_cgi_stop(cgi);
	T(sstate_cgi_accept(&req, cgi, &err) == SSTATE_DONE && req == NULL,
	    "a CGI that was stopped");
	sstate_cgi_close(cgi);
	sstate_cgi_close(NULL);
}

/* Rule 6: what is beyond the caller's size is not looked at. */
static void
sizes(void)
{
	struct {
		struct sstate_cgi_options o;
		char tail[32];
	} x = { SSTATE_CGI_INIT, { 0 } };
	struct sstate_error err;
	struct sstate_cgi *cgi;

	x.o.size = sizeof(x);
	T(sstate_cgi_open(&cgi, env, &x.o, &err) == 0,
	    "rule 6 longer options with a tail of zeros");
	sstate_cgi_close(cgi);
	x.tail[31] = 1;
	T(sstate_cgi_open(&cgi, env, &x.o, &err) == SSTATE_EVERSION &&
		cgi == NULL,
	    "rule 6 with more in it: EVERSION");
	x.o.size = offsetof(struct sstate_cgi_options, max_params);
	x.o.max_params = 9999; /* would be refused */
	T(sstate_cgi_open(&cgi, env, &x.o, &err) == 0,
	    "rule 6 shorter options");
	sstate_cgi_close(cgi);
	x.o.size = sizeof(x.o);
	T(sstate_cgi_open(&cgi, env, &x.o, &err) == SSTATE_EINVAL,
	    "rule 6 and whole ones are looked at");
}

/* ---- Calls without arguments ------------------------------------------ */

static void
bare(struct sstate_req *req, void *arg)
{
	struct sstate_session *session, *again;
	struct sstate_error err;
	struct sstate_val body;

	(void)arg;
	T(sstate_req_session(NULL, req, NULL, &err) == SSTATE_EINVAL &&
		sstate_req_session(&session, NULL, NULL, &err) ==
		    SSTATE_EINVAL &&
		session == NULL,
	    "a session without a place, or a request");
	T(sstate_req_session(&session, req, NULL, NULL) == 0 &&
		sstate_req_session(&again, req, NULL, NULL) == 0 &&
		again == session,
	    "a request has one session");
	T(sstate_req_body(NULL, req) == SSTATE_EINVAL &&
		sstate_req_body(&body, NULL) == SSTATE_EINVAL &&
		sstate_req_body(&body, req) == SSTATE_ENOTFOUND,
	    "no body");
	T(sstate_req_file(NULL, "f", 0) == NULL &&
		sstate_req_file(req, NULL, 0) == NULL &&
		sstate_req_file(req, "f", 0) == NULL,
	    "no file");
	T(sstate_req_var(NULL, "A") == NULL &&
		sstate_req_var(req, NULL) == NULL &&
		sstate_req_var(req, "A=b") == NULL &&
		sstate_req_var(req, "HTTP_PROXY") == NULL &&
		strcmp(sstate_req_var(req, "A"), "b=c") == 0,
	    "E5 variables that are none");
	T(sstate_req_write(req, NULL, 0) == 0 &&
		sstate_req_puts(req, NULL) == 0 &&
		sstate_req_write(req, "x", 0) == 0,
	    "nothing to write is no failure");
	T(sstate_req_status(req, 199) == SSTATE_EINVAL, "no such status");
}

static void
null_bytes(struct sstate_req *req, void *arg)
{
	(void)arg;
	T(sstate_req_write(req, NULL, 1) == SSTATE_EINVAL &&
		sstate_req_puts(req, "x") == SSTATE_EINVAL &&
		sstate_req_status(req, 200) == SSTATE_EINVAL,
	    "octets from nowhere: the first failure stays");
}

static void
no_format(struct sstate_req *req, void *arg)
{
	int (*html)(struct sstate_req *, const char *, ...) = sstate_req_html;

	(void)arg;
	T(html(req, NULL) == SSTATE_EINVAL, "no format");
}

static void
fire(shot_fn *fn, void *arg)
{
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=GET");
	shot_var(&s, "SCRIPT_NAME=/app");
	shot_var(&s, "AB=");
	shot_var(&s, "A=b=c");
	shot_var(&s, "HTTP_PROXY=evil");
	shot_fire(&s, env, fn, arg);
}

static void
arguments(void)
{
	fire(bare, NULL);
	T(s.status == 500 && s.ended == SSTATE_EINVAL,
	    "a status that is none is a server's fault");
	fire(null_bytes, NULL);
	T(s.status == 500 && s.ended == SSTATE_EINVAL, "so are such octets");
	fire(no_format, NULL);
	T(s.status == 500 && s.ended == SSTATE_EINVAL, "so is no format");
}

/* ---- Formats ---------------------------------------------------------- */

static void
formats(struct sstate_req *req, void *arg)
{
	char *wide = arg;
	char want[512];

	(void)snprintf(want, sizeof(want),
	    "%hd|%hhu|%hu|%lu|%llu|%zu|%ju|%tx|%5c|%-5c|%*d|%.*d|%lf|",
	    (short)-7, (unsigned char)7, (unsigned short)8, 9ul, 10ull,
	    (size_t)11, (uintmax_t)12, (ptrdiff_t)13, 'a', 'b', -5, 42, -3, 43,
	    1.5);
	sstate_req_html(req,
	    "%hd|%hhu|%hu|%lu|%llu|%zu|%ju|%tx|%5c|%-5c|%*d|%.*d|%lf|",
	    (short)-7, (unsigned char)7, (unsigned short)8, 9ul, 10ull,
	    (size_t)11, (uintmax_t)12, (ptrdiff_t)13, 'a', 'b', -5, 42, -3, 43,
	    1.5);
	sstate_req_html(req, "%600d", 1);
	(void)snprintf(wide, 2048, "%s%600d", want, 1);
}

static void
format_bad(struct sstate_req *req, void *arg)
{
	int (*html)(struct sstate_req *, const char *, ...) = sstate_req_html;

	(void)html(req, *(const char **)arg, 5000, 5000, 5000);
}

static void
format_narrow(struct sstate_req *req, void *arg)
{
	(void)arg;
	T(sstate_req_html(req, "%*d", -5000, 1) == SSTATE_EINVAL,
	    "R-95 a width below all");
}

static void
format_text(void)
{
	static const char *bad[] = { "%                 d", "%4097d", "%.4097d",
		"%*d", "%.*d", "%Ld", "%Lu", "%hf", "%lp", "%y", "%" };
	char want[2048];
	size_t i;

	fire(formats, want);
	T(s.status == 200 && shot_page_is(&s, want),
	    "R-95 every length, width and precision as printf has them");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fire(format_bad, &bad[i]);
		T(s.status == 500 && s.ended == SSTATE_EINVAL,
		    "R-95 the format \"%s\" is refused", bad[i]);
	}
	fire(format_narrow, NULL);
}

/* ---- System calls ----------------------------------------------------- */

static void
post(enum call c, int e)
{
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "SCRIPT_NAME=/app");
	shot_var(&s, FORM_TYPE);
	shot_body(&s, "a=1", 3);
	failing = c;
	error = e;
	shot_fire(&s, env, shot_echo, NULL);
	failing = NONE;
}

static void
upload(void)
{
	static char body[80000];
	static const char head[] = "--X\r\nContent-Disposition: form-data; "
				   "name=f; filename=a\r\n\r\n";

	memset(body, 'F', sizeof(body));
	memcpy(body, head, sizeof(head) - 1);
	memcpy(body + sizeof(body) - 8, "\r\n--X--", 8);
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=multipart/form-data; boundary=X");
	shot_body(&s, body, sizeof(body) - 1);
	takes_nothing = 1;
	shot_fire(&s, env, NULL, NULL);
	T(s.status == 503 && strstr(shot_log, "temporary file") != NULL,
	    "M13 a disk that takes nothing: %s", shot_log);
}

static void
calls(void)
{
	static const struct {
		enum call c;
		int error, status, ended;
	} t[] = {
		{ POLL, EINTR, 200, 0 },
		{ POLL, ENOMEM, 503, 0 },
		{ READ, EINTR, 200, 0 },
		{ READ, EAGAIN, 200, 0 },
		{ READ, EIO, 503, 0 },
		{ WRITEV, EINTR, 200, 0 },
		{ WRITEV, EAGAIN, 200, 0 },
		{ WRITEV, EPIPE, 0, SSTATE_ESYS },
		{ WRITEV, EIO, 0, SSTATE_ESYS },
		{ MASK, EINVAL, 0, SSTATE_ESYS },
	};
	char want[2048];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		post(t[i].c, t[i].error);
		T(s.status == t[i].status && s.ended == t[i].ended &&
			(s.status != 200 || strstr(s.page, "a=1|") != NULL),
		    "E4 a call fails, line %zu: %d %d", i, s.status, s.ended);
	}
	failing = WRITEV;
	error = EIO;
	fire(null_bytes, NULL);
	T(s.status == 0 && s.ended == SSTATE_EINVAL,
	    "E4 a page of a failure that cannot be sent: the first is told");
	upload();
	short_writes = 1;
	fire(formats, want);
	short_writes = 0;
	T(s.status == 200 && shot_page_is(&s, want),
	    "an answer that is taken octet by octet");
}

int
main(void)
{
	env = shot_env(0);
	options();
	sizes();
	arguments();
	format_text();
	calls();
	shot_end(&s);
	sstate_close(env);
	return tap_done();
}
