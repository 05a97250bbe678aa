/*
 * walled.h - pages for keys alone: locked, out of core files, walled in
 *
 * What is in it is read-only once it is sealed.  A page that may not be
 * touched is on either side.
 */
#ifndef CRYPTO_WALLED_H
#define CRYPTO_WALLED_H

#include <stdbool.h>
#include <stddef.h>

struct hook;

/*
 * Zeroed, to be written; NULL when there is no memory.  n is not 0.  nested:
 * it lies in h's nest, as far as that has pages; h may be NULL.
 */
void *walled_new(bool *nested, size_t n, const struct hook *h);
/* 0, or an errno. */
int walled_seal(void *p, size_t n);
/* Wiped first; p may be NULL. */
void walled_free(void *p, size_t n, bool nested);

#endif
