/*
 * redis_link.c - one connection to a redis server
 *
 * hiredis connects and parses; what is written is written here, so that it
 * is known whether all of it was (a server runs no half of a command), and a
 * connection that broke raises no SIGPIPE.
 *
 * Invariant: a connection that did not answer in full, or in time, is closed:
 * no later command ever takes an earlier one's answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "driver.h"
#include "redis.h"

/* ---- Commands --------------------------------------------------------- */

static int
room(struct rds_cmd *cmd, size_t n)
{
	size_t max = cmd->max < 512 ? 512 : cmd->max;
	char *p;

	if (cmd->bad)
		return 0;
	if (n <= cmd->max - cmd->len)
		return 1;
	while (max - cmd->len < n)
		max *= 2; /* n is 16 MiB and a little at most */
	if ((p = realloc(cmd->p, max)) == NULL) {
		cmd->bad = 1;
		return 0;
	}
	cmd->p = p;
	cmd->max = max;
	return 1;
}

/* '*' or '$', a number, CR LF. */
static void
count(struct rds_cmd *cmd, char kind, size_t n)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = '\n';
	*--p = '\r';
	do {
		*--p = (char)('0' + n % 10);
	} while ((n /= 10) > 0);
	*--p = kind;
	n = (size_t)(digits + sizeof(digits) - p);
	if (room(cmd, n)) {
		memcpy(cmd->p + cmd->len, p, n);
		cmd->len += n;
	}
}

void
rds_begin(struct rds_cmd *cmd, int nwords)
{
	count(cmd, '*', (size_t)nwords);
}

void
rds_put(struct rds_cmd *cmd, const struct rds_word *w)
{
	char *p;

	count(cmd, '$', w->n + w->nmore);
	if (!room(cmd, w->n + w->nmore + 2))
		return;
	p = cmd->p + cmd->len;
	memcpy(p, w->p, w->n);
	if (w->nmore > 0)
		memcpy(p + w->n, w->more, w->nmore);
	memcpy(p + w->n + w->nmore, "\r\n", 2);
	cmd->len += w->n + w->nmore + 2;
}

void
rds_str(struct rds_cmd *cmd, const char *s)
{
	const struct rds_word w = { s, strlen(s), NULL, 0 };

	rds_put(cmd, &w);
}

/* ---- Replies ---------------------------------------------------------- */

int
rds_is(const redisReply *re, const char *word)
{
	size_t n = strlen(word);

	return re->type == REDIS_REPLY_ERROR && re->len >= n &&
	    memcmp(re->str, word, n) == 0 &&
	    (re->len == n || re->str[n] == ' ');
}

int
rds_refused(const struct rds_conf *c, const char *op, const redisReply *re,
    struct sstate_error *err)
{
	/* EBUSY: it is certain that nothing was written. */
	static const struct {
		const char *word;
		int code;
		const char *text;
	} says[] = {
		{ "OOM", SSTATE_EBUSY,
		    "the server's memory is full (maxmemory), not written" },
		{ "READONLY", SSTATE_EBUSY,
		    "the server is a replica, not written" },
		{ "LOADING", SSTATE_EBUSY, "the server is loading its data" },
		{ "BUSY", SSTATE_EBUSY, "a script keeps the server busy" },
		{ "MISCONF", SSTATE_EBUSY,
		    "the server cannot save to its disk, not written" },
		{ "NOREPLICAS", SSTATE_EBUSY,
		    "the server has too few replicas, not written" },
		{ "MASTERDOWN", SSTATE_EBUSY,
		    "the server is a replica that lost its master" },
		{ "CLUSTERDOWN", SSTATE_EBUSY,
		    "the cluster is down, or this part of it" },
		{ "TRYAGAIN", SSTATE_EBUSY, "the cluster moves these keys" },
		{ "NOAUTH", SSTATE_ESTORE, "the server asks for a password" },
		{ "WRONGPASS", SSTATE_ESTORE, "wrong user or password" },
		{ "NOPERM", SSTATE_ESTORE,
		    "the server's ACL does not permit that to this user" },
		{ "DENIED", SSTATE_ESTORE,
		    "the server is in protected mode and denies others" },
		{ "WRONGTYPE", SSTATE_ESTORE,
		    "something else is stored under a key of ours" },
	};
	size_t i, n = 0;

	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (rds_is(re, says[i].word))
			return sstate_fail(err, says[i].code, 0, "%s: %s: %s",
			    c->scheme, op, says[i].text);
	while (n < re->len && n < 24 && re->str[n] >= 'A' && re->str[n] <= 'Z')
		n++;
	return sstate_fail(err, SSTATE_ESTORE, 0,
	    "%s: %s: the server says %.*s", c->scheme, op, n > 0 ? (int)n : 7,
	    n > 0 ? re->str : "an error");
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
rds_link_recv(redisReply **out, struct rds_link *l, int timeout_ms)
{
	int64_t until = now_ms() + timeout_ms;
	void *reply;
	ssize_t n;

	*out = NULL;
	for (;;) {
		if (redisReaderGetReply(l->c->reader, &reply) != REDIS_OK) {
			errno = EPROTO;
			return -1;
		}
		if (reply != NULL) {
			*out = reply;
			return 0;
		}
		/* Each read has the socket's own time-out besides. */
		n = recv(l->c->fd, l->in, sizeof(l->in), 0);
		if (n == 0)
			errno = ECONNRESET;
		else if (n < 0 && errno == EAGAIN)
			errno = ETIMEDOUT;
		if (n == 0 || (n < 0 && errno != EINTR))
			return -1;
		if (n > 0 &&
		    redisReaderFeed(l->c->reader, l->in, (size_t)n) !=
			REDIS_OK) {
			errno = ENOMEM;
			return -1;
		}
		if (n < (ssize_t)sizeof(l->in) && now_ms() > until) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

int
rds_link_send(struct rds_link *l, const struct rds_cmd *cmd)
{
	const char *p = cmd->p, *end = cmd->p + cmd->len;
	ssize_t n;

	while (p < end) {
		n = send(l->c->fd, p, (size_t)(end - p), MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno == EAGAIN)
				errno = ETIMEDOUT;
			return -1;
		}
		p += n;
	}
	return 0;
}

int
rds_link_idle(struct rds_link *l)
{
	char b;

	if (l->c->reader->len > l->c->reader->pos)
		return 0;
	return recv(l->c->fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno == EAGAIN;
}

/* ---- Up and down ------------------------------------------------------ */

void
rds_link_drop(struct rds_link *l)
{
	/* No QUIT: a child may do this with what it inherited. */
	if (l->c != NULL && !l->fixed)
		redisFree(l->c);
	l->c = NULL;
}

static int
connected(struct rds_link *l, const struct rds_conf *c, const char *op,
    struct sstate_error *err)
{
	struct timeval tv;
	int e;

	tv.tv_sec = c->timeout_ms / 1000;
	tv.tv_usec = c->timeout_ms % 1000 * 1000L;
	/* R-81 also for what a sentinel or a cluster names. */
	if (l->addr.port != 0 && !c->insecure && !driver_is_local(l->addr.host))
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "%s: %s: another host without TLS; insecure=1 permits it",
		    c->scheme, op);
	errno = 0;
	l->c = l->addr.port == 0
	    ? redisConnectUnixWithTimeout(l->addr.host, tv)
	    : redisConnectWithTimeout(l->addr.host, l->addr.port, tv);
	if (l->c == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "%s: %s", c->scheme,
		    op);
	e = errno;
	if (l->c->err == 0 && redisSetTimeout(l->c, tv) == REDIS_OK) {
		l->born++;
		return 0;
	}
	if (l->c->err != REDIS_ERR_IO)
		e = 0;
	rds_link_drop(l);
	return sstate_fail(err, SSTATE_EBUSY, e, "%s: %s: cannot connect",
	    c->scheme, op);
}

/* a store that may forget what it likes logs users out, or in again. */
static int
check_policy(const struct rds_conf *c, const char *op, const redisReply *re,
    struct sstate_error *err)
{
	static const char field[] = "maxmemory_policy:";
	const char *p;

	if (re->type == REDIS_REPLY_ERROR && !rds_is(re, "NOPERM"))
		return rds_refused(c, op, re, err);
	if (re->type == REDIS_REPLY_STRING &&
	    (p = strstr(re->str, field)) != NULL) {
		p += sizeof(field) - 1;
		if (strncmp(p, "noeviction\r", 11) == 0)
			return 0;
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "%s: %s: maxmemory-policy is not noeviction; "
		    "allow_eviction=1 permits it",
		    c->scheme, op);
	}
	return sstate_fail(err, SSTATE_EUNSAFE, 0,
	    "%s: %s: maxmemory-policy is not told (INFO memory); "
	    "allow_eviction=1 does without",
	    c->scheme, op);
}

static int
check_role(const struct rds_conf *c, const char *op, const redisReply *re,
    struct sstate_error *err)
{
	if (re->type == REDIS_REPLY_ARRAY && re->elements > 0 &&
	    re->element[0]->type == REDIS_REPLY_STRING &&
	    strcmp(re->element[0]->str, "master") == 0)
		return 0;
	if (re->type == REDIS_REPLY_ERROR)
		return rds_refused(c, op, re, err);
	return sstate_fail(err, SSTATE_EBUSY, 0,
	    "%s: %s: the sentinels' master is none", c->scheme, op);
}

static int
check_ok(const struct rds_conf *c, const char *op, const redisReply *re,
    struct sstate_error *err)
{
	return re->type == REDIS_REPLY_ERROR ? rds_refused(c, op, re, err) : 0;
}

typedef int check_fn(const struct rds_conf *c, const char *op,
    const redisReply *re, struct sstate_error *err);

/* What is said first, all in one go; the checks of the answers, in order. */
static size_t
greeting(struct rds_cmd *cmd, check_fn **check, const struct rds_conf *c,
    const struct rds_link *l, int how)
{
	char db[16];
	size_t n = 0;

	if (how == RDS_HELLO_SENTINEL)
		return 0;
	if (c->password != NULL) {
		rds_begin(cmd, c->user != NULL ? 3 : 2);
		rds_str(cmd, "AUTH");
		if (c->user != NULL)
			rds_str(cmd, c->user);
		rds_str(cmd, c->password);
		check[n++] = check_ok;
	}
	if (c->db != 0) {
		(void)snprintf(db, sizeof(db), "%d", c->db);
		rds_begin(cmd, 2);
		rds_str(cmd, "SELECT");
		rds_str(cmd, db);
		check[n++] = check_ok;
	}
	if (c->mode == RDS_SENTINEL && !l->fixed) {
		rds_begin(cmd, 1);
		rds_str(cmd, "ROLE");
		check[n++] = check_role;
	}
	if (!c->evicts) {
		rds_begin(cmd, 2);
		rds_str(cmd, "INFO");
		rds_str(cmd, "memory");
		check[n++] = check_policy;
	}
	return n;
}

static int
greeted(struct rds_link *l, const struct rds_conf *c, const char *op, int how,
    struct sstate_error *err)
{
	struct rds_cmd cmd = { NULL, 0, 0, 0 };
	check_fn *check[4];
	redisReply *re;
	size_t i, n = greeting(&cmd, check, c, l, how);
	int r = 0;

	if (cmd.bad)
		r = sstate_fail(err, SSTATE_ENOMEM, 0, "%s: %s", c->scheme, op);
	else if (n > 0 && rds_link_send(l, &cmd) != 0)
		r = sstate_fail(err, SSTATE_EBUSY, errno,
		    "%s: %s: cannot connect", c->scheme, op);
	for (i = 0; i < n && r == 0; i++) {
		if (rds_link_recv(&re, l, c->timeout_ms) != 0) {
			r = sstate_fail(err, SSTATE_EBUSY, errno,
			    "%s: %s: no greeting", c->scheme, op);
			break;
		}
		r = check[i](c, op, re, err);
		freeReplyObject(re);
	}
	if (cmd.p != NULL)
		explicit_bzero(cmd.p, cmd.max); /* the password */
	free(cmd.p);
	return r;
}

int
rds_link_greet(struct rds_link *l, const struct rds *r, const char *op,
    struct sstate_error *err)
{
	return greeted(l, &r->conf, op, 0, err);
}

int
rds_link_up(struct rds_link *l, const struct rds *r, const char *op, int how,
    struct sstate_error *err)
{
	int rc;

	if (l->c != NULL)
		return 0;
	if (l->fixed)
		return sstate_fail(err, SSTATE_EBUSY, 0,
		    "%s: %s: the program's own connection is lost",
		    r->conf.scheme, op);
	if ((rc = connected(l, &r->conf, op, err)) != 0)
		return rc;
	if ((rc = greeted(l, &r->conf, op, how, err)) != 0)
		rds_link_drop(l);
	return rc;
}
