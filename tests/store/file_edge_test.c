/*
 * file_edge_test.c - file: arguments that are none, files that are not ours
 * or no longer whole, a look at the index that is saved
 *
 * link: -Wl,--wrap=clock_mono_us,--wrap=clock_wall,--wrap=sigtimedwait
 * link: -Wl,--wrap=clock_boot
 */
#include "file_kit.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/codec.h"
#include "store/file_dir.h"
#include "store/file_lock.h"
#include "store/file_scan.h"
#include "store/file_slot.h"

enum { BUCKET = 256 }; /* seconds */
enum { OTHER = 65534 };

static struct got got;
static char dir[KIT_DIR];
static const unsigned char user[SSTATE_TAG_BYTES] = { 5, 5, 5, 5, 5, 5, 5, 5, 5,
	5, 5, 5, 5, 5, 5, 5 };

/* ---- The clock and the signals ---------------------------------------- */

static uint64_t later_us;
static int64_t ahead, up; /* up 0: as long as the machine is */
static int wait_breaks, waited;

uint64_t __real_clock_mono_us(void);
uint64_t __wrap_clock_mono_us(void);
int __real_sigtimedwait(const sigset_t *set, siginfo_t *info,
    const struct timespec *most);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info,
    const struct timespec *most);

int64_t __real_clock_wall(void);
int64_t __wrap_clock_wall(void);

int64_t __real_clock_boot(void);
int64_t __wrap_clock_boot(void);

int64_t
__wrap_clock_wall(void)
{
	return __real_clock_wall() + ahead;
}

int64_t
__wrap_clock_boot(void)
{
	return up != 0 ? up : __real_clock_boot();
}

uint64_t
__wrap_clock_mono_us(void)
{
	return __real_clock_mono_us() + later_us;
}

int
__wrap_sigtimedwait(const sigset_t *set, siginfo_t *info,
    const struct timespec *most)
{
	waited++;
	if (wait_breaks) {
		wait_breaks = 0;
		errno = EINTR;
		return -1;
	}
	return __real_sigtimedwait(set, info, most);
}

/* ---- Shorthand -------------------------------------------------------- */

static void *
begin(const char *params)
{
	kit_tmp_fast(dir, sizeof(dir));
	return kit_open(dir, params);
}

static void
finish(void *c)
{
	drv->close(c);
	kit_rm(dir);
}

static int
make(void *c, uint64_t n, int64_t expires)
{
	struct sstate_key key = kit_key(n, "app");
	struct sstate_record rec = kit_rec(1, "body", 4, expires);

	memcpy(rec.tag, user, sizeof(user));
	return drv->create(c, &key, &rec, NULL);
}

static int
have(void *c, uint64_t n)
{
	struct sstate_key key = kit_key(n, "app");

	return kit_get(&got, c, &key) == 0;
}

static int64_t
reap(void *c, int64_t before, uint64_t limit)
{
	struct sstate_error err;
	uint64_t n = 0;

	if (drv->reap(&n, c, "app", before, limit, &err) != 0)
		return -1;
	return (int64_t)n;
}

static void
below(char *out, const char *name)
{
	(void)snprintf(out, KIT_PATH, "%s/%s", dir, name);
}

static void
put(const char *name, const void *p, size_t n)
{
	char path[KIT_PATH];
	int fd;

	below(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		printf("Bail out! cannot plant %s\n", path);
	(void)close(fd);
}

static void
folder(const char *name)
{
	char path[KIT_PATH];

	below(path, name);
	(void)mkdir(path, 0700);
}

static int
is_there(const char *name)
{
	char path[KIT_PATH];

	below(path, name);
	return access(path, F_OK) == 0;
}

static void
touch(const char *name, time_t s, long ns)
{
	struct timespec ts[2] = { { s, ns }, { s, ns } };
	char path[KIT_PATH];

	below(path, name);
	(void)utimensat(AT_FDCWD, path, ts, AT_SYMLINK_NOFOLLOW);
}

static int
none(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

static int
stop(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)arg;
	(void)key;
	(void)rec;
	return -77;
}

/* ---- Arguments -------------------------------------------------------- */

static void
namespaces(void)
{
	static const char *const bad[] = { NULL, "", "a/b", "..x/", "a b",
		"a{b", "0123456789012345678901234567890123" };
	struct sstate_record rec = kit_rec(1, "b", 1, 0);
	struct sstate_error err;
	void *c = begin("");
	unsigned count = 0;
	struct sstate_key key;
	uint64_t n;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		key = kit_key(1, bad[i]);
		T(drv->create(c, &key, &rec, &err) == SSTATE_EINVAL &&
			drv->replace(c, &key, 1, &rec, &err) == SSTATE_EINVAL &&
			drv->remove(c, &key, 1, &err) == SSTATE_EINVAL &&
			drv->get(c, &key, kit_found, &got, &err) ==
			    SSTATE_EINVAL &&
			drv->reap(&n, c, bad[i], 0, 0, &err) == SSTATE_EINVAL &&
			drv->each(c, bad[i], NULL, none, &count, &err) ==
			    SSTATE_EINVAL &&
			drv->each(c, bad[i], user, none, &count, NULL) ==
			    SSTATE_EINVAL,
		    "R-102 no namespace: \"%s\"",
		    bad[i] != NULL ? bad[i] : "NULL");
	}
	T(count == 0, "and nothing is shown");
	finish(c);
}

static void
bodies(void)
{
	struct sstate_record empty = kit_rec(2, "", 0, 0),
			     big = kit_rec(2, got.body, 2000, 0);
	struct sstate_key key = kit_key(1, "app"), two = kit_key(2, "app");
	struct sstate_error err;
	void *c = begin("?max_bytes=1000");

	T(make(c, 1, 0) == 0 &&
		drv->create(c, &two, &empty, &err) == SSTATE_EINVAL &&
		drv->replace(c, &key, 1, &empty, &err) == SSTATE_EINVAL,
	    "a body without octets: %s", err.text);
	T(drv->create(c, &two, &big, &err) == SSTATE_ETOOBIG &&
		drv->replace(c, &key, 1, &big, &err) == SSTATE_ETOOBIG &&
		have(c, 1),
	    "one over max_bytes: %s", err.text);
	finish(c);
}

static void
paths(void)
{
	static char deep[PATH_MAX + 300];
	struct sstate_error err = { 0 };
	struct stat st = { 0 };
	struct fdir d = { 0 };
	const char *name;
	char path[KIT_PATH];
	size_t i;
	int fd;

	T(fdir_open(&d, NULL, 1, &err) == SSTATE_EINVAL &&
		fdir_open(&d, "", 1, &err) == SSTATE_EINVAL,
	    "no directory: %s", err.text);
	memset(deep, 'd', sizeof(deep) - 1);
	deep[0] = '/';
	T(fdir_open(&d, deep, 1, &err) == SSTATE_ETOOBIG &&
		fdir_open(&d, deep + 1, 1, &err) == SSTATE_ETOOBIG,
	    "a path over PATH_MAX: %s", err.text);
	for (i = 0; i < PATH_MAX - 2; i += 2)
		memcpy(deep + i, "./", 2);
	deep[i] = 'd';
	deep[i + 1] = '\0';
	T(strlen(deep) < PATH_MAX &&
		fdir_open(&d, deep, 1, &err) == SSTATE_ETOOBIG,
	    "one that is, below the current directory: %s", err.text);
	st.st_mode = S_IFREG | 0700;
	T(!fdir_self_ok(&st, 0), "F-03 no directory at all");
	kit_tmp_fast(dir, sizeof(dir));
	below(path, "gone");
	T(fdir_open(&d, path, 0, &err) == SSTATE_ESTORE && err.sys == ENOENT,
	    "one that is not there, and shall not be made: %s", err.text);
	put("file", "x", 1);
	below(path, "file");
	T(fdir_open(&d, path, 0, &err) == SSTATE_EUNSAFE, "a file: %s",
	    err.text);
	NEED(fdir_open(&d, dir, 0, &err) == 0, "a directory");
	d.no_openat2 = 1;
	memset(deep, 'd', KIT_DIR - 1);
	deep[KIT_DIR - 1] = '/';
	T(fdir_at(&d, "x//file", O_RDONLY, 0) < 0 &&
		fdir_at(&d, "/file", O_RDONLY, 0) < 0 &&
		fdir_at(&d, deep + 1, O_RDONLY, 0) < 0,
	    "R-102 without openat2: components that are none of ours");
	fd = fdir_above(&d, "file", &name);
	T(fd >= 0 && strcmp(name, "file") == 0, "the directory itself");
	(void)close(fd);
	(void)fstatat(d.fd, "file", &st, 0);
	T(fdir_leads(&d, "file", st.st_dev, st.st_ino) == 1 &&
		fdir_leads(&d, "file", st.st_dev + 1, st.st_ino) == 0 &&
		fdir_leads(&d, "file", st.st_dev, st.st_ino + 1) == 0 &&
		fdir_leads(&d, "gone", st.st_dev, st.st_ino) == 0,
	    "where a name leads is told by device and number");
	fdir_close(&d);
	kit_rm(dir);
}

/* ---- Records that are damaged, or change meanwhile -------------------- */

static void
damaged(void)
{
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec = kit_rec(2, "new", 3, 1000);
	struct sstate_error err;
	unsigned count = 0;
	char path[KIT_PATH];
	struct stat st;
	void *c = begin("");

	T(make(c, 1, 1000) == 0, "a record");
	kit_path(path, dir, &key);
	(void)stat(path, &st);
	put(path + strlen(dir) + 1, "junk", 4);
	kit_may(truncate(path, st.st_size));
	T(drv->get(c, &key, kit_found, &got, &err) == SSTATE_EAUTH &&
		drv->create(c, &key, &rec, &err) == SSTATE_EEXIST &&
		drv->replace(c, &key, 1, &rec, &err) == SSTATE_EAUTH &&
		drv->remove(c, &key, 1, &err) == SSTATE_EAUTH,
	    "damaged: nobody takes its name: %s", err.text);
	T(drv->each(c, "app", user, none, &count, &err) == 0 && count == 0,
	    "and it is passed over in a list");
	T(drv->remove(c, &key, SSTATE_ANY_REV, &err) == 0 &&
		access(path, F_OK) != 0,
	    "who ends any revision ends it");
	T(make(c, 1, 1000) == 0 && have(c, 1), "and its name is free");
	finish(c);
}

/* What found() does to the file while its seal does not open. */
struct meddler {
	int how, calls;
	char path[KIT_PATH];
	void *other;
	struct sstate_key key;
};

static int
meddle(void *arg, const struct sstate_record *rec)
{
	struct sstate_record is = kit_rec(7, "same", 4, 0);
	unsigned char slot[FSLOT_HEAD + 4];
	struct meddler *m = arg;
	int fd;

	if (m->calls++ > 0)
		return rec->rev == 7 ? 0 : SSTATE_EAUTH;
	if (m->how == 1) /* a writer */
		return drv->replace(m->other, &m->key, 1, &is, NULL) == 0
		    ? SSTATE_EAUTH
		    : 0;
	if (m->how == 2) { /* the same write, with other octets */
		fslot_fill(slot, 1, 7, &is);
		fd = open(m->path, O_WRONLY);
		kit_may(pwrite(fd, slot, sizeof(slot), 0));
		(void)close(fd);
	}
	return SSTATE_EAUTH;
}

static void
doubted(void)
{
	static const char *const what[] = { "nothing changes", "a writer came",
		"the same write reads otherwise" };
	struct meddler m;
	void *c;
	int r;

	for (m.how = 0; m.how < 3; m.how++) {
		c = begin("?sync=none");
		m.other = kit_open(dir, "?sync=none");
		m.key = kit_key(1, "app");
		m.calls = 0;
		kit_path(m.path, dir, &m.key);
		(void)make(c, 1, 0);
		r = drv->get(c, &m.key, meddle, &m, NULL);
		T(m.how == 0 ? r == SSTATE_EAUTH && m.calls == 1
			     : r == 0 && m.calls == 2,
		    "a seal that does not open is read once more: %s",
		    what[m.how]);
		drv->close(m.other);
		finish(c);
	}
}

static void
slots(void)
{
	struct sstate_record rec = kit_rec(1, "body", 4, 0);
	static unsigned char img[2048];
	struct fslot s;

	fslot_fill(img, 1, 1, &rec);
	fslot_choose(&s, img, sizeof(img));
	T(s.at == 0 && fslot_same(&s, img), "a slot");
	img[8] ^= 1;
	T(!fslot_same(&s, img), "the same sequence, another sum");
	fslot_fill(img, 0, 1, &rec);
	fslot_choose(&s, img, sizeof(img));
	T(s.at == -1, "there is no write 0");
	put32(img + 40, 1024 - FSLOT_HEAD + 1);
	fslot_choose(&s, img, sizeof(img));
	T(s.at == -1, "a length beyond the slot is not followed");
}

/* ---- The index -------------------------------------------------------- */

static void
names(void)
{
	static const char *const bad[] = { "n.app/x/0123456789abcdeg",
		"n.app/x/short", "n.app/x/x0123456789abcdef-0123456789abcdef",
		"n.app/x/c0123456789abcdef_0123456789abcdef",
		"n.app/x/c0123456789abcdeg-0123456789abcdef",
		"n.app/x/c0000000000000000-0123456789abcdeg",
		"n.app/x/c0000000000000000-0000000000000000",
		"n.app/x/c00000000000000-00123456789abcdef",
		"n.app/x/ffffffffffffffff", "n.app/x/8000000000000000" };
	void *c = begin("?sync=none");
	unsigned i, kept = 0;

	T(make(c, 1, BUCKET) == 0, "a record");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		put(bad[i], "x", 1);
	T(reap(c, 10 * BUCKET, 0) == 1, "the reaper does its work");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		kept += is_there(bad[i]) != 0;
	T(kept == i, "and passes over %u names that are none of ours", i);
	finish(c);
}

static void
many_buckets(void)
{
	void *c = begin("?sync=none");
	int64_t n, sum = 0;
	unsigned i, bad = 0;

	for (i = 0; i < 200; i++)
		bad += make(c, i, (int64_t)(i + 1) * BUCKET) != 0;
	T(bad == 0, "a record in each of %u buckets", i);
	for (; sum < 200 && (n = reap(c, 300 * BUCKET, 30)) > 0; sum += n)
		bad += n > 30;
	T(sum == 200 && bad == 0, "R-32 reaped by 30 at a time");
	finish(c);
}

/* Before 1970, and at the end of all time. */
static void
times(void)
{
	struct sstate_key key = kit_key(2, "app");
	char path[KIT_PATH];
	void *c = begin("?sync=none");

	T(make(c, 1, -5) == 0 && have(c, 1) && reap(c, -6, 0) == 0 &&
		have(c, 1) && reap(c, 0, 0) == 1 && !have(c, 1),
	    "an expiry before 1970 is one");
	T(make(c, 2, INT64_MAX) == 0, "one at the end of all time");
	kit_path(path, dir, &key);
	(void)unlink(path);
	T(reap(c, INT64_MAX, 0) == 0 && reap(c, INT64_MAX, 0) == 0,
	    "whose record is gone: looked for again, and given up");
	finish(c);
}

/* A look that finds nothing due saves the next, until something changes. */
static void
quiet(void)
{
	void *c = begin("?sync=none");
	struct sstate_key other = kit_key(1, "other");
	struct sstate_record rec = kit_rec(1, "b", 1, 100 * BUCKET);
	uint64_t n = 0;

	T(make(c, 1, 100 * BUCKET) == 0, "a record");
	touch("n.app/x", 1000, 0);
	T(reap(c, BUCKET, 0) == 0 && reap(c, BUCKET, 0) == 0 &&
		reap(c, 101 * BUCKET, 0) == 1,
	    "nothing is due, again nothing, then it is");
	T(make(c, 2, 50 * BUCKET) == 0, "another");
	touch("n.app/x", 1000, 0);
	(void)reap(c, BUCKET, 0);
	T(make(c, 3, BUCKET) == 0, "one that is due, while nobody looks");
	touch("n.app/x", 1000, 7);
	T(reap(c, BUCKET, 0) == 1, "seen by the nanoseconds alone");
	touch("n.app/x", 1000, 0);
	(void)reap(c, BUCKET, 0);
	T(make(c, 4, BUCKET) == 0, "one more");
	touch("n.app/x", 2000, 0);
	T(reap(c, BUCKET, 0) == 1, "seen by the seconds");
	touch("n.app/x", 3000, 0);
	(void)reap(c, BUCKET, 0);
	T(drv->create(c, &other, &rec, NULL) == 0, "another namespace");
	touch("n.other/x", 3000, 0);
	T(drv->reap(&n, c, "other", 101 * BUCKET, 0, NULL) == 0 && n == 1,
	    "is another index");
	finish(c);
}

/* R-34 the reaper does not wait for whoever is at work. */
static void
busy(void)
{
	struct sstate_key key = kit_key(1, "app");
	char path[KIT_PATH];
	void *c = begin("?sync=none");
	int fd;

	T(make(c, 1, BUCKET) == 0 && make(c, 2, BUCKET) == 0, "two records");
	kit_path(path, dir, &key);
	fd = open(path, O_RDWR);
	T(flock_take(fd, 0, 0) == 0 && reap(c, 10 * BUCKET, 0) == 1 &&
		have(c, 1) && !have(c, 2),
	    "R-34 one that is locked is left");
	(void)close(fd);
	T(reap(c, 10 * BUCKET, 0) == 1, "and is reaped later");
	finish(c);
}

/* The bucket that the time is in is read on from where it was left. */
static void
part(void)
{
	char path[KIT_PATH];
	void *c = begin("?sync=none");

	T(make(c, 1, BUCKET + 200) == 0 && reap(c, BUCKET + 10, 0) == 0,
	    "a bucket that is not over");
	below(path, "n.app/x/0000000000000001");
	T(truncate(path, 0) == 0 && reap(c, BUCKET + 20, 0) == 0, "it shrinks");
	T(make(c, 2, BUCKET + 30) == 0 && reap(c, BUCKET + 40, 0) == 1,
	    "and is read from its beginning");
	finish(c);
}

/* ---- Once per boot ---------------------------------------------------- */

enum { STATE = 72 };

static void
state(unsigned char *p)
{
	static const char magic[8] = "SSB1";

	memset(p, 0, STATE);
	memcpy(p, magic, sizeof(magic));
}

static void
boot_files(void)
{
	unsigned char p[STATE];
	char text[40] = "", hex[33];
	size_t n = 0, i;
	void *c = begin("?sync=none");
	int fd;

	T(make(c, 1, BUCKET) == 0 && make(c, 2, 0) == 0, "two records");
	drv->close(c);
	put("n.app/boot", "SSB1", 4);
	c = kit_open(dir, "?sync=none");
	T(reap(c, 1, 0) == 0 && have(c, 1), "a short boot file");
	drv->close(c);
	state(p);
	p[0] = 'X';
	put("n.app/boot", p, STATE);
	c = kit_open(dir, "?sync=none");
	T(reap(c, 1, 0) == 0 && have(c, 2), "one of another kind");
	drv->close(c);
	state(p);
	put("n.app/boot", p, STATE);
	c = kit_open(dir, "?sync=none");
	T(reap(c, 1, 0) == 0 && have(c, 2), "one with a wrong sum");
	drv->close(c);
	/* Under way in this boot, and further than there are folders. */
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
	kit_may(read(fd, text, sizeof(text)));
	(void)close(fd);
	for (i = 0; i < sizeof(text) && n < 32; i++)
		if (text[i] != '-')
			hex[n++] = text[i];
	state(p);
	NEED(hex_decode(p + 24, FSCAN_ID, hex, n) == FSCAN_ID, "the boot");
	put64(p + 40, 999);
	put64(p + 64, fslot_sum(p, 64));
	put("n.app/boot", p, STATE);
	c = kit_open(dir, "?sync=none");
	T(reap(c, BUCKET, 0) == 1 && !have(c, 1) && have(c, 2),
	    "one that is further than all: looked at from the beginning");
	finish(c);
}

/* A slice ends after so many records, whatever became of them. */
static void
slices(void)
{
	char path[KIT_PATH];
	void *c = begin("?sync=none");
	unsigned i, bad = 0, calls = 0;
	int64_t sum = 0;

	for (i = 0; i < 700; i++)
		bad += make(c, i, 900 * BUCKET) != 0;
	below(path, "n.app/boot");
	(void)unlink(path);
	below(path, "n.app/x");
	kit_rm(path);
	drv->close(c);
	c = kit_open(dir, "?sync=none");
	T(bad == 0 && reap(c, BUCKET, 10) == 0, "a slice without one removed");
	while (calls++ < 20)
		sum += reap(c, 901 * BUCKET, 300);
	for (i = 0; i < 700; i++)
		bad += have(c, i) != 0;
	T(bad == 0 && sum == 700, "and the next go on, until all are gone");
	finish(c);
}

/* Two processes run when the clock jumps: the first that sees it says so. */
static void
jumped_once(void)
{
	unsigned char p[STATE];
	void *c = begin("?sync=none"), *two = kit_open(dir, "?sync=none");
	char path[KIT_PATH];
	int fd;

	drv->close(two);
	up = 5000; /* nothing is a day ago */
	two = kit_open(dir, "?sync=none");
	T(make(c, 1, BUCKET) == 0 && reap(c, 1, 0) == 0 && reap(two, 1, 0) == 0,
	    "a record, and two who reap");
	ahead = 90000;
	T(reap(c, BUCKET, 0) == -1 && reap(two, BUCKET, 0) == -1 && have(c, 1),
	    "3.5 a clock that jumped, seen by one and then by the other");
	drv->close(two);
	two = kit_open(dir, "?sync=none");
	ahead = 0;
	T(reap(two, 1, 0) == 0 && reap(c, 1, 0) == 0, "set right again");
	/* It jumps, and this time somebody has believed it meanwhile. */
	ahead = 90000;
	below(path, "n.app/boot");
	fd = open(path, O_RDWR);
	kit_may(pread(fd, p, STATE, 0));
	put64(p + 48, (uint64_t)(clock_wall() + ahead - clock_boot()));
	put64(p + 56, 0);
	put64(p + 64, fslot_sum(p, 64));
	kit_may(pwrite(fd, p, STATE, 0));
	(void)close(fd);
	T(reap(c, BUCKET, 0) == 1, "3.5 and believed by another, at once");
	ahead = up = 0;
	drv->close(two);
	finish(c);
}

/* A jump that was set right is forgotten: a later one waits its own day. */
static void
jumped_twice(void)
{
	void *c = begin("?sync=none");

	up = 5000;
	T(make(c, 1, BUCKET) == 0 && reap(c, 1, 0) == 0, "a record");
	ahead = 90000;
	T(reap(c, BUCKET, 0) == -1, "3.5 a jump");
	ahead = 0;
	T(reap(c, 1, 0) == 0, "is set right");
	drv->close(c);
	up += 90000;
	ahead = 90000; /* as much time has passed */
	c = kit_open(dir, "?sync=none");
	ahead += 90000;
	T(reap(c, BUCKET, 0) == -1 && have(c, 1),
	    "3.5 another, a day after the first: nothing is reaped");
	ahead = up = 0;
	finish(c);
}

/* Root in another's directory writes nothing, and waits that day as well. */
static void
jumped_guest(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct fscan s;
	struct fdir d;
	void *c = begin("?sync=none");

	memset(&d, 0, sizeof(d));
	memset(&s, 0, sizeof(s));
	up = 5000;
	NEED(make(c, 1, BUCKET) == 0 && reap(c, 1, 0) == 0 &&
		fdir_open(&d, dir, 0, &err) == 0,
	    "a record");
	d.guest = 1;
	T(fscan_clock(&s, &d, "app", &err) == 0, "a guest");
	ahead = 90000;
	T(fscan_clock(&s, &d, "app", &err) == SSTATE_EBUSY, "3.5 sees a jump");
	up += 86000;
	ahead += 86000;
	T(fscan_clock(&s, &d, "app", &err) == SSTATE_EBUSY, "3.5 and waits");
	up += 401;
	ahead += 401;
	T(fscan_clock(&s, &d, "app", &err) == 0, "3.5 a day, no longer");
	ahead = up = 0;
	fdir_close(&d);
	finish(c);
}

/* The first hours after a boot: no process has looked at all records yet. */
static void
jumped_early(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct fscan s;
	struct fdir d;
	unsigned char p[STATE];
	void *c = begin("?sync=none");

	memset(&d, 0, sizeof(d));
	memset(&s, 0, sizeof(s));
	up = 5000;
	NEED(make(c, 1, BUCKET) == 0 && fdir_open(&d, dir, 0, &err) == 0,
	    "a record");
	state(p);
	memset(p + 8, 0xbb, FSCAN_ID);
	put64(p + 64, fslot_sum(p, 64));
	put("n.app/boot", p, STATE);
	T(fscan_clock(&s, &d, "app", &err) == 0, "a process of this boot");
	ahead = 90000;
	T(fscan_clock(&s, &d, "app", &err) == SSTATE_EBUSY &&
		fscan_clock(&s, &d, "app", &err) == SSTATE_EBUSY,
	    "3.5 keeps what it saw of the clock before it jumped");
	ahead += 86401;
	up += 86401;
	T(fscan_clock(&s, &d, "app", &err) == 0, "3.5 for a day");
	ahead += 90000;
	T(fscan_clock(&s, &d, "app", &err) == SSTATE_EBUSY, "another jump");
	T(reap(c, BUCKET, 0) == 1, "another process, that never saw it, reaps");
	T(fscan_clock(&s, &d, "app", &err) == 0, "3.5 and so it is believed");
	ahead = up = 0;
	fdir_close(&d);
	finish(c);
}

static void
swept(void)
{
	char path[KIT_PATH];
	void *c = begin("?sync=none");

	T(make(c, 1, BUCKET) == 0 && reap(c, 1, 0) == 0, "a first reap");
	folder("n.app/t");
	folder("n.app/t/.t-00000000000000ff");
	put("n.app/t/.t-0123456789abcdef", "x", 1);
	put("n.app/t/xt-0123456789abcdef", "x", 1);
	touch("n.app/t/.t-0123456789abcdef", 1000, 0);
	touch("n.app/t/xt-0123456789abcdef", 1000, 0);
	touch("n.app/t/.t-00000000000000ff", 1000, 0);
	if (geteuid() == 0) {
		put("n.app/t/.t-0000000000000001", "x", 1);
		below(path, "n.app/t/.t-0000000000000001");
		kit_may(chown(path, OTHER, OTHER));
		touch("n.app/t/.t-0000000000000001", 1000, 0);
	}
	T(reap(c, 1, 0) == 0 && is_there("n.app/t/.t-0123456789abcdef"),
	    "temporary files are looked for once in ten minutes");
	later_us = 601000000;
	T(reap(c, 1, 0) == 0 && !is_there("n.app/t/.t-0123456789abcdef"),
	    "and then again");
	T(is_there("n.app/t/xt-0123456789abcdef") &&
		is_there("n.app/t/.t-00000000000000ff") &&
		(geteuid() != 0 || is_there("n.app/t/.t-0000000000000001")),
	    "F-04 what is another's, no file or no name of ours stays");
	later_us = 0;
	finish(c);
}

/* ---- Lists ------------------------------------------------------------ */

static void
entries(void)
{
	static const char no_hex[] = "g123456789abcdef0123456789abcdef"
				     "0123456789abcdef0123456789abcdef";
	static const char *const u =
	    "n.app/u/05/050505050505050505050505050505";
	char name[KIT_PATH], path[KIT_PATH];
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec = kit_rec(2, "anon", 4, 0);
	struct sstate_error err = { 0 };
	void *c = begin("?sync=none");
	unsigned count = 0;
	int fd;

	T(make(c, 1, 0) == 0 && make(c, 2, 0) == 0, "two records of a user");
	(void)snprintf(name, sizeof(name), "%s/%s", u, no_hex);
	put(name, "", 0);
	(void)snprintf(name, sizeof(name), "%s/%064d", u, 1);
	folder(name);
	touch(name, 1000, 0);
	T(drv->each(c, "app", user, none, &count, NULL) == 0 && count == 2 &&
		is_there(name),
	    "a folder and a name that is none among a user's entries");
	/* The record is nobody's now, but its entry is still there. */
	kit_path(path, dir, &key);
	(void)snprintf(name, sizeof(name), "%s/%.2s%s", u,
	    strrchr(path, '/') - 2, strrchr(path, '/') + 1);
	T(is_there(name) && drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		!is_there(name),
	    "an entry goes with its user");
	put(name, "", 0);
	touch(name, 1000, 0);
	fd = open(path, O_RDWR);
	T(flock_take(fd, 0, 0) == 0, "somebody holds the record's lock");
	count = 0;
	T(drv->each(c, "app", user, none, &count, NULL) == 0 && count == 1 &&
		is_there(name),
	    "a stale entry stays while its record may change");
	(void)close(fd);
	T(drv->each(c, "app", user, none, &count, NULL) == 0 && !is_there(name),
	    "and goes when it cannot");
	put("n.app/00", "x", 1);
	(void)snprintf(name, sizeof(name), "n.app/%.2s/short",
	    strrchr(path, '/') - 2);
	put(name, "x", 1);
	(void)snprintf(name, sizeof(name), "n.app/%.2s/%.62s",
	    strrchr(path, '/') - 2, no_hex);
	put(name, "x", 1);
	count = 0;
	T(drv->each(c, "app", NULL, none, &count, NULL) != 0 || count == 2,
	    "names that are none among the records");
	below(path, "n.app/00");
	(void)unlink(path);
	count = 0;
	T(drv->each(c, "app", NULL, none, &count, NULL) == 0 && count == 2,
	    "and all of them are shown");
	T(drv->each(c, "app", user, stop, NULL, &err) == -77 && err.code == 0,
	    "what the caller says is no failure of the store");
	finish(c);
}

/* ---- The clock, a guest, a limit on files ----------------------------- */

static void
clocks(void)
{
	char path[KIT_PATH];
	struct sstate_error err;
	void *c = begin("");
	int64_t seen;

	below(path, "clock");
	folder("clock");
	T(drv->latest(&seen, c, 1000, &err) == SSTATE_EUNSAFE,
	    "F-04 a clock that is a folder: %s", err.text);
	(void)rmdir(path);
	if (geteuid() == 0) {
		put("clock", "", 0);
		kit_may(chown(path, OTHER, OTHER));
		T(drv->latest(&seen, c, 1000, &err) == SSTATE_EUNSAFE,
		    "F-04 one of another owner: %s", err.text);
		(void)unlink(path);
	} else
		tap_skip("F-04 a foreign clock: only root can plant it");
	T(drv->latest(&seen, c, 1000, &err) == 0 && seen == 1000,
	    "and a new one");
	finish(c);
}

static unsigned foreign;

static int
give(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return lchown(path, OTHER, OTHER);
}

static int
count_foreign(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)type;
	(void)w;
	if (st->st_uid != OTHER)
		printf("# of uid %u: %s\n", (unsigned)st->st_uid, path);
	foreign += st->st_uid != OTHER;
	return 0;
}

/* Its owner writes into every bucket that the guest may have touched. */
static int
owner_goes_on(void)
{
	int status = -1, bad = 0;
	uint64_t i;
	void *c;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(OTHER) != 0 || setuid(OTHER) != 0)
			_exit(2);
		c = kit_open(dir, "");
		for (i = 0; i < 8; i++)
			bad |= make(c, 100 + i, (int64_t)i * BUCKET) != 0;
		drv->close(c);
		_exit(bad);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* After a boot, so that root looks at every record; one is gone. */
static void
guest(int boot, int index)
{
	struct sstate_key key = kit_key(1, "app"), gone = kit_key(3, "app");
	struct sstate_record rec = kit_rec(2, "new", 3, 0);
	struct sstate_error err = { 0 };
	char path[KIT_PATH];
	int64_t seen;
	void *c;
	int r;

	if (geteuid() != 0) {
		tap_skip("F-03 a guest: only root can be one");
		return;
	}
	c = begin("");
	T(make(c, 1, BUCKET) == 0 && make(c, 2, 4 * BUCKET) == 0 &&
		make(c, 3, BUCKET) == 0 && make(c, 4, BUCKET + 200) == 0,
	    "four records");
	drv->close(c);
	kit_path(path, dir, &gone);
	(void)unlink(path);
	below(path, "n.app/boot");
	if (!boot)
		(void)unlink(path);
	below(path, "n.app/x");
	if (!index)
		kit_rm(path);
	(void)nftw(dir, give, 16, FTW_PHYS);
	r = kit_open_flags(&c, dir, "?scan=1", SSTATE_NO_CREATE, &err);
	T(r == SSTATE_EUNSAFE && c == NULL, "F-03 scan=1: %s", err.text);
	r = kit_open_flags(&c, dir, "", SSTATE_NO_CREATE, &err);
	NEED(r == 0, "root in another's directory: %s", err.text);
	T(drv->replace(c, &key, 1, &rec, &err) == SSTATE_EUNSAFE &&
		drv->create(c, &key, &rec, &err) == SSTATE_EUNSAFE,
	    "F-03 writes nothing: %s", err.text);
	T(drv->latest(&seen, c, 1000, &err) == 0 && seen == 1000 &&
		!is_there("clock"),
	    "F-03 makes no clock");
	T(reap(c, BUCKET + 100, 0) == 1 && !have(c, 1) && have(c, 2) &&
		have(c, 4),
	    "F-03 cleans: %s", index ? "by the index" : "without one");
	T(reap(c, BUCKET + 300, 0) == 1 && !have(c, 4), "F-03 and again");
	foreign = 0;
	(void)nftw(dir, count_foreign, 16, FTW_PHYS);
	T(foreign == 0, "F-03 nothing of root's is left there");
	T(owner_goes_on(), "F-03 and its owner goes on");
	finish(c);
}

/* SIGXFSZ of ours does not stay, one of the program's does. */
static void
limits(void)
{
	static const struct timespec now = { 0, 0 };
	struct rlimit was, some;
	sigset_t set, is;
	void *c;

	(void)getrlimit(RLIMIT_FSIZE, &was);
	some = was;
	some.rlim_cur = 1 << 30;
	(void)setrlimit(RLIMIT_FSIZE, &some);
	c = begin("");
	waited = 0;
	wait_breaks = 1;
	T(make(c, 1, 0) == 0 && waited == 2 && !wait_breaks,
	    "a limit on files: a wait for SIGXFSZ that is broken off");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)raise(SIGXFSZ);
	waited = 0;
	T(make(c, 2, 0) == 0 && waited == 0, "one that was waiting before");
	(void)sigpending(&is);
	T(sigismember(&is, SIGXFSZ) == 1 &&
		__real_sigtimedwait(&set, NULL, &now) == SIGXFSZ,
	    "is still there");
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)setrlimit(RLIMIT_FSIZE, &was);
	finish(c);
}

int
main(void)
{
	namespaces();
	bodies();
	paths();
	damaged();
	doubted();
	slots();
	names();
	many_buckets();
	times();
	quiet();
	busy();
	part();
	boot_files();
	slices();
	jumped_once();
	jumped_twice();
	jumped_guest();
	jumped_early();
	swept();
	entries();
	clocks();
	guest(1, 1);
	guest(0, 1);
	guest(0, 0);
	limits();
	return tap_done();
}
