/*
 * fcgi.h - a FastCGI socket: its connections, and which thread has which
 *
 * Each connection is in the poll set, or one thread's.  A thread that asks
 * for a request waits for the whole set at once, so that none waits behind a
 * connection on which nothing happens.
 */
#ifndef CGI_FCGI_H
#define CGI_FCGI_H

struct conn;
struct fcgi;
struct sstate;
struct sstate_error;
struct wire;

/* Is it a socket that listens?  Then a program may answer FastCGI on it. */
int fcgi_is_listening(int fd);
/* vars: for FCGI_WEB_SERVER_ADDRS.  The socket stays the caller's. */
int fcgi_new(struct fcgi **out, struct sstate *env, int fd,
    const char *const *vars, struct sstate_error *err);
void fcgi_free(struct fcgi *f);
/* A signal handler may call it. */
void fcgi_stop(struct fcgi *f);
/*
 * The next request, its variables whole: 0; SSTATE_DONE once stopped.  Any
 * other code with w->conn set: that request is to be refused, whether it has
 * an arena or not; without: nothing can be accepted here any more.
 */
int fcgi_next(struct wire *w, struct fcgi *f, struct sstate_error *err);
/* The request is over. */
void fcgi_release(struct conn *c);

#endif
