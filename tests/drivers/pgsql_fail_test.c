/*
 * pgsql_fail_test.c - what PostgreSQL refuses, and how that is said
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

#include "page.h"
#include "sql_kit.h"

static const struct sstate_driver *const d = &sstate_driver_v1_pgsql;
static struct pkit k;

#define AT(fmt) sql_uri(fmt, k.s.dir)

static void
before_any_server(void)
{
	sql_refuses(d, "pgsql://db.example.org/x", SSTATE_EBUSY,
	    "cannot connect");
	sql_refuses(d, "pgsql://shop:sesame@db.example.org/x?sslmode=require",
	    SSTATE_EUNSAFE, "insecure=1");
	sql_refuses(d, "pgsql://db.example.org/x?sslmode=verify-ca",
	    SSTATE_EUNSAFE, "TLS");
	sql_refuses(d, "pgsql:///x?sslmode=maybe", SSTATE_EINVAL, "sslmode");
	sql_refuses(d, "pgsql:///x?sync=maybe", SSTATE_EINVAL, "sync");
	sql_refuses(d, "pgsql:///x?create=2", SSTATE_EINVAL, "create");
	sql_refuses(d, "pgsql:///x?max_bytes=16777217", SSTATE_EINVAL,
	    "max_bytes");
	sql_refuses(d, "pgsql:///x?timeout_ms=0", SSTATE_EINVAL, "timeout_ms");
	sql_refuses(d, "pgsql://", SSTATE_EINVAL, "database");
	sql_refuses(d, "pgsql://shop:sesame@localhost,db.example.org/x",
	    SSTATE_EINVAL, "one host");
	sql_refuses(d, "pgsql://shop:sesame@/x?socket=/nowhere", SSTATE_EBUSY,
	    "No such file");
	sql_refuses(d, "pgsql://shop:sesame@127.0.0.1:1/x", SSTATE_EBUSY,
	    "refused");
}

/* R-96: nothing but these gets into SQL. */
static void
names(void)
{
	static const char *const bad[] = { "", ".", "a.", ".a", "a.b.c", "A",
		"a b", "a;b", "a'b", "a%22b", "a-b", "1a", "a.1b", "%c3%a9",
		"abcdefghijklmnopqrstuvwxyzabcdef", "a%25s", "a@R",
		"a);%20DROP%20TABLE%20x;--" };
	char u[400];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(u, sizeof(u), "pgsql:///x?table=%s", bad[i]);
		if (strchr(bad[i], '@') != NULL)
			(void)snprintf(u, sizeof(u), "pgsql:///x?table=a%%40R");
		sql_refuses(d, u, SSTATE_EINVAL, "table");
	}
	(void)pkit_sql(&k, "CREATE SCHEMA \"user\" AUTHORIZATION shop");
	sql_opens(d,
	    AT("pgsql://shop@/sessions?socket=%s&sync=off&create=1"
	       "&table=user.select"));
	T(strcmp(pkit_sql(&k,
		     "SELECT value FROM \"user\".\"select_meta\""
		     " WHERE name = 'schema'"),
	      "1") == 0,
	    "R-96 a name that is a keyword is a name");
	/* No part of the URI is read as a list of libpq's own parameters. */
	sql_refuses(d,
	    AT("pgsql://shop@/sessions%%20user=boss?socket=%s&sync=off"),
	    SSTATE_ESTORE, "no such database");
	sql_refuses(d,
	    AT("pgsql://shop@/postgresql:%%2F%%2Fboss%%40localhost"
	       "?socket=%s&sync=off"),
	    SSTATE_ESTORE, "no such database");
	/* The host in percent signs, as libpq's own URIs have it. */
	(void)snprintf(u, sizeof(u),
	    "pgsql://shop@%%2Ftmp%%2F%s:5432/sessions?sync=off"
	    "&table=user.select",
	    k.s.dir + 5);
	sql_opens(d, u);
}

static void
people(void)
{
	char cmd[300];
	char *argv[] = { cmd, NULL, NULL, NULL };
	struct sstate_error err;
	struct sstate_store *s;
	int i;

	(void)pkit_sql(&k,
	    "CREATE USER locked PASSWORD 'sesame'; CREATE USER poor;"
	    "CREATE USER full CONNECTION LIMIT 0");
	(void)snprintf(cmd, sizeof(cmd), "sh");
	argv[1] = (char *)(uintptr_t) "-c";
	argv[2] =
	    (char *)(uintptr_t) "printf 'local all locked scram-sha-256\\n"
				"local all all trust\\n' >"
				"data/pg_hba.conf";
	NEED(server_run(&k.s, argv) == 0, "pg_hba.conf");
	(void)pkit_sql(&k, "SELECT pg_reload_conf()");
	for (i = 0; i < 500; i++) {
		const struct timespec nap = { 0, 10000000 };

		s = sql_store(d,
		    AT("pgsql://locked:wrong@/sessions?socket=%s"
		       "&sync=off&table=user.select"),
		    &err);
		sstate_store_close(s);
		if (strstr(err.text, "password") != NULL)
			break;
		(void)nanosleep(&nap, NULL);
	}
	sql_refuses(d,
	    AT("pgsql://locked:not-sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "wrong user or password");
	sql_refuses(d,
	    AT("pgsql://nobodys:sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "wrong user or password");
	(void)pkit_sql(&k,
	    "GRANT USAGE ON SCHEMA \"user\" TO locked;"
	    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"
	    " IN SCHEMA \"user\" TO locked");
	sql_opens(d,
	    AT("pgsql://locked:sesame@/sessions?socket=%s&sync=off"
	       "&table=user.select"));
	sql_refuses(d, AT("pgsql://full@/sessions?socket=%s&sync=off"),
	    SSTATE_EBUSY, "no connection");
	sql_refuses(d, AT("pgsql://shop@/nosuch?socket=%s&sync=off"),
	    SSTATE_ESTORE, "no such database");
	sql_refuses(d, AT("pgsql://shop@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "securestate store init URI");
	sql_refuses(d,
	    AT("pgsql://shop@/sessions?socket=%s&sync=off&create=1"
	       "&table=none.such"),
	    SSTATE_ESTORE, "no such schema");
	sql_refuses(d, AT("pgsql://poor@/sessions?socket=%s&sync=off&create=1"),
	    SSTATE_ESTORE, "right");
	sql_refuses(d,
	    AT("pgsql://poor@/sessions?socket=%s&sync=off"
	       "&table=user.select"),
	    SSTATE_ESTORE, "right");
	sql_refuses(d, AT("pgsql://shop@/sessions?socket=%s&create=1"),
	    SSTATE_EUNSAFE, "fsync=off");
}

/* What libpq reads by itself must not lead elsewhere. */
static void
surroundings(void)
{
	(void)setenv("PGHOSTADDR", "127.0.0.1", 1);
	sql_refuses(d, k.uri, SSTATE_EUNSAFE, "PGHOSTADDR");
	(void)unsetenv("PGHOSTADDR");
	(void)setenv("PGHOST", "db.example.org", 1);
	(void)setenv("PGDATABASE", "postgres", 1);
	(void)setenv("PGOPTIONS", "-c synchronous_commit=off", 1);
	sql_opens(d, k.uri);
	(void)unsetenv("PGHOST");
	(void)unsetenv("PGDATABASE");
	(void)unsetenv("PGOPTIONS");
}

static void
versions(void)
{
	const char *u = AT("pgsql://shop@/sessions?socket=%s&sync=off"
			   "&create=1&table=race");

	(void)pkit_sql(&k,
	    "UPDATE race_meta SET value = 2"
	    " WHERE name = 'schema'");
	sql_refuses(d, u, SSTATE_EVERSION, "schema 2");
	(void)pkit_sql(&k, "DELETE FROM race_meta WHERE name = 'schema'");
	sql_refuses(d, u, SSTATE_ESTORE, "schema 0");
	(void)pkit_sql(&k,
	    "INSERT INTO race_meta VALUES ('schema', 1);"
	    "DROP TABLE race_record");
}

/* ---- In use ----------------------------------------------------------- */

static void
in_use(void)
{
	static const char odd[] = "x'; DROP TABLE securestate_record; --";
	struct conform c = { .driver = d };
	struct sstate_key key = conform_key("app", 2);
	unsigned n[2] = { 0, 0 };
	struct sstate_error err;
	struct sstate_store *s;
	PGconn *boss;
	void *ctx;

	NEED((s = sql_store(d, k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(sql_create(d, ctx, odd, 1, &err) == 0 &&
		d->each(ctx, odd, NULL, sql_count, n, &err) == 0 && n[0] == 1,
	    "R-96 a namespace that is none is a value like others");

	boss = pkit_conn(&k, "boss", "sessions");
	PQclear(PQexec(boss, "BEGIN; LOCK TABLE securestate_record"));
	sstate_store_close(s);
	s = sql_store(d,
	    AT("pgsql://shop@/sessions?socket=%s&sync=off"
	       "&timeout_ms=400"),
	    &err);
	NEED(s != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(sql_create(d, ctx, "app", 2, &err) == SSTATE_EBUSY,
	    "R-99 locked out: not written, in time: %s", err.text);
	PQclear(PQexec(boss, "COMMIT"));
	PQfinish(boss);
	T(conform_gone(&c, ctx, &key), "it was not written");
	T(sql_create(d, ctx, "app", 2, &err) == 0, "and now it is");

	/* The table is taken away from under a program, and comes back. */
	(void)pkit_sql(&k, "ALTER TABLE securestate_record RENAME TO away");
	T(sql_create(d, ctx, "app", 3, &err) == SSTATE_ESTORE &&
		strstr(err.text, "securestate store init") != NULL,
	    "no table: %s", err.text);
	(void)pkit_sql(&k, "ALTER TABLE away RENAME TO securestate_record");
	T(sql_create(d, ctx, "app", 3, &err) == 0, "it goes on: %s", err.text);

	(void)pkit_sql(&k,
	    "UPDATE securestate_record SET tag = '\\x01'"
	    " WHERE ns = 'app'");
	T(d->get(ctx, &key, conform_found, NULL, &err) == SSTATE_ESTORE &&
		strstr(err.text, "damaged") != NULL,
	    "R-98 a row that is no record: %s", err.text);
	(void)pkit_sql(&k,
	    "UPDATE securestate_record SET tag = NULL,"
	    " body = '' WHERE ns = 'app'");
	T(d->get(ctx, &key, conform_found, NULL, &err) == SSTATE_ESTORE,
	    "R-98 nor is an empty one");
	sstate_store_close(s);
}

/* By pages of records, and of bytes. */
static void
pages(void)
{
	char *big = malloc(3 << 20);
	struct sstate_record rec;
	struct sstate_error err;
	struct sstate_store *s;
	struct sstate_key key;
	unsigned n[2] = { 0, 0 }, i, bad = 0;
	void *ctx;
	int r;

	NEED(big != NULL && (s = sql_store(d, k.uri, &err)) != NULL, "a store");
	(void)sstate_store_driver(s, &ctx);
	(void)pkit_sql(&k,
	    "INSERT INTO securestate_record (key, ns, due, expires, rev, tag,"
	    " body) SELECT sha256(('k' || i)::bytea), 'many', 4102444800,"
	    " 4102444800, 1, substring('\\x0102030405060708'::bytea ||"
	    " '\\x0102030405060708'::bytea FOR 16), 'body'"
	    " FROM generate_series(1, 700) i");
	r = d->each(ctx, "many", NULL, sql_count, n, &err);
	T(r == 0 && n[0] == 700, "700 records, three pages: %u %s", n[0],
	    err.text);
	n[0] = 0;
	r = d->each(ctx, "many",
	    (const unsigned char *)"\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10",
	    sql_count, n, &err);
	T(r == 0 && n[0] == 700, "all of one user: %u %s", n[0], err.text);
	n[0] = 0;
	n[1] = 300;
	T(d->each(ctx, "many", NULL, sql_count, n, &err) == 77 && n[0] == 300,
	    "ended on the second page");
	conform_fill(big, 3 << 20, 1);
	for (i = 0; i < 7; i++) {
		key = conform_key("large", i);
		rec = conform_rec(big, 3 << 20, CONFORM_LIVE, 1);
		bad += d->create(ctx, &key, &rec, NULL) != 0;
	}
	n[0] = n[1] = 0;
	r = d->each(ctx, "large", NULL, sql_count, n, &err);
	T(bad == 0 && r == 0 && n[0] == 7, "seven of 3 MiB, two to a page: %u",
	    n[0]);
	sstate_store_close(s);
	free(big);
}

/* A renewal changes no index: HOT, but for what finds no room in its page. */
static void
renewals(void)
{
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 1);
	struct sstate_key key = conform_key("app", 500);
	struct sstate_error err;
	struct sstate_store *s;
	unsigned i, bad = 0;
	int hot, all;
	void *ctx;

	NEED((s = sql_store(d, k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	(void)pkit_sql(&k, "SELECT pg_stat_reset()");
	bad += d->create(ctx, &key, &rec, NULL) != 0;
	for (i = 0; i < 200; i++) {
		rec.rev++;
		rec.expires++;
		bad += d->replace(ctx, &key, rec.rev - 1, &rec, NULL) != 0;
	}
	sstate_store_close(s);
	for (i = 0, hot = all = 0; i < 500 && all < 200; i++) {
		const struct timespec nap = { 0, 10000000 };

		(void)nanosleep(&nap, NULL);
		all = atoi(pkit_sql(&k,
		    "SELECT n_tup_upd FROM"
		    " pg_stat_user_tables WHERE relname ="
		    " 'securestate_record'"));
		hot = atoi(pkit_sql(&k,
		    "SELECT n_tup_hot_upd FROM"
		    " pg_stat_user_tables WHERE relname ="
		    " 'securestate_record'"));
	}
	T(bad == 0 && all == 200 && hot >= 190,
	    "of 200 renewals %d of %d change no index", hot, all);
}

/* Once the server's own statistics have heard of it. */
static void
counted(void)
{
	const struct timespec nap = { 0, 100000000 };
	struct sstate_error err;
	struct sstate_store *s;
	uint64_t about = 0;
	int i, all, r = 0;
	void *ctx;

	NEED((s = sql_store(d, k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	all = atoi(pkit_sql(&k, "SELECT count(*) FROM securestate_record"));
	for (i = 0; i < 200 && r == 0; i++) {
		r = d->count(&about, ctx, "app", &err);
		if (about * 10 > (uint64_t)all * 9)
			break;
		(void)nanosleep(&nap, NULL);
	}
	T(r == 0 && all > 700 && about * 10 > (uint64_t)all * 9 &&
		about * 10 < (uint64_t)all * 11,
	    "R-103 of %d records, about %llu: %s", all,
	    (unsigned long long)about, err.text);
	sstate_store_close(s);
}

/* Without the right to make anything it only opens what is there. */
static void
no_create(void)
{
	const struct sstate_driver *drivers[] = { d, NULL };
	const char *stores[] = { AT("pgsql://shop@/sessions?socket=%s&sync=off"
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
		strcmp(pkit_sql(&k,
			   "SELECT to_regclass('unmade_record')"
			   " IS NULL"),
		    "t") == 0,
	    "SSTATE_NO_CREATE makes no table: %s", err.text);
	stores[0] = k.uri;
	T(sstate_store_open(&s, &o, &err) == 0, "and opens what is there");
	sstate_store_close(s);
}

/* The tables and rights of the manual page are those that are needed. */
static void
by_hand(void)
{
	static const char shape[] =
	    "SELECT md5(string_agg(x, ';' ORDER BY x)) FROM (SELECT indexdef"
	    " FROM pg_indexes WHERE tablename LIKE 'securestate%' UNION ALL"
	    " SELECT concat_ws(' ', c.relname, c.reloptions, a.attname,"
	    " format_type(atttypid, atttypmod), attnotnull, attstorage,"
	    " collname) FROM pg_class c JOIN pg_attribute a ON"
	    " a.attrelid = c.oid LEFT JOIN pg_collation o ON"
	    " o.oid = attcollation WHERE relkind = 'r' AND"
	    " relname LIKE 'securestate%' AND attnum > 0) AS t(x)";
	static char sql[4000];
	struct conform c = { .driver = d };
	struct sstate_record rec = conform_rec("x", 1, CONFORM_LIVE, 2);
	struct sstate_key key = conform_key("app", 1);
	struct sstate_error err;
	struct sstate_store *s;
	char made[64];
	unsigned n[2] = { 0, 0 };
	uint64_t gone;
	int64_t seen;
	void *ctx;
	int r;

	NEED(page_lines(sql, sizeof(sql), "securestate-pgsql.7", "CREATE TABLE",
		 "INSERT INTO") == 0,
	    "the tables of the page");
	(void)pkit_sql_in(&k, "postgres", "CREATE DATABASE hand");
	T(pkit_sql_in(&k, "hand", sql)[0] != '!', "are made");
	(void)snprintf(made, sizeof(made), "%s", pkit_sql(&k, shape));
	T(strcmp(pkit_sql_in(&k, "hand", shape), made) == 0,
	    "as the driver makes them");
	NEED(page_lines(sql, sizeof(sql), "securestate-pgsql.7",
		 "GRANT SELECT, INSERT", "GRANT SELECT, UPDATE") == 0 &&
		pkit_sql_in(&k, "hand", sql)[0] != '!',
	    "the rights of the page");
	s = sql_store(d, AT("pgsql://shop@/hand?socket=%s&sync=off"), &err);
	NEED(s != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	r = sql_create(d, ctx, "app", 1, &err);
	T(r == 0 && d->replace(ctx, &key, 1, &rec, &err) == 0 &&
		conform_is(&c, ctx, &key, &rec) &&
		d->latest(&seen, ctx, 1700000000, &err) == 0 &&
		d->each(ctx, "app", NULL, sql_count, n, &err) == 0 &&
		d->reap(&gone, ctx, "app", 5, 5, &err) == 0 &&
		d->count(&gone, ctx, "app", &err) == 0 &&
		d->remove(ctx, &key, 2, &err) == 0,
	    "are enough: %s", err.text);
	sstate_store_close(s);
	NEED(page_lines(sql, sizeof(sql), "securestate-pgsql.7",
		 "ALTER TABLE securestate_record SET",
		 "     autovacuum") == 0 &&
		pkit_sql_in(&k, "hand", sql)[0] != '!',
	    "and its advice");
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

	NEED((s = sql_store(d, k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	NEED(sql_create(d, ctx, "app", 600, &err) == 0, "one to read");
	sstate_store_close(s);
	(void)pkit_sql(&k,
	    "ALTER DATABASE sessions SET"
	    " default_transaction_read_only = on");
	NEED((s = sql_store(d, k.uri, &err)) != NULL, "opens read-only: %s",
	    err.text);
	(void)sstate_store_driver(s, &ctx);
	T(conform_is(&c, ctx, &key, &rec), "read-only: it is read");
	T(sql_create(d, ctx, "app", 601, &err) == SSTATE_EBUSY &&
		strstr(err.text, "read-only") != NULL,
	    "and not written: %s", err.text);
	T(d->remove(ctx, &key, 1, &err) == SSTATE_EBUSY &&
		d->reap(&gone, ctx, "app", INT64_MAX, 9, &err) ==
		    SSTATE_EBUSY &&
		conform_is(&c, ctx, &key, &rec),
	    "nor removed, nor reaped");
	sstate_store_close(s);
	(void)pkit_sql_in(&k, "postgres",
	    "ALTER DATABASE sessions RESET default_transaction_read_only");
}

static void
standby(void)
{
	char path[96];
	int fd;

	server_stop(&k.s, SIGINT);
	(void)snprintf(path, sizeof(path), "%s/data/standby.signal", k.s.dir);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	NEED(fd >= 0 && pkit_again(&k) == 0, "a standby");
	(void)close(fd);
	sql_refuses(d, k.uri, SSTATE_EBUSY, "standby");
}

int
main(void)
{
	before_any_server();
	pkit_start(&k, "fsync=off", NULL);
	names();
	people();
	sql_opens(d, k.uri);
	surroundings();
	sql_at_once(d,
	    AT("pgsql://shop@/sessions?socket=%s&sync=off"
	       "&create=1&table=race"));
	versions();
	in_use();
	pages();
	counted();
	no_create();
	by_hand();
	renewals();
	read_only();
	standby();
	pkit_end(&k);
	return tap_done();
}
