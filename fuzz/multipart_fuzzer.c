/*
 * multipart_fuzzer.c - multipart: in any pieces the same; written and read
 *
 * Input: a line with the parameters of Content-Type, a line of octets that
 * say how long the pieces are, the body.
 */
#include <securestate.h>

#include "cgi/multipart.h"
#include "fuzz.h"

struct run {
	const struct multipart *m;
	const char *piece;
	size_t len; /* of piece */
	size_t parts, ends, bytes;
	int open;
	struct fz_buf seen; /* what was handed out, data in one piece */
	struct fz_buf data; /* of the part that is open */
	struct fz_buf again; /* the same body, as we would write it */
};

static void
seen(struct run *s, const char *p, size_t n)
{
	fz_put(&s->seen, &n, sizeof(n));
	fz_put(&s->seen, p, n);
}

/* As browsers do. */
static void
encoded(struct fz_buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s == '"')
			fz_puts(b, "%22");
		else if (*s == '\r')
			fz_puts(b, "%0D");
		else if (*s == '\n')
			fz_puts(b, "%0A");
		else
			fz_put(b, s, 1);
}

static void
optional(struct run *s, const char *text, const char *before, const char *after)
{
	seen(s, text == NULL ? "0" : "1", 1);
	if (text == NULL)
		return;
	seen(s, text, strlen(text));
	fz_puts(&s->again, before);
	encoded(&s->again, text);
	fz_puts(&s->again, after);
}

static int
begin(void *arg, const struct part *part)
{
	struct run *s = arg;

	MUST(!s->open && part->name != NULL);
	MUST(strlen(part->name) <= LIMIT_NAME_BYTES);
	s->open = 1;
	s->parts++;
	MUST(s->parts <= LIMIT_PARTS);
	seen(s, part->name, strlen(part->name));
	fz_puts(&s->again,
	    "--BOUNDARY\r\nContent-Disposition: form-data; "
	    "name=\"");
	encoded(&s->again, part->name);
	fz_puts(&s->again, "\"");
	optional(s, part->filename, "; filename=\"", "\"");
	fz_puts(&s->again, "\r\n");
	/* A type is no quoted string: nothing in it is encoded. */
	seen(s, part->type == NULL ? "0" : "1", 1);
	if (part->type != NULL) {
		seen(s, part->type, strlen(part->type));
		fz_puts(&s->again, "Content-Type: ");
		fz_puts(&s->again, part->type);
		fz_puts(&s->again, "\r\n");
	}
	fz_puts(&s->again, "\r\n");
	return 0;
}

static int
data(void *arg, const char *p, size_t n)
{
	struct run *s = arg;

	MUST(s->open && n > 0);
	/* It lies in what was fed, or is what looked like a delimiter. */
	MUST((p >= s->piece && p + n <= s->piece + s->len) ||
	    (p >= s->m->delim && p + n <= s->m->delim + s->m->delimlen) ||
	    (n == 1 && *p == '-'));
	s->bytes += n;
	fz_put(&s->data, p, n);
	return 0;
}

static int
end(void *arg)
{
	struct run *s = arg;

	MUST(s->open);
	s->open = 0;
	s->ends++;
	seen(s, s->data.p, s->data.n);
	fz_put(&s->again, s->data.p, s->data.n);
	fz_puts(&s->again, "\r\n");
	s->data.n = 0;
	return 0;
}

static const struct part_sink sink = { begin, data, end };

/* Pieces as long as sizes say, over and over; none: all at once. */
static int
run(struct run *s, const struct slice *boundary, struct fz_in in,
    const struct fz_in *sizes)
{
	struct multipart *m = fz_alloc(sizeof(*m));
	struct fz_in part;
	size_t i = 0, n;
	char *piece;
	int r = 0;

	memset(s, 0, sizeof(*s));
	memset(m, 0xa5, sizeof(*m));
	s->m = m;
	multipart_init(m, boundary, &sink, s);
	while (r == 0 && in.n > 0) {
		n = sizes->n > 0 ? sizes->p[i++ % sizes->n] % 64u + 1 : in.n;
		part = fz_take(&in, n);
		piece = fz_copy(&part);
		s->piece = piece;
		s->len = part.n;
		r = multipart_feed(m, piece, part.n);
		MUST(m->headlen <= LIMIT_PART_HEAD_BYTES);
		free(piece);
	}
	if (r == 0)
		r = multipart_end(m);
	MUST(r == 0 || r == SSTATE_EPARSE || r == SSTATE_ETOOBIG);
	MUST(r != 0 || (!s->open && s->parts == s->ends));
	free(m);
	return r;
}

static void
drop(struct run *s)
{
	fz_drop(&s->seen);
	fz_drop(&s->data);
	fz_drop(&s->again);
}

/* What we write of it is read as it was. */
static void
again(struct run *s)
{
	static const struct slice ours = { "BOUNDARY", 8 };
	static const struct fz_in whole = { NULL, 0 };
	struct fz_in in;
	struct run other;
	size_t i, written = 0;

	/* Data may hold our boundary; a header may grow over its limit. */
	for (i = 0; i + 8 <= s->again.n; i++)
		written += memcmp(s->again.p + i, "BOUNDARY", 8) == 0;
	if (written != s->parts || s->again.n > 7000)
		return;
	fz_puts(&s->again, "--BOUNDARY--");
	in.p = (const uint8_t *)s->again.p;
	in.n = s->again.n;
	MUST(run(&other, &ours, in, &whole) == 0);
	MUST(other.parts == s->parts && fz_same(&other.seen, &s->seen));
	drop(&other);
}

static void
body(const struct slice *boundary, struct fz_in in, const struct fz_in *sizes)
{
	static const struct fz_in whole = { NULL, 0 };
	struct run one, cut;
	int r = run(&one, boundary, in, &whole);

	MUST(one.bytes <= in.n);
	MUST(run(&cut, boundary, in, sizes) == r);
	MUST(one.parts == cut.parts && one.ends == cut.ends);
	/* What a failure left open may have got further in one piece. */
	MUST(r != 0 || fz_same(&one.seen, &cut.seen));
	if (r == 0)
		again(&one);
	drop(&one);
	drop(&cut);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fz_in in = { input, size }, type = fz_line(&in),
		     sizes = fz_line(&in);
	char *params = fz_copy(&type);
	struct slice from = { params, type.n }, boundary;
	int r = multipart_boundary(&boundary, &from);
	size_t i;

	MUST(r == 0 || r == SSTATE_EPARSE || r == SSTATE_ENOTSUP);
	MUST(from.p >= params && from.p + from.n == params + type.n);
	if (r == 0) {
		MUST(boundary.n >= 1 && boundary.n <= BOUNDARY_MAX);
		MUST(boundary.p >= params &&
		    boundary.p + boundary.n <= params + type.n);
		for (i = 0; i < boundary.n; i++)
			MUST(boundary.p[i] >= ' ' && boundary.p[i] < 0x7f);
		body(&boundary, in, &sizes);
	}
	from.p = params;
	from.n = type.n;
	r = media_params(&from, 1);
	MUST(r == 0 || r == SSTATE_ENOTSUP);
	free(params);
	return 0;
}
