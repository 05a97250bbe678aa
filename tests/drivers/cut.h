/*
 * cut.h - a driver whose connection is cut at each octet that matters
 *
 *	struct cut c = { .driver = &sstate_driver_v1_x, .uri = ...,
 *	    .direct = ..., .p = &proxy };
 *	cut_all(&c);		each operation, at each place, both ways
 *	cut_held(&c);		what stands still is over in time
 *	cut_counters(&c);	the same below the session layer
 *
 * uri and brief lead through the proxy, direct past it.  Cut after 0, 1, 2, 4, ...
 * octets of a command, or of its answer, and around its end: a server runs no
 * half of a command, so it is known what must have happened; the driver must
 * not pretend to know.
 */
#ifndef CUT_H
#define CUT_H

#include "kit.h"

#include "../session/kit.h"
#include "proxy.h"

struct cut {
	const struct sstate_driver *driver;
	const char *uri, *direct;
	const char *brief; /* as uri, with a short time-out */
	struct proxy *p;
	/* Uses of a connection before a cut: until nothing is prepared. */
	int warm;

	void *ctx, *past; /* one context through, one past the proxy */
};

enum { CUT_BODY = 300, CUT_SECONDS = 20 };

enum cut_op {
	CUT_CREATE,
	CUT_REPLACE,
	CUT_REMOVE,
	CUT_GET,
	CUT_EACH,
	CUT_LATEST,
	CUT_OPS
};

static const char *const cut_ops[] = { "create", "replace", "remove", "get",
	"each", "latest" };

__attribute__((unused)) static int64_t
cut_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
cut_mark(struct sstate_record *rec, unsigned char n)
{
	static char body[CUT_BODY];

	memset(body, n, sizeof(body));
	*rec = conform_rec(body, sizeof(body), CONFORM_LIVE, n);
	conform_tag(rec->tag, 7);
}

static int
cut_one(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

/* One operation on a record of revision 1, or on none (create). */
static int
cut_do(const struct cut *c, enum cut_op op, struct sstate_error *err)
{
	const struct sstate_driver *d = c->driver;
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct conform_seen s;
	struct sstate_record rec;
	unsigned n = 0;
	int64_t seen;
	int r;

	memset(err, 0, sizeof(*err));
	memset(&s, 0, sizeof(s));
	cut_mark(&rec, op == CUT_REPLACE ? 2 : 1);
	switch (op) {
	case CUT_CREATE:
		return d->create(c->ctx, &key, &rec, err);
	case CUT_REPLACE:
		return d->replace(c->ctx, &key, 1, &rec, err);
	case CUT_REMOVE:
		return d->remove(c->ctx, &key, 1, err);
	case CUT_GET:
		r = d->get(c->ctx, &key, conform_found, &s, err);
		if (r == 0 && (s.rec.rev != 1 || s.rec.body.len != CUT_BODY))
			r = 99;
		free(s.body);
		return r;
	case CUT_EACH:
		r = d->each(c->ctx, CONFORM_NS, rec.tag, cut_one, &n, err);
		return r == 0 && n != 1 ? 99 : r;
	default:
		return d->latest(&seen, c->ctx, 1700000000, err);
	}
}

/* What is there, seen past the proxy: a revision, 0 for nothing. */
static uint64_t
cut_stands(const struct cut *c)
{
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct conform_seen s;
	uint64_t rev = 0;

	memset(&s, 0, sizeof(s));
	if (c->driver->get(c->past, &key, conform_found, &s, NULL) == 0)
		rev = s.rec.rev;
	free(s.body);
	return rev;
}

static void
cut_prepare(const struct cut *c, enum cut_op op)
{
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct sstate_record rec;

	(void)c->driver->remove(c->past, &key, SSTATE_ANY_REV, NULL);
	cut_mark(&rec, 1);
	if (op != CUT_CREATE)
		(void)c->driver->create(c->past, &key, &rec, NULL);
}

/* As often as it takes until the connection is as it will stay. */
static int
cut_warm(const struct cut *c, enum cut_op op, struct sstate_error *err)
{
	int i, r = 0;

	for (i = 0; i <= c->warm && r == 0; i++) {
		cut_prepare(c, op);
		r = cut_do(c, op, err);
	}
	cut_prepare(c, op);
	return r;
}

/* One cut; 1 if all was as it must be. */
static int
cut_once(const struct cut *c, enum cut_op op, int way, unsigned long long n)
{
	static const uint64_t before[] = { 0, 1, 1, 1, 1, 1 },
			      after[] = { 1, 2, 0, 1, 1, 1 };
	/* A read is repeated, and latest is the same however often. */
	const int want = op <= CUT_REMOVE ? SSTATE_ESTORE : 0;
	struct sstate_error err;
	uint64_t rev;
	int r, good;

	proxy_set(c->p, PROXY_CUT, way, n);
	r = cut_do(c, op, &err);
	good = r == want && proxy_cuts(c->p) == 1;
	proxy_set(c->p, PROXY_PASS, 0, 0);
	rev = cut_stands(c);
	good = good && rev == (way == PROXY_UP ? before[op] : after[op]);
	if (!good)
		printf("# %s, %s %llu: %d (%s), revision %llu, %u cuts\n",
		    cut_ops[op], way == PROXY_UP ? "up" : "down", n, r,
		    err.text, (unsigned long long)rev, proxy_cuts(c->p));
	/* And the next one finds its way, with no new program. */
	r = cut_warm(c, op, &err);
	if (good && r != 0)
		printf("# %s after a cut: %d (%s)\n", cut_ops[op], r, err.text);
	return good && r == 0;
}

static void
cut_through(const struct cut *c, enum cut_op op)
{
	unsigned long long len[2], n;
	struct sstate_error err;
	unsigned wrong = 0;
	int way;

	NEED(cut_warm(c, op, &err) == 0, "%s goes through the proxy: %s",
	    cut_ops[op], err.text);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	NEED(cut_do(c, op, &err) == 0, "and again");
	len[0] = proxy_passed(c->p, PROXY_UP);
	len[1] = proxy_passed(c->p, PROXY_DOWN);
	cut_prepare(c, op);
	for (way = PROXY_UP; way <= PROXY_DOWN; way++) {
		for (n = 0; n < len[way]; n = n < 2 ? n + 1 : n * 2)
			wrong += !cut_once(c, op, way, n);
		for (n = len[way] > 3 ? len[way] - 3 : 0; n < len[way]; n++)
			wrong += !cut_once(c, op, way, n);
	}
	T(wrong == 0,
	    "I7 %s of %llu and %llu octets, cut at each place: a code, the "
	    "truth, recovery (%u wrong)",
	    cut_ops[op], len[0], len[1], wrong);
}

static void *
cut_opened(const struct cut *c, const char *at)
{
	struct sstate_error err = { 0, 0, "" };
	void *ctx;

	if (drv_open(&ctx, c->driver, at, &err) != 0)
		printf("# open: %d %s\n", err.code, err.text);
	return ctx;
}

__attribute__((unused)) static void
cut_begin(struct cut *c)
{
	c->past = cut_opened(c, c->direct);
	c->ctx = cut_opened(c, c->uri);
	NEED(c->ctx != NULL && c->past != NULL,
	    "one context through the proxy, one past it");
}

__attribute__((unused)) static void
cut_end(struct cut *c)
{
	c->driver->close(c->ctx);
	c->driver->close(c->past);
}

__attribute__((unused)) static void
cut_all(const struct cut *c)
{
	int op;

	for (op = CUT_CREATE; op < CUT_OPS; op++)
		cut_through(c, (enum cut_op)op);
}

/* Until it goes; what was held may still arrive, meanwhile. */
static int
cut_goes(const struct cut *c, enum cut_op op, struct sstate_error *err)
{
	const int64_t until = cut_ms() + CUT_SECONDS * 1000;
	int r;

	do
		r = cut_warm(c, op, err);
	while (r != 0 && cut_ms() < until);
	return r;
}

/* What comes back by halves, for ever, is over in time. */
__attribute__((unused)) static void
cut_held(const struct cut *all)
{
	struct cut c = *all;
	struct sstate_error err;
	int64_t began;
	int op, r, way;

	NEED((c.ctx = cut_opened(&c, c.brief)) != NULL, "a short time-out");
	for (op = CUT_CREATE; op < CUT_OPS; op++) {
		way = op % 2 == 0 ? PROXY_UP : PROXY_DOWN;
		NEED(cut_goes(&c, (enum cut_op)op, &err) == 0, "a use: %s",
		    err.text);
		proxy_set(c.p, PROXY_HOLD, way, 3);
		began = cut_ms();
		r = cut_do(&c, (enum cut_op)op, &err);
		T(r == SSTATE_ESTORE && cut_ms() - began < CUT_SECONDS * 1000,
		    "%s, held %s: %s", cut_ops[op],
		    way == PROXY_UP ? "on its way" : "on the way back",
		    err.text);
		proxy_set(c.p, PROXY_PASS, 0, 0);
		r = cut_goes(&c, (enum cut_op)op, &err);
		T(r == 0, "and then it goes on: %s", err.text);
	}
	c.driver->close(c.ctx);
}

/* ---- Below the session layer ------------------------------------------ */

/* Add one, whatever it takes; 0: it never went. */
static unsigned
cut_add(struct sstate *env, const char *token)
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

/* Every eighth octet or so of an addition; step: how much further each. */
__attribute__((unused)) static void
cut_counters(const struct cut *c, const char *user)
{
	const struct sstate_driver *drivers[] = { c->driver, NULL };
	unsigned long long len, n;
	char token[KIT_TOKEN + 1], ring[300], dir[256];
	unsigned adds = 0, cuts = 0, lost = 0;
	struct sstate *env;
	struct kit kit;
	int way;

	kit_folder(dir);
	kit_init(&kit, c->uri);
	kit.o.drivers = drivers;
	kit.o.now = NULL;
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit.o.keyring = ring;
	NEED((env = kit_open(&kit)) != NULL, "an environment");
	NEED(kit_make(token, env, "n", "0", user) == 0, "a counter");
	for (way = PROXY_UP; way <= PROXY_DOWN; way++) {
		proxy_set(c->p, PROXY_PASS, 0, 0);
		lost += cut_add(env, token) == 0;
		adds++;
		len = proxy_passed(c->p, way);
		/* In what is read, in what is written, and after it. */
		for (n = 0; n < len; n += 1 + n / 8) {
			proxy_set(c->p, PROXY_CUT, way, n);
			lost += cut_add(env, token) == 0;
			adds++;
			cuts += proxy_cuts(c->p);
		}
	}
	proxy_set(c->p, PROXY_PASS, 0, 0);
	T(lost == 0 && cuts > 30, "%u additions, %u of them cut, all went",
	    adds, cuts);
	T(kit_int(env, token, "n") == (int64_t)adds,
	    "R-33 an answer lost is no addition lost or done twice (%lld)",
	    (long long)kit_int(env, token, "n"));
	sstate_close(env);
}

#endif
