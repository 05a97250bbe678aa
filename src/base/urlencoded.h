/*
 * urlencoded.h - application/x-www-form-urlencoded, as browsers write it
 *
 * WHATWG URL 5.1 with octets instead of UTF-8: '+' and %XX decode once
 * a bad % stays, nothing is special in a name (no brackets).  A
 * NUL in a name is SSTATE_EPARSE.  Limits count what is split.
 */
#ifndef BASE_URLENCODED_H
#define BASE_URLENCODED_H

#include <stddef.h>
#include <stdint.h>

#include <securestate.h>

struct arena;

struct form_limits {
	size_t params; /* more is SSTATE_ETOOBIG */
	size_t name; /* decoded bytes */
	size_t value;
};

/* Name and value lie in the arena, with a NUL after each. */
typedef int form_fn(void *arg, const char *name, struct sstate_val value);

/*
 * Call fn for each pair; its failure ends the parse.  semicolon: ';'
 * separates as '&' does.  *count goes on from its value (so that query and
 * body share one limit).  NULL arena: only checked, fn is not called.
 */
int urlencoded_parse(const char *p, size_t n, int semicolon,
    const struct form_limits *lim, size_t *count, struct arena *a, form_fn *fn,
    void *arg);

#endif
