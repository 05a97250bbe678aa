/*
 * file_reap_test.c - file: expiry index, user index, what the reaper does
 *
 * link: -Wl,--wrap=pwrite,--wrap=write,--wrap=linkat,--wrap=syscall
 */
#include "file_kit.h"

#include <dirent.h>
#include <stdarg.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "store/file_slot.h"

enum { T0 = 256 * 1000 }; /* a bucket begins */

static struct got got;
static char dir[KIT_DIR];
static const char ns[] = "app";

/* ---- Another process in the middle of a call -------------------------- */

static struct {
	void *ctx; /* of the other; NULL: nothing happens */
	int at; /* 'w' slot, 'a' index, 'l' link */
	int64_t before;
	unsigned opens;
} other;

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __real_linkat(int a, const char *p, int b, const char *q, int flags);
int __wrap_linkat(int a, const char *p, int b, const char *q, int flags);
long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);

static void
meanwhile(int at)
{
	void *c = other.ctx;
	uint64_t n;

	if (c == NULL || other.at != at)
		return;
	other.ctx = NULL;
	(void)drv->reap(&n, c, ns, other.before, 0, NULL);
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	meanwhile('w');
	return __real_pwrite(fd, p, n, at);
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	ssize_t r = __real_write(fd, p, n);

	meanwhile('a');
	return r;
}

int
__wrap_linkat(int a, const char *p, int b, const char *q, int flags)
{
	meanwhile('l');
	return __real_linkat(a, p, b, q, flags);
}

long
__wrap_syscall(long n, ...)
{
	long a[5];
	va_list ap;
	int i;

	va_start(ap, n);
	for (i = 0; i < 5; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	other.opens++;
	return __real_syscall(n, a[0], a[1], a[2], a[3], a[4]);
}

/* ---- Short cuts --------------------------------------------------------- */

static int
make(void *c, uint64_t n, int64_t expires)
{
	struct sstate_key key = kit_key(n, ns);
	struct sstate_record rec = kit_rec(1, "body", 4, expires);

	return drv->create(c, &key, &rec, NULL);
}

static int
there(void *c, uint64_t n)
{
	struct sstate_key key = kit_key(n, ns);

	return kit_get(&got, c, &key) == 0;
}

static int64_t
reap(void *c, int64_t before, uint64_t limit)
{
	struct sstate_error err = { 0 };
	uint64_t n = 0;
	int r = drv->reap(&n, c, ns, before, limit, &err);

	if (r != 0)
		printf("# reap: %d %s\n", r, err.text);
	return r != 0 ? r : (int64_t)n;
}

static void
below(char *out, const char *name)
{
	(void)snprintf(out, KIT_PATH, "%.255s/%s", dir, name);
}

static unsigned
entries(const char *name)
{
	char path[KIT_PATH];
	unsigned n = 0;
	struct dirent *e;
	DIR *d;

	below(path, name);
	if ((d = opendir(path)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void
file_at(const char *name, const char *text, time_t mtime)
{
	struct timespec ts[2] = { { mtime, 0 }, { mtime, 0 } };
	char path[KIT_PATH];
	int fd;

	below(path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || __real_write(fd, text, strlen(text)) < 0)
		perror(path);
	(void)close(fd);
	if (mtime != 0)
		(void)utimensat(AT_FDCWD, path, ts, 0);
}

static int
is_there(const char *name)
{
	char path[KIT_PATH];
	struct stat st;

	below(path, name);
	return lstat(path, &st) == 0;
}

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

/* ---- Expiry index ----------------------------------------------------- */

/* One for each second of some buckets: each second takes its own. */
static void
to_the_second(void)
{
	void *c = begin("?sync=none");
	unsigned wrong = 0, i;

	for (i = 0; i < 700; i++)
		wrong += make(c, i, T0 + 1 + (i * 37) % 700) != 0;
	wrong += make(c, 1000, 0) != 0;
	T(wrong == 0 && reap(c, T0, 0) == 0, "R-32 nothing is due yet");
	for (i = 0; i < 300; i++)
		wrong += reap(c, T0 + 1 + i, 0) != 1;
	T(wrong == 0, "R-32 reaped to the second");
	T(reap(c, T0 + 310, 7) == 7 && reap(c, T0 + 310, 7) == 3 &&
		reap(c, T0 + 310, 7) == 0,
	    "a limit is kept");
	T(reap(c, T0 + 600, 0) == 290 && reap(c, T0 + 100000, 0) == 100 &&
		reap(c, T0 + 100000, 0) == 0,
	    "then the others go");
	T(there(c, 1000), "expires 0 stays");
	T(entries("n.app/x") == 0, "no bucket stays");
	finish(c);
}

static void
moving(void)
{
	struct sstate_key key = kit_key(1, ns);
	struct sstate_record rec = kit_rec(2, "more", 4, T0 + 5000);
	void *c = begin("?sync=none");

	T(make(c, 1, T0 + 10) == 0 &&
		drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		reap(c, T0 + 4999, 0) == 0 && there(c, 1),
	    "R-32 renewed: the old date counts no more");
	rec.rev = 3;
	rec.expires = T0 + 4900;
	T(drv->replace(c, &key, 2, &rec, NULL) == 0 &&
		reap(c, T0 + 4899, 0) == 0 && reap(c, T0 + 4900, 0) == 1,
	    "a shorter life is seen, to the second");
	T(make(c, 2, T0 + 10) == 0, "another");
	key = kit_key(2, ns);
	rec = kit_rec(2, "x", 1, T0 + 200);
	T(drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		reap(c, T0 + 100, 0) == 0,
	    "later in the same bucket");
	T(make(c, 4, T0 + 10) == 0, "one more");
	key = kit_key(4, ns);
	T(drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		reap(c, T0 + 120, 0) == 0 && reap(c, T0 + 130, 0) == 0 &&
		there(c, 4),
	    "R-32 the only entry of a live one is kept");
	key = kit_key(2, ns);
	rec = kit_rec(3, "x", 1, T0 + 150);
	T(drv->replace(c, &key, 2, &rec, NULL) == 0 &&
		reap(c, T0 + 149, 0) == 0 && reap(c, T0 + 150, 0) == 1,
	    "and earlier again");
	T(reap(c, T0 + 199, 0) == 0 && reap(c, T0 + 200, 0) == 1,
	    "and found when its time has come");
	rec = kit_rec(2, "x", 1, 0);
	key = kit_key(3, ns);
	T(make(c, 3, T0) == 0 && drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		reap(c, T0 + 100000, 0) == 0,
	    "to 0, which is never");
	rec = kit_rec(3, "x", 1, T0);
	T(drv->replace(c, &key, 2, &rec, NULL) == 0 &&
		reap(c, T0 + 100000, 0) == 1,
	    "and back");
	T(entries("n.app/x") == 0, "no bucket stays");
	finish(c);
}

/* What a kill leaves: torn entries, a claimed bucket. */
static void
leftovers(void)
{
	char from[KIT_PATH], to[KIT_PATH];
	void *c = begin("?sync=none");

	T(make(c, 1, T0) == 0, "an entry");
	file_at("n.app/x/00000000000003e8", "torn entry of 24 byte..", 0);
	T(make(c, 2, T0 + 1) == 0, "after a torn one");
	file_at("n.app/x/00000000000003e8", "x", 0);
	T(reap(c, T0 + 1, 0) == 2, "both are found");
	T(make(c, 3, T0) == 0 && make(c, 4, T0 + 90) == 0, "two more");
	below(from, "n.app/x/00000000000003e8");
	below(to, "n.app/x/c00000000000003e8-0123456789abcdef");
	T(rename(from, to) == 0 && reap(c, T0, 0) == 1 && !there(c, 3) &&
		there(c, 4),
	    "a killed reaper's bucket is taken over");
	T(reap(c, T0 + 89, 0) == 0 && reap(c, T0 + 90, 0) == 1,
	    "what was not due in it is not lost");
	file_at("n.app/x/strange", "foreign", 0);
	file_at("n.app/x/00000000000003E8", "foreign", 0);
	file_at("keyring", "keys", 0);
	T(reap(c, T0 + 100000, 0) == 0 && is_there("n.app/x/strange") &&
		is_there("n.app/x/00000000000003E8") && is_there("keyring"),
	    "R-102 what is not ours is not touched");
	finish(c);
}

/* Two processes: a kept descriptor, and a claim in the middle of a call. */
static void
claims(void)
{
	static const struct {
		int at;
		const char *when;
	} t[] = { { 'a', "after the entry was written" },
		{ 'w', "before the slot is" },
		{ 'l', "before a new one gets its name" } };
	struct sstate_key key;
	struct sstate_record rec;
	void *c = begin("?sync=none"), *d = kit_open(dir, "?sync=none");
	uint64_t n;
	size_t i;

	T(make(c, 1, T0 + 10) == 0 && make(c, 2, T0 + 20) == 0 &&
		reap(d, T0 + 10, 0) == 1 && make(c, 3, T0 + 30) == 0 &&
		reap(d, T0 + 30, 0) == 2,
	    "an entry never goes into a bucket that was claimed");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		n = 100 + i;
		key = kit_key(n, ns);
		if (t[i].at != 'l') {
			(void)make(c, n, T0 + 10000);
			other.ctx = d;
			other.at = t[i].at;
			other.before = T0 + 60;
			rec = kit_rec(2, "now", 3, T0 + 50);
			T(drv->replace(c, &key, 1, &rec, NULL) == 0,
			    "a reaper comes %s", t[i].when);
		} else {
			other.ctx = d;
			other.at = t[i].at;
			other.before = T0 + 60;
			T(make(c, n, T0 + 50) == 0, "a reaper comes %s",
			    t[i].when);
		}
		T(other.ctx == NULL, "it did");
		(void)reap(d, T0 + 60, 0);
		T(!there(c, n), "R-32 never one entry too few: %s", t[i].when);
	}
	drv->close(d);
	finish(c);
}

/* Cost follows what expired (P7): records opened, not time. */
static void
cost(void)
{
	struct statvfs vfs;
	unsigned live = 10000, i, bad = 0;
	unsigned once, again;
	void *c = begin("?sync=none");

	if (statvfs(dir, &vfs) == 0 &&
	    vfs.f_bavail > (UINT64_C(2) << 30) / vfs.f_frsize)
		live = 100000;
	for (i = 0; i < live; i++)
		bad += make(c, i, T0 + 10000 + i % 5000) != 0;
	for (i = 0; i < 10; i++)
		bad += make(c, live + i, T0 + i) != 0;
	T(bad == 0, "%u live, 10 that expire", live);
	other.opens = 0;
	T(reap(c, T0 + 100, 0) == 10, "R-32 the 10 go");
	once = other.opens;
	T(once <= 80, "P7 %u opens for 10 among %u", once, live);
	other.opens = 0;
	T(reap(c, T0 + 100, 0) == 0, "and no more");
	again = other.opens;
	T(again <= 2, "P7 %u opens when nothing is due", again);
	finish(c);
}

/* ---- Another boot, another clock -------------------------------------- */

enum { WHOLE = 8, OFFSET = 48, JUMPED = 56, SUM = 64, STATE = 72 };

static void
state(int field, int64_t v)
{
	unsigned char buf[STATE];
	char path[KIT_PATH];
	int fd;

	below(path, "n.app/boot");
	fd = open(path, O_RDWR);
	if (fd < 0 || pread(fd, buf, sizeof(buf), 0) != sizeof(buf))
		perror(path);
	put64(buf + field, (uint64_t)v);
	put64(buf + SUM, fslot_sum(buf, SUM));
	if (__real_pwrite(fd, buf, sizeof(buf), 0) != sizeof(buf))
		perror(path);
	(void)close(fd);
}

static void
boots(void)
{
	char path[KIT_PATH];
	unsigned i, bad = 0, calls = 0;
	int64_t n, sum = 0;
	void *c = begin("?sync=none");

	for (i = 0; i < 1200; i++)
		bad += make(c, i, T0 + (i % 3 != 0 ? 5000 : 0)) != 0;
	/* The power failed: the index is gone, the boot is another. */
	below(path, "n.app/x");
	kit_rm(path);
	drv->close(c);
	c = kit_open(dir, "?sync=none");
	T(bad == 0 && reap(c, T0, 0) == 0,
	    "in the same boot the index is believed");
	state(WHOLE, 12345);
	drv->close(c);
	for (; sum < 400 && calls < 600; calls++) {
		c = kit_open(dir, "?sync=none");
		if ((n = reap(c, T0, 50)) < 0 || n > 50)
			bad++;
		sum += n;
		drv->close(c);
	}
	T(bad == 0 && sum == 400,
	    "after another boot every record is looked "
	    "at, in %u slices by as many processes",
	    calls);
	c = kit_open(dir, "?sync=none");
	while (calls++ < 600 && entries("n.app/x") == 0)
		(void)reap(c, T0, 50);
	(void)reap(c, T0, 0);
	T(reap(c, T0 + 5000, 0) == 800, "and the index is whole again");
	finish(c);
}

static void
jumps(void)
{
	struct sstate_error err = { 0 };
	void *c = begin("?sync=none");
	uint64_t n;

	T(make(c, 1, T0) == 0, "a record");
	state(OFFSET, clock_wall() - clock_boot() - 86000);
	T(reap(c, T0 - 1, 0) == 0, "3.5 a clock ahead by less than a day");
	drv->close(c);
	state(OFFSET, clock_wall() - clock_boot() - 90000);
	c = kit_open(dir, "?sync=none");
	T(drv->reap(&n, c, ns, T0, 0, &err) == SSTATE_EBUSY && n == 0 &&
		there(c, 1),
	    "3.5 by more: nothing is reaped: %s", err.text);
	drv->close(c);
	c = kit_open(dir, "?sync=none");
	T(drv->reap(&n, c, ns, T0, 0, &err) == SSTATE_EBUSY,
	    "3.5 nor by the next process");
	drv->close(c);
	state(JUMPED, clock_boot() - 86401);
	c = kit_open(dir, "?sync=none");
	T(reap(c, T0, 0) == 1, "3.5 after a day it is believed");
	finish(c);
}

static void
litter(void)
{
	time_t old = time(NULL) - 601, young = time(NULL) - 100;
	struct sstate_key key = kit_key(1, ns);
	struct sstate_record rec = kit_rec(2, got.body, 9000, T0);
	void *c = begin("?sync=none");

	T(make(c, 1, T0) == 0 && drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		entries("n.app/t") == 0,
	    "growth leaves nothing");
	file_at("n.app/t/.t-0123456789abcdef", "x", old);
	file_at("n.app/t/.t-fedcba9876543210", "x", young);
	file_at("n.app/t/.t-0123456789abcdeg", "x", old);
	file_at("n.app/t/.t-0123456789ABCDEF", "x", old);
	file_at("n.app/t/0123456789abcdef", "x", old);
	T(reap(c, T0 - 1, 0) == 0 && !is_there("n.app/t/.t-0123456789abcdef"),
	    "a temporary file older than ten minutes is swept");
	T(is_there("n.app/t/.t-fedcba9876543210") &&
		is_there("n.app/t/.t-0123456789abcdeg") &&
		is_there("n.app/t/.t-0123456789ABCDEF") &&
		is_there("n.app/t/0123456789abcdef"),
	    "a young one is not, nor what is not ours");
	finish(c);
}

/* ---- User index ------------------------------------------------------- */

struct list {
	void *ctx; /* to remove with, from within */
	unsigned n, stop;
	int tag; /* all must carry it; -1: any */
	unsigned wrong;
};

static int
list_one(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct list *l = arg;

	l->n++;
	l->wrong += rec->body.len == 0 || strcmp(key->ns, ns) != 0 ||
	    (l->tag >= 0 && rec->tag[7] != l->tag);
	if (l->ctx != NULL)
		l->wrong += drv->remove(l->ctx, key, rec->rev, NULL) != 0;
	return l->stop != 0 && l->n >= l->stop ? -77 : 0;
}

static unsigned
list(void *c, int tag, struct list *l)
{
	unsigned char t[SSTATE_TAG_BYTES];

	memset(t, tag, sizeof(t));
	l->n = l->wrong = 0;
	l->tag = tag;
	if (drv->each(c, ns, tag < 0 ? NULL : t, list_one, l, NULL) != 0)
		return 9999;
	return l->wrong != 0 ? 9998 : l->n;
}

static void
users(void)
{
	struct list l = { 0 };
	struct sstate_record rec;
	struct sstate_key key;
	void *c = begin("?sync=data");
	unsigned bad = 0, i;

	for (i = 0; i < 40; i++) {
		key = kit_key(i, ns);
		rec = kit_rec(1, "body", 4, T0);
		kit_tag(&rec, (int)(i % 4)); /* 0: nobody's */
		bad += drv->create(c, &key, &rec, NULL) != 0;
	}
	T(bad == 0 && list(c, 1, &l) == 10 && list(c, 3, &l) == 10 &&
		list(c, -1, &l) == 40 && list(c, 7, &l) == 0,
	    "each, by user and all");
	key = kit_key(1, ns);
	rec = kit_rec(2, "body", 4, T0);
	kit_tag(&rec, 2);
	T(drv->replace(c, &key, 1, &rec, NULL) == 0 &&
		entries("n.app/u/01/010101010101010101010101010101") == 9 &&
		list(c, 1, &l) == 9 && list(c, 2, &l) == 11,
	    "a record that changes hands");
	l.ctx = c;
	T(list(c, 3, &l) == 10, "each removes what it is shown");
	l.ctx = NULL;
	T(list(c, 3, &l) == 0 && list(c, -1, &l) == 30, "all of that user's");
	T(!is_there("n.app/u/03/030303030303030303030303030303"),
	    "an empty directory goes");
	l.stop = 3;
	T(list(c, 2, &l) == 9999 && l.n == 3, "the first non-zero ends it");
	l.stop = 0;
	T(reap(c, T0, 0) == 30 && list(c, 2, &l) == 0 &&
		!is_there("n.app/u/02/020202020202020202020202020202"),
	    "the reaper removes entries too");
	finish(c);
}

static void
stale_entries(void)
{
	static const char young[] =
	    "n.app/u/05/050505050505050505050505050505/"
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddee00";
	static const char old[] =
	    "n.app/u/05/050505050505050505050505050505/"
	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddee01";
	static const char strange[] =
	    "n.app/u/05/050505050505050505050505050505/strange";
	struct list l = { 0 };
	struct sstate_record rec = kit_rec(1, "body", 4, T0);
	struct sstate_key key = kit_key(1, ns);
	char not_his[KIT_PATH];
	void *c = begin("?sync=none");
	size_t n, i;

	kit_tag(&rec, 5);
	T(drv->create(c, &key, &rec, NULL) == 0, "one of his");
	(void)make(c, 2, T0);
	key = kit_key(2, ns);
	n = (size_t)snprintf(not_his, sizeof(not_his),
	    "n.app/u/05/050505050505050505050505050505/");
	for (i = 0; i < sizeof(key.id); i++, n += 2)
		(void)snprintf(not_his + n, sizeof(not_his) - n, "%02x",
		    key.id[i]);
	file_at(young, "", 0);
	file_at(old, "", time(NULL) - 601);
	file_at(strange, "", time(NULL) - 601);
	file_at(not_his, "", 0);
	T(list(c, 5, &l) == 1, "entries are checked against their records");
	T(is_there(young), "a young one may be of a record under way");
	T(!is_there(old) && !is_there(not_his),
	    "an old one goes, and one whose record is another's");
	T(is_there(strange), "R-102 what is not ours is not touched");
	finish(c);
}

/* The index is lost, but the namespace has been looked through in this boot. */
static void
scans(void)
{
	struct sstate_error err;
	void *c = begin("?sync=none"), *none;
	char path[KIT_PATH];

	T(make(c, 1, T0) == 0 && make(c, 2, T0 + 900) == 0 &&
		reap(c, T0 - 1, 0) == 0,
	    "two records, and a first reap");
	below(path, "n.app/x");
	kit_rm(path);
	T(reap(c, T0 + 1, 0) == 0 && there(c, 1),
	    "one whose entry in the index is lost is not found");
	drv->close(c);
	c = kit_open(dir, "?sync=none&scan=1");
	T(reap(c, T0 + 1, 0) == 1 && !there(c, 1) && there(c, 2),
	    "scan=1: all records are looked at, and it goes");
	T(kit_open_flags(&none, dir, "?scan=2", 0, &err) == SSTATE_EINVAL &&
		none == NULL,
	    "scan=2: %s", err.text);
	finish(c);
}

int
main(void)
{
	to_the_second();
	moving();
	leftovers();
	claims();
	boots();
	scans();
	jumps();
	litter();
	users();
	stale_entries();
	cost();
	return tap_done();
}
