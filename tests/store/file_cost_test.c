/*
 * file_cost_test.c - file: system calls and bytes of each operation, P4, P10
 *
 * The parent counts its child's calls (ptrace) between two marks, which are
 * calls of getpgid().
 */
#include "file_kit.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

enum { BODY = 600, STEPS = 12 };

static struct got got;
static char body[BODY];

struct counts {
	unsigned calls[STEPS];
	uint64_t bytes[STEPS];
	int n;
};

static void
mark(void)
{
	(void)syscall(SYS_getpgid, 0);
}

/* Make so many that expire by then, and reap them. */
static void
reaps(void *c, int many, int64_t then)
{
	struct sstate_record rec = kit_rec(1, body, BODY, then);
	struct sstate_key key;
	uint64_t n = 0;
	int i;

	for (i = 0; i < many; i++) {
		key = kit_key((unsigned)(then + i), "app");
		if (drv->create(c, &key, &rec, NULL) != 0)
			_exit(9);
	}
	mark();
	(void)drv->reap(&n, c, "app", then, 0, NULL);
	mark();
	if (n != (uint64_t)many)
		_exit(10);
}

static void
child(const char *dir, const char *params)
{
	const int64_t far = INT64_C(256) * 16000000;
	struct sstate_key key = kit_key(1, "app");
	struct sstate_record rec = kit_rec(1, body, BODY, far);
	const struct timespec old[2] = { { 1000000, 0 }, { 1000000, 0 } };
	void *c = kit_open(dir, params);
	char path[KIT_PATH];
	uint64_t n;
	int i;

	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	(void)drv->create(c, &key, &rec, NULL);
	(void)kit_get(&got, c, &key); /* its buffer is there now */
	mark();
	(void)kit_get(&got, c, &key); /* 0: a read */
	mark();
	for (i = 0; i < 2; i++) { /* 1, 2: cycles */
		rec.rev++;
		(void)kit_get(&got, c, &key);
		(void)drv->replace(c, &key, got.rec.rev, &rec, NULL);
		mark();
	}
	rec.rev++;
	rec.expires += 256;
	(void)kit_get(&got, c, &key); /* 3: a cycle, another bucket */
	(void)drv->replace(c, &key, got.rec.rev, &rec, NULL);
	mark();
	rec.rev++;
	rec.expires += 1;
	(void)kit_get(&got, c, &key); /* 4: a cycle, in it */
	(void)drv->replace(c, &key, got.rec.rev, &rec, NULL);
	mark();
	(void)drv->replace(c, &key, 1, &rec, NULL); /* 5: a lost race */
	mark();
	/* As if the last bucket had been made a while ago. */
	(void)snprintf(path, sizeof(path), "%s/n.app/x", dir);
	(void)utimensat(AT_FDCWD, path, old, 0);
	(void)drv->reap(&n, c, "app", 1000, 0, NULL);
	mark(); /* 6 */
	(void)drv->reap(&n, c, "app", 1000, 0, NULL); /* 7: nothing due */
	mark();
	reaps(c, 1, 2000); /* 9 */
	reaps(c, 4, 4000); /* 11 */
	_exit(0);
}

static int
follow(struct counts *out, pid_t pid)
{
	struct __ptrace_syscall_info info;
	int status, writes = 0, on = 0;

	memset(out, 0, sizeof(*out));
	out->n = -1;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid)
			return -1;
		if (WIFEXITED(status) || WIFSIGNALED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
			&info) <= 0)
			return -1;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			on = 1;
			writes = info.entry.nr == SYS_pwrite64 ||
			    info.entry.nr == SYS_write;
			if (info.entry.nr == SYS_getpgid) {
				out->n++;
				on = 0;
			}
			if (on && out->n >= 0 && out->n < STEPS)
				out->calls[out->n]++;
		} else if (info.op == PTRACE_SYSCALL_INFO_EXIT && on &&
		    writes && out->n >= 0 && out->n < STEPS)
			out->bytes[out->n] += (uint64_t)info.exit.rval;
	}
}

static void
count(const char *params, unsigned extra)
{
	char dir[KIT_DIR];
	struct counts c;
	pid_t pid;

	kit_tmp_fast(dir, sizeof(dir));
	if ((pid = fork()) == 0)
		child(dir, params);
	if (follow(&c, pid) != 0 || c.n < 11) {
		tap_skip("ptrace is not allowed here");
		kit_rm(dir);
		return;
	}
	T(c.calls[0] == 4, "P4 %s: a read is 4 system calls: %u", params,
	    c.calls[0]);
	/* getrandom, the ninth, is the core's. */
	T(c.calls[1] <= 9 + extra && c.calls[2] <= 8 + extra,
	    "P4 %s: a cycle is %u system calls at most: %u (%u with the close "
	    "of the read before it)",
	    params, 8 + extra, c.calls[2], c.calls[1]);
	T(c.calls[3] <= 8 + extra + 5,
	    "P4 %s: with another bucket's file, "
	    "opened: %u",
	    params, c.calls[3]);
	T(c.calls[4] <= 8 + extra, "P4 %s: then as before: %u", params,
	    c.calls[4]);
	T(c.calls[5] <= 6, "%s: a lost race writes nothing: %u calls", params,
	    c.calls[5]);
	T(c.calls[7] <= 3, "P7 %s: nothing to reap is %u system calls", params,
	    c.calls[7]);
	T(c.calls[11] == c.calls[9] + 3 * 9 && c.bytes[9] == 0 &&
		c.bytes[11] == 0,
	    "P7 %s: one expired record more is 9 system calls: %u, %u of 4",
	    params, c.calls[9], c.calls[11]);
	T(c.bytes[0] == 0 && c.bytes[5] == 0 && c.bytes[1] <= BODY + 128 &&
		c.bytes[3] <= BODY + 128,
	    "P10 %s: a commit of %u bytes writes "
	    "%u, with another bucket %u",
	    params, BODY, (unsigned)c.bytes[1], (unsigned)c.bytes[3]);
	kit_rm(dir);
}

int
main(void)
{
	count("?sync=none", 0);
	count("?sync=data", 2);
	count("?sync=full", 2);
	return tap_done();
}
