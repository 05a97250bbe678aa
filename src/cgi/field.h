/*
 * field.h - a header field's value: a word, then parameters
 *
 * RFC 9110 5.6.6; in Content-Disposition of a form as WHATWG writes it.
 */
#ifndef CGI_FIELD_H
#define CGI_FIELD_H

#include <stddef.h>

struct slice {
	const char *p;
	size_t n;
};

struct field_param {
	struct slice name, value; /* without the quotes */
	int quoted;
};

/* How a quoted string ends. */
enum {
	FIELD_ESCAPES = 1, /* RFC 9110: a backslash takes the next octet */
	FIELD_PLAIN = 2 /* WHATWG: the next quote ends it, always */
};

/* The word at the start, which in may hold '/'; 0 or SSTATE_EPARSE. */
int field_word(struct slice *out, struct slice *in);
/*
 * The next parameter; SSTATE_DONE at the end, SSTATE_EPARSE if in does not
 * go on as it must: in then begins where it does not.
 */
int field_param(struct field_param *out, struct slice *in, int quoting);
/* Equal but for the case of ASCII letters. */
int slice_is(const struct slice *s, const char *lower);

#endif
