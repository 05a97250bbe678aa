/*
 * buf.c - bytes that grow at their end, inside an arena
 */
#include "base/buf.h"

#include <string.h>

#include <securestate.h>

#include "base/arena.h"

void
buf_init(struct buf *b, struct arena *a, size_t first, size_t max)
{
	b->a = a;
	b->len = 0;
	b->max = max;
	b->bad = 0;
	b->cap = first + 1;
	if ((b->p = arena_get(a, b->cap)) == NULL)
		b->bad = SSTATE_ENOMEM;
}

unsigned char *
buf_room(struct buf *b, size_t n)
{
	unsigned char *p;
	size_t cap;

	if (b->bad != 0)
		return NULL;
	if (n > b->max - b->len) {
		b->bad = SSTATE_ETOOBIG;
		return NULL;
	}
	if (b->cap - b->len < n + 1) {
		cap = b->cap * 2;
		if (cap < b->len + n + 1)
			cap = b->len + n + 1;
		if ((p = arena_grow(b->a, b->p, b->cap, cap)) == NULL) {
			b->bad = SSTATE_ENOMEM;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	p = b->p + b->len;
	b->len += n;
	return p;
}

void
buf_put(struct buf *b, const void *src, size_t n)
{
	unsigned char *p = buf_room(b, n);

	if (p != NULL && n > 0)
		memcpy(p, src, n);
}

void
buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_byte(struct buf *b, unsigned c)
{
	unsigned char *p = buf_room(b, 1);

	if (p != NULL)
		*p = (unsigned char)c;
}

char *
buf_cstr(struct buf *b)
{
	if (b->bad != 0)
		return NULL;
	b->p[b->len] = '\0';
	return (char *)b->p;
}
