/*
 * soak.c - many at work on one store for hours: is what was said still true?
 *
 * usage: soak STORE KEYRING SECONDS [WORKERS]
 *
 * STORE is file:... (workers are processes, each with an environment of its
 * own) or memory: (they are threads of one).  Each worker owns sessions that
 * nobody else writes, so it knows what they hold; all of them count in a few
 * that they share.  Held all the time:
 *
 *	no acknowledged write is lost: an own session reads as it was written,
 *	a shared one counts no less than was acknowledged before the read
 *	nothing is resurrected: the token of an ended session opens nothing
 *	no session shows another's: each holds its owner's name and number
 *	an expired one opens nothing, reaped or not
 *
 * Prints TAP, and each minute operations, memory and descriptors.
 */
#include "../session/kit.h"
#include "../tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

enum { OWN = 200, ENDED = 500, SHARED = 4, WORKERS = 4, MOST = 64 };

/* All workers see it. */
struct common {
	char token[SHARED][KIT_TOKEN + 1];
	atomic_long acked[SHARED], tried[SHARED];
	atomic_ulong ops, busy, lost, risen, crossed, alive_too_long, failed;
	atomic_ulong reaped;
	atomic_int stop;
	int saw; /* SSTATE_E* that was not expected, the last */
};

struct own {
	char token[KIT_TOKEN + 1];
	int64_t n;
	unsigned long serial; /* 0: none */
};

struct worker {
	struct common *all;
	struct sstate *env;
	unsigned id;
	uint64_t rng;
	unsigned long serial;
	struct own own[OWN];
	char ended[ENDED][KIT_TOKEN + 1];
	struct {
		char token[KIT_TOKEN + 1];
		time_t until;
	} brief[OWN];
	pthread_t thread;
	pid_t pid;
};

static unsigned
draw(struct worker *w, unsigned n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (unsigned)(w->rng >> 33) % n;
}

/* Under load a store may be busy: said, and nothing was done or all. */
static int
odd(struct worker *w, int r)
{
	if (r == SSTATE_EBUSY || r == SSTATE_ECONFLICT)
		atomic_fetch_add(&w->all->busy, 1);
	else if (r != 0) {
		atomic_fetch_add(&w->all->failed, 1);
		w->all->saw = r;
	}
	return r;
}

static void
create(struct worker *w, struct own *o)
{
	struct sstate_session *s;
	char who[32];

	if (odd(w, kit_begin(&s, w->env, NULL, 0)) != 0)
		return;
	(void)snprintf(who, sizeof(who), "w%u", w->id);
	sstate_setstr(s, SSTATE_STORED, "who", who);
	sstate_setint(s, SSTATE_STORED, "serial", (int64_t)++w->serial);
	sstate_setint(s, SSTATE_STORED, "n", 0);
	if (draw(w, 4) == 0)
		sstate_login(s, who);
	if (odd(w, sstate_commit(s)) == 0) {
		kit_token(o->token, s);
		o->serial = w->serial;
		o->n = 0;
	}
	sstate_free(s);
}

/* Open one's own, and see that it is. */
static struct sstate_session *
open_own(struct worker *w, const struct own *o)
{
	struct sstate_session *s;
	char who[32];
	int r;

	r = kit_begin(&s, w->env, o->token, SSTATE_MUST_EXIST);
	if (r == SSTATE_ENOTFOUND) {
		atomic_fetch_add(&w->all->lost, 1);
		return NULL;
	}
	if (odd(w, r) != 0)
		return NULL;
	(void)snprintf(who, sizeof(who), "w%u", w->id);
	if (!kit_is(s, "who", who) ||
	    sstate_int(s, SSTATE_STORED, "serial", 0, INT64_MAX, -1) !=
		(int64_t)o->serial)
		atomic_fetch_add(&w->all->crossed, 1);
	if (sstate_int(s, SSTATE_STORED, "n", 0, INT64_MAX, -1) != o->n)
		atomic_fetch_add(&w->all->lost, 1);
	return s;
}

static void
touch(struct worker *w, struct own *o)
{
	struct sstate_session *s = open_own(w, o);
	unsigned what = draw(w, 100);
	int r;

	if (s == NULL)
		return;
	if (what < 40) {
		sstate_incr(NULL, s, "n", 1);
		if (odd(w, sstate_commit(s)) == 0)
			o->n++;
		else
			o->serial = 0; /* one or the other: not known */
	} else if (what == 40) {
		sstate_rotate(s);
		if (odd(w, sstate_commit(s)) == 0)
			kit_token(o->token, s);
		else
			o->serial = 0;
	} else if (what > 40 && what <= 50) {
		r = sstate_logout(s);
		if (r == 0)
			r = sstate_commit(s);
		if (odd(w, r) == 0)
			memcpy(w->ended[draw(w, ENDED)], o->token,
			    sizeof(o->token));
		o->serial = 0;
	}
	sstate_free(s);
}

static void
count_shared(struct worker *w)
{
	unsigned k = draw(w, SHARED);
	struct sstate_session *s;
	long before = atomic_load(&w->all->acked[k]), n, most;

	if (odd(w,
		kit_begin(&s, w->env, w->all->token[k], SSTATE_MUST_EXIST)) !=
	    0)
		return;
	n = (long)sstate_int(s, SSTATE_STORED, "n", 0, INT64_MAX, -1);
	most = atomic_load(&w->all->tried[k]);
	if (n < before || n > most)
		atomic_fetch_add(&w->all->lost, 1);
	if (draw(w, 2) == 0) {
		atomic_fetch_add(&w->all->tried[k], 1);
		sstate_incr(NULL, s, "n", 1);
		if (odd(w, sstate_commit(s)) == 0)
			atomic_fetch_add(&w->all->acked[k], 1);
	}
	sstate_free(s);
}

static void
probe_ended(struct worker *w)
{
	const char *token = w->ended[draw(w, ENDED)];

	if (token[0] != '\0' && kit_opens(w->env, token) == 0)
		atomic_fetch_add(&w->all->risen, 1);
}

/* One that lives for a second or two. */
static void
brief(struct worker *w)
{
	unsigned i = draw(w, OWN);
	struct sstate_session *s;
	time_t now = time(NULL);

	if (w->brief[i].token[0] != '\0') {
		if (now <= w->brief[i].until)
			return;
		if (kit_opens(w->env, w->brief[i].token) == 0)
			atomic_fetch_add(&w->all->alive_too_long, 1);
		w->brief[i].token[0] = '\0';
	}
	if (odd(w, kit_begin(&s, w->env, NULL, 0)) != 0)
		return;
	sstate_setint(s, SSTATE_STORED, "n", 1);
	sstate_set_expires(s, 2);
	if (odd(w, sstate_commit(s)) == 0)
		kit_token(w->brief[i].token, s);
	w->brief[i].until = time(NULL) + 2;
	sstate_free(s);
}

static void
reap(struct worker *w)
{
	uint64_t n = 0;
	struct sstate_error err;

	(void)odd(w, sstate_reap(&n, w->env, 0, 100, &err));
	atomic_fetch_add(&w->all->reaped, n);
}

static void
step(struct worker *w)
{
	struct own *o = &w->own[draw(w, OWN)];
	unsigned what = draw(w, 100);

	atomic_fetch_add(&w->all->ops, 1);
	if (what < 70) {
		if (o->serial == 0)
			create(w, o);
		else
			touch(w, o);
	} else if (what < 85)
		count_shared(w);
	else if (what < 92)
		probe_ended(w);
	else if (what < 99)
		brief(w);
	else
		reap(w);
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	w->rng = UINT64_C(0x9e3779b97f4a7c15) * (w->id + 1) ^ (uint64_t)time(0);
	while (!atomic_load(&w->all->stop))
		step(w);
	return NULL;
}

/* ---- The one who looks after them ------------------------------------- */

static long
resident_kib(pid_t pid)
{
	char path[64];
	long pages = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned
descriptors(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	if ((d = opendir(path)) == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static struct sstate *
open_env(const char *store, const char *ring)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { store, NULL };
	struct sstate_error err;
	struct sstate *env;

	o.stores = stores;
	o.keyring = ring;
	o.flags = SSTATE_CARRY_OWN;
	/* What a rotated id leaves stays so long, and memory: has a limit. */
	o.idle = 120;
	o.grace = 10;
	if (sstate_open(&env, &o, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return env;
}

static void
shown(const struct common *all, time_t since, pid_t pid)
{
	printf("# %5ld s: %lu operations, %lu busy, %lu reaped; worker 0: "
	       "%ld KiB, %u descriptors\n",
	    (long)(time(NULL) - since), atomic_load(&all->ops),
	    atomic_load(&all->busy), atomic_load(&all->reaped),
	    resident_kib(pid), descriptors(pid));
	(void)fflush(stdout);
}

static void
watch(struct common *all, pid_t pid, long seconds)
{
	time_t since = time(NULL), next = since + 1;
	struct timespec nap = { 0, 200000000 };

	while (time(NULL) - since < seconds) {
		(void)nanosleep(&nap, NULL);
		if (time(NULL) >= next) {
			shown(all, since, pid);
			next = time(NULL) + (seconds < 120 ? 10 : 60);
		}
	}
	shown(all, since, pid);
	atomic_store(&all->stop, 1);
}

static void
judge(struct common *all, struct sstate *env)
{
	unsigned k, wrong = 0;

	for (k = 0; k < SHARED; k++)
		wrong += kit_int(env, all->token[k], "n") <
		    (int64_t)atomic_load(&all->acked[k]);
	T(wrong == 0 && atomic_load(&all->lost) == 0,
	    "R-33 no acknowledged write is lost: %lu",
	    atomic_load(&all->lost) + wrong);
	T(atomic_load(&all->risen) == 0, "R-26 nothing is resurrected: %lu",
	    atomic_load(&all->risen));
	T(atomic_load(&all->crossed) == 0, "no session shows another's: %lu",
	    atomic_load(&all->crossed));
	T(atomic_load(&all->alive_too_long) == 0,
	    "R-20 none outlives its expiry: %lu",
	    atomic_load(&all->alive_too_long));
	T(atomic_load(&all->failed) == 0, "nothing else failed: %lu, %s",
	    atomic_load(&all->failed), sstate_strerror(all->saw));
	T(atomic_load(&all->ops) > 100, "and it was no idle time: %lu",
	    atomic_load(&all->ops));
}

int
main(int argc, char **argv)
{
	unsigned i, n = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
	struct worker *w = calloc(MOST, sizeof(*w));
	struct common *all;
	struct sstate *env;
	int threads, status, good = 1;

	if (argc < 4 || w == NULL) {
		fputs("usage: soak STORE KEYRING SECONDS [WORKERS]\n", stderr);
		return 2;
	}
	n = n == 0 ? WORKERS : n > MOST ? MOST : n;
	threads = strncmp(argv[1], "memory:", 7) == 0;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(all != MAP_FAILED, "memory for all");
	env = open_env(argv[1], threads ? NULL : argv[2]);
	for (i = 0; i < SHARED; i++)
		NEED(kit_make(all->token[i], env, "who", "all", NULL) == 0 &&
			kit_put(env, all->token[i], "n", 0) == 0,
		    "a shared session");
	for (i = 0; i < n; i++) {
		w[i].all = all;
		w[i].id = i;
		w[i].env = env;
		if (threads) {
			NEED(pthread_create(&w[i].thread, NULL, work, &w[i]) ==
				0,
			    "a thread");
			w[i].pid = getpid();
		} else if ((w[i].pid = fork()) == 0) {
			w[i].env = open_env(argv[1], argv[2]);
			(void)work(&w[i]);
			sstate_close(w[i].env);
			_exit(0);
		}
	}
	watch(all, w[0].pid, strtol(argv[3], NULL, 10));
	for (i = 0; i < n; i++)
		if (threads)
			(void)pthread_join(w[i].thread, NULL);
		else
			good &= waitpid(w[i].pid, &status, 0) == w[i].pid &&
			    status == 0;
	T(good, "every worker comes to its end");
	judge(all, env);
	sstate_close(env);
	free(w);
	return tap_done();
}
