/*
 * floor_lmdb.c - LMDB, bare: mdb_get and mdb_put, a transaction each
 */
#include <lmdb.h>
#include <stdio.h>

#include "floor.h"

static MDB_env *env;
static MDB_txn *reader;
static MDB_dbi dbi;

static void
need(int rc, const char *what)
{
	if (rc != 0)
		bare_die(what, mdb_strerror(rc));
}

void
bare_open(const char *place, const char *set)
{
	char path[4096];
	MDB_txn *t;

	(void)snprintf(path, sizeof(path), "%s/%s.mdb", place, set);
	need(mdb_env_create(&env), "open");
	need(mdb_env_set_maxdbs(env, 1), "open");
	need(mdb_env_set_mapsize(env, (size_t)16 << 30), "open");
	need(mdb_env_open(env, path,
		 MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOSYNC, 0600),
	    "open");
	need(mdb_txn_begin(env, NULL, 0, &t), "open");
	need(mdb_dbi_open(t, "bare", MDB_CREATE, &dbi), "open");
	need(mdb_txn_commit(t), "open");
	need(mdb_txn_begin(env, NULL, MDB_RDONLY, &reader), "open");
	mdb_txn_reset(reader);
}

static MDB_val
val(const void *p, size_t n)
{
	MDB_val v = { n, (void *)(size_t)p };

	return v;
}

static void
put(const unsigned char *key, const unsigned char *body, unsigned flags)
{
	MDB_val k = val(key, BARE_KEY), v = val(body, BARE_BODY);
	MDB_txn *t;

	need(mdb_txn_begin(env, NULL, 0, &t), "put");
	need(mdb_put(t, dbi, &k, &v, flags), "put");
	need(mdb_txn_commit(t), "put");
}

void
bare_create(const unsigned char *key, const unsigned char *body)
{
	put(key, body, MDB_NOOVERWRITE);
}

void
bare_put(const unsigned char *key, const unsigned char *body)
{
	put(key, body, 0);
}

void
bare_get(unsigned char *body, const unsigned char *key)
{
	MDB_val k = val(key, BARE_KEY), v;

	need(mdb_txn_renew(reader), "get");
	need(mdb_get(reader, dbi, &k, &v), "get");
	bare_take(body, v.mv_data, v.mv_size);
	mdb_txn_reset(reader);
}

void
bare_delete(const unsigned char *key)
{
	MDB_val k = val(key, BARE_KEY);
	MDB_txn *t;

	need(mdb_txn_begin(env, NULL, 0, &t), "delete");
	need(mdb_del(t, dbi, &k, NULL), "delete");
	need(mdb_txn_commit(t), "delete");
}
