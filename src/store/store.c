/*
 * store.c - a store as the session layer sees it: checks, texts, metrics
 *
 * Invariant: whatever a driver does, the caller gets 0, one SSTATE_E* or
 * what its own callback returned; a record that a driver hands out broken is
 * an error and never shown; no text tells a key or a body.
 * There is no write without an expected revision, so nothing ended comes
 * back.
 */
#include "store/store.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "store/conf.h"
#include "store/load.h"
#include "store/pool.h"

struct store {
	struct pool *pool;
	const struct sstate_driver *d;
	struct hook hook;
	void *arg;
	void (*metric)(void *arg, const struct sstate_metric *m);
};

/* One call: what is given back and counted at its end. */
struct op {
	struct store *st;
	const char *name;
	void *ctx;
	int slot;
	uint64_t began;
	size_t bytes;
	struct sstate_error *err;
	sstate_found_fn *found;
	sstate_each_fn *each;
	void *arg;
	bool told; /* a callback was called and said what is returned */
	int said;
};

/* ---- Open and close --------------------------------------------------- */

static int
find_driver(const struct sstate_driver **out, const struct store_options *o,
    void *handle, struct sstate_error *err)
{
	struct sstate_conf *c;
	int r;

	*out = NULL;
	if ((r = conf_parse(&c, o->uris[0], handle, o->flags, o->ns, &o->hook,
		 err)) != 0)
		return r;
	r = load_driver(out, conf_scheme(c), o->drivers, o->flags, err);
	conf_free(c);
	if (r == 0 && handle != NULL && ((*out)->caps & SSTATE_CAP_HANDLE) == 0)
		r = sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: this store takes no ready-made handle",
		    (*out)->scheme);
	return r;
}

int
store_open(struct store **out, const struct store_options *o,
    struct sstate_error *err)
{
	struct pool_options po;
	struct store *st;
	int r;

	*out = NULL;
	if (o->uris == NULL || o->uris[0] == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no URI");
	if (o->uris[1] != NULL)
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "store: several URIs, but this build has no layers");
	memset(&po, 0, sizeof(po));
	po.uri = o->uris[0];
	po.handle = o->handles != NULL ? o->handles[0] : NULL;
	po.ns = o->ns;
	po.flags = o->flags;
	po.hook = o->hook;
	if ((r = find_driver(&po.driver, o, po.handle, err)) != 0)
		return r;
	if ((st = hook_alloc(&o->hook, sizeof(*st))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, po.driver->scheme);
	memset(st, 0, sizeof(*st));
	st->d = po.driver;
	st->hook = o->hook;
	st->arg = o->arg;
	st->metric = o->metric;
	if ((r = pool_open(&st->pool, &po, err)) != 0) {
		hook_free(&o->hook, st, sizeof(*st));
		return r;
	}
	*out = st;
	return 0;
}

void
store_close(struct store *st)
{
	struct hook h;

	if (st == NULL)
		return;
	h = st->hook;
	pool_close(st->pool);
	hook_free(&h, st, sizeof(*st));
}

uint32_t
store_caps(const struct store *st)
{
	return st->d->caps;
}

const char *
store_name(const struct store *st)
{
	return st->d->scheme;
}

/* ---- Around each call ------------------------------------------------- */

static int
op_begin(struct op *op, struct store *st, const char *name, const int *slot,
    struct sstate_error *err)
{
	memset(op, 0, sizeof(*op));
	op->st = st;
	op->name = name;
	op->slot = slot != NULL ? *slot : -1;
	op->err = err;
	/* An older code must not pass for the driver's own text. */
	err_clear(err);
	if (st->metric != NULL)
		op->began = clock_mono_us();
	return pool_take(&op->ctx, &op->slot, st->pool, err);
}

/* "scheme: operation: what the driver wrote", whatever the driver wrote. */
static void
name_text(const struct op *op, int r)
{
	struct sstate_error *err = op->err;
	const char *scheme = op->st->d->scheme;
	size_t ns = strlen(scheme), no = strlen(op->name), skip = 0;
	char was[sizeof(err->text)];

	if (err == NULL)
		return;
	if (err->code != r) {
		err->sys = 0;
		(void)sstate_fail(err, r, 0, "%s: %s: %s", scheme, op->name,
		    sstate_strerror(r));
		return;
	}
	if (strncmp(err->text, scheme, ns) == 0 && err->text[ns] == ':')
		skip = err->text[ns + 1] == ' ' ? ns + 2 : ns + 1;
	if (skip > 0 && strncmp(err->text + skip, op->name, no) == 0)
		return;
	memcpy(was, err->text, sizeof(was));
	(void)snprintf(err->text, sizeof(err->text), "%s: %s: %.200s", scheme,
	    op->name, was + skip);
}

/* What a driver returned, made one of the promised codes. */
static int
op_judge(const struct op *op, int r)
{
	if (op->told && r == op->said)
		return r; /* the callback's own, text and all */
	if (r == 0 || r == SSTATE_ENOTFOUND || r == SSTATE_EEXIST ||
	    r == SSTATE_ECONFLICT)
		return r;
	if (r > 0 || r < SSTATE_EEXIST)
		r = SSTATE_ESTORE;
	name_text(op, r);
	return r;
}

static int
op_end(struct op *op, int *slot, int r)
{
	struct sstate_metric m;
	struct store *st = op->st;

	if (op->ctx != NULL) {
		r = op_judge(op, r);
		pool_give(st->pool, op->slot);
	}
	if (slot != NULL)
		*slot = op->slot;
	if (st->metric != NULL) {
		m.store = st->d->scheme;
		m.operation = op->name;
		m.code = r;
		m.microseconds = clock_mono_us() - op->began;
		m.bytes = op->bytes;
		st->metric(st->arg, &m);
	}
	return r;
}

/* A write that the driver's contract does not allow never reaches it. */
static int
check_write(const struct store *st, const char *name,
    const struct sstate_record *rec, struct sstate_error *err)
{
	if (rec->body.ptr == NULL || rec->body.len == 0 || rec->rev == 0 ||
	    rec->rev == SSTATE_ANY_REV || rec->expires < 0 || rec->pad != 0 ||
	    (rec->flags & ~SSTATE_REC_VERIFY) != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: %s: no proper record", st->d->scheme, name);
	if (rec->body.len > LIMIT_RECORD_BYTES)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "%s: %s: %zu bytes, over %u", st->d->scheme, name,
		    rec->body.len, LIMIT_RECORD_BYTES);
	return 0;
}

/* what cannot have been written is damage, not a record. */
static int
check_read(struct op *op, const struct sstate_record *rec)
{
	if (rec != NULL && rec->body.ptr != NULL && rec->body.len > 0 &&
	    rec->body.len <= LIMIT_RECORD_BYTES && rec->rev != 0 &&
	    rec->rev != SSTATE_ANY_REV && rec->expires >= 0) {
		op->bytes += rec->body.len;
		return 0;
	}
	return sstate_fail(op->err, SSTATE_ESTORE, 0,
	    "%s: %s: a damaged record", op->st->d->scheme, op->name);
}

static int
on_found(void *arg, const struct sstate_record *rec)
{
	struct op *op = arg;
	int r;

	if ((r = check_read(op, rec)) != 0)
		return r;
	op->told = true;
	return op->said = op->found(op->arg, rec);
}

static int
on_each(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct op *op = arg;
	int r;

	if ((r = check_read(op, rec)) != 0)
		return r;
	op->told = true;
	return op->said = op->each(op->arg, key, rec);
}

/* ---- The calls -------------------------------------------------------- */

int
store_get(struct store *st, int *slot, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err)
{
	struct op op;
	int r;

	if ((r = op_begin(&op, st, "get", slot, err)) == 0) {
		op.found = found;
		op.arg = arg;
		r = st->d->get(op.ctx, key, on_found, &op, err);
		/* neither a record nor a reason is a failure. */
		if (r == 0 && !op.told)
			r = sstate_fail(err, SSTATE_ESTORE, 0,
			    "%s: get: no record and no reason", st->d->scheme);
	}
	return op_end(&op, slot, r);
}

int
store_create(struct store *st, int *slot, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct op op;
	int r;

	if ((r = check_write(st, "create", rec, err)) != 0)
		return r;
	if ((r = op_begin(&op, st, "create", slot, err)) == 0) {
		op.bytes = rec->body.len;
		r = st->d->create(op.ctx, key, rec, err);
	}
	return op_end(&op, slot, r);
}

int
store_replace(struct store *st, int *slot, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec,
    struct sstate_error *err)
{
	struct op op;
	int r;

	if ((r = check_write(st, "replace", rec, err)) != 0)
		return r;
	if (expected == 0 || expected == SSTATE_ANY_REV)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: replace: without a revision", st->d->scheme);
	if ((r = op_begin(&op, st, "replace", slot, err)) == 0) {
		op.bytes = rec->body.len;
		r = st->d->replace(op.ctx, key, expected, rec, err);
	}
	return op_end(&op, slot, r);
}

int
store_remove(struct store *st, int *slot, const struct sstate_key *key,
    uint64_t expected, struct sstate_error *err)
{
	struct op op;
	int r;

	if ((r = op_begin(&op, st, "remove", slot, err)) == 0)
		r = st->d->remove(op.ctx, key, expected, err);
	return op_end(&op, slot, r);
}

int
store_reap(uint64_t *removed, struct store *st, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct op op;
	int r;

	*removed = 0;
	if (st->d->reap == NULL && (st->d->caps & SSTATE_CAP_EXPIRE) != 0)
		return 0;
	if (st->d->reap == NULL)
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: this store cannot be reaped", st->d->scheme);
	if ((r = op_begin(&op, st, "reap", NULL, err)) == 0)
		r = st->d->reap(removed, op.ctx, ns, before,
		    limit == 0 ? UINT64_MAX : limit, err);
	return op_end(&op, NULL, r);
}

int
store_each(struct store *st, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct op op;
	int r;

	if (st->d->each == NULL)
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: this store cannot be listed", st->d->scheme);
	if ((r = op_begin(&op, st, "each", NULL, err)) == 0) {
		op.each = fn;
		op.arg = arg;
		r = st->d->each(op.ctx, ns, tag, on_each, &op, err);
	}
	return op_end(&op, NULL, r);
}

int
store_latest(int64_t *seen, struct store *st, int64_t now,
    struct sstate_error *err)
{
	struct op op;
	int r;

	*seen = now;
	if (st->d->latest == NULL)
		return 0;
	if ((r = op_begin(&op, st, "latest", NULL, err)) == 0)
		r = st->d->latest(seen, op.ctx, now, err);
	return op_end(&op, NULL, r);
}
