/*
 * page.c - what the pages of these examples have in common
 *
 * Text of a client or a program is written by sstate_req_html() alone, which
 * escapes it.
 */
#include "page.h"

#include <stdio.h>
#include <string.h>

void
page_head(struct sstate_req *req, const char *title)
{
	(void)sstate_req_header(req, "Content-Security-Policy",
	    "default-src 'none'; style-src 'self'; form-action 'self'; "
	    "base-uri 'none'; frame-ancestors 'none'");
	(void)sstate_req_header(req, "X-Content-Type-Options", "nosniff");
	sstate_req_html(req,
	    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">\n"
	    "<title>%s</title>\n"
	    "<link rel=\"stylesheet\" href=\"/style.css\">\n"
	    "<main>\n<h1>%s</h1>\n",
	    title, title);
}

void
page_notice(struct sstate_req *req, int bad, const char *text)
{
	if (text != NULL)
		sstate_req_html(req, "<p class=\"%s\" role=\"%s\">%s</p>\n",
		    bad ? "bad" : "good", bad ? "alert" : "status", text);
}

void
page_foot(struct sstate_req *req)
{
	sstate_req_puts(req, "</main>\n");
}

int
page_posted(const struct sstate_req *req)
{
	return strcmp(sstate_req_var(req, "REQUEST_METHOD"), "POST") == 0;
}

void
page_log(void *name, int level, const struct sstate_error *what)
{
	if (level <= SSTATE_LOG_WARN)
		(void)fprintf(stderr, "%s: %s\n", (const char *)name,
		    what->text);
}

int
page_broken(const char *name, const char *why)
{
	(void)fprintf(stderr, "%s: %s\n", name, why);
	(void)puts("Status: 503 Service Unavailable\r\n"
		   "Content-Type: text/plain\r\n\r\n"
		   "This is not possible just now.\r");
	return 1;
}
