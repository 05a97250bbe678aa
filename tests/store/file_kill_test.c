/*
 * file_kill_test.c - a writer killed at each of its system calls
 *
 * The parent follows its child from call to call (ptrace) and kills it at
 * the k-th, k = 1, 2, ... until the child comes through.  After each kill
 * the record is the old or the new one, a further write works, and the
 * reaper finds it.
 */
#include "file_kit.h"

#include <signal.h>
#include <sys/ptrace.h>

enum { BIG = 9000, EXPIRES = 100000 };

static struct got got;
static char big[BIG];

struct scene {
	const char *name;
	int prepared; /* is there an old record? */
	int gone_ok; /* may there be none afterwards? */
	int (*act)(void *ctx, const struct sstate_key *key);
};

static int
act_create(void *c, const struct sstate_key *key)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);

	return drv->create(c, key, &rec, NULL);
}

static int
act_login(void *c, const struct sstate_key *key)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);

	kit_tag(&rec, 9);
	return drv->create(c, key, &rec, NULL);
}

static int
act_replace(void *c, const struct sstate_key *key)
{
	struct sstate_record rec = kit_rec(2, "new", 3, 2 * EXPIRES);

	return drv->replace(c, key, 1, &rec, NULL);
}

static int
act_user(void *c, const struct sstate_key *key)
{
	struct sstate_record rec = kit_rec(2, "new", 3, EXPIRES);

	kit_tag(&rec, 9);
	return drv->replace(c, key, 1, &rec, NULL);
}

static int
act_grow(void *c, const struct sstate_key *key)
{
	struct sstate_record rec = kit_rec(2, big, sizeof(big), EXPIRES);

	return drv->replace(c, key, 1, &rec, NULL);
}

static int
act_remove(void *c, const struct sstate_key *key)
{
	return drv->remove(c, key, 1, NULL);
}

static int
act_reap(void *c, const struct sstate_key *key)
{
	uint64_t n;

	return drv->reap(&n, c, key->ns, 2 * EXPIRES, 0, NULL);
}

static const struct scene scenes[] = {
	{ "create", 0, 1, act_create },
	{ "create for a user", 0, 1, act_login },
	{ "replace, expires later", 1, 0, act_replace },
	{ "replace, other user", 1, 0, act_user },
	{ "growth", 1, 0, act_grow },
	{ "remove", 1, 1, act_remove },
	{ "reap", 1, 1, act_reap },
};

static void
child(const struct scene *s, const char *dir, const char *params,
    const struct sstate_key *key)
{
	void *c = kit_open(dir, params);

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	(void)raise(SIGSTOP);
	_exit(s->act(c, key) == 0 ? 0 : 1);
}

/* 1: killed at call k; 0: it ended first, well; -1: it failed. */
static int
run_until(pid_t pid, unsigned k)
{
	unsigned stops = 0;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid)
			return -1;
		if (WIFEXITED(status))
			return WEXITSTATUS(status) == 0 ? 0 : -1;
		if (WIFSIGNALED(status))
			return -1;
		/* Stops come in pairs: entry (odd) and exit. */
		if (++stops == 2 * k - 1) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return 1;
		}
	}
}

static int
is_old(void)
{
	return got.rec.rev == 1 && got.rec.body.len == 3 &&
	    memcmp(got.body, "old", 3) == 0;
}

static int
is_new(void)
{
	return got.rec.rev == 2 &&
	    ((got.rec.body.len == 3 && memcmp(got.body, "new", 3) == 0) ||
		(got.rec.body.len == BIG && memcmp(got.body, big, BIG) == 0));
}

static int
count(void *arg, const struct sstate_key *key, const struct sstate_record *rec)
{
	(void)key;
	(void)rec;
	++*(int *)arg;
	return 0;
}

/* NULL, or what is wrong after the kill. */
static const char *
check(const struct scene *s, const char *dir, const char *params,
    const struct sstate_key *key)
{
	static const unsigned char his[SSTATE_TAG_BYTES] = { 9, 9, 9, 9, 9, 9,
		9, 9, 9, 9, 9, 9, 9, 9, 9, 9 };
	struct sstate_record rec = kit_rec(3, "next", 4, EXPIRES);
	void *c = kit_open(dir, params);
	const char *bad = NULL;
	uint64_t n = 0;
	int r = kit_get(&got, c, key), listed = 0;

	if (r == SSTATE_ENOTFOUND && !s->gone_ok)
		bad = "the record is gone";
	else if (r != SSTATE_ENOTFOUND && (r != 0 || (!is_old() && !is_new())))
		bad = "neither old nor new";
	else if (r == 0 && got.rec.tag[0] == 9 &&
	    (drv->each(c, key->ns, his, count, &listed, NULL) != 0 ||
		listed != 1))
		bad = "a user's record that his index lacks";
	else if ((r == 0 ? drv->replace(c, key, got.rec.rev, &rec, NULL)
			 : drv->create(c, key, &rec, NULL)) != 0)
		bad = "no further write";
	else if (kit_get(&got, c, key) != 0 || got.rec.rev != 3)
		bad = "the further write is not there";
	else if (drv->reap(&n, c, key->ns, 4 * EXPIRES, 0, NULL) != 0 || n != 1)
		bad = "the reaper does not find it";
	else if (kit_get(&got, c, key) != SSTATE_ENOTFOUND)
		bad = "reaped, but there";
	drv->close(c);
	return bad;
}

static void
play(const struct scene *s, const char *params)
{
	struct sstate_record old = kit_rec(1, "old", 3, EXPIRES);
	struct sstate_key key = kit_key(1, "app"), pad = kit_key(2, "app");
	const char *bad = NULL;
	char dir[KIT_DIR];
	unsigned k = 0;
	int r = 1;
	void *c;
	pid_t pid;

	while (r == 1 && bad == NULL && ++k < 1000) {
		kit_tmp_fast(dir, sizeof(dir));
		c = kit_open(dir, params);
		if ((s->prepared && drv->create(c, &key, &old, NULL) != 0) ||
		    (k % 2 && drv->create(c, &pad, &old, NULL) != 0) ||
		    (k % 2 && drv->remove(c, &pad, 1, NULL) != 0))
			bad = "cannot prepare";
		drv->close(c);
		if ((pid = fork()) == 0)
			child(s, dir, params, &key);
		r = run_until(pid, k);
		if (bad == NULL)
			bad = check(s, dir, params, &key);
		kit_rm(dir);
	}
	T(bad == NULL && r == 0, "I1 %s %s, killed at each of %u calls: %s",
	    s->name, params, k - 1, bad != NULL ? bad : "old or new");
}

static int
can_trace(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0;
}

int
main(void)
{
	size_t i;

	memset(big, 'b', sizeof(big));
	if (!can_trace()) {
		tap_skip("ptrace is not allowed here");
		return tap_done();
	}
	for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		play(&scenes[i], "?sync=none");
		play(&scenes[i], "?sync=data");
	}
	play(&scenes[0], "?sync=full");
	play(&scenes[4], "?sync=full");
	return tap_done();
}
