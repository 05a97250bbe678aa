/*
 * file_user.h - whose records: a directory per tag, an empty file per record
 *
 *	n.<ns>/u/<2 hex>/<30 hex>/<64 hex>	tag, then key
 *
 * An entry is there, and on disk unless sync=none, before its record first
 * carries the tag.  A kill can leave one too many, never one too few: who
 * reads an entry looks at the record.
 */
#ifndef STORE_FILE_USER_H
#define STORE_FILE_USER_H

#include <securestate/store.h>

#include "store/file_dir.h"

struct frec;

/* Is it somebody's? */
int fuser_tagged(const unsigned char *tag);
/* *made: the entry was not there before. */
int fuser_add(int *made, struct fdir *d, const struct sstate_key *key,
    const unsigned char *tag, struct sstate_error *err);
/* Best effort: what stays is an entry too many. */
void fuser_del(struct fdir *d, const struct sstate_key *key,
    const unsigned char *tag);
/* Every whole record that has not ended; tag NULL: all of the namespace. */
int fuser_each(struct fdir *d, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err);

#endif
