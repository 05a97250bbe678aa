/*
 * cmd_init.c - securestate store init: make what a store needs
 *
 * First it is tried as it is; then with create=1, which a driver with a
 * schema knows; then as any other is opened, which makes its files.
 */
#include <string.h>

#include "tool.h"

static int
nothing(void *arg, const struct sstate_record *rec)
{
	(void)arg;
	(void)rec;
	return 0;
}

/* A driver may reach its server, and miss its table, at the first call. */
static int
try(const struct tool *t, const char *uri, uint32_t flags,
    struct sstate_error *err)
{
	const struct sstate_driver *d;
	struct sstate_store *s;
	struct sstate_key key;
	void *ctx;
	int r;

	memset(err, 0, sizeof(*err));
	if ((r = tool_store(&s, t, uri, flags, err)) != 0)
		return r;
	d = sstate_store_driver(s, &ctx);
	memset(&key, 0, sizeof(key));
	key.ns = tool_ns(t);
	r = d->get(ctx, &key, nothing, NULL, err);
	sstate_store_close(s);
	return r == SSTATE_ENOTFOUND ? 0 : r;
}

int
cmd_init(const struct tool *t)
{
	const char *uri = t->uris[0];
	struct sstate_error err;
	char with[8192];
	int n, r;

	if (try(t, uri, SSTATE_NO_CREATE, &err) == 0) {
		printf("ready: nothing was made\n");
		return TOOL_OK;
	}
	n = snprintf(with, sizeof(with), "%s%ccreate=1", uri,
	    strchr(uri, '?') != NULL ? '&' : '?');
	if (n < 0 || (size_t)n >= sizeof(with))
		return tool_usage(t, "the URI is too long");
	r = try(t, with, 0, &err);
	memset(with, 0, sizeof(with));
	if (r == SSTATE_EINVAL || r == SSTATE_EPARSE)
		r = try(t, uri, 0, &err);
	if (r != 0)
		return tool_failed(t, r, &err);
	printf("ready: what was missing was made\n");
	return TOOL_OK;
}
