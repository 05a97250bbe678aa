/*
 * vault_test.c - memory that core files leave out: whose it is, and its end
 *
 * link: -Wl,--wrap=mmap -Wl,--wrap=munmap -Wl,--wrap=madvise
 * label: thread
 */
#include "../tap.h"
#include "../leftout.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/vault.h"

void *__wrap_mmap(void *at, size_t n, int prot, int how, int fd, off_t from);
void *__real_mmap(void *at, size_t n, int prot, int how, int fd, off_t from);
int __wrap_munmap(void *at, size_t n);
int __real_munmap(void *at, size_t n);
int __wrap_madvise(void *at, size_t n, int what);
int __real_madvise(void *at, size_t n, int what);

enum {
	CHUNK = VAULT_UNITS * VAULT_UNIT_BYTES,
	THREADS = 4,
	TURNS = 2000,
};

static _Atomic long maps, open_bytes, calls;
static _Atomic int no_map, no_advice;

void *
__wrap_mmap(void *at, size_t n, int prot, int how, int fd, off_t from)
{
	void *p;

	calls++;
	if (no_map)
		return MAP_FAILED;
	p = __real_mmap(at, n, prot, how, fd, from);
	if (p != MAP_FAILED) {
		maps++;
		open_bytes += (long)n;
	}
	return p;
}

int
__wrap_munmap(void *at, size_t n)
{
	calls++;
	open_bytes -= (long)n;
	return __real_munmap(at, n);
}

int
__wrap_madvise(void *at, size_t n, int what)
{
	calls++;
	return no_advice ? -1 : __real_madvise(at, n, what);
}

/* ---- One thread ------------------------------------------------------- */

static void
blocks(void)
{
	struct vault v;
	const struct hook h = { vault_hook, &v };
	char *a, *b, *c;
	long before;

	vault_init(&v);
	T(maps == 0, "a vault that nobody asked has no mapping");
	a = hook_alloc(&h, VAULT_UNIT_BYTES + 1);
	b = hook_alloc(&h, 1);
	c = hook_alloc(&h, CHUNK / 4);
	NEED(a != NULL && b != NULL && c != NULL, "three blocks");
	memset(a, 'a', VAULT_UNIT_BYTES + 1);
	memset(b, 'b', 1);
	memset(c, 'c', CHUNK / 4);
	T(a[0] == 'a' && a[VAULT_UNIT_BYTES] == 'a' && b[0] == 'b' &&
		(uintptr_t)a % 16 == 0 && (uintptr_t)b % 16 == 0 && maps == 1,
	    "of one mapping, apart, and aligned");
	if (left_out(a) < 0)
		tap_skip("no VmFlags in /proc/self/smaps");
	else
		T(left_out(a) == 1 && left_out(a + VAULT_UNIT_BYTES) == 1 &&
			left_out(b) == 1 && left_out(c + CHUNK / 4 - 1) == 1 &&
			left_out(&v) == 0,
		    "a core file leaves them out, and nothing beside");
	hook_free(&h, a, VAULT_UNIT_BYTES + 1);
	before = calls;
	T(hook_alloc(&h, VAULT_UNIT_BYTES + 1) == a,
	    "what was given back is the next one's: its pages are there");
	hook_free(&h, b, 1);
	T(hook_alloc(&h, VAULT_UNIT_BYTES + 1) != b,
	    "two units are not put where one is free");
	T(calls == before, "P4 no system call for any of it");
	vault_free(&v);
	T(open_bytes == 0, "the vault's end: no mapping is left");
}

static void
large(void)
{
	struct vault v;
	const struct hook h = { vault_hook, &v };
	char *half, *p;

	vault_init(&v);
	half = hook_alloc(&h, CHUNK / 2);
	p = hook_alloc(&h, CHUNK / 2 + 1);
	NEED(half != NULL && p != NULL, "half a chunk, and more");
	memset(p, 'p', CHUNK / 2 + 1);
	T(left_out(p + CHUNK / 2) != 0, "a large one is left out as well");
	T(open_bytes == CHUNK + CHUNK / 2 + 1, "it has a mapping of its own");
	hook_free(&h, p, CHUNK / 2 + 1);
	T(open_bytes == CHUNK, "which ends with it");
	vault_free(&v);
}

/* More than all chunks hold. */
static void
many(void)
{
	enum { ALL = VAULT_CHUNKS * 2, MORE = 5 };
	char *p[ALL + MORE];
	struct vault v;
	const struct hook h = { vault_hook, &v };
	int i, out = 0;

	vault_init(&v);
	for (i = 0; i < ALL + MORE; i++) {
		if ((p[i] = hook_alloc(&h, CHUNK / 2)) == NULL)
			break;
		p[i][0] = p[i][CHUNK / 2 - 1] = (char)i;
	}
	NEED(i == ALL + MORE, "%d halves of a chunk", i);
	for (i = 0; i < ALL + MORE; i++)
		out += p[i][0] == i && p[i][CHUNK / 2 - 1] == i &&
		    left_out(p[i]) != 0;
	T(out == ALL + MORE,
	    "left out: %d chunks full and %d halves beyond them", VAULT_CHUNKS,
	    MORE);
	for (i = 0; i < ALL + MORE; i++)
		hook_free(&h, p[i], CHUNK / 2);
	T(open_bytes == (long)VAULT_CHUNKS * CHUNK, "the chunks are kept");
	vault_free(&v);
	T(open_bytes == 0, "all is given back");
}

static void
refused(void)
{
	struct vault v;
	const struct hook h = { vault_hook, &v };

	vault_init(&v);
	no_map = 1;
	T(hook_alloc(&h, 1) == NULL && hook_alloc(&h, CHUNK) == NULL &&
		arena_new(&h, 100) == NULL,
	    "no memory: NULL");
	no_map = 0;
	T(hook_alloc(&h, 1) != NULL, "and memory again");
	vault_free(&v);
	no_advice = 1;
	T(hook_alloc(&h, 1) != NULL, "a kernel without the advice: memory");
	no_advice = 0;
	vault_free(&v);
}

/* ---- Processes and threads -------------------------------------------- */

static void
forked(void)
{
	struct vault v;
	const struct hook h = { vault_hook, &v };
	char *p, *q;
	int status = -1;
	pid_t pid;

	vault_init(&v);
	NEED((p = hook_alloc(&h, 8)) != NULL, "a block");
	memcpy(p, "parent", 7);
	if ((pid = fork()) == 0) {
		q = hook_alloc(&h, 8);
		if (q == NULL || q == p || strcmp(p, "parent") != 0 ||
		    left_out(p) == 0 || left_out(q) == 0)
			_exit(1);
		memcpy(p, "child", 6);
		_exit(0);
	}
	T(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 &&
		strcmp(p, "parent") == 0,
	    "a child has its own, and it is left out there, too");
	vault_free(&v);
}

static void *
worker(void *arg)
{
	const struct hook *h = arg;
	unsigned seed = (unsigned)(uintptr_t)&seed, turn;
	size_t n[3], i, k;
	char *p[3], mine;

	for (turn = 0; turn < TURNS; turn++) {
		for (i = 0; i < 3; i++) {
			n[i] = 1 + (size_t)rand_r(&seed) % (CHUNK / 3);
			if ((p[i] = hook_alloc(h, n[i])) == NULL)
				return NULL;
			mine = (char)rand_r(&seed);
			for (k = 0; k < n[i]; k += 4096)
				p[i][k] = mine;
			p[i][n[i] - 1] = mine;
		}
		for (i = 0; i < 3; i++) {
			mine = p[i][n[i] - 1];
			for (k = 0; k < n[i] - 1; k += 4096)
				if (p[i][k] != mine)
					return NULL;
			hook_free(h, p[i], n[i]);
		}
	}
	return arg;
}

static void
threads(void)
{
	struct vault v;
	struct hook h = { vault_hook, &v };
	pthread_t t[THREADS];
	void *said;
	int i, good = 0;

	vault_init(&v);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, worker, &h) != 0)
			break;
	NEED(i == THREADS, "%d threads", i);
	for (i = 0; i < THREADS; i++)
		good += pthread_join(t[i], &said) == 0 && said == &h;
	T(good == THREADS, "threads: none finds what another one wrote");
	for (i = 0; i < VAULT_CHUNKS; i++)
		good += v.chunk[i].taken != 0;
	T(good == THREADS, "all of it came back");
	vault_free(&v);
	T(open_bytes == 0, "no mapping is left");
}

int
main(void)
{
#ifdef SSTATE_HEAP
	tap_skip("this build has sessions in malloc's memory");
	return tap_done();
#endif
	blocks();
	large();
	many();
	refused();
	forked();
	threads();
	return tap_done();
}
