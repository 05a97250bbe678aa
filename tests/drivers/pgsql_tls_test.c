/*
 * pgsql_tls_test.c - PostgreSQL by TLS, with a checked certificate
 *
 * driver: pgsql
 */
#include "pgsql_kit.h"

#include "certify.h"

static const struct sstate_driver *const d = &sstate_driver_v1_pgsql;
static struct pkit k;
static int port;

static struct sstate_store *
opened(const char *host, const char *more, struct sstate_error *err)
{
	char u[400];

	(void)snprintf(u, sizeof(u),
	    "pgsql://shop@%s:%d/sessions?sync=off&create=1%s", host, port,
	    more);
	memset(err, 0, sizeof(*err));
	return drv_store(d, u, "app", NULL, err);
}

/* How many connections by TLS there are. */
static int
by_tls(void)
{
	return atoi(pkit_sql(&k,
	    "SELECT count(*) FROM pg_stat_ssl"
	    " NATURAL JOIN pg_stat_activity"
	    " WHERE ssl AND usename = 'shop'"));
}

static void
checked(void)
{
	char ca[120], other[120];
	struct sstate_error err;
	struct sstate_store *s;

	(void)snprintf(ca, sizeof(ca),
	    "&sslmode=verify-full&sslrootcert=%s/good.ca", k.s.dir);
	(void)snprintf(other, sizeof(other),
	    "&sslmode=verify-full&sslrootcert=%s/other.ca", k.s.dir);
	s = opened("localhost", ca, &err);
	T(s != NULL && by_tls() == 1, "R-81 by TLS, checked: %s", err.text);
	sstate_store_close(s);
	s = opened("127.0.0.1", ca, &err);
	T(s == NULL && err.code == SSTATE_EBUSY,
	    "R-81 another name than the certificate's: %s", err.text);
	s = opened("localhost", other, &err);
	T(s == NULL && err.code == SSTATE_EBUSY, "R-81 another CA: %s",
	    err.text);
	s = opened("localhost", "&sslmode=verify-full&sslrootcert=/none", &err);
	T(s == NULL && strstr(err.text, "/none") != NULL,
	    "R-81 no CA at all: %s", err.text);
	s = opened("localhost", "", &err);
	T(s != NULL && by_tls() == 0, "on this host it may be without: %s",
	    err.text);
	sstate_store_close(s);
}

/* Any of this machine's own addresses but loopback would do: it is not. */
static void
far(void)
{
	struct sstate_error err;
	struct sstate_store *s;

	(void)setenv("PGSSLMODE", "disable", 1);
	s = opened("192.0.2.1", "&timeout_ms=100&insecure=1", &err);
	T(s == NULL && err.code == SSTATE_EBUSY, "insecure=1 tries: %s",
	    err.text);
	s = opened("192.0.2.1", "&timeout_ms=100&sslmode=disable", &err);
	T(s == NULL && err.code == SSTATE_EUNSAFE, "R-81 nor without: %s",
	    err.text);
	(void)unsetenv("PGSSLMODE");
}

/* A child says nothing in the middle of the parent's TLS either. */
static void
forked(void)
{
	struct sstate_key key = conform_key("app", 1);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	struct sstate_error err;
	struct sstate_store *s;
	char ca[120];
	int st = -1, i;
	void *ctx;
	pid_t pid;

	(void)snprintf(ca, sizeof(ca),
	    "&sslmode=verify-full&sslrootcert=%s/good.ca", k.s.dir);
	NEED((s = opened("localhost", ca, &err)) != NULL, "a store: %s",
	    err.text);
	(void)sstate_store_driver(s, &ctx);
	(void)pkit_sql(&k,
	    "CREATE TABLE was AS SELECT pid FROM pg_stat_ssl"
	    " NATURAL JOIN pg_stat_activity WHERE ssl AND usename = 'shop'");
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		d->abandon(ctx);
		_exit(0);
	}
	T(waitpid(pid, &st, 0) == pid && st == 0, "a child abandons");
	for (i = 0; i < 3; i++) {
		key = conform_key("app", (uint64_t)i);
		T(d->create(ctx, &key, &rec, &err) == 0, "the parent writes");
	}
	T(strcmp(pkit_sql(&k,
		     "SELECT count(*) FROM was NATURAL JOIN"
		     " pg_stat_ssl WHERE ssl"),
	      "1") == 0,
	    "to the same process as before");
	sstate_store_close(s);
}

int
main(void)
{
	char listen[64], program[PATH_MAX];

	if (server_find(program, sizeof(program), "openssl") != 0) {
		tap_skip("openssl is not installed");
		return tap_done();
	}
	pkit_start(&k, "fsync=off", NULL);
	NEED(certify(&k.s, "good", "localhost") == 0 &&
		certify(&k.s, "other", "localhost") == 0,
	    "certificates");
	server_stop(&k.s, SIGINT);
	port = server_port();
	(void)snprintf(listen, sizeof(listen), "port=%d", port);
	pkit_arg(&k, "-c");
	pkit_arg(&k, "listen_addresses=localhost");
	pkit_arg(&k, "-c");
	pkit_arg(&k, listen);
	pkit_arg(&k, "-c");
	pkit_arg(&k, "ssl=on");
	pkit_arg(&k, "-c");
	pkit_arg(&k, "ssl_cert_file=../good.crt");
	pkit_arg(&k, "-c");
	pkit_arg(&k, "ssl_key_file=../good.key");
	(void)snprintf(k.port, sizeof(k.port), "%d", port);
	NEED(pkit_again(&k) == 0, "postgres with TLS on port %d", port);
	checked();
	far();
	forked();
	pkit_end(&k);
	return tap_done();
}
