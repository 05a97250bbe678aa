/*
 * fcgi_peer_test.c - a web server at odd moments: it pours, ends, or sends
 * nonsense, while a request is at work or just after it
 *
 * The clock that the library reads can be put forward; one connection can be
 * made to have octets without end.
 *
 * label: thread
 * link: -Wl,--wrap=clock_mono_us,--wrap=accept4,--wrap=recv
 */
#include "fcgi_kit.h"

uint64_t __real_clock_mono_us(void);
uint64_t __wrap_clock_mono_us(void);
int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
ssize_t __real_recv(int fd, void *p, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *p, size_t n, int flags);

static _Atomic uint64_t forward, still; /* not 0: no time passes */
static atomic_int accepted; /* the descriptor that came last */
static atomic_int pours; /* the descriptor that has octets without end */
static struct sstate *env;
static struct fc_answer a;
static struct fc_buf keep, shut; /* a request each way */
static struct fc_buf open_body; /* one whose body does not end */
static struct fc_buf get_values;

uint64_t
__wrap_clock_mono_us(void)
{
	uint64_t at = atomic_load(&still);

	return at != 0 ? at : __real_clock_mono_us() + atomic_load(&forward);
}

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int got = __real_accept4(fd, sa, len, flags);

	if (got >= 0)
		atomic_store(&accepted, got);
	return got;
}

/* Empty records of no request. */
ssize_t
__wrap_recv(int fd, void *p, size_t n, int flags)
{
	static const unsigned char none[8] = { 1, FC_STDIN, 0, 9, 0, 0, 0, 0 };
	size_t i;

	if (fd != atomic_load(&pours) || n % 8 != 0 ||
	    (flags & MSG_DONTWAIT) == 0)
		return __real_recv(fd, p, n, flags);
	for (i = 0; i < n; i += 8)
		memcpy((char *)p + i, none, 8);
	return (ssize_t)n;
}

static int
served(int fd, const struct fc_buf *q)
{
	return fk_ask(&a, fd, q) && a.status == 200 &&
	    strcmp(a.page, "a=1|b=2|#a=1|b=2|##") == 0;
}

static void
forget_log(void)
{
	shot_log[0] = '\0';
	shot_logged = 0;
}

/* ---- One that never ceases to send ------------------------------------ */

enum { IDLE, AFTER, LINGERS };

/* One thread; where does the connection stand when it begins to pour? */
static void
pour(int where, const struct fc_buf *q)
{
	static const char *const name[] = { "an idle connection",
		"one that was just answered", "one that is to be closed" };
	unsigned fds = fk_descriptors();
	struct fk_work w = { 0, 0 };
	int one, other;
	struct fk k;

	fk_start(&k, env, 1, NULL, fk_works, &w);
	one = fc_dial(k.listening);
	T(fk_begin(&w, one, q), "a request is at work");
	if (where == IDLE)
		(void)fk_go(&a, &w, one);
	atomic_store(&pours, atomic_load(&accepted));
	(void)fc_push(one, "\1", 1);
	if (where != IDLE) {
		/* It has taken so long that what comes is looked at. */
		(void)atomic_fetch_add(&forward, 20000);
		T(fk_go(&a, &w, one) && a.status == 200, "... and answered");
	}
	other = fc_dial(k.listening);
	atomic_store(&w.go, 1);
	T(served(other, &shut), "%s pours: another is served all the same",
	    name[where]);
	if (where == LINGERS) {
		(void)atomic_fetch_add(&forward, 6000000);
		FK_SOON(fk_descriptors() == fds + 6);
		T(fk_descriptors() == fds + 6,
		    "... and 5 s later it is closed");
	}
	atomic_store(&pours, -1);
	(void)close(one);
	(void)close(other);
	fk_stop(&k);
}

/* ---- Nonsense --------------------------------------------------------- */

static const char http[] = "GET / HTTP/1.0\r\n\r\n";

static void
nonsense_at_work(const struct fc_buf *q)
{
	struct fk_work w = { 0, 0 };
	struct fk k;
	int fd;

	fk_start(&k, env, 1, NULL, fk_works, &w);
	forget_log();
	fd = fc_dial(k.listening);
	T(fk_begin(&w, fd, q), "a request is at work");
	(void)fc_push(fd, http, sizeof(http) - 1);
	(void)atomic_fetch_add(&forward, 20000);
	T(fk_go(&a, &w, fd) && a.status == 200 && fc_is_closed(fd),
	    "E10 nonsense meanwhile: the answer is whole, and the last");
	(void)close(fd);
	fk_stop(&k);
	T(shot_logged == 1 && strstr(shot_log, "speaks no FastCGI") != NULL,
	    "... and that is told");
}

static void
nonsense_behind(void)
{
	struct fc_buf q = { NULL, 0, 0 };
	struct fk k;
	int fd;

	/* No time passes: nothing is looked at before the answer is sent. */
	atomic_store(&still, __real_clock_mono_us() + atomic_load(&forward));
	fk_start(&k, env, 1, NULL, shot_echo, NULL);
	forget_log();
	fd = fc_dial(k.listening);
	fc_put(&q, keep.p, keep.n);
	fc_put(&q, http, sizeof(http) - 1);
	T(served(fd, &q) && fc_is_closed(fd),
	    "E10 nonsense behind a request: the same");
	(void)close(fd);
	fk_stop(&k);
	T(shot_logged == 1 && strstr(shot_log, "speaks no FastCGI") != NULL,
	    "... and that is told");
	atomic_store(&still, 0);
	fc_drop(&q);
}

/* ---- One that is gone ------------------------------------------------- */

/* It asks, and does not wait for an answer. */
static void
asks_and_goes(void)
{
	struct fc_buf q = { NULL, 0, 0 };
	unsigned fds = fk_descriptors();
	struct fk_work w = { 0, 0 };
	int busy, fd;
	struct fk k;

	fk_start(&k, env, 1, NULL, fk_works, &w);
	forget_log();
	busy = fc_dial(k.listening);
	T(fk_begin(&w, busy, &shut), "the only thread is at work");
	fd = fc_dial(k.listening);
	fc_record(&q, FC_GET_VALUES, 0, NULL, 0, 0);
	(void)fc_push(fd, q.p, q.n);
	(void)close(fd);
	T(fk_go(&a, &w, busy) && fc_is_closed(busy), "... and answered");
	(void)close(busy);
	fd = fc_dial(k.listening);
	atomic_store(&w.go, 1);
	T(served(fd, &shut) && shot_logged == 0,
	    "who asks and goes away is no fault that is told");
	(void)close(fd);
	fk_stop(&k);
	T(fk_descriptors() == fds, "no descriptor is left");
	fc_drop(&q);
}

/* Its side has ended, but it reads on. */
static void
half_closed(const struct fc_buf *q)
{
	unsigned fds = fk_descriptors();
	struct fk_work w = { 0, 0 };
	struct fk k;
	int fd;

	fk_start(&k, env, 1, NULL, fk_works, &w);
	fd = fc_dial(k.listening);
	T(fk_begin(&w, fd, q), "a request is at work");
	(void)shutdown(fd, SHUT_WR);
	(void)atomic_fetch_add(&forward, 20000);
	T(fk_go(&a, &w, fd) && a.status == 200 && fc_is_closed(fd),
	    "a side that ended meanwhile: the answer is whole");
	/* Ours of it, and none to drop what might come. */
	FK_SOON(fk_descriptors() == fds + 5);
	T(fk_descriptors() == fds + 5, "... and its connection is closed");
	(void)close(fd);
	fk_stop(&k);
}

/* ---- Deadlines -------------------------------------------------------- */

static void
lingers(void)
{
	unsigned fds = fk_descriptors();
	struct fk k;
	int fd;

	fk_start(&k, env, 1, NULL, shot_echo, NULL);
	forget_log();
	fd = fc_dial(k.listening);
	T(served(fd, &open_body), "answered, and its body has no end");
	T(fc_is_closed(fd) && fk_descriptors() == fds + 6,
	    "the answer ends, and what comes is dropped");
	(void)atomic_fetch_add(&forward, 6000000);
	FK_SOON(fk_descriptors() == fds + 5);
	T(fk_descriptors() == fds + 5 && shot_logged == 0,
	    "5 s later it is closed, and that is no fault");
	(void)close(fd);
	fk_stop(&k);
}

/* Variables have 30 s; the program has what it needs. */
static void
works_on(void)
{
	struct fk_work w = { 0, 0 };
	int one, late, probe;
	struct fk k;

	fk_start(&k, env, 2, NULL, fk_works, &w);
	one = fc_dial(k.listening);
	(void)fc_push(one, keep.p, 40);
	FK_SOON(fc_is_taken(one));
	(void)fc_push(one, keep.p + 40, keep.n - 40);
	FK_SOON(atomic_load(&w.begun));
	T(atomic_load(&w.begun), "one whose variables came in two parts");
	late = fc_dial(k.listening);
	(void)fc_push(late, keep.p, 40);
	FK_SOON(fc_is_taken(late));
	/* Whoever serves this one has let go of that. */
	probe = fc_dial(k.listening);
	(void)fc_push(probe, get_values.p, get_values.n);
	T(fc_pull(probe, (char[8]){ 0 }, 8), "another thread waits");
	(void)atomic_fetch_add(&forward, 31000000);
	T(fc_is_closed(late), "E4 variables that do not come in 30 s: closed");
	T(fk_go(&a, &w, one) && a.status == 200,
	    "... and not what is at work since then");
	(void)close(one);
	(void)close(late);
	(void)close(probe);
	fk_stop(&k);
}

/* ---- The end of the program ------------------------------------------- */

static void
closes(void)
{
	struct sstate_req *req;
	struct fk k;
	int fd;

	fk_open(&k, env, NULL);
	fd = fc_dial(k.listening);
	(void)fc_push(fd, keep.p, keep.n);
	if (sstate_cgi_accept(&req, k.cgi, NULL) == 0) {
		shot_echo(req, NULL);
		(void)sstate_req_end(req);
	}
	fk_close(&k);
	T(fc_answer(&a, fd) && a.status == 200 && fc_is_closed(fd),
	    "closed without a stop: no connection is left open");
	(void)close(fd);
}

int
main(void)
{
	static const char *const get[] = { "REQUEST_METHOD=GET",
		"QUERY_STRING=a=1&b=2", "SCRIPT_NAME=/app", NULL };
	unsigned before;

	atomic_store(&pours, -1);
	env = shot_env(0);
	fc_request(&keep, 1, FC_KEEP, get, NULL, 0);
	fc_request(&shut, 1, FC_CLOSE, get, NULL, 0);
	fc_put(&open_body, shut.p, shut.n - 8);
	fc_record(&get_values, FC_GET_VALUES, 0, NULL, 0, 0);
	before = fk_descriptors();
	pour(IDLE, &keep);
	pour(AFTER, &keep);
	pour(LINGERS, &open_body);
	nonsense_at_work(&keep);
	nonsense_at_work(&open_body);
	nonsense_behind();
	asks_and_goes();
	half_closed(&open_body);
	half_closed(&keep);
	lingers();
	works_on();
	closes();
	T(fk_descriptors() == before, "no descriptor is left");
	fc_drop(&keep);
	fc_drop(&shut);
	fc_drop(&open_body);
	fc_drop(&get_values);
	fc_drop(&a.out);
	sstate_close(env);
	return tap_done();
}
