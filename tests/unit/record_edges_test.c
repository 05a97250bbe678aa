/*
 * record_edges_test.c - records and operations without memory, or at a limit
 */
#include <securestate.h>

#include "base/arena.h"
#include "record/ops.h"
#include "record/record.h"
#include "tap.h"

/* Memory that ends after some more allocations. */
static unsigned left;

static void *
scarce(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	(void)arg;
	(void)oldsz;
	if (newsz == 0) {
		free(ptr);
		return NULL;
	}
	if (left == 0)
		return NULL;
	left--;
	return realloc(ptr, newsz);
}

static struct arena *
arena(void)
{
	static const struct hook h = { NULL, NULL };
	struct arena *a = arena_new(&h, 0);

	if (a == NULL)
		abort();
	return a;
}

static void
set(struct rec *r, const char *name, const char *value)
{
	struct sstate_val *v = arena_get(r->vals.a, sizeof(*v));
	struct op op = { OP_SET, name, v, 1, 0, NULL };

	v->ptr = value;
	v->len = strlen(value);
	if (op_apply(r, &op) != 0)
		abort();
}

/* INCR at every point where memory may end. */
static void
incr_without_memory(void)
{
	static const struct hook h = { scarce, NULL };
	const struct op op = { OP_INCR, "n", NULL, 0, 5, NULL };
	struct arena *a;
	struct rec r;
	unsigned refused[2] = { 0, 0 };
	size_t fill;
	int rc, good = 1;

	for (fill = 16; fill <= 2048; fill += 16) {
		left = 1;
		if ((a = arena_new(&h, 2048)) == NULL)
			abort();
		rec_init(&r, a);
		(void)arena_get(a, fill);
		rc = op_apply(&r, &op);
		if (rc == 0) {
			good = good && table_find(&r.vals, "n") != NULL;
		} else {
			refused[table_find(&r.vals, "n") != NULL]++;
			good = good && rc == SSTATE_ENOMEM;
		}
		arena_free(a);
	}
	T(good && refused[0] > 2 && refused[1] == 0,
	    "R-90 an INCR without memory fails and sets nothing (%u times)",
	    refused[0]);
}

/* A CLEAR conflicts with any change, be it one for one. */
static void
clear_conflicts(void)
{
	struct arena *a = arena();
	struct rec was, now;
	struct ops o;
	const struct op del = { OP_DEL, "a", NULL, 0, 0, NULL };
	const struct op clear = { OP_CLEAR, NULL, NULL, 0, 0, NULL };

	rec_init(&was, a);
	set(&was, "a", "1");
	set(&was, "b", "1");
	ops_init(&o, a);
	if (ops_push(&o, &clear) != 0 || rec_copy(&now, &was) != 0)
		abort();
	if (op_apply(&now, &del) != 0)
		abort();
	set(&now, "c", "1");
	T(now.vals.live == was.vals.live &&
		ops_replay(&now, &was, &o, 1) == SSTATE_ECONFLICT,
	    "R-33 a name gone and another there: a CLEAR conflicts");
	if (rec_copy(&now, &was) != 0 || op_apply(&now, &del) != 0)
		abort();
	set(&now, "a", "1");
	T(ops_replay(&now, &was, &o, 1) == 0 && now.vals.live == 0,
	    "R-33 a name gone and back as it was: none");
	if (rec_copy(&was, &now) != 0)
		abort();
	rec_init(&was, a);
	set(&was, "a", "1");
	set(&was, "b", "1");
	if (op_apply(&was, &del) != 0 || rec_copy(&now, &was) != 0)
		abort();
	T(ops_replay(&now, &was, &o, 1) == 0,
	    "R-33 a name that was gone before: none");
	arena_free(a);
}

/* The first failure is the one that is told. */
static void
encode_failures(void)
{
	static const uint8_t big[1];
	struct arena *a = arena();
	char name[LIMIT_NAME_BYTES + 2], user[LIMIT_USER_BYTES + 2];
	struct table t;
	struct rec r;
	struct buf b;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(user, 'u', sizeof(user) - 1);
	user[sizeof(user) - 1] = '\0';
	rec_init(&r, a);
	r.id_since = -1;
	r.login = -1;
	r.user = user;
	set(&r, name, "v");
	buf_init(&b, a, 64, 1 << 20);
	rec_encode(&b, &r);
	T(b.bad == SSTATE_EINVAL, "R-90 a time before 1970 is not sealed");
	buf_init(&b, a, 8, 8);
	b.bad = SSTATE_ENOMEM;
	if (rec_commit_note(&r, 1) != 0 || rec_commit_note(&r, 2) != 0)
		abort();
	rec_encode(&b, &r);
	T(b.bad == SSTATE_ENOMEM && b.len == 0,
	    "R-90 what was bad before stays what it was");
	r.id_since = r.login = 0;
	buf_init(&b, a, 64, 1 << 20);
	rec_encode(&b, &r);
	T(b.bad == SSTATE_ETOOBIG, "R-90 a user's name too long");
	r.user = NULL;
	buf_init(&b, a, 64, 1 << 20);
	rec_encode(&b, &r);
	T(b.bad == SSTATE_ETOOBIG, "R-90 a name too long");
	T(map_decode(&t, a, big, LIMIT_RECORD_BYTES + 1) == SSTATE_ETOOBIG &&
		t.live == 0,
	    "R-90 a map beyond the limit is not looked at");
	arena_free(a);
}

/* A list that is full of marks of one second. */
static void
marks(void)
{
	struct arena *a = arena();
	uint8_t jti[16] = { 0 };
	struct rec r;
	unsigned i;

	rec_init(&r, a);
	for (i = 0; i < LIMIT_ONCE; i++) {
		jti[0] = (uint8_t)i;
		if (rec_once_take(&r, jti, 100) != 0)
			abort();
	}
	jti[0] = 200;
	T(rec_once_take(&r, jti, 100) == 0 && r.nonce == 0 &&
		r.once_floor == 100,
	    "R-67 one more of that second: the floor tells them all");
	T(rec_once_take(&r, jti, 100) == SSTATE_EEXIST,
	    "R-67 and none is taken twice");
	arena_free(a);
}

/* A commit that cannot be noted is none. */
static void
note_without_memory(void)
{
	static const struct hook h = { scarce, NULL };
	struct arena *a;
	struct rec r;

	left = 1;
	if ((a = arena_new(&h, 256)) == NULL)
		abort();
	rec_init(&r, a);
	while (arena_get(a, 8) != NULL)
		;
	T(rec_commit_note(&r, 7) == SSTATE_ENOMEM && !rec_commit_known(&r, 7),
	    "a commit that cannot be noted is not known");
	arena_free(a);
}

int
main(void)
{
	note_without_memory();
	incr_without_memory();
	clear_conflicts();
	encode_failures();
	marks();
	return tap_done();
}
