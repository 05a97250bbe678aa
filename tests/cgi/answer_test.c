/* answer_test.c - the answer: headers, escapes, pages, commit before sending */
#include "shot.h"

#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <securestate/store.h>

static struct shot s;
static struct sstate *env;

/* What a program does, as a function of one switch. */
static void
fire(const char *method, shot_fn *fn, void *arg)
{
	shot_begin(&s);
	shot_var(&s, method);
	shot_var(&s, "SCRIPT_NAME=/app");
	shot_fire(&s, env, fn, arg);
}

static void
get(shot_fn *fn, void *arg)
{
	fire("REQUEST_METHOD=GET", fn, arg);
}

/* ---- Headers ---------------------------------------------------------- */

struct pair {
	const char *name, *value;
	int r;
};

static void
header_program(struct sstate_req *req, void *arg)
{
	struct pair *p = arg;

	sstate_req_puts(req, "secret page");
	p->r = sstate_req_header(req, p->name, p->value);
}

static void
headers(void)
{
	static struct pair bad[] = {
		{ "X-A", "a\r\nSet-Cookie: x=y", 0 },
		{ "X-A", "a\nb", 0 },
		{ "X-A", "a\rb", 0 },
		{ "X-A", "a\x01", 0 },
		{ "X-A\r\nX-B", "a", 0 },
		{ "X A", "a", 0 },
		{ "X-A:", "a", 0 },
		{ "", "a", 0 },
		{ "Status", "200 OK", 0 },
		{ "Content-Length", "3", 0 },
		{ "transfer-encoding", "chunked", 0 },
		{ NULL, "a", 0 },
		{ "X-A", NULL, 0 },
	};
	static char long_value[9000];
	struct pair p = { "X-A", "b c", 1 };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		get(header_program, &bad[i]);
		T(bad[i].r == SSTATE_EINVAL && s.status == 500 &&
			s.ended == SSTATE_EINVAL && shot_logged == 1 &&
			strstr(s.out, "secret") == NULL &&
			strstr(s.out, "X-A") == NULL,
		    "R-95 a header that is refused, line %zu", i);
	}
	memset(long_value, 'v', sizeof(long_value) - 1);
	p.value = long_value;
	get(header_program, &p);
	T(p.r == SSTATE_EINVAL, "R-90 a header over 8 KiB is refused");
	p.value = "b c";
	get(header_program, &p);
	T(p.r == 0 && s.status == 200 &&
		shot_head_has(&s, "\r\nX-A: b c\r\n") &&
		shot_head_has(&s, "\r\nContent-Length: 11\r\n") &&
		shot_head_has(&s,
		    "\r\nContent-Type: text/html; charset=utf-8\r\n"),
	    "R-95 a header, and the defaults");
}

static void
twice_program(struct sstate_req *req, void *arg)
{
	(void)arg;
	sstate_req_header(req, "Content-Type", "text/plain");
	sstate_req_header(req, "content-type", "application/json");
	sstate_req_header(req, "Set-Cookie", "a=b");
	sstate_req_header(req, "Set-Cookie", "c=d");
	sstate_req_status(req, 201);
	sstate_req_puts(req, "{}");
}

static void
session_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;

	(void)arg;
	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_setstr(session, SSTATE_STORED, "x", "y");
	sstate_req_header(req, "Cache-Control", "public");
	sstate_req_header(req, "Vary", "Accept");
	sstate_req_header(req, "Set-Cookie", "mine=1");
	sstate_req_header(req, "Set-Cookie", "__Host-sstate=forged");
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void
many_headers(void)
{
	get(twice_program, NULL);
	T(s.status == 201 && shot_head_has(&s, "Status: 201 Created\r\n") &&
		count(s.out, "ontent-") == 1 + 1 &&
		count(s.out, "ype: application/json\r\n") == 1 &&
		count(s.out, "Set-Cookie: ") == 2,
	    "a header set again replaces, but for cookies");
	get(session_program, NULL);
	T(shot_head_has(&s, "Cache-Control: no-store\r\n") &&
		!shot_head_has(&s, "public"),
	    "R-50 the session's Cache-Control beats the program's");
	T(shot_head_has(&s, "Vary: Accept\r\n") &&
		shot_head_has(&s, "Vary: Cookie\r\n"),
	    "R-50 Vary of both");
	T(count(s.out, "Set-Cookie: __Host-sstate=") == 1 &&
		!shot_head_has(&s, "forged") &&
		shot_head_has(&s, "Set-Cookie: mine=1\r\n"),
	    "R-44 one Set-Cookie of one name");
}

/* ---- Text ------------------------------------------------------------- */

static void
html_program(struct sstate_req *req, void *arg)
{
	const char *nothing = arg;

	sstate_req_html(req, "<p x=\"%s\">%s|%c|%.3s|%5s|%-5s|%.*s|%%|",
	    "a\"'<>&=`", "<b>", '<', "abcdef", "r", "l", 2, "<>ab");
	sstate_req_html(req, "%s|%d|%+05d|%x|%#o|%u|", nothing, -7, 42, 255u,
	    8u, 4000000000u);
	sstate_req_html(req, "%ld|%lld|%zu|%hhd|%hu|%jd|%td|", -1L,
	    (long long)INT64_MIN, (size_t)7, (signed char)-3, (unsigned short)9,
	    (intmax_t)5, (ptrdiff_t)-6);
	sstate_req_html(req, "%llu|", (unsigned long long)UINT64_MAX);
	sstate_req_html(req, "%.2f|%e|%g|%Lf|%*d|%-*d|", 1.005, 12345.678, 1e-5,
	    (long double)2.5, 4, 9, 4, 9);
}

static void
exact_program(struct sstate_req *req, void *arg)
{
	char want[2000];

	(void)arg;
	/* The same numbers by the C library: they must not differ. */
	(void)snprintf(want, sizeof(want), "%08.3f %a %.*f %i %X %G %300d %p",
	    3.14159, 1.0, 400, M_PI, -5, 48879u, 1e100, 5, (void *)NULL);
	sstate_req_html(req, "%08.3f %a %.*f %i %X %G %300d %p", 3.14159, 1.0,
	    400, M_PI, -5, 48879u, 1e100, 5, (void *)NULL);
	sstate_req_puts(req, "\n");
	sstate_req_html(req, "%s", want);
}

#pragma GCC diagnostic push
/* Formats that the compiler warns of are what is tried here. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void
bad_format_program(struct sstate_req *req, void *arg)
{
	int n = 0;

	sstate_req_puts(req, "kept back");
	sstate_req_html(req, *(const char **)arg, &n, &n);
}
#pragma GCC diagnostic pop

static void
texts(void)
{
	static const char *const bad[] = { "%n", "%hhn", "%ls", "%lc", "%1$s",
		"%", "%5", "%-", "%q", "%99999d", "%.99999f", "%Ls", "%m" };
	const char *half;
	size_t i;

	get(html_program, NULL);
	T(shot_page_is(&s,
	      "<p x=\"a&quot;&#39;&lt;&gt;&amp;&#61;&#96;\">&lt;b&gt;|&lt;|abc|"
	      "    r|l    |&lt;&gt;|%||-7|+0042|ff|010|4000000000|"
	      "-1|-9223372036854775808|7|-3|9|5|-6|18446744073709551615|"
	      "1.00|1.234568e+04|1e-05|2.500000|   9|9   |"),
	    "R-95 printf with %%s and %%c escaped: %s", s.page);
	get(exact_program, NULL);
	half = strchr(s.page, '\n');
	T(half != NULL && s.pagelen % 2 == 1 &&
		(size_t)(half - s.page) == s.pagelen / 2 &&
		memcmp(s.page, half + 1, s.pagelen / 2) == 0,
	    "numbers as snprintf writes them");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		get(bad_format_program, (void *)(uintptr_t)&bad[i]);
		T(s.status == 500 && s.ended == SSTATE_EINVAL &&
			strstr(s.out, "kept back") == NULL,
		    "R-95 a format that is refused: %s", bad[i]);
	}
}

/* ---- Redirects and error pages ---------------------------------------- */

static void
redirect_program(struct sstate_req *req, void *arg)
{
	sstate_req_puts(req, "dropped");
	sstate_req_header(req, "Content-Type", "text/plain");
	sstate_req_redirect(req, arg);
}

static void
redirects(void)
{
	static char bad[][32] = { "http://evil/", "//evil/", "/\\evil",
		"javascript:alert(1)", "", "/a\r\nX: y", "/\tb", "x", "\\\\e" };
	char good[] = "/app/?a=1&b=2#c";
	size_t i;

	get(redirect_program, good);
	T(s.status == 303 && s.ended == 0 &&
		shot_head_has(&s, "Status: 303 See Other\r\n") &&
		shot_head_has(&s, "\r\nLocation: /app/?a=1&b=2#c\r\n") &&
		shot_head_has(&s, "Content-Type: text/html") &&
		strstr(s.out, "dropped") == NULL &&
		strstr(s.page, "/app/?a&#61;1&amp;b") != NULL,
	    "R-95 a redirect within the site: 303");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		get(redirect_program, bad[i]);
		T(s.status == 500 && s.ended == SSTATE_EINVAL &&
			!shot_head_has(&s, "Location"),
		    "R-95 a redirect that is refused, line %zu", i);
	}
	get(redirect_program, NULL);
	T(s.status == 500, "R-95 a redirect to nowhere");
}

static void
error_program(struct sstate_req *req, void *arg)
{
	sstate_req_puts(req, "dropped");
	sstate_req_header(req, "X-Dropped", "1");
	sstate_req_error(req, *(int *)arg);
	sstate_req_puts(req, "too late");
}

static void
errors(void)
{
	static const struct {
		int what, status;
	} row[] = {
		{ 404, 404 },
		{ 403, 403 },
		{ 503, 503 },
		{ 418, 418 },
		{ SSTATE_EGONE, 409 },
		{ SSTATE_ETOOBIG, 413 },
		{ SSTATE_EAUTH, 403 },
		{ SSTATE_EBUSY, 503 },
		{ SSTATE_EINVAL, 500 },
		{ 200, 500 },
		{ 0, 500 },
		{ 9999, 500 },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int what = row[i].what;

		get(error_program, &what);
		T(s.status == row[i].status && s.ended == 0 &&
			strstr(s.out, "ropped") == NULL &&
			strstr(s.out, "too late") == NULL &&
			shot_head_has(&s, "Cache-Control: no-store\r\n") &&
			shot_logged == (row[i].what < 0),
		    "R-99 an error page for %d: %d", what, s.status);
	}
}

/* ---- HEAD, statuses without a body ------------------------------------ */

static void
hello_program(struct sstate_req *req, void *arg)
{
	if (arg != NULL)
		sstate_req_status(req, *(int *)arg);
	sstate_req_puts(req, "hello");
}

static void
bodies(void)
{
	int code = 204;

	fire("REQUEST_METHOD=HEAD", hello_program, NULL);
	T(s.status == 200 && s.pagelen == 0 &&
		shot_head_has(&s, "Content-Length: 5\r\n"),
	    "HEAD: as for GET, without the body");
	get(hello_program, &code);
	T(s.status == 204 && s.pagelen == 0 && !shot_head_has(&s, "Content-"),
	    "204 has neither body nor type");
	code = 100;
	get(hello_program, &code);
	T(s.status == 500 && s.ended == SSTATE_EINVAL,
	    "a status that is none of an answer");
	get(NULL, NULL);
	T(s.status == 200 && s.pagelen == 0, "a program that writes nothing");
}

/* ---- Commit before the first octet ------------------------------------ */

static void
too_much_program(struct sstate_req *req, void *arg)
{
	static char big[70000];
	struct sstate_session *session;
	struct sstate_val v = { big, sizeof(big) };

	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_set(session, SSTATE_STORED, "secret-name", &v, 1);
	sstate_req_puts(req, "all is well");
	if (arg != NULL)
		sstate_req_error(req, sstate_failure(session)->code);
}

/* Ends the session of the cookie in arg behind the program's back. */
static const char *
jar_header(void *arg, const char *name)
{
	return strcmp(name, "Cookie") == 0 ? arg : NULL;
}

static void
gone_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session, *other;
	struct sstate_web web = SSTATE_WEB_INIT;

	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_setstr(session, SSTATE_STORED, "x", "z");
	sstate_req_puts(req, "all is well");
	web.header = jar_header;
	web.arg = arg;
	if (sstate_begin(&other, env, NULL, &web, NULL) == 0) {
		if (sstate_logout(other) != 0)
			sstate_req_puts(req, "no logout");
		sstate_free(other);
	}
}

static void
commits(void)
{
	char jar[JAR_MAX], *gone;
	int given_up = 1;

	get(too_much_program, NULL);
	T(s.status == 413 && s.ended == SSTATE_ETOOBIG && shot_logged == 1 &&
		strstr(s.out, "well") == NULL &&
		strstr(s.out, "secret-name") == NULL &&
		!shot_head_has(&s, "Set-Cookie"),
	    "I7 the commit is too big: 413, and nothing of the page");
	get(too_much_program, &given_up);
	T(s.status == 413 && s.ended == SSTATE_ETOOBIG && shot_logged == 1,
	    "I7 the same, answered by the program: logged once");
	get(session_program, NULL);
	gone = strchr(shot_cookie(&s, jar), '=');
	NEED(gone != NULL, "I7 a cookie");
	shot_begin(&s);
	shot_var(&s, jar);
	shot_fire(&s, env, gone_program, gone + 1);
	T(s.status == 409 && s.ended == SSTATE_EGONE && shot_logged == 1 &&
		strstr(s.out, "well") == NULL &&
		!shot_head_has(&s, "Set-Cookie"),
	    "I7 R-26 ended meanwhile: 409, and no cookie: %s", shot_log);
}

/* A store that takes nothing. */
static int
sink_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	static int nothing;

	(void)conf;
	(void)err;
	*ctx = &nothing;
	return 0;
}

static void
sink_close(void *ctx)
{
	(void)ctx;
}

static int
sink_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)found;
	(void)arg;
	return sstate_fail(err, SSTATE_ENOTFOUND, 0, "sink: nothing");
}

static int
sink_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)rec;
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "sink: the detail for the log");
}

static int
sink_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)expected;
	return sink_create(ctx, key, rec, err);
}

static int
sink_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)expected;
	return sstate_fail(err, SSTATE_ESTORE, 0, "sink: no");
}

static void
store_down(void)
{
	static const struct sstate_driver sink = {
		.size = sizeof(sink),
		.abi = SSTATE_DRIVER_ABI,
		.scheme = "sink",
		.open = sink_open,
		.close = sink_close,
		.get = sink_get,
		.create = sink_create,
		.replace = sink_replace,
		.remove = sink_remove,
	};
	static const struct sstate_driver *const drivers[] = { &sink, NULL };
	static const char *const stores[] = { "sink:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	char dir[SHOT_DIR], ring[SHOT_DIR + 16];
	struct sstate_error err;
	struct sstate *down;

	shot_dir(dir);
	(void)snprintf(ring, sizeof(ring), "%s/keyring", dir);
	o.keyring = ring;
	o.stores = stores;
	o.drivers = drivers;
	o.log = shot_take_log;
	NEED(sstate_open(&down, &o, &err) == 0,
	    "a store that fails is opened: %s", err.text);
	shot_begin(&s);
	shot_fire(&s, down, session_program, NULL);
	T(s.status == 503 && s.ended == SSTATE_ESTORE &&
		strstr(shot_log, "detail for the log") != NULL &&
		strstr(s.out, "detail") == NULL &&
		!shot_head_has(&s, "Set-Cookie: __Host-sstate"),
	    "R-99 the store is down: 503, and the detail in the log alone");
	sstate_close(down);
	(void)unlink(ring);
	T(rmdir(dir) == 0, "nothing is left behind");
}

/* ---- Flushing --------------------------------------------------------- */

struct flushed {
	int r, late, header, set;
};

static void
flush_program(struct sstate_req *req, void *arg)
{
	struct flushed *f = arg;
	struct sstate_session *session;

	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_setstr(session, SSTATE_STORED, "x", "y");
	sstate_req_puts(req, "one ");
	f->r = sstate_req_flush(req);
	sstate_req_puts(req, "two ");
	f->late = sstate_req_flush(req);
	f->set = sstate_setstr(session, SSTATE_STORED, "x", "z");
	sstate_req_puts(req, "three");
	f->header = 0;
}

static void
late_header_program(struct sstate_req *req, void *arg)
{
	struct flushed *f = arg;

	sstate_req_puts(req, "one ");
	f->r = sstate_req_flush(req);
	f->header = sstate_req_header(req, "X-A", "b");
	f->set = sstate_req_error(req, 404);
}

static void
failed_flush_program(struct sstate_req *req, void *arg)
{
	struct flushed *f = arg;

	too_much_program(req, NULL);
	f->r = sstate_req_flush(req);
	sstate_req_puts(req, "still well");
	f->late = sstate_req_flush(req);
}

static void
long_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;
	size_t i, n = *(size_t *)arg;

	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_setstr(session, SSTATE_STORED, "x", "y");
	for (i = 0; i < n; i += 10)
		sstate_req_puts(req, "0123456789");
}

static void
flushes(void)
{
	struct flushed f = { 1, 1, 1, 1 };
	size_t n = 1000;

	get(flush_program, &f);
	T(f.r == 0 && f.late == 0 && s.ended == 0 &&
		shot_page_is(&s, "one two three") &&
		!shot_head_has(&s, "Content-Length") &&
		shot_head_has(&s, "Set-Cookie: __Host-sstate"),
	    "I7 a flush commits, then sends what there is");
	T(f.set == SSTATE_EINVAL, "after it the session is read-only");
	get(late_header_program, &f);
	T(f.header == SSTATE_EINVAL && f.set == SSTATE_EINVAL &&
		s.ended == SSTATE_EINVAL && shot_page_is(&s, "one "),
	    "after it there are no headers and no error page");
	get(failed_flush_program, &f);
	T(f.r == SSTATE_ETOOBIG && f.late == SSTATE_ETOOBIG &&
		s.status == 413 && strstr(s.out, "well") == NULL &&
		count(s.out, "Status: ") == 1,
	    "I7 a flush whose commit fails: its page, once");
	shot_begin(&s);
	s.opts.max_reply = 1000;
	shot_fire(&s, env, long_program, &n);
	T(s.pagelen == 1000 && shot_head_has(&s, "Content-Length: 1000\r\n"),
	    "R-90 max_reply itself is held");
	n = 100000;
	shot_begin(&s);
	s.opts.max_reply = 1000;
	shot_fire(&s, env, long_program, &n);
	T(s.pagelen == 100000 && !shot_head_has(&s, "Content-Length") &&
		shot_head_has(&s, "Set-Cookie: __Host-sstate") && s.ended == 0,
	    "R-90 more flushes itself, and commits first");
	n = 5000000;
	get(long_program, &n);
	T(s.pagelen == 5000000 && shot_head_has(&s, "Content-Length: 5000000"),
	    "R-90 an answer of 5 MB is held");
}

/* ---- The client went away --------------------------------------------- */

static void
broken_pipe(void)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	const char *const vars[] = { "REQUEST_METHOD=GET", NULL };
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	sigset_t pending, mask;
	int p[2], r = 1;

	(void)signal(SIGPIPE, SIG_DFL);
	NEED(pipe(p) == 0, "a pipe");
	(void)close(p[0]);
	o.vars = vars;
	o.in = p[1];
	o.out = p[1];
	if (sstate_cgi_open(&cgi, env, &o, NULL) == 0 &&
	    sstate_cgi_accept(&req, cgi, NULL) == 0) {
		sstate_req_puts(req, "hello");
		r = sstate_req_end(req);
	}
	sstate_cgi_close(cgi);
	(void)close(p[1]);
	(void)sigpending(&pending);
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	T(r == SSTATE_ESYS && sigismember(&pending, SIGPIPE) == 0,
	    "the client went away: ESYS, and no SIGPIPE");
	T(sigismember(&mask, SIGPIPE) == 0, "the signal mask is as it was");
}

static void
nulls(void)
{
	struct sstate_session *session;
	struct sstate_val v;

	T(sstate_req_end(NULL) == 0, "freeing nothing");
	sstate_cgi_close(NULL);
	sstate_cgi_stop(NULL);
	T(sstate_req_status(NULL, 200) == SSTATE_EINVAL &&
		sstate_req_header(NULL, "a", "b") == SSTATE_EINVAL &&
		sstate_req_html(NULL, "x") == SSTATE_EINVAL &&
		sstate_req_puts(NULL, "x") == SSTATE_EINVAL &&
		sstate_req_redirect(NULL, "/") == SSTATE_EINVAL &&
		sstate_req_error(NULL, 404) == SSTATE_EINVAL &&
		sstate_req_flush(NULL) == SSTATE_EINVAL &&
		sstate_req_body(&v, NULL) == SSTATE_EINVAL &&
		sstate_req_session(&session, NULL, NULL, NULL) ==
		    SSTATE_EINVAL &&
		sstate_req_var(NULL, "x") == NULL &&
		sstate_req_file(NULL, "x", 0) == NULL,
	    "no request: EINVAL, and no crash");
}

int
main(void)
{
	env = shot_env(0);
	headers();
	many_headers();
	texts();
	redirects();
	errors();
	bodies();
	commits();
	store_down();
	flushes();
	broken_pipe();
	nulls();
	shot_begin(&s);
	shot_end(&s);
	sstate_close(env);
	return tap_done();
}
