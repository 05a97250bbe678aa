/* urlencoded_test.c - security.md 4.2, as far as the parser decides it */
#include "../tap.h"

#include "base/arena.h"
#include "base/limits.h"
#include "base/urlencoded.h"

struct seen {
	char text[512];
	size_t len, pairs;
};

static const struct form_limits usual = { LIMIT_PARAMS, LIMIT_NAME_BYTES,
	LIMIT_VALUE_BYTES };

/* "name=value|": octets that do not print as \xx. */
static void
show(struct seen *s, const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && s->len + 5 < sizeof(s->text); i++) {
		unsigned char c = (unsigned char)p[i];
		const char *f = c > 0x20 && c < 0x7f ? "%c" : "\\%02x";

		if (f[0] == '%')
			s->text[s->len++] = (char)c;
		else
			s->len +=
			    (size_t)snprintf(s->text + s->len, 4, "\\%02x", c);
	}
	s->text[s->len] = '\0';
}

static int
collect(void *arg, const char *name, struct sstate_val value)
{
	struct seen *s = arg;

	if (value.ptr[value.len] != '\0')
		return SSTATE_EINVAL;
	s->pairs++;
	show(s, name, strlen(name));
	show(s, "=", 1);
	show(s, value.ptr, value.len);
	show(s, "|", 1);
	return 0;
}

static int
parse(struct seen *s, const char *in, size_t n, int semicolon)
{
	struct arena *a = arena_new(NULL, 4096);
	size_t count = 0, again = 0;
	int r;

	memset(s, 0, sizeof(*s));
	r = urlencoded_parse(in, n, semicolon, &usual, &count, a, collect, s);
	/* A check alone must come to the same end. */
	if (urlencoded_parse(in, n, semicolon, &usual, &again, NULL, NULL,
		NULL) != r ||
	    again != count)
		r = 1;
	arena_free(a);
	return r;
}

static void
meanings(void)
{
	static const struct {
		const char *id, *in, *out;
		int semicolon;
	} row[] = {
		{ "U1", "a=%&b=%a&c=%zz&d=%2&e=%%2a&f=%u0041",
		    "a=%|b=%a|c=%zz|d=%2|e=%*|f=%u0041|", 0 },
		{ "U1", "%zz=1&%=2", "%zz=1|%=2|", 0 },
		{ "U2", "a=x%00y", "a=x\\00y|", 0 },
		{ "U3", "a=%C0%AF&b=%ED%A0%80&c=%F8&d=%80&e=%EF%BB%BF",
		    "a=\\c0\\af|b=\\ed\\a0\\80|c=\\f8|d=\\80|e=\\ef\\bb\\bf|",
		    0 },
		{ "U3", "a=\xc0\xaf", "a=\\c0\\af|", 0 },
		{ "U4 R-94", "a=%2541&b=%252B", "a=%41|b=%2B|", 0 },
		{ "U5", "a=1&a=2&b=3&a=1", "a=1|a=2|b=3|a=1|", 0 },
		{ "U5", "a[]=1&a[b]=c&a.b=2&a+b=3&+a=4",
		    "a[]=1|a[b]=c|a.b=2|a\\20b=3|\\20a=4|", 0 },
		{ "U6", "a=1;b=2&c=3", "a=1;b=2|c=3|", 0 },
		{ "U6 K25", "a=1;b=2&c=3;;", "a=1|b=2|c=3|", 1 },
		{ "U7", "=b", "=b|", 0 },
		{ "U7", "a=", "a=|", 0 },
		{ "U7", "a", "a=|", 0 },
		{ "U7", "&&&", "", 0 },
		{ "U7", "=", "=|", 0 },
		{ "U7", "", "", 0 },
		{ "U7", "a=b=c&==", "a=b=c|==|", 0 },
		{ "U10", "_charset_=utf-7&a=+ADw-",
		    "_charset_=utf-7|a=\\20ADw-|", 0 },
		{ "U11", ".id=x&.tmpx=y&%2Eid=z", ".id=x|.tmpx=y|.id=z|", 0 },
		{ "R-94", "a%3Db=c%26d", "a=b=c&d|", 0 },
		{ "K25", "a=1\r\n&b=\\", "a=1\\0d\\0a|b=\\|", 0 },
	};
	struct seen s;
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		int r =
		    parse(&s, row[i].in, strlen(row[i].in), row[i].semicolon);

		T(r == 0 && strcmp(s.text, row[i].out) == 0, "%s -> %s",
		    row[i].id, s.text);
	}
	T(parse(&s, "a=b&%00x=1", 10, 0) == SSTATE_EPARSE && s.pairs == 1,
	    "U2 B19 a NUL in a name is refused");
	T(parse(&s, "a\0b=1", 5, 0) == SSTATE_EPARSE,
	    "U2 B19 a bare NUL in a name, too");
}

static int
take(void *arg, const char *name, struct sstate_val value)
{
	(void)name;
	(void)value;
	++*(size_t *)arg;
	return 0;
}

static int
stop(void *arg, const char *name, struct sstate_val value)
{
	(void)take(arg, name, value);
	return SSTATE_EBUSY;
}

/* n times unit, parsed with the usual limits. */
static int
many(size_t *taken, size_t *used, const char *unit, size_t n, int semicolon)
{
	size_t len = strlen(unit), i, count = 0;
	struct arena *a = arena_new(NULL, 0);
	char *in = malloc(n * len + 1);
	int r;

	for (i = 0; i < n; i++)
		memcpy(in + i * len, unit, len);
	*taken = 0;
	r = urlencoded_parse(in, n * len, semicolon, &usual, &count, a, take,
	    taken);
	*used = arena_used(a);
	free(in);
	arena_free(a);
	return r;
}

static void
limits(void)
{
	struct form_limits tight = { 2, 3, 4 };
	struct arena *a = arena_new(NULL, 0);
	size_t taken, used, count = 0;

	T(many(&taken, &used, "a&", LIMIT_PARAMS, 0) == 0 &&
		taken == LIMIT_PARAMS,
	    "R-90 as many parameters as the limit says");
	T(many(&taken, &used, "a&", 1000000, 0) == SSTATE_ETOOBIG &&
		taken == LIMIT_PARAMS && used <= LIMIT_PARAMS * 16,
	    "U8 10^6 parameters: LIMIT, and no memory for the rest");
	T(many(&taken, &used, "a;", LIMIT_PARAMS + 1, 1) == SSTATE_ETOOBIG,
	    "R-91 U6 what ';' splits is counted, too");
	T(many(&taken, &used, "a;", LIMIT_PARAMS + 1, 0) == SSTATE_ETOOBIG &&
		taken == 0,
	    "R-91 a long name is over the limit of names instead");
	T(many(&taken, &used, "a", 1u << 20, 0) == SSTATE_ETOOBIG &&
		taken == 0 && used == 0,
	    "U8 a name of 1 MiB: LIMIT before allocation");
	T(many(&taken, &used, "same=1&", 100000, 0) == SSTATE_ETOOBIG,
	    "U8 10^5 equal names: LIMIT");
	T(urlencoded_parse("abc=1234", 8, 0, &tight, &count, a, take, &taken) ==
		0,
	    "R-90 name and value may reach their limits");
	T(urlencoded_parse("%41%42%43=%31%32%33%34", 22, 0, &tight, &count, a,
	      take, &taken) == 0,
	    "R-90 limits count decoded octets");
	T(urlencoded_parse("a=1", 3, 0, &tight, &count, a, take, &taken) ==
		SSTATE_ETOOBIG,
	    "R-90 the count goes on from query to body");
	count = 0;
	T(urlencoded_parse("abcd=1", 6, 0, &tight, &count, a, take, &taken) ==
		SSTATE_ETOOBIG,
	    "R-90 a name over the limit");
	T(urlencoded_parse("a=12345", 7, 0, &tight, &count, a, take, &taken) ==
		SSTATE_ETOOBIG,
	    "R-90 a value over the limit");
	count = taken = 0;
	T(urlencoded_parse("a&b", 3, 0, &tight, &count, a, stop, &taken) ==
		    SSTATE_EBUSY &&
		taken == 1,
	    "a callback's failure ends the parse");
	arena_free(a);
}

int
main(void)
{
	meanings();
	limits();
	return tap_done();
}
