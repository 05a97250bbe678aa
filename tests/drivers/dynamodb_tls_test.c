/*
 * dynamodb_tls_test.c - a DynamoDB by TLS, whose certificate is checked
 *
 * driver: dynamodb
 */
#include "dynamodb_kit.h"

static struct dkit k;

/* NAME.ca, NAME.key and NAME.crt, for that host. */
static int
certificate(const char *name, const char *host)
{
	char script[1200];
	char *argv[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		script, NULL };

	(void)snprintf(script, sizeof(script),
	    "set -e; umask 077; n=%s; h=%s\n"
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
	    " -nodes -subj \"/CN=ca $n\" -days 2 -keyout $n.cakey"
	    " -out $n.ca\n"
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
	    " -subj /CN=$h -keyout $n.key -out $n.csr\n"
	    "echo subjectAltName=DNS:$h >$n.ext\n"
	    "openssl x509 -req -in $n.csr -CA $n.ca -CAkey $n.cakey"
	    " -CAcreateserial -days 2 -extfile $n.ext -out $n.crt\n"
	    "chmod 644 $n.ca\n",
	    name, host);
	return server_run(&k.s, argv);
}

static void *
opened(const char *host, const char *ca, struct sstate_error *err)
{
	char uri[400];

	(void)snprintf(uri, sizeof(uri),
	    "dynamodb:/sessions?region=eu-test-1&timeout_ms=20000"
	    "&endpoint=https://%s:%d%s%s%s%s",
	    host, k.port, ca != NULL ? "&ca=" : "", ca != NULL ? k.s.dir : "",
	    ca != NULL ? "/" : "", ca != NULL ? ca : "");
	return dkit_open(uri, err);
}

/* A read is refused, before anything of it is sent. */
static int
refused(const char *host, const char *ca)
{
	struct sstate_error err;
	void *ctx = opened(host, ca, &err);
	int good;

	dkit_file(&k, "wire", "");
	good = ctx != NULL && dkit_read(ctx, 1, &err) == SSTATE_EUNSAFE &&
	    dkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == SSTATE_EUNSAFE;
	dkit_file(&k, "tally", "");
	printf("# %s\n", err.text);
	dkit_close(ctx);
	return good;
}

/* A child says nothing in the middle of the parent's TLS. */
static void
forked(void *ctx)
{
	struct sstate_error err;
	unsigned conns, fds;
	int i, st, wrong = 0;
	pid_t pid;

	dkit_file(&k, "tally", "");
	wrong += dkit_read(ctx, 1, &err) != 0;
	conns = dkit_tally(&k, "connection");
	for (i = 0; i < 5; i++) {
		(void)fflush(stdout);
		if ((pid = fork()) == 0) {
			fds = conform_fds();
			sstate_driver_v1_dynamodb.abandon(ctx);
			_exit(conform_fds() < fds ? 0 : 1);
		}
		wrong += waitpid(pid, &st, 0) != pid || st != 0;
		wrong += dkit_read(ctx, 1, &err) != 0;
		wrong += dkit_replace(ctx, 1, (uint64_t)i + 1, CONFORM_LIVE, 1,
			     &err) != 0;
	}
	T(wrong == 0 && dkit_tally(&k, "connection") == conns,
	    "R-34 five children abandon it: the parent's connection goes on "
	    "(%u, %u; %d wrong) %s",
	    conns, dkit_tally(&k, "connection"), wrong, err.text);
}

int
main(void)
{
	struct sstate_error err;
	char uri[300];
	void *ctx;

	dkit_room(&k, 0);
	NEED(certificate("server", "localhost") == 0 &&
		certificate("other", "localhost") == 0,
	    "certificates");
	NEED(dkit_again(&k) == 0, "dynalite runs, by TLS");
	(void)snprintf(uri, sizeof(uri),
	    "dynamodb:/sessions?region=eu-test-1&create=1&timeout_ms=20000"
	    "&endpoint=https://localhost:%d&ca=%s/server.ca",
	    k.port, k.s.dir);
	ctx = dkit_open(uri, &err);
	T(ctx != NULL && dkit_make(ctx, 1, CONFORM_LIVE, 1, &err) == 0,
	    "R-81 by TLS, checked %s", err.text);
	forked(ctx);
	dkit_close(ctx);
	T(refused("localhost", "other.ca"), "R-81 another CA");
	T(refused("localhost", NULL), "R-81 a CA that the system has not");
	T(refused("127.0.0.1", "server.ca"),
	    "R-81 another name than the certificate's");
	ctx = opened("localhost", "none", &err);
	T(ctx != NULL && dkit_read(ctx, 1, &err) == SSTATE_EINVAL,
	    "R-81 no CA at all: %s", err.text);
	dkit_close(ctx);
	dkit_end(&k);
	return tap_done();
}
