/*
 * dynamodb_cut_test.c - a connection to a DynamoDB that is cut, held, hung up
 *
 * A logged-in user's record is two requests, his entry and the record; a cut
 * in the first leaves no record, wherever it comes.
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

#include "cut.h"

#include "count.h"

static struct proxy p;

/* On a record of revision 1, or on none; tag 0: one request each. */
static int
act(const struct cut *c, enum cut_op op, unsigned tag, struct sstate_error *err)
{
	memset(err, 0, sizeof(*err));
	if (op == CUT_CREATE)
		return dkit_make(c->ctx, 1, CONFORM_LIVE, tag, err);
	if (op == CUT_REPLACE)
		return dkit_replace(c->ctx, 1, 1, CONFORM_LIVE, tag, err);
	if (op == CUT_REMOVE)
		return dkit_remove(c->ctx, 1, 1, err);
	return cut_do(c, op, err);
}

static int
once(const struct cut *c, enum cut_op op, int way, unsigned long long n)
{
	static const uint64_t before[] = { 0, 1, 1, 1, 1, 1 },
			      after[] = { 1, 2, 0, 1, 1, 1 };
	const int writes = op <= CUT_REMOVE;
	struct sstate_error err;
	uint64_t rev;
	int r, good;

	cut_prepare(c, op);
	proxy_set(c->p, PROXY_CUT, way, n);
	r = act(c, op, 0, &err);
	good = proxy_cuts(c->p) == 1 && r == (writes ? SSTATE_ESTORE : 0);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	rev = cut_stands(c);
	good = good && rev == (way == PROXY_UP ? before[op] : after[op]);
	if (!good)
		printf("# %s, way %d, %llu: %d %s, revision %llu\n",
		    cut_ops[op], way, n, r, err.text, (unsigned long long)rev);
	cut_prepare(c, op);
	r = act(c, op, 0, &err);
	if (r != 0)
		printf("# %s, way %d, %llu, then: %d %s\n", cut_ops[op], way, n,
		    r, err.text);
	return good && r == 0;
}

static void
through(const struct cut *c, enum cut_op op)
{
	unsigned long long len[2], n;
	struct sstate_error err;
	unsigned wrong = 0, tried = 0;
	int way;

	cut_prepare(c, op);
	NEED(act(c, op, 0, &err) == 0, "%s: %s", cut_ops[op], err.text);
	cut_prepare(c, op);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	NEED(act(c, op, 0, &err) == 0, "again");
	len[0] = proxy_passed(c->p, PROXY_UP);
	len[1] = proxy_passed(c->p, PROXY_DOWN);
	for (way = PROXY_UP; way <= PROXY_DOWN; way++)
		/* The last octets of an answer may be fewer, at another time. */
		for (n = 0; n + 1 < len[way]; n += n < 3 ? 1 : 41, tried++)
			wrong += !once(c, op, way, n);
	T(wrong == 0,
	    "I7 %s of %llu and %llu octets, cut at %u places: a code, the "
	    "truth, recovery (%u wrong)",
	    cut_ops[op], len[0], len[1], tried, wrong);
}

/* Two requests: until the second has been run, there is no record. */
static void
two(const struct cut *c)
{
	unsigned long long len[2], n;
	unsigned wrong = 0, made = 0, tried = 0;
	struct sstate_error err;
	uint64_t rev;
	int r, way;

	cut_prepare(c, CUT_CREATE);
	NEED(act(c, CUT_CREATE, 9, &err) == 0, "%s", err.text);
	/* The entry is there from now on, and the server says that. */
	cut_prepare(c, CUT_CREATE);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	NEED(act(c, CUT_CREATE, 9, &err) == 0, "%s", err.text);
	len[0] = proxy_passed(c->p, PROXY_UP);
	len[1] = proxy_passed(c->p, PROXY_DOWN);
	for (way = PROXY_UP; way <= PROXY_DOWN; way++)
		for (n = 0; n + 1 < len[way]; n += 31, tried++) {
			cut_prepare(c, CUT_CREATE);
			proxy_set(c->p, PROXY_CUT, way, n);
			r = act(c, CUT_CREATE, 9, &err);
			proxy_set(c->p, PROXY_PASS, 0, 0);
			rev = cut_stands(c);
			wrong += r != SSTATE_ESTORE;
			/* Once it is there, it is at each later place. */
			wrong += rev == 0 && made > 0;
			wrong += rev != 0 && way == PROXY_UP;
			made += rev != 0;
		}
	T(wrong == 0 && made > 3 && made < tried,
	    "I7 a user's record, cut at %u places, is there after %u (%u "
	    "wrong)",
	    tried, made, wrong);
	cut_prepare(c, CUT_CREATE);
	NEED(act(c, CUT_CREATE, 9, &err) == 0, "and goes on %s", err.text);
}

static void
held(const struct cut *c)
{
	struct sstate_error err;
	int64_t began, took;
	int op, r;

	for (op = CUT_CREATE; op < CUT_OPS; op++) {
		cut_prepare(c, (enum cut_op)op);
		(void)act(c, CUT_GET, 0, &err);
		proxy_set(c->p, PROXY_HOLD, PROXY_DOWN, op % 2 == 0 ? 0 : 9);
		began = count_ms();
		r = act(c, (enum cut_op)op, 0, &err);
		took = count_ms() - began;
		proxy_set(c->p, PROXY_PASS, 0, 0);
		T(r == SSTATE_ESTORE && err.sys == ETIMEDOUT && took >= 900 &&
			took < CUT_SECONDS * 1000,
		    "%s, held: %s (%lld ms)", cut_ops[op], err.text,
		    (long long)took);
		do {
			cut_prepare(c, (enum cut_op)op);
			r = act(c, (enum cut_op)op, 0, &err);
		} while (r != 0 && count_ms() < began + CUT_SECONDS * 1000);
		T(r == 0, "and then it goes on %s", err.text);
	}
}

/* Hung up while idle: nobody's error, not even a write's. */
static void
hung_up(struct dkit *k)
{
	int64_t until = count_ms() + CUT_SECONDS * 1000;
	struct cut c = { .driver = &sstate_driver_v1_dynamodb, .uri = k->uri };
	struct sstate_error err;
	unsigned wrong = 0, n = 0, conns;
	int op;

	c.ctx = cut_opened(&c, c.uri);
	c.past = cut_opened(&c, c.uri);
	NEED(c.ctx != NULL && c.past != NULL, "two contexts");
	dkit_file(k, "tally", "");
	for (op = CUT_CREATE; op < CUT_OPS; op++) {
		cut_prepare(&c, (enum cut_op)op);
		(void)act(&c, CUT_LATEST, 0, &err);
		server_signal(&k->s, SIGUSR2);
		n++;
		while (dkit_tally(k, "hangup") < n && count_ms() < until)
			count_nap(5);
		conns = dkit_tally(k, "connection");
		wrong += act(&c, (enum cut_op)op, 0, &err) != 0;
		wrong += dkit_tally(k, "connection") != conns + 1;
	}
	T(wrong == 0, "hung up while idle, connected anew (%u wrong) %s", wrong,
	    err.text);
	conns = dkit_tally(k, "connection");
	for (op = 0; op < 20; op++)
		(void)act(&c, CUT_LATEST, 0, &err);
	T(dkit_tally(k, "connection") == conns,
	    "and then one connection does for all");
	c.driver->close(c.ctx);
	c.driver->close(c.past);
}

int
main(void)
{
	char uri[300];
	struct dkit k;
	struct cut c = { .driver = &sstate_driver_v1_dynamodb,
		.uri = uri,
		.p = &p };

	dkit_start(&k, 0);
	hung_up(&k);
	c.direct = k.uri;
	NEED(proxy_start(&p, NULL, NULL, k.port) == 0, "a proxy");
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://127.0.0.1:%d/sessions?region=eu-test-1&timeout_ms=1000",
	    p.port);
	cut_begin(&c);
	through(&c, CUT_CREATE);
	through(&c, CUT_REPLACE);
	through(&c, CUT_REMOVE);
	through(&c, CUT_GET);
	through(&c, CUT_EACH);
	through(&c, CUT_LATEST);
	two(&c);
	held(&c);
	cut_end(&c);
	cut_counters(&c, "ann");
	proxy_end(&p);
	dkit_end(&k);
	return tap_done();
}
