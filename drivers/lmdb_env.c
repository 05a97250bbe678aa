/*
 * lmdb_env.c - an LMDB file, checked and opened once in a process; its tables
 *
 * Invariant: a file is open once in a process, whatever the number of
 * contexts and environments: LMDB's locks would not survive a second close.
 * What a child inherits it neither uses nor closes, for its readers' slots
 * and locks are the parent's.
 */
#include "lmdb_env.h"

#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "forks.h"
#include "local.h"

enum { SCHEMA = 1, TIMEOUT_MS = 10000, MAX_BYTES = 16 << 20 };

#define MAP_BYTES (INT64_C(16) << 30)

static const char *const table[LMDB_TABLES] = { "securestate-record",
	"securestate-due", "securestate-tag", "securestate-meta" };

static struct lmdb_env *all; /* under forks_lock() */

/* ---- Tables ----------------------------------------------------------- */

/* The tables are there, or are made in t, or may not be. */
static int
open_tables(struct lmdb_env *e, MDB_txn *t, unsigned flags,
    struct sstate_error *err)
{
	int rc, i;

	for (i = 0; i < LMDB_TABLES; i++)
		if ((rc = mdb_dbi_open(t, table[i], flags, &e->dbi[i])) != 0)
			return rc == MDB_NOTFOUND ? SSTATE_ENOTFOUND
						  : lmdb_fail(rc, "open", err);
	return 0;
}

static int
check_schema(const struct lmdb_env *e, MDB_txn *t, struct sstate_error *err)
{
	MDB_val k = lmdb_val("schema", 6), v;
	uint64_t n;
	int rc;

	if ((rc = mdb_get(t, e->dbi[LMDB_META], &k, &v)) != 0 || v.mv_size != 8)
		return rc != 0 && rc != MDB_NOTFOUND
		    ? lmdb_fail(rc, "open", err)
		    : sstate_fail(err, SSTATE_ESTORE, 0,
			  "lmdb: open: the tables have no schema number");
	n = driver_get64(v.mv_data);
	if (n == SCHEMA)
		return 0;
	return sstate_fail(err, n > SCHEMA ? SSTATE_EVERSION : SSTATE_ESTORE, 0,
	    "lmdb: open: the tables have schema %llu, this driver knows %d",
	    (unsigned long long)n, SCHEMA);
}

/* The file is empty but for us: no other program's tables are in it. */
static int
check_alone(const struct lmdb_env *e, MDB_txn *t, struct sstate_error *err)
{
	MDB_stat st;
	MDB_dbi top;
	int rc;

	if (e->borrowed)
		return 0;
	if ((rc = mdb_dbi_open(t, NULL, 0, &top)) != 0 ||
	    (rc = mdb_stat(t, top, &st)) != 0)
		return lmdb_fail(rc, "open", err);
	return st.ms_entries == 0
	    ? 0
	    : sstate_fail(err, SSTATE_ESTORE, 0,
		  "lmdb: open: the file is another program's");
}

static int
make_tables(struct lmdb_ctx *c, struct sstate_error *err)
{
	unsigned char n[8];
	MDB_val k = lmdb_val("schema", 6), v = lmdb_val(n, sizeof(n));
	MDB_txn *t;
	int rc, r;

	if ((r = lmdb_write(&t, c, "open", err)) != 0)
		return r;
	/* Another process may have made them since we looked. */
	r = open_tables(c->e, t, 0, err);
	if (r == SSTATE_ENOTFOUND) {
		driver_put64(n, SCHEMA);
		if ((r = check_alone(c->e, t, err)) == 0 &&
		    (r = open_tables(c->e, t, MDB_CREATE, err)) == 0 &&
		    (rc = mdb_put(t, c->e->dbi[LMDB_META], &k, &v, 0)) != 0)
			r = lmdb_fail(rc, "open", err);
	} else if (r == 0) {
		r = check_schema(c->e, t, err);
	}
	return lmdb_write_end(c, t, r, "open", err);
}

static int
find_tables(struct lmdb_ctx *c, int create, struct sstate_error *err)
{
	MDB_txn *t;
	int rc, r;

	rc = mdb_txn_begin(c->e->env, NULL, MDB_RDONLY, &t);
	if (rc != 0)
		return lmdb_fail(rc, "open", err);
	r = open_tables(c->e, t, 0, err);
	if (r == 0)
		r = check_schema(c->e, t, err);
	/* Committed, the handles stay open. */
	if (r == 0)
		return (rc = mdb_txn_commit(t)) == 0
		    ? 0
		    : lmdb_fail(rc, "open", err);
	mdb_txn_abort(t);
	if (r != SSTATE_ENOTFOUND)
		return r;
	if (!create)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: open: no tables are there, and none may be made");
	return make_tables(c, err);
}

/* ---- Environments ----------------------------------------------------- */

/* LMDB would take a page that is not there for granted. */
static int
check_length(const struct lmdb_env *e, struct sstate_error *err)
{
	MDB_envinfo info;
	MDB_stat st;
	struct stat f;
	int rc;

	if ((rc = mdb_env_info(e->env, &info)) != 0 ||
	    (rc = mdb_env_stat(e->env, &st)) != 0)
		return lmdb_fail(rc, "open", err);
	if (fstat(e->gate, &f) != 0)
		return lmdb_fail(errno, "open", err);
	if ((uint64_t)f.st_size / st.ms_psize > info.me_last_pgno)
		return 0;
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "lmdb: open: the file is cut off");
}

static int
env_start(struct lmdb_env *e, const struct local *l, struct sstate_error *err)
{
	int rc, dead;

	if ((rc = mdb_env_create(&e->env)) != 0) {
		e->env = NULL;
		return lmdb_fail(rc, "open", err);
	}
	if ((rc = mdb_env_set_maxdbs(e->env, LMDB_TABLES)) != 0 ||
	    (rc = mdb_env_set_maxreaders(e->env, LMDB_READERS)) != 0 ||
	    (rc = mdb_env_set_mapsize(e->env, e->map_bytes)) != 0)
		return lmdb_fail(rc, "open", err);
	e->gate = open(l->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (e->gate < 0)
		return lmdb_fail(errno, "open", err);
	rc = mdb_env_open(e->env, l->path,
	    MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | e->flags, 0600);
	if (rc != 0)
		return lmdb_fail(rc, "open", err);
	/* Who was killed while reading would keep old pages from use. */
	if ((rc = mdb_reader_check(e->env, &dead)) != 0)
		return lmdb_fail(rc, "open", err);
	return check_length(e, err);
}

/* Under the lock. */
static void
env_drop(struct lmdb_env *e)
{
	struct lmdb_env **at;

	if (--e->refs > 0)
		return;
	for (at = &all; *at != NULL && *at != e; at = &(*at)->next)
		;
	if (*at != NULL)
		*at = e->next;
	/* An inherited one stays in memory, open, for the parent's sake. */
	if (!e->borrowed && e->born == forks_seen()) {
		mdb_env_close(e->env);
		(void)pthread_mutex_destroy(&e->turn);
	}
	if (e->gate >= 0)
		(void)close(e->gate);
	free(e);
}

static struct lmdb_env *
env_new(void)
{
	struct lmdb_env *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->refs = 1;
	e->gate = -1;
	e->born = forks_seen();
	(void)pthread_mutex_init(&e->turn, NULL);
	return e;
}

/* The one that this process has of that file, or a new one. */
static int
env_share(struct lmdb_ctx *c, const struct local *l, unsigned flags,
    size_t map_bytes, struct sstate_error *err)
{
	struct lmdb_env *e;
	int r;

	for (e = all; e != NULL; e = e->next)
		if (e->born == forks_seen() && e->dev == l->dev &&
		    e->ino == l->ino)
			break;
	if (e != NULL) {
		if (e->flags != flags || e->map_bytes != map_bytes)
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "lmdb: open: this process has the file open with "
			    "other parameters");
		e->refs++;
		c->e = e;
		return 0;
	}
	if ((e = env_new()) == NULL)
		return lmdb_fail(ENOMEM, "open", err);
	e->dev = l->dev;
	e->ino = l->ino;
	e->flags = flags;
	e->map_bytes = map_bytes;
	e->next = all;
	all = e;
	c->e = e;
	if ((r = env_start(e, l, err)) == 0)
		r = find_tables(c, l->create, err);
	return r;
}

static int
sync_flags(unsigned *out, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *s = sstate_conf_str(conf, "sync", "full");

	*out = 0;
	if (strcmp(s, "none") == 0)
		*out = MDB_NOSYNC;
	else if (strcmp(s, "data") == 0)
		*out = MDB_NOMETASYNC;
	else if (strcmp(s, "full") != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "lmdb: sync is none of none, data, full");
	return 0;
}

static int
open_by_path(struct lmdb_ctx *c, struct sstate_conf *conf, int create,
    struct sstate_error *err)
{
	static const char *const beside[] = { "-lock", NULL };
	struct local l;
	struct stat st;
	char lock[PATH_MAX + 8];
	int64_t map;
	unsigned flags;
	int r;

	memset(&l, 0, sizeof(l));
	l.scheme = "lmdb";
	l.beside = beside;
	l.create = create;
	if ((r = sync_flags(&flags, conf, err)) != 0 ||
	    (r = sstate_conf_int(&c->timeout_ms, conf, "timeout_ms", TIMEOUT_MS,
		 1, 3600000, err)) != 0 ||
	    (r = sstate_conf_int(&map, conf, "map_bytes", MAP_BYTES, 1 << 20,
		 INT64_C(1) << 42, err)) != 0 ||
	    (r = local_find(&l, sstate_conf_part(conf, SSTATE_CONF_PATH),
		 err)) != 0)
		return r;
	/* LMDB would make what is missing, and as root's. */
	(void)snprintf(lock, sizeof(lock), "%s-lock", l.path);
	if (!create && (l.size == 0 || lstat(lock, &st) != 0))
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: open: no store is there, and none may be made");
	return env_share(c, &l, flags, (size_t)map, err);
}

static int
open_by_handle(struct lmdb_ctx *c, MDB_env *env, int create,
    struct sstate_error *err)
{
	unsigned flags;
	int rc;

	if ((rc = mdb_env_get_flags(env, &flags)) != 0)
		return lmdb_fail(rc, "open", err);
	if ((flags & MDB_NOTLS) == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "lmdb: open: the handle was opened without MDB_NOTLS");
	if ((c->e = env_new()) == NULL)
		return lmdb_fail(ENOMEM, "open", err);
	c->e->env = env;
	c->e->borrowed = 1;
	return find_tables(c, create, err);
}

int
lmdb_ctx_open(struct lmdb_ctx **out, struct sstate_conf *conf,
    struct sstate_error *err)
{
	const int create = (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0;
	struct lmdb_ctx *c;
	MDB_env *handle;
	int64_t max;
	int r;

	*out = NULL;
	if ((r = sstate_conf_int(&max, conf, "max_bytes", MAX_BYTES, 1,
		 MAX_BYTES, err)) != 0)
		return r;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return lmdb_fail(ENOMEM, "open", err);
	c->max_bytes = (size_t)max;
	handle = sstate_conf_handle(conf);
	forks_lock();
	r = handle != NULL ? open_by_handle(c, handle, create, err)
			   : open_by_path(c, conf, create, err);
	if (r != 0 && c->e != NULL)
		env_drop(c->e);
	forks_unlock();
	if (r != 0)
		free(c);
	else
		*out = c;
	return r;
}

void
lmdb_ctx_close(struct lmdb_ctx *c)
{
	forks_lock();
	/* Aborted in a child it would give away a slot of the parent's. */
	if (c->reader != NULL && c->e->born == forks_seen())
		mdb_txn_abort(c->reader);
	env_drop(c->e);
	forks_unlock();
	free(c);
}
