/*
 * fcgi_cost_test.c - system calls of a FastCGI request, counted (P4)
 *
 * The program is a child that is traced (ptrace, what strace shows); it marks
 * each request's end by getpgid().  Another child is the web server.
 */
#include "fcgi_kit.h"

#include <ftw.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/*
 * WARM requests come before: by then memory is there that is asked for once,
 * and kept.
 */
enum { WARM = 8, EACH = 6, KINDS = 4, CALLS = 32 };

/* What the web server asks for, EACH times one after another. */
enum { KEPT, SHUT, READS, WRITES };

static const char *const kind[KINDS] = { "/hello", "/hello", "/read",
	"/write" };

struct seen {
	long nr[KINDS * EACH + 1][CALLS];
	unsigned n[KINDS * EACH + 1];
	int request; /* below 0: not counted yet */
};

static struct seen seen;
static char dir[SHOT_DIR];

/* ---- The program ------------------------------------------------------ */

static void
program(struct sstate_req *req)
{
	const char *path = sstate_req_var(req, "SCRIPT_NAME");
	struct sstate_session *s;

	if (strcmp(path, "/hello") != 0) {
		if (sstate_req_session(&s, req, NULL, NULL) != 0)
			_exit(4);
		if (strcmp(path, "/read") == 0)
			sstate_req_puts(req, sstate_str(s, SSTATE_STORED, "n"));
		else
			(void)sstate_incr(NULL, s, "n", 1);
	}
	sstate_req_puts(req, "hello");
}

/* It stands still: once in a while the key ring is looked at. */
static int64_t
noon(void *arg)
{
	(void)arg;
	return 1000000000;
}

static void
child(int listening)
{
	char uri[SHOT_DIR + 40], ring[SHOT_DIR + 40];
	const char *stores[] = { uri, NULL };
	struct sstate_cgi_options co = SSTATE_CGI_INIT;
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate *env;

	(void)snprintf(uri, sizeof(uri), "file:%s/store?sync=none", dir);
	(void)snprintf(ring, sizeof(ring), "%s/keyring", dir);
	o.stores = stores;
	o.keyring = ring;
	o.now = noon;
	co.fd = listening;
	if (sstate_open(&env, &o, &err) != 0 ||
	    sstate_cgi_open(&cgi, env, &co, &err) != 0)
		_exit(3);
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	while (sstate_cgi_accept(&req, cgi, &err) == 0) {
		program(req);
		if (sstate_req_end(req) != 0)
			_exit(5);
		(void)syscall(SYS_getpgid, 0);
	}
	_exit(6);
}

/* ---- The web server --------------------------------------------------- */

static void
ask(int listening, int *fd, const char *path, unsigned flags, char *jar)
{
	static struct fc_answer a;
	struct fc_buf q = { NULL, 0, 0 };
	char script[64];
	const char *const vars[] = { "REQUEST_METHOD=GET", script,
		"HTTP_HOST=localhost", *jar != '\0' ? jar : NULL, NULL };
	struct shot s;

	(void)snprintf(script, sizeof(script), "SCRIPT_NAME=%s", path);
	fc_request(&q, 1, flags, vars, NULL, 0);
	if (*fd < 0)
		*fd = fc_dial(listening);
	if (!fk_ask(&a, *fd, &q) || a.status != 200)
		_exit(1);
	s.out = a.out.p;
	if (*jar == '\0')
		(void)shot_cookie(&s, jar);
	if (flags == FC_CLOSE) {
		(void)close(*fd);
		*fd = -1;
	}
	fc_drop(&q);
}

static void
web_server(int listening)
{
	char jar[JAR_MAX] = "";
	int fd = -1, i, k;

	for (i = 0; i < WARM; i++)
		ask(listening, &fd, "/write", FC_KEEP, jar);
	for (k = 0; k < KINDS; k++)
		for (i = 0; i < EACH; i++)
			ask(listening, &fd, kind[k],
			    k == SHUT ? FC_CLOSE : FC_KEEP, jar);
	_exit(0);
}

/* ---- The tracer ------------------------------------------------------- */

/* 0: all was seen. */
static int
follow(pid_t pid)
{
	struct __ptrace_syscall_info in;
	int status;

	seen.request = -WARM;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	while (seen.request < KINDS * EACH) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0 ||
		    waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(in),
			&in) <= 0)
			return -1;
		if (in.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (in.entry.nr == SYS_getpgid)
			seen.request++;
		else if (seen.request >= 0 && seen.n[seen.request] < CALLS)
			seen.nr[seen.request][seen.n[seen.request]++] =
			    (long)in.entry.nr;
	}
	return 0;
}

static int
is_exactly(int request, const long *nr, unsigned n)
{
	return seen.n[request] == n &&
	    memcmp(seen.nr[request], nr, n * sizeof(*nr)) == 0;
}

/* Of all of a kind but the first, which changes over from the one before. */
static unsigned
most(int k)
{
	unsigned n = 0;
	int i;

	for (i = 1; i < EACH; i++)
		if (seen.n[k * EACH + i] > n)
			n = seen.n[k * EACH + i];
	return n;
}

static void
judge(void)
{
	static const long kept[] = { SYS_epoll_wait, SYS_recvfrom,
		SYS_sendmsg };
	static const long shut[] = { SYS_epoll_wait, SYS_accept4, SYS_recvfrom,
		SYS_sendmsg, SYS_close };
	static const long shut_late[] = { SYS_epoll_wait, SYS_accept4,
		SYS_recvfrom, SYS_epoll_ctl, SYS_epoll_wait, SYS_recvfrom,
		SYS_sendmsg, SYS_epoll_ctl, SYS_close };
	int i, good = 1;

	for (i = 0; i < EACH; i++)
		good &= is_exactly(KEPT * EACH + i, kept, 3);
	T(good, "P4 a kept connection: epoll_wait, recv, sendmsg: %u",
	    most(KEPT));
	/* The first closes the connection that was kept before. */
	for (good = 1, i = 1; i < EACH; i++)
		good &= is_exactly(SHUT * EACH + i, shut, 5) ||
		    is_exactly(SHUT * EACH + i, shut_late, 9);
	T(good, "P4 one that is not: accept and close, too: %u", most(SHUT));
	T(most(READS) == 3 + 4, "P4 a session that is read: its store's 4: %u",
	    most(READS));
	T(most(WRITES) <= 3 + 9,
	    "P4 a session that is changed: its store's 9: %u", most(WRITES));
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
main(void)
{
	int listening = fc_listen(), status;
	pid_t program_pid, server;

	shot_dir(dir);
	(void)fflush(stdout);
	if ((program_pid = fork()) == 0)
		child(listening);
	if ((server = fork()) == 0)
		web_server(listening);
	if (follow(program_pid) == 0)
		judge();
	else
		tap_skip("ptrace is not allowed here");
	(void)kill(program_pid, SIGKILL);
	(void)waitpid(program_pid, NULL, 0);
	(void)close(listening);
	(void)waitpid(server, &status, 0);
	T(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "each request was answered");
	T(nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS) == 0, "nothing is left");
	return tap_done();
}
