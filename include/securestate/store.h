/*
 * securestate/store.h - for those who write a store
 *
 * A driver keeps sealed bytes under fixed-size keys.  It never sees a
 * secret, a session or a client, and never parses what it keeps.
 *
 *  - The core calls one context from one thread at a time and keeps a pool
 *    of them, so a driver needs no locks of its own.
 *  - After a fork the child calls abandon() on what it inherited, and opens
 *    anew; abandon() frees memory and says nothing to the peer.
 *  - ENOTFOUND, EEXIST and ECONFLICT are answers: return them plainly.
 *    Every other failure goes through sstate_fail().
 *  - All that a slot is handed lives until it returns; body.ptr is never NULL.
 *  - A driver has no clock.  It hands out expired records like others: the
 *    core looks at expires.  It creates no session's key twice.
 *  - A write is never repeated by a driver, nor by its client library.  One
 *    that was not answered is ESTORE: it may have happened.
 */
#ifndef SECURESTATE_STORE_H
#define SECURESTATE_STORE_H

#include <securestate.h>

#ifdef __cplusplus
extern "C" {
#define SSTATE_DRIVER_EXTERN extern "C"
#else
#define SSTATE_DRIVER_EXTERN extern
#endif

#define SSTATE_DRIVER_ABI 1u
#define SSTATE_ID_BYTES 32
#define SSTATE_TAG_BYTES 16
#define SSTATE_ANY_REV UINT64_MAX

struct sstate_conf; /* the parsed URI; lives until open() returns */

struct sstate_key {
	unsigned char id[SSTATE_ID_BYTES]; /* uniform, and depends on ns */
	const char *ns; /* [A-Za-z0-9_.-]{1,32}; for reap() and each() only */
};

struct sstate_record {
	struct sstate_val body; /* sealed; 1 byte at least */
	int64_t expires;	/* seconds since the epoch; 0: when it likes */
	uint64_t rev;		/* of body, from 1 up */
	unsigned char tag[SSTATE_TAG_BYTES]; /* whose; zeros: nobody's */
	uint32_t flags;		/* SSTATE_REC_* */
	uint32_t pad;		/* 0 */
};

#define SSTATE_REC_VERIFY 0x01u /* not from a cache alone: for layers */

/* The record need live no longer than the call. */
typedef int sstate_found_fn(void *arg, const struct sstate_record *rec);
typedef int sstate_each_fn(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec);

#define SSTATE_CAP_EXPIRE 0x01u	 /* forgets by itself, without reap() */
#define SSTATE_CAP_DURABLE 0x02u /* survives a restart */
#define SSTATE_CAP_TAG 0x04u	 /* each() can pick one tag without a scan */
#define SSTATE_CAP_HANDLE 0x08u	 /* takes a ready-made handle */
#define SSTATE_CAP_LINEAR 0x10u	 /* no failover loses an answered write */
#define SSTATE_CAP_REMOTE 0x20u	 /* an answer can be lost */

struct sstate_driver {
	size_t size;	    /* sizeof(struct sstate_driver) */
	uint32_t abi;	    /* SSTATE_DRIVER_ABI */
	uint32_t caps;	    /* SSTATE_CAP_* */
	const char *scheme; /* "redis": [a-z][a-z0-9]{0,15} */

	/* Must be there. */
	int (*open)(void **ctx, struct sstate_conf *conf,
	    struct sstate_error *err);
	void (*close)(void *ctx);
	/* ENOTFOUND, or call found once and return what it returned. */
	int (*get)(void *ctx, const struct sstate_key *key,
	    sstate_found_fn *found, void *arg, struct sstate_error *err);
	/* EEXIST if the key is there. */
	int (*create)(void *ctx, const struct sstate_key *key,
	    const struct sstate_record *rec, struct sstate_error *err);
	/* ENOTFOUND if it is not, ECONFLICT if its rev is not expected. */
	int (*replace)(void *ctx, const struct sstate_key *key,
	    uint64_t expected, const struct sstate_record *rec,
	    struct sstate_error *err);
	/* Nothing there is 0; ECONFLICT unless expected is its rev, or ANY. */
	int (*remove)(void *ctx, const struct sstate_key *key,
	    uint64_t expected, struct sstate_error *err);

	/*
	 * May be NULL: sessions then cannot be reaped, unless the store
	 * forgets by itself, listed, forked.
	 */
	int (*reap)(uint64_t *removed, void *ctx, const char *ns,
	    int64_t before, uint64_t limit, struct sstate_error *err);
	/* tag NULL: all.  Stop at the first non-zero of fn and return it. */
	int (*each)(void *ctx, const char *ns, const unsigned char *tag,
	    sstate_each_fn *fn, void *arg, struct sstate_error *err);
	void (*abandon)(void *ctx);
	/*
	 * Keep the latest time that any process has seen: hand in now, get
	 * the latest of all.  May be NULL: a clock that goes back between
	 * two processes is then not noticed.
	 */
	int (*latest)(int64_t *seen, void *ctx, int64_t now,
	    struct sstate_error *err);
	/* Members above are ABI 1.  New ones go here; size tells. */

	/*
	 * About how many records of ns there are, or of all namespaces if
	 * that is cheaper: to a tenth or so, without a look at each.  May be
	 * NULL: the store then takes no max_records=.
	 */
	int (*count)(uint64_t *about, void *ctx, const char *ns,
	    struct sstate_error *err);
};

/*
 * SSTATE_DRIVER(redis) = { sizeof(struct sstate_driver), ... };
 *
 * defines sstate_driver_v1_redis: what is looked up in driver-redis.so, and
 * what a static build puts into its table.
 */
#define SSTATE_DRIVER(scheme)                                                  \
	SSTATE_DRIVER_EXTERN SSTATE_API const struct sstate_driver             \
	    sstate_driver_v1_##scheme;                                         \
	const struct sstate_driver sstate_driver_v1_##scheme

/* Record an error and return its code. */
SSTATE_API int sstate_fail(struct sstate_error *err, int code, int sys,
    const char *fmt, ...) SSTATE_PRINTF(4, 5);

enum {
	SSTATE_CONF_HOST = 1,
	SSTATE_CONF_PORT,
	SSTATE_CONF_USER,
	SSTATE_CONF_PASSWORD,
	SSTATE_CONF_PATH
};

/* What the URI says; a parameter that nobody asked for fails the open. */
SSTATE_API const char *sstate_conf_part(struct sstate_conf *c, int part);
SSTATE_API const char *sstate_conf_str(struct sstate_conf *c, const char *key,
    const char *dflt);
SSTATE_API int sstate_conf_int(int64_t *out, struct sstate_conf *c,
    const char *key, int64_t dflt, int64_t min, int64_t max,
    struct sstate_error *err) SSTATE_MUST;

/* opts.handles[]: not ours to close, used by one thread at a time; or NULL. */
SSTATE_API void *sstate_conf_handle(struct sstate_conf *c);

/* opts.flags; a driver heeds SSTATE_NO_CREATE: no new file, no new table. */
SSTATE_API uint32_t sstate_conf_flags(const struct sstate_conf *c);

/*
 * One context of a store without an environment: for tools and test kits.
 * Of the options stores, handles, drivers, ns, the hooks and the flags
 * SSTATE_NO_PLUGINS and SSTATE_NO_CREATE count; stores must be there.
 */
struct sstate_store;
SSTATE_API int sstate_store_open(struct sstate_store **out,
    const struct sstate_options *o, struct sstate_error *err) SSTATE_MUST;
/* The table behind it, and the context that its slots take. */
SSTATE_API const struct sstate_driver *sstate_store_driver(
    struct sstate_store *s, void **ctx);
SSTATE_API void sstate_store_close(struct sstate_store *s);

#ifdef __cplusplus
}
#endif
#endif /* SECURESTATE_STORE_H */
