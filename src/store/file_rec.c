/*
 * file_rec.c - one record's file, open: read, locked, written, ended
 *
 * Invariant: a write goes to the slot that is not the newest valid one, and
 * not before the newest is on disk (unless sync=none); so at any moment one
 * whole slot survives a kill, and a power cut.
 */
#include "store/file_rec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/hint.h"
#include "store/file_io.h"
#include "store/file_lock.h"

void
frec_init(struct frec *r, struct fdir *d)
{
	memset(r, 0, sizeof(*r));
	r->d = d;
	r->fd = -1;
	r->s.at = -1;
}

void
frec_done(struct frec *r)
{
	(void)frec_close(r, NULL);
	hook_free(&r->d->hook, r->img, r->cap);
	r->img = NULL;
	r->cap = 0;
}

int
frec_close(struct frec *r, struct sstate_error *err)
{
	int fd = r->fd, e;

	r->fd = -1;
	if (fd >= 0 && (e = fio_close(fd)) != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: close");
	return 0;
}

/* O_NOATIME is the owner's right alone, so EPERM is another owner's file. */
static int
open_how(struct frec *r)
{
	int fd;

	r->readonly = 0;
	fd = fdir_at(r->d, r->path, O_RDWR | O_NOATIME, 0);
	if (fd < 0 && errno == EROFS) {
		r->readonly = 1;
		fd = fdir_at(r->d, r->path, O_RDONLY | O_NOATIME, 0);
	}
	return fd;
}

static APART int
refused(int e, struct sstate_error *err)
{
	switch (e) {
	case ENOENT:
		return SSTATE_ENOTFOUND;
	case ELOOP: /* a symbolic link */
	case EXDEV: /* another file system, or out of the directory */
	case EISDIR:
	case ENOTDIR:
	case ENXIO: /* a socket */
	case ENODEV:
	case EPERM:
	case EACCES:
		return sstate_fail(err, SSTATE_EUNSAFE, e, "file: record");
	}
	return sstate_fail(err, SSTATE_ESTORE, e, "file: open record");
}

int
frec_open(struct frec *r, const struct sstate_key *key,
    struct sstate_error *err)
{
	UNFILLED struct stat st;
	int x;

	(void)frec_close(r, NULL);
	r->s.at = -1;
	if ((x = fdir_record(r->path, key, err)) != 0)
		return x;
	if ((r->fd = open_how(r)) < 0)
		return refused(errno, err);
	if ((x = fdir_check(r->d, r->fd, &st, "record", err)) != 0)
		goto out;
	if (st.st_size < 0 || (uintmax_t)st.st_size > r->d->max_file) {
		x = sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "file: a record's file over %zu bytes", r->d->max_file);
		goto out;
	}
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	r->size = (size_t)st.st_size;
	memcpy(r->id, key->id, sizeof(r->id));
	memcpy(r->ns, key->ns, strlen(key->ns) + 1);
out:
	if (x != 0)
		(void)frec_close(r, NULL);
	return x;
}

int
frec_is(const struct frec *r, const struct sstate_key *key)
{
	return r->fd >= 0 && memcmp(r->id, key->id, sizeof(r->id)) == 0 &&
	    strcmp(r->ns, key->ns) == 0;
}

/*
 * One read of the whole file; what is missing at its end is zeros.  again: a
 * slot that was whole, and is still the newest, is not summed once more.
 */
static int
load(struct frec *r, int again, struct sstate_error *err)
{
	struct fslot was = r->s;
	size_t got;
	int e;

	r->s.at = -1;
	if (r->cap < r->size) {
		hook_free(&r->d->hook, r->img, r->cap);
		r->cap = 0;
		if ((r->img = hook_alloc(&r->d->hook, r->size)) == NULL)
			return sstate_fail(err, SSTATE_ENOMEM, 0,
			    "file: %zu bytes", r->size);
		r->cap = r->size;
	}
	if (r->size == 0)
		return 0;
	if ((e = fio_read(&got, r->fd, r->img, r->size, 0)) != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: read record");
	memset(r->img + got, 0, r->size - got);
	if (again && fslot_still(&was, r->img, r->size))
		r->s = was;
	else
		fslot_choose(&r->s, r->img, r->size);
	return 0;
}

static off_t
slot_at(const struct frec *r, int i)
{
	return (off_t)(fslot_of_file(r->size) * (size_t)i);
}

static int
what(const struct frec *r, struct sstate_error *err)
{
	if (r->s.at < 0)
		return sstate_fail(err, SSTATE_EAUTH, 0,
		    "file: a record's file is damaged: no slot is whole");
	return r->s.ended ? SSTATE_ENOTFOUND : 0;
}

/* If its head is the same now, nothing was acknowledged after it before. */
static int
settled(const struct frec *r)
{
	unsigned char head[FSLOT_HEAD];
	size_t got;

	if (r->s.at < 0 || r->s.sure)
		return r->s.at >= 0;
	return fio_read(&got, r->fd, head, sizeof(head), slot_at(r, r->s.at)) ==
	    0 &&
	    got == sizeof(head) && fslot_same(&r->s, head);
}

int
frec_read(struct frec *r, struct sstate_error *err)
{
	int tries, x;

	for (tries = 0; tries < 3; tries++) {
		if ((x = load(r, 0, err)) != 0)
			return x;
		if (settled(r))
			return what(r, err);
	}
	return frec_reread(r, err);
}

static int
take(struct frec *r, int64_t wait_ms, struct sstate_error *err)
{
	int e = flock_take(r->fd, r->readonly, wait_ms);

	if (e == EAGAIN)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "file: a record was locked for %lld ms",
		    (long long)wait_ms);
	if (e != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: lock");
	return 0;
}

APART int
frec_reread(struct frec *r, struct sstate_error *err)
{
	int x;

	if ((x = take(r, r->d->wait_ms, err)) != 0)
		return x;
	x = load(r, 0, err);
	flock_drop(r->fd);
	return x != 0 ? x : what(r, err);
}

int
frec_lock(struct frec *r, int64_t wait_ms, struct sstate_error *err)
{
	int x;

	if (r->readonly)
		return sstate_fail(err, SSTATE_ESTORE, EROFS, "file: write");
	if ((x = take(r, wait_ms, err)) != 0)
		return x;
	/* A link count would not show that an outsider holds a hard link. */
	x = fdir_leads(r->d, r->path, r->dev, r->ino);
	if (x < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "file: look at a record's name");
	return x == 0 ? FREC_MOVED : load(r, 1, err);
}

int
frec_fits(const struct frec *r, size_t body)
{
	return fslot_of_file(r->size) >= FSLOT_HEAD + body;
}

static int
mark(struct frec *r, int slot)
{
	static const unsigned char yes = 1;

	/* A lost mark costs the next writer a sync, no more. */
	return fio_write(r->fd, &yes, 1, slot_at(r, slot) + FSLOT_SYNCED);
}

/*
 * The newest slot has no mark: its writer was killed, or its fdatasync
 * failed.  After a failure the kernel may call the pages clean though the
 * disk has not got them, so they are written again before they are synced.
 */
static APART int
settle(struct frec *r)
{
	size_t n = FSLOT_HEAD + r->s.rec.body.len;
	off_t at = slot_at(r, r->s.at);
	int e;

	if ((e = fio_write(r->fd, r->img + at, n, at)) != 0 ||
	    (e = fio_sync(r->fd)) != 0)
		return e;
	(void)mark(r, r->s.at);
	return 0;
}

int
frec_put(struct frec *r, const struct sstate_record *rec,
    struct sstate_error *err)
{
	int to = 1 - r->s.at, e;
	unsigned char *slot = r->img + slot_at(r, to);

	if (r->d->sync != FSYNC_NONE && !r->s.synced && (e = settle(r)) != 0)
		return sstate_fail(err, SSTATE_ESTORE, e,
		    "file: sync what was there before a write");
	fslot_fill(slot, r->s.seq + 1, rec->rev, rec);
	e = fio_write(r->fd, slot, FSLOT_HEAD + rec->body.len, slot_at(r, to));
	if (e != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: write");
	if (r->d->sync == FSYNC_NONE)
		return 0;
	/* Final: it is not tried again, and the slot gets no mark. */
	if ((e = fio_sync(r->fd)) != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: fdatasync");
	(void)mark(r, to);
	return 0;
}

int
frec_unlink(struct frec *r, struct sstate_error *err)
{
	const char *name;
	int at, e = 0;

	if ((at = fdir_above(r->d, r->path, &name)) < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "file: directory of a record");
	if (unlinkat(at, name, 0) != 0 && errno != ENOENT)
		e = errno;
	(void)close(at);
	if (e != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: unlink");
	return 0;
}

APART int
frec_sync_name(struct frec *r, struct sstate_error *err)
{
	const char *name;
	int at, e;

	if ((at = fdir_above(r->d, r->path, &name)) < 0)
		return sstate_fail(err, SSTATE_ESTORE, errno,
		    "file: directory of a record");
	e = fio_sync_dir(at);
	(void)close(at);
	if (e != 0)
		return sstate_fail(err, SSTATE_ESTORE, e, "file: fsync");
	return 0;
}

/* Where nothing can be written in place, the name's end must be on disk. */
static APART int
unlink_full(struct frec *r, int sync, int why, struct sstate_error *err)
{
	int x;

	if (why != ENOSPC && why != EDQUOT)
		return sstate_fail(err, SSTATE_ESTORE, why, "file: end");
	if ((x = frec_unlink(r, err)) != 0 || sync == FSYNC_NONE)
		return x;
	return frec_sync_name(r, err);
}

int
frec_end(struct frec *r, int sync, struct sstate_error *err)
{
	unsigned char head[FSLOT_HEAD];
	int to = 1 - r->s.at, e;

	if (r->s.at < 0) /* damaged: there is nothing to keep whole */
		return frec_unlink(r, err);
	fslot_fill(head, r->s.seq + 1, r->s.rec.rev + 1, NULL);
	e = sync != FSYNC_NONE && !r->s.synced ? settle(r) : 0;
	if (e == 0)
		e = fio_write(r->fd, head, sizeof(head), slot_at(r, to));
	if (e == 0 && sync != FSYNC_NONE)
		e = fio_sync(r->fd);
	if (e != 0)
		return unlink_full(r, sync, e, err);
	return frec_unlink(r, err);
}
