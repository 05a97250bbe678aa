/*
 * attempts.h - a commit's attempts: waits, re-reads, replays
 */
#ifndef SESSION_ATTEMPTS_H
#define SESSION_ATTEMPTS_H

#include "session/naps.h"
#include "session/state.h"

/*
 * One commit's attempts: each re-read lies in an arena of its own, of which
 * only the last is kept.
 */
struct attempts {
	struct sstate_session *s;
	struct arena *a; /* of the present base and work */
	const struct rec *shown; /* work when the commit began */
	struct naps naps;
	unsigned met; /* how often another record than ours was taken up */
	unsigned own; /* ... and it was what we had written ourselves */
	int ours; /* the last rebase met an undecided write of ours */
	struct annex *note, *fresh; /* of a, of what was read last */
};
void attempts_begin(struct attempts *at, struct sstate_session *s);
/* Wait a little; SSTATE_EBUSY once time is over. */
int attempts_next(struct attempts *at);
/*
 * Read what is under tok (stubs followed or not) into a fresh arena, in which
 * *v lies too: it has an id in it, and is wiped with the rest.
 */
int attempts_read(struct attempts *at, struct view **v, const struct token *tok,
    const struct ringkey *key, int follow, struct sstate_error *err);
/* What was read last is not needed. */
void attempts_drop(struct attempts *at);
/*
 * Replay on what was read last and take it for the session's record.  An
 * undecided write of ours that shows in it is not done again; where none can
 * be told from what others wrote it is SSTATE_ESTORE, for good.
 */
int attempts_rebase(struct attempts *at, struct view *v,
    struct sstate_error *err);
/* Keep what the session stands on; r is the outcome, handed back. */
int attempts_end(struct attempts *at, int r);
/* After a write: base is work, nothing is left to do. */
void attempts_settle(struct sstate_session *s);

#endif
