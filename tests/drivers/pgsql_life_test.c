/*
 * pgsql_life_test.c - sessions over PostgreSQL, by the module that is
 * loaded, and what the server keeps and logs of them
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

#include "life.h"

int
main(void)
{
	static struct life l;
	struct pkit k;

	/* Every statement that it is sent, with the values, in its log. */
	pkit_start(&k, "fsync=off", "log_statement=all",
	    "log_parameter_max_length=-1", NULL);
	l.uri = k.uri;
	l.rounds = 60;
	life_all(&l);
	(void)pkit_sql(&k, "CHECKPOINT");
	life_dump_tree(&l, k.s.dir);
	T(life_shows(&l, "INSERT INTO \"securestate_record\"", 32) &&
		life_shows(&l, "parameters: $1 = '", 18),
	    "R-96 what was sent is in it: a text, and values apart");
	life_dump_check(&l);
	pkit_end(&k);
	return tap_done();
}
