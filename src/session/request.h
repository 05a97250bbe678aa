/*
 * request.h - what the client sent
 */
#ifndef SESSION_REQUEST_H
#define SESSION_REQUEST_H

#include "session/state.h"

int request_read(struct sstate_session *s, const struct sstate_web *web,
    struct sstate_error *err);
/*
 * The token that came, checked without I/O.  0; SSTATE_ENOTFOUND if none
 * came, SSTATE_EAUTH if none of ours (or two that differ) did.
 */
int request_token(struct sstate_session *s, struct token *tok,
    const struct ringkey **key, struct sstate_error *err);

#endif
