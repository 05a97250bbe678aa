/*
 * search.c - a search engine whose "Next Page" survives the Back button
 *
 * The query is short-term memory: it travels sealed in the links of the page
 * that it belongs to.  Search marzipan, then eggs, go Back: Next Page goes on
 * with marzipan, and each tab with its own.  Nothing is stored.
 */
#include <stdio.h>
#include <string.h>

#include "page.h"
#include "recipes.h"

#define ON_PAGE 5
#define LONGEST 200 /* octets of a query: it must fit into a link */

static const char *const shortterm[] = { "query", NULL };

static int
fits(size_t i, const char *query)
{
	return strcasestr(recipes[i].name, query) != NULL ||
	    strcasestr(recipes[i].needs, query) != NULL;
}

/* The recipes of one page; how many there are in all. */
static size_t
list(struct sstate_req *req, const char *query, size_t page)
{
	size_t i, found = 0, first = (page - 1) * ON_PAGE;

	sstate_req_html(req, "<ol id=\"found\" start=\"%zu\">\n", first + 1);
	for (i = 0; i < sizeof(recipes) / sizeof(recipes[0]); i++) {
		if (!fits(i, query))
			continue;
		if (found >= first && found < first + ON_PAGE)
			sstate_req_html(req, "<li><b>%s</b><br>%s\n",
			    recipes[i].name, recipes[i].needs);
		found++;
	}
	sstate_req_puts(req, "</ol>\n");
	return found;
}

/* A link that continues this page, not the one that was shown last. */
static void
turn(struct sstate_req *req, struct sstate_session *s, size_t page,
    const char *text)
{
	char to[32];

	(void)snprintf(to, sizeof(to), "page=%zu", page);
	sstate_req_html(req, "<a href=\"%s\">%s</a>\n",
	    sstate_link(s, SSTATE_WITH_PAGE, NULL, to), text);
}

static void
results(struct sstate_req *req, struct sstate_session *s, const char *query)
{
	size_t page = (size_t)sstate_int(s, SSTATE_QUERY, "page", 1, 1000, 1);
	size_t found, pages;

	sstate_req_html(req,
	    "<h2>Recipes with \342\200\234%s\342\200\235</h2>\n", query);
	found = list(req, query, page);
	pages = (found + ON_PAGE - 1) / ON_PAGE;
	if (found == 0)
		sstate_req_puts(req, "<p>There are none.</p>\n");
	else
		sstate_req_html(req,
		    "<p>Page <b id=\"page\">%zu</b> of %zu</p>\n<nav>\n", page,
		    pages);
	if (found > 0 && page > 1)
		turn(req, s, page - 1, "Previous Page");
	if (page < pages)
		turn(req, s, page + 1, "Next Page");
	if (found > 0)
		sstate_req_puts(req, "</nav>\n");
}

static void
answer(struct sstate_req *req, struct sstate_session *s)
{
	const char *query = sstate_str(s, SSTATE_PAGE, "query");

	page_head(req, "Search for recipes");
	if (sstate_inspect(s)->flags & SSTATE_IS_STALE_PAGE)
		page_notice(req, 1,
		    "That page was too old. Please search again.");
	if (query == NULL)
		query = "";
	if (strlen(query) > LONGEST) {
		page_notice(req, 1, "Please search for less.");
		query = "";
	}
	sstate_req_html(req,
	    "<form action=\"%s\">\n<label for=\"query\">An ingredient, or a "
	    "name</label>\n<input id=\"query\" name=\"query\" value=\"%s\" "
	    "type=\"search\" maxlength=\"60\" required>\n"
	    "<button>Search</button>\n</form>\n",
	    sstate_req_var(req, "SCRIPT_NAME"), query);
	if (query[0] != '\0')
		results(req, s, query);
	else
		sstate_req_puts(req,
		    "<p class=\"hint\">Try <kbd>marzipan"
		    "</kbd>, then <kbd>eggs</kbd>; then go Back, and choose "
		    "Next Page.</p>\n");
	page_foot(req);
}

int
main(void)
{
	static char name[] = "search";
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_session *s;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate *env;
	int r;

	opts.ns = name;
	opts.cookie = "__Host-search";
	opts.log = page_log;
	opts.arg = name;
	how.shortterm = shortterm;
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
