/*
 * pgsql_conform_test.c - the conformance suite over `pgsql:`
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

int
main(void)
{
	struct pkit k;

	pkit_start(&k, "fsync=off", NULL);
	drv_conform(&sstate_driver_v1_pgsql, k.uri, drv_scale(100));
	T(strcmp(pkit_sql(&k, "SELECT count(*) FROM securestate_record"),
	      "0") == 0,
	    "what was removed left nothing");
	pkit_end(&k);
	return tap_done();
}
