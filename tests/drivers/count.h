/*
 * count.h - processes that add to one session while a server is ill-treated
 *
 *	struct count c = { .uri = k.uri, .driver = &sstate_driver_v1_x };
 *	count_start(&c);	COUNT_WORKERS processes begin to add
 *	count_more(&c, 50);	until 50 more went, or it took too long
 *	... kill, pause, cut ...
 *	count_stop(&c);		every addition that began has ended
 *	count_check(&c);	exact, and no code but EBUSY and ESTORE
 *
 * An addition is one session: begin until it opens, commit until it went.
 */
#ifndef COUNT_H
#define COUNT_H

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "../session/kit.h"
#include "../tap.h"

#include <stdatomic.h>

#include <securestate/store.h>

enum { COUNT_WORKERS = 3, COUNT_SECONDS = 60 };

struct count_board {
	atomic_int stop;
	atomic_ullong added, busy, unknown; /* what went; EBUSY; ESTORE */
	atomic_ullong longest_ms; /* of one call */
	atomic_int odd; /* any other code */
	atomic_uint given_up; /* undecided for good: may have been added */
};

struct count {
	const char *uri;
	const struct sstate_driver *driver;
	long pace_ms; /* between two additions of a worker */
	int lossy; /* the engine may forget what it acknowledged last */

	struct sstate *env;
	struct kit kit;
	char ring[300], token[KIT_TOKEN + 1];
	struct count_board *b;
	pid_t pid[COUNT_WORKERS];
};

KIT int64_t
count_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

KIT void
count_nap(long ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&t, NULL);
}

KIT struct sstate *
count_open(struct count *c)
{
	static const struct sstate_driver *given[2];

	kit_init(&c->kit, c->uri);
	given[0] = c->driver;
	c->kit.o.drivers = given;
	c->kit.o.keyring = c->ring;
	c->kit.o.now = NULL;
	return kit_open(&c->kit);
}

/* What a call said; 1: it went. */
KIT int
count_said(struct count *c, int r, int64_t began, const char *what)
{
	unsigned long long took = (unsigned long long)(count_ms() - began);

	if (took > atomic_load(&c->b->longest_ms))
		atomic_store(&c->b->longest_ms, took);
	if (r == SSTATE_EBUSY)
		atomic_fetch_add(&c->b->busy, 1);
	else if (r == SSTATE_ESTORE)
		atomic_fetch_add(&c->b->unknown, 1);
	else if (r != 0 && atomic_exchange(&c->b->odd, r) == 0)
		printf("# %s: %d %s\n", what, r, sstate_strerror(r));
	if (r != 0)
		count_nap(5);
	return r == 0;
}

KIT void
count_add(struct count *c)
{
	struct sstate_session *s;
	int64_t t;
	int r;

	for (;;) {
		t = count_ms();
		r = kit_begin(&s, c->env, c->token, SSTATE_MUST_EXIST);
		if (count_said(c, r, t, "begin"))
			break;
		if (atomic_load(&c->b->odd) != 0)
			return;
	}
	sstate_incr(NULL, s, "n", 1);
	for (;;) {
		t = count_ms();
		r = sstate_commit(s);
		if (count_said(c, r, t, "commit")) {
			atomic_fetch_add(&c->b->added, 1);
			break;
		}
		if (strstr(sstate_failure(s)->text, "told any more") != NULL) {
			/* Others have written too much since. */
			atomic_fetch_add(&c->b->given_up, 1);
			break;
		}
		if (atomic_load(&c->b->odd) != 0)
			break;
	}
	sstate_free(s);
}

KIT void
count_start(struct count *c)
{
	static char dir[256];
	int i;

	if (dir[0] == '\0')
		kit_folder(dir);
	(void)snprintf(c->ring, sizeof(c->ring), "%s/ring", dir);
	c->b = mmap(NULL, sizeof(*c->b), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(c->b != MAP_FAILED && (c->env = count_open(c)) != NULL,
	    "an environment");
	NEED(kit_make(c->token, c->env, "n", "0", "ann") == 0, "a counter");
	for (i = 0; i < COUNT_WORKERS; i++) {
		(void)fflush(stdout);
		if ((c->pid[i] = fork()) != 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (
		    !atomic_load(&c->b->stop) && atomic_load(&c->b->odd) == 0)
			count_add(c);
		(void)fflush(stdout);
		sstate_close(c->env);
		_exit(0);
	}
}

/* Wait for n more additions; 0 if they do not come. */
KIT int
count_more(const struct count *c, unsigned n)
{
	unsigned long long from = atomic_load(&c->b->added);
	int64_t until = count_ms() + COUNT_SECONDS * 1000;

	while (atomic_load(&c->b->added) < from + n)
		if (count_ms() > until || atomic_load(&c->b->odd) != 0)
			return 0;
		else
			count_nap(2);
	return 1;
}

KIT void
count_stop(struct count *c)
{
	int i, st;

	atomic_store(&c->b->stop, 1);
	for (i = 0; i < COUNT_WORKERS; i++)
		while (waitpid(c->pid[i], &st, 0) < 0 && errno == EINTR)
			;
	printf("# %llu additions; %llu times busy, %llu times unknown, %u "
	       "undecided; the longest call took %llu ms\n",
	    atomic_load(&c->b->added), atomic_load(&c->b->busy),
	    atomic_load(&c->b->unknown), atomic_load(&c->b->given_up),
	    atomic_load(&c->b->longest_ms));
}

KIT void
count_end(struct count *c)
{
	sstate_close(c->env);
	(void)munmap(c->b, sizeof(*c->b));
}

/* Nothing that was answered is lost, and nothing was done twice. */
KIT void
count_check(struct count *c, const char *what)
{
	int64_t sum = (int64_t)atomic_load(&c->b->added),
		up_to = sum + atomic_load(&c->b->given_up),
		n = kit_int(c->env, c->token, "n");
	int64_t until = count_ms() + COUNT_SECONDS * 1000;

	/* Ours is a process that had not heard of it yet, either. */
	while (n < 0 && count_ms() < until) {
		count_nap(20);
		n = kit_int(c->env, c->token, "n");
	}
	T(atomic_load(&c->b->odd) == 0, "%s: EBUSY or ESTORE, nothing else",
	    what);
	if (c->lossy)
		T(n > 0 && n <= up_to,
		    "R-33 %s: of %lld additions none is done twice (%lld)",
		    what, (long long)sum, (long long)n);
	else
		T(n >= sum && n <= up_to,
		    "R-33 %s: of %lld additions none is lost, none done twice "
		    "(%lld)",
		    what, (long long)sum, (long long)n);
}

#endif
