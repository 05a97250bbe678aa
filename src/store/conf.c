/*
 * conf.c - a store's URI, taken apart
 *
 * Invariant: every part is decoded exactly once and holds no NUL; what the
 * URI says and the driver never asked for is known, so that the open can
 * fail.  A URI may hold a password: texts name a part or a parameter, never
 * what it holds, and all of it is wiped with the arena.
 */
#include "store/conf.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/limits.h"

struct param {
	const char *key, *value;
	bool asked;
};

struct sstate_conf {
	struct arena *arena;
	struct hook hook;
	const char *scheme;
	const char *part[SSTATE_CONF_PATH + 1]; /* NULL: not there */
	bool asked[SSTATE_CONF_PATH + 1];
	struct param param[LIMIT_URI_PARAMS];
	size_t nparams;
	void *handle;
	uint32_t flags;
	const char *ns;
	unsigned char store[CONF_STORE_BYTES];
	bool has_store;
	struct layers *layers;
};

/* What has no scheme has no name either. */
static int
bad(struct sstate_error *err, const struct sstate_conf *c, const char *what)
{
	return sstate_fail(err, SSTATE_EPARSE, 0, "%s: URI: %s",
	    c->scheme != NULL ? c->scheme : "store", what);
}

static int
hexdigit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode %XX of [p, end) once.  Never twice: %2540 is the text %40. */
static int
decode(const char **out, struct sstate_conf *c, const char *p, const char *end,
    struct sstate_error *err)
{
	char *to;
	int hi, lo;

	*out = NULL;
	if ((to = arena_get(c->arena, (size_t)(end - p) + 1)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, c->scheme);
	*out = to;
	while (p < end) {
		if (*p != '%') {
			*to++ = *p++;
			continue;
		}
		if (end - p < 3 || (hi = hexdigit(p[1])) < 0 ||
		    (lo = hexdigit(p[2])) < 0)
			return bad(err, c, "a '%' without two hex digits");
		if (hi == 0 && lo == 0)
			return bad(err, c, "a NUL");
		*to++ = (char)(hi * 16 + lo);
		p += 3;
	}
	*to = '\0';
	return 0;
}

static int
part(struct sstate_conf *c, int which, const char *p, const char *end,
    struct sstate_error *err)
{
	if (p == end && which != SSTATE_CONF_PASSWORD)
		return 0; /* empty is not there */
	return decode(&c->part[which], c, p, end, err);
}

static int
port(struct sstate_conf *c, const char *p, const char *end,
    struct sstate_error *err)
{
	const char *q;
	long n = 0;

	for (q = p; q < end && *q >= '0' && *q <= '9' && n <= 65535; q++)
		n = n * 10 + (*q - '0');
	if (p == end || q != end || n < 1 || n > 65535)
		return bad(err, c, "the port is no number from 1 to 65535");
	return part(c, SSTATE_CONF_PORT, p, end, err);
}

/* host[:port], or [address][:port] */
static int
hostport(struct sstate_conf *c, const char *p, const char *end,
    struct sstate_error *err)
{
	const char *q, *host = p, *host_end;
	int r;

	if (p < end && *p == '[') {
		if ((q = memchr(p, ']', (size_t)(end - p))) == NULL)
			return bad(err, c, "a '[' without ']'");
		host = p + 1;
		host_end = q++;
		if (host == host_end)
			return bad(err, c, "no address between '[' and ']'");
		if (q < end && *q != ':')
			return bad(err, c, "something after ']'");
	} else {
		if ((q = memchr(p, ':', (size_t)(end - p))) == NULL)
			q = end;
		host_end = q;
	}
	if ((r = part(c, SSTATE_CONF_HOST, host, host_end, err)) != 0)
		return r;
	if (q == end)
		return 0;
	if (host == host_end)
		return bad(err, c, "a port without a host");
	return port(c, q + 1, end, err);
}

/* The last '@' ends user and password: neither lands in the host. */
static int
authority(struct sstate_conf *c, const char *p, const char *end,
    struct sstate_error *err)
{
	const char *at, *colon;
	int r;

	if ((at = memrchr(p, '@', (size_t)(end - p))) == NULL)
		return hostport(c, p, end, err);
	if ((colon = memchr(p, ':', (size_t)(at - p))) == NULL)
		colon = at;
	if ((r = part(c, SSTATE_CONF_USER, p, colon, err)) != 0)
		return r;
	if (colon < at &&
	    (r = part(c, SSTATE_CONF_PASSWORD, colon + 1, at, err)) != 0)
		return r;
	return hostport(c, at + 1, end, err);
}

static bool
is_key(const char *p, const char *end)
{
	if (p == end || end - p > 32 || *p < 'a' || *p > 'z')
		return false;
	for (; p < end; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
			*p == '_'))
			return false;
	return true;
}

static int
param(struct sstate_conf *c, const char *p, const char *end,
    struct sstate_error *err)
{
	struct param *to = &c->param[c->nparams];
	const char *eq;
	size_t i;

	if ((eq = memchr(p, '=', (size_t)(end - p))) == NULL || !is_key(p, eq))
		return bad(err, c, "a parameter is not name=value");
	if (c->nparams == LIMIT_URI_PARAMS)
		return bad(err, c, "too many parameters");
	if ((to->key = arena_dup(c->arena, p, (size_t)(eq - p))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, c->scheme);
	for (i = 0; i < c->nparams; i++)
		if (strcmp(c->param[i].key, to->key) == 0)
			return bad(err, c, "a parameter is there twice");
	c->nparams++;
	return decode(&to->value, c, eq + 1, end, err);
}

static int
params(struct sstate_conf *c, const char *p, const char *end,
    struct sstate_error *err)
{
	const char *amp;
	int r;

	for (;;) {
		amp = memchr(p, '&', (size_t)(end - p));
		if ((r = param(c, p, amp != NULL ? amp : end, err)) != 0)
			return r;
		if (amp == NULL)
			return 0;
		p = amp + 1;
	}
}

static int
scheme(const char **rest, struct sstate_conf *c, const char *uri,
    struct sstate_error *err)
{
	const char *p = uri;

	*rest = uri;
	if (*p < 'a' || *p > 'z')
		return bad(err, c, "it begins with no scheme of [a-z0-9]");
	while ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9'))
		p++;
	if (*p != ':' || p - uri > CONF_SCHEME_BYTES)
		return bad(err, c, "it begins with no scheme of [a-z0-9]");
	if ((c->scheme = arena_dup(c->arena, uri, (size_t)(p - uri))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "store");
	*rest = p + 1;
	return 0;
}

static int
split(struct sstate_conf *c, const char *uri, struct sstate_error *err)
{
	const char *p, *query, *end, *slash;
	int r;

	if ((r = scheme(&p, c, uri, err)) != 0)
		return r;
	for (end = p; *end != '\0'; end++)
		if ((unsigned char)*end < 0x20 || *end == 0x7f)
			return bad(err, c, "a control character");
	if ((query = strchr(p, '?')) == NULL)
		query = end;
	if (p[0] == '/' && p[1] == '/') {
		p += 2;
		if ((slash = memchr(p, '/', (size_t)(query - p))) == NULL)
			slash = query;
		/* A password with a bare '/' or '?' would pass for a path. */
		if (memchr(slash, '@', (size_t)(end - slash)) != NULL)
			return bad(err, c, "an '@' after the host: write %40");
		if ((r = authority(c, p, slash, err)) != 0)
			return r;
		p = slash;
	}
	if ((r = part(c, SSTATE_CONF_PATH, p, query, err)) != 0)
		return r;
	return query == end ? 0 : params(c, query + 1, end, err);
}

int
conf_parse(struct sstate_conf **out, const char *uri, void *handle,
    uint32_t flags, const char *ns, const struct hook *h,
    struct sstate_error *err)
{
	struct sstate_conf *c;
	struct arena *a;
	int r;

	*out = NULL;
	if (uri == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "store: no URI");
	if (strnlen(uri, LIMIT_URI_BYTES + 1) > LIMIT_URI_BYTES)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "store: URI: over %u bytes", LIMIT_URI_BYTES);
	if ((a = arena_new(h, sizeof(*c) + 256)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "store");
	if ((c = arena_zero(a, sizeof(*c))) == NULL) {
		arena_free(a);
		return err_plain(err, SSTATE_ENOMEM, "store");
	}
	c->arena = a;
	if (h != NULL)
		c->hook = *h;
	c->handle = handle;
	c->flags = flags;
	if ((r = split(c, uri, err)) == 0 && ns != NULL &&
	    (c->ns = arena_str(a, ns)) == NULL)
		r = err_plain(err, SSTATE_ENOMEM, c->scheme);
	if (r != 0) {
		arena_free(a);
		return r;
	}
	*out = c;
	return 0;
}

void
conf_free(struct sstate_conf *c)
{
	if (c != NULL)
		arena_free(c->arena);
}

const char *
conf_scheme(const struct sstate_conf *c)
{
	return c->scheme;
}

int
conf_unused(const struct sstate_conf *c, struct sstate_error *err)
{
	static const char *const names[] = { [SSTATE_CONF_HOST] = "host",
		[SSTATE_CONF_PORT] = "port",
		[SSTATE_CONF_USER] = "user",
		[SSTATE_CONF_PASSWORD] = "password",
		[SSTATE_CONF_PATH] = "path" };
	size_t i;

	for (i = 0; i < c->nparams; i++)
		if (!c->param[i].asked)
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "%s: no parameter is called %s", c->scheme,
			    c->param[i].key);
	/* file://tmp/x is a host called tmp, and was meant as file:/tmp/x. */
	for (i = SSTATE_CONF_HOST; i <= SSTATE_CONF_PATH; i++)
		if (c->part[i] != NULL && !c->asked[i])
			return sstate_fail(err, SSTATE_EINVAL, 0,
			    "%s: the URI has a %s, which means nothing here",
			    c->scheme, names[i]);
	return 0;
}

const char *
conf_ns(const struct sstate_conf *c)
{
	return c->ns;
}

const struct hook *
conf_hook(const struct sstate_conf *c)
{
	return &c->hook;
}

void
conf_set_store(struct sstate_conf *c, const unsigned char *id)
{
	memcpy(c->store, id, sizeof(c->store));
	c->has_store = true;
}

const unsigned char *
conf_store(const struct sstate_conf *c)
{
	return c->has_store ? c->store : NULL;
}

void
conf_set_layers(struct sstate_conf *c, struct layers *layers)
{
	c->layers = layers;
}

struct layers *
conf_layers(const struct sstate_conf *c)
{
	return c->layers;
}

/* ---- What drivers call ------------------------------------------------ */

const char *
sstate_conf_part(struct sstate_conf *c, int which)
{
	if (c == NULL || which < SSTATE_CONF_HOST || which > SSTATE_CONF_PATH)
		return NULL;
	c->asked[which] = true;
	return c->part[which];
}

const char *
sstate_conf_str(struct sstate_conf *c, const char *key, const char *dflt)
{
	size_t i;

	for (i = 0; c != NULL && i < c->nparams; i++)
		if (strcmp(c->param[i].key, key) == 0) {
			c->param[i].asked = true;
			return c->param[i].value;
		}
	return dflt;
}

int
sstate_conf_int(int64_t *out, struct sstate_conf *c, const char *key,
    int64_t dflt, int64_t min, int64_t max, struct sstate_error *err)
{
	const char *s = sstate_conf_str(c, key, NULL);
	char *end;
	long long n;

	*out = 0;
	if (s == NULL) {
		*out = dflt;
		return 0;
	}
	errno = 0;
	n = strtoll(s, &end, 10);
	/* strtoll takes blanks and a plus; a number in a URI has neither. */
	if (errno != 0 || end == s || *end != '\0' ||
	    !((*s >= '0' && *s <= '9') || *s == '-') || n < min || n > max)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: %s is no whole number from %lld to %lld", c->scheme,
		    key, (long long)min, (long long)max);
	*out = n;
	return 0;
}

void *
sstate_conf_handle(struct sstate_conf *c)
{
	return c != NULL ? c->handle : NULL;
}

uint32_t
sstate_conf_flags(const struct sstate_conf *c)
{
	return c != NULL ? c->flags : 0;
}
