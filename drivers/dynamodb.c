/*
 * dynamodb.c - the `dynamodb:` store: one table of Amazon DynamoDB, or of a
 * server that speaks like it
 *
 *	pk r:NS:HEX  sk r	a record: body, rev, expires, ttl, and with a
 *				tag: tag, until
 *	pk u:NS:HEX  sk HEX	a user's entry: ttl
 *	pk clock     sk clock	the latest time that anybody saw: rev
 *
 * Items of the base table alone, for a secondary index lags.  The table's
 * time to live is to be set to the attribute ttl, and costs nothing; it comes
 * a second after a record's end, and until then at the earliest for an entry.
 *
 * Invariant: a user's entry is there before the record has his tag, and is
 * there until the record's ttl, for its own is only ever put off; nobody else
 * removes it, so none who removes is late.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver.h"
#include "dynamodb.h"

enum {
	WHENEVER = 400 * DDB_DAY, /* after the last write, without an end */
	CLOCK_STEP = 10, /* seconds; not each of them is written */
	CLOCK_TRIES = 16,
};

/* A day is added to it. */
#define LATEST_TTL (INT64_MAX - INT64_C(2) * DDB_DAY)

/* ---- Users' entries --------------------------------------------------- */

static int64_t
ttl_of(const struct sstate_record *rec)
{
	if (rec->expires == 0)
		return (int64_t)time(NULL) + WHENEVER;
	return rec->expires < LATEST_TTL ? rec->expires + 1 : LATEST_TTL;
}

/* It stays until then, or later; a condition that fails says it does. */
static int
entry(struct ddb *d, const struct sstate_key *key, const unsigned char *tag,
    int64_t until, const char *op, struct sstate_error *err)
{
	char pk[DDB_KEY_BYTES], sk[2 * SSTATE_ID_BYTES + 1];
	json_t *out;
	int r;

	if ((r = ddb_key(pk, DDB_USER, key->ns, tag, SSTATE_TAG_BYTES, op,
		 err)) != 0)
		return r;
	driver_hex(sk, key->id, sizeof(key->id));
	r = ddb_call(&out, d, "UpdateItem",
	    json_pack("{s:s, s:o, s:s, s:s, s:{s:s}, s:{s:o}}", "TableName",
		d->table, "Key", ddb_item_key(pk, sk), "UpdateExpression",
		"SET #t = :t", "ConditionExpression",
		"attribute_not_exists(pk) OR #t < :t",
		"ExpressionAttributeNames", "#t", "ttl",
		"ExpressionAttributeValues", ":t", ddb_n((uint64_t)until)),
	    DDB_WRITES, op, err);
	json_decref(out);
	return r == SSTATE_ECONFLICT ? 0 : r;
}

/*
 * The entry, before the record: a day ahead, and the record says so, so that
 * not each renewal writes it.
 */
static int
indexed(int64_t *until, struct ddb *d, const struct sstate_key *key,
    uint64_t expected, const struct sstate_record *rec, const char *op,
    struct sstate_error *err)
{
	const struct ddb_last *l = &d->last;
	int64_t ttl = ttl_of(rec);

	*until = 0;
	if (!driver_has_tag(rec->tag))
		return 0;
	if (expected != 0 && l->rev == expected && l->until >= ttl &&
	    memcmp(l->id, key->id, sizeof(l->id)) == 0 &&
	    memcmp(l->tag, rec->tag, sizeof(l->tag)) == 0) {
		*until = l->until;
		return 0;
	}
	*until = ttl + DDB_DAY;
	return entry(d, key, rec->tag, *until, op, err);
}

static void
remember(struct ddb *d, const struct sstate_key *key,
    const struct sstate_record *rec, int64_t until)
{
	memcpy(d->last.id, key->id, sizeof(d->last.id));
	memcpy(d->last.tag, rec->tag, sizeof(d->last.tag));
	d->last.rev = rec->rev;
	d->last.until = until;
}

/* ---- Slots ------------------------------------------------------------ */

static int
dynamodb_get(void *ctx, const struct sstate_key *key, sstate_found_fn *found,
    void *arg, struct sstate_error *err)
{
	char pk[DDB_KEY_BYTES], *body;
	struct sstate_record rec;
	struct ddb *d = ctx;
	int64_t until;
	json_t *item;
	int r;

	if ((r = ddb_key(pk, DDB_RECORD, key->ns, key->id, sizeof(key->id),
		 "get", err)) != 0 ||
	    (r = ddb_fetch(&item, d, pk, "r", "get", err)) != 0)
		return r;
	r = ddb_record(&rec, &body, &until, item);
	json_decref(item);
	if (r != 0)
		return sstate_fail(err, SSTATE_ESTORE, 0,
		    "dynamodb: get: a damaged record");
	remember(d, key, &rec, until);
	r = found(arg, &rec);
	free(body);
	return r;
}

/* "rev = :e", or that there is none. */
static json_t *
put(const struct ddb *d, const char *pk, uint64_t expected,
    const struct sstate_record *rec, int64_t until)
{
	json_t *req =
	    json_pack("{s:s, s:o, s:s}", "TableName", d->table, "Item",
		ddb_item(pk, rec, ttl_of(rec), until), "ConditionExpression",
		expected == 0 ? "attribute_not_exists(pk)" : "rev = :e");

	if (req != NULL && expected != 0 &&
	    json_object_set_new(req, "ExpressionAttributeValues",
		json_pack("{s:o}", ":e", ddb_n(expected))) != 0) {
		json_decref(req);
		return NULL;
	}
	return req;
}

/* expected 0: none is there.  SSTATE_ECONFLICT: that is not so. */
static int
write_record(struct ddb *d, const struct sstate_key *key, const char *pk,
    uint64_t expected, const struct sstate_record *rec, const char *op,
    struct sstate_error *err)
{
	int64_t until;
	json_t *out;
	int r;

	if (rec->body.len > d->max_bytes)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "dynamodb: %s: %zu bytes, over max_bytes", op,
		    rec->body.len);
	if ((r = indexed(&until, d, key, expected, rec, op, err)) != 0)
		return r;
	d->last.rev = 0;
	if ((r = ddb_call(&out, d, "PutItem", put(d, pk, expected, rec, until),
		 DDB_WRITES, op, err)) == 0)
		remember(d, key, rec, until);
	json_decref(out);
	return r;
}

static int
dynamodb_create(void *ctx, const struct sstate_key *key,
    const struct sstate_record *rec, struct sstate_error *err)
{
	char pk[DDB_KEY_BYTES];
	int r;

	if ((r = ddb_key(pk, DDB_RECORD, key->ns, key->id, sizeof(key->id),
		 "create", err)) != 0)
		return r;
	r = write_record(ctx, key, pk, 0, rec, "create", err);
	return r == SSTATE_ECONFLICT ? SSTATE_EEXIST : r;
}

static int
dynamodb_replace(void *ctx, const struct sstate_key *key, uint64_t expected,
    const struct sstate_record *rec, struct sstate_error *err)
{
	char pk[DDB_KEY_BYTES];
	json_t *item = NULL;
	int r;

	if ((r = ddb_key(pk, DDB_RECORD, key->ns, key->id, sizeof(key->id),
		 "replace", err)) != 0)
		return r;
	/* No record has it: 0 would ask for none to be there. */
	r = expected == 0
	    ? SSTATE_ECONFLICT
	    : write_record(ctx, key, pk, expected, rec, "replace", err);
	if (r != SSTATE_ECONFLICT)
		return r;
	/* Another revision, or none: a look tells. */
	r = ddb_fetch(&item, ctx, pk, "r", "replace", err);
	json_decref(item);
	return r == 0 ? SSTATE_ECONFLICT : r;
}

static int
dynamodb_remove(void *ctx, const struct sstate_key *key, uint64_t expected,
    struct sstate_error *err)
{
	char pk[DDB_KEY_BYTES];
	struct ddb *d = ctx;
	json_t *req, *out;
	int r;

	if ((r = ddb_key(pk, DDB_RECORD, key->ns, key->id, sizeof(key->id),
		 "remove", err)) != 0)
		return r;
	if (expected == SSTATE_ANY_REV)
		req = json_pack("{s:s, s:o}", "TableName", d->table, "Key",
		    ddb_item_key(pk, "r"));
	else
		req =
		    json_pack("{s:s, s:o, s:s, s:{s:o}}", "TableName", d->table,
			"Key", ddb_item_key(pk, "r"), "ConditionExpression",
			"attribute_not_exists(pk) OR rev = :e",
			"ExpressionAttributeValues", ":e", ddb_n(expected));
	r = ddb_call(&out, d, "DeleteItem", req, DDB_WRITES, "remove", err);
	json_decref(out);
	return r;
}

static int
dynamodb_latest(int64_t *seen, void *ctx, int64_t now, struct sstate_error *err)
{
	struct ddb *d = ctx;
	json_t *item, *out;
	uint64_t had;
	int i, r;

	*seen = now;
	for (i = 0; i < CLOCK_TRIES; i++) {
		r = ddb_fetch(&item, d, "clock", "clock", "latest", err);
		if (r != 0 && r != SSTATE_ENOTFOUND)
			return r;
		had = 0;
		if (r == 0 &&
		    (ddb_number(&had, item, "rev") != 0 || had > INT64_MAX)) {
			json_decref(item);
			return ddb_strange("latest", err);
		}
		json_decref(item);
		if (r == 0 && (int64_t)had >= now)
			*seen = (int64_t)had;
		if (r == 0 && (int64_t)had > now - CLOCK_STEP)
			return 0;
		r = ddb_call(&out, d, "UpdateItem",
		    json_pack("{s:s, s:o, s:s, s:s, s:{s:o}}", "TableName",
			d->table, "Key", ddb_item_key("clock", "clock"),
			"UpdateExpression", "SET rev = :n",
			"ConditionExpression",
			"attribute_not_exists(pk) OR rev < :n",
			"ExpressionAttributeValues", ":n",
			ddb_n((uint64_t)(now > 0 ? now : 0))),
		    DDB_WRITES, "latest", err);
		json_decref(out);
		if (r != SSTATE_ECONFLICT)
			return r;
	}
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "dynamodb: latest: others wrote it each time");
}

/* ---- Contexts --------------------------------------------------------- */

static void
let_go(struct ddb *d)
{
	if (d->token != NULL)
		explicit_bzero(d->token, strlen(d->token));
	free(d->token);
	free(d);
}

static void
dynamodb_close(void *ctx)
{
	ddb_http_close(ctx);
	let_go(ctx);
}

static void
dynamodb_abandon(void *ctx)
{
	ddb_http_abandon(ctx);
	let_go(ctx);
}

/* Nothing is connected before it is used, but for create=1. */
static int
dynamodb_open(void **ctx, struct sstate_conf *conf, struct sstate_error *err)
{
	int64_t create;
	struct ddb *d;
	int r;

	*ctx = NULL;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "dynamodb: open");
	if ((r = sstate_conf_int(&create, conf, "create", 0, 0, 1, err)) == 0 &&
	    (r = ddb_conf_read(d, conf, err)) == 0 &&
	    (r = ddb_http_open(d, err)) == 0 &&
	    (r = ddb_conf_login(d, conf, err)) == 0 && create &&
	    (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0)
		r = ddb_table_make(d, err);
	if (r != 0) {
		dynamodb_close(d);
		return r;
	}
	*ctx = d;
	return 0;
}

SSTATE_DRIVER(dynamodb) = {
	.size = sizeof(struct sstate_driver),
	.abi = SSTATE_DRIVER_ABI,
	.caps = SSTATE_CAP_REMOTE | SSTATE_CAP_EXPIRE | SSTATE_CAP_DURABLE |
	    SSTATE_CAP_TAG | SSTATE_CAP_LINEAR,
	.scheme = "dynamodb",
	.open = dynamodb_open,
	.close = dynamodb_close,
	.get = dynamodb_get,
	.create = dynamodb_create,
	.replace = dynamodb_replace,
	.remove = dynamodb_remove,
	/* No reap: time to live is the table's. */
	.each = ddb_each,
	.abandon = dynamodb_abandon,
	.latest = dynamodb_latest,
	/* No count: what the server tells is six hours old. */
};
