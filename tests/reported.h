/*
 * reported.h - what a sanitized build includes first, everywhere: where a
 * sanitizer's report goes
 *
 * A program behind a web server has its standard error in some log, and ends
 * after its answer was sent: nobody would see the report.  So it goes into a
 * file of the build folder, which fails the run (scripts/tally.pl).
 * ASAN_OPTIONS=log_path=stderr shows it at once instead.  SSTATE_REPORTS, the
 * file's name, is defined under a sanitizer alone.
 */
#ifndef REPORTED_H
#define REPORTED_H

#ifdef __cplusplus
extern "C" {
#endif

const char *__asan_default_options(void);
const char *__tsan_default_options(void);

__attribute__((weak, visibility("default"), no_sanitize("address", "thread",
    "undefined"))) const char *
__asan_default_options(void)
{
	return "log_path=" SSTATE_REPORTS;
}

__attribute__((weak, visibility("default"), no_sanitize("address", "thread",
    "undefined"))) const char *
__tsan_default_options(void)
{
	return "log_path=" SSTATE_REPORTS;
}

#ifdef __cplusplus
}
#endif

#endif
