/*
 * redis_script_test.c - a script's sha is what the server makes of its text
 *
 * driver: redis
 */
#include "redis_kit.h"

#include "../../drivers/redis.h"

int
main(void)
{
	static const struct {
		const char *name;
		const struct rds_script *s;
	} all[] = { { "create", &rds_create }, { "replace", &rds_replace },
		{ "remove", &rds_remove }, { "index", &rds_index },
		{ "latest", &rds_latest }, { "touch", &rds_touch } };
	struct rkit k;
	redisReply *re;
	size_t i;

	rkit_start(&k, NULL);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		re = rkit_say(&k, "SCRIPT LOAD %s", all[i].s->text);
		NEED(re != NULL, "SCRIPT LOAD");
		T(strcmp(re->str, all[i].s->sha) == 0, "%s is %s", all[i].name,
		    re->str);
		freeReplyObject(re);
	}
	rkit_end(&k);
	return tap_done();
}
