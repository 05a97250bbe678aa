/*
 * lmdb_txn.c - transactions, and what LMDB answers
 *
 * LMDB waits for its writer's lock without an end.  So whoever writes takes
 * a turn first, by a lock that can be waited for in bounds: a mutex among
 * threads, an open-file-description lock of the data file among processes.
 * The kernel gives that one back when its holder is killed.
 *
 * Invariant: who has the turn gives it back when its transaction ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lmdb_env.h"

int
lmdb_fail(int rc, const char *what, struct sstate_error *err)
{
	switch (rc) {
	case ENOMEM:
		return sstate_fail(err, SSTATE_ENOMEM, 0, "lmdb: %s", what);
	case MDB_MAP_FULL:
		return sstate_fail(err, SSTATE_ESTORE, ENOSPC,
		    "lmdb: %s: map_bytes are used up", what);
	case MDB_MAP_RESIZED:
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "lmdb: %s: another process has larger map_bytes", what);
	case MDB_READERS_FULL:
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "lmdb: %s: over %d readers", what, LMDB_READERS);
	case MDB_VERSION_MISMATCH:
		return sstate_fail(err, SSTATE_EVERSION, 0, "lmdb: %s: %s",
		    what, mdb_strerror(rc));
	default:
		return rc > 0
		    ? sstate_fail(err, SSTATE_ESTORE, rc, "lmdb: %s", what)
		    : sstate_fail(err, SSTATE_ESTORE, 0, "lmdb: %s: %s", what,
			  mdb_strerror(rc));
	}
}

/* ---- A writer's turn -------------------------------------------------- */

static int64_t
left_ms(const struct timespec *until)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (until->tv_sec - now.tv_sec) * INT64_C(1000) +
	    (until->tv_nsec - now.tv_nsec) / 1000000;
}

static int
gate_lock(const struct lmdb_env *e, short type)
{
	struct flock f;

	memset(&f, 0, sizeof(f));
	f.l_type = type;
	f.l_whence = SEEK_SET;
	f.l_start = INT64_MAX - 1;
	f.l_len = 1;
	return fcntl(e->gate, F_OFD_SETLK, &f);
}

static int
turn_take(struct lmdb_ctx *c, const char *what, struct sstate_error *err)
{
	struct timespec until, nap = { 0, 20000 };
	int times = 0;

	if (c->e->borrowed)
		return 0;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(c->timeout_ms / 1000);
	until.tv_nsec += (long)(c->timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_mutex_timedlock(&c->e->turn, &until) != 0)
		goto busy;
	while (gate_lock(c->e, F_WRLCK) != 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
			int sys = errno;

			(void)pthread_mutex_unlock(&c->e->turn);
			return sstate_fail(err, SSTATE_ESTORE, sys,
			    "lmdb: %s: lock", what);
		}
		if (left_ms(&until) <= 0) {
			(void)pthread_mutex_unlock(&c->e->turn);
			goto busy;
		}
		/* A commit takes microseconds, or waits for a disk. */
		if (times++ < 4) {
			(void)sched_yield();
			continue;
		}
		(void)nanosleep(&nap, NULL);
		if (nap.tv_nsec < 100000)
			nap.tv_nsec *= 2;
	}
	return 0;
busy:
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "lmdb: %s: others were writing for %lld ms", what,
	    (long long)c->timeout_ms);
}

static void
turn_give(struct lmdb_ctx *c)
{
	if (c->e->borrowed)
		return;
	(void)gate_lock(c->e, F_UNLCK);
	(void)pthread_mutex_unlock(&c->e->turn);
}

/* ---- Transactions ----------------------------------------------------- */

int
lmdb_read(MDB_txn **out, struct lmdb_ctx *c, const char *what,
    struct sstate_error *err)
{
	int rc, dead;

	*out = NULL;
	if (c->reader != NULL) {
		rc = mdb_txn_renew(c->reader);
	} else {
		rc = mdb_txn_begin(c->e->env, NULL, MDB_RDONLY, &c->reader);
		/* Those that were killed have left their slots. */
		if (rc == MDB_READERS_FULL &&
		    mdb_reader_check(c->e->env, &dead) == 0 && dead > 0)
			rc = mdb_txn_begin(c->e->env, NULL, MDB_RDONLY,
			    &c->reader);
		if (rc != 0)
			c->reader = NULL;
	}
	if (rc != 0)
		return lmdb_fail(rc, what, err);
	*out = c->reader;
	return 0;
}

void
lmdb_read_end(struct lmdb_ctx *c)
{
	mdb_txn_reset(c->reader);
}

int
lmdb_write(MDB_txn **out, struct lmdb_ctx *c, const char *what,
    struct sstate_error *err)
{
	int rc, r;

	*out = NULL;
	if ((r = turn_take(c, what, err)) != 0)
		return r;
	if ((rc = mdb_txn_begin(c->e->env, NULL, 0, out)) != 0) {
		*out = NULL;
		turn_give(c);
		return lmdb_fail(rc, what, err);
	}
	return 0;
}

int
lmdb_write_end(struct lmdb_ctx *c, MDB_txn *t, int r, const char *what,
    struct sstate_error *err)
{
	int rc = 0;

	if (r == 0)
		rc = mdb_txn_commit(t);
	else
		mdb_txn_abort(t);
	turn_give(c);
	return rc != 0 ? lmdb_fail(rc, what, err) : r;
}
