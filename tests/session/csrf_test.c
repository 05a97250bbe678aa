/*
 * csrf_test.c - was this POST made by our form? 
 *
 * Each case is one request against a session that has made tokens, under
 * the cookie and under the page carrier.
 */
#include "harness.h"

enum { CSRF_CHARS = 56 };

/* A token of this client's for action, rendered by a request of its own. */
static const char *
token(struct site *w, struct who *u, const char *action)
{
	const char *t = NULL;
	struct call c;

	if (ask(&c, w, u, NULL) == 0)
		t = sstate_csrf(c.s, action);
	t = fmt("%s", t == NULL ? "" : t);
	(void)end(&c);
	return t;
}

/* What sstate_check() says of a POST with this token. */
static int
check(struct site *w, struct who *u, const char *tok, const char *action,
    const char *heads)
{
	struct call c;
	int r;

	r = ask(&c, w, u,
	    Q(.form = fmt("x=1%s%s",
		  tok == NULL ? "" : "&.csrf=", tok == NULL ? "" : tok),
		.heads = heads));
	if (r == 0)
		r = sstate_check(c.s, action);
	drop(&c);
	return r;
}

static void
basics(struct site *w, struct who *u, const char *by)
{
	const char *t, *s;
	struct call c;

	t = token(w, u, "pay");
	T(strlen(t) == CSRF_CHARS, "R-60 (%s) a token has 56 characters", by);
	T(strlen(who_token(u)) == TOKEN_CHARS,
	    "R-31 (%s) rendering one makes the record", by);
	T(check(w, u, t, "pay", NULL) == 0, "R-60 (%s) its form passes", by);
	T(check(w, u, t, "pay", NULL) == 0,
	    "R-61 (%s) and passes again: many tabs, Back", by);
	T(check(w, u, t, "delete", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) for no other action", by);
	T(check(w, u, t, "", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) nor for an empty one", by);
	T(check(w, u, t, "pa", NULL) != 0 && check(w, u, t, "payy", NULL) != 0,
	    "R-60 (%s) nor for a part of its own", by);
	T(check(w, u, NULL, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) no token is refused", by);
	T(check(w, u, "", "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) an empty token is refused", by);
	s = token(w, u, "pay");
	T(strcmp(s, t) != 0, "R-61 (%s) another text on each render", by);
	T(check(w, u, s, "pay", NULL) == 0 && check(w, u, t, "pay", NULL) == 0,
	    "R-61 (%s) and both pass", by);
	(void)ask(&c, w, u, NULL);
	s = fmt("%s", sstate_fields(c.s, 0, "pay"));
	(void)end(&c);
	T(field_of(s, ".csrf") != NULL &&
		check(w, u, field_of(s, ".csrf"), "pay", NULL) == 0,
	    "R-60 (%s) fields have one for their action", by);
}

static void
methods(struct site *w, struct who *u, const char *by)
{
	const char *t = token(w, u, "pay");
	static const char *const safe[] = { "GET", "HEAD" };
	struct call c;
	size_t i;

	for (i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
		(void)ask(&c, w, u,
		    Q(.method = safe[i], .query = fmt(".csrf=%s", t)));
		T(c.r != 0 || sstate_check(c.s, "pay") == SSTATE_EAUTH,
		    "R-62 (%s) %s is refused, whatever it brings", by, safe[i]);
		drop(&c);
		(void)ask(&c, w, u,
		    Q(.method = safe[i], .heads = fmt("X-CSRF-Token: %s", t)));
		T(c.r != 0 || sstate_check(c.s, "pay") == SSTATE_EAUTH,
		    "R-62 (%s) %s with a header, too", by, safe[i]);
		drop(&c);
	}
	T(check(w, u, NULL, "pay", fmt("X-CSRF-Token: %s", t)) == 0,
	    "R-62 (%s) a POST may bring it as X-CSRF-Token", by);
	T(check(w, u, NULL, "delete", fmt("X-CSRF-Token: %s", t)) ==
		SSTATE_EAUTH,
	    "R-62 (%s) for its action alone", by);
	T(check(w, u, NULL, "pay", "X-CSRF-Token: ") == SSTATE_EAUTH,
	    "R-62 (%s) an empty header is no token", by);
}

static void
origins(struct site *w, struct who *u, const char *by)
{
	static const struct {
		unsigned good; /* 0 no, 1 yes, BY_PAGE by that carrier alone */
		const char *heads;
	} rows[] = {
		{ 1, "Host: www.example" },
		{ 1, "Host: www.example\nOrigin: https://www.example" },
		{ 1, "Host: WWW.Example\nOrigin: https://www.example" },
		{ 1,
		    "Host: www.example:8443\n"
		    "Origin: https://www.example:8443" },
		{ 1, "Host: [::1]:8080\nOrigin: http://[::1]:8080" },
		{ 1, "Host: www.example\nSec-Fetch-Site: same-origin" },
		{ 1, "Host: www.example\nSec-Fetch-Site: none" },
		{ 1,
		    "Host: www.example\nOrigin: https://www.example\n"
		    "Sec-Fetch-Site: same-origin" },
		{ 0, "Host: www.example\nOrigin: https://evil.example" },
		/* no metadata (plain http): only where no browser adds a token */
		{ BY_PAGE, "Host: www.example\nOrigin: null" },
		{ 1,
		    "Host: www.example\nOrigin: null\n"
		    "Sec-Fetch-Site: same-origin" },
		{ 0,
		    "Host: www.example\nOrigin: null\n"
		    "Sec-Fetch-Site: cross-site" },
		{ 0,
		    "Host: www.example\nOrigin: null\n"
		    "Sec-Fetch-Site: none" },
		{ 0, "Host: www.example\nOrigin: www.example" },
		{ 0, "Host: www.example\nOrigin: https://www.example:444" },
		{ 0, "Host: www.example:8443\nOrigin: https://www.example" },
		{ 0,
		    "Host: www.example\n"
		    "Origin: https://www.example.evil.example" },
		{ 0, "Host: www.example\nOrigin: https://xwww.example" },
		{ 0, "Host: www.example\nOrigin: https://www.exampl" },
		{ 0,
		    "Host: www.example\n"
		    "Origin: https://www.example@evil.example" },
		{ 0,
		    "Host: www.example\n"
		    "Origin: https://evil.example/www.example" },
		{ 0,
		    "Host: www.example\n"
		    "Origin: https://evil.example https://www.example" },
		{ 0, "Host: www.example\nOrigin: ftp://www.example" },
		{ 0, "Host: www.example\nSec-Fetch-Site: cross-site" },
		{ 0, "Host: www.example\nSec-Fetch-Site: CROSS-SITE" },
		{ 0,
		    "Host: www.example\nOrigin: https://www.example\n"
		    "Sec-Fetch-Site: cross-site" },
		{ 0,
		    "Host: www.example\nOrigin: https://evil.example\n"
		    "Sec-Fetch-Site: same-origin" },
		{ 0,
		    "Host: www.example\nOrigin: https://sister.example\n"
		    "Sec-Fetch-Site: same-site" },
		{ 0, "Host: \nOrigin: https://www.example" },
		{ 0, "Host: \nOrigin: https://" },
	};
	const char *t = token(w, u, "pay");
	char text[256], *p;
	size_t i;
	int good, r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good = rows[i].good == 1 ||
		    (rows[i].good == BY_PAGE && u->carry == BY_PAGE);
		r = check(w, u, t, "pay", rows[i].heads);
		(void)snprintf(text, sizeof(text), "%s", rows[i].heads);
		while ((p = strchr(text, '\n')) != NULL)
			*p = '|';
		T(r == (good ? 0 : SSTATE_EAUTH), "R-62 (%s) %s: %s (%d)", by,
		    good ? "taken" : "refused", text, r);
	}
}

/* What is too long to be read was sent all the same. */
static void
too_long(struct site *w, struct who *u, const char *by)
{
	static char big[4000];
	const char *t = token(w, u, "pay");

	memset(big, 'a', sizeof(big) - 1);
	T(check(w, u, t, "pay",
	      fmt("Host: www.example\nOrigin: https://%s", big)) ==
		SSTATE_EAUTH,
	    "R-62 (%s) an Origin of 4,000 octets", by);
	T(check(w, u, t, "pay",
	      fmt("Host: www.example\nSec-Fetch-Site: %.99s", big)) ==
		SSTATE_EAUTH,
	    "R-62 (%s) a Sec-Fetch-Site of 99", by);
}

static void
forged(struct site *w, struct who *u, const char *by)
{
	const char *t = token(w, u, "pay");
	char bad[128];
	size_t i;
	int taken = 0;

	for (i = 0; i < CSRF_CHARS; i++) {
		(void)snprintf(bad, sizeof(bad), "%s", t);
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		taken += check(w, u, bad, "pay", NULL) != SSTATE_EAUTH;
	}
	T(taken == 0, "R-60 (%s) no edited token is taken", by);
	for (i = 0, taken = 0; i < CSRF_CHARS; i++)
		taken += check(w, u, fmt("%.*s", (int)i, t), "pay", NULL) !=
		    SSTATE_EAUTH;
	T(taken == 0, "R-60 (%s) nor a part of one", by);
	T(check(w, u, fmt("%sA", t), "pay", NULL) == SSTATE_EAUTH &&
		check(w, u, fmt("%s=", t), "pay", NULL) == SSTATE_EAUTH &&
		check(w, u, fmt("%%20%s", t), "pay", NULL) == SSTATE_EAUTH &&
		check(w, u, fmt("%s%%00", t), "pay", NULL) == SSTATE_EAUTH,
	    "R-09 (%s) nor one with more around it", by);
	memset(bad, 'A', CSRF_CHARS);
	bad[CSRF_CHARS] = '\0';
	T(check(w, u, bad, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) zeros are no token", by);
}

static void
sessions(struct site *w, struct who *u, const char *by)
{
	const char *t = token(w, u, "pay"), *none;
	struct who v, z;

	who_init(&v, u->carry);
	(void)put(w, &v, NULL, "a", "1");
	T(check(w, &v, t, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) another session's token is refused", by);
	who_init(&z, u->carry);
	T(check(w, &z, t, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) and any, without a session", by);
	T(check(w, &z, "", "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) empty token and empty session (CVE-2023-52431)", by);
	none = token(w, &z, "pay");
	T(check(w, &z, none, "pay", NULL) == 0 &&
		check(w, u, none, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) each has its own", by);
}

static void
turns(struct site *w, struct who *u, const char *by)
{
	const char *t = token(w, u, "pay"), *fresh, *old;
	struct call c;

	(void)ask(&c, w, u, NULL);
	T(sstate_rotate(c.s) == 0 && end(&c) == 0, "R-60 (%s) rotate", by);
	T(check(w, u, t, "pay", NULL) == 0,
	    "R-60 (%s) a plain rotation keeps tokens", by);
	(void)ask(&c, w, u, NULL);
	T(sstate_login(c.s, "alice") == 0 && end(&c) == 0, "R-60 (%s) log in",
	    by);
	T(check(w, u, t, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) a log-in does not", by);
	fresh = token(w, u, "pay");
	T(check(w, u, fresh, "pay", NULL) == 0,
	    "R-60 (%s) one made after it passes", by);
	old = fmt("%s", who_token(u));
	(void)ask(&c, w, u, NULL);
	T(sstate_logout(c.s) == 0 && end(&c) == 0, "R-60 (%s) log out", by);
	T(check(w, u, fresh, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) a log-out ends them", by);
	(void)ask(&c, w, u, Q(.id = old, .form = fmt(".csrf=%s", fresh)));
	T(c.r == 0 && sstate_check(c.s, "pay") == SSTATE_EAUTH,
	    "R-60 (%s) also with the old id", by);
	drop(&c);
	(void)put(w, u, NULL, "a", "1");
	T(check(w, u, fresh, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) also in the session that follows", by);
	/* what is made and checked in the request that logs in */
	(void)ask(&c, w, u, NULL);
	(void)sstate_login(c.s, "bob");
	fresh = fmt("%s", sstate_csrf(c.s, "pay"));
	(void)end(&c);
	T(check(w, u, fresh, "pay", NULL) == 0,
	    "R-60 (%s) rendered after the log-in, in the same request", by);
}

/* Written over and over: what was rendered before stays good. */
static void
many_writes(struct site *w, struct who *u, const char *by)
{
	const char *t = token(w, u, "pay");
	int i;

	for (i = 0; i < 20; i++)
		(void)put(w, u, NULL, "a", fmt("%d", i));
	T(check(w, u, t, "pay", NULL) == 0,
	    "R-61 (%s) an older page's token passes after later writes", by);
}

static void
times(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *t;
	struct site x;
	int r;

	(void)w;
	o.flags = u->carry;
	o.page_life = 600;
	o.rotate = -1;
	NEED(site_open(&x, &o) == 0, "R-60 (%s) page_life", by);
	t = token(&x, u, "pay");
	x.now += 599;
	T(check(&x, u, t, "pay", NULL) == 0, "R-60 (%s) within its life", by);
	x.now += 2;
	r = check(&x, u, t, "pay", NULL);
	T(r == SSTATE_EEXPIRED, "R-60 (%s) beyond it: EEXPIRED (%d)", by, r);
	x.now += 86400;
	T(check(&x, u, t, "pay", NULL) == SSTATE_EAUTH,
	    "R-60 (%s) when the session is over: EAUTH", by);
	who_init(u, u->carry);
	x.now = ((int64_t)1 << 32) - 10;
	t = token(&x, u, "pay");
	T(check(&x, u, t, "pay", NULL) == 0, "B14 (%s) just before 2106", by);
	x.now += 20;
	T(check(&x, u, t, "pay", NULL) == 0, "B14 (%s) over the edge", by);
	t = token(&x, u, "pay");
	T(check(&x, u, t, "pay", NULL) == 0, "B14 (%s) and beyond it", by);
	x.now += 601;
	T(check(&x, u, t, "pay", NULL) == SSTATE_EEXPIRED,
	    "B14 (%s) and it ends there, too", by);
	site_close(&x);
}

static void
own_name(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site x;
	struct call c;
	const char *f;

	(void)w;
	o.flags = u->carry;
	o.csrf_param = "csrf_token";
	NEED(site_open(&x, &o) == 0, "B04 (%s) csrf_param", by);
	(void)ask(&c, &x, u, NULL);
	f = field_of(sstate_fields(c.s, 0, "pay"), "csrf_token");
	T(f != NULL, "B04 (%s) csrf_param names the field", by);
	f = fmt("%s", f == NULL ? "" : f);
	(void)end(&c);
	(void)ask(&c, &x, u, Q(.form = fmt("csrf_token=%s", f)));
	T(sstate_check(c.s, "pay") == 0 && none(c.s, SSTATE_SENT, "csrf_token"),
	    "B04 (%s) and it is read, and not shown", by);
	drop(&c);
	(void)ask(&c, &x, u, Q(.form = fmt(".csrf=%s", f)));
	T(sstate_check(c.s, "pay") == SSTATE_EAUTH,
	    "B04 (%s) the default name is nothing then", by);
	drop(&c);
	site_close(&x);
}

/* A failed check changes nothing: the program decides. */
static void
no_side_effect(struct site *w, struct who *u, const char *by)
{
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, Q(.form = ".csrf=x"));
	T(sstate_check(c.s, "pay") == SSTATE_EAUTH, "R-62 (%s) refused", by);
	T(sstate_failure(c.s)->code == 0, "R-62 (%s) is no failure kept", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "2");
	T(end(&c) == 0, "R-62 (%s) and no reason not to commit", by);
	T(holds(w, u, NULL, NULL, "a", "2"), "R-62 (%s) what was set", by);
}

static const struct {
	void (*fn)(struct site *w, struct who *u, const char *by);
} tests[] = { { basics }, { methods }, { origins }, { too_long }, { forged },
	{ sessions }, { turns }, { many_writes }, { times }, { own_name },
	{ no_side_effect } };

int
main(void)
{
	static const unsigned carriers[] = { BY_COOKIE, BY_PAGE };
	struct site w;
	struct who u;
	size_t i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
			site_by(&w, carriers[k]);
			who_init(&u, carriers[k]);
			tests[i].fn(&w, &u, by_name(carriers[k]));
			site_close(&w);
		}
	}
	return tap_done();
}
