/*
 * server_memcached.c - a memcached with room for all that is measured
 */
#include "drivers/memcached_kit.h"
#include "serve.h"

int
main(void)
{
	struct mckit k;

	serve_begin();
	mckit_start(&k, "-m", "2048", NULL);
	serve(k.uri, k.sock);
	mckit_end(&k);
	return 0;
}
