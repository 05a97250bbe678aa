/*
 * conform_memory_test.c - the conformance suite over `memory:`
 */
#include "conform.h"

#include "store/conf.h"

extern const struct sstate_driver sstate_driver_v1_memory;

static int
open_conf(void **ctx, const struct conform *c, struct sstate_error *err)
{
	struct sstate_conf *conf;
	int r;

	*ctx = NULL;
	if ((r = conf_parse(&conf, c->uri, NULL, 0, CONFORM_NS, NULL, err)) !=
	    0)
		return r;
	r = c->driver->open(ctx, conf, err);
	if (r == 0)
		r = conf_unused(conf, err);
	conf_free(conf);
	return r;
}

int
main(void)
{
	struct conform c = { .driver = &sstate_driver_v1_memory,
		.uri = "memory:conform",
		.open = open_conf,
		.scale = 1,
		.threads = 1 };
	const char *scale = getenv("SSTATE_TEST_SCALE");

	if (scale != NULL && scale[0] != '\0')
		c.scale = (unsigned)strtoul(scale, NULL, 10);
	conform_all(&c);
	return tap_done();
}
