/*
 * file_scan.c - what the reaper does once per boot, and when it must not run
 *
 * Invariant: a boot id is written as "whole" only after every record has an
 * entry in the expiry index, or has been removed.
 */
#include "store/file_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <securestate/store.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/rand.h"
#include "store/file_index.h"
#include "store/file_io.h"
#include "store/file_reap.h"
#include "store/file_rec.h"
#include "store/file_slot.h"
#include "store/file_walk.h"

enum {
	STATE_LEN = 72,
	OFF_WHOLE = 8,
	OFF_UNDER = 24,
	OFF_NEXT = 40,
	OFF_OFFSET = 48,
	OFF_JUMPED = 56,
	OFF_SUM = 64,
	SUBS = 256,
	SLICE = 256, /* records looked at before a slice may end */
	JUMP = 86400,
};

static const unsigned char magic[8] = { 'S', 'S', 'B', '1', 0, 0, 0, 0 };

struct look {
	struct fdir *d;
	struct findex *x;
	struct frec r;
	int64_t before;
	uint64_t *removed, limit, seen;
	struct sstate_error err; /* of what is passed over, too */
};

/* Of this boot of the kernel; unchanged where /proc is not there. */
static void
boot_id(unsigned char *id)
{
	char text[40] = "", hex[2 * FSCAN_ID];
	size_t n = 0, i, got = 0;
	int fd;

	memset(id, 0, FSCAN_ID);
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fio_read(&got, fd, text, sizeof(text), 0);
	(void)close(fd);
	for (i = 0; i < got && n < sizeof(hex); i++)
		if (text[i] != '-')
			hex[n++] = text[i];
	if (n != sizeof(hex) || hex_decode(id, FSCAN_ID, hex, n) != FSCAN_ID)
		memset(id, 0, FSCAN_ID);
}

static int
unknown(const unsigned char *id)
{
	static const unsigned char none[FSCAN_ID];

	return memcmp(id, none, FSCAN_ID) == 0;
}

static int64_t
offset_now(void)
{
	return clock_wall() - clock_boot();
}

static int
state_path(char *out, const char *ns, const char *name)
{
	size_t n;

	if (fdir_ns(out, ns, NULL) != 0)
		return -1;
	n = strlen(out);
	(void)snprintf(out + n, FDIR_PATH - n, "/%s", name);
	return 0;
}

/* 1: what it says of the clocks is of this boot; else it says nothing. */
static int
load(struct fscan *s, struct fdir *d, const char *ns)
{
	unsigned char buf[STATE_LEN] = { 0 };
	char path[FDIR_PATH];
	struct stat st;
	size_t got = 0;
	int fd;

	memset(s, 0, sizeof(*s));
	(void)snprintf(s->ns, sizeof(s->ns), "%s", ns);
	boot_id(s->boot);
	s->offset = offset_now();
	if (state_path(path, ns, "boot") != 0 ||
	    (fd = fdir_at(d, path, O_RDONLY, 0)) < 0)
		return 0;
	if (fdir_check(d, fd, &st, "boot", NULL) == 0)
		(void)fio_read(&got, fd, buf, sizeof(buf), 0);
	(void)close(fd);
	if (got != sizeof(buf) || memcmp(buf, magic, sizeof(magic)) != 0 ||
	    get64(buf + OFF_SUM) != fslot_sum(buf, OFF_SUM))
		return 0;
	memcpy(s->whole, buf + OFF_WHOLE, FSCAN_ID);
	memcpy(s->under, buf + OFF_UNDER, FSCAN_ID);
	s->next = get64(buf + OFF_NEXT);
	if (memcmp(s->whole, s->boot, FSCAN_ID) != 0)
		return 0; /* the clocks of another boot say nothing */
	s->offset = (int64_t)get64(buf + OFF_OFFSET);
	s->jumped = (int64_t)get64(buf + OFF_JUMPED);
	return 1;
}

/* Best effort: without it the next reaper looks at every record again. */
static void
save(const struct fscan *s, struct fdir *d)
{
	unsigned char buf[STATE_LEN] = { 0 }, drawn[8];
	char path[FDIR_PATH], temp[24] = ".t-", to[FDIR_PATH];
	int fd, at, made, ok;

	if (d->guest)
		return;
	if (rand_bytes(drawn, sizeof(drawn), NULL) != 0 ||
	    state_path(path, s->ns, "t") != 0 ||
	    state_path(to, s->ns, "boot") != 0)
		return;
	memcpy(buf, magic, sizeof(magic));
	memcpy(buf + OFF_WHOLE, s->whole, FSCAN_ID);
	memcpy(buf + OFF_UNDER, s->under, FSCAN_ID);
	put64(buf + OFF_NEXT, s->next);
	put64(buf + OFF_OFFSET, (uint64_t)s->offset);
	put64(buf + OFF_JUMPED, (uint64_t)s->jumped);
	put64(buf + OFF_SUM, fslot_sum(buf, OFF_SUM));
	hex_encode(temp + 3, drawn, sizeof(drawn));
	if ((at = fdir_make(d, path, &made)) < 0)
		return;
	fd = openat(at, temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		ok = fchmod(fd, 0600) == 0 &&
		    fio_write(fd, buf, sizeof(buf), 0) == 0 &&
		    (d->sync == FSYNC_NONE || fio_sync(fd) == 0);
		(void)close(fd);
		if (!ok || renameat(at, temp, d->fd, to) != 0)
			(void)unlinkat(at, temp, 0);
	}
	(void)close(at);
}

void
fscan_begin(struct fdir *d, const char *ns)
{
	struct fscan s;

	(void)load(&s, d, ns);
	if (!unknown(s.whole) || !unknown(s.under))
		return;
	memcpy(s.whole, s.boot, FSCAN_ID);
	save(&s, d);
}

void
fscan_again(struct fscan *s, struct fdir *d, const char *ns)
{
	(void)load(s, d, ns);
	memset(s->whole, 0, FSCAN_ID);
	memcpy(s->under, s->boot, FSCAN_ID);
	s->next = 0;
	save(s, d);
}

static void
known(struct fscan *s, struct fdir *d, const char *ns)
{
	if (strcmp(s->ns, ns) != 0)
		(void)load(s, d, ns);
}

/*
 * Another process of this boot may have seen the jump, and when, or have
 * believed it.  What this one saw itself stays where nobody says otherwise.
 */
static void
heed(struct fscan *s, struct fdir *d, const char *ns)
{
	struct fscan said;

	if (!load(&said, d, ns))
		return;
	/* Still the same jump, of which we could not write. */
	if (said.jumped == 0 && said.offset - s->offset <= JUMP)
		said.jumped = s->jumped;
	said.done = s->done;
	*s = said;
}

int
fscan_clock(struct fscan *s, struct fdir *d, const char *ns,
    struct sstate_error *err)
{
	int64_t ahead, boot = clock_boot();

	known(s, d, ns);
	if (offset_now() - s->offset > JUMP)
		heed(s, d, ns);
	ahead = offset_now() - s->offset;
	if (ahead <= JUMP) {
		if (ahead < 0)
			s->offset += ahead;
		if (s->jumped != 0) { /* set right: the next one is another */
			heed(s, d, ns);
			s->jumped = 0;
			save(s, d);
		}
		return 0;
	}
	if (s->jumped == 0) {
		s->jumped = boot > 0 ? boot : 1;
		save(s, d);
	}
	if (boot - s->jumped >= JUMP) {
		s->offset = offset_now();
		s->jumped = 0;
		save(s, d);
		return 0;
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "file: the clock jumped ahead by %lld seconds: nothing is reaped "
	    "for a day, or until it is set right",
	    (long long)ahead);
}

/* Without a boot id each process looks for itself. */
static int
is_whole(const struct fscan *s)
{
	return s->done ||
	    (memcmp(s->whole, s->boot, FSCAN_ID) == 0 && !unknown(s->boot));
}

/* A live one gets an entry while its lock keeps it from moving. */
static int
look_at(void *arg, const struct sstate_key *key)
{
	struct look *l = arg;
	int r = 0;

	l->seen++;
	switch (freap_one(&l->r, key, l->before, &l->err)) {
	case FREAP_REMOVED:
		++*l->removed;
		break;
	case FREAP_LIVE:
		if (l->r.s.rec.expires != 0)
			r = findex_add(l->x, l->d, key, l->r.s.rec.expires,
			    &l->err);
		break;
	case FREAP_DAMAGED:
		/* A power cut under sync=none leaves such files. */
		if (fslot_wreck(l->r.img, l->r.size))
			r = frec_unlink(&l->r, &l->err);
		break;
	case FREAP_LATER:
		r = l->err.code;
		break;
	}
	(void)frec_close(&l->r, NULL);
	if (r == 0 && l->limit != 0 && *l->removed >= l->limit)
		return SSTATE_DONE;
	return r;
}

static int
scan(struct fscan *s, struct look *l)
{
	int r = 0;

	while (r == 0 && s->next < SUBS) {
		r = fwalk_records(l->d, s->ns, (unsigned)s->next,
		    (unsigned)s->next + 1, look_at, l, &l->err);
		if (r == 0)
			s->next++;
		if (r == 0 && l->limit != 0 && l->seen >= SLICE)
			r = SSTATE_DONE;
	}
	if (s->next >= SUBS) {
		memcpy(s->whole, s->boot, FSCAN_ID);
		memset(s->under, 0, FSCAN_ID);
		s->next = 0;
		s->done = 1;
		s->offset = offset_now();
		s->jumped = 0;
	}
	save(s, l->d);
	return r == SSTATE_DONE ? 0 : r;
}

int
fscan_run(uint64_t *removed, struct fscan *s, struct fdir *d, struct findex *x,
    const char *ns, int64_t before, uint64_t limit, struct sstate_error *err)
{
	struct look l;
	int r;

	known(s, d, ns);
	if (is_whole(s))
		return 0;
	(void)load(s, d, ns); /* another process may have been at it */
	if (is_whole(s))
		return 0;
	if (memcmp(s->under, s->boot, FSCAN_ID) != 0 || s->next > SUBS) {
		memcpy(s->under, s->boot, FSCAN_ID);
		s->next = 0;
	}
	memset(&l, 0, sizeof(l));
	frec_init(&l.r, d);
	l.d = d;
	l.x = x;
	l.before = before;
	l.removed = removed;
	l.limit = limit;
	r = scan(s, &l);
	if (r != 0 && err != NULL)
		*err = l.err;
	frec_done(&l.r);
	return r;
}
