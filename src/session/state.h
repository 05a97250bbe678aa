/*
 * state.h - one request's view of one session, as session/ shares it
 *
 * base is the record as it was read (or last written), work is base with
 * this request's operations applied; ops are those operations, kept for a
 * commit that meets another one.  All lie in arenas that live until
 * sstate_free()
 */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include <securestate/store.h>

#include "crypto/page.h"
#include "crypto/seal.h"
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

/* A write that was not answered: what would show it, what was in it. */
struct doubt {
	uint64_t id; /* its commit id, over a remote store */
	uint64_t rev; /* the revision it would have made */
	size_t nops; /* so many of the operations, and this expiry */
	int expiry_set;
	int64_t expiry;
};

enum { DOUBTS = 4 };

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
	int far; /* reads are of the store that decides: all but the first */
	int soft; /* errors=log, and the store failed: as under NO_STORE */
	int keeps; /* soft: links go on with the id that came */
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
	int64_t clock; /* when a begin, reload, commit or attempt did */
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
	int has_id; /* tok and key are set */
	struct token tok;
	const struct ringkey *key;
	char text[TOKEN_TEXT + 1]; /* of tok, or "": session_text() */
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
	struct doubt trying; /* the commit id and what it stands for */
	struct doubt doubt[DOUBTS]; /* writes that were not answered */
	unsigned ndoubts;
	int rewrite; /* write again, though nothing changed */
	uint64_t undecided_from; /* counter of the first such attempt */

	/* memories */
	int psk_ready;
	struct table merged;
	int merged_ready;
	struct table forgotten; /* names taken out of `memory` */
	struct table page;
	size_t bytes, values; /* no less than the weight of work */
	struct sstate_info info;
};

/* Keep the first failure that changes a session; returns code. */
int session_fail(struct sstate_session *s, int code, const char *fmt, ...)
    SSTATE_PRINTF(3, 4);
/* May it be changed?  0, or the failure that is kept. */
int session_open_for_change(struct sstate_session *s);
/*
 * errors=log and a failure of the store: from now on nothing is read or
 * written, and nothing that the program does fails for that.  True if so.
 */
int session_soften(struct sstate_session *s, int r,
    const struct sstate_error *err);
/* Another request ended it: SSTATE_EGONE, kept for good. */
int session_gone(struct sstate_session *s, struct sstate_error *err);
/* r becomes base and work: a record without values, no id. */
void session_blank(struct sstate_session *s, struct rec *r);
/* Take v, which lies in the session's arena, for its record. */
void session_adopt(struct sstate_session *s, struct view *v);
/* tok as the client has it; most requests never need it. */
const char *session_text(struct sstate_session *s);
/* When it expires: the sooner of its two deadlines. */
int64_t view_deadline(const struct seal_head *h);

#endif
