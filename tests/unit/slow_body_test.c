/* slow_body_test.c - a body has one deadline, for the whole of it (E4) */
#include "../long.h"
#include "../tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <securestate.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cgi/request.h"

static const struct req_limits usual = { LIMIT_BODY_BYTES, LIMIT_UPLOAD_BYTES,
	LIMIT_PARAMS, LIMIT_REPLY_BYTES, 0, 1 };

/* What comes of ten octets of which three are there, and time is over. */
static int
late(struct sstate *env, const char *type, char page[256])
{
	const char *vars[] = { "REQUEST_METHOD=POST", "CONTENT_LENGTH=10", type,
		NULL };
	struct sstate_error err = { 0, 0, "" };
	struct sstate_req *req;
	struct wire w = { vars, 0, 0 };
	int in[2], out[2], r;
	ssize_t n;

	if (pipe(in) != 0 || pipe(out) != 0 || write(in[1], "a=1", 3) != 3)
		abort();
	w.in = in[0];
	w.out = out[1];
	req = req_new(env, &w, &usual);
	/* The writer stays, and writes no more. */
	r = req_read(req, 30000, &err);
	req_refuse(req, r, &err);
	req_free(req);
	n = read(out[0], page, 255);
	page[n < 0 ? 0 : n] = '\0';
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(out[0]);
	(void)close(out[1]);
	return r;
}

static void
wires(void)
{
	struct sstate_error err;
	struct wire w = { NULL, 0, 0 };
	char c[4];
	size_t got;
	int p[2], r;

	if (pipe(p) != 0 || write(p[1], "abc", 3) != 3)
		abort();
	w.in = p[0];
	r = wire_read(&got, &w, c, 2, clock_mono_us() + 1000000, &err);
	T(r == 0 && got == 2, "E2 no more than was asked for is read");
	r = wire_read(&got, &w, c, 4, 1, &err);
	T(r == SSTATE_EBUSY && got == 0,
	    "E4 once the deadline is over nothing is read, there or not");
	(void)close(p[1]);
	r = wire_read(&got, &w, c, 4, clock_mono_us() + 1000000, &err);
	T(r == 0 && got == 1, "what was there is read after the writer left");
	r = wire_read(&got, &w, c, 4, clock_mono_us() + 1000000, &err);
	T(r == SSTATE_DONE && got == 0, "the end of input is DONE");
	(void)close(p[0]);
	r = wire_read(&got, &w, c, 4, clock_mono_us() + 1000000, &err);
	T(r == SSTATE_ESYS, "a broken descriptor is ESYS");
}

/* E4 in real time: an octet now and then keeps nobody waiting for ever. */
static void
real(struct sstate *env)
{
	static const char *const vars[] = { "REQUEST_METHOD=POST",
		"CONTENT_LENGTH=100000",
		"CONTENT_TYPE=application/x-www-form-urlencoded", NULL };
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	uint64_t start = clock_mono_us(), took;
	struct sstate_req *req;
	struct sstate_cgi *cgi;
	char page[256] = "";
	int in[2], out[2], r;
	pid_t pid;

	if (pipe(in) != 0 || pipe(out) != 0)
		abort();
	if ((pid = fork()) == 0) {
		while (clock_mono_us() - start < 120000000u &&
		    write(in[1], "a", 1) == 1)
			clock_nap_us(500000);
		_exit(0);
	}
	o.vars = vars;
	o.in = in[0];
	o.out = out[1];
	NEED(sstate_cgi_open(&cgi, env, &o, NULL) == 0, "a program");
	r = sstate_cgi_accept(&req, cgi, NULL);
	took = (clock_mono_us() - start) / 1000000u;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)read(out[0], page, sizeof(page) - 1);
	T(r == SSTATE_DONE && took >= LIMIT_BODY_SECONDS && took < 110 &&
		strncmp(page, "Status: 408 ", 12) == 0,
	    "E4 two octets a second: over after %u s", (unsigned)took);
	sstate_cgi_close(cgi);
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate *env;
	char page[256];

	o.stores = stores;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
	T(late(env, "CONTENT_TYPE=application/x-www-form-urlencoded", page) ==
		    408 &&
		strncmp(page, "Status: 408 ", 12) == 0,
	    "E4 a form that comes too slowly: TIMEOUT, 408");
	T(late(env, "CONTENT_TYPE=multipart/form-data; boundary=X", page) ==
		408,
	    "E4 parts that come too slowly: TIMEOUT, 408");
	T(late(env, "CONTENT_TYPE=application/json", page) == 408,
	    "E4 any other body that comes too slowly: TIMEOUT, 408");
	if (test_long() > 1)
		real(env);
	else
		tap_skip("E4 the 30 seconds themselves: make check-long");
	wires();
	sstate_close(env);
	return tap_done();
}
