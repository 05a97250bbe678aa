/*
 * policy_test.c - sessions over a store whose URI asks for something:
 * errors=log, throttle, readonly, max_expires, max_records
 */
#include "harness.h"
#include "kit.h"

#include "../store/fault_driver.h"

extern const struct sstate_driver sstate_driver_v1_memory;

static struct fault f;
static struct site w;
static struct who u;
static struct call c;
static char folder[256], ring[300];

static void
site(const char *params, uint32_t carry)
{
	static char uri[200];
	static const char *uris[2];
	static void *handles[2];
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	fault_init(&f, &sstate_driver_v1_memory, 0);
	(void)snprintf(uri, sizeof(uri), "fault:%s", params);
	uris[0] = uri;
	handles[0] = &f;
	o.stores = uris;
	o.handles = handles;
	o.drivers = f.drivers;
	o.flags = carry;
	o.keyring = ring;
	NEED(site_open(&w, &o) == 0, "a site over %s: %s", uri, w.err.text);
	who_init(&u, carry);
}

static void
fails(int kinds, int code)
{
	fault_arm(&f, 1, kinds, FAULT_REFUSE, code);
	f.times = 1000000;
}

static void
works(void)
{
	fault_arm(&f, 0, 0, 0, 0);
}

static unsigned long
writes(void)
{
	return f.creates + f.replaces + f.removes;
}

static struct sstate_how
demands(void)
{
	struct sstate_how how = SSTATE_HOW_INIT;

	how.flags = SSTATE_MUST_EXIST;
	return how;
}

/* ---- errors=log -------------------------------------------------------- */

static void
failed_read(uint32_t carry, int code)
{
	const char *by = by_name(carry);
	struct sstate_how must = demands();
	const char *id;
	unsigned long had;
	char was[128];

	site("?errors=log", carry);
	(void)put(&w, &u, NULL, "a", "1");
	(void)snprintf(was, sizeof(was), "%s", who_token(&u));
	fails(FAULT_ANY, code);
	had = writes();
	T(ask(&c, &w, &u, NULL) == 0 && none(c.s, SSTATE_STORED, "a"),
	    "(%s, %d) a failed read is no session", by, code);
	T(strstr(w.log, "fault: get") != NULL, "(%s) and is logged", by);
	T(sstate_setstr(c.s, SSTATE_STORED, "a", "2") == 0 &&
		is(c.s, SSTATE_STORED, "a", "2") &&
		sstate_incr(NULL, c.s, "n", 1) == 0 &&
		sstate_setstr(c.s, SSTATE_PAGE, "p", "x") == 0 &&
		sstate_fields(c.s, SSTATE_WITH_PAGE | SSTATE_ONCE, "act") !=
		    NULL,
	    "(%s) what the program does works for this request", by);
	id = param_of(sstate_link(c.s, 0, "/x", NULL), ".id");
	T(carry == BY_PAGE ? id != NULL && strcmp(id, who_token(&u)) == 0
			   : id == NULL,
	    "I7 (%s) no link carries an id but the client's own", by);
	T(sstate_commit(c.s) == 0 && sstate_commit(c.s) == 0 && writes() == had,
	    "(%s) nothing is written", by);
	answer(&c);
	T(heads(&c, "Set-Cookie") == 0 && sstate_token(c.s) == NULL,
	    "I7 (%s) nor does a token leave", by);
	drop(&c);
	(void)snprintf(u.id, sizeof(u.id), "%s", was);
	(void)ask(&c, &w, &u, NULL);
	T(sstate_login(c.s, "eve") == SSTATE_ESTORE,
	    "R-24 (%s) a log-in is not pretended", by);
	drop(&c);
	(void)ask(&c, &w, &u, NULL);
	T(sstate_logout(c.s) == SSTATE_ESTORE && end(&c) == SSTATE_ESTORE,
	    "R-25 (%s) nor a log-out", by);
	(void)snprintf(u.id, sizeof(u.id), "%s", was);
	T(ask(&c, &w, &u, Q(.how = &must)) == code,
	    "(%s) who demands a session is told", by);
	drop(&c);
	works();
	site_close(&w);
}

/* The client keeps what it had: the session is back with the store. */
static void
comes_back(void)
{
	site("?errors=log", BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	fails(FAULT_GET, SSTATE_ESTORE);
	(void)put(&w, &u, NULL, "a", "2");
	works();
	T(holds(&w, &u, NULL, NULL, "a", "1"),
	    "no empty session has taken its place");
	site_close(&w);
}

static void
failed_write(uint32_t carry)
{
	const char *by = by_name(carry);
	unsigned long had;

	site("?errors=log", carry);
	fails(FAULT_CREATE, SSTATE_ESTORE);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "1");
	T(sstate_commit(c.s) == 0 && sstate_token(c.s) == NULL,
	    "(%s) a new session that cannot be written is let go", by);
	answer(&c);
	T(heads(&c, "Set-Cookie") == 0, "I7 (%s) its token does not leave", by);
	drop(&c);
	T(strstr(w.log, "fault: create") != NULL, "(%s) it is logged", by);
	works();

	(void)put(&w, &u, NULL, "a", "1");
	fails(FAULT_REPLACE, SSTATE_ESTORE);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "2");
	T(sstate_commit(c.s) == 0 && f.replaces > 0,
	    "(%s) a change that cannot be written is let go", by);
	had = f.total;
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "3");
	T(sstate_commit(c.s) == 0 && f.total == had,
	    "(%s) and the store is not asked again", by);
	works();
	T(sstate_reload(c.s) == 0 && is(c.s, SSTATE_STORED, "a", "1") &&
		sstate_setstr(c.s, SSTATE_STORED, "b", "4") == 0 &&
		sstate_commit(c.s) == 0,
	    "(%s) but after a reload", by);
	drop(&c);
	T(holds(&w, &u, NULL, NULL, "b", "4"), "(%s) which writes again", by);
	T(holds(&w, &u, NULL, NULL, "a", "1"), "(%s) the old record stands",
	    by);
	fails(FAULT_CREATE, SSTATE_ESTORE);
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_login(c.s, "adam");
	T(end(&c) == SSTATE_ESTORE, "R-24 (%s) a log-in that fails is told",
	    by);
	works();
	fails(FAULT_REMOVE, SSTATE_ESTORE);
	(void)ask(&c, &w, &u, NULL);
	T(sstate_logout(c.s) == SSTATE_ESTORE,
	    "R-25 (%s) a log-out that fails is told", by);
	drop(&c);
	works();
	site_close(&w);
}

static void
hard(void)
{
	site("", BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	fails(FAULT_GET, SSTATE_ESTORE);
	T(ask(&c, &w, &u, NULL) == SSTATE_ESTORE && c.s == NULL,
	    "R-99 without it a failed read is a failure");
	drop(&c);
	fails(FAULT_REPLACE, SSTATE_ESTORE);
	T(put(&w, &u, NULL, "a", "2") == SSTATE_ESTORE,
	    "R-99 and so is a failed write");
	works();
	site_close(&w);
}

/* ---- throttle, under errors=log ---------------------------------------- */

/* Starch: whichever plugin comes first; here a failure is always counted. */
static void
throttled(void)
{
	unsigned long had;
	unsigned n, bad = 0;

	site("?errors=log&throttle=3/3600", BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	fails(FAULT_ANY, SSTATE_ESTORE);
	had = f.total;
	for (n = 0; n < 20; n++)
		bad += request(&w, &u, NULL) != 0;
	T(bad == 0 && f.total == had + 3,
	    "softened failures are counted: three calls for 20 requests (%lu)",
	    f.total - had);
	site_close(&w);
	site("?throttle=3/3600", BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	fails(FAULT_ANY, SSTATE_ESTORE);
	for (n = 0; n < 3; n++)
		(void)request(&w, &u, NULL);
	T(request(&w, &u, NULL) == SSTATE_EBUSY &&
		sstate_status(SSTATE_EBUSY) == 503,
	    "without errors=log it is EBUSY, 503");
	site_close(&w);
}

/* ---- readonly ---------------------------------------------------------- */

/* What another process does, who may write. */
static void
writer(struct site *other)
{
	static const char *const uris[] = { "memory:rw", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	o.stores = uris;
	o.keyring = ring;
	NEED(site_open(other, &o) == 0, "who may write: %s", other->err.text);
}

static void
readonly(void)
{
	static const char *const uris[] = { "memory:rw?readonly=1", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site rw;
	unsigned had;

	writer(&rw);
	who_init(&u, BY_COOKIE);
	(void)put(&rw, &u, NULL, "a", "1");
	o.stores = uris;
	o.keyring = ring;
	NEED(site_open(&w, &o) == 0, "a read-only site: %s", w.err.text);
	w.now = rw.now;
	had = w.writes;
	T(holds(&w, &u, NULL, NULL, "a", "1"), "readonly: sessions are read");
	w.now += 1000;
	(void)ask(&c, &w, &u, NULL);
	T(sstate_commit(c.s) == 0 && w.writes == had,
	    "when a renewal or a new id is due, nothing is written, and "
	    "nothing fails");
	answer(&c);
	T(heads(&c, "Set-Cookie") == 0, "nor is a cookie sent");
	drop(&c);
	T(put(&w, &u, NULL, "a", "2") == SSTATE_EBUSY,
	    "a change is EBUSY: nothing was written");
	(void)ask(&c, &w, &u, NULL);
	T(sstate_logout(c.s) == SSTATE_EBUSY, "a log-out as well");
	drop(&c);
	rw.now = w.now;
	T(holds(&rw, &u, NULL, NULL, "a", "1"), "it is as it was");
	site_close(&w);
	site_close(&rw);
}

/* The mark that a new id was used is left for who may write. */
static void
readonly_fresh(void)
{
	static const char *const uris[] = { "memory:rw", NULL };
	static const char *const ro[] = { "memory:rw?readonly=1", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct site rw;

	o.keyring = ring;
	o.stores = uris;
	NEED(site_open(&rw, &o) == 0, "who may write");
	who_init(&u, BY_COOKIE);
	(void)put(&rw, &u, NULL, "a", "1");
	(void)ask(&c, &rw, &u, NULL);
	(void)sstate_rotate(c.s);
	(void)end(&c);
	o.stores = ro;
	NEED(site_open(&w, &o) == 0, "who may not");
	(void)ask(&c, &w, &u, NULL);
	T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "1") && end(&c) == 0,
	    "readonly: a fresh id is read, and its first use not marked");
	site_close(&w);
	site_close(&rw);
}

/* ---- max_expires ------------------------------------------------------- */

static void
capped(void)
{
	struct sstate_how must = demands();
	unsigned n = 0;

	site("?max_expires=60", BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	(void)ask(&c, &w, &u, NULL);
	T(sstate_inspect(c.s)->expires == w.now + 60,
	    "max_expires: a session says itself that it ends sooner");
	drop(&c);
	for (n = 0; n < 20; n++) {
		w.now += 10;
		if (request(&w, &u, NULL) != 0)
			break;
	}
	T(n == 20 && holds(&w, &u, NULL, NULL, "a", "1"),
	    "one in use is renewed in time");
	w.now += 60;
	T(ask(&c, &w, &u, Q(.how = &must)) == SSTATE_EEXPIRED,
	    "R-20 one that is not ends");
	drop(&c);
	(void)put(&w, &u, NULL, "a", "2");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_set_expires(c.s, 1000);
	T(end(&c) == 0, "a deadline beyond it is set");
	w.now += 59;
	T(holds(&w, &u, NULL, NULL, "a", "2"), "it lives until the cap");
	w.now += 1;
	T(ask(&c, &w, &u, Q(.how = &must)) == SSTATE_EEXPIRED,
	    "R-20 and no longer, to the second, reaped or not");
	drop(&c);
	site_close(&w);
}

static int
counts(void *arg, const struct sstate_info *info)
{
	(void)info;
	++*(unsigned *)arg;
	return 0;
}

static void
capped_list(void)
{
	unsigned n = 0;

	site("?max_expires=60", BY_COOKIE);
	(void)put(&w, &u, NULL, "a", "1");
	(void)ask(&c, &w, &u, NULL);
	(void)sstate_set_expires(c.s, 1000);
	(void)end(&c);
	T(sstate_list(w.env, NULL, counts, &n, NULL) == 0 && n == 1,
	    "it is listed");
	w.now += 60;
	n = 0;
	T(sstate_list(w.env, NULL, counts, &n, NULL) == 0 && n == 0,
	    "I4 and not any more, reaped or not");
	site_close(&w);
}

/* ---- max_records ------------------------------------------------------- */

static void
full(void)
{
	static const char *const uris[] = { "memory:?max_records=5", NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct who one, other;
	unsigned n, bad = 0;

	o.stores = uris;
	NEED(site_open(&w, &o) == 0, "a site for five: %s", w.err.text);
	who_init(&one, BY_COOKIE);
	(void)put(&w, &one, NULL, "a", "1");
	for (n = 0; n < 4; n++) {
		who_init(&other, BY_COOKIE);
		bad += put(&w, &other, NULL, "a", "1") != 0;
	}
	who_init(&other, BY_COOKIE);
	T(bad == 0 && put(&w, &other, NULL, "a", "1") == SSTATE_EBUSY,
	    "R-103 over max_records a new session is EBUSY, 503");
	T(put(&w, &one, NULL, "a", "2") == 0 &&
		holds(&w, &one, NULL, NULL, "a", "2"),
	    "R-103 those that are there go on");
	(void)ask(&c, &w, &one, NULL);
	(void)sstate_login(c.s, "adam");
	T(end(&c) == 0, "R-103 and may log in");
	site_close(&w);
}

int
main(void)
{
	kit_folder(folder);
	(void)snprintf(ring, sizeof(ring), "%s/ring", folder);
	failed_read(BY_COOKIE, SSTATE_ESTORE);
	failed_read(BY_PAGE, SSTATE_EBUSY);
	failed_read(BY_OWN, SSTATE_ESYS);
	comes_back();
	failed_write(BY_COOKIE);
	failed_write(BY_OWN);
	hard();
	throttled();
	readonly();
	readonly_fresh();
	capped();
	capped_list();
	full();
	return tap_done();
}
