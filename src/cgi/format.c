/*
 * format.c - printf into the answer, %s and %c escaped for HTML
 *
 * Invariant: what an argument says never reaches the page unescaped; a
 * format that this cannot hold to (%n, %ls, %1$s) is refused as a whole.
 */
#include "cgi/answer.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/decimal.h"

enum { WIDTH_MAX = 4096, SPEC_MAX = 16 };

enum { LEN_NONE, LEN_HH, LEN_H, LEN_L, LEN_LL, LEN_Z, LEN_J, LEN_T, LEN_LD };

/* One conversion.  width and precision: -1 is none. */
struct conv {
	char flags[8];
	int left, width, precision, len;
	char type;
};

/* va_list by pointer, so that helpers take from the same list. */
struct args {
	va_list ap;
};

static int
number(const char **p, struct args *args, int *out)
{
	int n = 0;

	if (**p == '*') {
		++*p;
		n = va_arg(args->ap, int);
	} else
		for (; **p >= '0' && **p <= '9'; ++*p) {
			n = n * 10 + (**p - '0');
			if (n > WIDTH_MAX)
				return SSTATE_EINVAL;
		}
	*out = n;
	return 0;
}

static int
flags(const char **p, struct conv *c)
{
	size_t n = 0;

	while ((*p)[n] != '\0' && strchr("-+ #0'", (*p)[n]) != NULL)
		n++;
	if (n >= sizeof(c->flags))
		return SSTATE_EINVAL;
	memcpy(c->flags, *p, n);
	c->flags[n] = '\0';
	c->left = strchr(c->flags, '-') != NULL;
	*p += n;
	return 0;
}

static int
length(const char **p)
{
	switch (**p) {
	case 'h':
		*p += (*p)[1] == 'h' ? 2 : 1;
		return (*p)[-2] == 'h' ? LEN_HH : LEN_H;
	case 'l':
		*p += (*p)[1] == 'l' ? 2 : 1;
		return (*p)[-2] == 'l' ? LEN_LL : LEN_L;
	case 'z':
		++*p;
		return LEN_Z;
	case 'j':
		++*p;
		return LEN_J;
	case 't':
		++*p;
		return LEN_T;
	case 'L':
		++*p;
		return LEN_LD;
	default:
		return LEN_NONE;
	}
}

/* What follows '%'. */
static int
conversion(struct conv *c, const char **p, struct args *args)
{
	int r;

	c->width = c->precision = -1;
	if ((r = flags(p, c)) != 0 || (r = number(p, args, &c->width)) != 0)
		return r;
	if (c->width < 0 && c->width >= -WIDTH_MAX) {
		/* From '*': C says that this means '-'. */
		c->left = 1;
		c->width = -c->width;
	}
	if (**p == '.') {
		++*p;
		if ((r = number(p, args, &c->precision)) != 0)
			return r;
		if (c->precision < 0)
			c->precision = -1;
	}
	c->len = length(p);
	c->type = **p;
	if (c->type != '\0')
		++*p;
	return c->width > WIDTH_MAX || c->width < 0 ? SSTATE_EINVAL : 0;
}

static void
pad(struct answer *w, int width, size_t n)
{
	size_t i;

	for (i = n; width > 0 && i < (size_t)width; i++)
		(void)answer_put(w, " ", 1);
}

static int
text(struct answer *w, const struct conv *c, const char *s)
{
	size_t n;

	if (s == NULL)
		s = "";
	n = c->precision >= 0 ? strnlen(s, (size_t)c->precision) : strlen(s);
	if (!c->left)
		pad(w, c->width, n);
	(void)answer_escaped(w, s, n);
	if (c->left)
		pad(w, c->width, n);
	return w->kept;
}

/* A value for snprintf, as wide as there is. */
struct value {
	char kind; /* 'd', 'u', 'f', 'L', 'p' */
	intmax_t d;
	uintmax_t u;
	double f;
	long double ld;
	void *p;
};

static intmax_t
signed_arg(struct args *args, int len)
{
	switch (len) {
	case LEN_HH:
		return (signed char)va_arg(args->ap, int);
	case LEN_H:
		return (short)va_arg(args->ap, int);
	case LEN_L:
		return va_arg(args->ap, long);
	case LEN_LL:
		return va_arg(args->ap, long long);
	case LEN_Z:
	case LEN_T:
		return va_arg(args->ap, ptrdiff_t);
	case LEN_J:
		return va_arg(args->ap, intmax_t);
	default:
		return va_arg(args->ap, int);
	}
}

static uintmax_t
unsigned_arg(struct args *args, int len)
{
	switch (len) {
	case LEN_HH:
		return (unsigned char)va_arg(args->ap, unsigned);
	case LEN_H:
		return (unsigned short)va_arg(args->ap, unsigned);
	case LEN_L:
		return va_arg(args->ap, unsigned long);
	case LEN_LL:
		return va_arg(args->ap, unsigned long long);
	case LEN_Z:
	case LEN_T:
		return va_arg(args->ap, size_t);
	case LEN_J:
		return va_arg(args->ap, uintmax_t);
	default:
		return va_arg(args->ap, unsigned);
	}
}

static int
take(struct value *v, const struct conv *c, struct args *args)
{
	if (strchr("di", c->type) != NULL && c->len != LEN_LD) {
		v->kind = 'd';
		v->d = signed_arg(args, c->len);
	} else if (strchr("uoxX", c->type) != NULL && c->len != LEN_LD) {
		v->kind = 'u';
		v->u = unsigned_arg(args, c->len);
	} else if (strchr("eEfFgGaA", c->type) != NULL &&
	    (c->len == LEN_NONE || c->len == LEN_L || c->len == LEN_LD)) {
		v->kind = c->len == LEN_LD ? 'L' : 'f';
		if (c->len == LEN_LD)
			v->ld = va_arg(args->ap, long double);
		else
			v->f = va_arg(args->ap, double);
	} else if (c->type == 'p' && c->len == LEN_NONE) {
		v->kind = 'p';
		v->p = va_arg(args->ap, void *);
	} else
		return SSTATE_EINVAL;
	return 0;
}

#pragma GCC diagnostic push
/* The format is made below, of parts that were checked. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static int
print(char *out, size_t size, const char *spec, const struct conv *c,
    const struct value *v)
{
	int width = c->left ? -c->width : c->width;

	switch (v->kind) {
	case 'd':
		return snprintf(out, size, spec, width, c->precision, v->d);
	case 'u':
		return snprintf(out, size, spec, width, c->precision, v->u);
	case 'f':
		return snprintf(out, size, spec, width, c->precision, v->f);
	case 'L':
		return snprintf(out, size, spec, width, c->precision, v->ld);
	default:
		return snprintf(out, size, spec, width, v->p);
	}
}
#pragma GCC diagnostic pop

/* By far the most are whole numbers, as they are. */
static int
plain(const struct value *v, const struct conv *c)
{
	return c->flags[0] == '\0' && c->width == 0 && c->precision < 0 &&
	    (v->kind == 'd' ||
		(v->kind == 'u' && c->type == 'u' && v->u <= INT64_MAX));
}

/* Handed to snprintf; escaped, too, since a locale has its say in it. */
static int
numeric(struct answer *w, const struct conv *c, struct args *args)
{
	const char *tail;
	char spec[SPEC_MAX + 8], small[512], *out = small;
	struct value v;
	int n, r;

	memset(&v, 0, sizeof(v));
	if ((r = take(&v, c, args)) != 0 || c->precision > WIDTH_MAX)
		return SSTATE_EINVAL;
	if (plain(&v, c)) {
		n = (int)decimal(small, v.kind == 'd' ? v.d : (int64_t)v.u);
		return answer_escaped(w, small, (size_t)n);
	}
	tail = v.kind == 'f' ? "*.*" : v.kind == 'L' ? "*.*L" : "*.*j";
	if (v.kind == 'p')
		tail = "*";
	(void)snprintf(spec, sizeof(spec), "%%%s%s%c", c->flags, tail, c->type);
	n = print(small, sizeof(small), spec, c, &v);
	if (n >= (int)sizeof(small)) {
		if ((out = arena_get(w->a, (size_t)n + 1)) == NULL)
			return SSTATE_ENOMEM;
		n = print(out, (size_t)n + 1, spec, c, &v);
	}
	return n < 0 ? SSTATE_EINVAL : answer_escaped(w, out, (size_t)n);
}

static int
one(struct answer *w, const char **p, struct args *args)
{
	struct conv c;
	char octet;
	int r;

	if (**p == '%') {
		++*p;
		return answer_put(w, "%", 1);
	}
	if ((r = conversion(&c, p, args)) != 0)
		return r;
	switch (c.type) {
	case 's':
		if (c.len != LEN_NONE)
			return SSTATE_EINVAL;
		return text(w, &c, va_arg(args->ap, const char *));
	case 'c':
		if (c.len != LEN_NONE)
			return SSTATE_EINVAL;
		octet = (char)va_arg(args->ap, int);
		if (!c.left)
			pad(w, c.width, 1);
		(void)answer_escaped(w, &octet, 1);
		if (c.left)
			pad(w, c.width, 1);
		return w->kept;
	case '\0':
		return SSTATE_EINVAL;
	default:
		return numeric(w, &c, args);
	}
}

int
answer_format(struct answer *w, const char *fmt, va_list ap)
{
	struct args args;
	const char *percent;
	int r = w->kept;

	if (fmt == NULL)
		return answer_fail(w, SSTATE_EINVAL, "no format");
	va_copy(args.ap, ap);
	while (r == 0 && *fmt != '\0') {
		percent = strchr(fmt, '%');
		if (percent == NULL)
			percent = fmt + strlen(fmt);
		if (percent > fmt)
			r = answer_put(w, fmt, (size_t)(percent - fmt));
		fmt = percent;
		if (r == 0 && *fmt == '%') {
			fmt++;
			r = one(w, &fmt, &args);
		}
	}
	va_end(args.ap);
	if (r != 0)
		return answer_fail(w, r, "a format that is not taken");
	return 0;
}
