/*
 * urlencoded.c - application/x-www-form-urlencoded, as browsers write it
 *
 * Invariant: each octet is read at most three times, whatever the input
 * nothing is allocated before its limit was checked.
 */
#include "base/urlencoded.h"

#include <string.h>

#include "base/arena.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The octet at p; *used says how many of the n it takes. */
static unsigned char
octet(const char *p, size_t n, size_t *used)
{
	int hi, lo;

	*used = 1;
	if (*p == '+')
		return ' ';
	if (*p == '%' && n >= 3 && (hi = hex(p[1])) >= 0 &&
	    (lo = hex(p[2])) >= 0) {
		*used = 3;
		return (unsigned char)(hi << 4 | lo);
	}
	return (unsigned char)*p;
}

/* Decode (R-94: once) to out, or only count if that is NULL. */
static size_t
decode(char *out, const char *p, size_t n, int *nul)
{
	size_t i, used, len = 0;
	unsigned char c;

	for (i = 0; i < n; i += used) {
		c = octet(p + i, n - i, &used);
		if (c == '\0')
			*nul = 1;
		if (out != NULL)
			out[len] = (char)c;
		len++;
	}
	if (out != NULL)
		out[len] = '\0';
	return len;
}

static int
pair(const char *p, size_t n, const struct form_limits *lim, struct arena *a,
    form_fn *fn, void *arg)
{
	const char *eq = memchr(p, '=', n), *v;
	struct sstate_val value;
	size_t rawname, rawvalue, name, len;
	int nul = 0, any = 0;
	char *copy;

	rawname = eq != NULL ? (size_t)(eq - p) : n;
	rawvalue = eq != NULL ? n - rawname - 1 : 0;
	v = eq != NULL ? eq + 1 : p + n;
	if ((name = decode(NULL, p, rawname, &nul)) > lim->name)
		return SSTATE_ETOOBIG;
	if (nul)
		return SSTATE_EPARSE;
	if ((len = decode(NULL, v, rawvalue, &any)) > lim->value)
		return SSTATE_ETOOBIG;
	if (a == NULL)
		return 0;
	if ((copy = arena_get(a, name + 1 + len + 1)) == NULL)
		return SSTATE_ENOMEM;
	(void)decode(copy, p, rawname, &nul);
	(void)decode(copy + name + 1, v, rawvalue, &any);
	value.ptr = copy + name + 1;
	value.len = len;
	return fn(arg, copy, value);
}

int
urlencoded_parse(const char *p, size_t n, int semicolon,
    const struct form_limits *lim, size_t *count, struct arena *a, form_fn *fn,
    void *arg)
{
	size_t i = 0, end;
	int r;

	while (i < n) {
		for (end = i;
		     end < n && p[end] != '&' && !(semicolon && p[end] == ';');)
			end++;
		/* "&&" is nothing at all (WHATWG 5.1, step 3.1). */
		if (end > i) {
			if (*count >= lim->params)
				return SSTATE_ETOOBIG;
			++*count;
			if ((r = pair(p + i, end - i, lim, a, fn, arg)) != 0)
				return r;
		}
		i = end + 1;
	}
	return 0;
}
