/*
 * ring.h - what the ring's own files share: its form in memory
 *
 * The whole ring is one walled place without pointers, made read-only once it is
 * filled.
 */
#ifndef CRYPTO_RING_H
#define CRYPTO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "crypto/derive.h"
#include "crypto/keyring.h"

/* Larger than any time that means something; no sum of two overflows. */
#define RING_TIME_MAX ((int64_t)1 << 53)

/* slot[kid]: which entry it is + 1; 0 for none, or a retired one's mark. */
enum { RING_MARK = 255 };

struct keyring {
	uint32_t count, room; /* entries; how many there can be */
	uint8_t slot[256];
	bool nested;
	int64_t max_lifetime;
	/* The file that it was read from; ino is 0 for none. */
	uint64_t dev, ino, size;
	struct timespec mtime, ctime;
	struct ringkey key[];
};

/* 1 if kid is an entry, retired or not, or a mark. */
int keyring_knows(const struct keyring *kr, uint8_t kid);

/*
 * A writable ring, zeroed, for so many keys, in h's nest if it is not NULL;
 * NULL when there is no memory.
 */
struct keyring *ring_new(uint32_t room, const struct hook *h);
/* From then on it is read-only. */
int ring_seal(struct keyring *kr, struct sstate_error *err);
/*
 * One more entry: the keys are derived here.  SSTATE_EPARSE for a secret
 * that cannot be random, or is there already, for a kid that is there, and
 * for an entry too many; *what says which.
 */
int ring_add(struct keyring *kr, const struct ringkey *head,
    const uint8_t secret[SECRET_BYTES], const char **what);
/* A line's words: kid suite secret not_before retire_at min_created. */
enum { RING_FIELDS = 6 };

struct ring_field {
	const char *ptr;
	size_t len;
};

/* How many there are, RING_FIELDS + 1 if more. */
size_t ring_split(struct ring_field f[RING_FIELDS], const char *p,
    const char *end);
/* A decimal number without sign or leading zero, at most max; or -1. */
int64_t ring_number(const struct ring_field *f, int64_t max);
/* kr from the file's text; name is for errors. */
int ring_parse(struct keyring *kr, const char *text, size_t len,
    const char *name, struct sstate_error *err);

#endif
