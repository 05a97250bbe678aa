/*
 * walled_test.c - keys' pages: locked, no part of a core file, walled in
 *
 * link: -Wl,--wrap=munmap -Wl,--wrap=mprotect
 */
#include "../tap.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/nest.h"
#include "crypto/walled.h"

enum { KEY = 40 };

/* Where a secret was when it was unmapped, and what was there then. */
static volatile unsigned char *watched;
static int unmapped, dirty;

int __real_munmap(void *p, size_t n);
int __wrap_munmap(void *p, size_t n);
int
__wrap_munmap(void *p, size_t n)
{
	size_t i;

	if (watched != NULL && (uintptr_t)watched - (uintptr_t)p < n) {
		unmapped++;
		for (i = 0; i < KEY; i++)
			dirty += watched[i] != 0;
		watched = NULL;
	}
	return __real_munmap(p, n);
}

/* The n-th call from now on fails; 0: none. */
static int refuse;

int __real_mprotect(void *p, size_t n, int prot);
int __wrap_mprotect(void *p, size_t n, int prot);
int
__wrap_mprotect(void *p, size_t n, int prot)
{
	if (refuse > 0 && --refuse == 0) {
		errno = ENOMEM;
		return -1;
	}
	return __real_mprotect(p, n, prot);
}

struct area {
	char perms[8], flags[256];
};

/* What the kernel has at p. */
static void
look(struct area *a, const volatile void *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	char line[512], perms[8];
	int here = 0;

	memset(a, 0, sizeof(*a));
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx %7s ", &from, &to, perms) == 3) {
			here = (uintptr_t)p >= from && (uintptr_t)p < to;
			if (here)
				memcpy(a->perms, perms, sizeof(perms));
		} else if (here && strncmp(line, "VmFlags:", 8) == 0) {
			line[strcspn(line, "\n")] = ' ';
			(void)snprintf(a->flags, sizeof(a->flags), "%s",
			    line + 8);
		}
	}
	if (f != NULL)
		(void)fclose(f);
}

static sigjmp_buf back;

static void
on_fault(int sig)
{
	siglongjmp(back, sig);
}

static int
faults(volatile unsigned char *p, int write)
{
	volatile int r = 1;

	if (sigsetjmp(back, 1) == 0) {
		if (write)
			*p = 1;
		else
			(void)*p;
		r = 0;
	}
	return r;
}

static void
one(size_t n, const struct hook *h)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	bool nested;
	volatile unsigned char *p = walled_new(&nested, n, h);
	struct area in;
	size_t i, not = 0, body = (n + page - 1) / page * page;
	volatile unsigned char *end;

	NEED(p != NULL && nested == (h != NULL && n <= page),
	    "a walled page of %zu%s", n, nested ? ", in a nest" : "");
	T((uintptr_t)p % 16 == 0, "aligned for anything");
	for (i = 0; i < n; i++)
		not += p[i] != 0;
	T(not == 0, "zeroed");
	memset((void *)(uintptr_t)p, 'K', n);
	look(&in, p);
	T(strncmp(in.perms, "rw-p", 4) == 0, "to be written: %s", in.perms);
	T(strstr(in.flags, " dd ") != NULL, "no part of a core file:%s",
	    in.flags);
#if defined(__SANITIZE_ADDRESS__)
	tap_skip("locked in memory: a sanitizer's mlock() does nothing");
#else
	T(strstr(in.flags, " lo ") != NULL, "locked in memory:%s", in.flags);
#endif
	end = (volatile unsigned char *)(((uintptr_t)p + n + page - 1) / page *
	    page);
	T(faults(end, 0), "the page after it is not to be read");
	T(end - (p + n) < 16, "and begins where it ends");
	T(faults(end - body - 1, 0), "nor is the page before it");
	T(walled_seal((void *)(uintptr_t)p, n) == 0, "it is sealed");
	T(p[0] == 'K' && p[n - 1] == 'K' && faults(p, 1) &&
		faults(p + n - 1, 1),
	    "then it is read, not written");
	watched = p;
	unmapped = dirty = 0;
	walled_free((void *)(uintptr_t)p, n, nested);
	if (nested)
		(void)munmap((void *)(uintptr_t)p, n); /* looks, and fails */
	T(unmapped == 1 && dirty == 0, "R-78 wiped before it is unmapped");
	if (nested)
		return;
	look(&in, end);
	T(in.perms[0] == '\0', "nothing of it is left: %s", in.perms);
}

/* Without the right to lock anything there is a walled page all the same. */
static void
unlocked(void)
{
	const struct rlimit none = { 0, 0 };
	unsigned char *p;
	bool nested;
	int status = 0;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
		    (geteuid() == 0 && setuid(65534) != 0))
			_exit(1);
		p = walled_new(&nested, KEY, NULL);
		if (p == NULL)
			_exit(2);
		p[KEY - 1] = 1;
		_exit(walled_seal(p, KEY) != 0);
	}
	(void)waitpid(pid, &status, 0);
	T(status == 0, "no right to lock: a walled page that is not locked");
}

/* A kernel without room for one mapping more. */
static void
refused(void)
{
	struct hook nest = { NULL, NULL };
	unsigned char *p;
	bool nested;
	int i;

	refuse = 1;
	T(walled_new(&nested, KEY, NULL) == NULL, "no wall, no page");
	for (i = 1; i <= 2; i++) {
		nest_open(&nest);
		refuse = i;
		p = walled_new(&nested, KEY, &nest);
		T(p != NULL && !nested,
		    "wall %d in a nest is refused: a mapping of its own", i);
		walled_free(p, KEY, nested);
		nest_close(&nest);
		nest.fn = NULL;
	}
	p = walled_new(&nested, KEY, NULL);
	NEED(p != NULL, "a walled page");
	refuse = 1;
	T(walled_seal(p, KEY) == ENOMEM, "what cannot be sealed says so");
	T(walled_seal(p, KEY) == 0, "then it is");
	refuse = 1;
	unmapped = 0;
	watched = p;
	walled_free(p, KEY, nested);
	T(unmapped == 1, "what cannot be wiped is unmapped at once");
}

int
main(void)
{
	struct hook nest = { NULL, NULL };
	struct sigaction sa;
	bool nested;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_fault;
	(void)sigemptyset(&sa.sa_mask);
	(void)sigaction(SIGSEGV, &sa, NULL);
	one(KEY, NULL);
	one((size_t)sysconf(_SC_PAGESIZE) - 16, NULL);
	one(3 * (size_t)sysconf(_SC_PAGESIZE) + 1000, NULL);
	nest_open(&nest);
	one(3 * (size_t)sysconf(_SC_PAGESIZE), &nest);
	one(KEY, &nest);
	T(walled_new(&nested, KEY, &nest) != NULL && !nested,
	    "a nest has room for one");
	nest_close(&nest);
	unlocked();
	refused();
	T(walled_new(&nested, SIZE_MAX, NULL) == NULL &&
		walled_new(&nested, SIZE_MAX / 4, NULL) == NULL,
	    "what no memory can hold");
	walled_free(NULL, 1, false);
	return tap_done();
}
