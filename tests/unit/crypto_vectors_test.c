/*
 * crypto_vectors_test.c - the library makes and reads the frozen vectors
 *
 * tests/vectors/decoder_test.py reads the same files without our code.
 */
#include "crypto_help.h"

#include "crypto/csrf.h"
#include "crypto/drawn.h"
#include "crypto/kvseal.h"
#include "crypto/pad.h"
#include "crypto/page.h"
#include "crypto/prf.h"
#include "crypto/seal.h"
#include "crypto/token.h"

static int
same(struct block *b, const char *key, const void *p, size_t n)
{
	struct sstate_val v = bytes(b, key);

	return v.len == n && (n == 0 || memcmp(v.ptr, p, n) == 0);
}

static struct ringkey
key_of(struct block *b)
{
	return entry_of(octets(b, "secret"), (unsigned)num(b, "kid"));
}

static void
keys(struct block *b)
{
	struct ringkey k = entry_of(octets(b, "secret"), 1);
	uint8_t fp[8];

	T(same(b, "tok", k.tok, 32) && same(b, "dat", k.dat, 32) &&
		same(b, "pag", k.pag, 32) && same(b, "csr", k.csr, 32) &&
		same(b, "usr", k.usr, 32) && same(b, "log", k.log, 32) &&
		same(b, "kvl", k.kvl, 32) && same(b, "kvd", k.kvd, 32),
	    "R-74 keys: %s", text(b, "name"));
	T(strlen(k.fingerprint) == 16 &&
		hex_decode(fp, 8, k.fingerprint, 16) == 8 &&
		same(b, "fp", fp, 8),
	    "fingerprint: %s", text(b, "name"));
}

static void
user(struct block *b)
{
	struct ringkey k = key_of(b);
	uint8_t tag[16];

	user_tag(tag, &k, bytes(b, "ns").ptr, bytes(b, "user").ptr);
	T(same(b, "tag", tag, 16), "user tag: %s", text(b, "name"));
}

/* The token of a block; its ring is the caller's to free. */
static struct keyring *
token_of(struct token *t, const struct ringkey **key, struct block *b)
{
	struct ringkey k = key_of(b);
	struct keyring *kr = ring_of(&k, 1);
	struct token made = { .suite = SUITE_1,
		.kid = k.kid,
		.cls = (uint8_t)num(b, "cls") };
	uint8_t raw[TOKEN_BYTES], out[64];
	uint8_t head[3 + SID_BYTES];

	memcpy(made.sid, octets(b, "sid"), SID_BYTES);
	head[0] = made.suite;
	head[1] = made.kid;
	head[2] = made.cls;
	memcpy(head + 3, made.sid, SID_BYTES);
	prf(out, 64, k.tok, "tok",
	    (struct prf_part[]){ { bytes(b, "ns").ptr, bytes(b, "ns").len },
		{ head, sizeof(head) } },
	    2);
	memcpy(made.chk, out + LOC_BYTES, sizeof(made.chk));
	token_bytes(raw, &made);
	T(token_from_bytes(t, key, kr, bytes(b, "ns").ptr, made.cls, raw,
	      NOW) == 0,
	    "token: %s", text(b, "name"));
	return kr;
}

static void
token(struct block *b)
{
	const struct ringkey *key;
	struct token t, back;
	char out[TOKEN_TEXT + 1], name[13];
	uint8_t log[6];
	const char *want = text(b, "text"), *ns = bytes(b, "ns").ptr;
	struct keyring *kr = token_of(&t, &key, b);

	token_text(out, &t);
	T(strcmp(out, want) == 0, "token's text: %s", text(b, "name"));
	T(token_parse(&back, &key, kr, ns, t.cls, want, strlen(want), NOW) ==
		    0 &&
		memcmp(&back, &t, sizeof(t)) == 0 &&
		same(b, "loc", back.loc, LOC_BYTES),
	    "locator: %s", text(b, "name"));
	log_name(name, key, ns, &t);
	T(strlen(name) == 12 && hex_decode(log, 6, name, 12) == 6 &&
		same(b, "log", log, 6),
	    "R-12 log name: %s", text(b, "name"));
	keyring_free(kr);
}

static void
record(struct block *b)
{
	const struct ringkey *key;
	struct token t;
	struct keyring *kr = token_of(&t, &key, b);
	struct sstate_val body = bytes(b, "body"), pay = bytes(b, "payload");
	struct seal_head h = { 0 }, got;
	struct seal_random rnd = { .rev = { 0 } };
	size_t n = seal_size(pay.len), len;
	uint8_t *out = malloc(n);

	h.flags = (uint16_t)num(b, "flags");
	h.created = (int64_t)num(b, "created");
	h.written = (int64_t)num(b, "written");
	h.abs_expiry = (int64_t)num(b, "abs_expiry");
	h.idle_deadline = (int64_t)num(b, "idle_deadline");
	h.revision = num(b, "revision");
	memcpy(h.usertag, octets(b, "usertag"), TAG_BYTES);
	memcpy(rnd.salt, octets(b, "salt"), sizeof(rnd.salt));
	T(out != NULL &&
		seal_make(out, key, bytes(b, "ns").ptr, &t, bytes(b, "bind"),
		    &h, &rnd, pay.ptr, pay.len, NULL) == 0 &&
		same(b, "body", out, n),
	    "R-71 sealed: %s", text(b, "name"));
	h.suite = SUITE_1;
	h.kid = key->kid;
	T(seal_open(out, &len, &got, key, bytes(b, "ns").ptr, &t,
	      bytes(b, "bind"), body.ptr, body.len) == 0 &&
		len == pay.len && memcmp(out, pay.ptr, len) == 0 &&
		memcmp(&got, &h, sizeof(h)) == 0,
	    "opened: %s", text(b, "name"));
	free(out);
	keyring_free(kr);
}

static void
refused(struct block *b)
{
	const struct ringkey *key;
	struct token t;
	struct keyring *kr = token_of(&t, &key, b);
	struct sstate_val body = bytes(b, "body");
	struct seal_head h;
	size_t len;
	uint8_t *out = malloc(body.len);

	T(seal_open(out, &len, &h, key, bytes(b, "ns").ptr, &t,
	      bytes(b, "bind"), body.ptr, body.len) == SSTATE_EAUTH,
	    "R-64 authentic, and refused: %s", text(b, "name"));
	free(out);
	keyring_free(kr);
}

static void
page_refused(struct block *b)
{
	struct ringkey k = key_of(b);
	struct page_scope sc = { .ns = bytes(b, "ns").ptr,
		.psk = octets(b, "psk"),
		.scope = bytes(b, "scope").ptr,
		.schema = (uint32_t)num(b, "schema") };
	struct page_head h;
	const char *in = text(b, "text");
	uint8_t *map = malloc(strlen(in));
	size_t n;

	T(page_open(map, &n, &h, &k, &sc, in, strlen(in)) == SSTATE_EAUTH,
	    "R-63 authentic, and refused: %s", text(b, "name"));
	free(map);
}

static void
page(struct block *b)
{
	struct ringkey k = key_of(b);
	struct page_scope sc = { .ns = bytes(b, "ns").ptr,
		.psk = octets(b, "psk"),
		.scope = bytes(b, "scope").ptr,
		.schema = (uint32_t)num(b, "schema") };
	struct page_head h = { .kind = (uint8_t)num(b, "kind"),
		.issued = (int64_t)num(b, "issued"),
		.expires = (int64_t)num(b, "expires"),
		.revision = num(b, "revision") };
	struct page_head got;
	struct sstate_val map = bytes(b, "map");
	const char *want = text(b, "text");
	char *out = malloc(page_text_len(map.len) + 1);
	uint8_t *back = malloc(strlen(want));
	size_t n;

	memcpy(h.jti, octets(b, "jti"), JTI_BYTES);
	T(page_text_len(map.len) == strlen(want) &&
		page_seal_with(out, &k, &sc, &h, octets(b, "salt"), map.ptr,
		    map.len, NULL) == 0 &&
		strcmp(out, want) == 0,
	    "page state: %s", text(b, "name"));
	T(page_kid(want, strlen(want)) == k.kid &&
		page_open(back, &n, &got, &k, &sc, want, strlen(want)) == 0 &&
		n == map.len && memcmp(back, map.ptr, n) == 0 &&
		got.kind == h.kind && got.issued == h.issued &&
		got.expires == h.expires && got.revision == h.revision &&
		memcmp(got.jti, h.jti, JTI_BYTES) == 0,
	    "opened: %s", text(b, "name"));
	free(out);
	free(back);
}

static void
kv(struct block *b)
{
	struct ringkey k = key_of(b);
	const char *ns = bytes(b, "ns").ptr;
	struct sstate_val body = bytes(b, "body"), value = bytes(b, "value");
	struct kv_head got,
	    h = { .kind = (uint16_t)num(b, "kind"),
		    .written = (int64_t)num(b, "written"),
		    .expires = (int64_t)num(b, "expires"),
		    .revision = num(b, "revision"),
		    .from = num(b, "from") };
	struct seal_random rnd = { .rev = { 0 } };
	size_t n = kv_size(value.len), len;
	struct kv_place at;
	uint8_t *out = malloc(n);

	kv_place(&at, &k, ns, bytes(b, "key"));
	T(same(b, "loc", at.loc, LOC_BYTES), "kv's locator: %s",
	    text(b, "name"));
	memcpy(rnd.salt, octets(b, "salt"), sizeof(rnd.salt));
	T(out != NULL &&
		kv_seal(out, &at, &h, &rnd, value.ptr, value.len, NULL) == 0 &&
		same(b, "body", out, n),
	    "kv sealed: %s", text(b, "name"));
	T(kv_open(out, &len, &got, &at, body.ptr, body.len) == 0 &&
		len == value.len && memcmp(out, value.ptr, len) == 0 &&
		got.suite == SUITE_1 && got.kid == k.kid &&
		got.kind == h.kind && got.written == h.written &&
		got.expires == h.expires && got.revision == h.revision &&
		got.from == h.from,
	    "opened: %s", text(b, "name"));
	free(out);
}

static void
kv_refused(struct block *b)
{
	struct ringkey k = key_of(b);
	struct sstate_val body = bytes(b, "body");
	uint8_t *out = malloc(body.len);
	struct kv_place at;
	struct kv_head h;
	size_t len;

	kv_place(&at, &k, bytes(b, "ns").ptr, bytes(b, "key"));
	T(kv_open(out, &len, &h, &at, body.ptr, body.len) == SSTATE_EAUTH,
	    "R-64 authentic, and refused: %s", text(b, "name"));
	free(out);
}

static void
csrf(struct block *b)
{
	struct ringkey k = key_of(b);
	struct csrf_head h = { .issued = (int64_t)num(b, "issued"),
		.revision = num(b, "revision") };
	struct csrf_head got;
	const char *want = text(b, "text"), *ns = bytes(b, "ns").ptr;
	const char *action = bytes(b, "action").ptr;
	char out[CSRF_TEXT + 1];

	T(csrf_make_with(out, &k, ns, octets(b, "psk"), action, &h,
	      octets(b, "salt"), NULL) == 0 &&
		strcmp(out, want) == 0,
	    "CSRF token: %s", text(b, "name"));
	T(csrf_open(&got, &k, ns, octets(b, "psk"), action, want,
	      strlen(want)) == 0 &&
		got.issued == h.issued &&
		got.revision == (h.revision & ~(uint64_t)0xffff),
	    "opened: %s", text(b, "name"));
}

static void
sizes(struct block *b)
{
	size_t n = (size_t)num(b, "n");

	T(pad_record(n) == num(b, "record") && pad_page(n) == num(b, "page") &&
		seal_size(n) == num(b, "record") + SEAL_OVER,
	    "padded: %s", text(b, "name"));
}

int
main(void)
{
	NEED(crypto_init(NULL) == 0, "libsodium starts");
	T(each_block("keys.txt", keys) >= 3, "keys.txt is whole");
	T(each_block("user.txt", user) >= 8, "user.txt is whole");
	T(each_block("token.txt", token) >= 8, "token.txt is whole");
	T(each_block("record.txt", record) >= 12, "record.txt is whole");
	T(each_block("refused.txt", refused) >= 14, "refused.txt is whole");
	T(each_block("page.txt", page) >= 11, "page.txt is whole");
	T(each_block("page_refused.txt", page_refused) >= 9,
	    "page_refused.txt is whole");
	T(each_block("kv.txt", kv) >= 16, "kv.txt is whole");
	T(each_block("kv_refused.txt", kv_refused) >= 19,
	    "kv_refused.txt is whole");
	T(each_block("csrf.txt", csrf) >= 7, "csrf.txt is whole");
	T(each_block("sizes.txt", sizes) >= 27, "sizes.txt is whole");
	return tap_done();
}
