/*
 * file_user.c - whose records: a directory per tag, an empty file per record
 *
 * Invariant: an entry is removed only when its record cannot be about to
 * carry the tag: under the record's lock, or long after a create began.
 */
#include "store/file_user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "store/file_io.h"
#include "store/file_rec.h"
#include "store/file_walk.h"

enum { STALE_AGE = 600, PATIENCE_MS = 50, TRIES = 8 };

struct list {
	struct fdir *d;
	struct frec r;
	struct sstate_key key;
	const unsigned char *tag;
	int at; /* directory of the entries */
	sstate_each_fn *fn;
	void *arg;
	struct sstate_error err;
};

int
fuser_tagged(const unsigned char *tag)
{
	static const unsigned char nobody[SSTATE_TAG_BYTES];

	return memcmp(tag, nobody, sizeof(nobody)) != 0;
}

static int
failed(struct sstate_error *err, int e)
{
	return sstate_fail(err, SSTATE_ESTORE, e, "file: user index");
}

static int
tag_path(char *out, const char *ns, const unsigned char *tag,
    struct sstate_error *err)
{
	char hex[2 * SSTATE_TAG_BYTES + 1];
	size_t n;
	int r;

	if ((r = fdir_ns(out, ns, err)) != 0)
		return r;
	n = strlen(out);
	hex_encode(hex, tag, SSTATE_TAG_BYTES);
	(void)snprintf(out + n, FDIR_PATH - n, "/u/%.2s/%s", hex, hex + 2);
	return 0;
}

/* The directory that holds path, synced: path may be new in it. */
static int
sync_above(struct fdir *d, const char *path)
{
	const char *name;
	int fd, e;

	if ((fd = fdir_above(d, path, &name)) < 0)
		return errno;
	e = fio_sync_dir(fd);
	(void)close(fd);
	return e;
}

static int
enter(int *made, struct fdir *d, const char *path, const char *name)
{
	int fd, dirs, e = 0;

	if ((fd = fdir_make(d, path, &dirs)) < 0)
		return errno;
	if (mknodat(fd, name, S_IFREG | 0600, 0) == 0)
		*made = 1;
	else if (errno != EEXIST)
		e = errno;
	/* Also when it was there: its maker may not have synced it yet. */
	if (e == 0 && d->sync != FSYNC_NONE && (e = fio_sync_dir(fd)) == 0)
		e = sync_above(d, path);
	(void)close(fd);
	return e;
}

int
fuser_add(int *made, struct fdir *d, const struct sstate_key *key,
    const unsigned char *tag, struct sstate_error *err)
{
	char path[FDIR_PATH], name[2 * SSTATE_ID_BYTES + 1];
	int r, e = 0, tries;

	*made = 0;
	if ((r = tag_path(path, key->ns, tag, err)) != 0)
		return r;
	hex_encode(name, key->id, SSTATE_ID_BYTES);
	/* ENOENT: an empty directory was removed meanwhile. */
	for (tries = 0; tries < TRIES; tries++)
		if ((e = enter(made, d, path, name)) != ENOENT)
			break;
	return e != 0 ? failed(err, e) : 0;
}

void
fuser_del(struct fdir *d, const struct sstate_key *key,
    const unsigned char *tag)
{
	char path[FDIR_PATH], name[2 * SSTATE_ID_BYTES + 1];
	const char *last;
	int fd;

	if (tag_path(path, key->ns, tag, NULL) != 0 ||
	    (fd = fdir_sub(d, path)) < 0)
		return;
	hex_encode(name, key->id, SSTATE_ID_BYTES);
	(void)unlinkat(fd, name, 0);
	(void)close(fd);
	if ((fd = fdir_above(d, path, &last)) < 0)
		return;
	/* Refused while there are other entries. */
	(void)unlinkat(fd, last, AT_REMOVEDIR);
	(void)close(fd);
}

static int
mine(const struct list *l)
{
	return memcmp(l->r.s.rec.tag, l->tag, SSTATE_TAG_BYTES) == 0;
}

/* An entry whose record is not there, or not this user's. */
static void
stale(struct list *l, const char *name, int there)
{
	struct stat st;

	if (there) {
		/* A writer that gives it the tag holds the lock. */
		if (frec_lock(&l->r, PATIENCE_MS, NULL) != 0 || l->r.s.at < 0 ||
		    (!l->r.s.ended && mine(l)))
			return;
	} else if (fstatat(l->at, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) ||
	    st.st_mtim.tv_sec > clock_wall() - STALE_AGE)
		return;
	(void)unlinkat(l->at, name, 0);
}

/* One record by name; damaged and foreign ones are passed over. */
static int
show(struct list *l, const char *name)
{
	int r;

	if ((r = frec_open(&l->r, &l->key, &l->err)) == 0)
		r = frec_read(&l->r, &l->err);
	if (r == 0 && (l->tag == NULL || mine(l)))
		r = l->fn(l->arg, &l->key, &l->r.s.rec);
	else if (r == 0 || r == SSTATE_ENOTFOUND) {
		if (l->tag != NULL)
			stale(l, name, l->r.fd >= 0);
		r = 0;
	} else if (r == SSTATE_EUNSAFE || r == SSTATE_EAUTH ||
	    r == SSTATE_ETOOBIG)
		r = 0;
	(void)frec_close(&l->r, NULL);
	return r;
}

static int
show_entry(void *arg, int at, const char *name)
{
	struct list *l = arg;

	l->at = at;
	if (strlen(name) != 2 * SSTATE_ID_BYTES ||
	    hex_decode(l->key.id, SSTATE_ID_BYTES, name, 2 * SSTATE_ID_BYTES) !=
		SSTATE_ID_BYTES)
		return 0;
	return show(l, name);
}

static int
show_record(void *arg, const struct sstate_key *key)
{
	struct list *l = arg;

	l->key = *key;
	return show(l, "");
}

int
fuser_each(struct fdir *d, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	char path[FDIR_PATH];
	struct list l;
	int r;

	memset(&l, 0, sizeof(l));
	frec_init(&l.r, d);
	l.d = d;
	l.key.ns = ns;
	l.tag = tag;
	l.fn = fn;
	l.arg = arg;
	if (tag == NULL)
		r = fwalk_records(d, ns, 0, 256, show_record, &l, &l.err);
	else if ((r = tag_path(path, ns, tag, &l.err)) == 0)
		r = fwalk_dir(d, path, show_entry, &l, &l.err);
	frec_done(&l.r);
	/* Of ours, not of fn's, nor of what was passed over. */
	if (r != 0 && err != NULL && l.err.code == r)
		*err = l.err;
	return r;
}
