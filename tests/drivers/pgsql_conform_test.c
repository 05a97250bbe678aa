/*
 * pgsql_conform_test.c - the conformance suite over `pgsql:`
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

int
main(void)
{
	struct conform c = { .driver = &sstate_driver_v1_pgsql,
		.open = drv_open };
	struct pkit k;

	pkit_start(&k, "fsync=off", NULL);
	c.uri = k.uri;
	c.scale = drv_scale(100);
	conform_all(&c);
	T(strcmp(pkit_sql(&k, "SELECT count(*) FROM securestate_record"),
	      "0") == 0,
	    "what was removed left nothing");
	pkit_end(&k);
	return tap_done();
}
