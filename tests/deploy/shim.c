/*
 * shim.c - locks a program up around its sstate_open(): linked by --wrap
 *
 * As securestate-sandbox(7) says, with the manual's own functions; so that an
 * example runs locked up as it is.  What the environment does not ask for is
 * not done:
 *
 *	SHIM_ROOT, SHIM_UID	that root, then that user
 *	SHIM_FILTER		only the system calls of allowed.h, afterwards
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include <securestate.h>

int enter_root(const char *root, uid_t uid, gid_t gid);
int no_core(void);
int confine(const unsigned *allowed, size_t n);
int __real_sstate_open(struct sstate **out, const struct sstate_options *o,
    struct sstate_error *err);
int __wrap_sstate_open(struct sstate **out, const struct sstate_options *o,
    struct sstate_error *err);
int shim_confine(void);

static const unsigned allowed[] = {
#include "allowed.h"
};

static void
die(const char *what)
{
	perror(what);
	_Exit(99);
}

/* For a thread that was there before. */
int
shim_confine(void)
{
	if (getenv("SHIM_FILTER") == NULL)
		return 0;
	return confine(allowed, sizeof(allowed) / sizeof(allowed[0]));
}

int
__wrap_sstate_open(struct sstate **out, const struct sstate_options *o,
    struct sstate_error *err)
{
	const char *root = getenv("SHIM_ROOT"), *uid = getenv("SHIM_UID");
	int r;

	if (root != NULL && uid != NULL &&
	    enter_root(root, (uid_t)strtoul(uid, NULL, 10),
		(gid_t)strtoul(uid, NULL, 10)) != 0)
		die("shim: enter_root");
	if (no_core() != 0)
		die("shim: no_core");
	r = __real_sstate_open(out, o, err);
	if (shim_confine() != 0)
		die("shim: confine");
	return r;
}
