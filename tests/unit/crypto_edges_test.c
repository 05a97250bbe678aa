/*
 * crypto_edges_test.c - sizes, members and words at the edge of what is taken
 */
#include <sodium.h>
#include <sys/stat.h>

#include "crypto_help.h"

#include "base/bytes.h"
#include "crypto/pad.h"
#include "crypto/page.h"
#include "crypto/prf.h"
#include "crypto/seal.h"
#include "crypto/token.h"

static const uint8_t secret[32] = { 7, 1, 9 }, another[32] = { 8 };

/* Whatever one entry has that the other has not, the rings are not the same. */
static void
rings(void)
{
	struct ringkey k[2] = { entry_of(secret, 1), entry_of(another, 2) };
	struct keyring *a, *b;
	int i;

	a = ring_of(k, 2);
	for (i = 0; i < 7; i++) {
		b = ring_of(k, 2);
		switch (i) {
		case 0:
			b->count--;
			break;
		case 1:
			b->max_lifetime++;
			break;
		case 2:
			b->slot[9] = RING_MARK;
			break;
		case 3:
			b->key[1].not_before++;
			break;
		case 4:
			b->key[1].retire_at++;
			break;
		case 5:
			b->key[1].min_created++;
			break;
		default:
			b->key[1].tok[31] ^= 1;
		}
		T(!keyring_same(a, b) && keyring_same(a, a),
		    "R-74 a ring that differs in its member %d", i);
		keyring_free(b);
	}
	k[0].not_before = 20;
	k[1].not_before = 10;
	b = ring_of(k, 2);
	T(keyring_issuer(b, 30)->kid == 1, "R-74 the latest key issues");
	b->key[0].retire_at = 25;
	T(keyring_issuer(b, 24)->kid == 1 && keyring_issuer(b, 25)->kid == 2,
	    "R-74 until it is retired");
	T(keyring_issuer(b, 9) == NULL, "R-74 none before its time");
	keyring_free(b);
	keyring_free(a);
}

/* One member of what a file was known by. */
static void
stale(void)
{
	struct ringkey k = entry_of(secret, 1);
	struct keyring *kr = ring_of(&k, 1);
	struct stat st;
	int i, good;

	T(!keyring_stale(kr, "/none"), "a ring without a file is never stale");
	for (i = 0; i < 8; i++) {
		if (stat("/", &st) != 0)
			abort();
		kr->dev = st.st_dev + (i == 1);
		kr->ino = st.st_ino + (i == 2);
		kr->size = (uint64_t)st.st_size + (i == 3);
		kr->mtime = st.st_mtim;
		kr->mtime.tv_sec += i == 4;
		kr->mtime.tv_nsec += i == 5;
		kr->ctime = st.st_ctim;
		kr->ctime.tv_sec += i == 6;
		kr->ctime.tv_nsec += i == 7;
		good = keyring_stale(kr, "/") == (i > 0);
		T(good, "R-74 a file that differs in its member %d", i);
	}
	T(keyring_stale(kr, "/none"), "R-74 a file that has gone");
	keyring_free(kr);
}

static void
words(void)
{
	static const struct {
		const char *text;
		int64_t want;
	} numbers[] = {
		{ "", -1 },
		{ "0", 0 },
		{ "00", -1 },
		{ "007", -1 },
		{ "-1", -1 },
		{ "9007199254740992", (int64_t)1 << 53 },
		{ "9007199254740993", -1 },
		{ "10000000000000000", -1 },
		{ "1x", -1 },
	};
	char line[128];
	struct ring_field f;
	struct keyring *kr;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		f.ptr = numbers[i].text;
		f.len = strlen(numbers[i].text);
		T(ring_number(&f, RING_TIME_MAX) == numbers[i].want,
		    "R-76 the number \"%s\"", numbers[i].text);
	}
	for (i = 0; i < 3; i++) {
		kr = ring_new(1, NULL);
		(void)snprintf(line, sizeof(line),
		    "max_lifetime 60\n1 1 %.43s 0 0 0\n",
		    i == 0 ? "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh!"
			: i == 1
			? "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh"
			: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9");
		T(ring_parse(kr, line, strlen(line), "x", NULL) ==
			SSTATE_EPARSE,
		    "R-76 a secret that is none, %zu", i);
		keyring_free(kr);
	}
}

static void
sizes(void)
{
	static const uint8_t big[496] = { 3 };
	static const size_t ends[] = { 479, 480, 486, 487, 488, 494, 495, 496 };
	uint8_t a[32], b[32], flat[1024], *q;
	struct prf_part p[3];
	size_t i, k;

	T(pad_page(SIZE_MAX) == 0 && pad_page(SIZE_MAX / 4 + 1) == 0 &&
		pad_record(SIZE_MAX) == 0 && seal_size(SIZE_MAX) == 0,
	    "R-90 a size that would overflow is none");
	T(page_text_len(SIZE_MAX) > LIMIT_PAGE_FORM_BYTES &&
		page_text_len(SIZE_MAX / 4) > LIMIT_PAGE_FORM_BYTES,
	    "R-90 such a page is beyond every limit");
	/* On the stack or in a stream: the same octets are hashed. */
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		p[0] = (struct prf_part){ big, ends[i] };
		p[1] = (struct prf_part){ NULL, 0 };
		p[2] = (struct prf_part){ secret, i % 2 };
		q = flat;
		put64(q, 1);
		q[8] = 'x';
		q += 9;
		for (k = 0; k < 3; k++) {
			put64(q, p[k].len);
			if (p[k].len > 0)
				memcpy(q + 8, p[k].ptr, p[k].len);
			q += 8 + p[k].len;
		}
		(void)crypto_generichash(b, sizeof(b), flat, (size_t)(q - flat),
		    secret, sizeof(secret));
		prf(a, sizeof(a), secret, "x", p, 3);
		T(memcmp(a, b, sizeof(a)) == 0,
		    "the PRF of %zu octets and two parts more", ends[i]);
	}
}

/* nothing is opened by a key of another suite or kid. */
static void
suites(void)
{
	struct ringkey good = entry_of(secret, 1), k;
	struct seal_head h = { .created = NOW,
		.written = NOW,
		.abs_expiry = NOW + 9,
		.idle_deadline = NOW + 9 },
			 got;
	struct page_head ph = { .kind = PAGE_PLAIN, .issued = NOW };
	struct page_scope sc = { "ns", secret, "/", 1 };
	struct keyring *kr = ring_of(&good, 1);
	char longns[LIMIT_NS_BYTES + 2], page[1024], text[TOKEN_TEXT + 1];
	uint8_t body[512], out[1024];
	const struct ringkey *key;
	struct seal_random rnd;
	struct token t, u;
	size_t n, len;
	int i;

	memset(longns, 'n', sizeof(longns) - 1);
	longns[sizeof(longns) - 1] = '\0';
	if (token_new(&t, &good, "ns", CLS_COOKIE, NULL) != 0 ||
	    seal_draw(&rnd, NULL) != 0 || (n = seal_size(3)) > sizeof(body) ||
	    page_seal(page, &good, &sc, &ph, "abc", 3, NULL) != 0)
		abort();
	token_text(text, &t);
	for (i = 0; i < 4; i++) {
		k = good;
		u = t;
		k.suite = (uint8_t)(good.suite + (i == 0));
		k.kid = (uint8_t)(good.kid + (i == 1));
		u.suite = (uint8_t)(t.suite + (i == 2));
		u.kid = (uint8_t)(t.kid + (i == 3));
		T(seal_make(body, &k, "ns", &u, NOTHING, &h, &rnd, "abc", 3,
		      NULL) == SSTATE_EINVAL,
		    "R-64 not sealed: another suite or kid, %d", i);
		if (seal_make(body, &good, "ns", &t, NOTHING, &h, &rnd, "abc",
			3, NULL) != 0)
			abort();
		T(seal_open(out, &len, &got, &k, "ns", &u, NOTHING, body, n) ==
			    SSTATE_EAUTH &&
			len == 0 && got.created == 0,
		    "R-64 not opened: another suite or kid, %d", i);
		if (i < 2)
			T(page_open(out, &len, &ph, &k, &sc, page,
			      strlen(page)) == SSTATE_EAUTH &&
				len == 0,
			    "R-64 no page either, %d", i);
	}
	T(seal_make(body, &good, longns, &t, NOTHING, &h, &rnd, "", 0, NULL) ==
		    SSTATE_EINVAL &&
		seal_make(body, &good, "ns", &t, NOTHING, &h, &rnd, "",
		    SIZE_MAX / 2, NULL) == SSTATE_EINVAL,
	    "R-90 nor with a namespace or a size beyond the limit");
	T(seal_open(out, &len, &got, &good, longns, &t, NOTHING, body, n) ==
		SSTATE_EAUTH,
	    "R-90 nor opened with such a namespace");
	T(seal_open(out, &len, &got, &good, "ns", &t, NOTHING, body, n) == 0 &&
		len == 3 && memcmp(out, "abc", 3) == 0,
	    "R-64 the right key opens it");
	/* A ring never holds another suite; if it did, no token is its. */
	kr->key[0].suite++;
	T(token_parse(&u, &key, kr, "ns", CLS_COOKIE, text, TOKEN_TEXT, NOW) ==
		    SSTATE_EAUTH &&
		key == NULL,
	    "R-64 a token of an entry with another suite");
	kr->key[0].suite--;
	T(token_parse(&u, &key, kr, "ns", CLS_COOKIE, text, TOKEN_TEXT, NOW) ==
		    0 &&
		key == &kr->key[0],
	    "R-64 and of its own");
	token_wipe(NULL);
	keyring_free(kr);
}

int
main(void)
{
	if (crypto_init(NULL) != 0)
		abort();
	rings();
	stale();
	words();
	sizes();
	suites();
	return tap_done();
}
