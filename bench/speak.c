/*
 * speak.c - a contender of the benchmark: verbs on stdin, numbers on stdout
 *
 * Invariant: no answer is printed for work that failed.
 */
#include "speak.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
speak_die(const char *what)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t
speak_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		speak_die("clock");
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t
speak_pick(uint64_t *state, uint64_t n)
{
	uint64_t x = *state != 0 ? *state : UINT64_C(0x9e3779b97f4a7c15);

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return (x >> 11) % n;
}

/* What this process has used up so far, in its own and the kernel's code. */
static void
say_cpu(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) != 0)
		speak_die("clock");
	speak_say((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec, 0);
}

void
speak_say(uint64_t a, uint64_t b)
{
	(void)printf("%llu %llu\n", (unsigned long long)a,
	    (unsigned long long)b);
	(void)fflush(stdout);
}

int
speak_loop(const struct verb *v, size_t nv, void *arg)
{
	char line[128], *end;
	uint64_t n;
	size_t i;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if ((end = strchr(line, ' ')) != NULL)
			*end++ = '\0';
		n = end != NULL ? strtoull(end, NULL, 10) : 0;
		if (strcmp(line, "quit") == 0)
			break;
		if (strcmp(line, "cpu") == 0) {
			say_cpu();
			continue;
		}
		for (i = 0; i < nv; i++)
			if (strcmp(v[i].name, line) == 0)
				break;
		errno = EINVAL;
		if (i == nv)
			speak_die(line);
		v[i].fn(arg, n);
	}
	return 0;
}
