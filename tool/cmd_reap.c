/*
 * cmd_reap.c - securestate reap: remove sessions that have expired
 *
 * It runs as the user whose programs keep their states there, or as root,
 * needs no key, and makes nothing.
 */
#include "tool.h"

int
cmd_reap(const struct tool *t)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate *env;
	uint64_t n = 0;
	int64_t idle;
	int r;

	r = tool_number(&idle, t, OPT_IDLE, 1, INT64_C(1) << 40, 0);
	if (r != 0)
		return r;
	if ((r = tool_env(&env, t, &err)) != 0)
		return tool_failed(t, r, &err);
	r = sstate_reap(&n, env, idle, 0, &err);
	if (r == 0 || n > 0)
		printf("%llu removed\n", (unsigned long long)n);
	sstate_close(env);
	return r != 0 ? tool_failed(t, r, &err) : TOOL_OK;
}
