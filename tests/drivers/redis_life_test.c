/*
 * redis_life_test.c - sessions over a real redis server, and what it keeps
 *
 * driver: redis
 */
#include "redis_kit.h"

#include "life.h"

/* Every key of the server, and whether it is one of ours, to the letter. */
static void
keys(const struct rkit *k, struct life *l)
{
	static const char hex[] = "0123456789abcdef";
	static const char ns[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	redisReply *re = rkit_say(k, "KEYS *"), *dump;
	unsigned records = 0, users = 0, clocks = 0, strange = 0;
	size_t i, n;

	NEED(re != NULL && re->type == REDIS_REPLY_ARRAY, "KEYS");
	for (i = 0; i < re->elements; i++) {
		const char *key = re->element[i]->str, *p = key + 9;

		dump = rkit_say(k, "DUMP %s", key);
		if (dump != NULL && dump->type == REDIS_REPLY_STRING)
			life_dump_add(l, dump->str, dump->len);
		freeReplyObject(dump);
		life_dump_add(l, key, strlen(key));
		if (strcmp(key, "sstate:clock") == 0) {
			clocks++;
			continue;
		}
		n = strlen(key) == re->element[i]->len ? strspn(p, ns) : 0;
		if (n > 0 && n <= 32 && p[n] == ':' &&
		    strncmp(key, "sstate:r:", 9) == 0 &&
		    strlen(p + n + 1) == 64 && strspn(p + n + 1, hex) == 64)
			records++;
		else if (n > 0 && n <= 32 && p[n] == ':' &&
		    strncmp(key, "sstate:u:", 9) == 0 &&
		    strlen(p + n + 1) == 32 && strspn(p + n + 1, hex) == 32)
			users++;
		else if (strange++ == 0)
			printf("# a strange key: %s\n", key);
	}
	T(strange == 0 && records > 0 && users > 0 && clocks == 1,
	    "R-96 keys are of one alphabet and length: %u records, %u users, "
	    "%u others",
	    records, users, strange);
	freeReplyObject(re);
}

int
main(void)
{
	struct life l = { .driver = &sstate_driver_v1_redis,
		/* Enough of them under a sanitizer for each race. */
		.rounds = KIT_SLOW ? 2000 : 200 };
	struct rkit k;

	rkit_start(&k, "--appendonly", "yes", "--appendfsync", "no", NULL);
	l.uri = k.uri;
	life_all(&l);
	keys(&k, &l);
	/* And each command that was ever sent to it. */
	life_dump_tree(&l, k.s.dir);
	life_dump_check(&l);
	rkit_end(&k);
	return tap_done();
}
