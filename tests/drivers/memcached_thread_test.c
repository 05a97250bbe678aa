/*
 * memcached_thread_test.c - threads of one environment over `memcached:`
 * (R-34)
 *
 * driver: memcached
 * label: thread
 */
#include "memcached_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct mckit k;

	mckit_start(&k, NULL);
	kit_folder(l.dir);
	(void)snprintf(l.ring, sizeof(l.ring), "%s/ring", l.dir);
	l.uri = k.uri;
	l.driver = &sstate_driver_v1_memcached;
	l.rounds = 300;
	life_threads(&l);
	mckit_end(&k);
	return tap_done();
}
