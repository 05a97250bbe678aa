/*
 * kv_thread_test.c - many threads on one name over memory:
 *
 * An environment is shared: also run under -fsanitize=thread.
 */
/* label: thread */
#include <inttypes.h>
#include <pthread.h>

#include "../tap.h"
#include "kit.h"

#include <securestate/kv.h>

enum { THREADS = 8 };

struct worker {
	pthread_t th;
	pthread_barrier_t *start;
	struct sstate *env;
	unsigned rounds, bad, won, who;
};

static const struct sstate_val name = { "counter", 7 };

/* Add one to the number under the name; ECONFLICT: read again. */
static void
add_one(struct worker *w)
{
	struct sstate_kv *kv;
	struct sstate_val v;
	char text[24];
	uint64_t rev;
	int r;

	do {
		if (sstate_kv_get(&kv, w->env, name, NULL) != 0) {
			w->bad++;
			return;
		}
		(void)snprintf(text, sizeof(text), "%ld",
		    strtol(kv->value.ptr, NULL, 10) + 1);
		rev = kv->rev;
		sstate_kv_free(kv);
		v.ptr = text;
		v.len = strlen(text);
		r = sstate_kv_put(NULL, w->env, name, v, 0, rev, NULL);
	} while (r == SSTATE_ECONFLICT);
	w->bad += r != 0;
}

static void *
add(void *arg)
{
	struct worker *w = arg;
	unsigned i;

	(void)pthread_barrier_wait(w->start);
	for (i = 0; i < w->rounds; i++)
		add_one(w);
	return NULL;
}

/* Each makes each name; one does. */
static void *
make(void *arg)
{
	struct worker *w = arg;
	struct sstate_val v;
	char text[24];
	unsigned i;
	int r;

	(void)pthread_barrier_wait(w->start);
	for (i = 0; i < w->rounds; i++) {
		(void)snprintf(text, sizeof(text), "new %u", i);
		v.ptr = text;
		v.len = strlen(text);
		r = sstate_kv_put(NULL, w->env, v, v, 0, SSTATE_KV_NEW, NULL);
		w->won += r == 0;
		w->bad += r != 0 && r != SSTATE_EEXIST;
	}
	return NULL;
}

/* The first removes, the others change what they find: it stays away. */
static void *
fight(void *arg)
{
	struct worker *w = arg;
	struct sstate_kv *kv;
	int r;

	(void)pthread_barrier_wait(w->start);
	if (w->who == 0) {
		w->bad +=
		    sstate_kv_remove(w->env, name, SSTATE_KV_ANY, NULL) != 0;
		return NULL;
	}
	while ((r = sstate_kv_get(&kv, w->env, name, NULL)) == 0) {
		r = sstate_kv_put(NULL, w->env, name, kv->value, 0, kv->rev,
		    NULL);
		sstate_kv_free(kv);
		if (r != 0 && r != SSTATE_ECONFLICT)
			break;
	}
	w->bad += r != SSTATE_ENOTFOUND;
	return NULL;
}

/* *won: together. */
static unsigned
all(void *(*fn)(void *), struct sstate *env, unsigned rounds, unsigned *won)
{
	struct worker w[THREADS];
	pthread_barrier_t start;
	unsigned i, bad = 0;

	*won = 0;
	(void)pthread_barrier_init(&start, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .start = &start,
			.env = env,
			.rounds = rounds,
			.who = i };
		if (pthread_create(&w[i].th, NULL, fn, &w[i]) != 0)
			exit(2);
	}
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(w[i].th, NULL);
		bad += w[i].bad;
		*won += w[i].won;
	}
	(void)pthread_barrier_destroy(&start);
	return bad;
}

int
main(void)
{
	unsigned n = kit_scale(500), fights = kit_scale(100), i, won, bad = 0;
	struct sstate_val zero = { "0", 1 };
	struct sstate_kv *kv = NULL;
	struct sstate *env;
	struct kit k;

	kit_init(&k, "memory:");
	NEED((env = kit_open(&k)) != NULL &&
		sstate_kv_put(NULL, env, name, zero, 0, SSTATE_KV_NEW, NULL) ==
		    0,
	    "a number");
	T(all(add, env, n, &won) == 0 &&
		sstate_kv_get(&kv, env, name, NULL) == 0 &&
		strtoul(kv->value.ptr, NULL, 10) == THREADS * n,
	    "R-33 %u additions by %d threads, none lost", THREADS * n, THREADS);
	sstate_kv_free(kv);
	T(all(make, env, n, &won) == 0 && won == n,
	    "of %d that make a name one does, %u times", THREADS, n);
	for (i = 0; i < fights; i++) {
		(void)!sstate_kv_put(NULL, env, name, zero, 0, SSTATE_KV_ANY,
		    NULL);
		bad += all(fight, env, 1, &won);
		bad += sstate_kv_get(&kv, env, name, NULL) != SSTATE_ENOTFOUND;
	}
	T(bad == 0, "R-26 removed while %d change it, %u times: never back",
	    THREADS - 1, fights);
	sstate_close(env);
	return tap_done();
}
