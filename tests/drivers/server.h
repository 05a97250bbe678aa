/*
 * server.h - a real server for a test: started, waited for, stopped
 *
 *	struct server s;
 *	NEED(server_room(&s, "redis-server") == 0, "a folder");
 *	server_start(&s, argv, is_up, arg);	0 once is_up() says 1
 *	server_pause(&s); server_resume(&s); server_kill(&s);
 *	server_end(&s);				stopped, folder removed
 *
 * It runs as an ordinary user in a folder of its own, on a Unix socket or a
 * port of loopback, and dies with the test that started it.
 */
#ifndef SERVER_H
#define SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SERVER_NOBODY = 65534,
	SERVER_SECONDS = 90, /* until a server of a busy machine answers */
};

struct server {
	char dir[64]; /* its folder, short enough for a socket's path */
	char program[PATH_MAX]; /* "": not installed */
	int inside; /* reads this tree, which may be root's alone: stays root */
	pid_t pid; /* 0: not running */
};

/* Where a program is: PATH, and where Debian hides servers. */
__attribute__((unused)) static int
server_find(char *out, size_t max, const char *name)
{
	const char *path = getenv("PATH"), *end;
	char all[4096];

	(void)snprintf(all, sizeof(all),
	    "%s:/usr/sbin:/usr/lib/postgresql/15/bin:/usr/lib/postgresql/16/bin"
	    ":/usr/lib/postgresql/17/bin",
	    path != NULL ? path : "/usr/bin:/bin");
	for (path = all; *path != '\0'; path = *end != '\0' ? end + 1 : end) {
		end = strchrnul(path, ':');
		(void)snprintf(out, max, "%.*s/%s", (int)(end - path), path,
		    name);
		if (access(out, X_OK) == 0)
			return 0;
	}
	out[0] = '\0';
	return -1;
}

/* A folder; -1 where the program is not installed (skip then). */
__attribute__((unused)) static int
server_room(struct server *s, const char *program)
{
	memset(s, 0, sizeof(*s));
	if (server_find(s->program, sizeof(s->program), program) != 0)
		return -1;
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/sstate.XXXXXX");
	if (mkdtemp(s->dir) == NULL)
		abort();
	if (geteuid() == 0 && chown(s->dir, SERVER_NOBODY, SERVER_NOBODY) != 0)
		abort();
	return 0;
}

/* What a child does before it becomes a server: its output is in "log". */
__attribute__((unused)) static void
server_become(const struct server *s)
{
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chdir(s->dir) != 0)
		_exit(126);
	fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
	(void)dup2(fd, 1);
	(void)dup2(fd, 2);
	fd = open("/dev/null", O_RDONLY);
	(void)dup2(fd, 0);
	if (geteuid() == 0 && !s->inside &&
	    (setgroups(0, NULL) != 0 || setgid(SERVER_NOBODY) != 0 ||
		setuid(SERVER_NOBODY) != 0))
		_exit(126);
	/* A change of user clears it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setenv("HOME", s->dir, 1);
}

/* Run a helper (initdb, redis-cli) as the server's user; its exit code. */
__attribute__((unused)) static int
server_run(const struct server *s, char *const *argv)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		server_become(s);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

__attribute__((unused)) static void
server_log(const struct server *s)
{
	char path[96], line[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/log", s->dir);
	if ((f = fopen(path, "r")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		printf("#   server: %s", line);
	(void)fclose(f);
}

/* argv[0] is replaced by the program that was found. */
__attribute__((unused)) static int
server_start(struct server *s, char **argv, int (*is_up)(void *arg), void *arg)
{
	const struct timespec nap = { 0, 20000000 };
	struct timespec began, now;
	int status;

	argv[0] = s->program;
	(void)fflush(stdout);
	if ((s->pid = fork()) == 0) {
		server_become(s);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &began);
	do {
		if (is_up(arg))
			return 0;
		if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
			s->pid = 0;
			break;
		}
		(void)nanosleep(&nap, NULL);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - began.tv_sec < SERVER_SECONDS);
	server_log(s);
	return -1;
}

__attribute__((unused)) static void
server_signal(struct server *s, int sig)
{
	if (s->pid > 0)
		(void)kill(s->pid, sig);
}

/* Returns when all of its threads stand still. */
__attribute__((unused)) static void
server_pause(struct server *s)
{
	int status;

	if (s->pid <= 0)
		return;
	server_signal(s, SIGSTOP);
	while (waitpid(s->pid, &status, WUNTRACED) < 0 && errno == EINTR)
		;
	if (!WIFSTOPPED(status))
		s->pid = 0; /* it has ended */
}

__attribute__((unused)) static void
server_resume(struct server *s)
{
	server_signal(s, SIGCONT);
}

/* SIGKILL, or what stops it in peace; both wait. */
__attribute__((unused)) static void
server_stop(struct server *s, int sig)
{
	int status;

	if (s->pid <= 0)
		return;
	server_signal(s, sig);
	server_signal(s, SIGCONT);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}

__attribute__((unused)) static void
server_kill(struct server *s)
{
	server_stop(s, SIGKILL);
}

__attribute__((unused)) static void
server_end(struct server *s)
{
	char cmd[128];

	server_kill(s);
	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'", s->dir);
	if (s->dir[0] != '\0' && system(cmd) != 0)
		printf("# %s is left\n", s->dir);
	s->dir[0] = '\0';
}

/* Can that port of loopback be had? */
__attribute__((unused)) static int
server_has(int port)
{
	struct sockaddr_in a;
	int fd, r;

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return 0;
	r = bind(fd, (struct sockaddr *)&a, sizeof(a));
	(void)close(fd);
	return r == 0;
}

/*
 * A port of loopback that nobody listens on now.  Each process has sixteen of
 * its own, below those of clients: two tests at a time never get the same.
 */
__attribute__((unused)) static int
server_port(void)
{
	static unsigned next;
	unsigned n = 0;
	int port;

	do
		port =
		    20000 + (int)(((unsigned)getpid() * 16 + next++) % 12000);
	while (!server_has(port) && ++n < 12000);
	return n < 12000 ? port : -1;
}

#endif
