/*
 * keyring_edit.h - the ring's file changed: rotated, retired, raised
 *
 * Each is one replacement of the file under a lock on it: readers see the
 * old ring or the new one.  Comments stay.  uid is the owner (root may edit
 * a user's ring in his name).  Errors are those of keyring_load(), and
 * SSTATE_EBUSY if another editor keeps the lock for ten seconds.
 */
#ifndef CRYPTO_KEYRING_EDIT_H
#define CRYPTO_KEYRING_EDIT_H

#include <stdint.h>
#include <sys/types.h>

struct sstate_error;

/* A new entry reaches all processes before it issues. */
enum { ROTATE_DELAY = 60 /* seconds */ };

/*
 * A new entry, *kid, that issues from now + delay on.  Those before it are
 * retired max_lifetime after that; the secrets of those that are retired
 * already are erased, and marks older than twice max_lifetime are removed.
 */
int keyring_rotate(uint8_t *kid, const char *path, uid_t uid, int64_t now,
    int64_t delay, struct sstate_error *err);
/*
 * Erase kid's secret at once (compromise): all its sessions end.  If nothing
 * is left that issues, a new entry does, from now on.  SSTATE_ENOTFOUND if
 * the ring has no such entry.
 */
int keyring_retire(const char *path, uid_t uid, uint8_t kid, int64_t now,
    struct sstate_error *err);
/* All records created before that are dead (restore, emergency). */
int keyring_raise(const char *path, uid_t uid, int64_t min_created,
    struct sstate_error *err);

#endif
