/*
 * options.h - the caller's options, checked
 */
#ifndef SESSION_OPTIONS_H
#define SESSION_OPTIONS_H

#include <securestate.h>

struct sstate;

/* Fill env from o (its strings copied): defaults, checks. */
int options_take(struct sstate *env, const struct sstate_options *o,
    struct sstate_error *err);

#endif
