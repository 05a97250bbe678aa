/*
 * lmdb_conform_test.c - the conformance suite over `lmdb:`
 *
 * In full without waiting for a disk, a hundredth with it, and under a
 * sanitizer.
 */
/* driver: lmdb */
#include "kit.h"

#include "../session/kit.h"

extern const struct sstate_driver sstate_driver_v1_lmdb;

static void
suite(const char *sync, unsigned scale)
{
	unsigned part = drv_scale(KIT_SLOW ? 100 : scale);
	char dir[256], uri[320];

	kit_folder(dir);
	(void)snprintf(uri, sizeof(uri), "lmdb:%s/x.mdb?sync=%s", dir, sync);
	printf("# sync=%s, scale 1/%u\n", sync, part);
	drv_conform(&sstate_driver_v1_lmdb, uri, part);
	kit_remove(dir);
}

int
main(void)
{
	suite("none", 1);
	suite("full", 100);
	return tap_done();
}
