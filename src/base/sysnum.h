/*
 * sysnum.h - system calls that a libc's headers may lack
 *
 * openat2(2) has one number on every architecture; musl 1.2.3 has no name
 * for it, and no renameat2(2).
 */
#ifndef BASE_SYSNUM_H
#define BASE_SYSNUM_H

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1

static inline int
renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from, old, to, name, flags);
}
#endif

#endif
