/*
 * kvop.c - one call of securestate/kv.h: the keys, what is under each
 *
 * Invariant: what is handed on is authentic, of this name, and within its
 * time (I2, I4); nothing is written but by compare-and-swap.
 */
#include "session/kvop.h"

#include <string.h>

#include "base/err.h"
#include "store/store.h"

enum { BLOCK = 1024 };

/* ---- The keys ---------------------------------------------------------- */

/* By age, of equals the later line last: as keyring_issuer() prefers them. */
static void
insert(struct kv_op *op, const struct ringkey *key)
{
	size_t i = op->n++;

	for (; i > 0; i--) {
		const struct ringkey *before = op->seen[i - 1].place.key;

		if (before->not_before <= key->not_before)
			break;
		op->seen[i].place.key = before;
	}
	op->seen[i].place.key = key;
}

static int
keys(struct kv_op *op)
{
	const struct ringkey *key, *issuer;
	size_t i;
	int r;

	if ((r = env_ring(&op->ring, op->env, op->err)) != 0)
		return r;
	memset(op->seen, 0, sizeof(op->seen));
	op->n = 0;
	for (i = 0; i < keyring_count(op->ring); i++) {
		key = keyring_at(op->ring, i);
		if (keyring_find(op->ring, key->kid, op->now) != NULL)
			insert(op, key);
	}
	if (op->n == 0)
		return sstate_fail(op->err, SSTATE_EUNSAFE, 0,
		    "keyring: no key is accepted now");
	issuer = keyring_issuer(op->ring, op->now);
	op->issuer = op->n;
	for (i = 0; i < op->n; i++) {
		key = op->seen[i].place.key;
		if (key == issuer)
			op->issuer = i;
		kv_place(&op->seen[i].place, key, op->env->ns, op->name);
	}
	return 0;
}

/* ---- One call ---------------------------------------------------------- */

static int
afresh(struct kv_op *op)
{
	arena_free(op->a);
	if ((op->a = arena_new(&op->env->secret, BLOCK)) == NULL)
		return err_plain(op->err, SSTATE_ENOMEM, "kv");
	op->found = 0;
	op->at = 0;
	op->now = env_now(op->env);
	return keys(op);
}

int
kv_op_begin(struct kv_op *op, struct sstate *env, struct sstate_val name,
    struct sstate_error *err)
{
	memset(op, 0, sizeof(*op));
	err_clear(err);
	if (env == NULL || name.ptr == NULL || name.len == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "kv: no environment or no name");
	if (name.len > LIMIT_KV_NAME_BYTES)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "kv: a name has at most %u bytes", LIMIT_KV_NAME_BYTES);
	op->env = env;
	op->name = name;
	op->err = err;
	op->slot = -1;
	env_tick(env, env_now(env));
	return afresh(op);
}

int
kv_op_again(struct kv_op *op)
{
	if (naps_next(&op->naps) != 0)
		return sstate_fail(op->err, SSTATE_EBUSY, 0,
		    "kv: every race was lost");
	return afresh(op);
}

void
kv_op_end(struct kv_op *op)
{
	arena_free(op->a);
	op->a = NULL;
}

/* ---- Reading ----------------------------------------------------------- */

struct finding {
	struct kv_op *op;
	struct kv_seen *s;
};

static int
damaged(struct kv_op *op, const char *why)
{
	env_say(op->env, SSTATE_LOG_WARN, SSTATE_EAUTH, "KV: not authentic: %s",
	    why);
	return sstate_fail(op->err, SSTATE_EAUTH, 0,
	    "%s: what is under a name is not authentic",
	    store_name(op->env->store));
}

static int
found(void *arg, const struct sstate_record *rec)
{
	static const unsigned char nobody[SSTATE_TAG_BYTES];
	const struct finding *f = arg;
	struct kv_op *op = f->op;
	struct kv_seen *s = f->s;
	struct kv_head *h = &s->head;
	uint8_t *plain;
	size_t n = rec->body.len, len;

	h->revision = rec->rev;
	if (n <= KV_OVER || n > LIMIT_RECORD_BYTES)
		return damaged(op, "no header");
	if ((plain = arena_get(op->a, n - KV_OVER + 1)) == NULL)
		return err_plain(op->err, SSTATE_ENOMEM, "kv");
	if (kv_open(plain, &len, h, &s->place, rec->body.ptr, n) != 0) {
		h->revision = rec->rev;
		return damaged(op, "the seal does not open");
	}
	/* What the store says beside it must be what it says. */
	if (rec->rev != h->revision || rec->expires > h->expires ||
	    memcmp(rec->tag, nobody, sizeof(nobody)) != 0) {
		h->revision = rec->rev;
		return damaged(op,
		    "the store's revision, tag or expiry differ");
	}
	if (h->written > op->now + LIMIT_FUTURE)
		return damaged(op, "it was written in the future");
	plain[len] = '\0';
	s->value.ptr = (const char *)plain;
	s->value.len = len;
	s->expires = rec->expires != 0 ? rec->expires : h->expires;
	s->there = 1;
	return 0;
}

int
kv_op_read(struct kv_op *op, size_t i)
{
	struct kv_seen *s = &op->seen[i];
	struct finding f = { op, s };
	struct sstate_key key;
	int r;

	s->there = s->live = s->moved = 0;
	memset(&s->head, 0, sizeof(s->head));
	memcpy(key.id, s->place.loc, sizeof(key.id));
	key.ns = op->env->ns;
	/* From the store that decides: a removed value must not be seen. */
	r = store_get_far(op->env->store, &op->slot, &key, found, &f, op->err);
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

uint64_t
kv_op_rev(const struct kv_seen *s)
{
	return s->head.kind == KV_COPY ? s->head.from : s->head.revision;
}

static void
judge(struct kv_op *op, size_t i)
{
	struct kv_seen *s = &op->seen[i];
	const struct kv_seen *below = i > 0 ? s - 1 : NULL;

	if (!s->there || s->expires <= op->now ||
	    s->head.written < s->place.key->min_created)
		return;
	s->moved = s->head.kind == KV_MOVED;
	/* A copy that was left behind must not come to life. */
	s->live = s->head.kind == KV_VALUE ||
	    (s->head.kind == KV_COPY && below != NULL && below->moved &&
		below->head.from == s->head.from);
}

int
kv_op_walk(struct kv_op *op)
{
	size_t i;
	int r;

	for (i = 0; i < op->n; i++) {
		op->at = i;
		if ((r = kv_op_read(op, i)) != 0)
			return r;
		judge(op, i);
		if (op->seen[i].live) {
			op->found = 1;
			return 0;
		}
		/* What is beyond the issuer was made by who moved there. */
		if (!op->seen[i].moved && (i >= op->issuer || i + 1 == op->n))
			return 0;
	}
	if (env_ring_again(op->env, op->ring, op->now))
		return SSTATE_DONE;
	return sstate_fail(op->err, SSTATE_EAUTH, 0,
	    "kv: moved to a key that the key ring does not have");
}

/* ---- Writing ----------------------------------------------------------- */

int
kv_op_write(struct kv_op *op, size_t i, struct kv_head *h,
    struct sstate_val value)
{
	const struct kv_seen *s = &op->seen[i];
	/* From the clock on: a name that comes again repeats no revision. */
	uint64_t was =
	    s->there ? s->head.revision : (uint64_t)(op->now - 1) << 24;
	struct sstate_record rec = { .rev = 0 };
	struct seal_random rnd;
	struct sstate_key key;
	size_t n = kv_size(value.len);
	uint8_t *p;
	int r;

	if (h->kind == KV_COPY &&
	    revision_counter(h->from) > revision_counter(was))
		was = h->from;
	if ((r = seal_draw(&rnd, op->err)) != 0)
		return r;
	h->revision = revision_next(was, &rnd);
	if ((p = arena_get(op->a, n)) == NULL)
		return err_plain(op->err, SSTATE_ENOMEM, "kv");
	if ((r = kv_seal(p, &s->place, h, &rnd, value.ptr, value.len,
		 op->err)) != 0)
		return r;
	rec.body.ptr = (const char *)p;
	rec.body.len = n;
	rec.expires = h->expires;
	rec.rev = h->revision;
	memcpy(key.id, s->place.loc, sizeof(key.id));
	key.ns = op->env->ns;
	if (!s->there)
		return store_create(op->env->store, &op->slot, &key, &rec,
		    op->err);
	return store_replace(op->env->store, &op->slot, &key, s->head.revision,
	    &rec, op->err);
}

int
kv_op_remove(struct kv_op *op, size_t i, uint64_t rev)
{
	struct sstate_key key;

	memcpy(key.id, op->seen[i].place.loc, sizeof(key.id));
	key.ns = op->env->ns;
	return store_remove(op->env->store, &op->slot, &key, rev, op->err);
}

int64_t
kv_op_stub_end(const struct kv_op *op)
{
	return op->now + keyring_max_lifetime(op->ring) + LIMIT_FUTURE;
}
