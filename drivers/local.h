/*
 * local.h - the file of a driver that keeps its records in one: found,
 * made, and refused where others could read or change it
 *
 * Invariant: when local_find() says 0, every directory on the way to the
 * file is root's or ours and nobody else can change what its names lead to;
 * the file and those beside it are ours, mode 0600 or less, and no links.
 * Who could still swap a part of the way is root or us.
 *
 * The file is looked at and made by its name, never opened: closing any
 * descriptor of it would drop the locks that an engine holds in this process.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <securestate/store.h>

struct local {
	const char *scheme; /* for texts */
	const char *const *beside; /* "-wal", ...: more files; NULL last */
	uid_t uid; /* whose it must be */
	int create; /* may directories and the file be made? */
	char path[PATH_MAX + 1]; /* absolute */
	dev_t dev; /* of the file */
	ino_t ino;
	off_t size;
};

static const char *
local_remote(unsigned long fstype)
{
	static const struct {
		unsigned long type;
		const char *name;
	} remote[] = {
		{ 0x6969, "NFS" },
		{ 0x517b, "SMB" },
		{ 0xff534d42, "CIFS" },
		{ 0xfe534d42, "SMB2" },
		{ 0x5346414f, "AFS" },
		{ 0x6b414653, "AFS" },
		{ 0x73757245, "CODA" },
		{ 0x564c, "NCP" },
	};
	size_t i;

	for (i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		if (remote[i].type == (fstype & 0xffffffffu))
			return remote[i].name;
	return NULL;
}

static int
local_absolute(struct local *l, const char *path, struct sstate_error *err)
{
	size_t n = 0, len;

	if (path == NULL || path[0] == '\0')
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: open: the URI names no file", l->scheme);
	len = strlen(path);
	if (path[len - 1] == '/')
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: open: the URI names a directory, no file", l->scheme);
	if (path[0] != '/') {
		if (getcwd(l->path, sizeof(l->path)) == NULL ||
		    l->path[0] != '/')
			return sstate_fail(err, SSTATE_ESTORE, errno,
			    "%s: open: working directory", l->scheme);
		n = strlen(l->path);
	}
	if (n + 1 + len >= sizeof(l->path))
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "%s: open: path over %d bytes", l->scheme, PATH_MAX);
	(void)snprintf(l->path + n, sizeof(l->path) - n, "%s%s",
	    n != 0 ? "/" : "", path);
	return 0;
}

/* The next directory, not by a link; it may be made. */
static int
local_step(int at, const char *name, int create)
{
	const int how = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, how);

	if (fd >= 0 || errno != ENOENT || !create ||
	    (mkdirat(at, name, 0700) != 0 && errno != EEXIST))
		return fd;
	return openat(at, name, how);
}

/* Root's or ours.  Its names are safe if only we can write, or if sticky. */
static int
local_is_safe(const struct local *l, int fd, int sticky_will_do)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == l->uid) &&
	    ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
		(sticky_will_do && (st.st_mode & S_ISVTX) != 0));
}

/*
 * Walk from "/" to the directory of the file; *name is the rest.  Engines
 * make and trust files by names of their own beside it, so that one
 * directory lets nobody else make names, sticky or not.
 */
static int
local_walk(int *out, const char **name, struct local *l,
    struct sstate_error *err)
{
	char part[NAME_MAX + 1];
	const char *p, *end;
	int at, next, sys;

	*out = -1;
	*name = "";
	if ((at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno, "%s: open: /",
		    l->scheme);
	for (p = l->path + strspn(l->path, "/");; p = end + strspn(end, "/")) {
		end = p + strcspn(p, "/");
		if (!local_is_safe(l, at, *end != '\0')) {
			(void)close(at);
			return sstate_fail(err, SSTATE_EUNSAFE, 0,
			    "%s: open: %.*s: a directory of another owner, or "
			    "that others can write",
			    l->scheme, (int)(p - l->path), l->path);
		}
		if (*end == '\0')
			break;
		if ((size_t)(end - p) >= sizeof(part)) {
			next = -1;
			errno = ENAMETOOLONG;
		} else {
			memcpy(part, p, (size_t)(end - p));
			part[end - p] = '\0';
			next = local_step(at, part, l->create);
		}
		sys = errno;
		(void)close(at);
		if ((at = next) < 0)
			return sstate_fail(err,
			    sys == ELOOP || sys == ENOTDIR ? SSTATE_EUNSAFE
							   : SSTATE_ESTORE,
			    sys, "%s: open: %.*s", l->scheme,
			    (int)(end - l->path), l->path);
	}
	*out = at;
	*name = p;
	return 0;
}

static int
local_unsafe(const struct local *l, const char *beside,
    struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EUNSAFE, 0,
	    "%s: open: %s%s: must be a file of uid %lu, no link, and let "
	    "nobody else in (mode 0600)",
	    l->scheme, l->path, beside, (unsigned long)l->uid);
}

/* A file that is there must be ours alone; 0 also if it is not there. */
static int
local_look(struct stat *st, const struct local *l, int at, const char *name,
    const char *beside, struct sstate_error *err)
{
	char full[NAME_MAX + 1];
	int n;

	memset(st, 0, sizeof(*st));
	n = snprintf(full, sizeof(full), "%s%s", name, beside);
	if (n < 0 || (size_t)n >= sizeof(full))
		return sstate_fail(err, SSTATE_ESTORE, ENAMETOOLONG, "%s: open",
		    l->scheme);
	if (fstatat(at, full, st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT
		    ? 0
		    : sstate_fail(err, SSTATE_ESTORE, errno, "%s: open: %s",
			  l->scheme, l->path);
	if (!S_ISREG(st->st_mode) || st->st_uid != l->uid ||
	    (st->st_mode & 077) != 0 || st->st_nlink != 1)
		return local_unsafe(l, beside, err);
	return 0;
}

/* The file itself, made if it is missing, as mknod() makes it: unopened. */
static int
local_file(struct local *l, int at, const char *name, struct sstate_error *err)
{
	struct stat st;
	int r;

	if ((r = local_look(&st, l, at, name, "", err)) != 0)
		return r;
	if (st.st_nlink == 0) {
		if (!l->create)
			return sstate_fail(err, SSTATE_ESTORE, ENOENT,
			    "%s: open: %s", l->scheme, l->path);
		if (mknodat(at, name, S_IFREG | 0600, 0) != 0 &&
		    errno != EEXIST)
			return sstate_fail(err, SSTATE_ESTORE, errno,
			    "%s: open: %s", l->scheme, l->path);
		if ((r = local_look(&st, l, at, name, "", err)) != 0)
			return r;
		if (st.st_nlink == 0)
			return local_unsafe(l, "", err);
	}
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->size = st.st_size;
	return 0;
}

/* Locks of several hosts cannot be relied on. */
static int
local_fs(const struct local *l, int at, struct sstate_error *err)
{
	struct statfs fs;
	const char *remote;

	if (fstatfs(at, &fs) != 0)
		return sstate_fail(err, SSTATE_ESTORE, errno, "%s: open: %s",
		    l->scheme, l->path);
	if ((remote = local_remote((unsigned long)fs.f_type)) != NULL)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "%s: open: %s: is on %s, where locks of several hosts "
		    "cannot be relied on; take a local directory",
		    l->scheme, l->path, remote);
	return 0;
}

/* Root may work on another user's file, but makes nothing there. */
static void
local_whose(struct local *l)
{
	struct stat st;

	l->uid = geteuid();
	if (l->uid == 0 && !l->create && lstat(l->path, &st) == 0)
		l->uid = st.st_uid;
}

/* scheme, beside and create are set. */
static int
local_find(struct local *l, const char *path, struct sstate_error *err)
{
	const char *name;
	struct stat st;
	size_t i;
	int at, r;

	if ((r = local_absolute(l, path, err)) != 0)
		return r;
	local_whose(l);
	if ((r = local_walk(&at, &name, l, err)) != 0)
		return r;
	r = local_fs(l, at, err);
	if (r == 0)
		r = local_file(l, at, name, err);
	for (i = 0; r == 0 && l->beside[i] != NULL; i++)
		r = local_look(&st, l, at, name, l->beside[i], err);
	(void)close(at);
	return r;
}

#endif
