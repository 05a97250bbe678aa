/* multipart_test.c - security.md 4.3, in pieces of every size */
#include "../tap.h"

#include <stdint.h>

#include <securestate.h>

#include "cgi/multipart.h"

struct seen {
	char text[1024];
	size_t len, bytes, parts, ends;
	int stop;
};

static void
show(struct seen *s, const char *p, size_t n)
{
	size_t i;

	s->bytes += n;
	for (i = 0; i < n && s->len + 5 < sizeof(s->text); i++) {
		unsigned char c = (unsigned char)p[i];

		if (c > 0x20 && c < 0x7f)
			s->text[s->len++] = (char)c;
		else
			s->len +=
			    (size_t)snprintf(s->text + s->len, 4, "\\%02x", c);
	}
	s->text[s->len] = '\0';
}

static int
begin(void *arg, const struct part *part)
{
	struct seen *s = arg;

	s->parts++;
	show(s, part->name, strlen(part->name));
	if (part->filename != NULL) {
		show(s, "<", 1);
		show(s, part->filename, strlen(part->filename));
		show(s, ">", 1);
	}
	if (part->type != NULL) {
		show(s, "(", 1);
		show(s, part->type, strlen(part->type));
		show(s, ")", 1);
	}
	show(s, "=", 1);
	s->bytes = 0;
	return 0;
}

static int
data(void *arg, const char *p, size_t n)
{
	show(arg, p, n);
	return 0;
}

static int
end(void *arg)
{
	struct seen *s = arg;

	s->ends++;
	show(s, "|", 1);
	return s->stop ? SSTATE_EBUSY : 0;
}

static const struct part_sink sink = { begin, data, end };

static int
feed(struct seen *s, const char *boundary, const char *p, size_t n,
    size_t piece)
{
	struct multipart *m = malloc(sizeof(*m));
	struct slice b = { boundary, strlen(boundary) };
	size_t i, some;
	char *copy;
	int r = 0;

	memset(s, 0, sizeof(*s));
	memset(m, 0xa5, sizeof(*m));
	multipart_init(m, &b, &sink, s);
	for (i = 0; r == 0 && i < n; i += some) {
		some = n - i < piece ? n - i : piece;
		/* A copy just so long: reading beyond it is seen. */
		copy = malloc(some);
		memcpy(copy, p + i, some);
		r = multipart_feed(m, copy, some);
		free(copy);
	}
	if (r == 0)
		r = multipart_end(m);
	free(m);
	return r;
}

/* The same in all sizes; -99 if they differ. */
static int
all(struct seen *s, const char *boundary, const char *p, size_t n)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 4096 };
	static struct seen other;
	size_t i;
	int r;

	r = feed(s, boundary, p, n, n + 1);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (feed(&other, boundary, p, n, sizes[i]) != r ||
		    strcmp(other.text, s->text) != 0 ||
		    other.parts != s->parts || other.ends != s->ends)
			return -99;
	return r;
}

#define CD "Content-Disposition: form-data; "
#define ONE(head) "--X\r\n" head "\r\n\r\nv\r\n--X--\r\n"

static const struct {
	const char *id, *in;
	int r;
	const char *out;
} rows[] = {
	{ "M2 two parts",
	    "--X\r\n" CD "name=\"a\"\r\n\r\n1\r\n--X\r\n" CD
	    "name=b\r\n\r\n2\r\n--X--\r\n",
	    0, "a=1|b=2|" },
	{ "M2 no part", "--X--\r\n", 0, "" },
	{ "M2 no line end at the very end",
	    "--X\r\n" CD "name=a\r\n\r\n1\r\n--X--", 0, "a=1|" },
	{ "M2 preamble and epilogue",
	    "hello\r\nthere\r\n--X\r\n" CD
	    "name=a\r\n\r\n1\r\n--X--\r\nbye\r\n--X\r\n",
	    0, "a=1|" },
	{ "M2 no preamble's end", "hello--X\r\n" CD "name=a\r\n\r\n1\r\n--X--",
	    SSTATE_EPARSE, NULL },
	{ "M2 blanks after the boundary",
	    "--X \t\r\n" CD "name=a\r\n\r\n1\r\n--X  \r\n" CD
	    "name=b\r\n\r\n2\r\n--X--  \r\n",
	    0, "a=1|b=2|" },
	{ "M2 a longer boundary is data",
	    "--X\r\n" CD "name=a\r\n\r\n\r\n--Xfoo\r\n--X-foo\r\n--Y\r\n--X--",
	    0, "a=\\0d\\0a--Xfoo\\0d\\0a--X-foo\\0d\\0a--Y|" },
	{ "M2 a boundary inside a line is data",
	    "--X\r\n" CD "name=a\r\n\r\n--X a--X\r\n--X--", SSTATE_EPARSE,
	    NULL },
	{ "M2 CR floods",
	    "--X\r\n" CD
	    "name=a\r\n\r\n\r\r\r\r\n\r\r\n\n\r\n-\r\n--\r\n\r\n--X--",
	    0,
	    "a=\\0d\\0d\\0d\\0d\\0a\\0d\\0d\\0a\\0a\\0d\\0a-\\0d\\0a--"
	    "\\0d\\0a|" },
	{ "M2 a part without a body",
	    "--X\r\n" CD "name=a\r\n\r\n--X\r\n" CD
	    "name=b\r\n\r\n--X2\r\n--X--",
	    0, "a=|b=--X2|" },
	{ "M2 an empty value", "--X\r\n" CD "name=a\r\n\r\n\r\n--X--", 0,
	    "a=|" },
	{ "M2 junk after blanks", "--X  x\r\n" CD "name=a\r\n\r\n1\r\n--X--",
	    SSTATE_EPARSE, NULL },
	{ "M3 LF alone", "--X\n" CD "name=a\n\n1\n--X--\n", SSTATE_EPARSE,
	    NULL },
	{ "M3 LF alone in the header", "--X\r\n" CD "name=a\n\r\n1\r\n--X--",
	    SSTATE_EPARSE, NULL },
	{ "M3 CR alone", "--X\r" CD "name=a\r\r1\r--X--\r", SSTATE_EPARSE,
	    NULL },
	{ "M3 CR alone in the header",
	    "--X\r\n" CD "name=a\rb: c\r\n\r\n1\r\n--X--", SSTATE_EPARSE,
	    NULL },
	{ "M4 no last boundary", "--X\r\n" CD "name=a\r\n\r\n1\r\n--X\r\n",
	    SSTATE_EPARSE, NULL },
	{ "M4 cut in the last boundary", "--X\r\n" CD "name=a\r\n\r\n1\r\n--X-",
	    SSTATE_EPARSE, NULL },
	{ "M4 nothing at all", "", SSTATE_EPARSE, NULL },
	{ "M12 an urlencoded body", "a=1&b=2", SSTATE_EPARSE, NULL },
	{ "M5 a folded line", ONE(CD "name=a;\r\n filename=b"), SSTATE_EPARSE,
	    NULL },
	{ "M5 a folded line that looks like a header",
	    ONE(CD "name=a\r\n b: c"), SSTATE_EPARSE, NULL },
	{ "M5 a line without a colon", ONE(CD "name=a\r\nfoo"), SSTATE_EPARSE,
	    NULL },
	{ "M5 a blank before the colon",
	    ONE("Content-Disposition : form-data;"
		" name=a"),
	    SSTATE_EPARSE, NULL },
	{ "M5 an empty header name", ONE(CD "name=a\r\n: x"), SSTATE_EPARSE,
	    NULL },
	{ "M5 a control octet", ONE(CD "name=\"a\x01\""), SSTATE_EPARSE, NULL },
	{ "M6 none", ONE("Content-Type: text/plain"), SSTATE_EPARSE, NULL },
	{ "M6 no header", "--X\r\n\r\nv\r\n--X--", SSTATE_EPARSE, NULL },
	{ "M6 two", ONE(CD "name=a\r\n" CD "name=b"), SSTATE_EPARSE, NULL },
	{ "M6 attachment", ONE("Content-Disposition: attachment; name=a"),
	    SSTATE_EPARSE, NULL },
	{ "M6 no name", ONE(CD "filename=a"), SSTATE_EPARSE, NULL },
	{ "M6 name twice", ONE(CD "name=a; name=b"), SSTATE_EPARSE, NULL },
	{ "M6 filename twice", ONE(CD "name=a;filename=b;filename=c"),
	    SSTATE_EPARSE, NULL },
	{ "M6 name*", ONE(CD "name*=utf-8''x; name=y"), SSTATE_EPARSE, NULL },
	{ "M6 filename*", ONE(CD "name=a; filename*=utf-8''x"), SSTATE_EPARSE,
	    NULL },
	{ "M6 RFC 2231 continuation", ONE(CD "name*0=a; name*1=b"),
	    SSTATE_EPARSE, NULL },
	{ "M6 an open quote", ONE(CD "name=\"a"), SSTATE_EPARSE, NULL },
	{ "M6 something after the quote", ONE(CD "name=\"a\"b"), SSTATE_EPARSE,
	    NULL },
	{ "M6 a backslash escapes nothing", ONE(CD "name=\"a\\\"b\""),
	    SSTATE_EPARSE, NULL },
	{ "M6 a name that ends in one", ONE(CD "name=\"a\\\"; filename=\"b\""),
	    0, "a\\<b>=v|" },
	{ "M6 semicolon in quotes", ONE(CD "name=\"a;filename=b\""), 0,
	    "a;filename=b=v|" },
	{ "M6 %22 %0D %0A", ONE(CD "name=\"a%22%0D%0Ab%41%2\""), 0,
	    "a\"\\0d\\0ab%41%2=v|" },
	{ "M6 a path of Windows", ONE(CD "name=f; filename=\"C:\\x\\y.txt\""),
	    0, "f<C:\\x\\y.txt>=v|" },
	{ "M6 other parameters", ONE(CD "size=3; NAME=a; foo=\"b\";"), 0,
	    "a=v|" },
	{ "M6 an empty name", ONE(CD "name=\"\""), 0, "=v|" },
	{ "M6 8-bit names", ONE(CD "name=\"\xc3\xbc\xff\""), 0,
	    "\\c3\\bc\\ff=v|" },
	{ "M7 ../../etc/passwd",
	    ONE(CD "name=f; filename=\"../../etc/passwd\""), 0,
	    "f<../../etc/passwd>=v|" },
	{ "M7 an image", ONE(CD "name=f;filename=\"<img onerror>\""), 0,
	    "f<<img\\20onerror>>=v|" },
	{ "M8 nested multipart",
	    ONE(CD "name=a\r\nContent-Type: multipart/mixed"
		   "; boundary=Y"),
	    0, "a(multipart/mixed;\\20boundary=Y)=v|" },
	{ "M9 Content-Transfer-Encoding",
	    ONE(CD "name=a\r\n"
		   "Content-Transfer-Encoding: base64"),
	    0, "a=v|" },
	{ "M11 headers of a part",
	    ONE(CD "name=a\r\nContent-Length: 99\r\n"
		   "Content-Type:text/html; charset=x \r\nX-Y:"),
	    0, "a(text/html;\\20charset=x)=v|" },
	{ "M11 two types",
	    ONE(CD "name=a\r\nContent-Type: a/b\r\n"
		   "content-type: c/d"),
	    SSTATE_EPARSE, NULL },
};

static void
table(void)
{
	static const char nul[] = "--X\r\n" CD "name=\"a\0b\"\r\n\r\n"
				  "v\r\n--X--";
	static struct seen s;
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = all(&s, "X", rows[i].in, strlen(rows[i].in));
		T(r == rows[i].r &&
			(r != 0 ||
			    (strcmp(s.text, rows[i].out) == 0 &&
				s.parts == s.ends)),
		    "%s: %d", rows[i].id, r);
	}
	r = all(&s, "X", nul, sizeof(nul) - 1);
	T(r == SSTATE_EPARSE, "M5 M7 a NUL in a header");
}

/* Data in which delimiters nearly begin, cut at each place. */
static void
splits(void)
{
	static const char in[] =
	    "--B\r\n" CD "name=a\r\n\r\n"
	    "\r\n--\r\n--b\r\n-\r\r\n--B\r\n" CD "name=b\r\n\r\n\r\n\r\n--B--";
	struct slice b = { "B", 1 };
	struct multipart m;
	static struct seen s, whole;
	size_t i, n = sizeof(in) - 1;
	int good = 1;

	(void)feed(&whole, "B", in, n, n);
	for (i = 0; i <= n; i++) {
		memset(&s, 0, sizeof(s));
		multipart_init(&m, &b, &sink, &s);
		good &= multipart_feed(&m, in, i) == 0 &&
		    multipart_feed(&m, in + i, n - i) == 0 &&
		    multipart_end(&m) == 0 && strcmp(s.text, whole.text) == 0;
	}
	T(good && whole.parts == 2, "M2 cut at every place: %s", whole.text);
}

/* n times unit between what comes before and after. */
static int
big(struct seen *s, const char *before, const char *unit, size_t n,
    const char *after)
{
	size_t len = strlen(before), one = strlen(unit), i;
	char *in = malloc(len + n * one + strlen(after) + 1);
	int r;

	memcpy(in, before, len);
	for (i = 0; i < n; i++, len += one)
		memcpy(in + len, unit, one);
	memcpy(in + len, after, strlen(after) + 1);
	r = feed(s, "X", in, len + strlen(after), 16384);
	free(in);
	return r;
}

static void
limits(void)
{
	static struct seen s;
	const char *ok = "\r\n--X\r\n" CD "name=a\r\n\r\nv\r\n--X--";
	const char *part = "--X\r\n" CD "name=a\r\n\r\n\r\n";

	T(big(&s, "", "p", 4096, ok) == 0 &&
		big(&s, "", "p", 4097, ok) == SSTATE_ETOOBIG &&
		big(&s, "", "p", 1 << 22, ok) == SSTATE_ETOOBIG,
	    "M4 a preamble: 4 KiB, not 4 MiB");
	T(big(&s, "--X--", "e", 4096, "") == 0 &&
		big(&s, "--X--", "e", 1 << 22, "") == SSTATE_ETOOBIG,
	    "M4 an epilogue: 4 KiB, not 4 MiB");
	T(big(&s, "--X", " ", 1 << 20, "\r\n") == SSTATE_ETOOBIG,
	    "M4 blanks after a boundary: LIMIT");
	T(big(&s, "--X\r\n", "A: b\r\n", 100000, "\r\n") == SSTATE_ETOOBIG,
	    "M5 10^5 headers: LIMIT");
	T(big(&s, "--X\r\nA: ", "b", 1 << 20, "\r\n\r\n") == SSTATE_ETOOBIG,
	    "M5 a header line of 1 MiB: LIMIT");
	T(big(&s, "--X\r\n" CD "name=a; filename=\"", "f", 65536,
	      "\"\r\n\r\nv\r\n--X--") == SSTATE_ETOOBIG,
	    "M7 a file name of 64 KiB: LIMIT");
	T(big(&s, "--X\r\n" CD "name=", "n", 256, "\r\n\r\nv\r\n--X--") == 0 &&
		big(&s, "--X\r\n" CD "name=", "n", 257, "\r\n\r\nv\r\n--X--") ==
		    SSTATE_ETOOBIG,
	    "R-90 a name of 256 octets, not 257");
	T(big(&s, "", part, LIMIT_PARTS, "--X--") == 0 &&
		s.parts == LIMIT_PARTS,
	    "M10 128 parts are taken");
	T(big(&s, "", part, 100000, "--X--") == SSTATE_ETOOBIG &&
		s.parts <= LIMIT_PARTS,
	    "M10 10^5 empty parts: LIMIT");
	T(big(&s, "--X\r\n" CD "name=a\r\n\r\n", "\r", 1 << 20, "\r\n--X--") ==
		    0 &&
		s.bytes == (1 << 20) + 1,
	    "M2 a flood of CR is data, each of them");
}

static void
boundaries(void)
{
	static const struct {
		const char *id, *params;
		int r;
		const char *boundary;
	} row[] = {
		{ "plain", "; boundary=X", 0, "X" },
		{ "quoted", "; boundary=\"a b'()+_,-./:=?c\"", 0,
		    "a b'()+_,-./:=?c" },
		{ "upper case", ";BOUNDARY=X", 0, "X" },
		{ "70 characters",
		    "; boundary=1234567890123456789012345678901"
		    "234567890123456789012345678901234567890",
		    0, NULL },
		{ "blanks around", " ;  boundary=X  ", 0, "X" },
		{ "after another quoted value",
		    "; x=\"; boundary=Y\"; boundary=X", 0, "X" },
		{ "after an escaped quote",
		    "; x=\"\\\"; boundary=Y\"; boundary=X", 0, "X" },
		{ "utf-8", "; charset=utf-8; boundary=X", 0, "X" },
		{ "missing", "", SSTATE_EPARSE, NULL },
		{ "missing, in another value", "; x=\"boundary=X\"",
		    SSTATE_EPARSE, NULL },
		{ "empty", "; boundary=", SSTATE_EPARSE, NULL },
		{ "empty in quotes", "; boundary=\"\"", SSTATE_EPARSE, NULL },
		{ "71 characters",
		    "; boundary=12345678901234567890123456789012"
		    "345678901234567890123456789012345678901",
		    SSTATE_EPARSE, NULL },
		{ "ends in a blank", "; boundary=\"X \"", SSTATE_EPARSE, NULL },
		{ "a quoted pair", "; boundary=\"\\X\"", SSTATE_EPARSE, NULL },
		{ "another character", "; boundary=\"X@\"", SSTATE_EPARSE,
		    NULL },
		{ "8-bit", "; boundary=\"\xc3\xbc\"", SSTATE_EPARSE, NULL },
		{ "RFC 2231", "; boundary*0=X; boundary*1=Y", SSTATE_EPARSE,
		    NULL },
		{ "RFC 2231 and plain", "; boundary*=x''Y; boundary=X",
		    SSTATE_EPARSE, NULL },
		{ "two", "; boundary=X; boundary=Y", SSTATE_EPARSE, NULL },
		{ "two alike", "; boundary=X; Boundary=X", SSTATE_EPARSE,
		    NULL },
		{ "no equals sign", "; boundary", SSTATE_EPARSE, NULL },
		{ "an open quote", "; boundary=\"X", SSTATE_EPARSE, NULL },
		{ "two types", "; boundary=X, a/b", SSTATE_ENOTSUP, NULL },
		{ "utf-16", "; boundary=X; charset=utf-16", SSTATE_ENOTSUP,
		    NULL },
	};
	struct slice in, out;
	size_t i;
	int r;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		in.p = row[i].params;
		in.n = strlen(in.p);
		r = multipart_boundary(&out, &in);
		T(r == row[i].r &&
			(row[i].boundary == NULL ||
			    (out.n == strlen(row[i].boundary) &&
				memcmp(out.p, row[i].boundary, out.n) == 0)),
		    "M1 boundary: %s", row[i].id);
	}
}

static void
stopping(void)
{
	static const char in[] = "--X\r\n" CD "name=a\r\n\r\nv\r\n--X--";
	struct slice b = { "X", 1 };
	struct multipart m;
	static struct seen s;

	s.stop = 1;
	multipart_init(&m, &b, &sink, &s);
	T(multipart_feed(&m, in, sizeof(in) - 1) == SSTATE_EBUSY,
	    "a sink's failure ends the parse");
}

int
main(void)
{
	table();
	splits();
	limits();
	boundaries();
	stopping();
	return tap_done();
}
