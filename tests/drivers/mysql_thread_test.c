/*
 * mysql_thread_test.c - threads of one environment over `mysql:`
 *
 * driver: mysql
 * label: thread
 */
#include "mysql_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct mkit k;

	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
	kit_folder(l.dir);
	(void)snprintf(l.ring, sizeof(l.ring), "%s/ring", l.dir);
	l.uri = k.uri;
	l.driver = &sstate_driver_v1_mysql;
	l.rounds = 200;
	life_threads(&l);
	mkit_end(&k);
	return tap_done();
}
