/*
 * page_fuzzer.c - page state and CSRF tokens: what opens is what we made
 *
 * Input: an octet (0: a page's text, 1: a map to be sealed, 2: a CSRF token,
 * 3: an action and what to damage), then that.
 */
#include <securestate.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "crypto/drawn.h"
#include "fuzz_ring.h"
#include "record/record.h"

static uint8_t psk[PSK_BYTES];
static const struct page_scope scope = { NS, psk, "/cgi-bin/shop", 0 };

static const struct ringkey *
key(void)
{
	return &fz_ring()->key[0];
}

static int
open_page(uint8_t *map, size_t *n, struct page_head *h, const char *text,
    size_t len)
{
	int r = page_open(map, n, h, key(), &scope, text, len);

	MUST(r == 0 || (r == SSTATE_EAUTH && *n == 0 && h->kind == 0));
	return r;
}

/* One text: sealed again with the same salt, it is the same. */
static void
page_text(const struct fz_in *in)
{
	uint8_t *map = fz_alloc(in->n), salt[3 + PAGE_SALT];
	char *again = fz_alloc(LIMIT_PAGE_FORM_BYTES + 1);
	struct arena *a = arena_new(NULL, 256);
	const char *text = (const char *)in->p;
	struct page_head h;
	struct table t;
	size_t n;

	MUST(page_kid(text, in->n) >= -1 && page_kid(text, in->n) <= 255);
	if (open_page(map, &n, &h, text, in->n) == 0) {
		MUST(page_text_len(n) == in->n);
		MUST(b64_decode(salt, sizeof(salt), text, 36) == 27);
		MUST(page_seal_with(again, key(), &scope, &h, salt + 3, map, n,
			 NULL) == 0);
		MUST(memcmp(again, text, in->n) == 0);
		(void)map_decode(&t, a, map, n);
	}
	arena_free(a);
	free(again);
	free(map);
}

static void
page_made(struct fz_in *in)
{
	size_t at = fz_byte(in) | fz_byte(in) << 8, n, len;
	char *text = fz_alloc(LIMIT_PAGE_FORM_BYTES + 1), other;
	uint8_t *map = fz_alloc(LIMIT_PAGE_FORM_BYTES), salt[PAGE_SALT];
	struct page_head h, back;
	int r;

	other = (char)fz_byte(in);
	memset(&h, 0, sizeof(h));
	h.kind = (uint8_t)fz_byte(in);
	fz_fill(h.jti, in, sizeof(h.jti));
	h.revision = get64(h.jti);
	fz_fill(salt, in, sizeof(salt));
	h.issued = NOW;
	h.expires = NOW + 3600;
	r = page_seal_with(text, key(), &scope, &h, salt, in->p, in->n, NULL);
	MUST(r == 0 || r == SSTATE_EINVAL || r == SSTATE_ETOOBIG);
	MUST(r == 0 || text[0] == '\0');
	if (r == 0) {
		len = strlen(text);
		MUST(len == page_text_len(in->n));
		MUST(open_page(map, &n, &back, text, len) == 0);
		MUST(n == in->n && (n == 0 || memcmp(map, in->p, n) == 0));
		MUST(memcmp(back.jti, h.jti, JTI_BYTES) == 0 &&
		    back.revision == h.revision && back.kind == h.kind &&
		    back.issued == NOW && back.expires == h.expires);
		if (text[at % len] != other) {
			text[at % len] = other;
			MUST(open_page(map, &n, &back, text, len) != 0);
		}
		MUST(open_page(map, &n, &back, text, at % len) != 0);
	}
	free(map);
	free(text);
}

static int
open_csrf(struct csrf_head *h, const char *action, const char *text, size_t n)
{
	int r = csrf_open(h, key(), NS, psk, action, text, n);

	MUST(r == 0 || r == SSTATE_EAUTH);
	return r;
}

static void
csrf_text(const struct fz_in *in)
{
	char again[CSRF_TEXT + 1];
	uint8_t salt[CSRF_SALT];
	struct csrf_head h;

	if (open_csrf(&h, "/pay", (const char *)in->p, in->n) != 0)
		return;
	MUST(in->n == CSRF_TEXT &&
	    b64_decode(salt, sizeof(salt), (const char *)in->p, 16) == 12);
	MUST(
	    csrf_make_with(again, key(), NS, psk, "/pay", &h, salt, NULL) == 0);
	MUST(memcmp(again, in->p, CSRF_TEXT) == 0);
}

static void
csrf_made(struct fz_in *in)
{
	uint8_t salt[CSRF_SALT], rev[8];
	size_t at = fz_byte(in) % CSRF_TEXT;
	char text[CSRF_TEXT + 1], other = (char)fz_byte(in), *action;
	struct csrf_head h, back;

	fz_fill(salt, in, sizeof(salt));
	fz_fill(rev, in, sizeof(rev));
	h.issued = NOW;
	h.revision = get64(rev);
	action = fz_str(in);
	MUST(csrf_make_with(text, key(), NS, psk, action, &h, salt, NULL) == 0);
	MUST(strlen(text) == CSRF_TEXT);
	MUST(open_csrf(&back, action, text, CSRF_TEXT) == 0);
	MUST(back.revision >> 16 == h.revision >> 16 &&
	    ((back.issued ^ NOW) & 0xffffffff) == 0);
	if (text[at] != other) {
		text[at] = other;
		MUST(open_csrf(&back, action, text, CSRF_TEXT) != 0);
	}
	free(action);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	unsigned what = fz_byte(&in) & 3;

	fz_hex(psk, sizeof(psk), PSK);
	if (in.n == 0)
		return 0;
	if (what == 0)
		page_text(&in);
	else if (what == 1)
		page_made(&in);
	else if (what == 2)
		csrf_text(&in);
	else
		csrf_made(&in);
	return 0;
}
