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

#endif
