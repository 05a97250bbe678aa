/*
 * memory_test.c - allocations of a request: few (P4), and each may fail
 *
 * The store is one of files: what a store in memory keeps is no request's.
 */
#include "shot.h"

#include <ftw.h>

struct heap {
	unsigned calls, fail_at; /* 0: none */
	long open;
	int dirty; /* blocks that came back with a canary */
};

static struct heap heap;
static size_t pad; /* octets, of squeezed() */
static struct shot s;

#define CANARY "canary-3f9c51"

static void *
counted(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct heap *h = arg;
	void *fresh = NULL;

	if (newsz > 0) {
		if (++h->calls == h->fail_at)
			return NULL;
		h->open++;
		/* Not what another request left: that were its canary. */
		if ((fresh = calloc(1, newsz)) != NULL && ptr != NULL)
			memcpy(fresh, ptr, oldsz);
	}
	if (ptr != NULL) {
		if (memmem(ptr, oldsz, CANARY, strlen(CANARY)) != NULL)
			h->dirty++;
		h->open--;
		free(ptr);
	}
	return fresh;
}

static char dir[SHOT_DIR];

static struct sstate *
open_counted(void)
{
	char uri[SHOT_DIR + 40], ring[SHOT_DIR + 40];
	const char *stores[] = { uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate *env;

	(void)snprintf(uri, sizeof(uri), "file:%s/store", dir);
	(void)snprintf(ring, sizeof(ring), "%s/keyring", dir);
	o.stores = stores;
	o.keyring = ring;
	o.alloc = counted;
	o.arg = &heap;
	o.log = shot_take_log;
	if (sstate_open(&env, &o, NULL) != 0) {
		printf("Bail out! no environment\n");
		exit(1);
	}
	return env;
}

/* Counts in the session, and writes some 4 KiB. */
static void
usual_program(struct sstate_req *req, void *arg)
{
	struct sstate_session *session;
	int r, i;

	(void)arg;
	if ((r = sstate_req_session(&session, req, NULL, NULL)) != 0) {
		sstate_req_error(req, r);
		return;
	}
	sstate_setstr(session, SSTATE_STORED, "a",
	    sstate_str(session, SSTATE_SENT, "a"));
	for (i = 0; i < 100; i++)
		sstate_req_html(req, "<p>Line %d of a page, %s</p>\n", i,
		    "with its <text>");
}

static void
post(struct sstate *env, const char *body)
{
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "SCRIPT_NAME=/app");
	shot_var(&s, "HTTP_HOST=localhost");
	shot_var(&s, FORM_TYPE);
	shot_body(&s, body, strlen(body));
	shot_fire(&s, env, usual_program, NULL);
}

static void
upload(struct sstate *env)
{
	static const char body[] =
	    "--X\r\nContent-Disposition: form-data; name=a\r\n\r\n" CANARY
	    "\r\n"
	    "--X\r\nContent-Disposition: form-data; name=f; "
	    "filename=n\r\n\r\n" CANARY "\r\n--X--\r\n";

	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=multipart/form-data; boundary=X");
	shot_body(&s, body, sizeof(body) - 1);
	shot_fire(&s, env, shot_echo, NULL);
}

static void
few(void)
{
	struct sstate *env = open_counted();
	unsigned before;
	long open;

	open = heap.open;
	before = heap.calls;
	post(env, "a=" CANARY "&b=2");
	T(s.status == 200 && heap.calls - before - SHOT_OWN_BLOCKS <= 3,
	    "P4 a request with its session: %u allocations",
	    heap.calls - before - SHOT_OWN_BLOCKS);
	T(heap.open == open, "P4 all of them are freed");
	T(heap.dirty == 0, "R-78 E11 and wiped: no canary comes back");
	before = heap.calls;
	upload(env);
	T(s.status == 200 && heap.calls - before - SHOT_OWN_BLOCKS <= 3,
	    "P4 one with an upload: %u", heap.calls - before - SHOT_OWN_BLOCKS);
	T(heap.dirty == 0, "R-78 E11 wiped, too");
	sstate_close(env);
	T(heap.open == 0, "the environment leaves nothing");
}

/* The n-th allocation fails, until none does. */
static void
failing(void (*fn)(struct sstate *), const char *what)
{
	struct sstate *env = open_counted();
	unsigned n, base;
	long open = heap.open;
	int good = 1, clean = 1;

	for (n = SHOT_OWN_BLOCKS + 1; n < 100; n++) {
		base = heap.calls;
		heap.fail_at = base + n;
		fn(env);
		clean &= heap.open == open;
		if (heap.calls < heap.fail_at)
			break;
		good &= s.status == 503;
	}
	heap.fail_at = 0;
	T(good && s.status == 200 && n > SHOT_OWN_BLOCKS + 1 && n < 100,
	    "P4 R-99 %s: each of %u allocations fails: 503", what,
	    n - SHOT_OWN_BLOCKS - 1);
	T(clean, "%s: nothing leaks", what);
	sstate_close(env);
}

static void
post_once(struct sstate *env)
{
	post(env, "a=1");
}

static void
long_program(struct sstate_req *req, void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 2000; i++)
		sstate_req_html(req, "<p>Line %d of a long page\n", i);
}

static void
long_page(struct sstate *env)
{
	shot_begin(&s);
	shot_fire(&s, env, long_program, NULL);
}

/* Headers, a redirect and an error's page, where each may be too much. */
static void
header_program(struct sstate_req *req, void *arg)
{
	static char value[8000];
	size_t i;

	(void)arg;
	memset(value, 'v', sizeof(value) - 1);
	for (i = 0; i < 3; i++) {
		value[i == 0 ? pad % 4000 : 3900] = '\0';
		(void)sstate_req_header(req, "Link", value);
		value[i == 0 ? pad % 4000 : 3900] = 'v';
	}
	(void)sstate_req_header(req, "X-A", "1");
	(void)sstate_req_header(req, "X-A", "23456789");
	if (pad % 3 == 0)
		(void)sstate_req_redirect(req, "/elsewhere");
}

static void
headers(struct sstate *env)
{
	shot_begin(&s);
	shot_fire(&s, env, header_program, NULL);
	if (s.status == 303)
		s.status = 200;
}

/* Parts, each with names and a value that take what is left of a block. */
static void
parts(struct sstate *env, const char *end)
{
	static char body[64000], fill[13000];
	size_t n = 0, i;

	memset(fill, 'f', sizeof(fill) - 1);
	for (i = 0; i < 30; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n,
		    "--X\r\nContent-Disposition: form-data; name=a%zu%s\r\n\r\n"
		    "%.*s\r\n",
		    i, i % 5 == 0 ? "; filename=file" : "",
		    (int)(i == 0 ? pad : 700), fill);
	n += (size_t)snprintf(body + n, sizeof(body) - n, "%s", end);
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=multipart/form-data; boundary=X");
	shot_bare_body(&s, body, n);
	shot_fire(&s, env, NULL, NULL);
}

static void
many_parts(struct sstate *env)
{
	parts(env, "--X--\r\n");
}

/* Its end is missing: a refusal, for whose page there may be no memory. */
static void
half_parts(struct sstate *env)
{
	parts(env, "");
}

static void
raw(struct sstate *env, size_t n, int known)
{
	static char body[400000];

	memset(body, 'r', n);
	shot_begin(&s);
	shot_var(&s, "REQUEST_METHOD=POST");
	shot_var(&s, "CONTENT_TYPE=text/plain");
	if (known)
		shot_body(&s, body, n);
	else
		shot_bare_body(&s, body, n);
	shot_fire(&s, env, NULL, NULL);
}

static void
big_raw(struct sstate *env)
{
	raw(env, 300000, 1);
}

static void
raw_without_length(struct sstate *env)
{
	raw(env, 100000, 0);
}

static void
wide_program(struct sstate_req *req, void *arg)
{
	static char value[8192];

	(void)arg;
	/* Takes so much of a block. */
	memset(value, 'v', pad % 8000);
	value[pad % 8000] = '\0';
	(void)sstate_req_header(req, "X-A", value);
	sstate_req_html(req, "%4000d%4000d%4000d%4000d%4000d", 1, 2, 3, 4, 5);
}

static void
wide(struct sstate *env)
{
	shot_begin(&s);
	shot_fire(&s, env, wide_program, NULL);
}

/* As failing(), but with every fill of the block before it. */
static void
squeezed(void (*fn)(struct sstate *), int status, const char *what)
{
	struct sstate *env = open_counted();
	int good = 1, clean = 1, whole = 1;
	unsigned n, base, all = 0;
	long open = heap.open;

	for (pad = 0; pad < 12288; pad += 16)
		for (n = SHOT_OWN_BLOCKS + 1; n < 40; n++, all++) {
			base = heap.calls;
			heap.fail_at = base + n;
			fn(env);
			clean &= heap.open == open;
			if (heap.calls < heap.fail_at) {
				whole &= s.status == status;
				break;
			}
			good &= s.status == 503 ||
			    (status == 400 && s.status == 400);
		}
	heap.fail_at = 0;
	T(good && whole && clean,
	    "P4 R-99 %s: a status and no leak for %u allocations in turn", what,
	    all);
	sstate_close(env);
}

static void
no_cgi(void)
{
	struct sstate *env = open_counted();
	struct sstate_cgi *cgi;
	struct sstate_error err;

	heap.fail_at = heap.calls + 1;
	T(sstate_cgi_open(&cgi, env, NULL, &err) == SSTATE_ENOMEM &&
		cgi == NULL,
	    "P4 no memory for the first of all: %s", err.text);
	heap.fail_at = 0;
	sstate_close(env);
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
main(void)
{
	shot_dir(dir);
	few();
	failing(post_once, "a form");
	failing(upload, "an upload");
	failing(long_page, "a long page");
	failing(big_raw, "a body over a usual block");
	failing(raw_without_length, "a body without its length");
	failing(wide, "numbers that are wide");
	squeezed(wide, 200, "numbers after something else");
	squeezed(headers, 200, "headers");
	squeezed(many_parts, 200, "parts");
	squeezed(half_parts, 400, "parts that are refused");
	no_cgi();
	shot_begin(&s);
	shot_end(&s);
	T(nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS) == 0, "nothing is left");
	return tap_done();
}
