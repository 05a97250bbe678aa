/*
 * passing_test.c - what expired goes in passing: when, how much, and when not
 */
#include "harness.h"
#include "kit.h"

#include "../store/fault_driver.h"

extern const struct sstate_driver sstate_driver_v1_memory;

static struct fault f;
static struct site w;
static char folder[256], ring[300];

static void
site(const char *params, uint32_t caps, uint32_t flags)
{
	static char uri[200];
	static const char *uris[2];
	static void *handles[2];
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	fault_init(&f, &sstate_driver_v1_memory, caps);
	(void)snprintf(uri, sizeof(uri), "fault:passing%s", params);
	uris[0] = uri;
	handles[0] = &f;
	o.stores = uris;
	o.handles = handles;
	o.drivers = f.drivers;
	o.keyring = ring;
	o.flags = SSTATE_CARRY_COOKIE | flags;
	if (site_open(&w, &o) != 0)
		NEED(0, "a site opens: %s", w.err.text);
}

static void
sessions(unsigned n)
{
	struct who u;

	while (n-- > 0) {
		who_init(&u, BY_COOKIE);
		(void)put(&w, &u, NULL, "a", "1");
	}
}

static int
count_one(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

/* All that are there, expired or not. */
static unsigned
there(void)
{
	unsigned n = 0;

	(void)f.inner->each(f.ctx, "app", NULL, count_one, &n, NULL);
	return n;
}

static void
test_slices(void)
{
	struct sstate_how must = SSTATE_HOW_INIT;
	struct who u, old;
	struct call c;

	site("", 0, 0);
	who_init(&old, BY_COOKIE);
	(void)put(&w, &old, NULL, "a", "1");
	sessions(199);
	T(f.reaps == 0 && there() == 200, "200 sessions");
	w.now += 1800 + 3000;
	sessions(1);
	T(f.reaps == 1 && there() == 201,
	    "expired, but for less than an hour: none goes");
	must.flags = SSTATE_MUST_EXIST;
	T(ask(&c, &w, &old, Q(.how = &must)) == SSTATE_EEXPIRED,
	    "and a client is told that it has expired");
	drop(&c);
	sessions(10);
	T(f.reaps == 1, "it is looked once a minute");
	w.now += 1000;
	who_init(&u, BY_COOKIE);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	(void)sstate_commit(c.s);
	T(f.reaps == 1, "no commit waits for it");
	answer(&c);
	drop(&c);
	T(f.reaps == 2 && there() == 212 - 64,
	    "an hour after their end 64 go, when the answer is out (%u)",
	    there());
	sessions(5);
	T(f.reaps == 2, "and no more in that second");
	w.now += 1;
	sessions(1);
	w.now += 1;
	sessions(1);
	w.now += 1;
	sessions(1);
	T(f.reaps == 5 && there() == 200 + 20 - 200,
	    "R-32 while there are more, 64 a second; none that lives (%u)",
	    there());
	w.now += 2;
	sessions(5);
	T(f.reaps == 5, "then it is a minute again");
	w.now += 60;
	(void)request(&w, &u, NULL);
	T(f.reaps == 5, "a request that writes nothing reaps nothing");
	site_close(&w);
}

/* When, with which site, none goes: a year of writes. */
static void
none_goes(const char *why, const char *params, uint32_t caps, uint32_t flags)
{
	unsigned i;

	site(params, caps, flags);
	for (i = 0; i < 10; i++) {
		sessions(1);
		w.now += 3000000;
	}
	T(f.reaps == 0, "%s: nothing goes in passing", why);
	site_close(&w);
	T(f.reaps == 0, "%s: nor at the end", why);
}

static void
test_failure(void)
{
	unsigned i;

	site("", 0, 0);
	fault_arm(&f, 1, FAULT_REAP, FAULT_REFUSE, SSTATE_ESTORE);
	f.times = 1000;
	w.now += 100;
	for (i = 0; i < 3; i++)
		sessions(1);
	T(f.reaps == 1 && strstr(w.log, "fault: reap") != NULL,
	    "a failure is logged, and tried again a minute later");
	site_close(&w);
}

/* A process for each request (CGI): never a minute old. */
static void
test_short(void)
{
	unsigned long reaps = 0;
	unsigned i;

	for (i = 0; i < 400; i++) {
		site("", 0, 0);
		sessions(1);
		site_close(&w);
		reaps += f.reaps;
	}
	T(reaps > 2 && reaps < 100,
	    "of 400 short lives one in sixteen or so reaps (%lu)", reaps);
	reaps = 0;
	for (i = 0; i < 200; i++) {
		site("", 0, 0);
		site_close(&w);
		reaps += f.reaps;
	}
	T(reaps == 0, "none that wrote nothing does");
}

int
main(void)
{
	kit_folder(folder);
	(void)snprintf(ring, sizeof(ring), "%s/ring", folder);
	test_slices();
	none_goes("reap=0", "?reap=0", 0, 0);
	none_goes("SSTATE_CAP_EXPIRE", "", SSTATE_CAP_EXPIRE, 0);
	none_goes("SSTATE_NO_CREATE", "", 0, SSTATE_NO_CREATE);
	test_failure();
	test_short();
	return tap_done();
}
