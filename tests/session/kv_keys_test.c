/*
 * kv_keys_test.c - a name while keys change, step by step
 *
 * kv_model_test.c looks for what nobody thought of; here is what somebody
 * did.  Two processes share a store: one issues from the old key, one from
 * the new one.  Before a chosen call of one of them something happens.
 */
#include "../tap.h"
#include "kit.h"
#include "mapstore.h"

#include <securestate/kv.h>

#define K1 "CmNRFz_MtsfP398g33UapPafHl0aj0Ops5PDHhFBFW0"
#define K2 "9o0zjvGO3tDC08x4sGt4WN9CVKeV__ghot1tu3LHCoA"

enum { LIFE = 43200, SOON = 100, CALLS = 12 };

static char dir[256];
static struct map map;

struct process {
	struct kit k;
	struct sstate *env;
	char ring[300];
	void *handle;
	unsigned before; /* that call; 0: none */
	void (*then)(void);
	int dies; /* at that call */
};

static struct process old, new;

static int
step(struct process *p, struct sstate_error *err)
{
	void (*then)(void) = p->then;

	if (p->before == 0 || --p->before > 0)
		return 0;
	if (p->dies) {
		p->before = 1; /* and each one after it */
		return sstate_fail(err, SSTATE_ESTORE, 0, "killed");
	}
	p->then = NULL;
	then();
	return 0;
}

static int
s_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	int r = step(ctx, err);

	return r != 0 ? r : map_get(&map, key, found, arg, err);
}

static int
s_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int r = step(ctx, err);

	return r != 0 ? r : map_create(&map, key, rec, err);
}

static int
s_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	int r = step(ctx, err);

	return r != 0 ? r : map_replace(&map, key, expected, rec, err);
}

static int
s_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	int r = step(ctx, err);

	return r != 0 ? r : map_remove(&map, key, expected, err);
}

static int
s_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	(void)ctx;
	return map_reap(removed, &map, ns, before, limit, err);
}

static const struct sstate_driver step_driver = { .size = sizeof(
						      struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_HANDLE,
	.scheme = "step",
	.open = map_open,
	.close = map_close,
	.get = s_get,
	.create = s_create,
	.replace = s_replace,
	.remove = s_remove,
	.reap = s_reap };

static const struct sstate_driver *const drivers[] = { &step_driver, NULL };

static void
write_ring(const struct process *p, const char *more)
{
	char tmp[310];
	FILE *f;
	int fd;

	(void)snprintf(tmp, sizeof(tmp), "%s.new", p->ring);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || (f = fdopen(fd, "w")) == NULL) {
		perror(tmp);
		exit(2);
	}
	(void)fprintf(f, "max_lifetime %d\n%s", LIFE, more);
	if (fclose(f) != 0 || rename(tmp, p->ring) != 0) {
		perror(p->ring);
		exit(2);
	}
}

static void
open_one(struct process *p, const char *name, const char *ring, int64_t clock)
{
	memset(p, 0, sizeof(*p));
	kit_init(&p->k, "step:");
	(void)snprintf(p->ring, sizeof(p->ring), "%s/%s", dir, name);
	write_ring(p, ring);
	p->handle = p;
	p->k.o.drivers = drivers;
	p->k.o.handles = &p->handle;
	p->k.o.keyring = p->ring;
	p->k.clock = clock;
	if ((p->env = kit_open(&p->k)) == NULL)
		exit(2);
}

/* The second key issues from SOON on; the first goes LIFE after that. */
static const char *
two(void)
{
	static char text[400];

	(void)snprintf(text, sizeof(text),
	    "1 1 " K1 " 0 %d 0\n2 1 " K2 " %d 0 0\n", KIT_START + SOON + LIFE,
	    KIT_START + SOON);
	return text;
}

static void
start(void)
{
	map_free(&map);
	open_one(&old, "old", two(), KIT_START);
	open_one(&new, "new", two(), KIT_START + SOON);
}

static void
stop(void)
{
	sstate_close(old.env);
	sstate_close(new.env);
	old.env = new.env = NULL;
	map_free(&map);
}

/* ---- Calls ------------------------------------------------------------- */

static const struct sstate_val name = { "name", 4 };

static int
put(struct process *p, const char *value, uint64_t expected, uint64_t *rev)
{
	struct sstate_val v = { value, strlen(value) };

	return sstate_kv_put(rev, p->env, name, v, 0, expected, NULL);
}

static int
drop(struct process *p, uint64_t expected)
{
	return sstate_kv_remove(p->env, name, expected, NULL);
}

static int
is(struct process *p, const char *value)
{
	struct sstate_kv *kv = NULL;
	int r = sstate_kv_get(&kv, p->env, name, NULL), good;

	if (value == NULL)
		return r == SSTATE_ENOTFOUND;
	good = r == 0 && strcmp(kv->value.ptr, value) == 0;
	sstate_kv_free(kv);
	return good;
}

static int
both(const char *value)
{
	return is(&old, value) && is(&new, value);
}

static uint64_t
revision(struct process *p)
{
	struct sstate_kv *kv;
	uint64_t rev = 0;

	if (sstate_kv_get(&kv, p->env, name, NULL) == 0) {
		rev = kv->rev;
		sstate_kv_free(kv);
	}
	return rev;
}

/* ---- Without a race ---------------------------------------------------- */

static void
plainly(void)
{
	uint64_t a, b;

	start();
	NEED(put(&old, "1", SSTATE_KV_NEW, &a) == 0, "made under the old key");
	T(both("1") && revision(&new) == a, "found from the new one");
	T(put(&new, "2", SSTATE_KV_NEW, NULL) == SSTATE_EEXIST,
	    "and not made again");
	T(put(&new, "2", a, &b) == 0 && both("2") && map.n == 2,
	    "a put of its revision takes it along");
	T(put(&old, "3", a, NULL) == SSTATE_ECONFLICT && both("2"),
	    "R-33 the slower one meets it, whatever issues by its clock");
	T(put(&old, "3", b, &a) == 0 && both("3"),
	    "and goes on under the key where the name is");
	T(drop(&old, a) == 0 && both(NULL), "as does a removal");
	T(put(&new, "4", a, NULL) == SSTATE_ENOTFOUND && both(NULL),
	    "R-26 nor does a slow put bring it back");
	T(put(&old, "5", SSTATE_KV_NEW, NULL) == 0 && both("5"),
	    "new once more");
	old.k.clock = new.k.clock = KIT_START + SOON + LIFE;
	T(put(&new, "6", SSTATE_KV_ANY, NULL) == 0 && both("6"),
	    "when the old key is gone as well");
	stop();
}

static void
made_new(void)
{
	uint64_t a;

	start();
	NEED(put(&new, "1", SSTATE_KV_NEW, &a) == 0, "made under the new key");
	T(both("1") && put(&old, "2", SSTATE_KV_NEW, NULL) == SSTATE_EEXIST,
	    "who issues from the old one finds it");
	T(drop(&old, SSTATE_KV_ANY) == 0 && both(NULL) && map.n == 1,
	    "removed: the stub is all that is left");
	old.k.clock = new.k.clock += 60;
	T(put(&old, "3", SSTATE_KV_NEW, NULL) == 0 && both("3"), "made again");
	new.k.clock = KIT_START + SOON + LIFE;
	T(is(&new, "3"), "it does not go with the old key");
	stop();
	start();
	NEED(put(&old, "1", SSTATE_KV_NEW, &a) == 0 && drop(&new, a) == 0,
	    "made under the old, removed from the new");
	T(map.n == 0 && both(NULL), "nothing is left");
	NEED(put(&old, "1", SSTATE_KV_NEW, NULL) == 0, "made, never changed");
	new.k.clock = KIT_START + SOON + LIFE;
	T(is(&new, NULL), "its time is over when its key goes");
	T(put(&new, "2", SSTATE_KV_NEW, NULL) == 0 && is(&new, "2"),
	    "and the name is free");
	stop();
}

/* A ring that was not read again yet. */
static void
stale(void)
{
	start();
	sstate_close(old.env);
	open_one(&old, "stale", "1 1 " K1 " 0 0 0\n", KIT_START);
	NEED(put(&old, "1", SSTATE_KV_NEW, NULL) == 0 &&
		put(&new, "2", SSTATE_KV_ANY, NULL) == 0,
	    "moved by a key that the other does not know");
	T(!is(&old, "1") && !is(&old, NULL) &&
		put(&old, "3", SSTATE_KV_NEW, NULL) == SSTATE_EAUTH &&
		put(&old, "3", SSTATE_KV_ANY, NULL) == SSTATE_EAUTH &&
		drop(&old, SSTATE_KV_ANY) == SSTATE_EAUTH,
	    "it says neither that it is there nor that it is not");
	T(is(&new, "2"), "and does nothing to it");
	write_ring(&old, two());
	old.k.clock++; /* the file is looked at once a second at most */
	T(is(&old, "2"), "once the file is there it is found, at once");
	stop();
}

/* ---- What happens in between ------------------------------------------- */

static void
old_puts(void)
{
	if (put(&old, "old", SSTATE_KV_ANY, NULL) != 0)
		exit(2);
}

static void
old_removes(void)
{
	if (drop(&old, SSTATE_KV_ANY) != 0)
		exit(2);
}

/* Another process to which the new key issues. */
static struct process other;

static void
other_changes(void)
{
	if (put(&other, "other", SSTATE_KV_ANY, NULL) != 0)
		exit(2);
}

static void
other_changes_and_removes(void)
{
	other_changes();
	if (drop(&other, SSTATE_KV_ANY) != 0)
		exit(2);
}

/*
 * new's put of the revision that old made, with then before each of its
 * calls in turn: it must be so as if one had come before the other.
 */
static void
between(const char *what, void (*then)(void), const char *without)
{
	unsigned at, bad = 0, won = 0, lost = 0;
	uint64_t a;
	int r;

	for (at = 1; at < CALLS; at++) {
		start();
		open_one(&other, "other", two(), KIT_START + SOON);
		if (put(&old, "1", SSTATE_KV_NEW, &a) != 0)
			exit(2);
		new.before = at;
		new.then = then;
		r = put(&new, "new", a, NULL);
		if (new.then != NULL) { /* so many calls there are not */
			new.before = 0;
			then();
		}
		won += r == 0;
		lost += r != 0;
		/* What came last shows; a put that lost is nowhere. */
		bad += r != 0 &&
		    r != (without ? SSTATE_ECONFLICT : SSTATE_ENOTFOUND);
		bad += !both(without);
		/* And later, when the copy could be read by mistake. */
		if (put(&new, "end", SSTATE_KV_ANY, NULL) != 0 ||
		    !both("end") || drop(&new, SSTATE_KV_ANY) != 0)
			bad++;
		bad += !both(NULL);
		sstate_close(other.env);
		stop();
	}
	T(bad == 0 && won > 0 && lost > 0,
	    "R-26, R-33 %s: before its call %u times, after it %u times", what,
	    lost, won);
}

/* Killed before its nth call, for each n. */
static void
kills(void)
{
	unsigned at, bad = 0, done = 0;
	uint64_t a;

	for (at = 1; at < CALLS; at++) {
		start();
		if (put(&old, "1", SSTATE_KV_NEW, &a) != 0)
			exit(2);
		new.before = at;
		new.dies = 1;
		if (put(&new, "2", a, NULL) == 0)
			done++;
		else {
			new.before = 0;
			bad += !both("1") || revision(&new) != a;
			/* What it left is not what is there next. */
			bad += at % 2 == 0 && drop(&old, a) != 0;
			bad += at % 2 == 0 && !both(NULL);
			bad += put(&new, "3", SSTATE_KV_ANY, NULL) != 0;
			bad += !both("3");
		}
		stop();
	}
	T(bad == 0 && done > 0 && done < CALLS - 1,
	    "R-33 killed before each call: the old value, and then the next");
}

/* A copy that a kill left, and a stub that another kill left before it. */
static void
left_behind(void)
{
	uint64_t a;

	start();
	NEED(put(&old, "1", SSTATE_KV_NEW, &a) == 0, "a value");
	new.before = 5;
	new.dies = 1;
	T(put(&new, "2", a, NULL) == SSTATE_ESTORE && map.n == 2,
	    "killed when the copy is there and its stub is not");
	new.before = 0;
	T(drop(&old, a) == 0 && both(NULL) && map.n == 1,
	    "removed: the copy is nothing");
	new.before = 4;
	T(put(&new, "3", SSTATE_KV_NEW, NULL) == SSTATE_ESTORE && map.n == 2,
	    "killed when the older place has a stub, and no more");
	new.before = 0;
	T(both(NULL), "R-26 the stub is not the copy's");
	T(put(&new, "4", SSTATE_KV_NEW, NULL) == 0 && both("4"),
	    "and the name is free");
	stop();
}

int
main(void)
{
	kit_folder(dir);
	plainly();
	made_new();
	stale();
	between("the old key's process puts", old_puts, "old");
	between("it removes", old_removes, NULL);
	between("another one moves and changes", other_changes, "other");
	between("another one moves, changes and removes",
	    other_changes_and_removes, NULL);
	kills();
	left_behind();
	return tap_done();
}
