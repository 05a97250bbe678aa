/*
 * dynamodb_conform_test.c - the conformance suite over `dynamodb:`
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

int
main(void)
{
	struct dkit k;

	dkit_start(&k, 0);
	drv_conform(&sstate_driver_v1_dynamodb, k.uri, drv_scale(100));
	dkit_end(&k);
	return tap_done();
}
