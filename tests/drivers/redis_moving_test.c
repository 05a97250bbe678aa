/*
 * redis_moving_test.c - a cluster whose slots move, whose nodes are killed,
 * whose master hands over, in the middle of a run
 *
 * driver: redis
 */
#include "redis_nodes.h"

#include "count.h"

static struct nodes c;
static const struct sstate_driver *d = &sstate_driver_v1_redis;

static void *
opened(void)
{
	struct sstate_error err;
	void *ctx = rkit_open(c.uri, &err);

	if (ctx == NULL)
		printf("# open: %d %s\n", err.code, err.text);
	return ctx;
}

/* The n-th key of a slot. */
static struct sstate_key
in_slot(unsigned slot, unsigned n)
{
	struct sstate_key key;
	uint64_t i;

	for (i = 0;; i++) {
		key = conform_key(CONFORM_NS, i);
		if (rds_slot(rkit_name(&key)) == slot && n-- == 0)
			return key;
	}
}

/* A slot is on its way from node a to node b. */
static int
open_slot(unsigned slot, int a, int b)
{
	return rkit_int(&c.k[b], "CLUSTER SETSLOT %u IMPORTING %s", slot,
		   c.id[a]) == 1 &&
	    rkit_int(&c.k[a], "CLUSTER SETSLOT %u MIGRATING %s", slot,
		c.id[b]) == 1;
}

static int
move_keys(unsigned slot, int a, int b)
{
	redisReply *re, *one;
	size_t i, n = 1;
	int good = 1;

	while (n > 0 && good) {
		re = rkit_say(&c.k[a], "CLUSTER GETKEYSINSLOT %u 100", slot);
		n = re != NULL ? re->elements : 0;
		for (i = 0; i < n && good; i++) {
			one =
			    rkit_say(&c.k[a], "MIGRATE 127.0.0.1 %d %s 0 5000",
				c.k[b].port, re->element[i]->str);
			good = one != NULL && one->type == REDIS_REPLY_STATUS;
			freeReplyObject(one);
		}
		freeReplyObject(re);
	}
	return good;
}

static int
close_slot(unsigned slot, int a, int b)
{
	int i, good = 1;

	/* The one that gets it first. */
	for (i = 0; i < NODES; i++)
		good &= rkit_int(&c.k[i == 0	  ? b
					 : i == b ? 0
						  : i],
			    "CLUSTER SETSLOT %u NODE %s", slot, c.id[b]) == 1;
	(void)a;
	return good;
}

static int
is(void *ctx, const struct sstate_key *key, const struct sstate_record *rec)
{
	struct conform how = { .driver = d };

	return conform_is(&how, ctx, key, rec);
}

/* Half-way: what is moved answers ASK, what is not is where it was. */
static void
half_way(void)
{
	const unsigned slot = 1234; /* node 0 has it */
	struct sstate_record rec = conform_rec("here", 4, CONFORM_LIVE, 1);
	struct sstate_record next = conform_rec("there", 5, CONFORM_LIVE, 2);
	struct sstate_key k[4];
	void *ctx = opened(), *other = opened();
	unsigned i, bad = 0;

	NEED(ctx != NULL && other != NULL, "two contexts");
	for (i = 0; i < 4; i++)
		k[i] = in_slot(slot, i);
	conform_tag(rec.tag, 1);
	conform_tag(next.tag, 1);
	for (i = 0; i < 2; i++)
		bad += d->create(ctx, &k[i], &rec, NULL) != 0;
	NEED(bad == 0 && open_slot(slot, 0, 1), "a slot is half-way");
	freeReplyObject(rkit_say(&c.k[0], "MIGRATE 127.0.0.1 %d %s 0 5000",
	    c.k[1].port, rkit_name(&k[1])));
	T(is(ctx, &k[0], &rec) && is(ctx, &k[1], &rec),
	    "ASK: read where it was, and where it is");
	T(d->create(ctx, &k[0], &rec, NULL) == SSTATE_EEXIST &&
		d->create(ctx, &k[1], &rec, NULL) == SSTATE_EEXIST,
	    "R-26 neither can be made a second time");
	/* The other node's scripts are unknown there: NOSCRIPT under ASK. */
	T(d->create(ctx, &k[2], &rec, NULL) == 0 && is(other, &k[2], &rec),
	    "ASK: a new one is made where it will be");
	freeReplyObject(rkit_say(&c.k[1], "SCRIPT FLUSH"));
	T(d->replace(ctx, &k[0], 1, &next, NULL) == 0 &&
		d->replace(ctx, &k[1], 1, &next, NULL) == 0 &&
		is(other, &k[0], &next) && is(other, &k[1], &next),
	    "ASK: replaced, also by a script that is not known there");
	T(d->replace(other, &k[1], 1, &next, NULL) == SSTATE_ECONFLICT &&
		d->replace(other, &k[3], 1, &next, NULL) == SSTATE_ENOTFOUND,
	    "R-33 and compared");
	T(d->remove(ctx, &k[2], 1, NULL) == 0 &&
		d->remove(ctx, &k[2], 1, NULL) == 0 &&
		d->create(ctx, &k[2], &rec, NULL) == 0,
	    "removed, nothing to remove, made again");
	NEED(move_keys(slot, 0, 1) && close_slot(slot, 0, 1), "it is there");
	T(is(ctx, &k[0], &next) && is(other, &k[1], &next) &&
		is(other, &k[2], &rec),
	    "MOVED: all are read");
	T(d->replace(ctx, &k[2], 1, &next, NULL) == 0, "and replaced");
	NEED(open_slot(slot, 1, 0) && move_keys(slot, 1, 0) &&
		close_slot(slot, 1, 0),
	    "and back");
	T(d->replace(ctx, &k[2], 2, &next, NULL) == 0 &&
		is(other, &k[2], &next),
	    "MOVED: a write that was sent to the wrong one is sent on");
	for (i = 0; i < 4; i++)
		(void)d->remove(ctx, &k[i], SSTATE_ANY_REV, NULL);
	d->close(ctx);
	d->close(other);
}

struct walk {
	unsigned slot, n;
	int moved;
};

/* What was shown moves to a server that is listed later. */
static int
move_on(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	struct walk *w = (struct walk *)arg;

	(void)rec;
	w->n++;
	if (rds_slot(rkit_name(key)) == w->slot && !w->moved)
		w->moved = open_slot(w->slot, 0, 1) &&
		    move_keys(w->slot, 0, 1) && close_slot(w->slot, 0, 1);
	return 0;
}

static void
listed_once(void)
{
	struct sstate_record rec = conform_rec("b", 1, CONFORM_LIVE, 1);
	struct walk w = { 77, 0, 0 };
	struct sstate_key k = in_slot(w.slot, 0);
	struct sstate_error err = { 0, 0, "" };
	void *ctx = opened();

	NEED(ctx != NULL && d->create(ctx, &k, &rec, &err) == 0, "a record");
	T(d->each(ctx, CONFORM_NS, NULL, move_on, &w, &err) == 0 && w.moved &&
		w.n == 1,
	    "one that moves while it is listed is shown once (%u) %s", w.n,
	    err.text);
	T(d->remove(ctx, &k, 1, NULL) == 0 && open_slot(w.slot, 1, 0) &&
		close_slot(w.slot, 1, 0),
	    "removed where it is");
	d->close(ctx);
}

/* The slot of the run's only record, and who has it. */
static unsigned
run_slot(int *node)
{
	redisReply *re;
	unsigned slot = 0;
	int i;

	for (i = 0; i < NODES_ALL; i++) {
		re = rkit_say(&c.k[i], "KEYS sstate:r:*");
		if (re != NULL && re->elements > 0 &&
		    (i < NODES || re->type == REDIS_REPLY_ARRAY)) {
			slot = rds_slot(re->element[0]->str);
			*node = i;
			freeReplyObject(re);
			return slot;
		}
		freeReplyObject(re);
	}
	*node = -1;
	return slot;
}

static void
round_about(struct count *run)
{
	int i, a, good = 1;
	unsigned slot;

	for (i = 0; i < 6 && good; i++) {
		slot = run_slot(&a);
		good = a >= 0 && open_slot(slot, a, (a + 1) % NODES) &&
		    count_more(run, 10) &&
		    move_keys(slot, a, (a + 1) % NODES) &&
		    count_more(run, 10) &&
		    close_slot(slot, a, (a + 1) % NODES) && count_more(run, 10);
	}
	T(good, "a slot goes round the cluster twice, under a run");
	T(atomic_load(&run->b->busy) == 0 && atomic_load(&run->b->unknown) == 0,
	    "and that costs no user an error");
}

static void
one_down(struct count *run)
{
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 1);
	struct sstate_error err = { 0, 0, "" };
	struct sstate_key key;
	unsigned i, down = 0, up = 0, odd = 0;
	void *ctx = opened();
	int a, r;

	NEED(ctx != NULL, "a context");
	(void)run_slot(&a);
	NEED(a >= 0, "the run's node");
	server_kill(&c.k[a].s);
	for (i = 0; i < 60; i++) {
		key = conform_key("down", i);
		r = d->create(ctx, &key, &rec, &err);
		if (r == 0)
			up++;
		else if (r == SSTATE_EBUSY || r == SSTATE_ESTORE)
			down++;
		else
			odd++;
		if (r == 0)
			(void)d->remove(ctx, &key, 1, NULL);
	}
	T(odd == 0 && down > 5 && up > 20,
	    "a node is killed: %u keys fail (%s), %u are served by the others",
	    down, err.text, up);
	T(d->each(ctx, "down", NULL, NULL, NULL, &err) != 0,
	    "R-27 a listing that misses a node fails: %s", err.text);
	NEED(rkit_again(&c.k[a]) == 0 &&
		nodes_wait(&c, NODES, "cluster_slots_fail:0") == 0,
	    "it is started again");
	T(count_more(run, 30), "and the run goes on");
	d->close(ctx);
}

/* A replica takes over; what it had not heard of yet would be lost. */
static void
hand_over(struct count *run)
{
	const struct timespec nap = { 0, 50000000 };
	int a, i;

	(void)run_slot(&a);
	NEED(a >= 0 && a < NODES, "the run's node");
	NEED(rkit_int(&c.k[a], "CLUSTER MEET 127.0.0.1 %d %s", c.k[3].port,
		 c.bus[3]) == 1 &&
		nodes_wait(&c, NODES_ALL, "cluster_known_nodes:4") == 0 &&
		nodes_wait(&c, NODES_ALL, "cluster_slots_ok:16384") == 0,
	    "a fourth node joins");
	for (i = 0; i < 200; i++) {
		if (rkit_int(&c.k[3], "CLUSTER REPLICATE %s", c.id[a]) == 1)
			break;
		(void)nanosleep(&nap, NULL);
	}
	for (; i < 200 && rkit_int(&c.k[a], "WAIT 1 100") < 1; i++)
		(void)nanosleep(&nap, NULL);
	NEED(i < 200 && count_more(run, 20), "it replicates");
	/* In peace: the master waits until the other has all. */
	for (i = 0; i < 200; i++)
		if (rkit_int(&c.k[3], "CLUSTER FAILOVER") == 1)
			break;
		else
			(void)nanosleep(&nap, NULL);
	for (; i < 200 && !rkit_master(&c.k[3]); i++)
		(void)nanosleep(&nap, NULL);
	server_kill(&c.k[a].s);
	T(i < 200 && count_more(run, 30),
	    "a replica takes over, the old master is killed: the run goes on");
}

int
main(void)
{
	struct count run = { .driver = &sstate_driver_v1_redis, .pace_ms = 2 };

	nodes_start(&c);
	half_way();
	listed_once();
	run.uri = c.uri;
	count_start(&run);
	round_about(&run);
	one_down(&run);
	hand_over(&run);
	count_stop(&run);
	count_check(&run, "a cluster that moves");
	count_end(&run);
	nodes_end(&c);
	return tap_done();
}
