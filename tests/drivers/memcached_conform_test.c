/*
 * memcached_conform_test.c - the conformance suite over `memcached:`
 *
 * driver: memcached
 */
#include "memcached_kit.h"

int
main(void)
{
	struct mckit k;

	mckit_start(&k, "-m", "256", NULL);
	drv_conform(&sstate_driver_v1_memcached, k.uri, drv_scale(10));
	mckit_end(&k);
	return tap_done();
}
