/*
 * places.h - where state and keys are when nobody says
 */
#ifndef SESSION_PLACES_H
#define SESSION_PLACES_H

#include <securestate.h>

#include "base/arena.h"

/*
 * Fills the list of store URIs (NULL last) and the ring's path (NULL: a ring
 * in memory) from the options, else from SECURESTATE_STORES and
 * SECURESTATE_KEYRING, else from the default place.  SSTATE_EUNSAFE with one
 * line that names what mends it where there is no place.
 */
int places_find(const char *const **stores, const char **ring,
    const struct sstate_options *o, struct arena *a, struct sstate_error *err);

#endif
