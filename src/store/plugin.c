/*
 * plugin.c - a driver that is a file of its own
 *
 * Invariant: nothing is loaded that somebody other than root or this user
 * could have put or changed there.  The way is looked at before dlopen()
 * walks it again: who could swap a part of it in between is root or us.
 */
#include "store/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_trusted(const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return true;
	/* A sticky directory lets others add names, not change ours. */
	return S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;
}

/* Every directory of a path without links, from "/" down. */
static bool
way_is_trusted(const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n = 1;

	for (;;) {
		memcpy(part, path, n);
		part[n] = '\0';
		if (lstat(part, &st) != 0 || !S_ISDIR(st.st_mode) ||
		    !is_trusted(&st))
			return false;
		if (path[n] == '\0')
			return true;
		n += path[n] == '/';
		n += strcspn(path + n, "/");
	}
}

static int
unsafe(const char *what, const char *scheme, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EUNSAFE, 0,
	    "%s: %s: must be root's or this user's, and nobody else's to write",
	    scheme, what);
}

static int
find(char *path, size_t max, const char *folder, const char *scheme,
    struct sstate_error *err)
{
	char real[PATH_MAX];
	struct stat st;
	int n;

	if (folder[0] != '/' || realpath(folder, real) == NULL)
		return SSTATE_ENOTFOUND;
	n = snprintf(path, max, "%s/driver-%s.so", real, scheme);
	if (n < 0 || (size_t)n >= max || lstat(path, &st) != 0)
		return SSTATE_ENOTFOUND;
	if (!way_is_trusted(real))
		return unsafe(real, scheme, err);
	if (!S_ISREG(st.st_mode) || !is_trusted(&st))
		return unsafe(path, scheme, err);
	return 0;
}

int
plugin_load(const struct sstate_driver **out, const char *folder,
    const char *scheme, struct sstate_error *err)
{
	char path[PATH_MAX], symbol[64];
	const char *why;
	void *so;
	int r;

	*out = NULL;
	if ((r = find(path, sizeof(path), folder, scheme, err)) != 0)
		return r;
	(void)snprintf(symbol, sizeof(symbol), "sstate_driver_v%u_%s",
	    SSTATE_DRIVER_ABI, scheme);
	if ((so = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) ==
	    NULL) {
		why = dlerror();
		return sstate_fail(err, SSTATE_ENOTSUP, 0, "%s: %.200s", scheme,
		    why != NULL ? why : "does not load");
	}
	*out = dlsym(so, symbol);
	(void)dlclose(so); /* RTLD_NODELETE: it stays */
	if (*out == NULL)
		return sstate_fail(err, SSTATE_EVERSION, 0,
		    "%s: %.160s has no %s", scheme, path, symbol);
	return 0;
}
