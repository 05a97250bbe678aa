/*
 * memcached_cut_test.c - a connection to memcached that is cut at each octet,
 * held, hung up
 *
 * A change of some revision is a look and a write, so what a cut costs
 * depends on where it comes: the look is made again.  Who has just read the
 * record (known) makes none.
 *
 * driver: memcached
 */
#include "memcached_kit.h"

#include "cut.h"

#include "count.h"

static struct proxy p;

/* Octets of a look at what is there now: its unique number has its length. */
static unsigned long long
look_of(const struct cut *c, enum cut_op op, int way)
{
	struct sstate_error err;

	if (op != CUT_REPLACE && op != CUT_REMOVE)
		return 0;
	proxy_set(c->p, PROXY_PASS, 0, 0);
	return cut_do(c, CUT_GET, &err) != 0 ? 0 : proxy_passed(c->p, way);
}

/* Another read: what was read before is not known any more. */
static int
forget(const struct cut *c)
{
	struct sstate_key key = conform_key(CONFORM_NS, 2);

	return c->driver->get(c->ctx, &key, conform_found, NULL, NULL) ==
	    SSTATE_ENOTFOUND;
}

/* 1: as it must be. */
static int
once(const struct cut *c, enum cut_op op, int known, int way,
    unsigned long long n)
{
	static const uint64_t before[] = { 0, 1, 1, 1 },
			      after[] = { 1, 2, 0, 1 };
	struct sstate_error err;
	uint64_t rev, want;
	int r, good, writes;

	cut_prepare(c, op);
	writes = op <= CUT_REMOVE && (n >= look_of(c, op, way) || known);
	good = known || forget(c);
	proxy_set(c->p, PROXY_CUT, way, n);
	r = cut_do(c, op, &err);
	good =
	    good && proxy_cuts(c->p) == 1 && r == (writes ? SSTATE_ESTORE : 0);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	want = writes && way == PROXY_UP ? before[op] : after[op];
	if (op < CUT_EACH) {
		rev = cut_stands(c);
		good = good && rev == want;
	}
	cut_prepare(c, op);
	if (!good || cut_do(c, op, &err) != 0)
		printf("# %s, way %d, %llu: %d %s\n", cut_ops[op], way, n, r,
		    err.text);
	return good && err.code == 0;
}

static void
through(const struct cut *c, enum cut_op op, int known)
{
	unsigned long long len[2], n;
	struct sstate_error err;
	unsigned wrong = 0;
	int way;

	cut_prepare(c, op);
	NEED(!known || cut_do(c, CUT_GET, &err) == 0, "a read");
	proxy_set(c->p, PROXY_PASS, 0, 0);
	NEED(cut_do(c, op, &err) == 0, "%s: %s", cut_ops[op], err.text);
	len[0] = proxy_passed(c->p, PROXY_UP);
	len[1] = proxy_passed(c->p, PROXY_DOWN);
	for (way = PROXY_UP; way <= PROXY_DOWN; way++)
		for (n = 0; n < len[way]; n++) {
			/* In the middle of a body one place is as another. */
			if (n > 100 && n + 230 < len[way] && n % 8 != 0)
				continue;
			wrong += !once(c, op, known, way, n);
		}
	T(wrong == 0,
	    "I7 %s%s of %llu and %llu octets, cut at each place: a code, the "
	    "truth, recovery (%u wrong)",
	    known ? "known, " : "", cut_ops[op], len[0], len[1], wrong);
	/* STORED, and no answer to a look before it. */
	if (known)
		T(len[1] == 8, "P4 after a read it is one trip");
}

/* A server that says nothing is over in time; by halves, as well. */
static void
held(const struct cut *c)
{
	static const enum cut_op ops[] = { CUT_CREATE, CUT_REPLACE, CUT_REMOVE,
		CUT_GET, CUT_LATEST };
	struct sstate_error err;
	int64_t began, took;
	size_t i;
	int r;

	for (i = 0; i < 5; i++) {
		cut_prepare(c, ops[i]);
		proxy_set(c->p, PROXY_HOLD, PROXY_DOWN, i % 2 * 3);
		began = count_ms();
		r = cut_do(c, ops[i], &err);
		took = count_ms() - began;
		proxy_set(c->p, PROXY_PASS, 0, 0);
		T(r == SSTATE_ESTORE && err.sys == ETIMEDOUT && took >= 900 &&
			took < CUT_SECONDS * 1000,
		    "%s, held: %s (%lld ms)", cut_ops[ops[i]], err.text,
		    (long long)took);
		cut_prepare(c, ops[i]);
		T(cut_do(c, ops[i], &err) == 0, "and then it goes on %s",
		    err.text);
	}
}

/* Hung up while idle: nobody's error, not even a write's. */
static void
hung_up(const struct cut *c, const char *sock, const char *to)
{
	struct sstate_error err;
	unsigned wrong = 0;
	int op, i;

	for (op = CUT_CREATE; op <= CUT_GET; op++)
		for (i = 0; i < 3; i++) {
			cut_prepare(c, (enum cut_op)op);
			if (op == CUT_REPLACE || op == CUT_REMOVE)
				wrong += cut_do(c, CUT_GET, &err) != 0;
			proxy_end(&p);
			(void)unlink(sock);
			NEED(proxy_start(&p, sock, to, 0) == 0, "a proxy");
			wrong += cut_do(c, (enum cut_op)op, &err) != 0;
		}
	T(wrong == 0, "hung up while idle, connected anew (%u wrong) %s", wrong,
	    err.text);
	proxy_end(&p);
	(void)unlink(sock);
	cut_prepare(c, CUT_CREATE);
	T(cut_do(c, CUT_CREATE, &err) == SSTATE_EBUSY && cut_stands(c) == 0,
	    "refused before anything is sent: %s", err.text);
	NEED(proxy_start(&p, sock, to, 0) == 0, "a proxy");
	T(cut_do(c, CUT_CREATE, &err) == 0, "and back %s", err.text);
}

/*
 * Between the look and the write somebody else writes: what he wrote stands.
 */
static void
overtaken(const struct cut *c, enum cut_op op)
{
	const struct sstate_driver *d = c->driver;
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	unsigned long long look;
	struct sstate_record rec;
	struct sstate_error err;
	int64_t until = count_ms() + CUT_SECONDS * 1000;
	struct cut mine = *c;
	int st = -1, r;
	pid_t pid;

	cut_prepare(c, op);
	look = look_of(c, op, PROXY_UP);
	proxy_set(c->p, PROXY_HOLD, PROXY_UP, look);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		d->abandon(c->ctx);
		mine.ctx = cut_opened(c, c->uri);
		r = mine.ctx != NULL ? cut_do(&mine, op, &err) : 1;
		d->close(mine.ctx);
		_exit(r == SSTATE_ECONFLICT ? 0 : 1);
	}
	while (proxy_passed(c->p, PROXY_UP) < look && count_ms() < until)
		count_nap(1);
	cut_mark(&rec, 2);
	r = d->replace(c->past, &key, 1, &rec, &err);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	T(r == 0 && waitpid(pid, &st, 0) == pid && st == 0 &&
		cut_stands(c) == 2,
	    "R-33 %s, overtaken between its look and its write: ECONFLICT, "
	    "the other's stands",
	    cut_ops[op]);
}

/* Between the read and the change, as well; the revision decides. */
static void
outrun(const struct cut *c, enum cut_op op)
{
	struct sstate_key key = conform_key(CONFORM_NS, 1);
	struct sstate_record rec;
	struct sstate_error err;
	int good;

	cut_prepare(c, op);
	good = cut_do(c, CUT_GET, &err) == 0;
	cut_mark(&rec, 2);
	good = good && c->driver->replace(c->past, &key, 1, &rec, &err) == 0 &&
	    cut_do(c, op, &err) == SSTATE_ECONFLICT && cut_stands(c) == 2;
	T(good, "R-33 %s, overtaken after the read: ECONFLICT", cut_ops[op]);
	cut_prepare(c, op);
	good = cut_do(c, CUT_GET, &err) == 0;
	cut_prepare(c, op);
	T(good && cut_do(c, op, &err) == 0,
	    "%s, after the same revision was written again %s", cut_ops[op],
	    err.text);
	cut_prepare(c, op);
	good = cut_do(c, CUT_GET, &err) == 0 &&
	    c->driver->remove(c->past, &key, SSTATE_ANY_REV, &err) == 0;
	T(good &&
		cut_do(c, op, &err) ==
		    (op == CUT_REMOVE ? 0 : SSTATE_ENOTFOUND) &&
		cut_stands(c) == 0,
	    "R-26 %s, ended after the read: it does not come back",
	    cut_ops[op]);
}

/* What a child does with what it inherited is nothing to its parent. */
static void
abandoned(const struct cut *c)
{
	struct sstate_error err;
	unsigned was;
	int i, st, wrong = 0;
	pid_t pid;

	cut_prepare(c, CUT_GET);
	wrong += cut_do(c, CUT_GET, &err) != 0;
	was = atomic_load(&c->p->board->conns);
	for (i = 0; i < 5; i++) {
		(void)fflush(stdout);
		if ((pid = fork()) == 0) {
			st = (int)conform_fds();
			c->driver->abandon(c->ctx);
			_exit((int)conform_fds() == st - 1 ? 0 : 1);
		}
		wrong += waitpid(pid, &st, 0) != pid || st != 0;
		wrong += cut_do(c, CUT_GET, &err) != 0;
	}
	T(wrong == 0 && atomic_load(&c->p->board->conns) == was,
	    "R-34 five children abandon it: the parent's connection goes on");
}

int
main(void)
{
	char sock[128], uri[300];
	struct mckit k;
	struct cut c = { .driver = &sstate_driver_v1_memcached,
		.uri = uri,
		.p = &p };

	mckit_start(&k, NULL);
	c.direct = k.uri;
	(void)snprintf(sock, sizeof(sock), "%s/p", k.s.dir);
	(void)snprintf(uri, sizeof(uri), "memcached:%s?timeout_ms=1000", sock);
	NEED(proxy_start(&p, sock, k.sock, 0) == 0, "a proxy");
	cut_begin(&c);
	through(&c, CUT_CREATE, 0);
	through(&c, CUT_REPLACE, 0);
	through(&c, CUT_REPLACE, 1);
	through(&c, CUT_REMOVE, 0);
	through(&c, CUT_REMOVE, 1);
	through(&c, CUT_GET, 0);
	held(&c);
	overtaken(&c, CUT_REPLACE);
	overtaken(&c, CUT_REMOVE);
	outrun(&c, CUT_REPLACE);
	outrun(&c, CUT_REMOVE);
	abandoned(&c);
	hung_up(&c, sock, k.sock);
	cut_end(&c);
	cut_counters(&c, NULL);
	proxy_end(&p);
	mckit_end(&k);
	return tap_done();
}
