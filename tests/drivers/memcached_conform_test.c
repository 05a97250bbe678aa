/*
 * memcached_conform_test.c - the conformance suite over `memcached:`
 *
 * driver: memcached
 */
#include "memcached_kit.h"

int
main(void)
{
	struct conform c = { .driver = &sstate_driver_v1_memcached,
		.open = drv_open,
		.max_bytes = (1 << 20) - 1024 };
	struct mckit k;

	mckit_start(&k, "-m", "256", NULL);
	c.uri = k.uri;
	c.scale = drv_scale(10);
	conform_all(&c);
	mckit_end(&k);
	return tap_done();
}
