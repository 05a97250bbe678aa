/*
 * escape_fuzzer.c - escapes: harmless where they go, and they say the same
 *
 * Input: any octets.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/escape.h"
#include "fuzz.h"

static int
hexdigit(int c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c = c - 'A' + 'a';
	at = c == '\0' ? NULL : strchr(digits, c);
	return at == NULL ? -1 : (int)(at - digits);
}

/* One octet of HTML text as a browser reads it; *used says how many. */
static unsigned
html_octet(const char *p, const char *end, size_t *used)
{
	static const struct {
		const char *text;
		unsigned char c;
	} named[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' } };
	unsigned v = 0, i;
	int digit, base = 10;
	const char *q = p;

	*used = 1;
	if (*p != '&')
		return (unsigned char)*p;
	for (i = 0; i < 4; i++)
		if ((size_t)(end - p) >= strlen(named[i].text) &&
		    memcmp(p, named[i].text, strlen(named[i].text)) == 0) {
			*used = strlen(named[i].text);
			return named[i].c;
		}
	MUST(end - p > 3 && p[1] == '#');
	q += 2;
	if (*q == 'x') {
		base = 16;
		q++;
	}
	for (; q < end && (digit = hexdigit(*q)) >= 0 && digit < base; q++)
		v = v * (unsigned)base + (unsigned)digit;
	MUST(q < end && *q == ';' && (v < 256 || v == 0xfffd));
	*used = (size_t)(q - p) + 1;
	/* HTML has no NUL: what stands for it is the replacement. */
	return v == 0xfffd ? 0 : v;
}

static void
html(struct arena *a, const char *p, size_t n)
{
	struct buf b;
	size_t i, used, at = 0;

	buf_init(&b, a, 0, SIZE_MAX / 8);
	escape_html(&b, p, n);
	MUST(b.bad == 0);
	for (i = 0; i < b.len; i += used, at++) {
		MUST(b.p[i] >= 0x20 && memchr("<>\"'`=", b.p[i], 6) == NULL);
		MUST(at < n &&
		    html_octet((char *)b.p + i, (char *)b.p + b.len, &used) ==
			(unsigned char)p[at]);
	}
	MUST(at == n);
}

static void
url(struct arena *a, const char *p, size_t n)
{
	struct buf b, path;
	size_t i, at = 0;

	buf_init(&b, a, 0, SIZE_MAX / 8);
	buf_init(&path, a, 0, SIZE_MAX / 8);
	escape_url(&b, p, n);
	escape_path(&path, p, n);
	MUST(b.bad == 0 && path.bad == 0);
	for (i = 0; i < b.len; i++, at++) {
		int c = b.p[i];

		MUST(c > 0x20 && c < 0x7f &&
		    memchr("&=+;#?<>\"/", c, 10) == NULL);
		if (c == '%') {
			MUST(i + 2 < b.len);
			c = hexdigit(b.p[i + 1]) * 16 + hexdigit(b.p[i + 2]);
			i += 2;
		}
		MUST(at < n && c == (unsigned char)p[at]);
	}
	MUST(at == n);
	for (i = 0; i < path.len; i++)
		MUST(path.p[i] > 0x20 && path.p[i] < 0x7f &&
		    memchr("\"<>?#\\^`{|}", path.p[i], 11) == NULL);
}

/* As a browser would: tabs and line ends go, a backslash is a slash. */
static int
leaves_the_site(const char *s)
{
	struct fz_buf b = { NULL, 0, 0 };
	const char *p = s;
	size_t i;
	int r;

	while (*p != '\0' && (unsigned char)*p <= 0x20)
		p++;
	for (; *p != '\0'; p++)
		if (strchr("\t\r\n", *p) == NULL)
			fz_put(&b, *p == '\\' ? "/" : p, 1);
	fz_put(&b, "", 1);
	r = strncmp(b.p, "//", 2) == 0;
	for (i = 0; !r &&
	     (hexdigit(b.p[i]) >= 0 || (b.p[i] >= 'a' && b.p[i] <= 'z') ||
		 (b.p[i] >= 'A' && b.p[i] <= 'Z') ||
		 (b.p[i] != '\0' && strchr("+-.", b.p[i]) != NULL));
	     i++)
		;
	r |= b.p[i] == ':' && i > 0;
	fz_drop(&b);
	return r;
}

static void
predicates(const char *s)
{
	const unsigned char *p;

	if (path_is_local(s)) {
		MUST(*s != '\0' && !leaves_the_site(s));
		MUST(is_field_value(s));
	}
	if (is_token(s))
		MUST(*s != '\0' && is_field_value(s) &&
		    strpbrk(s, " \t\"(),/:;<=>?@[\\]{}") == NULL);
	if (is_cookie_value(s))
		MUST(is_field_value(s) && strpbrk(s, " \",;\\\t") == NULL);
	if (is_field_value(s))
		for (p = (const unsigned char *)s; *p != '\0'; p++)
			MUST((*p >= 0x20 || *p == '\t') && *p != 0x7f);
}

/* One text for given octets, and none other is taken. */
static void
codecs(const struct fz_in *in)
{
	char *text = fz_alloc(2 * in->n + 2), *back = fz_alloc(in->n + 1);
	int n;

	hex_encode(text, in->p, in->n);
	MUST(strlen(text) == 2 * in->n);
	MUST(hex_decode(back, in->n, text, 2 * in->n) == (int)in->n &&
	    memcmp(back, in->p, in->n) == 0);
	b64_encode(text, in->p, in->n);
	MUST(strlen(text) == B64_LEN(in->n));
	MUST(b64_decode(back, in->n, text, B64_LEN(in->n)) == (int)in->n &&
	    memcmp(back, in->p, in->n) == 0);
	n = b64_decode(back, in->n, (const char *)in->p, in->n);
	if (n >= 0) {
		b64_encode(text, back, (size_t)n);
		MUST(strlen(text) == in->n && memcmp(text, in->p, in->n) == 0);
	}
	n = hex_decode(back, in->n, (const char *)in->p, in->n);
	if (n >= 0) {
		hex_encode(text, back, (size_t)n);
		MUST(strlen(text) == in->n && memcmp(text, in->p, in->n) == 0);
	}
	free(text);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fz_in in = { data, size };
	struct arena *a = arena_new(NULL, 256);
	char *s = fz_str(&in);

	if (size > 0) {
		html(a, (const char *)data, size);
		url(a, (const char *)data, size);
		codecs(&in);
	}
	predicates(s);
	free(s);
	arena_free(a);
	return 0;
}
