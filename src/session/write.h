/*
 * write.h - a record to be written: times, payload, seal
 */
#ifndef SESSION_WRITE_H
#define SESSION_WRITE_H

#include "session/state.h"

struct sealed {
	struct sstate_record rec;
	struct sstate_key key;
};
/* Encode and seal r under tok; head's revision and written are set here. */
int write_seal(struct sstate_session *s, struct sealed *out, struct arena *a,
    const struct token *tok, const struct ringkey *key, struct seal_head *head,
    uint64_t was_rev, const struct rec *r, struct sstate_error *err);
void write_key(struct sstate_session *s, struct sstate_key *out,
    const struct token *tok);
/* The times of the next record, from those of the one before (or NULL). */
void write_times(struct sstate_session *s, struct seal_head *out,
    const struct seal_head *was, const struct rec *r, int64_t now);

#endif
