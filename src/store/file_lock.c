/*
 * file_lock.c - the lock on a file itself, by its open description
 *
 * Invariant: no wait is longer than its limit and one nap.
 */
#include "store/file_lock.h"

#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"

enum { NAP_FIRST_US = 100, NAP_MAX_US = 20000 };

static int
set(int fd, int type)
{
	struct flock fl = { 0 };

	fl.l_type = (short)type;
	fl.l_whence = SEEK_SET;
	while (fcntl(fd, F_OFD_SETLK, &fl) != 0)
		if (errno != EINTR)
			return errno == EACCES ? EAGAIN : errno;
	return 0;
}

int
flock_take(int fd, int shared, int64_t wait_ms)
{
	int type = shared ? F_RDLCK : F_WRLCK, r;
	uint64_t start, now, nap = NAP_FIRST_US;

	if ((r = set(fd, type)) != EAGAIN || wait_ms <= 0)
		return r;
	start = now = clock_mono_us();
	do {
		/* Half of it is jitter: those who wait must not march. */
		clock_nap_us(nap / 2 + now % (nap / 2 + 1));
		if ((r = set(fd, type)) != EAGAIN)
			return r;
		now = clock_mono_us();
		nap = nap * 2 < NAP_MAX_US ? nap * 2 : NAP_MAX_US;
	} while (now - start < (uint64_t)wait_ms * 1000u);
	return EAGAIN;
}

void
flock_drop(int fd)
{
	(void)set(fd, F_UNLCK);
}
