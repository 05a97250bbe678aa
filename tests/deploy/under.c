/*
 * under.c - run a program under a filter set before it, as systemd does
 *
 * usage: under PROGRAM ARGUMENT...	the calls of allowed.h, and no others
 *
 * execve stands in the list, for it is what comes next.
 */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

int confine(const unsigned *allowed, size_t n);

static const unsigned allowed[] = {
#include "allowed.h"
};

int
main(int argc, char **argv)
{
	if (argc < 2)
		return 99;
	if (confine(allowed, sizeof(allowed) / sizeof(allowed[0])) != 0) {
		perror("under: confine");
		return 99;
	}
	(void)execv(argv[1], argv + 1);
	return 99; /* no perror(): it may not be allowed */
}
