/*
 * sysnum.h - system calls that a libc's headers may lack
 *
 * openat2(2) has one number on every architecture; musl 1.2.3 has no name
 * for it, and no renameat2(2).
 */
#ifndef BASE_SYSNUM_H
#define BASE_SYSNUM_H

#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* Of linux/openat2.h, which not every libc's headers come with. */
struct open_how_v0 {
	uint64_t flags, mode, resolve;
};

enum {
	SYS_RESOLVE_NO_XDEV = 0x01,
	SYS_RESOLVE_NO_MAGICLINKS = 0x02,
	SYS_RESOLVE_NO_SYMLINKS = 0x04,
	SYS_RESOLVE_BENEATH = 0x08,
};

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1

static inline int
renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
	return (int)syscall(SYS_renameat2, from, old, to, name, flags);
}
#endif

#endif
