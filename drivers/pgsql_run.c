/*
 * pgsql_run.c - one statement of the pgsql: driver: sent once, waited for
 *
 * Invariant: nothing here waits longer than until; what was sent and not
 * answered to its end has an unknown outcome, and its connection is given up.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "driver.h"
#include "pgsql.h"

enum { OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25 };

/*
 * R-96: these are all, and no value is ever put into a text.  @R and @M are
 * the tables.  A record's due is no later than its expiry: a renewal changes
 * no indexed column, so that it is a HOT update, and the reaper moves due on.
 */
static const char *const texts[PGS_STATEMENTS] = {
	[PGS_HELLO] =
	    "SELECT (SELECT value FROM @M WHERE name = 'schema'),"
	    " pg_is_in_recovery(), current_setting('fsync'),"
	    " set_config('statement_timeout', $1, false),"
	    /* remote_apply waits for more than on: it may stay. */
	    " set_config('synchronous_commit', CASE WHEN $2 = 'on' AND"
	    " current_setting('synchronous_commit') = 'remote_apply'"
	    " THEN 'remote_apply' ELSE $2 END, false),"
	    " set_config('default_transaction_isolation', 'read committed',"
	    " false)",
	[PGS_LOOK] = "SELECT (SELECT value FROM @M WHERE name = 'schema'),"
		     " pg_is_in_recovery()",
	[PGS_GET] = "SELECT rev, expires, tag, body FROM @R WHERE key = $1",
	[PGS_IS] = "SELECT 1 FROM @R WHERE key = $1",
	[PGS_CREATE] = "INSERT INTO @R (key, ns, due, expires, rev, tag, body)"
		       " VALUES ($1, $2, $3, $4, $5, $6, $7)"
		       " ON CONFLICT DO NOTHING",
	[PGS_REPLACE] = "UPDATE @R SET due = least(due, $3), expires = $4,"
			" rev = $5, tag = $6, body = $7"
			" WHERE key = $1 AND rev = $2",
	[PGS_REMOVE] = "DELETE FROM @R WHERE key = $1 AND rev = $2",
	[PGS_REMOVE_ANY] = "DELETE FROM @R WHERE key = $1",
	[PGS_DUE] = "SELECT 1 FROM @R WHERE ns = $1 AND due <= $2 LIMIT 1",
	/* What another one holds is in use: the reaper comes again. */
	[PGS_REAP] =
	    "WITH d AS (SELECT key, expires FROM @R"
	    " WHERE ns = $1 AND due <= $2 ORDER BY due LIMIT $3"
	    " FOR UPDATE SKIP LOCKED),"
	    " gone AS (DELETE FROM @R r USING d WHERE r.key = d.key"
	    " AND d.expires <> 0 AND d.expires <= $2 RETURNING 1),"
	    " moved AS (UPDATE @R r SET due = CASE d.expires WHEN 0"
	    " THEN 9223372036854775807 ELSE d.expires END FROM d"
	    " WHERE r.key = d.key AND (d.expires = 0 OR d.expires > $2)"
	    " RETURNING 1)"
	    " SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM gone)",
	/* Pages by key; a page ends with the row that makes it $3 bytes. */
	[PGS_EACH] =
	    "SELECT rev, expires, tag, body, key FROM (SELECT key, rev,"
	    " expires, tag, body, sum(octet_length(body)) OVER (ORDER BY key)"
	    " - octet_length(body) AS before FROM @R"
	    " WHERE ns = $1 AND key > $2 ORDER BY key LIMIT $4) AS page"
	    " WHERE before < $3 ORDER BY key",
	[PGS_TAGGED] =
	    "SELECT rev, expires, tag, body, key FROM (SELECT key, rev,"
	    " expires, tag, body, sum(octet_length(body)) OVER (ORDER BY key)"
	    " - octet_length(body) AS before FROM @R"
	    " WHERE ns = $1 AND tag = $5 AND key > $2 ORDER BY key"
	    " LIMIT $4) AS page WHERE before < $3 ORDER BY key",
	[PGS_LATEST] = "SELECT value FROM @M WHERE name = 'latest'",
	[PGS_SET_LATEST] = "UPDATE @M SET value = $1"
			   " WHERE name = 'latest' AND value < $1",
	/* The one is of now, the other is left after a crash. */
	[PGS_ABOUT] = "SELECT greatest(pg_stat_get_live_tuples(oid),"
		      " reltuples::bigint, 0) FROM pg_class"
		      " WHERE oid = to_regclass($1)",
};

/* ---- Values ----------------------------------------------------------- */

static void
add(struct pgs_args *a, const void *p, size_t n, Oid type)
{
	a->value[a->n] = p;
	a->len[a->n] = (int)n;
	a->binary[a->n] = 1;
	a->type[a->n] = type;
	a->n++;
}

/* p NULL: the SQL NULL. */
void
pgs_add_blob(struct pgs_args *a, const void *p, size_t n)
{
	add(a, p, n, OID_BYTEA);
}

void
pgs_add_int(struct pgs_args *a, int64_t v)
{
	driver_put64(a->number[a->n], (uint64_t)v);
	add(a, a->number[a->n], 8, OID_INT8);
}

void
pgs_add_text(struct pgs_args *a, const char *s)
{
	add(a, s, strlen(s), OID_TEXT);
}

/* ---- What a server says ----------------------------------------------- */

const char *
pgs_state(const PGresult *res)
{
	return res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
}

int
pgs_says(const char *state, const char *op, struct sstate_error *err)
{
	/* EBUSY: it is certain that nothing was written. */
	static const struct {
		const char *state; /* or its beginning */
		int code, sys;
		const char *text;
	} says[] = {
		{ "42P01", SSTATE_ESTORE, 0,
		    "no tables: securestate store init URI makes them" },
		{ "3F000", SSTATE_ESTORE, 0, "no such schema" },
		{ "42703", SSTATE_ESTORE, 0,
		    "the tables are not as this driver made them" },
		{ "42501", SSTATE_ESTORE, 0,
		    "this user has not the right to do that" },
		{ "28", SSTATE_ESTORE, 0,
		    "wrong user or password, or pg_hba.conf refuses" },
		{ "3D000", SSTATE_ESTORE, 0, "no such database" },
		{ "25006", SSTATE_EBUSY, 0,
		    "the server is read-only, not written" },
		{ "40003", SSTATE_ESTORE, 0, "the outcome is unknown" },
		{ "40", SSTATE_EBUSY, 0,
		    "another transaction was in the way, not written" },
		{ "55P03", SSTATE_EBUSY, 0,
		    "another transaction has a lock, not written" },
		{ "57014", SSTATE_EBUSY, 0,
		    "cancelled by the server or its time-out, not written" },
		{ "53100", SSTATE_ESTORE, ENOSPC, "the server's disk" },
		{ "53", SSTATE_EBUSY, 0,
		    "the server has no connection or memory left" },
		{ "57P", SSTATE_EBUSY, 0,
		    "the server is starting up or shutting down" },
	};
	size_t i;

	for (i = 0; state != NULL && i < sizeof(says) / sizeof(says[0]); i++)
		if (strncmp(state, says[i].state, strlen(says[i].state)) == 0)
			return sstate_fail(err, says[i].code, says[i].sys,
			    "pgsql: %s: %s", op, says[i].text);
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "pgsql: %s: the server says SQLSTATE %.5s", op,
	    state != NULL ? state : "nothing");
}

/* A FATAL is the end of the connection, and may come after a commit. */
static int
is_fatal(const PGresult *res)
{
	const char *s = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

	return s == NULL || strcmp(s, "ERROR") != 0;
}

/* ---- Waiting ---------------------------------------------------------- */

int64_t
pgs_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until a result can be taken without waiting; -1 and errno. */
static int
await(struct pgs *c, int64_t until)
{
	struct pollfd p;
	int64_t left;
	int flush;

	for (;;) {
		if ((flush = PQflush(c->conn)) < 0)
			break;
		if (flush == 0 && !PQisBusy(c->conn))
			return 0;
		p.fd = PQsocket(c->conn);
		p.events = (short)(flush ? POLLIN | POLLOUT : POLLIN);
		p.revents = 0;
		if ((left = until - pgs_now_ms()) <= 0 || p.fd < 0) {
			errno = p.fd < 0 ? ECONNRESET : ETIMEDOUT;
			return -1;
		}
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return -1;
		if ((p.revents & ~POLLOUT) != 0 && !PQconsumeInput(c->conn))
			break;
	}
	errno = ECONNRESET;
	return -1;
}

/* The last result of what was sent, once the server is ready for more. */
static enum pgs_end
answer(PGresult **out, struct pgs *c, int64_t until)
{
	enum pgs_end end = PGS_ANSWERED;
	PGresult *res;

	for (;;) {
		if (await(c, until) != 0)
			break;
		if ((res = PQgetResult(c->conn)) == NULL) {
			errno = ECONNRESET;
			if (*out == NULL || PQstatus(c->conn) != CONNECTION_OK)
				break;
			return end;
		}
		PQclear(*out);
		*out = res;
		switch (PQresultStatus(res)) {
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
			break;
		default:
			errno = ECONNRESET;
			end = PGS_REFUSED;
			if (is_fatal(res))
				end = PGS_LOST;
		}
		if (end == PGS_LOST)
			break;
	}
	PQclear(*out);
	*out = NULL;
	pgs_drop(c);
	return PGS_LOST;
}

enum pgs_end
pgs_script(PGresult **out, struct pgs *c, const char *text, int64_t until)
{
	*out = NULL;
	if (PQsendQuery(c->conn, text) == 0) {
		pgs_drop(c);
		return PGS_LOST;
	}
	return answer(out, c, until);
}

/*
 * The first use of a statement is one trip, text and values together: a
 * program that lives for one request prepares nothing.
 */
static int
sent(struct pgs *c, enum pgs_sql which, const struct pgs_args *a)
{
	char text[PGS_TEXT_BYTES], name[8] = "sstateA";

	name[6] = (char)('A' + which);
	if (c->use[which] == PGS_PREPARED)
		return PQsendQueryPrepared(c->conn, name, a->n, a->value,
		    a->len, a->binary, 1);
	pgs_text(text, c, texts[which]);
	return PQsendQueryParams(c->conn, text, a->n, a->type, a->value, a->len,
	    a->binary, 1);
}

static enum pgs_end
prepare(PGresult **out, struct pgs *c, enum pgs_sql which,
    const struct pgs_args *a, int64_t until)
{
	char text[PGS_TEXT_BYTES], name[8] = "sstateA";
	enum pgs_end end;

	name[6] = (char)('A' + which);
	pgs_text(text, c, texts[which]);
	if (PQsendPrepare(c->conn, name, text, a->n, a->type) == 0) {
		pgs_drop(c);
		return PGS_UNSENT;
	}
	end = answer(out, c, until);
	if (end == PGS_ANSWERED) {
		PQclear(*out);
		*out = NULL;
		c->use[which] = PGS_PREPARED;
	}
	return end == PGS_LOST ? PGS_UNSENT : end;
}

enum pgs_end
pgs_once(PGresult **out, struct pgs *c, enum pgs_sql which,
    const struct pgs_args *a, int64_t until)
{
	enum pgs_end end;

	*out = NULL;
	if (c->use[which] == PGS_USED && !c->borrowed &&
	    (end = prepare(out, c, which, a, until)) != PGS_ANSWERED)
		return end;
	if (sent(c, which, a) == 0) {
		errno = ENOMEM;
		pgs_drop(c);
		return PGS_LOST;
	}
	end = answer(out, c, until);
	if (end == PGS_ANSWERED && c->use[which] == PGS_NEW)
		c->use[which] = PGS_USED;
	return end;
}

void
pgs_hand_back(struct pgs *c)
{
	if (!c->borrowed)
		return;
	/* To block would wait for what a dead server does not take. */
	c->kept = PQflush(c->conn) != 0;
	if (c->blocks && !c->kept)
		(void)PQsetnonblocking(c->conn, 0);
}

int
pgs_run(PGresult **out, struct pgs *c, enum pgs_sql which,
    const struct pgs_args *a, int reads, const char *op,
    struct sstate_error *err)
{
	const int64_t until = pgs_now_ms() + c->conf.timeout_ms;
	enum pgs_end end = PGS_UNSENT;
	int again, sys = 0, r = 0;

	*out = NULL;
	for (again = 0; again < 2; again++) {
		if ((r = pgs_up(c, until, op, err)) != 0)
			break;
		end = pgs_once(out, c, which, a, until);
		sys = errno;
		if (end == PGS_ANSWERED || end == PGS_REFUSED)
			break;
		/* A write that was on its way is not sent again. */
		if (sys == ETIMEDOUT || (end == PGS_LOST && !reads))
			break;
	}
	pgs_hand_back(c);
	if (r != 0 || end == PGS_ANSWERED)
		return r;
	if (end == PGS_REFUSED) {
		r = pgs_says(pgs_state(*out), op, err);
		PQclear(*out);
		*out = NULL;
		return r;
	}
	return sstate_fail(err,
	    end == PGS_UNSENT ? SSTATE_EBUSY : SSTATE_ESTORE, sys,
	    "pgsql: %s: no answer", op);
}
