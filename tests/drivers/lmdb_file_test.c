/*
 * lmdb_file_test.c - `lmdb:` and its file: whose it must be, what it must
 * hold, what a kill, a full disk and a full map leave, who waits for whom
 */
/* driver: lmdb */
/* link: -Wl,--wrap=fstatfs */
#include "onefile.h"

#include <lmdb.h>

extern const struct sstate_driver sstate_driver_v1_lmdb;

static struct onefile o = { .driver = &sstate_driver_v1_lmdb,
	.scheme = "lmdb",
	.beside = { "-lock", NULL },
	.quick = "?sync=none" };

static const char *const tables[] = { "securestate-record", "securestate-due",
	"securestate-tag", "securestate-meta" };

/* ---- By another hand -------------------------------------------------- */

static MDB_env *
raw_open(const char *file)
{
	MDB_env *env;

	if (mdb_env_create(&env) != 0)
		return NULL;
	(void)mdb_env_set_maxdbs(env, 8);
	(void)mdb_env_set_mapsize(env, (size_t)1 << 28);
	if (mdb_env_open(env, file, MDB_NOSUBDIR | MDB_NOTLS, 0600) != 0) {
		mdb_env_close(env);
		return NULL;
	}
	return env;
}

/* Put one value; n 0 and p NULL: remove it. */
static int
raw_put(const char *file, const char *name, const void *key, size_t len,
    const void *p, size_t n)
{
	MDB_env *env = raw_open(file);
	MDB_val k = { len, (void *)(uintptr_t)key };
	MDB_val v = { n, (void *)(uintptr_t)p };
	MDB_txn *t;
	MDB_dbi dbi;
	int rc = -1;

	if (env == NULL)
		return -1;
	if (mdb_txn_begin(env, NULL, 0, &t) == 0) {
		if ((rc = mdb_dbi_open(t, name, MDB_CREATE, &dbi)) == 0)
			rc = p != NULL ? mdb_put(t, dbi, &k, &v, 0)
				       : mdb_del(t, dbi, &k, NULL);
		if (rc == 0)
			rc = mdb_txn_commit(t);
		else
			mdb_txn_abort(t);
	}
	mdb_env_close(env);
	return rc;
}

/* Entries are as many as is said, and each index has no more and no less
 * than there are records; 0, or what is wrong. */
static int
sound(const char *file)
{
	static const char none[16];
	MDB_env *env = raw_open(file);
	MDB_cursor *cur;
	MDB_txn *t;
	MDB_stat st;
	MDB_val k, v;
	MDB_dbi dbi;
	size_t n[4] = { 0, 0, 0, 0 }, tagged = 0, i;
	int rc, bad = 0;

	if (env == NULL || mdb_txn_begin(env, NULL, MDB_RDONLY, &t) != 0)
		return -1;
	for (i = 0; i < 4; i++) {
		if (mdb_dbi_open(t, tables[i], 0, &dbi) != 0 ||
		    mdb_stat(t, dbi, &st) != 0 ||
		    mdb_cursor_open(t, dbi, &cur) != 0) {
			bad++;
			continue;
		}
		while ((rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) == 0) {
			n[i]++;
			tagged += i == 0 && v.mv_size > 40 &&
			    memcmp((char *)v.mv_data + 24, none, 16) != 0;
		}
		bad += rc != MDB_NOTFOUND || n[i] != st.ms_entries;
		mdb_cursor_close(cur);
	}
	bad += n[1] != n[0] || n[2] != tagged;
	mdb_txn_abort(t);
	mdb_env_close(env);
	return bad;
}

static void
uris(void)
{
	static const struct onefile_uri bad[] = {
		{ "", SSTATE_EINVAL },
		{ "/tmp/", SSTATE_EINVAL },
		{ "//host/x", SSTATE_EINVAL },
		{ "/tmp/x?sync=often", SSTATE_EINVAL },
		{ "/tmp/x?timeout_ms=-1", SSTATE_EINVAL },
		{ "/tmp/x?max_bytes=16777217", SSTATE_EINVAL },
		{ "/tmp/x?map_bytes=1000", SSTATE_EINVAL },
		{ "/tmp/x?map_bytes=4398046511105", SSTATE_EINVAL },
		/* A folder of all, which is looked at first. */
		{ "/tmp/x?readers=3", SSTATE_EUNSAFE },
		{ "/tmp", SSTATE_EUNSAFE },
	};

	onefile_uris(&o, bad, sizeof(bad) / sizeof(bad[0]));
	(void)onefile_opens(&o, o.dir, SSTATE_EUNSAFE, "a directory");
}

/* ---- What is in it ---------------------------------------------------- */

static void
contents(void)
{
	static const unsigned char newer[8] = { 0, 0, 0, 0, 0, 0, 0, 2 };
	static const unsigned char known[8] = { 0, 0, 0, 0, 0, 0, 0, 1 };
	const char *file = onefile_at(&o, "in.mdb", "");
	const char *lock = onefile_at(&o, "in.mdb", "-lock");
	static char noise[16384];
	struct sstate_error err;
	struct sstate_store *s;
	struct stat st;
	int fd;

	NEED((s = onefile_open(&o, file, &err)) != NULL, "made: %s", err.text);
	T(onefile_works(&o, s, 1), "it works");
	sstate_store_close(s);
	T(raw_put(file, tables[3], "schema", 6, newer, 8) == 0, "a newer one");
	(void)onefile_opens(&o, file, SSTATE_EVERSION, "newer tables");
	T(raw_put(file, tables[3], "schema", 6, "7", 1) == 0, "a strange one");
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "a damaged number");
	T(raw_put(file, tables[3], "schema", 6, known, 8) == 0, "the known");
	(void)onefile_opens(&o, file, 0, "and as it was");

	NEED(stat(file, &st) == 0 && truncate(file, st.st_size - 4096) == 0,
	    "cut off by a page");
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "a file that is cut off");
	NEED(truncate(file, 100) == 0, "cut off in its head");
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "a file without a head");
	(void)unlink(file);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	conform_fill(noise, sizeof(noise), 1);
	NEED(fd >= 0 && write(fd, noise, sizeof(noise)) == sizeof(noise),
	    "noise");
	(void)close(fd);
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "no LMDB file");
	(void)unlink(file);
	T(raw_put(file, "theirs", "a", 1, "b", 1) == 0, "another program's");
	(void)onefile_opens(&o, file, SSTATE_ESTORE, "is not taken");
	(void)unlink(file);
	(void)unlink(lock);

	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	(void)close(fd);
	T((s = onefile_flags(&o, file, "", SSTATE_NO_CREATE, &err)) == NULL &&
		err.code == SSTATE_ESTORE && stat(file, &st) == 0 &&
		st.st_size == 0 && access(lock, F_OK) != 0,
	    "SSTATE_NO_CREATE writes nothing, and makes no lock: %s", err.text);
	(void)close(open(lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	T((s = onefile_flags(&o, file, "", SSTATE_NO_CREATE, &err)) == NULL &&
		stat(file, &st) == 0 && st.st_size == 0,
	    "nor where a lock is: %s", err.text);
	(void)onefile_opens(&o, file, 0, "an empty file is made a store");
	(void)unlink(lock);
	T((s = onefile_flags(&o, file, "", SSTATE_NO_CREATE, &err)) == NULL &&
		access(lock, F_OK) != 0,
	    "SSTATE_NO_CREATE makes no lock for a store: %s", err.text);
}

static int
code_of(const char *file)
{
	struct conform c = { .driver = o.driver };
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	struct sstate_store *s;
	struct conform_seen seen;
	int r;

	if ((s = onefile_open(&o, file, &err)) == NULL)
		return err.code;
	memset(&seen, 0, sizeof(seen));
	r = conform_get(&seen, &c, onefile_ctx(s), &k);
	free(seen.body);
	sstate_store_close(s);
	return r;
}

/* what stands where a record should is damage, not a shorter one. */
static void
damage(void)
{
	static const unsigned char entry[60] = { 7, 'c', 'o', 'n', 'f', 'o',
		'r', 'm' };
	const char *file = onefile_at(&o, "damaged.mdb", "");
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct onefile_seen seen = { 0, 0 };
	struct sstate_error err;
	struct sstate_store *s;
	unsigned char mine[56];
	uint64_t gone;
	char body[41];
	void *ctx;

	memset(body, 1, sizeof(body));
	NEED((s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, s, 1),
	    "a record");
	sstate_store_close(s);
	T(raw_put(file, tables[0], k.id, sizeof(k.id), "", 0) == 0 &&
		code_of(file) == SSTATE_ESTORE,
	    "R-98 an empty one is ESTORE");
	T(raw_put(file, tables[0], k.id, sizeof(k.id), body, 40) == 0 &&
		code_of(file) == SSTATE_ESTORE,
	    "R-98 one without a body");
	T(raw_put(file, tables[0], k.id, sizeof(k.id), body, 41) == 0 &&
		code_of(file) == 0,
	    "of a byte more it can be a record");
	T(raw_put(file, tables[1], entry, 50, "", 0) == 0 &&
		raw_put(file, tables[1], entry, 48, "", 0) == 0,
	    "entries of an index that name nothing");
	NEED((s = onefile_open(&o, file, &err)) != NULL, "opened");
	ctx = onefile_ctx(s);
	T(o.driver->each(ctx, CONFORM_NS, NULL, onefile_sees, &seen, &err) ==
		SSTATE_ESTORE,
	    "a misshapen one is told: %s", err.text);
	sstate_store_close(s);
	(void)raw_put(file, tables[1], entry, 50, NULL, 0);
	NEED((s = onefile_open(&o, file, &err)) != NULL, "opened");
	ctx = onefile_ctx(s);
	T(o.driver->each(ctx, CONFORM_NS, NULL, onefile_sees, &seen, &err) == 0,
	    "one of nothing is passed over");
	T(o.driver->reap(&gone, ctx, CONFORM_NS, 2000, 10, &err) == 0 &&
		gone == 0,
	    "and swept away by the reaper");
	sstate_store_close(s);
	T(raw_put(file, tables[1], entry, 48, NULL, 0) == MDB_NOTFOUND,
	    "so that it is gone");
	memcpy(mine, entry, 8);
	memset(mine + 8, 9, SSTATE_TAG_BYTES);
	memcpy(mine + 24, k.id, sizeof(k.id));
	T(raw_put(file, tables[2], mine, sizeof(mine), "", 0) == 0,
	    "a user's entry of what is not his");
	seen.n = 0;
	NEED((s = onefile_open(&o, file, &err)) != NULL, "opened");
	T(o.driver->each(onefile_ctx(s), CONFORM_NS, mine + 8, onefile_sees,
	      &seen, NULL) == 0 &&
		seen.n == 0,
	    "R-27 an entry is checked against the record");
	sstate_store_close(s);
	T(raw_put(file, tables[3], "latest", 6, "12345", 5) == 0, "a time");
	NEED((s = onefile_open(&o, file, &err)) != NULL, "opened");
	T(o.driver->latest((int64_t *)&gone, onefile_ctx(s), 1700000000,
	      &err) == SSTATE_ESTORE,
	    "R-23 a damaged time is told: %s", err.text);
	sstate_store_close(s);
}

/* ---- Waiting ---------------------------------------------------------- */

static void
waiting(void)
{
	const char *file = onefile_at(&o, "busy.mdb", "");
	struct conform c = { .driver = o.driver };
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record rec = conform_rec("late", 4, CONFORM_LIVE, 3);
	struct sstate_record had = conform_rec("two", 3, CONFORM_LIVE, 2);
	struct timespec a, b;
	struct sstate_error err;
	struct sstate_store *s;
	struct flock f;
	uint64_t gone;
	void *ctx;
	long ms;
	int fd;

	s = onefile_flags(&o, file, "?sync=none&timeout_ms=300", 0, &err);
	NEED(s != NULL && onefile_works(&o, s, 1), "timeout_ms=300");
	ctx = onefile_ctx(s);
	memset(&f, 0, sizeof(f));
	f.l_type = F_WRLCK;
	f.l_whence = SEEK_SET;
	f.l_start = INT64_MAX - 1;
	f.l_len = 1;
	fd = open(file, O_RDWR | O_CLOEXEC);
	NEED(fd >= 0 && fcntl(fd, F_OFD_SETLK, &f) == 0,
	    "another one has the writer's turn");
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	T(o.driver->replace(ctx, &k, 2, &rec, &err) == SSTATE_EBUSY,
	    "a write is EBUSY: %s", err.text);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	T(ms >= 299 && ms < 5000, "after 300 ms (%ld)", ms);
	T(o.driver->remove(ctx, &k, 2, NULL) == SSTATE_EBUSY,
	    "so is a removal");
	T(o.driver->reap(&gone, ctx, CONFORM_NS, 2000, 10, NULL) == 0,
	    "a reaper that finds nothing waits for nobody");
	T(conform_is(&c, ctx, &k, &had), "a reader waits for nobody");
	(void)close(fd);
	T(o.driver->replace(ctx, &k, 2, &rec, NULL) == 0 &&
		conform_is(&c, ctx, &k, &rec),
	    "nothing was written; now it is");
	sstate_store_close(s);
}

/* A callback that writes by another context: what is read stays. */
static int
writes_meanwhile(void *arg, const struct sstate_record *rec)
{
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record next =
	    conform_rec("three", 5, CONFORM_LIVE, rec->rev + 1);
	unsigned i;

	/* Often enough to use each free page again. */
	for (i = 0; i < 200; i++, next.rev++)
		if (o.driver->replace(arg, &k, next.rev - 1, &next, NULL) != 0)
			return 8;
	return rec->body.len == 3 && memcmp("two", rec->body.ptr, 3) == 0 ? 0
									  : 9;
}

static void
inside(void)
{
	const char *file = onefile_at(&o, "inside.mdb", "");
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	struct sstate_store *s, *t;

	s = onefile_open(&o, file, &err);
	t = onefile_open(&o, file, &err);
	NEED(s != NULL && t != NULL && onefile_works(&o, s, 1), "two contexts");
	T(o.driver->get(onefile_ctx(s), &k, writes_meanwhile, onefile_ctx(t),
	      &err) == 0,
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
	const char *file = onefile_at(&o, "renewed.mdb", "");
	struct sstate_record rec = conform_rec("renew", 5, 1000, 1);
	struct conform c = { .driver = o.driver };
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
	for (i = 0; i < 300; i++) {
		k = conform_key(CONFORM_NS, i);
		rec.expires = i % 3 == 0 ? 0 : i % 3 == 1 ? 3000 : 1500;
		wrong += !conform_is(&c, ctx, &k, &rec);
	}
	T(wrong == 0, "R-32 nor is one changed by that (%u)", wrong);
	T(o.driver->reap(&gone, ctx, CONFORM_NS, INT64_MAX, UINT64_MAX, NULL) ==
		    0 &&
		gone == 200,
	    "R-32 at the end of time those without an expiry stay (%llu)",
	    (unsigned long long)gone);
	sstate_store_close(s);
}

/* ---- The map ---------------------------------------------------------- */

static void
map_full(void)
{
	const char *file = onefile_at(&o, "map.mdb", "");
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s, *t;
	unsigned n;

	s = onefile_flags(&o, file, "?sync=none&map_bytes=1048576", 0, &err);
	NEED(s != NULL, "a map of a megabyte: %s", err.text);
	t = onefile_open(&o, file, &err);
	T(t == NULL && err.code == SSTATE_EINVAL,
	    "another one in the same process: %s", err.text);
	n = onefile_fill(&o, onefile_ctx(s), &err);
	T(n > 50 && err.code == SSTATE_ESTORE && err.sys == ENOSPC,
	    "it is full after %u records: %s", n, err.text);
	T(onefile_lost(&o, onefile_ctx(s), n) == 0, "each is there, whole");
	sstate_store_close(s);
	NEED((s = onefile_open(&o, file, &err)) != NULL, "a larger map");
	T(onefile_lost(&o, onefile_ctx(s), n) == 0 && onefile_works(&o, s, 1),
	    "with which it goes on");
	sstate_store_close(s);
	s = onefile_flags(&o, file, "?sync=none&map_bytes=1048576", 0, &err);
	T(s != NULL && onefile_lost(&o, onefile_ctx(s), n) == 0,
	    "a smaller one is as large as it must be: %s", err.text);
	sstate_store_close(s);
}

/* ---- Readers ---------------------------------------------------------- */

static int
dies_inside(void *arg, const struct sstate_record *rec)
{
	(void)arg;
	(void)rec;
	(void)raise(SIGKILL);
	return 0;
}

/* A child; in it, act and exit. */
static int
child(const char *file, int killed)
{
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_error err;
	struct sstate_store *s;
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if ((s = onefile_open(&o, file, &err)) == NULL)
			_exit(1);
		if (killed)
			(void)o.driver->get(onefile_ctx(s), &k, dies_inside,
			    NULL, NULL);
		sstate_store_close(s);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return killed ? !WIFSIGNALED(status) : status;
}

/*
 * Who is killed while reading keeps neither slots nor pages for ever: an
 * open by anybody, or a reaper that has something to do, sweeps them out.
 */
static void
dead_readers(int reaped)
{
	const char *file =
	    onefile_at(&o, reaped ? "reaped.mdb" : "reopened.mdb", "");
	struct sstate_key k = conform_key(CONFORM_NS, 1), due;
	static char body[30000];
	struct sstate_record rec =
	    conform_rec(body, sizeof(body), CONFORM_LIVE, 2);
	struct sstate_record old = conform_rec("old", 3, 1000, 1);
	struct sstate_error err;
	struct sstate_store *s;
	struct stat a, b;
	unsigned i, n, bad = 0;
	uint64_t gone;
	void *ctx;

	NEED((s = onefile_open(&o, file, &err)) != NULL &&
		onefile_works(&o, s, 1),
	    "a record");
	ctx = onefile_ctx(s);
	for (i = 0; i < 40; i++) {
		bad += child(file, 1) != 0;
		due = conform_key(CONFORM_NS, 100 + i);
		if (!reaped)
			bad += child(file, 0) != 0;
		else
			bad += o.driver->create(ctx, &due, &old, NULL) != 0 ||
			    o.driver->reap(&gone, ctx, CONFORM_NS, 2000, 10,
				NULL) != 0 ||
			    gone != 1;
		for (n = 0; n < 10; n++) {
			rec.rev++;
			bad += o.driver->replace(ctx, &k, rec.rev - 1, &rec,
				   NULL) != 0;
		}
		if (i == 9)
			bad += stat(file, &a) != 0;
	}
	bad += stat(file, &b) != 0;
	T(bad == 0 && b.st_size == a.st_size,
	    "40 readers were killed, %s: the file grows no more (%lld, %lld)",
	    reaped ? "and it was reaped" : "and it was opened",
	    (long long)a.st_size, (long long)b.st_size);
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
	damage();
	waiting();
	inside();
	renewed();
	map_full();
	onefile_counts(&o, 0);
	dead_readers(0);
	dead_readers(1);
	onefile_stopped(&o);
	onefile_killed(&o, sound, kit_scale(40));
	onefile_full(&o);
	return tap_done();
}
