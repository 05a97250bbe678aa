/*
 * state_test.c - one session's state: merge, conflict, reload, flags
 *
 * ARCHITECTURE's table of commits, the ways to begin, what sstate_inspect()
 * tells, and the traps of Starch's state life cycle.
 */
#include "../tap.h"
#include "kit.h"

/* A session with a=1, b=1 and a counter n=5; two requests on it. */
static void
pair(struct kit *k, uint32_t flags, struct sstate **env,
    char token[KIT_TOKEN + 1], struct sstate_session **one,
    struct sstate_session **two)
{
	struct sstate_session *s;

	kit_init(k, "memory:");
	k->o.flags |= flags;
	NEED((*env = kit_open(k)) != NULL, "an environment");
	NEED(kit_begin(&s, *env, NULL, 0) == 0, "a session");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	sstate_setstr(s, SSTATE_STORED, "b", "1");
	sstate_incr(NULL, s, "n", 5);
	NEED(sstate_commit(s) == 0, "stored");
	kit_token(token, s);
	sstate_free(s);
	NEED(kit_begin(one, *env, token, SSTATE_MUST_EXIST) == 0 &&
		kit_begin(two, *env, token, SSTATE_MUST_EXIST) == 0,
	    "two of it");
}

static void
drop(struct sstate *env, struct sstate_session *one, struct sstate_session *two)
{
	sstate_free(one);
	sstate_free(two);
	sstate_close(env);
}

static int
merged(struct sstate_session *s)
{
	return (sstate_inspect(s)->flags & SSTATE_IS_MERGED) != 0;
}

static void
merge(void)
{
	struct sstate_session *x, *y;
	char t[KIT_TOKEN + 1];
	struct sstate_val two[2] = { { "p", 1 }, { "q", 1 } }, v;
	struct sstate *env;
	int64_t n = 0;
	struct kit k;

	pair(&k, 0, &env, t, &x, &y);
	sstate_setstr(x, SSTATE_STORED, "a", "x");
	sstate_incr(NULL, x, "n", 2);
	T(sstate_commit(x) == 0 && !merged(x), "0: nobody else: not merged");
	sstate_setstr(y, SSTATE_STORED, "c", "y");
	T(sstate_incr(&n, y, "n", 10) == 0 && n == 15,
	    "incr tells what this request sees (%d)", (int)n);
	T(sstate_commit(y) == 0 && merged(y), "R-33 the other: IS_MERGED");
	T(kit_is(y, "a", "x") && kit_is(y, "c", "y") &&
		sstate_int(y, SSTATE_STORED, "n", 0, 99, -1) == 17,
	    "R-33 other names stand, ours stand, counters have both");
	T(sstate_commit(y) == 0, "a second commit has nothing to do");
	T(kit_int(env, t, "n") == 17, "and does nothing");
	drop(env, x, y);

	pair(&k, 0, &env, t, &x, &y);
	sstate_set(x, SSTATE_STORED, "a", two, 2);
	sstate_setstr(y, SSTATE_STORED, "a", "y");
	T(sstate_commit(x) == 0 && sstate_commit(y) == 0, "one name, two");
	T(kit_is(y, "a", "y") &&
		sstate_get(&v, y, SSTATE_STORED, "a", 1) == SSTATE_ENOTFOUND,
	    "the later commit wins, values are not mixed");
	drop(env, x, y);

	pair(&k, 0, &env, t, &x, &y);
	sstate_del(x, SSTATE_STORED, "a");
	(void)sstate_str(y, SSTATE_STORED, "a");
	sstate_setstr(y, SSTATE_STORED, "b", "y");
	T(sstate_commit(x) == 0 && sstate_commit(y) == 0 &&
		kit_is(y, "a", NULL) && kit_is(y, "b", "y"),
	    "what was only read is not brought back");
	drop(env, x, y);

	pair(&k, 0, &env, t, &x, &y);
	sstate_clear(x);
	sstate_setstr(x, SSTATE_STORED, "new", "x");
	sstate_setstr(y, SSTATE_STORED, "b", "y");
	T(sstate_commit(y) == 0 && sstate_commit(x) == 0 &&
		kit_is(x, "a", NULL) && kit_is(x, "b", NULL) &&
		kit_is(x, "new", "x"),
	    "a later clear clears, then sets");
	drop(env, x, y);
}

/* An incr that cannot be: ECONFLICT, nothing written, also when replayed. */
static void
bad_incr(void)
{
	struct sstate_session *x, *y;
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	int r;

	pair(&k, 0, &env, t, &x, &y);
	sstate_setstr(x, SSTATE_STORED, "n", "many");
	NEED(sstate_commit(x) == 0, "no number any more");
	sstate_setstr(y, SSTATE_STORED, "c", "y");
	sstate_incr(NULL, y, "n", 1);
	T(sstate_commit(y) == SSTATE_ECONFLICT,
	    "an incr that meets no number: ECONFLICT");
	sstate_free(x);
	NEED(kit_begin(&x, env, t, SSTATE_MUST_EXIST) == 0, "again");
	T(kit_is(x, "n", "many") && kit_is(x, "c", NULL),
	    "nothing of it was written");
	r = sstate_incr(NULL, x, "n", 1);
	T(r < 0 && sstate_commit(x) == r, "begun on no number: kept (%d)", r);
	T(sstate_reload(x) == 0 && sstate_failure(x)->code == 0 &&
		sstate_commit(x) == 0,
	    "reload drops the failure");
	T(sstate_setstr(x, SSTATE_STORED, "n", "9223372036854775807") == 0 &&
		sstate_commit(x) == 0,
	    "the largest number");
	T(sstate_incr(NULL, x, "n", 1) < 0, "one more is refused");
	T(sstate_reload(x) == 0 && sstate_incr(NULL, x, "n", -1) == 0 &&
		sstate_commit(x) == 0,
	    "one less is not");
	T(sstate_reload(y) == 0 && sstate_incr(NULL, y, "n", 1) == 0,
	    "back at the top");
	T(sstate_incr(NULL, x, "n", 1) == 0 && sstate_commit(x) == 0 &&
		sstate_commit(y) == SSTATE_ECONFLICT,
	    "an overflow by replay: ECONFLICT");
	drop(env, x, y);
}

enum { SET_A, SET_B, DEL_A, CLEAR, INCR, SETN, DELN, NOTHING };

static void
act(struct sstate_session *s, int what, const char *by)
{
	switch (what) {
	case SET_A:
		sstate_setstr(s, SSTATE_STORED, "a", by);
		break;
	case SET_B:
		sstate_setstr(s, SSTATE_STORED, "b", by);
		break;
	case DEL_A:
		sstate_del(s, SSTATE_STORED, "a");
		break;
	case CLEAR:
		sstate_clear(s);
		break;
	case INCR:
		sstate_incr(NULL, s, "n", 1);
		break;
	case SETN:
		sstate_setint(s, SSTATE_STORED, "n", 100);
		break;
	case DELN:
		sstate_del(s, SSTATE_STORED, "n");
		break;
	default:
		break;
	}
}

/* SSTATE_STRICT: which pairs conflict, and what is then true. */
static void
strict(void)
{
	static const char *const name[] = { "set a", "set b", "del a", "clear",
		"incr n", "set n", "del n", "nothing" };
	static const struct {
		int first, second, conflict;
	} tab[] = {
		{ SET_A, SET_A, 1 },
		{ SET_A, DEL_A, 1 },
		{ DEL_A, SET_A, 1 },
		{ SET_A, SET_B, 0 },
		{ DEL_A, SET_B, 0 },
		{ INCR, INCR, 0 },
		{ INCR, SETN, 1 },
		{ SETN, INCR, 1 },
		{ DELN, INCR, 1 },
		{ INCR, SET_A, 0 },
		{ SET_A, INCR, 0 },
		{ CLEAR, SET_A, 1 },
		{ CLEAR, INCR, 1 },
		{ SET_A, CLEAR, 1 },
		{ INCR, CLEAR, 1 },
		{ SET_A, NOTHING, 0 },
		{ CLEAR, NOTHING, 0 },
	};
	struct sstate_session *x, *y;
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	size_t i;
	int r;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		pair(&k, SSTATE_STRICT, &env, t, &x, &y);
		act(x, tab[i].first, "x");
		act(y, tab[i].second, "y");
		NEED(sstate_commit(x) == 0, "%s", name[tab[i].first]);
		r = sstate_commit(y);
		T(r == (tab[i].conflict ? SSTATE_ECONFLICT : 0),
		    "R-33 STRICT: %s, then %s: %s (%d)", name[tab[i].first],
		    name[tab[i].second],
		    tab[i].conflict ? "ECONFLICT" : "merged", r);
		drop(env, x, y);
	}
	pair(&k, SSTATE_STRICT, &env, t, &x, &y);
	act(x, SET_A, "x");
	act(y, SET_A, "y");
	sstate_setstr(y, SSTATE_STORED, "c", "y");
	NEED(sstate_commit(x) == 0, "one commits");
	T(sstate_commit(y) == SSTATE_ECONFLICT, "R-33 STRICT: the other: no");
	T(kit_is(y, "a", "y") && kit_is(y, "c", "y") && kit_is(y, "b", "1"),
	    "the session holds what it held");
	T(sstate_commit(y) == SSTATE_ECONFLICT, "again without a reload: no");
	sstate_free(x);
	NEED(kit_begin(&x, env, t, SSTATE_MUST_EXIST) == 0, "look");
	T(kit_is(x, "a", "x") && kit_is(x, "c", NULL),
	    "nothing of it was written");
	T(sstate_reload(y) == 0 && kit_is(y, "a", "x") && kit_is(y, "c", NULL),
	    "reload: what is there");
	sstate_setstr(y, SSTATE_STORED, "a", "z");
	T(sstate_commit(y) == 0 && sstate_reload(x) == 0 && kit_is(x, "a", "z"),
	    "again: committed");
	drop(env, x, y);
}

/* ---- Ways to begin --------------------------------------------------- */

static void
flip(char *t, size_t at)
{
	t[at] = t[at] == 'A' ? 'B' : 'A';
}

static void
must_exist(void)
{
	char t[KIT_TOKEN + 1], bad[KIT_TOKEN + 8];
	struct sstate_session *s;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate *env, *other = NULL;
	struct kit k, k2;
	size_t i;

	kit_init(&k, "memory:");
	k.o.idle = 60;
	kit_init(&k2, "memory:");
	NEED((env = kit_open(&k)) != NULL && (other = kit_open(&k2)) != NULL,
	    "two environments");
	NEED(kit_make(t, env, "a", "1", NULL) == 0, "a session");
	T(kit_opens(env, NULL) == SSTATE_ENOTFOUND, "no token: ENOTFOUND");
	T(kit_opens(env, "") == SSTATE_ENOTFOUND, "an empty one: ENOTFOUND");
	for (i = 0; i < KIT_TOKEN; i += 7) {
		(void)snprintf(bad, sizeof(bad), "%s", t);
		flip(bad, i);
		T(kit_opens(env, bad) == SSTATE_EAUTH,
		    "R-01 forged at %zu: EAUTH", i);
	}
	(void)snprintf(bad, sizeof(bad), "%s=", t);
	T(kit_opens(env, bad) == SSTATE_EAUTH, "R-09 one more: EAUTH");
	bad[KIT_TOKEN - 1] = '\0';
	T(kit_opens(env, bad) == SSTATE_EAUTH, "R-09 one less: EAUTH");
	T(kit_opens(other, t) == SSTATE_EAUTH, "another ring's: EAUTH");
	how.flags = SSTATE_MUST_EXIST;
	T(sstate_begin(&s, env, &how, NULL, &err) == SSTATE_ENOTFOUND &&
		s == NULL && err.code == SSTATE_ENOTFOUND,
	    "the out is NULL, the error is filled");
	how.flags = SSTATE_STRICT;
	T(sstate_begin(&s, env, &how, NULL, &err) == SSTATE_EINVAL,
	    "a flag that is not sstate_how's: EINVAL");
	how.flags = 0;
	how.mindset = 7;
	T(sstate_begin(&s, env, &how, NULL, &err) == SSTATE_EINVAL,
	    "a mindset that is none: EINVAL");

	/* Lenient: R-07, B01. */
	(void)snprintf(bad, sizeof(bad), "%s", t);
	flip(bad, 20);
	NEED(kit_begin(&s, env, bad, 0) == 0, "R-07 forged, lenient: begins");
	T((sstate_inspect(s)->flags & SSTATE_IS_NEW) && kit_is(s, "a", NULL),
	    "R-07 a new session");
	sstate_setstr(s, SSTATE_STORED, "a", "2");
	T(sstate_commit(s) == 0 && strcmp(sstate_token(s), bad) != 0 &&
		strcmp(sstate_token(s), t) != 0,
	    "R-07 under a new id");
	sstate_free(s);
	k.clock += 61;
	NEED(kit_begin(&s, env, t, 0) == 0, "expired, lenient: begins");
	sstate_setstr(s, SSTATE_STORED, "a", "2");
	T(sstate_commit(s) == 0 && strcmp(sstate_token(s), t) != 0,
	    "R-07 under a new id, too");
	sstate_free(s);
	sstate_close(other);
	sstate_close(env);
}

/* reading makes nothing; a rendered token makes the record. */
static void
born(void)
{
	struct sstate_session *s;
	struct kit_heads h;
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	kit_init(&k, "memory:");
	k.o.flags = SSTATE_CARRY_COOKIE;
	NEED((env = kit_open(&k)) != NULL, "an environment");
	NEED(kit_visit(&s, env, NULL, 0) == 0, "a visit");
	T(sstate_inspect(s)->flags & SSTATE_IS_NEW, "IS_NEW");
	T(strcmp(sstate_inspect(s)->handle, "") == 0, "no handle yet");
	(void)sstate_str(s, SSTATE_MERGED, "a");
	T(sstate_commit(s) == 0 && sstate_token(s) == NULL,
	    "R-31 a reader gets no record");
	kit_headers(&h, s);
	T(h.cookies == 0, "R-31 and no Set-Cookie");
	sstate_free(s);

	NEED(kit_visit(&s, env, NULL, 0) == 0, "a visit");
	NEED(sstate_csrf(s, "buy") != NULL, "renders a CSRF token");
	T(sstate_commit(s) == 0 && sstate_token(s) != NULL,
	    "I7 whose record is made");
	kit_token(t, s);
	kit_headers(&h, s);
	T(h.cookies == 1 && strcmp(h.value, t) == 0, "and its cookie sent");
	sstate_free(s);

	NEED(kit_visit(&s, env, NULL, SSTATE_EAGER) == 0, "EAGER");
	T(sstate_commit(s) == 0 && sstate_token(s) != NULL,
	    "EAGER: a record in any case");
	sstate_free(s);

	NEED(kit_visit(&s, env, h.pair, SSTATE_NO_STORE) == 0, "NO_STORE");
	T(sstate_next(s, SSTATE_STORED, NULL) == NULL, "nothing is read");
	T(sstate_setstr(s, SSTATE_STORED, "x", "1") < 0 ||
		sstate_commit(s) < 0 || sstate_token(s) == NULL,
	    "NO_STORE: nothing is written");
	kit_headers(&h, s);
	T(h.cookies == 0, "NO_STORE: no Set-Cookie");
	sstate_free(s);
	T(kit_visit(&s, env, h.pair, 0) == 0, "another visit");
	T(kit_is(s, "x", NULL), "NO_STORE: nor found later");
	sstate_free(s);
	sstate_close(env);
}

/* ---- Looking at it --------------------------------------------------- */

static void
inspect(void)
{
	const struct sstate_info *in;
	struct sstate_session *s;
	char t[KIT_TOKEN + 1], handle[20];
	struct sstate *env;
	size_t bytes;
	uint64_t rev;
	struct kit k;

	kit_init(&k, "memory:");
	k.o.idle = 1000;
	NEED((env = kit_open(&k)) != NULL, "an environment");
	NEED(kit_begin(&s, env, NULL, 0) == 0, "a session");
	in = sstate_inspect(s);
	T(in->flags == SSTATE_IS_NEW && in->now == KIT_START &&
		in->login == 0 && in->rev == 0 && in->written == 0,
	    "a new one: IS_NEW, never written");
	T(in->now - in->accessed == 0, "K12 a new one's age is 0 (%lld)",
	    (long long)(in->now - in->accessed));
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	in = sstate_inspect(s);
	T(in->flags == (SSTATE_IS_NEW | SSTATE_IS_DIRTY), "then IS_DIRTY");
	NEED(sstate_commit(s) == 0, "commit");
	in = sstate_inspect(s);
	T(!(in->flags & SSTATE_IS_DIRTY) && in->created == KIT_START &&
		in->written == KIT_START && in->expires == KIT_START + 1000 &&
		in->rev != 0,
	    "after the commit: times, revision, not dirty");
	(void)snprintf(handle, sizeof(handle), "%s", in->handle);
	T(strlen(handle) == 16, "a handle");
	rev = in->rev;
	kit_token(t, s);
	sstate_free(s);

	k.clock += 10;
	NEED(kit_begin(&s, env, t, 0) == 0, "again");
	in = sstate_inspect(s);
	T(in->flags == 0 && in->created == KIT_START &&
		in->written == KIT_START && in->rev == rev &&
		in->now == KIT_START + 10 && strcmp(in->handle, handle) == 0,
	    "the same, read");
	T(in->bytes > 0, "bytes (%zu)", in->bytes);
	bytes = in->bytes;
	T(in->accessed == KIT_START, "K12 accessed by the request before");
	sstate_setstr(s, SSTATE_STORED, "a", "2");
	NEED(sstate_commit(s) == 0, "commit");
	in = sstate_inspect(s);
	T(in->rev > rev && in->written == KIT_START + 10, "written, counted");
	T(in->accessed == KIT_START, "K12 constant within a request");
	T(in->bytes == bytes, "as large as it was (%zu)", in->bytes);
	sstate_free(s);
	sstate_close(env);
}

/* K12: exact where each request stores. */
static void
age(void)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	int64_t want = KIT_START;
	struct sstate *env;
	size_t bytes = 0;
	struct kit k;
	int i, bad = 0, grew = 0;

	kit_init(&k, "memory:");
	NEED((env = kit_open(&k)) != NULL &&
		kit_make(t, env, "a", "1", NULL) == 0,
	    "a session");
	for (i = 1; i <= 40; i++) {
		k.clock += i;
		NEED(kit_begin(&s, env, t, SSTATE_EAGER) == 0, "request %d", i);
		bad += sstate_inspect(s)->accessed != want;
		bad += sstate_commit(s) != 0;
		bad += sstate_inspect(s)->accessed != want;
		grew += i > 1 && sstate_inspect(s)->bytes != bytes;
		bytes = sstate_inspect(s)->bytes;
		want = k.clock;
		sstate_free(s);
	}
	T(bad == 0, "K12 EAGER: age is exact (%d wrong)", bad);
	T(grew == 0, "writing it again does not make it grow (%d)", grew);
	sstate_close(env);
}

static void
reload(void)
{
	struct sstate_session *x, *y;
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	uint64_t rev;

	pair(&k, 0, &env, t, &x, &y);
	rev = sstate_inspect(x)->rev;
	sstate_setstr(x, SSTATE_STORED, "a", "x");
	sstate_del(x, SSTATE_STORED, "b");
	k.clock += 30;
	sstate_setstr(y, SSTATE_STORED, "a", "y");
	NEED(sstate_commit(y) == 0, "another commits");
	T(sstate_reload(x) == 0, "reload");
	T(kit_is(x, "a", "y") && kit_is(x, "b", "1"), "drops what was set");
	T(!(sstate_inspect(x)->flags & SSTATE_IS_DIRTY), "is not dirty");
	T(sstate_inspect(x)->rev > rev &&
		sstate_inspect(x)->written == KIT_START + 30,
	    "its times and revision are read, too");
	T(sstate_commit(x) == 0 && !merged(x) && sstate_reload(y) == 0 &&
		kit_is(y, "a", "y"),
	    "and has nothing to write");
	T(sstate_setstr(x, SSTATE_SENT, "a", "1") == SSTATE_EINVAL &&
		sstate_failure(x)->code == SSTATE_EINVAL &&
		sstate_commit(x) == SSTATE_EINVAL,
	    "a failure is kept");
	T(sstate_reload(x) == 0 && sstate_failure(x)->code == 0 &&
		sstate_commit(x) == 0,
	    "until the reload");
	T(sstate_logout(y) == 0, "ended by another");
	T(sstate_reload(x) == SSTATE_EGONE ||
		sstate_reload(x) == SSTATE_ENOTFOUND,
	    "I4 reload of what was ended fails");
	sstate_setstr(x, SSTATE_STORED, "a", "z");
	T(sstate_commit(x) != 0 && kit_opens(env, t) != 0,
	    "I4 and brings nothing back");
	drop(env, x, y);
}

/* Starch: clear, delete, reload are different things and stay so. */
static void
clear(void)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	kit_init(&k, "memory:");
	NEED((env = kit_open(&k)) != NULL &&
		kit_make(t, env, "a", "1", "ann") == 0,
	    "a session");
	NEED(kit_begin(&s, env, t, 0) == 0, "a request");
	T(sstate_clear(s) == 0 && sstate_commit(s) == 0, "K07 clear");
	T(strcmp(sstate_token(s), t) == 0 && sstate_user(s) != NULL,
	    "K07 id and user stay");
	sstate_free(s);
	NEED(kit_begin(&s, env, t, SSTATE_MUST_EXIST) == 0, "K07 it lives");
	T(sstate_next(s, SSTATE_STORED, NULL) == NULL, "K07 and is empty");
	T(sstate_del(s, SSTATE_STORED, "none") == 0, "K06 del of no name is 0");
	sstate_free(s);
	sstate_close(env);
}

/* No marker, no type, no cut: names and values with every octet. */
static void
octets(void)
{
	static const char *const odd[] = { "", " ", "\\", "a\\", "__CLASS__",
		"\n", "\r\n", "-x", "a=b&c", "\xff\xfe", "\x01", "NULL", "0" };
	char all[256], t[KIT_TOKEN + 1], name[3] = "n?";
	struct sstate_session *s;
	struct sstate_val v;
	struct sstate *env;
	unsigned i, bad = 0;
	struct kit k;

	for (i = 0; i < 256; i++)
		all[i] = (char)i;
	kit_init(&k, "memory:");
	NEED((env = kit_open(&k)) != NULL && kit_begin(&s, env, NULL, 0) == 0,
	    "a session");
	v.ptr = all;
	v.len = 256;
	sstate_set(s, SSTATE_STORED, "all", &v, 1);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		sstate_setstr(s, SSTATE_STORED, odd[i], odd[i]);
	for (i = 1; i < 256; i++) {
		name[1] = (char)i;
		sstate_setint(s, SSTATE_STORED, name, i);
	}
	NEED(sstate_commit(s) == 0, "stored");
	kit_token(t, s);
	sstate_free(s);
	NEED(kit_begin(&s, env, t, 0) == 0, "read");
	T(sstate_get(&v, s, SSTATE_STORED, "all", 0) == 0 && v.len == 256 &&
		memcmp(v.ptr, all, 256) == 0 && v.ptr[256] == '\0',
	    "every octet, and a NUL after");
	T(sstate_str(s, SSTATE_STORED, "all") == NULL,
	    "sstate_str() does not shorten it");
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		bad += !kit_is(s, odd[i], odd[i]);
	for (i = 1; i < 256; i++) {
		name[1] = (char)i;
		bad += sstate_int(s, SSTATE_STORED, name, 0, 255, -1) != i;
	}
	T(bad == 0, "odd names and values are themselves (%u not)", bad);
	sstate_free(s);
	sstate_close(env);
}

/* limits are ETOOBIG, kept, and nothing is written. */
static void
limits(void)
{
	struct sstate_session *s;
	struct sstate_val v;
	struct sstate *env;
	char t[KIT_TOKEN + 1], name[258], num[16];
	static char big[70000];
	struct kit k;
	int i, r = 0;

	memset(big, 'x', sizeof(big));
	memset(name, 'n', sizeof(name));
	name[257] = '\0';
	kit_init(&k, "memory:");
	k.o.max_values = 10;
	NEED((env = kit_open(&k)) != NULL &&
		kit_make(t, env, "a", "1", NULL) == 0,
	    "a session");
	NEED(kit_begin(&s, env, t, 0) == 0, "a request");
	v.ptr = big;
	v.len = 65537;
	T(sstate_set(s, SSTATE_STORED, "big", &v, 1) == SSTATE_ETOOBIG &&
		sstate_commit(s) == SSTATE_ETOOBIG,
	    "R-90 a value of 64 KiB + 1");
	T(sstate_reload(s) == 0 &&
		sstate_setstr(s, SSTATE_STORED, name, "1") == SSTATE_ETOOBIG,
	    "R-90 a name of 257 octets");
	T(sstate_reload(s) == 0, "reload");
	for (i = 0; i < 10; i++) {
		(void)snprintf(num, sizeof(num), "k%d", i);
		r = sstate_setstr(s, SSTATE_STORED, num, "1");
	}
	r = r != 0 ? r : sstate_commit(s);
	T(r == SSTATE_ETOOBIG, "R-90 more values than max_values (%d)", r);
	sstate_free(s);
	T(kit_int(env, t, "a") == 1 && kit_int(env, t, "k0") == -1,
	    "R-99 what was there is there, nothing else");
	sstate_close(env);
}

/* A failure, a reload, and then a record: it has a psk of its own. */
static int
after_reload(struct sstate *env, char token[KIT_TOKEN + 1], char csrf[64])
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, env, NULL, 0)) != 0)
		return r;
	(void)snprintf(csrf, 64, "%s", sstate_csrf(s, "x"));
	T(sstate_setstr(s, SSTATE_SENT, "a", "1") == SSTATE_EINVAL &&
		sstate_reload(s) == 0,
	    "a failure, and a reload");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	r = sstate_commit(s);
	kit_token(token, s);
	sstate_free(s);
	return r;
}

static const char *
csrf_header(void *arg, const char *name)
{
	return strcmp(name, "X-CSRF-Token") == 0 ? arg : NULL;
}

static int
checks(struct sstate *env, const char *token, char *csrf)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	int r;

	web.method = "POST";
	web.token.ptr = token;
	web.token.len = strlen(token);
	web.header = csrf_header;
	web.arg = csrf;
	if ((r = sstate_begin(&s, env, NULL, &web, NULL)) == 0)
		r = sstate_check(s, "x");
	sstate_free(s);
	return r;
}

static void
reload_new(void)
{
	char t[2][KIT_TOKEN + 1], csrf[2][64];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	kit_init(&k, NULL);
	NEED((env = kit_open(&k)) != NULL, "an environment");
	NEED(after_reload(env, t[0], csrf[0]) == 0 &&
		after_reload(env, t[1], csrf[1]) == 0,
	    "two sessions");
	T(checks(env, t[0], csrf[0]) == 0 && checks(env, t[1], csrf[1]) == 0,
	    "I7 what was rendered before the reload holds");
	T(checks(env, t[0], csrf[1]) == SSTATE_EAUTH &&
		checks(env, t[1], csrf[0]) == SSTATE_EAUTH,
	    "R-60 and not for the other session");
	/* A log-in draws one too; it is dropped with the log-in. */
	NEED(kit_begin(&s, env, NULL, 0) == 0 && sstate_login(s, "ann") == 0 &&
		sstate_reload(s) == 0 && sstate_user(s) == NULL &&
		(snprintf(csrf[0], 64, "%s", sstate_csrf(s, "x"))) > 0 &&
		sstate_commit(s) == 0,
	    "a log-in that was dropped");
	kit_token(t[0], s);
	sstate_free(s);
	NEED(kit_begin(&s, env, NULL, 0) == 0 && sstate_login(s, "eve") == 0 &&
		sstate_reload(s) == 0 &&
		(snprintf(csrf[1], 64, "%s", sstate_csrf(s, "x"))) > 0,
	    "and another");
	sstate_free(s);
	T(checks(env, t[0], csrf[0]) == 0 &&
		checks(env, t[0], csrf[1]) == SSTATE_EAUTH,
	    "R-60 nobody else's token");
	sstate_close(env);
}

/* What was ended does not come back by a reload, nor half of it. */
static void
reload_gone(void)
{
	struct sstate_session *x, *y;
	char t[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	pair(&k, 0, &env, t, &x, &y);
	NEED(sstate_logout(y) == 0, "ended by another");
	sstate_setstr(x, SSTATE_STORED, "a", "x");
	T(sstate_commit(x) == SSTATE_EGONE && sstate_reload(x) == SSTATE_EGONE,
	    "R-26 commit and reload: EGONE");
	sstate_setstr(x, SSTATE_STORED, "a", "x");
	T(sstate_commit(x) == SSTATE_EGONE && sstate_token(x) == NULL,
	    "I7 no record is made whose token nobody gets");
	T(sstate_logout(x) == 0 &&
		sstate_setstr(x, SSTATE_STORED, "a", "x") == 0 &&
		sstate_commit(x) == 0 && sstate_token(x) != NULL,
	    "after a log-out another one may begin");
	drop(env, x, y);
}

/* What was sent is taken up once: not over what was committed since. */
static void
reload_sent(void)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_param none = { "e", { NULL, 0 }, SSTATE_FROM_QUERY };
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	kit_init(&k, NULL);
	NEED((env = kit_open(&k)) != NULL, "an environment");
	how.mindset = SSTATE_UNFORGETFUL;
	web.query = "color=red";
	web.params = &none;
	web.nparams = 1;
	NEED(sstate_begin(&s, env, &how, &web, NULL) == 0, "a request");
	T(sstate_str(s, SSTATE_SENT, "e") != NULL &&
		*sstate_str(s, SSTATE_SENT, "e") == '\0',
	    "an empty value without bytes is an empty string");
	sstate_setstr(s, SSTATE_STORED, "color", "blue");
	T(sstate_reload(s) == 0 && kit_is(s, "color", "red"),
	    "K24 before a commit: what was sent, again");
	sstate_setstr(s, SSTATE_STORED, "color", "blue");
	T(sstate_commit(s) == 0 && sstate_reload(s) == 0 &&
		kit_is(s, "color", "blue") && sstate_commit(s) == 0,
	    "after it: what is stored");
	sstate_free(s);
	none.value.len = 1;
	T(sstate_begin(&s, env, &how, &web, NULL) == SSTATE_EINVAL,
	    "a parameter without its bytes is EINVAL");
	sstate_close(env);
}

int
main(void)
{
	merge();
	bad_incr();
	strict();
	must_exist();
	born();
	inspect();
	age();
	reload();
	reload_new();
	reload_gone();
	reload_sent();
	clear();
	octets();
	limits();
	return tap_done();
}
