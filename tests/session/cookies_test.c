/*
 * cookies_test.c - the cookie carrier: what is sent, what is taken back
 *
 * and C1 to C8 of the cookie attacks, all as a
 * program inside any server sees them.
 */
#include "harness.h"

static const char name[] = "__Host-sstate";
/* 6265bis 4.1.1: what a value may have */
static const char octets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
			     "uvwxyz0123456789-_";

/* Set-Cookie of a request that stores something, or NULL. */
static const char *
set_cookie(struct site *w, struct who *u, const char *more)
{
	static struct call c;

	if (ask(&c, w, u, Q(.heads = more)) == 0)
		(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	if (end(&c) != 0)
		return NULL;
	return head(&c, "Set-Cookie");
}

/* How many attributes a Set-Cookie has. */
static int
attrs(const char *h)
{
	int n = 0;

	for (; (h = strchr(h, ';')) != NULL; h++)
		n++;
	return n;
}

static void
defaults(void)
{
	struct site w;
	struct who u;
	struct call c;
	const char *h;

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	T(end(&c) == 0 && heads(&c, "Set-Cookie") == 1,
	    "R-44 one Set-Cookie in an answer");
	h = head(&c, "Set-Cookie");
	NEED(h != NULL, "R-40 a new session's cookie is sent");
	T(strncmp(h, "__Host-sstate=", 14) == 0, "R-40 its name: %s", name);
	T(attr(h, "Secure") != NULL && attr(h, "HttpOnly") != NULL,
	    "R-40 Secure, HttpOnly");
	T(attr(h, "SameSite") != NULL &&
		strcmp(attr(h, "SameSite"), "Lax") == 0,
	    "R-40 SameSite=Lax");
	T(attr(h, "Path") != NULL && strcmp(attr(h, "Path"), "/") == 0,
	    "R-40 Path=/");
	T(attr(h, "Domain") == NULL, "R-40 no Domain");
	T(attr(h, "Expires") == NULL && attr(h, "Max-Age") == NULL,
	    "R-51 not persistent by default");
	T(attrs(h) == 4, "R-44 each attribute once, and no other");
	T(strcspn(h + 14, ";") == TOKEN_CHARS &&
		strspn(h + 14, octets) == TOKEN_CHARS,
	    "R-45 the value is base64url without padding");
	T(strlen(h) < 1024, "R-44 name and value are short");
	h = head(&c, "Cache-Control");
	T(h != NULL && strstr(h, "no-store") != NULL,
	    "R-50 what sets a session is not cached");
	h = head(&c, "Vary");
	T(h != NULL && strcasecmp(h, "Cookie") == 0, "R-50 Vary: Cookie");
	T(head(&c, "Clear-Site-Data") == NULL,
	    "R-25 no Clear-Site-Data unless a session ends");
	(void)ask(&c, &w, &u, NULL);
	T(is(c.s, SSTATE_STORED, "a", "1"), "R-40 the cookie opens it");
	(void)end(&c);
	h = head(&c, "Cache-Control");
	T(h != NULL && strstr(h, "no-store") != NULL &&
		head(&c, "Vary") != NULL,
	    "R-50 nor is what depends on a session");
	site_close(&w);
}

/* the id is in Set-Cookie and nowhere else. */
static void
only_there(void)
{
	const char *t, *l, *f;
	struct site w;
	struct who u;
	struct call c;
	unsigned i, n;

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	t = fmt("%s", jar_first(&u.jar));
	NEED(strlen(t) == TOKEN_CHARS, "R-46 a token");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	(void)sstate_setstr(c.s, SSTATE_STORED, "b", "1");
	l = sstate_link(c.s, SSTATE_WITH_PAGE, "/x", "a=1");
	f = sstate_fields(c.s, SSTATE_WITH_PAGE | SSTATE_ONCE, "act");
	T(l != NULL && strstr(l, t) == NULL && strstr(l, ".id") == NULL,
	    "R-46 not in a link");
	T(f != NULL && strstr(f, t) == NULL && strstr(f, ".id") == NULL,
	    "R-46 not in fields");
	T(strstr(sstate_csrf(c.s, "act"), t) == NULL, "R-46 not in a token");
	(void)end(&c);
	for (i = 0, n = 0; i < c.nout && i < HEADS_MAX; i++)
		n += strcasecmp(c.out[i].name, "Set-Cookie") != 0 &&
		    strstr(c.out[i].value, t) != NULL;
	T(n == 0, "R-46 not in another header");
	T(strstr(w.log, t) == NULL, "R-12 not in the log");
	/* nor is it taken from elsewhere */
	(void)ask(&c, &w, &u, Q(.anon = 1, .query = fmt(".id=%s", t)));
	T(is_new(c.s), "R-48 a query is no place for a cookie's id");
	drop(&c);
	(void)ask(&c, &w, &u, Q(.anon = 1, .form = fmt(".id=%s", t)));
	T(is_new(c.s), "R-48 nor is a form");
	drop(&c);
	site_close(&w);
}

/* ---- Options --------------------------------------------------------- */

static void
refused_options(void)
{
	static const struct {
		uint32_t flags;
		const char *cookie, *path, *domain;
		int64_t age;
		const char *what;
	} rows[] = {
		{ 0, "__Host-x", NULL, "example.org", 0, "__Host- and Domain" },
		{ 0, "__Host-x", "/app", NULL, 0, "__Host- and another path" },
		{ 0, "__host-x", NULL, "example.org", 0,
		    "__host- and Domain (6265bis 5.7: any case)" },
		{ SSTATE_PLAIN_HTTP, "__Host-x", NULL, NULL, 0,
		    "__Host- without Secure" },
		{ SSTATE_PLAIN_HTTP, "__Secure-x", NULL, NULL, 0,
		    "__Secure- without Secure" },
		{ SSTATE_PLAIN_HTTP, "__SECURE-x", NULL, NULL, 0,
		    "__SECURE- without Secure" },
		{ SSTATE_PLAIN_HTTP | SSTATE_SAMESITE_NONE, "x", NULL, NULL, 0,
		    "SameSite=None without Secure" },
		{ SSTATE_SAMESITE_STRICT | SSTATE_SAMESITE_NONE, NULL, NULL,
		    NULL, 0, "two SameSites" },
		{ 0, "", NULL, NULL, 0, "no name" },
		{ 0, "a b", NULL, NULL, 0, "a blank in the name" },
		{ 0, "a=b", NULL, NULL, 0, "= in the name" },
		{ 0, "a;b", NULL, NULL, 0, "; in the name" },
		{ 0, "a,b", NULL, NULL, 0, ", in the name" },
		{ 0, "a\nb", NULL, NULL, 0, "LF in the name" },
		{ 0, "caf\xe9", NULL, NULL, 0, "8 bits in the name" },
		{ 0, "x", "app", NULL, 0, "a path without /" },
		{ 0, "x", "/a;b", NULL, 0, "; in the path" },
		{ 0, "x", "/a\nb", NULL, 0, "LF in the path" },
		{ 0, "x", NULL, "a;b", 0, "; in the domain" },
		{ 0, "x", NULL, "a b", 0, "a blank in the domain" },
		{ 0, "x", NULL, "a\r\nb", 0, "CR LF in the domain" },
		{ 0, "x", NULL, "", 0, "an empty domain" },
		{ 0, NULL, NULL, NULL, -1, "a negative age" },
		{ 0, NULL, NULL, NULL, 400ll * 86400 + 1, "over 400 days" },
		{ BY_COOKIE | BY_PAGE, NULL, NULL, NULL, 0, "two carriers" },
		{ BY_COOKIE | BY_OWN, NULL, NULL, NULL, 0, "two carriers" },
		{ BY_PAGE | BY_OWN, NULL, NULL, NULL, 0, "two carriers" },
	};
	struct sstate_options o;
	struct site w;
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		o = (struct sstate_options)SSTATE_OPTIONS_INIT;
		o.flags = rows[i].flags;
		o.cookie = rows[i].cookie;
		o.cookie_path = rows[i].path;
		o.cookie_domain = rows[i].domain;
		o.cookie_max_age = rows[i].age;
		r = site_open(&w, &o);
		T(r == SSTATE_EINVAL && w.env == NULL, "R-41 refused: %s (%d)",
		    rows[i].what, r);
		site_close(&w);
	}
}

static const char *
cookie_with(uint32_t flags, const char *cookie, const char *path,
    const char *domain, int64_t age, const char *heads)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site w;
	struct who u;
	const char *h;

	o.flags = flags;
	o.cookie = cookie;
	o.cookie_path = path;
	o.cookie_domain = domain;
	o.cookie_max_age = age;
	who_init(&u, BY_COOKIE);
	if (site_open(&w, &o) != 0)
		return "(refused)";
	h = set_cookie(&w, &u, heads);
	h = fmt("%s", h == NULL ? "(none)" : h);
	if (!holds(&w, &u, NULL, NULL, "a", "1"))
		h = "(lost)";
	site_close(&w);
	return h;
}

static int
has(const char *h, const char *attribute, const char *value)
{
	const char *v = attr(h, attribute);

	return v != NULL && strcmp(v, value) == 0;
}

static void
variants(void)
{
	const char *h;

	h = cookie_with(0, "id", "/app", "example.org", 0, NULL);
	T(strncmp(h, "id=", 3) == 0 && has(h, "Path", "/app") &&
		has(h, "Domain", "example.org") && attr(h, "Secure") != NULL &&
		attr(h, "HttpOnly") != NULL && attrs(h) == 5,
	    "R-41 a name, path and domain: %s", h);
	h = cookie_with(0, "__Secure-id", "/app", NULL, 0, NULL);
	T(strncmp(h, "__Secure-id=", 12) == 0 && attr(h, "Secure") != NULL,
	    "R-41 __Secure- with a path: %s", h);
	h = cookie_with(SSTATE_SAMESITE_STRICT, NULL, NULL, NULL, 0, NULL);
	T(has(h, "SameSite", "Strict"), "R-40 SameSite=Strict");
	h = cookie_with(SSTATE_SAMESITE_NONE, NULL, NULL, NULL, 0, NULL);
	T(has(h, "SameSite", "None") && attr(h, "Secure") != NULL,
	    "R-40 SameSite=None with Secure");
	h = cookie_with(SSTATE_PLAIN_HTTP, "id", NULL, NULL, 0, NULL);
	T(strncmp(h, "id=", 3) == 0 && attr(h, "Secure") == NULL &&
		attr(h, "HttpOnly") != NULL && has(h, "SameSite", "Lax"),
	    "R-41 PLAIN_HTTP: no Secure, all else as ever: %s", h);
	h = cookie_with(SSTATE_PLAIN_HTTP, NULL, NULL, NULL, 0, NULL);
	T(strncmp(h, "__", 2) != 0,
	    "R-41 PLAIN_HTTP: the default name has no prefix, or is refused");
	h = cookie_with(0, NULL, "/app", NULL, 0, NULL);
	T(strncmp(h, "__Host-", 7) != 0,
	    "R-41 another path: no __Host- name, or refused: %s", h);
	h = cookie_with(0, NULL, NULL, "example.org", 0, NULL);
	T(strncmp(h, "__Host-", 7) != 0,
	    "R-41 a domain: no __Host- name, or refused: %s", h);
	h = cookie_with(0, NULL, NULL, NULL, 86400, NULL);
	T(has(h, "Max-Age", "86400"), "R-51 persistent if asked: %s", h);
	h = cookie_with(0, NULL, NULL, NULL, 400ll * 86400, NULL);
	T(has(h, "Max-Age", "34560000"), "R-51 400 days at most");
	h = cookie_with(0, NULL, NULL, NULL, 0,
	    "X-Forwarded-Proto: http\nForwarded: proto=http\n"
	    "Origin: http://www.example\nHost: www.example\nHTTPS: off");
	T(attr(h, "Secure") != NULL && strncmp(h, "__Host-", 7) == 0,
	    "R-52 no client header weakens Secure");
}

/* ---- What is taken --------------------------------------------------- */

static void
exact_names(void)
{
	static const char *const other[] = { "__host-sstate=%s",
		"__HOST-SSTATE=%s", "%5F%5FHost-sstate=%s",
		"__Host%2Dsstate=%s", "__Host-sstate%00=%s",
		"__Host-sstate2=%s", "__Host-sstat=%s", "_[Host-sstate=%s",
		"..Host-sstate=%s", "__Host.sstate=%s", "x__Host-sstate=%s",
		"=__Host-sstate=%s", "x=__Host-sstate=%s",
		"x=\"__Host-sstate=%s\"", "$Version=1; $Path=%s" };
	static const char *const ours[] = { "__Host-sstate=%s",
		"a=b; __Host-sstate=%s", "__Host-sstate=%s; a=b",
		"a=b;__Host-sstate=%s;c=d", "=; __Host-sstate=%s",
		"a=&=; __Host-sstate=%s", "__Host-sstate; __Host-sstate=%s",
		"__Host-sstate=; __Host-sstate=%s",
		"$Version=1; __Host-sstate=%s; $Path=/",
		"a=\"x; __Host-sstate=%s", "\x80\xff=1; __Host-sstate=%s",
		"a=\x01\x02; __Host-sstate=%s", ";;; __Host-sstate=%s;",
		"a = b ; __Host-sstate=%s", "a=b, c=d; __Host-sstate=%s" };
	static const char *const bent[] = { "__Host-sstate=\"%s\"",
		"__Host-sstate=%s,", "__Host-sstate=%s=", "__Host-sstate=%s%20",
		"__Host-sstate=x%s", "__Host-sstate=%s x" };
	struct site w;
	struct who u;
	struct call c;
	const char *t, *s;
	size_t i;
	char h[512];

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	t = fmt("%s", jar_first(&u.jar));
#define FILL(f)                                                                \
	do {                                                                   \
		s = strstr((f), "%s");                                         \
		(void)snprintf(h, sizeof(h), "%.*s%s%s", (int)(s - (f)), (f),  \
		    t, s + 2);                                                 \
	} while (0)
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		FILL(other[i]);
		(void)ask(&c, &w, &u, Q(.anon = 1, .cookie = h));
		T(c.r == 0 && is_new(c.s), "C1 R-42 not ours: %s", other[i]);
		drop(&c);
	}
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		FILL(ours[i]);
		(void)ask(&c, &w, &u, Q(.anon = 1, .cookie = h));
		T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "1"),
		    "C3 C4 C8 ours: %s",
		    sstate_escape(c.s, SSTATE_FOR_HTML, ours[i]));
		drop(&c);
	}
	for (i = 0; i < sizeof(bent) / sizeof(bent[0]); i++) {
		FILL(bent[i]);
		(void)ask(&c, &w, &u, Q(.anon = 1, .cookie = h));
		T(c.r == 0 && is_new(c.s), "C3 R-09 not that value: %s",
		    bent[i]);
		drop(&c);
	}
#undef FILL
	site_close(&w);
}

/* R-43, C2, C7 */
static void
several(void)
{
	struct site w;
	struct who u, v;
	struct call c;
	char bad[64], a[64], b[64];
	unsigned lines, gets, i;

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	who_init(&v, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "u");
	(void)put(&w, &v, NULL, "a", "v");
	(void)snprintf(a, sizeof(a), "%.60s", jar_first(&u.jar));
	(void)snprintf(b, sizeof(b), "%.60s", jar_first(&v.jar));
	(void)snprintf(bad, sizeof(bad), "%s", a);
	bad[20] = bad[20] == 'x' ? 'y' : 'x';
	for (i = 0; i < 2; i++) {
		lines = w.lines;
		gets = w.gets;
		(void)ask(&c, &w, &u,
		    Q(.anon = 1,
			.cookie = fmt("%s=%s; %s=%s", name, i ? a : b, name,
			    i ? b : a)));
		T(c.r == 0 && is_new(c.s) && none(c.s, SSTATE_STORED, "a"),
		    "R-43 two different valid ids: no session");
		T(w.lines > lines, "R-43 and a line in the log");
		T(w.gets == gets, "R-43 without asking the store");
		T(strstr(w.log, a) == NULL && strstr(w.log, b) == NULL,
		    "R-12 that has neither id");
		drop(&c);
		(void)ask(&c, &w, &u,
		    Q(.anon = 1,
			.cookie = fmt("%s=%s; %s=%s", name, i ? a : bad, name,
			    i ? bad : a)));
		T(is(c.s, SSTATE_STORED, "a", "u"),
		    "R-43 one valid, one forged: the valid one");
		drop(&c);
		(void)ask(&c, &w, &u,
		    Q(.anon = 1,
			.cookie = fmt("%s=%s%s%s=%s", name, a, i ? "; " : ", ",
			    name, a)));
		T(c.r == 0, "C7 joined by \"%s\" is no error", i ? "; " : ", ");
		drop(&c);
	}
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("%s=%s, x=1", name, a)));
	T(is(c.s, SSTATE_STORED, "a", "u"),
	    "C7 two headers joined by \", \": ours is found");
	drop(&c);
	/* a sister host may set x to this: no prefix guards a value */
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("x=1, %s=%s", name, a)));
	T(c.r == 0 && is_new(c.s), "C7 R-42 but no name begins after a comma");
	drop(&c);
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("%s=%s; %s=%s; x=1", name, a, name, a)));
	T(is(c.s, SSTATE_STORED, "a", "u"), "R-43 the same id twice is one");
	drop(&c);
	site_close(&w);
}

/* More than two of ours. */
static void
crowds(void)
{
	struct site w;
	struct who u, v;
	struct call c;
	const char *p;
	char a[64], b[64];
	unsigned i;

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	who_init(&v, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "u");
	(void)put(&w, &v, NULL, "a", "v");
	(void)snprintf(a, sizeof(a), "%.60s", jar_first(&u.jar));
	(void)snprintf(b, sizeof(b), "%.60s", jar_first(&v.jar));
	for (i = 0; i < 2; i++) {
		(void)ask(&c, &w, &u,
		    Q(.anon = 1,
			.cookie = fmt("%s=%s; %s=%s; %s=%s", name, a, name, b,
			    name, i ? a : b)));
		T(is_new(c.s), "R-43 two that differ, and one of them again");
		drop(&c);
	}
	p = fmt("%s=x; %s=y; %s=z", name, name, name);
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("%s; %s=%s", p, name, a)));
	T(is(c.s, SSTATE_STORED, "a", "u"), "R-43 four of ours are tried");
	drop(&c);
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("%s; %s=v; %s=%s", p, name, name, a)));
	T(c.r == SSTATE_EPARSE || (c.r == 0 && is_new(c.s)),
	    "R-43 of five none is taken (%d)", c.r);
	drop(&c);
	for (i = 0, p = fmt("%s=%s", name, a); i < 49; i++)
		p = fmt("%s; %s=%s", p, name, i % 2 ? a : b);
	(void)ask(&c, &w, &u, Q(.anon = 1, .cookie = p));
	T(c.r == SSTATE_EPARSE || (c.r == 0 && is_new(c.s)),
	    "C2 fifty of ours: never one of them (%d)", c.r);
	drop(&c);
	site_close(&w);
}

static void
bombs(void)
{
	static char big[40000];
	struct site w;
	struct who u;
	struct call c;
	const char *p = "";
	char a[64];
	int i;

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	(void)snprintf(a, sizeof(a), "%.60s", jar_first(&u.jar));
	for (i = 0; i < 63; i++)
		p = fmt("%sc%d=%d; ", p, i, i);
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("%s%s=%s", p, name, a)));
	T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "1"),
	    "R-90 64 cookies are read");
	drop(&c);
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = fmt("%sc=1; %s=%s", p, name, a)));
	T(c.r == SSTATE_EPARSE && c.s == NULL && sstate_status(c.r) == 400,
	    "C5 65 cookies are refused with 400 (%d)", c.r);
	drop(&c);
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "x=", 2);
	(void)ask(&c, &w, &u,
	    Q(.anon = 1, .cookie = big + sizeof(big) - 1 - 16385));
	T(c.r == SSTATE_EPARSE, "C5 over 16 KiB are refused (%d)", c.r);
	drop(&c);
	(void)ask(&c, &w, &u, Q(.anon = 1, .cookie = big));
	T(c.r == SSTATE_EPARSE, "C5 and 40 KiB (%d)", c.r);
	drop(&c);
	(void)snprintf(big, sizeof(big), "%s=%s; x=", name, a);
	memset(big + strlen(big), 'x', 16384 - strlen(big));
	big[16384] = '\0';
	(void)ask(&c, &w, &u, Q(.anon = 1, .cookie = big));
	T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "1"),
	    "R-90 16 KiB of cookies are read (%d)", c.r);
	drop(&c);
	site_close(&w);
}

/* ---- Ending ---------------------------------------------------------- */

static void
removal_with(uint32_t flags, const char *cookie, const char *path,
    const char *domain, const char *what)
{
	static const char *const all[] = { "Path", "Domain", "Secure",
		"HttpOnly", "SameSite" };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *h, *g, *x, *y;
	struct site w;
	struct who u;
	struct call c;
	size_t i;

	o.flags = flags;
	o.cookie = cookie;
	o.cookie_path = path;
	o.cookie_domain = domain;
	who_init(&u, BY_COOKIE);
	NEED(site_open(&w, &o) == 0, "R-25 %s", what);
	h = set_cookie(&w, &u, NULL);
	h = fmt("%s", h == NULL ? "" : h);
	(void)ask(&c, &w, &u, NULL);
	(void)end(&c);
	T(head(&c, "Clear-Site-Data") == NULL,
	    "R-25 %s: no Clear-Site-Data while it lives", what);
	(void)ask(&c, &w, &u, NULL);
	T(sstate_logout(c.s) == 0 && end(&c) == 0, "R-25 %s: log out", what);
	g = head(&c, "Set-Cookie");
	NEED(g != NULL, "R-25 %s: the cookie is removed", what);
	T(heads(&c, "Set-Cookie") == 1, "R-44 %s: one Set-Cookie", what);
	T(strncmp(g, h, strcspn(h, "=") + 1) == 0, "R-25 %s: same name", what);
	T(has(g, "Max-Age", "0") ||
		(attr(g, "Expires") != NULL && strstr(g, "1970") != NULL),
	    "R-25 %s: its time is over: %s", what, g);
	T(u.jar.n == 0, "R-25 %s: a browser's jar is empty", what);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		x = attr(h, all[i]);
		y = attr(g, all[i]);
		T((x == NULL) == (y == NULL) &&
			(x == NULL || strcmp(x, y) == 0),
		    "R-25 %s: %s is the same", what, all[i]);
	}
	x = head(&c, "Clear-Site-Data");
	T((x != NULL) == ((flags & SSTATE_CLEAR_SITE_DATA) != 0) &&
		(x == NULL ||
		    (strchr(x, '"') != NULL &&
			(strstr(x, "\"cookies\"") != NULL ||
			    strstr(x, "\"*\"") != NULL))),
	    "R-25 %s: Clear-Site-Data: %s", what, x == NULL ? "none" : x);
	site_close(&w);
}

static void
ending(void)
{
	struct site w;
	struct who u;
	struct call c;
	const char *old;

	removal_with(0, NULL, NULL, NULL, "defaults");
	removal_with(SSTATE_SAMESITE_STRICT | SSTATE_CLEAR_SITE_DATA, NULL,
	    NULL, NULL, "Strict");
	removal_with(SSTATE_SAMESITE_NONE, "id", "/app", "example.org",
	    "a name, path, domain");
	removal_with(SSTATE_PLAIN_HTTP, "id", "/", NULL, "plain HTTP");

	/* logged out, and something stored: the new cookie replaces the old */
	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	old = fmt("%s", jar_first(&u.jar));
	(void)ask(&c, &w, &u, NULL);
	T(sstate_logout(c.s) == 0, "R-25 log out");
	(void)sstate_setstr(c.s, SSTATE_STORED, "bye", "1");
	(void)end(&c);
	T(heads(&c, "Set-Cookie") == 1 && u.jar.n == 1 &&
		strcmp(jar_first(&u.jar), old) != 0,
	    "R-44 log-out and a new session: one Set-Cookie, the new id");
	site_close(&w);
}

/* A log-in's cookie, a rotation's, and none when the session is gone. */
static void
new_ids(void)
{
	struct site w;
	struct who u;
	struct call c, d;
	const char *old;

	site_by(&w, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	old = fmt("%s", jar_first(&u.jar));
	(void)ask(&c, &w, &u, NULL);
	(void)ask(&d, &w, &u, NULL);
	T(sstate_login(c.s, "alice") == 0 && end(&c) == 0, "R-24 log in");
	T(heads(&c, "Set-Cookie") == 1 && strcmp(jar_first(&u.jar), old) != 0,
	    "R-24 another id is sent, in one Set-Cookie");
	(void)sstate_setstr(d.s, SSTATE_STORED, "slow", "1");
	T(sstate_commit(d.s) == SSTATE_EGONE,
	    "R-24 a slower request is left behind");
	old = fmt("%s", jar_first(&u.jar));
	answer(&d);
	T(heads(&d, "Set-Cookie") == 0 && strcmp(jar_first(&u.jar), old) == 0,
	    "R-24 and sends no Set-Cookie");
	drop(&d);
	(void)ask(&c, &w, &u, NULL);
	(void)ask(&d, &w, &u, NULL);
	T(sstate_logout(c.s) == 0 && end(&c) == 0, "R-26 log out");
	(void)sstate_setstr(d.s, SSTATE_STORED, "slow", "1");
	T(sstate_commit(d.s) == SSTATE_EGONE, "R-26 a slower one is EGONE");
	answer(&d);
	T(heads(&d, "Set-Cookie") == 0 && u.jar.n == 0,
	    "R-26 and brings no cookie back");
	T((sstate_inspect(d.s)->flags & SSTATE_IS_ENDED) != 0,
	    "R-26 it knows that it has ended");
	drop(&d);
	site_close(&w);
}

int
main(void)
{
	defaults();
	only_there();
	refused_options();
	variants();
	exact_names();
	several();
	crowds();
	bombs();
	ending();
	new_ids();
	return tap_done();
}
