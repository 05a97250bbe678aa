/*
 * fcgi_test.c - FastCGI as a web server speaks it, and as none should (E10)
 *
 * label: thread
 */
#include "fcgi_kit.h"

#include <netinet/in.h>
#include <signal.h>

static struct sstate *env;
static struct fc_answer a;

static const char *const get[] = { "REQUEST_METHOD=GET", "QUERY_STRING=a=1&b=2",
	"SCRIPT_NAME=/app", NULL };
static const char *const post[] = { "REQUEST_METHOD=POST", FORM_TYPE,
	"CONTENT_LENGTH=7", NULL };

static int
is_page(const char *page)
{
	return a.status == 200 && a.protocol == FC_COMPLETE &&
	    strcmp(a.page, page) == 0;
}

/* A new connection, one request of octets, an answer. */
static int
once(struct fk *k, const struct fc_buf *q)
{
	int fd = fc_dial(k->listening), r;

	r = fk_ask(&a, fd, q);
	(void)close(fd);
	return r;
}

/* ---- Connections ------------------------------------------------------ */

static void
connections(struct fk *k)
{
	struct fc_buf q = { NULL, 0, 0 };
	int fd = fc_dial(k->listening), i, good = 1;

	fc_request(&q, 1, FC_CLOSE, get, NULL, 0);
	T(fk_ask(&a, fd, &q) && is_page("a=1|b=2|#a=1|b=2|##") && a.id == 1 &&
		a.app == 0 && a.closed_stdout == 1 && a.records == 3,
	    "a request: FCGI_STDOUT, its end, FCGI_END_REQUEST");
	T(fc_is_closed(fd), "without FCGI_KEEP_CONN the connection is closed");
	(void)close(fd);
	fd = fc_dial(k->listening);
	for (i = 0; i < 20; i++) {
		q.n = 0;
		fc_request(&q, (unsigned)i * 3277u % 65535u + 1, FC_KEEP,
		    i % 2 ? post : get, "a=1&b=2", i % 2 ? 7 : 0);
		good &= fk_ask(&a, fd, &q) &&
		    is_page(i % 2 ? "a=1|b=2|###" : "a=1|b=2|#a=1|b=2|##") &&
		    a.id == (unsigned)i * 3277u % 65535u + 1;
	}
	T(good, "with it 20 requests of any id follow one another");
	q.n = 0;
	fc_request(&q, 1, FC_KEEP, get, NULL, 0);
	fc_request(&q, 2, FC_CLOSE, post, "a=1&b=2", 7);
	T(fk_ask(&a, fd, &q) && is_page("a=1|b=2|#a=1|b=2|##") &&
		fc_answer(&a, fd) && is_page("a=1|b=2|###") && a.id == 2,
	    "two that were sent at once are answered one after the other");
	T(fc_is_closed(fd), "and the last may close what was kept");
	(void)close(fd);
	fc_drop(&q);
}

/* Every way to cut one conversation in two reads; then octet by octet. */
static void
splits(struct fk *k)
{
	static const char *const vars[] = { "REQUEST_METHOD=POST", FORM_TYPE,
		"CONTENT_LENGTH=7", "QUERY_STRING=q=0",
		"HTTP_X_LONG=12345678"
		"9012345678901234567890123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789012345678901234567890",
		NULL };
	struct fc_buf q = { NULL, 0, 0 }, params = { NULL, 0, 0 };
	struct timespec ms = { 0, 200000 };
	int fd = fc_dial(k->listening), good = 1, i;
	size_t at;

	for (i = 0; vars[i] != NULL; i++)
		fc_var(&params, vars[i]);
	fc_begin(&q, 7, FC_RESPONDER, FC_KEEP);
	/* Records so small that lengths lie across them. */
	fc_pieces(&q, FC_PARAMS, 7, params.p, params.n, 3);
	fc_record(&q, FC_PARAMS, 7, NULL, 0, 5);
	fc_pieces(&q, FC_STDIN, 7, "a=1&b=2", 7, 2);
	fc_record(&q, FC_STDIN, 7, NULL, 0, 255);
	for (at = 1; at < q.n; at++) {
		good &= fc_push(fd, q.p, at);
		(void)nanosleep(&ms, NULL);
		good &= fc_push(fd, q.p + at, q.n - at) && fc_answer(&a, fd) &&
		    is_page("a=1|b=2|#q=0|##");
	}
	T(good, "E10 a request cut in two at each of %zu octets", q.n);
	for (at = 0; at < q.n; at++)
		good &= fc_push(fd, q.p + at, 1);
	T(good && fc_answer(&a, fd) && is_page("a=1|b=2|#q=0|##"),
	    "E10 a request octet by octet");
	(void)close(fd);
	fc_drop(&q);
	fc_drop(&params);
}

/* ---- What is not a request -------------------------------------------- */

static void
management(struct fk *k)
{
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	static struct fc_got g;
	int fd = fc_dial(k->listening);

	fc_param(&v, "FCGI_MAX_CONNS", "");
	fc_param(&v, "FCGI_OTHER", "");
	fc_param(&v, "FCGI_MPXS_CONNS", "");
	fc_record(&q, FC_GET_VALUES, 0, v.p, v.n, 3);
	fc_record(&q, FC_GET_VALUES, 0, NULL, 0, 0);
	fc_record(&q, 77, 0, "what?", 5, 0);
	fc_record(&q, FC_PARAMS, 0, "\1\1ab", 4, 0);
	(void)fc_push(fd, q.p, q.n);
	T(fc_get(&g, fd) && g.type == FC_GET_VALUES_RESULT && g.id == 0 &&
		memcmp(g.p, "\16", 1) == 0 &&
		memcmp(g.p + 2, "FCGI_MAX_CONNS", 14) == 0 && g.p[16] >= '1' &&
		g.n == 2u + 14 + g.p[1] + 2 + 15 + 1 &&
		memcmp(g.p + g.n - 18, "\17\1FCGI_MPXS_CONNS0", 18) == 0,
	    "FCGI_GET_VALUES: what is known of what was asked; no MPXS");
	T(fc_get(&g, fd) && g.type == FC_GET_VALUES_RESULT && g.n == 0,
	    "an empty question has an empty answer");
	T(fc_get(&g, fd) && g.type == FC_UNKNOWN_TYPE && g.id == 0 &&
		g.n == 8 && g.p[0] == 77,
	    "E10 an unknown type: FCGI_UNKNOWN_TYPE");
	T(fc_get(&g, fd) && g.type == FC_UNKNOWN_TYPE && g.p[0] == FC_PARAMS,
	    "E10 id 0 has no variables: FCGI_UNKNOWN_TYPE");
	q.n = 0;
	fc_begin(&q, 1, FC_AUTHORIZER, FC_KEEP);
	T(fk_ask(&a, fd, &q) && a.protocol == FC_UNKNOWN_ROLE && a.id == 1,
	    "another role: FCGI_UNKNOWN_ROLE");
	q.n = 0;
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_stream(&q, FC_STDIN, 1, "abc", 3);
	fc_record(&q, FC_ABORT, 9, NULL, 0, 0);
	fc_record(&q, FC_DATA, 9, "x", 1, 0);
	fc_request(&q, 2, FC_KEEP, get, NULL, 0);
	T(fk_ask(&a, fd, &q) && a.id == 2 && a.status == 200,
	    "records of a request that is over, or never was, are passed over");
	q.n = 0;
	fc_begin(&q, 1, FC_FILTER, FC_CLOSE);
	T(fk_ask(&a, fd, &q) && a.protocol == FC_UNKNOWN_ROLE &&
		fc_is_closed(fd),
	    "another role on a connection that is not kept");
	(void)close(fd);
	fc_drop(&q);
	fc_drop(&v);
}

static void
multiplexed(struct fk *k)
{
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	static struct fc_got g;
	int fd = fc_dial(k->listening), i;

	for (i = 0; post[i] != NULL; i++)
		fc_var(&v, post[i]);
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_begin(&q, 2, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 2, v.p, v.n);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_record(&q, FC_STDIN, 1, "a=1", 3, 0);
	fc_begin(&q, 3, FC_RESPONDER, FC_CLOSE);
	fc_stream(&q, FC_STDIN, 2, "zzzzzzz", 7);
	fc_stream(&q, FC_STDIN, 1, "&b=2", 4);
	(void)fc_push(fd, q.p, q.n);
	T(fc_get(&g, fd) && g.type == FC_END && g.id == 2 &&
		g.p[4] == FC_CANT_MPX,
	    "a second request among the variables: FCGI_CANT_MPX_CONN");
	T(fc_get(&g, fd) && g.type == FC_END && g.id == 3 &&
		g.p[4] == FC_CANT_MPX,
	    "... and in the body");
	T(fc_answer(&a, fd) && a.id == 1 && is_page("a=1|b=2|###"),
	    "the first has nothing of them");
	q.n = 0;
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	T(fc_push(fd, q.p, q.n) && fc_is_closed(fd),
	    "two of the same id: the connection is closed");
	(void)close(fd);
	fc_drop(&q);
	fc_drop(&v);
}

/* Whole conversations that no web server has. */
static void
nonsense(struct fk *k)
{
	static const struct {
		const char *p;
		size_t n;
		const char *what;
	} bad[] = {
		{ "GET / HTTP/1.0\r\n\r\n", 18, "HTTP" },
		{ "\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0", 16, "version 2" },
		{ "\1\1\0\1\0\7\0\0\0\1\0\0\0\0\0", 15, "a short BEGIN" },
		{ "\1\1\0\1\0\11\0\0\0\1\0\0\0\0\0\0\0", 17, "a long BEGIN" },
		{ "\1\11\0\0\2\1\0\0", 8, "513 octets of GET_VALUES" },
		{ "\1\11\0\0\0\3\0\0\5\0a", 11, "GET_VALUES with a lie" },
		{ "\1\1\0\1\0\10\3\0\0\1\1\0\0\0\0\0"
		  "\1\1\0\2\0\10\0\0\0\1\1\0\0\0\0\0",
		    32, "padding that is not there" },
	};
	unsigned before = fk_descriptors();
	struct fc_buf q = { NULL, 0, 0 };
	size_t i;
	int fd;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = fc_dial(k->listening);
		T(fc_push(fd, bad[i].p, bad[i].n) && fc_is_closed(fd),
		    "E10 %s: the connection is closed", bad[i].what);
		(void)close(fd);
	}
	fc_request(&q, 1, FC_CLOSE, get, NULL, 0);
	T(once(k, &q) && a.status == 200, "and the loop goes on");
	fd = fc_dial(k->listening);
	(void)fc_push(fd, q.p, 30);
	(void)close(fd);
	(void)close(fc_dial(k->listening));
	FK_SOON(fk_descriptors() <= before);
	T(fk_descriptors() <= before, "no descriptor is left of them");
	fc_drop(&q);
}

/* ---- Aborts ----------------------------------------------------------- */

static void
aborts(struct fk *k)
{
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	unsigned served = atomic_load(&k->served);
	int fd = fc_dial(k->listening), i;

	for (i = 0; post[i] != NULL; i++)
		fc_var(&v, post[i]);
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_record(&q, FC_ABORT, 1, NULL, 0, 0);
	T(fk_ask(&a, fd, &q) && a.id == 1 && a.protocol == FC_COMPLETE &&
		a.out.n == 0,
	    "E10 aborted before its variables: FCGI_END_REQUEST alone");
	q.n = 0;
	fc_begin(&q, 2, FC_RESPONDER, FC_KEEP);
	fc_record(&q, FC_PARAMS, 2, v.p, 10, 0);
	fc_record(&q, FC_ABORT, 2, NULL, 0, 0);
	T(fk_ask(&a, fd, &q) && a.id == 2 && a.out.n == 0,
	    "E10 aborted among them");
	q.n = 0;
	fc_begin(&q, 3, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 3, v.p, v.n);
	fc_record(&q, FC_STDIN, 3, "a=1", 3, 0);
	fc_record(&q, FC_ABORT, 3, NULL, 0, 0);
	T(fk_ask(&a, fd, &q) && a.id == 3 && a.out.n == 0,
	    "E10 aborted in its body");
	T(atomic_load(&k->served) == served, "no program has seen them");
	q.n = 0;
	fc_record(&q, FC_STDIN, 3, "&b=2", 4, 0);
	fc_request(&q, 4, FC_KEEP, post, "c=3&d=4", 7);
	T(fk_ask(&a, fd, &q) && a.id == 4 && is_page("c=3|d=4|###"),
	    "E11 the next request has nothing of them");
	q.n = 0;
	fc_begin(&q, 5, FC_RESPONDER, FC_CLOSE);
	fc_record(&q, FC_ABORT, 5, NULL, 0, 0);
	T(fk_ask(&a, fd, &q) && a.id == 5 && fc_is_closed(fd),
	    "aborted where the connection is not kept");
	(void)close(fd);
	fd = fc_dial(k->listening);
	q.n = 0;
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_record(&q, FC_STDIN, 1, "a=1", 3, 0);
	(void)fc_push(fd, q.p, q.n);
	(void)shutdown(fd, SHUT_WR);
	T(fc_is_closed(fd) && atomic_load(&k->served) == served + 1,
	    "E2 the web server goes away in the body: no request, no answer");
	(void)close(fd);
	fc_drop(&q);
	fc_drop(&v);
}

/* ---- Variables -------------------------------------------------------- */

struct variables {
	const char *p;
	size_t n;
	int status;
	const char *log, *what;
};

static void
show(struct sstate_req *req, void *arg)
{
	static const char *const names[] = { "HTTP_X_A", "HTTP_COOKIE",
		"HTTP_PROXY", "CONTENT_TYPE", "X", NULL };
	const char *v;
	int i;

	(void)arg;
	for (i = 0; names[i] != NULL; i++)
		if ((v = sstate_req_var(req, names[i])) != NULL) {
			sstate_req_html(req, "%s=", names[i]);
			sstate_req_puts(req, v);
			sstate_req_puts(req, ";");
		}
}

static void
variables(void)
{
	static const struct variables bad[] = {
		{ "\177", 1, 400, "longer", "a name's length alone" },
		{ "\200\0\0", 3, 400, "longer", "a third of a long length" },
		{ "\1\177a", 3, 400, "longer", "a value that is not there" },
		{ "\377\377\377\377\1ab", 7, 400, "longer",
		    "a nameLen of 0x7fffffff" },
		{ "\1\377\377\377\377ab", 7, 400, "longer",
		    "a valueLen of 0x7fffffff" },
		{ "\377\377\377\377\377\377\377\377ab", 10, 400, "longer",
		    "both" },
		{ "\377\377\377\375\0ab", 7, 400, "longer", "one less" },
		{ "\0\1b", 3, 400, "name is none", "no name" },
		{ "\3\1A=Bc", 6, 400, "name is none", "an = in a name" },
		{ "\3\1A\0Bc", 6, 400, "name is none", "a NUL in a name" },
		{ "\1\3Aa\0b", 6, 400, "NUL", "a NUL in a value" },
		{ "\1\1Xa\1\1Xb", 8, 400, "X was sent twice",
		    "X with two values" },
	};
	static const struct variables good[] = {
		{ "\1\1Xa\1\1Xa", 8, 200, "X=a;", "X twice with one value" },
		{ "\10\1HTTP_X_Aa\10\1HTTP_X_Ab\1\1Xc\10\1HTTP_X_Ac", 37, 200,
		    "HTTP_X_A=a, b, c;X=c;", "a header three times: joined" },
		{ "\13\3HTTP_COOKIEa=1\13\3HTTP_COOKIEb=2", 32, 200,
		    "HTTP_COOKIE=a=1; b=2;", "E6 two Cookie headers: joined" },
		{ "\12\4HTTP_PROXYevil", 16, 200, "",
		    "E5 HTTP_PROXY is not handed out" },
		{ "\200\0\0\1\200\0\0\1Xy\1\0Z", 13, 200, "X=y;",
		    "long lengths of short ones" },
		{ "", 0, 200, "", "none at all" },
	};
	struct fc_buf q = { NULL, 0, 0 };
	struct fk k;
	size_t i;
	int fd;

	fk_start(&k, env, 1, NULL, show, NULL);
	fd = fc_dial(k.listening);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q.n = 0;
		fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
		fc_stream(&q, FC_PARAMS, 1, bad[i].p, bad[i].n);
		fc_stream(&q, FC_STDIN, 1, NULL, 0);
		T(fk_ask(&a, fd, &q) && a.status == bad[i].status &&
			strstr(shot_log, bad[i].log) != NULL,
		    "E10 %s: %d", bad[i].what, bad[i].status);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		q.n = 0;
		fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
		fc_stream(&q, FC_PARAMS, 1, good[i].p, good[i].n);
		fc_stream(&q, FC_STDIN, 1, NULL, 0);
		T(fk_ask(&a, fd, &q) && is_page(good[i].log), "%s",
		    good[i].what);
	}
	(void)close(fd);
	fk_stop(&k);
	fc_drop(&q);
}

static void
limits(struct fk *k)
{
	struct fc_buf q = { NULL, 0, 0 }, v = { NULL, 0, 0 };
	int fd = fc_dial(k->listening), i, n;
	static char big[300000];
	char name[32];

	memset(big, 'x', sizeof(big));
	for (n = 511; n <= 513; n += 2) {
		v.n = q.n = 0;
		for (i = 0; i < n; i++) {
			(void)snprintf(name, sizeof(name), "V%d", i);
			fc_param(&v, name, "");
		}
		fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
		fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
		fc_stream(&q, FC_STDIN, 1, NULL, 0);
		T(fk_ask(&a, fd, &q) && a.status == (n < 512 ? 200 : 413),
		    "R-90 %d variables: %d", n, a.status);
	}
	v.n = q.n = 0;
	fc_pair(&v, "X", 1, big, (256u << 10) - 6);
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_stream(&q, FC_STDIN, 1, NULL, 0);
	T(v.n == 256u << 10 && fk_ask(&a, fd, &q) && a.status == 200,
	    "R-90 256 KiB of variables are taken");
	v.n = q.n = 0;
	fc_pair(&v, "X", 1, big, (256u << 10) - 5);
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_stream(&q, FC_STDIN, 1, NULL, 0);
	T(fk_ask(&a, fd, &q) && a.status == 413,
	    "R-90 one octet more is refused, 413");
	v.n = q.n = 0;
	fc_param(&v, "REQUEST_METHOD", "POST");
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_record(&q, FC_PARAMS, 1, v.p, v.n, 0);
	fc_record(&q, FC_STDIN, 1, "x", 1, 0);
	fc_record(&q, FC_PARAMS, 1, v.p, v.n, 0);
	fc_record(&q, FC_PARAMS, 1, NULL, 0, 0);
	fc_record(&q, FC_STDIN, 1, NULL, 0, 0);
	T(fk_ask(&a, fd, &q) && a.status == 400 &&
		strstr(shot_log, "before the end of its variables") != NULL,
	    "E10 a body before the variables' end: 400");
	q.n = 0;
	fc_request(&q, 1, FC_KEEP, get, NULL, 0);
	T(fk_ask(&a, fd, &q) && a.status == 200, "all on one kept connection");
	q.n = 0;
	fc_param(&v, "CONTENT_LENGTH", "1");
	fc_begin(&q, 1, FC_RESPONDER, FC_KEEP);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	fc_stream(&q, FC_PARAMS, 1, v.p, v.n);
	T(fc_push(fd, q.p, q.n) && fc_is_closed(fd),
	    "E10 variables after their end: the connection is closed");
	(void)close(fd);
	fc_drop(&q);
	fc_drop(&v);
}

/* ---- Bodies and answers ----------------------------------------------- */

/* A body that is not read: the answer is there, and what comes is dropped. */
static void
unread(struct fk *k)
{
	static const char *const too_long[] = { "REQUEST_METHOD=PUT",
		"CONTENT_LENGTH=3000000", "CONTENT_TYPE=text/plain", NULL };
	struct fc_buf q = { NULL, 0, 0 };
	static char big[3000000];
	int fd, keep;

	for (keep = 0; keep <= 1; keep++) {
		fd = fc_dial(k->listening);
		q.n = 0;
		fc_request(&q, 1, keep ? FC_KEEP : FC_CLOSE, too_long, big,
		    sizeof(big));
		T(fc_push(fd, q.p, q.n) && fc_answer(&a, fd) && a.status == 413,
		    "R-90 a body over max_body is answered, and dropped: %s",
		    keep ? "kept" : "not kept");
		if (keep) {
			q.n = 0;
			fc_request(&q, 1, FC_KEEP, get, NULL, 0);
			T(fk_ask(&a, fd, &q) && a.status == 200,
			    "... and the next request is served");
		} else
			T(fc_is_closed(fd), "... and the connection is closed");
		(void)close(fd);
	}
	fc_drop(&q);
}

static void
much(struct sstate_req *req, void *arg)
{
	char line[128];
	int i;

	(void)arg;
	for (i = 0; i < 40000; i++) {
		(void)snprintf(line, sizeof(line), "%07d %.100s\n", i,
		    "0123456789012345678901234567890123456789012345678901234567"
		    "89012345678901234567890");
		sstate_req_puts(req, line);
		if (i == 10000)
			(void)sstate_req_flush(req);
	}
}

/* Its peer sends all before it reads any: neither waits for the other. */
static void
both_long(struct fk *k)
{
	struct fc_buf q = { NULL, 0, 0 };
	static char big[3000000];
	int fd = fc_dial(k->listening);

	fc_request(&q, 3, FC_KEEP, get, big, sizeof(big));
	T(fk_ask(&a, fd, &q) && strlen(a.page) == 40000u * 90,
	    "a long answer to a long body that nobody reads");
	q.n = 0;
	fc_request(&q, 4, FC_CLOSE, get, NULL, 0);
	T(fk_ask(&a, fd, &q) && a.id == 4 && a.status == 200,
	    "... and the connection is still good");
	(void)close(fd);
	fc_drop(&q);
}

static void
long_answers(void)
{
	struct fc_buf q = { NULL, 0, 0 };
	const char *p;
	struct fk k;
	int fd, i, good, keep;

	fk_start(&k, env, 1, NULL, much, NULL);
	for (keep = 0; keep <= 1; keep++) {
		fd = fc_dial(k.listening);
		q.n = 0;
		fc_request(&q, 9, keep ? FC_KEEP : FC_CLOSE, get, NULL, 0);
		good = fk_ask(&a, fd, &q) && strlen(a.page) == 40000u * 90;
		for (i = 0, p = a.page; i < 40000 && good; i++, p += 90)
			good &= strtol(p, NULL, 10) == i && p[89] == '\n';
		T(good, "an answer of 3.6 MB in %u records", a.records);
		(void)close(fd);
	}
	both_long(&k);
	fk_stop(&k);
	fc_drop(&q);
}

/* ---- Addresses -------------------------------------------------------- */

static int
tcp(void)
{
	struct sockaddr_in in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    listen(fd, 16) != 0)
		abort();
	return fd;
}

static void
addresses(void)
{
	static const struct {
		const char *var;
		int served;
	} lists[] = {
		{ "FCGI_WEB_SERVER_ADDRS=127.0.0.1", 1 },
		{ "FCGI_WEB_SERVER_ADDRS=192.0.2.1, 127.0.0.1", 1 },
		{ "FCGI_WEB_SERVER_ADDRS=192.0.2.1,::ffff:127.0.0.1", 1 },
		{ "FCGI_WEB_SERVER_ADDRS=192.0.2.1,::1", 0 },
	};
	static const char *const bad[] = { "FCGI_WEB_SERVER_ADDRS=",
		"FCGI_WEB_SERVER_ADDRS=127.0.0.1,",
		"FCGI_WEB_SERVER_ADDRS=localhost",
		"FCGI_WEB_SERVER_ADDRS=127.0.0.1 192.0.2.1" };
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	struct fc_buf q = { NULL, 0, 0 };
	const char *vars[2] = { NULL, NULL };
	struct sstate_error err;
	struct sstate_cgi *cgi;
	struct fk k;
	size_t i;
	int r;

	o.vars = vars;
	fc_request(&q, 1, FC_CLOSE, get, NULL, 0);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		vars[0] = lists[i].var;
		o.fd = tcp();
		fk_start(&k, env, 1, &o, shot_echo, NULL);
		T(once(&k, &q) == lists[i].served, "%s: %s", lists[i].var,
		    lists[i].served ? "served" : "refused");
		fk_stop(&k);
	}
	o.fd = fc_listen();
	fk_start(&k, env, 1, &o, shot_echo, NULL);
	T(once(&k, &q), "a Unix socket has no addresses to refuse");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vars[0] = bad[i];
		r = sstate_cgi_open(&cgi, env, &o, &err);
		T(r == SSTATE_EINVAL && cgi == NULL, "\"%s\" is no list",
		    bad[i]);
	}
	fk_stop(&k);
	fc_drop(&q);
}

static void
sockets(void)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	int p[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) != 0)
		abort();
	o.fd = p[0];
	T(sstate_cgi_open(&cgi, env, &o, &err) == SSTATE_EINVAL,
	    "a socket that does not listen is refused");
	(void)close(p[0]);
	(void)close(p[1]);
	if ((o.fd = socket(AF_UNIX, SOCK_SEQPACKET, 0)) < 0 ||
	    bind(o.fd,
		(struct sockaddr *)&(struct sockaddr_un){
		    .sun_family = AF_UNIX },
		sizeof(sa_family_t)) != 0 ||
	    listen(o.fd, 1) != 0)
		abort();
	T(sstate_cgi_open(&cgi, env, &o, &err) == SSTATE_EINVAL,
	    "so is one of packets");
	(void)close(o.fd);
	T(sstate_cgi_open(&cgi, env, &o, &err) == SSTATE_EINVAL,
	    "and one that is closed");
}

int
main(void)
{
	struct fk k;
	unsigned before;

	env = shot_env(0);
	before = fk_descriptors();
	fk_start(&k, env, 2, NULL, shot_echo, NULL);
	connections(&k);
	splits(&k);
	management(&k);
	multiplexed(&k);
	nonsense(&k);
	aborts(&k);
	limits(&k);
	unread(&k);
	fk_stop(&k);
	T(k.last[0] == SSTATE_DONE && k.last[1] == SSTATE_DONE,
	    "stopped: every thread is told SSTATE_DONE");
	variables();
	long_answers();
	addresses();
	sockets();
	T(fk_descriptors() == before, "no descriptor is left");
	fc_drop(&a.out);
	sstate_close(env);
	return tap_done();
}
