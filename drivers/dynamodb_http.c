/*
 * dynamodb_http.c - one request to a DynamoDB, by libcurl, which signs it
 *
 * Invariant: a write leaves once.  libcurl sends a request anew if a kept
 * connection dies before an answer; the second time it asks, and a write is
 * denied.  What has not left is SSTATE_EBUSY, what has and was not answered
 * SSTATE_ESTORE.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dynamodb.h"

enum {
	ANSWER_BYTES = 32 << 20, /* more than any answer has */
	KEPT = 64 << 10,
};

/* ---- What libcurl calls ----------------------------------------------- */

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct ddb *d = arg;
	int i, fd;

	(void)purpose;
	for (i = 0; i < DDB_SOCKETS && d->fd[i] >= 0; i++)
		;
	if (i == DDB_SOCKETS)
		return CURL_SOCKET_BAD;
	fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	return d->fd[i] = fd;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	struct ddb *d = arg;
	int i;

	for (i = 0; i < DDB_SOCKETS; i++)
		if (d->fd[i] == fd)
			d->fd[i] = -1;
	return close(fd);
}

/* Connected, and about to send. */
static int
on_send(void *arg, char *ip, char *local, int port, int local_port)
{
	struct ddb *d = arg;

	(void)ip;
	(void)local;
	(void)port;
	(void)local_port;
	if (d->sent++ > 0 && !d->reads)
		return CURL_PREREQFUNC_ABORT;
	return CURL_PREREQFUNC_OK;
}

static size_t
on_answer(char *p, size_t size, size_t n, void *arg)
{
	struct ddb *d = arg;
	size_t max = d->max < 4096 ? 4096 : d->max;
	char *q;

	n *= size;
	if (n > ANSWER_BYTES || d->len > ANSWER_BYTES - n)
		return 0;
	while (max < d->len + n)
		max *= 2;
	if (max != d->max) {
		if ((q = realloc(d->got, max)) == NULL)
			return 0;
		d->got = q;
		d->max = max;
	}
	memcpy(d->got + d->len, p, n);
	d->len += n;
	return n;
}

/* ---- Up and down ------------------------------------------------------ */

static void
global(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

int
ddb_http_open(struct ddb *d, struct sstate_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CURL *c;
	int i;

	for (i = 0; i < DDB_SOCKETS; i++)
		d->fd[i] = -1;
	(void)pthread_once(&once, global);
	if ((c = d->curl = curl_easy_init()) == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "dynamodb: open");
	if (curl_easy_setopt(c, CURLOPT_URL, d->url) ||
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") ||
	    /* Nobody's environment leads it elsewhere (CVE-2016-5385). */
	    curl_easy_setopt(c, CURLOPT_PROXY, "") ||
	    curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
		(long)CURL_HTTP_VERSION_1_1) ||
	    curl_easy_setopt(c, CURLOPT_AWS_SIGV4, d->sign) ||
	    curl_easy_setopt(c, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2) ||
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) ||
	    curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 1L) ||
	    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)d->timeout_ms) ||
	    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
		(long)d->timeout_ms) ||
	    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open) ||
	    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, d) ||
	    curl_easy_setopt(c, CURLOPT_CLOSESOCKETFUNCTION, on_close) ||
	    curl_easy_setopt(c, CURLOPT_CLOSESOCKETDATA, d) ||
	    curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_send) ||
	    curl_easy_setopt(c, CURLOPT_PREREQDATA, d) ||
	    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer) ||
	    curl_easy_setopt(c, CURLOPT_WRITEDATA, d))
		return sstate_fail(err, SSTATE_ENOTSUP, 0,
		    "dynamodb: open: this libcurl cannot sign");
	return 0;
}

void
ddb_http_close(struct ddb *d)
{
	if (d->curl != NULL)
		curl_easy_cleanup(d->curl);
	d->curl = NULL;
	free(d->got);
	d->got = NULL;
}

/* TLS would say good-bye, in the parent's name: it says so to nobody. */
void
ddb_http_abandon(struct ddb *d)
{
	int i, fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (i = 0; i < DDB_SOCKETS; i++)
		if (d->fd[i] >= 0 && (fd < 0 || dup2(fd, d->fd[i]) < 0))
			(void)close(d->fd[i]);
	if (fd >= 0)
		(void)close(fd);
	ddb_http_close(d);
}

/* ---- One request ------------------------------------------------------ */

static struct curl_slist *
headers(const struct ddb *d, const char *action)
{
	static const char type[] = "Content-Type: application/x-amz-json-1.0";
	struct curl_slist *list, *more;
	char line[4200];

	if ((list = curl_slist_append(NULL, type)) == NULL)
		return NULL;
	(void)snprintf(line, sizeof(line), "X-Amz-Target: DynamoDB_20120810.%s",
	    action);
	more = curl_slist_append(list, line);
	if (more != NULL && d->token != NULL) {
		(void)snprintf(line, sizeof(line), "X-Amz-Security-Token: %s",
		    d->token);
		more = curl_slist_append(list, line);
		explicit_bzero(line, sizeof(line));
	}
	if (more == NULL) {
		curl_slist_free_all(list);
		return NULL;
	}
	return list;
}

static void
wiped(struct curl_slist *list)
{
	struct curl_slist *p;

	for (p = list; p != NULL; p = p->next)
		explicit_bzero(p->data, strlen(p->data));
	curl_slist_free_all(list);
}

static int
failed(const struct ddb *d, CURLcode rc, const char *op,
    struct sstate_error *err)
{
	long sys = 0;

	(void)curl_easy_getinfo(d->curl, CURLINFO_OS_ERRNO, &sys);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		sys = ETIMEDOUT;
	switch (rc) {
	case CURLE_OUT_OF_MEMORY:
		return sstate_fail(err, SSTATE_ENOMEM, 0, "dynamodb: %s", op);
	case CURLE_PEER_FAILED_VERIFICATION:
		return sstate_fail(err, SSTATE_EUNSAFE, 0,
		    "dynamodb: %s: the server's certificate is not good", op);
	case CURLE_SSL_CACERT_BADFILE:
		return sstate_fail(err, SSTATE_EINVAL, 0,
		    "dynamodb: %s: ca cannot be read", op);
	default:
		break;
	}
	if (d->sent == 0)
		return sstate_fail(err, SSTATE_EBUSY, (int)sys,
		    "dynamodb: %s: cannot connect", op);
	return sstate_fail(err, SSTATE_ESTORE, (int)sys,
	    d->reads ? "dynamodb: %s: no answer"
		     : "dynamodb: %s: no answer, perhaps written",
	    op);
}

int
ddb_http_post(long *status, struct ddb *d, const char *action, const char *body,
    int reads, const char *op, struct sstate_error *err)
{
	struct curl_slist *list = headers(d, action);
	CURLcode rc = CURLE_FAILED_INIT;
	int tries = 0;

	*status = 0;
	if (list == NULL)
		return sstate_fail(err, SSTATE_ENOMEM, 0, "dynamodb: %s", op);
	if (d->max > KEPT) {
		free(d->got);
		d->got = NULL;
		d->max = 0;
	}
	d->reads = reads;
	do {
		d->len = 0;
		d->sent = 0;
		if ((rc = curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER,
			 list)) == CURLE_OK &&
		    (rc = curl_easy_setopt(d->curl, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)strlen(body))) == CURLE_OK &&
		    (rc = curl_easy_setopt(d->curl, CURLOPT_POSTFIELDS,
			 body)) == CURLE_OK)
			rc = curl_easy_perform(d->curl);
		/* A head that broke off counts for one without a body. */
		if (rc == CURLE_OK && d->len == 0)
			rc = CURLE_GOT_NOTHING;
		/* A read may be asked twice, but not waited for. */
	} while (rc != CURLE_OK && rc != CURLE_OPERATION_TIMEDOUT && reads &&
	    tries++ == 0);
	(void)curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER,
	    (struct curl_slist *)NULL);
	(void)curl_easy_setopt(d->curl, CURLOPT_POSTFIELDS, (char *)NULL);
	wiped(list);
	if (rc != CURLE_OK)
		return failed(d, rc, op, err);
	(void)curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, status);
	return 0;
}
