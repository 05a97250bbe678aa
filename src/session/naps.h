/* naps.h - the waits between the attempts of one change that met others */
#ifndef SESSION_NAPS_H
#define SESSION_NAPS_H

#include <stdint.h>

struct naps {
	uint64_t began_us; /* at the first */
	unsigned n;
};

/* Wait a little, the first time not; SSTATE_EBUSY once time is over. */
int naps_next(struct naps *w);

#endif
