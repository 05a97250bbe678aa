/*
 * file_dir.h - the file store's directory: opened once, walked to in safety
 *
 *	n.<ns>/<2 hex>/<62 hex>		a record, named by its key
 *	n.<ns>/x/			expiry index (file_index.h)
 *	n.<ns>/u/			user index (file_user.h)
 *	n.<ns>/t/			files that are being made
 *	n.<ns>/boot			state of the reaper (file_scan.h)
 *	clock				its mtime: the latest time seen
 *
 * In a namespace's name "=x" stands for "X", so that no two of them meet on
 * a file system that ignores case.  What else lies here is foreign (the key
 * ring may be) and is never touched.
 */
#ifndef STORE_FILE_DIR_H
#define STORE_FILE_DIR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"

struct sstate_error;
struct sstate_key;

enum { FDIR_PATH = 208, FDIR_NS = 72 };
enum { FSYNC_NONE, FSYNC_DATA, FSYNC_FULL };

struct fdir {
	int fd; /* every path below is relative to it */
	uid_t uid; /* whose all that lies in it must be */
	gid_t gid; /* the directory's */
	int guest; /* root in another user's directory: makes nothing as root */
	int sync; /* FSYNC_* */
	int no_openat2; /* the kernel lacks it */
	int no_tmpfile; /* O_TMPFILE or /proc is not there */
	int limited; /* fio_limited() */
	int64_t wait_ms; /* for a lock */
	size_t max_body;
	size_t max_file;
	struct hook hook;
};

/*
 * Sets fd, uid and limited.  path may be relative to the working directory.
 * SSTATE_EUNSAFE as F-02, F-03 and F-05 say; with create, missing
 * directories are made, 0700.  Without it root may enter another user's
 * directory, to clean it: its owner then stands for the own uid, and nothing
 * is made that the owner could not use.
 */
int fdir_open(struct fdir *d, const char *path, int create,
    struct sstate_error *err);
void fdir_close(struct fdir *d);
/* F-03: may the store itself have these properties? */
int fdir_self_ok(const struct stat *st, uid_t uid);
/* F-05: NULL, or the name of a file system on which locks cannot be had. */
const char *fdir_refused(unsigned long fstype);

/* Paths below d; 0 or SSTATE_EINVAL (a namespace with other octets). */
int fdir_ns(char *out, const char *ns, struct sstate_error *err);
int fdir_record(char *out, const struct sstate_key *key,
    struct sstate_error *err);

/*
 * openat() below d that follows no symbolic link, leaves neither the
 * directory nor its file system, and never blocks (section 3.2).  -1: errno.
 */
int fdir_at(struct fdir *d, const char *path, int flags, mode_t mode);
/* A directory below d, for reading; -1: errno. */
int fdir_sub(struct fdir *d, const char *path);
/*
 * The same, made with its parents if missing; *made says how many were,
 * the last one included.
 */
int fdir_make(struct fdir *d, const char *path, int *made);
/* The directory that path lies in; *name is the rest of path. */
int fdir_above(struct fdir *d, const char *path, const char **name);

/*
 * Is this open file one of ours: regular, our owner's, nobody else's to
 * read, without a second name (section 3.2)?  SSTATE_EUNSAFE if not.
 */
int fdir_check(const struct fdir *d, int fd, struct stat *st, const char *what,
    struct sstate_error *err);
/* Does path still lead to that file?  1, 0; or -1: errno. */
int fdir_leads(const struct fdir *d, const char *path, dev_t dev, ino_t ino);

#endif
