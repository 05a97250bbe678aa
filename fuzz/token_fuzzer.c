/*
 * token_fuzzer.c - tokens: one text each, and no bit of it is free
 *
 * Input: an octet (1..3: the carrier's class; others: 1), then either a text
 * or, if there are 120 octets and more, an id and where to damage its token.
 */
#include <securestate.h>

#include "crypto/prf.h"
#include "crypto/token.h"
#include "fuzz_ring.h"

static int
is_zero(const void *p, size_t n)
{
	const unsigned char *at = p;

	while (n > 0 && at[n - 1] == 0)
		n--;
	return n == 0;
}

static int
parse(struct token *t, const char *ns, uint8_t cls, const char *text,
    size_t len)
{
	const struct ringkey *key;
	char again[TOKEN_TEXT + 1];
	uint8_t raw[TOKEN_BYTES];
	int r = token_parse(t, &key, fz_ring(), ns, cls, text, len, NOW);

	MUST(r == 0 || r == SSTATE_EAUTH || r == SSTATE_ENOTFOUND);
	if (r != 0) {
		MUST(key == NULL && is_zero(t, sizeof(*t)));
		return r;
	}
	/* Kid 2 is retired, 3 is erased, others were never there. */
	MUST(key != NULL && key->kid == 1 && t->kid == 1 && t->cls == cls);
	token_text(again, t);
	MUST(len == TOKEN_TEXT && memcmp(again, text, len) == 0);
	token_bytes(raw, t);
	MUST(token_from_bytes(t, &key, fz_ring(), ns, cls, raw, NOW) == 0);
	return 0;
}

/* PROTOCOL.token, written once more. */
static void
make(char text[TOKEN_TEXT + 1], uint8_t cls, const uint8_t *sid)
{
	uint8_t raw[TOKEN_BYTES] = { SUITE_1, 1, cls }, out[64];
	const struct prf_part parts[] = { { NS, strlen(NS) }, { raw, 35 } };

	memcpy(raw + 3, sid, SID_BYTES);
	prf(out, sizeof(out), fz_ring()->key[0].tok, "tok", parts, 2);
	memcpy(raw + 35, out + LOC_BYTES, 10);
	b64_encode(text, raw, sizeof(raw));
}

static void
made(uint8_t cls, struct fz_in in)
{
	uint8_t sid[SID_BYTES], other;
	char text[TOKEN_TEXT + 1];
	struct token t;
	size_t at;

	fz_fill(sid, &in, sizeof(sid));
	make(text, cls, sid);
	MUST(parse(&t, NS, cls, text, TOKEN_TEXT) == 0);
	MUST(memcmp(t.sid, sid, sizeof(sid)) == 0);
	for (other = 0; other < 5; other++)
		MUST(other == cls ||
		    parse(&t, NS, other, text, TOKEN_TEXT) != 0);
	MUST(parse(&t, "ap", cls, text, TOKEN_TEXT) != 0);
	MUST(parse(&t, NS, cls, text, TOKEN_TEXT - 1) != 0);
	at = fz_byte(&in) % TOKEN_TEXT;
	other = (uint8_t)fz_byte(&in);
	if ((uint8_t)text[at] == other)
		return;
	text[at] = (char)other;
	MUST(parse(&t, NS, cls, text, TOKEN_TEXT) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	unsigned first = fz_byte(&in);
	uint8_t cls = first >= 1 && first <= 3 ? (uint8_t)first : 1;
	struct token t;

	if (in.n >= 2 * TOKEN_TEXT)
		made(cls, in);
	else if (in.n > 0)
		(void)parse(&t, NS, cls, (const char *)in.p, in.n);
	return 0;
}
