/*
 * way.h - the way from "/" to a directory: can others lead it elsewhere?
 */
#ifndef BASE_WAY_H
#define BASE_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* F-02: root's or uid's, and nobody else can write in it, or it is sticky. */
bool way_safe(const struct stat *st, uid_t uid);
/*
 * The directory of which path, an absolute one, has the first n octets: by
 * O_PATH, if all above it is safe and none of it a symbolic link.  Else -1:
 * it must be walked to, which says what is wrong.  It is not looked at itself.
 */
int way_open(const char *path, size_t n, uid_t uid);

#endif
