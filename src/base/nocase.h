/*
 * nocase.h - names compared without case, of ASCII's letters alone
 *
 * strcasecmp() asks the locale, and maps its tables in.
 */
#ifndef BASE_NOCASE_H
#define BASE_NOCASE_H

#include <stdbool.h>
#include <stddef.h>

static inline unsigned char
nocase_fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Do n octets, of which none is a NUL before the end, say the same? */
static inline bool
nocase_is(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (nocase_fold(a[i]) != nocase_fold(b[i]))
			return false;
		if (a[i] == '\0')
			return true;
	}
	return true;
}

static inline bool
nocase_same(const char *a, const char *b)
{
	return nocase_is(a, b, (size_t)-1);
}

#endif
