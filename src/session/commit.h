/*
 * commit.h - write a session, if there is something to write
 */
#ifndef SESSION_COMMIT_H
#define SESSION_COMMIT_H

#include "session/state.h"

/* Write what there is to write; sstate_commit() without the bookkeeping. */
int commit_run(struct sstate_session *s, struct sstate_error *err);
/* The same for the operations alone, in begin: no rotation, no renewal. */
int commit_once(struct sstate_session *s, struct sstate_error *err);
/* An id and a psk for a session that has none; memory only. */
int commit_identity(struct sstate_session *s, struct sstate_error *err);

#endif
