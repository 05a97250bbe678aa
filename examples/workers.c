/*
 * workers.c - a FastCGI program of eight threads that stops when it is told
 *
 * Each thread takes requests from all connections.  At SIGTERM what was begun
 * is finished, and nothing more is taken; what the web server sends then goes
 * to another process that listens on the same socket, or waits for the next.
 */
#include <pthread.h>
#include <signal.h>

#include "page.h"

#define THREADS 8

static struct sstate_cgi *cgi; /* set before anybody looks at it */

static void
on_term(int sig)
{
	(void)sig;
	sstate_cgi_stop(cgi);
}

static void
answer(struct sstate_req *req)
{
	struct sstate_session *s;
	int64_t n = 0;
	int r;

	if ((r = sstate_req_session(&s, req, NULL, NULL)) != 0) {
		(void)sstate_req_error(req, r);
		return;
	}
	(void)sstate_incr(&n, s, "visits", 1);
	page_head(req, "Eight threads");
	sstate_req_html(req, "<p>This is visit <b id=\"n\">%lld</b>.</p>\n",
	    (long long)n);
	page_foot(req);
}

static void *
worker(void *arg)
{
	struct sstate_req *req;

	(void)arg;
	while (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		answer(req);
		(void)sstate_req_end(req);
	}
	return NULL;
}

int
main(void)
{
	static char name[] = "workers";
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	struct sigaction act = { .sa_handler = on_term };
	pthread_t t[THREADS];
	struct sstate_error err;
	struct sstate *env;
	int n;

	opts.ns = name;
	opts.cookie = "__Host-workers";
	opts.log = page_log;
	opts.arg = name;
	if (sstate_open(&env, &opts, &err) != 0)
		return page_broken(name, err.text);
	if (sstate_cgi_open(&cgi, env, NULL, &err) != 0) {
		sstate_close(env);
		return page_broken(name, err.text);
	}
	(void)sigaction(SIGTERM, &act, NULL);
	for (n = 0; n < THREADS; n++)
		if (pthread_create(&t[n], NULL, worker, NULL) != 0)
			break;
	if (n == 0)
		(void)worker(NULL);
	while (n > 0)
		(void)pthread_join(t[--n], NULL);
	sstate_cgi_close(cgi);
	sstate_close(env);
	return 0;
}
