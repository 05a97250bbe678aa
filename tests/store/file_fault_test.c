/*
 * file_fault_test.c - each system call of the file store fails, one by one
 *
 * link: -Wl,--wrap=pwrite,--wrap=pread,--wrap=write,--wrap=fdatasync
 * link: -Wl,--wrap=fsync,--wrap=renameat,--wrap=linkat,--wrap=unlinkat
 * link: -Wl,--wrap=openat,--wrap=fallocate,--wrap=fchmod,--wrap=mkdirat
 * link: -Wl,--wrap=mknodat,--wrap=ftruncate,--wrap=close,--wrap=fcntl
 * link: -Wl,--wrap=fstatat,--wrap=fstat,--wrap=syscall,--wrap=malloc
 *
 * The k-th call fails, k = 1, 2, ... until none is left to fail.  After
 * each: a typed error or a whole success, the old record or the new one, no
 * descriptor left open, and the same context works again.
 */
#include "file_kit.h"

#include "file_wrap.h"
#include "store/file_slot.h"

enum { EXPIRES = 100000, BIG = 9000 };

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *
__wrap_malloc(size_t n)
{
	return now(C_MALLOC, 'M', 0) ? NULL : __real_malloc(n);
}

static struct got got;
static char big[BIG];
static const struct sstate_key key = { "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
	"app" };

static int
none(void *arg, const struct sstate_key *k, const struct sstate_record *rec)
{
	(void)arg;
	(void)k;
	(void)rec;
	return 0;
}

static int
act(const char *what, void *c, struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);
	struct sstate_record same = kit_rec(2, "new", 3, 300);
	struct sstate_record more = kit_rec(2, big, BIG, EXPIRES);
	int64_t seen;
	uint64_t n;

	if (strcmp(what, "create") == 0)
		return drv->create(c, &key, &rec, err);
	if (strcmp(what, "replace") == 0)
		return drv->replace(c, &key, 1, &same, err);
	kit_tag(&rec, 9);
	if (strcmp(what, "log-in") == 0)
		return drv->replace(c, &key, 1, &rec, err);
	if (strcmp(what, "create for a user") == 0)
		return drv->create(c, &key, &rec, err);
	if (strcmp(what, "growth") == 0)
		return drv->replace(c, &key, 1, &more, err);
	if (strcmp(what, "remove") == 0)
		return drv->remove(c, &key, 1, err);
	if (strcmp(what, "reap") == 0)
		return drv->reap(&n, c, key.ns, EXPIRES, 0, err);
	if (strcmp(what, "each") == 0)
		return drv->each(c, key.ns, NULL, none, NULL, err);
	if (strcmp(what, "latest") == 0)
		return drv->latest(&seen, c, 5000, err);
	got.calls = got.answer = 0;
	return drv->get(c, &key, kit_found, &got, err);
}

static const struct {
	const char *name;
	int old; /* is there a record before? */
	int writes; /* is there another afterwards? */
	int ends;
} scenes[] = {
	{ "create", 0, 1, 0 },
	{ "create for a user", 0, 1, 0 },
	{ "replace", 1, 1, 0 },
	{ "log-in", 1, 1, 0 },
	{ "growth", 1, 1, 0 },
	{ "remove", 1, 0, 1 },
	{ "reap", 1, 0, 1 },
	{ "get", 1, 0, 0 },
	{ "each", 1, 0, 0 },
	{ "latest", 1, 0, 0 },
};

/* NULL, or what is wrong. */
static const char *
judge(size_t i, void *c, int r, int must, const struct sstate_error *err)
{
	struct sstate_record rec = kit_rec(7, "next", 4, EXPIRES);
	int is = kit_get(&got, c, &key), old, new;

	old = scenes[i].old ? is == 0 && got.rec.rev == 1 &&
		got.rec.body.len == 3 && memcmp(got.body, "old", 3) == 0
			    : is == SSTATE_ENOTFOUND;
	new = scenes[i].writes ? is == 0 && got.rec.rev == 2 &&
		(got.rec.body.len == BIG || memcmp(got.body, "new", 3) == 0)
			       : is == SSTATE_ENOTFOUND;
	if (must && r != 0)
		return "it was not tried again";
	if (r != 0 && (r != err->code || strncmp(err->text, "file: ", 6) != 0))
		return "no text";
	if (r != 0 && r != SSTATE_ESTORE && r != SSTATE_ENOMEM)
		return "the wrong code";
	if (r == 0 && (scenes[i].writes || scenes[i].ends) &&
	    !new &&strcmp(scenes[i].name, "reap") != 0)
		return "a success that is none";
	if (!old && !(new && (scenes[i].writes || scenes[i].ends)))
		return "neither old nor new";
	if (strcmp(scenes[i].name, "latest") != 0 &&
	    (is == 0 ? drv->replace(c, &key, got.rec.rev, &rec, NULL)
		     : drv->create(c, &key, &rec, NULL)) != 0)
		return "no further write in the same context";
	return NULL;
}

static void
sweep(size_t i, const char *params, int kind, int error, int which, int must)
{
	struct sstate_record old = kit_rec(1, "old", 3, 300);
	struct sstate_error err;
	const char *bad = NULL;
	char dir[KIT_DIR];
	unsigned k = 0;
	int r = 0, fds;
	void *c;

	do {
		kit_tmp_fast(dir, sizeof(dir));
		fds = kit_fds();
		c = kit_open(dir, params);
		if (scenes[i].old && drv->create(c, &key, &old, NULL) != 0)
			bad = "cannot prepare";
		memset(&err, 0, sizeof(err));
		memset(&inject, 0, sizeof(inject));
		inject.kind = kind;
		inject.error = error;
		inject.which = which;
		inject.k = ++k;
		inject.on = 1;
		r = act(scenes[i].name, c, &err);
		inject.on = 0;
		if (bad == NULL)
			bad = judge(i, c, r, must || !inject.fired, &err);
		drv->close(c);
		if (bad == NULL && kit_fds() != fds)
			bad = "a descriptor leaks";
		kit_rm(dir);
	} while (inject.fired && bad == NULL && k < 1000);
	T(bad == NULL, "%s %s, %s at each of %u calls: %s (%s) %s",
	    scenes[i].name, params,
	    kind == SHORT ? "half of it" : strerrorname_np(error), k - 1,
	    bad != NULL ? bad : "safe", err.text,
	    bad != NULL ? inject.log : "");
}

/* Where in the log of calls c is; the log is one operation long. */
static void
replace_log(void *c, uint64_t rev, int *r)
{
	struct sstate_record rec = kit_rec(rev + 1, "next", 4, 300);

	inject.len = 0;
	memset(inject.log, 0, sizeof(inject.log));
	inject.n = 0;
	inject.on = 1;
	*r = drv->replace(c, &key, rev, &rec, NULL);
	inject.on = 0;
}

/* 3.3: after a failed fdatasync nothing is believed to be on disk. */
static void
final(void)
{
	struct sstate_record old = kit_rec(1, "old", 3, 300);
	char dir[KIT_DIR];
	int r;
	void *c;

	kit_tmp(dir, sizeof(dir));
	c = kit_open(dir, "?sync=data");
	memset(&inject, 0, sizeof(inject));
	NEED(drv->create(c, &key, &old, NULL) == 0, "a record");
	replace_log(c, 1, &r);
	T(r == 0 && strcmp(strchr(inject.log, 'r'), "rwswc") == 0,
	    "sync=data: read, write, fdatasync, mark, close: %s", inject.log);
	inject.which = C_SYNC;
	inject.error = EIO;
	inject.k = 1;
	replace_log(c, 2, &r);
	T(r == SSTATE_ESTORE && strcmp(strchr(inject.log, 'r'), "rwsc") == 0,
	    "a failed fdatasync is ESTORE, not tried again, not marked: %s",
	    inject.log);
	inject.k = 0;
	replace_log(c, 3, &r);
	T(r == 0 && strcmp(strchr(inject.log, 'r'), "rwswwswc") == 0 &&
		inject.at[strchr(inject.log, 'w') - inject.log] == 0,
	    "the next writer writes that slot anew and syncs it before it "
	    "touches the other: %s",
	    inject.log);
	inject.k = 1;
	inject.fired = 0;
	replace_log(c, 4, &r);
	T(r == SSTATE_ESTORE && inject.fired, "it fails once more");
	inject.len = 0;
	memset(inject.log, 0, sizeof(inject.log));
	inject.k = 0;
	inject.on = 1;
	r = drv->remove(c, &key, 5, NULL);
	inject.on = 0;
	T(r == 0 && strstr(inject.log, "rwswws") != NULL,
	    "so does who ends it: %s", inject.log);
	drv->close(c);
	kit_rm(dir);
}

int
main(void)
{
	static const int errors[] = { ENOSPC, EIO, EMFILE };
	size_t i, j;

	memset(big, 'b', sizeof(big));
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		for (j = 0; j < sizeof(errors) / sizeof(errors[0]); j++) {
			sweep(i, "?sync=data", FAIL, errors[j], C_ALL, 0);
			sweep(i, "?sync=none", FAIL, errors[j], C_ALL, 0);
		}
		sweep(i, "?sync=full", FAIL, EDQUOT, C_ALL, 0);
		sweep(i, "?sync=data", FAIL, EINTR,
		    C_PWRITE | C_PREAD | C_WRITE | C_SYNC | C_ROOM | C_CLOSE |
			C_FCNTL,
		    1);
		sweep(i, "?sync=data", SHORT, 0, C_PWRITE | C_PREAD | C_WRITE,
		    1);
	}
	final();
	return tap_done();
}
