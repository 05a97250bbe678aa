/*
 * statsd.c - what each store operation took, as lines for a statsd
 *
 * usage: statsd HOST PORT [URI...]
 *
 *	securestate.file.get.hit:1|c		one more, by outcome
 *	securestate.file.get.time:0.041|ms	how long
 *	securestate.file.get.bytes:1224|c	of sealed records
 *
 * statsd_metric() is the hook to copy.  One datagram an operation, sent
 * without waiting and lost without a word: no request is slower or fails
 * for it.  Nothing in it comes from a client.  The program below makes,
 * reads, changes and ends one session, for something to see.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <securestate.h>

struct statsd {
	int fd; /* -1: nothing is sent */
};

static void
statsd_open(struct statsd *s, const char *host, const char *port)
{
	struct addrinfo hint, *all = NULL, *a;

	s->fd = -1;
	memset(&hint, 0, sizeof(hint));
	hint.ai_socktype = SOCK_DGRAM;
	if (getaddrinfo(host, port, &hint, &all) != 0)
		return;
	for (a = all; a != NULL && s->fd < 0; a = a->ai_next) {
		s->fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
		if (s->fd >= 0 && connect(s->fd, a->ai_addr, a->ai_addrlen)) {
			(void)close(s->fd);
			s->fd = -1;
		}
	}
	freeaddrinfo(all);
}

static const char *
outcome(int code)
{
	switch (code) {
	case 0:
		return "hit";
	case SSTATE_ENOTFOUND:
		return "miss";
	case SSTATE_ECONFLICT:
	case SSTATE_EEXIST:
		return "conflict";
	case SSTATE_EBUSY:
		return "busy";
	default:
		return "error";
	}
}

/* opts.metric, from any thread: a datagram is one system call. */
static void
statsd_metric(void *arg, const struct sstate_metric *m)
{
	const struct statsd *s = arg;
	char name[80], line[400];
	int n;

	if (s->fd < 0)
		return;
	(void)snprintf(name, sizeof(name), "securestate.%.16s.%.16s", m->store,
	    m->operation);
	n = snprintf(line, sizeof(line),
	    "%s.%s:1|c\n%s.time:%llu.%03u|ms\n%s.bytes:%lu|c", name,
	    outcome(m->code), name,
	    (unsigned long long)(m->microseconds / 1000),
	    (unsigned)(m->microseconds % 1000), name, (unsigned long)m->bytes);
	if (n > 0 && (size_t)n < sizeof(line))
		(void)send(s->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One request: with the token of the one before, or "" for the first. */
static int
visit(struct sstate *env, char token[64], int last)
{
	struct sstate_web web = SSTATE_WEB_INIT;
	struct sstate_session *s;
	const char *t;
	int r;

	web.token.ptr = token;
	web.token.len = strlen(token);
	if ((r = sstate_begin(&s, env, NULL, &web, NULL)) != 0)
		return r;
	(void)sstate_incr(NULL, s, "visits", 1);
	r = last ? sstate_logout(s) : sstate_commit(s);
	t = sstate_token(s);
	(void)snprintf(token, 64, "%s", t != NULL ? t : "");
	sstate_free(s);
	return r;
}

int
main(int argc, char **argv)
{
	static const char *const memory[] = { "memory:", NULL };
	struct sstate_options opts = SSTATE_OPTIONS_INIT;
	struct sstate_error err;
	struct statsd statsd;
	struct sstate *env;
	char token[64] = "";
	int r, n;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: statsd HOST PORT [URI...]\n");
		return 2;
	}
	statsd_open(&statsd, argv[1], argv[2]);
	opts.flags = SSTATE_CARRY_OWN;
	opts.stores =
	    argc > 3 ? (const char *const *)(void *)(argv + 3) : memory;
	opts.arg = &statsd;
	opts.metric = statsd_metric;
	if (sstate_open(&env, &opts, &err) != 0) {
		(void)fprintf(stderr, "statsd: %s\n", err.text);
		return 1;
	}
	for (n = 0, r = 0; n < 4 && r == 0; n++)
		r = visit(env, token, n == 3);
	sstate_close(env);
	if (statsd.fd >= 0)
		(void)close(statsd.fd);
	if (r != 0)
		(void)fprintf(stderr, "statsd: %s\n", sstate_strerror(r));
	return r != 0;
}
