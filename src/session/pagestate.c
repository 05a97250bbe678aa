/*
 * pagestate.c - short-term memory: sealed in the page, opened when it
 * comes back
 *
 * Invariant: no byte of a page's map is parsed before it was authenticated
 * a page that cannot be taken is stale, never an error page (B12),
 * but for one that shows a store rolled back.
 */
#include "session/pagestate.h"

#include <string.h>

#include "base/err.h"
#include "base/hint.h"
#include "session/commit.h"
#include "session/reread.h"
#include "session/change.h"
#include "store/store.h"

static struct page_scope
scope_of(const struct sstate_session *s)
{
	struct page_scope sc = { s->env->ns, s->work->psk, s->scope,
		s->schema };

	return sc;
}

static int
open_page(struct sstate_session *s, struct page_head *h, struct table *out)
{
	struct page_scope sc = scope_of(s);
	const struct keyring *ring;
	const struct ringkey *key;
	int kid = page_kid(s->page_text.ptr, s->page_text.len);
	uint8_t *map;
	size_t n;

	if (s->page_twice || !s->exists || kid < 0 ||
	    s->page_text.len > LIMIT_PAGE_FORM_BYTES ||
	    env_ring(&ring, s->env, NULL) != 0 ||
	    (key = keyring_find(ring, (uint8_t)kid, s->now)) == NULL)
		return SSTATE_EAUTH;
	if ((map = arena_get(s->a, s->page_text.len)) == NULL)
		return SSTATE_ENOMEM;
	if (page_open(map, &n, h, key, &sc, s->page_text.ptr,
		s->page_text.len) != 0)
		return SSTATE_EAUTH;
	if (h->expires <= s->now || h->issued > s->now + LIMIT_FUTURE)
		return SSTATE_EEXPIRED;
	return map_decode(out, s->a, map, n);
}

/*
 * The page was made from a newer record than the one we read: a near copy
 * may lag, so the store is asked once more; else it was rolled back.
 */
static int
rolled_back(struct sstate_session *s, const struct page_head *h,
    struct sstate_error *err)
{
	int r, linear = (store_caps(s->env->store) & SSTATE_CAP_LINEAR) != 0;
	uint64_t seen = revision_counter(h->revision);

	if (seen <= revision_counter(s->head.revision))
		return 0;
	if ((r = reread_record(s)) != 0)
		return err_plain(err, r, "begin");
	if (seen <= revision_counter(s->head.revision))
		return 0;
	env_say(s->env, SSTATE_LOG_ERROR, SSTATE_EAUTH,
	    "ROLLBACK: a page "
	    "shows revision %llu, the store has %llu",
	    (unsigned long long)seen,
	    (unsigned long long)revision_counter(s->head.revision));
	if (!s->unsafe) {
		s->stale_page = 1;
		return SSTATE_DONE;
	}
	return sstate_fail(err, linear ? SSTATE_EAUTH : SSTATE_EBUSY, 0,
	    "begin: the store is behind what the client has seen");
}

/* Used at most once: the mark is in the store before the program runs. */
static int
consume(struct sstate_session *s, const struct page_head *h,
    struct sstate_error *err)
{
	struct op op = { .kind = OP_ONCE, .by = h->issued };
	uint8_t *jti;
	int r;

	memcpy(s->once_jti, h->jti, JTI_BYTES);
	if (rec_once_used(s->work, h->jti, h->issued)) {
		s->once = ONCE_USED;
		return 0;
	}
	if ((jti = arena_get(s->a, JTI_BYTES)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "begin");
	op.bytes = memcpy(jti, h->jti, JTI_BYTES);
	if ((r = change_do(s, &op)) != 0)
		return err_plain(err, r, "begin");
	r = commit_once(s, err);
	if (r == SSTATE_EEXIST) { /* another request was faster */
		if ((r = reread_record(s)) != 0)
			return err_plain(err, r, "begin");
		s->once = ONCE_USED;
		return 0;
	}
	if (r != 0)
		return r;
	s->once = ONCE_TAKEN;
	s->merged_in = s->wrote = 0; /* not the program's commit */
	s->witness = s->head.revision;
	return 0;
}

/* What the client sent under a short-term name beats what was carried. */
static int
client_over_carried(struct sstate_session *s)
{
	const struct entry *e;
	const char *name, *next;
	size_t i;
	int r;

	for (i = 0; s->shortterm != NULL && s->shortterm[i] != NULL; i++)
		if ((e = table_find(&s->sent, s->shortterm[i])) != NULL &&
		    (r = table_set(&s->page, s->shortterm[i], e->vals, e->n)) !=
			0)
			return r;
	for (name = table_next(&s->page, NULL); name != NULL; name = next) {
		next = table_next(&s->page, name);
		if ((e = table_find(&s->sent, name)) != NULL &&
		    (r = table_set(&s->page, name, e->vals, e->n)) != 0)
			return r;
	}
	return 0;
}

/* A page came back.  Apart: most requests have none, and need no room. */
static APART int
take_page(struct sstate_session *s, struct sstate_error *err)
{
	struct page_head h;
	struct table map;
	int r;

	r = open_page(s, &h, &map);
	if (r == SSTATE_ENOMEM)
		return err_plain(err, r, "begin");
	if (r == 0 && (r = rolled_back(s, &h, err)) != 0 && r != SSTATE_DONE)
		return r;
	if (r == 0 && h.kind == PAGE_ONCE && !s->unsafe)
		r = SSTATE_EAUTH; /* of a form, not of a link */
	if (r == 0 && h.kind == PAGE_ONCE && (r = consume(s, &h, err)) != 0)
		return r;
	if (r == 0)
		s->page = map;
	else
		s->stale_page = 1;
	return 0;
}

int
pagestate_take(struct sstate_session *s, struct sstate_error *err)
{
	int r;

	if (s->page_text.len > 0 && (r = take_page(s, err)) != 0)
		return r;
	if ((r = client_over_carried(s)) != 0)
		return err_plain(err, r, "begin");
	return 0;
}

const char *
pagestate_text(struct sstate_session *s, uint8_t *once, size_t max)
{
	struct page_scope sc;
	struct page_head h;
	struct sstate_error err;
	struct buf b;
	char *text;
	int r;

	err_clear(&err);
	buf_init(&b, s->a, 512, max);
	map_encode(&b, &s->page);
	if (b.bad == SSTATE_ETOOBIG ||
	    (b.bad == 0 && page_text_len(b.len) > max)) {
		(void)session_fail(s, SSTATE_ETOOBIG,
		    "page state over %zu "
		    "bytes: store it instead",
		    max);
		return NULL;
	}
	if (b.bad != 0 ||
	    (text = arena_get(s->a, page_text_len(b.len) + 1)) == NULL) {
		(void)session_fail(s, SSTATE_ENOMEM, "page: out of memory");
		return NULL;
	}
	sc = scope_of(s);
	memset(&h, 0, sizeof(h));
	h.kind = once != NULL ? PAGE_ONCE : PAGE_PLAIN;
	h.issued = env_now(s->env);
	h.expires = h.issued + s->env->page_life;
	if (s->exists && h.expires > s->head.abs_expiry &&
	    s->succ.wanted != SUCC_LOGIN)
		h.expires = s->head.abs_expiry;
	h.revision = s->witness;
	if ((r = page_seal(text, s->key, &sc, &h, b.p, b.len, &err)) != 0) {
		(void)session_fail(s, r, "page: %s", err.text);
		return NULL;
	}
	if (once != NULL)
		memcpy(once, h.jti, JTI_BYTES);
	return text;
}
