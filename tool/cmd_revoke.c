/*
 * cmd_revoke.c - securestate revoke: end sessions without their clients
 */
#include "tool.h"

int
cmd_revoke(const struct tool *t)
{
	const char *user = t->value[OPT_USER], *handle = t->value[OPT_HANDLE];
	struct sstate_error err = { 0, 0, "" };
	struct sstate *env;
	uint64_t n = 0;
	int r;

	if (user == NULL && handle == NULL)
		return tool_usage(t, "--user or --handle is missing");
	if ((r = tool_env(&env, t, &err)) != 0)
		return tool_failed(t, r, &err);
	r = sstate_revoke(&n, env, user, handle, &err);
	if (r == 0 || n > 0)
		printf("%llu ended\n", (unsigned long long)n);
	sstate_close(env);
	return r != 0 ? tool_failed(t, r, &err) : TOOL_OK;
}
