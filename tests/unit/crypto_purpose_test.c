/*
 * crypto_purpose_test.c - what was made for one purpose serves no other
 *
 * Six kinds (an id for the cookie, an id for the page, page state, a CSRF
 * token, a record, what is under a name), each read by the reader of each other kind, as text and
 * as bytes, in two namespaces, under two kids, for two sessions (S13).
 */
#include "crypto_help.h"

#include "crypto/csrf.h"
#include "crypto/kvseal.h"
#include "crypto/page.h"
#include "crypto/prf.h"
#include "crypto/seal.h"
#include "crypto/token.h"

enum { KINDS = 6, MOST = 2048 };

struct world {
	const struct ringkey *key;
	const char *ns;
	struct token t;
	uint8_t psk[PSK_BYTES];
};

struct thing {
	uint8_t p[MOST];
	size_t n;
};

static struct keyring *ring;
static const char *const names[KINDS] = { "cookie id", "page id", "page state",
	"CSRF token", "record", "value under a name" };

/* As a binding would do it: the name is the session's id. */
static struct sstate_val
name_of(const struct world *w)
{
	return (struct sstate_val){ (const char *)w->t.sid, SID_BYTES };
}

static void
make(struct thing *out, unsigned kind, const struct world *w)
{
	static const struct seal_head sh = { .created = NOW,
		.written = NOW,
		.abs_expiry = NOW + 9,
		.idle_deadline = NOW + 9,
		.revision = 1u << 24 };
	static const struct kv_head kh = { .written = NOW,
		.expires = NOW + 9,
		.revision = 1u << 24 };
	struct page_scope sc = { w->ns, w->psk, "/a", 0 };
	struct kv_place at;
	struct page_head ph = { .kind = PAGE_PLAIN, .issued = NOW };
	struct csrf_head ch = { .issued = NOW };
	struct seal_random rnd;
	struct token t;
	char *text = (char *)out->p;
	int r = 0;

	switch (kind) {
	case 0:
		token_text(text, &w->t);
		out->n = TOKEN_TEXT;
		break;
	case 1:
		r = token_new(&t, w->key, w->ns, CLS_PAGE, NULL);
		token_text(text, &t);
		out->n = TOKEN_TEXT;
		break;
	case 2:
		r = page_seal(text, w->key, &sc, &ph, "a=1", 3, NULL);
		out->n = strlen(text);
		break;
	case 3:
		r = csrf_make(text, w->key, w->ns, w->psk, "/a", &ch, NULL);
		out->n = CSRF_TEXT;
		break;
	case 4:
		r = seal_draw(&rnd, NULL) != 0 ||
		    seal_make(out->p, w->key, w->ns, &w->t, NOTHING, &sh, &rnd,
			"a=1", 3, NULL) != 0;
		out->n = seal_size(3);
		break;
	default:
		kv_place(&at, w->key, w->ns, name_of(w));
		r = seal_draw(&rnd, NULL) != 0 ||
		    kv_seal(out->p, &at, &kh, &rnd, "a=1", 3, NULL) != 0;
		out->n = kv_size(3);
	}
	if (r != 0)
		abort();
}

static int
reads(unsigned kind, const struct world *w, const uint8_t *p, size_t n)
{
	static uint8_t out[MOST * 2];
	struct page_scope sc = { w->ns, w->psk, "/a", 0 };
	const char *text = (const char *)p;
	const struct ringkey *key;
	struct page_head ph;
	struct csrf_head ch;
	struct seal_head sh;
	struct kv_place at;
	struct kv_head kh;
	struct token t;
	size_t len;

	switch (kind) {
	case 0:
	case 1:
		return token_parse(&t, &key, ring, w->ns,
			   kind == 0 ? CLS_COOKIE : CLS_PAGE, text, n,
			   NOW) == 0 &&
		    key == w->key;
	case 2:
		return page_open(out, &len, &ph, w->key, &sc, text, n) == 0;
	case 3:
		return csrf_open(&ch, w->key, w->ns, w->psk, "/a", text, n) ==
		    0;
	case 5:
		kv_place(&at, w->key, w->ns, name_of(w));
		return kv_open(out, &len, &kh, &at, p, n) == 0;
	default:
		return seal_open(out, &len, &sh, w->key, w->ns, &w->t, NOTHING,
			   p, n) == 0;
	}
}

/* As it is, decoded, and encoded once more. */
static int
taken(unsigned kind, const struct world *w, const struct thing *x)
{
	static uint8_t raw[MOST], text[MOST * 2];
	int n = b64_decode(raw, sizeof(raw), (const char *)x->p, x->n);

	b64_encode((char *)text, x->p, x->n);
	return reads(kind, w, x->p, x->n) +
	    (n > 0 && reads(kind, w, raw, (size_t)n)) +
	    reads(kind, w, text, B64_LEN(x->n));
}

static void
cross(const struct world *w, size_t worlds)
{
	static struct thing x;
	unsigned i, j, off[KINDS] = { 0 }, on[KINDS] = { 0 };
	size_t a, b;

	for (a = 0; a < worlds; a++)
		for (i = 0; i < KINDS; i++) {
			make(&x, i, &w[a]);
			for (b = 0; b < worlds; b++)
				for (j = 0; j < KINDS; j++) {
					/* Ids name no session. */
					int own = i == j &&
					    (a == b ||
						(i < 2 && a / 2 == b / 2));

					*(own ? &on[i] : &off[i]) +=
					    (unsigned)taken(j, &w[b], &x);
				}
		}
	for (i = 0; i < KINDS; i++) {
		T(on[i] == worlds * (i < 2 ? 2 : 1),
		    "R-65 a %s is one to its own reader", names[i]);
		T(off[i] == 0, "R-65, R-13 and to none of the other %zu",
		    worlds * KINDS - (i < 2 ? 2u : 1u));
	}
}

/* The same octets under every purpose's key and label: all differ. */
static void
labels(const struct ringkey *k)
{
	static const char *const label[] = { "tok", "rec", "pag", "csr", "usr",
		"log", "kvl", "kvd", "fp" };
	const uint8_t *key[] = { k->tok, k->dat, k->pag, k->csr, k->usr, k->log,
		k->kvl, k->kvd };
	static uint8_t out[72][64];
	struct prf_part part = { "app", 3 };
	unsigned i, j, n = 0, equal = 0;

	for (i = 0; i < 8; i++)
		for (j = 0; j < 9; j++)
			prf(out[n++], 64, key[i], label[j], &part, 1);
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			equal += memcmp(out[i], out[j], 16) == 0;
	T(n == 72 && equal == 0,
	    "R-65 purposes by pairs: %u outputs, all differ", n);
}

/* lp() leaves no two ways to part the same octets. */
static void
parts(const struct ringkey *k)
{
	static uint8_t big[2000];
	static const struct {
		const char *label;
		struct prf_part part[3];
		size_t n;
	} in[] = {
		{ "x", { { "a", 1 }, { "bc", 2 } }, 2 },
		{ "x", { { "ab", 2 }, { "c", 1 } }, 2 },
		{ "x", { { "abc", 3 } }, 1 },
		{ "x", { { "abc", 3 }, { "", 0 } }, 2 },
		{ "x", { { "", 0 }, { "abc", 3 } }, 2 },
		{ "x", { { NULL, 0 } }, 1 },
		{ "x", { { NULL, 0 } }, 0 },
		{ "xa", { { "bc", 2 } }, 1 },
		{ "", { { "xabc", 4 } }, 1 },
		{ "x", { { big, 400 }, { big, 60 } }, 2 },
		{ "x", { { big, 460 } }, 1 },
		{ "x", { { big, 461 } }, 1 },
		{ "x", { { big, 2000 } }, 1 },
		{ "x", { { big, 1000 }, { big, 1000 } }, 2 },
		{ "x", { { big, 999 }, { big, 1001 } }, 2 },
	};
	enum { N = sizeof(in) / sizeof(in[0]) };
	uint8_t out[N][32];
	unsigned i, j, equal = 0;

	for (i = 0; i < N; i++) {
		prf(out[i], 32, k->tok, in[i].label, in[i].part, in[i].n);
		for (j = 0; j < i; j++)
			equal += memcmp(out[i], out[j], 32) == 0;
	}
	T(equal == 0, "R-65 no two lists of parts run together, short or long");
}

static void
users(const struct ringkey *k)
{
	static const struct {
		const char *ns, *user;
	} who[] = { { "app", "al" }, { "appa", "l" }, { "app", "" },
		{ "app", "alice" }, { "shop", "alice" }, { "app", "Alice" } };
	uint8_t tag[6][16];
	unsigned i, j, equal = 0;

	for (i = 0; i < 6; i++) {
		user_tag(tag[i], k, who[i].ns, who[i].user);
		for (j = 0; j < i; j++)
			equal += memcmp(tag[i], tag[j], 16) == 0;
		equal +=
		    memcmp(tag[i], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0;
	}
	T(equal == 0, "users, by namespace, have tags of their own");
	user_tag(tag[0], k, "app", NULL);
	T(memcmp(tag[0], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0,
	    "and nobody has zeros");
}

int
main(void)
{
	static const uint8_t ramp[64] = { 9, 8, 7, 1, 2, 3 };
	static struct world w[8];
	struct ringkey k[2];
	unsigned i;

	NEED(crypto_init(NULL) == 0, "it starts");
	for (i = 0; i < 2; i++)
		k[i] = entry_of(ramp + i, i + 1);
	ring = ring_of(k, 2);
	/* Neighbours differ in the session; then the namespace, the kid. */
	for (i = 0; i < 8; i++) {
		w[i].key = keyring_at(ring, i / 4);
		w[i].ns = i / 2 % 2 ? "shop" : "app";
		memset(w[i].psk, (int)i + 1, PSK_BYTES);
		if (token_new(&w[i].t, w[i].key, w[i].ns, CLS_COOKIE, NULL) !=
		    0)
			abort();
	}
	cross(w, 8);
	labels(&k[0]);
	parts(&k[0]);
	users(&k[0]);
	keyring_free(ring);
	return tap_done();
}
