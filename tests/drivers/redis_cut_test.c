/*
 * redis_cut_test.c - a connection to redis that is cut at each octet
 *
 * driver: redis
 */
#include "redis_kit.h"

#include "cut.h"

int
main(void)
{
	char sock[128], uri[160], brief[200];
	struct proxy p;
	struct rkit k;
	/* The first time the server has to be told the script. */
	struct cut c = { .driver = &sstate_driver_v1_redis,
		.uri = uri,
		.brief = brief,
		.p = &p,
		.warm = 1 };

	rkit_start(&k, NULL);
	c.direct = k.uri;
	(void)snprintf(sock, sizeof(sock), "%s.p", k.sock);
	(void)snprintf(uri, sizeof(uri), "redis:%s", sock);
	(void)snprintf(brief, sizeof(brief), "%s?timeout_ms=400", uri);
	NEED(proxy_start(&p, sock, k.sock, 0) == 0, "a proxy");
	cut_begin(&c);
	cut_all(&c);
	cut_held(&c);
	cut_end(&c);
	cut_counters(&c, NULL);
	cut_counters(&c, "ann");
	proxy_end(&p);
	rkit_end(&k);
	return tap_done();
}
