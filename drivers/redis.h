/*
 * redis.h - what the files of the redis: driver share
 *
 *	redis.c		the table: what each slot says
 *	redis_record.c	keys and records
 *	redis_conf.c	what the URI says
 *	redis_link.c	one connection: greeted, written to, read from
 *	redis_call.c	one command: which server, and what may be repeated
 *	redis_cluster.c	key slots, the map of who has them
 *	redis_sentinel.c which server is the master now
 *	redis_script.c	the Lua that compares and swaps
 *	redis_each.c	listings
 *	redis_count.c	about how many there are
 *
 * Invariant: a command that may have reached a server is sent again only if
 * it is a read, or the server said that it did not run it.
 */
#ifndef REDIS_H
#define REDIS_H

#include <stddef.h>
#include <stdint.h>

#include <hiredis.h>

#include <securestate/store.h>

enum {
	RDS_PREFIX_BYTES = 64,
	RDS_NS_BYTES = 32,
	/* prefix, "r:", namespace, ':', 64 digits, NUL */
	RDS_KEY_BYTES =
	    RDS_PREFIX_BYTES + RDS_NS_BYTES + 4 + 2 * SSTATE_ID_BYTES,
	RDS_HEAD_BYTES = 40, /* before a record's body */
	RDS_HOSTS = 16,
	RDS_SLOTS = 16384, /* of a cluster */
	RDS_HOPS = 6, /* servers that one command is sent to */
};

struct rds_addr {
	char host[256]; /* or the path of a socket */
	int port; /* 0: a path */
};

enum rds_mode { RDS_SINGLE, RDS_SENTINEL, RDS_CLUSTER };

struct rds_conf {
	const char *scheme; /* for texts */
	enum rds_mode mode;
	struct rds_addr host[RDS_HOSTS]; /* server, sentinels, or nodes */
	size_t nhosts;
	char *user, *password, *master; /* ours, wiped; or NULL */
	char prefix[RDS_PREFIX_BYTES + 1];
	int db, wait;
	int timeout_ms;
	int evicts; /* any maxmemory-policy will do */
	int insecure;
	size_t max_bytes;
};

/* One server. */
struct rds_link {
	struct rds_addr addr;
	redisContext *c; /* NULL: not connected */
	int fixed; /* the program's own: neither opened nor closed here */
	int used; /* by the cluster's map */
	unsigned born; /* how often it was connected */
	char in[16384]; /* what was received; not set to zeros for each */
};

/* Words of a command, as they are sent. */
struct rds_cmd {
	char *p;
	size_t len, max;
	int bad; /* out of memory */
};

struct rds {
	struct rds_conf conf;
	struct rds_link **link; /* [0]: the server, or the master */
	size_t nlinks;
	uint16_t *map; /* cluster: whose a slot is; RDS_NOBODY */
	struct rds_cmd cmd;
	char owed[RDS_KEY_BYTES]; /* written, but replicas did not say so */
};

enum { RDS_NOBODY = 0xffff };

struct rds_script {
	const char *sha, *text;
};

/* p and more are one. */
struct rds_word {
	const void *p;
	size_t n;
	const void *more;
	size_t nmore;
};

enum { RDS_ONCE = 1, RDS_AGAIN };

/* One command: plain words, or a script's keys and arguments. */
struct rds_call {
	const char *op; /* for texts */
	const struct rds_script *script; /* NULL: words begin with its name */
	struct rds_word word[8];
	int nwords, nkeys;
	const char *key; /* whose slot it belongs to; NULL: see link */
	struct rds_link *link; /* NULL: by key */
	int reads; /* RDS_ONCE, or RDS_AGAIN: may be sent a second time */
	int waits; /* for conf.wait replicas */
};

/* redis_conf.c */
int rds_conf_read(struct rds_conf *out, struct sstate_conf *c,
    const char *scheme, void *handle, struct sstate_error *err);
void rds_conf_free(struct rds_conf *c);
/* Digits only; -1 for what is no number up to max. */
int rds_number(const char *p, size_t n, int max);
/* host[:port] or [address][:port]; the host may be empty. */
int rds_host_parse(struct rds_addr *out, const char *p, size_t n, int port);

/* redis_link.c: what is sent and what comes back */
void rds_begin(struct rds_cmd *cmd, int nwords);
void rds_put(struct rds_cmd *cmd, const struct rds_word *w);
void rds_str(struct rds_cmd *cmd, const char *s);

enum { RDS_HELLO_SENTINEL = 1 }; /* it is a sentinel that is greeted */

int rds_link_up(struct rds_link *l, const struct rds *r, const char *op,
    int how, struct sstate_error *err);
/* For a connection that the program made: only what is asked of any. */
int rds_link_greet(struct rds_link *l, const struct rds *r, const char *op,
    struct sstate_error *err);
void rds_link_drop(struct rds_link *l);
/* Nothing came unasked, and nobody hung up. */
int rds_link_idle(struct rds_link *l);
/* 0, or -1 and errno: not all was written, so no server ran it. */
int rds_link_send(struct rds_link *l, const struct rds_cmd *cmd);
/* 0, or -1 and errno: no whole answer; ETIMEDOUT: the time is over. */
int rds_link_recv(redisReply **out, struct rds_link *l, int timeout_ms);
/* An error reply as one of our codes, in our words: its own may tell a key. */
int rds_refused(const struct rds_conf *c, const char *op, const redisReply *re,
    struct sstate_error *err);
int rds_is(const redisReply *re, const char *word);

/* redis_call.c */
int rds_call(redisReply **out, struct rds *r, const struct rds_call *call,
    struct sstate_error *err);
/* A reply that makes no sense. */
int rds_strange(const struct rds *r, const char *op, struct sstate_error *err);
/* A link for an address, found or made; NULL: no memory. */
struct rds_link *rds_link_for(struct rds *r, const struct rds_addr *a);

/* redis_cluster.c */
unsigned rds_slot(const char *key);
int rds_map_load(struct rds *r, const char *op, struct sstate_error *err);
int rds_map_find(struct rds_link **out, struct rds *r, const char *key,
    const char *op, struct sstate_error *err);
/* "MOVED 3999 host:port" and ASK, said by from; NULL: it is none. */
struct rds_link *rds_map_told(struct rds *r, const struct rds_link *from,
    const redisReply *re);

/* Each master, until one is not 0: all of a cluster, or the only one. */
int rds_servers(struct rds *r, const char *op,
    int (*fn)(void *arg, struct rds_link *l), void *arg,
    struct sstate_error *err);

/* redis_sentinel.c */
int rds_master_up(struct rds *r, const char *op, struct sstate_error *err);

/* redis_script.c */
extern const struct rds_script rds_create, rds_replace, rds_remove, rds_index,
    rds_latest, rds_touch;

/* redis_record.c */
enum rds_kind { RDS_RECORD = 'r', RDS_USER = 'u' };
/* prefix kind : ns : hex; out holds RDS_KEY_BYTES.  R-96 */
int rds_key(char *out, const struct rds *r, enum rds_kind kind, const char *ns,
    const unsigned char *id, size_t n, const char *op,
    struct sstate_error *err);
/* The RDS_HEAD_BYTES before the body. */
int rds_pack(unsigned char *p, const struct rds *r,
    const struct sstate_record *rec, const char *op, struct sstate_error *err);
/* -1: it is not what was written, or not all of it. */
int rds_unpack(struct sstate_record *out, const redisReply *re);

/* redis_each.c */
int rds_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err);

/* redis_count.c */
int rds_count(uint64_t *about, void *ctx, const char *ns,
    struct sstate_error *err);

#endif
