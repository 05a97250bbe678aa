/*
 * late_test.c - a write that was not answered, and arrives later
 *
 * PROTOCOL: every later re-read looks for it first, whatever the commit has
 * become meanwhile (a rotation, a log-in), and what the program changed
 * after it is kept.  A store of the test's own holds a replace back and does
 * it before a later call.
 */
#include "kit.h"

#include "../tap.h"

#include <securestate/store.h>

extern const struct sstate_driver sstate_driver_v1_memory;

static struct late {
	void *ctx;
	int hold; /* the next replace is held back */
	int drop; /* the next replace is done, its answer lost */
	unsigned wait; /* so many calls pass before it is done */
	int held;
	struct sstate_key key;
	struct sstate_record rec;
	uint64_t expected;
	char body[65536];
	int landed; /* what became of it */
} late;

static const struct sstate_driver *const inner = &sstate_driver_v1_memory;

static void
deliver(void)
{
	if (!late.held || late.wait-- > 0)
		return;
	late.held = 0;
	late.landed =
	    inner->replace(late.ctx, &late.key, late.expected, &late.rec, NULL);
}

static int
late_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	int r = inner->open(&late.ctx, conf, err);

	*ctx = &late;
	return r;
}

static void
late_close(void *ctx)
{
	(void)ctx;
	inner->close(late.ctx);
}

static int
late_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	(void)ctx;
	deliver();
	return inner->get(late.ctx, key, found, arg, err);
}

static int
late_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)ctx;
	deliver();
	return inner->create(late.ctx, key, rec, err);
}

static int
late_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)ctx;
	if (late.hold) {
		late.hold = 0;
		late.held = 1;
		late.key = *key;
		late.expected = expected;
		late.rec = *rec;
		memcpy(late.body, rec->body.ptr, rec->body.len);
		late.rec.body.ptr = late.body;
		return sstate_fail(err, SSTATE_ESTORE, 0, "late: no answer");
	}
	deliver();
	if (late.drop) {
		late.drop = 0;
		(void)inner->replace(late.ctx, key, expected, rec, err);
		return sstate_fail(err, SSTATE_ESTORE, 0, "late: no answer");
	}
	return inner->replace(late.ctx, key, expected, rec, err);
}

static int
late_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	(void)ctx;
	deliver();
	return inner->remove(late.ctx, key, expected, err);
}

SSTATE_DRIVER(late) = { .size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_REMOTE | SSTATE_CAP_HANDLE,
	.scheme = "late",
	.open = late_open,
	.close = late_close,
	.get = late_get,
	.create = late_create,
	.replace = late_replace,
	.remove = late_remove };

SSTATE_DRIVER(slow) = { .size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_LINEAR | SSTATE_CAP_HANDLE,
	.scheme = "slow",
	.open = late_open,
	.close = late_close,
	.get = late_get,
	.create = late_create,
	.replace = late_replace,
	.remove = late_remove };

static struct sstate *
open_env(const char *uri)
{
	static const struct sstate_driver *const drivers[] = {
		&sstate_driver_v1_late, &sstate_driver_v1_slow, NULL
	};
	static void *handles[] = { &late };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { uri, NULL };
	struct sstate *env = NULL;

	memset(&late, 0, sizeof(late));
	o.stores = stores;
	o.drivers = drivers;
	o.handles = handles;
	o.flags = SSTATE_CARRY_OWN;
	o.keyring = getenv("LATE_RING");
	NEED(sstate_open(&env, &o, NULL) == 0, "%s opens", uri);
	return env;
}

static void
make(struct sstate *env, char token[64])
{
	struct sstate_session *s;

	NEED(sstate_begin(&s, env, NULL, NULL, NULL) == 0, "a session");
	(void)sstate_setint(s, SSTATE_STORED, "n", 0);
	NEED(sstate_commit(s) == 0, "is stored");
	(void)snprintf(token, 64, "%s", sstate_token(s));
	sstate_free(s);
}

static struct sstate_session *
again(struct sstate *env, const char *token)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_session *s = NULL;

	how.flags = SSTATE_MUST_EXIST;
	web.token.ptr = token;
	web.token.len = strlen(token);
	(void)sstate_begin(&s, env, &how, &web, NULL);
	return s;
}

/* An addition, held back; then the commit is repeated with a new id. */
static void
comes_late(const char *uri, unsigned wait, int login)
{
	const char *what = login ? "log-in" : "rotation";
	struct sstate *env = open_env(uri);
	struct sstate_session *s;
	char token[64];
	int64_t n = -1;
	int r;

	make(env, token);
	NEED((s = again(env, token)) != NULL, "it opens");
	(void)sstate_incr(NULL, s, "n", 1);
	late.hold = 1;
	late.wait = wait;
	T(sstate_commit(s) == SSTATE_ESTORE, "no answer: ESTORE");
	if (login)
		(void)sstate_login(s, "somebody");
	else
		(void)sstate_rotate(s);
	r = sstate_commit(s);
	if (r == 0)
		(void)snprintf(token, sizeof(token), "%s", sstate_token(s));
	sstate_free(s);
	late.wait = 0;
	s = again(env, token);
	deliver();
	sstate_free(s);
	if ((s = again(env, token)) != NULL)
		n = sstate_int(s, SSTATE_STORED, "n", 0, 99, -1);
	sstate_free(s);
	T(r != 0 || n == 1,
	    "%s, %u calls late, then a %s: it counts once (%d, %d)", uri, wait,
	    what, r, (int)n);
	T(r == 0 || r == SSTATE_ESTORE, "and the outcome is told (%d)", r);
	sstate_close(env);
}

/* Done, its answer lost; the program changes more and commits again. */
static void
changed_between(const char *uri)
{
	struct sstate *env = open_env(uri);
	struct sstate_session *s;
	char token[64];

	make(env, token);
	NEED((s = again(env, token)) != NULL, "it opens");
	(void)sstate_incr(NULL, s, "n", 1);
	late.drop = 1;
	T(sstate_commit(s) == SSTATE_ESTORE, "no answer: ESTORE");
	(void)sstate_incr(NULL, s, "n", 10);
	(void)sstate_setstr(s, SSTATE_STORED, "more", "kept");
	T(sstate_commit(s) == 0, "%s: repeated: 0", uri);
	T(sstate_int(s, SSTATE_STORED, "n", 0, 99, -1) == 11, "it shows both");
	sstate_free(s);
	NEED((s = again(env, token)) != NULL, "it opens");
	T(sstate_int(s, SSTATE_STORED, "n", 0, 99, -1) == 11 &&
		kit_is(s, "more", "kept"),
	    "%s: what was changed between two commits is kept, and counts "
	    "once (%d)",
	    uri, (int)sstate_int(s, SSTATE_STORED, "n", 0, 99, -1));
	sstate_free(s);
	sstate_close(env);
}

/* The same, but the first one arrives late, or never. */
static void
changed_then_late(unsigned wait)
{
	struct sstate *env = open_env("late:");
	struct sstate_session *s;
	char token[64];
	int64_t n;
	int r;

	make(env, token);
	NEED((s = again(env, token)) != NULL, "it opens");
	(void)sstate_incr(NULL, s, "n", 1);
	late.hold = 1;
	late.wait = wait;
	T(sstate_commit(s) == SSTATE_ESTORE, "no answer: ESTORE");
	(void)sstate_incr(NULL, s, "n", 10);
	r = sstate_commit(s);
	sstate_free(s);
	late.wait = 0;
	deliver();
	NEED((s = again(env, token)) != NULL, "it opens");
	n = sstate_int(s, SSTATE_STORED, "n", 0, 99, -1);
	T(r == 0 && n == 11, "%u calls late, changed between: 11 (%d, %d)",
	    wait, r, (int)n);
	sstate_free(s);
	sstate_close(env);
}

int
main(void)
{
	char ring[] = "/tmp/late.XXXXXX";
	char path[64];
	unsigned wait;

	NEED(mkdtemp(ring) != NULL, "a place for the ring");
	(void)snprintf(path, sizeof(path), "%s/ring", ring);
	(void)setenv("LATE_RING", path, 1);
	for (wait = 0; wait < 8; wait++) {
		comes_late("late:", wait, 0);
		comes_late("late:", wait, 1);
		changed_then_late(wait);
	}
	changed_between("late:");
	changed_between("slow:");
	(void)unlink(path);
	(void)rmdir(ring);
	return tap_done();
}
