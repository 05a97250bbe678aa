/*
 * ring_file.h - the ring's file, for those who read it and who replace it
 */
#ifndef CRYPTO_RING_FILE_H
#define CRYPTO_RING_FILE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/limits.h"

struct sstate_error;

/*
 * The directory of path, by O_PATH, and the last name.  Every directory
 * above was opened without following a symlink, is root's or uid's, and
 * nobody else can write in it, or it is sticky (F-02).
 */
int ring_dir(int *fd, char name[NAME_MAX + 1], const char *path, uid_t uid,
    struct sstate_error *err);
/* The file itself, checked by its descriptor. */
int ring_open(int *fd, struct stat *st, int dir, const char *name,
    const char *path, uid_t uid, int flags, struct sstate_error *err);
/* All of it, max bytes at most; the caller wipes text. */
int ring_read(char *text, size_t max, size_t *len, int fd, const char *path,
    struct sstate_error *err);

/* A ring's text as it grows; it holds secrets. */
struct ring_text {
	char buf[LIMIT_RING_BYTES];
	size_t len;
	int full; /* something did not fit */
};

/* Append; no printf ever sees a secret. */
void ring_put(struct ring_text *t, const void *p, size_t n);
void ring_put_str(struct ring_text *t, const char *s);
void ring_put_num(struct ring_text *t, int64_t v);
/* One entry's line with a fresh secret; SSTATE_ESYS without random bytes. */
int ring_put_fresh(struct ring_text *t, uint8_t kid, int64_t not_before,
    int64_t min_created, struct sstate_error *err);

/*
 * Make name in dir from t, synced, 0600: replace is 0 (SSTATE_EEXIST if it
 * is there) or 1.
 */
int ring_write(int dir, const char *name, const struct ring_text *t,
    int replace, uid_t uid, const char *path, struct sstate_error *err);

#endif
