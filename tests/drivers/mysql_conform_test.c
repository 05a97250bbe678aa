/*
 * mysql_conform_test.c - the conformance suite over `mysql:`
 *
 * driver: mysql
 */
#include "mysql_kit.h"

int
main(void)
{
	struct mkit k;

	/* The longest body is in a packet that is larger than it. */
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0",
	    "--max-allowed-packet=17M", NULL);
	drv_conform(&sstate_driver_v1_mysql, k.uri, drv_scale(100));
	T(strcmp(mkit_sql(&k, "SELECT count(*) FROM securestate_record"),
	      "0") == 0,
	    "what was removed left nothing");
	mkit_end(&k);
	return tap_done();
}
