/*
 * conform_layered_test.c - the conformance suite over near and far stores
 *
 * As memory: before memory:, memory: before file:, file: before file: (by
 * processes), three of them, and a migration.
 */
#include "drivers/kit.h"

#include "file_kit.h"

static void
suite(const char *what, const char *const *list, int processes, unsigned scale)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const struct sstate_driver *d;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	void *ctx;

	o.stores = list;
	o.ns = CONFORM_NS;
	printf("# %s\n", what);
	NEED(sstate_store_open(&s, &o, &err) == 0, "%s opens: %s", what,
	    err.text);
	d = sstate_store_driver(s, &ctx);
	T((d->caps & SSTATE_CAP_REMOTE) != 0 &&
		(d->caps & SSTATE_CAP_LINEAR) == 0,
	    "it is remote, and not linear");
	sstate_store_close(s);
	drv_suite(&o, drv_scale(scale), processes);
}

int
main(void)
{
	static const char *const mm[] = { "memory:near", "memory:far", NULL };
	static const char *const mmm[] = { "memory:near3?max_expires=5",
		"memory:mid3", "memory:far3", NULL };
	const char *mf[] = { "memory:nearf", NULL, NULL };
	const char *ff[] = { NULL, NULL, NULL };
	const char *move[] = { NULL, NULL, NULL };
	char dir[KIT_DIR], uri[4][PATH_MAX + 64];
	int i;

	kit_tmp_fast(dir, sizeof(dir));
	for (i = 0; i < 4; i++)
		(void)snprintf(uri[i], sizeof(uri[i]), "file:%s/%d?sync=none%s",
		    dir, i, i == 3 ? "&readonly=1" : "");
	suite("memory before memory", mm, 0, 4);
	suite("three", mmm, 0, 20);
	mf[1] = uri[0];
	suite("memory before file", mf, 0, 10);
	ff[0] = uri[1];
	ff[1] = uri[2];
	suite("file before file", ff, 1, 20);
	move[0] = uri[1];
	move[1] = uri[3];
	suite("a migration", move, 1, 20);
	kit_rm(dir);
	return tap_done();
}
