/*
 * file_walk.c - one directory's names, or a namespace's records, in no order
 *
 * Invariant: a name that we would not have made is passed over.
 */
#include "store/file_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"

enum { SUBS = 256, SAMPLE = 1024 };

struct walk {
	fwalk_key_fn *fn;
	void *arg;
	struct sstate_key key;
};

int
fwalk_dir(struct fdir *d, const char *path, fwalk_name_fn *fn, void *arg,
    struct sstate_error *err)
{
	const struct dirent *e;
	DIR *dir;
	int fd, r = 0;

	if ((fd = fdir_sub(d, path)) < 0)
		return errno == ENOENT ? 0
				       : sstate_fail(err, SSTATE_ESTORE, errno,
					     "file: list a directory");
	if ((dir = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return sstate_fail(err, SSTATE_ENOMEM, 0,
		    "file: list a directory");
	}
	for (;;) {
		errno = 0;
		if ((e = readdir(dir)) == NULL) {
			if (errno != 0)
				r = sstate_fail(err, SSTATE_ESTORE, errno,
				    "file: list a directory");
			break;
		}
		if (e->d_name[0] != '.' &&
		    (r = fn(arg, dirfd(dir), e->d_name)) != 0)
			break;
	}
	(void)closedir(dir);
	return r;
}

static int
record(void *arg, int at, const char *name)
{
	struct walk *w = arg;
	size_t n = SSTATE_ID_BYTES - 1;

	(void)at;
	if (strlen(name) != 2 * n ||
	    hex_decode(w->key.id + 1, n, name, 2 * n) != (int)n)
		return 0;
	return w->fn(w->arg, &w->key);
}

int
fwalk_records(struct fdir *d, const char *ns, unsigned from, unsigned to,
    fwalk_key_fn *fn, void *arg, struct sstate_error *err)
{
	char path[FDIR_PATH];
	struct walk w;
	size_t n;
	int r;

	if ((r = fdir_ns(path, ns, err)) != 0)
		return r;
	n = strlen(path);
	memset(&w, 0, sizeof(w));
	w.fn = fn;
	w.arg = arg;
	w.key.ns = ns;
	for (; from < to && r == 0; from++) {
		(void)snprintf(path + n, sizeof(path) - n, "/%02x",
		    from & 0xff);
		w.key.id[0] = (unsigned char)from;
		r = fwalk_dir(d, path, record, &w, err);
	}
	return r;
}

static int
one_more(void *arg, const struct sstate_key *key)
{
	(void)key;
	++*(uint64_t *)arg;
	return 0;
}

int
fwalk_count(uint64_t *about, struct fdir *d, const char *ns,
    struct sstate_error *err)
{
	/* Not always the same ones: what is uneven evens out. */
	unsigned at = (unsigned)(clock_mono_us() % SUBS), n;
	uint64_t seen = 0;
	int r;

	*about = 0;
	for (n = 0; n < SUBS && seen < SAMPLE; n++, at = (at + 1) % SUBS)
		if ((r = fwalk_records(d, ns, at, at + 1, one_more, &seen,
			 err)) != 0)
			return r;
	*about = seen * SUBS / n;
	return 0;
}
