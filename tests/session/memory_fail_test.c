/*
 * memory_fail_test.c - each allocation of each way fails, once or for good
 *
 * the n-th call of the allocation hook fails, alone or with all
 * that follow, for n = 1, 2, 3, ... until a way ends without having asked so
 * often.  After each: a code that says so, the old record or the new one and
 * never a mixture, and everything given back.  A session's arena asks seldom:
 * so it is filled beforehand, by more and more, until each step in turn is the
 * one that needs another block.
 */
#include "../tap.h"
#include "kit.h"

enum { MANY = 400 }; /* no way asks so often */
enum { FULL = 17000 }; /* more than a session's first block */

/* ---- The hook -------------------------------------------------------- */

struct heap {
	long live;
	size_t bytes;
	unsigned long n, at; /* at 0: none fails */
	int always, fired;
};

static int
refused(struct heap *h)
{
	if (h->at == 0)
		return 0;
	h->n++;
	if (h->n != h->at && (!h->always || h->n < h->at))
		return 0;
	h->fired = 1;
	return 1;
}

static void *
heap_hook(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	struct heap *h = arg;
	void *p;

	if (newsz == 0) {
		h->live -= ptr != NULL;
		h->bytes -= ptr != NULL ? oldsz : 0;
		free(ptr);
		return NULL;
	}
	if (refused(h) || (p = realloc(ptr, newsz)) == NULL)
		return NULL;
	h->live += ptr == NULL;
	h->bytes += newsz - (ptr != NULL ? oldsz : 0);
	return p;
}

static void
arm(struct heap *h, unsigned long n, int always)
{
	h->n = 0;
	h->at = n;
	h->always = always;
	h->fired = 0;
}

/* ---- One run --------------------------------------------------------- */

struct run {
	struct heap heap;
	struct sstate_options o;
	struct sstate *env;
	const char *stores[2];
	char uri[300], ring[300];
	char old[KIT_TOKEN + 1], new[KIT_TOKEN + 1];
	int sick; /* something is not as it must be */
	const char *why;
	char page[2048], csrf[128]; /* of a once form */
	unsigned pad; /* bytes to fill the arena with */
};

/* What the store has under a token. */
struct seen {
	int opens;
	int64_t n, other;
	char keep[16], user[16];
};

static char dir[256], filler[FULL + 8];
static unsigned nth;

static void
must(struct run *u, int cond, const char *why)
{
	if (!cond && !u->sick) {
		u->sick = 1;
		u->why = why;
	}
}

/* Out of memory is the only thing that happened. */
static void
sane(struct run *u, int r)
{
	must(u, r == 0 || r == SSTATE_ENOMEM, "a code that fits");
	if (r != 0 && r != SSTATE_ENOMEM)
		printf("#   code %d\n", r);
}

static void
look(struct seen *v, struct run *u, const char *token)
{
	struct sstate_session *s;
	const char *t;

	memset(v, 0, sizeof(*v));
	if (token[0] == '\0' ||
	    kit_begin(&s, u->env, token, SSTATE_MUST_EXIST) != 0)
		return;
	v->opens = 1;
	v->n = sstate_int(s, SSTATE_STORED, "n", 0, 99, -1);
	v->other = sstate_int(s, SSTATE_STORED, "other", 0, 99, -1);
	t = sstate_str(s, SSTATE_STORED, "keep");
	(void)snprintf(v->keep, sizeof(v->keep), "%s", t != NULL ? t : "");
	t = sstate_user(s);
	(void)snprintf(v->user, sizeof(v->user), "%s", t != NULL ? t : "");
	sstate_free(s);
}

static int
is_old(const struct seen *v)
{
	return v->opens && v->n == 1 && strcmp(v->keep, "old") == 0;
}

static int
is_new(const struct seen *v)
{
	return v->opens && v->n == 2 && strcmp(v->keep, "new") == 0;
}

static int
change(struct sstate_session *s)
{
	int r;

	if ((r = sstate_setstr(s, SSTATE_STORED, "keep", "new")) != 0)
		return r;
	return sstate_incr(NULL, s, "n", 1);
}

static const char *
padding(const struct run *u)
{
	return filler + FULL - u->pad;
}

/* Begin, and fill the arena. */
static int
begin(struct sstate_session **s, struct run *u, const char *token)
{
	int r =
	    kit_begin(s, u->env, token, token != NULL ? SSTATE_MUST_EXIST : 0);

	if (r == 0 && u->pad > 0)
		(void)sstate_escape(*s, SSTATE_FOR_URL, padding(u));
	return r;
}

/* ---- The ways -------------------------------------------------------- */

static void
way_begin(struct run *u)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	char query[FULL + 64];
	const char *t;
	int r;

	web.token.ptr = u->old;
	web.token.len = strlen(u->old);
	(void)snprintf(query, sizeof(query), "a=1&b=2&a=3&c=%%20&z=%s",
	    padding(u));
	web.query = query;
	sane(u, r = sstate_begin(&s, u->env, NULL, &web, NULL));
	if (r == 0) {
		t = sstate_str(s, SSTATE_MERGED, "keep");
		must(u,
		    t != NULL ? strcmp(t, "old") == 0
			      : sstate_failure(s)->code == SSTATE_ENOMEM,
		    "begin: the value, or a failure");
		sane(u, sstate_commit(s));
	} else
		must(u, s == NULL, "begin: no session after a failure");
	sstate_free(s);
}

static void
way_new(struct run *u)
{
	struct sstate_session *s;
	struct seen v;
	int r;

	if ((r = begin(&s, u, NULL)) == 0) {
		(void)change(s);
		sane(u, r = sstate_commit(s));
		must(u, (r == 0) == (sstate_token(s) != NULL),
		    "I7 a token with its record");
		kit_token(u->new, s);
	}
	sane(u, r);
	sstate_free(s);
	u->heap.at = 0;
	look(&v, u, u->new);
	must(u, r != 0 || (v.opens && v.n == 1 && !strcmp(v.keep, "new")),
	    "what was acknowledged is there");
}

/* Another request on the session, which has memory. */
static void
another(struct run *u)
{
	struct heap was = u->heap;

	u->heap.at = 0;
	must(u, kit_put(u->env, u->old, "other", 7) == 0, "another request");
	was.live = u->heap.live;
	was.bytes = u->heap.bytes;
	u->heap = was;
}

/* A commit; merge: another one comes between. */
static void
commit_way(struct run *u, int merge)
{
	struct sstate_session *s;
	struct seen v;
	int r, again = 0;

	if ((r = begin(&s, u, u->old)) == 0) {
		(void)sstate_str(s, SSTATE_MERGED, "other");
		if (merge)
			another(u);
		(void)change(s);
		r = sstate_commit(s);
		sane(u, r);
		u->heap.at = 0;
		look(&v, u, u->old);
		must(u, r == 0 ? is_new(&v) : is_old(&v),
		    "the old record or the new one");
		/* With memory again: now, or after a reload. */
		if (r != 0 && (again = sstate_commit(s)) != 0)
			must(u,
			    sstate_reload(s) == 0 && change(s) == 0 &&
				sstate_commit(s) == 0,
			    "a reload makes it usable");
		look(&v, u, u->old);
		must(u, is_new(&v), "repeated: the new one, once");
	}
	sane(u, r);
	sane(u, again);
	sstate_free(s);
	u->heap.at = 0;
	look(&v, u, u->old);
	must(u, is_old(&v) || is_new(&v), "one whole record");
	must(u, !merge || r == SSTATE_ENOMEM || v.other == 7,
	    "the other's value");
}

static void
way_commit(struct run *u)
{
	commit_way(u, 0);
}

static void
way_merge(struct run *u)
{
	commit_way(u, 1);
}

static void
new_id(struct run *u, int login, int merge)
{
	struct sstate_session *s;
	struct seen old, new;
	int r;

	if ((r = begin(&s, u, u->old)) == 0) {
		(void)change(s);
		(void)(login ? sstate_login(s, "bob") : sstate_rotate(s));
		if (merge)
			another(u);
		sane(u, r = sstate_commit(s));
		u->heap.at = 0;
		look(&old, u, u->old);
		must(u, r == 0 || is_old(&old), "failed: as it was");
		if (r != 0 && sstate_commit(s) != 0)
			must(u,
			    sstate_reload(s) == 0 && change(s) == 0 &&
				(login ? sstate_login(s, "bob")
				       : sstate_rotate(s)) == 0 &&
				sstate_commit(s) == 0,
			    "a reload makes it usable");
		kit_token(u->new, s);
		look(&new, u, u->new);
		look(&old, u, u->old);
		must(u, is_new(&new) && strcmp(u->new, u->old) != 0,
		    "the new id, with everything, once");
		must(u, strcmp(new.user, login ? "bob" : "ann") == 0,
		    "and its user");
		must(u, old.opens == !login, "the old id: a stub");
		must(u, !merge || new.other == 7, "and the other's value");
	}
	sane(u, r);
	sstate_free(s);
}

static void
way_login(struct run *u)
{
	new_id(u, 1, 0);
}

static void
way_login_merge(struct run *u)
{
	new_id(u, 1, 1);
}

static void
way_rotate(struct run *u)
{
	new_id(u, 0, 0);
}

static void
way_rotate_merge(struct run *u)
{
	new_id(u, 0, 1);
}

/* By an old id: what it was rotated to ends first. */
static void
way_logout_moved(struct run *u)
{
	struct heap was = u->heap;
	struct sstate_session *s = NULL, *o = NULL;
	struct seen v;
	int r = 0;

	u->heap.at = 0;
	must(u,
	    begin(&s, u, u->old) == 0 &&
		kit_begin(&o, u->env, u->old, SSTATE_MUST_EXIST) == 0 &&
		sstate_rotate(o) == 0 && sstate_commit(o) == 0,
	    "rotated by another");
	kit_token(u->new, o);
	sstate_free(o);
	was.live = u->heap.live;
	was.bytes = u->heap.bytes;
	u->heap = was;
	sane(u, r = sstate_logout(s));
	u->heap.at = 0;
	look(&v, u, u->new);
	must(u, r != 0 || !v.opens, "R-25 the new id opens nothing");
	must(u, sstate_logout(s) == 0, "with memory again: ended");
	look(&v, u, u->new);
	must(u, !v.opens, "R-25 now it does not");
	sstate_free(s);
}

static void
way_logout(struct run *u)
{
	struct sstate_session *s;
	struct seen v;
	int r;

	if ((r = begin(&s, u, u->old)) == 0) {
		sane(u, r = sstate_logout(s));
		must(u, r != 0 || sstate_user(s) == NULL, "nobody is left");
		u->heap.at = 0;
		look(&v, u, u->old);
		must(u, r == 0 ? !v.opens : is_old(&v), "ended, or as it was");
		must(u, sstate_logout(s) == 0, "with memory again: ended");
		look(&v, u, u->old);
		must(u, !v.opens, "R-26 opens nothing");
	}
	sane(u, r);
	sstate_free(s);
}

/* The value of a hidden field; an empty string if it is not there. */
static void
field(char *out, size_t size, const char *html, const char *name)
{
	char start[64];
	const char *p;

	out[0] = '\0';
	(void)snprintf(start, sizeof(start), "name=\"%s\" value=\"", name);
	if (html != NULL && (p = strstr(html, start)) != NULL) {
		p += strlen(start);
		(void)snprintf(out, size, "%.*s", (int)strcspn(p, "\""), p);
	}
}

static int
render(struct run *u)
{
	struct sstate_session *s;
	const char *html;
	int r;

	u->page[0] = u->csrf[0] = '\0';
	if ((r = begin(&s, u, u->old)) == 0) {
		(void)sstate_setstr(s, SSTATE_PAGE, "step", "2");
		html = sstate_fields(s, SSTATE_WITH_PAGE | SSTATE_ONCE, "buy");
		must(u, html != NULL || sstate_failure(s)->code != 0,
		    "no fields: a failure");
		field(u->page, sizeof(u->page), html, ".page");
		field(u->csrf, sizeof(u->csrf), html, ".csrf");
		r = sstate_commit(s);
	}
	sane(u, r);
	sstate_free(s);
	return r;
}

/* Send the form; what sstate_check() says, 1 if it was not asked. */
static int
post(struct run *u)
{
	struct sstate_param p[2] = { { ".page", { u->page, strlen(u->page) },
					 SSTATE_FROM_BODY },
		{ ".csrf", { u->csrf, strlen(u->csrf) }, SSTATE_FROM_BODY } };
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	char query[FULL + 64];
	int r, checked = 1;

	web.method = "POST";
	web.token.ptr = u->old;
	web.token.len = strlen(u->old);
	(void)snprintf(query, sizeof(query), "z=%s", padding(u));
	web.query = query;
	web.params = p;
	web.nparams = 2;
	if ((r = sstate_begin(&s, u->env, NULL, &web, NULL)) == 0) {
		checked = sstate_check(s, "buy");
		if (checked == 0)
			must(u,
			    sstate_int(s, SSTATE_PAGE, "step", 0, 9, 0) == 2,
			    "the page's value");
		r = sstate_commit(s);
	}
	sane(u, r);
	sstate_free(s);
	return checked;
}

static void
way_page(struct run *u)
{
	int r = render(u);

	u->heap.at = 0;
	if (r == 0) {
		must(u, post(u) == 0, "what was rendered is taken");
		must(u, post(u) == SSTATE_EEXPIRED, "R-67 once");
	}
}

static void
way_once(struct run *u)
{
	struct heap was = u->heap;
	int first, second;

	u->heap.at = 0;
	must(u, render(u) == 0, "rendered");
	was.live = u->heap.live;
	was.bytes = u->heap.bytes;
	u->heap = was;
	first = post(u);
	u->heap.at = 0;
	second = post(u);
	must(u,
	    first == 0 || first == 1 || first == SSTATE_ENOMEM ||
		first == SSTATE_EEXPIRED,
	    "R-67 an answer that fits");
	must(u, first != 0 || second == SSTATE_EEXPIRED, "R-67 at most once");
	must(u, second == 0 || second == SSTATE_EEXPIRED, "R-67 then once");
}

static int
one(void *arg, const struct sstate_info *in)
{
	(void)in;
	++*(unsigned *)arg;
	return 0;
}

static void
way_list(struct run *u)
{
	unsigned n = 0;
	int r;

	sane(u, r = sstate_list(u->env, NULL, one, &n, NULL));
	must(u, r != 0 || n == 1, "all are listed");
	n = 0;
	sane(u, r = sstate_list(u->env, "ann", one, &n, NULL));
	must(u, r != 0 || n == 1, "a user's are listed");
}

static void
way_revoke(struct run *u)
{
	struct seen v;
	uint64_t n = 0;
	int r;

	sane(u, r = sstate_revoke(&n, u->env, "ann", NULL, NULL));
	u->heap.at = 0;
	look(&v, u, u->old);
	must(u, r == 0 ? n == 1 && !v.opens : is_old(&v) || !v.opens,
	    "R-27 ended, or as it was");
}

static void
way_reap(struct run *u)
{
	struct seen v;
	uint64_t n = 0;

	sane(u, sstate_reap(&n, u->env, 0, 0, NULL));
	sane(u, sstate_reap(&n, u->env, 60, 0, NULL));
	u->heap.at = 0;
	look(&v, u, u->old);
	must(u, is_old(&v), "R-32 what lives stays");
}

/* ---- All of them ----------------------------------------------------- */

static int64_t
fixed(void *arg)
{
	(void)arg;
	return KIT_START;
}

static void
prepare(struct run *u, int file)
{
	static const struct sstate_options init = SSTATE_OPTIONS_INIT;

	memset(u, 0, sizeof(*u));
	nth++;
	(void)snprintf(u->uri, sizeof(u->uri),
	    file ? "file:%s/s%u?sync=none" : "memory:", dir, nth);
	(void)snprintf(u->ring, sizeof(u->ring), "%s/ring", dir);
	u->o = init;
	u->stores[0] = u->uri;
	u->o.stores = u->stores;
	u->o.keyring = u->ring;
	u->o.flags = SSTATE_CARRY_OWN;
	u->o.alloc = heap_hook;
	u->o.arg = &u->heap;
	u->o.now = fixed;
}

/* The session before; its record is as large as the arena is full. */
static int
stored(struct run *u)
{
	struct sstate_session *s;
	struct sstate_val v = { filler, u->pad / 2 };
	int r;

	if ((r = kit_make(u->old, u->env, "keep", "old", "ann")) != 0 ||
	    (r = kit_begin(&s, u->env, u->old, SSTATE_MUST_EXIST)) != 0)
		return r;
	(void)sstate_setint(s, SSTATE_STORED, "n", 1);
	if (u->pad > 0)
		(void)sstate_set(s, SSTATE_STORED, "large", &v, 1);
	r = sstate_commit(s);
	sstate_free(s);
	return r;
}

/* 1 if a call failed. */
static int
once(void (*way)(struct run *), const char *name, int file, unsigned pad,
    unsigned long n, int always)
{
	struct run u;
	int r;

	prepare(&u, file);
	u.pad = pad;
	if (way == NULL)
		arm(&u.heap, n, always);
	r = sstate_open(&u.env, &u.o, NULL);
	sane(&u, r);
	must(&u, (r == 0) == (u.env != NULL), "an environment or a code");
	if (way != NULL && r == 0) {
		must(&u, stored(&u) == 0, "a session");
		arm(&u.heap, n, always);
		way(&u);
	}
	u.heap.at = 0;
	sstate_close(u.env);
	must(&u, u.heap.live == 0 && u.heap.bytes == 0,
	    "everything is given back");
	if (u.sick)
		printf("# %s, %s, %u filled, call %lu%s: not so: %s "
		       "(%ld left)\n",
		    file ? "file:" : "memory:", name, pad, n,
		    always ? " and all after it" : "", u.why, u.heap.live);
	if (file)
		kit_remove(u.uri + 5);
	return u.sick ? -1 : u.heap.fired;
}

static void
all(void (*way)(struct run *), const char *name)
{
	unsigned long n, calls = 0;
	int file, always, bad, r;

	for (file = 0; file < 2; file++)
		for (always = 0; always < 2; always++) {
			for (n = 1, bad = 0; n < MANY; n++) {
				r = once(way, name, file, 0, n, always);
				bad += r < 0;
				if (r <= 0)
					break;
			}
			calls += n - 1;
			T(bad == 0 && n < MANY,
			    "R-99 %s, %s, %s: each of %lu calls fails", name,
			    file ? "file:" : "memory:",
			    always ? "and all after it" : "alone", n - 1);
		}
	T(calls > 0, "%s asks for memory", name);
}

/* The same with an arena that is nearly full: each step asks in its turn. */
static void
filled(void (*way)(struct run *), const char *name)
{
	unsigned pad, step = KIT_SLOW ? 112 : 48, fired = 0;
	unsigned long n;
	int bad = 0, r;

	all(way, name);
	for (pad = step; pad < FULL; pad += step)
		for (n = 1; n < MANY; n++) {
			r = once(way, name, 0, pad, n, (int)(pad / step) & 1);
			bad += r < 0;
			fired += r > 0;
			if (r <= 0)
				break;
		}
	T(bad == 0 && fired > 0, "R-99 %s, the arena filled: %u calls fail",
	    name, fired);
}

int
main(void)
{
	kit_folder(dir);
	memset(filler, 'x', FULL);
	all(NULL, "open");
	filled(way_begin, "begin");
	filled(way_new, "a new session");
	filled(way_commit, "commit");
	filled(way_merge, "a merged commit");
	filled(way_login, "login");
	filled(way_rotate, "rotate");
	filled(way_login_merge, "login beside another");
	filled(way_rotate_merge, "rotate beside another");
	filled(way_logout, "logout");
	filled(way_logout_moved, "logout by the old id");
	filled(way_page, "page state");
	filled(way_once, "a once page");
	all(way_list, "list");
	all(way_revoke, "revoke");
	all(way_reap, "reap");
	kit_remove(dir);
	return tap_done();
}
