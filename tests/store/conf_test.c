/*
 * conf_test.c - store URIs: what is taken, what is refused, what is told
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/conf.h"
#include "tap.h"

#define SECRET "s3cr3tpw"

static const struct hook plain = { NULL, NULL };

/* Expected parts; NULL is "not there". */
static const struct {
	const char *uri, *scheme, *host, *port, *user, *password, *path;
} good[] = {
	{ "memory:", "memory", NULL, NULL, NULL, NULL, NULL },
	{ "memory:a b", "memory", NULL, NULL, NULL, NULL, "a b" },
	{ "a234567890123456:x", "a234567890123456", NULL, NULL, NULL, NULL,
	    "x" },
	{ "file:states", "file", NULL, NULL, NULL, NULL, "states" },
	{ "file:/var/x", "file", NULL, NULL, NULL, NULL, "/var/x" },
	{ "file:///var/x", "file", NULL, NULL, NULL, NULL, "/var/x" },
	{ "file:/a?sync=none", "file", NULL, NULL, NULL, NULL, "/a" },
	{ "file:%2Fa%3fb", "file", NULL, NULL, NULL, NULL, "/a?b" },
	{ "file:%2541", "file", NULL, NULL, NULL, NULL, "%41" },
	{ "file:a@b:c", "file", NULL, NULL, NULL, NULL, "a@b:c" },
	{ "redis://h", "redis", "h", NULL, NULL, NULL, NULL },
	{ "redis://h:1/2", "redis", "h", "1", NULL, NULL, "/2" },
	{ "redis://h:65535", "redis", "h", "65535", NULL, NULL, NULL },
	{ "redis://u@h/", "redis", "h", NULL, "u", NULL, "/" },
	{ "redis://u:p@h:6379/0", "redis", "h", "6379", "u", "p", "/0" },
	{ "redis://:p@h", "redis", "h", NULL, NULL, "p", NULL },
	{ "redis://u:@h", "redis", "h", NULL, "u", "", NULL },
	{ "redis://u:p:q%40@h", "redis", "h", NULL, "u", "p:q@", NULL },
	{ "redis://u:p@ss@h", "redis", "h", NULL, "u", "p@ss", NULL },
	{ "redis://%75%3a:x@h", "redis", "h", NULL, "u:", "x", NULL },
	{ "redis://[::1]:7/x", "redis", "::1", "7", NULL, NULL, "/x" },
	{ "redis://[fe80::1%25eth0]", "redis", "fe80::1%eth0", NULL, NULL, NULL,
	    NULL },
	{ "pgsql://%2Frun%2Fpg/db", "pgsql", "/run/pg", NULL, NULL, NULL,
	    "/db" },
	{ "x://h?a=1&b=&c=%26%3d", "x", "h", NULL, NULL, NULL, NULL },
};

static const struct {
	const char *uri, *says;
} wrong[] = {
	{ "", "scheme" },
	{ ":x", "scheme" },
	{ "file", "scheme" },
	{ "/var/lib", "scheme" },
	{ "1file:x", "scheme" },
	{ "File:x", "scheme" },
	{ "fi-le:x", "scheme" },
	{ "fi_le:x", "scheme" },
	{ "../evil:x", "scheme" },
	{ "a2345678901234567:x", "scheme" },
	{ "file:%", "hex" },
	{ "file:%4", "hex" },
	{ "file:%g0", "hex" },
	{ "file:a%00b", "NUL" },
	{ "file:a?x=%00", "NUL" },
	{ "file:a\nb", "control" },
	{ "file:a\x7f", "control" },
	{ "redis://u:" SECRET "@h:", "port" },
	{ "redis://u:" SECRET "@h:0", "port" },
	{ "redis://u:" SECRET "@h:65536", "port" },
	{ "redis://u:" SECRET "@h:99999999999999999999", "port" },
	{ "redis://u:" SECRET "@h:+1", "port" },
	{ "redis://u:" SECRET "@h:6379x", "port" },
	{ "redis://u:" SECRET "@:1", "host" },
	{ "redis://u:" SECRET "%0@h", "hex" },
	{ "redis://u:" SECRET "%00@h", "NUL" },
	{ "redis://[::1", "]" },
	{ "redis://[]", "]" },
	{ "redis://[::1]x", "]" },
	/* A password that was not encoded must not pass for something else. */
	{ "redis://u:12/" SECRET "@h", "%40" },
	{ "redis://u:12?" SECRET "=@h", "%40" },
	{ "redis://u:" SECRET "/x@h", "%40" },
	{ "redis://h/x@" SECRET, "%40" },
	{ "x:?", "name=value" },
	{ "x:?a", "name=value" },
	{ "x:?=1", "name=value" },
	{ "x:?a=1&", "name=value" },
	{ "x:?a=1&&b=2", "name=value" },
	{ "x:?A=1", "name=value" },
	{ "x:?1a=1", "name=value" },
	{ "x:?a-b=1", "name=value" },
	{ "x:?a%62=1", "name=value" },
	{ "x:?a23456789012345678901234567890123=1", "name=value" },
	{ "x:?a=1&b=2&a=3", "twice" },
};

static int
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
test_good(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_conf *c;
	size_t i;
	int ok;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ok = conf_parse(&c, good[i].uri, NULL, 0, "ns", &plain, &err) ==
		    0;
		if (!T(ok, "taken: %s", good[i].uri))
			continue;
		T(same(conf_scheme(c), good[i].scheme) &&
			same(sstate_conf_part(c, SSTATE_CONF_HOST),
			    good[i].host) &&
			same(sstate_conf_part(c, SSTATE_CONF_PORT),
			    good[i].port) &&
			same(sstate_conf_part(c, SSTATE_CONF_USER),
			    good[i].user) &&
			same(sstate_conf_part(c, SSTATE_CONF_PASSWORD),
			    good[i].password) &&
			same(sstate_conf_part(c, SSTATE_CONF_PATH),
			    good[i].path),
		    "its parts: %s", good[i].uri);
		conf_free(c);
	}
}

static void
test_wrong(void)
{
	struct sstate_error err;
	struct sstate_conf *c;
	size_t i;
	int r;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(&err, 0, sizeof(err));
		c = (struct sstate_conf *)(void *)&err;
		r = conf_parse(&c, wrong[i].uri, NULL, 0, NULL, &plain, &err);
		T(r == SSTATE_EPARSE && c == NULL && err.code == r &&
			strstr(err.text, wrong[i].says) != NULL,
		    "E refused with a reason (%zu): %s", i, err.text);
		T(strstr(err.text, SECRET) == NULL &&
			strstr(err.text, "s3cr") == NULL,
		    "R-100 and without the password");
	}
}

static void
test_long(void)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_conf *c;
	char uri[5000];
	unsigned i, n;

	memset(uri, 'a', sizeof(uri));
	memcpy(uri, "file:", 5);
	uri[4096] = '\0';
	T(conf_parse(&c, uri, NULL, 0, NULL, &plain, &err) == 0,
	    "R-90 4096 bytes are taken");
	T(strlen(sstate_conf_part(c, SSTATE_CONF_PATH)) == 4091, "whole");
	conf_free(c);
	uri[4096] = 'a';
	uri[4097] = '\0';
	T(conf_parse(&c, uri, NULL, 0, NULL, &plain, &err) == SSTATE_EPARSE,
	    "R-90 4097 are not");
	for (n = 32; n <= 33; n++) {
		(void)snprintf(uri, sizeof(uri), "x:?k0=v");
		for (i = 1; i < n; i++)
			(void)snprintf(uri + strlen(uri),
			    sizeof(uri) - strlen(uri), "&k%u=v", i);
		T(conf_parse(&c, uri, NULL, 0, NULL, &plain, &err) ==
			(n == 32 ? 0 : SSTATE_EPARSE),
		    "R-90 %u parameters", n);
		conf_free(c);
	}
	T(conf_parse(&c, NULL, NULL, 0, NULL, &plain, &err) == SSTATE_EINVAL,
	    "no URI at all is EINVAL");
	conf_free(NULL);
}

static void
test_numbers(void)
{
	static const struct {
		const char *value;
		int64_t min, max, is; /* is < min: refused */
	} num[] = {
		{ "0", 0, 9, 0 },
		{ "9", 0, 9, 9 },
		{ "10", 0, 9, -1 },
		{ "-1", 0, 9, -1 },
		{ "-1", -5, 9, -1 },
		{ "007", 0, 9, 7 },
		{ "+1", 0, 9, -1 },
		{ "%201", 0, 9, -1 },
		{ "1%20", 0, 9, -1 },
		{ "", 0, 9, -1 },
		{ "-", -9, 9, -10 },
		{ "0x1", 0, 9, -1 },
		{ "1e1", 0, 99, -1 },
		{ "9223372036854775807", 0, INT64_MAX, INT64_MAX },
		{ "9223372036854775808", 0, INT64_MAX, -1 },
		{ "99999999999999999999999", 0, INT64_MAX, -1 },
	};
	struct sstate_error err;
	struct sstate_conf *c;
	char uri[128];
	int64_t v;
	size_t i;
	int r;

	for (i = 0; i < sizeof(num) / sizeof(num[0]); i++) {
		(void)snprintf(uri, sizeof(uri), "x:?n=%s", num[i].value);
		NEED(conf_parse(&c, uri, NULL, 0, NULL, &plain, NULL) == 0,
		    "%s parses", uri);
		memset(&err, 0, sizeof(err));
		v = 77;
		r = sstate_conf_int(&v, c, "n", 5, num[i].min, num[i].max,
		    &err);
		if (num[i].is >= num[i].min)
			T(r == 0 && v == num[i].is, "\"%s\" is a number",
			    num[i].value);
		else
			T(r == SSTATE_EINVAL && v == 0 &&
				strncmp(err.text, "x: n is no whole", 16) == 0,
			    "\"%s\" is none: %s", num[i].value, err.text);
		v = 0;
		T(sstate_conf_int(&v, c, "other", 5, 6, 9, &err) == 0 && v == 5,
		    "the default is not checked");
		conf_free(c);
	}
}

static void
test_unused(void)
{
	static const struct {
		const char *uri, *says;
	} left[] = {
		{ "x:?typo=1", "typo" },
		{ "x:?used=1&typo=" SECRET, "typo" },
		{ "x:path", "path" },
		{ "file://tmp/x", "host" },
		{ "x://:" SECRET "@/", "password" },
		{ "x://u@", "user" },
		{ "x://h:1", "host" },
	};
	struct sstate_error err = { 0, 0, "" };
	struct sstate_conf *c;
	size_t i;

	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		NEED(conf_parse(&c, left[i].uri, NULL, 0, NULL, &plain, NULL) ==
			0,
		    "%zu parses", i);
		(void)sstate_conf_str(c, "used", NULL);
		if (i == 3)
			(void)sstate_conf_part(c, SSTATE_CONF_PATH);
		T(conf_unused(c, &err) == SSTATE_EINVAL &&
			strstr(err.text, left[i].says) != NULL &&
			strstr(err.text, SECRET) == NULL,
		    "what nobody asked for fails: %s", err.text);
		conf_free(c);
	}
	NEED(conf_parse(&c, "x://u:p@h:1/d?a=1&b=2", NULL, 0, NULL, &plain,
		 NULL) == 0,
	    "one with all");
	for (i = 1; i <= SSTATE_CONF_PATH; i++)
		(void)sstate_conf_part(c, (int)i);
	T(strcmp(sstate_conf_str(c, "a", "z"), "1") == 0 &&
		strcmp(sstate_conf_str(c, "b", "z"), "2") == 0 &&
		strcmp(sstate_conf_str(c, "c", "z"), "z") == 0,
	    "values, default");
	T(conf_unused(c, &err) == 0, "all was asked for");
	T(sstate_conf_part(c, 0) == NULL && sstate_conf_part(c, 6) == NULL &&
		sstate_conf_part(c, -1) == NULL,
	    "there is no other part");
	conf_free(c);
}

static void
test_rest(void)
{
	static const unsigned char id[CONF_STORE_BYTES] = { 1, 2, 3 };
	struct sstate_conf *c;
	int handle;

	NEED(conf_parse(&c, "x:", &handle, SSTATE_NO_CREATE, "my.ns", &plain,
		 NULL) == 0,
	    "with a handle");
	T(sstate_conf_handle(c) == &handle, "the handle is handed on");
	T(sstate_conf_flags(c) == SSTATE_NO_CREATE &&
		strcmp(conf_ns(c), "my.ns") == 0,
	    "flags and namespace too");
	T(conf_store(c) == NULL, "of no pool");
	conf_set_store(c, id);
	T(conf_store(c) != NULL && memcmp(conf_store(c), id, sizeof(id)) == 0,
	    "of one");
	conf_free(c);
}

/* R-78: what the arena gives back is wiped. */
static unsigned leaked, blocks;

static void *
watch(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	(void)arg;
	if (newsz != 0) {
		blocks++;
		return realloc(ptr, newsz);
	}
	if (memmem(ptr, oldsz, SECRET, strlen(SECRET)) != NULL)
		leaked++;
	blocks--;
	free(ptr);
	return NULL;
}

static void
test_wiped(void)
{
	static const struct hook h = { watch, NULL };
	struct sstate_conf *c;

	NEED(conf_parse(&c, "x://u:" SECRET "@h/?p=" SECRET, NULL, 0, NULL, &h,
		 NULL) == 0,
	    "a password twice");
	conf_free(c);
	T(conf_parse(&c, "x://u:" SECRET "@h", NULL, 0, NULL, &h, NULL) == 0,
	    "a password");
	conf_free(c);
	T(leaked == 0 && blocks == 0, "R-78 it is wiped and all is freed");
}

int
main(void)
{
	test_good();
	test_wrong();
	test_long();
	test_numbers();
	test_unused();
	test_rest();
	test_wiped();
	return tap_done();
}
