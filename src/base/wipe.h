/* wipe.h - overwrite what was secret, so that no compiler removes it */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>

void wipe(void *p, size_t n);

/* A large buffer that is filled before it is read: not zeroed beforehand. */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define UNFILLED __attribute__((uninitialized))
#endif
#endif
#ifndef UNFILLED
#define UNFILLED
#endif

#endif
