/*
 * env.h - the environment: options checked, keys, store, clock, log
 *
 * Immutable after sstate_open() but for atomics: the key ring (a newer one
 * replaces it), the clock's ratchet, and when each was looked at.  Any thread may use it.
 */
#ifndef SESSION_ENV_H
#define SESSION_ENV_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/urlencoded.h"
#include "base/vault.h"
#include "crypto/keyring.h"

struct store;
struct ring_node;

struct sstate {
	struct hook hook;
	struct hook secret; /* of what holds values: the vault, or the same */
	struct vault vault;
	struct arena *a; /* of the strings below */
	uint32_t flags; /* SSTATE_CARRY_* has exactly one */
	uint8_t cls; /* CLS_* of that */
	uint32_t renew_jitter_pct;
	const char *ns, *cookie, *cookie_path, *cookie_domain;
	const char *id_param, *page_param, *csrf_param;
	int64_t idle, lifetime, renew; /* seconds */
	int64_t cookie_max_age, page_life, rotate, grace;
	size_t max_bytes, max_values;
	struct form_limits form;

	void *arg;
	int64_t (*now)(void *arg);
	void (*log)(void *arg, int level, const struct sstate_error *what);

	struct store *store;
	const char *ring_path; /* NULL: in memory only */
	uid_t ring_uid;
	_Atomic(struct keyring *) ring; /* NULL: none, SSTATE_NO_CREATE */
	struct ring_node *old; /* superseded, freed at close */
	_Atomic int reloading; /* one thread looks at the ring's file */
	_Atomic int64_t looked; /* when ring and ratchet were looked at */
	_Atomic int64_t reap_at; /* passing.c: the next slice */
	_Atomic int dirty; /* something was written since the last one */
	_Atomic int64_t missed; /* when an unknown kid made us look */
	_Atomic int64_t behind; /* when the clock was last seen gone back */
	_Atomic int64_t seen; /* ratchet: latest time, hook clock */
	_Atomic int64_t ahead; /* ratchet: wall time minus time since boot */
};

/* The clock, which never goes back in this process. */
int64_t env_now(struct sstate *env);
/* Now and then: a changed key ring, the store's own ratchet. */
void env_tick(struct sstate *env, int64_t now);
/* The ring in force; SSTATE_EUNSAFE and a text if there is none. */
int env_ring(const struct keyring **out, struct sstate *env,
    struct sstate_error *err);
/* The key that issues now; SSTATE_EUNSAFE and a text if none does. */
int env_issuer(const struct ringkey **out, struct sstate *env,
    struct sstate_error *err);
/*
 * A kid that is not in used came: look again, at most once a second, or wait
 * for the thread that does.  1: another ring than used is in force.
 */
int env_ring_again(struct sstate *env, const struct keyring *used, int64_t now);

const struct hook *env_hook(const struct sstate *env);
/* For arenas of sessions and requests: core files leave it out. */
const struct hook *env_secret(const struct sstate *env);
uint32_t env_flags(const struct sstate *env);
void env_log(const struct sstate *env, int level,
    const struct sstate_error *what);
/* One line; never with an id, a key or a value in it. */
void env_say(const struct sstate *env, int level, int code, const char *fmt,
    ...) SSTATE_PRINTF(4, 5);

/*
 * For the request's owner: the headers have left, so whatever would change
 * this session from here on is SSTATE_EINVAL.
 */
void session_freeze(struct sstate_session *s);

#endif
