/*
 * tap.h - TAP for tests: one program a subject
 *
 *	T(strcmp(a, "x") == 0, "R-09 one form: %s", a);
 *	return tap_done();
 *
 * A test that cannot run here says tap_skip("why") for what it leaves out.
 * tap_done() prints the plan and a line that counts.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned tap_n, tap_bad, tap_skipped;

__attribute__((format(printf, 5, 6), unused)) static int
tap_ok(int good, const char *file, int line, const char *what,
    const char *fmt, ...)
{
	va_list ap;

	tap_n++;
	printf("%sok %u - ", good ? "" : "not ", tap_n);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	if (!good) {
		tap_bad++;
		printf("#   failed: %s:%d: %s\n", file, line, what);
	}
	(void)fflush(stdout);
	return good;
}

/* Is the condition true?  The text names the promise. */
#define T(cond, ...) \
	tap_ok((cond) ? 1 : 0, __FILE__, __LINE__, #cond, __VA_ARGS__)

/* Without it nothing more can be tested. */
#define NEED(cond, ...) \
	do { \
		if (!T(cond, __VA_ARGS__)) \
			exit(tap_done()); \
	} while (0)

__attribute__((unused)) static void
tap_skip(const char *why)
{
	tap_n++;
	tap_skipped++;
	printf("ok %u # SKIP %s\n", tap_n, why);
}

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%u\n# %u passed, %u failed, %u skipped\n", tap_n,
	    tap_n - tap_bad - tap_skipped, tap_bad, tap_skipped);
	(void)fflush(stdout);
	return tap_bad != 0;
}

#endif
