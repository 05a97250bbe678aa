/*
 * file_io.c - system calls of the file store, repeated where they must be
 *
 * Invariant: a 0 means that all of it was done.
 */
#include "store/file_io.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int
fio_read(size_t *got, int fd, void *p, size_t n, off_t at)
{
	unsigned char *to = p;
	size_t have = 0;
	ssize_t r;

	while (have < n) {
		r = pread(fd, to + have, n - have, at + (off_t)have);
		if (r == 0)
			break;
		if (r > 0)
			have += (size_t)r;
		else if (errno != EINTR) {
			*got = 0;
			return errno;
		}
	}
	*got = have;
	return 0;
}

int
fio_write(int fd, const void *p, size_t n, off_t at)
{
	const unsigned char *from = p;
	size_t done = 0;
	ssize_t r;

	while (done < n) {
		r = pwrite(fd, from + done, n - done, at + (off_t)done);
		if (r > 0)
			done += (size_t)r;
		else if (r == 0)
			return EIO;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

int
fio_sync(int fd)
{
	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int
fio_sync_dir(int fd)
{
	while (fsync(fd) != 0) {
		if (errno == EINVAL || errno == ENOTSUP)
			return 0;
		if (errno != EINTR)
			return errno;
	}
	return 0;
}

int
fio_close(int fd)
{
	if (fd >= 0 && close(fd) != 0 && errno != EINTR)
		return errno;
	return 0;
}

int
fio_limited(void)
{
	struct rlimit rl;

	return getrlimit(RLIMIT_FSIZE, &rl) == 0 &&
	    rl.rlim_cur != RLIM_INFINITY;
}

void
fio_guard(struct fio_guard *g, int limited)
{
	sigset_t set;

	g->on = 0;
	if (!limited)
		return;
	(void)sigemptyset(&set);
	(void)sigpending(&set);
	g->pending = sigismember(&set, SIGXFSZ) == 1;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	g->on = pthread_sigmask(SIG_BLOCK, &set, &g->old) == 0;
}

void
fio_unguard(struct fio_guard *g)
{
	static const struct timespec none;
	sigset_t set;

	if (!g->on)
		return;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	if (!g->pending)
		while (sigtimedwait(&set, NULL, &none) < 0 && errno == EINTR)
			;
	(void)pthread_sigmask(SIG_SETMASK, &g->old, NULL);
	g->on = 0;
}
