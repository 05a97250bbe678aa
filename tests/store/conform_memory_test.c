/*
 * conform_memory_test.c - the conformance suite over `memory:`
 */
#include "drivers/kit.h"

int
main(void)
{
	static const char *const stores[] = { "memory:conform", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	o.stores = stores;
	drv_suite(&o, drv_scale(1), 0);
	return tap_done();
}
