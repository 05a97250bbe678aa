/*
 * file_rec.h - one record's file, open: read, locked, written, ended
 *
 * A frec keeps its descriptor and the image it read last, so that what
 * follows a read need not open again.  Writing wants the lock, which ends
 * with frec_close().  Paths are fdir_record()'s.
 */
#ifndef STORE_FILE_REC_H
#define STORE_FILE_REC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "store/file_dir.h"
#include "store/file_slot.h"

enum { FREC_MOVED = 1 };

struct frec {
	struct fdir *d;
	int fd; /* -1: none */
	int readonly; /* the file system is */
	dev_t dev;
	ino_t ino;
	size_t size; /* of the file, which never changes */
	unsigned char *img;
	size_t cap;
	struct fslot s; /* of img; its body lies there */
	/* Whose it is, while it is open, and the path of that. */
	unsigned char id[SSTATE_ID_BYTES];
	char ns[LIMIT_NS_BYTES + 1];
	char path[FDIR_PATH];
};

void frec_init(struct frec *r, struct fdir *d);
/* Closes and frees. */
void frec_done(struct frec *r);

/* ENOTFOUND plainly; EUNSAFE for what is none of ours (section 3.2). */
int frec_open(struct frec *r, const struct sstate_key *key,
    struct sstate_error *err);
/* Is it open, and that one's? */
int frec_is(const struct frec *r, const struct sstate_key *key);
/* Closes, and so unlocks; SSTATE_ESTORE if that reports a failed write. */
int frec_close(struct frec *r, struct sstate_error *err);

/*
 * Read without a lock: never half a record, nor an older one than was
 * acknowledged when this began.  ENOTFOUND: ended.  EAUTH: damaged.
 */
int frec_read(struct frec *r, struct sstate_error *err);
/* Under the lock, and without it afterwards. */
int frec_reread(struct frec *r, struct sstate_error *err);
/*
 * Lock, see that the name still leads here, read: s.at may be -1.
 * FREC_MOVED: it does not, open again.  EBUSY after wait_ms.
 */
int frec_lock(struct frec *r, int64_t wait_ms, struct sstate_error *err);

/* Under the lock: does a body of that length fit? */
int frec_fits(const struct frec *r, size_t body);
/* Under the lock, after frec_lock() found a valid slot. */
int frec_put(struct frec *r, const struct sstate_record *rec,
    struct sstate_error *err);
/* Under the lock: ended slot, synced unless sync is none, name removed. */
int frec_end(struct frec *r, int sync, struct sstate_error *err);
/* The directory that holds its name. */
int frec_sync_name(struct frec *r, struct sstate_error *err);
/* Under the lock: the name alone, of what has ended. */
int frec_unlink(struct frec *r, struct sstate_error *err);

#endif
