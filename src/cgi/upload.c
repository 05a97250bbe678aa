/*
 * upload.c - what a multipart body holds: parameters, and files
 *
 * Invariant: at most one descriptor is open at a time, its file has no name
 * from birth (or loses it at once), and upload_free() leaves nothing, in
 * whatever state it finds the parse (M13).
 */
#include "cgi/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/limits.h"
#include "base/rand.h"

struct upload_file {
	struct sstate_file pub;
	const char *field;
	struct upload_file *next;
	void *map; /* NULL: in the arena */
	size_t maplen;
	size_t len;
};

void
upload_init(struct upload *u, struct arena *a, size_t max_files,
    size_t max_params, size_t nparams_before, struct sstate_error *err)
{
	memset(u, 0, sizeof(*u));
	u->a = a;
	u->err = err;
	u->max_files = max_files;
	u->max_params = max_params;
	u->nparams_before = nparams_before;
	u->fd = -1;
}

void
upload_free(struct upload *u)
{
	struct upload_file *f;

	for (f = u->first; f != NULL; f = f->next)
		if (f->map != NULL)
			(void)munmap(f->map, f->maplen);
	if (u->fd >= 0)
		(void)close(u->fd);
	u->first = u->last = u->file = NULL;
	u->fd = -1;
}

const struct sstate_file *
upload_find(const struct upload *u, const char *field, size_t i)
{
	const struct upload_file *f;

	for (f = u->first; f != NULL; f = f->next)
		if (strcmp(f->field, field) == 0 && i-- == 0)
			return &f->pub;
	return NULL;
}

static int
begin(void *arg, const struct part *part)
{
	struct upload *u = arg;
	struct upload_file *f;

	u->file = NULL;
	if ((u->name = arena_str(u->a, part->name)) == NULL)
		return SSTATE_ENOMEM;
	if (part->filename != NULL) {
		if ((f = arena_zero(u->a, sizeof(*f))) == NULL ||
		    (f->pub.filename = arena_str(u->a, part->filename)) ==
			NULL ||
		    (f->pub.type = arena_str(u->a,
			 part->type != NULL ? part->type : "text/plain")) ==
			NULL)
			return SSTATE_ENOMEM;
		f->field = u->name;
		u->file = f;
	} else if (u->nparams + u->nparams_before >= u->max_params)
		return SSTATE_ETOOBIG;
	buf_init(&u->buf, u->a, 0,
	    u->file != NULL ? LIMIT_FILE_MEMORY_BYTES : LIMIT_VALUE_BYTES);
	return u->buf.bad;
}

static int
write_all(struct upload *u, const char *p, size_t n)
{
	ssize_t have;

	while (n > 0) {
		have = write(u->fd, p, n);
		if (have < 0 && errno == EINTR)
			continue;
		if (have <= 0)
			return sstate_fail(u->err, SSTATE_ESYS,
			    have == 0 ? ENOSPC : errno,
			    "upload: write a temporary file");
		p += have;
		n -= (size_t)have;
	}
	return 0;
}

/* Where O_TMPFILE is not to be had: a name of ours, that is gone at once. */
static int
open_and_unlink(struct upload *u, const char *dir)
{
	unsigned char id[16];
	char path[4096], hex[33];
	int n, r;

	if ((r = rand_bytes(id, sizeof(id), u->err)) != 0)
		return r;
	hex_encode(hex, id, sizeof(id));
	n = snprintf(path, sizeof(path), "%s/.securestate-%s", dir, hex);
	if (n < 0 || (size_t)n >= sizeof(path))
		return sstate_fail(u->err, SSTATE_ESYS, ENAMETOOLONG,
		    "upload: TMPDIR");
	u->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (u->fd < 0)
		return sstate_fail(u->err, SSTATE_ESYS, errno,
		    "upload: make a temporary file");
	/* Nothing is written to one that keeps its name. */
	if (unlink(path) != 0)
		return sstate_fail(u->err, SSTATE_ESYS, errno,
		    "upload: unlink a temporary file");
	return 0;
}

static int
open_nameless(struct upload *u)
{
	const char *dir = secure_getenv("TMPDIR");

	if (dir == NULL || dir[0] != '/')
		dir = "/tmp";
	u->fd = open(dir, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	return u->fd >= 0 ? 0 : open_and_unlink(u, dir);
}

static int
data(void *arg, const char *p, size_t n)
{
	struct upload *u = arg;
	int r;

	if (u->file == NULL) {
		buf_put(&u->buf, p, n);
		return u->buf.bad;
	}
	if (n > u->max_files - u->file_bytes)
		return SSTATE_ETOOBIG;
	u->file_bytes += n;
	u->file->len += n;
	if (u->fd < 0 && u->file->len > LIMIT_FILE_MEMORY_BYTES) {
		if ((r = open_nameless(u)) != 0 ||
		    (r = write_all(u, (char *)u->buf.p, u->buf.len)) != 0)
			return r;
	}
	if (u->fd >= 0)
		return write_all(u, p, n);
	buf_put(&u->buf, p, n);
	return u->buf.bad;
}

/* Map the file; the NUL after its end is in it, too. */
static int
map(struct upload *u, struct upload_file *f)
{
	void *p;
	int r;

	if ((r = write_all(u, "", 1)) != 0)
		return r;
	f->maplen = f->len + 1;
	p = mmap(NULL, f->maplen, PROT_READ, MAP_PRIVATE, u->fd, 0);
	if (p == MAP_FAILED)
		return sstate_fail(u->err, SSTATE_ESYS, errno,
		    "upload: map a temporary file");
	f->map = p;
	f->pub.data.ptr = p;
	(void)close(u->fd);
	u->fd = -1;
	return 0;
}

static int
end_file(struct upload *u)
{
	struct upload_file *f = u->file;
	int r;

	/* What a browser sends where no file was chosen. */
	if (f->len == 0 && f->pub.filename[0] == '\0')
		return 0;
	f->pub.data.len = f->len;
	/* Before it is mapped: upload_free() walks this list. */
	if (u->last != NULL)
		u->last->next = f;
	else
		u->first = f;
	u->last = f;
	u->files++;
	if (u->fd >= 0 && (r = map(u, f)) != 0)
		return r;
	if (f->map == NULL)
		f->pub.data.ptr = buf_cstr(&u->buf);
	return 0;
}

static int
end_param(struct upload *u)
{
	size_t cap = u->cap == 0 ? 16 : u->cap * 2;
	struct sstate_param *p;

	if (u->nparams == u->cap) {
		if ((p = arena_grow(u->a, u->params, u->cap * sizeof(*p),
			 cap * sizeof(*p))) == NULL)
			return SSTATE_ENOMEM;
		u->params = p;
		u->cap = cap;
	}
	p = &u->params[u->nparams++];
	p->name = u->name;
	p->value.ptr = buf_cstr(&u->buf);
	p->value.len = u->buf.len;
	p->from = SSTATE_FROM_BODY;
	return 0;
}

static int
end(void *arg)
{
	struct upload *u = arg;
	int r;

	r = u->file != NULL ? end_file(u) : end_param(u);
	u->file = NULL;
	return r;
}

const struct part_sink upload_sink = { begin, data, end };
