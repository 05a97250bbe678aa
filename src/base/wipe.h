/* wipe.h - overwrite what was secret, so that no compiler removes it */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>

void wipe(void *p, size_t n);

#endif
