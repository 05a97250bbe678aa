/*
 * layers_test.c - sessions over near copies of a far store
 *
 * Two sites share the far store; the second one's writes pass the first
 * one's near store by, so that a copy there is old: as after a kill between
 * the two, or with a near store that not all hosts share.
 */
#include "harness.h"
#include "kit.h"

#include "mapstore.h"

static struct map near, far;
static struct site here, there; /* over near and far; over far alone */
static struct who u;
static struct call c;
static char folder[256], ring[300];

static void
sites(const char *params, uint32_t carry)
{
	static const struct sstate_driver *const drivers[] = { &map_driver,
		NULL };
	static char uri[64];
	static const char *both[] = { uri, "map:", NULL };
	static const char *const one[] = { "map:", NULL };
	static void *handles[3];
	struct sstate_options o = SSTATE_OPTIONS_INIT;

	memset(&near, 0, sizeof(near));
	memset(&far, 0, sizeof(far));
	(void)snprintf(uri, sizeof(uri), "map:%s", params);
	o.drivers = drivers;
	o.flags = carry;
	o.keyring = ring;
	o.rotate = -1;
	handles[0] = &near;
	handles[1] = &far;
	o.stores = both;
	o.handles = handles;
	NEED(site_open(&here, &o) == 0, "layers: %s", here.err.text);
	o.stores = one;
	o.handles = handles + 1;
	NEED(site_open(&there, &o) == 0, "far alone: %s", there.err.text);
	who_init(&u, carry);
}

static void
closed(void)
{
	site_close(&here);
	site_close(&there);
	map_free(&near);
	map_free(&far);
}

static int
logged(const char *word)
{
	return strstr(here.log, word) != NULL;
}

/* The client's session, with a copy in near that is about to be old. */
static void
make(const char *user)
{
	(void)ask(&c, &here, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "old");
	if (user != NULL)
		(void)sstate_login(c.s, user);
	(void)end(&c);
	(void)request(&here, &u, NULL); /* a new id's first use is marked */
	(void)request(&here, &u, NULL);
}

/* ---- What a client has seen (protocol, section 3) ---------------------- */

static void
rollback(void)
{
	const char *page, *csrf;

	sites("", BY_OWN);
	make(NULL);
	(void)put(&there, &u, NULL, "a", "new");
	(void)ask(&c, &there, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "carried");
	page = sstate_fields(c.s, SSTATE_WITH_PAGE, "act");
	csrf = field_of(page, ".csrf");
	page = field_of(page, ".page");
	(void)end(&c);
	T(holds(&here, &u, NULL, NULL, "a", "old"), "(the near copy is old)");
	(void)ask(&c, &here, &u, Q(.form = fmt(".page=%s", page)));
	T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "new") &&
		is(c.s, SSTATE_PAGE, "p", "carried") && !is_stale(c.s),
	    "page state that is newer than the copy: the far store is read");
	drop(&c);
	T(!logged("ROLLBACK"), "and nothing was rolled back");
	T(near.n == 0, "the old copy is dropped");

	make(NULL);
	(void)put(&there, &u, NULL, "a", "new");
	(void)ask(&c, &there, &u, NULL);
	csrf = fmt("%s", sstate_csrf(c.s, "act"));
	(void)end(&c);
	(void)ask(&c, &here, &u, Q(.form = fmt(".csrf=%s", csrf)));
	T(c.r == 0 && sstate_check(c.s, "act") == 0 &&
		is(c.s, SSTATE_STORED, "a", "new") && !logged("ROLLBACK"),
	    "a form that is newer than the copy: as well");
	drop(&c);
	closed();
}

static void
rolled_back(void)
{
	struct map old;
	const char *csrf, *page;

	memset(&old, 0, sizeof(old));
	sites("", BY_OWN);
	make(NULL);
	map_copy(&old, &far);
	(void)put(&there, &u, NULL, "a", "new");
	(void)ask(&c, &there, &u, NULL);
	(void)sstate_setstr(c.s, SSTATE_PAGE, "p", "carried");
	page = sstate_fields(c.s, SSTATE_WITH_PAGE, "act");
	csrf = field_of(page, ".csrf");
	page = field_of(page, ".page");
	(void)end(&c);
	map_copy(&far, &old);
	(void)ask(&c, &here, &u, Q(.form = fmt(".page=%s", page)));
	T(c.r == SSTATE_EBUSY && logged("ROLLBACK"),
	    "far is behind as well: ROLLBACK, EBUSY, for it is not linear");
	drop(&c);
	(void)ask(&c, &here, &u, Q(.form = fmt(".csrf=%s", csrf)));
	T(c.r == 0 && sstate_check(c.s, "act") == SSTATE_EAUTH,
	    "a form that is newer than far is refused");
	drop(&c);
	map_free(&old);
	closed();
}

/* A form that names a revision gives nobody anything. */
static void
forged_witness(void)
{
	char text[57];
	unsigned gets;

	sites("", BY_OWN);
	make(NULL);
	memset(text, '_', 56);
	text[56] = '\0';
	gets = far.gets;
	(void)ask(&c, &here, &u, Q(.form = fmt(".csrf=%s", text)));
	T(c.r == 0 && far.gets == gets + 1 &&
		sstate_check(c.s, "act") == SSTATE_EAUTH,
	    "R-60 a forged form costs one read, and is refused");
	drop(&c);
	closed();
}

/* ---- Writes ------------------------------------------------------------ */

static void
merges(void)
{
	int64_t n = 0;
	unsigned i;

	sites("", BY_OWN);
	make(NULL);
	for (i = 0; i < 5; i++) {
		/* a copy, made old, and a change over it */
		(void)request(&here, &u, NULL);
		(void)ask(&c, &there, &u, NULL);
		(void)sstate_incr(NULL, c.s, "n", 10);
		(void)end(&c);
		(void)ask(&c, &here, &u, NULL);
		(void)sstate_incr(&n, c.s, "n", 1);
		T(sstate_commit(c.s) == 0,
		    "R-33 a change over an old copy is merged: round %u", i);
		drop(&c);
	}
	T(holds(&here, &u, NULL, NULL, "n", "55") &&
		holds(&there, &u, NULL, NULL, "n", "55"),
	    "R-33 and every addition counts");
	closed();
}

static void
ended(void)
{
	sites("", BY_OWN);
	make(NULL);
	(void)ask(&c, &there, &u, NULL);
	T(sstate_logout(c.s) == 0, "(it ends where near is not reached)");
	drop(&c);
	(void)ask(&c, &here, &u, NULL);
	T(c.r == 0 && is(c.s, SSTATE_STORED, "a", "old"),
	    "nobody's session may be read for max_expires");
	(void)sstate_setstr(c.s, SSTATE_STORED, "a", "again");
	T(sstate_commit(c.s) == SSTATE_EGONE && far.n == 0,
	    "R-26 but is never written again");
	drop(&c);
	(void)ask(&c, &here, &u, NULL);
	T(c.r == 0 && is_new(c.s), "R-26 and then it is gone here, too");
	drop(&c);
	make(NULL);
	(void)ask(&c, &there, &u, NULL);
	(void)sstate_logout(c.s);
	drop(&c);
	here.now += 60;
	(void)ask(&c, &here, &u, NULL);
	T(c.r == 0 && is_new(c.s), "I4 nor read after max_expires");
	drop(&c);
	closed();
}

static void
logout_here(void)
{
	sites("", BY_OWN);
	make(NULL);
	T(near.n == 1, "(there is a copy)");
	(void)ask(&c, &here, &u, NULL);
	T(sstate_logout(c.s) == 0 && near.n == 0 && far.n == 0,
	    "R-25 a log-out ends the record and its copy");
	drop(&c);
	make(NULL);
	near.fail_write = SSTATE_ESTORE;
	(void)ask(&c, &here, &u, NULL);
	T(sstate_logout(c.s) == SSTATE_ESTORE,
	    "R-25 and is no success while a copy may be left");
	drop(&c);
	near.fail_write = 0;
	closed();
}

/* Undecided: a repeated commit finds that it is written, and drops the copy. */
static void
undecided(void)
{
	sites("", BY_OWN);
	make(NULL);
	(void)ask(&c, &here, &u, NULL);
	(void)sstate_incr(NULL, c.s, "n", 1);
	near.fail_write = SSTATE_ESTORE;
	T(sstate_commit(c.s) == SSTATE_ESTORE && near.n == 1 &&
		holds(&there, &u, NULL, NULL, "n", "1"),
	    "the copy cannot be dropped: ESTORE, though far has it");
	T(sstate_commit(c.s) == SSTATE_ESTORE,
	    "and it stays undecided as long as that is so");
	near.fail_write = 0;
	T(sstate_commit(c.s) == 0 && near.n == 0 &&
		holds(&there, &u, NULL, NULL, "n", "1"),
	    "then it is done, once, and the copy is gone");
	drop(&c);
	closed();
}

/* ---- Logged-in sessions ------------------------------------------------ */

static void
confirmed(void)
{
	unsigned i, whole = 0;

	sites("", BY_OWN);
	make("adam");
	(void)request(&here, &u, NULL);
	for (i = 0; i < near.n; i++)
		whole += near.e[i].rec.body.len > 64;
	T(near.n > 0 && whole == 0,
	    "of a logged-in session near never has the record");
	(void)ask(&c, &there, &u, NULL);
	(void)sstate_logout(c.s);
	drop(&c);
	(void)ask(&c, &here, &u, NULL);
	T(c.r == 0 && is_new(c.s),
	    "R-26 one that was ended elsewhere is not served, to the instant");
	drop(&c);
	closed();
}

/* A6: who can write the near store puts the old record there, unmarked. */
static void
planted(void)
{
	unsigned char body[2048] = "SSN1R";
	struct sstate_record e;
	struct sstate_key key;
	unsigned i;

	sites("", BY_OWN);
	make("adam");
	for (i = 0; i < far.n && far.e[i].rec.flags == 0; i++)
		;
	NEED(i < far.n && far.e[i].rec.body.len < sizeof(body) - 32,
	    "(the record of the logged-in session)");
	e = far.e[i].rec;
	for (size_t b = 0; b < 8; b++)
		body[8 + b] = (unsigned char)((uint64_t)e.expires >> (8 * b));
	memcpy(body + 16, e.tag, sizeof(e.tag));
	memcpy(body + 32, e.body.ptr, e.body.len);
	memcpy(key.id, far.e[i].id, sizeof(key.id));
	key.ns = "app";
	e.body.ptr = (const char *)body;
	e.body.len += 32;
	e.expires = here.now + 50;
	e.flags = 0;
	(void)map_remove(&near, &key, SSTATE_ANY_REV, NULL);
	(void)map_create(&near, &key, &e, NULL);
	T(holds(&here, &u, NULL, NULL, "a", "old"), "(it opens, as it must)");
	(void)map_remove(&near, &key, SSTATE_ANY_REV, NULL);
	(void)map_create(&near, &key, &e, NULL);
	(void)ask(&c, &there, &u, NULL);
	(void)sstate_logout(c.s);
	drop(&c);
	(void)ask(&c, &here, &u, NULL);
	T(c.r == 0 && is_new(c.s),
	    "R-26 an unmarked copy of a log-in is confirmed all the same");
	drop(&c);
	closed();
}

/* ---- Once -------------------------------------------------------------- */

static void
once(void)
{
	const char *form;

	sites("", BY_OWN);
	make(NULL);
	(void)ask(&c, &here, &u, NULL);
	form = sstate_fields(c.s, SSTATE_ONCE, "act");
	form = form_of(form);
	(void)end(&c);
	(void)request(&here, &u, NULL);
	(void)ask(&c, &there, &u, Q(.form = form));
	T(c.r == 0 && sstate_check(c.s, "act") == 0, "(used elsewhere)");
	(void)end(&c);
	(void)ask(&c, &here, &u, Q(.form = form));
	T(c.r == 0 && sstate_check(c.s, "act") == SSTATE_EEXPIRED,
	    "R-67 a once page is taken one time, over an old copy as well");
	drop(&c);
	closed();
}

/* ---- By the environment ------------------------------------------------ */

static void
by_environment(void)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	char token[KIT_TOKEN + 1];
	struct sstate *env;
	char list[700];

	(void)snprintf(list, sizeof(list),
	    "memory:envnear?max_expires=5  \tfile:%s/far?sync=none", folder);
	NEED(setenv("SECURESTATE_STORES", list, 1) == 0, "a variable");
	o.flags = SSTATE_CARRY_OWN;
	NEED(sstate_open(&env, &o, &err) == 0,
	    "SECURESTATE_STORES names two: %s", err.text);
	T(kit_make(token, env, "a", "1", NULL) == 0 &&
		kit_opens(env, token) == 0,
	    "and they are layers");
	(void)snprintf(list, sizeof(list), "%s/far/n.app", folder);
	T(kit_files(list) > 0, "the records are in the last one");
	(void)snprintf(list, sizeof(list), "%s/far/keyring", folder);
	T(access(list, F_OK) == 0, "and the ring beside it");
	sstate_close(env);
	NEED(setenv("SECURESTATE_STORES", "memory: memory:", 1) == 0 &&
		setenv("STATE_DIRECTORY", "/nonexistent", 1) == 0 &&
		sstate_open(&env, &o, &err) == 0,
	    "memory: before memory: has its ring in memory: %s", err.text);
	T(kit_make(token, env, "a", "1", NULL) == 0 &&
		kit_opens(env, token) == 0,
	    "and works");
	sstate_close(env);
	(void)unsetenv("SECURESTATE_STORES");
	(void)unsetenv("STATE_DIRECTORY");
}

int
main(void)
{
	kit_folder(folder);
	(void)snprintf(ring, sizeof(ring), "%s/ring", folder);
	rollback();
	rolled_back();
	forged_witness();
	merges();
	ended();
	logout_here();
	undecided();
	confirmed();
	planted();
	once();
	by_environment();
	return tap_done();
}
