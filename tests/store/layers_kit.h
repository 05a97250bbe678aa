/*
 * layers_kit.h - a near and a far store, both of them memory: behind faults
 *
 * What either is asked goes into one trace; either can be looked at, and
 * written to, past the layers ("raw").
 */
#ifndef LAYERS_KIT_H
#define LAYERS_KIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/layered.h"
#include "store/store.h"

#include "fault_driver.h"
#include "tap.h"

#define LK __attribute__((unused)) static

extern const struct sstate_driver sstate_driver_v1_memory;

#define LK_NOW INT64_C(1700000000)
#define LK_LIVE INT64_C(4102444800)

struct lk {
	struct fault near, far;
	struct store *st, *raw_near, *raw_far;
	const char *uris[3];
	void *handles[3];
	const struct sstate_driver *drivers[2];
	int64_t clock;
	char trace[512];
	char log[1024];
	/* Called before a call of that kind of that store, once; or NULL. */
	void (*meanwhile)(struct lk *k);
	struct fault *whose;
	int kind, after;
};

struct lk_side {
	struct lk *k;
	char name;
	struct fault *f;
} lk_side[2];

LK void
lk_note(struct lk_side *s, int kind)
{
	static const struct {
		int kind;
		char name;
	} names[] = { { FAULT_GET, 'g' }, { FAULT_CREATE, 'c' },
		{ FAULT_REPLACE, 'p' }, { FAULT_REMOVE, 'm' },
		{ FAULT_REAP, 'r' }, { FAULT_EACH, 'e' },
		{ FAULT_LATEST, 'l' } };
	size_t i, n = strlen(s->k->trace);

	for (i = 0; i < 7; i++)
		if (names[i].kind == kind && n + 4 < sizeof(s->k->trace))
			(void)snprintf(s->k->trace + n, sizeof(s->k->trace) - n,
			    "%s%c%c", n ? " " : "", s->name, names[i].name);
}

LK void
lk_meanwhile(struct lk_side *s, int kind, int after)
{
	void (*fn)(struct lk * k) = s->k->meanwhile;

	if (fn == NULL || s->k->whose != s->f || s->k->kind != kind ||
	    s->k->after != after)
		return;
	s->k->meanwhile = NULL;
	fn(s->k);
}

LK void
lk_before(void *arg, int kind)
{
	lk_note(arg, kind);
	lk_meanwhile(arg, kind, 0);
}

LK void
lk_after(void *arg, int kind, int code)
{
	(void)code;
	lk_meanwhile(arg, kind, 1);
}

LK int64_t
lk_clock(void *arg)
{
	return ((struct lk *)arg)->clock;
}

LK void
lk_log(void *arg, int level, const struct sstate_error *what)
{
	struct lk *k = arg;
	size_t n = strlen(k->log);

	(void)level;
	(void)snprintf(k->log + n, sizeof(k->log) - n, "%s\n", what->text);
}

LK struct store *
lk_store(struct lk *k, const char *const *uris, int handles,
    struct sstate_error *err)
{
	struct store_options o;
	struct store *st = NULL;

	memset(&o, 0, sizeof(o));
	o.uris = uris;
	o.handles = handles ? k->handles : NULL;
	o.drivers = handles ? k->drivers : NULL;
	o.ns = "test";
	o.now = lk_clock;
	o.now_arg = k;
	o.arg = k;
	o.log = lk_log;
	(void)store_open(&st, &o, err);
	return st;
}

LK struct store *
lk_raw(struct lk *k, const char *uri)
{
	const char *uris[] = { uri, NULL };

	return lk_store(k, uris, 0, NULL);
}

/* near and far: the parameters of each, "" or "?...". */
LK void
lk_open(struct lk *k, const char *near, const char *far)
{
	static char uri[2][128];
	struct sstate_error err = { 0, 0, "" };
	int i;

	memset(k, 0, sizeof(*k));
	k->clock = LK_NOW;
	fault_init(&k->near, &sstate_driver_v1_memory, SSTATE_CAP_DURABLE);
	fault_init(&k->far, &sstate_driver_v1_memory, SSTATE_CAP_DURABLE);
	for (i = 0; i < 2; i++) {
		lk_side[i].k = k;
		lk_side[i].name = "nf"[i];
		lk_side[i].f = i == 0 ? &k->near : &k->far;
		lk_side[i].f->before = lk_before;
		lk_side[i].f->after = lk_after;
		lk_side[i].f->arg = &lk_side[i];
		(void)snprintf(uri[i], sizeof(uri[i]), "fault:%s%s",
		    i == 0 ? "n" : "f", i == 0 ? near : far);
		k->uris[i] = uri[i];
		k->handles[i] = lk_side[i].f;
	}
	k->drivers[0] = &k->near.table;
	NEED((k->raw_near = lk_raw(k, "memory:n")) != NULL &&
		(k->raw_far = lk_raw(k, "memory:f")) != NULL,
	    "what lies below");
	k->st = lk_store(k, k->uris, 1, &err);
	NEED(k->st != NULL, "{ near%s, far%s } opens: %s", near, far, err.text);
	k->trace[0] = '\0';
}

LK void
lk_close(struct lk *k)
{
	store_close(k->st);
	store_close(k->raw_near);
	store_close(k->raw_far);
}

/* What was asked since the last look: "ng fg" is near get, far get. */
LK int
lk_asked(struct lk *k, const char *want)
{
	int good = strcmp(k->trace, want) == 0;

	if (!good)
		printf("# asked: %s\n", k->trace);
	k->trace[0] = '\0';
	return good;
}

LK struct sstate_key
lk_key(unsigned n)
{
	struct sstate_key k;

	memset(k.id, (int)n + 1, sizeof(k.id));
	k.ns = "test";
	return k;
}

LK struct sstate_record
lk_rec(const char *body, uint64_t rev)
{
	struct sstate_record r;

	memset(&r, 0, sizeof(r));
	r.body.ptr = body;
	r.body.len = strlen(body);
	r.expires = LK_LIVE;
	r.rev = rev;
	return r;
}

struct lk_got {
	struct sstate_record rec;
	char body[256];
	int ret;
};

LK int
lk_found(void *arg, const struct sstate_record *rec)
{
	struct lk_got *g = arg;

	g->rec = *rec;
	(void)snprintf(g->body, sizeof(g->body), "%.*s",
	    rec->body.len < 200 ? (int)rec->body.len : 200, rec->body.ptr);
	return g->ret;
}

/* The revision that is read, or the code. */
LK int
lk_get(struct store *st, unsigned n)
{
	struct sstate_key key = lk_key(n);
	struct lk_got g;
	int r;

	memset(&g, 0, sizeof(g));
	r = store_get(st, NULL, &key, lk_found, &g, NULL);
	return r != 0 ? r : (int)g.rec.rev;
}

LK int
lk_get_far(struct store *st, unsigned n)
{
	struct sstate_key key = lk_key(n);
	struct lk_got g;
	int r;

	memset(&g, 0, sizeof(g));
	r = store_get_far(st, NULL, &key, lk_found, &g, NULL);
	return r != 0 ? r : (int)g.rec.rev;
}

LK int
lk_create(struct store *st, unsigned n, uint64_t rev)
{
	struct sstate_record r = lk_rec("body", rev);
	struct sstate_key key = lk_key(n);

	return store_create(st, NULL, &key, &r, NULL);
}

LK int
lk_replace(struct store *st, unsigned n, uint64_t was, uint64_t rev)
{
	struct sstate_record r = lk_rec("body", rev);
	struct sstate_key key = lk_key(n);

	return store_replace(st, NULL, &key, was, &r, NULL);
}

LK int
lk_remove(struct store *st, unsigned n, uint64_t was)
{
	struct sstate_key key = lk_key(n);

	return store_remove(st, NULL, &key, was, NULL);
}

/* The kind of a near store's entry: 'L', 'R', 'V'; 0: none. */
LK int
lk_entry(struct lk_got *g, struct store *near, unsigned n)
{
	struct sstate_key key = lk_key(n);

	memset(g, 0, sizeof(*g));
	if (store_get(near, NULL, &key, lk_found, g, NULL) != 0)
		return 0;
	return g->body[4];
}

#endif
