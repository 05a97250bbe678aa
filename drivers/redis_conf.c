/*
 * redis_conf.c - what the URI of a redis: store says
 *
 * Invariant: whatever becomes part of a key is of [A-Za-z0-9_.:{}-];
 * a password is in no text, and wiped.
 */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "redis.h"

enum { PORT = 6379, SENTINEL_PORT = 26379 };

static const char in_prefix[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"abcdefghijklmnopqrstuvwxyz0123456789_.:{}-";
static const char in_host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789_.:%-";

static int
bad(const struct rds_conf *o, const char *what, struct sstate_error *err)
{
	return sstate_fail(err, SSTATE_EINVAL, 0, "%s: open: %s", o->scheme,
	    what);
}

int
rds_number(const char *p, size_t n, int max)
{
	int v = 0;

	if (n == 0 || n > 5)
		return -1;
	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + (*p - '0');
	}
	return v <= max ? v : -1;
}

int
rds_host_parse(struct rds_addr *out, const char *p, size_t n, int port)
{
	const char *end = p + n, *q;

	memset(out, 0, sizeof(*out));
	if (n > 0 && *p == '[') {
		p++;
		if ((q = memchr(p, ']', (size_t)(end - p))) == NULL)
			return -1;
		n = (size_t)(q - p);
		q++;
	} else {
		/* The last one: an IPv6 address in a MOVED has more. */
		if ((q = memrchr(p, ':', n)) == NULL)
			q = end;
		n = (size_t)(q - p);
	}
	if (n >= sizeof(out->host))
		return -1;
	memcpy(out->host, p, n);
	if (strspn(out->host, in_host) != n)
		return -1;
	out->port = port;
	if (q < end) {
		if (*q != ':' ||
		    (port = rds_number(q + 1, (size_t)(end - q - 1), 65535)) <
			1)
			return -1;
		out->port = port;
	}
	return out->port > 0 ? 0 : -1;
}

static int
keep(char **out, const char *s)
{
	*out = NULL;
	return s == NULL || (*out = strdup(s)) != NULL ? 0 : -1;
}

static int
hosts(struct rds_conf *o, const char *list, int port, struct sstate_error *err)
{
	size_t n;

	for (; list != NULL; list += n, list = *list == ',' ? list + 1 : NULL) {
		n = strcspn(list, ",");
		if (o->nhosts == RDS_HOSTS)
			return bad(o, "too many hosts", err);
		if (rds_host_parse(&o->host[o->nhosts], list, n, port) != 0 ||
		    o->host[o->nhosts].host[0] == '\0')
			return bad(o, "hosts is not host:port,host:port", err);
		o->nhosts++;
	}
	return 0;
}

/* Host and port, or a socket; the path is a number of a database then. */
static int
place(struct rds_conf *o, struct sstate_conf *c, const char **db,
    struct sstate_error *err)
{
	const char *host = sstate_conf_part(c, SSTATE_CONF_HOST);
	const char *port = sstate_conf_part(c, SSTATE_CONF_PORT);
	const char *path = sstate_conf_part(c, SSTATE_CONF_PATH);
	const int dflt = o->mode == RDS_SENTINEL ? SENTINEL_PORT : PORT;
	struct rds_addr *a = &o->host[0];

	*db = NULL;
	if (host == NULL && path != NULL && o->mode == RDS_SINGLE) {
		if (path[0] != '/' || strlen(path) >= sizeof(a->host))
			return bad(o, "no absolute path of a socket", err);
		memcpy(a->host, path, strlen(path) + 1);
		o->nhosts = 1;
		return 0;
	}
	if (path != NULL && strcmp(path, "/") != 0)
		*db = path + 1;
	if (host == NULL)
		return 0;
	if (strlen(host) >= sizeof(a->host) ||
	    strspn(host, in_host) != strlen(host))
		return bad(o, "no proper host", err);
	memcpy(a->host, host, strlen(host) + 1);
	a->port = port != NULL ? rds_number(port, strlen(port), 65535) : dflt;
	o->nhosts = 1;
	return 0;
}

static int
database(struct rds_conf *o, struct sstate_conf *c, const char *path,
    struct sstate_error *err)
{
	const char *s = sstate_conf_str(c, "db", NULL);

	if (s != NULL && path != NULL)
		return bad(o, "a database is named twice", err);
	if (s == NULL)
		s = path;
	if (s != NULL && (o->db = rds_number(s, strlen(s), 65535)) < 0)
		return bad(o, "a database is no number", err);
	if (o->db != 0 && o->mode == RDS_CLUSTER)
		return bad(o, "a cluster has database 0 only", err);
	return 0;
}

/* Whole numbers, each within its bounds. */
static int
numbers(struct rds_conf *o, struct sstate_conf *c, int64_t *cluster,
    struct sstate_error *err)
{
	struct {
		const char *name;
		int64_t dflt, min, max, got;
	} v[] = {
		{ "timeout_ms", 1000, 1, 3600000, 0 },
		{ "wait", 0, 0, 64, 0 },
		{ "allow_eviction", 0, 0, 1, 0 },
		{ "insecure", 0, 0, 1, 0 },
		{ "max_bytes", 16 << 20, 1, 16 << 20, 0 },
		{ "cluster", 0, 0, 1, 0 },
	};
	size_t i;
	int r;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if ((r = sstate_conf_int(&v[i].got, c, v[i].name, v[i].dflt,
			 v[i].min, v[i].max, err)) != 0)
			return r;
	o->timeout_ms = (int)v[0].got;
	o->wait = (int)v[1].got;
	o->evicts = (int)v[2].got;
	o->insecure = (int)v[3].got;
	o->max_bytes = (size_t)v[4].got;
	*cluster = v[5].got;
	return 0;
}

static int
words(struct rds_conf *o, struct sstate_conf *c, struct sstate_error *err)
{
	const char *user = sstate_conf_part(c, SSTATE_CONF_USER);
	const char *password = sstate_conf_part(c, SSTATE_CONF_PASSWORD);
	const char *prefix = sstate_conf_str(c, "prefix", "sstate:");
	size_t n = strlen(prefix);

	if (user != NULL && password == NULL)
		return bad(o, "a user without a password", err);
	if (n > RDS_PREFIX_BYTES || strspn(prefix, in_prefix) != n)
		return bad(o, "prefix is not [A-Za-z0-9_.:{}-]{0,64}", err);
	memcpy(o->prefix, prefix, n + 1);
	if (keep(&o->user, user) != 0 || keep(&o->password, password) != 0)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: open",
		    o->scheme);
	return 0;
}

/* Which servers, and how the one for a key is found. */
static int
servers(struct rds_conf *o, struct sstate_conf *c, int64_t cluster,
    struct sstate_error *err)
{
	const char *master = sstate_conf_str(c, "sentinel", NULL);
	const char *list = sstate_conf_str(c, "hosts", NULL), *db;
	int r;

	if (master != NULL && cluster)
		return bad(o, "sentinel and cluster exclude each other", err);
	if (list != NULL && master == NULL && !cluster)
		return bad(o, "hosts is for sentinel or cluster", err);
	o->mode = master != NULL ? RDS_SENTINEL
	    : cluster		 ? RDS_CLUSTER
				 : RDS_SINGLE;
	if (keep(&o->master, master) != 0)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: open",
		    o->scheme);
	if ((r = place(o, c, &db, err)) != 0 ||
	    (r = database(o, c, db, err)) != 0)
		return r;
	return hosts(o, list, o->mode == RDS_SENTINEL ? SENTINEL_PORT : PORT,
	    err);
}

int
rds_conf_read(struct rds_conf *o, struct sstate_conf *c, const char *scheme,
    void *handle, struct sstate_error *err)
{
	int64_t cluster;
	size_t i;
	int r;

	memset(o, 0, sizeof(*o));
	o->scheme = scheme;
	if ((r = numbers(o, c, &cluster, err)) != 0 ||
	    (r = words(o, c, err)) != 0 ||
	    (r = servers(o, c, cluster, err)) != 0)
		return r;
	if (handle != NULL) {
		/* The program has chosen and greeted it. */
		if (o->mode != RDS_SINGLE || o->nhosts > 0 ||
		    o->password != NULL || o->db != 0)
			return bad(o, "a handle, and a place besides", err);
		return 0;
	}
	if (o->nhosts == 0)
		return bad(o, "no host and no socket", err);
	for (i = 0; i < o->nhosts; i++)
		if ((r = driver_check_far(c, scheme,
			 o->host[i].port != 0 ? o->host[i].host : NULL, 0,
			 err)) != 0)
			return r;
	return 0;
}

static void
wiped(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
rds_conf_free(struct rds_conf *o)
{
	wiped(o->user);
	wiped(o->password);
	wiped(o->master);
	o->user = o->password = o->master = NULL;
}
