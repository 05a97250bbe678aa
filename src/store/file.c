/*
 * file.c - file: sealed records in a directory, one file each
 *
 *	file:DIR[?sync=none|data|full][&max_bytes=N][&timeout_ms=N][&scan=1]
 *
 * Invariants: (1) after a kill at any point a record is the old or the new
 * one; (2) readers neither wait nor see half of one, nor an older one than
 * was acknowledged before they began; (3) nothing is written but under a
 * lock on the record itself, after its name and revision were looked at.
 * file_slot.h, file_index.h and file_user.h have the layout.
 */
#include <string.h>

#include <securestate/store.h>

#include "base/clock.h"
#include "base/hint.h"
#include "base/limits.h"
#include "store/conf.h"
#include "store/file_clock.h"
#include "store/file_dir.h"
#include "store/file_index.h"
#include "store/file_io.h"
#include "store/file_new.h"
#include "store/file_rec.h"
#include "store/file_scan.h"
#include "store/file_user.h"
#include "store/file_walk.h"

enum { WAIT_MS = 10000, SWEEP_EVERY_US = 600000000 };

struct file {
	struct fdir d;
	struct frec kept; /* what get() opened last */
	struct findex x;
	struct fscan s;
	struct fclock k;
	uint64_t swept; /* when t/ was; 0: never */
	int64_t scan; /* the first reap looks at every record */
};

static APART int
options(struct fdir *d, struct sstate_conf *conf, struct sstate_error *err)
{
	static const char *const names[] = { "none", "data", "full" };
	const char *sync = sstate_conf_str(conf, "sync", "data");
	int64_t max;
	int r;

	for (d->sync = FSYNC_NONE; d->sync <= FSYNC_FULL; d->sync++)
		if (strcmp(sync, names[d->sync]) == 0)
			break;
	if (d->sync > FSYNC_FULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "file: sync is none, data or full");
	if ((r = sstate_conf_int(&max, conf, "max_bytes", LIMIT_RECORD_BYTES, 1,
		 LIMIT_RECORD_BYTES, err)) != 0 ||
	    (r = sstate_conf_int(&d->wait_ms, conf, "timeout_ms", WAIT_MS, 1,
		 3600000, err)) != 0)
		return r;
	d->max_body = (size_t)max;
	d->max_file = 2 * fslot_size(d->max_body);
	return 0;
}

static APART void
file_close(void *ctx)
{
	struct file *f = ctx;
	struct hook hook;

	if (f == NULL)
		return;
	hook = f->d.hook;
	frec_done(&f->kept);
	findex_done(&f->x);
	fdir_close(&f->d);
	hook_free(&hook, f, sizeof(*f));
}

static APART int
file_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	const struct hook *hook = conf_hook(conf);
	struct file *f;
	int r;

	*ctx = NULL;
	if ((f = hook_alloc(hook, sizeof(*f))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "file: open");
	memset(f, 0, sizeof(*f));
	f->d.hook = *hook;
	f->d.fd = -1;
	frec_init(&f->kept, &f->d);
	findex_init(&f->x);
	if ((r = options(&f->d, conf, err)) == 0 &&
	    (r = sstate_conf_int(&f->scan, conf, "scan", 0, 0, 1, err)) == 0)
		r = fdir_open(&f->d, sstate_conf_part(conf, SSTATE_CONF_PATH),
		    (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0, err);
	if (r == 0 && f->scan != 0 && f->d.guest)
		r = sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "file: scan=1 is for the user whose directory it is");
	if (r != 0) {
		file_close(f);
		return r;
	}
	*ctx = f;
	return 0;
}

/*
 * A seal that does not open, after a good checksum: read it once more under
 * the lock before it is believed.
 */
static APART int
doubt(struct file *f, sstate_found_fn *found, void *arg)
{
	uint64_t seq = f->kept.s.seq, sum = f->kept.s.sum;

	if (frec_reread(&f->kept, NULL) != 0 ||
	    (f->kept.s.seq == seq && f->kept.s.sum == sum))
		return SSTATE_EAUTH;
	return found(arg, &f->kept.s.rec);
}

static int
file_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct file *f = ctx;
	int r;

	if ((r = frec_open(&f->kept, key, err)) != 0)
		return r;
	if ((r = frec_read(&f->kept, err)) != 0) {
		(void)frec_close(&f->kept, NULL);
		return r;
	}
	r = found(arg, &f->kept.s.rec);
	return r == SSTATE_EAUTH ? doubt(f, found, arg) : r;
}

/* The record, from the last get() if it was that one's. */
static int
hold(struct file *f, const struct sstate_key *key, struct sstate_error *err)
{
	if (frec_is(&f->kept, key))
		return 0;
	return frec_open(&f->kept, key, err);
}

static int
too_big(const struct file *f, const struct sstate_record *rec,
    struct sstate_error *err)
{
	if (rec->body.len == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0, "file: empty body");
	if (rec->body.len > f->d.max_body)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "file: a record of %zu bytes, over max_bytes",
		    rec->body.len);
	return 0;
}

/* A name is taken; by one whose ender was killed before the last step? */
static APART int
clear_ended(struct file *f, const struct sstate_key *key,
    struct sstate_error *err)
{
	int r;

	if ((r = frec_open(&f->kept, key, err)) == SSTATE_ENOTFOUND)
		return 0;
	if (r == 0 && (r = frec_lock(&f->kept, f->d.wait_ms, err)) == 0)
		r = f->kept.s.at >= 0 && f->kept.s.ended
		    ? frec_unlink(&f->kept, err)
		    : SSTATE_EEXIST;
	(void)frec_close(&f->kept, NULL);
	return r == FREC_MOVED ? 0 : r;
}

static int
publish(struct file *f, struct fnew *n, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int r;

	if ((r = fnew_link(n, key, rec, err)) == SSTATE_EEXIST &&
	    (r = clear_ended(f, key, err)) == 0)
		r = fnew_link(n, key, rec, err);
	return r;
}

static int
create(struct file *f, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int tagged = fuser_tagged(rec->tag), entered = 0, r, x;
	struct fnew n;

	if ((r = fnew_make(&n, &f->d, key, rec, 0, err)) != 0)
		goto out;
	if (rec->expires != 0 &&
	    (r = findex_add(&f->x, &f->d, key, rec->expires, err)) != 0)
		goto out;
	if (tagged && (r = fuser_add(&entered, &f->d, key, rec->tag, err)) != 0)
		goto out;
	if ((r = publish(f, &n, key, rec, err)) != 0) {
		if (entered && r != SSTATE_EEXIST)
			fuser_del(&f->d, key, rec->tag);
		goto out;
	}
	if (f->d.sync == FSYNC_FULL || (f->d.sync == FSYNC_DATA && tagged))
		r = fnew_sync(&n, err);
	if (rec->expires != 0 &&
	    (x = findex_confirm(&f->x, &f->d, key, rec->expires, err)) != 0 &&
	    r == 0)
		r = x;
out:
	x = fnew_done(&n, r == 0 ? err : NULL);
	return r != 0 ? r : x;
}

/* Root is here to clean: what it made its owner could not use. */
static int
may_make(const struct file *f, struct sstate_error *err)
{
	if (!f->d.guest)
		return 0;
	return sstate_fail(err, SSTATE_EUNSAFE, 0,
	    "file: nothing is written in another user's directory");
}

static int
file_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct file *f = ctx;
	struct fio_guard g;
	int r;

	if ((r = may_make(f, err)) != 0 || (r = too_big(f, rec, err)) != 0)
		return r;
	fio_guard(&g, f->d.limited);
	r = create(f, key, rec, err);
	fio_unguard(&g);
	return r;
}

/* Lock, and see that it is the revision that the caller knows. */
static int
lock_rev(struct file *f, uint64_t expected, int any, struct sstate_error *err)
{
	const struct fslot *s = &f->kept.s;
	int r;

	if ((r = frec_lock(&f->kept, f->d.wait_ms, err)) != 0)
		return r;
	if (s->at < 0 && !any)
		return sstate_fail(err, SSTATE_EAUTH, 0,
		    "file: a record's file is damaged");
	if (s->at < 0)
		return 0;
	if (s->ended)
		return SSTATE_ENOTFOUND;
	return any || expected == s->rec.rev ? 0 : SSTATE_ECONFLICT;
}

/* Under the lock: entries first, then the record, then what is left over. */
static int
replace_locked(struct file *f, const struct sstate_key *key,
    const struct sstate_record *rec, struct fnew *n, struct sstate_error *err)
{
	unsigned char was[SSTATE_TAG_BYTES];
	int moves, made, r;

	memcpy(was, f->kept.s.rec.tag, sizeof(was));
	moves = memcmp(was, rec->tag, sizeof(was)) != 0;
	if (findex_needs(f->kept.s.rec.expires, rec->expires) &&
	    (r = findex_add(&f->x, &f->d, key, rec->expires, err)) != 0)
		return r;
	if (moves && fuser_tagged(rec->tag) &&
	    (r = fuser_add(&made, &f->d, key, rec->tag, err)) != 0)
		return r;
	r = n != NULL ? fnew_over(n, err) : frec_put(&f->kept, rec, err);
	/* A user's record is not lost; its create may have been nobody's. */
	if (r == 0 && n == NULL && f->d.sync == FSYNC_DATA && moves &&
	    !fuser_tagged(was))
		r = frec_sync_name(&f->kept, err);
	if (r == 0 && moves && fuser_tagged(was))
		fuser_del(&f->d, key, was);
	return r;
}

static int
replace(struct file *f, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	UNFILLED struct fnew n;
	int grows, r, x = 0;

	if ((r = hold(f, key, err)) != 0)
		return r;
	/* A bigger file is made before the lock is taken. */
	if ((grows = !frec_fits(&f->kept, rec->body.len)) != 0)
		r = fnew_make(&n, &f->d, key, rec, 1, err);
	if (r == 0)
		r = lock_rev(f, expected, 0, err);
	if (r == 0)
		r = replace_locked(f, key, rec, grows ? &n : NULL, err);
	if (grows)
		x = fnew_done(&n, r == 0 ? err : NULL);
	if (r == 0)
		r = x;
	x = frec_close(&f->kept, r == 0 ? err : NULL);
	return r != 0 ? r : x;
}

/* 1 once a name has led elsewhere for as long as a lock may take. */
static APART int
too_long(uint64_t *since, const struct file *f)
{
	uint64_t now = clock_mono_us();

	if (*since == 0)
		*since = now;
	return now - *since > (uint64_t)f->d.wait_ms * 1000u;
}

static int
file_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct file *f = ctx;
	UNFILLED struct fio_guard g;
	uint64_t since = 0;
	int r;

	if ((r = may_make(f, err)) != 0 || (r = too_big(f, rec, err)) != 0)
		return r;
	fio_guard(&g, f->d.limited);
	do
		r = replace(f, key, expected, rec, err);
	while (r == FREC_MOVED && !too_long(&since, f));
	fio_unguard(&g);
	if (r == FREC_MOVED)
		r = sstate_fail(err, SSTATE_EBUSY, 0,
		    "file: replace: a record moves");
	return r;
}

static int
end(struct file *f, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	unsigned char tag[SSTATE_TAG_BYTES] = { 0 };
	int r, x;

	if ((r = hold(f, key, err)) != 0)
		return r;
	r = lock_rev(f, expected, expected == SSTATE_ANY_REV, err);
	if (r == SSTATE_ENOTFOUND)
		r = frec_unlink(&f->kept, err);
	else if (r == 0) {
		if (f->kept.s.at >= 0)
			memcpy(tag, f->kept.s.rec.tag, sizeof(tag));
		r = frec_end(&f->kept, f->d.sync, err);
		if (r == 0 && fuser_tagged(tag))
			fuser_del(&f->d, key, tag);
	}
	x = frec_close(&f->kept, r == 0 ? err : NULL);
	return r != 0 ? r : x;
}

static int
file_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct file *f = ctx;
	struct fio_guard g;
	uint64_t since = 0;
	int r;

	fio_guard(&g, f->d.limited);
	do
		r = end(f, key, expected, err);
	while (r == FREC_MOVED && !too_long(&since, f));
	fio_unguard(&g);
	if (r == FREC_MOVED)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "file: remove: a record moves");
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

static APART int
file_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct file *f = ctx;
	struct fio_guard g;
	char path[FDIR_PATH];
	uint64_t now = clock_mono_us();
	int r;

	*removed = 0;
	if ((r = fdir_ns(path, ns, err)) != 0 ||
	    (r = fscan_clock(&f->s, &f->d, ns, err)) != 0)
		return r;
	fio_guard(&g, f->d.limited);
	if (f->scan != 0)
		fscan_again(&f->s, &f->d, ns);
	f->scan = 0;
	if (f->swept == 0 || now - f->swept > SWEEP_EVERY_US) {
		fnew_sweep(&f->d, ns);
		f->swept = now;
	}
	r = fscan_run(removed, &f->s, &f->d, &f->x, ns, before, limit, err);
	if (r == 0 && (limit == 0 || *removed < limit))
		r = findex_reap(removed, &f->x, &f->d, ns, before, limit, err);
	fio_unguard(&g);
	return r;
}

static int
file_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct file *f = ctx;

	return fuser_each(&f->d, ns, tag, fn, arg, err);
}

static int
file_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct file *f = ctx;

	return fclock_latest(seen, &f->d, &f->k, now, err);
}

static int
file_count(uint64_t *about, void *ctx, const char *ns, struct sstate_error *err)
{
	struct file *f = ctx;

	return fwalk_count(about, &f->d, ns, err);
}

SSTATE_DRIVER(file) = { .size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_DURABLE | SSTATE_CAP_TAG | SSTATE_CAP_LINEAR,
	.scheme = "file",
	.open = file_open,
	.close = file_close,
	.get = file_get,
	.create = file_create,
	.replace = file_replace,
	.remove = file_remove,
	.reap = file_reap,
	.each = file_each,
	/* Closing says nothing: locks are the parent's as long as it lives. */
	.abandon = file_close,
	.latest = file_latest,
	.count = file_count };
