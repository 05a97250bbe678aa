/*
 * microhttpd.c - log-in, count and log-out inside another server: libmicrohttpd
 *
 * usage: microhttpd [PORT]	on 127.0.0.1; 0: any free one; until Ctrl-C
 *
 * securestate does no I/O for the client here: what was sent goes in by
 * struct sstate_web, headers come out by a callback.  The server's threads
 * share the environment; a session lives within one call of handle(), and
 * its commit comes before the answer, so none promises what is not stored.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>
#include <securestate.h>

#define THREADS 4
#define SECONDS 30 /* for a client that says nothing */

/* From the request line to the end of the answer. */
struct request {
	char *query; /* or NULL */
	int begun;
	int too_big;
	size_t len;
	char body[4096]; /* a form of ours is far smaller */
};

/* ---- what the program does ------------------------------------------- */

/* A real program asks its password database here. */
static int
right_password(const char *user, const char *pass)
{
	return user != NULL && pass != NULL &&
	    strcmp(user, "Cottleston") == 0 && strcmp(pass, "Pie") == 0;
}

/* A form was sent to the route; the HTTP status of the answer. */
static int
change(struct sstate_session *s, const char *route)
{
	const char *user = sstate_str(s, SSTATE_SENT, "user");
	const char *pass = sstate_str(s, SSTATE_SENT, "pass");

	/* made by our page, for this route, in this session? */
	if (sstate_check(s, route) != 0)
		return 403;
	if (strcmp(route, "/login") == 0) {
		if (!right_password(user, pass))
			return 403;
		(void)sstate_login(s, user); /* the commit tells failures */
	} else if (sstate_user(s) == NULL)
		return 403;
	else if (strcmp(route, "/count") == 0)
		(void)sstate_incr(NULL, s, "count", 1);
	else if (sstate_logout(s) != 0) /* kept, for the commit */
		return 503;
	return 303;
}

static int
is_there(const char *path, int post)
{
	if (!post)
		return strcmp(path, "/") == 0;
	return strcmp(path, "/login") == 0 || strcmp(path, "/count") == 0 ||
	    strcmp(path, "/logout") == 0;
}

static int
home_page(char *page, size_t size, struct sstate_session *s, int status)
{
	const char *user = sstate_user(s);
	int n;

	n = snprintf(page, size,
	    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	    "<title>Counter</title>\n<h1>Counter</h1>\n%s",
	    status == 403 ? "<p role=\"alert\">That was not right, or too old. "
			    "Please try again.</p>\n"
			  : "");
	if (user == NULL)
		n += snprintf(page + n, size - (size_t)n,
		    "<form method=\"post\" action=\"/login\">\n%s"
		    "<label>User name <input name=\"user\"></label>\n"
		    "<label>Password <input name=\"pass\" type=\"password\">"
		    "</label>\n<button>Log in</button>\n</form>\n"
		    "<p>User name <kbd>Cottleston</kbd>, password "
		    "<kbd>Pie</kbd>.</p>\n",
		    sstate_fields(s, 0, "/login"));
	else
		n += snprintf(page + n, size - (size_t)n,
		    "<p>You are <b id=\"who\">%s</b>. So far: "
		    "<output id=\"sum\">%lld</output></p>\n"
		    "<form method=\"post\" action=\"/count\">\n%s"
		    "<button>Count one more</button>\n</form>\n"
		    "<form method=\"post\" action=\"/logout\">\n%s"
		    "<button>Log out</button>\n</form>\n",
		    sstate_escape(s, SSTATE_FOR_HTML, user),
		    (long long)sstate_int(s, SSTATE_STORED, "count", 0,
			INT64_MAX, 0),
		    sstate_fields(s, 0, "/count"),
		    sstate_fields(s, 0, "/logout"));
	return n >= 0 && (size_t)n < size;
}

/* ---- between the server and the library ------------------------------ */

static const char *
get_header(void *arg, const char *name)
{
	return MHD_lookup_connection_value((struct MHD_Connection *)arg,
	    MHD_HEADER_KIND, name);
}

static int
is_form(const char *type)
{
	static const char form[] = "application/x-www-form-urlencoded";
	size_t n = sizeof(form) - 1;

	return type != NULL && strncasecmp(type, form, n) == 0 &&
	    (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

struct answer {
	struct MHD_Response *to;
	int failed; /* a header is missing: then nothing may leave */
};

static void
add_header(void *arg, const char *name, const char *value)
{
	struct answer *a = arg;

	if (MHD_add_response_header(a->to, name, value) != MHD_YES)
		a->failed = 1;
}

/* The page, with the headers of the session, or NULL before there is one. */
static enum MHD_Result
reply(struct MHD_Connection *c, struct sstate_session *s, int status,
    char *page)
{
	struct answer a = { NULL, 0 };
	enum MHD_Result r = MHD_NO;

	a.to = MHD_create_response_from_buffer(strlen(page), page,
	    MHD_RESPMEM_MUST_COPY);
	if (a.to == NULL)
		return MHD_NO; /* the connection is closed */
	if (s != NULL)
		sstate_headers(s, add_header, &a);
	add_header(&a, "Content-Type", "text/html; charset=utf-8");
	add_header(&a, "Content-Security-Policy",
	    "default-src 'none'; form-action 'self'; base-uri 'none'; "
	    "frame-ancestors 'none'");
	if (status == 303)
		add_header(&a, "Location", "/");
	if (status == 405)
		add_header(&a, "Allow", "GET, HEAD, POST");
	if (!a.failed)
		r = MHD_queue_response(c, (unsigned)status, a.to);
	MHD_destroy_response(a.to);
	return r;
}

static enum MHD_Result
sorry(struct MHD_Connection *c, struct sstate_session *s, int status)
{
	char page[128];

	(void)snprintf(page, sizeof(page),
	    "<!doctype html>\n<title>%d</title>\n<p>Sorry: %d.\n", status,
	    status);
	return reply(c, s, status, page);
}

/* The whole request is here: begin, work, commit, answer, free. */
static enum MHD_Result
whole(struct MHD_Connection *c, struct sstate *env, const char *path,
    const char *method, const struct request *req)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	char page[8192] = "";
	enum MHD_Result sent;
	int r, status;

	web.method = method;
	web.path = "/"; /* all routes are one program */
	web.header = get_header;
	web.arg = c;
	web.query = req->query;
	web.form.ptr = req->body;
	web.form.len = req->len;
	if ((r = sstate_begin(&s, env, NULL, &web, NULL)) != 0)
		return sorry(c, NULL, sstate_status(r));
	status = strcmp(method, "POST") == 0 ? change(s, path) : 200;
	if (status != 303 && !home_page(page, sizeof(page), s, status))
		r = SSTATE_ETOOBIG;
	if (r == 0)
		r = sstate_commit(s); /* after the last form */
	sent =
	    r == 0 ? reply(c, s, status, page) : sorry(c, s, sstate_status(r));
	sstate_free(s);
	return sent;
}

/* Called once for the headers, for each part of the body, and for its end. */
static enum MHD_Result
handle(void *env, struct MHD_Connection *c, const char *path,
    const char *method, const char *version, const char *data, size_t *size,
    void **state)
{
	struct request *req = *state;

	(void)version;
	if (req == NULL)
		return MHD_NO;
	if (!req->begun) {
		req->begun = 1;
		return MHD_YES;
	}
	if (*size > 0) {
		if (*size > sizeof(req->body) - req->len)
			req->too_big = 1;
		else {
			memcpy(req->body + req->len, data, *size);
			req->len += *size;
		}
		*size = 0;
		return MHD_YES;
	}
	if (req->too_big)
		return sorry(c, NULL, 413);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
	    strcmp(method, "POST") != 0)
		return sorry(c, NULL, 405);
	if (!is_there(path, strcmp(method, "POST") == 0))
		return sorry(c, NULL, 404);
	if (req->len > 0 && !is_form(get_header(c, "Content-Type")))
		return sorry(c, NULL, 415);
	return whole(c, env, path, method, req);
}

/* The query as it was sent: the server itself hands it out decoded only. */
static void *
arrives(void *arg, const char *uri, struct MHD_Connection *c)
{
	const char *query = strchr(uri, '?');
	struct request *req = calloc(1, sizeof(*req));

	(void)arg;
	(void)c;
	if (req != NULL && query != NULL &&
	    (req->query = strdup(query + 1)) == NULL) {
		free(req);
		req = NULL;
	}
	return req;
}

static void
leaves(void *arg, struct MHD_Connection *c, void **state,
    enum MHD_RequestTerminationCode why)
{
	struct request *req = *state;

	(void)arg;
	(void)c;
	(void)why;
	if (req != NULL)
		free(req->query);
	free(req);
	*state = NULL;
}

static void
log_line(void *arg, int level, const struct sstate_error *what)
{
	(void)arg;
	if (level <= SSTATE_LOG_WARN)
		(void)fprintf(stderr, "microhttpd: %s\n", what->text);
}

/* ---- the server ------------------------------------------------------ */

static struct MHD_Daemon *
start(struct sstate *env, uint16_t port)
{
	struct sockaddr_in at;

	memset(&at, 0, sizeof(at));
	at.sin_family = AF_INET;
	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL,
	    handle, env, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_THREAD_POOL_SIZE,
	    (unsigned)THREADS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SECONDS,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
	    arrives, NULL, MHD_OPTION_NOTIFY_COMPLETED, leaves, NULL,
	    MHD_OPTION_END);
}

int
main(int argc, char **argv)
{
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	long port = argc > 1 ? strtol(argv[1], NULL, 10) : 8080;
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *server;
	struct sstate_error err;
	struct sstate *env;
	sigset_t ends;
	int sig;

	/* before there are threads: they inherit it, and this one waits */
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
	opts.log = log_line;
	if (sstate_open(&env, &opts, &err) != 0) {
		(void)fprintf(stderr, "microhttpd: %s\n", err.text);
		return 1;
	}
	if (port < 0 || port > UINT16_MAX ||
	    (server = start(env, (uint16_t)port)) == NULL) {
		(void)fprintf(stderr, "microhttpd: cannot listen\n");
		sstate_close(env);
		return 1;
	}
	info = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT);
	(void)printf("http://127.0.0.1:%u/\n",
	    info != NULL ? (unsigned)info->port : (unsigned)port);
	(void)fflush(stdout);
	(void)sigwait(&ends, &sig);
	MHD_stop_daemon(server); /* joins its threads: no session is left */
	sstate_close(env);
	return 0;
}
