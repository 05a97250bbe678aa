/*
 * file_clock.c - the latest time that any process of this store has seen
 *
 * Invariant: the file's time is never moved back.
 */
#include "store/file_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <securestate/store.h>

static const char name[] = "clock";

enum { RAISE_EVERY = 60 };

static int
failed(struct sstate_error *err, int e)
{
	return sstate_fail(err, SSTATE_ESTORE, e, "file: clock");
}

/* Made on first use; another maker may be faster. */
static int
look(int64_t *at, struct fdir *d, struct sstate_error *err)
{
	struct stat st;
	int fd;

	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			return failed(err, errno);
		*at = INT64_MIN;
		if (d->guest)
			return 0;
		fd = fdir_at(d, name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 && errno != EEXIST)
			return failed(err, errno);
		if (fd >= 0) {
			(void)fchmod(fd, 0600);
			(void)close(fd);
		}
		return 0;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != d->uid)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "file: clock: no file of ours");
	*at = (int64_t)st.st_mtim.tv_sec;
	return 0;
}

static int
raise_to(struct fdir *d, int64_t now, struct sstate_error *err)
{
	struct timespec ts[2];

	memset(ts, 0, sizeof(ts));
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = (time_t)now;
	if (utimensat(d->fd, name, ts, AT_SYMLINK_NOFOLLOW) != 0)
		return failed(err, errno);
	return 0;
}

int
fclock_latest(int64_t *seen, struct fdir *d, struct fclock *k, int64_t now,
    struct sstate_error *err)
{
	int64_t at = INT64_MIN;
	int r;

	*seen = now;
	if (!k->known || now > k->seen) {
		if ((r = look(&at, d, err)) != 0)
			return r;
		if (!d->guest && (at == INT64_MIN || now - at >= RAISE_EVERY) &&
		    (r = raise_to(d, now, err)) != 0)
			return r;
		if (!k->known || at > k->seen)
			k->seen = at;
		k->known = 1;
	}
	if (now > k->seen)
		k->seen = now;
	*seen = k->seen;
	return 0;
}
