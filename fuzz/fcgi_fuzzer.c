/*
 * fcgi_fuzzer.c - a FastCGI connection: what a web server may send, and worse
 *
 * Input: an octet of options (1: small limits; 2: the connection stays open
 * at the end), an octet that says how the rest is cut, the rest: octets of
 * the connection.  They are sent whole, then once more in pieces: what comes
 * back must be records that fit together, and say the same.  (Of a request
 * that is refused the reason may differ: which of two faults comes first.)
 *
 * One thread plays both sides: epoll_wait() and poll(), where the library
 * waits, are this program's, and let the web server have its turn.  Time
 * stands still.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <securestate/cgi.h>

#include "base/clock.h"
#include "base/escape.h"
#include "base/limits.h"
#include "fuzz.h"

enum { NOW = 1760000000, IDS = 65536 };

/* ---- Time stands still ------------------------------------------------ */

int64_t
clock_wall(void)
{
	return NOW;
}

int64_t
clock_boot(void)
{
	return 1000;
}

uint64_t
clock_mono_us(void)
{
	return 1000000000u;
}

void
clock_nap_us(uint64_t us)
{
	(void)us;
}

/* ---- The web server --------------------------------------------------- */

struct server {
	int fd;
	struct fz_in rest;
	unsigned cut, turn; /* 0: in one piece */
	int leave_open, ended;
	struct sstate_cgi *cgi;
	struct fz_buf got;
};

static struct server *server; /* while the library runs */

static void
receive(struct server *s)
{
	char some[65536];
	ssize_t have;

	while ((have = recv(s->fd, some, sizeof(some), MSG_DONTWAIT)) > 0)
		fz_put(&s->got, some, (size_t)have);
}

/* The library waits: send a piece; or end; or stop it. */
static void
take_turn(struct server *s)
{
	struct fz_in piece;
	size_t n = s->rest.n;
	ssize_t have;

	receive(s);
	if (s->rest.n > 0) {
		if (s->cut != 0)
			n = 1 + (s->cut * 7u + s->turn++ * 13u) % s->cut;
		piece = fz_take(&s->rest, n);
		have =
		    send(s->fd, piece.p, piece.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (have < 0)
			have = errno == EAGAIN ? 0 : (ssize_t)piece.n;
		/* What found no room comes again. */
		s->rest.p -= piece.n - (size_t)have;
		s->rest.n += piece.n - (size_t)have;
	} else if (!s->ended) {
		s->ended = 1;
		if (!s->leave_open)
			(void)shutdown(s->fd, SHUT_WR);
	} else {
		sstate_cgi_stop(s->cgi);
		/* Or a request that is not whole would be waited for. */
		(void)shutdown(s->fd, SHUT_WR);
	}
}

int
epoll_wait(int ep, struct epoll_event *e, int max, int ms)
{
	(void)ms;
	MUST(server != NULL);
	take_turn(server);
	return (int)syscall(SYS_epoll_pwait, ep, e, max, 0, NULL, 8);
}

int
poll(struct pollfd *p, nfds_t n, int ms)
{
	static const struct timespec now = { 0, 0 };

	(void)ms;
	MUST(server != NULL);
	take_turn(server);
	return ppoll(p, n, &now, NULL);
}

/* ---- The program ------------------------------------------------------ */

struct heap {
	size_t blocks, bytes;
};

static void *
counted(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct heap *h = arg;
	void *fresh = NULL;

	if (newsz > 0) {
		h->blocks++;
		h->bytes += newsz;
		fresh = fz_alloc(newsz);
	}
	if (ptr != NULL) {
		if (fresh != NULL) /* it grows */
			memcpy(fresh, ptr, oldsz);
		h->blocks--;
		h->bytes -= oldsz;
		free(ptr);
	}
	return fresh;
}

static void
show(struct sstate_req *req, struct sstate_session *s, int mem)
{
	const char *name = NULL;
	struct sstate_val v;
	size_t i;

	while ((name = sstate_next(s, mem, name)) != NULL)
		for (i = 0; sstate_get(&v, s, mem, name, i) == 0; i++)
			sstate_req_html(req, "<li>%s=%.*s", name, (int)v.len,
			    v.ptr);
}

static void
program(struct sstate_req *req)
{
	static const char *const names[] = { "PATH_INFO", "HTTP_HOST",
		"HTTP_COOKIE", "CONTENT_TYPE", "QUERY_STRING", "X" };
	const struct sstate_file *f;
	struct sstate_session *s;
	struct sstate_val body;
	const char *v;
	size_t i;

	MUST(sstate_req_var(req, "HTTP_PROXY") == NULL);
	MUST(sstate_req_var(req, "REQUEST_METHOD") != NULL);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((v = sstate_req_var(req, names[i])) != NULL)
			sstate_req_html(req, "%s=%s;", names[i], v);
	if (sstate_req_session(&s, req, NULL, NULL) != 0)
		return;
	show(req, s, SSTATE_SENT);
	show(req, s, SSTATE_QUERY);
	for (i = 0; (f = sstate_req_file(req, "f", i)) != NULL; i++)
		sstate_req_write(req, f->data.ptr, f->data.len);
	if (sstate_req_body(&body, req) == 0)
		sstate_req_write(req, body.ptr, body.len);
	if ((v = sstate_str(s, SSTATE_QUERY, "much")) != NULL)
		for (i = 0; i < 3000; i++)
			sstate_req_html(req, "%80s\n", v);
}

/* ---- One conversation ------------------------------------------------- */

static void
converse(struct fz_buf *out, struct fz_in in, unsigned options, unsigned cut)
{
	static const char *const stores[] = { "memory:", NULL };
	static const char *const none[] = { NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_cgi_options co = SSTATE_CGI_INIT;
	struct server s = { -1, in, cut, 0, (options & 2) != 0, 0, NULL,
		{ NULL, 0, 0 } };
	struct heap heap = { 0, 0 };
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);
	struct sstate_req *req;
	struct sstate *env;
	int r;

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	co.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(bind(co.fd, (struct sockaddr *)&sa, sizeof(sa.sun_family)) == 0);
	MUST(listen(co.fd, 1) == 0);
	MUST(getsockname(co.fd, (struct sockaddr *)&sa, &len) == 0);
	MUST(connect(s.fd, (struct sockaddr *)&sa, len) == 0);
	o.stores = stores;
	o.alloc = counted;
	o.arg = &heap;
	co.vars = none;
	if (options & 1) {
		co.max_params = 4;
		co.max_body = 200;
		co.max_upload = 100;
		co.max_reply = 300;
	}
	MUST(sstate_open(&env, &o, NULL) == 0);
	MUST(sstate_cgi_open(&s.cgi, env, &co, NULL) == 0);
	server = &s;
	while ((r = sstate_cgi_accept(&req, s.cgi, NULL)) == 0) {
		program(req);
		(void)sstate_req_end(req);
	}
	MUST(r == SSTATE_DONE && req == NULL);
	receive(&s);
	server = NULL;
	sstate_cgi_close(s.cgi);
	sstate_close(env);
	MUST(heap.blocks == 0 && heap.bytes == 0);
	(void)close(s.fd);
	(void)close(co.fd);
	*out = s.got;
}

/* ---- What came back --------------------------------------------------- */

/* An answer: header lines, an empty one, a body of the length they say. */
static void
judge_answer(const char *p, size_t n)
{
	const char *end = fz_has(p, n, "\r\n\r\n", 4)
	    ? (const char *)memmem(p, n, "\r\n\r\n", 4) + 2
	    : NULL;
	const char *line, *eol, *colon;
	char *copy;

	MUST(n >= 12 && memcmp(p, "Status: ", 8) == 0);
	MUST(end != NULL);
	for (line = p; line < end; line = eol + 2) {
		eol = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
		colon = memchr(line, ':', (size_t)(eol - line));
		MUST(colon != NULL && colon[1] == ' ');
		copy = fz_alloc((size_t)(eol - line) + 1);
		memcpy(copy, line, (size_t)(eol - line));
		copy[eol - line] = '\0';
		copy[colon - line] = '\0';
		MUST(is_token(copy) &&
		    is_field_value(copy + (colon - line) + 2));
		free(copy);
	}
}

/* An answer is over: what of it must be the same. */
static void
sum_up(struct fz_buf *said, const struct fz_buf *answer)
{
	if (answer->n == 0)
		return;
	judge_answer(answer->p, answer->n);
	if (answer->p[8] == '2')
		fz_put(said, answer->p, answer->n);
	else
		fz_puts(said, "refused");
}

/* Records that fit together; one answer at a time. */
static void
judge(struct fz_buf *said, const struct fz_buf *got)
{
	const unsigned char *p = (const unsigned char *)got->p;
	struct fz_buf answer = { NULL, 0, 0 };
	size_t at = 0, n, id, at_work = 0, over = 0;

	while (at < got->n) {
		MUST(got->n - at >= 8 && p[at] == 1);
		id = (size_t)p[at + 2] << 8 | p[at + 3];
		n = (size_t)p[at + 4] << 8 | p[at + 5];
		MUST(n <= got->n - at - 8 && p[at + 6] == 0);
		switch (p[at + 1]) {
		case 6: /* FCGI_STDOUT */
			MUST(id != 0 && (at_work == 0 || at_work == id));
			MUST(!over);
			at_work = id;
			over = n == 0;
			fz_put(&answer, p + at + 8, n);
			break;
		case 3: /* FCGI_END_REQUEST */
			MUST(id != 0 && n == 8 && p[at + 8 + 4] <= 3);
			MUST(at_work == 0 || (at_work == id && over));
			sum_up(said, &answer);
			fz_put(said, p + at, 8 + n);
			at_work = over = answer.n = 0;
			break;
		case 10: /* FCGI_GET_VALUES_RESULT */
		case 11: /* FCGI_UNKNOWN_TYPE */
			MUST(id == 0 && at_work == 0);
			fz_put(said, p + at, 8 + n);
			break;
		default:
			MUST(p[at + 1] == 0); /* no type of ours */
		}
		at += 8 + n;
	}
	MUST(at_work == 0);
	fz_drop(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	unsigned options = fz_byte(&in), cut = fz_byte(&in);
	struct fz_buf whole, pieces;
	struct fz_buf said = { NULL, 0, 0 }, again = { NULL, 0, 0 };

	if (in.n > 65536) /* more than a socket holds is no test of cuts */
		return 0;
	converse(&whole, in, options, 0);
	judge(&said, &whole);
	converse(&pieces, in, options, cut + 1);
	judge(&again, &pieces);
	MUST(fz_same(&said, &again));
	fz_drop(&whole);
	fz_drop(&pieces);
	fz_drop(&said);
	fz_drop(&again);
	return 0;
}
