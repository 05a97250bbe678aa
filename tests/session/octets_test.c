/*
 * octets_test.c - bytes come back as they went, and the original's defects
 *
 * Section 5 of the promises, then each of the original's twenty defects that
 * shows at this level, by its number.  Elsewhere: 14 and the folder's half
 * of 20 (the file store), 5 in full (bad randomness), 19 in full (the
 * program around it).
 */
#include <unistd.h>

#include "harness.h"
#include "mapstore.h"

static char dir[128], ring[160], ring2[160];
static const char *const price[] = { "price", NULL };

/* ---- Section 5 ------------------------------------------------------- */

/* Every octet, n of them from first on, twice over. */
static struct sstate_val
octets(char buf[600], unsigned first, unsigned last)
{
	struct sstate_val v = { buf, 0 };
	unsigned i, k;

	for (k = 0; k < 2; k++)
		for (i = first; i <= last; i++)
			buf[v.len++] = (char)i;
	buf[v.len] = '\0';
	return v;
}

static int
equal(const struct sstate_session *s, int mem, const char *name,
    struct sstate_val want)
{
	struct sstate_val v;

	return sstate_get(&v, s, mem, name, 0) == 0 && v.len == want.len &&
	    memcmp(v.ptr, want.ptr, v.len) == 0 && v.ptr[v.len] == '\0';
}

/* All of it as %XX. */
static const char *
percent(struct sstate_val v)
{
	static char out[2000];
	size_t i;

	for (i = 0; i < v.len; i++)
		(void)snprintf(out + 3 * i, 4, "%%%02x",
		    (unsigned char)v.ptr[i]);
	return out;
}

static void
all_octets(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(SSTATE_UNFORGETFUL, NULL, price);
	char a[600], b[600];
	struct sstate_val v = octets(a, 0, 255);
	const char *link;
	struct call c;

	(void)octets(b, 1, 255);
	b[255] = '\0'; /* a name: each octet but NUL, once */
	(void)ask(&c, w, u, Q(.how = &how));
	T(sstate_set(c.s, SSTATE_STORED, "v", &v, 1) == 0 &&
		sstate_setstr(c.s, SSTATE_STORED, b, "named") == 0,
	    "B19 (%s) every octet in a value and in a name", by);
	T(sstate_set(c.s, SSTATE_PAGE, "price", &v, 1) == 0,
	    "B19 (%s) and in the page", by);
	link =
	    fmt("%s", text_of(sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL)));
	(void)end(&c);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how,
		.query = query_of(link)));
	T(equal(c.s, SSTATE_STORED, "v", v) &&
		equal(c.s, SSTATE_MERGED, "v", v),
	    "B19 (%s) stored: byte for byte", by);
	T(is(c.s, SSTATE_STORED, b, "named"), "B19 (%s) name and all", by);
	T(equal(c.s, SSTATE_PAGE, "price", v), "B19 (%s) and the page's", by);
	T(sstate_str(c.s, SSTATE_STORED, "v") == NULL,
	    "B19 (%s) not shortened to a string", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.how = &how, .query = fmt("w=%s", percent(v))));
	T(equal(c.s, SSTATE_SENT, "w", v), "B19 (%s) sent in a query", by);
	(void)end(&c);
	(void)ask(&c, w, u, Q(.how = &how, .form = fmt("x=%s", percent(v))));
	T(equal(c.s, SSTATE_STORED, "w", v), "B19 (%s) and kept", by);
	T(equal(c.s, SSTATE_SENT, "x", v), "B19 (%s) sent in a body", by);
	drop(&c);
}

static void
decoding(struct site *w, struct who *u, const char *by)
{
	static const struct {
		const char *query, *name, *want;
	} rows[] = {
		{ "a=1+2", "a", "1 2" },
		{ "a=%2B", "a", "+" },
		{ "a+b=1", "a b", "1" },
		{ "a=%41%42", "a", "AB" },
		{ "a=%2541", "a", "%41" },
		{ "a=%", "a", "%" },
		{ "a=%4", "a", "%4" },
		{ "a=%zz", "a", "%zz" },
		{ "a=%%41", "a", "%A" },
		{ "a=%u0041", "a", "%u0041" },
		{ "a", "a", "" },
		{ "a&b=1", "a", "" },
		{ "=v", "", "v" },
		{ "a=b=c", "a", "b=c" },
		{ "a=&a=&a=x", "a", "||x" },
		{ "&&a=1&&", "a", "1" },
		{ "a[]=1", "a[]", "1" },
		{ "a[b]=1", "a[b]", "1" },
		{ "a.b=1", "a.b", "1" },
		{ "-a=1", "-a", "1" },
		{ "--=1", "--", "1" },
		{ "a=%C0%AF", "a", "\xc0\xaf" },
		{ "a=%E9", "a", "\xe9" },
		{ "a=%0D%0A%0A", "a", "\r\n\n" },
		{ "a=x%5C", "a", "x\\" },
		{ "a=%ef%bb%bf", "a", "\xef\xbb\xbf" },
		{ "a=?x", "a", "?x" },
		{ "?a=1", "?a", "1" },
	};
	struct call c;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)ask(&c, w, u, Q(.query = rows[i].query));
		T(is(c.s, SSTATE_SENT, rows[i].name, rows[i].want),
		    "U1 (%s) query %s", by, rows[i].query);
		drop(&c);
		(void)ask(&c, w, u, Q(.form = rows[i].query));
		T(is(c.s, SSTATE_SENT, rows[i].name, rows[i].want),
		    "U1 (%s) body %s", by, rows[i].query);
		drop(&c);
	}
	T(ask(&c, w, u, Q(.query = "%00=1")) == SSTATE_EPARSE,
	    "U2 (%s) a NUL in a name of the query", by);
	drop(&c);
	T(ask(&c, w, u, Q(.form = "a%00=1")) == SSTATE_EPARSE && c.s == NULL,
	    "U2 (%s) a NUL in a name of the body", by);
	drop(&c);
	T(sstate_status(SSTATE_EPARSE) == 400, "U2 (%s) is a 400", by);
}

static void
decoded_params(struct site *w, struct who *u, const char *by)
{
	static const struct sstate_param p[] = {
		{ "a", { "1\0x", 3 }, SSTATE_FROM_BODY },
		{ "a", { "2", 1 }, SSTATE_FROM_BODY },
		{ "q", { "3", 1 }, SSTATE_FROM_QUERY },
		{ ".id", { "x", 1 }, SSTATE_FROM_BODY },
		{ ".csrf", { "x", 1 }, SSTATE_FROM_BODY },
	};
	struct sstate_val want = { "1\0x", 3 };
	struct call c;

	(void)ask(&c, w, u,
	    Q(.method = "POST", .anon = 1, .params = p, .nparams = 5));
	T(c.r == 0 && equal(c.s, SSTATE_SENT, "a", want),
	    "K01 (%s) decoded parameters, NUL and all", by);
	T(none(c.s, SSTATE_SENT, "q") && is(c.s, SSTATE_QUERY, "q", "3"),
	    "K01 (%s) go where they came from", by);
	T(none(c.s, SSTATE_SENT, ".id") && none(c.s, SSTATE_SENT, ".csrf"),
	    "B04 (%s) our names are ours here, too", by);
	drop(&c);
}

static void
many_params(struct site *w, struct who *u, const char *by)
{
	static struct sstate_param p[1001];
	struct call c;
	size_t i;

	for (i = 0; i < 1001; i++) {
		p[i].name = "a";
		p[i].value.ptr = "1";
		p[i].value.len = 1;
		p[i].from = SSTATE_FROM_BODY;
	}
	(void)ask(&c, w, u,
	    Q(.method = "POST", .anon = 1, .params = p, .nparams = 1000));
	T(c.r == 0, "R-90 (%s) 1,000 decoded parameters (%d)", by, c.r);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.method = "POST", .anon = 1, .params = p, .nparams = 1001));
	T(c.r == SSTATE_ETOOBIG, "R-90 (%s) one more is 413 (%d)", by, c.r);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.method = "POST", .anon = 1, .params = p, .nparams = 1000,
		.query = "x=1"));
	T(c.r == SSTATE_ETOOBIG, "R-91 (%s) beside a query, too (%d)", by, c.r);
	drop(&c);
}

static void
limits(struct site *w, struct who *u, const char *by)
{
	static char big[70000], many[8192];
	struct call c;
	int i;

	for (i = 0; i < 1000; i++)
		(void)strcat(many, i == 0 ? "a=1" : i % 2 ? "&b" : "&a");
	(void)ask(&c, w, u, Q(.anon = 1, .form = many));
	T(c.r == 0, "R-90 (%s) 1,000 parameters (%d)", by, c.r);
	drop(&c);
	(void)ask(&c, w, u, Q(.anon = 1, .form = fmt("%s&c", many)));
	T(c.r == SSTATE_ETOOBIG && sstate_status(c.r) == 413,
	    "R-90 (%s) one more is 413 (%d)", by, c.r);
	drop(&c);
	(void)ask(&c, w, u, Q(.anon = 1, .form = many, .query = "x=1&y=2"));
	T(c.r == SSTATE_ETOOBIG, "R-91 (%s) query and body count as one (%d)",
	    by, c.r);
	drop(&c);
	memset(big, 'n', sizeof(big) - 1);
	(void)ask(&c, w, u, Q(.query = fmt("%.256s=1", big)));
	T(c.r == 0, "R-90 (%s) a name of 256 (%d)", by, c.r);
	drop(&c);
	(void)ask(&c, w, u, Q(.query = fmt("%.257s=1", big)));
	T(c.r == SSTATE_ETOOBIG, "R-90 (%s) of 257 is 413 (%d)", by, c.r);
	drop(&c);
	memcpy(big, "v=", 2);
	big[2 + 65536] = '\0';
	(void)ask(&c, w, u, Q(.form = big));
	T(c.r == 0, "R-90 (%s) a value of 64 KiB (%d)", by, c.r);
	drop(&c);
	big[2 + 65536] = 'n';
	big[2 + 65537] = '\0';
	(void)ask(&c, w, u, Q(.form = big));
	T(c.r == SSTATE_ETOOBIG, "R-90 (%s) one octet more is 413 (%d)", by,
	    c.r);
	drop(&c);
	many[0] = '\0';
}

/* ---- The defects ----------------------------------------------------- */

/* 1, 3, 4: what the original's file format lost or let in */
static void
defect_1_3_4(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, price, NULL);
	struct call c;
	int i;

	(void)request(w, u,
	    Q(.how = &how, .query = "price=x%5C&price=%5C%0Aadmin%3D1&%5C=y"));
	(void)ask(&c, w, u, Q(.how = &how));
	T(is(c.s, SSTATE_STORED, "price", "x\\|\\\nadmin=1"),
	    "defect 1 (%s) a trailing backslash is a backslash", by);
	T(strcmp(names(c.s, SSTATE_STORED), "price") == 0,
	    "defect 1 (%s) and forges no stored name", by);
	drop(&c);
	(void)put(w, u, &how, "lf", "a\nb\\\n");
	for (i = 0; i < 5; i++)
		(void)put(w, u, &how, "n", fmt("%d", i));
	T(holds(w, u, NULL, &how, "lf", "a\nb\\\n"),
	    "defect 3 (%s) a line feed is the same after six saves", by);
	(void)put(w, u, &how, "empty", "");
	(void)put(w, u, &how, "n", "x");
	T(holds(w, u, NULL, &how, "empty", ""),
	    "defect 4 (%s) an empty value stays", by);
}

static void
defect_2(struct site *w, struct who *u, const char *by)
{
	struct call c;
	const char *id;

	(void)put(w, u, NULL, "a", "1");
	id = fmt("%s", who_token(u));
	(void)ask(&c, w, u, NULL);
	T(sstate_logout(c.s) == 0, "defect 2 (%s) log out", by);
	(void)end(&c);
	T(holds(w, u, id, NULL, "a", "(none)"),
	    "defect 2 (%s) what was ended is gone", by);
	(void)ask(&c, w, u, Q(.id = id));
	(void)sstate_setstr(c.s, SSTATE_STORED, "b", "1");
	(void)end(&c);
	T(holds(w, u, id, NULL, "b", "(none)") && strcmp(who_token(u), id) != 0,
	    "defect 2 (%s) and its id is never valid again", by);
}

static void
defect_9_10(struct site *w, struct who *u, const char *by)
{
	struct who eve;
	struct call c;
	const char *fixed;

	who_init(&eve, u->carry);
	(void)put(w, &eve, NULL, "a", "eve");
	fixed = fmt("%s", who_token(&eve));
	(void)ask(&c, w, u, Q(.id = fixed));
	T(sstate_login(c.s, "alice") == 0, "defect 9 (%s) a fixed id, log in",
	    by);
	(void)end(&c);
	T(strcmp(who_token(u), fixed) != 0, "defect 9 (%s) another id", by);
	(void)ask(&c, w, &eve, Q(.id = fixed));
	T(is_new(c.s) && sstate_user(c.s) == NULL,
	    "defect 9 (%s) the fixed one opens nothing", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.heads = "X-Forwarded-For: 2001:db8::1\nUser-Agent: other"));
	T(c.r == 0 && sstate_user(c.s) != NULL,
	    "defect 10 (%s) another address, the same session", by);
	drop(&c);
}

static void
defect_11(struct site *w, struct who *u, const char *by)
{
	struct call c, d;
	int64_t out;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, NULL);
	(void)ask(&d, w, u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "2");
	(void)sstate_incr(NULL, c.s, "n", 5);
	(void)sstate_setstr(d.s, SSTATE_STORED, "b", "3");
	(void)sstate_incr(&out, d.s, "n", 7);
	T(end(&c) == 0, "defect 11 (%s) one of two requests", by);
	T(out == 7 && sstate_commit(d.s) == 0 &&
		(sstate_inspect(d.s)->flags & SSTATE_IS_MERGED) != 0,
	    "defect 11 (%s) and the other, which met it", by);
	T(sstate_int(d.s, SSTATE_STORED, "n", 0, 99, -1) == 12 &&
		is(d.s, SSTATE_STORED, "a", "2") &&
		is(d.s, SSTATE_MERGED, "n", "12") &&
		is(d.s, SSTATE_MERGED, "a", "2"),
	    "defect 11 (%s) after its commit it knows both", by);
	(void)end(&d);
	(void)ask(&c, w, u, NULL);
	T(is(c.s, SSTATE_STORED, "a", "2") &&
		is(c.s, SSTATE_STORED, "b", "3") &&
		is(c.s, SSTATE_STORED, "n", "12"),
	    "defect 11 (%s) no update is lost, counters add up", by);
	drop(&c);
	(void)ask(&c, w, u, NULL);
	(void)ask(&d, w, u, NULL);
	T(sstate_logout(c.s) == 0, "defect 11 (%s) log out", by);
	(void)end(&c);
	(void)sstate_setstr(d.s, SSTATE_STORED, "a", "slow");
	T(end(&d) == SSTATE_EGONE, "defect 11 (%s) a slower one is told", by);
	T(who_token(u)[0] == '\0', "defect 11 (%s) and brings nothing back",
	    by);
}

static void
defect_12(struct site *w, struct who *u, const char *by)
{
	enum { N = 6, ROUNDS = 25 };
	struct call c[N];
	int i, k, good = 0;

	for (k = 0; k < ROUNDS; k++) {
		who_init(u, u->carry);
		(void)put(w, u, NULL, "first", "1");
		for (i = 0; i < N; i++) {
			(void)ask(&c[i], w, u, NULL);
			(void)sstate_setstr(c[i].s, SSTATE_STORED,
			    fmt("n%d", i), "1");
		}
		for (i = 0; i < N; i++)
			(void)end(&c[(i * 5 + k) % N]);
		(void)ask(&c[0], w, u, NULL);
		for (i = 0; i < N; i++)
			if (!is(c[0].s, SSTATE_STORED, fmt("n%d", i), "1"))
				break;
		good += i == N && is(c[0].s, SSTATE_STORED, "first", "1");
		drop(&c[0]);
	}
	T(good == ROUNDS,
	    "defect 12 (%s) %d of %d sessions whole after %d writers", by, good,
	    ROUNDS, N);
}

static void
defect_15(struct site *w, struct who *u, const char *by)
{
	(void)put(w, u, NULL, "a", "1");
	w->now += 10ll * 365 * 86400;
	T(holds(w, u, NULL, NULL, "a", "(none)"),
	    "defect 15 (%s) a ten-year-old session does not open", by);
}

static void
defect_16(struct site *w, struct who *u, const char *by)
{
	struct sstate_how keep = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	static char big[200000];
	struct who v;
	struct call c;
	int i, r = 0;

	for (i = 0; i < 100; i++) {
		who_init(&v, u->carry);
		(void)request(w, &v, Q(.query = "q=1"));
	}
	T(w->calls == 0, "defect 16 (%s) anonymous readers leave no record",
	    by);
	memset(big, 'x', sizeof(big) - 1);
	memcpy(big, "a=&v0=", 6);
	memcpy(big + 50000, "&v1=", 4);
	memcpy(big + 100000, "&v2=", 4);
	big[150000] = '\0';
	(void)put(w, u, &keep, "a", "1");
	r = ask(&c, w, u, Q(.how = &keep, .form = big));
	if (r == 0)
		r = sstate_commit(c.s);
	drop(&c);
	T(r == SSTATE_ETOOBIG && sstate_status(r) == 413,
	    "defect 16 (%s) a body over the session's size is 413 (%d)", by, r);
	(void)ask(&c, w, u, Q(.how = &keep));
	T(is(c.s, SSTATE_STORED, "a", "1") && sstate_inspect(c.s)->bytes < 1000,
	    "defect 16 (%s) and weighs on no later request", by);
	drop(&c);
}

static void
defect_17(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, price);
	const char *link, *page;
	char bad[2048];
	struct call c;

	(void)ask(&c, w, u, Q(.how = &how, .path = "/shop"));
	(void)sstate_setstr(c.s, SSTATE_PAGE, "price", "100");
	link =
	    fmt("%s", text_of(sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL)));
	(void)end(&c);
	page = param_of(link, ".page");
	NEED(page != NULL, "defect 17 (%s) a page", by);
	T(strstr(link, "price") == NULL && strstr(link, "100") == NULL &&
		strstr(page, "cHJpY2") == NULL &&
		strstr(page, "ByaWNl") == NULL,
	    "defect 17 (%s) nothing can be read in the link", by);
	(void)snprintf(bad, sizeof(bad), "%s", page);
	bad[strlen(bad) - 30] = bad[strlen(bad) - 30] == 'x' ? 'y' : 'x';
	(void)ask(&c, w, u,
	    Q(.how = &how, .path = "/shop", .query = fmt(".page=%s", bad)));
	T(c.r == 0 && is_stale(c.s) && none(c.s, SSTATE_PAGE, "price"),
	    "defect 17 (%s) nor changed", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.how = &how, .path = "/shop",
		.query = fmt(".page=%s&price=1", page)));
	T(is(c.s, SSTATE_PAGE, "price", "1") &&
		is(c.s, SSTATE_SENT, "price", "1"),
	    "defect 17 (%s) what the client says is seen to be the client's",
	    by);
	drop(&c);
}

static void
defect_18_19(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	static const char *const typo[] = { "memory:?max_entires=5", NULL };
	static const char *const scheme[] = { "memroy:", NULL };
	struct sstate_how how = how_of(7, NULL, NULL);
	struct site x;
	struct call c;

	T(ask(&c, w, u, Q(.how = &how)) == SSTATE_EINVAL,
	    "defect 18 (%s) an unknown mindset", by);
	drop(&c);
	how.mindset = 0;
	how.flags = 0x4000;
	T(ask(&c, w, u, Q(.how = &how)) == SSTATE_EINVAL,
	    "defect 18 (%s) an unknown flag", by);
	drop(&c);
	o.flags = u->carry | SSTATE_NO_PLUGINS;
	o.stores = typo;
	T(site_open(&x, &o) != 0 && x.env == NULL &&
		strstr(x.err.text, "max_entires") != NULL,
	    "defect 18 (%s) an unknown parameter of a store: %s", by,
	    x.err.text);
	site_close(&x);
	o.stores = scheme;
	T(site_open(&x, &o) != 0 && x.env == NULL,
	    "defect 18 (%s) an unknown store: %s", by, x.err.text);
	site_close(&x);
	(void)put(w, u, NULL, "a", "1");
	how.flags = 0;
	how.mindset = SSTATE_UNFORGETFUL;
	T(ask(&c, w, u, Q(.how = &how)) == SSTATE_EMINDSET,
	    "defect 19 (%s) an error is a code, and we are still here", by);
	T(sstate_status(c.r) >= 400, "defect 19 (%s) with a status (%d)", by,
	    sstate_status(c.r));
	drop(&c);
}

/* ---- Those that look below ------------------------------------------- */

static int
map_site(struct site *w, struct map *m, const char *keys)
{
	static const char *const uri[] = { "map:", NULL };
	static const struct sstate_driver *const drivers[] = { &map_driver,
		&weak_driver, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	void *handles[2];
	int r;

	handles[0] = m;
	handles[1] = NULL;
	o.flags = BY_PAGE;
	o.stores = uri;
	o.drivers = drivers;
	o.handles = handles;
	o.keyring = keys;
	r = site_open(w, &o);
	w->o.handles = NULL;
	return r;
}

/* Equal octets at equal places, of 136 and more. */
static size_t
alike(const struct sstate_val *a, const struct sstate_val *b)
{
	size_t i, n = 0;

	for (i = 64; i < a->len && i < b->len; i++)
		n += a->ptr[i] == b->ptr[i];
	return n;
}

static void
below(void)
{
	static struct site w, x;
	static struct map m, first, bare;
	struct who u, v;
	struct call c;
	const char *id;

	memset(&m, 0, sizeof(m));
	memset(&first, 0, sizeof(first));
	memset(&bare, 0, sizeof(bare));
	NEED(map_site(&w, &m, ring) == 0, "defect 6 a store to look at: %s",
	    w.err.text);
	who_init(&u, BY_PAGE);
	who_init(&v, BY_PAGE);
	(void)put(&w, &u, NULL, "a", "1");
	id = fmt("%s", u.id);
	NEED(m.n == 1, "defect 6 a record");
	map_copy(&first, &m);
	T(strlen(id) == TOKEN_CHARS, "defect 5 an id has 256 bits and more");

	m.e[0].body[m.e[0].rec.body.len - 20] ^= 4;
	T(holds(&w, &v, id, NULL, "a", "(none)"), "defect 6 no bit flips");
	map_copy(&m, &first);
	m.e[0].rec.body.len -= 1;
	T(holds(&w, &v, id, NULL, "a", "(none)"), "defect 6 no truncation");
	map_copy(&m, &first);
	T(holds(&w, &v, id, NULL, "a", "1"), "defect 6 whole, it opens");

	(void)put(&w, &u, NULL, "a", "1");
	T(m.e[0].rec.body.len == first.e[0].rec.body.len &&
		alike(&m.e[0].rec.body, &first.e[0].rec.body) <
		    m.e[0].rec.body.len / 8,
	    "defect 7 the same content twice: other octets");

	NEED(map_site(&x, &m, ring2) == 0, "defect 8 another ring");
	T(holds(&x, &v, id, NULL, "a", "(none)"),
	    "defect 8 link and store, without the ring, are not enough");
	site_close(&x);
	NEED(map_site(&x, &bare, ring) == 0, "defect 8 another store");
	T(holds(&x, &v, id, NULL, "a", "(none)"),
	    "defect 8 nor link and ring, without the record");
	site_close(&x);

	(void)put(&w, &u, NULL, "a", "before");
	m.fail_write = SSTATE_ESTORE;
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "after");
	T(sstate_commit(c.s) == SSTATE_ESTORE, "defect 13 a write fails");
	drop(&c);
	m.fail_write = 0;
	T(holds(&w, &u, NULL, NULL, "a", "before"),
	    "defect 13 the old data is there");
	site_close(&w);
	map_free(&m);
	map_free(&first);
	map_free(&bare);
}

/* 20: only what is ours, and only what expired. */
static void
defect_20(void)
{
	static struct site w;
	static struct map m;
	struct who u, v;
	uint64_t n = 0;

	memset(&m, 0, sizeof(m));
	NEED(map_site(&w, &m, ring) == 0, "defect 20 a store to look at");
	who_init(&u, BY_PAGE);
	who_init(&v, BY_PAGE);
	(void)put(&w, &u, NULL, "a", "1");
	(void)put(&w, &v, NULL, "a", "2");
	/* beside them what another program keeps in the same store */
	(void)snprintf(m.e[0].ns, sizeof(m.e[0].ns), "another");
	T(sstate_reap(&n, w.env, 0, 0, NULL) == 0 && n == 0 && m.n == 2,
	    "defect 20 the cleaner takes nothing that lives");
	w.now += 2000;
	T(sstate_reap(&n, w.env, 0, 0, NULL) == 0 && n == 1 && m.n == 1 &&
		strcmp(m.e[0].ns, "another") == 0,
	    "defect 20 and nothing that is not ours (%llu)",
	    (unsigned long long)n);
	site_close(&w);
	map_free(&m);
}

static const struct {
	void (*fn)(struct site *w, struct who *u, const char *by);
} tests[] = { { all_octets }, { decoding }, { decoded_params }, { many_params },
	{ limits }, { defect_1_3_4 }, { defect_2 }, { defect_9_10 },
	{ defect_11 }, { defect_12 }, { defect_15 }, { defect_16 },
	{ defect_17 }, { defect_18_19 } };

/* Also when a test gives up early. */
static void
sweep(void)
{
	(void)unlink(ring);
	(void)unlink(ring2);
	(void)rmdir(dir);
}

int
main(void)
{
	static const unsigned carriers[] = { BY_COOKIE, BY_PAGE };
	const char *tmp = getenv("TMPDIR");
	struct site w;
	struct who u;
	size_t i, k;

	(void)snprintf(dir, sizeof(dir), "%s/octets.XXXXXX",
	    tmp == NULL || strlen(tmp) > 80 ? "/tmp" : tmp);
	NEED(mkdtemp(dir) != NULL, "defect 8 a folder for the rings");
	NEED(atexit(sweep) == 0, "R-08 which is swept at the end");
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	(void)snprintf(ring2, sizeof(ring2), "%s/ring2", dir);
	for (k = 0; k < 2; k++) {
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
			site_by(&w, carriers[k]);
			who_init(&u, carriers[k]);
			tests[i].fn(&w, &u, by_name(carriers[k]));
			site_close(&w);
		}
	}
	below();
	defect_20();
	(void)unlink(ring);
	(void)unlink(ring2);
	T(rmdir(dir) == 0, "defect 14 nothing else was written");
	return tap_done();
}
