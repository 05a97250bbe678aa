/*
 * mysql_life_test.c - sessions over MariaDB, by the module that is loaded,
 * and what the server keeps and logs of them
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct mkit k;

	/* Every statement that it is sent, with the values, in its logs. */
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", "--general-log=1",
	    "--general-log-file=general", "--log-bin=bin",
	    "--binlog-format=MIXED", "--innodb-log-file-size=4M", NULL);
	l.uri = k.uri;
	l.rounds = 60;
	life_all(&l);
	/* What it has in its pages, on the disk. */
	(void)mkit_sql(&k, "FLUSH TABLES securestate_record FOR EXPORT");
	life_dump_tree(&l, k.s.dir);
	T(life_shows(&l, "INSERT INTO `securestate_record`", 32),
	    "R-96 what was sent is in it");
	life_dump_check(&l);
	mkit_end(&k);
	return tap_done();
}
