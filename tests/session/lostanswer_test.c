/*
 * lostanswer_test.c - a write whose answer is lost may have happened
 *
 * Every case of PROTOCOL's section on lost answers, over a store that says
 * it is remote: each call of each way in turn is refused, or done and its
 * answer lost, and the client repeats, gives up or is killed.  Afterwards
 * another server looks: counted once, nothing acknowledged lost, never two
 * live ids that a client can hold.
 */
#include "../store/fault_driver.h"
#include "../tap.h"
#include "kit.h"

SSTATE_DRIVER_EXTERN const struct sstate_driver sstate_driver_v1_memory;

enum { LAST = 12 }; /* no way has more store calls */

static char dir[256], ring[300];
static unsigned nth;

/* One server of several on one store. */
struct server {
	struct kit k;
	struct fault f;
	char uri[64];
	void *handles[2];
	struct sstate *env;
};

static void
server(struct server *v, unsigned name, uint32_t caps, uint32_t flags)
{
	kit_init(&v->k, NULL);
	fault_init(&v->f, &sstate_driver_v1_memory, caps);
	(void)snprintf(v->uri, sizeof(v->uri), "fault:lost%u", name);
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	v->k.stores[0] = v->uri;
	v->handles[0] = &v->f;
	v->handles[1] = NULL;
	v->k.o.handles = v->handles;
	v->k.o.drivers = v->f.drivers;
	v->k.o.keyring = ring;
	v->k.o.flags |= flags;
	if ((v->env = kit_open(&v->k)) == NULL) {
		T(0, "an environment over fault:");
		exit(tap_done());
	}
}

static void
two(struct server *a, struct server *b, uint32_t caps)
{
	nth++;
	server(a, nth, caps, 0);
	server(b, nth, caps, 0);
}

static void
down(struct server *a, struct server *b)
{
	sstate_close(a->env);
	sstate_close(b->env);
}

static const char *
how_text(int how)
{
	return how == FAULT_REFUSE ? "refused" : "answer lost";
}

/* ---- One record: commits --------------------------------------------- */

/* Commits of others between a commit without an answer and its repeat. */
static void
repeated(uint32_t caps, int how, int others)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;
	int64_t n, m, done = how == FAULT_LOSE_ANSWER;
	int i, r, r2, bad = 0;

	two(&a, &b, caps);
	NEED(kit_make(t, a.env, "n", "0", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	sstate_incr(NULL, s, "n", 1);
	fault_arm(&a.f, 1, FAULT_REPLACE, how, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "%s: ESTORE", how_text(how));
	for (i = 0; i < others; i++)
		bad += kit_put(b.env, t, "x", i) != 0;
	T(bad == 0, "%d commits of others", others);
	n = kit_int(b.env, t, "n");
	T(n == done, "the store has what was done");
	r = sstate_commit(s);
	n = kit_int(b.env, t, "n");
	if (others < 16)
		T(r == 0 && n == 1,
		    "%s, %d others: repeated: 0, counted once "
		    "(%d, %d)",
		    how_text(how), others, r, (int)n);
	else if (others > 16)
		T(r == SSTATE_ESTORE && n == done,
		    "%s, %d others: ESTORE "
		    "stays, nothing is replayed (%d, %d)",
		    how_text(how), others, r, (int)n);
	else
		T((r == 0 && n == 1) || (r == SSTATE_ESTORE && n == done),
		    "%s, %d others: either, but once", how_text(how), others);
	r2 = sstate_commit(s);
	m = kit_int(b.env, t, "n");
	T(r2 == r && m == n, "and once more: the same (%d, %d)", r2, (int)m);
	T(kit_int(b.env, t, "x") == (others > 0 ? others - 1 : -1),
	    "the others' stands");
	if (r != 0) {
		T(sstate_reload(s) == 0 && sstate_incr(NULL, s, "n", 1) == 0 &&
			sstate_commit(s) == 0 &&
			kit_int(b.env, t, "n") == done + 1,
		    "a reload makes it usable again");
	}
	sstate_free(s);
	down(&a, &b);
}

/* Refused first, then lost: the commit id is kept over all attempts. */
static void
twice(void)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;

	two(&a, &b, SSTATE_CAP_REMOTE);
	NEED(kit_make(t, a.env, "n", "0", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	sstate_incr(NULL, s, "n", 1);
	fault_arm(&a.f, 1, FAULT_REPLACE, FAULT_REFUSE, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "request lost");
	fault_arm(&a.f, 1, FAULT_GET, FAULT_REFUSE, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "then the look is not answered");
	fault_arm(&a.f, 1, FAULT_REPLACE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "then the answer is lost");
	T(kit_put(b.env, t, "x", 1) == 0, "another commits");
	T(sstate_commit(s) == 0 && kit_int(b.env, t, "n") == 1,
	    "found by its id: counted once (%d)", (int)kit_int(b.env, t, "n"));
	T(sstate_incr(NULL, s, "n", 1) == 0 && sstate_commit(s) == 0 &&
		kit_int(b.env, t, "n") == 2,
	    "the next one counts anew");
	sstate_free(s);
	down(&a, &b);
}

/* ECONFLICT first, then a lost answer in the same commit. */
struct meddler {
	struct server *other;
	const char *token, *new_token;
	int at, calls; /* before which call; 0: none */
	int what; /* w write, o log out, u revoke, n nothing */
	int acked; /* it was told 0 */
};

static void
meddle(void *arg, int kind)
{
	struct meddler *m = arg;
	struct sstate_session *s;
	uint64_t n;

	(void)kind;
	if (m->at == 0 || ++m->calls != m->at)
		return;
	if (m->what == 'w') {
		m->acked = kit_put(m->other->env, m->token, "w", 7) == 0;
	} else if (m->what == 'u') {
		m->acked =
		    sstate_revoke(&n, m->other->env, "ann", NULL, NULL) == 0;
	} else if (m->what == 'o') {
		if (kit_begin(&s, m->other->env, m->token, SSTATE_MUST_EXIST) ==
		    0)
			m->acked = sstate_logout(s) == 0;
		sstate_free(s);
	}
}

static void
conflict_then_lost(void)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;
	struct meddler m;
	int r;

	two(&a, &b, SSTATE_CAP_REMOTE);
	NEED(kit_make(t, a.env, "n", "0", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	memset(&m, 0, sizeof(m));
	m.other = &b;
	m.token = t;
	m.at = 1;
	m.what = 'w';
	a.f.arg = &m;
	a.f.before = meddle;
	sstate_incr(NULL, s, "n", 1);
	fault_arm(&a.f, 2, FAULT_REPLACE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
	r = sstate_commit(s);
	T(r == SSTATE_ESTORE && m.acked, "a lost race, then a lost answer");
	r = sstate_commit(s);
	T(r == 0 && kit_int(b.env, t, "n") == 1 && kit_int(b.env, t, "w") == 7,
	    "counted once, the other's change stands (%d)", r);
	sstate_free(s);
	down(&a, &b);
}

/* After an end in between there is nothing to find, and nothing to do. */
static void
ended_between(int how)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;
	uint64_t n;
	int r;

	two(&a, &b, SSTATE_CAP_REMOTE);
	NEED(kit_make(t, a.env, "n", "0", "ann") == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	sstate_incr(NULL, s, "n", 1);
	fault_arm(&a.f, 1, FAULT_REPLACE, how, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "%s", how_text(how));
	NEED(sstate_revoke(&n, b.env, "ann", NULL, NULL) == 0, "revoked");
	r = sstate_commit(s);
	T(r == SSTATE_EGONE || r == SSTATE_ESTORE,
	    "R-26 %s, then revoked: it stays ended (%d)", how_text(how), r);
	T(kit_opens(b.env, t) != 0, "R-26 and opens nothing");
	sstate_free(s);
	down(&a, &b);
}

/* ---- create ---------------------------------------------------------- */

static unsigned char keys[16][SSTATE_ID_BYTES];
static unsigned nkeys, again;

static int
spy_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	unsigned i;

	for (i = 0; i < nkeys; i++)
		again += memcmp(keys[i], key->id, sizeof(key->id)) == 0;
	if (nkeys < 16)
		memcpy(keys[nkeys++], key->id, sizeof(key->id));
	return fault_create(ctx, key, rec, err);
}

static void
create(int how)
{
	struct sstate_session *s;
	struct kit_heads h;
	struct server a;
	int i, r;

	nth++;
	server(&a, nth, SSTATE_CAP_REMOTE, 0);
	sstate_close(a.env);
	a.f.table.create = spy_create;
	a.k.o.flags = SSTATE_CARRY_COOKIE;
	NEED((a.env = kit_open(&a.k)) != NULL, "a cookie environment");
	nkeys = again = 0;
	NEED(kit_visit(&s, a.env, NULL, 0) == 0, "a visit");
	sstate_setstr(s, SSTATE_STORED, "a", "1");
	fault_arm(&a.f, 1, FAULT_CREATE, how, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "create %s: ESTORE",
	    how_text(how));
	T(sstate_token(s) == NULL, "I7 the token is dropped");
	kit_headers(&h, s);
	T(h.cookies == 0, "I7 no Set-Cookie leaves");
	for (i = 0; i < 3; i++) {
		r = sstate_commit(s);
		kit_headers(&h, s);
		T((r == 0) == (h.cookies == 1) &&
			(r == 0) == (sstate_token(s) != NULL),
		    "I7 repeated: a token goes with a 0 only (%d)", r);
	}
	T(again == 0, "no key was sent twice (%u creates)", nkeys);
	sstate_free(s);
	sstate_close(a.env);
}

/* ---- Ends ------------------------------------------------------------ */

/*
 * The n-th store call of a log-out or a revoke fails; the client repeats.
 * Once it was told 0, nothing opens.
 */
static int
end_it(struct server *a, struct sstate_session *s, const char *handle, int what)
{
	uint64_t n;

	if (what == 'o')
		return sstate_logout(s);
	return sstate_revoke(&n, a->env, what == 'u' ? "ann" : NULL,
	    what == 'u' ? NULL : handle, NULL);
}

static int
ending(int what, int how, unsigned long call)
{
	struct sstate_session *s, *slow;
	char t[KIT_TOKEN + 1], handle[20];
	struct server a, b;
	int i, r = -1, fired;

	two(&a, &b, SSTATE_CAP_REMOTE);
	NEED(kit_make(t, a.env, "a", "1", "ann") == 0 &&
		kit_begin(&slow, b.env, t, SSTATE_MUST_EXIST) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	sstate_setstr(slow, SSTATE_STORED, "a", "2");
	(void)snprintf(handle, sizeof(handle), "%s", sstate_inspect(s)->handle);
	fault_arm(&a.f, call, FAULT_ANY, how, SSTATE_ESTORE);
	r = end_it(&a, s, handle, what);
	fired = a.f.fired != 0;
	T(fired ? r != 0 || kit_opens(b.env, t) != 0 : r == 0,
	    "R-25 %c: call %lu %s: 0 only if it is done (%d)", what, call,
	    how_text(how), r);
	for (i = 0; i < 3 && r == SSTATE_ESTORE; i++)
		r = end_it(&a, s, handle, what);
	T(r == 0 || (what == 'h' && r == SSTATE_ENOTFOUND),
	    "R-25 %c: call %lu %s: repeated, it succeeds (%d)", what, call,
	    how_text(how), r);
	T(kit_opens(b.env, t) != 0 && kit_opens(a.env, t) != 0,
	    "R-26 %c: and the token opens nothing", what);
	T(sstate_commit(slow) == SSTATE_EGONE && kit_opens(b.env, t) != 0,
	    "R-26 %c: nor does a slow writer bring it back", what);
	sstate_free(slow);
	sstate_free(s);
	down(&a, &b);
	return fired;
}

static void
endings(void)
{
	static const int what[] = { 'o', 'u', 'h' };
	unsigned long n;
	size_t i;
	int how;

	for (i = 0; i < 3; i++)
		for (how = FAULT_REFUSE; how <= FAULT_LOSE_ANSWER; how++) {
			for (n = 1; n <= LAST && ending(what[i], how, n); n++)
				continue;
			T(n > 1 && n <= LAST, "%c: %lu calls, each failed once",
			    what[i], n - 1);
		}
}

/* ---- New ids --------------------------------------------------------- */

enum { REPEAT, GIVE_UP, KILLED };

struct newid {
	int login, how, client;
	unsigned long call;
	struct meddler m;
	struct fault *f;
	unsigned long then; /* so many calls after it are refused */
	int late; /* between the commits one value more is set */
	int between; /* and another request writes under the old id */
};

struct after {
	int result, first, fired;
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1]; /* held by the client */
};

/* From the call that failed on, nothing gets through: the client is dead. */
static void
dies(void *arg, int kind, int code)
{
	struct fault *f = arg;

	(void)kind;
	(void)code;
	if (f->fired != 0 && f->at == 0) {
		f->at = 1;
		f->times = 1000;
		f->kinds = FAULT_ANY;
		f->how = FAULT_REFUSE;
	}
}

/* After the call whose answer was lost the store is away for a while. */
static void
away(void *arg, int kind, int code)
{
	struct newid *w = arg;

	(void)kind;
	(void)code;
	if (w->f->fired == 0 || w->f->at != 0 || w->then == 0)
		return;
	w->f->at = 1;
	w->f->times = w->then;
	w->f->how = FAULT_REFUSE;
	w->then = 0;
}

static void
plan(struct server *a, struct newid *w)
{
	if (w->client != KILLED) {
		fault_arm(&a->f, w->call, FAULT_ANY, w->how, SSTATE_ESTORE);
	} else if (w->how == FAULT_REFUSE) {
		fault_arm(&a->f, w->call, FAULT_ANY, w->how, SSTATE_ESTORE);
		a->f.times = 1000;
	} else {
		fault_arm(&a->f, w->call, FAULT_ANY, w->how, SSTATE_ESTORE);
		a->f.after = dies;
		a->f.arg = &a->f;
	}
	if (w->then > 0 && w->how == FAULT_REFUSE) {
		a->f.times = 1 + w->then;
	} else if (w->then > 0) {
		w->f = &a->f;
		a->f.after = away;
		a->f.arg = w;
	}
	if (w->m.at != 0) {
		a->f.before = meddle;
		a->f.arg = &w->m;
	}
}

static void
do_newid(struct server *a, struct server *b, struct newid *w, struct after *o)
{
	struct sstate_session *s;
	int i;

	memset(o, 0, sizeof(*o));
	NEED(kit_make(o->old, a->env, "n", "1", w->login ? NULL : "ann") == 0 &&
		kit_put(a->env, o->old, "keep", 5) == 0 &&
		kit_begin(&s, a->env, o->old, SSTATE_MUST_EXIST) == 0,
	    "a session");
	w->m.other = b;
	w->m.token = o->old;
	sstate_incr(NULL, s, "n", 1);
	if ((w->login ? sstate_login(s, "ann") : sstate_rotate(s)) != 0)
		T(0, "marked");
	plan(a, w);
	o->result = sstate_commit(s);
	o->first = o->result;
	o->fired = a->f.fired != 0;
	if (o->result != 0 && w->late)
		sstate_setint(s, SSTATE_STORED, "late", 3);
	if (o->result != 0 && w->between)
		w->m.acked |= kit_put(b->env, o->old, "w", 7) == 0;
	for (i = 0; i < 6 && w->client == REPEAT &&
	     (o->result == SSTATE_ESTORE || o->result == SSTATE_EBUSY);
	     i++)
		o->result = sstate_commit(s);
	if (o->result == 0)
		kit_token(o->new, s);
	else if (sstate_token(s) != NULL &&
	    strcmp(sstate_token(s), o->old) != 0)
		T(0, "I7 a new token although the commit failed");
	sstate_free(s);
	fault_arm(&a->f, 0, 0, 0, 0);
	a->f.before = NULL;
	a->f.after = NULL;
}

static const char *
newid_text(char out[160], const struct newid *w)
{
	static const char *const client[] = { "repeats", "gives up", "dies" };

	(void)snprintf(out, 160, "%s, call %lu %s, client %s%s%c%s%d",
	    w->login ? "login" : "rotation", w->call, how_text(w->how),
	    client[w->client], w->m.at ? ", " : " ", w->m.at ? w->m.what : '.',
	    w->m.at ? " before call " : "", w->m.at);
	return out;
}

/* Both tokens lead to one session, not to two. */
static int
one_session(struct server *b, const char *x, const char *y)
{
	static int64_t mark = 100;

	mark++;
	return kit_put(b->env, x, "mark", mark) == 0 &&
	    kit_int(b->env, y, "mark") == mark;
}

static int
one_more(void *arg, const struct sstate_info *in)
{
	(void)in;
	++*(int *)arg;
	return 0;
}

/* Without a fault no record is left that nobody knows. */
static void
check_orphans(struct server *b, const struct newid *w, int want, const char *x)
{
	int n = 0;

	if (w->call == 0 && sstate_list(b->env, NULL, one_more, &n, NULL) == 0)
		T(n == want, "%s: %d live records (%d)", x, want, n);
}

static void
check_newid(struct server *b, const struct newid *w, const struct after *o)
{
	int old = kit_opens(b->env, o->old) == 0;
	int new = o->new[0] != '\0' && kit_opens(b->env, o->new) == 0;
	int ended = w->m.acked && w->m.what != 'w';
	const char *t = new ? o->new : o->old;
	int64_t n = kit_int(b->env, t, "n");
	char x[160];

	(void)newid_text(x, w);
	check_orphans(b, w, !ended, x);
	if (ended) {
		T(!old && !new, "R-26 %s: ended, nothing opens (%d: %d %d)", x,
		    o->result, old, new);
		return;
	}
	if (o->result == 0) {
		T(new &&n == 2,
		    "I1 %s: acknowledged: there, counted once "
		    "(%d, %d)",
		    x, new, (int)n);
		if (w->late && o->fired)
			T(kit_int(b->env, t, "late") == 3 || o->first == 0,
			    "I1 %s: with what was set between the commits", x);
		if (w->login)
			T(!old, "R-24 %s: the old id opens nothing", x);
	} else {
		T(o->result == SSTATE_ESTORE || o->result == SSTATE_EBUSY,
		    "%s: a failure that fits (%d)", x, o->result);
		if (!w->login)
			T(old, "%s: the session is not lost", x);
		T(!old || n == 1 || n == 2, "%s: counted once at most (%d)", x,
		    (int)n);
	}
	if (old && new)
		T(one_session(b, o->old, o->new) &&
			one_session(b, o->new, o->old),
		    "%s: never two live ids of two sessions", x);
	if (old || new)
		T(kit_int(b->env, t, "keep") == 5 &&
			(!w->m.acked || kit_int(b->env, t, "w") == 7),
		    "I1 %s: what others were told is there", x);
}

static int
newid(struct newid w)
{
	struct server a, b;
	struct after o;

	two(&a, &b, SSTATE_CAP_REMOTE);
	do_newid(&a, &b, &w, &o);
	check_newid(&b, &w, &o);
	down(&a, &b);
	return o.fired;
}

/* Each call of each way, alone. */
static void
newids(void)
{
	struct newid w;
	unsigned long n;
	int fired;

	memset(&w, 0, sizeof(w));
	for (w.login = 0; w.login < 2; w.login++)
		for (w.how = FAULT_REFUSE; w.how <= FAULT_LOSE_ANSWER; w.how++)
			for (w.client = REPEAT; w.client <= KILLED;
			     w.client++) {
				fired = 1;
				for (n = 1; n <= LAST && fired; n++) {
					w.call = n;
					fired = newid(w);
				}
				T(n > 3 && n <= LAST, "%lu calls, each failed",
				    n - 2);
			}
}

/* And with another request that acts before each of its calls. */
static void
newids_meddled(void)
{
	static const int what[] = { 'w', 'o', 'u' };
	struct newid w;
	unsigned long n;
	int at, fired;
	size_t i;

	memset(&w, 0, sizeof(w));
	for (i = 0; i < 3; i++)
		for (w.login = 0; w.login < 2; w.login++)
			for (at = 1; at <= 5; at++) {
				if (w.login && what[i] == 'u')
					continue; /* was not hers yet */
				w.m.what = what[i];
				w.m.at = at;
				w.call = 0;
				w.how = FAULT_LOSE_ANSWER;
				w.client = REPEAT;
				(void)newid(w);
				fired = 1;
				for (n = 1; n <= LAST && fired; n++) {
					w.call = n;
					fired = newid(w);
				}
				w.how = FAULT_REFUSE;
				w.client = GIVE_UP;
				fired = 1;
				for (n = 1; n <= LAST && fired; n++) {
					w.call = n;
					fired = newid(w);
				}
			}
}

/*
 * The store goes away for some calls, so that the commit itself cannot find
 * out; it is repeated later, perhaps with more to write, perhaps after others
 * came by the old id.
 */
static void
newids_away(void)
{
	struct newid w;
	unsigned long n, then;
	int login, how, more, fired;

	for (login = 0; login < 2; login++)
		for (how = FAULT_REFUSE; how <= FAULT_LOSE_ANSWER; how++)
			for (then = 0; then <= 3; then++)
				for (more = 0; more < 4; more++) {
					fired = 1;
					for (n = 1; n <= LAST && fired; n++) {
						memset(&w, 0, sizeof(w));
						w.login = login;
						w.how = how;
						w.then = then;
						w.late = more & 1;
						w.between = more >> 1;
						w.m.what = 'w';
						w.client = REPEAT;
						w.call = n;
						fired = newid(w);
					}
				}
}

/* An unanswered commit, and another request gives the session a new id. */
static void
rotated_between(int how)
{
	char t[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	struct sstate_session *s, *o;
	struct server a, b;
	int r;

	two(&a, &b, SSTATE_CAP_REMOTE);
	NEED(kit_make(t, a.env, "n", "0", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	sstate_incr(NULL, s, "n", 1);
	fault_arm(&a.f, 1, FAULT_REPLACE, how, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE, "%s: ESTORE", how_text(how));
	NEED(kit_begin(&o, b.env, t, SSTATE_MUST_EXIST) == 0 &&
		sstate_rotate(o) == 0 && sstate_commit(o) == 0,
	    "another rotates");
	kit_token(new, o);
	sstate_free(o);
	r = sstate_commit(s);
	sstate_free(s);
	T(r == 0 && kit_int(b.env, new, "n") == 1,
	    "%s, then a rotation: repeated: counted once (%d, %d)",
	    how_text(how), r, (int)kit_int(b.env, new, "n"));
	down(&a, &b);
}

struct rotator {
	struct server *a, *b;
	const char *token;
};

/* Before the stub is written another request rotates, and a read fails. */
static void
rotates(void *arg, int kind)
{
	struct rotator *x = arg;
	struct sstate_session *s;

	if (kind != FAULT_REPLACE || x->b == NULL)
		return;
	if (kit_begin(&s, x->b->env, x->token, SSTATE_MUST_EXIST) != 0 ||
	    sstate_rotate(s) != 0 || sstate_commit(s) != 0)
		T(0, "another rotates");
	sstate_free(s);
	x->b = NULL;
	fault_arm(&x->a->f, 2, FAULT_GET, FAULT_REFUSE, SSTATE_ESYS);
}

/* A store that cannot be read has not ended anything. */
static void
unread(void)
{
	char t[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	struct sstate_session *s;
	struct server a, b;
	struct rotator x = { &a, &b, t };
	int r;

	two(&a, &b, 0);
	NEED(kit_make(t, a.env, "n", "1", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0 &&
		sstate_rotate(s) == 0,
	    "a rotation");
	a.f.before = rotates;
	a.f.arg = &x;
	r = sstate_commit(s);
	a.f.before = NULL;
	T(r == SSTATE_ESYS, "a read that fails is no EGONE (%d)", r);
	T(sstate_commit(s) == 0, "repeated: 0");
	kit_token(new, s);
	sstate_free(s);
	T(kit_int(b.env, new, "n") == 1, "its session is there");
	down(&a, &b);
}

/* What failed with another's write already taken up is told afterwards. */
static void
met_then_failed(void)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;

	two(&a, &b, 0);
	NEED(kit_make(t, a.env, "x", "1", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	T(sstate_int(s, SSTATE_MERGED, "x", 0, 9, 0) == 1, "MERGED is made");
	sstate_setint(s, SSTATE_STORED, "y", 1);
	NEED(kit_put(b.env, t, "x", 2) == 0, "another writes");
	fault_arm(&a.f, 2, FAULT_REPLACE, FAULT_REFUSE, SSTATE_EBUSY);
	T(sstate_commit(s) == SSTATE_EBUSY, "met, then refused");
	T(sstate_commit(s) == 0 &&
		(sstate_inspect(s)->flags & SSTATE_IS_MERGED) != 0,
	    "repeated: 0, IS_MERGED");
	T(sstate_int(s, SSTATE_STORED, "x", 0, 9, 0) == 2 &&
		sstate_int(s, SSTATE_MERGED, "x", 0, 9, 0) == 2,
	    "R-33 MERGED shows what is stored");
	sstate_setint(s, SSTATE_STORED, "y", 2);
	T(sstate_commit(s) == 0 &&
		(sstate_inspect(s)->flags & SSTATE_IS_MERGED) == 0,
	    "the next one met nobody");
	sstate_free(s);
	down(&a, &b);
}

/* Our own write, found again after a lost answer, is no other's. */
static void
met_own(void)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;

	two(&a, &b, 0);
	NEED(kit_make(t, a.env, "x", "1", NULL) == 0 &&
		kit_begin(&s, a.env, t, SSTATE_MUST_EXIST) == 0,
	    "a session");
	sstate_setint(s, SSTATE_STORED, "y", 1);
	fault_arm(&a.f, 1, FAULT_REPLACE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
	T(sstate_commit(s) == SSTATE_ESTORE && sstate_commit(s) == 0 &&
		(sstate_inspect(s)->flags & SSTATE_IS_MERGED) == 0,
	    "a lost answer is not IS_MERGED");
	sstate_free(s);
	down(&a, &b);
}

/* Plain commits: each call of each way, and the client repeats. */
static void
commits(uint32_t caps)
{
	struct sstate_session *s;
	char t[KIT_TOKEN + 1];
	struct server a, b;
	unsigned long n;
	int how, i, r, fired;

	for (how = FAULT_REFUSE; how <= FAULT_LOSE_ANSWER; how++)
		for (n = 1, fired = 1; n <= LAST && fired; n++) {
			two(&a, &b, caps);
			NEED(kit_make(t, a.env, "n", "0", NULL) == 0 &&
				kit_begin(&s, a.env, t, 0) == 0,
			    "a session");
			sstate_incr(NULL, s, "n", 1);
			fault_arm(&a.f, n, FAULT_ANY, how, SSTATE_ESTORE);
			r = sstate_commit(s);
			fired = a.f.fired != 0;
			for (i = 0; i < 4 && r == SSTATE_ESTORE; i++)
				r = sstate_commit(s);
			T(r == 0 && kit_int(b.env, t, "n") == 1,
			    "caps %u: call %lu %s: repeated: 0, once (%d, %d)",
			    caps, n, how_text(how), r,
			    (int)kit_int(b.env, t, "n"));
			sstate_free(s);
			down(&a, &b);
		}
}

int
main(void)
{
	int i, how;

	kit_folder(dir);
	for (how = FAULT_REFUSE; how <= FAULT_LOSE_ANSWER; how++) {
		for (i = 0; i <= 18; i++)
			if (i < 3 || i > 13)
				repeated(SSTATE_CAP_REMOTE, how, i);
		repeated(0, how, 0);
		ended_between(how);
		rotated_between(how);
		create(how);
	}
	twice();
	conflict_then_lost();
	commits(0);
	commits(SSTATE_CAP_REMOTE);
	endings();
	newids();
	newids_meddled();
	newids_away();
	unread();
	met_then_failed();
	met_own();
	kit_remove(dir);
	return tap_done();
}
