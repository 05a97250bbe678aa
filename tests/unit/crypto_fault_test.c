/*
 * crypto_fault_test.c - the key ring when the n-th call of the system fails
 *
 * link: -Wl,--wrap=rand_bytes,--wrap=mmap,--wrap=mprotect
 * link: -Wl,--wrap=sodium_init,--wrap=getcwd,--wrap=openat
 * link: -Wl,--wrap=fstat,--wrap=fstatat,--wrap=read,--wrap=write
 * link: -Wl,--wrap=fchmod,--wrap=fchown,--wrap=fsync,--wrap=close
 * link: -Wl,--wrap=linkat,--wrap=renameat2,--wrap=geteuid
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "crypto_help.h"

#include "base/rand.h"
#include "crypto/csrf.h"
#include "crypto/page.h"
#include "crypto/ring_file.h"

enum call {
	RANDOM,
	MMAP,
	INIT,
	PROTECT,
	GETCWD,
	OPENAT,
	FSTAT,
	FSTATAT,
	READ,
	WRITE,
	FCHMOD,
	FCHOWN,
	FSYNC,
	CLOSE,
	LINKAT,
	RENAME,
	CALLS
};

static const char *const names[CALLS] = { "rand_bytes", "mmap", "sodium_init",
	"mprotect", "getcwd", "openat", "fstat", "fstatat", "read", "write",
	"fchmod", "fchown", "fsync", "close", "linkat", "renameat2" };

/* The at-th call of which fails with error; 0: none. */
static struct {
	enum call which;
	int at, error;
	int lasts; /* and all after it */
	int hit;
} fault;
static int no_tmpfile; /* errno of O_TMPFILE */
static size_t deep; /* so long is the current directory's path; 0: as it is */
static int writes_none; /* write() says 0, once */
static uid_t other; /* what geteuid() says, if not 0 */

static int
fails(enum call c)
{
	if (fault.at == 0 || fault.which != c || --fault.at > 0)
		return 0;
	fault.hit = 1;
	fault.at = fault.lasts;
	errno = fault.error;
	return 1;
}

#define WRAP(type, name, args, pass, call, bad)                                \
	type __real_##name args;                                               \
	type __wrap_##name args;                                               \
	type __wrap_##name args                                                \
	{                                                                      \
		return fails(call) ? (bad) : __real_##name pass;               \
	}

WRAP(int, rand_bytes, (void *p, size_t n, struct sstate_error *err),
    (p, n, err), RANDOM, sstate_fail(err, SSTATE_ESYS, EIO, "no random"))
WRAP(void *, mmap, (void *p, size_t n, int prot, int flags, int fd, off_t at),
    (p, n, prot, flags, fd, at), MMAP, MAP_FAILED)
WRAP(int, sodium_init, (void), (), INIT, -1)
WRAP(int, mprotect, (void *p, size_t n, int prot), (p, n, prot), PROTECT, -1)
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), FSTAT, -1)
WRAP(int, fstatat, (int fd, const char *path, struct stat *st, int flags),
    (fd, path, st, flags), FSTATAT, -1)
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), READ, -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), FCHMOD, -1)
WRAP(int, fchown, (int fd, uid_t u, gid_t g), (fd, u, g), FCHOWN, -1)
WRAP(int, fsync, (int fd), (fd), FSYNC, -1)
WRAP(int, linkat, (int fd, const char *a, int to, const char *b, int flags),
    (fd, a, to, b, flags), LINKAT, -1)
WRAP(int, renameat2,
    (int fd, const char *a, int to, const char *b, unsigned flags),
    (fd, a, to, b, flags), RENAME, -1)

char *__real_getcwd(char *p, size_t n);
char *__wrap_getcwd(char *p, size_t n);
char *
__wrap_getcwd(char *p, size_t n)
{
	if (deep == 0 || deep >= n)
		return fails(GETCWD) ? NULL : __real_getcwd(p, n);
	memset(p, '/', deep);
	p[deep] = '\0';
	return p;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (writes_none) {
		writes_none = 0;
		return 0;
	}
	return fails(WRITE) ? -1 : __real_write(fd, p, n > 7 ? 7 : n);
}

int __real_close(int fd);
int __wrap_close(int fd);
int
__wrap_close(int fd)
{
	int r = __real_close(fd);

	return fails(CLOSE) ? -1 : r;
}

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t
__wrap_geteuid(void)
{
	return other != 0 ? other : __real_geteuid();
}

int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, mode_t mode);
int
__wrap_openat(int dir, const char *path, int flags, mode_t mode)
{
	if (no_tmpfile != 0 && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = no_tmpfile;
		return -1;
	}
	return fails(OPENAT) ? -1 : __real_openat(dir, path, flags, mode);
}

static char dir[200], path[256];

/* Entries of the directory; each is "ring", or -1. */
static int
entries(void)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	if (d == NULL)
		abort();
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' && strlen(e->d_name) < 3)
			continue;
		n = n < 0 || strcmp(e->d_name, "ring") != 0 ? -1 : n + 1;
	}
	(void)closedir(d);
	return n;
}

static int
whole(void)
{
	struct keyring *kr;
	int r = keyring_load(&kr, path, __real_geteuid(), NULL);

	keyring_free(kr);
	return r == 0;
}

/* A failure told, nothing handed out, and no half of a file left behind. */
static int
create_once(enum call c, int at, int error, int *hit)
{
	struct keyring *kr = (struct keyring *)(uintptr_t)1;
	struct sstate_error err = { 0 };
	int r, n, good;

	(void)unlink(path);
	fault.which = c;
	fault.at = at;
	fault.error = error;
	r = keyring_create(&kr, path, 43200, NOW, &err);
	*hit = fault.at == 0;
	fault.at = 0;
	n = entries();
	good = (r == 0) == (kr != NULL) && n >= 0 && (n == 0 || whole());
	good = good && (r == 0 ? n == 1 : err.code == r);
	keyring_free(kr);
	return good;
}

static void
creating(const char *how)
{
	static const int errors[] = { EIO, EACCES, ENOSPC, EINTR, ENOTSUP,
		EEXIST };
	size_t e;
	int c, at, hit, good;

	for (c = 0; c < CALLS; c++)
		for (e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
			for (at = 1, hit = 1, good = 1; hit && at < 200; at++)
				good = good &&
				    create_once((enum call)c, at, errors[e],
					&hit);
			T(good && !hit, "R-76 %s: the n-th %s fails with %s",
			    how, names[c], strerrorname_np(errors[e]));
		}
}

/* A ring cannot be replaced by half of one either. */
static void
replacing(void)
{
	struct ring_text t = { .len = 0, .full = 0 };
	char name[NAME_MAX + 1];
	struct sstate_error err;
	struct keyring *was, *now;
	int c, at, hit, fd, r, good;

	ring_put_str(&t, "max_lifetime 43200\n");
	if (ring_put_fresh(&t, 7, NOW, 0, NULL) != 0 ||
	    ring_dir(&fd, name, path, __real_geteuid(), NULL) != 0)
		abort();
	for (c = 0; c < CALLS; c++) {
		for (at = 1, hit = 1, good = 1; hit && at < 200; at++) {
			(void)unlink(path);
			if (keyring_create(&was, path, 43200, NOW, NULL) != 0)
				abort();
			fault.which = (enum call)c;
			fault.at = at;
			fault.error = EIO;
			r = ring_write(fd, name, &t, 1, __real_geteuid(), path,
			    &err);
			hit = fault.at == 0;
			fault.at = 0;
			if (keyring_load(&now, path, __real_geteuid(), NULL) !=
			    0)
				good = 0;
			/* Synced or not, it is the old one or the new one. */
			good = good && entries() == 1 &&
			    (r != 0 || !keyring_same(now, was)) &&
			    (r != 0 || keyring_at(now, 0)->kid == 7);
			keyring_free(was);
			keyring_free(now);
		}
		T(good && !hit, "R-76 replacing: the n-th %s fails", names[c]);
	}
	other = __real_geteuid() + 1;
	fault.which = FCHOWN;
	fault.at = 1;
	fault.error = EPERM;
	T(ring_write(fd, name, &t, 1, __real_geteuid(), path, &err) ==
		    SSTATE_ESYS &&
		entries() == 1,
	    "R-76 a file that cannot be given to the ring's owner is not left");
	T(ring_write(fd, name, &t, 1, __real_geteuid(), path, &err) == 0,
	    "R-76 given to its owner, it is written");
	other = 0;
	t.len = sizeof(t.buf) - 3;
	ring_put_str(&t, "abc");
	T(!t.full, "a ring's text holds LIMIT_RING_BYTES");
	ring_put_str(&t, "d");
	T(t.full && t.len == sizeof(t.buf) &&
		ring_write(fd, name, &t, 1, __real_geteuid(), path, &err) ==
		    SSTATE_ETOOBIG &&
		entries() == 1,
	    "a longer one is not written");
	(void)close(fd);
}

static int
load_at(const char *file, enum call c, int at, int error, int *hit)
{
	struct keyring *kr = (struct keyring *)(uintptr_t)1;
	struct sstate_error err = { 0 };
	int r;

	fault.which = c;
	fault.at = at;
	fault.error = error;
	fault.hit = 0;
	/* A way that cannot be looked along at once is walked. */
	fault.lasts = c == FSTAT;
	r = keyring_load(&kr, file, __real_geteuid(), &err);
	*hit = fault.hit;
	fault.at = fault.lasts = 0;
	if ((r == 0) != (kr != NULL) || (r != 0 && err.code != r))
		return -1000;
	keyring_free(kr);
	return r;
}

static void
loading(void)
{
	static const int errors[] = { EIO, EACCES, EINTR, ENXIO, ENODEV, EISDIR,
		ENOENT, ENOTDIR, ELOOP };
	size_t e;
	int c, at, hit, good, r;

	for (c = 0; c < CALLS; c++)
		for (e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
			for (at = 1, hit = 1, good = 1; hit && at < 200; at++) {
				r = load_at(path, (enum call)c, at, errors[e],
				    &hit);
				good = good && r != -1000 &&
				    (hit && c != CLOSE && c != FSTATAT &&
						!(c == READ &&
						    errors[e] == EINTR)
					    ? r != 0
					    : r == 0);
			}
			T(good && !hit, "R-76 loading: the n-th %s fails: %s",
			    names[c], strerrorname_np(errors[e]));
		}
	if (chdir(dir) != 0)
		abort();
	T(load_at("ring", GETCWD, 1, ENOENT, &hit) == SSTATE_ESYS && hit,
	    "a relative path where there is no current directory");
	T(load_at("ring", GETCWD, 2, ENOENT, &hit) == 0,
	    "a relative path where there is one");
}

static void
odd_paths(void)
{
	static const struct {
		const char *path;
		int want;
	} paths[] = {
		{ "", SSTATE_EINVAL },
		{ ".", SSTATE_EINVAL },
		{ "..", SSTATE_EINVAL },
		{ "no/..", SSTATE_EINVAL },
		{ "none/ring", SSTATE_ENOTFOUND },
		{ "ring/ring", SSTATE_ESYS },
		{ "link/ring", SSTATE_EUNSAFE },
	};
	char name[PATH_MAX + 1], file[NAME_MAX + 2];
	struct keyring *kr;
	size_t i;
	int hit, depth = 0;

	if (symlink(".", "link") != 0)
		abort();
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		T(load_at(paths[i].path, INIT, 0, 0, &hit) == paths[i].want,
		    "F-02 the path \"%s\"", paths[i].path);
	T(load_at("link/ring", FSTATAT, 1, EIO, &hit) == SSTATE_ESYS && hit,
	    "F-02 a symlink that cannot be looked at");
	(void)unlink("link");
	memset(file, 'a', sizeof(file) - 1);
	file[sizeof(file) - 1] = '\0';
	T(load_at(file, INIT, 0, 0, &hit) == SSTATE_EINVAL,
	    "a name of more than NAME_MAX");
	name[0] = '/';
	memcpy(name + 1, file, sizeof(file));
	T(load_at(name, INIT, 0, 0, &hit) == SSTATE_EINVAL,
	    "the same below the root");
	T(load_at("ring", OPENAT, 1, EACCES, &hit) == SSTATE_ESYS && hit,
	    "a root that cannot be opened");
	memset(name, 'a', PATH_MAX);
	name[PATH_MAX] = '\0';
	T(load_at(name, INIT, 0, 0, &hit) == SSTATE_EINVAL,
	    "a path of more than PATH_MAX");
	deep = PATH_MAX - 1;
	T(load_at("r", INIT, 0, 0, &hit) == SSTATE_EINVAL,
	    "a name below a current directory that leaves no room for it");
	deep = 0;
	memset(file, 'd', 200);
	file[200] = '\0';
	/* So deep that nothing can be named any more. */
	while (depth < PATH_MAX / 100 && getcwd(name, PATH_MAX) != NULL &&
	    mkdir(file, 0700) == 0 && chdir(file) == 0)
		depth++;
	if (getcwd(name, PATH_MAX) == NULL)
		T(keyring_load(&kr, "ring", __real_geteuid(), NULL) ==
			    SSTATE_ESYS &&
			kr == NULL,
		    "a current directory deeper than PATH_MAX");
	else
		tap_skip("a current directory deeper than PATH_MAX");
	for (; depth > 0 && chdir("..") == 0; depth--)
		(void)rmdir(file);
}

static void
no_random(void)
{
	static const uint8_t secret[32] = { 1, 2, 3 }, psk[PSK_BYTES];
	struct ringkey key = entry_of(secret, 1);
	struct page_scope sc = { "ns", psk, "/", 1 };
	struct page_head ph = { .kind = PAGE_PLAIN, .issued = NOW };
	struct csrf_head ch = { .issued = NOW };
	struct sstate_error err;
	char csrf[CSRF_TEXT + 1] = "x", page[1024] = "x";

	fault.which = RANDOM;
	fault.at = 1;
	T(csrf_make(csrf, &key, "ns", psk, "act", &ch, &err) == SSTATE_ESYS &&
		csrf[0] == '\0',
	    "R-04 no CSRF token without random bytes");
	fault.at = 1;
	T(page_seal(page, &key, &sc, &ph, "", 0, &err) == SSTATE_ESYS &&
		page[0] == '\0',
	    "R-04 no page state without random bytes");
	fault.which = INIT;
	fault.at = 1;
	T(crypto_init(&err) == SSTATE_ESYS && crypto_init(&err) == 0,
	    "libsodium that does not start is told");
}

static void
in_memory(void)
{
	static const struct {
		enum call call;
		int at, r;
	} calls[] = {
		{ RANDOM, 1, SSTATE_ESYS },
		{ MMAP, 1, SSTATE_ENOMEM },
		{ PROTECT, 1, SSTATE_ENOMEM },
		{ PROTECT, 2, SSTATE_ESYS },
	};
	static const int64_t lives[] = { -1, 0, LIMIT_COOKIE_AGE + 1 };
	struct keyring *kr;
	struct sstate_error err;
	size_t i;
	int r;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fault.which = calls[i].call;
		fault.at = calls[i].at;
		fault.error = ENOMEM;
		r = keyring_ephemeral(&kr, 43200, NOW, &err);
		T(r == calls[i].r && kr == NULL && err.code == r,
		    "R-76 no ring in memory when the %d. %s fails", calls[i].at,
		    names[calls[i].call]);
	}
	for (i = 0; i < 3; i++)
		T(keyring_ephemeral(&kr, lives[i], NOW, &err) ==
			    SSTATE_EINVAL &&
			kr == NULL &&
			keyring_create(&kr, path, lives[i], NOW, &err) ==
			    SSTATE_EINVAL &&
			kr == NULL,
		    "a lifetime of %lld", (long long)lives[i]);
	T(keyring_create(&kr, path, 1, -1, &err) == SSTATE_EINVAL &&
		keyring_create(&kr, path, 1, RING_TIME_MAX + 1, &err) ==
		    SSTATE_EINVAL,
	    "R-23 a clock out of range makes no ring");
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	struct keyring *kr;

	if (crypto_init(NULL) != 0)
		abort();
	(void)snprintf(dir, sizeof(dir), "%s/crypto_fault.XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	NEED(mkdtemp(dir) != NULL, "a directory: %s", dir);
	(void)snprintf(path, sizeof(path), "%s/ring", dir);
	creating("creating");
	no_tmpfile = EOPNOTSUPP;
	creating("creating without O_TMPFILE");
	(void)unlink(path);
	writes_none = 1;
	T(keyring_create(&kr, path, 43200, NOW, NULL) == SSTATE_ESYS &&
		kr == NULL && entries() == 0,
	    "R-76 a write that writes nothing is a failure");
	no_tmpfile = 0;
	replacing();
	NEED(keyring_create(&kr, path, 43200, NOW, NULL) == 0, "a ring");
	keyring_free(kr);
	loading();
	odd_paths();
	no_random();
	in_memory();
	(void)unlink(path);
	if (chdir("/") != 0 || rmdir(dir) != 0)
		T(0, "nothing is left in %s", dir);
	return tap_done();
}
