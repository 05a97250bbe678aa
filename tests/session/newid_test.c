/*
 * newid_test.c - log-in, rotation, grace and reuse
 *
 * A log-in ends the old id at once; a plain rotation lets it follow for a
 * grace, and never after that.
 */
#include "../tap.h"
#include "kit.h"

static char dir[256], uri[300], ring[300];
static unsigned nth;
static const char *on;

static void
start(struct kit *k, int file)
{
	kit_init(k, NULL);
	on = file ? "file:" : "memory:";
	nth++;
	if (!file)
		return;
	(void)snprintf(uri, sizeof(uri), "file:%s/s%u?sync=none", dir, nth);
	(void)snprintf(ring, sizeof(ring), "%s/r%u", dir, nth);
	k->stores[0] = uri;
	k->o.keyring = ring;
}

/* Rotate the token's session; the new token replaces it. */
static int
rotate(struct sstate *env, const char *old, char new[KIT_TOKEN + 1])
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1] = "";
	int r;

	if ((r = kit_begin(&s, env, old, SSTATE_MUST_EXIST)) == 0 &&
	    (r = sstate_rotate(s)) == 0 && (r = sstate_commit(s)) == 0)
		kit_token(t, s);
	sstate_free(s);
	memcpy(new, t, sizeof(t));
	return r;
}

/* A commit under the token: it has been used by its client. */
static int
use(struct sstate *env, const char *token)
{
	return kit_put(env, token, "used", 1);
}

static void
login(int file)
{
	const struct sstate_info *in;
	struct sstate_session *s, *slow;
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1], again[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.lifetime = 3600;
	k.o.idle = 3600;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "cart", "3", NULL) == 0, "an anonymous one");
	k.clock += 1000;
	NEED(kit_begin(&slow, env, old, 0) == 0, "a slow request");
	sstate_setstr(slow, SSTATE_STORED, "cart", "9");
	NEED(kit_begin(&s, env, old, SSTATE_MUST_EXIST) == 0, "another");
	T(sstate_user(s) == NULL && sstate_inspect(s)->login == 0,
	    "R-30 %s: nobody, never", on);
	sstate_setstr(s, SSTATE_STORED, "user", "root");
	sstate_setstr(s, SSTATE_STORED, "login", "1");
	T(sstate_user(s) == NULL, "R-30 %s: a stored name is no log-in", on);
	T(sstate_login(s, "ann") == 0, "R-24 %s: login", on);
	T(sstate_user(s) != NULL && strcmp(sstate_user(s), "ann") == 0,
	    "%s: sstate_user() tells", on);
	T(sstate_commit(s) == 0, "R-24 %s: commit", on);
	kit_token(new, s);
	in = sstate_inspect(s);
	T(in->login == KIT_START + 1000 && in->created == KIT_START + 1000 &&
		in->expires == KIT_START + 1000 + 3600,
	    "R-21 R-29 %s: time of log-in noted, life begins anew", on);
	T(sstate_setstr(s, SSTATE_STORED, "more", "1") == 0 &&
		sstate_commit(s) == 0,
	    "%s: the session goes on after it", on);
	kit_token(again, s);
	sstate_free(s);
	T(new[0] != '\0' && strcmp(new, old) != 0 && strcmp(new, again) == 0,
	    "R-24 %s: another id, once", on);
	T(kit_opens(env, old) == SSTATE_EGONE,
	    "R-24 %s: the old id opens nothing: EGONE (%d)", on,
	    kit_opens(env, old));
	T(sstate_commit(slow) == SSTATE_EGONE && sstate_token(slow) == NULL,
	    "R-24 %s: a parallel request under it: EGONE", on);
	sstate_free(slow);
	NEED(kit_begin(&s, env, new, SSTATE_MUST_EXIST) == 0, "the new opens");
	T(kit_is(s, "cart", "3") && kit_is(s, "more", "1") &&
		strcmp(sstate_user(s), "ann") == 0,
	    "R-24 %s: all is in it, and who", on);
	T(sstate_inspect(s)->login == KIT_START + 1000,
	    "R-29 %s: and since when", on);
	sstate_free(s);
	NEED(kit_begin(&s, env, old, 0) == 0, "%s: the old one, lenient", on);
	T(kit_is(s, "cart", NULL) && sstate_user(s) == NULL &&
		(sstate_inspect(s)->flags & SSTATE_IS_NEW),
	    "R-24 %s: begins a new session", on);
	sstate_free(s);
	sstate_close(env);
}

/* Again, as another, and of a session that was never stored. */
static void
login_more(int file)
{
	char a[KIT_TOKEN + 1], b[KIT_TOKEN + 1], c[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	char big[300];
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_begin(&s, env, NULL, 0) == 0, "a new request");
	T(sstate_login(s, "ann") == 0 && sstate_commit(s) == 0,
	    "%s: login alone makes a record", on);
	kit_token(a, s);
	sstate_free(s);
	NEED(kit_begin(&s, env, a, SSTATE_MUST_EXIST) == 0, "it opens");
	T(sstate_login(s, "bob") == 0 && sstate_commit(s) == 0,
	    "%s: as another", on);
	kit_token(b, s);
	sstate_free(s);
	T(strcmp(a, b) != 0 && kit_opens(env, a) != 0, "R-24 %s: new id again",
	    on);
	NEED(kit_begin(&s, env, b, SSTATE_MUST_EXIST) == 0, "it opens");
	T(strcmp(sstate_user(s), "bob") == 0, "R-30 %s: bob now", on);
	T(sstate_login(s, "bob") == 0 && sstate_commit(s) == 0,
	    "R-29 %s: step-up: the same again", on);
	kit_token(c, s);
	sstate_free(s);
	T(strcmp(c, b) != 0 && kit_opens(env, b) != 0 && kit_opens(env, c) == 0,
	    "R-24 %s: new id for a step-up", on);

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	NEED(kit_begin(&s, env, c, SSTATE_MUST_EXIST) == 0, "a request");
	T(sstate_login(s, big) < 0 && sstate_commit(s) < 0,
	    "%s: a user of 299 octets is refused, the failure is kept", on);
	sstate_free(s);
	NEED(kit_begin(&s, env, c, SSTATE_MUST_EXIST) == 0, "a request");
	T(sstate_login(s, "") < 0, "%s: an empty user is refused", on);
	sstate_free(s);
	T(kit_opens(env, c) == 0, "%s: the session is as it was", on);
	NEED(kit_begin(&s, env, c, SSTATE_MUST_EXIST) == 0, "a request");
	NEED(sstate_csrf(s, "buy") != NULL, "renders a token");
	T(sstate_login(s, "eve") == SSTATE_EINVAL,
	    "%s: login after the first token of a page is EINVAL", on);
	sstate_free(s);
	NEED(kit_begin(&s, env, c, SSTATE_MUST_EXIST) == 0, "a request");
	NEED(sstate_csrf(s, "buy") != NULL, "renders a token");
	T(sstate_rotate(s) == SSTATE_EINVAL, "%s: rotate too", on);
	sstate_free(s);
	NEED(kit_begin(&s, env, c, SSTATE_MUST_EXIST) == 0, "a request");
	T(strcmp(sstate_user(s), "bob") == 0, "R-30 %s: bob still", on);
	T(sstate_login(s, "eve") == 0, "login, not committed");
	sstate_free(s);
	NEED(kit_begin(&s, env, c, SSTATE_MUST_EXIST) == 0,
	    "%s: only marked: without a commit the id stands", on);
	T(strcmp(sstate_user(s), "bob") == 0, "R-30 %s: and bob with it", on);
	T(sstate_login(s, "eve") == 0 && sstate_reload(s) == 0 &&
		strcmp(sstate_user(s), "bob") == 0,
	    "%s: reload drops a log-in", on);
	sstate_free(s);
	sstate_close(env);
}

/* CSRF tokens die with a log-in, live on through a rotation. */
static int
checks(struct sstate *env, const char *token, const char *csrf)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	char body[128];
	int r;

	how.flags = SSTATE_MUST_EXIST;
	(void)snprintf(body, sizeof(body), ".csrf=%s", csrf);
	web.method = "POST";
	web.form.ptr = body;
	web.form.len = strlen(body);
	web.token.ptr = token;
	web.token.len = strlen(token);
	if ((r = sstate_begin(&s, env, &how, &web, NULL)) == 0)
		r = sstate_check(s, "buy");
	sstate_free(s);
	return r;
}

static void
csrf(int file)
{
	char t[KIT_TOKEN + 1], u[KIT_TOKEN + 1], tok[80];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(t, env, "a", "1", NULL) == 0 &&
		kit_begin(&s, env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	(void)snprintf(tok, sizeof(tok), "%s", sstate_csrf(s, "buy"));
	NEED(sstate_commit(s) == 0, "commit");
	sstate_free(s);
	T(checks(env, t, tok) == 0, "R-60 %s: the token holds", on);
	T(rotate(env, t, u) == 0 && checks(env, u, tok) == 0,
	    "R-60 %s: also after a plain rotation", on);
	NEED(kit_begin(&s, env, u, SSTATE_MUST_EXIST) == 0 &&
		sstate_login(s, "ann") == 0 && sstate_commit(s) == 0,
	    "login");
	kit_token(t, s);
	sstate_free(s);
	T(checks(env, t, tok) == SSTATE_EAUTH, "R-60 %s: not after a log-in",
	    on);
	sstate_close(env);
}

/* ---- Rotation -------------------------------------------------------- */

static void
rotation(int file)
{
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1], t[KIT_TOKEN + 1];
	const struct sstate_info *in;
	struct sstate_session *s;
	struct sstate *env;
	uint64_t rev;
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "a", "1", "ann") == 0, "a session");
	k.clock += 50;
	NEED(kit_begin(&s, env, old, SSTATE_MUST_EXIST) == 0, "a request");
	rev = sstate_inspect(s)->rev;
	sstate_setstr(s, SSTATE_STORED, "b", "2");
	T(sstate_rotate(s) == 0 && sstate_commit(s) == 0, "%s: rotate", on);
	kit_token(new, s);
	sstate_free(s);
	T(new[0] != '\0' && strcmp(old, new) != 0, "%s: another id", on);
	NEED(kit_begin(&s, env, new, SSTATE_MUST_EXIST) == 0, "it opens");
	in = sstate_inspect(s);
	T(kit_is(s, "a", "1") && kit_is(s, "b", "2") &&
		strcmp(sstate_user(s), "ann") == 0,
	    "%s: rotate keeps everything, changes too", on);
	T(in->created == KIT_START && in->login == KIT_START,
	    "R-21 %s: created and login are copied", on);
	T(in->rev > rev, "%s: the revision goes on counting", on);
	sstate_free(s);

	k.clock += 119;
	NEED(kit_begin(&s, env, old, SSTATE_MUST_EXIST) == 0,
	    "%s: within the grace the old token opens", on);
	T(kit_is(s, "b", "2"), "%s: the successor", on);
	sstate_setstr(s, SSTATE_STORED, "c", "3");
	T(sstate_commit(s) == 0, "%s: and commits to it", on);
	kit_token(t, s);
	T(strcmp(t, new) == 0, "%s: it is handed the successor's token", on);
	sstate_free(s);
	NEED(kit_begin(&s, env, new, SSTATE_MUST_EXIST) == 0, "the new opens");
	T(kit_is(s, "c", "3"), "%s: what was set by the old is there", on);
	sstate_free(s);
	k.clock += 2;
	T(kit_opens(env, old) == SSTATE_EGONE,
	    "I4 %s: after the grace it opens nothing (%d)", on,
	    kit_opens(env, old));
	T(kit_opens(env, new) == 0, "%s: the new one does", on);
	sstate_close(env);
}

/* A request begun before a rotation, and ended within or after the grace. */
static void
rotation_slow(int file)
{
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1], t[KIT_TOKEN + 1];
	struct sstate_session *in, *out;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.grace = 10;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "a", "1", NULL) == 0 &&
		kit_begin(&in, env, old, 0) == 0 &&
		kit_begin(&out, env, old, 0) == 0,
	    "two slow requests");
	sstate_incr(NULL, in, "n", 1);
	sstate_incr(NULL, out, "n", 1);
	NEED(rotate(env, old, new) == 0, "a rotation");
	k.clock += 9;
	T(sstate_commit(in) == 0, "%s: within the grace it commits", on);
	kit_token(t, in);
	T(strcmp(t, new) == 0 && kit_int(env, new, "n") == 1,
	    "%s: to the successor, whose token it gets", on);
	sstate_free(in);
	k.clock += 2;
	T(sstate_commit(out) == SSTATE_EGONE && sstate_token(out) == NULL,
	    "I4 %s: after it: EGONE, and no token", on);
	sstate_free(out);
	T(kit_int(env, new, "n") == 1, "%s: nothing was written", on);
	sstate_close(env);
}

/* Two rotations in a row within the grace: the first id still follows. */
static void
chain(int file)
{
	char a[KIT_TOKEN + 1], b[KIT_TOKEN + 1], c[KIT_TOKEN + 1];
	char t[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(a, env, "a", "1", NULL) == 0, "a session");
	T(rotate(env, a, b) == 0 && rotate(env, b, c) == 0, "%s: twice", on);
	T(kit_put(env, a, "x", 5) == 0 && kit_int(env, c, "x") == 5,
	    "%s: the first id leads to the last", on);
	NEED(kit_begin(&s, env, a, SSTATE_MUST_EXIST) == 0, "by the first");
	T(sstate_logout(s) == 0, "R-25 %s: it logs out", on);
	kit_token(t, s);
	T(t[0] == '\0', "R-25 %s: no token", on);
	sstate_free(s);
	T(kit_opens(env, a) != 0 && kit_opens(env, b) != 0 &&
		kit_opens(env, c) != 0,
	    "R-25 %s: and none opens any more", on);
	sstate_close(env);
}

/* A log-out that began before a rotation ends the successor all the same. */
static void
logout_slow(int file)
{
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "a", "1", NULL) == 0 &&
		kit_begin(&s, env, old, SSTATE_MUST_EXIST) == 0 &&
		rotate(env, old, new) == 0,
	    "rotated meanwhile");
	T(sstate_logout(s) == 0, "R-25 %s: a slow log-out", on);
	sstate_free(s);
	T(kit_opens(env, old) != 0 && kit_opens(env, new) != 0,
	    "R-25 %s: ends the successor, too", on);
	sstate_close(env);
}

/* A log-in by the old id within the grace ends the successor, too. */
static void
login_in_grace(int file)
{
	char a[KIT_TOKEN + 1], b[KIT_TOKEN + 1], c[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;
	int r;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(a, env, "a", "1", NULL) == 0 && rotate(env, a, b) == 0,
	    "rotated");
	NEED(kit_begin(&s, env, a, SSTATE_MUST_EXIST) == 0, "by the old id");
	r = sstate_login(s, "ann");
	r = r != 0 ? r : sstate_commit(s);
	kit_token(c, s);
	sstate_free(s);
	T(r == 0 && kit_opens(env, c) == 0, "%s: login within the grace", on);
	T(kit_opens(env, a) != 0 && kit_opens(env, b) != 0,
	    "R-24 %s: neither old id opens", on);
	NEED(kit_make(a, env, "a", "1", NULL) == 0 && rotate(env, a, b) == 0 &&
		kit_begin(&s, env, b, SSTATE_MUST_EXIST) == 0,
	    "rotated");
	r = sstate_login(s, "ann");
	r = r != 0 ? r : sstate_commit(s);
	kit_token(c, s);
	sstate_free(s);
	T(r == 0 && kit_opens(env, c) == 0 && kit_opens(env, a) != 0 &&
		kit_opens(env, b) != 0,
	    "R-24 %s: login by the new id: the stub leads nowhere", on);
	sstate_close(env);
}

/* ---- Cookies: by themselves, every 15 minutes ------------------------ */

static void
automatic(int file)
{
	struct kit_heads first, second, late;
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.flags = SSTATE_CARRY_COOKIE;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_visit(&s, env, NULL, 0) == 0, "a first visit");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	NEED(sstate_commit(s) == 0, "stored");
	kit_headers(&first, s);
	sstate_free(s);
	k.clock += 899;
	NEED(kit_visit(&s, env, first.pair, SSTATE_MUST_EXIST) == 0, "899 s");
	T(sstate_commit(s) == 0, "%s: a reader", on);
	kit_headers(&second, s);
	sstate_free(s);
	T(second.cookies == 0 || strcmp(second.pair, first.pair) == 0,
	    "%s: no other id before 900 s", on);
	k.clock += 2;
	NEED(kit_visit(&s, env, first.pair, SSTATE_MUST_EXIST) == 0, "901 s");
	sstate_setstr(s, SSTATE_STORED, "b", "2");
	T(sstate_commit(s) == 0, "%s: commit", on);
	kit_headers(&second, s);
	sstate_free(s);
	T(second.cookies == 1 && strlen(second.value) == KIT_TOKEN &&
		strcmp(second.pair, first.pair) != 0,
	    "%s: another id after 900 s", on);
	k.clock += 100;
	NEED(kit_visit(&s, env, first.pair, SSTATE_MUST_EXIST) == 0,
	    "%s: the old cookie, within the grace", on);
	T(kit_is(s, "b", "2") && sstate_commit(s) == 0, "%s: follows", on);
	kit_headers(&late, s);
	sstate_free(s);
	T(late.cookies == 1 && strcmp(late.pair, second.pair) == 0,
	    "%s: and is sent the successor's Set-Cookie", on);
	k.clock += 21;
	T(kit_visit(&s, env, first.pair, SSTATE_MUST_EXIST) == SSTATE_EGONE,
	    "I4 %s: not after it", on);
	sstate_free(s);
	T(kit_visit(&s, env, second.pair, SSTATE_MUST_EXIST) == 0,
	    "%s: the new one opens", on);
	sstate_free(s);
	sstate_close(env);
}

/* A reader is rotated too; the option decides when, and never. */
static void
automatic_option(void)
{
	static const struct {
		int64_t rotate, wait;
		uint32_t carry;
		int want;
	} tab[] = {
		{ 60, 61, SSTATE_CARRY_COOKIE, 1 },
		{ 60, 59, SSTATE_CARRY_COOKIE, 0 },
		{ -1, 1700, SSTATE_CARRY_COOKIE, 0 },
		{ 0, 1700, SSTATE_CARRY_COOKIE, 1 },
		{ 0, 1700, SSTATE_CARRY_OWN, 0 },
		{ 0, 800, SSTATE_CARRY_PAGE, 0 },
	};
	char a[KIT_TOKEN + 1], b[KIT_TOKEN + 1];
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web;
	static const struct sstate_web init = SSTATE_WEB_INIT;
	struct sstate_session *s;
	struct kit_heads h;
	struct sstate *env;
	char query[80];
	struct kit k;
	size_t i;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		start(&k, 0);
		k.o.flags = tab[i].carry;
		k.o.rotate = tab[i].rotate;
		NEED((env = kit_open(&k)) != NULL, "opens");
		NEED(kit_make(a, env, "a", "1", NULL) == 0, "a session");
		NEED(kit_begin(&s, env, NULL, 0) == 0, "a session");
		sstate_setstr(s, SSTATE_STORED, "a", "1");
		NEED(sstate_commit(s) == 0, "stored");
		kit_headers(&h, s);
		kit_token(a, s);
		sstate_free(s);
		k.clock += tab[i].wait;
		web = init;
		how.flags = SSTATE_MUST_EXIST;
		if (tab[i].carry == SSTATE_CARRY_COOKIE) {
			web.header = kit_cookie;
			web.arg = h.pair;
		} else if (tab[i].carry == SSTATE_CARRY_PAGE) {
			(void)snprintf(query, sizeof(query), ".id=%s", a);
			web.query = query;
		} else {
			web.token.ptr = a;
			web.token.len = strlen(a);
		}
		NEED(sstate_begin(&s, env, &how, &web, NULL) == 0, "a reader");
		T(sstate_commit(s) == 0, "commits");
		kit_token(b, s);
		sstate_free(s);
		T((strcmp(a, b) != 0) == tab[i].want,
		    "rotate %lld, after %lld s, carrier %u: %s",
		    (long long)tab[i].rotate, (long long)tab[i].wait,
		    (unsigned)tab[i].carry,
		    tab[i].want ? "another id" : "the same");
		sstate_close(env);
	}
}

/* ---- Reuse ----------------------------------------------------------- */

static void
reuse(int file, uint32_t flag)
{
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.flags |= flag;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "a", "1", "ann") == 0 &&
		rotate(env, old, new) == 0 && use(env, new) == 0,
	    "rotated, and the new id used");
	k.clock += 60;
	T(kit_opens(env, old) == 0 && !kit_logged(&k, "REUSE"),
	    "%s: within the grace it is no reuse", on);
	k.clock += 61;
	T(kit_opens(env, old) == SSTATE_EGONE,
	    "I4 %s: after it the old one opens nothing", on);
	T(kit_logged(&k, "REUSE"), "%s: REUSE is logged", on);
	T(!kit_logged(&k, old) && !kit_logged(&k, new),
	    "R-12 %s: without an id in it", on);
	if (flag == 0)
		T(kit_opens(env, new) == 0, "%s: the session goes on", on);
	else
		T(kit_opens(env, new) != 0, "%s: END_ON_REUSE ends both", on);
	sstate_close(env);

	/* Not used: the client may never have had it. */
	start(&k, file);
	k.o.flags |= flag;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "a", "1", "ann") == 0 &&
		rotate(env, old, new) == 0,
	    "rotated, the new id not used");
	k.clock += 121;
	NEED(kit_begin(&s, env, old, 0) == 0, "the old id, lenient");
	T(kit_is(s, "a", NULL), "I4 %s: opens nothing", on);
	sstate_free(s);
	T(!kit_logged(&k, "REUSE") && kit_opens(env, new) == 0,
	    "%s: unused: no REUSE, nothing ends", on);
	sstate_close(env);
}

/* Superseded twice meanwhile: the first id is as stolen as before. */
static void
reuse_later(int file, uint32_t flag)
{
	char a[KIT_TOKEN + 1], b[KIT_TOKEN + 1], c[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.flags |= flag;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(a, env, "a", "1", "ann") == 0 && rotate(env, a, b) == 0 &&
		use(env, b) == 0,
	    "rotated, and the new id used");
	k.clock += 300;
	NEED(rotate(env, b, c) == 0 && use(env, c) == 0, "rotated again");
	k.clock += 30;
	T(kit_opens(env, a) == SSTATE_EGONE && kit_logged(&k, "REUSE"),
	    "%s: REUSE is logged, two ids later", on);
	T((kit_opens(env, c) == 0) == (flag == 0),
	    "%s: END_ON_REUSE ends what there is by now", on);
	sstate_close(env);

	/* The second was never used, its successor was. */
	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(a, env, "a", "1", "ann") == 0 && rotate(env, a, b) == 0 &&
		rotate(env, a, c) == 0,
	    "rotated twice by the old id");
	k.clock += 121;
	T(kit_opens(env, a) == SSTATE_EGONE && !kit_logged(&k, "REUSE"),
	    "%s: neither was used: no REUSE", on);
	NEED(use(env, c) == 0, "the last is used");
	T(kit_opens(env, a) == SSTATE_EGONE && kit_logged(&k, "REUSE"),
	    "%s: then it is", on);
	sstate_close(env);
}

/* However many ids later: a log-out by the first ends the session. */
static void
logout_far(int file, int ids)
{
	char t[2][KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;
	int i, bad = 0;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(t[0], env, "a", "1", NULL) == 0 &&
		kit_begin(&s, env, t[0], SSTATE_MUST_EXIST) == 0,
	    "a slow request");
	for (i = 0; i < ids; i++)
		bad += rotate(env, t[i & 1], t[!(i & 1)]) != 0;
	T(bad == 0, "%d rotations meanwhile", ids);
	T(sstate_logout(s) == 0 && kit_opens(env, t[ids & 1]) != 0,
	    "R-25 %s: it logs out: the newest id opens nothing", on);
	sstate_free(s);
	sstate_close(env);
}

/* STRICT: a conflict is told, also where a new id was wanted. */
static void
strict(int file, int in)
{
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.flags |= SSTATE_STRICT;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "n", "0", NULL) == 0 &&
		kit_begin(&s, env, old, SSTATE_MUST_EXIST) == 0,
	    "a request");
	sstate_setint(s, SSTATE_STORED, "n", 5);
	NEED((in ? sstate_login(s, "ann") : sstate_rotate(s)) == 0 &&
		sstate_csrf(s, "x") != NULL,
	    "a new id, and a page under it");
	NEED(kit_put(env, old, "n", 9) == 0, "another one");
	T(sstate_commit(s) == SSTATE_ECONFLICT &&
		sstate_commit(s) == SSTATE_ECONFLICT,
	    "STRICT %s, %s: ECONFLICT", on, in ? "login" : "rotate");
	T(kit_int(env, old, "n") == 9, "and nothing is written");
	T(sstate_reload(s) == 0 &&
		sstate_int(s, SSTATE_STORED, "n", 0, 9, 0) == 9 &&
		sstate_user(s) == NULL,
	    "reload");
	sstate_setint(s, SSTATE_STORED, "n", 5);
	T((in ? sstate_login(s, "ann") : sstate_rotate(s)) == 0 &&
		sstate_csrf(s, "x") != NULL && sstate_commit(s) == 0,
	    "do it again, commit: 0");
	kit_token(new, s);
	T(kit_int(env, new, "n") == 5 && strcmp(old, new) != 0 &&
		(kit_opens(env, old) == 0) == !in,
	    "the new id has it");
	sstate_free(s);
	sstate_close(env);
}

/* The id in a link; an empty string if there is none. */
static void
linked(char out[KIT_TOKEN + 1], struct sstate_session *s)
{
	const char *link = sstate_link(s, 0, NULL, NULL);
	const char *p = link != NULL ? strstr(link, ".id=") : NULL;

	(void)snprintf(out, KIT_TOKEN + 1, "%.60s", p != NULL ? p + 4 : "");
}

static int
page_begin(struct sstate_session **s, struct sstate *env, const char *token)
{
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	char query[KIT_TOKEN + 8];

	(void)snprintf(query, sizeof(query), ".id=%s", token);
	how.flags = token[0] != '\0' ? SSTATE_MUST_EXIST : 0;
	web.path = "/x";
	web.query = query;
	return sstate_begin(s, env, &how, &web, NULL);
}

/* I7: of two rotations in two pages both pages' links go on. */
static void
two_pages(int file)
{
	char old[KIT_TOKEN + 1], a[KIT_TOKEN + 1], b[KIT_TOKEN + 1];
	struct sstate_session *s, *o;
	struct sstate *env;
	struct kit k;
	int r;

	start(&k, file);
	k.o.flags = SSTATE_CARRY_PAGE;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(page_begin(&s, env, "") == 0 &&
		sstate_setstr(s, SSTATE_STORED, "a", "1") == 0 &&
		sstate_commit(s) == 0,
	    "a session by page");
	kit_token(old, s);
	sstate_free(s);
	NEED(page_begin(&s, env, old) == 0 && sstate_rotate(s) == 0 &&
		page_begin(&o, env, old) == 0 && sstate_rotate(o) == 0,
	    "two rotations at once");
	linked(a, s);
	linked(b, o);
	T(sstate_commit(o) == 0 && sstate_commit(s) == 0, "both commit");
	sstate_free(s);
	sstate_free(o);
	r = page_begin(&s, env, a);
	T(r == 0 && kit_is(s, "a", "1"), "I7 %s: the later page's link", on);
	sstate_free(s);
	r = page_begin(&s, env, b);
	T(r == 0 && kit_is(s, "a", "1"), "I7 %s: the earlier page's link", on);
	sstate_free(s);
	sstate_close(env);
}

int
main(void)
{
	int file;

	kit_folder(dir);
	for (file = 0; file < 2; file++) {
		login(file);
		login_more(file);
		csrf(file);
		rotation(file);
		rotation_slow(file);
		chain(file);
		logout_slow(file);
		login_in_grace(file);
		automatic(file);
		reuse(file, 0);
		reuse(file, SSTATE_END_ON_REUSE);
		reuse_later(file, 0);
		reuse_later(file, SSTATE_END_ON_REUSE);
		logout_far(file, 3);
		logout_far(file, 7);
		strict(file, 0);
		strict(file, 1);
		two_pages(file);
	}
	automatic_option();
	kit_remove(dir);
	return tap_done();
}
