/*
 * page.h - what the pages of these examples have in common
 *
 * It knows nothing of sessions: how those are used stands in each program.
 */
#ifndef PAGE_H
#define PAGE_H

#include <securestate/cgi.h>

/* The beginning of a page; its title is its heading.  No scripts may run. */
void page_head(struct sstate_req *req, const char *title);

/* What was just done, or why not; NULL: nothing. */
void page_notice(struct sstate_req *req, int bad, const char *text);

void page_foot(struct sstate_req *req);

/* Was it a POST? */
int page_posted(const struct sstate_req *req);

/* For sstate_options.log, with the program's name in arg: to the log. */
void page_log(void *name, int level, const struct sstate_error *what);

/* Nothing can be served: a plain page, the reason for the log; 1. */
int page_broken(const char *name, const char *why);

#endif /* PAGE_H */
