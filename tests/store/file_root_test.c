/*
 * file_root_test.c - root cleans another user's directory, and leaves
 * nothing of its own there (F-02, F-03; the cron job of the manual)
 */
#include "../tap.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <securestate.h>

enum { OWNER = 65534, START = 1000000000 };

static int64_t
at(void *arg)
{
	return *(int64_t *)arg;
}

static struct sstate *
open_env(const char *uri, int64_t *clock, uint32_t flags,
    struct sstate_error *err)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	const char *stores[2] = { uri, NULL };
	struct sstate *env = NULL;

	o.stores = stores;
	o.flags = flags | SSTATE_CARRY_OWN;
	o.arg = clock;
	o.now = at;
	(void)sstate_open(&env, &o, err);
	return env;
}

/* The owner's program: n sessions of one user. */
static int
owner(const char *uri, unsigned n)
{
	struct sstate_session *s;
	int64_t clock = START;
	struct sstate *env;
	int bad = 0;

	if (setgid(OWNER) != 0 || setuid(OWNER) != 0 ||
	    (env = open_env(uri, &clock, 0, NULL)) == NULL)
		return 1;
	for (; n > 0; n--) {
		if (sstate_begin(&s, env, NULL, NULL, NULL) != 0)
			return 2;
		bad |= sstate_login(s, "somebody");
		bad |= sstate_setstr(s, SSTATE_STORED, "a", "1");
		bad |= sstate_commit(s);
		sstate_free(s);
	}
	sstate_close(env);
	return bad != 0;
}

static int
as_owner(const char *uri, unsigned n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(owner(uri, n));
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static unsigned foreign;

static int
look(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)what;
	(void)ftw;
	if (st->st_uid != OWNER) {
		printf("# of uid %u: %s\n", (unsigned)st->st_uid, path);
		foreign++;
	}
	return 0;
}

static int
drop(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st;
	(void)what;
	(void)ftw;
	return remove(path);
}

static int
count(void *arg, const struct sstate_info *info)
{
	(void)info;
	++*(unsigned *)arg;
	return 0;
}

static void
root(const char *uri, const char *dir)
{
	struct sstate_session *s;
	struct sstate_error err = { 0, 0, "" };
	int64_t clock = START + 10;
	uint64_t removed = 0;
	struct sstate *env;
	unsigned n = 0;

	env = open_env(uri, &clock, 0, &err);
	T(env == NULL && err.code == SSTATE_EUNSAFE,
	    "F-03 without SSTATE_NO_CREATE: refused (%d)", err.code);
	sstate_close(env);
	env = open_env(uri, &clock, SSTATE_NO_CREATE, &err);
	NEED(env != NULL, "with it root may enter: %s", err.text);
	T(sstate_list(env, "somebody", count, &n, NULL) == 0 && n == 3,
	    "R-27 it lists (%u)", n);
	NEED(sstate_begin(&s, env, NULL, NULL, NULL) == 0, "begin");
	(void)sstate_setstr(s, SSTATE_STORED, "a", "1");
	T(sstate_commit(s) == SSTATE_EUNSAFE, "but writes no record");
	sstate_free(s);
	clock += 86400;
	T(sstate_reap(&removed, env, 0, 0, &err) == 0 && removed == 3,
	    "R-32 and cleans (%u): %s", (unsigned)removed, err.text);
	sstate_close(env);
	(void)nftw(dir, look, 16, FTW_PHYS);
	T(foreign == 0, "nothing of root's is left there");
}

int
main(void)
{
	const char *top = getenv("TMPDIR");
	char dir[512], uri[600];

	if (geteuid() != 0) {
		tap_skip("F-03: only root can act as root");
		return tap_done();
	}
	(void)snprintf(dir, sizeof(dir), "%s/root.XXXXXX",
	    top != NULL ? top : "/tmp");
	NEED(mkdtemp(dir) != NULL && chown(dir, OWNER, OWNER) == 0,
	    "a directory of another user");
	(void)snprintf(uri, sizeof(uri), "file:%s", dir);
	NEED(as_owner(uri, 3), "its owner keeps three sessions");
	root(uri, dir);
	T(as_owner(uri, 1), "and its owner goes on");
	(void)nftw(dir, drop, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
