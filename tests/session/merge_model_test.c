/*
 * merge_model_test.c - random requests on one session against a naive model
 *
 * Two to four interleaved requests set, delete, clear, add, take up what the
 * client sent, reload, commit and log out; after each step every view, and
 * after each commit its outcome, must be what ARCHITECTURE's table of
 * commits says, with and without SSTATE_STRICT.  The model
 * knows names, values and who changed them when, and nothing else.
 *
 *	merge_model_test [seed [rounds]]
 */
#include <inttypes.h>

#include "../tap.h"
#include "kit.h"

enum { NAMES = 6, VALS = 3, TEXT = 24, OPS = 96, PEERS = 4 };
enum { SENT_NAME = 5 }; /* the one in a forgetful memory */

static const char *const names[NAMES] = { "a", "b", "c", "n", "m", "w" };

enum { M_SET = 1, M_ABSENT, M_DEL, M_CLEAR, M_INCR };

struct mval {
	int present, n;
	char v[VALS][TEXT];
	int adding; /* made by adding alone */
	unsigned set_at, incr_at; /* commit that did it last */
};

struct mrec {
	struct mval x[NAMES];
	unsigned at; /* commits so far */
	int ended;
};

struct mop {
	int kind, name, n;
	char v[VALS][TEXT];
	int64_t by;
};

struct peer {
	struct sstate_session *s;
	struct mrec base, view;
	struct mop op[OPS];
	int nops, failed;
	struct mop sent; /* kind 0: nothing was, or it is written */
};

struct world {
	struct sstate *env;
	int strict, bad;
	unsigned long seed, merged, conflicts, gone, commits;
	uint64_t rnd;
	char token[KIT_TOKEN + 1];
	struct mrec store;
	struct peer p[PEERS];
	int np;
	char last[160];
};

static unsigned
rnd(struct world *w, unsigned n)
{
	w->rnd ^= w->rnd << 13;
	w->rnd ^= w->rnd >> 7;
	w->rnd ^= w->rnd << 17;
	return (unsigned)((w->rnd >> 11) % n);
}

__attribute__((format(printf, 2, 3))) static void
wrong(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->bad++ > 5)
		return;
	printf("# seed %lu, after \"%s\": ", w->seed, w->last);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

/* ---- The model ------------------------------------------------------- */

/* Whole numbers as the library takes them; the model makes small ones. */
static int
number(const struct mval *x, int64_t *out)
{
	char back[TEXT];

	*out = 0;
	if (!x->present || x->n == 0)
		return 1;
	*out = strtoll(x->v[0], NULL, 10);
	(void)snprintf(back, sizeof(back), "%" PRId64, *out);
	return x->n == 1 && strcmp(back, x->v[0]) == 0;
}

/* 0, or -1: an addition that cannot be. */
static int
apply(struct mrec *r, const struct mop *o, unsigned at)
{
	struct mval *x = &r->x[o->name];
	int64_t v;
	int i;

	switch (o->kind) {
	case M_ABSENT:
		if (x->present)
			return 0;
		/* FALLTHROUGH */
	case M_SET:
		x->present = 1;
		x->adding = 0;
		x->n = o->n;
		memcpy(x->v, o->v, sizeof(x->v));
		x->set_at = at;
		return 0;
	case M_DEL:
		if (x->present)
			x->set_at = at;
		x->present = x->adding = 0;
		return 0;
	case M_CLEAR:
		for (i = 0; i < NAMES; i++) {
			if (r->x[i].present)
				r->x[i].set_at = at;
			r->x[i].present = r->x[i].adding = 0;
		}
		return 0;
	default:
		break;
	}
	if (!number(x, &v))
		return -1;
	x->adding = !x->present || x->adding;
	x->present = x->n = 1;
	(void)snprintf(x->v[0], TEXT, "%" PRId64, v + o->by);
	x->incr_at = at;
	return 0;
}

static int
differ(const struct mval *a, const struct mval *b)
{
	int i;

	if (a->present != b->present)
		return 1;
	if (!a->present)
		return 0;
	if (a->n != b->n)
		return 1;
	for (i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return 1;
	return 0;
}

enum { NO = 0, PERHAPS, YES };

/*
 * Does what others did to one name conflict with our operation on it?
 * PERHAPS: they did something, but the name looks as it did, or an addition
 * met an addition to what had once been set.
 */
static int
name_conflict(const struct peer *p, const struct mrec *now, int i, int adding)
{
	const struct mval *was = &p->base.x[i], *x = &now->x[i];
	int set = x->set_at > p->base.at, incr = x->incr_at > p->base.at;

	if (!set && !incr)
		return NO;
	if (!adding)
		return differ(was, x) ? YES : PERHAPS;
	if (!set)
		return was->adding || !was->present ? NO : PERHAPS;
	if (was->present != x->present)
		return was->present || !x->adding ? YES : PERHAPS;
	return was->present && was->adding != x->adding ? YES : PERHAPS;
}

static int
conflict(const struct peer *p, const struct mrec *now)
{
	int i, k, one, all = NO;

	for (i = 0; i < p->nops; i++) {
		const struct mop *o = &p->op[i];

		one = NO;
		if (o->kind == M_CLEAR) {
			for (k = 0; k < NAMES; k++) {
				int c = name_conflict(p, now, k, 0);

				one = c > one ? c : one;
			}
		} else if (o->kind != M_ABSENT) {
			one = name_conflict(p, now, o->name, o->kind == M_INCR);
		}
		all = one > all ? one : all;
	}
	return all;
}

/* ---- Looking --------------------------------------------------------- */

static void
look(struct world *w, struct peer *p, const char *when)
{
	struct sstate_val v;
	const char *name;
	int i, k, n = 0, want = 0;

	for (i = 0; i < NAMES; i++) {
		const struct mval *x = &p->view.x[i];

		want += x->present;
		for (k = 0; k < VALS; k++) {
			int r = sstate_get(&v, p->s, SSTATE_STORED, names[i],
			    (size_t)k);

			if (!x->present || k >= x->n) {
				if (r != SSTATE_ENOTFOUND)
					wrong(w, "%s: %s[%d] is there", when,
					    names[i], k);
			} else if (r != 0 || v.len != strlen(x->v[k]) ||
			    memcmp(v.ptr, x->v[k], v.len) != 0)
				wrong(w, "%s: %s[%d] is %.*s, not %s", when,
				    names[i], k, r == 0 ? (int)v.len : 4,
				    r == 0 ? v.ptr : "none", x->v[k]);
		}
	}
	for (name = NULL;
	     (name = sstate_next(p->s, SSTATE_STORED, name)) != NULL && n < 100;
	     n++)
		continue;
	if (n != want)
		wrong(w, "%s: %d names, not %d", when, n, want);
	if (!p->failed &&
	    ((sstate_inspect(p->s)->flags & SSTATE_IS_DIRTY) != 0) !=
		(p->nops > 0))
		wrong(w, "%s: dirty, %d operations", when, p->nops);
}

/* ---- Steps ----------------------------------------------------------- */

static void
leave(struct peer *p)
{
	sstate_free(p->s);
	memset(p, 0, sizeof(*p));
}

/* What begin and reload do: the record, and what was sent (K21). */
static void
take_up(struct world *w, struct peer *p)
{
	p->base = p->view = w->store;
	p->nops = p->failed = 0;
	if (p->sent.kind == 0 || p->base.x[SENT_NAME].present)
		return;
	p->op[0] = p->sent;
	(void)apply(&p->view, &p->op[0], 0);
	p->nops = 1;
}

static void
enter(struct world *w, struct peer *p)
{
	static const char *const memory[] = { "w", NULL };
	struct sstate_how how = SSTATE_HOW_INIT;
	struct sstate_web web = SSTATE_WEB_INIT;
	char query[40];
	int r, sent = rnd(w, 3) == 0;

	how.flags = SSTATE_MUST_EXIST;
	how.memory = memory;
	web.token.ptr = w->token;
	web.token.len = strlen(w->token);
	memset(p, 0, sizeof(*p));
	p->op[0].kind = M_ABSENT;
	p->op[0].name = SENT_NAME;
	p->op[0].n = 1;
	(void)snprintf(p->op[0].v[0], TEXT, "sent%u", rnd(w, 1000));
	(void)snprintf(query, sizeof(query), "w=%s", p->op[0].v[0]);
	if (sent)
		web.query = query;
	r = sstate_begin(&p->s, w->env, &how, &web, NULL);
	if ((r == 0) != !w->store.ended)
		wrong(w, "begin: %d", r);
	if (r != 0) {
		leave(p);
		return;
	}
	if (sent)
		p->sent = p->op[0];
	take_up(w, p);
	(void)snprintf(w->last, sizeof(w->last), "begin%s", sent ? " w" : "");
	look(w, p, "begin");
}

/* K06: to delete what this request never saw is no operation. */
static int
matters(const struct peer *p, const struct mop *o)
{
	int i, any = 0;

	for (i = 0; i < NAMES; i++)
		if (o->kind == M_CLEAR || i == o->name)
			any |= p->view.x[i].present || p->base.x[i].present;
	return any || (o->kind != M_DEL && o->kind != M_CLEAR);
}

static void
do_op(struct world *w, struct peer *p, const struct mop *o)
{
	struct sstate_val v[VALS];
	const char *name = names[o->name];
	int i, r, r2;

	for (i = 0; i < o->n; i++) {
		v[i].ptr = o->v[i];
		v[i].len = strlen(o->v[i]);
	}
	if (o->kind == M_SET)
		r = sstate_set(p->s, SSTATE_STORED, name, v, (size_t)o->n);
	else if (o->kind == M_DEL)
		r = sstate_del(p->s, SSTATE_STORED, name);
	else if (o->kind == M_CLEAR)
		r = sstate_clear(p->s);
	else
		r = sstate_incr(NULL, p->s, name, o->by);
	(void)snprintf(w->last, sizeof(w->last), "op %d %s %s", o->kind, name,
	    o->n > 0 ? o->v[0] : "");
	if (p->failed) {
		if (r == 0)
			wrong(w, "a change after a failure is taken");
		return;
	}
	i = p->nops;
	if (matters(p, o))
		p->op[p->nops++] = *o;
	r2 = apply(&p->view, o, 0);
	if (r2 != 0) {
		p->failed = 1;
		p->nops = i;
	}
	if ((r == 0) != (r2 == 0))
		wrong(w, "it returns %d", r);
}

static void
change(struct world *w, struct peer *p)
{
	struct mop o;
	int i;

	if (p->nops >= OPS - 2)
		return;
	memset(&o, 0, sizeof(o));
	o.name = (int)rnd(w, NAMES);
	switch (rnd(w, 10)) {
	case 0:
		o.kind = M_DEL;
		break;
	case 1:
		o.kind = rnd(w, 3) == 0 ? M_CLEAR : M_SET;
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		o.kind = M_INCR;
		o.name = 3 + (int)rnd(w, 2);
		o.by = (int64_t)rnd(w, 9) - 3;
		break;
	default:
		o.kind = M_SET;
		break;
	}
	if (o.kind == M_SET) {
		o.n = 1 + (int)rnd(w, VALS);
		for (i = 0; i < o.n; i++)
			(void)snprintf(o.v[i], TEXT, "v%u", rnd(w, 1000000));
		if (o.name == 3 || o.name == 4) {
			o.n = 1;
			if (rnd(w, 4) != 0)
				(void)snprintf(o.v[0], TEXT, "%u",
				    1000 + rnd(w, 1000000));
		}
	}
	do_op(w, p, &o);
	look(w, p, "change");
}

static void
again(struct world *w, struct peer *p)
{
	int r = sstate_reload(p->s);

	(void)snprintf(w->last, sizeof(w->last), "reload");
	if ((r == 0) != !w->store.ended)
		wrong(w, "it returns %d", r);
	if (r != 0) {
		leave(p);
		return;
	}
	take_up(w, p);
	look(w, p, "reload");
}

/* What the store holds after the replay; -1: it cannot be. */
static int
replay(struct world *w, struct peer *p, struct mrec *out)
{
	int i;

	*out = w->store;
	out->at++;
	for (i = 0; i < p->nops; i++)
		if (apply(out, &p->op[i], out->at) != 0)
			return -1;
	return 0;
}

static void
settle(struct world *w, struct peer *p, const struct mrec *now, int met)
{
	int flag = (sstate_inspect(p->s)->flags & SSTATE_IS_MERGED) != 0;

	if (met != flag)
		wrong(w, "IS_MERGED is %d", flag);
	w->store = *now;
	p->base = p->view = *now;
	p->nops = 0;
	p->sent.kind = 0;
	w->merged += (unsigned long)met;
	look(w, p, "commit");
}

static void
commit(struct world *w, struct peer *p)
{
	int met = w->store.at != p->base.at, r, c, possible;
	struct mrec now;

	w->commits++;
	r = sstate_commit(p->s);
	(void)snprintf(w->last, sizeof(w->last), "commit, met %d", met);
	if (p->failed) {
		if (r == 0)
			wrong(w, "a failed session commits");
		again(w, p);
		return;
	}
	if (p->nops == 0) {
		if (r != 0)
			wrong(w, "nothing to do, and it returns %d", r);
		return;
	}
	if (w->store.ended) {
		w->gone++;
		if (r != SSTATE_EGONE || sstate_token(p->s) != NULL)
			wrong(w, "ended, and it returns %d", r);
		leave(p);
		return;
	}
	c = met && w->strict ? conflict(p, &w->store) : NO;
	possible = replay(w, p, &now) == 0;
	if (r == 0 && (c == YES || !possible))
		wrong(w, "no ECONFLICT (%d, %d)", c, possible);
	else if (r == SSTATE_ECONFLICT && c == NO && possible)
		wrong(w, "ECONFLICT for nothing");
	else if (r != 0 && r != SSTATE_ECONFLICT)
		wrong(w, "it returns %d", r);
	if (r == 0) {
		settle(w, p, &now, met);
		return;
	}
	w->conflicts++;
	look(w, p, "conflict");
	again(w, p);
}

static void
end(struct world *w, struct peer *p)
{
	int r = sstate_logout(p->s);

	(void)snprintf(w->last, sizeof(w->last), "logout");
	if (r != 0 && !(p->failed || w->store.ended))
		wrong(w, "it returns %d", r);
	if (r == 0)
		w->store.ended = 1;
	leave(p);
}

static void
step(struct world *w)
{
	struct peer *p = &w->p[rnd(w, (unsigned)w->np)];
	unsigned what = rnd(w, 100);

	if (p->s == NULL) {
		enter(w, p);
	} else if (what < 60) {
		change(w, p);
	} else if (what < 85) {
		commit(w, p);
	} else if (what < 92) {
		again(w, p);
	} else if (what < 99 || rnd(w, 4) != 0) {
		leave(p);
	} else {
		end(w, p);
	}
}

/* What a request from outside finds must be the model's record. */
static void
outside(struct world *w)
{
	struct peer p;

	if (w->store.ended) {
		if (kit_opens(w->env, w->token) == 0)
			wrong(w, "R-26 it is back");
		return;
	}
	memset(&p, 0, sizeof(p));
	if (kit_begin(&p.s, w->env, w->token, SSTATE_MUST_EXIST) != 0) {
		wrong(w, "it is lost");
		return;
	}
	p.view = w->store;
	look(w, &p, "outside");
	sstate_free(p.s);
}

static void
round_of(struct world *w, unsigned long seed)
{
	struct sstate_session *s;
	int i;

	w->seed = seed;
	w->rnd = seed * 0x9e3779b97f4a7c15ull + 1;
	w->np = 2 + (int)rnd(w, 3);
	memset(&w->store, 0, sizeof(w->store));
	memset(w->p, 0, sizeof(w->p));
	w->last[0] = '\0';
	if (kit_begin(&s, w->env, NULL, SSTATE_EAGER) != 0 ||
	    sstate_commit(s) != 0)
		wrong(w, "no session");
	kit_token(w->token, s);
	sstate_free(s);
	for (i = 0; i < 60 && w->bad == 0; i++) {
		step(w);
		if (i % 8 == 0)
			outside(w);
	}
	outside(w);
	for (i = 0; i < w->np; i++)
		leave(&w->p[i]);
	if (!w->store.ended && kit_begin(&s, w->env, w->token, 0) == 0) {
		if (sstate_logout(s) != 0)
			wrong(w, "not removed");
		sstate_free(s);
	}
}

static void
run(int strict, unsigned long seed, unsigned long rounds)
{
	static struct world w;
	unsigned long i;
	struct kit k;

	memset(&w, 0, sizeof(w));
	kit_init(&k, "memory:");
	if (strict)
		k.o.flags |= SSTATE_STRICT;
	w.strict = strict;
	NEED((w.env = kit_open(&k)) != NULL, "an environment");
	for (i = 0; i < rounds && w.bad == 0; i++)
		round_of(&w, seed + i);
	printf("# %lu rounds, %lu commits: %lu merged, %lu conflicts, %lu "
	       "gone\n",
	    i, w.commits, w.merged, w.conflicts, w.gone);
	T(w.bad == 0, "R-33 %s: as the model says",
	    strict ? "STRICT" : "default");
	T(rounds < 500 || (w.merged > 100 && w.conflicts > 10 && w.gone > 10),
	    "all outcomes were seen");
	sstate_close(w.env);
}

int
main(int argc, char **argv)
{
	unsigned long seed = 1, rounds = kit_scale(4000);

	if (argc > 1)
		seed = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		rounds = strtoul(argv[2], NULL, 10);
	run(0, seed, rounds);
	run(1, seed, rounds);
	return tap_done();
}
