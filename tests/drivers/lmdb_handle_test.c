/*
 * lmdb_handle_test.c - `lmdb:` over an environment of the program's own
 *
 * Four tables are put into it, and nothing else of it is touched.
 */
/* driver: lmdb */
#include <lmdb.h>

#include "lent.h"

extern const struct sstate_driver sstate_driver_v1_lmdb;

static const struct sstate_driver *const drv = &sstate_driver_v1_lmdb;

static MDB_env *
theirs(const char *dir, const char *name, unsigned flags, unsigned dbs)
{
	char path[300];
	MDB_env *env;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, dbs) != 0 ||
	    mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC | flags, 0600) !=
		0)
		return NULL;
	return env;
}

/* Its one value, written if it is not there; -1, or its bytes. */
static int
value(MDB_env *env, int put)
{
	MDB_val k = { 1, (void *)(uintptr_t) "a" };
	MDB_val v = { 4, (void *)(uintptr_t) "mine" };
	MDB_txn *t;
	MDB_dbi dbi;
	int rc;

	if (mdb_txn_begin(env, NULL, 0, &t) != 0)
		return -1;
	if ((rc = mdb_dbi_open(t, "theirs", MDB_CREATE, &dbi)) == 0)
		rc = put ? mdb_put(t, dbi, &k, &v, 0) : mdb_get(t, dbi, &k, &v);
	if (rc != 0 || mdb_txn_commit(t) != 0)
		return -1;
	return (int)v.mv_size;
}

static void
slots(MDB_env *env)
{
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record a = conform_rec("one", 3, 1000, 1);
	struct sstate_record b = conform_rec("two", 3, 2000, 2);
	struct conform c = { .driver = drv };
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	uint64_t gone = 0;
	int64_t seen;
	void *ctx;

	s = drv_store(drv, "lmdb:", CONFORM_NS, env, &err);
	NEED(s != NULL, "a store on a handle: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(drv->create(ctx, &k, &a, &err) == 0 &&
		drv->create(ctx, &k, &a, &err) == SSTATE_EEXIST &&
		drv->replace(ctx, &k, 2, &b, &err) == SSTATE_ECONFLICT &&
		drv->replace(ctx, &k, 1, &b, &err) == 0 &&
		conform_is(&c, ctx, &k, &b),
	    "it creates, compares, replaces");
	T(drv->latest(&seen, ctx, 1700000000, NULL) == 0 &&
		drv->reap(&gone, ctx, CONFORM_NS, 3000, 10, NULL) == 0 &&
		gone == 1 && conform_gone(&c, ctx, &k),
	    "and reaps");
	sstate_store_close(s);
	T(value(env, 0) == 4, "the handle stays open, and what is in it");
}

static void
refused(const char *dir, MDB_env *env)
{
	static const char *const uris[] = { "lmdb:/tmp/x", "lmdb:?sync=full",
		"lmdb:?timeout_ms=5", "lmdb:?map_bytes=1048576" };
	const struct sstate_driver *drivers[] = { drv, NULL };
	const char *stores[] = { "lmdb:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	void *handles[1];
	MDB_env *other;
	MDB_stat st;
	size_t i;

	for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
		T(drv_store(drv, uris[i], "x", env, &err) == NULL &&
			err.code == SSTATE_EINVAL,
		    "%s with a handle: %s", uris[i], err.text);
	NEED((other = theirs(dir, "tls", 0, 8)) != NULL, "one of a thread");
	T(drv_store(drv, "lmdb:", "x", other, &err) == NULL &&
		err.code == SSTATE_EINVAL,
	    "one without MDB_NOTLS: %s", err.text);
	mdb_env_close(other);
	NEED((other = theirs(dir, "few", MDB_NOTLS, 2)) != NULL, "two tables");
	T(drv_store(drv, "lmdb:", "x", other, &err) == NULL &&
		err.code == SSTATE_ESTORE && value(other, 1) == 4,
	    "one without room for tables: %s", err.text);
	mdb_env_close(other);
	NEED((other = theirs(dir, "new", MDB_NOTLS, 8)) != NULL, "a new one");
	handles[0] = other;
	o.stores = stores;
	o.drivers = drivers;
	o.handles = handles;
	o.flags = SSTATE_NO_PLUGINS | SSTATE_NO_CREATE;
	T(sstate_store_open(&s, &o, &err) == SSTATE_ESTORE &&
		mdb_env_stat(other, &st) == 0 && st.ms_entries == 0,
	    "SSTATE_NO_CREATE makes no tables: %s", err.text);
	mdb_env_close(other);
}

int
main(void)
{
	char dir[256];
	MDB_env *env;

	kit_folder(dir);
	NEED((env = theirs(dir, "theirs", MDB_NOTLS, 8)) != NULL &&
		value(env, 1) == 4,
	    "a program's environment");
	slots(env);
	lent_session(drv, "lmdb:", env, dir);
	refused(dir, env);
	T(value(env, 0) == 4, "what was there is there");
	mdb_env_close(env);
	return tap_done();
}
