/*
 * memcached.h - what the files of the memcached: driver share
 *
 *	memcached.c		the table: what each slot says
 *	memcached_conf.c	what the URI says, and which servers there are
 *	memcached_link.c	one connection: written to, read from, in time
 *	memcached_call.c	one command and its answer
 *
 * libmemcached says which server a key belongs to, so that its tools find
 * it; the connections are ours.  Its own shut the socket when they are freed,
 * which in a forked child hangs up on the parent, and it does not tell a
 * command that was not sent from one that was not answered.
 *
 * Invariant: a command that was sent is sent again only if it is a read, and
 * a key's server is the same whether that server is up or not.
 */
#ifndef MEMCACHED_H
#define MEMCACHED_H

#include <stddef.h>
#include <stdint.h>

#include <libmemcached/memcached.h>

#include <securestate/store.h>

enum {
	MCD_PREFIX_BYTES = 64,
	MCD_NS_BYTES = 32,
	/* prefix, "r:", namespace, ':', 64 digits, NUL; a server takes 250 */
	MCD_KEY_BYTES =
	    MCD_PREFIX_BYTES + MCD_NS_BYTES + 4 + 2 * SSTATE_ID_BYTES,
	MCD_HEAD_BYTES = 40, /* before a record's body */
	MCD_HOSTS = 64,
};

struct mcd_link {
	char host[256]; /* or the path of a socket */
	int port; /* 0: a path */
	int fd; /* -1: not connected */
	unsigned ended; /* connections before this one */
	char *buf; /* what came: from pos to len it was not taken yet */
	size_t pos, len, max;
};

/* Which value it was, to the server behind one connection. */
struct mcd_mark {
	uint64_t cas;
	unsigned ended;
};

struct mcd {
	memcached_st *pool;
	int given; /* the pool is the program's */
	struct mcd_link *link; /* in the pool's order */
	size_t nlinks;
	char prefix[MCD_PREFIX_BYTES + 1];
	int timeout_ms;
	size_t max_bytes;
	/* What was read last: to be replaced without another look. */
	struct {
		char key[MCD_KEY_BYTES]; /* "": nothing */
		uint64_t rev;
		struct mcd_mark mark;
	} known;
};

/* memcached_conf.c */
int mcd_conf_read(struct mcd *m, struct sstate_conf *c,
    struct sstate_error *err);

/* memcached_link.c: 0, or -1 and errno */
int64_t mcd_until(int timeout_ms);
int mcd_link_up(struct mcd_link *l, int64_t until);
void mcd_link_drop(struct mcd_link *l);
/* Nothing came unasked, and nobody hung up. */
int mcd_link_idle(const struct mcd_link *l);

struct mcd_part {
	const void *p;
	size_t n;
};
enum { MCD_PARTS = 4 };

int mcd_link_send(struct mcd_link *l, const struct mcd_part *part, size_t n,
    int64_t until);
/* A line without its end, and then NUL; n octets without theirs.  Until the
 * next of these. */
int mcd_link_line(char **line, struct mcd_link *l, int64_t until);
int mcd_link_data(char **p, struct mcd_link *l, size_t n, int64_t until);

/* memcached_call.c */
struct mcd_value {
	const char *p; /* until the next command to that server */
	size_t n;
	struct mcd_mark mark;
};

enum mcd_said {
	MCD_DONE,
	MCD_NOT_STORED,
	MCD_EXISTS,
	MCD_NOT_FOUND,
	MCD_UNKNOWN /* not sent: the mark is of a connection that ended */
};

/* SSTATE_ENOTFOUND; or found. */
int mcd_gets(struct mcd_value *out, struct mcd *m, const char *key,
    const char *op, struct sstate_error *err);
/* "add", or "cas" with what gets told: was. */
int mcd_store(enum mcd_said *said, struct mcd *m, const char *key,
    const struct mcd_mark *was, int64_t exptime, const struct mcd_part value[2],
    const char *op, struct sstate_error *err);
int mcd_delete(enum mcd_said *said, struct mcd *m, const char *key,
    const char *op, struct sstate_error *err);
/* Items of a server; SSTATE_EBUSY: it is down. */
int mcd_items(uint64_t *out, struct mcd *m, struct mcd_link *l, const char *op,
    struct sstate_error *err);

#endif
