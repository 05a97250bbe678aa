/*
 * fcgi_fork_test.c - a child of a FastCGI program: what it inherits, and what
 * is its own
 *
 * The program is forked where another of its threads is in the middle of
 * something; that thread is not there in the child.
 *
 * label: thread
 * link: -Wl,--wrap=accept4,--wrap=close,--wrap=epoll_create1
 * link: -Wl,--wrap=sched_yield,--wrap=set_woken
 */
#include "fcgi_kit.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct fcgi;

int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_sched_yield(void);
int __wrap_sched_yield(void);
void __real_set_woken(struct fcgi *f);
void __wrap_set_woken(struct fcgi *f);

static void in_another_thread(int fd);

static struct {
	int accept, close; /* fork in the next of these calls */
	int is_slow, fails; /* what epoll_create1 does */
} next;

static atomic_uint created, yielded, woken;
static struct fk k;
static struct sstate *env;
static struct fc_answer a;
static struct fc_buf keep;

static const char *const get[] = { "REQUEST_METHOD=GET", "QUERY_STRING=a=1",
	NULL };

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	if (next.accept) {
		next.accept = 0;
		in_another_thread(-1);
	}
	return __real_accept4(fd, sa, len, flags);
}

int
__wrap_close(int fd)
{
	int r = __real_close(fd);

	if (next.close) {
		next.close = 0;
		in_another_thread(fd);
	}
	return r;
}

int
__wrap_epoll_create1(int flags)
{
	(void)atomic_fetch_add(&created, 1);
	if (next.fails) {
		errno = EMFILE;
		return -1;
	}
	if (next.is_slow)
		FK_SOON(atomic_load(&yielded) > 0);
	return __real_epoll_create1(flags);
}

int
__wrap_sched_yield(void)
{
	(void)atomic_fetch_add(&yielded, 1);
	return __real_sched_yield();
}

void
__wrap_set_woken(struct fcgi *f)
{
	(void)atomic_fetch_add(&woken, 1);
	__real_set_woken(f);
}

/* ---- Processes -------------------------------------------------------- */

struct child {
	pid_t pid;
	int in; /* it lives until that is closed */
};

/* In the child: 0. */
static pid_t
begin(struct child *c)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) != 0)
		abort();
	(void)fflush(stdout);
	if ((c->pid = fork()) == 0)
		(void)__real_close(p[1]);
	else
		(void)__real_close(p[0]);
	c->in = p[c->pid != 0];
	return c->pid;
}

static void
outlive_parent(const struct child *c)
{
	char end;

	(void)read(c->in, &end, 1);
}

static int
finish(struct child *c)
{
	int status = -1;

	(void)__real_close(c->in);
	(void)waitpid(c->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int
served(int fd)
{
	return fk_ask(&a, fd, &keep) && a.status == 200;
}

/* One request, by this process. */
static struct sstate_req *
take(void)
{
	struct sstate_req *req;

	return sstate_cgi_accept(&req, k.cgi, NULL) == 0 ? req : NULL;
}

static int
answer(struct sstate_req *req)
{
	if (req == NULL)
		return 0;
	shot_echo(req, NULL);
	return sstate_req_end(req) == 0;
}

/* A connection on which so many requests lie. */
static int
dial(int requests)
{
	int fd = fc_dial(k.listening);

	while (requests-- > 0)
		(void)fc_push(fd, keep.p, keep.n);
	return fd;
}

/* ---- Its own ---------------------------------------------------------- */

/* Before it has begun it has its parent's descriptors. */
static void
stops_itself(void)
{
	struct sstate_req *req;
	struct child c;
	int fd;

	fk_open(&k, env, NULL);
	if (begin(&c) == 0) {
		sstate_cgi_stop(k.cgi);
		_exit(sstate_cgi_accept(&req, k.cgi, NULL) != SSTATE_DONE);
	}
	T(finish(&c) == 0, "a child that is stopped before it begins is");
	fd = dial(1);
	T(answer(take()) && fc_answer(&a, fd) && a.status == 200 &&
		atomic_load(&woken) == 0,
	    "its parent is not, and was not woken");
	(void)close(fd);
	fk_close(&k);
}

static void
fails(void)
{
	struct sstate_error err;
	struct sstate_req *req;
	struct child c;
	int i, good = 1;

	fk_open(&k, env, NULL);
	if (begin(&c) == 0) {
		next.fails = 1;
		for (i = 0; i < 2; i++)
			good &= sstate_cgi_accept(&req, k.cgi, &err) ==
				SSTATE_ESYS &&
			    req == NULL &&
			    strcmp(err.text, "fcgi: no poll set") == 0;
		sstate_cgi_close(k.cgi);
		_exit(!good);
	}
	T(finish(&c) == 0, "a child that has no descriptors: SSTATE_ESYS");
	fk_close(&k);
}

/* Two threads of a child begin at once. */
static void
begins_once(void)
{
	struct child c;
	int fd;

	fk_open(&k, env, NULL);
	if (begin(&c) == 0) {
		next.is_slow = 1;
		atomic_store(&created, 0);
		fk_threads(&k, 2, shot_echo, NULL);
		outlive_parent(&c);
		sstate_cgi_stop(k.cgi);
		fk_join(&k);
		_exit(atomic_load(&created) != 1 ||
		    atomic_load(&yielded) == 0 || k.served != 1);
	}
	fd = fc_dial(k.listening);
	T(served(fd), "a child of two threads serves");
	T(finish(&c) == 0, "... by one poll set, which one of them has made");
	(void)close(fd);
	fk_close(&k);
}

/* ---- Inherited -------------------------------------------------------- */

/* A child that serves one request, and lives on. */
static void
child(struct child *c)
{
	int good = answer(take());

	outlive_parent(c);
	_exit(!good);
}

static void
inherits(void)
{
	struct sstate_req *at_work;
	int idle, ready, busy, fresh;
	struct child c;

	fk_open(&k, env, NULL);
	busy = dial(1);
	at_work = take();
	idle = dial(1);
	T(answer(take()), "a connection that waits");
	ready = dial(2);
	T(answer(take()), "one with another request, which was read");
	if (begin(&c) == 0)
		child(&c);
	fresh = fc_dial(k.listening);
	T(served(fresh), "forked beside one at work: the child serves");
	T(fc_answer(&a, ready) && answer(take()) && fc_answer(&a, ready) &&
		a.status == 200,
	    "what its parent had read is its parent's");
	T(answer(at_work) && fc_answer(&a, busy) && a.status == 200,
	    "so is what was at work");
	fk_close(&k);
	T(fc_answer(&a, idle) && fc_is_closed(idle) && fc_is_closed(ready) &&
		fc_is_closed(busy),
	    "the parent closes them, and no child keeps them open");
	T(finish(&c) == 0, "the child lived all the time");
	(void)close(idle);
	(void)close(ready);
	(void)close(busy);
	(void)close(fresh);
}

/* ---- In the middle ---------------------------------------------------- */

static struct child middle;

static void
in_another_thread(int fd)
{
	struct stat before, after;
	int own, good;

	if (begin(&middle) != 0)
		return;
	/* The number of what was just closed is another's now. */
	own = fd >= 0 ? dup2(middle.in, fd) : middle.in;
	good = fstat(own, &before) == 0 && answer(take()) &&
	    fstat(own, &after) == 0 && before.st_ino == after.st_ino;
	outlive_parent(&middle);
	_exit(!good);
}

static void
in_accept(void)
{
	int one, other;

	fk_open(&k, env, NULL);
	one = dial(1);
	next.accept = 1;
	T(answer(take()) && fc_answer(&a, one) && a.status == 200,
	    "forked while a thread is in accept: the parent goes on");
	other = fc_dial(k.listening);
	T(served(other), "the child serves");
	fk_close(&k);
	T(fc_is_closed(one), "the connection is its parent's only");
	T(finish(&middle) == 0, "and all is well there");
	(void)close(one);
	(void)close(other);
}

static void
in_close(void)
{
	struct fc_buf q = { NULL, 0, 0 };
	struct sstate_req *req;
	int one, other;

	fk_open(&k, env, NULL);
	fc_request(&q, 1, FC_CLOSE, get, NULL, 0);
	one = fc_dial(k.listening);
	(void)fc_push(one, q.p, q.n);
	req = take();
	next.close = 1;
	T(answer(req) && fc_answer(&a, one) && a.status == 200,
	    "forked while a thread closes one: the parent goes on");
	other = fc_dial(k.listening);
	T(served(other), "the child serves");
	T(finish(&middle) == 0,
	    "and does not close again what has that number now");
	(void)close(one);
	(void)close(other);
	fk_close(&k);
	fc_drop(&q);
}

int
main(void)
{
	unsigned before;

	env = shot_env(0);
	fc_request(&keep, 1, FC_KEEP, get, NULL, 0);
	before = fk_descriptors();
	stops_itself();
	fails();
	begins_once();
	inherits();
	in_accept();
	in_close();
	T(fk_descriptors() == before, "no descriptor is left");
	fc_drop(&keep);
	fc_drop(&a.out);
	sstate_close(env);
	return tap_done();
}
