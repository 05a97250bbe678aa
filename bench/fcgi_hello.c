/*
 * fcgi_hello.c - a FastCGI program that does nothing but print a page
 *
 * By the same loop as the others, without a session: what that adds.
 */
#include <securestate/cgi.h>

int
main(void)
{
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate *env;

	if (sstate_open(&env, NULL, NULL) != 0 ||
	    sstate_cgi_open(&cgi, env, NULL, NULL) != 0)
		return 1;
	while (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		sstate_req_puts(req,
		    "<!DOCTYPE html><title>bench</title><p>visits=1\n");
		(void)sstate_req_end(req);
	}
	sstate_cgi_close(cgi);
	sstate_close(env);
	return 0;
}
