/*
 * redis_conform_test.c - the conformance suite over `redis:`
 *
 * driver: redis
 */
#include "redis_kit.h"

int
main(void)
{
	struct conform c = { .driver = &sstate_driver_v1_redis,
		.open = drv_open };
	struct rkit k;

	rkit_start(&k, NULL);
	c.uri = k.uri;
	c.scale = drv_scale(10);
	conform_all(&c);
	T(rkit_int(&k, "DBSIZE") == 1,
	    "what was removed left nothing but the clock");
	rkit_end(&k);
	return tap_done();
}
