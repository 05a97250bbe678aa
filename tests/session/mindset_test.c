/*
 * mindset_test.c - every numbered promise of the original, by its number
 *
 * Each scenario runs under the cookie and under the page carrier; what only
 * one of them has says so itself.  Left to the Perl binding's own tests:
 * the Perl halves of B09 (a missing mindset), B10 (a commit at each
 * mutator), K14 and K25 (';' in what state_url and memory_as write), B16
 * (cleanup_states), and B18 (import words).
 */
#include "harness.h"

static const char *const user_pass[] = { "user", "pass", NULL };
static const char *const only_a[] = { "a", NULL };
static const char *const search[] = { "query", "type", NULL };

/* ---- The id ---------------------------------------------------------- */

static void
two_sessions(struct site *w, struct who *u, const char **a, const char **b)
{
	struct who v;

	who_init(&v, u->carry);
	(void)put(w, u, NULL, "who", "first");
	(void)put(w, &v, NULL, "who", "second");
	*a = fmt("%s", who_token(u));
	*b = fmt("%s", who_token(&v));
}

static void
k01_where_the_id_is(struct site *w, struct who *u, const char *by)
{
	const char *a, *b;
	struct call c;

	two_sessions(w, u, &a, &b);
	if (u->carry == BY_PAGE) {
		(void)ask(&c, w, u, Q(.anon = 1, .query = fmt(".id=%s", a)));
		T(is(c.s, SSTATE_STORED, "who", "first"),
		    "K01 (page) the id is a parameter of the query");
		drop(&c);
		(void)ask(&c, w, u, Q(.anon = 1, .form = fmt(".id=%s", a)));
		T(is(c.s, SSTATE_STORED, "who", "first"),
		    "K01 (page) the id is a parameter of a POST's body");
		drop(&c);
		(void)ask(&c, w, u,
		    Q(.anon = 1, .form = "x=1", .query = fmt(".id=%s", a)));
		T(is(c.s, SSTATE_STORED, "who", "first"),
		    "K01 (page) no id in the body: the query's");
		drop(&c);
		(void)ask(&c, w, u,
		    Q(.anon = 1, .form = fmt(".id=%s", b),
			.query = fmt(".id=%s", a)));
		T(is(c.s, SSTATE_STORED, "who", "second"),
		    "K01 (page) a body's id beats a query's");
		drop(&c);
	}
	(void)ask(&c, w, u, Q(.form = "x=body&y=1", .query = "x=query&z=2"));
	T(is(c.s, SSTATE_SENT, "x", "body") && none(c.s, SSTATE_SENT, "z"),
	    "K01 (%s) SENT is a POST's body alone", by);
	T(is(c.s, SSTATE_QUERY, "x", "query") && none(c.s, SSTATE_QUERY, "y"),
	    "K01 (%s) QUERY is the query alone", by);
	T(is(c.s, SSTATE_MERGED, "x", "body") && none(c.s, SSTATE_MERGED, "z"),
	    "K01 (%s) a POST's query is not merged into its body", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.query = "x=1&x=2"));
	T(is(c.s, SSTATE_SENT, "x", "1|2") && is(c.s, SSTATE_QUERY, "x", "1|2"),
	    "K01 (%s) a GET's query is SENT and QUERY", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.method = "GET", .query = "x=1", .form = "y=2"));
	T(none(c.s, SSTATE_MERGED, "y") && is(c.s, SSTATE_MERGED, "x", "1"),
	    "K01 (%s) a GET's body is ignored", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.method = "GET", .anon = 1, .form = fmt(".id=%s", a)));
	T(is_new(c.s), "K01 (%s) id and all", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.method = "POST", .anon = 1, .query = "x=1"));
	T(none(c.s, SSTATE_SENT, "x") && none(c.s, SSTATE_MERGED, "x") &&
		is(c.s, SSTATE_QUERY, "x", "1"),
	    "K01 (%s) a POST without a body sent nothing", by);
	drop(&c);
}

static void
k02_no_id(struct site *w, struct who *u, const char *by)
{
	const char *a, *b;
	struct call c;

	two_sessions(w, u, &a, &b);
	(void)ask(&c, w, u, Q(.anon = 1));
	T(c.r == 0 && is_new(c.s) && none(c.s, SSTATE_STORED, "who"),
	    "K02 (%s) no id: a new session", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.id = ""));
	T(c.r == 0 && is_new(c.s) && none(c.s, SSTATE_STORED, "who"),
	    "K02 (%s) an empty id: a new session", by);
	drop(&c);
	(void)ask(&c, w, u, NULL);
	T(c.r == 0 && !is_new(c.s), "K02 (%s) with its id it is not new", by);
	drop(&c);
}

static void
b01_one_bad_id(struct site *w, struct who *u, const char *by, const char *id,
    const char *what)
{
	struct sstate_how must = SSTATE_HOW_INIT;
	struct who v;
	struct call c;

	must.flags = SSTATE_MUST_EXIST;
	who_init(&v, u->carry);
	(void)ask(&c, w, &v, Q(.id = id));
	(void)sstate_setstr(c.s, SSTATE_STORED, "n", "1");
	T(c.r == 0 && is_new(c.s), "B01 (%s) %s id: a new session", by, what);
	T(end(&c) == 0 && strlen(who_token(&v)) == TOKEN_CHARS &&
		strcmp(who_token(&v), id) != 0,
	    "B01 (%s) %s id: another id is given", by, what);
	(void)ask(&c, w, &v, Q(.id = id, .how = &must));
	T(c.r != 0 && c.s == NULL,
	    "B01 (%s) %s id: MUST_EXIST gives an error (%d)", by, what, c.r);
	drop(&c);
}

static void
b01_bad_ids(struct site *w, struct who *u, const char *by)
{
	struct sstate_how must = SSTATE_HOW_INIT;
	const char *a, *b;
	char bad[128];
	struct call c;

	two_sessions(w, u, &a, &b);
	b01_one_bad_id(w, u, by, "abc", "odd");
	b01_one_bad_id(w, u, by, "x%27%3B--", "malformed");
	memset(bad, 'A', TOKEN_CHARS);
	bad[TOKEN_CHARS] = '\0';
	b01_one_bad_id(w, u, by, bad, "invented");
	(void)snprintf(bad, sizeof(bad), "%s", a);
	bad[30] = bad[30] == 'A' ? 'B' : 'A';
	b01_one_bad_id(w, u, by, bad, "forged");
	(void)ask(&c, w, u, Q(.id = b));
	NEED(sstate_logout(c.s) == 0, "B01 (%s) log out", by);
	drop(&c);
	b01_one_bad_id(w, u, by, b, "ended");
	w->now += 13 * 3600;
	b01_one_bad_id(w, u, by, a, "expired");
	must.flags = SSTATE_MUST_EXIST;
	T(ask(&c, w, u, Q(.id = a, .how = &must)) == SSTATE_EEXPIRED,
	    "B01 (%s) MUST_EXIST: an expired id is EEXPIRED", by);
	drop(&c);
	T(ask(&c, w, u, Q(.id = b, .how = &must)) == SSTATE_ENOTFOUND,
	    "B01 (%s) MUST_EXIST: an ended id is ENOTFOUND", by);
	drop(&c);
	T(ask(&c, w, u, Q(.id = bad, .how = &must)) == SSTATE_EAUTH,
	    "B01 (%s) MUST_EXIST: a forged id is EAUTH", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.anon = 1, .how = &must));
	T(c.r == SSTATE_ENOTFOUND && c.s == NULL,
	    "B01 (%s) MUST_EXIST: no id is an error (%d)", by, c.r);
	drop(&c);
}

static void
b01_two_ids(struct site *w, struct who *u, const char *by)
{
	const char *a, *b, *two, *same;
	struct call c;

	two_sessions(w, u, &a, &b);
	two = u->carry == BY_PAGE
	    ? fmt(".id=%s&.id=%s", a, b)
	    : fmt("__Host-sstate=%s; __Host-sstate=%s", a, b);
	same = u->carry == BY_PAGE
	    ? fmt(".id=%s&.id=%s", a, a)
	    : fmt("__Host-sstate=%s; __Host-sstate=%s", a, a);
	(void)ask(&c, w, u,
	    Q(.anon = 1, .query = u->carry == BY_PAGE ? two : NULL,
		.cookie = u->carry == BY_PAGE ? NULL : two));
	T(c.r == 0 && is_new(c.s) && none(c.s, SSTATE_STORED, "who"),
	    "B01 (%s) two different valid ids: none is taken", by);
	drop(&c);
	if (u->carry == BY_PAGE) {
		(void)ask(&c, w, u, Q(.anon = 1, .form = two));
		T(c.r == 0 && is_new(c.s),
		    "B01 (page) two different ids in a body: none is taken");
		drop(&c);
	}
	(void)ask(&c, w, u,
	    Q(.anon = 1, .query = u->carry == BY_PAGE ? same : NULL,
		.cookie = u->carry == BY_PAGE ? NULL : same));
	T(c.r == 0 && is(c.s, SSTATE_STORED, "who", "first"),
	    "B01 (%s) the same id twice is one id", by);
	drop(&c);
}

static void
b02_ids(struct site *w, struct who *u, const char *by)
{
	enum { N = 200 };
	static char id[N][64];
	unsigned i, j, same = 0, at;

	for (i = 0; i < N; i++) {
		who_init(u, u->carry);
		(void)put(w, u, NULL, "n", "1");
		(void)snprintf(id[i], sizeof(id[i]), "%s", who_token(u));
		for (j = 0; j < i; j++)
			same += strcmp(id[i], id[j]) == 0;
	}
	T(strlen(id[0]) == TOKEN_CHARS && same == 0,
	    "B02 (%s) ids are 60 characters, and no two are equal", by);
	/* 43 characters of sid, from the fifth on: each position varies */
	for (at = 4, same = 0; at < 46; at++) {
		for (i = 1; i < N && id[i][at] == id[0][at]; i++)
			continue;
		same += i == N;
	}
	T(same == 0, "B02 (%s) each of 252 bits' characters varies", by);
}

static void
b03_bind(struct site *w, struct who *u, const char *by)
{
	struct call c;
	char id[64];

	(void)put(w, u, NULL, "n", "1");
	(void)ask(&c, w, u, Q(.heads = "X-Forwarded-For: 192.0.2.1"));
	T(is(c.s, SSTATE_STORED, "n", "1"),
	    "B03 (%s) an address is no part of a session", by);
	drop(&c);
	who_init(u, u->carry);
	(void)ask(&c, w, u, Q(.bind = "here"));
	(void)sstate_setstr(c.s, SSTATE_STORED, "n", "2");
	(void)end(&c);
	(void)snprintf(id, sizeof(id), "%s", who_token(u));
	(void)ask(&c, w, u, Q(.id = id, .bind = "there"));
	T(c.r == 0 && is_new(c.s) && none(c.s, SSTATE_STORED, "n"),
	    "B03 (%s) another bind: a new session", by);
	(void)end(&c);
	T(head(&c, "Set-Cookie") == NULL, "B03 (%s) and no Set-Cookie", by);
	(void)ask(&c, w, u, Q(.id = id, .bind = "here"));
	T(is(c.s, SSTATE_STORED, "n", "2"),
	    "B03 (%s) and the bound session lives on", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.id = id));
	T(is_new(c.s), "B03 (%s) a bound session needs its bind", by);
	drop(&c);
}

static void
k03_names(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site x;
	struct call c;

	(void)w;
	if (u->carry != BY_PAGE)
		return;
	(void)ask(&c, w, u, NULL);
	T(param_of(sstate_link(c.s, 0, NULL, NULL), ".id") != NULL,
	    "K03 (%s) the parameter's name is .id", by);
	(void)end(&c);
	o.flags = BY_PAGE;
	o.id_param = "sid";
	NEED(site_open(&x, &o) == 0, "K03 (%s) id_param = sid", by);
	(void)put(&x, u, NULL, "n", "1");
	(void)ask(&c, &x, u, Q(.query = ".id=plain"));
	T(is(c.s, SSTATE_STORED, "n", "1"), "K03 (%s) id_param is read", by);
	T(param_of(sstate_link(c.s, 0, NULL, NULL), "sid") != NULL,
	    "K03 (%s) id_param is written", by);
	T(none(c.s, SSTATE_MERGED, "sid"), "B04 (%s) sid is ours now", by);
	T(is(c.s, SSTATE_MERGED, ".id", "plain"),
	    "B04 (%s) and .id is as any other name", by);
	drop(&c);
	site_close(&x);
}

static void
b04_our_names(struct site *w, struct who *u, const char *by)
{
	static const char *const ours[] = { ".id", ".page", ".csrf" };
	static const int mems[] = { SSTATE_MERGED, SSTATE_STORED, SSTATE_PAGE };
	struct sstate_how keep = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct call c;
	size_t i, m;

	(void)ask(&c, w, u,
	    Q(.how = &keep, .query = ".page=p&.csrf=c&x=1&.id="));
	for (i = 0; i < 3; i++)
		T(none(c.s, SSTATE_SENT, ours[i]) &&
			none(c.s, SSTATE_QUERY, ours[i]) &&
			none(c.s, SSTATE_MERGED, ours[i]),
		    "B04 (%s) %s is not among the client's parameters", by,
		    ours[i]);
	T(strcmp(names(c.s, SSTATE_MERGED), "x") == 0,
	    "B04 (%s) nor listed: %s", by, names(c.s, SSTATE_MERGED));
	T(end(&c) == 0, "B04 (%s) a request that has them is no error", by);
	(void)ask(&c, w, u, Q(.how = &keep));
	T(strcmp(names(c.s, SSTATE_STORED), "x") == 0, "B04 (%s) nor stored",
	    by);
	drop(&c);
	for (i = 0; i < 3; i++) {
		for (m = 0; m < 3; m++) {
			(void)ask(&c, w, u, Q(.how = &keep));
			T(c.r == 0 &&
				sstate_setstr(c.s, mems[m], ours[i], "v") ==
				    SSTATE_EINVAL,
			    "B04 (%s) %s cannot be set in memory %d", by,
			    ours[i], mems[m]);
			drop(&c);
		}
	}
}

/* ---- Forgetful ------------------------------------------------------- */

static void
k15_stored_wins(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct sstate_how bare = how_of(SSTATE_FORGETFUL, NULL, NULL);
	struct call c;

	T(request(w, u, Q(.how = &how, .query = "user=alice&x=1")) == 0,
	    "K21 (%s) the first request", by);
	(void)ask(&c, w, u, Q(.how = &how, .query = "user=eve"));
	T(is(c.s, SSTATE_STORED, "user", "alice"),
	    "K21 (%s) a name in memory was stored", by);
	T(none(c.s, SSTATE_MERGED, "x"), "K23 (%s) another was not", by);
	T(is(c.s, SSTATE_MERGED, "user", "alice"),
	    "K15 (%s) stored wins over the client's", by);
	T(is(c.s, SSTATE_SENT, "user", "eve"),
	    "K15 (%s) the client's is still in SENT", by);
	(void)end(&c);
	(void)ask(&c, w, u, Q(.how = &bare, .query = "user=eve"));
	T(is(c.s, SSTATE_MERGED, "user", "alice"),
	    "K15 (%s) always: also in a script without a memory", by);
	(void)end(&c);
	(void)ask(&c, w, u, Q(.how = &how, .form = "user="));
	T(is(c.s, SSTATE_MERGED, "user", "alice"),
	    "K17 (%s) stored wins over an empty value", by);
	T(is(c.s, SSTATE_SENT, "user", ""), "K17 (%s) that is in SENT", by);
	(void)end(&c);
	T(holds(w, u, NULL, NULL, "user", "alice"), "K17 (%s) and stays stored",
	    by);
}

/* Two at the same time: what the first stored wins over the second's. */
static void
k15_at_once(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct call c, d;

	(void)put(w, u, &how, "x", "1");
	(void)ask(&c, w, u, Q(.how = &how, .query = "user=first"));
	(void)ask(&d, w, u, Q(.how = &how, .query = "user=second"));
	T(end(&c) == 0 && sstate_commit(d.s) == 0, "K15 (%s) both commit", by);
	T(is(d.s, SSTATE_STORED, "user", "first"),
	    "K15 (%s) stored wins, also when it was stored just now", by);
	(void)end(&d);
	T(holds(w, u, NULL, &how, "user", "first"), "K15 (%s) and stays", by);
}

/* What a commit would have stored by itself is not lost by a reload. */
static void
k21_reload(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct sstate_how unf = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct call c;
	struct who v;

	(void)put(w, u, &how, "x", "1");
	(void)ask(&c, w, u, Q(.how = &how, .query = "user=alice"));
	(void)sstate_setstr(c.s, SSTATE_STORED, "y", "2");
	T(sstate_reload(c.s) == 0 && end(&c) == 0, "K21 (%s) reload", by);
	T(holds(w, u, NULL, &how, "y", "(none)"),
	    "K21 (%s) what the program did is dropped", by);
	T(holds(w, u, NULL, &how, "user", "alice"),
	    "K21 (%s) what the client sent is taken up again", by);
	who_init(&v, u->carry);
	(void)put(w, &v, &unf, "x", "1");
	(void)ask(&c, w, &v, Q(.how = &unf, .query = "a=1"));
	T(sstate_reload(c.s) == 0 && end(&c) == 0, "K24 (%s) reload", by);
	T(holds(w, &v, NULL, &unf, "a", "1"), "K24 (%s) unforgetful, too", by);
}

static void
k19_recalled(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct sstate_how bare = how_of(0, NULL, NULL);
	struct call c;

	(void)request(w, u, Q(.how = &how, .query = "user=alice&user=bob"));
	(void)ask(&c, w, u, Q(.how = &bare));
	T(is(c.s, SSTATE_MERGED, "user", "alice|bob"),
	    "K19 (%s) only stored: recalled, all its values", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "more", "1");
	T(end(&c) == 0, "K19 (%s) a script without a memory writes", by);
	(void)ask(&c, w, u, Q(.how = &bare));
	T(is(c.s, SSTATE_MERGED, "user", "alice|bob") &&
		is(c.s, SSTATE_MERGED, "more", "1"),
	    "K19 (%s) and keeps what it was not told to keep", by);
	drop(&c);
}

static void
k21_k23_only_client(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(SSTATE_FORGETFUL, user_pass, NULL);
	struct call c;

	(void)ask(&c, w, u, Q(.how = &how, .query = "user=&x=1&pass=p&pass=q"));
	T(is(c.s, SSTATE_MERGED, "user", "") &&
		is(c.s, SSTATE_MERGED, "x", "1"),
	    "K23 (%s) the client's values are used", by);
	(void)end(&c);
	(void)ask(&c, w, u, Q(.how = &how));
	T(is(c.s, SSTATE_STORED, "user", ""),
	    "K21 (%s) stored, though it is empty (B05)", by);
	T(is(c.s, SSTATE_STORED, "pass", "p|q"),
	    "K21 (%s) stored, all its values", by);
	T(none(c.s, SSTATE_STORED, "x"), "K23 (%s) not stored", by);
	drop(&c);
}

/* ---- Unforgetful ----------------------------------------------------- */

static void
k16_client_wins(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct call c;

	(void)request(w, u, Q(.how = &how, .query = "a=1&a=2&a=3&b=4"));
	(void)ask(&c, w, u, Q(.how = &how, .form = "a=9"));
	T(is(c.s, SSTATE_MERGED, "b", "4"), "K24 (%s) stored, recalled", by);
	T(is(c.s, SSTATE_MERGED, "a", "9"),
	    "K16 (%s) the client's wins, as a whole list", by);
	(void)end(&c);
	T(holds(w, u, NULL, &how, "a", "9"),
	    "K16 (%s) and replaces the stored list", by);
	(void)ask(&c, w, u, Q(.how = &how, .form = "a="));
	T(is(c.s, SSTATE_MERGED, "a", ""),
	    "K18 (%s) the client's empty value wins", by);
	(void)end(&c);
	T(holds(w, u, NULL, &how, "a", ""),
	    "K18 (%s) and is stored as it is (B05)", by);
	T(holds(w, u, NULL, &how, "b", "4"), "K20 (%s) others stay", by);
}

static void
k20_not_recalled(struct site *w, struct who *u, const char *by)
{
	struct sstate_how all = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct sstate_how but = how_of(SSTATE_UNFORGETFUL, only_a, NULL);
	struct call c;

	(void)request(w, u, Q(.how = &all, .query = "a=1&b=2"));
	(void)ask(&c, w, u, Q(.how = &but, .query = "c=3"));
	T(is(c.s, SSTATE_MERGED, "b", "2"), "K20 (%s) recalled", by);
	T(none(c.s, SSTATE_MERGED, "a"),
	    "K20 (%s) a name in memory is not recalled", by);
	(void)end(&c);
	T(holds(w, u, NULL, &all, "a", "1"), "B06 (%s) and stays in the store",
	    by);
	(void)ask(&c, w, u, Q(.how = &but, .query = "a=5"));
	T(is(c.s, SSTATE_MERGED, "a", "5"),
	    "K22 (%s) the client's value of such a name is used", by);
	(void)end(&c);
	(void)ask(&c, w, u, Q(.how = &all));
	T(is(c.s, SSTATE_MERGED, "a", "1"), "K22 (%s) and is not stored", by);
	T(is(c.s, SSTATE_MERGED, "c", "3"),
	    "K24 (%s) a name not in memory is stored", by);
	drop(&c);
}

/* ---- Setting and deleting -------------------------------------------- */

static void
k04_set(struct site *w, struct who *u, const char *by)
{
	static const struct sstate_val two[] = { { "x", 1 }, { "", 0 } };
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct sstate_how unf = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct call c;
	struct who v;

	(void)put(w, u, &how, "a", "stored");
	(void)ask(&c, w, u, Q(.how = &how, .query = "b=client"));
	(void)sstate_setstr(c.s, SSTATE_MERGED, "a", "now");
	(void)sstate_setstr(c.s, SSTATE_MERGED, "b", "now");
	T(is(c.s, SSTATE_MERGED, "a", "now") &&
		is(c.s, SSTATE_MERGED, "b", "now"),
	    "K04 (%s) a set in MERGED is seen", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "other", "1");
	(void)end(&c);
	T(holds(w, u, NULL, &how, "a", "stored") &&
		holds(w, u, NULL, &how, "b", "(none)"),
	    "K04 (%s) in this request only", by);
	(void)ask(&c, w, u, Q(.how = &how, .query = "b=client&b=too"));
	(void)sstate_set(c.s, SSTATE_STORED, "b", two, 2);
	T(is(c.s, SSTATE_MERGED, "b", "x|"),
	    "K04 (%s) a set in STORED beats the client's", by);
	(void)sstate_set(c.s, SSTATE_STORED, "a", two, 2);
	(void)end(&c);
	T(holds(w, u, NULL, &how, "b", "x|") &&
		holds(w, u, NULL, &how, "a", "x|"),
	    "K04 (%s) is stored, and replaces the whole list", by);
	who_init(&v, u->carry);
	(void)ask(&c, w, &v, Q(.how = &unf, .query = "a=client"));
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "program");
	T(is(c.s, SSTATE_MERGED, "a", "program"),
	    "K04 (%s) unforgetful: a set in STORED beats the client's", by);
	(void)end(&c);
	T(holds(w, &v, NULL, &unf, "a", "program"),
	    "K04 (%s) unforgetful: and is what is stored", by);
}

static void
b07_clears(struct site *w, struct who *u, const char *by)
{
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, Q(.query = "a=client"));
	T(sstate_set(c.s, SSTATE_STORED, "a", NULL, 0) == 0,
	    "B07 (%s) an empty list", by);
	T(none(c.s, SSTATE_STORED, "a") && none(c.s, SSTATE_MERGED, "a"),
	    "B07 (%s) clears the name", by);
	T(strcmp(names(c.s, SSTATE_STORED), "") == 0,
	    "B07 (%s) it is not listed", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "", "no name");
	(void)sstate_setstr(c.s, SSTATE_STORED, "empty", "");
	(void)end(&c);
	T(holds(w, u, NULL, NULL, "a", "(none)"), "B07 (%s) for good", by);
	T(holds(w, u, NULL, NULL, "", "no name"),
	    "B07 (%s) an empty name survives", by);
	T(holds(w, u, NULL, NULL, "empty", ""),
	    "B07 (%s) an empty value survives", by);
}

static void
k05_remember(struct site *w, struct who *u, const char *by)
{
	struct sstate_how unf = how_of(SSTATE_UNFORGETFUL, only_a, NULL);
	struct sstate_how all = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct call c;
	struct who v;

	(void)ask(&c, w, u, Q(.query = "x=1&x=2&z=3"));
	T(sstate_remember(c.s, "x") == 0, "K05 (%s) forgetful: remember", by);
	(void)sstate_setstr(c.s, SSTATE_MERGED, "y", "mine");
	T(sstate_remember(c.s, "y") == 0, "K05 (%s) whoever set it", by);
	(void)end(&c);
	T(holds(w, u, NULL, NULL, "x", "1|2"),
	    "K05 (%s) forgetful: the client's values are stored", by);
	T(holds(w, u, NULL, NULL, "y", "mine"),
	    "K05 (%s) forgetful: the program's too", by);
	T(holds(w, u, NULL, NULL, "z", "(none)"),
	    "K05 (%s) forgetful: others are not", by);
	(void)ask(&c, w, u, Q(.query = "x=9"));
	T(is(c.s, SSTATE_MERGED, "x", "1|2"),
	    "K05 (%s) forgetful: and win from then on", by);
	(void)sstate_setstr(c.s, SSTATE_MERGED, "x", "new");
	(void)sstate_remember(c.s, "x");
	(void)end(&c);
	T(holds(w, u, NULL, NULL, "x", "new"),
	    "K05 (%s) forgetful: present values replace stored ones", by);
	who_init(&v, u->carry);
	(void)ask(&c, w, &v, Q(.how = &unf, .query = "a=1&b=2"));
	T(sstate_remember(c.s, "a") == 0, "K05 (%s) unforgetful: remember", by);
	(void)end(&c);
	T(holds(w, &v, NULL, &all, "a", "1"),
	    "K05 (%s) unforgetful: the name leaves memory, is stored", by);
	(void)ask(&c, w, &v, Q(.how = &all));
	T(is(c.s, SSTATE_MERGED, "a", "1"),
	    "K05 (%s) unforgetful: and recalled by who wants it", by);
	drop(&c);
}

static void
k06_delete(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct call c;

	(void)request(w, u, Q(.how = &how, .query = "user=alice"));
	(void)ask(&c, w, u, Q(.how = &how, .query = "user=eve"));
	T(sstate_del(c.s, SSTATE_STORED, "user") == 0, "K06 (%s) delete", by);
	T(none(c.s, SSTATE_MERGED, "user") && none(c.s, SSTATE_STORED, "user"),
	    "K06 (%s) gone from the parameters and the store", by);
	T(is(c.s, SSTATE_SENT, "user", "eve"),
	    "K06 (%s) what was sent was sent", by);
	T(sstate_del(c.s, SSTATE_STORED, "nobody") == 0,
	    "K06 (%s) an unknown name is ignored", by);
	T(end(&c) == 0, "K06 (%s) and does no harm to the commit", by);
	T(holds(w, u, NULL, NULL, "user", "(none)"), "K06 (%s) for good", by);
	(void)request(w, u, Q(.how = &how, .query = "user=carol"));
	T(holds(w, u, NULL, NULL, "user", "carol"),
	    "K06 (%s) a name in memory may be stored again later", by);
	(void)ask(&c, w, u, Q(.how = &how));
	(void)sstate_del(c.s, SSTATE_MERGED, "user");
	T(none(c.s, SSTATE_MERGED, "user"), "K04 (%s) delete in MERGED", by);
	(void)end(&c);
	T(holds(w, u, NULL, NULL, "user", "carol"),
	    "K04 (%s) changes this request only", by);
}

static void
k07_clear(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(SSTATE_FORGETFUL, user_pass, search);
	struct sstate_how unf = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct call c;
	char id[64];

	(void)request(w, u, Q(.how = &how, .query = "user=alice"));
	(void)snprintf(id, sizeof(id), "%s", who_token(u));
	(void)ask(&c, w, u, Q(.how = &how, .query = "query=q&x=1"));
	T(sstate_clear(c.s) == 0, "K07 (%s) clear", by);
	T(strcmp(names(c.s, SSTATE_MERGED), "") == 0 &&
		strcmp(names(c.s, SSTATE_STORED), "") == 0,
	    "K07 (%s) parameters and stored values are gone", by);
	T(none(c.s, SSTATE_PAGE, "query"), "K07 (%s) short-term too", by);
	T(end(&c) == 0, "K07 (%s) the commit", by);
	T(strcmp(who_token(u), id) == 0, "K07 (%s) the id is kept", by);
	(void)ask(&c, w, u, Q(.how = &how));
	T(c.r == 0 && !is_new(c.s) && none(c.s, SSTATE_STORED, "user"),
	    "K07 (%s) the session is there, and empty", by);
	drop(&c);
	T(ask(&c, w, u, Q(.how = &unf)) == SSTATE_EMINDSET,
	    "K07 (%s) the mindset is kept", by);
	drop(&c);
}

static void
b08_logout(struct site *w, struct who *u, const char *by)
{
	struct call c;
	const char *link;
	char id[64];

	(void)put(w, u, NULL, "a", "1");
	(void)snprintf(id, sizeof(id), "%s", who_token(u));
	(void)ask(&c, w, u, Q(.form = "x=1"));
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	T(is(c.s, SSTATE_MERGED, "a", "1"), "B08 (%s) it holds something", by);
	T(sstate_logout(c.s) == 0, "B08 (%s) log out", by);
	T((sstate_inspect(c.s)->flags & SSTATE_IS_ENDED) != 0,
	    "B08 (%s) it says that it is ended", by);
	T(none(c.s, SSTATE_STORED, "a") && none(c.s, SSTATE_MERGED, "a") &&
		none(c.s, SSTATE_PAGE, "p"),
	    "B08 (%s) with all it held", by);
	link = sstate_link(c.s, 0, NULL, NULL);
	T(link != NULL && strcmp(link, "/app.cgi") == 0,
	    "B08 (%s) no link carries an id afterwards", by);
	T(end(&c) == 0, "B08 (%s) the commit", by);
	T(who_token(u)[0] == '\0', "B08 (%s) the client has no id", by);
	(void)ask(&c, w, u, Q(.id = id));
	T(is_new(c.s) && none(c.s, SSTATE_STORED, "a"),
	    "B08 (%s) the old id opens nothing", by);
	drop(&c);

	who_init(u, u->carry);
	(void)put(w, u, NULL, "a", "1");
	(void)snprintf(id, sizeof(id), "%s", who_token(u));
	(void)ask(&c, w, u, NULL);
	NEED(sstate_logout(c.s) == 0, "B08 (%s) log out again", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "bye", "see you");
	link = sstate_link(c.s, 0, NULL, NULL);
	if (u->carry == BY_PAGE)
		T(param_of(link, ".id") != NULL &&
			strcmp(param_of(link, ".id"), id) != 0,
		    "B08 (page) what is stored then has an id of its own");
	T(end(&c) == 0, "B08 (%s) and is committed", by);
	T(strlen(who_token(u)) == TOKEN_CHARS && strcmp(who_token(u), id) != 0,
	    "B08 (%s) under another id", by);
	T(holds(w, u, NULL, NULL, "bye", "see you") &&
		holds(w, u, NULL, NULL, "a", "(none)"),
	    "B08 (%s) with nothing from the old one in it", by);
	T(holds(w, u, id, NULL, "bye", "(none)"),
	    "B08 (%s) and the old id does not lead to it", by);
}

static void
k08_mindset(struct site *w, struct who *u, const char *by)
{
	struct sstate_how f = how_of(SSTATE_FORGETFUL, NULL, NULL);
	struct sstate_how n = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct sstate_how bad = how_of(3, NULL, NULL);
	struct call c;
	struct who v;

	(void)put(w, u, &f, "a", "1");
	T(ask(&c, w, u, Q(.how = &n, .query = "a=2")) == SSTATE_EMINDSET &&
		c.s == NULL,
	    "K08 (%s) forgetful, then unforgetful", by);
	drop(&c);
	T(holds(w, u, NULL, &f, "a", "1"), "K08 (%s) nothing is changed", by);
	who_init(&v, u->carry);
	(void)put(w, &v, &n, "a", "1");
	T(ask(&c, w, &v, Q(.how = &f)) == SSTATE_EMINDSET,
	    "K08 (%s) unforgetful, then forgetful", by);
	drop(&c);
	T(ask(&c, w, &v, NULL) == SSTATE_EMINDSET,
	    "B09 (%s) no mindset means forgetful", by);
	drop(&c);
	T(ask(&c, w, &v, Q(.how = &bad)) == SSTATE_EINVAL && c.s == NULL,
	    "B09 (%s) an unknown mindset is refused", by);
	drop(&c);
	who_init(&v, u->carry);
	T(ask(&c, w, &v, Q(.how = &bad)) == SSTATE_EINVAL,
	    "B09 (%s) at once, also for a new session", by);
	drop(&c);
}

static void
b10_one_write(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, user_pass, NULL);
	struct call c;
	unsigned n;

	(void)ask(&c, w, u, Q(.how = &how, .query = "user=a&x=1"));
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	(void)sstate_remember(c.s, "x");
	(void)sstate_del(c.s, SSTATE_STORED, "user");
	T(w->calls == 0, "B10 (%s) a new session: no call before commit", by);
	(void)end(&c);
	T(w->calls == 1, "B10 (%s) one write at commit (%u calls)", by,
	    w->calls);
	n = w->calls;
	(void)ask(&c, w, u, Q(.how = &how));
	T(w->gets == 1 && w->calls == n + 1, "B10 (%s) begin: one read", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "2");
	(void)sstate_setstr(c.s, SSTATE_STORED, "b", "2");
	(void)sstate_incr(NULL, c.s, "n", 1);
	T(w->calls == n + 1, "B10 (%s) mutators: none", by);
	T(sstate_commit(c.s) == 0 && w->writes == 2,
	    "B10 (%s) commit: one write", by);
	T(sstate_commit(c.s) == 0 && w->writes == 2,
	    "B10 (%s) a second commit has nothing to write", by);
	drop(&c);
	n = w->calls;
	(void)ask(&c, w, u, Q(.how = &how));
	(void)sstate_setstr(c.s, SSTATE_MERGED, "b", "3");
	(void)end(&c);
	T(w->writes == 2 && w->calls == n + 1,
	    "B10 (%s) a reader: one read, no write", by);
}

/* ---- Short-term memory ----------------------------------------------- */

static void
k09_travels(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, search);
	const char *link, *html;
	struct call c;

	(void)ask(&c, w, u, Q(.how = &how, .query = "query=marzipan&type=x"));
	T(is(c.s, SSTATE_PAGE, "query", "marzipan"),
	    "B11 (%s) filled on the first request", by);
	link = fmt("%s", sstate_link(c.s, SSTATE_WITH_PAGE, NULL, "page=2"));
	html = fmt("%s", sstate_fields(c.s, SSTATE_WITH_PAGE, NULL));
	T(param_of(link, ".page") != NULL && field_of(html, ".page") != NULL,
	    "K09 (%s) short-term memory is in links and fields", by);
	(void)end(&c);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how,
		.query = query_of(link)));
	T(is(c.s, SSTATE_PAGE, "query", "marzipan") &&
		is(c.s, SSTATE_PAGE, "type", "x"),
	    "K09 (%s) by link", by);
	T(is(c.s, SSTATE_MERGED, "page", "2"), "K09 (%s) query goes along", by);
	T(none(c.s, SSTATE_STORED, "query") &&
		none(c.s, SSTATE_MERGED, "query"),
	    "K09 (%s) not in the store", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how, .form = form_of(html)));
	T(is(c.s, SSTATE_PAGE, "query", "marzipan"), "K09 (%s) by form", by);
	T(!is_stale(c.s), "K09 (%s) and is not stale", by);
	drop(&c);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how,
		.query = fmt("%s&query=eggs", query_of(link))));
	T(is(c.s, SSTATE_PAGE, "query", "eggs") &&
		is(c.s, SSTATE_PAGE, "type", "x"),
	    "K09 (%s) a client's value beats the carried one", by);
	link = fmt("%s", sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL));
	(void)end(&c);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how,
		.query = query_of(link)));
	T(is(c.s, SSTATE_PAGE, "query", "eggs") &&
		is(c.s, SSTATE_PAGE, "type", "x"),
	    "K09 (%s) and travels on with the rest", by);
	drop(&c);
}

static void
k10_fall_back(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, search);
	struct call c;
	const char *all;

	(void)put(w, u, &how, "type", "stored");
	(void)ask(&c, w, u, Q(.how = &how, .query = "type=sent&x=1"));
	T(is(c.s, SSTATE_PAGE, "type", "sent"),
	    "K10 (%s) short-term comes first", by);
	T(is(c.s, SSTATE_MERGED, "type", "stored"),
	    "K10 (%s) and MERGED is as it would be", by);
	T(is(c.s, SSTATE_PAGE, "x", "1"), "K10 (%s) then MERGED", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.how = &how, .query = "x=1"));
	T(is(c.s, SSTATE_PAGE, "type", "stored"),
	    "B11 (%s) a declared name falls back, too", by);
	T(none(c.s, SSTATE_PAGE, "query"),
	    "B11 (%s) what is nowhere is nowhere", by);
	all = fmt("%s", names(c.s, SSTATE_MERGED));
	(void)vals(c.s, SSTATE_PAGE, "query");
	(void)sstate_str(c.s, SSTATE_PAGE, "type");
	T(strcmp(all, names(c.s, SSTATE_MERGED)) == 0 &&
		is(c.s, SSTATE_PAGE, "type", "stored") &&
		(sstate_inspect(c.s)->flags & SSTATE_IS_DIRTY) == 0,
	    "B11 (%s) reading changes nothing", by);
	T(sstate_setstr(c.s, SSTATE_PAGE, "own", "1") == 0 &&
		is(c.s, SSTATE_PAGE, "own", "1"),
	    "K09 (%s) an undeclared name joins when it is set", by);
	all = fmt("%s", sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL));
	(void)end(&c);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how,
		.query = query_of(all)));
	T(is(c.s, SSTATE_PAGE, "own", "1") && none(c.s, SSTATE_MERGED, "own") &&
		none(c.s, SSTATE_STORED, "own"),
	    "K09 (%s) and travels", by);
	drop(&c);
}

static void
b12_sealed(struct site *w, struct who *u, const char *by)
{
	static const char *const price[] = { "price", NULL };
	struct sstate_how how = how_of(0, NULL, price);
	char bad[4096], page[4096], id[64];
	const char *link, *p;
	struct call c;
	int i, taken = 0, stale = 0, n = 0;

	(void)ask(&c, w, u, Q(.how = &how, .query = "x=1"));
	(void)sstate_setstr(c.s, SSTATE_PAGE, "price", "100");
	link = fmt("%s", sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL));
	(void)end(&c);
	(void)snprintf(id, sizeof(id), "%.60s", who_token(u));
	NEED((p = param_of(link, ".page")) != NULL, "B12 (%s) a page", by);
	(void)snprintf(page, sizeof(page), "%s", p);
	T(strstr(link, "price") == NULL && strstr(link, "100") == NULL,
	    "B12 (%s) neither name nor value is in the link", by);
	for (i = 0; page[i] != '\0'; i++, n++) {
		(void)snprintf(bad, sizeof(bad), "%s", page);
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		(void)ask(&c, w, u,
		    Q(.id = id, .how = &how, .query = fmt(".page=%s", bad)));
		taken += c.r != 0 || !none(c.s, SSTATE_PAGE, "price");
		stale += is_stale(c.s);
		drop(&c);
	}
	T(taken == 0, "B12 (%s) no edited page is taken, none an error", by);
	T(stale == n, "B12 (%s) each is stale (%d of %d)", by, stale, n);
	(void)ask(&c, w, u,
	    Q(.id = id, .how = &how, .query = fmt(".page=%s", page)));
	T(is(c.s, SSTATE_PAGE, "price", "100") && !is_stale(c.s),
	    "B12 (%s) the true one is", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.id = id, .how = &how));
	T(!is_stale(c.s), "B12 (%s) no page is not a stale page", by);
	drop(&c);
}

static void
b13_not_for_long(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(SSTATE_UNFORGETFUL, NULL, search);
	struct call c;

	(void)request(w, u, Q(.how = &how, .query = "query=eggs&x=1"));
	(void)ask(&c, w, u, Q(.how = &how));
	T(none(c.s, SSTATE_STORED, "query"),
	    "B13 (%s) short-term names are not stored when sent", by);
	T(is(c.s, SSTATE_STORED, "x", "1"), "B13 (%s) others are", by);
	drop(&c);
	(void)put(w, u, &how, "query", "kept");
	T(holds(w, u, NULL, &how, "query", "kept"),
	    "B13 (%s) but the program may store one", by);
	(void)ask(&c, w, u, Q(.how = &how, .query = "query=sent"));
	T(is(c.s, SSTATE_MERGED, "query", "sent"),
	    "K16 (%s) the client's still wins in this request", by);
	(void)end(&c);
	T(holds(w, u, NULL, &how, "query", "kept"),
	    "B13 (%s) and what was stored stays", by);
}

static void
k11_user_delete(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = how_of(0, NULL, search);
	const char *link;
	struct call c;

	(void)put(w, u, &how, "query", "stored");
	(void)ask(&c, w, u, Q(.how = &how, .query = "query=sent&type=t"));
	T(sstate_del(c.s, SSTATE_PAGE, "query") == 0 &&
		is(c.s, SSTATE_PAGE, "query", "stored"),
	    "K11 (%s) delete in PAGE takes the short-term value alone", by);
	T(sstate_del(c.s, SSTATE_STORED, "type") == 0 &&
		is(c.s, SSTATE_PAGE, "type", "t"),
	    "K11 (%s) delete in STORED leaves short-term memory", by);
	link = fmt("%s", sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL));
	(void)end(&c);
	T(holds(w, u, NULL, &how, "query", "stored"),
	    "K11 (%s) and leaves the store alone", by);
	(void)ask(&c, w, u,
	    Q(.anon = u->carry == BY_PAGE, .how = &how,
		.query = query_of(link)));
	T(is(c.s, SSTATE_PAGE, "query", "stored") &&
		is(c.s, SSTATE_PAGE, "type", "t"),
	    "K11 (%s) links go by that", by);
	drop(&c);
}

/* ---- Age, cleaning --------------------------------------------------- */

static int64_t
age(struct sstate_session *s)
{
	const struct sstate_info *in = sstate_inspect(s);

	return in->accessed == 0 ? 0 : in->now - in->accessed;
}

static void
k12_age(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct call c;

	how.flags = SSTATE_EAGER;
	(void)ask(&c, w, u, Q(.how = &how));
	T(age(c.s) == 0, "K12 (%s) a new session has age 0", by);
	T(end(&c) == 0 && who_token(u)[0] != '\0', "K12 (%s) EAGER stores", by);
	w->now += 100;
	(void)ask(&c, w, u, Q(.how = &how));
	T(age(c.s) == 100, "K12 (%s) from the request before to now", by);
	w->now += 7;
	T(age(c.s) == 100, "K12 (%s) constant within a request", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	T(sstate_commit(c.s) == 0 && age(c.s) == 100,
	    "K12 (%s) also over a commit", by);
	(void)end(&c);
	w->now += 23;
	(void)ask(&c, w, u, Q(.how = &how));
	T(age(c.s) >= 23 && age(c.s) <= 30,
	    "K12 (%s) exact where each request stores (%lld)", by,
	    (long long)age(c.s));
	(void)end(&c);
	/* readers do not store: known to within renew, a tenth of idle */
	w->now += 50;
	(void)request(w, u, NULL);
	w->now += 30;
	(void)ask(&c, w, u, NULL);
	T(age(c.s) >= 30 && age(c.s) <= 30 + 180,
	    "K12 (%s) else to within renew (%lld)", by, (long long)age(c.s));
	drop(&c);
}

static void
b14_clock(struct site *w, struct who *u, const char *by)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct call c;

	how.flags = SSTATE_EAGER;
	(void)request(w, u, Q(.how = &how));
	w->now -= 100;
	(void)ask(&c, w, u, Q(.how = &how));
	T(c.r == 0 && !is_new(c.s) && age(c.s) >= 0,
	    "B14 (%s) age is never negative (%lld)", by, (long long)age(c.s));
	(void)end(&c);
	w->now = ((int64_t)1 << 32) - 5;
	who_init(u, u->carry);
	(void)request(w, u, Q(.how = &how));
	w->now += 20;
	(void)ask(&c, w, u, Q(.how = &how));
	T(c.r == 0 && age(c.s) == 20, "B14 (%s) no wrap in 2106 (%lld)", by,
	    (long long)age(c.s));
	drop(&c);
}

static void
b15_limits(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site x;
	struct who v;
	int i;
	int64_t idle = u->carry == BY_PAGE ? 900 : 1800;

	(void)put(w, u, NULL, "a", "1");
	w->now += idle - 1;
	T(holds(w, u, NULL, NULL, "a", "1"), "B15 (%s) idle %lld s: there", by,
	    (long long)idle - 1);
	w->now += 2;
	T(holds(w, u, NULL, NULL, "a", "(none)"),
	    "B15 (%s) idle beyond the default: over", by);
	who_init(&v, u->carry);
	(void)put(w, &v, NULL, "a", "1");
	w->now += 10ll * 365 * 86400;
	T(holds(w, &v, NULL, NULL, "a", "(none)"), "B15 (%s) ten years: over",
	    by);
	o.flags = u->carry;
	o.idle = 400;
	o.lifetime = 1000;
	o.rotate = -1;
	NEED(site_open(&x, &o) == 0, "B15 (%s) limits by option", by);
	who_init(&v, u->carry);
	(void)put(&x, &v, NULL, "a", "0");
	for (i = 1; i <= 3; i++) {
		x.now += 300;
		(void)put(&x, &v, NULL, "b", "1");
	}
	T(holds(&x, &v, NULL, NULL, "a", "0"), "B15 (%s) in use: there", by);
	x.now += 101;
	T(holds(&x, &v, NULL, NULL, "a", "(none)"),
	    "B15 (%s) lifetime is over though it was in use", by);
	who_init(&v, u->carry);
	(void)put(&x, &v, NULL, "a", "0");
	for (i = 1; i <= 3; i++) {
		x.now += 300;
		(void)request(&x, &v, NULL);
	}
	T(holds(&x, &v, NULL, NULL, "a", "0"), "B15 (%s) reading is use, too",
	    by);
	site_close(&x);
}

static void
k13_reap(struct site *w, struct who *u, const char *by)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site x;
	struct who v, z;
	uint64_t n = 99;

	(void)w;
	o.flags = u->carry;
	o.idle = 3 * 3600;
	o.rotate = -1;
	NEED(site_open(&x, &o) == 0, "K13 (%s) idle: three hours", by);
	T(sstate_reap(&n, x.env, 3600, 0, NULL) == 0 && n == 0,
	    "B16 (%s) reaping needs no session", by);
	who_init(&v, u->carry);
	who_init(&z, u->carry);
	(void)put(&x, &v, NULL, "a", "old");
	x.now += 3000;
	(void)put(&x, &z, NULL, "a", "young");
	x.now += 1000;
	T(sstate_reap(&n, x.env, 0, 0, NULL) == 0 && n == 0,
	    "K13 (%s) nothing expired: nothing goes", by);
	T(sstate_reap(&n, x.env, 3600, 0, NULL) == 0 && n == 1,
	    "K13 (%s) idle for over an hour: one goes (%llu)", by,
	    (unsigned long long)n);
	T(holds(&x, &v, NULL, NULL, "a", "(none)") &&
		holds(&x, &z, NULL, NULL, "a", "young"),
	    "K13 (%s) the right one", by);
	(void)put(&x, &v, NULL, "a", "third");
	x.now += 4 * 3600;
	T(sstate_reap(&n, x.env, 0, 1, NULL) == 0 && n == 1,
	    "K13 (%s) limit bounds it", by);
	T(sstate_reap(&n, x.env, 0, 0, NULL) == 0 && n == 1,
	    "K13 (%s) the rest goes without", by);
	site_close(&x);
}

/* ---- Links, octets --------------------------------------------------- */

static void
k14_links(struct site *w, struct who *u, const char *by)
{
	const char *link, *html, *want;
	struct call c;

	(void)put(w, u, NULL, "a", "1");
	(void)ask(&c, w, u, NULL);
	want = u->carry == BY_PAGE ? fmt("/app.cgi?.id=%s", who_token(u))
				   : "/app.cgi";
	link = sstate_link(c.s, 0, NULL, NULL);
	T(link != NULL && strcmp(link, want) == 0,
	    "K14 (%s) a link to this program: %s", by,
	    link == NULL ? "NULL" : link);
	html = sstate_fields(c.s, 0, NULL);
	if (u->carry == BY_PAGE)
		T(field_of(html, ".id") != NULL &&
			strcmp(field_of(html, ".id"), who_token(u)) == 0,
		    "K14 (page) a hidden input");
	else
		T(html != NULL && *html == '\0', "K14 (cookie) no fields");
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	html = sstate_fields(c.s, SSTATE_WITH_PAGE, NULL);
	T(field_of(html, ".page") != NULL &&
		(field_of(html, ".id") != NULL) == (u->carry == BY_PAGE),
	    "K14 (%s) with short-term memory: the same and that", by);
	drop(&c);
	(void)ask(&c, w, u, Q(.path = "/a b\"<>'&?#%.cgi"));
	link = sstate_link(c.s, 0, NULL, NULL);
	T(link != NULL && strncmp(link, "/a%20b%22%3C%3E", 15) == 0 &&
		strstr(link, "%3F%23%25.cgi") != NULL,
	    "B17 (%s) the path's own characters are escaped: %s", by,
	    link == NULL ? "NULL" : link);
	drop(&c);
}

static void
k25_separators(struct site *w, struct who *u, const char *by)
{
	struct call c;

	(void)ask(&c, w, u, Q(.query = "a=1;b=2&c=3", .how = NULL));
	if (u->carry == BY_PAGE)
		T(is(c.s, SSTATE_SENT, "a", "1") &&
			is(c.s, SSTATE_SENT, "b", "2") &&
			is(c.s, SSTATE_SENT, "c", "3"),
		    "K25 (page) ; and & separate in a query");
	else
		T(is(c.s, SSTATE_SENT, "a", "1;b=2") &&
			is(c.s, SSTATE_SENT, "c", "3"),
		    "K25 (cookie) only & separates in a query");
	drop(&c);
	(void)ask(&c, w, u, Q(.form = "a=1;b=2&c=3"));
	T(is(c.s, SSTATE_SENT, "a", u->carry == BY_PAGE ? "1" : "1;b=2"),
	    "K25 (%s) in a body as in a query", by);
	drop(&c);
}

static void
b19_round_trip(struct site *w, struct who *u, const char *by)
{
	static const char *const odd[] = { "a\\", "\\", "a\nb", "a\r\nb", "\n",
		"-name", "--", "=x", " ", "\t", "caf\xe9", "\xc3\xa9",
		"\x01\x7f\xff", "a\\\n", "x=1&y", "%00", "+", "" };
	struct call c;
	int i, good = 0, n = (int)(sizeof(odd) / sizeof(odd[0]));

	(void)ask(&c, w, u, NULL);
	for (i = 0; i < n; i++)
		(void)sstate_setstr(c.s, SSTATE_STORED, odd[i], odd[n - 1 - i]);
	T(end(&c) == 0, "B19 (%s) odd names and values are stored", by);
	(void)ask(&c, w, u, NULL);
	for (i = 0; i < n; i++)
		good += is(c.s, SSTATE_MERGED, odd[i], odd[n - 1 - i]);
	T(good == n, "B19 (%s) and come back byte for byte (%d of %d)", by,
	    good, n);
	drop(&c);
	T(ask(&c, w, u, Q(.query = "a%00b=1")) == SSTATE_EPARSE,
	    "B19 (%s) a NUL in a name is refused", by);
	drop(&c);
}

static const struct {
	void (*fn)(struct site *w, struct who *u, const char *by);
} tests[] = { { k01_where_the_id_is }, { k02_no_id }, { b01_bad_ids },
	{ b01_two_ids }, { b02_ids }, { b03_bind }, { k03_names },
	{ b04_our_names }, { k15_stored_wins }, { k15_at_once }, { k21_reload },
	{ k19_recalled }, { k21_k23_only_client }, { k16_client_wins },
	{ k20_not_recalled }, { k04_set }, { b07_clears }, { k05_remember },
	{ k06_delete }, { k07_clear }, { b08_logout }, { k08_mindset },
	{ b10_one_write }, { k09_travels }, { k10_fall_back }, { b12_sealed },
	{ b13_not_for_long }, { k11_user_delete }, { k12_age }, { b14_clock },
	{ b15_limits }, { k13_reap }, { k14_links }, { k25_separators },
	{ b19_round_trip } };

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
