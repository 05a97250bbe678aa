/*
 * linear_test.c - parsers cost what the input is long, counted (R-92, U9)
 *
 * Runs itself under callgrind: twice the input may cost 2.2 times the
 * instructions.  Nothing is timed.
 */
#include "../tap.h"

#include <stdint.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cookies.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/table.h"
#include "base/urlencoded.h"
#include "cgi/multipart.h"

static int
into_table(void *arg, const char *name, struct sstate_val value)
{
	return table_add(arg, name, &value);
}

static int
begin(void *arg, const struct part *part)
{
	(void)arg;
	(void)part;
	return 0;
}

static int
data(void *arg, const char *p, size_t n)
{
	*(size_t *)arg += n + (p[0] == 'x');
	return 0;
}

static int
end(void *arg)
{
	(void)arg;
	return 0;
}

/* unit again and again, up to n octets. */
static char *
fill(const char *before, const char *unit, size_t n)
{
	size_t at = strlen(before), len = strlen(unit);
	char *p = malloc(n + at + len + 1);

	memcpy(p, before, at + 1);
	while (n > 0 && at < n) {
		memcpy(p + at, unit, len + 1);
		at += len;
	}
	p[at] = '\0';
	return p;
}

static void
form(const char *unit, size_t n)
{
	struct form_limits lim = { 1u << 30, 1u << 30, 1u << 30 };
	struct arena *a = arena_new(NULL, 0);
	char *p = fill("", unit, n);
	struct table t;
	size_t count = 0;

	table_init(&t, a);
	if (urlencoded_parse(p, strlen(p), 1, &lim, &count, a, into_table,
		&t) != 0)
		abort();
	free(p);
	arena_free(a);
}

/* n / 32 names that a weak hash (DJB2: 33 h + c) takes for one, or random. */
static void
names(const char *unit, size_t n)
{
	static const char two[2][3] = { "Ez", "FY" };
	struct form_limits lim = { 1u << 30, 256, 256 };
	struct arena *a = arena_new(NULL, 0);
	size_t i, bit, count = 0, len = 0;
	char *p = malloc(n * 4 + 64);
	uint64_t seed = 88172645463325252u;
	struct table t;

	table_init(&t, a);
	for (i = 0; i < n / 32; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		for (bit = 0; bit < 12; bit++, len += 2) {
			memcpy(p + len, two[seed >> (bit + 20) & 1], 2);
			if (unit[0] != '=')
				p[len] = (char)('A' + (seed >> bit * 4 & 15));
		}
		memcpy(p + len, "=&", 2);
		len += 2;
	}
	if (urlencoded_parse(p, len, 0, &lim, &count, a, into_table, &t) != 0)
		abort();
	free(p);
	arena_free(a);
}

static void
parts(const char *unit, size_t n)
{
	struct part_sink sink = { begin, data, end };
	struct slice b = { "XXXXXXXX", 8 };
	static struct multipart m;
	size_t got = 0;
	char *p =
	    fill("--XXXXXXXX\r\nContent-Disposition: form-data; name=a\r\n"
		 "\r\n",
		unit, n);

	multipart_init(&m, &b, &sink, &got);
	(void)multipart_feed(&m, p, strlen(p));
	free(p);
}

static void
heads(const char *unit, size_t n)
{
	struct part_sink sink = { begin, data, end };
	struct slice b = { "X", 1 };
	static struct multipart m;
	size_t got = 0;
	char *p = fill("--X\r\nContent-Disposition: form-data; name=\"", unit,
	    n / 64);

	multipart_init(&m, &b, &sink, &got);
	(void)multipart_feed(&m, p, strlen(p));
	(void)multipart_feed(&m, "\"\r\n\r\n", 5);
	free(p);
}

static void
cookie(const char *unit, size_t n)
{
	struct sstate_val v[4];
	char *p = fill("", unit, n / 32);
	size_t found;

	(void)cookies_find(p, "__Host-id", v, 4, &found);
	free(p);
}

static void
html(const char *unit, size_t n)
{
	struct arena *a = arena_new(NULL, 0);
	char *p = fill("", unit, n);
	struct buf b;

	buf_init(&b, a, 64, 1u << 30);
	escape_html(&b, p, strlen(p));
	escape_url(&b, p, strlen(p));
	free(p);
	arena_free(a);
}

static const struct {
	const char *id;
	void (*fn)(const char *unit, size_t n);
	const char *unit;
} cases[] = {
	{ "R-92 U1 percent signs", form, "%" },
	{ "R-92 U7 separators", form, "&;" },
	{ "R-92 U8 equal names", form, "a=1&" },
	{ "R-92 U8 one long name", form, "aaaaaaa" },
	{ "R-92 M2 CR floods", parts, "\r" },
	{ "R-92 M2 CR LF floods", parts, "\r\n" },
	{ "R-92 M2 near boundaries", parts, "\r\n--XXXXXXX" },
	{ "R-92 M2 longer boundaries", parts, "\r\n--XXXXXXXXX" },
	{ "R-92 M6 quotes and semicolons", heads, ";a=\\\";" },
	{ "R-92 M6 percent forms", heads, "%22%0D" },
	{ "R-92 C6 equals signs", cookie, "=" },
	{ "R-92 C6 blanks and separators", cookie, "; " },
	{ "R-92 escapes", html, "<\x01&" },
	{ "R-93 U9 random names", names, " " },
	{ "R-93 U9 names of one hash", names, "=" },
};

enum { CASES = sizeof(cases) / sizeof(cases[0]), SIZE = 1 << 14 };

/* Instructions of case i with n octets; 0 if they cannot be counted. */
static double
instructions(const char *self, size_t i, size_t n)
{
	char cmd[1024], line[512];
	double count = 0;
	FILE *f;

	(void)snprintf(cmd, sizeof(cmd),
	    "valgrind --tool=callgrind --callgrind-out-file=/dev/null "
	    "'%s' %zu %zu 2>&1",
	    self, i, n);
	if ((f = popen(cmd, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "Collected :") != NULL)
			count = strtod(strstr(line, "Collected :") + 11, NULL);
	return pclose(f) == 0 ? count : 0;
}

int
main(int argc, char **argv)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	double base, one, two, last = 0;
	size_t i;

	if (argc == 3) {
		i = strtoul(argv[1], NULL, 10);
		cases[i % CASES].fn(cases[i % CASES].unit,
		    strtoul(argv[2], NULL, 10));
		return 0;
	}
	(void)argv;
	self[n < 0 ? 0 : n] = '\0';
	if ((base = instructions(self, 0, 0)) == 0) {
		tap_skip("R-92: no callgrind here (or a sanitizer build)");
		return tap_done();
	}
	for (i = 0; i < CASES; i++) {
		one = instructions(self, i, SIZE) - base;
		two = instructions(self, i, 2 * SIZE) - base;
		T(one > 0 && two <= 2.2 * one, "%s: %.0f, twice: %.2f",
		    cases[i].id, one, two / one);
		if (cases[i].fn == names && cases[i].unit[0] == '=')
			T(one <= 1.2 * last,
			    "R-93 U9 they cost no more than others: %.2f",
			    one / last);
		last = one;
	}
	return tap_done();
}
