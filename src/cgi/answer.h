/*
 * answer.h - the answer, held until it may leave
 *
 * Knows headers, bodies and pages; not sessions.  The first failure is kept
 * in .kept, and nothing more is taken then.
 */
#ifndef CGI_ANSWER_H
#define CGI_ANSWER_H

#include <stdarg.h>
#include <stddef.h>

#include <securestate/store.h>

#include "base/buf.h"

struct wire;
struct header;

struct answer {
	struct arena *a;
	const struct wire *wire;
	int head; /* the method is HEAD: no body */
	int status;
	struct header *first, *last;
	struct buf body; /* .p NULL: nothing was written yet */
	size_t max; /* more than that is flushed */
	int (*full)(void *arg); /* how: answer_send() after the commit */
	void *arg;
	int sent; /* the headers left */
	int page; /* it is an error page */
	int kept; /* SSTATE_E*, or 0 */
	struct sstate_error err; /* of kept */
};

void answer_init(struct answer *w, struct arena *a, const struct wire *wire,
    int head, size_t max);
/* Keep a failure; returns code. */
int answer_fail(struct answer *w, int code, const char *what);

int answer_status(struct answer *w, int http);
/* The program's: replaces one of that name. */
int answer_header(struct answer *w, const char *name, const char *value);
/* The session's: beats the program's. */
void answer_session_header(struct answer *w, const char *name,
    const char *value);
int answer_put(struct answer *w, const char *p, size_t n);
int answer_escaped(struct answer *w, const char *p, size_t n);
/* Drop body, headers and status: as if nothing was written. */
void answer_drop(struct answer *w);
/* A plain page of that status instead. */
void answer_page(struct answer *w, int http);
int answer_redirect(struct answer *w, const char *to);
/* What there is; the first time with its headers. */
int answer_send(struct answer *w, int last);

/* A status alone, where there is no memory for more. */
void answer_without_memory(const struct wire *wire, int http);

/* format.c: printf into the answer, %s and %c escaped. */
int answer_format(struct answer *w, const char *fmt, va_list ap);

#endif
