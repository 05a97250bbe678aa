/*
 * file_old_test.c - file: where the kernel or the file system lacks a call
 *
 * link: -Wl,--wrap=openat,--wrap=linkat,--wrap=fallocate,--wrap=syscall
 * link: -Wl,--wrap=pwrite,--wrap=fstatfs
 *
 * The answers of an older kernel, of a chroot without /proc, of a filter.
 */
#include "file_kit.h"

#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "store/file_dir.h"

static struct {
	int openat2, tmpfile, proc, fallocate, renameat2; /* errno, or 0 */
	int link, create; /* the same, of a file with a name */
	int signals; /* so many steps through directories are broken off */
	int pwrites; /* the n-th takes nothing */
	long fs; /* its type, or 0 */
} lacks;

static int breaks; /* of them, still to come */
static struct got got;

int __real_openat(int a, const char *p, int flags, ...);
int __wrap_openat(int a, const char *p, int flags, ...);
int __real_linkat(int a, const char *p, int b, const char *q, int flags);
int __wrap_linkat(int a, const char *p, int b, const char *q, int flags);
int __real_fallocate(int fd, int mode, off_t at, off_t n);
int __wrap_fallocate(int fd, int mode, off_t at, off_t n);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);
long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);

static int
lacking(int error)
{
	if (error != 0)
		errno = error;
	return error != 0;
}

int
__wrap_openat(int a, const char *p, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & O_TMPFILE) == O_TMPFILE && lacking(lacks.tmpfile))
		return -1;
	if ((flags & O_EXCL) != 0 && lacking(lacks.create))
		return -1;
	if ((flags & O_PATH) != 0 && breaks > 0) {
		breaks--;
		errno = EINTR;
		return -1;
	}
	return __real_openat(a, p, flags, mode);
}

int
__wrap_linkat(int a, const char *p, int b, const char *q, int flags)
{
	if (lacking((flags & AT_SYMLINK_FOLLOW) != 0 ? lacks.proc : lacks.link))
		return -1;
	return __real_linkat(a, p, b, q, flags);
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (lacks.pwrites > 0 && --lacks.pwrites == 0)
		return 0;
	return __real_pwrite(fd, p, n, at);
}

int
__wrap_fstatfs(int fd, struct statfs *fs)
{
	int r = __real_fstatfs(fd, fs);

	if (lacks.fs != 0)
		fs->f_type = lacks.fs;
	return r;
}

int
__wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	if (lacking(lacks.fallocate))
		return -1;
	return __real_fallocate(fd, mode, at, n);
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
	if ((n == SYS_openat2 && lacking(lacks.openat2)) ||
	    (n == SYS_renameat2 && lacking(lacks.renameat2)))
		return -1;
	return __real_syscall(n, a[0], a[1], a[2], a[3], a[4]);
}

static int
count(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(int *)arg;
	return 0;
}

static void
life(const char *what)
{
	struct sstate_key key = kit_key(1, "app"), two = kit_key(2, "app");
	struct sstate_record rec = kit_rec(1, "body", 4, 1000);
	struct sstate_error err = { 0 };
	static char big[10000];
	char dir[KIT_DIR], path[KIT_PATH];
	struct stat st;
	int n = 0, fds;
	uint64_t gone;
	void *c;

	kit_tmp_fast(dir, sizeof(dir));
	fds = kit_fds();
	c = kit_open(dir, "");
	breaks = lacks.signals;
	kit_tag(&rec, 6);
	kit_path(path, dir, &key);
	T(drv->create(c, &key, &rec, &err) == 0 &&
		drv->create(c, &key, &rec, &err) == SSTATE_EEXIST &&
		drv->create(c, &two, &rec, &err) == 0 && stat(path, &st) == 0 &&
		st.st_nlink == 1 && st.st_blocks * 512 >= 1024,
	    "%s: create, whole and exclusive %s", what, err.text);
	rec = kit_rec(2, big, sizeof(big), 1000);
	T(kit_get(&got, c, &key) == 0 && got.rec.rev == 1 &&
		drv->replace(c, &key, 1, &rec, &err) == 0 &&
		kit_get(&got, c, &key) == 0 && got.rec.body.len == sizeof(big),
	    "%s: replace and growth %s", what, err.text);
	T(drv->remove(c, &key, 2, &err) == 0 &&
		kit_get(&got, c, &key) == SSTATE_ENOTFOUND &&
		drv->each(c, "app", NULL, count, &n, &err) == 0 && n == 1 &&
		drv->reap(&gone, c, "app", 1000, 0, &err) == 0 && gone == 1,
	    "%s: remove, each, reap %s", what, err.text);
	(void)snprintf(path, sizeof(path), "%s/n.app/t", dir);
	n = rmdir(path);
	T(n == 0 || errno == ENOENT, "%s: nothing is left aside", what);
	T(symlink("/etc", path) == 0 &&
		drv->create(c, &key, &rec, &err) != -1 &&
		access("/etc/.t-", F_OK) != 0,
	    "%s: no link is followed", what);
	drv->close(c);
	T(kit_fds() == fds, "%s: no descriptor leaks", what);
	kit_rm(dir);
}

/* openat2() and what stands for it agree. */
static void
same_answers(void)
{
	static const struct {
		const char *path;
		int ok;
	} t[] = {
		{ "dir/file", 1 },
		{ "dir", 1 },
		{ "dir/../dir/file", 0 },
		{ "../x", 0 },
		{ "link/file", 0 },
		{ "dir/link", 0 },
		{ "dir/gone", 0 },
		{ "dir/file/x", 0 },
		{ "up/etc", 0 },
	};
	char dir[KIT_DIR], path[KIT_PATH];
	struct sstate_error err = { 0 };
	struct fdir d = { 0 };
	int fd, with, without;
	size_t i;

	kit_tmp_fast(dir, sizeof(dir));
	NEED(fdir_open(&d, dir, 0, &err) == 0, "a directory");
	(void)mkdirat(d.fd, "dir", 0700);
	kit_may(symlinkat("dir", d.fd, "link"));
	kit_may(symlinkat("/", d.fd, "up"));
	kit_may(symlinkat("file", d.fd, "dir/link"));
	(void)snprintf(path, sizeof(path), "%s/dir/file", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	(void)close(fd);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		d.no_openat2 = 0;
		with = fdir_at(&d, t[i].path, O_RDONLY, 0);
		d.no_openat2 = 1;
		without = fdir_at(&d, t[i].path, O_RDONLY, 0);
		/* ".." within is refused step by step: nobody needs it. */
		T((without >= 0) == t[i].ok && (with >= 0 || !t[i].ok),
		    "F-06 %s is %s, by openat2 and without", t[i].path,
		    t[i].ok ? "opened" : "refused");
		if (with >= 0)
			(void)close(with);
		if (without >= 0)
			(void)close(without);
	}
	fdir_close(&d);
	kit_rm(dir);
}

/* What stands for a missing call fails itself. */
static void
refused(const char *what, int code)
{
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec = kit_rec(1, "body", 4, 0);
	struct sstate_error err = { 0 };
	char dir[KIT_DIR];
	int r, fds;
	void *c;

	kit_tmp_fast(dir, sizeof(dir));
	fds = kit_fds();
	c = kit_open(dir, "");
	r = drv->create(c, &key, &rec, &err);
	T(r == code && err.sys == EIO, "%s: %s", what, err.text);
	memset(&lacks, 0, sizeof(lacks));
	T(kit_get(&got, c, &key) == SSTATE_ENOTFOUND &&
		drv->create(c, &key, &rec, &err) == 0 &&
		kit_get(&got, c, &key) == 0,
	    "%s: there is no half of it, and then it works", what);
	drv->close(c);
	T(kit_fds() == fds, "%s: no descriptor leaks", what);
	kit_rm(dir);
}

static void
remote(void)
{
	struct sstate_error err;
	char dir[KIT_DIR];
	void *c;

	kit_tmp_fast(dir, sizeof(dir));
	lacks.fs = 0x6969;
	T(kit_open_flags(&c, dir, "", 0, &err) == SSTATE_EUNSAFE,
	    "F-05 a directory on NFS: %s", err.text);
	lacks.fs = 0;
	drv->close(c);
	kit_rm(dir);
}

int
main(void)
{
	static const int no_tmpfile[] = { EISDIR, EINVAL, ENOSYS };
	size_t i;

	life("all there");
	lacks.openat2 = ENOSYS;
	life("no openat2");
	lacks.openat2 = EPERM;
	life("openat2 filtered");
	lacks.openat2 = EAGAIN;
	life("openat2 that never settles");
	lacks.openat2 = ENOSYS;
	lacks.signals = 20;
	life("no openat2, and signals");
	lacks.openat2 = lacks.signals = 0;
	for (i = 0; i < 3; i++) {
		lacks.tmpfile = no_tmpfile[i];
		life(strerrorname_np(no_tmpfile[i]));
	}
	lacks.tmpfile = EOPNOTSUPP;
	life("no O_TMPFILE");
	lacks.renameat2 = EINVAL;
	life("no O_TMPFILE, no renameat2");
	lacks.renameat2 = ENOSYS;
	life("no O_TMPFILE, nor any renameat2");
	lacks.link = EIO;
	refused("no renameat2, and no link", SSTATE_ESTORE);
	lacks.tmpfile = EOPNOTSUPP;
	lacks.renameat2 = EIO;
	refused("a rename that fails", SSTATE_ESTORE);
	lacks.proc = ENOENT;
	lacks.create = EIO;
	refused("no /proc, and no file of a name", SSTATE_ESTORE);
	lacks.proc = ENOENT;
	lacks.pwrites = 3;
	refused("no /proc, and then a write that takes nothing", SSTATE_ESTORE);
	lacks.pwrites = 2; /* after the namespace's state */
	refused("a write that takes nothing", SSTATE_ESTORE);
	lacks.tmpfile = lacks.renameat2 = 0;
	lacks.proc = ENOENT;
	life("no /proc");
	lacks.fallocate = EOPNOTSUPP;
	life("no /proc, no fallocate");
	memset(&lacks, 0, sizeof(lacks));
	remote();
	same_answers();
	return tap_done();
}
