/*
 * walled.h - pages for keys alone: locked, out of core files, walled in
 *
 * What is in it is read-only once it is sealed.  A page that may not be
 * touched is on either side.
 */
#ifndef CRYPTO_WALLED_H
#define CRYPTO_WALLED_H

#include <stddef.h>

/* Zeroed, to be written; NULL when there is no memory.  n is not 0. */
void *walled_new(size_t n);
/* 0, or an errno. */
int walled_seal(void *p, size_t n);
/* Wiped first; p may be NULL. */
void walled_free(void *p, size_t n);

#endif
