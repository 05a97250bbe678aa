/*
 * pagestate.h - short-term memory: sealed in the page
 */
#ifndef SESSION_PAGESTATE_H
#define SESSION_PAGESTATE_H

#include "session/state.h"

/* Open what came in .page, fill PAGE; once pages are consumed. */
int pagestate_take(struct sstate_session *s, struct sstate_error *err);
/*
 * The token text for the present PAGE memory; NULL after a failure.  once:
 * NULL, or where the once page's jti goes.
 */
const char *pagestate_text(struct sstate_session *s, uint8_t *once, size_t max);

#endif
