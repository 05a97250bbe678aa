/*
 * mindset.h - which value wins, what is stored of what was sent
 */
#ifndef SESSION_MINDSET_H
#define SESSION_MINDSET_H

#include "session/state.h"

/* The operations that follow from what was sent (K21, K24). */
int mindset_take(struct sstate_session *s);
/* May a change of STORED come before MERGED is built? */
int mindset_can_wait(const struct sstate_session *s);
/* Build MERGED, if it is not there yet. */
int mindset_merge(struct sstate_session *s);
int mindset_in_memory(const struct sstate_session *s, const char *name);
int mindset_is_shortterm(const struct sstate_session *s, const char *name);
/* work was merged with another request's: mend MERGED. */
void mindset_refresh(struct sstate_session *s, const struct rec *old);

#endif
