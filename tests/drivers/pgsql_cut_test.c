/*
 * pgsql_cut_test.c - a connection to PostgreSQL that is cut at each octet
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

#include "cut.h"

/*
 * The second use of a statement prepares it: if that answer is lost, the
 * statement itself was not sent yet, and is sent on another connection.
 */
static void
preparing(struct cut *c)
{
	struct sstate_error err;
	unsigned long long n;
	unsigned wrong = 0;
	int r;

	c->warm = 0;
	for (n = 0; n < 5; n++) {
		c->driver->close(c->ctx);
		c->ctx = cut_opened(c, c->uri);
		NEED(c->ctx != NULL && cut_warm(c, CUT_CREATE, &err) == 0,
		    "a first use on a new connection");
		proxy_set(c->p, PROXY_CUT, PROXY_DOWN, n);
		r = cut_do(c, CUT_CREATE, &err);
		wrong += r != 0 || proxy_cuts(c->p) != 1 || cut_stands(c) != 1;
	}
	proxy_set(c->p, PROXY_PASS, 0, 0);
	T(wrong == 0, "a write that was not sent yet is sent after all");
}

int
main(void)
{
	char sock[128], dir[112], uri[300], brief[300];
	struct proxy p;
	struct pkit k;
	struct cut c = { .driver = &sstate_driver_v1_pgsql,
		.uri = uri,
		.brief = brief,
		.p = &p,
		.warm = 2 };

	pkit_start(&k, "fsync=off", NULL);
	c.direct = k.uri;
	(void)snprintf(dir, sizeof(dir), "%s/p", k.s.dir);
	(void)snprintf(sock, sizeof(sock), "%s/.s.PGSQL.5432", dir);
	(void)snprintf(uri, sizeof(uri),
	    "pgsql://shop@/sessions?socket=%s&sync=off", dir);
	(void)snprintf(brief, sizeof(brief), "%s&timeout_ms=700", uri);
	NEED(mkdir(dir, 0755) == 0, "a folder");
	(void)snprintf(dir, sizeof(dir), "%s/.s.PGSQL.5432", k.s.dir);
	NEED(proxy_start(&p, sock, dir, 0) == 0, "a proxy");
	cut_begin(&c);
	cut_all(&c);
	cut_held(&c);
	preparing(&c);
	cut_end(&c);
	cut_counters(&c, "ann");
	proxy_end(&p);
	pkit_end(&k);
	return tap_done();
}
