/*
 * fcgi_canary_test.c - nothing of one request is in the next (E11)
 *
 * CVE-2011-2766 and its class.  Each of 10^5 requests has a word of its own
 * in its variables, its body and its answer; some are aborted, malformed or
 * too long.  When another one is at work no block of the library holds that
 * word, and no block is freed with one in it.
 */
#include "fcgi_kit.h"

#define WORD "canary-%08x-"

enum { MANY = 100000, BLOCKS = 8192, LOOK = 9 };

/* Every block that is out.  One thread only asks for them. */
struct heap {
	void *p[BLOCKS];
	size_t n[BLOCKS];
	int used;
	unsigned dirty;
};

struct run {
	struct heap heap;
	unsigned now; /* the number of the request at work */
	unsigned seen, stale, strange;
};

static struct run run;

static void
gone(struct heap *h, void *ptr, size_t size)
{
	int i;

	for (i = 0; i < h->used && h->p[i] != ptr; i++)
		;
	if (i == h->used)
		abort();
	h->p[i] = h->p[--h->used];
	h->n[i] = h->n[h->used];
	h->dirty += memmem(ptr, size, "canary-", 7) != NULL;
	free(ptr);
}

static void *
counted(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct heap *h = arg;
	void *fresh = NULL;

	if (newsz > 0) {
		if (h->used == BLOCKS)
			abort();
		/* Zeros: not what malloc() has from elsewhere. */
		fresh = calloc(1, newsz);
		h->p[h->used] = fresh;
		h->n[h->used++] = newsz;
		if (ptr != NULL) /* it grows */
			memcpy(fresh, ptr, oldsz);
	}
	if (ptr != NULL)
		gone(h, ptr, oldsz);
	return fresh;
}

/* Blocks with a word of another request than this one. */
static unsigned
stale(const struct heap *h, unsigned now)
{
	const char *p, *end;
	unsigned n = 0;
	char word[32];
	int i;

	(void)snprintf(word, sizeof(word), WORD, now);
	for (i = 0; i < h->used; i++) {
		p = h->p[i];
		end = p + h->n[i];
		while (
		    (p = memmem(p, (size_t)(end - p), "canary-", 7)) != NULL) {
			if ((size_t)(end - p) < strlen(word) ||
			    memcmp(p, word, strlen(word)) != 0) {
				n++;
				break;
			}
			p += 7;
		}
	}
	return n;
}

static void
program(struct sstate_req *req, void *arg)
{
	static const char *const vars[] = { "HTTP_X_WORD", "HTTP_X_OTHER",
		"QUERY_STRING", "CONTENT_TYPE" };
	struct sstate_session *s;
	struct run *r = arg;
	const char *text;
	char word[32];
	size_t i;

	r->seen++;
	r->now = (unsigned)strtoul(sstate_req_var(req, "NUMBER"), NULL, 10);
	(void)snprintf(word, sizeof(word), WORD, r->now);
	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		if ((text = sstate_req_var(req, vars[i])) != NULL &&
		    (text = strstr(text, "canary-")) != NULL)
			r->strange += strncmp(text, word, strlen(word)) != 0;
	if (sstate_req_session(&s, req, NULL, NULL) == 0 &&
	    (text = sstate_str(s, SSTATE_SENT, "word")) != NULL) {
		r->strange += strncmp(text, word, strlen(word)) != 0;
		/* A session is stored, sealed, and stays: not each time. */
		if (r->now % 2000 == 0)
			sstate_setstr(s, SSTATE_STORED, "word", text);
	}
	sstate_req_html(req, "%s", word);
	if (r->now % LOOK == 0)
		r->stale += stale(&r->heap, r->now);
}

/* What the web server sends as its n-th. */
static void
compose(struct fc_buf *q, unsigned n, int *answered, int *status)
{
	char number[32], word[80], query[80], body[200], length[48];
	const char *vars[] = { "REQUEST_METHOD=POST", number, word, query,
		FORM_TYPE, length, NULL };
	unsigned flags = n % 11 == 0 ? FC_CLOSE : FC_KEEP;
	struct fc_buf v = { NULL, 0, 0 };
	int i, id = (int)(n % 60000) + 1;

	(void)snprintf(number, sizeof(number), "NUMBER=%u", n);
	(void)snprintf(word, sizeof(word), "HTTP_X_%s=" WORD,
	    n % 2 ? "WORD" : "OTHER", n);
	(void)snprintf(query, sizeof(query), "QUERY_STRING=q=" WORD, n);
	(void)snprintf(body, sizeof(body), "word=" WORD "&filled=%.*s", n,
	    (int)(n % 100),
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
	    strlen(body) + (n % 7 == 3 ? 5 : 0));
	q->n = 0;
	*status = n % 7 == 3 || n % 7 == 5 ? 400 : 200;
	*answered = n % 7 != 4;
	for (i = 0; vars[i] != NULL; i++)
		fc_var(&v, vars[i]);
	if (n % 7 == 5) /* a variable with a NUL */
		fc_pair(&v, "NUL", 3, "\0", 1);
	fc_begin(q, (unsigned)id, FC_RESPONDER, flags);
	fc_pieces(q, FC_PARAMS, (unsigned)id, v.p, v.n, n % 5 ? 65535 : 3);
	fc_record(q, FC_PARAMS, (unsigned)id, NULL, 0, 0);
	fc_record(q, FC_STDIN, (unsigned)id, body,
	    strlen(body) - (n % 7 == 4 ? 9 : 0), n % 256);
	fc_record(q, n % 7 == 4 ? FC_ABORT : FC_STDIN, (unsigned)id, NULL, 0,
	    0);
	fc_drop(&v);
}

int
main(void)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct fc_buf q = { NULL, 0, 0 };
	static struct fc_answer a;
	unsigned n, bad = 0, expected = 0, memory = 0;
	struct sstate *env;
	int fd = -1, answered, status;
	char word[32];
	struct fk k;

	o.stores = stores;
	o.alloc = counted;
	o.arg = &run.heap;
	NEED(sstate_open(&env, &o, NULL) == 0, "an environment");
	fk_start(&k, env, 1, NULL, program, &run);
	for (n = 0; n < MANY; n++) {
		compose(&q, n, &answered, &status);
		(void)snprintf(word, sizeof(word), WORD, n);
		if (fd < 0)
			fd = fc_dial(k.listening);
		bad += !fk_ask(&a, fd, &q) ||
		    (answered ? a.status != status : a.out.n != 0) ||
		    (answered && status == 200 && strcmp(a.page, word) != 0);
		expected += answered && status == 200;
		if ((n) % 11 == 0) {
			(void)close(fd);
			fd = -1;
		}
		if (n == 100)
			memory = (unsigned)run.heap.used;
	}
	if (fd >= 0)
		(void)close(fd);
	fk_stop(&k);
	T(bad == 0, "%d requests, each with its own answer (%u have not)", MANY,
	    bad);
	T(run.seen == expected, "each was seen once: %u", run.seen);
	T(run.strange == 0, "E11 none was given a word of another (%u)",
	    run.strange);
	T(run.stale == 0,
	    "E11 no block holds a word of another request (%u do)", run.stale);
	T(run.heap.dirty == 0, "R-78 no block is freed with one in it (%u)",
	    run.heap.dirty);
	T((unsigned)run.heap.used <= memory + 64 + MANY / 2000 * 2,
	    "P5 blocks that are out: %u, then %d", memory, run.heap.used);
	sstate_close(env);
	T(run.heap.used == 0, "nothing is left");
	fc_drop(&q);
	fc_drop(&a.out);
	return tap_done();
}
