/*
 * fcgi_kit.h - a FastCGI program in threads of this process, for tests
 *
 *	fk_start(&k, env, 2, NULL, program, arg);
 *	fk_ask(&a, fd, request);		one request, its answer
 *	fk_stop(&k);				all threads have ended
 */
#ifndef FCGI_KIT_H
#define FCGI_KIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "fcgi_client.h"
#include "shot.h"

enum { FK_THREADS = 16 };

struct fk {
	int listening;
	struct sstate_cgi *cgi;
	shot_fn *fn;
	void *arg;
	pthread_t t[FK_THREADS];
	int n;
	atomic_uint served;
	int last[FK_THREADS]; /* what accept returned at the end */
};

struct fk_thread {
	struct fk *k;
	int i;
};

FC void *
fk_serve(void *arg)
{
	struct fk_thread *me = arg;
	struct sstate_error err;
	struct fk *k = me->k;
	struct sstate_req *req;
	int r;

	while ((r = sstate_cgi_accept(&req, k->cgi, &err)) == 0) {
		k->fn(req, k->arg);
		(void)sstate_req_end(req);
		(void)atomic_fetch_add(&k->served, 1);
	}
	k->last[me->i] = r;
	free(me);
	return NULL;
}

FC void
fk_open(struct fk *k, struct sstate *env, const struct sstate_cgi_options *o)
{
	struct sstate_cgi_options all = SSTATE_CGI_INIT;
	struct sstate_error err;

	memset(k, 0, sizeof(*k));
	if (o != NULL)
		all = *o;
	k->listening = all.fd > 0 ? all.fd : fc_listen();
	all.fd = k->listening;
	if (sstate_cgi_open(&k->cgi, env, &all, &err) != 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

FC void
fk_threads(struct fk *k, int n, shot_fn *fn, void *arg)
{
	struct fk_thread *me;

	k->fn = fn;
	k->arg = arg;
	for (k->n = 0; k->n < n; k->n++) {
		if ((me = malloc(sizeof(*me))) == NULL)
			abort();
		me->k = k;
		me->i = k->n;
		if (pthread_create(&k->t[k->n], NULL, fk_serve, me) != 0)
			abort();
	}
}

FC void
fk_start(struct fk *k, struct sstate *env, int n,
    const struct sstate_cgi_options *o, shot_fn *fn, void *arg)
{
	fk_open(k, env, o);
	fk_threads(k, n, fn, arg);
}

FC void
fk_join(struct fk *k)
{
	while (k->n > 0)
		(void)pthread_join(k->t[--k->n], NULL);
}

FC void
fk_close(struct fk *k)
{
	sstate_cgi_close(k->cgi);
	(void)close(k->listening);
}

FC void
fk_stop(struct fk *k)
{
	sstate_cgi_stop(k->cgi);
	fk_join(k);
	fk_close(k);
}

FC int64_t
fk_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Until the condition holds, and it should; FC_WAIT_MS at most. */
#define FK_SOON(cond)                                                          \
	do {                                                                   \
		int64_t fk_end = fk_ms() + FC_WAIT_MS;                         \
		struct timespec fk_nap = { 0, 1000000 };                       \
                                                                               \
		while (!(cond) && fk_ms() < fk_end)                            \
			(void)nanosleep(&fk_nap, NULL);                        \
	} while (0)

/* Send octets, read an answer: 1 if it came whole. */
FC int
fk_ask(struct fc_answer *a, int fd, const struct fc_buf *q)
{
	return fc_push(fd, q->p, q->n) && fc_answer(a, fd);
}

/* A program that echoes, but not before it is told to go on. */
struct fk_work {
	atomic_int begun;
	atomic_int go; /* 1: one request; 2: each from here on */
};

FC void
fk_works(struct sstate_req *req, void *arg)
{
	struct fk_work *w = arg;
	int one = 1;

	atomic_store(&w->begun, 1);
	FK_SOON(atomic_load(&w->go));
	atomic_store(&w->begun, 0);
	(void)atomic_compare_exchange_strong(&w->go, &one, 0);
	shot_echo(req, NULL);
}

/* Send octets, until that program is at work on them: 1. */
FC int
fk_begin(struct fk_work *w, int fd, const struct fc_buf *q)
{
	(void)fc_push(fd, q->p, q->n);
	FK_SOON(atomic_load(&w->begun));
	return atomic_load(&w->begun);
}

/* It goes on; its answer. */
FC int
fk_go(struct fc_answer *a, struct fk_work *w, int fd)
{
	atomic_store(&w->go, 1);
	return fc_answer(a, fd);
}

/* Open descriptors of this process. */
FC unsigned
fk_descriptors(void)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

#endif
