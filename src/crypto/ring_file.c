/*
 * ring_file.c - the key ring's file: opened, made, compared
 *
 * Invariant: what is read is the file that was checked, by its descriptor;
 * no path is resolved twice and no symlink is followed.  Text with secrets
 * is on the stack and wiped before anybody returns.
 */
#include "crypto/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/codec.h"
#include "base/hint.h"
#include "base/rand.h"
#include "base/way.h"
#include "base/wipe.h"
#include "crypto/ring_file.h"

enum { SMALL = 1024 }; /* a ring of a dozen keys */

/* One directory further; fd is replaced. */
static int
step(int *fd, const char *part, const char *path, uid_t uid,
    struct sstate_error *err)
{
	struct stat st;
	int next, e;

	next = openat(*fd < 0 ? AT_FDCWD : *fd, part,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0) {
		e = errno;
		if (e == ENOTDIR &&
		    fstatat(*fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			return sstate_fail(err, SSTATE_EUNSAFE, 0,
			    "key ring %s: %s is a symlink", path, part);
		return sstate_fail(err,
		    e == ENOENT ? SSTATE_ENOTFOUND : SSTATE_ESYS, e,
		    "key ring %s: directory %s", path, part);
	}
	if (*fd >= 0)
		(void)close(*fd);
	*fd = next;
	if (fstat(next, &st) != 0)
		return sstate_fail(err, SSTATE_ESYS, errno,
		    "key ring %s: stat %s", path, part);
	if (!way_safe(&st, uid))
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "key ring %s: others can write in %s, or own it", path,
		    part);
	return 0;
}

/* Each directory on the way; of what is behind the last '/' the name. */
static int
walk(int *fd, char name[NAME_MAX + 1], const char *way, const char *path,
    uid_t uid, struct sstate_error *err)
{
	const char *p = way;
	size_t n;
	int r;

	for (;; p += n + 1) {
		for (n = 0; p[n] != '\0' && p[n] != '/';)
			n++;
		if (n > NAME_MAX)
			return sstate_fail(err, SSTATE_EINVAL, ENAMETOOLONG,
			    "key ring: path");
		memcpy(name, p, n);
		name[n] = '\0';
		if (p[n] == '\0')
			return 0;
		if (n > 0 && (r = step(fd, name, path, uid, err)) != 0)
			return r;
	}
}

/* What is above the directory where this process is, and that itself. */
APART static int
walk_here(int *fd, char name[NAME_MAX + 1], const char *path, uid_t uid,
    struct sstate_error *err)
{
	UNFILLED char here[PATH_MAX];
	size_t n;

	if (getcwd(here, PATH_MAX) == NULL)
		return sstate_fail(err, SSTATE_ESYS, errno,
		    "key ring %s: getcwd", path);
	n = strlen(here);
	if (n + strlen(path) >= PATH_MAX)
		return sstate_fail(err, SSTATE_EINVAL, ENAMETOOLONG,
		    "key ring: path");
	here[n++] = '/';
	here[n] = '\0';
	return walk(fd, name, here, path, uid, err);
}

/* Where all is as it should be: in one look a step. */
static int
fast(int *fd, char name[NAME_MAX + 1], const char *path, const char *last,
    uid_t uid)
{
	size_t n = strlen(last);
	struct stat st;

	if (n > NAME_MAX ||
	    (*fd = way_open(path, (size_t)(last - path), uid)) < 0)
		return 0;
	if (fstat(*fd, &st) != 0 || !way_safe(&st, uid)) {
		(void)close(*fd);
		*fd = -1;
		return 0;
	}
	memcpy(name, last, n + 1);
	return 1;
}

int
ring_dir(int *fd, char name[NAME_MAX + 1], const char *path, uid_t uid,
    struct sstate_error *err)
{
	const char *last = strrchr(path, '/');
	int r;

	*fd = -1;
	last = last != NULL ? last + 1 : path;
	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "key ring %s: names no file", path);
	if (strnlen(path, PATH_MAX) == PATH_MAX)
		return sstate_fail(err, SSTATE_EINVAL, ENAMETOOLONG,
		    "key ring: path");
	if (path[0] == '/' && fast(fd, name, path, last, uid))
		return 0;
	r = step(fd, "/", path, uid, err);
	if (r == 0 && path[0] != '/')
		r = walk_here(fd, name, path, uid, err);
	if (r == 0)
		r = walk(fd, name, path, path, uid, err);
	if (r != 0 && *fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	return r;
}

static const char *
unsafe(const struct stat *st, uid_t uid)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != uid)
		return "is another user's";
	if ((st->st_mode & 077) != 0)
		return "is open to group or others: chmod 600";
	/* A planted hard link; 0 is a file that was replaced meanwhile. */
	if (st->st_nlink > 1)
		return "has more than one link";
	return NULL;
}

int
ring_open(int *fd, struct stat *st, int dir, const char *name, const char *path,
    uid_t uid, int flags, struct sstate_error *err)
{
	const char *what = NULL;
	int e;

	/* O_NONBLOCK: a planted FIFO must not make us wait. */
	*fd = openat(dir, name,
	    flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0) {
		e = errno;
		if (e == ENOENT)
			return sstate_fail(err, SSTATE_ENOTFOUND, e,
			    "key ring %s", path);
		if (e == ELOOP)
			what = "is a symlink";
		else if (e == ENXIO || e == ENODEV || e == EISDIR)
			what = "is no regular file";
		else
			return sstate_fail(err, SSTATE_ESYS, e,
			    "key ring %s: open", path);
	} else if (fstat(*fd, st) != 0) {
		e = errno;
		(void)close(*fd);
		*fd = -1;
		return sstate_fail(err, SSTATE_ESYS, e, "key ring %s: stat",
		    path);
	} else {
		what = unsafe(st, uid);
	}
	if (what == NULL)
		return 0;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return sstate_fail(err, SSTATE_EUNSAFE, 0, "key ring %s: %s", path,
	    what);
}

int
ring_read(char *text, size_t max, size_t *len, int fd, const char *path,
    struct sstate_error *err)
{
	size_t have = 0;
	ssize_t got;
	char more;

	*len = 0;
	for (;;) {
		got = have < max ? read(fd, text + have, max - have)
				 : read(fd, &more, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return sstate_fail(err, SSTATE_ESYS, errno,
			    "key ring %s: read", path);
		if (got == 0)
			break;
		if (have == max)
			return sstate_fail(err, SSTATE_EPARSE, 0,
			    "key ring %s: more than %zu bytes", path, max);
		have += (size_t)got;
	}
	*len = have;
	return 0;
}

/* No text of that length has more entries, or they are too many. */
static uint32_t
room_for(size_t len)
{
	size_t most = len / (B64_LEN(SECRET_BYTES) + sizeof("1 1  0 0 0"));

	return most < LIMIT_RING_KEYS ? (uint32_t)most : LIMIT_RING_KEYS;
}

static void
identify(struct keyring *kr, const struct stat *st)
{
	kr->dev = st->st_dev;
	kr->ino = st->st_ino;
	kr->size = (uint64_t)st->st_size;
	kr->mtime = st->st_mtim;
	kr->ctime = st->st_ctim;
}

/* Where a ring comes from, and where it goes. */
struct source {
	int fd;
	struct stat st;
	const char *path;
	const struct hook *hook; /* NULL: in no nest */
};

/* text has max octets for what is in the file, and is wiped. */
static int
fill(struct keyring **kr, char *text, size_t max, const struct source *in,
    struct sstate_error *err)
{
	size_t len = 0;
	int r;

	if ((r = ring_read(text, max, &len, in->fd, in->path, err)) != 0)
		len = max; /* what was read of it is to be wiped */
	else if ((*kr = ring_new(room_for(len), in->hook)) == NULL)
		r = sstate_fail(err, SSTATE_ENOMEM, 0, "key ring: no memory");
	else {
		/* As before the read: what is written later makes it stale. */
		identify(*kr, &in->st);
		r = ring_parse(*kr, text, len, in->path, err);
	}
	wipe(text, len);
	return r != 0 ? r : ring_seal(*kr, err);
}

APART static int
fill_small(struct keyring **kr, const struct source *in,
    struct sstate_error *err)
{
	UNFILLED char text[SMALL];

	return fill(kr, text, sizeof(text), in, err);
}

APART static int
fill_large(struct keyring **kr, const struct source *in,
    struct sstate_error *err)
{
	UNFILLED char text[LIMIT_RING_BYTES];

	return fill(kr, text, sizeof(text), in, err);
}

int
keyring_load_in(struct keyring **out, const struct hook *h, const char *path,
    uid_t uid, struct sstate_error *err)
{
	struct source in = { .fd = -1, .path = path, .hook = h };
	char name[NAME_MAX + 1];
	struct keyring *kr = NULL;
	int dir = -1, r;

	*out = NULL;
	if ((r = ring_dir(&dir, name, path, uid, err)) != 0 ||
	    (r = ring_open(&in.fd, &in.st, dir, name, path, uid, O_RDONLY,
		 err)) != 0)
		goto out;
	/* One that grows meanwhile is refused: it is not to be written in. */
	r = in.st.st_size <= SMALL ? fill_small(&kr, &in, err)
				   : fill_large(&kr, &in, err);
	if (r != 0)
		goto out;
	*out = kr;
	kr = NULL; /* now the caller's */
out:
	if (in.fd >= 0)
		(void)close(in.fd);
	if (dir >= 0)
		(void)close(dir);
	keyring_free(kr);
	return r;
}

int
keyring_load(struct keyring **out, const char *path, uid_t uid,
    struct sstate_error *err)
{
	return keyring_load_in(out, NULL, path, uid, err);
}

int
keyring_stale(const struct keyring *kr, const char *path)
{
	struct stat st;

	if (kr->ino == 0)
		return 0; /* never had a file */
	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 1;
	return st.st_dev != kr->dev || st.st_ino != kr->ino ||
	    (uint64_t)st.st_size != kr->size ||
	    st.st_mtim.tv_sec != kr->mtime.tv_sec ||
	    st.st_mtim.tv_nsec != kr->mtime.tv_nsec ||
	    st.st_ctim.tv_sec != kr->ctime.tv_sec ||
	    st.st_ctim.tv_nsec != kr->ctime.tv_nsec;
}
