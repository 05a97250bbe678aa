/*
 * run.h - the command, run by a test in C; what it said, in one text
 *
 *	T(run("check %s", k.uri) == 0, "it conforms");
 *	T(run_said("0 failed"), "and counts");
 */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"

static char run_text[1 << 16];

/* The exit code; words go through a shell, each URI in quotes. */
__attribute__((format(printf, 1, 2))) static int
run(const char *fmt, ...)
{
	const char *build = getenv("BUILD_DIR");
	char args[2048], cmd[4096];
	size_t n;
	int status;
	va_list ap;
	FILE *p;

	va_start(ap, fmt);
	(void)vsnprintf(args, sizeof(args), fmt, ap);
	va_end(ap);
	(void)snprintf(cmd, sizeof(cmd),
	    "'%s/bin/securestate' %s 2>&1 </dev/null",
	    build != NULL ? build : "build/dev", args);
	(void)fflush(stdout);
	if ((p = popen(cmd, "r")) == NULL)
		return -1;
	n = fread(run_text, 1, sizeof(run_text) - 1, p);
	run_text[n] = '\0';
	status = pclose(p);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run_said(const char *words)
{
	if (strstr(run_text, words) != NULL)
		return 1;
	printf("# %.2000s\n", run_text);
	return 0;
}

/* One line, by the command, without the password. */
static int
run_one_line(const char *secret)
{
	size_t n = strlen(run_text);

	return strncmp(run_text, "securestate: ", 13) == 0 && n > 0 &&
	    strchr(run_text, '\n') == run_text + n - 1 &&
	    strstr(run_text, secret) == NULL;
}

#endif
