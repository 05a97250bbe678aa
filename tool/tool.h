/*
 * tool.h - what the subcommands of securestate share
 *
 * Invariant: a URI may hold a password, so none is ever printed: a text
 * names the store as the library does.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdint.h>
#include <stdio.h>

#include <securestate/store.h>

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* Options: which one, and which a subcommand takes. */
enum {
	OPT_FORCE,
	OPT_HANDLE,
	OPT_HELP,
	OPT_IDLE,
	OPT_KEYRING,
	OPT_NS,
	OPT_REPAIR,
	OPT_SCALE,
	OPT_USER,
	OPT_MAX
};
#define OPT_BIT(o) (1u << (o))

struct tool {
	const char *name; /* of the subcommand, for texts */
	const char *value[OPT_MAX]; /* NULL: not given; "" if it takes none */
	const char **uris; /* NULL last */
	size_t nuris;
};

struct tool_cmd {
	const char *name; /* one word or two */
	const char *args, *what; /* of the help */
	unsigned options;
	size_t least, most; /* URIs */
	int (*run)(const struct tool *t);
};

int cmd_check(const struct tool *t);
int cmd_repair(const struct tool *t);
int cmd_init(const struct tool *t);
int cmd_reap(const struct tool *t);
int cmd_list(const struct tool *t);
int cmd_revoke(const struct tool *t);
int cmd_migrate(const struct tool *t);

/* One line on standard error; TOOL_FAILED. */
int tool_failed(const struct tool *t, int code, const struct sstate_error *err);
int tool_usage(const struct tool *t, const char *what);

/* A whole number of an option, or dflt; TOOL_USAGE if it is not in bounds. */
int tool_number(int64_t *out, const struct tool *t, int opt, int64_t min,
    int64_t max, int64_t dflt);

/* One store by itself.  What was said on the command line counts. */
int tool_store(struct sstate_store **s, const struct tool *t, const char *uri,
    uint32_t flags, struct sstate_error *err);
/* An environment of all the URIs, or of the library's defaults. */
int tool_env(struct sstate **env, const struct tool *t,
    struct sstate_error *err);
const char *tool_ns(const struct tool *t);

/* "migrate: 12 of 300" in place, where standard error is a terminal. */
void tool_progress(const struct tool *t, uint64_t n, uint64_t of);
void tool_progress_end(void);

#endif
