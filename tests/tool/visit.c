/*
 * visit.c - one request to a store, for the tests of the command
 *
 * usage: visit RING AGO USER TOKEN URI...	- for none
 *
 * Begins by the token, adds 1, logs USER in, commits; AGO seconds in the
 * past.  Prints the token and the number of visits, or "gone".  A USER of
 * "end" ends the session instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <securestate.h>

static int64_t
now(void *arg)
{
	return (int64_t)time(NULL) - *(const int64_t *)arg;
}

static int
serve(struct sstate_session *s, const char *user)
{
	int64_t n = 0;
	int r;

	if (strcmp(user, "end") == 0) {
		if ((r = sstate_logout(s)) == 0)
			printf("ended\n");
		return r;
	}
	(void)sstate_incr(&n, s, "visits", 1);
	if (strcmp(user, "-") != 0)
		(void)sstate_login(s, user);
	if ((r = sstate_commit(s)) == 0)
		printf("%s %lld\n", sstate_token(s), (long long)n);
	return r;
}

int
main(int argc, char **argv)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_session *s;
	struct sstate *env;
	int64_t ago;
	int r;

	if (argc < 6)
		return 2;
	ago = strtoll(argv[2], NULL, 10);
	o.keyring = argv[1];
	o.stores = (const char *const *)argv + 5;
	o.flags = SSTATE_CARRY_OWN;
	o.now = now;
	o.arg = &ago;
	if (strcmp(argv[4], "-") != 0) {
		how.flags = SSTATE_MUST_EXIST;
		web.token.ptr = argv[4];
		web.token.len = strlen(argv[4]);
	}
	r = sstate_open(&env, &o, &err);
	if (r == 0 && (r = sstate_begin(&s, env, &how, &web, &err)) == 0) {
		r = serve(s, argv[3]);
		sstate_free(s);
	}
	sstate_close(env);
	if (r == SSTATE_ENOTFOUND || r == SSTATE_EEXPIRED) {
		printf("gone\n");
		return 0;
	}
	if (r != 0)
		fprintf(stderr, "visit: %d %s\n", r, err.text);
	return r != 0;
}
