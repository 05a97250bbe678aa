/*
 * dynamodb_json.c - records as the items of a DynamoDB, and back
 *
 * Invariant: a key is of [A-Za-z0-9_.:-] and bounded in length; what
 * is not a whole record is not handed out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "dynamodb.h"

enum { NONE = 255, HEX = 2 * SSTATE_ID_BYTES };

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

int
ddb_key(char *out, enum ddb_kind kind, const char *ns, const unsigned char *id,
    size_t n, const char *op, struct sstate_error *err)
{
	static const char in_ns[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t nns = ns != NULL ? strnlen(ns, DDB_NS_BYTES + 1) : 0;

	if (nns == 0 || nns > DDB_NS_BYTES || strspn(ns, in_ns) != nns)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "dynamodb: %s: no proper namespace", op);
	out += snprintf(out, DDB_KEY_BYTES, "%c:%s:", (char)kind, ns);
	driver_hex(out, id, n);
	return 0;
}

int
ddb_unhex(unsigned char *out, const char *p)
{
	static const char digits[] = "0123456789abcdef";
	const char *hi, *lo;
	size_t i;

	if (strlen(p) != HEX)
		return -1;
	for (i = 0; i < SSTATE_ID_BYTES; i++, p += 2) {
		if ((hi = strchr(digits, p[0])) == NULL ||
		    (lo = strchr(digits, p[1])) == NULL)
			return -1;
		out[i] = (unsigned char)((hi - digits) << 4 | (lo - digits));
	}
	return 0;
}

/* ---- Base64, with its padding ----------------------------------------- */

static char *
encode(const unsigned char *p, size_t n)
{
	char *out, *q;
	uint32_t v;
	size_t i;

	if (n > SIZE_MAX / 2 || (out = malloc(n / 3 * 4 + 5)) == NULL)
		return NULL;
	for (q = out; n > 0; p += i, n -= i) {
		i = n < 3 ? n : 3;
		v = (uint32_t)p[0] << 16 | (i > 1 ? (uint32_t)p[1] : 0) << 8 |
		    (i > 2 ? (uint32_t)p[2] : 0);
		*q++ = digits64[v >> 18];
		*q++ = digits64[v >> 12 & 63];
		*q++ = digits64[v >> 6 & 63];
		*q++ = digits64[v & 63];
		if (i < 3)
			q[-1] = '=';
		if (i < 2)
			q[-2] = '=';
	}
	*q = '\0';
	return out;
}

static void
make_values(unsigned char *value)
{
	unsigned char i;

	memset(value, NONE, 256);
	for (i = 0; i < 64; i++)
		value[(unsigned char)digits64[i]] = i;
}

/* NULL: none, or no memory. */
static char *
decode(size_t *len, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = strlen(s), i, pad = 0, at = 0;
	unsigned char value[256];
	uint32_t v = 0;
	char *out;

	if (n % 4 != 0)
		return NULL;
	if (n > 0)
		pad = (size_t)(p[n - 1] == '=') +
		    (size_t)(p[n - 1] == '=' && p[n - 2] == '=');
	if ((out = malloc(n / 4 * 3 + 1)) == NULL)
		return NULL;
	make_values(value);
	for (i = 0; i < n; i++) {
		if (i >= n - pad)
			v <<= 6;
		else if (value[p[i]] == NONE) {
			free(out);
			return NULL;
		} else
			v = v << 6 | value[p[i]];
		if (i % 4 == 3) {
			out[at++] = (char)(v >> 16 & 255);
			out[at++] = (char)(v >> 8 & 255);
			out[at++] = (char)(v & 255);
			v = 0;
		}
	}
	*len = at - pad;
	return out;
}

/* ---- Attributes ------------------------------------------------------- */

json_t *
ddb_s(const char *s)
{
	return json_pack("{s:s}", "S", s);
}

json_t *
ddb_n(uint64_t v)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRIu64, v);
	return json_pack("{s:s}", "N", digits);
}

json_t *
ddb_b(const void *p, size_t n)
{
	char *s = encode(p, n);
	json_t *j = s != NULL ? json_pack("{s:s}", "B", s) : NULL;

	free(s);
	return j;
}

json_t *
ddb_item_key(const char *pk, const char *sk)
{
	return json_pack("{s:o, s:o}", "pk", ddb_s(pk), "sk", ddb_s(sk));
}

json_t *
ddb_item(const char *pk, const struct sstate_record *rec, int64_t ttl,
    int64_t until)
{
	json_t *j = ddb_item_key(pk, "r");

	if (j == NULL ||
	    json_object_set_new(j, "body",
		ddb_b(rec->body.ptr, rec->body.len)) != 0 ||
	    json_object_set_new(j, "rev", ddb_n(rec->rev)) != 0 ||
	    json_object_set_new(j, "expires", ddb_n((uint64_t)rec->expires)) !=
		0 ||
	    json_object_set_new(j, "ttl", ddb_n((uint64_t)ttl)) != 0 ||
	    (driver_has_tag(rec->tag) &&
		(json_object_set_new(j, "tag",
		     ddb_b(rec->tag, sizeof(rec->tag))) != 0 ||
		    json_object_set_new(j, "until", ddb_n((uint64_t)until)) !=
			0))) {
		json_decref(j);
		return NULL;
	}
	return j;
}

const char *
ddb_text(const json_t *item, const char *name, const char *type)
{
	return json_string_value(
	    json_object_get(json_object_get(item, name), type));
}

int
ddb_number(uint64_t *out, const json_t *item, const char *name)
{
	const char *s = ddb_text(item, name, "N");
	char *end;

	*out = 0;
	if (s == NULL || *s < '0' || *s > '9')
		return -1;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0' ? 0 : -1;
}

static int
tag_of(unsigned char *out, int64_t *until, const json_t *item)
{
	const char *s = ddb_text(item, "tag", "B");
	uint64_t v;
	size_t n;
	char *p;
	int r = -1;

	*until = 0;
	if (s == NULL)
		return json_object_get(item, "tag") == NULL ? 0 : -1;
	p = decode(&n, s);
	if (p != NULL && n == SSTATE_TAG_BYTES &&
	    ddb_number(&v, item, "until") == 0 && v <= INT64_MAX) {
		memcpy(out, p, n);
		*until = (int64_t)v;
		r = 0;
	}
	free(p);
	return r;
}

int
ddb_record(struct sstate_record *out, char **body, int64_t *until,
    const json_t *item)
{
	const char *s = ddb_text(item, "body", "B");
	uint64_t expires;

	*body = NULL;
	memset(out, 0, sizeof(*out));
	if (s == NULL || ddb_number(&out->rev, item, "rev") != 0 ||
	    ddb_number(&expires, item, "expires") != 0 || expires > INT64_MAX ||
	    tag_of(out->tag, until, item) != 0 ||
	    (*body = decode(&out->body.len, s)) == NULL)
		return -1;
	out->body.ptr = *body;
	out->expires = (int64_t)expires;
	if (out->body.len > 0)
		return 0;
	free(*body);
	*body = NULL;
	return -1;
}
