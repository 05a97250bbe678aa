/*
 * wire.h - where a request comes from and where its answer goes
 *
 * The one place in cgi/ that knows the transport: variables, a body to read
 * before a deadline, an answer to send whole.
 */
#ifndef CGI_WIRE_H
#define CGI_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct conn;
struct iovec;
struct sstate_error;

struct wire {
	const char *const *vars; /* "NAME=value", NULL last */
	int in, out; /* CGI */
	struct conn *conn; /* FastCGI; NULL: CGI */
	struct arena *a; /* ... which holds vars, and is the request's */
};

/* NULL if it is not there; lives as long as the request. */
const char *wire_var(const struct wire *w, const char *name);
/*
 * At most n octets of the body: SSTATE_DONE at its end; SSTATE_EBUSY once
 * the deadline (clock_mono_us) is over; SSTATE_ESYS.
 */
int wire_read(size_t *got, const struct wire *w, void *p, size_t n,
    uint64_t deadline, struct sstate_error *err);
/* All of it, or SSTATE_ESYS; no SIGPIPE gets through.  v is used up. */
int wire_send(const struct wire *w, struct iovec *v, size_t n,
    struct sstate_error *err);
/* The same, and the answer ends with it; n may be 0. */
int wire_finish(const struct wire *w, struct iovec *v, size_t n,
    struct sstate_error *err);
/* The request is over; what was not finished is, and w is not used again. */
void wire_done(const struct wire *w);
/* Nobody waits for an answer any more: there is nothing to refuse. */
int wire_is_lost(const struct wire *w);
/* Drop have octets from the front. */
void wire_advance(struct iovec **v, size_t *n, size_t have);

#endif
