/*
 * dynamodb_conform_test.c - the conformance suite over `dynamodb:`
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

int
main(void)
{
	struct conform c = { .driver = &sstate_driver_v1_dynamodb,
		.open = drv_open,
		.max_bytes = (400 << 10) - 1024 };
	struct dkit k;

	dkit_start(&k, 0);
	c.uri = k.uri;
	c.scale = drv_scale(100);
	conform_all(&c);
	dkit_end(&k);
	return tap_done();
}
