/*
 * dynamodb_table.c - making the table of a dynamodb: store
 *
 * Invariant: what is there already is not changed, and the wait for what is
 * being made ends.
 */
#include <string.h>
#include <time.h>

#include "dynamodb.h"

enum { SECONDS = 120, NAP_MS = 250 };

static json_t *
key_part(const char *name, const char *type)
{
	return json_pack("{s:s, s:s}", "AttributeName", name, "KeyType", type);
}

static json_t *
attribute(const char *name)
{
	return json_pack("{s:s, s:s}", "AttributeName", name, "AttributeType",
	    "S");
}

static int
create(struct ddb *d, struct sstate_error *err)
{
	json_t *out;
	int r;

	r = ddb_call(&out, d, "CreateTable",
	    json_pack("{s:s, s:s, s:[o, o], s:[o, o]}", "TableName", d->table,
		"BillingMode", "PAY_PER_REQUEST", "AttributeDefinitions",
		attribute("pk"), attribute("sk"), "KeySchema",
		key_part("pk", "HASH"), key_part("sk", "RANGE")),
	    DDB_WRITES, "open", err);
	json_decref(out);
	return r;
}

/* ACTIVE and with our keys: 0; not yet: SSTATE_EBUSY. */
static int
state_of(const json_t *out, struct sstate_error *err)
{
	const json_t *t = json_object_get(out, "Table"), *keys, *k;
	const char *s = json_string_value(json_object_get(t, "TableStatus"));
	static const char *const ours[] = { "pk", "sk" };
	const char *name;
	size_t i;

	keys = json_object_get(t, "KeySchema");
	for (i = 0; i < 2; i++) {
		k = json_array_get(keys, i);
		name = json_string_value(json_object_get(k, "AttributeName"));
		if (json_array_size(keys) != 2 || name == NULL ||
		    strcmp(name, ours[i]) != 0)
			return sstate_fail(err, SSTATE_ESTORE, 0,
			    "dynamodb: open: that table is somebody else's");
	}
	if (s != NULL &&
	    (strcmp(s, "ACTIVE") == 0 || strcmp(s, "UPDATING") == 0))
		return 0;
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "dynamodb: open: the table is not ready yet");
}

int
ddb_table_make(struct ddb *d, struct sstate_error *err)
{
	const struct timespec nap = { 0, NAP_MS * 1000000L };
	struct timespec began, now;
	int r, made = 0, wait;
	json_t *out;

	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	do {
		r = ddb_describe(&out, d, err);
		wait = 0;
		if (r == 0) {
			r = state_of(out, err);
			wait = r == SSTATE_EBUSY;
		} else if (r == SSTATE_ENOTFOUND && !made) {
			/* Another process may make it, too. */
			r = create(d, err);
			wait = made = r == 0 || r == SSTATE_EEXIST;
		} else if (r == SSTATE_ENOTFOUND) {
			/* It may take a moment until that is known. */
			r = sstate_fail(err, SSTATE_EBUSY, 0,
			    "dynamodb: open: the table is not made");
			wait = 1;
		}
		json_decref(out);
		if (!wait)
			return r;
		(void)nanosleep(&nap, NULL);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - began.tv_sec < SECONDS);
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "dynamodb: open: the table is not ready yet");
}
