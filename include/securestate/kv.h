/*
 * securestate/kv.h - sealed bytes under a name, without a session
 *
 *	sstate_kv_get(&kv, env, name, &err);
 *	sstate_kv_put(&rev, env, name, value, 0, kv->rev, &err);
 *	sstate_kv_remove(env, name, rev, &err);
 *	sstate_kv_free(kv);
 *
 * For bindings, whose sessions have ids and rules of their own.  A name has
 * 1 to 1024 octets, any; it is no secret: who has the key ring and the store
 * reads what is under it.  Threads may share an environment.
 */
#ifndef SECURESTATE_KV_H
#define SECURESTATE_KV_H

#include <securestate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a put expects to find, if no revision: nothing, or whatever it is. */
#define SSTATE_KV_NEW 0u
#define SSTATE_KV_ANY UINT64_MAX

/* Handed out; may grow. */
struct sstate_kv {
	struct sstate_val value; /* one NUL follows it, not counted */
	uint64_t rev;
	int64_t written, expires; /* seconds, epoch */
};

/* ENOTFOUND: it is not there, or its time is over. */
SSTATE_API int sstate_kv_get(struct sstate_kv **out, struct sstate *env,
    struct sstate_val name, struct sstate_error *err) SSTATE_MUST;

/* Wipe and free. */
SSTATE_API void sstate_kv_free(struct sstate_kv *kv);

/*
 * expires: seconds since the epoch; 0: as long as the key ring allows, which
 * no other time goes beyond.  rev (or NULL) is what was written.  Of NEW:
 * EEXIST; of a revision: ENOTFOUND, or ECONFLICT if it is another one.
 */
SSTATE_API int sstate_kv_put(uint64_t *rev, struct sstate *env,
    struct sstate_val name, struct sstate_val value, int64_t expires,
    uint64_t expected, struct sstate_error *err) SSTATE_MUST;

/* A revision, or ANY.  Nothing there is 0; another revision ECONFLICT. */
SSTATE_API int sstate_kv_remove(struct sstate *env, struct sstate_val name,
    uint64_t expected, struct sstate_error *err) SSTATE_MUST;

#ifdef __cplusplus
}
#endif
#endif /* SECURESTATE_KV_H */
