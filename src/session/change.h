/*
 * change.h - the one way into the store
 */
#ifndef SESSION_CHANGE_H
#define SESSION_CHANGE_H

#include "session/state.h"

/* Apply op to work and keep it for the commit; checks the limits. */
int change_do(struct sstate_session *s, const struct op *op);
int change_same(const struct entry *e, const struct sstate_val *v, size_t n);

#endif
