/*
 * reap.c - removes expired sessions: for cron
 *
 * usage: reap [-n NAMESPACE] DIRECTORY... [-n NAMESPACE DIRECTORY...]...
 *
 *	DIRECTORY	as it stands after "file:"
 *	-n		of those after it; "app" before the first
 *
 * It runs as the user whose programs keep their states there, needs no key,
 * and makes nothing: neither a directory nor a key ring.  What fails is one
 * line and exit code 1; the other directories are cleaned all the same.
 *
 * The command "securestate reap" does so in any store, and may end what was
 * idle.  This is what a program needs that does it itself: an environment
 * for each namespace, which is what sstate_reap() looks at, and no key.
 */
#include <stdio.h>
#include <string.h>

#include <securestate.h>

static int
reap(const char *ns, const char *dir)
{
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { NULL, NULL };
	struct sstate_error err;
	struct sstate *env;
	char uri[4096];
	uint64_t n = 0;
	int r, len;

	len = snprintf(uri, sizeof(uri), "file:%s", dir);
	if (dir[0] == '\0' || len < 0 || (size_t)len >= sizeof(uri)) {
		(void)fprintf(stderr, "reap: %.60s: no directory's name\n",
		    dir);
		return 1;
	}
	stores[0] = uri;
	opts.stores = stores;
	opts.ns = ns;
	opts.flags = SSTATE_NO_CREATE;
	if ((r = sstate_open(&env, &opts, &err)) == 0)
		r = sstate_reap(&n, env, 0, 0, &err);
	if (r == 0 || n > 0)
		(void)printf("%s: %llu removed\n", dir, (unsigned long long)n);
	if (r != 0)
		(void)fprintf(stderr, "reap: %s: %s\n", dir, err.text);
	sstate_close(env);
	return r != 0;
}

int
main(int argc, char **argv)
{
	const char *ns = NULL; /* the library's own default */
	int i, failed = 0;

	/* A directory comes last. */
	if (argc < 2 || strcmp(argv[argc - 1], "-n") == 0 ||
	    strcmp(argv[argc - 2], "-n") == 0) {
		(void)fprintf(stderr,
		    "usage: reap [-n NAMESPACE] DIRECTORY...\n");
		return 2;
	}
	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-n") == 0)
			ns = argv[++i];
		else
			failed |= reap(ns, argv[i]);
	}
	return fflush(stdout) != 0 || failed;
}
