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

enum { PORT = 3306 };

/* Debian's; said here, so that no variable of the library's decides it. */
#define SOCKET "/run/mysqld/mysqld.sock"

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

/* Where it is. */
static int
address(struct mys *c, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *host = sstate_conf_part(conf, SSTATE_CONF_HOST);
	const char *port = sstate_conf_part(conf, SSTATE_CONF_PORT);
	const char *sock =
	    host != NULL ? NULL : sstate_conf_str(conf, "socket", SOCKET);
	const char *ca = sstate_conf_str(conf, "ca", NULL);
	int r;

	if (ca != NULL && host == NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: open: a socket has no certificate: ca is for a "
		    "host");
	c->tls = ca != NULL;
	c->port = port != NULL ? (unsigned int)strtoul(port, NULL, 10) : PORT;
	/* */
	if ((r = driver_check_far(conf, "mysql", host, ca != NULL, err)) != 0 ||
	    (r = sql_keep(&c->host, &c->conf, host, err)) != 0 ||
	    (r = sql_keep(&c->socket, &c->conf, sock, err)) != 0)
		return r;
	return sql_keep(&c->ca, &c->conf, ca, err);
}

int
mys_conf_read(struct mys *c, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *table = sstate_conf_str(conf, "table", "securestate");
	size_t n = strlen(table);
	int r;

	c->conf.scheme = "mysql";
	if ((r = sql_conf_read(&c->conf, conf, 0, MYS_MAX_BYTES, err)) != 0)
		return r;
	if (!sql_is_name(table, n))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: open: table is no name of [a-z0-9_], 31 letters at "
		    "most");
	memcpy(c->prefix, table, n);
	if (c->borrowed)
		return 0;
	if ((r = sql_conf_own(&c->conf, conf, err)) != 0)
		return r;
	return address(c, conf, err);
}

void
mys_conf_free(struct mys *c)
{
	sql_conf_free(&c->conf);
	free(c->host);
	free(c->socket);
	free(c->ca);
}
