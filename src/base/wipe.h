/*
 * wipe.h - overwrite what was secret, so that no compiler removes it
 *
 * In line, for most of it is a few words whose number is known: the empty
 * asm is told of the place and may read all memory, so the zeros are there.
 */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stddef.h>
#include <string.h>

static inline void
wipe(void *p, size_t n)
{
#ifdef __GNUC__
	if (n > 0)
		memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory");
#else
	if (n > 0)
		explicit_bzero(p, n);
#endif
}

#endif
