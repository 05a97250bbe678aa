/*
 * mysql_handle_test.c - a connection that the program made, and forks
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "sql_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_mysql;
static struct mkit k;

static int
write_one(struct sstate_store *s, uint64_t n, uint64_t expected,
    struct sstate_error *err)
{
	struct sstate_key key = conform_key("app", n);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	void *ctx;

	memset(err, 0, sizeof(*err));
	(void)sstate_store_driver(s, &ctx);
	if (expected != 0)
		return d->replace(ctx, &key, expected, &rec, err);
	return d->create(ctx, &key, &rec, err);
}

static int
create(struct sstate_store *s, uint64_t n, struct sstate_error *err)
{
	return write_one(s, n, 0, err);
}

static struct sstate_store *
over(MYSQL *my, const char *u, struct sstate_error *err)
{
	memset(err, 0, sizeof(*err));
	return drv_store(d, u, "app", my, err);
}

static void
lent(void)
{
	MYSQL *my = mkit_conn(&k, "shop", "sessions");
	struct sstate_error err;
	struct sstate_store *s, *s2;
	my_bool yes = 1, no = 0;
	int i, r = 0;

	NEED(my != NULL, "a connection");
	s = over(my, "mysql:?table=mine", &err);
	T(s == NULL && err.code == SSTATE_ESTORE, "no tables: %s", err.text);
	NEED((s = over(my, "mysql:?table=mine&create=1", &err)) != NULL,
	    "a store over it: %s", err.text);
	for (i = 0; i < 5; i++)
		r |= create(s, (uint64_t)i, &err);
	T(r == 0 && create(s, 1, &err) == SSTATE_EEXIST, "it works %s",
	    err.text);
	T(write_one(s, 1, 1, &err) == 0 &&
		write_one(s, 1, 2, &err) == SSTATE_ECONFLICT &&
		write_one(s, 99, 1, &err) == SSTATE_ENOTFOUND,
	    "R-33 also where it counts what changed, not what was found");
	NEED((s2 = over(my, "mysql:?table=mine", &err)) != NULL,
	    "a second one over the same: %s", err.text);
	T(create(s2, 1, &err) == SSTATE_EEXIST, "works, too");
	sstate_store_close(s2);
	T(strcmp(mkit_ask(my, "SELECT count(*) FROM mine_record"), "5") == 0,
	    "the program may use it between two calls");
	(void)mkit_ask(my, "BEGIN");
	r = create(s, 10, &err);
	T(r == SSTATE_EINVAL, "R-33 in a transaction: %s", err.text);
	(void)mkit_ask(my, "ROLLBACK");
	(void)mkit_ask(my, "SET autocommit = 0");
	r = create(s, 10, &err);
	T(r == SSTATE_EINVAL, "without autocommit: %s", err.text);
	(void)mkit_ask(my, "SET autocommit = 1");
	(void)mysql_query(my, "SELECT 1");
	r = create(s, 10, &err);
	T(r == SSTATE_EINVAL, "with a result open: %s", err.text);
	mysql_free_result(mysql_use_result(my));
	(void)mysql_options(my, MYSQL_OPT_RECONNECT, &yes);
	r = create(s, 10, &err);
	T(r == SSTATE_EINVAL && strstr(err.text, "reconnects") != NULL,
	    "I7 one that repeats by itself: %s", err.text);
	(void)mysql_options(my, MYSQL_OPT_RECONNECT, &no);
	T(create(s, 10, &err) == 0, "and after it %s", err.text);
	T(over(my, "mysql:///sessions?table=mine", &err) == NULL &&
		err.code == SSTATE_EINVAL,
	    "a handle and a place: %s", err.text);
	sstate_store_close(s);
	T(strcmp(mkit_ask(my, "SELECT 7"), "7") == 0 &&
		strcmp(mkit_sql(&k,
			   "SELECT sum(variable_value) FROM"
			   " information_schema.global_status WHERE"
			   " variable_name = 'PREPARED_STMT_COUNT'"),
		    "0") == 0,
	    "it is not closed with the store, and nothing is left there");
	mysql_close(my);
}

/* No answer in time, or hung up: the connection is lost, and said so. */
static void
lost(void)
{
	MYSQL *my = mkit_conn(&k, "shop", "sessions"), *root;
	struct sstate_error err;
	struct sstate_store *s;
	int r;

	NEED(my != NULL, "a connection");
	s = over(my, "mysql:?table=mine&timeout_ms=200", &err);
	NEED(s != NULL && create(s, 20, &err) == 0, "a store: %s", err.text);
	root = mkit_conn(&k, "root", "sessions");
	(void)mkit_ask(root, "LOCK TABLES mine_record WRITE");
	r = create(s, 21, &err);
	mysql_close(root);
	T(r == SSTATE_ESTORE, "no answer in time: %d %s", r, err.text);
	r = create(s, 22, &err);
	T(r == SSTATE_EBUSY, "it is lost then: %d %s", r, err.text);
	sstate_store_close(s);
	mysql_close(my);

	my = mkit_conn(&k, "shop", "sessions");
	s = over(my, "mysql:?table=mine", &err);
	NEED(s != NULL && create(s, 23, &err) == 0, "a store: %s", err.text);
	(void)mkit_sql(&k, "KILL USER shop");
	while (atoi(mkit_sql(&k,
		   "SELECT count(*) FROM"
		   " information_schema.processlist"
		   " WHERE user = 'shop'")) > 0)
		;
	r = create(s, 24, &err);
	T(r == SSTATE_EBUSY, "closed by the server: %d %s", r, err.text);
	sstate_store_close(s);
	mysql_close(my);
}

/* The server's thread that the driver talks to. */
static int
peer(void)
{
	return atoi(mkit_sql(&k,
	    "SELECT coalesce(max(id), 0) FROM"
	    " information_schema.processlist"
	    " WHERE user = 'shop'"));
}

static void
hang_up(void)
{
	(void)mkit_sql(&k, "KILL USER shop");
	while (peer() != 0)
		;
}

/* Who said no good-bye: the two of lost(), and none of sql_forked(). */
static void
lost_ones(void)
{
	T(strcmp(mkit_sql(&k,
		     "SELECT sum(variable_value) FROM"
		     " information_schema.global_status WHERE"
		     " variable_name = 'ABORTED_CLIENTS'"),
	      "2") == 0,
	    "nobody but the two that were lost went without a good-bye");
}

int
main(void)
{
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
	lent();
	lost();
	sql_forked(d, k.uri, peer);
	lost_ones();
	sql_idle(d, k.uri, hang_up);
	mkit_end(&k);
	return tap_done();
}
