/*
 * TEMPLATE.c - a whole store driver, to be copied: mystore:DIR
 *
 * Each record is a file; writers take turns by a lock on the directory.  It
 * needs libc alone and passes the suite.  What to change: the scheme in the
 * last lines, struct mystore, open and close, then the other slots.
 * securestate-store(3) has the contract and the commands.
 *
 * Invariant: a name leads to a whole record, the old or the new one, for a
 * record is written beside and then renamed.  It is not synced, so there is
 * no SSTATE_CAP_DURABLE: a power cut may lose what was acknowledged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <securestate/store.h>

enum { MAX_BODY = 16 << 20, NAME_BYTES = 2 * SSTATE_ID_BYTES + 1 + 32 + 1 };

struct mystore {
	int dir, lock;
};

/* Before the body.  Read by the machine that wrote it. */
struct head {
	int64_t expires;
	uint64_t rev;
	unsigned char tag[SSTATE_TAG_BYTES];
	uint32_t flags, pad;
};

/* ---- Open and close --------------------------------------------------- */

static void
mystore_close(void *ctx)
{
	struct mystore *m = ctx;

	if (m->lock >= 0)
		(void)close(m->lock);
	if (m->dir >= 0)
		(void)close(m->dir);
	free(m);
}

/* Who else could write there could bring an ended session back. */
static int
mystore_start(struct mystore *m, const char *path, int create,
    struct sstate_error *err)
{
	struct stat st;

	if (create && mkdir(path, 0700) != 0 && errno != EEXIST)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: make the directory");
	m->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->dir < 0 || fstat(m->dir, &st) != 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: open the directory");
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "mystore: the directory is not this user's alone");
	m->lock = openat(m->dir, "lock",
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->lock < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: open the lock");
	return 0;
}

static int
mystore_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *path = sstate_conf_part(conf, SSTATE_CONF_PATH);
	int create = (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0;
	struct mystore *m;
	int r;

	*ctx = NULL;
	if (path == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mystore: the URI names no directory");
	if ((m = malloc(sizeof(*m))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "mystore: open");
	m->dir = m->lock = -1;
	if ((r = mystore_start(m, path, create, err)) != 0) {
		mystore_close(m);
		return r;
	}
	*ctx = m;
	return 0;
}

/* ---- Files ------------------------------------------------------------ */

static int
take(struct mystore *m, struct sstate_error *err)
{
	while (flock(m->lock, LOCK_EX) != 0)
		if (errno != EINTR)
			return sstate_fail(err, SSTATE_ESTORE, errno,
			    "mystore: lock");
	return 0;
}

static void
leave(struct mystore *m)
{
	(void)flock(m->lock, LOCK_UN);
}

/* The id in hex, then the namespace: so each() sees whose it is. */
static void
name_of(char name[NAME_BYTES], const struct sstate_key *key)
{
	size_t i;

	for (i = 0; i < SSTATE_ID_BYTES; i++)
		(void)snprintf(name + 2 * i, 3, "%02x", key->id[i]);
	(void)snprintf(name + 2 * i, NAME_BYTES - 2 * i, "-%s", key->ns);
}

/* The other way round; 0 if it is a record of that namespace. */
static int
key_of(struct sstate_key *key, const char *name, const char *ns)
{
	static const char digits[] = "0123456789abcdef";
	char again[NAME_BYTES];
	const char *at;
	size_t i;

	key->ns = ns;
	memset(key->id, 0, sizeof(key->id));
	for (i = 0; i < 2 * (size_t)SSTATE_ID_BYTES; i++) {
		if (name[i] == '\0' || (at = strchr(digits, name[i])) == NULL)
			return -1;
		key->id[i / 2] =
		    (unsigned char)(key->id[i / 2] << 4 | (at - digits));
	}
	name_of(again, key);
	return strcmp(again, name) == 0 ? 0 : -1;
}

/* All n octets at an offset; 0, or -1 and errno. */
static int
read_all(int fd, void *buf, size_t n, off_t at)
{
	char *p = buf;
	ssize_t got;

	for (; n > 0; p += got, at += got, n -= (size_t)got) {
		if ((got = pread(fd, p, n, at)) < 0 && errno == EINTR)
			got = 0;
		else if (got <= 0) {
			errno = got == 0 ? EIO : errno;
			return -1;
		}
	}
	return 0;
}

static int
write_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;
	ssize_t put;

	for (; n > 0; p += put, n -= (size_t)put)
		if ((put = write(fd, p, n)) < 0) {
			if (errno != EINTR)
				return -1;
			put = 0;
		}
	return 0;
}

/* What stands there: its descriptor too, if fd is not NULL. */
static int
look(struct head *h, int *fd, struct mystore *m, const char *name,
    struct sstate_error *err)
{
	int f = openat(m->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), r = 0;

	memset(h, 0, sizeof(*h));
	if (f < 0)
		return errno == ENOENT ? SSTATE_ENOTFOUND
				       : sstate_fail(err, SSTATE_ESTORE, errno,
					     "mystore: open a record");
	if (read_all(f, h, sizeof(*h), 0) != 0)
		r = sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: read a record");
	if (fd != NULL && r == 0)
		*fd = f;
	else
		(void)close(f);
	return r;
}

/* Under the lock, so that nobody else has the file that is being written. */
static int
put(struct mystore *m, const char *name, const struct sstate_record *rec,
    struct sstate_error *err)
{
	struct head h;
	int fd, bad;

	if (rec->body.len == 0 || rec->body.len > MAX_BODY)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "mystore: a record of %zu bytes", rec->body.len);
	memset(&h, 0, sizeof(h));
	h.expires = rec->expires;
	h.rev = rec->rev;
	memcpy(h.tag, rec->tag, sizeof(h.tag));
	h.flags = rec->flags;
	fd = openat(m->dir, "new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: make a record");
	bad = write_all(fd, &h, sizeof(h)) != 0 ||
	    write_all(fd, rec->body.ptr, rec->body.len) != 0;
	if (close(fd) != 0 || bad || renameat(m->dir, "new", m->dir, name) != 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: write a record");
	return 0;
}

/* ---- One record ------------------------------------------------------- */

static int
get_name(struct mystore *m, const char *name, struct sstate_record *rec,
    char **body, struct sstate_error *err)
{
	struct head h;
	struct stat st;
	int fd = -1, r;

	*body = NULL;
	if ((r = look(&h, &fd, m, name, err)) != 0)
		return r;
	memset(rec, 0, sizeof(*rec));
	rec->expires = h.expires;
	rec->rev = h.rev;
	rec->flags = h.flags;
	memcpy(rec->tag, h.tag, sizeof(rec->tag));
	if (fstat(fd, &st) != 0 || st.st_size <= (off_t)sizeof(h) ||
	    st.st_size > (off_t)sizeof(h) + MAX_BODY)
		r = sstate_fail(err, SSTATE_ESTORE, 0,
		    "mystore: a record is damaged");
	else if ((*body = malloc(
		      rec->body.len = (size_t)st.st_size - sizeof(h))) == NULL)
		r = sstate_fail(err, SSTATE_ENOMEM, 0, "mystore: get");
	else if (read_all(fd, *body, rec->body.len, sizeof(h)) != 0)
		r = sstate_fail(err, SSTATE_ESTORE, errno,
		    "mystore: read a record");
	(void)close(fd);
	rec->body.ptr = *body;
	return r;
}

static int
mystore_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct sstate_record rec;
	char name[NAME_BYTES], *body;
	int r;

	name_of(name, key);
	if ((r = get_name(ctx, name, &rec, &body, err)) == 0)
		r = found(arg, &rec);
	free(body);
	return r;
}

static int
mystore_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct mystore *m = ctx;
	char name[NAME_BYTES];
	struct head h;
	int r;

	name_of(name, key);
	if ((r = take(m, err)) != 0)
		return r;
	if ((r = look(&h, NULL, m, name, err)) == 0)
		r = SSTATE_EEXIST;
	else if (r == SSTATE_ENOTFOUND)
		r = put(m, name, rec, err);
	leave(m);
	return r;
}

static int
mystore_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct mystore *m = ctx;
	char name[NAME_BYTES];
	struct head h;
	int r;

	name_of(name, key);
	if ((r = take(m, err)) != 0)
		return r;
	if ((r = look(&h, NULL, m, name, err)) == 0)
		r = h.rev == expected ? put(m, name, rec, err)
				      : SSTATE_ECONFLICT;
	leave(m);
	return r;
}

static int
mystore_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct mystore *m = ctx;
	char name[NAME_BYTES];
	struct head h;
	int r;

	name_of(name, key);
	if ((r = take(m, err)) != 0)
		return r;
	r = look(&h, NULL, m, name, err);
	if (r == 0 && expected != SSTATE_ANY_REV && h.rev != expected)
		r = SSTATE_ECONFLICT;
	else if (r == 0 && unlinkat(m->dir, name, 0) != 0)
		r = sstate_fail(err, SSTATE_ESTORE, errno, "mystore: remove");
	leave(m);
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

/* ---- Many records ----------------------------------------------------- */

/* The names of the directory, from its start. */
static DIR *
names(struct mystore *m, struct sstate_error *err)
{
	int fd = openat(m->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d == NULL) {
		(void)sstate_fail(err, SSTATE_ESTORE, errno, "mystore: list");
		if (fd >= 0)
			(void)close(fd);
	}
	return d;
}

/* Looked at again under the lock: it may have been renewed. */
static int
reap_one(struct mystore *m, const char *name, int64_t before,
    struct sstate_error *err)
{
	struct head h;
	int r;

	if ((r = take(m, err)) != 0)
		return r;
	r = look(&h, NULL, m, name, err);
	if (r == 0 && (h.expires == 0 || h.expires > before))
		r = SSTATE_ENOTFOUND;
	if (r == 0 && unlinkat(m->dir, name, 0) != 0)
		r = sstate_fail(err, SSTATE_ESTORE, errno, "mystore: reap");
	leave(m);
	return r;
}

/* It looks at each; a store with an index looks at what is due. */
static int
mystore_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct mystore *m = ctx;
	const struct dirent *e;
	struct sstate_key key;
	struct head h;
	DIR *d;
	int r = 0;

	*removed = 0;
	if ((d = names(m, err)) == NULL)
		return SSTATE_ESTORE;
	while ((limit == 0 || *removed < limit) && (e = readdir(d)) != NULL) {
		if (key_of(&key, e->d_name, ns) != 0)
			continue;
		if ((r = look(&h, NULL, m, e->d_name, err)) == 0 &&
		    h.expires != 0 && h.expires <= before &&
		    (r = reap_one(m, e->d_name, before, err)) == 0)
			++*removed;
		if (r != 0 && r != SSTATE_ENOTFOUND)
			break;
		r = 0;
	}
	(void)closedir(d);
	return r;
}

static int
mystore_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct mystore *m = ctx;
	const struct dirent *e;
	struct sstate_record rec;
	struct sstate_key key;
	char *body;
	DIR *d;
	int r = 0;

	if ((d = names(m, err)) == NULL)
		return SSTATE_ESTORE;
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (key_of(&key, e->d_name, ns) != 0)
			continue;
		r = get_name(m, e->d_name, &rec, &body, err);
		if (r == SSTATE_ENOTFOUND) /* removed meanwhile */
			r = 0;
		else if (r == 0 &&
		    (tag == NULL || memcmp(tag, rec.tag, sizeof(rec.tag)) == 0))
			r = fn(arg, &key, &rec);
		free(body);
	}
	(void)closedir(d);
	return r;
}

static int
mystore_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct mystore *m = ctx;
	int64_t was = 0;
	ssize_t n;
	int r;

	*seen = now;
	if ((r = take(m, err)) != 0)
		return r;
	/* The lock's own eight octets; none yet are as good as 0. */
	n = pread(m->lock, &was, sizeof(was), 0);
	if (n == (ssize_t)sizeof(was) && was > now)
		*seen = was;
	else if (n < 0 ||
	    pwrite(m->lock, &now, sizeof(now), 0) != (ssize_t)sizeof(now))
		r = sstate_fail(err, SSTATE_ESTORE, errno, "mystore: clock");
	leave(m);
	return r;
}

SSTATE_DRIVER(mystore) = { .size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_LINEAR,
	.scheme = "mystore",
	.open = mystore_open,
	.close = mystore_close,
	.get = mystore_get,
	.create = mystore_create,
	.replace = mystore_replace,
	.remove = mystore_remove,
	.reap = mystore_reap,
	.each = mystore_each,
	/* Frees memory and tells nobody: the parent's lock stays held. */
	.abandon = mystore_close,
	.latest = mystore_latest };
