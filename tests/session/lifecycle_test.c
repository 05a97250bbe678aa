/*
 * lifecycle_test.c - when a session lives, and when it has ended for good
 *
 * Time-outs, clocks that go back, log-out, revoke, reaping, renewal and
 * explicit expiry, over memory: and over file:, by a clock set by hand.
 */
#include "../tap.h"
#include "kit.h"

static char dir[256], uri[300], ring[300];
static unsigned nth;
static const char *on; /* the store at hand, for the texts */

/* Options with a store of its own for each subject. */
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

/* to the second, although nobody reaped; by the record's own times. */
static void
idle(int file)
{
	static const struct {
		int64_t idle;
		uint32_t carry;
		int64_t want;
	} tab[] = {
		{ 60, SSTATE_CARRY_OWN, 60 },
		{ 0, SSTATE_CARRY_OWN, 1800 },
		{ 1, SSTATE_CARRY_OWN, 1 },
	};
	char token[KIT_TOKEN + 1], other[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	size_t i;

	for (i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		start(&k, file);
		k.o.idle = tab[i].idle;
		k.o.flags = tab[i].carry;
		NEED((env = kit_open(&k)) != NULL, "%s opens", on);
		NEED(kit_make(token, env, "a", "1", NULL) == 0 &&
			kit_make(other, env, "a", "1", NULL) == 0,
		    "two sessions");
		k.clock += tab[i].want - 1;
		T(kit_int(env, token, "a") == 1,
		    "R-20 %s idle %lld: there until the last second", on,
		    (long long)tab[i].want);
		k.clock += 2;
		T(kit_opens(env, token) == SSTATE_EEXPIRED,
		    "R-20 %s idle %lld: EEXPIRED a second later, unreaped", on,
		    (long long)tab[i].want);
		T(kit_put(env, other, "a", 2) == SSTATE_EEXPIRED,
		    "R-20 %s: nor can it be written", on);
		sstate_close(env);
	}
}

/* A commit that comes after the end has passed changes nothing. */
static void
late_commit(int file)
{
	struct sstate_session *s;
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.idle = 60;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", NULL) == 0, "a session");
	NEED(kit_begin(&s, env, token, 0) == 0, "a slow request begins");
	sstate_setstr(s, SSTATE_STORED, "a", "2");
	k.clock += 61;
	T(sstate_commit(s) == SSTATE_EGONE,
	    "I4 %s: expired before the commit: EGONE", on);
	sstate_free(s);
	T(kit_opens(env, token) != 0, "I4 %s: it does not revive it", on);
	sstate_close(env);
}

/* activity moves the idle deadline, never the absolute one. */
static void
lifetime(int file)
{
	const struct sstate_info *in;
	struct sstate_session *s;
	char token[KIT_TOKEN + 1];
	int64_t t, max = 0;
	struct sstate *env;
	int r = 0, i;
	struct kit k;

	start(&k, file);
	k.o.idle = 60;
	k.o.lifetime = 300;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "0", NULL) == 0, "a session");
	for (i = 1; i <= 5 && r == 0; i++) {
		k.clock += 50;
		r = kit_put(env, token, "a", i);
	}
	T(r == 0, "R-21 %s: used every 50 s, it lives (%d)", on, r);
	for (t = 0; t < 5; t++) {
		k.clock += 9;
		if ((r = kit_begin(&s, env, token,
			 SSTATE_EAGER | SSTATE_MUST_EXIST)) != 0)
			break;
		if (t == 2)
			sstate_rotate(s);
		r = sstate_commit(s);
		kit_token(token, s);
		in = sstate_inspect(s);
		max = in->expires > max ? in->expires : max;
		sstate_free(s);
	}
	T(r == 0 && max == KIT_START + 300,
	    "R-21 %s: writing and rotating do "
	    "not extend the life (%d, ends at +%lld)",
	    on, r, (long long)(max - KIT_START));
	k.clock = KIT_START + 299;
	T(kit_opens(env, token) == 0, "R-21 %s: there until 299 s", on);
	k.clock = KIT_START + 301;
	T(kit_opens(env, token) == SSTATE_EEXPIRED,
	    "R-21 %s: EEXPIRED at 301 s", on);
	sstate_close(env);

	start(&k, file);
	k.o.idle = 43200;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "0", NULL) == 0, "a session");
	k.clock += 43000;
	T(kit_put(env, token, "a", 1) == 0, "R-21 %s: 12 h by default", on);
	k.clock = KIT_START + 43201;
	T(kit_opens(env, token) == SSTATE_EEXPIRED, "R-21 %s: and no longer",
	    on);
	sstate_close(env);
}

/* R-23 in one process: back by 10 s, 10 min, a year. */
static void
clock_back(int file)
{
	static const int64_t back[] = { 10, 600, 31536000 };
	char dead[KIT_TOKEN + 1], live[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	int64_t end = 0;
	struct kit k;
	size_t i;
	int r;

	for (i = 0; i < 3; i++) {
		start(&k, file);
		k.o.idle = 60;
		k.o.lifetime = 3600;
		NEED((env = kit_open(&k)) != NULL, "%s opens", on);
		NEED(kit_make(dead, env, "a", "1", NULL) == 0, "a session");
		k.clock += 61;
		NEED(kit_make(live, env, "a", "1", NULL) == 0, "a second");
		T(kit_opens(env, dead) == SSTATE_EEXPIRED, "%s: expired", on);
		k.clock -= back[i];
		T(kit_opens(env, dead) != 0,
		    "R-23 %s: %lld s back do not revive it", on,
		    (long long)back[i]);
		r = kit_begin(&s, env, live, SSTATE_MUST_EXIST);
		if (r == 0) {
			sstate_setstr(s, SSTATE_STORED, "a", "2");
			r = sstate_commit(s);
			end = sstate_inspect(s)->expires;
		}
		sstate_free(s);
		T(r == 0 && end == KIT_START + 61 + 60,
		    "R-23 %s: %lld s back "
		    "neither end nor extend a live one (%d, +%lld)",
		    on, (long long)back[i], r, (long long)(end - KIT_START));
		if (back[i] > 300)
			T(kit_logged(&k, "CLOCK"), "R-23 %s: CLOCK is logged",
			    on);
		k.clock = KIT_START + 61 + 61;
		T(kit_opens(env, live) == SSTATE_EEXPIRED,
		    "R-23 %s: it ends when it would have", on);
		sstate_close(env);
	}
}

/* R-23 across processes: the folder knows what time was seen. */
static void
clock_between(void)
{
	struct sstate *a, *b;
	char token[KIT_TOKEN + 1], far[KIT_TOKEN + 1];
	struct kit k, k2;

	start(&k, 1);
	k.o.idle = 60;
	NEED((a = kit_open(&k)) != NULL, "one environment");
	NEED(kit_make(token, a, "a", "1", NULL) == 0, "a session");
	k.clock += 600;
	T(kit_opens(a, token) == SSTATE_EEXPIRED, "R-23 expired for one");
	NEED(kit_make(far, a, "a", "1", NULL) == 0, "one of later");
	k2 = k;
	k2.o.arg = &k2;
	k2.o.stores = k2.stores;
	k2.clock = KIT_START + 1;
	NEED((b = kit_open(&k2)) != NULL, "another, its clock 10 min back");
	T(kit_opens(b, token) != 0, "R-23 not revived for the other, either");
	T(kit_opens(b, far) == 0,
	    "R-23 with the time seen by all, the later one is no future");
	sstate_close(b);
	sstate_close(a);
}

/* ---- Ended ----------------------------------------------------------- */

/* after a log-out nothing opens, nothing is written. */
static void
logout(int file)
{
	struct sstate_session *s, *slow;
	char token[KIT_TOKEN + 1], next[KIT_TOKEN + 1];
	struct kit_heads h;
	struct sstate *env;
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", "ann") == 0, "a session");
	NEED(kit_begin(&slow, env, token, 0) == 0, "a slow request");
	sstate_setstr(slow, SSTATE_STORED, "a", "2");
	NEED(kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0, "another");
	T(sstate_logout(s) == 0, "R-25 %s: logout", on);
	T(kit_opens(env, token) != 0, "R-25 %s: acts at once", on);
	T(sstate_inspect(s)->flags & SSTATE_IS_ENDED, "%s: IS_ENDED", on);
	T(sstate_user(s) == NULL, "%s: nobody is logged in then", on);
	T(sstate_token(s) == NULL, "%s: no token then", on);
	T(kit_is(s, "a", NULL) && sstate_next(s, SSTATE_STORED, NULL) == NULL,
	    "%s: nothing of it is left to read", on);
	T(sstate_commit(s) == 0, "%s: commit after it is 0", on);
	sstate_free(s);
	T(sstate_commit(slow) == SSTATE_EGONE, "R-26 %s: the slow one: EGONE",
	    on);
	T(sstate_inspect(slow)->flags & SSTATE_IS_ENDED,
	    "R-26 %s: and IS_ENDED", on);
	T(sstate_commit(slow) == SSTATE_EGONE, "R-26 %s: again: EGONE", on);
	T(sstate_token(slow) == NULL, "R-26 %s: no token from it", on);
	kit_headers(&h, slow);
	T(h.cookies == 0, "R-26 %s: no Set-Cookie from it", on);
	sstate_free(slow);
	T(kit_opens(env, token) != 0, "R-26 %s: the token opens nothing", on);

	NEED(kit_make(token, env, "old", "1", "ann") == 0, "a session");
	NEED(kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0, "its request");
	NEED(sstate_logout(s) == 0, "logs out");
	T(sstate_setstr(s, SSTATE_STORED, "msg", "bye") == 0 &&
		sstate_commit(s) == 0,
	    "%s: a message set after it", on);
	kit_token(next, s);
	sstate_free(s);
	T(next[0] != '\0' && strcmp(next, token) != 0,
	    "%s: begins another session", on);
	T(kit_opens(env, token) != 0, "R-25 %s: the old one stays ended", on);
	NEED(kit_begin(&s, env, next, SSTATE_MUST_EXIST) == 0, "%s: opens", on);
	T(kit_is(s, "msg", "bye") && kit_is(s, "old", NULL) &&
		sstate_user(s) == NULL && sstate_inspect(s)->login == 0,
	    "%s: with the message and nothing of the old in it", on);
	sstate_free(s);

	NEED(kit_begin(&s, env, NULL, 0) == 0, "a new request");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	T(sstate_logout(s) == 0, "%s: logout of what was never stored", on);
	T(sstate_commit(s) == 0 && sstate_token(s) == NULL,
	    "%s: drops what was set", on);
	sstate_free(s);
	sstate_close(env);
}

/* R-25 at the client: the cookie is expired with the same attributes. */
static void
logout_cookie(void)
{
	struct sstate_session *s;
	struct kit_heads in, out;
	struct sstate *env;
	struct kit k;

	start(&k, 0);
	k.o.flags = SSTATE_CARRY_COOKIE | SSTATE_CLEAR_SITE_DATA;
	NEED((env = kit_open(&k)) != NULL, "a cookie environment");
	NEED(kit_visit(&s, env, NULL, 0) == 0, "a first visit");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	NEED(sstate_commit(s) == 0, "stored");
	kit_headers(&in, s);
	sstate_free(s);
	T(in.cookies == 1 && strlen(in.value) == KIT_TOKEN &&
		strncmp(in.cookie, "__Host-", 7) == 0,
	    "R-40 a cookie: %s", in.cookies == 1 ? "one" : "not one");
	NEED(kit_visit(&s, env, in.pair, SSTATE_MUST_EXIST) == 0, "it opens");
	NEED(sstate_logout(s) == 0, "log out");
	T(sstate_commit(s) == 0, "commit");
	kit_headers(&out, s);
	sstate_free(s);
	T(out.cookies == 1 && out.value[0] == '\0' &&
		strncmp(out.pair, in.pair, strcspn(in.pair, "=") + 1) == 0,
	    "R-25 the cookie is emptied under its name: %s", out.cookie);
	T(strcasestr(out.cookie, "Path=/") != NULL &&
		strcasestr(out.cookie, "Secure") != NULL &&
		(strcasestr(out.cookie, "Max-Age=0") != NULL ||
		    strcasestr(out.cookie, "Expires=Thu, 01 Jan 1970") != NULL),
	    "R-25 same path and prefix, expired");
	T(out.clear, "R-25 Clear-Site-Data where it was asked for");
	T(kit_visit(&s, env, in.pair, SSTATE_MUST_EXIST) != 0,
	    "R-25 the cookie opens nothing");
	sstate_free(s);
	/* What fails afterwards does not bring the old cookie back. */
	NEED(kit_visit(&s, env, NULL, 0) == 0 &&
		sstate_setstr(s, SSTATE_STORED, "a", "1") == 0 &&
		sstate_commit(s) == 0,
	    "another one");
	kit_headers(&in, s);
	sstate_free(s);
	NEED(kit_visit(&s, env, in.pair, SSTATE_MUST_EXIST) == 0 &&
		sstate_logout(s) == 0,
	    "log out");
	T(sstate_setstr(s, SSTATE_SENT, "a", "1") == SSTATE_EINVAL &&
		sstate_commit(s) == SSTATE_EINVAL,
	    "and a failure");
	kit_headers(&out, s);
	sstate_free(s);
	T(out.cookies == 1 && out.value[0] == '\0',
	    "R-25 the cookie is emptied all the same");
	sstate_close(env);
}

struct listing {
	unsigned n, same;
	const char *handle; /* to count */
	char first[20];
	int64_t login;
};

static int
note(void *arg, const struct sstate_info *in)
{
	struct listing *l = arg;

	if (l->n++ == 0)
		(void)snprintf(l->first, sizeof(l->first), "%s", in->handle);
	l->same += l->handle != NULL && strcmp(in->handle, l->handle) == 0;
	l->login = in->login;
	return 0;
}

static int
stop(void *arg, const struct sstate_info *in)
{
	(void)in;
	++*(unsigned *)arg;
	return 77;
}

static unsigned
listed(struct sstate *env, const char *user, const char *handle)
{
	struct listing l = { 0, 0, handle, "", 0 };

	if (sstate_list(env, user, note, &l, NULL) != 0)
		return 1000;
	return handle != NULL ? l.same : l.n;
}

static void
handle_of(char out[20], struct sstate *env, const char *token)
{
	struct sstate_session *s;

	out[0] = '\0';
	if (kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0)
		(void)snprintf(out, 20, "%s", sstate_inspect(s)->handle);
	sstate_free(s);
}

/* list and revoke by user, by handle, by both. */
static void
revoking(int file)
{
	char ann[3][KIT_TOKEN + 1], bob[KIT_TOKEN + 1], anon[KIT_TOKEN + 1];
	char ha[20], hb[20], hn[20];
	struct sstate *env;
	unsigned seen = 0;
	uint64_t n = 9;
	struct kit k;
	int i, r = 0;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	for (i = 0; i < 3; i++)
		r |= kit_make(ann[i], env, "i", "1", "ann");
	r |= kit_make(bob, env, "i", "1", "bob");
	r |= kit_make(anon, env, "i", "1", NULL);
	NEED(r == 0, "five sessions");
	handle_of(ha, env, ann[0]);
	handle_of(hb, env, bob);
	handle_of(hn, env, anon);
	T(strlen(ha) == 16 && strspn(ha, "0123456789abcdef") == 16,
	    "a handle is 16 hex characters: %s", ha);
	T(listed(env, NULL, NULL) == 5, "R-27 %s: five in all (%u)", on,
	    listed(env, NULL, NULL));
	T(listed(env, "ann", NULL) == 3 && listed(env, "bob", NULL) == 1 &&
		listed(env, "eve", NULL) == 0,
	    "R-27 %s: by user", on);
	T(listed(env, "ann", ha) == 1 && listed(env, "ann", hb) == 0,
	    "R-27 %s: the handles are theirs", on);
	T(sstate_list(env, "ann", stop, &seen, NULL) == 77 && seen == 1,
	    "%s: non-zero stops the listing, which returns it", on);
	r = sstate_revoke(&n, env, "ann", hb, NULL);
	T(r == SSTATE_ENOTFOUND && n == 0 && kit_opens(env, bob) == 0,
	    "R-27 %s: both given: only if it is his (%d)", on, r);
	T(sstate_revoke(&n, env, "ann", ha, NULL) == 0 && n == 1 &&
		kit_opens(env, ann[0]) != 0 && kit_opens(env, ann[1]) == 0,
	    "R-27 %s: his own, by handle", on);
	T(sstate_revoke(&n, env, NULL, hn, NULL) == 0 && n == 1 &&
		kit_opens(env, anon) != 0,
	    "R-27 %s: by handle alone", on);
	T(sstate_revoke(&n, env, NULL, hn, NULL) == SSTATE_ENOTFOUND,
	    "R-27 %s: no such handle any more: ENOTFOUND", on);
	T(sstate_revoke(&n, env, NULL, "../../etc/passwd", NULL) < 0 &&
		sstate_revoke(&n, env, NULL, "", NULL) < 0 &&
		sstate_revoke(&n, env, NULL, NULL, NULL) < 0,
	    "%s: a handle that is none, or neither, is refused", on);
	T(kit_opens(env, bob) == 0, "%s: and ends nobody", on);
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0 && n == 2 &&
		kit_opens(env, ann[1]) != 0 && kit_opens(env, ann[2]) != 0,
	    "R-27 %s: the others by user (%u)", on, (unsigned)n);
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0 && n == 0,
	    "R-27 %s: none left is 0 ended", on);
	T(kit_opens(env, bob) == 0 && listed(env, NULL, NULL) == 1,
	    "R-27 %s: nobody else is touched", on);
	sstate_close(env);
}

/* R-27 beside R-26: a slow request cannot write back what was revoked. */
static void
revoke_slow(int file)
{
	struct sstate_session *s;
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	uint64_t n;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", "ann") == 0 &&
		kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0,
	    "a request");
	sstate_setstr(s, SSTATE_STORED, "a", "2");
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0 && n == 1, "revoked");
	T(sstate_commit(s) == SSTATE_EGONE, "R-26 %s: revoke: EGONE", on);
	sstate_free(s);
	T(kit_opens(env, token) != 0 && listed(env, "ann", NULL) == 0,
	    "R-26 %s: and ended it stays", on);
	sstate_close(env);
}

/* what is rotated before the revoke is found under its new id. */
static void
revoke_rotated(int file)
{
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1], ho[20], hn[20];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;
	uint64_t n;
	int r;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(old, env, "a", "1", "ann") == 0, "a session");
	handle_of(ho, env, old);
	NEED(kit_begin(&s, env, old, SSTATE_MUST_EXIST) == 0 &&
		sstate_rotate(s) == 0 && sstate_commit(s) == 0,
	    "rotated");
	kit_token(new, s);
	sstate_free(s);
	handle_of(hn, env, new);
	T(strcmp(ho, hn) != 0, "%s: another id, another handle", on);
	T(listed(env, "ann", NULL) == 1 && listed(env, "ann", hn) == 1,
	    "R-27 %s: the stub is not listed, the successor is (%u)", on,
	    listed(env, "ann", NULL));
	r = sstate_revoke(&n, env, NULL, ho, NULL);
	T(r == SSTATE_ENOTFOUND, "%s: a superseded handle is ENOTFOUND (%d)",
	    on, r);
	T(sstate_revoke(&n, env, "ann", NULL, NULL) == 0,
	    "R-27 %s: revoke by user", on);
	T(kit_opens(env, new) != 0 && kit_opens(env, old) != 0,
	    "R-27 %s: complete under rotation: neither id opens", on);
	sstate_close(env);
}

/* ---- Reaping --------------------------------------------------------- */

/* the expired go, the live stay, the limit holds. */
static void
reap(void)
{
	char live[KIT_TOKEN + 1], t[KIT_TOKEN + 1];
	struct sstate *env;
	uint64_t n = 0, sum = 0;
	unsigned i, files;
	struct kit k;
	int r = 0;

	start(&k, 1);
	k.o.idle = 3600;
	NEED((env = kit_open(&k)) != NULL, "file: opens");
	for (i = 0; i < 5; i++)
		r |= kit_make(t, env, "a", "1", i % 2 ? "ann" : NULL);
	k.clock += 3000;
	r |= kit_make(live, env, "a", "1", "ann");
	NEED(r == 0, "six sessions");
	files = kit_files(dir);
	T(sstate_reap(&n, env, 0, 0, NULL) == 0 && n == 0,
	    "R-32 nothing has expired, nothing goes (%u)", (unsigned)n);
	k.clock += 3000;
	T(kit_put(env, live, "a", 2) == 0, "one is used");
	k.clock += 1800;
	T(sstate_reap(&n, env, 0, 2, NULL) == 0 && n == 2,
	    "R-32 the limit holds (%u)", (unsigned)n);
	sum += n;
	T(sstate_reap(&n, env, 0, 0, NULL) == 0, "the rest");
	sum += n;
	T(sum == 5, "R-32 all that expired went, once (%u)", (unsigned)sum);
	T(kit_int(env, live, "a") == 2, "R-32 the live one stays");
	T(kit_files(dir) <= files - 5, "R-32 their files are gone");
	T(listed(env, NULL, NULL) == 1, "R-32 one is listed (%u)",
	    listed(env, NULL, NULL));
	sstate_close(env);
}

/* idle > 0: also what was not written for longer. */
static void
reap_idle(void)
{
	char a[KIT_TOKEN + 1], b[KIT_TOKEN + 1], x[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	uint64_t n = 0;
	struct kit k;

	start(&k, 1);
	k.o.idle = 20000;
	NEED((env = kit_open(&k)) != NULL, "file: opens");
	NEED(kit_make(a, env, "a", "1", NULL) == 0, "one");
	NEED(kit_begin(&s, env, NULL, 0) == 0, "two");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	T(sstate_set_expires(s, 40000) == 0 && sstate_commit(s) == 0,
	    "with an expiry of its own");
	kit_token(x, s);
	sstate_free(s);
	k.clock += 5000;
	NEED(kit_make(b, env, "a", "1", NULL) == 0, "three, later");
	k.clock += 2300;
	T(sstate_reap(&n, env, 3600, 0, NULL) == 0, "reap with idle 3600");
	T(kit_opens(env, a) != 0, "what was not written for 7300 s went");
	T(kit_opens(env, b) == 0, "what was written 2300 s ago stays");
	T(n == 1 || n == 2, "they are counted (%u)", (unsigned)n);
	T(sstate_reap(&n, env, -1, 0, NULL) == SSTATE_EINVAL,
	    "a negative idle is EINVAL");
	sstate_close(env);
}

/* ---- Renewal and explicit expiry ------------------------------------- */

static int64_t
expires_of(struct sstate *env, const char *token)
{
	struct sstate_session *s;
	int64_t t = -1;

	if (kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0)
		t = sstate_inspect(s)->expires;
	sstate_free(s);
	return t;
}

/* One request that only reads, to its end. */
static int
reads(struct sstate *env, const char *token)
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, env, token, SSTATE_MUST_EXIST)) == 0) {
		(void)sstate_str(s, SSTATE_STORED, "a");
		r = sstate_commit(s);
	}
	sstate_free(s);
	return r;
}

static void
renew(int file)
{
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	start(&k, file);
	k.o.idle = 1000;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", NULL) == 0, "a session");
	T(expires_of(env, token) == KIT_START + 1000, "%s: ends after idle",
	    on);
	k.clock += 99;
	T(reads(env, token) == 0 && expires_of(env, token) == KIT_START + 1000,
	    "%s: unchanged, not renewed within idle/10", on);
	k.clock += 2;
	T(reads(env, token) == 0 &&
		expires_of(env, token) == KIT_START + 101 + 1000,
	    "%s: renewed after that (+%lld)", on,
	    (long long)(expires_of(env, token) - KIT_START));
	sstate_close(env);

	start(&k, file);
	k.o.idle = 1000;
	k.o.renew = 5;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", NULL) == 0, "a session");
	k.clock += 6;
	T(reads(env, token) == 0 &&
		expires_of(env, token) == KIT_START + 6 + 1000,
	    "%s: renew says how soon", on);
	sstate_close(env);
}

/* renew_jitter_pct: up to that much earlier, and not all at once. */
static void
jitter(void)
{
	enum { N = 60 };
	static char token[N][KIT_TOKEN + 1];
	unsigned i, early = 0, some = 0, late = 0;
	struct sstate *env;
	struct kit k;
	int r = 0;

	start(&k, 0);
	k.o.idle = 1000;
	k.o.renew = 100;
	k.o.renew_jitter_pct = 50;
	NEED((env = kit_open(&k)) != NULL, "memory: opens");
	for (i = 0; i < N; i++)
		r |= kit_make(token[i], env, "a", "1", NULL);
	NEED(r == 0, "%d sessions", N);
	k.clock += 49;
	for (i = 0; i < N; i++) {
		(void)reads(env, token[i]);
		early += expires_of(env, token[i]) != KIT_START + 1000;
	}
	k.clock += 26;
	for (i = 0; i < N; i++) {
		(void)reads(env, token[i]);
		some += expires_of(env, token[i]) != KIT_START + 1000;
	}
	k.clock += 26;
	for (i = 0; i < N; i++) {
		(void)reads(env, token[i]);
		late += expires_of(env, token[i]) != KIT_START + 1000;
	}
	T(early == 0, "jitter 50 %%: none before half the time (%u)", early);
	T(some > 0 && some < N, "jitter: some in between (%u of %d)", some, N);
	T(late == N, "jitter: all when due (%u)", late);
	sstate_close(env);
}

static int
set_expires(struct sstate *env, const char *token, int64_t seconds)
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, env, token, SSTATE_MUST_EXIST)) == 0 &&
	    (r = sstate_set_expires(s, seconds)) == 0)
		r = sstate_commit(s);
	sstate_free(s);
	return r;
}

static void
explicit_expiry(int file)
{
	char token[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct sstate *env;
	struct kit k;
	int r;

	start(&k, file);
	k.o.idle = 100;
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", NULL) == 0, "a session");
	T(set_expires(env, token, 5000) == 0 &&
		expires_of(env, token) == KIT_START + 5000,
	    "%s: an explicit expiry stands for idle and lifetime", on);
	k.clock += 4000;
	T(reads(env, token) == 0 && expires_of(env, token) == KIT_START + 5000,
	    "%s: renewal never changes it", on);
	T(kit_put(env, token, "a", 2) == 0 &&
		expires_of(env, token) == KIT_START + 5000,
	    "%s: nor does a write", on);
	r = kit_begin(&s, env, token, SSTATE_MUST_EXIST);
	if (r == 0 && (r = sstate_rotate(s)) == 0)
		r = sstate_commit(s);
	kit_token(token, s);
	sstate_free(s);
	T(r == 0 && expires_of(env, token) == KIT_START + 5000,
	    "%s: nor a rotation", on);
	k.clock = KIT_START + 4999;
	T(kit_opens(env, token) == 0, "%s: until its last second", on);
	T(set_expires(env, token, 0) == 0 &&
		expires_of(env, token) == KIT_START + 4999 + 100,
	    "%s: 0 resets to idle (+%lld)", on,
	    (long long)(expires_of(env, token) - KIT_START));
	T(set_expires(env, token, 10) == 0 &&
		expires_of(env, token) == KIT_START + 4999 + 10,
	    "%s: shorter", on);
	k.clock += 11;
	T(kit_opens(env, token) == SSTATE_EEXPIRED, "R-21 %s: and it ends", on);

	NEED(kit_make(token, env, "a", "1", NULL) == 0, "a session");
	k.clock += 10;
	T(set_expires(env, token, 1000000) == 0 &&
		expires_of(env, token) == KIT_START + 5010 + 43200,
	    "R-21 %s: capped by the ring, from its creation (+%lld)", on,
	    (long long)(expires_of(env, token) - KIT_START - 5010));
	T(set_expires(env, token, INT64_MAX) == 0 &&
		expires_of(env, token) == KIT_START + 5010 + 43200,
	    "%s: however much", on);
	T(set_expires(env, token, -1) == SSTATE_EINVAL,
	    "%s: a negative expiry is EINVAL", on);
	T(kit_opens(env, token) == 0, "%s: and changes nothing", on);

	NEED(kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0, "a request");
	(void)sstate_set_expires(s, 7);
	T(sstate_reload(s) == 0 && sstate_commit(s) == 0 &&
		expires_of(env, token) == KIT_START + 5010 + 43200,
	    "%s: reload drops an uncommitted expiry", on);
	sstate_free(s);
	sstate_close(env);
}

/* Two requests, one sets an expiry: a lost race keeps it. */
static void
expiry_merges(int file)
{
	struct sstate_session *a, *b;
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;

	start(&k, file);
	NEED((env = kit_open(&k)) != NULL, "%s opens", on);
	NEED(kit_make(token, env, "a", "1", NULL) == 0 &&
		kit_begin(&a, env, token, 0) == 0 &&
		kit_begin(&b, env, token, 0) == 0,
	    "two requests");
	(void)sstate_set_expires(a, 5000);
	sstate_setstr(b, SSTATE_STORED, "b", "1");
	T(sstate_commit(b) == 0 && sstate_commit(a) == 0, "both commit");
	T(expires_of(env, token) == KIT_START + 5000,
	    "%s: an expiry is replayed", on);
	sstate_free(a);
	sstate_free(b);
	NEED(kit_begin(&a, env, token, 0) == 0 &&
		kit_begin(&b, env, token, 0) == 0,
	    "two more");
	(void)sstate_set_expires(a, 6000);
	sstate_setstr(b, SSTATE_STORED, "b", "2");
	T(sstate_commit(a) == 0 && sstate_commit(b) == 0, "both commit");
	T(expires_of(env, token) == KIT_START + 6000,
	    "%s: and is not undone by a slower writer", on);
	sstate_free(a);
	sstate_free(b);
	sstate_close(env);
}

int
main(void)
{
	int file;

	kit_folder(dir);
	for (file = 0; file < 2; file++) {
		idle(file);
		late_commit(file);
		lifetime(file);
		clock_back(file);
		logout(file);
		revoking(file);
		revoke_slow(file);
		revoke_rotated(file);
		renew(file);
		explicit_expiry(file);
		expiry_merges(file);
	}
	clock_between();
	logout_cookie();
	reap();
	reap_idle();
	jitter();
	kit_remove(dir);
	return tap_done();
}
