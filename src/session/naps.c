/*
 * naps.c - the waits between the attempts of one change that met others
 *
 * Invariant: finite (I6): LIMIT_COMMIT_SECONDS, and however slow each
 * attempt is, no fewer than LIMIT_COMMIT_TRIES of them.
 */
#include "session/naps.h"

#include <unistd.h>

#include <securestate.h>

#include "base/clock.h"
#include "base/limits.h"

enum { NAP_MIN_US = 20, NAP_MAX_US = 20000 };

int
naps_next(struct naps *w)
{
	uint64_t now = clock_mono_us(), span;

	if (w->n++ == 0) {
		w->began_us = now;
		return 0; /* most races are lost once: no nap */
	}
	if (w->n > LIMIT_COMMIT_TRIES &&
	    now - w->began_us > LIMIT_COMMIT_SECONDS * 1000000ull)
		return SSTATE_EBUSY;
	span = (uint64_t)NAP_MIN_US << (w->n < 10 ? w->n : 10);
	if (span > NAP_MAX_US)
		span = NAP_MAX_US;
	/* Jitter: not secret, only different in each process and attempt. */
	clock_nap_us((now * 2654435761u + (uint64_t)getpid() * 40503u) % span);
	return 0;
}
