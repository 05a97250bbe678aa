/*
 * load_test.c - a FastCGI program of eight threads under load
 *
 * This program is all three: "load_test serve" is what lighttpd starts; else
 * it starts lighttpd and is its clients.  10^4 requests, 10^6 where
 * SSTATE_TEST_LONG is set: reads, changes, log-ins, log-outs and uploads, on
 * sessions of each client and on one that all share.  Each answer has the
 * count that must be there; at the end nothing is lost, and the program's
 * memory and descriptors are what they were.
 */
#include "../tap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <securestate/cgi.h>

enum { THREADS = 8, CLIENTS = 6, SMALL = 2000, BIG = 100000 };

/* ---- The program ------------------------------------------------------ */

static struct sstate_cgi *cgi;

static void
count_on(struct sstate_session *s, const char *name, int64_t by)
{
	(void)sstate_incr(NULL, s, name, by);
}

/* Pages of memory, descriptors. */
static void
tell_size(struct sstate_req *req)
{
	long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	DIR *d = opendir("/proc/self/fd");
	int fds = 0;

	if (f == NULL || d == NULL ||
	    fscanf(f, "%ld %ld", &total, &resident) != 2)
		abort();
	while (readdir(d) != NULL)
		fds++;
	(void)closedir(d);
	(void)fclose(f);
	sstate_req_html(req, "%ld %d", resident, fds);
}

static void
answer(struct sstate_req *req, const char *what)
{
	const struct sstate_file *f;
	struct sstate_session *s;
	int r;

	if (strcmp(what, "/size") == 0) {
		tell_size(req);
		return;
	}
	if ((r = sstate_req_session(&s, req, NULL, NULL)) != 0) {
		(void)sstate_req_error(req, r);
		return;
	}
	if (strcmp(what, "/write") == 0)
		count_on(s, "n", 1);
	else if (strcmp(what, "/upload") == 0) {
		if ((f = sstate_req_file(req, "f", 0)) != NULL)
			count_on(s, "bytes", (int64_t)f->data.len);
	} else if (strcmp(what, "/login") == 0)
		(void)sstate_login(s, "somebody");
	else if (strcmp(what, "/logout") == 0)
		(void)sstate_logout(s);
	/* So that what others added meanwhile is told, too. */
	if ((r = sstate_commit(s)) != 0) {
		(void)sstate_req_error(req, r);
		return;
	}
	sstate_req_html(req, "%lld %lld %d",
	    (long long)sstate_int(s, SSTATE_STORED, "n", 0, INT64_MAX, 0),
	    (long long)sstate_int(s, SSTATE_STORED, "bytes", 0, INT64_MAX, 0),
	    sstate_user(s) != NULL);
}

static void *
serve_some(void *arg)
{
	struct sstate_req *req;
	const char *path;

	(void)arg;
	while (sstate_cgi_accept(&req, cgi, NULL) == 0) {
		path = sstate_req_var(req, "PATH_INFO");
		answer(req, path != NULL ? path : "");
		(void)sstate_req_end(req);
	}
	return NULL;
}

static void
log_it(void *arg, int level, const struct sstate_error *what)
{
	(void)arg;
	(void)fprintf(stderr, "load: %d: %s\n", level, what->text);
}

static void
on_term(int sig)
{
	(void)sig;
	sstate_cgi_stop(cgi);
}

static int
serve(void)
{
	struct sstate_options o = SSTATE_OPTIONS_INIT;
	struct sigaction act = { .sa_handler = on_term };
	pthread_t t[THREADS];
	struct sstate *env;
	int i;

	o.log = log_it;
	o.rotate = -1; /* the clients share a token */
	if (sstate_open(&env, &o, NULL) != 0 ||
	    sstate_cgi_open(&cgi, env, NULL, NULL) != 0)
		return 1;
	(void)sigaction(SIGTERM, &act, NULL);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, serve_some, NULL) != 0)
			abort();
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
	sstate_cgi_close(cgi);
	sstate_close(env);
	return 0;
}

/* ---- A client --------------------------------------------------------- */

struct http {
	int port, fd;
	char head[8192], body[4096];
	int status;
	size_t n; /* of the body */
};

static int
dial(int port)
{
	struct timeval tv = { 60, 0 };
	struct sockaddr_in in;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_port = htons((uint16_t)port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0) {
		(void)close(fd);
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int
push(int fd, const char *p, size_t n)
{
	ssize_t have;

	for (; n > 0; p += have, n -= (size_t)have)
		if ((have = send(fd, p, n, MSG_NOSIGNAL)) <= 0)
			return 0;
	return 1;
}

/* The head, up to and with its empty line; then the body. */
static int
take(struct http *h)
{
	const char *at;
	size_t n = 0, want;
	ssize_t have;
	char *gap;

	do {
		if (n == sizeof(h->head) - 1 ||
		    (have = recv(h->fd, h->head + n, sizeof(h->head) - 1 - n,
			 0)) <= 0)
			return 0;
		n += (size_t)have;
		h->head[n] = '\0';
	} while ((gap = strstr(h->head, "\r\n\r\n")) == NULL);
	if (sscanf(h->head, "HTTP/1.1 %d", &h->status) != 1 ||
	    (at = strcasestr(h->head, "\r\nContent-Length: ")) == NULL)
		return 0;
	want = (size_t)strtoul(at + 18, NULL, 10);
	if (want >= sizeof(h->body))
		return 0;
	n -= (size_t)(gap + 4 - h->head);
	memcpy(h->body, gap + 4, n);
	gap[2] = '\0';
	for (; n < want; n += (size_t)have)
		if ((have = recv(h->fd, h->body + n, want - n, 0)) <= 0)
			return 0;
	h->body[n] = '\0';
	return n == want;
}

/* One request; body NULL: a GET.  A kept connection may just have ended. */
static int
ask(struct http *h, const char *path, const char *cookie, const char *type,
    const char *body, size_t n)
{
	char head[1024];
	int tries, len;

	len = snprintf(head, sizeof(head),
	    "%s /app%s HTTP/1.1\r\nHost: localhost\r\n%s%s%s"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
	    body != NULL ? "POST" : "GET", path,
	    *cookie != '\0' ? "Cookie: __Host-sstate=" : "", cookie,
	    *cookie != '\0' ? "\r\n" : "", type, n);
	for (tries = 0; tries < 2; tries++) {
		if (h->fd < 0 && (h->fd = dial(h->port)) < 0)
			return 0;
		if (push(h->fd, head, (size_t)len) && push(h->fd, body, n) &&
		    take(h)) {
			if (strcasestr(h->head, "\r\nConnection: close")) {
				(void)close(h->fd);
				h->fd = -1;
			}
			return 1;
		}
		(void)close(h->fd);
		h->fd = -1;
		/* What changes something is not sent twice. */
		if (body != NULL)
			return 0;
	}
	return 0;
}

static void
new_cookie(const struct http *h, char cookie[128])
{
	const char *at = strstr(h->head, "__Host-sstate=");

	if (at != NULL && strcasestr(h->head, "\r\nSet-Cookie: ") != NULL)
		(void)snprintf(cookie, 128, "%.*s",
		    (int)strcspn(at + 14, ";\r"), at + 14);
}

struct client {
	pthread_t t;
	struct http http;
	unsigned rounds, who;
	const char *shared; /* the session of all */
	atomic_uint *shared_writes, *uploads;

	char cookie[128];
	long long n, bytes; /* what must be there */
	int user;
	unsigned bad, lost, kinds[5];
	char why[200];
};

static void
complain(struct client *c, const char *what)
{
	if (c->bad++ == 0)
		(void)snprintf(c->why, sizeof(c->why), "%s: %d %.100s", what,
		    c->http.status, c->http.body);
}

/* Of our own session, and the answer must have all that we know of. */
static void
own(struct client *c, const char *what, const char *type, const char *body,
    size_t n)
{
	long long is_n = -1, is_bytes = -1;
	int user = -1;

	if (!ask(&c->http, what, c->cookie, type, body, n) ||
	    c->http.status != 200 ||
	    sscanf(c->http.body, "%lld %lld %d", &is_n, &is_bytes, &user) !=
		3) {
		complain(c, what);
		return;
	}
	if (is_n != c->n || is_bytes != c->bytes || user != c->user) {
		c->lost++;
		complain(c, what);
	}
	new_cookie(&c->http, c->cookie);
}

static void
upload(struct client *c, size_t n)
{
	static const char head[] = "--X\r\nContent-Disposition: form-data; "
				   "name=f; filename=x\r\n\r\n",
			  tail[] = "\r\n--X--\r\n";
	static _Thread_local char body[BIG + 200];
	size_t at = sizeof(head) - 1;

	memcpy(body, head, at);
	memset(body + at, 'a' + (int)(n % 26), n);
	memcpy(body + at + n, tail, sizeof(tail) - 1);
	c->bytes += (long long)n;
	own(c, "/upload", "multipart/form-data; boundary=X", body,
	    at + n + sizeof(tail) - 1);
	(void)atomic_fetch_add(c->uploads, 1);
}

static void
one(struct client *c, unsigned i)
{
	unsigned kind = (i * 7 + c->who) % 20;
	static const char form[] = "application/x-www-form-urlencoded";

	if (kind < 6) {
		c->n++;
		own(c, "/write", form, "", 0);
	} else if (kind < 8) {
		if (!ask(&c->http, "/write", c->shared, form, "", 0) ||
		    c->http.status != 200)
			complain(c, "shared");
		(void)atomic_fetch_add(c->shared_writes, 1);
		c->kinds[1]++;
	} else if (kind == 8) {
		upload(c, i % 20 == 0 ? BIG : SMALL);
		c->kinds[2]++;
	} else if (kind == 9) {
		c->user = 1;
		own(c, "/login", form, "", 0);
		c->kinds[3]++;
	} else if (kind == 10 && i % 3 == 0) {
		c->user = 0;
		c->n = c->bytes = 0;
		own(c, "/logout", form, "", 0);
		c->kinds[4]++;
	} else {
		own(c, "/read", "text/plain", NULL, 0);
		c->kinds[0]++;
	}
}

static void *
run(void *arg)
{
	struct client *c = arg;
	unsigned i;

	for (i = 0; i < c->rounds; i++)
		one(c, i);
	return NULL;
}

/* ---- lighttpd --------------------------------------------------------- */

static char dir[200];
static pid_t lighttpd;

static void
become_ordinary(void)
{
	const struct passwd *pw;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (geteuid() == 0 &&
	    ((pw = getpwnam("nobody")) == NULL || setgroups(0, NULL) != 0 ||
		setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0))
		_exit(126);
	/* setuid() takes it back. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static int
free_port(void)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&in, 0, sizeof(in));
	in.sin_family = AF_INET;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		abort();
	(void)close(fd);
	return ntohs(in.sin_port);
}

static void
configure(int port)
{
	char path[260];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/conf", dir);
	if ((f = fopen(path, "we")) == NULL)
		abort();
	(void)fprintf(f,
	    "server.bind = \"127.0.0.1\"\nserver.port = %d\n"
	    "server.document-root = \"%s\"\n"
	    "server.upload-dirs = ( \"%s\" )\n"
	    "server.errorlog = \"%s/error\"\n"
	    "server.max-keep-alive-requests = 1000\n"
	    "server.modules = ( \"mod_fastcgi\" )\n"
	    "fastcgi.server = ( \"/app\" => (( \"bin-path\" => "
	    "\"%s/load serve\", \"max-procs\" => 1, \"check-local\" => "
	    "\"disable\", \"socket\" => \"%s/socket\", \"bin-environment\" => "
	    "( \"SECURESTATE_STORES\" => \"file:%s/states?sync=none\", "
	    "\"SECURESTATE_KEYRING\" => \"%s/ring\" ) )) )\n",
	    port, dir, dir, dir, dir, dir, dir, dir);
	if (fclose(f) != 0)
		abort();
}

static int
start(struct http *h)
{
	struct timespec nap = { 0, 50000000 };
	char conf[260];
	int tries, i;

	(void)snprintf(conf, sizeof(conf), "%s/conf", dir);
	for (tries = 0; tries < 3; tries++) {
		h->port = free_port();
		configure(h->port);
		if ((lighttpd = fork()) == 0) {
			become_ordinary();
			(void)execlp("lighttpd", "lighttpd", "-D", "-f", conf,
			    (char *)NULL);
			_exit(127);
		}
		for (i = 0; i < 400; i++) {
			if (ask(h, "/size", "", "text/plain", NULL, 0) &&
			    h->status == 200)
				return 1;
			if (waitpid(lighttpd, NULL, WNOHANG) != 0)
				break;
			(void)nanosleep(&nap, NULL);
		}
	}
	return 0;
}

/* A copy that the ordinary user can run, in a folder of his own. */
static void
prepare(void)
{
	const struct passwd *pw = getpwnam("nobody");
	const char *tmp = getenv("TMPDIR");
	char path[260], cmd[600];

	(void)snprintf(dir, sizeof(dir), "%s/loadXXXXXX",
	    tmp != NULL && strlen(tmp) < 150 ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL)
		abort();
	(void)snprintf(cmd, sizeof(cmd), "cp /proc/%ld/exe '%s/load'",
	    (long)getpid(), dir);
	(void)snprintf(path, sizeof(path), "%s/states", dir);
	if (system(cmd) != 0 || mkdir(path, 0700) != 0)
		abort();
	if (geteuid() == 0 && pw != NULL &&
	    (chown(path, pw->pw_uid, pw->pw_gid) != 0 ||
		chown(dir, pw->pw_uid, pw->pw_gid) != 0))
		abort();
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
leave(void)
{
	if (lighttpd > 0) {
		(void)kill(lighttpd, SIGTERM);
		(void)waitpid(lighttpd, NULL, 0);
	}
	lighttpd = 0;
	(void)nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- All of it -------------------------------------------------------- */

struct size {
	long pages;
	int fds;
};

static void
size_of_program(struct size *s, struct http *h)
{
	s->pages = -1;
	s->fds = -1;
	if (ask(h, "/size", "", "text/plain", NULL, 0))
		(void)sscanf(h->body, "%ld %d", &s->pages, &s->fds);
}

static void
phase(struct client *c, unsigned rounds)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		c[i].rounds = rounds;
		if (pthread_create(&c[i].t, NULL, run, &c[i]) != 0)
			abort();
	}
	for (i = 0; i < CLIENTS; i++)
		(void)pthread_join(c[i].t, NULL);
}

static void
load(struct http *h, unsigned many)
{
	static struct client c[CLIENTS];
	atomic_uint writes = 0, uploads = 0;
	char shared[128] = "";
	struct size before, after;
	unsigned bad = 0, lost = 0;
	long long n = -1;
	int i;

	T(ask(h, "/write", "", "text/plain", "", 0) && h->status == 200,
	    "a session for all");
	new_cookie(h, shared);
	for (i = 0; i < CLIENTS; i++) {
		c[i].http.port = h->port;
		c[i].http.fd = -1;
		c[i].who = (unsigned)i;
		c[i].shared = shared;
		c[i].shared_writes = &writes;
		c[i].uploads = &uploads;
	}
	/* A fifth of it first: until buffers and pools have their size. */
	phase(c, many / CLIENTS / 5);
	size_of_program(&before, h);
	phase(c, many / CLIENTS / 5 * 4);
	size_of_program(&after, h);
	for (i = 0; i < CLIENTS; i++) {
		bad += c[i].bad;
		lost += c[i].lost;
		if (c[i].bad > 0)
			printf("# client %d: %s\n", i, c[i].why);
		if (c[i].http.fd >= 0)
			(void)close(c[i].http.fd);
	}
	T(bad == 0, "%u requests by %d clients to %d threads, no error (%u)",
	    many / CLIENTS / 5 * 5 * CLIENTS, CLIENTS, THREADS, bad);
	T(lost == 0, "R-33 each answer had all that its client had done (%u)",
	    lost);
	if (ask(h, "/read", shared, "text/plain", NULL, 0))
		(void)sscanf(h->body, "%lld", &n);
	T(n == (long long)writes + 1 && writes > 0 && uploads > 0,
	    "R-33 all clients on one session: %u changes, none lost (%lld)",
	    writes, n - 1);
#ifdef SSTATE_REPORTS
	tap_skip("a sanitizer keeps what was freed");
#else
	T(before.pages > 0 && after.pages - before.pages <= 256,
	    "memory is flat: %ld KiB, then %ld KiB", before.pages * 4,
	    after.pages * 4);
#endif
	/* Each thread's context of the store has a few open. */
	T(before.fds > 0 && after.fds <= before.fds + 2 * THREADS,
	    "so are descriptors: %d, then %d", before.fds, after.fds);
}

int
main(int argc, char **argv)
{
	const char *is_long = getenv("SSTATE_TEST_LONG");
	unsigned many = is_long != NULL && *is_long != '\0' ? 1000000 : 10000;
	struct http h;

	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve();
	memset(&h, 0, sizeof(h));
	h.fd = -1;
	(void)setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
	if (system("command -v lighttpd >/dev/null") != 0) {
		printf("1..0 # SKIP no lighttpd: scripts/deps check\n");
		return 0;
	}
	prepare();
	(void)atexit(leave);
	if (T(start(&h), "lighttpd starts the program"))
		load(&h, many);
	if (h.fd >= 0)
		(void)close(h.fd);
	return tap_done();
}
