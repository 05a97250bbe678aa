/* escape_test.c - security.md 4.5: text made safe for its place */
#include "../tap.h"

#include <securestate.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/escape.h"

enum place { IN_HTML, IN_URL, IN_PATH };

static struct arena *a;

static const char *
escaped(enum place where, const char *p, size_t n)
{
	struct buf b;

	buf_init(&b, a, 16, 4096);
	if (where == IN_HTML)
		escape_html(&b, p, n);
	else if (where == IN_URL)
		escape_url(&b, p, n);
	else
		escape_path(&b, p, n);
	return buf_cstr(&b);
}

static void
texts(void)
{
	static const struct {
		enum place where;
		const char *in, *out;
	} row[] = {
		{ IN_HTML, "<a href=\"x\">&'`</a>",
		    "&lt;a "
		    "href&#61;&quot;x&quot;&gt;&amp;&#39;&#96;&lt;/a&gt;" },
		{ IN_HTML, "a\tb\r\n\x01", "a&#9;b&#13;&#10;&#1;" },
		{ IN_HTML, "gr\xc3\xbc\xc3\x9f \xff",
		    "gr\xc3\xbc\xc3\x9f \xff" },
		{ IN_HTML, "&amp;", "&amp;amp;" },
		{ IN_HTML, "", "" },
		{ IN_URL, "aZ09-._~", "aZ09-._~" },
		{ IN_URL, "a b&c=d;e+f%41/?#",
		    "a%20b%26c%3Dd%3Be%2Bf%2541%2F%3F%23" },
		{ IN_URL, "\xc3\xbc\x7f\"<", "%C3%BC%7F%22%3C" },
		{ IN_PATH, "/a/b:c@d;e=f,g", "/a/b:c@d;e=f,g" },
		{ IN_PATH, "/a b?c#d%\"<>\\", "/a%20b%3Fc%23d%25%22%3C%3E%5C" },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *s =
		    escaped(row[i].where, row[i].in, strlen(row[i].in));

		T(s != NULL && strcmp(s, row[i].out) == 0,
		    "R-95 escape %d, line %zu", (int)row[i].where, i);
	}
	T(strcmp(escaped(IN_HTML, "a\0b", 3), "a&#65533;b") == 0,
	    "R-95 a NUL becomes what HTML makes of it");
	T(strcmp(escaped(IN_URL, "a\0b", 3), "a%00b") == 0,
	    "R-95 a NUL in a URL");
}

/* Every octet, so that no table has a hole. */
static void
octets(void)
{
	char c, html[32];
	const char *s;
	unsigned i;
	int bad = 0, url = 0;

	for (i = 1; i < 256; i++) {
		c = (char)i;
		(void)snprintf(html, sizeof(html), "&#%u;", i);
		s = escaped(IN_HTML, &c, 1);
		if (i < 0x20)
			bad += strcmp(s, html) != 0;
		else if (strchr("&<>\"'`=", (int)i) != NULL)
			bad += s[0] != '&' || s[strlen(s) - 1] != ';';
		else
			bad += strlen(s) != 1 || s[0] != c;
		s = escaped(IN_URL, &c, 1);
		(void)snprintf(html, sizeof(html), "%%%02X", i);
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
			   "xyz0123456789-._~",
			(int)i) == NULL)
			url += strcmp(s, html) != 0;
		else
			url += strlen(s) != 1 || s[0] != c;
	}
	T(bad == 0, "R-95 HTML: each of 255 octets");
	T(url == 0, "R-95 URL: each of 255 octets");
}

static void
local_paths(void)
{
	static const char *const good[] = { "/", "/a?b=c#d", "/cgi-bin/x.cgi",
		"/a//b", "/a:b", "/javascript:x", "/\xc3\xbc", "a", "?x",
		"a/b:c", "../x.cgi", "#top", "?u=a:b" };
	static const char *const bad[] = { "", "a:b", "//evil", "/\\evil",
		"\\evil", "/\t/evil", "/\n/evil", "/a b", "/a\x7f", " /a",
		"javascript:alert(1)", "http://evil/", "/a\\b", "data:,x", "\t/a",
		"/a\r\nSet-Cookie: x=y", "/\x01" };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		T(path_is_local(good[i]), "R-95 redirect taken: %s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T(!path_is_local(bad[i]), "R-95 redirect refused, line %zu", i);
}

static void
fields(void)
{
	T(is_token("Set-Cookie") && is_token("x!#$%&'*+.^_`|~9"),
	    "R-95 tokens are header names");
	T(!is_token("") && !is_token("a b") && !is_token("a:") &&
		!is_token("a\n") && !is_token("a\"") && !is_token("\xc3\xbc"),
	    "R-95 what is no token is none");
	T(is_field_value("") && is_field_value("a b\tc \xff;\"=,"),
	    "R-95 field values");
	T(!is_field_value("a\rb") && !is_field_value("a\nb") &&
		!is_field_value("a\r\n b") && !is_field_value("a\x01") &&
		!is_field_value("a\x7f"),
	    "R-95 CR, LF and control octets in a header are errors");
	T(is_cookie_value("") && is_cookie_value("azAZ09-_!#$%&'()*+./:<=>?"),
	    "R-44 cookie octets");
	T(!is_cookie_value("a b") && !is_cookie_value("a;") &&
		!is_cookie_value("a,") && !is_cookie_value("\"") &&
		!is_cookie_value("\\") && !is_cookie_value("\x7f") &&
		!is_cookie_value("\xc3"),
	    "R-44 what no cookie may hold");
}

static void
bounded(void)
{
	struct buf b;

	buf_init(&b, a, 4, 10);
	escape_html(&b, "<<<", 3);
	T(b.bad == SSTATE_ETOOBIG && buf_cstr(&b) == NULL,
	    "R-90 an escape stops at the limit of its buffer");
}

int
main(void)
{
	a = arena_new(NULL, 0);
	texts();
	octets();
	local_paths();
	fields();
	bounded();
	arena_free(a);
	return tap_done();
}
