/*
 * way.c - the way from "/" to a directory: can others lead it elsewhere?
 *
 * Invariant: a name is looked at when all above it was seen to be safe.  From
 * then on nobody else can put another thing in its place, so that the whole
 * path, opened at once, leads where it was looked along.  A third of the
 * system calls of opening each step.
 */
#include "base/way.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/sysnum.h"

enum { LONGEST = 256 };

bool
way_safe(const struct stat *st, uid_t uid)
{
	return (st->st_uid == 0 || st->st_uid == uid) &&
	    ((st->st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
		(st->st_mode & S_ISVTX) != 0);
}

static bool
step_ok(const char *dir, uid_t uid)
{
	struct stat st;

	return fstatat(AT_FDCWD, dir, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode) && way_safe(&st, uid);
}

int
way_open(const char *path, size_t n, uid_t uid)
{
	struct open_how_v0 how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = SYS_RESOLVE_NO_SYMLINKS };
	char up[LONGEST];
	size_t i;

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(up) || path[0] != '/' || !step_ok("/", uid))
		return -1;
	for (i = 0; i < n; i++) {
		up[i] = '\0';
		if (i > 1 && path[i] == '/' && path[i - 1] != '/' &&
		    !step_ok(up, uid))
			return -1;
		up[i] = path[i];
	}
	up[n] = '\0';
	return (int)syscall(SYS_openat2, AT_FDCWD, up, &how, sizeof(how));
}
