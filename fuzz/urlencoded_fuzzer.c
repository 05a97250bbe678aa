/*
 * urlencoded_fuzzer.c - forms: limits, NULs, and what is escaped comes back
 *
 * Input: an octet of options (1: ';' separates, 2: small limits), the form.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/escape.h"
#include "base/limits.h"
#include "base/urlencoded.h"
#include "fuzz.h"

struct pairs {
	const struct form_limits *lim;
	size_t n, bytes;
	struct fz_buf seen; /* names and values, each with its length */
	struct buf again; /* the same form, as we would write it */
};

static int
take(void *arg, const char *name, struct sstate_val v)
{
	struct pairs *s = arg;
	size_t n = strlen(name);

	s->n++;
	MUST(n <= s->lim->name && v.len <= s->lim->value);
	MUST(v.ptr != NULL && v.ptr[v.len] == '\0');
	s->bytes += n + v.len;
	fz_put(&s->seen, &n, sizeof(n));
	fz_put(&s->seen, name, n);
	fz_put(&s->seen, &v.len, sizeof(v.len));
	fz_put(&s->seen, v.ptr, v.len);
	buf_byte(&s->again, '&');
	escape_url(&s->again, name, n);
	buf_byte(&s->again, '=');
	escape_url(&s->again, v.ptr, v.len);
	return 0;
}

static int
parse(struct pairs *s, struct arena *a, const struct form_limits *lim,
    const char *p, size_t n, int semicolon)
{
	size_t count = 0, alone = 0;
	int r;

	memset(s, 0, sizeof(*s));
	s->lim = lim;
	buf_init(&s->again, a, 64, SIZE_MAX / 8);
	r = urlencoded_parse(p, n, semicolon, lim, &count, a, take, s);
	MUST(r == 0 || r == SSTATE_ETOOBIG || r == SSTATE_EPARSE);
	MUST(count <= lim->params && s->n <= count && s->bytes <= n);
	MUST(r != 0 || s->n == count);
	/* Checked alone it comes to the same end. */
	MUST(urlencoded_parse(p, n, semicolon, lim, &alone, NULL, NULL, NULL) ==
		r &&
	    alone == count);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct form_limits usual = { LIMIT_PARAMS,
		LIMIT_NAME_BYTES, LIMIT_VALUE_BYTES };
	static const struct form_limits tight = { 3, 4, 5 };
	struct fz_in in = { data, size };
	unsigned options = fz_byte(&in);
	const struct form_limits *lim = options & 2 ? &tight : &usual;
	struct arena *a = arena_new(NULL, 256);
	struct pairs first, second;

	if (parse(&first, a, lim, (const char *)in.p, in.n, options & 1) == 0) {
		MUST(first.again.bad == 0);
		MUST(parse(&second, a, lim, (const char *)first.again.p,
			 first.again.len, !(options & 1)) == 0);
		MUST(fz_same(&first.seen, &second.seen));
		fz_drop(&second.seen);
	}
	fz_drop(&first.seen);
	arena_free(a);
	return 0;
}
