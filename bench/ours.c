/*
 * ours.c - the unit of work through the library, for any store
 *
 *	bench_ours URI KEYRING [count|clock]
 *
 * Ids are held here, as clients hold them; all that a request needs is in
 * what is timed.  The clock is a hook only for reaping, which needs one
 * that can be put forward.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <securestate.h>

#include "speak.h"
#include "unit.h"

enum { TOKEN = 60, PAUSE_MS = 200 };

struct ours {
	struct sstate_options o;
	const char *stores[2];
	struct sstate *env;
	char (*ids)[TOKEN + 1];
	uint64_t n;
	uint64_t seed;
	int64_t ahead; /* seconds that the clock was put forward */
	uint64_t allocs;
};

static int64_t
ahead_now(void *arg)
{
	const struct ours *u = arg;

	return (int64_t)time(NULL) + u->ahead;
}

static void *
counted(void *arg, void *p, size_t oldsz, size_t newsz)
{
	struct ours *u = arg;

	(void)oldsz;
	if (newsz == 0) {
		free(p);
		return NULL;
	}
	u->allocs++;
	return realloc(p, newsz);
}

static void
need(int r, const struct sstate_error *err)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "bench_ours: %s\n",
	    err != NULL ? err->text : sstate_strerror(r));
	exit(1);
}

static void
open_env(struct ours *u)
{
	struct sstate_error err = { 0, 0, "" };

	sstate_close(u->env);
	need(sstate_open(&u->env, &u->o, &err), &err);
}

/* ---- One request each ------------------------------------------------- */

static void
make_one(struct ours *u, uint64_t i, int64_t life)
{
	struct sstate_session *s;
	char v[UNIT_VALUE + 1];
	int k;

	need(sstate_begin(&s, u->env, NULL, NULL, NULL), NULL);
	for (k = 0; k < UNIT_NAMES; k++) {
		unit_value(v, i * UNIT_NAMES + (uint64_t)k);
		sstate_setstr(s, SSTATE_STORED, unit_name[k], v);
	}
	if (life > 0)
		(void)sstate_set_expires(s, life);
	need(sstate_commit(s), sstate_failure(s));
	if (u->ids != NULL)
		memcpy(u->ids[i], sstate_token(s), TOKEN + 1);
	sstate_free(s);
}

static int
begin(struct sstate_session **s, const struct ours *u, uint64_t i)
{
	static const struct sstate_how strict = { .size = sizeof(strict),
		.flags = SSTATE_MUST_EXIST };
	struct sstate_web web = SSTATE_WEB_INIT;

	web.token.ptr = u->ids[i];
	web.token.len = TOKEN;
	return sstate_begin(s, u->env, &strict, &web, NULL);
}

/* Not inlined: callgrind is told to look at these two alone. */
__attribute__((noinline)) static int
one_read(const struct ours *u, uint64_t i)
{
	struct sstate_session *s;
	int r;

	if ((r = begin(&s, u, i)) != 0)
		return r;
	if (sstate_str(s, SSTATE_STORED, "p2") == NULL ||
	    sstate_str(s, SSTATE_STORED, "p7") == NULL)
		r = SSTATE_ENOTFOUND;
	if (r == 0)
		r = sstate_commit(s);
	sstate_free(s);
	return r;
}

__attribute__((noinline)) static int
one_cycle(const struct ours *u, uint64_t i, const char *v)
{
	struct sstate_session *s;
	int r;

	if ((r = begin(&s, u, i)) != 0)
		return r;
	if (sstate_str(s, SSTATE_STORED, "p2") == NULL ||
	    sstate_str(s, SSTATE_STORED, "p7") == NULL)
		r = SSTATE_ENOTFOUND;
	sstate_setstr(s, SSTATE_STORED, "p5", v);
	if (r == 0)
		r = sstate_commit(s);
	sstate_free(s);
	return r;
}

/* ---- Verbs ------------------------------------------------------------ */

static void
ids(struct ours *u, uint64_t n)
{
	free(u->ids);
	if ((u->ids = calloc(n, sizeof(*u->ids))) == NULL)
		speak_die("memory");
	u->n = n;
}

/* Memory, too: what malloc() holds for one session, heads included. */
static void
verb_make(void *arg, uint64_t n)
{
	struct ours *u = arg;
	uint64_t t, i;
	size_t was;

	ids(u, n);
	was = mallinfo2().uordblks + mallinfo2().hblkhd;
	t = speak_ns();
	for (i = 0; i < n; i++)
		make_one(u, i, 0);
	t = speak_ns() - t;
	speak_say(t, mallinfo2().uordblks + mallinfo2().hblkhd - was);
}

static void
reads(struct ours *u, uint64_t n, uint64_t *seed)
{
	for (; n > 0; n--)
		need(one_read(u, speak_pick(seed, u->n)), NULL);
}

static void
cycles(struct ours *u, uint64_t n, uint64_t *seed)
{
	char v[UNIT_VALUE + 1];

	for (; n > 0; n--) {
		unit_value(v, *seed);
		need(one_cycle(u, speak_pick(seed, u->n), v), NULL);
	}
}

static void
verb_read(void *arg, uint64_t n)
{
	struct ours *u = arg;
	uint64_t t = speak_ns(), was = u->allocs;

	reads(u, n, &u->seed);
	speak_say(speak_ns() - t, u->allocs - was);
}

static void
verb_cycle(void *arg, uint64_t n)
{
	struct ours *u = arg;
	uint64_t t = speak_ns(), was = u->allocs;

	cycles(u, n, &u->seed);
	speak_say(speak_ns() - t, u->allocs - was);
}

struct half {
	struct ours *u;
	uint64_t n, seed;
};

static void *
half(void *arg)
{
	struct half *h = arg;

	cycles(h->u, h->n, &h->seed);
	return NULL;
}

/* n cycles in each of two threads. */
static void
verb_cycle2(void *arg, uint64_t n)
{
	struct ours *u = arg;
	struct half h[2] = { { u, n, 11 }, { u, n, 7777777 } };
	uint64_t t = speak_ns();
	pthread_t other;

	if (pthread_create(&other, NULL, half, &h[0]) != 0)
		speak_die("thread");
	(void)half(&h[1]);
	(void)pthread_join(other, NULL);
	speak_say(speak_ns() - t, 0);
}

/* Ids that were never issued: refused without the store. */
static void
verb_forged(void *arg, uint64_t n)
{
	struct ours *u = arg;
	struct sstate_session *s;
	uint64_t t = speak_ns(), i, k;
	char was;

	for (k = 0; k < n; k++) {
		i = speak_pick(&u->seed, u->n);
		was = u->ids[i][30];
		u->ids[i][30] = (char)(was == 'A' ? 'B' : 'A');
		if (begin(&s, u, i) == 0)
			speak_die("a forged token opened");
		u->ids[i][30] = was;
	}
	speak_say(speak_ns() - t, 0);
}

/* The last n sessions; they are not picked again. */
static void
verb_end(void *arg, uint64_t n)
{
	struct ours *u = arg;
	struct sstate_session *s;
	uint64_t t = speak_ns();

	if (n >= u->n)
		speak_die("end");
	for (; n > 0; n--) {
		need(begin(&s, u, --u->n), NULL);
		need(sstate_logout(s), sstate_failure(s));
		sstate_free(s);
	}
	speak_say(speak_ns() - t, 0);
}

/* n sessions besides, which expire in a minute; their ids are not kept. */
static void
verb_brief(void *arg, uint64_t n)
{
	struct ours *u = arg;
	char(*had)[TOKEN + 1] = u->ids;
	uint64_t t = speak_ns(), i;

	u->ids = NULL;
	for (i = 0; i < n; i++)
		make_one(u, i, 60);
	u->ids = had;
	speak_say(speak_ns() - t, 0);
}

static void
verb_later(void *arg, uint64_t n)
{
	struct ours *u = arg;

	u->ahead += (int64_t)n;
	speak_say(0, 0);
}

/* At most n at once, until nothing is left; says the longest call, too. */
static void
verb_reap(void *arg, uint64_t n)
{
	struct ours *u = arg;
	struct sstate_error err = { 0, 0, "" };
	uint64_t all = 0, worst = 0, total = 0, t, got;

	do {
		t = speak_ns();
		need(sstate_reap(&got, u->env, 0, n, &err), &err);
		t = speak_ns() - t;
		worst = t > worst ? t : worst;
		total += t;
		all += got;
	} while (n > 0 && got == n);
	(void)printf("%llu %llu %llu\n", (unsigned long long)total,
	    (unsigned long long)all, (unsigned long long)worst);
	(void)fflush(stdout);
}

/* n calls that find nothing to do. */
static void
verb_idle(void *arg, uint64_t n)
{
	struct ours *u = arg;
	uint64_t t = speak_ns(), i, got, all = 0;

	for (i = 0; i < n; i++) {
		need(sstate_reap(&got, u->env, 0, 0, NULL), NULL);
		all += got;
	}
	speak_say(speak_ns() - t, all);
}

static void
verb_open(void *arg, uint64_t n)
{
	struct ours *u = arg;
	uint64_t t = speak_ns(), i;

	for (i = 0; i < n; i++)
		open_env(u);
	speak_say(speak_ns() - t, 0);
}

/* n requests on one session at once, each 200 ms, each another value. */
static void
verb_parallel(void *arg, uint64_t n)
{
	struct timespec nap = { 0, PAUSE_MS * 1000000L };
	struct ours *u = arg;
	struct sstate_session *s;
	uint64_t t = speak_ns(), i;
	int status, failed = 0;

	for (i = 0; i < n; i++) {
		if (fork() != 0)
			continue;
		if (begin(&s, u, 0) != 0)
			_exit(1);
		(void)nanosleep(&nap, NULL);
		(void)sstate_incr(NULL, s, "count", 1);
		_exit(sstate_commit(s) != 0);
	}
	while (wait(&status) > 0)
		failed |= status;
	t = speak_ns() - t;
	need(begin(&s, u, 0), NULL);
	if (failed != 0)
		speak_die("a parallel request failed");
	speak_say(t,
	    (uint64_t)sstate_int(s, SSTATE_STORED, "count", 0, INT64_MAX, 0));
	sstate_free(s);
}

int
main(int argc, char **argv)
{
	static const struct sstate_options init = SSTATE_OPTIONS_INIT;
	static const struct verb verbs[] = {
		{ "make", verb_make },
		{ "read", verb_read },
		{ "cycle", verb_cycle },
		{ "cycle2", verb_cycle2 },
		{ "forged", verb_forged },
		{ "end", verb_end },
		{ "brief", verb_brief },
		{ "later", verb_later },
		{ "reap", verb_reap },
		{ "idle", verb_idle },
		{ "open", verb_open },
		{ "parallel", verb_parallel },
	};
	struct ours u;

	if (argc < 3) {
		(void)fputs("usage: bench_ours URI KEYRING [count|clock]\n",
		    stderr);
		return 2;
	}
	memset(&u, 0, sizeof(u));
	u.o = init;
	u.stores[0] = argv[1];
	u.o.stores = u.stores;
	u.o.keyring = argv[2];
	u.o.flags = SSTATE_CARRY_OWN;
	u.o.idle = u.o.lifetime = 43200;
	u.o.arg = &u;
	if (argc > 3 && strcmp(argv[3], "count") == 0)
		u.o.alloc = counted;
	if (argc > 3 && strcmp(argv[3], "clock") == 0)
		u.o.now = ahead_now;
	open_env(&u);
	(void)speak_loop(verbs, sizeof(verbs) / sizeof(verbs[0]), &u);
	sstate_close(u.env);
	free(u.ids);
	return 0;
}
