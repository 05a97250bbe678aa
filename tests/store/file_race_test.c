/*
 * file_race_test.c - file: many processes on one record, and a saboteur
 *
 * R-34 nobody waits for ever; R-33 no update is lost; readers never see half
 * a record, nor an older one than was acknowledged before they began.
 */
#include "file_kit.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../long.h"

enum { WRITERS = 3, COMMITS = 4000, CROWD = 64, EACH = 200, SWAPS = 90000 };

struct shared {
	_Atomic uint64_t acked, reads, bad, busy;
	_Atomic int done, go;
};

static struct got got;
static char dir[KIT_DIR];
static struct shared *sh;

/* The body of a revision: its own number, in every eighth byte. */
static size_t
body_of(char *out, uint64_t rev)
{
	size_t n = 24 + rev * 7919 % 9000 / 8 * 8, i;

	/* Now and then it outgrows all that came before. */
	if (rev % 500 == 0)
		n = 9000 + rev % 12000 * 8;
	for (i = 0; i < n; i += 8)
		memcpy(out + i, &rev, 8);
	return n;
}

static int
whole(const struct got *g)
{
	uint64_t rev;
	size_t i;

	if (g->rec.body.len < 24 || g->rec.body.len % 8 != 0)
		return 0;
	for (i = 0; i < g->rec.body.len; i += 8) {
		memcpy(&rev, g->body + i, 8);
		if (rev != g->rec.rev)
			return 0;
	}
	return 1;
}

static void
raise_acked(uint64_t rev)
{
	uint64_t was = atomic_load(&sh->acked);

	while (
	    was < rev && !atomic_compare_exchange_weak(&sh->acked, &was, rev))
		continue;
}

static void
writer(const char *params)
{
	struct sstate_key key = kit_key(1, "app");
	static char body[KIT_BODY];
	struct sstate_record rec;
	void *c = kit_open(dir, params);
	unsigned i;
	int r;

	for (i = 0; i < COMMITS * test_long() && atomic_load(&sh->bad) == 0;
	     i++) {
		if (kit_get(&got, c, &key) != 0 || !whole(&got)) {
			atomic_fetch_add(&sh->bad, 1);
			break;
		}
		rec = kit_rec(got.rec.rev + 1, body,
		    body_of(body, got.rec.rev + 1), 0);
		r = drv->replace(c, &key, got.rec.rev, &rec, NULL);
		if (r == 0)
			raise_acked(rec.rev);
		else if (r != SSTATE_ECONFLICT)
			atomic_fetch_add(&sh->bad, 1);
	}
	drv->close(c);
}

static void
reader(void)
{
	struct sstate_key key = kit_key(1, "app");
	void *c = kit_open(dir, "?sync=none");
	uint64_t start;

	while (atomic_load(&sh->done) < WRITERS) {
		start = atomic_load(&sh->acked);
		if (kit_get(&got, c, &key) != 0 || !whole(&got) ||
		    got.rec.rev < start) {
			printf("# rev %llu after %llu\n",
			    (unsigned long long)got.rec.rev,
			    (unsigned long long)start);
			atomic_fetch_add(&sh->bad, 1);
			break;
		}
		atomic_fetch_add(&sh->reads, 1);
	}
	drv->close(c);
}

static void
wait_all(unsigned n)
{
	int status;

	while (n-- > 0)
		if (wait(&status) < 0 || status != 0)
			atomic_fetch_add(&sh->bad, 1);
}

static void
readers(const char *params)
{
	struct sstate_key key = kit_key(1, "app");
	static char body[KIT_BODY];
	struct sstate_record rec;
	void *c;
	int i;

	memset(sh, 0, sizeof(*sh));
	kit_tmp_fast(dir, sizeof(dir));
	c = kit_open(dir, "?sync=none");
	rec = kit_rec(1, body, body_of(body, 1), 0);
	NEED(drv->create(c, &key, &rec, NULL) == 0, "a record");
	for (i = 0; i < WRITERS + 2; i++)
		if (fork() == 0) {
			drv->abandon(c);
			if (i < WRITERS) {
				writer(params);
				atomic_fetch_add(&sh->done, 1);
			} else
				reader();
			_exit(0);
		}
	wait_all(WRITERS + 2);
	T(atomic_load(&sh->bad) == 0,
	    "%s: %llu reads beside %llu commits: "
	    "never half, never older than acknowledged",
	    params, (unsigned long long)atomic_load(&sh->reads),
	    (unsigned long long)atomic_load(&sh->acked) - 1);
	T(kit_get(&got, c, &key) == 0 && got.rec.rev == atomic_load(&sh->acked),
	    "and the last one is there");
	drv->close(c);
	kit_rm(dir);
}

static void
adder(void)
{
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec;
	void *c = kit_open(dir, "?sync=none");
	uint64_t v;
	unsigned i;
	int r;

	while (atomic_load(&sh->go) == 0)
		(void)sched_yield();
	for (i = 0; i < EACH * test_long(); i++) {
		do {
			if (kit_get(&got, c, &key) != 0)
				atomic_fetch_add(&sh->bad, 1);
			memcpy(&v, got.body, 8);
			v++;
			rec = kit_rec(got.rec.rev + 1, (char *)&v, 8, 0);
			r = drv->replace(c, &key, got.rec.rev, &rec, NULL);
			if (r == SSTATE_EBUSY)
				atomic_fetch_add(&sh->busy, 1);
			else if (r != 0 && r != SSTATE_ECONFLICT)
				atomic_fetch_add(&sh->bad, 1);
		} while (r != 0 && atomic_load(&sh->bad) == 0);
	}
	drv->close(c);
}

static void
crowd(void)
{
	struct sstate_key key = kit_key(1, "app");
	uint64_t v = 0;
	struct sstate_record rec = kit_rec(1, (char *)&v, 8, 0);
	void *c;
	int i;

	memset(sh, 0, sizeof(*sh));
	kit_tmp_fast(dir, sizeof(dir));
	c = kit_open(dir, "?sync=none");
	NEED(drv->create(c, &key, &rec, NULL) == 0, "a counter");
	for (i = 0; i < CROWD; i++)
		if (fork() == 0) {
			drv->abandon(c);
			adder();
			_exit(0);
		}
	atomic_store(&sh->go, 1);
	wait_all(CROWD);
	(void)kit_get(&got, c, &key);
	memcpy(&v, got.body, 8);
	T(atomic_load(&sh->bad) == 0 && v == CROWD * EACH * test_long() &&
		got.rec.rev == v + 1,
	    "R-33 %d processes add %d each: "
	    "%llu",
	    CROWD, EACH * test_long(), (unsigned long long)v);
	T(atomic_load(&sh->busy) == 0, "R-34 no wait of ten seconds");
	drv->close(c);
	kit_rm(dir);
}

/* A lock that is never released: bounded, and nothing is written. */
static void
stuck(void)
{
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec = kit_rec(1, "one", 3, 0);
	struct sstate_error err = { 0 };
	struct flock fl = { 0 };
	char path[KIT_PATH];
	void *c;
	int fd;

	kit_tmp_fast(dir, sizeof(dir));
	c = kit_open(dir, "?timeout_ms=40");
	(void)drv->create(c, &key, &rec, NULL);
	kit_path(path, dir, &key);
	fd = open(path, O_RDWR);
	fl.l_type = F_WRLCK;
	(void)fcntl(fd, F_OFD_SETLK, &fl);
	rec.rev = 2;
	T(drv->replace(c, &key, 1, &rec, &err) == SSTATE_EBUSY &&
		drv->remove(c, &key, 1, &err) == SSTATE_EBUSY,
	    "R-34 a lock that stays: EBUSY: %s", err.text);
	T(kit_get(&got, c, &key) == 0 && got.rec.rev == 1,
	    "readers do not wait for it");
	(void)close(fd);
	T(drv->replace(c, &key, 1, &rec, &err) == 0, "released: it goes on");
	drv->close(c);
	kit_rm(dir);
}

/* ---- names that change under our hands ------------------------- */

static void
swap(const char *a, const char *b)
{
	(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2);
}

/* Exchanges the record, and its directory, with links to outside. */
static void
saboteur(const char *record, const char *subdir, const char *out,
    const char *victim)
{
	char evil[KIT_PATH], evildir[KIT_PATH];
	unsigned i;

	(void)snprintf(evil, sizeof(evil), "%s/evil", dir);
	(void)snprintf(evildir, sizeof(evildir), "%s/evildir", dir);
	kit_may(symlink(victim, evil));
	kit_may(symlink(out, evildir));
	for (i = 0; i < SWAPS * test_long(); i++) {
		swap(record, evil);
		swap(record, evil);
		swap(subdir, evildir);
		swap(subdir, evildir);
		if (i % 64 == 0) {
			(void)unlink(record);
			kit_may(link(victim, record));
			(void)unlink(record);
		}
	}
	atomic_store(&sh->done, 1);
}

static int
outside(const char *out, const char *victim, const char *text)
{
	char buf[64] = "";
	struct stat st;
	int fd = open(victim, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)close(fd);
	return n == (ssize_t)strlen(text) &&
	    memcmp(buf, text, strlen(text)) == 0 && stat(out, &st) == 0 &&
	    st.st_nlink == 2 && stat(victim, &st) == 0 && st.st_nlink == 1;
}

/* Every operation, until the saboteur is done. */
static unsigned
rounds(void *c, const struct sstate_key *key, const char *text)
{
	static char big[5000];
	struct sstate_record rec;
	unsigned turns = 0;
	uint64_t n;

	while (atomic_load(&sh->done) == 0) {
		rec = kit_rec(1, "one", 3, 1000);
		(void)drv->create(c, key, &rec, NULL);
		if (kit_get(&got, c, key) == 0 &&
		    memcmp(got.body, text, 4) == 0)
			atomic_fetch_add(&sh->bad, 1);
		rec = kit_rec(2, "two", 3, 1000);
		(void)drv->replace(c, key, 1, &rec, NULL);
		rec = kit_rec(3, big, sizeof(big), 1000);
		(void)drv->replace(c, key, 2, &rec, NULL);
		if (turns % 3 != 0)
			(void)drv->remove(c, key, SSTATE_ANY_REV, NULL);
		else
			(void)drv->reap(&n, c, "app", 1000, 0, NULL);
		turns++;
	}
	return turns;
}

static void
sabotage(void)
{
	static const char text[] = "a file of somebody else";
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec = kit_rec(1, "one", 3, 1000);
	char store[KIT_DIR], record[KIT_PATH], subdir[KIT_PATH];
	char out[KIT_PATH], victim[KIT_PATH + 8];
	unsigned turns;
	void *c;
	int fd, fds;
	pid_t pid;

	memset(sh, 0, sizeof(*sh));
	kit_tmp_fast(dir, sizeof(dir));
	(void)snprintf(store, sizeof(store), "%.200s/store", dir);
	(void)snprintf(out, sizeof(out), "%s/out", dir);
	(void)mkdir(out, 0700);
	kit_path(record, store, &key);
	/* Of the same name, so that a path through a link leads to it. */
	(void)snprintf(victim, sizeof(victim), "%.500s/%.100s", out,
	    strrchr(record, '/') + 1);
	(void)snprintf(subdir, sizeof(subdir), "%s/n.app/%02x", store,
	    key.id[0]);
	fd = open(victim, O_WRONLY | O_CREAT, 0600);
	kit_may(write(fd, text, sizeof(text) - 1));
	(void)close(fd);
	c = kit_open(store, "?sync=none&timeout_ms=20");
	(void)drv->create(c, &key, &rec, NULL);
	fds = kit_fds();
	if ((pid = fork()) == 0) {
		saboteur(record, subdir, out, victim);
		_exit(0);
	}
	turns = rounds(c, &key, text);
	(void)waitpid(pid, NULL, 0);
	T(atomic_load(&sh->bad) == 0 && outside(out, victim, text),
	    "R-102 %d swaps beside %u rounds: nothing outside was read, "
	    "written, linked or removed",
	    4 * SWAPS * test_long(), turns);
	T(unlink(victim) == 0 && rmdir(out) == 0,
	    "R-102 nor was anything made there");
	(void)drv->remove(c, &key, SSTATE_ANY_REV, NULL);
	drv->close(c);
	c = kit_open(store, "");
	rec = kit_rec(1, "one", 3, 1000);
	T(drv->create(c, &key, &rec, NULL) == 0 || kit_get(&got, c, &key) == 0,
	    "and the store works on");
	drv->close(c);
	T(kit_fds() < fds, "without a leak");
	kit_rm(dir);
}

int
main(void)
{
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		return 1;
	readers("?sync=none");
	readers("?sync=data");
	crowd();
	stuck();
	sabotage();
	return tap_done();
}
