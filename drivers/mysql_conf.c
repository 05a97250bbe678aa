/*
 * mysql_conf.c - what the URI of a mysql: store says
 *
 * Invariant: a name that gets into SQL is of [a-z0-9_].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "mysql_db.h"

enum { TIMEOUT_MS = 5000, PORT = 3306 };

/* Debian's; said here, so that no variable of the library's decides it. */
#define SOCKET "/run/mysqld/mysqld.sock"

static int
table_name(struct mys *c, const char *s, struct sstate_error *err)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_",
			  more[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t n = strlen(s);

	if (n < 1 || n > MYS_NAME_BYTES || strspn(s, more) != n ||
	    strspn(s, first) < 1)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: open: table is no name of [a-z0-9_], 31 letters at "
		    "most");
	memcpy(c->prefix, s, n);
	return 0;
}

void
mys_text(char out[MYS_TEXT_BYTES], const struct mys *c, const char *pattern)
{
	char *end = out + MYS_TEXT_BYTES - 1;
	int n;

	while (*pattern != '\0' && out < end) {
		if (*pattern != '@' ||
		    (pattern[1] != 'R' && pattern[1] != 'M')) {
			*out++ = *pattern++;
			continue;
		}
		n = snprintf(out, (size_t)(end - out) + 1, "`%s_%s`", c->prefix,
		    pattern[1] == 'R' ? "record" : "meta");
		out = n < end - out ? out + n : end;
		pattern += 2;
	}
	*out = '\0';
}

static int
keep(char **out, const char *s, struct sstate_error *err)
{
	if (s == NULL || (*out = strdup(s)) != NULL)
		return 0;
	return sstate_fail(err, SSTATE_ENOMEM, 0, "mysql: open");
}

/* Where it is, and who we are; not asked for with a ready-made handle. */
static int
address(struct mys *c, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *host = sstate_conf_part(conf, SSTATE_CONF_HOST);
	const char *port = sstate_conf_part(conf, SSTATE_CONF_PORT);
	const char *path = sstate_conf_part(conf, SSTATE_CONF_PATH);
	const char *sock =
	    host != NULL ? NULL : sstate_conf_str(conf, "socket", SOCKET);
	const char *ca = sstate_conf_str(conf, "ca", NULL);
	int r;

	if (path == NULL || path[0] != '/' || path[1] == '\0')
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: open: no database is named: mysql://host/name");
	if (ca != NULL && host == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: open: a socket has no certificate: ca is for a "
		    "host");
	c->tls = ca != NULL;
	c->port = port != NULL ? (unsigned int)strtoul(port, NULL, 10) : PORT;
	/* */
	if ((r = driver_check_far(conf, "mysql", host, ca != NULL, err)) != 0 ||
	    (r = keep(&c->host, host, err)) != 0 ||
	    (r = keep(&c->user, sstate_conf_part(conf, SSTATE_CONF_USER),
		 err)) != 0 ||
	    (r = keep(&c->password,
		 sstate_conf_part(conf, SSTATE_CONF_PASSWORD), err)) != 0 ||
	    (r = keep(&c->db, path + 1, err)) != 0 ||
	    (r = keep(&c->socket, sock, err)) != 0)
		return r;
	return keep(&c->ca, ca, err);
}

int
mys_conf_read(struct mys *c, struct sstate_conf *conf, struct sstate_error *err)
{
	int64_t max, create;
	const char *sync;
	int r;

	if ((r = sstate_conf_int(&c->timeout_ms, conf, "timeout_ms", TIMEOUT_MS,
		 10, 3600000, err)) != 0 ||
	    (r = sstate_conf_int(&max, conf, "max_bytes", 0, 1, MYS_MAX_BYTES,
		 err)) != 0 ||
	    (r = sstate_conf_int(&create, conf, "create", 0, 0, 1, err)) != 0)
		return r;
	c->max_bytes = (size_t)max;
	c->create =
	    create != 0 && (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0;
	if ((r = table_name(c, sstate_conf_str(conf, "table", "securestate"),
		 err)) != 0 ||
	    c->borrowed)
		return r;
	sync = sstate_conf_str(conf, "sync", "on");
	c->sync = strcmp(sync, "on") == 0;
	if (!c->sync && strcmp(sync, "off") != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: open: sync is neither on nor off");
	return address(c, conf, err);
}

void
mys_conf_free(struct mys *c)
{
	if (c->password != NULL)
		explicit_bzero(c->password, strlen(c->password));
	free(c->host);
	free(c->user);
	free(c->password);
	free(c->db);
	free(c->socket);
	free(c->ca);
}
