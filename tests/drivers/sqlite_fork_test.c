/*
 * sqlite_fork_test.c - `sqlite:` and a fork: what is inherited does no harm
 *
 * SQLite's books of locks are inherited, the locks are not.  A child that
 * believed the books would stand without a lock in a file that another
 * process may reset.
 */
/* driver: sqlite */
/* link: -Wl,--wrap=fstatfs */
#include "onefile.h"

#include "locks.h"

extern const struct sstate_driver sstate_driver_v1_sqlite;

static struct onefile o = { .driver = &sstate_driver_v1_sqlite,
	.scheme = "sqlite",
	.beside = { "-wal", "-shm", "-journal", NULL },
	.quick = "?sync=none" };

struct pair {
	int to[2], from[2];
};

static void
say(int fd)
{
	if (write(fd, "x", 1) != 1)
		perror("# pipe");
}

/* 0 also when the other end is gone. */
static int
hear(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

static int
open_descriptors(const char *file)
{
	char link[PATH_MAX], name[300];
	struct dirent *e;
	ssize_t k;
	int n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (d != NULL && (e = readdir(d)) != NULL) {
		(void)snprintf(name, sizeof(name), "/proc/self/fd/%s",
		    e->d_name);
		k = readlink(name, link, sizeof(link) - 1);
		if (k <= 0)
			continue;
		link[k] = '\0';
		n += strncmp(link, file, strlen(file)) == 0;
	}
	if (d != NULL)
		(void)closedir(d);
	return n;
}

/* The child opens anew beside what it inherited, and must hold locks. */
static void
child_opens(const char *file, struct pair *p)
{
	struct sstate_error err;
	struct sstate_store *s = onefile_open(&o, file, &err);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s == NULL) {
		printf("# child: %s\n", err.text);
		_exit(1);
	}
	say(p->from[1]);
	(void)hear(p->to[0]);
	if (!onefile_works(&o, s, 2))
		_exit(2);
	sstate_store_close(s);
	_exit(0);
}

static void
opened_anew(void)
{
	const char *file = onefile_at(&o, "anew.db", "");
	const char *shm = onefile_at(&o, "anew.db", "-shm");
	struct conform c = { .driver = o.driver };
	struct sstate_key k = conform_key(CONFORM_NS, 2);
	struct sstate_record rec = conform_rec("two", 3, CONFORM_LIVE, 2);
	struct sstate_error err;
	struct sstate_store *s, *t;
	int status = -1;
	struct pair p;
	pid_t pid;

	NEED((s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, s, 1),
	    "a store in use");
	if (locks_of(getpid(), file) < 1) {
		tap_skip("/proc/locks does not show our lock");
		sstate_store_close(s);
		return;
	}
	NEED(pipe(p.to) == 0 && pipe(p.from) == 0, "pipes");
	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		child_opens(file, &p);
	(void)close(p.to[0]);
	(void)close(p.from[1]);
	T(hear(p.from[0]), "a child opens it, too, without a word of ours");
	T(locks_of(pid, file) > 0 && locks_of(pid, shm) > 0,
	    "and holds locks of its own, not ours by hearsay");
	T(locks_of(getpid(), file) > 0 && locks_of(getpid(), shm) > 0,
	    "we hold ours");
	sstate_store_close(s);
	T(locks_of(pid, file) > 0 && access(shm, F_OK) == 0,
	    "when we close, the child is not the last that is forgotten");
	/* Who would think to be alone would reset the log. */
	NEED((t = onefile_open(&o, file, &err)) != NULL, "opened and closed");
	sstate_store_close(t);
	say(p.to[1]);
	T(waitpid(pid, &status, 0) == pid && status == 0, "the child writes");
	NEED((s = onefile_open(&o, file, &err)) != NULL, "opened again");
	T(conform_is(&c, onefile_ctx(s), &k, &rec), "what it wrote is there");
	sstate_store_close(s);
	(void)close(p.to[1]);
	(void)close(p.from[0]);
}

/* how: 0 abandons, 1 closes. */
static void
let_go(int how)
{
	const char *file = onefile_at(&o, how ? "close.db" : "leave.db", "");
	const char *wal = onefile_at(&o, how ? "close.db" : "leave.db", "-wal");
	struct sstate_error err;
	struct sstate_store *s;
	struct stat a, b;
	int status = -1;
	pid_t pid;

	NEED((s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, s, 1) && stat(wal, &a) == 0,
	    "a store with a log");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (open_descriptors(file) == 0)
			_exit(3);
		if (how)
			sstate_store_close(s);
		else
			o.driver->abandon(onefile_ctx(s));
		_exit(open_descriptors(file) != 0);
	}
	T(waitpid(pid, &status, 0) == pid && status == 0,
	    "a child %s it: no descriptor of it is left",
	    how ? "closes" : "abandons");
	T(locks_of(getpid(), file) != 0 && stat(wal, &b) == 0 &&
		a.st_ino == b.st_ino && a.st_size == b.st_size,
	    "ours is as it was: its lock, its log");
	T(onefile_works(&o, s, 2), "and goes on");
	sstate_store_close(s);
	T(access(wal, F_OK) != 0, "the last to close it empties the log");
}

/* ---- Threads ---------------------------------------------------------- */

static int
waits_inside(void *arg, const struct sstate_record *rec)
{
	struct pair *p = arg;

	(void)rec;
	say(p->from[1]);
	(void)hear(p->to[0]);
	return 0;
}

struct reader {
	struct sstate_store *s;
	struct pair p;
};

static void *
reads(void *arg)
{
	struct reader *r = arg;
	struct sstate_key k = conform_key(CONFORM_NS, 1);

	(void)o.driver->get(onefile_ctx(r->s), &k, waits_inside, &r->p, NULL);
	return NULL;
}

static int
child_code(const char *file)
{
	struct sstate_error err;
	struct sstate_store *s;
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		s = onefile_open(&o, file, &err);
		_exit(s != NULL ? 0 : -err.code);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1000;
	return -WEXITSTATUS(status);
}

static void
beside_a_thread(void)
{
	const char *file = onefile_at(&o, "thread.db", "");
	struct sstate_error err;
	struct reader r;
	pthread_t th;

	NEED((r.s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, r.s, 1) && pipe(r.p.to) == 0 &&
		pipe(r.p.from) == 0,
	    "a store");
	NEED(pthread_create(&th, NULL, reads, &r) == 0 && hear(r.p.from[0]),
	    "a thread is inside of it");
	T(child_code(file) == SSTATE_ENOTSUP,
	    "a child that is forked then may not open it: fail closed");
	say(r.p.to[1]);
	(void)pthread_join(th, NULL);
	T(child_code(file) == 0, "one that is forked later may");
	sstate_store_close(r.s);
}

int
main(void)
{
	onefile_begin(&o);
	opened_anew();
	let_go(0);
	let_go(1);
	beside_a_thread();
	return tap_done();
}
