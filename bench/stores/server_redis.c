/*
 * server_redis.c - a Redis that keeps all in memory
 */
#include "drivers/redis_kit.h"
#include "serve.h"

int
main(void)
{
	struct rkit k;

	serve_begin();
	rkit_start(&k, NULL);
	serve(k.uri, k.sock);
	rkit_end(&k);
	return 0;
}
