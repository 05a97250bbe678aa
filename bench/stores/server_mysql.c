/*
 * server_mysql.c - a MariaDB that waits for no disk
 */
#include "drivers/mysql_kit.h"
#include "serve.h"

int
main(void)
{
	struct mkit k;

	serve_begin();
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
	serve(k.uri, k.sock);
	mkit_end(&k);
	return 0;
}
