/*
 * serve.h - a server of the drivers' tests, for as long as stdin is open
 *
 * "up URI PLACE" is said once it answers: what the driver opens, and where
 * floor_ENGINE.c finds it.  A kit says why there is none, and ends.
 */
#ifndef BENCH_STORES_SERVE_H
#define BENCH_STORES_SERVE_H

#include <signal.h>
#include <stdio.h>

/* Whoever is interrupted closes our stdin: then we end, and tidy up. */
static void
serve_begin(void)
{
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void
serve(const char *uri, const char *place)
{
	(void)printf("up %s %s\n", uri, place);
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
}

#endif
