/*
 * fcgi_conn.h - one FastCGI connection: its records in, its answer out
 *
 * A connection has one owner at a time (fcgi.h says who) and one request at
 * a time.  The owner feeds it, and takes it apart with conn_step().
 */
#ifndef CGI_FCGI_CONN_H
#define CGI_FCGI_CONN_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "cgi/fcgi_record.h"

struct fcgi;
struct fcgi_slot;
struct hook;
struct iovec;
struct sstate_error;

enum { CONN_IN = 8192, CONN_SMALL = 512 };

/* What is at work on a connection. */
enum conn_phase {
	CONN_IDLE, /* no request */
	CONN_PARAMS, /* its variables are coming */
	CONN_BODY, /* ... are there; its body may be coming */
	CONN_WHOLE /* the body came to its end */
};

/* How far conn_step() may go. */
enum conn_may {
	CONN_START, /* a request may begin */
	CONN_READ, /* the body is wanted */
	CONN_HOLD, /* it is not; and nothing may be sent now */
	CONN_AFTER /* the request is over; the next one must wait */
};

/* What the content of the record that is coming is good for. */
enum conn_use { CONN_SKIP, CONN_SMALL_ONE, CONN_STREAM, CONN_STDIN };

/* Why conn_step() came back. */
enum conn_event {
	CONN_MORE, /* for octets */
	CONN_REQUEST, /* the variables are whole */
	CONN_DATA, /* octets of the body come next */
	CONN_END, /* the body is over */
	CONN_ABORTED, /* the request that was at work */
	CONN_NEXT, /* a record that must wait comes next */
	CONN_BROKEN /* this is no FastCGI */
};

struct conn {
	struct fcgi *set;
	struct fcgi_slot *slot;
	atomic_uint *state; /* of the slot */
	int fd;
	unsigned max_conns; /* what FCGI_GET_VALUES is told */

	enum conn_phase phase;
	unsigned id; /* of the request; 0: none */
	int keep; /* the connection, after the request */
	int aborted; /* the request was */
	int ended; /* FCGI_END_REQUEST was sent */
	uint64_t since; /* when its variables were whole; clock_mono_us */
	struct arena *a; /* of the request, until it is handed out */
	struct buf params;
	int bad; /* SSTATE_E*: why the variables are not taken, or 0 */

	int eof, gone; /* nothing more comes; nothing can be sent */
	int hung; /* the peer has ended it */
	int broken; /* what came is no FastCGI: the answer is the last */
	int maybe; /* octets may lie in the socket */
	int added; /* the poll set knows it */
	int linger; /* what still comes is dropped */
	uint64_t deadline; /* of what is partial, or lingers; 0: none yet */
	uint64_t fresh; /* a first octet is waited for until then; 0: came */

	/* The record whose content is coming. */
	struct fcgi_head head;
	size_t left, padding;
	enum conn_use use;
	size_t nsmall;
	unsigned char small[CONN_SMALL];

	size_t at, end, high; /* of in: next, filled, ever filled */
	unsigned char in[CONN_IN];
};

void conn_init(struct conn *c, int fd, unsigned max_conns);
/* Take what is there apart; with CONN_START a request's arena comes from h. */
enum conn_event conn_step(struct conn *c, enum conn_may may,
    const struct hook *h);
/* Read what fits and is there, without waiting; .maybe, .eof, .gone say more.
 */
void conn_fill(struct conn *c);
/* Before a read, and after one that had room for so much more than it got. */
void conn_calm(struct conn *c);
void conn_was_read(struct conn *c, ssize_t have, size_t room);
/* Wait for octets: 0, or SSTATE_EBUSY once the deadline is over. */
int conn_await(const struct conn *c, uint64_t deadline);
/* An event of the socket was seen by whoever waits for all of them. */
int conn_is_stirred(const struct conn *c);
/* ... bits of *state; once hung, an end follows what can be read. */
enum { CONN_STIRRED = 2, CONN_HUNG = 16 };

/* As wire_read() and wire_send() are; last: the answer's end. */
int conn_body(size_t *got, struct conn *c, void *p, size_t n, uint64_t deadline,
    struct sstate_error *err);
int conn_send(struct conn *c, const struct iovec *v, size_t n, int last,
    struct sstate_error *err);
/* The request is over: drop all that was its own. */
void conn_forget(struct conn *c);
/* What was taken out of the buffer is not in it any more. */
void conn_clean(struct conn *c);
/* Does something of a request lie here, which has not come whole? */
int conn_is_partial(const struct conn *c);

#endif
