/*
 * parallel_test.c - many processes on one session over file:
 *
 * What is acknowledged is never lost, what is ended never comes back, and a
 * new id is where all went.  The children live for
 * all rounds; half of them use the environment that they inherited.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "race.h"

enum { MANY = 64 };

struct shared {
	int begin[MANY], commit[MANY]; /* first odd code of each */
	unsigned busy[MANY], done[MANY];
};

static char dir[256], states[300], ring[300];

static struct sstate *
open_file(const char *sync, struct kit *k)
{
	(void)snprintf(states, sizeof(states), "file:%s/s?sync=%s", dir, sync);
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit_init(k, states);
	k->o.now = NULL;
	k->o.keyring = ring;
	return kit_open(k);
}

/* Not before the parent is done, and not longer than it lives. */
static void
as_child(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		_exit(2);
}

static void
add_up(struct shared *sh, int who, struct sstate *env, const char *token,
    unsigned rounds)
{
	struct sstate_session *s;
	char name[16];
	unsigned i;
	int r;

	(void)snprintf(name, sizeof(name), "p%d", who);
	for (i = 0; i < rounds;) {
		r = kit_begin(&s, env, token, SSTATE_MUST_EXIST);
		if (r != 0) {
			sh->begin[who] = r;
			return;
		}
		sstate_incr(NULL, s, "n", 1);
		sstate_setint(s, SSTATE_STORED, name, ++i);
		r = sstate_commit(s);
		sstate_free(s);
		if (r == SSTATE_EBUSY) { /* nothing was written */
			sh->busy[who]++;
			i--;
		} else if (r != 0) {
			sh->commit[who] = r;
			return;
		}
		sh->done[who] = i;
	}
}

static void
child_adds(struct shared *sh, int who, struct sstate *inherited,
    const char *sync, const char *token, unsigned rounds)
{
	struct sstate *env = inherited;
	struct kit k;

	as_child();
	if (who % 2 != 0)
		env = open_file(sync, &k);
	if (env == NULL)
		_exit(1);
	add_up(sh, who, env, token, rounds);
	if (who % 2 != 0)
		sstate_close(env);
	_exit(0);
}

static void
check_sums(struct shared *sh, int procs, unsigned rounds, struct sstate *env,
    const char *token, const char *sync)
{
	int i, codes = 0, names = 0;
	unsigned long sum = 0, busy = 0;
	struct sstate_session *s;
	char name[16];

	NEED(kit_begin(&s, env, token, SSTATE_MUST_EXIST) == 0,
	    "I1 sync=%s: the session is there", sync);
	for (i = 0; i < procs; i++) {
		sum += sh->done[i];
		busy += sh->busy[i];
		codes += sh->begin[i] != 0 || sh->commit[i] != 0;
		if (sh->begin[i] != 0 || sh->commit[i] != 0)
			printf("# child %d: begin %d commit %d\n", i,
			    sh->begin[i], sh->commit[i]);
		(void)snprintf(name, sizeof(name), "p%d", i);
		names += sstate_int(s, SSTATE_STORED, name, 0, INT64_MAX, -1) ==
		    (int64_t)rounds;
	}
	printf("# sync=%s: %lu commits, %lu EBUSY\n", sync, sum, busy);
	T(codes == 0, "sync=%s: no other outcome than 0 or EBUSY", sync);
	T(sstate_int(s, SSTATE_STORED, "n", 0, INT64_MAX, -1) ==
		(int64_t)procs * (int64_t)rounds,
	    "R-33 sync=%s: %d processes x %u increments, none lost", sync,
	    procs, rounds);
	T(names == procs,
	    "R-33 sync=%s: each one's own name as it set it "
	    "last (%d of %d)",
	    sync, names, procs);
	sstate_free(s);
}

static void
many(int procs, unsigned rounds, const char *sync)
{
	char token[KIT_TOKEN + 1];
	struct shared *sh;
	struct sstate *env;
	pid_t pid[MANY];
	int i, st, sick = 0;
	struct kit k;

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	env = open_file(sync, &k);
	NEED(sh != MAP_FAILED && env != NULL, "sync=%s: an environment", sync);
	NEED(kit_make(token, env, "n", "0", NULL) == 0, "a session");
	for (i = 0; i < procs; i++) {
		(void)fflush(stdout);
		if ((pid[i] = fork()) == 0)
			child_adds(sh, i, env, sync, token, rounds);
	}
	for (i = 0; i < procs; i++)
		sick +=
		    pid[i] < 0 || waitpid(pid[i], &st, 0) != pid[i] || st != 0;
	T(sick == 0, "sync=%s: all children ended well (%d did not)", sync,
	    sick);
	check_sums(sh, procs, rounds, env, token, sync);
	sstate_close(env);
	(void)munmap(sh, sizeof(*sh));
}

/* ---- Races ----------------------------------------------------------- */

static void
child_races(struct race *rc, int who, int fd, const char *sync)
{
	struct sstate *env = rc->env;
	struct kit k;
	int i;

	as_child();
	for (i = 0; i < who; i++)
		(void)close(rc->fd[i]);
	if (who % 2 != 0)
		env = open_file(sync, &k);
	if (env == NULL)
		_exit(1);
	race_peer(env, fd);
	_exit(0);
}

static void
races(const char *sync, unsigned rounds)
{
	struct race rc;
	int i, st, fd[2], sick = 0;
	pid_t pid[RACE_PEERS];
	struct kit k;

	memset(&rc, 0, sizeof(rc));
	rc.env = open_file(sync, &k);
	NEED(rc.env != NULL, "sync=%s: an environment", sync);
	for (i = 0; i < RACE_PEERS; i++) {
		NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "a pair");
		(void)fflush(stdout);
		if ((pid[i] = fork()) == 0) {
			(void)close(fd[0]);
			child_races(&rc, i, fd[1], sync);
		}
		(void)close(fd[1]);
		rc.fd[i] = fd[0];
	}
	race_ending(&rc, END_LOGOUT, rounds, "log-out");
	race_ending(&rc, END_USER, rounds / 2, "revoke by user");
	/* looks into every record: fewer */
	race_ending(&rc, END_HANDLE, rounds / 50 + 2, "revoke by handle");
	race_login(&rc, rounds / 10);
	race_rotate(&rc, 'b', rounds / 10);
	race_rotate(&rc, 'r', rounds / 10);
	race_tell(&rc, 'q', NULL, 0);
	for (i = 0; i < RACE_PEERS; i++) {
		sick += waitpid(pid[i], &st, 0) != pid[i] || st != 0;
		(void)close(rc.fd[i]);
	}
	T(sick == 0, "sync=%s: the peers ended well", sync);
	sstate_close(rc.env);
}

int
main(int argc, char **argv)
{
	unsigned div = 1;

	/* A divisor of all rounds, for a quick look. */
	if (argc > 1)
		div = (unsigned)strtoul(argv[1], NULL, 10);
	div = div != 0 ? div : 1;
	kit_folder(dir);
	many(MANY, kit_scale(1000) / div, "none");
	many(8, kit_scale(50), "data");
	races("none", kit_scale(10000) / div);
	races("data", kit_scale(100));
	kit_remove(dir);
	return tap_done();
}
