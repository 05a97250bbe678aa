/*
 * securestate.c - the command: subcommands, options and help by one table
 *
 * Public headers only.  Exit codes: 0, 1 for what failed, 2 for what was
 * asked wrongly.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const struct {
	const char *name, *arg, *what;
} options[OPT_MAX] = {
	[OPT_FORCE] = { "force", NULL, "also a store that has records" },
	[OPT_HANDLE] = { "handle", "HANDLE", "the session that list shows so" },
	[OPT_HELP] = { "help", NULL, "this" },
	[OPT_IDLE] = { "idle", "SECONDS", "also what was idle for so long" },
	[OPT_KEYRING] = { "keyring", "PATH", "the key ring" },
	[OPT_NS] = { "ns", "NAME", "the namespace; app" },
	[OPT_REPAIR] = { "repair", NULL,
	    "of file: look at every record, index it" },
	[OPT_SCALE] = { "scale", "N", "divides the counts of the races; 1" },
	[OPT_USER] = { "user", "NAME", "the sessions of that user" },
};

static const struct tool_cmd commands[] = {
	{ "check", "URI...",
	    "try a store, or layers, by all that a store must do; prints TAP",
	    OPT_BIT(OPT_SCALE) | OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_REPAIR) |
		OPT_BIT(OPT_NS),
	    1, 16, cmd_check },
	{ "store init", "URI",
	    "make what a store needs: its table, file or directory",
	    OPT_BIT(OPT_NS), 1, 1, cmd_init },
	{ "reap", "[URI...]", "remove sessions that have expired",
	    OPT_BIT(OPT_IDLE) | OPT_BIT(OPT_NS), 0, 16, cmd_reap },
	{ "list", "[URI...]",
	    "sessions: handle, created, written, expires, bytes",
	    OPT_BIT(OPT_USER) | OPT_BIT(OPT_NS) | OPT_BIT(OPT_KEYRING), 0, 16,
	    cmd_list },
	{ "revoke", "[URI...]", "end all sessions of a user, or one by handle",
	    OPT_BIT(OPT_USER) | OPT_BIT(OPT_HANDLE) | OPT_BIT(OPT_NS) |
		OPT_BIT(OPT_KEYRING),
	    0, 16, cmd_revoke },
	{ "migrate", "FROM TO",
	    "copy the sessions that have not moved to another store yet",
	    OPT_BIT(OPT_NS), 2, 2, cmd_migrate },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* ---- Texts ------------------------------------------------------------ */

int
tool_failed(const struct tool *t, int code, const struct sstate_error *err)
{
	const char *text = err != NULL && err->text[0] != '\0'
	    ? err->text
	    : sstate_strerror(code);

	tool_progress_end();
	(void)fflush(stdout);
	(void)fprintf(stderr, "securestate: %s: %s\n", t->name, text);
	return TOOL_FAILED;
}

int
tool_usage(const struct tool *t, const char *what)
{
	(void)fprintf(stderr,
	    "securestate: %s: %s; see securestate %s --help\n", t->name, what,
	    t->name);
	return TOOL_USAGE;
}

static void
help_all(FILE *to)
{
	size_t i;

	(void)fprintf(to, "usage: securestate COMMAND [OPTION...] [URI...]\n");
	for (i = 0; i < COMMANDS; i++)
		(void)fprintf(to, "  %-11s %-9s %s\n", commands[i].name,
		    commands[i].args, commands[i].what);
	(void)fprintf(to,
	    "  --version\nEach has --help.  Without a URI: those of "
	    "SECURESTATE_STORES, or the default.\n");
}

static void
help_one(const struct tool_cmd *c)
{
	char name[40];
	int i;

	printf("usage: securestate %s [OPTION...] %s\n%s\n", c->name, c->args,
	    c->what);
	for (i = 0; i < OPT_MAX; i++) {
		if (i != OPT_HELP && (c->options & OPT_BIT(i)) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "--%s %s", options[i].name,
		    options[i].arg != NULL ? options[i].arg : "");
		printf("  %-18s %s\n", name, options[i].what);
	}
}

void
tool_progress(const struct tool *t, uint64_t n, uint64_t of)
{
	enum { BAR = 30 };
	static const char bar[BAR + 1] = "##############################";
	uint64_t done = of > 0 && n < of ? n * BAR / of : BAR;

	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%s: [%-30.*s] %llu of %llu", t->name,
		    (int)done, bar, (unsigned long long)n,
		    (unsigned long long)of);
}

void
tool_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r\033[K");
}

/* ---- Command line ----------------------------------------------------- */

int
tool_number(int64_t *out, const struct tool *t, int opt, int64_t min,
    int64_t max, int64_t dflt)
{
	const char *text = t->value[opt];
	char what[64], *end;
	long long n;

	*out = dflt;
	if (text == NULL)
		return TOOL_OK;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || n < min || n > max) {
		(void)snprintf(what, sizeof(what), "--%s is %lld to %lld",
		    options[opt].name, (long long)min, (long long)max);
		return tool_usage(t, what);
	}
	*out = n;
	return TOOL_OK;
}

const char *
tool_ns(const struct tool *t)
{
	return t->value[OPT_NS] != NULL ? t->value[OPT_NS] : "app";
}

/* --name, --name=value or --name value; i moves on by what it took. */
static int
option(struct tool *t, const struct tool_cmd *c, char **argv, int *i)
{
	const char *a = argv[*i] + 2;
	size_t n = strcspn(a, "=");
	char what[80];
	int o;

	for (o = 0; o < OPT_MAX; o++)
		if (strlen(options[o].name) == n &&
		    memcmp(options[o].name, a, n) == 0)
			break;
	if (o == OPT_MAX || (o != OPT_HELP && (c->options & OPT_BIT(o)) == 0)) {
		(void)snprintf(what, sizeof(what), "no option --%.*s",
		    n > 40 ? 40 : (int)n, a);
		return tool_usage(t, what);
	}
	if (options[o].arg == NULL && a[n] == '\0')
		t->value[o] = "";
	else if (options[o].arg != NULL && a[n] == '=')
		t->value[o] = a + n + 1;
	else if (options[o].arg != NULL && argv[*i + 1] != NULL)
		t->value[o] = argv[++*i];
	else {
		(void)snprintf(what, sizeof(what), "--%s takes %s",
		    options[o].name,
		    options[o].arg != NULL ? options[o].arg : "nothing");
		return tool_usage(t, what);
	}
	return TOOL_OK;
}

static int
command_line(struct tool *t, const struct tool_cmd *c, char **argv)
{
	int i, r, plain = 0;

	for (i = 0; argv[i] != NULL; i++) {
		if (!plain && strcmp(argv[i], "--") == 0)
			plain = 1;
		else if (plain || strncmp(argv[i], "--", 2) != 0)
			t->uris[t->nuris++] = argv[i];
		else if ((r = option(t, c, argv, &i)) != 0)
			return r;
	}
	if (t->value[OPT_HELP] != NULL)
		return TOOL_OK;
	if (t->nuris < c->least)
		return tool_usage(t, "a URI is missing");
	if (t->nuris > c->most)
		return tool_usage(t, "too many URIs");
	return TOOL_OK;
}

/* How many words of argv name it; 0: they do not. */
static int
names(const struct tool_cmd *c, char **argv)
{
	size_t n = strcspn(c->name, " ");

	if (strlen(argv[0]) != n || memcmp(argv[0], c->name, n) != 0)
		return 0;
	if (c->name[n] == '\0')
		return 1;
	return argv[1] != NULL && strcmp(argv[1], c->name + n + 1) == 0 ? 2 : 0;
}

static int
run(const struct tool_cmd *c, char **argv, int argc)
{
	struct tool t;
	int r;

	memset(&t, 0, sizeof(t));
	t.name = c->name;
	t.uris = calloc((size_t)argc + 1, sizeof(*t.uris));
	if (t.uris == NULL)
		return tool_failed(&t, SSTATE_ENOMEM, NULL);
	if ((r = command_line(&t, c, argv)) == TOOL_OK) {
		if (t.value[OPT_HELP] != NULL)
			help_one(c);
		else
			r = c->run(&t);
	}
	free(t.uris);
	return r;
}

/* ---- Stores ----------------------------------------------------------- */

int
tool_store(struct sstate_store **s, const struct tool *t, const char *uri,
    uint32_t flags, struct sstate_error *err)
{
	const char *stores[] = { uri, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	o.stores = stores;
	o.ns = t->value[OPT_NS];
	o.flags = flags;
	return sstate_store_open(s, &o, err);
}

int
tool_env(struct sstate **env, const struct tool *t, struct sstate_error *err)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	o.stores = t->nuris > 0 ? t->uris : NULL;
	o.ns = t->value[OPT_NS];
	o.keyring = t->value[OPT_KEYRING];
	/* Root may be cleaning another user's store: nothing is made. */
	o.flags = SSTATE_NO_CREATE;
	return sstate_open(env, &o, err);
}

int
main(int argc, char **argv)
{
	int i, n, r = -1;

	if (argc < 2) {
		help_all(stderr);
		return TOOL_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("securestate %d.%d.%d\n", SSTATE_VERSION_MAJOR,
		    SSTATE_VERSION_MINOR, SSTATE_VERSION_PATCH);
		r = TOOL_OK;
	} else if (strcmp(argv[1], "--help") == 0) {
		help_all(stdout);
		r = TOOL_OK;
	}
	for (i = 0; i < COMMANDS && r < 0; i++)
		if ((n = names(&commands[i], argv + 1)) > 0)
			r = run(&commands[i], argv + 1 + n, argc);
	if (r < 0) {
		(void)fprintf(stderr,
		    "securestate: no command %.40s; see securestate --help\n",
		    argv[1]);
		return TOOL_USAGE;
	}
	if (fflush(stdout) != 0 && r == TOOL_OK)
		r = TOOL_FAILED;
	return r;
}
