/*
 * separate_test.c - small promises about carriers and guesses
 *
 * R-47 (the page carrier is a choice), U12 (ids in several places), R-11
 * (a guess costs the same however near it is), R-73 (strengths).
 */
#include "../tap.h"

#include <stdint.h>
#include <unistd.h>

#include "crypto/csrf.h"
#include "crypto/page.h"
#include "crypto/token.h"

#include <securestate.h>

struct client {
	const char *cookie;
};

static const char *
header(void *arg, const char *name)
{
	const struct client *c = arg;

	return strcmp(name, "Cookie") == 0 ? c->cookie : NULL;
}

static void
set_cookie(void *arg, const char *name, const char *value)
{
	char *out = arg;

	if (strcmp(name, "Set-Cookie") == 0)
		(void)snprintf(out, 256, "%.*s", (int)strcspn(value, ";"),
		    value);
}

static struct sstate *
open_env(uint32_t flags)
{
	static const char *const stores[] = { "memory:", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate *env;

	o.stores = stores;
	o.flags = flags;
	NEED(sstate_open(&env, &o, NULL) == 0, "open");
	return env;
}

/* A session with who = name; its cookie pair, or its token. */
static void
make(struct sstate *env, const char *name, char cookie[256], char token[64])
{
	struct sstate_session *s;

	NEED(sstate_begin(&s, env, NULL, NULL, NULL) == 0, "begin");
	(void)sstate_setstr(s, SSTATE_STORED, "who", name);
	NEED(sstate_commit(s) == 0, "commit");
	cookie[0] = '\0';
	sstate_headers(s, set_cookie, cookie);
	(void)snprintf(token, 64, "%s", sstate_token(s));
	sstate_free(s);
}

/* Who answers to these three places? */
static const char *
who(struct sstate *env, const char *query, const char *body, const char *cookie,
    char out[32])
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct client c = { cookie };
	struct sstate_session *s;
	const char *name;

	web.method = "POST";
	web.path = "/p";
	web.query = query;
	web.form.ptr = body;
	web.form.len = strlen(body);
	web.header = header;
	web.arg = &c;
	NEED(sstate_begin(&s, env, NULL, &web, NULL) == 0, "begin");
	name = sstate_str(s, SSTATE_STORED, "who");
	(void)snprintf(out, 32, "%s", name != NULL ? name : "nobody");
	sstate_free(s);
	return out;
}

static void
places(void)
{
	struct sstate *page = open_env(SSTATE_CARRY_PAGE);
	struct sstate *jar = open_env(SSTATE_CARRY_COOKIE);
	char a[64], b[64], c[64], cookie[256], none[256], out[32];
	char query[160], body[160], both[200];

	make(page, "query", none, a);
	make(page, "body", none, b);
	make(jar, "cookie", cookie, c);
	(void)snprintf(query, sizeof(query), ".id=%s", a);
	(void)snprintf(body, sizeof(body), ".id=%s", b);
	(void)snprintf(both, sizeof(both), ".id=%s&.id=%s", a, b);
	T(strcmp(who(page, query, body, cookie, out), "body") == 0,
	    "U12 page: the body's id before the query's: %s", out);
	T(strcmp(who(page, query, "x=1", cookie, out), "query") == 0,
	    "U12 page: without one the query's: %s", out);
	T(strcmp(who(page, "", both, cookie, out), "nobody") == 0,
	    "U12 page: two in one place, none is taken: %s", out);
	T(strcmp(who(jar, query, body, cookie, out), "cookie") == 0,
	    "U12 cookie: the carrier decides: %s", out);
	T(strcmp(who(jar, query, body, "", out), "nobody") == 0,
	    "U12 R-48 cookie: page ids are none: %s", out);
	sstate_close(page);
	sstate_close(jar);
}

static void
page_is_a_choice(void)
{
	struct sstate *env = open_env(0);
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	const char *link, *fields;
	char line[4096] = "";
	const char *top = getenv("SOURCE_DIR");
	char path[512];
	int said = 0;
	FILE *f;

	web.path = "/p";
	NEED(sstate_begin(&s, env, NULL, &web, NULL) == 0, "begin");
	(void)sstate_setstr(s, SSTATE_STORED, "a", "1");
	link = sstate_link(s, 0, NULL, NULL);
	fields = sstate_fields(s, 0, NULL);
	T(link != NULL && strcmp(link, "/p") == 0 && fields != NULL &&
		fields[0] == '\0',
	    "R-47 no id in links and fields unless it was asked for");
	sstate_free(s);
	sstate_close(env);
	(void)snprintf(path, sizeof(path), "%s/man/securestate.3",
	    top != NULL ? top : ".");
	if ((f = fopen(path, "r")) == NULL) {
		tap_skip("R-47: no manual here: set SOURCE_DIR");
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL)
		said |= strstr(line, "conform to OWASP ASVS") != NULL;
	(void)fclose(f);
	T(said, "R-47 the manual says what it does not conform to");
}

static void
strengths(void)
{
	T((TOKEN_BYTES - 3 - SID_BYTES) * 8 >= 80 && SID_BYTES * 8 >= 256,
	    "R-73 a forged token passes the pre-filter once in 2^80");
	T(PSK_BYTES * 8 >= 128 && JTI_BYTES * 8 >= 128,
	    "R-73 what is drawn has 128 bits or more");
	T((CSRF_TEXT / 4 * 3 - 22) * 8 >= 100,
	    "R-73 a CSRF MAC has 100 bits or more");
}

/* ---- counted, never timed -------------------------------------- */

/* Guesses whose check field agrees in its first n octets. */
static int
guess(int n)
{
	const struct ringkey *key;
	struct keyring *kr;
	struct token t, out;
	char text[TOKEN_TEXT + 1];
	int i, hits = 0;

	if (crypto_init(NULL) != 0 ||
	    keyring_ephemeral(&kr, 43200, 1000000, NULL) != 0 ||
	    token_new(&t, keyring_issuer(kr, 1000000), "app", CLS_OWN, NULL) !=
		0)
		return 2;
	for (i = n; i < 10; i++)
		t.chk[i] ^= 0xff;
	token_text(text, &t);
	for (i = 0; i < 20000; i++)
		hits += token_parse(&out, &key, kr, "app", CLS_OWN, text,
			    TOKEN_TEXT, 1000000) == 0;
	keyring_free(kr);
	return hits == 0 ? 0 : 3;
}

static long
instructions(const char *self, int n)
{
	char cmd[1200], line[256];
	long count = -1;
	FILE *p;

	(void)snprintf(cmd, sizeof(cmd),
	    "valgrind --tool=callgrind --callgrind-out-file=/dev/null "
	    "'%s' guess %d 2>&1",
	    self, n);
	if ((p = popen(cmd, "r")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), p) != NULL)
		if (strstr(line, "Collected :") != NULL)
			count = strtol(strstr(line, ":") + 1, NULL, 10);
	return pclose(p) == 0 ? count : -1;
}

static void
near_guesses(const char *self)
{
	long far, near;

	if ((far = instructions(self, 0)) < 0) {
		tap_skip("R-11: no callgrind here (or a sanitizer build)");
		return;
	}
	near = instructions(self, 9);
	/* 20,000 guesses: one instruction each would be 20,000. */
	T(labs(far - near) < 10000,
	    "R-11 nine octets right or none: as many instructions (%ld, %ld)",
	    far, near);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "guess") == 0)
		return guess(argv[2][0] - '0');
	places();
	page_is_a_choice();
	strengths();
	near_guesses(argv[0]);
	return tap_done();
}
