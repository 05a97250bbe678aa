/*
 * pgsql_thread_test.c - threads of one environment over `pgsql:`
 *
 * driver: pgsql
 * label: thread
 */
#include "pgsql_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct pkit k;

	pkit_start(&k, "fsync=off", NULL);
	kit_folder(l.dir);
	(void)snprintf(l.ring, sizeof(l.ring), "%s/ring", l.dir);
	l.uri = k.uri;
	l.driver = &sstate_driver_v1_pgsql;
	l.rounds = 200;
	life_threads(&l);
	pkit_end(&k);
	return tap_done();
}
