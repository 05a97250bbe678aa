/*
 * multipart.h - multipart/form-data as it comes in, in pieces of any size
 *
 * RFC 7578, RFC 2046 5.1.1, names as WHATWG HTML 4.10.21.8 encodes them.
 * The parser holds no data: what it was fed it hands on at once.
 */
#ifndef CGI_MULTIPART_H
#define CGI_MULTIPART_H

#include <stddef.h>

#include "base/limits.h"
#include "cgi/field.h"

enum { BOUNDARY_MAX = 70 };

/* A part that begins: strings decoded, NULL if it does not say. */
struct part {
	const char *name, *filename, *type;
};

/* What happens to parts.  Not 0 ends the parse, which returns it. */
struct part_sink {
	int (*begin)(void *arg, const struct part *part);
	int (*data)(void *arg, const char *p, size_t n);
	int (*end)(void *arg);
};

struct multipart {
	const struct part_sink *sink;
	void *arg;
	int state;
	char delim[BOUNDARY_MAX + 4]; /* CR LF "--" boundary */
	size_t delimlen;
	size_t matched; /* octets of delim that were just seen */
	size_t unseen; /* ... of which so many were only assumed */
	size_t parts, around;
	size_t headlen, line; /* of head: filled, and where its line began */
	int open; /* a part has begun and did not end */
	int dash; /* the first of two dashes after a delimiter */
	char head[LIMIT_PART_HEAD_BYTES + 1];
};

/*
 * The boundary parameter of a Content-Type whose word was read (M1): 0,
 * SSTATE_EPARSE, or SSTATE_ENOTSUP for what is no single media type or
 * a character set that we do not read.
 */
int multipart_boundary(struct slice *out, struct slice *params);
void multipart_init(struct multipart *m, const struct slice *boundary,
    const struct part_sink *sink, void *arg);
/* 0, SSTATE_EPARSE, SSTATE_ETOOBIG, or the sink's failure. */
int multipart_feed(struct multipart *m, const char *p, size_t n);
/* The body is over: SSTATE_EPARSE unless its last boundary was seen. */
int multipart_end(const struct multipart *m);

/*
 * The parameters of another Content-Type: 0, or SSTATE_ENOTSUP if they are
 * malformed or, of a form, name a character set other than UTF-8 and ASCII
 * (U10).
 */
int media_params(struct slice *params, int form);

#endif
