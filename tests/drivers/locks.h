/*
 * locks.h - which process holds a lock of a file, as /proc/locks has it
 */
#ifndef LOCKS_H
#define LOCKS_H

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Locks that a process holds on a file; -1 where that cannot be seen. */
__attribute__((unused)) static int
locks_of(pid_t pid, const char *path)
{
	unsigned long major, minor;
	char line[256];
	struct stat st;
	uintmax_t ino;
	int who, n = 0;
	FILE *f;

	if (stat(path, &st) != 0)
		return 0;
	if ((f = fopen("/proc/locks", "r")) == NULL)
		return -1;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*d: POSIX %*s %*s %d %lx:%lx:%ju", &who,
			&major, &minor, &ino) == 4 &&
		    who == pid && ino == (uintmax_t)st.st_ino)
			n++;
	(void)fclose(f);
	return n;
}

#endif
