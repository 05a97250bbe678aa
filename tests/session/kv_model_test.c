/*
 * kv_model_test.c - a name while keys change: each history is one of a
 * register
 *
 * Four processes work on one name: one knows the old key alone, one has two
 * newer ones that do not issue yet by its clock, for one the second key
 * issues, for one the third.  Between any two store calls another one may
 * go on, any call may fail or lose its answer, and what was done before is
 * left as it is (a kill).  Then some order of the operations, each at one
 * moment between its call and its return, must explain every answer
 * no lost update, nothing removed comes back.
 */
/* label: thread */
#include "../tap.h"
#include "kit.h"
#include "mapstore.h"

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>

#include <securestate/kv.h>

#define K1 "CmNRFz_MtsfP398g33UapPafHl0aj0Ops5PDHhFBFW0"
#define K2 "9o0zjvGO3tDC08x4sGt4WN9CVKeV__ghot1tu3LHCoA"
#define K3 "Qw42i0AqRh49-wJ0rmqekiKMRfOJVE6JEPEaR3lXfO4"

enum { ACTORS = 4, OPS = 3, ALL = ACTORS * OPS, NOBODY = -1, STEP = 100 };
enum { GET, NEW, SWAP, ANY, REMOVE, CLEAR, KINDS };
enum { ABSENT = ALL }; /* as a state; else the put that made the value */

struct op {
	int kind, code;
	int expected; /* whose value; SWAP, REMOVE */
	int got; /* GET: whose value */
	unsigned called, returned;
};

struct actor {
	pthread_t th;
	struct kit k;
	struct sstate *env;
	int id, done, dead; /* dead: until the end of its operation */
};

/* Posted by who hands it over; main waits for back. */
static sem_t turn[ACTORS], back;

/* All below belongs to who runs. */
static struct actor actor[ACTORS];
static struct map map;
static struct op ops[ALL];
static uint64_t rev_of[ALL]; /* 0: nobody was told yet */
static unsigned tick, odd, stubs, codes[KINDS][32];
static int kills, quit;
static uint64_t seed = 1;
static char name[32];

static unsigned
chance(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- Whose turn it is -------------------------------------------------- */

static void
wait_for(sem_t *s)
{
	while (sem_wait(s) != 0)
		continue; /* EINTR */
}

static void
pass_on(const struct actor *a)
{
	(void)sem_post(&back);
	wait_for(&turn[a->id]);
}

static void
let_go(int id)
{
	(void)sem_post(&turn[id]);
	wait_for(&back);
}

/* The context is the actor: its environment has a driver of its own. */
static int
before(void *ctx, int *lose, struct sstate_error *err)
{
	struct actor *a = ctx;

	pass_on(a);
	*lose = 0;
	if (!a->dead && kills && chance(14) == 0) {
		a->dead = 1;
		*lose = chance(2) == 0; /* done, but not answered */
		if (*lose)
			return 0;
	}
	return a->dead ? sstate_fail(err, SSTATE_ESTORE, 0, "killed") : 0;
}

static int
after(int r, int lose, struct sstate_error *err)
{
	return lose ? sstate_fail(err, SSTATE_ESTORE, 0, "not answered") : r;
}

static int
t_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	return map_open(ctx, conf, err);
}

static int
t_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	int lose, r;

	if ((r = before(ctx, &lose, err)) != 0)
		return r;
	return after(map_get(&map, key, found, arg, err), lose, err);
}

static int
t_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int lose, r;

	if ((r = before(ctx, &lose, err)) != 0)
		return r;
	return after(map_create(&map, key, rec, err), lose, err);
}

static int
t_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int lose, r;

	if ((r = before(ctx, &lose, err)) != 0)
		return r;
	return after(map_replace(&map, key, expected, rec, err), lose, err);
}

static int
t_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	int lose, r;

	if ((r = before(ctx, &lose, err)) != 0)
		return r;
	return after(map_remove(&map, key, expected, err), lose, err);
}

static const struct sstate_driver turn_driver = { .size = sizeof(
						      struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_HANDLE | SSTATE_CAP_REMOTE,
	.scheme = "turn",
	.open = t_open,
	.close = map_close,
	.get = t_get,
	.create = t_create,
	.replace = t_replace,
	.remove = t_remove };

/* ---- One operation ----------------------------------------------------- */

static struct sstate_val
val(const char *s)
{
	return (struct sstate_val){ s, strlen(s) };
}

/* One value, one revision, whoever is told and under whichever key. */
static void
told(int of, uint64_t rev)
{
	int i;

	odd += rev == 0 || (rev_of[of] != 0 && rev_of[of] != rev);
	for (i = 0; i < ALL; i++)
		odd += i != of && rev_of[i] == rev;
	rev_of[of] = rev;
}

static int
do_get(struct actor *a, struct op *o)
{
	struct sstate_kv *kv;
	int r;

	if ((r = sstate_kv_get(&kv, a->env, val(name), NULL)) != 0)
		return r;
	o->got = atoi(kv->value.ptr);
	told(o->got, kv->rev);
	sstate_kv_free(kv);
	return 0;
}

static int
do_put(struct actor *a, int me, uint64_t expected)
{
	char text[16];
	uint64_t rev;
	int r;

	(void)snprintf(text, sizeof(text), "%d", me);
	r = sstate_kv_put(&rev, a->env, val(name), val(text), 0, expected,
	    NULL);
	if (r == 0)
		told(me, rev);
	return r;
}

/* Somebody's revision that was told, late or not. */
static int
known(void)
{
	int i, n = 0, which[ALL];

	for (i = 0; i < ALL; i++)
		if (rev_of[i] != 0)
			which[n++] = i;
	return n == 0 ? NOBODY : which[chance((unsigned)n)];
}

static void
operate(struct actor *a, int me)
{
	struct op *o = &ops[me];
	uint64_t rev;

	o->kind = (int)chance(KINDS);
	o->expected = known();
	if ((o->kind == SWAP || o->kind == REMOVE) && o->expected == NOBODY)
		o->kind = GET;
	rev = o->kind == SWAP || o->kind == REMOVE ? rev_of[o->expected]
	    : o->kind == NEW			   ? SSTATE_KV_NEW
						   : SSTATE_KV_ANY;
	a->dead = 0;
	o->called = tick++;
	if (o->kind == GET)
		o->code = do_get(a, o);
	else if (o->kind == REMOVE || o->kind == CLEAR)
		o->code = sstate_kv_remove(a->env, val(name), rev, NULL);
	else
		o->code = do_put(a, me, rev);
	o->returned = tick++;
	codes[o->kind][-o->code]++;
}

static void *
work(void *arg)
{
	struct actor *a = arg;
	int i;

	wait_for(&turn[a->id]);
	while (!quit) {
		for (i = 0; i < OPS; i++) {
			operate(a, a->id * OPS + i);
			a->done = i + 1 == OPS;
			pass_on(a);
		}
	}
	return NULL;
}

/* ---- Is it a history of a register? ------------------------------------ */

static unsigned char seen[1 << ALL][ALL + 1];

/* The state after o, or -1: its answer does not fit. */
static int
apply(const struct op *o, int me, int state)
{
	int there = state != ABSENT;

	switch (o->code) {
	case 0:
		if (o->kind == GET)
			return there && o->got == state ? state : -1;
		if (o->kind == ANY)
			return me;
		if (o->kind == NEW)
			return there ? -1 : me;
		if (o->kind == SWAP)
			return o->expected == state ? me : -1;
		if (o->kind == CLEAR || !there || o->expected == state)
			return ABSENT;
		return -1;
	case SSTATE_ENOTFOUND:
		return !there && (o->kind == GET || o->kind == SWAP) ? state
								     : -1;
	case SSTATE_EEXIST:
		return there && o->kind == NEW ? state : -1;
	case SSTATE_ECONFLICT:
		return there && o->expected != state &&
			(o->kind == SWAP || o->kind == REMOVE)
		    ? state
		    : -1;
	case SSTATE_EAUTH: /* a key that it does not know: nothing done */
		return me < OPS ? state : -1;
	case SSTATE_ESTORE: /* or done: see explain() */
		return state;
	default:
		return -1;
	}
}

/* What o has done if it was done and not answered. */
static int
effect(const struct op *o, int me, int state)
{
	struct op done = *o;

	done.code = 0;
	return o->kind == GET ? -1 : apply(&done, me, state);
}

static int
explain(unsigned mask, int state)
{
	int i, j, to;

	if (mask == (1u << ALL) - 1)
		return 1;
	if (seen[mask][state])
		return 0;
	seen[mask][state] = 1;
	for (i = 0; i < ALL; i++) {
		if ((mask & 1u << i) != 0)
			continue;
		for (j = 0; j < ALL; j++)
			if ((mask & 1u << j) == 0 &&
			    ops[j].returned < ops[i].called)
				break;
		if (j < ALL)
			continue;
		to = apply(&ops[i], i, state);
		if (to >= 0 && explain(mask | 1u << i, to))
			return 1;
		if (ops[i].code == SSTATE_ESTORE &&
		    (to = effect(&ops[i], i, state)) >= 0 &&
		    explain(mask | 1u << i, to))
			return 1;
	}
	return 0;
}

static void
show(unsigned round)
{
	static const char *const kinds[] = { "get", "new", "swap", "any",
		"remove", "clear" };
	int i;

	printf("# round %u\n", round);
	for (i = 0; i < ALL; i++)
		printf("# actor %d op %d %s expects %d: %u to %u, code %d, "
		       "got %d\n",
		    i / OPS, i, kinds[ops[i].kind], ops[i].expected,
		    ops[i].called, ops[i].returned, ops[i].code, ops[i].got);
}

/* ---- Rounds ------------------------------------------------------------ */

static int queue[ACTORS] = { 0, 1, 2, 3 };

/* The first goes behind some others, or all. */
static void
send_back(void)
{
	int i, first = queue[0], to = 1 + (int)chance(ACTORS - 1);

	for (i = 0; i < to; i++)
		queue[i] = queue[i + 1];
	queue[to] = first;
}

/*
 * In one round of two who goes on is drawn each time; in the other one goes
 * on until it is sent back: then some wait for long.
 */
static int
next(unsigned round, int on)
{
	if (round % 2 == 0) {
		/* Often the same one once more. */
		if (actor[on].done || chance(3) != 0)
			do
				on = (int)chance(ACTORS);
			while (actor[on].done);
		return on;
	}
	if (chance(6) == 0)
		send_back();
	while (actor[queue[0]].done)
		send_back();
	return queue[0];
}

static int
play(unsigned round)
{
	int i, left = ACTORS, on = 0;

	map_free(&map);
	memset(ops, 0, sizeof(ops));
	memset(rev_of, 0, sizeof(rev_of));
	memset(seen, 0, sizeof(seen));
	tick = odd = 0;
	(void)snprintf(name, sizeof(name), "name %u", round);
	for (i = 0; i < ACTORS; i++)
		actor[i].done = 0;
	while (left > 0) {
		on = next(round, on);
		let_go(on);
		left -= actor[on].done;
	}
	stubs += map.n > 1;
	if (odd == 0 && explain(0, ABSENT))
		return 0;
	show(round);
	return 1;
}

static void
write_ring(const char *path, const char *more)
{
	FILE *f;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || (f = fdopen(fd, "w")) == NULL) {
		perror(path);
		exit(2);
	}
	(void)fprintf(f, "max_lifetime 43200\n1 1 " K1 " 0 0 0\n%s", more);
	if (fclose(f) != 0)
		exit(2);
}

static void
start(const char *dir)
{
	static const struct sstate_driver *const drivers[] = { &turn_driver,
		NULL };
	static char one[300], all[300], more[300];
	static void *handles[ACTORS];
	int i;

	if (sem_init(&back, 0, 0) != 0)
		exit(2);
	(void)snprintf(one, sizeof(one), "%s/one", dir);
	(void)snprintf(all, sizeof(all), "%s/all", dir);
	(void)snprintf(more, sizeof(more),
	    "2 1 " K2 " %d 0 0\n3 1 " K3 " %d 0 0\n", KIT_START + STEP,
	    KIT_START + 2 * STEP);
	write_ring(one, "");
	write_ring(all, more);
	for (i = 0; i < ACTORS; i++) {
		actor[i].id = i;
		handles[i] = &actor[i];
		kit_init(&actor[i].k, "turn:");
		actor[i].k.o.drivers = drivers;
		actor[i].k.o.handles = &handles[i];
		actor[i].k.o.keyring = i == 0 ? one : all;
		/* By its clock the first, the second, the third issues. */
		actor[i].k.clock += i < 2 ? 0 : (i - 1) * STEP;
		NEED((actor[i].env = kit_open(&actor[i].k)) != NULL,
		    "process %d", i);
	}
	for (i = 0; i < ACTORS; i++)
		if (sem_init(&turn[i], 0, 0) != 0 ||
		    pthread_create(&actor[i].th, NULL, work, &actor[i]) != 0)
			exit(2);
}

int
main(void)
{
	unsigned i, n = kit_scale(2000), bad = 0;
	char dir[256];

	kit_folder(dir);
	start(dir);
	for (kills = 0; kills < 2; kills++) {
		for (i = bad = stubs = 0; i < n && bad < 3; i++)
			bad += (unsigned)play(i);
		T(bad == 0, "R-26, R-33 %u histories of three keys%s", n,
		    kills ? ", with kills and lost answers" : "");
		T(stubs > i / 10, "in %u of them keys were crossed", stubs);
	}
	T(codes[SWAP][0] > 0 && codes[SWAP][-SSTATE_ECONFLICT] > 0 &&
		codes[SWAP][-SSTATE_ENOTFOUND] > 0 && codes[NEW][0] > 0 &&
		codes[NEW][-SSTATE_EEXIST] > 0 && codes[REMOVE][0] > 0 &&
		codes[REMOVE][-SSTATE_ECONFLICT] > 0 && codes[GET][0] > 0 &&
		codes[ANY][-SSTATE_ESTORE] > 0,
	    "and each answer came up");
	quit = 1;
	for (i = 0; i < ACTORS; i++) {
		(void)sem_post(&turn[i]);
		(void)pthread_join(actor[i].th, NULL);
		sstate_close(actor[i].env);
	}
	map_free(&map);
	return tap_done();
}
