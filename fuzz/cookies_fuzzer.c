/*
 * cookies_fuzzer.c - Cookie headers, against a plain reading of the rules
 *
 * Input: a line with a cookie's name, the header.
 */
#include <securestate.h>

#include "base/cookies.h"
#include "base/limits.h"
#include "fuzz.h"

/* Pair by pair, from 6265bis 5.8.3 backwards; the slow way. */
static int
plainly(const char *header, const char *name, struct sstate_val *out,
    size_t max, size_t *n)
{
	size_t len = strlen(name), i, all = 0;
	const char *p = header, *end, *comma;

	*n = 0;
	if (len == 0)
		return 0;
	if (strlen(header) > LIMIT_COOKIE_HEADER_BYTES)
		return SSTATE_ETOOBIG;
	for (; *p != '\0'; p = *end == '\0' ? end : end + 1) {
		end = p + strcspn(p, ";");
		if (p != header && *p == ' ' && p < end)
			p++;
		i = strspn(p, " \t");
		if (p + i < end && ++all > LIMIT_COOKIES)
			return SSTATE_ETOOBIG;
		if (strncmp(p, name, len) != 0 || p + len >= end ||
		    p[len] != '=')
			continue;
		if (*n == max)
			return SSTATE_ETOOBIG;
		out[*n].ptr = p + len + 1;
		/* Our values have no comma, so only the first one counts. */
		comma = out[*n].ptr + strcspn(out[*n].ptr, ",;");
		if (*comma != ',' || comma[1] != ' ')
			comma = end;
		out[(*n)++].len = (size_t)(comma - p) - len - 1;
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size }, line = fz_line(&in);
	char *name = fz_str(&line), *header = fz_str(&in);
	struct sstate_val v[LIMIT_OUR_COOKIES], w[LIMIT_OUR_COOKIES];
	size_t n, m, i, len = strlen(name);
	int r = cookies_find(header, name, v, LIMIT_OUR_COOKIES, &n);

	MUST(r == 0 || (r == SSTATE_ETOOBIG && n == 0));
	for (i = 0; i < n; i++) {
		MUST(v[i].ptr > header + len &&
		    v[i].ptr + v[i].len <= header + strlen(header));
		MUST(memcmp(v[i].ptr - len - 1, name, len) == 0);
		MUST(!fz_has(v[i].ptr, v[i].len, ";", 1));
	}
	/* A name with a ';' in it is none, and nobody asks for it. */
	if (strchr(name, ';') == NULL) {
		MUST(plainly(header, name, w, LIMIT_OUR_COOKIES, &m) == r);
		MUST(r != 0 || m == n);
		for (i = 0; r == 0 && i < n; i++)
			MUST(v[i].ptr == w[i].ptr && v[i].len == w[i].len);
	}
	free(name);
	free(header);
	return 0;
}
