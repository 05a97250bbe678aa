/*
 * kv_test.c - bytes under a name: what each call answers, what it costs,
 * what the store may do to it
 */
#include "../tap.h"
#include "kit.h"
#include "mapstore.h"

#include <securestate/kv.h>

enum { LIFE = 43200 };

static const struct sstate_driver *const drivers[] = { &map_driver,
	&weak_driver, NULL };

static char ring[300];

static struct sstate_val
val(const char *s)
{
	return (struct sstate_val){ s, strlen(s) };
}

static void
on_map(struct kit *k, struct map *m, void **handle)
{
	kit_init(k, "map:");
	memset(m, 0, sizeof(*m));
	*handle = m;
	k->o.drivers = drivers;
	k->o.keyring = ring;
	k->o.handles = handle;
}

static int
put(struct sstate *env, const char *name, const char *value, uint64_t expected)
{
	return sstate_kv_put(NULL, env, val(name), val(value), 0, expected,
	    NULL);
}

/* Is it value?  NULL: is nothing there? */
static int
is(struct sstate *env, const char *name, const char *value)
{
	struct sstate_kv *kv = NULL;
	int r = sstate_kv_get(&kv, env, val(name), NULL), good;

	if (value == NULL)
		return r == SSTATE_ENOTFOUND && kv == NULL;
	good = r == 0 && kv->value.len == strlen(value) &&
	    strcmp(kv->value.ptr, value) == 0;
	sstate_kv_free(kv);
	return good;
}

static int
code(struct sstate *env, const char *name)
{
	struct sstate_kv *kv;
	int r = sstate_kv_get(&kv, env, val(name), NULL);

	sstate_kv_free(kv);
	return r;
}

static void
answers(struct sstate *env)
{
	uint64_t a = 1, b, c;

	T(is(env, "n", NULL), "a name that nothing is under is ENOTFOUND");
	T(sstate_kv_put(&a, env, val("n"), val("x"), 0, 7, NULL) ==
		    SSTATE_ENOTFOUND &&
		a == 0,
	    "nor is a revision of it");
	T(sstate_kv_put(&a, env, val("n"), val("x"), 0, SSTATE_KV_NEW, NULL) ==
		    0 &&
		a != 0 && is(env, "n", "x"),
	    "new: it is there");
	T(put(env, "n", "y", SSTATE_KV_NEW) == SSTATE_EEXIST &&
		is(env, "n", "x"),
	    "new once more: EEXIST");
	T(sstate_kv_put(&b, env, val("n"), val("y"), 0, a, NULL) == 0 &&
		b != a && is(env, "n", "y"),
	    "its revision: replaced");
	T(put(env, "n", "z", a) == SSTATE_ECONFLICT && is(env, "n", "y"),
	    "R-33 an older one: ECONFLICT");
	T(sstate_kv_remove(env, val("n"), a, NULL) == SSTATE_ECONFLICT &&
		is(env, "n", "y"),
	    "R-33 nor does that remove it");
	T(sstate_kv_put(&c, env, val("n"), val("z"), 0, SSTATE_KV_ANY, NULL) ==
		    0 &&
		c != b && is(env, "n", "z"),
	    "any: replaced");
	T(sstate_kv_remove(env, val("n"), c, NULL) == 0 && is(env, "n", NULL),
	    "removed");
	T(put(env, "n", "w", c) == SSTATE_ENOTFOUND && is(env, "n", NULL),
	    "R-26 a slower put does not bring it back");
	T(sstate_kv_remove(env, val("n"), c, NULL) == 0 &&
		sstate_kv_remove(env, val("n"), SSTATE_KV_ANY, NULL) == 0,
	    "nothing to remove is no error");
	T(put(env, "n", "v", SSTATE_KV_ANY) == 0 && is(env, "n", "v") &&
		sstate_kv_remove(env, val("n"), SSTATE_KV_ANY, NULL) == 0 &&
		is(env, "n", NULL),
	    "any: made, and removed");
}

static void
arguments(struct sstate *env, int64_t now)
{
	static char name[1026], big[65537];
	struct sstate_error err;
	struct sstate_kv *kv = NULL;
	unsigned i;

	for (i = 0; i < sizeof(name); i++)
		name[i] = (char)i;
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)i;
#define PUT(n, v, e) sstate_kv_put(NULL, env, n, v, e, SSTATE_KV_ANY, &err)
#define V(p, n) ((struct sstate_val){ p, n })
	T(PUT(V(name, 0), val("x"), 0) == SSTATE_EINVAL &&
		PUT(V(NULL, 0), val("x"), 0) == SSTATE_EINVAL &&
		PUT(V(name, 1025), val("x"), 0) == SSTATE_ETOOBIG,
	    "R-90 a name has 1 to 1024 octets");
	T(PUT(V(name, 1024), V(big, 65536), 0) == 0 &&
		sstate_kv_get(&kv, env, V(name, 1024), NULL) == 0 &&
		kv->value.len == 65536 &&
		memcmp(kv->value.ptr, big, 65536) == 0 &&
		kv->value.ptr[65536] == '\0',
	    "any octets, in name and value, and a NUL behind");
	sstate_kv_free(kv);
	T(PUT(V(name, 1023), V(big, 65537), 0) == SSTATE_ETOOBIG,
	    "R-90 a value has max_bytes at most");
	T(PUT(V("\0", 1), V(NULL, 0), 0) == 0 &&
		sstate_kv_get(&kv, env, V("\0", 1), NULL) == 0 &&
		kv->value.len == 0 && kv->value.ptr[0] == '\0',
	    "and none at all is one");
	sstate_kv_free(kv);
	T(PUT(val("t"), V(NULL, 1), 0) == SSTATE_EINVAL &&
		PUT(val("t"), val("x"), -1) == SSTATE_EINVAL &&
		PUT(val("t"), val("x"), now) == SSTATE_EINVAL &&
		is(env, "t", NULL),
	    "no value, no time, a time that is over: EINVAL");
	T(sstate_kv_remove(env, val("t"), SSTATE_KV_NEW, NULL) ==
		    SSTATE_EINVAL &&
		sstate_kv_get(NULL, env, val("t"), NULL) == SSTATE_EINVAL &&
		sstate_kv_get(&kv, NULL, val("t"), NULL) == SSTATE_EINVAL &&
		sstate_kv_put(NULL, NULL, val("t"), val("x"), 0, 0, NULL) ==
		    SSTATE_EINVAL &&
		sstate_kv_remove(NULL, val("t"), 1, NULL) == SSTATE_EINVAL,
	    "nor without its arguments");
	sstate_kv_free(NULL);
}

static void
times(void)
{
	struct sstate_kv *kv;
	struct sstate *env;
	struct map m;
	struct kit k;
	void *h;
	uint64_t rev, n = 0;
	int64_t at;

	on_map(&k, &m, &h);
	NEED((env = kit_open(&k)) != NULL, "a store");
	at = k.clock;
	NEED(sstate_kv_put(&rev, env, val("n"), val("x"), at + 10,
		 SSTATE_KV_NEW, NULL) == 0 &&
		sstate_kv_get(&kv, env, val("n"), NULL) == 0,
	    "for ten seconds");
	T(kv->expires == at + 10 && kv->written == at && kv->rev == rev,
	    "times and revision are told");
	sstate_kv_free(kv);
	k.clock = at + 9;
	T(is(env, "n", "x"), "R-20 after nine it is there");
	k.clock = at + 10;
	T(is(env, "n", NULL) && m.n == 1,
	    "I4 after ten it is not, though the store has it");
	T(put(env, "n", "y", SSTATE_KV_NEW) == 0 && is(env, "n", "y"),
	    "and the name is free");
	NEED(sstate_kv_get(&kv, env, val("n"), NULL) == 0, "for the longest");
	T(kv->expires == k.clock + LIFE, "0: max_lifetime of the ring");
	sstate_kv_free(kv);
	NEED(sstate_kv_put(NULL, env, val("n"), val("z"), INT64_MAX,
		 SSTATE_KV_ANY, NULL) == 0 &&
		sstate_kv_get(&kv, env, val("n"), NULL) == 0,
	    "for ever");
	T(kv->expires == k.clock + LIFE, "R-21 is no longer");
	sstate_kv_free(kv);
	k.clock += LIFE;
	T(sstate_reap(&n, env, 0, 0, NULL) == 0 && n == 1 && m.n == 0,
	    "what expired is reaped");
	NEED(sstate_kv_put(NULL, env, val("short"), val("x"), k.clock + 1,
		 SSTATE_KV_NEW, NULL) == 0,
	    "for one second");
	k.clock += 3700;
	T(put(env, "n", "x", SSTATE_KV_NEW) == 0 && m.n == 1,
	    "an hour after its end it goes in passing");
	k.clock -= 1000000; /* the ratchet: time goes on from where it was */
	T(is(env, "n", "x"), "R-23 a clock that goes back changes nothing");
	sstate_close(env);
	map_free(&m);
}

static void
capped(void)
{
	struct sstate_kv *kv;
	struct sstate *env;
	struct kit k;

	kit_init(&k, "memory:?max_expires=100");
	NEED((env = kit_open(&k)) != NULL, "a store that forgets sooner");
	NEED(put(env, "n", "x", SSTATE_KV_NEW) == 0 &&
		sstate_kv_get(&kv, env, val("n"), NULL) == 0,
	    "a value in it");
	T(kv->expires == k.clock + 100, "its cap is what is told");
	sstate_kv_free(kv);
	k.clock += 100;
	T(is(env, "n", NULL), "and what holds");
	sstate_close(env);
}

static void
costs(void)
{
	struct sstate *env;
	struct map m;
	struct kit k;
	uint64_t rev;
	void *h;

	on_map(&k, &m, &h);
	NEED((env = kit_open(&k)) != NULL, "a store that counts");
#define COST(call) (m.calls = 0, (call) == 0 ? m.calls : 99u)
	T(COST(sstate_kv_put(&rev, env, val("n"), val("x"), 0, SSTATE_KV_NEW,
	      NULL)) == 1,
	    "I5 new: one call of the store");
	T(COST(code(env, "n")) == 1, "I5 get: one");
	T(COST(sstate_kv_put(&rev, env, val("n"), val("x"), 0, rev, NULL)) == 1,
	    "I5 put of a revision: one");
	T(COST(put(env, "n", "y", SSTATE_KV_ANY)) == 2, "I5 put of any: two");
	T(COST(sstate_kv_remove(env, val("n"), SSTATE_KV_ANY, NULL)) == 2,
	    "I5 remove of any: two");
	NEED(sstate_kv_put(&rev, env, val("n"), val("x"), 0, SSTATE_KV_NEW,
		 NULL) == 0,
	    "again");
	T(COST(sstate_kv_remove(env, val("n"), rev, NULL)) == 1 && m.n == 0,
	    "I5 remove of a revision: one, and nothing is left");
	sstate_close(env);
	map_free(&m);
}

/* The store is not trusted. */
static void
lies(void)
{
	static struct map was;
	struct sstate_error err;
	struct sstate *env;
	unsigned char *p;
	struct map m;
	struct kit k;
	void *h;

	on_map(&k, &m, &h);
	NEED((env = kit_open(&k)) != NULL &&
		put(env, "secret name", "secret value", SSTATE_KV_NEW) == 0,
	    "a value");
	T(memmem(m.e[0].body, m.e[0].rec.body.len, "secret", 6) == NULL,
	    "R-71 the store sees neither name nor value");
	p = m.e[0].body;
	p[100] ^= 1;
	T(code(env, "secret name") == SSTATE_EAUTH, "R-71 damage: EAUTH");
	T(sstate_kv_put(NULL, env, val("secret name"), val("x"), 0,
	      SSTATE_KV_ANY, &err) == SSTATE_EAUTH &&
		strstr(err.text, "secret") == NULL &&
		strchr(err.text, '\n') == NULL,
	    "R-100 also to a put; and no text tells a name");
	T(kit_logged(&k, "not authentic") && !kit_logged(&k, "secret"),
	    "it is logged, without one");
	p[100] ^= 1;
	map_copy(&was, &m);
	m.e[0].rec.rev++;
	T(code(env, "secret name") == SSTATE_EAUTH, "another revision beside");
	m.e[0].rec = was.e[0].rec;
	m.e[0].rec.body.ptr = (const char *)m.e[0].body;
	m.e[0].rec.expires++;
	T(code(env, "secret name") == SSTATE_EAUTH, "I4 a later end beside");
	m.e[0].rec.expires = k.clock;
	T(is(env, "secret name", NULL), "a sooner one is believed");
	m.e[0].rec.expires = was.e[0].rec.expires;
	m.e[0].rec.tag[3] = 1;
	T(code(env, "secret name") == SSTATE_EAUTH, "somebody's tag beside");
	T(sstate_kv_remove(env, val("secret name"), SSTATE_KV_ANY, NULL) == 0 &&
		m.n == 0 && is(env, "secret name", NULL),
	    "what nobody can read can be removed");
	sstate_close(env);
	map_free(&m);
	map_free(&was);
}

/* Two that share a store and do not know each other. */
static void
apart(void)
{
	struct sstate *a, *b, *c;
	char other[310];
	struct kit k, k2, k3;
	struct map m;
	void *h;

	on_map(&k, &m, &h);
	k2 = k;
	k2.o.ns = "shop";
	k3 = k;
	(void)snprintf(other, sizeof(other), "%s.2", ring);
	k3.o.keyring = other;
	NEED((a = kit_open(&k)) != NULL && (b = kit_open(&k2)) != NULL &&
		(c = kit_open(&k3)) != NULL,
	    "a ring, another namespace, another ring");
	T(put(a, "n", "a", SSTATE_KV_NEW) == 0 &&
		put(b, "n", "b", SSTATE_KV_NEW) == 0 &&
		put(c, "n", "c", SSTATE_KV_NEW) == 0 && m.n == 3,
	    "R-13 three places for one name");
	T(is(a, "n", "a") && is(b, "n", "b") && is(c, "n", "c"),
	    "each its own");
	T(sstate_kv_remove(a, val("n"), SSTATE_KV_ANY, NULL) == 0 &&
		is(a, "n", NULL) && is(b, "n", "b") && is(c, "n", "c"),
	    "removed from one, it is in the others");
	sstate_close(c);
	sstate_close(b);
	sstate_close(a);
	map_free(&m);
}

static int
count(void *arg, const struct sstate_info *info)
{
	(void)info;
	++*(unsigned *)arg;
	return 0;
}

/* kv.h and sessions in one store. */
static void
sessions(void)
{
	char token[KIT_TOKEN + 1], name[KIT_TOKEN + 1], handle[20];
	struct map_entry *s, *v, x;
	struct sstate *env;
	unsigned listed = 0, i;
	struct map m;
	struct kit k;
	uint64_t n;
	void *h;

	on_map(&k, &m, &h);
	NEED((env = kit_open(&k)) != NULL &&
		kit_make(name, env, "a", "1", "ann") == 0 && m.n == 1,
	    "a session");
	NEED(put(env, name, "v", SSTATE_KV_NEW) == 0 && m.n == 2,
	    "and something under its token as a name");
	T(sstate_list(env, NULL, count, &listed, NULL) == 0 && listed == 1,
	    "a listing has the session alone");
	for (i = 0; i < 8; i++)
		(void)snprintf(handle + 2 * i, 3, "%02x", m.e[1].id[i]);
	T(sstate_revoke(&n, env, NULL, handle, NULL) == SSTATE_ENOTFOUND &&
		is(env, name, "v"),
	    "there is no handle of the other");
	k.clock += 100;
	T(sstate_reap(&n, env, 60, 0, NULL) == 0 && n == 1 &&
		is(env, name, "v"),
	    "and no idle limit: its end is its own");
	NEED(kit_make(token, env, "a", "1", "ann") == 0 && m.n == 2,
	    "another session");
	v = m.e[0].rec.body.ptr[2] == 'K' ? &m.e[0] : &m.e[1];
	s = v == &m.e[0] ? &m.e[1] : &m.e[0];
	T(kit_opens(env, token) == 0 && code(env, name) == 0, "both open");
	x = *s;
	s->rec = v->rec;
	s->body = v->body;
	v->rec = x.rec;
	v->body = x.body;
	T(kit_opens(env, token) != 0,
	    "R-65 what was put under a name opens as no session");
	T(code(env, name) == SSTATE_EAUTH,
	    "R-65 nor a session as what is under a name");
	sstate_close(env);
	map_free(&m);
}

/* Of a store that may not answer. */
static void
unanswered(void)
{
	struct sstate_error err;
	struct sstate *env;
	struct map m;
	struct kit k;
	uint64_t rev;
	void *h;

	on_map(&k, &m, &h);
	NEED((env = kit_open(&k)) != NULL, "a store that loses answers");
	m.lose = 1;
	T(put(env, "n", "x", SSTATE_KV_NEW) == SSTATE_ESTORE,
	    "new, not answered: ESTORE");
	m.lose = 0;
	T(put(env, "n", "x", SSTATE_KV_NEW) == SSTATE_EEXIST &&
		is(env, "n", "x"),
	    "repeated: EEXIST tells that it happened");
	NEED(sstate_kv_put(&rev, env, val("n"), val("y"), 0, SSTATE_KV_ANY,
		 NULL) == 0,
	    "a revision");
	m.lose = 1;
	T(put(env, "n", "z", rev) == SSTATE_ESTORE, "of a revision: ESTORE");
	m.lose = 0;
	T(put(env, "n", "z", rev) == SSTATE_ECONFLICT && is(env, "n", "z"),
	    "repeated: ECONFLICT tells likewise");
	m.lose = 1;
	T(put(env, "n", "any", SSTATE_KV_ANY) == SSTATE_ESTORE, "any: ESTORE");
	m.lose = 0;
	T(put(env, "n", "any", SSTATE_KV_ANY) == 0 && is(env, "n", "any"),
	    "repeated: done");
	m.fail_write = SSTATE_ESTORE;
	T(sstate_kv_remove(env, val("n"), SSTATE_KV_ANY, &err) ==
		    SSTATE_ESTORE &&
		strstr(err.text, "map: remove") != NULL,
	    "a failure names store and call");
	m.fail_write = SSTATE_EBUSY;
	T(put(env, "n", "x", SSTATE_KV_ANY) == SSTATE_EBUSY,
	    "too slow is EBUSY");
	m.fail_write = 0;
	T(is(env, "n", "any"), "and nothing was done");
	sstate_close(env);
	map_free(&m);
}

static void
refusing(void)
{
	struct sstate *env;
	struct kit k;

	kit_init(&k, "memory:?readonly=1");
	NEED((env = kit_open(&k)) != NULL, "a store to be read");
	T(put(env, "n", "x", SSTATE_KV_NEW) == SSTATE_EBUSY &&
		put(env, "n", "x", SSTATE_KV_ANY) == SSTATE_EBUSY &&
		is(env, "n", NULL),
	    "takes nothing");
	sstate_close(env);
	kit_init(&k, "memory:");
	k.o.keyring = "/nonexistent/ring";
	k.o.flags |= SSTATE_NO_CREATE;
	NEED((env = kit_open(&k)) != NULL, "without a key ring");
	T(put(env, "n", "x", SSTATE_KV_NEW) == SSTATE_EUNSAFE &&
		code(env, "n") == SSTATE_EUNSAFE &&
		sstate_kv_remove(env, val("n"), SSTATE_KV_ANY, NULL) ==
		    SSTATE_EUNSAFE,
	    "there is no name: EUNSAFE");
	sstate_close(env);
}

/* Over a disk, and with a near store before it. */
static void
others(const char *dir)
{
	char uri[300];
	struct sstate *env, *two;
	struct kit k, k2;

	(void)snprintf(uri, sizeof(uri), "file:%s/store", dir);
	kit_init(&k, uri);
	NEED((env = kit_open(&k)) != NULL, "a disk");
	answers(env);
	kit_init(&k2, "memory:near");
	k2.stores[1] = uri;
	NEED((two = kit_open(&k2)) != NULL, "a near store before it");
	answers(two);
	NEED(put(two, "n", "x", SSTATE_KV_NEW) == 0 && is(two, "n", "x") &&
		is(env, "n", "x") &&
		sstate_kv_remove(env, val("n"), SSTATE_KV_ANY, NULL) == 0,
	    "removed behind the near one's back");
	T(is(two, "n", NULL), "R-26 it does not show what was removed");
	sstate_close(two);
	sstate_close(env);
}

int
main(void)
{
	char dir[256];
	struct sstate *env;
	struct kit k;

	kit_folder(dir);
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit_init(&k, "memory:");
	NEED((env = kit_open(&k)) != NULL, "a store");
	answers(env);
	arguments(env, k.clock);
	sstate_close(env);
	times();
	capped();
	costs();
	lies();
	apart();
	sessions();
	unanswered();
	refusing();
	others(dir);
	return tap_done();
}
