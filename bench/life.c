/*
 * life.c - whole lives of a CGI program, from its spawn to its exit
 *
 *	bench_life PROGRAM [ARGUMENT...]
 *
 * Its own environment is the program's, plus HTTP_COOKIE.  While lives are
 * timed the answers go to /dev/null; "check" reads one, and says how often
 * its session was used.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "speak.h"

extern char **environ;

enum { COOKIES = 256, COOKIE = 160, PAGE = 8192 };

struct life {
	char **argv;
	char (*cookie)[COOKIE];
	uint64_t n, next;
	char page[PAGE];
};

static pid_t
spawn(const struct life *l, int out)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;

	if (posix_spawn_file_actions_init(&fa) != 0 ||
	    posix_spawn_file_actions_adddup2(&fa, out, 1) != 0)
		speak_die("spawn");
	errno = posix_spawn(&pid, l->argv[0], &fa, NULL, l->argv, environ);
	if (errno != 0)
		speak_die(l->argv[0]);
	(void)posix_spawn_file_actions_destroy(&fa);
	return pid;
}

static void
end(const struct life *l, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			speak_die("wait");
	errno = 0;
	if (status != 0)
		speak_die(l->argv[0]);
}

/* One life, its answer kept. */
static void
ask(struct life *l)
{
	size_t n = 0;
	ssize_t got;
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) != 0)
		speak_die("pipe");
	pid = spawn(l, fd[1]);
	(void)close(fd[1]);
	while (n < sizeof(l->page) - 1 &&
	    (got = read(fd[0], l->page + n, sizeof(l->page) - 1 - n)) > 0)
		n += (size_t)got;
	l->page[n] = '\0';
	(void)close(fd[0]);
	end(l, pid);
}

/* n sessions, at most 256; the cookie of each is kept. */
static void
verb_make(void *arg, uint64_t n)
{
	struct life *l = arg;
	const char *p;
	uint64_t i;

	l->n = n < COOKIES ? n : COOKIES;
	(void)unsetenv("HTTP_COOKIE");
	(void)setenv("QUERY_STRING", "make=1", 1);
	for (i = 0; i < l->n; i++) {
		ask(l);
		if ((p = strstr(l->page, "Set-Cookie: ")) == NULL)
			p = "Set-Cookie: none=1";
		p += 12;
		(void)snprintf(l->cookie[i], COOKIE, "%.*s",
		    (int)strcspn(p, ";\r\n"), p);
	}
	(void)setenv("QUERY_STRING", "", 1);
	speak_say(0, 0);
}

static void
verb_life(void *arg, uint64_t n)
{
	struct life *l = arg;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint64_t t = 0, was;

	if (null < 0)
		speak_die("/dev/null");
	for (; n > 0; n--) {
		(void)setenv("HTTP_COOKIE", l->cookie[l->next++ % l->n], 1);
		was = speak_ns();
		end(l, spawn(l, null));
		t += speak_ns() - was;
	}
	(void)close(null);
	speak_say(t, 0);
}

/* How often the first session was used, this time included. */
static void
verb_check(void *arg, uint64_t n)
{
	struct life *l = arg;
	const char *p;

	(void)n;
	(void)setenv("HTTP_COOKIE", l->cookie[0], 1);
	ask(l);
	p = strstr(l->page, "visits=");
	speak_say(p != NULL ? strtoull(p + 7, NULL, 10) : 0,
	    (l->next + l->n - 1) / l->n + 1);
}

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "make", verb_make },
		{ "life", verb_life },
		{ "check", verb_check },
	};
	static struct life l;

	if (argc < 2) {
		(void)fputs("usage: bench_life PROGRAM [ARGUMENT...]\n",
		    stderr);
		return 2;
	}
	l.argv = argv + 1;
	if ((l.cookie = calloc(COOKIES, sizeof(*l.cookie))) == NULL)
		speak_die("memory");
	(void)setenv("REQUEST_METHOD", "GET", 1);
	(void)setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
	(void)setenv("SERVER_PROTOCOL", "HTTP/1.1", 1);
	(void)setenv("SCRIPT_NAME", "/bench.cgi", 1);
	(void)setenv("HTTP_HOST", "127.0.0.1", 1);
	return speak_loop(verbs, sizeof(verbs) / sizeof(verbs[0]), &l);
}
