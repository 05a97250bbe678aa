/*
 * fcgi_params.c - a whole stream of FastCGI parameters as an environment
 *
 * Invariant: what stands in the result is what a CGI program's environment
 * could hold: no NUL, no '=' in a name, each name once.
 *
 * A name and its value come with at least two octets of lengths before them,
 * which is as much as '=' and NUL need: so each string takes the place of
 * its own octets.
 */
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "cgi/fcgi_record.h"

struct pair {
	char *at; /* where its lengths stand */
	struct slice name, value;
	unsigned hash; /* of the name */
	int done; /* it is part of one before it */
};

static int
malformed(struct sstate_error *err, const char *what)
{
	return sstate_fail(err, SSTATE_EPARSE, 0, "request: %s", what);
}

static unsigned
hash(const struct slice *s)
{
	unsigned h = 2166136261u;
	size_t i;

	for (i = 0; i < s->n; i++)
		h = (h ^ (unsigned char)s->p[i]) * 16777619u;
	return h;
}

static int
count(size_t *out, struct slice in, struct sstate_error *err)
{
	struct slice name, value;
	size_t n = 0;
	int r;

	*out = 0;
	for (; (r = fcgi_pair(&name, &value, &in)) == 0; n++) {
		if (n == LIMIT_VARS)
			return sstate_fail(err, SSTATE_ETOOBIG, 0,
			    "request: more than %u variables", LIMIT_VARS);
		if (name.n == 0 || memchr(name.p, '=', name.n) != NULL ||
		    memchr(name.p, '\0', name.n) != NULL)
			return malformed(err, "a variable's name is none");
		if (value.n > 0 && memchr(value.p, '\0', value.n) != NULL)
			return malformed(err, "a NUL in a variable");
	}
	*out = n;
	return r == SSTATE_DONE
	    ? 0
	    : malformed(err, "a variable is longer than its stream");
}

static int
same_name(const struct pair *a, const struct pair *b)
{
	return a->hash == b->hash && a->name.n == b->name.n &&
	    memcmp(a->name.p, b->name.p, a->name.n) == 0;
}

static int
same_value(const struct pair *a, const struct pair *b)
{
	return a->value.n == b->value.n &&
	    (a->value.n == 0 ||
		memcmp(a->value.p, b->value.p, a->value.n) == 0);
}

static char *
add(char *to, const struct slice *s)
{
	if (s->n > 0)
		memmove(to, s->p, s->n);
	return to + s->n;
}

/*
 * A header that a client sent twice is one, as RFC 3875 4.1.18 has it and
 * other servers send it; of any other variable two values are a server's
 * error, and which of them is meant nobody knows.
 */
static int
join(char **out, struct arena *a, struct pair *p, struct pair *end, size_t room,
    struct sstate_error *err)
{
	struct slice between = { ", ", 2 };
	struct pair *q;
	char *to;

	if (p->name.n < 5 || memcmp(p->name.p, "HTTP_", 5) != 0)
		return sstate_fail(err, SSTATE_EPARSE, 0,
		    "request: %.*s was sent twice",
		    p->name.n < 64 ? (int)p->name.n : 64, p->name.p);
	if (p->name.n == 11 && memcmp(p->name.p, "HTTP_COOKIE", 11) == 0)
		between.p = "; ";
	if ((to = arena_get(a, room)) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "request: variables");
	*out = to;
	to = add(to, &p->name);
	*to++ = '=';
	to = add(to, &p->value);
	for (q = p + 1; q < end; q++)
		if (same_name(p, q) && !q->done) {
			to = add(to, &between);
			to = add(to, &q->value);
			q->done = 1;
		}
	*to = '\0';
	return 0;
}

static int
place(char **out, struct arena *a, struct pair *p, struct pair *end,
    struct sstate_error *err)
{
	size_t room = p->name.n + p->value.n + 2;
	struct pair *q;
	int differ = 0;
	char *to;

	for (q = p + 1; q < end; q++)
		if (same_name(p, q)) {
			room += q->value.n + 2;
			q->done = same_value(p, q);
			differ |= !q->done;
		}
	if (differ)
		return join(out, a, p, end, room, err);
	*out = p->at;
	to = add(p->at, &p->name);
	*to++ = '=';
	*add(to, &p->value) = '\0';
	return 0;
}

int
fcgi_vars(const char *const **out, struct arena *a, char *stream, size_t n,
    struct sstate_error *err)
{
	struct slice in = { stream, n };
	struct pair *p = NULL;
	char **vars;
	size_t pairs, i, to = 0;
	int r;

	if ((r = count(&pairs, in, err)) != 0)
		return r;
	if ((vars = arena_get(a, (pairs + 1) * sizeof(*vars))) == NULL ||
	    (p = arena_zero(a, (pairs + 1) * sizeof(*p))) == NULL)
		return err_plain(err, SSTATE_ENOMEM, "request: variables");
	for (i = 0; i < pairs; i++) {
		p[i].at = stream + (n - in.n);
		(void)fcgi_pair(&p[i].name, &p[i].value, &in);
		p[i].hash = hash(&p[i].name);
	}
	for (i = 0; i < pairs && r == 0; i++)
		if (!p[i].done)
			r = place(&vars[to++], a, p + i, p + pairs, err);
	vars[to] = NULL;
	*out = (const char *const *)vars;
	return r;
}
