/*
 * memory.c - the `memory:` store: this process, no file, no daemon
 *
 *	memory:		one store's own, gone when that is closed
 *	memory:name	shared by name by all that this process opens
 *	?max_entries=1000000&max_bytes=268435456
 *
 * A fork leaves a copy to the child, whole because no table is half-updated
 * while fork() runs.  From then on the two know nothing of each other: what
 * is ended in one is not ended in the other's copy, so a server of several
 * processes needs another store.
 *
 * The list of tables is the library's only global: contexts of one pool, and
 * stores of one name, find each other there.  Invariant: a table is on it
 * from its first context to its last; its members change under its lock.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>

#include "base/err.h"
#include "base/nest.h"
#include "store/conf.h"
#include "store/memtab.h"

enum {
	ENTRIES = 1000000, /* default of max_entries= */
	BYTES = 256 << 20 /* default of max_bytes= */
};

/* One table, its name or the store whose it is, and who uses it. */
struct share {
	struct share *next;
	struct memtab *table;
	struct hook hook;
	size_t refs;
	bool has_store;
	unsigned char store[CONF_STORE_BYTES];
	size_t size; /* of all this */
	char name[]; /* "": nobody else's */
};

struct context {
	struct share *share;
	struct memtab_copy copy;
};

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	struct share *first;
} tables = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_ONCE_INIT, NULL };

/* ---- Forks ------------------------------------------------------------ */

static void
before_fork(void)
{
	struct share *s;

	(void)pthread_mutex_lock(&tables.lock);
	for (s = tables.first; s != NULL; s = s->next)
		memtab_lock(s->table);
}

/* In both: this thread locked them, in the child as well. */
static void
after_fork(void)
{
	struct share *s;

	for (s = tables.first; s != NULL; s = s->next)
		memtab_unlock(s->table);
	(void)pthread_mutex_unlock(&tables.lock);
}

static void
watch_forks(void)
{
	(void)pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- The list --------------------------------------------------------- */

static struct share *
share_find(const char *name, const unsigned char *store)
{
	struct share *s;

	for (s = tables.first; s != NULL; s = s->next) {
		if (name[0] != '\0' && strcmp(s->name, name) == 0)
			break;
		if (name[0] == '\0' && s->has_store && store != NULL &&
		    memcmp(s->store, store, sizeof(s->store)) == 0)
			break;
	}
	return s;
}

static int
share_new(struct share **out, const char *name, const unsigned char *store,
    const struct hook *h, int64_t entries, int64_t bytes,
    struct sstate_error *err)
{
	/* What many share must not come from one environment's allocator. */
	static const struct hook plain = { NULL, NULL };
	/* What a child forgot to free is in the list for ever. */
	struct hook own = nest_outside(h);
	const struct hook *use = name[0] != '\0' ? &plain : &own;
	size_t len = strlen(name), size = sizeof(struct share) + len + 1;
	struct share *s;
	int r;

	*out = NULL;
	if ((s = hook_alloc(use, size)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "memory");
	memset(s, 0, size);
	memcpy(s->name, name, len);
	s->size = size;
	s->hook = *use;
	if (name[0] == '\0' && store != NULL) {
		s->has_store = true;
		memcpy(s->store, store, sizeof(s->store));
	}
	if ((r = memtab_new(&s->table, use,
		 (uint64_t)(entries != 0 ? entries : ENTRIES),
		 (uint64_t)(bytes != 0 ? bytes : BYTES), err)) != 0) {
		hook_free(use, s, size);
		return r;
	}
	s->next = tables.first;
	tables.first = s;
	*out = s;
	return 0;
}

/* Under the list's lock. */
static void
share_free(struct share *s)
{
	struct share **at;
	struct hook h = s->hook;

	for (at = &tables.first; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	memtab_free(s->table);
	hook_free(&h, s, s->size);
}

static int
share_get(struct share **out, const char *name, const unsigned char *store,
    const struct hook *h, int64_t entries, int64_t bytes,
    struct sstate_error *err)
{
	struct share *s;
	int r = 0;

	(void)pthread_once(&tables.once, watch_forks);
	(void)pthread_mutex_lock(&tables.lock);
	if ((s = share_find(name, store)) == NULL)
		r = share_new(&s, name, store, h, entries, bytes, err);
	else if ((entries != 0 && (uint64_t)entries != s->table->max_entries) ||
	    (bytes != 0 && (uint64_t)bytes != s->table->max_bytes))
		r = sstate_fail(err, SSTATE_EINVAL, 0,
		    "memory: open: that name is in use with other limits");
	if (r == 0)
		s->refs++;
	(void)pthread_mutex_unlock(&tables.lock);
	*out = r == 0 ? s : NULL;
	return r;
}

/* ---- The slots -------------------------------------------------------- */

static int
memory_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *name = sstate_conf_part(conf, SSTATE_CONF_PATH);
	const struct hook *h = conf_hook(conf);
	int64_t entries, bytes;
	struct context *c;
	int r;

	*ctx = NULL;
	/* 0 is "not said": then a shared table's limits are what they are. */
	if ((r = sstate_conf_int(&entries, conf, "max_entries", 0, 1,
		 UINT32_MAX, err)) != 0 ||
	    (r = sstate_conf_int(&bytes, conf, "max_bytes", 0, 4096,
		 INT64_MAX / 2, err)) != 0)
		return r;
	if ((c = hook_alloc(h, sizeof(*c))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "memory");
	memset(c, 0, sizeof(*c));
	c->copy.hook = *h;
	if ((r = share_get(&c->share, name != NULL ? name : "",
		 conf_store(conf), h, entries, bytes, err)) != 0) {
		hook_free(h, c, sizeof(*c));
		return r;
	}
	*ctx = c;
	return 0;
}

static void
context_free(struct context *c, bool keep)
{
	struct share *s = c->share;
	struct hook h = c->copy.hook;

	(void)pthread_mutex_lock(&tables.lock);
	/* Kept by nobody: only if somebody can find it again. */
	if (--s->refs == 0 && !(keep && (s->has_store || s->name[0] != '\0')))
		share_free(s);
	(void)pthread_mutex_unlock(&tables.lock);
	hook_free(&h, c->copy.p, c->copy.cap);
	hook_free(&h, c, sizeof(*c));
}

static void
memory_close(void *ctx)
{
	context_free(ctx, false);
}

/* The child opens anew, and finds its copy of the table. */
static void
memory_abandon(void *ctx)
{
	context_free(ctx, true);
}

static int
memory_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct context *c = ctx;

	return memtab_get(c->share->table, &c->copy, key, found, arg, err);
}

static int
memory_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct context *c = ctx;

	return memtab_create(c->share->table, key, rec, err);
}

static int
memory_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct context *c = ctx;

	return memtab_replace(c->share->table, key, expected, rec, err);
}

static int
memory_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct context *c = ctx;

	(void)err;
	return memtab_remove(c->share->table, key, expected);
}

static int
memory_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct context *c = ctx;

	(void)err;
	return memtab_reap(removed, c->share->table, ns, before, limit);
}

static int
memory_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct context *c = ctx;

	return memtab_each(c->share->table, &c->copy, ns, tag, fn, arg, err);
}

static int
memory_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct context *c = ctx;

	(void)err;
	*seen = memtab_latest(c->share->table, now);
	return 0;
}

/* Of all namespaces, which share its bounds as well. */
static int
memory_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err)
{
	struct context *c = ctx;

	(void)ns;
	(void)err;
	*about = atomic_load(&c->share->table->entries);
	return 0;
}

SSTATE_DRIVER(memory) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_TAG | SSTATE_CAP_LINEAR,
	.scheme = "memory",
	.open = memory_open,
	.close = memory_close,
	.get = memory_get,
	.create = memory_create,
	.replace = memory_replace,
	.remove = memory_remove,
	.reap = memory_reap,
	.each = memory_each,
	.abandon = memory_abandon,
	.latest = memory_latest,
	.count = memory_count,
};
