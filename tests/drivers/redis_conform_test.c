/*
 * redis_conform_test.c - the conformance suite over `redis:`
 *
 * driver: redis
 */
#include "redis_kit.h"

int
main(void)
{
	struct rkit k;
	char uri[192];

	rkit_start(&k, NULL);
	/* The longest bodies, on a machine that does much else. */
	(void)snprintf(uri, sizeof(uri), "%s?timeout_ms=60000", k.uri);
	drv_conform(&sstate_driver_v1_redis, uri, drv_scale(10));
	T(rkit_int(&k, "DBSIZE") == 1,
	    "what was removed left nothing but the clock");
	rkit_end(&k);
	return tap_done();
}
