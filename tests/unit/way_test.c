/* way_test.c - F-02: which ways to a directory are taken at once */
#include "../tap.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/way.h"

static char top[200];
static uid_t me;

static const char *
at(const char *name)
{
	static char path[4][400];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", top, name);
	return p;
}

static int
opens(const char *path)
{
	struct stat a, b;
	int fd = way_open(path, strlen(path), me), same;

	if (fd < 0)
		return 0;
	same = fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino &&
	    (fcntl(fd, F_GETFL) & O_PATH) != 0 &&
	    fcntl(fd, F_GETFD) == FD_CLOEXEC;
	(void)close(fd);
	return same ? 1 : -1;
}

static void
modes(void)
{
	static const mode_t modes[] = { 0700, 0755, 0711, 0770, 0707, 0777,
		01770, 01707, 01777, 0720, 0702, 01702 };
	size_t i;
	int want;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		want = (modes[i] & 022) == 0 || (modes[i] & 01000) != 0;
		if (chmod(at("a"), modes[i]) != 0)
			abort();
		T(opens(at("a/b")) == want && opens(at("a/b/c")) == want,
		    "F-02 below a directory of mode %04o: %s", modes[i],
		    want ? "opened" : "not at once");
		T(opens(at("a")) == 1, "what it is itself is another's look");
	}
	(void)chmod(at("a"), 0700);
}

static void
owners(void)
{
	if (geteuid() != 0) {
		tap_skip("F-02 other owners: not root");
		return;
	}
	if (chown(at("a"), 1234, 1234) != 0)
		abort();
	T(opens(at("a/b")) == 0, "F-02 below another user's directory");
	me = 1234;
	T(opens(at("a/b")) == 1, "F-02 below one's own, and root's");
	T(opens(at("a/b/c")) == 1, "F-02 below root's, in one's own");
	me = 0;
	if (chown(at("a"), 0, 0) != 0)
		abort();
}

static void
paths(void)
{
	char deep[PATH_MAX];
	size_t n;

	T(opens("/") == 1, "the root");
	T(opens(at("a//b///c/")) == 1, "slashes");
	T(opens(at("a/./b/../b/c")) == 1, "dots");
	T(opens(at("l/b")) == 0 && opens(at("a/m")) == 0 &&
		opens(at("a/m/c")) == 0,
	    "R-102 a symbolic link, first, in between, last");
	T(opens(at("a/f")) == 0 && opens(at("a/f/c")) == 0, "a file");
	T(opens(at("a/n")) == 0 && opens(at("n/b")) == 0, "what is not there");
	T(opens("") == 0 && opens("tmp") == 0 && opens(".") == 0,
	    "what does not begin with /");
	n = (size_t)snprintf(deep, sizeof(deep), "%s/a", top);
	while (n < 255)
		deep[n++] = '/';
	deep[n] = '\0';
	T(opens(deep) == 1, "of 255 octets, all but a few of them slashes");
	(void)snprintf(deep + n, sizeof(deep) - n, "b");
	T(opens(deep) == 0, "a longer one");
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	me = geteuid();
	(void)umask(022);
	(void)snprintf(top, sizeof(top), "%s/way-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	NEED(mkdtemp(top) != NULL, "a directory");
	if (mkdir(at("a"), 0700) != 0 || mkdir(at("a/b"), 0700) != 0 ||
	    mkdir(at("a/b/c"), 0700) != 0 || symlink("a", at("l")) != 0 ||
	    symlink("b", at("a/m")) != 0 ||
	    (fd = open(at("a/f"), O_WRONLY | O_CREAT, 0600)) < 0)
		abort();
	(void)close(fd);
	if (opens(at("a/b")) == 0)
		tap_skip("no openat2(), or an unsafe TMPDIR: all is walked");
	else {
		modes();
		owners();
		paths();
	}
	(void)unlink(at("l"));
	(void)unlink(at("a/m"));
	(void)unlink(at("a/f"));
	(void)rmdir(at("a/b/c"));
	(void)rmdir(at("a/b"));
	(void)rmdir(at("a"));
	T(rmdir(top) == 0, "nothing is left behind");
	return tap_done();
}
