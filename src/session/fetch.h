/*
 * fetch.h - read a record: store, seal, times, stubs
 */
#ifndef SESSION_FETCH_H
#define SESSION_FETCH_H

#include "session/state.h"

/*
 * Read and open the record of v->tok, follow stubs: SSTATE_ENOTFOUND,
 * EEXPIRED, EAUTH, EGONE (ended, or moved on for good), or the store's
 * failure.  Decoded parts lie in a.
 */
int fetch(struct sstate_session *s, struct view *v, struct arena *a,
    struct sstate_error *err);
/* The same for this very record: a stub is handed out as it is. */
int fetch_plain(struct sstate_session *s, struct view *v, struct arena *a,
    struct sstate_error *err);
/* Does this outcome say that no session opens there?  Not a failure. */
int fetch_is_none(int r);
/* The token that v, a moved stub, leads to; SSTATE_EGONE if none of ours. */
int fetch_successor(struct sstate_session *s, struct token *tok,
    const struct ringkey **key, const struct view *v,
    struct sstate_error *err);

#endif
