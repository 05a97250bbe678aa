/*
 * fault_driver.h - a store that fails when a test says so, around a real one
 *
 *	struct fault f;
 *	fault_init(&f, &sstate_driver_v1_memory, 0);
 *	opts.drivers = f.drivers;		scheme "fault"
 *	opts.stores = { "fault:name", NULL };	the rest is the inner one's
 *	opts.handles = { &f };
 *	fault_arm(&f, 2, FAULT_REPLACE, FAULT_LOSE_ANSWER, SSTATE_ESTORE);
 *
 * The second replace from now is done, and its answer lost.  For a raw look
 * at what is stored, open the inner driver on the same URI elsewhere
 * (memory:name is shared by name), or call f.inner with f.ctx.
 *
 * A handle is one context, so one thread at a time; a test reads the struct
 * only while no call is under way.  Public headers only.
 */
#ifndef FAULT_DRIVER_H
#define FAULT_DRIVER_H

#include <string.h>

#include <securestate/store.h>

/* Kinds of calls; they add up to a mask. */
enum {
	FAULT_GET = 1,
	FAULT_CREATE = 2,
	FAULT_REPLACE = 4,
	FAULT_REMOVE = 8,
	FAULT_REAP = 16,
	FAULT_EACH = 32,
	FAULT_LATEST = 64,
	FAULT_WRITE = FAULT_CREATE | FAULT_REPLACE | FAULT_REMOVE,
	FAULT_ANY = 127
};

/* What happens to the call that was chosen. */
enum {
	FAULT_REFUSE = 1, /* not called through; returns code */
	FAULT_LOSE_REQUEST = 1, /* the same: nothing was done */
	FAULT_LOSE_ANSWER = 2 /* called through; returns code all the same */
};

struct fault {
	const struct sstate_driver *inner;
	void *ctx; /* the inner one's, while open */

	/* Counted since fault_init(); a test may clear them. */
	unsigned long total;
	unsigned long gets, creates, replaces, removes, reaps, eachs, latests;
	unsigned long fired;

	/* The plan: see fault_arm(). */
	unsigned long at, times;
	int kinds, how, code;

	/* Called before and after the inner call, to interfere; or NULL. */
	void (*before)(void *arg, int kind);
	void (*after)(void *arg, int kind, int code);
	void *arg;

	struct sstate_driver table;
	const struct sstate_driver *drivers[2];
};

/*
 * From now on the n-th call (1 is the next) of these kinds fails in that
 * way.  n = 0: none.  Only one; set f->times for more in a row.
 */
__attribute__((unused)) static void
fault_arm(struct fault *f, unsigned long n, int kinds, int how, int code)
{
	f->at = n;
	f->times = 1;
	f->kinds = kinds;
	f->how = how;
	f->code = code;
	f->fired = 0;
}

static void
fault_count(struct fault *f, int kind)
{
	f->total++;
	f->gets += kind == FAULT_GET;
	f->creates += kind == FAULT_CREATE;
	f->replaces += kind == FAULT_REPLACE;
	f->removes += kind == FAULT_REMOVE;
	f->reaps += kind == FAULT_REAP;
	f->eachs += kind == FAULT_EACH;
	f->latests += kind == FAULT_LATEST;
}

/* 0, or how this call shall fail. */
static int
fault_due(struct fault *f, int kind)
{
	fault_count(f, kind);
	if (f->before != NULL)
		f->before(f->arg, kind);
	if (f->at == 0 || (kind & f->kinds) == 0)
		return 0;
	if (f->at > 1) {
		f->at--;
		return 0;
	}
	f->fired++;
	if (f->times > 1)
		f->times--;
	else
		f->at = 0;
	return f->how;
}

/* ENOTFOUND, EEXIST and ECONFLICT are answers and have no text. */
static int
fault_say(struct fault *f, const char *op, struct sstate_error *err)
{
	if (f->code == SSTATE_ENOTFOUND || f->code == SSTATE_EEXIST ||
	    f->code == SSTATE_ECONFLICT || f->code == 0)
		return f->code;
	return sstate_fail(err, f->code, 0, "fault: %s: as the test said", op);
}

/* The end of a call that was called through with answer r. */
static int
fault_done(struct fault *f, int how, int kind, const char *op, int r,
    struct sstate_error *err)
{
	if (f->after != NULL)
		f->after(f->arg, kind, r);
	return how == FAULT_LOSE_ANSWER ? fault_say(f, op, err) : r;
}

static int
fault_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	struct fault *f = (struct fault *)sstate_conf_handle(conf);
	int r;

	*ctx = NULL;
	if (f == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "fault: give it a struct fault as its handle");
	if ((r = f->inner->open(&f->ctx, conf, err)) == 0)
		*ctx = f;
	return r;
}

static void
fault_close(void *ctx)
{
	struct fault *f = (struct fault *)ctx;

	f->inner->close(f->ctx);
	f->ctx = NULL;
}

static int
fault_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	if ((how = fault_due(f, FAULT_GET)) != 0)
		return fault_say(f, "get", err); /* found hears nothing */
	return fault_done(f, 0, FAULT_GET, "get",
	    f->inner->get(f->ctx, key, found, arg, err), err);
}

static int
fault_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	if ((how = fault_due(f, FAULT_CREATE)) == FAULT_REFUSE)
		return fault_say(f, "create", err);
	return fault_done(f, how, FAULT_CREATE, "create",
	    f->inner->create(f->ctx, key, rec, err), err);
}

static int
fault_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	if ((how = fault_due(f, FAULT_REPLACE)) == FAULT_REFUSE)
		return fault_say(f, "replace", err);
	return fault_done(f, how, FAULT_REPLACE, "replace",
	    f->inner->replace(f->ctx, key, expected, rec, err), err);
}

static int
fault_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	if ((how = fault_due(f, FAULT_REMOVE)) == FAULT_REFUSE)
		return fault_say(f, "remove", err);
	return fault_done(f, how, FAULT_REMOVE, "remove",
	    f->inner->remove(f->ctx, key, expected, err), err);
}

static int
fault_reap(uint64_t *removed, void *ctx, const char *ns, int64_t before,
    uint64_t limit, struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	*removed = 0;
	if ((how = fault_due(f, FAULT_REAP)) == FAULT_REFUSE)
		return fault_say(f, "reap", err);
	return fault_done(f, how, FAULT_REAP, "reap",
	    f->inner->reap(removed, f->ctx, ns, before, limit, err), err);
}

static int
fault_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	if ((how = fault_due(f, FAULT_EACH)) == FAULT_REFUSE)
		return fault_say(f, "each", err);
	return fault_done(f, how, FAULT_EACH, "each",
	    f->inner->each(f->ctx, ns, tag, fn, arg, err), err);
}

static int
fault_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct fault *f = (struct fault *)ctx;
	int how;

	*seen = now;
	if ((how = fault_due(f, FAULT_LATEST)) == FAULT_REFUSE)
		return fault_say(f, "latest", err);
	return fault_done(f, how, FAULT_LATEST, "latest",
	    f->inner->latest(seen, f->ctx, now, err), err);
}

/*
 * caps are added to the inner one's: SSTATE_CAP_REMOTE, say.  Slots that the
 * inner one lacks are lacking; a test may clear more of them in f->table.
 */
__attribute__((unused)) static void
fault_init(struct fault *f, const struct sstate_driver *inner, uint32_t caps)
{
	memset(f, 0, sizeof(*f));
	f->inner = inner;
	f->table.size = sizeof(f->table);
	f->table.abi = SSTATE_DRIVER_ABI;
	f->table.caps = inner->caps | caps | SSTATE_CAP_HANDLE;
	f->table.scheme = "fault";
	f->table.open = fault_open;
	f->table.close = fault_close;
	f->table.get = fault_get;
	f->table.create = fault_create;
	f->table.replace = fault_replace;
	f->table.remove = fault_remove;
	f->table.reap = inner->reap != NULL ? fault_reap : NULL;
	f->table.each = inner->each != NULL ? fault_each : NULL;
	f->table.latest = inner->latest != NULL ? fault_latest : NULL;
	f->drivers[0] = &f->table;
}

#endif
