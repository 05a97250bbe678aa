/*
 * options.h - the caller's options, made whole and checked
 */
#ifndef SESSION_OPTIONS_H
#define SESSION_OPTIONS_H

#include <securestate.h>

struct sstate;

/*
 * Copy a caller's struct of any size into dst of size full: what is missing
 * is zero, a tail that is not zero is SSTATE_EVERSION.
 */
int options_copy(void *dst, size_t full, const void *src, const char *what,
    struct sstate_error *err);
/* Fill env from o (its strings copied): defaults, checks. */
int options_take(struct sstate *env, const struct sstate_options *o,
    struct sstate_error *err);

#endif
