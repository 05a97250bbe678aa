/*
 * cookies.c - find cookies of one name in a Cookie header
 *
 * Invariant: a name counts only where a pair begins, and only byte by byte
 * .  One pass, bounded before it starts.
 *
 * Pairs are parted by ';' and at most one blank.  A server that joins two
 * Cookie headers does it with "; " (RFC 9113 8.2.3).  One that writes ", "
 * is understood as far as our value ends there; but no pair begins after a
 * comma, since browsers send commas inside of values: a sibling host could
 * set x="a, __Host-id=..." and walk around the prefix.
 */
#include "base/cookies.h"

#include <string.h>

#include "base/limits.h"

static int
is_blank(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t')
			return 0;
	return 1;
}

/* Is the pair ours?  Then the value is what follows '=', untouched. */
static int
ours(struct sstate_val *out, const char *p, size_t n, const char *name,
    size_t len)
{
	const char *comma;

	/* Without '=' it is a value with no name; "=name=x" has an empty one */
	if (n <= len || p[len] != '=' || memcmp(p, name, len) != 0)
		return 0;
	out->ptr = p + len + 1;
	out->len = n - len - 1;
	if ((comma = memchr(out->ptr, ',', out->len)) != NULL &&
	    (size_t)(comma - p) + 1 < n && comma[1] == ' ')
		out->len = (size_t)(comma - out->ptr);
	return 1;
}

int
cookies_find(const char *header, const char *name, struct sstate_val *out,
    size_t max, size_t *n)
{
	size_t len, i = 0, end, all = 0, found = 0, namelen;
	struct sstate_val v;

	*n = 0;
	if (header == NULL || (namelen = strlen(name)) == 0)
		return 0;
	len = strnlen(header, LIMIT_COOKIE_HEADER_BYTES + 1);
	if (len > LIMIT_COOKIE_HEADER_BYTES)
		return SSTATE_ETOOBIG;
	while (i < len) {
		const char *semi = memchr(header + i, ';', len - i);

		end = semi != NULL ? (size_t)(semi - header) : len;
		if (i > 0 && header[i] == ' ' && i < end)
			i++;
		if (!is_blank(header + i, end - i) && ++all > LIMIT_COOKIES)
			return SSTATE_ETOOBIG;
		if (ours(&v, header + i, end - i, name, namelen)) {
			if (found == max)
				return SSTATE_ETOOBIG;
			out[found++] = v;
		}
		i = end + 1;
	}
	*n = found;
	return 0;
}
