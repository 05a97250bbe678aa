/*
 * cost_test.c - what a request costs over file:, counted: P4, P10
 *
 * The parent counts its child's system calls (ptrace, what strace shows)
 * between marks, which are calls of getpgid(); malloc() and its kin, and the
 * blocks that arenas get, are counted by wrappers.  Time is never looked at.
 *
 * link: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
 * link: -Wl,--wrap=vault_hook
 */
#include "../tap.h"
#include "kit.h"

#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_vault_hook(void *v, void *p, size_t oldsz, size_t newsz);
void *__real_vault_hook(void *v, void *p, size_t oldsz, size_t newsz);

enum { NAMES = 10, ROUNDS = 3, SEALED = 904 };

/*
 * What is counted between two marks.  What a read leaves open is closed by
 * the request after it, so only the second of a kind is a whole request.
 */
enum { CYCLE_AFTER_READ, CYCLE, READ_AFTER_CYCLE, READ, FORGED, STEPS };

struct counts {
	unsigned calls[STEPS][ROUNDS];
	uint64_t bytes[STEPS][ROUNDS];
	int n;
};

static unsigned long allocs;
static char dir[256], ring[300], uri[400];

void *
__wrap_malloc(size_t n)
{
	allocs++;
	return __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	allocs++;
	return __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	allocs++;
	return __real_realloc(p, n);
}

void *
__wrap_vault_hook(void *v, void *p, size_t oldsz, size_t newsz)
{
	unsigned long was = allocs;

	p = __real_vault_hook(v, p, oldsz, newsz);
	if (newsz > 0)
		allocs = was + 1; /* also where it is malloc's */
	return p;
}

static void
mark(void)
{
	(void)syscall(SYS_getpgid, 0);
}

static struct sstate *
opened(struct kit *k, const char *sync)
{
	(void)snprintf(uri, sizeof(uri), "file:%s/%s?sync=%s", dir, sync, sync);
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	kit_init(k, uri);
	k->o.keyring = ring;
	/* The real clock: nothing of a kit's is in the way. */
	k->o.now = NULL;
	return kit_open(k);
}

/* The unit of work: ten parameters of 48 octets. */
static int
make(char token[KIT_TOKEN + 1], struct sstate *env)
{
	char name[16], value[49];
	struct sstate_session *s;
	int i, r;

	if ((r = kit_begin(&s, env, NULL, 0)) != 0)
		return r;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (i = 0; i < NAMES; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		sstate_setstr(s, SSTATE_STORED, name, value);
	}
	r = sstate_commit(s);
	kit_token(token, s);
	sstate_free(s);
	return r;
}

static int
request(struct sstate *env, const char *token, const char *set)
{
	struct sstate_session *s;
	int r;

	if ((r = kit_begin(&s, env, token, SSTATE_MUST_EXIST)) != 0)
		return r;
	if (sstate_str(s, SSTATE_STORED, "p2") == NULL ||
	    sstate_str(s, SSTATE_STORED, "p7") == NULL)
		r = SSTATE_ENOTFOUND;
	if (set != NULL)
		sstate_setstr(s, SSTATE_STORED, "p5", set);
	if (r == 0)
		r = sstate_commit(s);
	sstate_free(s);
	return r;
}

static void
child(const char *sync)
{
	char token[KIT_TOKEN + 1], bad[KIT_TOKEN + 1];
	struct sstate *env;
	struct kit k;
	int i;

	if ((env = opened(&k, sync)) == NULL || make(token, env) != 0)
		_exit(3);
	/* Memory is mapped in these: once at the open, once for who stays. */
	for (i = 0; i < 6; i++)
		if (request(env, token, "x") != 0)
			_exit(3);
	memcpy(bad, token, sizeof(bad));
	bad[30] = bad[30] == 'A' ? 'B' : 'A';
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	mark();
	for (i = 0; i < ROUNDS; i++) {
		if (request(env, token, i % 2 != 0 ? "odd" : "even") != 0)
			_exit(4);
		mark();
		if (request(env, token, "second") != 0)
			_exit(5);
		mark();
		if (request(env, token, NULL) != 0)
			_exit(6);
		mark();
		if (request(env, token, NULL) != 0)
			_exit(7);
		mark();
		if (request(env, bad, "never") != SSTATE_EAUTH)
			_exit(8);
		mark();
	}
	_exit(0);
}

/* One stop of the child at a system call: its beginning, or its end. */
static void
note(struct counts *c, const struct __ptrace_syscall_info *in, int *writes)
{
	int step = c->n % STEPS, round = c->n / STEPS;

	if (in->op == PTRACE_SYSCALL_INFO_ENTRY &&
	    in->entry.nr == SYS_getpgid) {
		c->n++;
		*writes = -1;
	} else if (in->op == PTRACE_SYSCALL_INFO_ENTRY) {
		*writes =
		    in->entry.nr == SYS_pwrite64 || in->entry.nr == SYS_write;
		if (c->n >= 0 && round < ROUNDS)
			c->calls[step][round]++;
	} else if (in->op == PTRACE_SYSCALL_INFO_EXIT && *writes > 0 &&
	    c->n >= 0 && round < ROUNDS)
		c->bytes[step][round] += (uint64_t)in->exit.rval;
}

/* -1: no tracing here; else the child's exit code. */
static int
follow(struct counts *c, pid_t pid)
{
	struct __ptrace_syscall_info in;
	int status, writes = 0;

	memset(c, 0, sizeof(*c));
	c->n = -1;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid)
			return -1;
		if (!WIFSTOPPED(status))
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(in),
			&in) <= 0)
			return -1;
		note(c, &in, &writes);
	}
}

/* The most of all rounds. */
static unsigned
most(const struct counts *c, int step)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (c->calls[step][i] > n)
			n = c->calls[step][i];
	return n;
}

static void
calls(const char *sync, unsigned max)
{
	struct counts c;
	pid_t pid;
	int r, i;

	(void)fflush(stdout);
	if ((pid = fork()) == 0)
		child(sync);
	if ((r = follow(&c, pid)) != 0 || c.n != STEPS * ROUNDS) {
		if (r > 0)
			T(0, "the requests of sync=%s work: %d", sync, r);
		else
			tap_skip("ptrace is not allowed here");
		return;
	}
	T(most(&c, READ) == 4, "P4 sync=%s: a read is 4 system calls: %u", sync,
	    most(&c, READ));
	T(most(&c, CYCLE) <= max,
	    "P4 sync=%s: a cycle is %u system calls at most: %u", sync, max,
	    most(&c, CYCLE));
	T(most(&c, CYCLE_AFTER_READ) <= max + 1 &&
		most(&c, READ_AFTER_CYCLE) <= 4,
	    "P4 sync=%s: the other order, with the close of the read before: "
	    "%u, %u",
	    sync, most(&c, CYCLE_AFTER_READ), most(&c, READ_AFTER_CYCLE));
	T(most(&c, FORGED) == 0, "P4 sync=%s: a forged token is none: %u", sync,
	    most(&c, FORGED));
	for (i = 0; i < ROUNDS; i++)
		T(c.bytes[READ][i] == 0 && c.bytes[CYCLE][i] > 0 &&
			c.bytes[CYCLE][i] <= SEALED + 128,
		    "P10 sync=%s: a read writes nothing, a cycle %u octets",
		    sync, (unsigned)c.bytes[CYCLE][i]);
}

static void
heap(const char *store)
{
	char token[KIT_TOKEN + 1];
	unsigned long was, reads, cycles;
	struct sstate *env;
	struct kit k;
	int i, r = 0;

	if (strcmp(store, "file") == 0)
		env = opened(&k, "none");
	else {
		kit_init(&k, "memory:");
		k.o.keyring = ring;
		k.o.now = NULL; /* the ring is of now */
		env = kit_open(&k);
	}
	NEED(env != NULL && make(token, env) == 0, "a session in %s", store);
	r |= request(env, token, NULL); /* buffers that stay are there now */
	was = allocs;
	for (i = 0; i < 10; i++)
		r |= request(env, token, NULL);
	reads = allocs - was;
	was = allocs;
	for (i = 0; i < 10; i++)
		r |= request(env, token, "new");
	cycles = allocs - was;
	T(r == 0 && reads > 0 && reads <= 30 && cycles <= 30,
	    "P4 %s: at most 3 heap allocations a request: %lu, %lu of ten",
	    store, reads, cycles);
	sstate_close(env);
}

int
main(void)
{
	char path[300];

	kit_folder(dir);
	(void)snprintf(path, sizeof(path), "%s/none", dir);
	NEED(mkdir(path, 0700) == 0, "a folder");
	(void)snprintf(path, sizeof(path), "%s/data", dir);
	NEED(mkdir(path, 0700) == 0, "another");
	calls("none", 9);
	calls("data", 11);
	heap("file");
	heap("memory");
	return tap_done();
}
