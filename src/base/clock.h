/* clock.h - the system's clocks, in whole seconds or microseconds */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall(void); /* seconds since the epoch */
int64_t clock_boot(void); /* seconds since boot, sleep included */
uint64_t clock_mono_us(void); /* microseconds, for durations */
void clock_nap_us(uint64_t us); /* sleep; EINTR ends it early */

#endif
