/*
 * life_cost_test.c - P1: system calls of a CGI program's whole life, counted
 *
 * This program runs itself anew as a CGI program and traces it (ptrace, what
 * strace shows); what lies between two calls of getpgid() is counted: from
 * sstate_open() to sstate_close(), with a request that reads and writes.
 */
#include "../tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <securestate/cgi.h>

enum { CALLS = 512, LIVES = 8 };

struct seen {
	unsigned nr[CALLS];
	unsigned all;
	int marks;
};

static char dir[256], ring[300], uri[300];

/* ---- The program ------------------------------------------------------ */

static void
mark(void)
{
	(void)syscall(SYS_getpgid, 0);
}

static int
life(void)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_session *s;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate *env;
	int r = 1;

	o.rotate = -1;
	mark();
	if (sstate_open(&env, &o, NULL) != 0 ||
	    sstate_cgi_open(&cgi, env, NULL, NULL) != 0 ||
	    sstate_cgi_accept(&req, cgi, NULL) != 0)
		return 2;
	if (sstate_req_session(&s, req, NULL, NULL) == 0) {
		(void)sstate_incr(NULL, s, "n", 1);
		(void)sstate_req_html(req, "<p>%s\n",
		    sstate_str(s, SSTATE_STORED, "n"));
		r = 0;
	}
	if (sstate_req_end(req) != 0)
		r = 3;
	sstate_cgi_close(cgi);
	sstate_close(env);
	mark();
	return r;
}

/* ---- Who asks, and counts --------------------------------------------- */

/* Runs it; its answer, traced or not. */
static pid_t
start(const char *self, int out, int traced)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)dup2(open("/dev/null", O_RDONLY), 0);
	(void)dup2(out, 1);
	if (traced)
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)execl(self, self, "life", (char *)NULL);
	_exit(127);
}

static int
ask(const char *self, char *page, size_t max)
{
	int fd[2], status = -1;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) != 0)
		abort();
	pid = start(self, fd[1], 0);
	(void)close(fd[1]);
	while (n < max - 1 && (got = read(fd[0], page + n, max - 1 - n)) > 0)
		n += (size_t)got;
	page[n] = '\0';
	(void)close(fd[0]);
	(void)waitpid(pid, &status, 0);
	return status;
}

/* -1: no tracing here; else the status. */
static int
follow(struct seen *c, const char *self)
{
	struct __ptrace_syscall_info in;
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = start(self, null, 1);

	memset(c, 0, sizeof(*c));
	(void)close(null);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid)
			return -1;
		if (!WIFSTOPPED(status))
			return status;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(in),
			&in) <= 0)
			return -1;
		if (in.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (in.entry.nr == SYS_getpgid)
			c->marks++;
		else if (c->marks == 1 && in.entry.nr < CALLS) {
			c->nr[in.entry.nr]++;
			c->all++;
		}
	}
}

/* Directories above path. */
static unsigned
above(const char *path)
{
	unsigned n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

static unsigned
sum(const struct seen *c, const long *nr, size_t n)
{
	unsigned all = 0;
	size_t i;

	for (i = 0; i < n; i++)
		all += c->nr[nr[i]];
	return all;
}

static void
counted(const struct seen *c)
{
	static const long memory[] = { SYS_mmap, SYS_munmap, SYS_mprotect,
		SYS_madvise, SYS_mlock, SYS_munlock, SYS_brk };
	static const long opens[] = { SYS_openat, SYS_openat2 };
	/* One look a directory, on the way to the store and to the ring. */
	unsigned looks = above(dir) + 1 + above(ring);
	unsigned m = sum(c, memory, sizeof(memory) / sizeof(memory[0]));
	unsigned o = sum(c, opens, 2);

	T(m <= 10, "P1 memory is mapped, locked and sealed by 10 calls: %u", m);
	T(o <= 5, "P1 5 are opened: both folders, store, ring, record: %u", o);
	T(c->nr[SYS_newfstatat] + c->nr[SYS_fstat] <= looks + 5,
	    "P1 %u looks at %u directories and 3 files: %u", looks + 5, looks,
	    c->nr[SYS_newfstatat] + c->nr[SYS_fstat]);
	T(c->nr[SYS_getrandom] <= 6, "P1 random bytes come by 6 calls: %u",
	    c->nr[SYS_getrandom]);
	T(c->all <= looks + 45, "P1 a whole life is %u calls: %u", looks + 45,
	    c->all);
}

int
main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	char page[4096], cookie[300], cmd[300], *p;
	struct seen c, least;
	int i, r;

	if (argc > 1)
		return life();
	(void)snprintf(dir, sizeof(dir), "%s/life-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	NEED(mkdtemp(dir) != NULL, "a folder");
	(void)snprintf(ring, sizeof(ring), "%s/ring", dir);
	(void)snprintf(uri, sizeof(uri), "file:%s/states?sync=none", dir);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	(void)clearenv();
	(void)setenv("SECURESTATE_STORES", uri, 1);
	(void)setenv("SECURESTATE_KEYRING", ring, 1);
	(void)setenv("REQUEST_METHOD", "GET", 1);
	(void)setenv("SCRIPT_NAME", "/life.cgi", 1);
	r = ask(argv[0], page, sizeof(page));
	p = strstr(page, "Set-Cookie: ");
	T(r == 0 && p != NULL, "the first request makes a session");
	if (p != NULL) {
		(void)snprintf(cookie, sizeof(cookie), "%.*s",
		    (int)strcspn(p + 12, ";"), p + 12);
		(void)setenv("HTTP_COOKIE", cookie, 1);
	}
	r = ask(argv[0], page, sizeof(page));
	T(r == 0 && strstr(page, "<p>2\n") != NULL, "the second one uses it");
	/* One life in sixteen reaps a little at its end. */
	for (i = 0, r = 0; i < LIVES && r == 0; i++) {
		r = follow(&c, argv[0]);
		if (i == 0 || c.all < least.all)
			least = c;
	}
	if (r < 0)
		tap_skip("P1: no tracing here");
	else {
		T(r == 0 && least.marks == 2, "%d more are traced", LIVES);
		counted(&least);
	}
	T(system(cmd) == 0, "nothing is left behind");
	return tap_done();
}
