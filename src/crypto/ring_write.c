/*
 * ring_write.c - the key ring's file, made or replaced whole
 *
 * Invariant: under the ring's name there is never a half-written file, nor
 * one that others could have read for a moment, nor one with two links.
 */
#include "crypto/ring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <securestate.h>
#include <securestate/store.h>

#include "base/codec.h"
#include "base/rand.h"
#include "base/sysnum.h"
#include "base/wipe.h"
#include "crypto/derive.h"
#include "crypto/ring.h"

void
ring_put(struct ring_text *t, const void *p, size_t n)
{
	if (n > sizeof(t->buf) - t->len) {
		t->full = 1;
		return;
	}
	memcpy(t->buf + t->len, p, n);
	t->len += n;
}

void
ring_put_str(struct ring_text *t, const char *s)
{
	ring_put(t, s, strlen(s));
}

void
ring_put_num(struct ring_text *t, int64_t v)
{
	char num[24];

	(void)snprintf(num, sizeof(num), " %lld", (long long)v);
	ring_put_str(t, num);
}

int
ring_put_fresh(struct ring_text *t, uint8_t kid, int64_t not_before,
    int64_t min_created, struct sstate_error *err)
{
	char text[B64_LEN(SECRET_BYTES) + 1], num[16];
	uint8_t secret[SECRET_BYTES];
	int r;

	if ((r = rand_bytes(secret, sizeof(secret), err)) != 0)
		return r;
	b64_encode(text, secret, sizeof(secret));
	(void)snprintf(num, sizeof(num), "%u %d ", kid, SUITE_1);
	ring_put_str(t, num);
	ring_put(t, text, sizeof(text) - 1);
	ring_put_num(t, not_before);
	ring_put_num(t, 0);
	ring_put_num(t, min_created);
	ring_put_str(t, "\n");
	wipe(secret, sizeof(secret));
	wipe(text, sizeof(text));
	return 0;
}

/* Written, owned, synced; or errno. */
static int
fill(int fd, const struct ring_text *t, uid_t uid)
{
	size_t done = 0;
	ssize_t n;

	/* The umask may have taken even our own bits. */
	if (fchmod(fd, 0600) != 0)
		return errno;
	if (uid != geteuid() && fchown(fd, uid, (gid_t)-1) != 0)
		return errno;
	while (done < t->len) {
		n = write(fd, t->buf + done, t->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		done += (size_t)n;
	}
	return fsync(fd) != 0 ? errno : 0;
}

/* Put the unnamed file in place, if there is none; or errno. */
static int
link_it(int fd, int dir, const char *name)
{
	char self[40];

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) != 0)
		return errno;
	return 0;
}

/*
 * By a name of its own, then renamed: the fall-back where there is no
 * O_TMPFILE or no /proc, and the way to replace a ring.
 */
static int
rename_it(int dir, const char *name, const struct ring_text *t, int replace,
    uid_t uid)
{
	char tmp[NAME_MAX + 1];
	unsigned char rnd[8];
	char hex[17];
	int fd, e;

	if (rand_bytes(rnd, sizeof(rnd), NULL) != 0)
		return EIO;
	hex_encode(hex, rnd, sizeof(rnd));
	(void)snprintf(tmp, sizeof(tmp), ".ring-%s", hex);
	fd = openat(dir, tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	e = fill(fd, t, uid);
	if (close(fd) != 0 && e == 0)
		e = errno;
	if (e == 0 &&
	    renameat2(dir, tmp, dir, name, replace ? 0 : RENAME_NOREPLACE) != 0)
		e = errno;
	if (e != 0)
		(void)unlinkat(dir, tmp, 0);
	return e;
}

static int
sync_dir(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), e = 0;

	if (fd < 0)
		return errno;
	if (fsync(fd) != 0)
		e = errno;
	(void)close(fd);
	return e;
}

int
ring_write(int dir, const char *name, const struct ring_text *t, int replace,
    uid_t uid, const char *path, struct sstate_error *err)
{
	int fd = -1, e = ENOTSUP;

	if (t->full)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "key ring %s: more than %u bytes", path, LIMIT_RING_BYTES);
	/* Killed at any point, an unnamed file leaves no secret behind. */
	if (!replace &&
	    (fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)) >=
		0) {
		if ((e = fill(fd, t, uid)) == 0 &&
		    (e = link_it(fd, dir, name)) != 0 && e != EEXIST)
			e = ENOTSUP;
		(void)close(fd);
	}
	if (e == ENOTSUP)
		e = rename_it(dir, name, t, replace, uid);
	if (e == 0)
		e = sync_dir(dir);
	if (e != 0)
		return sstate_fail(err,
		    e == EEXIST ? SSTATE_EEXIST : SSTATE_ESYS, e,
		    "key ring %s: write", path);
	return 0;
}

int
keyring_create(struct keyring **out, const char *path, int64_t max_lifetime,
    int64_t now, struct sstate_error *err)
{
	char name[NAME_MAX + 1];
	struct ring_text t;
	int dir = -1, r;

	*out = NULL;
	if (max_lifetime < 1 || max_lifetime > LIMIT_COOKIE_AGE || now < 0 ||
	    now > RING_TIME_MAX)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "key ring: max_lifetime is out of range");
	t.len = 0;
	t.full = 0;
	if ((r = ring_dir(&dir, name, path, geteuid(), err)) != 0)
		return r;
	ring_put_str(&t, "max_lifetime");
	ring_put_num(&t, max_lifetime);
	ring_put_str(&t, "\n");
	r = ring_put_fresh(&t, 1, now, 0, err);
	if (r == 0)
		r = ring_write(dir, name, &t, 0, geteuid(), path, err);
	wipe(t.buf, t.len);
	(void)close(dir);
	/* Another maker was faster: then its ring is everybody's. */
	if (r != 0 && r != SSTATE_EEXIST)
		return r;
	return keyring_load(out, path, geteuid(), err);
}
