/*
 * pgsql_test.c - the command with a real PostgreSQL: its table is made
 *
 * driver: pgsql
 */
#include "drivers/pgsql_kit.h"

#include "run.h"

int
main(void)
{
	char uri[256];
	struct pkit k;

	pkit_start(&k, "fsync=off", NULL);
	/* As who has not made the table yet. */
	(void)snprintf(uri, sizeof(uri),
	    "pgsql://shop@/sessions?socket=%s&sync=off", k.s.dir);
	T(run("check '%s'", uri) == 1 && run_one_line("create=1&") &&
		run_said("pgsql: "),
	    "no table: one line");
	T(run("reap '%s'", uri) == 1 && run_one_line("create=1&"),
	    "no table to reap: one line");
	T(run("store init '%s'", uri) == 0 && run_said("was made"),
	    "store init makes it");
	T(run("store init '%s'", uri) == 0 && run_said("nothing was made"),
	    "and a second time nothing");
	T(run("check --scale 500 '%s'", uri) == 0 && run_said(" 0 failed"),
	    "check: it conforms");
	pkit_end(&k);
	return tap_done();
}
