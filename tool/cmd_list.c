/*
 * cmd_list.c - securestate list: sessions, by what stands in clear
 *
 * A line each: handle, then when it was created, last written and will
 * expire (UTC), then its sealed size.  Nothing of a session is opened.
 */
#include <time.h>

#include "tool.h"

static const char *
when(char out[32], int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (at == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "-";
	return out;
}

static int
show(void *arg, const struct sstate_info *i)
{
	char a[32], b[32], c[32];

	(void)arg;
	printf("%s %s %s %s %zu\n", i->handle, when(a, i->created),
	    when(b, i->written), when(c, i->expires), i->bytes);
	return ferror(stdout) ? SSTATE_ESYS : 0;
}

int
cmd_list(const struct tool *t)
{
	struct sstate_error err = { 0, 0, "" };
	struct sstate *env;
	int r;

	if ((r = tool_env(&env, t, &err)) != 0)
		return tool_failed(t, r, &err);
	r = sstate_list(env, t->value[OPT_USER], show, NULL, &err);
	sstate_close(env);
	return r != 0 ? tool_failed(t, r, &err) : TOOL_OK;
}
