/*
 * pgsql.h - what the files of the pgsql: driver share
 *
 *	pgsql.c		the table: records in, records out
 *	pgsql_conf.c	what the URI says, the tables' names
 *	pgsql_link.c	one connection: up, greeted, down
 *	pgsql_run.c	one statement: sent once, waited for, judged
 *
 * Invariant: a statement that writes is sent once.  EBUSY is said only where
 * the server said that it did nothing, or was never told to.
 */
#ifndef PGSQL_H
#define PGSQL_H

#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include <securestate/store.h>

#include "sql_conf.h"

enum {
	PGS_SCHEMA = 1, /* the row 'schema' of the meta table */
	PGS_TEXT_BYTES = 2048, /* a statement with the tables' names */
	PGS_ARGS = 7
};

enum pgs_sql {
	PGS_HELLO,
	PGS_LOOK,
	PGS_GET,
	PGS_IS,
	PGS_CREATE,
	PGS_REPLACE,
	PGS_REMOVE,
	PGS_REMOVE_ANY,
	PGS_DUE,
	PGS_REAP,
	PGS_EACH,
	PGS_TAGGED,
	PGS_LATEST,
	PGS_SET_LATEST,
	PGS_ABOUT,
	PGS_STATEMENTS
};

/* On one connection. */
enum pgs_use { PGS_NEW, PGS_USED, PGS_PREPARED };

struct pgs {
	PGconn *conn; /* NULL: none now */
	int borrowed; /* the program's own, never closed nor set up */
	int blocks, kept; /* how the program had it; not yet again so */
	int doomed; /* the server has said good-bye */
	unsigned char use[PGS_STATEMENTS]; /* enum pgs_use */

	struct sql_conf conf;
	char schema[SQL_NAME_BYTES + 1], prefix[SQL_NAME_BYTES + 1];
	char *host, *port, *sslmode, *rootcert; /* ours; NULL: libpq's */
};

/* Values of one statement, all binary; they live as long as the call. */
struct pgs_args {
	int n;
	const char *value[PGS_ARGS];
	int len[PGS_ARGS], binary[PGS_ARGS];
	Oid type[PGS_ARGS];
	unsigned char number[PGS_ARGS][8];
};

void pgs_add_blob(struct pgs_args *a, const void *p, size_t n);
void pgs_add_int(struct pgs_args *a, int64_t v);
void pgs_add_text(struct pgs_args *a, const char *s);

int pgs_conf_read(struct pgs *c, struct sstate_conf *conf,
    struct sstate_error *err);
void pgs_conf_free(struct pgs *c);
/* The text, with the names of the tables in it. */
void pgs_text(char out[PGS_TEXT_BYTES], const struct pgs *c,
    const char *pattern);

int64_t pgs_now_ms(void);
/* A connection that can be used until then, or EBUSY, ESTORE, ... */
int pgs_up(struct pgs *c, int64_t until, const char *op,
    struct sstate_error *err);
/* The program's connection blocks again, if it did. */
void pgs_hand_back(struct pgs *c);
/* Without a word to the server. */
void pgs_drop(struct pgs *c);
/* Is what the server set up what we know?  *missing: no tables. */
int pgs_greet(struct pgs *c, int64_t until, const char *op,
    struct sstate_error *err);

/* How a statement ended. */
enum pgs_end { PGS_ANSWERED, PGS_REFUSED, PGS_UNSENT, PGS_LOST };

/*
 * Sent and waited for.  PGS_REFUSED: *out says why, and nothing was written.
 * PGS_LOST: the connection is given up, errno says why.
 */
enum pgs_end pgs_once(PGresult **out, struct pgs *c, enum pgs_sql which,
    const struct pgs_args *a, int64_t until);
/* Several statements in one transaction, without values. */
enum pgs_end pgs_script(PGresult **out, struct pgs *c, const char *text,
    int64_t until);
/*
 * A statement of a slot, on a connection that is there or made.  One that
 * only reads is sent again, once, if its connection breaks.
 */
int pgs_run(PGresult **out, struct pgs *c, enum pgs_sql which,
    const struct pgs_args *a, int reads, const char *op,
    struct sstate_error *err);
/* The code and text of an SQLSTATE, or of none. */
int pgs_says(const char *state, const char *op, struct sstate_error *err);
const char *pgs_state(const PGresult *res);

#endif
