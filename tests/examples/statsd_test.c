/*
 * statsd_test.c - examples/statsd sends a line for each store operation
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"

static char said[65536];

/* All datagrams that lie there. */
static unsigned
drain(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	size_t used = 0;
	unsigned n = 0;
	ssize_t got;

	said[0] = '\0';
	while (poll(&p, 1, 0) == 1 &&
	    (got = recv(fd, said + used, sizeof(said) - used - 2, 0)) > 0) {
		used += (size_t)got;
		said[used++] = '\n';
		said[used] = '\0';
		n++;
	}
	return n;
}

static int
run(const char *port, const char *uris)
{
	const char *build = getenv("BUILD_DIR");
	char line[512];
	int status;

	(void)snprintf(line, sizeof(line),
	    "'%s/examples/statsd' 127.0.0.1 %s %s",
	    build != NULL ? build : "build/dev", port, uris);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned
count(const char *word)
{
	unsigned n = 0;
	const char *p;

	for (p = said; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

int
main(void)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	char port[16];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(&a, 0, sizeof(a));
	a.sin_family = AF_INET;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(fd >= 0 &&
		bind(fd, (struct sockaddr *)(void *)&a, sizeof(a)) == 0 &&
		getsockname(fd, (struct sockaddr *)(void *)&a, &len) == 0,
	    "a socket on a port that is free");
	(void)snprintf(port, sizeof(port), "%u", (unsigned)ntohs(a.sin_port));
	T(run(port, "") == 0 && drain(fd) >= 7, "it runs, and sends");
	T(count("securestate.memory.create.hit:1|c\n") == 1 &&
		count("securestate.memory.get.hit:1|c\n") == 3 &&
		count("securestate.memory.replace.hit:1|c\n") == 2 &&
		count("securestate.memory.remove.hit:1|c\n") == 1,
	    "each operation once, by outcome");
	T(count(".time:") == count("|ms\n") && count(".time:") >= 7 &&
		count("securestate.memory.create.bytes:") == 1 &&
		count(".create.bytes:0|") == 0,
	    "with its time and its octets");
	T(run(port, "memory:near memory:far") == 0 && drain(fd) > 0 &&
		count("securestate.layered.get.hit:1|c\n") == 3 &&
		count("securestate.memory.create.hit:1|c\n") > 1,
	    "of layers, and of each layer");
	T(run(port, "'memory:?disable=get'") == 0 && drain(fd) > 0 &&
		count("securestate.memory.get.miss:1|c\n") > 0,
	    "a miss is a miss");
	(void)close(fd);
	T(run(port, "") == 0, "nobody listens: nothing is lost but lines");
	T(run(port, "nosuch:") == 1 && run("''", "") == 0,
	    "a store that does not open is told, a port that is none is not");
	return tap_done();
}
