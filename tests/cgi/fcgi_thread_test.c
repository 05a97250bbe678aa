/*
 * fcgi_thread_test.c - several threads on one FastCGI socket
 *
 * No request waits behind an idle connection; a stop wakes all and loses
 * nothing; shortages, slow peers and forks are borne.  The clock that the
 * library reads can be put forward, so that a deadline takes no time.
 *
 * label: thread
 * link: -Wl,--wrap=clock_mono_us -Wl,--wrap=accept4
 */
#include "fcgi_kit.h"

#include <ftw.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

uint64_t __real_clock_mono_us(void);
uint64_t __wrap_clock_mono_us(void);

int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);

static _Atomic uint64_t forward;
static atomic_uint accepts;
static struct sstate *env;
static struct fc_answer a;
static struct fc_buf keep, shut; /* a request each way */

static const char *const get[] = { "REQUEST_METHOD=GET", "QUERY_STRING=a=1&b=2",
	"SCRIPT_NAME=/app", NULL };
static const char *const post[] = { "REQUEST_METHOD=POST", FORM_TYPE,
	"CONTENT_LENGTH=7", NULL };

uint64_t
__wrap_clock_mono_us(void)
{
	return __real_clock_mono_us() + atomic_load(&forward);
}

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	(void)atomic_fetch_add(&accepts, 1);
	return __real_accept4(fd, sa, len, flags);
}

static int
served(int fd, const struct fc_buf *q)
{
	return fk_ask(&a, fd, q) && a.status == 200 &&
	    strcmp(a.page, "a=1|b=2|#a=1|b=2|##") == 0;
}

/* ---- Idle connections ------------------------------------------------- */

enum { IDLE = 100 };

static void
idle_ones(void)
{
	int fd[IDLE], i, round, good = 1, fresh;
	struct fk k;

	fk_start(&k, env, 2, NULL, shot_echo, NULL);
	for (i = 0; i < IDLE; i++) {
		fd[i] = fc_dial(k.listening);
		good &= served(fd[i], &keep);
	}
	T(good, "%d kept connections, 2 threads", IDLE);
	fresh = fc_dial(k.listening);
	T(served(fresh, &shut), "a new one waits behind none of them");
	(void)close(fresh);
	for (round = 0; round < 5; round++)
		for (i = 0; i < IDLE; i++)
			good &= served(fd[i * 37 % IDLE], &keep);
	T(good, "each of them is served again, in any order");
	for (i = 0; i < IDLE; i++)
		(void)close(fd[i]);
	fk_stop(&k);
}

/* ---- Many at once ----------------------------------------------------- */

struct peer {
	pthread_t t;
	int listening;
	unsigned who, rounds, bad;
};

static void
count(struct sstate_req *req, void *arg)
{
	const char *who = sstate_req_var(req, "WHO");

	(void)atomic_fetch_add((atomic_uint *)arg, 1);
	sstate_req_html(req, "%s", who);
}

static void *
hammer(void *arg)
{
	static _Thread_local struct fc_answer mine;
	struct peer *p = arg;
	struct fc_buf q = { NULL, 0, 0 };
	char who[32];
	const char *const vars[] = { "REQUEST_METHOD=GET", who, NULL };
	unsigned i;
	int fd = -1;

	for (i = 0; i < p->rounds; i++) {
		(void)snprintf(who, sizeof(who), "WHO=%u-%u", p->who, i);
		if (fd < 0)
			fd = fc_dial(p->listening);
		q.n = 0;
		fc_request(&q, i % 65535 + 1, i % 7 ? FC_KEEP : FC_CLOSE, vars,
		    NULL, 0);
		p->bad += !fk_ask(&mine, fd, &q) || mine.status != 200 ||
		    strcmp(mine.page, who + 4) != 0;
		if (i % 7 == 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		(void)close(fd);
	fc_drop(&q);
	fc_drop(&mine.out);
	return NULL;
}

enum { PEERS = 12 };

static void
crowd(unsigned rounds)
{
	unsigned i, bad = 0, before = fk_descriptors();
	atomic_uint n = 0;
	struct peer p[PEERS];
	struct fk k;

	fk_start(&k, env, 8, NULL, count, &n);
	for (i = 0; i < PEERS; i++) {
		p[i] = (struct peer){ .listening = k.listening,
			.who = i,
			.rounds = rounds };
		if (pthread_create(&p[i].t, NULL, hammer, &p[i]) != 0)
			abort();
	}
	for (i = 0; i < PEERS; i++) {
		(void)pthread_join(p[i].t, NULL);
		bad += p[i].bad;
	}
	fk_stop(&k);
	T(bad == 0,
	    "%d web servers, 8 threads, %u requests: each has its own "
	    "answer (%u have not)",
	    PEERS, rounds * PEERS, bad);
	T(n == rounds * PEERS, "each request was seen once (%u)", n);
	T(fk_descriptors() == before, "no descriptor is left");
}

/* ---- Stop ------------------------------------------------------------- */

static struct sstate_cgi *to_stop;

static void
on_signal(int sig)
{
	(void)sig;
	sstate_cgi_stop(to_stop);
}

static int
all_done(const struct fk *k, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (k->last[i] != SSTATE_DONE)
			return 0;
	return 1;
}

static void
stops(void)
{
	struct fc_buf half = { NULL, 0, 0 };
	int idle, begun, sent, nobody;
	struct fk k;

	fk_start(&k, env, 4, NULL, shot_echo, NULL);
	idle = fc_dial(k.listening);
	begun = fc_dial(k.listening);
	T(served(idle, &keep) && served(begun, &keep), "two are kept");
	fc_put(&half, keep.p, 40);
	(void)fc_push(begun, half.p, half.n);
	/* Until it has been read: then it is ours to finish. */
	FK_SOON(fc_is_taken(begun));
	to_stop = k.cgi;
	(void)signal(SIGUSR1, on_signal);
	(void)raise(SIGUSR1);
	(void)fc_push(begun, keep.p + 40, keep.n - 40);
	T(fc_answer(&a, begun) && a.status == 200,
	    "a request that was half read when the stop came is finished");
	fk_join(&k);
	T(all_done(&k, 4), "stopped by a signal, all threads are told");
	T(fc_is_closed(idle) && fc_is_closed(begun), "what was kept is closed");
	nobody = fc_dial(k.listening);
	T(nobody >= 0 && fc_push(nobody, keep.p, keep.n),
	    "the socket still listens, for other processes");
	fk_threads(&k, 1, shot_echo, NULL);
	fk_join(&k);
	T(k.last[0] == SSTATE_DONE && k.served == 3,
	    "accept after the stop: SSTATE_DONE, and nothing is taken");
	fk_close(&k);
	(void)close(nobody);
	(void)close(idle);
	(void)close(begun);

	/* Sent, but nobody had read it. */
	fk_open(&k, env, NULL);
	fk_threads(&k, 1, shot_echo, NULL);
	sent = fc_dial(k.listening);
	T(served(sent, &keep), "kept");
	sstate_cgi_stop(k.cgi);
	fk_join(&k);
	fk_close(&k);
	(void)close(sent);
	fc_drop(&half);
}

/* A web server has connected, and its request comes after the stop. */
static void
stops_fresh(void)
{
	int kept, fresh, last;
	struct fk k;

	fk_start(&k, env, 1, NULL, shot_echo, NULL);
	kept = fc_dial(k.listening);
	T(served(kept, &keep), "a connection is kept");
	fresh = fc_dial(k.listening);
	last = fc_dial(k.listening);
	T(served(last, &keep), "whoever came before the last one was accepted");
	sstate_cgi_stop(k.cgi);
	FK_SOON(fc_is_closed(kept));
	(void)fc_push(fresh, keep.p, keep.n);
	T(fc_answer(&a, fresh) && a.status == 200,
	    "what a new connection sends after the stop is answered");
	fk_join(&k);
	T(all_done(&k, 1) && k.served == 3, "then all is done");
	fk_close(&k);
	(void)close(kept);
	(void)close(fresh);
	(void)close(last);
}

/* A request comes onto a kept connection while the only thread is busy. */
static void
slow(struct sstate_req *req, void *arg)
{
	atomic_int *at = arg;

	atomic_store(at, 1);
	FK_SOON(atomic_load(at) == 2);
	shot_echo(req, NULL);
}

static void
stops_late(void)
{
	atomic_int at = 0;
	int kept, busy;
	struct fk k;

	fk_start(&k, env, 1, NULL, slow, &at);
	kept = fc_dial(k.listening);
	(void)fc_push(kept, keep.p, keep.n);
	FK_SOON(atomic_load(&at) == 1);
	atomic_store(&at, 2);
	T(fc_answer(&a, kept) && a.status == 200, "a connection is kept");
	busy = fc_dial(k.listening);
	(void)fc_push(busy, keep.p, keep.n);
	FK_SOON(atomic_load(&at) == 1);
	(void)fc_push(kept, keep.p, keep.n);
	sstate_cgi_stop(k.cgi);
	atomic_store(&at, 2);
	T(fc_answer(&a, busy) && a.status == 200,
	    "the one at work when the stop came is answered");
	FK_SOON(atomic_load(&at) == 1);
	atomic_store(&at, 2);
	T(fc_answer(&a, kept) && a.status == 200,
	    "so is one that lay in a kept connection");
	fk_join(&k);
	T(all_done(&k, 1) && k.served == 3, "then all is done");
	fk_close(&k);
	(void)close(kept);
	(void)close(busy);
}

/* Octets and the end of a connection come as one event, while all are busy. */
static void
ends_together(void)
{
	atomic_int at = 0;
	int kept, busy;
	unsigned open;
	struct fk k;

	fk_start(&k, env, 1, NULL, slow, &at);
	kept = fc_dial(k.listening);
	busy = fc_dial(k.listening);
	(void)fc_push(kept, keep.p, keep.n);
	FK_SOON(atomic_load(&at) == 1);
	atomic_store(&at, 2);
	(void)fc_answer(&a, kept);
	(void)fc_push(busy, keep.p, keep.n);
	FK_SOON(atomic_load(&at) == 1);
	open = fk_descriptors();
	(void)fc_push(kept, keep.p, 40);
	(void)close(kept);
	atomic_store(&at, 2);
	(void)fc_answer(&a, busy);
	/* The peer's end of it, and ours. */
	FK_SOON(fk_descriptors() == open - 2);
	T(fk_descriptors() == open - 2,
	    "half a request and its connection's end: it is closed");
	(void)close(busy);
	fk_stop(&k);
}

/* ---- Aborts ----------------------------------------------------------- */

struct work {
	atomic_int begun, go;
	int64_t sum;
};

static void
working(struct sstate_req *req, void *arg)
{
	struct work *w = arg;
	struct sstate_session *s;

	if (sstate_req_session(&s, req, NULL, NULL) != 0)
		return;
	(void)sstate_incr(&w->sum, s, "n", 1);
	sstate_req_puts(req, "an answer");
	if (sstate_req_var(req, "WAIT") == NULL)
		return;
	atomic_store(&w->begun, 1);
	FK_SOON(atomic_load(&w->go));
	atomic_store(&w->go, 0);
}

static void
aborts(int threads)
{
	static const char *const first[] = { "REQUEST_METHOD=GET",
		"HTTP_HOST=localhost", NULL };
	struct timespec while_working = { 0, 20000000 };
	struct fc_buf q = { NULL, 0, 0 };
	struct work w = { 0, 0, 0 };
	char jar[JAR_MAX];
	const char *const next[] = { "REQUEST_METHOD=GET",
		"HTTP_HOST=localhost", jar, NULL };
	const char *const wait[] = { "REQUEST_METHOD=GET",
		"HTTP_HOST=localhost", jar, "WAIT=1", NULL };
	struct shot s;
	struct fk k;
	int fd;

	fk_start(&k, env, threads, NULL, working, &w);
	fd = fc_dial(k.listening);
	fc_request(&q, 1, FC_KEEP, first, NULL, 0);
	T(fk_ask(&a, fd, &q) && a.status == 200, "%d threads: a session",
	    threads);
	s.out = a.out.p;
	(void)shot_cookie(&s, jar);
	q.n = 0;
	fc_request(&q, 2, FC_KEEP, wait, NULL, 0);
	(void)fc_push(fd, q.p, q.n);
	FK_SOON(atomic_load(&w.begun));
	q.n = 0;
	fc_record(&q, FC_ABORT, 2, NULL, 0, 0);
	(void)fc_push(fd, q.p, q.n);
	(void)nanosleep(&while_working, NULL);
	atomic_store(&w.go, 1);
	T(fc_answer(&a, fd) && a.id == 2 && a.out.n == 0 && a.records == 1,
	    "%d threads: aborted while the program works: no answer", threads);
	q.n = 0;
	fc_request(&q, 3, FC_KEEP, next, NULL, 0);
	T(fk_ask(&a, fd, &q) && a.status == 200 && w.sum == 3,
	    "I7 what it changed was committed all the same");
	(void)close(fd);
	fk_stop(&k);
	fc_drop(&q);
}

/* ---- Slow peers ------------------------------------------------------- */

static void
late(void)
{
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	int fd, idle, i;
	struct fk k;

	for (i = 0; post[i] != NULL; i++)
		fc_var(&v, post[i]);
	fk_start(&k, env, 1, NULL, shot_echo, NULL);
	idle = fc_dial(k.listening);
	T(served(idle, &keep), "one is kept");
	fd = fc_dial(k.listening);
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	(void)fc_push(fd, q.p, q.n);
	T(served(idle, &keep), "one that sends slowly holds no thread");
	atomic_fetch_add(&forward, 31000000);
	T(fc_is_closed(fd), "E4 variables that do not come in 30 s: closed");
	T(served(idle, &keep), "and not what is idle");
	(void)close(fd);
	fd = fc_dial(k.listening);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_record(&q, FC_STDIN, 1, "a=1", 3, 0);
	(void)fc_push(fd, q.p, q.n);
	FK_SOON(fc_is_taken(fd));
	(void)nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	atomic_fetch_add(&forward, 31000000);
	/* An octet wakes it: nobody wants to wait here for its own poll. */
	q.n = 0;
	fc_record(&q, FC_STDIN, 1, "&", 1, 0);
	(void)fc_push(fd, q.p, q.n);
	T(fc_answer(&a, fd) && a.status == 408,
	    "E4 a body that does not come in 30 s: 408");
	T(served(fd, &keep), "and the connection is still good");
	(void)close(fd);
	(void)close(idle);
	fk_stop(&k);
	fc_drop(&q);
	fc_drop(&v);
}

/* Nobody takes the answer. */
static void
much(struct sstate_req *req, void *arg)
{
	static char page[4000000];

	memset(page, 'x', sizeof(page));
	sstate_req_write(req, page, sizeof(page));
	*(int *)arg = sstate_req_flush(req);
}

static void
not_taken(void)
{
	struct fc_buf q = { NULL, 0, 0 };
	int flushed = 0, fd, tries;
	struct fk k;

	fk_start(&k, env, 1, NULL, much, &flushed);
	fd = fc_dial(k.listening);
	(void)fc_push(fd, keep.p, keep.n);
	FK_SOON(fc_is_taken(fd));
	T(k.served == 0, "4 MB, and nobody takes them");
	/* A record wakes it; time passes once it waits. */
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	for (tries = 0; tries < 500 && k.served == 0; tries++) {
		(void)atomic_fetch_add(&forward, 61000000);
		(void)fc_push(fd, q.p, q.n);
		(void)nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
	T(k.served == 1 && flushed == SSTATE_ESYS,
	    "an answer that is not taken for 60 s is given up");
	(void)close(fd);
	fk_stop(&k);
	fc_drop(&q);
}

/* More variables come behind those that were refused, and time passes. */
static void
log_slowly(void *arg, int level, const struct sstate_error *what)
{
	(void)arg;
	(void)level;
	(void)what;
	(void)atomic_fetch_add(&forward, 1000000);
}

static void
refused_slowly(void)
{
	static const char *const stores[] = { "memory:", NULL };
	static char big[400000];
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	struct sstate *logs;
	struct fk k;
	int fd;

	o.stores = stores;
	o.log = log_slowly;
	if (sstate_open(&logs, &o, NULL) != 0)
		abort();
	fk_start(&k, logs, 1, NULL, shot_echo, NULL);
	fd = fc_dial(k.listening);
	memset(big, 'x', sizeof(big));
	fc_pair(&v, "X", 1, big, sizeof(big));
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_pieces(&q, FC_PARAMS, 1, v.p, v.n, 1000);
	fc_record(&q, FC_PARAMS, 1, NULL, 0, 0);
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	T(fk_ask(&a, fd, &q) && a.status == 413 && served(fd, &keep),
	    "R-90 too many variables: 413, and the connection is still good");
	(void)close(fd);
	fk_stop(&k);
	sstate_close(logs);
	fc_drop(&q);
	fc_drop(&v);
}

/* ---- Handing over ----------------------------------------------------- */

struct first {
	struct fk *k;
	atomic_int at;
};

/* It does not come back for another request while there is one. */
static void *
one_then_wait(void *arg)
{
	struct first *f = arg;
	struct sstate_req *req;

	if (sstate_cgi_accept(&req, f->k->cgi, NULL) == 0) {
		slow(req, &f->at);
		(void)sstate_req_end(req);
	}
	FK_SOON(atomic_load(&f->k->served) == 2);
	return NULL;
}

static void
handed_over(void)
{
	struct fc_buf two = { NULL, 0, 0 };
	int fd, probe;
	struct fk k;
	struct first f = { &k, 0 };
	pthread_t t;

	fk_open(&k, env, NULL);
	if (pthread_create(&t, NULL, one_then_wait, &f) != 0)
		abort();
	fd = fc_dial(k.listening);
	fc_put(&two, keep.p, keep.n);
	fc_put(&two, keep.p, keep.n);
	/* In one piece, so that both are read by the first. */
	(void)fc_push(fd, two.p, two.n);
	FK_SOON(atomic_load(&f.at) == 1);
	fk_threads(&k, 1, shot_echo, NULL);
	probe = fc_dial(k.listening);
	T(served(probe, &shut), "another thread serves, then waits");
	(void)nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	atomic_store(&f.at, 2);
	T(fc_answer(&a, fd) && a.status == 200, "one of two that came at once");
	T(fc_answer(&a, fd) && a.status == 200,
	    "the other thread is woken for the second");
	(void)pthread_join(t, NULL);
	(void)close(fd);
	(void)close(probe);
	fk_stop(&k);
	fc_drop(&two);
}

/* ---- Shortages -------------------------------------------------------- */

static void
few_descriptors(void)
{
	struct rlimit old, lim;
	int fd[60], i, good = 1, last, closed = 0;
	struct fk k;
	char c;

	(void)getrlimit(RLIMIT_NOFILE, &old);
	lim = old;
	lim.rlim_cur = 80;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	fk_open(&k, env, NULL); /* so 40 connections at most */
	lim.rlim_cur = 400;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	fk_threads(&k, 2, shot_echo, NULL);
	for (i = 0; i < 60; i++) {
		fd[i] = fc_dial(k.listening);
		good &= served(fd[i], &keep);
	}
	T(good, "60 kept connections where there is room for 40");
	for (i = 0; i < 60; i++)
		closed += recv(fd[i], &c, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
	for (i = 50; i < 60; i++)
		good &= served(fd[i], &keep);
	T(good && closed >= 20,
	    "those that were idle longest had to go, and no other (%d)",
	    closed);
	for (i = 0; i < 60; i++)
		(void)close(fd[i]);
	last = fc_dial(k.listening);
	T(served(last, &shut), "and it goes on");
	(void)close(last);
	fk_stop(&k);
	(void)setrlimit(RLIMIT_NOFILE, &old);
}

static void
no_descriptor(void)
{
	struct rlimit old, lim;
	int hog[400], n = 0, fd[3], i, good = 1;
	unsigned before;
	struct fk k;

	(void)getrlimit(RLIMIT_NOFILE, &old);
	lim = old;
	lim.rlim_cur = 200;
	fk_start(&k, env, 2, NULL, shot_echo, NULL);
	for (i = 0; i < 3; i++)
		if ((fd[i] = socket(AF_UNIX, SOCK_STREAM, 0)) < 0)
			abort();
	(void)setrlimit(RLIMIT_NOFILE, &lim);
	while (n < 400 && (hog[n] = dup(1)) >= 0)
		n++;
	for (i = 0; i < 3; i++) {
		struct sockaddr_un sa;
		socklen_t len = sizeof(sa);

		(void)getsockname(k.listening, (struct sockaddr *)&sa, &len);
		good &= connect(fd[i], (struct sockaddr *)&sa, len) == 0;
		good &= fc_push(fd[i], keep.p, keep.n);
	}
	T(good, "three requests, and no descriptor to take them by");
	before = atomic_load(&accepts);
	(void)nanosleep(&(struct timespec){ 0, 500000000 }, NULL);
	T(atomic_load(&accepts) - before < 20,
	    "EMFILE: the loop does not spin: accept4 is tried %u times",
	    atomic_load(&accepts) - before);
	while (n > 0)
		(void)close(hog[--n]);
	for (i = 0; i < 3; i++)
		good &= fc_answer(&a, fd[i]) && a.status == 200;
	T(good, "they are served once there are descriptors again");
	for (i = 0; i < 3; i++)
		(void)close(fd[i]);
	fk_stop(&k);
	(void)setrlimit(RLIMIT_NOFILE, &old);
}

/* ---- Processes -------------------------------------------------------- */

static void
visits(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;
	int64_t n = 0;

	(void)arg;
	if (sstate_req_session(&session, req, NULL, NULL) == 0)
		(void)sstate_incr(&n, session, "n", 1);
	sstate_req_html(req, "%lld", (long long)n);
}

enum { CHILDREN = 3, CONNECTIONS = 12, ROUNDS = 20 };

/* One session, over all processes; 1: each visit was the next. */
static int
visit(int fd[CONNECTIONS])
{
	struct fc_buf q = { NULL, 0, 0 };
	char jar[JAR_MAX] = "";
	const char *vars[] = { "REQUEST_METHOD=GET", "HTTP_HOST=localhost",
		NULL, NULL };
	int i, good = 1;
	struct shot s;

	for (i = 0; i < CONNECTIONS * ROUNDS; i++) {
		q.n = 0;
		fc_request(&q, 1, FC_KEEP, vars, NULL, 0);
		good &= fk_ask(&a, fd[i % CONNECTIONS], &q) &&
		    a.status == 200 && strtol(a.page, NULL, 10) == i + 1;
		if (i == 0) {
			s.out = a.out.p;
			vars[2] = shot_cookie(&s, jar);
		}
	}
	fc_drop(&q);
	return good;
}

static struct sstate *
env_of_files(const char *dir)
{
	char uri[SHOT_DIR + 40], ring[SHOT_DIR + 40];
	const char *stores[] = { uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate *files;

	(void)snprintf(uri, sizeof(uri), "file:%s/store", dir);
	(void)snprintf(ring, sizeof(ring), "%s/keyring", dir);
	o.stores = stores;
	o.keyring = ring;
	if (sstate_open(&files, &o, NULL) != 0)
		abort();
	return files;
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* fork() after sstate_open() and sstate_cgi_open(), before any thread. */
static void
preforked(void)
{
	int i, fd[CONNECTIONS], status, ended = 0, at_work = 0;
	pid_t pid[CHILDREN];
	struct sstate *files;
	char dir[SHOT_DIR];
	struct fk k;

	shot_dir(dir);
	files = env_of_files(dir);
	fk_open(&k, files, NULL);
	to_stop = k.cgi;
	(void)signal(SIGTERM, on_signal);
	for (i = 0; i < CHILDREN; i++)
		if ((pid[i] = fork()) == 0) {
			fk_threads(&k, 2, visits, NULL);
			fk_join(&k);
			fk_close(&k);
			sstate_close(files);
			_exit(k.served > 0 ? 1 : 0);
		}
	for (i = 0; i < CONNECTIONS; i++)
		fd[i] = fc_dial(k.listening);
	T(visit(fd),
	    "%d processes, forked after the open, on one session: "
	    "%d visits by %d connections, in order",
	    CHILDREN, CONNECTIONS * ROUNDS, CONNECTIONS);
	sstate_cgi_stop(k.cgi);
	T(fk_ask(&a, fd[0], &keep), "the parent's stop is its own");
	for (i = 0; i < CONNECTIONS; i++)
		(void)close(fd[i]);
	for (i = 0; i < CHILDREN; i++) {
		(void)kill(pid[i], SIGTERM);
		(void)waitpid(pid[i], &status, 0);
		ended += WIFEXITED(status);
		at_work += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	}
	(void)signal(SIGTERM, SIG_DFL);
	T(ended == CHILDREN && at_work > 0,
	    "each is stopped by its own signal; %d had connections", at_work);
	fk_close(&k);
	sstate_close(files);
	(void)nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	unsigned before;

	env = shot_env(0);
	fc_request(&keep, 1, FC_KEEP, get, NULL, 0);
	fc_request(&shut, 1, FC_CLOSE, get, NULL, 0);
	preforked();
	before = fk_descriptors();
	idle_ones();
	crowd(1000);
	stops();
	stops_late();
	stops_fresh();
	ends_together();
	aborts(1);
	aborts(2);
	late();
	not_taken();
	refused_slowly();
	handed_over();
	few_descriptors();
	no_descriptor();
	T(fk_descriptors() == before, "no descriptor is left");
	fc_drop(&keep);
	fc_drop(&shut);
	fc_drop(&a.out);
	sstate_close(env);
	return tap_done();
}
