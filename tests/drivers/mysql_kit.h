/*
 * mysql_kit.h - a MariaDB of its own for the tests of the mysql: driver
 *
 *	struct mkit k;
 *	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
 *	k.uri		mysql://shop@/sessions?socket=/tmp/...&create=1
 *	mkit_sql(&k, "DROP TABLE x");
 *	mkit_end(&k);
 *
 * A folder, a Unix socket there, and users root and shop: shop is whom the
 * driver is, and owns the database.
 */
#ifndef MYSQL_KIT_H
#define MYSQL_KIT_H

#include <mysql.h>

#include "kit.h"
#include "server.h"

extern const struct sstate_driver sstate_driver_v1_mysql;

struct mkit {
	struct server s;
	char uri[200]; /* sync as the option says */
	char sock[96];
	char opts[12][96];
	char *argv[40];
	int argc, durable;
};

/* NULL: it is not up.  To be closed. */
__attribute__((unused)) static MYSQL *
mkit_conn(const struct mkit *k, const char *user, const char *db)
{
	const unsigned int protocol = MYSQL_PROTOCOL_SOCKET;
	struct sigaction was;
	MYSQL *my;

	(void)sigaction(SIGPIPE, NULL, &was);
	my = mysql_init(NULL);
	(void)sigaction(SIGPIPE, &was, NULL);
	(void)mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
	if (mysql_real_connect(my, NULL, user, "", db, 0, k->sock, 0) != NULL)
		return my;
	mysql_close(my);
	return NULL;
}

/* The first value of an answer, or "!" and the error. */
__attribute__((unused)) static const char *
mkit_ask(MYSQL *my, const char *sql)
{
	static char out[1024];
	MYSQL_RES *res;
	MYSQL_ROW row;

	out[0] = '\0';
	if (my == NULL || mysql_query(my, sql) != 0) {
		(void)snprintf(out, sizeof(out), "!%s",
		    my != NULL ? mysql_error(my) : "not up");
		printf("# %s: %s\n", sql, out);
		return out;
	}
	if ((res = mysql_store_result(my)) != NULL) {
		row = mysql_fetch_row(res);
		(void)snprintf(out, sizeof(out), "%s",
		    row != NULL && row[0] != NULL ? row[0] : "");
		mysql_free_result(res);
	}
	return out;
}

__attribute__((unused)) static const char *
mkit_sql_in(const struct mkit *k, const char *db, const char *sql)
{
	MYSQL *my = mkit_conn(k, "root", db);
	const char *out = mkit_ask(my, sql);

	if (my != NULL)
		mysql_close(my);
	return out;
}

__attribute__((unused)) static const char *
mkit_sql(const struct mkit *k, const char *sql)
{
	return mkit_sql_in(k, "sessions", sql);
}

static int
mkit_is_up(void *arg)
{
	MYSQL *my = mkit_conn((struct mkit *)arg, "root", NULL);

	if (my != NULL)
		mysql_close(my);
	return my != NULL;
}

/* Again, with what it was started with. */
__attribute__((unused)) static int
mkit_again(struct mkit *k)
{
	return server_start(&k->s, k->argv, mkit_is_up, k);
}

static void
mkit_arg(struct mkit *k, const char *a)
{
	k->argv[k->argc++] = (char *)(uintptr_t)a;
	k->argv[k->argc] = NULL;
}

static void
mkit_init(struct mkit *k)
{
	char install[PATH_MAX], data[96], tmp[96];

	NEED(server_find(install, sizeof(install), "mariadb-install-db") == 0,
	    "mariadb-install-db");
	(void)snprintf(data, sizeof(data), "--datadir=%s/data", k->s.dir);
	(void)snprintf(tmp, sizeof(tmp), "--tmpdir=%s", k->s.dir);
	mkit_arg(k, install);
	mkit_arg(k, "--no-defaults");
	mkit_arg(k, data);
	mkit_arg(k, tmp);
	mkit_arg(k, "--skip-test-db");
	mkit_arg(k, "--auth-root-authentication-method=normal");
	mkit_arg(k, "--innodb-flush-log-at-trx-commit=0");
	NEED(server_run(&k->s, k->argv) == 0, "a data folder");
	k->argc = 0;
}

/* Options, up to NULL.  Leaves the test if there is no server. */
__attribute__((unused)) static void
mkit_start(struct mkit *k, ...)
{
	static char data[96], sock[112], pid[96], tmp[96];
	const char *a;
	va_list ap;
	int i = 0;

	memset(k, 0, sizeof(*k));
	if (server_room(&k->s, "mariadbd") != 0) {
		tap_skip("mariadbd is not installed");
		exit(tap_done());
	}
	mkit_init(k);
	k->durable = 1;
	(void)snprintf(k->sock, sizeof(k->sock), "%s/s", k->s.dir);
	(void)snprintf(data, sizeof(data), "--datadir=%s/data", k->s.dir);
	(void)snprintf(sock, sizeof(sock), "--socket=%s", k->sock);
	(void)snprintf(pid, sizeof(pid), "--pid-file=%s/pid", k->s.dir);
	(void)snprintf(tmp, sizeof(tmp), "--tmpdir=%s", k->s.dir);
	mkit_arg(k, "mariadbd");
	mkit_arg(k, "--no-defaults");
	mkit_arg(k, data);
	mkit_arg(k, sock);
	mkit_arg(k, pid);
	mkit_arg(k, tmp);
	mkit_arg(k, "--innodb-buffer-pool-size=32M");
	va_start(ap, k);
	while ((a = va_arg(ap, const char *)) != NULL && i < 12) {
		(void)snprintf(k->opts[i], sizeof(k->opts[i]), "%s", a);
		k->durable = k->durable &&
		    strcmp(a, "--innodb-flush-log-at-trx-commit=0") != 0;
		mkit_arg(k, k->opts[i++]);
	}
	va_end(ap);
	/* A port is for those that say so. */
	if (i == 0 || strncmp(k->opts[i - 1], "--port", 6) != 0)
		mkit_arg(k, "--skip-networking");
	NEED(mkit_again(k) == 0, "mariadbd runs");
	(void)mkit_sql_in(k, NULL, "CREATE DATABASE sessions");
	(void)mkit_sql_in(k, NULL, "CREATE USER shop@'%'");
	NEED(mkit_sql_in(k, NULL, "GRANT ALL ON sessions.* TO shop@'%'")[0] !=
		'!',
	    "a database");
	(void)snprintf(k->uri, sizeof(k->uri),
	    "mysql://shop@/sessions?socket=%s&create=1&sync=%s", k->sock,
	    k->durable ? "on" : "off");
}

__attribute__((unused)) static void
mkit_end(struct mkit *k)
{
	server_end(&k->s);
}

#endif
