/*
 * civetweb_test.c - a handler of civetweb's shape, against a stub of it
 *
 * The handler knows civetweb's calls and <securestate.h> alone: no I/O of
 * ours.  Threads call it at the same time, each with a connection of its own.
 *
 * label: thread
 */
#include <pthread.h>
#include <stdint.h>

#include "examples/civetweb.h"
#include "securestate.h"
#include "tap.h"

/* ---- What stands in a program inside civetweb ---------------------------- */

#define LONGEST 4096 /* a form of ours */

static const char *
get_header(void *arg, const char *name)
{
	return mg_get_header((const struct mg_connection *)arg, name);
}

static void
add_header(void *arg, const char *name, const char *value)
{
	(void)mg_response_header_add((struct mg_connection *)arg, name, value,
	    -1);
}

/* The body, if it is a form of ours: its length, or -1. */
static int
read_form(struct mg_connection *c, char body[LONGEST])
{
	long long want = mg_get_request_info(c)->content_length;
	int n, len = 0;

	if (want < 0 || want > LONGEST)
		return want < 0 ? 0 : -1;
	while (len < want &&
	    (n = mg_read(c, body + len, (size_t)(want - len))) > 0)
		len += n;
	return len == want ? len : -1;
}

/* Headers, those of the session too if there is one, then the page. */
static int
reply(struct mg_connection *c, struct sstate_session *s, int status,
    const char *page)
{
	(void)mg_response_header_start(c, status);
	if (s != NULL)
		sstate_headers(s, add_header, c);
	add_header(c, "Content-Type", "text/html; charset=utf-8");
	(void)mg_response_header_send(c);
	(void)mg_write(c, page, strlen(page));
	return status; /* civetweb: the request is answered */
}

static void
make_page(char *page, size_t size, struct sstate_session *s)
{
	const char *note = sstate_str(s, SSTATE_STORED, "note");

	(void)snprintf(page, size,
	    "<p id=sum>%lld</p><p id=note>%s</p>"
	    "<form method=post>%s<input name=note><button>Keep</button>"
	    "</form>",
	    (long long)sstate_int(s, SSTATE_STORED, "sum", 0, INT64_MAX, 0),
	    sstate_escape(s, SSTATE_FOR_HTML, note != NULL ? note : ""),
	    sstate_fields(s, 0, "note"));
}

/* mg_set_request_handler(ctx, "/note", note_handler, env); */
static int
note_handler(struct mg_connection *c, void *env)
{
	const struct mg_request_info *in = mg_get_request_info(c);
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	char body[LONGEST], page[8192];
	const char *note;
	int n, r;

	if ((n = read_form(c, body)) < 0)
		return reply(c, NULL, 413, "Too long.");
	web.method = in->request_method;
	web.path = in->local_uri;
	web.query = in->query_string;
	web.header = get_header;
	web.arg = c;
	web.form.ptr = body;
	web.form.len = (size_t)n;
	if ((r = sstate_begin(&s, env, NULL, &web, NULL)) != 0)
		return reply(c, NULL, sstate_status(r), "Sorry.");
	if (strcmp(web.method, "POST") == 0 &&
	    (r = sstate_check(s, "note")) == 0) {
		(void)sstate_incr(NULL, s, "sum", 1);
		if ((note = sstate_str(s, SSTATE_SENT, "note")) != NULL)
			(void)sstate_setstr(s, SSTATE_STORED, "note", note);
	}
	make_page(page, sizeof(page), s);
	if (r == 0)
		r = sstate_commit(s);
	n = reply(c, s, sstate_status(r), r == 0 ? page : "Sorry.");
	sstate_free(s);
	return n;
}

/* ---- What civetweb does -------------------------------------------------- */

enum { THREADS = 6, EACH = 40 };

static struct sstate *env;
static char cookie[256], csrf[128];

static struct mg_connection *
request(const char *method, const char *with, const char *body)
{
	struct mg_connection *c = calloc(1, sizeof(*c));
	size_t n = 0;

	if (c == NULL)
		exit(1);
	c->info.request_method = method;
	c->info.local_uri = "/note";
	c->info.content_length = body != NULL ? (long long)strlen(body) : -1;
	c->body = body;
	c->sent[n][0] = "host";
	c->sent[n++][1] = "shop.example";
	if (with != NULL) {
		c->sent[n][0] = "cookie";
		c->sent[n++][1] = with;
	}
	(void)note_handler(c, env);
	return c;
}

static const char *
header(const struct mg_connection *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nheaders; i++)
		if (strcmp(c->name[i], name) == 0)
			return c->value[i];
	return "";
}

static void
keep(const struct mg_connection *c)
{
	const char *p = strstr(c->page, "name=\".csrf\" value=\"");

	if (*header(c, "Set-Cookie") != '\0')
		(void)snprintf(cookie, sizeof(cookie), "%.*s",
		    (int)strcspn(header(c, "Set-Cookie"), ";"),
		    header(c, "Set-Cookie"));
	if (p != NULL) {
		p += strlen("name=\".csrf\" value=\"");
		(void)snprintf(csrf, sizeof(csrf), "%.*s",
		    (int)strcspn(p, "\""), p);
	}
}

static void *
send_many(void *failed)
{
	struct mg_connection *c;
	char body[256];
	int i;

	(void)snprintf(body, sizeof(body), ".csrf=%s", csrf);
	for (i = 0; i < EACH; i++) {
		c = request("POST", cookie, body);
		*(int *)failed += c->status != 200;
		free(c);
	}
	return NULL;
}

static void
parallel(void)
{
	struct mg_connection *c;
	int failed[THREADS] = { 0 }, i, bad = 0;
	pthread_t t[THREADS];
	char sum[64];

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, send_many, &failed[i]) != 0)
			exit(1);
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(t[i], NULL);
		bad += failed[i];
	}
	T(bad == 0, "%d requests of %d threads are all taken", THREADS * EACH,
	    THREADS);
	c = request("GET", cookie, NULL);
	(void)snprintf(sum, sizeof(sum), "<p id=sum>%d</p>",
	    1 + THREADS * EACH);
	T(strstr(c->page, sum) != NULL, "R-33 none is lost: %s", sum);
	free(c);
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	static char much[LONGEST + 2];
	struct mg_connection *c;
	char body[512];

	o.stores = stores;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
	c = request("GET", NULL, NULL);
	T(c->status == 200 && strstr(c->page, "<p id=sum>0</p>") != NULL,
	    "a first visit");
	T(strncmp(header(c, "Set-Cookie"), "__Host-sstate=", 14) == 0 &&
		strcmp(header(c, "Cache-Control"), "no-store") == 0,
	    "R-50 the headers came out by the callback");
	keep(c);
	free(c);

	c = request("POST", cookie, "note=hi");
	T(c->status == 403 && strstr(c->page, "<form") == NULL,
	    "R-60 a stranger's form is refused");
	free(c);
	(void)snprintf(body, sizeof(body), "note=%%3Cb%%3E&.csrf=%s", csrf);
	c = request("POST", cookie, body);
	T(c->status == 200 &&
		strstr(c->page, "<p id=note>&lt;b&gt;</p>") != NULL,
	    "our own is taken, and what it brought is escaped");
	keep(c);
	free(c);
	c = request("GET", NULL, NULL);
	T(strstr(c->page, "<p id=note></p>") != NULL,
	    "another visitor does not see it");
	free(c);
	memset(much, 'x', sizeof(much) - 1);
	c = request("POST", cookie, much);
	T(c->status == 413, "R-90 a body that is too long is not read");
	free(c);
	parallel();
	sstate_close(env);
	return tap_done();
}
