/*
 * app.c - one that uses all at once: log-in and log-out, here or everywhere,
 * a counter by form or by script, uploads, a message that is shown once
 *
 * APP_PWHASH, set by the web server, is the Argon2 hash of Cottleston's
 * password, as `argon2 -id -e` prints it.  Whatever changes something is a
 * POST from a form of ours, and answers with a redirect, so that Reload does
 * nothing twice.  What is wrong has its true status: 403, 404, 405.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "page.h"

struct app {
	struct sstate *env;
	const char *pwhash;
};

/* A form that is sent to one of the routes; its action is the route. */
static void
form(struct sstate_req *req, struct sstate_session *s, const char *route,
    const char *inside)
{
	sstate_req_html(req,
	    "<form method=\"post\" enctype=\"%s\" "
	    "action=\"%s%s\">\n",
	    strcmp(route, "/upload") == 0 ? "multipart/form-data"
					  : "application/x-www-form-urlencoded",
	    sstate_req_var(req, "SCRIPT_NAME"), route);
	sstate_req_puts(req, sstate_fields(s, 0, route));
	sstate_req_puts(req, inside);
	sstate_req_puts(req, "</form>\n");
}

/* Said once, by the next page; then home by a request of its own. */
static void
home_saying(struct sstate_req *req, struct sstate_session *s, const char *text)
{
	(void)sstate_setstr(s, SSTATE_STORED, "flash", text);
	(void)sstate_req_redirect(req, sstate_link(s, 0, NULL, NULL));
}

/* ---- pages ----------------------------------------------------------- */

static void
outside(struct sstate_req *req, struct sstate_session *s)
{
	form(req, s, "/login",
	    "<label for=\"user\">User name</label>\n"
	    "<input id=\"user\" name=\"user\" required "
	    "autocomplete=\"username\" autocapitalize=\"none\">\n"
	    "<label for=\"pass\">Password</label>\n"
	    "<input id=\"pass\" name=\"pass\" type=\"password\" required "
	    "autocomplete=\"current-password\">\n<button>Log in</button>\n");
	sstate_req_puts(req,
	    "<p class=\"hint\">User name <kbd>Cottleston</kbd>, password "
	    "<kbd>Pie</kbd>.</p>\n");
}

struct listing {
	struct sstate_req *req;
	struct sstate_session *s;
	char own[sizeof(((struct sstate_info *)NULL)->handle)];
	int left; /* to be shown */
};

static int
show_session(void *arg, const struct sstate_info *in)
{
	struct listing *l = arg;
	char field[192];
	int own = strcmp(in->handle, l->own) == 0;

	if (l->left-- == 0)
		return SSTATE_DONE;
	sstate_req_html(l->req,
	    "<li><kbd>%s</kbd>%s<br>begun %lld min ago, last stored %lld min "
	    "ago\n",
	    in->handle, own ? " this one" : "",
	    (long long)(in->now - in->created) / 60,
	    (long long)(in->now - in->written) / 60);
	if (own)
		return 0;
	(void)snprintf(field, sizeof(field),
	    "<input type=\"hidden\" name=\"handle\" value=\"%s\">\n"
	    "<button class=\"quiet\" aria-label=\"End it: %s\">End it"
	    "</button>\n",
	    in->handle, in->handle);
	form(l->req, l->s, "/end", field);
	return 0;
}

/* The user's sessions, this one among them. */
static void
sessions(struct sstate_req *req, struct sstate_session *s,
    const struct app *app)
{
	struct listing l = { req, s, "", 20 };
	int r;

	(void)snprintf(l.own, sizeof(l.own), "%s", sstate_inspect(s)->handle);
	sstate_req_puts(req, "<h2>Your sessions</h2>\n<ul id=\"sessions\">\n");
	r = sstate_list(app->env, sstate_user(s), show_session, &l, NULL);
	sstate_req_puts(req, "</ul>\n");
	if (r == SSTATE_DONE)
		sstate_req_puts(req, "<p>There are more.</p>\n");
	else if (r != 0)
		sstate_req_puts(req,
		    "<p>They cannot be listed just now.</p>\n");
}

static void
inside(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	sstate_req_html(req,
	    "<p>You are <b id=\"who\">%s</b>.</p>\n<h2>Count</h2>\n"
	    "<p>So far: <output id=\"sum\">%lld</output></p>\n"
	    "<div id=\"count\" data-api=\"%s/api\" data-csrf=\"%s\">\n",
	    sstate_user(s),
	    (long long)sstate_int(s, SSTATE_STORED, "count", INT64_MIN,
		INT64_MAX, 0),
	    sstate_req_var(req, "SCRIPT_NAME"), sstate_csrf(s, "/api"));
	form(req, s, "/count", "<button>Count one more</button>\n");
	sstate_req_puts(req, "</div>\n<h2>Upload</h2>\n");
	form(req, s, "/upload",
	    "<label for=\"doc\">Files, to be counted</label>\n"
	    "<input id=\"doc\" name=\"doc\" type=\"file\" multiple required>\n"
	    "<button>Upload</button>\n");
	sessions(req, s, app);
	form(req, s, "/everywhere", "<button>Log out everywhere</button>\n");
	form(req, s, "/logout", "<button>Log out here</button>\n");
}

/* said: why this is not the page that was asked for; or NULL. */
static void
home_page(struct sstate_req *req, struct sstate_session *s,
    const struct app *app, const char *said)
{
	const char *flash = sstate_str(s, SSTATE_STORED, "flash");

	page_head(req, "All at once");
	/* one script, of this site; nothing fails without it */
	(void)sstate_req_header(req, "Content-Security-Policy",
	    "default-src 'none'; style-src 'self'; script-src 'self'; "
	    "connect-src 'self'; form-action 'self'; base-uri 'none'; "
	    "frame-ancestors 'none'");
	sstate_req_puts(req, "<script src=\"/app.js\" defer></script>\n");
	page_notice(req, 1, said);
	page_notice(req, 0, flash);
	if (flash != NULL)
		(void)sstate_del(s, SSTATE_STORED, "flash");
	if (sstate_user(s) == NULL)
		outside(req, s);
	else
		inside(req, s, app);
	page_foot(req);
}

static void
refuse(struct sstate_req *req, int status, const char *allow, const char *why)
{
	(void)sstate_req_status(req, status);
	if (allow != NULL)
		(void)sstate_req_header(req, "Allow", allow);
	page_head(req, "Sorry");
	page_notice(req, 1, why);
	sstate_req_html(req,
	    "<p><a class=\"button\" href=\"%s\">To the start"
	    "</a></p>\n",
	    sstate_req_var(req, "SCRIPT_NAME"));
	page_foot(req);
}

/* ---- what a route does ----------------------------------------------- */

static void
home(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	home_page(req, s, app, NULL);
}

static void
login(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	const char *user = sstate_str(s, SSTATE_SENT, "user");
	const char *pass = sstate_str(s, SSTATE_SENT, "pass");

	/* the hash first: a wrong user takes as long as a wrong password */
	if (user == NULL || pass == NULL ||
	    crypto_pwhash_str_verify(app->pwhash, pass, strlen(pass)) != 0 ||
	    strcmp(user, "Cottleston") != 0) {
		(void)sstate_req_status(req, 403);
		home_page(req, s, app, "Wrong user name or password.");
		return;
	}
	(void)sstate_login(s, user); /* a failure is kept, for the commit */
	home_saying(req, s, "Welcome.");
}

static void
logout(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	(void)app;
	if (sstate_logout(s) != 0)
		(void)sstate_req_error(req, sstate_failure(s)->code);
	else
		home_saying(req, s, "Good bye."); /* in another session */
}

static void
everywhere(struct sstate_req *req, struct sstate_session *s,
    const struct app *app)
{
	char text[64];
	uint64_t n;
	int r;

	r = sstate_revoke(&n, app->env, sstate_user(s), NULL, NULL);
	if (r != 0 || (r = sstate_logout(s)) != 0) {
		(void)sstate_req_error(req, r);
		return;
	}
	(void)snprintf(text, sizeof(text), "Logged out everywhere: %llu.",
	    (unsigned long long)n);
	home_saying(req, s, text);
}

static void
end(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	const char *handle = sstate_str(s, SSTATE_SENT, "handle");
	int r = SSTATE_ENOTFOUND;

	if (handle != NULL) /* and only if it is his */
		r = sstate_revoke(NULL, app->env, sstate_user(s), handle, NULL);
	if (r == 0)
		home_saying(req, s, "It has ended.");
	else if (r == SSTATE_ENOTFOUND)
		home_saying(req, s, "It is not there any more.");
	else
		(void)sstate_req_error(req, r);
}

static void
count(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	(void)app;
	(void)sstate_incr(NULL, s, "count", 1);
	home_saying(req, s, "Counted.");
}

static void
upload(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	const struct sstate_file *f;
	size_t i, bytes = 0;
	char text[80];

	(void)app;
	for (i = 0; (f = sstate_req_file(req, "doc", i)) != NULL; i++)
		bytes += f->data.len; /* f->data.ptr: keep it somewhere */
	(void)snprintf(text, sizeof(text), "%zu %s, %zu bytes.", i,
	    i == 1 ? "file" : "files", bytes);
	home_saying(req, s, text);
}

/* {"by": N} adds N from 1 to 9 to the count; the answer has the sum. */
static void
api(struct sstate_req *req, struct sstate_session *s, const struct app *app)
{
	struct sstate_val body;
	char text[64];
	int r, by = 0, end = 0;

	(void)app;
	if ((r = sstate_req_body(&body, req)) != 0 ||
	    sscanf(body.ptr, " { \"by\" : %1d } %n", &by, &end) != 1 ||
	    (size_t)end != body.len || by < 1) {
		(void)sstate_req_error(req, 400);
		return;
	}
	(void)sstate_incr(NULL, s, "count", by);
	/* now, so that the sum has what others added meanwhile */
	if ((r = sstate_commit(s)) != 0) {
		(void)sstate_req_error(req, r);
		return;
	}
	(void)snprintf(text, sizeof(text), "{\"count\":%lld}\n",
	    (long long)sstate_int(s, SSTATE_STORED, "count", INT64_MIN,
		INT64_MAX, 0));
	(void)sstate_req_header(req, "Content-Type", "application/json");
	sstate_req_puts(req, text);
}

#define FOR_ALL 1 /* else for who is logged in */
#define FOR_SCRIPTS 2

static const struct route {
	const char *path, *method;
	int flags;
	void (*run)(struct sstate_req *, struct sstate_session *,
	    const struct app *);
} routes[] = {
	{ "", "GET", FOR_ALL, home },
	{ "/", "GET", FOR_ALL, home },
	{ "/login", "POST", FOR_ALL, login },
	{ "/logout", "POST", 0, logout },
	{ "/everywhere", "POST", 0, everywhere },
	{ "/end", "POST", 0, end },
	{ "/count", "POST", 0, count },
	{ "/upload", "POST", 0, upload },
	{ "/api", "POST", FOR_SCRIPTS, api },
};

static void
answer(struct sstate_req *req, const struct app *app)
{
	const char *method = sstate_req_var(req, "REQUEST_METHOD");
	const char *path = sstate_req_var(req, "PATH_INFO");
	const struct route *to = routes,
			   *last = to + sizeof(routes) / sizeof(routes[0]);
	struct sstate_session *s;
	int r;

	while (to < last && strcmp(to->path, path != NULL ? path : "") != 0)
		to++;
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	if (to == last)
		refuse(req, 404, NULL, "There is nothing here.");
	else if (strcmp(to->method, method) != 0)
		refuse(req, 405, to->method, "That cannot be done here.");
	else if ((r = sstate_req_session(&s, req, NULL, NULL)) != 0)
		(void)sstate_req_error(req, r);
	else if (page_posted(req) &&
	    (sstate_check(s, to->path) != 0 ||
		(!(to->flags & FOR_ALL) && sstate_user(s) == NULL))) {
		(void)sstate_req_status(req, 403);
		if (to->flags & FOR_SCRIPTS)
			(void)sstate_req_error(req, 403);
		else
			home_page(req, s, app,
			    "That form is too old, or you have been logged "
			    "out.");
	} else
		to->run(req, s, app);
}

int
main(void)
{
	static char name[] = "all";
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct app app;

	opts.ns = name;
	opts.cookie = "__Host-all";
	opts.log = page_log;
	opts.arg = name;
	if ((app.pwhash = getenv("APP_PWHASH")) == NULL || sodium_init() < 0)
		return page_broken(name, "APP_PWHASH is not set");
	if (sstate_open(&app.env, &opts, &err) != 0)
		return page_broken(name, err.text);
	if (sstate_cgi_open(&cgi, app.env, NULL, &err) != 0) {
		sstate_close(app.env);
		return page_broken(name, err.text);
	}
	while (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		answer(req, &app);
		(void)sstate_req_end(req);
	}
	sstate_cgi_close(cgi);
	sstate_close(app.env);
	return 0;
}
