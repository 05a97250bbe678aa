/*
 * file_safe_test.c - file: what others may have planted, R-102, F-01..F-06
 *
 * As root it acts as uid 65534 and plants what belongs to others; as an
 * ordinary user it leaves that out.
 */
#include "file_kit.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "store/file_dir.h"

enum { SELF = 65534, OTHER = 1, EXPIRES = 1000 };

static struct got got;
static char top[KIT_PATH];
static int root;

/* Run fn as the unprivileged user, in a child; what it returns. */
static int
as_user(int (*fn)(const char *path, int arg), const char *path, int arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (root && (setgid(SELF) != 0 || setuid(SELF) != 0))
			_exit(99);
		_exit(-fn(path, arg) & 0xff);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -255;
	return -WEXITSTATUS(status);
}

static int
try_open(const char *path, int flags)
{
	struct sstate_error err;
	void *c;
	int r = kit_open_flags(&c, path, "", (uint32_t)flags, &err);

	drv->close(c);
	return r;
}

static void
give(const char *path, uid_t uid, mode_t mode)
{
	if (root && chown(path, uid, uid) != 0)
		perror(path);
	if (chmod(path, mode) != 0)
		perror(path);
}

static void
sub(char *out, const char *name)
{
	(void)snprintf(out, KIT_PATH, "%.255s/%s", top, name);
}

static uid_t
self(void)
{
	return root ? SELF : geteuid();
}

/* ---- F-02, F-03: who may own it, who may enter ------------------------ */

static void
parents(void)
{
	static const mode_t modes[] = { 0711, 0755, 0775, 0757, 0777, 0731,
		0713, 0751 };
	const uid_t owners[] = { self(), 0, OTHER };
	char parent[KIT_PATH], store[KIT_PATH + 8];
	unsigned wrong = 0, n = 0, o, m, sticky;
	int want, r;

	sub(parent, "parent");
	(void)snprintf(store, sizeof(store), "%s/store", parent);
	(void)mkdir(parent, 0700);
	(void)mkdir(store, 0700);
	give(store, self(), 0700);
	for (o = 0; o < (root ? 3u : 1u); o++)
		for (m = 0; m < 8; m++)
			for (sticky = 0; sticky < 2; sticky++, n++) {
				give(parent, owners[o],
				    modes[m] | (sticky ? S_ISVTX : 0));
				want =
				    o < 2 && ((modes[m] & 022) == 0 || sticky)
				    ? 0
				    : SSTATE_EUNSAFE;
				r = as_user(try_open, store, 0);
				if (r != want)
					printf("# owner %u mode %04o sticky "
					       "%u: %d\n",
					    owners[o], modes[m], sticky, r);
				wrong += r != want;
			}
	T(wrong == 0, "F-02 parents: %u cases of owner, mode, sticky", n);
	if (!root)
		tap_skip("F-02 foreign owners: needs root to plant them");
	(void)rmdir(store);
	(void)rmdir(parent);
}

static void
itself(void)
{
	static const mode_t modes[] = { 0700, 0710, 0701, 0720, 0702, 0740,
		0704, 0777 };
	const uid_t owners[] = { self(), 0, OTHER };
	char store[KIT_PATH];
	unsigned wrong = 0, n = 0, o, m;
	struct stat st;

	sub(store, "itself");
	(void)mkdir(store, 0700);
	for (o = 0; o < (root ? 3u : 1u); o++)
		for (m = 0; m < 8; m++, n++) {
			give(store, owners[o], modes[m]);
			wrong += as_user(try_open, store, 0) !=
			    (o == 0 && m == 0 ? 0 : SSTATE_EUNSAFE);
			wrong += stat(store, &st) != 0 ||
			    (st.st_mode & 0777) != modes[m];
		}
	T(wrong == 0, "F-03 the directory: %u cases, none is mended", n);
	(void)rmdir(store);
}

static void
links(void)
{
	char real[KIT_PATH], link[KIT_PATH], below[KIT_PATH + 8];
	int fd;

	sub(real, "real");
	sub(link, "link");
	(void)mkdir(real, 0700);
	give(real, self(), 0700);
	T(symlink(real, link) == 0 &&
		as_user(try_open, link, 0) == SSTATE_EUNSAFE,
	    "F-01 a symbolic link to the directory is refused");
	(void)snprintf(below, sizeof(below), "%s/store", link);
	T(as_user(try_open, below, 0) == SSTATE_EUNSAFE,
	    "F-02 nor is one on the way to it followed");
	(void)unlink(link);
	fd = open(link, O_WRONLY | O_CREAT, 0600);
	(void)close(fd);
	T(as_user(try_open, link, 0) == SSTATE_EUNSAFE,
	    "F-01 a file is no directory");
	(void)unlink(link);
	T(as_user(try_open, link, SSTATE_NO_CREATE) == SSTATE_ESTORE &&
		access(link, F_OK) != 0,
	    "NO_CREATE makes no directory");
	(void)rmdir(real);
}

static int
made_with(const char *path, int mask)
{
	struct stat st;
	int r;

	(void)umask((mode_t)mask);
	r = try_open(path, 0);
	if (r == 0 && (stat(path, &st) != 0 || (st.st_mode & 07777) != 0700))
		return SSTATE_EUNSAFE;
	return r;
}

static int
modes_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
	/* An entry of the user index is a name; nobody opens it. */
	if (type == FTW_F && strstr(path, "/u/") != NULL && w->level > 3)
		return (st->st_mode & 07177) != 0;
	return (st->st_mode & 07777) != (type == FTW_F ? 0600u : 0700u);
}

/* Everything that is made, under a umask; then done once more. */
static int
work_with(const char *path, int mask)
{
	struct sstate_record rec = kit_rec(1, "body", 4, EXPIRES);
	static char big[5000];
	struct sstate_key key = kit_key(1, "app"), two = kit_key(2, "app");
	int64_t seen;
	uint64_t n;
	void *c, *d;
	int r;

	(void)umask((mode_t)mask);
	memset(big, 1, sizeof(big));
	c = kit_open(path, "?sync=data");
	d = kit_open(path, "?sync=none");
	kit_tag(&rec, 4);
	r = drv->create(c, &key, &rec, NULL);
	if (r == 0)
		r = drv->create(d, &two, &rec, NULL);
	rec.rev = 2;
	rec.body.ptr = big;
	rec.body.len = sizeof(big);
	if (r == 0)
		r = drv->replace(d, &key, 1, &rec, NULL);
	if (r == 0)
		r = drv->latest(&seen, c, 5, NULL);
	if (r == 0)
		r = nftw(path, modes_one, 16, FTW_PHYS) != 0 ? -50 : 0;
	if (r == 0)
		r = drv->reap(&n, c, "app", EXPIRES, 0, NULL);
	if (r == 0 && n != 2)
		r = -51;
	drv->close(c);
	drv->close(d);
	return r;
}

static void
umasks(void)
{
	static const int masks[] = { 0, 0777, 022, 0277 };
	char store[KIT_PATH];
	size_t i;
	int a, b;

	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		sub(store, "made/with/umask");
		a = as_user(made_with, store, masks[i]);
		b = as_user(work_with, store, masks[i]);
		T(a == 0 && b == 0,
		    "F-03 umask %04o: directories are 0700, "
		    "files 0600, and it works (%d, %d)",
		    masks[i], a, b);
		sub(store, "made");
		kit_rm(store);
	}
}

static int
moves(const char *path, int arg)
{
	struct sstate_record rec = kit_rec(1, "body", 4, 0);
	struct sstate_key key = kit_key(1, "app");
	char away[KIT_PATH];
	void *c;

	(void)arg;
	if (chdir(path) != 0)
		return -60;
	c = kit_open("relative", "");
	if (chdir("/") != 0 || drv->create(c, &key, &rec, NULL) != 0)
		return -61;
	(void)snprintf(away, sizeof(away), "%s/away", path);
	if (chdir(path) != 0 || rename("relative", away) != 0)
		return -62;
	if (symlink("/etc", "relative") != 0)
		return -63;
	rec.rev = 2;
	if (kit_get(&got, c, &key) != 0 ||
	    drv->replace(c, &key, 1, &rec, NULL) != 0)
		return -64;
	drv->close(c);
	return 0;
}

static void
moved(void)
{
	char home[KIT_PATH];
	int r;

	sub(home, "home");
	(void)mkdir(home, 0700);
	give(home, self(), 0700);
	r = as_user(moves, home, 0);
	T(r == 0,
	    "F-01 neither chdir nor a rename of the directory leads "
	    "astray (%d)",
	    r);
	kit_rm(home);
}

static void
systems(void)
{
	static const unsigned long yes[] = { 0xef53, 0x01021994, 0x58465342,
		0x9123683e, 0x794c7630, 0x65735546, 0x01021997 };
	static const unsigned long no[] = { 0x6969, 0x517b, 0xff534d42,
		0xfe534d42, 0x5346414f, 0x73757245, 0x564c,
		0xffffffffff534d42 };
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		T(fdir_refused(yes[i]) == NULL, "F-05 type %#lx is local",
		    yes[i]);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		T(fdir_refused(no[i]) != NULL, "F-05 %s is refused",
		    fdir_refused(no[i]));
}

/* ---- 3.2: what lies under a record's name ----------------------------- */

struct plant {
	const char *what;
	int code; /* of get */
	int needs_root;
};

static const struct plant plants[] = {
	{ "symbolic link", SSTATE_EUNSAFE, 0 },
	{ "link to nowhere", SSTATE_EUNSAFE, 0 },
	{ "hard link", SSTATE_EUNSAFE, 0 },
	{ "FIFO", SSTATE_EUNSAFE, 0 },
	{ "directory", SSTATE_EUNSAFE, 0 },
	{ "socket", SSTATE_EUNSAFE, 0 },
	{ "group may read", SSTATE_EUNSAFE, 0 },
	{ "another owner", SSTATE_EUNSAFE, 1 },
	{ "huge sparse file", SSTATE_ETOOBIG, 0 },
	{ "no bytes", SSTATE_EAUTH, 0 },
	{ "some text", SSTATE_EAUTH, 0 },
};

static void
socket_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char *slash = strrchr(path, '/');
	char dir[KIT_PATH];
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	/* The name alone fits: from inside the directory. */
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", slash + 1);
	if (chdir(dir) != 0 || bind(s, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		perror("bind");
	(void)close(s);
}

static void
plant(size_t i, const char *path, const char *victim)
{
	int fd = -1;

	(void)unlink(path);
	switch (i) {
	case 0:
		kit_may(symlink(victim, path));
		break;
	case 1:
		kit_may(symlink("/nowhere/at/all", path));
		break;
	case 2:
		kit_may(link(victim, path));
		break;
	case 3:
		(void)mkfifo(path, 0600);
		break;
	case 4:
		(void)mkdir(path, 0700);
		break;
	case 5:
		socket_at(path);
		break;
	default:
		fd = open(path, O_RDWR | O_CREAT, 0600);
		if (i == 8)
			kit_may(ftruncate(fd, (off_t)1 << 32));
		if (i != 8 && i != 9)
			kit_may(write(fd, "some text", 9));
		(void)fchmod(fd, i == 6 ? 0640 : 0600);
		(void)close(fd);
	}
	if (root)
		kit_may(lchown(path, i == 7 ? OTHER : SELF, SELF));
}

static int
list_one(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(int *)arg;
	return 0;
}

/* All functions meet it; 0 if each refuses, and it is still there. */
static int
meet(const char *store, int i)
{
	struct sstate_record rec = kit_rec(2, "other", 5, EXPIRES);
	struct sstate_key key = kit_key(1, "app");
	struct stat was, is;
	char path[KIT_PATH], boot[KIT_PATH];
	int listed = 0, r;
	uint64_t n;
	void *c = kit_open(store, "");

	kit_path(path, store, &key);
	(void)snprintf(boot, sizeof(boot), "%s/n.app/boot", store);
	if (lstat(path, &was) != 0)
		return -40;
	if ((r = kit_get(&got, c, &key)) != plants[i].code || got.calls != 0)
		return r;
	if (drv->replace(c, &key, 1, &rec, NULL) != plants[i].code)
		return -42;
	r = drv->create(c, &key, &rec, NULL);
	if (r != SSTATE_EUNSAFE && r != SSTATE_EEXIST && r != SSTATE_ETOOBIG)
		return -43;
	if (drv->remove(c, &key, 1, NULL) != plants[i].code)
		return -44;
	if (drv->each(c, "app", NULL, list_one, &listed, NULL) != 0 ||
	    listed != 0)
		return -45;
	if (drv->reap(&n, c, "app", EXPIRES, 0, NULL) != 0 || n != 0)
		return -46;
	if (lstat(path, &is) != 0 || was.st_ino != is.st_ino ||
	    was.st_size != is.st_size || was.st_nlink != is.st_nlink)
		return -47;
	drv->close(c);
	/* And the look at everything after another boot. */
	c = kit_open(store, "");
	(void)unlink(boot);
	if (drv->reap(&n, c, "app", EXPIRES, 0, NULL) != 0 || n != 0)
		return -48;
	/* What a power cut may have left of ours goes then. */
	if (i != 9 && (lstat(path, &is) != 0 || was.st_ino != is.st_ino))
		return -49;
	drv->close(c);
	return 0;
}

static int
prepare(const char *store, int arg)
{
	struct sstate_record rec = kit_rec(1, "record", 6, EXPIRES);
	struct sstate_key key = kit_key(1, "app");
	void *c = kit_open(store, "");
	int r = drv->create(c, &key, &rec, NULL);

	(void)arg;
	drv->close(c);
	return r;
}

static void
planted(void)
{
	static const char text[] = "SSF1 a file of somebody else";
	struct sstate_key key = kit_key(1, "app");
	char store[KIT_PATH], victim[KIT_PATH], path[KIT_PATH], buf[64];
	ssize_t len;
	size_t i;
	int fd, r;

	sub(store, "store");
	sub(victim, "victim");
	for (i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
		if (plants[i].needs_root && !root) {
			tap_skip("3.2 another owner: needs root to plant it");
			continue;
		}
		fd = open(victim, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		kit_may(write(fd, text, sizeof(text)));
		(void)close(fd);
		give(victim, self(), 0600);
		r = as_user(prepare, store, 0);
		kit_path(path, store, &key);
		plant(i, path, victim);
		if (r == 0)
			r = as_user(meet, store, (int)i);
		fd = open(victim, O_RDONLY);
		len = read(fd, buf, sizeof(buf));
		(void)close(fd);
		/* F-04: fs.protected_* acts in sticky directories, not here. */
		T(r == 0 && len == sizeof(text) &&
			memcmp(buf, text, sizeof(text)) == 0,
		    "R-102, F-04 %s under a record's name: refused, not "
		    "touched "
		    "(%d)",
		    plants[i].what, r);
		kit_rm(store);
		(void)unlink(victim);
	}
}

/* A directory of ours is a link to outside. */
static int
sidestep(const char *store, int arg)
{
	struct sstate_record rec = kit_rec(1, "record", 6, EXPIRES);
	struct sstate_key key = kit_key(1, "app");
	char path[KIT_PATH], out[KIT_PATH];
	uint64_t n;
	void *c;
	int r;

	kit_tag(&rec, 5);
	sub(out, "outside");
	(void)snprintf(path, sizeof(path),
	    arg == 0	   ? "%s/n.app"
		: arg == 1 ? "%s/n.app/x"
		: arg == 2 ? "%s/n.app/u"
			   : "%s/n.app/%02x",
	    store, key.id[0]);
	c = kit_open(store, "");
	if (arg != 0)
		(void)snprintf(got.body, sizeof(got.body), "%s/n.app", store);
	if (arg != 0 && mkdir(got.body, 0700) != 0)
		return -70;
	if (symlink(out, path) != 0)
		return -71;
	if ((r = drv->create(c, &key, &rec, NULL)) == 0)
		return -72;
	(void)drv->remove(c, &key, SSTATE_ANY_REV, NULL);
	(void)drv->reap(&n, c, "app", EXPIRES, 0, NULL);
	drv->close(c);
	return 0;
}

static void
sidesteps(void)
{
	static const char *const which[] = { "namespace", "expiry index",
		"user index", "sub-directory" };
	char store[KIT_PATH], out[KIT_PATH];
	int i, r;

	sub(store, "store");
	sub(out, "outside");
	for (i = 0; i < 4; i++) {
		(void)mkdir(out, 0700);
		give(out, self(), 0700);
		r = as_user(sidestep, store, i);
		T(r == 0 && rmdir(out) == 0,
		    "R-102 a link in place of the "
		    "%s: nothing is made outside (%d)",
		    which[i], r);
		kit_rm(store);
	}
}

/* Root could open it: only the look at the owner refuses. */
static void
foreign(void)
{
	struct sstate_record rec = kit_rec(1, "record", 6, EXPIRES);
	struct sstate_key key = kit_key(1, "app");
	char store[KIT_PATH], path[KIT_PATH];
	void *c;

	if (!root) {
		tap_skip("3.2 another owner's file, as root: needs root");
		return;
	}
	kit_tmp(store, KIT_DIR);
	c = kit_open(store, "");
	kit_path(path, store, &key);
	T(drv->create(c, &key, &rec, NULL) == 0 &&
		chown(path, OTHER, OTHER) == 0 &&
		kit_get(&got, c, &key) == SSTATE_EUNSAFE &&
		drv->remove(c, &key, 1, NULL) == SSTATE_EUNSAFE,
	    "3.2 another owner's file is refused to root too");
	drv->close(c);
	kit_rm(store);
}

int
main(void)
{
	root = geteuid() == 0;
	(void)umask(022);
	kit_tmp(top, sizeof(top));
	give(top, self(), 0755);
	parents();
	itself();
	links();
	umasks();
	moved();
	systems();
	planted();
	sidesteps();
	foreign();
	kit_may(chdir("/"));
	kit_rm(top);
	return tap_done();
}
