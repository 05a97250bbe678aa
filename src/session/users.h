/*
 * users.h - sessions without their clients
 */
#ifndef SESSION_USERS_H
#define SESSION_USERS_H

#include "session/state.h"

/* Names a record, opens nothing: the start of its locator. */
void handle_of(char out[20], const uint8_t loc[LOC_BYTES]);

#endif
