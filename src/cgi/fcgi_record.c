/*
 * fcgi_record.c - records of the FastCGI protocol (version 1), as octets
 *
 * Invariant: a length that came from outside is compared with what is there
 * before it is used, by subtraction, so that no sum can overflow (E10,
 * CVE-2025-23016, CVE-2025-40907).
 */
#include "cgi/fcgi_record.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <securestate.h>

enum { VERSION = 1 };

int
fcgi_head_get(struct fcgi_head *h, const unsigned char p[FCGI_HEAD])
{
	h->type = p[1];
	h->id = (unsigned)p[2] << 8 | p[3];
	h->content = (size_t)p[4] << 8 | p[5];
	h->padding = p[6];
	return p[0] == VERSION ? 0 : SSTATE_EPARSE;
}

void
fcgi_head_put(unsigned char p[FCGI_HEAD], unsigned type, unsigned id,
    size_t content)
{
	p[0] = VERSION;
	p[1] = (unsigned char)type;
	p[2] = (unsigned char)(id >> 8);
	p[3] = (unsigned char)id;
	p[4] = (unsigned char)(content >> 8);
	p[5] = (unsigned char)content;
	p[6] = p[7] = 0;
}

void
fcgi_end_put(unsigned char p[2 * FCGI_HEAD], unsigned id, unsigned status)
{
	memset(p, 0, (size_t)2 * FCGI_HEAD);
	fcgi_head_put(p, FCGI_END_REQUEST, id, 8);
	/* The first four are the program's own status: 0. */
	p[FCGI_HEAD + 4] = (unsigned char)status;
}

void
fcgi_unknown_put(unsigned char p[2 * FCGI_HEAD], unsigned type)
{
	memset(p, 0, (size_t)2 * FCGI_HEAD);
	fcgi_head_put(p, FCGI_UNKNOWN_TYPE, 0, 8);
	p[FCGI_HEAD] = (unsigned char)type;
}

/* A length of one octet, or of four whose first bit is set. */
static int
length(size_t *out, struct slice *in)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t n = in->n > 0 && (p[0] & 0x80) != 0 ? 4 : 1;

	if (in->n < n)
		return SSTATE_EPARSE;
	*out = p[0];
	if (n == 4)
		*out = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 |
		    (size_t)p[2] << 8 | p[3];
	in->p += n;
	in->n -= n;
	return 0;
}

static int
take(struct slice *out, struct slice *in, size_t n)
{
	if (n > in->n)
		return SSTATE_EPARSE;
	out->p = in->p;
	out->n = n;
	in->p += n;
	in->n -= n;
	return 0;
}

int
fcgi_pair(struct slice *name, struct slice *value, struct slice *in)
{
	size_t n, v;

	if (in->n == 0)
		return SSTATE_DONE;
	if (length(&n, in) != 0 || length(&v, in) != 0 ||
	    take(name, in, n) != 0 || take(value, in, v) != 0)
		return SSTATE_EPARSE;
	return 0;
}

static int
is(const struct slice *s, const char *text)
{
	return s->n == strlen(text) && memcmp(s->p, text, s->n) == 0;
}

size_t
fcgi_result_put(unsigned char p[FCGI_RESULT_MAX], struct slice asked,
    unsigned conns)
{
	static const char *const known[] = { "FCGI_MAX_CONNS", "FCGI_MAX_REQS",
		"FCGI_MPXS_CONNS" };
	struct slice name, value;
	size_t i, n = FCGI_HEAD;
	int said[3] = { 0, 0, 0 }, r;
	char text[16];

	while ((r = fcgi_pair(&name, &value, &asked)) == 0)
		for (i = 0; i < 3; i++)
			said[i] |= is(&name, known[i]);
	if (r != SSTATE_DONE)
		return 0;
	for (i = 0; i < 3; i++) {
		if (!said[i])
			continue;
		/* One request at a time on a connection: no MPXS. */
		(void)snprintf(text, sizeof(text), "%u",
		    i == 2 ? 0 : conns % 100000);
		n += (size_t)snprintf((char *)p + n, FCGI_RESULT_MAX - n,
		    "%c%c%s%s", (int)strlen(known[i]), (int)strlen(text),
		    known[i], text);
	}
	fcgi_head_put(p, FCGI_GET_VALUES_RESULT, 0, n - FCGI_HEAD);
	return n;
}
