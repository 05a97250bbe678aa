/*
 * file_clock.h - the latest time that any process of this store has seen
 *
 * It is the mtime of a file, so that to look is one system call, at most
 * once a second, and to raise it another, once a minute.  Its bytes
 * mean nothing.
 */
#ifndef STORE_FILE_CLOCK_H
#define STORE_FILE_CLOCK_H

#include <stdint.h>

#include "store/file_dir.h"

struct sstate_error;

struct fclock {
	int known;
	int64_t seen; /* by this context; an earlier now costs nothing */
};

int fclock_latest(int64_t *seen, struct fdir *d, struct fclock *k, int64_t now,
    struct sstate_error *err);

#endif
