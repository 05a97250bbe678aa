/*
 * driver.h - what the drivers of this folder share
 *
 * Like the drivers it knows <securestate/store.h> and nothing else of ours.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <securestate/store.h>

#define DRIVER_UNUSED __attribute__((unused))

/* 2 * n digits and a NUL: one alphabet, no quoting anywhere. */
DRIVER_UNUSED static void
driver_hex(char *out, const unsigned char *in, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

/* Big-endian, so that numbers sort as octets. */
DRIVER_UNUSED static void
driver_put64(unsigned char *out, uint64_t v)
{
	int i;

	for (i = 7; i >= 0; i--) {
		out[i] = (unsigned char)(v & 0xff);
		v >>= 8;
	}
}

DRIVER_UNUSED static uint64_t
driver_get64(const unsigned char *in)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 8; i++)
		v = v << 8 | in[i];
	return v;
}

DRIVER_UNUSED static int
driver_has_tag(const unsigned char *tag)
{
	static const unsigned char none[SSTATE_TAG_BYTES];

	return memcmp(tag, none, sizeof(none)) != 0;
}

/*
 * For a connection that is left without a word, where the client library has
 * no such call: what it says at its end, plainly or by TLS, then goes into
 * the pair that takes the place of fd, and what it waits for is an end.  The
 * other half is returned, to be closed afterwards.  -1: there was no
 * descriptor left; fd is closed, and the library must not touch it again.
 */
DRIVER_UNUSED static int
driver_hush(int fd)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		(void)close(fd);
		return -1;
	}
	(void)shutdown(pair[1], SHUT_WR);
	if (dup3(pair[0], fd, O_CLOEXEC) != fd) {
		(void)close(fd);
		(void)close(pair[1]);
		pair[1] = -1;
	}
	(void)close(pair[0]);
	return pair[1];
}

/* No host, a path, or a name of this machine: nothing crosses a network. */
DRIVER_UNUSED static int
driver_is_local(const char *host)
{
	return host == NULL || host[0] == '/' ||
	    strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    (strncmp(host, "127.", 4) == 0 &&
		host[strspn(host, "0123456789.")] == '\0');
}

/*
 * a store on another host is reached by TLS with a checked
 * certificate; without it the open is refused unless insecure=1 says so.
 * tls: the connection will be such a one.
 */
DRIVER_UNUSED static int
driver_check_far(struct sstate_conf *c, const char *scheme, const char *host,
    int tls, struct sstate_error *err)
{
	int64_t insecure;
	int r;

	if ((r = sstate_conf_int(&insecure, c, "insecure", 0, 0, 1, err)) != 0)
		return r;
	if (tls || insecure || driver_is_local(host))
		return 0;
	return sstate_fail(err, SSTATE_EUNSAFE, 0,
	    "%s: open: another host without TLS; insecure=1 permits it",
	    scheme);
}

#endif
