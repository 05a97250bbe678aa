/*
 * request.h - one request: what came, what the program sees of it
 */
#ifndef CGI_REQUEST_H
#define CGI_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include <securestate/cgi.h>
#include <securestate/store.h>

#include "cgi/answer.h"
#include "cgi/upload.h"
#include "cgi/wire.h"

struct req_limits {
	size_t body, upload, params, reply;
	int semicolon; /* ';' separates: the page carrier (K25) */
	int cookies; /* the Cookie header matters */
};

struct sstate_req {
	struct sstate *env;
	struct arena *a;
	struct wire wire;
	const struct req_limits *lim;
	const char *method;
	struct sstate_web web;
	struct sstate_val raw; /* a body that is no form; .ptr NULL: none */
	struct upload upload;
	struct answer answer;

	struct sstate_session *s;
	struct sstate_error begin; /* why there is none */
	int settled; /* committed, or it never will be */
	int given_up; /* SSTATE_E*: a commit that failed before */
	int logged; /* this SSTATE_E* has been */
};

/* NULL when there is no memory.  Takes over w->a, in any case. */
struct sstate_req *req_new(struct sstate *env, const struct wire *w,
    const struct req_limits *lim);
/*
 * Read and check it all, a body within so long: 0, SSTATE_E*, or an HTTP
 * status over 0, with a text in err.
 */
int req_read(struct sstate_req *req, uint64_t within_us,
    struct sstate_error *err);
/* Answer one that is malformed; what is as of req_read(). */
void req_refuse(struct sstate_req *req, int what,
    const struct sstate_error *err);
void req_free(struct sstate_req *req);
/* reply.c: commit, then send what is held. */
int req_flush(void *req);

#endif
