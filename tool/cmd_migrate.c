/*
 * cmd_migrate.c - securestate migrate: copy what has not moved yet
 *
 * The programs have the new store before the old one with readonly=1
 * meanwhile (securestate-stores(7)), so nobody writes to the old.
 *
 * Invariant: nothing that is in the new store is changed.  A session that
 * was ended there has a mark in its place, and is not copied over it.
 * So it may be stopped, and begun again.
 */
#include <string.h>
#include <time.h>

#include "tool.h"

struct copy {
	const struct tool *t;
	const struct sstate_driver *to;
	void *ctx;
	struct sstate_error *err;
	uint64_t of, seen, copied, there, expired;
	int64_t now;
};

static int
copy(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	struct copy *c = arg;
	int r;

	if (++c->seen % 64 == 0)
		tool_progress(c->t, c->seen, c->of);
	if (rec->expires != 0 && rec->expires <= c->now) {
		c->expired++;
		return 0;
	}
	r = c->to->create(c->ctx, key, rec, c->err);
	if (r == 0)
		c->copied++;
	else if (r == SSTATE_EEXIST) {
		c->there++;
		r = 0;
	}
	return r;
}

static int
migrate(struct copy *c, struct sstate_store *from, struct sstate_store *to)
{
	const char *ns = tool_ns(c->t);
	const struct sstate_driver *d;
	void *ctx;
	int r;

	d = sstate_store_driver(from, &ctx);
	c->to = sstate_store_driver(to, &c->ctx);
	if (d->each == NULL)
		return sstate_fail(c->err, SSTATE_ENOTSUP, 0,
		    "%s: it cannot be listed", d->scheme);
	if (d->size > offsetof(struct sstate_driver, count) && d->count != NULL)
		(void)d->count(&c->of, ctx, ns, NULL);
	r = d->each(ctx, ns, NULL, copy, c, c->err);
	tool_progress_end();
	return r;
}

int
cmd_migrate(const struct tool *t)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *from = NULL, *to = NULL;
	struct copy c;
	int r;

	memset(&c, 0, sizeof(c));
	c.t = t;
	c.err = &err;
	c.now = (int64_t)time(NULL);
	if ((r = tool_store(&from, t, t->uris[0], SSTATE_NO_CREATE, &err)) ==
		0 &&
	    (r = tool_store(&to, t, t->uris[1], 0, &err)) == 0)
		r = migrate(&c, from, to);
	if (r == 0 || c.seen > 0)
		printf("%llu copied, %llu there already, %llu expired\n",
		    (unsigned long long)c.copied, (unsigned long long)c.there,
		    (unsigned long long)c.expired);
	sstate_store_close(to);
	sstate_store_close(from);
	return r != 0 ? tool_failed(t, r, &err) : TOOL_OK;
}
