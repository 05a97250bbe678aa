/*
 * file_odd_test.c - file: answers of the kernel that nobody expects
 *
 * link: -Wl,--wrap=pwrite,--wrap=pread,--wrap=write,--wrap=fdatasync
 * link: -Wl,--wrap=fsync,--wrap=renameat,--wrap=linkat,--wrap=unlinkat
 * link: -Wl,--wrap=openat,--wrap=fallocate,--wrap=fchmod,--wrap=mkdirat
 * link: -Wl,--wrap=mknodat,--wrap=ftruncate,--wrap=close,--wrap=fcntl
 * link: -Wl,--wrap=fstatat,--wrap=fstat,--wrap=syscall,--wrap=open
 * link: -Wl,--wrap=fstatfs,--wrap=getcwd,--wrap=fdopendir,--wrap=readdir
 * link: -Wl,--wrap=utimensat,--wrap=getrandom,--wrap=clock_nap_us
 * link: -Wl,--wrap=fchmodat
 *
 * As file_fault_test.c, with every error that a kernel, a filter or another
 * file system may think of, once or from then on, and from the opening of
 * the directory to the reaper.  A call may then be refused that would have
 * worked, and a record be called absent that is there; but it is the old one
 * or the new one afterwards, and the same context goes on.
 */
#include "file_kit.h"

#include <dirent.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "file_wrap.h"

enum { EXPIRES = 300, BIG = 9000 };
enum {
	C_PLACE = 2048,
	C_LIST = 4096,
	C_TIME = 8192,
	C_RANDOM = 16384,
	C_EACH = C_ALL | 32767
};

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);
char *__real_getcwd(char *p, size_t n);
char *__wrap_getcwd(char *p, size_t n);
DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);
int __real_utimensat(int a, const char *p, const struct timespec *t, int how);
int __wrap_utimensat(int a, const char *p, const struct timespec *t, int how);
int __real_fchmodat(int a, const char *p, mode_t mode, int how);
int __wrap_fchmodat(int a, const char *p, mode_t mode, int how);
ssize_t __real_getrandom(void *p, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);
void __wrap_clock_nap_us(uint64_t us);

int
__wrap_open(const char *path, int flags, ...)
{
	return now(C_PLACE, '/', 0) ? -1 : __real_open(path, flags, 0);
}

int
__wrap_fstatfs(int fd, struct statfs *fs)
{
	return now(C_PLACE, 'F', 0) ? -1 : __real_fstatfs(fd, fs);
}

char *
__wrap_getcwd(char *p, size_t n)
{
	return now(C_PLACE, 'D', 0) ? NULL : __real_getcwd(p, n);
}

DIR *
__wrap_fdopendir(int fd)
{
	return now(C_LIST, 'd', 0) ? NULL : __real_fdopendir(fd);
}

struct dirent *
__wrap_readdir(DIR *d)
{
	return now(C_LIST, 'e', 0) ? NULL : __real_readdir(d);
}

int
__wrap_utimensat(int a, const char *p, const struct timespec *t, int how)
{
	return now(C_TIME, 'T', 0) ? -1 : __real_utimensat(a, p, t, how);
}

int
__wrap_fchmodat(int a, const char *p, mode_t mode, int how)
{
	return now(C_NAME, 'M', 0) ? -1 : __real_fchmodat(a, p, mode, how);
}

ssize_t
__wrap_getrandom(void *p, size_t n, unsigned flags)
{
	return now(C_RANDOM, 'g', 0) ? -1 : __real_getrandom(p, n, flags);
}

/* Nobody to wait for. */
void
__wrap_clock_nap_us(uint64_t us)
{
	(void)us;
}

static struct got got;
static char big[BIG];
static const struct sstate_key key = { "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
	"app" };
static const struct sstate_key third = { "mkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
	"app" };
static const struct sstate_key second = { "lkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
	"app" };
static const unsigned char nine[SSTATE_TAG_BYTES] = { 9, 9, 9, 9, 9, 9, 9, 9, 9,
	9, 9, 9, 9, 9, 9, 9 };

/* One context on one directory, and where the record is. */
struct place {
	char dir[KIT_DIR];
	void *c, *other; /* which syncs what another did not */
};

static int
none(void *arg, const struct sstate_key *k, const struct sstate_record *rec)
{
	(void)arg;
	(void)k;
	(void)rec;
	return 0;
}

/* ---- What is done ----------------------------------------------------- */

static int
again(struct place *p, const char *dir, struct sstate_error *err)
{
	void *c;
	int r = kit_open_flags(&c, dir, "", 0, err);

	(void)p;
	drv->close(c);
	return r;
}

static int
do_open(struct place *p, struct sstate_error *err)
{
	char deep[KIT_DIR + 8];

	(void)snprintf(deep, sizeof(deep), "%s/new/d", p->dir);
	return again(p, deep, err);
}

static int
do_relative(struct place *p, struct sstate_error *err)
{
	kit_may(chdir(p->dir));
	return again(p, "here", err);
}

static int
do_create(struct place *p, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);

	kit_tag(&rec, 9);
	return drv->create(p->c, &key, &rec, err);
}

static int
do_replace(struct place *p, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);

	return drv->replace(p->c, &key, 1, &rec, err);
}

/* Another expiry, another user. */
static int
do_move(struct place *p, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, "new", 3, 100 * EXPIRES);

	kit_tag(&rec, 7);
	return drv->replace(p->c, &key, 1, &rec, err);
}

static int
do_grow(struct place *p, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, big, BIG, 100 * EXPIRES);

	return drv->replace(p->c, &key, 1, &rec, err);
}

/* What was there is not on disk: it goes there first. */
static int
do_settle(struct place *p, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);

	return drv->replace(p->other, &key, 1, &rec, err);
}

static int
do_settle_end(struct place *p, struct sstate_error *err)
{
	return drv->remove(p->other, &key, 1, err);
}

/* A mask that takes the owner's rights, too. */
static int
do_masked(struct place *p, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, "new", 3, 9 * EXPIRES);
	mode_t was = umask(0277);
	int r = drv->create(p->c, &key, &rec, err);

	(void)umask(was);
	return r;
}

static int
do_remove(struct place *p, struct sstate_error *err)
{
	return drv->remove(p->c, &key, 1, err);
}

static int
do_reap(struct place *p, struct sstate_error *err)
{
	uint64_t n;

	return drv->reap(&n, p->c, key.ns, 1000 * EXPIRES, 0, err);
}

/* Whoever ended it was killed before the last step. */
static void
end_in_part(struct place *p)
{
	__typeof__(inject) was = inject;

	memset(&inject, 0, sizeof(inject));
	inject.error = EIO;
	inject.which = C_NAME;
	inject.k = 1;
	inject.on = 1;
	(void)drv->remove(p->other, &key, 1, NULL);
	inject = was;
}

static int
do_reap_ended(struct place *p, struct sstate_error *err)
{
	end_in_part(p);
	return do_reap(p, err);
}

static int
do_remove_ended(struct place *p, struct sstate_error *err)
{
	end_in_part(p);
	return do_remove(p, err);
}

static int
do_replace_ended(struct place *p, struct sstate_error *err)
{
	int r;

	end_in_part(p);
	r = do_replace(p, err);
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

/* The bucket that the time is in. */
static int
do_reap_part(struct place *p, struct sstate_error *err)
{
	uint64_t n;

	return drv->reap(&n, p->c, key.ns, EXPIRES + 1, 0, err);
}

/* Nothing is due, and every record is looked at. */
static int
do_scan(struct place *p, struct sstate_error *err)
{
	char path[KIT_PATH];
	uint64_t n;

	(void)snprintf(path, sizeof(path), "%s/n.app/boot", p->dir);
	(void)unlink(path);
	return drv->reap(&n, p->c, key.ns, EXPIRES - 1, 0, err);
}

static int
do_get(struct place *p, struct sstate_error *err)
{
	got.answer = 0;
	return drv->get(p->c, &key, kit_found, &got, err);
}

/* A seal that does not open. */
static int
do_doubt(struct place *p, struct sstate_error *err)
{
	int r;

	got.answer = SSTATE_EAUTH;
	r = drv->get(p->c, &key, kit_found, &got, err);
	return r == SSTATE_EAUTH ? 0 : r;
}

static int
do_each(struct place *p, struct sstate_error *err)
{
	return drv->each(p->c, key.ns, NULL, none, NULL, err);
}

static int
do_user(struct place *p, struct sstate_error *err)
{
	return drv->each(p->c, key.ns, nine, none, NULL, err);
}

static int
do_count(struct place *p, struct sstate_error *err)
{
	uint64_t about;

	return drv->count(&about, p->c, key.ns, err);
}

static int
do_latest(struct place *p, struct sstate_error *err)
{
	int64_t seen;

	return drv->latest(&seen, p->c, 5000, err);
}

enum { OLD = 1, NEW = 2, GONE = 4 };

static const struct scene {
	const char *name;
	int (*act)(struct place *p, struct sstate_error *err);
	int before; /* is there a record? */
	int want, may; /* what is there afterwards, or may be there instead */
	const char *params;
} scenes[] = {
	{ "open", do_open, 1, OLD, OLD, "" },
	{ "open a relative path", do_relative, 1, OLD, OLD, "" },
	{ "create", do_create, 0, NEW, GONE, "?sync=data&timeout_ms=1" },
	{ "replace", do_replace, 1, NEW, OLD, "?sync=data&timeout_ms=1" },
	{ "move", do_move, 1, NEW, OLD, "?sync=full&timeout_ms=1" },
	{ "grow", do_grow, 1, NEW, OLD, "?sync=full&timeout_ms=1" },
	{ "settle", do_settle, 1, NEW, OLD, "?sync=none" },
	{ "settle, end", do_settle_end, 1, GONE, OLD, "?sync=none" },
	{ "create under umask 0277", do_masked, 0, NEW, GONE, "?sync=full" },
	{ "remove", do_remove, 1, GONE, OLD, "?sync=data&timeout_ms=1" },
	{ "reap", do_reap, 1, GONE, OLD, "?sync=none&timeout_ms=1" },
	{ "reap an ended one", do_reap_ended, 1, GONE, GONE, "?timeout_ms=1" },
	{ "remove an ended one", do_remove_ended, 1, GONE, GONE,
	    "?timeout_ms=1" },
	{ "replace an ended one", do_replace_ended, 1, GONE, GONE,
	    "?timeout_ms=1" },
	{ "reap a part", do_reap_part, 1, GONE, OLD, "?timeout_ms=1" },
	{ "look at all", do_scan, 1, OLD, OLD, "?sync=data&timeout_ms=1" },
	{ "get", do_get, 1, OLD, OLD, "?timeout_ms=1" },
	{ "doubt", do_doubt, 1, OLD, OLD, "?timeout_ms=1" },
	{ "each", do_each, 1, OLD, OLD, "?timeout_ms=1" },
	{ "each of a user", do_user, 1, OLD, OLD, "?timeout_ms=1" },
	{ "count", do_count, 1, OLD, OLD, "?timeout_ms=1" },
	{ "latest", do_latest, 1, OLD, OLD, "" },
};

/* ---- What must hold --------------------------------------------------- */

/* OLD, NEW or GONE; 0: none of them. */
static int
there(void *c)
{
	int r = kit_get(&got, c, &key);

	if (r == SSTATE_ENOTFOUND)
		return GONE;
	if (r != 0)
		return 0;
	if (got.rec.rev == 1 && got.rec.body.len == 3 &&
	    memcmp(got.body, "old", 3) == 0)
		return OLD;
	return got.rec.rev == 2 &&
		(got.rec.body.len == BIG ? memcmp(got.body, big, BIG)
					 : memcmp(got.body, "new", 3)) == 0
	    ? NEW
	    : 0;
}

static const char *
judge(const struct scene *s, void *c, int r, const struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(7, "next", 4, EXPIRES);
	int is = there(c);

	if (r == SSTATE_EINVAL || r == SSTATE_EVERSION || r > 0)
		return "a code that is none of these";
	if (r != 0 && r != SSTATE_ENOTFOUND && r != SSTATE_EEXIST &&
	    (r != err->code ||
		(strncmp(err->text, "file: ", 6) != 0 && r != SSTATE_ESYS)))
		return "no text";
	if ((is & (s->want | s->may)) == 0)
		return "neither old nor new";
	if (!inject.fired && (r != 0 || is != s->want))
		return "it did not work at all";
	if ((is == GONE ? drv->create(c, &key, &rec, NULL)
			: drv->replace(c, &key, got.rec.rev, &rec, NULL)) != 0)
		return "no further write in the same context";
	return NULL;
}

static const char *
one(const struct scene *s, unsigned k, int error, int always, int which)
{
	struct sstate_record old = kit_rec(1, "old", 3, EXPIRES);
	struct sstate_record near = kit_rec(1, "near", 4, EXPIRES + 1);
	struct sstate_record also = kit_rec(1, "also", 4, 5 * EXPIRES);
	struct sstate_error err = { 0 };
	const char *bad;
	struct place p;
	int r, fds;

	kit_tmp_fast(p.dir, sizeof(p.dir));
	fds = kit_fds();
	p.c = kit_open(p.dir, s->params);
	p.other = kit_open(p.dir, "?sync=data&timeout_ms=1");
	kit_tag(&old, 9);
	if (drv->create(p.c, &second, &also, NULL) != 0 ||
	    drv->create(p.c, &third, &near, NULL) != 0 ||
	    (s->before && drv->create(p.c, &key, &old, NULL) != 0))
		return "cannot prepare";
	memset(&inject, 0, sizeof(inject));
	inject.error = error;
	inject.which = which;
	inject.always = always;
	inject.k = k;
	inject.on = 1;
	r = s->act(&p, &err);
	inject.on = 0;
	bad = judge(s, p.c, r, &err);
	drv->close(p.other);
	drv->close(p.c);
	if (bad == NULL && kit_fds() != fds)
		bad = "a descriptor leaks";
	kit_may(chdir("/"));
	kit_rm(p.dir);
	return bad;
}

static void
sweep(const struct scene *s, int error, int always, int which)
{
	const char *bad;
	unsigned k = 0;

	do
		bad = one(s, ++k, error, always, which);
	while (inject.fired && bad == NULL && k < 1000);
	T(bad == NULL && k < 1000, "%s, %s %s each of %u calls: %s %s", s->name,
	    strerrorname_np(error), always ? "from" : "at", k - 1,
	    bad != NULL ? bad : "safe", bad != NULL ? inject.log : "");
}

int
main(void)
{
	static const int once[] = { EACCES, ENOENT, EEXIST, EOPNOTSUPP, EINVAL,
		ENOSYS, EXDEV, EPERM, ENOTDIR, ELOOP, EROFS, EAGAIN, EINTR };
	static const int on[] = { EIO, ENOSPC, EACCES, ENOENT, ENOSYS };
	size_t i, j;

	memset(big, 'b', sizeof(big));
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		for (j = 0; j < sizeof(once) / sizeof(once[0]); j++)
			sweep(&scenes[i], once[j], 0, C_EACH);
		for (j = 0; j < sizeof(on) / sizeof(on[0]); j++)
			sweep(&scenes[i], on[j], 1, C_EACH);
		sweep(&scenes[i], EIO, 1, C_LEADS);
		sweep(&scenes[i], EIO, 1, C_FCNTL);
		/* Every name leads elsewhere, for ever. */
		sweep(&scenes[i], ENOENT, 1, C_LEADS);
	}
	return tap_done();
}
