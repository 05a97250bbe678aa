/*
 * lmdb_fork_test.c - `lmdb:`: one environment in a process, and a fork
 *
 * LMDB's locks do not survive a second open and close of a file in a
 * process, and a child that closed what it inherited would give away its
 * parent's slot of the readers' table.
 */
/* driver: lmdb */
/* link: -Wl,--wrap=fstatfs */
#include "onefile.h"

#include "locks.h"

extern const struct sstate_driver sstate_driver_v1_lmdb;

static struct onefile o = { .driver = &sstate_driver_v1_lmdb,
	.scheme = "lmdb",
	.beside = { "-lock", NULL },
	.quick = "?sync=none" };

static void
shared(void)
{
	const char *file = onefile_at(&o, "shared.mdb", "");
	const char *lock = onefile_at(&o, "shared.mdb", "-lock");
	struct sstate_error err;
	struct sstate_store *s, *t;
	int n;

	NEED((s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, s, 1),
	    "a store");
	if ((n = locks_of(getpid(), lock)) < 1) {
		tap_skip("/proc/locks does not show our lock");
	} else {
		NEED((t = onefile_open(&o, file, &err)) != NULL &&
			onefile_works(&o, t, 2),
		    "opened again");
		sstate_store_close(t);
		T(locks_of(getpid(), lock) == n,
		    "when one of two is closed our locks stay (%d)", n);
	}
	t = onefile_flags(&o, file, "?sync=full", 0, &err);
	T(t == NULL && err.code == SSTATE_EINVAL,
	    "with another sync= it is not the same: %s", err.text);
	T(onefile_works(&o, s, 3), "the first goes on");
	sstate_store_close(s);
	T(locks_of(getpid(), lock) == 0, "closed by the last");
	t = onefile_flags(&o, file, "?sync=full", 0, &err);
	T(t != NULL, "then another sync= may be: %s", err.text);
	sstate_store_close(t);
}

struct scene {
	struct sstate_store *s, *other;
	int how;
};

/* In a read of the parent's: a child comes, lets go, writes and ends. */
static int
forks_inside(void *arg, const struct sstate_record *rec)
{
	struct scene *sc = arg;
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record next =
	    conform_rec("three", 5, CONFORM_LIVE, rec->rev);
	struct sstate_error err;
	struct sstate_store *mine;
	int status = -1, bad = 0;
	unsigned i;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (sc->how) {
			sstate_store_close(sc->s);
			sstate_store_close(sc->other);
		} else {
			o.driver->abandon(onefile_ctx(sc->s));
			o.driver->abandon(onefile_ctx(sc->other));
		}
		mine = onefile_open(&o,
		    onefile_at(&o, sc->how ? "close.mdb" : "leave.mdb", ""),
		    &err);
		if (mine == NULL)
			_exit(1);
		for (i = 0; i < 200; i++) {
			next.rev++;
			if (o.driver->replace(onefile_ctx(mine), &k,
				next.rev - 1, &next, NULL) != 0)
				_exit(2);
		}
		sstate_store_close(mine);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return 7;
	next.rev += 200;
	for (i = 0; i < 200; i++) {
		next.rev++;
		bad += o.driver->replace(onefile_ctx(sc->other), &k,
			   next.rev - 1, &next, NULL) != 0;
	}
	if (bad != 0)
		return 8;
	return rec->body.len == 3 && memcmp(rec->body.ptr, "two", 3) == 0 ? 0
									  : 9;
}

static void
let_go(int how)
{
	const char *file = onefile_at(&o, how ? "close.mdb" : "leave.mdb", "");
	const char *lock =
	    onefile_at(&o, how ? "close.mdb" : "leave.mdb", "-lock");
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	struct scene sc;
	int n, r;

	sc.how = how;
	NEED((sc.s = onefile_open(&o, file, &err)) != NULL &&
		(sc.other = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, sc.s, 1),
	    "a store");
	n = locks_of(getpid(), lock);
	r = o.driver->get(onefile_ctx(sc.s), &k, forks_inside, &sc, &err);
	T(r == 0,
	    "a child %s it, opens anew and writes; what its parent reads "
	    "stays (%d)",
	    how ? "closes" : "abandons", r);
	T(locks_of(getpid(), lock) == n, "and its locks");
	T(onefile_works(&o, sc.s, 2) && onefile_works(&o, sc.other, 3),
	    "the parent goes on");
	sstate_store_close(sc.other);
	sstate_store_close(sc.s);
}

/* Beside what it inherited and never mentions. */
static void
opened_anew(void)
{
	const char *file = onefile_at(&o, "anew.mdb", "");
	const char *lock = onefile_at(&o, "anew.mdb", "-lock");
	struct sstate_error err;
	struct sstate_store *s, *t;
	int status = -1;
	pid_t pid;

	NEED((s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, s, 1),
	    "a store");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if ((t = onefile_open(&o, file, &err)) == NULL ||
		    !onefile_works(&o, t, 2))
			_exit(1);
		/* 0 where /proc/locks shows nothing of anybody. */
		if (locks_of(getppid(), lock) > 0 &&
		    locks_of(getpid(), lock) == 0)
			_exit(2);
		sstate_store_close(t);
		_exit(0);
	}
	T(waitpid(pid, &status, 0) == pid && status == 0,
	    "a child opens it with locks of its own (%d)", status);
	T(onefile_works(&o, s, 3), "the parent goes on");
	sstate_store_close(s);
}

int
main(void)
{
	onefile_begin(&o);
	shared();
	let_go(0);
	let_go(1);
	opened_anew();
	return tap_done();
}
