/*
 * cookies.h - find cookies of one name in a Cookie header
 *
 * The name matches byte by byte; nothing is decoded, trimmed or normalised
 * .  Pairs that are no cookies are passed over, one by one.
 */
#ifndef BASE_COOKIES_H
#define BASE_COOKIES_H

#include <stddef.h>

#include <securestate.h>

/*
 * Values of the first max cookies so named, as slices of header; *n says how
 * many there are.  SSTATE_ETOOBIG over LIMIT_COOKIES or
 * LIMIT_COOKIE_HEADER_BYTES, or when there are more than max of ours.
 */
int cookies_find(const char *header, const char *name, struct sstate_val *out,
    size_t max, size_t *n);

#endif
