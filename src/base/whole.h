/*
 * whole.h - a caller's struct, of whatever version, made whole
 */
#ifndef BASE_WHOLE_H
#define BASE_WHOLE_H

#include <stddef.h>

struct sstate_error;

/*
 * Copy a caller's struct of any size into dst of size full: what is missing
 * is zero, a tail that is not zero is SSTATE_EVERSION.
 */
int whole_copy(void *dst, size_t full, const void *src, const char *what,
    struct sstate_error *err);

#endif
