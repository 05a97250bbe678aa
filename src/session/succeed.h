/*
 * succeed.h - a new id for a session: log-in, rotation
 */
#ifndef SESSION_SUCCEED_H
#define SESSION_SUCCEED_H

#include "session/state.h"

/* Draw the new id for SUCC_*; memory only. */
int succession_want(struct sstate_session *s, int kind,
    struct sstate_error *err);
/* Is a plain rotation due? */
int succession_due(const struct sstate_session *s);
/* 0; SSTATE_DONE: the new id stands, what remains is to be written. */
int succession_run(struct sstate_session *s, struct sstate_error *err);

#endif
