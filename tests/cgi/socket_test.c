/*
 * socket_test.c - which socket is FastCGI's: the caller's, descriptor 0, or
 * the one that a service manager passes to this very process
 */
#include "shot.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { PASSED = 3 };

static char dir[SHOT_DIR];

/* One that listens, or is only there. */
static int
make(int listening)
{
	static unsigned n;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (!listening)
		return fd;
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%.90s/%d-%u", dir,
	    (int)getpid(), n++);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(fd, 1) != 0)
		abort();
	return fd;
}

struct row {
	const char *what;
	int at; /* where the socket is; listens, or not */
	int listens;
	const char *pid, *fds; /* "own": this process */
	int taken;
};

/* Taken for FastCGI a socket becomes non-blocking. */
static int
child(const struct row *r)
{
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	char pid[40] = "LISTEN_PID=", fds[40] = "LISTEN_FDS=";
	const char *vars[4] = { "REQUEST_METHOD=GET", NULL, NULL, NULL };
	struct sstate *env = shot_env(0);
	struct sstate_cgi *cgi;
	int fd = make(r->listens), n = 1;

	if (fd != r->at && dup2(fd, r->at) < 0)
		return 9;
	if (r->pid != NULL) {
		(void)snprintf(pid + 11, sizeof(pid) - 11, "%d",
		    (int)getpid() + (strcmp(r->pid, "own") != 0));
		vars[n++] = pid;
	}
	if (r->fds != NULL) {
		(void)snprintf(fds + 11, sizeof(fds) - 11, "%s", r->fds);
		vars[n++] = fds;
	}
	o.vars = vars;
	if (sstate_cgi_open(&cgi, env, &o, NULL) != 0)
		return 8;
	n = (fcntl(r->at, F_GETFL) & O_NONBLOCK) != 0;
	sstate_cgi_close(cgi);
	sstate_close(env);
	return n;
}

static void
found(void)
{
	static const struct row rows[] = {
		{ "descriptor 0 that listens", 0, 1, NULL, NULL, 1 },
		{ "descriptor 0 that does not", 0, 0, NULL, NULL, 0 },
		{ "a passed one", PASSED, 1, "own", "1", 1 },
		{ "one for another process", PASSED, 1, "other", "1", 0 },
		{ "one of two", PASSED, 1, "own", "2", 0 },
		{ "one of nobody", PASSED, 1, NULL, "1", 0 },
		{ "one without a number", PASSED, 1, "own", NULL, 0 },
		{ "one that does not listen", PASSED, 0, "own", "1", 0 },
	};
	int status = -1;
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((pid = fork()) == 0)
			_exit(child(&rows[i]));
		(void)waitpid(pid, &status, 0);
		T(WIFEXITED(status) && WEXITSTATUS(status) == rows[i].taken,
		    "%s: %s", rows[i].what, rows[i].taken ? "FastCGI" : "CGI");
	}
}

static void
given(void)
{
	struct sstate *env = shot_env(0);
	struct sstate_cgi_options o = SSTATE_CGI_INIT;
	struct sstate_error err;
	struct sstate_cgi *cgi;
	int listening = make(1), idle = make(0);

	o.fd = -1;
	T(sstate_cgi_open(&cgi, env, &o, &err) == SSTATE_EINVAL,
	    "a descriptor below 0: %s", err.text);
	o.fd = idle;
	T(sstate_cgi_open(&cgi, env, &o, &err) == SSTATE_EINVAL,
	    "a socket that does not listen");
	o.fd = listening;
	T(sstate_cgi_open(&cgi, env, &o, &err) == 0, "one that does");
	sstate_cgi_close(cgi);
	sstate_close(env);
	(void)close(listening);
	(void)close(idle);
}

static void
emptied(void)
{
	char command[SHOT_DIR + 16];

	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	T(system(command) == 0, "nothing is left");
}

int
main(void)
{
	shot_dir(dir);
	found();
	given();
	emptied();
	return tap_done();
}
