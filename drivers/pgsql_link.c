/*
 * pgsql_link.c - one connection of the pgsql: driver: made, looked over, left
 *
 * Invariant: what is left is left without a word, by whoever inherited it or
 * gave it up: a good-bye in the middle of another process's talk is none.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver.h"
#include "pgsql.h"

/* One transaction; of two that do it at once one waits for the other. */
static const char schema[] =
    "SELECT pg_advisory_xact_lock(6004514612418904165);"
    "CREATE TABLE IF NOT EXISTS @M (name text PRIMARY KEY,"
    " value bigint NOT NULL);"
    "CREATE TABLE IF NOT EXISTS @R (key bytea PRIMARY KEY,"
    " ns text COLLATE \"C\" NOT NULL, due bigint NOT NULL,"
    " expires bigint NOT NULL, rev bigint NOT NULL, tag bytea,"
    " body bytea NOT NULL) WITH (fillfactor = 70);"
    "ALTER TABLE @R ALTER COLUMN body SET STORAGE EXTERNAL;"
    "CREATE INDEX IF NOT EXISTS @D ON @R (ns, due);"
    "CREATE INDEX IF NOT EXISTS @T ON @R (ns, tag) WHERE tag IS NOT NULL;"
    "INSERT INTO @M VALUES ('latest', 0), ('schema', 1)"
    " ON CONFLICT DO NOTHING;";

/* ---- Down ------------------------------------------------------------- */

void
pgs_drop(struct pgs *c)
{
	int fd, hush = -1, sys = errno;

	if (c->conn == NULL || c->borrowed)
		return;
	/* Where there is no descriptor left its memory is, before a word. */
	if ((fd = PQsocket(c->conn)) < 0 || (hush = driver_hush(fd)) >= 0)
		PQfinish(c->conn);
	if (hush >= 0)
		(void)close(hush);
	c->conn = NULL;
	errno = sys;
}

/* ---- Up --------------------------------------------------------------- */

/* Quiet, but for a good-bye. */
static void
notice(void *arg, const PGresult *res)
{
	const char *s = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	struct pgs *c = arg;

	if (s != NULL && (strcmp(s, "FATAL") == 0 || strcmp(s, "PANIC") == 0))
		c->doomed = 1;
}

/* The SQLSTATE that ends a line, as PQERRORS_SQLSTATE has it: ":  28P01". */
static int
state_of(char out[6], const char *text)
{
	static const char is[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *p;

	for (p = strstr(text, ":  "); p != NULL; p = strstr(p + 1, ":  "))
		if (strspn(p + 3, is) == 5 && (p[8] == '\n' || p[8] == '\0')) {
			memcpy(out, p + 3, 5);
			out[5] = '\0';
			return 1;
		}
	return 0;
}

/* libpq's own words have names and addresses in them, and no password. */
static int
refused(struct pgs *c, const char *op, struct sstate_error *err)
{
	const char *text = PQerrorMessage(c->conn), *p;
	char state[6], line[160];
	size_t n;

	if (state_of(state, text))
		return pgs_says(state, op, err);
	if ((p = strstr(text, " failed: ")) != NULL)
		text = p + strlen(" failed: ");
	for (n = 0; n < sizeof(line) - 1 && isprint((unsigned char)text[n]);
	     n++)
		line[n] = text[n];
	line[n] = '\0';
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "pgsql: %s: cannot connect: %s", op, line);
}

/* An address that a variable or service file adds is not the one we judged. */
static int
is_diverted(PGconn *conn)
{
	PQconninfoOption *all = PQconninfo(conn), *o;
	int yes = all == NULL;

	for (o = all; o != NULL && o->keyword != NULL; o++)
		if (strcmp(o->keyword, "hostaddr") == 0 && o->val != NULL)
			yes = 1;
	PQconninfoFree(all);
	return yes;
}

static PGconn *
start(const struct pgs *c)
{
	char ms[24];
	const char *key[] = { "host", "port", "user", "password", "dbname",
		"sslmode", "sslrootcert", "gssencmode", "tcp_user_timeout",
		"fallback_application_name", NULL };
	const char *value[] = { c->host, c->port, c->conf.user,
		c->conf.password, c->conf.db, c->sslmode, c->rootcert,
		"disable", ms, "securestate", NULL };

	(void)snprintf(ms, sizeof(ms), "%lld", (long long)c->conf.timeout_ms);
	return PQconnectStartParams(key, value, 0);
}

static int
connected(struct pgs *c, int64_t until, const char *op,
    struct sstate_error *err)
{
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;
	struct pollfd p;
	int64_t left;

	while (PQstatus(c->conn) != CONNECTION_BAD) {
		p.fd = PQsocket(c->conn);
		p.events = st == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		p.revents = 0;
		if ((left = until - pgs_now_ms()) <= 0)
			return sstate_fail(err, SSTATE_EBUSY, ETIMEDOUT,
			    "pgsql: %s: cannot connect", op);
		if (p.fd < 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			break;
		if (p.revents == 0)
			continue;
		if ((st = PQconnectPoll(c->conn)) == PGRES_POLLING_OK)
			return 0;
		if (st == PGRES_POLLING_FAILED)
			break;
	}
	return refused(c, op, err);
}

/* Is it still there?  Said before anything is sent. */
static int
is_alive(struct pgs *c)
{
	ssize_t n;
	char b;
	int i;

	if (PQstatus(c->conn) != CONNECTION_OK)
		return 0;
	for (i = 0; i < 16 && !c->doomed; i++) {
		n = recv(PQsocket(c->conn), &b, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 1;
		if (n <= 0 || !PQconsumeInput(c->conn))
			return 0;
		(void)PQisBusy(c->conn); /* it is looked at, and told */
	}
	return 0;
}

static int
fresh(struct pgs *c, int64_t until, const char *op, struct sstate_error *err)
{
	int r;

	c->doomed = 0;
	memset(c->use, PGS_NEW, sizeof(c->use));
	if ((c->conn = start(c)) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "pgsql: %s", op);
	(void)PQsetErrorVerbosity(c->conn, PQERRORS_SQLSTATE);
	(void)PQsetNoticeReceiver(c->conn, notice, c);
	if (PQstatus(c->conn) != CONNECTION_BAD && is_diverted(c->conn))
		r = sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "pgsql: %s: PGHOSTADDR or a service file names another "
		    "address",
		    op);
	else if ((r = connected(c, until, op, err)) == 0) {
		(void)PQsetnonblocking(c->conn, 1);
		r = pgs_greet(c, until, op, err);
	}
	if (r != 0)
		pgs_drop(c);
	return r;
}

/* The program's: free, and what a call of ours left behind is taken away. */
static int
lent(struct pgs *c, const char *op, struct sstate_error *err)
{
	if (!is_alive(c))
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "pgsql: %s: the program's own connection is lost", op);
	if (!PQisnonblocking(c->conn))
		c->blocks = 1;
	else if (!c->kept)
		c->blocks = 0;
	(void)PQsetnonblocking(c->conn, 1);
	while (PQtransactionStatus(c->conn) == PQTRANS_ACTIVE &&
	    !PQisBusy(c->conn))
		PQclear(PQgetResult(c->conn));
	if (PQtransactionStatus(c->conn) == PQTRANS_ACTIVE)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "pgsql: %s: the program's own connection is in use", op);
	if (PQtransactionStatus(c->conn) != PQTRANS_IDLE ||
	    PQpipelineStatus(c->conn) != PQ_PIPELINE_OFF)
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "pgsql: %s: the program has a transaction or a pipeline "
		    "open on its handle",
		    op);
	return 0;
}

int
pgs_up(struct pgs *c, int64_t until, const char *op, struct sstate_error *err)
{
	if (c->borrowed)
		return lent(c, op, err);
	if (c->conn != NULL && !is_alive(c))
		pgs_drop(c);
	return c->conn != NULL ? 0 : fresh(c, until, op, err);
}

/* ---- Whom we talk to -------------------------------------------------- */

static int
is_true(const PGresult *res, int col)
{
	return PQgetlength(res, 0, col) == 1 && *PQgetvalue(res, 0, col) != 0;
}

static int
judge(const struct pgs *c, const PGresult *res, const char *op,
    struct sstate_error *err)
{
	int64_t version = 0;

	if (!PQgetisnull(res, 0, 0) && PQgetlength(res, 0, 0) == 8)
		version = (int64_t)driver_get64(
		    (const unsigned char *)PQgetvalue(res, 0, 0));
	if (version != PGS_SCHEMA)
		return sstate_fail(err,
		    version > PGS_SCHEMA ? SSTATE_EVERSION : SSTATE_ESTORE, 0,
		    "pgsql: %s: the tables have schema %lld, this driver "
		    "knows %d",
		    op, (long long)version, PGS_SCHEMA);
	if (is_true(res, 1))
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "pgsql: %s: the server is a standby", op);
	if (!c->borrowed && c->conf.sync && PQgetlength(res, 0, 2) == 3 &&
	    memcmp(PQgetvalue(res, 0, 2), "off", 3) == 0)
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "pgsql: %s: the server runs with fsync=off; sync=off "
		    "permits it",
		    op);
	return 0;
}

static enum pgs_end
hello(PGresult **out, struct pgs *c, int64_t until)
{
	struct pgs_args a;
	char ms[24];

	a.n = 0;
	if (c->borrowed)
		return pgs_once(out, c, PGS_LOOK, &a, until);
	/* It gives up before we do, and says so. */
	(void)snprintf(ms, sizeof(ms), "%lld",
	    (long long)(c->conf.timeout_ms - c->conf.timeout_ms / 8));
	pgs_add_text(&a, ms);
	pgs_add_text(&a, c->conf.sync ? "on" : "off");
	return pgs_once(out, c, PGS_HELLO, &a, until);
}

int
pgs_greet(struct pgs *c, int64_t until, const char *op,
    struct sstate_error *err)
{
	char text[PGS_TEXT_BYTES];
	PGresult *res;
	enum pgs_end end = hello(&res, c, until);
	int r;

	if (end == PGS_REFUSED && c->conf.create && pgs_state(res) != NULL &&
	    strcmp(pgs_state(res), "42P01") == 0) {
		PQclear(res);
		pgs_text(text, c, schema);
		end = pgs_script(&res, c, text, until);
		if (end == PGS_ANSWERED) {
			PQclear(res);
			end = hello(&res, c, until);
		}
	}
	if (end == PGS_ANSWERED)
		r = judge(c, res, op, err);
	else if (end == PGS_REFUSED)
		r = pgs_says(pgs_state(res), op, err);
	else
		r = sstate_fail(err, SSTATE_EBUSY, errno,
		    "pgsql: %s: no greeting", op);
	PQclear(res);
	return r;
}
