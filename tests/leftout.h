/*
 * leftout.h - is an address in memory that a core file leaves out?
 *
 * The kernel says so in /proc/self/smaps: "dd" among a mapping's VmFlags.
 */
#ifndef LEFTOUT_H
#define LEFTOUT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* 1: it is; 0: it is not, or not mapped; -1: nobody says. */
__attribute__((unused)) static int
left_out(const void *at)
{
	unsigned long from, to;
	char line[512];
	int here = 0, r = -1;
	FILE *f = fopen("/proc/self/smaps", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx %*4s", &from, &to) == 2)
			here = (uintptr_t)at >= from && (uintptr_t)at < to;
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		if (r < 0)
			r = 0;
		if (here)
			r = strstr(line, " dd") != NULL;
		here = 0;
	}
	if (f != NULL)
		(void)fclose(f);
	return r;
}

#endif
