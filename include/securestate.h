/*
 * securestate.h - sealed server-side session state
 *
 *	sstate_open(&env, &opts, &err);			once per process
 *	sstate_begin(&s, env, &how, &web, &err);	at most one read
 *	sstate_str(s, ...), sstate_set(s, ...)		memory only
 *	sstate_commit(s);				at most one write
 *	sstate_headers(s, emit, arg);			Set-Cookie and company
 *	sstate_free(s);
 *
 * A CGI or FastCGI program has the last three done by securestate/cgi.h.
 *
 * Rules, for every function here and in securestate/:
 *
 *  1. What can fail returns 0 or one negative SSTATE_E*.  Outs come first
 *     and are NULL or 0 after a failure.  An error sink may be NULL.
 *  2. A session keeps the first failure of what changes it; commit returns
 *     that and writes nothing.  So a program may check the commit alone.
 *  3. Names are C strings; values are bytes and a length, and one NUL that
 *     is not counted follows them.
 *  4. What a session hands out stays where it is until sstate_free().
 *     What it is handed it copies, but for the members of struct sstate_web
 *     and the lists and strings of struct sstate_how, which must live as long.
 *  5. Threads may share an environment, never a session.
 *  6. A struct that the caller fills starts with its size and is made from
 *     its _INIT; zero is "the default"; a flag that does not belong to it
 *     is EINVAL.  A struct that is handed out is const and may grow.  Error,
 *     val and param are as they are for good.
 *  7. Every close and free takes NULL.
 */
#ifndef SECURESTATE_H
#define SECURESTATE_H

#include <stddef.h>
#include <stdint.h>

#define SSTATE_VERSION_MAJOR 0
#define SSTATE_VERSION_MINOR 1
#define SSTATE_VERSION_PATCH 0

#if defined(__GNUC__)
#define SSTATE_API __attribute__((visibility("default")))
#define SSTATE_MUST __attribute__((warn_unused_result))
#define SSTATE_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define SSTATE_API
#define SSTATE_MUST
#define SSTATE_PRINTF(f, a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct sstate;		/* environment: keys, stores, limits, hooks */
struct sstate_session;	/* one request's view of one session */
struct sstate_driver;	/* see securestate/store.h */

struct sstate_val {
	const char *ptr;
	size_t len;
};

/* ---- Errors ---------------------------------------------------------- */

enum {
	SSTATE_OK = 0,
	SSTATE_ENOMEM = -1,	/* out of memory */
	SSTATE_EINVAL = -2,	/* the caller broke a rule of the API */
	SSTATE_ENOTFOUND = -3,	/* no such name, value or record */
	SSTATE_EEXPIRED = -4,	/* there was one, its time is over */
	SSTATE_EAUTH = -5,	/* not authentic: forged, damaged, other key */
	SSTATE_EMINDSET = -6,	/* recorded under the other mindset */
	SSTATE_ECONFLICT = -7,	/* SSTATE_STRICT: reload, do it again, commit */
	SSTATE_ETOOBIG = -8,	/* over a limit of the environment */
	SSTATE_EPARSE = -9,	/* malformed request, token or URI */
	SSTATE_EUNSAFE = -10,	/* symlink, owner or mode that lets others in */
	SSTATE_ESTORE = -11,	/* the store failed; perhaps it has written */
	SSTATE_EBUSY = -12,	/* store too slow or throttled; not written */
	SSTATE_ENOTSUP = -13,	/* the store cannot do that */
	SSTATE_EVERSION = -14,	/* built against another ABI */
	SSTATE_ESYS = -15,	/* the system failed; see sys */
	SSTATE_DONE = -16,	/* no more: the end of an iteration */
	SSTATE_EGONE = -17,	/* ended meanwhile: nothing will be written */
	SSTATE_EEXIST = -18	/* a record to be created is there already */
};

/* The caller's own, filled on failure only.  Never holds a secret. */
struct sstate_error {
	int code;	/* SSTATE_E*, as returned */
	int sys;	/* errno, or 0 */
	char text[248];	/* one line for a log, no newline */
};

SSTATE_API const char *sstate_strerror(int code);

/* The HTTP status that tells a client: 409, 413, 503, ...; 200 for 0. */
SSTATE_API int sstate_status(int code);

/* ---- Environment ----------------------------------------------------- */

/* Flags of struct sstate_options. */
#define SSTATE_CARRY_COOKIE 0x0001u /* the token's way; this if none is set */
#define SSTATE_CARRY_PAGE 0x0002u   /* URL and hidden field; see SECURITY */
#define SSTATE_CARRY_OWN 0x0004u    /* web.token and sstate_token() */
#define SSTATE_END_ON_REUSE 0x0008u /* a rotated id comes back: end both */
#define SSTATE_STRICT 0x0010u	    /* one name, two commits: ECONFLICT */
#define SSTATE_NO_PLUGINS 0x0020u   /* never dlopen a driver */
#define SSTATE_NO_CREATE 0x0040u    /* no new directory or key ring: cron */
#define SSTATE_PLAIN_HTTP 0x0080u   /* cookie without Secure: development */
#define SSTATE_SAMESITE_STRICT 0x10000u /* instead of Lax */
#define SSTATE_SAMESITE_NONE 0x20000u /* needs Secure */
#define SSTATE_CLEAR_SITE_DATA 0x40000u /* sent when a session ends */

enum { SSTATE_LOG_ERROR = 1, SSTATE_LOG_WARN, SSTATE_LOG_INFO };

struct sstate_metric { /* handed out; may grow */
	const char *store, *operation;
	int code;
	uint64_t microseconds;
	size_t bytes;
};

struct sstate_options {
	size_t size;
	uint32_t flags;
	uint32_t renew_jitter_pct;	/* renew up to this much earlier */
	const char *const *stores;	/* URIs, NULL last: sstate_open(3) */
	void *const *handles;		/* ready-made, one per store, or NULL */
	const struct sstate_driver *const *drivers; /* NULL last */
	const char *keyring;		/* path; default: see sstate_open(3) */
	const char *ns;			/* namespace: [A-Za-z0-9_.-]{1,32} */
	const char *cookie;		/* name; default "__Host-sstate" */
	const char *cookie_path;	/* "/"; other paths: no __Host- name */
	int64_t idle;			/* seconds unused; 1800, page: 900 */
	int64_t lifetime;		/* seconds since creation; 12 hours */
	int64_t renew;			/* touch an unchanged record; idle/10 */
	size_t max_bytes;		/* in one session; default 64 KiB */
	size_t max_values;		/* in one session; default 4096 */

	/* Hooks: any of them NULL; called from any thread. */
	void *arg;
	void *(*alloc)(void *arg, void *ptr, size_t oldsz, size_t newsz);
	int64_t (*now)(void *arg); /* seconds since the epoch */
	void (*log)(void *arg, int level, const struct sstate_error *what);
	void (*metric)(void *arg, const struct sstate_metric *m);

	const char *id_param;	  /* carried token; default ".id" */
	const char *page_param;	  /* carried page state; default ".page" */
	const char *csrf_param;	  /* hidden CSRF field; default ".csrf" */
	const char *cookie_domain; /* none by default: no __Host- name then */
	int64_t cookie_max_age;	  /* seconds; 0: a session cookie; <= 400 d */
	int64_t page_life;	  /* of page state, CSRF tokens; 3600 seconds */
	int64_t rotate;		  /* seconds; cookies 900, else never; -1: never */
	int64_t grace;		  /* of a rotated id, seconds; default 120 */
};

#define SSTATE_OPTIONS_INIT                                                    \
	{ sizeof(struct sstate_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   \
	  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* NULL options are the defaults. */
SSTATE_API int sstate_open(struct sstate **out, const struct sstate_options *o,
    struct sstate_error *err) SSTATE_MUST;
SSTATE_API void sstate_close(struct sstate *env);

/* Remove what expired, or was idle for longer than idle > 0; limit 0: all. */
SSTATE_API int sstate_reap(uint64_t *removed, struct sstate *env, int64_t idle,
    uint64_t limit, struct sstate_error *err) SSTATE_MUST;

#define SSTATE_IS_NEW 0x01u
#define SSTATE_IS_DIRTY 0x02u
#define SSTATE_IS_ENDED 0x04u	   /* by sstate_logout(), or gone */
#define SSTATE_IS_MERGED 0x08u	   /* the last commit met another one */
#define SSTATE_IS_STALE_PAGE 0x10u /* page memory came, but was not taken */

/* What is known without looking at values.  Handed out; may grow. */
struct sstate_info {
	uint32_t flags;		/* SSTATE_IS_*; 0 in a listing */
	char handle[20];	/* names the record, opens nothing; or "" */
	int64_t now;		/* the library's clock, when this was made */
	int64_t created, written, expires; /* seconds, epoch; 0: never */
	int64_t accessed;	/* by the request before this one; new: now */
	int64_t login;		/* when sstate_login() was called; 0: never */
	uint64_t rev;
	size_t bytes;
};

/* Non-zero stops the listing, which returns it. */
typedef int sstate_info_fn(void *arg, const struct sstate_info *info);

/* Every live record, or one user's (see sstate_login()), in no order. */
SSTATE_API int sstate_list(struct sstate *env, const char *user,
    sstate_info_fn *fn, void *arg, struct sstate_error *err) SSTATE_MUST;

/* End all of a user's sessions, or one by handle; both: only if it is his. */
SSTATE_API int sstate_revoke(uint64_t *ended, struct sstate *env,
    const char *user, const char *handle, struct sstate_error *err) SSTATE_MUST;

/* ---- Begin, commit, free --------------------------------------------- */

enum { SSTATE_FORGETFUL = 1, SSTATE_UNFORGETFUL = 2 };

/* Flags of struct sstate_how. */
#define SSTATE_MUST_EXIST 0x0100u /* no new session for a bad token */
#define SSTATE_EAGER 0x0200u	  /* commit writes, changed or not */
#define SSTATE_NO_STORE 0x0400u	  /* only what was sent: no read, no write */

/* What the program wants: usually one constant for all requests. */
struct sstate_how {
	size_t size;
	uint32_t flags;
	uint32_t mindset;		/* SSTATE_FORGETFUL if 0 */
	const char *const *memory;	/* kept, or if unforgetful not kept */
	const char *const *shortterm;	/* travel with the page, sealed */
	const char *scope;		/* of page memory; default web.path */
	uint32_t schema;		/* raise it: older pages are stale */
	uint32_t pad;			/* 0: no new member hides in padding */
};

#define SSTATE_HOW_INIT { sizeof(struct sstate_how), 0, 0, 0, 0, 0, 0, 0 }

#define SSTATE_FROM_QUERY 1u
#define SSTATE_FROM_BODY 2u

struct sstate_param {
	const char *name;
	struct sstate_val value;
	uint32_t from;			/* SSTATE_FROM_* */
};

/*
 * What the client sent, as any HTTP server has it; cgi.h fills this from
 * its request.  All of it must live until sstate_free(), but what header()
 * returns only until its next call.  The token is found by the library.
 */
struct sstate_web {
	size_t size;
	const char *method;		/* default "GET" */
	const char *path;		/* of this program: links, scope */
	/* Cookie, Host, Origin, ...: value, or NULL.  Called in begin only. */
	const char *(*header)(void *arg, const char *name);
	void *arg;
	const char *query;		/* after the '?', still encoded */
	struct sstate_val form;		/* an urlencoded body */
	const struct sstate_param *params; /* besides: decoded already */
	size_t nparams;
	struct sstate_val token;	/* SSTATE_CARRY_OWN */
	struct sstate_val bind;		/* must be the same next time */
};

#define SSTATE_WEB_INIT                                                        \
	{ sizeof(struct sstate_web), 0, 0, 0, 0, 0, { 0, 0 }, 0, 0, { 0, 0 },  \
	  { 0, 0 } }

/*
 * Check the token, read the record, recall what the mindset says.  A token
 * that is unknown, stale or forged begins a new session under a new id.
 * NULL how: the defaults.  NULL web: a new session, nothing sent.
 */
SSTATE_API int sstate_begin(struct sstate_session **out, struct sstate *env,
    const struct sstate_how *how, const struct sstate_web *web,
    struct sstate_error *err) SSTATE_MUST;

/*
 * Write if something changed, touch if renewal is due.  May be repeated.
 * Two requests that change one session are merged name by name.
 */
SSTATE_API int sstate_commit(struct sstate_session *s) SSTATE_MUST;

/* Drop what was not committed, and the failure, and read the record again. */
SSTATE_API int sstate_reload(struct sstate_session *s) SSTATE_MUST;

/* Wipe and free this view; what was not committed is lost. */
SSTATE_API void sstate_free(struct sstate_session *s);

/* New id, new rights.  Before any link or field is made, else EINVAL. */
SSTATE_API int sstate_login(struct sstate_session *s, const char *user);
SSTATE_API int sstate_rotate(struct sstate_session *s); /* new id, same user */

/*
 * End the session in the store, now.  What is set afterwards (a message)
 * starts another one, with nothing from this one in it.
 */
SSTATE_API int sstate_logout(struct sstate_session *s) SSTATE_MUST;

/* Who logged in; NULL: nobody. */
SSTATE_API const char *sstate_user(const struct sstate_session *s);

/* Seconds from now instead of idle and lifetime; 0: those again. */
SSTATE_API int sstate_set_expires(struct sstate_session *s, int64_t seconds);
SSTATE_API const struct sstate_info *sstate_inspect(struct sstate_session *s);

/* The failure that was kept; code is 0 if there is none. */
SSTATE_API const struct sstate_error *sstate_failure(
    const struct sstate_session *s);

/* ---- Names and values ------------------------------------------------ */

enum {
	SSTATE_SENT = 1,   /* by the client: a POST's body, else the query */
	SSTATE_QUERY = 2,  /* by the client: the query, whatever the method */
	SSTATE_MERGED = 3, /* sent and stored; the mindset says which wins */
	SSTATE_STORED = 4, /* kept in the store */
	SSTATE_PAGE = 5	   /* kept in the page; reading falls back to MERGED */
};

/* First value as a C string; NULL if none, or if it holds a NUL. */
SSTATE_API const char *sstate_str(const struct sstate_session *s, int mem,
    const char *name);

/* First value as a whole number in [min, max]; dflt if it is not one. */
SSTATE_API int64_t sstate_int(const struct sstate_session *s, int mem,
    const char *name, int64_t min, int64_t max, int64_t dflt);

/* Value i: for (i = 0; sstate_get(&v, s, mem, name, i) == 0; i++) */
SSTATE_API int sstate_get(struct sstate_val *out,
    const struct sstate_session *s, int mem, const char *name, size_t i);

/* Names in the order first set: pass NULL, then each name back. */
SSTATE_API const char *sstate_next(const struct sstate_session *s, int mem,
    const char *name);

/* Replace all values.  SENT and QUERY are EINVAL; MERGED: this request. */
SSTATE_API int sstate_set(struct sstate_session *s, int mem, const char *name,
    const struct sstate_val *values, size_t n);
SSTATE_API int sstate_setstr(struct sstate_session *s, int mem,
    const char *name, const char *value);
SSTATE_API int sstate_setint(struct sstate_session *s, int mem,
    const char *name, int64_t value);
SSTATE_API int sstate_del(struct sstate_session *s, int mem, const char *name);
SSTATE_API int sstate_clear(struct sstate_session *s); /* every memory */

/*
 * Add to a whole number in STORED; parallel additions all count, so out (or
 * NULL) is what this request sees; after a commit sstate_int() has the sum.
 */
SSTATE_API int sstate_incr(int64_t *out, struct sstate_session *s,
    const char *name, int64_t by);

/* Keep the present values of a parameter from now on. */
SSTATE_API int sstate_remember(struct sstate_session *s, const char *name);

/* ---- What goes into the answer --------------------------------------- */

#define SSTATE_WITH_PAGE 0x01u /* carry SSTATE_PAGE along */
#define SSTATE_ONCE 0x02u      /* fields: sstate_check() takes them one time */

/*
 * Link to a path (NULL: this program) with this session, and with an
 * encoded query (or NULL).  Plain text: escape it where it is placed.
 */
SSTATE_API const char *sstate_link(struct sstate_session *s, uint32_t flags,
    const char *to, const char *query);

/* Hidden inputs for a form, with a CSRF token for action (NULL: none). */
SSTATE_API const char *sstate_fields(struct sstate_session *s, uint32_t flags,
    const char *action);

/* The CSRF token alone: for a script's X-CSRF-Token. */
SSTATE_API const char *sstate_csrf(struct sstate_session *s,
    const char *action);

/* Was this POST made by our form for action?  0, EAUTH or EEXPIRED. */
SSTATE_API int sstate_check(const struct sstate_session *s,
    const char *action) SSTATE_MUST;

/*
 * Every header that the answer must have, after the commit, which comes
 * after the last link or field.  A token goes out only with its record:
 * commit makes one if something was set, or a token, page or CSRF token made.
 */
typedef void sstate_header_fn(void *arg, const char *name, const char *value);
SSTATE_API void sstate_headers(struct sstate_session *s,
    sstate_header_fn *fn, void *arg);

/* For SSTATE_CARRY_OWN and for tests; NULL while there is no record. */
SSTATE_API const char *sstate_token(struct sstate_session *s);

enum { SSTATE_FOR_HTML = 1, SSTATE_FOR_URL = 2 };
SSTATE_API const char *sstate_escape(struct sstate_session *s, int where,
    const char *text);

#ifdef __cplusplus
}
#endif
#endif /* SECURESTATE_H */
