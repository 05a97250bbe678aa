/*
 * check.h - what a CSRF token is bound to
 */
#ifndef SESSION_CHECK_H
#define SESSION_CHECK_H

#include "session/state.h"

/*
 * What a once form's CSRF token is bound to: its action and its own page, so
 * that the token alone does not pass for it.  NULL: no memory.
 */
const char *check_action(struct arena *a, const char *action,
    const uint8_t jti[JTI_BYTES]);
/*
 * Does the form that came name a newer record than this one?  Proved by
 * nothing yet: reason enough to read again, and for nothing else.
 */
int check_is_newer(const struct sstate_session *s,
    const struct seal_head *head);

#endif
