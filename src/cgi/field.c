/*
 * field.c - a header field's value: a word, then parameters
 *
 * Invariant: one pass, no octet is looked at twice; what is taken is
 * taken whole, so nothing may be left over (E6).
 */
#include "cgi/field.h"

#include <string.h>

#include <securestate.h>

static int
is_tchar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static void
skip(struct slice *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void
skip_blanks(struct slice *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t'))
		skip(s, 1);
}

static size_t
token(const struct slice *s, char also)
{
	size_t n = 0;

	while (n < s->n && (is_tchar(s->p[n]) || s->p[n] == also))
		n++;
	return n;
}

int
field_word(struct slice *out, struct slice *in)
{
	skip_blanks(in);
	out->p = in->p;
	out->n = token(in, '/');
	skip(in, out->n);
	return out->n == 0 ? SSTATE_EPARSE : 0;
}

static int
quoted(struct slice *out, struct slice *in, int quoting)
{
	size_t n = 1;

	while (n < in->n && in->p[n] != '"')
		n += in->p[n] == '\\' && quoting == FIELD_ESCAPES ? 2 : 1;
	if (n >= in->n)
		return SSTATE_EPARSE;
	out->p = in->p + 1;
	out->n = n - 1;
	skip(in, n + 1);
	return 0;
}

int
field_param(struct field_param *out, struct slice *in, int quoting)
{
	memset(out, 0, sizeof(*out));
	for (;;) {
		skip_blanks(in);
		if (in->n == 0)
			return SSTATE_DONE;
		if (*in->p != ';')
			return SSTATE_EPARSE;
		skip(in, 1);
		skip_blanks(in);
		/* RFC 9110 lets a parameter be missing: ";;". */
		if (in->n > 0 && *in->p != ';')
			break;
	}
	out->name.p = in->p;
	out->name.n = token(in, '\0');
	if (out->name.n == 0 || out->name.n == in->n ||
	    in->p[out->name.n] != '=')
		return SSTATE_EPARSE;
	skip(in, out->name.n + 1);
	if (in->n > 0 && *in->p == '"') {
		out->quoted = 1;
		return quoted(&out->value, in, quoting);
	}
	out->value.p = in->p;
	out->value.n = token(in, '\0');
	skip(in, out->value.n);
	return 0;
}

int
slice_is(const struct slice *s, const char *lower)
{
	size_t i;
	char c;

	for (i = 0; i < s->n; i++) {
		c = s->p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c == '\0' || c != lower[i])
			return 0;
	}
	return lower[s->n] == '\0';
}
