/*
 * memcached_link.c - one connection to a memcached server
 *
 * Invariant: nothing waits beyond the deadline that it is given, but for the
 * resolver of names; a connection that broke raises no SIGPIPE.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "memcached.h"

enum { KEPT = 64 << 10, FIRST = 4096 }; /* octets of a buffer */

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
mcd_until(int timeout_ms)
{
	return now_ms() + timeout_ms;
}

static int
ready(int fd, short events, int64_t until)
{
	struct pollfd f = { fd, events, 0 };
	int64_t left;
	int n;

	do {
		left = until - now_ms();
		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		n = poll(&f, 1, left > INT_MAX ? INT_MAX : (int)left);
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : 0;
}

/* ---- Up and down ------------------------------------------------------ */

void
mcd_link_drop(struct mcd_link *l)
{
	/* No quit: a child may do this with what it inherited. */
	if (l->fd >= 0) {
		(void)close(l->fd);
		l->ended++;
	}
	l->fd = -1;
	l->pos = l->len = 0;
}

static int
try_one(int family, const struct sockaddr *a, socklen_t n, int64_t until)
{
	const int on = 1;
	socklen_t size = sizeof(int);
	int fd, e = 0;

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, a, n) != 0) {
		e = errno;
		if (e == EINPROGRESS) {
			e = 0;
			if (ready(fd, POLLOUT, until) != 0)
				e = errno;
			else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e,
				     &size) != 0)
				e = errno;
		}
	}
	if (e != 0) {
		(void)close(fd);
		errno = e;
		return -1;
	}
	if (family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int
by_name(const struct mcd_link *l, int64_t until)
{
	struct addrinfo hints, *list, *a;
	char port[8];
	int fd = -1, e;

	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	(void)snprintf(port, sizeof(port), "%d", l->port);
	if (getaddrinfo(l->host, port, &hints, &list) != 0) {
		errno = EHOSTUNREACH;
		return -1;
	}
	for (a = list; a != NULL && fd < 0; a = a->ai_next)
		fd = try_one(a->ai_family, a->ai_addr, a->ai_addrlen, until);
	e = errno;
	freeaddrinfo(list);
	errno = e;
	return fd;
}

int
mcd_link_up(struct mcd_link *l, int64_t until)
{
	struct sockaddr_un un;

	if (l->fd >= 0)
		return 0;
	if (l->port != 0) {
		l->fd = by_name(l, until);
		return l->fd < 0 ? -1 : 0;
	}
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	if (strlen(l->host) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, l->host, strlen(l->host) + 1);
	l->fd =
	    try_one(AF_UNIX, (const struct sockaddr *)&un, sizeof(un), until);
	return l->fd < 0 ? -1 : 0;
}

int
mcd_link_idle(const struct mcd_link *l)
{
	char b;

	return l->pos == l->len &&
	    recv(l->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* ---- Octets ----------------------------------------------------------- */

int
mcd_link_send(struct mcd_link *l, const struct mcd_part *part, size_t n,
    int64_t until)
{
	struct iovec iov[MCD_PARTS];
	struct msghdr msg;
	size_t i = 0;
	ssize_t k;

	/* What the last answer took. */
	l->pos = l->len = 0;
	if (l->max > KEPT) {
		free(l->buf);
		l->buf = NULL;
		l->max = 0;
	}
	for (i = 0; i < n; i++) {
		iov[i].iov_base = (void *)(uintptr_t)part[i].p;
		iov[i].iov_len = part[i].n;
	}
	memset(&msg, 0, sizeof(msg));
	for (i = 0; i < n;) {
		msg.msg_iov = iov + i;
		msg.msg_iovlen = n - i;
		k = sendmsg(l->fd, &msg, MSG_NOSIGNAL);
		if (k < 0 && errno == EAGAIN) {
			if (ready(l->fd, POLLOUT, until) != 0)
				return -1;
			continue;
		}
		if (k < 0 && errno != EINTR)
			return -1;
		for (; i < n && k >= (ssize_t)iov[i].iov_len; i++)
			k -= (ssize_t)iov[i].iov_len;
		if (i < n && k > 0) {
			iov[i].iov_base = (char *)iov[i].iov_base + k;
			iov[i].iov_len -= (size_t)k;
		}
	}
	return 0;
}

/* Room for so many that were not taken, and a NUL. */
static int
room(struct mcd_link *l, size_t n)
{
	size_t max = l->max < FIRST ? FIRST : l->max;
	char *p;

	if (n < l->max - l->pos)
		return 0;
	if (l->pos > 0)
		memmove(l->buf, l->buf + l->pos, l->len - l->pos);
	l->len -= l->pos;
	l->pos = 0;
	while (max <= n)
		max *= 2; /* n is 16 MiB and a little at most */
	if (max == l->max)
		return 0;
	if ((p = realloc(l->buf, max)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	l->buf = p;
	l->max = max;
	return 0;
}

/* More of what comes, at least to have n that were not taken. */
static int
fill(struct mcd_link *l, size_t n, int64_t until)
{
	ssize_t k;

	if (room(l, n) != 0)
		return -1;
	while (l->len - l->pos < n) {
		k = recv(l->fd, l->buf + l->len, l->max - l->len - 1, 0);
		if (k == 0) {
			errno = ECONNRESET;
			return -1;
		}
		if (k > 0)
			l->len += (size_t)k;
		else if (errno == EAGAIN) {
			if (ready(l->fd, POLLIN, until) != 0)
				return -1;
		} else if (errno != EINTR)
			return -1;
	}
	return 0;
}

int
mcd_link_line(char **line, struct mcd_link *l, int64_t until)
{
	char *end = NULL;

	for (;;) {
		if (l->len > l->pos)
			end = memchr(l->buf + l->pos, '\n', l->len - l->pos);
		if (end != NULL)
			break;
		if (l->len - l->pos > FIRST / 2) {
			errno = EPROTO;
			return -1;
		}
		if (fill(l, l->len - l->pos + 1, until) != 0)
			return -1;
	}
	*line = l->buf + l->pos;
	l->pos = (size_t)(end + 1 - l->buf);
	if (end > *line && end[-1] == '\r')
		end--;
	*end = '\0';
	return 0;
}

int
mcd_link_data(char **p, struct mcd_link *l, size_t n, int64_t until)
{
	if (fill(l, n + 2, until) != 0)
		return -1;
	*p = l->buf + l->pos;
	if (memcmp(*p + n, "\r\n", 2) != 0) {
		errno = EPROTO;
		return -1;
	}
	l->pos += n + 2;
	return 0;
}
