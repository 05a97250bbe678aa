/*
 * plugin_test.c - a driver's file is found, trusted or refused
 *
 * Folders are made here with every owner and mode that matters; the driver
 * in them is compiled on the spot.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/load.h"
#include "store/plugin.h"

#include "tap.h"

static char dir[PATH_MAX];

static const char *
at(const char *name)
{
	static char path[2][PATH_MAX + 64];
	static int i;

	i = !i;
	(void)snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
	return path[i];
}

/* A module that defines a table of this name, scheme and ABI. */
static int
make(const char *file, const char *table, const char *scheme, unsigned abi)
{
	const char *cc = getenv("CC"), *top = getenv("SOURCE_DIR");
	char cmd[3 * PATH_MAX];
	FILE *f;

	if ((f = fopen(at("x.c"), "w")) == NULL)
		return -1;
	(void)fprintf(f,
	    "#include <securestate/store.h>\n"
	    "static int o(void **c, struct sstate_conf *f,\n"
	    "    struct sstate_error *e)\n"
	    "{ static int x; (void)f; (void)e; *c = &x; return 0; }\n"
	    "static void cl(void *c) { (void)c; }\n"
	    "static int g(void *c, const struct sstate_key *k,\n"
	    "    sstate_found_fn *f, void *a, struct sstate_error *e)\n"
	    "{ (void)c; (void)k; (void)f; (void)a; (void)e; return -3; }\n"
	    "static int cr(void *c, const struct sstate_key *k,\n"
	    "    const struct sstate_record *r, struct sstate_error *e)\n"
	    "{ (void)c; (void)k; (void)r; (void)e; return 0; }\n"
	    "static int re(void *c, const struct sstate_key *k, uint64_t x,\n"
	    "    const struct sstate_record *r, struct sstate_error *e)\n"
	    "{ (void)c; (void)k; (void)x; (void)r; (void)e; return 0; }\n"
	    "static int rm(void *c, const struct sstate_key *k, uint64_t x,\n"
	    "    struct sstate_error *e)\n"
	    "{ (void)c; (void)k; (void)x; (void)e; return 0; }\n"
	    "extern SSTATE_API const struct sstate_driver %s;\n"
	    "const struct sstate_driver %s = { sizeof(struct sstate_driver),\n"
	    "    %u, 0, \"%s\", o, cl, g, cr, re, rm, 0, 0, 0, 0 };\n",
	    table, table, abi, scheme);
	(void)fclose(f);
	(void)snprintf(cmd, sizeof(cmd),
	    "%s -shared -fPIC -fvisibility=hidden -I'%s/include' -o '%s' '%s'",
	    cc != NULL ? cc : "cc", top != NULL ? top : ".", at(file),
	    at("x.c"));
	return system(cmd) == 0 ? 0 : -1;
}

static int
load(const char *folder, const char *scheme, struct sstate_error *err)
{
	const struct sstate_driver *d;
	int r;

	memset(err, 0, sizeof(*err));
	r = plugin_load(&d, folder, scheme, err);
	if ((r == 0) != (d != NULL))
		abort();
	return r;
}

static void
found(void)
{
	const struct sstate_driver *d;
	struct sstate_error err;

	NEED(make("d/driver-one.so", "sstate_driver_v1_one", "one", 1) == 0,
	    "a module");
	T(plugin_load(&d, at("d"), "one", &err) == 0 &&
		strcmp(d->scheme, "one") == 0 && load_check(d, &err) == 0,
	    "a driver of one's own is loaded by its scheme");
	T(load(at("d"), "two", &err) == SSTATE_ENOTFOUND && err.code == 0,
	    "one that is not there is not found, and nothing is said");
	T(load("d", "one", &err) == SSTATE_ENOTFOUND &&
		load("", "one", &err) == SSTATE_ENOTFOUND,
	    "a folder that is no absolute path is none");
	T(symlink("d", at("link")) == 0 && load(at("link"), "one", &err) == 0,
	    "the folder may be reached by a link: what counts is where it is");
}

static void
refused(void)
{
	struct sstate_error err;

	NEED(make("d/driver-mine.so", "sstate_driver_v1_mine", "mine", 1) == 0,
	    "a module");
	T(load(at("d"), "mine", &err) == 0, "as it is it loads");
	T(chmod(at("d/driver-mine.so"), 0666) == 0 &&
		load(at("d"), "mine", &err) == SSTATE_EUNSAFE,
	    "a file that others can write is refused: %s", err.text);
	T(chmod(at("d/driver-mine.so"), 0775) == 0 &&
		load(at("d"), "mine", &err) == SSTATE_EUNSAFE,
	    "also one that a group can write");
	(void)chmod(at("d/driver-mine.so"), 0755);
	T(chmod(at("d"), 0777) == 0 &&
		load(at("d"), "mine", &err) == SSTATE_EUNSAFE,
	    "a folder that others can write is refused");
	(void)chmod(at("d"), 0755);
	T(chmod(dir, 0777) == 0 &&
		load(at("d"), "mine", &err) == SSTATE_EUNSAFE,
	    "and a parent that others can write");
	(void)chmod(dir, 0755);
	T(symlink("driver-mine.so", at("d/driver-sym.so")) == 0 &&
		load(at("d"), "sym", &err) == SSTATE_EUNSAFE,
	    "a file that is a link is refused");
	if (geteuid() != 0) {
		tap_skip("a foreign owner needs root to be planted");
		return;
	}
	T(chown(at("d/driver-mine.so"), 65534, 65534) == 0 &&
		load(at("d"), "mine", &err) == SSTATE_EUNSAFE,
	    "a file of another user is refused");
	(void)chown(at("d/driver-mine.so"), 0, 0);
	T(chown(at("d"), 65534, 65534) == 0 &&
		load(at("d"), "mine", &err) == SSTATE_EUNSAFE,
	    "a folder of another user, too");
	(void)chown(at("d"), 0, 0);
	T(load(at("d"), "mine", &err) == 0, "mended, it loads again");
}

static void
broken(void)
{
	struct sstate_error err;
	FILE *f;

	if ((f = fopen(at("d/driver-text.so"), "w")) != NULL) {
		(void)fputs("no library\n", f);
		(void)fclose(f);
	}
	T(load(at("d"), "text", &err) == SSTATE_ENOTSUP &&
		strncmp(err.text, "text: ", 6) == 0,
	    "what is no library is ENOTSUP: %s", err.text);
	NEED(make("d/driver-old.so", "sstate_driver_v0_old", "old", 1) == 0,
	    "a module of another ABI");
	T(load(at("d"), "old", &err) == SSTATE_EVERSION,
	    "an old driver fails at its name, not later: %s", err.text);
}

/* The whole look-up, with what was given and linked in before the folder. */
static void
schemes(void)
{
	static const char *const bad[] = { "", "../one", "One", "o/ne", "1ne",
		"o_ne", "aaaaaaaaaaaaaaaaa" };
	const struct sstate_driver *d;
	struct sstate_error err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		T(load_driver(&d, bad[i], NULL, 0, &err) == SSTATE_ENOTSUP,
		    "no path is made of \"%s\"", bad[i]);
	T(load_driver(&d, "nosuch", NULL, 0, &err) == SSTATE_ENOTSUP &&
		strstr(err.text, "file, memory") != NULL &&
		strstr(err.text, plugin_folder) != NULL,
	    "the text names what is known, and the folder: %s", err.text);
	T(load_driver(&d, "nosuch", NULL, SSTATE_NO_PLUGINS, &err) ==
		    SSTATE_ENOTSUP &&
		strstr(err.text, "lies in") == NULL,
	    "SSTATE_NO_PLUGINS: no folder is looked at");
	T(load_driver(&d, "file", NULL, 0, &err) == 0, "file is linked in");
}

int
main(void)
{
	char cmd[PATH_MAX + 16];

	(void)umask(022);
	(void)snprintf(dir, sizeof(dir), "/tmp/plugin.XXXXXX");
	NEED(mkdtemp(dir) != NULL && chmod(dir, 0755) == 0 &&
		mkdir(at("d"), 0755) == 0,
	    "a folder");
	found();
	refused();
	broken();
	schemes();
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	(void)system(cmd);
	return tap_done();
}
