/*
 * rand.h - random bytes from the kernel, or a failure
 *
 * Nothing is buffered, so nothing is shared after a fork.  There is no
 * fall-back: where the kernel gives none, no id is made.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>

struct sstate_error;

/* 0, or SSTATE_ESYS. */
int rand_bytes(void *out, size_t n, struct sstate_error *err);
/* Two draws that must differ and not be all zero: once, at open. */
int rand_selftest(struct sstate_error *err);

#endif
