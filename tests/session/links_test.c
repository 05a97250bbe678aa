/*
 * links_test.c - links, hidden fields and the sealed state they carry
 *
 * What a page hands out, what of it is taken back, and what never is: K14,
 * B11, B12, B17, R-46, R-49, R-63, R-66, R-67, R-68, and the page limits of
 *
 */
#include "harness.h"

static const char *const search[] = { "query", "type", NULL };
static const char *const price[] = { "price", NULL };

/* A page of this client's: a link's query, to be sent back as it is. */
static const char *
page_link(struct site *w, struct who *u, const struct sstate_how *how,
    const char *path, const char *name, const char *value)
{
	const char *link = "";
	struct call c;

	if (ask(&c, w, u, Q(.how = how, .path = path)) == 0) {
		(void)sstate_setstr(c.s, SSTATE_PAGE, name, value);
		link = sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL);
		link = fmt("%s", link == NULL ? "" : link);
	}
	(void)end(&c);
	return query_of(link);
}

/* Come back with a page: its value, "(none)", or "(stale)". */
static const char *
back(struct site *w, struct who *u, const struct sstate_how *how,
    const char *path, const char *query, const char *name)
{
	const char *v;
	struct call c;

	if (ask(&c, w, u,
		Q(.anon = u->carry == BY_PAGE, .how = how, .path = path,
		    .query = query)) != 0)
		return fmt("(error %d)", c.r);
	v = vals(c.s, SSTATE_PAGE, name);
	if (is_stale(c.s))
		v = strcmp(v, "(none)") == 0 ? "(stale)" : "(stale, taken)";
	drop(&c);
	return v;
}

static int
same(const char *a, const char *b)
{
	if (a != NULL && strcmp(a, b) == 0)
		return 1;
	printf("#   \"%.200s\", not \"%.200s\"\n", a == NULL ? "NULL" : a, b);
	return 0;
}

/* ---- The search engine ----------------------------------------------- */

static const char *
search_page(struct site *w, struct who *u, const char *query, const char **next)
{
	struct sstate_how how = how_of(0, NULL, search);
	const char *shown, *link;
	struct call c;
	int64_t n;

	if (ask(&c, w, u,
		Q(.anon = u->carry == BY_PAGE && strstr(query, ".id=") != NULL,
		    .how = &how, .path = "/search", .query = query)) != 0)
		return "(error)";
	n = sstate_int(c.s, SSTATE_QUERY, "page", 1, 1000, 1);
	shown =
	    fmt("%s, page %lld", vals(c.s, SSTATE_PAGE, "query"), (long long)n);
	link = sstate_link(c.s, SSTATE_WITH_PAGE, NULL,
	    fmt("page=%lld", (long long)n + 1));
	*next = fmt("%s", query_of(link));
	T(end(&c) == 0, "B11 a result page: %s", shown);
	return shown;
}

static void
back_button(struct site *w, struct who *u, const char *by)
{
	const char *marzipan, *eggs, *third, *more;

	T(same(search_page(w, u, "query=marzipan", &marzipan),
	      "marzipan, page 1"),
	    "B11 (%s) search for marzipan", by);
	T(same(search_page(w, u, "query=eggs", &eggs), "eggs, page 1"),
	    "B11 (%s) then for eggs", by);
	T(same(search_page(w, u, marzipan, &third), "marzipan, page 2"),
	    "K09 (%s) Back, then Next Page: marzipan", by);
	T(same(search_page(w, u, eggs, &more), "eggs, page 2"),
	    "K09 (%s) the eggs' page goes on with eggs", by);
	T(same(search_page(w, u, third, &more), "marzipan, page 3"),
	    "K09 (%s) and marzipan on with marzipan", by);
	T(same(search_page(w, u, marzipan, &more), "marzipan, page 2"),
	    "R-67 (%s) a page may be shown again", by);
}

/* ---- Where a link leads ---------------------------------------------- */

static void
link_parts(struct site *w, struct who *u, const char *by)
{
	const char *l, *id;
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	id = fmt("%s", who_token(u));
	(void)ask(&c, w, u, NULL);
	l = text_of(sstate_link(c.s, 0, NULL, "a=1&b=%26"));
	T(strncmp(l, "/app.cgi?", 9) == 0 && strstr(l, "a=1&b=%26") != NULL &&
		(u->carry == BY_PAGE ? param_of(l, ".id") != NULL &&
			    strcmp(param_of(l, ".id"), id) == 0
				     : strlen(l) == 18),
	    "K14 (%s) a query goes along as it was given", by);
	l = sstate_link(c.s, 0, "/other/script.cgi", NULL);
	T(same(l,
	      u->carry == BY_PAGE ? fmt("/other/script.cgi?.id=%s", id)
				  : "/other/script.cgi"),
	    "K14 (%s) to another script", by);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	l = text_of(sstate_link(c.s, SSTATE_WITH_PAGE, NULL, "x=1"));
	T(param_of(l, ".page") != NULL && param_of(l, "x") != NULL &&
		(param_of(l, ".id") != NULL) == (u->carry == BY_PAGE),
	    "K14 (%s) with the page's state", by);
	T(strstr(l, "&amp;") == NULL, "B17 (%s) a link is plain text", by);
	T(strspn(query_of(l),
	      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
	      "uvwxyz0123456789-_.=&") == strlen(query_of(l)),
	    "R-45 (%s) nothing in it needs an escape but &", by);
	T(param_of(sstate_link(c.s, 0, NULL, NULL), ".page") == NULL,
	    "K14 (%s) no page state unless it is asked for", by);
	if (u->carry == BY_COOKIE)
		T(strstr(l, id) == NULL, "R-46 (cookie) no id in a link");
	T(sstate_failure(c.s)->code == 0, "K14 (%s) none of them fails", by);
	drop(&c);
}

static void
off_site(struct site *w, struct who *u, const char *by)
{
	static const char *const away[] = { "https://evil.example/",
		"http://evil.example/a?b=c#d", "HTTPS://Evil.Example/",
		"https://www.example.evil.example/",
		"https://www.example@evil.example/",
		"https://www.example:pw@evil.example/x" };
	struct call c;
	const char *l;
	size_t i;

	(void)put(w, u, NULL, "a", "1");
	for (i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
		(void)ask(&c, w, u, Q(.heads = "Host: www.example"));
		(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
		l = sstate_link(c.s, SSTATE_WITH_PAGE, away[i], NULL);
		T(same(l, away[i]), "R-49 (%s) off-site, nothing is added: %s",
		    by, away[i]);
		drop(&c);
	}
}

static void
refused(struct site *w, struct who *u, const char *by)
{
	static const char *const bad[] = { "javascript:alert(1)",
		"JaVaScRiPt:alert(1)", " javascript:alert(1)",
		"\tjavascript:alert(1)", "java\nscript:alert(1)",
		"data:text/html,x", "vbscript:x", "file:///etc/passwd",
		"mailto:a@b", "ftp://evil.example/", "//evil.example/",
		"///evil.example/", "/\\evil.example/", "\\\\evil.example/",
		"/a\\b", "/a\nb", "/a\rSet-Cookie: x", "/\tx", "\001/x",
		"/a\177b", "https:\\\\evil.example/", "https://evil\n.example/",
		"http://evil.example/\\x" };
	struct call c;
	size_t i;

	(void)put(w, u, NULL, "a", "1");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)ask(&c, w, u, NULL);
		T(sstate_link(c.s, 0, bad[i], NULL) == NULL,
		    "R-95 (%s) refused: %s", by,
		    sstate_escape(c.s, SSTATE_FOR_URL, bad[i]));
		T(sstate_failure(c.s)->code == SSTATE_EINVAL &&
			sstate_commit(c.s) == SSTATE_EINVAL,
		    "R-95 (%s) and kept, so that the commit says it", by);
		drop(&c);
	}
}

static void
paths(struct site *w, struct who *u, const char *by)
{
	static const char *const odd[] = { "/a b", "/a\"b", "/a<b>", "/a'b",
		"/caf\xe9", "/a?b", "/a#b", "/a%41b", "/a;b=c", "/a&b",
		"/\x01" };
	struct call c;
	const char *l;
	size_t i, n;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)ask(&c, w, u, Q(.path = odd[i]));
		if ((l = sstate_link(c.s, 0, NULL, NULL)) == NULL)
			l = "";
		n = strcspn(l, "?");
		T(strcspn(l, " \"<>\\`#\x01\xe9") == strlen(l) &&
			(l[n] == '\0' || strncmp(l + n, "?.id=", 5) == 0),
		    "B17 (%s) a path of the server's is escaped: %s", by, l);
		drop(&c);
	}
	(void)ask(&c, w, u, Q(.path = "/a%41b"));
	l = sstate_link(c.s, 0, NULL, NULL);
	T(l != NULL && strncmp(l, "/a%2541b", 8) == 0,
	    "B17 (%s) and means that path, no other", by);
	drop(&c);
}

/* A query or a fragment in the path: put together as a browser reads it. */
static void
to_with_more(struct site *w, struct who *u, const char *by)
{
	const char *l, *hash;
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, NULL);
	l = sstate_link(c.s, 0, "/x?y=1#frag", "z=2");
	hash = l == NULL ? NULL : strchr(l, '#');
	T(l == NULL || u->carry != BY_PAGE ||
		(param_of(l, ".id") != NULL && param_of(l, "z") != NULL &&
		    (hash == NULL || strstr(hash, ".id=") == NULL)),
	    "K14 (%s) a query in the path is refused or gone on with: %s", by,
	    l == NULL ? "NULL" : l);
	drop(&c);
}

/* ---- Fields, escapes ------------------------------------------------- */

static void
fields(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, price);
	const char *html;
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, Q(.how = &how));
	(void)sstate_setstr(c.s, SSTATE_PAGE, "price", "\"><script>");
	html = text_of(sstate_fields(c.s, SSTATE_WITH_PAGE, "pay"));
	T(field_of(html, ".page") != NULL && field_of(html, ".csrf") != NULL,
	    "R-60 (%s) fields: page state and CSRF token", by);
	T((field_of(html, ".id") != NULL) == (u->carry == BY_PAGE),
	    "R-46 (%s) fields: the id for the page carrier alone", by);
	T(strstr(html, "type=\"hidden\"") != NULL ||
		strstr(html, "type=hidden") != NULL,
	    "K14 (%s) hidden", by);
	T(strstr(html, "script") == NULL, "B17 (%s) no value as it is", by);
	T(field_of(sstate_fields(c.s, 0, NULL), ".csrf") == NULL,
	    "R-60 (%s) no action, no CSRF token", by);
	html = fmt("%s", html);
	T(end(&c) == 0, "K14 (%s) the commit", by);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how, .form = form_of(html)));
	T(is(c.s, SSTATE_PAGE, "price", "\"><script>") &&
		sstate_check(c.s, "pay") == 0,
	    "K09 (%s) a form brings it all back", by);
	drop(&c);
}

static void
escapes(struct site *w, struct who *u, const char *by)
{
	static const char all[] = "&<>\"'`=\n\tA z";
	const char *h, *l;
	struct call c;

	(void)ask(&c, w, u, NULL);
	h = sstate_escape(c.s, SSTATE_FOR_HTML, all);
	T(h != NULL && strpbrk(h, "<>\"'`=\n\t") == NULL &&
		strncmp(h, "&amp;&lt;&gt;", 13) == 0 &&
		strstr(h, "A z") != NULL,
	    "R-95 (%s) HTML: text and quoted attribute: %s", by, h);
	l = sstate_escape(c.s, SSTATE_FOR_URL, "a b&c=d/e?%~-._\xe9;");
	T(same(l, "a%20b%26c%3Dd%2Fe%3F%25~-._%E9%3B"),
	    "R-95 (%s) URL: unreserved octets alone stay", by);
	T(same(sstate_escape(c.s, SSTATE_FOR_HTML, ""), ""),
	    "R-95 (%s) nothing is nothing", by);
	T(sstate_escape(c.s, 0, "x") == NULL &&
		sstate_escape(c.s, 3, "x") == NULL,
	    "R-95 (%s) no escape for places that are not known", by);
	drop(&c);
}

/* ---- Which pages are taken ------------------------------------------- */

static void
scopes(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, price);
	struct sstate_how shop = how_of(0, NULL, price);
	struct sstate_how next = how_of(0, NULL, price);
	struct who v;
	const char *q;

	shop.scope = "shop";
	next.schema = 2;
	q = page_link(w, u, &how, "/a", "price", "100");
	T(same(back(w, u, &how, "/a", q, "price"), "100"),
	    "R-66 (%s) a page of this script is taken", by);
	T(same(back(w, u, &how, "/b", q, "price"), "(stale)"),
	    "R-66 (%s) one of another script is stale", by);
	T(same(back(w, u, &shop, "/a", q, "price"), "(stale)"),
	    "R-66 (%s) one of no scope is stale in a named one", by);
	T(same(back(w, u, &next, "/a", q, "price"), "(stale)"),
	    "R-63 (%s) one of an older schema is stale", by);
	q = page_link(w, u, &shop, "/a", "price", "200");
	T(same(back(w, u, &shop, "/b", q, "price"), "200"),
	    "R-66 (%s) scripts share a named scope", by);
	T(same(back(w, u, &how, "/b", q, "price"), "(stale)"),
	    "R-66 (%s) with those that declare it", by);
	q = page_link(w, u, &next, "/a", "price", "300");
	T(same(back(w, u, &how, "/a", q, "price"), "(stale)") &&
		same(back(w, u, &next, "/a", q, "price"), "300"),
	    "R-63 (%s) a newer schema is for the newer program", by);
	who_init(&v, u->carry);
	(void)put(w, &v, NULL, "a", "1");
	q = page_link(w, u, &how, "/a", "price", "400");
	q = fmt(".page=%s", param_of(fmt("?%s", q), ".page"));
	if (u->carry == BY_PAGE)
		q = fmt(".id=%s&%s", who_token(&v), q);
	T(same(back(w, &v, &how, "/a", q, "price"), "(stale)"),
	    "R-63 (%s) one of another session is stale", by);
}

static void
times(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_how how = how_of(0, NULL, price);
	struct site x;
	const char *q;

	(void)w;
	o.flags = u->carry;
	o.page_life = 100;
	o.rotate = -1;
	NEED(site_open(&x, &o) == 0, "R-63 (%s) page_life", by);
	q = page_link(&x, u, &how, "/a", "price", "1");
	x.now += 99;
	T(same(back(&x, u, &how, "/a", q, "price"), "1"),
	    "R-63 (%s) a page within its life", by);
	x.now += 2;
	T(same(back(&x, u, &how, "/a", q, "price"), "(stale)"),
	    "R-63 (%s) is stale beyond it", by);
	site_close(&x);
}

static void
privileges(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, price);
	const char *q, *p;
	struct call c;

	q = page_link(w, u, &how, "/a", "price", "1");
	p = fmt(".page=%s", param_of(fmt("?%s", q), ".page"));
	(void)ask(&c, w, u, Q(.how = &how));
	T(sstate_rotate(c.s) == 0 && end(&c) == 0, "R-63 (%s) rotate", by);
	q = u->carry == BY_PAGE ? fmt(".id=%s&%s", who_token(u), p) : p;
	T(same(back(w, u, &how, "/a", q, "price"), "1"),
	    "R-63 (%s) a page lives through a plain rotation", by);
	(void)ask(&c, w, u, Q(.how = &how));
	T(sstate_login(c.s, "alice") == 0 && end(&c) == 0, "R-63 (%s) log in",
	    by);
	q = u->carry == BY_PAGE ? fmt(".id=%s&%s", who_token(u), p) : p;
	T(same(back(w, u, &how, "/a", q, "price"), "(stale)"),
	    "R-63 (%s) but not through a log-in", by);
	q = page_link(w, u, &how, "/a", "price", "2");
	(void)ask(&c, w, u, NULL);
	T(sstate_logout(c.s) == 0 && end(&c) == 0, "R-63 (%s) log out", by);
	T(same(back(w, u, &how, "/a", q, "price"), "(stale)"),
	    "R-63 (%s) a log-out kills its pages", by);
	(void)put(w, u, NULL, "a", "1");
	q = page_link(w, u, &how, "/a", "price", "3");
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how, .path = "/a",
		.query = q));
	T(is(c.s, SSTATE_PAGE, "price", "3") && sstate_logout(c.s) == 0 &&
		none(c.s, SSTATE_PAGE, "price"),
	    "B08 (%s) nor does one outlive it within the request", by);
	drop(&c);
}

static void
no_junk(struct site *w, struct who *u, const char *by)
{
	static const char *const junk[] = { "", "x", "AAAA", "%00", "....",
		"AQEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	struct sstate_how how = how_of(0, NULL, price);
	const char *q, *page;
	struct call c;
	size_t i, n;

	q = page_link(w, u, &how, "/a", "price", "1");
	page = param_of(fmt("?%s", q), ".page");
	NEED(page != NULL, "R-63 (%s) a page", by);
	for (i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		(void)ask(&c, w, u,
		    Q(.how = &how, .path = "/a",
			.query = fmt(".page=%s", junk[i])));
		T(c.r == 0 && none(c.s, SSTATE_PAGE, "price"),
		    "R-63 (%s) junk is no error: \"%s\"", by, junk[i]);
		drop(&c);
	}
	for (i = 0, n = 0; i < strlen(page); i++) {
		(void)ask(&c, w, u,
		    Q(.how = &how, .path = "/a",
			.query = fmt(".page=%.*s", (int)i, page)));
		n += c.r == 0 && sstate_str(c.s, SSTATE_PAGE, "price") == NULL;
		drop(&c);
	}
	T(n == strlen(page), "R-77 (%s) no truncation is taken", by);
	(void)ask(&c, w, u,
	    Q(.how = &how, .path = "/a", .query = fmt(".page=%sA", page)));
	T(none(c.s, SSTATE_PAGE, "price") && is_stale(c.s),
	    "R-77 (%s) no extension is taken", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.how = &how, .path = "/a",
		.query = fmt(".page=%s&.page=x", page)));
	T(none(c.s, SSTATE_PAGE, "price") && is_stale(c.s),
	    "R-43 (%s) two that differ: none is taken", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.how = &how, .path = "/a",
		.query = fmt(".page=x&.page=%s", page)));
	T(none(c.s, SSTATE_PAGE, "price") && is_stale(c.s),
	    "R-43 (%s) whichever comes last", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.how = &how, .path = "/a", .query = fmt(".page=%s=", page)));
	T(none(c.s, SSTATE_PAGE, "price"), "R-09 (%s) nor padding", by);
	drop(&c);
}

/* one kind of token is no other kind. */
static void
cross_use(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, price);
	const char *page, *csrf, *id;
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, Q(.how = &how));
	(void)sstate_setstr(c.s, SSTATE_PAGE, "price", "1");
	page =
	    param_of(sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL), ".page");
	csrf = fmt("%s", sstate_csrf(c.s, "act"));
	(void)end(&c);
	id = fmt("%s", who_token(u));
	(void)ask(&c, w, u, Q(.how = &how, .query = fmt(".page=%s", csrf)));
	T(none(c.s, SSTATE_PAGE, "price") && is_stale(c.s),
	    "R-65 (%s) a CSRF token is no page state", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.how = &how, .query = fmt(".page=%s", id)));
	T(is_stale(c.s), "R-65 (%s) an id is no page state", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.form = fmt(".csrf=%s", page)));
	T(sstate_check(c.s, "act") != 0,
	    "R-65 (%s) page state is no CSRF token", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.form = fmt(".csrf=%s", id)));
	T(sstate_check(c.s, "act") != 0, "R-65 (%s) nor is an id", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.id = csrf));
	T(is_new(c.s), "R-65 (%s) a CSRF token is no id", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.id = page));
	T(is_new(c.s), "R-65 (%s) page state is no id", by);
	drop(&c);
}

/* what the page brings stays in PAGE. */
static void
no_shadow(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, price, search);
	const char *q;
	struct call c;

	(void)put(w, u, &how, "price", "stored");
	q = page_link(w, u, &how, "/a", "price", "paged");
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how, .path = "/a",
		.query = q));
	T(is(c.s, SSTATE_PAGE, "price", "paged"), "R-68 (%s) in PAGE", by);
	T(is(c.s, SSTATE_MERGED, "price", "stored") &&
		is(c.s, SSTATE_STORED, "price", "stored"),
	    "R-68 (%s) never in MERGED or STORED", by);
	T(none(c.s, SSTATE_SENT, "price") && none(c.s, SSTATE_QUERY, "price"),
	    "R-68 (%s) nor as if the client had sent it", by);
	(void)end(&c);
	T(holds(w, u, NULL, &how, "price", "stored"),
	    "R-68 (%s) and it is not stored", by);
}

/* ---- Once ------------------------------------------------------------ */

static const char *
once_form(struct site *w, struct who *u, uint32_t more)
{
	const char *html = NULL;
	struct call c;

	if (ask(&c, w, u, NULL) == 0)
		html = sstate_fields(c.s, SSTATE_ONCE | more, "pay");
	html = fmt("%s", html == NULL ? "" : html);
	(void)end(&c);
	return form_of(html);
}

static int
post(struct site *w, struct who *u, const char *form)
{
	struct call c;
	int r;

	if ((r = ask(&c, w, u, Q(.anon = u->carry == BY_PAGE, .form = form))) ==
	    0)
		r = sstate_check(c.s, "pay");
	(void)end(&c);
	return r;
}

static void
once(struct site *w, struct who *u, const char *by)
{
	static const uint32_t more[] = { 0, SSTATE_WITH_PAGE };
	const char *form, *form2;
	struct call c, d;
	int r, q;
	size_t i;

	for (i = 0; i < 2; i++) {
		form = once_form(w, u, more[i]);
		T(post(w, u, form) == 0, "R-67 (%s) once: the first post", by);
		r = post(w, u, form);
		T(r == SSTATE_EAUTH || r == SSTATE_EEXPIRED,
		    "R-67 (%s) once: the second is refused (%d)", by, r);
		T(post(w, u, form) != 0, "R-67 (%s) and the third", by);
	}
	form = once_form(w, u, SSTATE_WITH_PAGE);
	form2 = once_form(w, u, SSTATE_WITH_PAGE);
	T(post(w, u, form2) == 0 && post(w, u, form) == 0,
	    "R-67 (%s) two forms, in any order, are two", by);
	/* both begin before either ends */
	form = once_form(w, u, SSTATE_WITH_PAGE);
	(void)ask(&c, w, u, Q(.anon = u->carry == BY_PAGE, .form = form));
	(void)ask(&d, w, u, Q(.anon = u->carry == BY_PAGE, .form = form));
	r = c.r == 0 ? sstate_check(c.s, "pay") : c.r;
	q = d.r == 0 ? sstate_check(d.s, "pay") : d.r;
	T((r == 0) + (q == 0) == 1,
	    "R-67 (%s) of two at the same time, one (%d, %d)", by, r, q);
	drop(&c);
	drop(&d);
	T(post(w, u, form) != 0,
	    "R-67 (%s) used in begin, whatever became of it", by);
	form = once_form(w, u, SSTATE_WITH_PAGE);
	form = fmt(".csrf=%s%s%s", param_of(fmt("?%s", form), ".csrf"),
	    u->carry == BY_PAGE ? "&.id=" : "",
	    u->carry == BY_PAGE ? who_token(u) : "");
	T(post(w, u, form) != 0,
	    "R-67 (%s) its CSRF token without its page is refused", by);
}

/* More than are kept: a floor stands for those forgotten. */
static void
once_many(struct site *w, struct who *u, const char *by)
{
	enum { N = 80 };
	static char form[N][1024];
	int i, good = 0, again = 0;

	for (i = 0; i < N; i++) {
		w->now++;
		(void)snprintf(form[i], sizeof(form[i]), "%s",
		    once_form(w, u, SSTATE_WITH_PAGE));
	}
	for (i = 0; i < N; i++)
		good += post(w, u, form[i]) == 0;
	for (i = 0; i < N; i++)
		again += post(w, u, form[i]) == 0;
	T(good == N, "R-67 (%s) %d once forms: each is taken (%d)", by, N,
	    good);
	T(again == 0, "R-67 (%s) and none a second time (%d)", by, again);
}

/* ---- Limits ---------------------------------------------------------- */

static void
page_limits(struct site *w, struct who *u, const char *by)
{
	static char big[20001];
	static const struct {
		int form;
		int bytes, fits;
	} rows[] = { { 1, 11000, 1 }, { 1, 16000, 0 }, { 1, 20000, 0 },
		{ 0, 1200, 1 }, { 0, 2000, 0 }, { 0, 11000, 0 } };
	const char *p;
	struct call c;
	size_t i;
	int r;

	memset(big, 'x', sizeof(big) - 1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)ask(&c, w, u, NULL);
		(void)sstate_setstr(c.s, SSTATE_PAGE, "p",
		    big + sizeof(big) - 1 - rows[i].bytes);
		p = rows[i].form
		    ? sstate_fields(c.s, SSTATE_WITH_PAGE, NULL)
		    : sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL);
		p = p == NULL ? NULL : fmt("%s", p);
		T((p != NULL) == rows[i].fits,
		    "R-90 (%s) page state of %d bytes in a %s: %s", by,
		    rows[i].bytes, rows[i].form ? "form" : "link",
		    rows[i].fits ? "fits" : "is refused");
		r = end(&c);
		T(r == (rows[i].fits ? 0 : SSTATE_ETOOBIG),
		    "R-90 (%s) and the commit says so (%d)", by, r);
		if (p == NULL || !rows[i].fits)
			continue;
		(void)ask(&c, w, u,
		    Q(.anon = u->carry == BY_PAGE,
			.form = rows[i].form ? form_of(p) : NULL,
			.query = rows[i].form ? NULL : query_of(p)));
		T(is(c.s, SSTATE_PAGE, "p",
		      big + sizeof(big) - 1 - rows[i].bytes),
		    "R-90 (%s) what fits comes back whole", by);
		drop(&c);
	}
}

static void
late_login(struct site *w, struct who *u, const char *by)
{
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, NULL);
	(void)sstate_fields(c.s, 0, "act");
	T(sstate_login(c.s, "alice") == SSTATE_EINVAL,
	    "R-24 (%s) log-in after a field is refused", by);
	T(end(&c) == SSTATE_EINVAL, "R-24 (%s) and the commit says so", by);
	(void)ask(&c, w, u, NULL);
	T(sstate_user(c.s) == NULL, "R-24 (%s) nobody is logged in", by);
	(void)sstate_csrf(c.s, "act");
	T(sstate_rotate(c.s) == SSTATE_EINVAL,
	    "R-24 (%s) rotation after a token is refused", by);
	drop(&c);
	(void)ask(&c, w, u, NULL);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	(void)sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL);
	T(sstate_login(c.s, "alice") == SSTATE_EINVAL,
	    "R-24 (%s) log-in after a link is refused", by);
	drop(&c);
	(void)ask(&c, w, u, NULL);
	T(sstate_login(c.s, "alice") == 0 &&
		sstate_link(c.s, 0, NULL, NULL) != NULL && end(&c) == 0,
	    "R-24 (%s) before it is not", by);
	(void)ask(&c, w, u, NULL);
	T(sstate_user(c.s) != NULL && strcmp(sstate_user(c.s), "alice") == 0,
	    "R-24 (%s) and lasts", by);
	drop(&c);
}

/* ids in pages want headers of their own. */
static void
headers(struct site *w, struct who *u, const char *by)
{
	struct call c;
	const char *h;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, NULL);
	(void)sstate_link(c.s, 0, NULL, NULL);
	(void)end(&c);
	h = head(&c, "Cache-Control");
	T(h != NULL && strstr(h, "no-store") != NULL,
	    "R-50 (%s) Cache-Control: no-store", by);
	if (u->carry != BY_PAGE)
		return;
	T(same(head(&c, "Referrer-Policy"), "no-referrer"),
	    "R-49 (page) Referrer-Policy: no-referrer");
	T(head(&c, "Set-Cookie") == NULL, "R-49 (page) and no cookie");
}

static const struct {
	void (*fn)(struct site *w, struct who *u, const char *by);
} tests[] = { { back_button }, { link_parts }, { off_site }, { refused },
	{ paths }, { to_with_more }, { fields }, { escapes }, { scopes },
	{ times }, { privileges }, { no_junk }, { cross_use }, { no_shadow },
	{ once }, { once_many }, { page_limits }, { late_login }, { headers } };

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
