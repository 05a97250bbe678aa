/*
 * api_test.c - the seven rules at the top of securestate.h
 *
 * Codes and outs, sticky failures, sizes that grow, what NULL may be, who
 * owns memory, and what is true after the n-th allocation has failed.
 */
#include <malloc.h>

#include "harness.h"

enum { ANY = -100 }; /* some failure, whichever */

static const char *const search[] = { "query", NULL };

/* ---- An allocator of ours -------------------------------------------- */

struct pool {
	size_t bytes, blocks; /* handed out now */
	unsigned long calls, fail_at; /* 0: none */
	int forever; /* from fail_at on */
	unsigned wrong; /* sizes that were not told as they are */
	int64_t now;
};

static void *
pool_alloc(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct pool *m = arg;
	size_t *p = ptr == NULL ? NULL : (size_t *)ptr - 2;

	if ((p == NULL ? 0 : *p) != oldsz)
		m->wrong++;
	if (newsz != 0) {
		m->calls++;
		if (m->fail_at != 0 &&
		    (m->calls == m->fail_at ||
			(m->forever && m->calls > m->fail_at)))
			return NULL;
	}
	if (p != NULL) {
		m->bytes -= *p;
		m->blocks--;
	}
	if (newsz == 0) {
		free(p);
		return NULL;
	}
	if ((p = realloc(p, newsz + 2 * sizeof(size_t))) == NULL)
		abort();
	*p = newsz;
	m->bytes += newsz;
	m->blocks++;
	return p + 2;
}

static int64_t
pool_now(void *arg)
{
	return ((struct pool *)arg)->now;
}

static int
pool_open(struct sstate **env, struct pool *m, struct sstate_options *o)
{
	static const char *const memory[] = { "memory:", NULL };

	o->stores = memory;
	o->arg = m;
	o->alloc = pool_alloc;
	o->now = pool_now;
	return sstate_open(env, o, NULL);
}

/* ---- Rule 1: codes, outs --------------------------------------------- */

static void
codes(void)
{
	static const struct {
		int code, status;
	} rows[] = { { SSTATE_OK, 200 }, { SSTATE_EINVAL, 500 },
		{ SSTATE_ENOMEM, 503 }, { SSTATE_ECONFLICT, 409 },
		{ SSTATE_EMINDSET, 409 }, { SSTATE_ETOOBIG, 413 },
		{ SSTATE_EPARSE, 400 }, { SSTATE_ESTORE, 503 },
		{ SSTATE_EBUSY, 503 } };
	const char *a, *b;
	int i, k, same = 0;
	size_t n;

	for (n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		k = sstate_status(rows[n].code);
		T(k == rows[n].status ||
			((rows[n].code == SSTATE_EINVAL ||
			     rows[n].code == SSTATE_ENOMEM ||
			     rows[n].code == SSTATE_EMINDSET) &&
			    k >= 400 && k < 600),
		    "rule 1 the status of %d: %d", rows[n].code, k);
	}
	for (i = SSTATE_EEXIST; i <= SSTATE_OK; i++) {
		a = sstate_strerror(i);
		if (a == NULL || *a == '\0')
			same++;
		for (k = SSTATE_EEXIST; a != NULL && k < i; k++) {
			b = sstate_strerror(k);
			same += b != NULL && strcmp(a, b) == 0;
		}
		k = sstate_status(i);
		/* the end of an iteration is no failure */
		if (i != 0 && i != SSTATE_DONE && (k < 400 || k > 599)) {
			same++;
			printf("#   status %d of %d\n", k, i);
		}
	}
	T(same == 0, "rule 1 each code has a text of its own, and a status");
	T(sstate_strerror(1) != NULL && sstate_strerror(-999) != NULL &&
		sstate_status(-999) >= 500,
	    "rule 1 unknown codes, too");
}

static void
bad_options(void)
{
	static const struct {
		size_t size;
		uint32_t flags, jitter;
		const char *ns;
		int64_t idle, lifetime, renew;
		const char *what;
	} rows[] = {
		{ 0, SSTATE_MUST_EXIST, 0, NULL, 0, 0, 0, "a flag of how" },
		{ 0, SSTATE_EAGER, 0, NULL, 0, 0, 0, "a flag of how" },
		{ 0, 0x80000000u, 0, NULL, 0, 0, 0, "an unknown flag" },
		{ 0, 0, 101, NULL, 0, 0, 0, "a jitter over 100 %" },
		{ 0, 0, 0, "", 0, 0, 0, "an empty namespace" },
		{ 0, 0, 0, "a:b", 0, 0, 0, "a namespace with a colon" },
		{ 0, 0, 0, "a/b", 0, 0, 0, "a namespace with a slash" },
		{ 0, 0, 0, "123456789012345678901234567890123", 0, 0, 0,
		    "a namespace of 33" },
		{ 0, 0, 0, NULL, -1, 0, 0, "a negative idle" },
		{ 0, 0, 0, NULL, 0, -1, 0, "a negative lifetime" },
		{ 0, 0, 0, NULL, 0, 0, -5, "a negative renew" },
		{ 1, 0, 0, NULL, 0, 0, 0, "no size" },
	};
	struct sstate_options o;
	struct site w;
	size_t i;
	int r;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		o = (struct sstate_options)SSTATE_OPTIONS_INIT;
		o.flags = rows[i].flags;
		o.renew_jitter_pct = rows[i].jitter;
		o.ns = rows[i].ns;
		o.idle = rows[i].idle;
		o.lifetime = rows[i].lifetime;
		o.renew = rows[i].renew;
		if (rows[i].size != 0)
			o.size = 0;
		r = site_open(&w, &o);
		T(r == SSTATE_EINVAL && w.env == NULL && w.err.code == r &&
			w.err.text[0] != '\0',
		    "rule 1 EINVAL for %s: %s (%d)", rows[i].what, w.err.text,
		    r);
		site_close(&w);
	}
}

static void
bad_names(void)
{
	static const char *const same[] = { ".id", ".id", ".csrf" };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site w;
	int r;

	o.flags = BY_PAGE;
	o.id_param = same[0];
	o.page_param = same[1];
	r = site_open(&w, &o);
	T(r == SSTATE_EINVAL && w.env == NULL,
	    "rule 1 EINVAL for two carried names that are one (%d)", r);
	site_close(&w);
	o.page_param = NULL;
	o.id_param = "";
	r = site_open(&w, &o);
	T(r == SSTATE_EINVAL && w.env == NULL,
	    "rule 1 EINVAL for an empty carried name (%d)", r);
	site_close(&w);
	T(sstate_open(&w.env, NULL, NULL) == 0 && w.env != NULL,
	    "rule 1 NULL options are the defaults, a NULL sink is fine");
	sstate_close(w.env);
}

static void
bad_how_and_web(struct site *w, struct who *u)
{
	static const uint32_t foreign[] = { SSTATE_CARRY_PAGE, SSTATE_STRICT,
		SSTATE_WITH_PAGE, SSTATE_CLEAR_SITE_DATA, 0x80000000u };
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s = (void *)&how;
	struct sstate_error err = { 0, 0, "" };
	struct call c;
	size_t i;

	for (i = 0; i < 5; i++) {
		how.flags = foreign[i];
		T(ask(&c, w, u, Q(.how = &how)) == SSTATE_EINVAL &&
			c.s == NULL && c.err.code == SSTATE_EINVAL,
		    "rule 6 EINVAL for flag 0x%x of another struct",
		    foreign[i]);
		drop(&c);
	}
	how.flags = 0;
	how.pad = 1;
	T(ask(&c, w, u, Q(.how = &how)) == SSTATE_EINVAL,
	    "rule 6 EINVAL for padding that is not 0");
	drop(&c);
	how.pad = 0;
	how.size = 0;
	T(ask(&c, w, u, Q(.how = &how)) != 0, "rule 6 how without a size");
	drop(&c);
	web.size = 0;
	T(sstate_begin(&s, w->env, NULL, &web, &err) != 0 && s == NULL &&
		err.code != 0,
	    "rule 6 web without a size; outs are NULL");
	T(sstate_begin(&s, w->env, NULL, NULL, NULL) == 0 && s != NULL,
	    "rule 1 NULL how, web and sink are fine");
	sstate_free(s);
}

static void
bad_calls(struct site *w, struct who *u)
{
	static const struct sstate_val hole = { NULL, 5 };
	static const struct sstate_val empty = { NULL, 0 };
	struct sstate_val v = { "x", 1 };
	struct call c;
	int64_t n = 9;

#define EACH(call, what)                                                       \
	do {                                                                   \
		(void)ask(&c, w, u, NULL);                                     \
		T((call) == SSTATE_EINVAL, "rule 1 EINVAL for %s", what);      \
		T(sstate_failure(c.s)->code == SSTATE_EINVAL &&                \
			sstate_commit(c.s) == SSTATE_EINVAL,                   \
		    "rule 2 and it is kept: %s", what);                        \
		drop(&c);                                                      \
	} while (0)
	EACH(sstate_set(c.s, SSTATE_SENT, "a", &v, 1), "set in SENT");
	EACH(sstate_set(c.s, SSTATE_QUERY, "a", &v, 1), "set in QUERY");
	EACH(sstate_setstr(c.s, SSTATE_SENT, "a", "x"), "setstr in SENT");
	EACH(sstate_setint(c.s, SSTATE_QUERY, "a", 1), "setint in QUERY");
	EACH(sstate_del(c.s, SSTATE_SENT, "a"), "del in SENT");
	EACH(sstate_set(c.s, 0, "a", &v, 1), "memory 0");
	EACH(sstate_set(c.s, 6, "a", &v, 1), "memory 6");
	EACH(sstate_set(c.s, -1, "a", &v, 1), "memory -1");
	EACH(sstate_set(c.s, SSTATE_STORED, NULL, &v, 1), "no name");
	EACH(sstate_set(c.s, SSTATE_STORED, "a", NULL, 1), "no values");
	EACH(sstate_set(c.s, SSTATE_STORED, "a", &hole, 1), "a value of none");
	EACH(sstate_setstr(c.s, SSTATE_STORED, NULL, "x"), "setstr, no name");
	EACH(sstate_setint(c.s, SSTATE_STORED, NULL, 1), "setint, no name");
	EACH(sstate_del(c.s, SSTATE_STORED, NULL), "del, no name");
	EACH(sstate_incr(&n, c.s, NULL, 1), "incr, no name");
	EACH(sstate_remember(c.s, NULL), "remember, no name");
	EACH(sstate_set_expires(c.s, -1), "an expiry in the past");
	EACH((sstate_csrf(c.s, "a"), sstate_login(c.s, "bob")),
	    "log-in after a token");
	EACH((sstate_fields(c.s, 0, "a"), sstate_rotate(c.s)),
	    "rotation after fields");
	EACH(sstate_link(c.s, 0x80u, NULL, NULL) == NULL ? SSTATE_EINVAL : 0,
	    "a foreign flag of a link");
	EACH(sstate_fields(c.s, 0x80u, "a") == NULL ? SSTATE_EINVAL : 0,
	    "a foreign flag of fields");
#undef EACH
	(void)ask(&c, w, u, NULL);
	T(sstate_set(c.s, SSTATE_STORED, "e", &empty, 1) == 0 &&
		is(c.s, SSTATE_STORED, "e", ""),
	    "rule 3 an empty value may have no address");
	drop(&c);
}

static void
reads(struct site *w, struct who *u)
{
	struct sstate_val v = { "x", 1 };
	struct call c;
	int64_t n = 9;

	(void)ask(&c, w, u, Q(.query = "a=1&a=2"));
	T(sstate_get(&v, c.s, SSTATE_SENT, "a", 2) == SSTATE_ENOTFOUND &&
		v.ptr == NULL && v.len == 0,
	    "rule 1 no such value; out is empty");
	T(sstate_get(&v, c.s, SSTATE_SENT, "b", 0) == SSTATE_ENOTFOUND,
	    "rule 1 no such name");
	T(sstate_get(&v, c.s, 0, "a", 0) == SSTATE_EINVAL &&
		sstate_get(&v, c.s, 9, "a", 0) == SSTATE_EINVAL &&
		sstate_get(&v, c.s, SSTATE_SENT, NULL, 0) == SSTATE_EINVAL,
	    "rule 1 no such memory, no name");
	T(sstate_str(c.s, 0, "a") == NULL &&
		sstate_str(c.s, SSTATE_SENT, NULL) == NULL &&
		sstate_next(c.s, 77, NULL) == NULL &&
		sstate_int(c.s, 0, "a", 0, 9, 7) == 7,
	    "rule 1 where there is no code there is nothing");
	T(sstate_failure(c.s)->code == 0 && sstate_commit(c.s) == 0,
	    "rule 2 reading leaves no failure behind");
	T(sstate_incr(&n, c.s, "n", INT64_MAX) == 0 && n == INT64_MAX,
	    "rule 1 incr");
	T(sstate_incr(&n, c.s, "n", 1) == SSTATE_ECONFLICT && n == 0,
	    "rule 1 incr that overflows; out is 0");
	T(sstate_commit(c.s) == SSTATE_ECONFLICT, "rule 2 and it is kept");
	drop(&c);
	(void)ask(&c, w, u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "n", "12 ");
	T(sstate_incr(&n, c.s, "n", 1) == SSTATE_ECONFLICT && n == 0,
	    "rule 1 incr of what is no number");
	drop(&c);
}

static void
numbers(struct site *w, struct who *u)
{
	static const struct {
		const char *text;
		int64_t want; /* 777: the default */
	} rows[] = { { "0", 0 }, { "5", 5 }, { "-5", -5 }, { "", 777 },
		{ " 5", 777 }, { "5 ", 777 }, { "5x", 777 }, { "x", 777 },
		{ "0x10", 777 }, { "1e3", 777 }, { "5.0", 777 }, { "-", 777 },
		{ "1000", 1000 }, { "1001", 777 }, { "-1001", 777 },
		{ "9223372036854775808", 777 }, { "-9223372036854775809", 777 },
		{ "99999999999999999999999", 777 } };
	struct sstate_val nul = { "5\0", 2 };
	struct call c;
	size_t i;

	(void)ask(&c, w, u, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)sstate_setstr(c.s, SSTATE_MERGED, "n", rows[i].text);
		T(sstate_int(c.s, SSTATE_MERGED, "n", -1000, 1000, 777) ==
			rows[i].want,
		    "rule 3 \"%s\" as a whole number", rows[i].text);
	}
	(void)sstate_set(c.s, SSTATE_MERGED, "n", &nul, 1);
	T(sstate_int(c.s, SSTATE_MERGED, "n", -1000, 1000, 777) == 777,
	    "rule 3 a NUL in a number");
	(void)sstate_setint(c.s, SSTATE_STORED, "m", INT64_MIN);
	T(sstate_int(c.s, SSTATE_STORED, "m", INT64_MIN, INT64_MAX, 0) ==
		    INT64_MIN &&
		is(c.s, SSTATE_STORED, "m", "-9223372036854775808"),
	    "rule 3 the least number");
	drop(&c);
}

/* ---- Rule 2: the first failure --------------------------------------- */

static void
sticky(struct site *w, struct who *u)
{
	struct call c;
	unsigned writes;

	(void)put(w, u, NULL, "a", "old");
	writes = w->writes;
	(void)ask(&c, w, u, NULL);
	T(sstate_setstr(c.s, SSTATE_STORED, "a", "new") == 0, "rule 2 a set");
	T(sstate_setstr(c.s, SSTATE_SENT, "x", "1") == SSTATE_EINVAL,
	    "rule 2 a failure");
	T(sstate_setstr(c.s, SSTATE_STORED, "b", "1") == SSTATE_EINVAL,
	    "rule 2 what follows fails as the first did");
	T(sstate_incr(NULL, c.s, "n", 1) == SSTATE_EINVAL, "rule 2 incr, too");
	T(sstate_commit(c.s) == SSTATE_EINVAL &&
		sstate_commit(c.s) == SSTATE_EINVAL,
	    "rule 2 commit returns it, and again");
	T(sstate_failure(c.s)->code == SSTATE_EINVAL &&
		sstate_failure(c.s)->text[0] != '\0',
	    "rule 2 with a text");
	T(w->writes == writes, "rule 2 and writes nothing");
	T(is(c.s, SSTATE_STORED, "a", "new") ||
		is(c.s, SSTATE_STORED, "a", "old"),
	    "rule 2 it can still be read");
	T(sstate_reload(c.s) == 0 && sstate_failure(c.s)->code == 0,
	    "rule 2 reload drops it");
	T(is(c.s, SSTATE_STORED, "a", "old") && none(c.s, SSTATE_STORED, "b"),
	    "rule 2 with what was not committed");
	T(sstate_setstr(c.s, SSTATE_STORED, "a", "newer") == 0 && end(&c) == 0,
	    "rule 2 and then all is well");
	T(holds(w, u, NULL, NULL, "a", "newer"), "rule 2 as committed");
}

/* ---- Rule 3, 4: names, values, ownership ----------------------------- */

static void
bytes(struct site *w, struct who *u)
{
	struct sstate_val two[2] = { { "a\0b", 3 }, { "\0", 1 } }, v;
	struct call c;

	(void)ask(&c, w, u, NULL);
	(void)sstate_set(c.s, SSTATE_STORED, "nul", two, 2);
	(void)end(&c);
	(void)ask(&c, w, u, NULL);
	T(sstate_get(&v, c.s, SSTATE_STORED, "nul", 0) == 0 && v.len == 3 &&
		memcmp(v.ptr, "a\0b", 4) == 0,
	    "rule 3 a NUL inside, one after");
	T(sstate_get(&v, c.s, SSTATE_STORED, "nul", 1) == 0 && v.len == 1 &&
		v.ptr[0] == '\0' && v.ptr[1] == '\0',
	    "rule 3 a NUL alone");
	T(sstate_str(c.s, SSTATE_STORED, "nul") == NULL,
	    "rule 3 no string is made of it");
	(void)sstate_setstr(c.s, SSTATE_STORED, "nul", "text");
	T(sstate_str(c.s, SSTATE_STORED, "nul") != NULL &&
		is(c.s, SSTATE_STORED, "nul", "text"),
	    "rule 3 a string is one");
	drop(&c);
}

static void
ownership(struct site *w, struct who *u)
{
	struct sstate_val got, v;
	const char *str, *link, *user;
	char name[16] = "name", value[16] = "value", big[300];
	struct call c;
	int i;

	(void)put(w, u, NULL, "a", "first");
	(void)ask(&c, w, u, NULL);
	v.ptr = value;
	v.len = 5;
	(void)sstate_set(c.s, SSTATE_STORED, name, &v, 1);
	memset(value, '#', sizeof(value));
	memset(name, '#', sizeof(name));
	T(is(c.s, SSTATE_STORED, "name", "value"), "rule 4 it copies");
	(void)sstate_get(&got, c.s, SSTATE_STORED, "a", 0);
	str = sstate_str(c.s, SSTATE_MERGED, "a");
	link = sstate_link(c.s, 0, NULL, "x=1");
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "second");
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (i = 0; i < 100; i++)
		(void)sstate_setstr(c.s, SSTATE_STORED, fmt("n%d", i), big);
	(void)sstate_clear(c.s);
	(void)!sstate_commit(c.s);
	(void)!sstate_reload(c.s);
	T(got.len == 5 && memcmp(got.ptr, "first", 6) == 0 && str != NULL &&
		strcmp(str, "first") == 0 && link != NULL &&
		strstr(link, "x=1") != NULL,
	    "rule 4 what was handed out stays where it is");
	user = sstate_user(c.s);
	T(user == NULL, "rule 4 nobody is logged in");
	drop(&c);
}

/* Names in the order first set, also while they are removed. */
static void
order(struct site *w, struct who *u)
{
	const char *n;
	struct call c;

	(void)ask(&c, w, u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "z", "1");
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	(void)sstate_setstr(c.s, SSTATE_STORED, "m", "1");
	(void)sstate_setstr(c.s, SSTATE_STORED, "z", "2");
	T(strcmp(names(c.s, SSTATE_STORED), "z,a,m") == 0,
	    "rule 4 names in the order first set: %s",
	    names(c.s, SSTATE_STORED));
	(void)end(&c);
	(void)ask(&c, w, u, NULL);
	T(strcmp(names(c.s, SSTATE_STORED), "z,a,m") == 0,
	    "rule 4 in the store as well: %s", names(c.s, SSTATE_STORED));
	for (n = NULL; (n = sstate_next(c.s, SSTATE_STORED, n)) != NULL;)
		(void)sstate_del(c.s, SSTATE_STORED, n);
	T(strcmp(names(c.s, SSTATE_STORED), "") == 0,
	    "rule 4 a walk may remove what it stands on");
	drop(&c);
}

/* ---- Rule 6: sizes --------------------------------------------------- */

struct longer {
	struct sstate_options o;
	char tail[64];
};

static void
sizes(void)
{
	static const size_t shorter[] = { offsetof(struct sstate_options,
					      id_param),
		offsetof(struct sstate_options, cookie_max_age),
		offsetof(struct sstate_options, stores) };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct longer l;
	struct sstate *env;
	struct sstate_session *s;
	struct site w;
	size_t i;
	int r;

	for (i = 0; i < 3; i++) {
		o = (struct sstate_options)SSTATE_OPTIONS_INIT;
		o.size = shorter[i];
		/* beyond the size: must not be looked at */
		o.grace = -77;
		o.id_param = i == 0 ? "" : NULL;
		r = site_open(&w, &o);
		T(r == 0 && w.env != NULL,
		    "rule 6 options of %zu octets are fine (%d)", shorter[i],
		    r);
		site_close(&w);
	}
	memset(&l, 0, sizeof(l));
	l.o = (struct sstate_options)SSTATE_OPTIONS_INIT;
	l.o.size = sizeof(l);
	l.o.stores = (const char *const[]){ "memory:", NULL };
	T(sstate_open(&env, &l.o, NULL) == 0 && env != NULL,
	    "rule 6 longer options with a tail of zeros are fine");
	T(sstate_begin(&s, env, NULL, NULL, NULL) == 0, "rule 6 and work");
	sstate_free(s);
	sstate_close(env);
	for (i = 0; i < sizeof(l.tail); i += 21) {
		l.tail[i] = 1;
		T(sstate_open(&env, &l.o, NULL) == SSTATE_EVERSION &&
			env == NULL,
		    "rule 6 octet %zu of the tail: EVERSION", i);
		l.tail[i] = 0;
	}
}

static void
more_sizes(struct site *w, struct who *u)
{
	struct {
		struct sstate_how how;
		uint64_t tail[2];
	} h = { SSTATE_HOW_INIT, { 0, 0 } };
	struct {
		struct sstate_web web;
		uint64_t tail[2];
	} x = { SSTATE_WEB_INIT, { 0, 0 } };
	struct sstate_session *s;
	struct call c;

	h.how.size = sizeof(h);
	x.web.size = sizeof(x);
	T(ask(&c, w, u, Q(.how = &h.how)) == 0, "rule 6 a longer how");
	drop(&c);
	h.tail[1] = 1;
	T(ask(&c, w, u, Q(.how = &h.how)) == SSTATE_EVERSION && c.s == NULL,
	    "rule 6 how with more in its tail: EVERSION");
	drop(&c);
	h.how.size = offsetof(struct sstate_how, scope);
	T(ask(&c, w, u, Q(.how = &h.how)) == 0, "rule 6 a shorter how");
	drop(&c);
	T(sstate_begin(&s, w->env, NULL, &x.web, NULL) == 0,
	    "rule 6 a longer web");
	sstate_free(s);
	x.tail[0] = 1;
	T(sstate_begin(&s, w->env, NULL, &x.web, NULL) == SSTATE_EVERSION &&
		s == NULL,
	    "rule 6 web with more in its tail: EVERSION");
	x.web.size = offsetof(struct sstate_web, params);
	x.web.nparams = 99; /* beyond the size */
	T(sstate_begin(&s, w->env, NULL, &x.web, NULL) == 0,
	    "rule 6 a shorter web");
	sstate_free(s);
}

/* ---- Rule 7 ---------------------------------------------------------- */

static void
nulls(void)
{
	sstate_close(NULL);
	sstate_free(NULL);
	T(1, "rule 7 every close and free takes NULL");
}

/* ---- Limits of a session --------------------------------------------- */

static void
too_big(void)
{
	static char big[5000];
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_how keep = how_of(SSTATE_UNFORGETFUL, NULL, NULL);
	struct site w;
	struct who u, v;
	struct call c;
	int i, r;

	memset(big, 'x', sizeof(big) - 1);
	o.flags = BY_OWN;
	o.max_bytes = 4096;
	o.max_values = 20;
	NEED(site_open(&w, &o) == 0, "R-90 limits by option");
	who_init(&u, BY_OWN);
	(void)put(&w, &u, NULL, "a", "old");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "b", "new");
	(void)sstate_setstr(c.s, SSTATE_STORED, "big", big);
	T(sstate_commit(c.s) == SSTATE_ETOOBIG &&
		sstate_commit(c.s) == SSTATE_ETOOBIG,
	    "R-90 over max_bytes: ETOOBIG, and kept");
	T(sstate_failure(c.s)->code == SSTATE_ETOOBIG, "R-90 with a text");
	drop(&c);
	(void)ask(&c, &w, &u, NULL);
	T(is(c.s, SSTATE_STORED, "a", "old") && none(c.s, SSTATE_STORED, "b") &&
		none(c.s, SSTATE_STORED, "big"),
	    "R-90 nothing lost, nothing half");
	for (i = 0; i < 30; i++)
		(void)sstate_setstr(c.s, SSTATE_STORED, fmt("n%d", i), "");
	T(end(&c) == SSTATE_ETOOBIG, "R-90 over max_values: ETOOBIG");
	T(holds(&w, &u, NULL, NULL, "a", "old") &&
		holds(&w, &u, NULL, NULL, "n0", "(none)"),
	    "R-90 old record whole");
	(void)ask(&c, &w, &u, NULL);
	for (i = 0; i < 100; i++)
		(void)sstate_setstr(c.s, SSTATE_STORED, "b", big + 2000);
	T(end(&c) == 0, "R-90 a name set a hundred times weighs once");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "c", big + 2000);
	T(end(&c) == SSTATE_ETOOBIG, "R-90 but two of them are too much");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_del(c.s, SSTATE_STORED, "b");
	(void)sstate_setstr(c.s, SSTATE_STORED, "c", big + 2000);
	T(end(&c) == 0, "R-90 what is deleted weighs nothing");
	who_init(&v, BY_OWN);
	r = ask(&c, &w, &v, Q(.how = &keep, .form = fmt("x=%s&y=1", big)));
	if (r == 0)
		r = end(&c);
	else
		drop(&c);
	T(r == SSTATE_ETOOBIG, "R-90 sent values count as well (%d)", r);
	site_close(&w);
}

/* Two requests of which each fits, alone. */
static void
too_big_together(void)
{
	static char big[2500];
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site w;
	struct who v;
	struct call c, d;

	memset(big, 'x', sizeof(big) - 1);
	o.flags = BY_OWN;
	o.max_bytes = 4096;
	NEED(site_open(&w, &o) == 0, "R-90 a limit by option");
	who_init(&v, BY_OWN);
	(void)put(&w, &v, NULL, "a", "old");
	(void)ask(&c, &w, &v, NULL);
	(void)ask(&d, &w, &v, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "c", big);
	(void)sstate_setstr(d.s, SSTATE_STORED, "d", big);
	T(end(&c) == 0, "R-90 one of two at the same time");
	T(sstate_commit(d.s) == SSTATE_ETOOBIG, "R-90 and what is too much");
	drop(&d);
	T(holds(&w, &v, NULL, NULL, "c", big) &&
		holds(&w, &v, NULL, NULL, "d", "(none)"),
	    "R-90 nothing is lost");
	site_close(&w);
}

/* ---- Memory ---------------------------------------------------------- */

/* Long enough that an arena needs a new block for nearly each step. */
static const char *
wide(void)
{
	static char big[4001];

	memset(big, 'w', sizeof(big) - 1);
	return big;
}

/* What a program may do in one request; sets *committed. */
static int
everything(struct sstate *env, const char *token, int *committed,
    const char **lost)
{
	static const char *const keep[] = { "kept", NULL };
	struct sstate_how how = how_of(0, keep, search);
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	int r, bad = 0;

	*committed = 0;
	*lost = NULL;
	web.method = "POST";
	web.path = "/app";
	web.query = "q=1&q=2";
	web.form.ptr =
	    fmt("kept=1&query=marzipan&a=b%%20c&x=%s&y=%s", wide(), wide());
	web.form.len = strlen(web.form.ptr);
	web.token.ptr = token;
	web.token.len = strlen(token);
	if ((r = sstate_begin(&s, env, &how, &web, NULL)) != 0)
		return r == SSTATE_ENOMEM && s == NULL ? 0 : 1;
	if (sstate_str(s, SSTATE_STORED, "old") == NULL)
		*lost = "begin came back without the record";
#define OK(call) bad += ((r = (call)) != 0 && r != SSTATE_ENOMEM)
	OK(sstate_setstr(s, SSTATE_STORED, "old", "new"));
	OK(sstate_setstr(s, SSTATE_STORED, "w", wide()));
	OK(sstate_setstr(s, SSTATE_MERGED, "m", wide()));
	OK(sstate_setstr(s, SSTATE_PAGE, "p", "1"));
	OK(sstate_setstr(s, SSTATE_PAGE, "p", wide() + 3200));
	OK(sstate_incr(NULL, s, "n", 1));
	OK(sstate_remember(s, "x"));
	OK(sstate_del(s, SSTATE_STORED, "gone"));
	(void)vals(s, SSTATE_MERGED, "a");
	(void)names(s, SSTATE_MERGED);
	bad += sstate_link(s, SSTATE_WITH_PAGE, NULL, "z=1") == NULL &&
	    sstate_failure(s)->code != SSTATE_ENOMEM;
	bad +=
	    sstate_fields(s, SSTATE_WITH_PAGE | SSTATE_ONCE, "act") == NULL &&
	    sstate_failure(s)->code != SSTATE_ENOMEM;
	(void)sstate_escape(s, SSTATE_FOR_HTML, wide());
	(void)sstate_inspect(s);
	(void)!sstate_check(s, "act");
	r = sstate_commit(s);
	*committed = r == 0;
	bad += r != 0 && r != SSTATE_ENOMEM;
	(void)sstate_token(s);
	OK(sstate_reload(s));
#undef OK
	sstate_free(s);
	return bad;
}

/* Are these all the codes there can be? */
static int
odd_code(int r)
{
	if (r != 0 && r != SSTATE_ENOMEM)
		printf("#   code %d\n", r);
	return r != 0 && r != SSTATE_ENOMEM;
}

static int
view(struct sstate_session **s, struct sstate *env, const char *token)
{
	struct sstate_web web = SSTATE_WEB_INIT;

	web.token.ptr = token;
	web.token.len = strlen(token);
	return sstate_begin(s, env, NULL, &web, NULL);
}

static int
log_in_out(struct sstate *env, const char *token)
{
	struct sstate_session *s;
	int r, bad = 0;

	if ((r = view(&s, env, token)) != 0)
		return odd_code(r);
	bad += odd_code(sstate_login(s, "alice"));
	bad += odd_code(sstate_commit(s));
	bad += odd_code(sstate_logout(s));
	sstate_free(s);
	return bad;
}

/* Two views of one session, each of which meets the other's write. */
static int
conflict(struct sstate *env, const char *token)
{
	struct sstate_session *s, *t = NULL;
	int r, bad = 0;

	if ((r = view(&s, env, token)) != 0)
		return odd_code(r);
	if ((r = view(&t, env, token)) != 0)
		bad += odd_code(r);
	else {
		(void)sstate_setstr(s, SSTATE_STORED, "s", wide());
		(void)sstate_setstr(t, SSTATE_STORED, "t", wide());
		(void)sstate_incr(NULL, s, "n", 1);
		(void)sstate_incr(NULL, t, "n", 1);
		bad += odd_code(sstate_commit(s));
		bad += odd_code(sstate_commit(t));
		(void)sstate_setstr(s, SSTATE_STORED, "s", "again");
		bad += odd_code(sstate_commit(s));
	}
	sstate_free(s);
	sstate_free(t);
	return bad;
}

/* A plain rotation, and a request with the old id that follows it. */
static int
rotation(struct sstate *env, const char *token)
{
	struct sstate_session *s, *t;
	int r, bad = 0;

	if ((r = view(&s, env, token)) != 0)
		return odd_code(r);
	bad += odd_code(sstate_rotate(s));
	(void)sstate_setstr(s, SSTATE_STORED, "s", wide());
	bad += odd_code(sstate_commit(s));
	if ((r = view(&t, env, token)) != 0)
		bad += odd_code(r);
	else {
		(void)sstate_setstr(t, SSTATE_STORED, "t", wide());
		bad += odd_code(sstate_commit(t));
		if (sstate_str(t, SSTATE_STORED, "old") == NULL) {
			bad++;
			printf("#   the old id lost the session\n");
		}
	}
	sstate_free(s);
	sstate_free(t);
	return bad;
}

static int
see(void *arg, const struct sstate_info *info)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

static int
sweep(struct sstate *env, const char *token)
{
	struct sstate_session *s;
	uint64_t n;
	int r, bad = 0, seen = 0;

	if ((r = view(&s, env, token)) != 0)
		return odd_code(r);
	bad += odd_code(sstate_login(s, "bob"));
	bad += odd_code(sstate_commit(s));
	sstate_free(s);
	bad += odd_code(sstate_list(env, NULL, see, &seen, NULL));
	bad += odd_code(sstate_list(env, "bob", see, &seen, NULL));
	bad += odd_code(sstate_reap(&n, env, 3600, 0, NULL));
	bad += odd_code(sstate_revoke(&n, env, "bob", NULL, NULL));
	return bad;
}

/* A session that holds old = 1; its token. */
static const char *
fresh(struct sstate *env)
{
	struct sstate_session *s;
	const char *t = "";

	if (sstate_begin(&s, env, NULL, NULL, NULL) != 0)
		return t;
	(void)sstate_setstr(s, SSTATE_STORED, "old", "1");
	(void)sstate_setstr(s, SSTATE_STORED, "gone", "1");
	(void)sstate_setstr(s, SSTATE_STORED, "wide", wide());
	if (sstate_commit(s) == 0)
		t = fmt("%s", sstate_token(s));
	sstate_free(s);
	return t;
}

static const char *
value_of_old(struct sstate *env, const char *token)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	const char *v = "(no session)";

	web.token.ptr = token;
	web.token.len = strlen(token);
	if (sstate_begin(&s, env, NULL, &web, NULL) == 0)
		v = vals(s, SSTATE_STORED, "old");
	sstate_free(s);
	return v;
}

static void
balanced(void)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct pool m = { 0, 0, 0, 0, 0, 0, 1700000000 };
	struct sstate *env;
	const char *token, *lost;
	size_t before, after;
	unsigned long calls;
	int committed;

	o.flags = BY_OWN;
	(void)malloc_trim(0);
	before = mallinfo2().uordblks;
	NEED(pool_open(&env, &m, &o) == 0, "rule 4 an allocator of ours");
	T(m.blocks > 0, "rule 4 the environment comes from it");
	calls = m.calls;
	token = fresh(env);
	T(everything(env, token, &committed, &lost) == 0 && committed,
	    "rule 4 a request that does everything");
	T(m.calls > calls, "rule 4 and takes its memory from it");
	fmt_back(0);
	after = mallinfo2().uordblks;
	after = after > before ? after - before : 0;
	T(after <= m.bytes + 40 * m.blocks + 4096,
	    "rule 4 and none from elsewhere (%zu, %zu)", after, m.bytes);
	sstate_close(env);
	T(m.blocks == 0 && m.bytes == 0, "rule 4 all of it comes back (%zu)",
	    m.blocks);
	T(m.wrong == 0, "rule 4 with its true size, each time (%u)", m.wrong);
}

static void
nth_open(int forever)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct pool m = { 0, 0, 0, 0, 0, 0, 1700000000 };
	struct sstate *env;
	unsigned long n, bad = 0, leaks = 0;
	int r = SSTATE_ENOMEM;

	o.flags = BY_OWN;
	for (n = 1; r != 0 && n < 10000; n++) {
		m.calls = 0;
		m.fail_at = n;
		m.forever = forever;
		r = pool_open(&env, &m, &o);
		bad += r != 0 && (r != SSTATE_ENOMEM || env != NULL);
		sstate_close(env);
		leaks += m.blocks != 0;
	}
	T(n > 2 && n < 10000 && bad == 0,
	    "S5 open: the n-th allocation fails%s, n = 1..%lu: ENOMEM",
	    forever ? ", and all after it" : "", n - 1);
	T(leaks == 0 && m.wrong == 0, "S5 open: no leak");
}

static void
nth_request(int forever)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct pool m = { 0, 0, 0, 0, 0, 0, 1700000000 };
	struct sstate *env;
	const char *token, *lost, *v, *why = NULL;
	unsigned long n, bad = 0, odd = 0;
	int committed, failed = 1;

	o.flags = BY_OWN;
	NEED(pool_open(&env, &m, &o) == 0, "S5 an environment");
	for (n = 1; failed && n < 10000; n++) {
		token = fresh(env);
		m.calls = 0;
		m.fail_at = n;
		m.forever = forever;
		bad += everything(env, token, &committed, &lost) != 0;
		if (lost != NULL)
			why = lost;
		failed = m.calls >= n;
		m.fail_at = 0;
		v = value_of_old(env, token);
		odd += strcmp(v, committed ? "new" : "1") != 0 &&
		    strcmp(v, "new") != 0;
		odd += committed && strcmp(v, "new") != 0;
	}
	T(n > 4 && bad == 0,
	    "S5 request: the n-th allocation fails%s, n = 1..%lu: ENOMEM alone",
	    forever ? ", and all after it" : "", n - 1);
	T(why == NULL, "S5 request: %s",
	    why == NULL ? "never a new session instead of the old" : why);
	T(odd == 0, "S5 request: the old record or the new, whole");
	sstate_close(env);
	T(m.blocks == 0 && m.wrong == 0, "S5 request: no leak (%zu)", m.blocks);
}

static void
nth(const char *what, int (*fn)(struct sstate *env, const char *token),
    int forever)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct pool m = { 0, 0, 0, 0, 0, 0, 1700000000 };
	struct sstate *env;
	unsigned long n, bad = 0, lost = 0;
	int failed = 1;
	const char *token;
	char other[64];
	uint64_t ended = 0;

	o.flags = BY_OWN;
	NEED(pool_open(&env, &m, &o) == 0, "S5 an environment");
	(void)snprintf(other, sizeof(other), "%s", fresh(env));
	for (n = 1; failed && n < 10000; n++) {
		token = fresh(env);
		m.calls = 0;
		m.fail_at = n;
		m.forever = forever;
		bad += fn(env, token) != 0;
		failed = m.calls >= n;
		m.fail_at = 0;
		lost += strcmp(value_of_old(env, other), "1") != 0;
	}
	T(n > 3 && bad == 0, "S5 %s: the n-th fails%s, n = 1..%lu", what,
	    forever ? ", and all after it" : "", n - 1);
	T(lost == 0, "S5 %s: another session is as it was", what);
	T(sstate_revoke(&ended, env, "alice", NULL, NULL) == 0,
	    "S5 %s: the store is in order", what);
	sstate_close(env);
	T(m.blocks == 0 && m.wrong == 0, "S5 %s: no leak (%zu)", what,
	    m.blocks);
}

static const struct {
	void (*fn)(struct site *w, struct who *u);
} tests[] = { { bad_how_and_web }, { bad_calls }, { reads }, { numbers },
	{ sticky }, { bytes }, { ownership }, { order }, { more_sizes } };

int
main(void)
{
	static const unsigned carriers[] = { BY_COOKIE, BY_PAGE, BY_OWN };
	struct site w;
	struct who u;
	size_t i, k;
	int forever;

	/* what default options would else make in a home directory */
	(void)setenv("SECURESTATE_STORES", "memory:", 1);
	(void)unsetenv("SECURESTATE_KEYRING");
	codes();
	bad_options();
	bad_names();
	for (k = 0; k < 3; k++) {
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
			site_by(&w, carriers[k]);
			who_init(&u, carriers[k]);
			tests[i].fn(&w, &u);
			site_close(&w);
		}
	}
	sizes();
	nulls();
	too_big();
	too_big_together();
	balanced();
	for (forever = 0; forever < 2; forever++) {
		nth_open(forever);
		nth_request(forever);
		nth("log-in and log-out", log_in_out, forever);
		nth("two at the same time", conflict, forever);
		nth("rotation", rotation, forever);
		nth("list, reap, revoke", sweep, forever);
	}
	return tap_done();
}
