/*
 * dynamodb_conf.c - what the URI of a dynamodb: store and the environment say
 *
 * Invariant: key, secret and token are in no text; what becomes part of a
 * header is of one line.  Without TLS only this host is reached, unless
 * insecure=1 says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "dynamodb.h"

static const char in_name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789_.-";
static const char in_host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789_.:-";
static const char in_region[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

static int
bad(const char *what, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EINVAL, 0, "dynamodb: open: %s", what);
}

static const char *
from_env(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && *s != '\0' ? s : NULL;
}

/* One line of what can be seen. */
static int
is_line(const char *s, size_t max)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		if (s[n] <= ' ' || s[n] >= 127 || n >= max)
			return 0;
	return n > 0;
}

/* host, host:port, [address] or [address]:port; 0: it is one. */
static int
host_of(char name[256], const char *at)
{
	const char *end, *rest;
	size_t n;

	if (*at == '[') {
		if ((end = strchr(++at, ']')) == NULL)
			return -1;
		rest = end + 1;
	} else
		rest = end = at + strcspn(at, ":");
	n = (size_t)(end - at);
	if (n == 0 || n > 255 || strspn(at, in_host) < n)
		return -1;
	memcpy(name, at, n);
	name[n] = '\0';
	if (*rest == '\0')
		return 0;
	n = strspn(rest + 1, "0123456789");
	return *rest == ':' && n > 0 && n <= 5 && rest[n + 1] == '\0' ? 0 : -1;
}

static int
at_endpoint(struct ddb *d, struct sstate_conf *c, const char *at,
    struct sstate_error *err)
{
	const int tls = strncmp(at, "https://", 8) == 0;
	char name[256];

	if ((!tls && strncmp(at, "http://", 7) != 0) ||
	    host_of(name, at + (tls ? 8 : 7)) != 0)
		return bad("endpoint is not https://host:port", err);
	(void)snprintf(d->url, sizeof(d->url), "%s", at);
	return driver_check_far(c, "dynamodb", name, tls, err);
}

/* An endpoint, the URI's own host, or Amazon's. */
static int
place(struct ddb *d, struct sstate_conf *c, const char *region,
    struct sstate_error *err)
{
	const char *host = sstate_conf_part(c, SSTATE_CONF_HOST);
	const char *port = sstate_conf_part(c, SSTATE_CONF_PORT);
	const char *at = sstate_conf_str(c, "endpoint", NULL);
	int tls, six;

	if (at != NULL && host != NULL)
		return bad("a host, and an endpoint besides", err);
	if (at != NULL)
		return at_endpoint(d, c, at, err);
	if (host == NULL) {
		(void)snprintf(d->url, sizeof(d->url),
		    "https://dynamodb.%s.amazonaws.com", region);
		return driver_check_far(c, "dynamodb", d->url, 1, err);
	}
	if (strlen(host) > 255 || strspn(host, in_host) != strlen(host))
		return bad("no proper host", err);
	tls = !driver_is_local(host);
	six = strchr(host, ':') != NULL;
	(void)snprintf(d->url, sizeof(d->url), "%s://%s%s%s%s%s",
	    tls ? "https" : "http", six ? "[" : "", host, six ? "]" : "",
	    port != NULL ? ":" : "", port != NULL ? port : "");
	return driver_check_far(c, "dynamodb", host, tls, err);
}

static int
table_of(struct ddb *d, struct sstate_conf *c, struct sstate_error *err)
{
	const char *path = sstate_conf_part(c, SSTATE_CONF_PATH);
	size_t n;

	if (path != NULL && *path == '/')
		path++;
	n = path != NULL ? strlen(path) : 0;
	if (n < 3 || n > 255 || strspn(path, in_name) != n)
		return bad("no table [A-Za-z0-9_.-]{3,255}", err);
	memcpy(d->table, path, n + 1);
	return 0;
}

int
ddb_conf_read(struct ddb *d, struct sstate_conf *c, struct sstate_error *err)
{
	const char *region = sstate_conf_str(c, "region", NULL);
	int64_t ms, max;
	int r;

	if (region == NULL)
		region = from_env("AWS_REGION");
	if (region == NULL)
		return bad("no region, and none in AWS_REGION", err);
	if (strlen(region) > 32 || strspn(region, in_region) != strlen(region))
		return bad("region is not [a-z0-9-]{1,32}", err);
	(void)snprintf(d->sign, sizeof(d->sign), "aws:amz:%s:dynamodb", region);
	if ((r = sstate_conf_int(&ms, c, "timeout_ms", 2000, 1, 3600000,
		 err)) != 0 ||
	    (r = sstate_conf_int(&max, c, "max_bytes", DDB_MAX_BYTES, 1,
		 DDB_MAX_BYTES, err)) != 0 ||
	    (r = table_of(d, c, err)) != 0)
		return r;
	d->timeout_ms = (int)ms;
	d->max_bytes = (size_t)max;
	return place(d, c, region, err);
}

int
ddb_conf_login(struct ddb *d, struct sstate_conf *c, struct sstate_error *err)
{
	const char *key = sstate_conf_part(c, SSTATE_CONF_USER);
	const char *secret = sstate_conf_part(c, SSTATE_CONF_PASSWORD);
	const char *ca = sstate_conf_str(c, "ca", NULL), *token = NULL;

	/* One whole set: a token belongs to its key. */
	if (key == NULL && secret == NULL) {
		key = from_env("AWS_ACCESS_KEY_ID");
		secret = from_env("AWS_SECRET_ACCESS_KEY");
		token = from_env("AWS_SESSION_TOKEN");
	}
	if (key == NULL || secret == NULL)
		return bad("no access key and secret, here or in "
			   "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
		    err);
	if (!is_line(key, 256) || strspn(key, in_name) != strlen(key) ||
	    !is_line(secret, 256) || (token != NULL && !is_line(token, 4096)))
		return bad("an access key, secret or token that is none", err);
	if ((token != NULL && (d->token = strdup(token)) == NULL) ||
	    curl_easy_setopt(d->curl, CURLOPT_USERNAME, key) ||
	    curl_easy_setopt(d->curl, CURLOPT_PASSWORD, secret) ||
	    (ca != NULL && curl_easy_setopt(d->curl, CURLOPT_CAINFO, ca)))
		return sstate_fail(err, SSTATE_ENOMEM, 0, "dynamodb: open");
	return 0;
}
