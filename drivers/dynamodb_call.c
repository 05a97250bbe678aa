/*
 * dynamodb_call.c - one action of a DynamoDB, and what its answer means
 *
 * Invariant: SSTATE_EBUSY is what certainly was not written.  What the server
 * says is in no text: it may repeat a key or what was signed.
 */
#include <stdlib.h>
#include <string.h>

#include "dynamodb.h"

static const struct {
	const char *type;
	int code;
	const char *text;
} says[] = {
	{ "ConditionalCheckFailedException", SSTATE_ECONFLICT, NULL },
	{ "ResourceInUseException", SSTATE_EEXIST, NULL },
	{ "ProvisionedThroughputExceededException", SSTATE_EBUSY,
	    "the table's capacity is used up, not written" },
	{ "ThrottlingException", SSTATE_EBUSY, "throttled, not written" },
	{ "RequestLimitExceeded", SSTATE_EBUSY,
	    "the account's capacity is used up, not written" },
	{ "ReplicatedWriteConflictException", SSTATE_EBUSY,
	    "another region writes this, not written" },
	{ "TransactionConflictException", SSTATE_EBUSY,
	    "a transaction holds this, not written" },
	{ "ResourceNotFoundException", SSTATE_ESTORE,
	    "no table: securestate store init URI makes it" },
	{ "UnrecognizedClientException", SSTATE_ESTORE,
	    "the access key or the session token is not known" },
	{ "InvalidSignatureException", SSTATE_ESTORE,
	    "the signature is refused: secret key, region or clock" },
	{ "IncompleteSignatureException", SSTATE_ESTORE,
	    "the signature is refused" },
	{ "MissingAuthenticationTokenException", SSTATE_ESTORE,
	    "the signature is missed" },
	{ "ExpiredTokenException", SSTATE_ESTORE,
	    "the session token has expired" },
	{ "AccessDeniedException", SSTATE_ESTORE, "this key may not do that" },
	{ "ItemCollectionSizeLimitExceededException", SSTATE_ETOOBIG,
	    "over the server's limit, not written" },
};

int
ddb_strange(const char *op, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "dynamodb: %s: a strange answer", op);
}

/* "com.amazonaws...#TYPE", without what is before. */
static const char *
type_of(const json_t *j)
{
	const char *type = json_string_value(json_object_get(j, "__type"));
	const char *p = type != NULL ? strrchr(type, '#') : NULL;

	return p != NULL ? p + 1 : type != NULL ? type : "";
}

static int
refused(long status, const json_t *j, const char *op, struct sstate_error *err)
{
	const char *type = type_of(j), *text;
	size_t i;

	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strcmp(type, says[i].type) == 0) {
			if (says[i].text == NULL)
				return says[i].code; /* an answer */
			return sstate_fail(err, says[i].code, 0,
			    "dynamodb: %s: %s", op, says[i].text);
		}
	text = json_string_value(json_object_get(j, "message"));
	if (strcmp(type, "ValidationException") == 0 && text != NULL &&
	    strstr(text, "tem size") != NULL)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "dynamodb: %s: over the server's limit, not written", op);
	if (status == 413)
		return sstate_fail(err, SSTATE_ETOOBIG, 0,
		    "dynamodb: %s: over the server's limit, not written", op);
	/* After 5xx it may have been written. */
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "dynamodb: %s: the server says %ld", op, status);
}

static int
act(json_t **out, long *status, struct ddb *d, const char *action, json_t *req,
    int reads, const char *op, struct sstate_error *err)
{
	char *body = req != NULL ? json_dumps(req, JSON_COMPACT) : NULL;
	int r;

	*out = NULL;
	*status = 0;
	json_decref(req);
	if (body == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "dynamodb: %s", op);
	r = ddb_http_post(status, d, action, body, reads, op, err);
	free(body);
	if (r != 0)
		return r;
	*out = json_loadb(d->got != NULL ? d->got : "", d->len, 0, NULL);
	return 0;
}

int
ddb_call(json_t **out, struct ddb *d, const char *action, json_t *req,
    int reads, const char *op, struct sstate_error *err)
{
	long status;
	json_t *j;
	int r;

	*out = NULL;
	if ((r = act(&j, &status, d, action, req, reads, op, err)) != 0)
		return r;
	if (status == 200 && json_is_object(j)) {
		*out = j;
		return 0;
	}
	r = status == 200 ? ddb_strange(op, err) : refused(status, j, op, err);
	json_decref(j);
	return r;
}

int
ddb_describe(json_t **out, struct ddb *d, struct sstate_error *err)
{
	static const char op[] = "open";
	long status;
	json_t *j;
	int r;

	*out = NULL;
	if ((r = act(&j, &status, d, "DescribeTable",
		 json_pack("{s:s}", "TableName", d->table), DDB_READS, op,
		 err)) != 0)
		return r;
	if (status == 200 && json_is_object(j)) {
		*out = j;
		return 0;
	}
	if (strcmp(type_of(j), "ResourceNotFoundException") == 0)
		r = SSTATE_ENOTFOUND;
	else
		r = status == 200 ? ddb_strange(op, err)
				  : refused(status, j, op, err);
	json_decref(j);
	return r;
}
