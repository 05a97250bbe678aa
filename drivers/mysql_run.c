/*
 * mysql_run.c - one statement of the mysql: driver: sent once, waited for
 *
 * Invariant: nothing here waits longer than until; what was sent and not
 * answered to its end has an unknown outcome, and its connection is given up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <errmsg.h>
#include <mysqld_error.h>

#include "mysql_db.h"

enum {
	BODY_BYTES = 65536, /* what a row is read into, at first */
	KEEP_BYTES = 1 << 20 /* what is kept for the next one */
};

#define FOUR "?, ?, ?, ?"
#define MANY                                                                   \
	"(" FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR ", " FOUR   \
	", " FOUR ")"

/*
 * R-96: these are all, and no value is ever put into a text.  @R and @M are
 * the tables.  A record's due is no later than its expiry: a renewal changes
 * no index, and the reaper moves due on.
 *
 * A change locks by the primary key, and then what the indexes have of it.
 * The reaper looks without a lock, and does the same: none waits in a ring.
 */
static const char *const texts[MYS_STATEMENTS] = {
	[MYS_GET] = "SELECT id, rev, expires, tag, body FROM @R WHERE id = ?",
	[MYS_REV] = "SELECT id, rev FROM @R WHERE id = ?",
	[MYS_CREATE] = "INSERT INTO @R (id, ns, due, expires, rev, tag, body)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?)",
	[MYS_REPLACE] = "UPDATE @R SET due = LEAST(due, ?), expires = ?,"
			" rev = ?, tag = ?, body = ? WHERE id = ? AND rev = ?",
	[MYS_REMOVE] = "DELETE FROM @R WHERE id = ? AND rev = ?",
	[MYS_REMOVE_ANY] = "DELETE FROM @R WHERE id = ?",
	[MYS_DUE] = "SELECT id, rev, expires FROM @R WHERE ns = ? AND due <= ?"
		    " ORDER BY due LIMIT ?",
	[MYS_REAP] = "DELETE FROM @R WHERE expires <> 0 AND expires <= ?"
		     " AND id IN " MANY,
	[MYS_MOVE] = "UPDATE @R SET due = IF(expires = 0, 9223372036854775807,"
		     " expires) WHERE (expires = 0 OR expires > ?)"
		     " AND id IN " MANY,
	[MYS_EACH] = "SELECT id, rev, expires, tag, body FROM @R"
		     " FORCE INDEX (PRIMARY) WHERE ns = ? AND id > ?"
		     " ORDER BY id LIMIT ?",
	[MYS_TAGGED] = "SELECT id, rev, expires, tag, body FROM @R"
		       " WHERE ns = ? AND tag = ? AND id > ?"
		       " ORDER BY id LIMIT ?",
	[MYS_LATEST] = "SELECT '', value FROM @M WHERE name = 'latest'",
	[MYS_SET_LATEST] = "UPDATE @M SET value = ?"
			   " WHERE name = 'latest' AND value < ?",
	[MYS_ABOUT] = "SELECT '', table_rows FROM information_schema.tables"
		      " WHERE table_schema = DATABASE() AND table_name = ?",
};

/* ---- Values ----------------------------------------------------------- */

/* p NULL: the SQL NULL. */
void
mys_add_blob(struct mys_args *a, const void *p, size_t n)
{
	MYSQL_BIND *b = &a->bind[a->n];

	memset(b, 0, sizeof(*b));
	a->len[a->n] = (unsigned long)n;
	b->buffer_type = p != NULL ? MYSQL_TYPE_BLOB : MYSQL_TYPE_NULL;
	b->buffer = (void *)(uintptr_t)p;
	b->buffer_length = (unsigned long)n;
	b->length = &a->len[a->n];
	a->n++;
}

void
mys_add_int(struct mys_args *a, uint64_t v)
{
	MYSQL_BIND *b = &a->bind[a->n];

	memset(b, 0, sizeof(*b));
	a->number[a->n] = v;
	b->buffer_type = MYSQL_TYPE_LONGLONG;
	b->buffer = &a->number[a->n];
	b->is_unsigned = 1;
	a->n++;
}

/* ---- What a server says ----------------------------------------------- */

int
mys_is_end(unsigned int code)
{
	switch (code) {
	case 0: /* it does not know either */
	case ER_SERVER_SHUTDOWN: /* perhaps in the middle of it */
	case ER_NEW_ABORTING_CONNECTION:
	case ER_CONNECTION_KILLED:
	case 4031: /* the same of MySQL, for one that was idle */
		return 1;
	default:
		return code >= CR_MIN_ERROR && code < 3000;
	}
}

int
mys_says(unsigned int code, const char *op, struct sstate_error *err)
{
	static const char no_right[] = "this user has not the right to do that",
			  read_only[] = "the server is read-only, not written",
			  in_way[] =
			      "another transaction was in the way, not written",
			  gave_up[] = "the server gave up in time, not written",
			  full[] = "the server has no connection or memory "
				   "left",
			  disk[] = "the server's disk",
			  large[] = "too large for the server";
	/* EBUSY: it is certain that nothing was written. */
	static const struct {
		unsigned int is;
		int code, sys;
		const char *text;
	} says[] = {
		{ ER_NO_SUCH_TABLE, SSTATE_ESTORE, 0,
		    "no tables: securestate store init URI makes them" },
		{ ER_BAD_FIELD_ERROR, SSTATE_ESTORE, 0,
		    "the tables are not as this driver made them" },
		{ ER_ACCESS_DENIED_ERROR, SSTATE_ESTORE, 0,
		    "wrong user or password" },
		{ 1698, SSTATE_ESTORE, 0, "wrong user or password" },
		{ ER_BAD_DB_ERROR, SSTATE_ESTORE, 0, "no such database" },
		{ ER_DBACCESS_DENIED_ERROR, SSTATE_ESTORE, 0, no_right },
		{ ER_TABLEACCESS_DENIED_ERROR, SSTATE_ESTORE, 0, no_right },
		{ ER_COLUMNACCESS_DENIED_ERROR, SSTATE_ESTORE, 0, no_right },
		{ ER_SPECIFIC_ACCESS_DENIED_ERROR, SSTATE_ESTORE, 0, no_right },
		{ ER_OPTION_PREVENTS_STATEMENT, SSTATE_EBUSY, 0, read_only },
		{ 1792, SSTATE_EBUSY, 0, read_only },
		{ 1836, SSTATE_EBUSY, 0, read_only },
		{ ER_LOCK_DEADLOCK, SSTATE_EBUSY, 0, in_way },
		{ ER_LOCK_WAIT_TIMEOUT, SSTATE_EBUSY, 0, in_way },
		{ 1615, SSTATE_EBUSY, 0, "the tables were changed meanwhile" },
		{ ER_QUERY_INTERRUPTED, SSTATE_EBUSY, 0, gave_up },
		{ 1969, SSTATE_EBUSY, 0, gave_up },
		{ 3024, SSTATE_EBUSY, 0, gave_up },
		{ ER_CON_COUNT_ERROR, SSTATE_EBUSY, 0, full },
		{ ER_TOO_MANY_USER_CONNECTIONS, SSTATE_EBUSY, 0, full },
		{ ER_USER_LIMIT_REACHED, SSTATE_EBUSY, 0, full },
		{ ER_HOST_IS_BLOCKED, SSTATE_EBUSY, 0, full },
		{ ER_OUTOFMEMORY, SSTATE_EBUSY, 0, full },
		{ ER_OUT_OF_RESOURCES, SSTATE_EBUSY, 0, full },
		{ ER_MAX_PREPARED_STMT_COUNT_REACHED, SSTATE_EBUSY, 0,
		    "the server keeps too many prepared statements "
		    "(max_prepared_stmt_count)" },
		{ ER_UNKNOWN_COM_ERROR, SSTATE_EBUSY, 0,
		    "the server is not ready" },
		{ ER_DISK_FULL, SSTATE_ESTORE, ENOSPC, disk },
		{ ER_RECORD_FILE_FULL, SSTATE_ESTORE, ENOSPC, disk },
		{ ER_NET_PACKET_TOO_LARGE, SSTATE_ETOOBIG, 0, large },
		{ ER_TOO_BIG_ROWSIZE, SSTATE_ETOOBIG, 0, large },
		{ 1665, SSTATE_ESTORE, 0,
		    "binlog_format is STATEMENT: MIXED or ROW is needed" },
	};
	size_t i;

	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (says[i].is == code)
			return sstate_fail(err, says[i].code, says[i].sys,
			    "mysql: %s: %s", op, says[i].text);
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "mysql: %s: the server says error %u", op, code);
}

/* ---- Waiting ---------------------------------------------------------- */

int64_t
mys_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* By TLS the library reads as the socket does, and would not ask us. */
void
mys_unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
mys_wait(struct mys *c, int status, int64_t until)
{
	struct pollfd p;
	int64_t left;
	int n, ready = 0;

	p.fd = mysql_get_socket(c->my);
	if (c->tls)
		mys_unblock(p.fd);
	p.events = 0;
	if ((status & MYSQL_WAIT_READ) != 0)
		p.events |= POLLIN;
	if ((status & MYSQL_WAIT_WRITE) != 0)
		p.events |= POLLOUT;
	if ((status & MYSQL_WAIT_EXCEPT) != 0)
		p.events |= POLLPRI;
	do {
		if ((left = until - mys_now_ms()) <= 0) {
			c->late = 1;
			/* By TLS it would try for ever. */
			if (c->tls)
				(void)shutdown(p.fd, SHUT_RDWR);
			return MYSQL_WAIT_TIMEOUT;
		}
		p.revents = 0;
		n = poll(&p, 1, (int)left);
	} while (n == 0 || (n < 0 && errno == EINTR));
	if ((p.revents & ~(POLLOUT | POLLPRI)) != 0)
		ready |= MYSQL_WAIT_READ;
	if ((p.revents & ~(POLLIN | POLLPRI)) != 0)
		ready |= MYSQL_WAIT_WRITE;
	if ((p.revents & POLLPRI) != 0)
		ready |= MYSQL_WAIT_EXCEPT;
	return n < 0 ? MYSQL_WAIT_TIMEOUT : ready;
}

/* ---- One statement ---------------------------------------------------- */

/* It failed: is the connection of any use? */
static enum mys_end
failed(struct mys *c, unsigned int code, enum mys_end lost)
{
	c->code = code;
	if (!c->late && !mys_is_end(code))
		return MYS_REFUSED;
	mys_drop(c);
	return lost;
}

static enum mys_end
prepare(struct mys *c, enum mys_sql which, int64_t until)
{
	char text[MYS_TEXT_BYTES];
	MYSQL_STMT *s = mysql_stmt_init(c->my);
	enum mys_end end;
	unsigned int code;
	int rc, st;

	if (s == NULL)
		return failed(c, CR_OUT_OF_MEMORY, MYS_UNSENT);
	mys_text(text, c, texts[which]);
	st = mysql_stmt_prepare_start(&rc, s, text, strlen(text));
	while (st != 0)
		st = mysql_stmt_prepare_cont(&rc, s, mys_wait(c, st, until));
	if (rc == 0) {
		c->stmt[which] = s;
		return MYS_ANSWERED;
	}
	code = mysql_stmt_errno(s);
	end = failed(c, code, MYS_UNSENT);
	(void)mysql_stmt_close(s); /* which the server never had */
	return end;
}

static enum mys_end
execute(struct mys *c, enum mys_sql which, struct mys_args *a, int64_t until)
{
	enum mys_end end;
	MYSQL_STMT *s;
	int rc, st;

	c->late = 0;
	/* The program has connected again by itself. */
	if (c->stmt[which] != NULL && c->stmt[which]->mysql == NULL) {
		(void)mysql_stmt_close(c->stmt[which]);
		c->stmt[which] = NULL;
	}
	if (c->stmt[which] == NULL &&
	    (end = prepare(c, which, until)) != MYS_ANSWERED)
		return end;
	s = c->stmt[which];
	if (a->n != mysql_stmt_param_count(s) ||
	    (a->n > 0 && mysql_stmt_bind_param(s, a->bind) != 0))
		return failed(c, CR_OUT_OF_MEMORY, MYS_UNSENT);
	st = mysql_stmt_execute_start(&rc, s);
	while (st != 0)
		st = mysql_stmt_execute_cont(&rc, s, mys_wait(c, st, until));
	return rc == 0 ? MYS_ANSWERED
		       : failed(c, mysql_stmt_errno(s), MYS_LOST);
}

/* What is said of a statement that was not answered, or refused. */
static int
judged(const struct mys *c, enum mys_end end, const char *op,
    struct sstate_error *err)
{
	if (end == MYS_REFUSED)
		return mys_says(c->code, op, err);
	return sstate_fail(err,
	    end == MYS_UNSENT ? SSTATE_EBUSY : SSTATE_ESTORE,
	    c->late ? ETIMEDOUT : ECONNRESET, "mysql: %s: no answer", op);
}

static int
change(uint64_t *rows, struct mys *c, enum mys_sql which, struct mys_args *a,
    int again, const char *op, struct sstate_error *err)
{
	const int64_t until = mys_now_ms() + c->conf.timeout_ms;
	enum mys_end end = MYS_UNSENT;
	int i, r;

	*rows = 0;
	for (i = 0; i < 2; i++) {
		if ((r = mys_up(c, until, op, err)) != 0)
			return r;
		end = execute(c, which, a, until);
		if (end == MYS_ANSWERED) {
			*rows = mysql_stmt_affected_rows(c->stmt[which]);
			return 0;
		}
		/* A write that was on its way is not sent again. */
		if (end == MYS_REFUSED || c->late ||
		    (end == MYS_LOST && !again))
			break;
	}
	if (end == MYS_REFUSED && c->code == ER_DUP_ENTRY)
		return SSTATE_EEXIST;
	return judged(c, end, op, err);
}

int
mys_change(uint64_t *rows, struct mys *c, enum mys_sql which,
    struct mys_args *a, int again, const char *op, struct sstate_error *err)
{
	struct mys_quiet q;
	int r;

	mys_quiet(&q, c);
	r = change(rows, c, which, a, again, op, err);
	mys_loud(&q);
	return r;
}

/* ---- Rows ------------------------------------------------------------- */

static void
column(struct mys_row *row, int i, enum enum_field_types type, void *p,
    size_t n)
{
	MYSQL_BIND *b = &row->bind[i];

	b->buffer_type = type;
	b->buffer = p;
	b->buffer_length = (unsigned long)n;
	b->length = &row->len[i];
	b->is_null = &row->null[i];
	b->is_unsigned = 1;
}

/* Where the next row's columns go; -1: no memory. */
static int
columns(struct mys_row *row)
{
	memset(row->bind, 0, sizeof(row->bind));
	if (row->body == NULL) {
		if ((row->body = malloc(BODY_BYTES)) == NULL)
			return -1;
		row->room = BODY_BYTES;
	}
	column(row, 0, MYSQL_TYPE_BLOB, row->id, sizeof(row->id));
	column(row, 1, MYSQL_TYPE_LONGLONG, &row->number[0], 8);
	column(row, 2, MYSQL_TYPE_LONGLONG, &row->number[1], 8);
	column(row, 3, MYSQL_TYPE_BLOB, row->tag, sizeof(row->tag));
	column(row, 4, MYSQL_TYPE_BLOB, row->body, row->room);
	return 0;
}

/*
 * A body that was longer than its room; -1: no memory.  The lengths are kept
 * by hand: some versions of the client library clear them (10.11.18).
 */
static int
enlarge(struct mys_row *row, MYSQL_STMT *s)
{
	unsigned long len[MYS_COLUMNS];
	char *p;
	int r;

	if (mysql_stmt_field_count(s) < MYS_COLUMNS || row->len[4] <= row->room)
		return 0;
	if ((p = realloc(row->body, row->len[4])) == NULL)
		return -1;
	row->body = p;
	row->room = row->len[4];
	memcpy(len, row->len, sizeof(len));
	column(row, 4, MYSQL_TYPE_BLOB, row->body, row->room);
	r = mysql_stmt_fetch_column(s, &row->bind[4], 4, 0) == 0 &&
		mysql_stmt_bind_result(s, row->bind) == 0
	    ? 0
	    : -1;
	memcpy(row->len, len, sizeof(len));
	return r;
}

/* Each row has its own time: what fn does in between is its own affair. */
static enum mys_end
fetch(int *said, struct mys *c, MYSQL_STMT *s, mys_row_fn *fn, void *arg)
{
	my_bool bad;
	int rc, st;

	for (*said = c->rows = 0; *said == 0; c->rows++) {
		const int64_t until = mys_now_ms() + c->conf.timeout_ms;

		st = mysql_stmt_fetch_start(&rc, s);
		while (st != 0)
			st = mysql_stmt_fetch_cont(&rc, s,
			    mys_wait(c, st, until));
		if (rc == MYSQL_NO_DATA)
			return MYS_ANSWERED;
		if (rc != 0 && rc != MYSQL_DATA_TRUNCATED)
			return failed(c, mysql_errno(c->my), MYS_LOST);
		if (enlarge(&c->row, s) != 0) {
			c->code = CR_OUT_OF_MEMORY;
			break;
		}
		if (fn != NULL)
			*said = fn(arg, c, c->rows);
	}
	st = mysql_stmt_free_result_start(&bad, s);
	while (st != 0)
		st = mysql_stmt_free_result_cont(&bad, s,
		    mys_wait(c, st, mys_now_ms() + c->conf.timeout_ms));
	/* What is left of it is the connection's, and not the caller's. */
	if (bad || c->late)
		mys_drop(c);
	return *said != 0 ? MYS_ANSWERED : MYS_REFUSED;
}

static int
all_rows(struct mys *c, enum mys_sql which, struct mys_args *a, int whole,
    mys_row_fn *fn, void *arg, const char *op, struct sstate_error *err)
{
	const int64_t until = mys_now_ms() + c->conf.timeout_ms;
	enum mys_end end = MYS_UNSENT;
	int i, r, said = 0;

	for (i = 0; i < 2; i++) {
		if ((r = mys_up(c, until, op, err)) != 0)
			return r;
		c->rows = 0;
		end = execute(c, which, a, until);
		if (end == MYS_ANSWERED) {
			if (columns(&c->row) != 0 ||
			    mysql_stmt_bind_result(c->stmt[which],
				c->row.bind) != 0) {
				mys_drop(c);
				return sstate_fail(err, SSTATE_ENOMEM, 0,
				    "mysql: %s", op);
			}
			end = fetch(&said, c, c->stmt[which], fn, arg);
		}
		if (end == MYS_ANSWERED || end == MYS_REFUSED || c->late)
			break;
		if (c->rows > 0 && !whole)
			return MYS_BROKEN;
	}
	if (end == MYS_REFUSED && c->code == CR_OUT_OF_MEMORY)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "mysql: %s", op);
	return end == MYS_ANSWERED ? said : judged(c, end, op, err);
}

int
mys_select(struct mys *c, enum mys_sql which, struct mys_args *a, int whole,
    mys_row_fn *fn, void *arg, const char *op, struct sstate_error *err)
{
	struct mys_quiet q;
	int r;

	mys_quiet(&q, c);
	r = all_rows(c, which, a, whole, fn, arg, op, err);
	mys_loud(&q);
	return r;
}
