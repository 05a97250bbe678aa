/*
 * mapstore.h - a store that counts, and that can be made to lie or to fail
 *
 * One struct map is one store; environments share it by opts.handles.  What
 * it keeps may be looked at, damaged and put back.  It has no clock and no
 * latest(), so each call is one that a session caused.
 */
#ifndef MAPSTORE_H
#define MAPSTORE_H

#include <stdlib.h>
#include <string.h>

#include <securestate/store.h>

enum { MAP_MAX = 256 };

struct map_entry {
	unsigned char id[SSTATE_ID_BYTES];
	char ns[40];
	struct sstate_record rec;
	unsigned char *body;
};

struct map {
	struct map_entry e[MAP_MAX];
	unsigned n;
	unsigned calls, gets, creates, replaces, removes;
	int fail_write; /* an SSTATE_E*: what the next writes return */
	int lose; /* 1: the write is done, its answer lost (ESTORE) */
};

static int
map_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	*ctx = sstate_conf_handle(conf);
	if (*ctx == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0, "map: no handle");
	return 0;
}

static void
map_close(void *ctx)
{
	(void)ctx;
}

static struct map_entry *
map_find(struct map *m, const struct sstate_key *key)
{
	unsigned i;

	for (i = 0; i < m->n; i++)
		if (memcmp(m->e[i].id, key->id, sizeof(key->id)) == 0)
			return &m->e[i];
	return NULL;
}

static int
map_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct map *m = ctx;
	struct map_entry *e = map_find(m, key);

	(void)err;
	m->calls++;
	m->gets++;
	return e == NULL ? SSTATE_ENOTFOUND : found(arg, &e->rec);
}

static int
map_keep(struct map_entry *e, const struct sstate_record *rec)
{
	unsigned char *p = malloc(rec->body.len);

	if (p == NULL)
		return SSTATE_ENOMEM;
	memcpy(p, rec->body.ptr, rec->body.len);
	free(e->body);
	e->rec = *rec;
	e->body = p;
	e->rec.body.ptr = (const char *)p;
	return 0;
}

static int
map_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct map *m = ctx;
	struct map_entry *e;
	int r;

	m->calls++;
	m->creates++;
	if (m->fail_write != 0)
		return sstate_fail(err, m->fail_write, 0, "map: create");
	if (map_find(m, key) != NULL)
		return SSTATE_EEXIST;
	if (m->n == MAP_MAX)
		return sstate_fail(err, SSTATE_ESTORE, 0, "map: full");
	e = &m->e[m->n];
	memset(e, 0, sizeof(*e));
	if ((r = map_keep(e, rec)) != 0)
		return sstate_fail(err, r, 0, "map: create");
	memcpy(e->id, key->id, sizeof(e->id));
	if (key->ns != NULL)
		memcpy(e->ns, key->ns, strnlen(key->ns, sizeof(e->ns) - 1));
	m->n++;
	return m->lose ? sstate_fail(err, SSTATE_ESTORE, 0, "map: no answer")
		       : 0;
}

static int
map_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct map *m = ctx;
	struct map_entry *e = map_find(m, key);
	int r;

	m->calls++;
	m->replaces++;
	if (m->fail_write != 0)
		return sstate_fail(err, m->fail_write, 0, "map: replace");
	if (e == NULL)
		return SSTATE_ENOTFOUND;
	if (e->rec.rev != expected)
		return SSTATE_ECONFLICT;
	if ((r = map_keep(e, rec)) != 0)
		return sstate_fail(err, r, 0, "map: replace");
	return m->lose ? sstate_fail(err, SSTATE_ESTORE, 0, "map: no answer")
		       : 0;
}

static int
map_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct map *m = ctx;
	struct map_entry *e = map_find(m, key);

	m->calls++;
	m->removes++;
	if (m->fail_write != 0)
		return sstate_fail(err, m->fail_write, 0, "map: remove");
	if (e == NULL)
		return 0;
	if (expected != SSTATE_ANY_REV && e->rec.rev != expected)
		return SSTATE_ECONFLICT;
	free(e->body);
	*e = m->e[--m->n];
	return 0;
}

static int
map_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct map *m = ctx;
	unsigned i = 0;

	(void)err;
	m->calls++;
	*removed = 0;
	while (i < m->n && (limit == 0 || *removed < limit)) {
		if ((ns != NULL && strcmp(ns, m->e[i].ns) != 0) ||
		    m->e[i].rec.expires == 0 || m->e[i].rec.expires > before) {
			i++;
			continue;
		}
		free(m->e[i].body);
		m->e[i] = m->e[--m->n];
		++*removed;
	}
	return 0;
}

static int
map_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct map *m = ctx;
	struct sstate_key key;
	unsigned i;
	int r;

	(void)err;
	m->calls++;
	for (i = 0; i < m->n; i++) {
		if ((ns != NULL && strcmp(ns, m->e[i].ns) != 0) ||
		    (tag != NULL &&
			memcmp(tag, m->e[i].rec.tag, SSTATE_TAG_BYTES) != 0))
			continue;
		memset(&key, 0, sizeof(key));
		memcpy(key.id, m->e[i].id, sizeof(key.id));
		key.ns = m->e[i].ns;
		if ((r = fn(arg, &key, &m->e[i].rec)) != 0)
			return r;
	}
	return 0;
}

static const struct sstate_driver map_driver = { .size = sizeof(
						     struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_HANDLE | SSTATE_CAP_LINEAR | SSTATE_CAP_DURABLE,
	.scheme = "map",
	.open = map_open,
	.close = map_close,
	.get = map_get,
	.create = map_create,
	.replace = map_replace,
	.remove = map_remove,
	.reap = map_reap,
	.each = map_each };

/* The same, but that its engine may lose what it acknowledged. */
static const struct sstate_driver weak_driver = { .size = sizeof(
						      struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_HANDLE,
	.scheme = "weak",
	.open = map_open,
	.close = map_close,
	.get = map_get,
	.create = map_create,
	.replace = map_replace,
	.remove = map_remove,
	.reap = map_reap,
	.each = map_each };

__attribute__((unused)) static void
map_free(struct map *m)
{
	unsigned i;

	for (i = 0; i < m->n; i++)
		free(m->e[i].body);
	m->n = 0;
}

/* Copies of all records, to be put back or looked at. */
__attribute__((unused)) static void
map_copy(struct map *to, const struct map *from)
{
	unsigned i;

	map_free(to);
	*to = *from;
	for (i = 0; i < to->n; i++) {
		to->e[i].body = NULL;
		if (map_keep(&to->e[i], &from->e[i].rec) != 0)
			abort();
	}
}

#endif
