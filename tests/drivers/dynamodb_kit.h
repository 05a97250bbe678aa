/*
 * dynamodb_kit.h - a dynalite of its own for the tests of the dynamodb:
 * driver, behind a gate that refuses wrong signatures
 *
 *	struct dkit k;
 *	dkit_start(&k, 0);	1: it keeps its data
 *	k.uri		dynamodb://127.0.0.1:PORT/sessions?region=eu-test-1
 *	dkit_end(&k);
 *
 * The table is there; key and secret are in the environment.
 */
#ifndef DYNAMODB_KIT_H
#define DYNAMODB_KIT_H

#include "kit.h"
#include "server.h"

extern const struct sstate_driver sstate_driver_v1_dynamodb;

/* dynalite/serve.js knows them. */
#define DKIT_KEY "AKIDSHOP"
#define DKIT_SECRET "wJalr/K7+secret=of.the/shop"
#define DKIT_KEY2 "ASIDSHOP"
#define DKIT_SECRET2 "another/secret"
#define DKIT_TOKEN2 "Fwo/token+of==shop"

struct dkit {
	struct server s;
	char uri[160], script[PATH_MAX], port_text[8];
	int port;
	char *argv[8];
};

static int
dkit_is_up(void *arg)
{
	const struct dkit *k = (const struct dkit *)arg;
	struct sockaddr_in a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), up;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_port = htons((uint16_t)k->port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	up = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	(void)close(fd);
	return up;
}

/* Again, with what it was started with. */
__attribute__((unused)) static int
dkit_again(struct dkit *k)
{
	return server_start(&k->s, k->argv, dkit_is_up, k);
}

/* A file that serve.js looks for; NULL: away with it. */
__attribute__((unused)) static void
dkit_file(const struct dkit *k, const char *name, const char *text)
{
	char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", k->s.dir, name);
	(void)unlink(path);
	if (text == NULL)
		return;
	if ((f = fopen(path, "w")) == NULL)
		abort();
	(void)fputs(text, f);
	(void)fclose(f);
	(void)chmod(path, 0666);
}

/* How often that action was asked for since "tally" was put there. */
__attribute__((unused)) static unsigned
dkit_tally(const struct dkit *k, const char *action)
{
	char path[96], line[80];
	unsigned n = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/tally", k->s.dir);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		n += strcmp(line, action) == 0;
	}
	(void)fclose(f);
	return n;
}

__attribute__((unused)) static void *
dkit_open(const char *uri, struct sstate_error *err)
{
	void *ctx;

	memset(err, 0, sizeof(*err));
	return drv_open(&ctx, &sstate_driver_v1_dynamodb, uri, err) == 0 ? ctx
									 : NULL;
}

__attribute__((unused)) static void
dkit_close(void *ctx)
{
	if (ctx != NULL)
		sstate_driver_v1_dynamodb.close(ctx);
}

static void
dkit_leave(const char *why)
{
	tap_skip(why);
	exit(tap_done());
}

/* A folder and a line of arguments; nothing runs yet.  Leaves the test if
 * there is no node or no dynalite. */
__attribute__((unused)) static void
dkit_room(struct dkit *k, int keep)
{
	const char *top = getenv("SOURCE_DIR");
	char modules[PATH_MAX + 32];

	memset(k, 0, sizeof(*k));
	(void)snprintf(k->script, sizeof(k->script),
	    "%s/tests/drivers/dynalite/serve.js", top != NULL ? top : ".");
	(void)snprintf(modules, sizeof(modules), "%.*s/node_modules/dynalite",
	    (int)(strrchr(k->script, '/') - k->script), k->script);
	if (access(modules, R_OK) != 0)
		dkit_leave("dynalite is not installed (scripts/deps check)");
	if (server_room(&k->s, "node") != 0)
		dkit_leave("node is not installed");
	k->s.inside = 1;
	k->port = server_port();
	(void)snprintf(k->port_text, sizeof(k->port_text), "%d", k->port);
	k->argv[1] = k->script;
	k->argv[2] = k->port_text;
	k->argv[3] = k->s.dir;
	k->argv[4] = keep ? (char *)(uintptr_t) "keep" : NULL;
	(void)snprintf(k->uri, sizeof(k->uri),
	    "dynamodb://127.0.0.1:%d/sessions?region=eu-test-1", k->port);
	(void)setenv("AWS_ACCESS_KEY_ID", DKIT_KEY, 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", DKIT_SECRET, 1);
	(void)unsetenv("AWS_SESSION_TOKEN");
	(void)unsetenv("AWS_REGION");
}

__attribute__((unused)) static void
dkit_start(struct dkit *k, int keep)
{
	struct sstate_error err;
	char uri[200];
	void *ctx;

	dkit_room(k, keep);
	NEED(dkit_again(k) == 0, "dynalite runs");
	(void)snprintf(uri, sizeof(uri), "%s&create=1", k->uri);
	ctx = dkit_open(uri, &err);
	NEED(ctx != NULL, "the table is made %s", err.text);
	dkit_close(ctx);
}

__attribute__((unused)) static void
dkit_end(struct dkit *k)
{
	server_end(&k->s);
}

/* ---- Records ---------------------------------------------------------- */

/* tag 0: nobody's */
__attribute__((unused)) static int
dkit_make(void *ctx, unsigned n, int64_t expires, unsigned tag,
    struct sstate_error *err)
{
	return drv_make(&sstate_driver_v1_dynamodb, ctx, n, expires, tag, err);
}

__attribute__((unused)) static int
dkit_read(void *ctx, unsigned n, struct sstate_error *err)
{
	return drv_read(&sstate_driver_v1_dynamodb, ctx, n, err);
}

__attribute__((unused)) static int
dkit_replace(void *ctx, unsigned n, uint64_t rev, int64_t expires, unsigned tag,
    struct sstate_error *err)
{
	return drv_replace(&sstate_driver_v1_dynamodb, ctx, n, rev, expires,
	    tag, err);
}

__attribute__((unused)) static int
dkit_remove(void *ctx, unsigned n, uint64_t rev, struct sstate_error *err)
{
	return drv_remove(&sstate_driver_v1_dynamodb, ctx, n, rev, err);
}

#endif
