/*
 * file_reap.h - one record judged by the reaper, under its lock
 */
#ifndef STORE_FILE_REAP_H
#define STORE_FILE_REAP_H

#include <stdint.h>

struct frec;
struct sstate_error;
struct sstate_key;

enum {
	FREAP_ABSENT, /* or had ended: then its name was removed */
	FREAP_REMOVED,
	FREAP_LIVE, /* r is open, locked, read */
	FREAP_DAMAGED, /* likewise */
	FREAP_FOREIGN, /* not touched */
	FREAP_LATER /* locked by others, or a failure: err says */
};

/* Ends it if it expires by before, and not at 0; close r then. */
int freap_one(struct frec *r, const struct sstate_key *key, int64_t before,
    struct sstate_error *err);

#endif
