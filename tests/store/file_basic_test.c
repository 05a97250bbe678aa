/*
 * file_basic_test.c - file: the six functions, one process, no trouble
 */
#include "file_kit.h"

static struct got got;
static char dir[KIT_DIR];
static const char *const syncs[] = { "?sync=none", "?sync=data", "?sync=full" };

static int
body_is(const char *body, size_t len)
{
	return got.rec.body.len == len && memcmp(got.body, body, len) == 0;
}

static void
cycle(const char *params, uint64_t n)
{
	struct sstate_key key = kit_key(n, "app"), other = kit_key(n, "App");
	struct sstate_record a = kit_rec(7, "one", 3, 5000);
	struct sstate_record b = kit_rec(8, "two!", 4, 6000);
	struct sstate_error err = { 0 };
	void *c = kit_open(dir, params);

	kit_tag(&b, 3);
	b.flags = SSTATE_REC_VERIFY;
	T(kit_get(&got, c, &key) == SSTATE_ENOTFOUND && got.calls == 0,
	    "nothing there is ENOTFOUND %s", params);
	T(drv->replace(c, &key, 7, &b, &err) == SSTATE_ENOTFOUND,
	    "R-26 replace does not create");
	T(drv->remove(c, &key, SSTATE_ANY_REV, &err) == 0,
	    "nothing to remove is no error");
	T(drv->create(c, &key, &a, &err) == 0, "create: %s", err.text);
	T(drv->create(c, &key, &b, &err) == SSTATE_EEXIST,
	    "create is exclusive");
	T(kit_get(&got, c, &key) == 0 && got.calls == 1 && body_is("one", 3) &&
		got.rec.rev == 7 && got.rec.expires == 5000 &&
		got.rec.flags == 0,
	    "get gives what was created");
	T(kit_get(&got, c, &other) == SSTATE_ENOTFOUND,
	    "another namespace, same id: nothing");
	T(kit_get(&got, c, &key) == 0 &&
		drv->replace(c, &other, 7, &b, &err) == SSTATE_ENOTFOUND &&
		kit_get(&got, c, &key) == 0 && body_is("one", 3),
	    "nor is what was read for one replaced for the other");
	T(drv->replace(c, &key, 6, &b, &err) == SSTATE_ECONFLICT &&
		drv->replace(c, &key, 8, &b, &err) == SSTATE_ECONFLICT &&
		drv->replace(c, &key, SSTATE_ANY_REV, &b, &err) ==
		    SSTATE_ECONFLICT &&
		drv->replace(c, &key, 0, &b, &err) == SSTATE_ECONFLICT,
	    "a stale, a future, no revision: ECONFLICT");
	T(kit_get(&got, c, &key) == 0 && body_is("one", 3),
	    "a lost race writes nothing");
	T(drv->replace(c, &key, 7, &b, &err) == 0, "replace: %s", err.text);
	T(kit_get(&got, c, &key) == 0 && body_is("two!", 4) &&
		got.rec.rev == 8 && got.rec.expires == 6000 &&
		got.rec.flags == SSTATE_REC_VERIFY && got.rec.tag[0] == 3 &&
		got.rec.tag[15] == 3,
	    "get gives what replaced it, tag and flags too");
	T(drv->remove(c, &key, 7, &err) == SSTATE_ECONFLICT,
	    "remove of a stale revision: ECONFLICT");
	T(drv->remove(c, &key, 8, &err) == 0, "remove: %s", err.text);
	T(kit_get(&got, c, &key) == SSTATE_ENOTFOUND, "removed is gone");
	T(drv->replace(c, &key, 8, &b, &err) == SSTATE_ENOTFOUND,
	    "R-26 what ended is not brought back");
	drv->close(c);
}

/* Each length from 1 up crosses slots' sizes, page sizes, growth. */
static void
lengths(void)
{
	static const size_t len[] = { 1, 511, 512, 700, 768, 769, 960, 1000,
		4095, 4096, 4097, 65535, 65536, 65537, 300000, 100, 1 };
	struct sstate_key key = kit_key(500, "app");
	struct sstate_error err = { 0 };
	struct sstate_record rec;
	static char body[KIT_BODY];
	void *c = kit_open(dir, "?sync=none&max_bytes=300000");
	size_t i;
	int r;

	for (i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + i / 256);
	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		rec = kit_rec(i + 1, body + i, len[i], 0);
		r = i == 0 ? drv->create(c, &key, &rec, &err)
			   : drv->replace(c, &key, i, &rec, &err);
		T(r == 0 && kit_get(&got, c, &key) == 0 &&
			body_is(body + i, len[i]) && got.rec.rev == i + 1,
		    "R-98 %zu bytes come back whole", len[i]);
	}
	rec = kit_rec(99, body, 300001, 0);
	T(drv->replace(c, &key, i, &rec, &err) == SSTATE_ETOOBIG,
	    "R-98 one byte over max_bytes is refused");
	T(kit_get(&got, c, &key) == 0 && body_is(body + i - 1, 1),
	    "and what was there stays");
	drv->close(c);
}

static void
second_context(void)
{
	struct sstate_key key = kit_key(600, "app");
	struct sstate_record a = kit_rec(1, "a", 1, 0);
	struct sstate_record b = kit_rec(2, "b", 1, 0);
	struct sstate_record big = kit_rec(3, got.body, 5000, 0);
	struct sstate_error err = { 0 };
	void *c = kit_open(dir, "?sync=none"), *d = kit_open(dir, "");

	T(drv->create(c, &key, &a, &err) == 0 && kit_get(&got, d, &key) == 0 &&
		kit_get(&got, c, &key) == 0,
	    "two contexts see one record");
	T(drv->replace(d, &key, 1, &b, &err) == 0 &&
		drv->replace(c, &key, 1, &b, &err) == SSTATE_ECONFLICT,
	    "a kept descriptor does not hide a commit");
	T(kit_get(&got, c, &key) == 0 &&
		drv->replace(d, &key, 2, &big, &err) == 0 &&
		drv->replace(c, &key, 2, &b, &err) == SSTATE_ECONFLICT &&
		kit_get(&got, c, &key) == 0 && got.rec.rev == 3,
	    "nor a record that has outgrown its file");
	T(drv->remove(d, &key, 3, &err) == 0 &&
		drv->replace(c, &key, 3, &b, &err) == SSTATE_ENOTFOUND &&
		kit_get(&got, c, &key) == SSTATE_ENOTFOUND,
	    "R-26 nor an end");
	T(drv->create(c, &key, &a, &err) == 0 && kit_get(&got, d, &key) == 0 &&
		drv->remove(c, &key, 1, &err) == 0 &&
		drv->create(c, &key, &b, &err) == 0 &&
		drv->replace(d, &key, 1, &big, &err) == SSTATE_ECONFLICT &&
		drv->replace(d, &key, 2, &big, &err) == 0,
	    "a name that was ended and made again is a new record");
	drv->close(c);
	drv->close(d);
}

static void
options(void)
{
	static const struct {
		const char *params;
		int code;
	} t[] = {
		{ "?sync=often", SSTATE_EINVAL },
		{ "?sync=", SSTATE_EINVAL },
		{ "?max_bytes=0", SSTATE_EINVAL },
		{ "?max_bytes=99999999999", SSTATE_EINVAL },
		{ "?timeout_ms=0", SSTATE_EINVAL },
		{ "?timeout_ms=5", 0 },
	};
	struct sstate_error err;
	void *c;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		T(kit_open_flags(&c, dir, t[i].params, 0, &err) == t[i].code &&
			(c != NULL) == (t[i].code == 0),
		    "option %s: %s", t[i].params, err.text);
		drv->close(c);
	}
	T(kit_open_flags(&c, "", "", 0, &err) == SSTATE_EINVAL,
	    "no directory: %s", err.text);
}

static void
namespaces(void)
{
	static const char *const bad[] = { "", "a/b", "a b", "a\n",
		"123456789012345678901234567890123", NULL };
	static const char *const good[] = { ".", "..", "keyring", "clock", "=",
		"A.b-C_9", "12345678901234567890123456789012", NULL };
	struct sstate_record rec = kit_rec(1, "x", 1, 10);
	struct sstate_error err = { 0 };
	struct sstate_key key;
	void *c = kit_open(dir, "?sync=none");
	uint64_t n;
	size_t i;

	for (i = 0; bad[i] != NULL; i++) {
		key = kit_key(700, bad[i]);
		T(drv->create(c, &key, &rec, &err) == SSTATE_EINVAL,
		    "F-06, R-96 namespace \"%s\" is refused",
		    i == 3 ? "a\\n" : bad[i]);
	}
	for (i = 0; good[i] != NULL; i++) {
		if (good[i][0] == '=')
			continue;
		key = kit_key(700, good[i]);
		T(drv->create(c, &key, &rec, &err) == 0 &&
			kit_get(&got, c, &key) == 0 &&
			drv->reap(&n, c, good[i], 20, 0, &err) == 0 && n == 1 &&
			kit_get(&got, c, &key) == SSTATE_ENOTFOUND,
		    "F-06, R-96 namespace \"%s\" stays in the directory %s",
		    good[i], err.text);
	}
	drv->close(c);
}

static void
clock_ratchet(void)
{
	struct sstate_error err = { 0 };
	void *c = kit_open(dir, ""), *d;
	int64_t seen;

	T(drv->latest(&seen, c, 1000000, &err) == 0 && seen == 1000000,
	    "R-23 the latest time begins with the first");
	T(drv->latest(&seen, c, 1000100, &err) == 0 && seen == 1000100 &&
		drv->latest(&seen, c, 999000, &err) == 0 && seen == 1000100,
	    "R-23 a clock that goes back is answered with the latest");
	d = kit_open(dir, "");
	T(drv->latest(&seen, d, 999000, &err) == 0 && seen == 1000100,
	    "R-23 by another process too");
	T(drv->latest(&seen, c, 1000500, &err) == 0 && seen == 1000500 &&
		drv->latest(&seen, d, 1000200, &err) == 0 && seen == 1000500,
	    "R-23 and what this one saw is never lowered");
	drv->close(c);
	drv->close(d);
}

int
main(void)
{
	int before = kit_fds();
	uint64_t i;

	kit_tmp(dir, sizeof(dir));
	for (i = 0; i < 3; i++)
		cycle(syncs[i], i);
	lengths();
	second_context();
	options();
	namespaces();
	clock_ratchet();
	T(kit_fds() == before, "every descriptor was closed");
	kit_rm(dir);
	return tap_done();
}
