/*
 * civetweb.h - what a handler sees of civetweb, with requests in memory
 *
 * Names and prototypes are those of civetweb 1.15; there is no server.  A
 * connection is one request and its answer, and belongs to one thread.
 */
#ifndef CIVETWEB_STUB_H
#define CIVETWEB_STUB_H

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { MG_HEADERS = 16, MG_TEXT = 512, MG_PAGE = 8192 };

struct mg_request_info {
	const char *request_method, *local_uri, *query_string;
	long long content_length; /* -1: none */
};

struct mg_connection {
	struct mg_request_info info;
	const char *sent[MG_HEADERS][2]; /* NULL ends it */
	const char *body; /* or NULL */
	size_t taken;

	int status, started, done;
	size_t nheaders, len;
	char name[MG_HEADERS][MG_TEXT], value[MG_HEADERS][MG_TEXT];
	char page[MG_PAGE];
};

typedef int (*mg_request_handler)(struct mg_connection *conn, void *cbdata);

static inline const struct mg_request_info *
mg_get_request_info(const struct mg_connection *c)
{
	return &c->info;
}

static inline const char *
mg_get_header(const struct mg_connection *c, const char *name)
{
	size_t i;

	for (i = 0; i < MG_HEADERS && c->sent[i][0] != NULL; i++)
		if (strcasecmp(c->sent[i][0], name) == 0)
			return c->sent[i][1];
	return NULL;
}

/* A few octets at a time, as a network has it. */
static inline int
mg_read(struct mg_connection *c, void *buf, size_t len)
{
	size_t left = c->body != NULL ? strlen(c->body) - c->taken : 0;

	if (len > left)
		len = left;
	if (len > 7)
		len = 7;
	if (len > 0)
		memcpy(buf, c->body + c->taken, len);
	c->taken += len;
	return (int)len;
}

static inline int
mg_response_header_start(struct mg_connection *c, int status)
{
	if (c->started)
		return -1;
	c->status = status;
	c->started = 1;
	return 0;
}

static inline int
mg_response_header_add(struct mg_connection *c, const char *header,
    const char *value, int value_len)
{
	size_t n = value_len < 0 ? strlen(value) : (size_t)value_len;

	if (!c->started || c->done || c->nheaders == MG_HEADERS ||
	    n >= MG_TEXT || strlen(header) >= MG_TEXT)
		return -1;
	memcpy(c->name[c->nheaders], header, strlen(header) + 1);
	memcpy(c->value[c->nheaders], value, n);
	c->value[c->nheaders++][n] = '\0';
	return 0;
}

static inline int
mg_response_header_send(struct mg_connection *c)
{
	if (!c->started || c->done)
		return -1;
	c->done = 1;
	return 0;
}

static inline int
mg_write(struct mg_connection *c, const void *buf, size_t len)
{
	if (!c->done || len >= MG_PAGE - c->len)
		return -1;
	memcpy(c->page + c->len, buf, len);
	c->len += len;
	c->page[c->len] = '\0';
	return (int)len;
}

#endif /* CIVETWEB_STUB_H */
