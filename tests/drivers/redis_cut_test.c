/*
 * redis_cut_test.c - a connection that is cut at each octet that matters
 *
 * driver: redis
 *
 * Through a proxy: after 0, 1, 2, 4, ... octets of a command, or of its
 * answer, and around its end.  The server runs no half of a command, so it
 * is known what must have happened; the driver must not pretend to know.
 */
#include "redis_kit.h"

#include "../session/kit.h"
#include "proxy.h"

static struct rkit k;
static struct proxy p;
static char uri[160], dir[256];

enum { BODY = 300 };

static void
mark(struct sstate_record *rec, unsigned char n)
{
	static char body[BODY];
	static struct sstate_record r;

	memset(body, n, sizeof(body));
	r = conform_rec(body, sizeof(body), CONFORM_LIVE, n);
	conform_tag(r.tag, 7);
	*rec = r;
}

enum op { CREATE, REPLACE, REMOVE, GET, EACH, LATEST };

static const char *const ops[] = { "create", "replace", "remove", "get", "each",
	"latest" };

/* One operation on a record of revision 1, or on none (create). */
static int
operate(enum op op, void *ctx, struct sstate_error *err)
{
	const struct sstate_driver *d = &sstate_driver_v1_redis;
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct conform_seen s;
	struct sstate_record rec;
	unsigned n = 0;
	int64_t seen;
	int r;

	memset(err, 0, sizeof(*err));
	memset(&s, 0, sizeof(s));
	switch (op) {
	case CREATE:
		mark(&rec, 1);
		return d->create(ctx, &key, &rec, err);
	case REPLACE:
		mark(&rec, 2);
		return d->replace(ctx, &key, 1, &rec, err);
	case REMOVE:
		return d->remove(ctx, &key, 1, err);
	case GET:
		r = d->get(ctx, &key, conform_found, &s, err);
		if (r == 0 && (s.rec.rev != 1 || s.rec.body.len != BODY))
			r = 99;
		free(s.body);
		return r;
	case EACH:
		mark(&rec, 1);
		r = d->each(ctx, CONFORM_NS, rec.tag, rkit_count, &n, err);
		return r == 0 && n != 1 ? 99 : r;
	case LATEST:
		return d->latest(&seen, ctx, 1700000000, err);
	}
	return 99;
}

/* What is there, seen past the proxy: a revision, 0 for nothing. */
static uint64_t
stands(void *direct)
{
	const struct sstate_driver *d = &sstate_driver_v1_redis;
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct conform_seen s;
	uint64_t rev = 0;

	memset(&s, 0, sizeof(s));
	if (d->get(direct, &key, conform_found, &s, NULL) == 0)
		rev = s.rec.rev;
	free(s.body);
	return rev;
}

static void
prepare(enum op op, void *direct)
{
	const struct sstate_driver *d = &sstate_driver_v1_redis;
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct sstate_record rec;

	(void)d->remove(direct, &key, SSTATE_ANY_REV, NULL);
	mark(&rec, 1);
	if (op != CREATE)
		(void)d->create(direct, &key, &rec, NULL);
}

/* One cut; 1 if all was as it must be. */
static int
cut_once(enum op op, void *ctx, void *direct, int way, unsigned long long n)
{
	static const uint64_t before[] = { 0, 1, 1, 1, 1, 1 },
			      after[] = { 1, 2, 0, 1, 1, 1 };
	/* A read is repeated, and latest is the same however often. */
	const int want = op <= REMOVE ? SSTATE_ESTORE : 0;
	struct sstate_error err;
	uint64_t rev;
	int r, good;

	prepare(op, direct);
	proxy_set(&p, PROXY_CUT, way, n);
	r = operate(op, ctx, &err);
	good = r == want && proxy_cuts(&p) == 1;
	proxy_set(&p, PROXY_PASS, 0, 0);
	rev = stands(direct);
	good = good && rev == (way == PROXY_UP ? before[op] : after[op]);
	/* And the next one finds its way, with no new program. */
	prepare(op, direct);
	if (good && operate(op, ctx, &err) != 0)
		good = 0;
	if (!good)
		printf("# %s, %s %llu: %d (%s), revision %llu\n", ops[op],
		    way == PROXY_UP ? "up" : "down", n, r, err.text,
		    (unsigned long long)rev);
	return good;
}

static void
cut(enum op op, void *ctx, void *direct)
{
	unsigned long long len[2], n;
	unsigned wrong = 0, cuts = 0;
	struct sstate_error err;
	int way;

	/* The first time the server has to be told the script. */
	prepare(op, direct);
	NEED(operate(op, ctx, &err) == 0, "%s goes through the proxy: %s",
	    ops[op], err.text);
	prepare(op, direct);
	proxy_set(&p, PROXY_PASS, 0, 0);
	NEED(operate(op, ctx, &err) == 0, "and again");
	len[0] = proxy_passed(&p, PROXY_UP);
	len[1] = proxy_passed(&p, PROXY_DOWN);
	for (way = PROXY_UP; way <= PROXY_DOWN; way++) {
		for (n = 0; n < len[way]; n = n < 2 ? n + 1 : n * 2, cuts++)
			wrong += !cut_once(op, ctx, direct, way, n);
		for (n = len[way] > 3 ? len[way] - 3 : 0; n < len[way]; n++)
			wrong += !cut_once(op, ctx, direct, way, n);
	}
	T(wrong == 0,
	    "I7 %s of %llu and %llu octets, cut at each place: a code, the "
	    "truth, recovery (%u wrong)",
	    ops[op], len[0], len[1], wrong);
}

/* What comes back by halves, for ever, is over in time. */
static void
held(void *ctx, void *direct)
{
	struct sstate_error err;
	struct timespec a, b;
	int op, r, way;

	for (way = PROXY_UP; way <= PROXY_DOWN; way++)
		for (op = CREATE; op <= LATEST; op++) {
			prepare((enum op)op, direct);
			proxy_set(&p, PROXY_HOLD, way, 3);
			(void)clock_gettime(CLOCK_MONOTONIC, &a);
			r = operate((enum op)op, ctx, &err);
			(void)clock_gettime(CLOCK_MONOTONIC, &b);
			proxy_set(&p, PROXY_PASS, 0, 0);
			T(r == SSTATE_ESTORE && b.tv_sec - a.tv_sec < 20,
			    "%s, held %s: %s", ops[op],
			    way == PROXY_UP ? "on its way" : "on the way back",
			    err.text);
			/* What was held may still arrive, meanwhile. */
			do {
				prepare((enum op)op, direct);
				r = operate((enum op)op, ctx, &err);
				(void)clock_gettime(CLOCK_MONOTONIC, &a);
			} while (r != 0 && a.tv_sec - b.tv_sec < 20);
			T(r == 0, "and then it goes on");
		}
}

/* ---- The same below the session layer --------------------------------- */

/* Add one, whatever it takes; the number of commits, 0: it never went. */
static unsigned
add(struct sstate *env, const char *token)
{
	struct sstate_session *s;
	unsigned n = 0;
	int r;

	while (kit_begin(&s, env, token, SSTATE_MUST_EXIST) != 0)
		if (++n > 50)
			return 0;
	sstate_incr(NULL, s, "n", 1);
	for (n = 1; (r = sstate_commit(s)) != 0 && n < 50; n++)
		if (r != SSTATE_ESTORE && r != SSTATE_EBUSY)
			break;
	sstate_free(s);
	return r == 0 ? n : 0;
}

static void
counters(const char *user)
{
	static const struct sstate_driver *const drivers[] = {
		&sstate_driver_v1_redis, NULL
	};
	unsigned long long len, n;
	char token[KIT_TOKEN + 1], ring[300];
	unsigned adds = 0, cuts = 0, lost = 0;
	struct sstate *env;
	struct kit kit;
	int way;

	kit_init(&kit, uri);
	kit.o.drivers = drivers;
	kit.o.now = NULL;
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit.o.keyring = ring;
	NEED((env = kit_open(&kit)) != NULL, "an environment");
	NEED(kit_make(token, env, "n", "0", user) == 0, "a counter");
	for (way = PROXY_UP; way <= PROXY_DOWN; way++) {
		proxy_set(&p, PROXY_PASS, 0, 0);
		lost += add(env, token) == 0;
		adds++;
		len = proxy_passed(&p, way);
		/* In what is read, in what is written, and after it. */
		for (n = 0; n < len; n += 1 + n / 8) {
			proxy_set(&p, PROXY_CUT, way, n);
			lost += add(env, token) == 0;
			adds++;
			cuts += proxy_cuts(&p);
		}
	}
	proxy_set(&p, PROXY_PASS, 0, 0);
	T(lost == 0 && cuts > 40, "%u additions, %u of them cut, all went",
	    adds, cuts);
	T(kit_int(env, token, "n") == (int64_t)adds,
	    "R-33 an answer lost is no addition lost or done twice (%lld)",
	    (long long)kit_int(env, token, "n"));
	sstate_close(env);
}

int
main(void)
{
	struct sstate_error err;
	void *ctx, *direct;
	char path[128];
	int op;

	rkit_start(&k, NULL);
	(void)snprintf(path, sizeof(path), "%s.p", k.sock);
	(void)snprintf(uri, sizeof(uri), "redis:%s?timeout_ms=400", path);
	NEED(proxy_start(&p, path, k.sock, 0) == 0, "a proxy");
	NEED((ctx = rkit_open(uri, &err)) != NULL &&
		(direct = rkit_open(k.uri, &err)) != NULL,
	    "one context through it, one past it %s", err.text);
	for (op = CREATE; op <= LATEST; op++)
		cut((enum op)op, ctx, direct);
	held(ctx, direct);
	sstate_driver_v1_redis.close(ctx);
	sstate_driver_v1_redis.close(direct);
	kit_folder(dir);
	counters(NULL);
	counters("ann");
	proxy_end(&p);
	rkit_end(&k);
	return tap_done();
}
