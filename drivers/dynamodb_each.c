/*
 * dynamodb_each.c - all records of a namespace, or one user's
 *
 * A namespace is listed by a scan of the table, page by page.  A user's
 * entries may name what is not his any more, or is gone.
 *
 * Invariant: a record is shown once, and only if it is what was asked for
 * now: entries and records are read consistently.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "dynamodb.h"

struct walk {
	struct ddb *d;
	struct sstate_key key; /* ns; id: of the one that is shown */
	const unsigned char *tag;
	sstate_each_fn *fn;
	void *arg;
	struct sstate_error *err;
};

int
ddb_fetch(json_t **item, struct ddb *d, const char *pk, const char *sk,
    const char *op, struct sstate_error *err)
{
	json_t *out;
	int r;

	*item = NULL;
	if ((r = ddb_call(&out, d, "GetItem",
		 json_pack("{s:s, s:b, s:o}", "TableName", d->table,
		     "ConsistentRead", 1, "Key", ddb_item_key(pk, sk)),
		 DDB_READS, op, err)) != 0)
		return r;
	*item = json_incref(json_object_get(out, "Item"));
	json_decref(out);
	return *item != NULL ? 0 : SSTATE_ENOTFOUND;
}

static int
show(struct walk *w, const char *hex, const json_t *item)
{
	struct sstate_record rec;
	int64_t until;
	char *body;
	int r = 0;

	if (ddb_unhex(w->key.id, hex) != 0 ||
	    ddb_record(&rec, &body, &until, item) != 0)
		return sstate_fail(w->err, SSTATE_ESTORE, 0,
		    "dynamodb: each: a damaged record");
	if (w->tag == NULL || memcmp(rec.tag, w->tag, sizeof(rec.tag)) == 0)
		r = w->fn(w->arg, &w->key, &rec);
	free(body);
	return r;
}

/* What an entry names. */
static int
named(struct walk *w, const char *hex)
{
	char pk[DDB_KEY_BYTES];
	json_t *item;
	int r;

	if (ddb_unhex(w->key.id, hex) != 0)
		return ddb_strange("each", w->err);
	if ((r = ddb_key(pk, DDB_RECORD, w->key.ns, w->key.id,
		 sizeof(w->key.id), "each", w->err)) != 0)
		return r;
	r = ddb_fetch(&item, w->d, pk, "r", "each", w->err);
	if (r == SSTATE_ENOTFOUND)
		return 0; /* gone, or not there yet */
	if (r == 0)
		r = show(w, hex, item);
	json_decref(item);
	return r;
}

static int
page(struct walk *w, const char *prefix, const json_t *out)
{
	const json_t *items = json_object_get(out, "Items"), *item;
	size_t i, n = strlen(prefix);
	const char *name;
	int r = 0;

	if (!json_is_array(items))
		return ddb_strange("each", w->err);
	for (i = 0; i < json_array_size(items) && r == 0; i++) {
		item = json_array_get(items, i);
		name = ddb_text(item, w->tag != NULL ? "sk" : "pk", "S");
		if (name == NULL)
			r = ddb_strange("each", w->err);
		else if (w->tag != NULL)
			r = named(w, name);
		else if (strncmp(name, prefix, n) == 0)
			r = show(w, name + n, item);
	}
	return r;
}

/* Query: the entries of a user; Scan: all that begins so. */
static json_t *
request(const struct walk *w, const char *name, const json_t *from)
{
	json_t *req = json_pack("{s:s, s:b, s:s, s:{s:o}}", "TableName",
	    w->d->table, "ConsistentRead", 1,
	    w->tag != NULL ? "KeyConditionExpression" : "FilterExpression",
	    w->tag != NULL ? "pk = :p" : "begins_with(pk, :p)",
	    "ExpressionAttributeValues", ":p", ddb_s(name));

	if (req != NULL && from != NULL &&
	    json_object_set_new(req, "ExclusiveStartKey",
		json_deep_copy(from)) != 0) {
		json_decref(req);
		return NULL;
	}
	return req;
}

int
ddb_each(void *ctx, const char *ns, const unsigned char *tag,
    sstate_each_fn *fn, void *arg, struct sstate_error *err)
{
	struct walk w = { ctx, { { 0 }, ns }, tag, fn, arg, err };
	json_t *out = NULL, *req;
	const json_t *from = NULL;
	char name[DDB_KEY_BYTES];
	int r;

	if ((r = ddb_key(name, tag != NULL ? DDB_USER : DDB_RECORD, ns, tag,
		 tag != NULL ? SSTATE_TAG_BYTES : 0, "each", err)) != 0)
		return r;
	do {
		req = request(&w, name, from);
		json_decref(out);
		out = NULL;
		r = ddb_call(&out, w.d, tag != NULL ? "Query" : "Scan", req,
		    DDB_READS, "each", err);
		if (r != 0)
			break;
		r = page(&w, name, out);
		from = json_object_get(out, "LastEvaluatedKey");
	} while (r == 0 && from != NULL);
	json_decref(out);
	return r;
}
