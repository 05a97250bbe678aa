/*
 * conform_file_test.c - the conformance suite over `file:`
 *
 * With sync=none at full scale; with sync=data at a hundredth, for each
 * commit waits for the disk.
 */
#include "drivers/kit.h"

#include "../long.h"
#include "file_kit.h"

static void
suite(const char *params, unsigned scale)
{
	char dir[KIT_DIR], uri[PATH_MAX + 64];
	unsigned part = drv_scale(scale);

	kit_tmp(dir, sizeof(dir));
	(void)snprintf(uri, sizeof(uri), "file:%s/made%s", dir, params);
	printf("# %s, scale 1/%u\n", params, part);
	drv_conform(&sstate_driver_v1_file, uri, part);
	kit_rm(dir);
}

int
main(void)
{
	suite("?sync=none", 1);
	suite("?sync=data", test_long() < 100 ? 100 / test_long() : 1);
	return tap_done();
}
