/*
 * dynamodb.h - what the files of the dynamodb: driver share
 *
 *	dynamodb.c	the table: what each slot says
 *	dynamodb_conf.c	what the URI and the environment say
 *	dynamodb_http.c	one request by libcurl, which signs it
 *	dynamodb_call.c	one action: what its answer means
 *	dynamodb_json.c	records as items, and back
 *	dynamodb_each.c	listings
 *	dynamodb_table.c making the table
 *
 * Invariant: a request that writes leaves once.
 */
#ifndef DYNAMODB_H
#define DYNAMODB_H

#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <jansson.h>

#include <securestate/store.h>

enum {
	DDB_NS_BYTES = 32,
	/* kind, ':', namespace, ':', 64 digits, NUL */
	DDB_KEY_BYTES = DDB_NS_BYTES + 4 + 2 * SSTATE_ID_BYTES,
	/* An item has 400 KiB, with its names and all that is not the body. */
	DDB_MAX_BYTES = (400 << 10) - 1024,
	DDB_SOCKETS = 16,
	DDB_DAY = 86400,
};

/* What get saw last, or a change left: saves the user's entry. */
struct ddb_last {
	unsigned char id[SSTATE_ID_BYTES], tag[SSTATE_TAG_BYTES];
	uint64_t rev; /* 0: nothing */
	int64_t until; /* the entry of that tag stays so long, at least */
};

struct ddb {
	char url[320], sign[64], table[256];
	char *token; /* of temporary credentials; wiped; or NULL */
	int timeout_ms;
	size_t max_bytes;
	CURL *curl;
	int fd[DDB_SOCKETS]; /* -1: none */
	struct ddb_last last;

	/* Of the request on its way. */
	int reads, sent;
	char *got;
	size_t len, max;
};

/* dynamodb_conf.c */
int ddb_conf_read(struct ddb *d, struct sstate_conf *c,
    struct sstate_error *err);
/* Of URI and environment, into the curl handle; after ddb_http_open(). */
int ddb_conf_login(struct ddb *d, struct sstate_conf *c,
    struct sstate_error *err);

/* dynamodb_http.c */
int ddb_http_open(struct ddb *d, struct sstate_error *err);
void ddb_http_close(struct ddb *d);
/* In a child: the sockets are its parent's. */
void ddb_http_abandon(struct ddb *d);
/* The status, and d->got of d->len octets; or a code. */
int ddb_http_post(long *status, struct ddb *d, const char *action,
    const char *body, int reads, const char *op, struct sstate_error *err);

/* dynamodb_call.c */
enum { DDB_WRITES, DDB_READS };
/* req is freed; NULL: no memory.  SSTATE_ECONFLICT: the condition failed;
 * SSTATE_EEXIST: that table is there. */
int ddb_call(json_t **out, struct ddb *d, const char *action, json_t *req,
    int reads, const char *op, struct sstate_error *err);
int ddb_strange(const char *op, struct sstate_error *err);
/* SSTATE_ENOTFOUND: no such table. */
int ddb_describe(json_t **out, struct ddb *d, struct sstate_error *err);

/* dynamodb_json.c */
enum ddb_kind { DDB_RECORD = 'r', DDB_USER = 'u' };
/* kind : ns : hex; out holds DDB_KEY_BYTES.  R-96 */
int ddb_key(char *out, enum ddb_kind kind, const char *ns,
    const unsigned char *id, size_t n, const char *op,
    struct sstate_error *err);
/* {"S": s}, {"N": "v"}, {"B": "..."}; NULL: no memory */
json_t *ddb_s(const char *s);
json_t *ddb_n(uint64_t v);
json_t *ddb_b(const void *p, size_t n);
json_t *ddb_item_key(const char *pk, const char *sk);
json_t *ddb_item(const char *pk, const struct sstate_record *rec, int64_t ttl,
    int64_t until);
/* What an attribute is, or NULL. */
const char *ddb_text(const json_t *item, const char *name, const char *type);
int ddb_number(uint64_t *out, const json_t *item, const char *name);
/* The body is *body, to be freed; -1: it is not what was written. */
int ddb_record(struct sstate_record *out, char **body, int64_t *until,
    const json_t *item);
int ddb_unhex(unsigned char *out, const char *p);

/* dynamodb_each.c */
int ddb_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err);
/* The item of a key, read consistently; SSTATE_ENOTFOUND.  json_decref(). */
int ddb_fetch(json_t **item, struct ddb *d, const char *pk, const char *sk,
    const char *op, struct sstate_error *err);

/* dynamodb_table.c */
int ddb_table_make(struct ddb *d, struct sstate_error *err);

#endif
