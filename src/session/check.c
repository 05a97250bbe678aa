/*
 * check.c - was this request made by a form or script of ours? (R-60..R-62)
 *
 * Three things must agree, where the browser says them: the method, the
 * origin, and a token that only a page of this session for this action has.
 */
#include "session/check.h"

#include <string.h>

#include "base/codec.h"
#include "base/nocase.h"
#include "crypto/csrf.h"

/*
 * Origin against Host (RFC 6454 7): scheme is the server's business, so
 * only host and port are compared, a scheme's own port being none.
 */
static int
same_origin(const char *origin, const char *host)
{
	const char *own, *p;
	size_t n, h;

	if (nocase_is(origin, "https://", 8)) {
		p = origin + 8;
		own = ":443";
	} else if (nocase_is(origin, "http://", 7)) {
		p = origin + 7;
		own = ":80";
	} else
		return 0;
	n = strlen(p);
	h = strlen(host);
	if (n > strlen(own) && strcmp(p + n - strlen(own), own) == 0)
		n -= strlen(own);
	if (h > strlen(own) && strcmp(host + h - strlen(own), own) == 0)
		h -= strlen(own);
	return n > 0 && n == h && nocase_is(p, host, n);
}

/*
 * Fetch metadata: "none" is the user himself (an address, a reload).
 *
 * A form of a page under "Referrer-Policy: no-referrer" is sent with
 * "Origin: null", and so is one in a stranger's sandbox; the metadata tell
 * them apart.  Browsers leave these out over plain http: then a token that
 * no browser adds by itself, the page carrier's, is proof enough.
 */
static int
sent_by_our_site(const struct sstate_session *s)
{
	if (s->fetch_site != NULL &&
	    strcmp(s->fetch_site, "same-origin") != 0 &&
	    strcmp(s->fetch_site, "none") != 0)
		return 0;
	if (s->origin == NULL)
		return 1;
	if (strcmp(s->origin, "null") == 0)
		return s->fetch_site != NULL
		    ? strcmp(s->fetch_site, "same-origin") == 0
		    : (s->env->flags & SSTATE_CARRY_PAGE) != 0;
	return s->host != NULL && same_origin(s->origin, s->host);
}

/*
 * The key under which it was made: that of the session's id, or one before
 * it, when a plain rotation met a new key.  A MAC, so trying is harmless.
 */
static int
open_token(const struct sstate_session *s, struct csrf_head *h,
    const char *action, const char *text, size_t len)
{
	const struct keyring *ring;
	const struct ringkey *key;
	size_t i;

	if (csrf_open(h, s->key, s->env->ns, s->work->psk, action, text, len) ==
	    0)
		return 0;
	if (env_ring(&ring, s->env, NULL) != 0)
		return SSTATE_EAUTH;
	for (i = 0; i < keyring_count(ring); i++) {
		key = keyring_at(ring, i);
		if (keyring_find(ring, key->kid, s->now) == NULL)
			continue;
		if (csrf_open(h, key, s->env->ns, s->work->psk, action, text,
			len) == 0)
			return 0;
	}
	return SSTATE_EAUTH;
}

const char *
check_action(struct arena *a, const char *action, const uint8_t jti[JTI_BYTES])
{
	size_t n = strlen(action), size = n + 1 + B64_LEN(JTI_BYTES) + 1;
	char *p = arena_get(a, size);

	if (p == NULL)
		return NULL;
	memcpy(p, action, n);
	p[n] = '\n';
	b64_encode(p + n + 1, jti, JTI_BYTES);
	return p;
}

/* The token has the lower 32 bits: the time nearest to now (B14). */
static int64_t
issued(const struct csrf_head *h, int64_t now)
{
	return now - (int32_t)((uint32_t)now - (uint32_t)h->issued);
}

/* The field, else the script's header; len 0: neither came. */
static const char *
token_sent(size_t *len, const struct sstate_session *s)
{
	*len = s->csrf_field.len;
	if (*len > 0 || s->csrf_header == NULL)
		return s->csrf_field.ptr;
	*len = strlen(s->csrf_header);
	return s->csrf_header;
}

int
check_is_newer(const struct sstate_session *s, const struct seal_head *head)
{
	const char *text;
	size_t len;

	if (!s->unsafe)
		return 0;
	text = token_sent(&len, s);
	return len > 0 &&
	    revision_counter(csrf_peek(text, len)) >
	    revision_counter(head->revision);
}

int
sstate_check(const struct sstate_session *s, const char *action)
{
	struct csrf_head h;
	const char *text;
	size_t len;
	int64_t when;

	if (s == NULL || action == NULL)
		return SSTATE_EINVAL;
	if (s->fail.code != 0)
		return s->fail.code;
	if (!s->unsafe || !s->exists || !sent_by_our_site(s))
		return SSTATE_EAUTH;
	text = token_sent(&len, s);
	if (s->once != ONCE_NONE &&
	    (action = check_action(s->a, action, s->once_jti)) == NULL)
		return SSTATE_ENOMEM;
	if (len == 0 || open_token(s, &h, action, text, len) != 0)
		return SSTATE_EAUTH;
	when = issued(&h, s->now);
	if (when > s->now + LIMIT_FUTURE || when + s->env->page_life <= s->now)
		return SSTATE_EEXPIRED;
	if (revision_counter(h.revision) > revision_counter(s->head.revision)) {
		env_say(s->env, SSTATE_LOG_ERROR, SSTATE_EAUTH,
		    "ROLLBACK: a "
		    "form shows a newer record than the store has");
		return SSTATE_EAUTH;
	}
	return s->once == ONCE_USED ? SSTATE_EEXPIRED : 0;
}
