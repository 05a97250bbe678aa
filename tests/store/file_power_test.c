/*
 * file_power_test.c - the power fails at any point of a record's life
 *
 * link: -Wl,--wrap=pwrite,--wrap=write,--wrap=fdatasync,--wrap=fsync
 * link: -Wl,--wrap=renameat,--wrap=linkat,--wrap=unlinkat,--wrap=openat
 * link: -Wl,--wrap=fallocate,--wrap=mkdirat,--wrap=mknodat
 * link: -Wl,--wrap=ftruncate,--wrap=syscall
 *
 * What the driver does to the disk is logged.  Then, for each point of the
 * log, disks are built on which all that was synced is there, and of the
 * rest any choice: each sector of each write and each change of each
 * directory by itself, in any order (a rename is whole).  On each the
 * driver is opened anew and asked.
 */
#include "file_kit.h"

#include <stdarg.h>
#include <sys/syscall.h>

enum {
	OPS = 2000,
	NODES = 300,
	NAMES = 400,
	SECTOR = 512,
	BIG = 6000,
	KEYS = 3
};
enum { TOP = 1 }; /* node of the store's directory */
enum { WRITE, SIZE, TRUNC, SYNC, LINK, UNLINK, RENAME, ACK };

struct op {
	int type, node; /* the file; of a name: where it leads */
	int dir, from; /* nodes */
	char name[80], oldname[80];
	unsigned char *data;
	off_t at;
	size_t n;
	int key; /* ACK: of which record */
	uint64_t rev; /* 0: there is none */
};

static struct {
	int on, n, nodes;
	struct op op[OPS];
	ino_t ino[NODES]; /* latest node of an inode has the last word */
	int is_dir[NODES];
} l;

static struct got got;
static char body[KEYS][16][BIG];
static size_t length[KEYS][16];

static int
node_of(ino_t ino)
{
	int i;

	for (i = l.nodes; i > 0; i--)
		if (l.ino[i] == ino)
			return i;
	return 0;
}

static int
node_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? node_of(st.st_ino) : 0;
}

static struct op *
note(int type, int node)
{
	struct op *o = &l.op[l.n];

	if (l.n + 1 >= OPS || l.nodes + 1 >= NODES) {
		printf("Bail out! the log is full\n");
		exit(1);
	}
	l.n++;
	memset(o, 0, sizeof(*o));
	o->type = type;
	o->node = node;
	return o;
}

static int
fresh(int at, const char *path, int flags)
{
	struct stat st;

	if (fstatat(at, path, &st, flags) != 0)
		return 0;
	l.ino[++l.nodes] = st.st_ino;
	l.is_dir[l.nodes] = S_ISDIR(st.st_mode);
	return l.nodes;
}

/* The directory's node, and the last part of path. */
static int
split(int at, const char *path, char *name)
{
	char up[256];
	const char *slash = strrchr(path, '/');
	struct stat st;

	(void)snprintf(name, 80, "%s", slash != NULL ? slash + 1 : path);
	(void)snprintf(up, sizeof(up), "%.*s",
	    slash != NULL ? (int)(slash - path) : 1,
	    slash != NULL ? path : ".");
	return fstatat(at, up, &st, 0) == 0 ? node_of(st.st_ino) : 0;
}

static void
note_name(int at, const char *path, int node)
{
	struct op *o = note(LINK, node);

	o->dir = split(at, path, o->name);
}

static void
note_data(int fd, const void *p, size_t n, off_t at)
{
	struct op *o = note(WRITE, node_of_fd(fd));

	if ((o->data = malloc(n)) == NULL)
		exit(1);
	memcpy(o->data, p, n);
	o->n = n;
	o->at = at;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
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
int __real_mkdirat(int a, const char *p, mode_t mode);
int __wrap_mkdirat(int a, const char *p, mode_t mode);
int __real_mknodat(int a, const char *p, mode_t mode, dev_t dev);
int __wrap_mknodat(int a, const char *p, mode_t mode, dev_t dev);
int __real_ftruncate(int fd, off_t n);
int __wrap_ftruncate(int fd, off_t n);
long __real_syscall(long n, ...);
long __wrap_syscall(long n, ...);

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t r = __real_pwrite(fd, p, n, at);

	if (l.on && r == (ssize_t)n)
		note_data(fd, p, n, at);
	return r;
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	struct stat st;
	ssize_t r;

	if (!l.on || fstat(fd, &st) != 0)
		return __real_write(fd, p, n);
	if ((r = __real_write(fd, p, n)) == (ssize_t)n)
		note_data(fd, p, n, st.st_size);
	return r;
}

/* Nothing needs to reach this disk: the log is what counts. */
int
__wrap_fdatasync(int fd)
{
	if (l.on)
		(void)note(SYNC, node_of_fd(fd));
	return 0;
}

int
__wrap_fsync(int fd)
{
	if (l.on)
		(void)note(SYNC, node_of_fd(fd));
	return 0;
}

int
__wrap_renameat(int a, const char *p, int b, const char *q)
{
	struct stat st = { 0 };
	struct op *o;

	(void)fstatat(a, p, &st, AT_SYMLINK_NOFOLLOW);
	if (__real_renameat(a, p, b, q) != 0)
		return -1;
	if (l.on) {
		o = note(RENAME, node_of(st.st_ino));
		o->from = split(a, p, o->oldname);
		o->dir = split(b, q, o->name);
	}
	return 0;
}

int
__wrap_linkat(int a, const char *p, int b, const char *q, int flags)
{
	struct stat st;

	if (__real_linkat(a, p, b, q, flags) != 0)
		return -1;
	if (l.on && fstatat(b, q, &st, AT_SYMLINK_NOFOLLOW) == 0)
		note_name(b, q, node_of(st.st_ino));
	return 0;
}

int
__wrap_unlinkat(int a, const char *p, int flags)
{
	struct op *o;

	if (__real_unlinkat(a, p, flags) != 0)
		return -1;
	if (l.on) {
		o = note(UNLINK, 0);
		o->dir = split(a, p, o->name);
	}
	return 0;
}

int
__wrap_openat(int a, const char *p, int flags, ...)
{
	struct stat st;
	mode_t mode;
	va_list ap;
	int fd, new;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	new = (flags & O_CREAT) != 0 && fstatat(a, p, &st, 0) != 0;
	if ((fd = __real_openat(a, p, flags, mode)) < 0 || !l.on)
		return fd;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		(void)fresh(fd, "", AT_EMPTY_PATH);
	else if (new)
		note_name(a, p, fresh(fd, "", AT_EMPTY_PATH));
	return fd;
}

int
__wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	if (__real_fallocate(fd, mode, at, n) != 0)
		return -1;
	if (l.on)
		note(SIZE, node_of_fd(fd))->at = at + n;
	return 0;
}

int
__wrap_mkdirat(int a, const char *p, mode_t mode)
{
	if (__real_mkdirat(a, p, mode) != 0)
		return -1;
	if (l.on)
		note_name(a, p, fresh(a, p, AT_SYMLINK_NOFOLLOW));
	return 0;
}

int
__wrap_mknodat(int a, const char *p, mode_t mode, dev_t dev)
{
	if (__real_mknodat(a, p, mode, dev) != 0)
		return -1;
	if (l.on)
		note_name(a, p, fresh(a, p, AT_SYMLINK_NOFOLLOW));
	return 0;
}

int
__wrap_ftruncate(int fd, off_t n)
{
	if (__real_ftruncate(fd, n) != 0)
		return -1;
	if (l.on)
		note(TRUNC, node_of_fd(fd))->at = n;
	return 0;
}

/* openat2() alone; its flags are the first member of what a[2] points to. */
long
__wrap_syscall(long n, ...)
{
	struct stat st;
	uint64_t flags = 0;
	long a[5], fd;
	va_list ap;
	int i, new;

	va_start(ap, n);
	for (i = 0; i < 5; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (n == SYS_openat2)
		memcpy(&flags, (const void *)(intptr_t)a[2], sizeof(flags));
	new = (flags & O_CREAT) != 0 &&
	    fstatat((int)a[0], (const char *)(intptr_t)a[1], &st, 0) != 0;
	fd = __real_syscall(n, a[0], a[1], a[2], a[3], a[4]);
	if (l.on && fd >= 0 && new)
		note_name((int)a[0], (const char *)(intptr_t)a[1],
		    fresh((int)fd, "", AT_EMPTY_PATH));
	return fd;
}

/* ---- A life ----------------------------------------------------------- */

static struct sstate_key keys[KEYS];

static struct sstate_record
version(int key, uint64_t rev, size_t n, int user)
{
	struct sstate_record rec;
	size_t i;

	length[key][rev] = n;
	for (i = 0; i < n; i++)
		body[key][rev][i] = (char)(key * 100 + (int)rev);
	rec = kit_rec(rev, body[key][rev], n, 1000 + 300 * (int64_t)rev);
	if (user != 0)
		kit_tag(&rec, user);
	return rec;
}

static void
ack(int key, uint64_t rev)
{
	struct op *o = note(ACK, 0);

	o->key = key;
	o->rev = rev;
}

static int
put(void *c, int key, uint64_t rev, size_t n, int user)
{
	struct sstate_record rec = version(key, rev, n, user);
	int r = rev == 1 ? drv->create(c, &keys[key], &rec, NULL)
			 : drv->replace(c, &keys[key], rev - 1, &rec, NULL);

	if (r == 0)
		ack(key, rev);
	return r;
}

/* Whose it is: nobody's until he logs in; his from the start; as the first. */
static int
life(void *c)
{
	int bad = 0;

	bad |= put(c, 0, 1, 600, 0) | put(c, 0, 2, 601, 0);
	bad |= put(c, 1, 1, 700, 9) | put(c, 1, 2, 10, 9);
	bad |= put(c, 2, 1, 100, 0) | put(c, 2, 2, 101, 7);
	bad |= put(c, 0, 3, 500, 0) | put(c, 0, 4, 5000, 0);
	bad |= put(c, 0, 5, 5100, 9) | put(c, 0, 6, 4000, 8);
	bad |= put(c, 1, 3, 4000, 9) | put(c, 1, 4, 50, 9);
	bad |= drv->remove(c, &keys[0], 6, NULL);
	ack(0, 0);
	bad |= put(c, 1, 5, 60, 9);
	bad |= drv->remove(c, &keys[1], 5, NULL);
	ack(1, 0);
	bad |= drv->remove(c, &keys[2], 2, NULL);
	ack(2, 0);
	return bad;
}

/* ---- Disks ------------------------------------------------------------ */

static uint64_t dice;

static unsigned
roll(unsigned n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)(dice >> 33) % n;
}

/* Was that node synced after op i, before the cut? */
static int
synced(int node, int i, int cut)
{
	while (++i < cut)
		if (l.op[i].type == SYNC && l.op[i].node == node)
			return 1;
	return 0;
}

static struct {
	size_t size[NODES];
	unsigned char data[NODES][16 * 1024];
	struct {
		int dir, node;
		char name[80];
	} name[NAMES];
	int n;
} disk;

static void
drop_name(int dir, const char *name)
{
	int i;

	for (i = 0; i < disk.n; i++)
		if (disk.name[i].dir == dir &&
		    strcmp(disk.name[i].name, name) == 0)
			disk.name[i--] = disk.name[--disk.n];
}

static void
set_name(int dir, const char *name, int node)
{
	drop_name(dir, name);
	disk.name[disk.n].dir = dir;
	disk.name[disk.n].node = node;
	memcpy(disk.name[disk.n++].name, name, 80);
}

/* how: 0 nothing that was not synced, 1 all of it, 2 any of it. */
static int
lasts(int how)
{
	return how == 2 ? roll(2) != 0 : how;
}

static void
apply_data(const struct op *o, int forced, int how)
{
	size_t i, end;
	unsigned char *d = disk.data[o->node];
	int keep;

	if (o->type == TRUNC || o->type == SIZE) {
		if (!forced && !lasts(how))
			return;
		if (o->type == TRUNC || disk.size[o->node] < (size_t)o->at)
			disk.size[o->node] = (size_t)o->at;
		if (o->type == TRUNC)
			memset(d + o->at, 0,
			    sizeof(disk.data[0]) - (size_t)o->at);
		return;
	}
	for (i = 0; i < o->n; i = end) {
		end = ((size_t)o->at + i) / SECTOR * SECTOR + SECTOR -
		    (size_t)o->at;
		if (end > o->n)
			end = o->n;
		keep = forced || lasts(how);
		if (!keep)
			continue;
		memcpy(d + o->at + i, o->data + i, end - i);
		if (disk.size[o->node] < (size_t)o->at + end)
			disk.size[o->node] = (size_t)o->at + end;
	}
}

static void
build(int cut, int how)
{
	const struct op *o;
	int i;

	memset(&disk, 0, sizeof(disk));
	for (i = 0; i < cut; i++) {
		o = &l.op[i];
		if (o->type == WRITE || o->type == SIZE || o->type == TRUNC) {
			apply_data(o, synced(o->node, i, cut), how);
			continue;
		}
		if (o->type == SYNC || o->type == ACK ||
		    (!synced(o->dir, i, cut) && !lasts(how)))
			continue;
		if (o->type == RENAME)
			drop_name(o->from, o->oldname);
		if (o->type == UNLINK)
			drop_name(o->dir, o->name);
		else
			set_name(o->dir, o->name, o->node);
	}
}

static void
write_out(const char *path, int dir)
{
	char sub[PATH_MAX];
	int i, fd;

	for (i = 0; i < disk.n; i++) {
		if (disk.name[i].dir != dir)
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path,
		    disk.name[i].name);
		if (l.is_dir[disk.name[i].node]) {
			(void)mkdir(sub, 0700);
			write_out(sub, disk.name[i].node);
			continue;
		}
		fd = open(sub, O_WRONLY | O_CREAT, 0600);
		if (fd < 0 ||
		    write(fd, disk.data[disk.name[i].node],
			disk.size[disk.name[i].node]) < 0)
			exit(1);
		(void)close(fd);
	}
}

/* ---- What must be there ----------------------------------------------- */

enum { NONE, DATA, FULL };

/* Revisions that may be there: bit rev; bit 0: no record. */
static unsigned
allowed(int key, int cut, int level)
{
	/* The first revision that is somebody's, or has outgrown a file. */
	static const int sure[KEYS] = { 4, 1, 2 };
	unsigned may = 1, all = 1;
	int i, acked = 0, under_way = 0;

	for (i = 0; i < l.n && !under_way; i++) {
		if (l.op[i].type != ACK)
			continue;
		under_way = i >= cut;
		if (l.op[i].key != key)
			continue;
		all |= 1u << l.op[i].rev;
		if (under_way)
			may |= 1u << l.op[i].rev;
		else {
			may = 1u << l.op[i].rev;
			acked = (int)l.op[i].rev;
		}
	}
	if (level == NONE)
		return all;
	/* sync=data: the name of a new record that is nobody's may be lost. */
	if (level == DATA && acked < sure[key])
		may |= 1;
	return may;
}

static int
count(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)rec;
	if (arg == NULL || memcmp(arg, key->id, sizeof(key->id)) == 0)
		got.calls++;
	return 0;
}

static int
regular(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	/* n.app/xx/name */
	got.calls +=
	    type == FTW_F && w->level == 3 && strlen(path + w->base) == 62;
	return 0;
}

static const char *
ask(void *c, int key, int cut, int level)
{
	struct sstate_key k = keys[key];
	unsigned may = allowed(key, cut, level);
	int r = kit_get(&got, c, &k);
	uint64_t rev = got.rec.rev;

	if (r == SSTATE_EAUTH)
		return level == NONE ? NULL : "damaged";
	if (r == SSTATE_ENOTFOUND)
		return (may & 1) != 0 ? NULL : "lost";
	if (r != 0)
		return "a failure";
	if (rev == 0 || rev > 15 || got.rec.body.len != length[key][rev] ||
	    memcmp(got.body, body[key][rev], length[key][rev]) != 0)
		return "not what was ever written";
	if ((may >> rev & 1) == 0)
		return "older than was answered, or back from its end";
	got.calls = 0;
	if (level != NONE && got.rec.tag[0] != 0 &&
	    (drv->each(c, "app", got.rec.tag, count, k.id, NULL) != 0 ||
		got.calls != 1))
		return "not in its user's index";
	return NULL;
}

static const char *
judge(const char *dir, int cut, int level)
{
	void *c = kit_open(dir, "?sync=none");
	const char *bad = NULL;
	uint64_t n = 0;
	int key;

	for (key = 0; key < KEYS && bad == NULL; key++)
		bad = ask(c, key, cut, level);
	if (bad == NULL && drv->reap(&n, c, "app", 1000000, 0, NULL) != 0)
		bad = "reap fails";
	got.calls = 0;
	(void)nftw(dir, regular, 16, FTW_PHYS);
	if (bad == NULL && got.calls != 0)
		bad = "the reaper leaves something";
	drv->close(c);
	return bad;
}

static void
cuts(const char *params, int level)
{
	char dir[KIT_DIR], sub[KIT_PATH];
	const char *bad = NULL;
	int cut, how, times, disks = 0;

	for (cut = 0; cut <= l.n && bad == NULL; cut++)
		for (times = 0; times < 9 && bad == NULL; times++) {
			how = times < 2 ? times : 2;
			build(cut, how);
			kit_tmp_fast(dir, sizeof(dir));
			write_out(dir, TOP);
			/* Another boot than the one before the cut. */
			(void)snprintf(sub, sizeof(sub), "%s/n.app/boot", dir);
			(void)unlink(sub);
			if ((bad = judge(dir, cut, level)) != NULL)
				printf("# cut after %d of %d, choice %d: "
				       "%s\n",
				    cut, l.n, times, dir);
			else
				kit_rm(dir);
			disks++;
		}
	T(bad == NULL, "I1 %s: power cut at each of %d points, %d disks: %s",
	    params, l.n, disks, bad != NULL ? bad : "as promised");
}

static void
level(const char *params, int which)
{
	char dir[KIT_DIR];
	struct stat st;
	void *c;
	int i;

	for (i = 0; i < l.n; i++)
		free(l.op[i].data);
	memset(&l, 0, sizeof(l));
	kit_tmp_fast(dir, sizeof(dir));
	c = kit_open(dir, params);
	if (stat(dir, &st) != 0)
		exit(1);
	l.ino[l.nodes = TOP] = st.st_ino;
	l.is_dir[TOP] = 1;
	l.on = 1;
	i = life(c);
	l.on = 0;
	T(i == 0, "a life under %s, %d steps", params, l.n);
	drv->close(c);
	kit_rm(dir);
	cuts(params, which);
}

int
main(int argc, char **argv)
{
	int i;

	dice = argc > 1 ? strtoull(argv[1], NULL, 0) : 88172645463325252u;
	printf("# dice %llu\n", (unsigned long long)dice);
	keys[0] = kit_key(1, "app");
	keys[1] = kit_key(2, "app");
	keys[2] = kit_key(3, "app");
	level("?sync=full", FULL);
	level("?sync=data", DATA);
	level("?sync=none", NONE);
	for (i = 0; i < l.n; i++)
		free(l.op[i].data);
	return tap_done();
}
