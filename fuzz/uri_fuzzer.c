/*
 * uri_fuzzer.c - store URIs: each part decoded once, no password in a text
 *
 * Input: the URI.
 */
#include <securestate.h>

#include "base/limits.h"
#include "fuzz.h"
#include "store/conf.h"

/* The password as a reader sees it: before the last '@' of the host's part. */
static struct fz_in
password(const char *uri)
{
	struct fz_in none = { NULL, 0 }, out;
	const char *p = strstr(uri, "://"), *end, *at, *colon;

	if (p == NULL)
		return none;
	p += 3;
	end = p + strcspn(p, "/?");
	if ((at = memrchr(p, '@', (size_t)(end - p))) == NULL ||
	    (colon = memchr(p, ':', (size_t)(at - p))) == NULL)
		return none;
	out.p = (const uint8_t *)colon + 1;
	out.n = (size_t)(at - colon) - 1;
	return out;
}

static void
discreet(const char *uri, const struct sstate_error *err)
{
	struct fz_in pw = password(uri);
	const char *p;

	MUST(err->code != 0 && strlen(err->text) < 120);
	for (p = err->text; *p != '\0'; p++)
		MUST((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
	/* Shorter ones may be an ordinary word of the text. */
	if (pw.n >= 17)
		MUST(!fz_has(err->text, strlen(err->text), pw.p, pw.n));
}

/* Every octet but those that need it as %XX, or all of them. */
static void
encoded(struct fz_buf *b, const char *s, const char *plain)
{
	char hex[4];

	for (; *s != '\0'; s++)
		if ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
		    strchr(plain, *s) != NULL)
			fz_put(b, s, 1);
		else {
			(void)snprintf(hex, sizeof(hex), "%%%02X",
			    (unsigned char)*s);
			fz_put(b, hex, 3);
		}
}

/* The same URI, as we would write it; keys are the URI's own. */
static void
rebuilt(struct fz_buf *b, struct sstate_conf *c, char *const *keys, size_t n)
{
	const char *user = sstate_conf_part(c, SSTATE_CONF_USER);
	const char *pw = sstate_conf_part(c, SSTATE_CONF_PASSWORD);
	const char *host = sstate_conf_part(c, SSTATE_CONF_HOST);
	const char *port = sstate_conf_part(c, SSTATE_CONF_PORT);
	const char *path = sstate_conf_part(c, SSTATE_CONF_PATH);
	size_t i;

	fz_puts(b, conf_scheme(c));
	fz_puts(b, "://");
	encoded(b, user != NULL ? user : "", "");
	if (pw != NULL) {
		fz_puts(b, ":");
		encoded(b, pw, "");
	}
	fz_puts(b, user != NULL || pw != NULL ? "@" : "");
	encoded(b, host != NULL ? host : "", "");
	if (port != NULL) {
		fz_puts(b, ":");
		fz_puts(b, port);
	}
	if (path != NULL)
		encoded(b, path, "/");
	for (i = 0; i < n; i++) {
		fz_puts(b, i == 0 ? "?" : "&");
		fz_puts(b, keys[i]);
		fz_puts(b, "=");
		encoded(b, sstate_conf_str(c, keys[i], ""), "");
	}
	fz_put(b, "", 1);
}

/* The names of parameters, from the text. */
static size_t
names(char *keys[LIMIT_URI_PARAMS], const char *uri)
{
	const char *p = strchr(uri, '?'), *eq;
	struct fz_in in;
	size_t n = 0;

	for (; p != NULL && n < LIMIT_URI_PARAMS; p = strchr(p, '&')) {
		p++;
		eq = strchr(p, '=');
		MUST(eq != NULL);
		in.p = (const uint8_t *)p;
		in.n = (size_t)(eq - p);
		keys[n++] = fz_str(&in);
	}
	return n;
}

static int
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
again(struct sstate_conf *c, char *const *keys, size_t n)
{
	struct fz_buf b = { NULL, 0, 0 };
	const char *path = sstate_conf_part(c, SSTATE_CONF_PATH);
	struct sstate_conf *d;
	size_t i;
	int which;

	rebuilt(&b, c, keys, n);
	/* A relative path cannot follow a host, and grows when encoded. */
	if ((path == NULL || path[0] == '/') && b.n <= LIMIT_URI_BYTES) {
		MUST(conf_parse(&d, b.p, NULL, 0, "ns", NULL, NULL) == 0);
		for (which = SSTATE_CONF_HOST; which <= SSTATE_CONF_PATH;
		     which++)
			MUST(same(sstate_conf_part(c, which),
			    sstate_conf_part(d, which)));
		for (i = 0; i < n; i++)
			MUST(same(sstate_conf_str(c, keys[i], NULL),
			    sstate_conf_str(d, keys[i], NULL)));
		MUST(conf_unused(d, NULL) == 0);
		conf_free(d);
	}
	fz_drop(&b);
}

static void
taken(struct sstate_conf *c, const char *uri)
{
	struct sstate_error err = { 0, 0, "" };
	char *keys[LIMIT_URI_PARAMS];
	size_t i, n = names(keys, uri);
	int64_t v;
	int which, r;

	MUST(strstr(uri, "%00") == NULL);
	MUST(strlen(conf_scheme(c)) <= CONF_SCHEME_BYTES &&
	    strcmp(conf_ns(c), "ns") == 0);
	if (conf_unused(c, &err) != 0)
		discreet(uri, &err);
	else
		MUST(n == 0);
	for (i = 0; i < n; i++) {
		r = sstate_conf_int(&v, c, keys[i], 5, -3, 1000, &err);
		MUST(r == 0 || r == SSTATE_EINVAL);
		MUST(r == 0 ? v >= -3 && v <= 1000 : v == 0);
	}
	for (which = SSTATE_CONF_HOST; which <= SSTATE_CONF_PATH; which++)
		(void)sstate_conf_part(c, which);
	/* A typo never passes, and what was asked for always does. */
	MUST(conf_unused(c, NULL) == 0);
	again(c, keys, n);
	for (i = 0; i < n; i++)
		free(keys[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sstate_error err = { 0, 0, "" };
	struct fz_in in = { data, size };
	struct sstate_conf *c;
	char *uri = fz_str(&in);
	int r = conf_parse(&c, uri, NULL, 0, "ns", NULL, &err);

	MUST(r == 0 || (r == SSTATE_EPARSE && c == NULL));
	if (r == 0)
		taken(c, uri);
	else
		discreet(uri, &err);
	conf_free(c);
	free(uri);
	return 0;
}
