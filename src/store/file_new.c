/*
 * file_new.c - a record's file made aside, then put under its name at once
 *
 * Invariant: what gets a record's name is whole, its room is reserved (an
 * ending must find its slot on a full disk), and it is 0600 whatever the
 * umask says.
 */
#include "store/file_new.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/rand.h"
#include "store/file_io.h"
#include "store/file_lock.h"
#include "store/file_scan.h"
#include "store/file_slot.h"

enum { NO_REPLACE = 1, LITTER_AGE = 600, TEMP_LEN = 3 + 16 };

static int
failed(struct sstate_error *err, int e, const char *what)
{
	return sstate_fail(err, SSTATE_ESTORE, e, "file: new record: %s", what);
}

/* The directory of the record; a namespace that begins gets its state. */
static int
open_dirs(struct fnew *n, const struct sstate_key *key,
    struct sstate_error *err)
{
	char path[FDIR_PATH], *slash;
	int made, r;

	if ((r = fdir_record(path, key, err)) != 0)
		return r;
	slash = strrchr(path, '/');
	(void)snprintf(n->name, sizeof(n->name), "%s", slash + 1);
	*slash = '\0';
	if ((n->at = fdir_make(n->d, path, &made)) < 0)
		return failed(err, errno, "directory");
	if (made > 1) /* this one, and the namespace's */
		fscan_begin(n->d, key->ns);
	return 0;
}

static int
open_named(struct fnew *n, const struct sstate_key *key,
    struct sstate_error *err)
{
	char path[FDIR_PATH];
	unsigned char drawn[8];
	int made, r;

	if ((r = fdir_ns(path, key->ns, err)) != 0 ||
	    (r = rand_bytes(drawn, sizeof(drawn), err)) != 0)
		return r;
	(void)snprintf(path + strlen(path), 3, "/t");
	if ((n->tdir = fdir_make(n->d, path, &made)) < 0)
		return failed(err, errno, "directory");
	memcpy(n->temp, ".t-", 3);
	hex_encode(n->temp + 3, drawn, sizeof(drawn));
	n->fd = openat(n->tdir, n->temp,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (n->fd < 0) {
		r = errno;
		n->temp[0] = '\0';
		return failed(err, r, "open");
	}
	return 0;
}

static int
open_file(struct fnew *n, const struct sstate_key *key, int named,
    struct sstate_error *err)
{
	if (!named && !n->d->no_tmpfile) {
		n->fd =
		    openat(n->at, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (n->fd >= 0)
			return 0;
		/* Old kernels take the flag for O_DIRECTORY alone. */
		if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL &&
		    errno != ENOSYS)
			return failed(err, errno, "open");
		n->d->no_tmpfile = 1;
	}
	return open_named(n, key, err);
}

/* Where there is no fallocate(), zeros are written. */
static int
reserve(int fd, size_t size)
{
	static const unsigned char zeros[4096];
	size_t done, part;
	int e;

	while (fallocate(fd, 0, 0, (off_t)size) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return errno;
		for (done = 0; done < size; done += part) {
			part = size - done < sizeof(zeros) ? size - done
							   : sizeof(zeros);
			e = fio_write(fd, zeros, part, (off_t)done);
			if (e != 0)
				return e;
		}
		break;
	}
	return 0;
}

static int
fill(struct fnew *n, const struct sstate_record *rec, struct sstate_error *err)
{
	size_t len = FSLOT_HEAD + rec->body.len;
	unsigned char *slot;
	int e;

	if (fchmod(n->fd, 0600) != 0)
		return failed(err, errno, "fchmod");
	if ((e = reserve(n->fd, 2 * fslot_size(rec->body.len))) != 0)
		return failed(err, e, "reserve room");
	if ((slot = hook_alloc(&n->d->hook, len)) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "file: %zu bytes",
		    len);
	fslot_fill(slot, 1, rec->rev, rec);
	/* Nobody sees it before the sync below has returned. */
	slot[FSLOT_SYNCED] = n->d->sync != FSYNC_NONE;
	e = fio_write(n->fd, slot, len, 0);
	hook_free(&n->d->hook, slot, len);
	if (e != 0)
		return failed(err, e, "write");
	if (n->d->sync != FSYNC_NONE && (e = fio_sync(n->fd)) != 0)
		return failed(err, e, "fdatasync");
	return 0;
}

int
fnew_make(struct fnew *n, struct fdir *d, const struct sstate_key *key,
    const struct sstate_record *rec, int named, struct sstate_error *err)
{
	int r;

	memset(n, 0, sizeof(*n));
	n->d = d;
	n->fd = n->at = n->tdir = -1;
	if ((r = open_dirs(n, key, err)) != 0 ||
	    (r = open_file(n, key, named, err)) != 0)
		return r;
	return fill(n, rec, err);
}

/* A second link, even for a moment, would make the record unsafe to open. */
static int
link_named(struct fnew *n, struct sstate_error *err)
{
	if (syscall(SYS_renameat2, n->tdir, n->temp, n->at, n->name,
		NO_REPLACE) == 0) {
		n->temp[0] = '\0';
		return 0;
	}
	if (errno == EEXIST)
		return SSTATE_EEXIST;
	if (errno != EINVAL && errno != ENOSYS)
		return failed(err, errno, "rename");
	if (linkat(n->tdir, n->temp, n->at, n->name, 0) == 0)
		return 0; /* fnew_done() removes the other name */
	return errno == EEXIST ? SSTATE_EEXIST : failed(err, errno, "link");
}

int
fnew_link(struct fnew *n, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	char proc[40];
	int r;

	if (n->temp[0] != '\0')
		return link_named(n, err);
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", n->fd);
	if (linkat(AT_FDCWD, proc, n->at, n->name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno == EEXIST)
		return SSTATE_EEXIST;
	if (errno != ENOENT && errno != ENOTDIR && errno != EXDEV)
		return failed(err, errno, "link");
	/* No /proc here (a chroot): under a name of its own, then. */
	n->d->no_tmpfile = 1;
	(void)fio_close(n->fd);
	n->fd = -1;
	if ((r = open_named(n, key, err)) != 0 || (r = fill(n, rec, err)) != 0)
		return r;
	return link_named(n, err);
}

int
fnew_over(struct fnew *n, struct sstate_error *err)
{
	int e;

	if ((e = flock_take(n->fd, 0, 0)) != 0)
		return failed(err, e, "lock");
	if (renameat(n->tdir, n->temp, n->at, n->name) != 0)
		return failed(err, errno, "rename");
	n->temp[0] = '\0';
	return n->d->sync != FSYNC_NONE ? fnew_sync(n, err) : 0;
}

int
fnew_sync(struct fnew *n, struct sstate_error *err)
{
	int e = fio_sync_dir(n->at);

	return e != 0 ? failed(err, e, "fsync of the directory") : 0;
}

int
fnew_done(struct fnew *n, struct sstate_error *err)
{
	int e;

	if (n->temp[0] != '\0')
		(void)unlinkat(n->tdir, n->temp, 0);
	n->temp[0] = '\0';
	e = fio_close(n->fd);
	(void)fio_close(n->at);
	(void)fio_close(n->tdir);
	n->fd = n->at = n->tdir = -1;
	return e != 0 ? failed(err, e, "close") : 0;
}

static int
litter(int dirfd, const char *name, uid_t uid, int64_t now)
{
	unsigned char drawn[8];
	struct stat st;

	if (strlen(name) != TEMP_LEN || memcmp(name, ".t-", 3) != 0 ||
	    hex_decode(drawn, sizeof(drawn), name + 3, 16) != 8)
		return 0;
	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_uid == uid &&
	    st.st_mtim.tv_sec < now - LITTER_AGE;
}

void
fnew_sweep(struct fdir *d, const char *ns)
{
	char path[FDIR_PATH];
	const struct dirent *e;
	DIR *dir;
	int fd;

	if (fdir_ns(path, ns, NULL) != 0)
		return;
	(void)snprintf(path + strlen(path), 3, "/t");
	if ((fd = fdir_sub(d, path)) < 0)
		return;
	if ((dir = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (litter(dirfd(dir), e->d_name, d->uid, clock_wall()))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	(void)closedir(dir);
}
