/*
 * mysql_cut_test.c - a connection to MariaDB that is cut at each octet
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "cut.h"

/*
 * The first use of a statement prepares it: if that answer is lost, the
 * statement itself was not sent yet, and is sent on another connection.
 */
static void
preparing(struct cut *c)
{
	struct sstate_error err;
	unsigned long long n;
	unsigned wrong = 0;
	int r;

	for (n = 0; n < 5; n++) {
		c->driver->close(c->ctx);
		c->ctx = cut_opened(c, c->uri);
		NEED(c->ctx != NULL, "a new connection");
		cut_prepare(c, CUT_CREATE);
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
	char sock[128], uri[300], brief[300];
	struct proxy p;
	struct mkit k;
	struct cut c = { .driver = &sstate_driver_v1_mysql,
		.uri = uri,
		.brief = brief,
		.p = &p,
		.warm = 1 };

	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
	c.direct = k.uri;
	(void)snprintf(sock, sizeof(sock), "%s/p", k.s.dir);
	(void)snprintf(uri, sizeof(uri),
	    "mysql://shop@/sessions?socket=%s&sync=off", sock);
	(void)snprintf(brief, sizeof(brief), "%s&timeout_ms=700", uri);
	NEED(proxy_start(&p, sock, k.sock, 0) == 0, "a proxy");
	cut_begin(&c);
	cut_all(&c);
	cut_held(&c);
	preparing(&c);
	cut_end(&c);
	cut_counters(&c, "ann");
	proxy_end(&p);
	mkit_end(&k);
	return tap_done();
}
