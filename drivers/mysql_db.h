/*
 * mysql_db.h - what the files of the mysql: driver share
 *
 *	mysql.c		the table: records in, records out
 *	mysql_conf.c	what the URI says, the tables' names
 *	mysql_link.c	one connection: up, set up, down
 *	mysql_run.c	one statement: sent once, waited for, judged
 *
 * The client library's own time-outs are whole seconds, so its non-blocking
 * calls are used, and waited for here.
 *
 * Invariant: a statement that writes is sent once.  EBUSY is said only where
 * the server said that it did nothing, or was never told to.
 */
#ifndef MYSQL_DB_H
#define MYSQL_DB_H

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <mysql.h>

#include <securestate/store.h>

#include "sql_conf.h"

enum {
	MYS_SCHEMA = 1, /* the row 'schema' of the meta table */
	MYS_TEXT_BYTES = 2048, /* a statement with the tables' names */
	MYS_SLICE = 32, /* records that one statement of the reaper changes */
	MYS_ARGS = MYS_SLICE + 2,
	MYS_COLUMNS = 5,
	MYS_MAX_BYTES = 16 << 20
};

enum mys_sql {
	MYS_GET,
	MYS_REV,
	MYS_CREATE,
	MYS_REPLACE,
	MYS_REMOVE,
	MYS_REMOVE_ANY,
	MYS_DUE,
	MYS_REAP,
	MYS_MOVE,
	MYS_EACH,
	MYS_TAGGED,
	MYS_LATEST,
	MYS_SET_LATEST,
	MYS_ABOUT,
	MYS_STATEMENTS
};

struct mys {
	MYSQL *my; /* NULL: none now */
	MYSQL_STMT *stmt[MYS_STATEMENTS]; /* prepared on it, or NULL */
	int borrowed; /* the program's own, never closed nor set up */
	int tls;
	int late; /* the wait was over before the answer */
	unsigned int code; /* the server's last refusal */

	struct sql_conf conf; /* max_bytes 0: what the server takes */
	size_t limit; /* of the two */
	char prefix[SQL_NAME_BYTES + 1];
	char *host, *socket, *ca; /* ours; NULL: not said */
	unsigned int port;

	int rows; /* of the last answer */
	/* The row that was fetched last; any columns, in this order. */
	struct mys_row {
		MYSQL_BIND bind[MYS_COLUMNS];
		unsigned long len[MYS_COLUMNS];
		my_bool null[MYS_COLUMNS];
		unsigned char id[SSTATE_ID_BYTES], tag[SSTATE_TAG_BYTES];
		uint64_t number[2];
		char *body;
		size_t room;
	} row;
};

/* Values of one statement; they live as long as the call. */
struct mys_args {
	unsigned int n;
	MYSQL_BIND bind[MYS_ARGS];
	unsigned long len[MYS_ARGS];
	uint64_t number[MYS_ARGS];
};

void mys_add_blob(struct mys_args *a, const void *p, size_t n);
void mys_add_int(struct mys_args *a, uint64_t v);

int mys_conf_read(struct mys *c, struct sstate_conf *conf,
    struct sstate_error *err);
void mys_conf_free(struct mys *c);
/* The text, with the names of the tables in it. */
void mys_text(char out[MYS_TEXT_BYTES], const struct mys *c,
    const char *pattern);

int64_t mys_now_ms(void);
void mys_unblock(int fd);
/*
 * By TLS the library writes as to a file: what comes of that is kept from
 * the program.
 */
struct mys_quiet {
	sigset_t was;
	int on, pending;
};
void mys_quiet(struct mys_quiet *q, const struct mys *c);
void mys_loud(const struct mys_quiet *q);
/* What a call waits for, until then; MYSQL_WAIT_TIMEOUT and c->late. */
int mys_wait(struct mys *c, int status, int64_t until);
/* A connection that can be used until then, or EBUSY, ESTORE, ... */
int mys_up(struct mys *c, int64_t until, const char *op,
    struct sstate_error *err);
/* Without a word to the server. */
void mys_drop(struct mys *c);
/* With one; the program's own is left as it is. */
void mys_close(struct mys *c);
/* The program's connection, at the open. */
int mys_borrow(struct mys *c, int64_t until, struct sstate_error *err);

/* How a statement ended. */
enum mys_end { MYS_ANSWERED, MYS_REFUSED, MYS_UNSENT, MYS_LOST };

/* An error of the client library, or one that ends the connection. */
int mys_is_end(unsigned int code);
/* The code and text of a server's refusal. */
int mys_says(unsigned int code, const char *op, struct sstate_error *err);
/* A change, or one that is the same however often it is done. */
int mys_change(uint64_t *rows, struct mys *c, enum mys_sql which,
    struct mys_args *a, int again, const char *op, struct sstate_error *err);

/* c->row is the row, number i from 0 up. */
typedef int mys_row_fn(void *arg, struct mys *c, int i);
/*
 * All rows of a statement, until fn, if there is one, returns other than 0;
 * c->rows of them, and c->row the last.  It is sent again, once, if its
 * connection breaks: whole says that the rows then begin anew, with number 0;
 * if not, and there were some, it is MYS_BROKEN.
 */
#define MYS_BROKEN INT_MIN
int mys_select(struct mys *c, enum mys_sql which, struct mys_args *a, int whole,
    mys_row_fn *fn, void *arg, const char *op, struct sstate_error *err);

#endif
