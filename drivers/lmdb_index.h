/*
 * lmdb_index.h - a record's head, and its entries in the two indexes
 */
#ifndef LMDB_INDEX_H
#define LMDB_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "lmdb_env.h"

enum {
	LMDB_HEAD = 8 + 8 + 8 + SSTATE_TAG_BYTES,
	NS_BYTES = 32,
	ENTRY = 1 + NS_BYTES + SSTATE_TAG_BYTES + SSTATE_ID_BYTES
};

struct lmdb_head {
	uint64_t rev, due;
	int64_t expires;
	unsigned char tag[SSTATE_TAG_BYTES];
};

/* A key of an index. */
struct lmdb_entry {
	unsigned char p[ENTRY];
	size_t n;
};

static inline uint64_t
lmdb_due_of(int64_t expires)
{
	return expires > 0 ? (uint64_t)expires : INT64_MAX;
}

int lmdb_entry_ns(struct lmdb_entry *e, const char *ns, const char *what,
    struct sstate_error *err);
void lmdb_entry_add(struct lmdb_entry *e, const void *p, size_t n);
struct lmdb_entry lmdb_due_entry(const struct lmdb_entry *ns, uint64_t due,
    const unsigned char *id);
struct lmdb_entry lmdb_tag_entry(const struct lmdb_entry *ns,
    const unsigned char *tag, const unsigned char *id);
int lmdb_head_get(struct lmdb_head *h, const MDB_val *v, const char *what,
    struct sstate_error *err);
int lmdb_put_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct lmdb_entry *e);
int lmdb_del_entry(const struct lmdb_ctx *c, MDB_txn *t, int which,
    const struct lmdb_entry *e);
int lmdb_stands(struct lmdb_head *h, const struct lmdb_ctx *c, MDB_txn *t,
    const unsigned char *id, const char *what, struct sstate_error *err);
int lmdb_move_tag(const struct lmdb_ctx *c, MDB_txn *t,
    const struct lmdb_entry *ns, const unsigned char *id,
    const unsigned char *was, const unsigned char *is);
int lmdb_move_due(const struct lmdb_ctx *c, MDB_txn *t,
    const struct lmdb_entry *ns, const unsigned char *id, uint64_t was,
    uint64_t is);
int lmdb_del_record(const struct lmdb_ctx *c, MDB_txn *t,
    const struct lmdb_entry *ns, const unsigned char *id,
    const struct lmdb_head *h);

int lmdb_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err);
int lmdb_latest(int64_t *seen, void *ctx, int64_t now,
    struct sstate_error *err);
int lmdb_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err);

#endif
