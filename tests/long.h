/*
 * long.h - how many times as much as in `make check` a test shall do
 *
 * SSTATE_TEST_LONG, as scripts/check-long sets it; 1 if there is none.  A
 * test whose source names test_long() or kit_scale() is run by it.
 */
#ifndef LONG_H
#define LONG_H

#include <stdlib.h>

__attribute__((unused)) static unsigned
test_long(void)
{
	const char *s = getenv("SSTATE_TEST_LONG");
	unsigned long n = s != NULL ? strtoul(s, NULL, 10) : 1;

	return n < 1 ? 1 : n > 1000 ? 1000 : (unsigned)n;
}

#endif
