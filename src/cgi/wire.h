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

struct iovec;
struct sstate_error;

struct wire {
	const char *const *vars; /* "NAME=value", NULL last */
	int in, out;
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

#endif
