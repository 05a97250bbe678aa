/*
 * server_pgsql.c - a PostgreSQL that waits for no disk
 */
#include "drivers/pgsql_kit.h"
#include "serve.h"

int
main(void)
{
	struct pkit k;

	serve_begin();
	pkit_start(&k, "fsync=off", NULL);
	serve(k.uri, k.s.dir);
	pkit_end(&k);
	return 0;
}
