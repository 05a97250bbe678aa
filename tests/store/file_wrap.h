/*
 * file_wrap.h - each system call of the file store fails, one by one
 *
 * Whoever includes it is linked with --wrap for each of these calls:
 *
 *	pwrite pread write fdatasync fsync renameat linkat unlinkat openat
 *	fallocate fchmod mkdirat mknodat ftruncate close fcntl fstatat fstat
 *	syscall
 *
 * While inject.on is set, the k-th call of the kinds in inject.which fails
 * with inject.error, or does half of what was asked for; with inject.always
 * all that follow, too.
 */
#ifndef FILE_WRAP_H
#define FILE_WRAP_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAIL, SHORT };
enum {
	C_PWRITE = 1,
	C_PREAD = 2,
	C_WRITE = 4,
	C_SYNC = 8,
	C_NAME = 16,
	C_OPEN = 32,
	C_ROOM = 64,
	C_CLOSE = 128,
	C_FCNTL = 256,
	C_STAT = 512,
	C_MALLOC = 1024,
	C_LEADS = 1 << 20,
	C_ALL = C_LEADS | 2047,
};

static struct {
	int on, kind, error, which;
	int always; /* all that follow, too */
	unsigned k, n;
	int fired;
	char log[4096]; /* one character a call */
	size_t len;
	off_t at[4096];
} inject;

/* Is this the call to fail? */
static int
now(int which, char name, off_t at)
{
	if (!inject.on)
		return 0;
	if (inject.len < sizeof(inject.log) - 1) {
		inject.at[inject.len] = at;
		inject.log[inject.len++] = name;
	}
	if ((which & inject.which) == 0 || ++inject.n < inject.k ||
	    (inject.n > inject.k && !inject.always))
		return 0;
	inject.fired = 1;
	errno = inject.error;
	return 1;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int a, const char *p, int b, const char *q);
int __wrap_renameat(int a, const char *p, int b, const char *q);
int __real_linkat(int a, const char *p, int b, const char *q, int flags);
int __wrap_linkat(int a, const char *p, int b, const char *q, int flags);
int __real_unlinkat(int a, const char *p, int flags);
int __wrap_unlinkat(int a, const char *p, int flags);
int __real_openat(int a, const char *p, int flags, ...);
int __wrap_openat(int a, const char *p, int flags, ...);
int __real_fallocate(int fd, int mode, off_t at, off_t n);
int __wrap_fallocate(int fd, int mode, off_t at, off_t n);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_mkdirat(int a, const char *p, mode_t mode);
int __wrap_mkdirat(int a, const char *p, mode_t mode);
int __real_mknodat(int a, const char *p, mode_t mode, dev_t dev);
int __wrap_mknodat(int a, const char *p, mode_t mode, dev_t dev);
int __real_ftruncate(int fd, off_t n);
int __wrap_ftruncate(int fd, off_t n);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __real_fstatat(int a, const char *p, struct stat *st, int flags);
int __wrap_fstatat(int a, const char *p, struct stat *st, int flags);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (now(C_PWRITE, 'w', at)) {
		if (inject.kind == FAIL) {
			/* Half of it may be there all the same. */
			if (inject.error != EINTR)
				(void)__real_pwrite(fd, p, n / 2, at);
			errno = inject.error;
			return -1;
		}
		return __real_pwrite(fd, p, (n + 1) / 2, at);
	}
	return __real_pwrite(fd, p, n, at);
}

ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t at)
{
	if (now(C_PREAD, 'r', at))
		return inject.kind == FAIL
		    ? -1
		    : __real_pread(fd, p, (n + 1) / 2, at);
	return __real_pread(fd, p, n, at);
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (now(C_WRITE, 'a', 0))
		return inject.kind == FAIL ? -1
					   : __real_write(fd, p, (n + 1) / 2);
	return __real_write(fd, p, n);
}

int
__wrap_fdatasync(int fd)
{
	return now(C_SYNC, 's', 0) ? -1 : __real_fdatasync(fd);
}

int
__wrap_fsync(int fd)
{
	return now(C_SYNC, 'S', 0) ? -1 : __real_fsync(fd);
}

int
__wrap_renameat(int a, const char *p, int b, const char *q)
{
	return now(C_NAME, 'n', 0) ? -1 : __real_renameat(a, p, b, q);
}

int
__wrap_linkat(int a, const char *p, int b, const char *q, int flags)
{
	return now(C_NAME, 'l', 0) ? -1 : __real_linkat(a, p, b, q, flags);
}

int
__wrap_unlinkat(int a, const char *p, int flags)
{
	return now(C_NAME, 'u', 0) ? -1 : __real_unlinkat(a, p, flags);
}

int
__wrap_openat(int a, const char *p, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return now(C_OPEN, 'o', 0) ? -1 : __real_openat(a, p, flags, mode);
}

int
__wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	return now(C_ROOM, 'f', 0) ? -1 : __real_fallocate(fd, mode, at, n);
}

int
__wrap_fchmod(int fd, mode_t mode)
{
	return now(C_NAME, 'm', 0) ? -1 : __real_fchmod(fd, mode);
}

int
__wrap_mkdirat(int a, const char *p, mode_t mode)
{
	return now(C_NAME, 'd', 0) ? -1 : __real_mkdirat(a, p, mode);
}

int
__wrap_mknodat(int a, const char *p, mode_t mode, dev_t dev)
{
	return now(C_NAME, 'k', 0) ? -1 : __real_mknodat(a, p, mode, dev);
}

int
__wrap_ftruncate(int fd, off_t n)
{
	return now(C_NAME, 't', 0) ? -1 : __real_ftruncate(fd, n);
}

int
__wrap_close(int fd)
{
	int r = __real_close(fd);

	return now(C_CLOSE, 'c', 0) ? -1 : r;
}

int
__wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return now(C_FCNTL, 'L', 0) ? -1 : __real_fcntl(fd, cmd, arg);
}

int
__wrap_fstatat(int a, const char *p, struct stat *st, int flags)
{
	return now(C_LEADS, 'i', 0) ? -1 : __real_fstatat(a, p, st, flags);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	return now(C_STAT, 'I', 0) ? -1 : __real_fstat(fd, st);
}

/* openat2() and renameat2(). */
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
	return now(C_OPEN, 'O', 0)
	    ? -1
	    : __real_syscall(n, a[0], a[1], a[2], a[3], a[4]);
}

#endif
