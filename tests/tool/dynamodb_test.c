/*
 * dynamodb_test.c - the command with a DynamoDB: its table is made
 *
 * driver: dynamodb
 */
#include "drivers/dynamodb_kit.h"

#include "run.h"

int
main(void)
{
	struct dkit k;

	dkit_room(&k, 0);
	NEED(dkit_again(&k) == 0, "dynalite runs");
	T(run("check '%s'", k.uri) == 1 && run_one_line("create=1&") &&
		run_said("securestate store init URI makes it"),
	    "no table: one line");
	T(run("store init '%s'", k.uri) == 0 && run_said("was made"),
	    "store init makes it");
	T(run("store init '%s'", k.uri) == 0 && run_said("nothing was made"),
	    "and a second time nothing");
	T(run("check --scale 500 '%s'", k.uri) == 0 && run_said(" 0 failed"),
	    "check: it conforms");
	dkit_end(&k);
	return tap_done();
}
