/*
 * dynamodb_thread_test.c - threads of one environment over `dynamodb:`
 *
 * driver: dynamodb
 * label: thread
 */
#include "dynamodb_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct dkit k;

	dkit_start(&k, 0);
	kit_folder(l.dir);
	(void)snprintf(l.ring, sizeof(l.ring), "%s/ring", l.dir);
	l.uri = k.uri;
	l.driver = &sstate_driver_v1_dynamodb;
	l.rounds = 30;
	life_threads(&l);
	dkit_end(&k);
	return tap_done();
}
