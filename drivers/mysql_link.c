/*
 * mysql_link.c - one connection of the mysql: driver: made, looked over, left
 *
 * Invariant: what is left is left without a word, by whoever inherited it or
 * gave it up: a good-bye in the middle of another process's talk is none.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <errmsg.h>
#include <mysqld_error.h>

#include "driver.h"
#include "mysql_db.h"

enum {
	STACK_BYTES = 256 << 10, /* of a call that waits: name look-ups, TLS */
	PACKET_BYTES = 1024 /* of a statement, besides the body */
};

/* Each is whole by itself, so that of two that do it at once both succeed. */
static const char *const schema[] = {
	"CREATE TABLE IF NOT EXISTS @R (id BINARY(32) NOT NULL PRIMARY KEY,"
	" ns VARBINARY(32) NOT NULL, due BIGINT NOT NULL,"
	" expires BIGINT NOT NULL, rev BIGINT UNSIGNED NOT NULL,"
	" tag BINARY(16), body LONGBLOB NOT NULL,"
	" KEY due (ns, due), KEY tag (ns, tag))"
	" ENGINE = InnoDB, ROW_FORMAT = DYNAMIC",
	("CREATE TABLE IF NOT EXISTS @M (name VARBINARY(32) NOT NULL"
	 " PRIMARY KEY, value BIGINT NOT NULL) ENGINE = InnoDB"),
	"INSERT IGNORE INTO @M VALUES ('latest', 0), ('schema', 1)",
};

static const char look[] =
    "SELECT (SELECT value FROM @M WHERE name = 'schema'),"
    " (SELECT count(*) FROM @R WHERE id = ''), @@max_allowed_packet,"
    " @@innodb_flush_log_at_trx_commit, @@read_only,"
    " (SELECT engine = 'InnoDB' FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_name = '%s_record')";

enum {
	LOOK_VERSION,
	LOOK_NONE,
	LOOK_PACKET,
	LOOK_SYNC,
	LOOK_READ_ONLY,
	LOOK_ENGINE,
	LOOK_COLUMNS
};

/* ---- The library ------------------------------------------------------ */

/*
 * Its first use is not safe among threads, and sets SIGPIPE to be ignored:
 * that is the program's to decide, and no call of ours raises it.
 */
static void
library(void)
{
	struct sigaction was;

	(void)sigaction(SIGPIPE, NULL, &was);
	(void)mysql_server_init(0, NULL, NULL);
	(void)sigaction(SIGPIPE, &was, NULL);
}

void
mys_quiet(struct mys_quiet *q, const struct mys *c)
{
	sigset_t pipe, pending;

	q->on = c->tls;
	if (!q->on)
		return;
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	q->pending = sigismember(&pending, SIGPIPE) == 1;
	q->on = pthread_sigmask(SIG_BLOCK, &pipe, &q->was) == 0;
}

void
mys_loud(const struct mys_quiet *q)
{
	const struct timespec now = { 0, 0 };
	sigset_t pipe, pending;

	if (!q->on)
		return;
	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigpending(&pending);
	if (!q->pending && sigismember(&pending, SIGPIPE) == 1)
		(void)sigtimedwait(&pipe, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &q->was, NULL);
}

/* ---- Down ------------------------------------------------------------- */

static void
statements_end(struct mys *c)
{
	int i;

	for (i = 0; i < MYS_STATEMENTS; i++) {
		if (c->stmt[i] != NULL)
			(void)mysql_stmt_close(c->stmt[i]);
		c->stmt[i] = NULL;
	}
}

void
mys_drop(struct mys *c)
{
	int fd, hush = -1;

	if (c->my == NULL)
		return;
	if (c->borrowed) {
		/* Once it is lost they are memory, and nothing else. */
		if (mysql_get_socket(c->my) < 0)
			statements_end(c);
		return;
	}
	if ((fd = mysql_get_socket(c->my)) >= 0 &&
	    (hush = driver_hush(fd)) < 0) {
		/* Its memory is left, before a word. */
		memset(c->stmt, 0, sizeof(c->stmt));
		c->my = NULL;
		return;
	}
	mysql_close(c->my); /* which takes the statements from it */
	c->my = NULL;
	if (hush >= 0)
		(void)close(hush);
	statements_end(c);
}

void
mys_close(struct mys *c)
{
	if (c->my == NULL)
		return;
	if (c->borrowed) {
		statements_end(c);
		c->my = NULL;
		return;
	}
	mysql_close(c->my);
	c->my = NULL;
	statements_end(c);
}

/* ---- Up --------------------------------------------------------------- */

/* A text without values, and its answer's one row. */
static enum mys_end
query(MYSQL_RES **res, struct mys *c, const char *pattern, int64_t until)
{
	char text[MYS_TEXT_BYTES];
	int rc, st;

	if (res != NULL)
		*res = NULL;
	mys_text(text, c, pattern);
	st = mysql_real_query_start(&rc, c->my, text, strlen(text));
	while (st != 0)
		st = mysql_real_query_cont(&rc, c->my, mys_wait(c, st, until));
	if (rc == 0 && res != NULL) {
		st = mysql_store_result_start(res, c->my);
		while (st != 0)
			st = mysql_store_result_cont(res, c->my,
			    mys_wait(c, st, until));
		rc = *res == NULL;
	}
	if (rc == 0)
		return MYS_ANSWERED;
	c->code = mysql_errno(c->my);
	return c->late || mys_is_end(c->code) ? MYS_LOST : MYS_REFUSED;
}

/* As the URI says; nothing of a file or variable of the library's. */
static int
options(struct mys *c)
{
	const my_bool yes = 1, no = 0;
	const size_t stack = STACK_BYTES;
	/* The most that is waited; mys_wait() is the one that decides. */
	const int64_t most = c->conf.timeout_ms / 1000 + 2;
	const unsigned int seconds = (unsigned int)most, off = 0;
	const unsigned int protocol =
	    c->host != NULL ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	MYSQL *my = c->my;

	return mysql_options(my, MYSQL_OPT_NONBLOCK, &stack) != 0 ||
	    mysql_options(my, MYSQL_OPT_RECONNECT, &no) != 0 ||
	    mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol) != 0 ||
	    mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &seconds) != 0 ||
	    mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &seconds) != 0 ||
	    mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &seconds) != 0 ||
	    /* No server reads our files. */
	    mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &off) != 0 ||
	    mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4") != 0 ||
	    (c->ca != NULL &&
		(mysql_options(my, MYSQL_OPT_SSL_CA, c->ca) != 0 ||
		    mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &yes) != 0 ||
		    mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes) !=
			0));
}

/* The library's own words have names and addresses in them, no password. */
static int
refused(struct mys *c, const char *op, struct sstate_error *err)
{
	const char *text = mysql_error(c->my);
	unsigned int code = mysql_errno(c->my);
	char line[160];
	size_t n;

	if (c->late)
		return sstate_fail(err, SSTATE_EBUSY, ETIMEDOUT,
		    "mysql: %s: cannot connect", op);
	if (code < CR_MIN_ERROR && code != ER_SERVER_SHUTDOWN)
		return mys_says(code, op, err);
	for (n = 0; n < sizeof(line) - 1 && isprint((unsigned char)text[n]);
	     n++)
		line[n] = text[n];
	line[n] = '\0';
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "mysql: %s: cannot connect: %s", op, line);
}

/* Strict, so that nothing is cut; MariaDB gives up before we do. */
static enum mys_end
set_up(struct mys *c, int64_t until)
{
	char text[400];
	const long long most = c->conf.timeout_ms, ms = most - most / 8;
	const long long s = most > 1000 ? most / 1000 : 1;
	enum mys_end end;

	(void)snprintf(text, sizeof(text),
	    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
	    " autocommit = 1, innodb_lock_wait_timeout = %lld,"
	    " lock_wait_timeout = %lld"
	    " /*M!100100 , max_statement_time = %lld.%03lld */",
	    s, s, ms / 1000, ms % 1000);
	end = query(NULL, c, text, until);
	if (end == MYS_ANSWERED)
		end = query(NULL, c,
		    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		    until);
	return end;
}

static int greet(struct mys *c, int64_t until, const char *op,
    struct sstate_error *err);

static int
fresh(struct mys *c, int64_t until, const char *op, struct sstate_error *err)
{
	enum mys_end end;
	MYSQL *done;
	int r, st;

	c->late = 0;
	if ((c->my = mysql_init(NULL)) == NULL || options(c)) {
		mys_drop(c);
		return sstate_fail(err, SSTATE_ENOMEM, 0, "mysql: %s", op);
	}
	st = mysql_real_connect_start(&done, c->my, c->host, c->conf.user,
	    c->conf.password, c->conf.db, c->port, c->socket,
	    CLIENT_FOUND_ROWS);
	while (st != 0)
		st = mysql_real_connect_cont(&done, c->my,
		    mys_wait(c, st, until));
	if (done == NULL) {
		r = refused(c, op, err);
		mys_drop(c);
		return r;
	}
	(void)fcntl(mysql_get_socket(c->my), F_SETFD, FD_CLOEXEC);
	if (c->tls)
		mys_unblock(mysql_get_socket(c->my));
	end = set_up(c, until);
	if (end == MYS_REFUSED)
		r = mys_says(c->code, op, err);
	else if (end != MYS_ANSWERED)
		r = sstate_fail(err, SSTATE_EBUSY,
		    c->late ? ETIMEDOUT : ECONNRESET, "mysql: %s: no greeting",
		    op);
	else
		r = greet(c, until, op, err);
	if (r != 0)
		mys_drop(c);
	return r;
}

/* Is it still there?  Nothing comes that was not asked for, but an end. */
static int
is_alive(const struct mys *c)
{
	my_socket fd = mysql_get_socket(c->my);
	char b;

	return fd >= 0 && recv(fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    (errno == EAGAIN || errno == EINTR);
}

static int
lent(struct mys *c, const char *op, struct sstate_error *err)
{
	if (c->my->options.reconnect)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: %s: the program's handle reconnects by itself, and "
		    "would repeat a change",
		    op);
	if (!is_alive(c))
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "mysql: %s: the program's own connection is lost", op);
	if (c->my->status != MYSQL_STATUS_READY ||
	    (c->my->server_status & SERVER_STATUS_IN_TRANS) != 0 ||
	    (c->my->server_status & SERVER_STATUS_AUTOCOMMIT) == 0)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: %s: the program has a transaction or a result open "
		    "on its handle",
		    op);
	return 0;
}

int
mys_up(struct mys *c, int64_t until, const char *op, struct sstate_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (pthread_once(&once, library) != 0)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "mysql: %s", op);
	if (c->borrowed)
		return lent(c, op, err);
	if (c->my != NULL && !is_alive(c))
		mys_drop(c);
	return c->my != NULL ? 0 : fresh(c, until, op, err);
}

/* ---- Whom we talk to -------------------------------------------------- */

static long long
number(MYSQL_ROW row, int i)
{
	return row[i] != NULL ? strtoll(row[i], NULL, 10) : 0;
}

/* A packet holds the body and what is around it; Debian's is 16 MiB. */
static int
judge_size(struct mys *c, long long packet, const char *op,
    struct sstate_error *err)
{
	c->limit = packet > 2LL * PACKET_BYTES ? (size_t)packet - PACKET_BYTES
					       : PACKET_BYTES;
	if (c->limit > MYS_MAX_BYTES)
		c->limit = MYS_MAX_BYTES;
	if (c->conf.max_bytes > c->limit)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "mysql: %s: max_bytes is over what the server's "
		    "max_allowed_packet leaves, %zu",
		    op, c->limit);
	if (c->conf.max_bytes != 0)
		c->limit = c->conf.max_bytes;
	return 0;
}

static int
judge(struct mys *c, MYSQL_ROW row, const char *op, struct sstate_error *err)
{
	long long version = number(row, LOOK_VERSION);

	if (version != MYS_SCHEMA)
		return sstate_fail(err,
		    version > MYS_SCHEMA ? SSTATE_EVERSION : SSTATE_ESTORE, 0,
		    "mysql: %s: the tables have schema %lld, this driver "
		    "knows %d",
		    op, version, MYS_SCHEMA);
	if (number(row, LOOK_READ_ONLY) != 0)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "mysql: %s: the server is read-only, perhaps a replica",
		    op);
	if (row[LOOK_ENGINE] != NULL && number(row, LOOK_ENGINE) == 0)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "mysql: %s: the table's engine is not InnoDB", op);
	if (!c->borrowed && c->conf.sync && number(row, LOOK_SYNC) != 1)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "mysql: %s: innodb_flush_log_at_trx_commit is not 1; "
		    "sync=off permits it",
		    op);
	return judge_size(c, number(row, LOOK_PACKET), op, err);
}

static enum mys_end
look_over(MYSQL_RES **res, struct mys *c, int64_t until)
{
	char text[sizeof(look) + SQL_NAME_BYTES];

	(void)snprintf(text, sizeof(text), look, c->prefix);
	return query(res, c, text, until);
}

static enum mys_end
make(struct mys *c, int64_t until)
{
	enum mys_end end = MYS_ANSWERED;
	size_t i;

	for (i = 0;
	     i < sizeof(schema) / sizeof(schema[0]) && end == MYS_ANSWERED; i++)
		end = query(NULL, c, schema[i], until);
	return end;
}

static int
greet(struct mys *c, int64_t until, const char *op, struct sstate_error *err)
{
	MYSQL_RES *res = NULL;
	MYSQL_ROW row = NULL;
	enum mys_end end = look_over(&res, c, until);
	int r, none;

	if (end == MYS_ANSWERED)
		row = mysql_fetch_row(res);
	/* Another one may be making them: the rows come last. */
	none = (end == MYS_REFUSED && c->code == ER_NO_SUCH_TABLE) ||
	    (row != NULL && row[LOOK_VERSION] == NULL);
	if (none && c->conf.create) {
		mysql_free_result(res);
		res = NULL;
		row = NULL;
		if ((end = make(c, until)) == MYS_ANSWERED &&
		    (end = look_over(&res, c, until)) == MYS_ANSWERED)
			row = mysql_fetch_row(res);
	}
	if (end == MYS_REFUSED)
		r = mys_says(c->code, op, err);
	else if (end != MYS_ANSWERED || row == NULL)
		r = sstate_fail(err, SSTATE_EBUSY,
		    c->late ? ETIMEDOUT : ECONNRESET, "mysql: %s: no greeting",
		    op);
	else
		r = judge(c, row, op, err);
	mysql_free_result(res);
	return r;
}

int
mys_borrow(struct mys *c, int64_t until, struct sstate_error *err)
{
	const size_t stack = STACK_BYTES;

	/* Its blocking calls go on to block. */
	if (mysql_options(c->my, MYSQL_OPT_NONBLOCK, &stack) != 0)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "mysql: open");
	c->tls = mysql_get_ssl_cipher(c->my) != NULL;
	if (c->tls)
		mys_unblock(mysql_get_socket(c->my));
	return greet(c, until, "open", err);
}
