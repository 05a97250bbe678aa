/*
 * escape.c - text made safe for the place where it goes (R-95)
 *
 * Invariant: what is not known to be harmless there is escaped; nothing is
 * dropped or repaired, and what cannot be sent is refused by the is_*().
 */
#include "base/escape.h"

#include <string.h>

#include "base/buf.h"

/* What an octet may be, by place. */
enum {
	HTML = 1, /* plain in text and in an attribute in double quotes */
	URL = 2, /* RFC 3986 2.3 unreserved */
	PATH = 4, /* RFC 3986 3.3 pchar, and '/' */
	TOKEN = 8, /* RFC 9110 5.6.2 tchar */
	COOKIE = 16, /* 6265bis 4.1.1 cookie-octet */
};

static int
alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/* The marks that RFC 3986 lets stand everywhere. */
static int
unreserved(unsigned char c)
{
	return alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int
may(unsigned char c, int place)
{
	switch (place) {
	case HTML:
		return c >= 0x20 && c != '&' && c != '<' && c != '>' &&
		    c != '"' && c != '\'' && c != '`' && c != '=';
	case URL:
		return unreserved(c);
	case PATH:
		return unreserved(c) ||
		    (c != '\0' && strchr("!$&'()*+,;=:@/", c) != NULL);
	case TOKEN:
		return alnum(c) ||
		    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
	case COOKIE:
		return c > 0x20 && c < 0x7f && c != '"' && c != ',' &&
		    c != ';' && c != '\\';
	default:
		return 0;
	}
}

/* Copy runs that may stay as they are; each other octet goes through fn. */
static void
escape(struct buf *out, const char *p, size_t n, int place,
    void (*fn)(struct buf *, unsigned))
{
	size_t i = 0, run;

	while (i < n) {
		for (run = i; run < n && may((unsigned char)p[run], place);)
			run++;
		buf_put(out, p + i, run - i);
		if (run < n)
			fn(out, (unsigned char)p[run++]);
		i = run;
	}
}

static void
put_html(struct buf *out, unsigned c)
{
	switch (c) {
	case '&':
		buf_str(out, "&amp;");
		return;
	case '<':
		buf_str(out, "&lt;");
		return;
	case '>':
		buf_str(out, "&gt;");
		return;
	case '"':
		buf_str(out, "&quot;");
		return;
	case '\0':
		/* HTML has no NUL: a parser would read "&#0;" as this. */
		buf_str(out, "&#65533;");
		return;
	default:
		buf_str(out, "&#");
		if (c >= 10)
			buf_byte(out, '0' + c / 10);
		buf_byte(out, '0' + c % 10);
		buf_byte(out, ';');
	}
}

static void
put_percent(struct buf *out, unsigned c)
{
	static const char hex[] = "0123456789ABCDEF";

	buf_byte(out, '%');
	buf_byte(out, (unsigned char)hex[c >> 4]);
	buf_byte(out, (unsigned char)hex[c & 15]);
}

void
escape_html(struct buf *out, const char *p, size_t n)
{
	escape(out, p, n, HTML, put_html);
}

void
escape_url(struct buf *out, const char *p, size_t n)
{
	escape(out, p, n, URL, put_percent);
}

void
escape_path(struct buf *out, const char *p, size_t n)
{
	escape(out, p, n, PATH, put_percent);
}

int
path_is_local(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	/*
	 * Browsers take "/\" for "//", and drop tabs and newlines before they
	 * look: "/\t/evil" would leave the site.
	 */
	if (p[0] == '\0' || (p[0] == '/' && p[1] == '/'))
		return 0;
	/* Relative: a colon in its first segment would make that a scheme. */
	if (p[strcspn(s, ":/?#")] == ':')
		return 0;
	for (; *p != '\0'; p++)
		if (*p <= 0x20 || *p == 0x7f || *p == '\\')
			return 0;
	return 1;
}

static int
all(const char *s, int place)
{
	for (; *s != '\0'; s++)
		if (!may((unsigned char)*s, place))
			return 0;
	return 1;
}

int
is_token(const char *s)
{
	return *s != '\0' && all(s, TOKEN);
}

int
is_field_value(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p != '\0'; p++)
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
			return 0;
	return 1;
}

int
is_cookie_value(const char *s)
{
	return all(s, COOKIE);
}
