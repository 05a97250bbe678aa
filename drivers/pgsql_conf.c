/*
 * pgsql_conf.c - what the URI of a pgsql: store says
 *
 * Invariant: a name that gets into SQL is of [a-z0-9_]; all else that
 * the URI says goes to libpq as a value, and is not parsed again there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "pgsql.h"

enum { MAX_BYTES = 16 << 20 };

/* Debian's; said here, so that no variable of libpq's decides the host. */
#define SOCKET_DIR "/var/run/postgresql"

/* [schema.]prefix, each [a-z_][a-z0-9_]{0,30} */
static int
table_names(struct pgs *c, const char *s, struct sstate_error *err)
{
	const char *dot = strchr(s, '.');
	size_t n = dot != NULL ? (size_t)(dot - s) : 0;
	const char *name = dot != NULL ? dot + 1 : s;
	size_t m = strlen(name);

	if (!sql_is_name(name, m) || (dot != NULL && !sql_is_name(s, n)))
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "pgsql: open: table is no [schema.]name of [a-z0-9_], 31 "
		    "letters at most");
	memcpy(c->schema, s, n);
	memcpy(c->prefix, name, m);
	return 0;
}

/* "x", or "schema"."x": quoted, so that no name is a keyword. */
static size_t
put_name(char *out, size_t max, const struct pgs *c, char which)
{
	const char *tail = which == 'R' ? "record"
	    : which == 'M'		? "meta"
	    : which == 'D'		? "due"
					: "tag";
	/* An index lies in its table's schema by itself. */
	int whole = c->schema[0] != '\0' && (which == 'R' || which == 'M');
	int n = snprintf(out, max, "%s%s%s\"%s_%s\"", whole ? "\"" : "",
	    whole ? c->schema : "", whole ? "\"." : "", c->prefix, tail);

	return (size_t)n < max ? (size_t)n : max - 1;
}

void
pgs_text(char out[PGS_TEXT_BYTES], const struct pgs *c, const char *pattern)
{
	char *end = out + PGS_TEXT_BYTES - 1;

	while (*pattern != '\0' && out < end) {
		if (*pattern != '@') {
			*out++ = *pattern++;
			continue;
		}
		out += put_name(out, (size_t)(end - out) + 1, c, pattern[1]);
		pattern += 2;
	}
	*out = '\0';
}

/* */
static int
tls(struct pgs *c, struct sstate_conf *conf, struct sstate_error *err)
{
	static const char *const modes[] = { "disable", "prefer", "require",
		"verify-ca", "verify-full" };
	const char *mode = sstate_conf_str(conf, "sslmode",
	    driver_is_local(c->host) ? "disable" : "verify-full");
	size_t i;
	int r;

	for (i = 0; i < 5 && strcmp(mode, modes[i]) != 0; i++)
		;
	if (i == 5)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "pgsql: open: sslmode is none of disable, prefer, require, "
		    "verify-ca, verify-full");
	if ((r = driver_check_far(conf, "pgsql", c->host, i == 4, err)) != 0 ||
	    (r = sql_keep(&c->sslmode, &c->conf, mode, err)) != 0)
		return r;
	return sql_keep(&c->rootcert, &c->conf,
	    sstate_conf_str(conf, "sslrootcert", NULL), err);
}

/* Where it is. */
static int
address(struct pgs *c, struct sstate_conf *conf, struct sstate_error *err)
{
	const char *host = sstate_conf_part(conf, SSTATE_CONF_HOST);
	int r;

	if (host == NULL)
		host = sstate_conf_str(conf, "socket", SOCKET_DIR);
	if (strchr(host, ',') != NULL)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "pgsql: open: one host, not several");
	if ((r = sql_keep(&c->host, &c->conf, host, err)) != 0 ||
	    (r = sql_keep(&c->port, &c->conf,
		 sstate_conf_part(conf, SSTATE_CONF_PORT), err)) != 0)
		return r;
	return tls(c, conf, err);
}

int
pgs_conf_read(struct pgs *c, struct sstate_conf *conf, struct sstate_error *err)
{
	int r;

	c->conf.scheme = "pgsql";
	if ((r = sql_conf_read(&c->conf, conf, MAX_BYTES, MAX_BYTES, err)) !=
		0 ||
	    (r = table_names(c, sstate_conf_str(conf, "table", "securestate"),
		 err)) != 0 ||
	    c->borrowed)
		return r;
	if ((r = sql_conf_own(&c->conf, conf, err)) != 0)
		return r;
	return address(c, conf, err);
}

void
pgs_conf_free(struct pgs *c)
{
	sql_conf_free(&c->conf);
	free(c->host);
	free(c->port);
	free(c->sslmode);
	free(c->rootcert);
}
