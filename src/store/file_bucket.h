/*
 * file_bucket.h - names and entries of the expiry index, see file_index.h
 */
#ifndef STORE_FILE_BUCKET_H
#define STORE_FILE_BUCKET_H

#include <stddef.h>
#include <stdint.h>

#include "store/file_index.h"

struct fbucket_entry {
	const unsigned char *id;
	int64_t expires;
	int second; /* the record was not there when it was due */
};

/* A name in x/: claim is 0 for a bucket that nobody has claimed. */
struct fbucket_name {
	int64_t bucket;
	uint64_t claim;
};

int64_t fbucket_of(int64_t expires);
int fbucket_dir(char *out, const char *ns, struct sstate_error *err);
int fbucket_path(char *out, const char *ns, int64_t bucket,
    struct sstate_error *err);
/* 1 if it is a name of ours; out has 40 bytes. */
int fbucket_parse(struct fbucket_name *out, const char *name);
void fbucket_print(char *out, const struct fbucket_name *name);

void fbucket_entry(unsigned char *out, const unsigned char *id, int64_t expires,
    int second);
/* 1 if the 48 bytes at p are one. */
int fbucket_read(struct fbucket_entry *out, const unsigned char *p);
/* Entries of one bucket, appended and confirmed (file_index.c). */
int fbucket_put(struct findex *x, struct fdir *d, const char *ns,
    int64_t bucket, const unsigned char *entries, size_t n,
    struct sstate_error *err);

#endif
