/*
 * reread.h - a session's record, read again
 */
#ifndef SESSION_REREAD_H
#define SESSION_REREAD_H

#include "session/state.h"

/* sstate_reload(), but for what was sent: begin takes that later. */
int reread_record(struct sstate_session *s);

#endif
