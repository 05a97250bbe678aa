/*
 * fcgi_fault_test.c - a FastCGI socket is short of something
 *
 * The request that it happened to is served as soon as that can be, what is
 * idle makes room first, and what cannot be mended ends the loop with an
 * error.
 *
 * label: thread
 * link: -Wl,--wrap=getrlimit,--wrap=epoll_ctl,--wrap=epoll_wait
 * link: -Wl,--wrap=accept4
 */
#include "fcgi_kit.h"

#include <sys/epoll.h>
#include <sys/resource.h>

int __real_getrlimit(int which, struct rlimit *lim);
int __wrap_getrlimit(int which, struct rlimit *lim);
int __real_epoll_ctl(int ep, int op, int fd, struct epoll_event *e);
int __wrap_epoll_ctl(int ep, int op, int fd, struct epoll_event *e);
int __real_epoll_wait(int ep, struct epoll_event *e, int n, int ms);
int __wrap_epoll_wait(int ep, struct epoll_event *e, int n, int ms);
int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);

/* The next of these fails so; 0: it does not. */
static struct {
	atomic_int wait, accept, listen, watch, memory;
} next;

static atomic_uint together; /* threads in accept4 that wait for another */
static int listening; /* whose registration .listen is about */
static rlim_t room; /* for descriptors, as getrlimit() tells; 0: the truth */
static atomic_long live; /* blocks of the library's memory */
static struct sstate *env;
static struct fc_answer a;
static struct fc_buf keep, shut; /* a request each way */

static int
fails(atomic_int *e)
{
	int now = atomic_exchange(e, 0);

	if (now != 0)
		errno = now;
	return now != 0;
}

int
__wrap_getrlimit(int which, struct rlimit *lim)
{
	int r = __real_getrlimit(which, lim);

	if (r == 0 && room != 0)
		lim->rlim_cur = room;
	return r;
}

int
__wrap_epoll_ctl(int ep, int op, int fd, struct epoll_event *e)
{
	if (op == EPOLL_CTL_ADD &&
	    fails(fd == listening ? &next.listen : &next.watch))
		return -1;
	return __real_epoll_ctl(ep, op, fd, e);
}

int
__wrap_epoll_wait(int ep, struct epoll_event *e, int n, int ms)
{
	return fails(&next.wait) ? -1 : __real_epoll_wait(ep, e, n, ms);
}

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	unsigned here = atomic_load(&together);

	/* Both are in this call before either comes back. */
	if (here > 0) {
		(void)atomic_fetch_add(&together, 1);
		FK_SOON(atomic_load(&together) != 2);
		errno = EMFILE;
		return -1;
	}
	return fails(&next.accept) ? -1 : __real_accept4(fd, sa, len, flags);
}

static void *
counted(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	void *p;

	(void)arg;
	(void)oldsz;
	if (newsz == 0) {
		(void)atomic_fetch_sub(&live, ptr != NULL);
		free(ptr);
		return NULL;
	}
	if (atomic_load(&next.memory) > 0 &&
	    atomic_fetch_sub(&next.memory, 1) == 1)
		return NULL;
	if ((p = realloc(ptr, newsz)) != NULL && ptr == NULL)
		(void)atomic_fetch_add(&live, 1);
	return p;
}

static int
served(int fd, const struct fc_buf *q)
{
	return fk_ask(&a, fd, q) && a.status == 200;
}

static void
start(struct fk *k, int threads)
{
	fk_open(k, env, NULL);
	listening = k->listening;
	fk_threads(k, threads, shot_echo, NULL);
}

static void
forget_log(void)
{
	shot_log[0] = '\0';
	shot_logged = 0;
}

/* ---- While it waits --------------------------------------------------- */

static void
waits(void)
{
	struct sstate_error err;
	struct sstate_req *req;
	struct fk k;
	int fd;

	fk_open(&k, env, NULL);
	atomic_store(&next.wait, EINTR);
	fk_threads(&k, 1, shot_echo, NULL);
	fd = fc_dial(k.listening);
	T(served(fd, &keep) && atomic_load(&next.wait) == 0,
	    "a signal in epoll_wait: it waits on");
	(void)close(fd);
	fk_stop(&k);
	fk_open(&k, env, NULL);
	atomic_store(&next.wait, EBADF);
	T(sstate_cgi_accept(&req, k.cgi, &err) == SSTATE_ESYS && req == NULL &&
		strncmp(err.text, "fcgi: epoll_wait: ", 18) == 0,
	    "it fails: the loop ends with an error: %s", err.text);
	fk_close(&k);
}

/* ---- Accept ----------------------------------------------------------- */

/* What accept4() says of one connection: the next is served, in silence. */
static void
passing(void)
{
	static const int errors[] = { EAGAIN, EINTR, ECONNABORTED, EPROTO,
		EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH,
		ENOPROTOOPT, EOPNOTSUPP, ENONET, ETIMEDOUT };
	unsigned i, n = sizeof(errors) / sizeof(errors[0]), good = 0;
	struct fk k;
	int fd;

	forget_log();
	start(&k, 1);
	for (i = 0; i < n; i++) {
		atomic_store(&next.accept, errors[i]);
		fd = fc_dial(k.listening);
		good += served(fd, &shut) && atomic_load(&next.accept) == 0;
		(void)close(fd);
	}
	fk_stop(&k);
	T(good == n && shot_logged == 0,
	    "accept: %u errors of one connection, or of the network, pass", n);
}

static void
broken(void)
{
	static const int errors[] = { EINVAL, EBADF };
	struct sstate_error err;
	struct sstate_req *req;
	struct fk k;
	unsigned i;
	int fd, r;

	for (i = 0; i < 2; i++) {
		fk_open(&k, env, NULL);
		fd = fc_dial(k.listening);
		(void)fc_push(fd, keep.p, keep.n);
		atomic_store(&next.accept, errors[i]);
		r = sstate_cgi_accept(&req, k.cgi, &err);
		T(r == SSTATE_ESYS && req == NULL &&
			strncmp(err.text, "fcgi: accept: ", 14) == 0,
		    "a socket that is none: the loop ends with an error: %s",
		    err.text);
		(void)close(fd);
		fk_close(&k);
	}
}

static void
shortages(void)
{
	static const int errors[] = { EMFILE, ENFILE, ENOBUFS, ENOMEM };
	struct fk k;
	unsigned i;
	int fd;

	start(&k, 1);
	for (i = 0; i < 4; i++) {
		forget_log();
		atomic_store(&next.accept, errors[i]);
		fd = fc_dial(k.listening);
		T(served(fd, &shut) && shot_logged == 1 &&
			strstr(shot_log, "nothing is accepted for now") != NULL,
		    "accept: %s: it is told, and served a little later",
		    strerror(errors[i]));
		(void)close(fd);
	}
	forget_log();
	atomic_store(&next.memory, 1);
	fd = fc_dial(k.listening);
	T(served(fd, &shut) && shot_logged == 1 &&
		strstr(shot_log, "out of memory") != NULL,
	    "P4 no memory for a connection: the same");
	(void)close(fd);
	forget_log();
	atomic_store(&next.accept, EMFILE);
	atomic_store(&next.listen, ENOMEM);
	fd = fc_dial(k.listening);
	T(served(fd, &shut) && shot_logged == 1 &&
		atomic_load(&next.listen) == 0,
	    "and where it cannot be listened again at first");
	(void)close(fd);
	fk_stop(&k);
}

/* What is idle goes before anybody has to wait. */
static void
idle_first(void)
{
	struct fk k;
	int fd, idle;

	start(&k, 1);
	idle = fc_dial(k.listening);
	T(served(idle, &keep), "one is kept");
	forget_log();
	atomic_store(&next.accept, EMFILE);
	fd = fc_dial(k.listening);
	T(served(fd, &shut) && shot_logged == 0,
	    "no descriptor for another: it is served at once");
	T(fc_is_closed(idle), "the idle one has made room");
	(void)close(idle);
	(void)close(fd);
	fk_stop(&k);
}

static void
not_watched(void)
{
	struct fk k;
	int fd;

	fk_open(&k, env, NULL);
	listening = k.listening;
	forget_log();
	/* It is read when it is accepted, and waited for when answered. */
	fd = fc_dial(k.listening);
	(void)fc_push(fd, keep.p, keep.n);
	atomic_store(&next.watch, ENOSPC);
	fk_threads(&k, 1, shot_echo, NULL);
	T(fc_answer(&a, fd) && a.status == 200 && fc_is_closed(fd),
	    "a connection that cannot be waited for is closed, once answered");
	(void)close(fd);
	fd = fc_dial(k.listening);
	T(served(fd, &keep), "the next is kept");
	(void)close(fd);
	fk_stop(&k);
	T(shot_logged == 1 && strstr(shot_log, "cannot be waited for") != NULL,
	    "... and that is told");
}

/* Two threads meet one shortage. */
static void
at_once(void)
{
	struct fk k;
	int fd[2], i, good = 1;

	start(&k, 2);
	forget_log();
	atomic_store(&together, 1);
	for (i = 0; i < 2; i++)
		fd[i] = fc_dial(k.listening);
	FK_SOON(atomic_load(&together) > 2);
	T(atomic_load(&together) > 2, "two threads are in accept4");
	atomic_store(&together, 0);
	for (i = 0; i < 2; i++) {
		good &= served(fd[i], &shut);
		(void)close(fd[i]);
	}
	T(good && shot_logged == 1,
	    "a shortage that both meet is told once; both are served");
	fk_stop(&k);
}

/* ---- Room for more connections ---------------------------------------- */

enum { SLOTS = 12 };

/* Not what has begun to send, nor what lingers, though they came first. */
static void
idle_longest(void)
{
	int fd[SLOTS], fresh, i, good;
	struct fk k;

	room = 2 * SLOTS;
	start(&k, 1);
	room = 0;
	fd[0] = fc_dial(k.listening);
	(void)fc_push(fd[0], keep.p, 40);
	fd[1] = fc_dial(k.listening);
	/* All but the end of its body. */
	good = fc_push(fd[1], shut.p, shut.n - 8) && fc_answer(&a, fd[1]);
	for (i = 2; i < SLOTS; i++) {
		fd[i] = fc_dial(k.listening);
		good &= served(fd[i], &keep);
	}
	fresh = fc_dial(k.listening);
	T(good && served(fresh, &shut) && fc_is_closed(fd[2]),
	    "no room for another: what is idle longest is closed");
	T(fc_push(fd[1], "", 1),
	    "... not what was answered, and may still be sending");
	T(fc_push(fd[0], keep.p + 40, keep.n - 40) && fc_answer(&a, fd[0]) &&
		a.status == 200,
	    "... nor half a request");
	for (i = 0; i < SLOTS; i++)
		(void)close(fd[i]);
	(void)close(fresh);
	fk_stop(&k);
}

/* Requests lie on all that seem idle: none of them is lost. */
static void
not_one_that_asks(void)
{
	struct fk_work w = { 0, 0 };
	int fd[SLOTS], fresh, i, good = 1;
	struct fk k;

	room = 2 * SLOTS;
	fk_open(&k, env, NULL);
	room = 0;
	listening = k.listening;
	fk_threads(&k, 1, fk_works, &w);
	for (i = 0; i < SLOTS; i++) {
		fd[i] = fc_dial(k.listening);
		atomic_store(&w.go, 1);
		good &= served(fd[i], &keep);
	}
	forget_log();
	good &= fk_begin(&w, fd[0], &keep);
	/* The new one is seen before them. */
	fresh = fc_dial(k.listening);
	(void)fc_push(fresh, shut.p, shut.n);
	for (i = 1; i < SLOTS; i++)
		(void)fc_push(fd[i], keep.p, keep.n);
	atomic_store(&w.go, 2);
	for (i = 0; i < SLOTS; i++)
		good &= fc_answer(&a, fd[i]) && a.status == 200;
	T(good && shot_logged == 1 &&
		strstr(shot_log, "all connections are busy") != NULL,
	    "a request on each: all are answered, and a new one waits");
	T(fc_answer(&a, fresh) && a.status == 200, "... and is answered, too");
	for (i = 0; i < SLOTS; i++)
		(void)close(fd[i]);
	(void)close(fresh);
	fk_stop(&k);
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	static const char *const get[] = { "REQUEST_METHOD=GET",
		"QUERY_STRING=a=1", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	unsigned before;

	o.stores = stores;
	o.log = shot_take_log;
	o.alloc = counted;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
	fc_request(&keep, 1, FC_KEEP, get, NULL, 0);
	fc_request(&shut, 1, FC_CLOSE, get, NULL, 0);
	before = fk_descriptors();
	waits();
	passing();
	broken();
	shortages();
	idle_first();
	not_watched();
	idle_longest();
	not_one_that_asks();
	at_once();
	T(fk_descriptors() == before, "no descriptor is left");
	fc_drop(&keep);
	fc_drop(&shut);
	fc_drop(&a.out);
	sstate_close(env);
	T(live == 0, "nor any memory");
	return tap_done();
}
