/*
 * file_new.h - a record's file made aside, then put under its name at once
 *
 * Nobody sees it before it is whole, and on disk unless sync=none.  A kill
 * leaves nothing (O_TMPFILE), or one file in t/ that the reaper sweeps.
 */
#ifndef STORE_FILE_NEW_H
#define STORE_FILE_NEW_H

#include <stdint.h>

#include "store/file_dir.h"

struct sstate_error;
struct sstate_key;
struct sstate_record;

struct fnew {
	struct fdir *d;
	int fd; /* -1: none */
	int at; /* directory of the record */
	int tdir; /* that of files in the making, or -1 */
	char name[64]; /* of the record, in at */
	char temp[24]; /* in tdir; "": it has no name */
};

/* named: for fnew_over().  Directories that are missing are made. */
int fnew_make(struct fnew *n, struct fdir *d, const struct sstate_key *key,
    const struct sstate_record *rec, int named, struct sstate_error *err);
/* Give it its name; plain EEXIST if that is taken. */
int fnew_link(struct fnew *n, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err);
/*
 * Put it in the place of the record, which the caller has locked.  It is
 * locked itself until fnew_done(): who writes to it next must not be
 * acknowledged under a name that a power cut takes back.
 */
int fnew_over(struct fnew *n, struct sstate_error *err);
/* Sync the record's directory. */
int fnew_sync(struct fnew *n, struct sstate_error *err);
/* Closes; removes what was not put in place. */
int fnew_done(struct fnew *n, struct sstate_error *err);

/* Remove files in t/ that are older than ten minutes. */
void fnew_sweep(struct fdir *d, const char *ns);

#endif
