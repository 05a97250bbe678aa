/*
 * thread_test.c - many threads on one session over memory:
 *
 * The races of parallel_test.c inside one process and one environment, to
 * be run under -fsanitize=thread as well: an environment is shared,
 * a session never.
 */
/* label: thread */
#include <pthread.h>

#include "race.h"

enum { THREADS = 8 };

struct adder {
	pthread_t th;
	pthread_barrier_t *start;
	struct sstate *env;
	const char *token;
	unsigned rounds, bad, who;
};

struct peer {
	pthread_t th;
	struct sstate *env;
	int fd;
};

static void *
add_up(void *arg)
{
	struct adder *a = arg;
	struct sstate_session *s;
	char name[16];
	unsigned i;

	(void)snprintf(name, sizeof(name), "t%u", a->who);
	(void)pthread_barrier_wait(a->start);
	for (i = 1; i <= a->rounds; i++) {
		if (kit_begin(&s, a->env, a->token, SSTATE_MUST_EXIST) != 0) {
			a->bad++;
			continue;
		}
		sstate_incr(NULL, s, "n", 1);
		sstate_setint(s, SSTATE_STORED, name, i);
		a->bad += sstate_commit(s) != 0;
		sstate_free(s);
	}
	return NULL;
}

static void
many(struct sstate *env, unsigned rounds)
{
	struct adder a[THREADS];
	char token[KIT_TOKEN + 1], name[16];
	pthread_barrier_t start;
	struct sstate_session *s;
	unsigned i, bad = 0, names = 0;

	NEED(kit_make(token, env, "n", "0", NULL) == 0, "a session");
	NEED(pthread_barrier_init(&start, NULL, THREADS) == 0, "a barrier");
	for (i = 0; i < THREADS; i++) {
		a[i] = (struct adder){ .start = &start,
			.env = env,
			.token = token,
			.rounds = rounds,
			.who = i };
		NEED(pthread_create(&a[i].th, NULL, add_up, &a[i]) == 0,
		    "thread %u", i);
	}
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(a[i].th, NULL);
		bad += a[i].bad;
	}
	(void)pthread_barrier_destroy(&start);
	T(bad == 0, "memory: every commit succeeds (%u did not)", bad);
	NEED(kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0, "it is there");
	T(sstate_int(s, SSTATE_STORED, "n", 0, INT64_MAX, -1) ==
		(int64_t)rounds * THREADS,
	    "R-33 %d threads x %u increments, none lost", THREADS, rounds);
	for (i = 0; i < THREADS; i++) {
		(void)snprintf(name, sizeof(name), "t%u", i);
		names += sstate_int(s, SSTATE_STORED, name, 0, INT64_MAX, -1) ==
		    (int64_t)rounds;
	}
	T(names == THREADS, "R-33 each one's own name (%u)", names);
	sstate_free(s);
}

static void *
peer(void *arg)
{
	struct peer *p = arg;

	race_peer(p->env, p->fd);
	return NULL;
}

static int
count(void *arg, const struct sstate_info *info)
{
	(void)info;
	++*(unsigned *)arg;
	return 0;
}

static void
races(struct sstate *env, unsigned rounds)
{
	struct peer p[RACE_PEERS];
	unsigned n = 0;
	struct race rc;
	int i, fd[2];

	memset(&rc, 0, sizeof(rc));
	rc.env = env;
	for (i = 0; i < RACE_PEERS; i++) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "a pair");
		rc.fd[i] = fd[0];
		p[i].fd = fd[1];
		p[i].env = env;
		NEED(pthread_create(&p[i].th, NULL, peer, &p[i]) == 0,
		    "peer %d", i);
	}
	race_ending(&rc, END_LOGOUT, rounds, "log-out");
	race_ending(&rc, END_USER, rounds, "revoke by user");
	race_ending(&rc, END_HANDLE, rounds / 10, "revoke by handle");
	race_login(&rc, rounds / 5);
	race_rotate(&rc, 'b', rounds / 5);
	race_rotate(&rc, 'r', rounds / 5);
	race_tell(&rc, 'q', NULL, 0);
	for (i = 0; i < RACE_PEERS; i++) {
		(void)pthread_join(p[i].th, NULL);
		(void)close(rc.fd[i]);
	}
	T(sstate_list(env, "racer", count, &n, NULL) == 0 && n == 0,
	    "R-27 nothing of the user is left (%u)", n);
}

int
main(void)
{
	struct sstate *env;
	struct kit k;

	kit_init(&k, "memory:");
	k.o.now = NULL;
	NEED((env = kit_open(&k)) != NULL, "an environment");
	many(env, kit_scale(1000));
	races(env, kit_scale(10000));
	sstate_close(env);
	return tap_done();
}
