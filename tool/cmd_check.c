/*
 * cmd_check.c - securestate check: the suite over any store
 *
 * Invariant: a store that is seen to have records is tried only if that was
 * asked for; the suite stays in namespaces of its own all the same.
 */
#include <securestate/conform.h>

#include "tool.h"

static int
stop(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	*(int *)arg = 1;
	return SSTATE_DONE;
}

/* By what it counts, and by a look at the namespace. */
static int
has_records(int *has, const struct sstate_options *o, const char *ns,
    struct sstate_error *err)
{
	const struct sstate_driver *d;
	struct sstate_store *s;
	uint64_t n = 0;
	void *ctx;
	int r;

	*has = 0;
	if ((r = sstate_store_open(&s, o, err)) != 0)
		return r;
	d = sstate_store_driver(s, &ctx);
	if (d->size > offsetof(struct sstate_driver, count) &&
	    d->count != NULL && (r = d->count(&n, ctx, ns, err)) == 0)
		*has = n > 0;
	if (r == 0 && d->each != NULL) {
		r = d->each(ctx, ns, NULL, stop, has, err);
		if (r == SSTATE_DONE)
			r = 0;
	}
	sstate_store_close(s);
	return r;
}

int
cmd_check(const struct tool *t)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	int64_t scale;
	int has, r;

	if (t->value[OPT_REPAIR] != NULL)
		return cmd_repair(t);
	if ((r = tool_number(&scale, t, OPT_SCALE, 1, 100000, 1)) != 0)
		return r;
	o.stores = t->uris;
	o.ns = t->value[OPT_NS];
	if ((r = has_records(&has, &o, tool_ns(t), &err)) != 0)
		return tool_failed(t, r, &err);
	if (has && t->value[OPT_FORCE] == NULL) {
		(void)sstate_fail(&err, SSTATE_EEXIST, 0,
		    "the store has records; --force tries it all the same");
		return tool_failed(t, r, &err);
	}
	return sstate_conform(&o, (unsigned)scale) == 0 ? TOOL_OK : TOOL_FAILED;
}
