/*
 * floor.h - an engine, bare: its client library, a key and as many octets
 *
 * One file floor_ENGINE.c each, used as the engine's manual would have it:
 * connected once, statements prepared, nothing waited for that sync=none or
 * sync=off does not wait for either.  No revision is compared, no expiry
 * kept, nothing sealed.  An error ends the program.
 */
#ifndef BENCH_STORES_FLOOR_H
#define BENCH_STORES_FLOOR_H

#include <stddef.h>

/* A locator, and the unit of work, sealed. */
enum { BARE_KEY = 32, BARE_BODY = 904 };

/* place: a folder, or where the server is; set: a name for this data set. */
void bare_open(const char *place, const char *set);
void bare_create(const unsigned char *key, const unsigned char *body);
void bare_get(unsigned char *body, const unsigned char *key);
void bare_put(const unsigned char *key, const unsigned char *body);
void bare_delete(const unsigned char *key);

_Noreturn void bare_die(const char *what, const char *why);
/* It came whole: copied, as whoever goes on with it must. */
void bare_take(unsigned char *body, const void *p, size_t n);

#endif
