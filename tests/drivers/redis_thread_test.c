/*
 * redis_thread_test.c - threads of one environment over `redis:`
 *
 * driver: redis
 * label: thread
 */
#include "redis_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct rkit k;

	rkit_start(&k, NULL);
	kit_folder(l.dir);
	(void)snprintf(l.ring, sizeof(l.ring), "%s/ring", l.dir);
	l.uri = k.uri;
	l.driver = &sstate_driver_v1_redis;
	l.rounds = 200;
	life_threads(&l);
	rkit_end(&k);
	return tap_done();
}
