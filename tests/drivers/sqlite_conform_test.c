/*
 * sqlite_conform_test.c - the conformance suite over `sqlite:`
 *
 * A tenth of the counts without waiting for a disk, a hundredth with it, and
 * under a sanitizer.
 */
/* driver: sqlite */
#include <unistd.h>

#include "kit.h"

#include "../session/kit.h"

extern const struct sstate_driver sstate_driver_v1_sqlite;

static void
suite(const char *sync, unsigned scale)
{
	struct conform c = { .driver = &sstate_driver_v1_sqlite,
		.open = drv_open,
		.scale = drv_scale(KIT_SLOW ? 100 : scale) };
	char dir[256], uri[320];

	kit_folder(dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/x.db?sync=%s", dir, sync);
	c.uri = uri;
	printf("# sync=%s, scale 1/%u\n", sync, c.scale);
	conform_all(&c);
	kit_remove(dir);
}

int
main(int argc, char **argv)
{
	static const char plain[] = "glibc.malloc.tcache_count=0";
	const char *is = getenv("GLIBC_TUNABLES");

	/* What glibc puts aside for a thread looks like memory in use. */
	if (argc == 1 && (is == NULL || strcmp(is, plain) != 0)) {
		(void)setenv("GLIBC_TUNABLES", plain, 1);
		(void)execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	}
	suite("none", 10);
	suite("full", 100);
	return tap_done();
}
