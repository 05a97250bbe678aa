/*
 * kv_edges_test.c - names when memory, randomness or time runs out, when keys
 * come and go, and when a store shows what was never written
 *
 * link: -Wl,--wrap=rand_bytes -Wl,--wrap=clock_mono_us
 * link: -Wl,--wrap=clock_nap_us
 */
#include "../tap.h"
#include "kit.h"
#include "mapstore.h"

#include <securestate/kv.h>

#include "base/clock.h"
#include "base/rand.h"

#define K1 "CmNRFz_MtsfP398g33UapPafHl0aj0Ops5PDHhFBFW0"
#define K2 "9o0zjvGO3tDC08x4sGt4WN9CVKeV__ghot1tu3LHCoA"

enum { LIFE = 43200, SOON = 100, MOST = 60 };

int __real_rand_bytes(void *out, size_t n, struct sstate_error *err);
int __wrap_rand_bytes(void *out, size_t n, struct sstate_error *err);
uint64_t __real_clock_mono_us(void);
uint64_t __wrap_clock_mono_us(void);
void __wrap_clock_nap_us(uint64_t us);

static unsigned draws, fail_draw; /* the nth; 0: none */
static unsigned asks, fail_ask; /* of the allocation hook */
static long live;
static uint64_t skipped; /* naps take no time but the clock's */

int
__wrap_rand_bytes(void *out, size_t n, struct sstate_error *err)
{
	if (fail_draw != 0 && ++draws == fail_draw)
		return sstate_fail(err, SSTATE_ESYS, 0, "no random bytes");
	return __real_rand_bytes(out, n, err);
}

uint64_t
__wrap_clock_mono_us(void)
{
	return __real_clock_mono_us() + skipped;
}

void
__wrap_clock_nap_us(uint64_t us)
{
	skipped += us < 100000 ? 100000 : us;
}

static void *
hook(void *arg, void *ptr, size_t oldsz, size_t newsz)
{
	void *p;

	(void)arg;
	(void)oldsz;
	if (newsz == 0) {
		live -= ptr != NULL;
		free(ptr);
		return NULL;
	}
	if ((fail_ask != 0 && ++asks == fail_ask) ||
	    (p = realloc(ptr, newsz)) == NULL)
		return NULL;
	live += ptr == NULL;
	return p;
}

/* ---- Two processes and a store ----------------------------------------- */

struct process {
	struct kit k;
	struct sstate *env;
	void *handle;
	char ring[300];
};

static char dir[256];
static struct map map;
static struct process old, new;
static const struct sstate_val name = { "name", 4 };

static const struct sstate_driver *const drivers[] = { &map_driver,
	&weak_driver, NULL };

static void
open_one(struct process *p, const char *file, const char *entries,
    int64_t clock, const struct sstate_driver *const *list, const char *uri)
{
	FILE *f;
	int fd;

	memset(p, 0, sizeof(*p));
	(void)snprintf(p->ring, sizeof(p->ring), "%s/%s", dir, file);
	fd = open(p->ring, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || (f = fdopen(fd, "w")) == NULL)
		exit(2);
	(void)fprintf(f, "max_lifetime %d\n%s", LIFE, entries);
	if (fclose(f) != 0)
		exit(2);
	kit_init(&p->k, uri);
	p->handle = &map;
	p->k.o.drivers = list;
	p->k.o.handles = &p->handle;
	p->k.o.keyring = p->ring;
	p->k.o.alloc = hook;
	p->k.clock = clock;
	if ((p->env = kit_open(&p->k)) == NULL)
		exit(2);
}

/* The lines in the other order than their age: order is by not_before. */
static const char *
two(void)
{
	static char text[400];

	(void)snprintf(text, sizeof(text),
	    "2 1 " K2 " %d 0 0\n1 1 " K1 " 0 %d 0\n", KIT_START + SOON,
	    KIT_START + SOON + LIFE);
	return text;
}

static void
start(void)
{
	map_free(&map);
	open_one(&old, "old", two(), KIT_START, drivers, "map:");
	open_one(&new, "new", two(), KIT_START + SOON, drivers, "map:");
}

static void
stop(void)
{
	sstate_close(old.env);
	sstate_close(new.env);
	map_free(&map);
}

static int
put(struct process *p, const char *value, uint64_t expected, uint64_t *rev)
{
	struct sstate_val v = { value, strlen(value) };

	return sstate_kv_put(rev, p->env, name, v, 0, expected, NULL);
}

static int
drop(struct process *p)
{
	return sstate_kv_remove(p->env, name, SSTATE_KV_ANY, NULL);
}

static int
code(struct process *p)
{
	struct sstate_kv *kv;
	int r = sstate_kv_get(&kv, p->env, name, NULL);

	sstate_kv_free(kv);
	return r;
}

static int
is(struct process *p, const char *value)
{
	struct sstate_kv *kv;
	int good = sstate_kv_get(&kv, p->env, name, NULL) == 0 &&
	    strcmp(kv->value.ptr, value) == 0;

	sstate_kv_free(kv);
	return good;
}

/* ---- What runs out ----------------------------------------------------- */

enum { GET, MAKE, MOVE, DROP, MOVE_AND_DROP, WAYS };

static int
way(int which)
{
	switch (which) {
	case GET:
		return code(&new);
	case MAKE:
		return put(&new, "2", SSTATE_KV_NEW, NULL);
	case MOVE:
		return put(&new, "2", SSTATE_KV_ANY, NULL);
	default:
		return drop(&new);
	}
}

/* As it was, or as it was to be. */
static int
fits(int which, int done)
{
	if (which == GET)
		return is(&old, "1") && is(&new, "1");
	if (which == MAKE || which == MOVE)
		return done ? is(&old, "2") && is(&new, "2")
			    : (which == MAKE ? code(&new) == SSTATE_ENOTFOUND
					     : is(&old, "1") || is(&old, "3"));
	return done ? code(&old) == SSTATE_ENOTFOUND
		    : is(&new, which == DROP ? "1" : "3");
}

static void
runs_out(unsigned *which_one, const char *what, int wanted)
{
	unsigned at, bad = 0, failed = 0;
	int which, r;

	for (which = 0; which < WAYS; which++)
		for (at = 1; at < MOST; at++) {
			start();
			if (which != MAKE &&
			    put(&old, "1", SSTATE_KV_NEW, NULL) != 0)
				exit(2);
			if (which == MOVE_AND_DROP &&
			    put(&new, "3", SSTATE_KV_ANY, NULL) != 0)
				exit(2);
			asks = draws = 0;
			*which_one = at;
			r = way(which);
			*which_one = 0;
			bad += r != 0 && r != wanted;
			failed += r != 0;
			bad += !fits(which, r == 0);
			/* And it goes on. */
			bad += put(&new, "4", SSTATE_KV_ANY, NULL) != 0 ||
			    !is(&old, "4") || !is(&new, "4");
			stop();
			if (r == 0)
				break;
		}
	T(bad == 0 && failed > WAYS && live == 0,
	    "R-99 no %s: told %u times, the old value or the new, nothing kept",
	    what, failed);
}

static int
never(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	(void)ctx;
	(void)key;
	(void)expected;
	(void)rec;
	(void)err;
	return SSTATE_ECONFLICT;
}

static void
races(void)
{
	struct sstate_driver busy = map_driver;
	const struct sstate_driver *list[] = { &busy, NULL };
	unsigned calls;

	busy.replace = never;
	open_one(&old, "one", "1 1 " K1 " 0 0 0\n", KIT_START, list, "map:");
	NEED(put(&old, "1", SSTATE_KV_NEW, NULL) == 0, "a value");
	map.calls = 0;
	T(put(&old, "2", SSTATE_KV_ANY, NULL) == SSTATE_EBUSY && is(&old, "1"),
	    "I6 lost races end: EBUSY, and nothing was written");
	calls = map.calls;
	T(calls > 256, "after %u looks", calls);
	sstate_close(old.env);
	map_free(&map);
}

/* ---- Keys -------------------------------------------------------------- */

static void
keys(void)
{
	char text[400];
	uint64_t rev;

	(void)snprintf(text, sizeof(text), "1 1 " K1 " %d 0 0\n",
	    KIT_START + 50);
	open_one(&old, "later", text, KIT_START, drivers, "map:");
	T(put(&old, "1", SSTATE_KV_NEW, NULL) == SSTATE_EUNSAFE &&
		code(&old) == SSTATE_ENOTFOUND && drop(&old) == 0,
	    "a key that does not issue yet: nothing is put");
	sstate_close(old.env);
	(void)snprintf(text, sizeof(text), "1 1 " K1 " 0 %d 0\n",
	    KIT_START + 50);
	open_one(&old, "ends", text, KIT_START, drivers, "map:");
	NEED(put(&old, "1", SSTATE_KV_NEW, &rev) == 0 && is(&old, "1"),
	    "one that goes soon");
	T(map.e[0].rec.expires == KIT_START + 50,
	    "R-75 what is under it ends with it");
	old.k.clock += 50;
	T(code(&old) == SSTATE_EUNSAFE &&
		put(&old, "2", rev, NULL) == SSTATE_EUNSAFE,
	    "no key is left: EUNSAFE");
	sstate_close(old.env);
	map_free(&map);
	open_one(&old, "one", "1 1 " K1 " 0 0 0\n", KIT_START, drivers, "map:");
	NEED(put(&old, "1", SSTATE_KV_NEW, NULL) == 0, "a value");
	(void)snprintf(text, sizeof(text), "1 1 " K1 " 0 0 %d\n",
	    KIT_START + 1);
	open_one(&new, "epoch", text, KIT_START + 1, drivers, "map:");
	T(code(&new) == SSTATE_ENOTFOUND,
	    "R-27 min_created: what is older is dead");
	T(put(&new, "2", SSTATE_KV_NEW, NULL) == 0 && is(&new, "2"),
	    "and in nobody's way");
	stop();
}

static void
caps(void)
{
	map_free(&map);
	open_one(&old, "one", "1 1 " K1 " 0 0 0\n", KIT_START, drivers,
	    "map:?max_expires=90000");
	NEED(put(&old, "1", SSTATE_KV_NEW, NULL) == 0, "a longer cap");
	T(map.e[0].rec.expires == KIT_START + LIFE,
	    "R-21 a store's cap makes nothing longer");
	sstate_close(old.env);
	map_free(&map);
}

/* ---- What was never written -------------------------------------------- */

static void
shown(void)
{
	struct sstate_record was;
	unsigned char *body;
	uint64_t rev;

	map_free(&map);
	open_one(&old, "one", "1 1 " K1 " 0 0 0\n", KIT_START, drivers, "map:");
	NEED(put(&old, "1", SSTATE_KV_NEW, &rev) == 0 && map.n == 1, "a value");
	was = map.e[0].rec;
	map.e[0].rec.body.len = 60;
	T(code(&old) == SSTATE_EAUTH, "R-98 a record that was cut");
	map.e[0].rec.body.len = 0;
	T(code(&old) == SSTATE_ESTORE && drop(&old) == SSTATE_ESTORE &&
		map.n == 1,
	    "R-98 or is none is the store's failure");
	map.e[0].rec = was;
	map.e[0].rec.expires = 0;
	T(is(&old, "1"), "a store that keeps no time of its own is believed");
	map.e[0].rec = was;
	old.k.clock += 60; /* the ring is looked at once a minute */
	T(is(&old, "1"), "a minute later it is there");
	open_one(&new, "behind", "1 1 " K1 " 0 0 0\n", KIT_START - 301, drivers,
	    "map:");
	T(code(&new) == SSTATE_EAUTH && kit_logged(&new.k, "future"),
	    "R-23 what was written in the future is not believed");
	new.k.clock++;
	T(is(&new, "1") && put(&new, "2", rev, NULL) == 0,
	    "a clock that is a little behind does");
	T(put(&new, "3", SSTATE_KV_ANY, NULL) == 0 && is(&old, "3"),
	    "and writes");
	body = map.e[0].body;
	T(memcmp(body, "SSK1", 4) == 0, "what is there says what it is");
	stop();
}

int
main(void)
{
	kit_folder(dir);
	runs_out(&fail_ask, "memory", SSTATE_ENOMEM);
	runs_out(&fail_draw, "random bytes", SSTATE_ESYS);
	races();
	keys();
	caps();
	shown();
	T(live == 0, "everything was given back");
	return tap_done();
}
