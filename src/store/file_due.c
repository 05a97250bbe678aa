/*
 * file_due.c - the expiry index as the reaper goes through it
 *
 * Invariant: an entry leaves a claimed bucket only after its record was
 * judged, and after the entry that replaces it (if one must) was made.
 * Cost follows what is due: other buckets are not opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/clock.h"
#include "base/rand.h"
#include "store/file_bucket.h"
#include "store/file_io.h"
#include "store/file_lock.h"
#include "store/file_reap.h"
#include "store/file_rec.h"
#include "store/file_walk.h"

enum {
	CHUNK = 256, /* entries at a time */
	AGAIN = 300, /* seconds until an absent record is looked for again */
	SETTLED = 1, /* seconds that an mtime can hide a change */
};

struct due {
	struct findex *x;
	struct fdir *d;
	const char *ns;
	int64_t before;
	uint64_t *removed, limit;
	struct frec r;
	struct fbucket_name *names; /* that are due */
	size_t n, cap;
	int64_t bucket; /* of the one under way */
	unsigned char keep[CHUNK * FINDEX_ENTRY];
	size_t kept; /* bytes */
	int later; /* a failure that others wait behind */
	struct sstate_error own, *err;
};

static int
failed(struct due *j, int e)
{
	return sstate_fail(j->err, SSTATE_ESTORE, e,
	    "file: reap: expiry index");
}

static int
full(const struct due *j)
{
	return j->limit != 0 && *j->removed >= j->limit;
}

static void
keep(struct due *j, const struct fbucket_entry *e, int64_t expires, int second)
{
	fbucket_entry(j->keep + j->kept, e->id, expires, second);
	j->kept += FINDEX_ENTRY;
}

/* Perhaps it is being created: look for it once more, later. */
static int
absent(struct due *j, const struct fbucket_entry *e)
{
	unsigned char entry[FINDEX_ENTRY];
	int64_t when = e->expires;

	if (e->second)
		return 0;
	when = when < INT64_MAX - AGAIN ? when + AGAIN : when;
	fbucket_entry(entry, e->id, when, 1);
	return fbucket_put(j->x, j->d, j->ns, fbucket_of(when), entry,
	    sizeof(entry), j->err);
}

static int
judge(struct due *j, const struct fbucket_entry *e)
{
	struct sstate_error why = { 0 };
	struct sstate_key key;
	int r = 0;

	if (e->expires > j->before) {
		keep(j, e, e->expires, e->second);
		return 0;
	}
	memcpy(key.id, e->id, sizeof(key.id));
	key.ns = j->ns;
	switch (freap_one(&j->r, &key, j->before, &why)) {
	case FREAP_REMOVED:
		++*j->removed;
		break;
	case FREAP_ABSENT:
		r = absent(j, e);
		break;
	case FREAP_LIVE:
		/* Elsewhere it has another entry; here this may be the one. */
		if (j->r.s.rec.expires != 0 &&
		    fbucket_of(j->r.s.rec.expires) == j->bucket)
			keep(j, e, j->r.s.rec.expires, 0);
		break;
	case FREAP_LATER:
		keep(j, e, e->expires, e->second);
		if (why.code != SSTATE_EBUSY && j->later == 0) {
			j->later = why.code;
			*j->err = why;
		}
		break;
	}
	(void)frec_close(&j->r, NULL);
	return r;
}

/*
 * The last entries of a claimed bucket, from its end: what is left of it is
 * then one ftruncate(), and a killed reaper's successor goes on from there.
 */
static int
chunk(struct due *j, int fd, off_t *size)
{
	unsigned char buf[CHUNK * FINDEX_ENTRY];
	size_t n = *size < (off_t)sizeof(buf) ? (size_t)*size : sizeof(buf);
	struct fbucket_entry e;
	size_t got, end;
	int r = 0, x;

	*size -= (off_t)n;
	if ((x = fio_read(&got, fd, buf, n, *size)) != 0)
		return failed(j, x);
	j->kept = 0;
	for (end = got; end >= FINDEX_ENTRY && r == 0 && !full(j);) {
		if (!fbucket_read(&e, buf + end - FINDEX_ENTRY)) {
			end--; /* torn: an entry ends further ahead */
			continue;
		}
		if ((r = judge(j, &e)) == 0)
			end -= FINDEX_ENTRY;
	}
	/* Before the first entry of the file there is nothing but litter. */
	if (r == 0 && *size == 0 && end < FINDEX_ENTRY)
		end = 0;
	*size += (off_t)end;
	if (j->kept != 0 &&
	    (x = fbucket_put(j->x, j->d, j->ns, j->bucket, j->keep, j->kept,
		 j->err)) != 0)
		return x;
	if (ftruncate(fd, *size) != 0)
		return failed(j, errno);
	return r;
}

static int
claimed(struct due *j, int at, const char *name)
{
	struct stat st;
	off_t size;
	int fd, r;

	fd = openat(at, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : failed(j, errno);
	if ((r = fdir_check(j->d, fd, &st, "expiry index", j->err)) != 0)
		goto out;
	/* Another reaper is at it. */
	if (flock_take(fd, 0, 0) != 0)
		goto out;
	if (fstat(fd, &st) != 0) {
		r = failed(j, errno);
		goto out;
	}
	for (size = st.st_size; size > 0 && r == 0 && !full(j);)
		r = chunk(j, fd, &size);
	if (r == 0 && size == 0 && st.st_nlink != 0 &&
	    unlinkat(at, name, 0) != 0 && errno != ENOENT)
		r = failed(j, errno);
out:
	(void)close(fd);
	return r;
}

/* Is anything in this bucket, which is not over yet, due? */
static int
part_due(struct due *j, int at, const char *name)
{
	unsigned char buf[CHUNK * FINDEX_ENTRY];
	struct findex *x = j->x;
	struct fbucket_entry e;
	struct stat st;
	size_t got = 0, i;
	off_t pos;
	int fd;

	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)fio_close(fd);
		return 0;
	}
	if (x->part_ino != st.st_ino || x->part_size > st.st_size) {
		x->part_ino = st.st_ino;
		x->part_size = 0;
		x->earliest = INT64_MAX;
	}
	for (pos = x->part_size; pos < st.st_size; pos += (off_t)i) {
		if (fio_read(&got, fd, buf, sizeof(buf), pos) != 0 ||
		    got < FINDEX_ENTRY)
			break;
		for (i = 0; i + FINDEX_ENTRY <= got;) {
			if (!fbucket_read(&e, buf + i)) {
				i++;
				continue;
			}
			i += FINDEX_ENTRY;
			if (e.expires < x->earliest)
				x->earliest = e.expires;
		}
	}
	x->part_size = pos;
	(void)close(fd);
	return x->earliest <= j->before;
}

static int
bucket(struct due *j, int at, const struct fbucket_name *due)
{
	struct fbucket_name b = *due;
	char from[40], to[40];
	int r;

	j->bucket = b.bucket;
	fbucket_print(from, &b);
	if (b.claim != 0)
		return claimed(j, at, from);
	if (b.bucket == fbucket_of(j->before) && !part_due(j, at, from))
		return 0;
	do
		r = rand_bytes(&b.claim, sizeof(b.claim), j->err);
	while (r == 0 && b.claim == 0);
	if (r != 0)
		return r;
	fbucket_print(to, &b);
	/* ENOENT: another reaper was faster. */
	if (renameat(at, from, at, to) != 0)
		return errno == ENOENT ? 0 : failed(j, errno);
	j->x->part_ino = 0;
	return claimed(j, at, to);
}

static int
collect(void *arg, int at, const char *name)
{
	struct due *j = arg;
	struct fbucket_name b, *bigger;
	size_t cap;

	(void)at;
	if (!fbucket_parse(&b, name))
		return 0;
	/* What is left of a claim is due, whatever its name. */
	if (b.claim != 0)
		j->x->first = INT64_MIN;
	else if (b.bucket < j->x->first)
		j->x->first = b.bucket;
	if (b.claim == 0 && b.bucket > fbucket_of(j->before))
		return 0;
	if (j->n == j->cap) {
		cap = j->cap != 0 ? 2 * j->cap : 64;
		bigger = hook_alloc(&j->d->hook, cap * sizeof(*bigger));
		if (bigger == NULL)
			return sstate_fail(j->err, SSTATE_ENOMEM, 0,
			    "file: reap");
		if (j->n != 0)
			memcpy(bigger, j->names, j->n * sizeof(*bigger));
		hook_free(&j->d->hook, j->names, j->cap * sizeof(*bigger));
		j->names = bigger;
		j->cap = cap;
	}
	j->names[j->n++] = b;
	return 0;
}

static int
oldest_first(const void *a, const void *b)
{
	const struct fbucket_name *x = a, *y = b;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return (x->claim > y->claim) - (x->claim < y->claim);
}

/* Nothing was added or claimed since the last look, and nothing was due? */
static int
quiet(struct due *j, const char *path)
{
	struct findex *x = j->x;
	struct stat st;
	int same;

	if (fstatat(j->d->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT;
	same = strcmp(x->seen_ns, j->ns) == 0 && x->changed.tv_sec != 0 &&
	    x->changed.tv_sec == st.st_mtim.tv_sec &&
	    x->changed.tv_nsec == st.st_mtim.tv_nsec;
	if (same && x->first > fbucket_of(j->before))
		return 1;
	(void)memcpy(x->seen_ns, j->ns, strlen(j->ns) + 1);
	x->changed = st.st_mtim;
	if (st.st_mtim.tv_sec >= clock_wall() - SETTLED)
		x->changed.tv_sec = 0;
	x->first = INT64_MAX;
	return 0;
}

static int
run(struct due *j)
{
	char path[FDIR_PATH];
	size_t i;
	int at, r;

	if ((r = fbucket_dir(path, j->ns, j->err)) != 0 || quiet(j, path))
		return r;
	if ((r = fwalk_dir(j->d, path, collect, j, j->err)) != 0 || j->n == 0)
		return r;
	if ((at = fdir_sub(j->d, path)) < 0)
		return failed(j, errno);
	qsort(j->names, j->n, sizeof(*j->names), oldest_first);
	for (i = 0; i < j->n && r == 0 && !full(j); i++)
		r = bucket(j, at, &j->names[i]);
	(void)close(at);
	return r;
}

int
findex_reap(uint64_t *removed, struct findex *x, struct fdir *d, const char *ns,
    int64_t before, uint64_t limit, struct sstate_error *err)
{
	struct due j = { 0 };
	int r;

	j.x = x;
	j.d = d;
	j.ns = ns;
	j.before = before;
	j.removed = removed;
	j.limit = limit;
	j.err = err != NULL ? err : &j.own;
	frec_init(&j.r, d);
	r = run(&j);
	/* A step that failed may have left what a short look would miss. */
	if (r != 0 || j.later != 0 || full(&j))
		x->changed.tv_sec = 0;
	frec_done(&j.r);
	hook_free(&d->hook, j.names, j.cap * sizeof(*j.names));
	return r != 0 ? r : j.later;
}
