/*
 * mysql_fail_test.c - what MariaDB refuses, and how that is said
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "page.h"
#include "sql_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_mysql;
static struct mkit k;

#define AT(fmt) sql_uri(fmt, k.sock)

static void
before_any_server(void)
{
	static const char *const bad[] = { "", ".", "a.b", "A", "a%20b", "a;b",
		"a'b", "a%60b", "a-b", "1a", "%c3%a9",
		"abcdefghijklmnopqrstuvwxyzabcdef", "a%25s", "a%40R",
		"a%60;%20DROP%20TABLE%20x;--" };
	struct sigaction was, is;
	size_t i;

	(void)sigaction(SIGPIPE, NULL, &was);
	sql_refuses(d, "mysql://shop:sesame@db.example.org/x", SSTATE_EUNSAFE,
	    "insecure=1");
	sql_refuses(d, "mysql:///x?sync=maybe", SSTATE_EINVAL, "sync");
	sql_refuses(d, "mysql:///x?create=2", SSTATE_EINVAL, "create");
	sql_refuses(d, "mysql:///x?max_bytes=16777217", SSTATE_EINVAL,
	    "max_bytes");
	sql_refuses(d, "mysql:///x?timeout_ms=0", SSTATE_EINVAL, "timeout_ms");
	sql_refuses(d, "mysql:///x?ca=/ca", SSTATE_EINVAL, "ca");
	sql_refuses(d, "mysql://", SSTATE_EINVAL, "database");
	sql_refuses(d, "mysql://shop:sesame@/x?socket=/nowhere", SSTATE_EBUSY,
	    "/nowhere");
	sql_refuses(d, "mysql://shop:sesame@127.0.0.1:1/x", SSTATE_EBUSY,
	    "connect");
	/* nothing but these gets into SQL. */
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		sql_refuses(d, sql_uri("mysql:///x?table=%s", bad[i]),
		    SSTATE_EINVAL, "table");
	(void)sigaction(SIGPIPE, NULL, &is);
	T(was.sa_handler == is.sa_handler, "SIGPIPE is as the program had it");
}

static void
people(void)
{
	(void)mkit_sql(&k, "CREATE USER locked IDENTIFIED BY 'sesame'");
	(void)mkit_sql(&k, "CREATE USER poor");
	(void)mkit_sql(&k, "CREATE USER one WITH MAX_USER_CONNECTIONS 1");
	sql_opens(d,
	    AT("mysql://shop@/sessions?socket=%s&sync=off&create=1"
	       "&table=select"));
	T(strcmp(mkit_sql(&k,
		     "SELECT value FROM select_meta WHERE name ="
		     " 'schema'"),
	      "1") == 0,
	    "R-96 a name that is a keyword is a name");
	sql_refuses(d,
	    AT("mysql://locked:not-sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "wrong user or password");
	sql_refuses(d,
	    AT("mysql://nobodys:sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "wrong user or password");
	sql_refuses(d, AT("mysql://locked:sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "right");
	(void)mkit_sql(&k,
	    "GRANT SELECT, INSERT, UPDATE, DELETE ON"
	    " sessions.select_record TO locked");
	(void)mkit_sql(&k,
	    "GRANT SELECT, UPDATE ON sessions.select_meta TO"
	    " locked");
	sql_opens(d,
	    AT("mysql://locked:sesame@/sessions?socket=%s&sync=off"
	       "&table=select"));
	sql_refuses(d,
	    AT("mysql://locked:sesame@/sessions?socket=%s&sync=off"
	       "&create=1&table=other"),
	    SSTATE_ESTORE, "right");
	sql_refuses(d, AT("mysql://shop@/nosuch?socket=%s&sync=off"),
	    SSTATE_ESTORE, "right");
	sql_refuses(d, AT("mysql://root@/nosuch?socket=%s&sync=off"),
	    SSTATE_ESTORE, "no such database");
	sql_refuses(d, AT("mysql://shop@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "securestate store init URI");
	sql_refuses(d, AT("mysql://shop@/sessions?socket=%s&create=1"),
	    SSTATE_EUNSAFE, "innodb_flush_log_at_trx_commit");
	sql_refuses(d,
	    AT("mysql://shop@/sessions?socket=%s&sync=off&create=1"
	       "&max_bytes=16777216"),
	    SSTATE_EINVAL, "max_allowed_packet");
	(void)setenv("MYSQL_UNIX_PORT", "/nowhere", 1);
	(void)setenv("MYSQL_TCP_PORT", "1", 1);
	(void)setenv("MYSQL_HOST", "db.example.org", 1);
	sql_opens(d, k.uri);
}

/* More than it lets in: not now, and said so. */
static void
crowded(void)
{
	const char *u;
	struct sstate_error err;
	struct sstate_store *s;

	(void)mkit_sql(&k, "GRANT ALL ON sessions.* TO one");
	u = AT("mysql://one@/sessions?socket=%s&sync=off");
	NEED((s = sql_store(d, u, &err)) != NULL, "a store: %s", err.text);
	sql_refuses(d, u, SSTATE_EBUSY, "no connection");
	sstate_store_close(s);
}

static void
versions(void)
{
	const char *u = AT("mysql://shop@/sessions?socket=%s&sync=off"
			   "&table=race");

	(void)mkit_sql(&k,
	    "UPDATE race_meta SET value = 2"
	    " WHERE name = 'schema'");
	sql_refuses(d, u, SSTATE_EVERSION, "schema 2");
	(void)mkit_sql(&k, "DELETE FROM race_meta WHERE name = 'schema'");
	sql_refuses(d, u, SSTATE_ESTORE, "schema 0");
	(void)mkit_sql(&k, "INSERT INTO race_meta VALUES ('schema', 1)");
	(void)mkit_sql(&k, "ALTER TABLE race_record ENGINE = Aria");
	sql_refuses(d, u, SSTATE_EUNSAFE, "InnoDB");
}

/* ---- In use ----------------------------------------------------------- */

static void
in_use(void)
{
	static const char odd[] = "x'; DROP TABLE a; --";
	struct conform c = { .driver = d };
	struct sstate_key key = conform_key("app", 2);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	unsigned n[2] = { 0, 0 };
	struct sstate_error err;
	struct sstate_store *s;
	MYSQL *root;
	void *ctx;
	int r;

	NEED((s = sql_store(d,
		  AT("mysql://shop@/sessions?socket=%s&sync=off"
		     "&timeout_ms=1200"),
		  &err)) != NULL,
	    "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(sql_create(d, ctx, odd, 1, &err) == 0 &&
		d->each(ctx, odd, NULL, sql_count, n, &err) == 0 && n[0] == 1,
	    "R-96 a namespace that is none is a value like others");
	T(sql_create(d, ctx, "app", 2, &err) == 0, "one to look at");
	T(d->replace(ctx, &key, 1, &rec, &err) == 0 &&
		conform_is(&c, ctx, &key, &rec),
	    "R-33 the same over itself is a change that was made");

	root = mkit_conn(&k, "root", "sessions");
	(void)mkit_ask(root, "BEGIN");
	(void)mkit_ask(root, "UPDATE securestate_record SET expires = 5");
	rec.rev = 2;
	r = d->replace(ctx, &key, 1, &rec, &err);
	T(r == SSTATE_EBUSY, "R-99 locked out: not written, in time: %s",
	    err.text);
	T(conform_is(&c, ctx, &key,
	      &(struct sstate_record){ .body = rec.body,
		  .expires = rec.expires,
		  .rev = 1 }),
	    "a reader does not wait, and sees the old one");
	(void)mkit_ask(root, "ROLLBACK");
	(void)mkit_ask(root, "LOCK TABLES securestate_record WRITE");
	r = sql_create(d, ctx, "app", 3, &err);
	T(r == SSTATE_EBUSY, "R-99 the table locked: %s", err.text);
	(void)mkit_ask(root, "UNLOCK TABLES");
	mysql_close(root);
	key = conform_key("app", 3);
	T(conform_gone(&c, ctx, &key) &&
		sql_create(d, ctx, "app", 3, &err) == 0,
	    "it was not written, and now it is");

	/* The table is taken away from under a program, and comes back. */
	(void)mkit_sql(&k, "RENAME TABLE securestate_record TO away");
	r = sql_create(d, ctx, "app", 4, &err);
	T(r == SSTATE_ESTORE &&
		strstr(err.text, "securestate store init") != NULL,
	    "no table: %s", err.text);
	(void)mkit_sql(&k, "RENAME TABLE away TO securestate_record");
	T(sql_create(d, ctx, "app", 4, &err) == 0, "it goes on: %s", err.text);

	(void)mkit_sql(&k,
	    "UPDATE securestate_record SET body = ''"
	    " WHERE ns = 'app'");
	T(d->get(ctx, &key, conform_found, NULL, &err) == SSTATE_ESTORE &&
		strstr(err.text, "damaged") != NULL,
	    "R-98 a row that is no record: %s", err.text);
	sstate_store_close(s);
}

/* A body that the server's packet does not hold is refused before it goes. */
static void
large(void)
{
	size_t most = (16 << 20) - 1024;
	char *p = malloc(most + 1);
	struct conform c = { .driver = d };
	struct sstate_key key = conform_key("app", 50);
	struct sstate_record rec;
	struct sstate_error err;
	struct sstate_store *s;
	void *ctx;
	int r;

	NEED(p != NULL && (s = sql_store(d, k.uri, &err)) != NULL, "a store");
	(void)sstate_store_driver(s, &ctx);
	conform_fill(p, most + 1, 1);
	rec = conform_rec(p, most + 1, CONFORM_LIVE, 1);
	r = d->create(ctx, &key, &rec, &err);
	T(r == SSTATE_ETOOBIG, "R-98 one octet over the packet: %s", err.text);
	rec = conform_rec(p, most, CONFORM_LIVE, 1);
	r = d->create(ctx, &key, &rec, &err);
	T(r == 0 && conform_is(&c, ctx, &key, &rec),
	    "R-98 and what fits is whole: %d %s", r, err.text);
	(void)d->remove(ctx, &key, 1, NULL);
	sstate_store_close(s);
	free(p);
}

static void
pages(void)
{
	struct sstate_error err;
	struct sstate_store *s;
	unsigned n[2] = { 0, 0 };
	uint64_t about = 0, gone;
	int64_t seen;
	int i, r;
	void *ctx;

	NEED((s = sql_store(d, k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	(void)mkit_sql(&k,
	    "INSERT INTO securestate_record (id, ns, due, expires, rev, tag,"
	    " body) SELECT unhex(sha2(seq, 256)), 'many', 4102444800,"
	    " 4102444800, 1, unhex('01020304050607080102030405060708'),"
	    " 'body' FROM seq_1_to_700");
	r = d->each(ctx, "many", NULL, sql_count, n, &err);
	T(r == 0 && n[0] == 700, "700 records, pages: %u %s", n[0], err.text);
	n[0] = 0;
	r = d->each(ctx, "many",
	    (const unsigned char *)"\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10",
	    sql_count, n, &err);
	T(r == 0 && n[0] == 700, "all of one user: %u %s", n[0], err.text);
	for (i = 1; i < 200; i += 63) {
		n[0] = 0;
		n[1] = (unsigned)i;
		r = d->each(ctx, "many", NULL, sql_count, n, &err);
		T(r == 77 && n[0] == n[1] &&
			d->latest(&seen, ctx, 1700000000, &err) == 0,
		    "ended at number %u, and the next call is answered: %s",
		    n[0], err.text);
	}
	/* InnoDB's own idea of it follows after a while. */
	for (i = 0; i < 200; i++) {
		const struct timespec nap = { 0, 50000000 };

		r = d->count(&about, ctx, "many", &err);
		if (r != 0 || (about > 600 && about < 800))
			break;
		(void)nanosleep(&nap, NULL);
	}
	T(r == 0 && about > 600 && about < 800,
	    "R-103 of 704 records, about %llu: %s", (unsigned long long)about,
	    err.text);
	/* Renewed since they were due: looked at once, and then no more. */
	(void)mkit_sql(&k,
	    "UPDATE securestate_record SET due = 5"
	    " WHERE ns = 'many'");
	r = d->reap(&gone, ctx, "many", 1000, 1000, &err);
	T(r == 0 && gone == 0 &&
		strcmp(mkit_sql(&k,
			   "SELECT count(*) FROM securestate_record"
			   " WHERE ns = 'many' AND due = expires"),
		    "700") == 0,
	    "R-32 what lives on is due when it expires");
	sstate_store_close(s);
}

/* Without the right to make anything it only opens what is there. */
static void
no_create(void)
{
	const struct sstate_driver *drivers[] = { d, NULL };
	const char *stores[] = { AT("mysql://shop@/sessions?socket=%s&sync=off"
				    "&create=1&table=unmade"),
		NULL };
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sstate_error err = { 0, 0, "" };
	struct sstate_store *s;
	int r;

	o.stores = stores;
	o.drivers = drivers;
	o.ns = "app";
	o.flags = SSTATE_NO_PLUGINS | SSTATE_NO_CREATE;
	r = sstate_store_open(&s, &o, &err);
	T(r == SSTATE_ESTORE && strstr(err.text, "no tables") != NULL &&
		strcmp(mkit_sql(&k,
			   "SELECT count(*) FROM"
			   " information_schema.tables WHERE"
			   " table_name = 'unmade_record'"),
		    "0") == 0,
	    "SSTATE_NO_CREATE makes no table: %s", err.text);
	stores[0] = k.uri;
	T(sstate_store_open(&s, &o, &err) == 0, "and opens what is there");
	sstate_store_close(s);
}

/* Each statement of the page, as an administrator types it. */
static int
typed(MYSQL *my, char *sql)
{
	char *end;

	for (; (end = strchr(sql, ';')) != NULL; sql = end + 1) {
		*end = '\0';
		if (mkit_ask(my, sql)[0] == '!')
			return -1;
	}
	return 0;
}

/* The tables and rights of the manual page are those that are needed. */
static void
by_hand(void)
{
	static const char shape[] =
	    "SELECT md5(group_concat(concat_ws(' ', table_name, column_name,"
	    " column_type, is_nullable, collation_name, column_key) ORDER BY"
	    " table_name, column_name)) FROM information_schema.columns WHERE"
	    " table_schema = DATABASE() AND table_name LIKE 'securestate%'";
	static const char indexes[] =
	    "SELECT md5(group_concat(concat_ws(' ', table_name, index_name,"
	    " column_name, seq_in_index) ORDER BY table_name, index_name,"
	    " seq_in_index)) FROM information_schema.statistics WHERE"
	    " table_schema = DATABASE() AND table_name LIKE 'securestate%'";
	static char sql[4000];
	struct conform c = { .driver = d };
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 2);
	struct sstate_key key = conform_key("app", 1);
	struct sstate_error err;
	struct sstate_store *s;
	char made[80];
	unsigned n[2] = { 0, 0 };
	uint64_t gone;
	int64_t seen;
	MYSQL *root;
	void *ctx;

	NEED(page_lines(sql, sizeof(sql), "securestate-mysql.7", "CREATE TABLE",
		 "INSERT INTO") == 0,
	    "the tables of the page");
	(void)mkit_sql_in(&k, NULL, "CREATE DATABASE shop");
	root = mkit_conn(&k, "root", "shop");
	T(root != NULL && typed(root, sql) == 0, "are made");
	(void)snprintf(made, sizeof(made), "%s", mkit_sql(&k, shape));
	T(strcmp(mkit_ask(root, shape), made) == 0, "as the driver makes them");
	(void)snprintf(made, sizeof(made), "%s", mkit_sql(&k, indexes));
	T(strcmp(mkit_ask(root, indexes), made) == 0, "and their indexes");
	NEED(page_lines(sql, sizeof(sql), "securestate-mysql.7",
		 "GRANT SELECT, INSERT", "GRANT SELECT, UPDATE") == 0,
	    "the rights of the page");
	T(typed(root, sql) == 0, "can be given");
	mysql_close(root);
	s = sql_store(d, AT("mysql://shop@/shop?socket=%s&sync=off"), &err);
	NEED(s != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(sql_create(d, ctx, "app", 1, &err) == 0 &&
		d->replace(ctx, &key, 1, &rec, &err) == 0 &&
		conform_is(&c, ctx, &key, &rec) &&
		d->latest(&seen, ctx, 1700000000, &err) == 0 &&
		d->each(ctx, "app", NULL, sql_count, n, &err) == 0 &&
		d->reap(&gone, ctx, "app", 5, 5, &err) == 0 &&
		d->count(&gone, ctx, "app", &err) == 0 &&
		d->remove(ctx, &key, 2, &err) == 0,
	    "are enough: %s", err.text);
	sstate_store_close(s);
}

static void
read_only(void)
{
	struct conform c = { .driver = d };
	struct sstate_key key = conform_key("app", 600);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	struct sstate_error err;
	struct sstate_store *s;
	uint64_t gone;
	void *ctx;
	int r;

	NEED((s = sql_store(d, k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	NEED(sql_create(d, ctx, "app", 600, &err) == 0, "one to read");
	(void)mkit_sql(&k, "SET GLOBAL read_only = 1");
	T(conform_is(&c, ctx, &key, &rec), "read-only: it is read");
	r = sql_create(d, ctx, "app", 601, &err);
	T(r == SSTATE_EBUSY && strstr(err.text, "read-only") != NULL,
	    "and not written: %s", err.text);
	/* The reaper has something to do. */
	(void)mkit_sql(&k,
	    "UPDATE securestate_record SET due = 5, expires = 5"
	    " WHERE ns = 'many'");
	T(d->remove(ctx, &key, 1, &err) == SSTATE_EBUSY &&
		d->reap(&gone, ctx, "many", 10, 9, &err) == SSTATE_EBUSY &&
		conform_is(&c, ctx, &key, &rec),
	    "nor removed, nor reaped");
	sstate_store_close(s);
	sql_refuses(d, k.uri, SSTATE_EBUSY, "read-only");
	(void)mkit_sql(&k, "SET GLOBAL read_only = 0");
	sql_opens(d, k.uri);
}

int
main(void)
{
	before_any_server();
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
	people();
	crowded();
	sql_at_once(d,
	    AT("mysql://shop@/sessions?socket=%s&sync=off"
	       "&create=1&table=race"));
	versions();
	in_use();
	large();
	pages();
	no_create();
	by_hand();
	read_only();
	mkit_end(&k);
	return tap_done();
}
