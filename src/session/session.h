/*
 * session.h - one request's view of one session, as session/ shares it
 *
 * base is the record as it was read (or last written), work is base with
 * this request's operations applied; ops are those operations, kept for a
 * commit that meets another one.  All lie in arenas that live until
 * sstate_free().
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <securestate/store.h>

#include "crypto/seal.h"
#include "crypto/page.h"
#include "record/ops.h"
#include "session/env.h"

/* One record as it was found under a token. */
struct view {
	struct token tok;
	const struct ringkey *key;
	struct seal_head head;
	struct rec rec;
	int moved; /* reached by a stub: the client must be told */
};

/* An arena of a commit that met another one: what it read stays. */
struct annex {
	struct annex *next;
	struct arena *a;
};

enum { ONCE_NONE = 0, ONCE_TAKEN, ONCE_USED };

enum { STUBS_KEPT = 8 };

/* A new id for this session, from sstate_login() or sstate_rotate(). */
struct succession {
	int wanted; /* 0, or SUCC_* */
	int created; /* its record is in the store */
	struct token tok;
	const struct ringkey *key;
	struct seal_head head; /* of the record under the new id */
	struct rec *rec; /* that record, with ... */
	size_t nops; /* ... so many of the operations, and this expiry */
	int expiry_set;
	int64_t expiry;
	/* Stubs whose writes were not answered: one of them may stand. */
	uint64_t stub[STUBS_KEPT];
	unsigned nstubs;
};

enum { SUCC_ROTATE = 1, SUCC_LOGIN = 2 };

struct sstate_session {
	struct sstate *env;
	struct arena *a;
	struct annex *annexes;
	int slot; /* the store's hint */
	struct sstate_error fail; /* the first failure, kept */
	struct sstate_error last; /* of a commit that may be repeated */

	/* what the program wants */
	uint32_t how; /* SSTATE_MUST_EXIST ... */
	uint8_t mindset;
	const char *const *memory, *const *shortterm;
	const char *scope;
	uint32_t schema;

	/* what the client sent */
	int64_t now; /* when the request began */
	int unsafe; /* the method is not GET or HEAD */
	const char *path;
	struct sstate_val bind;
	struct table sent, query;
	const char *host, *origin, *fetch_site, *csrf_header;
	struct sstate_val csrf_field;
	struct sstate_val page_text;
	int page_twice; /* two that differ: none is taken */
	struct sstate_val cand[LIMIT_OUR_COOKIES]; /* tokens, not yet checked */
	size_t ncand; /* over LIMIT_OUR_COOKIES: too many */
	int cookie_came; /* a cookie of our name, good or not */

	/* whose record */
	int has_id; /* tok, key and text are set */
	struct token tok;
	const struct ringkey *key;
	char text[TOKEN_TEXT + 1];
	int exists; /* a record under tok, that we know of */
	struct seal_head head; /* as read, or last written */
	uint64_t witness; /* revision that was read in begin */
	int64_t accessed;
	struct rec *base, *work;
	struct ops ops;

	/* what the commit has to do */
	int expiry_set; /* sstate_set_expires() was called */
	int64_t expiry; /* seconds from now, 0: the defaults */
	int linked; /* a link or field was made */
	int rendered; /* ... with token, page or CSRF token */
	struct succession succ;
	int gone; /* another request ended it */
	int ended, is_new, merged_in, stale_page, frozen, wrote;
	int tell; /* the client must get this token */
	int once; /* ONCE_* */
	uint8_t once_jti[JTI_BYTES]; /* of the once page that came */
	uint64_t commit_id; /* 0: none drawn */
	int undecided; /* a write was not answered */
	int rewrite; /* write again, though nothing changed */
	uint64_t undecided_rev; /* the revision it would have made */
	uint64_t undecided_from; /* counter of the first such attempt */

	/* memories */
	int psk_ready;
	struct table merged;
	int merged_ready;
	struct table forgotten; /* names taken out of `memory` */
	struct table page;
	size_t bytes, values; /* weight of work */
	struct sstate_info info;
};

/* session.c */
/* Keep the first failure that changes a session; returns code. */
int session_fail(struct sstate_session *s, int code, const char *fmt, ...)
    SSTATE_PRINTF(3, 4);
/* May it be changed?  0, or the failure that is kept. */
int session_open_for_change(struct sstate_session *s);
/* Another request ended it: SSTATE_EGONE, kept for good. */
int session_gone(struct sstate_session *s, struct sstate_error *err);
/* r becomes base and work: a record without values, no id. */
void session_blank(struct sstate_session *s, struct rec *r);
/* sstate_reload(), but for what was sent: begin takes that later. */
int session_reread(struct sstate_session *s);
/* Take v for the session's record: base and work, token, head. */
int session_adopt(struct sstate_session *s, const struct view *v,
    struct arena *a);

/* request.c: what the client sent */
int request_read(struct sstate_session *s, const struct sstate_web *web,
    struct sstate_error *err);
/*
 * The token that came, checked without I/O.  0; SSTATE_ENOTFOUND if none
 * came, SSTATE_EAUTH if none of ours (or two that differ) did.
 */
int request_token(struct sstate_session *s, struct token *tok,
    const struct ringkey **key, struct sstate_error *err);

/* fetch.c */
/* When it expires: the sooner of its two deadlines. */
int64_t view_deadline(const struct seal_head *h);
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

/* users.c */
/* Names a record, opens nothing: the start of its locator. */
void handle_of(char out[20], const uint8_t loc[LOC_BYTES]);

/* write.c */
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

/* commit.c */
/* Write what there is to write; sstate_commit() without the bookkeeping. */
int commit_run(struct sstate_session *s, struct sstate_error *err);
/* The same for the operations alone, in begin: no rotation, no renewal. */
int commit_once(struct sstate_session *s, struct sstate_error *err);
/* An id and a psk for a session that has none; memory only. */
int commit_identity(struct sstate_session *s, struct sstate_error *err);
/* After a write: base is work, nothing is left to do. */
void commit_settle(struct sstate_session *s);

/*
 * One commit's attempts: each re-read lies in an arena of its own, of which
 * only the last is kept.
 */
struct attempts {
	struct sstate_session *s;
	struct arena *a; /* of the present base and work */
	const struct rec *shown; /* work when the commit began */
	uint64_t began_us;
	unsigned n;
	unsigned met; /* how often another record than ours was taken up */
	unsigned own; /* ... and it was what we had written ourselves */
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
/* Replay on what was read last and take it for the session's record. */
int attempts_rebase(struct attempts *at, const struct view *v,
    struct sstate_error *err);
/* Keep what the session stands on; r is the outcome, handed back. */
int attempts_end(struct attempts *at, int r);

/* succeed.c */
/* Draw the new id for SUCC_*; memory only. */
int succession_want(struct sstate_session *s, int kind,
    struct sstate_error *err);
/* Is a plain rotation due? */
int succession_due(const struct sstate_session *s);
int succession_run(struct sstate_session *s, struct sstate_error *err);

/* mindset.c */
/* The operations that follow from what was sent (K21, K24). */
int mindset_take(struct sstate_session *s);
/* Build MERGED, if it is not there yet. */
int mindset_merge(struct sstate_session *s);
int mindset_in_memory(const struct sstate_session *s, const char *name);
int mindset_is_shortterm(const struct sstate_session *s, const char *name);
/* work was merged with another request's: mend MERGED. */
void mindset_refresh(struct sstate_session *s, const struct rec *old);

/* pagestate.c */
/* Open what came in .page, fill PAGE; once pages are consumed. */
int pagestate_take(struct sstate_session *s, struct sstate_error *err);
/*
 * The token text for the present PAGE memory; NULL after a failure.  once:
 * NULL, or where the once page's jti goes.
 */
const char *pagestate_text(struct sstate_session *s, uint8_t *once, size_t max);

/* values.c */
/* Apply op to work and keep it for the commit; checks the limits. */
int values_do(struct sstate_session *s, const struct op *op);
int values_same(const struct entry *e, const struct sstate_val *v, size_t n);

/* check.c */
/*
 * What a once form's CSRF token is bound to: its action and its own page, so
 * that the token alone does not pass for it.  NULL: no memory.
 */
const char *check_action(struct arena *a, const char *action,
    const uint8_t jti[JTI_BYTES]);

/* render.c */
/* An id and a psk, so that something can be rendered. */
int render_ready(struct sstate_session *s);

#endif
