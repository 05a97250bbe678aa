/*
 * whole.c - a caller's struct, of whatever version, made whole
 *
 * Invariant: what a caller asks for that this library does not know is never
 * taken for something else.
 */
#include "base/whole.h"

#include <string.h>

#include <securestate/store.h>

int
whole_copy(void *dst, size_t full, const void *src, const char *what,
    struct sstate_error *err)
{
	const unsigned char *p = src;
	size_t size, have, i;

	memcpy(&size, src, sizeof(size));
	have = size < full ? size : full;
	if (size < sizeof(size))
		have = 0;
	memcpy(dst, src, have);
	memset((char *)dst + have, 0, full - have);
	if (have == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: no size: use its _INIT", what);
	for (i = full; i < size; i++)
		if (p[i] != 0)
			return sstate_fail(err, SSTATE_EVERSION, 0,
			    "%s: made for a newer library", what);
	return 0;
}
