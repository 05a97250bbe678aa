/*
 * kv.c - sealed bytes under a name: get, put, remove
 *
 * Invariant: before anything is written under a key, each older one that is
 * accepted has a stub, so of two writers who differ about the key that
 * issues one finds the other's.  A value moves up unchanged, as a copy
 * that counts under the stub of its own revision alone; a removal leaves a
 * mark where a slow copy could still come.  So while keys change, too, no
 * update is lost and nothing removed comes back.
 */
#include <securestate/kv.h>

#include <string.h>

#include "base/err.h"
#include "session/kvop.h"
#include "session/passing.h"
#include "store/store.h"

/* What is handed out, and where it lies. */
struct held {
	struct sstate_kv kv;
	struct arena *a;
};

struct put {
	struct sstate_val value;
	int64_t expires;
	uint64_t expected;
	uint64_t rev; /* that was written */
};

static const struct sstate_val no_value = { "", 0 };

/* ---- While keys change ------------------------------------------------- */

/* from 0: no copy counts. */
static int
stub(struct kv_op *op, size_t i, uint64_t from)
{
	struct kv_head h = { .kind = KV_MOVED,
		.written = op->now,
		.expires = kv_op_stub_end(op),
		.from = from };

	if (op->seen[i].there && h.expires < op->seen[i].head.expires)
		h.expires = op->seen[i].head.expires;
	return kv_op_write(op, i, &h, no_value);
}

/* No writer who takes an older key for the one that issues comes by. */
static int
block(struct kv_op *op)
{
	size_t i;
	int r;

	for (i = 0; i < op->at; i++)
		if (!op->seen[i].moved && (r = stub(op, i, 0)) != 0)
			return r;
	return 0;
}

/* The value at op->at goes one key up, as it is. */
static int
move_up(struct kv_op *op)
{
	size_t i = op->at;
	const struct kv_seen *s = &op->seen[i], *next = s + 1;
	uint64_t seen = s->head.revision, from = kv_op_rev(s);
	struct kv_head h = { .kind = KV_COPY, .from = from };
	int r;

	if ((r = kv_op_read(op, i + 1)) != 0)
		return r;
	if (!next->there || next->head.kind != KV_COPY ||
	    next->head.from != from) {
		/*
		 * What is there counts for nothing while ours is still here:
		 * so it is looked at first, ours after it.
		 */
		if ((r = kv_op_read(op, i)) != 0)
			return r;
		if (!s->there || s->head.revision != seen)
			return SSTATE_DONE;
		h.written = s->head.written;
		h.expires = s->head.expires;
		if ((r = kv_op_write(op, i + 1, &h, s->value)) != 0)
			return r;
	}
	r = stub(op, i, from);
	return r == 0 ? SSTATE_DONE : r;
}

/* Could a copy be on its way to where nothing would be in its way? */
static int
copy_may_come(const struct kv_op *op)
{
	const struct kv_head *below;

	if (op->at == 0 || !op->seen[op->at - 1].there)
		return 0;
	below = &op->seen[op->at - 1].head;
	return below->kind == KV_MOVED && below->from != 0;
}

static int
take_away(struct kv_op *op)
{
	const struct kv_seen *s = &op->seen[op->at];
	struct kv_head h = { .kind = KV_GONE, .written = op->now };

	if (!copy_may_come(op))
		return kv_op_remove(op, op->at, s->head.revision);
	h.expires = kv_op_stub_end(op);
	if (h.expires < s[-1].head.expires)
		h.expires = s[-1].head.expires;
	return kv_op_write(op, op->at, &h, no_value);
}

/* ---- Get --------------------------------------------------------------- */

static int
none(struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ENOTFOUND, 0,
	    "kv: nothing is under that name");
}

int
sstate_kv_get(struct sstate_kv **out, struct sstate *env,
    struct sstate_val name, struct sstate_error *err)
{
	const struct kv_seen *s;
	struct held *held;
	struct kv_op op;
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "kv: no out");
	*out = NULL;
	if ((r = kv_op_begin(&op, env, name, err)) == 0)
		r = kv_op_walk(&op);
	while (r == SSTATE_DONE)
		if ((r = kv_op_again(&op)) == 0)
			r = kv_op_walk(&op);
	if (r == 0 && !op.found)
		r = none(err);
	if (r != 0)
		goto out;
	if ((held = arena_zero(op.a, sizeof(*held))) == NULL) {
		r = err_plain(err, SSTATE_ENOMEM, "kv");
		goto out;
	}
	s = &op.seen[op.at];
	held->kv.value = s->value;
	held->kv.rev = kv_op_rev(s);
	held->kv.written = s->head.written;
	held->kv.expires = s->expires;
	held->a = op.a;
	op.a = NULL; /* the caller's */
	*out = &held->kv;
out:
	kv_op_end(&op);
	return r;
}

void
sstate_kv_free(struct sstate_kv *kv)
{
	if (kv != NULL)
		arena_free(((struct held *)kv)->a);
}

/* ---- Put, remove ------------------------------------------------------- */

/* Of a write: what was seen is not so any more. */
static int
lost(int r)
{
	return r == SSTATE_EEXIST || r == SSTATE_ECONFLICT ||
		r == SSTATE_ENOTFOUND
	    ? SSTATE_DONE
	    : r;
}

/* Is what was found what is expected? */
static int
expect(const struct kv_op *op, uint64_t expected)
{
	if (!op->found)
		return expected == SSTATE_KV_NEW || expected == SSTATE_KV_ANY
		    ? 0
		    : none(op->err);
	if (expected == SSTATE_KV_NEW)
		return sstate_fail(op->err, SSTATE_EEXIST, 0,
		    "kv: something is under that name already");
	if (expected == SSTATE_KV_ANY ||
	    expected == kv_op_rev(&op->seen[op->at]))
		return 0;
	return sstate_fail(op->err, SSTATE_ECONFLICT, 0,
	    "kv: it has another revision");
}

/* One key, one revision, or nothing: that need not be read first. */
static int
is_plain(const struct kv_op *op, uint64_t expected)
{
	return op->n == 1 && op->issuer == 0 && expected != SSTATE_KV_ANY;
}

static int
write_value(struct kv_op *op, struct put *p)
{
	const struct kv_seen *s = &op->seen[op->at];
	int64_t cap = store_policy(op->env->store)->max_expires;
	int64_t end = op->now + keyring_max_lifetime(op->ring);
	struct kv_head h = { .kind = KV_VALUE, .written = op->now };
	int r;

	if (cap != 0 && end > op->now + cap)
		end = op->now + cap;
	if (s->place.key->retire_at != 0 && end > s->place.key->retire_at)
		end = s->place.key->retire_at;
	h.expires = p->expires == 0 || p->expires > end ? end : p->expires;
	/* Another host's clock may be a little ahead of ours. */
	if (op->found && h.written < s->head.written)
		h.written = s->head.written;
	r = kv_op_write(op, op->at, &h, p->value);
	if (r == 0)
		p->rev = h.revision;
	return r;
}

/* With no look first; SSTATE_DONE: it takes one. */
static int
put_plain(struct kv_op *op, struct put *p)
{
	int r;

	op->seen[0].there = p->expected != SSTATE_KV_NEW;
	op->seen[0].head.revision = p->expected;
	r = write_value(op, p);
	return r == SSTATE_ENOTFOUND ? none(op->err) : lost(r);
}

static int
put_seen(struct kv_op *op, struct put *p)
{
	int r;

	if ((r = kv_op_walk(op)) != 0 || (r = expect(op, p->expected)) != 0)
		return r;
	if (op->issuer == op->n)
		return sstate_fail(op->err, SSTATE_EUNSAFE, 0,
		    "keyring: no key issues now");
	if (op->found && op->at < op->issuer)
		return lost(move_up(op));
	if ((r = block(op)) == 0)
		r = write_value(op, p);
	return lost(r);
}

int
sstate_kv_put(uint64_t *rev, struct sstate *env, struct sstate_val name,
    struct sstate_val value, int64_t expires, uint64_t expected,
    struct sstate_error *err)
{
	struct put p = { value, expires, expected, 0 };
	struct kv_op op;
	int r;

	if (rev != NULL)
		*rev = 0;
	if ((r = kv_op_begin(&op, env, name, err)) != 0)
		goto out;
	if (expires < 0 || (expires != 0 && expires <= op.now) ||
	    (value.ptr == NULL && value.len > 0))
		r = sstate_fail(err, SSTATE_EINVAL, 0,
		    "kv: no value, or a time that is over");
	else if (value.len > env->max_bytes)
		r = sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "kv: a value of %zu bytes, over %zu", value.len,
		    env->max_bytes);
	else if (is_plain(&op, expected))
		r = put_plain(&op, &p);
	else
		r = put_seen(&op, &p);
	while (r == SSTATE_DONE)
		if ((r = kv_op_again(&op)) == 0)
			r = put_seen(&op, &p);
	if (r == 0) {
		err_clear(err);
		passing_wrote(env, op.now);
		if (rev != NULL)
			*rev = p.rev;
	}
out:
	kv_op_end(&op);
	return r;
}

static int
remove_seen(struct kv_op *op, uint64_t expected)
{
	int r = kv_op_walk(op);
	const struct kv_seen *s = &op->seen[op->at];

	/* Nobody can read damage, but it can go. */
	if (r == SSTATE_EAUTH && expected == SSTATE_KV_ANY && !s->there &&
	    s->head.revision != 0) {
		r = lost(kv_op_remove(op, op->at, s->head.revision));
		return r == 0 ? SSTATE_DONE : r;
	}
	if (r != 0 || !op->found || (r = expect(op, expected)) != 0)
		return r;
	return lost(take_away(op));
}

int
sstate_kv_remove(struct sstate *env, struct sstate_val name, uint64_t expected,
    struct sstate_error *err)
{
	struct kv_op op;
	int r;

	if ((r = kv_op_begin(&op, env, name, err)) != 0)
		goto out;
	if (expected == SSTATE_KV_NEW) {
		r = sstate_fail(err, SSTATE_EINVAL, 0,
		    "kv: no revision to remove");
		goto out;
	}
	if (is_plain(&op, expected))
		r = lost(kv_op_remove(&op, 0, expected));
	else
		r = remove_seen(&op, expected);
	while (r == SSTATE_DONE)
		if ((r = kv_op_again(&op)) == 0)
			r = remove_seen(&op, expected);
	if (r == 0) {
		err_clear(err);
		passing_wrote(env, op.now);
	}
out:
	kv_op_end(&op);
	return r;
}
