/*
 * multipart.c - multipart/form-data as it comes in, in pieces of any size
 *
 * Invariant: the result does not depend on how the input was cut (M2), and
 * each octet costs a constant: CR begins a delimiter and is nowhere
 * else in it, so a match that fails is never tried again further back.
 */
#include "cgi/multipart.h"

#include <string.h>

#include <securestate.h>

enum {
	PREAMBLE, /* before the first delimiter */
	AFTER, /* a delimiter, but perhaps more than one */
	PADDING, /* blanks after it */
	AFTER_LF, /* its line ends */
	HEAD, /* the part's header lines */
	HEAD_LF, /* one of them ends */
	DATA,
	EPILOGUE /* after the last one */
};

static int
boundary_is_good(const struct slice *s)
{
	size_t i;
	char c;

	if (s->n < 1 || s->n > BOUNDARY_MAX || s->p[s->n - 1] == ' ')
		return 0;
	for (i = 0; i < s->n; i++) {
		c = s->p[i];
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') ||
		    (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL))
			continue;
		return 0;
	}
	return 1;
}

static int
charset_is_good(const struct slice *s)
{
	return slice_is(s, "utf-8") || slice_is(s, "us-ascii");
}

int
multipart_boundary(struct slice *out, struct slice *params)
{
	struct field_param p;
	int r, charset = 0;

	out->p = NULL;
	out->n = 0;
	while ((r = field_param(&p, params, FIELD_ESCAPES)) == 0) {
		/* RFC 2231 would be a second way to say it. */
		if (memchr(p.name.p, '*', p.name.n) != NULL)
			return SSTATE_EPARSE;
		if (slice_is(&p.name, "boundary")) {
			if (out->p != NULL || !boundary_is_good(&p.value))
				return SSTATE_EPARSE;
			*out = p.value;
		}
		if (slice_is(&p.name, "charset") &&
		    (charset++ > 0 || !charset_is_good(&p.value)))
			return SSTATE_ENOTSUP;
	}
	/* E6: two types in one header. */
	if (r == SSTATE_EPARSE && params->n > 0 && *params->p == ',')
		return SSTATE_ENOTSUP;
	return r == SSTATE_DONE && out->p != NULL ? 0 : SSTATE_EPARSE;
}

int
media_params(struct slice *params, int form)
{
	struct field_param p;
	int r, charset = 0;

	while ((r = field_param(&p, params, FIELD_ESCAPES)) == 0)
		if (form &&
		    (memchr(p.name.p, '*', p.name.n) != NULL ||
			(slice_is(&p.name, "charset") &&
			    (charset++ > 0 || !charset_is_good(&p.value)))))
			return SSTATE_ENOTSUP;
	return r == SSTATE_DONE ? 0 : SSTATE_ENOTSUP;
}

void
multipart_init(struct multipart *m, const struct slice *boundary,
    const struct part_sink *sink, void *arg)
{
	m->sink = sink;
	m->arg = arg;
	m->state = PREAMBLE;
	memcpy(m->delim, "\r\n--", 4);
	memcpy(m->delim + 4, boundary->p, boundary->n);
	m->delimlen = boundary->n + 4;
	/* As if after a line end: it may stand where the body begins. */
	m->matched = m->unseen = 2;
	m->parts = m->around = 0;
	m->headlen = m->line = 0;
	m->open = m->dash = 0;
}

/* ---- One part's header ------------------------------------------------ */

struct head {
	struct slice name, filename, type;
	int dispositions, types;
};

/*
 * End s with a NUL, in head itself: after it comes its quote or its line's
 * end.  %22, %0D and %0A are what browsers write for '"', CR and LF; no
 * other octet is ever encoded, so no other is decoded.
 */
static const char *
decode(struct multipart *m, const struct slice *s, size_t *len)
{
	static const char code[3][4] = { "%22", "%0D", "%0A" };
	size_t from, to, end, i;

	from = to = (size_t)(s->p - m->head);
	end = from + s->n;
	while (from < end) {
		for (i = 0; i < 3; i++)
			if (end - from >= 3 &&
			    memcmp(m->head + from, code[i], 3) == 0)
				break;
		m->head[to++] = i < 3 ? "\"\r\n"[i] : m->head[from];
		from += i < 3 ? 3 : 1;
	}
	m->head[to] = '\0';
	*len = to - (size_t)(s->p - m->head);
	return s->p;
}

/* M6: one form-data, one name, perhaps one filename, nothing in RFC 2231. */
static int
disposition(struct head *h, struct slice value)
{
	struct field_param p;
	struct slice word, *to;
	int r;

	if (h->dispositions++ > 0 || field_word(&word, &value) != 0 ||
	    !slice_is(&word, "form-data"))
		return SSTATE_EPARSE;
	while ((r = field_param(&p, &value, FIELD_PLAIN)) == 0) {
		if (memchr(p.name.p, '*', p.name.n) != NULL)
			return SSTATE_EPARSE;
		if (slice_is(&p.name, "name"))
			to = &h->name;
		else if (slice_is(&p.name, "filename"))
			to = &h->filename;
		else
			continue;
		if (to->p != NULL)
			return SSTATE_EPARSE;
		*to = p.value;
	}
	return r == SSTATE_DONE && h->name.p != NULL ? 0 : SSTATE_EPARSE;
}

/* One line, without its end. */
static int
head_line(struct head *h, struct slice line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct slice name, word;

	if (colon == NULL)
		return SSTATE_EPARSE;
	name.p = line.p;
	name.n = (size_t)(colon - line.p);
	line.p += name.n + 1;
	line.n -= name.n + 1;
	/* The whole name is one token: no blank before the colon. */
	word = name;
	if (field_word(&word, &name) != 0 || name.n != 0 ||
	    memchr(word.p, '/', word.n) != NULL)
		return SSTATE_EPARSE;
	while (line.n > 0 && (*line.p == ' ' || *line.p == '\t')) {
		line.p++;
		line.n--;
	}
	while (line.n > 0 &&
	    (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
		line.n--;
	if (slice_is(&word, "content-disposition"))
		return disposition(h, line);
	if (slice_is(&word, "content-type")) {
		if (h->types++ > 0)
			return SSTATE_EPARSE;
		h->type = line;
	}
	return 0; /* M9, M11: what else there is, says nothing here */
}

static int
part_begin(struct multipart *m)
{
	struct slice line = { m->head, 0 };
	struct part part = { NULL, NULL, NULL };
	struct head h;
	const char *end;
	size_t len, n;
	int r;

	memset(&h, 0, sizeof(h));
	/* The last two octets are the empty line. */
	for (n = m->headlen - 2; n > 0; n -= line.n + 2) {
		if ((end = memchr(line.p, '\r', n)) == NULL)
			return SSTATE_EPARSE;
		line.n = (size_t)(end - line.p);
		if ((r = head_line(&h, line)) != 0)
			return r;
		line.p = end + 2;
	}
	if (h.dispositions != 1)
		return SSTATE_EPARSE;
	part.name = decode(m, &h.name, &len);
	if (len > LIMIT_NAME_BYTES)
		return SSTATE_ETOOBIG;
	if (h.filename.p != NULL)
		part.filename = decode(m, &h.filename, &len);
	if (h.type.p != NULL) {
		m->head[h.type.p - m->head + (ptrdiff_t)h.type.n] = '\0';
		part.type = h.type.p;
	}
	m->open = 1;
	m->state = DATA;
	/* The header's last line end serves a part that has no body at all. */
	m->matched = m->unseen = 2;
	return m->sink->begin(m->arg, &part);
}

static int
head_octet(struct multipart *m, char c)
{
	/* Fold, NUL, LF alone and all control octets end it here (M3, M5). */
	if (((unsigned char)c < 0x20 && c != '\r' && c != '\t') ||
	    ((c == ' ' || c == '\t') && m->headlen == m->line))
		return SSTATE_EPARSE;
	if (m->headlen + 1 >= LIMIT_PART_HEAD_BYTES)
		return SSTATE_ETOOBIG;
	m->head[m->headlen++] = c;
	if (c == '\r')
		m->state = HEAD_LF;
	return 0;
}

static int
head_line_end(struct multipart *m, char c)
{
	if (c != '\n')
		return SSTATE_EPARSE;
	m->head[m->headlen++] = c;
	if (m->headlen - m->line == 2)
		return part_begin(m);
	m->line = m->headlen;
	m->state = HEAD;
	return 0;
}

/* ---- The body --------------------------------------------------------- */

/* Octets that are no delimiter: a part's data, or around all parts. */
static int
plain(struct multipart *m, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if (m->open)
		return m->sink->data(m->arg, p, n);
	m->around += n;
	return m->around > LIMIT_AROUND_BYTES ? SSTATE_ETOOBIG : 0;
}

/* What looked like a delimiter so far is data. */
static int
no_delim(struct multipart *m, size_t n)
{
	size_t unseen = m->unseen;

	m->matched = m->unseen = 0;
	return plain(m, m->delim + unseen, n - unseen);
}

/* Look for a delimiter; *used says how far. */
static int
scan(struct multipart *m, const char *p, size_t n, size_t *used)
{
	const char *cr;
	size_t i = 0;

	if (m->matched == 0) {
		cr = memchr(p, '\r', n);
		*used = cr == NULL ? n : (size_t)(cr - p) + 1;
		m->matched = cr != NULL;
		return plain(m, p, *used - m->matched);
	}
	while (
	    i < n && m->matched < m->delimlen && p[i] == m->delim[m->matched]) {
		i++;
		m->matched++;
	}
	*used = i;
	if (m->matched == m->delimlen) {
		m->state = AFTER;
		m->dash = 0;
	} else if (i < n)
		return no_delim(m, m->matched);
	return 0;
}

static int
part_end(struct multipart *m)
{
	if (!m->open)
		return 0;
	m->open = 0;
	return m->sink->end(m->arg);
}

/* What follows the boundary's text says whether it is one (M2). */
static int
after(struct multipart *m, char c, size_t *used)
{
	int r;

	if (c == '-' && m->dash == 0)
		m->dash = 1;
	else if (c == '-') {
		/* No part at all is a form without fields, and nothing else. */
		if (m->parts == 0 && m->around > 0)
			return SSTATE_EPARSE;
		m->state = EPILOGUE;
		return part_end(m);
	} else if (m->dash == 0 && (c == ' ' || c == '\t'))
		m->state = PADDING;
	else if (m->dash == 0 && c == '\r')
		m->state = AFTER_LF;
	else if (m->dash == 0 && c == '\n')
		return SSTATE_EPARSE;
	else {
		/* A longer word that begins like ours: it is data. */
		*used = 0;
		m->state = m->open ? DATA : PREAMBLE;
		if ((r = no_delim(m, m->delimlen)) != 0)
			return r;
		return plain(m, "-", (size_t)m->dash);
	}
	return 0;
}

static int
octet(struct multipart *m, char c, size_t *used)
{
	*used = 1;
	switch (m->state) {
	case AFTER:
		return after(m, c, used);
	case PADDING:
		if (c == '\r')
			m->state = AFTER_LF;
		else if (c != ' ' && c != '\t')
			return SSTATE_EPARSE;
		return ++m->around > LIMIT_AROUND_BYTES ? SSTATE_ETOOBIG : 0;
	case AFTER_LF:
		if (c != '\n')
			return SSTATE_EPARSE;
		if (++m->parts > LIMIT_PARTS)
			return SSTATE_ETOOBIG;
		m->state = HEAD;
		m->headlen = m->line = 0;
		return part_end(m);
	case HEAD:
		return head_octet(m, c);
	default:
		return head_line_end(m, c);
	}
}

int
multipart_feed(struct multipart *m, const char *p, size_t n)
{
	size_t used;
	int r;

	for (; n > 0; p += used, n -= used) {
		if (m->state == EPILOGUE) {
			used = n;
			r = plain(m, p, n);
		} else if (m->state == PREAMBLE || m->state == DATA)
			r = scan(m, p, n, &used);
		else
			r = octet(m, *p, &used);
		if (r != 0)
			return r;
	}
	return 0;
}

int
multipart_end(const struct multipart *m)
{
	return m->state == EPILOGUE ? 0 : SSTATE_EPARSE;
}
