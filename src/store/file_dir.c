/*
 * file_dir.c - the file store's directory: opened once, walked to in safety
 *
 * Invariant: no name below the directory is followed through a symbolic
 * link, and no name is made of what a client sent (F-01..F-06, R-102).
 */
#include "store/file_dir.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/bytes.h"
#include "base/hint.h"
#include "base/limits.h"
#include "base/sysnum.h"
#include "base/way.h"
#include "store/file_io.h"

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

APART const char *
fdir_refused(unsigned long fstype)
{
	size_t i;

	for (i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		if (remote[i].type == (fstype & 0xffffffffu))
			return remote[i].name;
	return NULL;
}

int
fdir_self_ok(const struct stat *st, uid_t uid)
{
	return S_ISDIR(st->st_mode) && st->st_uid == uid &&
	    (st->st_mode & 077) == 0;
}

/* A directory that this process just made has the mode that umask left. */
static int
set_mode(int at, const char *name)
{
	char proc[40];
	struct stat st;
	int fd, r = -1;

	fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0)
		goto out;
	if ((st.st_mode & 07777) == 0700) {
		r = 0;
		goto out;
	}
	/* fchmod() refuses an O_PATH descriptor, but "." is what it is of. */
	if ((r = fchmodat(fd, ".", 0700, 0)) != 0 && errno == EACCES) {
		/* The right to search is gone as well: by the link, then. */
		(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		r = chmod(proc, 0700);
	}
out:
	(void)close(fd);
	return r;
}

static int
make_one(int at, const char *name, int *made)
{
	*made = 0;
	if (mkdirat(at, name, 0700) != 0)
		return errno == EEXIST ? 0 : -1;
	*made = 1;
	return set_mode(at, name);
}

/* Open the next directory on the way from "/"; may make it. */
static int
step(int at, const char *name, int create)
{
	int fd, dirfd, made;

	fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT || !create)
		return fd;
	if (make_one(at, name, &made) != 0)
		return -1;
	/* Not every parent can be read; then its sync is not ours to do. */
	dirfd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0) {
		(void)fio_sync_dir(dirfd);
		(void)close(dirfd);
	}
	return openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* path from "/" on, to be freed; *size is what was allocated. */
static int
absolute(char **out, size_t *size, const struct hook *hook, const char *path,
    struct sstate_error *err)
{
	size_t n = 0, len;
	char *full;

	*out = NULL;
	if (path == NULL || path[0] == '\0')
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "file: the URI names no directory");
	len = strlen(path);
	*size = path[0] == '/' ? len + 1 : PATH_MAX + 1;
	if (len >= PATH_MAX)
		goto large;
	if ((full = *out = hook_alloc(hook, *size)) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "file: open");
	if (path[0] != '/') {
		if (getcwd(full, *size) == NULL || full[0] != '/')
			return sstate_fail(err, SSTATE_ESTORE, errno,
			    "file: working directory");
		n = strlen(full);
		full[n++] = '/';
		if (len >= *size - n)
			goto large;
	}
	memcpy(full + n, path, len + 1);
	return 0;
large:
	return sstate_fail(err, SSTATE_ETOOBIG, 0, "file: path over %d bytes",
	    PATH_MAX);
}

static int
refuse_step(const char *path, int sys, struct sstate_error *err)
{
	if (sys == ELOOP || sys == ENOTDIR)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "file: %s: a symbolic link, or no directory", path);
	return sstate_fail(err, SSTATE_ESTORE, sys, "file: directory %s", path);
}

/* F-02: each parent is looked at when it is open, then left by openat(). */
static int
walk(int *out, char *path, uid_t uid, int create, struct sstate_error *err)
{
	struct stat st;
	char *p, *end, keep;
	int at, next, sys, r = 0;

	/* Not open(): musl's sets O_CLOEXEC once more. */
	at = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno, "file: open /");
	for (p = path; r == 0; p = end) {
		while (*p == '/')
			p++;
		if (*p == '\0')
			break;
		for (end = p; *end != '\0' && *end != '/';)
			end++;
		if (fstat(at, &st) != 0 || !way_safe(&st, uid)) {
			r = sstate_fail(err, SSTATE_EUNSAFE, 0,
			    "file: %.*s: a parent directory of another owner, "
			    "or that others can write",
			    (int)(p - path), path);
			break;
		}
		keep = *end;
		*end = '\0';
		next = step(at, p, create);
		sys = errno;
		(void)close(at);
		at = next;
		if (at < 0)
			r = refuse_step(path, sys, err);
		*end = keep;
	}
	if (r != 0 && at >= 0) {
		(void)close(at);
		at = -1;
	}
	*out = at;
	return r;
}

/* F-03 and F-05, then a descriptor that fsync() takes. */
static int
enter(struct fdir *d, int at, const char *path, struct sstate_error *err)
{
	struct stat st;
	struct statfs fs;
	const char *remote_fs;

	if (fstat(at, &st) != 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "file: directory %s", path);
	if (!fdir_self_ok(&st, d->uid))
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "file: %s: must be owned by uid %lu, and let nobody else "
		    "in (mode 0700)",
		    path, (unsigned long)d->uid);
	d->gid = st.st_gid;
	d->fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0 || fstatfs(d->fd, &fs) != 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "file: directory %s", path);
	remote_fs = fdir_refused((unsigned long)fs.f_type);
	if (remote_fs != NULL)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "file: %s: is on %s, where locks of several hosts cannot "
		    "be relied on; take a local directory",
		    path, remote_fs);
	return 0;
}

APART int
fdir_open(struct fdir *d, const char *path, int create,
    struct sstate_error *err)
{
	size_t size = 0;
	char *full;
	struct stat st;
	int at = -1, r;

	d->fd = -1;
	d->uid = geteuid();
	d->guest = 0;
	d->limited = fio_limited();
	if ((r = absolute(&full, &size, &d->hook, path, err)) != 0)
		goto out;
	if (d->uid == 0 && !create && lstat(full, &st) == 0 &&
	    S_ISDIR(st.st_mode) && st.st_uid != 0) {
		/* What the walk then meets is compared with this owner. */
		d->uid = st.st_uid;
		d->guest = 1;
	}
	at = way_open(full, strlen(full), d->uid);
	if (at < 0)
		r = walk(&at, full, d->uid, create, err);
	if (r == 0)
		r = enter(d, at, full, err);
	if (at >= 0)
		(void)close(at);
	if (r != 0)
		fdir_close(d);
out:
	hook_free(&d->hook, full, size);
	return r;
}

void
fdir_close(struct fdir *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
}

static int
plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	    c == '.' || c == '-';
}

int
fdir_ns(char *out, const char *ns, struct sstate_error *err)
{
	size_t i, n = 0;

	out[n++] = 'n';
	out[n++] = '.';
	for (i = 0; ns != NULL && ns[i] != '\0' && i < LIMIT_NS_BYTES; i++) {
		if (ns[i] >= 'A' && ns[i] <= 'Z') {
			out[n++] = '=';
			out[n++] = (char)(ns[i] - 'A' + 'a');
		} else if (plain(ns[i]))
			out[n++] = ns[i];
		else
			break;
	}
	out[n] = '\0';
	if (i == 0 || ns[i] != '\0')
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "file: namespace is not [A-Za-z0-9_.-]{1,%u}",
		    LIMIT_NS_BYTES);
	return 0;
}

/* Four octets as eight digits at once: this is done for every operation. */
static void
hex4(char *out, const unsigned char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t v = get32(p);

	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v >> 4 & 0x0f * ones) | (v << 8 & 0x0f * ones);
	v += '0' * ones + ((v + 6 * ones) >> 4 & ones) * ('a' - '0' - 10);
	v = htole64(v);
	memcpy(out, &v, sizeof(v));
}

int
fdir_record(char *out, const struct sstate_key *key, struct sstate_error *err)
{
	char hex[2 * SSTATE_ID_BYTES];
	size_t n, i;
	int r;

	if ((r = fdir_ns(out, key->ns, err)) != 0)
		return r;
	for (i = 0; i < SSTATE_ID_BYTES; i += 4)
		hex4(hex + 2 * i, key->id + i);
	n = strlen(out);
	out[n++] = '/';
	out[n++] = hex[0];
	out[n++] = hex[1];
	out[n++] = '/';
	memcpy(out + n, hex + 2, sizeof(hex) - 2);
	out[n + sizeof(hex) - 2] = '\0';
	return 0;
}

/* As openat2(): one component after the other, none of them a link. */
static APART int
step_by_step(const struct fdir *d, const char *path, int flags, mode_t mode)
{
	char name[FDIR_PATH];
	const char *p = path;
	size_t n;
	int at = d->fd, next, sys;

	while (p[n = strcspn(p, "/")] == '/') {
		if (n == 0 || n >= sizeof(name) ||
		    (n == 2 && memcmp(p, "..", 2) == 0)) {
			next = -1;
			errno = EXDEV;
		} else {
			memcpy(name, p, n);
			name[n] = '\0';
			next = openat(at, name,
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		sys = errno;
		if (at != d->fd)
			(void)close(at);
		if ((at = next) < 0) {
			errno = sys == ENOTDIR ? ELOOP : sys;
			return -1;
		}
		p += n + 1;
	}
	next = openat(at, p, flags, mode);
	sys = errno;
	if (at != d->fd)
		(void)close(at);
	errno = sys;
	return next;
}

int
fdir_at(struct fdir *d, const char *path, int flags, mode_t mode)
{
	struct open_how_v0 how = { 0 };
	long fd;
	int tries;

	flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	how.flags = (uint64_t)(unsigned)flags;
	how.mode = mode;
	how.resolve = SYS_RESOLVE_NO_XDEV | SYS_RESOLVE_NO_MAGICLINKS |
	    SYS_RESOLVE_NO_SYMLINKS | SYS_RESOLVE_BENEATH;
	for (tries = 0; !d->no_openat2 && tries < 1000; tries++) {
		fd = syscall(SYS_openat2, d->fd, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno == ENOSYS)
			d->no_openat2 = 1;
		else if (errno == EPERM)
			break; /* or a filter that says so of what is new */
		else if (errno != EINTR && errno != EAGAIN)
			return -1;
	}
	do
		fd = step_by_step(d, path, flags, mode);
	while (fd < 0 && errno == EINTR);
	return (int)fd;
}

int
fdir_sub(struct fdir *d, const char *path)
{
	return fdir_at(d, path, O_RDONLY | O_DIRECTORY, 0);
}

APART int
fdir_above(struct fdir *d, const char *path, const char **name)
{
	char up[FDIR_PATH];
	const char *slash = strrchr(path, '/');

	if (slash == NULL) {
		*name = path;
		return fdir_sub(d, ".");
	}
	*name = slash + 1;
	memcpy(up, path, (size_t)(slash - path));
	up[slash - path] = '\0';
	return fdir_sub(d, up);
}

/* make_one(), and on disk if that is asked for. */
static int
make_synced(const struct fdir *d, int at, const char *name, int *made)
{
	int e;

	if (make_one(at, name, made) != 0)
		return -1;
	if (*made && d->sync != FSYNC_NONE && (e = fio_sync_dir(at)) != 0) {
		errno = e;
		return -1;
	}
	return 0;
}

APART int
fdir_make(struct fdir *d, const char *path, int *made)
{
	char up[FDIR_PATH];
	const char *slash = strrchr(path, '/');
	int fd, at, one = 0, above = 0, r, e;

	*made = 0;
	if ((fd = fdir_sub(d, path)) >= 0 || errno != ENOENT)
		return fd;
	if (slash == NULL)
		at = fdir_sub(d, ".");
	else {
		memcpy(up, path, (size_t)(slash - path));
		up[slash - path] = '\0';
		at = fdir_make(d, up, &above);
	}
	if (at < 0)
		return -1;
	r = make_synced(d, at, slash != NULL ? slash + 1 : path, &one);
	e = errno;
	(void)close(at);
	errno = e;
	*made = above + one;
	return r == 0 ? fdir_sub(d, path) : -1;
}

int
fdir_check(const struct fdir *d, int fd, struct stat *st, const char *what,
    struct sstate_error *err)
{
	const char *why;

	if (fstat(fd, st) != 0)
		return sstate_fail(err, SSTATE_ESTORE, errno, "file: %s", what);
	if (!S_ISREG(st->st_mode))
		why = "no regular file";
	else if (st->st_uid != d->uid)
		why = "another owner";
	else if (st->st_nlink > 1)
		why = "a second hard link";
	else if ((st->st_mode & 077) != 0)
		why = "open to others";
	else
		return 0;
	return sstate_fail(err, SSTATE_EUNSAFE, 0, "file: %s: %s", what, why);
}

int
fdir_leads(const struct fdir *d, const char *path, dev_t dev, ino_t ino)
{
	UNFILLED struct stat st;

	if (fstatat(d->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	return st.st_dev == dev && st.st_ino == ino;
}
