/*
 * forged_test.c - ids and records that are not ours, and what they cost
 *
 * a store that
 * counts its calls and shows what it keeps stands below the session.
 */
#include <unistd.h>

#include "../long.h"
#include "harness.h"
#include "mapstore.h"

/* 10^6 in all; fewer where each costs many times as much */
#ifdef SSTATE_REPORTS
enum { BAD_IDS = 20000 };
#else
enum { BAD_IDS = 340000 };
#endif

static char dir[128], ring[160], ring2[160];

static int
map_site(struct site *w, struct map *m, unsigned carry, const char *ns,
    const char *keys, int weak)
{
	static const char *const uri[] = { "map:?reap=0", NULL };
	static const char *const weak_uri[] = { "weak:?reap=0", NULL };
	static const struct sstate_driver *const drivers[] = { &map_driver,
		&weak_driver, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	void *handles[2];
	int r;

	handles[0] = m;
	handles[1] = NULL;
	o.flags = carry | SSTATE_NO_PLUGINS;
	o.stores = weak ? weak_uri : uri;
	o.drivers = drivers;
	o.handles = handles;
	o.keyring = keys;
	o.ns = ns;
	o.rotate = -1;
	r = site_open(w, &o);
	w->o.handles = NULL;
	return r;
}

static void
open_map(struct site *w, struct map *m, unsigned carry)
{
	memset(m, 0, sizeof(*m));
	NEED(map_site(w, m, carry, NULL, ring, 0) == 0,
	    "R-08 (%s) a store that counts: %s", by_name(carry), w->err.text);
}

/* ---- Bad ids --------------------------------------------------------- */

static uint64_t
next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* The i-th bad id, near a good one or far from it. */
static void
bad_id(char out[128], const char *good, unsigned i, uint64_t *x)
{
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				  "qrstuvwxyz0123456789-_";
	size_t n, at;

	(void)snprintf(out, 128, "%s", good);
	at = (size_t)(next(x) % TOKEN_CHARS);
	switch (i % 6) {
	case 0: /* one character */
	case 1:
		while (out[at] == good[at])
			out[at] = b64[next(x) % 64];
		break;
	case 2: /* random, of the right length and alphabet */
		for (n = 4; n < TOKEN_CHARS; n++)
			out[n] = b64[next(x) % 64];
		break;
	case 3: /* a part */
		out[at] = '\0';
		break;
	case 4: /* more */
		(void)snprintf(out + TOKEN_CHARS, 128 - TOKEN_CHARS, "%.*s",
		    (int)(at + 1), good);
		break;
	default: /* octets that no id has */
		out[at] = "./:!*'()\\|\x80\xff\x01\"$"[next(x) % 15];
	}
}

static void
bad_ids(unsigned carry)
{
	static struct site w;
	static struct map m;
	char good[256], bad[128];
	const char *by = by_name(carry);
	unsigned i, calls, wrong = 0;
	uint64_t x = 88172645463325252u;
	struct call c;
	struct who u;

	open_map(&w, &m, carry);
	who_init(&u, carry);
	(void)put(&w, &u, NULL, "a", "1");
	(void)snprintf(good, sizeof(good), "%s", who_token(&u));
	NEED(strlen(good) == TOKEN_CHARS && m.creates == 1,
	    "R-08 (%s) a good id", by);
	calls = m.calls;
	for (i = 0; i < BAD_IDS * test_long(); i++) {
		bad_id(bad, good, i, &x);
		(void)ask(&c, &w, &u, Q(.id = bad));
		wrong += c.r != 0 || !is_new(c.s);
		drop(&c);
	}
	T(wrong == 0, "R-08 (%s) %u bad ids: each a new session", by,
	    BAD_IDS * test_long());
	T(m.calls == calls, "R-08 (%s) and no store call (%u)", by,
	    m.calls - calls);
	(void)ask(&c, &w, &u, Q(.id = good));
	T(is(c.s, SSTATE_STORED, "a", "1"), "R-08 (%s) the good one opens", by);
	drop(&c);
	site_close(&w);
	map_free(&m);
}

/* what the client chose is never what is used. */
static void
no_adoption(unsigned carry)
{
	static struct site w, x;
	static struct map m, n;
	struct who u, v;
	struct call c;
	const char *by = by_name(carry), *id;
	char mine[256];

	open_map(&w, &m, carry);
	memset(&n, 0, sizeof(n));
	NEED(map_site(&x, &n, carry, NULL, ring, 0) == 0, "R-07 (%s)", by);
	who_init(&u, carry);
	who_init(&v, carry);
	/* a well-formed id of ours whose record this store does not have */
	(void)put(&x, &v, NULL, "a", "1");
	(void)snprintf(mine, sizeof(mine), "%s", who_token(&v));
	(void)ask(&c, &w, &u, Q(.id = mine));
	T(c.r == 0 && is_new(c.s) && m.gets == 1,
	    "R-07 (%s) an id without a record: new", by);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "2");
	(void)end(&c);
	id = who_token(&u);
	T(strlen(id) == TOKEN_CHARS && strcmp(id, mine) != 0,
	    "R-07 (%s) under an id that the client did not choose", by);
	T(m.n == 1 && memcmp(m.e[0].id, n.e[0].id, SSTATE_ID_BYTES) != 0,
	    "R-07 (%s) and another key of the store", by);
	(void)ask(&c, &w, &v, Q(.id = mine));
	T(is_new(c.s), "R-07 (%s) the chosen one still opens nothing", by);
	drop(&c);
	site_close(&w);
	site_close(&x);
	map_free(&m);
	map_free(&n);
}

/* one text for each id. */
static void
one_form(unsigned carry)
{
	static struct site w;
	static struct map m;
	struct who u;
	struct call c;
	const char *by = by_name(carry), *id, *p;
	char bad[128];
	unsigned i, calls, wrong = 0;

	open_map(&w, &m, carry);
	who_init(&u, carry);
	(void)put(&w, &u, NULL, "a", "1");
	id = fmt("%s", who_token(&u));
	calls = m.calls;
	/* each bit of each character that has another letter one bit away */
	for (i = 0; i < TOKEN_CHARS * 8; i++) {
		(void)snprintf(bad, sizeof(bad), "%s", id);
		bad[i / 8] = (char)(bad[i / 8] ^ (1 << i % 8));
		if (carry == BY_PAGE && strchr("&;+%#=", bad[i / 8]) != NULL)
			continue;
		if (bad[i / 8] == '\0')
			continue;
		(void)ask(&c, &w, &u, Q(.id = bad));
		wrong += c.r != 0 || !is_new(c.s);
		drop(&c);
	}
	T(wrong == 0, "R-77 (%s) each bit of an id counts", by);
	for (i = 0, wrong = 0; i < 6; i++) {
		p = i == 0   ? fmt("%s=", id)
		    : i == 1 ? fmt("%s==", id)
		    : i == 2 ? fmt("%%20%s", id)
		    : i == 3 ? fmt("%s%%0A", id)
		    : i == 4 ? fmt("%sAA==", id)
			     : fmt("%s%%00", id);
		(void)ask(&c, &w, &u, Q(.id = p));
		wrong += c.r != 0 || !is_new(c.s);
		drop(&c);
	}
	T(wrong == 0, "R-09 (%s) no padding, blanks, or NUL around it", by);
	T(m.calls == calls, "R-08 (%s) and no store call", by);
	site_close(&w);
	map_free(&m);
}

/* ---- Separation ------------------------------------------------------ */

/* two names spaces over one store and one ring. */
static void
namespaces(unsigned carry)
{
	static struct site a, b;
	static struct map m;
	struct who u, v;
	struct call c;
	const char *by = by_name(carry), *id;
	unsigned calls;
	uint64_t n = 9;

	memset(&m, 0, sizeof(m));
	NEED(map_site(&a, &m, carry, "app-a", ring, 0) == 0 &&
		map_site(&b, &m, carry, "app-b", ring, 0) == 0,
	    "R-13 (%s) two namespaces", by);
	who_init(&u, carry);
	who_init(&v, carry);
	(void)put(&a, &u, NULL, "a", "1");
	id = fmt("%s", who_token(&u));
	calls = m.calls;
	(void)ask(&c, &b, &v, Q(.id = id));
	T(c.r == 0 && is_new(c.s) && none(c.s, SSTATE_STORED, "a"),
	    "R-13 (%s) one's id opens nothing in the other", by);
	T(m.calls == calls, "R-13 (%s) and the store is not asked", by);
	drop(&c);
	b.now += 86400;
	T(sstate_reap(&n, b.env, 0, 0, NULL) == 0 && n == 0 && m.n == 1,
	    "R-13 (%s) nor does its reaper take it", by);
	T(holds(&a, &u, id, NULL, "a", "1"), "R-13 (%s) it is there", by);
	site_close(&a);
	site_close(&b);
	map_free(&m);
}

/* three carriers over one store, ring and namespace. */
static void
carriers(void)
{
	static const unsigned all[] = { BY_COOKIE, BY_PAGE, BY_OWN };
	static struct site w[3];
	static struct map m;
	const char *id[3];
	unsigned calls, i, k;
	struct who u;
	struct call c;

	memset(&m, 0, sizeof(m));
	for (i = 0; i < 3; i++) {
		NEED(map_site(&w[i], &m, all[i], NULL, ring, 0) == 0,
		    "R-48 by %s", by_name(all[i]));
		who_init(&u, all[i]);
		(void)put(&w[i], &u, NULL, "a", by_name(all[i]));
		id[i] = fmt("%s", who_token(&u));
	}
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 3; k++) {
			who_init(&u, all[k]);
			calls = m.calls;
			(void)ask(&c, &w[k], &u, Q(.id = id[i]));
			if (i == k)
				T(is(c.s, SSTATE_STORED, "a", by_name(all[i])),
				    "R-48 a %s's id by %s", by_name(all[i]),
				    by_name(all[i]));
			else
				T(is_new(c.s) && m.calls == calls,
				    "R-48 a %s's id by %s: refused, unasked",
				    by_name(all[i]), by_name(all[k]));
			drop(&c);
		}
	}
	for (i = 0; i < 3; i++)
		site_close(&w[i]);
	map_free(&m);
}

/* defect 8 and R-10: store without ring, ring without id. */
static void
rings(void)
{
	static struct site a, b;
	static struct map m;
	struct who u;
	struct call c;
	const char *id;

	memset(&m, 0, sizeof(m));
	NEED(map_site(&a, &m, BY_PAGE, NULL, ring, 0) == 0 &&
		map_site(&b, &m, BY_PAGE, NULL, ring2, 0) == 0,
	    "R-01 two rings");
	who_init(&u, BY_PAGE);
	(void)put(&a, &u, NULL, "a", "1");
	id = fmt("%s", who_token(&u));
	(void)ask(&c, &b, &u, Q(.id = id));
	T(c.r == 0 && is_new(c.s), "R-01 link and store without the ring: no");
	drop(&c);
	site_close(&a);
	site_close(&b);
	map_free(&m);
}

/* ---- What reading makes ---------------------------------------------- */

static void
no_record(unsigned carry)
{
	static struct site w;
	static struct map m;
	static const char *const mem[] = { "a", NULL };
	struct sstate_how how = how_of(0, mem, mem);
	struct who u;
	struct call c;
	const char *by = by_name(carry);

	open_map(&w, &m, carry);
	who_init(&u, carry);
	(void)ask(&c, &w, &u, Q(.query = "x=1&y=2"));
	(void)vals(c.s, SSTATE_MERGED, "x");
	(void)names(c.s, SSTATE_STORED);
	(void)sstate_int(c.s, SSTATE_STORED, "n", 0, 9, 0);
	(void)sstate_user(c.s);
	(void)sstate_setstr(c.s, SSTATE_MERGED, "z", "1");
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	(void)sstate_del(c.s, SSTATE_STORED, "nothing");
	(void)sstate_escape(c.s, SSTATE_FOR_HTML, "<");
	T(sstate_token(c.s) == NULL, "R-31 (%s) no token before a record", by);
	T(end(&c) == 0 && m.calls == 0,
	    "R-31 (%s) reading makes no record (%u calls)", by, m.calls);
	T(head(&c, "Set-Cookie") == NULL && who_token(&u)[0] == '\0',
	    "R-31 (%s) and sends no id", by);
	(void)ask(&c, &w, &u, Q(.id = "forged", .query = "x=1"));
	T(end(&c) == 0 && m.calls == 0 && head(&c, "Set-Cookie") == NULL,
	    "R-31 (%s) nor with a bad id", by);
	(void)ask(&c, &w, &u, Q(.form = ".csrf=x"));
	(void)!sstate_check(c.s, "act");
	T(end(&c) == 0 && m.calls == 0, "R-31 (%s) nor does a check", by);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	drop(&c);
	T(m.calls == 0, "R-31 (%s) nor what was not committed", by);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_csrf(c.s, "act");
	T(sstate_token(c.s) == NULL, "R-31 (%s) no token before commit", by);
	(void)end(&c);
	T(m.creates == 1 && strlen(who_token(&u)) == TOKEN_CHARS,
	    "R-31 (%s) a CSRF token needs a record", by);
	who_init(&u, carry);
	(void)request(&w, &u, Q(.how = &how, .query = "a=1"));
	T(m.creates == 2, "K21 (%s) and what memory takes up", by);
	who_init(&u, carry);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	(void)sstate_link(c.s, SSTATE_WITH_PAGE, NULL, NULL);
	(void)end(&c);
	T(m.creates == 3, "R-31 (%s) and a page's state", by);
	site_close(&w);
	map_free(&m);
}

/* I5: trips to the store. */
static void
trips(unsigned carry)
{
	static struct site w;
	static struct map m;
	struct who u;
	struct call c;
	const char *by = by_name(carry);
	unsigned n;

	open_map(&w, &m, carry);
	who_init(&u, carry);
	(void)put(&w, &u, NULL, "a", "1");
	T(m.calls == 1, "I5 (%s) a new session: one call", by);
	(void)put(&w, &u, NULL, "a", "2");
	n = m.calls;
	(void)request(&w, &u, NULL);
	T(m.calls - n == 1, "I5 (%s) a reader: one (%u)", by, m.calls - n);
	n = m.calls;
	(void)put(&w, &u, NULL, "a", "3");
	T(m.calls - n == 2, "I5 (%s) a writer: two (%u)", by, m.calls - n);
	n = m.calls;
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_login(c.s, "alice");
	(void)end(&c);
	T(m.calls - n == 3, "I5 (%s) a new id: three (%u)", by, m.calls - n);
	(void)request(&w, &u, NULL);
	n = m.calls;
	(void)request(&w, &u, NULL);
	T(m.calls - n == 1, "I5 (%s) its reader: one (%u)", by, m.calls - n);
	n = m.calls;
	w.now += 600;
	(void)request(&w, &u, NULL);
	T(m.calls - n == 2, "I5 (%s) a renewal: two (%u)", by, m.calls - n);
	n = m.calls;
	(void)request(&w, &u, NULL);
	T(m.calls - n == 1, "I5 (%s) and not again at once (%u)", by,
	    m.calls - n);
	site_close(&w);
	map_free(&m);
}

/* ---- What the store does --------------------------------------------- */

static int
map_has(const struct map *m, const void *p, size_t n)
{
	unsigned i;

	for (i = 0; i < m->n; i++)
		if (memmem(m->e[i].body, m->e[i].rec.body.len, p, n) != NULL ||
		    memmem(m->e[i].id, SSTATE_ID_BYTES, p, n) != NULL)
			return 1;
	return 0;
}

static void
from_b64(unsigned char out[45], const char *t)
{
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
				  "qrstuvwxyz0123456789-_";
	unsigned i, k;
	uint32_t v;

	for (i = 0; i < 15; i++) {
		for (k = 0, v = 0; k < 4; k++)
			v = v << 6 |
			    (uint32_t)(strchr(b64, t[4 * i + k]) - b64);
		out[3 * i] = (unsigned char)(v >> 16);
		out[3 * i + 1] = (unsigned char)(v >> 8);
		out[3 * i + 2] = (unsigned char)v;
	}
}

/* a dump of the store is noise. */
static void
dump(void)
{
	static struct site w;
	static struct map m;
	unsigned char raw[45];
	struct who u;
	struct call c;
	const char *t;

	open_map(&w, &m, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_login(c.s, "alice-in-the-record");
	(void)sstate_setstr(c.s, SSTATE_STORED, "secret-name", "secret-value");
	(void)end(&c);
	t = who_token(&u);
	NEED(strlen(t) == TOKEN_CHARS && m.n >= 1, "R-10 a session");
	from_b64(raw, t);
	T(!map_has(&m, t, 16) && !map_has(&m, t + 20, 16),
	    "R-10 the id's text is not in the store");
	T(!map_has(&m, raw + 3, 16) && !map_has(&m, raw + 19, 16) &&
		!map_has(&m, raw + 35, 10),
	    "R-10 nor are its octets");
	T(!map_has(&m, "secret-name", 11) && !map_has(&m, "secret-value", 12) &&
		!map_has(&m, "alice", 5),
	    "R-10 nor names, values, users");
	site_close(&w);
	map_free(&m);
}

/* One damaged record: no session, no old value, an error under MUST_EXIST. */
static int
refused(struct site *w, struct who *u)
{
	struct sstate_how must = SSTATE_HOW_INIT;
	struct call c;
	int good;

	must.flags = SSTATE_MUST_EXIST;
	good = ask(&c, w, u, NULL) == 0 && is_new(c.s) &&
	    none(c.s, SSTATE_STORED, "a");
	drop(&c);
	good = good && ask(&c, w, u, Q(.how = &must)) == SSTATE_EAUTH;
	drop(&c);
	return good;
}

static void
damage(void)
{
	static struct site w;
	static struct map m, keep;
	struct map_entry *e, spare;
	struct who u, v;
	size_t i, n;
	unsigned good = 0;

	open_map(&w, &m, BY_PAGE);
	memset(&keep, 0, sizeof(keep));
	who_init(&u, BY_PAGE);
	who_init(&v, BY_PAGE);
	(void)put(&w, &u, NULL, "a", "first");
	(void)put(&w, &v, NULL, "a", "other");
	NEED(m.n == 2, "R-77 two records");
	e = &m.e[0];
	n = e->rec.body.len;
	for (i = 0; i < n * 8; i++) {
		e->body[i / 8] ^= (unsigned char)(1 << i % 8);
		good += refused(&w, &u) == 1;
		e->body[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	T(good == n * 8, "R-77 each of %zu bits flipped is refused (%u)", n * 8,
	    good);
	for (i = 1, good = 0; i < n; i++) {
		e->rec.body.len = i;
		good += refused(&w, &u) == 1;
	}
	T(good == n - 1, "R-98 each truncation is corrupt, none is shorter");
	e->rec.body.len = n;
	T(holds(&w, &u, NULL, NULL, "a", "first"), "R-77 mended, it opens");
	/* the body of another session under this key */
	spare = m.e[0];
	m.e[0].rec = m.e[1].rec;
	m.e[0].body = m.e[1].body;
	T(refused(&w, &u), "R-77 another session's record is refused");
	m.e[0] = spare;
	e->rec.rev += 1;
	T(refused(&w, &u), "R-77 a revision that is not the header's");
	e->rec.rev -= 1;
	e->rec.expires += 1000;
	T(refused(&w, &u), "R-77 an expiry later than the header's");
	e->rec.expires -= 1000;
	e->rec.tag[0] ^= 1;
	T(refused(&w, &u), "R-77 a tag that is not the header's");
	e->rec.tag[0] ^= 1;
	w.now += 10 * 86400;
	e->rec.expires = w.now + 1000;
	T(!holds(&w, &u, NULL, NULL, "a", "first"),
	    "R-20 a store that lets it live does not");
	site_close(&w);
	map_free(&m);
}

/* Section 3 of the protocol: the client as witness of a rollback. */
static void
rollback(int weak)
{
	static struct site w;
	static struct map m, old;
	struct who u;
	struct call c;
	const char *csrf, *page, *form;
	int r, want = weak ? SSTATE_EBUSY : SSTATE_EAUTH;

	memset(&m, 0, sizeof(m));
	memset(&old, 0, sizeof(old));
	NEED(map_site(&w, &m, BY_PAGE, NULL, ring, weak) == 0,
	    "R-01 a store %s CAP_LINEAR", weak ? "without" : "with");
	who_init(&u, BY_PAGE);
	(void)put(&w, &u, NULL, "a", "old");
	map_copy(&old, &m);
	(void)put(&w, &u, NULL, "a", "new");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "1");
	form = fmt("%s", sstate_fields(c.s, SSTATE_WITH_PAGE, "act"));
	csrf = field_of(form, ".csrf");
	page = field_of(form, ".page");
	(void)end(&c);
	(void)ask(&c, &w, &u, Q(.form = fmt(".csrf=%s&.page=%s", csrf, page)));
	T(c.r == 0 && sstate_check(c.s, "act") == 0,
	    "R-01 the record as it is: taken");
	drop(&c);
	map_copy(&m, &old);
	(void)ask(&c, &w, &u, NULL);
	T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "old"),
	    "R-01 rolled back: a GET cannot know");
	drop(&c);
	(void)ask(&c, &w, &u, Q(.form = fmt(".page=%s", page)));
	r = c.r;
	T(r == want && c.s == NULL, "R-01 rolled back: page state knows (%d)",
	    r);
	drop(&c);
	(void)ask(&c, &w, &u, Q(.form = fmt(".csrf=%s", csrf)));
	r = c.r != 0 ? c.r : sstate_check(c.s, "act");
	T(r == SSTATE_EAUTH || r == want,
	    "R-01 rolled back: a CSRF token knows (%d)", r);
	drop(&c);
	T(strstr(w.log, who_token(&u)) == NULL && w.lines > 0,
	    "R-12 it is logged, without the id");
	site_close(&w);
	map_free(&m);
	map_free(&old);
}

/* defect 13, R-99: a store that fails leaves the old record. */
static void
failing(void)
{
	static const int codes[] = { SSTATE_ESTORE, SSTATE_EBUSY,
		SSTATE_ETOOBIG, SSTATE_ENOMEM, SSTATE_ESYS };
	static struct site w;
	static struct map m;
	struct who u, v;
	struct call c;
	size_t i;
	int r;

	open_map(&w, &m, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		m.fail_write = codes[i];
		r = put(&w, &u, NULL, "a", "2");
		T(r == codes[i], "R-99 a failed replace is %d (%d)", codes[i],
		    r);
		who_init(&v, BY_COOKIE);
		(void)ask(&c, &w, &v, NULL);
		(void)sstate_setstr(c.s, SSTATE_STORED, "a", "3");
		r = end(&c);
		T(r == codes[i] && head(&c, "Set-Cookie") == NULL,
		    "I7 a failed create is %d, and no id leaves (%d)", codes[i],
		    r);
		(void)ask(&c, &w, &u, NULL);
		r = sstate_logout(c.s);
		T(r == codes[i], "R-25 a failed log-out says so (%d)", r);
		drop(&c);
		m.fail_write = 0;
		T(holds(&w, &u, NULL, NULL, "a", "1"),
		    "R-99 the old record is whole");
	}
	m.lose = 1;
	who_init(&v, BY_COOKIE);
	(void)ask(&c, &w, &v, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "3");
	r = end(&c);
	T(r == SSTATE_ESTORE && head(&c, "Set-Cookie") == NULL && v.jar.n == 0,
	    "I7 a create without an answer: no id leaves (%d)", r);
	m.lose = 0;
	site_close(&w);
	map_free(&m);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* 20,000 ids, no two alike; R-12: none of them in a text. */
static void
many(void)
{
	enum { N = 20000 };
	static char id[N][TOKEN_CHARS + 1];
	static struct site w;
	struct who u;
	struct call c;
	unsigned i, same = 0;

	site_by(&w, BY_OWN);
	for (i = 0; i < N; i++) {
		who_init(&u, BY_OWN);
		(void)ask(&c, &w, &u, NULL);
		(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
		(void)end(&c);
		(void)snprintf(id[i], sizeof(id[i]), "%.60s", u.id);
		(void)ask(&c, &w, &u, NULL);
		if (c.r == 0 && sstate_logout(c.s) != 0)
			same++;
		drop(&c);
	}
	qsort(id, N, sizeof(id[0]), by_text);
	for (i = 1; i < N; i++)
		same += strcmp(id[i - 1], id[i]) == 0;
	T(strlen(id[0]) == TOKEN_CHARS && same == 0,
	    "R-02 %d ids, all different", N);
	site_close(&w);
}

static void
silent(void)
{
	static struct site w;
	static struct map m;
	struct sstate_how must = SSTATE_HOW_INIT;
	struct who u;
	struct call c;
	unsigned i, n = 0;
	const char *id;
	char part[16];

	must.flags = SSTATE_MUST_EXIST;
	open_map(&w, &m, BY_COOKIE);
	who_init(&u, BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	id = fmt("%s", jar_first(&u.jar));
	m.e[0].body[100] ^= 1;
	for (i = 0; i < 4; i++) {
		(void)ask(&c, &w, &u,
		    Q(.id = i < 2 ? id : fmt("%.59s%s", id, "_"),
			.how = i % 2 ? &must : NULL));
		if (c.r != 0)
			n += strstr(c.err.text, fmt("%.12s", id + 8)) != NULL;
		drop(&c);
	}
	m.e[0].body[100] ^= 1;
	m.fail_write = SSTATE_ESTORE;
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "canary-n", "canary-v");
	(void)!sstate_commit(c.s);
	T(strstr(sstate_failure(c.s)->text, "canary") == NULL,
	    "R-12 a failure's text has no name and no value");
	drop(&c);
	for (i = 4; i + 12 <= TOKEN_CHARS; i += 4) {
		(void)snprintf(part, sizeof(part), "%.12s", id + i);
		n += strstr(w.log, part) != NULL;
	}
	T(n == 0 && strstr(w.log, "canary") == NULL,
	    "R-12 neither log nor errors have a part of an id (%u lines)",
	    w.lines);
	site_close(&w);
	map_free(&m);
}

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
	static const unsigned all[] = { BY_COOKIE, BY_PAGE, BY_OWN };
	const char *tmp = getenv("TMPDIR");
	size_t i;

	(void)snprintf(dir, sizeof(dir), "%s/forged.XXXXXX",
	    tmp == NULL || strlen(tmp) > 80 ? "/tmp" : tmp);
	NEED(mkdtemp(dir) != NULL, "R-08 a folder for the rings");
	NEED(atexit(sweep) == 0, "R-08 which is swept at the end");
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	(void)snprintf(ring2, sizeof(ring2), "%s/ring2", dir);
	for (i = 0; i < 3; i++) {
		bad_ids(all[i]);
		no_adoption(all[i]);
		one_form(all[i]);
		namespaces(all[i]);
		no_record(all[i]);
		trips(all[i]);
	}
	carriers();
	rings();
	dump();
	damage();
	rollback(0);
	rollback(1);
	failing();
	many();
	silent();
	(void)unlink(ring);
	(void)unlink(ring2);
	T(rmdir(dir) == 0, "R-08 nothing else was written");
	return tap_done();
}
