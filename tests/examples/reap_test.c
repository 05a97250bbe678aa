/*
 * reap_test.c - the cleaning program for cron, on directories of its own
 *
 * Its sessions are made with a clock of the past, so nothing waits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "securestate.h"
#include "tap.h"

static char top[4096], said[8192];

static int64_t
back_then(void *arg)
{
	return (int64_t)time(NULL) - *(int64_t *)arg;
}

/* Some sessions in a directory below top, made that long ago. */
static void
sessions_of(const char *ns, const char *dir, int n, int64_t ago)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { NULL, NULL };
	struct sstate_session *s;
	struct sstate *env;
	char uri[8192];

	/* reap=0: none of them goes before the program comes. */
	(void)snprintf(uri, sizeof(uri), "file:%s/%s?reap=0", top, dir);
	stores[0] = uri;
	o.stores = stores;
	o.ns = ns;
	o.now = back_then;
	o.arg = &ago;
	NEED(sstate_open(&env, &o, NULL) == 0, "%s opens", dir);
	while (n-- > 0) {
		NEED(sstate_begin(&s, env, NULL, NULL, NULL) == 0 &&
			sstate_setstr(s, SSTATE_STORED, "a", "1") == 0 &&
			sstate_commit(s) == 0,
		    "%s: a session, %lld s ago", dir, (long long)ago);
		sstate_free(s);
	}
	sstate_close(env);
}

static void
sessions(const char *dir, int n, int64_t ago)
{
	sessions_of(NULL, dir, n, ago);
}

static int
count(void *arg, const struct sstate_info *in)
{
	(void)in;
	++*(int *)arg;
	return 0;
}

static int
living(const char *dir)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { NULL, NULL };
	struct sstate *env;
	char uri[8192];
	int n = 0;

	(void)snprintf(uri, sizeof(uri), "file:%s/%s", top, dir);
	stores[0] = uri;
	o.stores = stores;
	if (sstate_open(&env, &o, NULL) != 0)
		return -1;
	if (sstate_list(env, NULL, count, &n, NULL) != 0)
		n = -1;
	sstate_close(env);
	return n;
}

/* The program, in top, with these arguments; what it said, its exit code. */
static int
reap(const char *arguments)
{
	const char *build = getenv("BUILD_DIR");
	char line[16384];
	size_t n;
	FILE *f;

	(void)snprintf(line, sizeof(line),
	    "cd '%s' && '%s/examples/reap' %s "
	    "2>&1",
	    top, build != NULL ? build : "build/dev", arguments);
	if ((f = popen(line, "r")) == NULL)
		return -1;
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	n = (size_t)pclose(f);
	return WIFEXITED((int)n) ? WEXITSTATUS((int)n) : -1;
}

static int
is_there(const char *name)
{
	char path[8192];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return lstat(path, &st) == 0;
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	char line[8192];

	(void)snprintf(top, sizeof(top), "%s/reap.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	NEED(mkdtemp(top) != NULL, "a directory");
	sessions("old", 3, 100000);
	sessions("last one", 2, 100000);
	sessions("both", 2, 100000);
	sessions("both", 1, 0);

	T(reap("") == 2 && strstr(said, "usage") != NULL,
	    "without arguments it says how it is used");
	T(reap("old missing 'last one' both") == 1,
	    "one that fails is exit code 1");
	T(strstr(said, "old: 3 removed\n") != NULL, "K13 what expired is gone");
	T(strstr(said, "last one: 2 removed\n") != NULL,
	    "K13 the ones after the failure are cleaned");
	T(strstr(said, "both: 2 removed\n") != NULL && living("both") == 1,
	    "B16 what lives is left alone");
	T(strstr(said, "reap: missing: ") != NULL &&
		strstr(strstr(said, "reap: ") + 1, "reap: ") == NULL,
	    "what fails is one line that names it");
	T(reap("'' both") == 1 && strstr(said, "no directory's name") != NULL,
	    "an empty name is not the default place");
	T(!is_there("missing"), "nothing is made where nothing was");
	T(reap("old both") == 0 && strstr(said, "old: 0 removed\n") != NULL &&
		strstr(said, "both: 0 removed\n") != NULL,
	    "the next time there is nothing to do");
	(void)printf("# %s", said);

	/* The store's clock is not put back, so what lives comes last. */
	sessions("shared", 1, 100000);
	sessions_of("shop", "shared", 2, 100000);
	sessions_of("wiki", "shared", 4, 100000);
	sessions_of("shop", "shared", 1, 0);
	T(reap("shared") == 0 && strstr(said, "shared: 1 removed\n") != NULL,
	    "another namespace is another program's");
	T(reap("both -n shop shared both -n wiki shared") == 0 &&
		strcmp(said,
		    "both: 0 removed\nshared: 2 removed\n"
		    "both: 0 removed\nshared: 4 removed\n") == 0,
	    "each that is named is cleaned, in the places after it");
	T(reap("-n sh/op shared -n shop shared") == 1 &&
		strstr(said, "reap: shared: ") != NULL &&
		strstr(said, "shared: 0 removed\n") != NULL,
	    "one that is no name is told, and the next is cleaned");
	T(reap("both -n") == 2 && reap("both -n shop") == 2 &&
		strstr(said, "usage") != NULL,
	    "without a name, or a directory after it");

	(void)snprintf(line, sizeof(line), "%s/none", top);
	NEED(mkdir(line, 0700) == 0, "one more");
	T(reap("none") == 0 && !is_there("none/keyring"),
	    "R-76 no key ring is made, least of all root's");
	(void)snprintf(line, sizeof(line), "rm -rf '%s'", top);
	T(system(line) == 0, "cleaned up");
	return tap_done();
}
