/*
 * fcgi_record.h - records of the FastCGI protocol (version 1), as octets
 *
 * Knows no socket and keeps no state.
 */
#ifndef CGI_FCGI_RECORD_H
#define CGI_FCGI_RECORD_H

#include <stddef.h>

#include "cgi/field.h"

struct arena;
struct sstate_error;

enum { FCGI_HEAD = 8, FCGI_CONTENT_MAX = 65535, FCGI_RESULT_MAX = 80 };

enum {
	FCGI_BEGIN_REQUEST = 1,
	FCGI_ABORT_REQUEST,
	FCGI_END_REQUEST,
	FCGI_PARAMS,
	FCGI_STDIN,
	FCGI_STDOUT,
	FCGI_STDERR,
	FCGI_DATA,
	FCGI_GET_VALUES,
	FCGI_GET_VALUES_RESULT,
	FCGI_UNKNOWN_TYPE
};

enum { FCGI_RESPONDER = 1 }; /* the role */
enum { FCGI_KEEP_CONN = 1 }; /* the flag */

/* The protocol's status in FCGI_END_REQUEST. */
enum {
	FCGI_REQUEST_COMPLETE,
	FCGI_CANT_MPX_CONN,
	FCGI_OVERLOADED,
	FCGI_UNKNOWN_ROLE
};

struct fcgi_head {
	unsigned type, id;
	size_t content, padding;
};

/* SSTATE_EPARSE if that is no record of version 1. */
int fcgi_head_get(struct fcgi_head *h, const unsigned char p[FCGI_HEAD]);
void fcgi_head_put(unsigned char p[FCGI_HEAD], unsigned type, unsigned id,
    size_t content);
/* Whole records whose content is eight octets. */
void fcgi_end_put(unsigned char p[2 * FCGI_HEAD], unsigned id, unsigned status);
void fcgi_unknown_put(unsigned char p[2 * FCGI_HEAD], unsigned type);

/*
 * The next name and value of a stream: 0, SSTATE_DONE at its end,
 * SSTATE_EPARSE if their lengths lead beyond it (E10).
 */
int fcgi_pair(struct slice *name, struct slice *value, struct slice *in);
/*
 * A whole FCGI_GET_VALUES_RESULT for what was asked; its length, or 0 if
 * the question is malformed.
 */
size_t fcgi_result_put(unsigned char p[FCGI_RESULT_MAX], struct slice asked,
    unsigned conns);

/*
 * fcgi_params.c: a whole stream of parameters as "NAME=value" strings, NULL
 * last; they take the stream's own place.  0, or SSTATE_E* with a text.
 */
int fcgi_vars(const char *const **out, struct arena *a, char *stream, size_t n,
    struct sstate_error *err);

#endif
