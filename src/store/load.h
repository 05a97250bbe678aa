/*
 * load.h - from a scheme to a driver's table
 *
 * What the program gave comes first, then what is linked in, then a file of
 * the drivers' folder (plugin.h).  A table is looked at only after its ABI
 * and size are known to be ours.
 */
#ifndef STORE_LOAD_H
#define STORE_LOAD_H

#include <stdint.h>

#include <securestate/store.h>

/* Made by the build: what is linked in, NULL last. */
extern const struct sstate_driver *const load_built_in[];

/*
 * given: NULL last, or NULL.  flags: SSTATE_NO_PLUGINS.  SSTATE_ENOTSUP if no
 * driver has that scheme.
 */
int load_driver(const struct sstate_driver **out, const char *scheme,
    const struct sstate_driver *const *given, uint32_t flags,
    struct sstate_error *err);
/* ABI and size (EVERSION); scheme and the slots that must be there (EINVAL). */
int load_check(const struct sstate_driver *d, struct sstate_error *err);

#endif
