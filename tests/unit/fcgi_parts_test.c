/*
 * fcgi_parts_test.c - FastCGI's parts that know no connection: addresses,
 * variables, what FCGI_GET_VALUES is told
 */
#include "../tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <securestate/store.h>

#include "base/arena.h"
#include "cgi/fcgi_set.h"

/* Memory whose n-th block is not there. */
struct heap {
	unsigned calls, fail_at;
	long open;
};

static void *
counted(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct heap *h = arg;

	(void)oldsz;
	if (newsz == 0) {
		h->open -= ptr != NULL;
		free(ptr);
		return NULL;
	}
	if (++h->calls == h->fail_at)
		return NULL;
	h->open++;
	return malloc(newsz);
}

static struct heap heap;
static const struct hook hook = { counted, &heap };

/* ---- Addresses -------------------------------------------------------- */

static struct sockaddr_storage
address(int family, const char *text)
{
	struct sockaddr_storage sa;
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memset(&sa, 0, sizeof(sa));
	memset(&in6, 0, sizeof(in6));
	memset(&in, 0, sizeof(in));
	if (family == AF_INET && inet_pton(family, text, &in.sin_addr) == 1)
		memcpy(&sa, &in, sizeof(in));
	if (family == AF_INET6 && inet_pton(family, text, &in6.sin6_addr) == 1)
		memcpy(&sa, &in6, sizeof(in6));
	sa.ss_family = (sa_family_t)family;
	return sa;
}

/* A list of n addresses. */
static const char *
many(size_t n)
{
	static char text[65 * 16];
	size_t i, len = 0;

	for (i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s192.0.2.%zu", i > 0 ? "," : "", i);
	return text;
}

static void
addresses(void)
{
	static const struct {
		const char *list;
		int family;
		const char *from;
		int in;
	} rows[] = {
		{ "2001:db8::1", AF_INET6, "2001:db8::1", 1 },
		{ "2001:db8::1", AF_INET6, "2001:db8::2", 0 },
		{ " 192.0.2.1 ", AF_INET6, "::ffff:192.0.2.1", 1 },
		{ "2001:db8::1, ::ffff:192.0.2.1", AF_INET, "192.0.2.1", 1 },
		{ "::1", AF_INET, "127.0.0.1", 0 },
		{ "::1", AF_UNIX, "", 1 },
	};
	struct sockaddr_storage sa;
	struct sstate_error err;
	struct fcgi_addrs *a;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		NEED(addrs_new(&a, &hook, rows[i].list, &err) == 0,
		    "the list \"%s\"", rows[i].list);
		sa = address(rows[i].family, rows[i].from);
		T(addrs_has(a, &sa) == rows[i].in, "%s is %s",
		    rows[i].family == AF_UNIX ? "a Unix socket" : rows[i].from,
		    rows[i].in ? "let in" : "refused");
		addrs_free(a, &hook);
	}
	NEED(addrs_new(&a, &hook, many(64), &err) == 0, "64 addresses");
	sa = address(AF_INET, "192.0.2.63");
	T(addrs_has(a, &sa), "... the last one is let in");
	sa = address(AF_INET, "192.0.2.64");
	T(!addrs_has(a, &sa), "... and no other");
	addrs_free(a, &hook);
}

static void
no_addresses(void)
{
	static const char *const bad[] = { " ", "192.0.2.1, ",
		"2001:0db8:0000:0000:0000:0000:0000:0001%eth0.1234567890",
		"192.0.2.1,,192.0.2.2" };
	struct sstate_error err;
	struct fcgi_addrs *a;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T(addrs_new(&a, &hook, bad[i], &err) == SSTATE_EINVAL &&
			a == NULL,
		    "\"%s\" is no list: never one of none", bad[i]);
	T(addrs_new(&a, &hook, many(65), &err) == SSTATE_EINVAL && a == NULL,
	    "65 addresses are refused: none is left out");
	heap.fail_at = heap.calls + 1;
	T(addrs_new(&a, &hook, "::1", &err) == SSTATE_ENOMEM && a == NULL,
	    "no memory for a list: %s", err.text);
	heap.fail_at = 0;
}

/* ---- Variables -------------------------------------------------------- */

/* FNV-1a, as fcgi_params.c has it. */
static unsigned
fnv(const char *s)
{
	unsigned h = 2166136261u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static size_t
pair(char *to, const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	to[0] = (char)n;
	to[1] = (char)v;
	memcpy(to + 2, name, n);
	memcpy(to + 2 + n, value, v);
	return 2 + n + v;
}

/* The variables of pairs "NAME", "value", ..., NULL as one text, or why not. */
static int
vars_of(char *text, size_t max, const char *const *pairs)
{
	struct arena *a = arena_new(NULL, 4096);
	char stream[2048];
	const char *const *vars;
	struct sstate_error err = { 0, 0, "" };
	size_t n = 0, len = 0;
	int r;

	for (; *pairs != NULL; pairs += 2)
		n += pair(stream + n, pairs[0], pairs[1]);
	text[0] = '\0';
	if ((r = fcgi_vars(&vars, a, stream, n, &err)) != 0)
		(void)snprintf(text, max, "%s", err.text);
	else
		for (; *vars != NULL; vars++)
			len += (size_t)snprintf(text + len, max - len, "%s;",
			    *vars);
	arena_free(a);
	return r;
}

#define LONG64                                                                 \
	"V234567890123456789012345678901234567890123456789012345678901234"

static void
variables(void)
{
	static const struct {
		const char *what;
		const char *pairs[8];
		int r;
		const char *text;
	} rows[] = {
		{ "two names of one hash and of two lengths",
		    { "liquid", "a", "costarring", "b", NULL }, 0,
		    "liquid=a;costarring=b;" },
		{ "two names of one hash and one length",
		    { "declinate", "a", "macallums", "b", NULL }, 0,
		    "declinate=a;macallums=b;" },
		{ "empty values are the same", { "A", "", "A", "", NULL }, 0,
		    "A=;" },
		{ "values of one length that differ",
		    { "HTTP_A", "ab", "HTTP_A", "ac", NULL }, 0,
		    "HTTP_A=ab, ac;" },
		{ "one of three that is the first again",
		    { "HTTP_A", "x", "HTTP_A", "y", "HTTP_A", "x", NULL }, 0,
		    "HTTP_A=x, y;" },
		{ "a name as long as HTTP_COOKIE",
		    { "HTTP_ACCEPT", "x", "HTTP_ACCEPT", "y", NULL }, 0,
		    "HTTP_ACCEPT=x, y;" },
		{ "what is no header and longer than HTTP_",
		    { "CONTENT_TYPE", "x", "CONTENT_TYPE", "y", NULL },
		    SSTATE_EPARSE, "request: CONTENT_TYPE was sent twice" },
		{ "a long name: its beginning",
		    { LONG64 "5", "x", LONG64 "5", "y", NULL }, SSTATE_EPARSE,
		    "request: " LONG64 " was sent twice" },
	};
	char text[512];
	size_t i;

	T(fnv("liquid") == fnv("costarring") &&
		fnv("declinate") == fnv("macallums"),
	    "names of one hash");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		T(vars_of(text, sizeof(text), rows[i].pairs) == rows[i].r &&
			strcmp(text, rows[i].text) == 0,
		    "%s: %s", rows[i].what, text);
}

/* The arena has no room, so that each of its three needs is a block. */
static void
no_memory(void)
{
	char stream[400], name[8];
	const char *const *vars;
	struct sstate_error err;
	struct arena *a;
	unsigned k;
	size_t n;
	int r = -1, i, good = 1;

	for (k = 1; k < 20 && r != 0; k++) {
		/* Each time anew: a stream is used up. */
		for (n = 0, i = 0; i < 20; i++) {
			(void)snprintf(name, sizeof(name), "V%d", i);
			n += pair(stream + n, name, "");
		}
		n += pair(stream + n, "HTTP_A", "0123456789012345678901234567");
		n += pair(stream + n, "HTTP_A", "012345678901234567890123456");
		if ((a = arena_new(&hook, 0)) == NULL)
			abort();
		(void)arena_get(a, 16 * k);
		heap.fail_at = heap.calls + k;
		r = fcgi_vars(&vars, a, stream, n, &err);
		heap.fail_at = 0;
		good &= r == 0 || r == SSTATE_ENOMEM;
		arena_free(a);
	}
	T(good && r == 0 && k > 3,
	    "P4 variables: no memory for one of %u blocks: SSTATE_ENOMEM",
	    k - 2);
	T(heap.open == 0, "nothing is left of them");
}

/* ---- Records ---------------------------------------------------------- */

static void
questions(void)
{
	unsigned char p[FCGI_RESULT_MAX];
	char asked[64];
	struct slice in = { asked, 0 };
	size_t n;

	in.n = pair(asked, "FCGI_MAX_CONNX", "");
	in.n += pair(asked + in.n, "FCGI_MAX_REQS", "");
	n = fcgi_result_put(p, in, 77);
	T(n == FCGI_HEAD + 2u + 13 + 2 &&
		memcmp(p + FCGI_HEAD, "\15\2FCGI_MAX_REQS77", 17) == 0,
	    "a name as long as one that is known is not that one");
}

int
main(void)
{
	addresses();
	no_addresses();
	variables();
	no_memory();
	questions();
	return tap_done();
}
