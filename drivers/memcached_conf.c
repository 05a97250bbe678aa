/*
 * memcached_conf.c - what the URI of a memcached: store says, and which
 * servers there are
 *
 * Invariant: whatever becomes part of a key is of [A-Za-z0-9_.:{}-];
 * a server on another host is one that insecure=1 permits.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "memcached.h"

enum { PORT = 11211 };

static const char in_prefix[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"abcdefghijklmnopqrstuvwxyz0123456789_.:{}-";
static const char in_host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789_.:%-";

static int
bad(const char *what, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EINVAL, 0, "memcached: open: %s", what);
}

static int
no_memory(struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_ENOMEM, 0, "memcached: open");
}

/* Digits; 0 for what is no port. */
static int
port_of(const char *p, size_t n)
{
	int v = 0;

	if (n == 0 || n > 5)
		return 0;
	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return 0;
		v = v * 10 + (*p - '0');
	}
	return v <= 65535 ? v : 0;
}

static int
add_server(struct mcd *m, const char *host, int port, struct sstate_error *err)
{
	memcached_return_t r = port == 0
	    ? memcached_server_add_unix_socket(m->pool, host)
	    : memcached_server_add(m->pool, host, (in_port_t)port);

	return r == MEMCACHED_SUCCESS ? 0 : bad("no proper server", err);
}

/* host:port, [address]:port, either without a port, or a socket's path */
static int
one_of_hosts(struct mcd *m, const char *p, size_t n, struct sstate_error *err)
{
	static const char what[] = "hosts is not host:port,host:port";
	char host[256];
	const char *q;
	int port = PORT;

	if (n > 0 && *p == '[') {
		p++;
		n--;
		if ((q = memchr(p, ']', n)) == NULL)
			return bad(what, err);
		if (q + 1 < p + n &&
		    (q[1] != ':' ||
			(port = port_of(q + 2, (size_t)(p + n - q - 2))) == 0))
			return bad(what, err);
		n = (size_t)(q - p);
	} else if (n > 0 && *p == '/') {
		port = 0;
	} else if ((q = memchr(p, ':', n)) != NULL) {
		if ((port = port_of(q + 1, (size_t)(p + n - q - 1))) == 0)
			return bad(what, err);
		n = (size_t)(q - p);
	}
	if (n == 0 || n >= sizeof(host))
		return bad(what, err);
	memcpy(host, p, n);
	host[n] = '\0';
	if (port != 0 && strspn(host, in_host) != n)
		return bad(what, err);
	return add_server(m, host, port, err);
}

/* Of the URI: a host or a socket, then those of hosts. */
static int
named(struct mcd *m, struct sstate_conf *c, struct sstate_error *err)
{
	const char *host = sstate_conf_part(c, SSTATE_CONF_HOST);
	const char *port = sstate_conf_part(c, SSTATE_CONF_PORT);
	const char *path = sstate_conf_part(c, SSTATE_CONF_PATH);
	const char *list = sstate_conf_str(c, "hosts", NULL);
	int n = PORT, r = 0;
	size_t len;

	if (m->given)
		return host != NULL || path != NULL || list != NULL
		    ? bad("a handle, and a place besides", err)
		    : 0;
	if (port != NULL && (n = port_of(port, strlen(port))) == 0)
		return bad("no proper port", err);
	if (path != NULL && strcmp(path, "/") == 0)
		path = NULL;
	if (path != NULL && (host != NULL || path[0] != '/'))
		return bad("no absolute path of a socket", err);
	if (host != NULL && strspn(host, in_host) != strlen(host))
		return bad("no proper host", err);
	if (path != NULL)
		r = add_server(m, path, 0, err);
	else if (host != NULL)
		r = add_server(m, host, n, err);
	while (r == 0 && list != NULL) {
		len = strcspn(list, ",");
		r = one_of_hosts(m, list, len, err);
		list = list[len] == ',' ? list + len + 1 : NULL;
	}
	return r;
}

/*
 * The spread that most clients know; a key stays where it belongs while its
 * server is down, or a log-out would be undone when it is back.
 */
static int
make_pool(struct mcd *m, struct sstate_error *err)
{
	if ((m->pool = memcached_create(NULL)) == NULL)
		return no_memory(err);
	if (memcached_behavior_set(m->pool, MEMCACHED_BEHAVIOR_KETAMA, 1) !=
	    MEMCACHED_SUCCESS)
		return no_memory(err);
	return 0;
}

static int
check_given(struct mcd *m, struct sstate_error *err)
{
	static const memcached_behavior_t moves[] = {
		MEMCACHED_BEHAVIOR_AUTO_EJECT_HOSTS,
		MEMCACHED_BEHAVIOR_REMOVE_FAILED_SERVERS,
		MEMCACHED_BEHAVIOR_NUMBER_OF_REPLICAS,
	};
	size_t i;

	for (i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		if (memcached_behavior_get(m->pool, moves[i]) != 0)
			return sstate_fail(err, SSTATE_EUNSAFE, 0,
			    "memcached: open: the handle moves keys to other "
			    "servers (ejection, replicas)");
	if (memcached_behavior_get(m->pool, MEMCACHED_BEHAVIOR_DISTRIBUTION) ==
	    MEMCACHED_DISTRIBUTION_RANDOM)
		return bad("the handle spreads keys at random", err);
	if (memcached_behavior_get(m->pool, MEMCACHED_BEHAVIOR_USE_UDP) != 0)
		return bad("the handle is for UDP", err);
	return 0;
}

/* A link for each server of the pool, in its order. */
static int
make_links(struct mcd *m, struct sstate_conf *c, struct sstate_error *err)
{
	uint32_t i, n = memcached_server_count(m->pool);
	const memcached_instance_st *s;
	const char *name;
	int r;

	if (n == 0)
		return bad("no host and no socket", err);
	if (n > MCD_HOSTS)
		return bad("too many hosts", err);
	if ((m->link = calloc(n, sizeof(*m->link))) == NULL)
		return no_memory(err);
	for (i = 0; i < n; i++) {
		s = memcached_server_instance_by_position(m->pool, i);
		name = memcached_server_name(s);
		if (name == NULL || strlen(name) >= sizeof(m->link[i].host))
			return bad("no proper host", err);
		memcpy(m->link[i].host, name, strlen(name) + 1);
		m->link[i].port = name[0] == '/' ? 0 : memcached_server_port(s);
		m->link[i].fd = -1;
		m->nlinks = i + 1;
		if ((r = driver_check_far(c, "memcached", name, 0, err)) != 0)
			return r;
	}
	return 0;
}

int
mcd_conf_read(struct mcd *m, struct sstate_conf *c, struct sstate_error *err)
{
	const char *prefix = sstate_conf_str(c, "prefix", "sstate:");
	int64_t ms, max;
	int r;

	/* With key and book-keeping, below a server's item of 1 MiB. */
	if ((r = sstate_conf_int(&ms, c, "timeout_ms", 1000, 1, 3600000,
		 err)) != 0 ||
	    (r = sstate_conf_int(&max, c, "max_bytes", (1 << 20) - 1024, 1,
		 16 << 20, err)) != 0)
		return r;
	m->timeout_ms = (int)ms;
	m->max_bytes = (size_t)max;
	if (strlen(prefix) > MCD_PREFIX_BYTES ||
	    strspn(prefix, in_prefix) != strlen(prefix))
		return bad("prefix is not [A-Za-z0-9_.:{}-]{0,64}", err);
	memcpy(m->prefix, prefix, strlen(prefix) + 1);
	m->pool = sstate_conf_handle(c);
	m->given = m->pool != NULL;
	if ((r = m->given ? check_given(m, err) : make_pool(m, err)) != 0 ||
	    (r = named(m, c, err)) != 0)
		return r;
	return make_links(m, c, err);
}
