/*
 * file_io.h - system calls of the file store, repeated where they must be
 *
 * Each returns 0 or an errno.  EINTR and short transfers are repeated; no
 * failure is (a write that failed, fsync above all, failed for good).
 */
#ifndef STORE_FILE_IO_H
#define STORE_FILE_IO_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* *got is less than n at the end of the file only. */
int fio_read(size_t *got, int fd, void *p, size_t n, off_t at);
int fio_write(int fd, const void *p, size_t n, off_t at);
/* The data of a file. */
int fio_sync(int fd);
/* A directory; file systems that cannot do it are passed over. */
int fio_sync_dir(int fd);
/* Linux closes in any case, so EINTR is a success.  fd -1: nothing. */
int fio_close(int fd);

/*
 * While RLIMIT_FSIZE is set a write may raise SIGXFSZ, which is the
 * application's and ends it by default: hold it back in this thread.
 */
struct fio_guard {
	int on, pending;
	sigset_t old;
};

int fio_limited(void);
void fio_guard(struct fio_guard *g, int limited);
void fio_unguard(struct fio_guard *g);

#endif
