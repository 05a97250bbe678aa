/*
 * file_index.c - which records expire when: entries are made here
 *
 * Invariant: when findex_add() has returned 0 the entry lies in a bucket
 * that no reaper had claimed by then.
 */
#include "store/file_index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/clock.h"
#include "store/file_bucket.h"
#include "store/file_io.h"

enum { TRIES = 16 };

void
findex_init(struct findex *x)
{
	memset(x, 0, sizeof(*x));
	x->fd = -1;
	x->first = x->earliest = INT64_MIN;
}

void
findex_done(struct findex *x)
{
	(void)fio_close(x->fd);
	x->fd = -1;
}

static int
failed(struct sstate_error *err, int e)
{
	return sstate_fail(err, SSTATE_ESTORE, e, "file: expiry index");
}

int
findex_needs(int64_t was, int64_t expires)
{
	return expires != 0 &&
	    (was == 0 || expires < was ||
		fbucket_of(was) != fbucket_of(expires));
}

/* EACCES: its maker has a strange umask, and has not come to fchmod() yet. */
static int
open_bucket(struct fdir *d, const char *path, const char *ns)
{
	char dir[FDIR_PATH];
	int fd, at, made, tries;

	for (tries = 0; tries < TRIES; tries++) {
		fd = fdir_at(d, path, O_WRONLY | O_APPEND | O_CREAT, 0600);
		if (fd >= 0)
			return fd;
		if (errno == EACCES)
			clock_nap_us(1000);
		else if (errno != ENOENT || fbucket_dir(dir, ns, NULL) != 0)
			return -1;
		else if ((at = fdir_make(d, dir, &made)) < 0)
			return -1;
		else
			(void)close(at);
	}
	return -1;
}

/* A guest's bucket is the owner's from birth: of root's he could use none. */
static int
open_as_owner(struct fdir *d, const char *path, const char *ns)
{
	int fd = -1, e = EPERM;

	if (!d->guest)
		return open_bucket(d, path, ns);
	(void)setfsgid(d->gid);
	(void)setfsuid(d->uid);
	/* Neither call tells of a failure. */
	if ((uid_t)setfsuid((uid_t)-1) == d->uid) {
		fd = open_bucket(d, path, ns);
		e = errno;
	}
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	errno = e;
	return fd;
}

static int
enter(struct findex *x, struct fdir *d, const char *path, const char *ns,
    int64_t bucket, struct sstate_error *err)
{
	struct stat st;
	int r;

	findex_done(x);
	if ((x->fd = open_as_owner(d, path, ns)) < 0)
		return failed(err, errno);
	if ((r = fdir_check(d, x->fd, &st, "expiry index", err)) != 0) {
		findex_done(x);
		return r;
	}
	if ((st.st_mode & 0777) != 0600 && fchmod(x->fd, 0600) != 0) {
		findex_done(x);
		return failed(err, errno);
	}
	x->dev = st.st_dev;
	x->ino = st.st_ino;
	x->bucket = bucket;
	(void)memcpy(x->ns, ns, strlen(ns) + 1);
	return 0;
}

int
fbucket_put(struct findex *x, struct fdir *d, const char *ns, int64_t bucket,
    const unsigned char *entries, size_t n, struct sstate_error *err)
{
	char path[FDIR_PATH];
	ssize_t w;
	int r, tries;

	if ((r = fbucket_path(path, ns, bucket, err)) != 0)
		return r;
	for (tries = 0; tries < TRIES; tries++) {
		if ((x->fd < 0 || x->bucket != bucket ||
			strcmp(x->ns, ns) != 0) &&
		    (r = enter(x, d, path, ns, bucket, err)) != 0)
			return r;
		/* A short one is passed over by readers: all of it again. */
		w = write(x->fd, entries, n);
		if (w < 0 && errno != EINTR)
			return failed(err, errno);
		if (w != (ssize_t)n)
			continue;
		r = fdir_leads(d, path, x->dev, x->ino);
		if (r < 0)
			return failed(err, errno);
		if (r > 0)
			return 0;
		findex_done(x);
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "file: expiry index: claimed again and again");
}

int
findex_add(struct findex *x, struct fdir *d, const struct sstate_key *key,
    int64_t expires, struct sstate_error *err)
{
	unsigned char entry[FINDEX_ENTRY];

	fbucket_entry(entry, key->id, expires, 0);
	return fbucket_put(x, d, key->ns, fbucket_of(expires), entry,
	    sizeof(entry), err);
}

int
findex_confirm(struct findex *x, struct fdir *d, const struct sstate_key *key,
    int64_t expires, struct sstate_error *err)
{
	char path[FDIR_PATH];
	int64_t bucket = fbucket_of(expires);
	int r;

	if ((r = fbucket_path(path, key->ns, bucket, err)) != 0)
		return r;
	if (x->fd >= 0 && x->bucket == bucket && strcmp(x->ns, key->ns) == 0 &&
	    fdir_leads(d, path, x->dev, x->ino) == 1)
		return 0;
	return findex_add(x, d, key, expires, err);
}
