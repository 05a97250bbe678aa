/*
 * conform_memory_test.c - the conformance suite over `memory:`
 */
#include "drivers/kit.h"

extern const struct sstate_driver sstate_driver_v1_memory;

int
main(void)
{
	struct conform c = { .driver = &sstate_driver_v1_memory,
		.uri = "memory:conform",
		.open = drv_open,
		.scale = 1,
		.threads = 1 };
	const char *scale = getenv("SSTATE_TEST_SCALE");

	if (scale != NULL && scale[0] != '\0')
		c.scale = (unsigned)strtoul(scale, NULL, 10);
	conform_all(&c);
	return tap_done();
}
