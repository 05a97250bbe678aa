/*
 * file_fuzzer.c - the file store over a record's file that anybody wrote
 *
 * Input: as fuzz_slot.h has it; the file is put under a record's name and
 * then read, replaced and ended.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <securestate/store.h>

#include "fuzz_slot.h"
#include "store/file_rec.h"

static char top[64];
static struct fdir dir;
static char path[FDIR_PATH];
static const struct sstate_key key = { { 1, 2, 3 }, "app" };

static void
rm_all(void)
{
	char name[sizeof(top) + FDIR_PATH + 2], *slash;

	(void)snprintf(name, sizeof(name), "%s/%s", top, path);
	(void)unlink(name);
	while (strlen(name) > strlen(top) &&
	    (slash = strrchr(name, '/')) != NULL) {
		*slash = '\0';
		(void)rmdir(name);
	}
}

static void
set_up(void)
{
	char sub[FDIR_PATH], *slash;
	int made;

	if (top[0] != '\0')
		return;
	(void)strncpy(top, "/dev/shm/sstate-fuzz-XXXXXX", sizeof(top) - 1);
	if (mkdtemp(top) == NULL) {
		(void)strncpy(top, "/tmp/sstate-fuzz-XXXXXX", sizeof(top) - 1);
		if (mkdtemp(top) == NULL)
			abort();
	}
	dir.wait_ms = 1000;
	dir.max_body = 65536;
	dir.max_file = 2 * fslot_size(dir.max_body);
	dir.sync = FSYNC_NONE;
	if (fdir_open(&dir, top, 1, NULL) != 0 ||
	    fdir_record(path, &key, NULL) != 0)
		abort();
	memcpy(sub, path, sizeof(sub));
	if ((slash = strrchr(sub, '/')) == NULL)
		abort();
	*slash = '\0';
	if ((made = fdir_make(&dir, sub, &made)) < 0)
		abort();
	(void)close(made);
	(void)atexit(rm_all);
}

static void
plant(const unsigned char *img, size_t n)
{
	int fd;

	(void)unlinkat(dir.fd, path, 0);
	fd =
	    openat(dir.fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, img, n) != (ssize_t)n)
		abort();
	(void)close(fd);
}

static void
reads(struct frec *r, int want, const struct sstate_record *rec)
{
	MUST(frec_read(r, NULL) == want);
	MUST(frec_reread(r, NULL) == want);
	if (want != 0)
		return;
	MUST(r->s.rec.rev == rec->rev && r->s.rec.expires == rec->expires &&
	    r->s.rec.body.len == rec->body.len);
	MUST(memcmp(r->s.rec.body.ptr, rec->body.ptr, rec->body.len) == 0);
	MUST(memcmp(r->s.rec.tag, rec->tag, sizeof(rec->tag)) == 0);
}

/* A replace, then the end, as the driver does them. */
static void
writes(struct frec *r)
{
	struct sstate_record rec = { { "a new body", 10 }, 7, 99, { 1 }, 0, 0 };

	MUST(frec_lock(r, 1000, NULL) == 0 && r->s.at >= 0);
	if (r->s.ended || !frec_fits(r, rec.body.len) ||
	    r->s.seq >= UINT64_MAX - 2)
		return;
	MUST(frec_put(r, &rec, NULL) == 0);
	(void)frec_close(r, NULL);
	MUST(frec_open(r, &key, NULL) == 0);
	reads(r, 0, &rec);
	MUST(frec_lock(r, 1000, NULL) == 0);
	MUST(frec_end(r, FSYNC_NONE, NULL) == 0);
	(void)frec_close(r, NULL);
	MUST(frec_open(r, &key, NULL) == SSTATE_ENOTFOUND);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	struct frec r;
	struct fslot s;
	unsigned char *img;
	size_t n;
	int x;

	set_up();
	img = fz_image(&n, in);
	plant(img, n);
	fslot_choose(&s, img, n);
	frec_init(&r, &dir);
	x = frec_open(&r, &key, NULL);
	MUST(x == 0 || (x == SSTATE_ETOOBIG && n > dir.max_file));
	if (x == 0) {
		reads(&r,
		    s.at < 0	  ? SSTATE_EAUTH
			: s.ended ? SSTATE_ENOTFOUND
				  : 0,
		    &s.rec);
		if (s.at >= 0)
			writes(&r);
	}
	frec_done(&r);
	free(img);
	return 0;
}
