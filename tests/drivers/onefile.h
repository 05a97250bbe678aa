/*
 * onefile.h - what every store that is one file on a disk must hold
 *
 *	static struct onefile o = { .driver = &sstate_driver_v1_x,
 *	    .scheme = "x", .beside = { "-wal", NULL } };
 *	onefile_begin(&o);
 *	onefile_safe(&o);	whose files and directories are refused
 *	onefile_uris(&o, bad);	which URIs are
 *	onefile_full(&o);	a full disk
 *	onefile_killed(&o, check);
 *
 * o.beside names the files that the engine keeps next to it.  A program
 * that includes this is linked with -Wl,--wrap=fstatfs.
 */
#ifndef ONEFILE_H
#define ONEFILE_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "kit.h"

#include "../session/kit.h"

struct onefile {
	const struct sstate_driver *driver;
	const char *scheme;
	const char *beside[4];
	const char *quick; /* "?sync=none" */
	char dir[256];
};

enum { ONEFILE_OTHER = 65534, ONEFILE_PATH = 512 };

KIT void
onefile_begin(struct onefile *o)
{
	kit_folder(o->dir);
}

/* A path in the folder. */
KIT const char *
onefile_at(const struct onefile *o, const char *name, const char *more)
{
	static char path[16][ONEFILE_PATH];
	static int i;

	i = (i + 1) % 16;
	(void)snprintf(path[i], sizeof(path[i]), "%s/%s%s", o->dir, name, more);
	return path[i];
}

KIT struct sstate_store *
onefile_flags(const struct onefile *o, const char *path, const char *params,
    uint32_t flags, struct sstate_error *err)
{
	const struct sstate_driver *drivers[] = { o->driver, NULL };
	struct sstate_options so = SSTATE_OPTIONS_INIT;
	char uri[ONEFILE_PATH + 64];
	const char *stores[] = { uri, NULL };
	struct sstate_store *s;

	memset(err, 0, sizeof(*err));
	(void)snprintf(uri, sizeof(uri), "%s:%s%s", o->scheme, path, params);
	so.stores = stores;
	so.drivers = drivers;
	so.ns = CONFORM_NS;
	so.flags = SSTATE_NO_PLUGINS | flags;
	return sstate_store_open(&s, &so, err) == 0 ? s : NULL;
}

KIT struct sstate_store *
onefile_open(const struct onefile *o, const char *path,
    struct sstate_error *err)
{
	return onefile_flags(o, path, o->quick, 0, err);
}

KIT void *
onefile_ctx(struct sstate_store *s)
{
	void *ctx;

	(void)sstate_store_driver(s, &ctx);
	return ctx;
}

/* Record n is written, read and left there. */
KIT int
onefile_works(const struct onefile *o, struct sstate_store *s, uint64_t n)
{
	struct conform c = { .driver = o->driver };
	struct sstate_key k = conform_key(CONFORM_NS, n);
	struct sstate_record a = conform_rec("one", 3, CONFORM_LIVE, 1);
	struct sstate_record b = conform_rec("two", 3, CONFORM_LIVE, 2);
	void *ctx = onefile_ctx(s);

	return o->driver->create(ctx, &k, &a, NULL) == 0 &&
	    o->driver->replace(ctx, &k, 1, &b, NULL) == 0 &&
	    conform_is(&c, ctx, &k, &b);
}

KIT int
onefile_opens(const struct onefile *o, const char *path, int code,
    const char *what)
{
	struct sstate_error err;
	struct sstate_store *s = onefile_open(o, path, &err);
	int good = code == 0 ? s != NULL : s == NULL && err.code == code;

	T(good, "%s: %d %s", what, err.code, err.text);
	T(strchr(err.text, '\n') == NULL &&
		(code == 0 ||
		    strncmp(err.text, o->scheme, strlen(o->scheme)) == 0),
	    "%s: one line that begins with the store's name", what);
	sstate_store_close(s);
	return good;
}

KIT int
onefile_mode(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

/* ---- Where it lies ---------------------------------------------------- */

static long onefile_fs; /* what a file system says that it is; 0: the truth */

int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);

int
__wrap_fstatfs(int fd, struct statfs *fs)
{
	int r = __real_fstatfs(fd, fs);

	if (onefile_fs != 0)
		fs->f_type = (__typeof__(fs->f_type))onefile_fs;
	return r;
}

KIT void
onefile_far(const struct onefile *o)
{
	static const long far[] = { 0x6969, 0x517b, 0xff534d42, 0xfe534d42,
		0x5346414f, 0x6b414653, 0x73757245, 0x564c };
	const char *file = onefile_at(o, "far.db", "");
	size_t i;

	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		onefile_fs = far[i];
		(void)onefile_opens(o, file, SSTATE_EUNSAFE,
		    "a file system of several hosts");
	}
	onefile_fs = 0;
	T(onefile_mode(file) == -1, "nothing was made there");
}

/* ---- Whose files are refused ------------------------------------------ */

KIT void
onefile_made(const struct onefile *o)
{
	const char *file = onefile_at(o, "made/deep/x.db", "");
	struct sstate_error err;
	struct sstate_store *s;
	mode_t was = umask(0);
	size_t i;

	s = onefile_flags(o, file, "", SSTATE_NO_CREATE, &err);
	T(s == NULL && err.code == SSTATE_ESTORE && err.sys == ENOENT &&
		onefile_mode(onefile_at(o, "made", "")) == -1,
	    "SSTATE_NO_CREATE makes no directory: %s", err.text);
	NEED((s = onefile_open(o, file, &err)) != NULL, "it is made: %s",
	    err.text);
	T(onefile_works(o, s, 1), "and works");
	T(onefile_mode(file) == 0600 &&
		onefile_mode(onefile_at(o, "made/deep", "")) == 0700,
	    "R-76 mode 0600 in a directory of mode 0700, whatever the umask");
	for (i = 0; o->beside[i] != NULL; i++) {
		const char *p = onefile_at(o, "made/deep/x.db", o->beside[i]);
		int mode = onefile_mode(p);

		T(mode == -1 || mode == 0600, "R-76 %s: mode %o", o->beside[i],
		    (unsigned)mode);
	}
	sstate_store_close(s);
	(void)umask(was);
	s = onefile_flags(o, onefile_at(o, "made/deep/y.db", ""), "",
	    SSTATE_NO_CREATE, &err);
	T(s == NULL && err.code == SSTATE_ESTORE && err.sys == ENOENT &&
		onefile_mode(onefile_at(o, "made/deep/y.db", "")) == -1,
	    "SSTATE_NO_CREATE makes no file: %s", err.text);
	s = onefile_flags(o, file, "", SSTATE_NO_CREATE, &err);
	T(s != NULL, "SSTATE_NO_CREATE opens what is there: %s", err.text);
	sstate_store_close(s);
}

/* What is refused in the place of the file, or of one beside it. */
KIT void
onefile_planted(const struct onefile *o, const char *suffix)
{
	const char *file = onefile_at(o, "plant.db", "");
	const char *at = onefile_at(o, "plant.db", suffix);
	const char *aim = onefile_at(o, "aim", "");
	char what[80];
	int fd;

	(void)close(open(aim, O_CREAT | O_WRONLY, 0600));
	(void)snprintf(what, sizeof(what), "R-102 plant.db%s is a link",
	    suffix);
	(void)unlink(at);
	NEED(symlink(aim, at) == 0, "a link");
	(void)onefile_opens(o, file, SSTATE_EUNSAFE, what);
	T(onefile_mode(aim) == 0600 && kit_files(o->dir) != 0,
	    "and nothing came through it");
	(void)unlink(at);
	(void)snprintf(what, sizeof(what), "R-102 plant.db%s has two names",
	    suffix);
	NEED(link(aim, at) == 0, "a second name");
	(void)onefile_opens(o, file, SSTATE_EUNSAFE, what);
	(void)unlink(at);
	(void)snprintf(what, sizeof(what), "R-102 plant.db%s is a directory",
	    suffix);
	NEED(mkdir(at, 0700) == 0, "a directory");
	(void)onefile_opens(o, file, SSTATE_EUNSAFE, what);
	(void)rmdir(at);
	(void)snprintf(what, sizeof(what), "R-102 plant.db%s is a pipe",
	    suffix);
	NEED(mkfifo(at, 0600) == 0, "a pipe");
	(void)onefile_opens(o, file, SSTATE_EUNSAFE, what);
	(void)unlink(at);
	fd = open(at, O_CREAT | O_WRONLY, 0600);
	NEED(fd >= 0, "a file");
	(void)fchmod(fd, 0640);
	(void)snprintf(what, sizeof(what), "R-76 plant.db%s of mode 0640",
	    suffix);
	(void)onefile_opens(o, file, SSTATE_EUNSAFE, what);
	(void)fchmod(fd, 0600);
	(void)snprintf(what, sizeof(what), "R-76 plant.db%s of another user",
	    suffix);
	if (geteuid() != 0)
		tap_skip("a foreign owner: needs root");
	else if (fchown(fd, ONEFILE_OTHER, (gid_t)-1) == 0)
		(void)onefile_opens(o, file, SSTATE_EUNSAFE, what);
	(void)close(fd);
	(void)unlink(at);
}

KIT void
onefile_parents(const struct onefile *o)
{
	const char *dir = onefile_at(o, "way", "");
	const char *file = onefile_at(o, "way/x.db", "");

	NEED(mkdir(dir, 0700) == 0, "a directory");
	(void)chmod(dir, 0770);
	(void)onefile_opens(o, file, SSTATE_EUNSAFE,
	    "R-76 a directory that a group can write");
	(void)chmod(dir, 01777);
	(void)onefile_opens(o, file, SSTATE_EUNSAFE,
	    "R-76 a directory where all can make files, sticky or not");
	T(onefile_mode(file) == -1, "nothing was made in it");
	(void)onefile_opens(o, onefile_at(o, "way/mine/x.db", ""), 0,
	    "one below a sticky one is made");
	(void)chmod(dir, 0755);
	(void)onefile_opens(o, file, 0, "a directory that others can read");
	NEED(symlink("way", onefile_at(o, "by", "")) == 0, "a link");
	(void)onefile_opens(o, onefile_at(o, "by/x.db", ""), SSTATE_EUNSAFE,
	    "R-102 a way by a link");
	if (geteuid() != 0) {
		tap_skip("a foreign directory: needs root");
		return;
	}
	NEED(chown(dir, ONEFILE_OTHER, (gid_t)-1) == 0, "a foreign owner");
	(void)onefile_opens(o, file, SSTATE_EUNSAFE,
	    "R-76 a directory of another user");
	NEED(chown(dir, 0, (gid_t)-1) == 0, "and back");
}

/* Root, asked to make nothing, works on another user's store. */
KIT void
onefile_guest(const struct onefile *o)
{
	const char *dir = onefile_at(o, "guest", "");
	const char *file = onefile_at(o, "guest/x.db", "");
	struct sstate_error err;
	struct sstate_store *s;
	struct stat st;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0) {
		tap_skip("root as a guest: needs root");
		return;
	}
	NEED(chmod(o->dir, 0755) == 0 && mkdir(dir, 0700) == 0 &&
		chown(dir, ONEFILE_OTHER, ONEFILE_OTHER) == 0,
	    "a user's directory");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (setgid(ONEFILE_OTHER) != 0 || setuid(ONEFILE_OTHER) != 0 ||
		    (s = onefile_open(o, file, &err)) == NULL ||
		    !onefile_works(o, s, 1))
			_exit(1);
		sstate_store_close(s);
		_exit(0);
	}
	T(waitpid(pid, &status, 0) == pid && status == 0,
	    "its user makes a store");
	(void)onefile_opens(o, file, SSTATE_EUNSAFE,
	    "R-76 root as such does not use it");
	s = onefile_flags(o, file, o->quick, SSTATE_NO_CREATE, &err);
	T(s != NULL && onefile_works(o, s, 2),
	    "with SSTATE_NO_CREATE root may: %s", err.text);
	T(stat(file, &st) == 0 && st.st_uid == ONEFILE_OTHER,
	    "the file stays its user's");
	sstate_store_close(s);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (setgid(ONEFILE_OTHER) != 0 || setuid(ONEFILE_OTHER) != 0 ||
		    (s = onefile_open(o, file, &err)) == NULL ||
		    !onefile_works(o, s, 3))
			_exit(1);
		sstate_store_close(s);
		_exit(0);
	}
	T(waitpid(pid, &status, 0) == pid && status == 0,
	    "its user goes on with it");
}

KIT void
onefile_safe(const struct onefile *o)
{
	size_t i;

	onefile_made(o);
	onefile_far(o);
	onefile_planted(o, "");
	for (i = 0; o->beside[i] != NULL; i++)
		onefile_planted(o, o->beside[i]);
	onefile_parents(o);
	onefile_guest(o);
}

/* ---- URIs ------------------------------------------------------------- */

struct onefile_uri {
	const char *rest; /* of the URI, after the colon */
	int code;
};

KIT void
onefile_uris(const struct onefile *o, const struct onefile_uri *bad, size_t n)
{
	struct sstate_error err;
	struct sstate_store *s;
	unsigned files = kit_files(o->dir);
	size_t i;

	for (i = 0; i < n; i++) {
		s = onefile_flags(o, bad[i].rest, "", 0, &err);
		T(s == NULL && err.code == bad[i].code, "%s:%s is %d: %s",
		    o->scheme, bad[i].rest, bad[i].code, err.text);
		sstate_store_close(s);
	}
	T(kit_files(o->dir) == files, "none of them made a file");
}

/* ---- Sizes ------------------------------------------------------------ */

KIT void
onefile_bounds(const struct onefile *o)
{
	static char body[2000];
	struct conform c = { .driver = o->driver };
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record fits = conform_rec(body, 1000, CONFORM_LIVE, 1);
	struct sstate_record over = conform_rec(body, 1001, CONFORM_LIVE, 2);
	const char *file = onefile_at(o, "bounds.db", "");
	struct sstate_error err;
	struct sstate_store *s;
	void *ctx;

	NEED((s = onefile_flags(o, file, "?max_bytes=1000", 0, &err)) != NULL,
	    "max_bytes=1000: %s", err.text);
	ctx = onefile_ctx(s);
	T(o->driver->create(ctx, &k, &over, &err) == SSTATE_ETOOBIG &&
		conform_gone(&c, ctx, &k),
	    "R-98 1001 bytes are not created: %s", err.text);
	T(o->driver->create(ctx, &k, &fits, &err) == 0 &&
		o->driver->replace(ctx, &k, 1, &over, &err) == SSTATE_ETOOBIG &&
		conform_is(&c, ctx, &k, &fits),
	    "R-98 1000 are, and 1001 do not replace them: %s", err.text);
	sstate_store_close(s);
}

/* ---- How many --------------------------------------------------------- */

/* pct is how far it may be off, where there are many. */
KIT void
onefile_counts(const struct onefile *o, unsigned pct)
{
	static const unsigned at[] = { 0, 1, 2, 511, 512, 513, 1000, 6000 };
	struct sstate_record rec = conform_rec("n", 1, CONFORM_LIVE, 1);
	struct sstate_error err;
	struct sstate_store *s;
	struct sstate_key k;
	unsigned i = 0, j, bad = 0;
	uint64_t about;
	void *ctx;

	NEED((s = onefile_open(o, onefile_at(o, "count.db", ""), &err)) != NULL,
	    "a store");
	ctx = onefile_ctx(s);
	for (j = 0; j < sizeof(at) / sizeof(at[0]); j++) {
		uint64_t off = at[j] < 512 ? 0 : (uint64_t)at[j] * pct / 100;

		for (; i < at[j]; i++) {
			k = conform_key(i % 2 ? "one" : "two", i);
			bad += o->driver->create(ctx, &k, &rec, NULL) != 0;
		}
		about = 99;
		bad += o->driver->count(&about, ctx, "one", &err) != 0;
		T(bad == 0 && about + off >= at[j] && about <= at[j] + off,
		    "R-103 of %u records it counts %llu", at[j],
		    (unsigned long long)about);
	}
	for (i = 0; i < 5900; i++) {
		k = conform_key(i % 2 ? "one" : "two", i);
		bad += o->driver->remove(ctx, &k, 1, NULL) != 0;
	}
	T(bad == 0 && o->driver->count(&about, ctx, "one", &err) == 0 &&
		about == 100,
	    "and 100 when the others are removed");
	sstate_store_close(s);
}

/* ---- A full disk ------------------------------------------------------ */

KIT int
onefile_may_mount(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Records until no more go in; how many there are. */
KIT unsigned
onefile_fill(const struct onefile *o, void *ctx, struct sstate_error *err)
{
	static char body[3000];
	struct sstate_record rec =
	    conform_rec(body, sizeof(body), CONFORM_LIVE, 1);
	struct sstate_key k;
	unsigned n;

	for (n = 0; n < 20000; n++) {
		k = conform_key(CONFORM_NS, 5000 + n);
		conform_fill(body, sizeof(body), n);
		if (o->driver->create(ctx, &k, &rec, err) != 0)
			break;
	}
	return n;
}

/* All that was acknowledged is there, whole; how many are not. */
KIT unsigned
onefile_lost(const struct onefile *o, void *ctx, unsigned n)
{
	static char body[3000];
	struct sstate_record rec =
	    conform_rec(body, sizeof(body), CONFORM_LIVE, 1);
	struct conform c = { .driver = o->driver };
	struct sstate_key k;
	unsigned i, lost = 0;

	for (i = 0; i < n; i++) {
		k = conform_key(CONFORM_NS, 5000 + i);
		conform_fill(body, sizeof(body), i);
		lost += !conform_is(&c, ctx, &k, &rec);
	}
	return lost;
}

/* Once may be called; afterwards this process has mounts of its own. */
KIT void
onefile_full(const struct onefile *o)
{
	const char *dir = onefile_at(o, "small", "");
	const char *file = onefile_at(o, "small/x.db", "");
	struct sstate_error err, first;
	struct sstate_store *s;
	unsigned n;
	void *ctx;

	if (!onefile_may_mount()) {
		tap_skip("a full disk: needs root, to mount a small one");
		return;
	}
	NEED(mkdir(dir, 0700) == 0 &&
		mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV,
		    "size=8m,mode=700") == 0,
	    "a disk of 8 MB");
	NEED((s = onefile_open(o, file, &err)) != NULL, "a store: %s",
	    err.text);
	ctx = onefile_ctx(s);
	memset(&first, 0, sizeof(first));
	n = onefile_fill(o, ctx, &first);
	T(n > 100 && first.code == SSTATE_ESTORE && first.sys == ENOSPC,
	    "the disk is full after %u records: %d (%d) %s", n, first.code,
	    first.sys, first.text);
	T(onefile_lost(o, ctx, n) == 0, "each of them is there, whole");
	sstate_store_close(s);
	NEED((s = onefile_open(o, file, &err)) != NULL,
	    "it opens on the full disk: %s", err.text);
	ctx = onefile_ctx(s);
	T(onefile_lost(o, ctx, n) == 0, "each is there then, too");
	NEED(mount("none", dir, NULL, MS_REMOUNT, "size=32m") == 0, "room");
	T(onefile_works(o, s, 1), "and with room again it goes on");
	sstate_store_close(s);
	NEED(mount("none", dir, NULL, MS_REMOUNT | MS_RDONLY, "") == 0,
	    "the disk is read-only");
	s = onefile_open(o, file, &err);
	T(s == NULL && err.code == SSTATE_ESTORE, "which the open says: %d %s",
	    err.code, err.text);
	sstate_store_close(s);
	if (umount(dir) != 0)
		perror("# umount");
}

/* ---- Killed ----------------------------------------------------------- */

/* A child that creates, replaces, tags, removes and reaps for ever. */
KIT void
onefile_churn(const struct onefile *o, const char *file, unsigned me)
{
	static char body[9000];
	struct sstate_record rec;
	struct sstate_error err;
	struct sstate_store *s;
	struct sstate_key k;
	uint64_t i, gone;
	void *ctx;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if ((s = onefile_open(o, file, &err)) == NULL)
		_exit(1);
	ctx = onefile_ctx(s);
	for (i = 0;; i++) {
		size_t n = 1 + (size_t)(conform_mix(i) % sizeof(body));

		k = conform_key(CONFORM_NS, 100000 * me + i % 400);
		conform_fill(body, n, i);
		rec = conform_rec(body, n, 1000 + (int64_t)(i % 7), 1);
		conform_tag(rec.tag, i % 3);
		(void)o->driver->create(ctx, &k, &rec, NULL);
		rec.rev = 2;
		rec.expires = CONFORM_LIVE;
		conform_tag(rec.tag, i % 5);
		(void)o->driver->replace(ctx, &k, 1, &rec, NULL);
		k = conform_key(CONFORM_NS, 100000 * me + conform_mix(i) % 400);
		(void)o->driver->remove(ctx, &k, SSTATE_ANY_REV, NULL);
		if (i % 50 == 0)
			(void)o->driver->reap(&gone, ctx, CONFORM_NS, 2000, 5,
			    NULL);
	}
}

struct onefile_seen {
	unsigned n, tagged;
};

KIT int
onefile_sees(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct onefile_seen *seen = arg;

	(void)key;
	seen->n++;
	seen->tagged += rec->tag[0] != 0 || rec->tag[1] != 0;
	return 0;
}

/* As many by their tags as there are records: the indexes agree. */
KIT int
onefile_agrees(const struct onefile *o, void *ctx)
{
	unsigned char tag[SSTATE_TAG_BYTES];
	struct onefile_seen all = { 0, 0 }, by = { 0, 0 };
	unsigned i;
	uint64_t gone = 0;

	if (o->driver->each(ctx, CONFORM_NS, NULL, onefile_sees, &all, NULL) !=
	    0)
		return 0;
	for (i = 0; i < 5; i++) {
		conform_tag(tag, i);
		if (o->driver->each(ctx, CONFORM_NS, tag, onefile_sees, &by,
			NULL) != 0)
			return 0;
	}
	if (by.n != all.n) {
		printf("# %u records, %u by tag\n", all.n, by.n);
		return 0;
	}
	/* And the index of what expires has them all. */
	if (o->driver->reap(&gone, ctx, CONFORM_NS, CONFORM_LIVE, UINT64_MAX,
		NULL) != 0 ||
	    gone != all.n) {
		printf("# %u records, %llu reaped\n", all.n,
		    (unsigned long long)gone);
		return 0;
	}
	return 1;
}

/* ---- Stopped ---------------------------------------------------------- */

/*
 * A writer that is stopped wherever it was: readers do not notice, writers
 * wait no longer than they were told to, and nothing is stuck once it ends.
 */
KIT void
onefile_stopped(const struct onefile *o)
{
	const char *file = onefile_at(o, "stopped.db", "");
	struct conform c = { .driver = o->driver };
	struct sstate_key k = conform_key(CONFORM_NS, 1);
	struct sstate_record had = conform_rec("two", 3, CONFORM_LIVE, 2);
	unsigned i, busy = 0, odd = 0, unread = 0;
	struct sstate_error err;
	struct sstate_store *s;
	char params[64];
	void *ctx;
	pid_t pid;
	int r;

	(void)snprintf(params, sizeof(params), "%s&timeout_ms=100", o->quick);
	s = onefile_flags(o, file, params, 0, &err);
	NEED(s != NULL && onefile_works(o, s, 1), "timeout_ms=100");
	ctx = onefile_ctx(s);
	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		onefile_churn(o, file, 1);
	for (i = 0; i < 200 && busy < 3; i++) {
		struct timespec nap = { 0, 1000000 + (long)(i * 7919) };
		struct sstate_record next =
		    conform_rec("two", 3, CONFORM_LIVE, had.rev + 1);

		(void)nanosleep(&nap, NULL);
		(void)kill(pid, SIGSTOP);
		unread += !conform_is(&c, ctx, &k, &had);
		r = o->driver->replace(ctx, &k, had.rev, &next, &err);
		if (r == 0)
			had.rev++;
		busy += r == SSTATE_EBUSY;
		odd += r != 0 && r != SSTATE_EBUSY;
		unread += !conform_is(&c, ctx, &k, &had);
		(void)kill(pid, SIGCONT);
	}
	T(busy > 0, "R-34 EBUSY beside a writer that was stopped (%u of %u)",
	    busy, i);
	T(odd == 0, "and nothing else than that or 0 (%u)", odd);
	T(unread == 0, "reading goes on all the time");
	(void)kill(pid, SIGSTOP);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	T(onefile_works(o, s, 2), "killed, it holds up nobody");
	sstate_store_close(s);
}

/* check: the engine's own opinion of its file; 0 is sound. */
KIT void
onefile_killed(const struct onefile *o, int (*check)(const char *file),
    unsigned rounds)
{
	const char *file = onefile_at(o, "killed.db", "");
	struct sstate_error err;
	struct sstate_store *s;
	unsigned i, k, bad = 0, spin;
	pid_t pid[2];

	for (i = 0; i < rounds && bad == 0; i++) {
		struct timespec nap = { 0,
			2000000 + (long)(conform_mix(i) % 30000000) };

		for (k = 0; k < 2; k++) {
			(void)fflush(stdout);
			if ((pid[k] = fork()) == 0)
				onefile_churn(o, file, k);
		}
		(void)nanosleep(&nap, NULL);
		for (k = 0; k < 2; k++) {
			(void)kill(pid[k], SIGKILL);
			(void)waitpid(pid[k], NULL, 0);
		}
		if ((s = onefile_open(o, file, &err)) == NULL) {
			printf("# open: %s\n", err.text);
			bad++;
			continue;
		}
		bad += !onefile_works(o, s, 900000 + i);
		if (i % 4 == 3) {
			for (spin = i - 3; spin <= i; spin++) {
				struct sstate_key key =
				    conform_key(CONFORM_NS, 900000 + spin);

				bad += o->driver->remove(onefile_ctx(s), &key,
					   2, NULL) != 0;
			}
			bad += !onefile_agrees(o, onefile_ctx(s));
		}
		sstate_store_close(s);
		bad += check(file) != 0;
	}
	T(bad == 0,
	    "I1 two writers killed %u times: sound, and each index agrees", i);
}

#endif
