/*
 * clock.c - the system's clocks, in whole seconds or microseconds
 */
#include "base/clock.h"

#include <time.h>

static int64_t
seconds(clockid_t which)
{
	struct timespec ts;

	if (clock_gettime(which, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec;
}

int64_t
clock_wall(void)
{
#ifdef CLOCK_REALTIME_COARSE
	/* As time() does; the kernel's tick is finer than a second. */
	return seconds(CLOCK_REALTIME_COARSE);
#else
	return seconds(CLOCK_REALTIME);
#endif
}

int64_t
clock_boot(void)
{
	return seconds(CLOCK_BOOTTIME);
}

uint64_t
clock_mono_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

void
clock_nap_us(uint64_t us)
{
	struct timespec ts;

	ts.tv_sec = (time_t)(us / 1000000u);
	ts.tv_nsec = (long)(us % 1000000u) * 1000L;
	(void)nanosleep(&ts, NULL);
}
