/*
 * model.h - what the analysis tools cannot see from one file
 *
 * scripts/analyze includes it ahead of every file outside src/base; nothing
 * that runs is built with it.  Each macro says what its function does.
 */
#include <dirent.h>

#include <securestate/store.h>

#include "base/err.h"

/* Both return the code that they are given: base/err.c. */
#define sstate_fail(err, code, ...) \
	(sstate_fail(err, code, __VA_ARGS__), (code))
#define err_plain(err, code, what) (err_plain(err, code, what), (code))

/* No DIR has two threads: glibc's manual makes that the only condition. */
static inline struct dirent *
model_readdir(DIR *dir)
{
	return readdir(dir); /* NOLINT(concurrency-mt-unsafe) */
}
#define readdir(dir) model_readdir(dir)
