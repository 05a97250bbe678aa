/*
 * session.c - a session begins, is looked at, and is freed
 *
 * Invariant: an id that we did not issue, or whose record is not there,
 * never becomes a session's id: a new one is drawn when it is needed.
 */
#include "session/reread.h"

#include <string.h>

#include "base/err.h"
#include "base/hint.h"
#include "base/whole.h"
#include "session/change.h"
#include "session/check.h"
#include "session/doubt.h"
#include "session/fetch.h"
#include "session/mindset.h"
#include "session/pagestate.h"
#include "session/passing.h"
#include "session/request.h"
#include "session/users.h"
#include "store/store.h"

#define HOW_FLAGS (SSTATE_MUST_EXIST | SSTATE_EAGER | SSTATE_NO_STORE)

enum { FIRST_BLOCK = 16384 };

static int
take_how(struct sstate_session *s, const struct sstate_how *how,
    struct sstate_error *err)
{
	static const struct sstate_how none = SSTATE_HOW_INIT;
	UNFILLED struct sstate_how h;
	int r;

	if ((r = whole_copy(&h, sizeof(h), how != NULL ? how : &none, "how",
		 err)) != 0)
		return r;
	if ((h.flags & ~(uint32_t)HOW_FLAGS) != 0 || h.pad != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "how: a flag that is not of sstate_how");
	if (h.mindset > SSTATE_UNFORGETFUL) /* B09 */
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "how: no such mindset");
	s->how = h.flags;
	s->mindset = h.mindset != 0 ? (uint8_t)h.mindset : SSTATE_FORGETFUL;
	s->memory = h.memory;
	s->shortterm = h.shortterm;
	s->schema = h.schema;
	s->scope = h.scope;
	return 0;
}

/* Why there is no session for the token that came: MUST_EXIST wants it. */
static int
without(struct sstate_session *s, int why, struct sstate_error *err)
{
	if ((s->how & SSTATE_MUST_EXIST) != 0)
		return err_plain(err, why, "begin");
	err_clear(err);
	return 0;
}

/* Find and read the record of the token that came, if it may be read. */
static int
recall(struct sstate_session *s, struct sstate_error *err)
{
	struct view *v;
	int r;

	if ((v = arena_zero(s->a, sizeof(*v))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "begin");
	r = request_token(s, &v->tok, &v->key, err);
	if (r == SSTATE_ENOTFOUND || r == SSTATE_EAUTH)
		return without(s, r, err);
	if (r != 0)
		return r;
	r = fetch(s, v, s->a, err);
	s->far = 1;
	if (r == 0 && store_is_layered(s->env->store) &&
	    check_is_newer(s, &v->head)) /* a near copy lags */
		r = fetch(s, v, s->a, err);
	if (fetch_is_none(r))
		return without(s, r, err);
	/* Who demands a session is told; else there is none, nor a new one. */
	if (r != 0 && (s->how & SSTATE_MUST_EXIST) == 0 &&
	    session_soften(s, r, err)) {
		err_clear(err);
		return 0;
	}
	if (r != 0)
		return r;
	if (v->rec.mindset != s->mindset) /* K08 */
		return sstate_fail(err, SSTATE_EMINDSET, 0,
		    "begin: the session was recorded under the other mindset");
	session_adopt(s, v);
	s->is_new = 0;
	s->witness = s->head.revision;
	s->accessed = s->head.written;
	return 0;
}

/* The id's first use by its client: from now on its forerunner is REUSE. */
static int
first_use(struct sstate_session *s)
{
	struct op op = { .kind = OP_USED };

	if (!s->exists || !s->base->fresh || s->tell ||
	    store_policy(s->env->store)->readonly)
		return 0;
	return change_do(s, &op);
}

static int
begin(struct sstate_session *s, const struct sstate_how *how,
    const struct sstate_web *web, struct sstate_error *err)
{
	static const struct sstate_web none = SSTATE_WEB_INIT;
	UNFILLED struct sstate_web w;
	struct rec *rec;
	int r, stored;

	if ((r = whole_copy(&w, sizeof(w), web != NULL ? web : &none, "web",
		 err)) != 0 ||
	    (r = take_how(s, how, err)) != 0 ||
	    (r = request_read(s, &w, err)) != 0)
		return r;
	stored = (s->how & SSTATE_NO_STORE) == 0;
	if (s->scope == NULL)
		s->scope = s->path != NULL ? s->path : "";
	if (stored) {
		env_tick(s->env, s->now);
		if ((r = recall(s, err)) != 0)
			return r;
		stored = !s->soft;
	}
	if (!s->exists) {
		if ((rec = arena_get(s->a, sizeof(*rec))) == NULL)
			return err_plain(err, SSTATE_ENOMEM, "begin");
		session_blank(s, rec);
	}
	/* It may be read again tomorrow: links do not lose it. */
	if (s->soft && request_token(s, &s->tok, &s->key, NULL) == 0)
		s->has_id = s->keeps = 1;
	if (!stored)
		return 0;
	if ((r = pagestate_take(s, err)) != 0)
		return r;
	if ((r = first_use(s)) != 0 || (r = mindset_take(s)) != 0)
		return err_plain(err, r, "begin");
	return 0;
}

int
sstate_begin(struct sstate_session **out, struct sstate *env,
    const struct sstate_how *how, const struct sstate_web *web,
    struct sstate_error *err)
{
	struct sstate_session *s = NULL;
	struct arena *a;
	int r;

	if (out == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "begin: no out");
	*out = NULL;
	err_clear(err);
	if (env == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "begin: no environment");
	if ((a = arena_new(&env->secret, FIRST_BLOCK)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "begin");
	if ((s = arena_zero(a, sizeof(*s))) == NULL) {
		arena_free(a);
		return err_plain(err, SSTATE_ENOMEM, "begin");
	}
	s->env = env;
	s->a = a;
	s->slot = -1;
	s->now = s->clock = s->accessed = env_now(env);
	s->is_new = 1;
	table_init(&s->sent, a);
	table_init(&s->query, a);
	table_init(&s->merged, a);
	table_init(&s->forgotten, a);
	table_init(&s->page, a);
	if ((r = begin(s, how, web, err)) != 0) {
		if (s->fail.code == r && err != NULL && err->code != 0)
			*err = s->fail;
		sstate_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void
sstate_free(struct sstate_session *s)
{
	struct annex *x, *next;
	struct sstate *env;
	int64_t now;
	int wrote;

	if (s == NULL)
		return;
	env = s->env;
	now = s->now;
	wrote = s->wrote;
	for (x = s->annexes; x != NULL; x = next) {
		next = x->next;
		arena_free(x->a); /* x lies in it */
	}
	arena_free(s->a);
	if (wrote)
		passing_wrote(env, now);
}

int
sstate_reload(struct sstate_session *s)
{
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	memset(&s->fail, 0, sizeof(s->fail));
	memset(&s->last, 0, sizeof(s->last));
	if (s->soft && s->exists) { /* it is tried again */
		s->soft = 0;
		s->how &= ~(uint32_t)SSTATE_NO_STORE;
	}
	if (s->frozen)
		return session_fail(s, SSTATE_EINVAL,
		    "reload: the answer has left already");
	if (s->gone)
		return session_gone(s, NULL);
	if (s->succ.wanted != 0)
		s->linked = 0; /* its id is dropped, and so is its page */
	memset(&s->succ, 0, sizeof(s->succ));
	s->expiry_set = 0;
	doubt_clear(s);
	s->merged_ready = 0;
	table_init(&s->merged, s->a);
	if ((r = reread_record(s)) != 0)
		return r;
	if (s->wrote || s->ended || (s->how & SSTATE_NO_STORE) != 0)
		return 0;
	/* What was sent is to be stored as before: nothing of it was yet. */
	if ((r = first_use(s)) != 0 || (r = mindset_take(s)) != 0)
		return session_fail(s, r, "reload: %s", sstate_strerror(r));
	return 0;
}

const struct sstate_error *
sstate_failure(const struct sstate_session *s)
{
	static const struct sstate_error none = { SSTATE_EINVAL, 0,
		"no session" };

	if (s == NULL)
		return &none;
	return s->fail.code != 0 ? &s->fail : &s->last;
}

const char *
sstate_user(const struct sstate_session *s)
{
	return s != NULL ? s->work->user : NULL;
}

int
sstate_set_expires(struct sstate_session *s, int64_t seconds)
{
	int r;

	if (s == NULL)
		return SSTATE_EINVAL;
	if ((r = session_open_for_change(s)) != 0)
		return r;
	if (seconds < 0)
		return session_fail(s, SSTATE_EINVAL,
		    "set_expires: a negative time");
	if (seconds > INT32_MAX)
		seconds = INT32_MAX; /* the ring's max_lifetime is less */
	s->expiry_set = 1;
	s->expiry = seconds;
	return 0;
}

const struct sstate_info *
sstate_inspect(struct sstate_session *s)
{
	static const struct sstate_info none = { 0 };
	struct sstate_info *in;
	size_t values;

	if (s == NULL)
		return &none;
	in = &s->info;
	memset(in, 0, sizeof(*in));
	in->flags = (s->is_new ? SSTATE_IS_NEW : 0) |
	    (s->ops.n > 0 || s->expiry_set || s->succ.wanted ? SSTATE_IS_DIRTY
							     : 0) |
	    (s->ended || s->gone ? SSTATE_IS_ENDED : 0) |
	    (s->merged_in ? SSTATE_IS_MERGED : 0) |
	    (s->stale_page ? SSTATE_IS_STALE_PAGE : 0);
	in->now = s->now; /* one time for the whole request (K12) */
	in->accessed = s->accessed;
	in->login = s->work->login;
	in->bytes = rec_weight(s->work, &values);
	if (s->exists) {
		handle_of(in->handle, s->tok.loc);
		in->created = s->head.created;
		in->written = s->head.written;
		in->expires = view_deadline(&s->head);
		in->rev = s->head.revision;
	}
	return in;
}
