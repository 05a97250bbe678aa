/*
 * keyring.h - the server's keys: read, made, derived, chosen by kid
 *
 * PROTOCOL.token gives the file's form and the derivation.  A ring is
 * immutable once loaded: a reload makes another one.  Its keys lie in one
 * locked, read-only allocation; the secrets themselves are gone after
 * derivation.
 */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include <stdint.h>
#include <sys/types.h>

struct hook;
struct sstate_error;

enum { SUITE_1 = 1 };

struct ringkey {
	uint8_t kid, suite;
	int64_t not_before; /* issues from then on; seconds, epoch */
	int64_t retire_at; /* accepts until then; 0: not retired */
	int64_t min_created; /* older records are dead (epoch) */
	char fingerprint[17]; /* hex; shown by tools */
	uint8_t tok[32], dat[32], pag[32], csr[32], usr[32], log[32];
	uint8_t kvl[32], kvd[32];
};

struct keyring;

/* Once per process, before the first fork; SSTATE_ESYS if it fails. */
int crypto_init(struct sstate_error *err);

/*
 * Read path.  SSTATE_ENOTFOUND if there is none; SSTATE_EUNSAFE for a
 * symlink, another owner than uid (geteuid() as a rule), group or other
 * bits in the mode, more than one link, a directory that others can write
 * (not sticky); SSTATE_EPARSE for a syntax error, an empty ring, a short,
 * all-zero, repeated-octet, default or duplicate secret, a kid that occurs
 * twice, an unknown suite.  Text names file and line, never a secret.
 */
int keyring_load(struct keyring **out, const char *path, uid_t uid,
    struct sstate_error *err);
/* The same, in h's nest: to be freed before that is closed. */
int keyring_load_in(struct keyring **out, const struct hook *h,
    const char *path, uid_t uid, struct sstate_error *err);
/*
 * Make the file with one fresh entry that issues at once, 0600, by link()
 * of a synced temporary file: of two makers one wins and both load that.
 * Then as keyring_load().
 */
int keyring_create(struct keyring **out, const char *path, int64_t max_lifetime,
    int64_t now, struct sstate_error *err);
/* A ring that is in memory only. */
int keyring_ephemeral(struct keyring **out, int64_t max_lifetime, int64_t now,
    struct sstate_error *err);
void keyring_free(struct keyring *kr);

/* 1 if path is another file, or was changed, since kr was loaded from it. */
int keyring_stale(const struct keyring *kr, const char *path);
/* 1 if both hold the same entries. */
int keyring_same(const struct keyring *a, const struct keyring *b);

int64_t keyring_max_lifetime(const struct keyring *kr);
size_t keyring_count(const struct keyring *kr);
const struct ringkey *keyring_at(const struct keyring *kr, size_t i);
/* The key of that kid, unless it is retired at now; NULL if unknown. */
const struct ringkey *keyring_find(const struct keyring *kr, uint8_t kid,
    int64_t now);
/* The key that issues at now: the latest not_before that is reached. */
const struct ringkey *keyring_issuer(const struct keyring *kr, int64_t now);

#endif
