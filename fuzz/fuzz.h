/*
 * fuzz.h - what the fuzz targets share: checks that abort, inputs in parts
 *
 * A target is a file NAME_fuzzer.c with LLVMFuzzerTestOneInput().  It keeps
 * nothing from one input to the next that could change what happens, and
 * checks what must hold besides not crashing.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FZ __attribute__((unused)) static

/* What must hold, whatever came in. */
#define MUST(cond)                                                             \
	do {                                                                   \
		if (!(cond))                                                   \
			fz_broken(__FILE__, __LINE__, #cond);                  \
	} while (0)

FZ _Noreturn void
fz_broken(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

FZ void *
fz_alloc(size_t n)
{
	void *p = malloc(n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	return p;
}

/* ---- An input, taken apart from its front ---- */

struct fz_in {
	const uint8_t *p;
	size_t n;
};

FZ unsigned
fz_byte(struct fz_in *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

/* Up to n octets. */
FZ struct fz_in
fz_take(struct fz_in *in, size_t n)
{
	struct fz_in out = { in->p, n < in->n ? n : in->n };

	in->p += out.n;
	in->n -= out.n;
	return out;
}

/* The line, without its end, which is passed over. */
FZ struct fz_in
fz_line(struct fz_in *in)
{
	const uint8_t *nl = in->n == 0 ? NULL : memchr(in->p, '\n', in->n);
	struct fz_in out;

	out = fz_take(in, nl != NULL ? (size_t)(nl - in->p) : in->n);
	if (nl != NULL)
		(void)fz_byte(in);
	return out;
}

/* n octets, the missing ones zero. */
FZ void
fz_fill(void *out, struct fz_in *in, size_t n)
{
	struct fz_in some = fz_take(in, n);

	memset(out, 0, n);
	if (some.n > 0)
		memcpy(out, some.p, some.n);
}

/* A copy just so long, so that reading beyond it is seen. */
FZ char *
fz_copy(const struct fz_in *in)
{
	char *p = fz_alloc(in->n);

	if (in->n > 0)
		memcpy(p, in->p, in->n);
	return p;
}

/* What comes before the first NUL, as a string. */
FZ char *
fz_str(const struct fz_in *in)
{
	size_t n = in->n == 0 ? 0 : strnlen((const char *)in->p, in->n);
	char *p = fz_alloc(n + 1);

	if (n > 0)
		memcpy(p, in->p, n);
	p[n] = '\0';
	return p;
}

/* ---- Octets that grow ---- */

struct fz_buf {
	char *p;
	size_t n, cap;
};

FZ void
fz_put(struct fz_buf *b, const void *p, size_t n)
{
	if (b->cap - b->n < n) {
		b->cap = (b->cap + n) * 2;
		if ((b->p = realloc(b->p, b->cap)) == NULL)
			abort();
	}
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

FZ void
fz_puts(struct fz_buf *b, const char *s)
{
	fz_put(b, s, strlen(s));
}

FZ int
fz_same(const struct fz_buf *a, const struct fz_buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

FZ void
fz_drop(struct fz_buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

/* Does text lie in the n octets at p? */
FZ int
fz_has(const void *p, size_t n, const void *text, size_t len)
{
	return len == 0 || (n > 0 && memmem(p, n, text, len) != NULL);
}

#endif
