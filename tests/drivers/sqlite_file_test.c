/*
 * sqlite_file_test.c - `sqlite:` and its file: whose it must be, what it must
 * hold, what a kill and a full disk leave, who waits for whom
 */
/* driver: sqlite */
/* link: -Wl,--wrap=fstatfs */
#include "onefile.h"

#include <sqlite3.h>

extern const struct sstate_driver sstate_driver_v1_sqlite;

static struct onefile o = { .driver = &sstate_driver_v1_sqlite,
	.scheme = "sqlite",
	.beside = { "-wal", "-shm", "-journal", NULL },
	.quick = "?sync=none" };

/* A statement by another hand; 0 or SQLite's code. */
static int
by_hand(const char *file, const char *sql)
{
	sqlite3 *db;
	int rc = sqlite3_open_v2(file, &db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	(void)sqlite3_close(db);
	return rc;
}

static int64_t
ask(const char *file, const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db;
	int64_t n = -1;

	if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL) ==
		SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return n;
}

static int
sound(const char *file)
{
	return ask(file,
		   "SELECT integrity_check = 'ok' FROM"
		   " pragma_integrity_check") == 1
	    ? 0
	    : -1;
}

static void
uris(void)
{
	static const struct onefile_uri bad[] = {
		{ "", SSTATE_EINVAL },
		{ "/tmp/", SSTATE_EINVAL },
		{ "//host/x.db", SSTATE_EINVAL },
		{ "/tmp/x.db?sync=often", SSTATE_EINVAL },
		{ "/tmp/x.db?sync=", SSTATE_EINVAL },
		{ "/tmp/x.db?timeout_ms=0", SSTATE_EINVAL },
		{ "/tmp/x.db?max_bytes=16777217", SSTATE_EINVAL },
		{ "/tmp/x.db?max_bytes=0", SSTATE_EINVAL },
		{ "/tmp/x.db?cache=shared", SSTATE_EUNSAFE },
		{ ":memory:", SSTATE_EUNSAFE },
	};

	/* The last two name a folder of all, which is looked at first. */
	NEED(chdir("/tmp") == 0, "a working directory");
	onefile_uris(&o, bad, sizeof(bad) / sizeof(bad[0]));
}

/* ---- What is in it ---------------------------------------------------- */

static void
scribble(const char *file, off_t at, const char *what, size_t n)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, what, n, at) != (ssize_t)n)
		perror("# scribble");
	(void)close(fd);
}

static void
contents(void)
{
	const char *file = onefile_at(&o, "in.db", "");
	static char noise[8192];
	struct sstate_error err;
	struct sstate_store *s;
	struct stat st;
	int fd;

	NEED((s = onefile_open(&o, file, &err)) != NULL, "made");
	sstate_store_close(s);
	T(ask(file, "PRAGMA application_id") == 0x53535431 &&
		ask(file, "PRAGMA user_version") == 1,
	    "the file says whose it is, and its schema");
	T(by_hand(file, "PRAGMA user_version = 2") == 0, "a newer one");
	(void)onefile_opens(&o, file, SSTATE_EVERSION, "a newer file");
	(void)by_hand(file,
	    "PRAGMA user_version = 1;"
	    "UPDATE securestate_meta SET value = 2"
	    " WHERE name = 'schema'");
	(void)onefile_opens(&o, file, SSTATE_EVERSION, "newer tables");
	(void)by_hand(file,
	    "UPDATE securestate_meta SET value = 1"
	    " WHERE name = 'schema'");
	(void)onefile_opens(&o, file, 0, "and as it was");
	kit_remove(file);

	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	NEED(fd >= 0, "a file");
	conform_fill(noise, sizeof(noise), 1);
	NEED(write(fd, noise, sizeof(noise)) == sizeof(noise), "noise");
	(void)close(fd);
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "no database");
	(void)unlink(file);
	T(by_hand(file, "CREATE TABLE theirs(a)") == 0 &&
		chmod(file, 0600) == 0,
	    "another program's database");
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "is not taken");
	T(ask(file, "SELECT count(*) FROM sqlite_master") == 1 &&
		ask(file, "PRAGMA journal_mode = delete") != -1,
	    "nor changed");
	(void)unlink(file);
	NEED((s = onefile_flags(&o, file, "", SSTATE_NO_CREATE, &err)) == NULL,
	    "none there");
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	(void)close(fd);
	T((s = onefile_flags(&o, file, "", SSTATE_NO_CREATE, &err)) == NULL &&
		err.code == SSTATE_ESTORE && stat(file, &st) == 0 &&
		st.st_size == 0,
	    "SSTATE_NO_CREATE writes nothing into an empty file: %s", err.text);
	(void)onefile_opens(&o, file, 0, "an empty file is made a store");
}

/* To its owner, who is not root, it is there to be read only. */
static void
unwritable(void)
{
	const char *dir = onefile_at(&o, "ro", "");
	const char *file = onefile_at(&o, "ro/x.db", "");
	struct sstate_error err;
	struct sstate_store *s;
	int status = -1;
	pid_t pid;

	NEED(mkdir(dir, 0700) == 0 && chmod(o.dir, 0755) == 0, "a folder");
	NEED(geteuid() != 0 || chown(dir, ONEFILE_OTHER, ONEFILE_OTHER) == 0,
	    "somebody's");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (geteuid() == 0 && setuid(ONEFILE_OTHER) != 0)
			_exit(2);
		if ((s = onefile_open(&o, file, &err)) == NULL)
			_exit(3);
		sstate_store_close(s);
		(void)chmod(file, 0400);
		s = onefile_open(&o, file, &err);
		_exit(s == NULL && err.code == SSTATE_ESTORE ? 0 : 1);
	}
	T(waitpid(pid, &status, 0) == pid && status == 0,
	    "a file that cannot be written is told at the open (%d)", status);
}

static int
code_of(const char *file, const char *what)
{
	struct conform c = { .driver = o.driver };
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	struct sstate_store *s;
	struct conform_seen seen;
	int r;

	if ((s = onefile_open(&o, file, &err)) == NULL) {
		printf("# %s: open: %d %s\n", what, err.code, err.text);
		return err.code;
	}
	memset(&seen, 0, sizeof(seen));
	r = conform_get(&seen, &c, onefile_ctx(s), &k);
	if (r == 0)
		r = seen.calls == 1 ? 0 : -100;
	free(seen.body);
	sstate_store_close(s);
	return r;
}

/* what a strange hand leaves in it is an error, or another whole
 * record that the seal refuses; never a crash. */
static void
damage(void)
{
	static const char *const rows[] = { "body = x''", "body = 'text'",
		"body = 7", "tag = x'00'", "body = NULL" };
	const char *file = onefile_at(&o, "damaged.db", "");
	const char *copy = onefile_at(&o, "copy.db", "");
	char sql[128], cmd[1200], noise[64];
	struct sstate_error err;
	struct sstate_store *s;
	unsigned i, odd = 0;
	struct stat st;
	int r;

	NEED((s = onefile_open(&o, file, &err)) != NULL, "made");
	T(onefile_works(&o, s, 1), "one record");
	sstate_store_close(s);
	for (i = 0; i < 4; i++) {
		(void)snprintf(sql, sizeof(sql),
		    "UPDATE securestate_record SET %s", rows[i]);
		T(by_hand(file, sql) == 0 &&
			code_of(file, rows[i]) == SSTATE_ESTORE,
		    "R-98 %s is ESTORE", rows[i]);
		(void)by_hand(file,
		    "UPDATE securestate_record SET body = x'74', tag = NULL");
	}
	T(code_of(file, "mended") == 0, "and mended it is read again");
	T(by_hand(file, "DROP TABLE securestate_record") == 0 &&
		code_of(file, "no table") == SSTATE_ESTORE,
	    "a table is missing: ESTORE");
	kit_remove(file);

	NEED((s = onefile_open(&o, file, &err)) != NULL, "made again");
	for (i = 1; i < 60; i++)
		odd += !onefile_works(&o, s, i);
	sstate_store_close(s);
	NEED(odd == 0 && stat(file, &st) == 0, "59 records");
	for (i = 0; i < 200; i++) {
		(void)snprintf(cmd, sizeof(cmd), "cp '%s' '%s'", file, copy);
		if (system(cmd) != 0)
			odd++;
		conform_fill(noise, sizeof(noise), i);
		scribble(copy,
		    (off_t)(conform_mix(i) % (uint64_t)(st.st_size - 64)),
		    noise, 1 + i % sizeof(noise));
		if (i % 10 == 9)
			(void)truncate(copy, st.st_size - 4096 * (i % 5 + 1));
		(void)fflush(stdout);
		r = code_of(copy, "noise");
		odd += r != 0 && r != SSTATE_ESTORE && r != SSTATE_ENOTFOUND &&
		    r != SSTATE_EVERSION;
	}
	T(odd == 0, "R-99 200 files with noise in them: no crash (%u odd)",
	    odd);
}

/* ---- Waiting ---------------------------------------------------------- */

static void
waiting(void)
{
	const char *file = onefile_at(&o, "busy.db", "");
	struct conform c = { .driver = o.driver };
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record rec = conform_rec("late", 4, CONFORM_LIVE, 3);
	struct sstate_record had = conform_rec("two", 3, CONFORM_LIVE, 2);
	struct timespec a, b;
	struct sstate_error err;
	struct sstate_store *s;
	sqlite3 *db;
	uint64_t gone;
	void *ctx;
	long ms;

	s = onefile_flags(&o, file, "?sync=none&timeout_ms=300", 0, &err);
	NEED(s != NULL && onefile_works(&o, s, 1), "timeout_ms=300");
	ctx = onefile_ctx(s);
	NEED(sqlite3_open(file, &db) == SQLITE_OK &&
		sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ==
		    SQLITE_OK,
	    "another one holds the lock");
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	T(o.driver->replace(ctx, &k, 2, &rec, &err) == SSTATE_EBUSY,
	    "a write is EBUSY: %s", err.text);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	T(ms >= 299 && ms < 60000, "after 300 ms (%ld)", ms);
	T(o.driver->remove(ctx, &k, 2, NULL) == SSTATE_EBUSY &&
		o.driver->remove(ctx, &k, SSTATE_ANY_REV, NULL) == SSTATE_EBUSY,
	    "so is a removal");
	T(o.driver->reap(&gone, ctx, CONFORM_NS, 2000, 10, NULL) == 0,
	    "a reaper that finds nothing waits for nobody");
	T(conform_is(&c, ctx, &k, &had), "a reader waits for nobody");
	(void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	T(o.driver->replace(ctx, &k, 2, &rec, NULL) == 0 &&
		conform_is(&c, ctx, &k, &rec),
	    "nothing was written; now it is");
	(void)sqlite3_close(db);
	sstate_store_close(s);
}

/* A callback that writes by another context, and one that is slow. */
struct inner {
	void *ctx;
	int r;
};

static int
writes_meanwhile(void *arg, const struct sstate_record *rec)
{
	struct inner *in = arg;
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record next =
	    conform_rec("three", 5, CONFORM_LIVE, rec->rev + 1);
	char was[3];

	memcpy(was, rec->body.ptr, 3);
	in->r = o.driver->replace(in->ctx, &k, rec->rev, &next, NULL);
	return rec->body.len == 3 && memcmp(was, rec->body.ptr, 3) == 0 ? 0 : 9;
}

static void
inside(void)
{
	const char *file = onefile_at(&o, "inside.db", "");
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	struct sstate_store *s, *t;
	struct inner in;

	s = onefile_open(&o, file, &err);
	t = onefile_open(&o, file, &err);
	NEED(s != NULL && t != NULL && onefile_works(&o, s, 1), "two contexts");
	in.ctx = onefile_ctx(t);
	in.r = -1;
	T(o.driver->get(onefile_ctx(s), &k, writes_meanwhile, &in, &err) == 0 &&
		in.r == 0,
	    "a reader's callback writes by another context; what it reads "
	    "stays");
	sstate_store_close(t);
	sstate_store_close(s);
}

/* ---- Reaping ---------------------------------------------------------- */

/* renewed records are moved on, not removed, however many. */
static void
renewed(void)
{
	const char *file = onefile_at(&o, "renewed.db", "");
	struct sstate_record rec = conform_rec("r", 1, 1000, 1);
	struct sstate_error err;
	struct sstate_store *s;
	struct sstate_key k;
	unsigned i, wrong = 0;
	uint64_t gone = 0;
	void *ctx;

	NEED((s = onefile_open(&o, file, &err)) != NULL, "made");
	ctx = onefile_ctx(s);
	for (i = 0; i < 300; i++) {
		k = conform_key(CONFORM_NS, i);
		rec.rev = 1;
		rec.expires = 1000;
		wrong += o.driver->create(ctx, &k, &rec, NULL) != 0;
		rec.rev = 2;
		rec.expires = i % 3 == 0 ? 0 : i % 3 == 1 ? 3000 : 1500;
		wrong += o.driver->replace(ctx, &k, 1, &rec, NULL) != 0;
	}
	NEED(wrong == 0, "300 records that were renewed");
	T(o.driver->reap(&gone, ctx, CONFORM_NS, 1200, 10, NULL) == 0 &&
		gone == 0,
	    "R-32 none of them goes by its old expiry (%llu)",
	    (unsigned long long)gone);
	sstate_store_close(s);
	T(ask(file,
	      "SELECT count(*) FROM securestate_record"
	      " WHERE due <= 1200") == 0,
	    "and the index has them where they are due now");
	NEED((s = onefile_open(&o, file, &err)) != NULL, "again");
	ctx = onefile_ctx(s);
	T(o.driver->reap(&gone, ctx, CONFORM_NS, INT64_MAX, UINT64_MAX, NULL) ==
		    0 &&
		gone == 200,
	    "R-32 at the end of time those without an expiry stay (%llu)",
	    (unsigned long long)gone);
	sstate_store_close(s);
}

int
main(void)
{
	onefile_begin(&o);
	uris();
	onefile_safe(&o);
	onefile_bounds(&o);
	contents();
	unwritable();
	damage();
	waiting();
	inside();
	renewed();
	onefile_counts(&o, 15);
	onefile_stopped(&o);
	onefile_killed(&o, sound, kit_scale(40));
	onefile_full(&o);
	return tap_done();
}
