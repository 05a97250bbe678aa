/*
 * doubt.h - writes that were not answered: did they happen?
 *
 * ARCHITECTURE, "Lost answers".  Over a remote store each commit has an id
 * that the record keeps; over a local one the revision that a write would
 * have made tells.
 */
#ifndef SESSION_DOUBT_H
#define SESSION_DOUBT_H

#include "session/state.h"

/* Can an answer be lost on its way? */
int doubt_remote(const struct sstate_session *s);
/*
 * The commit id for the operations as they are now: the same over all
 * attempts, another one once the program has changed more.
 */
int doubt_id(struct sstate_session *s, struct sstate_error *err);
/* A write that would have made revision rev was not answered. */
int doubt_note(struct sstate_session *s, uint64_t rev,
    struct sstate_error *err);
/*
 * Does v show a write that was not answered?  *ours: its operations are done,
 * those after it remain; *alone: nobody wrote after it.  SSTATE_ESTORE, kept,
 * if that cannot be told any more.
 */
int doubt_settle(struct sstate_session *s, const struct view *v, int *ours,
    int *alone, struct sstate_error *err);
/* Nothing is undecided any more. */
static inline void
doubt_clear(struct sstate_session *s)
{
	s->trying = (struct doubt){ 0 };
	s->ndoubts = 0;
}

#endif
