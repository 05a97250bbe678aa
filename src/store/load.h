/*
 * load.h - from a scheme to a driver's table
 *
 * What the program gave comes first, then what is built in.  A table is
 * looked at only after its ABI and size are known to be ours.
 */
#ifndef STORE_LOAD_H
#define STORE_LOAD_H

#include <stdint.h>

#include <securestate/store.h>

/* given: NULL last, or NULL.  SSTATE_ENOTSUP if no driver has that scheme. */
int load_driver(const struct sstate_driver **out, const char *scheme,
    const struct sstate_driver *const *given, struct sstate_error *err);
/* ABI and size (EVERSION); scheme and the slots that must be there (EINVAL). */
int load_check(const struct sstate_driver *d, struct sstate_error *err);

#endif
