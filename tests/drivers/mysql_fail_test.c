/*
 * mysql_fail_test.c - what MariaDB refuses, and how that is said
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "page.h"

static const struct sstate_driver *const d = &sstate_driver_v1_mysql;
static struct mkit k;

/* A URI with the server's socket in it. */
__attribute__((format(printf, 1, 2))) static const char *
uri(const char *fmt, ...)
{
	static char out[4][400];
	static int i;
	va_list ap;

	i = (i + 1) % 4;
	va_start(ap, fmt);
	(void)vsnprintf(out[i], sizeof(out[i]), fmt, ap);
	va_end(ap);
	return out[i];
}

#define AT(fmt) uri(fmt, k.sock)

static struct sstate_store *
opened(const char *u, struct sstate_error *err)
{
	memset(err, 0, sizeof(*err));
	return drv_store(d, u, "app", NULL, err);
}

/* one line, the right code, a word that helps, no password. */
static void
refuses(const char *u, int code, const char *word)
{
	struct sstate_error err;
	struct sstate_store *s = opened(u, &err);

	T(s == NULL && err.code == code && strstr(err.text, word) != NULL &&
		strncmp(err.text, "mysql: ", 7) == 0 &&
		strchr(err.text, '\n') == NULL &&
		strstr(err.text, "sesame") == NULL,
	    "R-99 %s: %d %s", u, err.code, err.text);
	sstate_store_close(s);
}

static void
opens(const char *u)
{
	struct sstate_error err;
	struct sstate_store *s = opened(u, &err);

	T(s != NULL, "%s opens: %d %s", u, err.code, err.text);
	sstate_store_close(s);
}

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
	refuses("mysql://shop:sesame@db.example.org/x", SSTATE_EUNSAFE,
	    "insecure=1");
	refuses("mysql:///x?sync=maybe", SSTATE_EINVAL, "sync");
	refuses("mysql:///x?create=2", SSTATE_EINVAL, "create");
	refuses("mysql:///x?max_bytes=16777217", SSTATE_EINVAL, "max_bytes");
	refuses("mysql:///x?timeout_ms=0", SSTATE_EINVAL, "timeout_ms");
	refuses("mysql:///x?ca=/ca", SSTATE_EINVAL, "ca");
	refuses("mysql://", SSTATE_EINVAL, "database");
	refuses("mysql://shop:sesame@/x?socket=/nowhere", SSTATE_EBUSY,
	    "/nowhere");
	refuses("mysql://shop:sesame@127.0.0.1:1/x", SSTATE_EBUSY, "connect");
	/* nothing but these gets into SQL. */
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(uri("mysql:///x?table=%s", bad[i]), SSTATE_EINVAL,
		    "table");
	(void)sigaction(SIGPIPE, NULL, &is);
	T(was.sa_handler == is.sa_handler, "SIGPIPE is as the program had it");
}

static void
people(void)
{
	(void)mkit_sql(&k, "CREATE USER locked IDENTIFIED BY 'sesame'");
	(void)mkit_sql(&k, "CREATE USER poor");
	(void)mkit_sql(&k, "CREATE USER one WITH MAX_USER_CONNECTIONS 1");
	opens(AT("mysql://shop@/sessions?socket=%s&sync=off&create=1"
		 "&table=select"));
	T(strcmp(mkit_sql(&k,
		     "SELECT value FROM select_meta WHERE name ="
		     " 'schema'"),
	      "1") == 0,
	    "R-96 a name that is a keyword is a name");
	refuses(AT("mysql://locked:not-sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "wrong user or password");
	refuses(AT("mysql://nobodys:sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "wrong user or password");
	refuses(AT("mysql://locked:sesame@/sessions?socket=%s&sync=off"),
	    SSTATE_ESTORE, "right");
	(void)mkit_sql(&k,
	    "GRANT SELECT, INSERT, UPDATE, DELETE ON"
	    " sessions.select_record TO locked");
	(void)mkit_sql(&k,
	    "GRANT SELECT, UPDATE ON sessions.select_meta TO"
	    " locked");
	opens(AT("mysql://locked:sesame@/sessions?socket=%s&sync=off"
		 "&table=select"));
	refuses(AT("mysql://locked:sesame@/sessions?socket=%s&sync=off"
		   "&create=1&table=other"),
	    SSTATE_ESTORE, "right");
	refuses(AT("mysql://shop@/nosuch?socket=%s&sync=off"), SSTATE_ESTORE,
	    "right");
	refuses(AT("mysql://root@/nosuch?socket=%s&sync=off"), SSTATE_ESTORE,
	    "no such database");
	refuses(AT("mysql://shop@/sessions?socket=%s&sync=off"), SSTATE_ESTORE,
	    "securestate store init URI");
	refuses(AT("mysql://shop@/sessions?socket=%s&create=1"), SSTATE_EUNSAFE,
	    "innodb_flush_log_at_trx_commit");
	refuses(AT("mysql://shop@/sessions?socket=%s&sync=off&create=1"
		   "&max_bytes=16777216"),
	    SSTATE_EINVAL, "max_allowed_packet");
	(void)setenv("MYSQL_UNIX_PORT", "/nowhere", 1);
	(void)setenv("MYSQL_TCP_PORT", "1", 1);
	(void)setenv("MYSQL_HOST", "db.example.org", 1);
	opens(k.uri);
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
	NEED((s = opened(u, &err)) != NULL, "a store: %s", err.text);
	refuses(u, SSTATE_EBUSY, "no connection");
	sstate_store_close(s);
}

/* Six programs that start at once make the tables once. */
static void
at_once(void)
{
	const char *u = AT("mysql://shop@/sessions?socket=%s&sync=off"
			   "&create=1&table=race");
	struct sstate_error err;
	struct sstate_store *s;
	pid_t pid[6];
	int i, st, bad = 0;

	for (i = 0; i < 6; i++) {
		(void)fflush(stdout);
		if ((pid[i] = fork()) == 0) {
			s = opened(u, &err);
			if (s == NULL)
				printf("# %d %s\n", err.code, err.text);
			(void)fflush(stdout);
			sstate_store_close(s);
			_exit(s == NULL);
		}
	}
	for (i = 0; i < 6; i++)
		bad += waitpid(pid[i], &st, 0) != pid[i] || st != 0;
	T(bad == 0, "six at once make the tables (%d failed)", bad);
}

static void
versions(void)
{
	const char *u = AT("mysql://shop@/sessions?socket=%s&sync=off"
			   "&table=race");

	(void)mkit_sql(&k,
	    "UPDATE race_meta SET value = 2"
	    " WHERE name = 'schema'");
	refuses(u, SSTATE_EVERSION, "schema 2");
	(void)mkit_sql(&k, "DELETE FROM race_meta WHERE name = 'schema'");
	refuses(u, SSTATE_ESTORE, "schema 0");
	(void)mkit_sql(&k, "INSERT INTO race_meta VALUES ('schema', 1)");
	(void)mkit_sql(&k, "ALTER TABLE race_record ENGINE = Aria");
	refuses(u, SSTATE_EUNSAFE, "InnoDB");
}

/* ---- In use ----------------------------------------------------------- */

static int
create(void *ctx, const char *ns, uint64_t n, struct sstate_error *err)
{
	struct sstate_key key = conform_key(ns, n);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);

	memset(err, 0, sizeof(*err));
	return d->create(ctx, &key, &rec, err);
}

static int
count_one(void *arg, const struct sstate_key *key,
    const struct sstate_record *rec)
{
	unsigned *n = arg;

	(void)key;
	(void)rec;
	return ++n[0] == n[1] ? 77 : 0;
}

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

	NEED((s = opened(AT("mysql://shop@/sessions?socket=%s&sync=off"
			    "&timeout_ms=1200"),
		  &err)) != NULL,
	    "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(create(ctx, odd, 1, &err) == 0 &&
		d->each(ctx, odd, NULL, count_one, n, &err) == 0 && n[0] == 1,
	    "R-96 a namespace that is none is a value like others");
	T(create(ctx, "app", 2, &err) == 0, "one to look at");
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
	r = create(ctx, "app", 3, &err);
	T(r == SSTATE_EBUSY, "R-99 the table locked: %s", err.text);
	(void)mkit_ask(root, "UNLOCK TABLES");
	mysql_close(root);
	key = conform_key("app", 3);
	T(conform_gone(&c, ctx, &key) && create(ctx, "app", 3, &err) == 0,
	    "it was not written, and now it is");

	/* The table is taken away from under a program, and comes back. */
	(void)mkit_sql(&k, "RENAME TABLE securestate_record TO away");
	r = create(ctx, "app", 4, &err);
	T(r == SSTATE_ESTORE &&
		strstr(err.text, "securestate store init") != NULL,
	    "no table: %s", err.text);
	(void)mkit_sql(&k, "RENAME TABLE away TO securestate_record");
	T(create(ctx, "app", 4, &err) == 0, "it goes on: %s", err.text);

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

	NEED(p != NULL && (s = opened(k.uri, &err)) != NULL, "a store");
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

	NEED((s = opened(k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	(void)mkit_sql(&k,
	    "INSERT INTO securestate_record (id, ns, due, expires, rev, tag,"
	    " body) SELECT unhex(sha2(seq, 256)), 'many', 4102444800,"
	    " 4102444800, 1, unhex('01020304050607080102030405060708'),"
	    " 'body' FROM seq_1_to_700");
	r = d->each(ctx, "many", NULL, count_one, n, &err);
	T(r == 0 && n[0] == 700, "700 records, pages: %u %s", n[0], err.text);
	n[0] = 0;
	r = d->each(ctx, "many",
	    (const unsigned char *)"\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10",
	    count_one, n, &err);
	T(r == 0 && n[0] == 700, "all of one user: %u %s", n[0], err.text);
	for (i = 1; i < 200; i += 63) {
		n[0] = 0;
		n[1] = (unsigned)i;
		r = d->each(ctx, "many", NULL, count_one, n, &err);
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
	s = opened(AT("mysql://shop@/shop?socket=%s&sync=off"), &err);
	NEED(s != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	T(create(ctx, "app", 1, &err) == 0 &&
		d->replace(ctx, &key, 1, &rec, &err) == 0 &&
		conform_is(&c, ctx, &key, &rec) &&
		d->latest(&seen, ctx, 1700000000, &err) == 0 &&
		d->each(ctx, "app", NULL, count_one, n, &err) == 0 &&
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

	NEED((s = opened(k.uri, &err)) != NULL, "a store: %s", err.text);
	(void)sstate_store_driver(s, &ctx);
	NEED(create(ctx, "app", 600, &err) == 0, "one to read");
	(void)mkit_sql(&k, "SET GLOBAL read_only = 1");
	T(conform_is(&c, ctx, &key, &rec), "read-only: it is read");
	r = create(ctx, "app", 601, &err);
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
	refuses(k.uri, SSTATE_EBUSY, "read-only");
	(void)mkit_sql(&k, "SET GLOBAL read_only = 0");
	opens(k.uri);
}

int
main(void)
{
	before_any_server();
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0", NULL);
	people();
	crowded();
	at_once();
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
