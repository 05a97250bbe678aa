/*
 * memcached_kit.h - memcached servers for the tests of the memcached: driver
 *
 *	struct mckit k;
 *	mckit_start(&k, "-m", "64", NULL);	or skip and leave
 *	k.uri		memcached:/tmp/sstate.XXXXXX/s
 *	mckit_end(&k);
 *
 * Each has a folder, and a Unix socket there or a port of loopback.
 */
#ifndef MEMCACHED_KIT_H
#define MEMCACHED_KIT_H

#include <sys/un.h>

#include <libmemcached/memcached.h>

#include "kit.h"
#include "server.h"

extern const struct sstate_driver sstate_driver_v1_memcached;

struct mckit {
	struct server s;
	char sock[96], uri[160], port_text[8];
	int port; /* 0: the socket */
	char *argv[40];
	int argc;
};

/* A connection past the driver; -1: it is not up. */
static int
mckit_connect(const struct mckit *k)
{
	struct sockaddr_storage a;
	struct sockaddr_un *un = (struct sockaddr_un *)&a;
	struct sockaddr_in *in = (struct sockaddr_in *)&a;
	const struct timeval tv = { 20, 0 };
	socklen_t n;
	int fd;

	memset(&a, 0, sizeof(a));
	if (k->port != 0) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)k->port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		n = sizeof(*in);
	} else {
		un->sun_family = AF_UNIX;
		(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s",
		    k->sock);
		n = sizeof(*un);
	}
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, n) != 0) {
		(void)close(fd);
		fd = -1;
	}
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

/* All that a command is answered, up to its last line; to be freed. */
__attribute__((unused)) static char *
mckit_say(const struct mckit *k, const char *cmd, const char *last)
{
	char *all = (char *)calloc(1, 1), *p;
	size_t n = 0, nlast = strlen(last);
	int fd = mckit_connect(k);
	ssize_t got;

	if (fd < 0 || send(fd, cmd, strlen(cmd), MSG_NOSIGNAL) < 0) {
		(void)close(fd);
		return all;
	}
	for (;;) {
		if ((p = (char *)realloc(all, n + 65536 + 1)) == NULL)
			abort();
		all = p;
		if ((got = recv(fd, all + n, 65536, 0)) <= 0)
			break;
		n += (size_t)got;
		if (n >= nlast && memcmp(all + n - nlast, last, nlast) == 0)
			break;
	}
	all[n] = '\0';
	(void)close(fd);
	return all;
}

static int
mckit_is_up(void *arg)
{
	char *p = mckit_say((const struct mckit *)arg, "version\r\n", "\r\n");
	int up = strncmp(p, "VERSION ", 8) == 0;

	free(p);
	return up;
}

__attribute__((unused)) static void
mckit_arg(struct mckit *k, const char *a)
{
	k->argv[k->argc++] = (char *)(uintptr_t)a;
	k->argv[k->argc] = NULL;
}

/* Again, with what it was started with. */
__attribute__((unused)) static int
mckit_again(struct mckit *k)
{
	if (k->port == 0)
		(void)unlink(k->sock);
	return server_start(&k->s, k->argv, mckit_is_up, k);
}

/* port 0: a socket.  Leaves the test if there is no such server. */
__attribute__((unused)) static void
mckit_start_at(struct mckit *k, int port, const char *const *args)
{
	memset(k, 0, sizeof(*k));
	if (server_room(&k->s, "memcached") != 0) {
		tap_skip("memcached is not installed");
		exit(tap_done());
	}
	k->port = port;
	(void)snprintf(k->sock, sizeof(k->sock), "%s/s", k->s.dir);
	(void)snprintf(k->port_text, sizeof(k->port_text), "%d", port);
	mckit_arg(k, "memcached");
	if (port == 0) {
		/* The test may be root, the server is nobody. */
		mckit_arg(k, "-a");
		mckit_arg(k, "0777");
		mckit_arg(k, "-s");
		mckit_arg(k, k->sock);
		(void)snprintf(k->uri, sizeof(k->uri), "memcached:%s", k->sock);
	} else {
		mckit_arg(k, "-l");
		mckit_arg(k, "127.0.0.1");
		mckit_arg(k, "-p");
		mckit_arg(k, k->port_text);
		(void)snprintf(k->uri, sizeof(k->uri),
		    "memcached://127.0.0.1:%d", port);
	}
	for (; args != NULL && *args != NULL; args++)
		mckit_arg(k, *args);
	NEED(mckit_again(k) == 0, "memcached runs");
}

__attribute__((unused)) static void
mckit_start(struct mckit *k, ...)
{
	const char *args[16] = { NULL };
	va_list ap;
	int n = 0;

	va_start(ap, k);
	while (n < 15 && (args[n] = va_arg(ap, const char *)) != NULL)
		n++;
	va_end(ap);
	mckit_start_at(k, 0, args);
}

__attribute__((unused)) static void
mckit_end(struct mckit *k)
{
	server_end(&k->s);
}

/* ---- A context, and records ------------------------------------------- */

__attribute__((unused)) static void *
mckit_open(const char *uri, struct sstate_error *err)
{
	void *ctx;

	memset(err, 0, sizeof(*err));
	return drv_open(&ctx, &sstate_driver_v1_memcached, uri, err) == 0
	    ? ctx
	    : NULL;
}

__attribute__((unused)) static void
mckit_close(void *ctx)
{
	if (ctx != NULL)
		sstate_driver_v1_memcached.close(ctx);
}

/* Its key in the server; the buffer is used again. */
__attribute__((unused)) static const char *
mckit_name(unsigned n)
{
	static char name[200];
	struct sstate_key key = conform_key(CONFORM_NS, n);
	size_t i, at;

	at = (size_t)snprintf(name, sizeof(name), "sstate:r:%s:", key.ns);
	for (i = 0; i < sizeof(key.id); i++)
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%02x",
		    key.id[i]);
	return name;
}

__attribute__((unused)) static int
mckit_make(void *ctx, unsigned n, int64_t expires, struct sstate_error *err)
{
	return drv_make(&sstate_driver_v1_memcached, ctx, n, expires, 0, err);
}

__attribute__((unused)) static int
mckit_read(void *ctx, unsigned n, struct sstate_error *err)
{
	return drv_read(&sstate_driver_v1_memcached, ctx, n, err);
}

__attribute__((unused)) static int
mckit_remove(void *ctx, unsigned n, uint64_t rev, struct sstate_error *err)
{
	return drv_remove(&sstate_driver_v1_memcached, ctx, n, rev, err);
}

/* From revision 1 to 2. */
__attribute__((unused)) static int
mckit_replace(void *ctx, unsigned n, struct sstate_error *err)
{
	return drv_replace(&sstate_driver_v1_memcached, ctx, n, 1, CONFORM_LIVE,
	    0, err);
}

/* Does the open fail so? */
__attribute__((unused)) static int
mckit_refused(const char *uri, int code, const char *words)
{
	struct sstate_error err;
	void *ctx = mckit_open(uri, &err);
	int good =
	    ctx == NULL && err.code == code && strstr(err.text, words) != NULL;

	if (!good)
		printf("# %s: %d %s\n", uri, err.code, err.text);
	mckit_close(ctx);
	return good;
}

#endif
