/*
 * file_full_test.c - file: a full disk, no inodes, a limit on file size
 *
 * What ends sessions must work when nothing else does (3.5).
 */
#include "file_kit.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static struct got got;
static char dir[KIT_DIR];

static int
small(const char *options)
{
	return mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

/* Records are made until no more go in; how many there are. */
static unsigned
fill(void *c, struct sstate_error *err)
{
	static char body[700];
	struct sstate_record rec = kit_rec(1, body, sizeof(body), 1000);
	struct sstate_key key;
	unsigned n;

	for (n = 0; n < 5000; n++) {
		key = kit_key(n, "app");
		if (drv->create(c, &key, &rec, err) != 0)
			break;
	}
	return n;
}

static void
full(const char *options, const char *what)
{
	static char body[900];
	struct sstate_error err = { 0 };
	struct sstate_record rec;
	struct sstate_key key;
	unsigned n, i, bad = 0;
	uint64_t gone;
	char store[KIT_PATH];
	void *c;

	if (small(options) != 0) {
		tap_skip("cannot mount a tmpfs here");
		return;
	}
	(void)snprintf(store, sizeof(store), "%s/store", dir);
	c = kit_open(store, "");
	n = fill(c, &err);
	T(n > 5 && err.code == SSTATE_ESTORE && err.sys == ENOSPC,
	    "no more %s after %u records: %s", what, n, err.text);
	rec = kit_rec(2, body, sizeof(body) - 150, 1000);
	for (i = 0; i < n; i++) {
		key = kit_key(i, "app");
		bad += kit_get(&got, c, &key) != 0;
		bad += drv->replace(c, &key, 1, &rec, NULL) != 0;
		bad += kit_get(&got, c, &key) != 0 || got.rec.rev != 2;
	}
	T(bad == 0, "no more %s: each is read, and written in place", what);
	rec = kit_rec(3, store, sizeof(store), 1000);
	key = kit_key(0, "app");
	memset(&err, 0, sizeof(err));
	T(drv->replace(c, &key, 2, &rec, &err) == SSTATE_ESTORE &&
		err.sys == ENOSPC && kit_get(&got, c, &key) == 0 &&
		got.rec.rev == 2,
	    "growth fails, the old record is whole: %s", err.text);
	for (i = 0; i < n / 2; i++) {
		key = kit_key(i, "app");
		bad += drv->remove(c, &key, 2, NULL) != 0;
		bad += kit_get(&got, c, &key) != SSTATE_ENOTFOUND;
	}
	T(bad == 0, "no more %s: ending works", what);
	T(drv->reap(&gone, c, "app", 1000, 0, NULL) == 0 && gone == n - n / 2,
	    "reaping too");
	T(fill(c, &err) + 2 >= n, "and then there is room again");
	drv->close(c);
	if (umount(dir) != 0)
		perror("umount");
}

/* RLIMIT_FSIZE: an error, and no signal to the application. */
static void
limited(void)
{
	static char body[9000];
	struct sstate_record rec = kit_rec(1, body, 10, 1000);
	struct sstate_record big = kit_rec(2, body, sizeof(body), 1000);
	struct sstate_key key = kit_key(1, "app");
	struct rlimit rl, was;
	struct sstate_error err = { 0 };
	sigset_t set;
	void *c;

	(void)getrlimit(RLIMIT_FSIZE, &was);
	rl = was;
	rl.rlim_cur = 4096;
	kit_may(setrlimit(RLIMIT_FSIZE, &rl));
	c = kit_open(dir, "");
	T(drv->create(c, &key, &rec, &err) == 0, "RLIMIT_FSIZE: what fits");
	T(drv->replace(c, &key, 1, &big, &err) == SSTATE_ESTORE &&
		err.sys == EFBIG,
	    "and what does not: %s", err.text);
	T(sigpending(&set) == 0 && !sigismember(&set, SIGXFSZ) &&
		sigprocmask(SIG_BLOCK, NULL, &set) == 0 &&
		!sigismember(&set, SIGXFSZ),
	    "without SIGXFSZ");
	T(kit_get(&got, c, &key) == 0 && got.rec.rev == 1 &&
		drv->remove(c, &key, 1, &err) == 0,
	    "it can be read and ended");
	kit_may(setrlimit(RLIMIT_FSIZE, &was));
	drv->close(c);
}

int
main(void)
{
	kit_tmp(dir, sizeof(dir));
	limited();
	kit_rm(dir);
	kit_tmp(dir, sizeof(dir));
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		tap_skip("a full disk: needs root, to mount a small one");
	else {
		full("size=512k,mode=700", "blocks");
		full("size=16m,nr_inodes=80,mode=700", "inodes");
	}
	kit_rm(dir);
	return tap_done();
}
