/* codec_test.c - exactly one text for given bytes */
#include "../tap.h"

#include <stdint.h>

#include "base/codec.h"

/* RFC 4648 section 10, without padding. */
static void
vectors(void)
{
	static const char *const b64[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg",
		"Zm9vYmE", "Zm9vYmFy" };
	unsigned char back[8];
	char out[16];
	size_t i;

	for (i = 0; i <= 6; i++) {
		b64_encode(out, "foobar", i);
		T(strcmp(out, b64[i]) == 0 && strlen(out) == B64_LEN(i) &&
			b64_decode(back, i, out, strlen(out)) == (int)i &&
			memcmp(back, "foobar", i) == 0,
		    "R-45 base64url of %zu bytes: %s", i, out);
	}
	b64_encode(out, "\xfb\xff\xfe", 3);
	T(strcmp(out, "-__-") == 0, "R-45 no + / =: %s", out);
	hex_encode(out, "\x00\x9f\xa0\xff", 4);
	T(strcmp(out, "009fa0ff") == 0, "hex is lower case: %s", out);
}

/* Every text of 1 to 3 characters: each accepted one encodes to itself. */
static void
one_form(void)
{
	char text[4] = { 0 }, again[8];
	unsigned char out[4];
	unsigned a, b, c;
	long good = 0, other = 0, hexes = 0;
	int n;

	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			text[0] = (char)a;
			text[1] = (char)b;
			if ((n = b64_decode(out, 1, text, 2)) >= 0) {
				b64_encode(again, out, (size_t)n);
				good++;
				other += memcmp(again, text, 2) != 0;
			}
			if ((n = hex_decode(out, 1, text, 2)) >= 0) {
				hex_encode(again, out, (size_t)n);
				hexes++;
				other += memcmp(again, text, 2) != 0;
			}
			for (c = 0; c < 256; c += 5) {
				text[2] = (char)c;
				n = b64_decode(out, 2, text, 3);
				if (n < 0)
					continue;
				b64_encode(again, out, (size_t)n);
				other += n != 2 || memcmp(again, text, 3) != 0;
			}
		}
	T(good == 256 && hexes == 256 && other == 0,
	    "R-09 each text that is taken is the only one of its bytes");
}

static void
refused(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "Z", "one character" },
		{ "Zh", "spare bits" },
		{ "Zm9", "spare bits of two bytes" },
		{ "Zg==", "padding" },
		{ "Zg ", "a blank" },
		{ "Z+", "the other alphabet" },
		{ "Z/", "the other alphabet" },
		{ "Zm9vYmFyZm9v", "more than fits" },
		{ "%5A%67", "percent forms" },
	};
	unsigned char out[8];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T(b64_decode(out, sizeof(out), bad[i].text,
		      strlen(bad[i].text)) == -1,
		    "R-09 base64url refuses %s", bad[i].why);
	T(hex_decode(out, 8, "0A", 2) == -1, "R-09 hex refuses upper case");
	T(hex_decode(out, 8, "0", 1) == -1, "R-09 hex refuses half a byte");
	T(hex_decode(out, 1, "0000", 4) == -1, "hex refuses what is too long");
	T(hex_decode(out, 8, "0g", 2) == -1, "hex refuses another alphabet");
	T(hex_decode(out, 0, "", 0) == 0 && b64_decode(out, 0, "", 0) == 0,
	    "nothing is nothing");
}

static void
round_trip(void)
{
	unsigned char in[256] = { 0 }, back[256];
	char text[2 * 256 + 1];
	size_t n, i;
	int good = 1;

	for (n = 0; n <= sizeof(in); n++) {
		for (i = 0; i < n; i++)
			in[i] = (unsigned char)(i * 37 + n * 11);
		b64_encode(text, in, n);
		good &= strlen(text) == B64_LEN(n);
		good &= b64_decode(back, n, text, strlen(text)) == (int)n;
		good &= memcmp(in, back, n) == 0;
		hex_encode(text, in, n);
		good &= hex_decode(back, n, text, strlen(text)) == (int)n;
		good &= memcmp(in, back, n) == 0;
	}
	T(good, "bytes of every length come back");
}

int
main(void)
{
	vectors();
	one_form();
	refused();
	round_trip();
	return tap_done();
}
