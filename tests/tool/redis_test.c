/*
 * redis_test.c - the command with a real Redis: its suite, a password
 *
 * driver: redis
 */
#include "drivers/redis_kit.h"

#include "run.h"

int
main(void)
{
	struct rkit k;

	rkit_start(&k, NULL);
	T(run("store init '%s'", k.uri) == 0 && run_said("ready"),
	    "store init: there is nothing to make");
	T(run("check --scale 200 '%s?timeout_ms=20000'", k.uri) == 0 &&
		run_said(" 0 failed"),
	    "check: it conforms");
	T(rkit_int(&k, "CONFIG SET requirepass hush-hush") == 1,
	    "a password is asked from now on");
	T(run("check '%s'", k.uri) == 1 && run_one_line("hush-hush") &&
		run_said("password"),
	    "none is given: one line says so");
	T(run("check 'redis://:wrong-word@%s'", k.uri + 6) == 1 &&
		run_one_line("wrong-word") && run_said("password"),
	    "a wrong one: one line, not the password");
	T(run("check --scale 1000 'redis://:hush-hush@%s?timeout_ms=20000'",
	      k.uri + 6) == 0 &&
		strstr(run_text, "hush-hush") == NULL && run_said(" 0 failed"),
	    "the right one, not shown either");
	server_stop(&k.s, SIGTERM);
	T(run("reap '%s'", k.uri) == 1 && run_one_line("hush-hush"),
	    "a server that is gone: one line");
	rkit_end(&k);
	return tap_done();
}
