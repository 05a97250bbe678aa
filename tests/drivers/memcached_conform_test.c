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
	char uri[224];

	mckit_start(&k, "-m", "256", NULL);
	/* The longest bodies, on a machine that does much else. */
	(void)snprintf(uri, sizeof(uri), "%s%ctimeout_ms=60000", k.uri,
	    strchr(k.uri, '?') != NULL ? '&' : '?');
	drv_conform(&sstate_driver_v1_memcached, uri, drv_scale(10));
	mckit_end(&k);
	return tap_done();
}
