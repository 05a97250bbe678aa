/*
 * entered.c - shows what you entered before, with the token in the page
 *
 * An unforgetful program: what the client sends is stored, but for the names
 * in its list.  Each text is kept under a number of its own.  The form is a
 * once form: sent twice, by a double click for one, it counts once.
 */
#include <stdio.h>
#include <string.h>

#include "page.h"

#define MOST 50 /* texts */
#define LONGEST 1000 /* octets of one; all of them fit into a session */

/* Not the client's to store: it is this program that numbers and counts. */
static const char *const not_kept[] = { "input", "inputs", NULL };

static const char *
numbered(char *name, size_t size, int64_t k)
{
	(void)snprintf(name, size, "input%lld", (long long)k);
	return name;
}

/* Keep one more text; what is wrong with it, or NULL. */
static const char *
keep(struct sstate_session *s, const char *text)
{
	char name[32];
	int64_t k;

	if (text == NULL || text[0] == '\0')
		return "There was nothing to keep.";
	if (strlen(text) > LONGEST)
		return "That is too long.";
	if (sstate_int(s, SSTATE_STORED, "inputs", 0, MOST, 0) == MOST)
		return "That is enough. Start again?";
	if (sstate_incr(&k, s, "inputs", 1) == 0)
		(void)sstate_setstr(s, SSTATE_STORED,
		    numbered(name, sizeof(name), k), text);
	return NULL;
}

static void
show(struct sstate_req *req, const struct sstate_session *s)
{
	int64_t k, n = sstate_int(s, SSTATE_STORED, "inputs", 0, MOST, 0);
	char name[32];

	if (n == 0)
		return;
	sstate_req_puts(req, "<h2>You entered</h2>\n<ol id=\"entered\">\n");
	for (k = 1; k <= n; k++)
		sstate_req_html(req, "<li>%s\n",
		    sstate_str(s, SSTATE_STORED,
			numbered(name, sizeof(name), k)));
	sstate_req_puts(req, "</ol>\n");
}

static void
answer(struct sstate_req *req, struct sstate_session *s)
{
	const char *self = sstate_req_var(req, "SCRIPT_NAME");
	const char *typed = "", *said = NULL;
	int r;

	if (page_posted(req) && (r = sstate_check(s, "enter")) != 0) {
		(void)sstate_req_status(req, sstate_status(r));
		typed = sstate_str(s, SSTATE_SENT, "input");
		said = "That form was sent before, or it is too old. To keep "
		       "this once more, press the button.";
	} else if (page_posted(req)) {
		said = keep(s, sstate_str(s, SSTATE_SENT, "input"));
		if (said == NULL) {
			/* a page that may be fetched again */
			(void)sstate_req_redirect(req,
			    sstate_link(s, 0, NULL, NULL));
			return;
		}
	}
	page_head(req, "What you entered before");
	page_notice(req, 1, said);
	sstate_req_html(req, "<form method=\"post\" action=\"%s\">\n", self);
	sstate_req_puts(req, sstate_fields(s, SSTATE_ONCE, "enter"));
	sstate_req_html(req,
	    "<label for=\"input\">Some text</label>\n"
	    "<input id=\"input\" name=\"input\" value=\"%s\" required "
	    "maxlength=\"200\" autocomplete=\"off\">\n"
	    "<button>Keep it</button>\n</form>\n",
	    typed);
	show(req, s);
	/* without a token, so another session begins */
	sstate_req_html(req, "<p><a href=\"%s\">Start again</a></p>\n", self);
	page_foot(req);
}

int
main(void)
{
	static char name[] = "entered";
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_session *s;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate *env;
	int r;

	opts.flags = SSTATE_CARRY_PAGE;
	opts.ns = name;
	opts.log = page_log;
	opts.arg = name;
	how.mindset = SSTATE_UNFORGETFUL;
	how.memory = not_kept;
	if (sstate_open(&env, &opts, &err) != 0)
		return page_broken(name, err.text);
	if (sstate_cgi_open(&cgi, env, NULL, &err) != 0) {
		sstate_close(env);
		return page_broken(name, err.text);
	}
	while (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		if ((r = sstate_req_session(&s, req, &how, &err)) != 0)
			(void)sstate_req_error(req, r);
		else
			answer(req, s);
		(void)sstate_req_end(req);
	}
	sstate_cgi_close(cgi);
	sstate_close(env);
	return 0;
}
