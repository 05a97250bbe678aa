/*
 * login.c - a log-in program, with the token in a cookie or in the page
 *
 * LOGIN_CARRIER=cookie|page, set by the web server, picks the carrier; where
 * states are kept is the library's own rule (SECURESTATE_STORES and
 * SECURESTATE_KEYRING, see sstate_open(3)).  It shows what a log-in needs:
 * forms that only this session's pages can send, a count of wrong passwords
 * that survives the requests, a new id at log-in, a log-out that ends the
 * session at the server.  Nothing private is shown unless sstate_user() says
 * so, and no password outlives its request.
 */
#include <stdlib.h>
#include <string.h>

#include "page.h"

/* Long-term memory: taken up when sent, kept until let go. */
static const char *const memory[] = { "user", "pass", NULL };

/* A real program asks its password database here. */
static int
right_password(const char *user, const char *pass)
{
	return strcmp(user, "Cottleston") == 0 && strcmp(pass, "Pie") == 0;
}

/* A form of this program, with the session's fields for one action. */
static void
form(struct sstate_req *req, struct sstate_session *s, const char *action)
{
	sstate_req_html(req, "<form method=\"post\" action=\"%s\">\n",
	    sstate_req_var(req, "SCRIPT_NAME"));
	sstate_req_puts(req, sstate_fields(s, 0, action));
}

static void
login_page(struct sstate_req *req, struct sstate_session *s, const char *said,
    const char *user)
{
	int64_t n = sstate_int(s, SSTATE_STORED, "failures", 0, INT64_MAX, 0);

	page_head(req, "Log in");
	page_notice(req, 1, said);
	if (n > 0)
		sstate_req_html(req,
		    "<p>Wrong so far: <b id=\"failures\">%lld</b></p>\n",
		    (long long)n);
	form(req, s, "login");
	sstate_req_html(req,
	    "<label for=\"user\">User name</label>\n"
	    "<input id=\"user\" name=\"user\" value=\"%s\" required "
	    "autocomplete=\"username\" autocapitalize=\"none\">\n",
	    user);
	sstate_req_puts(req,
	    "<label for=\"pass\">Password</label>\n"
	    "<input id=\"pass\" name=\"pass\" type=\"password\" required "
	    "autocomplete=\"current-password\">\n"
	    "<button>Log in</button>\n</form>\n"
	    "<p class=\"hint\">User name <kbd>Cottleston</kbd>, password "
	    "<kbd>Pie</kbd>.</p>\n");
	page_foot(req);
}

static void
private_page(struct sstate_req *req, struct sstate_session *s)
{
	int64_t n = sstate_int(s, SSTATE_STORED, "failures", 0, INT64_MAX, 0);

	page_head(req, "Welcome");
	sstate_req_html(req,
	    "<p>You are logged in as <b id=\"who\">%s</b>.</p>\n"
	    "<p id=\"private\">The honey stands behind the third jar of "
	    "flour.</p>\n<p>Wrong passwords before this one: "
	    "<b id=\"failures\">%lld</b></p>\n",
	    sstate_user(s), (long long)n);
	form(req, s, "logout");
	sstate_req_puts(req,
	    "<button name=\"logout\" value=\"1\">Log out</button>\n"
	    "</form>\n");
	page_foot(req);
}

/*
 * Browsers keep whole pages for Back, no-store ones too where no cookie
 * changes with the log-out.  What makes them let go counts from the moment
 * that the next page is shown: so it comes with a style sheet of that page.
 */
#define FORGET "forget"

static void
forget_sheet(struct sstate_req *req)
{
	(void)sstate_req_header(req, "Content-Type", "text/css");
	(void)sstate_req_header(req, "Cache-Control", "no-store");
	(void)sstate_req_header(req, "Clear-Site-Data", "\"cache\"");
	sstate_req_puts(req, "/* nothing of before is kept */\n");
}

static void
logged_out_page(struct sstate_req *req)
{
	const char *self = sstate_req_var(req, "SCRIPT_NAME");

	page_head(req, "Logged out");
	sstate_req_html(req,
	    "<link rel=\"stylesheet\" href=\"%s?" FORGET "\">\n"
	    "<p>You have logged out.</p>\n"
	    "<p><a class=\"button\" href=\"%s\">Log in again</a></p>\n",
	    self, self);
	page_foot(req);
}

/* Somebody, logged in, sent a form. */
static void
leave(struct sstate_req *req, struct sstate_session *s)
{
	if (sstate_str(s, SSTATE_SENT, "logout") == NULL ||
	    sstate_check(s, "logout") != 0)
		private_page(req, s);
	else if (sstate_logout(s) != 0)
		(void)sstate_req_error(req, sstate_failure(s)->code);
	else
		logged_out_page(req);
}

/* Nobody yet: perhaps user and password came with this request. */
static void
enter(struct sstate_req *req, struct sstate_session *s, int post)
{
	const char *user = sstate_str(s, SSTATE_MERGED, "user");
	const char *pass = sstate_str(s, SSTATE_MERGED, "pass");
	const char *said = NULL;

	if (user != NULL || pass != NULL) {
		/* forgetful: what is stored wins the next time; let it go */
		(void)sstate_del(s, SSTATE_STORED, "user");
		(void)sstate_del(s, SSTATE_STORED, "pass");
	}
	if (user == NULL || !post)
		user = "";
	if (pass == NULL)
		pass = "";
	if (post && sstate_check(s, "login") != 0) {
		(void)sstate_req_status(req, 403);
		said = "That form was too old, or cookies are switched off. "
		       "Please try again.";
	} else if (post && right_password(user, pass)) {
		/* a new id, then a page that may be fetched again */
		if (sstate_login(s, user) != 0)
			(void)sstate_req_error(req, sstate_failure(s)->code);
		else
			(void)sstate_req_redirect(req,
			    sstate_link(s, 0, NULL, NULL));
		return;
	} else if (post) {
		(void)sstate_incr(NULL, s, "failures", 1);
		said = "Wrong user name or password.";
	}
	login_page(req, s, said, user);
}

static void
answer(struct sstate_req *req, struct sstate_session *s)
{
	int post = page_posted(req);

	if (sstate_user(s) == NULL)
		enter(req, s, post);
	else if (post)
		leave(req, s);
	else
		private_page(req, s);
}

int
main(void)
{
	static char name[] = "login";
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	const char *query, *carrier = getenv("LOGIN_CARRIER");
	struct sstate_session *s;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate *env;
	int r;

	if (carrier == NULL || strcmp(carrier, "cookie") == 0)
		opts.flags = SSTATE_CARRY_COOKIE;
	else if (strcmp(carrier, "page") == 0)
		opts.flags = SSTATE_CARRY_PAGE;
	else
		return page_broken(name,
		    "LOGIN_CARRIER is neither cookie nor page");
	opts.log = page_log;
	opts.arg = name;
	how.memory = memory;
	if (sstate_open(&env, &opts, &err) != 0)
		return page_broken(name, err.text);
	if (sstate_cgi_open(&cgi, env, NULL, &err) != 0) {
		sstate_close(env);
		return page_broken(name, err.text);
	}
	while (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		query = sstate_req_var(req, "QUERY_STRING");
		if (query != NULL && strcmp(query, FORGET) == 0)
			forget_sheet(req);
		else if ((r = sstate_req_session(&s, req, &how, &err)) != 0)
			(void)sstate_req_error(req, r);
		else
			answer(req, s);
		(void)sstate_req_end(req); /* what fails is logged */
	}
	sstate_cgi_close(cgi);
	sstate_close(env);
	return 0;
}
