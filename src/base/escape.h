/*
 * escape.h - text made safe for the place where it goes
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stddef.h>

struct buf;

/* HTML text or double-quoted attribute: & < > " ' ` = and octets < 0x20. */
void escape_html(struct buf *out, const char *p, size_t n);
/* URL query component: RFC 3986 unreserved stays, all else is %XX. */
void escape_url(struct buf *out, const char *p, size_t n);
/* URL path: as above, but '/' and what RFC 3986 3.3 allows stays. */
void escape_path(struct buf *out, const char *p, size_t n);
/*
 * 1 if s is a path of this site, absolute or relative, good for Location and
 * href: no scheme, no "//" or "/\" at its start, no backslash, control or blank octet anywhere.
 */
int path_is_local(const char *s);
/* RFC 9110 5.6.2 token; 5.5 field value without CR, LF, NUL, control. */
int is_token(const char *s);
int is_field_value(const char *s);
/* 6265bis cookie-octets only. */
int is_cookie_value(const char *s);

#endif
