/*
 * sysnum.h - numbers of system calls that a libc's headers may lack
 *
 * openat2(2) has one number on every architecture; musl 1.2.3 has no name
 * for it.
 */
#ifndef BASE_SYSNUM_H
#define BASE_SYSNUM_H

#include <sys/syscall.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#endif
