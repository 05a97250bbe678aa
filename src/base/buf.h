/*
 * buf.h - bytes that grow at their end, inside an arena
 *
 * A failure is kept in .bad (an SSTATE_E*) and later puts do nothing, so
 * only the last step is checked.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct buf {
	struct arena *a;
	unsigned char *p;
	size_t len, cap;
	size_t max; /* more is SSTATE_ETOOBIG */
	int bad;
};

void buf_init(struct buf *b, struct arena *a, size_t first, size_t max);
/* Room for n more bytes at the end, already counted; NULL once bad. */
unsigned char *buf_room(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_byte(struct buf *b, unsigned c);
/* A NUL after the end, not counted; the bytes as a string, NULL once bad. */
char *buf_cstr(struct buf *b);

#endif
