/*
 * file_walk.h - one directory's names, or a namespace's records, in no order
 */
#ifndef STORE_FILE_WALK_H
#define STORE_FILE_WALK_H

#include <securestate/store.h>

#include "store/file_dir.h"

/* Non-zero ends the walk, which returns it. */
typedef int fwalk_name_fn(void *arg, int at, const char *name);
typedef int fwalk_key_fn(void *arg, const struct sstate_key *key);

/* at is the directory's descriptor.  One that is not there is empty. */
int fwalk_dir(struct fdir *d, const char *path, fwalk_name_fn *fn, void *arg,
    struct sstate_error *err);
/* Sub-directories from .. to - 1, of 256.  Other names are passed over. */
int fwalk_records(struct fdir *d, const char *ns, unsigned from, unsigned to,
    fwalk_key_fn *fn, void *arg, struct sstate_error *err);
/*
 * About how many, from as many sub-directories as hold a thousand: keys are
 * uniform, so that is within a tenth.
 */
int fwalk_count(uint64_t *about, struct fdir *d, const char *ns,
    struct sstate_error *err);

#endif
