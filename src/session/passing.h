/*
 * passing.h - what expired is removed in passing, a little at a time
 *
 * So that a site without a cron job stays clean: after a request that wrote,
 * and after a put or removal under a name, a slice of at most 64 records,
 * once a minute in each process, and once a second while there is more.  A
 * process that does not live for a minute (CGI) does it at its end, one time
 * in 16: four records for each that it may have made.  A record goes an hour
 * after its end, so that until then "expired" is told from "unknown".  Off
 * with reap=0, where a store forgets by itself or cannot be reaped, and under
 * SSTATE_NO_CREATE.
 */
#ifndef SESSION_PASSING_H
#define SESSION_PASSING_H

#include <stdint.h>

struct sstate;

/* When the environment is opened. */
void passing_begin(struct sstate *env, int64_t now);
/* After the answer to a request that wrote; now is its own: no look at a
 * clock. */
void passing_wrote(struct sstate *env, int64_t now);
/* At the close. */
void passing_end(struct sstate *env);

#endif
