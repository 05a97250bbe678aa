/*
 * sqlite_conform_test.c - the conformance suite over `sqlite:`
 *
 * A tenth of the counts without waiting for a disk, a hundredth with it, and
 * under a sanitizer.
 */
/* driver: sqlite */
#include "kit.h"

#include "../session/kit.h"

extern const struct sstate_driver sstate_driver_v1_sqlite;

static void
suite(const char *sync, unsigned scale)
{
	unsigned part = drv_scale(KIT_SLOW ? 100 : scale);
	char dir[256], uri[320];

	kit_folder(dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/x.db?sync=%s", dir, sync);
	printf("# sync=%s, scale 1/%u\n", sync, part);
	drv_conform(&sstate_driver_v1_sqlite, uri, part);
	kit_remove(dir);
}

int
main(void)
{
	suite("none", 10);
	suite("full", 100);
	return tap_done();
}
