/*
 * sql_conf.h - what the URIs of mysql: and pgsql: say alike
 *
 * Invariant: a name that gets into SQL is of [a-z0-9_].
 */
#ifndef SQL_CONF_H
#define SQL_CONF_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <securestate/store.h>

#include "driver.h"

enum { SQL_NAME_BYTES = 31 }; /* of a table's prefix, or of a schema */

struct sql_conf {
	const char *scheme; /* for texts */
	int64_t timeout_ms;
	size_t max_bytes;
	int sync, create;
	/* Ours, the password wiped; NULL: not said. */
	char *user, *password, *db;
};

/* [a-z_][a-z0-9_]{0,30} */
DRIVER_UNUSED static int
sql_is_name(const char *s, size_t n)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_",
			  more[] = "abcdefghijklmnopqrstuvwxyz_0123456789";

	return n >= 1 && n <= SQL_NAME_BYTES && strspn(s, more) >= n &&
	    strspn(s, first) >= 1;
}

DRIVER_UNUSED static int
sql_keep(char **out, const struct sql_conf *c, const char *s,
    struct sstate_error *err)
{
	if (s == NULL || (*out = strdup(s)) != NULL)
		return 0;
	return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: open", c->scheme);
}

/* max_bytes is usual where nobody says another. */
DRIVER_UNUSED static int
sql_conf_read(struct sql_conf *c, struct sstate_conf *conf, int64_t usual,
    int64_t most, struct sstate_error *err)
{
	int64_t max, create;
	int r;

	if ((r = sstate_conf_int(&c->timeout_ms, conf, "timeout_ms", 5000, 10,
		 3600000, err)) != 0 ||
	    (r = sstate_conf_int(&max, conf, "max_bytes", usual, 1, most,
		 err)) != 0 ||
	    (r = sstate_conf_int(&create, conf, "create", 0, 0, 1, err)) != 0)
		return r;
	c->max_bytes = (size_t)max;
	c->create =
	    create != 0 && (sstate_conf_flags(conf) & SSTATE_NO_CREATE) == 0;
	return 0;
}

/* Of a connection of our own; not asked for with a ready-made handle. */
DRIVER_UNUSED static int
sql_conf_own(struct sql_conf *c, struct sstate_conf *conf,
    struct sstate_error *err)
{
	const char *path = sstate_conf_part(conf, SSTATE_CONF_PATH);
	const char *sync = sstate_conf_str(conf, "sync", "on");
	int r;

	c->sync = strcmp(sync, "on") == 0;
	if (!c->sync && strcmp(sync, "off") != 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: open: sync is neither on nor off", c->scheme);
	if (path == NULL || path[0] != '/' || path[1] == '\0')
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "%s: open: no database is named: %s://host/name", c->scheme,
		    c->scheme);
	if ((r = sql_keep(&c->db, c, path + 1, err)) != 0 ||
	    (r = sql_keep(&c->user, c, sstate_conf_part(conf, SSTATE_CONF_USER),
		 err)) != 0)
		return r;
	return sql_keep(&c->password, c,
	    sstate_conf_part(conf, SSTATE_CONF_PASSWORD), err);
}

DRIVER_UNUSED static void
sql_conf_free(struct sql_conf *c)
{
	if (c->password != NULL)
		explicit_bzero(c->password, strlen(c->password));
	free(c->user);
	free(c->password);
	free(c->db);
}

#endif
