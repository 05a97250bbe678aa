/*
 * mysql_tls_test.c - MariaDB by TLS, with a checked certificate
 *
 * driver: mysql
 */
#include "mysql_kit.h"

#include "certify.h"
#include "cut.h"

static const struct sstate_driver *const d = &sstate_driver_v1_mysql;
static struct mkit k;
static int port;

static struct sstate_store *
opened(const char *host, int at, const char *ca, struct sstate_error *err)
{
	/* The proxy's port: what it holds is not waited for long. */
	const int ms = at == port ? 5000 : 700;
	char u[400];

	(void)snprintf(u, sizeof(u),
	    "mysql://shop@%s:%d/sessions?sync=off&create=1&timeout_ms=%d%s%s",
	    host, at, ms, ca != NULL ? "&ca=" : "", ca != NULL ? ca : "");
	memset(err, 0, sizeof(*err));
	return drv_store(d, u, "app", NULL, err);
}

static int
create(struct sstate_store *s, uint64_t n, struct sstate_error *err)
{
	struct sstate_key key = conform_key("app", n);
	struct sstate_record rec = conform_rec("body", 4, CONFORM_LIVE, 1);
	void *ctx;

	memset(err, 0, sizeof(*err));
	(void)sstate_store_driver(s, &ctx);
	return d->create(ctx, &key, &rec, err);
}

static void
checked(const char *ca, const char *other)
{
	struct sstate_error err;
	struct sstate_store *s;

	s = opened("localhost", port, ca, &err);
	T(s != NULL && create(s, 1, &err) == 0, "R-81 by TLS, checked: %s",
	    err.text);
	T(atoi(mkit_sql(&k,
	      "SELECT variable_value FROM"
	      " information_schema.global_status WHERE"
	      " variable_name = 'SSL_FINISHED_ACCEPTS'")) == 1,
	    "R-81 it is TLS");
	sstate_store_close(s);
	s = opened("127.0.0.1", port, ca, &err);
	T(s == NULL && err.code == SSTATE_EBUSY,
	    "R-81 another name than the certificate's: %s", err.text);
	s = opened("localhost", port, other, &err);
	T(s == NULL && err.code == SSTATE_EBUSY, "R-81 another CA: %s",
	    err.text);
	s = opened("localhost", port, "/none", &err);
	T(s == NULL && err.code == SSTATE_EBUSY, "R-81 no CA at all: %s",
	    err.text);
	s = opened("localhost", port, NULL, &err);
	T(s != NULL, "on this host it may be without: %s", err.text);
	sstate_store_close(s);
}

/* A child says nothing in the middle of the parent's TLS. */
static void
forked(const char *ca)
{
	struct sstate_error err;
	struct sstate_store *s;
	int st = -1;
	char before[64];
	void *ctx;
	pid_t pid;

	NEED((s = opened("localhost", port, ca, &err)) != NULL, "a store: %s",
	    err.text);
	(void)sstate_store_driver(s, &ctx);
	(void)snprintf(before, sizeof(before), "%s",
	    mkit_sql(&k,
		"SELECT max(id) FROM information_schema.processlist"
		" WHERE user = 'shop'"));
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		d->abandon(ctx);
		_exit(0);
	}
	T(waitpid(pid, &st, 0) == pid && st == 0, "a child abandons");
	T(create(s, 10, &err) == 0 && create(s, 11, &err) == 0,
	    "the parent writes: %s", err.text);
	T(strcmp(mkit_sql(&k,
		     "SELECT max(id) FROM information_schema.processlist"
		     " WHERE user = 'shop'"),
	      before) == 0,
	    "to the same thread as before");
	sstate_store_close(s);
}

/* Cut in the middle of what takes many writes: SIGPIPE would kill us. */
static void
large(const struct cut *c)
{
	size_t n = 8 << 20;
	char *p = malloc(n);
	struct sstate_key key = conform_key(CONFORM_NS, 5);
	struct sstate_record rec;
	struct sstate_error err;
	int r;

	NEED(p != NULL && cut_warm(c, CUT_CREATE, &err) == 0, "a use");
	conform_fill(p, n, 1);
	rec = conform_rec(p, n, CONFORM_LIVE, 1);
	proxy_set(c->p, PROXY_CUT, PROXY_UP, 100000);
	r = d->create(c->ctx, &key, &rec, &err);
	T(r == SSTATE_ESTORE && proxy_cuts(c->p) == 1,
	    "I7 cut within 8 MiB by TLS: %s", err.text);
	proxy_set(c->p, PROXY_PASS, 0, 0);
	free(p);
}

/* Who listens, and then says no more, is given up in time. */
static void
mute(const char *ca, struct proxy *p)
{
	static const unsigned after[] = { 0, 50, 95, 150, 1000 };
	struct sstate_error err;
	struct sstate_store *s;
	int64_t began, took = 0;
	unsigned wrong = 0;
	size_t i;

	for (i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		proxy_set(p, PROXY_HOLD, PROXY_DOWN, after[i]);
		began = cut_ms();
		s = opened("localhost", p->port, ca, &err);
		if (cut_ms() - began > took)
			took = cut_ms() - began;
		wrong += s != NULL || err.code != SSTATE_EBUSY;
		sstate_store_close(s);
	}
	proxy_set(p, PROXY_PASS, 0, 0);
	T(wrong == 0 && took < 10000,
	    "R-99 a server that is mute: not opened, %lld ms at most: %s",
	    (long long)took, err.text);
}

/* A program's own connection by TLS. */
static void
lent(const char *ca)
{
	const unsigned int tcp = MYSQL_PROTOCOL_TCP;
	struct sstate_error err = { 0, 0, "" };
	MYSQL *my = mysql_init(NULL);
	struct sstate_store *s;

	(void)mysql_options(my, MYSQL_OPT_PROTOCOL, &tcp);
	(void)mysql_options(my, MYSQL_OPT_SSL_CA, ca);
	NEED(mysql_real_connect(my, "localhost", "shop", "", "sessions",
		 (unsigned)port, NULL, 0) != NULL &&
		mysql_get_ssl_cipher(my) != NULL,
	    "a connection of the program's, by TLS");
	s = drv_store(d, "mysql:?timeout_ms=300", "app", my, &err);
	NEED(s != NULL && create(s, 30, &err) == 0, "a store over it: %s",
	    err.text);
	T(strcmp(mkit_ask(my, "SELECT 7"), "7") == 0,
	    "the program may use it between two calls");
	server_pause(&k.s);
	T(create(s, 32, &err) != 0, "I7 no answer in time: %s", err.text);
	server_resume(&k.s);
	sstate_store_close(s);
	mysql_close(my);
}

/* What is cut or stands still within TLS. */
static void
broken(const char *ca)
{
	char through[400], brief[430];
	struct proxy p;
	struct cut c = { .driver = d,
		.uri = through,
		.brief = brief,
		.p = &p,
		.warm = 1 };
	unsigned long long n;
	struct sstate_error err;
	unsigned wrong = 0;
	int way, r;

	NEED(proxy_start(&p, NULL, NULL, port) == 0, "a proxy");
	(void)snprintf(through, sizeof(through),
	    "mysql://shop@localhost:%d/sessions?sync=off&ca=%s", p.port, ca);
	(void)snprintf(brief, sizeof(brief), "%s&timeout_ms=700", through);
	c.direct = k.uri;
	cut_begin(&c);
	for (way = PROXY_UP; way <= PROXY_DOWN; way++)
		for (n = 0; n < 12; n += 5) {
			NEED(cut_warm(&c, CUT_CREATE, &err) == 0, "a use: %s",
			    err.text);
			proxy_set(&p, PROXY_CUT, way, n);
			r = cut_do(&c, CUT_CREATE, &err);
			wrong += r != SSTATE_ESTORE ||
			    cut_stands(&c) != (way == PROXY_DOWN);
		}
	T(wrong == 0, "I7 cut within TLS: the truth, and no signal");
	large(&c);
	cut_held(&c);
	cut_end(&c);
	mute(ca, &p);
	proxy_end(&p);
}

int
main(void)
{
	char ca[120], other[120], program[PATH_MAX], listen[32];
	struct sstate_error err;
	struct sstate_store *s;

	if (server_find(program, sizeof(program), "openssl") != 0) {
		tap_skip("openssl is not installed");
		return tap_done();
	}
	port = server_port();
	(void)snprintf(listen, sizeof(listen), "--port=%d", port);
	mkit_start(&k, "--innodb-flush-log-at-trx-commit=0",
	    "--bind-address=127.0.0.1", listen, NULL);
	NEED(certify(&k.s, "good", "localhost") == 0 &&
		certify(&k.s, "other", "localhost") == 0,
	    "certificates");
	(void)snprintf(ca, sizeof(ca), "%s/good.ca", k.s.dir);
	(void)snprintf(other, sizeof(other), "%s/other.ca", k.s.dir);
	/* It has no TLS yet. */
	s = opened("localhost", port, ca, &err);
	T(s == NULL && err.code == SSTATE_EBUSY,
	    "R-81 a server without TLS: %s", err.text);
	server_stop(&k.s, SIGTERM);
	mkit_arg(&k, "--ssl-cert=../good.crt");
	mkit_arg(&k, "--ssl-key=../good.key");
	NEED(mkit_again(&k) == 0, "mariadbd with TLS on port %d", port);
	checked(ca, other);
	forked(ca);
	lent(ca);
	broken(ca);
	mkit_end(&k);
	return tap_done();
}
