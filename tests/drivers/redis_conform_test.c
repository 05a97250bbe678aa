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

	rkit_start(&k, NULL);
	drv_conform(&sstate_driver_v1_redis, k.uri, drv_scale(10));
	T(rkit_int(&k, "DBSIZE") == 1,
	    "what was removed left nothing but the clock");
	rkit_end(&k);
	return tap_done();
}
