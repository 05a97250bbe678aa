/*
 * file_lock.h - the lock on a file itself, by its open description
 *
 * F_OFD_SETLK (Linux 3.15): other than a POSIX lock it is not lost when
 * another descriptor of the file is closed in this process.  The kernel
 * drops it with the last descriptor, so a killed writer leaves none.  The
 * application's signals are not used, so a wait is naps (section 3.4).
 */
#ifndef STORE_FILE_LOCK_H
#define STORE_FILE_LOCK_H

#include <stdint.h>

/* 0; EAGAIN after wait_ms of waiting; or another errno. */
int flock_take(int fd, int shared, int64_t wait_ms);
void flock_drop(int fd);

#endif
