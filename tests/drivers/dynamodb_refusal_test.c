/*
 * dynamodb_refusal_test.c - what the dynamodb: driver asks of a URI, and what
 * it makes of a server's refusals
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

#include "../../drivers/dynamodb.h"

static const struct sstate_driver *const d = &sstate_driver_v1_dynamodb;
static struct dkit k;

/* Does the open fail so, and say nothing of the secret? */
static int
refused(const char *uri, int code, const char *words)
{
	struct sstate_error err;
	void *ctx = dkit_open(uri, &err);
	int good = ctx == NULL && err.code == code &&
	    strstr(err.text, words) != NULL &&
	    strstr(err.text, "hunter2") == NULL;

	if (!good)
		printf("# %s: %d %s\n", uri, err.code, err.text);
	dkit_close(ctx);
	return good;
}

static int
opens(const char *uri)
{
	struct sstate_error err;
	void *ctx = dkit_open(uri, &err);

	if (ctx == NULL)
		printf("# %s: %d %s\n", uri, err.code, err.text);
	dkit_close(ctx);
	return ctx != NULL;
}

static void
uris(void)
{
	T(refused("dynamodb:/sessions", SSTATE_EINVAL, "no region") &&
		refused("dynamodb:/sessions?region=EU", SSTATE_EINVAL,
		    "region is") &&
		refused("dynamodb:/sessions?region=a%0d%0ax", SSTATE_EINVAL,
		    "region is"),
	    "a region");
	T(refused("dynamodb:?region=a", SSTATE_EINVAL, "no table") &&
		refused("dynamodb:/ab?region=a", SSTATE_EINVAL, "no table") &&
		refused("dynamodb:/a%22bc?region=a", SSTATE_EINVAL,
		    "no table") &&
		refused("dynamodb:/a/bc?region=a", SSTATE_EINVAL, "no table"),
	    "R-96 a table's name is of one alphabet");
	T(refused("dynamodb:/abc?region=a&max_bytes=408577", SSTATE_EINVAL,
	      "max_bytes") &&
		refused("dynamodb:/abc?region=a&timeout_ms=0", SSTATE_EINVAL,
		    "timeout_ms") &&
		refused("dynamodb:/abc?region=a&x=1", SSTATE_EINVAL, ""),
	    "numbers within bounds, and no parameter that it does not know");
	T(opens("dynamodb:/abc?region=a") &&
		opens("dynamodb://db.example.org/abc?region=a") &&
		opens("dynamodb:/abc?region=a&endpoint=https://db.example:8"),
	    "R-81 another host is reached by TLS: no need to permit it");
	T(refused("dynamodb:/abc?region=a&endpoint=http://db.example:8",
	      SSTATE_EUNSAFE, "TLS") &&
		opens("dynamodb:/abc?region=a&endpoint=http://db.example:8"
		      "&insecure=1") &&
		opens("dynamodb:/abc?region=a&endpoint=http://[::1]:8") &&
		refused("dynamodb:/abc?region=a&endpoint=http://[::1",
		    SSTATE_EINVAL, "endpoint"),
	    "R-81 without it only with insecure=1, or on this host");
	T(refused("dynamodb:/abc?region=a&endpoint=ftp://x", SSTATE_EINVAL,
	      "endpoint") &&
		refused("dynamodb:/abc?region=a&endpoint=http://u:p@127.0.0.1",
		    SSTATE_EINVAL, "endpoint") &&
		refused("dynamodb:/abc?region=a&endpoint=http://127.0.0.1/x",
		    SSTATE_EINVAL, "endpoint") &&
		refused("dynamodb://127.0.0.1/abc?region=a"
			"&endpoint=http://127.0.0.1",
		    SSTATE_EINVAL, "besides"),
	    "an endpoint is a scheme, a host and a port, and the only place");
	T(refused("dynamodb://x:hunter2%0d%0aH@127.0.0.1/abc?region=a",
	      SSTATE_EINVAL, "none") &&
		refused("dynamodb://a%2fb:hunter2@127.0.0.1/abc?region=a",
		    SSTATE_EINVAL, "none"),
	    "R-96 a key is one line");
	(void)unsetenv("AWS_SECRET_ACCESS_KEY");
	T(refused("dynamodb:/abc?region=a", SSTATE_EINVAL, "no access key") &&
		refused("dynamodb://hunter2@127.0.0.1/abc?region=a",
		    SSTATE_EINVAL, "no access key"),
	    "a key without a secret is none");
	(void)setenv("AWS_SECRET_ACCESS_KEY", DKIT_SECRET, 1);
}

/* A read and a write fail so. */
static int
both(const char *uri, int code, const char *words)
{
	struct sstate_error err;
	void *ctx = dkit_open(uri, &err);
	int good;

	if (ctx == NULL) {
		printf("# %s: %d %s\n", uri, err.code, err.text);
		return 0;
	}
	good = dkit_read(ctx, 1, &err) == code &&
	    (code == SSTATE_ENOTFOUND || strstr(err.text, words) != NULL) &&
	    strstr(err.text, "hunter2") == NULL;
	if (!good)
		printf("# %s: read: %d %s\n", uri, err.code, err.text);
	if (good && code != SSTATE_ENOTFOUND)
		good = dkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == code &&
		    strstr(err.text, words) != NULL;
	dkit_close(ctx);
	return good;
}

static void
keys(void)
{
	char uri[300];

	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://" DKIT_KEY ":hunter2@127.0.0.1:%d/sessions"
	    "?region=eu-test-1",
	    k.port);
	T(both(uri, SSTATE_ESTORE, "secret key"), "R-99 a wrong secret key");
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://NOBODY:hunter2@127.0.0.1:%d/sessions?region=eu-test-1",
	    k.port);
	T(both(uri, SSTATE_ESTORE, "not known"), "R-99 an unknown key");
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://127.0.0.1:%d/sessions?region=eu-test-2", k.port);
	T(both(uri, SSTATE_ESTORE, "region"), "R-99 a wrong region");
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://" DKIT_KEY ":wJalr%%2fK7+secret=of.the%%2fshop@"
	    "127.0.0.1:%d/sessions?region=eu-test-1",
	    k.port);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "another", 1);
	T(both(uri, SSTATE_ENOTFOUND, ""),
	    "the URI's own key goes before the environment's");
	(void)setenv("AWS_ACCESS_KEY_ID", DKIT_KEY2, 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", DKIT_SECRET2, 1);
	(void)setenv("AWS_SESSION_TOKEN", DKIT_TOKEN2, 1);
	T(both(k.uri, SSTATE_ENOTFOUND, ""), "a key with a session token");
	T(both(uri, SSTATE_ENOTFOUND, ""),
	    "whose token does not go with the URI's key");
	(void)unsetenv("AWS_SESSION_TOKEN");
	T(both(k.uri, SSTATE_ESTORE, "not known"), "R-99 and none without it");
	(void)setenv("AWS_ACCESS_KEY_ID", DKIT_KEY, 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", DKIT_SECRET, 1);
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://localhost:%d/sessions?region=eu-test-1", k.port);
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	T(both(uri, SSTATE_ENOTFOUND, ""), "no proxy of the environment's");
	(void)unsetenv("http_proxy");
}

/* What the server says of a write, and whether it was done. */
static void
faults(void)
{
	static const struct {
		const char *fault;
		int code;
		const char *words;
	} f[] = {
		{ "{\"action\":\"\",\"status\":400,\"type\":"
		  "\"ProvisionedThroughputExceededException\"}",
		    SSTATE_EBUSY, "capacity" },
		{ "{\"action\":\"\",\"status\":400,\"type\":"
		  "\"ThrottlingException\"}",
		    SSTATE_EBUSY, "throttled" },
		{ "{\"action\":\"\",\"status\":400,\"type\":"
		  "\"RequestLimitExceeded\"}",
		    SSTATE_EBUSY, "account" },
		{ "{\"action\":\"\",\"status\":400,\"type\":"
		  "\"AccessDeniedException\"}",
		    SSTATE_ESTORE, "may not" },
		{ "{\"action\":\"\",\"status\":500,\"type\":"
		  "\"InternalServerError\"}",
		    SSTATE_ESTORE, "says 500" },
		{ "{\"action\":\"\",\"status\":503,\"body\":\"<html>\"}",
		    SSTATE_ESTORE, "says 503" },
		{ "{\"action\":\"\",\"status\":200,\"body\":\"<html>\"}",
		    SSTATE_ESTORE, "strange" },
		{ "{\"action\":\"\",\"status\":200,\"body\":\"[]\"}",
		    SSTATE_ESTORE, "strange" },
		{ "{\"action\":\"\",\"status\":302,\"body\":\"{}\"}",
		    SSTATE_ESTORE, "says 302" },
		{ "{\"action\":\"\",\"drop\":1}", SSTATE_ESTORE, "no answer" },
	};
	struct sstate_error err;
	struct sstate_record rec;
	unsigned wrong = 0;
	int64_t seen;
	void *ctx;
	size_t i;

	NEED((ctx = dkit_open(k.uri, &err)) != NULL, "%s", err.text);
	for (i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		dkit_file(&k, "fault", f[i].fault);
		rec = conform_rec("x", 1, CONFORM_LIVE, 1);
		if (!both(k.uri, f[i].code, f[i].words) ||
		    dkit_replace(ctx, 1, 1, CONFORM_LIVE, 0, &err) !=
			f[i].code ||
		    dkit_remove(ctx, 1, 1, &err) != f[i].code ||
		    d->latest(&seen, ctx, 1700000000, &err) != f[i].code ||
		    d->each(ctx, CONFORM_NS, NULL, NULL, NULL, &err) !=
			f[i].code ||
		    d->each(ctx, CONFORM_NS, rec.tag, NULL, NULL, &err) !=
			f[i].code) {
			printf("# %s: %d %s\n", f[i].fault, err.code, err.text);
			wrong++;
		}
		dkit_file(&k, "fault", NULL);
	}
	T(wrong == 0,
	    "R-99 %zu refusals of a server: each has its code, and is one "
	    "line (%u wrong)",
	    i, wrong);
	T(dkit_read(ctx, 1, &err) == SSTATE_ENOTFOUND,
	    "and none of them has written");
	dkit_file(&k, "fault",
	    "{\"action\":\"PutItem\",\"status\":500,\"type\":"
	    "\"InternalServerError\",\"after\":1}");
	T(dkit_make(ctx, 1, CONFORM_LIVE, 0, &err) == SSTATE_ESTORE,
	    "a write that fails late is not known: %s", err.text);
	dkit_file(&k, "fault", NULL);
	T(dkit_read(ctx, 1, &err) == 0 && dkit_remove(ctx, 1, 1, &err) == 0,
	    "for it was made");
	dkit_close(ctx);
}

/* R-98: items that are not what was written; and one that is too large. */
static void
items(void)
{
	static const char *const bad[] = { "{}", "{\\\"Item\\\":{}}",
		"{\\\"Item\\\":{\\\"body\\\":{\\\"B\\\":\\\"eA==\\\"},"
		"\\\"rev\\\":{\\\"N\\\":\\\"1\\\"}}}",
		"{\\\"Item\\\":{\\\"body\\\":{\\\"B\\\":\\\"eA=\\\"},"
		"\\\"rev\\\":{\\\"N\\\":\\\"1\\\"},"
		"\\\"expires\\\":{\\\"N\\\":\\\"0\\\"}}}",
		"{\\\"Item\\\":{\\\"body\\\":{\\\"B\\\":\\\"\\\"},"
		"\\\"rev\\\":{\\\"N\\\":\\\"1\\\"},"
		"\\\"expires\\\":{\\\"N\\\":\\\"0\\\"}}}",
		"{\\\"Item\\\":{\\\"body\\\":{\\\"B\\\":\\\"e*==\\\"},"
		"\\\"rev\\\":{\\\"N\\\":\\\"1\\\"},"
		"\\\"expires\\\":{\\\"N\\\":\\\"0\\\"}}}",
		"{\\\"Item\\\":{\\\"body\\\":{\\\"B\\\":\\\"eA==\\\"},"
		"\\\"rev\\\":{\\\"N\\\":\\\"-1\\\"},"
		"\\\"expires\\\":{\\\"N\\\":\\\"0\\\"}}}",
		"{\\\"Item\\\":{\\\"body\\\":{\\\"B\\\":\\\"eA==\\\"},"
		"\\\"rev\\\":{\\\"N\\\":\\\"1\\\"},"
		"\\\"tag\\\":{\\\"B\\\":\\\"eA==\\\"},"
		"\\\"expires\\\":{\\\"N\\\":\\\"0\\\"}}}" };
	struct sstate_error err;
	char fault[600];
	unsigned wrong = 0;
	void *ctx;
	size_t i;

	NEED((ctx = dkit_open(k.uri, &err)) != NULL, "%s", err.text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(fault, sizeof(fault),
		    "{\"action\":\"GetItem\",\"status\":200,\"body\":\"%s\"}",
		    bad[i]);
		dkit_file(&k, "fault", fault);
		if (dkit_read(ctx, 1, &err) !=
			(i == 0 ? SSTATE_ENOTFOUND : SSTATE_ESTORE) ||
		    (i > 0 && strstr(err.text, "damaged") == NULL)) {
			printf("# %s: %d %s\n", bad[i], err.code, err.text);
			wrong++;
		}
	}
	T(wrong == 0, "R-98 %zu answers that are no whole record (%u wrong)", i,
	    wrong);
	dkit_file(&k, "fault",
	    "{\"action\":\"PutItem\",\"status\":400,\"type\":"
	    "\"ValidationException\",\"message\":\"Item size has exceeded the "
	    "maximum allowed size\"}");
	T(dkit_make(ctx, 1, CONFORM_LIVE, 0, &err) == SSTATE_ETOOBIG,
	    "R-98 over the server's own limit: %s", err.text);
	dkit_file(&k, "fault", NULL);
	dkit_close(ctx);
}

static void
tables(void)
{
	struct sstate_error err;
	char uri[300];
	void *ctx;

	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://127.0.0.1:%d/missing?region=eu-test-1", k.port);
	T(both(uri, SSTATE_ESTORE,
	      "no table: securestate store init URI makes it"),
	    "a missing table is one line that says what to do");
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://127.0.0.1:%d/missing?region=eu-test-1&create=1",
	    k.port);
	dkit_file(&k, "fault",
	    "{\"action\":\"CreateTable\",\"status\":400,\"type\":"
	    "\"AccessDeniedException\"}");
	T(refused(uri, SSTATE_ESTORE, "may not"),
	    "who may not make it is told so at once");
	/* Two at a time: it is made, and told that it was there. */
	dkit_file(&k, "fault",
	    "{\"action\":\"CreateTable\",\"status\":400,\"type\":"
	    "\"ResourceInUseException\",\"after\":1}");
	ctx = dkit_open(uri, &err);
	T(ctx != NULL, "two processes make it at a time %s", err.text);
	dkit_close(ctx);
	dkit_file(&k, "fault", NULL);
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://127.0.0.1:%d/missing2?region=eu-test-1&create=1",
	    k.port);
	ctx = dkit_open(uri, &err);
	T(ctx != NULL && dkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == 0,
	    "create=1 makes it, and waits %s", err.text);
	dkit_close(ctx);
	ctx = dkit_open(uri, &err);
	T(ctx != NULL && dkit_read(ctx, 1, &err) == 0,
	    "and leaves one that is there %s", err.text);
	dkit_close(ctx);
	dkit_file(&k, "fault",
	    "{\"action\":\"DescribeTable\",\"status\":200,\"body\":"
	    "\"{\\\"Table\\\":{\\\"TableStatus\\\":\\\"ACTIVE\\\","
	    "\\\"KeySchema\\\":[{\\\"AttributeName\\\":\\\"id\\\"}]}}\"}");
	T(refused(uri, SSTATE_ESTORE, "somebody else's"),
	    "a table of other keys is not taken");
	dkit_file(&k, "fault", NULL);
}

/* SSTATE_NO_CREATE: nothing is made. */
static void
no_create(void)
{
	const struct sstate_driver *drivers[] = { d, NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	const char *stores[2] = { NULL, NULL };
	struct sstate_store *s = NULL;
	char uri[200];

	(void)snprintf(uri, sizeof(uri),
	    "dynamodb://127.0.0.1:%d/another?region=eu-test-1&create=1",
	    k.port);
	stores[0] = uri;
	o.stores = stores;
	o.drivers = drivers;
	o.ns = "app";
	o.flags = SSTATE_NO_PLUGINS | SSTATE_NO_CREATE;
	dkit_file(&k, "tally", "");
	T(sstate_store_open(&s, &o, &err) == 0 &&
		dkit_tally(&k, "CreateTable") == 0 &&
		dkit_tally(&k, "DescribeTable") == 0,
	    "SSTATE_NO_CREATE makes no table, even with create=1 %s", err.text);
	sstate_store_close(s);
}

/* Until when the engine is to keep an item, asked for by its keys. */
static int64_t
ttl(void *ctx, enum ddb_kind kind, const unsigned char *id, size_t n,
    const char *sk)
{
	struct sstate_error err;
	char pk[DDB_KEY_BYTES];
	json_t *item = NULL;
	uint64_t v = 0;

	if (ddb_key(pk, kind, CONFORM_NS, id, n, "", &err) == 0 &&
	    ddb_fetch(&item, ctx, pk, sk, "", &err) == 0)
		(void)ddb_number(&v, item, "ttl");
	json_decref(item);
	return (int64_t)v;
}

/* Time to live: a second after the end; an entry's only goes up. */
static void
lives(void)
{
	const int64_t t = (int64_t)time(NULL) + 3600;
	struct sstate_key key = conform_key(CONFORM_NS, 60);
	unsigned char tag[SSTATE_TAG_BYTES];
	char sk[2 * SSTATE_ID_BYTES + 1];
	struct sstate_error err;
	int64_t rec, was, is;
	void *ctx, *other;
	size_t i;

	conform_tag(tag, 5);
	for (i = 0; i < sizeof(key.id); i++)
		(void)snprintf(sk + 2 * i, 3, "%02x", key.id[i]);
	ctx = dkit_open(k.uri, &err);
	other = dkit_open(k.uri, &err);
	NEED(ctx != NULL && other != NULL, "two contexts");
	(void)dkit_make(ctx, 60, t + 5000, 5, &err);
	rec = ttl(ctx, DDB_RECORD, key.id, sizeof(key.id), "r");
	was = ttl(ctx, DDB_USER, tag, sizeof(tag), sk);
	T(rec == t + 5001 && was >= rec,
	    "R-27 a record lives a second longer than its end, its entry no "
	    "less");
	/* Nobody told this context of the entry. */
	(void)dkit_replace(other, 60, 1, t, 5, &err);
	rec = ttl(ctx, DDB_RECORD, key.id, sizeof(key.id), "r");
	is = ttl(ctx, DDB_USER, tag, sizeof(tag), sk);
	T(rec == t + 1 && is == was,
	    "R-27 a record that ends sooner leaves its entry");
	(void)dkit_remove(ctx, 60, SSTATE_ANY_REV, &err);
	(void)dkit_make(ctx, 61, 0, 0, &err);
	key = conform_key(CONFORM_NS, 61);
	rec = ttl(ctx, DDB_RECORD, key.id, sizeof(key.id), "r");
	T(rec > t + 399 * 86400 && rec < t + 401 * 86400,
	    "without an end it is 400 days");
	(void)dkit_remove(ctx, 61, SSTATE_ANY_REV, &err);
	dkit_close(ctx);
	dkit_close(other);
}

/* A renewal writes one item, not two; the entry is never behind. */
static void
entries(void)
{
	const int64_t t = (int64_t)time(NULL) + 3600;
	struct sstate_error err;
	int good;
	void *ctx;

	NEED((ctx = dkit_open(k.uri, &err)) != NULL, "%s", err.text);
	dkit_file(&k, "tally", "");
	good = dkit_make(ctx, 50, t, 3, &err) == 0;
	T(good && dkit_tally(&k, "UpdateItem") == 1 &&
		dkit_tally(&k, "PutItem") == 1,
	    "R-27 a logged-in user's record: an entry and an item");
	good = dkit_read(ctx, 50, &err) == 0 &&
	    dkit_replace(ctx, 50, 1, t + 600, 3, &err) == 0 &&
	    dkit_read(ctx, 50, &err) == 0 &&
	    dkit_replace(ctx, 50, 2, t + 1200, 3, &err) == 0;
	T(good && dkit_tally(&k, "UpdateItem") == 1 &&
		dkit_tally(&k, "PutItem") == 3,
	    "R-27 its renewals leave the entry, which is a day ahead");
	good = dkit_replace(ctx, 50, 3, t + 90000, 3, &err) == 0;
	T(good && dkit_tally(&k, "UpdateItem") == 2,
	    "R-27 a renewal beyond that puts it off");
	good = dkit_read(ctx, 50, &err) == 0 &&
	    dkit_replace(ctx, 50, 4, t + 90000, 4, &err) == 0;
	T(good && dkit_tally(&k, "UpdateItem") == 3,
	    "R-27 another user has another entry");
	good = dkit_read(ctx, 50, &err) == 0 &&
	    dkit_replace(ctx, 50, 5, t + 90000, 0, &err) == 0;
	T(good && dkit_tally(&k, "UpdateItem") == 3, "nobody has none");
	(void)dkit_remove(ctx, 50, SSTATE_ANY_REV, &err);
	dkit_close(ctx);
}

int
main(void)
{
	dkit_start(&k, 0);
	uris();
	keys();
	faults();
	items();
	tables();
	no_create();
	entries();
	lives();
	dkit_end(&k);
	return tap_done();
}
