/*
 * redis_cluster_test.c - a Redis Cluster of three is a store like others
 *
 * driver: redis
 */
#include "redis_nodes.h"

#include "life.h"

static struct nodes c;

/* CRC-16 and hash tags, as the server has them. */
static void
slots(void)
{
	static const char *const key[] = { "", "a", "123456789",
		"sstate:r:app:00ff", "{user}:1", "x{user}y", "{}x", "{x", "x}y",
		"{}{x}", "{{x}}", "a{b}{c}" };
	unsigned i, wrong = 0;
	char name[64];

	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		wrong += rkit_int(&c.k[0], "CLUSTER KEYSLOT %s", key[i]) !=
		    (long long)rds_slot(key[i]);
	for (i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "sstate:r:app:%llx",
		    (unsigned long long)conform_mix(i));
		wrong += rkit_int(&c.k[0], "CLUSTER KEYSLOT %s", name) !=
		    (long long)rds_slot(name);
	}
	T(wrong == 0, "key slots are the server's (%u wrong)", wrong);
}

static int
on_each(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	unsigned char *seen = (unsigned char *)arg;

	(void)key;
	seen[rec->rev]++;
	return 0;
}

/* Each node's records, each once, also for one user. */
static void
listed(void)
{
	const struct sstate_driver *d = &sstate_driver_v1_redis;
	unsigned char seen[2][301] = { { 0 } };
	unsigned i, wrong = 0;
	struct sstate_record rec = conform_rec("b", 1, CONFORM_LIVE, 1);
	struct sstate_key key;
	struct sstate_error err;
	void *ctx = rkit_open(c.uri, &err);

	NEED(ctx != NULL, "it opens: %s", err.text);
	for (i = 1; i <= 300; i++) {
		key = conform_key("many", i);
		rec.rev = i;
		conform_tag(rec.tag, i % 3);
		wrong += d->create(ctx, &key, &rec, NULL) != 0;
	}
	conform_tag(rec.tag, 1);
	T(wrong == 0 &&
		d->each(ctx, "many", NULL, on_each, seen[0], NULL) == 0 &&
		d->each(ctx, "many", rec.tag, on_each, seen[1], NULL) == 0,
	    "300 records are listed, and one user's");
	for (i = 1; i <= 300; i++)
		wrong += seen[0][i] != 1 || seen[1][i] != (i % 3 == 1);
	T(wrong == 0, "R-27 each of them once, of all masters (%u wrong)",
	    wrong);
	for (i = 0, wrong = 0; i < NODES; i++)
		wrong += rkit_int(&c.k[i], "DBSIZE") < 50;
	T(wrong == 0, "and all masters have some");
	for (i = 1; i <= 300; i++) {
		key = conform_key("many", i);
		(void)d->remove(ctx, &key, SSTATE_ANY_REV, NULL);
	}
	d->close(ctx);
}

/*
 * Users' entries are not removed with a record (a slot of its own), but what
 * names no record of theirs any more is not shown, and is over by time.
 */
static void
entries(void)
{
	const struct sstate_driver *d = &sstate_driver_v1_redis;
	struct sstate_key key = conform_key("entries", 1);
	struct sstate_record rec = conform_rec("b", 1, CONFORM_LIVE, 1);
	unsigned char seen[301] = { 0 };
	char user[RDS_KEY_BYTES], hex[2 * SSTATE_TAG_BYTES + 1];
	long long ttl = -1;
	struct sstate_error err;
	void *ctx = rkit_open(c.uri, &err);
	int i, r;

	NEED(ctx != NULL, "it opens: %s", err.text);
	conform_tag(rec.tag, 77);
	for (i = 0; i < SSTATE_TAG_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", rec.tag[i]);
	(void)snprintf(user, sizeof(user), "sstate:u:entries:%s", hex);
	T(d->create(ctx, &key, &rec, NULL) == 0 &&
		d->remove(ctx, &key, 1, NULL) == 0,
	    "made and removed");
	for (i = 0; i < NODES; i++) {
		r = (int)rkit_int(&c.k[i], "ZCARD %s", user);
		if (r == 1)
			ttl = rkit_int(&c.k[i], "PEXPIRETIME %s", user);
	}
	T(ttl == (CONFORM_LIVE + 300) * 1000,
	    "its user's set is over five minutes after it (%lld)", ttl);
	T(d->each(ctx, "entries", rec.tag, on_each, seen, NULL) == 0 &&
		seen[1] == 0,
	    "and shows nothing until then");
	d->close(ctx);
}

int
main(void)
{
	struct life l = { .driver = &sstate_driver_v1_redis,
		/* Enough of them under a sanitizer for each race. */
		.rounds = KIT_SLOW ? 2000 : 100 };

	nodes_start(&c);
	slots();
	drv_conform(&sstate_driver_v1_redis, c.uri, drv_scale(20));
	listed();
	entries();
	l.uri = c.uri;
	life_all(&l);
	nodes_end(&c);
	return tap_done();
}
