/*
 * proxy.h - between a client and a server, to cut or hold what passes
 *
 *	struct proxy p;
 *	proxy_start(&p, "/tmp/x/p", "/tmp/x/server", 0);	socket to socket
 *	proxy_start(&p, NULL, NULL, 5432);	p.port, to a port of loopback
 *	proxy_set(&p, PROXY_CUT, PROXY_DOWN, 0);	the next answer is lost
 *	... one operation ...
 *	proxy_cuts(&p)		did it come to that?
 *	proxy_set(&p, PROXY_PASS, 0, 0);	p.board->passed[] counts anew
 *	proxy_end(&p);
 *
 * It is a process of its own, one for all connections, and dies with the
 * test.  A cut lets exactly so many octets of that way through, from
 * proxy_set() on and over all connections, then closes both ends, once; what
 * comes later passes.  To hold is to let no more through, for as long as it
 * is set.  How long a message is, passed[] tells after one went untouched.
 */
#ifndef PROXY_H
#define PROXY_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROXY_UP, PROXY_DOWN }; /* to the server, from it */
enum { PROXY_PASS, PROXY_CUT, PROXY_HOLD, PROXY_REFUSE };
enum { PROXY_PAIRS = 64 };

struct proxy_board { /* shared by test and proxy */
	atomic_int what, way;
	atomic_ullong after, passed[2];
	atomic_uint cuts, conns;
};

struct proxy {
	struct proxy_board *board;
	pid_t pid;
	int port; /* of loopback, where no path was given */
	int listener;
	char to[104]; /* the server's socket, or "" */
	int to_port;
};

static int
proxy_socket(const char *path, int port, struct sockaddr_storage *a,
    socklen_t *n)
{
	struct sockaddr_un *un = (struct sockaddr_un *)a;
	struct sockaddr_in *in = (struct sockaddr_in *)a;

	memset(a, 0, sizeof(*a));
	if (path != NULL && path[0] != '\0') {
		un->sun_family = AF_UNIX;
		(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s", path);
		*n = sizeof(*un);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		*n = sizeof(*in);
	}
	return socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

struct proxy_pair {
	int fd[2]; /* client, server; -1: free */
};

static void
proxy_close(struct proxy_pair *c)
{
	(void)close(c->fd[0]);
	(void)close(c->fd[1]);
	c->fd[0] = c->fd[1] = -1;
}

static void
proxy_accept(const struct proxy *p, struct proxy_pair *pair)
{
	struct sockaddr_storage a;
	socklen_t n;
	int i, fd = accept(p->listener, NULL, NULL), to;

	if (fd < 0)
		return;
	for (i = 0; i < PROXY_PAIRS && pair[i].fd[0] >= 0; i++)
		;
	to = i < PROXY_PAIRS ? proxy_socket(p->to, p->to_port, &a, &n) : -1;
	if (to < 0 || atomic_load(&p->board->what) == PROXY_REFUSE ||
	    connect(to, (struct sockaddr *)&a, n) != 0) {
		(void)close(fd);
		(void)close(to);
		return;
	}
	atomic_fetch_add(&p->board->conns, 1);
	pair[i].fd[0] = fd;
	pair[i].fd[1] = to;
}

static int
proxy_write(int fd, const char *p, size_t n)
{
	ssize_t k;

	while (n > 0) {
		if ((k = write(fd, p, n)) <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Some octets of one way of one connection. */
static void
proxy_pass(const struct proxy *p, struct proxy_pair *c, int way)
{
	struct proxy_board *b = p->board;
	unsigned long long was = atomic_load(&b->passed[way]), left;
	size_t max = 65536;
	char buf[65536];
	int cut = 0;
	ssize_t n;

	if (atomic_load(&b->what) == PROXY_HOLD &&
	    atomic_load(&b->way) == way && atomic_load(&b->after) - was < max)
		max = (size_t)(atomic_load(&b->after) - was);
	if ((n = read(c->fd[way], buf, max)) <= 0) {
		proxy_close(c);
		return;
	}
	if (atomic_load(&b->what) == PROXY_CUT && atomic_load(&b->way) == way) {
		left = atomic_load(&b->after) - was;
		cut = (unsigned long long)n > left;
		if (cut)
			n = (ssize_t)left;
	}
	atomic_fetch_add(&b->passed[way], (unsigned long long)n);
	if (cut) {
		atomic_store(&b->what, PROXY_PASS);
		atomic_fetch_add(&b->cuts, 1);
	}
	if (proxy_write(c->fd[!way], buf, (size_t)n) != 0 || cut)
		proxy_close(c);
}

static int
proxy_held(const struct proxy_board *b, int way)
{
	return atomic_load(&b->what) == PROXY_HOLD &&
	    atomic_load(&b->way) == way &&
	    atomic_load(&b->passed[way]) >= atomic_load(&b->after);
}

static void
proxy_run(const struct proxy *p)
{
	static struct proxy_pair pair[PROXY_PAIRS];
	struct pollfd f[2 * PROXY_PAIRS + 1];
	int i, way;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < PROXY_PAIRS; i++)
		pair[i].fd[0] = pair[i].fd[1] = -1;
	for (;;) {
		for (i = 0; i < 2 * PROXY_PAIRS; i++) {
			f[i].fd = pair[i / 2].fd[i % 2];
			f[i].events = POLLIN;
			f[i].revents = 0;
			if (proxy_held(p->board, i % 2))
				f[i].fd = -1;
		}
		f[i].fd = p->listener;
		f[i].events = POLLIN;
		f[i].revents = 0;
		/* A hold is seen when it comes, and when it goes. */
		if (poll(f, 2 * PROXY_PAIRS + 1, 10) <= 0)
			continue;
		for (i = 0; i < 2 * PROXY_PAIRS; i++) {
			way = i % 2;
			if (f[i].revents != 0 && pair[i / 2].fd[way] >= 0 &&
			    !proxy_held(p->board, way))
				proxy_pass(p, &pair[i / 2], way);
		}
		if (f[2 * PROXY_PAIRS].revents != 0)
			proxy_accept(p, pair);
	}
}

/* From a socket at that path, or a port, to the server's path or port. */
__attribute__((unused)) static int
proxy_start(struct proxy *p, const char *path, const char *to, int to_port)
{
	struct sockaddr_storage a;
	socklen_t n;

	memset(p, 0, sizeof(*p));
	if (to != NULL)
		(void)snprintf(p->to, sizeof(p->to), "%s", to);
	p->to_port = to_port;
	p->board = (struct proxy_board *)mmap(NULL, sizeof(*p->board),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->board == MAP_FAILED ||
	    (p->listener = proxy_socket(path, 0, &a, &n)) < 0)
		return -1;
	if (bind(p->listener, (struct sockaddr *)&a, n) != 0 ||
	    listen(p->listener, 64) != 0)
		return -1;
	if (path == NULL) {
		n = sizeof(a);
		if (getsockname(p->listener, (struct sockaddr *)&a, &n) != 0)
			return -1;
		p->port = ntohs(((struct sockaddr_in *)&a)->sin_port);
	}
	(void)fflush(stdout);
	if ((p->pid = fork()) == 0) {
		proxy_run(p);
		_exit(0);
	}
	return p->pid > 0 ? 0 : -1;
}

__attribute__((unused)) static void
proxy_set(struct proxy *p, int what, int way, unsigned long long after)
{
	atomic_store(&p->board->what, PROXY_PASS);
	atomic_store(&p->board->passed[0], 0);
	atomic_store(&p->board->passed[1], 0);
	atomic_store(&p->board->cuts, 0);
	atomic_store(&p->board->way, way);
	atomic_store(&p->board->after, after);
	atomic_store(&p->board->what, what);
}

__attribute__((unused)) static unsigned
proxy_cuts(const struct proxy *p)
{
	return atomic_load(&p->board->cuts);
}

/* Octets of one way since proxy_set(). */
__attribute__((unused)) static unsigned long long
proxy_passed(const struct proxy *p, int way)
{
	return atomic_load(&p->board->passed[way]);
}

__attribute__((unused)) static void
proxy_end(struct proxy *p)
{
	int status;

	if (p->pid <= 0)
		return;
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(p->listener);
	(void)munmap(p->board, sizeof(*p->board));
	p->pid = 0;
}

#endif
