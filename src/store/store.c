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
#include "base/hint.h"
#include "base/limits.h"
#include "store/layered.h"
#include "store/pool.h"
#include "store/store_own.h"

/* One call: what is given back and counted at its end. */
struct op {
	struct store *st;
	enum policy_call call;
	const char *name;
	void *ctx;
	int slot;
	uint64_t began;
	size_t bytes;
	struct sstate_error *err;
	sstate_found_fn *found;
	sstate_each_fn *each;
	void *arg;
	bool gated; /* the policy answered, not the store */
	bool told; /* a callback was called and said what is returned */
	int said;
};

/* ---- Around each call ------------------------------------------------- */

static int
op_begin(struct op *op, struct store *st, enum policy_call call,
    const int *slot, struct sstate_error *err)
{
	int r;

	memset(op, 0, sizeof(*op));
	op->st = st;
	op->call = call;
	op->name = policy_name(call);
	op->slot = slot != NULL ? *slot : -1;
	op->err = err;
	/* An older code must not pass for the driver's own text. */
	err_clear(err);
	if (st->metric != NULL)
		op->began = clock_mono_us();
	if ((r = policy_gate(&st->policy, call, st->d->scheme, err)) != 0) {
		op->gated = true;
		return r;
	}
	return pool_take(&op->ctx, &op->slot, st->pool, err);
}

/* "scheme: operation: what the driver wrote", whatever the driver wrote. */
static APART void
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
	if (op->gated && r == POLICY_SKIP)
		r = op->call == CALL_GET ? SSTATE_ENOTFOUND : 0;
	else if (!op->gated)
		policy_note(&st->policy, op->call,
		    op->told && r == op->said ? 0 : r);
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

/* Of layers each store has a cap of its own. */
static const struct sstate_record *
capped(struct sstate_record *copy, const struct store *st,
    const struct sstate_record *rec)
{
	if (st->policy.max_expires == 0 || st->layers != NULL)
		return rec;
	return policy_cap(&st->policy, copy, rec, store_now(st));
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

static int
get(struct store *st, int *slot, const struct sstate_key *key, bool far,
    sstate_found_fn *found, void *arg, struct sstate_error *err)
{
	struct op op;
	int r;

	if ((r = op_begin(&op, st, CALL_GET, slot, err)) == 0) {
		op.found = found;
		op.arg = arg;
		r = far && st->layers != NULL
		    ? layers_get_far(op.ctx, key, on_found, &op, err)
		    : st->d->get(op.ctx, key, on_found, &op, err);
		/* neither a record nor a reason is a failure. */
		if (r == 0 && !op.told)
			r = sstate_fail(err, SSTATE_ESTORE, 0,
			    "%s: get: no record and no reason", st->d->scheme);
	}
	return op_end(&op, slot, r);
}

int
store_get(struct store *st, int *slot, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err)
{
	return get(st, slot, key, false, found, arg, err);
}

int
store_get_far(struct store *st, int *slot, const struct sstate_key *key,
    sstate_found_fn *found, void *arg, struct sstate_error *err)
{
	return get(st, slot, key, true, found, arg, err);
}

/* about how many there are, asked once a second at most. */
static APART int
make_room(struct store *st, const char *ns, const struct sstate_record *rec,
    struct sstate_error *err)
{
	uint64_t about;
	int r;

	if (policy_counts(&st->policy)) {
		if ((r = store_count(&about, st, ns, err)) != 0)
			return r;
		policy_counted(&st->policy, about);
	}
	return policy_room(&st->policy, rec, st->d->scheme, err);
}

int
store_create(struct store *st, int *slot, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct sstate_record copy;
	struct op op;
	int r;

	if ((r = check_write(st, "create", rec, err)) != 0)
		return r;
	if (st->policy.max_records != 0 &&
	    (r = make_room(st, key->ns, rec, err)) != 0)
		return r;
	if ((r = op_begin(&op, st, CALL_CREATE, slot, err)) == 0) {
		op.bytes = rec->body.len;
		r = st->d->create(op.ctx, key, capped(&copy, st, rec), err);
	}
	return op_end(&op, slot, r);
}

int
store_replace(struct store *st, int *slot, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec,
    struct sstate_error *err)
{
	struct sstate_record copy;
	struct op op;
	int r;

	if ((r = check_write(st, "replace", rec, err)) != 0)
		return r;
	if (expected == 0 || expected == SSTATE_ANY_REV)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: replace: without a revision", st->d->scheme);
	if ((r = op_begin(&op, st, CALL_REPLACE, slot, err)) == 0) {
		op.bytes = rec->body.len;
		r = st->d->replace(op.ctx, key, expected,
		    capped(&copy, st, rec), err);
	}
	return op_end(&op, slot, r);
}

int
store_remove(struct store *st, int *slot, const struct sstate_key *key,
    uint64_t expected, struct sstate_error *err)
{
	struct op op;
	int r;

	if ((r = op_begin(&op, st, CALL_REMOVE, slot, err)) == 0)
		r = st->d->remove(op.ctx, key, expected, err);
	return op_end(&op, slot, r);
}

APART int
store_reap(uint64_t *removed, struct store *st, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct op op;
	int r;

	*removed = 0;
	if (!store_can(st, CALL_REAP) &&
	    (store_caps(st) & SSTATE_CAP_EXPIRE) != 0)
		return 0;
	if (!store_can(st, CALL_REAP))
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: this store cannot be reaped", st->d->scheme);
	if ((r = op_begin(&op, st, CALL_REAP, NULL, err)) == 0)
		r = st->d->reap(removed, op.ctx, ns, before,
		    limit == 0 ? UINT64_MAX : limit, err);
	return op_end(&op, NULL, r);
}

APART int
store_each(struct store *st, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct op op;
	int r;

	if (!store_can(st, CALL_EACH))
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: this store cannot be listed", st->d->scheme);
	if ((r = op_begin(&op, st, CALL_EACH, NULL, err)) == 0) {
		op.each = fn;
		op.arg = arg;
		r = st->d->each(op.ctx, ns, tag, on_each, &op, err);
	}
	return op_end(&op, NULL, r);
}

APART int
store_latest(int64_t *seen, struct store *st, int64_t now,
    struct sstate_error *err)
{
	struct op op;
	int r;

	*seen = now;
	if (!store_can(st, CALL_LATEST))
		return 0;
	if ((r = op_begin(&op, st, CALL_LATEST, NULL, err)) == 0)
		r = st->d->latest(seen, op.ctx, now, err);
	return op_end(&op, NULL, r);
}

APART int
store_count(uint64_t *about, struct store *st, const char *ns,
    struct sstate_error *err)
{
	struct op op;
	int r;

	*about = 0;
	if (!store_can(st, CALL_COUNT))
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "%s: this store cannot count", st->d->scheme);
	if ((r = op_begin(&op, st, CALL_COUNT, NULL, err)) == 0)
		r = st->d->count(about, op.ctx, ns, err);
	return op_end(&op, NULL, r);
}
