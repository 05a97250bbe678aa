/* process_test.c - real CGI processes: environ, pipes, one request each */
#include "shot.h"

#include <signal.h>
#include <sys/wait.h>

/* What the child is: a CGI program that shows what it got. */
static int
child(int argc, char **argv)
{
	struct sstate *env = shot_env(0);
	struct sstate_cgi *cgi;
	struct sstate_req *req;
	struct sstate_error err;
	unsigned n = 0;
	int r;

	if (sstate_cgi_open(&cgi, env, NULL, &err) != 0)
		return 10;
	if (argc > 2 && strcmp(argv[2], "stop") == 0)
		sstate_cgi_stop(cgi);
	while ((r = sstate_cgi_accept(&req, cgi, &err)) == 0) {
		n++;
		shot_echo(req, NULL);
		(void)sstate_req_end(req);
	}
	sstate_cgi_close(cgi);
	sstate_close(env);
	return r == SSTATE_DONE ? (int)n : 11;
}

struct run {
	int in, out, code;
	pid_t pid;
	char text[8192];
};

static void
start(struct run *r, const char *const *vars, const char *how)
{
	char self[] = "/proc/self/exe", name[] = "process_test", as[] = "child";
	char *argv[] = { name, as, NULL, NULL };
	int in[2], out[2];

	memset(r, 0, sizeof(*r));
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		abort();
	argv[2] = how != NULL ? strdup(how) : NULL;
	if ((r->pid = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execve(self, argv, (char *const *)(uintptr_t)vars);
		_exit(12);
	}
	free(argv[2]);
	(void)close(in[0]);
	(void)close(out[1]);
	r->in = in[1];
	r->out = out[0];
}

static void
finish(struct run *r)
{
	size_t n = 0;
	ssize_t have;
	int status = 0;

	if (r->in >= 0)
		(void)close(r->in);
	while (n + 1 < sizeof(r->text) &&
	    (have = read(r->out, r->text + n, sizeof(r->text) - 1 - n)) > 0)
		n += (size_t)have;
	(void)close(r->out);
	(void)waitpid(r->pid, &status, 0);
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static const char *
page(const struct run *r)
{
	const char *gap = strstr(r->text, "\r\n\r\n");

	return gap != NULL ? gap + 4 : "";
}

static void
plain(void)
{
	static const char *const get[] = { "REQUEST_METHOD=GET",
		"QUERY_STRING=a=1&b=2", "HTTP_PROXY=evil", NULL };
	struct run r;

	start(&r, get, NULL);
	finish(&r);
	T(r.code == 1 && strncmp(r.text, "Status: 200 OK\r\n", 16) == 0 &&
		strcmp(page(&r), "a=1|b=2|#a=1|b=2|##") == 0,
	    "a CGI process answers one request, then DONE");
	start(&r, get, "stop");
	finish(&r);
	T(r.code == 0 && r.text[0] == '\0', "a stopped one answers none");
}

/* The same body in pieces of every size, over a real pipe. */
static void
pieces(void)
{
	static const char body[] =
	    "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--Xy"
	    "\r\n--X\r\nContent-Disposition: form-data; name=f; filename=n\r\n"
	    "\r\n\r\r\n--\r\n--X--\r\n";
	static const size_t sizes[] = { 1, 2, 3, 7, 64, 4096 };
	char first[8192] = "", length[40];
	const char *const vars[] = { "REQUEST_METHOD=POST",
		"CONTENT_TYPE=multipart/form-data; boundary=X", length, NULL };
	size_t i, k, some, n = sizeof(body) - 1;
	struct run r;

	(void)snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu", n);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		start(&r, vars, NULL);
		for (k = 0; k < n; k += some) {
			some = n - k < sizes[i] ? n - k : sizes[i];
			shot_write(r.in, body + k, some);
		}
		finish(&r);
		if (i == 0)
			(void)snprintf(first, sizeof(first), "%s", page(&r));
		T(r.code == 1 && strcmp(page(&r), first) == 0 &&
			strcmp(first,
			    "a=\\0d\\0a--Xy|##n(text/plain)"
			    "\\0d\\0d\\0a--|#") == 0,
		    "M2 in pieces of %zu: the same", sizes[i]);
	}
}

static void
ends(void)
{
	static const char *const vars[] = { "REQUEST_METHOD=POST", FORM_TYPE,
		"CONTENT_LENGTH=10", NULL };
	struct run r;

	start(&r, vars, NULL);
	shot_write(r.in, "a=1", 3);
	finish(&r);
	T(r.code == 0 && strncmp(r.text, "Status: 400 ", 12) == 0,
	    "E2 the client went away in the body: 400, no request");
	start(&r, vars, NULL);
	shot_write(r.in, "a=23456789b=2", 13);
	/* The pipe stays open: nobody waits for its end. */
	{
		int in = r.in;

		r.in = -1;
		finish(&r);
		(void)close(in);
	}
	T(r.code == 1 && strncmp(page(&r), "a=23456789|", 11) == 0,
	    "E2 the length ends the body, not the end of input");
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return child(argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	plain();
	pieces();
	ends();
	return tap_done();
}
