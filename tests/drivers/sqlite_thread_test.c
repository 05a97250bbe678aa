/*
 * sqlite_thread_test.c - threads of one environment over `sqlite:`
 */
/* driver: sqlite */
/* label: thread */
#include "life.h"

extern const struct sstate_driver sstate_driver_v1_sqlite;

int
main(void)
{
	static struct life l;
	char uri[320];

	kit_folder(l.dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/x.db?sync=none", l.dir);
	(void)snprintf(l.ring, sizeof(l.ring), "%s/ring", l.dir);
	l.uri = uri;
	l.driver = &sstate_driver_v1_sqlite;
	l.rounds = 1000;
	life_threads(&l);
	return tap_done();
}
