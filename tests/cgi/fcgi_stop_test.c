/*
 * fcgi_stop_test.c - what has begun when the stop comes, and what becomes of it
 *
 * The clock that the library reads can be put forward, and its poll() looks at
 * it often.
 *
 * label: thread
 * link: -Wl,--wrap=clock_mono_us,--wrap=poll
 */
#include "fcgi_kit.h"

uint64_t __real_clock_mono_us(void);
uint64_t __wrap_clock_mono_us(void);
int __real_poll(struct pollfd *p, nfds_t n, int ms);
int __wrap_poll(struct pollfd *p, nfds_t n, int ms);

static _Atomic uint64_t forward;
static atomic_uint polls; /* of the library */
static atomic_int last_moment = -1; /* asks there when 3 s are over */
static struct sstate *env;
static struct fc_answer a;
static struct fc_buf keep; /* a request */

enum { HALF = 40 }; /* octets of it */

uint64_t
__wrap_clock_mono_us(void)
{
	return __real_clock_mono_us() + atomic_load(&forward);
}

int
__wrap_poll(struct pollfd *p, nfds_t n, int ms)
{
	int r, fd;

	/* FC_WAIT_MS is how long this test waits itself. */
	if (ms == FC_WAIT_MS)
		return __real_poll(p, n, ms);
	(void)atomic_fetch_add(&polls, 1);
	r = __real_poll(p, n, ms < 20 ? ms : 20);
	if (r == 0 && (fd = atomic_exchange(&last_moment, -1)) >= 0) {
		(void)atomic_fetch_add(&forward, 4000000);
		(void)fc_push(fd, keep.p, keep.n);
	}
	return r;
}

/* One thread is at work; another connection is kept. */
struct scene {
	struct fk k;
	struct fk_work w;
	int busy, other;
	int64_t began;
};

static void
set_up(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	fk_start(&s->k, env, 1, NULL, fk_works, &s->w);
	s->other = fc_dial(s->k.listening);
	T(fk_begin(&s->w, s->other, &keep) && fk_go(&a, &s->w, s->other) &&
		a.status == 200,
	    "a connection is kept");
	s->busy = fc_dial(s->k.listening);
	T(fk_begin(&s->w, s->busy, &keep), "another is at work");
	shot_logged = 0;
}

/* The stop comes, and the work is done. */
static void
stop(struct scene *s)
{
	s->began = fk_ms();
	sstate_cgi_stop(s->k.cgi);
	T(fk_go(&a, &s->w, s->busy) && a.status == 200,
	    "what is at work when the stop comes is answered");
}

/* All have ended, and nobody waited for what does not come. */
static void
ended(struct scene *s, unsigned served)
{
	fk_join(&s->k);
	T(s->k.last[0] == SSTATE_DONE && s->k.served == served &&
		fk_ms() - s->began < 10000,
	    "then all is done, at once");
	fk_close(&s->k);
	(void)close(s->busy);
	if (s->other >= 0)
		(void)close(s->other);
}

/* Half of it lies in the socket, and the rest comes later. */
static void
the_rest_comes(void)
{
	struct scene s;

	set_up(&s);
	(void)fc_push(s.other, keep.p, HALF);
	stop(&s);
	FK_SOON(fc_is_taken(s.other));
	atomic_store(&s.w.go, 1);
	T(fc_push(s.other, keep.p + HALF, keep.n - HALF) &&
		fc_answer(&a, s.other) && a.status == 200,
	    "half a request that nobody had read: its rest is waited for");
	ended(&s, 3);
}

static void
the_rest_is_late(void)
{
	struct scene s;

	set_up(&s);
	(void)fc_push(s.other, keep.p, HALF);
	stop(&s);
	FK_SOON(fc_is_taken(s.other));
	/* Who takes this one counts its time already. */
	T(fc_push(s.other, keep.p + HALF, 1), "half a request");
	FK_SOON(fc_is_taken(s.other));
	(void)atomic_fetch_add(&forward, 29000000);
	T(fc_push(s.other, keep.p + HALF + 1, 1), "29 s later: one octet");
	FK_SOON(fc_is_taken(s.other));
	(void)atomic_fetch_add(&forward, 2000000);
	T(fc_is_closed(s.other), "E4 31 s, and it is not whole: closed");
	ended(&s, 2);
}

static void
the_end_comes(void)
{
	struct scene s;

	set_up(&s);
	(void)fc_push(s.other, keep.p, HALF);
	(void)shutdown(s.other, SHUT_WR);
	stop(&s);
	T(fc_is_closed(s.other), "half a request, then its end: closed");
	ended(&s, 2);
}

static void
gone_before(void)
{
	struct scene s;

	set_up(&s);
	(void)close(s.other);
	s.other = -1;
	stop(&s);
	ended(&s, 2);
}

static void
says_nothing(int at_last)
{
	struct scene s;
	int fresh;

	set_up(&s);
	fresh = fc_dial(s.k.listening);
	/* Whoever serves the kept one has accepted that before. */
	(void)fk_go(&a, &s.w, s.busy);
	T(fk_begin(&s.w, s.busy, &keep), "one has connected");
	atomic_store(&polls, 0);
	if (at_last)
		atomic_store(&last_moment, fresh);
	stop(&s);
	FK_SOON(atomic_load(&polls) > 0);
	if (at_last) {
		atomic_store(&s.w.go, 1);
		T(fc_answer(&a, fresh) && a.status == 200,
		    "one that asks at the last moment is answered");
	} else {
		(void)atomic_fetch_add(&forward, 4000000);
		T(fc_is_closed(fresh) && shot_logged == 0,
		    "one that sends nothing for 3 s is closed: no fault");
	}
	ended(&s, at_last ? 4 : 3);
	(void)close(fresh);
}

int
main(void)
{
	static const char *const get[] = { "REQUEST_METHOD=GET",
		"QUERY_STRING=a=1&b=2", "SCRIPT_NAME=/app", NULL };
	unsigned before;

	env = shot_env(0);
	fc_request(&keep, 1, FC_KEEP, get, NULL, 0);
	before = fk_descriptors();
	the_rest_comes();
	the_rest_is_late();
	the_end_comes();
	gone_before();
	says_nothing(0);
	says_nothing(1);
	T(fk_descriptors() == before, "no descriptor is left");
	fc_drop(&keep);
	fc_drop(&a.out);
	sstate_close(env);
	return tap_done();
}
