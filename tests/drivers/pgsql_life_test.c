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
	char path[128];
	struct pkit k;

	/* Every statement that it is sent, with the values, in its log. */
	pkit_start(&k, "fsync=off", "log_statement=all",
	    "log_parameter_max_length=-1", NULL);
	l.uri = k.uri;
	l.rounds = 60;
	life_all(&l);
	/* Its files, what goes to them and to standbys first, and the log. */
	(void)pkit_sql(&k, "CHECKPOINT");
	(void)snprintf(path, sizeof(path), "%s/data/base/%s", k.s.dir,
	    pkit_sql(&k,
		"SELECT oid FROM pg_database WHERE datname ="
		" current_database()"));
	life_dump_tree(&l, path);
	(void)snprintf(path, sizeof(path), "%s/data/pg_wal", k.s.dir);
	life_dump_tree(&l, path);
	(void)snprintf(path, sizeof(path), "%s/log", k.s.dir);
	life_dump_tree(&l, path);
	T(life_shows(&l, "INSERT INTO \"securestate_record\"", 32) &&
		life_shows(&l, "parameters: $1 = '", 18),
	    "R-96 what was sent is in it: a text, and values apart");
	life_dump_check(&l);
	pkit_end(&k);
	return tap_done();
}
