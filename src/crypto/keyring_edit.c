/*
 * keyring_edit.c - the ring's file changed: rotated, retired, raised
 *
 * Invariant: what is written was parsed as strictly as what is read, before
 * it takes the old ring's place; entries that are not meant stay to the
 * octet.  All text with secrets is on the stack and wiped.
 */
#include "crypto/keyring_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/wipe.h"
#include "crypto/ring.h"
#include "crypto/ring_file.h"

struct change {
	enum { ROTATE, RETIRE, RAISE } what;
	uint8_t kid; /* to retire */
	int64_t now, not_before;
	int64_t min_created; /* to raise to */
	/* found out on the way */
	const struct keyring *kr;
	uint8_t fresh; /* the new entry's kid */
	int hit, issuers;
};

static void
put_line(struct ring_text *t, const struct ring_field *kid,
    const struct ring_field *secret, int64_t not_before, int64_t retire_at,
    int64_t min_created)
{
	ring_put(t, kid->ptr, kid->len);
	ring_put_str(t, " 1 ");
	ring_put(t, secret->ptr, secret->len);
	ring_put_num(t, not_before);
	ring_put_num(t, retire_at);
	ring_put_num(t, min_created);
	ring_put_str(t, "\n");
}

/* One line of the old ring, as it is in the new one. */
static void
edit_line(struct ring_text *t, struct change *c, const char *p, const char *end)
{
	static const struct ring_field mark = { "-", 1 };
	struct ring_field f[RING_FIELDS];
	int64_t kid, nb, ra, mc;
	int is_mark;

	if (ring_split(f, p, end) != RING_FIELDS || f[0].ptr[0] == '#') {
		ring_put(t, p, (size_t)(end - p) + 1);
		return;
	}
	kid = ring_number(&f[0], 255);
	nb = ring_number(&f[3], RING_TIME_MAX);
	ra = ring_number(&f[4], RING_TIME_MAX);
	mc = ring_number(&f[5], RING_TIME_MAX);
	is_mark = f[2].len == 1;
	if (c->what == ROTATE && is_mark &&
	    c->now >= ra + 2 * c->kr->max_lifetime)
		return;
	if (is_mark) {
		ring_put(t, p, (size_t)(end - p) + 1);
		return;
	}
	if (c->what == RETIRE && kid == c->kid) {
		c->hit = 1;
		put_line(t, &f[0], &mark, 0, c->now, 0);
		return;
	}
	if (c->what == ROTATE && ra != 0 && c->now >= ra) {
		put_line(t, &f[0], &mark, 0, ra, 0);
		return;
	}
	if (c->what == ROTATE && ra == 0)
		ra = c->not_before + c->kr->max_lifetime;
	if (c->what == RAISE && mc < c->min_created)
		mc = c->min_created;
	if (nb <= c->now && (ra == 0 || c->now < ra))
		c->issuers++;
	put_line(t, &f[0], &f[2], nb, ra, mc);
}

/* The first free kid after the last entry's; 0: none. */
static uint8_t
free_kid(const struct keyring *kr)
{
	unsigned kid = kr->key[kr->count - 1].kid, i;

	for (i = 0; i < 255; i++) {
		kid = kid % 255 + 1;
		if (kr->slot[kid] == 0)
			return (uint8_t)kid;
	}
	return 0;
}

static int
edit_text(struct ring_text *t, struct change *c, const char *text, size_t len,
    const char *path, struct sstate_error *err)
{
	const char *p, *nl, *end = text + len;
	int64_t floor = 0;
	uint32_t i;

	for (p = text; p < end; p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break; /* never: it was parsed */
		edit_line(t, c, p, nl);
	}
	if (c->what == RETIRE && !c->hit)
		return sstate_fail(err, SSTATE_ENOTFOUND, 0,
		    "key ring %s: has no entry %u", path, c->kid);
	if (c->what != ROTATE && (c->what != RETIRE || c->issuers > 0))
		return 0;
	for (i = 0; i < c->kr->count; i++)
		if (c->kr->key[i].min_created > floor)
			floor = c->kr->key[i].min_created;
	if ((c->fresh = free_kid(c->kr)) == 0)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "key ring %s: no kid is free", path);
	return ring_put_fresh(t, c->fresh, c->not_before, floor, err);
}

/* The ring's file, open and locked, still the one that has the name. */
static int
open_locked(int *fd, int dir, const char *name, const char *path, uid_t uid,
    struct sstate_error *err)
{
	const struct timespec nap = { 0, 10 * 1000000 };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat mine, now;
	unsigned i;
	int r;

	for (i = 0; i < 1000; i++) {
		if ((r = ring_open(fd, &mine, dir, name, path, uid, O_RDWR,
			 err)) != 0)
			return r;
		if (fcntl(*fd, F_OFD_SETLK, &lock) == 0 &&
		    fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    now.st_dev == mine.st_dev && now.st_ino == mine.st_ino)
			return 0;
		/* Locked by another editor, or replaced by it meanwhile. */
		(void)close(*fd);
		*fd = -1;
		(void)nanosleep(&nap, NULL);
	}
	return sstate_fail(err, SSTATE_EBUSY, 0, "key ring %s: is locked",
	    path);
}

/* Does the new text make a ring?  Nothing else is ever written. */
static int
verify(const struct ring_text *t, const char *path, struct sstate_error *err)
{
	struct keyring *kr = ring_new();
	int r;

	if (kr == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0,
		    "key ring: no memory");
	r = t->full ? sstate_fail(err, SSTATE_ETOOBIG, 0,
			  "key ring %s: would be too long", path)
		    : ring_parse(kr, t->buf, t->len, path, err);
	keyring_free(kr);
	return r;
}

static int
edit(struct change *c, const char *path, uid_t uid, struct sstate_error *err)
{
	char text[LIMIT_RING_BYTES], name[NAME_MAX + 1];
	struct keyring *kr = NULL;
	struct ring_text t;
	size_t len = 0;
	int dir = -1, fd = -1, r;

	t.len = 0;
	t.full = 0;
	if ((r = ring_dir(&dir, name, path, uid, err)) != 0 ||
	    (r = open_locked(&fd, dir, name, path, uid, err)) != 0)
		goto out;
	if ((kr = ring_new()) == NULL) {
		r = sstate_fail(err, SSTATE_ENOMEM, 0, "key ring: no memory");
		goto out;
	}
	if ((r = ring_read(text, &len, fd, path, err)) == 0)
		r = ring_parse(kr, text, len, path, err);
	c->kr = kr;
	if (r == 0)
		r = edit_text(&t, c, text, len, path, err);
	if (r == 0)
		r = verify(&t, path, err);
	if (r == 0)
		r = ring_write(dir, name, &t, 1, uid, path, err);
	wipe(text, sizeof(text));
	wipe(t.buf, t.len);
out:
	if (fd >= 0)
		(void)close(fd); /* and the lock */
	if (dir >= 0)
		(void)close(dir);
	keyring_free(kr);
	return r;
}

static int
in_range(int64_t t, struct sstate_error *err)
{
	if (t < 0 || t > RING_TIME_MAX / 2)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "key ring: a time is out of range");
	return 0;
}

int
keyring_rotate(uint8_t *kid, const char *path, uid_t uid, int64_t now,
    int64_t delay, struct sstate_error *err)
{
	struct change c = { .what = ROTATE, .now = now };
	int r;

	*kid = 0;
	if ((r = in_range(now, err)) != 0 || (r = in_range(delay, err)) != 0)
		return r;
	c.not_before = now + delay;
	if ((r = edit(&c, path, uid, err)) == 0)
		*kid = c.fresh;
	return r;
}

int
keyring_retire(const char *path, uid_t uid, uint8_t kid, int64_t now,
    struct sstate_error *err)
{
	struct change c = { .what = RETIRE,
		.kid = kid,
		.now = now,
		.not_before = now };
	int r = in_range(now, err);

	return r != 0 ? r : edit(&c, path, uid, err);
}

int
keyring_raise(const char *path, uid_t uid, int64_t min_created,
    struct sstate_error *err)
{
	struct change c = { .what = RAISE, .min_created = min_created };
	int r = in_range(min_created, err);

	return r != 0 ? r : edit(&c, path, uid, err);
}
