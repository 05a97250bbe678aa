/*
 * odd_test.c - fields, bodies and answers at their edge, octet by octet
 */
#include "shot.h"

#include "../store/fault_driver.h"

extern const struct sstate_driver sstate_driver_v1_memory;

#define PARTS "multipart/form-data; boundary=X"
#define CD "--X\r\nContent-Disposition: form-data; "

static struct shot s;
static struct sstate *env;
static struct fault store;
static char dir[SHOT_DIR], ring[SHOT_DIR + 16];

static void
post(const char *type, const char *body)
{
	char var[512];

	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	(void)snprintf(var, sizeof(var), "CONTENT_TYPE=%s", type);
	shot_var(&s, var);
	shot_body(&s, body, strlen(body));
	shot_fire(&s, env, shot_echo, NULL);
}

static void
get(shot_fn *fn, void *arg)
{
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=GET");
	shot_fire(&s, env, fn, arg);
}

/* ---- Media types ------------------------------------------------------ */

static void
types(void)
{
	static const struct {
		const char *type;
		int status;
	} row[] = {
		{ "a|b/c", 200 },
		{ "a~b/c", 200 },
		{ "a{b/c", 415 },
		{ "a}b/c", 415 },
		{ "a/b", 200 },
		{ "\ttext/plain", 200 },
		{ "text/plain;\tx=y", 200 },
		{ "text/plain\t;x=y", 200 },
		{ "text/plain; ", 200 },
		{ "text/plain;;x=y", 200 },
		{ "text/plain; =x", 415 },
		{ "text/plain; abc", 415 },
		{ "text/plain; abc d", 415 },
		{ "text/plain; abc\"d\"", 415 },
		{ "application/x-www-form-urlencoded; x*=y", 415 },
		{ "application/x-www-form-urlencoded; x=y", 200 },
		{ "application/x-www-form-urlencoded; charset=UTF-9", 415 },
		{ "application/x-www-form-urlencoded; charset=utf", 415 },
		{ "application/x-www-form-urlencoded; charset=utf-8 ", 200 },
		{ "multipart/form-data; boundary=X; charset=utf-8; "
		  "charset=utf-8",
		    415 },
		{ "multipart/form-data; boundary=X; charset=us-ascii", 400 },
		{ "multipart/form-data; boundary=X; charset=ebcdic", 415 },
		{ "multipart/form-data; boundary=X, a", 415 },
		{ "multipart/form-data; boundary=X a", 400 },
		{ "multipart/form-data; boundary=", 400 },
		{ "multipart/form-data; boundary", 400 },
		{ "multipart/form-data; boundary=X; boundary", 400 },
		{ "multipart/form-data; boundary=\"X{\"", 400 },
		{ "multipart/form-data; boundary=\"X \"", 400 },
		{ "multipart/form-data; boundary=\"X\x7f\"", 400 },
		{ "multipart/form-data; boundary=\"a Z'()+_,-./:=?\"", 400 },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		post(row[i].type, "a=1");
		T(s.status == row[i].status, "E6 type \"%s\": %d", row[i].type,
		    s.status);
	}
}

static void
codings(void)
{
	static const struct {
		const char *var;
		int status;
	} row[] = {
		{ "HTTP_CONTENT_ENCODING=", 200 },
		{ "HTTP_CONTENT_ENCODING=Identity", 200 },
		{ "HTTP_CONTENT_ENCODING=gzip", 415 },
		{ "HTTP_TRANSFER_ENCODING=", 200 },
		{ "HTTP_TRANSFER_ENCODING=gzip", 501 },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		shot_begin(&s);
		shot_var(&s, "REQUEST_METHOD=POST");
		shot_var(&s, FORM_TYPE);
		shot_var(&s, row[i].var);
		shot_body(&s, "a=1", 3);
		shot_fire(&s, env, shot_echo, NULL);
		T(s.status == row[i].status, "E3 %s: %d", row[i].var, s.status);
	}
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=");
	shot_bare_body(&s, "a=1", 3);
	shot_fire(&s, env, shot_echo, NULL);
	T(shot_page_is(&s, "###"), "E3 an empty type, and no length: no body");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=text/plain");
	shot_bare_body(&s, "", 0);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 200 && shot_page_is(&s, "###"),
	    "E3 a body without length that is empty: there is none");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=" PARTS);
	s.opts.max_body = 10;
	s.opts.flags = SSTATE_NO_UPLOADS;
	shot_body(&s, "0123456789A", 11);
	shot_fire(&s, env, shot_echo, NULL);
	T(s.status == 413, "R-90 a small body over a smaller limit");
}

/* ---- Parts ------------------------------------------------------------ */

static void
parts(void)
{
	static const struct {
		const char *id, *body, *page; /* NULL: 400 */
	} row[] = {
		{ "M5", CD "name=a\r\nX/Y: z\r\n\r\n1\r\n--X--", NULL },
		{ "M5", CD "name=a\r\nX{Y: z\r\n\r\n1\r\n--X--", NULL },
		{ "M5", CD "name=a\r\nX\r\n\r\n1\r\n--X--", NULL },
		{ "M5", CD "name=a\r\n: z\r\n\r\n1\r\n--X--", NULL },
		{ "M5", CD "name=a\r\nX :z\r\n\r\n1\r\n--X--", NULL },
		{ "M5", CD "name=a\r\n\tX: z\r\n\r\n1\r\n--X--", NULL },
		{ "M5", CD "name=a\r\nX: \x01\r\n\r\n1\r\n--X--", NULL },
		{ "M6", "--X\r\nContent-Disposition:\r\n\r\n1\r\n--X--", NULL },
		{ "M6", "--X\r\nContent-Disposition: ;\r\n\r\n1\r\n--X--",
		    NULL },
		{ "M6",
		    "--X\r\nContent-Disposition: form-datas; name=a\r\n\r\n"
		    "1\r\n--X--",
		    NULL },
		{ "M6",
		    CD "name=a\r\nContent-Disposition: form-data; name=a\r\n"
		       "\r\n1\r\n--X--",
		    NULL },
		{ "M6", CD "name=a; name\r\n\r\n1\r\n--X--", NULL },
		{ "M9",
		    CD "name=f; filename=x\r\nContent-Type: a/b\r\n"
		       "Content-Type: a/b\r\n\r\n1\r\n--X--",
		    NULL },
		{ "M9", CD "name=a\r\nX:\r\n\r\n1\r\n--X--", "a=1|###" },
		{ "M9", CD "name=a\r\nX: \t\r\n\r\n1\r\n--X--", "a=1|###" },
		{ "M9", CD "name=a\r\nX-Y:\tz\t \r\n\r\n1\r\n--X--",
		    "a=1|###" },
		{ "M9",
		    CD "name=f; filename=x\r\nContent-Type:\ta/b \t\r\n\r\n1"
		       "\r\n--X--",
		    "##x(a/b)1|#" },
		{ "M2",
		    "--X\t \r\nContent-Disposition: form-data; name=a\r\n\r\n1"
		    "\r\n--X--",
		    "a=1|###" },
		{ "M2", "--X\t.\r\n", NULL },
		{ "M2", "--X\n", NULL },
		{ "M2", "--X\r.", NULL },
		{ "M4", "--Xy\r\n" CD "name=a\r\n\r\n1\r\n--X--", "a=1|###" },
		{ "M4", "--X-y\r\n" CD "name=a\r\n\r\n1\r\n--X--", "a=1|###" },
		{ "M2", CD "name=a\r\n\r\n1\r\n--X-y\r\n--X--",
		    "a=1\\0d\\0a--X-y|###" },
		{ "M11", CD "name=f; filename=empty\r\n\r\n\r\n--X--",
		    "##empty(text/plain)|#" },
		{ "M11", CD "name=g; filename=x\r\n\r\n1\r\n--X--", "###" },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		post(PARTS, row[i].body);
		T(row[i].page == NULL
			? s.status == 400
			: s.status == 200 && shot_page_is(&s, row[i].page),
		    "%s part %zu: %d", row[i].id, i, s.status);
	}
}

/* The limits are met within what looked like a delimiter. */
static void
near_delimiters(void)
{
	static char p[80000];
	size_t n;

	memset(p, 'p', 4090);
	strcpy(p + 4090,
	    "\r\n--Xyyyyyyyyyyyy\r\n" CD "name=a\r\n\r\n1\r\n--X--");
	post(PARTS, p);
	T(s.status == 413, "M4 R-90 the preamble's limit in a delimiter");
	strcpy(p, CD "name=a\r\n\r\n");
	n = strlen(p);
	memset(p + n, 'v', 65535);
	strcpy(p + n + 65535, "\r\n--Xy\r\n--X--");
	post(PARTS, p);
	T(s.status == 413, "M10 R-90 a field's limit in a delimiter");
	memset(p + n + 65530, '\0', 100);
	strcpy(p + n + 65530, "\r\n--Xy\r\n--X--");
	post(PARTS, p);
	T(s.status == 413 || s.status == 200, "M10 and next to it: %d",
	    s.status);
}

/* ---- Files ------------------------------------------------------------ */

static void
second_file(struct sstate_req *req, void *arg)
{
	const struct sstate_file *f = sstate_req_file(req, "f", 1);

	(void)arg;
	sstate_req_puts(req, f != NULL ? f->filename : "none");
	f = sstate_req_file(req, "f", 2);
	sstate_req_puts(req, f != NULL ? f->filename : ", none");
}

static void
big_upload(void)
{
	static char p[80000];
	size_t n =
	    (size_t)snprintf(p, sizeof(p), CD "name=f; filename=a\r\n\r\n");

	memset(p + n, 'F', 70000);
	n += 70000;
	n += (size_t)snprintf(p + n, sizeof(p) - n, "\r\n--X--");
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=" PARTS);
	shot_body(&s, p, n);
	shot_fire(&s, env, shot_echo, NULL);
}

static void
files(void)
{
	static char deep[5000];
	const char *was = getenv("TMPDIR");
	char *kept = was != NULL ? strdup(was) : NULL;

	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=" PARTS);
	{
		static const char body[] =
		    CD "name=f; filename=a\r\n\r\n1\r\n" CD
		       "name=g; filename=b\r\n\r\n1\r\n" CD
		       "name=f; filename=c\r\n\r\n1\r\n--X--";

		shot_body(&s, body, sizeof(body) - 1);
	}
	shot_fire(&s, env, second_file, NULL);
	T(shot_page_is(&s, "c, none"), "the second file of a field");
	memset(deep, 'd', sizeof(deep) - 1);
	deep[0] = '/';
	(void)setenv("TMPDIR", deep, 1);
	big_upload();
	T(s.status == 503, "M13 a TMPDIR that is too long: %d", s.status);
	(void)setenv("TMPDIR", "relative", 1);
	big_upload();
	T(s.status == 200, "M13 one that is no path from the root: /tmp");
	(void)unsetenv("TMPDIR");
	big_upload();
	T(s.status == 200, "M13 none: /tmp");
	if (kept != NULL)
		(void)setenv("TMPDIR", kept, 1);
	free(kept);
}

/* ---- Answers ---------------------------------------------------------- */

static void
status_program(struct sstate_req *req, void *arg)
{
	(void)sstate_req_status(req, *(int *)arg);
	sstate_req_puts(req, "text");
}

static void
statuses(void)
{
	static const struct {
		int status;
		const char *line;
	} row[] = {
		{ 299, "Status: 299 OK\r\n" },
		{ 399, "Status: 399 Redirect\r\n" },
		{ 499, "Status: 499 Error\r\n" },
		{ 599, "Status: 599 Error\r\n" },
		{ 600, "Status: 500 Internal Server Error\r\n" },
	};
	int status;
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		status = row[i].status;
		get(status_program, &status);
		T(strncmp(s.out, row[i].line, strlen(row[i].line)) == 0,
		    "R-95 status %d", status);
	}
	status = 304;
	get(status_program, &status);
	T(s.status == 304 && s.pagelen == 0 &&
		!shot_head_has(&s, "Content-Length") &&
		!shot_head_has(&s, "Content-Type"),
	    "R-95 304 has no body, nor its headers");
}

static void
cookie_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;

	(void)arg;
	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_setstr(session, SSTATE_STORED, "x", "y");
	sstate_req_header(req, "Set-Cookie", "__Host-sstatf=near");
	sstate_req_header(req, "Set-Cookie", "__Host-sstate=forged");
}

static void
long_redirect(struct sstate_req *req, void *arg)
{
	static char to[9000];

	memset(to, 'a', sizeof(to) - 1);
	to[0] = '/';
	T(sstate_req_redirect(req, to) == SSTATE_EINVAL,
	    "R-90 a redirect over the limit of a header");
	(void)arg;
}

static void
flushed_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;

	(void)arg;
	sstate_req_puts(req, "x");
	T(sstate_req_flush(req) == 0 && sstate_req_flush(req) == 0,
	    "flushed, and nothing more");
	T(sstate_req_session(&session, req, NULL, NULL) == SSTATE_EINVAL,
	    "no session is begun after that");
	T(sstate_req_redirect(req, "/a") == SSTATE_EINVAL,
	    "nor is there a redirect");
}

/* All of it has left when the request ends. */
static void
nothing_more(struct sstate_req *req, void *arg)
{
	(void)arg;
	sstate_req_puts(req, "all");
	(void)sstate_req_flush(req);
}

static void
long_first(struct sstate_req *req, void *arg)
{
	(void)arg;
	sstate_req_puts(req, "longer than all that is held");
	sstate_req_puts(req, "!");
}

static void
answers(void)
{
	get(cookie_program, NULL);
	T(shot_head_has(&s, "Set-Cookie: __Host-sstatf=near") &&
		!shot_head_has(&s, "forged"),
	    "R-44 a name as long as the session's is another");
	get(long_redirect, NULL);
	T(s.status == 500, "and leaves as a 500");
	get(flushed_program, NULL);
	T(s.ended == SSTATE_EINVAL && shot_page_is(&s, "x"),
	    "what left before stays");
	get(nothing_more, NULL);
	T(s.status == 200 && s.ended == 0 && shot_page_is(&s, "all"),
	    "an answer that was flushed to its end");
	shot_begin(&s);
	s.opts.max_reply = 10;
	shot_fire(&s, env, long_first, NULL);
	T(s.status == 200 && shot_page_is(&s, "longer than all that is held!"),
	    "an answer whose first piece is over max_reply");
}

/* ---- Error pages and failures ----------------------------------------- */

/* What the program does about a session that does not begin. */
static void
beginning(struct sstate_req *req, void *arg)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_session *session;
	struct sstate_error err;
	int r;

	(void)arg;
	how.flags = 0x80000000u;
	r = sstate_req_session(&session, req, &how, NULL);
	T(r != 0 && session == NULL &&
		sstate_req_session(&session, req, &how, &err) == r &&
		err.code == r,
	    "a session that does not begin: %s", err.text);
	T(sstate_req_error(req, r) == 0, "its page");
}

/* Gives up for a reason that the session does not know of. */
static void
other_reason(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;

	(void)arg;
	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	sstate_setstr(session, SSTATE_STORED, "x", "y");
	(void)sstate_req_error(req, SSTATE_EBUSY);
}

/* The page is the program's, and then a header of its own fails. */
static void
page_then_header(struct sstate_req *req, void *arg)
{
	(void)sstate_req_error(req, *(int *)arg);
	(void)sstate_req_header(req, "X-A", "a\nb");
}

/* The page stands for a commit that fails with that very code, or not. */
static void
page_then_commit(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;

	if (sstate_req_session(&session, req, NULL, NULL) != 0)
		return;
	(void)sstate_setstr(session, SSTATE_STORED, "x", "y");
	fault_arm(&store, 1, FAULT_WRITE, FAULT_REFUSE, SSTATE_EBUSY);
	(void)sstate_req_error(req, *(int *)arg);
}

static void
pages(void)
{
	int status;

	get(beginning, NULL);
	T(s.status >= 400 && s.accepted == 0, "leaves: %d", s.status);
	get(other_reason, NULL);
	T(s.status == 503 && shot_logged >= 1, "another reason: %d", s.status);
	status = 404;
	get(page_then_header, &status);
	T(s.status == 404 && s.ended == SSTATE_EINVAL,
	    "R-99 a page of the program's stays: %d", s.status);
	for (status = 404; status <= 503; status += 99) {
		get(page_then_commit, &status);
		T(s.status == 503 && s.ended == SSTATE_EBUSY,
		    "R-99 I7 a page of %d, and a commit that fails: %d", status,
		    s.status);
	}
}

/* ---- Where it goes ---------------------------------------------------- */

/* Input is descriptor 0, output another. */
static void
descriptors(void)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	static const char *const vars[] = { "REQUEST_METHOD=GET", NULL };
	struct sstate_req *req;
	struct sstate_cgi *cgi;
	int out = memfd_create("out", MFD_CLOEXEC);

	o.vars = vars;
	o.in = 0;
	o.out = out;
	NEED(sstate_cgi_open(&cgi, env, &o, NULL) == 0 &&
		sstate_cgi_accept(&req, cgi, NULL) == 0,
	    "input 0, output another");
	sstate_req_puts(req, "x");
	T(sstate_req_end(req) == 0 && lseek(out, 0, SEEK_END) > 20,
	    "and there the answer goes");
	sstate_cgi_close(cgi);
	(void)close(out);
}

static void
open_env(void)
{
	static const char *const stores[] = { "fault:odd", NULL };
	void *handles[] = { &store };
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	shot_dir(dir);
	(void)snprintf(ring, sizeof(ring), "%s/keyring", dir);
	o.keyring = ring;
	fault_init(&store, &sstate_driver_v1_memory, 0);
	o.stores = stores;
	o.drivers = store.drivers;
	o.handles = handles;
	o.log = shot_take_log;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
}

int
main(void)
{
	open_env();
	types();
	codings();
	parts();
	near_delimiters();
	files();
	statuses();
	answers();
	pages();
	descriptors();
	shot_begin(&s);
	shot_end(&s);
	sstate_close(env);
	T(unlink(ring) == 0 && rmdir(dir) == 0, "nothing is left");
	return tap_done();
}
