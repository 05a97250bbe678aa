/*
 * record.c - what a session's record holds: bytes <-> names and values
 *
 * Invariant: one content has one form (PROTOCOL.record, Payload): what
 * rec_decode() takes, rec_encode() writes again octet by octet, and what
 * rec_encode() writes without a failure, rec_decode() takes.
 */
#include "record/record.h"

#include <string.h>

#include <securestate.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hint.h"
#include "record/form.h"
#include "record/marks.h"

enum {
	NAME_MIN = 3, /* octets of the shortest name: head, NUL, count */
	VALUE_MIN = 2, /* of the shortest value: length, NUL */
	RESERVE = 32 /* names for which room is made on their word */
};

/* What is left to decode; the first failure stays, and takes give 0 then. */
struct in {
	const uint8_t *p, *end;
	int bad;
};

void
rec_init(struct rec *r, struct arena *a)
{
	memset(r, 0, sizeof(*r));
	table_init(&r->vals, a);
}

int
rec_copy(struct rec *dst, const struct rec *src)
{
	*dst = *src;
	table_init(&dst->vals, src->vals.a);
	return table_copy(&dst->vals, &src->vals);
}

/* ---- Decode ---- */

static size_t
left(const struct in *in)
{
	return (size_t)(in->end - in->p);
}

static void
spoil(struct in *in, int code)
{
	if (in->bad == 0)
		in->bad = code;
	in->p = in->end;
}

static const uint8_t *
take(struct in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (n > left(in)) {
		spoil(in, SSTATE_EPARSE);
		return NULL;
	}
	in->p += n;
	return p;
}

/*
 * The shortest form only: no last group of zeros, no bit beyond the 64th;
 * over is the failure of a value beyond max.  Returns where the next one
 * begins.  It knows no struct in, so that one can live in registers.
 */
static const uint8_t *
take_long(uint64_t *out, int *bad, const uint8_t *p, const uint8_t *end,
    uint64_t max, int over)
{
	uint64_t v = 0;
	unsigned shift, b;

	*out = 0;
	*bad = SSTATE_EPARSE;
	for (shift = 0; shift < 64 && p != end; shift += 7) {
		b = *p++;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b >= 0x80)
			continue;
		if (b == 0 && shift > 0)
			break;
		*bad = v <= max ? 0 : over;
		if (*bad == 0)
			*out = v;
		break;
	}
	return p;
}

static inline uint64_t
take_int(struct in *in, uint64_t max, int over)
{
	uint64_t v;
	int bad;

	if (in->p != in->end && *in->p < 0x80 && *in->p <= max)
		return *in->p++; /* nearly all of them */
	in->p = take_long(&v, &bad, in->p, in->end, max, over);
	if (bad != 0)
		spoil(in, bad);
	return v;
}

static int64_t
take_time(struct in *in)
{
	return (int64_t)take_int(in, INT64_MAX, SSTATE_EPARSE);
}

/* n octets with the NUL after them. */
static inline const char *
take_text(struct in *in, uint64_t n)
{
	const uint8_t *p;

	if (n >= left(in)) {
		spoil(in, SSTATE_EPARSE);
		return NULL;
	}
	p = in->p;
	in->p += n + 1;
	if (p[n] != '\0') {
		spoil(in, SSTATE_EPARSE);
		return NULL;
	}
	return (const char *)p;
}

/* One name; its values go to v, which ends at end.  The next one's go there. */
static inline struct sstate_val *
take_name(struct table *t, struct in *in, struct sstate_val *v,
    const struct sstate_val *end)
{
	uint64_t head, len, n;
	struct entry *e;
	const char *name, *p;
	struct sstate_val *first = v;
	int r;

	head = take_int(in, LIMIT_NAME_BYTES << 1 | 1, SSTATE_ETOOBIG);
	name = take_text(in, head >> 1);
	n = take_int(in, (uint64_t)(end - v), SSTATE_EPARSE);
	for (; n > 0; n--, v++) {
		len = take_int(in, left(in), SSTATE_EPARSE);
		if ((p = take_text(in, len)) == NULL)
			return v;
		v->ptr = p;
		v->len = (size_t)len;
	}
	if (in->bad != 0)
		return v;
	/* Twice (which one would win?), or with a NUL inside. */
	e = table_new(&r, t, name, head >> 1, first, (size_t)(v - first));
	if (e == NULL) {
		spoil(in, r == SSTATE_EEXIST ? SSTATE_EPARSE : r);
		return v;
	}
	e->counts = head & 1;
	e->as_read = 1;
	return v;
}

/* The map, to the end; how many values there are at most. */
static size_t
take_map(struct table *t, struct arena *a, struct in *from)
{
	struct in in = *from;
	struct sstate_val *v, *end;
	uint64_t names, total;

	/* Before memory is taken: could so many be there at all? */
	names = take_int(&in, left(&in) / NAME_MIN, SSTATE_EPARSE);
	total = take_int(&in, left(&in) / VALUE_MIN, SSTATE_EPARSE);
	if (in.bad != 0)
		goto out;
	v = arena_get(a, (size_t)total * sizeof(*v));
	if (v == NULL ||
	    table_reserve(t, names < RESERVE ? (uint32_t)names : RESERVE) !=
		0) {
		spoil(&in, SSTATE_ENOMEM);
		goto out;
	}
	for (end = v + total; names > 0 && in.bad == 0; names--)
		v = take_name(t, &in, v, end);
	if (v != end || in.p != in.end)
		spoil(&in, SSTATE_EPARSE);
out:
	*from = in;
	return (size_t)(total + t->n);
}

static APART void
once_list(struct rec *r, struct arena *a, struct in *in, size_t n)
{
	const struct rec_once *last = NULL;
	struct rec_once *list, *o;
	const uint8_t *p;
	size_t i;

	if ((list = arena_get(a, n * sizeof(*list))) == NULL) {
		spoil(in, SSTATE_ENOMEM);
		return;
	}
	for (i = 0; i < n; i++, last = o) {
		o = &list[i];
		if ((p = take(in, sizeof(o->jti))) == NULL)
			return;
		memcpy(o->jti, p, sizeof(o->jti));
		o->issued = take_time(in);
		/* Beyond the floor and in order: one form for one set. */
		if (o->issued <= r->once_floor ||
		    (last != NULL && marks_order(last, o->jti, o->issued) >= 0))
			spoil(in, SSTATE_EPARSE);
		if (in->bad != 0)
			return;
	}
	r->once = list;
	r->nonce = n;
}

static APART void
commit_list(struct rec *r, struct arena *a, struct in *in, size_t n)
{
	const uint8_t *p;
	uint64_t *list;
	size_t i;

	if ((p = take(in, n * 8)) == NULL)
		return;
	if ((list = arena_get(a, n * sizeof(*list))) == NULL) {
		spoil(in, SSTATE_ENOMEM);
		return;
	}
	r->commit = list;
	for (i = 0; i < n; i++, p += 8) {
		if (rec_commit_known(r, get64(p)))
			spoil(in, SSTATE_EPARSE);
		list[r->ncommit++] = get64(p);
	}
}

/* Most records have no marks. */
static void
take_marks(struct rec *r, struct arena *a, struct in *in)
{
	size_t n;

	r->once_floor = take_time(in);
	n = (size_t)take_int(in, LIMIT_ONCE, SSTATE_ETOOBIG);
	if (n > 0)
		once_list(r, a, in, n);
	n = (size_t)take_int(in, LIMIT_COMMIT_IDS, SSTATE_ETOOBIG);
	if (n > 0)
		commit_list(r, a, in, n);
}

static void
take_live(struct rec *r, struct arena *a, unsigned flags, struct in *in)
{
	const uint8_t *p;
	uint64_t n;

	r->mindset = (uint8_t)((flags & F_MINDSET) >> F_MINDSET_SHIFT);
	r->fresh = (flags & F_FRESH) != 0;
	if (r->mindset > SSTATE_UNFORGETFUL)
		spoil(in, SSTATE_EPARSE);
	if ((p = take(in, sizeof(r->psk))) != NULL)
		memcpy(r->psk, p, sizeof(r->psk));
	r->id_since = take_time(in);
	r->login = take_time(in);
	if (flags & F_USER) {
		n = take_int(in, LIMIT_USER_BYTES, SSTATE_ETOOBIG);
		r->user = take_text(in, n);
		if (r->user != NULL && memchr(r->user, '\0', n) != NULL)
			spoil(in, SSTATE_EPARSE);
	}
	if (r->kind == REC_MOVED) {
		r->grace_until = take_time(in);
		if ((p = take(in, sizeof(r->succ))) != NULL)
			memcpy(r->succ, p, sizeof(r->succ));
	}
	take_marks(r, a, in);
	r->most_bytes = left(in);
	r->most_values = take_map(&r->vals, a, in);
}

int
rec_decode(struct rec *out, struct arena *a, const uint8_t *p, size_t n)
{
	struct in in = { p, p + n, 0 };
	unsigned flags;

	rec_init(out, a);
	if (n > LIMIT_RECORD_BYTES)
		return SSTATE_ETOOBIG;
	if (n < 2 || p[0] != PAYLOAD_VERSION)
		return SSTATE_EPARSE;
	flags = p[1];
	in.p += 2;
	out->kind = flags & F_KIND;
	if ((flags & ~(unsigned)F_ALL) != 0 || out->kind > REC_MOVED)
		spoil(&in, SSTATE_EPARSE);
	else if (out->kind != REC_ENDED)
		take_live(out, a, flags, &in);
	else if (flags != REC_ENDED || n != 2)
		spoil(&in, SSTATE_EPARSE);
	if (in.bad != 0)
		rec_init(out, a);
	return in.bad;
}

int
map_decode(struct table *out, struct arena *a, const uint8_t *p, size_t n)
{
	struct in in = { p, p + n, 0 };

	table_init(out, a);
	if (n > LIMIT_RECORD_BYTES)
		return SSTATE_ETOOBIG;
	(void)take_map(out, a, &in);
	if (in.bad != 0)
		table_init(out, a);
	return in.bad;
}

/* ---- Weight ---- */

APART size_t
rec_weight(const struct rec *r, size_t *values)
{
	const struct table *t = &r->vals;
	size_t bytes = 0, n = 0, k;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		if (!t->e[i].present)
			continue;
		bytes += t->e[i].len;
		for (k = 0; k < t->e[i].n; k++)
			bytes += t->e[i].vals[k].len;
		/* An empty list takes room too: none is free of charge. */
		n += t->e[i].n > 0 ? t->e[i].n : 1;
	}
	*values = n;
	return bytes;
}
