/*
 * lmdb_env.h - an LMDB environment that the contexts of a process share
 */
#ifndef LMDB_ENV_H
#define LMDB_ENV_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include <lmdb.h>

#include <securestate/store.h>

enum {
	LMDB_RECORD, /* id: head and body */
	LMDB_DUE, /* ns, due, id */
	LMDB_TAG, /* ns, tag, id */
	LMDB_META,
	LMDB_TABLES
};

/* Of all processes: 64 KB of the lock's file. */
#define LMDB_READERS 1022

/* One for each file and process: LMDB allows no more. */
struct lmdb_env {
	struct lmdb_env *next; /* on the list of lmdb_env.c */
	unsigned long born; /* forks seen when it was opened */
	unsigned refs;
	dev_t dev;
	ino_t ino;
	MDB_env *env;
	MDB_dbi dbi[LMDB_TABLES];
	unsigned flags; /* of the three that sync= stands for */
	size_t map_bytes;
	int borrowed; /* a handle of the program's */
	pthread_mutex_t turn; /* to write: among threads, */
	int gate; /* and among processes */
};

struct lmdb_ctx {
	struct lmdb_env *e;
	MDB_txn *reader; /* reset between two reads; NULL: none yet */
	int64_t timeout_ms;
	size_t max_bytes;
};

int lmdb_ctx_open(struct lmdb_ctx **out, struct sstate_conf *conf,
    struct sstate_error *err);
/* What was inherited is left where it is: the parent still uses it. */
void lmdb_ctx_close(struct lmdb_ctx *c);

static inline MDB_val
lmdb_val(const void *p, size_t n)
{
	MDB_val v;

	v.mv_size = n;
	v.mv_data = (void *)(uintptr_t)p; /* LMDB only reads it */
	return v;
}

/* What LMDB answered, as one of ours. */
int lmdb_fail(int rc, const char *what, struct sstate_error *err);

/* A snapshot; lmdb_read_end() lets go of it. */
int lmdb_read(MDB_txn **out, struct lmdb_ctx *c, const char *what,
    struct sstate_error *err);
void lmdb_read_end(struct lmdb_ctx *c);

/* The one write transaction, waited for within the time-out. */
int lmdb_write(MDB_txn **out, struct lmdb_ctx *c, const char *what,
    struct sstate_error *err);
/* Commit if r is 0, else forget it all; returns r, or what went wrong. */
int lmdb_write_end(struct lmdb_ctx *c, MDB_txn *t, int r, const char *what,
    struct sstate_error *err);

#endif
