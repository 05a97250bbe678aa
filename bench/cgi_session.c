/*
 * cgi_session.c - a CGI or FastCGI program: each request a cycle, and a page
 *
 * With ?make=1 it fills a new session with the unit of work instead.
 */
#include <securestate/cgi.h>

#include "unit.h"

static void
make(struct sstate_session *s)
{
	char v[UNIT_VALUE + 1];
	int i;

	for (i = 0; i < UNIT_NAMES; i++) {
		unit_value(v, (uint64_t)i + 77);
		sstate_setstr(s, SSTATE_STORED, unit_name[i], v);
	}
}

static void
cycle(struct sstate_session *s, struct sstate_req *req)
{
	int64_t n = sstate_int(s, SSTATE_STORED, "p5", 0, INT64_MAX, 0) + 1;

	sstate_setint(s, SSTATE_STORED, "p5", n);
	sstate_req_html(req,
	    "<!DOCTYPE html><title>bench</title>"
	    "<p>visits=%lld %s\n",
	    (long long)n, sstate_str(s, SSTATE_STORED, "p2"));
}

int
main(void)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_session *s;
	struct sstate_cgi *cgi = NULL;
	struct sstate_req *req;
	struct sstate *env;
	int r;

	o.rotate = -1;
	if (sstate_open(&env, &o, NULL) != 0)
		return 1;
	r = sstate_cgi_open(&cgi, env, NULL, NULL);
	while (r == 0 && (r = sstate_cgi_accept(&req, cgi, NULL)) == 0) {
		if ((r = sstate_req_session(&s, req, NULL, NULL)) != 0)
			sstate_req_error(req, r);
		else if (sstate_str(s, SSTATE_QUERY, "make") != NULL)
			make(s);
		else
			cycle(s, req);
		if (sstate_req_end(req) != 0)
			r = SSTATE_EINVAL;
	}
	sstate_cgi_close(cgi);
	sstate_close(env);
	return r != SSTATE_DONE;
}
