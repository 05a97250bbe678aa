/*
 * memcached_server_test.c - what the memcached: driver asks of a URI and of a
 * server, and what a server's limits become
 *
 * driver: memcached
 */
#include "memcached_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_memcached;

static void
uris(void)
{
	struct sstate_error err;
	void *ctx;

	T(mckit_refused("memcached:", SSTATE_EINVAL, "no host"),
	    "no server is none");
	T(mckit_refused("memcached:?hosts=a:0", SSTATE_EINVAL, "hosts is") &&
		mckit_refused("memcached:?hosts=127.0.0.1:1,", SSTATE_EINVAL,
		    "hosts is") &&
		mckit_refused("memcached:?hosts=a:b:c", SSTATE_EINVAL,
		    "hosts is") &&
		mckit_refused("memcached:?hosts=[::1]1", SSTATE_EINVAL,
		    "hosts is") &&
		mckit_refused("memcached:?hosts=a%20b", SSTATE_EINVAL,
		    "hosts is"),
	    "hosts that are none");
	T(mckit_refused("memcached://127.0.0.1:11211/path", SSTATE_EINVAL,
	      "socket"),
	    "a host and a path");
	T(mckit_refused("memcached:/s?prefix=a%20b", SSTATE_EINVAL, "prefix") &&
		mckit_refused("memcached:/s?prefix=a%0d%0ab", SSTATE_EINVAL,
		    "prefix"),
	    "R-96 a prefix is of one alphabet");
	T(mckit_refused("memcached:/s?max_bytes=16777217", SSTATE_EINVAL,
	      "max_bytes") &&
		mckit_refused("memcached:/s?timeout_ms=0", SSTATE_EINVAL,
		    "timeout_ms") &&
		mckit_refused("memcached:/s?user=x", SSTATE_EINVAL, ""),
	    "numbers within bounds, and no parameter that it does not know");
	T(mckit_refused("memcached://u:hunter2@127.0.0.1", SSTATE_EINVAL, ""),
	    "no user and password: SASL is not served");
	T(mckit_refused("memcached://192.0.2.1", SSTATE_EUNSAFE, "TLS") &&
		mckit_refused("memcached:?hosts=127.0.0.1,192.0.2.1",
		    SSTATE_EUNSAFE, "TLS"),
	    "R-81 another host is refused, also as the second");
	ctx =
	    mckit_open("memcached://127.0.0.1:11211/?hosts=[::1]:2,192.0.2.1,/s"
		       "&insecure=1",
		&err);
	T(ctx != NULL, "R-81 insecure=1 permits it %s", err.text);
	mckit_close(ctx);
}

/* what the server does not take is refused, and the old one stands. */
static void
sizes(void)
{
	const size_t max = 16 << 20;
	struct sstate_error err = { 0, 0, "" };
	struct conform c = { .driver = d };
	struct sstate_record big, small = conform_rec("s", 1, CONFORM_LIVE, 1);
	struct sstate_key k1 = conform_key(CONFORM_NS, 1),
			  k2 = conform_key(CONFORM_NS, 2);
	char uri[200], *p = malloc(max + 1);
	struct mckit k;
	void *ctx;

	NEED(p != NULL, "memory");
	conform_fill(p, max + 1, 1);
	big = conform_rec(p, max, CONFORM_LIVE, 2);
	mckit_start(&k, NULL);
	(void)snprintf(uri, sizeof(uri), "%s?max_bytes=16777216", k.uri);
	NEED((ctx = mckit_open(uri, &err)) != NULL, "%s", err.text);
	T(d->create(ctx, &k1, &small, &err) == 0 &&
		d->replace(ctx, &k1, 1, &big, &err) == SSTATE_ETOOBIG &&
		strstr(err.text, "-I") != NULL &&
		conform_is(&c, ctx, &k1, &small),
	    "R-98 over the server's limit: ETOOBIG, the old stands: %s",
	    err.text);
	T(d->create(ctx, &k2, &big, &err) == SSTATE_ETOOBIG &&
		conform_gone(&c, ctx, &k2),
	    "R-98 nor is it made");
	mckit_close(ctx);
	mckit_end(&k);

	mckit_start(&k, "-I", "32m", "-m", "200", NULL);
	(void)snprintf(uri, sizeof(uri), "%s?max_bytes=16777216", k.uri);
	NEED((ctx = mckit_open(uri, &err)) != NULL, "%s", err.text);
	T(d->create(ctx, &k2, &big, &err) == 0 &&
		conform_is(&c, ctx, &k2, &big),
	    "R-98 with -I the server takes 16 MiB, whole %s", err.text);
	big.body.len++;
	T(d->replace(ctx, &k2, 2, &big, &err) == SSTATE_ETOOBIG,
	    "R-98 and no more: %s", err.text);
	mckit_close(ctx);
	mckit_end(&k);
	free(p);
}

/* -M: a full server says so and evicts nothing. */
static void
full(void)
{
	static char body[30000];
	struct sstate_record rec;
	struct sstate_error err = { 0, 0, "" };
	struct conform c = { .driver = d };
	unsigned n, made;
	struct sstate_key key;
	struct mckit k;
	void *ctx;
	int r = 0;

	mckit_start(&k, "-M", "-m", "8", NULL);
	NEED((ctx = mckit_open(k.uri, &err)) != NULL, "%s", err.text);
	rec = conform_rec(body, sizeof(body), CONFORM_LIVE, 1);
	for (made = 0; made < 10000; made++) {
		key = conform_key(CONFORM_NS, made);
		if ((r = d->create(ctx, &key, &rec, &err)) != 0)
			break;
	}
	T(r == SSTATE_EBUSY && made > 50,
	    "R-103 -M: after %u the server is full: %s", made, err.text);
	T(conform_gone(&c, ctx, &key), "what was refused was not written");
	for (n = 0, r = 0; n < made; n++) {
		key = conform_key(CONFORM_NS, n);
		r += !conform_is(&c, ctx, &key, &rec);
	}
	T(r == 0, "and of what was, none is lost (%d)", r);
	T(d->remove(ctx, &key, 1, &err) == 0 && conform_gone(&c, ctx, &key),
	    "R-25 a log-out needs no memory %s", err.text);
	mckit_close(ctx);
	mckit_end(&k);
}

/* Somebody else's octets under a key of ours, or half a record. */
static void
damaged(void)
{
	static const char *const bad[] = { "x", "sst1",
		"sst1\0\0\0\1\0\0\0\0\0\0\0\1" };
	struct sstate_error err = { 0, 0, "" };
	char cmd[400], *said;
	unsigned i, wrong = 0;
	struct mckit k;
	int64_t seen;
	void *ctx;

	mckit_start(&k, NULL);
	NEED((ctx = mckit_open(k.uri, &err)) != NULL, "%s", err.text);
	for (i = 0; i < 3; i++) {
		(void)snprintf(cmd, sizeof(cmd), "set %s 0 0 %zu\r\n%s\r\n",
		    mckit_name(i), strlen(bad[i]), bad[i]);
		said = mckit_say(&k, cmd, "\r\n");
		wrong += strcmp(said, "STORED\r\n") != 0;
		free(said);
		wrong += mckit_read(ctx, i, &err) != SSTATE_ESTORE ||
		    strstr(err.text, "damaged") == NULL;
		wrong += mckit_replace(ctx, i, &err) != SSTATE_ESTORE;
		wrong += mckit_remove(ctx, i, 1, &err) != SSTATE_ESTORE;
		wrong += mckit_remove(ctx, i, SSTATE_ANY_REV, &err) != 0;
		wrong += mckit_read(ctx, i, &err) != SSTATE_ENOTFOUND;
	}
	T(wrong == 0,
	    "R-98 what is no whole record is damaged, and can be removed (%u)",
	    wrong);
	free(mckit_say(&k, "set sstate:clock 0 0 3\r\n1x3\r\n", "\r\n"));
	T(d->latest(&seen, ctx, 1700000000, &err) == SSTATE_ESTORE,
	    "R-23 nor is something else a time: %s", err.text);
	mckit_close(ctx);
	mckit_end(&k);
}

/* What the server is told of an end; "mg KEY t" says the seconds left. */
static long
left(const struct mckit *k, unsigned n)
{
	char cmd[300], *said;
	long t = -2;

	(void)snprintf(cmd, sizeof(cmd), "mg %s t\r\n", mckit_name(n));
	said = mckit_say(k, cmd, "\r\n");
	if (strncmp(said, "HD t", 4) == 0)
		t = strtol(said + 4, NULL, 10);
	free(said);
	return t;
}

static void
ends(void)
{
	int64_t now = (int64_t)time(NULL);
	struct sstate_error err = { 0, 0, "" };
	uint64_t about = 99;
	struct mckit k;
	void *ctx;
	long t[5];
	unsigned i;

	mckit_start(&k, NULL);
	NEED((ctx = mckit_open(k.uri, &err)) != NULL, "%s", err.text);
	T(d->count(&about, ctx, CONFORM_NS, &err) == 0 && about == 0,
	    "an empty server has no records");
	(void)mckit_make(ctx, 0, now + 1000, &err);
	(void)mckit_make(ctx, 1, now + 3000000, &err); /* 34 days */
	(void)mckit_make(ctx, 2, 0, &err);
	(void)mckit_make(ctx, 3, INT64_C(4102444800), &err);
	(void)mckit_make(ctx, 4, now - 100, &err);
	for (i = 0; i < 5; i++)
		t[i] = left(&k, i);
	T(t[0] > 900 && t[0] <= 1003 && t[1] > 2999900 && t[1] <= 3000003,
	    "R-23 the server forgets a second after the end (%ld, %ld)", t[0],
	    t[1]);
	T(t[2] > 2591900 && t[2] <= 2592001,
	    "one without an end a month after the last write (%ld)", t[2]);
	T(t[3] == -1, "beyond 2038 the server has no time for it (%ld)", t[3]);
	T(t[4] == -2 && mckit_read(ctx, 4, &err) == SSTATE_ENOTFOUND &&
		mckit_make(ctx, 4, now + 1000, &err) == 0,
	    "what has expired is gone, and may be created");
	T(mckit_make(ctx, 5, 500, &err) == 0 && left(&k, 5) == -2,
	    "also if that was in 1970: no duration");
	T(d->count(&about, ctx, CONFORM_NS, &err) == 0 && about >= 5 &&
		about <= 6,
	    "R-103 about five are counted (%llu)", (unsigned long long)about);
	mckit_close(ctx);
	mckit_end(&k);
}

int
main(void)
{
	uris();
	sizes();
	full();
	damaged();
	ends();
	return tap_done();
}
